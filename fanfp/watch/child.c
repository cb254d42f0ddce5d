// SPDX-License-Identifier: GPL-2.0
/*
 * CMD of fanfp watch: events are watched for as long as it runs, and its exit
 * status is passed on.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/signals.h"
#include "fanfp.h"
#include "watch/watch.h"

static pid_t child;
static int exit_status;

/**
 * child_start - run CMD, with the signals as they were before signals_open()
 * @argv:	CMD and its arguments
 *
 * Ends the program, with the exit status of a shell, if it cannot be run.
 */
void child_start(char **argv)
{
	posix_spawnattr_t attr;
	int ret;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, signals_original());
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	ret = posix_spawnp(&child, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (ret)
		errx(ret == ENOENT ? FANFP_CMD_NOT_FOUND : FANFP_CMD_NOT_EXEC,
		     "cannot run %s: %s", argv[0], strerror(ret));
}

/**
 * child_ended - SIGCHLD has come: if CMD has ended, note how
 */
void child_ended(void)
{
	int status;

	if (!child || waitpid(child, &status, WNOHANG) != child)
		return;
	child = 0;
	exit_status = WIFEXITED(status) ? WEXITSTATUS(status)
					: 128 + WTERMSIG(status);
}

/**
 * child_kill - pass a signal on to CMD, if it runs
 * @signal:	its number
 */
void child_kill(int signal)
{
	if (child)
		kill(child, signal);
}

/**
 * child_runs - was CMD started, and has it not ended yet
 */
bool child_runs(void)
{
	return child;
}

/**
 * child_status - exit status of fanfp with a CMD
 */
int child_status(void)
{
	return child ? fanfp_failed : exit_status;
}
