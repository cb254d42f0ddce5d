// SPDX-License-Identifier: GPL-2.0
/*
 * Fast paths of the stress test. Each is there twice, so that one can replace the
 * other while events come; both give the same answers, so that every answer is
 * known whichever gave it.
 */
#include "common/fastpath.bpf.h"
#include <bpf/bpf_tracing.h>

#include "stress/stress_bpf.h"

char _license[] SEC("license") = "GPL";

struct stress_counts counts[CLASSES];
/* Answers, as fdinfo has to count them */
unsigned long long sent, skipped, allowed, denied;

/* How often an inode was seen; its storage comes and goes with the inode. */
struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} by_inode SEC(".maps");

struct qstr___stress {
	const unsigned char *name;
} __attribute__((preserve_access_index));

struct dentry___stress {
	struct qstr___stress d_name;
} __attribute__((preserve_access_index));

static enum stress_class class_of(struct dentry *dentry,
				  const struct qstr *in_dir)
{
	struct dentry___stress *d = (void *)dentry;
	const struct qstr___stress *q = (const void *)in_dir;
	const unsigned char *name;
	char c = 0;

	if (dentry)
		name = d->d_name.name;
	else if (q)
		name = q->name;
	else
		return CLASS_STORM;
	if (bpf_probe_read_kernel(&c, sizeof(c), name))
		return CLASS_STORM;
	switch (c) {
	case 'i':
		return dentry ? CLASS_INSIDE : CLASS_INSIDE_DIR;
	case 'o':
		return dentry ? CLASS_OUTSIDE : CLASS_OUTSIDE_DIR;
	case 'c': return CLASS_OWN;
	case 'a': return CLASS_ALLOW;
	case 'd': return CLASS_DENY;
	case 'q': return CLASS_ASK;
	case 'r': return CLASS_REFUSE;
	case 'w': return CLASS_WAIT;
	}
	return CLASS_STORM;
}

static int walk(struct fsnotify_group *group, struct dentry *dentry,
		struct inode *dir)
{
	struct inode *root;
	__u64 *seen;
	int status;

	/* Not by dentry and dir at once: a NULL has to be written there. */
	if (dentry)
		root = bpf_fanotify_subtree_root(group, dentry, NULL, &status);
	else if (dir)
		root = bpf_fanotify_subtree_root(group, NULL, dir, &status);
	else
		return -2;	/* ENOENT */

	/* The root may be on its way out: storage is created all the same. */
	if (root) {
		seen = bpf_inode_storage_get(&by_inode, root, 0,
					     BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (seen)
			__sync_fetch_and_add(seen, 1);
	}
	return status;
}

static int filter(struct fsnotify_group *group, struct inode *dir,
		  struct dentry *dentry, const struct qstr *name)
{
	struct stress_counts *c = &counts[class_of(dentry, name)];
	int ret = walk(group, dentry, dir);

	__sync_fetch_and_add(&c->calls, 1);
	if (ret < 0)
		__sync_fetch_and_add(&c->undecided, 1);
	else if (ret)
		__sync_fetch_and_add(&c->in, 1);
	else
		__sync_fetch_and_add(&c->out, 1);

	if (!ret) {
		__sync_fetch_and_add(&skipped, 1);
		return FAN_FP_RET_SKIP_EVENT;
	}
	__sync_fetch_and_add(&sent, 1);
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

static int permission(struct dentry *dentry, struct inode *inode)
{
	enum stress_class class = class_of(dentry, NULL);
	__u64 *seen;

	seen = bpf_inode_storage_get(&by_inode, inode, 0,
				     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (seen)
		__sync_fetch_and_add(seen, 1);
	__sync_fetch_and_add(&counts[class].calls, 1);

	switch (class) {
	case CLASS_DENY:
		__sync_fetch_and_add(&denied, 1);
		return -1;	/* EPERM */
	case CLASS_ASK:
	case CLASS_REFUSE:
	case CLASS_WAIT:
		__sync_fetch_and_add(&sent, 1);
		return FAN_FP_RET_SEND_TO_USERSPACE;
	default:
		__sync_fetch_and_add(&allowed, 1);
		return FAN_FP_RET_SKIP_EVENT;
	}
}

/* Which of them has answered is in PROGRAM_calls. */
#define FILTER(prog)							\
	unsigned long long prog##_calls;				\
	SEC("struct_ops/filter")					\
	int BPF_PROG(prog, struct fsnotify_group *group, __u32 mask,	\
		     struct inode *inode, struct inode *dir,		\
		     struct dentry *dentry, const struct qstr *name)	\
	{								\
		__sync_fetch_and_add(&prog##_calls, 1);			\
		return filter(group, dir, dentry, name);		\
	}								\
	SEC(".struct_ops.link")						\
	struct fanotify_fastpath_ops prog##_ops = {			\
		.filter	= (void *)prog,					\
		.name	= #prog,					\
	}

#define PERMISSION(prog)						\
	unsigned long long prog##_calls;				\
	SEC("struct_ops/permission")					\
	int BPF_PROG(prog, struct fsnotify_group *group, __u32 mask,	\
		     const struct path *path, struct dentry *dentry,	\
		     struct inode *inode)				\
	{								\
		__sync_fetch_and_add(&prog##_calls, 1);			\
		return permission(dentry, inode);			\
	}								\
	SEC(".struct_ops.link")						\
	struct fanotify_fastpath_ops prog##_ops = {			\
		.permission = (void *)prog,				\
		.name	    = #prog,					\
	}

FILTER(filter_a);
FILTER(filter_b);
PERMISSION(permission_a);
PERMISSION(permission_b);
/* The test adds a limit. */
PERMISSION(permission_limit);
