// SPDX-License-Identifier: GPL-2.0
/*
 * The signals that end a command: SIGINT, SIGTERM and SIGHUP. They are read from a
 * descriptor in the main loop, so that nothing is interrupted half-done.
 */
#include <err.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/signals.h"
#include "fanfp.h"

static sigset_t original;

/**
 * signals_open - block the signals, and have them told by a descriptor
 * @flags:	SIGNALS_* for what else is wanted
 *
 * SIGHUP stays ignored if it was, as nohup(1) wants it.
 *
 * Return: the descriptor, for poll() and signals_next(). Ends the program, after it
 * has said why, if there is none.
 */
int signals_open(unsigned int flags)
{
	struct sigaction hangup;
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	if ((flags & SIGNALS_HANGUP) || sigaction(SIGHUP, NULL, &hangup) ||
	    hangup.sa_handler != SIG_IGN)
		sigaddset(&mask, SIGHUP);
	if (flags & SIGNALS_CHILD)
		sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &original);
	if (flags & SIGNALS_NO_PIPE)
		signal(SIGPIPE, SIG_IGN);

	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		err(fanfp_failed, "signalfd");
	return fd;
}

/**
 * signals_next - take a signal that has come
 * @fd:		what signals_open() has returned
 * @ctrl_c:	where to store if it is the SIGINT of a terminal, which went to the
 *		whole process group; may be NULL
 *
 * Return: its number, or 0 if there is none.
 */
int signals_next(int fd, bool *ctrl_c)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (ctrl_c)
		*ctrl_c = info.ssi_signo == SIGINT &&
			  info.ssi_code == SI_KERNEL;
	return info.ssi_signo;
}

/**
 * signals_original - the signals that were blocked before, for a child
 */
const sigset_t *signals_original(void)
{
	return &original;
}

/**
 * signals_restore - from now on signals do what they did before
 */
void signals_restore(void)
{
	sigprocmask(SIG_SETMASK, &original, NULL);
}
