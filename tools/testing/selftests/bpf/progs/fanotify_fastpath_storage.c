// SPDX-License-Identifier: GPL-2.0
/*
 * A fast path that keeps state with the inode, the task and the cgroup, tells
 * each event through a ring buffer and asks who caused it.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "fanotify_fastpath_types.h"

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} by_inode SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} by_task SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} by_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records SEC(".maps");

static void count(__u64 *counter)
{
	if (counter)
		__sync_fetch_and_add(counter, 1);
}

SEC("struct_ops/filter")
int BPF_PROG(storage_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event_record *record;

	count(bpf_task_storage_get(&by_task, task, 0,
				   BPF_LOCAL_STORAGE_GET_F_CREATE));
	count(bpf_cgrp_storage_get(&by_cgroup, task->cgroups->dfl_cgrp, 0,
				   BPF_LOCAL_STORAGE_GET_F_CREATE));
	if (!inode)
		return FAN_FP_RET_SEND_TO_USERSPACE;
	count(bpf_inode_storage_get(&by_inode, inode, 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE));

	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record)
		return FAN_FP_RET_SEND_TO_USERSPACE;
	record->cgroup_id = bpf_get_current_cgroup_id();
	record->ino = inode->i_ino;
	record->tgid = bpf_get_current_pid_tgid() >> 32;
	record->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	bpf_ringbuf_submit(record, 0);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops storage_ops = {
	.filter	= (void *)storage_filter,
	.name	= "storage",
};
