// SPDX-License-Identifier: GPL-2.0
/*
 * The filesystems that the given directories are on: a descriptor of each, to open
 * file handles by, and whether it is still mounted.
 *
 * Such a descriptor keeps the filesystem from being unmounted. So the mount points
 * are remembered by name, and open only while a batch of events is looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/filesystems.h"
#include "common/mounts.h"
#include "common/path.h"

struct filesystem {
	struct filesystem *next;
	uint64_t fsid;
	struct mount mount;
	int fd;			/* on the mount, or -1 */
	bool gone;
};

static struct filesystem *filesystems;
static bool keep_open;

/**
 * fs_add - make the filesystem of a directory known
 * @dir_fd:	the directory
 * @dir:	where to store what events of the directory will carry
 *
 * Return: the filesystem, or NULL with errno set if its handles cannot be opened.
 */
struct filesystem *fs_add(int dir_fd, struct fid *dir)
{
	struct filesystem *fs;
	int mount_id, test;

	if (fid_of_fd(dir_fd, dir, &mount_id))
		return NULL;
	test = fid_open(dir, dir_fd);
	if (test < 0)
		return NULL;
	close(test);

	fs = fs_find(dir->fsid);
	if (fs)
		return fs;

	fs = calloc(1, sizeof(*fs));
	if (!fs)
		return NULL;
	if (!mount_find(mount_id, &fs->mount)) {
		free(fs);
		errno = ENOENT;
		return NULL;
	}
	fs->fsid = dir->fsid;
	fs->fd = -1;
	fs->next = filesystems;
	filesystems = fs;
	return fs;
}

/**
 * fs_find - the filesystem that an event is of
 * @fsid:	as the event carries it
 *
 * Return: NULL if it is not known.
 */
struct filesystem *fs_find(uint64_t fsid)
{
	struct filesystem *fs;

	for (fs = filesystems; fs && fs->fsid != fsid; fs = fs->next)
		;
	return fs;
}

static void fs_close(struct filesystem *fs)
{
	if (fs->fd >= 0)
		close(fs->fd);
	fs->fd = -1;
}

/**
 * fs_open - a descriptor on a mount of a filesystem
 * @fs:		the filesystem
 *
 * Return: the descriptor, until fs_close_all(); -1 if something else is mounted
 * there now.
 */
int fs_open(struct filesystem *fs)
{
	struct statfs st;

	if (fs->fd >= 0 || fs->gone)
		return fs->fd;
	fs->fd = open(fs->mount.point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs->fd >= 0 && (fstatfs(fs->fd, &st) ||
			    memcmp(&st.f_fsid, &fs->fsid, sizeof(fs->fsid))))
		fs_close(fs);
	return fs->fd;
}

/**
 * fs_keep_open - open all, and leave them open
 *
 * For a listener that gets events of its own: opening one would cause the next.
 */
void fs_keep_open(void)
{
	struct filesystem *fs;

	keep_open = true;
	for (fs = filesystems; fs; fs = fs->next)
		fs_open(fs);
}

/**
 * fs_close_all - no descriptor is needed any more for the time being
 */
void fs_close_all(void)
{
	struct filesystem *fs;

	for (fs = filesystems; fs && !keep_open; fs = fs->next)
		fs_close(fs);
}

/**
 * fs_mounts_changed - find filesystems that are not mounted any more
 * @gone:	called for each, with the last mount point, once
 */
void fs_mounts_changed(void (*gone)(const struct filesystem *fs,
				    const char *mount))
{
	struct filesystem *fs;

	for (fs = filesystems; fs; fs = fs->next) {
		if (fs->gone || mount_refresh(&fs->mount))
			continue;
		fs_close(fs);
		fs->gone = true;
		gone(fs, fs->mount.point);
	}
}

static bool is_known(const char *dev)
{
	struct filesystem *fs;

	for (fs = filesystems; fs; fs = fs->next)
		if (!strcmp(fs->mount.dev, dev))
			return true;
	return false;
}

/**
 * fs_unknown_below - mounts of other filesystems below a directory
 * @dir:	path of the directory
 * @first:	where to store one mount point, valid until the next call
 *
 * Return: how many there are.
 */
unsigned int fs_unknown_below(const char *dir, const char **first)
{
	FILE *file = mounts_open();
	static char *first_point;
	unsigned int count = 0;
	struct mount m;

	while (file && mounts_next(file, &m)) {
		if (!path_is_below(m.point, dir) || !strcmp(m.point, dir) ||
		    is_known(m.dev) || count++)
			continue;
		free(first_point);
		first_point = strdup(m.point);
	}
	if (file)
		fclose(file);
	*first = first_point ? first_point : "";
	return count;
}
