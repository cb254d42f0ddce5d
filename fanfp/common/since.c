// SPDX-License-Identifier: GPL-2.0
/*
 * The time since a command began, and what it has used since then.
 */
#include "common/since.h"

/**
 * since_now - begin to count the time and what is used
 * @since:	where to store what there was before
 */
void since_now(struct since *since)
{
	clock_gettime(CLOCK_MONOTONIC, &since->time);
	getrusage(RUSAGE_SELF, &since->self);
	getrusage(RUSAGE_CHILDREN, &since->children);
}

/**
 * since_elapsed - seconds since then
 */
double since_elapsed(const struct since *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - since->time.tv_sec +
	       (now.tv_nsec - since->time.tv_nsec) / 1e9;
}

static double cpu(int who, const struct rusage *start)
{
	struct rusage u;

	getrusage(who, &u);
	return u.ru_utime.tv_sec - start->ru_utime.tv_sec +
	       u.ru_stime.tv_sec - start->ru_stime.tv_sec +
	       (u.ru_utime.tv_usec - start->ru_utime.tv_usec +
		u.ru_stime.tv_usec - start->ru_stime.tv_usec) / 1e6;
}

/**
 * since_cpu - seconds of CPU time that this process has used since then
 */
double since_cpu(const struct since *since)
{
	return cpu(RUSAGE_SELF, &since->self);
}

/**
 * since_children_cpu - seconds of CPU time of children that have ended since then
 */
double since_children_cpu(const struct since *since)
{
	return cpu(RUSAGE_CHILDREN, &since->children);
}

/**
 * since_switches - voluntary context switches of this process since then
 */
long since_switches(const struct since *since)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_nvcsw - since->self.ru_nvcsw;
}
