// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that must not load. prog_tests/fanotify_fastpath_fail.c knows what
 * the verifier has to say about each, and loads them one at a time: a struct_ops
 * map takes its program with it, so the map of program X is named X_ops.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "fanotify_fastpath_common.h"

char _license[] SEC("license") = "GPL";

#define FILTER(prog)						\
	BPF_PROG(prog, struct fsnotify_group *group, __u32 mask,	\
		 struct inode *inode, struct inode *dir,	\
		 struct dentry *dentry, const struct qstr *name)

#define OPS(prog)						\
	SEC(".struct_ops.link")					\
	struct fanotify_fastpath_ops prog##_ops = {		\
		.filter	= (void *)prog,				\
		.name	= #prog,				\
	}

/* It would sleep with fsnotify_mark_srcu and the locks of the operation held. */
SEC("struct_ops.s/filter")
int FILTER(sleepable)
{
	return FAN_FP_RET_SKIP_EVENT;
}

/* Any of these is NULL for some event. */
SEC("struct_ops/filter")
int FILTER(unchecked_inode)
{
	return inode->i_ino & 1;
}

SEC("struct_ops/filter")
int FILTER(unchecked_dir)
{
	return dir->i_ino & 1;
}

SEC("struct_ops/filter")
int FILTER(unchecked_dentry)
{
	return dentry->d_name.len & 1;
}

SEC("struct_ops/filter")
int FILTER(unchecked_name)
{
	return name->len & 1;
}

/* A dentry may have no inode yet. */
SEC("struct_ops/filter")
int FILTER(unchecked_dentry_inode)
{
	return dentry ? dentry->d_inode->i_ino & 1 : 0;
}

SEC("struct_ops/filter")
int FILTER(unchecked_root)
{
	int status;

	return bpf_fanotify_subtree_root(group, NULL, NULL, &status)->i_ino & 1;
}

SEC("struct_ops/filter")
int FILTER(write_group)
{
	group->max_events = 0;
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
int FILTER(write_inode)
{
	if (inode)
		inode->i_mode = 0;
	return FAN_FP_RET_SKIP_EVENT;
}

/* The walk follows its parents: it must be a dentry that the event holds. */
SEC("struct_ops/filter")
int FILTER(walked_dentry)
{
	if (!dentry)
		return FAN_FP_RET_SKIP_EVENT;
	return bpf_fanotify_is_subdir(group, dentry->d_parent, NULL) == 1;
}

SEC("struct_ops/filter")
int FILTER(no_group)
{
	return bpf_fanotify_is_subdir(NULL, NULL, NULL) == 1;
}

/* A filter decides about events and acts on nothing. */
SEC("struct_ops/filter")
int FILTER(send_signal)
{
	bpf_send_signal(9);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
int FILTER(send_signal_thread)
{
	bpf_send_signal_thread(9);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
int FILTER(probe_write_user)
{
	bpf_probe_write_user((void *)16, &mask, sizeof(mask));
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
int FILTER(override_return)
{
	bpf_override_return((void *)ctx, 0);
	return FAN_FP_RET_SKIP_EVENT;
}

/* Of the fs kfuncs, only bpf_path_d_path() is for these programs. */
SEC("struct_ops/filter")
int FILTER(exe_file)
{
	struct file *file;

	file = bpf_get_task_exe_file(bpf_get_current_task_btf());
	if (file)
		bpf_put_file(file);
	return FAN_FP_RET_SKIP_EVENT;
}

/* Only these programs run with fsnotify_mark_srcu held. */
SEC("tp_btf/fanotify_fastpath")
int BPF_PROG(is_subdir_in_tracing)
{
	return bpf_fanotify_is_subdir(NULL, NULL, NULL);
}

SEC("lsm/inode_unlink")
int BPF_PROG(subtree_root_in_lsm, struct inode *dir, struct dentry *dentry)
{
	int status;

	bpf_fanotify_subtree_root(NULL, dentry, dir, &status);
	return 0;
}

SEC("struct_ops/ssthresh")
__u32 BPF_PROG(is_subdir_in_tcp, struct sock *sk)
{
	return bpf_fanotify_is_subdir(NULL, NULL, NULL);
}

OPS(sleepable);
OPS(unchecked_inode);
OPS(unchecked_dir);
OPS(unchecked_dentry);
OPS(unchecked_name);
OPS(unchecked_dentry_inode);
OPS(unchecked_root);
OPS(write_group);
OPS(write_inode);
OPS(walked_dentry);
OPS(no_group);
OPS(send_signal);
OPS(send_signal_thread);
OPS(probe_write_user);
OPS(override_return);
OPS(exe_file);

SEC(".struct_ops.link")
struct tcp_congestion_ops is_subdir_in_tcp_ops = {
	.ssthresh	= (void *)is_subdir_in_tcp,
	.name		= "bpf_fanotify",
};
