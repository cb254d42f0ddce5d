/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stress test of the fast path: many processes, the workers, use fanotify on
 * several filesystems at once, in an order that the seed settles. What each of
 * them knows for certain it checks; the first that is wrong ends the run.
 */
#ifndef __STRESS_H
#define __STRESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "stress/stress_bpf.h"

#define ARENAS_MAX	4
#define WORKERS_MAX	32
#define OPS_KEPT	24

/* Files of each class, in a directory */
#define FILES		64
/* As many are made and removed at a time. */
#define MADE		8
/* How deep the directory is that is moved: within the bound of the walk */
#define PIT_DEPTH	120
/* Directories that the storm makes, marks, moves and removes */
#define STORM_DIRS	16

/* A filesystem that is stressed */
struct arena {
	const char *fs;
	char mnt[64];		/* where it is mounted */
	char bind[64];		/* where its stable subtree is bind mounted */
	/* Directories of files that are inside and outside, wherever they are */
	int in_files, out_files;
	/* The same, and never moved */
	int in_yard, out_yard;
	/* Files to ask for permission to open */
	int perm_files;
	int root;
	unsigned int depth;
};

/* In memory that all processes share */
struct worker {
	char name[32];
	pid_t pid;
	unsigned long long ops;
	unsigned long long opens;	/* by its children, meanwhile */
	unsigned long long checks;	/* answers that were compared */
	unsigned long long faults;	/* undecided, expired, killed, refused */
	struct {
		const char *what;
		long arg;
		int err;
	} last[OPS_KEPT];
	char failure[256];
	char missing[128];		/* what cannot be tested here */
};

extern struct worker *self;
extern struct arena arenas[ARENAS_MAX];
extern int nr_arenas;

/* main.c */
/* A worker is ready; waits for the others. */
void ready(void);
bool running(void);
unsigned int rnd(unsigned int below);
/* An operation is about to be done; its errno is told when it is known. */
void op(const char *what, long arg);
void op_err(int err);
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Something is not there to be tested: no failure, and not passed over. */
void missing(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Forks a child that dies with its parent. */
pid_t spawn(void);
/* Memory that a worker and its children share */
void *shared_memory(size_t size);
/* Waits for a child that has to end, and returns its wait status. */
int reap(pid_t pid, const char *what);
double now(void);
/* Seconds after which whatever has not happened never will */
double patience(void);

/* arena.c */
void arenas_setup(void);
int arenas_teardown(void);
int open_at(int dir, const char *letter, int i);

/* group.c */
struct group;
/* What fdinfo shows */
struct group_shown {
	unsigned long long seen, sent, skipped, invalid, allowed, denied,
			   expired;
};

enum { GROUP_FILTER, GROUP_PERMISSION };
struct group *group_load(int kind);
/* A new fanotify group, at the fd number that the programs were loaded for */
void group_open(struct group *g, unsigned int flags);
int group_fd(const struct group *g);
int group_link_fd(const struct group *g);
void group_close(struct group *g);
int group_mark(struct group *g, unsigned int flags, unsigned long long mask,
	       int dir, const char *path);
/* How many marks fdinfo shows */
int group_marks(const struct group *g);
/* Which programs: 0 and 1 answer alike, 2 has a limit that runs out soon. */
void group_attach(struct group *g, int which);
int group_try_attach(struct group *g, int which);
void group_update(struct group *g, int which);
void group_detach(struct group *g);
/* Closes and detaches it, in either order. */
void group_end(struct group *g);
bool group_attached(const struct group *g);
/* The group was closed: the link has to say so. */
void group_expect_hangup(struct group *g);
struct stress_counts group_counts(const struct group *g, enum stress_class class);
/* Of all classes */
unsigned long long group_calls(const struct group *g);
/* Fails when fdinfo shows no program. */
struct group_shown group_shown(const struct group *g);
/* The counters in fdinfo are what the programs have counted, while events come. */
void group_check_counters(struct group *g);
/* No event is underway: the counters are exactly what the programs have counted. */
void group_check_exactly(struct group *g, unsigned long long expired);
/* The same, once all marks are removed, so that no event comes any more */
void group_check_at_rest(struct group *g, unsigned long long expired);

/* One file each: what a worker does until the time is over */
void notify_worker(struct arena *a);
void permission_worker(struct arena *a);
void storm_worker(struct arena *a);
void churn_worker(struct arena *a);
void mount_worker(struct arena *a);
void memory_worker(struct arena *a);
void cpu_worker(struct arena *a);
/* A processor may be offline when its worker is killed. */
void cpu_restore(void);

#endif /* __STRESS_H */
