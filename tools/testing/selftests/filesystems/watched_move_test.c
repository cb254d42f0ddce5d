// SPDX-License-Identifier: GPL-2.0
/*
 * A file that is moved to a watched directory is watched there, also if somebody reads
 * it at that moment, and if the directory that it leaves was watched before. If it is
 * moved while one listener is asked about it, the next one is asked nevertheless.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"

/* As many moves as can be done in a time, but no more than that */
#define MOVES 10000
#define TIME (10 * NS_PER_SEC)
#define NS_PER_SEC 1000000000L

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

/* Reads once for each move, at some moment of it. */
struct reader {
	pthread_t thread;
	int fd;
	long moves;	/* begun; -1: no more */
	long reads;	/* done */
	long duration;	/* of a move, in ns */
	bool failed;
};

static void *reader_main(void *arg)
{
	struct reader *reader = arg;
	unsigned int seed = 1;
	long moves, until;
	char c;

	for (;;) {
		do {
			moves = __atomic_load_n(&reader->moves, __ATOMIC_ACQUIRE);
			if (moves < 0)
				return NULL;
		} while (moves == reader->reads);
		until = now() + rand_r(&seed) % (2 * reader->duration);
		while (now() < until)
			;
		if (pread(reader->fd, &c, 1, 0) != 1)
			reader->failed = true;
		__atomic_store_n(&reader->reads, moves, __ATOMIC_RELEASE);
	}
}

/* Returns whether there was anything. */
static bool drain(int fd)
{
	char events[4096];
	bool any = false;

	while (read(fd, events, sizeof(events)) > 0)
		any = true;
	return any;
}

/* In a folder of its own: old, with a file of one byte, and new. */
FIXTURE(watched_move)
{
	char dir[sizeof("/tmp/watched_move.XXXXXX")];
	int file;
};

FIXTURE_SETUP(watched_move)
{
	strcpy(self->dir, "/tmp/watched_move.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, chdir(self->dir));
	ASSERT_EQ(0, mkdir("old", 0700));
	ASSERT_EQ(0, mkdir("new", 0700));
	self->file = open("old/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(1, write(self->file, "x", 1));
}

FIXTURE_TEARDOWN(watched_move)
{
	close(self->file);
	unlink("old/file");
	unlink("new/file");
	rmdir("old");
	rmdir("new");
	EXPECT_EQ(0, chdir("/"));
	EXPECT_EQ(0, rmdir(self->dir));
}

TEST_F(watched_move, read_while_moved)
{
	char c;
	struct reader reader = { .duration = 100000 };
	int old, new, wd, i, missed = 0;
	long begin, end;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two processors");
	reader.fd = self->file;
	old = inotify_init1(IN_NONBLOCK);
	ASSERT_LE(0, old);
	new = inotify_init1(IN_NONBLOCK);
	ASSERT_LE(0, new);
	ASSERT_LE(0, inotify_add_watch(new, "new", IN_ACCESS));
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, reader_main, &reader));

	end = now() + TIME;
	for (i = 1; i <= MOVES && now() < end; i++) {
		/* The file is known as watched, and is so until it is read. */
		wd = inotify_add_watch(old, "old", IN_ACCESS);
		ASSERT_LE(0, wd);
		ASSERT_EQ(0, inotify_rm_watch(old, wd));
		drain(old);

		__atomic_store_n(&reader.moves, i, __ATOMIC_RELEASE);
		begin = now();
		ASSERT_EQ(0, rename("old/file", "new/file"));
		begin = now() - begin;
		while (__atomic_load_n(&reader.reads, __ATOMIC_ACQUIRE) != i)
			sched_yield();
		ASSERT_FALSE(reader.failed);
		reader.duration += (begin - reader.duration) / 16;

		drain(new);
		ASSERT_EQ(1, pread(reader.fd, &c, 1, 0));
		if (!drain(new))
			missed++;
		ASSERT_EQ(0, rename("new/file", "old/file"));
	}
	EXPECT_EQ(0, missed)
		TH_LOG("%d of %d reads in the new directory were not told", missed, i - 1);

	__atomic_store_n(&reader.moves, -1, __ATOMIC_RELEASE);
	pthread_join(reader.thread, NULL);
	close(old);
	close(new);
}

/* A listener that is asked about what is opened in the watched directories. */
static int listener(unsigned int class)
{
	return fanotify_init(class | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
}

static int watch(int fd, const char *dir)
{
	return fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, dir);
}

/* Returns the descriptor of the event, to be answered; -1: it was not asked. */
static int asked(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct fanotify_event_metadata event;

	if (poll(&ready, 1, 5000) != 1 || read(fd, &event, sizeof(event)) != sizeof(event) ||
	    event.mask != FAN_OPEN_PERM)
		return -1;
	return event.fd;
}

static bool answer(int fd, int event, __u32 what)
{
	struct fanotify_response response = { .fd = event, .response = what };
	bool done = write(fd, &response, sizeof(response)) == sizeof(response);

	close(event);
	return done;
}

TEST_F(watched_move, asked_after_move)
{
	int first, second, event, status;
	pid_t opener;

	/* One class is asked before the other. */
	first = listener(FAN_CLASS_PRE_CONTENT);
	if (first < 0 && errno == EPERM)
		SKIP(return, "needs CAP_SYS_ADMIN");
	ASSERT_LE(0, first);
	second = listener(FAN_CLASS_CONTENT);
	ASSERT_LE(0, second);
	if (watch(first, "old") && errno == EINVAL)
		SKIP(return, "needs CONFIG_FANOTIFY_ACCESS_PERMISSIONS");
	ASSERT_EQ(0, watch(second, "old"));
	ASSERT_EQ(0, watch(second, "new"));

	opener = fork();
	ASSERT_LE(0, opener);
	if (!opener)
		_exit(open("old/file", O_RDONLY) < 0 ? errno : 0);
	event = asked(first);
	ASSERT_LE(0, event);
	EXPECT_EQ(0, rename("old/file", "new/file"));
	EXPECT_EQ(0, rmdir("old"));
	EXPECT_TRUE(answer(first, event, FAN_ALLOW));
	event = asked(second);
	EXPECT_LE(0, event)
		TH_LOG("the second listener was not asked");
	if (event >= 0)
		EXPECT_TRUE(answer(second, event, FAN_DENY));
	ASSERT_EQ(opener, waitpid(opener, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == EPERM);

	close(first);
	close(second);
}

TEST_HARNESS_MAIN
