// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp guard: the table at the end.
 */
#include "common/figures.h"
#include "common/options.h"
#include "guard/guard.h"

static void add_kernel(struct figures *f, const struct guard *g,
		       const struct guard_totals *t)
{
	const bool denies = g->stuck_deny && !g->observe;
	const struct guard_counts *c = &t->counts;

	figures_count(f, "opens", "Opens seen", c->opens);
	figures_count(f, "kernel", "  answered in the kernel",
		      c->opens - c->asked);
	figures_count(f, "kernel_allowed", "    known to be clean, allowed",
		      c->allowed);
	figures_count(f, "kernel_denied",
		      g->observe ? "    known to be bad, allowed"
				 : "    known to be bad, denied", c->denied);
	figures_count(f, "empty", "    empty, allowed", c->empty);
	figures_count(f, "own", "    by fanfp and its scanners, allowed",
		      c->own);
	figures_count(f, "stuck",
		      denies ? "    too many waiting, denied"
			     : "    too many waiting, allowed", c->stuck);
	figures_count(f, "asked", "  asked", c->asked);
	figures_any(f, "undecided", "    undecided", c->undecided);
	figures_count(f, "expired",
		      denies ? "    not answered in time, denied"
			     : "    not answered in time, allowed", t->expired);
}

static void add_listener(struct figures *f, const struct guard *g)
{
	figures_count(f, "delivered", "Opens that waited for an answer",
		      g->delivered);
	figures_count(f, "joined", "  for the scan of another open", g->joined);
	figures_count(f, "denied",
		      g->observe ? "  would have been denied" : "  denied",
		      g->denied);
	figures_any(f, "delivered_own", "  by fanfp and its scanners, allowed",
		    g->own);
	figures_count(f, "scans", "Scans", g->scans);
	figures_count(f, "failed", "  failed", g->failed);
}

/**
 * guard_summary_print - print the figures
 * @g:		the guard
 * @t:		what the programs have counted
 *
 * Return: 0, or -1 after it has said what is wrong.
 */
int guard_summary_print(const struct guard *g, const struct guard_totals *t)
{
	const bool kernel = !options.no_fastpath;
	struct figures f = {};

	figures_word(&f, "mode", "Mode",
		     g->in_kernel ? "fastpath" : "no-fastpath");
	figures_flag(&f, "observe", "Only observed", g->observe);
	if (kernel)
		add_kernel(&f, g, t);
	add_listener(&f, g);
	if (kernel) {
		figures_count(&f, "kept", "Verdicts kept in the kernel",
			      g->kept);
		figures_count(&f, "changes",
			      "Changes of files that were asked about",
			      t->counts.changes);
	}
	figures_any(&f, "late", "Answers that came too late", g->late);
	figures_any(&f, "at_end", "Opens that still waited, allowed",
		    g->at_end);
	figures_count(&f, "outside", "Opens outside, allowed",
		      t->counts.outside + g->outside);
	figures_any(&f, "unprinted", "Lines that could not be printed",
		    g->unprinted);
	figures_count(&f, "wakeups", "Wake-ups of the listener", g->wakeups);
	figures_seconds(&f, "cpu_seconds", "CPU time of the listener",
			since_cpu(&g->start));
	figures_seconds(&f, "scan_cpu_seconds", "CPU time of the scanners",
			since_children_cpu(&g->start));
	figures_seconds(&f, "elapsed_seconds", "Elapsed time",
			since_elapsed(&g->start));
	return figures_print(&f);
}
