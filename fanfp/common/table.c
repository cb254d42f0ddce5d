// SPDX-License-Identifier: GPL-2.0
/*
 * Tables that have columns, as text and as JSON from one description. libsmartcols
 * lays out the text; the JSON is an object a line, as that of all commands.
 */
#include <ctype.h>
#include <err.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libsmartcols/libsmartcols.h>

#include "common/options.h"
#include "common/output.h"
#include "common/table.h"
#include "fanfp.h"

struct table {
	const struct table_column *columns;
	size_t nr;
	size_t *shown;		/* columns, in order */
	size_t nr_shown;
	bool chosen;		/* by the user */
	char **cells;		/* nr a row; NULL if there is nothing to tell */
	size_t nr_rows;
};

static void *must(void *allocated)
{
	if (!allocated)
		err(fanfp_failed, "table");
	return allocated;
}

/* The columns that are shown if nobody asks for others */
static void add_usual(struct table *t, unsigned int without)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (!(t->columns[i].flags & without))
			t->shown[t->nr_shown++] = i;
}

/**
 * table_new - make an empty table
 * @columns:	its columns, which must stay there
 * @nr:		number of columns
 *
 * As all functions of tables, it ends the program if there is no memory.
 */
struct table *table_new(const struct table_column *columns, size_t nr)
{
	struct table *t = must(calloc(1, sizeof(*t)));

	t->columns = columns;
	t->nr = nr;
	/* A column may be asked for again and again. */
	t->shown = must(calloc(nr, sizeof(*t->shown)));
	return t;
}

static char *names_of(const struct table *t)
{
	char *names = NULL;
	size_t i, len;
	FILE *out = must(open_memstream(&names, &len));

	for (i = 0; i < t->nr; i++)
		fprintf(out, "%s%s", i ? ", " : "", t->columns[i].name);
	fclose(out);
	return must(names);
}

/**
 * table_choose - which columns are printed
 * @t:		the table
 * @list:	names of columns, with commas; after a + in addition to the usual ones
 * @state:	for the message if there is no such column, which ends the program
 */
void table_choose(struct table *t, const char *list, struct argp_state *state)
{
	const char *name = list;
	size_t i, len;

	t->chosen = true;
	t->nr_shown = 0;
	if (*name == '+') {
		name++;
		add_usual(t, TABLE_EXTRA);
	}
	for (;; name += len + 1) {
		len = strcspn(name, ",");
		for (i = 0; i < t->nr; i++)
			if (strlen(t->columns[i].name) == len &&
			    !strncasecmp(t->columns[i].name, name, len))
				break;
		if (i == t->nr)
			argp_failure(state, FANFP_USAGE, 0,
				     "--output %s: there are %s", list,
				     names_of(t));
		t->shown = must(realloc(t->shown, (t->nr_shown + t->nr + 1) *
						  sizeof(*t->shown)));
		t->shown[t->nr_shown++] = i;
		if (!name[len])
			return;
	}
}

/**
 * table_help - the columns and what they mean, for --help
 * @columns:	the columns
 * @nr:		their number
 * @text:	what comes before
 *
 * Return: the text, to be freed.
 */
char *table_help(const struct table_column *columns, size_t nr,
		 const char *text)
{
	char *help = NULL;
	size_t i, len;
	FILE *out = must(open_memstream(&help, &len));

	fprintf(out, "%s\n\nColumns:\n", text);
	for (i = 0; i < nr; i++)
		fprintf(out, "  %-12s %s\n", columns[i].name, columns[i].help);
	fclose(out);
	return must(help);
}

/**
 * table_add_row - begin a row, in which there is nothing yet
 */
void table_add_row(struct table *t)
{
	size_t size = t->nr * sizeof(*t->cells);

	t->cells = must(realloc(t->cells, (t->nr_rows + 1) * size));
	memset(t->cells + t->nr_rows++ * t->nr, 0, size);
}

/**
 * table_set - fill a cell of the last row
 * @t:		the table
 * @column:	the column
 * @format:	as for printf(); any byte may be in the result
 */
void table_set(struct table *t, size_t column, const char *format, ...)
{
	char **cell = t->cells + (t->nr_rows - 1) * t->nr + column;
	va_list args;

	va_start(args, format);
	if (vasprintf(cell, format, args) < 0)
		err(fanfp_failed, "table");
	va_end(args);
}

static void print_key(const char *name)
{
	putchar('"');
	for (; *name; name++)
		putchar(*name == '-' ? '_' : tolower(*name));
	printf("\": ");
}

static void print_json(const struct table *t, char **row)
{
	const char *cell;
	size_t i;

	for (i = 0; i < t->nr_shown; i++) {
		printf(i ? ", " : "{");
		print_key(t->columns[t->shown[i]].name);
		cell = row[t->shown[i]];
		if (!cell)
			printf("null");
		else if (t->columns[t->shown[i]].flags & TABLE_NUMBER)
			printf("%s", cell);
		else
			print_json_string(stdout, cell);
	}
	printf("}\n");
}

/* One line, whatever the bytes */
static char *escaped(const char *s)
{
	char *copy = NULL;
	size_t len;
	FILE *out = must(open_memstream(&copy, &len));

	print_escaped(out, s);
	fclose(out);
	return must(copy);
}

static size_t width_of(const struct table *t, size_t column)
{
	size_t row, len, width = strlen(t->columns[column].name);
	const char *cell;

	for (row = 0; row < t->nr_rows; row++) {
		cell = t->cells[row * t->nr + column];
		len = cell ? strlen(cell) : 1;
		/* Names that are cut off to less say nothing. */
		if ((t->columns[column].flags & TABLE_TRUNC) && len > 8)
			len = 8;
		if (len > width)
			width = len;
	}
	return width;
}

/* Leave out columns, the last ones first, until the others fit. */
static void drop_columns(struct table *t, size_t room)
{
	size_t i, width = 0;

	for (i = 0; i < t->nr_shown; i++)
		width += width_of(t, t->shown[i]) + (i > 0);
	for (i = t->nr_shown; i-- > 0 && width > room;) {
		if (!(t->columns[t->shown[i]].flags & TABLE_DROP))
			continue;
		width -= width_of(t, t->shown[i]) + 1;
		t->nr_shown--;
		memmove(t->shown + i, t->shown + i + 1,
			(t->nr_shown - i) * sizeof(*t->shown));
	}
}

static void print_text(struct table *t)
{
	struct libscols_table *tb = must(scols_new_table());
	const struct table_column *column;
	struct libscols_line *line;
	size_t i, row;
	char *cell;

	if (isatty(STDOUT_FILENO) && !t->chosen)
		drop_columns(t, scols_table_get_termwidth(tb));

	for (i = 0; i < t->nr_shown; i++) {
		column = &t->columns[t->shown[i]];
		must(scols_table_new_column(tb, column->name, 0,
			(column->flags & TABLE_NUMBER ? SCOLS_FL_RIGHT : 0) |
			(column->flags & TABLE_TRUNC ? SCOLS_FL_TRUNC : 0)));
	}
	for (row = 0; row < t->nr_rows; row++) {
		line = must(scols_table_new_line(tb, NULL));
		for (i = 0; i < t->nr_shown; i++) {
			cell = t->cells[row * t->nr + t->shown[i]];
			if (scols_line_refer_data(line, i,
						  escaped(cell ? cell : "-")))
				err(fanfp_failed, "table");
		}
	}
	/* Without a row there would be no header, either. */
	if (t->nr_rows)
		scols_print_table(tb);
	else
		for (i = 0; i < t->nr_shown; i++)
			printf("%s%s", t->columns[t->shown[i]].name,
			       i + 1 < t->nr_shown ? " " : "\n");
	scols_unref_table(tb);
}

/**
 * table_print - print all rows, as the options want it
 * @t:		the table
 *
 * With --json it is an object a row, of all columns unless some were chosen.
 */
void table_print(struct table *t)
{
	size_t row;

	if (!t->chosen)
		add_usual(t, options.json ? 0 : TABLE_EXTRA);
	if (!options.json) {
		print_text(t);
		return;
	}
	for (row = 0; row < t->nr_rows; row++)
		print_json(t, t->cells + row * t->nr);
}
