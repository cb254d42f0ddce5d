// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing but a fast path has a group to ask about, and its timers have none either.
 * The program is loaded by hand: not every kernel lets it have a timer.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "fanotify_fastpath_common.h"

char _license[] SEC("license") = "GPL";

struct timer_value {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct timer_value);
} timers SEC(".maps");

static int timer_callback(void *map, int *key, struct timer_value *value)
{
	return bpf_fanotify_is_subdir((void *)value, NULL, NULL);
}

SEC("struct_ops/filter")
int BPF_PROG(is_subdir_in_timer, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	struct timer_value *value;
	int key = 0;

	value = bpf_map_lookup_elem(&timers, &key);
	if (value)
		bpf_timer_set_callback(&value->timer, timer_callback);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops is_subdir_in_timer_ops = {
	.filter	= (void *)is_subdir_in_timer,
	.name	= "is_subdir_in_timer",
};
