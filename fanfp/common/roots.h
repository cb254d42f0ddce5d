/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Subtree roots: the directories given on the command line.
 */
#ifndef __ROOTS_H
#define __ROOTS_H

#include <stdbool.h>

#include "common/fid.h"

struct filesystem;

struct root {
	struct root *next;
	const char *arg;		/* as it was given */
	bool exclude;
	int fd;				/* until roots_close() */
	char *path;
	struct fid fid;
	const struct filesystem *fs;
	bool gone;
};

int roots_add(const char *arg, bool exclude);
int roots_open(const char *done, const char *(*refuse)(int fd));
void roots_close(void);
struct root *roots_first(void);
unsigned int roots_included(void);
bool roots_excluded(void);

struct root *roots_deleted(const struct fid *fid);
void roots_mounts_changed(void);
void roots_moved(void);
bool roots_want(const char *path);

#endif /* __ROOTS_H */
