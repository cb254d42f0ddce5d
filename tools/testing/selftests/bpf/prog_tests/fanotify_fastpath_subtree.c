// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: which directories are roots of a subtree of the group,
 * and what is inside, in depth and through mounts.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "fanotify_fastpath_subtree.h"

/*
 * The walk looks at 256 dentries: the object, the directories above it, and the
 * root that it has to get to.
 */
#define DEEP_DECIDED	254
#define DEEP_UNDECIDED	255

bool fp_attach_subtree(struct fp_fixture *f)
{
	return fp_attach(f, f->skel->maps.subtree_ops);
}

bool fp_start_subtree(struct fp_fixture *f, const char *files)
{
	return fp_make_dirs("in out") && fp_make_files(files) &&
	       fp_mark_fs(f, FAN_OPEN) && fp_add_root(f, "in") &&
	       fp_attach_subtree(f);
}

void fp_expect_undecided(struct fp_fixture *f, __u64 expected, int status)
{
	ASSERT_EQ(f->skel->bss->undecided, expected, "undecided");
	ASSERT_EQ(f->skel->bss->undecided_status, status, "reason");
	f->skel->bss->undecided = 0;
	f->skel->bss->undecided_status = 0;
}

void fp_expect_decided(struct fp_fixture *f)
{
	fp_expect_undecided(f, 0, 0);
}

bool fp_make_file_at(int dir, const char *name)
{
	int fd;

	fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (!ASSERT_OK_FD(fd, name))
		return false;
	close(fd);
	return true;
}

int fp_open_dir(const char *path)
{
	int fd;

	fd = open(path, O_PATH | O_DIRECTORY);
	ASSERT_OK_FD(fd, path);
	return fd;
}

int fp_make_deep(const char *top, int depth)
{
	int dir, next, i;

	dir = fp_open_dir(top);
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

static void test_one_root(struct fp_fixture *f)
{
	if (!fp_make_dirs("in in/sub out out/in") ||
	    !fp_make_files("in/a in/sub/b out/c out/in/d e") ||
	    !fp_mark_fs(f, FAN_OPEN) || !fp_add_root(f, "in") ||
	    !fp_attach_subtree(f))
		return;

	fp_open_files("in/a in/sub/b out/c out/in/d e");
	ASSERT_STREQ(fp_read_events(f), "open:a open:b", "events");
	ASSERT_STREQ(fp_read_counters(f), "seen:5 sent:2 skipped:3 invalid:0",
		     "counters");
	fp_expect_decided(f);
}

/* A directory is inside itself, and its parent is not. */
static void test_root_itself(struct fp_fixture *f)
{
	if (!fp_make_dirs("up up/in up/in/sub") ||
	    !fp_mark_fs(f, FAN_OPEN | FAN_ONDIR) ||
	    !fp_mark(f, FAN_MARK_ADD, FAN_OPEN | FAN_ONDIR, "up/in") ||
	    !fp_attach_subtree(f))
		return;

	fp_open_files("up up/in up/in/sub");
	/* A directory is reported as "." in itself. */
	ASSERT_EQ(fp_count_events(f->fan_fd), 2, "in and sub");
	ASSERT_STREQ(fp_read_counters(f), "seen:3 sent:2 skipped:1 invalid:0",
		     "counters");
	fp_open_files("up");
	ASSERT_STREQ(fp_read_events(f), "", "parent");
	fp_open_files("up/in");
	ASSERT_EQ(fp_count_events(f->fan_fd), 1, "root");
}

/* The root of the filesystem as subtree root: everything is inside. */
static void test_whole_filesystem(struct fp_fixture *f)
{
	if (!fp_make_dirs("d") || !fp_make_files("a d/b") ||
	    !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_add_root(f, ".") || !fp_attach_subtree(f))
		return;

	fp_open_files("a d/b");
	ASSERT_STREQ(fp_read_events(f), "open:a open:b", "events");
}

#define MANY_ROOTS	100

static void test_many_roots(struct fp_fixture *f)
{
	char dir[16], file[32];
	int i;

	for (i = 0; i < 2 * MANY_ROOTS; i++) {
		snprintf(dir, sizeof(dir), "d%d", i);
		snprintf(file, sizeof(file), "d%d/f%d", i, i);
		if (!fp_make_dir(dir) || !fp_make_file(file))
			return;
		if (i % 2 && !fp_add_root(f, dir))
			return;
	}
	if (!fp_mark_fs(f, FAN_OPEN) || !fp_attach_subtree(f))
		return;

	for (i = 0; i < 2 * MANY_ROOTS; i++) {
		snprintf(dir, sizeof(dir), i % 2 ? "open:f%d" : "", i);
		snprintf(file, sizeof(file), "d%d/f%d", i, i);
		if (!fp_open_file(file) ||
		    !ASSERT_STREQ(fp_read_events(f), dir, file))
			return;
	}
	ASSERT_STREQ(fp_read_counters(f),
		     "seen:200 sent:100 skipped:100 invalid:0",
		     "counters");
}

static bool exclude(struct fp_fixture *f, const char *path)
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
static void test_nested_roots(struct fp_fixture *f)
{
	static const char all[] = "f0 a/f1 a/b/f2 a/b/c/f3 a/b/c/d/f4";

	if (!fp_make_dirs("a a/b a/b/c a/b/c/d") || !fp_make_files(all) ||
	    !exclude(f, "a/b") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_add_root(f, "a") ||
	    !fp_add_root(f, "a/b") || !fp_add_root(f, "a/b/c") ||
	    !fp_attach(f, f->skel->maps.policy_ops))
		return;

	fp_open_files(all);
	ASSERT_STREQ(fp_read_events(f), "open:f1 open:f3 open:f4",
		     "three roots");

	/* Without its mark, what it was told to exclude does not count. */
	if (!fp_remove_root(f, "a/b"))
		return;
	fp_open_files(all);
	ASSERT_STREQ(fp_read_events(f), "open:f1 open:f2 open:f3 open:f4",
		     "no excluding root");

	if (!fp_add_root(f, "a/b") || !fp_remove_root(f, "a/b/c"))
		return;
	fp_open_files(all);
	ASSERT_STREQ(fp_read_events(f), "open:f1", "no inner root");
	fp_expect_decided(f);
}

static void test_root_added_and_removed(struct fp_fixture *f)
{
	if (!fp_make_dirs("in") || !fp_make_files("in/a") ||
	    !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach_subtree(f))
		return;

	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "", "no root");
	if (!fp_add_root(f, "in"))
		return;
	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "added");
	if (!fp_remove_root(f, "in"))
		return;
	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "", "removed");
	if (!fp_add_root(f, "in"))
		return;
	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "added again");
	ASSERT_OK(fanotify_mark(f->fan_fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL),
		  "flush inode marks");
	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "", "flushed");
}

/* Evictable marks may vanish any time, so they are not roots. */
static void test_evictable_mark(struct fp_fixture *f)
{
	if (!fp_make_dirs("in") || !fp_make_files("in/a") ||
	    !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_mark(f, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, "in") ||
	    !fp_attach_subtree(f))
		return;

	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "", "evictable");
	if (!fp_add_root(f, "in"))
		return;
	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "not evictable any more");
}

/* A root need not ask for events, and may ignore some. */
static void test_ignore_mark(struct fp_fixture *f)
{
	if (!fp_make_dirs("in") || !fp_make_files("in/a") ||
	    !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_mark(f, FAN_MARK_ADD | FAN_MARK_IGNORE_SURV, FAN_ATTRIB,
		     "in") ||
	    !fp_attach_subtree(f))
		return;

	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "below an ignore mask");
	fp_expect_decided(f);
}

static void test_file_mark(struct fp_fixture *f)
{
	if (!fp_start_subtree(f, "in/a out/b") ||
	    !fp_mark(f, FAN_MARK_ADD, FAN_OPEN, "out/b"))
		return;

	fp_open_files("in/a out/b");
	ASSERT_STREQ(fp_read_events(f), "open:a", "a file is not a root");
}

static void test_mark_of_other_group(struct fp_fixture *f)
{
	int fan_fd;

	fan_fd = fp_new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(fan_fd, "second group"))
		return;
	if (!fp_start_subtree(f, "in/a out/b") ||
	    !ASSERT_OK(fanotify_mark(fan_fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD,
				     "out"), "second mark") ||
	    !ASSERT_OK(fanotify_mark(fan_fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD,
				     "in"), "second mark"))
		goto out;

	fp_open_files("in/a out/b");
	ASSERT_STREQ(fp_read_events(f), "open:a", "events");
out:
	close(fan_fd);
}

/* The tree counts, not the mount that it is seen through. */
static void test_bind_mount(struct fp_fixture *f)
{
	if (!fp_start_subtree(f, "in/a out/b") ||
	    !fp_make_dirs("view in/other"))
		return;
	if (!ASSERT_OK(mount("in", "view", NULL, MS_BIND, NULL), "bind in"))
		return;
	if (!ASSERT_OK(mount("out", "in/other", NULL, MS_BIND, NULL),
		       "bind out"))
		goto out;

	fp_open_files("view/a in/other/b");
	ASSERT_STREQ(fp_read_events(f), "open:a", "events");
	ASSERT_OK(umount("in/other"), "umount in/other");
out:
	ASSERT_OK(umount("view"), "umount view");
}

/* The walk ends at the root of its filesystem. */
static void test_inner_mount(struct fp_fixture *f)
{
	if (!fp_start_subtree(f, "in/a") || !fp_make_dirs("in/m"))
		return;
	if (!ASSERT_OK(mount("tmpfs", "in/m", "tmpfs", 0, NULL), "mount"))
		return;
	if (!fp_make_files("in/m/b") ||
	    !fp_mark(f, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, "in/m"))
		goto out;

	fp_open_files("in/a in/m/b");
	ASSERT_STREQ(fp_read_events(f), "open:a", "no root of its own");
	if (!fp_add_root(f, "in/m"))
		goto out;
	fp_open_files("in/a in/m/b");
	ASSERT_STREQ(fp_read_events(f), "open:a open:b", "root of its own");
	fp_expect_decided(f);
out:
	ASSERT_OK(umount("in/m"), "umount");
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
static void test_overlayfs(struct fp_fixture *f)
{
	if (!fp_make_dirs("lower upper work merged") ||
	    !fp_make_dirs("lower/in lower/out upper/in") ||
	    !fp_make_files("lower/in/a lower/out/b upper/in/c"))
		return;
	if (!ASSERT_OK(mount("overlay", "merged", "overlay", 0,
			     "lowerdir=lower,upperdir=upper,workdir=work"),
		       "mount overlay"))
		return;
	if (!fp_mark(f, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN,
		     "merged") ||
	    !fp_add_root(f, "merged/in") || !fp_attach_subtree(f))
		goto out;

	fp_open_files("merged/in/a merged/in/c merged/out/b");
	ASSERT_STREQ(fp_read_events(f), "open:a open:c", "lower and upper");

	write_file("merged/in/a");
	write_file("merged/out/b");
	ASSERT_STREQ(fp_read_events(f), "open:a", "copy up");
	fp_open_files("merged/in/a merged/out/b");
	ASSERT_STREQ(fp_read_events(f), "open:a", "copied up");
	ASSERT_OK(rename("merged/out/b", "merged/in/b"), "move in");
	fp_open_files("merged/in/b");
	ASSERT_STREQ(fp_read_events(f), "open:b", "moved in");

	/* Below it, nothing is a root and nothing was asked for. */
	fp_open_files("upper/in/a");
	ASSERT_STREQ(fp_read_events(f), "", "upper directory");
	fp_expect_decided(f);
out:
	ASSERT_OK(umount("merged"), "umount overlay");
}

static void open_at(int dir, const char *name)
{
	int fd;

	fd = openat(dir, name, O_RDONLY);
	if (ASSERT_OK_FD(fd, name))
		close(fd);
}

/* Too deep to tell: undecided and sent, inside and outside. */
static void test_deep_tree(struct fp_fixture *f)
{
	int in = -1, out = -1, deep_in = -1, deep_out = -1;

	if (!fp_make_dirs("in out deep_in deep_out"))
		return;
	in = fp_make_deep("in", DEEP_DECIDED);
	/* Outside, one more: the root of the filesystem */
	out = fp_make_deep("out", DEEP_DECIDED - 1);
	deep_in = fp_make_deep("deep_in", DEEP_UNDECIDED);
	deep_out = fp_make_deep("deep_out", DEEP_UNDECIDED - 1);
	if (in < 0 || out < 0 || deep_in < 0 || deep_out < 0)
		goto out;
	if (!fp_make_file_at(in, "a") || !fp_make_file_at(out, "b") ||
	    !fp_make_file_at(deep_in, "c") || !fp_make_file_at(deep_out, "d"))
		goto out;
	if (!fp_mark_fs(f, FAN_OPEN) || !fp_add_root(f, "in") ||
	    !fp_add_root(f, "deep_in") || !fp_attach_subtree(f))
		goto out;

	open_at(in, "a");
	open_at(out, "b");
	ASSERT_STREQ(fp_read_events(f), "open:a", "decided");
	fp_expect_decided(f);

	open_at(deep_in, "c");
	open_at(deep_out, "d");
	ASSERT_STREQ(fp_read_events(f), "open:c open:d", "undecided");
	fp_expect_undecided(f, 2, -E2BIG);

	/* The way to the nearest root is what counts. */
	if (!ASSERT_OK(fanotify_mark(f->fan_fd, FAN_MARK_ADD, FAN_OPEN, deep_in,
				     "."), "mark deep directory"))
		goto out;
	open_at(deep_in, "c");
	ASSERT_STREQ(fp_read_events(f), "open:c", "near root");
	fp_expect_decided(f);
out:
	close(deep_out);
	close(deep_in);
	close(out);
	close(in);
}

/* Nothing that the group or its program holds keeps the filesystem busy. */
static void test_unmount(struct fp_fixture *f)
{
	if (!fp_make_dirs("in in/sub out") ||
	    !fp_make_files("in/sub/a out/b") ||
	    !exclude(f, "in/sub") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_add_root(f, "in") || !fp_add_root(f, "in/sub") ||
	    !fp_attach(f, f->skel->maps.policy_ops))
		return;

	fp_open_files("in/sub/a out/b");
	ASSERT_STREQ(fp_read_counters(f), "seen:2 sent:0 skipped:2 invalid:0",
		     "counters");
	fp_unmount_fs(f);
	ASSERT_FALSE(f->mounted, "unmounted");
	ASSERT_STREQ(fp_read_counters(f), "seen:2 sent:0 skipped:2 invalid:0",
		     "still attached");
}

static const struct fp_subtest subtests[] = {
	{ "one_root", test_one_root, NULL, FASTPATH_FLAGS },
	{ "root_itself", test_root_itself, NULL, FASTPATH_FLAGS },
	{ "whole_filesystem", test_whole_filesystem, NULL, FASTPATH_FLAGS },
	{ "many_roots", test_many_roots, NULL, FASTPATH_FLAGS },
	{ "nested_roots", test_nested_roots, NULL, FASTPATH_FLAGS },
	{ "root_added_and_removed", test_root_added_and_removed, NULL,
	  FASTPATH_FLAGS },
	{ "evictable_mark", test_evictable_mark, NULL, FASTPATH_FLAGS },
	{ "ignore_mark", test_ignore_mark, NULL, FASTPATH_FLAGS },
	{ "file_mark", test_file_mark, NULL, FASTPATH_FLAGS },
	{ "mark_of_other_group", test_mark_of_other_group, NULL,
	  FASTPATH_FLAGS },
	{ "bind_mount", test_bind_mount, NULL, FASTPATH_FLAGS },
	{ "inner_mount", test_inner_mount, NULL, FASTPATH_FLAGS },
	{ "overlayfs", test_overlayfs, NULL, 0 },
	{ "deep_tree", test_deep_tree, NULL, FASTPATH_FLAGS },
	{ "unmount", test_unmount, NULL, FASTPATH_FLAGS },
};

/* Serial: a rename anywhere, by another test, makes walks undecided. */
void serial_test_fanotify_fastpath_subtree(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
