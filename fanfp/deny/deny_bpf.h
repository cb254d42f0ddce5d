/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by fanfp deny and its BPF program.
 */
#ifndef __DENY_BPF_H
#define __DENY_BPF_H

struct deny_counts {
	__u64 opens;
	__u64 denied_files;	/* listed themselves */
	__u64 denied_below;	/* of a listed directory */
	__u64 asked;
};

#endif /* __DENY_BPF_H */
