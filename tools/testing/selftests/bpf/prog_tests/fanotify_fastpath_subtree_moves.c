// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: files, directories and roots that move into a subtree,
 * out of it and away, one at a time and in a storm.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "fanotify_fastpath_subtree.h"

static void test_file_moved(struct fp_fixture *f)
{
	if (!fp_start_subtree(f, "out/a in/b"))
		return;

	ASSERT_OK(rename("out/a", "in/a"), "move in");
	fp_open_files("in/a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "moved in");
	ASSERT_OK(rename("in/a", "out/a"), "move out");
	fp_open_files("out/a");
	ASSERT_STREQ(fp_read_events(f), "", "moved out");
	ASSERT_OK(renameat2(AT_FDCWD, "out/a", AT_FDCWD, "in/b",
			    RENAME_EXCHANGE), "exchange");
	fp_open_files("in/b out/a");
	ASSERT_STREQ(fp_read_events(f), "open:b", "exchanged");
}

/* What is below goes with it, files that are open included. */
static void test_directory_moved(struct fp_fixture *f)
{
	int fd;

	if (!fp_make_dirs("in out out/d out/d/e") ||
	    !fp_make_files("out/d/e/a") ||
	    !fp_mark_fs(f, FAN_OPEN | FAN_MODIFY) || !fp_add_root(f, "in") ||
	    !fp_attach_subtree(f))
		return;

	fd = open("out/d/e/a", O_WRONLY);
	if (!ASSERT_OK_FD(fd, "out/d/e/a"))
		return;
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	ASSERT_STREQ(fp_read_events(f), "", "outside");

	ASSERT_OK(rename("out/d", "in/d"), "move in");
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	fp_open_files("in/d/e/a");
	ASSERT_STREQ(fp_read_events(f), "open|modify:a", "moved in");

	ASSERT_OK(rename("in/d", "out/d"), "move out");
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	fp_open_files("out/d/e/a");
	ASSERT_STREQ(fp_read_events(f), "", "moved out");
	close(fd);
}

static void test_root_renamed(struct fp_fixture *f)
{
	if (!fp_start_subtree(f, "in/a out/b"))
		return;

	ASSERT_OK(rename("in", "else"), "rename root");
	fp_open_files("else/a out/b");
	ASSERT_STREQ(fp_read_events(f), "open:a", "renamed");
	ASSERT_OK(rename("else", "out/deep"), "move root");
	fp_open_files("out/deep/a out/b");
	ASSERT_STREQ(fp_read_events(f), "open:a", "moved");

	/* Its old name is nothing special. */
	if (!fp_make_dirs("in") || !fp_make_files("in/c"))
		return;
	fp_read_events(f);
	fp_open_files("in/c");
	ASSERT_STREQ(fp_read_events(f), "", "old name");
}

static void test_root_removed(struct fp_fixture *f)
{
	int fd;

	if (!fp_make_dirs("in") || !fp_make_files("in/a") ||
	    !fp_mark_fs(f, FAN_OPEN | FAN_MODIFY) || !fp_add_root(f, "in") ||
	    !fp_attach_subtree(f))
		return;

	fd = open("in/a", O_WRONLY);
	if (!ASSERT_OK_FD(fd, "in/a"))
		return;
	ASSERT_OK(unlink("in/a"), "unlink");
	ASSERT_OK(rmdir("in"), "rmdir");
	fp_read_events(f);
	ASSERT_EQ(write(fd, "x", 1), 1, "write");
	ASSERT_STREQ(fp_read_events(f), "modify:a",
		     "open file of removed root");
	close(fd);

	/* The mark went with the directory, not with its name. */
	if (!fp_make_dirs("in") || !fp_make_files("in/b"))
		return;
	ASSERT_STREQ(fp_read_events(f), "", "new directory");
	if (!fp_add_root(f, "in"))
		return;
	fp_open_files("in/b");
	ASSERT_STREQ(fp_read_events(f), "open:b", "new root");
	fp_expect_decided(f);
}

#define STORM_FILES	1000
#define STORM_DEPTH	200
#define STORM_PASSES	12
/* With all checks of a debug kernel they take minutes; two tell enough then. */
#define STORM_NS	(20 * 1000000000ULL)

/*
 * A directory x with files moves from the bottom of a deep tree p to q and
 * back. While it is in q, p takes a trip to the other side. Whoever still
 * follows x's old parents then ends on the side where no file has ever been.
 */
struct storm {
	pthread_t thread;
	bool running;
	bool stop;
	int err;
	int rounds;
	/* home of p and q, bottom of p, q, and where p goes */
	int home, bottom, q, elsewhere;
	/* x */
	int files;
};

static bool move_storm(struct storm *storm)
{
	return !renameat(storm->bottom, "x", storm->q, "x") &&
	       !renameat(storm->home, "p", storm->elsewhere, "parked") &&
	       !renameat(storm->elsewhere, "parked", storm->home, "p") &&
	       !renameat(storm->q, "x", storm->bottom, "x");
}

/* A rename is a rename: it keeps walks on any filesystem from a decision. */
static bool move_noise(struct storm *storm)
{
	return !renameat(storm->home, "a", storm->home, "b") &&
	       !renameat(storm->home, "b", storm->home, "a");
}

static void *make_storm(void *arg)
{
	struct storm *storm = arg;
	bool ok;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_RELAXED)) {
		ok = storm->bottom >= 0 ? move_storm(storm) : move_noise(storm);
		if (!ok) {
			__atomic_store_n(&storm->err, errno, __ATOMIC_RELAXED);
			break;
		}
		__atomic_fetch_add(&storm->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static bool start_storm(struct storm *storm)
{
	if (!ASSERT_OK(pthread_create(&storm->thread, NULL, make_storm, storm),
		       "pthread_create"))
		return false;
	storm->running = true;
	while (!__atomic_load_n(&storm->rounds, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&storm->err, __ATOMIC_RELAXED))
		sched_yield();
	return true;
}

static void stop_storm(struct storm *storm)
{
	if (!storm->running)
		return;
	__atomic_store_n(&storm->stop, true, __ATOMIC_RELAXED);
	pthread_join(storm->thread, NULL);
	ASSERT_OK(storm->err, "renames");
}

static bool setup_storm(struct storm *storm, const char *side,
			const char *elsewhere)
{
	char path[32], name[32];
	int i;

	storm->home = fp_open_dir(side);
	snprintf(path, sizeof(path), "%s/q", side);
	if (!fp_make_dir(path))
		return false;
	storm->q = fp_open_dir(path);
	snprintf(path, sizeof(path), "%s/p", side);
	if (!fp_make_dir(path))
		return false;
	storm->bottom = fp_make_deep(path, STORM_DEPTH);
	storm->elsewhere = fp_open_dir(elsewhere);
	if (!ASSERT_OK(mkdirat(storm->bottom, "x", 0755), "x"))
		return false;
	storm->files = openat(storm->bottom, "x", O_PATH | O_DIRECTORY);
	for (i = 0; i < STORM_FILES; i++) {
		snprintf(name, sizeof(name), "%s%d", side, i);
		if (!fp_make_file_at(storm->files, name))
			return false;
	}
	return true;
}

static void teardown_storm(struct storm *storm)
{
	close(storm->files);
	close(storm->elsewhere);
	close(storm->q);
	close(storm->bottom);
	close(storm->home);
}

struct storm_events {
	int in[STORM_FILES];
	int out;
};

static void count_storm_event(const struct fp_event *event, void *ctx)
{
	struct storm_events *events = ctx;
	int i;

	if (event->name && sscanf(event->name, "in%d", &i) == 1 &&
	    i < STORM_FILES)
		events->in[i]++;
	else
		events->out++;
}

/* Open each file once. Nothing inside is lost, the rest was undecided. */
static bool open_in_storm(struct fp_fixture *f, struct storm *in,
			  struct storm *out, struct storm_events *events)
{
	int fd, i, wrong = 0, failed = 0;
	__u64 undecided;
	char name[16];

	memset(events, 0, sizeof(*events));
	undecided = f->skel->bss->undecided;
	for (i = 0; i < STORM_FILES; i++) {
		snprintf(name, sizeof(name), "in%d", i);
		fd = openat(in->files, name, O_RDONLY);
		failed += fd < 0;
		close(fd);
		snprintf(name, sizeof(name), "out%d", i);
		fd = openat(out->files, name, O_RDONLY);
		failed += fd < 0;
		close(fd);
	}
	undecided = f->skel->bss->undecided - undecided;

	fp_drain_events(f->fan_fd, count_storm_event, events);
	for (i = 0; i < STORM_FILES; i++)
		wrong += events->in[i] != 1;
	return ASSERT_EQ(failed, 0, "opens") &&
	       ASSERT_EQ(wrong, 0, "files inside without their event") &&
	       ASSERT_LE(events->out, undecided, "events outside");
}

static void test_rename_storm(struct fp_fixture *f)
{
	static const struct storm none = {
		.home = -1, .bottom = -1, .q = -1, .elsewhere = -1, .files = -1,
	};
	struct storm in = none, out = none, noise = none;
	static struct storm_events events;
	__u64 end;
	int i = 0;

	if (!fp_make_dirs("in out noise") ||
	    !ASSERT_OK(mount("tmpfs", "noise", "tmpfs", 0, NULL), "mount"))
		return;
	noise.home = fp_open_dir("noise");
	if (!fp_make_file_at(noise.home, "a") ||
	    !setup_storm(&in, "in", "out") ||
	    !setup_storm(&out, "out", "in"))
		goto out;
	if (!fp_mark_fs(f, FAN_OPEN) || !fp_add_root(f, "in") ||
	    !fp_attach_subtree(f))
		goto out;

	if (start_storm(&in) && start_storm(&out) && start_storm(&noise)) {
		end = get_time_ns() + STORM_NS;
		for (i = 0; i < STORM_PASSES; i++) {
			if (i >= 2 && f->skel->bss->undecided &&
			    get_time_ns() > end)
				break;
			if (!open_in_storm(f, &in, &out, &events))
				break;
		}
	}
	stop_storm(&noise);
	stop_storm(&out);
	stop_storm(&in);
	printf("%s: %d passes, %d+%d+%d rounds, %llu undecided\n", f->fs, i,
	       in.rounds, out.rounds, noise.rounds,
	       (unsigned long long)f->skel->bss->undecided);
	/* On one CPU a rename and a walk need not meet. */
	if (get_nprocs() > 1)
		ASSERT_GT(f->skel->bss->undecided, 0, "storm and walks met");
out:
	teardown_storm(&out);
	teardown_storm(&in);
	teardown_storm(&noise);
	ASSERT_OK(umount("noise"), "umount");
}

static const struct fp_subtest subtests[] = {
	{ "file_moved", test_file_moved, NULL, FASTPATH_FLAGS },
	{ "directory_moved", test_directory_moved, NULL, FASTPATH_FLAGS },
	{ "root_renamed", test_root_renamed, NULL, FASTPATH_FLAGS },
	{ "root_removed", test_root_removed, NULL, FASTPATH_FLAGS },
	{ "rename_storm", test_rename_storm, NULL, FASTPATH_FLAGS },
};

/* Serial: a rename anywhere, by another test, makes walks undecided. */
void serial_test_fanotify_fastpath_subtree_moves(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
