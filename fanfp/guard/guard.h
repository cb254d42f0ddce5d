/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fanfp guard: what its parts share.
 *
 *	guard.c			options, marks, main loop, the end
 *	refuse.c		filesystems of which no verdict can be kept
 *	fastpath.c		the fast path: load, attach, verdicts, counters
 *	opens.c			the opens that are asked about, and their answers
 *	scan.c			who waits for which scan, and when it has its turn
 *	scanner.c		CMD: finding it, running it, what its end means
 *	summary.c		the table at the end
 */
#ifndef __GUARD_H
#define __GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

#include "common/since.h"
#include "guard/guard_bpf.h"

struct guard {
	/* Options */
	unsigned int jobs;
	unsigned int max_pending;
	unsigned int timeout_ms;
	unsigned int scan_timeout;	/* seconds, 0: for ever */
	bool stuck_deny;
	bool observe;

	bool in_kernel;		/* is where opens outside are left alone */
	int group_fd;		/* asks */
	int changes_fd;		/* tells about changes and removed directories */

	/* What happened */
	uint64_t delivered;
	uint64_t outside;	/* allowed without a scan */
	uint64_t own;		/* the same */
	uint64_t scans;
	uint64_t failed;	/* of the scans */
	uint64_t joined;	/* opens that waited for the scan of another one */
	uint64_t kept;		/* verdicts given to the kernel */
	uint64_t denied;	/* by the listener; --observe: would have been */
	uint64_t late;		/* answers when the time was over */
	uint64_t at_end;	/* opens that waited when the end came */
	uint64_t unprinted;	/* lines, because nobody took them */
	uint64_t wakeups;
	struct since start;
};

/* What an inode was like before a scan */
struct guard_sample {
	struct guard_verdict as;
	dev_t dev;
	ino_t ino;
	bool can_keep;		/* the kernel counts its changes */
};

struct guard_totals {
	struct guard_counts counts;
	uint64_t expired;
};

int fastpath_attach(const struct guard *g);
int fastpath_link_fd(unsigned int i);
bool fastpath_sample(int fd, struct guard_sample *sample);
int fastpath_keep(int fd, const struct guard_sample *sample, bool deny);
void fastpath_read(const struct guard *g, struct guard_totals *t);
void fastpath_detach(void);

const char *guard_refuse(int fd);

void opens_init(struct guard *guard);
void opens_restore_limits(void);
int opens_fd(void);
void opens_answer(int fd, bool deny);
void opens_read(void);

void scanner_init(const struct guard *guard, char **argv);
void scanner_try(void);
pid_t scanner_start(int fd);
void scanner_stop(pid_t child);
int scanner_verdict(int status, bool late, char *reason, size_t size);

void scans_init(struct guard *guard);
void scans_add(int fd, pid_t pid);
void scans_ended(pid_t child, int status);
int scans_next_timeout(void);
unsigned int scans_waiting(void);
void scans_stop(void);

int guard_summary_print(const struct guard *g, const struct guard_totals *t);

#endif /* __GUARD_H */
