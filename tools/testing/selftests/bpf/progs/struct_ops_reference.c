// SPDX-License-Identifier: GPL-2.0
/* A member that returns a pointer returns a reference. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_misc.h"

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

SEC("struct_ops/dequeue")
__success
struct sk_buff *BPF_PROG(pointer, struct Qdisc *sch)
{
	struct kept *kept;
	__u32 zero = 0;

	kept = bpf_map_lookup_elem(&queue, &zero);
	return kept ? bpf_kptr_xchg(&kept->skb, NULL) : NULL;
}

SEC(".struct_ops")
struct Qdisc_ops pointer_ops = {
	.dequeue = (void *)pointer,
	.id = "bpf_pointer",
};
