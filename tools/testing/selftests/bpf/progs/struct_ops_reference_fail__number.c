// SPDX-License-Identifier: GPL-2.0
/* A member that returns a number returns no reference. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_misc.h"

char _license[] SEC("license") = "GPL";

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;

SEC("struct_ops/ssthresh")
__failure __msg("BPF_EXIT instruction in main prog would lead to reference leak")
__u32 BPF_PROG(number, struct sock *sk)
{
	return (long)bpf_task_from_pid(1);
}

SEC(".struct_ops")
struct tcp_congestion_ops number_ops = {
	.ssthresh = (void *)number,
	.name = "bpf_number",
};
