// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: answers, arguments, attachment. What is inside a subtree
 * is tested in fanotify_fastpath_subtree.c.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <bpf/btf.h>

#include "cap_helpers.h"
#include "cgroup_helpers.h"
#include "fanotify_fastpath_helpers.h"
#include "fanotify_fastpath_bad_ops.skel.h"
#include "fanotify_fastpath_storage.skel.h"
#include "fanotify_fastpath_tracepoint.skel.h"

/* For events and children that come from somewhere else; never slept out */
#define TIMEOUT_MS	10000

static void test_skip_all(struct fastpath_fixture *f)
{
	if (!make_files("a b") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.skip_ops))
		return;

	open_files("a b");
	ASSERT_STREQ(read_events(f), "", "events");
	ASSERT_STREQ(read_counters(f), "seen:2 sent:0 skipped:2 invalid:0",
		     "counters");
}

static void test_send_all(struct fastpath_fixture *f)
{
	if (!make_files("a b") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.answer_ops))
		return;

	open_files("a b");
	ASSERT_STREQ(read_events(f), "open:a open:b", "events");
	ASSERT_STREQ(read_counters(f), "seen:2 sent:2 skipped:0 invalid:0",
		     "counters");
}

static void test_unknown_answer(struct fastpath_fixture *f)
{
	static const int answers[] = { 2, -1, -EPERM, INT_MAX, INT_MIN };
	char expected[64];
	int i;

	if (!make_files("a") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.answer_ops))
		return;

	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		f->skel->bss->answer = answers[i];
		open_files("a");
		ASSERT_STREQ(read_events(f), "open:a", "sent");
		snprintf(expected, sizeof(expected),
			 "seen:%d sent:%d skipped:0 invalid:%d",
			 i + 1, i + 1, i + 1);
		ASSERT_STREQ(read_counters(f), expected, "counters");
	}

	f->skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	open_files("a");
	ASSERT_STREQ(read_events(f), "", "skipped");
}

/* A program decides for its own group, and sees only what that asked for. */
static void test_other_group(struct fastpath_fixture *f)
{
	struct fanotify_fastpath *skel = NULL;
	struct bpf_link *link = NULL;
	int fan_fd;

	fan_fd = new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(fan_fd, "second group"))
		return;
	if (!make_files("a") || !mark_fs(f, FAN_OPEN | FAN_CLOSE_NOWRITE) ||
	    !ASSERT_OK(fanotify_mark(fan_fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				     FAN_OPEN, AT_FDCWD, "."), "second mark") ||
	    !attach(f, f->skel->maps.skip_ops))
		goto out;

	open_files("a");
	ASSERT_STREQ(read_events(f), "", "first group");
	ASSERT_EQ(count_events(fan_fd), 1, "plain second group");

	skel = load_skel(fan_fd);
	if (!skel)
		goto out;
	link = bpf_map__attach_struct_ops(skel->maps.answer_ops);
	if (!ASSERT_OK_PTR(link, "attach to second group"))
		goto out;

	open_files("a");
	ASSERT_STREQ(read_events(f), "", "first group");
	ASSERT_EQ(count_events(fan_fd), 1, "second group");
	ASSERT_STREQ(read_counters(f), "seen:4 sent:0 skipped:4 invalid:0",
		     "first counters");
	ASSERT_HAS_SUBSTR(read_fdinfo(f, fan_fd), "seen:1 sent:1",
			  "second counters");
out:
	bpf_link__destroy(link);
	fanotify_fastpath__destroy(skel);
	close(fan_fd);
}

/* What the marks and ignore marks keep from the listener is not asked about. */
static void test_not_asked(struct fastpath_fixture *f)
{
	if (!make_dirs("d") || !make_files("a b") || !mark_fs(f, FAN_OPEN) ||
	    !mark(f, FAN_MARK_ADD | FAN_MARK_IGNORE_SURV, FAN_OPEN, "a") ||
	    !attach(f, f->skel->maps.answer_ops))
		return;

	/* Directories take FAN_ONDIR. */
	open_files("a b d");
	ASSERT_STREQ(read_events(f), "open:b", "events");
	ASSERT_STREQ(read_counters(f), "seen:1 sent:1 skipped:0 invalid:0",
		     "counters");
}

struct mode_event {
	int events;
	unsigned int info_types;
	bool has_fd;
};

static void read_mode_event(const struct fastpath_event *event, void *ctx)
{
	struct mode_event *mode = ctx;

	mode->events++;
	mode->info_types |= event->info_types;
	mode->has_fd = event->fd >= 0;
}

/*
 * The program finds its subtree whatever the group reports, and what it sends
 * is reported as without a program.
 */
static void test_mode(struct fastpath_fixture *f)
{
	struct mode_event plain = {}, inside = {};

	if (!make_dirs("in out") || !make_files("in/a out/b") ||
	    !mark_fs(f, FAN_OPEN) || !add_root(f, "in"))
		return;
	open_files("in/a");
	drain_events(f->fan_fd, read_mode_event, &plain);
	ASSERT_EQ(plain.events, 1, "plain");
	if (!attach(f, f->skel->maps.subtree_ops))
		return;

	open_files("out/b");
	ASSERT_EQ(count_events(f->fan_fd), 0, "outside");

	open_files("in/a");
	drain_events(f->fan_fd, read_mode_event, &inside);
	ASSERT_EQ(inside.events, 1, "inside");
	ASSERT_EQ(inside.info_types, plain.info_types, "info records");
	ASSERT_EQ(inside.has_fd, plain.has_fd, "event fd");
	ASSERT_STREQ(read_counters(f), "seen:2 sent:1 skipped:1 invalid:0",
		     "counters");
}

/*
 * Check what the program got with the last event of type @mask; @ino and @dir
 * are 0, @dentry and @name are "" where it must have been NULL.
 */
static void expect_args(struct fastpath_fixture *f, __u64 mask, __u64 ino,
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
static void expect_no_more_args(struct fastpath_fixture *f)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(f->skel->bss->event_args); i++) {
		if (1U << i == FAN_ONDIR || 1U << i == FAN_EVENT_ON_CHILD)
			continue;
		if (!ASSERT_EQ(f->skel->bss->event_args[i].events, 0,
			       "other events"))
			printf("event bit %d\n", i);
	}
	ASSERT_HAS_SUBSTR(read_counters(f), "skipped:0 invalid:0", "counters");
}

static void run_script(const char *path)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!ASSERT_GE(pid, 0, "fork"))
		return;
	if (!pid) {
		execl(path, path, NULL);
		_exit(1);
	}
	if (ASSERT_EQ(waitpid(pid, &status, 0), pid, "waitpid"))
		ASSERT_OK(status, path);
}

static bool make_script(const char *path)
{
	static const char script[] = "#!/bin/true\n";
	bool ok;
	int fd;

	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0755);
	if (!ASSERT_OK_FD(fd, path))
		return false;
	ok = ASSERT_EQ(write(fd, script, strlen(script)), strlen(script), path);
	close(fd);
	return ok;
}

static void open_access_close(struct fastpath_fixture *f, __u64 dir,
			      const char *name)
{
	__u64 ino = ino_of("d/a");
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

static void test_event_args_fd(struct fastpath_fixture *f)
{
	if (!make_dirs("d") || !make_files("d/a") || !make_script("d/s") ||
	    !mark_fs(f, FAN_OPEN_EXEC) || !attach(f, f->skel->maps.args_ops))
		return;

	/* Nobody asks for names, so the parent is not looked up. */
	run_script("d/s");
	expect_args(f, FAN_OPEN_EXEC, ino_of("d/s"), 0, "s", "", "open_exec");
	ASSERT_STREQ(read_events(f), "open_exec:s", "exec");

	if (!mark_fs(f, FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE))
		return;
	open_access_close(f, 0, "");
	ASSERT_STREQ(read_events(f),
		     "open|access|modify|close_write|close_nowrite:a", "events");

	/* That of a directory that watches for the event is. */
	if (!mark(f, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"))
		return;
	open_files("d/a");
	expect_args(f, FAN_OPEN, ino_of("d/a"), ino_of("d"), "a", "a",
		    "open in watching directory");
	expect_args(f, FAN_CLOSE_NOWRITE, ino_of("d/a"), 0, "a", "",
		    "close in watching directory");
	ASSERT_STREQ(read_events(f), "open|close_nowrite:a", "watching");
	expect_no_more_args(f);
}

static void test_event_args_file(struct fastpath_fixture *f)
{
	__u64 ino, dir;

	if (!make_dirs("d") || !make_files("d/a") || !make_script("d/s") ||
	    !mark_fs(f, FAN_OPEN_EXEC) || !attach(f, f->skel->maps.args_ops))
		return;

	dir = ino_of("d");
	run_script("d/s");
	expect_args(f, FAN_OPEN_EXEC, ino_of("d/s"), dir, "s", "s", "open_exec");
	ASSERT_STREQ(read_events(f), "open_exec:s", "exec");

	if (!mark_fs(f, FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE |
			FAN_ATTRIB))
		return;
	open_access_close(f, dir, "a");
	ASSERT_STREQ(read_events(f),
		     "open|access|modify|close_write|close_nowrite:a", "events");

	ino = ino_of("d/a");
	ASSERT_OK(chmod("d/a", 0600), "chmod");
	expect_args(f, FAN_ATTRIB, ino, dir, "a", "a", "attrib");
	ASSERT_OK(truncate("d/a", 0), "truncate");
	expect_args(f, FAN_MODIFY, ino, dir, "a", "a", "truncate");
	ASSERT_STREQ(read_events(f), "modify|attrib:a", "events");

	/* The number of links changes without anyone knowing which. */
	ASSERT_OK(link("d/a", "d/b"), "link");
	expect_args(f, FAN_ATTRIB, ino, 0, "", "", "link count");
	ASSERT_STREQ(read_events(f), "attrib:-", "linked");
	expect_no_more_args(f);
}

static void test_event_args_dirent(struct fastpath_fixture *f)
{
	__u64 ino, sub, d, e;

	if (!make_dirs("d e") ||
	    !mark_fs(f, FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_RENAME |
			FAN_MOVE_SELF | FAN_DELETE_SELF | FAN_ONDIR) ||
	    !attach(f, f->skel->maps.args_ops))
		return;
	d = ino_of("d");
	e = ino_of("e");

	make_files("d/a");
	ino = ino_of("d/a");
	expect_args(f, FAN_CREATE, ino, d, "a", "a", "create");
	make_dirs("d/sub");
	sub = ino_of("d/sub");
	expect_args(f, FAN_CREATE, sub, d, "sub", "sub", "mkdir");
	ASSERT_OK(symlink("a", "d/sym"), "symlink");
	expect_args(f, FAN_CREATE, ino_of("d/sym"), d, "sym", "sym", "symlink");
	ASSERT_OK(link("d/a", "d/l"), "link");
	expect_args(f, FAN_CREATE, ino, d, "", "l", "link");
	ASSERT_STREQ(read_events(f),
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
	read_events(f);

	ASSERT_OK(unlink("d/l"), "unlink");
	expect_args(f, FAN_DELETE, ino, d, "", "l", "delete");
	ASSERT_OK(unlink("e/b"), "unlink last");
	expect_args(f, FAN_DELETE, ino, e, "", "b", "delete");
	expect_args(f, FAN_DELETE_SELF, ino, 0, "", "", "delete_self");
	ASSERT_OK(rmdir("e/sub2"), "rmdir");
	expect_args(f, FAN_DELETE, sub, e, "", "sub2", "rmdir");
	expect_args(f, FAN_DELETE_SELF, sub, 0, "", "", "delete_self");
	ASSERT_NEQ(count_events(f->fan_fd), 0, "deleted");
	expect_no_more_args(f);
}

static bool wait_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return ASSERT_EQ(poll(&pfd, 1, TIMEOUT_MS), 1, "poll");
}

/* Told by a worker, without an inode. */
static void test_event_args_fs_error(struct fastpath_fixture *f)
{
	char path[64], dev[PATH_MAX], trigger[PATH_MAX + 64];
	struct stat st;
	ssize_t len;
	int fd;

	if (!mark_fs(f, FAN_FS_ERROR) || !attach(f, f->skel->maps.args_ops))
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

	if (!wait_readable(f->fan_fd))
		return;
	expect_args(f, FAN_FS_ERROR, 0, 0, "", "", "fs_error");
	ASSERT_STREQ(read_events(f), "fs_error:-", "events");

	expect_no_more_args(f);
}

/* There is no object at all. */
static void test_event_args_mount(struct fastpath_fixture *f)
{
	if (!make_dirs("m") ||
	    !mark(f, FAN_MARK_ADD | FAN_MARK_MNTNS,
		  FAN_MNT_ATTACH | FAN_MNT_DETACH, "/proc/self/ns/mnt") ||
	    !attach(f, f->skel->maps.args_ops))
		return;

	if (!ASSERT_OK(mount("tmpfs", "m", "tmpfs", 0, NULL), "mount"))
		return;
	expect_args(f, FAN_MNT_ATTACH, 0, 0, "", "", "attach");
	ASSERT_STREQ(read_events(f), "mnt_attach:-", "attached");
	ASSERT_OK(umount("m"), "umount");
	expect_args(f, FAN_MNT_DETACH, 0, 0, "", "", "detach");
	ASSERT_STREQ(read_events(f), "mnt_detach:-", "detached");
	expect_no_more_args(f);
}

/* Open @path in a child and answer its permission event with @response. */
static void answer_open(struct fastpath_fixture *f, const char *path,
			__u32 response, int expected)
{
	struct fanotify_response answer = { .response = response };
	struct fanotify_event_metadata meta;
	int status, fd;
	pid_t pid;

	pid = fork();
	if (!ASSERT_GE(pid, 0, "fork"))
		return;
	if (!pid) {
		fd = open(path, O_RDONLY);
		_exit(fd < 0 ? errno : 0);
	}

	if (wait_readable(f->fan_fd) &&
	    ASSERT_EQ(read(f->fan_fd, &meta, sizeof(meta)), sizeof(meta),
		      "read")) {
		ASSERT_EQ(meta.mask, FAN_OPEN_PERM, "permission event");
		answer.fd = meta.fd;
		ASSERT_EQ(write(f->fan_fd, &answer, sizeof(answer)),
			  sizeof(answer), "answer");
		close(meta.fd);
	} else {
		/* Nobody will answer: do not wait for it. */
		kill(pid, SIGKILL);
	}
	if (ASSERT_EQ(waitpid(pid, &status, 0), pid, "waitpid") &&
	    ASSERT_TRUE(WIFEXITED(status), "exited"))
		ASSERT_EQ(WEXITSTATUS(status), expected, "open");
}

/* Skipping a permission event would be allowing it: the filter has no say. */
static void test_permission(struct fastpath_fixture *f)
{
	if (!make_files("a") || !mark_fs(f, FAN_OPEN | FAN_OPEN_PERM) ||
	    !attach(f, f->skel->maps.skip_ops))
		return;

	answer_open(f, "a", FAN_DENY, EPERM);
	ASSERT_STREQ(read_counters(f), "seen:0 sent:0 skipped:0 invalid:0",
		     "denied");
	answer_open(f, "a", FAN_ALLOW, 0);
	ASSERT_STREQ(read_events(f), "", "events");
	ASSERT_STREQ(read_counters(f), "seen:1 sent:0 skipped:1 invalid:0",
		     "allowed");
}

static void test_link_close(struct fastpath_fixture *f)
{
	if (!make_files("a") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.skip_ops))
		return;

	open_files("a");
	ASSERT_STREQ(read_events(f), "", "attached");
	ASSERT_HAS_SUBSTR(read_fdinfo(f, f->fan_fd), "name:skip ", "fdinfo");

	bpf_link__destroy(f->link);
	f->link = NULL;
	ASSERT_STREQ(read_fdinfo(f, f->fan_fd), "", "no fdinfo");
	open_files("a");
	ASSERT_STREQ(read_events(f), "open:a", "plain again");

	/* Map and group are free, and the counters start anew. */
	if (!attach(f, f->skel->maps.skip_ops))
		return;
	open_files("a");
	ASSERT_STREQ(read_events(f), "", "attached again");
	ASSERT_STREQ(read_counters(f), "seen:1 sent:0 skipped:1 invalid:0",
		     "counters");
}

/* -1: nothing within @timeout ms; else what epoll tells about the link */
static int poll_link(int link_fd, int timeout)
{
	struct epoll_event event = { .events = EPOLLHUP };
	int epoll_fd, ret = -1;

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!ASSERT_OK_FD(epoll_fd, "epoll_create1"))
		return -1;
	if (ASSERT_OK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, link_fd, &event),
		      "epoll_ctl") &&
	    epoll_wait(epoll_fd, &event, 1, timeout) == 1)
		ret = event.events;
	close(epoll_fd);
	return ret;
}

static void test_link_detach(struct fastpath_fixture *f)
{
	if (!make_files("a") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.skip_ops))
		return;

	ASSERT_EQ(poll_link(bpf_link__fd(f->link), 0), -1, "poll attached");
	if (!ASSERT_OK(bpf_link__detach(f->link), "detach"))
		return;
	ASSERT_EQ(poll_link(bpf_link__fd(f->link), 0), EPOLLHUP,
		  "poll detached");
	open_files("a");
	ASSERT_STREQ(read_events(f), "open:a", "plain again");
}

static __u32 link_map_id(struct bpf_link *link, __u32 *link_id)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	if (!ASSERT_OK(bpf_link_get_info_by_fd(bpf_link__fd(link), &info, &len),
		       "link info"))
		return 0;
	*link_id = info.id;
	return info.struct_ops.map_id;
}

/* The link says which map, fdinfo says which link. */
static void test_link_info(struct fastpath_fixture *f)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	char expected[128];
	__u32 link_id = 0;

	if (!attach(f, f->skel->maps.skip_ops) ||
	    !ASSERT_OK(bpf_map_get_info_by_fd(bpf_map__fd(f->skel->maps.skip_ops),
					      &info, &len), "map info"))
		return;

	ASSERT_EQ(link_map_id(f->link, &link_id), info.id, "map id");
	snprintf(expected, sizeof(expected),
		 "name:skip link_id:%u seen:0 sent:0 skipped:0 invalid:0",
		 link_id);
	ASSERT_STREQ(read_fdinfo(f, f->fan_fd), expected, "fdinfo");
}

static void test_group_close(struct fastpath_fixture *f)
{
	int dup_fd, fan_fd = f->fan_fd;
	__u32 link_id;

	if (!make_files("a") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.skip_ops))
		return;

	/* It is the last file descriptor that counts. */
	dup_fd = fcntl(f->fan_fd, F_DUPFD_CLOEXEC, 0);
	if (!ASSERT_OK_FD(dup_fd, "dup"))
		return;
	close(f->fan_fd);
	f->fan_fd = dup_fd;
	open_files("a");
	ASSERT_STREQ(read_events(f), "", "attached");
	ASSERT_EQ(poll_link(bpf_link__fd(f->link), 0), -1, "poll attached");

	close(f->fan_fd);
	f->fan_fd = -1;
	ASSERT_EQ(poll_link(bpf_link__fd(f->link), TIMEOUT_MS), EPOLLHUP,
		  "poll closed");
	ASSERT_EQ(link_map_id(f->link, &link_id), 0, "inert link has no map");
	ASSERT_OK(bpf_link__detach(f->link), "detach inert link");
	ASSERT_EQ(bpf_link__update_map(f->link, f->skel->maps.skip2_ops),
		  -ENOLINK, "update inert link");
	open_files("a");

	/* The map is free for another group. */
	f->fan_fd = new_group(FASTPATH_FLAGS);
	if (!ASSERT_EQ(f->fan_fd, fan_fd, "same number") ||
	    !mark_fs(f, FAN_OPEN))
		return;
	open_files("a");
	ASSERT_STREQ(read_events(f), "open:a", "plain new group");
	bpf_link__destroy(f->link);
	if (!attach(f, f->skel->maps.skip_ops))
		return;
	open_files("a");
	ASSERT_STREQ(read_events(f), "", "attached to new group");
}

#define CLOSE_RACES	50

struct close_race {
	pthread_t thread;
	pthread_barrier_t start;
	struct bpf_link *link;
};

static void *close_link(void *arg)
{
	struct close_race *race = arg;

	pthread_barrier_wait(&race->start);
	bpf_link__destroy(race->link);
	return NULL;
}

/* Whoever comes first detaches, and the map can be attached again. */
static void test_close_race(struct fastpath_fixture *f)
{
	struct close_race race;
	int fan_fd = f->fan_fd;
	int i;

	if (!make_files("a") ||
	    !ASSERT_OK(pthread_barrier_init(&race.start, NULL, 2), "barrier"))
		return;

	for (i = 0; i < CLOSE_RACES; i++) {
		if (!mark_fs(f, FAN_OPEN) || !attach(f, f->skel->maps.skip_ops))
			break;
		open_files("a");
		if (!ASSERT_STREQ(read_events(f), "", "attached"))
			break;

		race.link = f->link;
		if (!ASSERT_OK(pthread_create(&race.thread, NULL, close_link,
					      &race), "pthread_create"))
			break;
		f->link = NULL;
		pthread_barrier_wait(&race.start);
		close(f->fan_fd);
		pthread_join(race.thread, NULL);

		f->fan_fd = new_group(FASTPATH_FLAGS);
		if (!ASSERT_EQ(f->fan_fd, fan_fd, "same number"))
			break;
	}
	pthread_barrier_destroy(&race.start);
}

static void test_update(struct fastpath_fixture *f)
{
	__u32 link_id = 0, link_id2 = 0, map_id;
	char expected[128];

	if (!make_files("a") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.skip_ops))
		return;

	map_id = link_map_id(f->link, &link_id);
	open_files("a");
	ASSERT_STREQ(read_events(f), "", "skipped");

	if (!ASSERT_OK(bpf_link__update_map(f->link, f->skel->maps.answer_ops),
		       "update"))
		return;
	open_files("a");
	ASSERT_STREQ(read_events(f), "open:a", "sent");
	ASSERT_NEQ(link_map_id(f->link, &link_id2), map_id, "map id");
	ASSERT_EQ(link_id2, link_id, "link id");
	snprintf(expected, sizeof(expected),
		 "name:answer link_id:%u seen:2 sent:1 skipped:1 invalid:0",
		 link_id);
	ASSERT_STREQ(read_fdinfo(f, f->fan_fd), expected, "counters stay");

	/* The first map is free again. */
	ASSERT_OK(bpf_link__update_map(f->link, f->skel->maps.skip_ops),
		  "update back");
	open_files("a");
	ASSERT_STREQ(read_events(f), "", "skipped again");
}

/* Update keeps the group, whatever the new map asks for. */
static void test_update_group_fd(struct fastpath_fixture *f)
{
	struct fanotify_fastpath *skel;

	skel = load_skel(-1);
	if (!skel)
		return;
	if (!make_files("a") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.answer_ops))
		goto out;

	if (!ASSERT_OK(bpf_link__update_map(f->link, skel->maps.skip_ops),
		       "update"))
		goto out;
	open_files("a");
	ASSERT_STREQ(read_events(f), "", "skipped");
out:
	fanotify_fastpath__destroy(skel);
}

static void test_update_busy(struct fastpath_fixture *f)
{
	struct fanotify_fastpath *skel = NULL;
	struct bpf_link *link = NULL;
	int fan_fd;

	fan_fd = new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(fan_fd, "second group"))
		return;
	skel = load_skel(fan_fd);
	if (!skel)
		goto out;
	link = bpf_map__attach_struct_ops(skel->maps.answer_ops);
	if (!ASSERT_OK_PTR(link, "attach to second group"))
		goto out;
	if (!make_files("a") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.skip_ops))
		goto out;

	ASSERT_EQ(bpf_link__update_map(f->link, skel->maps.answer_ops), -EBUSY,
		  "map of another group");
	ASSERT_EQ(bpf_link__update_map(f->link, f->skel->maps.skip_ops), -EBUSY,
		  "own map");
	open_files("a");
	ASSERT_STREQ(read_events(f), "", "still attached");
	ASSERT_HAS_SUBSTR(read_fdinfo(f, fan_fd), "name:answer ", "other group");
out:
	bpf_link__destroy(link);
	fanotify_fastpath__destroy(skel);
	close(fan_fd);
}

#define LOAD_UPDATES	30

struct load {
	pthread_t thread;
	bool stop;
	int err;
	int opened;
};

/* Each file is new, so that no two events are merged. */
static void *make_load(void *arg)
{
	struct load *load = arg;
	char name[32];
	int fd;

	while (!__atomic_load_n(&load->stop, __ATOMIC_RELAXED)) {
		snprintf(name, sizeof(name), "f%d", load->opened);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (fd < 0) {
			__atomic_store_n(&load->err, errno, __ATOMIC_RELAXED);
			break;
		}
		close(fd);
		__atomic_fetch_add(&load->opened, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Swap two programs that give the same answer while another thread opens. */
static void update_under_load(struct fastpath_fixture *f, struct bpf_map *map,
			      struct bpf_map *map2, struct load *load)
{
	int i, opened;

	if (!mark_fs(f, FAN_OPEN) || !attach(f, map))
		return;
	if (!ASSERT_OK(pthread_create(&load->thread, NULL, make_load, load),
		       "pthread_create"))
		return;

	for (i = 0; i < LOAD_UPDATES; i++) {
		/* Some events between any two updates */
		opened = __atomic_load_n(&load->opened, __ATOMIC_ACQUIRE);
		while (opened == __atomic_load_n(&load->opened,
						 __ATOMIC_ACQUIRE) &&
		       !__atomic_load_n(&load->err, __ATOMIC_RELAXED))
			sched_yield();
		if (!ASSERT_OK(bpf_link__update_map(f->link, i % 2 ? map : map2),
			       "update"))
			break;
	}
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	pthread_join(load->thread, NULL);
	ASSERT_OK(load->err, "load");
}

static void test_update_under_load_sends(struct fastpath_fixture *f)
{
	struct load load = {};
	char expected[96];

	update_under_load(f, f->skel->maps.answer_ops,
			  f->skel->maps.answer2_ops, &load);
	ASSERT_EQ(count_events(f->fan_fd), load.opened, "events");
	snprintf(expected, sizeof(expected),
		 "seen:%d sent:%d skipped:0 invalid:0", load.opened,
		 load.opened);
	ASSERT_STREQ(read_counters(f), expected, "counters");
}

static void test_update_under_load_skips(struct fastpath_fixture *f)
{
	struct load load = {};
	char expected[96];

	update_under_load(f, f->skel->maps.skip_ops, f->skel->maps.skip2_ops,
			  &load);
	ASSERT_EQ(count_events(f->fan_fd), 0, "events");
	snprintf(expected, sizeof(expected),
		 "seen:%d sent:0 skipped:%d invalid:0", load.opened,
		 load.opened);
	ASSERT_STREQ(read_counters(f), expected, "counters");
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

static int attach_to_fd_error(int fd)
{
	struct fanotify_fastpath *skel;
	int err;

	skel = load_skel(fd);
	if (!skel)
		return 0;
	err = attach_error(skel->maps.skip_ops);
	fanotify_fastpath__destroy(skel);
	return err;
}

static void test_attach_not_an_fd(struct fastpath_fixture *f)
{
	/* Out of reach of what loading opens */
	int fd = fcntl(f->fan_fd, F_DUPFD_CLOEXEC, 512);

	if (!ASSERT_OK_FD(fd, "dup"))
		return;
	ASSERT_OK(attach_to_fd_error(fd), "open");
	close(fd);
	ASSERT_EQ(attach_to_fd_error(fd), -EBADF, "closed");
	ASSERT_EQ(attach_to_fd_error(-1), -EBADF, "-1");
}

static void test_attach_not_fanotify(struct fastpath_fixture *f)
{
	int fd;

	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (ASSERT_OK_FD(fd, "/dev/null")) {
		ASSERT_EQ(attach_to_fd_error(fd), -EINVAL, "file");
		close(fd);
	}
	fd = inotify_init1(IN_CLOEXEC);
	if (ASSERT_OK_FD(fd, "inotify_init1")) {
		ASSERT_EQ(attach_to_fd_error(fd), -EINVAL, "inotify");
		close(fd);
	}
}

static void test_attach_second_program(struct fastpath_fixture *f)
{
	if (!make_files("a") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.skip_ops))
		return;

	ASSERT_EQ(attach_error(f->skel->maps.answer_ops), -EBUSY,
		  "second program");
	open_files("a");
	ASSERT_STREQ(read_events(f), "", "first program");
}

/* The group's number is given to another group: only the map is busy. */
static void test_attach_same_map(struct fastpath_fixture *f)
{
	int dup_fd, fan_fd;

	if (!attach(f, f->skel->maps.skip_ops))
		return;
	ASSERT_EQ(attach_error(f->skel->maps.skip_ops), -EBUSY, "same group");

	dup_fd = fcntl(f->fan_fd, F_DUPFD_CLOEXEC, 0);
	if (!ASSERT_OK_FD(dup_fd, "dup"))
		return;
	fan_fd = new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(fan_fd, "second group"))
		goto out;
	if (!ASSERT_EQ(dup3(fan_fd, f->fan_fd, O_CLOEXEC), f->fan_fd, "dup3"))
		goto out_close;

	ASSERT_EQ(attach_error(f->skel->maps.skip_ops), -EBUSY, "other group");
	ASSERT_OK(attach_error(f->skel->maps.answer_ops), "other map");
out_close:
	close(fan_fd);
out:
	close(dup_fd);
}

/* The listener may not see pids and names, so nobody gets them for it. */
static void test_attach_unprivileged_group(struct fastpath_fixture *f)
{
	__u64 old_caps = 0;
	int fan_fd;

	if (!ASSERT_OK(cap_disable_effective(1ULL << CAP_SYS_ADMIN, &old_caps),
		       "drop CAP_SYS_ADMIN"))
		return;
	fan_fd = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID,
			       O_RDONLY);
	ASSERT_OK(cap_enable_effective(old_caps, NULL), "restore capabilities");
	if (!ASSERT_OK_FD(fan_fd, "unprivileged group"))
		return;
	ASSERT_EQ(attach_to_fd_error(fan_fd), -EPERM, "attach");
	close(fan_fd);
}

/* The map is rejected as it is, wherever it is to be attached. */
static void test_bad_ops(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_bad_ops *skel;

	skel = fanotify_fastpath_bad_ops__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return;
	skel->struct_ops.good_ops->group_fd = f->fan_fd;
	skel->struct_ops.no_filter_ops->group_fd = f->fan_fd;
	skel->struct_ops.no_name_ops->group_fd = f->fan_fd;
	skel->struct_ops.space_ops->group_fd = f->fan_fd;
	skel->struct_ops.newline_ops->group_fd = f->fan_fd;
	skel->struct_ops.unterminated_ops->group_fd = f->fan_fd;
	skel->struct_ops.no_link_ops->group_fd = f->fan_fd;
	if (!ASSERT_OK(fanotify_fastpath_bad_ops__load(skel), "load skeleton"))
		goto out;

	ASSERT_EQ(attach_error(skel->maps.no_filter_ops), -EINVAL, "no filter");
	ASSERT_EQ(attach_error(skel->maps.no_name_ops), -EINVAL, "no name");
	ASSERT_EQ(attach_error(skel->maps.space_ops), -EINVAL, "space");
	ASSERT_EQ(attach_error(skel->maps.newline_ops), -EINVAL, "newline");
	ASSERT_EQ(attach_error(skel->maps.unterminated_ops), -EINVAL,
		  "not terminated");
	ASSERT_EQ(attach_error(skel->maps.no_link_ops), -EOPNOTSUPP, "no link");
	ASSERT_OK(attach_error(skel->maps.good_ops), "nothing wrong");
out:
	fanotify_fastpath_bad_ops__destroy(skel);
}

/* Where a member is in the kernel's value of the map, in bytes; -1 if nowhere */
static int value_offset(const struct btf *btf, __u32 value_id, const char *name)
{
	const struct btf_type *value = btf__type_by_id(btf, value_id), *ops;
	const struct btf_member *data = btf_members(value) + 1, *m;
	int i;

	/* struct { struct bpf_struct_ops_common_value common; ... data; } */
	ops = btf__type_by_id(btf, data->type);
	for (i = 0, m = btf_members(ops); i < btf_vlen(ops); i++, m++)
		if (!strcmp(btf__name_by_offset(btf, m->name_off), name))
			return (btf_member_bit_offset(value, 1) +
				btf_member_bit_offset(ops, i)) / 8;
	return -1;
}

/* What libbpf would not write, written by hand */
static void test_private_members(struct fastpath_fixture *f)
{
	static const char value_name[] = "bpf_struct_ops_fanotify_fastpath_ops";
	static const char * const private[] = {
		"stats", "attachment", "filter_prog", "permission_prog",
	};
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_LINK);
	struct fanotify_fastpath_bad_ops *skel;
	int i, map = -1, offset, size, value_id, filter, name;
	unsigned long *member;
	const int zero = 0;
	struct btf *btf;
	char *value = NULL;

	btf = btf__load_vmlinux_btf();
	skel = fanotify_fastpath_bad_ops__open_and_load();
	if (!ASSERT_OK_PTR(btf, "kernel's types") ||
	    !ASSERT_OK_PTR(skel, "load skeleton"))
		goto out;
	opts.btf_fd = bpf_object__btf_fd(skel->obj);
	value_id = btf__find_by_name_kind(btf, value_name, BTF_KIND_STRUCT);
	if (!ASSERT_GT(value_id, 0, "type of the map's value"))
		goto out;
	opts.btf_vmlinux_value_type_id = value_id;
	filter = value_offset(btf, value_id, "filter");
	name = value_offset(btf, value_id, "name");
	if (!ASSERT_GE(filter, 0, "filter") || !ASSERT_GE(name, 0, "name"))
		goto out;
	size = btf__type_by_id(btf, value_id)->size;
	map = bpf_map_create(BPF_MAP_TYPE_STRUCT_OPS, "by_hand", sizeof(zero),
			     size, 1, &opts);
	value = calloc(1, size);
	if (!ASSERT_OK_FD(map, "map") || !ASSERT_OK_PTR(value, "calloc"))
		goto out;
	*(unsigned long *)(value + filter) = bpf_program__fd(skel->progs.filter);
	strcpy(value + name, "by_hand");

	for (i = 0; i < ARRAY_SIZE(private); i++) {
		offset = value_offset(btf, value_id, private[i]);
		if (!ASSERT_GE(offset, 0, private[i]))
			continue;
		member = (unsigned long *)(value + offset);
		*member = 1;
		ASSERT_EQ(bpf_map_update_elem(map, &zero, value, 0), -EINVAL,
			  private[i]);
		*member = 0;
	}
	ASSERT_OK(bpf_map_update_elem(map, &zero, value, 0), "without them");
out:
	free(value);
	if (map >= 0)
		close(map);
	fanotify_fastpath_bad_ops__destroy(skel);
	btf__free(btf);
}

static __u64 lookup_by_fd(struct bpf_map *map, int fd)
{
	__u64 value = 0;

	ASSERT_OK(bpf_map__lookup_elem(map, &fd, sizeof(fd), &value,
				       sizeof(value), 0),
		  bpf_map__name(map));
	return value;
}

static int check_record(void *ctx, void *data, size_t size)
{
	struct event_record *record = data;
	char comm[sizeof(record->comm)] = {};
	__u64 ino = *(__u64 *)ctx;

	ASSERT_EQ(size, sizeof(*record), "size of record");
	ASSERT_EQ(record->ino, ino, "inode");
	ASSERT_EQ(record->tgid, getpid(), "tgid");
	ASSERT_EQ(record->uid, getuid(), "uid");
	ASSERT_OK(prctl(PR_GET_NAME, comm), "own name");
	ASSERT_STREQ(record->comm, comm, "comm");
	ASSERT_EQ(record->cgroup_id, get_cgroup_id("/fanotify_fastpath"),
		  "cgroup id");
	return 0;
}

static void check_storage(struct fastpath_fixture *f,
			  struct fanotify_fastpath_storage *skel, int cgroup_fd)
{
	struct ring_buffer *ring = NULL;
	int pid_fd = -1, a_fd = -1, b_fd = -1;
	__u64 ino;

	pid_fd = syscall(SYS_pidfd_open, getpid(), 0);
	if (!ASSERT_OK_FD(pid_fd, "pidfd_open"))
		return;
	ino = ino_of("a");
	a_fd = open("a", O_PATH);
	b_fd = open("b", O_PATH);
	if (!ASSERT_OK_FD(a_fd, "a") || !ASSERT_OK_FD(b_fd, "b"))
		goto out;
	ring = ring_buffer__new(bpf_map__fd(skel->maps.records), check_record,
				&ino, NULL);
	if (!ASSERT_OK_PTR(ring, "ring_buffer__new"))
		goto out;

	open_files("a a");
	ASSERT_EQ(ring_buffer__consume(ring), 2, "records");
	ASSERT_STREQ(read_events(f), "", "events");
	ASSERT_EQ(lookup_by_fd(skel->maps.by_inode, a_fd), 2, "opens of a");
	ino = ino_of("b");
	open_files("b");
	ASSERT_EQ(ring_buffer__consume(ring), 1, "records");
	ASSERT_EQ(lookup_by_fd(skel->maps.by_inode, b_fd), 1, "opens of b");
	ASSERT_EQ(lookup_by_fd(skel->maps.by_task, pid_fd), 3, "by task");
	ASSERT_EQ(lookup_by_fd(skel->maps.by_cgroup, cgroup_fd), 3, "by cgroup");
out:
	ring_buffer__free(ring);
	if (b_fd >= 0)
		close(b_fd);
	if (a_fd >= 0)
		close(a_fd);
	close(pid_fd);
}

static void test_storage(void)
{
	struct fanotify_fastpath_storage *skel = NULL;
	struct fastpath_fixture f;
	int cgroup_fd;

	/* Before the fixture, which must not hide the cgroup's mount. */
	cgroup_fd = test__join_cgroup("/fanotify_fastpath");
	if (!ASSERT_OK_FD(cgroup_fd, "join cgroup"))
		return;
	if (!fixture_setup(&f, "tmpfs", FASTPATH_FLAGS) ||
	    !make_files("a b") || !mark_fs(&f, FAN_OPEN))
		goto out;

	skel = fanotify_fastpath_storage__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		goto out;
	skel->struct_ops.storage_ops->group_fd = f.fan_fd;
	if (ASSERT_OK(fanotify_fastpath_storage__load(skel), "load skeleton") &&
	    attach(&f, skel->maps.storage_ops))
		check_storage(&f, skel, cgroup_fd);
out:
	fixture_teardown(&f);
	fanotify_fastpath_storage__destroy(skel);
	close(cgroup_fd);
}

static void test_tracepoint(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_tracepoint *skel;

	skel = fanotify_fastpath_tracepoint__open_and_load();
	if (!ASSERT_OK_PTR(skel, "load skeleton"))
		return;
	if (!make_files("a") || !make_dir("d") ||
	    !mark_fs(f, FAN_OPEN | FAN_DELETE_SELF | FAN_ONDIR) ||
	    !attach(f, f->skel->maps.answer_ops))
		goto out;
	skel->bss->watched_ino = ino_of("a");
	skel->bss->watched_tgid = getpid();
	if (!ASSERT_OK(fanotify_fastpath_tracepoint__attach(skel), "attach"))
		goto out;

	open_files("a");
	ASSERT_EQ(skel->bss->sent, 1, "sent");
	ASSERT_EQ(skel->bss->skipped, 0, "skipped");

	f->skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	open_files("a");
	ASSERT_EQ(skel->bss->sent, 1, "sent");
	ASSERT_EQ(skel->bss->skipped, 1, "skipped");
	ASSERT_EQ(skel->bss->last_answer, FAN_FP_RET_SKIP_EVENT, "answer");

	f->skel->bss->answer = -2;
	open_files("a");
	ASSERT_EQ(skel->bss->sent, 2, "sent");
	ASSERT_EQ(skel->bss->last_answer, -2, "answer");
	ASSERT_EQ(skel->bss->without_dir, 0, "without dir");

	ASSERT_OK(rmdir("d"), "rmdir");
	ASSERT_EQ(skel->bss->without_dir, 1, "without dir");
out:
	fanotify_fastpath_tracepoint__destroy(skel);
}

/* The programs are called without a trampoline, and can be observed as others. */
static void test_observe_program(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_tracepoint *skel;
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd, stats_fd = -1;

	skel = fanotify_fastpath_tracepoint__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return;
	fd = bpf_program__fd(f->skel->progs.skip_filter);
	bpf_program__set_autoload(skel->progs.trace_decision, false);
	bpf_program__set_autoload(skel->progs.trace_program, true);
	if (!ASSERT_OK(bpf_program__set_attach_target(skel->progs.trace_program,
						      fd, "skip_filter"),
		       "attach target") ||
	    !ASSERT_OK(fanotify_fastpath_tracepoint__load(skel), "load") ||
	    !ASSERT_OK(fanotify_fastpath_tracepoint__attach(skel), "attach"))
		goto out;
	stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (!ASSERT_OK_FD(stats_fd, "enable statistics"))
		goto out;
	if (!make_files("a b") || !mark_fs(f, FAN_OPEN) ||
	    !attach(f, f->skel->maps.skip_ops))
		goto out;

	open_files("a b");
	ASSERT_STREQ(read_events(f), "", "skipped");
	ASSERT_EQ(skel->bss->returned, 2, "traced");
	if (ASSERT_OK(bpf_prog_get_info_by_fd(fd, &info, &len), "info"))
		ASSERT_EQ(info.run_cnt, 2, "run count");
out:
	if (stats_fd >= 0)
		close(stats_fd);
	fanotify_fastpath_tracepoint__destroy(skel);
}

/* Mount events have no inode. */
static void test_tracepoint_mount(struct fastpath_fixture *f)
{
	struct fanotify_fastpath_tracepoint *skel;

	skel = fanotify_fastpath_tracepoint__open_and_load();
	if (!ASSERT_OK_PTR(skel, "load skeleton"))
		return;
	skel->bss->watched_tgid = getpid();
	if (!make_dirs("m") ||
	    !mark(f, FAN_MARK_ADD | FAN_MARK_MNTNS, FAN_MNT_ATTACH,
		  "/proc/self/ns/mnt") ||
	    !attach(f, f->skel->maps.answer_ops) ||
	    !ASSERT_OK(fanotify_fastpath_tracepoint__attach(skel), "attach"))
		goto out;

	if (!ASSERT_OK(mount("tmpfs", "m", "tmpfs", 0, NULL), "mount"))
		goto out;
	ASSERT_EQ(skel->bss->without_inode, 1, "without inode");
	ASSERT_EQ(skel->bss->without_dir, 1, "without dir");
	ASSERT_OK(umount("m"), "umount");
out:
	fanotify_fastpath_tracepoint__destroy(skel);
}

static const struct fastpath_subtest subtests[] = {
	{ "skip_all", test_skip_all, NULL, FASTPATH_FLAGS },
	{ "send_all", test_send_all, NULL, FASTPATH_FLAGS },
	{ "unknown_answer", test_unknown_answer, NULL, FASTPATH_FLAGS },
	{ "other_group", test_other_group, "tmpfs", FASTPATH_FLAGS },
	{ "not_asked", test_not_asked, "tmpfs", FASTPATH_FLAGS },
	{ "permission", test_permission, "tmpfs", FAN_CLASS_CONTENT },

	{ "mode_fd", test_mode, NULL, 0 },
	{ "mode_fid", test_mode, NULL, FAN_REPORT_FID },
	{ "mode_dir_fid", test_mode, NULL, FAN_REPORT_DIR_FID },
	{ "mode_dfid_name", test_mode, NULL, FAN_REPORT_DFID_NAME },
	{ "mode_dfid_name_fid", test_mode, NULL,
	  FAN_REPORT_DFID_NAME | FAN_REPORT_FID },
	{ "mode_dfid_name_target", test_mode, NULL,
	  FAN_REPORT_DFID_NAME_TARGET },

	{ "event_args_fd", test_event_args_fd, NULL, 0 },
	{ "event_args_file", test_event_args_file, NULL,
	  FAN_REPORT_DFID_NAME | FAN_REPORT_FID },
	{ "event_args_dirent", test_event_args_dirent, NULL,
	  FAN_REPORT_DFID_NAME | FAN_REPORT_FID },
	{ "event_args_fs_error", test_event_args_fs_error, "ext4",
	  FAN_REPORT_FID },
	{ "event_args_mount", test_event_args_mount, "tmpfs", FAN_REPORT_MNT },

	{ "link_close", test_link_close, "tmpfs", FASTPATH_FLAGS },
	{ "link_detach", test_link_detach, "tmpfs", FASTPATH_FLAGS },
	{ "link_info", test_link_info, "tmpfs", FASTPATH_FLAGS },
	{ "group_close", test_group_close, "tmpfs", FASTPATH_FLAGS },
	{ "close_race", test_close_race, "tmpfs", FASTPATH_FLAGS },
	{ "update", test_update, "tmpfs", FASTPATH_FLAGS },
	{ "update_group_fd", test_update_group_fd, "tmpfs", FASTPATH_FLAGS },
	{ "update_busy", test_update_busy, "tmpfs", FASTPATH_FLAGS },
	{ "update_under_load_sends", test_update_under_load_sends, "tmpfs",
	  FASTPATH_FLAGS },
	{ "update_under_load_skips", test_update_under_load_skips, "tmpfs",
	  FASTPATH_FLAGS },

	{ "attach_not_an_fd", test_attach_not_an_fd, "tmpfs", FASTPATH_FLAGS },
	{ "attach_not_fanotify", test_attach_not_fanotify, "tmpfs",
	  FASTPATH_FLAGS },
	{ "attach_second_program", test_attach_second_program, "tmpfs",
	  FASTPATH_FLAGS },
	{ "attach_same_map", test_attach_same_map, "tmpfs", FASTPATH_FLAGS },
	{ "attach_unprivileged_group", test_attach_unprivileged_group, "tmpfs",
	  FASTPATH_FLAGS },
	{ "bad_ops", test_bad_ops, "tmpfs", FASTPATH_FLAGS },
	{ "private_members", test_private_members, "tmpfs", FASTPATH_FLAGS },
	{ "tracepoint", test_tracepoint, "tmpfs", FASTPATH_FLAGS },
	{ "observe_program", test_observe_program, "tmpfs", FASTPATH_FLAGS },
	{ "tracepoint_mount", test_tracepoint_mount, "tmpfs", FAN_REPORT_MNT },
};

/* Serial: a rename anywhere, by another test, makes walks undecided. */
void serial_test_fanotify_fastpath(void)
{
	run_subtests(subtests, ARRAY_SIZE(subtests));
	if (test__start_subtest("storage"))
		test_storage();
}
