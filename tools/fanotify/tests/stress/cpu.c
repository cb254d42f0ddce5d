// SPDX-License-Identifier: GPL-2.0
/*
 * Processors that come and go: the counters of one that is gone still count, and
 * grace periods end without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

#define ONLINE	"/sys/devices/system/cpu/cpu1/online"

static void set_online(const char *online)
{
	int fd = open(ONLINE, O_WRONLY | O_CLOEXEC);

	op("processor online", online[0] == '1');
	if (fd < 0)
		fail(ONLINE ": %s", strerror(errno));
	/* Busy is no failure: it is tried again. */
	op_err(write(fd, online, 1) == 1 ? 0 : errno);
	close(fd);
}

void cpu_worker(struct arena *a)
{
	ready();
	/* With one processor there is nothing to do. */
	if (access(ONLINE, W_OK)) {
		op("no second processor", 0);
		return;
	}
	while (running()) {
		usleep(200000 + rnd(1500000));
		set_online("0");
		usleep(rnd(500000));
		set_online("1");
	}
}
