// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: other BPF programs on the same way at the same time, and
 * events that are caused while an event is handled or told. All of it ends.
 */
#include <pthread.h>
#include <sys/xattr.h>

#include "fanotify_fastpath_helpers.h"
#include "fanotify_fastpath_nested.skel.h"

static struct fanotify_fastpath_nested *load_nested(struct fp_fixture *f)
{
	struct fanotify_fastpath_nested *skel;

	skel = fanotify_fastpath_nested__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return NULL;
	skel->struct_ops.nested_ops->group_fd = f->fan_fd;
	skel->struct_ops.allow_ops->group_fd = f->fan_fd;
	bpf_map__set_autoattach(skel->maps.nested_ops, false);
	bpf_map__set_autoattach(skel->maps.allow_ops, false);
	skel->bss->watched_tgid = getpid();
	if (ASSERT_OK(fanotify_fastpath_nested__load(skel), "load skeleton"))
		return skel;
	fanotify_fastpath_nested__destroy(skel);
	return NULL;
}

/* The link goes first: the fixture's teardown must not find it. */
static void unload_nested(struct fp_fixture *f,
			  struct fanotify_fastpath_nested *skel)
{
	fp_detach(f);
	fanotify_fastpath_nested__destroy(skel);
}

/* Each program sees each event once, and none changes the answer. */
static void test_tracing_and_lsm(struct fp_fixture *f)
{
	struct fanotify_fastpath_nested *skel;

	skel = load_nested(f);
	if (!skel)
		return;
	if (!fp_make_files("a b") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops) ||
	    !ASSERT_OK(fanotify_fastpath_nested__attach(skel), "attach"))
		goto out;

	skel->bss->returned = -1;
	fp_open_files("a b");
	ASSERT_EQ(skel->bss->opened, 2, "lsm");
	ASSERT_EQ(skel->bss->entered, 2, "fentry");
	ASSERT_EQ(skel->bss->left, 2, "fexit");
	ASSERT_EQ(skel->bss->run, 2, "fentry of the fast path");
	ASSERT_EQ(skel->bss->returned, 0, "return value");
	ASSERT_STREQ(fp_read_events(f), "", "skipped");

	/* Without the fast path, with the others */
	fp_detach(f);
	fp_open_files("a");
	ASSERT_EQ(skel->bss->run, 2, "no fast path");
	ASSERT_EQ(skel->bss->left, 3, "plain");
	ASSERT_STREQ(fp_read_events(f), "open:a", "plain");
out:
	unload_nested(f, skel);
}

/*
 * The LSM program of a system call causes an event that the fast path decides.
 */
static void test_event_in_lsm(struct fp_fixture *f)
{
	struct fanotify_fastpath_nested *skel;
	char buf[8];

	skel = load_nested(f);
	if (!skel)
		return;
	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_ATTRIB) ||
	    !fp_attach(f, skel->maps.nested_ops) ||
	    !ASSERT_OK(fanotify_fastpath_nested__attach(skel), "attach"))
		goto out;

	ASSERT_EQ(getxattr("a", "security.bpf.asked", buf, sizeof(buf)), -1,
		  "getxattr");
	ASSERT_EQ(skel->bss->set, 1, "set attribute");
	ASSERT_EQ(getxattr("a", "security.bpf.told", buf, sizeof(buf)), 4,
		  "attribute");
	ASSERT_EQ(skel->bss->attrib, 1, "events");
	ASSERT_EQ(skel->bss->run, 1, "fast path");
	ASSERT_STREQ(fp_read_events(f), "", "skipped");
out:
	unload_nested(f, skel);
}

/* As many as the ring buffer holds more than once */
#define NESTED_OPENS	500

struct reader {
	int opens;
	int failed;
};

static int open_for_record(void *ctx, void *data, size_t size)
{
	struct reader *reader = ctx;
	int fd;

	if (reader->opens == NESTED_OPENS)
		return 0;
	reader->opens++;
	fd = open("a", O_RDONLY);
	if (fd < 0)
		reader->failed++;
	else
		close(fd);
	return 0;
}

/* Who reads the ring buffer causes the next record; it ends when that does. */
static void test_reader_opens(struct fp_fixture *f)
{
	struct fanotify_fastpath_nested *skel;
	struct ring_buffer *ring = NULL;
	struct reader reader = {};

	skel = load_nested(f);
	if (!skel)
		return;
	ring = ring_buffer__new(bpf_map__fd(skel->maps.records),
				open_for_record, &reader, NULL);
	if (!ASSERT_OK_PTR(ring, "ring_buffer__new") ||
	    !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, skel->maps.nested_ops))
		goto out;

	fp_open_files("a");
	ASSERT_EQ(ring_buffer__consume(ring), NESTED_OPENS + 1, "records");
	ASSERT_EQ(reader.failed, 0, "failed opens");
	ASSERT_EQ(ring_buffer__consume(ring), 0, "no more");
	ASSERT_STREQ(fp_read_events(f), "", "events");
	ASSERT_STREQ(fp_read_counters(f),
		     "seen:501 sent:0 skipped:501 invalid:0",
		     "counters");
out:
	ring_buffer__free(ring);
	unload_nested(f, skel);
}

#define FREE_ROUNDS	20
#define FREE_FILES	100

struct opener {
	pthread_t thread;
	bool stop;
	int opened;
	int failed;
};

static void *open_all(void *arg)
{
	struct opener *opener = arg;
	char name[16];
	int i, fd;

	for (i = 0; !__atomic_load_n(&opener->stop, __ATOMIC_RELAXED);
	     i = (i + 1) % FREE_FILES) {
		snprintf(name, sizeof(name), "f%d", i);
		fd = open(name, O_RDONLY);
		if (fd < 0) {
			__atomic_fetch_add(&opener->failed, 1,
					   __ATOMIC_RELAXED);
			continue;
		}
		close(fd);
		__atomic_fetch_add(&opener->opened, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* The maps are freed, with what inodes have in them, while events go on. */
static void test_maps_freed(struct fp_fixture *f)
{
	struct fanotify_fastpath_nested *skel;
	struct opener opener = {};
	char name[16];
	int i, opened;

	for (i = 0; i < FREE_FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		if (!fp_make_file(name))
			return;
	}
	if (!fp_mark_fs(f, FAN_OPEN) ||
	    !ASSERT_OK(pthread_create(&opener.thread, NULL, open_all, &opener),
		       "pthread_create"))
		return;
	for (i = 0; i < FREE_ROUNDS; i++) {
		skel = load_nested(f);
		if (!skel)
			break;
		if (!fp_attach(f, skel->maps.nested_ops)) {
			unload_nested(f, skel);
			break;
		}
		opened = __atomic_load_n(&opener.opened, __ATOMIC_ACQUIRE);
		while (__atomic_load_n(&opener.opened, __ATOMIC_ACQUIRE) <
			       opened + FREE_FILES / 2 &&
		       !__atomic_load_n(&opener.failed, __ATOMIC_RELAXED))
			sched_yield();
		ASSERT_NEQ(strcmp(fp_read_counters(f), ""), 0, "attached");
		unload_nested(f, skel);
		fp_count_events(f->fan_fd);
	}
	__atomic_store_n(&opener.stop, true, __ATOMIC_RELAXED);
	pthread_join(opener.thread, NULL);
	ASSERT_EQ(i, FREE_ROUNDS, "rounds");
	ASSERT_EQ(opener.failed, 0, "failed opens");
}

/* What the LSM program denies stays denied, whatever the fast path allows. */
static void test_lsm_denies(struct fp_fixture *f)
{
	struct fanotify_fastpath_nested *skel;
	int fd;

	skel = load_nested(f);
	if (!skel)
		return;
	if (!fp_make_files("a b") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.allow_ops) ||
	    !ASSERT_OK(fanotify_fastpath_nested__attach(skel), "attach"))
		goto out;

	skel->bss->denied_ino = fp_ino_of("a");
	fd = open("a", O_RDONLY);
	if (ASSERT_EQ(fd, -1, "denied by LSM"))
		ASSERT_EQ(errno, EACCES, "its errno");
	else
		close(fd);
	fp_open_files("b");
	ASSERT_EQ(skel->bss->opened, 2, "lsm");
	ASSERT_EQ(skel->bss->allowed, 1, "allowed by fast path");
	ASSERT_EQ(skel->bss->allowed_ino, fp_ino_of("b"), "what it allowed");

	skel->bss->denied_ino = 0;
	fp_open_files("a");
	ASSERT_EQ(skel->bss->allowed, 2, "allowed by both");
	ASSERT_STREQ(fp_read_events(f), "", "events");
out:
	unload_nested(f, skel);
}

/* All waits of the test together are to be over before the watchdog kills. */
#define TIMER_WAIT_NS	30000000000ULL

/* Wait until the timer has gone off twice more. */
static bool wait_ticks(const __u64 *ticks)
{
	__u64 deadline = get_time_ns() + TIMER_WAIT_NS;
	__u64 until = __atomic_load_n(ticks, __ATOMIC_RELAXED) + 2;

	while (__atomic_load_n(ticks, __ATOMIC_RELAXED) < until) {
		if (get_time_ns() > deadline)
			return false;
		usleep(100);
	}
	return true;
}

/* Wait until there is no program with this id. */
static bool wait_gone(__u32 prog_id)
{
	__u64 deadline = get_time_ns() + TIMER_WAIT_NS;
	int fd;

	while ((fd = bpf_prog_get_fd_by_id(prog_id)) >= 0) {
		close(fd);
		if (get_time_ns() > deadline)
			return false;
		usleep(1000);
	}
	return ASSERT_EQ(fd, -ENOENT, "program by id");
}

/*
 * A timer that starts itself anew goes on after detach, and ends with its map.
 */
static void test_timer(struct fp_fixture *f)
{
	struct fanotify_fastpath_nested *skel;
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	static char log[65536];
	bool in_time = true;
	int fd;

	skel = fanotify_fastpath_nested__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return;
	bpf_map__set_autocreate(skel->maps.timer_ops, true);
	skel->struct_ops.timer_ops->group_fd = f->fan_fd;
	bpf_program__set_autoload(skel->progs.timer_filter, true);
	log[0] = '\0';
	bpf_program__set_log_buf(skel->progs.timer_filter, log, sizeof(log));
	if (!fp_loaded(fanotify_fastpath_nested__load(skel), log,
		       "bpf_timer cannot be used for PREEMPT_RT"))
		goto out;
	fd = bpf_program__fd(skel->progs.timer_filter);
	if (!ASSERT_OK(bpf_prog_get_info_by_fd(fd, &info, &len), "info") ||
	    !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, skel->maps.timer_ops))
		goto out;

	ASSERT_EQ(skel->bss->ticks, 0, "not started");
	fp_open_files("a a");
	ASSERT_STREQ(fp_read_events(f), "", "skipped");
	in_time = wait_ticks(&skel->bss->ticks);
	if (!ASSERT_TRUE(in_time, "goes off"))
		goto out;
	fp_detach(f);
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "detached");
	in_time = wait_ticks(&skel->bss->ticks);
	ASSERT_TRUE(in_time, "goes on");
out:
	unload_nested(f, skel);
	/* It holds its program for as long as it may go off. */
	if (info.id && in_time)
		ASSERT_TRUE(wait_gone(info.id), "ended");
}

static const struct fp_subtest subtests[] = {
	{ "tracing_and_lsm", test_tracing_and_lsm, "tmpfs", FASTPATH_FLAGS },
	{ "event_in_lsm", test_event_in_lsm, "tmpfs", FASTPATH_FLAGS },
	{ "reader_opens", test_reader_opens, "tmpfs", FASTPATH_FLAGS },
	{ "maps_freed", test_maps_freed, "tmpfs", FASTPATH_FLAGS },
	{ "lsm_denies", test_lsm_denies, "tmpfs", FAN_CLASS_CONTENT },
	{ "timer", test_timer, "tmpfs", FASTPATH_FLAGS },
};

/* Serial: other tests' events would be seen by the tracing programs. */
void serial_test_fanotify_fastpath_nested(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
