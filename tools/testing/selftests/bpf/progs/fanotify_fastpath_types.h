/* SPDX-License-Identifier: GPL-2.0 */
/* What the fanotify fast path programs of the selftests tell user space. */
#ifndef _FANOTIFY_FASTPATH_TYPES_H
#define _FANOTIFY_FASTPATH_TYPES_H

#define FASTPATH_NAME_LEN	32

/* Arguments of the last event of a type, and how many there were. */
struct event_args {
	__u64 events;
	/* 0 for NULL */
	__u64 inode;
	__u64 dir;
	__u64 dentry_inode;
	/* "" for NULL */
	char name[FASTPATH_NAME_LEN];
	char dentry_name[FASTPATH_NAME_LEN];
	__u64 has_dentry;
};

/* An event, and who caused it. */
struct event_record {
	__u64 cgroup_id;
	__u64 ino;
	__u32 tgid;
	__u32 uid;
	char comm[16];
};

#endif /* _FANOTIFY_FASTPATH_TYPES_H */
