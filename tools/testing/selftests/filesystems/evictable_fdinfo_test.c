// SPDX-License-Identifier: GPL-2.0
/*
 * The fdinfo of a fanotify group can be read while inodes that have evictable
 * marks of the group are evicted: those of pipes, as soon as they are closed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"

#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x00000200
#endif

#define SECONDS 5	/* of making pipes */
#define PATIENCE 15	/* seconds without a new one */

/* What a process that closes pipes has done so far */
struct progress {
	long closed;
	long shown;	/* reads of fdinfo that met a mark */
	int error;	/* errno that it ended with */
	const char *what;
};

struct reader {
	pthread_t thread;
	int fd;
	struct progress *progress;
};

static void *read_fdinfo(void *arg)
{
	struct reader *reader = arg;
	char text[4096];
	ssize_t len;

	while ((len = pread(reader->fd, text, sizeof(text) - 1, 0)) > 0) {
		text[len] = '\0';
		if (strstr(text, "fanotify ino:"))
			reader->progress->shown++;
	}
	return NULL;
}

static int end(struct progress *progress, const char *what)
{
	progress->error = errno;
	progress->what = what;
	return 1;
}

static int close_pipes(struct progress *progress)
{
	struct reader reader = { .progress = progress };
	struct timespec now, until;
	char path[64];
	int group;

	group = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, O_RDONLY);
	if (group < 0)
		return end(progress, "fanotify_init");
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", group);
	reader.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (reader.fd < 0)
		return end(progress, "open of fdinfo");
	errno = pthread_create(&reader.thread, NULL, read_fdinfo, &reader);
	if (errno)
		return end(progress, "pthread_create");

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SECONDS;
	do {
		int fds[2];

		if (pipe2(fds, O_CLOEXEC))
			return end(progress, "pipe2");
		if (fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_ACCESS,
				  fds[0], NULL))
			return end(progress, "fanotify_mark");
		close(fds[0]);
		close(fds[1]);
		progress->closed++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < until.tv_sec);
	return 0;
}

TEST(evictable_fdinfo)
{
	struct progress *progress;
	pid_t pid, done = 0;
	cpu_set_t cpus;
	int i, status;
	long last = -1;

	ASSERT_EQ(0, sched_getaffinity(0, sizeof(cpus), &cpus));
	if (CPU_COUNT(&cpus) < 2)
		SKIP(return, "needs two processors");
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, progress);

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Who reads what this test prints must not wait for a task that hangs. */
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		_exit(close_pipes(progress));
	}
	for (i = 0; !done && i < PATIENCE; i++) {
		sleep(1);
		done = waitpid(pid, &status, WNOHANG);
		if (progress->closed != last)
			i = 0;
		last = progress->closed;
	}
	/* A task deadlocked in the kernel can be neither waited for nor killed. */
	ASSERT_EQ(pid, done)
		TH_LOG("the process hangs after %ld pipes", last);
	if (progress->error == ENOSYS)
		SKIP(return, "needs CONFIG_FANOTIFY");
	if (progress->error == EPERM && !strcmp(progress->what, "fanotify_init"))
		SKIP(return, "may not use fanotify");
	ASSERT_EQ(0, progress->error)
		TH_LOG("%s: %s", progress->what, strerror(progress->error));
	EXPECT_EQ(0, status);
	EXPECT_LT(0, progress->shown)
		TH_LOG("none of %ld pipes was shown", last);
}

TEST_HARNESS_MAIN
