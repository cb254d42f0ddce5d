// SPDX-License-Identifier: GPL-2.0
/* A member that returns a pointer returns a reference. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_misc.h"
#include "struct_ops_reference.h"

char _license[] SEC("license") = "GPL";

SEC("struct_ops/dequeue")
__success
struct sk_buff *BPF_PROG(pointer, struct Qdisc *sch)
{
	return take_kept();
}

SEC(".struct_ops")
struct Qdisc_ops pointer_ops = {
	.dequeue = (void *)pointer,
	.id = "bpf_pointer",
};
