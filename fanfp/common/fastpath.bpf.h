/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What fast path programs need from the kernel: the struct_ops type, the kfuncs
 * and the types of their arguments. Types are matched by name when the program
 * is loaded, so no vmlinux.h is needed and only the members used are listed.
 */
#ifndef __FASTPATH_BPF_H
#define __FASTPATH_BPF_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* <linux/fanotify.h>; older ones lack some of it */
#define FAN_DELETE_SELF		0x00000400
#define FAN_OPEN_PERM		0x00010000
#define FAN_RENAME		0x10000000

enum fanotify_fastpath_return {
	FAN_FP_RET_SEND_TO_USERSPACE	= 0,
	FAN_FP_RET_SKIP_EVENT		= 1,
};

typedef struct {
	int counter;
} atomic_t;

struct fanotify_group_private_data {
	atomic_t pending;	/* tasks that wait for the listener */
} __attribute__((preserve_access_index));

struct fsnotify_group {
	struct fanotify_group_private_data fanotify_data;
} __attribute__((preserve_access_index));

struct inode {
	unsigned short i_mode;
	__s64 i_size;
	__s64 i_ctime_sec;
	__u32 i_ctime_nsec;
	atomic_t i_writecount;
} __attribute__((preserve_access_index));

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct inode *f_inode;
} __attribute__((preserve_access_index));

struct task_struct {
	int tgid;
	struct task_struct *real_parent;
} __attribute__((preserve_access_index));

struct dentry {
	struct inode *d_inode;
} __attribute__((preserve_access_index));

struct file_range {
	__s64 pos;
	size_t count;
} __attribute__((preserve_access_index));

struct path;
struct qstr;

struct fanotify_fastpath_ops {
	int (*filter)(struct fsnotify_group *group, __u32 mask,
		      struct inode *inode, struct inode *dir,
		      struct dentry *dentry, const struct qstr *name);
	int (*permission)(struct fsnotify_group *group, __u32 mask,
			  const struct path *path, struct dentry *dentry,
			  struct inode *inode, const struct file_range *range);
	char name[32];
	__u32 group_fd;
	__u32 answer_timeout_ms;
	__s32 timeout_answer;
};

extern struct inode *
bpf_fanotify_subtree_root(struct fsnotify_group *group, struct dentry *dentry,
			  struct inode *dir, int *status) __ksym;
extern int bpf_fanotify_is_subdir(struct fsnotify_group *group,
				  struct dentry *dentry,
				  struct inode *dir) __ksym;

#endif /* __FASTPATH_BPF_H */
