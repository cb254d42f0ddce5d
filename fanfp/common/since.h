/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The time since a command began, and what it has used since then.
 */
#ifndef __SINCE_H
#define __SINCE_H

#include <sys/resource.h>
#include <time.h>

struct since {
	struct timespec time;
	struct rusage self;
	struct rusage children;
};

void since_now(struct since *since);
double since_elapsed(const struct since *since);
double since_cpu(const struct since *since);
double since_children_cpu(const struct since *since);
long since_switches(const struct since *since);

#endif /* __SINCE_H */
