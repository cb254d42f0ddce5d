// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp watch: print the events of directory trees, on filesystems on which
 * much else happens.
 *
 * The filesystems are marked for the events, and the directories are marked as
 * subtree roots of the group. The program in watch.bpf.c skips all events that
 * are not below a root, so that they cost no wake-up. With --no-fastpath
 * there is no program, and the same is done with each event after it was read.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <time.h>
#include <unistd.h>

#include "common/event.h"
#include "common/figures.h"
#include "common/filesystems.h"
#include "common/group.h"
#include "common/mounts.h"
#include "common/options.h"
#include "common/output.h"
#include "common/roots.h"
#include "common/signals.h"
#include "fanfp.h"
#include "watch/watch.h"

static struct watch w = { .group_fd = -1 };
static char **cmd;
static unsigned int stop_signals;

enum { OPT_FILTER_TIME = OPTION_OWN };

static const struct argp_option option_table[] = {
	{ "events", 'e', "LIST", 0,
	  "Watch for these events [" EVENTS_DEFAULT "]", 0 },
	{ "exclude", 'x', "DIR", 0,
	  "Leave out this directory below a watched one; may be repeated", 0 },
	OPTION_JSON,
	OPTION_QUIET("Print no events, only the table at the end"),
	OPTION_SUMMARY,
	{ "timestamps", 't', NULL, 0, "Start each line with the time", 0 },
	OPTION_NO_FASTPATH("Filter in user space, without the fast path"),
	{ "filter-time", OPT_FILTER_TIME, NULL, 0,
	  "Measure the CPU time of the filter; slows all BPF programs down a little",
	  0 },
	OPTION_DEBUG,
	{ 0 }
};

static void add_dir(const char *arg, bool exclude)
{
	if (roots_add(arg, exclude))
		err(fanfp_failed, "%s", arg);
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'e':
		if (events_parse(arg, &w.events))
			argp_failure(state, FANFP_USAGE, 0,
				     "--events %s: there are %s", arg,
				     events_known());
		return 0;
	case 'x':
		add_dir(arg, true);
		return 0;
	case 't':
		w.timestamps = true;
		return 0;
	case OPT_FILTER_TIME:
		w.filter_time = true;
		return 0;
	case ARGP_KEY_ARG:
		cmd = options_cmd(state);
		if (cmd) {
			fanfp_failed = FANFP_FAILED_WITH_CMD;
			state->next = state->argc;
		} else {
			add_dir(arg, false);
		}
		return 0;
	case ARGP_KEY_END:
		if (!roots_included())
			argp_error(state, "no directory to watch");
		return 0;
	}
	return options_parse(key, arg, state);
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_opt,
	.args_doc = "DIR... [-- CMD [ARG...]]",
	.doc = "Print the events of directory trees, until interrupted or until "
	       "CMD ends.\vEvents outside of the trees are skipped in the "
	       "kernel. fanfp-watch(1) explains it all.",
};

static void init_group(void)
{
	/*
	 * TARGET_FID: the handle of a directory comes with its creation, so that
	 * events in it can be named when it is gone before they are read.
	 */
	w.group_fd = group_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME_TARGET,
				"watching filesystems");
	if (w.group_fd < 0)
		exit(fanfp_failed);
}

static void mark(unsigned int flags, uint64_t mask, const struct root *root)
{
	if (group_mark(w.group_fd, flags, mask, root->fd, root->arg,
		       "it cannot be watched"))
		exit(fanfp_failed);
}

/*
 * Roots come before the filesystems, and the program before both: no event
 * arrives that is not wanted. The mask of a root is that of the filesystem, so
 * its mark adds no event but the root's removal.
 */
static void add_marks(void)
{
	uint64_t mask = w.events | FAN_ONDIR;
	struct root *root;
	int ret;

	if (w.in_user_space)
		/* Where a root is can only be followed by directory renames. */
		mask |= FAN_RENAME;

	for (root = roots_first(); root; root = root->next) {
		ret = root->exclude && !w.in_user_space
			? filter_exclude(root->fd) : 0;
		if (ret)
			errx(fanfp_failed, "--exclude %s: %s", root->arg,
			     strerror(-ret));
		mark(FAN_MARK_INODE | FAN_MARK_ONLYDIR, mask | FAN_DELETE_SELF,
		     root);
	}
	for (root = roots_first(); root; root = root->next)
		if (!root->exclude)
			mark(FAN_MARK_FILESYSTEM, mask, root);
	roots_close();
}

static void read_signals(int fd)
{
	bool ctrl_c;
	int signal;

	while ((signal = signals_next(fd, &ctrl_c))) {
		if (signal == SIGCHLD) {
			child_ended();
			continue;
		}
		stop_signals++;
		/* CMD, in the same process group, has that already. */
		if (!ctrl_c)
			child_kill(signal);
	}
}

/*
 * With CMD its end is the end, and a signal is passed on to it; a second one
 * does not wait for it.
 */
static bool is_done(void)
{
	if (cmd)
		return !child_runs() || stop_signals > 1;
	return stop_signals || !roots_included();
}

static size_t read_events(void *buf, size_t size)
{
	ssize_t len = read(w.group_fd, buf, size);

	if (len < 0 && errno != EAGAIN && errno != EINTR)
		err(fanfp_failed, "cannot read events");
	return len > 0 ? len : 0;
}

/* Deal with what was queued when the end came, but not with what follows. */
static void drain(void *buf, size_t size)
{
	struct timespec start, now;
	size_t len;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		len = read_events(buf, size);
		events_print(&w, buf, len);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (len && now.tv_sec - start.tv_sec < 5);
}

static void watch_events(int signal_fd)
{
	enum { GROUP, SIGNALS, MOUNTS, LINK, NR };
	struct pollfd fds[NR] = {
		[GROUP] = { .fd = w.group_fd, .events = POLLIN },
		[SIGNALS] = { .fd = signal_fd, .events = POLLIN },
		[MOUNTS] = { .fd = mounts_poll_fd(), .events = POLLPRI },
		[LINK] = { .fd = w.in_user_space ? -1 : filter_link_fd() },
	};
	static char buf[1 << 16] __attribute__((aligned(8)));
	bool slept;
	int n;

	while (!is_done() && !ferror(stdout)) {
		n = poll(fds, NR, 0);
		slept = !n;
		if (!n) {
			fflush(stdout);
			n = poll(fds, NR, -1);
		}
		if (n < 0) {
			if (errno == EINTR)
				continue;
			err(fanfp_failed, "poll");
		}

		if (fds[GROUP].revents) {
			w.wakeups += slept;
			events_print(&w, buf, read_events(buf, sizeof(buf)));
		}
		if (fds[SIGNALS].revents)
			read_signals(signal_fd);
		if (fds[MOUNTS].revents & (POLLPRI | POLLERR))
			roots_mounts_changed();
		if (fds[LINK].revents) {
			warnx("the program was detached from the group: filtering in user space from now on");
			w.in_user_space = true;
			fds[LINK].fd = -1;
		}
	}
	drain(buf, sizeof(buf));
}

int cmd_watch(int argc, char **argv)
{
	int signal_fd;
	bool nothing_left, failed;

	events_parse(EVENTS_DEFAULT, &w.events);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
	w.in_user_space = options.no_fastpath;

	if (roots_open("watched", NULL))
		return fanfp_failed;
	init_group();
	if (!w.in_user_space && filter_attach(&w, roots_excluded()))
		return fanfp_failed;
	figures_open();
	signal_fd = signals_open(SIGNALS_CHILD);
	if (w.in_user_space)
		fs_keep_open();
	add_marks();

	since_now(&w.start);
	if (cmd)
		child_start(cmd);
	watch_events(signal_fd);
	fflush(stdout);

	nothing_left = !cmd && !stop_signals;
	if (nothing_left)
		warnx("nothing is left to watch");
	failed = summary_print(&w);
	if (print_end() || failed)
		return fanfp_failed;
	filter_detach();
	if (cmd)
		return child_status();
	return nothing_left ? FANFP_FAILED : EXIT_SUCCESS;
}
