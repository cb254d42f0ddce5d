// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: how long an opener waits for the listener. The limit
 * runs out in the queue, while the event is read, and after it was read; it
 * races with the answer, a kill and the end of the group.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fanotify_fastpath_opener.h"

/* A limit that runs out when the listener has surely read the event */
#define READ_MS		2000

static void test_refused(struct fp_fixture *f)
{
	static const struct {
		unsigned int timeout_ms;
		int timeout_answer;
		int err;
	} limits[] = {
		{ 0, 0, 0 },
		{ 1, FAN_FP_RET_SKIP_EVENT, 0 },
		{ 1, -EIO, 0 },
		{ INT_MAX - 1, -EDQUOT, 0 },
		{ INT_MAX, -EDQUOT, -EINVAL },
		{ INT_MAX + 1U, -EDQUOT, -EINVAL },
		{ 0, FAN_FP_RET_SKIP_EVENT, -EINVAL },
		{ 0, -EIO, -EINVAL },
		{ 1, FAN_FP_RET_SEND_TO_USERSPACE, -EINVAL },
		{ 1, 5, -EINVAL },
		{ 1, EIO, -EINVAL },
		{ 1, -ENOENT, -EINVAL },
		{ 1, -4095, -EINVAL },
		{ 1, INT_MIN, -EINVAL },
	};
	struct fanotify_fastpath_permission *skel;
	bool ok;
	int i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		skel = fp_load_limit(f->fan_fd, limits[i].timeout_ms,
				     limits[i].timeout_answer);
		if (!skel)
			return;
		ok = ASSERT_EQ(fp_attach_error(skel->maps.limit_ops),
			       limits[i].err, "permission");
		ok &= ASSERT_EQ(fp_attach_error(skel->maps.filter_limit_ops),
				limits[i].err, "filter");
		if (!ok)
			printf("timeout %u answer %d\n", limits[i].timeout_ms,
			       limits[i].timeout_answer);
		fanotify_fastpath_permission__destroy(skel);
	}
}

/* Open a file whose listener reads nothing. */
static void check_unread(struct fp_fixture *f, int timeout_answer,
			 int err)
{
	struct fanotify_fastpath_permission *skel;
	__u64 began, took;

	skel = fp_load_limit(f->fan_fd, FP_SHORT_MS, timeout_answer);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	began = get_time_ns();
	ASSERT_EQ(fp_run(fp_do_open, "a"), err, "open");
	took = get_time_ns() - began;
	/* jiffies catch up with a processor that was not run for a while. */
	ASSERT_GE(took, FP_SHORT_MS * 1000000ULL / 2, "time");
	ASSERT_STREQ(fp_read_events(f), "", "not in the queue any more");
	fp_expect_counters(f, 1, 0, 0, 0, 1);

	ASSERT_EQ(fp_run(fp_do_open, "a"), err, "open again");
	ASSERT_EQ(skel->bss->got_q_len, 0, "q_len");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");
	fp_expect_counters(f, 2, 0, 0, 0, 2);
out:
	fp_unload_permission(f, skel);
}

static void test_allows(struct fp_fixture *f)
{
	check_unread(f, FAN_FP_RET_SKIP_EVENT, 0);
}

static void test_denies(struct fp_fixture *f)
{
	check_unread(f, -EBUSY, EBUSY);
}

/* The limit needs no program that answers. */
static void test_filter(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel;

	skel = fp_load_limit(f->fan_fd, FP_SHORT_MS, -EAGAIN);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.filter_limit_ops))
		goto out;

	ASSERT_EQ(fp_run(fp_do_open, "a"), EAGAIN, "open");
	ASSERT_STREQ(fp_read_events(f), "", "events");
	fp_expect_counters(f, 0, 0, 0, 0, 1);
out:
	fp_unload_permission(f, skel);
}

/* An answer that is late does not find the next event under the same fd. */
static void test_late_answer(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	pid_t pid;
	int fd;

	skel = fp_load_limit(f->fan_fd, READ_MS, -EBUSY);
	if (!skel || !fp_make_files("a b") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	pid = fp_start(fp_do_open, "a");
	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_EQ(fp_finish(pid), EBUSY, "open");
	fp_expect_counters(f, 1, 0, 0, 0, 1);
	ASSERT_EQ(fp_respond(f->fan_fd, fd, FAN_ALLOW), -ENOENT, "late answer");
	ASSERT_EQ(fp_respond(f->fan_fd, fd, FAN_ALLOW), -ENOENT, "again");
	close(fd);

	/* Never answered at all this time */
	pid = fp_start(fp_do_open, "a");
	ASSERT_EQ(fp_read_permission(f->fan_fd, FAN_OPEN_PERM), fd, "same fd");
	ASSERT_EQ(fp_finish(pid), EBUSY, "open");
	close(fd);

	/* From here on nothing expires. */
	if (!ASSERT_OK(bpf_link__update_map(f->link, skel->maps.answer_ops),
		       "update"))
		goto out;
	pid = fp_start(fp_do_open, "b");
	ASSERT_EQ(fp_read_permission(f->fan_fd, FAN_OPEN_PERM), fd, "same fd");
	ASSERT_OK(fp_respond(f->fan_fd, fd, FAN_DENY), "answer");
	close(fd);
	ASSERT_EQ(fp_finish(pid), EPERM, "its own answer");
	fp_expect_counters(f, 3, 0, 0, 0, 2);
out:
	fp_unload_permission(f, skel);
}

static void kill_waiting(pid_t pid)
{
	int status;

	if (pid < 0)
		return;
	ASSERT_OK(kill(pid, SIGKILL), "kill");
	status = fp_wait_child(pid);
	ASSERT_TRUE(WIFSIGNALED(status), "killed");
}

struct slow_read {
	pthread_t thread;
	int fan_fd;
	void *buf;
	ssize_t len;
};

static void *read_slowly(void *arg)
{
	struct slow_read *slow = arg;

	slow->len = read(slow->fan_fd, slow->buf, FAN_EVENT_METADATA_LEN);
	return NULL;
}

/* A page whose first use waits for fill_page(), or NULL */
static void *missing_page(int uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = getpagesize();
	void *page;

	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!ASSERT_NEQ(page, MAP_FAILED, "mmap"))
		return NULL;
	reg.range.start = (unsigned long)page;
	reg.range.len = size;
	if (ASSERT_OK(ioctl(uffd, UFFDIO_API, &api), "UFFDIO_API") &&
	    ASSERT_OK(ioctl(uffd, UFFDIO_REGISTER, &reg), "UFFDIO_REGISTER"))
		return page;
	munmap(page, size);
	return NULL;
}

static void fill_page(int uffd, void *page)
{
	struct uffdio_zeropage zero = {
		.range.start = (unsigned long)page,
		.range.len = getpagesize(),
	};

	ASSERT_OK(ioctl(uffd, UFFDIO_ZEROPAGE, &zero), "UFFDIO_ZEROPAGE");
}

/*
 * The time is over while the event is being copied to the listener: its read
 * succeeds, and its answer comes too late.
 */
static void test_while_read(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = NULL;
	const struct fanotify_event_metadata *meta;
	struct slow_read slow = { .fan_fd = f->fan_fd };
	struct uffd_msg msg;
	pid_t pid;
	int uffd;

	/* Only with O_NONBLOCK can it be polled. */
	uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 && errno == ENOSYS) {
		printf("%s:SKIP:no userfaultfd\n", __func__);
		test__skip();
		return;
	}
	if (!ASSERT_OK_FD(uffd, "userfaultfd"))
		return;
	slow.buf = missing_page(uffd);
	skel = fp_load_limit(f->fan_fd, READ_MS, -EBUSY);
	if (!slow.buf || !skel || !fp_make_files("a") ||
	    !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	pid = fp_start(fp_do_open, "a");
	if (!fp_wait_queued(f->fan_fd, 1, pid) ||
	    !ASSERT_OK(pthread_create(&slow.thread, NULL, read_slowly, &slow),
		       "pthread_create")) {
		kill_waiting(pid);
		goto out;
	}
	if (!ASSERT_TRUE(fp_wait_readable(uffd), "page fault")) {
		/* Whoever comes to the page now does not wait there. */
		fill_page(uffd, slow.buf);
		pthread_join(slow.thread, NULL);
		meta = slow.buf;
		if (slow.len == FAN_EVENT_METADATA_LEN)
			close(meta->fd);
		fp_finish(pid);
		goto out;
	}
	ASSERT_EQ(read(uffd, &msg, sizeof(msg)), sizeof(msg), "page fault");
	ASSERT_EQ(msg.event, UFFD_EVENT_PAGEFAULT, "page fault");
	ASSERT_EQ(fp_finish(pid), EBUSY, "open");
	fp_expect_counters(f, 1, 0, 0, 0, 1);

	fill_page(uffd, slow.buf);
	pthread_join(slow.thread, NULL);
	meta = slow.buf;
	if (ASSERT_EQ(slow.len, FAN_EVENT_METADATA_LEN, "read")) {
		ASSERT_EQ(fp_respond(f->fan_fd, meta->fd, FAN_ALLOW), -ENOENT,
			  "late answer");
		close(meta->fd);
	}
	ASSERT_STREQ(fp_read_events(f), "", "events");
	fp_unmount_fs(f);
out:
	if (slow.buf)
		munmap(slow.buf, getpagesize());
	close(uffd);
	fp_unload_permission(f, skel);
}

static void test_answer_in_time(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel;

	skel = fp_load_limit(f->fan_fd, FP_LONG_MS, -EBUSY);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	ASSERT_EQ(fp_open_asked(f, FAN_ALLOW), 0, "allowed");
	ASSERT_EQ(fp_open_asked(f, FAN_DENY), EPERM, "denied");
	fp_expect_counters(f, 2, 0, 0, 0, 0);
out:
	fp_unload_permission(f, skel);
}

static void test_kill(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	pid_t pid;
	int fd;

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	pid = fp_start(fp_do_open, "a");
	if (fp_wait_queued(f->fan_fd, 1, pid)) {
		kill_waiting(pid);
		ASSERT_STREQ(fp_read_events(f), "", "taken back");
	} else {
		kill_waiting(pid);
	}

	/* What was read takes an answer as ever. */
	pid = fp_start(fp_do_open, "a");
	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	kill_waiting(pid);
	ASSERT_OK(fp_respond(f->fan_fd, fd, FAN_ALLOW), "answer");
	ASSERT_EQ(fp_respond(f->fan_fd, fd, FAN_ALLOW), -ENOENT, "again");
	close(fd);
	fp_expect_counters(f, 2, 0, 0, 0, 0);
	ASSERT_EQ(fp_open_asked(f, FAN_ALLOW), 0, "next");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");
out:
	fp_unload_permission(f, skel);
}

/* One event is in the queue, one was read. */
static void test_group_close(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	pid_t read_pid, queued_pid;
	int fd;

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	read_pid = fp_start(fp_do_open, "a");
	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	queued_pid = fp_start(fp_do_open, "a");
	fp_wait_queued(f->fan_fd, 1, queued_pid);
	close(f->fan_fd);
	f->fan_fd = -1;
	ASSERT_OK(fp_finish(read_pid), "read");
	ASSERT_OK(fp_finish(queued_pid), "queued");
	close(fd);
	ASSERT_OK(fp_run(fp_do_open, "a"), "without a group");
out:
	fp_unload_permission(f, skel);
}

/* A wait keeps the limit that it began with. */
static void test_link_close(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	pid_t pid;

	skel = fp_load_limit(f->fan_fd, READ_MS, -EBUSY);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	pid = fp_start(fp_do_open, "a");
	fp_wait_queued(f->fan_fd, 1, pid);
	fp_detach(f);
	ASSERT_EQ(fp_finish(pid), EBUSY, "expired");
	ASSERT_STREQ(fp_read_events(f), "", "events");
out:
	fp_unload_permission(f, skel);
}

/* Two that expired, one of them in the hands of the listener */
static void test_unmount(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	pid_t pid;
	int fd;

	skel = fp_load_limit(f->fan_fd, READ_MS, -EBUSY);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	pid = fp_start(fp_do_open, "a");
	fd = fp_read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_EQ(fp_finish(pid), EBUSY, "read");
	ASSERT_EQ(fp_run(fp_do_open, "a"), EBUSY, "unread");
	close(fd);
	fp_expect_counters(f, 2, 0, 0, 0, 2);
	fp_unmount_fs(f);
out:
	fp_unload_permission(f, skel);
}

#define RACE_OPENS	40
/* Several ticks, so that it lasts about as long whatever HZ is */
#define RACE_ANSWER_MS	40

struct race_opener {
	pthread_t thread;
	int allowed;
	int expired;
	int other;
};

static void *race_open(void *arg)
{
	struct race_opener *opener = arg;
	int i;

	for (i = 0; i < RACE_OPENS; i++) {
		switch (fp_do_open("a")) {
		case 0:
			opener->allowed++;
			break;
		case EBUSY:
			opener->expired++;
			break;
		default:
			opener->other++;
		}
	}
	return NULL;
}

/*
 * Each open gets either answer, and an answer that was accepted is the one that
 * counts.
 */
static void test_race(struct fp_fixture *f)
{
	/* Around the limit: up to three times as long */
	struct fp_listener listener = {
		.fan_fd = f->fan_fd, .stop_fd = -1, .response = FAN_ALLOW,
		.delay_us = RACE_ANSWER_MS * 1000 / 4,
	};
	struct race_opener openers[FP_OPENERS] = {};
	struct fanotify_fastpath_permission *skel;
	int i, nr = 0, allowed = 0, expired = 0, other = 0;
	struct timespec deadline;

	skel = fp_load_limit(f->fan_fd, RACE_ANSWER_MS, -EBUSY);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops) ||
	    !fp_start_listener(&listener))
		goto out;

	for (; nr < FP_OPENERS; nr++)
		if (!ASSERT_OK(pthread_create(&openers[nr].thread, NULL,
					      race_open, &openers[nr]),
			       "pthread_create"))
			break;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 6 * FP_TIMEOUT_MS / 1000;
	for (i = 0; i < nr; i++) {
		fp_join_opener(f, openers[i].thread, &deadline);
		allowed += openers[i].allowed;
		expired += openers[i].expired;
		other += openers[i].other;
	}
	fp_stop_listener(&listener);
	if (f->fan_fd < 0)
		goto out;

	ASSERT_EQ(other, 0, "other results");
	ASSERT_EQ(listener.other, 0, "other errors of write");
	ASSERT_EQ(allowed, listener.accepted, "accepted answers");
	ASSERT_GE(expired, listener.late, "late answers");
	ASSERT_GT(allowed, 0, "some in time");
	ASSERT_GT(expired, 0, "some too late");
	ASSERT_GT(listener.late, 0, "some after they were read");
	ASSERT_GT(expired, listener.late, "some before they were read");
	fp_expect_counters(f, nr * RACE_OPENS, 0, 0, 0, expired);
	ASSERT_STREQ(fp_read_events(f), "", "events");

	skel->bss->answer = -EIO;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EIO, "afterwards");
	ASSERT_EQ(skel->bss->got_q_len, 0, "q_len");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");
	fp_unmount_fs(f);
out:
	fp_unload_permission(f, skel);
}

#define RACE_ROUNDS	40
#define RACE_LIMIT_MS	4

/* The listener never reads. Killed, or out of time: nothing is left behind. */
static void test_kill_race(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	int i, status, expired = 0, killed = 0;
	__u64 until;
	pid_t pid;

	skel = fp_load_limit(f->fan_fd, RACE_LIMIT_MS, -EBUSY);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	for (i = 0; i < RACE_ROUNDS; i++) {
		pid = fp_start(fp_do_open, "a");
		if (pid < 0)
			goto out;
		until = get_time_ns() + FP_TIMEOUT_MS * 1000000ULL;
		while (skel->bss->asked <= i && get_time_ns() < until)
			sched_yield();
		if (!ASSERT_GT(skel->bss->asked, i, "asked")) {
			fp_kill_child(pid);
			goto out;
		}
		/* Around the limit; then later and later, for a slow kernel */
		usleep((i % 8 * RACE_LIMIT_MS * 1000 / 4) << i / 8);
		ASSERT_OK(kill(pid, SIGKILL), "kill");
		status = fp_wait_child(pid);
		if (status == -1)
			goto out;
		killed += WIFSIGNALED(status);
		expired += WIFEXITED(status) && WEXITSTATUS(status) == EBUSY;
	}
	ASSERT_EQ(killed + expired, RACE_ROUNDS, "killed, or out of time");
	ASSERT_GT(killed, 0, "some are killed");
	ASSERT_GT(expired, 0, "some are out of time");
	ASSERT_STREQ(fp_read_events(f), "", "events");

	skel->bss->answer = -EIO;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EIO, "afterwards");
	ASSERT_EQ(skel->bss->got_q_len, 0, "q_len");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");
	fp_unmount_fs(f);
out:
	fp_unload_permission(f, skel);
}

#define RACE_CLOSES	10

/* The group goes about when the time is over: whichever is first, no hang. */
static void test_close_race(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	int i, j, err, allowed = 0, expired = 0;
	pid_t pids[FP_OPENERS];
	bool last;

	if (!fp_make_files("a"))
		return;
	for (i = 0; i < RACE_CLOSES; i++) {
		skel = fp_load_limit(f->fan_fd, RACE_LIMIT_MS, -EBUSY);
		if (!skel || !fp_mark_fs(f, FAN_OPEN_PERM) ||
		    !fp_attach(f, skel->maps.limit_ops)) {
			fp_unload_permission(f, skel);
			return;
		}
		for (j = 0; j < FP_OPENERS; j++)
			pids[j] = fp_start(fp_do_open, "a");
		/*
		 * Early in the first rounds, when all were out of time in the
		 * last
		 */
		last = i == RACE_CLOSES - 1;
		if (!last) {
			usleep(i * RACE_LIMIT_MS * 1000);
			close(f->fan_fd);
		}
		for (j = 0; j < FP_OPENERS; j++) {
			err = fp_finish(pids[j]);
			allowed += err == 0;
			expired += err == EBUSY;
			if (last)
				ASSERT_EQ(err, EBUSY, "out of time");
		}
		if (last)
			close(f->fan_fd);
		fp_unload_permission(f, skel);
		f->fan_fd = fp_new_group(FAN_CLASS_CONTENT);
		if (!ASSERT_OK_FD(f->fan_fd, "fanotify_init"))
			return;
	}
	ASSERT_EQ(allowed + expired, RACE_CLOSES * FP_OPENERS,
		  "allowed, or out of time");
	ASSERT_GT(allowed, 0, "some are allowed");
	ASSERT_GT(expired, 0, "some are out of time");
	fp_unmount_fs(f);
}

static const struct fp_subtest subtests[] = {
	{ "refused", test_refused, "tmpfs", FAN_CLASS_CONTENT },
	{ "allows", test_allows, "tmpfs", FAN_CLASS_CONTENT },
	{ "denies", test_denies, "tmpfs", FAN_CLASS_CONTENT },
	{ "filter", test_filter, "tmpfs", FAN_CLASS_CONTENT },
	{ "late_answer", test_late_answer, "tmpfs", FAN_CLASS_CONTENT },
	{ "while_read", test_while_read, "tmpfs", FAN_CLASS_CONTENT },
	{ "answer_in_time", test_answer_in_time, "tmpfs", FAN_CLASS_CONTENT },
	{ "kill", test_kill, "tmpfs", FAN_CLASS_CONTENT },
	{ "group_close", test_group_close, "tmpfs", FAN_CLASS_CONTENT },
	{ "link_close", test_link_close, "tmpfs", FAN_CLASS_CONTENT },
	{ "unmount", test_unmount, "tmpfs", FAN_CLASS_CONTENT },
	{ "race", test_race, "tmpfs", FAN_CLASS_CONTENT },
	{ "kill_race", test_kill_race, "tmpfs", FAN_CLASS_CONTENT },
	{ "close_race", test_close_race, "tmpfs", FAN_CLASS_CONTENT },
};

/* Serial: a limit is not to run out because of what other tests do. */
void serial_test_fanotify_fastpath_limit(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
