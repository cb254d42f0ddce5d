/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of figures at the end of a command, as text and as JSON from one
 * description:
 *
 *	struct figures f = {};
 *
 *	figures_open();
 *	...
 *	figures_count(&f, "opens", "Opens seen", opens);
 *	figures_any(&f, "late", "Answers that came too late", late);
 *	figures_print(&f);
 */
#ifndef __FIGURES_H
#define __FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIGURES_MAX	48

struct figures {
	struct figure {
		const char *name;	/* the JSON key */
		const char *text;	/* indented below what it is a part of */
		enum { FIGURE_COUNT, FIGURE_ANY, FIGURE_SECONDS,
		       FIGURE_WORD, FIGURE_FLAG } type;
		uint64_t count;
		double seconds;
		const char *word;
	} list[FIGURES_MAX];
	size_t nr;
};

void figures_open(void);
void figures_count(struct figures *f, const char *name, const char *text,
		   uint64_t count);
void figures_any(struct figures *f, const char *name, const char *text,
		 uint64_t count);
void figures_seconds(struct figures *f, const char *name, const char *text,
		     double seconds);
void figures_word(struct figures *f, const char *name, const char *text,
		  const char *word);
void figures_flag(struct figures *f, const char *name, const char *text,
		  bool flag);
int figures_print(const struct figures *f);

#endif /* __FIGURES_H */
