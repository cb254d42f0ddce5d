// SPDX-License-Identifier: GPL-2.0
/*
 * Subtree roots: the directories given on the command line, and whether a path
 * is below one. The nearest root decides, as in the kernel.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/roots.h"

static struct root *roots;

/*
 * Add a directory, and open it: what the caller does with it is best done by
 * descriptor. Returns NULL after it has said what is wrong.
 */
struct root *roots_add(const char *arg, bool exclude, int *fd)
{
	struct root *root = calloc(1, sizeof(*root));
	struct root *other;

	*fd = open(arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0) {
		if (errno == ENOTDIR)
			warnx("%s: not a directory; give the directory that it is in",
			      arg);
		else
			warn("%s", arg);
		goto out_free;
	}
	if (!root)
		goto out_warn;

	root->arg = arg;
	root->exclude = exclude;
	root->path = path_of_fd(*fd);
	if (!root->path)
		goto out_warn;

	root->fs = paths_add(*fd, &root->fid);
	if (!root->fs) {
		if (errno == EOPNOTSUPP || errno == ESTALE ||
		    errno == EOVERFLOW)
			warnx("%s: its filesystem has no file handles that can be opened, so the paths of its events cannot be told; watch the filesystem below it, if it is an overlay",
			      arg);
		else if (errno == EPERM)
			warnx("%s: opening file handles needs CAP_DAC_READ_SEARCH in the initial user namespace; run as root",
			      arg);
		else
			goto out_warn;
		goto out_close;
	}

	other = roots_find(&root->fid);
	if (other && other->exclude != exclude) {
		warnx("%s: both watched and excluded; leave one out", arg);
		goto out_close;
	}

	root->next = roots;
	roots = root;
	return root;

out_warn:
	warn("%s", arg);
out_close:
	close(*fd);
out_free:
	if (root)
		free(root->path);
	free(root);
	return NULL;
}

struct root *roots_first(void)
{
	return roots;
}

struct root *roots_find(const struct fid *fid)
{
	struct root *root;

	for (root = roots; root; root = root->next)
		if (!root->gone && fid_equal(&root->fid, fid))
			return root;
	return NULL;
}

/* Number of watched directories that are still there. */
unsigned int roots_included(void)
{
	unsigned int count = 0;
	struct root *root;

	for (root = roots; root; root = root->next)
		count += !root->gone && !root->exclude;
	return count;
}

/* Is the nearest root above the path a watched one? */
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

/* A directory was renamed: the paths of roots below it are other ones now. */
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
