/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Making a fanotify group and marking for it.
 */
#ifndef __GROUP_H
#define __GROUP_H

#include <stdint.h>

struct fanotify_event_metadata;

int group_init(unsigned int flags, const char *doing);
int group_mark(int group_fd, unsigned int flags, uint64_t mask, int fd,
	       const char *arg, const char *what);
void group_check_version(const struct fanotify_event_metadata *meta);

#endif /* __GROUP_H */
