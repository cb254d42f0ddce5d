// SPDX-License-Identifier: GPL-2.0
/*
 * Fast path of `fanfp watch`: send the events of the watched subtrees, skip all
 * others. The subtree roots are the directories that the group has marked.
 */
#include "common/fastpath.bpf.h"
#include <bpf/bpf_tracing.h>

#include "watch/watch_bpf.h"

char _license[] SEC("license") = "GPL";

/* Set before the program is loaded */
const volatile __u32 own_tgid;
const volatile __u64 pidns_dev;		/* 0: the initial PID namespace */
const volatile __u64 pidns_ino;
const volatile bool has_excludes;

__u64 own;		/* events that fanfp caused itself, skipped */
__u64 undecided;	/* sent because the walk had no answer */

/* Root directory -> enum watch_policy. Not created without --exclude. */
struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} policies SEC(".maps");

/* Names of processes that caused an event: many are gone when it is read. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, char[COMM_LEN]);
} comms SEC(".maps");

/* As the listener knows it; 0 if it does not */
static __u32 current_tgid(void)
{
	struct bpf_pidns_info info;

	if (!pidns_ino)
		return bpf_get_current_pid_tgid() >> 32;
	if (bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, &info,
					sizeof(info)))
		return 0;
	return info.tgid;
}

static bool is_wanted(struct fsnotify_group *group, struct dentry *dentry,
		      struct inode *dir)
{
	struct inode *root;
	__u32 *policy;
	int status;

	if (has_excludes) {
		root = bpf_fanotify_subtree_root(group, dentry, dir, &status);
		if (root) {
			policy = bpf_inode_storage_get(&policies, root, 0, 0);
			if (policy && *policy == WATCH_EXCLUDE)
				return false;
		}
	} else {
		status = bpf_fanotify_is_subdir(group, dentry, dir);
	}

	if (status < 0)
		__sync_fetch_and_add(&undecided, 1);
	return status != 0;
}

SEC("struct_ops/filter")
int BPF_PROG(watch_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	__u32 tgid = current_tgid();
	char comm[COMM_LEN];
	bool wanted;

	/*
	 * The last to let go of a directory that was removed may be fanfp, which
	 * opens directories to tell their paths.
	 */
	if (tgid == own_tgid && !(mask & FAN_DELETE_SELF)) {
		own++;	/* fanfp has one thread */
		return FAN_FP_RET_SKIP_EVENT;
	}

	if (mask & FAN_DELETE_SELF)
		/* Only root marks ask for it. */
		wanted = true;
	else if (dentry)
		wanted = is_wanted(group, dentry, NULL);
	else if (dir)
		wanted = is_wanted(group, NULL, dir);
	else
		/*
		 * The link count of a file changed. The name that it gained or
		 * lost has an event of its own.
		 */
		wanted = false;

	/* dir is the old one, dentry the new place: either may be inside. */
	if (!wanted && (mask & FAN_RENAME) && dentry && dir)
		wanted = is_wanted(group, NULL, dir);

	if (!wanted)
		return FAN_FP_RET_SKIP_EVENT;

	if (tgid && !bpf_get_current_comm(comm, sizeof(comm)))
		bpf_map_update_elem(&comms, &tgid, comm, BPF_ANY);
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops watch_ops = {
	.filter	= (void *)watch_filter,
	.name	= "fanfp_watch",
};
