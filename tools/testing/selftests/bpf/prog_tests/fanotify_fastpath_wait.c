// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: openers that wait for the listener, while others come,
 * and while the program, the link or the directory goes.
 */
#include <sys/stat.h>
#include <sys/vfs.h>

#include "fanotify_fastpath_opener.h"
#include "sysctl_helpers.h"

/* A policy that stops asking a listener that is stuck */
static void test_pending(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	pid_t first = -1, second = -1;
	int fd;

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.pending_ops))
		goto out;
	skel->bss->max_pending = 2;

	first = fp_start(fp_do_open, "a");
	if (!fp_wait_queued(f->fan_fd, 1, first))
		goto out;
	second = fp_start(fp_do_open, "a");
	if (!fp_wait_queued(f->fan_fd, 2, second))
		goto out;
	ASSERT_EQ(skel->bss->got_q_len, 1, "q_len of second");
	ASSERT_EQ(skel->bss->got_pending, 1, "pending of second");

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(fp_run(fp_do_open, "a"), "fails open");
	ASSERT_EQ(skel->bss->got_q_len, 2, "q_len of third");
	ASSERT_EQ(skel->bss->got_pending, 2, "pending of third");

	/* What was read is not in the queue any more, and waits. */
	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	skel->bss->answer = -EBUSY;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EBUSY, "fails closed");
	ASSERT_EQ(skel->bss->got_q_len, 1, "q_len of fourth");
	ASSERT_EQ(skel->bss->got_pending, 2, "pending of fourth");

	ASSERT_OK(fp_respond(f->fan_fd, fd, FAN_ALLOW), "answer first");
	close(fd);
	ASSERT_OK(fp_finish(first), "first");
	first = -1;
	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_OK(fp_respond(f->fan_fd, fd, FAN_DENY), "answer second");
	close(fd);
	ASSERT_EQ(fp_finish(second), EPERM, "second");
	second = -1;
	ASSERT_EQ(fp_open_asked(f, FAN_ALLOW), 0, "asks again");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending of fifth");
	fp_expect_counters(f, 3, 0, 1, 1, 0);
out:
	fp_kill_child(first);
	fp_kill_child(second);
	fp_unload_permission(f, skel);
}

#define MAX_QUEUED	"/proc/sys/fs/fanotify/max_queued_events"

/* A group that has room for one event */
static int short_group(void)
{
	char old[32] = "";
	int fan_fd;

	if (!ASSERT_OK(sysctl_set(MAX_QUEUED, old, "1"), "one event"))
		return -1;
	fan_fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK,
			       O_RDONLY);
	ASSERT_OK(sysctl_set(MAX_QUEUED, NULL, old), "as many as before");
	ASSERT_OK_FD(fan_fd, "fanotify_init");
	return fan_fd;
}

/*
 * Who does not fit in the queue gets access, as without a program. What the
 * program decides needs no room, and it can see how long the queue is.
 */
static void test_queue_full(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = NULL;
	pid_t pid = -1;
	int fd;

	close(f->fan_fd);
	f->fan_fd = short_group();
	if (f->fan_fd < 0)
		return;
	skel = fp_load_permission(f);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	pid = fp_start(fp_do_open, "a");
	if (!fp_wait_queued(f->fan_fd, 1, pid))
		goto out;
	ASSERT_OK(fp_run(fp_do_open, "a"), "does not fit");
	ASSERT_EQ(skel->bss->got_q_len, 1, "q_len");
	skel->bss->answer = -EBUSY;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EBUSY, "denied");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(fp_run(fp_do_open, "a"), "allowed");
	fp_expect_counters(f, 2, 0, 1, 1, 0);

	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_OK(fp_respond(f->fan_fd, fd, FAN_DENY), "answer");
	close(fd);
	ASSERT_EQ(fp_finish(pid), EPERM, "the first one");
	pid = -1;
	ASSERT_STREQ(fp_read_events(f), "overflow:-", "overflow");
out:
	fp_kill_child(pid);
	fp_unload_permission(f, skel);
}

static __u64 free_inodes(void)
{
	struct statfs st;

	return ASSERT_OK(statfs(".", &st), "statfs") ? st.f_ffree : 0;
}

/*
 * Another group wants names, so the event holds on to the directory, and is the
 * last to do so when it has been answered.
 */
static void test_parent_removed(struct fp_fixture *f)
{
	int fd = -1, names = -1;
	__u64 before;
	pid_t pid;

	names = fp_new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(names, "group with names") || !fp_make_files("a") ||
	    !ASSERT_OK(fanotify_mark(names, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				     FAN_OPEN, AT_FDCWD, "."), "mark"))
		goto out;
	before = free_inodes();
	if (!fp_make_dirs("d") || !ASSERT_OK(rename("a", "d/a"), "into it") ||
	    !fp_mark_fs(f, FAN_OPEN_PERM))
		goto out;

	pid = fp_start(fp_do_open, "d/a");
	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_OK(rename("d/a", "a"), "out of it");
	ASSERT_OK(rmdir("d"), "remove it");
	ASSERT_EQ(free_inodes(), before - 1, "inodes while waiting");
	ASSERT_OK(fp_respond(f->fan_fd, fd, FAN_ALLOW), "answer");
	ASSERT_OK(fp_finish(pid), "listener allows");
	ASSERT_EQ(free_inodes(), before, "inodes");
	ASSERT_EQ(fp_count_events(names), 1, "event with a name");
out:
	if (fd >= 0)
		close(fd);
	if (names >= 0)
		close(names);
}

/* The listener that was asked before has the last word. */
static void test_update(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	pid_t pid;
	int fd;

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	pid = fp_start(fp_do_open, "a");
	fp_wait_queued(f->fan_fd, 1, pid);
	ASSERT_OK(bpf_link__update_map(f->link, skel->maps.deny_ops), "update");
	ASSERT_EQ(fp_run(fp_do_open, "a"), EPERM, "new program");
	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_OK(fp_respond(f->fan_fd, fd, FAN_ALLOW), "answer");
	close(fd);
	ASSERT_OK(fp_finish(pid), "listener allows");
	fp_expect_counters(f, 1, 0, 0, 1, 0);
out:
	fp_unload_permission(f, skel);
}

static void test_link_close(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	pid_t pid;
	int fd;

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	pid = fp_start(fp_do_open, "a");
	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	fp_detach(f);
	ASSERT_STREQ(fp_read_fdinfo(f, f->fan_fd), "", "no fdinfo");
	ASSERT_OK(fp_respond(f->fan_fd, fd, FAN_DENY), "answer");
	close(fd);
	ASSERT_EQ(fp_finish(pid), EPERM, "listener denies");
	ASSERT_EQ(fp_open_asked(f, FAN_ALLOW), 0, "plain again");
out:
	fp_unload_permission(f, skel);
}

static const struct fp_subtest subtests[] = {
	{ "pending", test_pending, "tmpfs", FAN_CLASS_CONTENT },
	{ "queue_full", test_queue_full, "tmpfs", FAN_CLASS_CONTENT },
	{ "parent_removed", test_parent_removed, NULL, FAN_CLASS_CONTENT },
	{ "update", test_update, "tmpfs", FAN_CLASS_CONTENT },
	{ "link_close", test_link_close, "tmpfs", FAN_CLASS_CONTENT },
};

/* Serial: the length of new queues is that of the whole system for a moment. */
void serial_test_fanotify_fastpath_wait(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
