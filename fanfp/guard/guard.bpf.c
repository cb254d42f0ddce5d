// SPDX-License-Identifier: GPL-2.0
/*
 * Fast path of `fanfp guard`: answer opens of files whose content was judged
 * and is still the same; ask the listener about all others.
 *
 * When does a verdict hold? Content is changed only by somebody who has write
 * access to the inode, which i_writecount counts: for as long as a file is open
 * for writing or mapped shared from such a file, and during truncate(2).
 * Stores through a mapping cause no event, so while there is a writer nothing
 * is known. That a writer has come and gone is told by an event *before* it
 * drops its write access: FAN_CLOSE_WRITE by __fput(), FAN_MODIFY by truncate.
 * guard_changed() counts these events in the inode's generation. The listener
 * reads the generation before a scan and stores it with the verdict. So, for an
 * open that finds no writer, and after that the generation of the verdict:
 *
 *  - a writer that was there when the scan began or came later has dropped its
 *    access, because there is no writer now, and has counted up before that,
 *    after the listener read the generation: they differ;
 *  - one that counted up before the listener read the generation, and has not
 *    dropped its access yet, does not change anything any more: of a file that
 *    __fput() has got there are no more users, and truncate is done.
 *
 * The order matters: the writers are looked at first, then the generation,
 * with a full barrier between. On the other side there is one as well, which is
 * srcu_read_unlock() in fsnotify().
 *
 * An open that is asked about while there is a writer counts up, too: it may not
 * be answered from a scan that began earlier.
 *
 * Pages that were mapped shared, by somebody who could write, may be pinned: by
 * io_uring's registered buffers, process_vm_writev(), a device. Who has pinned them
 * writes to them after all descriptors and mappings are gone, and nothing tells.
 * So guard_mmap() and guard_mmap_backing() note such a mapping, when it is made, and
 * nothing is known of the file from then on, for as long as its pages can be those
 * that were mapped.
 *
 * Change time and size are compared, too. They cover the files that cause no
 * events: those that another fanotify listener has got with its events, if it
 * asked for writable ones. Its stores through a mapping to pages that are dirty
 * already would go unnoticed; such a listener has CAP_SYS_ADMIN.
 *
 * A group that gets file descriptors does not get the FAN_MODIFY of truncate(2),
 * which has no path, and one that can be asked can get nothing else. So there
 * are two groups: one is asked, the other one only counts.
 *
 * All this is lost when the inode is evicted from memory: both values are part
 * of it, and without them the content is unknown.
 */
#include "common/fastpath.bpf.h"
#include <bpf/bpf_tracing.h>

#include "common/counts.bpf.h"
#include "guard/guard_bpf.h"

char _license[] SEC("license") = "GPL";

#define EPERM		1
#define ENOMEM		12
#define MAP_TYPE	0x0f
#define MAP_PRIVATE	0x02
#define FMODE_WRITE	2
#define VM_SHARED	8
#define I_CTIME_QUERIED	(1U << 31)
#define MAX_PARENTS	16

struct vm_area_struct {
	unsigned long vm_flags;
} __attribute__((preserve_access_index));

/* Set before the programs are loaded */
const volatile __u32 max_pending;	/* 0: any number */
const volatile bool stuck_deny;
const volatile bool observe;

__u32 own_tgid;

struct {
	COUNTS(struct guard_counts);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct guard_seen);
} seen SEC(".maps");

/* Written by the listener, by the descriptor that came with the event */
struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct guard_verdict);
} verdicts SEC(".maps");

static const struct guard_verdict *find_verdict(struct inode *inode)
{
	const struct guard_verdict *verdict;
	struct guard_seen *was;
	__u64 none = 0;

	if (inode->i_writecount.counter > 0)
		return NULL;

	verdict = bpf_inode_storage_get(&verdicts, inode, 0, 0);
	was = bpf_inode_storage_get(&seen, inode, 0, 0);
	if (!verdict || !was)
		return NULL;

	/* Atomic with fetch: that is the full barrier. */
	barrier_var(none);
	if (__sync_fetch_and_add(&was->gen, none) != verdict->gen ||
	    was->mapped)
		return NULL;
	if (inode->i_ctime_sec != verdict->ctime_sec ||
	    (inode->i_ctime_nsec & ~I_CTIME_QUERIED) != verdict->ctime_nsec ||
	    inode->i_size != verdict->size)
		return NULL;
	return verdict;
}

/* A scanner must not wait for a scan; nor what it starts. */
static bool is_own(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int i;

	for (i = 0; i < MAX_PARENTS && task; i++) {
		if (task->tgid == own_tgid)
			return true;
		if (task->tgid <= 1)
			return false;
		task = task->real_parent;
	}
	return false;
}

static int ask(struct fsnotify_group *group, struct inode *inode)
{
	struct guard_seen new = {}, *was;

	if (max_pending &&
	    group->fanotify_data.pending.counter >= max_pending) {
		COUNT(stuck);
		return stuck_deny && !observe ? -EPERM : FAN_FP_RET_SKIP_EVENT;
	}

	was = bpf_inode_storage_get(&seen, inode, &new,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (was && inode->i_writecount.counter > 0)
		__sync_fetch_and_add(&was->gen, 1);
	COUNT(asked);
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

SEC("struct_ops/permission")
int BPF_PROG(guard_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode)
{
	const struct guard_verdict *verdict = find_verdict(inode);
	int inside;

	if (verdict && !verdict->deny) {
		COUNT(opens);
		COUNT(allowed);
		return FAN_FP_RET_SKIP_EVENT;
	}

	inside = bpf_fanotify_is_subdir(group, dentry, NULL);
	if (!inside) {
		COUNT(outside);
		return FAN_FP_RET_SKIP_EVENT;
	}

	COUNT(opens);
	if (is_own()) {
		COUNT(own);
		return FAN_FP_RET_SKIP_EVENT;
	}
	if (!inode->i_size) {
		COUNT(empty);
		return FAN_FP_RET_SKIP_EVENT;
	}
	if (inside < 0)
		/* The verdict is one of a file inside: this may be another. */
		COUNT(undecided);
	else if (verdict) {
		COUNT(denied);
		return observe ? FAN_FP_RET_SKIP_EVENT : -EPERM;
	}
	return ask(group, inode);
}

SEC("struct_ops/filter")
int BPF_PROG(guard_changed, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode)
{
	struct guard_seen *was;

	/* Only the marks of the guarded directories ask for it. */
	if (mask & FAN_DELETE_SELF)
		return FAN_FP_RET_SEND_TO_USERSPACE;

	was = inode ? bpf_inode_storage_get(&seen, inode, 0, 0) : NULL;
	if (was) {
		__sync_fetch_and_add(&was->gen, 1);
		COUNT(changes);
	}
	return FAN_FP_RET_SKIP_EVENT;
}

/*
 * On all filesystems: it costs those who map shared and could write. Without the
 * note there must be no mapping, as then nothing would be known of what it is for.
 */
static int note_mapping(struct inode *inode)
{
	struct guard_seen new = {}, *was;

	was = bpf_inode_storage_get(&seen, inode, &new,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!was)
		return observe ? 0 : -ENOMEM;
	was->mapped = 1;
	return 0;
}

SEC("lsm/mmap_file")
int BPF_PROG(guard_mmap, struct file *file, unsigned long reqprot,
	     unsigned long prot, unsigned long flags, int ret)
{
	if (ret || !file || !(file->f_mode & FMODE_WRITE) ||
	    (flags & MAP_TYPE) == MAP_PRIVATE)
		return ret;
	return note_mapping(file->f_inode);
}

/* The file of an overlay or FUSE is another one than that whose pages it maps. */
SEC("lsm/mmap_backing_file")
int BPF_PROG(guard_mmap_backing, struct vm_area_struct *vma,
	     struct file *backing_file, struct file *user_file, int ret)
{
	if (ret || !(backing_file->f_mode & FMODE_WRITE) ||
	    !(vma->vm_flags & VM_SHARED))
		return ret;
	return note_mapping(backing_file->f_inode);
}

/* The listener may not know its number here: it may be in a PID namespace. */
SEC("syscall")
int guard_who_am_i(void *ctx)
{
	own_tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops guard_ops = {
	.permission	= (void *)guard_permission,
	.name		= "fanfp_guard",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops changes_ops = {
	.filter		= (void *)guard_changed,
	.name		= "fanfp_changes",
};
