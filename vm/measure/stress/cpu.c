// SPDX-License-Identifier: GPL-2.0
/*
 * Processors that come and go: the counters of one that is gone still count, and
 * grace periods end without it. The events are its own, so that all counters are
 * known.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress/stress.h"

#define ONLINE	"/sys/devices/system/cpu/cpu1/online"

/* Files of which half are inside; nobody else opens them. */
static unsigned long long opened;

/* Returns 0, or an errno. */
static int set_online(const char *online)
{
	int fd = open(ONLINE, O_WRONLY | O_CLOEXEC), err = 0;

	op("processor online", online[0] == '1');
	if (fd < 0)
		fail(ONLINE ": %s", strerror(errno));
	if (write(fd, online, 1) != 1)
		err = errno;
	op_err(err);
	close(fd);
	return err;
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("run on processor %d: %s", cpu, strerror(errno));
}

static int open_dir(const char *path)
{
	int fd;

	if (mkdirat(arenas[0].root, path, 0755))
		fail("mkdir %s: %s", path, strerror(errno));
	fd = openat(arenas[0].root, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

static void open_file(int dir)
{
	int fd = openat(dir, "p", O_CREAT | O_RDWR | O_CLOEXEC, 0644);

	if (fd < 0)
		fail("open: %s", strerror(errno));
	close(fd);
}

static void open_files(int in, int out)
{
	int i, nr = 1 + rnd(20);

	for (i = 0; i < nr; i++) {
		open_file(in);
		open_file(out);
	}
	opened += nr;
}

/* All that was opened, on whichever processor, and nothing else */
static void check_counters(struct group *g)
{
	struct group_shown s = group_shown(g);
	struct stress_counts c = group_counts(g, CLASS_STORM);

	if (s.seen != 2 * opened || c.calls != 2 * opened)
		fail("fdinfo shows %llu seen, the program %llu, it was %llu",
		     s.seen, c.calls, 2 * opened);
	if (c.in + c.out + c.undecided != 2 * opened ||
	    c.in > opened || c.out > opened)
		fail("of %llu files on either side, %llu were inside, %llu outside",
		     opened, c.in, c.out);
	group_check_exactly(g, 0);
	self->checks += 2;
}

/* It may be busy for a while. */
static void bring_back(void)
{
	double limit = now() + patience();
	int err;

	while ((err = set_online("1"))) {
		if (now() > limit)
			fail("the processor does not come back: %s",
			     strerror(err));
		usleep(10000);
	}
}

void cpu_restore(void)
{
	int fd = open(ONLINE, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;		/* There is only one. */
	if (write(fd, "1", 1) != 1)
		printf("# " ONLINE ": %s\n", strerror(errno));
	close(fd);
}

void cpu_worker(struct arena *a)
{
	struct group *g = group_load(GROUP_FILTER);
	int in, out, offline = 0, err = 0;

	ready();
	if (access(ONLINE, W_OK)) {
		missing("no second processor that can go offline");
		return;
	}
	/* Who was killed here before may have left it offline. */
	bring_back();
	in = open_dir("cpu-in");
	out = open_dir("cpu-out");
	group_open(g, FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME);
	/* An evictable mark makes no root; the fd keeps the inode. */
	if (group_mark(g, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, in,
		       ".") ||
	    group_mark(g, FAN_MARK_ADD | FAN_MARK_EVICTABLE,
		       FAN_OPEN | FAN_EVENT_ON_CHILD, out, "."))
		fail("mark: %s", strerror(errno));
	group_attach(g, 0);

	do {
		run_on(1);
		open_files(in, out);
		run_on(0);
		check_counters(g);
		err = set_online("0");
		if (!err) {
			offline++;
			check_counters(g);
			open_files(in, out);
			check_counters(g);
			usleep(rnd(500000));
			bring_back();
			check_counters(g);
		}
		usleep(200000 + rnd(1500000));
	} while (running());
	if (!offline)
		fail("the processor never went offline: %s", strerror(err));
}
