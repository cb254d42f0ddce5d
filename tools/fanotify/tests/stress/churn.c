// SPDX-License-Identifier: GPL-2.0
/*
 * Groups that are never long there: attached, updated, inherited by children that
 * exit or are killed, detached and closed in any order, while their filesystem is
 * in the storm. What attaching has to answer is known.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "stress.h"

static void change_marks(struct arena *a, struct group *g)
{
	static const unsigned int flags[] = {
		FAN_MARK_ADD, FAN_MARK_REMOVE,
		FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_MARK_REMOVE | FAN_MARK_MOUNT,
		FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
		FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM,
		FAN_MARK_FLUSH, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM,
	};
	unsigned int f = flags[rnd(sizeof(flags) / sizeof(flags[0]))];
	unsigned long long mask = f & FAN_MARK_FLUSH ? 0 : FAN_OPEN | FAN_CLOSE;
	char path[32];

	if (f & (FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM))
		strcpy(path, ".");
	else
		snprintf(path, sizeof(path), "storm/s%u", rnd(STORM_DIRS));
	op("mark", f);
	op_err(group_mark(g, f, mask, a->root, path));
}

/* Events of its own, read or not */
static void open_and_read(struct arena *a, struct group *g)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta;
	char path[32];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "storm/s%u/f%u", rnd(STORM_DIRS), rnd(4));
	op("open", 0);
	fd = openat(a->root, path, O_RDONLY | O_CLOEXEC);
	op_err(fd < 0 ? errno : 0);
	if (fd >= 0)
		close(fd);
	if (rnd(4))
		return;
	while ((len = read(group_fd(g), buf, sizeof(buf))) > 0) {
		meta = (const void *)buf;
		for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len))
			if (meta->fd >= 0)
				close(meta->fd);
	}
}

/* Both programs of a group that has one already are refused. */
static void attach_again(struct group *g)
{
	int err = group_try_attach(g, rnd(2));

	op("attach again", 0);
	if (err != EBUSY)
		fail("a second program: %s", strerror(err));
	self->checks++;
	self->faults++;
}

/* The fd of a group that is gone, or of something else */
static void attach_nowhere(struct group *g)
{
	int err, other;

	op("attach to nothing", 0);
	err = group_try_attach(g, rnd(2));
	if (err != EBADF)
		fail("attach to a closed group: %s", strerror(err));
	other = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup3(other, group_fd(g), O_CLOEXEC);
	close(other);
	err = group_try_attach(g, rnd(2));
	if (err != EINVAL)
		fail("attach to /dev/null: %s", strerror(err));
	close(group_fd(g));
	self->checks += 2;
	self->faults += 2;
}

static void hold_in_child(struct group *g)
{
	pid_t pid = spawn();

	op("child holds", pid);
	if (!pid) {
		if (rnd(2))
			group_close(g);
		usleep(rnd(5000));
		_exit(0);
	}
	if (rnd(2))
		kill(pid, SIGKILL);
	reap(pid, "child that holds a group");
}

void churn_worker(struct arena *a)
{
	struct group *g = group_load(GROUP_FILTER);
	int rounds;

	ready();
	while (running()) {
		op("group", 0);
		group_open(g, rnd(2) ? FAN_REPORT_DFID_NAME : 0);
		for (rounds = rnd(4); rounds; rounds--)
			change_marks(a, g);
		op("attach", 0);
		group_attach(g, rnd(2));
		for (rounds = rnd(12); rounds; rounds--) {
			switch (rnd(6)) {
			case 0:
				op("update", 0);
				group_update(g, rnd(2));
				break;
			case 1:
				change_marks(a, g);
				break;
			case 2:
				attach_again(g);
				break;
			case 3:
				hold_in_child(g);
				break;
			default:
				open_and_read(a, g);
			}
		}
		op("end", 0);
		if (rnd(2)) {
			group_detach(g);
			group_close(g);
		} else {
			group_close(g);
			if (rnd(2))
				group_expect_hangup(g);
			group_detach(g);
		}
		if (!rnd(8))
			attach_nowhere(g);
	}
}
