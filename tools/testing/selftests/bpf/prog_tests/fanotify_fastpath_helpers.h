/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixture of the fanotify fast path tests: a filesystem of its own in a mount
 * namespace of its own, an fanotify group, and the programs of
 * progs/fanotify_fastpath.c, ready to be attached to that group. Subtests run
 * in the root of the filesystem, with relative paths.
 *
 * What counts is what the listener gets from read(2). read_events() shows it as
 * a string, "open:a modify|close_write:b", in the order of the queue; names are
 * without their directories. Events on one object that wait in the queue are
 * merged by fanotify, so a test reads before it repeats itself.
 */
#ifndef __FANOTIFY_FASTPATH_HELPERS_H
#define __FANOTIFY_FASTPATH_HELPERS_H

#include <fcntl.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <test_progs.h>

#include "progs/fanotify_fastpath_types.h"
#include "fanotify_fastpath.skel.h"

#define FASTPATH_TOP	"/tmp/fanotify_fastpath_XXXXXX"
#define FASTPATH_MNT	"/mnt"
#define FASTPATH_IMAGE	"/image"
#define FASTPATH_EVENTS	4096

/* What a group of these tests reports if the subtest does not care */
#define FASTPATH_FLAGS	FAN_REPORT_DFID_NAME

struct fastpath_fixture {
	struct fanotify_fastpath *skel;
	struct bpf_link *link;
	const char *fs;
	char top[sizeof(FASTPATH_TOP)];
	char mnt[sizeof(FASTPATH_TOP FASTPATH_MNT)];
	char image[sizeof(FASTPATH_TOP FASTPATH_IMAGE)];
	bool mounted;
	int fan_fd;
	int old_ns;
	int old_cwd;
	char events[FASTPATH_EVENTS];
	char fdinfo[256];
};

/* A subtest and where it runs; @fs NULL: on each filesystem */
struct fastpath_subtest {
	const char *name;
	void (*run)(struct fastpath_fixture *f);
	const char *fs;
	unsigned int init_flags;
};

struct fastpath_event {
	__u64 mask;
	int fd;
	/* bit per FAN_EVENT_INFO_TYPE_* of the event */
	unsigned int info_types;
	const char *name;
	const char *new_name;
};

typedef void (*fastpath_event_fn)(const struct fastpath_event *event,
				  void *ctx);

static inline void read_info(struct fastpath_event *event,
			     const struct fanotify_event_info_header *hdr)
{
	const struct fanotify_event_info_fid *fid = (const void *)hdr;
	const struct file_handle *fh = (const void *)fid->handle;
	const char *name = (const char *)fh->f_handle + fh->handle_bytes;

	event->info_types |= 1U << hdr->info_type;
	switch (hdr->info_type) {
	case FAN_EVENT_INFO_TYPE_DFID_NAME:
	case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
		event->name = name;
		break;
	case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
		event->new_name = name;
		break;
	}
}

static inline void read_event(const struct fanotify_event_metadata *meta,
			      fastpath_event_fn fn, void *ctx)
{
	struct fastpath_event event = { .mask = meta->mask, .fd = meta->fd };
	const struct fanotify_event_info_header *hdr;
	char link[64], path[PATH_MAX];
	ssize_t len;
	__u32 off;

	for (off = meta->metadata_len; off < meta->event_len; off += hdr->len) {
		hdr = (const void *)meta + off;
		read_info(&event, hdr);
	}
	if (meta->fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", meta->fd);
		len = readlink(link, path, sizeof(path) - 1);
		if (len > 0) {
			path[len] = '\0';
			event.name = strrchr(path, '/') + 1;
		}
	}
	fn(&event, ctx);
	if (meta->fd >= 0)
		close(meta->fd);
}

/* Hand all events that wait in a non-blocking group to @fn. */
static inline void drain_events(int fan_fd, fastpath_event_fn fn, void *ctx)
{
	char buf[8192] __aligned(8);
	const struct fanotify_event_metadata *meta;
	ssize_t len;

	while ((len = read(fan_fd, buf, sizeof(buf))) > 0) {
		meta = (const void *)buf;
		for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len))
			read_event(meta, fn, ctx);
	}
	if (len < 0)
		ASSERT_EQ(errno, EAGAIN, "read fanotify fd");
}

static inline void count_event(const struct fastpath_event *event, void *ctx)
{
	int *count = ctx;

	(*count)++;
}

static inline int count_events(int fan_fd)
{
	int count = 0;

	drain_events(fan_fd, count_event, &count);
	return count;
}

static inline void print_event(const struct fastpath_event *event, void *ctx)
{
	static const struct {
		__u64 mask;
		const char *name;
	} types[] = {
		{ FAN_OPEN, "open" },
		{ FAN_OPEN_EXEC, "open_exec" },
		{ FAN_ACCESS, "access" },
		{ FAN_MODIFY, "modify" },
		{ FAN_CLOSE_WRITE, "close_write" },
		{ FAN_CLOSE_NOWRITE, "close_nowrite" },
		{ FAN_ATTRIB, "attrib" },
		{ FAN_CREATE, "create" },
		{ FAN_DELETE, "delete" },
		{ FAN_MOVED_FROM, "moved_from" },
		{ FAN_MOVED_TO, "moved_to" },
		{ FAN_RENAME, "rename" },
		{ FAN_DELETE_SELF, "delete_self" },
		{ FAN_MOVE_SELF, "move_self" },
		{ FAN_FS_ERROR, "fs_error" },
		{ FAN_MNT_ATTACH, "mnt_attach" },
		{ FAN_MNT_DETACH, "mnt_detach" },
		{ FAN_OPEN_PERM, "open_perm" },
		{ FAN_OPEN_EXEC_PERM, "open_exec_perm" },
		{ FAN_ACCESS_PERM, "access_perm" },
		{ FAN_PRE_ACCESS, "pre_access" },
		{ FAN_Q_OVERFLOW, "overflow" },
		{ FAN_ONDIR, "dir" },
	};
	const char *name = event->name;
	__u64 mask = event->mask;
	FILE *out = ctx;
	const char *sep;
	int i;

	/* O_TMPFILE files are named after their inode number. */
	if (!name)
		name = "-";
	else if (name[0] == '#')
		name = "#";

	sep = ftell(out) ? " " : "";
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (!(mask & types[i].mask))
			continue;
		mask &= ~types[i].mask;
		fprintf(out, "%s%s", sep, types[i].name);
		sep = "|";
	}
	if (mask)
		fprintf(out, "%s%#llx", sep, (unsigned long long)mask);
	fprintf(out, ":%s", name);
	if (event->new_name)
		fprintf(out, ">%s", event->new_name);
}

/* All events that wait in the fixture's group, as a string; "" for none. */
static inline const char *read_events(struct fastpath_fixture *f)
{
	FILE *out;

	f->events[0] = '\0';
	out = fmemopen(f->events, sizeof(f->events), "w");
	if (!ASSERT_OK_PTR(out, "fmemopen"))
		return "";
	drain_events(f->fan_fd, print_event, out);
	fclose(out);
	return f->events;
}

/* What fdinfo of @fan_fd tells about the fast path; "" without one. */
static inline const char *read_fdinfo(struct fastpath_fixture *f, int fan_fd)
{
	static const char prefix[] = "fanotify-fastpath ";
	char path[64], *unasked;
	FILE *file;

	f->fdinfo[0] = '\0';
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fan_fd);
	file = fopen(path, "r");
	if (!ASSERT_OK_PTR(file, path))
		return "";
	while (fgets(f->fdinfo, sizeof(f->fdinfo), file)) {
		if (!strncmp(f->fdinfo, prefix, sizeof(prefix) - 1))
			break;
		f->fdinfo[0] = '\0';
	}
	fclose(file);
	f->fdinfo[strcspn(f->fdinfo, "\n")] = '\0';
	/* Of interest only if permission events were decided */
	unasked = strstr(f->fdinfo, " allowed:0 denied:0 expired:0");
	if (unasked)
		*unasked = '\0';
	return f->fdinfo[0] ? f->fdinfo + sizeof(prefix) - 1 : f->fdinfo;
}

/* "seen:N sent:N skipped:N invalid:N" of the fixture's group, or "" */
static inline const char *read_counters(struct fastpath_fixture *f)
{
	const char *counters;

	counters = strstr(read_fdinfo(f, f->fan_fd), "seen:");
	return counters ?: "";
}

/* Call @fn for each word of @words until one fails. */
static inline bool each_word(const char *words, bool (*fn)(const char *word))
{
	char copy[512], *pos = copy, *word;

	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&pos, " ")))
		if (!fn(word))
			return false;
	return true;
}

static inline bool make_dir(const char *path)
{
	return ASSERT_OK(mkdir(path, 0755), path);
}

static inline bool make_file(const char *path)
{
	int fd;

	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (!ASSERT_OK_FD(fd, path))
		return false;
	close(fd);
	return true;
}

static inline bool open_file(const char *path)
{
	int fd;

	fd = open(path, O_RDONLY);
	if (!ASSERT_OK_FD(fd, path))
		return false;
	close(fd);
	return true;
}

static inline bool make_dirs(const char *paths)
{
	return each_word(paths, make_dir);
}

static inline bool make_files(const char *paths)
{
	return each_word(paths, make_file);
}

static inline bool open_files(const char *paths)
{
	return each_word(paths, open_file);
}

static inline __u64 ino_of(const char *path)
{
	struct stat st;

	if (!ASSERT_OK(lstat(path, &st), path))
		return 0;
	return st.st_ino;
}

static inline bool mark(struct fastpath_fixture *f, unsigned int flags,
			__u64 mask, const char *path)
{
	return ASSERT_OK(fanotify_mark(f->fan_fd, flags, mask, AT_FDCWD, path),
			 "fanotify_mark");
}

static inline bool mark_fs(struct fastpath_fixture *f, __u64 mask)
{
	return mark(f, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, ".");
}

/* A root's mask is part of the filesystem's and adds no events. */
static inline bool add_root(struct fastpath_fixture *f, const char *path)
{
	return mark(f, FAN_MARK_ADD, FAN_OPEN, path);
}

static inline bool remove_root(struct fastpath_fixture *f, const char *path)
{
	return mark(f, FAN_MARK_REMOVE, FAN_OPEN, path);
}

/*
 * @err is what a load returned. The test is skipped if the verifier's @log says
 * @lacks. Not with ASSERT_FAIL(), which passes.
 */
static inline bool loaded(int err, const char *log, const char *lacks)
{
	if (err && strstr(log, lacks)) {
		test__skip();
		return false;
	}
	if (ASSERT_OK(err, "load"))
		return true;
	printf("%s\n", log);
	return false;
}

static inline bool attach(struct fastpath_fixture *f, struct bpf_map *map)
{
	f->link = bpf_map__attach_struct_ops(map);
	if (ASSERT_OK_PTR(f->link, "attach"))
		return true;
	f->link = NULL;
	return false;
}

static inline int new_group(unsigned int flags)
{
	return fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
			     flags, O_RDONLY);
}

/* The maps name the group when they are loaded, not when they are attached. */
static inline struct fanotify_fastpath *load_skel(int fan_fd)
{
	struct fanotify_fastpath *skel;

	skel = fanotify_fastpath__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return NULL;
	skel->struct_ops.answer_ops->group_fd = fan_fd;
	skel->struct_ops.answer2_ops->group_fd = fan_fd;
	skel->struct_ops.skip_ops->group_fd = fan_fd;
	skel->struct_ops.skip2_ops->group_fd = fan_fd;
	skel->struct_ops.subtree_ops->group_fd = fan_fd;
	skel->struct_ops.policy_ops->group_fd = fan_fd;
	skel->struct_ops.args_ops->group_fd = fan_fd;
	if (ASSERT_OK(fanotify_fastpath__load(skel), "load skeleton"))
		return skel;
	fanotify_fastpath__destroy(skel);
	return NULL;
}

/* Mount the image of the fixture's filesystem and enter it. */
static inline bool mount_image(struct fastpath_fixture *f)
{
	SYS(fail, "mount -t %s -o loop %s %s", f->fs, f->image, f->mnt);
	f->mounted = true;
	return ASSERT_OK(chdir(f->mnt), "enter filesystem");
fail:
	return false;
}

static inline bool mount_fs(struct fastpath_fixture *f)
{
	if (strcmp(f->fs, "tmpfs")) {
		SYS(fail, "truncate -s 64M %s", f->image);
		SYS(fail, "mkfs.%s -q -F %s", f->fs, f->image);
		return mount_image(f);
	}
	if (!ASSERT_OK(mount("tmpfs", f->mnt, "tmpfs", 0, NULL), "mount tmpfs"))
		return false;
	f->mounted = true;
	return ASSERT_OK(chdir(f->mnt), "enter filesystem");
fail:
	return false;
}

static inline bool has_mkfs(const char *fs)
{
	char cmd[64];

	if (!strcmp(fs, "tmpfs"))
		return true;
	snprintf(cmd, sizeof(cmd), "command -v mkfs.%s >/dev/null", fs);
	return !system(cmd);
}

/* Leaves and unmounts the fixture's filesystem: nothing may still pin it. */
static inline void unmount_fs(struct fastpath_fixture *f)
{
	ASSERT_OK(chdir("/"), "leave filesystem");
	if (ASSERT_OK(umount2(f->mnt, 0), "unmount"))
		f->mounted = false;
}

static inline void fixture_teardown(struct fastpath_fixture *f)
{
	bpf_link__destroy(f->link);
	fanotify_fastpath__destroy(f->skel);
	if (f->fan_fd >= 0)
		close(f->fan_fd);
	if (f->mounted)
		unmount_fs(f);
	if (f->top[0]) {
		umount2(f->mnt, MNT_DETACH);
		unlink(f->image);
		rmdir(f->mnt);
		ASSERT_OK(rmdir(f->top), f->top);
	}
	if (f->old_ns >= 0) {
		ASSERT_OK(setns(f->old_ns, CLONE_NEWNS), "old mount namespace");
		close(f->old_ns);
	}
	if (f->old_cwd >= 0) {
		ASSERT_OK(fchdir(f->old_cwd), "old directory");
		close(f->old_cwd);
	}
}

static inline bool fixture_setup(struct fastpath_fixture *f, const char *fs,
				 unsigned int init_flags)
{
	char top[] = FASTPATH_TOP;
	int ns;

	*f = (struct fastpath_fixture) {
		.fs = fs, .fan_fd = -1, .old_ns = -1, .old_cwd = -1,
	};

	f->old_cwd = open(".", O_PATH | O_CLOEXEC);
	if (!ASSERT_OK_FD(f->old_cwd, "current directory"))
		return false;
	ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (!ASSERT_OK_FD(ns, "mount namespace"))
		return false;
	if (!ASSERT_OK(unshare(CLONE_NEWNS), "unshare")) {
		close(ns);
		return false;
	}
	f->old_ns = ns;
	if (!ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL),
		       "private mounts"))
		return false;

	if (!ASSERT_OK_PTR(mkdtemp(top), "mkdtemp"))
		return false;
	strcpy(f->top, top);
	snprintf(f->mnt, sizeof(f->mnt), "%s" FASTPATH_MNT, top);
	snprintf(f->image, sizeof(f->image), "%s" FASTPATH_IMAGE, top);
	if (!make_dir(f->mnt) || !mount_fs(f))
		return false;

	f->fan_fd = new_group(init_flags);
	if (!ASSERT_OK_FD(f->fan_fd, "fanotify_init"))
		return false;
	f->skel = load_skel(f->fan_fd);
	return f->skel;
}

static inline void run_subtest(const struct fastpath_subtest *test,
			       const char *fs)
{
	struct fastpath_fixture f;
	char name[64];

	if (test->fs)
		snprintf(name, sizeof(name), "%s", test->name);
	else
		snprintf(name, sizeof(name), "%s/%s", test->name, fs);
	if (!test__start_subtest(name))
		return;
	if (!has_mkfs(fs)) {
		printf("%s:SKIP:mkfs.%s not found\n", name, fs);
		test__skip();
		return;
	}
	if (fixture_setup(&f, fs, test->init_flags))
		test->run(&f);
	fixture_teardown(&f);
}

static inline void run_subtests(const struct fastpath_subtest *tests, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		if (tests[i].fs) {
			run_subtest(&tests[i], tests[i].fs);
			continue;
		}
		run_subtest(&tests[i], "tmpfs");
		run_subtest(&tests[i], "ext4");
	}
}

#endif /* __FANOTIFY_FASTPATH_HELPERS_H */
