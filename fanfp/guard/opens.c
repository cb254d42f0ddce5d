// SPDX-License-Identifier: GPL-2.0
/*
 * The opens that fanfp guard is asked about: reading and answering them, and the
 * descriptors that they hold meanwhile.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/group.h"
#include "common/path.h"
#include "common/process.h"
#include "common/roots.h"
#include "guard/guard.h"

/* Descriptors that are not events' */
#define FDS_SPARED	64

static struct guard *g;
static struct rlimit original_limit;

/**
 * opens_init - make room for descriptors
 * @guard:	the guard
 *
 * Each open that waits holds one; without one it would be denied.
 */
void opens_init(struct guard *guard)
{
	struct rlimit limit;

	g = guard;
	getrlimit(RLIMIT_NOFILE, &original_limit);
	limit.rlim_max = 1 << 20;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		limit = original_limit;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/**
 * opens_restore_limits - in a scanner, take back what opens_init() did
 *
 * Some do something with each descriptor that there could be.
 */
void opens_restore_limits(void)
{
	setrlimit(RLIMIT_NOFILE, &original_limit);
}

/**
 * opens_fd - the group to poll, or -1 while there is no room for more opens
 */
int opens_fd(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	return scans_waiting() + FDS_SPARED < limit.rlim_cur ? g->group_fd : -1;
}

/**
 * opens_answer - answer an open
 * @fd:		as it came with the event; it is closed
 * @deny:	the answer; --observe allows all the same
 */
void opens_answer(int fd, bool deny)
{
	struct fanotify_response response = {
		.fd = fd,
		.response = deny && !g->observe ? FAN_DENY : FAN_ALLOW,
	};

	/* ENOENT: the time was over, or the opener was killed. */
	if (write(g->group_fd, &response, sizeof(response)) < 0) {
		if (errno == ENOENT)
			g->late++;
		else
			warn("cannot answer");
	}
	close(fd);
}

/* Without a program events of the whole filesystem arrive. */
static bool is_outside(int fd)
{
	char *path;
	bool outside;

	if (g->in_kernel)
		return false;
	path = path_of_fd(fd);
	outside = path && !roots_want(path);
	free(path);
	return outside;
}

static void handle(const struct fanotify_event_metadata *meta)
{
	group_check_version(meta);
	if (meta->fd < 0 || !(meta->mask & FAN_OPEN_PERM))
		return;

	g->delivered++;
	/*
	 * The kernel does not ask about own descendants, unless there are many
	 * generations of them, or no program.
	 */
	if (process_is_descendant(meta->pid, getpid())) {
		g->own++;
		opens_answer(meta->fd, false);
	} else if (is_outside(meta->fd)) {
		g->outside++;
		opens_answer(meta->fd, false);
	} else {
		scans_add(meta->fd, meta->pid);
	}
}

/**
 * opens_read - read some opens, and answer them or have them scanned
 *
 * A few at a time, so that one batch cannot use up the descriptors.
 */
void opens_read(void)
{
	static char buf[16 * FAN_EVENT_METADATA_LEN]
		__attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta = (void *)buf;
	ssize_t len = read(g->group_fd, buf, sizeof(buf));

	if (len < 0) {
		if (errno != EAGAIN && errno != EINTR)
			warn("cannot read an event; the kernel denies the open that it was about");
		return;
	}
	for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len))
		handle(meta);
}
