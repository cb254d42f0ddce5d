// SPDX-License-Identifier: GPL-2.0
/* A global function returns to the program, and is verified by itself. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_misc.h"

char _license[] SEC("license") = "GPL";

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;

__weak __noinline void forget(int pid)
{
	bpf_task_from_pid(pid);
}

SEC("struct_ops/release")
__failure __msg("BPF_EXIT instruction in main prog would lead to reference leak")
void BPF_PROG(global_function, struct sock *sk)
{
	forget(1);
}

SEC(".struct_ops")
struct tcp_congestion_ops global_function_ops = {
	.release = (void *)global_function,
	.name = "bpf_global",
};
