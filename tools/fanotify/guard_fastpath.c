// SPDX-License-Identifier: GPL-2.0
/*
 * The fast path of fanfp guard: load the programs, attach them to the groups,
 * hand verdicts to the kernel, and read what was counted.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fdinfo.h"
#include "guard.h"
#include "guard.skel.h"
#include "kernel.h"

#define ANSWER_ALLOW	1	/* FAN_FP_RET_SKIP_EVENT */

static struct guard_bpf *skel;

static int print_log(enum libbpf_print_level level, const char *format,
		     va_list args)
{
	return vfprintf(stderr, format, args);
}

static int check_kernel(void)
{
	if (kernel_has_btf() != KERNEL_HAS) {
		warnx("no /sys/kernel/btf/vmlinux: the kernel was built without CONFIG_DEBUG_INFO_BTF, or sysfs is not mounted");
		return -1;
	}
	if (kernel_has_fastpath() == KERNEL_LACKS) {
		warnx("this kernel has no fanotify fast path: rebuild it with CONFIG_FANOTIFY_FASTPATH=y");
		return -1;
	}
	if (kernel_has_permission() == KERNEL_LACKS) {
		warnx("this kernel's fast path cannot answer permission events: rebuild it with CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y and the whole series");
		return -1;
	}
	if (kernel_has_bpf_lsm() == KERNEL_LACKS) {
		warnx("verdicts are kept in inode storage, which needs the BPF security module: add bpf to lsm= on the kernel's command line");
		return -1;
	}
	return 0;
}

static struct bpf_link *attach(struct bpf_map *map)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(map);

	if (!link && errno == EPERM)
		warnx("not permitted to answer permission events: it needs CAP_SYS_ADMIN in the initial user namespace");
	else if (!link)
		warnx("cannot attach the program: %s; --debug shows libbpf's log",
		      strerror(errno));
	return link;
}

/* Returns 0, or -1 after it has said what is wrong. */
int fastpath_attach(const struct guard *g)
{
	int prog_fd, ret;

	if (check_kernel())
		return -1;

	libbpf_set_print(g->debug ? print_log : NULL);
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

	ret = guard_bpf__load(skel);
	if (ret) {
		if (ret == -EPERM)
			warnx("not permitted to load the programs: it needs CAP_BPF and CAP_PERFMON; run as root");
		else
			warnx("the kernel refuses the programs: %s; --debug shows why",
			      strerror(-ret));
		return -1;
	}

	prog_fd = bpf_program__fd(skel->progs.guard_who_am_i);
	ret = bpf_prog_test_run_opts(prog_fd, NULL);
	if (ret || !skel->bss->own_tgid) {
		warnx("cannot run a BPF program: %s", strerror(-ret));
		return -1;
	}

	skel->links.guard_mmap = bpf_program__attach(skel->progs.guard_mmap);
	if (!skel->links.guard_mmap) {
		warn("cannot attach to the security module's mmap_file");
		return -1;
	}

	/* Changes are counted before the first verdict is used. */
	skel->links.changes_ops = attach(skel->maps.changes_ops);
	if (!skel->links.changes_ops)
		return -1;
	skel->links.guard_ops = attach(skel->maps.guard_ops);
	return skel->links.guard_ops ? 0 : -1;
}

/* Report EPOLLHUP when somebody has detached a program. */
int fastpath_link_fd(unsigned int i)
{
	if (!skel)
		return -1;
	return bpf_link__fd(i ? skel->links.changes_ops
			      : skel->links.guard_ops);
}

/* To be called before a scan begins. Returns false if fd is of no use. */
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

/* From now on the kernel answers. Returns 0, or -errno. */
int fastpath_keep(int fd, const struct guard_sample *sample, bool deny)
{
	struct guard_verdict verdict = sample->as;

	if (!skel)
		return -ENOLINK;
	verdict.deny = deny;
	return bpf_map__update_elem(skel->maps.verdicts, &fd, sizeof(fd),
				    &verdict, sizeof(verdict), BPF_ANY);
}

static void read_counts(struct guard_counts *sum)
{
	int cpu, nr = libbpf_num_possible_cpus();
	struct guard_counts *all;
	const __u64 *from;
	__u64 *to = (__u64 *)sum;
	__u32 first = 0;
	size_t i;

	all = nr > 0 ? calloc(nr, sizeof(*all)) : NULL;
	if (!all || bpf_map__lookup_elem(skel->maps.counts, &first,
					 sizeof(first), all,
					 nr * sizeof(*all), 0)) {
		warn("cannot read the counters");
		nr = 0;
	}
	for (cpu = 0; cpu < nr; cpu++) {
		from = (const __u64 *)&all[cpu];
		for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
			to[i] += from[i];
	}
	free(all);
}

void fastpath_read(const struct guard *g, struct guard_totals *t)
{
	struct group_info info;

	memset(t, 0, sizeof(*t));
	if (!skel)
		return;
	read_counts(&t->counts);
	if (!group_info_read(getpid(), g->group_fd, &info))
		t->expired = info.expired;
}

void fastpath_detach(void)
{
	guard_bpf__destroy(skel);
	skel = NULL;
}
