// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: whether an event is inside a subtree depends on the name
 * that it is about: one of several, a new one, an old one, or none.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "fanotify_fastpath_subtree.h"

/* A file is where the name is that was used. */
static void test_hard_link(struct fp_fixture *f)
{
	if (!fp_start_subtree(f, "in/a out/b"))
		return;
	ASSERT_OK(link("in/a", "out/a2"), "link out");
	ASSERT_OK(link("out/b", "in/b2"), "link in");

	fp_open_files("in/a out/a2");
	ASSERT_STREQ(fp_read_events(f), "open:a", "link to the outside");
	fp_open_files("in/b2 out/b");
	ASSERT_STREQ(fp_read_events(f), "open:b2", "link to the inside");
}

/* What has no dentry is decided from the directory. */
static void test_dirent_events(struct fp_fixture *f)
{
	if (!fp_make_dirs("in out") || !fp_add_root(f, "in") ||
	    !fp_mark_fs(f, FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_RENAME |
			FAN_ONDIR) ||
	    !fp_attach_subtree(f))
		return;

	fp_make_files("in/a in/b out/c out/d");
	fp_make_dirs("in/e out/f");
	ASSERT_STREQ(fp_read_events(f), "create:a create:b create|dir:e",
		     "create");
	ASSERT_OK(link("out/c", "in/l"), "link in");
	ASSERT_OK(link("in/a", "out/l"), "link out");
	ASSERT_STREQ(fp_read_events(f), "create:l", "link");

	ASSERT_OK(unlink("in/l"), "unlink in/l");
	ASSERT_OK(unlink("out/l"), "unlink out/l");
	ASSERT_OK(rmdir("in/e"), "rmdir in/e");
	ASSERT_OK(rmdir("out/f"), "rmdir out/f");
	ASSERT_STREQ(fp_read_events(f), "delete:l delete|dir:e", "delete");

	ASSERT_OK(rename("in/a", "in/a2"), "rename inside");
	ASSERT_STREQ(fp_read_events(f), "rename:a>a2 moved_from:a moved_to:a2",
		     "inside");
	ASSERT_OK(rename("out/c", "out/c2"), "rename outside");
	ASSERT_STREQ(fp_read_events(f), "", "outside");
	ASSERT_OK(rename("in/b", "out/b"), "rename out");
	ASSERT_STREQ(fp_read_events(f), "rename:b>b moved_from:b", "out");
	ASSERT_OK(rename("out/d", "in/d"), "rename in");
	ASSERT_STREQ(fp_read_events(f), "rename:d>d moved_to:d", "in");
	fp_expect_decided(f);
}

/*
 * An event about a name is where the name was. A root's own name is outside, so
 * that its mark has to ask for what happens to the directory itself.
 */
static void test_root_as_a_name(struct fp_fixture *f)
{
	if (!fp_make_dirs("in out") || !fp_mark_fs(f, FAN_DELETE | FAN_ONDIR) ||
	    !fp_mark(f, FAN_MARK_ADD, FAN_DELETE_SELF | FAN_ONDIR, "in") ||
	    !fp_attach_subtree(f))
		return;

	ASSERT_OK(rmdir("out"), "rmdir");
	ASSERT_STREQ(fp_read_events(f), "", "other directory");
	ASSERT_OK(rmdir("in"), "rmdir");
	ASSERT_STREQ(fp_read_events(f), "delete_self|dir:.", "root");
	fp_expect_undecided(f, 1, -ENOENT);
}

/* Nobody knows where these happened: they are undecided, and sent. */
static void test_self_events(struct fp_fixture *f)
{
	if (!fp_make_dirs("in out") || !fp_make_files("in/a out/b") ||
	    !fp_mark_fs(f, FAN_MOVE_SELF | FAN_DELETE_SELF) ||
	    !fp_add_root(f, "in") ||
	    !fp_attach_subtree(f))
		return;

	ASSERT_OK(rename("out/b", "out/b2"), "rename");
	ASSERT_EQ(fp_count_events(f->fan_fd), 1, "move_self outside");
	fp_expect_undecided(f, 1, -ENOENT);
	ASSERT_OK(unlink("out/b2"), "unlink");
	ASSERT_EQ(fp_count_events(f->fan_fd), 1, "delete_self outside");
	fp_expect_undecided(f, 1, -ENOENT);
	ASSERT_OK(rename("in/a", "in/a2"), "rename");
	ASSERT_EQ(fp_count_events(f->fan_fd), 1, "move_self inside");
	ASSERT_OK(unlink("in/a2"), "unlink");
	ASSERT_EQ(fp_count_events(f->fan_fd), 1, "delete_self inside");
	fp_expect_undecided(f, 2, -ENOENT);
}

static void check_tmpfile(struct fp_fixture *f, const char *dir,
			  const char *link, const char *opened,
			  const char *modified, const char *linked)
{
	char path[64];
	int fd;

	fd = open(dir, O_TMPFILE | O_WRONLY, 0600);
	if (!ASSERT_OK_FD(fd, dir))
		return;
	ASSERT_STREQ(fp_read_events(f), opened, "open");
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	ASSERT_STREQ(fp_read_events(f), modified, "write");

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_OK(linkat(AT_FDCWD, path, AT_FDCWD, link, AT_SYMLINK_FOLLOW),
		  link);
	fp_open_files(link);
	ASSERT_STREQ(fp_read_events(f), linked, "open link");
	fp_expect_decided(f);
	ASSERT_EQ(write(fd, "x", 1), 1, "write again");
	ASSERT_STREQ(fp_read_events(f), "modify:#", "write after link");
	fp_expect_undecided(f, 1, -ESTALE);
	close(fd);
}

/*
 * An O_TMPFILE file is in the directory that it was asked for in, until it has
 * a name: that may be elsewhere.
 */
static void test_tmpfile(struct fp_fixture *f)
{
	if (!fp_make_dirs("in out") || !fp_mark_fs(f, FAN_OPEN | FAN_MODIFY) ||
	    !fp_add_root(f, "in") || !fp_attach_subtree(f))
		return;

	check_tmpfile(f, "in", "in/a", "open:#", "modify:#", "open:a");
	check_tmpfile(f, "out", "out/b", "", "", "");
	check_tmpfile(f, "out", "in/c", "", "", "open:c");
}

static void check_unlinked(struct fp_fixture *f, const char *path,
			   const char *modified)
{
	int fd;

	fd = open(path, O_WRONLY);
	if (!ASSERT_OK_FD(fd, path))
		return;
	ASSERT_OK(unlink(path), path);
	fp_read_events(f);
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	ASSERT_STREQ(fp_read_events(f), modified, path);
	close(fd);
}

/*
 * A file that is open stays where it was unlinked, if that was its last name.
 */
static void test_unlinked(struct fp_fixture *f)
{
	if (!fp_make_dirs("in out") || !fp_make_files("in/a out/b") ||
	    !fp_mark_fs(f, FAN_OPEN | FAN_MODIFY) || !fp_add_root(f, "in") ||
	    !fp_attach_subtree(f))
		return;

	check_unlinked(f, "in/a", "modify:a");
	check_unlinked(f, "out/b", "");
	fp_expect_decided(f);

	/* As long as it has other names, it may be there. */
	if (!fp_make_files("in/c out/d"))
		return;
	ASSERT_OK(link("in/c", "out/c2"), "link out");
	ASSERT_OK(link("out/d", "in/d2"), "link in");
	check_unlinked(f, "out/c2", "modify:c2");
	fp_expect_undecided(f, 1, -ESTALE);
	check_unlinked(f, "in/d2", "modify:d2");
	fp_expect_undecided(f, 1, -ESTALE);
}

/* A file that was opened by its handle alone has no parents to ask. */
static void test_disconnected(struct fp_fixture *f)
{
	struct {
		struct file_handle fh;
		unsigned char bytes[MAX_HANDLE_SZ];
	} handle = { .fh.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, mount_fd, fd;

	if (!fp_make_dirs("in") || !fp_make_files("in/a") ||
	    !ASSERT_OK(name_to_handle_at(AT_FDCWD, "in/a", &handle.fh,
					 &mount_id, 0), "name_to_handle_at"))
		return;

	/* The file is not in the dentry cache of a new mount. */
	fp_unmount_fs(f);
	if (f->mounted || !fp_mount_image(f) || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_add_root(f, "in") || !fp_attach_subtree(f))
		return;
	mount_fd = open(".", O_RDONLY | O_DIRECTORY);
	if (!ASSERT_OK_FD(mount_fd, "mount"))
		return;
	fd = open_by_handle_at(mount_fd, &handle.fh, O_RDONLY);
	if (ASSERT_OK_FD(fd, "open_by_handle_at"))
		close(fd);
	close(mount_fd);
	ASSERT_STREQ(fp_read_events(f), "open:-", "events");
	fp_expect_undecided(f, 1, -ESTALE);

	/* Its name connects it. */
	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "open:-", "events");
	fp_expect_decided(f);
}

static const struct fp_subtest subtests[] = {
	{ "hard_link", test_hard_link, NULL, FASTPATH_FLAGS },
	{ "dirent_events", test_dirent_events, NULL, FASTPATH_FLAGS },
	{ "root_as_a_name", test_root_as_a_name, NULL, FASTPATH_FLAGS },
	{ "self_events", test_self_events, NULL, FAN_REPORT_FID },
	{ "tmpfile", test_tmpfile, NULL, FASTPATH_FLAGS },
	{ "unlinked", test_unlinked, NULL, FASTPATH_FLAGS },
	{ "disconnected", test_disconnected, "ext4", FAN_REPORT_FID },
};

/* Serial: a rename anywhere, by another test, makes walks undecided. */
void serial_test_fanotify_fastpath_subtree_names(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
