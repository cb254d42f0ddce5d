// SPDX-License-Identifier: GPL-2.0
/*
 * The fast path of fanfp watch: load the program, attach it to the group, and
 * read what it counted.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/fdinfo.h"
#include "common/kernel.h"
#include "common/load.h"
#include "common/options.h"
#include "watch/watch.h"
#include "watch/watch_bpf.h"
#include "watch/watch.skel.h"

/* Inode number of /proc/self/ns/pid in the initial PID namespace */
#define INITIAL_PIDNS	0xeffffffc

static struct watch_bpf *skel;
static int stats_fd = -1;

/**
 * filter_attach - load the program, and attach it to the group
 * @w:			the watch
 * @has_excludes:	filter_exclude() will be called
 *
 * Return: 0, or -1 after it has said what is wrong.
 */
int filter_attach(const struct watch *w, bool has_excludes)
{
	struct stat st;

	if (load_check_kernel("; --no-fastpath filters in user space, without it"))
		return -1;
	if (has_excludes && kernel_has_bpf_lsm() == KERNEL_LACKS) {
		warnx("--exclude needs the BPF security module: add bpf to lsm= on the kernel's command line, or use --no-fastpath to filter in user space");
		return -1;
	}

	load_show_log(options.debug);
	skel = watch_bpf__open();
	if (!skel) {
		warn("cannot open the program");
		return -1;
	}

	skel->rodata->own_tgid = getpid();
	skel->rodata->has_excludes = has_excludes;
	if (!stat("/proc/self/ns/pid", &st) && st.st_ino != INITIAL_PIDNS) {
		skel->rodata->pidns_dev = st.st_dev;
		skel->rodata->pidns_ino = st.st_ino;
	}
	bpf_map__set_autocreate(skel->maps.policies, has_excludes);
	skel->struct_ops.watch_ops->group_fd = w->group_fd;

	if (load_result(watch_bpf__load(skel), "program"))
		return -1;

	if (w->filter_time) {
		stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
		if (stats_fd < 0)
			warn("cannot measure the filter's time");
	}

	skel->links.watch_ops = load_attach(skel->maps.watch_ops);
	return skel->links.watch_ops ? 0 : -1;
}

/**
 * filter_exclude - a directory is to be a root that excludes
 * @dir_fd:	the directory
 *
 * Return: 0, or -errno.
 */
int filter_exclude(int dir_fd)
{
	__u32 policy = WATCH_EXCLUDE;

	return bpf_map__update_elem(skel->maps.policies, &dir_fd,
				    sizeof(dir_fd), &policy, sizeof(policy),
				    BPF_ANY);
}

/**
 * filter_link_fd - reports EPOLLHUP when somebody has detached the program
 */
int filter_link_fd(void)
{
	return bpf_link__fd(skel->links.watch_ops);
}

/**
 * filter_comm - name that a process had when it last caused an event
 * @pid:	the process
 * @comm:	where to store the name
 * @size:	bytes there
 *
 * Return: false if the program has not noted it.
 */
bool filter_comm(pid_t pid, char *comm, size_t size)
{
	char value[COMM_LEN];
	__u32 key = pid;

	if (!skel || bpf_map__lookup_elem(skel->maps.comms, &key, sizeof(key),
					  value, sizeof(value), 0))
		return false;
	snprintf(comm, size, "%.*s", COMM_LEN, value);
	return true;
}

/**
 * filter_read_counters - what the program has counted; all 0 if there is none
 * @w:		the watch
 * @c:		where to store it
 */
void filter_read_counters(const struct watch *w, struct filter_counters *c)
{
	struct bpf_prog_info prog = {};
	__u32 len = sizeof(prog);
	struct group_info group;

	memset(c, 0, sizeof(*c));
	if (!skel)
		return;

	c->own = skel->bss->own;
	c->undecided = skel->bss->undecided;
	if (!group_info_read(getpid(), w->group_fd, &group)) {
		c->seen = group.seen;
		c->skipped = group.skipped;
		c->sent = group.sent;
		c->invalid = group.invalid;
	}
	if (stats_fd >= 0 &&
	    !bpf_prog_get_info_by_fd(bpf_program__fd(skel->progs.watch_filter),
				     &prog, &len))
		c->run_ns = prog.run_time_ns;
}

/**
 * filter_detach - take the program away
 */
void filter_detach(void)
{
	watch_bpf__destroy(skel);
	skel = NULL;
	if (stats_fd >= 0)
		close(stats_fd);
}
