// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: what becomes of the answer of a BPF program, unless it skips
 * or allows, which is done in fastpath.h; and the counters in the group's fdinfo.
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

/**
 * fanotify_fastpath_trace - tell the tracepoint about an answer
 * @ops:	programs of the group
 * @mask:	what the listener would be told
 * @data:	object of the event
 * @data_type:	type of @data
 * @dir:	directory of the event, or NULL
 * @answer:	what it returned
 */
void fanotify_fastpath_trace(const struct fanotify_fastpath_ops *ops, u32 mask,
			     const void *data, int data_type,
			     const struct inode *dir, int answer)
{
	trace_fanotify_fastpath(ops, mask, fsnotify_data_inode(data, data_type),
				dir, answer);
}

/**
 * fanotify_fastpath_send - count an event that goes to the listener
 * @ops:	programs of the group
 * @answer:	what one of them returned
 *
 * An answer that nobody defined must not cost the listener an event.
 *
 * Return: FANOTIFY_FASTPATH_UNDECIDED
 */
int fanotify_fastpath_send(const struct fanotify_fastpath_ops *ops, int answer)
{
	if (unlikely(answer != FAN_FP_RET_SEND_TO_USERSPACE))
		this_cpu_inc(ops->stats->invalid);
	this_cpu_inc(ops->stats->sent);
	return FANOTIFY_FASTPATH_UNDECIDED;
}

/**
 * fanotify_fastpath_audit - record an answer that the listener did not give
 * @group:	group that the event was for
 * @ret:	0 if the access was allowed, otherwise it was denied
 *
 * The record is the one of an answer from user space without a rule.
 *
 * Context: may sleep until the audit daemon has room, and that daemon may be
 * waiting for an event to be answered: not under fsnotify_mark_srcu, where that
 * can be helped
 */
void fanotify_fastpath_audit(struct fsnotify_group *group, int ret)
{
	struct fanotify_response_info_audit_rule rule = {
		.hdr.type = FAN_RESPONSE_INFO_NONE,
	};

	if (FAN_GROUP_FLAG(group, FAN_ENABLE_AUDIT))
		audit_fanotify(ret ? FAN_DENY : FAN_ALLOW, &rule);
}

/*
 * The programs may go away meanwhile. The lock has to stay if one of the marks is
 * going away just now, but a denial is never without its record. Not inlined: other
 * events do not need the record on the stack.
 */
static noinline void
fanotify_fastpath_audit_denial(struct fsnotify_group *group,
			       struct fsnotify_iter_info *iter_info, int ret)
{
	bool unlocked = fsnotify_prepare_user_wait(iter_info);

	fanotify_fastpath_audit(group, ret);
	if (unlocked)
		fsnotify_finish_user_wait(iter_info);
}

/**
 * fanotify_fastpath_deny - deny an access as a program has said
 * @ops:	programs of the group
 * @group:	group that the event is for
 * @iter_info:	marks of @group that are interested in the event
 * @answer:	what the program returned, negative
 *
 * Context: called with fsnotify_mark_srcu held, which it drops for a while if
 * the denial is to be audited
 * Return: errno for the caller of fsnotify()
 */
int fanotify_fastpath_deny(const struct fanotify_fastpath_ops *ops,
			   struct fsnotify_group *group,
			   struct fsnotify_iter_info *iter_info, int answer)
{
	this_cpu_inc(ops->stats->denied);
	answer = max(answer, -MAX_ERRNO);
	if (!fanotify_valid_deny_errno(-answer))
		answer = -EPERM;

	if (FAN_GROUP_FLAG(group, FAN_ENABLE_AUDIT))
		fanotify_fastpath_audit_denial(group, iter_info, answer);
	return answer;
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
