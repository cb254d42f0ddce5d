// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp guard: let a scanner look at each file of some directories before it can
 * be opened, once. What it said is kept in the kernel, which answers from then
 * on, until the content changes. guard.bpf.c says why that is safe.
 *
 * With --no-fastpath there is no program, and each open waits for a scan of its own.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/figures.h"
#include "common/group.h"
#include "common/mounts.h"
#include "common/nowait.h"
#include "common/options.h"
#include "common/output.h"
#include "common/roots.h"
#include "common/signals.h"
#include "fanfp.h"
#include "guard/guard.h"

#define MAX_SECONDS	(24 * 60 * 60)

static struct guard g = {
	.group_fd = -1, .changes_fd = -1, .timeout_ms = 10000,
	.scan_timeout = 60,
};

static struct guard_totals totals;
static char **cmd;
static bool timeout_given, when_stuck_given;
static bool stopped;

enum {
	OPT_MAX_PENDING = OPTION_OWN,
	OPT_SCAN_TIMEOUT,
	OPT_TIMEOUT,
	OPT_WHEN_STUCK,
};

static const struct argp_option option_table[] = {
	{ "jobs", 'J', "N", 0, "Run up to N scans at a time [CPUs, at least 2]",
	  0 },
	{ "observe", 'o', NULL, 0, "Say what would be denied, but deny nothing",
	  0 },
	{ "max-pending", OPT_MAX_PENDING, "N", 0,
	  "Do not ask while about N opens wait already", 0 },
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0,
	  "Let no open wait for longer than this [10]; 0 is for ever", 0 },
	{ "when-stuck", OPT_WHEN_STUCK, "allow|deny", 0,
	  "What an open gets then, or when the scan fails [allow]", 0 },
	{ "scan-timeout", OPT_SCAN_TIMEOUT, "SECONDS", 0,
	  "Stop a scan that takes longer [60]; 0 is never", 0 },
	OPTION_JSON,
	OPTION_QUIET("Print only the table at the end"),
	OPTION_SUMMARY,
	OPTION_NO_FASTPATH("Scan at each open, without the fast path"),
	OPTION_DEBUG,
	{ 0 }
};

static void check_options(struct argp_state *state)
{
	if (!cmd)
		argp_error(state, "no CMD after --: what shall judge the files?");
	if (!roots_included())
		argp_error(state, "no directory to guard");
	if (options.no_fastpath && (g.max_pending || timeout_given))
		argp_error(state, "--max-pending and --timeout need the fast path: leave out --no-fastpath");
	if (options.no_fastpath)
		g.timeout_ms = 0;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'J':
		g.jobs = options_number(state, "--jobs", arg, 1, 1024);
		return 0;
	case 'o':
		g.observe = true;
		return 0;
	case OPT_MAX_PENDING:
		g.max_pending = options_number(state, "--max-pending", arg, 1,
					       INT_MAX);
		return 0;
	case OPT_TIMEOUT:
		g.timeout_ms = options_seconds(state, "--timeout", arg,
					       MAX_SECONDS) * 1000;
		timeout_given = g.timeout_ms;
		return 0;
	case OPT_WHEN_STUCK:
		if (strcmp(arg, "allow") && strcmp(arg, "deny"))
			argp_failure(state, FANFP_USAGE, 0,
				     "--when-stuck %s: give allow or deny",
				     arg);
		g.stuck_deny = !strcmp(arg, "deny");
		when_stuck_given = true;
		return 0;
	case OPT_SCAN_TIMEOUT:
		g.scan_timeout = options_number(state, "--scan-timeout", arg, 0,
						MAX_SECONDS);
		return 0;
	case ARGP_KEY_ARG:
		cmd = options_cmd(state);
		if (cmd)
			state->next = state->argc;
		else if (roots_add(arg, false))
			err(FANFP_FAILED, "%s", arg);
		return 0;
	case ARGP_KEY_END:
		check_options(state);
		return 0;
	}
	return options_parse(key, arg, state);
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_opt,
	.args_doc = "DIR... -- CMD [ARG...]",
	.doc = "Let no file of the directories be opened before CMD has judged "
	       "it, until interrupted.\vCMD gets the file as its standard "
	       "input: exit status 0 allows, 1 denies. A file is judged once; "
	       "the kernel answers from then on, until the file changes. "
	       "'-- clamdscan' asks ClamAV. fanfp-guard(1) explains it all.",
};

static int init_group(unsigned int flags)
{
	int fd = group_init(flags, "guarding filesystems");

	if (fd < 0)
		exit(FANFP_FAILED);
	return fd;
}

static void init_groups(void)
{
	g.group_fd = init_group(FAN_CLASS_CONTENT);
	if (g.in_kernel)
		g.changes_fd = init_group(FAN_CLASS_NOTIF | FAN_REPORT_FID);
}

static void mark_changes(unsigned int flags, uint64_t mask,
			 const struct root *root)
{
	if (group_mark(g.changes_fd, flags, mask, root->fd, root->arg,
		       "its changes cannot be told"))
		exit(FANFP_FAILED);
}

static void mark_opens(unsigned int flags, const struct root *root)
{
	if (group_mark(g.group_fd, flags, FAN_OPEN_PERM, root->fd, root->arg,
		       "opens of it cannot be asked about"))
		exit(FANFP_FAILED);
}

/*
 * Changes come first, then the subtree roots, then the opens. An exec is an open,
 * too: FAN_OPEN_EXEC_PERM would ask a second time about the same.
 */
static void add_marks(void)
{
	struct root *root;

	for (root = roots_first(); root && g.in_kernel; root = root->next) {
		mark_changes(FAN_MARK_FILESYSTEM, FAN_MODIFY | FAN_CLOSE_WRITE,
			     root);
		mark_changes(FAN_MARK_INODE | FAN_MARK_ONLYDIR,
			     FAN_DELETE_SELF | FAN_ONDIR, root);
	}
	for (root = roots_first(); root; root = root->next)
		mark_opens(FAN_MARK_INODE | FAN_MARK_ONLYDIR, root);
	for (root = roots_first(); root; root = root->next)
		mark_opens(FAN_MARK_FILESYSTEM, root);
	roots_close();
}

static void read_signals(int fd)
{
	int status, signal;
	pid_t pid;

	while ((signal = signals_next(fd, NULL)))
		if (signal != SIGCHLD)
			stopped = true;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		scans_ended(pid, status);
}

static void root_deleted(const struct fanotify_event_metadata *meta)
{
	const struct fanotify_event_info_fid *info = (const void *)(meta + 1);
	struct fid fid;

	if ((meta->mask & FAN_DELETE_SELF) &&
	    meta->event_len > meta->metadata_len &&
	    info->hdr.info_type == FAN_EVENT_INFO_TYPE_FID &&
	    !fid_of_event(info, &fid))
		roots_deleted(&fid);
}

static void read_changes(void)
{
	static char buf[4096] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta = (void *)buf;
	ssize_t len = read(g.changes_fd, buf, sizeof(buf));

	for (; len > 0 && FAN_EVENT_OK(meta, len);
	     meta = FAN_EVENT_NEXT(meta, len))
		root_deleted(meta);
}

/*
 * Without one of the programs no verdict may be used. All else goes on, as plain
 * fanotify.
 */
static void lost_fastpath(void)
{
	fastpath_read(&g, &totals);
	fastpath_detach();
	close(g.changes_fd);
	g.changes_fd = -1;
	g.in_kernel = false;
	warnx("a program was detached from its group: each open of a path in DIR waits for a scan from now on, without --timeout and --max-pending");
}

static void say_what_is_guarded(void)
{
	unsigned int nr_dirs = roots_included();
	char line[80];
	int len;

	if (options.quiet)
		return;
	len = snprintf(line, sizeof(line),
		       options.json ? "{\"guarding\": {\"directories\": %u}}\n"
		       : nr_dirs == 1 ? "guarding %u directory\n"
		       : "guarding %u directories\n", nr_dirs);
	nowait_line(line, len);
}

static void guard(int signal_fd)
{
	enum { GROUP, SIGNALS, MOUNTS, CHANGES, LINK0, LINK1, NR };
	struct pollfd fds[NR] = {
		[GROUP] = { .events = POLLIN },
		[SIGNALS] = { .fd = signal_fd, .events = POLLIN },
		[MOUNTS] = { .fd = mounts_poll_fd(), .events = POLLPRI },
		[CHANGES] = { .events = POLLIN },
	};
	int n, timeout;
	bool slept;

	while (!stopped && roots_included()) {
		fds[GROUP].fd = opens_fd();
		fds[CHANGES].fd = g.changes_fd;
		fds[LINK0].fd = fastpath_link_fd(0);
		fds[LINK1].fd = fastpath_link_fd(1);
		timeout = scans_next_timeout();

		n = poll(fds, NR, 0);
		slept = !n;
		if (!n)
			n = poll(fds, NR, timeout);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			err(FANFP_FAILED, "poll");
		}

		if (fds[LINK0].revents || fds[LINK1].revents)
			lost_fastpath();
		if (fds[GROUP].revents) {
			g.wakeups += slept;
			opens_read();
		}
		if (fds[SIGNALS].revents)
			read_signals(signal_fd);
		if (g.changes_fd >= 0 && fds[CHANGES].revents)
			read_changes();
		if (fds[MOUNTS].revents & (POLLPRI | POLLERR))
			roots_mounts_changed();
	}
}

int cmd_guard(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	bool failed;
	int signal_fd;

	g.jobs = cpus > 2 ? cpus : 2;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
	g.in_kernel = !options.no_fastpath;

	scanner_init(&g, cmd);
	if (roots_open("guarded", guard_refuse))
		return FANFP_FAILED;
	init_groups();
	if (g.in_kernel && fastpath_attach(&g))
		return FANFP_FAILED;
	/* What a scanner leaves behind stays a descendant. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	opens_init(&g);
	scans_init(&g);
	scanner_try();
	figures_open();
	signal_fd = signals_open(SIGNALS_CHILD | SIGNALS_NO_PIPE);
	since_now(&g.start);
	nowait_begin();
	add_marks();
	say_what_is_guarded();
	if (when_stuck_given && !g.max_pending && !g.timeout_ms && !options.json)
		warnx("note: without --max-pending or --timeout, --when-stuck is only about scans that fail");

	guard(signal_fd);

	scans_stop();
	if (g.in_kernel)
		fastpath_read(&g, &totals);
	/*
	 * Events that nobody has read are allowed by the kernel. The groups go
	 * before the programs, without which all of the filesystem would be
	 * asked about, and before anything is printed, which may take for ever.
	 */
	close(g.group_fd);
	if (g.changes_fd >= 0)
		close(g.changes_fd);
	fastpath_detach();
	failed = nowait_end();
	signals_restore();

	failed |= guard_summary_print(&g, &totals);
	if (g.at_end)
		warnx("%ju opens that waited for a scan were allowed",
		      (uintmax_t)g.at_end);
	warnx("%s: files can be opened without a scan from now on",
	      stopped ? "interrupted" : "nothing is left to guard");
	if (print_end() || failed)
		return FANFP_FAILED;
	return stopped ? EXIT_SUCCESS : FANFP_FAILED;
}
