// SPDX-License-Identifier: GPL-2.0
/*
 * Names of fanotify events, as --events takes them and as they are printed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>

#include "common/event.h"

static const struct {
	const char *name;
	uint64_t mask;
} events[] = {
	/* In the order in which they happen to a file. */
	{ "create",		FAN_CREATE },
	{ "exec",		FAN_OPEN_EXEC },
	{ "open",		FAN_OPEN },
	{ "access",		FAN_ACCESS },
	{ "modify",		FAN_MODIFY },
	{ "attrib",		FAN_ATTRIB },
	{ "close_write",	FAN_CLOSE_WRITE },
	{ "close_nowrite",	FAN_CLOSE_NOWRITE },
	{ "move",		FAN_RENAME },
	{ "delete",		FAN_DELETE },
	/* Accepted; printed by the names of their parts. */
	{ "close",		FAN_CLOSE },
	{ "all",		FAN_CREATE | FAN_OPEN_EXEC | FAN_OPEN |
				FAN_ACCESS | FAN_MODIFY | FAN_ATTRIB |
				FAN_CLOSE | FAN_RENAME | FAN_DELETE },
	/* Of a watched directory only; cannot be asked for. */
	{ "delete_self",	FAN_DELETE_SELF },
};

#define NR_EVENTS	(sizeof(events) / sizeof(events[0]))

/**
 * events_parse - from names to a mask
 * @list:	names, with commas
 * @mask:	where to store the mask
 *
 * Return: 0, or -EINVAL if a name is not known.
 */
int events_parse(const char *list, uint64_t *mask)
{
	size_t i, len;

	*mask = 0;
	for (;;) {
		len = strcspn(list, ",");
		for (i = 0; i < NR_EVENTS; i++)
			if (strlen(events[i].name) == len &&
			    !strncmp(events[i].name, list, len) &&
			    events[i].mask != FAN_DELETE_SELF)
				break;
		if (i == NR_EVENTS)
			return -EINVAL;
		*mask |= events[i].mask;
		if (!list[len])
			return 0;
		list += len + 1;
	}
}

/**
 * events_known - the names that events_parse() knows, for a message
 */
const char *events_known(void)
{
	return "create, exec, open, access, modify, attrib, close_write, close_nowrite, close, move, delete, all";
}

/**
 * events_next_name - name of one event of a mask
 * @mask:	the mask, which loses the event
 *
 * Return: the name, or NULL if none is left.
 */
const char *events_next_name(uint64_t *mask)
{
	size_t i;

	for (i = 0; i < NR_EVENTS; i++) {
		if (!(*mask & events[i].mask))
			continue;
		*mask &= ~events[i].mask;
		return events[i].name;
	}
	return NULL;
}
