// SPDX-License-Identifier: GPL-2.0
/*
 * From the file handles that events carry to paths.
 *
 * open_by_handle_at() wants a descriptor on a mount of the filesystem, and such
 * a descriptor keeps the filesystem from being unmounted. So the mount points
 * are remembered by name, and open only while a batch of events is looked at.
 *
 * A directory that is gone has no path any more, but its last events are read
 * when it is gone. So the last known path of a directory is kept in a small
 * cache, which also saves asking twice in a batch.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/paths.h"

struct mount {
	int id;
	char dev[24];		/* major:minor */
	char *point;
};

struct paths_fs {
	struct paths_fs *next;
	uint64_t fsid;
	struct mount mount;
	int fd;			/* on the mount, or -1 */
	bool gone;
};

static struct paths_fs *filesystems;
static bool keep_open;

#define NR_CACHED	4096

static struct cached {
	struct fid fid;
	char *path;
	unsigned int batch;	/* in which the path was looked up */
} cache[NR_CACHED];

static unsigned int batch = 1;

/* Returns 0, or -EINVAL if the record is not one of the kernel's. */
int fid_of_event(const struct fanotify_event_info_fid *info, struct fid *fid)
{
	const struct file_handle *handle = (const void *)info->handle;

	if (handle->handle_bytes > sizeof(fid->handle))
		return -EINVAL;
	memcpy(&fid->fsid, &info->fsid, sizeof(fid->fsid));
	fid->bytes = handle->handle_bytes;
	fid->type = handle->handle_type;
	memcpy(fid->handle, handle->f_handle, fid->bytes);
	return 0;
}

/* Name that follows the handle in the records that have one. */
const char *name_of_event(const struct fanotify_event_info_fid *info)
{
	const struct file_handle *handle = (const void *)info->handle;

	return (const char *)handle->f_handle + handle->handle_bytes;
}

bool fid_equal(const struct fid *a, const struct fid *b)
{
	return a->fsid == b->fsid && a->type == b->type &&
	       a->bytes == b->bytes && !memcmp(a->handle, b->handle, a->bytes);
}

static struct cached *cache_slot(const struct fid *fid)
{
	unsigned int i, hash = 2166136261u ^ (unsigned int)fid->fsid;

	for (i = 0; i < fid->bytes; i++)
		hash = (hash ^ fid->handle[i]) * 16777619u;
	return &cache[(hash ^ hash >> 15) % NR_CACHED];
}

/* Path of an open directory; NULL if it has none. */
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

/* Is the path the directory, or below it? */
bool path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (!strcmp(dir, "/"))
		return path[0] == '/';
	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

char *path_join(const char *dir, const char *name)
{
	char *path;

	if (!name[0] || !strcmp(name, "."))
		return strdup(dir);
	if (asprintf(&path, "%s/%s", strcmp(dir, "/") ? dir : "", name) < 0)
		return NULL;
	return path;
}

/* Undo the \ooo of /proc/self/mountinfo. */
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

/* Next line of mountinfo; m->point is valid until the next call. */
static bool next_mount(FILE *file, struct mount *m)
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

static FILE *open_mountinfo(void)
{
	return fopen("/proc/self/mountinfo", "re");
}

static bool find_mount(int id, struct mount *found)
{
	FILE *file = open_mountinfo();
	bool ret = false;

	while (file && !ret && next_mount(file, found))
		ret = found->id == id;
	if (ret)
		found->point = strdup(found->point);
	if (file)
		fclose(file);
	return ret && found->point;
}

/* Open the mount of a filesystem, unless something else is there now. */
static int fs_open(struct paths_fs *fs)
{
	struct statfs st;

	if (fs->fd >= 0 || fs->gone)
		return fs->fd;
	fs->fd = open(fs->mount.point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs->fd >= 0 && (fstatfs(fs->fd, &st) ||
			    memcmp(&st.f_fsid, &fs->fsid, sizeof(fs->fsid)))) {
		close(fs->fd);
		fs->fd = -1;
	}
	return fs->fd;
}

static void fs_close(struct paths_fs *fs)
{
	if (fs->fd < 0)
		return;
	close(fs->fd);
	fs->fd = -1;
}

static int open_fid(int mount_fd, const struct fid *fid)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u;

	u.handle.handle_bytes = fid->bytes;
	u.handle.handle_type = fid->type;
	memcpy(u.handle.f_handle, fid->handle, fid->bytes);
	return open_by_handle_at(mount_fd, &u.handle, O_PATH | O_CLOEXEC);
}

/*
 * Make the paths of the filesystem of a directory known. Stores what events of
 * the directory will carry. Returns NULL with errno set if the filesystem's
 * handles cannot be turned into paths.
 */
struct paths_fs *paths_add(int fd, struct fid *fid)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u;
	struct paths_fs *fs;
	struct statfs st;
	int mount_id, test;

	u.handle.handle_bytes = MAX_HANDLE_SZ;
	if (fstatfs(fd, &st) ||
	    name_to_handle_at(fd, "", &u.handle, &mount_id, AT_EMPTY_PATH))
		return NULL;
	memcpy(&fid->fsid, &st.f_fsid, sizeof(fid->fsid));
	fid->bytes = u.handle.handle_bytes;
	fid->type = u.handle.handle_type;
	memcpy(fid->handle, u.handle.f_handle, fid->bytes);

	test = open_fid(fd, fid);
	if (test < 0)
		return NULL;
	close(test);

	for (fs = filesystems; fs; fs = fs->next)
		if (fs->fsid == fid->fsid)
			return fs;

	fs = calloc(1, sizeof(*fs));
	if (!fs)
		return NULL;
	if (!find_mount(mount_id, &fs->mount)) {
		free(fs);
		errno = ENOENT;
		return NULL;
	}
	fs->fsid = fid->fsid;
	fs->fd = -1;
	fs->next = filesystems;
	filesystems = fs;
	return fs;
}

/*
 * Leave the mounts open: for a listener that gets events of its own, opening
 * one would cause the next.
 */
void paths_keep_open(void)
{
	struct paths_fs *fs;

	keep_open = true;
	for (fs = filesystems; fs; fs = fs->next)
		fs_open(fs);
}

/*
 * Path of a directory, or the last one that it had; NULL if it was never known.
 * Valid until the next call.
 */
const char *paths_resolve(const struct fid *dir)
{
	struct cached *c = cache_slot(dir);
	bool hit = c->path && fid_equal(&c->fid, dir);
	struct paths_fs *fs;
	char *path = NULL;
	int fd = -1;

	if (hit && c->batch == batch)
		return c->path;

	for (fs = filesystems; fs; fs = fs->next)
		if (fs->fsid == dir->fsid)
			break;
	if (fs && fs_open(fs) >= 0)
		fd = open_fid(fs->fd, dir);
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

/* A directory was seen by name; it may be gone before it is seen by handle. */
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

/* A directory was renamed: so were those that are remembered below it. */
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

/* All events that were read have been dealt with. */
void paths_end_batch(void)
{
	struct paths_fs *fs;

	batch++;
	for (fs = filesystems; fs && !keep_open; fs = fs->next)
		fs_close(fs);
}

/* Take another mount of the same device. */
static bool fs_replace_mount(struct paths_fs *fs)
{
	FILE *file = open_mountinfo();
	struct mount m, other = { .point = NULL };
	bool found = false;

	while (file && !found && next_mount(file, &m)) {
		if (strcmp(m.dev, fs->mount.dev))
			continue;
		if (m.id == fs->mount.id) {
			/* A mount can be moved. */
			found = true;
		} else if (other.point) {
			continue;
		}
		free(other.point);
		other = m;
		other.point = strdup(m.point);
	}
	if (file)
		fclose(file);
	if (!other.point)
		return false;
	free(fs->mount.point);
	fs->mount = other;
	return true;
}

/* The mount table changed: find filesystems that are not mounted any more. */
void paths_mounts_changed(void (*gone)(const struct paths_fs *fs,
				       const char *mount))
{
	struct paths_fs *fs;

	for (fs = filesystems; fs; fs = fs->next) {
		if (fs->gone || fs_replace_mount(fs))
			continue;
		fs_close(fs);
		fs->gone = true;
		gone(fs, fs->mount.point);
	}
}

/*
 * How many mounts of filesystems that are not known here are below a directory?
 * Stores the first one's mount point, valid until the next call.
 */
unsigned int paths_mounts_below(const char *dir, const char **first)
{
	FILE *file = open_mountinfo();
	static char *first_point;
	unsigned int count = 0;
	struct paths_fs *fs;
	struct mount m;

	while (file && next_mount(file, &m)) {
		if (!path_is_below(m.point, dir) || !strcmp(m.point, dir))
			continue;
		for (fs = filesystems; fs; fs = fs->next)
			if (!strcmp(fs->mount.dev, m.dev))
				break;
		if (fs || count++)
			continue;
		free(first_point);
		first_point = strdup(m.point);
	}
	if (file)
		fclose(file);
	*first = first_point ? first_point : "";
	return count;
}
