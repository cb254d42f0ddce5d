/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fanfp deny: what its parts share.
 *
 *	deny.c			options, main loop, the table
 *	force.c			what is in force, and replacing it
 *	list.c			the list: reading it, looking up its paths
 *	set.c			the fast path that denies a list
 *	watch.c			when to look at the paths again, or read the list
 */
#ifndef __DENY_H
#define __DENY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/types.h>

#include "deny/deny_bpf.h"

struct deny_entry {
	char *path;		/* absolute */
	unsigned int line;	/* 0: from the command line */
	bool exists;
	bool is_dir;
	dev_t dev;
	ino_t ino;
};

struct deny_list {
	struct deny_entry *entries;
	size_t nr;
};

int list_add(struct deny_list *list, const char *path, unsigned int line);
int list_read(struct deny_list *list, const char *file);
int list_copy(struct deny_list *to, const struct deny_list *from);
void list_look_up(struct deny_list *list);
bool list_is_same(const struct deny_list *a, const struct deny_list *b);
void list_free(struct deny_list *list);

struct deny_totals {
	struct deny_counts kernel;	/* of all sets there were */
	__u64 denied;			/* by the listener */
	__u64 allowed;			/* the same */
	__u64 reloads;
};

void force_init(const char *file, const struct deny_list *paths);
int force_load(bool edited, bool always);
void force_answer(void);
int force_group_fd(void);
int force_link_fd(void);
void force_end(struct deny_totals *t);

struct deny_set;

struct deny_set *set_create(const struct deny_list *list);
int set_group_fd(const struct deny_set *set);
int set_link_fd(const struct deny_set *set);
void set_add_counts(const struct deny_set *set, struct deny_counts *counts);
void set_destroy(struct deny_set *set);

struct watch_news {
	bool list;		/* was edited */
	bool paths;		/* something else may be there */
};

int watch_list(const char *path);
void watch_paths(const struct deny_list *list);
int watch_fd(void);
struct watch_news watch_read(void);

#endif /* __DENY_H */
