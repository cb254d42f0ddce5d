// SPDX-License-Identifier: GPL-2.0
/* A record of a ring buffer is a reference, but not of the type that a member returns. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_misc.h"

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records SEC(".maps");

SEC("struct_ops/dequeue")
__failure __msg("At program exit the register R0 is not a known value (ringbuf_mem_or_null)")
struct sk_buff *BPF_PROG(record, struct Qdisc *sch)
{
	return bpf_ringbuf_reserve(&records, 8, 0);
}

SEC(".struct_ops")
struct Qdisc_ops record_ops = {
	.dequeue = (void *)record,
	.id = "bpf_record",
};
