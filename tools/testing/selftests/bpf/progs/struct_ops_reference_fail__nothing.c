// SPDX-License-Identifier: GPL-2.0
/* A member that returns nothing returns no reference, also if R0 still has it. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_misc.h"

char _license[] SEC("license") = "GPL";

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;

SEC("struct_ops/init")
__failure __msg("BPF_EXIT instruction in main prog would lead to reference leak")
void BPF_PROG(nothing, struct sock *sk)
{
	bpf_task_from_pid(1);
}

SEC(".struct_ops")
struct tcp_congestion_ops nothing_ops = {
	.init = (void *)nothing,
	.name = "bpf_nothing",
};
