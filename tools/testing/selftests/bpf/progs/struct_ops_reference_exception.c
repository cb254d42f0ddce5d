// SPDX-License-Identifier: GPL-2.0
/* The exception callback of a member that returns a pointer returns a reference. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_experimental.h"
#include "struct_ops_reference.h"

char _license[] SEC("license") = "GPL";

__noinline __u64 thrown(__u64 cookie)
{
	return (long)take_kept();
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
