/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The filesystems that the given directories are on.
 */
#ifndef __FILESYSTEMS_H
#define __FILESYSTEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fid.h"

struct filesystem;

struct filesystem *fs_add(int dir_fd, struct fid *dir);
struct filesystem *fs_find(uint64_t fsid);
int fs_open(struct filesystem *fs);
void fs_keep_open(void);
void fs_close_all(void);
void fs_mounts_changed(void (*gone)(const struct filesystem *fs,
				    const char *mount));
unsigned int fs_unknown_below(const char *dir, const char **first);

#endif /* __FILESYSTEMS_H */
