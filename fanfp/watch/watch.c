// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp watch: print the events of directory trees, on filesystems on which
 * much else happens.
 *
 * The filesystems are marked for the events, and the directories are marked as
 * subtree roots of the group. The program in watch.bpf.c skips all events that
 * are not below a root, so that they cost no wake-up. With --user there is no
 * program, and the same is done with each event after it was read.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "common/event.h"
#include "fanfp.h"
#include "common/kernel.h"
#include "common/output.h"
#include "watch/watch.h"

#define MAX_DIRS	1024

static struct watch w = { .failed = FANFP_FAILED, .group_fd = -1 };

static struct {
	const char *arg;
	bool exclude;
	int fd;
} dirs[MAX_DIRS];
static unsigned int nr_dirs;

static pid_t child;
static int child_status;
static unsigned int stop_signals;
static sigset_t original_mask;

enum {
	OPT_DEBUG = 256,
	OPT_FILTER_TIME,
};

static const struct argp_option options[] = {
	{ "events", 'e', "LIST", 0,
	  "Watch for these events [" EVENTS_DEFAULT "]", 0 },
	{ "exclude", 'x', "DIR", 0,
	  "Leave out this directory below a watched one; may be repeated", 0 },
	{ "json", 'j', NULL, 0, "Print a JSON object a line", 0 },
	{ "quiet", 'q', NULL, 0, "Print no events, only the table at the end",
	  0 },
	{ "summary", 's', "FILE", 0,
	  "Write the figures of the table to FILE, as JSON", 0 },
	{ "timestamps", 't', NULL, 0, "Start each line with the time", 0 },
	{ "user", 'u', NULL, 0,
	  "Filter in user space, without the fast path", 0 },
	{ "filter-time", OPT_FILTER_TIME, NULL, 0,
	  "Measure the CPU time of the filter; slows all BPF programs down a little",
	  0 },
	{ "debug", OPT_DEBUG, NULL, 0, "Show libbpf's log", 0 },
	{ 0 }
};

static void add_dir(const char *arg, bool exclude, struct argp_state *state)
{
	if (nr_dirs == MAX_DIRS)
		argp_failure(state, FANFP_USAGE, 0,
			     "more than %d directories", MAX_DIRS);
	dirs[nr_dirs].arg = arg;
	dirs[nr_dirs].exclude = exclude;
	dirs[nr_dirs++].fd = -1;
}

static bool is_after_dashes(const struct argp_state *state)
{
	return state->quoted && state->next > state->quoted;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	unsigned int i;

	switch (key) {
	case 'e':
		if (events_parse(arg, &w.events))
			argp_failure(state, FANFP_USAGE, 0,
				     "--events %s: there are %s", arg,
				     events_known());
		return 0;
	case 'x':
		add_dir(arg, true, state);
		return 0;
	case 'j':
		w.json = true;
		return 0;
	case 'q':
		w.quiet = true;
		return 0;
	case 's':
		w.summary_path = arg;
		return 0;
	case 't':
		w.timestamps = true;
		return 0;
	case 'u':
		w.user = true;
		return 0;
	case OPT_FILTER_TIME:
		w.filter_time = true;
		return 0;
	case OPT_DEBUG:
		w.debug = true;
		return 0;
	case ARGP_KEY_ARG:
		if (is_after_dashes(state)) {
			w.cmd = state->argv + state->next - 1;
			w.failed = FANFP_FAILED_WITH_CMD;
			state->next = state->argc;
		} else {
			add_dir(arg, false, state);
		}
		return 0;
	case ARGP_KEY_END:
		for (i = 0; i < nr_dirs && dirs[i].exclude; i++)
			;
		if (i == nr_dirs)
			argp_error(state, "no directory to watch");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.args_doc = "DIR... [-- CMD [ARG...]]",
	.doc = "Print the events of directory trees, until interrupted or until "
	       "CMD ends.\vEvents outside of the trees are skipped in the "
	       "kernel. fanfp(8) explains it all.",
};

static void open_dirs(void)
{
	struct root *root, *excluded;
	const char *first;
	unsigned int i, n;

	for (i = 0; i < nr_dirs; i++)
		if (!roots_add(dirs[i].arg, dirs[i].exclude, &dirs[i].fd))
			exit(w.failed);

	for (excluded = roots_first(); excluded; excluded = excluded->next) {
		if (!excluded->exclude)
			continue;
		for (root = roots_first(); root; root = root->next)
			if (!root->exclude && root->fs == excluded->fs &&
			    path_is_below(excluded->path, root->path))
				break;
		if (!root)
			errx(w.failed, "--exclude %s: it is not below a watched directory, so its events are not watched anyway",
			     excluded->arg);
	}

	for (root = roots_first(); root; root = root->next) {
		if (root->exclude)
			continue;
		n = paths_mounts_below(root->path, &first);
		if (n)
			warnx("note: %s%s mounted below %s: other filesystems are not watched, unless given as a DIR of their own",
			      first, n > 1 ? " and others are" : " is",
			      root->arg);
	}
}

static void init_group(void)
{
	if (!have_capability(CAP_SYS_ADMIN))
		errx(w.failed, "watching filesystems needs CAP_SYS_ADMIN in the initial user namespace; run as root");

	/*
	 * TARGET_FID: the handle of a directory comes with its creation, so that
	 * events in it can be named when it is gone before they are read.
	 */
	w.group_fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC |
				   FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
				   FAN_UNLIMITED_MARKS |
				   FAN_REPORT_DFID_NAME_TARGET, O_RDONLY);
	if (w.group_fd < 0)
		errx(w.failed, "cannot watch: %s", fanotify_init_error());
}

static void mark(unsigned int flags, uint64_t mask, int fd, const char *arg)
{
	if (!fanotify_mark(w.group_fd, FAN_MARK_ADD | flags, mask, fd, NULL))
		return;
	switch (errno) {
	case ENODEV:
		errx(w.failed, "%s: its filesystem has no id that events could carry, so it cannot be watched", arg);
	case EXDEV:
		errx(w.failed, "%s: it is in a subvolume, whose events carry another id than the rest of the filesystem, so it cannot be watched",
		     arg);
	case EOPNOTSUPP:
		errx(w.failed, "%s: its filesystem has no file handles, so it cannot be watched",
		     arg);
	default:
		err(w.failed, "%s: cannot mark it", arg);
	}
}

/*
 * Roots come before the filesystems, and the program before both: no event
 * arrives that is not wanted. The mask of a root is that of the filesystem, so
 * its mark adds no event but the root's removal.
 */
static void add_marks(void)
{
	uint64_t mask = w.events | FAN_ONDIR;
	unsigned int i;
	int ret;

	if (w.user)
		/* Where a root is can only be followed by directory renames. */
		mask |= FAN_RENAME;

	for (i = 0; i < nr_dirs; i++) {
		ret = dirs[i].exclude && !w.user ? filter_exclude(dirs[i].fd)
						 : 0;
		if (ret)
			errx(w.failed, "--exclude %s: %s", dirs[i].arg,
			     strerror(-ret));
		mark(FAN_MARK_INODE | FAN_MARK_ONLYDIR, mask | FAN_DELETE_SELF,
		     dirs[i].fd, dirs[i].arg);
	}
	for (i = 0; i < nr_dirs; i++) {
		if (!dirs[i].exclude)
			mark(FAN_MARK_FILESYSTEM, mask, dirs[i].fd,
			     dirs[i].arg);
		/* An open descriptor would keep the filesystem mounted. */
		close(dirs[i].fd);
	}
}

static int open_signals(void)
{
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &original_mask);

	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		err(w.failed, "signalfd");
	return fd;
}

static void start_cmd(void)
{
	posix_spawnattr_t attr;
	int ret;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &original_mask);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	ret = posix_spawnp(&child, w.cmd[0], NULL, &attr, w.cmd, environ);
	posix_spawnattr_destroy(&attr);
	if (ret)
		errx(ret == ENOENT ? FANFP_CMD_NOT_FOUND : FANFP_CMD_NOT_EXEC,
		     "cannot run %s: %s", w.cmd[0], strerror(ret));
}

static void read_signals(int fd)
{
	struct signalfd_siginfo info;
	int status;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD) {
			stop_signals++;
			if (child)
				kill(child, info.ssi_signo);
			continue;
		}
		if (!child || waitpid(child, &status, WNOHANG) != child)
			continue;
		child = 0;
		child_status = WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
	}
}

/*
 * With CMD its end is the end, and a signal is passed on to it; a second one
 * does not wait for it.
 */
static bool is_done(void)
{
	if (w.cmd)
		return !child || stop_signals > 1;
	return stop_signals || !roots_included();
}

static void fs_gone(const struct paths_fs *fs, const char *mount)
{
	struct root *root;

	for (root = roots_first(); root; root = root->next) {
		if (root->fs != fs || root->gone)
			continue;
		root->gone = true;
		if (!root->exclude)
			warnx("%s was unmounted: %s is no longer watched",
			      mount, root->arg);
	}
}

static size_t read_events(void *buf, size_t size)
{
	ssize_t len = read(w.group_fd, buf, size);

	if (len < 0 && errno != EAGAIN && errno != EINTR)
		err(w.failed, "cannot read events");
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
		[MOUNTS] = { .events = POLLPRI },
		[LINK] = { .fd = w.user ? -1 : filter_link_fd() },
	};
	static char buf[1 << 16] __attribute__((aligned(8)));
	bool slept;
	int n;

	fds[MOUNTS].fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

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
			err(w.failed, "poll");
		}

		if (fds[GROUP].revents) {
			w.wakeups += slept;
			events_print(&w, buf, read_events(buf, sizeof(buf)));
		}
		if (fds[SIGNALS].revents)
			read_signals(signal_fd);
		if (fds[MOUNTS].revents & (POLLPRI | POLLERR))
			paths_mounts_changed(fs_gone);
		if (fds[LINK].revents) {
			warnx("the program was detached from the group: filtering in user space from now on");
			w.user = true;
			fds[LINK].fd = -1;
		}
	}
	drain(buf, sizeof(buf));
}

int cmd_watch(int argc, char **argv)
{
	unsigned int i;
	int signal_fd;
	bool nothing_left, failed;
	bool has_excludes = false;

	events_parse(EVENTS_DEFAULT, &w.events);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);

	for (i = 0; i < nr_dirs; i++)
		has_excludes |= dirs[i].exclude;

	open_dirs();
	init_group();
	if (!w.user && filter_attach(&w, has_excludes))
		return w.failed;
	signal_fd = open_signals();
	if (w.user)
		paths_keep_open();
	add_marks();

	summary_start(&w);
	if (w.cmd)
		start_cmd();
	watch_events(signal_fd);
	fflush(stdout);

	nothing_left = !w.cmd && !stop_signals;
	if (nothing_left)
		warnx("nothing is left to watch");
	failed = summary_print(&w);
	if (print_end() || failed)
		return w.failed;
	filter_detach();
	if (w.cmd)
		return child ? w.failed : child_status;
	return nothing_left ? FANFP_FAILED : EXIT_SUCCESS;
}
