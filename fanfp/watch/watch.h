/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fanfp watch: what its parts share.
 *
 *	watch.c			options, marks, main loop, CMD
 *	filter.c			the fast path: load, attach, counters
 *	events.c			from what read(2) gave to lines
 *	summary.c			the table at the end
 */
#ifndef __WATCH_H
#define __WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>

#include "common/roots.h"

struct watch {
	/* Options */
	uint64_t events;
	bool json;
	bool quiet;
	bool user;		/* filter in user space */
	bool timestamps;
	bool filter_time;
	bool debug;
	const char *summary_path;
	char **cmd;
	int failed;		/* exit status if fanfp itself fails */

	int group_fd;

	/* What happened */
	uint64_t delivered;
	uint64_t printed;
	uint64_t unresolved;	/* of those: without a path */
	uint64_t overflows;
	uint64_t wakeups;
	struct timespec start;
	struct rusage start_usage;
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

int filter_attach(const struct watch *w, bool has_excludes);
int filter_exclude(int dir_fd);
int filter_link_fd(void);
bool filter_comm(pid_t pid, char *comm, size_t size);
void filter_read_counters(const struct watch *w, struct filter_counters *c);
void filter_detach(void);

void events_print(struct watch *w, const void *buf, size_t len);

void summary_start(struct watch *w);
int summary_print(const struct watch *w);

#endif /* __WATCH_H */
