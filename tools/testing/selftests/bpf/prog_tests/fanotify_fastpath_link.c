// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: a link that is closed, detached, updated, or loses its
 * group; and what link info and fdinfo say of it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "fanotify_fastpath_helpers.h"

static void test_close(struct fp_fixture *f)
{
	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		return;

	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "attached");
	ASSERT_HAS_SUBSTR(fp_read_fdinfo(f, f->fan_fd), "name:skip ", "fdinfo");

	fp_detach(f);
	ASSERT_STREQ(fp_read_fdinfo(f, f->fan_fd), "", "no fdinfo");
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "plain again");

	/* Map and group are free, and the counters start anew. */
	if (!fp_attach(f, f->skel->maps.skip_ops))
		return;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "attached again");
	ASSERT_STREQ(fp_read_counters(f), "seen:1 sent:0 skipped:1 invalid:0",
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

static void test_detach(struct fp_fixture *f)
{
	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		return;

	ASSERT_EQ(poll_link(bpf_link__fd(f->link), 0), -1, "poll attached");
	if (!ASSERT_OK(bpf_link__detach(f->link), "detach"))
		return;
	ASSERT_EQ(poll_link(bpf_link__fd(f->link), 0), EPOLLHUP,
		  "poll detached");
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "plain again");
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
static void test_info(struct fp_fixture *f)
{
	const int map_fd = bpf_map__fd(f->skel->maps.skip_ops);
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	char expected[128];
	__u32 link_id = 0;

	if (!fp_attach(f, f->skel->maps.skip_ops) ||
	    !ASSERT_OK(bpf_map_get_info_by_fd(map_fd, &info, &len),
		       "map info"))
		return;

	ASSERT_EQ(link_map_id(f->link, &link_id), info.id, "map id");
	snprintf(expected, sizeof(expected),
		 "name:skip link_id:%u seen:0 sent:0 skipped:0 invalid:0",
		 link_id);
	ASSERT_STREQ(fp_read_fdinfo(f, f->fan_fd), expected, "fdinfo");
}

static void test_group_close(struct fp_fixture *f)
{
	int dup_fd, fan_fd = f->fan_fd;
	__u32 link_id;

	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		return;

	/* It is the last file descriptor that counts. */
	dup_fd = fcntl(f->fan_fd, F_DUPFD_CLOEXEC, 0);
	if (!ASSERT_OK_FD(dup_fd, "dup"))
		return;
	close(f->fan_fd);
	f->fan_fd = dup_fd;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "attached");
	ASSERT_EQ(poll_link(bpf_link__fd(f->link), 0), -1, "poll attached");

	close(f->fan_fd);
	f->fan_fd = -1;
	ASSERT_EQ(poll_link(bpf_link__fd(f->link), FP_TIMEOUT_MS), EPOLLHUP,
		  "poll closed");
	ASSERT_EQ(link_map_id(f->link, &link_id), 0, "inert link has no map");
	ASSERT_OK(bpf_link__detach(f->link), "detach inert link");
	ASSERT_EQ(bpf_link__update_map(f->link, f->skel->maps.skip2_ops),
		  -ENOLINK, "update inert link");
	fp_open_files("a");

	/* The map is free for another group. */
	f->fan_fd = fp_new_group(FASTPATH_FLAGS);
	if (!ASSERT_EQ(f->fan_fd, fan_fd, "same number") ||
	    !fp_mark_fs(f, FAN_OPEN))
		return;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "plain new group");
	bpf_link__destroy(f->link);
	if (!fp_attach(f, f->skel->maps.skip_ops))
		return;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "attached to new group");
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
static void test_close_race(struct fp_fixture *f)
{
	struct close_race race;
	int fan_fd = f->fan_fd;
	int i;

	if (!fp_make_files("a") ||
	    !ASSERT_OK(pthread_barrier_init(&race.start, NULL, 2), "barrier"))
		return;

	for (i = 0; i < CLOSE_RACES; i++) {
		if (!fp_mark_fs(f, FAN_OPEN) ||
		    !fp_attach(f, f->skel->maps.skip_ops))
			break;
		fp_open_files("a");
		if (!ASSERT_STREQ(fp_read_events(f), "", "attached"))
			break;

		race.link = f->link;
		if (!ASSERT_OK(pthread_create(&race.thread, NULL, close_link,
					      &race), "pthread_create"))
			break;
		f->link = NULL;
		pthread_barrier_wait(&race.start);
		close(f->fan_fd);
		pthread_join(race.thread, NULL);

		f->fan_fd = fp_new_group(FASTPATH_FLAGS);
		if (!ASSERT_EQ(f->fan_fd, fan_fd, "same number"))
			break;
	}
	pthread_barrier_destroy(&race.start);
}

static void test_update(struct fp_fixture *f)
{
	__u32 link_id = 0, link_id2 = 0, map_id;
	char expected[128];

	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		return;

	map_id = link_map_id(f->link, &link_id);
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "skipped");

	if (!ASSERT_OK(bpf_link__update_map(f->link, f->skel->maps.answer_ops),
		       "update"))
		return;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "sent");
	ASSERT_NEQ(link_map_id(f->link, &link_id2), map_id, "map id");
	ASSERT_EQ(link_id2, link_id, "link id");
	snprintf(expected, sizeof(expected),
		 "name:answer link_id:%u seen:2 sent:1 skipped:1 invalid:0",
		 link_id);
	ASSERT_STREQ(fp_read_fdinfo(f, f->fan_fd), expected, "counters stay");

	/* The first map is free again. */
	ASSERT_OK(bpf_link__update_map(f->link, f->skel->maps.skip_ops),
		  "update back");
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "skipped again");
}

/* Update keeps the group, whatever the new map asks for. */
static void test_update_group_fd(struct fp_fixture *f)
{
	struct fanotify_fastpath *skel;

	skel = fp_load_skel(-1);
	if (!skel)
		return;
	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.answer_ops))
		goto out;

	if (!ASSERT_OK(bpf_link__update_map(f->link, skel->maps.skip_ops),
		       "update"))
		goto out;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "skipped");
out:
	fanotify_fastpath__destroy(skel);
}

static void test_update_busy(struct fp_fixture *f)
{
	struct fanotify_fastpath *skel = NULL;
	struct bpf_link *link = NULL;
	int fan_fd;

	fan_fd = fp_new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(fan_fd, "second group"))
		return;
	skel = fp_load_skel(fan_fd);
	if (!skel)
		goto out;
	link = bpf_map__attach_struct_ops(skel->maps.answer_ops);
	if (!ASSERT_OK_PTR(link, "attach to second group"))
		goto out;
	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		goto out;

	ASSERT_EQ(bpf_link__update_map(f->link, skel->maps.answer_ops), -EBUSY,
		  "map of another group");
	ASSERT_EQ(bpf_link__update_map(f->link, f->skel->maps.skip_ops), -EBUSY,
		  "own map");
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "still attached");
	ASSERT_HAS_SUBSTR(fp_read_fdinfo(f, fan_fd), "name:answer ",
			  "other group");
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
static void update_under_load(struct fp_fixture *f, struct bpf_map *map,
			      struct bpf_map *map2, struct load *load)
{
	int i, opened;

	if (!fp_mark_fs(f, FAN_OPEN) || !fp_attach(f, map))
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
		if (!ASSERT_OK(bpf_link__update_map(f->link,
						    i % 2 ? map : map2),
			       "update"))
			break;
	}
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	pthread_join(load->thread, NULL);
	ASSERT_OK(load->err, "load");
}

static void test_update_under_load_sends(struct fp_fixture *f)
{
	struct load load = {};
	char expected[96];

	update_under_load(f, f->skel->maps.answer_ops,
			  f->skel->maps.answer2_ops, &load);
	ASSERT_EQ(fp_count_events(f->fan_fd), load.opened, "events");
	snprintf(expected, sizeof(expected),
		 "seen:%d sent:%d skipped:0 invalid:0", load.opened,
		 load.opened);
	ASSERT_STREQ(fp_read_counters(f), expected, "counters");
}

static void test_update_under_load_skips(struct fp_fixture *f)
{
	struct load load = {};
	char expected[96];

	update_under_load(f, f->skel->maps.skip_ops, f->skel->maps.skip2_ops,
			  &load);
	ASSERT_EQ(fp_count_events(f->fan_fd), 0, "events");
	snprintf(expected, sizeof(expected),
		 "seen:%d sent:0 skipped:%d invalid:0", load.opened,
		 load.opened);
	ASSERT_STREQ(fp_read_counters(f), expected, "counters");
}

static const struct fp_subtest subtests[] = {
	{ "close", test_close, "tmpfs", FASTPATH_FLAGS },
	{ "detach", test_detach, "tmpfs", FASTPATH_FLAGS },
	{ "info", test_info, "tmpfs", FASTPATH_FLAGS },
	{ "group_close", test_group_close, "tmpfs", FASTPATH_FLAGS },
	{ "close_race", test_close_race, "tmpfs", FASTPATH_FLAGS },
	{ "update", test_update, "tmpfs", FASTPATH_FLAGS },
	{ "update_group_fd", test_update_group_fd, "tmpfs", FASTPATH_FLAGS },
	{ "update_busy", test_update_busy, "tmpfs", FASTPATH_FLAGS },
	{ "update_under_load_sends", test_update_under_load_sends, "tmpfs",
	  FASTPATH_FLAGS },
	{ "update_under_load_skips", test_update_under_load_skips, "tmpfs",
	  FASTPATH_FLAGS },
};

void test_fanotify_fastpath_link(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
