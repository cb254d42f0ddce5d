/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mounts of this mount namespace.
 */
#ifndef __MOUNTS_H
#define __MOUNTS_H

#include <stdbool.h>
#include <stdio.h>

struct mount {
	int id;
	char dev[24];		/* major:minor */
	char *point;
};

FILE *mounts_open(void);
bool mounts_next(FILE *file, struct mount *m);
int mounts_poll_fd(void);
bool mount_find(int id, struct mount *found);
bool mount_refresh(struct mount *m);

#endif /* __MOUNTS_H */
