// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp guard: let a scanner look at each file of some directories before it can
 * be opened, once. What it said is kept in the kernel, which answers from then
 * on, until the content changes. guard.bpf.c says why that is safe.
 *
 * With --user there is no program, and each open waits for a scan of its own.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "fanfp.h"
#include "guard/guard.h"
#include "common/kernel.h"
#include "common/nowait.h"
#include "common/output.h"
#include "common/roots.h"

#define MAX_DIRS	1024
#define MAX_WORDS	64
#define MAX_SECONDS	(24 * 60 * 60)

/* Descriptors that are not events'. */
#define FDS_SPARED	64

static struct guard g = {
	.group_fd = -1, .changes_fd = -1, .timeout_ms = 10000,
	.scan_timeout = 60,
};

static struct {
	const char *arg;
	int fd;
} dirs[MAX_DIRS];
static unsigned int nr_dirs;

static const char *scan;
static bool timeout_given, when_stuck_given;
static bool detached;
static bool stopped;
static struct rlimit original_limit;
static sigset_t original_mask;

enum {
	OPT_DEBUG = 256,
	OPT_MAX_PENDING,
	OPT_SCAN_TIMEOUT,
	OPT_TIMEOUT,
	OPT_WHEN_STUCK,
};

static const struct argp_option options[] = {
	{ "scan", 's', "CMD", 0,
	  "Run CMD to judge a file, with the file as its standard input: exit status 0 allows, 1 denies",
	  0 },
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
	{ "json", 'j', NULL, 0, "Print a JSON object a line", 0 },
	{ "quiet", 'q', NULL, 0, "Print only the table at the end", 0 },
	{ "user", 'u', NULL, 0,
	  "Without the fast path: scan at each open", 0 },
	{ "debug", OPT_DEBUG, NULL, 0, "Show libbpf's log", 0 },
	{ 0 }
};

static unsigned long number(struct argp_state *state, const char *option,
			    const char *arg, unsigned long min,
			    unsigned long max)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(arg, &end, 10);
	if (errno || *end || arg[0] < '0' || arg[0] > '9' || n < min || n > max)
		argp_failure(state, FANFP_USAGE, 0,
			     "%s %s: give a number from %lu to %lu", option,
			     arg, min, max);
	return n;
}

static unsigned int seconds(struct argp_state *state, const char *arg)
{
	double s;
	char *end;

	s = strtod(arg, &end);
	if (*end || end == arg || (s && !(s >= 0.001 && s <= MAX_SECONDS)))
		argp_failure(state, FANFP_USAGE, 0,
			     "--timeout %s: give seconds from 0.001 to %d, or 0",
			     arg, MAX_SECONDS);
	return s * 1000;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 's':
		scan = arg;
		return 0;
	case 'J':
		g.jobs = number(state, "--jobs", arg, 1, 1024);
		return 0;
	case 'o':
		g.observe = true;
		return 0;
	case OPT_MAX_PENDING:
		g.max_pending = number(state, "--max-pending", arg, 1, INT_MAX);
		return 0;
	case OPT_TIMEOUT:
		g.timeout_ms = seconds(state, arg);
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
		g.scan_timeout = number(state, "--scan-timeout", arg, 0,
					MAX_SECONDS);
		return 0;
	case 'j':
		g.json = true;
		return 0;
	case 'q':
		g.quiet = true;
		return 0;
	case 'u':
		g.user = true;
		return 0;
	case OPT_DEBUG:
		g.debug = true;
		return 0;
	case ARGP_KEY_ARG:
		if (nr_dirs == MAX_DIRS)
			argp_failure(state, FANFP_USAGE, 0,
				     "more than %d directories", MAX_DIRS);
		dirs[nr_dirs].fd = -1;
		dirs[nr_dirs++].arg = arg;
		return 0;
	case ARGP_KEY_END:
		if (!scan)
			argp_error(state, "no --scan CMD: what shall judge the files?");
		if (!nr_dirs)
			argp_error(state, "no directory to guard");
		if (g.user && (g.max_pending || timeout_given))
			argp_error(state, "--max-pending and --timeout need the fast path: leave out --user");
		if (g.user)
			g.timeout_ms = 0;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.args_doc = "--scan CMD DIR...",
	.doc = "Let no file of the directories be opened before CMD has judged "
	       "it, until interrupted.\vA file is judged once; the kernel "
	       "answers from then on, until the file changes. "
	       "'--scan clamdscan' asks ClamAV. fanfp(8) explains it all.",
};

/* Path of a program, as execvp() would find it; NULL if there is none. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	char *list, *dir, *file;

	if (strchr(name, '/'))
		return access(name, X_OK) ? NULL : strdup(name);
	list = strdup(path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	errno = ENOENT;
	while (list && (dir = strsep(&list, ":"))) {
		if (asprintf(&file, "%s/%s", *dir ? dir : ".", name) < 0)
			err(FANFP_FAILED, "asprintf");
		if (!access(file, X_OK))
			return file;
		free(file);
	}
	return NULL;
}

/* The words of CMD; all that has to be known of ClamAV is here. */
static void parse_scan(void)
{
	static char clamdscan[] =
		"clamdscan --fdpass --quiet --no-summary -";
	char *copy = strdup(strcmp(scan, "clamdscan") ? scan : clamdscan);
	static char *words[MAX_WORDS + 1];
	unsigned int n = 0;
	char *word;

	for (word = strtok(copy, " \t\n"); word; word = strtok(NULL, " \t\n")) {
		if (n == MAX_WORDS)
			errx(FANFP_USAGE, "--scan: more than %d words: write a script",
			     MAX_WORDS);
		words[n++] = word;
	}
	if (!n)
		errx(FANFP_USAGE, "--scan: no command");
	word = find_program(words[0]);
	if (!word) {
		if (!strcmp(scan, "clamdscan"))
			errx(FANFP_FAILED, "cannot run clamdscan: %s; install clamav-daemon, or name another scanner",
			     strerror(errno));
		errx(FANFP_FAILED, "--scan: cannot run %s: %s", words[0],
		     strerror(errno));
	}
	words[0] = word;
	g.scan = words;
}

/*
 * Content that changes without this kernel's doing, or in another inode than
 * the one that is opened.
 */
static const char *why_not_guardable(int fd)
{
	static const struct {
		unsigned int magic;
		const char *what;
	} kinds[] = {
		{ 0x794c7630, "an overlay: its files are written to below it; guard the filesystem that holds them" },
		{ 0xf15f, "an eCryptfs: its files are written to below it; guard the filesystem that holds them" },
		{ 0x65735546, "a FUSE filesystem, whose server may change files" },
		{ 0x6969, "an NFS, whose server may change files" },
		{ 0x517b, "an SMB share, whose server may change files" },
		{ 0xff534d42, "an SMB share, whose server may change files" },
		{ 0xfe534d42, "an SMB share, whose server may change files" },
		{ 0x01021997, "a 9P filesystem, whose server may change files" },
		{ 0x00c36400, "a Ceph, on which other machines may change files" },
		{ 0x5346414f, "an AFS, whose server may change files" },
		{ 0x73757245, "a Coda, whose server may change files" },
		{ 0x47504653, "a GPFS, on which other machines may change files" },
		{ 0x01161970, "a GFS2, on which other machines may change files" },
		{ 0x7461636f, "an OCFS2, on which other machines may change files" },
		{ 0x0bd00bd0, "a Lustre, on which other machines may change files" },
		{ 0x786f4256, "a folder of the host, which may change files" },
		{ 0x9fa0, "no filesystem with files" },
		{ 0x62656572, "no filesystem with files" },
	};
	struct statfs st;
	size_t i;

	if (fstatfs(fd, &st))
		return NULL;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].magic == (unsigned int)st.f_type)
			return kinds[i].what;
	return NULL;
}

static void open_dirs(void)
{
	const char *first, *why;
	struct root *root;
	unsigned int i, n;
	int fd;

	for (i = 0; i < nr_dirs; i++) {
		fd = open(dirs[i].arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		why = fd < 0 ? NULL : why_not_guardable(fd);
		if (why)
			errx(FANFP_FAILED, "%s: it is on %s, so that no verdict could be kept",
			     dirs[i].arg, why);
		if (fd >= 0)
			close(fd);
		if (!roots_add(dirs[i].arg, false, &dirs[i].fd))
			exit(FANFP_FAILED);
	}
	for (root = roots_first(); root; root = root->next) {
		n = paths_mounts_below(root->path, &first);
		if (n)
			warnx("note: %s%s mounted below %s: other filesystems are not guarded, unless given as a DIR of their own",
			      first, n > 1 ? " and others are" : " is",
			      root->arg);
	}
}

static int init_group(unsigned int flags)
{
	int fd = fanotify_init(flags | FAN_CLOEXEC | FAN_NONBLOCK |
			       FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
			       O_RDONLY | O_CLOEXEC | O_LARGEFILE);

	if (fd < 0)
		errx(FANFP_FAILED, "cannot guard: %s", fanotify_init_error());
	return fd;
}

static void init_groups(void)
{
	if (!have_capability(CAP_SYS_ADMIN))
		errx(FANFP_FAILED, "guarding filesystems needs CAP_SYS_ADMIN in the initial user namespace; run as root");
	g.group_fd = init_group(FAN_CLASS_CONTENT);
	if (!g.user)
		g.changes_fd = init_group(FAN_CLASS_NOTIF | FAN_REPORT_FID);
}

static void mark(int group_fd, unsigned int flags, uint64_t mask, int fd,
		 const char *arg)
{
	if (!fanotify_mark(group_fd, FAN_MARK_ADD | flags, mask, fd, NULL))
		return;
	switch (errno) {
	case EINVAL:
		if (group_fd == g.group_fd)
			errx(FANFP_FAILED, "%s: opens cannot be asked about: rebuild the kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y",
			     arg);
		break;
	case ENODEV:
		errx(FANFP_FAILED, "%s: its filesystem has no id that events could carry, so its changes cannot be told", arg);
	case EXDEV:
		errx(FANFP_FAILED, "%s: it is in a subvolume, whose events carry another id than the rest of the filesystem, so its changes cannot be told",
		     arg);
	case EOPNOTSUPP:
		errx(FANFP_FAILED, "%s: its filesystem has no file handles, so its changes cannot be told",
		     arg);
	}
	err(FANFP_FAILED, "%s: cannot mark it", arg);
}

/*
 * Changes come first, then the subtree roots, then the opens. An exec is an open,
 * too: FAN_OPEN_EXEC_PERM would ask a second time about the same.
 */
static void add_marks(void)
{
	unsigned int i;

	for (i = 0; i < nr_dirs && !g.user; i++) {
		mark(g.changes_fd, FAN_MARK_FILESYSTEM,
		     FAN_MODIFY | FAN_CLOSE_WRITE, dirs[i].fd, dirs[i].arg);
		mark(g.changes_fd, FAN_MARK_INODE | FAN_MARK_ONLYDIR,
		     FAN_DELETE_SELF | FAN_ONDIR, dirs[i].fd, dirs[i].arg);
	}
	for (i = 0; i < nr_dirs; i++)
		mark(g.group_fd, FAN_MARK_INODE | FAN_MARK_ONLYDIR,
		     FAN_OPEN_PERM, dirs[i].fd, dirs[i].arg);
	for (i = 0; i < nr_dirs; i++) {
		mark(g.group_fd, FAN_MARK_FILESYSTEM, FAN_OPEN_PERM,
		     dirs[i].fd, dirs[i].arg);
		/* An open descriptor would keep the filesystem mounted. */
		close(dirs[i].fd);
	}
}

/* Each open that waits holds a descriptor; without one it would be denied. */
static void raise_limits(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &original_limit);
	limit.rlim_max = 1 << 20;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		limit = original_limit;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* In a scanner: some do something with each descriptor that there could be. */
void guard_restore_limits(void)
{
	setrlimit(RLIMIT_NOFILE, &original_limit);
}

static bool can_take_more(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	return scans_waiting() + FDS_SPARED < limit.rlim_cur;
}

static int open_signals(void)
{
	struct sigaction hangup;
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGCHLD);
	/* As nohup(1) wants it */
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, &original_mask);
	signal(SIGPIPE, SIG_IGN);

	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		err(FANFP_FAILED, "signalfd");
	return fd;
}

static void read_signals(int fd)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			stopped = true;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		scans_ended(pid, status);
}

/*
 * The kernel does not ask about own descendants, unless there are many
 * generations of them, or no program.
 */
static bool is_own(pid_t pid)
{
	char path[64], line[512], *end;
	unsigned int i;
	FILE *file;

	for (i = 0; i < 1000 && pid > 1; i++) {
		if (pid == getpid())
			return true;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "re");
		if (!file)
			return false;
		if (!fgets(line, sizeof(line), file))
			line[0] = 0;
		fclose(file);
		end = strrchr(line, ')');
		if (!end || sscanf(end, ") %*c %d", &pid) != 1)
			return false;
	}
	return false;
}

/* Without a program events of the whole filesystem arrive. */
static bool is_outside(int fd)
{
	char *path;
	bool outside;

	if (!g.user && !detached)
		return false;
	path = path_of_fd(fd);
	outside = path && !roots_want(path);
	free(path);
	return outside;
}

static void handle_open(const struct fanotify_event_metadata *meta)
{
	if (meta->vers != FANOTIFY_METADATA_VERSION)
		errx(FANFP_FAILED, "events of version %u: fanfp was built for another kernel; build it again, with the headers of this one",
		     meta->vers);
	if (meta->fd < 0 || !(meta->mask & FAN_OPEN_PERM))
		return;

	g.delivered++;
	if (is_own(meta->pid)) {
		g.own++;
		scans_answer(meta->fd, false);
	} else if (is_outside(meta->fd)) {
		g.outside++;
		scans_answer(meta->fd, false);
	} else {
		scans_add(meta->fd, meta->pid);
	}
}

/* A few at a time, so that one batch cannot use up the descriptors. */
static void read_opens(void)
{
	static char buf[16 * FAN_EVENT_METADATA_LEN]
		__attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta = (void *)buf;
	ssize_t len = read(g.group_fd, buf, sizeof(buf));

	if (len < 0) {
		if (errno != EAGAIN && errno != EINTR)
			warn("cannot read an event; the kernel denies the open that it was about");
		return;
	}
	for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len))
		handle_open(meta);
}

static void root_deleted(const struct fanotify_event_metadata *meta)
{
	const struct fanotify_event_info_fid *info = (const void *)(meta + 1);
	struct root *root;
	struct fid fid;

	if (!(meta->mask & FAN_DELETE_SELF) ||
	    meta->event_len <= meta->metadata_len ||
	    info->hdr.info_type != FAN_EVENT_INFO_TYPE_FID ||
	    fid_of_event(info, &fid))
		return;
	root = roots_find(&fid);
	if (!root)
		return;
	root->gone = true;
	warnx("%s was removed, and is no longer guarded", root->arg);
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

static void fs_gone(const struct paths_fs *fs, const char *mount)
{
	struct root *root;

	for (root = roots_first(); root; root = root->next) {
		if (root->fs != fs || root->gone)
			continue;
		root->gone = true;
		warnx("%s was unmounted: %s is no longer guarded", mount,
		      root->arg);
	}
}

/*
 * Without one of the programs no verdict may be used. All else goes on, as plain
 * fanotify.
 */
static void lost_fastpath(void)
{
	fastpath_detach();
	close(g.changes_fd);
	g.changes_fd = -1;
	detached = true;
	warnx("a program was detached from its group: each open of a path in DIR waits for a scan from now on, without --timeout and --max-pending");
}

/* Rather than the first opens: whoever starts the guard learns that CMD fails. */
static void try_scanner(void)
{
	char reason[64];
	bool denied;

	if (scan_try(&denied, reason, sizeof(reason)))
		errx(FANFP_FAILED, "--scan: tried with an empty file: %s%s",
		     reason, strcmp(scan, "clamdscan")
				     ? "" : "; is clamd running?");
	if (denied)
		warnx("note: tried with an empty file, CMD denies it: does it work?");
}

static void say_what_is_guarded(void)
{
	char line[80];
	int len;

	if (g.quiet)
		return;
	len = snprintf(line, sizeof(line),
		       g.json ? "{\"guarding\": {\"directories\": %u}}\n"
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
		[MOUNTS] = { .events = POLLPRI },
		[CHANGES] = { .events = POLLIN },
	};
	int n, timeout;
	bool slept;

	fds[MOUNTS].fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	while (!stopped && roots_included()) {
		fds[GROUP].fd = can_take_more() ? g.group_fd : -1;
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
			read_opens();
		}
		if (fds[SIGNALS].revents)
			read_signals(signal_fd);
		if (g.changes_fd >= 0 && fds[CHANGES].revents)
			read_changes();
		if (fds[MOUNTS].revents & (POLLPRI | POLLERR))
			paths_mounts_changed(fs_gone);
	}
}

int cmd_guard(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct guard_totals totals;
	bool unwritten;
	int signal_fd;

	g.jobs = cpus > 2 ? cpus : 2;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);

	parse_scan();
	open_dirs();
	init_groups();
	if (!g.user && fastpath_attach(&g))
		return FANFP_FAILED;
	/* What a scanner leaves behind stays a descendant. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	raise_limits();
	scans_init(&g);
	try_scanner();
	signal_fd = open_signals();
	guard_summary_start(&g);
	nowait_begin();
	add_marks();
	say_what_is_guarded();
	if (when_stuck_given && !g.max_pending && !g.timeout_ms && !g.json)
		warnx("note: without --max-pending or --timeout, --when-stuck is only about scans that fail");

	guard(signal_fd);

	scans_stop();
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
	unwritten = nowait_end();
	sigprocmask(SIG_SETMASK, &original_mask, NULL);

	guard_summary_print(&g, &totals);
	if (g.at_end)
		warnx("%ju opens that waited for a scan were allowed",
		      (uintmax_t)g.at_end);
	warnx("%s: files can be opened without a scan from now on",
	      stopped ? "interrupted" : "nothing is left to guard");
	if (print_end() || unwritten)
		return FANFP_FAILED;
	return stopped ? EXIT_SUCCESS : FANFP_FAILED;
}
