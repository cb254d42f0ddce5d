/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A BPF program per fanotify group that decides, before anything is allocated,
 * which events reach the listener, and answers permission events for it.
 */
#ifndef _LINUX_FANOTIFY_FASTPATH_H
#define _LINUX_FANOTIFY_FASTPATH_H

#include <linux/types.h>
#include <uapi/linux/fanotify.h>

struct bpf_prog;
struct dentry;
struct fanotify_fastpath_attachment;
struct file_range;
struct fsnotify_group;
struct inode;
struct path;
struct qstr;

/* Size of the name of a fast path, with its terminating NUL */
#define FANOTIFY_FASTPATH_NAME_MAX	32

/**
 * struct fanotify_fastpath_stats - answers given for one group, per CPU
 * @sent:	events passed on to the listener; includes @invalid
 * @skipped:	notification events dropped for this group
 * @allowed:	permission events allowed without asking the listener
 * @denied:	permission events denied without asking the listener
 * @invalid:	answers that are not defined for the event
 * @expired:	permission events that the listener did not answer in time
 */
struct fanotify_fastpath_stats {
	u64 sent;
	u64 skipped;
	u64 allowed;
	u64 denied;
	u64 invalid;
	u64 expired;
};

/**
 * struct fanotify_fastpath_ops - fast path of one fanotify group
 * @filter:	decide a notification event; see below
 * @permission:	decide a permission event; see below
 * @name:	what fdinfo, the tracepoint and bpftool show; letters, digits,
 *		'_' and '.', not empty
 * @group_fd:	fanotify file descriptor of the group to attach to, resolved in
 *		the process that creates the link, when it creates it; a link
 *		update keeps the group and ignores this
 * @answer_timeout_ms: how long a task waits for the listener's answer to a
 *		permission event, in milliseconds below INT_MAX; 0 is for ever
 * @timeout_answer: what the task gets when that time is over:
 *		FAN_FP_RET_SKIP_EVENT to allow, or the negative of an errno that
 *		FAN_DENY_ERRNO() takes; 0 if @answer_timeout_ms is 0
 *
 * At least one of @filter and @permission is needed. Events that have no member
 * are handled as without a fast path.
 *
 * @filter is called for each notification event that the marks and ignore masks
 * of @group let through. It returns one of enum fanotify_fastpath_return; any
 * other value is counted and the event is sent. It gets:
 *
 * - ``group``: group whose listener would get the event, never NULL
 * - ``mask``: FAN_* event bits that the listener would get; groups that report
 *   file handles also see FAN_ONDIR and FAN_EVENT_ON_CHILD here. One answer
 *   covers all bits
 * - ``inode``: object of the event; NULL for mount events, for filesystem errors
 *   without an inode, and for a create on filesystems that instantiate the
 *   dentry later
 * - ``dir``: directory that the object is an entry of; for FAN_RENAME the old
 *   one. NULL where the kernel had no need to look up the parent
 * - ``dentry``: dentry of the object, at its new place after a rename; NULL for
 *   FAN_DELETE, FAN_MOVED_FROM, FAN_DELETE_SELF, FAN_MOVE_SELF and all other
 *   events that the kernel reports without one
 * - ``name``: name of the object in ``dir``; NULL without ``dir``, and where no
 *   group wants the name
 *
 * @permission is called for FAN_OPEN_PERM, FAN_OPEN_EXEC_PERM, FAN_ACCESS_PERM
 * and FAN_PRE_ACCESS. It returns FAN_FP_RET_SEND_TO_USERSPACE to ask the
 * listener, FAN_FP_RET_SKIP_EVENT to allow the access without an event (other
 * groups are still asked), or a negative errno to deny it. Errnos that
 * FAN_DENY_ERRNO() does not take become -EPERM; the others can be used in groups
 * of both permission classes. A positive value other than these is counted and
 * the listener is asked. A denial is audited if the group has FAN_ENABLE_AUDIT.
 * It gets ``group``, ``mask`` and
 *
 * - ``path``: what is being accessed, and through which mount
 * - ``dentry``: dentry of ``path``
 * - ``inode``: inode of ``path``
 * - ``range``: for FAN_PRE_ACCESS the bytes that are about to be accessed; NULL
 *   if they are not known, and for all other events
 *
 * How many events the listener has not read yet is in group->q_len, how many
 * tasks wait for its answer in group->fanotify_data.pending.
 *
 * Context: the task that caused the event, or a kworker; fsnotify_mark_srcu is
 * held, and whatever locks the operation holds (i_rwsem, s_writers,
 * namespace_sem, ...). Programs must not sleep. All arguments stay valid for
 * the call only.
 */
struct fanotify_fastpath_ops {
	int (*filter)(struct fsnotify_group *group, u32 mask,
		      struct inode *inode, struct inode *dir,
		      struct dentry *dentry, const struct qstr *name);
	int (*permission)(struct fsnotify_group *group, u32 mask,
			  const struct path *path, struct dentry *dentry,
			  struct inode *inode, const struct file_range *range);

	/* private: NULL if not attached; handed on by a link update */
	struct fanotify_fastpath_stats __percpu *stats;
	struct fanotify_fastpath_attachment *attachment;
	/* private: programs of the members above, set when attached; may be NULL */
	struct bpf_prog *filter_prog;
	struct bpf_prog *permission_prog;

	/* public: */
	char name[FANOTIFY_FASTPATH_NAME_MAX];
	u32 group_fd;
	u32 answer_timeout_ms;
	s32 timeout_answer;
};

#ifdef CONFIG_FANOTIFY_FASTPATH
bool bpf_prog_is_fanotify_permission(const struct bpf_prog *prog);
#else
static inline bool bpf_prog_is_fanotify_permission(const struct bpf_prog *prog)
{
	return false;
}
#endif

#endif /* _LINUX_FANOTIFY_FASTPATH_H */
