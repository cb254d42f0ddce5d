// SPDX-License-Identifier: GPL-2.0
/*
 * CMD of fanfp guard: finding it, running it on a file, and what its end means.
 *
 * It is forked, not spawned: posix_spawn() waits for the child's exec, which may be
 * an open that this process is asked about.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/nowait.h"
#include "fanfp.h"
#include "guard/guard.h"

static const struct guard *g;
static char **cmd;		/* with the path of the program */
static bool is_clamdscan;
static pid_t self;

static bool is_program(const char *file)
{
	struct stat st;

	if (stat(file, &st) || access(file, X_OK))
		return false;
	errno = EACCES;
	return S_ISREG(st.st_mode);
}

/* Path of a program, as execvp() would find it; NULL, with errno set, if none. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	char *list, *dir, *file;

	if (strchr(name, '/'))
		return is_program(name) ? strdup(name) : NULL;
	list = strdup(path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	while (*name && list && (dir = strsep(&list, ":"))) {
		if (asprintf(&file, "%s/%s", *dir ? dir : ".", name) < 0)
			err(FANFP_FAILED, "asprintf");
		if (is_program(file))
			return file;
		free(file);
	}
	errno = ENOENT;
	return NULL;
}

/**
 * scanner_init - find the program
 * @guard:	the guard
 * @argv:	CMD and its arguments
 *
 * All that has to be known of ClamAV is here. Ends the program, after it has said
 * why, if CMD cannot be run.
 */
void scanner_init(const struct guard *guard, char **argv)
{
	static char *clamdscan[] = { "clamdscan", "--fdpass", "--quiet",
				     "--no-summary", "-", NULL };
	char *file = find_program(argv[0]);

	is_clamdscan = !strcmp(argv[0], "clamdscan") && !argv[1];
	if (!file)
		errx(FANFP_FAILED, "cannot run %s: %s%s", *argv[0] ? argv[0] : "''",
		     strerror(errno), is_clamdscan
		     ? "; install clamav-daemon, or name another scanner" : "");
	g = guard;
	self = getpid();
	cmd = is_clamdscan ? clamdscan : argv;
	cmd[0] = file;
}

static void run(int fd)
{
	sigset_t none;
	int null;

	/* If the guard is killed here, nobody may be left who holds the group. */
	close(g->group_fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != self)
		_exit(127);
	/* Ctrl-C is for the guard. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	opens_restore_limits();
	nowait_restore_stderr();

	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(127);
	execv(cmd[0], cmd);
	_exit(127);
}

/**
 * scanner_start - begin a scan
 * @fd:		the file, which becomes the standard input of CMD
 *
 * Return: the process, whose end is told by SIGCHLD, or -1 with errno set.
 */
pid_t scanner_start(int fd)
{
	pid_t child = fork();

	if (!child)
		run(fd);
	return child;
}

/**
 * scanner_stop - kill CMD, and what it started
 * @child:	what scanner_start() has returned
 */
void scanner_stop(pid_t child)
{
	kill(-child, SIGKILL);
	kill(child, SIGKILL);
}

/**
 * scanner_verdict - what the end of a scan means
 * @status:	as waitpid() tells it
 * @late:	scanner_stop() was called because it took too long
 * @reason:	where to store why there is no verdict
 * @size:	bytes there
 *
 * Return: 0 to allow, 1 to deny, -1 if there is no verdict.
 */
int scanner_verdict(int status, bool late, char *reason, size_t size)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return WEXITSTATUS(status);
	if (WIFEXITED(status))
		snprintf(reason, size, "scan failed with exit status %d",
			 WEXITSTATUS(status));
	else if (late)
		snprintf(reason, size, "scan was stopped after %u second%s",
			 g->scan_timeout, g->scan_timeout == 1 ? "" : "s");
	else
		snprintf(reason, size, "scan ended by signal %d",
			 WTERMSIG(status));
	return -1;
}

/* Scan an empty file, and wait for it. */
static int try(char *reason, size_t size)
{
	int fd = memfd_create("fanfp-empty", MFD_CLOEXEC);
	struct pollfd end = { .events = POLLIN };
	int status, n;
	pid_t child;

	child = fd < 0 ? -1 : scanner_start(fd);
	end.fd = child < 0 ? -1 : pidfd_open(child, 0);
	if (end.fd < 0) {
		snprintf(reason, size, "%s", strerror(errno));
		return -1;
	}
	close(fd);
	n = poll(&end, 1, g->scan_timeout ? (int)g->scan_timeout * 1000 : -1);
	close(end.fd);
	if (n <= 0)
		scanner_stop(child);
	if (waitpid(child, &status, 0) != child) {
		snprintf(reason, size, "waitpid: %s", strerror(errno));
		return -1;
	}
	return scanner_verdict(status, n <= 0, reason, size);
}

/**
 * scanner_try - try CMD with an empty file
 *
 * So that whoever starts the guard learns that CMD fails, rather than the first
 * opens. Ends the program, after it has said why, if there is no verdict.
 */
void scanner_try(void)
{
	char reason[64];
	int verdict = try(reason, sizeof(reason));

	if (verdict < 0)
		errx(FANFP_FAILED, "%s: tried with an empty file: %s%s",
		     cmd[0], reason, is_clamdscan ? "; is clamd running?" : "");
	if (verdict)
		warnx("note: %s denies an empty file: does it work?", cmd[0]);
}
