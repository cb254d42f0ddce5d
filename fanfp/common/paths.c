// SPDX-License-Identifier: GPL-2.0
/*
 * From the file handles that events carry to paths.
 *
 * A directory that is gone has no path any more, but its last events are read
 * when it is gone. So the last known path of a directory is kept in a small
 * cache, which also saves asking twice in a batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/filesystems.h"
#include "common/path.h"
#include "common/paths.h"

#define NR_CACHED	4096

static struct cached {
	struct fid fid;
	char *path;
	unsigned int batch;	/* in which the path was looked up */
} cache[NR_CACHED];

static unsigned int batch = 1;

static struct cached *cache_slot(const struct fid *fid)
{
	unsigned int i, hash = 2166136261u ^ (unsigned int)fid->fsid;

	for (i = 0; i < fid->bytes; i++)
		hash = (hash ^ fid->handle[i]) * 16777619u;
	return &cache[(hash ^ hash >> 15) % NR_CACHED];
}

/**
 * paths_resolve - path of a directory, or the last one that it had
 * @dir:	the directory
 *
 * Return: the path, valid until the next call; NULL if it was never known.
 */
const char *paths_resolve(const struct fid *dir)
{
	struct cached *c = cache_slot(dir);
	bool hit = c->path && fid_equal(&c->fid, dir);
	struct filesystem *fs;
	char *path = NULL;
	int fd = -1;

	if (hit && c->batch == batch)
		return c->path;

	fs = fs_find(dir->fsid);
	if (fs && fs_open(fs) >= 0)
		fd = fid_open(dir, fs_open(fs));
	if (fd >= 0) {
		path = path_of_fd(fd);
		close(fd);
	}
	if (!path)
		return hit ? c->path : NULL;

	free(c->path);
	c->fid = *dir;
	c->path = path;
	c->batch = batch;
	return path;
}

/**
 * paths_learn - a directory was seen by name
 * @dir:	the directory; it may be gone before it is seen by handle
 * @path:	its path
 */
void paths_learn(const struct fid *dir, const char *path)
{
	struct cached *c = cache_slot(dir);
	char *copy;

	if (c->path && fid_equal(&c->fid, dir))
		return;
	copy = strdup(path);
	if (!copy)
		return;
	free(c->path);
	c->fid = *dir;
	c->path = copy;
	c->batch = 0;
}

/**
 * paths_renamed - a directory was renamed: so were those remembered below it
 * @from:	its path before
 * @to:		its path now
 */
void paths_renamed(const char *from, const char *to)
{
	size_t i, len = strlen(from);
	char *path;

	for (i = 0; i < NR_CACHED; i++) {
		if (!cache[i].path || !path_is_below(cache[i].path, from))
			continue;
		if (asprintf(&path, "%s%s", to, cache[i].path + len) < 0)
			return;
		free(cache[i].path);
		cache[i].path = path;
	}
}

/**
 * paths_end_batch - all events that were read have been dealt with
 */
void paths_end_batch(void)
{
	batch++;
	fs_close_all();
}
