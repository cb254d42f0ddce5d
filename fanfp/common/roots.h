/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Subtree roots: the directories given on the command line.
 */
#ifndef __ROOTS_H
#define __ROOTS_H

#include <stdbool.h>

#include "common/paths.h"

struct root {
	struct root *next;
	char *path;
	const char *arg;		/* as it was given */
	struct fid fid;
	const struct paths_fs *fs;
	bool exclude;
	bool gone;
};

struct root *roots_add(const char *arg, bool exclude, int *fd);
struct root *roots_first(void);
struct root *roots_find(const struct fid *fid);
unsigned int roots_included(void);
bool roots_want(const char *path);
void roots_moved(void);

#endif /* __ROOTS_H */
