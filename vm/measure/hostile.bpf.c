// SPDX-License-Identifier: GPL-2.0
/*
 * The fast path of fanfp-hostile: the subtree check, which counts what it was
 * told, and gives the answer that a listener would want or, to be measured alone,
 * none that costs anything else.
 */
#include "common/fastpath.bpf.h"
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* Nothing is sent, whatever the walk says. */
bool quiet;
__u64 inside, outside, undecided;

SEC("struct_ops/filter")
int BPF_PROG(hostile_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	int ret;

	if (dentry)
		ret = bpf_fanotify_is_subdir(group, dentry, NULL);
	else if (dir)
		ret = bpf_fanotify_is_subdir(group, NULL, dir);
	else
		ret = -2;	/* ENOENT */

	if (ret < 0)
		__sync_fetch_and_add(&undecided, 1);
	else if (ret)
		__sync_fetch_and_add(&inside, 1);
	else
		__sync_fetch_and_add(&outside, 1);
	return ret && !quiet ? FAN_FP_RET_SEND_TO_USERSPACE :
			       FAN_FP_RET_SKIP_EVENT;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops hostile_ops = {
	.filter	= (void *)hostile_filter,
	.name	= "hostile",
};
