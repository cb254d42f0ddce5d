// SPDX-License-Identifier: GPL-2.0
/* The fast paths that prog_tests/fanotify_fastpath_opener.c loads. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* Answer of the program "answer" */
int answer;
/*
 * Which inode "inode" answers that way, and "first" and "second" deny; they allow
 * all others
 */
__u64 answered_ino;
/* How often "first" and "second" allowed */
__u64 allowed_by[2];
/* How many tasks may wait before "pending" gives the answer */
int max_pending;
/* From where on "range" gives the answer */
__u64 answered_pos;

/* Path that "path" was asked about, and what the kfunc returned */
char got_name[256];
int got_name_len;

/* What the last program to be called got; got_range 0 is NULL */
__u64 asked;
__u64 got_ino;
__u64 got_path_ino;
__u64 got_dentry_ino;
__u64 got_pos;
__u64 got_count;
__u32 got_mask;
__u32 got_range;
__u32 got_q_len;
__u32 got_pending;

static void save_args(struct fsnotify_group *group, __u32 mask,
		      const struct path *path, struct dentry *dentry,
		      struct inode *inode, const struct file_range *range)
{
	struct inode *path_inode = path->dentry->d_inode;
	struct inode *dentry_inode = dentry->d_inode;

	__sync_fetch_and_add(&asked, 1);
	got_mask = mask;
	got_ino = inode->i_ino;
	got_path_ino = path_inode ? path_inode->i_ino : 0;
	got_dentry_ino = dentry_inode ? dentry_inode->i_ino : 0;
	got_q_len = group->q_len;
	got_pending = group->fanotify_data.pending.counter;
	got_range = !!range;
	got_pos = range ? range->pos : 0;
	got_count = range ? range->count : 0;
}

SEC("struct_ops/permission")
int BPF_PROG(answer_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	save_args(group, mask, path, dentry, inode, range);
	return answer;
}

SEC("struct_ops/permission")
int BPF_PROG(deny_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	return -1;
}

SEC("struct_ops/permission")
int BPF_PROG(inode_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	return inode->i_ino == answered_ino ? answer : FAN_FP_RET_SKIP_EVENT;
}

/* How long they take: most updates are to come while one of them runs. */
#define RACE_LOOPS	300

static int race_permission(struct inode *inode, int nr, int denial)
{
	int i;

	bpf_for(i, 0, RACE_LOOPS)
		barrier();
	if (inode->i_ino == answered_ino)
		return denial;
	__sync_fetch_and_add(&allowed_by[nr], 1);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
int BPF_PROG(first_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	return race_permission(inode, 0, -16 /* EBUSY */);
}

SEC("struct_ops/permission")
int BPF_PROG(second_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	return race_permission(inode, 1, -26 /* ETXTBSY */);
}

SEC("struct_ops/permission")
int BPF_PROG(pending_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	save_args(group, mask, path, dentry, inode, range);
	if (group->fanotify_data.pending.counter >= max_pending)
		return answer;
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

SEC("struct_ops/permission")
int BPF_PROG(path_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	got_name_len = bpf_path_d_path(path, got_name, sizeof(got_name));
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
int BPF_PROG(range_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	save_args(group, mask, path, dentry, inode, range);
	if (range && range->pos + range->count > answered_pos)
		return answer;
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/filter")
int BPF_PROG(skip_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	return FAN_FP_RET_SKIP_EVENT;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops answer_ops = {
	.permission	= (void *)answer_permission,
	.name		= "answer",
};

/* As "answer"; the test adds the limit before it loads them. */
SEC(".struct_ops.link")
struct fanotify_fastpath_ops limit_ops = {
	.permission	= (void *)answer_permission,
	.name		= "limit",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops filter_limit_ops = {
	.filter		= (void *)skip_filter,
	.name		= "filter_limit",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops filter_ops = {
	.filter		= (void *)skip_filter,
	.name		= "filter",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops deny_ops = {
	.permission	= (void *)deny_permission,
	.name		= "deny",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops inode_ops = {
	.permission	= (void *)inode_permission,
	.name		= "inode",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops first_ops = {
	.permission	= (void *)first_permission,
	.name		= "first",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops second_ops = {
	.permission	= (void *)second_permission,
	.name		= "second",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops pending_ops = {
	.permission	= (void *)pending_permission,
	.name		= "pending",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops path_ops = {
	.permission	= (void *)path_permission,
	.name		= "path",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops range_ops = {
	.permission	= (void *)range_permission,
	.name		= "range",
};
