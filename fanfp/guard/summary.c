// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp guard: the table at the end.
 */
#include <inttypes.h>
#include <stdio.h>

#include "guard/guard.h"

/* All figures are differences to what they are now. */
void guard_summary_start(struct guard *g)
{
	clock_gettime(CLOCK_MONOTONIC, &g->start);
	getrusage(RUSAGE_SELF, &g->start_self);
	getrusage(RUSAGE_CHILDREN, &g->start_children);
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

static double elapsed(const struct guard *g)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - g->start.tv_sec +
	       (now.tv_nsec - g->start.tv_nsec) / 1e9;
}

static void print_count(const char *what, uint64_t count)
{
	fprintf(stderr, "%-38s %12" PRIu64 "\n", what, count);
}

static void print_text(const struct guard *g, const struct guard_totals *t)
{
	const struct guard_counts *c = &t->counts;

	fprintf(stderr, "\n");
	if (!g->user) {
		print_count("Opens seen", c->opens);
		print_count("  answered in the kernel", c->opens - c->asked);
		print_count("    known to be clean, allowed", c->allowed);
		print_count(g->observe ? "    known to be bad, allowed"
				       : "    known to be bad, denied",
			    c->denied);
		print_count("    empty, allowed", c->empty);
		print_count("    by fanfp and its scanners, allowed", c->own);
		print_count(g->stuck_deny && !g->observe
				    ? "    too many waiting, denied"
				    : "    too many waiting, allowed",
			    c->stuck);
		print_count("  asked", c->asked);
		if (c->undecided)
			print_count("    undecided", c->undecided);
		print_count(g->stuck_deny && !g->observe
				    ? "    not answered in time, denied"
				    : "    not answered in time, allowed",
			    t->expired);
	}
	print_count("Opens that waited for an answer", g->delivered);
	print_count("  for the scan of another open", g->joined);
	print_count(g->observe ? "  would have been denied" : "  denied",
		    g->denied);
	print_count("Scans", g->scans);
	print_count("  failed", g->failed);
	if (!g->user) {
		print_count("Verdicts kept in the kernel", g->kept);
		print_count("Changes of files that were asked about",
			    c->changes);
	}
	if (g->late)
		print_count("Answers that came too late", g->late);
	if (g->at_end)
		print_count("Opens that still waited, allowed", g->at_end);
	print_count("Opens outside, allowed", c->outside + g->outside);
	if (g->unprinted)
		print_count("Lines that could not be printed", g->unprinted);
	print_count("Wake-ups of the listener", g->wakeups);
	fprintf(stderr, "%-38s %12.3f s\n", "CPU time of the listener",
		cpu(RUSAGE_SELF, &g->start_self));
	fprintf(stderr, "%-38s %12.3f s\n", "CPU time of the scanners",
		cpu(RUSAGE_CHILDREN, &g->start_children));
	fprintf(stderr, "%-38s %12.3f s\n", "Elapsed time", elapsed(g));
}

static void print_json(const struct guard *g, const struct guard_totals *t)
{
	const struct guard_counts *c = &t->counts;
	const struct {
		const char *name;
		uint64_t count;
	} figures[] = {
		/* Of the kernel */
		{ "opens", c->opens },
		{ "kernel", c->opens - c->asked },
		{ "kernel_allowed", c->allowed },
		{ "kernel_denied", c->denied },
		{ "empty", c->empty },
		{ "own", c->own + g->own },
		{ "stuck", c->stuck },
		{ "asked", c->asked },
		{ "undecided", c->undecided },
		{ "expired", t->expired },
		{ "outside", c->outside + g->outside },
		{ "changes", c->changes },
		/* Of the listener */
		{ "delivered", g->delivered },
		{ "joined", g->joined },
		{ "denied", g->denied },
		{ "scans", g->scans },
		{ "failed", g->failed },
		{ "kept", g->kept },
		{ "late", g->late },
		{ "at_end", g->at_end },
		{ "unprinted", g->unprinted },
		{ "wakeups", g->wakeups },
	};
	size_t i;

	printf("{\"summary\": {\"mode\": \"%s\", \"observe\": %s",
	       g->user ? "user" : "fastpath", g->observe ? "true" : "false");
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		printf(", \"%s\": %" PRIu64, figures[i].name,
		       figures[i].count);
	printf(", \"cpu_seconds\": %.6f, \"scan_cpu_seconds\": %.6f, \"elapsed_seconds\": %.6f}}\n",
	       cpu(RUSAGE_SELF, &g->start_self),
	       cpu(RUSAGE_CHILDREN, &g->start_children), elapsed(g));
}

void guard_summary_print(const struct guard *g, const struct guard_totals *t)
{
	if (g->json)
		print_json(g, t);
	else
		print_text(g, t);
}
