// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: what a filter gets with each type of event. Every
 * argument that can be NULL is NULL for one of them.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fanotify_fastpath_opener.h"

#define SCRIPT	"#!/bin/true\n"

/*
 * Check what the program got with the last event of type @mask; @ino and @dir
 * are 0, @dentry and @name are "" where it must have been NULL.
 */
static void expect_args(struct fp_fixture *f, __u64 mask, __u64 ino,
			__u64 dir, const char *dentry, const char *name,
			const char *what)
{
	struct event_args *args;

	args = &f->skel->bss->event_args[ffsll(mask) - 1];
	ASSERT_EQ(args->events, 1, what);
	ASSERT_EQ(args->inode, ino, what);
	ASSERT_EQ(args->dir, dir, what);
	ASSERT_STREQ(args->name, name, what);
	ASSERT_EQ(args->has_dentry, !!*dentry, what);
	ASSERT_EQ(args->dentry_inode, *dentry ? ino : 0, what);
	ASSERT_STREQ(args->dentry_name, dentry, what);
	memset(args, 0, sizeof(*args));
}

/* No event of another type came, and none that the kfuncs disagreed about. */
static void expect_no_more_args(struct fp_fixture *f)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(f->skel->bss->event_args); i++) {
		if (1U << i == FAN_ONDIR || 1U << i == FAN_EVENT_ON_CHILD)
			continue;
		if (!ASSERT_EQ(f->skel->bss->event_args[i].events, 0,
			       "other events"))
			printf("event bit %d\n", i);
	}
	ASSERT_HAS_SUBSTR(fp_read_counters(f), "skipped:0 invalid:0",
			  "counters");
}

static void open_access_close(struct fp_fixture *f, __u64 dir,
			      const char *name)
{
	__u64 ino = fp_ino_of("d/a");
	char c = 'c';
	int fd;

	fd = open("d/a", O_RDWR);
	if (!ASSERT_OK_FD(fd, "d/a"))
		return;
	expect_args(f, FAN_OPEN, ino, dir, "a", name, "open");
	ASSERT_EQ(pwrite(fd, &c, 1, 0), 1, "pwrite");
	expect_args(f, FAN_MODIFY, ino, dir, "a", name, "modify");
	ASSERT_EQ(pread(fd, &c, 1, 0), 1, "pread");
	expect_args(f, FAN_ACCESS, ino, dir, "a", name, "access");
	close(fd);
	expect_args(f, FAN_CLOSE_WRITE, ino, dir, "a", name, "close_write");

	fd = open("d/a", O_RDONLY);
	if (!ASSERT_OK_FD(fd, "d/a"))
		return;
	expect_args(f, FAN_OPEN, ino, dir, "a", name, "open");
	close(fd);
	expect_args(f, FAN_CLOSE_NOWRITE, ino, dir, "a", name, "close_nowrite");
}

static void test_fd(struct fp_fixture *f)
{
	if (!fp_make_dirs("d") || !fp_make_files("d/a") ||
	    !fp_write_file("d/s", SCRIPT, 0755) ||
	    !fp_mark_fs(f, FAN_OPEN_EXEC) ||
	    !fp_attach(f, f->skel->maps.args_ops))
		return;

	/* Nobody asks for names, so the parent is not looked up. */
	ASSERT_OK(fp_run(fp_do_exec, "d/s"), "d/s");
	expect_args(f, FAN_OPEN_EXEC, fp_ino_of("d/s"), 0, "s", "",
		    "open_exec");
	ASSERT_STREQ(fp_read_events(f), "open_exec:s", "exec");

	if (!fp_mark_fs(f, FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE))
		return;
	open_access_close(f, 0, "");
	ASSERT_STREQ(fp_read_events(f),
		     "open|access|modify|close_write|close_nowrite:a",
		     "events");

	/* That of a directory that watches for the event is. */
	if (!fp_mark(f, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"))
		return;
	fp_open_files("d/a");
	expect_args(f, FAN_OPEN, fp_ino_of("d/a"), fp_ino_of("d"), "a", "a",
		    "open in watching directory");
	expect_args(f, FAN_CLOSE_NOWRITE, fp_ino_of("d/a"), 0, "a", "",
		    "close in watching directory");
	ASSERT_STREQ(fp_read_events(f), "open|close_nowrite:a", "watching");
	expect_no_more_args(f);
}

static void test_file(struct fp_fixture *f)
{
	__u64 ino, dir;

	if (!fp_make_dirs("d") || !fp_make_files("d/a") ||
	    !fp_write_file("d/s", SCRIPT, 0755) ||
	    !fp_mark_fs(f, FAN_OPEN_EXEC) ||
	    !fp_attach(f, f->skel->maps.args_ops))
		return;

	dir = fp_ino_of("d");
	ASSERT_OK(fp_run(fp_do_exec, "d/s"), "d/s");
	expect_args(f, FAN_OPEN_EXEC, fp_ino_of("d/s"), dir, "s", "s",
		    "open_exec");
	ASSERT_STREQ(fp_read_events(f), "open_exec:s", "exec");

	if (!fp_mark_fs(f, FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE |
			FAN_ATTRIB))
		return;
	open_access_close(f, dir, "a");
	ASSERT_STREQ(fp_read_events(f),
		     "open|access|modify|close_write|close_nowrite:a",
		     "events");

	ino = fp_ino_of("d/a");
	ASSERT_OK(chmod("d/a", 0600), "chmod");
	expect_args(f, FAN_ATTRIB, ino, dir, "a", "a", "attrib");
	ASSERT_OK(truncate("d/a", 0), "truncate");
	expect_args(f, FAN_MODIFY, ino, dir, "a", "a", "truncate");
	ASSERT_STREQ(fp_read_events(f), "modify|attrib:a", "events");

	/* The number of links changes without anyone knowing which. */
	ASSERT_OK(link("d/a", "d/b"), "link");
	expect_args(f, FAN_ATTRIB, ino, 0, "", "", "link count");
	ASSERT_STREQ(fp_read_events(f), "attrib:-", "linked");
	expect_no_more_args(f);
}

static void test_dirent(struct fp_fixture *f)
{
	__u64 ino, sub, d, e;

	if (!fp_make_dirs("d e") ||
	    !fp_mark_fs(f, FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_RENAME |
			FAN_MOVE_SELF | FAN_DELETE_SELF | FAN_ONDIR) ||
	    !fp_attach(f, f->skel->maps.args_ops))
		return;
	d = fp_ino_of("d");
	e = fp_ino_of("e");

	fp_make_files("d/a");
	ino = fp_ino_of("d/a");
	expect_args(f, FAN_CREATE, ino, d, "a", "a", "create");
	fp_make_dirs("d/sub");
	sub = fp_ino_of("d/sub");
	expect_args(f, FAN_CREATE, sub, d, "sub", "sub", "mkdir");
	ASSERT_OK(symlink("a", "d/sym"), "symlink");
	expect_args(f, FAN_CREATE, fp_ino_of("d/sym"), d, "sym", "sym",
		    "symlink");
	ASSERT_OK(link("d/a", "d/l"), "link");
	expect_args(f, FAN_CREATE, ino, d, "", "l", "link");
	ASSERT_STREQ(fp_read_events(f),
		     "create:a create|dir:sub create:sym create:l", "created");

	/* A rename is four events, of which only two have a dentry. */
	ASSERT_OK(rename("d/a", "e/b"), "rename");
	expect_args(f, FAN_RENAME, ino, d, "b", "a", "rename");
	expect_args(f, FAN_MOVED_FROM, ino, d, "", "a", "moved_from");
	expect_args(f, FAN_MOVED_TO, ino, e, "b", "b", "moved_to");
	expect_args(f, FAN_MOVE_SELF, ino, 0, "", "", "move_self");
	ASSERT_OK(rename("d/sub", "e/sub2"), "rename directory");
	expect_args(f, FAN_RENAME, sub, d, "sub2", "sub", "rename");
	expect_args(f, FAN_MOVED_FROM, sub, d, "", "sub", "moved_from");
	expect_args(f, FAN_MOVED_TO, sub, e, "sub2", "sub2", "moved_to");
	expect_args(f, FAN_MOVE_SELF, sub, 0, "", "", "move_self");
	fp_read_events(f);

	ASSERT_OK(unlink("d/l"), "unlink");
	expect_args(f, FAN_DELETE, ino, d, "", "l", "delete");
	ASSERT_OK(unlink("e/b"), "unlink last");
	expect_args(f, FAN_DELETE, ino, e, "", "b", "delete");
	expect_args(f, FAN_DELETE_SELF, ino, 0, "", "", "delete_self");
	ASSERT_OK(rmdir("e/sub2"), "rmdir");
	expect_args(f, FAN_DELETE, sub, e, "", "sub2", "rmdir");
	expect_args(f, FAN_DELETE_SELF, sub, 0, "", "", "delete_self");
	ASSERT_NEQ(fp_count_events(f->fan_fd), 0, "deleted");
	expect_no_more_args(f);
}

/* Told by a worker, without an inode. */
static void test_fs_error(struct fp_fixture *f)
{
	char path[64], dev[PATH_MAX], trigger[PATH_MAX + 64];
	struct stat st;
	ssize_t len;
	int fd;

	if (!fp_mark_fs(f, FAN_FS_ERROR) ||
	    !fp_attach(f, f->skel->maps.args_ops))
		return;

	if (!ASSERT_OK(stat(".", &st), "stat"))
		return;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_dev),
		 minor(st.st_dev));
	len = readlink(path, dev, sizeof(dev) - 1);
	if (!ASSERT_GT(len, 0, path))
		return;
	dev[len] = '\0';
	snprintf(trigger, sizeof(trigger), "/sys/fs/ext4/%s/trigger_fs_error",
		 strrchr(dev, '/') + 1);
	fd = open(trigger, O_WRONLY);
	if (!ASSERT_OK_FD(fd, trigger))
		return;
	ASSERT_EQ(write(fd, "test", 4), 4, "trigger error");
	close(fd);

	if (!fp_wait_readable(f->fan_fd))
		return;
	expect_args(f, FAN_FS_ERROR, 0, 0, "", "", "fs_error");
	ASSERT_STREQ(fp_read_events(f), "fs_error:-", "events");

	expect_no_more_args(f);
}

/* There is no object at all. */
static void test_mount(struct fp_fixture *f)
{
	if (!fp_make_dirs("m") ||
	    !fp_mark(f, FAN_MARK_ADD | FAN_MARK_MNTNS,
		     FAN_MNT_ATTACH | FAN_MNT_DETACH, "/proc/self/ns/mnt") ||
	    !fp_attach(f, f->skel->maps.args_ops))
		return;

	if (!ASSERT_OK(mount("tmpfs", "m", "tmpfs", 0, NULL), "mount"))
		return;
	expect_args(f, FAN_MNT_ATTACH, 0, 0, "", "", "attach");
	ASSERT_STREQ(fp_read_events(f), "mnt_attach:-", "attached");
	ASSERT_OK(umount("m"), "umount");
	expect_args(f, FAN_MNT_DETACH, 0, 0, "", "", "detach");
	ASSERT_STREQ(fp_read_events(f), "mnt_detach:-", "detached");
	expect_no_more_args(f);
}

static const struct fp_subtest subtests[] = {
	{ "fd", test_fd, NULL, 0 },
	{ "file", test_file, NULL, FAN_REPORT_DFID_NAME | FAN_REPORT_FID },
	{ "dirent", test_dirent, NULL, FAN_REPORT_DFID_NAME | FAN_REPORT_FID },
	{ "fs_error", test_fs_error, "ext4", FAN_REPORT_FID },
	{ "mount", test_mount, "tmpfs", FAN_REPORT_MNT },
};

/* Serial: a rename anywhere, by another test, makes walks undecided. */
void serial_test_fanotify_fastpath_args(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
