// SPDX-License-Identifier: GPL-2.0
/*
 * hsm: hierarchical storage in a page. Files of a directory are as large as those
 * of another one, the store, but empty: what is read is fetched from there first.
 *
 *	hsm STORE DIR
 *
 * It shows FAN_PRE_ACCESS, which read(2), write(2), mmap(2), execve(2) and their
 * like wait for, with a fast path that answers for ranges which are here already.
 * Only the first access to a range wakes the listener; errors of the store reach
 * whoever reads.
 *
 * What is here is told by the file itself: a gap in it is what is missing. An
 * extended attribute with the name in the store marks files with gaps, and goes
 * when there are none any more. Neither a restart nor a crash loses anything: a
 * range whose data did not reach the disk is a gap again.
 *
 * It is not good for
 *  - what happens while it does not run: gaps read as zeros then. A service would
 *    let the service manager keep the group's descriptor, and pin the link, so
 *    that whoever reads waits for its return, and the program answers meanwhile;
 *  - writing back: a file that is opened for writing is fetched as a whole, and is
 *    an ordinary one from then on. Nor does it ever make room;
 *  - files in the store that change;
 *  - files that were open before it started: the kernel does not ask about them.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "examples/hsm_bpf.h"
#include "examples/hsm.skel.h"
#include "common/kernel.h"

/* <linux/fanotify.h>; older ones lack it */
#ifndef FAN_PRE_ACCESS
#define FAN_PRE_ACCESS			0x00100000
#define FAN_EVENT_INFO_TYPE_RANGE	6
#define FAN_DENY_ERRNO(err)		(FAN_DENY | (__u32)(err) << 24)
struct fanotify_event_info_range {
	struct fanotify_event_info_header hdr;
	__u32 pad;
	__u64 offset;
	__u64 count;
};
#endif

#define XATTR		"trusted.fanotify_hsm"
#define NR_WORKERS	16
#define NR_LOCKS	64

struct job {
	struct job *next;
	int fd;
	bool is_open;		/* FAN_OPEN_PERM */
	uint64_t pos;
	uint64_t end;
};

static struct hsm_bpf *skel;
static int group_fd, store_fd, dir_fd;
static uint64_t next_id, fetched, denied;	/* atomic */

/* Jobs that no worker has begun yet */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;
static bool stopping;

/* One worker at a time for a file; a few files share a lock. */
static pthread_mutex_t file_locks[NR_LOCKS];

static void answer(int fd, int error)
{
	struct fanotify_response response = { .fd = fd, .response = FAN_ALLOW };

	/* What the kernel takes; all else is an error of the store. */
	if (error && error != ENOSPC && error != EDQUOT)
		error = EIO;
	if (error) {
		response.response = FAN_DENY_ERRNO(error);
		__atomic_add_fetch(&denied, 1, __ATOMIC_RELAXED);
	}
	if (write(group_fd, &response, sizeof(response)) < 0 && errno != ENOENT)
		warn("cannot answer");
	close(fd);
}

static int set_local(int fd)
{
	struct hsm_file file = { .is_local = true };

	return bpf_map__update_elem(skel->maps.files, &fd, sizeof(fd), &file,
				    sizeof(file), BPF_ANY);
}

/* The id under which the chunks of a file are known; 0 if it has none. */
static uint64_t file_id(int fd)
{
	struct hsm_file file = {};

	if (!bpf_map__lookup_elem(skel->maps.files, &fd, sizeof(fd), &file,
				  sizeof(file), 0))
		return file.id;
	file.id = __atomic_add_fetch(&next_id, 1, __ATOMIC_RELAXED);
	if (bpf_map__update_elem(skel->maps.files, &fd, sizeof(fd), &file,
				 sizeof(file), BPF_NOEXIST))
		return 0;
	return file.id;
}

/* From now on the kernel answers; if it cannot be told, it asks again. */
static void set_filled(uint64_t id, uint64_t pos, uint64_t end)
{
	uint64_t chunk = pos / HSM_CHUNK, behind = (end - 1) / HSM_CHUNK + 1;
	struct hsm_block_key key = { .id = id };
	struct hsm_block block;
	uint32_t bit;

	while (id && chunk < behind) {
		key.index = chunk / HSM_BLOCK_CHUNKS;
		if (bpf_map__lookup_elem(skel->maps.blocks, &key, sizeof(key),
					 &block, sizeof(block), 0))
			memset(&block, 0, sizeof(block));
		do {
			bit = chunk % HSM_BLOCK_CHUNKS;
			block.filled[bit / 64] |= 1ULL << bit % 64;
		} while (++chunk < behind && chunk % HSM_BLOCK_CHUNKS);
		bpf_map__update_elem(skel->maps.blocks, &key, sizeof(key),
				     &block, sizeof(block), BPF_ANY);
	}
}

/*
 * Not by the event's descriptor: whoever reads may do that through a mount that is
 * read-only.
 */
static int open_for_writing(int fd)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} file = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount_id;

	if (name_to_handle_at(fd, "", &file.handle, &mount_id, AT_EMPTY_PATH))
		return -1;
	return open_by_handle_at(dir_fd, &file.handle, O_WRONLY | O_CLOEXEC |
				 O_LARGEFILE);
}

/*
 * Does somebody have it open for writing, or wait for that? Then there is no read
 * lease to be had. If there is one, it is given back before an opener notices.
 */
static bool has_writer(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK))
		return true;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

static int copy(int from, int to, off_t pos, off_t end)
{
	static __thread char buf[HSM_CHUNK];
	ssize_t len, want;

	for (; pos < end; pos += len) {
		want = sizeof(buf);
		if (want > end - pos)
			want = end - pos;
		len = pread(from, buf, want, pos);
		/* All of it or nothing: what is written is no gap any more. */
		if (len != want)
			return len < 0 ? errno : EIO;
		/* Zeros, too. */
		len = pwrite(to, buf, want, pos);
		if (len <= 0)
			return len < 0 ? errno : EIO;
		__atomic_add_fetch(&fetched, len, __ATOMIC_RELAXED);
	}
	return 0;
}

/* The gap at or after pos; false if there is none before the end. */
static bool next_gap(int fd, off_t pos, off_t end, off_t *gap, off_t *behind)
{
	*gap = lseek(fd, pos, SEEK_HOLE);
	if (*gap < 0 || *gap >= end)
		return false;
	*behind = lseek(fd, *gap, SEEK_DATA);
	if (*behind < 0 || *behind > end)
		*behind = end;
	return true;
}

/* It is an ordinary file from now on, in this order even if the machine crashes. */
static int finish(int fd, int to)
{
	if (fsync(to) || fremovexattr(to, XATTR))
		return errno;
	set_local(fd);
	return 0;
}

/* Close the gaps of a range of whole chunks. Returns 0, or an errno. */
static int fill(int fd, const char *name, const struct stat *st, off_t pos,
		off_t end)
{
	const struct timespec times[] = {
		{ .tv_nsec = UTIME_OMIT }, st->st_mtim,
	};
	int from = -1, to, ret = 0;
	off_t gap, behind;
	bool is_whole;

	is_whole = !next_gap(fd, 0, st->st_size, &gap, &behind);
	if (!is_whole && !next_gap(fd, pos, end, &gap, &behind))
		return 0;

	to = open_for_writing(fd);
	if (to < 0)
		return errno;
	if (!is_whole) {
		from = openat(store_fd, name, O_RDONLY | O_CLOEXEC);
		if (from < 0)
			ret = errno;
	}
	while (!ret && next_gap(fd, pos, end, &gap, &behind)) {
		ret = copy(from, to, gap, behind);
		pos = behind;
	}
	if (!is_whole && futimens(to, times) && !ret)
		ret = errno;
	if (!ret && !next_gap(fd, 0, st->st_size, &gap, &behind))
		ret = finish(fd, to);
	if (from >= 0)
		close(from);
	close(to);
	return ret;
}

/* Returns 0 to allow the access, or an errno. */
static int handle(const struct job *job, const struct stat *st)
{
	char name[PATH_MAX];
	uint64_t id, pos = 0, end = st->st_size;
	ssize_t len;
	int ret;

	len = fgetxattr(job->fd, XATTR, name, sizeof(name) - 1);
	if (len < 0 && errno == ENODATA)
		return set_local(job->fd) ? ENOMEM : 0;
	if (len < 0)
		return errno;
	name[len] = '\0';

	/* Asked for the sake of the listener's own writing */
	if (job->is_open && !has_writer(job->fd))
		return 0;

	id = file_id(job->fd);
	if (!job->is_open) {
		pos = job->pos / HSM_CHUNK * HSM_CHUNK;
		if (job->end < end)
			end = (job->end + HSM_CHUNK - 1) / HSM_CHUNK * HSM_CHUNK;
		if (end > (uint64_t)st->st_size)
			end = st->st_size;
	}
	if (pos >= end)
		return 0;
	ret = fill(job->fd, name, st, pos, end);
	if (!ret)
		set_filled(id, pos, end);
	else
		warnx("%s: %s", name, strerror(ret));
	return ret;
}

static void *work(void *unused)
{
	pthread_mutex_t *file_lock;
	struct stat st;
	struct job *job;
	int ret;

	for (;;) {
		pthread_mutex_lock(&lock);
		while (!first && !stopping)
			pthread_cond_wait(&more, &lock);
		job = first;
		if (job) {
			first = job->next;
			if (!first)
				last = &first;
		}
		pthread_mutex_unlock(&lock);
		if (!job)
			return NULL;

		if (fstat(job->fd, &st)) {
			ret = errno;
		} else {
			file_lock = &file_locks[st.st_ino % NR_LOCKS];
			pthread_mutex_lock(file_lock);
			ret = handle(job, &st);
			pthread_mutex_unlock(file_lock);
		}
		answer(job->fd, ret);
		free(job);
	}
}

static void add_job(const struct fanotify_event_metadata *meta)
{
	const struct fanotify_event_info_range *range = (const void *)(meta + 1);
	struct job *job = calloc(1, sizeof(*job));

	if (!job) {
		answer(meta->fd, ENOMEM);
		return;
	}
	job->fd = meta->fd;
	job->is_open = meta->mask & FAN_OPEN_PERM;
	job->end = UINT64_MAX;
	if (meta->event_len > meta->metadata_len &&
	    range->hdr.info_type == FAN_EVENT_INFO_TYPE_RANGE) {
		job->pos = range->offset;
		job->end = range->offset + range->count;
	}

	pthread_mutex_lock(&lock);
	*last = job;
	last = &job->next;
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}

/* Returns false if there was none. */
static bool read_events(void)
{
	static char buf[4096] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta = (void *)buf;
	ssize_t len = read(group_fd, buf, sizeof(buf));

	if (len < 0 && errno != EAGAIN && errno != EINTR)
		warn("cannot read an event; the kernel denies the access that it was about");
	for (; len > 0 && FAN_EVENT_OK(meta, len);
	     meta = FAN_EVENT_NEXT(meta, len)) {
		if (meta->vers != FANOTIFY_METADATA_VERSION)
			errx(1, "events of version %u: this kernel is not the one that hsm was built for",
			     meta->vers);
		if (meta->fd < 0)
			continue;
		/* Own accesses, if somebody has detached the program */
		if (meta->pid == getpid())
			answer(meta->fd, 0);
		else if (stopping)
			answer(meta->fd, EIO);
		else
			add_job(meta);
	}
	return len > 0;
}

static void attach(void)
{
	int prog_fd, ret;

	if (kernel_has_btf() != KERNEL_HAS ||
	    kernel_has_fastpath() == KERNEL_LACKS ||
	    kernel_has_permission() == KERNEL_LACKS ||
	    kernel_has_bpf_lsm() == KERNEL_LACKS)
		errx(1, "this kernel cannot do it; 'fanfp check' says what it lacks");

	skel = hsm_bpf__open();
	if (!skel)
		err(1, "cannot open the programs");
	skel->struct_ops.hsm_ops->group_fd = group_fd;
	ret = hsm_bpf__load(skel);
	if (ret)
		errx(1, "cannot load the programs: %s", strerror(-ret));
	prog_fd = bpf_program__fd(skel->progs.hsm_who_am_i);
	ret = bpf_prog_test_run_opts(prog_fd, NULL);
	if (ret || !skel->bss->own_tgid)
		errx(1, "cannot run a program: %s", strerror(-ret));
	ret = hsm_bpf__attach(skel);
	if (ret)
		errx(1, "cannot attach the programs: %s", strerror(-ret));
}

/*
 * A file that is as large as the one in the store, with nothing in it. It appears
 * with all that makes it one.
 */
static int make_file(const char *name, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };
	char *copy = strdup(name), *slash = strrchr(copy, '/'), proc[32];
	int fd;

	if (slash)
		*slash = '\0';
	fd = openat(dir_fd, slash ? copy : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC,
		    0600);
	free(copy);
	if (fd < 0)
		return -1;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fchown(fd, st->st_uid, st->st_gid) || fchmod(fd, st->st_mode) ||
	    (st->st_size && fsetxattr(fd, XATTR, name, strlen(name), 0)) ||
	    ftruncate(fd, st->st_size) || futimens(fd, times) || fsync(fd) ||
	    linkat(AT_FDCWD, proc, dir_fd, name, AT_SYMLINK_FOLLOW)) {
		close(fd);
		return -1;
	}
	return close(fd);
}

/* What is in the directory already stays as it is. */
static int make(const char *path, const struct stat *st, int type,
		struct FTW *ftw)
{
	static size_t skip;
	const char *name;
	int ret = 0;

	if (!ftw->level) {
		skip = strlen(path);
		return 0;
	}
	name = path + skip + 1;
	if (type == FTW_D)
		ret = mkdirat(dir_fd, name, st->st_mode & 07777);
	else if (type == FTW_F && S_ISREG(st->st_mode))
		ret = make_file(name, st);
	else
		warnx("%s is left out: neither a file nor a directory", path);
	if (ret && errno != EEXIST)
		err(1, "%s", name);
	return 0;
}

static void init(const char *store, const char *dir)
{
	const unsigned int flags = FAN_CLASS_PRE_CONTENT | FAN_CLOEXEC |
		FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS;
	struct rlimit limit;

	store_fd = open(store, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (store_fd < 0)
		err(1, "%s", store);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		err(1, "%s", dir);

	/* Each access that waits holds a descriptor. */
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);

	group_fd = fanotify_init(flags, O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	if (group_fd < 0)
		err(1, "fanotify_init");
	attach();
	/* Not the directory only: a file may have names elsewhere. */
	if (!fanotify_mark(group_fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
			   FAN_PRE_ACCESS | FAN_OPEN_PERM, dir_fd, NULL))
		return;
	if (errno == EOPNOTSUPP)
		errx(1, "%s: its filesystem has no FAN_PRE_ACCESS; ext4, xfs and btrfs have",
		     dir);
	err(1, "%s: cannot mark it", dir);
}

static void serve(int signal_fd)
{
	struct signalfd_siginfo info;
	struct pollfd fds[] = {
		{ .fd = group_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = bpf_link__fd(skel->links.hsm_ops) },
	};

	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (fds[0].revents)
			read_events();
		/* Read, or it would still be pending. */
		if (fds[1].revents &&
		    read(signal_fd, &info, sizeof(info)) == sizeof(info))
			return;
		if (fds[2].revents) {
			warnx("the program was detached: each access is asked about from now on");
			fds[2].fd = -1;
		}
	}
}

int main(int argc, char **argv)
{
	pthread_t workers[NR_WORKERS];
	int i, signal_fd;
	sigset_t mask;

	if (argc != 3) {
		fprintf(stderr, "Usage: hsm STORE DIR\n");
		return 2;
	}
	/* Sent to the holder of a lease that is broken */
	signal(SIGIO, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal_fd = signalfd(-1, &mask, SFD_CLOEXEC);
	if (signal_fd < 0)
		err(1, "signalfd");

	init(argv[1], argv[2]);
	if (nftw(argv[1], make, 16, FTW_PHYS))
		err(1, "%s", argv[1]);
	for (i = 0; i < NR_LOCKS; i++)
		pthread_mutex_init(&file_locks[i], NULL);
	for (i = 0; i < NR_WORKERS; i++) {
		errno = pthread_create(&workers[i], NULL, work, NULL);
		if (errno)
			err(1, "pthread_create");
	}
	printf("serving\n");
	fflush(stdout);

	serve(signal_fd);

	/* Another signal ends it, if the store does not answer. */
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < NR_WORKERS; i++)
		pthread_join(workers[i], NULL);
	/* What closing the group would allow */
	while (read_events())
		;
	printf("asked %" PRIu64 "\nallowed_filled %" PRIu64
	       "\nallowed_local %" PRIu64 "\nfetched_bytes %" PRIu64
	       "\ndenied %" PRIu64 "\n", (uint64_t)skel->bss->counts.asked,
	       (uint64_t)skel->bss->counts.filled,
	       (uint64_t)skel->bss->counts.local, fetched, denied);
	warnx("interrupted: what is missing in the files reads as zeros from now on");
	return 0;
}
