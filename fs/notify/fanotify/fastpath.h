/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast path as the rest of fanotify sees it: a call per event, one per wait
 * for the listener, one when the group goes away, one for fdinfo.
 */
#ifndef _FANOTIFY_FASTPATH_H
#define _FANOTIFY_FASTPATH_H

#include <linux/bpf.h>
#include <linux/fanotify_fastpath.h>
#include <linux/filter.h>
#include <linux/fsnotify_backend.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/srcu.h>
#include <linux/tracepoint-defs.h>
#include <linux/workqueue.h>

#include "../fsnotify.h"

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

/* Not an errno: the event is handled as without a fast path. */
#define FANOTIFY_FASTPATH_UNDECIDED	1

#ifdef CONFIG_FANOTIFY_FASTPATH

DECLARE_TRACEPOINT(fanotify_fastpath);

void fanotify_fastpath_trace(const struct fanotify_fastpath_ops *ops, u32 mask,
			     const void *data, int data_type,
			     const struct inode *dir, int answer);
int fanotify_fastpath_send(const struct fanotify_fastpath_ops *ops, int answer);
int fanotify_fastpath_deny(const struct fanotify_fastpath_ops *ops,
			   struct fsnotify_group *group,
			   struct fsnotify_iter_info *iter_info, int answer);
void fanotify_fastpath_audit(struct fsnotify_group *group, int ret);
void fanotify_fastpath_set_wait(const struct fanotify_fastpath_ops *ops,
				struct fanotify_fastpath_wait *wait);
void fanotify_fastpath_wait_expired(struct fsnotify_group *group);
void fanotify_fastpath_release(struct fsnotify_group *group);
void fanotify_fastpath_show_fdinfo(struct seq_file *m,
				   struct fsnotify_group *group);
struct fsnotify_group *fanotify_file_group(struct file *file);
bool bpf_prog_is_fanotify_fastpath(const struct bpf_prog *prog);

/*
 * Calls the program without the trampoline of its member, whose work is more
 * than that of many programs. bpf_prog_run() is what it comes to: the arguments
 * are in the context as u64, in the order of the member, and statistics are
 * kept. What it leaves out is of no use here. The run context holds the cookie
 * of a tracing link, and no helper that these programs can call reads it. The
 * guard against recursion is for programs with a private stack, which this
 * struct_ops does not ask for. No member has an argument in an arena, which the
 * trampoline would convert. Tracing and replacing a program patch the program
 * itself.
 */
static __always_inline int
fanotify_fastpath_call(const struct bpf_prog *prog,
		       const struct fsnotify_group *group, u32 mask,
		       const void *arg3, const void *arg4, const void *arg5,
		       const void *arg6)
{
	const u64 args[] = {
		(unsigned long)group, mask, (unsigned long)arg3,
		(unsigned long)arg4, (unsigned long)arg5, (unsigned long)arg6,
	};
	int answer;

	rcu_read_lock_dont_migrate();
	answer = bpf_prog_run(prog, args);
	rcu_read_unlock_migrate();
	return answer;
}

static __always_inline int
fanotify_fastpath_filter(const struct fanotify_fastpath_ops *ops,
			 struct fsnotify_group *group, u32 mask,
			 const struct path *path, const void *data,
			 int data_type, struct inode *dir,
			 const struct qstr *name)
{
	struct dentry *dentry;
	struct inode *inode;
	int answer;

	if (!ops->filter_prog)
		return FANOTIFY_FASTPATH_UNDECIDED;

	if (likely(path)) {
		dentry = path->dentry;
		inode = d_inode(dentry);
	} else if (data_type == FSNOTIFY_EVENT_INODE) {
		dentry = NULL;
		inode = (struct inode *)data;
	} else {
		dentry = fsnotify_data_dentry(data, data_type);
		inode = fsnotify_data_inode(data, data_type);
	}

	answer = fanotify_fastpath_call(ops->filter_prog, group, mask, inode,
					dir, dentry, name);
	if (tracepoint_enabled(fanotify_fastpath))
		fanotify_fastpath_trace(ops, mask, data, data_type, dir,
					answer);

	if (likely(answer == FAN_FP_RET_SKIP_EVENT)) {
		this_cpu_inc(ops->stats->skipped);
		return 0;
	}
	return fanotify_fastpath_send(ops, answer);
}

static __always_inline int
fanotify_fastpath_permission(const struct fanotify_fastpath_ops *ops,
			     struct fsnotify_group *group, u32 mask,
			     const struct path *path, const void *data,
			     int data_type, struct inode *dir,
			     struct fsnotify_iter_info *iter_info)
{
	const struct file_range *range = NULL;
	struct dentry *dentry;
	int answer;

	if (!ops->permission_prog || WARN_ON_ONCE(!path))
		return FANOTIFY_FASTPATH_UNDECIDED;

	if (data_type == FSNOTIFY_EVENT_FILE_RANGE)
		range = data;
	dentry = path->dentry;

	answer = fanotify_fastpath_call(ops->permission_prog, group, mask, path,
					dentry, d_inode(dentry), range);
	if (tracepoint_enabled(fanotify_fastpath))
		fanotify_fastpath_trace(ops, mask, data, data_type, dir,
					answer);

	if (likely(answer == FAN_FP_RET_SKIP_EVENT)) {
		this_cpu_inc(ops->stats->allowed);
		return 0;
	}
	if (answer < 0)
		return fanotify_fastpath_deny(ops, group, iter_info, answer);
	return fanotify_fastpath_send(ops, answer);
}

/**
 * fanotify_fastpath_decide - ask the program of a group, if there is one
 * @group:	group that the event is for
 * @mask:	what the listener would be told, not 0
 * @path:	path in @data, or NULL
 * @data:	object of the event
 * @data_type:	type of @data
 * @dir:	directory of the event, or NULL
 * @name:	name in @dir, or NULL
 * @iter_info:	marks of @group that are interested in the event
 *
 * Context: called with fsnotify_mark_srcu held, before anything is allocated
 * or pinned for the event. The lock keeps the programs and the counters from
 * being freed. A denial that is to be audited drops it for a while.
 * Return: what the caller of fsnotify() gets, 0 or a negative errno, if the
 * event is decided and must not be queued for @group;
 * FANOTIFY_FASTPATH_UNDECIDED if it is to be handled as without a fast path
 */
static __always_inline int
fanotify_fastpath_decide(struct fsnotify_group *group, u32 mask,
			 const struct path *path, const void *data,
			 int data_type, struct inode *dir,
			 const struct qstr *name,
			 struct fsnotify_iter_info *iter_info)
{
	const struct fanotify_fastpath_ops *ops;

	ops = srcu_dereference(group->fanotify_data.fastpath,
			       &fsnotify_mark_srcu);
	if (likely(!ops))
		return FANOTIFY_FASTPATH_UNDECIDED;

	if (fanotify_is_perm_event(mask))
		return fanotify_fastpath_permission(ops, group, mask, path,
						    data, data_type, dir,
						    iter_info);
	return fanotify_fastpath_filter(ops, group, mask, path, data, data_type,
					dir, name);
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

static inline int
fanotify_fastpath_decide(struct fsnotify_group *group, u32 mask,
			 const struct path *path, const void *data,
			 int data_type, struct inode *dir,
			 const struct qstr *name,
			 struct fsnotify_iter_info *iter_info)
{
	return FANOTIFY_FASTPATH_UNDECIDED;
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
