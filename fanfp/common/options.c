// SPDX-License-Identifier: GPL-2.0
/*
 * Options that several commands have, and reading what all kinds of options take.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/options.h"
#include "fanfp.h"

struct options options;

/**
 * options_parse - store an option that several commands have
 * @key:	as argp passes it
 * @arg:	the same
 * @state:	the same
 *
 * Return: 0, or ARGP_ERR_UNKNOWN. Ends the program if @arg is an argument that the
 * command does not take.
 */
error_t options_parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'j':
		options.json = true;
		return 0;
	case 'q':
		options.quiet = true;
		return 0;
	case 's':
		options.summary = arg;
		return 0;
	case OPTION_KEY_NO_FASTPATH:
		options.no_fastpath = true;
		return 0;
	case OPTION_KEY_DEBUG:
		options.debug = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
	}
	return ARGP_ERR_UNKNOWN;
}

/**
 * options_cmd - is an argument the CMD after "--"
 * @state:	of ARGP_KEY_ARG, with ARGP_IN_ORDER
 *
 * Return: CMD and its arguments, none of which is parsed any more; NULL if the
 * argument comes before "--".
 */
char **options_cmd(const struct argp_state *state)
{
	if (!state->quoted || state->next <= state->quoted)
		return NULL;
	return state->argv + state->next - 1;
}

/**
 * options_number - a number that an option takes
 * @state:	for the message if it is none, which ends the program
 * @option:	the option
 * @arg:	what was given
 * @min:	the smallest that it may be
 * @max:	the largest
 */
unsigned long options_number(struct argp_state *state, const char *option,
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

/**
 * options_seconds - a time that an option takes, with a fraction or without
 * @state:	for the message if it is none, which ends the program
 * @option:	the option
 * @arg:	what was given
 * @max:	the largest that it may be
 *
 * Return: 0, or a millisecond at least.
 */
double options_seconds(struct argp_state *state, const char *option,
		       const char *arg, unsigned int max)
{
	double s;
	char *end;

	s = strtod(arg, &end);
	if (*end || end == arg || (s && !(s >= 0.001 && s <= max)))
		argp_failure(state, FANFP_USAGE, 0,
			     "%s %s: give seconds from 0.001 to %u, or 0",
			     option, arg, max);
	return s;
}
