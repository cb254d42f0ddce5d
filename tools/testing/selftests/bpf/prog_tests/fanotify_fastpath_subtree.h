/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of fanotify_fastpath_subtree*.c share: what is inside, and
 * deep.
 */
#ifndef __FANOTIFY_FASTPATH_SUBTREE_H
#define __FANOTIFY_FASTPATH_SUBTREE_H

#include "fanotify_fastpath_helpers.h"

/* Attach the program that sends what is inside, or undecided. */
bool fp_attach_subtree(struct fp_fixture *f);

/*
 * Make the directories "in", which is a root, and "out", which is not, and the
 * @files in them; mark for FAN_OPEN and attach.
 */
bool fp_start_subtree(struct fp_fixture *f, const char *files);

/*
 * Since the last call the program could not tell @expected times, and for the
 * reason @status the last time.
 */
void fp_expect_undecided(struct fp_fixture *f, __u64 expected, int status);

/* Since the last call it always could. */
void fp_expect_decided(struct fp_fixture *f);

/*
 * Make the file @name in the directory @dir, which may be too deep for a path.
 */
bool fp_make_file_at(int dir, const char *name);

/* Open a directory with O_PATH: its descriptor, or -1. */
int fp_open_dir(const char *path);

/*
 * Make @depth directories below @top and open the last: its descriptor, or -1.
 */
int fp_make_deep(const char *top, int depth);

#endif /* __FANOTIFY_FASTPATH_SUBTREE_H */
