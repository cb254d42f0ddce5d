/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables that have columns, as text and as JSON from one description:
 *
 *	static const struct table_column columns[] = {
 *		[COL_PID] = { "PID", TABLE_NUMBER, "process" },
 *		[COL_COMM] = { "COMM", TABLE_TRUNC, "its name" },
 *	};
 *	struct table *t = table_new(columns, NR_COLUMNS);
 *
 *	table_add_row(t);
 *	table_set(t, COL_PID, "%d", pid);
 *	table_print(t);
 */
#ifndef __TABLE_H
#define __TABLE_H

#include <argp.h>
#include <stddef.h>

enum {
	TABLE_NUMBER	= 1,	/* to the right, and without quotes in JSON */
	TABLE_TRUNC	= 2,	/* cut off if the terminal is narrow */
	TABLE_DROP	= 4,	/* left out then, unless it was asked for */
	TABLE_EXTRA	= 8,	/* in the text only if it was asked for */
};

struct table_column {
	const char *name;	/* in JSON the same in lower case */
	unsigned int flags;
	const char *help;
};

/* For argp, with the key 'o' */
#define OPTION_OUTPUT	{ "output", 'o', "LIST", 0, \
	"Print these columns; +LIST adds to the usual ones", 0 }

struct table;

struct table *table_new(const struct table_column *columns, size_t nr);
void table_choose(struct table *t, const char *list, struct argp_state *state);
char *table_help(const struct table_column *columns, size_t nr,
		 const char *text);
void table_add_row(struct table *t);
void table_set(struct table *t, size_t column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void table_print(struct table *t);

#endif /* __TABLE_H */
