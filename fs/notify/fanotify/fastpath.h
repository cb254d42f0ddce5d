/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast path as the rest of fanotify sees it: a call per event, one per wait
 * for the listener, one when the group goes away, one for fdinfo.
 */
#ifndef _FANOTIFY_FASTPATH_H
#define _FANOTIFY_FASTPATH_H

#include <linux/fanotify_fastpath.h>
#include <linux/fsnotify_backend.h>
#include <linux/sched.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "../fsnotify.h"

struct bpf_link;
struct bpf_prog;
struct file;
struct seq_file;

/**
 * struct fanotify_fastpath_attachment - a map, a group and what holds them together
 * @group:	group that the programs decide for
 * @link:	link that holds the attachment
 * @hangup:	detaches @link after the group has gone first
 */
struct fanotify_fastpath_attachment {
	struct fsnotify_group *group;
	struct bpf_link *link;
	struct work_struct hangup;
};

/**
 * struct fanotify_fastpath_wait - how long a task waits for the listener
 * @timeout:	jiffies, MAX_SCHEDULE_TIMEOUT for ever
 * @answer:	0 or a negative errno, what the task gets afterwards
 * @expired:	set when the time was over before the listener answered
 */
struct fanotify_fastpath_wait {
	long timeout;
	int answer;
	bool expired;
};

#define FANOTIFY_FASTPATH_WAIT_FOREVER \
	((struct fanotify_fastpath_wait) { .timeout = MAX_SCHEDULE_TIMEOUT })

#ifdef CONFIG_FANOTIFY_FASTPATH

bool fanotify_fastpath_run(const struct fanotify_fastpath_ops *ops,
			   struct fsnotify_group *group, u32 mask,
			   const void *data, int data_type, struct inode *dir,
			   const struct qstr *name,
			   struct fsnotify_iter_info *iter_info, int *ret);
void fanotify_fastpath_audit(struct fsnotify_group *group, int ret);
void fanotify_fastpath_set_wait(const struct fanotify_fastpath_ops *ops,
				struct fanotify_fastpath_wait *wait);
void fanotify_fastpath_wait_expired(struct fsnotify_group *group);
void fanotify_fastpath_release(struct fsnotify_group *group);
void fanotify_fastpath_show_fdinfo(struct seq_file *m,
				   struct fsnotify_group *group);
struct fsnotify_group *fanotify_file_group(struct file *file);
bool bpf_prog_is_fanotify_fastpath(const struct bpf_prog *prog);

/**
 * fanotify_fastpath_decide - ask the program of a group, if there is one
 * @group:	group that the event is for
 * @mask:	what the listener would be told, not 0
 * @data:	object of the event
 * @data_type:	type of @data
 * @dir:	directory of the event, or NULL
 * @name:	name in @dir, or NULL
 * @iter_info:	marks of @group that are interested in the event
 * @ret:	answer for the caller of fsnotify(), if there is one
 *
 * Context: called with fsnotify_mark_srcu held, before anything is allocated
 * or pinned for the event. A denial that is to be audited drops it for a while.
 * Return: true if the event is decided and must not be queued for @group, false
 * if it is to be handled as without a fast path
 */
static inline bool
fanotify_fastpath_decide(struct fsnotify_group *group, u32 mask,
			 const void *data, int data_type, struct inode *dir,
			 const struct qstr *name,
			 struct fsnotify_iter_info *iter_info, int *ret)
{
	const struct fanotify_fastpath_ops *ops;

	ops = srcu_dereference(group->fanotify_data.fastpath,
			       &fsnotify_mark_srcu);
	if (likely(!ops))
		return false;
	return fanotify_fastpath_run(ops, group, mask, data, data_type, dir,
				     name, iter_info, ret);
}

/* Tell programs how many tasks wait for the listener; @nr is 1 or -1. */
static inline void fanotify_fastpath_pending(struct fsnotify_group *group,
					     int nr)
{
	atomic_add(nr, &group->fanotify_data.pending);
}

/**
 * fanotify_fastpath_wait_begin - how long to wait for the listener
 * @group:	group that is about to be asked
 * @wait:	set, to what the group's fast path says if it has one
 *
 * Context: called with fsnotify_mark_srcu held
 */
static inline void
fanotify_fastpath_wait_begin(struct fsnotify_group *group,
			     struct fanotify_fastpath_wait *wait)
{
	const struct fanotify_fastpath_ops *ops;

	*wait = FANOTIFY_FASTPATH_WAIT_FOREVER;
	ops = srcu_dereference(group->fanotify_data.fastpath,
			       &fsnotify_mark_srcu);
	if (unlikely(ops))
		fanotify_fastpath_set_wait(ops, wait);
}

#else /* !CONFIG_FANOTIFY_FASTPATH */

static inline bool
fanotify_fastpath_decide(struct fsnotify_group *group, u32 mask,
			 const void *data, int data_type, struct inode *dir,
			 const struct qstr *name,
			 struct fsnotify_iter_info *iter_info, int *ret)
{
	return false;
}

static inline void fanotify_fastpath_pending(struct fsnotify_group *group,
					     int nr)
{
}

static inline void fanotify_fastpath_audit(struct fsnotify_group *group,
					   int ret)
{
}

static inline void
fanotify_fastpath_wait_begin(struct fsnotify_group *group,
			     struct fanotify_fastpath_wait *wait)
{
	*wait = FANOTIFY_FASTPATH_WAIT_FOREVER;
}

static inline void
fanotify_fastpath_wait_expired(struct fsnotify_group *group)
{
}

static inline void fanotify_fastpath_release(struct fsnotify_group *group)
{
}

static inline void fanotify_fastpath_show_fdinfo(struct seq_file *m,
						 struct fsnotify_group *group)
{
}

#endif /* CONFIG_FANOTIFY_FASTPATH */

#endif /* _FANOTIFY_FASTPATH_H */
