// SPDX-License-Identifier: GPL-2.0
/*
 * Fast paths whose answer is that of somebody else: of a program that they jump
 * to, of one that replaces a function of theirs, of an exception.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_experimental.h"

char _license[] SEC("license") = "GPL";

/* Calls of the program that was jumped to */
__u64 landed;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

SEC("struct_ops/filter")
int BPF_PROG(jump, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	bpf_tail_call(ctx, &next, 0);
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

SEC("struct_ops/filter")
int BPF_PROG(land, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	/* The arguments came along. */
	if (inode && dentry && dentry->d_inode == inode)
		__sync_fetch_and_add(&landed, 1);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
int BPF_PROG(land_elsewhere, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	return -1;
}

/* What it returns must not be known to the compiler. */
__noinline int verdict(__u32 mask)
{
	asm volatile("" : "+r"(mask));
	return mask ? FAN_FP_RET_SEND_TO_USERSPACE : FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
int BPF_PROG(replaceable, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	return verdict(mask);
}

SEC("?freplace/verdict")
int replacement(__u32 mask)
{
	return mask ? FAN_FP_RET_SKIP_EVENT : FAN_FP_RET_SEND_TO_USERSPACE;
}

/* It acts on tasks no more than the program that it extends. */
SEC("?freplace/verdict")
int signalling_replacement(__u32 mask)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (task) {
		bpf_send_signal_task(task, 0, PIDTYPE_TGID, 0);
		bpf_task_release(task);
	}
	return FAN_FP_RET_SKIP_EVENT;
}

static __noinline int give_up(__u32 mask)
{
	if (mask)
		bpf_throw(FAN_FP_RET_SKIP_EVENT);
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

SEC("?struct_ops/filter")
int BPF_PROG(thrower, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	return give_up(mask);
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops jump_ops = {
	.filter	= (void *)jump,
	.name	= "jump",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops land_ops = {
	.filter		= (void *)land,
	.permission	= (void *)land_elsewhere,
	.name		= "land",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops replaceable_ops = {
	.filter	= (void *)replaceable,
	.name	= "replaceable",
};

SEC("?.struct_ops.link")
struct fanotify_fastpath_ops throw_ops = {
	.filter	= (void *)thrower,
	.name	= "throw",
};
