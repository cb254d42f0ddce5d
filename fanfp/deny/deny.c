// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp deny: refuse opens of listed files and directories, in the kernel.
 *
 * The list holds paths, the kernel denies what is there. When something else
 * appears at a path, or the list was edited, a fast path for what is listed and
 * there now replaces the old one.
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
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "deny/deny.h"
#include "fanfp.h"
#include "common/kernel.h"
#include "common/nowait.h"
#include "common/output.h"
#include "common/paths.h"

static const char *list_file;
static struct deny_list given;		/* on the command line */
static struct deny_list wanted;		/* with what the file holds */
static struct deny_list list;		/* in force */
static struct deny_set *set;
static bool json, quiet, debug, stopped;
static sigset_t original_mask;

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

static char *absolute(const char *arg)
{
	char cwd[PATH_MAX], *path;

	if (arg[0] == '/')
		path = strdup(arg);
	else if (!getcwd(cwd, sizeof(cwd)))
		err(FANFP_FAILED, "getcwd");
	else
		path = path_join(cwd, arg);
	if (!path)
		err(FANFP_FAILED, "%s", arg);
	return path;
}

static void add_given(const char *arg, struct argp_state *state)
{
	char *path;

	if (!arg[0])
		argp_error(state, "an empty PATH");
	path = absolute(arg);
	if (list_add(&given, path, 0))
		err(FANFP_FAILED, "%s", arg);
	free(path);
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	char *real;

	switch (key) {
	case 'l':
		list_file = absolute(arg);
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

/* What is to be denied; wanted is unchanged if that cannot be read. */
static int read_list(void)
{
	struct deny_list new = {};

	if (list_copy(&new, &given)) {
		warnx("out of memory");
		goto fail;
	}
	if (list_file && list_read(&new, list_file))
		goto fail;
	list_free(&wanted);
	wanted = new;
	return 0;

fail:
	list_free(&new);
	return -1;
}

static void say_what_is_loaded(void)
{
	size_t i, files = 0, below = 0, missing = 0;
	const struct deny_entry *e;
	char line[160];
	int len;

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
		len = snprintf(line, sizeof(line),
			       "{\"loaded\": {\"files\": %zu, \"directories\": %zu, \"missing\": %zu}}\n",
			       files, below, missing);
	else
		len = snprintf(line, sizeof(line),
			       "denying %zu file%s and %zu director%s; %zu %s not exist\n",
			       files, files == 1 ? "" : "s", below,
			       below == 1 ? "y" : "ies", missing,
			       missing == 1 ? "does" : "do");
	nowait_line(line, len);
}

static void handle_opens(void);

/* Returns 0, or -1 if the old set stays. */
static int replace_set(bool always)
{
	struct deny_list next = {};
	struct deny_set *new_set;

	if (list_copy(&next, &wanted)) {
		warnx("out of memory");
		goto fail;
	}
	list_look_up(&next);
	if (!always && list_is_same(&next, &list)) {
		list_free(&next);
		return 0;
	}
	new_set = set_create(&next, debug);
	if (!new_set)
		goto fail;

	/* The new set is in force before the old one goes. */
	if (set) {
		handle_opens();
		set_add_counts(set, &totals);
		set_destroy(set);
		reloads++;
	}
	set = new_set;
	list_free(&list);
	list = next;
	say_what_is_loaded();
	return 0;

fail:
	list_free(&next);
	if (set)
		warnx("what was denied before stays denied; it is tried again when something changes");
	return -1;
}

/* Deny what is listed and there. Returns 0, or -1 if the old set stays. */
static int load(bool edited, bool always)
{
	/* What changes after it was read or looked up is told by inotify. */
	if (watch_list(list_file))
		return -1;
	if (edited && read_list()) {
		if (!set)
			return -1;
		warnx("the list that was read before stays in force");
	}
	watch_paths(&wanted);
	return replace_set(always);
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
	struct sigaction hangup;
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	/* Without a list it is the end, unless it is ignored, as by nohup(1). */
	if (list_file || sigaction(SIGHUP, NULL, &hangup) ||
	    hangup.sa_handler != SIG_IGN)
		sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, &original_mask);
	signal(SIGPIPE, SIG_IGN);
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
		if (info.ssi_signo == SIGHUP && list_file)
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
	struct watch_news news;
	bool again;

	fds[MOUNTS].fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	while (!stopped) {
		fds[GROUP].fd = set_group_fd(set);
		fds[PATHS].fd = watch_fd();
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
		news = (struct watch_news){};
		if (fds[PATHS].revents)
			news = watch_read();
		if (fds[MOUNTS].revents & (POLLPRI | POLLERR))
			news = (struct watch_news){ true, true };
		if (fds[LINK].revents) {
			warnx("the program was detached from its group: attaching another one");
			if (load(news.list, true))
				errx(FANFP_FAILED, "nothing is denied any more");
		} else if (again || news.list || news.paths) {
			load(again || news.list, again);
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
	bool unwritten;
	int signal_fd;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	if (!have_capability(CAP_SYS_ADMIN))
		errx(FANFP_FAILED, "denying opens needs CAP_SYS_ADMIN in the initial user namespace; run as root");

	signal_fd = open_signals();
	clock_gettime(CLOCK_MONOTONIC, &start);
	nowait_begin();
	if (load(true, true))
		return FANFP_FAILED;
	deny(signal_fd);

	set_add_counts(set, &totals);
	/* First, because printing may take for ever. */
	set_destroy(set);
	unwritten = nowait_end();
	sigprocmask(SIG_SETMASK, &original_mask, NULL);
	print_table();
	warnx("interrupted: nothing is denied any more");
	if (print_end() || unwritten)
		return FANFP_FAILED;
	return EXIT_SUCCESS;
}
