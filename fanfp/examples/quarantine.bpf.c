// SPDX-License-Identifier: GPL-2.0
/*
 * Programs of the example quarantine. The LSM programs see who opens a file for
 * writing, which no fanotify event tells, and note it in the inode's storage. The
 * fast path reads it there, and so decides about an exec without the listener.
 *
 * Inode storage does not outlive the inode. So the listener makes a note in an
 * extended attribute, too. It is sent the FAN_CLOSE_WRITE of what is quarantined:
 * the event keeps the inode in memory until then. When a file is opened to be
 * executed, an LSM program reads the attribute, if the inode has no storage yet;
 * that happens before the fast path is asked about the same open.
 *
 * Removing the attribute ends the quarantine. That is refused while somebody has
 * the file open for writing, whose further writes would go unnoticed. It clears
 * what was opened before that was looked at. Who opens it later is counted, and
 * the file is in quarantine then, and gets the attribute when it is closed, even
 * if that is over before the attribute has gone.
 */
#include "common/fastpath.bpf.h"
#include <bpf/bpf_tracing.h>

#include "examples/quarantine_bpf.h"

char _license[] SEC("license") = "GPL";

#define EPERM		1
#define ENOMEM		12
#define ENODATA		61
#define ETXTBSY		26
#define FMODE_WRITE	(1 << 1)
#define FMODE_EXEC	(1 << 5)
#define S_IFMT		00170000
#define S_IFREG		0100000

struct mnt_idmap;

extern int bpf_get_file_xattr(struct file *file, const char *name__str,
			      struct bpf_dynptr *value_p) __ksym;

struct quarantine_counts counts;

#define COUNT(name)	__sync_fetch_and_add(&counts.name, 1)

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct quarantine_state);
} states SEC(".maps");

static const char xattr_name[] = QUARANTINE_XATTR;

/* The attribute's value, which says nothing; a dynptr must not be on the stack */
char unused[8];

/* Returns what there is already, if another CPU was faster. */
static struct quarantine_state *get_state(struct inode *inode, bool marked)
{
	struct quarantine_state new = { .marked = marked };

	return bpf_inode_storage_get(&states, inode, &new,
				     BPF_LOCAL_STORAGE_GET_F_CREATE);
}

SEC("lsm/file_open")
int BPF_PROG(quarantine_write, struct file *file)
{
	struct inode *inode = file->f_inode;
	struct quarantine_state *state;

	if (!(file->f_mode & FMODE_WRITE) ||
	    (inode->i_mode & S_IFMT) != S_IFREG ||
	    bpf_current_task_under_cgroup(&cgroup, 0) != 1)
		return 0;
	COUNT(writes);
	state = get_state(inode, false);
	if (!state)
		return -ENOMEM;
	__sync_fetch_and_add(&state->opens, 1);
	return 0;
}

/* A program of its own, because it sleeps: the other one's map is not for that. */
SEC("lsm.s/file_open")
int BPF_PROG(quarantine_read, struct file *file)
{
	struct inode *inode = file->f_inode;
	struct bpf_dynptr value;
	int len;

	if (!(file->f_flags & FMODE_EXEC) ||
	    bpf_inode_storage_get(&states, inode, 0, 0))
		return 0;
	bpf_dynptr_from_mem(unused, sizeof(unused), 0, &value);
	len = bpf_get_file_xattr(file, xattr_name, &value);
	/* Else it is not known, as when the task must not read the file. */
	if (len >= 0 || len == -ENODATA)
		get_state(inode, len >= 0);
	return 0;
}

static bool is_ours(const char *name)
{
	char buf[sizeof(xattr_name) + 1] = {};

	bpf_probe_read_kernel_str(buf, sizeof(buf), name);
	return !bpf_strncmp(buf, sizeof(buf), xattr_name);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(quarantine_removexattr, struct mnt_idmap *idmap,
	     struct dentry *dentry, const char *name)
{
	struct inode *inode = dentry->d_inode;
	struct quarantine_state *state;

	if (!inode || !is_ours(name))
		return 0;
	/*
	 * With a full barrier: who is not seen as a writer any more was counted
	 * before, who is not one yet is counted later. inode_lock is held here and
	 * until after the next program.
	 */
	state = bpf_inode_storage_get(&states, inode, 0, 0);
	if (state)
		state->noted = __sync_fetch_and_add(&state->opens, 0);
	return inode->i_writecount.counter > 0 ? -ETXTBSY : 0;
}

SEC("lsm/inode_post_removexattr")
int BPF_PROG(quarantine_removed, struct dentry *dentry, const char *name)
{
	struct inode *inode = dentry->d_inode;
	struct quarantine_state *state;

	if (!inode || !is_ours(name))
		return 0;
	/* Made, so that who has read the attribute before does not. */
	state = get_state(inode, false);
	if (!state)
		return 0;
	state->cleared = state->noted;
	state->marked = false;
	return 0;
}

SEC("struct_ops/permission")
int BPF_PROG(quarantine_exec, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode)
{
	const struct quarantine_state *state;

	state = bpf_inode_storage_get(&states, inode, 0, 0);
	if (!state) {
		COUNT(asked);
		return FAN_FP_RET_SEND_TO_USERSPACE;
	}
	if (is_quarantined(state)) {
		COUNT(denied);
		return -EPERM;
	}
	COUNT(allowed);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
int BPF_PROG(quarantine_closed, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode)
{
	const struct quarantine_state *state;

	state = inode ? bpf_inode_storage_get(&states, inode, 0, 0) : NULL;
	return state && is_quarantined(state) ? FAN_FP_RET_SEND_TO_USERSPACE :
		FAN_FP_RET_SKIP_EVENT;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops quarantine_ops = {
	.filter		= (void *)quarantine_closed,
	.permission	= (void *)quarantine_exec,
	.name		= "example_quarantine",
};
