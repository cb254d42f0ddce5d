// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: permission events, and how long an opener waits for the
 * listener.
 *
 * Whatever may have to wait for an answer is done in a child, which is killed
 * when it takes too long, so that a bug is a failure and not a hang.
 */
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/elf.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "cap_helpers.h"
#include "fanotify_fastpath_helpers.h"
#include "fanotify_fastpath_permission.skel.h"
#include "fanotify_fastpath_tracepoint.skel.h"
#include "sysctl_helpers.h"

/* For what comes from somewhere else; never slept out */
#define TIMEOUT_MS	10000
/*
 * Limits that run out in the test, at once or when the listener has surely read
 * the event, and one that must not
 */
#define SHORT_MS	200
#define READ_MS		2000
#define LONG_MS		(6 * TIMEOUT_MS)

#define CONTENT		"content"

/* The programs, with the limit for "limit" and "filter_limit" */
static struct fanotify_fastpath_permission *
load_limit(int fan_fd, unsigned int timeout_ms, int timeout_answer)
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
	if (ASSERT_OK(fanotify_fastpath_permission__load(skel), "load skeleton"))
		return skel;
	fanotify_fastpath_permission__destroy(skel);
	return NULL;
}

static struct fanotify_fastpath_permission *load(struct fastpath_fixture *f)
{
	return load_limit(f->fan_fd, LONG_MS, -EIO);
}

/* The link goes first: it is the fixture's. */
static void unload(struct fastpath_fixture *f,
		   struct fanotify_fastpath_permission *skel)
{
	bpf_link__destroy(f->link);
	f->link = NULL;
	fanotify_fastpath_permission__destroy(skel);
}

static int attach_error(struct bpf_map *map)
{
	struct bpf_link *link;

	link = bpf_map__attach_struct_ops(map);
	if (!link)
		return -errno;
	bpf_link__destroy(link);
	return 0;
}

static void expect_counters(struct fastpath_fixture *f, int sent, int invalid,
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
	ASSERT_STREQ(read_counters(f), expected, "counters");
}

static bool write_file(const char *path, const char *text, mode_t mode)
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

/* What a child does with a file: 0, or the errno of what failed */
typedef int (*child_fn)(const char *path);

static int open_flags(const char *path, int flags)
{
	int fd;

	fd = open(path, flags, 0644);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int do_open(const char *path)
{
	return open_flags(path, O_RDONLY);
}

static int do_create(const char *path)
{
	return open_flags(path, O_CREAT | O_EXCL | O_WRONLY);
}

static int do_open_truncate(const char *path)
{
	return open_flags(path, O_WRONLY | O_TRUNC);
}

static int do_openat2(const char *path)
{
	struct open_how how = { .flags = O_RDONLY };
	int fd;

	fd = syscall(__NR_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int do_exec(const char *path)
{
	execl(path, path, NULL);
	return errno;
}

static int do_read(const char *path)
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
static pid_t start(child_fn fn, const char *path)
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

static bool wait_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, TIMEOUT_MS) == 1;
}

/* Wait status of a child that ends in time, or -1 */
static int wait_child(pid_t pid)
{
	int pid_fd, status = -1;
	bool ended;

	if (pid < 0)
		return -1;
	pid_fd = syscall(__NR_pidfd_open, pid, 0);
	if (!ASSERT_OK_FD(pid_fd, "pidfd_open"))
		return -1;
	ended = wait_readable(pid_fd);
	if (!ASSERT_TRUE(ended, "child ends")) {
		kill(pid, SIGKILL);
		if (!ASSERT_TRUE(wait_readable(pid_fd), "killed child ends"))
			goto out;
	}
	if (!ASSERT_EQ(waitpid(pid, &status, 0), pid, "waitpid") || !ended)
		status = -1;
out:
	close(pid_fd);
	return status;
}

/* Errno of a child of start(), or -1 */
static int finish(pid_t pid)
{
	int status = wait_child(pid);

	if (status == -1 || !ASSERT_TRUE(WIFEXITED(status), "exited"))
		return -1;
	return WEXITSTATUS(status);
}

static int run(child_fn fn, const char *path)
{
	return finish(start(fn, path));
}

/* Wait until @nr events are queued and the opener @pid sleeps for its answer. */
static bool wait_queued(int fan_fd, int nr, pid_t pid)
{
	__u64 deadline = get_time_ns() + TIMEOUT_MS * 1000000ULL;
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

/* The fd of the next event, which has to be a permission event, or -1 */
static int read_permission(int fan_fd, __u64 mask)
{
	char buf[FAN_EVENT_METADATA_LEN +
		 sizeof(struct fanotify_event_info_range)] __aligned(8);
	struct fanotify_event_metadata *meta = (void *)buf;
	size_t size = sizeof(*meta);

	/* No room for a second one */
	if (mask == FAN_PRE_ACCESS)
		size = sizeof(buf);
	if (!ASSERT_TRUE(wait_readable(fan_fd), "listener is asked") ||
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

/* 0 or a negative errno */
static int respond(int fan_fd, int fd, __u32 response)
{
	struct fanotify_response answer = { .fd = fd, .response = response };

	if (write(fan_fd, &answer, sizeof(answer)) == sizeof(answer))
		return 0;
	return -errno;
}

/* Errno of a child whose event the listener answers with @response, or -1 */
static int run_asked(int fan_fd, child_fn fn, const char *path, __u64 mask,
		     __u32 response)
{
	pid_t pid = start(fn, path);
	int fd;

	fd = read_permission(fan_fd, mask);
	if (fd >= 0) {
		ASSERT_OK(respond(fan_fd, fd, response), "answer");
		close(fd);
	} else if (pid > 0) {
		kill(pid, SIGKILL);
	}
	return finish(pid);
}

static void test_allow(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(run(do_open, "a"), "open");
	ASSERT_STREQ(read_events(f), "", "events");
	expect_counters(f, 0, 0, 1, 0, 0);
out:
	unload(f, skel);
}

static void check_denials(struct fastpath_fixture *f)
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
	struct fanotify_fastpath_permission *skel = load(f);
	int i;

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	for (i = 0; i < ARRAY_SIZE(denials); i++) {
		skel->bss->answer = denials[i].answer;
		if (!ASSERT_EQ(run(do_open, "a"), denials[i].err, "open"))
			printf("answer %d\n", denials[i].answer);
	}
	ASSERT_STREQ(read_events(f), "", "events");
	expect_counters(f, 0, 0, 0, ARRAY_SIZE(denials), 0);
out:
	unload(f, skel);
}

static void test_deny_content(struct fastpath_fixture *f)
{
	check_denials(f);
}

static void test_deny_pre_content(struct fastpath_fixture *f)
{
	check_denials(f);
}

static void test_ask(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_ALLOW),
		  0, "listener allows");
	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_DENY),
		  EPERM, "listener denies");
	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM,
			    FAN_DENY_ERRNO(EBUSY)), EBUSY,
		  "listener denies with errno");
	expect_counters(f, 3, 0, 0, 0, 0);
out:
	unload(f, skel);
}

static void test_unknown_answer(struct fastpath_fixture *f)
{
	static const int answers[] = { 2, EBUSY, INT_MAX };
	struct fanotify_fastpath_permission *skel = load(f);
	int i;

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		skel->bss->answer = answers[i];
		ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM,
				    i % 2 ? FAN_DENY : FAN_ALLOW),
			  i % 2 ? EPERM : 0, "listener decides");
		expect_counters(f, i + 1, i + 1, 0, 0, 0);
	}
out:
	unload(f, skel);
}

static void test_args(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	__u64 ino;

	if (!skel || !make_dirs("d") || !write_file("d/a", CONTENT, 0755) ||
	    !mark_fs(f, FAN_OPEN_PERM) || !attach(f, skel->maps.answer_ops))
		goto out;
	ino = ino_of("d/a");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;

	ASSERT_OK(run(do_open, "d/a"), "open");
	ASSERT_EQ(skel->bss->asked, 1, "asked");
	ASSERT_EQ(skel->bss->got_mask, FAN_OPEN_PERM, "mask");
	ASSERT_EQ(skel->bss->got_ino, ino, "inode");
	ASSERT_EQ(skel->bss->got_path_ino, ino, "path");
	ASSERT_EQ(skel->bss->got_dentry_ino, ino, "dentry");
	ASSERT_EQ(skel->bss->got_range, 0, "range");
	ASSERT_EQ(skel->bss->got_q_len, 0, "q_len");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");

	/* Each type of event is asked about on its own. */
	if (!mark_fs(f, FAN_OPEN_EXEC_PERM | FAN_ACCESS_PERM))
		goto out;
	ASSERT_OK(run(do_read, "d/a"), "read");
	ASSERT_EQ(skel->bss->asked, 3, "asked");
	ASSERT_EQ(skel->bss->got_mask, FAN_ACCESS_PERM, "mask of read");
	/* No format: open for exec, open, and the read of its first bytes */
	ASSERT_EQ(run(do_exec, "d/a"), ENOEXEC, "exec");
	ASSERT_GE(skel->bss->asked, 6, "asked");
	ASSERT_EQ(skel->bss->got_ino, ino, "inode");
out:
	unload(f, skel);
}

static void test_path(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	char path[sizeof(f->mnt) + sizeof("/d/a")];

	if (!skel || !make_dirs("d") || !write_file("d/a", CONTENT, 0644) ||
	    !mark_fs(f, FAN_OPEN_PERM) || !attach(f, skel->maps.path_ops))
		goto out;
	snprintf(path, sizeof(path), "%s/d/a", f->mnt);

	ASSERT_OK(run(do_open, "d/a"), "open");
	ASSERT_STREQ(skel->bss->got_name, path, "path");
	ASSERT_EQ(skel->bss->got_name_len, strlen(path) + 1, "its length");
out:
	unload(f, skel);
}

/* Members that a program does not have are as without a program. */
static void test_no_filter(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);

	if (!skel || !make_files("a") ||
	    !mark_fs(f, FAN_OPEN | FAN_CLOSE_NOWRITE | FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(run(do_open, "a"), "open");
	ASSERT_STREQ(read_events(f), "open|close_nowrite:a", "events");
	skel->bss->answer = -EPERM;
	ASSERT_EQ(run(do_open, "a"), EPERM, "denied");
	ASSERT_STREQ(read_events(f), "", "nothing was opened");
	expect_counters(f, 0, 0, 1, 1, 0);
out:
	unload(f, skel);
}

static void test_no_permission(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.filter_ops))
		goto out;

	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_DENY),
		  EPERM, "listener denies");
	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_ALLOW),
		  0, "listener allows");
	expect_counters(f, 0, 0, 0, 0, 0);
out:
	unload(f, skel);
}

static void test_openat2(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = -EBUSY;
	ASSERT_EQ(run(do_openat2, "a"), EBUSY, "denied");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(run(do_openat2, "a"), "allowed");
	expect_counters(f, 0, 0, 1, 1, 0);
out:
	unload(f, skel);
}

/* Find the path of the loader in @fd; false if that is linked statically. */
static bool find_loader(int fd, struct elf64_phdr *phdr)
{
	struct elf64_hdr hdr;
	int i;

	if (pread(fd, &hdr, sizeof(hdr), 0) != sizeof(hdr) ||
	    hdr.e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	for (i = 0; i < hdr.e_phnum; i++) {
		if (pread(fd, phdr, sizeof(*phdr),
			  hdr.e_phoff + i * hdr.e_phentsize) != sizeof(*phdr))
			return false;
		if (phdr->p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* A copy of /bin/true as "a" whose loader is a copy too, "ld.so" */
static bool make_binary(void)
{
	char loader[PATH_MAX], cmd[PATH_MAX + 64];
	struct elf64_phdr phdr;
	bool ok = false;
	int fd;

	if (!ASSERT_OK(system("cp -L /bin/true a && chmod 755 a"), "copy"))
		return false;
	fd = open("a", O_RDWR);
	if (!ASSERT_OK_FD(fd, "a"))
		return false;
	if (!find_loader(fd, &phdr)) {
		printf("%s:SKIP:/bin/true has no loader\n", __func__);
		test__skip();
		goto out;
	}

	if (!ASSERT_LT(phdr.p_filesz, sizeof(loader), "length of path") ||
	    !ASSERT_EQ(pread(fd, loader, phdr.p_filesz, phdr.p_offset),
		       phdr.p_filesz, "read path"))
		goto out;
	loader[phdr.p_filesz] = '\0';
	snprintf(cmd, sizeof(cmd), "cp -L %s ld.so", loader);
	if (!ASSERT_OK(system(cmd), cmd))
		goto out;
	memset(loader, 0, phdr.p_filesz);
	snprintf(loader, phdr.p_filesz, "ld.so");
	ok = ASSERT_EQ(pwrite(fd, loader, phdr.p_filesz, phdr.p_offset),
		       phdr.p_filesz, "write path");
out:
	close(fd);
	return ok;
}

/* Deny one of the files that execve() opens. */
static void check_exec(struct fastpath_fixture *f,
		       struct fanotify_fastpath_permission *skel,
		       const char *path, const char *denied)
{
	skel->bss->answer = -EPERM;
	skel->bss->answered_ino = 0;
	ASSERT_OK(run(do_exec, path), "allowed");
	skel->bss->answered_ino = ino_of(denied);
	ASSERT_EQ(run(do_exec, path), EPERM, "denied");
}

static void test_exec(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);

	if (!skel || !make_binary() ||
	    !write_file("s", "#!a\n", 0755))
		goto out;
	if (!mark_fs(f, FAN_OPEN_EXEC_PERM) || !attach(f, skel->maps.inode_ops))
		goto out;

	check_exec(f, skel, "a", "a");
	check_exec(f, skel, "s", "s");
	expect_counters(f, 0, 0, 2 + 3, 2, 0);
out:
	unload(f, skel);
}

static void test_exec_interpreter(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);

	if (!skel || !make_binary() ||
	    !write_file("s", "#!a\n", 0755))
		goto out;
	if (!mark_fs(f, FAN_OPEN_EXEC_PERM) || !attach(f, skel->maps.inode_ops))
		goto out;

	check_exec(f, skel, "s", "a");
	check_exec(f, skel, "s", "ld.so");
	check_exec(f, skel, "a", "ld.so");
out:
	unload(f, skel);
}

static void test_read(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);

	if (!skel || !write_file("a", CONTENT, 0644) ||
	    !mark_fs(f, FAN_ACCESS_PERM) || !attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = -EIO;
	ASSERT_EQ(run(do_read, "a"), EIO, "denied");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(run(do_read, "a"), "allowed");
	skel->bss->answer = FAN_FP_RET_SEND_TO_USERSPACE;
	ASSERT_EQ(run_asked(f->fan_fd, do_read, "a", FAN_ACCESS_PERM, FAN_DENY),
		  EPERM, "asked");
	expect_counters(f, 1, 0, 1, 1, 0);
out:
	unload(f, skel);
}

static void test_truncate(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	struct stat before, after;

	if (!skel || !write_file("a", CONTENT, 0644) ||
	    !ASSERT_OK(stat("a", &before), "stat") ||
	    !mark_fs(f, FAN_OPEN_PERM) || !attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = -EPERM;
	ASSERT_EQ(run(do_open_truncate, "a"), EPERM, "denied");
	if (!ASSERT_OK(stat("a", &after), "stat"))
		goto out;
	ASSERT_EQ(after.st_size, before.st_size, "size");
	ASSERT_MEMEQ(&after.st_mtim, &before.st_mtim, sizeof(after.st_mtim),
		     "mtime");
	ASSERT_MEMEQ(&after.st_ctim, &before.st_ctim, sizeof(after.st_ctim),
		     "ctime");

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(run(do_open_truncate, "a"), "allowed");
	if (ASSERT_OK(stat("a", &after), "stat"))
		ASSERT_EQ(after.st_size, 0, "truncated");
out:
	unload(f, skel);
}

/* The file is there before anyone is asked about the open, as ever. */
static void test_create(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	struct stat plain, denied;

	if (!skel || !mark_fs(f, FAN_OPEN_PERM))
		goto out;
	ASSERT_EQ(run_asked(f->fan_fd, do_create, "plain", FAN_OPEN_PERM,
			    FAN_DENY), EPERM, "listener denies");
	if (!ASSERT_OK(stat("plain", &plain), "left by the listener") ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = -EPERM;
	ASSERT_EQ(run(do_create, "denied"), EPERM, "program denies");
	if (!ASSERT_OK(stat("denied", &denied), "left by the program"))
		goto out;
	ASSERT_EQ(denied.st_size, plain.st_size, "size");
	ASSERT_EQ(denied.st_mode, plain.st_mode, "mode");
	ASSERT_EQ(denied.st_nlink, plain.st_nlink, "links");
out:
	unload(f, skel);
}

/* An allow is for the own group only, a denial is for all. */
static void test_two_groups(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = NULL;
	struct bpf_link *link = NULL;
	int high_fd;

	high_fd = new_group(FAN_CLASS_PRE_CONTENT);
	if (!ASSERT_OK_FD(high_fd, "second group"))
		return;
	skel = load_limit(high_fd, LONG_MS, -EIO);
	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !ASSERT_OK(fanotify_mark(high_fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				     FAN_OPEN_PERM, AT_FDCWD, "."), "second mark"))
		goto out;
	link = bpf_map__attach_struct_ops(skel->maps.answer_ops);
	if (!ASSERT_OK_PTR(link, "attach"))
		goto out;

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_DENY),
		  EPERM, "low group denies");
	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_ALLOW),
		  0, "low group allows");
	skel->bss->answer = -EBUSY;
	ASSERT_EQ(run(do_open, "a"), EBUSY, "high group denies");
	ASSERT_STREQ(read_events(f), "", "low group is not asked");
	ASSERT_EQ(count_events(high_fd), 0, "high listener");
	ASSERT_HAS_SUBSTR(read_fdinfo(f, high_fd), " allowed:2 denied:1 ",
			  "counters");
out:
	bpf_link__destroy(link);
	fanotify_fastpath_permission__destroy(skel);
	close(high_fd);
}

/* A read is asked about if a mark wanted that when the file was opened. */
static void test_opened_before(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	int unmarked_fd, marked_fd = -1;
	char c;

	unmarked_fd = open("a", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	if (!skel || !ASSERT_OK_FD(unmarked_fd, "a") ||
	    !ASSERT_EQ(pwrite(unmarked_fd, CONTENT, 1, 0), 1, "pwrite") ||
	    !mark_fs(f, FAN_ACCESS_PERM))
		goto out;
	marked_fd = open("a", O_RDONLY | O_CLOEXEC);
	if (!ASSERT_OK_FD(marked_fd, "a"))
		goto out;
	skel->bss->answer = -EIO;
	if (!attach(f, skel->maps.answer_ops))
		goto out;

	ASSERT_EQ(pread(unmarked_fd, &c, 1, 0), 1, "opened before mark");
	expect_counters(f, 0, 0, 0, 0, 0);
	ASSERT_EQ(pread(marked_fd, &c, 1, 0), -1, "opened before program");
	ASSERT_EQ(errno, EIO, "denied");
	expect_counters(f, 0, 0, 0, 1, 0);
out:
	if (marked_fd >= 0)
		close(marked_fd);
	if (unmarked_fd >= 0)
		close(unmarked_fd);
	unload(f, skel);
}

static void test_tracepoint(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	struct fanotify_fastpath_tracepoint *trace;

	trace = fanotify_fastpath_tracepoint__open_and_load();
	if (!skel || !ASSERT_OK_PTR(trace, "load skeleton") ||
	    !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;
	trace->bss->watched_ino = ino_of("a");
	if (!ASSERT_OK(fanotify_fastpath_tracepoint__attach(trace), "attach"))
		goto out;

	skel->bss->answer = -EIO;
	ASSERT_EQ(run(do_open, "a"), EIO, "denied");
	ASSERT_EQ(trace->bss->last_answer, -EIO, "answer");
	/* As the program gave it */
	skel->bss->answer = -ENOENT;
	ASSERT_EQ(run(do_open, "a"), EPERM, "denied");
	ASSERT_EQ(trace->bss->last_answer, -ENOENT, "answer");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(run(do_open, "a"), "allowed");
	ASSERT_EQ(trace->bss->last_answer, FAN_FP_RET_SKIP_EVENT, "answer");
	ASSERT_EQ(trace->bss->skipped, 1, "skipped");
out:
	fanotify_fastpath_tracepoint__destroy(trace);
	unload(f, skel);
}

/* Attach, and then update to, a program that needs more than a filter does. */
static void expect_refused(struct fastpath_fixture *f,
			   struct fanotify_fastpath_permission *skel, int err)
{
	ASSERT_EQ(attach_error(skel->maps.answer_ops), err, "permission");
	ASSERT_EQ(attach_error(skel->maps.filter_limit_ops), err, "limit");
	if (!attach(f, skel->maps.filter_ops))
		return;
	ASSERT_EQ(bpf_link__update_map(f->link, skel->maps.answer_ops), err,
		  "update to permission");
	ASSERT_EQ(bpf_link__update_map(f->link, skel->maps.filter_limit_ops),
		  err, "update to limit");
	ASSERT_HAS_SUBSTR(read_fdinfo(f, f->fan_fd), "name:filter ",
			  "old program");
}

static void test_attach_class(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);

	if (skel)
		expect_refused(f, skel, -EINVAL);
	unload(f, skel);
}

static void test_attach_capability(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	__u64 old_caps = 0;

	if (!skel ||
	    !ASSERT_OK(cap_disable_effective(1ULL << CAP_SYS_ADMIN, &old_caps),
		       "drop CAP_SYS_ADMIN"))
		goto out;
	expect_refused(f, skel, -EPERM);
	ASSERT_OK(cap_enable_effective(old_caps, NULL), "restore capabilities");
	if (!f->link)
		goto out;

	ASSERT_OK(bpf_link__update_map(f->link, skel->maps.filter_limit_ops),
		  "update to limit");
	ASSERT_OK(bpf_link__update_map(f->link, skel->maps.answer_ops),
		  "update to permission");
out:
	unload(f, skel);
}

static void test_attach_limit(struct fastpath_fixture *f)
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
		skel = load_limit(f->fan_fd, limits[i].timeout_ms,
				  limits[i].timeout_answer);
		if (!skel)
			return;
		ok = ASSERT_EQ(attach_error(skel->maps.limit_ops),
			       limits[i].err, "permission");
		ok &= ASSERT_EQ(attach_error(skel->maps.filter_limit_ops),
				limits[i].err, "filter");
		if (!ok)
			printf("timeout %u answer %d\n", limits[i].timeout_ms,
			       limits[i].timeout_answer);
		fanotify_fastpath_permission__destroy(skel);
	}
}

/* A policy that stops asking a listener that is stuck */
static void test_pending(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	pid_t first = -1, second = -1;
	int fd;

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.pending_ops))
		goto out;
	skel->bss->max_pending = 2;

	first = start(do_open, "a");
	if (!wait_queued(f->fan_fd, 1, first))
		goto out;
	second = start(do_open, "a");
	if (!wait_queued(f->fan_fd, 2, second))
		goto out;
	ASSERT_EQ(skel->bss->got_q_len, 1, "q_len of second");
	ASSERT_EQ(skel->bss->got_pending, 1, "pending of second");

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(run(do_open, "a"), "fails open");
	ASSERT_EQ(skel->bss->got_q_len, 2, "q_len of third");
	ASSERT_EQ(skel->bss->got_pending, 2, "pending of third");

	/* What was read is not in the queue any more, and waits. */
	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	skel->bss->answer = -EBUSY;
	ASSERT_EQ(run(do_open, "a"), EBUSY, "fails closed");
	ASSERT_EQ(skel->bss->got_q_len, 1, "q_len of fourth");
	ASSERT_EQ(skel->bss->got_pending, 2, "pending of fourth");

	ASSERT_OK(respond(f->fan_fd, fd, FAN_ALLOW), "answer first");
	close(fd);
	ASSERT_OK(finish(first), "first");
	first = -1;
	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_OK(respond(f->fan_fd, fd, FAN_DENY), "answer second");
	close(fd);
	ASSERT_EQ(finish(second), EPERM, "second");
	second = -1;
	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_ALLOW),
		  0, "asks again");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending of fifth");
	expect_counters(f, 3, 0, 1, 1, 0);
out:
	if (first > 0) {
		kill(first, SIGKILL);
		wait_child(first);
	}
	if (second > 0) {
		kill(second, SIGKILL);
		wait_child(second);
	}
	unload(f, skel);
}

/* Open a file whose listener reads nothing. */
static void check_unread(struct fastpath_fixture *f, int timeout_answer,
			 int err)
{
	struct fanotify_fastpath_permission *skel;
	__u64 began, took;

	skel = load_limit(f->fan_fd, SHORT_MS, timeout_answer);
	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	began = get_time_ns();
	ASSERT_EQ(run(do_open, "a"), err, "open");
	took = get_time_ns() - began;
	/* jiffies catch up with a processor that was not run for a while. */
	ASSERT_GE(took, SHORT_MS * 1000000ULL / 2, "time");
	ASSERT_STREQ(read_events(f), "", "not in the queue any more");
	expect_counters(f, 1, 0, 0, 0, 1);

	ASSERT_EQ(run(do_open, "a"), err, "open again");
	ASSERT_EQ(skel->bss->got_q_len, 0, "q_len");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");
	expect_counters(f, 2, 0, 0, 0, 2);
out:
	unload(f, skel);
}

static void test_limit_allows(struct fastpath_fixture *f)
{
	check_unread(f, FAN_FP_RET_SKIP_EVENT, 0);
}

static void test_limit_denies(struct fastpath_fixture *f)
{
	check_unread(f, -EBUSY, EBUSY);
}

/* The limit needs no program that answers. */
static void test_limit_filter(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel;

	skel = load_limit(f->fan_fd, SHORT_MS, -EAGAIN);
	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.filter_limit_ops))
		goto out;

	ASSERT_EQ(run(do_open, "a"), EAGAIN, "open");
	ASSERT_STREQ(read_events(f), "", "events");
	expect_counters(f, 0, 0, 0, 0, 1);
out:
	unload(f, skel);
}

/* An answer that is late does not find the next event under the same fd. */
static void test_limit_late_answer(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	pid_t pid;
	int fd;

	skel = load_limit(f->fan_fd, READ_MS, -EBUSY);
	if (!skel || !make_files("a b") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	pid = start(do_open, "a");
	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_EQ(finish(pid), EBUSY, "open");
	expect_counters(f, 1, 0, 0, 0, 1);
	ASSERT_EQ(respond(f->fan_fd, fd, FAN_ALLOW), -ENOENT, "late answer");
	ASSERT_EQ(respond(f->fan_fd, fd, FAN_ALLOW), -ENOENT, "again");
	close(fd);

	/* Never answered at all this time */
	pid = start(do_open, "a");
	ASSERT_EQ(read_permission(f->fan_fd, FAN_OPEN_PERM), fd, "same fd");
	ASSERT_EQ(finish(pid), EBUSY, "open");
	close(fd);

	/* From here on nothing expires. */
	if (!ASSERT_OK(bpf_link__update_map(f->link, skel->maps.answer_ops),
		       "update"))
		goto out;
	pid = start(do_open, "b");
	ASSERT_EQ(read_permission(f->fan_fd, FAN_OPEN_PERM), fd, "same fd");
	ASSERT_OK(respond(f->fan_fd, fd, FAN_DENY), "answer");
	close(fd);
	ASSERT_EQ(finish(pid), EPERM, "its own answer");
	expect_counters(f, 3, 0, 0, 0, 2);
out:
	unload(f, skel);
}

static void kill_waiting(pid_t pid)
{
	int status;

	if (pid < 0)
		return;
	ASSERT_OK(kill(pid, SIGKILL), "kill");
	status = wait_child(pid);
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
static void test_limit_while_read(struct fastpath_fixture *f)
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
	skel = load_limit(f->fan_fd, READ_MS, -EBUSY);
	if (!slow.buf || !skel || !make_files("a") ||
	    !mark_fs(f, FAN_OPEN_PERM) || !attach(f, skel->maps.limit_ops))
		goto out;

	pid = start(do_open, "a");
	if (!wait_queued(f->fan_fd, 1, pid) ||
	    !ASSERT_OK(pthread_create(&slow.thread, NULL, read_slowly, &slow),
		       "pthread_create")) {
		kill_waiting(pid);
		goto out;
	}
	if (!ASSERT_TRUE(wait_readable(uffd), "page fault")) {
		/* Whoever comes to the page now does not wait there. */
		fill_page(uffd, slow.buf);
		pthread_join(slow.thread, NULL);
		meta = slow.buf;
		if (slow.len == FAN_EVENT_METADATA_LEN)
			close(meta->fd);
		finish(pid);
		goto out;
	}
	ASSERT_EQ(read(uffd, &msg, sizeof(msg)), sizeof(msg), "page fault");
	ASSERT_EQ(msg.event, UFFD_EVENT_PAGEFAULT, "page fault");
	ASSERT_EQ(finish(pid), EBUSY, "open");
	expect_counters(f, 1, 0, 0, 0, 1);

	fill_page(uffd, slow.buf);
	pthread_join(slow.thread, NULL);
	meta = slow.buf;
	if (ASSERT_EQ(slow.len, FAN_EVENT_METADATA_LEN, "read")) {
		ASSERT_EQ(respond(f->fan_fd, meta->fd, FAN_ALLOW), -ENOENT,
			  "late answer");
		close(meta->fd);
	}
	ASSERT_STREQ(read_events(f), "", "events");
	unmount_fs(f);
out:
	if (slow.buf)
		munmap(slow.buf, getpagesize());
	close(uffd);
	unload(f, skel);
}

static void test_limit_answer_in_time(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel;

	skel = load_limit(f->fan_fd, LONG_MS, -EBUSY);
	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_ALLOW),
		  0, "allowed");
	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_DENY),
		  EPERM, "denied");
	expect_counters(f, 2, 0, 0, 0, 0);
out:
	unload(f, skel);
}

static void test_limit_kill(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	pid_t pid;
	int fd;

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	pid = start(do_open, "a");
	if (wait_queued(f->fan_fd, 1, pid)) {
		kill_waiting(pid);
		ASSERT_STREQ(read_events(f), "", "taken back");
	} else {
		kill_waiting(pid);
	}

	/* What was read takes an answer as ever. */
	pid = start(do_open, "a");
	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	kill_waiting(pid);
	ASSERT_OK(respond(f->fan_fd, fd, FAN_ALLOW), "answer");
	ASSERT_EQ(respond(f->fan_fd, fd, FAN_ALLOW), -ENOENT, "again");
	close(fd);
	expect_counters(f, 2, 0, 0, 0, 0);
	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_ALLOW),
		  0, "next");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");
out:
	unload(f, skel);
}

/* One event is in the queue, one was read. */
static void test_limit_group_close(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	pid_t read_pid, queued_pid;
	int fd;

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	read_pid = start(do_open, "a");
	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	queued_pid = start(do_open, "a");
	wait_queued(f->fan_fd, 1, queued_pid);
	close(f->fan_fd);
	f->fan_fd = -1;
	ASSERT_OK(finish(read_pid), "read");
	ASSERT_OK(finish(queued_pid), "queued");
	close(fd);
	ASSERT_OK(run(do_open, "a"), "without a group");
out:
	unload(f, skel);
}

/* Two that expired, one of them in the hands of the listener */
static void test_limit_unmount(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	pid_t pid;
	int fd;

	skel = load_limit(f->fan_fd, READ_MS, -EBUSY);
	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	pid = start(do_open, "a");
	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_EQ(finish(pid), EBUSY, "read");
	ASSERT_EQ(run(do_open, "a"), EBUSY, "unread");
	close(fd);
	expect_counters(f, 2, 0, 0, 0, 2);
	unmount_fs(f);
out:
	unload(f, skel);
}

#define RACE_THREADS	4
#define RACE_OPENS	40
#define RACE_LIMIT_MS	4
/* Several ticks, so that it lasts about as long whatever HZ is */
#define RACE_ANSWER_MS	40

struct race_opener {
	pthread_t thread;
	int allowed;
	int expired;
	int other;
};

struct race_listener {
	pthread_t thread;
	int fan_fd;
	int stop_fd;
	__u32 response;
	/* In steps of it; 0 for none */
	unsigned int delay_us;
	int read;
	int accepted;
	int late;
	int other;
};

static void *race_open(void *arg)
{
	struct race_opener *opener = arg;
	int i;

	for (i = 0; i < RACE_OPENS; i++) {
		switch (do_open("a")) {
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

static void race_answer(struct race_listener *listener, int fd)
{
	listener->read++;
	switch (respond(listener->fan_fd, fd, listener->response)) {
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
static void *race_listen(void *arg)
{
	char buf[RACE_THREADS * FAN_EVENT_METADATA_LEN] __aligned(8);
	struct race_listener *listener = arg;
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
			race_answer(listener, meta->fd);
	}
	return NULL;
}

/* Join in time, or set the openers free by closing the group. */
static void join_opener(struct fastpath_fixture *f, pthread_t thread,
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

/*
 * Each open gets either answer, and an answer that was accepted is the one that
 * counts.
 */
static void test_limit_race(struct fastpath_fixture *f)
{
	/* Around the limit: up to three times as long */
	struct race_listener listener = {
		.fan_fd = f->fan_fd, .stop_fd = -1, .response = FAN_ALLOW,
		.delay_us = RACE_ANSWER_MS * 1000 / 4,
	};
	struct race_opener openers[RACE_THREADS] = {};
	struct fanotify_fastpath_permission *skel;
	int i, nr = 0, allowed = 0, expired = 0, other = 0;
	struct timespec deadline;
	__u64 one = 1;

	skel = load_limit(f->fan_fd, RACE_ANSWER_MS, -EBUSY);
	listener.stop_fd = eventfd(0, EFD_CLOEXEC);
	if (!skel || !ASSERT_OK_FD(listener.stop_fd, "eventfd") ||
	    !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	if (!ASSERT_OK(pthread_create(&listener.thread, NULL, race_listen,
				      &listener), "pthread_create"))
		goto out;
	for (; nr < RACE_THREADS; nr++)
		if (!ASSERT_OK(pthread_create(&openers[nr].thread, NULL,
					      race_open, &openers[nr]),
			       "pthread_create"))
			break;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 6 * TIMEOUT_MS / 1000;
	for (i = 0; i < nr; i++) {
		join_opener(f, openers[i].thread, &deadline);
		allowed += openers[i].allowed;
		expired += openers[i].expired;
		other += openers[i].other;
	}
	ASSERT_EQ(write(listener.stop_fd, &one, sizeof(one)), sizeof(one),
		  "stop");
	pthread_join(listener.thread, NULL);
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
	expect_counters(f, nr * RACE_OPENS, 0, 0, 0, expired);
	ASSERT_STREQ(read_events(f), "", "events");

	skel->bss->answer = -EIO;
	ASSERT_EQ(run(do_open, "a"), EIO, "afterwards");
	ASSERT_EQ(skel->bss->got_q_len, 0, "q_len");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");
	unmount_fs(f);
out:
	if (listener.stop_fd >= 0)
		close(listener.stop_fd);
	unload(f, skel);
}

#define RACE_ROUNDS	40

/* The listener never reads. Killed, or out of time: nothing is left behind. */
static void test_limit_kill_race(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	int i, status, expired = 0, killed = 0;
	__u64 until;
	pid_t pid;

	skel = load_limit(f->fan_fd, RACE_LIMIT_MS, -EBUSY);
	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	for (i = 0; i < RACE_ROUNDS; i++) {
		pid = start(do_open, "a");
		if (pid < 0)
			goto out;
		until = get_time_ns() + TIMEOUT_MS * 1000000ULL;
		while (skel->bss->asked <= i && get_time_ns() < until)
			sched_yield();
		if (!ASSERT_GT(skel->bss->asked, i, "asked")) {
			kill(pid, SIGKILL);
			wait_child(pid);
			goto out;
		}
		/* Around the limit; then later and later, for a slow kernel */
		usleep((i % 8 * RACE_LIMIT_MS * 1000 / 4) << i / 8);
		ASSERT_OK(kill(pid, SIGKILL), "kill");
		status = wait_child(pid);
		if (status == -1)
			goto out;
		killed += WIFSIGNALED(status);
		expired += WIFEXITED(status) && WEXITSTATUS(status) == EBUSY;
	}
	ASSERT_EQ(killed + expired, RACE_ROUNDS, "killed, or out of time");
	ASSERT_GT(killed, 0, "some are killed");
	ASSERT_GT(expired, 0, "some are out of time");
	ASSERT_STREQ(read_events(f), "", "events");

	skel->bss->answer = -EIO;
	ASSERT_EQ(run(do_open, "a"), EIO, "afterwards");
	ASSERT_EQ(skel->bss->got_q_len, 0, "q_len");
	ASSERT_EQ(skel->bss->got_pending, 0, "pending");
	unmount_fs(f);
out:
	unload(f, skel);
}

#define RACE_CLOSES	10

/* The group goes about when the time is over: whichever is first, no hang. */
static void test_limit_close_race(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	int i, j, err, allowed = 0, expired = 0;
	pid_t pids[RACE_THREADS];
	bool last;

	if (!make_files("a"))
		return;
	for (i = 0; i < RACE_CLOSES; i++) {
		skel = load_limit(f->fan_fd, RACE_LIMIT_MS, -EBUSY);
		if (!skel || !mark_fs(f, FAN_OPEN_PERM) ||
		    !attach(f, skel->maps.limit_ops)) {
			unload(f, skel);
			return;
		}
		for (j = 0; j < RACE_THREADS; j++)
			pids[j] = start(do_open, "a");
		/* Early in the first rounds, when all were out of time in the last */
		last = i == RACE_CLOSES - 1;
		if (!last) {
			usleep(i * RACE_LIMIT_MS * 1000);
			close(f->fan_fd);
		}
		for (j = 0; j < RACE_THREADS; j++) {
			err = finish(pids[j]);
			allowed += err == 0;
			expired += err == EBUSY;
			if (last)
				ASSERT_EQ(err, EBUSY, "out of time");
		}
		if (last)
			close(f->fan_fd);
		unload(f, skel);
		f->fan_fd = new_group(FAN_CLASS_CONTENT);
		if (!ASSERT_OK_FD(f->fan_fd, "fanotify_init"))
			return;
	}
	ASSERT_EQ(allowed + expired, RACE_CLOSES * RACE_THREADS,
		  "allowed, or out of time");
	ASSERT_GT(allowed, 0, "some are allowed");
	ASSERT_GT(expired, 0, "some are out of time");
	unmount_fs(f);
}

struct busy_opener {
	pthread_t thread;
	bool stop;
	int denied;
	int other;
};

/* Open the file until that is allowed, or has failed for too long. */
static void *busy_open(void *arg)
{
	struct busy_opener *opener = arg;
	int ret;

	while ((ret = do_open("a")) &&
	       !__atomic_load_n(&opener->stop, __ATOMIC_RELAXED)) {
		if (ret == EBUSY)
			opener->denied++;
		else
			opener->other++;
	}
	return NULL;
}

/* False if an opener may still be there */
static bool check_busy_close(struct fastpath_fixture *f,
			     struct fanotify_fastpath_permission *skel)
{
	/* One that hangs is never joined, and must not lose what it uses. */
	static struct busy_opener openers[RACE_THREADS];
	struct timespec deadline;
	__u64 asked, until;
	bool ended = true;
	int i, nr = 0;

	memset(openers, 0, sizeof(openers));
	asked = skel->bss->asked;
	for (; nr < RACE_THREADS; nr++)
		if (!ASSERT_OK(pthread_create(&openers[nr].thread, NULL,
					      busy_open, &openers[nr]),
			       "pthread_create"))
			break;
	until = get_time_ns() + TIMEOUT_MS * 1000000ULL;
	while (skel->bss->asked < asked + RACE_THREADS &&
	       get_time_ns() < until)
		usleep(100);
	ASSERT_GE(skel->bss->asked, asked + RACE_THREADS, "all are busy");

	close(f->fan_fd);
	f->fan_fd = -1;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += TIMEOUT_MS / 1000;
	for (i = 0; i < nr; i++) {
		/* Denied at most until now */
		if (!ASSERT_OK(pthread_timedjoin_np(openers[i].thread, NULL,
						    &deadline), "allowed")) {
			__atomic_store_n(&openers[i].stop, true,
					 __ATOMIC_RELAXED);
			skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
			ended = false;
		}
		ASSERT_EQ(openers[i].other, 0, "other errors");
	}
	return ended;
}

#define BUSY_CLOSES	10

/* The listener goes while its program denies, or asks, what goes on. */
static void test_busy_close(struct fastpath_fixture *f)
{
	static const int answers[] = {
		-EBUSY, FAN_FP_RET_SEND_TO_USERSPACE,
	};
	struct fanotify_fastpath_permission *skel;
	bool ended;
	int i;

	if (!make_files("a"))
		return;
	for (i = 0; i < BUSY_CLOSES; i++) {
		skel = load(f);
		if (!skel || !mark_fs(f, FAN_OPEN_PERM) ||
		    !attach(f, skel->maps.answer_ops)) {
			unload(f, skel);
			return;
		}
		skel->bss->answer = answers[i % 2];
		ended = check_busy_close(f, skel);
		ASSERT_OK(run(do_open, "a"), "without a group");
		unload(f, skel);
		if (!ended)
			return;
		f->fan_fd = new_group(FAN_CLASS_CONTENT);
		if (!ASSERT_OK_FD(f->fan_fd, "fanotify_init"))
			return;
	}
	unmount_fs(f);
}

/*
 * Two files are opened in a loop while programs are updated, attached, detached,
 * lose their mark or their group. "first" and "second" deny "d", each with its own
 * errno, and allow "a"; the listener denies both. What an open may get depends on
 * the phase that it began and ended in.
 */
enum load_phase {
	LOAD_PROGRAM,
	LOAD_LISTENER,
	LOAD_NOBODY,
	/* From one of those above to another */
	LOAD_PROGRAM_OR_LISTENER,
	LOAD_PROGRAM_OR_NOBODY,
	LOAD_PHASES
};

enum load_result {
	LOAD_OPENED,
	LOAD_ASKED,
	LOAD_FIRST,
	LOAD_SECOND,
	LOAD_OTHER,
	LOAD_RESULTS
};

enum load_file {
	LOAD_DENIED,
	LOAD_ALLOWED,
	LOAD_FILES
};

static const char *const load_files[] = { "d", "a" };

static const char *const load_phases[] = {
	"program decides", "listener decides", "nobody decides",
	"program or listener decides", "program or nobody decides",
};

static const char *const load_results[] = {
	"opened", "denied by listener", "denied by first", "denied by second",
	"other errors",
};

enum { LOAD_BOTH = 1U << LOAD_FIRST | 1U << LOAD_SECOND };

static const unsigned int load_expected[LOAD_PHASES][LOAD_FILES] = {
	[LOAD_PROGRAM] = { LOAD_BOTH, 1U << LOAD_OPENED },
	[LOAD_LISTENER] = { 1U << LOAD_ASKED, 1U << LOAD_ASKED },
	[LOAD_NOBODY] = { 1U << LOAD_OPENED, 1U << LOAD_OPENED },
	[LOAD_PROGRAM_OR_LISTENER] = { LOAD_BOTH | 1U << LOAD_ASKED,
				       1U << LOAD_OPENED | 1U << LOAD_ASKED },
	[LOAD_PROGRAM_OR_NOBODY] = { LOAD_BOTH | 1U << LOAD_OPENED,
				     1U << LOAD_OPENED },
};

/*
 * A failed wait for what the openers do is followed by one for their end: both are
 * to be over before the watchdog kills.
 */
#define LOAD_WAIT_MS	(3 * TIMEOUT_MS)

struct load {
	pthread_t threads[RACE_THREADS];
	int nr_threads;
	bool stop;
	/* Phase of an open in which the phase was changed */
	enum load_phase changing;
	/* What is now, and how often that was changed, times LOAD_PHASES */
	unsigned int phase;
	int opens[LOAD_PHASES][LOAD_FILES][LOAD_RESULTS];
};

static enum load_result load_result(int err)
{
	switch (err) {
	case 0:
		return LOAD_OPENED;
	case EPERM:
		return LOAD_ASKED;
	case EBUSY:
		return LOAD_FIRST;
	case ETXTBSY:
		return LOAD_SECOND;
	default:
		return LOAD_OTHER;
	}
}

/* Each opens one file and then the other, so that none can be left out. */
static void *load_open(void *arg)
{
	struct load *load = arg;
	enum load_result result;
	unsigned int before, i;
	enum load_phase phase;

	for (i = 0; !__atomic_load_n(&load->stop, __ATOMIC_RELAXED);
	     i = (i + 1) % LOAD_FILES) {
		before = __atomic_load_n(&load->phase, __ATOMIC_SEQ_CST);
		result = load_result(do_open(load_files[i]));
		phase = before % LOAD_PHASES;
		if (__atomic_load_n(&load->phase, __ATOMIC_SEQ_CST) != before)
			phase = load->changing;
		__atomic_fetch_add(&load->opens[phase][i][result], 1,
				   __ATOMIC_RELEASE);
	}
	return NULL;
}

static void set_phase(struct load *load, enum load_phase phase)
{
	unsigned int changes = load->phase / LOAD_PHASES + 1;

	__atomic_store_n(&load->phase, changes * LOAD_PHASES + phase,
			 __ATOMIC_SEQ_CST);
}

static bool start_load(struct load *load)
{
	for (; load->nr_threads < RACE_THREADS; load->nr_threads++)
		if (!ASSERT_OK(pthread_create(&load->threads[load->nr_threads],
					      NULL, load_open, load),
			       "pthread_create"))
			return false;
	return true;
}

/*
 * Wait until "d" was opened, in this phase and with this result, so often that one
 * thread did so twice, and opened "a" in between.
 */
static bool wait_load(struct load *load, enum load_phase phase,
		      enum load_result result)
{
	const int *opens = &load->opens[phase][LOAD_DENIED][result];
	__u64 deadline = get_time_ns() + LOAD_WAIT_MS * 1000000ULL;
	int until;

	until = __atomic_load_n(opens, __ATOMIC_ACQUIRE) + 2 * RACE_THREADS;
	while (__atomic_load_n(opens, __ATOMIC_ACQUIRE) < until) {
		if (get_time_ns() > deadline) {
			printf("while %s: %s\n", load_phases[phase],
			       load_results[result]);
			return ASSERT_TRUE(false, "openers go on");
		}
		usleep(100);
	}
	return true;
}

static int sum_opens(const struct load *load, enum load_file file,
		     enum load_result result)
{
	int phase, sum = 0;

	for (phase = 0; phase < LOAD_PHASES; phase++)
		sum += load->opens[phase][file][result];
	return sum;
}

static void expect_opens(const struct load *load)
{
	int phase, file, result;

	for (phase = 0; phase < LOAD_PHASES; phase++)
		for (file = 0; file < LOAD_FILES; file++)
			for (result = 0; result < LOAD_RESULTS; result++)
				if (!(load_expected[phase][file] &
				      1U << result) &&
				    !ASSERT_EQ(load->opens[phase][file][result],
					       0, load_results[result]))
					printf("%s while %s\n",
					       load_files[file],
					       load_phases[phase]);
}

/* Whatever waits, nobody waits for ever. */
static void stop_load(struct fastpath_fixture *f, struct load *load)
{
	struct timespec deadline;
	int i;

	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += LOAD_WAIT_MS / 1000;
	for (i = 0; i < load->nr_threads; i++)
		join_opener(f, load->threads[i], &deadline);
	expect_opens(load);
}

typedef void (*load_fn)(struct fastpath_fixture *f,
			struct fanotify_fastpath_permission *skel,
			struct load *load);

/*
 * Call @fn while the files are opened, with "first" attached, and a listener that
 * denies what it is asked about.
 */
static void run_load(struct fastpath_fixture *f, load_fn fn)
{
	struct race_listener listener = {
		.fan_fd = f->fan_fd, .stop_fd = -1, .response = FAN_DENY,
	};
	struct fanotify_fastpath_permission *skel = load(f);
	int allowed, denied, asked;
	struct load load = {};
	char expected[64];
	__u64 one = 1;

	listener.stop_fd = eventfd(0, EFD_CLOEXEC);
	if (!skel || !ASSERT_OK_FD(listener.stop_fd, "eventfd") ||
	    !make_files("d a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.first_ops))
		goto out;
	skel->bss->answered_ino = ino_of("d");

	if (!ASSERT_OK(pthread_create(&listener.thread, NULL, race_listen,
				      &listener), "pthread_create"))
		goto out;
	if (start_load(&load))
		fn(f, skel, &load);
	stop_load(f, &load);
	ASSERT_EQ(write(listener.stop_fd, &one, sizeof(one)), sizeof(one),
		  "stop");
	pthread_join(listener.thread, NULL);
	if (f->fan_fd < 0)
		goto out;

	/* Each open was decided once, by who says so. */
	allowed = skel->bss->allowed_by[0] + skel->bss->allowed_by[1];
	denied = sum_opens(&load, LOAD_DENIED, LOAD_FIRST) +
		 sum_opens(&load, LOAD_DENIED, LOAD_SECOND);
	asked = sum_opens(&load, LOAD_DENIED, LOAD_ASKED) +
		sum_opens(&load, LOAD_ALLOWED, LOAD_ASKED);
	printf("allowed %d denied %d asked %d\n", allowed, denied, asked);
	ASSERT_EQ(listener.read, asked, "events");
	ASSERT_EQ(listener.accepted, asked, "answers");
	ASSERT_STREQ(read_events(f), "", "no more events");
	/* The program has counted for as long as it is attached. */
	if (load.changing != LOAD_PROGRAM_OR_LISTENER) {
		snprintf(expected, sizeof(expected), " allowed:%d denied:%d ",
			 allowed, denied);
		ASSERT_HAS_SUBSTR(read_counters(f), expected, "counters");
	}
	unmount_fs(f);
out:
	if (listener.stop_fd >= 0)
		close(listener.stop_fd);
	unload(f, skel);
}

#define LOAD_UPDATES	160

/* Some of them one after the other, some when the program has surely answered */
static void update_load(struct fastpath_fixture *f,
			struct fanotify_fastpath_permission *skel,
			struct load *load)
{
	int i;

	for (i = 0; i < LOAD_UPDATES; i++) {
		if (!ASSERT_OK(bpf_link__update_map(f->link, i % 2 ?
						    skel->maps.first_ops :
						    skel->maps.second_ops),
			       "update"))
			return;
		if (i % 16 < 2 &&
		    !wait_load(load, LOAD_PROGRAM,
			       i % 2 ? LOAD_FIRST : LOAD_SECOND))
			return;
	}
	ASSERT_GT(skel->bss->allowed_by[0], 0, "allowed by first");
	ASSERT_GT(skel->bss->allowed_by[1], 0, "allowed by second");
	ASSERT_EQ(sum_opens(load, LOAD_DENIED, LOAD_ASKED), 0, "never asked");
}

/* An event sees the old or the new program, and never none. */
static void test_update_under_load(struct fastpath_fixture *f)
{
	run_load(f, update_load);
}

#define LOAD_ROUNDS	20

/* By turns closed and detached; "d" is denied by whoever decides. */
static void attach_load(struct fastpath_fixture *f,
			struct fanotify_fastpath_permission *skel,
			struct load *load)
{
	int i;

	load->changing = LOAD_PROGRAM_OR_LISTENER;
	for (i = 0; i < LOAD_ROUNDS; i++) {
		if (!wait_load(load, LOAD_PROGRAM,
			       i % 2 ? LOAD_SECOND : LOAD_FIRST))
			return;
		set_phase(load, LOAD_PROGRAM_OR_LISTENER);
		if (i % 2 && !ASSERT_OK(bpf_link__detach(f->link), "detach"))
			return;
		bpf_link__destroy(f->link);
		f->link = NULL;
		set_phase(load, LOAD_LISTENER);
		if (!wait_load(load, LOAD_LISTENER, LOAD_ASKED))
			return;
		set_phase(load, LOAD_PROGRAM_OR_LISTENER);
		if (!attach(f, i % 2 ? skel->maps.first_ops :
				       skel->maps.second_ops))
			return;
		set_phase(load, LOAD_PROGRAM);
	}
}

static void test_attach_under_load(struct fastpath_fixture *f)
{
	run_load(f, attach_load);
}

/* Without its mark, the group has no say; with it, the program decides all. */
static void mark_load(struct fastpath_fixture *f,
		      struct fanotify_fastpath_permission *skel,
		      struct load *load)
{
	int i;

	load->changing = LOAD_PROGRAM_OR_NOBODY;
	for (i = 0; i < LOAD_ROUNDS; i++) {
		if (!wait_load(load, LOAD_PROGRAM, LOAD_FIRST))
			return;
		set_phase(load, LOAD_PROGRAM_OR_NOBODY);
		if (!mark(f, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM,
			  FAN_OPEN_PERM, "."))
			return;
		set_phase(load, LOAD_NOBODY);
		if (!wait_load(load, LOAD_NOBODY, LOAD_OPENED))
			return;
		set_phase(load, LOAD_PROGRAM_OR_NOBODY);
		if (!mark_fs(f, FAN_OPEN_PERM))
			return;
		set_phase(load, LOAD_PROGRAM);
	}
}

static void test_mark_under_load(struct fastpath_fixture *f)
{
	run_load(f, mark_load);
}

#define LOAD_TRACES	3

/* Loaded anew each time: it can be attached to another program once. */
static struct fanotify_fastpath_tracepoint *
trace_first(struct fanotify_fastpath_permission *skel)
{
	const int fd = bpf_program__fd(skel->progs.first_permission);
	struct fanotify_fastpath_tracepoint *trace;

	trace = fanotify_fastpath_tracepoint__open();
	if (!ASSERT_OK_PTR(trace, "open skeleton"))
		return NULL;
	bpf_program__set_autoload(trace->progs.trace_decision, false);
	bpf_program__set_autoload(trace->progs.trace_program, true);
	if (ASSERT_OK(bpf_program__set_attach_target(trace->progs.trace_program,
						     fd, "first_permission"),
		      "attach target") &&
	    ASSERT_OK(fanotify_fastpath_tracepoint__load(trace), "load") &&
	    ASSERT_OK(fanotify_fastpath_tracepoint__attach(trace), "attach"))
		return trace;
	fanotify_fastpath_tracepoint__destroy(trace);
	return NULL;
}

/* A tracing program comes to the one that is called, and goes: no answer changes. */
static void trace_load(struct fastpath_fixture *f,
		       struct fanotify_fastpath_permission *skel,
		       struct load *load)
{
	struct fanotify_fastpath_tracepoint *trace;
	bool ok = true;
	int i;

	for (i = 0; ok && i < LOAD_TRACES; i++) {
		trace = trace_first(skel);
		if (!trace)
			return;
		ok = wait_load(load, LOAD_PROGRAM, LOAD_FIRST);
		ASSERT_GT(trace->bss->returned, 0, "traced");
		fanotify_fastpath_tracepoint__destroy(trace);
		ok = ok && wait_load(load, LOAD_PROGRAM, LOAD_FIRST);
	}
}

static void test_trace_under_load(struct fastpath_fixture *f)
{
	run_load(f, trace_load);
}

static bool close_round(struct fastpath_fixture *f,
			struct fanotify_fastpath_permission *skel)
{
	struct load load = {
		.changing = LOAD_PROGRAM_OR_NOBODY, .phase = LOAD_NOBODY,
	};
	bool ok = false;

	/* Nobody may have to ask the listener, as that does not read. */
	if (!attach(f, skel->maps.first_ops) || !start_load(&load))
		goto out;
	set_phase(&load, LOAD_PROGRAM_OR_NOBODY);
	if (!mark_fs(f, FAN_OPEN_PERM))
		goto out;
	set_phase(&load, LOAD_PROGRAM);
	if (!wait_load(&load, LOAD_PROGRAM, LOAD_FIRST))
		goto out;
	ASSERT_STREQ(read_events(f), "", "never asked");
	set_phase(&load, LOAD_PROGRAM_OR_NOBODY);
	close(f->fan_fd);
	f->fan_fd = -1;
	set_phase(&load, LOAD_NOBODY);
	ok = wait_load(&load, LOAD_NOBODY, LOAD_OPENED);
out:
	stop_load(f, &load);
	bpf_link__destroy(f->link);
	f->link = NULL;
	return ok;
}

/* What began and ended before the group was closed was denied. */
static void close_under_load(struct fastpath_fixture *f, unsigned int flags)
{
	struct fanotify_fastpath_permission *skel = load(f);
	int fan_fd = f->fan_fd;
	int i;

	if (!skel || !make_files("d a"))
		goto out;
	skel->bss->answered_ino = ino_of("d");
	for (i = 0; i < RACE_CLOSES; i++) {
		if (!close_round(f, skel))
			goto out;
		f->fan_fd = new_group(flags);
		if (!ASSERT_EQ(f->fan_fd, fan_fd, "same number"))
			goto out;
	}
	unmount_fs(f);
out:
	unload(f, skel);
}

static void test_close_under_load(struct fastpath_fixture *f)
{
	close_under_load(f, FAN_CLASS_CONTENT);
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
static void test_queue_full(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = NULL;
	pid_t pid = -1;
	int fd;

	close(f->fan_fd);
	f->fan_fd = short_group();
	if (f->fan_fd < 0)
		return;
	skel = load(f);
	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	pid = start(do_open, "a");
	if (!wait_queued(f->fan_fd, 1, pid))
		goto out;
	ASSERT_OK(run(do_open, "a"), "does not fit");
	ASSERT_EQ(skel->bss->got_q_len, 1, "q_len");
	skel->bss->answer = -EBUSY;
	ASSERT_EQ(run(do_open, "a"), EBUSY, "denied");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(run(do_open, "a"), "allowed");
	expect_counters(f, 2, 0, 1, 1, 0);

	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_OK(respond(f->fan_fd, fd, FAN_DENY), "answer");
	close(fd);
	ASSERT_EQ(finish(pid), EPERM, "the first one");
	pid = -1;
	ASSERT_STREQ(read_events(f), "overflow:-", "overflow");
out:
	if (pid > 0) {
		kill(pid, SIGKILL);
		wait_child(pid);
	}
	unload(f, skel);
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
static void test_parent_removed(struct fastpath_fixture *f)
{
	int fd = -1, names = -1;
	__u64 before;
	pid_t pid;

	names = new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(names, "group with names") || !make_files("a") ||
	    !ASSERT_OK(fanotify_mark(names, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				     FAN_OPEN, AT_FDCWD, "."), "mark"))
		goto out;
	before = free_inodes();
	if (!make_dirs("d") || !ASSERT_OK(rename("a", "d/a"), "into it") ||
	    !mark_fs(f, FAN_OPEN_PERM))
		goto out;

	pid = start(do_open, "d/a");
	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_OK(rename("d/a", "a"), "out of it");
	ASSERT_OK(rmdir("d"), "remove it");
	ASSERT_EQ(free_inodes(), before - 1, "inodes while waiting");
	ASSERT_OK(respond(f->fan_fd, fd, FAN_ALLOW), "answer");
	ASSERT_OK(finish(pid), "listener allows");
	ASSERT_EQ(free_inodes(), before, "inodes");
	ASSERT_EQ(count_events(names), 1, "event with a name");
out:
	if (fd >= 0)
		close(fd);
	if (names >= 0)
		close(names);
}

/* The listener that was asked before has the last word. */
static void test_update_while_waiting(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	pid_t pid;
	int fd;

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	pid = start(do_open, "a");
	wait_queued(f->fan_fd, 1, pid);
	ASSERT_OK(bpf_link__update_map(f->link, skel->maps.deny_ops), "update");
	ASSERT_EQ(run(do_open, "a"), EPERM, "new program");
	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_OK(respond(f->fan_fd, fd, FAN_ALLOW), "answer");
	close(fd);
	ASSERT_OK(finish(pid), "listener allows");
	expect_counters(f, 1, 0, 0, 1, 0);
out:
	unload(f, skel);
}

static void test_link_close_while_waiting(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	pid_t pid;
	int fd;

	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.answer_ops))
		goto out;

	pid = start(do_open, "a");
	fd = read_permission(f->fan_fd, FAN_OPEN_PERM);
	ASSERT_OK(bpf_link__destroy(f->link), "close link");
	f->link = NULL;
	ASSERT_STREQ(read_fdinfo(f, f->fan_fd), "", "no fdinfo");
	ASSERT_OK(respond(f->fan_fd, fd, FAN_DENY), "answer");
	close(fd);
	ASSERT_EQ(finish(pid), EPERM, "listener denies");
	ASSERT_EQ(run_asked(f->fan_fd, do_open, "a", FAN_OPEN_PERM, FAN_ALLOW),
		  0, "plain again");
out:
	unload(f, skel);
}

/* A wait keeps the limit that it began with. */
static void test_limit_link_close(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel;
	pid_t pid;

	skel = load_limit(f->fan_fd, READ_MS, -EBUSY);
	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	pid = start(do_open, "a");
	wait_queued(f->fan_fd, 1, pid);
	ASSERT_OK(bpf_link__destroy(f->link), "close link");
	f->link = NULL;
	ASSERT_EQ(finish(pid), EBUSY, "expired");
	ASSERT_STREQ(read_events(f), "", "events");
out:
	unload(f, skel);
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
static void test_range(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	const size_t page = getpagesize();
	char buf[16];
	void *map;
	int fd = -1;

	if (!skel || !make_files("a") ||
	    !ASSERT_OK(truncate("a", 16 * page), "truncate") ||
	    !mark_fs(f, FAN_PRE_ACCESS) || !attach(f, skel->maps.range_ops))
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

	ASSERT_STREQ(read_events(f), "", "events");
	expect_counters(f, 0, 0, 5, 4, 0);
out:
	if (fd >= 0)
		close(fd);
	unload(f, skel);
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
static void test_range_ask(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_permission *skel = load(f);
	const size_t page = getpagesize();

	if (!skel || !write_file("a", CONTENT, 0644) ||
	    !ASSERT_OK(truncate("a", 16 * page), "truncate") ||
	    !mark_fs(f, FAN_PRE_ACCESS) || !attach(f, skel->maps.range_ops))
		goto out;
	skel->bss->answered_pos = 8 * page;
	skel->bss->answer = FAN_FP_RET_SEND_TO_USERSPACE;

	ASSERT_OK(run(do_read, "a"), "first half");
	ASSERT_EQ(run_asked(f->fan_fd, do_pread_second_half, "a",
			    FAN_PRE_ACCESS, FAN_ALLOW), 0, "second half");
	ASSERT_EQ(run_asked(f->fan_fd, do_pread_second_half, "a",
			    FAN_PRE_ACCESS, FAN_DENY_ERRNO(EIO)), EIO,
		  "second half denied");
	expect_counters(f, 2, 0, 1, 0, 0);
out:
	unload(f, skel);
}

struct audit_message {
	struct nlmsghdr hdr;
	union {
		struct audit_status status;
		struct nlmsgerr err;
		char text[1024];
	};
};

/* Send @type with @status, and get what is of type @reply; or a negative errno */
static int audit_request(int fd, int type, int reply,
			 struct audit_status *status)
{
	struct audit_message msg = {
		.hdr.nlmsg_len = NLMSG_LENGTH(sizeof(*status)),
		.hdr.nlmsg_type = type,
		.hdr.nlmsg_flags = NLM_F_REQUEST |
				   (reply == NLMSG_ERROR ? NLM_F_ACK : 0),
		.status = *status,
	};

	if (send(fd, &msg, msg.hdr.nlmsg_len, 0) < 0)
		return -errno;
	do {
		if (!wait_readable(fd))
			return -ETIMEDOUT;
		if (recv(fd, &msg, sizeof(msg), 0) < 0)
			return -errno;
		if (msg.hdr.nlmsg_type == NLMSG_ERROR && msg.err.error)
			return msg.err.error;
	} while (msg.hdr.nlmsg_type != reply);
	if (reply == AUDIT_GET)
		*status = msg.status;
	return 0;
}

/* The answers of the next @nr records of fanotify, as "1 2 " */
static const char *read_audit(int fd, int nr, char *answers, size_t size)
{
	struct audit_message msg;
	size_t used = 0;
	ssize_t len;
	char *resp;

	answers[0] = '\0';
	while (nr && wait_readable(fd)) {
		len = recv(fd, &msg, sizeof(msg) - 1, 0);
		if (len < 0 || msg.hdr.nlmsg_type != AUDIT_FANOTIFY)
			continue;
		((char *)&msg)[len] = '\0';
		resp = strstr(msg.text, "resp=");
		if (!ASSERT_OK_PTR(resp, "response"))
			break;
		used += snprintf(answers + used, size - used, "%d ",
				 atoi(resp + strlen("resp=")));
		ASSERT_HAS_SUBSTR(resp, " fan_type=0 fan_info=0 ", "no rule");
		nr--;
	}
	return answers;
}

static void check_audit(struct fastpath_fixture *f, int log_fd)
{
	struct fanotify_fastpath_permission *skel;
	char answers[64];

	skel = load_limit(f->fan_fd, SHORT_MS, FAN_FP_RET_SKIP_EVENT);
	if (!skel || !make_files("a") || !mark_fs(f, FAN_OPEN_PERM) ||
	    !attach(f, skel->maps.limit_ops))
		goto out;

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(run(do_open, "a"), "allowed");
	skel->bss->answer = -EIO;
	ASSERT_EQ(run(do_open, "a"), EIO, "denied");
	skel->bss->answer = FAN_FP_RET_SEND_TO_USERSPACE;
	ASSERT_OK(run(do_open, "a"), "expired");
	skel->bss->answer = -ENOENT;
	ASSERT_EQ(run(do_open, "a"), EPERM, "denied");
	expect_counters(f, 1, 0, 1, 2, 1);

	/* Nothing about what the program allowed */
	ASSERT_STREQ(read_audit(log_fd, 3, answers, sizeof(answers)),
		     "2 1 2 ", "records");
out:
	unload(f, skel);
}

typedef void (*audit_fn)(struct fastpath_fixture *f, int log_fd);

/* Call @fn with auditing switched on and set to @set, and what is recorded. */
static void with_audit(struct fastpath_fixture *f, struct audit_status set,
		       audit_fn fn)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1 << (AUDIT_NLGRP_READLOG - 1),
	};
	struct audit_status status = {};
	int fd, log_fd = -1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (fd < 0 && errno == EPROTONOSUPPORT) {
		printf("%s:SKIP:kernel without audit\n", __func__);
		test__skip();
		return;
	}
	if (!ASSERT_OK_FD(fd, "audit socket") ||
	    !ASSERT_OK(audit_request(fd, AUDIT_GET, AUDIT_GET, &status),
		       "AUDIT_GET"))
		goto out;
	log_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (!ASSERT_OK_FD(log_fd, "audit log socket") ||
	    !ASSERT_OK(bind(log_fd, (struct sockaddr *)&addr, sizeof(addr)),
		       "bind"))
		goto out;
	if (!status.enabled) {
		set.mask |= AUDIT_STATUS_ENABLED;
		set.enabled = 1;
	}
	if (ASSERT_OK(audit_request(fd, AUDIT_SET, NLMSG_ERROR, &set),
		      "set audit"))
		fn(f, log_fd);
	/* Records may be lost until there is room for them as before. */
	status.mask = set.mask & ~AUDIT_STATUS_FAILURE;
	if (!ASSERT_OK(audit_request(fd, AUDIT_SET, NLMSG_ERROR, &status),
		       "audit as before"))
		goto out;
	status.mask = set.mask & AUDIT_STATUS_FAILURE;
	ASSERT_OK(audit_request(fd, AUDIT_SET, NLMSG_ERROR, &status),
		  "failure as before");
out:
	if (log_fd >= 0)
		close(log_fd);
	if (fd >= 0)
		close(fd);
}

static void test_audit(struct fastpath_fixture *f)
{
	with_audit(f, (struct audit_status) {}, check_audit);
}

/*
 * There is next to no room in the queue of records, so that denials wait in
 * mid-call, but not long: whoever they wait for may not come. Records that are
 * lost for it must not make the host panic.
 */
static void with_audit_backlog(struct fastpath_fixture *f, audit_fn fn)
{
	with_audit(f, (struct audit_status) {
			.mask = AUDIT_STATUS_FAILURE |
				AUDIT_STATUS_BACKLOG_LIMIT |
				AUDIT_STATUS_BACKLOG_WAIT_TIME,
			.failure = AUDIT_FAIL_SILENT,
			.backlog_limit = 1,
			.backlog_wait_time = 2,
		   }, fn);
}

static void expect_denial_record(int log_fd)
{
	char answers[64];

	ASSERT_STREQ(read_audit(log_fd, 1, answers, sizeof(answers)), "2 ",
		     "record");
}

static void audit_update(struct fastpath_fixture *f, int log_fd)
{
	run_load(f, update_load);
	expect_denial_record(log_fd);
}

static void test_audit_update_under_load(struct fastpath_fixture *f)
{
	with_audit_backlog(f, audit_update);
}

static void audit_attach(struct fastpath_fixture *f, int log_fd)
{
	run_load(f, attach_load);
	expect_denial_record(log_fd);
}

static void test_audit_attach_under_load(struct fastpath_fixture *f)
{
	with_audit_backlog(f, audit_attach);
}

static void audit_mark(struct fastpath_fixture *f, int log_fd)
{
	run_load(f, mark_load);
	expect_denial_record(log_fd);
}

static void test_audit_mark_under_load(struct fastpath_fixture *f)
{
	with_audit_backlog(f, audit_mark);
}

static void audit_close(struct fastpath_fixture *f, int log_fd)
{
	close_under_load(f, FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT);
	expect_denial_record(log_fd);
}

static void test_audit_close_under_load(struct fastpath_fixture *f)
{
	with_audit_backlog(f, audit_close);
}

static const struct fastpath_subtest subtests[] = {
	{ "allow", test_allow, NULL, FAN_CLASS_CONTENT },
	{ "deny_content", test_deny_content, "tmpfs", FAN_CLASS_CONTENT },
	{ "deny_pre_content", test_deny_pre_content, "tmpfs",
	  FAN_CLASS_PRE_CONTENT },
	{ "ask", test_ask, "tmpfs", FAN_CLASS_PRE_CONTENT },
	{ "unknown_answer", test_unknown_answer, "tmpfs", FAN_CLASS_CONTENT },
	{ "args", test_args, NULL, FAN_CLASS_CONTENT },
	{ "path", test_path, "tmpfs", FAN_CLASS_CONTENT },
	{ "no_filter", test_no_filter, "tmpfs", FAN_CLASS_CONTENT },
	{ "no_permission", test_no_permission, "tmpfs", FAN_CLASS_CONTENT },

	{ "openat2", test_openat2, "tmpfs", FAN_CLASS_CONTENT },
	{ "exec", test_exec, "tmpfs", FAN_CLASS_CONTENT },
	{ "exec_interpreter", test_exec_interpreter, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "read", test_read, NULL, FAN_CLASS_CONTENT },
	{ "truncate", test_truncate, NULL, FAN_CLASS_CONTENT },
	{ "create", test_create, NULL, FAN_CLASS_CONTENT },
	{ "two_groups", test_two_groups, "tmpfs", FAN_CLASS_CONTENT },
	{ "opened_before", test_opened_before, "tmpfs", FAN_CLASS_CONTENT },
	{ "range", test_range, "ext4", FAN_CLASS_PRE_CONTENT },
	{ "range_ask", test_range_ask, "ext4", FAN_CLASS_PRE_CONTENT },

	{ "attach_class", test_attach_class, "tmpfs", FAN_CLASS_NOTIF },
	{ "attach_capability", test_attach_capability, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "attach_limit", test_attach_limit, "tmpfs", FAN_CLASS_CONTENT },
	{ "parent_removed", test_parent_removed, NULL, FAN_CLASS_CONTENT },
	{ "update_while_waiting", test_update_while_waiting, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "link_close_while_waiting", test_link_close_while_waiting, "tmpfs",
	  FAN_CLASS_CONTENT },

	{ "busy_close", test_busy_close, "tmpfs", FAN_CLASS_CONTENT },
	{ "queue_full", test_queue_full, "tmpfs", FAN_CLASS_CONTENT },
	{ "pending", test_pending, "tmpfs", FAN_CLASS_CONTENT },
	{ "limit_allows", test_limit_allows, "tmpfs", FAN_CLASS_CONTENT },
	{ "limit_denies", test_limit_denies, "tmpfs", FAN_CLASS_CONTENT },
	{ "limit_filter", test_limit_filter, "tmpfs", FAN_CLASS_CONTENT },
	{ "limit_late_answer", test_limit_late_answer, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "limit_while_read", test_limit_while_read, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "limit_answer_in_time", test_limit_answer_in_time, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "limit_kill", test_limit_kill, "tmpfs", FAN_CLASS_CONTENT },
	{ "limit_group_close", test_limit_group_close, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "limit_link_close", test_limit_link_close, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "limit_unmount", test_limit_unmount, "tmpfs", FAN_CLASS_CONTENT },
	{ "limit_race", test_limit_race, "tmpfs", FAN_CLASS_CONTENT },
	{ "limit_kill_race", test_limit_kill_race, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "limit_close_race", test_limit_close_race, "tmpfs",
	  FAN_CLASS_CONTENT },

	{ "update_under_load", test_update_under_load, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "attach_under_load", test_attach_under_load, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "mark_under_load", test_mark_under_load, "tmpfs", FAN_CLASS_CONTENT },
	{ "close_under_load", test_close_under_load, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "trace_under_load", test_trace_under_load, "tmpfs",
	  FAN_CLASS_CONTENT },

	{ "audit", test_audit, "tmpfs", FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
	{ "audit_update_under_load", test_audit_update_under_load, "tmpfs",
	  FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
	{ "audit_attach_under_load", test_audit_attach_under_load, "tmpfs",
	  FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
	{ "audit_mark_under_load", test_audit_mark_under_load, "tmpfs",
	  FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
	{ "audit_close_under_load", test_audit_close_under_load, "tmpfs",
	  FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
	{ "tracepoint", test_tracepoint, "tmpfs", FAN_CLASS_CONTENT },
};

/* Serial: auditing is switched on for the whole system. */
void serial_test_fanotify_fastpath_permission(void)
{
	run_subtests(subtests, ARRAY_SIZE(subtests));
}
