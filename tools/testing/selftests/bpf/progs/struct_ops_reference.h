/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of struct_ops_reference share: a map that holds a reference. */
#ifndef _STRUCT_OPS_REFERENCE_H
#define _STRUCT_OPS_REFERENCE_H

struct kept {
	struct sk_buff __kptr *skb;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} queue SEC(".maps");

/* Return: a reference, which the caller has to give on, or NULL */
static __always_inline struct sk_buff *take_kept(void)
{
	struct kept *kept;
	__u32 zero = 0;

	kept = bpf_map_lookup_elem(&queue, &zero);
	return kept ? bpf_kptr_xchg(&kept->skb, NULL) : NULL;
}

#endif
