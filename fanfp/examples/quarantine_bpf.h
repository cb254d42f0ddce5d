/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the example quarantine and its BPF programs.
 */
#ifndef __QUARANTINE_BPF_H
#define __QUARANTINE_BPF_H

/* Of the kernel's prefixes, the one that BPF programs may read */
#define QUARANTINE_XATTR	"security.bpf.quarantine"

/* Of an inode in memory. Without it nothing is known. */
struct quarantine_state {
	__u64 opens;	/* for writing by tasks of the cgroup, since it is in memory */
	__u64 noted;	/* of them before the attribute is being removed */
	__u64 cleared;	/* of them before it was removed last */
	__u64 marked;	/* the attribute was there when it was read */
};

static inline int is_quarantined(const struct quarantine_state *state)
{
	return state->marked || state->opens != state->cleared;
}

struct quarantine_counts {
	__u64 asked;
	__u64 allowed;
	__u64 denied;
	__u64 writes;		/* opens for writing by tasks of the cgroup */
};

#endif /* __QUARANTINE_BPF_H */
