// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that gets short: caches are dropped, and a child in a cgroup of its own
 * uses more than it may have, so that inodes, dentries and evictable marks go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/stress.h"

#define CGROUP	"/sys/fs/cgroup/fanfp-stress"

static bool write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) > 0;
	close(fd);
	return ok;
}

static bool make_cgroup(void)
{
	return write_to("/sys/fs/cgroup/cgroup.subtree_control", "+memory") &&
	       (!mkdir(CGROUP, 0755) || errno == EEXIST) &&
	       write_to(CGROUP "/memory.max", "24M");
}

/* Makes inodes and dentries, and touches pages; the kernel may kill it. */
static void use_memory(void)
{
	struct arena *a = &arenas[rnd(nr_arenas)];
	size_t size = (8 + rnd(24)) << 20;
	char path[48], *mem;
	int i, fd;

	for (i = 0; i < 200 && running(); i++) {
		snprintf(path, sizeof(path), "storm/m%d", i);
		fd = openat(a->root, path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
		if (fd >= 0)
			close(fd);
		unlinkat(a->root, path, 0);
	}
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem != MAP_FAILED)
		memset(mem, 1, size);
}

static void use_cgroup(void)
{
	int status;
	pid_t pid;

	op("memory cgroup", 0);
	pid = spawn();
	if (!pid) {
		if (!write_to(CGROUP "/cgroup.procs", "0"))
			fail(CGROUP "/cgroup.procs: %s", strerror(errno));
		use_memory();
		_exit(0);
	}
	status = reap(pid, "child without memory");
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(1);	/* It has said why. */
	self->faults += WIFSIGNALED(status);
}

void memory_worker(struct arena *a)
{
	bool has_cgroup = make_cgroup();

	if (!has_cgroup)
		missing("no cgroup with a limit: " CGROUP ": %s",
			strerror(errno));
	ready();
	while (running()) {
		if (has_cgroup && rnd(2)) {
			use_cgroup();
		} else {
			op("drop caches", 0);
			if (!write_to("/proc/sys/vm/drop_caches", rnd(2) ? "2" : "3"))
				fail("drop_caches: %s", strerror(errno));
		}
		usleep(rnd(200000));
	}
	rmdir(CGROUP);
}
