/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Options that several commands have: the same name, the same words, one place that
 * they are stored in. A command lists those that it takes in its table, and calls
 * options_parse() for all that it does not know itself.
 */
#ifndef __OPTIONS_H
#define __OPTIONS_H

#include <argp.h>
#include <stdbool.h>

struct options {
	bool json;
	bool quiet;
	bool no_fastpath;
	bool debug;
	const char *summary;		/* file for the figures, or NULL */
};

extern struct options options;

/* Keys without a letter; those of a command begin with OPTION_OWN. */
enum {
	OPTION_KEY_DEBUG = 256,
	OPTION_KEY_NO_FASTPATH,
	OPTION_OWN,
};

#define OPTION_JSON	{ "json", 'j', NULL, 0, "Print a JSON object a line", 0 }
#define OPTION_QUIET(help) { "quiet", 'q', NULL, 0, help, 0 }
#define OPTION_NO_FASTPATH(help) \
	{ "no-fastpath", OPTION_KEY_NO_FASTPATH, NULL, 0, help, 0 }
#define OPTION_DEBUG	{ "debug", OPTION_KEY_DEBUG, NULL, 0, "Show libbpf's log", 0 }
#define OPTION_SUMMARY	{ "summary", 's', "FILE", 0, \
	"Write the figures of the table to FILE, as JSON", 0 }

error_t options_parse(int key, char *arg, struct argp_state *state);
char **options_cmd(const struct argp_state *state);
unsigned long options_number(struct argp_state *state, const char *option,
			     const char *arg, unsigned long min,
			     unsigned long max);
double options_seconds(struct argp_state *state, const char *option,
		       const char *arg, unsigned int max);

#endif /* __OPTIONS_H */
