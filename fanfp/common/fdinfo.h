/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /proc/PID/fdinfo/FD tells of a fanotify group.
 */
#ifndef __FDINFO_H
#define __FDINFO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct group_info {
	unsigned int flags;		/* of fanotify_init() */
	unsigned int inode_marks;
	unsigned int mount_marks;
	unsigned int fs_marks;
	unsigned int mntns_marks;
	bool has_fastpath;
	char name[32];			/* of the fast path */
	unsigned int link_id;
	uint64_t seen;
	uint64_t sent;
	uint64_t skipped;
	uint64_t allowed;
	uint64_t denied;
	uint64_t invalid;
	uint64_t expired;
};

int group_info_read(pid_t pid, int fd, struct group_info *info);

#endif /* __FDINFO_H */
