// SPDX-License-Identifier: GPL-2.0
/*
 * quarantine: what a cgroup writes, a browser or a download service, cannot be
 * executed before somebody has cleared it.
 *
 *	quarantine CGROUP DIR...
 *	setfattr -x security.bpf.quarantine FILE	# as root: clears it
 *
 * It shows how to gather in one kind of BPF program, and to decide in another one:
 * fanotify does not tell whether an open was for writing, an LSM program does not
 * know how to ask user space. Each exec on the filesystems of the directories is
 * answered in the kernel. The listener is woken when a file of the cgroup was
 * written, to make a note that lasts, and if the kernel does not know a file.
 *
 * It is not good for
 *  - code that is not executed but read: a script that is an argument of its
 *    interpreter, a library;
 *  - files that others have opened and handed over to the cgroup, or make as a
 *    copy of one in quarantine;
 *  - stopping root, who can clear files;
 *  - what happens while it does not run.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/signalfd.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/kernel.h"
#include "examples/quarantine_bpf.h"
#include "examples/quarantine.skel.h"

static struct quarantine_bpf *skel;
static int group_fd;
static uint64_t kept;

static bool get_state(int fd, struct quarantine_state *state)
{
	return !bpf_map__lookup_elem(skel->maps.states, &fd, sizeof(fd), state,
				     sizeof(*state), 0);
}

/* A quarantined file was closed by a writer: this outlives the inode. */
static void keep(int fd)
{
	struct quarantine_state state;

	/* Cleared since? */
	if (!get_state(fd, &state) || !is_quarantined(&state))
		return;
	if (fsetxattr(fd, QUARANTINE_XATTR, "1", 1, 0))
		warn("cannot keep that a file is in quarantine");
	else
		kept++;
}

/* The kernel does not know the file: no memory, or one that is not readable */
static void decide(int fd)
{
	struct fanotify_response response = { .fd = fd, .response = FAN_DENY };
	struct quarantine_state state = {};
	char value[8];

	if (fgetxattr(fd, QUARANTINE_XATTR, value, sizeof(value)) >= 0)
		state.marked = true;
	else if (errno != ENODATA && errno != EOPNOTSUPP)
		state.marked = true;

	/* Somebody may have written to it meanwhile. */
	bpf_map__update_elem(skel->maps.states, &fd, sizeof(fd), &state,
			     sizeof(state), BPF_NOEXIST);
	get_state(fd, &state);
	if (!is_quarantined(&state))
		response.response = FAN_ALLOW;
	if (write(group_fd, &response, sizeof(response)) < 0)
		warn("cannot answer");
}

static void read_events(void)
{
	static char buf[4096] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta = (void *)buf;
	ssize_t len = read(group_fd, buf, sizeof(buf));

	if (len < 0 && errno != EAGAIN && errno != EINTR)
		warn("cannot read an event");
	for (; len > 0 && FAN_EVENT_OK(meta, len);
	     meta = FAN_EVENT_NEXT(meta, len)) {
		if (meta->vers != FANOTIFY_METADATA_VERSION)
			errx(1, "events of version %u: this kernel is not the one that quarantine was built for",
			     meta->vers);
		if (meta->fd < 0)
			continue;
		if (meta->mask & FAN_OPEN_EXEC_PERM)
			decide(meta->fd);
		else
			keep(meta->fd);
		close(meta->fd);
	}
}

static void attach(const char *path)
{
	int fd, ret;
	__u32 zero = 0;

	if (kernel_has_btf() != KERNEL_HAS ||
	    kernel_has_fastpath() == KERNEL_LACKS ||
	    kernel_has_permission() == KERNEL_LACKS ||
	    kernel_has_bpf_lsm() == KERNEL_LACKS)
		errx(1, "this kernel cannot do it; 'fanfp check' says what it lacks");

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	skel = quarantine_bpf__open();
	if (!skel)
		err(1, "cannot open the programs");
	skel->struct_ops.quarantine_ops->group_fd = group_fd;
	ret = quarantine_bpf__load(skel);
	if (ret)
		errx(1, "cannot load the programs: %s", strerror(-ret));
	ret = bpf_map__update_elem(skel->maps.cgroup, &zero, sizeof(zero), &fd,
				   sizeof(fd), BPF_ANY);
	if (ret)
		errx(1, "%s: not a cgroup: %s", path, strerror(-ret));
	close(fd);
	ret = quarantine_bpf__attach(skel);
	if (ret)
		errx(1, "cannot attach the programs: %s", strerror(-ret));
}

static void mark(const char *dir)
{
	char value[8];

	if (getxattr(dir, QUARANTINE_XATTR, value, sizeof(value)) < 0 &&
	    errno == EOPNOTSUPP)
		errx(1, "%s: its filesystem has no security attributes, so nothing could be kept",
		     dir);
	if (fanotify_mark(group_fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
			  FAN_OPEN_EXEC_PERM | FAN_CLOSE_WRITE, AT_FDCWD, dir))
		err(1, "%s: cannot mark it", dir);
}

static void guard(int signal_fd)
{
	struct pollfd fds[] = {
		{ .fd = group_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = bpf_link__fd(skel->links.quarantine_ops) },
	};

	while (!fds[1].revents) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (fds[0].revents)
			read_events();
		if (fds[2].revents) {
			warnx("the program was detached: each exec is asked about from now on");
			fds[2].fd = -1;
		}
	}
	/* What was written until now is kept. */
	read_events();
}

int main(int argc, char **argv)
{
	const struct quarantine_counts *counts;
	sigset_t mask;
	int i, signal_fd;

	if (argc < 3) {
		fprintf(stderr, "Usage: quarantine CGROUP DIR...\n");
		return 2;
	}
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal_fd = signalfd(-1, &mask, SFD_CLOEXEC);
	if (signal_fd < 0)
		err(1, "signalfd");

	group_fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK |
				 FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
				 O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	if (group_fd < 0)
		err(1, "fanotify_init");
	attach(argv[1]);
	for (i = 2; i < argc; i++)
		mark(argv[i]);
	printf("guarding\n");
	fflush(stdout);

	guard(signal_fd);

	counts = &skel->bss->counts;
	printf("asked %" PRIu64 "\nallowed %" PRIu64 "\ndenied %" PRIu64
	       "\nwrites %" PRIu64 "\nkept %" PRIu64 "\n",
	       (uint64_t)counts->asked, (uint64_t)counts->allowed,
	       (uint64_t)counts->denied, (uint64_t)counts->writes, kept);
	warnx("interrupted: everything can be executed from now on");
	return 0;
}
