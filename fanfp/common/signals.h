/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The signals that end a command, read from a descriptor.
 */
#ifndef __SIGNALS_H
#define __SIGNALS_H

#include <signal.h>
#include <stdbool.h>

enum {
	SIGNALS_CHILD	= 1,	/* SIGCHLD, too */
	SIGNALS_HANGUP	= 2,	/* SIGHUP, even if it was ignored */
	SIGNALS_NO_PIPE	= 4,	/* SIGPIPE does not kill */
};

int signals_open(unsigned int flags);
int signals_next(int fd, bool *ctrl_c);
const sigset_t *signals_original(void);
void signals_restore(void);

#endif /* __SIGNALS_H */
