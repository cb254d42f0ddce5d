/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by fanfp guard and its BPF programs.
 */
#ifndef __GUARD_BPF_H
#define __GUARD_BPF_H

/* Of an inode that was asked about, or mapped shared by who could write */
struct guard_seen {
	__u64 gen;		/* how often it may have changed since */
	__u64 mapped;		/* it may be changed at any time */
};

/* What a scan found, and what the inode was like before the scan began */
struct guard_verdict {
	__u64 gen;
	__s64 ctime_sec;
	__s64 size;
	__u32 ctime_nsec;
	__u32 deny;
};

struct guard_counts {
	__u64 opens;		/* inside, all that follow */
	__u64 allowed;		/* known to be clean */
	__u64 denied;		/* known to be bad; --observe: allowed */
	__u64 empty;		/* nothing in it */
	__u64 own;		/* by fanfp and its descendants */
	__u64 stuck;		/* too many are waiting */
	__u64 asked;
	__u64 undecided;	/* asked, without knowing whether inside */
	__u64 outside;		/* not counted as opens */
	__u64 changes;		/* of inodes that were asked about */
};

#endif /* __GUARD_BPF_H */
