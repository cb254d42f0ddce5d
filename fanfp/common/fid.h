/* SPDX-License-Identifier: GPL-2.0 */
/*
 * File identifiers: what events carry instead of a descriptor.
 */
#ifndef __FID_H
#define __FID_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/fanotify.h>

/* Unique on this machine: a file handle and the filesystem that it is of. */
struct fid {
	uint64_t fsid;
	unsigned int bytes;
	int type;
	unsigned char handle[MAX_HANDLE_SZ];
};

int fid_of_event(const struct fanotify_event_info_fid *info, struct fid *fid);
const char *fid_event_name(const struct fanotify_event_info_fid *info);
int fid_of_fd(int fd, struct fid *fid, int *mount_id);
int fid_open(const struct fid *fid, int mount_fd);
bool fid_equal(const struct fid *a, const struct fid *b);

#endif /* __FID_H */
