// SPDX-License-Identifier: GPL-2.0
/*
 * Groups that are never long there: attached, updated, inherited by children that
 * exit or are killed, detached and closed in any order, while their filesystem is
 * in the storm. What attaching has to answer is known, and that nothing is left
 * when the last holder of a group or of a link ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/stress.h"

#define OWN		"churn"
/* Closed after the group when a process ends */
#define LATE_FD		600

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

/* A file that nobody else opens */
static void open_own(struct arena *a, unsigned int times)
{
	int fd;

	while (times--) {
		fd = openat(a->root, OWN, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
		if (fd < 0)
			fail(OWN ": %s", strerror(errno));
		close(fd);
	}
}

static void expect_asked(struct arena *a, struct group *g, bool asked,
			 const char *when)
{
	unsigned long long calls = group_calls(g);
	unsigned long long own = group_counts(g, CLASS_OWN).calls;
	unsigned int times = 1 + rnd(8);

	open_own(a, times);
	own = group_counts(g, CLASS_OWN).calls - own;
	calls = group_calls(g) - calls;
	if (own != (asked ? times : 0) || (!asked && calls))
		fail("%s, the program was asked about %llu of %u opens, and %llu events",
		     when, own, times, calls);
	self->checks++;
}

static void open_watched(struct arena *a, struct group *g, int which)
{
	int err;

	group_open(g, FAN_REPORT_DFID_NAME);
	err = group_mark(g, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN,
			 a->root, ".");
	/* Overlayfs has no file handles to report. */
	if (err == EOPNOTSUPP || err == ENODEV || err == EXDEV) {
		group_close(g);
		group_open(g, 0);
		err = group_mark(g, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				 FAN_OPEN, a->root, ".");
	}
	if (err)
		fail("mark: %s", strerror(err));
	group_attach(g, which);
}

enum { HOLDS_GROUP, HOLDS_LINK, HOLDS_BOTH };

/* It says when it has closed what it is not to hold, and ends when it is told. */
static void hold(struct group *g, int what, int sock)
{
	int link = group_link_fd(g);
	char c = 0;

	if (what == HOLDS_LINK)
		group_close(g);
	if (what == HOLDS_GROUP)
		close(link);
	else if (rnd(2) && (dup3(link, LATE_FD, O_CLOEXEC) < 0 || close(link)))
		_exit(1);
	if (write(sock, &c, 1) == 1 && read(sock, &c, 1) == 0)
		_exit(0);
	_exit(1);
}

/*
 * The parent closes first. What the child has then is the last reference, which
 * goes when it exits or is killed, while events come.
 */
static void leave_to_child(struct arena *a, struct group *g)
{
	int what = rnd(3), which = rnd(2), socks[2], status;
	double limit = now() + patience();
	bool killed = rnd(2);
	pid_t pid;
	char c;

	op("leave to child", what);
	open_watched(a, g, which);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		fail("socketpair: %s", strerror(errno));
	pid = spawn();
	if (!pid) {
		close(socks[0]);
		hold(g, what, socks[1]);
	}
	close(socks[1]);
	if (read(socks[0], &c, 1) != 1)
		fail("child that is to hold on has ended");
	group_end(g);
	expect_asked(a, g, what == HOLDS_BOTH, "when a child holds on");

	op(killed ? "kill last holder" : "last holder exits", what);
	if (killed)
		kill(pid, SIGKILL);
	close(socks[0]);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		open_own(a, 1);
		if (now() > limit)
			fail("the last holder does not end");
	}
	if (!killed && status)
		fail("the last holder ended with status %#x", status);
	expect_asked(a, g, false, "when the last holder has ended");

	/* The program is free for another group. */
	open_watched(a, g, which);
	expect_asked(a, g, true, "after that");
	group_detach(g);
	group_close(g);
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
		if (rnd(2))
			group_check_at_rest(g, 0);
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
		if (rnd(2))
			leave_to_child(a, g);
	}
}
