// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: a program that keeps state with the inode, the task and
 * the cgroup, and tells who caused an event through a ring buffer.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "cgroup_helpers.h"
#include "fanotify_fastpath_helpers.h"
#include "fanotify_fastpath_storage.skel.h"

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

static void check_storage(struct fp_fixture *f,
			  struct fanotify_fastpath_storage *skel, int cgroup_fd)
{
	struct ring_buffer *ring = NULL;
	int pid_fd = -1, a_fd = -1, b_fd = -1;
	__u64 ino;

	pid_fd = syscall(SYS_pidfd_open, getpid(), 0);
	if (!ASSERT_OK_FD(pid_fd, "pidfd_open"))
		return;
	ino = fp_ino_of("a");
	a_fd = open("a", O_PATH);
	b_fd = open("b", O_PATH);
	if (!ASSERT_OK_FD(a_fd, "a") || !ASSERT_OK_FD(b_fd, "b"))
		goto out;
	ring = ring_buffer__new(bpf_map__fd(skel->maps.records), check_record,
				&ino, NULL);
	if (!ASSERT_OK_PTR(ring, "ring_buffer__new"))
		goto out;

	fp_open_files("a a");
	ASSERT_EQ(ring_buffer__consume(ring), 2, "records");
	ASSERT_STREQ(fp_read_events(f), "", "events");
	ASSERT_EQ(lookup_by_fd(skel->maps.by_inode, a_fd), 2, "opens of a");
	ino = fp_ino_of("b");
	fp_open_files("b");
	ASSERT_EQ(ring_buffer__consume(ring), 1, "records");
	ASSERT_EQ(lookup_by_fd(skel->maps.by_inode, b_fd), 1, "opens of b");
	ASSERT_EQ(lookup_by_fd(skel->maps.by_task, pid_fd), 3, "by task");
	ASSERT_EQ(lookup_by_fd(skel->maps.by_cgroup, cgroup_fd), 3,
		  "by cgroup");
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
	struct fp_fixture f;
	int cgroup_fd;

	/* Before the fixture, which must not hide the cgroup's mount. */
	cgroup_fd = test__join_cgroup("/fanotify_fastpath");
	if (!ASSERT_OK_FD(cgroup_fd, "join cgroup"))
		return;
	if (!fp_fixture_setup(&f, "tmpfs", FASTPATH_FLAGS) ||
	    !fp_make_files("a b") || !fp_mark_fs(&f, FAN_OPEN))
		goto out;

	skel = fanotify_fastpath_storage__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		goto out;
	skel->struct_ops.storage_ops->group_fd = f.fan_fd;
	if (ASSERT_OK(fanotify_fastpath_storage__load(skel), "load skeleton") &&
	    fp_attach(&f, skel->maps.storage_ops))
		check_storage(&f, skel, cgroup_fd);
out:
	fp_fixture_teardown(&f);
	fanotify_fastpath_storage__destroy(skel);
	close(cgroup_fd);
}

/* Serial: a rename anywhere, by another test, makes walks undecided. */
void serial_test_fanotify_fastpath_storage(void)
{
	if (test__start_subtest("storage"))
		test_storage();
}
