// SPDX-License-Identifier: GPL-2.0
/*
 * Subtree roots: the directories given on the command line, whether they are still
 * there, and whether a path is below one. The nearest root decides, as in the
 * kernel.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/filesystems.h"
#include "common/path.h"
#include "common/paths.h"
#include "common/roots.h"

static struct root *roots, **last = &roots;
static const char *done;	/* with a root: "watched", in messages */

/**
 * roots_add - note a directory of the command line
 * @arg:	the directory
 * @exclude:	what is below it is left out
 *
 * Return: 0, or -1 if there is no memory.
 */
int roots_add(const char *arg, bool exclude)
{
	struct root *root = calloc(1, sizeof(*root));

	if (!root)
		return -1;
	root->arg = arg;
	root->exclude = exclude;
	root->fd = -1;
	*last = root;
	last = &root->next;
	return 0;
}

static struct root *find(const struct fid *fid)
{
	struct root *root;

	for (root = roots; root; root = root->next)
		if (root->fs && !root->gone && fid_equal(&root->fid, fid))
			return root;
	return NULL;
}

/* Errors of fs_add() */
static int explain_handles(const char *arg)
{
	if (errno == EOPNOTSUPP || errno == ESTALE || errno == EOVERFLOW)
		warnx("%s: its filesystem has no file handles that can be opened, so the paths of its events cannot be told; give the filesystem below it, if it is an overlay",
		      arg);
	else if (errno == EPERM)
		warnx("%s: opening file handles needs CAP_DAC_READ_SEARCH in the initial user namespace; run as root",
		      arg);
	else
		warn("%s", arg);
	return -1;
}

static int open_root(struct root *root, const char *(*refuse)(int fd))
{
	const struct filesystem *fs;
	const char *why;
	struct root *other;

	root->fd = open(root->arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->fd < 0 && errno == ENOTDIR) {
		warnx("%s: not a directory; give the directory that it is in",
		      root->arg);
		return -1;
	}
	if (root->fd < 0) {
		warn("%s", root->arg);
		return -1;
	}
	why = refuse ? refuse(root->fd) : NULL;
	if (why) {
		warnx("%s: %s", root->arg, why);
		return -1;
	}
	root->path = path_of_fd(root->fd);
	if (!root->path) {
		warn("%s", root->arg);
		return -1;
	}
	fs = fs_add(root->fd, &root->fid);
	if (!fs)
		return explain_handles(root->arg);
	other = find(&root->fid);
	if (other && other->exclude != root->exclude) {
		warnx("%s: both %s and excluded; leave one out", root->arg,
		      done);
		return -1;
	}
	root->fs = fs;
	return 0;
}

static int check_excluded(const struct root *excluded)
{
	struct root *root;

	for (root = roots; root; root = root->next)
		if (!root->exclude && root->fs == excluded->fs &&
		    path_is_below(excluded->path, root->path))
			return 0;
	warnx("--exclude %s: it is not below a %s directory, so its events are not %s anyway",
	      excluded->arg, done, done);
	return -1;
}

static void note_mounts(const struct root *root)
{
	const char *first;
	unsigned int n = fs_unknown_below(root->path, &first);

	if (n)
		warnx("note: %s%s mounted below %s: other filesystems are not %s, unless given as a DIR of their own",
		      first, n > 1 ? " and others are" : " is", root->arg,
		      done);
}

/**
 * roots_open - open all directories, and note what is mounted inside
 * @what_is_done:	with what is inside: "watched", for messages
 * @refuse:		says why a directory will not do, or returns NULL; may be NULL
 *
 * Return: 0, or -1 after it has said what is wrong.
 */
int roots_open(const char *what_is_done, const char *(*refuse)(int fd))
{
	struct root *root;

	done = what_is_done;
	for (root = roots; root; root = root->next)
		if (open_root(root, refuse))
			return -1;
	for (root = roots; root; root = root->next)
		if (root->exclude && check_excluded(root))
			return -1;
	for (root = roots; root; root = root->next)
		if (!root->exclude)
			note_mounts(root);
	return 0;
}

/**
 * roots_close - close all directories
 *
 * An open descriptor would keep the filesystem mounted.
 */
void roots_close(void)
{
	struct root *root;

	for (root = roots; root; root = root->next) {
		close(root->fd);
		root->fd = -1;
	}
}

/**
 * roots_first - the first one of the command line, which has the others in ->next
 */
struct root *roots_first(void)
{
	return roots;
}

/**
 * roots_included - number of directories that are still there, not excluded ones
 */
unsigned int roots_included(void)
{
	unsigned int count = 0;
	struct root *root;

	for (root = roots; root; root = root->next)
		count += !root->gone && !root->exclude;
	return count;
}

/**
 * roots_excluded - was any directory excluded
 */
bool roots_excluded(void)
{
	struct root *root;

	for (root = roots; root && !root->exclude; root = root->next)
		;
	return root;
}

/**
 * roots_deleted - a directory was removed
 * @fid:	the directory
 *
 * Says so, unless it was an excluded one.
 *
 * Return: the root that it was, or NULL if it was none.
 */
struct root *roots_deleted(const struct fid *fid)
{
	struct root *root = find(fid);

	if (!root)
		return NULL;
	root->gone = true;
	if (!root->exclude)
		warnx("%s was removed, and is no longer %s", root->arg, done);
	return root;
}

static void fs_gone(const struct filesystem *fs, const char *mount)
{
	struct root *root;

	for (root = roots; root; root = root->next) {
		if (root->fs != fs || root->gone)
			continue;
		root->gone = true;
		if (!root->exclude)
			warnx("%s was unmounted: %s is no longer %s", mount,
			      root->arg, done);
	}
}

/**
 * roots_mounts_changed - the mount table has changed
 *
 * Says which directories are gone with their filesystem.
 */
void roots_mounts_changed(void)
{
	fs_mounts_changed(fs_gone);
}

/**
 * roots_moved - a directory was renamed: roots below it may have another path
 */
void roots_moved(void)
{
	struct root *root;
	const char *path;
	char *copy;

	for (root = roots; root; root = root->next) {
		path = root->gone ? NULL : paths_resolve(&root->fid);
		copy = path ? strdup(path) : NULL;
		if (!copy)
			continue;
		free(root->path);
		root->path = copy;
	}
}

/**
 * roots_want - is the nearest root above a path not an excluded one
 * @path:	the path
 *
 * Return: false if there is none above it, either.
 */
bool roots_want(const char *path)
{
	const struct root *nearest = NULL;
	struct root *root;

	for (root = roots; root; root = root->next) {
		if (root->gone || !path_is_below(path, root->path))
			continue;
		if (!nearest || strlen(root->path) > strlen(nearest->path))
			nearest = root;
	}
	return nearest && !nearest->exclude;
}
