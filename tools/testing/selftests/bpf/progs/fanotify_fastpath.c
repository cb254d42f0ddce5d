// SPDX-License-Identifier: GPL-2.0
/*
 * The fast paths that prog_tests/fanotify_fastpath*.c attach: a fixed answer,
 * two subtree policies, and one that looks at all its arguments.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "fanotify_fastpath_common.h"
#include "fanotify_fastpath_types.h"

char _license[] SEC("license") = "GPL";

#define NR_EVENT_BITS	32

/* Answer of the programs "answer" and "answer2" */
int answer;
/* How often the subtree kfuncs did not know, and why the last time */
__u64 undecided;
int undecided_status;

/* What the program "args" got, by bit of the mask */
struct event_args event_args[NR_EVENT_BITS];

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} excluded SEC(".maps");

SEC("struct_ops/filter")
int BPF_PROG(answer_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	return answer;
}

SEC("struct_ops/filter")
int BPF_PROG(skip_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	return FAN_FP_RET_SKIP_EVENT;
}

static bool is_inside(struct fsnotify_group *group, struct dentry *dentry,
		      struct inode *dir)
{
	int ret = is_subdir(group, dentry, dir);

	if (ret < 0) {
		__sync_fetch_and_add(&undecided, 1);
		undecided_status = ret;
	}
	return ret;
}

/* Everything below a root, and renames in both directions */
SEC("struct_ops/filter")
int BPF_PROG(subtree_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	if (is_inside(group, dentry, dir))
		return FAN_FP_RET_SEND_TO_USERSPACE;
	if ((mask & FAN_RENAME) && is_inside(group, NULL, dir))
		return FAN_FP_RET_SEND_TO_USERSPACE;
	return FAN_FP_RET_SKIP_EVENT;
}

/* The nearest root decides: its subtree is included unless "excluded" has it */
SEC("struct_ops/filter")
int BPF_PROG(policy_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	struct inode *root;
	int status;

	root = subtree_root(group, dentry, dir, &status);
	if (status < 0) {
		__sync_fetch_and_add(&undecided, 1);
		return FAN_FP_RET_SEND_TO_USERSPACE;
	}
	if (!root)
		return FAN_FP_RET_SKIP_EVENT;
	if (bpf_inode_storage_get(&excluded, root, 0, 0))
		return FAN_FP_RET_SKIP_EVENT;
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

static void copy_name(char *to, const unsigned char *from)
{
	if (bpf_probe_read_kernel_str(to, FASTPATH_NAME_LEN, from) < 0)
		to[0] = '\0';
}

SEC("struct_ops/filter")
int BPF_PROG(args_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	struct inode *dentry_inode;
	struct inode *root;
	int bit, status;

	root = subtree_root(group, dentry, dir, &status);
	if (root ? status != 1 : status == 1)
		return -1;
	if (is_subdir(group, dentry, dir) != status || !group->max_events)
		return -1;

	bpf_for(bit, 0, NR_EVENT_BITS) {
		struct event_args *args = &event_args[bit];

		if (!(mask & (1U << bit)))
			continue;

		args->events++;
		args->inode = inode ? inode->i_ino : 0;
		args->dir = dir ? dir->i_ino : 0;
		args->has_dentry = !!dentry;
		args->dentry_inode = 0;
		args->dentry_name[0] = '\0';
		args->name[0] = '\0';
		if (dentry) {
			dentry_inode = dentry->d_inode;
			if (dentry_inode)
				args->dentry_inode = dentry_inode->i_ino;
			copy_name(args->dentry_name, dentry->d_name.name);
		}
		if (name)
			copy_name(args->name, name->name);
	}
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops answer_ops = {
	.filter	= (void *)answer_filter,
	.name	= "answer",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops answer2_ops = {
	.filter	= (void *)answer_filter,
	.name	= "answer2",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops skip_ops = {
	.filter	= (void *)skip_filter,
	.name	= "skip",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops skip2_ops = {
	.filter	= (void *)skip_filter,
	.name	= "skip2",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops subtree_ops = {
	.filter	= (void *)subtree_filter,
	.name	= "subtree",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops policy_ops = {
	.filter	= (void *)policy_filter,
	.name	= "policy",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops args_ops = {
	.filter	= (void *)args_filter,
	.name	= "args",
};
