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
	__u32 is_quarantined;
};

struct quarantine_counts {
	__u64 asked;
	__u64 allowed;
	__u64 denied;
	__u64 writes;		/* opens for writing by tasks of the cgroup */
};

#endif /* __QUARANTINE_BPF_H */
