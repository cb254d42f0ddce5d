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
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/figures.h"
#include "common/mounts.h"
#include "common/nowait.h"
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "common/signals.h"
#include "common/since.h"
#include "deny/deny.h"
#include "fanfp.h"

static const char *list_file;
static struct deny_list given;		/* on the command line */
static bool stopped;
static uint64_t wakeups;
static struct since start;

static const struct argp_option option_table[] = {
	{ "list", 'l', "FILE", 0,
	  "Deny the paths in FILE, one a line; it is read again when it changes",
	  0 },
	OPTION_JSON,
	OPTION_QUIET("Do not say what was loaded"),
	OPTION_SUMMARY,
	OPTION_DEBUG,
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
	return options_parse(key, arg, state);
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_opt,
	.args_doc = "[PATH...]",
	.doc = "Refuse opens and execs of files, and of everything below "
	       "directories, until interrupted.\vfanfp-deny(1) explains it all.",
};

/* Returns true if the list is to be read again. */
static bool read_signals(int fd)
{
	bool reload = false;
	int signal;

	while ((signal = signals_next(fd, NULL))) {
		if (signal == SIGHUP && list_file)
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
		[MOUNTS] = { .fd = mounts_poll_fd(), .events = POLLPRI },
	};
	struct watch_news news;
	bool again;

	while (!stopped) {
		fds[GROUP].fd = force_group_fd();
		fds[PATHS].fd = watch_fd();
		fds[LINK].fd = force_link_fd();
		if (poll(fds, NR, -1) < 0) {
			if (errno == EINTR)
				continue;
			err(FANFP_FAILED, "poll");
		}
		wakeups++;
		if (fds[GROUP].revents)
			force_answer();

		again = fds[SIGNALS].revents && read_signals(signal_fd);
		news = (struct watch_news){};
		if (fds[PATHS].revents)
			news = watch_read();
		if (fds[MOUNTS].revents & (POLLPRI | POLLERR))
			news = (struct watch_news){ true, true };
		if (fds[LINK].revents) {
			warnx("the program was detached from its group: attaching another one");
			if (force_load(news.list, true))
				errx(FANFP_FAILED, "nothing is denied any more");
		} else if (again || news.list || news.paths) {
			force_load(again || news.list, again);
		}
	}
}

/* Returns 0, or -1 after it has said what is wrong. */
static int print_table(const struct deny_totals *t)
{
	struct figures f = {};

	figures_count(&f, "opens", "Opens seen", t->kernel.opens);
	figures_count(&f, "denied_files", "  denied, of listed files",
		      t->kernel.denied_files);
	figures_count(&f, "denied_below", "  denied, in listed directories",
		      t->kernel.denied_below);
	figures_count(&f, "asked", "  asked, undecided", t->kernel.asked);
	figures_count(&f, "user_denied", "    denied", t->denied);
	figures_count(&f, "user_allowed", "    allowed", t->allowed);
	figures_count(&f, "reloads", "Lists loaded after the first",
		      t->reloads);
	figures_count(&f, "wakeups", "Wake-ups, for whatever reason", wakeups);
	figures_seconds(&f, "elapsed_seconds", "Elapsed time",
			since_elapsed(&start));
	return figures_print(&f);
}

int cmd_deny(int argc, char **argv)
{
	struct deny_totals totals;
	int signal_fd;
	bool failed;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	figures_open();

	/* Without a list SIGHUP is the end, as ever. */
	signal_fd = signals_open(SIGNALS_NO_PIPE |
				 (list_file ? SIGNALS_HANGUP : 0));
	since_now(&start);
	nowait_begin();
	force_init(list_file, &given);
	if (force_load(true, true))
		return FANFP_FAILED;
	deny(signal_fd);

	/* First, because printing may take for ever. */
	force_end(&totals);
	failed = nowait_end();
	signals_restore();
	failed |= print_table(&totals);
	warnx("interrupted: nothing is denied any more");
	if (print_end() || failed)
		return FANFP_FAILED;
	return EXIT_SUCCESS;
}
