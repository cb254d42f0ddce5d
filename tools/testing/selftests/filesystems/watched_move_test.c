// SPDX-License-Identifier: GPL-2.0
/*
 * A file that is moved to a watched directory is watched there, also if somebody reads
 * it at that moment, and if the directory that it leaves was watched before.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
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

TEST(read_while_moved)
{
	char dir[] = "/tmp/watched_move.XXXXXX", c = 'x';
	struct reader reader = { .duration = 100000 };
	int old, new, wd, i, missed = 0;
	long begin, end;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two processors");
	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, chdir(dir));
	ASSERT_EQ(0, mkdir("old", 0700));
	ASSERT_EQ(0, mkdir("new", 0700));
	reader.fd = open("old/file", O_RDWR | O_CREAT, 0600);
	ASSERT_LE(0, reader.fd);
	ASSERT_EQ(1, write(reader.fd, &c, 1));
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
	close(reader.fd);
	close(old);
	close(new);
	unlink("old/file");
	rmdir("old");
	rmdir("new");
	EXPECT_EQ(0, chdir("/"));
	rmdir(dir);
}

TEST_HARNESS_MAIN
