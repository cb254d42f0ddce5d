// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: what is inside a subtree of the group, while directories,
 * marks and mounts change.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/sysinfo.h>

#include "fanotify_fastpath_helpers.h"

/*
 * The walk looks at 256 dentries: the object, the directories above it, and the
 * root that it has to get to.
 */
#define DEEP_DECIDED	254
#define DEEP_UNDECIDED	255

static bool attach_subtree(struct fastpath_fixture *f)
{
	return attach(f, f->skel->maps.subtree_ops);
}

/* Directories "in", which is a root, and "out", which is not; @files in them */
static bool start_subtree(struct fastpath_fixture *f, const char *files)
{
	return make_dirs("in out") && make_files(files) &&
	       mark_fs(f, FAN_OPEN) && add_root(f, "in") && attach_subtree(f);
}

static void expect_undecided(struct fastpath_fixture *f, __u64 expected,
			     int status)
{
	ASSERT_EQ(f->skel->bss->undecided, expected, "undecided");
	ASSERT_EQ(f->skel->bss->undecided_status, status, "reason");
	f->skel->bss->undecided = 0;
	f->skel->bss->undecided_status = 0;
}

static void expect_decided(struct fastpath_fixture *f)
{
	expect_undecided(f, 0, 0);
}

static void test_one_root(struct fastpath_fixture *f)
{
	if (!make_dirs("in in/sub out out/in") ||
	    !make_files("in/a in/sub/b out/c out/in/d e") ||
	    !mark_fs(f, FAN_OPEN) || !add_root(f, "in") || !attach_subtree(f))
		return;

	open_files("in/a in/sub/b out/c out/in/d e");
	ASSERT_STREQ(read_events(f), "open:a open:b", "events");
	ASSERT_STREQ(read_counters(f), "seen:5 sent:2 skipped:3 invalid:0",
		     "counters");
	expect_decided(f);
}

/* A directory is inside itself, and its parent is not. */
static void test_root_itself(struct fastpath_fixture *f)
{
	if (!make_dirs("up up/in up/in/sub") ||
	    !mark_fs(f, FAN_OPEN | FAN_ONDIR) ||
	    !mark(f, FAN_MARK_ADD, FAN_OPEN | FAN_ONDIR, "up/in") ||
	    !attach_subtree(f))
		return;

	open_files("up up/in up/in/sub");
	/* A directory is reported as "." in itself. */
	ASSERT_EQ(count_events(f->fan_fd), 2, "in and sub");
	ASSERT_STREQ(read_counters(f), "seen:3 sent:2 skipped:1 invalid:0",
		     "counters");
	open_files("up");
	ASSERT_STREQ(read_events(f), "", "parent");
	open_files("up/in");
	ASSERT_EQ(count_events(f->fan_fd), 1, "root");
}

/* The root of the filesystem as subtree root: everything is inside. */
static void test_whole_filesystem(struct fastpath_fixture *f)
{
	if (!make_dirs("d") || !make_files("a d/b") || !mark_fs(f, FAN_OPEN) ||
	    !add_root(f, ".") || !attach_subtree(f))
		return;

	open_files("a d/b");
	ASSERT_STREQ(read_events(f), "open:a open:b", "events");
}

#define MANY_ROOTS	100

static void test_many_roots(struct fastpath_fixture *f)
{
	char dir[16], file[32];
	int i;

	for (i = 0; i < 2 * MANY_ROOTS; i++) {
		snprintf(dir, sizeof(dir), "d%d", i);
		snprintf(file, sizeof(file), "d%d/f%d", i, i);
		if (!make_dir(dir) || !make_file(file))
			return;
		if (i % 2 && !add_root(f, dir))
			return;
	}
	if (!mark_fs(f, FAN_OPEN) || !attach_subtree(f))
		return;

	for (i = 0; i < 2 * MANY_ROOTS; i++) {
		snprintf(dir, sizeof(dir), i % 2 ? "open:f%d" : "", i);
		snprintf(file, sizeof(file), "d%d/f%d", i, i);
		if (!open_file(file) || !ASSERT_STREQ(read_events(f), dir, file))
			return;
	}
	ASSERT_STREQ(read_counters(f), "seen:200 sent:100 skipped:100 invalid:0",
		     "counters");
}

static bool exclude(struct fastpath_fixture *f, const char *path)
{
	__u32 value = 1;
	bool ok;
	int fd;

	fd = open(path, O_RDONLY | O_DIRECTORY);
	if (!ASSERT_OK_FD(fd, path))
		return false;
	ok = ASSERT_OK(bpf_map__update_elem(f->skel->maps.excluded, &fd,
					    sizeof(fd), &value, sizeof(value),
					    BPF_ANY), "exclude");
	close(fd);
	return ok;
}

/* Include inside exclude inside include: the nearest root decides. */
static void test_nested_roots(struct fastpath_fixture *f)
{
	static const char all[] = "f0 a/f1 a/b/f2 a/b/c/f3 a/b/c/d/f4";

	if (!make_dirs("a a/b a/b/c a/b/c/d") || !make_files(all) ||
	    !exclude(f, "a/b") || !mark_fs(f, FAN_OPEN) || !add_root(f, "a") ||
	    !add_root(f, "a/b") || !add_root(f, "a/b/c") ||
	    !attach(f, f->skel->maps.policy_ops))
		return;

	open_files(all);
	ASSERT_STREQ(read_events(f), "open:f1 open:f3 open:f4", "three roots");

	/* Without its mark, what it was told to exclude does not count. */
	if (!remove_root(f, "a/b"))
		return;
	open_files(all);
	ASSERT_STREQ(read_events(f), "open:f1 open:f2 open:f3 open:f4",
		     "no excluding root");

	if (!add_root(f, "a/b") || !remove_root(f, "a/b/c"))
		return;
	open_files(all);
	ASSERT_STREQ(read_events(f), "open:f1", "no inner root");
	expect_decided(f);
}

static void test_root_added_and_removed(struct fastpath_fixture *f)
{
	if (!make_dirs("in") || !make_files("in/a") || !mark_fs(f, FAN_OPEN) ||
	    !attach_subtree(f))
		return;

	open_files("in/a");
	ASSERT_STREQ(read_events(f), "", "no root");
	if (!add_root(f, "in"))
		return;
	open_files("in/a");
	ASSERT_STREQ(read_events(f), "open:a", "added");
	if (!remove_root(f, "in"))
		return;
	open_files("in/a");
	ASSERT_STREQ(read_events(f), "", "removed");
	if (!add_root(f, "in"))
		return;
	open_files("in/a");
	ASSERT_STREQ(read_events(f), "open:a", "added again");
	ASSERT_OK(fanotify_mark(f->fan_fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL),
		  "flush inode marks");
	open_files("in/a");
	ASSERT_STREQ(read_events(f), "", "flushed");
}

static void test_file_moved(struct fastpath_fixture *f)
{
	if (!start_subtree(f, "out/a in/b"))
		return;

	ASSERT_OK(rename("out/a", "in/a"), "move in");
	open_files("in/a");
	ASSERT_STREQ(read_events(f), "open:a", "moved in");
	ASSERT_OK(rename("in/a", "out/a"), "move out");
	open_files("out/a");
	ASSERT_STREQ(read_events(f), "", "moved out");
	ASSERT_OK(renameat2(AT_FDCWD, "out/a", AT_FDCWD, "in/b",
			    RENAME_EXCHANGE), "exchange");
	open_files("in/b out/a");
	ASSERT_STREQ(read_events(f), "open:b", "exchanged");
}

/* What is below goes with it, files that are open included. */
static void test_directory_moved(struct fastpath_fixture *f)
{
	int fd;

	if (!make_dirs("in out out/d out/d/e") || !make_files("out/d/e/a") ||
	    !mark_fs(f, FAN_OPEN | FAN_MODIFY) || !add_root(f, "in") ||
	    !attach_subtree(f))
		return;

	fd = open("out/d/e/a", O_WRONLY);
	if (!ASSERT_OK_FD(fd, "out/d/e/a"))
		return;
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	ASSERT_STREQ(read_events(f), "", "outside");

	ASSERT_OK(rename("out/d", "in/d"), "move in");
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	open_files("in/d/e/a");
	ASSERT_STREQ(read_events(f), "open|modify:a", "moved in");

	ASSERT_OK(rename("in/d", "out/d"), "move out");
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	open_files("out/d/e/a");
	ASSERT_STREQ(read_events(f), "", "moved out");
	close(fd);
}

static void test_root_renamed(struct fastpath_fixture *f)
{
	if (!start_subtree(f, "in/a out/b"))
		return;

	ASSERT_OK(rename("in", "else"), "rename root");
	open_files("else/a out/b");
	ASSERT_STREQ(read_events(f), "open:a", "renamed");
	ASSERT_OK(rename("else", "out/deep"), "move root");
	open_files("out/deep/a out/b");
	ASSERT_STREQ(read_events(f), "open:a", "moved");

	/* Its old name is nothing special. */
	if (!make_dirs("in") || !make_files("in/c"))
		return;
	read_events(f);
	open_files("in/c");
	ASSERT_STREQ(read_events(f), "", "old name");
}

static void test_root_removed(struct fastpath_fixture *f)
{
	int fd;

	if (!make_dirs("in") || !make_files("in/a") ||
	    !mark_fs(f, FAN_OPEN | FAN_MODIFY) || !add_root(f, "in") ||
	    !attach_subtree(f))
		return;

	fd = open("in/a", O_WRONLY);
	if (!ASSERT_OK_FD(fd, "in/a"))
		return;
	ASSERT_OK(unlink("in/a"), "unlink");
	ASSERT_OK(rmdir("in"), "rmdir");
	read_events(f);
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	ASSERT_STREQ(read_events(f), "modify:a", "open file of removed root");
	close(fd);

	/* The mark went with the directory, not with its name. */
	if (!make_dirs("in") || !make_files("in/b"))
		return;
	ASSERT_STREQ(read_events(f), "", "new directory");
	if (!add_root(f, "in"))
		return;
	open_files("in/b");
	ASSERT_STREQ(read_events(f), "open:b", "new root");
	expect_decided(f);
}

/* The tree counts, not the mount that it is seen through. */
static void test_bind_mount(struct fastpath_fixture *f)
{
	if (!start_subtree(f, "in/a out/b") || !make_dirs("view in/other"))
		return;
	if (!ASSERT_OK(mount("in", "view", NULL, MS_BIND, NULL), "bind in"))
		return;
	if (!ASSERT_OK(mount("out", "in/other", NULL, MS_BIND, NULL),
		       "bind out"))
		goto out;

	open_files("view/a in/other/b");
	ASSERT_STREQ(read_events(f), "open:a", "events");
	ASSERT_OK(umount("in/other"), "umount in/other");
out:
	ASSERT_OK(umount("view"), "umount view");
}

/* The walk ends at the root of its filesystem. */
static void test_inner_mount(struct fastpath_fixture *f)
{
	if (!start_subtree(f, "in/a") || !make_dirs("in/m"))
		return;
	if (!ASSERT_OK(mount("tmpfs", "in/m", "tmpfs", 0, NULL), "mount"))
		return;
	if (!make_files("in/m/b") ||
	    !mark(f, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, "in/m"))
		goto out;

	open_files("in/a in/m/b");
	ASSERT_STREQ(read_events(f), "open:a", "no root of its own");
	if (!add_root(f, "in/m"))
		goto out;
	open_files("in/a in/m/b");
	ASSERT_STREQ(read_events(f), "open:a open:b", "root of its own");
	expect_decided(f);
out:
	ASSERT_OK(umount("in/m"), "umount");
}

/* A file is where the name is that was used. */
static void test_hard_link(struct fastpath_fixture *f)
{
	if (!start_subtree(f, "in/a out/b"))
		return;
	ASSERT_OK(link("in/a", "out/a2"), "link out");
	ASSERT_OK(link("out/b", "in/b2"), "link in");

	open_files("in/a out/a2");
	ASSERT_STREQ(read_events(f), "open:a", "link to the outside");
	open_files("in/b2 out/b");
	ASSERT_STREQ(read_events(f), "open:b2", "link to the inside");
}

/* What has no dentry is decided from the directory. */
static void test_dirent_events(struct fastpath_fixture *f)
{
	if (!make_dirs("in out") || !add_root(f, "in") ||
	    !mark_fs(f, FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_RENAME |
			FAN_ONDIR) ||
	    !attach_subtree(f))
		return;

	make_files("in/a in/b out/c out/d");
	make_dirs("in/e out/f");
	ASSERT_STREQ(read_events(f), "create:a create:b create|dir:e", "create");
	ASSERT_OK(link("out/c", "in/l"), "link in");
	ASSERT_OK(link("in/a", "out/l"), "link out");
	ASSERT_STREQ(read_events(f), "create:l", "link");

	ASSERT_OK(unlink("in/l"), "unlink in/l");
	ASSERT_OK(unlink("out/l"), "unlink out/l");
	ASSERT_OK(rmdir("in/e"), "rmdir in/e");
	ASSERT_OK(rmdir("out/f"), "rmdir out/f");
	ASSERT_STREQ(read_events(f), "delete:l delete|dir:e", "delete");

	ASSERT_OK(rename("in/a", "in/a2"), "rename inside");
	ASSERT_STREQ(read_events(f), "rename:a>a2 moved_from:a moved_to:a2",
		     "inside");
	ASSERT_OK(rename("out/c", "out/c2"), "rename outside");
	ASSERT_STREQ(read_events(f), "", "outside");
	ASSERT_OK(rename("in/b", "out/b"), "rename out");
	ASSERT_STREQ(read_events(f), "rename:b>b moved_from:b", "out");
	ASSERT_OK(rename("out/d", "in/d"), "rename in");
	ASSERT_STREQ(read_events(f), "rename:d>d moved_to:d", "in");
	expect_decided(f);
}

/*
 * An event about a name is where the name was. A root's own name is outside, so
 * that its mark has to ask for what happens to the directory itself.
 */
static void test_root_as_a_name(struct fastpath_fixture *f)
{
	if (!make_dirs("in out") || !mark_fs(f, FAN_DELETE | FAN_ONDIR) ||
	    !mark(f, FAN_MARK_ADD, FAN_DELETE_SELF | FAN_ONDIR, "in") ||
	    !attach_subtree(f))
		return;

	ASSERT_OK(rmdir("out"), "rmdir");
	ASSERT_STREQ(read_events(f), "", "other directory");
	ASSERT_OK(rmdir("in"), "rmdir");
	ASSERT_STREQ(read_events(f), "delete_self|dir:.", "root");
	expect_undecided(f, 1, -ENOENT);
}

/* Nobody knows where these happened: they are undecided, and sent. */
static void test_self_events(struct fastpath_fixture *f)
{
	if (!make_dirs("in out") || !make_files("in/a out/b") ||
	    !mark_fs(f, FAN_MOVE_SELF | FAN_DELETE_SELF) || !add_root(f, "in") ||
	    !attach_subtree(f))
		return;

	ASSERT_OK(rename("out/b", "out/b2"), "rename");
	ASSERT_EQ(count_events(f->fan_fd), 1, "move_self outside");
	expect_undecided(f, 1, -ENOENT);
	ASSERT_OK(unlink("out/b2"), "unlink");
	ASSERT_EQ(count_events(f->fan_fd), 1, "delete_self outside");
	expect_undecided(f, 1, -ENOENT);
	ASSERT_OK(rename("in/a", "in/a2"), "rename");
	ASSERT_EQ(count_events(f->fan_fd), 1, "move_self inside");
	ASSERT_OK(unlink("in/a2"), "unlink");
	ASSERT_EQ(count_events(f->fan_fd), 1, "delete_self inside");
	expect_undecided(f, 2, -ENOENT);
}

static void check_tmpfile(struct fastpath_fixture *f, const char *dir,
			  const char *link, const char *opened,
			  const char *modified, const char *linked)
{
	char path[64];
	int fd;

	fd = open(dir, O_TMPFILE | O_WRONLY, 0600);
	if (!ASSERT_OK_FD(fd, dir))
		return;
	ASSERT_STREQ(read_events(f), opened, "open");
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	ASSERT_STREQ(read_events(f), modified, "write");

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_OK(linkat(AT_FDCWD, path, AT_FDCWD, link, AT_SYMLINK_FOLLOW),
		  link);
	open_files(link);
	ASSERT_STREQ(read_events(f), linked, "open link");
	expect_decided(f);
	ASSERT_EQ(write(fd, "x", 1), 1, "write again");
	ASSERT_STREQ(read_events(f), "modify:#", "write after link");
	expect_undecided(f, 1, -ESTALE);
	close(fd);
}

/*
 * An O_TMPFILE file is in the directory that it was asked for in, until it has a
 * name: that may be elsewhere.
 */
static void test_tmpfile(struct fastpath_fixture *f)
{
	if (!make_dirs("in out") || !mark_fs(f, FAN_OPEN | FAN_MODIFY) ||
	    !add_root(f, "in") || !attach_subtree(f))
		return;

	check_tmpfile(f, "in", "in/a", "open:#", "modify:#", "open:a");
	check_tmpfile(f, "out", "out/b", "", "", "");
	check_tmpfile(f, "out", "in/c", "", "", "open:c");
}

static void check_unlinked(struct fastpath_fixture *f, const char *path,
			   const char *modified)
{
	int fd;

	fd = open(path, O_WRONLY);
	if (!ASSERT_OK_FD(fd, path))
		return;
	ASSERT_OK(unlink(path), path);
	read_events(f);
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	ASSERT_STREQ(read_events(f), modified, path);
	close(fd);
}

/* A file that is open stays where it was unlinked, if that was its last name. */
static void test_unlinked(struct fastpath_fixture *f)
{
	if (!make_dirs("in out") || !make_files("in/a out/b") ||
	    !mark_fs(f, FAN_OPEN | FAN_MODIFY) || !add_root(f, "in") ||
	    !attach_subtree(f))
		return;

	check_unlinked(f, "in/a", "modify:a");
	check_unlinked(f, "out/b", "");
	expect_decided(f);

	/* As long as it has other names, it may be there. */
	if (!make_files("in/c out/d"))
		return;
	ASSERT_OK(link("in/c", "out/c2"), "link out");
	ASSERT_OK(link("out/d", "in/d2"), "link in");
	check_unlinked(f, "out/c2", "modify:c2");
	expect_undecided(f, 1, -ESTALE);
	check_unlinked(f, "in/d2", "modify:d2");
	expect_undecided(f, 1, -ESTALE);
}

static void write_file(const char *path)
{
	int fd;

	fd = open(path, O_WRONLY);
	if (!ASSERT_OK_FD(fd, path))
		return;
	ASSERT_EQ(write(fd, "x", 1), 1, path);
	close(fd);
}

/* The merged tree is a filesystem of its own, before and after copy-up. */
static void test_overlayfs(struct fastpath_fixture *f)
{
	if (!make_dirs("lower upper work merged lower/in lower/out upper/in") ||
	    !make_files("lower/in/a lower/out/b upper/in/c"))
		return;
	if (!ASSERT_OK(mount("overlay", "merged", "overlay", 0,
			     "lowerdir=lower,upperdir=upper,workdir=work"),
		       "mount overlay"))
		return;
	if (!mark(f, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, "merged") ||
	    !add_root(f, "merged/in") || !attach_subtree(f))
		goto out;

	open_files("merged/in/a merged/in/c merged/out/b");
	ASSERT_STREQ(read_events(f), "open:a open:c", "lower and upper");

	write_file("merged/in/a");
	write_file("merged/out/b");
	ASSERT_STREQ(read_events(f), "open:a", "copy up");
	open_files("merged/in/a merged/out/b");
	ASSERT_STREQ(read_events(f), "open:a", "copied up");
	ASSERT_OK(rename("merged/out/b", "merged/in/b"), "move in");
	open_files("merged/in/b");
	ASSERT_STREQ(read_events(f), "open:b", "moved in");

	/* Below it, nothing is a root and nothing was asked for. */
	open_files("upper/in/a");
	ASSERT_STREQ(read_events(f), "", "upper directory");
	expect_decided(f);
out:
	ASSERT_OK(umount("merged"), "umount overlay");
}

static bool make_file_at(int dir, const char *name)
{
	int fd;

	fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (!ASSERT_OK_FD(fd, name))
		return false;
	close(fd);
	return true;
}

static int open_dir(const char *path)
{
	int fd;

	fd = open(path, O_PATH | O_DIRECTORY);
	ASSERT_OK_FD(fd, path);
	return fd;
}

/* Make @depth directories below @top and open the last. */
static int make_deep(const char *top, int depth)
{
	int dir, next, i;

	dir = open_dir(top);
	for (i = 0; dir >= 0 && i < depth; i++) {
		next = -1;
		if (!mkdirat(dir, "d", 0755))
			next = openat(dir, "d", O_PATH | O_DIRECTORY);
		close(dir);
		dir = next;
	}
	ASSERT_OK_FD(dir, "deep directory");
	return dir;
}

static void open_at(int dir, const char *name)
{
	int fd;

	fd = openat(dir, name, O_RDONLY);
	if (ASSERT_OK_FD(fd, name))
		close(fd);
}

/* Too deep to tell: undecided and sent, inside and outside. */
static void test_deep_tree(struct fastpath_fixture *f)
{
	int in = -1, out = -1, deep_in = -1, deep_out = -1;

	if (!make_dirs("in out deep_in deep_out"))
		return;
	in = make_deep("in", DEEP_DECIDED);
	/* Outside, one more: the root of the filesystem */
	out = make_deep("out", DEEP_DECIDED - 1);
	deep_in = make_deep("deep_in", DEEP_UNDECIDED);
	deep_out = make_deep("deep_out", DEEP_UNDECIDED - 1);
	if (in < 0 || out < 0 || deep_in < 0 || deep_out < 0)
		goto out;
	if (!make_file_at(in, "a") || !make_file_at(out, "b") ||
	    !make_file_at(deep_in, "c") || !make_file_at(deep_out, "d"))
		goto out;
	if (!mark_fs(f, FAN_OPEN) || !add_root(f, "in") ||
	    !add_root(f, "deep_in") || !attach_subtree(f))
		goto out;

	open_at(in, "a");
	open_at(out, "b");
	ASSERT_STREQ(read_events(f), "open:a", "decided");
	expect_decided(f);

	open_at(deep_in, "c");
	open_at(deep_out, "d");
	ASSERT_STREQ(read_events(f), "open:c open:d", "undecided");
	expect_undecided(f, 2, -E2BIG);

	/* The way to the nearest root is what counts. */
	if (!ASSERT_OK(fanotify_mark(f->fan_fd, FAN_MARK_ADD, FAN_OPEN, deep_in,
				     "."), "mark deep directory"))
		goto out;
	open_at(deep_in, "c");
	ASSERT_STREQ(read_events(f), "open:c", "near root");
	expect_decided(f);
out:
	close(deep_out);
	close(deep_in);
	close(out);
	close(in);
}

/* A file that was opened by its handle alone has no parents to ask. */
static void test_disconnected(struct fastpath_fixture *f)
{
	struct {
		struct file_handle fh;
		unsigned char bytes[MAX_HANDLE_SZ];
	} handle = { .fh.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, mount_fd, fd;

	if (!make_dirs("in") || !make_files("in/a") ||
	    !ASSERT_OK(name_to_handle_at(AT_FDCWD, "in/a", &handle.fh,
					 &mount_id, 0), "name_to_handle_at"))
		return;

	/* The file is not in the dentry cache of a new mount. */
	unmount_fs(f);
	if (f->mounted || !mount_image(f) || !mark_fs(f, FAN_OPEN) ||
	    !add_root(f, "in") || !attach_subtree(f))
		return;
	mount_fd = open(".", O_RDONLY | O_DIRECTORY);
	if (!ASSERT_OK_FD(mount_fd, "mount"))
		return;
	fd = open_by_handle_at(mount_fd, &handle.fh, O_RDONLY);
	if (ASSERT_OK_FD(fd, "open_by_handle_at"))
		close(fd);
	close(mount_fd);
	ASSERT_STREQ(read_events(f), "open:-", "events");
	expect_undecided(f, 1, -ESTALE);

	/* Its name connects it. */
	open_files("in/a");
	ASSERT_STREQ(read_events(f), "open:-", "events");
	expect_decided(f);
}

/* Evictable marks may vanish any time, so they are not roots. */
static void test_evictable_mark(struct fastpath_fixture *f)
{
	if (!make_dirs("in") || !make_files("in/a") || !mark_fs(f, FAN_OPEN) ||
	    !mark(f, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, "in") ||
	    !attach_subtree(f))
		return;

	open_files("in/a");
	ASSERT_STREQ(read_events(f), "", "evictable");
	if (!add_root(f, "in"))
		return;
	open_files("in/a");
	ASSERT_STREQ(read_events(f), "open:a", "not evictable any more");
}

/* A root need not ask for events, and may ignore some. */
static void test_ignore_mark(struct fastpath_fixture *f)
{
	if (!make_dirs("in") || !make_files("in/a") || !mark_fs(f, FAN_OPEN) ||
	    !mark(f, FAN_MARK_ADD | FAN_MARK_IGNORE_SURV, FAN_ATTRIB, "in") ||
	    !attach_subtree(f))
		return;

	open_files("in/a");
	ASSERT_STREQ(read_events(f), "open:a", "below an ignore mask");
	expect_decided(f);
}

static void test_file_mark(struct fastpath_fixture *f)
{
	if (!start_subtree(f, "in/a out/b") ||
	    !mark(f, FAN_MARK_ADD, FAN_OPEN, "out/b"))
		return;

	open_files("in/a out/b");
	ASSERT_STREQ(read_events(f), "open:a", "a file is not a root");
}

static void test_mark_of_other_group(struct fastpath_fixture *f)
{
	int fan_fd;

	fan_fd = new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(fan_fd, "second group"))
		return;
	if (!start_subtree(f, "in/a out/b") ||
	    !ASSERT_OK(fanotify_mark(fan_fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD,
				     "out"), "second mark") ||
	    !ASSERT_OK(fanotify_mark(fan_fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD,
				     "in"), "second mark"))
		goto out;

	open_files("in/a out/b");
	ASSERT_STREQ(read_events(f), "open:a", "events");
out:
	close(fan_fd);
}

/* Nothing that the group or its program holds keeps the filesystem busy. */
static void test_unmount(struct fastpath_fixture *f)
{
	if (!make_dirs("in in/sub out") || !make_files("in/sub/a out/b") ||
	    !exclude(f, "in/sub") || !mark_fs(f, FAN_OPEN) ||
	    !add_root(f, "in") || !add_root(f, "in/sub") ||
	    !attach(f, f->skel->maps.policy_ops))
		return;

	open_files("in/sub/a out/b");
	ASSERT_STREQ(read_counters(f), "seen:2 sent:0 skipped:2 invalid:0",
		     "counters");
	unmount_fs(f);
	ASSERT_FALSE(f->mounted, "unmounted");
	ASSERT_STREQ(read_counters(f), "seen:2 sent:0 skipped:2 invalid:0",
		     "still attached");
}

#define STORM_FILES	1000
#define STORM_DEPTH	200
#define STORM_PASSES	12
/* With all checks of a debug kernel they take minutes; two tell enough then. */
#define STORM_NS	(20 * 1000000000ULL)

/*
 * A directory x with files moves from the bottom of a deep tree p to q and
 * back. While it is in q, p takes a trip to the other side. Whoever still
 * follows x's old parents then ends on the side where no file has ever been.
 */
struct storm {
	pthread_t thread;
	bool running;
	bool stop;
	int err;
	int rounds;
	/* home of p and q, bottom of p, q, and where p goes */
	int home, bottom, q, elsewhere;
	/* x */
	int files;
};

static bool move_storm(struct storm *storm)
{
	return !renameat(storm->bottom, "x", storm->q, "x") &&
	       !renameat(storm->home, "p", storm->elsewhere, "parked") &&
	       !renameat(storm->elsewhere, "parked", storm->home, "p") &&
	       !renameat(storm->q, "x", storm->bottom, "x");
}

/* A rename is a rename: it keeps walks on any filesystem from a decision. */
static bool move_noise(struct storm *storm)
{
	return !renameat(storm->home, "a", storm->home, "b") &&
	       !renameat(storm->home, "b", storm->home, "a");
}

static void *make_storm(void *arg)
{
	struct storm *storm = arg;
	bool ok;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_RELAXED)) {
		ok = storm->bottom >= 0 ? move_storm(storm) : move_noise(storm);
		if (!ok) {
			__atomic_store_n(&storm->err, errno, __ATOMIC_RELAXED);
			break;
		}
		__atomic_fetch_add(&storm->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static bool start_storm(struct storm *storm)
{
	if (!ASSERT_OK(pthread_create(&storm->thread, NULL, make_storm, storm),
		       "pthread_create"))
		return false;
	storm->running = true;
	while (!__atomic_load_n(&storm->rounds, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&storm->err, __ATOMIC_RELAXED))
		sched_yield();
	return true;
}

static void stop_storm(struct storm *storm)
{
	if (!storm->running)
		return;
	__atomic_store_n(&storm->stop, true, __ATOMIC_RELAXED);
	pthread_join(storm->thread, NULL);
	ASSERT_OK(storm->err, "renames");
}

static bool setup_storm(struct storm *storm, const char *side,
			const char *elsewhere)
{
	char path[32], name[32];
	int i;

	storm->home = open_dir(side);
	snprintf(path, sizeof(path), "%s/q", side);
	if (!make_dir(path))
		return false;
	storm->q = open_dir(path);
	snprintf(path, sizeof(path), "%s/p", side);
	if (!make_dir(path))
		return false;
	storm->bottom = make_deep(path, STORM_DEPTH);
	storm->elsewhere = open_dir(elsewhere);
	if (!ASSERT_OK(mkdirat(storm->bottom, "x", 0755), "x"))
		return false;
	storm->files = openat(storm->bottom, "x", O_PATH | O_DIRECTORY);
	for (i = 0; i < STORM_FILES; i++) {
		snprintf(name, sizeof(name), "%s%d", side, i);
		if (!make_file_at(storm->files, name))
			return false;
	}
	return true;
}

static void teardown_storm(struct storm *storm)
{
	close(storm->files);
	close(storm->elsewhere);
	close(storm->q);
	close(storm->bottom);
	close(storm->home);
}

struct storm_events {
	int in[STORM_FILES];
	int out;
};

static void count_storm_event(const struct fastpath_event *event, void *ctx)
{
	struct storm_events *events = ctx;
	int i;

	if (event->name && sscanf(event->name, "in%d", &i) == 1 &&
	    i < STORM_FILES)
		events->in[i]++;
	else
		events->out++;
}

/* Open each file once. Nothing inside is lost, the rest was undecided. */
static bool open_in_storm(struct fastpath_fixture *f, struct storm *in,
			  struct storm *out, struct storm_events *events)
{
	int fd, i, wrong = 0, failed = 0;
	__u64 undecided;
	char name[16];

	memset(events, 0, sizeof(*events));
	undecided = f->skel->bss->undecided;
	for (i = 0; i < STORM_FILES; i++) {
		snprintf(name, sizeof(name), "in%d", i);
		fd = openat(in->files, name, O_RDONLY);
		failed += fd < 0;
		close(fd);
		snprintf(name, sizeof(name), "out%d", i);
		fd = openat(out->files, name, O_RDONLY);
		failed += fd < 0;
		close(fd);
	}
	undecided = f->skel->bss->undecided - undecided;

	drain_events(f->fan_fd, count_storm_event, events);
	for (i = 0; i < STORM_FILES; i++)
		wrong += events->in[i] != 1;
	return ASSERT_EQ(failed, 0, "opens") &&
	       ASSERT_EQ(wrong, 0, "files inside without their event") &&
	       ASSERT_LE(events->out, undecided, "events outside");
}

static void test_rename_storm(struct fastpath_fixture *f)
{
	static const struct storm none = {
		.home = -1, .bottom = -1, .q = -1, .elsewhere = -1, .files = -1,
	};
	struct storm in = none, out = none, noise = none;
	static struct storm_events events;
	__u64 end;
	int i = 0;

	if (!make_dirs("in out noise") ||
	    !ASSERT_OK(mount("tmpfs", "noise", "tmpfs", 0, NULL), "mount"))
		return;
	noise.home = open_dir("noise");
	if (!make_file_at(noise.home, "a") || !setup_storm(&in, "in", "out") ||
	    !setup_storm(&out, "out", "in"))
		goto out;
	if (!mark_fs(f, FAN_OPEN) || !add_root(f, "in") || !attach_subtree(f))
		goto out;

	if (start_storm(&in) && start_storm(&out) && start_storm(&noise)) {
		end = get_time_ns() + STORM_NS;
		for (i = 0; i < STORM_PASSES; i++) {
			if (i >= 2 && f->skel->bss->undecided &&
			    get_time_ns() > end)
				break;
			if (!open_in_storm(f, &in, &out, &events))
				break;
		}
	}
	stop_storm(&noise);
	stop_storm(&out);
	stop_storm(&in);
	printf("%s: %d passes, %d+%d+%d rounds, %llu undecided\n", f->fs, i,
	       in.rounds, out.rounds, noise.rounds,
	       (unsigned long long)f->skel->bss->undecided);
	/* On one CPU a rename and a walk need not meet. */
	if (get_nprocs() > 1)
		ASSERT_GT(f->skel->bss->undecided, 0, "storm and walks met");
out:
	teardown_storm(&out);
	teardown_storm(&in);
	teardown_storm(&noise);
	ASSERT_OK(umount("noise"), "umount");
}

static const struct fastpath_subtest subtests[] = {
	{ "one_root", test_one_root, NULL, FASTPATH_FLAGS },
	{ "root_itself", test_root_itself, NULL, FASTPATH_FLAGS },
	{ "whole_filesystem", test_whole_filesystem, NULL, FASTPATH_FLAGS },
	{ "many_roots", test_many_roots, NULL, FASTPATH_FLAGS },
	{ "nested_roots", test_nested_roots, NULL, FASTPATH_FLAGS },
	{ "root_added_and_removed", test_root_added_and_removed, NULL,
	  FASTPATH_FLAGS },
	{ "file_moved", test_file_moved, NULL, FASTPATH_FLAGS },
	{ "directory_moved", test_directory_moved, NULL, FASTPATH_FLAGS },
	{ "root_renamed", test_root_renamed, NULL, FASTPATH_FLAGS },
	{ "root_removed", test_root_removed, NULL, FASTPATH_FLAGS },
	{ "root_as_a_name", test_root_as_a_name, NULL, FASTPATH_FLAGS },
	{ "bind_mount", test_bind_mount, NULL, FASTPATH_FLAGS },
	{ "inner_mount", test_inner_mount, NULL, FASTPATH_FLAGS },
	{ "hard_link", test_hard_link, NULL, FASTPATH_FLAGS },
	{ "dirent_events", test_dirent_events, NULL, FASTPATH_FLAGS },
	{ "self_events", test_self_events, NULL, FAN_REPORT_FID },
	{ "tmpfile", test_tmpfile, NULL, FASTPATH_FLAGS },
	{ "unlinked", test_unlinked, NULL, FASTPATH_FLAGS },
	{ "overlayfs", test_overlayfs, NULL, 0 },
	{ "deep_tree", test_deep_tree, NULL, FASTPATH_FLAGS },
	{ "disconnected", test_disconnected, "ext4", FAN_REPORT_FID },
	{ "evictable_mark", test_evictable_mark, NULL, FASTPATH_FLAGS },
	{ "ignore_mark", test_ignore_mark, NULL, FASTPATH_FLAGS },
	{ "file_mark", test_file_mark, NULL, FASTPATH_FLAGS },
	{ "mark_of_other_group", test_mark_of_other_group, NULL,
	  FASTPATH_FLAGS },
	{ "unmount", test_unmount, NULL, FASTPATH_FLAGS },
	{ "rename_storm", test_rename_storm, NULL, FASTPATH_FLAGS },
};

/* Serial: a rename anywhere, by another test, makes walks undecided. */
void serial_test_fanotify_fastpath_subtree(void)
{
	run_subtests(subtests, ARRAY_SIZE(subtests));
}
