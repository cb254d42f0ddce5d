// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that moves. The directories of files go from the bottom of the pit
 * to the yard and back; while they are in the yard, the pit takes a trip to the
 * other side. Whoever follows the old parents then ends on the wrong side.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress/stress.h"

/* One side, and where its pit goes */
struct side {
	int home, bottom, yard, other;
};

static int open_dir(int dir, const char *path)
{
	int fd = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

static struct side open_side(struct arena *a, const char *home,
			     const char *other)
{
	struct side s = {
		.home = open_dir(a->root, home),
		.other = open_dir(a->root, other),
	};
	int i, next;

	s.yard = open_dir(s.home, "yard");
	s.bottom = open_dir(s.home, "pit");
	for (i = 0; i < PIT_DEPTH; i++) {
		next = open_dir(s.bottom, "n");
		close(s.bottom);
		s.bottom = next;
	}
	return s;
}

static void move(int from, const char *name, int to, const char *new_name)
{
	if (renameat(from, name, to, new_name))
		fail("rename %s to %s: %s", name, new_name, strerror(errno));
}

static void move_files(struct side *s)
{
	op("move files", 0);
	move(s->bottom, "files", s->yard, "files");
	if (rnd(2)) {
		move(s->home, "pit", s->other, "parked");
		move(s->other, "parked", s->home, "pit");
	}
	move(s->yard, "files", s->bottom, "files");
}

/* What may fail, because somebody else was first */
static void may_fail(const char *what, int i, int ret)
{
	op(what, i);
	op_err(ret < 0 ? errno : 0);
}

/* Roots and files come, are used, renamed and removed. */
static void use_storm(int storm)
{
	int i = rnd(STORM_DIRS), j = rnd(STORM_DIRS), fd;
	char dir[16], other[16], file[32], link[32];

	snprintf(dir, sizeof(dir), "s%d", i);
	snprintf(other, sizeof(other), "s%d", j);
	snprintf(file, sizeof(file), "s%d/f%d", i, rnd(4));
	snprintf(link, sizeof(link), "s%d/l%d", j, rnd(4));

	switch (rnd(12)) {
	case 0:
	case 1:
		may_fail("mkdir", i, mkdirat(storm, dir, 0755));
		break;
	case 2:
		may_fail("rmdir", i, unlinkat(storm, dir, AT_REMOVEDIR));
		break;
	case 3:
		may_fail("rename root", i, renameat(storm, dir, storm, other));
		break;
	case 4:
		/* One root into another */
		snprintf(other, sizeof(other), "s%d/s%d", j, i);
		may_fail("move root", i, renameat(storm, dir, storm, other));
		break;
	case 5:
		snprintf(other, sizeof(other), "s%d/s%d", j, i);
		may_fail("move root back", i, renameat(storm, other, storm, dir));
		break;
	case 6:
		may_fail("link", i, linkat(storm, file, storm, link, 0));
		break;
	case 7:
		may_fail("unlink", i, unlinkat(storm, file, 0));
		break;
	case 8:
		may_fail("unlink link", j, unlinkat(storm, link, 0));
		break;
	case 9:
		may_fail("chmod", i, fchmodat(storm, file, 0600 + rnd(8), 0));
		break;
	default:
		fd = openat(storm, file, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC,
			    0644);
		may_fail("create", i, fd);
		if (fd < 0)
			break;
		if (write(fd, file, sizeof(file)) < 0)
			op_err(errno);
		close(fd);
	}
}

void storm_worker(struct arena *a)
{
	struct side in = open_side(a, "stable", "outside");
	struct side out = open_side(a, "outside", "stable");
	int storm = open_dir(a->root, "storm");

	ready();
	while (running()) {
		switch (rnd(4)) {
		case 0:
			move_files(&in);
			break;
		case 1:
			move_files(&out);
			break;
		default:
			use_storm(storm);
		}
	}
}
