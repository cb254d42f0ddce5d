// SPDX-License-Identifier: GPL-2.0
/*
 * The list of fanfp deny: a path a line, absolute; empty lines and lines that
 * begin with # are left out.
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "deny/deny.h"

/**
 * list_add - add a path
 * @list:	the list
 * @path:	the path, absolute
 * @line:	where it is in the file, 0 if it is not of the file
 *
 * Return: 0, or -ENOMEM.
 */
int list_add(struct deny_list *list, const char *path, unsigned int line)
{
	struct deny_entry *entries;
	size_t len = strlen(path);

	entries = realloc(list->entries, (list->nr + 1) * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	list->entries = entries;
	entries += list->nr;
	memset(entries, 0, sizeof(*entries));

	while (len > 1 && path[len - 1] == '/')
		len--;
	entries->path = strndup(path, len);
	if (!entries->path)
		return -ENOMEM;
	entries->line = line;
	list->nr++;
	return 0;
}

static const char *what_is_wrong(const char *line, size_t len)
{
	struct stat st, top;

	if (strlen(line) != len)
		return "there is a zero byte in it";
	if (line[0] != '/')
		return "not an absolute path";
	if (len >= PATH_MAX)
		return "too long for a path";
	if (!stat(line, &st) && !stat("/", &top) && st.st_dev == top.st_dev &&
	    st.st_ino == top.st_ino)
		return "it would deny the whole machine";
	return NULL;
}

/**
 * list_read - add the paths of a file
 * @list:	the list
 * @file:	the file
 *
 * Return: 0, or -1 after it has said what is wrong, all of it.
 */
int list_read(struct deny_list *list, const char *file)
{
	FILE *in = fopen(file, "re");
	unsigned int nr = 0, bad = 0;
	const char *wrong;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (!in) {
		warn("%s", file);
		return -1;
	}
	while ((len = getline(&line, &size, in)) >= 0) {
		nr++;
		if (len && line[len - 1] == '\n')
			line[--len] = 0;
		if (!len || line[0] == '#')
			continue;
		wrong = what_is_wrong(line, len);
		if (wrong) {
			warnx("%s:%u: %s", file, nr, wrong);
			bad++;
		} else if (list_add(list, line, nr)) {
			warn("%s", file);
			bad++;
		}
	}
	if (ferror(in)) {
		warn("cannot read %s", file);
		bad++;
	}
	free(line);
	fclose(in);
	return bad ? -1 : 0;
}

/**
 * list_copy - add the paths of another list, but not what is there
 * @to:		the list
 * @from:	the other list
 *
 * Return: 0, or -ENOMEM.
 */
int list_copy(struct deny_list *to, const struct deny_list *from)
{
	size_t i;

	for (i = 0; i < from->nr; i++)
		if (list_add(to, from->entries[i].path, from->entries[i].line))
			return -ENOMEM;
	return 0;
}

/**
 * list_look_up - note what is at the paths now
 * @list:	the list
 */
void list_look_up(struct deny_list *list)
{
	struct deny_entry *e;
	struct stat st;
	size_t i;

	for (i = 0; i < list->nr; i++) {
		e = &list->entries[i];
		e->exists = !stat(e->path, &st);
		if (e->exists) {
			e->is_dir = S_ISDIR(st.st_mode);
			e->dev = st.st_dev;
			e->ino = st.st_ino;
		}
	}
}

/**
 * list_is_same - have two lists the same paths, and the same at each of them
 */
bool list_is_same(const struct deny_list *a, const struct deny_list *b)
{
	const struct deny_entry *x, *y;
	size_t i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++) {
		x = &a->entries[i];
		y = &b->entries[i];
		if (strcmp(x->path, y->path) || x->exists != y->exists ||
		    (x->exists && (x->dev != y->dev || x->ino != y->ino)))
			return false;
	}
	return true;
}

/**
 * list_free - make a list an empty one
 * @list:	the list
 */
void list_free(struct deny_list *list)
{
	size_t i;

	for (i = 0; i < list->nr; i++)
		free(list->entries[i].path);
	free(list->entries);
	memset(list, 0, sizeof(*list));
}
