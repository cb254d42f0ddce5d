// SPDX-License-Identifier: GPL-2.0
/*
 * The programs that benchs/bench_fanotify.c compares. Each decides every event
 * of the benchmark without the listener; one that cannot says so by sending it,
 * which the benchmark takes for a failure.
 *
 * None is loaded by itself, so that the rest works on a kernel without the fast
 * path.
 */
#include <vmlinux.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_experimental.h"
#include "fanotify_bench.h"
#include "fanotify_fastpath_common.h"

#define EPERM		1
#define MAX_DEPTH	256

char _license[] SEC("license") = "GPL";

/* A file that was just created has no verdict yet: its directory's is used. */
const volatile bool use_dir;

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, int);
} inode_verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct file_key);
	__type(value, int);
} lru_verdicts SEC(".maps");

/* Subtree roots of the LSM program; those of the fast path are marks. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct file_key);
	__type(value, int);
} lsm_roots SEC(".maps");

static __always_inline int storage_verdict(struct inode *inode)
{
	int *verdict;

	verdict = bpf_inode_storage_get(&inode_verdicts, inode, 0, 0);
	return verdict ? *verdict : FAN_FP_RET_SEND_TO_USERSPACE;
}

static __always_inline int lru_verdict(struct inode *inode)
{
	struct file_key key = {
		.ino = inode->i_ino,
		.dev = inode->i_sb->s_dev,
	};
	int *verdict;

	verdict = bpf_map_lookup_elem(&lru_verdicts, &key);
	return verdict ? *verdict : FAN_FP_RET_SEND_TO_USERSPACE;
}

/* What is outside is not of interest. */
static __always_inline int subtree_verdict(struct fsnotify_group *group,
					   struct dentry *dentry,
					   struct inode *dir)
{
	return is_subdir(group, dentry, dir) ? FAN_FP_RET_SEND_TO_USERSPACE :
					       FAN_FP_RET_SKIP_EVENT;
}

#define FILTER(prog)						\
	SEC("?struct_ops/filter")				\
	int BPF_PROG(prog, struct fsnotify_group *group, __u32 mask,	\
		     struct inode *inode, struct inode *dir,	\
		     struct dentry *dentry, const struct qstr *name)

#define PERMISSION(prog)					\
	SEC("?struct_ops/permission")				\
	int BPF_PROG(prog, struct fsnotify_group *group, __u32 mask,	\
		     const struct path *path, struct dentry *dentry,	\
		     struct inode *inode, const struct file_range *range)

FILTER(answer_filter)
{
	return FAN_FP_RET_SKIP_EVENT;
}

PERMISSION(answer_permission)
{
	return FAN_FP_RET_SKIP_EVENT;
}

PERMISSION(deny_permission)
{
	return -EPERM;
}

FILTER(storage_filter)
{
	struct inode *key = use_dir ? dir : inode;

	return key ? storage_verdict(key) : FAN_FP_RET_SEND_TO_USERSPACE;
}

PERMISSION(storage_permission)
{
	return storage_verdict(inode);
}

FILTER(lru_filter)
{
	struct inode *key = use_dir ? dir : inode;

	return key ? lru_verdict(key) : FAN_FP_RET_SEND_TO_USERSPACE;
}

PERMISSION(lru_permission)
{
	return lru_verdict(inode);
}

FILTER(subtree_filter)
{
	return subtree_verdict(group, dentry, dir);
}

PERMISSION(subtree_permission)
{
	return subtree_verdict(group, dentry, NULL);
}

/* Keeps a verdict on each inode in both caches: what they take, and give back. */
FILTER(remember_filter)
{
	const int verdict = FAN_FP_RET_SKIP_EVENT;
	struct file_key key = {};

	if (!inode)
		return FAN_FP_RET_SEND_TO_USERSPACE;
	key.ino = inode->i_ino;
	key.dev = inode->i_sb->s_dev;
	bpf_map_update_elem(&lru_verdicts, &key, &verdict, BPF_ANY);
	if (!bpf_inode_storage_get(&inode_verdicts, inode, (void *)&verdict,
				   BPF_LOCAL_STORAGE_GET_F_CREATE))
		return FAN_FP_RET_SEND_TO_USERSPACE;
	return FAN_FP_RET_SKIP_EVENT;
}

/* The benchmark takes away the member that its group has no use for. */
SEC("?.struct_ops.link")
struct fanotify_fastpath_ops answer_ops = {
	.filter		= (void *)answer_filter,
	.permission	= (void *)answer_permission,
	.name		= "bench_answer",
};

SEC("?.struct_ops.link")
struct fanotify_fastpath_ops deny_ops = {
	.permission	= (void *)deny_permission,
	.name		= "bench_deny",
};

SEC("?.struct_ops.link")
struct fanotify_fastpath_ops storage_ops = {
	.filter		= (void *)storage_filter,
	.permission	= (void *)storage_permission,
	.name		= "bench_storage",
};

SEC("?.struct_ops.link")
struct fanotify_fastpath_ops lru_ops = {
	.filter		= (void *)lru_filter,
	.permission	= (void *)lru_permission,
	.name		= "bench_lru",
};

SEC("?.struct_ops.link")
struct fanotify_fastpath_ops subtree_ops = {
	.filter		= (void *)subtree_filter,
	.permission	= (void *)subtree_permission,
	.name		= "bench_subtree",
};

SEC("?.struct_ops.link")
struct fanotify_fastpath_ops remember_ops = {
	.filter		= (void *)remember_filter,
	.name		= "bench_remember",
};

SEC("?lsm/file_open")
int BPF_PROG(lsm_nothing, struct file *file)
{
	return 0;
}

/*
 * The subtree check as it has to be done without the fast path. It trusts the
 * parents that it sees, whoever moves them meanwhile.
 */
SEC("?lsm/file_open")
int BPF_PROG(lsm_subtree, struct file *file)
{
	struct dentry *dentry = file->f_path.dentry, *parent;
	struct file_key key;
	int i;

	bpf_for(i, 0, MAX_DEPTH) {
		key.ino = dentry->d_inode->i_ino;
		key.dev = dentry->d_sb->s_dev;
		if (bpf_map_lookup_elem(&lsm_roots, &key))
			return -EPERM;
		parent = dentry->d_parent;
		if (parent == dentry)
			break;
		dentry = parent;
	}
	return 0;
}
