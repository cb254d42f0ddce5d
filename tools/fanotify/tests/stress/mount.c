// SPDX-License-Identifier: GPL-2.0
/*
 * Filesystems that are mounted, watched by a group with a program, used, and
 * unmounted while the group is there: neither marks nor programs may pin them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress.h"

#define TOP	"/tmp/fanfp-stress-mount.XXXXXX"

static char top[sizeof(TOP)];

static void run(const char *command)
{
	if (system(command))
		fail("%s failed", command);
}

/* An ext4 on a loop device, or a tmpfs */
static void mount_one(bool image)
{
	char command[256];

	if (!image) {
		if (mount("tmpfs", top, "tmpfs", 0, NULL))
			fail("mount tmpfs: %s", strerror(errno));
		return;
	}
	snprintf(command, sizeof(command), "mount -o loop %s.image %s", top, top);
	run(command);
}

static void use(struct group *g)
{
	char path[96];
	int i, fd;

	snprintf(path, sizeof(path), "%s/in", top);
	if (mkdir(path, 0755) && errno != EEXIST)
		fail("%s: %s", path, strerror(errno));
	if (group_mark(g, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN,
		       AT_FDCWD, top) ||
	    group_mark(g, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, path))
		fail("mark: %s", strerror(errno));
	for (i = rnd(20); i; i--) {
		snprintf(path, sizeof(path), "%s/%s/f%d", top,
			 rnd(2) ? "in" : ".", i);
		fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
		if (fd < 0)
			fail("%s: %s", path, strerror(errno));
		close(fd);
	}
}

void mount_worker(struct arena *a)
{
	struct group *g = group_load(GROUP_FILTER);
	char command[256];
	bool image;

	strcpy(top, TOP);
	if (!mkdtemp(top))
		fail("%s: %s", top, strerror(errno));
	snprintf(command, sizeof(command),
		 "truncate -s 16M %s.image && mkfs.ext4 -q -F %s.image", top, top);
	run(command);

	ready();
	while (running()) {
		image = !rnd(3);
		op("mount", image);
		mount_one(image);
		group_open(g, FAN_REPORT_DFID_NAME);
		group_attach(g, rnd(2));
		use(g);
		op("unmount", image);
		if (umount(top))
			fail("unmount below an attached group: %s",
			     strerror(errno));
		self->checks++;
		group_check_counters(g);
		if (rnd(2)) {
			group_close(g);
			group_detach(g);
		} else {
			group_detach(g);
			group_close(g);
		}
	}
	rmdir(top);
	snprintf(command, sizeof(command), "%s.image", top);
	unlink(command);
}
