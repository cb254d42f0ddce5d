// SPDX-License-Identifier: GPL-2.0
/*
 * What else may run where a fast path runs: tracing programs around the event,
 * LSM programs on the same operation, one of which causes an event itself, and its
 * own timer.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_kfuncs.h"
#include "fanotify_fastpath_common.h"
#include "fanotify_fastpath_types.h"

char _license[] SEC("license") = "GPL";

#define FAN_ATTRIB	0x4
#define CLOCK_MONOTONIC	1

/* Between two calls of the timer's callback */
#define TICK_NS		100000

/* Whose events are counted */
__u32 watched_tgid;
/* Calls */
__u64 opened;
__u64 entered;
__u64 left;
__u64 run;
__u64 attrib;
__u64 set;
/* Which inode the LSM program keeps from being opened */
__u64 denied_ino;
/* Permission events that the fast path allowed, and the last inode of them */
__u64 allowed;
__u64 allowed_ino;
/* Calls of the timer's callback */
__u64 ticks;
/* What the last event returned to its task */
int returned;

static const char asked[] = "security.bpf.asked";
static const char told[] = "security.bpf.told";
char value[] = "yes";
char name_buf[32];

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} by_inode SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records SEC(".maps");

static bool is_watched(void)
{
	return bpf_get_current_pid_tgid() >> 32 == watched_tgid;
}

SEC("fentry/fanotify_handle_event")
int BPF_PROG(enter_event)
{
	if (is_watched())
		__sync_fetch_and_add(&entered, 1);
	return 0;
}

SEC("fexit/fanotify_handle_event")
int BPF_PROG(leave_event, struct fsnotify_group *group, u32 mask,
	     const void *data, int data_type, struct inode *dir,
	     const struct qstr *file_name, u32 cookie,
	     struct fsnotify_iter_info *iter_info, int ret)
{
	if (is_watched()) {
		__sync_fetch_and_add(&left, 1);
		returned = ret;
	}
	return 0;
}

SEC("tp_btf/fanotify_fastpath")
int BPF_PROG(see_decision)
{
	if (is_watched())
		__sync_fetch_and_add(&run, 1);
	return 0;
}

SEC("lsm/file_open")
int BPF_PROG(lsm_open, struct file *file)
{
	if (!is_watched())
		return 0;
	__sync_fetch_and_add(&opened, 1);
	return file->f_inode->i_ino == denied_ino ? -13 /* EACCES */ : 0;
}

/* Setting an attribute is an event, in the middle of another system call. */
SEC("lsm.s/inode_getxattr")
int BPF_PROG(set_attribute, struct dentry *dentry, char *name)
{
	struct bpf_dynptr value_ptr;

	if (!is_watched())
		return 0;
	bpf_probe_read_kernel_str(name_buf, sizeof(name_buf), name);
	if (bpf_strncmp(name_buf, sizeof(asked), asked))
		return 0;
	bpf_dynptr_from_mem(value, sizeof(value), 0, &value_ptr);
	if (!bpf_set_dentry_xattr(dentry, told, &value_ptr, 0))
		set++;
	return 0;
}

/* Each event is kept with its inode and told to a reader that causes more. */
SEC("struct_ops/filter")
int BPF_PROG(nested_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	struct event_record *record;
	__u64 *seen;

	if (mask & FAN_ATTRIB)
		__sync_fetch_and_add(&attrib, 1);
	if (!inode)
		return FAN_FP_RET_SEND_TO_USERSPACE;
	seen = bpf_inode_storage_get(&by_inode, inode, 0,
				     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (seen)
		__sync_fetch_and_add(seen, 1);
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record)
		return FAN_FP_RET_SEND_TO_USERSPACE;
	__builtin_memset(record, 0, sizeof(*record));
	record->ino = inode->i_ino;
	bpf_ringbuf_submit(record, 0);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("struct_ops/permission")
int BPF_PROG(allow_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	__sync_fetch_and_add(&allowed, 1);
	allowed_ino = inode->i_ino;
	return FAN_FP_RET_SKIP_EVENT;
}

struct timer_value {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct timer_value);
} timers SEC(".maps");

/* Each starts the next, for as long as there is a map to be in. */
static int tick(void *map, int *key, struct timer_value *value)
{
	__sync_fetch_and_add(&ticks, 1);
	bpf_timer_start(&value->timer, TICK_NS, 0);
	return 0;
}

SEC("?struct_ops/filter")
int BPF_PROG(timer_filter, struct fsnotify_group *group, __u32 mask,
	     struct inode *inode, struct inode *dir, struct dentry *dentry,
	     const struct qstr *name)
{
	struct timer_value *value;
	int key = 0;

	value = bpf_map_lookup_elem(&timers, &key);
	/* Only the first event finds it not initialized. */
	if (value && !bpf_timer_init(&value->timer, &timers, CLOCK_MONOTONIC)) {
		bpf_timer_set_callback(&value->timer, tick);
		bpf_timer_start(&value->timer, TICK_NS, 0);
	}
	return FAN_FP_RET_SKIP_EVENT;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops allow_ops = {
	.permission	= (void *)allow_permission,
	.name		= "allow",
};

SEC("?.struct_ops.link")
struct fanotify_fastpath_ops timer_ops = {
	.filter	= (void *)timer_filter,
	.name	= "timer",
};

SEC(".struct_ops.link")
struct fanotify_fastpath_ops nested_ops = {
	.filter	= (void *)nested_filter,
	.name	= "nested",
};
