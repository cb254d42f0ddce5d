// SPDX-License-Identifier: GPL-2.0
/* The exception callback of a member that returns a pointer returns a reference. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_experimental.h"

char _license[] SEC("license") = "GPL";

struct kept {
	struct sk_buff __kptr *skb;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} queue SEC(".maps");

__noinline __u64 thrown(__u64 cookie)
{
	struct kept *kept;
	__u32 zero = 0;

	kept = bpf_map_lookup_elem(&queue, &zero);
	return kept ? (long)bpf_kptr_xchg(&kept->skb, NULL) : 0;
}

SEC("struct_ops/dequeue")
__exception_cb(thrown)
struct sk_buff *BPF_PROG(exception, struct Qdisc *sch)
{
	bpf_throw(0);
	return NULL;
}

SEC(".struct_ops")
struct Qdisc_ops exception_ops = {
	.dequeue = (void *)exception,
	.id = "bpf_exception",
};
