// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: the group's file descriptor, when it comes from somewhere
 * else. What counts is the group and who attaches, not how the descriptor came.
 */
#include <linux/sched.h>
#include <poll.h>
#include <sys/socket.h>

#include "fanotify_fastpath_opener.h"

static bool send_fd(int sock, int fd)
{
	char buf[CMSG_SPACE(sizeof(fd))] = {};
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = buf, .msg_controllen = sizeof(buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1;
}

static int receive_fd(int sock)
{
	char byte, buf[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = buf, .msg_controllen = sizeof(buf),
	};
	struct cmsghdr *cmsg;
	int fd = -1;

	if (!ASSERT_EQ(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC), 1, "recvmsg"))
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (ASSERT_OK_PTR(cmsg, "control message"))
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* Returns -1 where there are no user namespaces to be had. */
static int enter_user_ns(void)
{
	return unshare(CLONE_NEWUSER) ? -1 : 0;
}

#define NO_USER_NS	255

/*
 * A child makes a group with @flags, in a user namespace of its own if
 * @user_ns, sends it and is gone before it is received.
 */
static int group_of_child(unsigned int flags, bool user_ns)
{
	int socks[2], fd = -1, status;
	pid_t pid;

	if (!ASSERT_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				  socks), "socketpair"))
		return -1;
	pid = fork();
	if (!ASSERT_GE(pid, 0, "fork"))
		goto out;
	if (!pid) {
		if (user_ns && enter_user_ns())
			_exit(NO_USER_NS);
		fd = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | flags,
				   O_RDONLY);
		_exit(fd < 0 ? errno : !send_fd(socks[1], fd));
	}
	status = fp_finish(pid);
	if (status == NO_USER_NS) {
		printf("%s:SKIP:no user namespace\n", __func__);
		test__skip();
		goto out;
	}
	if (ASSERT_OK(status, "group of child"))
		fd = receive_fd(socks[0]);
out:
	close(socks[0]);
	close(socks[1]);
	return fd;
}

/* Who has made the group and is gone does not matter. */
static void test_received(struct fp_fixture *f)
{
	int fd = group_of_child(FASTPATH_FLAGS, false);

	if (!ASSERT_OK_FD(fd, "received group"))
		return;
	/* The programs know the fixture's number. */
	if (!ASSERT_EQ(dup3(fd, f->fan_fd, O_CLOEXEC), f->fan_fd, "dup3"))
		goto out;
	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		goto out;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "events");
	ASSERT_STREQ(fp_read_counters(f), "seen:1 sent:0 skipped:1 invalid:0",
		     "counters");
out:
	close(fd);
}

/*
 * A group that only a message holds is there; without the message it is gone.
 */
static void test_in_flight(struct fp_fixture *f)
{
	struct pollfd pfd = { .events = POLLHUP };
	int socks[2];

	if (!ASSERT_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				  socks), "socketpair"))
		return;
	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops) ||
	    !ASSERT_TRUE(send_fd(socks[1], f->fan_fd), "send group"))
		goto out;
	pfd.fd = bpf_link__fd(f->link);

	close(f->fan_fd);
	f->fan_fd = -1;
	fp_open_files("a");
	ASSERT_EQ(poll(&pfd, 1, 0), 0, "poll in flight");
	f->fan_fd = receive_fd(socks[0]);
	if (!ASSERT_OK_FD(f->fan_fd, "receive group"))
		goto out;
	ASSERT_STREQ(fp_read_events(f), "", "events");
	ASSERT_STREQ(fp_read_counters(f), "seen:1 sent:0 skipped:1 invalid:0",
		     "counters");

	ASSERT_TRUE(send_fd(socks[1], f->fan_fd), "send group again");
	close(f->fan_fd);
	f->fan_fd = -1;
	ASSERT_EQ(poll(&pfd, 1, 0), 0, "poll in flight");
	close(socks[0]);
	socks[0] = -1;
	ASSERT_EQ(poll(&pfd, 1, FP_TIMEOUT_MS), 1, "poll message gone");
	ASSERT_EQ(pfd.revents & POLLHUP, POLLHUP, "hangup");
out:
	if (socks[0] >= 0)
		close(socks[0]);
	close(socks[1]);
}

/* Its listener gets no pids: root in a user namespace is not privileged. */
static void test_of_user_ns(struct fp_fixture *f)
{
	int fd = group_of_child(FAN_REPORT_FID, true);

	if (fd < 0)
		return;
	if (ASSERT_EQ(dup3(fd, f->fan_fd, O_CLOEXEC), f->fan_fd, "dup3"))
		ASSERT_EQ(fp_attach_error(f->skel->maps.skip_ops), -EPERM,
			  "attach");
	close(fd);
}

static void check_in_user_ns(struct bpf_map *map, int expected)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!ASSERT_GE(pid, 0, "fork"))
		return;
	if (!pid) {
		if (enter_user_ns())
			_exit(NO_USER_NS);
		_exit(-fp_attach_error(map));
	}
	status = fp_finish(pid);
	if (status == NO_USER_NS) {
		printf("%s:SKIP:no user namespace\n", __func__);
		test__skip();
		return;
	}
	ASSERT_EQ(status, expected, bpf_map__name(map));
}

/*
 * Who was given the group and the map may attach them to each other, as it may
 * read the group's events; answering for others takes the initial namespace.
 */
static void test_in_user_ns(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel;

	skel = fanotify_fastpath_permission__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return;
	skel->struct_ops.filter_ops->group_fd = f->fan_fd;
	skel->struct_ops.answer_ops->group_fd = f->fan_fd;
	if (ASSERT_OK(fanotify_fastpath_permission__load(skel),
		      "load skeleton")) {
		check_in_user_ns(skel->maps.filter_ops, 0);
		check_in_user_ns(skel->maps.answer_ops, EPERM);
	}
	fanotify_fastpath_permission__destroy(skel);
}

/* A map that does not say which group names descriptor 0. */
static void test_not_set(struct fp_fixture *f)
{
	struct fanotify_fastpath *skel;
	int old;

	old = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	skel = fp_load_skel(0);
	if (!skel)
		goto out;
	close(STDIN_FILENO);
	ASSERT_EQ(fp_attach_error(skel->maps.skip_ops), -EBADF, "closed");
	/* The first free one */
	if (ASSERT_EQ(open("/dev/null", O_RDONLY), STDIN_FILENO, "/dev/null"))
		ASSERT_EQ(fp_attach_error(skel->maps.skip_ops), -EINVAL,
			  "file");
	fanotify_fastpath__destroy(skel);
out:
	if (old >= 0) {
		ASSERT_EQ(dup2(old, STDIN_FILENO), STDIN_FILENO, "stdin");
		close(old);
	}
}

static const struct fp_subtest subtests[] = {
	{ "received", test_received, "tmpfs", FASTPATH_FLAGS },
	{ "in_flight", test_in_flight, "tmpfs", FASTPATH_FLAGS },
	{ "of_user_ns", test_of_user_ns, "tmpfs", FASTPATH_FLAGS },
	{ "in_user_ns", test_in_user_ns, "tmpfs", FAN_CLASS_CONTENT },
	{ "not_set", test_not_set, "tmpfs", FASTPATH_FLAGS },
};

/* Serial: descriptor 0 is everybody's. */
void serial_test_fanotify_fastpath_fd(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
