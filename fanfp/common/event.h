/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of fanotify events.
 */
#ifndef __EVENT_H
#define __EVENT_H

#include <stdint.h>

#define EVENTS_DEFAULT \
	"open,modify,close_write,create,delete,move,attrib,exec"

int events_parse(const char *list, uint64_t *mask);
const char *events_known(void);
const char *events_next_name(uint64_t *mask);

#endif /* __EVENT_H */
