/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both sides of a permission event: openers, which may have to wait, and the
 * listener, which answers; and the programs of
 * progs/fanotify_fastpath_permission.c, which may decide instead.
 *
 * Whatever may have to wait for an answer is done in a child, which is killed
 * when it takes too long, so that a bug is a failure and not a hang.
 */
#ifndef __FANOTIFY_FASTPATH_OPENER_H
#define __FANOTIFY_FASTPATH_OPENER_H

#include <pthread.h>

#include "fanotify_fastpath_helpers.h"
#include "fanotify_fastpath_permission.skel.h"

/* A limit that runs out in the test, at once, and one that must not */
#define FP_SHORT_MS	200
#define FP_LONG_MS	(6 * FP_TIMEOUT_MS)

/* For a file that is to have some */
#define FP_CONTENT	"content"

/* So many threads open at the same time. */
#define FP_OPENERS	4

/*
 * The programs for the group @fan_fd, or NULL; with a limit of @timeout_ms and
 * @timeout_answer for "limit" and "filter_limit".
 */
struct fanotify_fastpath_permission *
fp_load_limit(int fan_fd, unsigned int timeout_ms, int timeout_answer);

/* The programs for the fixture's group, with a limit that does not run out */
struct fanotify_fastpath_permission *fp_load_permission(struct fp_fixture *f);

/* Close the fixture's link and unload @skel, if there is one. */
void fp_unload_permission(struct fp_fixture *f,
			  struct fanotify_fastpath_permission *skel);

/* Check all counters of the fixture's group. */
void fp_expect_counters(struct fp_fixture *f, int sent, int invalid,
			int allowed, int denied, int expired);

/* Write @text to the file @path, which is made with @mode if there is none. */
bool fp_write_file(const char *path, const char *text, mode_t mode);

/* What a child does with a file: 0, or the errno of what failed */
typedef int (*fp_child_fn)(const char *path);

/* Open @path with @flags and close it again: 0 or an errno. */
int fp_open_flags(const char *path, int flags);

/* Open a file; execute it, which does not return; open it and read a byte. */
int fp_do_open(const char *path);
int fp_do_exec(const char *path);
int fp_do_read(const char *path);

/*
 * Call @fn in a child that has no descriptors of the parent's; -1 if it fails.
 */
pid_t fp_start(fp_child_fn fn, const char *path);

/* Wait status of a child that ends in time, or -1 */
int fp_wait_child(pid_t pid);

/* Errno of a child of fp_start(), or -1 */
int fp_finish(pid_t pid);

/* Kill a child that must not be there any more, if @pid is one. */
void fp_kill_child(pid_t pid);

/* fp_start() and fp_finish() */
int fp_run(fp_child_fn fn, const char *path);

/*
 * Wait until @nr events are queued and the opener @pid sleeps for its answer.
 */
bool fp_wait_queued(int fan_fd, int nr, pid_t pid);

/* The fd of the next event, which has to be a permission event, or -1 */
int fp_read_permission(int fan_fd, __u64 mask);

/* Answer with @response: 0 or a negative errno. */
int fp_respond(int fan_fd, int fd, __u32 response);

/* Errno of a child whose event the listener answers with @response, or -1 */
int fp_run_asked(int fan_fd, fp_child_fn fn, const char *path, __u64 mask,
		 __u32 response);

/* The same for an open of "a" and the fixture's group */
int fp_open_asked(struct fp_fixture *f, __u32 response);

/**
 * struct fp_listener - a thread that answers all that waits
 * @thread: private
 * @stop_fd: private; has to be -1 before fp_start_listener()
 * @fan_fd: the group
 * @response: the answer
 * @delay_us: how long it waits before the read or before the answer, in steps
 *	of this; 0: it does not
 * @read: how many events it has read
 * @accepted: how many answers were accepted
 * @late: how many came too late
 * @other: how many failed otherwise
 *
 * The counts are those of a listener that was stopped.
 */
struct fp_listener {
	pthread_t thread;
	int stop_fd;
	int fan_fd;
	__u32 response;
	unsigned int delay_us;
	int read;
	int accepted;
	int late;
	int other;
};

bool fp_start_listener(struct fp_listener *listener);

/* Stop it, if it was started. */
void fp_stop_listener(struct fp_listener *listener);

/* Join an opener in time, or set all free by closing the fixture's group. */
void fp_join_opener(struct fp_fixture *f, pthread_t thread,
		    const struct timespec *deadline);

#endif /* __FANOTIFY_FASTPATH_OPENER_H */
