/* SPDX-License-Identifier: GPL-2.0 */
/* What the fanotify fast path programs of the selftests share. */
#ifndef _FANOTIFY_FASTPATH_COMMON_H
#define _FANOTIFY_FASTPATH_COMMON_H

/* From uapi/linux/fanotify.h; macros are not in BTF */
#define FAN_RENAME	0x10000000

struct inode *bpf_fanotify_subtree_root(struct fsnotify_group *group,
					struct dentry *dentry,
					struct inode *dir,
					int *status) __ksym __weak;
int bpf_fanotify_is_subdir(struct fsnotify_group *group, struct dentry *dentry,
			   struct inode *dir) __ksym __weak;

/*
 * A kfunc takes NULL where it must not be given an unchecked argument of the
 * program.
 */
static __always_inline struct inode *
subtree_root(struct fsnotify_group *group, struct dentry *dentry,
	     struct inode *dir, int *status)
{
	if (dentry)
		return bpf_fanotify_subtree_root(group, dentry, NULL, status);
	if (dir)
		return bpf_fanotify_subtree_root(group, NULL, dir, status);
	return bpf_fanotify_subtree_root(group, NULL, NULL, status);
}

static __always_inline int
is_subdir(struct fsnotify_group *group, struct dentry *dentry,
	  struct inode *dir)
{
	if (dentry)
		return bpf_fanotify_is_subdir(group, dentry, NULL);
	if (dir)
		return bpf_fanotify_is_subdir(group, NULL, dir);
	return bpf_fanotify_is_subdir(group, NULL, NULL);
}

#endif /* _FANOTIFY_FASTPATH_COMMON_H */
