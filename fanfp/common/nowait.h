/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Printing without waiting for whoever reads it.
 */
#ifndef __NOWAIT_H
#define __NOWAIT_H

#include <stdbool.h>
#include <stddef.h>

void nowait_begin(void);
void nowait_restore_stderr(void);
bool nowait_line(const char *line, size_t len);
int nowait_end(void);

#endif /* __NOWAIT_H */
