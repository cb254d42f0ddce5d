// SPDX-License-Identifier: GPL-2.0
/*
 * The table of figures at the end of a command, as text and as JSON from one
 * description, so that neither has what the other lacks.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/figures.h"
#include "common/options.h"
#include "fanfp.h"

static FILE *file;		/* of --summary */

/**
 * figures_open - open the file of --summary, if one was given
 *
 * To be called before the work begins: at its end it is late to learn that the path
 * is wrong. What is in the file stays until figures_print(). Ends the program, after
 * it has said why, if the file cannot be opened.
 */
void figures_open(void)
{
	int fd;

	if (!options.summary)
		return;
	fd = open(options.summary, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		err(FANFP_USAGE, "cannot write the summary to %s",
		    options.summary);
}

static struct figure *add(struct figures *f, const char *name, const char *text)
{
	struct figure *new = &f->list[f->nr++];

	if (f->nr > FIGURES_MAX)
		errx(fanfp_failed, "more than %d figures", FIGURES_MAX);
	new->name = name;
	new->text = text;
	return new;
}

/**
 * figures_count - add a number of things
 * @f:		the table
 * @name:	its key in JSON
 * @text:	its line in the text; two blanks more than that which it is a part of
 * @count:	the number
 */
void figures_count(struct figures *f, const char *name, const char *text,
		   uint64_t count)
{
	struct figure *new = add(f, name, text);

	new->type = FIGURE_COUNT;
	new->count = count;
}

/**
 * figures_any - add a number that is nearly always 0, and has no line then
 */
void figures_any(struct figures *f, const char *name, const char *text,
		 uint64_t count)
{
	struct figure *new = add(f, name, text);

	new->type = FIGURE_ANY;
	new->count = count;
}

/**
 * figures_seconds - add a time
 */
void figures_seconds(struct figures *f, const char *name, const char *text,
		     double seconds)
{
	struct figure *new = add(f, name, text);

	new->type = FIGURE_SECONDS;
	new->seconds = seconds;
}

/**
 * figures_word - add one of a few words of fanfp's own
 */
void figures_word(struct figures *f, const char *name, const char *text,
		  const char *word)
{
	struct figure *new = add(f, name, text);

	new->type = FIGURE_WORD;
	new->word = word;
}

/**
 * figures_flag - add yes or no, true or false in JSON
 */
void figures_flag(struct figures *f, const char *name, const char *text,
		  bool flag)
{
	struct figure *new = add(f, name, text);

	new->type = FIGURE_FLAG;
	new->count = flag;
}

static void print_text(FILE *out, const struct figures *f)
{
	const struct figure *i;

	fprintf(out, "\n");
	for (i = f->list; i < f->list + f->nr; i++) {
		switch (i->type) {
		case FIGURE_ANY:
			if (!i->count)
				continue;
			/* fallthrough */
		case FIGURE_COUNT:
			fprintf(out, "%-38s %12" PRIu64 "\n", i->text, i->count);
			break;
		case FIGURE_SECONDS:
			fprintf(out, "%-38s %12.3f s\n", i->text, i->seconds);
			break;
		case FIGURE_WORD:
			fprintf(out, "%-38s %12s\n", i->text, i->word);
			break;
		case FIGURE_FLAG:
			fprintf(out, "%-38s %12s\n", i->text,
				i->count ? "yes" : "no");
			break;
		}
	}
}

static void print_json(FILE *out, const struct figures *f)
{
	const struct figure *i;

	for (i = f->list; i < f->list + f->nr; i++) {
		fprintf(out, "%s\"%s\": ", i == f->list ? "{" : ", ", i->name);
		switch (i->type) {
		case FIGURE_ANY:
		case FIGURE_COUNT:
			fprintf(out, "%" PRIu64, i->count);
			break;
		case FIGURE_SECONDS:
			fprintf(out, "%.6f", i->seconds);
			break;
		case FIGURE_WORD:
			fprintf(out, "\"%s\"", i->word);
			break;
		case FIGURE_FLAG:
			fprintf(out, i->count ? "true" : "false");
			break;
		}
	}
	fprintf(out, "}");
}

static int write_file(const struct figures *f)
{
	/* EINVAL: a pipe or a device, which has no old content. */
	if (!ftruncate(fileno(file), 0) || errno == EINVAL) {
		print_json(file, f);
		putc('\n', file);
		if (!fclose(file))
			return 0;
	}
	warn("cannot write the summary to %s", options.summary);
	return -1;
}

/**
 * figures_print - print the table, where and as the options want it
 * @f:		the table
 *
 * With --json it is the last line of the standard output, else it goes to the
 * standard error; --summary has a file besides.
 *
 * Return: 0, or -1 after it has said what is wrong with the file.
 */
int figures_print(const struct figures *f)
{
	if (options.json) {
		printf("{\"summary\": ");
		print_json(stdout, f);
		printf("}\n");
	} else {
		print_text(stderr, f);
	}
	return file ? write_file(f) : 0;
}
