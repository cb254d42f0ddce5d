/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a BPF program: one set per CPU, so that no event waits for the cache
 * line of another one's. counts_add() of common/load.h adds them up. The program defines
 * a map "counts" whose value is a struct of __u64:
 *
 *	struct {
 *		COUNTS(struct my_counts);
 *	} counts SEC(".maps");
 */
#ifndef __COUNTS_BPF_H
#define __COUNTS_BPF_H

#define COUNTS(counters)					\
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);		\
	__uint(max_entries, 1);					\
	__type(key, __u32);					\
	__type(value, counters)

/* Atomic, because a program may be preempted. */
#define COUNT(name) do {					\
	__u32 __first = 0;					\
	typeof(*counts.value) *__mine =				\
		bpf_map_lookup_elem(&counts, &__first);		\
								\
	if (__mine)						\
		__sync_fetch_and_add(&__mine->name, 1);		\
} while (0)

#endif /* __COUNTS_BPF_H */
