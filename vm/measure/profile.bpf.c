// SPDX-License-Identifier: GPL-2.0
/*
 * The fast path programs that vm/measure/profile.c measures: each does one thing.
 */
#include "common/fastpath.bpf.h"
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, int);
} verdicts SEC(".maps");

SEC("struct_ops/filter")
int BPF_PROG(skip, struct fsnotify_group *group, __u32 mask)
{
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
int BPF_PROG(allow, struct fsnotify_group *group, __u32 mask)
{
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
int BPF_PROG(storage, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode)
{
	int *verdict = bpf_inode_storage_get(&verdicts, inode, 0,
					     BPF_LOCAL_STORAGE_GET_F_CREATE);

	return verdict && !*verdict ? FAN_FP_RET_SKIP_EVENT :
				      FAN_FP_RET_SEND_TO_USERSPACE;
}

SEC("struct_ops/filter")
int BPF_PROG(subtree, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	if (dentry && bpf_fanotify_is_subdir(group, dentry, NULL) == 0)
		return FAN_FP_RET_SKIP_EVENT;
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops skip_ops = {
	.filter		= (void *)skip,
	.name		= "skip",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops allow_ops = {
	.permission	= (void *)allow,
	.name		= "allow",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops storage_ops = {
	.permission	= (void *)storage,
	.name		= "storage",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops subtree_ops = {
	.filter		= (void *)subtree,
	.name		= "subtree",
};
