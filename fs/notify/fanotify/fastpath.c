// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: ask the BPF program of a group about an event, apply and
 * count the answer, and show the counters in the group's fdinfo.
 */
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/err.h>
#include <linux/fanotify.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "fanotify.h"
#include "fastpath.h"

#define CREATE_TRACE_POINTS
#include <trace/events/fanotify.h>

/* An answer that nobody defined must not cost the listener an event. */
static bool fanotify_fastpath_send(const struct fanotify_fastpath_ops *ops,
				   int answer)
{
	if (unlikely(answer != FAN_FP_RET_SEND_TO_USERSPACE))
		this_cpu_inc(ops->stats->invalid);
	this_cpu_inc(ops->stats->sent);
	return false;
}

static bool fanotify_fastpath_filter(const struct fanotify_fastpath_ops *ops,
				     struct fsnotify_group *group, u32 mask,
				     const void *data, int data_type,
				     struct inode *dir, const struct qstr *name)
{
	struct inode *inode = fsnotify_data_inode(data, data_type);
	int answer;

	answer = ops->filter(group, mask, inode, dir,
			     fsnotify_data_dentry(data, data_type), name);
	trace_fanotify_fastpath(ops, mask, inode, dir, answer);

	if (answer != FAN_FP_RET_SKIP_EVENT)
		return fanotify_fastpath_send(ops, answer);

	this_cpu_inc(ops->stats->skipped);
	return true;
}

/**
 * fanotify_fastpath_audit - record an answer that the listener did not give
 * @group:	group that the event was for
 * @ret:	0 if the access was allowed, otherwise it was denied
 *
 * The record is the one of an answer from user space without a rule.
 *
 * Context: may sleep until the audit daemon has room, and that daemon may be
 * waiting for an event to be answered: not under fsnotify_mark_srcu
 */
void fanotify_fastpath_audit(struct fsnotify_group *group, int ret)
{
	struct fanotify_response_info_audit_rule rule = {
		.hdr.type = FAN_RESPONSE_INFO_NONE,
	};

	if (FAN_GROUP_FLAG(group, FAN_ENABLE_AUDIT))
		audit_fanotify(ret ? FAN_DENY : FAN_ALLOW, &rule);
}

static bool
fanotify_fastpath_permission(const struct fanotify_fastpath_ops *ops,
			     struct fsnotify_group *group, u32 mask,
			     const void *data, int data_type, struct inode *dir,
			     struct fsnotify_iter_info *iter_info, int *ret)
{
	const struct path *path = fsnotify_data_path(data, data_type);
	const struct file_range *range = NULL;
	struct inode *inode;
	int answer;

	if (WARN_ON_ONCE(!path))
		return false;
	if (data_type == FSNOTIFY_EVENT_FILE_RANGE)
		range = data;
	inode = d_inode(path->dentry);

	answer = ops->permission(group, mask, path, path->dentry, inode, range);
	trace_fanotify_fastpath(ops, mask, inode, dir, answer);

	if (answer == FAN_FP_RET_SKIP_EVENT) {
		this_cpu_inc(ops->stats->allowed);
		*ret = 0;
		return true;
	}
	if (answer >= 0)
		return fanotify_fastpath_send(ops, answer);

	this_cpu_inc(ops->stats->denied);
	answer = max(answer, -MAX_ERRNO);
	*ret = fanotify_valid_deny_errno(-answer) ? answer : -EPERM;

	/*
	 * @ops may go away meanwhile. The lock has to stay if one of the marks
	 * is going away just now, but a denial is never without its record.
	 */
	if (FAN_GROUP_FLAG(group, FAN_ENABLE_AUDIT)) {
		bool unlocked = fsnotify_prepare_user_wait(iter_info);

		fanotify_fastpath_audit(group, *ret);
		if (unlocked)
			fsnotify_finish_user_wait(iter_info);
	}
	return true;
}

/**
 * fanotify_fastpath_run - let the program of a group decide an event
 * @ops:	program of @group
 * @group:	group that the event is for
 * @mask:	what the listener would be told, not 0
 * @data:	object of the event
 * @data_type:	type of @data
 * @dir:	directory of the event, or NULL
 * @name:	name in @dir, or NULL
 * @iter_info:	marks of @group that are interested in the event
 * @ret:	answer for the caller of fsnotify(), if there is one
 *
 * Context: called with fsnotify_mark_srcu held, which keeps @ops, its programs
 * and its counters from being freed.
 * Return: true if the event is decided and must not be queued for @group
 */
bool fanotify_fastpath_run(const struct fanotify_fastpath_ops *ops,
			   struct fsnotify_group *group, u32 mask,
			   const void *data, int data_type, struct inode *dir,
			   const struct qstr *name,
			   struct fsnotify_iter_info *iter_info, int *ret)
{
	if (fanotify_is_perm_event(mask)) {
		if (!ops->permission)
			return false;
		return fanotify_fastpath_permission(ops, group, mask, data,
						    data_type, dir, iter_info,
						    ret);
	}

	if (!ops->filter)
		return false;
	return fanotify_fastpath_filter(ops, group, mask, data, data_type, dir,
					name);
}

/**
 * fanotify_fastpath_set_wait - apply the limit of a fast path, if it has one
 * @ops:	programs of the group that is about to be asked
 * @wait:	how long to wait for its listener
 *
 * Context: called with fsnotify_mark_srcu held
 */
void fanotify_fastpath_set_wait(const struct fanotify_fastpath_ops *ops,
				struct fanotify_fastpath_wait *wait)
{
	if (!ops->answer_timeout_ms)
		return;

	wait->timeout = msecs_to_jiffies(ops->answer_timeout_ms);
	if (ops->timeout_answer != FAN_FP_RET_SKIP_EVENT)
		wait->answer = ops->timeout_answer;
}

/**
 * fanotify_fastpath_wait_expired - count a wait that the listener did not end
 * @group:	group that did not answer in time
 *
 * Counted for the programs that the group has by now.
 *
 * Context: called with fsnotify_mark_srcu held
 */
void fanotify_fastpath_wait_expired(struct fsnotify_group *group)
{
	const struct fanotify_fastpath_ops *ops;

	ops = srcu_dereference(group->fanotify_data.fastpath,
			       &fsnotify_mark_srcu);
	if (ops)
		this_cpu_inc(ops->stats->expired);
}

/**
 * fanotify_fastpath_show_fdinfo - add a group's fast path to its fdinfo
 * @m:		file to write to
 * @group:	group that is shown
 *
 * Writes nothing for a group without a program. "seen" counts the events that
 * a program was asked about, "invalid" is part of "sent", and "expired" of those
 * that were sent or had no member.
 */
void fanotify_fastpath_show_fdinfo(struct seq_file *m,
				   struct fsnotify_group *group)
{
	const struct fanotify_fastpath_ops *ops;
	struct fanotify_fastpath_stats sum = {};
	int cpu;

	guard(srcu)(&fsnotify_mark_srcu);
	ops = srcu_dereference(group->fanotify_data.fastpath,
			       &fsnotify_mark_srcu);
	if (!ops)
		return;

	for_each_possible_cpu(cpu) {
		const struct fanotify_fastpath_stats *stats;

		stats = per_cpu_ptr(ops->stats, cpu);
		sum.sent += READ_ONCE(stats->sent);
		sum.skipped += READ_ONCE(stats->skipped);
		sum.allowed += READ_ONCE(stats->allowed);
		sum.denied += READ_ONCE(stats->denied);
		sum.invalid += READ_ONCE(stats->invalid);
		sum.expired += READ_ONCE(stats->expired);
	}

	/* The link has its id a moment after it has attached. */
	seq_printf(m, "fanotify-fastpath name:%s link_id:%u seen:%llu sent:%llu skipped:%llu invalid:%llu allowed:%llu denied:%llu expired:%llu\n",
		   ops->name, READ_ONCE(ops->attachment->link->id),
		   sum.sent + sum.skipped + sum.allowed + sum.denied,
		   sum.sent, sum.skipped, sum.invalid, sum.allowed, sum.denied,
		   sum.expired);
}
