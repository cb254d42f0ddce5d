// SPDX-License-Identifier: GPL-2.0
/*
 * The mounts of this mount namespace, from /proc/self/mountinfo.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/mounts.h"

#define MOUNTINFO	"/proc/self/mountinfo"

/* Undo the \ooo of mountinfo. */
static void unescape(char *s)
{
	unsigned int c;
	char *out = s;

	while (*s) {
		if (*s == '\\' && sscanf(s, "\\%3o", &c) == 1) {
			*out++ = c;
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = 0;
}

/**
 * mounts_open - the table, for mounts_next(); NULL if it cannot be read
 */
FILE *mounts_open(void)
{
	return fopen(MOUNTINFO, "re");
}

/**
 * mounts_next - next mount of the table
 * @file:	what mounts_open() has returned
 * @m:		where to store it; m->point is valid until the next call
 *
 * Return: false if there is no other.
 */
bool mounts_next(FILE *file, struct mount *m)
{
	static char *line;
	static size_t size;
	int start, end;

	while (getline(&line, &size, file) > 0) {
		if (sscanf(line, "%d %*d %23s %*s %n%*s%n", &m->id, m->dev,
			   &start, &end) != 2)
			continue;
		line[end] = 0;
		m->point = line + start;
		unescape(m->point);
		return true;
	}
	return false;
}

/**
 * mounts_poll_fd - a descriptor that reports POLLPRI when the table has changed
 */
int mounts_poll_fd(void)
{
	return open(MOUNTINFO, O_RDONLY | O_CLOEXEC);
}

/**
 * mount_find - the mount of a number
 * @id:		as name_to_handle_at() tells it
 * @found:	where to store it; found->point is to be freed
 *
 * Return: false if there is none.
 */
bool mount_find(int id, struct mount *found)
{
	FILE *file = mounts_open();
	bool ret = false;

	while (file && !ret && mounts_next(file, found))
		ret = found->id == id;
	if (ret)
		found->point = strdup(found->point);
	if (file)
		fclose(file);
	return ret && found->point;
}

/**
 * mount_refresh - where a mount is now, or another one of its filesystem
 * @m:		the mount, from mount_find(); changed only if true is returned
 *
 * Return: false if the filesystem is not mounted any more.
 */
bool mount_refresh(struct mount *m)
{
	struct mount other, now = { .point = NULL };
	FILE *file = mounts_open();
	bool found = false;

	while (file && !found && mounts_next(file, &other)) {
		if (strcmp(other.dev, m->dev))
			continue;
		if (other.id == m->id) {
			/* A mount can be moved. */
			found = true;
		} else if (now.point) {
			continue;
		}
		free(now.point);
		now = other;
		now.point = strdup(other.point);
	}
	if (file)
		fclose(file);
	if (!now.point)
		return false;
	free(m->point);
	*m = now;
	return true;
}
