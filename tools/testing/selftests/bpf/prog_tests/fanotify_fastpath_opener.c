// SPDX-License-Identifier: GPL-2.0
/*
 * Openers, and the listener that they wait for: see
 * fanotify_fastpath_opener.h.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fanotify_fastpath_opener.h"

struct fanotify_fastpath_permission *
fp_load_limit(int fan_fd, unsigned int timeout_ms, int timeout_answer)
{
	struct fanotify_fastpath_permission *skel;

	skel = fanotify_fastpath_permission__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return NULL;
	skel->struct_ops.answer_ops->group_fd = fan_fd;
	skel->struct_ops.limit_ops->group_fd = fan_fd;
	skel->struct_ops.limit_ops->answer_timeout_ms = timeout_ms;
	skel->struct_ops.limit_ops->timeout_answer = timeout_answer;
	skel->struct_ops.filter_limit_ops->group_fd = fan_fd;
	skel->struct_ops.filter_limit_ops->answer_timeout_ms = timeout_ms;
	skel->struct_ops.filter_limit_ops->timeout_answer = timeout_answer;
	skel->struct_ops.filter_ops->group_fd = fan_fd;
	skel->struct_ops.deny_ops->group_fd = fan_fd;
	skel->struct_ops.inode_ops->group_fd = fan_fd;
	skel->struct_ops.first_ops->group_fd = fan_fd;
	skel->struct_ops.second_ops->group_fd = fan_fd;
	skel->struct_ops.pending_ops->group_fd = fan_fd;
	skel->struct_ops.path_ops->group_fd = fan_fd;
	skel->struct_ops.range_ops->group_fd = fan_fd;
	if (ASSERT_OK(fanotify_fastpath_permission__load(skel),
		      "load skeleton"))
		return skel;
	fanotify_fastpath_permission__destroy(skel);
	return NULL;
}

struct fanotify_fastpath_permission *fp_load_permission(struct fp_fixture *f)
{
	return fp_load_limit(f->fan_fd, FP_LONG_MS, -EIO);
}

void fp_unload_permission(struct fp_fixture *f,
			  struct fanotify_fastpath_permission *skel)
{
	fp_detach(f);
	fanotify_fastpath_permission__destroy(skel);
}

void fp_expect_counters(struct fp_fixture *f, int sent, int invalid,
			int allowed, int denied, int expired)
{
	char expected[128], decided[64] = "";

	if (allowed || denied || expired)
		snprintf(decided, sizeof(decided),
			 " allowed:%d denied:%d expired:%d", allowed, denied,
			 expired);
	snprintf(expected, sizeof(expected),
		 "seen:%d sent:%d skipped:0 invalid:%d%s",
		 sent + allowed + denied, sent, invalid, decided);
	ASSERT_STREQ(fp_read_counters(f), expected, "counters");
}

bool fp_write_file(const char *path, const char *text, mode_t mode)
{
	bool ok;
	int fd;

	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, mode);
	if (!ASSERT_OK_FD(fd, path))
		return false;
	ok = ASSERT_EQ(write(fd, text, strlen(text)), strlen(text), path);
	close(fd);
	return ok;
}

int fp_open_flags(const char *path, int flags)
{
	int fd;

	fd = open(path, flags, 0644);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

int fp_do_open(const char *path)
{
	return fp_open_flags(path, O_RDONLY);
}

int fp_do_exec(const char *path)
{
	execl(path, path, NULL);
	return errno;
}

int fp_do_read(const char *path)
{
	int fd;
	char c;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	return read(fd, &c, 1) == 1 ? 0 : errno;
}

/*
 * The group and the link must not live on in the child, or what the parent
 * closes would not be closed.
 */
pid_t fp_start(fp_child_fn fn, const char *path)
{
	pid_t pid;

	pid = fork();
	if (!pid) {
		syscall(__NR_close_range, STDERR_FILENO + 1, ~0U, 0);
		_exit(fn(path));
	}
	ASSERT_GE(pid, 0, "fork");
	return pid;
}

int fp_wait_child(pid_t pid)
{
	int pid_fd, status = -1;
	bool ended;

	if (pid < 0)
		return -1;
	pid_fd = syscall(__NR_pidfd_open, pid, 0);
	if (!ASSERT_OK_FD(pid_fd, "pidfd_open"))
		return -1;
	ended = fp_wait_readable(pid_fd);
	if (!ASSERT_TRUE(ended, "child ends")) {
		kill(pid, SIGKILL);
		if (!ASSERT_TRUE(fp_wait_readable(pid_fd), "killed child ends"))
			goto out;
	}
	if (!ASSERT_EQ(waitpid(pid, &status, 0), pid, "waitpid") || !ended)
		status = -1;
out:
	close(pid_fd);
	return status;
}

int fp_finish(pid_t pid)
{
	int status = fp_wait_child(pid);

	if (status == -1 || !ASSERT_TRUE(WIFEXITED(status), "exited"))
		return -1;
	return WEXITSTATUS(status);
}

void fp_kill_child(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	fp_wait_child(pid);
}

int fp_run(fp_child_fn fn, const char *path)
{
	return fp_finish(fp_start(fn, path));
}

bool fp_wait_queued(int fan_fd, int nr, pid_t pid)
{
	__u64 deadline = get_time_ns() + FP_TIMEOUT_MS * 1000000ULL;
	char path[64], stat[256], *state;
	int queued, fd;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (get_time_ns() < deadline) {
		fd = open(path, O_RDONLY);
		if (!ASSERT_OK_FD(fd, path))
			return false;
		len = read(fd, stat, sizeof(stat) - 1);
		close(fd);
		if (!ASSERT_GT(len, 0, path))
			return false;
		stat[len] = '\0';
		state = strrchr(stat, ')');
		if (state && !strncmp(state, ") D", 3) &&
		    !ioctl(fan_fd, FIONREAD, &queued) &&
		    queued == nr * FAN_EVENT_METADATA_LEN)
			return true;
		usleep(1000);
	}
	return ASSERT_TRUE(false, "opener waits");
}

int fp_read_permission(int fan_fd, __u64 mask)
{
	char buf[FAN_EVENT_METADATA_LEN +
		 sizeof(struct fanotify_event_info_range)] __aligned(8);
	struct fanotify_event_metadata *meta = (void *)buf;
	size_t size = sizeof(*meta);

	/* No room for a second one */
	if (mask == FAN_PRE_ACCESS)
		size = sizeof(buf);
	if (!ASSERT_TRUE(fp_wait_readable(fan_fd), "listener is asked") ||
	    !ASSERT_EQ(read(fan_fd, buf, size), size, "read"))
		return -1;
	if (!ASSERT_EQ(meta->mask, mask, "mask")) {
		if (meta->fd >= 0)
			close(meta->fd);
		return -1;
	}
	ASSERT_OK_FD(meta->fd, "event fd");
	return meta->fd;
}

int fp_respond(int fan_fd, int fd, __u32 response)
{
	struct fanotify_response answer = { .fd = fd, .response = response };

	if (write(fan_fd, &answer, sizeof(answer)) == sizeof(answer))
		return 0;
	return -errno;
}

int fp_run_asked(int fan_fd, fp_child_fn fn, const char *path, __u64 mask,
		 __u32 response)
{
	pid_t pid = fp_start(fn, path);
	int fd;

	fd = fp_read_permission(fan_fd, mask);
	if (fd >= 0) {
		ASSERT_OK(fp_respond(fan_fd, fd, response), "answer");
		close(fd);
	} else if (pid > 0) {
		kill(pid, SIGKILL);
	}
	return fp_finish(pid);
}

int fp_open_asked(struct fp_fixture *f, __u32 response)
{
	return fp_run_asked(f->fan_fd, fp_do_open, "a", FAN_OPEN_PERM,
			    response);
}

static void answer_one(struct fp_listener *listener, int fd)
{
	listener->read++;
	switch (fp_respond(listener->fan_fd, fd, listener->response)) {
	case 0:
		listener->accepted++;
		break;
	case -ENOENT:
		listener->late++;
		break;
	default:
		listener->other++;
	}
	close(fd);
}

/* Answer all that waits, sometimes at once and sometimes later. */
static void *answer_all(void *arg)
{
	char buf[FP_OPENERS * FAN_EVENT_METADATA_LEN] __aligned(8);
	struct fp_listener *listener = arg;
	struct pollfd pfds[] = {
		{ .fd = listener->fan_fd, .events = POLLIN },
		{ .fd = listener->stop_fd, .events = POLLIN },
	};
	const struct fanotify_event_metadata *meta;
	unsigned int round = 0;
	ssize_t len;

	while (poll(pfds, ARRAY_SIZE(pfds), -1) > 0 && !pfds[1].revents) {
		/* Before the read or between read and answer */
		if (round % 2 && listener->delay_us)
			usleep(round % 13 * listener->delay_us);
		len = read(listener->fan_fd, buf, sizeof(buf));
		if (len < 0)
			continue;
		if (round % 2 == 0 && listener->delay_us)
			usleep(round % 13 * listener->delay_us);
		round++;
		meta = (const void *)buf;
		for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len))
			answer_one(listener, meta->fd);
	}
	return NULL;
}

bool fp_start_listener(struct fp_listener *listener)
{
	listener->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (!ASSERT_OK_FD(listener->stop_fd, "eventfd"))
		return false;
	if (ASSERT_OK(pthread_create(&listener->thread, NULL, answer_all,
				     listener), "pthread_create"))
		return true;
	close(listener->stop_fd);
	listener->stop_fd = -1;
	return false;
}

void fp_stop_listener(struct fp_listener *listener)
{
	__u64 one = 1;

	if (listener->stop_fd < 0)
		return;
	ASSERT_EQ(write(listener->stop_fd, &one, sizeof(one)), sizeof(one),
		  "stop");
	pthread_join(listener->thread, NULL);
	close(listener->stop_fd);
	listener->stop_fd = -1;
}

void fp_join_opener(struct fp_fixture *f, pthread_t thread,
		    const struct timespec *deadline)
{
	if (ASSERT_OK(pthread_timedjoin_np(thread, NULL, deadline),
		      "opener ends"))
		return;
	if (f->fan_fd >= 0)
		close(f->fan_fd);
	f->fan_fd = -1;
	pthread_join(thread, NULL);
}
