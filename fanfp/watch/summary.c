// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp watch: the table at the end.
 */
#include "common/figures.h"
#include "watch/watch.h"

/**
 * summary_print - print the figures
 * @w:		the watch, whose program is still attached
 *
 * Return: 0, or -1 after it has said what is wrong.
 */
int summary_print(const struct watch *w)
{
	const bool kernel = !w->in_user_space;
	struct filter_counters c;
	struct figures f = {};

	filter_read_counters(w, &c);
	figures_word(&f, "mode", "Mode",
		     kernel ? "fastpath" : "no-fastpath");
	if (kernel) {
		figures_count(&f, "seen", "Events that the filter saw", c.seen);
		figures_count(&f, "skipped", "  skipped in the kernel",
			      c.skipped);
		figures_count(&f, "own", "    caused by fanfp itself", c.own);
		figures_count(&f, "sent", "  sent to the listener", c.sent);
		figures_count(&f, "undecided", "    undecided", c.undecided);
		figures_any(&f, "invalid", "    invalid answers", c.invalid);
	}
	figures_count(&f, "delivered", "Events delivered, after merging",
		      w->delivered);
	figures_count(&f, "printed", "  printed", w->printed);
	figures_any(&f, "unresolved", "    of directories that are gone",
		    w->unresolved);
	figures_count(&f, "overflows", "Queue overflows", w->overflows);
	figures_count(&f, "wakeups", "Wake-ups of the listener", w->wakeups);
	figures_count(&f, "context_switches", "Voluntary context switches",
		      since_switches(&w->start));
	figures_seconds(&f, "cpu_seconds", "CPU time of the listener",
			since_cpu(&w->start));
	if (kernel && w->filter_time)
		figures_seconds(&f, "filter_seconds",
				"CPU time of the filter, in other tasks",
				c.run_ns / 1e9);
	figures_seconds(&f, "elapsed_seconds", "Elapsed time",
			since_elapsed(&w->start));
	return figures_print(&f);
}
