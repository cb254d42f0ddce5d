// SPDX-License-Identifier: GPL-2.0
/*
 * Count what the tracepoint fanotify:fanotify_fastpath tells about one inode, and
 * about one process; and how often a program of a fast path returns.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

__u64 watched_ino;
__u32 watched_tgid;
__u64 sent;
__u64 skipped;
__u64 without_dir;
__u64 without_inode;
__u64 in_dir;
__u64 returned;
int last_answer;

SEC("tp_btf/fanotify_fastpath")
int BPF_PROG(trace_decision, const struct fanotify_fastpath_ops *ops,
	     __u32 mask, const struct inode *inode, const struct inode *dir,
	     int answer)
{
	/* NULL for some events, so the verifier must not drop these checks */
	if (!dir) {
		if (bpf_get_current_pid_tgid() >> 32 == watched_tgid)
			__sync_fetch_and_add(&without_dir, 1);
	} else if (dir->i_ino == watched_ino) {
		__sync_fetch_and_add(&in_dir, 1);
	}
	if (!inode) {
		if (bpf_get_current_pid_tgid() >> 32 == watched_tgid)
			__sync_fetch_and_add(&without_inode, 1);
		return 0;
	}
	if (inode->i_ino != watched_ino)
		return 0;
	if (answer == FAN_FP_RET_SKIP_EVENT)
		__sync_fetch_and_add(&skipped, 1);
	else
		__sync_fetch_and_add(&sent, 1);
	last_answer = answer;
	return 0;
}

/* The loader says of which program. */
SEC("?fexit")
int trace_program(void *ctx)
{
	__sync_fetch_and_add(&returned, 1);
	return 0;
}
