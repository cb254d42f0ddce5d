/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the example hsm and its BPF programs.
 */
#ifndef __HSM_BPF_H
#define __HSM_BPF_H

/* What is filled at once, and how many of these a block of bits is about */
#define HSM_CHUNK_SHIFT		18
#define HSM_CHUNK		(1ULL << HSM_CHUNK_SHIFT)
#define HSM_BLOCK_CHUNKS	1024

/* Of an inode in memory. Without it nothing is known. */
struct hsm_file {
	__u64 id;		/* of its blocks; no other inode ever has it */
	__u32 is_local;		/* all of it is here: nothing is asked any more */
	__u32 pad;
};

struct hsm_block_key {
	__u64 id;
	__u64 index;
};

/* A bit that is not set says nothing. */
struct hsm_block {
	__u64 filled[HSM_BLOCK_CHUNKS / 64];
};

struct hsm_counts {
	__u64 asked;
	__u64 local;		/* allowed: nothing is missing in the file */
	__u64 filled;		/* allowed: nothing is missing in the range */
};

#endif /* __HSM_BPF_H */
