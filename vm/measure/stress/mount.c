// SPDX-License-Identifier: GPL-2.0
/*
 * Filesystems that are mounted, watched by a group with a program, used, and
 * unmounted while the group is there: neither marks nor programs may pin them. In
 * the race children open files meanwhile, until the last reference to the
 * filesystem is theirs; each open is an event as long as it succeeds.
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

#include "stress/stress.h"

#define TOP	"/tmp/fanfp-stress-mount.XXXXXX"

/* i* inside and as many o* outside */
#define RACE_FILES	8
#define OPENERS		2

static char top[sizeof(TOP)];

/* What children have opened, each its own */
static struct {
	bool stop;
	unsigned long long in[OPENERS], out[OPENERS];
} *opens;

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

/* The letter says on which side the file is. Returns 0, or an errno. */
static int open_one(int dir, char letter, unsigned int i, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "%s%c%u", letter == 'i' ? "in/" : "",
		 letter, i);
	fd = openat(dir, path, O_RDWR | O_CLOEXEC | flags, 0644);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int open_top(void)
{
	int fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fail("%s: %s", top, strerror(errno));
	return fd;
}

/* Makes the files of the race, and opens some of them. */
static void use(struct group *g, unsigned long long *in, unsigned long long *out)
{
	int dir = open_top(), i, err = 0;

	if (mkdirat(dir, "in", 0755) && errno != EEXIST)
		fail("mkdir in: %s", strerror(errno));
	if (group_mark(g, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, dir,
		       ".") ||
	    group_mark(g, FAN_MARK_ADD, FAN_OPEN, dir, "in"))
		fail("mark: %s", strerror(errno));
	if (group_marks(g) != 2)
		fail("fdinfo shows %d of 2 marks", group_marks(g));
	for (i = 0; !err && i < RACE_FILES; i++)
		err = open_one(dir, 'i', i, O_CREAT) ?:
		      open_one(dir, 'o', i, O_CREAT);
	*in = *out = RACE_FILES;
	for (i = rnd(20); !err && i; i--, ++*in)
		err = open_one(dir, 'i', rnd(RACE_FILES), 0);
	if (err)
		fail("open: %s", strerror(err));
	close(dir);
}

/*
 * By a path that leads nowhere once it is unmounted, or below a directory that is
 * held, until the parent says so.
 */
static void open_meanwhile(int nr, bool held)
{
	int dir = held ? open_top() : -1, where, err;
	unsigned int i;

	for (i = nr; !__atomic_load_n(&opens->stop, __ATOMIC_SEQ_CST); i++) {
		where = held ? dir : open(top, O_PATH | O_CLOEXEC);
		err = open_one(where, 'i', i % RACE_FILES, 0);
		if (!err) {
			__atomic_fetch_add(&opens->in[nr], 1, __ATOMIC_SEQ_CST);
			err = open_one(where, 'o', i % RACE_FILES, 0);
		}
		if (!err)
			__atomic_fetch_add(&opens->out[nr], 1, __ATOMIC_SEQ_CST);
		if (!held)
			close(where);
		if (err == ENOENT && !held)
			return;
		if (err)
			fail("meanwhile, open: %s", strerror(err));
		/* So that it can be unmounted in between */
		if (i % 4 == 3)
			usleep(1000);
	}
}

static void start_openers(pid_t *pids, bool lazy)
{
	double limit = now() + patience();
	int i;

	memset(opens, 0, sizeof(*opens));
	for (i = 0; i < OPENERS; i++) {
		pids[i] = spawn();
		if (!pids[i]) {
			open_meanwhile(i, lazy && !i);
			_exit(0);
		}
	}
	for (i = 0; i < OPENERS; i++) {
		while (!__atomic_load_n(&opens->out[i], __ATOMIC_SEQ_CST)) {
			if (self->failure[0])
				_exit(1);
			if (now() > limit)
				fail("nothing was opened meanwhile");
			usleep(500);
		}
	}
	usleep(rnd(20000));
}

static void end_openers(const pid_t *pids, unsigned long long *in,
			unsigned long long *out)
{
	int i;

	__atomic_store_n(&opens->stop, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < OPENERS; i++) {
		if (reap(pids[i], "opener of what was unmounted"))
			_exit(1);	/* It has said why. */
		*in += opens->in[i];
		*out += opens->out[i];
		self->opens += opens->in[i] + opens->out[i];
	}
}

/* Whoever looks up a path, or has a file open, holds it for a moment. */
static void unmount(int flags, bool raced)
{
	double limit = now() + patience();

	while (umount2(top, flags)) {
		if (errno != EBUSY || !raced || flags)
			fail("unmount below an attached group: %s",
			     strerror(errno));
		if (now() > limit)
			fail("it stays busy");
		op("unmount again", 0);
		usleep(1000);
	}
	self->checks++;
}

/* The filesystem is gone, though the group is there, when its marks are. */
static void expect_gone(struct group *g)
{
	double limit = now() + patience();

	while (group_marks(g)) {
		if (now() > limit)
			fail("an unmounted filesystem is not gone");
		usleep(1000);
	}
	self->checks++;
}

/* Nobody else opens anything there: all that was opened, and nothing else */
static void check_opens(struct group *g, struct stress_counts in_before,
			struct stress_counts out_before, unsigned long long nr_in,
			unsigned long long nr_out)
{
	struct stress_counts in = group_counts(g, CLASS_INSIDE);
	struct stress_counts out = group_counts(g, CLASS_OUTSIDE);

	if (in.calls - in_before.calls != nr_in ||
	    out.calls - out_before.calls != nr_out)
		fail("%llu were opened inside and %llu outside, the program was asked about %llu and %llu",
		     nr_in, nr_out, in.calls - in_before.calls,
		     out.calls - out_before.calls);
	if (in.out || out.in)
		fail("%llu files inside were taken to be outside, %llu files outside inside",
		     in.out, out.in);
	group_check_exactly(g, 0);
	self->checks += 2 + nr_in + nr_out;
	self->faults += out.undecided - out_before.undecided;
}

static void use_mount(struct group *g, bool raced, bool lazy)
{
	struct stress_counts in = group_counts(g, CLASS_INSIDE);
	struct stress_counts out = group_counts(g, CLASS_OUTSIDE);
	/* Programs and group go first */
	bool early = raced && !rnd(4);
	unsigned long long nr_in, nr_out;
	pid_t pids[OPENERS];

	use(g, &nr_in, &nr_out);
	if (raced)
		start_openers(pids, lazy);
	op(lazy ? "unmount lazily" : "unmount", raced);
	unmount(lazy ? MNT_DETACH : 0, raced);
	if (raced && lazy)
		usleep(rnd(20000));
	if (early) {
		op("close group", lazy);
		group_close(g);
		group_detach(g);
	}
	if (raced) {
		op("end of the openers", lazy);
		end_openers(pids, &nr_in, &nr_out);
	}
	if (early)
		return;
	expect_gone(g);
	check_opens(g, in, out, nr_in, nr_out);
	group_end(g);
}

void mount_worker(struct arena *a)
{
	struct group *g = group_load(GROUP_FILTER);
	char command[256];
	bool image, raced;

	opens = shared_memory(sizeof(*opens));
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
		raced = rnd(3);
		use_mount(g, raced, raced && rnd(2));
	}
	rmdir(top);
	snprintf(command, sizeof(command), "%s.image", top);
	unlink(command);
}
