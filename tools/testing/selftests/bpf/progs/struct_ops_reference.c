// SPDX-License-Identifier: GPL-2.0
/* Programs that end with a reference in R0 which nobody takes over, and one that is taken. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;

SEC("struct_ops/ssthresh")
__u32 BPF_PROG(number, struct sock *sk)
{
	return (long)bpf_task_from_pid(1);
}

SEC(".struct_ops")
struct tcp_congestion_ops number_ops = {
	.ssthresh = (void *)number,
	.name = "bpf_number",
};

/* The result of the last call is still in R0. */
SEC("struct_ops/init")
void BPF_PROG(nothing, struct sock *sk)
{
	bpf_task_from_pid(1);
}

SEC(".struct_ops")
struct tcp_congestion_ops nothing_ops = {
	.init = (void *)nothing,
	.name = "bpf_nothing",
};

__weak __noinline void forget(int pid)
{
	bpf_task_from_pid(pid);
}

SEC("struct_ops/release")
void BPF_PROG(global_function, struct sock *sk)
{
	forget(1);
}

SEC(".struct_ops")
struct tcp_congestion_ops global_function_ops = {
	.release = (void *)global_function,
	.name = "bpf_global",
};

struct kept {
	struct sk_buff __kptr *skb;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} others SEC(".maps");

SEC("struct_ops/dequeue")
struct sk_buff *BPF_PROG(pointer, struct Qdisc *sch)
{
	struct kept *kept;
	__u32 zero = 0;

	kept = bpf_map_lookup_elem(&queue, &zero);
	return kept ? bpf_kptr_xchg(&kept->skb, NULL) : NULL;
}

SEC(".struct_ops")
struct Qdisc_ops pointer_ops = {
	.dequeue = (void *)pointer,
	.id = "bpf_pointer",
};

/*
 * The one that is jumped to does not know of it. There is no branch in between, at
 * which the verifier forgets R0, as nobody reads it any more.
 */
SEC("struct_ops/dequeue")
struct sk_buff *BPF_PROG(tail_call, struct Qdisc *sch)
{
	struct sk_buff *skb;
	struct kept *kept;
	__u32 zero = 0;

	kept = bpf_map_lookup_elem(&queue, &zero);
	if (!kept)
		return NULL;
	skb = bpf_kptr_xchg(&kept->skb, NULL);
	bpf_tail_call(ctx, &others, 0);
	return skb;
}

SEC(".struct_ops")
struct Qdisc_ops tail_call_ops = {
	.dequeue = (void *)tail_call,
	.id = "bpf_tail_call",
};
