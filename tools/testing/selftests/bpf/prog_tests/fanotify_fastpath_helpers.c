// SPDX-License-Identifier: GPL-2.0
/* Fixture of the fanotify fast path tests: see fanotify_fastpath_helpers.h. */
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "fanotify_fastpath_helpers.h"

static void read_info(struct fp_event *event,
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

static void read_event(const struct fanotify_event_metadata *meta,
		       fp_event_fn fn, void *ctx)
{
	struct fp_event event = { .mask = meta->mask, .fd = meta->fd };
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

void fp_drain_events(int fan_fd, fp_event_fn fn, void *ctx)
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

static void count_event(const struct fp_event *event, void *ctx)
{
	int *count = ctx;

	(*count)++;
}

int fp_count_events(int fan_fd)
{
	int count = 0;

	fp_drain_events(fan_fd, count_event, &count);
	return count;
}

static void print_event(const struct fp_event *event, void *ctx)
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

const char *fp_read_events(struct fp_fixture *f)
{
	FILE *out;

	f->events[0] = '\0';
	out = fmemopen(f->events, sizeof(f->events), "w");
	if (!ASSERT_OK_PTR(out, "fmemopen"))
		return "";
	fp_drain_events(f->fan_fd, print_event, out);
	fclose(out);
	return f->events;
}

const char *fp_read_fdinfo(struct fp_fixture *f, int fan_fd)
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

const char *fp_read_counters(struct fp_fixture *f)
{
	const char *counters;

	counters = strstr(fp_read_fdinfo(f, f->fan_fd), "seen:");
	return counters ?: "";
}

/* Call @fn for each word of @words until one fails. */
static bool each_word(const char *words, bool (*fn)(const char *word))
{
	char copy[512], *pos = copy, *word;

	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&pos, " ")))
		if (!fn(word))
			return false;
	return true;
}

bool fp_make_dir(const char *path)
{
	return ASSERT_OK(mkdir(path, 0755), path);
}

bool fp_make_file(const char *path)
{
	int fd;

	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (!ASSERT_OK_FD(fd, path))
		return false;
	close(fd);
	return true;
}

bool fp_open_file(const char *path)
{
	int fd;

	fd = open(path, O_RDONLY);
	if (!ASSERT_OK_FD(fd, path))
		return false;
	close(fd);
	return true;
}

bool fp_make_dirs(const char *paths)
{
	return each_word(paths, fp_make_dir);
}

bool fp_make_files(const char *paths)
{
	return each_word(paths, fp_make_file);
}

bool fp_open_files(const char *paths)
{
	return each_word(paths, fp_open_file);
}

bool fp_wait_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, FP_TIMEOUT_MS) == 1;
}

__u64 fp_ino_of(const char *path)
{
	struct stat st;

	if (!ASSERT_OK(lstat(path, &st), path))
		return 0;
	return st.st_ino;
}

bool fp_mark(struct fp_fixture *f, unsigned int flags,
	     __u64 mask, const char *path)
{
	return ASSERT_OK(fanotify_mark(f->fan_fd, flags, mask, AT_FDCWD, path),
			 "fanotify_mark");
}

bool fp_mark_fs(struct fp_fixture *f, __u64 mask)
{
	return fp_mark(f, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, ".");
}

/* A root's mask is part of the filesystem's and adds no events. */
bool fp_add_root(struct fp_fixture *f, const char *path)
{
	return fp_mark(f, FAN_MARK_ADD, FAN_OPEN, path);
}

bool fp_remove_root(struct fp_fixture *f, const char *path)
{
	return fp_mark(f, FAN_MARK_REMOVE, FAN_OPEN, path);
}

bool fp_loaded(int err, const char *log, const char *lacks)
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

bool fp_attach(struct fp_fixture *f, struct bpf_map *map)
{
	f->link = bpf_map__attach_struct_ops(map);
	if (ASSERT_OK_PTR(f->link, "attach"))
		return true;
	f->link = NULL;
	return false;
}

void fp_detach(struct fp_fixture *f)
{
	ASSERT_OK(bpf_link__destroy(f->link), "close link");
	f->link = NULL;
}

int fp_attach_error(struct bpf_map *map)
{
	struct bpf_link *link;

	link = bpf_map__attach_struct_ops(map);
	if (!link)
		return -errno;
	bpf_link__destroy(link);
	return 0;
}

int fp_new_group(unsigned int flags)
{
	return fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
			     flags, O_RDONLY);
}

/* The maps name the group when they are loaded, not when they are attached. */
struct fanotify_fastpath *fp_load_skel(int fan_fd)
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

bool fp_mount_image(struct fp_fixture *f)
{
	SYS(fail, "mount -t %s -o loop %s %s", f->fs, f->image, f->mnt);
	f->mounted = true;
	return ASSERT_OK(chdir(f->mnt), "enter filesystem");
fail:
	return false;
}

static bool mount_fs(struct fp_fixture *f)
{
	if (strcmp(f->fs, "tmpfs")) {
		SYS(fail, "truncate -s 64M %s", f->image);
		SYS(fail, "mkfs.%s -q -F %s", f->fs, f->image);
		return fp_mount_image(f);
	}
	if (!ASSERT_OK(mount("tmpfs", f->mnt, "tmpfs", 0, NULL), "mount tmpfs"))
		return false;
	f->mounted = true;
	return ASSERT_OK(chdir(f->mnt), "enter filesystem");
fail:
	return false;
}

static bool has_mkfs(const char *fs)
{
	char cmd[64];

	if (!strcmp(fs, "tmpfs"))
		return true;
	snprintf(cmd, sizeof(cmd), "command -v mkfs.%s >/dev/null", fs);
	return !system(cmd);
}

void fp_unmount_fs(struct fp_fixture *f)
{
	ASSERT_OK(chdir("/"), "leave filesystem");
	if (ASSERT_OK(umount2(f->mnt, 0), "unmount"))
		f->mounted = false;
}

void fp_fixture_teardown(struct fp_fixture *f)
{
	fp_detach(f);
	fanotify_fastpath__destroy(f->skel);
	if (f->fan_fd >= 0)
		close(f->fan_fd);
	if (f->mounted)
		fp_unmount_fs(f);
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

bool fp_fixture_setup(struct fp_fixture *f, const char *fs,
		      unsigned int init_flags)
{
	char top[] = FASTPATH_TOP;
	int ns;

	*f = (struct fp_fixture) {
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
	memcpy(f->top, top, sizeof(top));
	snprintf(f->mnt, sizeof(f->mnt), "%s" FASTPATH_MNT, top);
	snprintf(f->image, sizeof(f->image), "%s" FASTPATH_IMAGE, top);
	if (!fp_make_dir(f->mnt) || !mount_fs(f))
		return false;

	f->fan_fd = fp_new_group(init_flags);
	if (!ASSERT_OK_FD(f->fan_fd, "fanotify_init"))
		return false;
	f->skel = fp_load_skel(f->fan_fd);
	return f->skel;
}

static void run_subtest(const struct fp_subtest *test, const char *fs)
{
	struct fp_fixture f;
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
	if (fp_fixture_setup(&f, fs, test->init_flags))
		test->run(&f);
	fp_fixture_teardown(&f);
}

void fp_run_subtests(const struct fp_subtest *tests, int nr)
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
