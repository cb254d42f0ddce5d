/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /proc tells of other processes.
 */
#ifndef __PROCESS_H
#define __PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROCESS_NAME_MAX	64	/* longer than any name and its zero byte */

void process_name(pid_t pid, char *name, size_t size);
bool process_is_descendant(pid_t pid, pid_t of);

#endif /* __PROCESS_H */
