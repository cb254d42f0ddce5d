// SPDX-License-Identifier: GPL-2.0
/*
 * The filesystems that are stressed, and what is in each:
 *
 *	stable/		a subtree root of the notify worker
 *	  files/	in the pit or in the yard; i* are inside either way
 *	  pit/n/n/...	deep
 *	  yard/		never moved; files are made here, and in files/
 *	outside/	the same with o*, which are outside
 *	permission/	a* d* q* r* w*
 *	storm/		what comes and goes
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress/stress.h"

struct arena arenas[ARENAS_MAX];
int nr_arenas;

#define TOP	"/tmp/fanfp-stress.XXXXXX"

static char top[sizeof(TOP)];

static void run(const char *format, const char *one, const char *two)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), format, one, two);
	if (system(cmd))
		errx(1, "%s failed", cmd);
}

static void make_dir(int dir, const char *path)
{
	if (mkdirat(dir, path, 0755))
		err(1, "mkdir %s", path);
}

static int open_dir(int dir, const char *path)
{
	int fd = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void make_files(int dir, const char *letter)
{
	char name[16];
	int i, fd;

	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%s%d", letter, i);
		fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		if (fd < 0)
			err(1, "%s", name);
		close(fd);
	}
}

/* Returns an errno, or 0. */
int open_at(int dir, const char *letter, int i)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%s%d", letter, i);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Returns the directory of the files. */
static int make_side(struct arena *a, const char *side, const char *letter)
{
	int dir, pit, next, i;

	make_dir(a->root, side);
	dir = open_dir(a->root, side);
	make_dir(dir, "yard");
	make_dir(dir, "pit");
	pit = open_dir(dir, "pit");
	for (i = 0; i < PIT_DEPTH; i++) {
		make_dir(pit, "n");
		next = open_dir(pit, "n");
		close(pit);
		pit = next;
	}
	make_dir(pit, "files");
	next = open_dir(pit, "files");
	make_files(next, letter);
	close(pit);
	close(dir);
	return next;
}

static void fill(struct arena *a)
{
	a->root = open_dir(AT_FDCWD, a->mnt);
	a->in_files = make_side(a, "stable", "i");
	a->out_files = make_side(a, "outside", "o");
	a->in_yard = open_dir(a->root, "stable/yard");
	a->out_yard = open_dir(a->root, "outside/yard");
	make_dir(a->root, "storm");
	make_dir(a->root, "permission");
	a->perm_files = open_dir(a->root, "permission");
	make_files(a->perm_files, "a");
	make_files(a->perm_files, "d");
	make_files(a->perm_files, "q");
	make_files(a->perm_files, "r");
	make_files(a->perm_files, "w");
}

static struct arena *add(const char *fs)
{
	struct arena *a = &arenas[nr_arenas++];

	a->fs = fs;
	snprintf(a->mnt, sizeof(a->mnt), "%s/%s", top, fs);
	snprintf(a->bind, sizeof(a->bind), "%s/%s-bind", top, fs);
	make_dir(AT_FDCWD, a->mnt);
	make_dir(AT_FDCWD, a->bind);
	return a;
}

static void add_tmpfs(void)
{
	struct arena *a = add("tmpfs");

	if (mount("tmpfs", a->mnt, "tmpfs", 0, NULL))
		err(1, "mount tmpfs");
	fill(a);
}

static void add_image(const char *fs, const char *options)
{
	char image[96], mkfs[64];
	struct arena *a;

	snprintf(mkfs, sizeof(mkfs), "command -v mkfs.%s >/dev/null", fs);
	if (system(mkfs)) {
		printf("skip %s # there is no mkfs.%s\n", fs, fs);
		return;
	}
	a = add(fs);
	snprintf(image, sizeof(image), "%s/%s.image", top, fs);
	run("truncate -s 512M %s", image, NULL);
	snprintf(mkfs, sizeof(mkfs), "mkfs.%s %s", fs, options);
	run("%s %s >/dev/null", mkfs, image);
	run("mount -o loop %s %s", image, a->mnt);
	fill(a);
}

/* Its layers are on a tmpfs that nobody else uses. */
static void add_overlay(void)
{
	struct arena *a = add("overlay");
	char layers[96], options[384];

	snprintf(layers, sizeof(layers), "%s/layers", top);
	make_dir(AT_FDCWD, layers);
	if (mount("tmpfs", layers, "tmpfs", 0, NULL))
		err(1, "mount tmpfs");
	run("mkdir %s/lower %s/upper", layers, layers);
	run("mkdir %s/work", layers, NULL);
	snprintf(options, sizeof(options),
		 "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", layers,
		 layers, layers);
	if (mount("overlay", a->mnt, "overlay", 0, options))
		err(1, "mount overlay");
	fill(a);
}

void arenas_setup(void)
{
	strcpy(top, TOP);
	if (!mkdtemp(top))
		err(1, "%s", top);
	add_tmpfs();
	add_image("ext4", "-q -F");
	add_image("xfs", "-q -f");
	add_overlay();
}

/* Nothing may pin them any more. Returns how many are busy. */
int arenas_teardown(void)
{
	int i, busy = 0;

	for (i = 0; i < nr_arenas; i++) {
		close(arenas[i].root);
		close(arenas[i].in_files);
		close(arenas[i].out_files);
		close(arenas[i].in_yard);
		close(arenas[i].out_yard);
		close(arenas[i].perm_files);
		if (umount(arenas[i].mnt)) {
			printf("# umount %s: %s\n", arenas[i].fs,
			       strerror(errno));
			busy++;
			umount2(arenas[i].mnt, MNT_DETACH);
		}
	}
	run("umount %s/layers && rm -r %s", top, top);
	return busy;
}
