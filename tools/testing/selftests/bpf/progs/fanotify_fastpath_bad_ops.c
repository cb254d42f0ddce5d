// SPDX-License-Identifier: GPL-2.0
/*
 * Fast paths whose program is fine and whose struct_ops map is not, and one
 * with nothing wrong.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

SEC("struct_ops/filter")
int BPF_PROG(filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	return FAN_FP_RET_SKIP_EVENT;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops good_ops = {
	.filter	= (void *)filter,
	.name	= "all.kinds_of_CHARACTERS_31_of_0",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops no_filter_ops = {
	.name	= "no_filter",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops no_name_ops = {
	.filter	= (void *)filter,
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops space_ops = {
	.filter	= (void *)filter,
	.name	= "sp ace",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops newline_ops = {
	.filter	= (void *)filter,
	.name	= "new\nline",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops unterminated_ops = {
	.filter	= (void *)filter,
	.name	= "a_name_of_32_characters_and_no_0",
};

/* There is nothing to detach when the group goes away. */
SEC(".struct_ops")
struct fanotify_fastpath_ops no_link_ops = {
	.filter	= (void *)filter,
	.name	= "no_link",
};
