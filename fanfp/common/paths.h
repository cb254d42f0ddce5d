/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the file handles that events carry to paths.
 */
#ifndef __PATHS_H
#define __PATHS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/fanotify.h>

/* A filesystem, as far as this module knows it. */
struct paths_fs;

/* Unique on this machine: a file handle and the filesystem that it is of. */
struct fid {
	uint64_t fsid;
	unsigned int bytes;
	int type;
	unsigned char handle[MAX_HANDLE_SZ];
};

int fid_of_event(const struct fanotify_event_info_fid *info, struct fid *fid);
const char *name_of_event(const struct fanotify_event_info_fid *info);
bool fid_equal(const struct fid *a, const struct fid *b);

char *path_of_fd(int fd);
bool path_is_below(const char *path, const char *dir);
char *path_join(const char *dir, const char *name);

struct paths_fs *paths_add(int fd, struct fid *fid);
void paths_keep_open(void);
const char *paths_resolve(const struct fid *dir);
void paths_learn(const struct fid *dir, const char *path);
void paths_renamed(const char *from, const char *to);
void paths_end_batch(void);

void paths_mounts_changed(void (*gone)(const struct paths_fs *fs,
				       const char *mount));
unsigned int paths_mounts_below(const char *dir, const char **first);

#endif /* __PATHS_H */
