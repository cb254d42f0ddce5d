// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp: use the fanotify fast path from the command line. This file finds the
 * command and runs it; each command is a folder of its own.
 */
#include <argp.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fanfp.h"

int fanfp_failed = FANFP_FAILED;

static const struct command {
	const char *name;
	const char *help;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "watch", "print the events of directory trees", cmd_watch },
	{ "guard", "let a scanner judge files before they are opened", cmd_guard },
	{ "deny", "refuse opens of listed files and directories", cmd_deny },
	{ "list", "list the fanotify groups of this machine", cmd_list },
	{ "check", "say whether this kernel has the fast path", cmd_check },
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	size_t i;

	fprintf(out, "Usage: fanfp COMMAND [ARG...]\n"
		"fanotify, with the filter in the kernel.\n\n");
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name,
			commands[i].help);
	fprintf(out, "  %-10s %s\n", "version", "print the version");
	fprintf(out, "\n'fanfp COMMAND --help' lists the options of a command, "
		"fanfp(1) explains them.\n");
}

/* No other file may become one of these; what is written there still fails. */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

int main(int argc, char **argv)
{
	char name[64];
	size_t i;

	open_standard_fds();
	/* While it is ignored, the end of a child is told to nobody. */
	signal(SIGCHLD, SIG_DFL);
	/* Which bytes a terminal can show; numbers stay those of C. */
	setlocale(LC_CTYPE, "");

	if (argc < 2) {
		print_help(stderr);
		return FANFP_USAGE;
	}

	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}

	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V") ||
	    !strcmp(argv[1], "version")) {
		printf("fanfp %s\n", FANFP_VERSION);
		return EXIT_SUCCESS;
	}

	for (i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		argp_err_exit_status = FANFP_USAGE;
		snprintf(name, sizeof(name), "fanfp %s", commands[i].name);
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}

	fprintf(stderr, "fanfp: no command '%s'; 'fanfp --help' lists them\n",
		argv[1]);
	return FANFP_USAGE;
}
