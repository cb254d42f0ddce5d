// SPDX-License-Identifier: GPL-2.0
/*
 * The fast path of fanfp guard: load the programs, attach them to the groups,
 * hand verdicts to the kernel, and read what was counted.
 */
#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/fdinfo.h"
#include "common/load.h"
#include "common/options.h"
#include "guard/guard.h"
#include "guard/guard.skel.h"

#define ANSWER_ALLOW	1	/* FAN_FP_RET_SKIP_EVENT */

static struct guard_bpf *skel;

/**
 * fastpath_attach - load the programs, and attach them to the groups
 * @g:		the guard
 *
 * Return: 0, or -1 after it has said what is wrong.
 */
int fastpath_attach(const struct guard *g)
{
	if (load_check_permission("verdicts"))
		return -1;

	load_show_log(options.debug);
	skel = guard_bpf__open();
	if (!skel) {
		warn("cannot open the programs");
		return -1;
	}

	skel->rodata->max_pending = g->max_pending;
	skel->rodata->stuck_deny = g->stuck_deny;
	skel->rodata->observe = g->observe;
	skel->struct_ops.guard_ops->group_fd = g->group_fd;
	skel->struct_ops.changes_ops->group_fd = g->changes_fd;
	if (g->timeout_ms) {
		skel->struct_ops.guard_ops->answer_timeout_ms = g->timeout_ms;
		skel->struct_ops.guard_ops->timeout_answer =
			g->stuck_deny && !g->observe ? -EPERM : ANSWER_ALLOW;
	}

	if (load_result(guard_bpf__load(skel), "programs"))
		return -1;
	if (load_run(skel->progs.guard_who_am_i))
		return -1;

	skel->links.guard_mmap = bpf_program__attach(skel->progs.guard_mmap);
	skel->links.guard_mmap_backing =
		bpf_program__attach(skel->progs.guard_mmap_backing);
	if (!skel->links.guard_mmap || !skel->links.guard_mmap_backing) {
		warn("cannot attach to the security hooks of mmap");
		return -1;
	}

	/* Changes are counted before the first verdict is used. */
	skel->links.changes_ops = load_attach(skel->maps.changes_ops);
	if (!skel->links.changes_ops)
		return -1;
	skel->links.guard_ops = load_attach(skel->maps.guard_ops);
	return skel->links.guard_ops ? 0 : -1;
}

/**
 * fastpath_link_fd - reports EPOLLHUP when somebody has detached a program
 * @i:		0 or 1, there are two
 */
int fastpath_link_fd(unsigned int i)
{
	if (!skel)
		return -1;
	return bpf_link__fd(i ? skel->links.changes_ops
			      : skel->links.guard_ops);
}

/**
 * fastpath_sample - what a file is like, to be called before a scan of it begins
 * @fd:		the file
 * @sample:	where to store it
 *
 * Return: false if fd is of no use.
 */
bool fastpath_sample(int fd, struct guard_sample *sample)
{
	struct guard_seen seen;
	struct stat st;

	memset(sample, 0, sizeof(*sample));
	/* The generation first: what changes after that makes it differ. */
	if (skel && !bpf_map__lookup_elem(skel->maps.seen, &fd, sizeof(fd),
					  &seen, sizeof(seen), 0)) {
		sample->as.gen = seen.gen;
		sample->can_keep = !seen.mapped;
	}
	if (fstat(fd, &st))
		return false;
	sample->dev = st.st_dev;
	sample->ino = st.st_ino;
	sample->as.ctime_sec = st.st_ctim.tv_sec;
	sample->as.ctime_nsec = st.st_ctim.tv_nsec;
	sample->as.size = st.st_size;
	return true;
}

/**
 * fastpath_keep - from now on the kernel answers
 * @fd:		the file
 * @sample:	what it was like before the scan
 * @deny:	what the scan has found
 *
 * Return: 0, or -errno.
 */
int fastpath_keep(int fd, const struct guard_sample *sample, bool deny)
{
	struct guard_verdict verdict = sample->as;

	if (!skel)
		return -ENOLINK;
	verdict.deny = deny;
	return bpf_map__update_elem(skel->maps.verdicts, &fd, sizeof(fd),
				    &verdict, sizeof(verdict), BPF_ANY);
}

/**
 * fastpath_read - what the programs have counted
 * @g:		the guard
 * @t:		where to store it
 */
void fastpath_read(const struct guard *g, struct guard_totals *t)
{
	struct group_info info;

	memset(t, 0, sizeof(*t));
	counts_add(skel->maps.counts, &t->counts, sizeof(t->counts));
	if (!group_info_read(getpid(), g->group_fd, &info))
		t->expired = info.expired;
}

/**
 * fastpath_detach - take the programs away, and all verdicts
 */
void fastpath_detach(void)
{
	guard_bpf__destroy(skel);
	skel = NULL;
}
