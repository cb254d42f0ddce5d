/* SPDX-License-Identifier: GPL-2.0 */
/* What the fanotify benchmarks share. */
#ifndef __BENCH_FANOTIFY_H
#define __BENCH_FANOTIFY_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "bench.h"
#include "fanotify_bench.skel.h"

static inline void __noreturn __printf(1, 2) fail(const char *format, ...)
{
	const int error = errno;
	va_list ap;

	fprintf(stderr, "fanotify: ");
	errno = error;
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(1);
}

/* A filesystem of our own, which is gone with the process */
static inline void enter_filesystem(void)
{
	int fs, mnt;

	fs = fsopen("tmpfs", 0);
	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fail("cannot make a tmpfs: %m");
	mnt = fsmount(fs, 0, 0);
	if (mnt < 0 || fchdir(mnt))
		fail("cannot mount the tmpfs: %m");
	close(mnt);
	close(fs);
}

static inline int make_dir(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0755))
		fail("cannot make directory %s: %m", name);
	fd = openat(parent, name, O_DIRECTORY | O_RDONLY);
	if (fd < 0)
		fail("cannot open directory %s: %m", name);
	return fd;
}

/* The programs, of which nothing is loaded that is not asked for */
static inline struct fanotify_bench *open_programs(void)
{
	struct fanotify_bench *skel = fanotify_bench__open();
	struct bpf_map *map;

	if (!skel)
		fail("cannot open the programs");
	/* libbpf forgets the "?" of the section after its first map. */
	bpf_object__for_each_map(map, skel->obj)
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			bpf_map__set_autocreate(map, false);
	return skel;
}

#endif /* __BENCH_FANOTIFY_H */
