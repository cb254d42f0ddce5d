// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: who decides about a permission event, and what the
 * program gets to decide by.
 */
#include <errno.h>
#include <limits.h>
#include <sys/mman.h>

#include "fanotify_fastpath_opener.h"

static void test_allow(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(fp_run(fp_do_open, "a"), "open");
	ASSERT_STREQ(fp_read_events(f), "", "events");
	fp_expect_counters(f, 0, 0, 1, 0, 0);
out:
	fp_unload_permission(f, skel);
}

static void test_deny(struct fp_fixture *f)
{
	static const struct {
		int answer;
		int err;
	} denials[] = {
		{ -EIO, EIO }, { -EPERM, EPERM }, { -EBUSY, EBUSY },
		{ -ETXTBSY, ETXTBSY }, { -EAGAIN, EAGAIN },
		{ -ENOSPC, ENOSPC }, { -EDQUOT, EDQUOT },
		/* All others */
		{ -ENOENT, EPERM }, { -EACCES, EPERM }, { -EINTR, EPERM },
		{ -512 /* ERESTARTSYS */, EPERM }, { -4095, EPERM },
		{ -4096, EPERM }, { INT_MIN, EPERM },
	};
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	int i;

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	for (i = 0; i < ARRAY_SIZE(denials); i++) {
		skel->bss->answer = denials[i].answer;
		if (!ASSERT_EQ(fp_run(fp_do_open, "a"), denials[i].err, "open"))
			printf("answer %d\n", denials[i].answer);
	}
	ASSERT_STREQ(fp_read_events(f), "", "events");
	fp_expect_counters(f, 0, 0, 0, ARRAY_SIZE(denials), 0);
out:
	fp_unload_permission(f, skel);
}

static void test_ask(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	ASSERT_EQ(fp_open_asked(f, FAN_ALLOW), 0, "listener allows");
	ASSERT_EQ(fp_open_asked(f, FAN_DENY), EPERM, "listener denies");
	ASSERT_EQ(fp_open_asked(f, FAN_DENY_ERRNO(EBUSY)), EBUSY,
		  "listener denies with errno");
	fp_expect_counters(f, 3, 0, 0, 0, 0);
out:
	fp_unload_permission(f, skel);
}

static void test_unknown_answer(struct fp_fixture *f)
{
	static const int answers[] = { 2, EBUSY, INT_MAX };
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	int i;

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		skel->bss->answer = answers[i];
		ASSERT_EQ(fp_open_asked(f, i % 2 ? FAN_DENY : FAN_ALLOW),
			  i % 2 ? EPERM : 0, "listener decides");
		fp_expect_counters(f, i + 1, i + 1, 0, 0, 0);
	}
out:
	fp_unload_permission(f, skel);
}

/* Members that a program does not have are as without a program. */
static void test_no_filter(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);

	if (!skel || !fp_make_files("a") ||
	    !fp_mark_fs(f, FAN_OPEN | FAN_CLOSE_NOWRITE | FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(fp_run(fp_do_open, "a"), "open");
	ASSERT_STREQ(fp_read_events(f), "open|close_nowrite:a", "events");
	skel->bss->answer = -EPERM;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EPERM, "denied");
	ASSERT_STREQ(fp_read_events(f), "", "nothing was opened");
	fp_expect_counters(f, 0, 0, 1, 1, 0);
out:
	fp_unload_permission(f, skel);
}

static void test_no_permission(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.filter_ops))
		goto out;

	ASSERT_EQ(fp_open_asked(f, FAN_DENY), EPERM, "listener denies");
	ASSERT_EQ(fp_open_asked(f, FAN_ALLOW), 0, "listener allows");
	fp_expect_counters(f, 0, 0, 0, 0, 0);
out:
	fp_unload_permission(f, skel);
}

/* An allow is for the own group only, a denial is for all. */
static void test_two_groups(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = NULL;
	struct bpf_link *link = NULL;
	int high_fd;

	high_fd = fp_new_group(FAN_CLASS_PRE_CONTENT);
	if (!ASSERT_OK_FD(high_fd, "second group"))
		return;
	skel = fp_load_limit(high_fd, FP_LONG_MS, -EIO);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !ASSERT_OK(fanotify_mark(high_fd,
				     FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				     FAN_OPEN_PERM, AT_FDCWD, "."),
		       "second mark"))
		goto out;
	link = bpf_map__attach_struct_ops(skel->maps.answer_ops);
	if (!ASSERT_OK_PTR(link, "attach"))
		goto out;

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_EQ(fp_open_asked(f, FAN_DENY), EPERM, "low group denies");
	ASSERT_EQ(fp_open_asked(f, FAN_ALLOW), 0, "low group allows");
	skel->bss->answer = -EBUSY;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EBUSY, "high group denies");
	ASSERT_STREQ(fp_read_events(f), "", "low group is not asked");
	ASSERT_EQ(fp_count_events(high_fd), 0, "high listener");
	ASSERT_HAS_SUBSTR(fp_read_fdinfo(f, high_fd), " allowed:2 denied:1 ",
			  "counters");
out:
	bpf_link__destroy(link);
	fanotify_fastpath_permission__destroy(skel);
	close(high_fd);
}

static void test_args(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	__u64 ino;

	if (!skel || !fp_make_dirs("d") ||
	    !fp_write_file("d/a", FP_CONTENT, 0755) ||
	    !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;
	ino = fp_ino_of("d/a");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;

	ASSERT_OK(fp_run(fp_do_open, "d/a"), "open");
	ASSERT_EQ(skel->bss->asked, 1, "asked");
	ASSERT_EQ(skel->bss->got_mask, FAN_OPEN_PERM, "mask");
	ASSERT_EQ(skel->bss->got_ino, ino, "inode");
	ASSERT_EQ(skel->bss->got_path_ino, ino, "path");
	ASSERT_EQ(skel->bss->got_dentry_ino, ino, "dentry");
	ASSERT_EQ(skel->bss->got_range, 0, "range");
	ASSERT_EQ(skel->bss->got_q_len, 0, "q_len");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");

	/* Each type of event is asked about on its own. */
	if (!fp_mark_fs(f, FAN_OPEN_EXEC_PERM | FAN_ACCESS_PERM))
		goto out;
	ASSERT_OK(fp_run(fp_do_read, "d/a"), "read");
	ASSERT_EQ(skel->bss->asked, 3, "asked");
	ASSERT_EQ(skel->bss->got_mask, FAN_ACCESS_PERM, "mask of read");
	/* No format: open for exec, open, and the read of its first bytes */
	ASSERT_EQ(fp_run(fp_do_exec, "d/a"), ENOEXEC, "exec");
	ASSERT_GE(skel->bss->asked, 6, "asked");
	ASSERT_EQ(skel->bss->got_ino, ino, "inode");
out:
	fp_unload_permission(f, skel);
}

static void test_path(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	char path[sizeof(f->mnt) + sizeof("/d/a")];

	if (!skel || !fp_make_dirs("d") ||
	    !fp_write_file("d/a", FP_CONTENT, 0644) ||
	    !fp_mark_fs(f, FAN_OPEN_PERM) || !fp_attach(f, skel->maps.path_ops))
		goto out;
	snprintf(path, sizeof(path), "%s/d/a", f->mnt);

	ASSERT_OK(fp_run(fp_do_open, "d/a"), "open");
	ASSERT_STREQ(skel->bss->got_name, path, "path");
	ASSERT_EQ(skel->bss->got_name_len, strlen(path) + 1, "its length");
out:
	fp_unload_permission(f, skel);
}

static void expect_range(struct fanotify_fastpath_permission *skel, __u64 pos,
			 __u64 count, const char *what)
{
	ASSERT_EQ(skel->bss->got_mask, FAN_PRE_ACCESS, what);
	ASSERT_EQ(skel->bss->got_range, 1, what);
	ASSERT_EQ(skel->bss->got_pos, pos, what);
	ASSERT_EQ(skel->bss->got_count, count, what);
}

/* Whole pages, as the listener would get them */
static void test_range(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	const size_t page = getpagesize();
	char buf[16];
	void *map;
	int fd = -1;

	if (!skel || !fp_make_files("a") ||
	    !ASSERT_OK(truncate("a", 16 * page), "truncate") ||
	    !fp_mark_fs(f, FAN_PRE_ACCESS) ||
	    !fp_attach(f, skel->maps.range_ops))
		goto out;
	fd = open("a", O_RDWR | O_CLOEXEC);
	if (!ASSERT_OK_FD(fd, "open"))
		goto out;
	ASSERT_EQ(skel->bss->asked, 0, "open");
	/* The second half is not there. */
	skel->bss->answered_pos = 8 * page;
	skel->bss->answer = -EIO;

	ASSERT_EQ(pread(fd, buf, 10, 2 * page + 5), 10, "pread");
	expect_range(skel, 2 * page, page, "pread");
	ASSERT_EQ(pread(fd, buf, 10, 8 * page - 10), 10, "pread up to the end");
	expect_range(skel, 7 * page, page, "pread up to the end");
	ASSERT_EQ(pread(fd, buf, 10, 8 * page - 5), -1, "pread beyond");
	ASSERT_EQ(errno, EIO, "pread beyond");
	expect_range(skel, 7 * page, 2 * page, "pread beyond");

	ASSERT_EQ(pwrite(fd, buf, 10, 4 * page), 10, "pwrite");
	expect_range(skel, 4 * page, page, "pwrite");
	ASSERT_EQ(pwrite(fd, buf, 10, 12 * page), -1, "pwrite beyond");
	ASSERT_EQ(errno, EIO, "pwrite beyond");

	map = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (ASSERT_NEQ(map, MAP_FAILED, "mmap"))
		munmap(map, page);
	expect_range(skel, 0, page, "mmap");
	map = mmap(NULL, 2 * page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
		   7 * page);
	if (!ASSERT_EQ(map, MAP_FAILED, "mmap beyond"))
		munmap(map, 2 * page);
	else
		ASSERT_EQ(errno, EIO, "mmap beyond");
	expect_range(skel, 7 * page, 2 * page, "mmap beyond");

	ASSERT_OK(ftruncate(fd, 8 * page), "truncate");
	expect_range(skel, 8 * page, 0, "truncate");
	ASSERT_EQ(ftruncate(fd, 20 * page), -1, "truncate beyond");
	ASSERT_EQ(errno, EIO, "truncate beyond");

	ASSERT_STREQ(fp_read_events(f), "", "events");
	fp_expect_counters(f, 0, 0, 5, 4, 0);
out:
	if (fd >= 0)
		close(fd);
	fp_unload_permission(f, skel);
}

static int do_pread_second_half(const char *path)
{
	char c;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	return pread(fd, &c, 1, 8 * getpagesize()) == 1 ? 0 : errno;
}

/* The program asks for what it does not know. */
static void test_range_ask(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	const size_t page = getpagesize();

	if (!skel || !fp_write_file("a", FP_CONTENT, 0644) ||
	    !ASSERT_OK(truncate("a", 16 * page), "truncate") ||
	    !fp_mark_fs(f, FAN_PRE_ACCESS) ||
	    !fp_attach(f, skel->maps.range_ops))
		goto out;
	skel->bss->answered_pos = 8 * page;
	skel->bss->answer = FAN_FP_RET_SEND_TO_USERSPACE;

	ASSERT_OK(fp_run(fp_do_read, "a"), "first half");
	ASSERT_EQ(fp_run_asked(f->fan_fd, do_pread_second_half, "a",
			       FAN_PRE_ACCESS, FAN_ALLOW), 0, "second half");
	ASSERT_EQ(fp_run_asked(f->fan_fd, do_pread_second_half, "a",
			       FAN_PRE_ACCESS, FAN_DENY_ERRNO(EIO)), EIO,
		  "second half denied");
	fp_expect_counters(f, 2, 0, 1, 0, 0);
out:
	fp_unload_permission(f, skel);
}

static const struct fp_subtest subtests[] = {
	{ "allow", test_allow, NULL, FAN_CLASS_CONTENT },
	{ "deny_content", test_deny, "tmpfs", FAN_CLASS_CONTENT },
	{ "deny_pre_content", test_deny, "tmpfs", FAN_CLASS_PRE_CONTENT },
	{ "ask", test_ask, "tmpfs", FAN_CLASS_PRE_CONTENT },
	{ "unknown_answer", test_unknown_answer, "tmpfs", FAN_CLASS_CONTENT },
	{ "no_filter", test_no_filter, "tmpfs", FAN_CLASS_CONTENT },
	{ "no_permission", test_no_permission, "tmpfs", FAN_CLASS_CONTENT },
	{ "two_groups", test_two_groups, "tmpfs", FAN_CLASS_CONTENT },
	{ "args", test_args, NULL, FAN_CLASS_CONTENT },
	{ "path", test_path, "tmpfs", FAN_CLASS_CONTENT },
	{ "range", test_range, "ext4", FAN_CLASS_PRE_CONTENT },
	{ "range_ask", test_range_ask, "ext4", FAN_CLASS_PRE_CONTENT },
};

/* Serial: children are killed when they take too long. */
void serial_test_fanotify_fastpath_permission(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
