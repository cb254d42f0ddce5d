// SPDX-License-Identifier: GPL-2.0
/*
 * What fanfp deny is told by inotify: that something else may be at a listed path,
 * or that the list was edited.
 *
 * Every directory that the way to a path leads through is watched, that of each
 * symlink and of what it points to as well. A directory that is not there will be
 * created in one that is.
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deny/deny.h"
#include "fanfp.h"

#define CHANGES		(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define MAX_LINKS	40	/* as the kernel */
#define WAY_MAX		(2 * PATH_MAX)

/* Names on the ways; events carry one, and not the whole path. */
struct names {
	char **names;
	size_t nr;
};

static int inotify_fd = -1;
static const char *list_path;
static struct names list_names, path_names;
static bool complained;

static void names_add(struct names *names, const char *name)
{
	char **more = realloc(names->names, (names->nr + 1) * sizeof(*more));

	if (!more)
		err(FANFP_FAILED, "cannot watch %s", name);
	names->names = more;
	more[names->nr] = strdup(name);
	if (!more[names->nr++])
		err(FANFP_FAILED, "cannot watch %s", name);
}

static bool names_have(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->nr; i++)
		if (!strcmp(names->names[i], name))
			return true;
	return false;
}

static void names_free(struct names *names)
{
	while (names->nr)
		free(names->names[--names->nr]);
	free(names->names);
	names->names = NULL;
}

static void watch(const char *path, uint32_t mask)
{
	if (inotify_add_watch(inotify_fd, path, mask | IN_MASK_ADD) >= 0 ||
	    errno == ENOENT || errno == ENOTDIR || complained)
		return;
	complained = true;
	if (errno == ENOSPC)
		warnx("cannot watch %s: too many watches, so that what appears at a path later is not denied: raise /proc/sys/fs/inotify/max_user_watches",
		      path);
	else
		warn("cannot watch %s, so that what appears there later is not denied",
		     path);
}

/* Cuts the first name off a way; returns false if there is none. */
static bool next_name(char *way, char *name)
{
	char *start = way + strspn(way, "/");
	size_t len = strcspn(start, "/");

	if (!len || len > NAME_MAX)
		return false;
	memcpy(name, start, len);
	name[len] = 0;
	memmove(way, start + len, strlen(start + len) + 1);
	return true;
}

/* last is asked for, too, where the last name of the way is. */
static void watch_way(const char *path, uint32_t last, struct names *names)
{
	char way[WAY_MAX], dir[WAY_MAX] = "", target[PATH_MAX], name[NAME_MAX + 1];
	unsigned int links = 0;
	size_t dir_len = 0;
	ssize_t len;

	snprintf(way, sizeof(way), "%s", path);
	while (next_name(way, name)) {
		watch(dir_len ? dir : "/", CHANGES | IN_ONLYDIR |
		      (way[strspn(way, "/")] ? 0 : last));
		names_add(names, name);

		if (dir_len + 1 + strlen(name) >= sizeof(dir))
			return;
		sprintf(dir + dir_len, "/%s", name);
		len = readlink(dir, target, sizeof(target) - 1);
		if (len < 0) {
			dir_len = strlen(dir);
			continue;
		}
		target[len] = 0;

		/* The target takes the place of the link. */
		if (++links > MAX_LINKS || len + strlen(way) + 1 >= sizeof(way))
			return;
		memmove(way + len + 1, way, strlen(way) + 1);
		memcpy(way, target, len);
		way[len] = '/';
		if (target[0] == '/')
			dir_len = 0;
		dir[dir_len] = 0;
	}
}

/**
 * watch_list - begin anew, with the list
 * @path:	the list, or NULL; what changes of it from then on is told
 *
 * Return: 0, or -1 after it has said what is wrong.
 */
int watch_list(const char *path)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE)
			warnx("cannot watch the list: too many inotify instances or open files: raise /proc/sys/fs/inotify/max_user_instances or ulimit -n");
		else
			warn("inotify_init1");
		return -1;
	}
	if (inotify_fd >= 0)
		close(inotify_fd);
	inotify_fd = fd;
	names_free(&list_names);
	names_free(&path_names);
	complained = false;

	list_path = path;
	if (!path)
		return 0;
	watch_way(path, IN_CLOSE_WRITE, &list_names);
	/* It may have other names, or be a mount of its own. */
	watch(path, IN_CLOSE_WRITE);
	return 0;
}

/**
 * watch_paths - what appears at the paths of a list from then on is told
 * @list:	the list
 */
void watch_paths(const struct deny_list *list)
{
	size_t i;

	for (i = 0; i < list->nr; i++)
		watch_way(list->entries[i].path, 0, &path_names);
}

/**
 * watch_fd - what to poll for watch_read(), until watch_list() is called
 */
int watch_fd(void)
{
	return inotify_fd;
}

/* While somebody writes the list it is not read; its close will be told. */
static bool is_being_written(void)
{
	struct stat st;

	return !lstat(list_path, &st) && S_ISREG(st.st_mode) &&
	       st.st_nlink == 1;
}

static bool is_of_list(const struct inotify_event *event)
{
	if (!list_path)
		return false;
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (!event->len)
		return event->mask & IN_CLOSE_WRITE;
	if (!names_have(&list_names, event->name))
		return false;
	if (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
		return true;
	return (event->mask & IN_CREATE) &&
	       ((event->mask & IN_ISDIR) || !is_being_written());
}

static bool is_of_paths(const struct inotify_event *event)
{
	if (event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT | IN_IGNORED))
		return true;
	/* A new directory of the list's has to be watched. */
	return (event->mask & CHANGES) && event->len &&
	       (names_have(&path_names, event->name) ||
		names_have(&list_names, event->name));
}

/**
 * watch_read - what may have changed since the last call
 */
struct watch_news watch_read(void)
{
	static char buf[1 << 16] __attribute__((aligned(8)));
	struct watch_news news = {};
	const struct inotify_event *event;
	ssize_t len;
	char *p;

	while ((len = read(inotify_fd, buf, sizeof(buf))) > 0) {
		for (p = buf; p < buf + len; p += sizeof(*event) + event->len) {
			event = (const void *)p;
			news.list |= is_of_list(event);
			news.paths |= is_of_paths(event);
		}
	}
	return news;
}
