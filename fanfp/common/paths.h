/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the file handles that events carry to paths.
 */
#ifndef __PATHS_H
#define __PATHS_H

#include "common/fid.h"

const char *paths_resolve(const struct fid *dir);
void paths_learn(const struct fid *dir, const char *path);
void paths_renamed(const char *from, const char *to);
void paths_end_batch(void);

#endif /* __PATHS_H */
