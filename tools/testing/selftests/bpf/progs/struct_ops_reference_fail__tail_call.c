// SPDX-License-Identifier: GPL-2.0
/* A tail call returns no reference: the program that is jumped to does not know of it. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_misc.h"
#include "struct_ops_reference.h"

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} others SEC(".maps");

/*
 * There is no branch before the call, at which the verifier would forget R0, as
 * nobody reads it any more.
 */
SEC("struct_ops/dequeue")
__failure __msg("tail_call would lead to reference leak")
struct sk_buff *BPF_PROG(tail_call, struct Qdisc *sch)
{
	struct sk_buff *skb;
	struct kept *kept;
	__u32 zero = 0;

	kept = bpf_map_lookup_elem(&queue, &zero);
	if (!kept)
		return NULL;
	skb = bpf_kptr_xchg(&kept->skb, NULL);
	bpf_tail_call(ctx, &others, 0);
	return skb;
}

SEC(".struct_ops")
struct Qdisc_ops tail_call_ops = {
	.dequeue = (void *)tail_call,
	.id = "bpf_tail_call",
};
