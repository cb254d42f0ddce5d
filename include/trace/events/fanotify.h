/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM fanotify

#if !defined(_TRACE_FANOTIFY_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_FANOTIFY_H

#include <linux/fanotify_fastpath.h>
#include <linux/fs.h>
#include <linux/tracepoint.h>

#include <trace/misc/fsnotify.h>

TRACE_DEFINE_ENUM(FAN_FP_RET_SEND_TO_USERSPACE);
TRACE_DEFINE_ENUM(FAN_FP_RET_SKIP_EVENT);

/*
 * One answer of a fast path program: @answer is what it returned, before it is
 * checked. The suffixes tell the verifier that BPF programs have to check too.
 */
TRACE_EVENT(fanotify_fastpath,
	TP_PROTO(const struct fanotify_fastpath_ops *ops, u32 mask,
		 const struct inode *inode__nullable,
		 const struct inode *dir__nullable, int answer),

	TP_ARGS(ops, mask, inode__nullable, dir__nullable, answer),

	TP_STRUCT__entry(
		__string(name, ops->name)
		__field(u64, ino)
		__field(u64, dir_ino)
		__field(dev_t, s_dev)
		__field(u32, mask)
		__field(int, answer)
	),

	TP_fast_assign(
		__assign_str(name);
		__entry->ino = inode__nullable ? inode__nullable->i_ino : 0;
		__entry->dir_ino = dir__nullable ? dir__nullable->i_ino : 0;
		__entry->s_dev =
			inode__nullable ? inode__nullable->i_sb->s_dev :
			dir__nullable ? dir__nullable->i_sb->s_dev : 0;
		__entry->mask = mask;
		__entry->answer = answer;
	),

	TP_printk("name=%s dev=%d:%d ino=%llu dir=%llu mask=0x%x %s answer=%d%s",
		  __get_str(name), MAJOR(__entry->s_dev), MINOR(__entry->s_dev),
		  __entry->ino, __entry->dir_ino, __entry->mask,
		  show_fsnotify_mask(__entry->mask), __entry->answer,
		  __entry->answer == FAN_FP_RET_SEND_TO_USERSPACE ? " (send)" :
		  __entry->answer == FAN_FP_RET_SKIP_EVENT ? " (skip)" :
		  __entry->answer < 0 && (__entry->mask &
					  ALL_FSNOTIFY_PERM_EVENTS) ?
		  " (deny)" : " (invalid)")
);

#endif /* _TRACE_FANOTIFY_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
