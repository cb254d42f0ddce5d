// SPDX-License-Identifier: GPL-2.0
/* A member that returns a number may return a pointer as a number. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_misc.h"

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} numbers SEC(".maps");

SEC("struct_ops/ssthresh")
__success
__u32 BPF_PROG(map_value, struct sock *sk)
{
	__u32 zero = 0;

	return (long)bpf_map_lookup_elem(&numbers, &zero);
}

SEC("struct_ops/undo_cwnd")
__success
__u32 BPF_PROG(map, struct sock *sk)
{
	return (long)&numbers;
}

SEC(".struct_ops")
struct tcp_congestion_ops return_ops = {
	.ssthresh = (void *)map_value,
	.undo_cwnd = (void *)map,
	.name = "bpf_return",
};
