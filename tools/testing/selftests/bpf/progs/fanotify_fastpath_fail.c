// SPDX-License-Identifier: GPL-2.0
/* Programs that must not load, each with a struct_ops map of its own. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "bpf_misc.h"
#include "fanotify_fastpath_common.h"

char _license[] SEC("license") = "GPL";

#define FILTER(prog)						\
	BPF_PROG(prog, struct fsnotify_group *group, __u32 mask,	\
		 struct inode *inode, struct inode *dir,	\
		 struct dentry *dentry, const struct qstr *name)

#define PERMISSION(prog)					\
	BPF_PROG(prog, struct fsnotify_group *group, __u32 mask,	\
		 const struct path *path, struct dentry *dentry,	\
		 struct inode *inode, const struct file_range *range)

#define OPS(prog)						\
	SEC(".struct_ops.link")					\
	struct fanotify_fastpath_ops prog##_ops = {		\
		.filter	= (void *)prog,				\
		.name	= #prog,				\
	}

#define PERMISSION_OPS(prog)					\
	SEC(".struct_ops.link")					\
	struct fanotify_fastpath_ops prog##_ops = {		\
		.permission	= (void *)prog,			\
		.name		= #prog,			\
	}

/* It would sleep with fsnotify_mark_srcu and the locks of the operation held. */
SEC("struct_ops.s/filter")
__failure __msg("attach to unsupported member filter of struct fanotify_fastpath_ops")
int FILTER(sleepable)
{
	return FAN_FP_RET_SKIP_EVENT;
}

/* Any of these is NULL for some event. */
SEC("struct_ops/filter")
__failure __msg("invalid mem access 'trusted_ptr_or_null_'")
int FILTER(unchecked_inode)
{
	return inode->i_ino & 1;
}

SEC("struct_ops/filter")
__failure __msg("invalid mem access 'trusted_ptr_or_null_'")
int FILTER(unchecked_dir)
{
	return dir->i_ino & 1;
}

SEC("struct_ops/filter")
__failure __msg("invalid mem access 'trusted_ptr_or_null_'")
int FILTER(unchecked_dentry)
{
	return dentry->d_name.len & 1;
}

SEC("struct_ops/filter")
__failure __msg("invalid mem access 'trusted_ptr_or_null_'")
int FILTER(unchecked_name)
{
	return name->len & 1;
}

/* A dentry may have no inode yet. */
SEC("struct_ops/filter")
__failure __msg("invalid mem access 'trusted_ptr_or_null_'")
int FILTER(unchecked_dentry_inode)
{
	return dentry ? dentry->d_inode->i_ino & 1 : 0;
}

SEC("struct_ops/filter")
__failure __msg("invalid mem access 'rcu_ptr_or_null_'")
int FILTER(unchecked_root)
{
	int status;

	return bpf_fanotify_subtree_root(group, NULL, NULL, &status)->i_ino & 1;
}

SEC("struct_ops/filter")
__failure __msg("only read is supported")
int FILTER(write_group)
{
	group->max_events = 0;
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
__failure __msg("only read is supported")
int FILTER(write_inode)
{
	if (inode)
		inode->i_mode = 0;
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
__failure __msg("only read is supported")
int FILTER(write_dir)
{
	if (dir)
		dir->i_mode = 0;
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
__failure __msg("only read is supported")
int FILTER(write_dentry)
{
	if (dentry)
		dentry->d_flags = 0;
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
__failure __msg("only read is supported")
int FILTER(write_name)
{
	if (name)
		((struct qstr *)name)->len = 0;
	return FAN_FP_RET_SKIP_EVENT;
}

/* The arguments themselves */
SEC("struct_ops/filter")
__failure __msg("invalid bpf_context access off=8 size=8")
int FILTER(write_mask)
{
	ctx[1] = 0;
	return FAN_FP_RET_SKIP_EVENT;
}

/* There are six. */
SEC("struct_ops/filter")
__failure __msg("func 'filter' doesn't have 7-th argument")
int FILTER(seventh_argument)
{
	return ctx[6] & 1;
}

/* Any number is an answer, none is not. */
SEC("struct_ops/permission")
__failure __msg("R0 !read_ok")
__naked int no_answer(void)
{
	asm volatile ("exit;" ::: __clobber_all);
}

/* A member that returns a number cannot give a reference to its caller. */
SEC("struct_ops/filter")
__failure __msg("Unreleased reference")
int FILTER(kept_reference)
{
	return (long)bpf_task_acquire(bpf_get_current_task_btf());
}

/* The walk follows its parents: it must be a dentry that the event holds. */
SEC("struct_ops/filter")
__failure __msg("R2 must be referenced or trusted")
int FILTER(walked_dentry)
{
	if (!dentry)
		return FAN_FP_RET_SKIP_EVENT;
	return bpf_fanotify_is_subdir(group, dentry->d_parent, NULL) == 1;
}

SEC("struct_ops/filter")
__failure __msg("R3 must be referenced or trusted")
int FILTER(walked_dir)
{
	if (!dentry)
		return FAN_FP_RET_SKIP_EVENT;
	return bpf_fanotify_is_subdir(group, NULL,
				      dentry->d_parent->d_inode) == 1;
}

/* Nothing but RCU holds a root. */
SEC("struct_ops/filter")
__failure __msg("R3 must be referenced or trusted")
int FILTER(root_as_dir)
{
	struct inode *root;
	int status;

	root = bpf_fanotify_subtree_root(group, NULL, NULL, &status);
	if (!root)
		return FAN_FP_RET_SKIP_EVENT;
	return bpf_fanotify_is_subdir(group, NULL, root) == 1;
}

/* Marks are those of a group that the event holds, too. */
SEC("struct_ops/filter")
__failure __msg("R1 must be referenced or trusted")
int FILTER(cast_group)
{
	struct fsnotify_group *cast;

	cast = bpf_core_cast((void *)group, struct fsnotify_group);
	return bpf_fanotify_is_subdir(cast, NULL, NULL) == 1;
}

SEC("struct_ops/filter")
__failure __msg("Possibly NULL pointer passed to trusted R1")
int FILTER(no_group)
{
	return bpf_fanotify_is_subdir(NULL, NULL, NULL) == 1;
}

/* A filter decides about events and acts on nothing. */
SEC("struct_ops/filter")
__failure __msg("cannot use helper bpf_send_signal#")
int FILTER(send_signal)
{
	bpf_send_signal(9);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
__failure __msg("cannot use helper bpf_send_signal_thread#")
int FILTER(send_signal_thread)
{
	bpf_send_signal_thread(9);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
__failure __msg("calling kernel function bpf_send_signal_task is not allowed")
int FILTER(send_signal_task)
{
	bpf_send_signal_task(bpf_get_current_task_btf(), 9, PIDTYPE_TGID, 0);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
__failure __msg("cannot use helper bpf_probe_write_user#")
int FILTER(probe_write_user)
{
	bpf_probe_write_user((void *)16, &mask, sizeof(mask));
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
__failure __msg("cannot use helper bpf_override_return#")
int FILTER(override_return)
{
	bpf_override_return((void *)ctx, 0);
	return FAN_FP_RET_SKIP_EVENT;
}

/* Of the fs kfuncs, only bpf_path_d_path() is for the member permission, */
SEC("struct_ops/filter")
__failure __msg("calling kernel function bpf_get_task_exe_file is not allowed")
int FILTER(exe_file)
{
	struct file *file;

	file = bpf_get_task_exe_file(bpf_get_current_task_btf());
	if (file)
		bpf_put_file(file);
	return FAN_FP_RET_SKIP_EVENT;
}

/* and none for filter: it often runs where names have no root to begin at. */
SEC("struct_ops/filter")
__failure __msg("calling kernel function bpf_path_d_path is not allowed")
int FILTER(path_in_filter)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;
	struct file *file;
	char path[16];

	bpf_iter_task_vma_new(&it, task, 0);
	vma = bpf_iter_task_vma_next(&it);
	file = vma ? vma->vm_file : NULL;
	if (file)
		bpf_path_d_path(&file->f_path, path, sizeof(path));
	bpf_iter_task_vma_destroy(&it);
	return FAN_FP_RET_SKIP_EVENT;
}

/* The kfuncs take NULL, but not what may be NULL. */
SEC("struct_ops/filter")
__failure __msg("R2 must be referenced or trusted")
int FILTER(unchecked_subdir)
{
	return bpf_fanotify_is_subdir(group, dentry, NULL);
}

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, int);
} storage SEC(".maps");

/* Deleting needs a reference on the inode. */
SEC("struct_ops/filter")
__failure __msg("cannot use helper bpf_inode_storage_delete#")
int FILTER(delete_storage)
{
	if (inode)
		bpf_inode_storage_delete(&storage, inode);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops.s/permission")
__failure __msg("attach to unsupported member permission of struct fanotify_fastpath_ops")
int PERMISSION(sleepable_permission)
{
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
__failure __msg("invalid mem access 'trusted_ptr_or_null_'")
int PERMISSION(unchecked_range)
{
	return range->count & 1;
}

SEC("struct_ops/permission")
__failure __msg("only read is supported")
int PERMISSION(write_path)
{
	((struct path *)path)->dentry = NULL;
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
__failure __msg("only read is supported")
int PERMISSION(write_range)
{
	if (range)
		((struct file_range *)range)->count = 0;
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
__failure __msg("R1 must be referenced or trusted")
int PERMISSION(cast_path)
{
	char buf[16];

	bpf_path_d_path(bpf_core_cast((void *)path, struct path), buf,
			sizeof(buf));
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
__failure __msg("calling kernel function bpf_get_task_exe_file is not allowed")
int PERMISSION(exe_file_permission)
{
	struct file *file;

	file = bpf_get_task_exe_file(bpf_get_current_task_btf());
	if (file)
		bpf_put_file(file);
	return FAN_FP_RET_SKIP_EVENT;
}

/* Only these programs run with fsnotify_mark_srcu held. */
SEC("tp_btf/fanotify_fastpath")
__failure __msg("calling kernel function bpf_fanotify_is_subdir is not allowed")
int BPF_PROG(is_subdir_in_tracing)
{
	return bpf_fanotify_is_subdir(NULL, NULL, NULL);
}

SEC("lsm/inode_unlink")
__failure __msg("calling kernel function bpf_fanotify_subtree_root is not allowed")
int BPF_PROG(subtree_root_in_lsm, struct inode *dir, struct dentry *dentry)
{
	int status;

	bpf_fanotify_subtree_root(NULL, dentry, dir, &status);
	return 0;
}

SEC("syscall")
__failure __msg("calling kernel function bpf_fanotify_is_subdir is not allowed")
int is_subdir_in_syscall(void *ctx)
{
	return bpf_fanotify_is_subdir(NULL, NULL, NULL);
}

SEC("struct_ops/ssthresh")
__failure __msg("calling kernel function bpf_fanotify_is_subdir is not allowed")
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
OPS(write_dir);
OPS(write_dentry);
OPS(write_name);
OPS(write_mask);
OPS(seventh_argument);
OPS(kept_reference);
OPS(walked_dentry);
OPS(walked_dir);
OPS(root_as_dir);
OPS(cast_group);
OPS(no_group);
OPS(send_signal);
OPS(send_signal_thread);
OPS(send_signal_task);
OPS(probe_write_user);
OPS(override_return);
OPS(exe_file);
OPS(path_in_filter);
OPS(unchecked_subdir);
OPS(delete_storage);
PERMISSION_OPS(sleepable_permission);
PERMISSION_OPS(unchecked_range);
PERMISSION_OPS(no_answer);
PERMISSION_OPS(write_path);
PERMISSION_OPS(write_range);
PERMISSION_OPS(cast_path);
PERMISSION_OPS(exe_file_permission);

SEC(".struct_ops.link")
struct tcp_congestion_ops is_subdir_in_tcp_ops = {
	.ssthresh	= (void *)is_subdir_in_tcp,
	.name		= "bpf_fanotify",
};
