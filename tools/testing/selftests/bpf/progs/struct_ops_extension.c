// SPDX-License-Identifier: GPL-2.0
/* A struct_ops program with a function that can be replaced, and replacements. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;

/* What it returns must not be known to the compiler. */
__noinline int threshold(int acked)
{
	asm volatile("" : "+r"(acked));
	return acked;
}

SEC("struct_ops/ssthresh")
__u32 BPF_PROG(ssthresh, struct sock *sk)
{
	return threshold(2);
}

SEC(".struct_ops")
struct tcp_congestion_ops extended = {
	.ssthresh = (void *)ssthresh,
	.name = "bpf_extended",
};

SEC("?freplace/threshold")
int replacement(int acked)
{
	return acked + 1;
}

/* What it acquired is nobody's when it is back. */
SEC("?freplace/threshold")
int leaking_replacement(int acked)
{
	return (long)bpf_task_from_pid(acked);
}
