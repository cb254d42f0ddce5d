// SPDX-License-Identifier: GPL-2.0
/*
 * Does fsnotify still do the same? Watches the same files in hundreds of ways,
 * does the same to them, and prints every event in the order in which it is got,
 * without anything that differs from run to run. Two kernels are alike if what
 * they print is. usage: equivalence SCENARIOS
 *
 * A scenario is a set of groups (fanotify in all its modes, inotify, dnotify) with
 * marks and ignore masks on a file, directories, the mount and the filesystem,
 * drawn from a sequence of numbers that is always the same. Groups that are asked
 * for permission answer in a thread of their own, and deny every fifth time. The
 * order in which they are asked is printed, too.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef FAN_CLASS_PRE_CONTENT
#error "old headers"
#endif
#ifndef FAN_PRE_ACCESS
#define FAN_PRE_ACCESS	0x00100000
#endif
#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE	0x00000400
#endif
#ifndef FAN_RENAME
#define FAN_RENAME	0x10000000
#endif
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID	0x00001000
#endif
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE	0x00000200
#endif
#ifndef FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
#define FAN_EVENT_INFO_TYPE_OLD_DFID_NAME	10
#define FAN_EVENT_INFO_TYPE_NEW_DFID_NAME	12
#endif
#define DENY(error)	(FAN_DENY | ((error) & 0xff) << 24)

#define TOP	"/run/equivalence"
#define MNT	TOP "/mnt"	/* the filesystem */
#define BIND	TOP "/bind"	/* its directory d, mounted once more */
#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static const char long_name[] = "a-name-that-is-too-long-to-be-kept-within-the-dentry-itself";

/* A sequence that is the same everywhere. */
static uint64_t seed;

static unsigned int draw(unsigned int below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

enum kind { FANOTIFY, INOTIFY, DNOTIFY };

static const struct {
	const char *name;
	enum kind kind;
	unsigned int flags;
} modes[] = {
	{ "fd", FANOTIFY, FAN_CLASS_NOTIF },
	{ "fid", FANOTIFY, FAN_CLASS_NOTIF | FAN_REPORT_FID },
	{ "dir-fid", FANOTIFY, FAN_CLASS_NOTIF | FAN_REPORT_DIR_FID },
	{ "name", FANOTIFY, FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME },
	{ "fid-name", FANOTIFY, FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_REPORT_DFID_NAME },
	{ "target", FANOTIFY, FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_REPORT_DFID_NAME |
	  FAN_REPORT_TARGET_FID },
	{ "content", FANOTIFY, FAN_CLASS_CONTENT },
	{ "pre-content", FANOTIFY, FAN_CLASS_PRE_CONTENT },
	{ "inotify", INOTIFY, 0 },
	{ "dnotify", DNOTIFY, 0 },
};

static const char *const objects[] = {
	MNT "/d/file", MNT "/d", MNT "/d/sub", MNT, MNT "/d/link", MNT "/e",
	MNT "/d/sub/inner",
};

static const uint64_t masks[] = {
	FAN_OPEN, FAN_CLOSE, FAN_ACCESS, FAN_MODIFY, FAN_OPEN | FAN_CLOSE, FAN_ATTRIB,
	FAN_OPEN_EXEC, FAN_CREATE | FAN_DELETE, FAN_MOVE, FAN_DELETE_SELF | FAN_MOVE_SELF,
	FAN_RENAME, FAN_ATTRIB | FAN_CREATE, FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE,
	FAN_OPEN_PERM, FAN_ACCESS_PERM, FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM | FAN_ACCESS_PERM,
	FAN_PRE_ACCESS, FAN_OPEN_PERM | FAN_OPEN | FAN_CLOSE,
};

#define MAX_GROUPS	4
static struct group {
	int mode;
	int fd;
	bool asked;		/* answers in a thread of its own */
	pthread_t thread;
	pthread_mutex_t lock;
	bool stop;
	char log[65536];	/* its events since they were printed last */
	size_t len;
	struct {
		ino_t ino;
		bool child;
		uint64_t mask;
	} seen[64];		/* see note_event() */
	int nr_seen;
} groups[MAX_GROUPS];
static int nr_groups;
static int mount_fd, self_pid;

/* What groups are asked, in the order in which they are. */
static pthread_mutex_t asked_lock = PTHREAD_MUTEX_INITIALIZER;
static struct group asked;
static unsigned int nr_asked;
static uint32_t cookies[256];
static int nr_cookies;

static void __attribute__((format(printf, 2, 3)))
add(struct group *g, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g->len += vsnprintf(g->log + g->len, sizeof(g->log) - g->len, format, args);
	va_end(args);
	if (g->len >= sizeof(g->log))
		errx(1, "too many events at once");
}

static void add_path(struct group *g, int fd)
{
	char link[64], path[512];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		len = 0;
	path[len] = 0;
	/* O_TMPFILE names a file by its inode number. */
	if (strstr(path, "/#"))
		strcpy(strstr(path, "/#"), "/tmpfile");
	add(g, " %s", strncmp(path, TOP, strlen(TOP)) ? path : path + strlen(TOP));
}

static void add_handle(struct group *g, struct file_handle *handle)
{
	int fd;

	add(g, " handle:%d/%u", handle->handle_type, handle->handle_bytes);
	if (!handle->handle_bytes)
		return;
	/* O_PATH: this is not to cause events. */
	fd = open_by_handle_at(mount_fd, handle, O_PATH);
	if (fd < 0) {
		add(g, " %s", strerror(errno));
		return;
	}
	add_path(g, fd);
	close(fd);
}

static void add_info(struct group *g, const struct fanotify_event_metadata *event)
{
	const char *at = (const char *)event + event->metadata_len;
	const char *end = (const char *)event + event->event_len;

	while (at < end) {
		const struct fanotify_event_info_header *hdr = (const void *)at;
		struct fanotify_event_info_fid *fid = (void *)at;
		struct file_handle *handle = (void *)fid->handle;

		add(g, " info:%d", hdr->info_type);
		switch (hdr->info_type) {
		case FAN_EVENT_INFO_TYPE_DFID_NAME:
		case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
		case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
			add(g, " name:%s", (char *)handle->f_handle + handle->handle_bytes);
			/* fall through */
		case FAN_EVENT_INFO_TYPE_FID:
		case FAN_EVENT_INFO_TYPE_DFID:
			add_handle(g, handle);
		}
		at += hdr->len;
	}
}

static void answer(struct group *g, const struct fanotify_event_metadata *event)
{
	struct fanotify_response response = { .fd = event->fd, .response = FAN_ALLOW };

	pthread_mutex_lock(&asked_lock);
	if (++nr_asked % 5 == 0)
		response.response = strcmp(modes[g->mode].name, "pre-content") ? FAN_DENY :
				    DENY(EBUSY);
	add(&asked, "  asked: group %d mask %llx", (int)(g - groups), (unsigned long long)event->mask);
	add_path(&asked, event->fd);
	add(&asked, " -> %x\n", response.response);
	pthread_mutex_unlock(&asked_lock);
	if (write(g->fd, &response, sizeof(response)) != sizeof(response))
		err(1, "answer %x", response.response);
}

/*
 * How many events of a group that is asked are merged depends on when its thread
 * reads them. So all that happened to a file in one step is one line for these.
 */
static void note_event(struct group *g, const struct fanotify_event_metadata *event)
{
	bool child = event->pid != self_pid;
	struct stat st;
	int i = 0;

	if (fstat(event->fd, &st))
		err(1, "fstat");
	while (i < g->nr_seen && (g->seen[i].ino != st.st_ino || g->seen[i].child != child))
		i++;
	if (i == (int)COUNT(g->seen))
		errx(1, "too many files at once");
	if (i == g->nr_seen) {
		g->nr_seen++;
		g->seen[i].ino = st.st_ino;
		g->seen[i].child = child;
		g->seen[i].mask = 0;
	}
	g->seen[i].mask |= event->mask;
}

static void drain_fanotify(struct group *g)
{
	static __thread char buf[16384] __attribute__((aligned(8)));
	ssize_t len;

	while ((len = read(g->fd, buf, sizeof(buf))) > 0) {
		struct fanotify_event_metadata *event = (void *)buf;

		for (; FAN_EVENT_OK(event, len); event = FAN_EVENT_NEXT(event, len)) {
			if (event->mask & (FAN_OPEN_PERM | FAN_ACCESS_PERM |
					   FAN_OPEN_EXEC_PERM | FAN_PRE_ACCESS)) {
				answer(g, event);
			} else if (g->asked && event->fd >= 0) {
				note_event(g, event);
			} else {
				add(g, "  group %d mask %llx%s", (int)(g - groups),
				    (unsigned long long)event->mask,
				    event->pid == self_pid ? "" : " by a child");
				if (event->fd >= 0)
					add_path(g, event->fd);
				add_info(g, event);
				add(g, "\n");
			}
			if (event->fd >= 0)
				close(event->fd);
		}
	}
	if (len < 0 && errno != EAGAIN)
		add(g, "  group %d read: %s\n", (int)(g - groups), strerror(errno));
}

static void drain_inotify(struct group *g)
{
	char buf[16384] __attribute__((aligned(8)));
	ssize_t len;

	while ((len = read(g->fd, buf, sizeof(buf))) > 0) {
		for (char *at = buf; at < buf + len;) {
			struct inotify_event *event = (void *)at;
			int cookie = 0;

			if (event->cookie) {
				while (cookie < nr_cookies && cookies[cookie] != event->cookie)
					cookie++;
				if (cookie == nr_cookies)
					cookies[nr_cookies++ % 256] = event->cookie;
				cookie++;
			}
			add(g, "  group %d wd %d mask %x cookie %d %s\n", (int)(g - groups),
			    event->wd, event->mask, cookie, event->len ? event->name : "");
			at += sizeof(*event) + event->len;
		}
	}
}

static void drain_dnotify(struct group *g)
{
	struct timespec now = {};
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1 + (int)(g - groups));
	while (sigtimedwait(&set, &info, &now) > 0)
		add(g, "  group %d dnotify\n", (int)(g - groups));
}

static void *answer_all(void *arg)
{
	struct group *g = arg;
	struct pollfd poll_fd = { .fd = g->fd, .events = POLLIN };

	while (!g->stop) {
		if (poll(&poll_fd, 1, 50) < 1)
			continue;
		pthread_mutex_lock(&g->lock);
		drain_fanotify(g);
		pthread_mutex_unlock(&g->lock);
	}
	return NULL;
}

/* All that was caused so far has been read when the queue is empty. */
static void wait_for_thread(struct group *g)
{
	int left;

	do {
		pthread_mutex_lock(&g->lock);
		if (ioctl(g->fd, FIONREAD, &left))
			err(1, "FIONREAD");
		pthread_mutex_unlock(&g->lock);
		if (left)
			sched_yield();
	} while (left);
}

static void print_log(struct group *g)
{
	for (int i = 0; i < g->nr_seen; i++)
		add(g, "  group %d mask %llx%s inode %lu\n", (int)(g - groups),
		    (unsigned long long)g->seen[i].mask, g->seen[i].child ? " by a child" : "",
		    (unsigned long)g->seen[i].ino);
	g->nr_seen = 0;
	fwrite(g->log, 1, g->len, stdout);
	g->len = 0;
}

static void drain(void)
{
	for (int i = 0; i < nr_groups; i++) {
		struct group *g = &groups[i];

		if (g->asked)
			wait_for_thread(g);
	}
	print_log(&asked);
	for (int i = 0; i < nr_groups; i++) {
		struct group *g = &groups[i];

		if (g->fd >= 0 && !g->asked) {
			switch (modes[g->mode].kind) {
			case FANOTIFY:
				drain_fanotify(g);
				break;
			case INOTIFY:
				drain_inotify(g);
				break;
			case DNOTIFY:
				drain_dnotify(g);
			}
		}
		print_log(g);
	}
}

static int mark_fanotify(struct group *g)
{
	static const unsigned int what[] = { FAN_MARK_INODE, FAN_MARK_INODE, FAN_MARK_INODE,
					     FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM };
	const char *path = objects[draw(COUNT(objects))];
	unsigned int flags = what[draw(COUNT(what))] | FAN_MARK_ADD;
	uint64_t mask = masks[draw(COUNT(masks))];
	int ret;

	if (draw(3) == 0)
		mask |= masks[draw(COUNT(masks))];
	if (draw(2))
		mask |= FAN_ONDIR;
	if (draw(2))
		mask |= FAN_EVENT_ON_CHILD;
	switch (draw(8)) {
	case 0:
		flags |= FAN_MARK_IGNORED_MASK;
		break;
	case 1:
		flags |= FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY;
		break;
	case 2:
		flags |= FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY;
		break;
	case 3:
		flags |= FAN_MARK_IGNORE;
		break;
	case 4:
		flags |= FAN_MARK_EVICTABLE;
	}
	ret = fanotify_mark(g->fd, flags, mask, AT_FDCWD, path);
	printf("  group %d mark %x %llx %s: %s\n", (int)(g - groups), flags,
	       (unsigned long long)mask, path + strlen(TOP), ret ? strerror(errno) : "ok");
	return ret;
}

static void mark_inotify(struct group *g)
{
	static const uint32_t wanted[] = {
		IN_ALL_EVENTS, IN_OPEN | IN_CLOSE, IN_MODIFY, IN_CREATE | IN_DELETE, IN_MOVE,
		IN_ATTRIB | IN_EXCL_UNLINK, IN_ACCESS, IN_DELETE_SELF | IN_MOVE_SELF,
		IN_ALL_EVENTS | IN_EXCL_UNLINK, IN_OPEN | IN_ONESHOT,
	};
	const char *path = objects[draw(COUNT(objects))];
	uint32_t mask = wanted[draw(COUNT(wanted))];
	int wd = inotify_add_watch(g->fd, path, mask);

	printf("  group %d watch %x %s: %d\n", (int)(g - groups), mask, path + strlen(TOP), wd);
}

static void mark_dnotify(struct group *g)
{
	static const unsigned int wanted[] = {
		DN_ACCESS | DN_MULTISHOT, DN_MODIFY | DN_MULTISHOT, DN_RENAME | DN_MULTISHOT,
		DN_CREATE | DN_DELETE | DN_MULTISHOT, DN_ATTRIB, DN_MODIFY | DN_ATTRIB | DN_CREATE,
	};
	unsigned int mask = wanted[draw(COUNT(wanted))];
	int ret;

	if (g->fd < 0)
		return;
	ret = fcntl(g->fd, F_SETSIG, SIGRTMIN + 1 + (int)(g - groups)) ?:
	      fcntl(g->fd, F_NOTIFY, mask);
	printf("  group %d dnotify %x: %d\n", (int)(g - groups), mask, ret);
}

static void add_marks(struct group *g, int times)
{
	while (times--) {
		int tries = 8;

		switch (modes[g->mode].kind) {
		case FANOTIFY:
			/* Most of what is drawn no group of the kind can have. */
			while (mark_fanotify(g) && --tries)
				;
			break;
		case INOTIFY:
			mark_inotify(g);
			break;
		case DNOTIFY:
			mark_dnotify(g);
		}
	}
}

static void start_group(struct group *g)
{
	g->mode = draw(COUNT(modes));
	g->len = 0;
	g->stop = false;
	g->asked = false;
	pthread_mutex_init(&g->lock, NULL);
	switch (modes[g->mode].kind) {
	case FANOTIFY:
		g->fd = fanotify_init(modes[g->mode].flags | FAN_NONBLOCK | FAN_CLOEXEC,
				      O_RDONLY | O_LARGEFILE);
		if (g->fd < 0)
			err(1, "fanotify_init %s", modes[g->mode].name);
		g->asked = (modes[g->mode].flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT));
		break;
	case INOTIFY:
		g->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		break;
	case DNOTIFY:
		g->fd = open(draw(2) ? MNT "/d" : MNT "/d/sub", O_RDONLY | O_CLOEXEC);
	}
	printf("  group %d: %s\n", (int)(g - groups), modes[g->mode].name);
}

/* What is done to the files. Each says what came of it. */
static char buf[4096];

static int touch(const char *path, int flags, const char *text)
{
	int fd = open(path, flags, 0644), ret = fd < 0 ? -errno : 0;

	if (fd < 0)
		return ret;
	if (text && write(fd, text, strlen(text)) < 0)
		ret = -errno;
	else if (!text && read(fd, buf, sizeof(buf)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int result(int ret)
{
	return ret < 0 ? -errno : 0;
}

static int list(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		return -errno;
	while (readdir(dir))
		;
	closedir(dir);
	return 0;
}

static int exec_file(const char *path)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl(path, path, NULL);
		_exit(100 + errno);
	}
	waitpid(pid, &status, 0);
	return status;
}

static int unlinked_use(void)
{
	int fd = open(MNT "/d/gone", O_RDWR | O_CREAT, 0644), ret;

	if (fd < 0)
		return -errno;
	ret = result(unlink(MNT "/d/gone"));
	ret = result(write(fd, "x", 1)) ?: ret;
	ret = result(pread(fd, buf, 1, 0)) ?: ret;
	ret = result(fchmod(fd, 0600)) ?: ret;
	close(fd);
	return ret;
}

/* A file that is open while its name and its directory change. */
static int renamed_use(void)
{
	int fd = open(MNT "/d/sub/inner", O_RDWR), ret;

	if (fd < 0)
		return -errno;
	ret = result(rename(MNT "/d/sub/inner", MNT "/e/moved"));
	ret = result(write(fd, "y", 1)) ?: ret;
	ret = result(rename(MNT "/e/moved", MNT "/d/sub/inner")) ?: ret;
	ret = result(pread(fd, buf, 1, 0)) ?: ret;
	close(fd);
	return ret;
}

static int tmpfile_use(void)
{
	int fd = open(MNT "/d", O_TMPFILE | O_RDWR, 0644), ret;
	char path[64];

	if (fd < 0)
		return -errno;
	ret = result(write(fd, "t", 1));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = result(linkat(AT_FDCWD, path, AT_FDCWD, MNT "/d/from-tmpfile", AT_SYMLINK_FOLLOW)) ?: ret;
	close(fd);
	return ret;
}

static int map_file(void)
{
	int fd = open(MNT "/d/file", O_RDWR), ret = 0;
	char *at;

	if (fd < 0)
		return -errno;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		ret = -errno;
	else
		munmap(at, 4096);
	close(fd);
	return ret;
}

static int copy_range(void)
{
	int from = open(MNT "/d/file", O_RDONLY), to = open(MNT "/e/copy", O_CREAT | O_WRONLY, 0644), ret;

	ret = result(copy_file_range(from, NULL, to, NULL, 10, 0));
	close(from);
	close(to);
	return ret;
}

/* By handle, after its dentries are gone: one that is connected to nothing. */
static int by_handle(void)
{
	struct {
		struct file_handle handle;
		char bytes[MAX_HANDLE_SZ];
	} h = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int id, fd, ret;

	if (name_to_handle_at(AT_FDCWD, MNT "/d/file", &h.handle, &id, 0))
		return -errno;
	fd = open_by_handle_at(mount_fd, &h.handle, O_RDWR);
	if (fd < 0)
		return -errno;
	ret = result(write(fd, "h", 1));
	close(fd);
	return ret;
}

static int set_times(const char *path, time_t access, time_t modify)
{
	struct timespec times[2] = { { .tv_sec = access }, { .tv_sec = modify } };

	if (!access)
		times[0].tv_nsec = UTIME_OMIT;
	if (!modify)
		times[1].tv_nsec = UTIME_OMIT;
	return result(utimensat(AT_FDCWD, path, times, 0));
}

static int remark(void)
{
	for (int i = 0; i < nr_groups; i++)
		add_marks(&groups[i], 1);
	return 0;
}

static int flush_some(void)
{
	struct group *g = &groups[draw(nr_groups)];
	static const unsigned int what[] = { 0, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM };
	unsigned int flags = what[draw(3)];

	if (modes[g->mode].kind == FANOTIFY)
		return result(fanotify_mark(g->fd, FAN_MARK_FLUSH | flags, 0, AT_FDCWD, MNT));
	if (modes[g->mode].kind == INOTIFY)
		return result(inotify_rm_watch(g->fd, 1));
	return 0;
}

#define STEPS(STEP) \
	STEP(touch(MNT "/d/file", O_RDONLY, NULL)) \
	STEP(touch(MNT "/d/file", O_RDONLY, NULL)) \
	STEP(touch(MNT "/d/file", O_WRONLY, "abc")) \
	STEP(touch(MNT "/d/file", O_RDONLY, NULL)) \
	STEP(touch(MNT "/d/link", O_RDWR, NULL)) \
	STEP(touch(BIND "/file", O_RDONLY, NULL)) \
	STEP(touch(BIND "/sub/inner", O_WRONLY | O_APPEND, "b")) \
	STEP(touch(MNT "/d/sub/inner", O_RDONLY, NULL)) \
	STEP(touch(MNT "/d/new", O_CREAT | O_WRONLY, "new")) \
	STEP(touch(MNT "/d/new", O_TRUNC | O_WRONLY, "new")) \
	STEP(touch(MNT "/d/new", O_PATH, NULL)) \
	STEP(list(MNT "/d")) \
	STEP(list(MNT "/d/sub")) \
	STEP(list(BIND)) \
	STEP(result(truncate(MNT "/d/file", 5))) \
	STEP(result(chmod(MNT "/d/file", 0640))) \
	STEP(result(chmod(MNT "/d/sub", 0750))) \
	STEP(result(chown(MNT "/d/file", 1, 1))) \
	STEP(set_times(MNT "/d/file", 5, 6)) \
	STEP(set_times(MNT "/d/file", 0, 7)) \
	STEP(set_times(MNT "/d/file", 8, 0)) \
	STEP(result(setxattr(MNT "/d/file", "user.x", "1", 1, 0))) \
	STEP(result(link(MNT "/d/file", MNT "/e/hard"))) \
	STEP(touch(MNT "/e/hard", O_RDONLY, NULL)) \
	STEP(result(unlink(MNT "/e/hard"))) \
	STEP(result(rename(MNT "/d/new", MNT "/d/new2"))) \
	STEP(result(rename(MNT "/d/new2", MNT "/e/new3"))) \
	STEP(touch(MNT "/d/over", O_CREAT | O_WRONLY, "o")) \
	STEP(result(rename(MNT "/e/new3", MNT "/d/over"))) \
	STEP(touch(MNT "/e/other", O_CREAT | O_WRONLY, "o")) \
	STEP(result(renameat2(AT_FDCWD, MNT "/d/over", AT_FDCWD, MNT "/e/other", RENAME_EXCHANGE))) \
	STEP(result(mkdir(MNT "/d/dir", 0755))) \
	STEP(touch(MNT "/d/dir/x", O_CREAT | O_RDWR, "x")) \
	STEP(result(rename(MNT "/d/dir", MNT "/e/dir"))) \
	STEP(touch(MNT "/e/dir/x", O_RDONLY, NULL)) \
	STEP(result(unlink(MNT "/e/dir/x"))) \
	STEP(result(rmdir(MNT "/e/dir"))) \
	STEP(result(rename(MNT "/d/sub", MNT "/e/sub"))) \
	STEP(touch(MNT "/e/sub/inner", O_RDWR, "z")) \
	STEP(result(rename(MNT "/e/sub", MNT "/d/sub"))) \
	STEP(unlinked_use()) \
	STEP(renamed_use()) \
	STEP(tmpfile_use()) \
	STEP(map_file()) \
	STEP(copy_range()) \
	STEP(by_handle()) \
	STEP(result(symlink("file", MNT "/d/symbolic"))) \
	STEP(touch(MNT "/d/symbolic", O_RDONLY, NULL)) \
	STEP(result(mkfifo(MNT "/d/fifo", 0600))) \
	STEP(touch(MNT "/d/fifo", O_RDWR | O_NONBLOCK, "f")) \
	STEP(exec_file(MNT "/d/program")) \
	STEP(exec_file(MNT "/d/script")) \
	STEP(remark()) \
	STEP(touch(MNT "/d/file", O_RDWR, "again")) \
	STEP(touch(MNT "/d/file", O_RDONLY, NULL)) \
	STEP(touch(MNT "/d/sub/inner", O_RDWR, "again")) \
	STEP(list(MNT "/d/sub")) \
	STEP(touch(MNT "/d/" , O_RDONLY | O_DIRECTORY, NULL)) \
	STEP(touch(MNT "/e/other", O_RDONLY, NULL)) \
	STEP(touch(long_path, O_CREAT | O_RDWR, "l")) \
	STEP(result(rename(long_path, MNT "/d/short"))) \
	STEP(flush_some()) \
	STEP(touch(MNT "/d/file", O_RDWR, "last")) \
	STEP(touch(MNT "/d/sub/inner", O_RDONLY, NULL)) \
	STEP(result(unlink(MNT "/d/link"))) \
	STEP(result(unlink(MNT "/d/file"))) \
	STEP(result(unlink(MNT "/d/sub/inner"))) \
	STEP(result(rmdir(MNT "/d/sub"))) \
	STEP(result(umount2(MNT, MNT_DETACH)))

static void make_files(void)
{
	if (mount("equivalence", MNT, "tmpfs", 0, "") ||
	    mkdir(MNT "/d", 0755) || mkdir(MNT "/d/sub", 0755) || mkdir(MNT "/e", 0755) ||
	    touch(MNT "/d/file", O_CREAT | O_WRONLY, "some text") ||
	    touch(MNT "/d/sub/inner", O_CREAT | O_WRONLY, "more text") ||
	    link(MNT "/d/file", MNT "/d/link") ||
	    touch(MNT "/d/script", O_CREAT | O_WRONLY, "#!" MNT "/d/program\n") ||
	    chmod(MNT "/d/script", 0755) ||
	    mount(MNT "/d", BIND, NULL, MS_BIND, NULL))
		err(1, "cannot make the files");
	/* The program: ourselves, linked statically, to end at once. */
	if (system("cp " TOP "/program " MNT "/d/program"))
		errx(1, "cannot copy the program");
	mount_fd = open(MNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount_fd < 0)
		err(1, "%s", MNT);
}

static void run(int number)
{
	char long_path[512];

	snprintf(long_path, sizeof(long_path), MNT "/d/%s", long_name);
	seed = number;
	nr_asked = number;
	nr_cookies = 0;
	make_files();
	printf("scenario %d\n", number);
	nr_groups = 1 + draw(MAX_GROUPS);
	for (int i = 0; i < nr_groups; i++)
		start_group(&groups[i]);
	for (int i = 0; i < nr_groups; i++)
		add_marks(&groups[i], 1 + draw(5));
	for (int i = 0; i < nr_groups; i++) {
		if (groups[i].asked && pthread_create(&groups[i].thread, NULL, answer_all, &groups[i]))
			errx(1, "cannot create a thread");
	}
	drain();

#define STEP(what) do {						\
		int got = what;					\
								\
		printf(" %s: %d\n", #what, got);		\
		drain();					\
	} while (0);
	STEPS(STEP)

	for (int i = 0; i < nr_groups; i++) {
		struct group *g = &groups[i];

		if (g->asked) {
			g->stop = true;
			pthread_join(g->thread, NULL);
		}
		if (g->fd >= 0)
			close(g->fd);
	}
	close(mount_fd);
	umount2(BIND, MNT_DETACH);
	umount2(MNT, MNT_DETACH);
}

int main(int argc, char *argv[])
{
	sigset_t set;
	int count;

	/* As the program that is executed. */
	if (strstr(argv[0], "/d/"))
		return 0;
	if (argc != 2)
		errx(2, "usage: equivalence SCENARIOS");
	count = atoi(argv[1]);
	self_pid = getpid();
	sigemptyset(&set);
	for (int i = 0; i <= MAX_GROUPS; i++)
		sigaddset(&set, SIGRTMIN + 1 + i);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (mkdir(TOP, 0755) || mkdir(MNT, 0755) || mkdir(BIND, 0755))
		err(1, "%s", TOP);
	if (system("cp /proc/$PPID/exe " TOP "/program"))
		errx(1, "cannot copy the program");
	for (int i = 0; i < count; i++)
		run(i);
	return 0;
}
