// SPDX-License-Identifier: GPL-2.0
/*
 * Fast path of `fanfp deny`: refuse opens of listed files, and of everything in
 * listed directories. The files carry inode storage, the directories are the
 * subtree roots of the group. The listener is asked only about an open of which
 * the kernel cannot tell whether it is inside.
 */
#include "common/fastpath.bpf.h"
#include <bpf/bpf_tracing.h>

#include "common/counts.bpf.h"
#include "deny/deny_bpf.h"

char _license[] SEC("license") = "GPL";

#define EPERM	1

/* Set before the program is loaded */
const volatile bool has_dirs;

__u32 own_tgid;

struct {
	COUNTS(struct deny_counts);
} counts SEC(".maps");

/* Written by the listener. A listed file is marked, and so stays in memory. */
struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} files SEC(".maps");

SEC("struct_ops/permission")
int BPF_PROG(deny_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode)
{
	int inside;

	if (bpf_get_current_pid_tgid() >> 32 == own_tgid)
		return FAN_FP_RET_SKIP_EVENT;

	COUNT(opens);
	if (bpf_inode_storage_get(&files, inode, 0, 0)) {
		COUNT(denied_files);
		return -EPERM;
	}
	if (!has_dirs)
		return FAN_FP_RET_SKIP_EVENT;

	inside = bpf_fanotify_is_subdir(group, dentry, NULL);
	if (inside < 0) {
		COUNT(asked);
		return FAN_FP_RET_SEND_TO_USERSPACE;
	}
	if (!inside)
		return FAN_FP_RET_SKIP_EVENT;
	COUNT(denied_below);
	return -EPERM;
}

/* The listener may not know its number here: it may be in a PID namespace. */
SEC("syscall")
int deny_who_am_i(void *ctx)
{
	own_tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops deny_ops = {
	.permission	= (void *)deny_permission,
	.name		= "fanfp_deny",
};
