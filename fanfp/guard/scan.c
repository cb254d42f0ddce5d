// SPDX-License-Identifier: GPL-2.0
/*
 * The scans of fanfp guard: who waits for which one, and when it has its turn.
 *
 * Nothing here waits: a scan is a child process, and its end is told by SIGCHLD.
 * So one thread reads events and answers them, however long the scans take.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/nowait.h"
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "common/process.h"
#include "guard/guard.h"

#define NR_BUCKETS	1024

/* Somebody who waits for the answer to an open */
struct opener {
	struct opener *next;
	int fd;
	pid_t pid;
};

struct scan {
	struct scan *next_same;		/* in the bucket */
	struct scan *next;		/* waiting, or running */
	struct guard_sample sample;
	struct opener *openers;
	pid_t child;			/* 0: waits for its turn */
	time_t deadline;
};

static struct guard *g;
static struct scan *buckets[NR_BUCKETS];
static struct scan *waiting, **waiting_end = &waiting;
static struct scan *running;
static unsigned int nr_running;
static unsigned int nr_openers;

/**
 * scans_init - to be called before any other function
 * @guard:	the guard
 */
void scans_init(struct guard *guard)
{
	g = guard;
}

/**
 * scans_waiting - opens that wait for an answer; each holds a descriptor
 */
unsigned int scans_waiting(void)
{
	return nr_openers;
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* reason is NULL for a denial by the scanner. */
static void print_line(const struct opener *o, bool deny, const char *reason)
{
	const char *what = deny ? g->observe ? "would deny" : "denied"
				: "allowed";
	char *path, *line = NULL, comm[PROCESS_NAME_MAX];
	struct timespec ts;
	size_t len;
	FILE *out;

	if (options.quiet)
		return;
	out = open_memstream(&line, &len);
	if (!out) {
		g->unprinted++;
		return;
	}
	path = path_of_fd(o->fd);
	process_name(o->pid, comm, sizeof(comm));
	if (options.json) {
		clock_gettime(CLOCK_REALTIME, &ts);
		fprintf(out, "{\"time\": %jd.%06ld, \"pid\": %d, \"comm\": ",
			(intmax_t)ts.tv_sec, ts.tv_nsec / 1000, o->pid);
		print_json_string(out, comm);
		fprintf(out, ", \"answer\": \"%s\", \"path\": ", what);
		print_json_string(out, path ? path : "?");
		fprintf(out, ", \"scan_failed\": ");
		if (reason)
			print_json_string(out, reason);
		else
			fprintf(out, "null");
		fprintf(out, "}\n");
	} else {
		fprintf(out, "%s ", what);
		print_escaped(out, comm);
		fprintf(out, "(%d): ", o->pid);
		print_escaped(out, path ? path : "?");
		fprintf(out, reason ? " (%s)\n" : "\n", reason);
	}
	if (fclose(out) || !nowait_line(line, len))
		g->unprinted++;
	free(line);
	free(path);
}

static bool is_same_file(const struct scan *scan,
			 const struct guard_sample *sample)
{
	return scan->sample.ino == sample->ino &&
	       scan->sample.dev == sample->dev;
}

/*
 * May an open be answered by this scan? One that has not begun will see what is
 * there now. One that runs will, if nothing has changed since it began; an open
 * of a file that has a writer has a generation of its own.
 */
static bool is_valid_for(const struct scan *scan,
			 const struct guard_sample *sample)
{
	if (!is_same_file(scan, sample))
		return false;
	return !scan->child ||
	       (scan->sample.can_keep && sample->can_keep &&
		!memcmp(&scan->sample.as, &sample->as, sizeof(sample->as)));
}

static struct scan **bucket_of(const struct guard_sample *sample)
{
	return &buckets[(sample->ino ^ sample->dev) % NR_BUCKETS];
}

static void finish(struct scan *scan, bool deny, const char *reason)
{
	struct scan **p = bucket_of(&scan->sample);
	struct opener *o;

	while (*p != scan)
		p = &(*p)->next_same;
	*p = scan->next_same;

	while ((o = scan->openers)) {
		scan->openers = o->next;
		nr_openers--;
		g->denied += deny;
		if (deny || reason)
			print_line(o, deny, reason);
		opens_answer(o->fd, deny);
		free(o);
	}
	free(scan);
}

/* Content that could not be judged is not remembered. */
static void fail(struct scan *scan, const char *reason)
{
	g->failed++;
	finish(scan, g->stuck_deny, reason);
}

static void start(struct scan *scan)
{
	int fd = scan->openers->fd;
	struct guard_sample sample;

	/* The bucket is that of the sample taken first, so it must be the same. */
	if (!fastpath_sample(fd, &sample) || !is_same_file(scan, &sample)) {
		fail(scan, "cannot look at it");
		return;
	}
	scan->sample = sample;
	scan->child = scanner_start(fd);
	if (scan->child < 0) {
		scan->child = 0;
		fail(scan, "cannot fork");
		return;
	}
	g->scans++;
	scan->deadline = now() + g->scan_timeout;
	scan->next = running;
	running = scan;
	nr_running++;
}

static void start_waiting(void)
{
	struct scan *scan;

	while (nr_running < g->jobs && (scan = waiting)) {
		waiting = scan->next;
		if (!waiting)
			waiting_end = &waiting;
		start(scan);
	}
}

/**
 * scans_add - somebody waits to open a file: have it scanned
 * @fd:		the file; it is closed when the open is answered
 * @pid:	who waits
 */
void scans_add(int fd, pid_t pid)
{
	struct opener *o = calloc(1, sizeof(*o));
	struct guard_sample sample;
	struct scan *scan, **bucket;

	if (!o || !fastpath_sample(fd, &sample)) {
		warn("cannot look at a file");
		free(o);
		g->failed++;
		opens_answer(fd, g->stuck_deny);
		return;
	}
	o->fd = fd;
	o->pid = pid;

	bucket = bucket_of(&sample);
	for (scan = *bucket; scan; scan = scan->next_same)
		if (is_valid_for(scan, &sample))
			break;
	if (scan) {
		g->joined++;
	} else {
		scan = calloc(1, sizeof(*scan));
		if (!scan) {
			free(o);
			g->failed++;
			opens_answer(fd, g->stuck_deny);
			return;
		}
		scan->sample = sample;
		scan->next_same = *bucket;
		*bucket = scan;
		*waiting_end = scan;
		waiting_end = &scan->next;
	}
	o->next = scan->openers;
	scan->openers = o;
	nr_openers++;
	start_waiting();
}

/**
 * scans_ended - a child has ended: a scanner, or something that one left behind
 * @child:	the child
 * @status:	as waitpid() tells it
 */
void scans_ended(pid_t child, int status)
{
	struct scan *scan, **p;
	char reason[64];
	int verdict;

	for (p = &running; (scan = *p); p = &scan->next)
		if (scan->child == child)
			break;
	if (!scan)
		return;
	*p = scan->next;
	nr_running--;

	verdict = scanner_verdict(status, g->scan_timeout &&
				  now() >= scan->deadline,
				  reason, sizeof(reason));
	if (verdict < 0) {
		fail(scan, reason);
	} else {
		if (scan->sample.can_keep &&
		    !fastpath_keep(scan->openers->fd, &scan->sample, verdict))
			g->kept++;
		finish(scan, verdict, NULL);
	}
	start_waiting();
}

/**
 * scans_next_timeout - stop the scans that take too long
 *
 * Return: milliseconds until the next one is due, for poll().
 */
int scans_next_timeout(void)
{
	time_t left, next = -1, t = now();
	struct scan *scan;

	for (scan = running; scan && g->scan_timeout; scan = scan->next) {
		left = scan->deadline - t;
		if (left <= 0) {
			scanner_stop(scan->child);
			left = 1;
		}
		if (next < 0 || left < next)
			next = left;
	}
	return next < 0 ? -1 : next * 1000;
}

/**
 * scans_stop - the end: let everybody in who waits, and stop the scanners
 */
void scans_stop(void)
{
	struct opener *o;
	struct scan *scan;
	unsigned int i;

	for (i = 0; i < NR_BUCKETS; i++) {
		for (scan = buckets[i]; scan; scan = scan->next_same) {
			if (scan->child)
				scanner_stop(scan->child);
			for (o = scan->openers; o; o = o->next) {
				opens_answer(o->fd, false);
				g->at_end++;
			}
			scan->openers = NULL;
		}
	}
	nr_openers = 0;
}
