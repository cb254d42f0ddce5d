// SPDX-License-Identifier: GPL-2.0
/*
 * Printing without waiting for whoever reads it: that may be somebody whose open
 * waits for us, a pager, a terminal that was stopped or a connection that is stuck.
 * What is not taken at once is lost.
 *
 * poll() does not help. A pipe that can be written to takes one page, and a
 * terminal one byte; what is longer waits all the same.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/nowait.h"

/* What was there before, or -1 if that is there still */
static int original[STDERR_FILENO + 1] = { -1, -1, -1 };

/* What was not taken of a line, and has to come before the next one */
static char *rest;
static size_t rest_len;

static int failed;		/* errno, if stdout cannot be written to */

static void set_patience(int fd, suseconds_t usec)
{
	struct timeval timeout = { .tv_usec = usec };

	/* Nothing but a socket takes it. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

static void begin(int fd)
{
	struct stat st;
	char path[32];
	int new;

	set_patience(fd, 1000);
	if (fstat(fd, &st) || (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)))
		return;
	/* Opened again: all who have the same description would not wait, too. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	new = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (new < 0)
		return;
	original[fd] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (original[fd] >= 0)
		dup2(new, fd);
	close(new);
}

/**
 * nowait_begin - from now on stdout, by nowait_line(), and stderr are not waited for
 */
void nowait_begin(void)
{
	begin(STDOUT_FILENO);
	begin(STDERR_FILENO);
}

/**
 * nowait_restore_stderr - in a child, which may wait
 */
void nowait_restore_stderr(void)
{
	if (original[STDERR_FILENO] >= 0)
		dup2(original[STDERR_FILENO], STDERR_FILENO);
}

static bool write_rest(void)
{
	ssize_t n;

	while (rest_len) {
		n = write(STDOUT_FILENO, rest, rest_len);
		if (n < 0) {
			if (errno != EAGAIN)
				failed = errno;
			return false;
		}
		rest_len -= n;
		memmove(rest, rest + n, rest_len);
	}
	free(rest);
	rest = NULL;
	return true;
}

/**
 * nowait_line - print a line, as a whole or not at all
 * @line:	the line
 * @len:	its length
 *
 * Return: false if it is lost.
 */
bool nowait_line(const char *line, size_t len)
{
	ssize_t n;

	if (!write_rest())
		return false;
	n = write(STDOUT_FILENO, line, len);
	if (n < 0) {
		if (errno != EAGAIN)
			failed = errno;
		return false;
	}
	if ((size_t)n < len) {
		rest = strdup(line + n);
		rest_len = rest ? strlen(rest) : 0;
	}
	return true;
}

/**
 * nowait_end - from now on all is waited for, as ever
 *
 * Return: 0, or -1 if something could not be written for another reason than that
 * nobody took it; the reason is said.
 */
int nowait_end(void)
{
	int fd;

	for (fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		set_patience(fd, 0);
		if (original[fd] < 0)
			continue;
		dup2(original[fd], fd);
		close(original[fd]);
		original[fd] = -1;
	}
	write_rest();
	if (!failed)
		return 0;
	warnx("cannot write to the standard output: %s", strerror(failed));
	return -1;
}
