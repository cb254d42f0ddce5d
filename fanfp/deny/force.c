// SPDX-License-Identifier: GPL-2.0
/*
 * What fanfp deny has in force: the list as it was read last, and the fast path for
 * what is there of it. Another one replaces it, or it stays as it is.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/nowait.h"
#include "common/options.h"
#include "common/path.h"
#include "deny/deny.h"

static const char *list_file;
static struct deny_list given;		/* on the command line */
static struct deny_list wanted;		/* with what the file holds */
static struct deny_list list;		/* in force */
static struct deny_set *set;
static struct deny_totals totals;

/**
 * force_init - what is to be denied; nothing is in force yet
 * @file:	the list, or NULL
 * @paths:	the paths of the command line
 */
void force_init(const char *file, const struct deny_list *paths)
{
	list_file = file;
	given = *paths;
}

/* Walk up by path, and compare with what is listed. */
static bool is_denied(int fd)
{
	char *path = path_of_fd(fd), *slash;
	bool denied = false;
	struct stat st;
	size_t i;

	/* Too long to be told, or out of reach: as if it was inside. */
	if (!path || path[0] != '/') {
		free(path);
		return true;
	}
	while (!denied && (slash = strrchr(path, '/'))) {
		for (i = 0; i < list.nr; i++)
			if (list.entries[i].exists && !stat(path, &st) &&
			    st.st_dev == list.entries[i].dev &&
			    st.st_ino == list.entries[i].ino)
				denied = true;
		*slash = 0;
	}
	free(path);
	return denied;
}

/**
 * force_answer - answer opens of which the kernel could not tell whether they are
 * inside
 */
void force_answer(void)
{
	static char buf[16 * FAN_EVENT_METADATA_LEN]
		__attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta;
	struct fanotify_response response;
	ssize_t len;

	while ((len = read(set_group_fd(set), buf, sizeof(buf))) > 0) {
		meta = (void *)buf;
		for (; FAN_EVENT_OK(meta, len);
		     meta = FAN_EVENT_NEXT(meta, len)) {
			response.fd = meta->fd;
			response.response = FAN_ALLOW;
			if (meta->pid != getpid() && is_denied(meta->fd))
				response.response = FAN_DENY;
			if (response.response == FAN_DENY)
				totals.denied++;
			else
				totals.allowed++;
			if (write(set_group_fd(set), &response,
				  sizeof(response)) < 0 && errno != ENOENT)
				warn("cannot answer");
			close(meta->fd);
		}
	}
}

/* What is to be denied; wanted is unchanged if that cannot be read. */
static int read_list(void)
{
	struct deny_list new = {};

	if (list_copy(&new, &given)) {
		warnx("out of memory");
		goto fail;
	}
	if (list_file && list_read(&new, list_file))
		goto fail;
	list_free(&wanted);
	wanted = new;
	return 0;

fail:
	list_free(&new);
	return -1;
}

static void say_what_is_loaded(void)
{
	size_t i, files = 0, below = 0, missing = 0;
	const struct deny_entry *e;
	char line[160];
	int len;

	for (i = 0; i < list.nr; i++) {
		e = &list.entries[i];
		files += e->exists && !e->is_dir;
		below += e->exists && e->is_dir;
		missing += !e->exists;
		if (!e->exists && e->line)
			warnx("%s:%u: %s does not exist yet", list_file,
			      e->line, e->path);
		else if (!e->exists)
			warnx("%s does not exist yet", e->path);
	}
	if (options.quiet)
		return;
	if (options.json)
		len = snprintf(line, sizeof(line),
			       "{\"loaded\": {\"files\": %zu, \"directories\": %zu, \"missing\": %zu}}\n",
			       files, below, missing);
	else
		len = snprintf(line, sizeof(line),
			       "denying %zu file%s and %zu director%s; %zu %s not exist\n",
			       files, files == 1 ? "" : "s", below,
			       below == 1 ? "y" : "ies", missing,
			       missing == 1 ? "does" : "do");
	nowait_line(line, len);
}

/* Returns 0, or -1 if the old set stays. */
static int replace_set(bool always)
{
	struct deny_list next = {};
	struct deny_set *new_set;

	if (list_copy(&next, &wanted)) {
		warnx("out of memory");
		goto fail;
	}
	list_look_up(&next);
	if (!always && list_is_same(&next, &list)) {
		list_free(&next);
		return 0;
	}
	new_set = set_create(&next);
	if (!new_set)
		goto fail;

	/* The new set is in force before the old one goes. */
	if (set) {
		force_answer();
		set_add_counts(set, &totals.kernel);
		set_destroy(set);
		totals.reloads++;
	}
	set = new_set;
	list_free(&list);
	list = next;
	say_what_is_loaded();
	return 0;

fail:
	list_free(&next);
	if (set)
		warnx("what was denied before stays denied; it is tried again when something changes");
	return -1;
}

/**
 * force_load - deny what is listed and there
 * @edited:	the list has to be read again
 * @always:	make a new fast path, even if what is there is the same
 *
 * Return: 0, or -1 if that which was in force before stays, after it has said what
 * is wrong.
 */
int force_load(bool edited, bool always)
{
	/* What changes after it was read or looked up is told by inotify. */
	if (watch_list(list_file))
		return -1;
	if (edited && read_list()) {
		if (!set)
			return -1;
		warnx("the list that was read before stays in force");
	}
	watch_paths(&wanted);
	return replace_set(always);
}

/**
 * force_group_fd - the group, to poll for what force_answer() is for
 */
int force_group_fd(void)
{
	return set_group_fd(set);
}

/**
 * force_link_fd - reports EPOLLHUP when somebody has detached the program
 */
int force_link_fd(void)
{
	return set_link_fd(set);
}

/**
 * force_end - from now on nothing is denied
 * @t:		where to store what was counted
 */
void force_end(struct deny_totals *t)
{
	set_add_counts(set, &totals.kernel);
	set_destroy(set);
	set = NULL;
	*t = totals;
}
