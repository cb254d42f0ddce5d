// SPDX-License-Identifier: GPL-2.0
/* Fills hash tables with objects, for the kernel to free. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_experimental.h"
#include "bpf_misc.h"

char _license[] SEC("license") = "GPL";

const volatile int entries = 64;

struct object {
	__u64 data;
};

struct value {
	struct object __kptr *object;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 64);
	__type(key, int);
	__type(value, struct value);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RHASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 64);
	__type(key, int);
	__type(value, struct value);
} rhash SEC(".maps");

/* Return: how many objects the map has taken: 0 or 1 */
static int put(void *map, int key)
{
	struct value empty = {}, *value;
	struct object *object;

	bpf_map_update_elem(map, &key, &empty, BPF_NOEXIST);
	value = bpf_map_lookup_elem(map, &key);
	if (!value)
		return 0;
	object = bpf_obj_new(typeof(*object));
	if (!object)
		return 0;
	object = bpf_kptr_xchg(&value->object, object);
	if (object) {
		bpf_obj_drop(object);
		return 0;
	}
	return 1;
}

SEC("syscall")
int fill(void *ctx)
{
	int i, objects = 0;

	bpf_for(i, 0, entries) {
		objects += put(&hash, i);
		objects += put(&rhash, i);
	}
	return objects;
}
