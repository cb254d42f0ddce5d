// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp deny: refuse opens of listed files and directories, in the kernel.
 *
 * The list holds paths, the kernel denies what is there. So the directories that
 * the paths lead through are watched with inotify: when something else appears
 * at a path, or the list was edited, a fast path for what is listed and there now
 * replaces the old one.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "deny.h"
#include "fanfp.h"
#include "kernel.h"
#include "paths.h"

static const char *list_file;
static struct deny_list given;		/* on the command line */
static struct deny_list list;		/* with what the file holds */
static struct deny_set *set;
static int inotify_fd = -1;
static bool json, quiet, debug, stopped;

/* What happened */
static struct deny_counts totals;	/* of sets that are gone */
static uint64_t wakeups, reloads, user_denied, user_allowed;
static struct timespec start;

enum { OPT_DEBUG = 256 };

static const struct argp_option options[] = {
	{ "list", 'l', "FILE", 0,
	  "Deny the paths in FILE, one a line; it is read again when it changes",
	  0 },
	{ "json", 'j', NULL, 0, "Print JSON objects, one a line", 0 },
	{ "quiet", 'q', NULL, 0, "Do not say what was loaded", 0 },
	{ "debug", OPT_DEBUG, NULL, 0, "Show libbpf's log", 0 },
	{ 0 }
};

static void add_given(const char *arg, struct argp_state *state)
{
	char cwd[PATH_MAX], *path;

	if (!arg[0])
		argp_error(state, "an empty PATH");
	if (arg[0] == '/')
		path = strdup(arg);
	else if (!getcwd(cwd, sizeof(cwd)))
		err(FANFP_FAILED, "getcwd");
	else
		path = path_join(cwd, arg);
	if (!path || list_add(&given, path, 0))
		err(FANFP_FAILED, "%s", arg);
	free(path);
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	char *real;

	switch (key) {
	case 'l':
		list_file = arg;
		return 0;
	case 'j':
		json = true;
		return 0;
	case 'q':
		quiet = true;
		return 0;
	case OPT_DEBUG:
		debug = true;
		return 0;
	case ARGP_KEY_ARG:
		real = realpath(arg, NULL);
		if (real && !strcmp(real, "/"))
			argp_failure(state, FANFP_USAGE, 0,
				     "%s: it would deny the whole machine", arg);
		free(real);
		add_given(arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!list_file && !given.nr)
			argp_error(state, "nothing to deny: give --list FILE or a PATH");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.args_doc = "[PATH...]",
	.doc = "Refuse opens and execs of files, and of everything below "
	       "directories, until interrupted.\vfanfp(8) explains it all.",
};

/*
 * Be told when something appears or goes anywhere on the way to a path. A
 * directory that is not there will be created in one that is.
 */
static void watch_path(const char *path, uint32_t mask)
{
	char *dir = strdup(path), *slash;

	while (dir && (slash = strrchr(dir, '/'))) {
		slash[slash == dir] = 0;
		inotify_add_watch(inotify_fd, dir, mask | IN_MASK_ADD |
				  IN_ONLYDIR);
		if (slash == dir)
			break;
	}
	free(dir);
}

static void watch_paths(void)
{
	char *file = list_file ? realpath(list_file, NULL) : NULL;
	size_t i;

	if (inotify_fd >= 0)
		close(inotify_fd);
	inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (inotify_fd < 0)
		err(FANFP_FAILED, "inotify_init1");
	if (file) {
		watch_path(file, IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO);
		inotify_add_watch(inotify_fd, file, IN_CLOSE_WRITE);
	}
	for (i = 0; i < list.nr; i++)
		watch_path(list.entries[i].path, IN_CREATE | IN_DELETE |
			   IN_MOVED_FROM | IN_MOVED_TO);
	free(file);
}

/* Is it a name on the way to a listed path, or the list's own? */
static bool is_name_of_ours(const char *name)
{
	size_t i, len = strlen(name);
	const char *at;

	if (!len)
		return true;
	if (list_file && strstr(list_file, name))
		return true;
	for (i = 0; i < list.nr; i++)
		for (at = list.entries[i].path; (at = strstr(at, name)); at++)
			if (at[-1] == '/' && (!at[len] || at[len] == '/'))
				return true;
	return false;
}

/* Returns true if something happened that may be of importance. */
static bool read_inotify(void)
{
	static char buf[1 << 16] __attribute__((aligned(8)));
	const struct inotify_event *event;
	bool ours = false;
	ssize_t len;
	char *p;

	while ((len = read(inotify_fd, buf, sizeof(buf))) > 0) {
		for (p = buf; p < buf + len; p += sizeof(*event) + event->len) {
			event = (const void *)p;
			ours |= (event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) ||
				is_name_of_ours(event->len ? event->name : "");
		}
	}
	return ours;
}

static int read_list(struct deny_list *into)
{
	size_t i;

	memset(into, 0, sizeof(*into));
	for (i = 0; i < given.nr; i++)
		if (list_add(into, given.entries[i].path, 0))
			err(FANFP_FAILED, "out of memory");
	return list_file ? list_read(into, list_file) : 0;
}

static bool is_same_list(const struct deny_list *a, const struct deny_list *b)
{
	size_t i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (strcmp(a->entries[i].path, b->entries[i].path))
			return false;
	return true;
}

static void say_what_is_loaded(void)
{
	size_t i, files = 0, below = 0, missing = 0;
	const struct deny_entry *e;

	for (i = 0; i < list.nr; i++) {
		e = &list.entries[i];
		files += e->exists && !e->is_dir;
		below += e->exists && e->is_dir;
		missing += !e->exists;
		if (!e->exists && e->line)
			warnx("%s:%u: %s does not exist yet", list_file,
			      e->line, e->path);
		else if (!e->exists)
			warnx("%s does not exist yet", e->path);
	}
	if (quiet)
		return;
	if (json)
		printf("{\"loaded\": {\"files\": %zu, \"directories\": %zu, \"missing\": %zu}}\n",
		       files, below, missing);
	else
		printf("denying %zu files and %zu directories; %zu do not exist\n",
		       files, below, missing);
	fflush(stdout);
}

static void handle_opens(void);

/*
 * Deny what is listed and there. The new set is in force before the old one
 * goes. Returns 0, or -1 if the old one stays.
 */
static int load(bool always)
{
	struct deny_list new;
	struct deny_set *new_set;
	bool same, changed;

	if (read_list(&new)) {
		list_free(&new);
		if (set)
			warnx("the list that was read before stays in force");
		return -1;
	}
	same = is_same_list(&new, &list);
	if (same) {
		list_free(&new);
	} else {
		list_free(&list);
		list = new;
	}
	/* What changes after the look-up is told by inotify. */
	watch_paths();
	changed = list_look_up(&list);
	if (same && !always && !changed)
		return 0;

	new_set = set_create(&list, debug);
	if (!new_set) {
		if (set)
			warnx("what was denied before stays denied");
		return -1;
	}
	if (set) {
		handle_opens();
		set_add_counts(set, &totals);
		set_destroy(set);
		reloads++;
	}
	set = new_set;
	say_what_is_loaded();
	return 0;
}

/* Walk up by path, and compare with what is listed. */
static bool is_denied(int fd)
{
	char *path = path_of_fd(fd), *slash;
	bool denied = false;
	struct stat st;
	size_t i;

	/* Too long to be told, or out of reach: as if it was inside. */
	if (!path || path[0] != '/') {
		free(path);
		return true;
	}
	while (!denied && (slash = strrchr(path, '/'))) {
		for (i = 0; i < list.nr; i++)
			if (list.entries[i].exists && !stat(path, &st) &&
			    st.st_dev == list.entries[i].dev &&
			    st.st_ino == list.entries[i].ino)
				denied = true;
		*slash = 0;
	}
	free(path);
	return denied;
}

/* Opens of which the kernel could not tell whether they are inside. */
static void handle_opens(void)
{
	static char buf[16 * FAN_EVENT_METADATA_LEN]
		__attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta;
	struct fanotify_response response;
	ssize_t len;

	while ((len = read(set_group_fd(set), buf, sizeof(buf))) > 0) {
		meta = (void *)buf;
		for (; FAN_EVENT_OK(meta, len);
		     meta = FAN_EVENT_NEXT(meta, len)) {
			response.fd = meta->fd;
			response.response = FAN_ALLOW;
			if (meta->pid != getpid() && is_denied(meta->fd))
				response.response = FAN_DENY;
			if (response.response == FAN_DENY)
				user_denied++;
			else
				user_allowed++;
			if (write(set_group_fd(set), &response,
				  sizeof(response)) < 0 && errno != ENOENT)
				warn("cannot answer");
			close(meta->fd);
		}
	}
}

static int open_signals(void)
{
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		err(FANFP_FAILED, "signalfd");
	return fd;
}

/* Returns true if the list is to be read again. */
static bool read_signals(int fd)
{
	struct signalfd_siginfo info;
	bool reload = false;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload = true;
		else
			stopped = true;
	}
	return reload;
}

static void deny(int signal_fd)
{
	enum { GROUP, SIGNALS, PATHS, MOUNTS, LINK, NR };
	struct pollfd fds[NR] = {
		[GROUP] = { .events = POLLIN },
		[SIGNALS] = { .fd = signal_fd, .events = POLLIN },
		[PATHS] = { .events = POLLIN },
		[MOUNTS] = { .events = POLLPRI },
	};
	bool again, hangup, changed;

	fds[MOUNTS].fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	while (!stopped) {
		fds[GROUP].fd = set_group_fd(set);
		fds[PATHS].fd = inotify_fd;
		fds[LINK].fd = set_link_fd(set);
		if (poll(fds, NR, -1) < 0) {
			if (errno == EINTR)
				continue;
			err(FANFP_FAILED, "poll");
		}
		wakeups++;
		if (fds[GROUP].revents)
			handle_opens();

		again = fds[SIGNALS].revents && read_signals(signal_fd);
		hangup = fds[LINK].revents;
		changed = fds[PATHS].revents && read_inotify();
		changed |= !!(fds[MOUNTS].revents & (POLLPRI | POLLERR));
		if (hangup) {
			warnx("the program was detached from its group: attaching another one");
			if (load(true))
				errx(FANFP_FAILED, "nothing is denied any more");
		} else if (again || changed) {
			load(again);
		}
	}
}

static void print_table(void)
{
	const struct {
		const char *name;
		const char *text;
		uint64_t count;
	} figures[] = {
		{ "opens", "Opens seen", totals.opens },
		{ "denied_files", "  denied, of listed files",
		  totals.denied_files },
		{ "denied_below", "  denied, in listed directories",
		  totals.denied_below },
		{ "asked", "  asked, undecided", totals.asked },
		{ "user_denied", "    denied", user_denied },
		{ "user_allowed", "    allowed", user_allowed },
		{ "reloads", "Lists loaded after the first", reloads },
		{ "wakeups", "Wake-ups, for whatever reason", wakeups },
	};
	struct timespec now;
	double elapsed;
	size_t i;

	clock_gettime(CLOCK_MONOTONIC, &now);
	elapsed = now.tv_sec - start.tv_sec +
		  (now.tv_nsec - start.tv_nsec) / 1e9;

	if (json) {
		printf("{\"summary\": {");
		for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
			printf("\"%s\": %" PRIu64 ", ", figures[i].name,
			       figures[i].count);
		printf("\"elapsed_seconds\": %.6f}}\n", elapsed);
		return;
	}
	fprintf(stderr, "\n");
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		fprintf(stderr, "%-38s %12" PRIu64 "\n", figures[i].text,
			figures[i].count);
	fprintf(stderr, "%-38s %12.3f s\n", "Elapsed time", elapsed);
}

int cmd_deny(int argc, char **argv)
{
	int signal_fd;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	if (!have_capability(CAP_SYS_ADMIN))
		errx(FANFP_FAILED, "denying opens needs CAP_SYS_ADMIN in the initial user namespace; run as root");

	signal_fd = open_signals();
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (load(true))
		return FANFP_FAILED;
	deny(signal_fd);

	set_add_counts(set, &totals);
	print_table();
	set_destroy(set);
	warnx("interrupted: nothing is denied any more");
	if (ferror(stdout) || fflush(stdout))
		return FANFP_FAILED;
	return EXIT_SUCCESS;
}
