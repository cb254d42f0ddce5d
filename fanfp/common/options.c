// SPDX-License-Identifier: GPL-2.0
/*
 * Options that several commands have.
 */
#include "common/options.h"

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
