/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Paths as strings.
 */
#ifndef __PATH_H
#define __PATH_H

#include <stdbool.h>

char *path_of_fd(int fd);
bool path_is_below(const char *path, const char *dir);
char *path_join(const char *dir, const char *name);

#endif /* __PATH_H */
