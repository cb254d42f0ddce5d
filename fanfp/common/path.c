// SPDX-License-Identifier: GPL-2.0
/*
 * Paths as strings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/path.h"

/**
 * path_of_fd - path of what is open
 * @fd:		any descriptor of a file or directory, O_PATH will do
 *
 * Return: the path, to be freed; NULL if there is none.
 */
char *path_of_fd(int fd)
{
	static const char deleted[] = " (deleted)";
	char link[64], path[4200];
	struct stat st;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return NULL;
	path[len] = 0;

	/* A name may end like that, too. */
	len -= sizeof(deleted) - 1;
	if (len > 0 && !strcmp(path + len, deleted) && !fstat(fd, &st) &&
	    !st.st_nlink)
		path[len] = 0;
	return strdup(path);
}

/**
 * path_is_below - is a path a directory, or below it
 * @path:	the path
 * @dir:	path of the directory
 */
bool path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (!strcmp(dir, "/"))
		return path[0] == '/';
	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

/**
 * path_join - path of a name in a directory
 * @dir:	path of the directory
 * @name:	the name; "" and "." are the directory itself
 *
 * Return: the path, to be freed; NULL if there is no memory.
 */
char *path_join(const char *dir, const char *name)
{
	char *path;

	if (!name[0] || !strcmp(name, "."))
		return strdup(dir);
	if (asprintf(&path, "%s/%s", strcmp(dir, "/") ? dir : "", name) < 0)
		return NULL;
	return path;
}
