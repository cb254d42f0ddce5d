// SPDX-License-Identifier: GPL-2.0
/* The callback of a work item returns no reference, whatever the member returns. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_experimental.h"
#include "bpf_misc.h"

char _license[] SEC("license") = "GPL";

struct kept {
	struct sk_buff __kptr *skb;
	struct bpf_wq wq;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} queue SEC(".maps");

static int work(void *map, int *key, void *value)
{
	struct kept *kept = value;

	return (long)bpf_kptr_xchg(&kept->skb, NULL);
}

SEC("struct_ops/dequeue")
__failure __msg("BPF_EXIT instruction in main prog would lead to reference leak")
struct sk_buff *BPF_PROG(callback, struct Qdisc *sch)
{
	struct kept *kept;
	__u32 zero = 0;

	kept = bpf_map_lookup_elem(&queue, &zero);
	if (!kept)
		return NULL;
	bpf_wq_init(&kept->wq, &queue, 0);
	bpf_wq_set_callback(&kept->wq, work, 0);
	return NULL;
}

SEC(".struct_ops")
struct Qdisc_ops callback_ops = {
	.dequeue = (void *)callback,
	.id = "bpf_callback",
};
