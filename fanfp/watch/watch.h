/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fanfp watch: what its parts share.
 *
 *	watch.c			options, marks, main loop
 *	child.c			CMD, for as long as which is watched
 *	filter.c		the fast path: load, attach, counters
 *	events.c		from what read(2) gave to lines
 *	summary.c		the table at the end
 */
#ifndef __WATCH_H
#define __WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/since.h"

struct watch {
	uint64_t events;	/* that were asked for */
	bool timestamps;
	bool filter_time;
	bool in_user_space;	/* is where events are filtered */

	int group_fd;

	/* What happened */
	uint64_t delivered;
	uint64_t printed;
	uint64_t unresolved;	/* of those: without a path */
	uint64_t overflows;
	uint64_t wakeups;
	struct since start;
};

struct filter_counters {
	uint64_t seen;
	uint64_t own;
	uint64_t skipped;
	uint64_t sent;
	uint64_t invalid;
	uint64_t undecided;
	uint64_t run_ns;	/* 0 unless it was asked for */
};

void child_start(char **argv);
void child_ended(void);
void child_kill(int signal);
bool child_runs(void);
int child_status(void);

int filter_attach(const struct watch *w, bool has_excludes);
int filter_exclude(int dir_fd);
int filter_link_fd(void);
bool filter_comm(pid_t pid, char *comm, size_t size);
void filter_read_counters(const struct watch *w, struct filter_counters *c);
void filter_detach(void);

void events_print(struct watch *w, const void *buf, size_t len);

int summary_print(const struct watch *w);

#endif /* __WATCH_H */
