// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp watch: the table at the end.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "watch/watch.h"

/* All figures are differences to what they are now. */
void summary_start(struct watch *w)
{
	clock_gettime(CLOCK_MONOTONIC, &w->start);
	getrusage(RUSAGE_THREAD, &w->start_usage);
}

struct figures {
	struct filter_counters filter;
	double elapsed;
	double cpu;
	long switches;
};

static double seconds(const struct timeval *tv)
{
	return tv->tv_sec + tv->tv_usec / 1e6;
}

static void read_figures(const struct watch *w, struct figures *f)
{
	const struct rusage *start = &w->start_usage;
	struct timespec now;
	struct rusage usage;

	clock_gettime(CLOCK_MONOTONIC, &now);
	getrusage(RUSAGE_THREAD, &usage);
	f->elapsed = now.tv_sec - w->start.tv_sec +
		     (now.tv_nsec - w->start.tv_nsec) / 1e9;
	f->cpu = seconds(&usage.ru_utime) - seconds(&start->ru_utime) +
		 seconds(&usage.ru_stime) - seconds(&start->ru_stime);
	f->switches = usage.ru_nvcsw - start->ru_nvcsw;
	filter_read_counters(w, &f->filter);
}

static void print_count(FILE *out, const char *what, uint64_t count)
{
	fprintf(out, "%-38s %12" PRIu64 "\n", what, count);
}

static void print_text(FILE *out, const struct watch *w,
		       const struct figures *f)
{
	const struct filter_counters *c = &f->filter;

	fprintf(out, "\n");
	if (!w->user) {
		print_count(out, "Events that the filter saw", c->seen);
		print_count(out, "  skipped in the kernel", c->skipped);
		print_count(out, "    caused by fanfp itself", c->own);
		print_count(out, "  sent to the listener", c->sent);
		print_count(out, "    undecided", c->undecided);
		if (c->invalid)
			print_count(out, "    invalid answers", c->invalid);
	}
	print_count(out, "Events delivered, after merging", w->delivered);
	print_count(out, "  printed", w->printed);
	if (w->unresolved)
		print_count(out, "    of directories that are gone",
			    w->unresolved);
	print_count(out, "Queue overflows", w->overflows);
	print_count(out, "Wake-ups of the listener", w->wakeups);
	print_count(out, "Voluntary context switches", f->switches);
	fprintf(out, "%-38s %12.3f s\n", "CPU time of the listener", f->cpu);
	if (!w->user && w->filter_time)
		fprintf(out, "%-38s %12.3f s\n",
			"CPU time of the filter, in other tasks",
			c->run_ns / 1e9);
	fprintf(out, "%-38s %12.3f s\n", "Elapsed time", f->elapsed);
}

static void print_json(FILE *out, const struct watch *w,
		       const struct figures *f)
{
	const struct filter_counters *c = &f->filter;

	fprintf(out, "{\"mode\": \"%s\"", w->user ? "user" : "fastpath");
	if (!w->user) {
		fprintf(out, ", \"seen\": %" PRIu64 ", \"skipped\": %" PRIu64
			", \"own\": %" PRIu64 ", \"sent\": %" PRIu64
			", \"undecided\": %" PRIu64 ", \"invalid\": %" PRIu64,
			c->seen, c->skipped, c->own, c->sent, c->undecided,
			c->invalid);
		if (w->filter_time)
			fprintf(out, ", \"filter_seconds\": %.9f",
				c->run_ns / 1e9);
	}
	fprintf(out, ", \"delivered\": %" PRIu64 ", \"printed\": %" PRIu64
		", \"unresolved\": %" PRIu64 ", \"overflows\": %" PRIu64
		", \"wakeups\": %" PRIu64 ", \"context_switches\": %ld, \"cpu_seconds\": %.6f, \"elapsed_seconds\": %.6f}",
		w->delivered, w->printed, w->unresolved, w->overflows,
		w->wakeups, f->switches, f->cpu, f->elapsed);
}

/* Returns 0, or -1 after it has said what is wrong. */
int summary_print(const struct watch *w)
{
	struct figures f;
	FILE *file;

	read_figures(w, &f);
	if (w->json) {
		printf("{\"summary\": ");
		print_json(stdout, w, &f);
		printf("}\n");
	} else {
		print_text(stderr, w, &f);
	}

	if (!w->summary_path)
		return 0;
	file = fopen(w->summary_path, "we");
	if (file) {
		print_json(file, w, &f);
		putc('\n', file);
	}
	if (!file || fclose(file)) {
		warn("cannot write the summary to %s", w->summary_path);
		return -1;
	}
	return 0;
}
