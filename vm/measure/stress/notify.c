// SPDX-License-Identifier: GPL-2.0
/*
 * A listener that cares about one subtree. It knows which of the files that it
 * opens are inside and outside, wherever the storm moves them:
 *
 * - each open inside is delivered, once;
 * - an open outside is delivered if the walk did not know, and never otherwise;
 * - the same holds for files that are made, renamed and removed, whose events have
 *   the directory only;
 * - the walk mostly knows;
 * - without a program, everything is delivered;
 * - fdinfo counts what the program counts, and exactly so when nothing comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/stress.h"

#define FD_MASK		(FAN_OPEN | FAN_MODIFY)
#define NAME_MASK	(FD_MASK | FAN_CREATE | FAN_DELETE | FAN_MOVE | \
			 FAN_RENAME | FAN_ATTRIB | FAN_ONDIR)

/* What becomes of the name that a file is made with, and of its second one */
#define FIRST_NAME	(FAN_CREATE | FAN_OPEN | FAN_MOVED_FROM | FAN_RENAME)
#define SECOND_NAME	(FAN_MOVED_TO | FAN_DELETE)

struct delivered {
	int in[FILES];
	int out[FILES];
	/* Events that came of a name of a file that was made, and came again */
	unsigned long long made_in[2 * MADE], made_out[2 * MADE], again;
};

/* Number of the first name that was made last; no number is used twice. */
static unsigned int made;

/* The last part of the path of an event's fd, which is closed */
static const char *name_of(int fd)
{
	static char path[PATH_MAX];
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		fail("%s: %s", link, strerror(errno));
	close(fd);
	path[len] = '\0';
	return strrchr(path, '/') + 1;
}

/* Events of one name may be merged into one of several bits. */
static void count_made(unsigned long long mask, unsigned long long *seen,
		       struct delivered *d)
{
	mask &= FIRST_NAME | SECOND_NAME;
	d->again |= *seen & mask;
	*seen |= mask;
}

static void count_event(const struct fanotify_event_metadata *meta,
			struct delivered *d)
{
	const struct fanotify_event_info_fid *fid = (const void *)(meta + 1);
	const struct file_handle *fh = (const void *)fid->handle;
	const char *name = "";
	unsigned int i;

	if (meta->mask & FAN_Q_OVERFLOW)
		fail("the queue overflowed");
	if (meta->fd >= 0)
		name = name_of(meta->fd);
	else if (meta->event_len > sizeof(*meta))
		name = (const char *)fh->f_handle + fh->handle_bytes;
	if (sscanf(name, "ic%u", &i) == 1 && i - made < 2 * MADE)
		count_made(meta->mask, &d->made_in[i - made], d);
	else if (sscanf(name, "oc%u", &i) == 1 && i - made < 2 * MADE)
		count_made(meta->mask, &d->made_out[i - made], d);
	if (!(meta->mask & FAN_OPEN))
		return;
	if (sscanf(name, "i%u", &i) == 1 && i < FILES)
		d->in[i]++;
	else if (sscanf(name, "o%u", &i) == 1 && i < FILES)
		d->out[i]++;
}

static void drain(struct group *g, struct delivered *d)
{
	static char buf[65536] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta;
	ssize_t len;

	memset(d, 0, sizeof(*d));
	while ((len = read(group_fd(g), buf, sizeof(buf))) > 0) {
		meta = (const void *)buf;
		for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len))
			count_event(meta, d);
	}
	if (errno != EAGAIN)
		fail("read events: %s", strerror(errno));
}

static void open_file(int dir, const char *letter, int i)
{
	int err = open_at(dir, letter, i);

	if (err)
		fail("open %s%d: %s", letter, i, strerror(err));
}

static void check_calls(struct group *g, enum stress_class class,
			unsigned long long before, unsigned long long nr)
{
	unsigned long long calls = group_counts(g, class).calls - before;

	if (calls != nr)
		fail("the program was asked about %llu of %llu events of class %d",
		     calls, nr, class);
	self->checks++;
}

/* Open files on both sides, and compare what comes with what has to. */
static void check_opens(struct arena *a, struct group *g, bool plain)
{
	unsigned int first = rnd(FILES), nr = 1 + rnd(FILES / 2), i, n;
	unsigned long long undecided, in_calls, out_calls, out = 0;
	struct delivered d;

	op(plain ? "open without a program" : "open", nr);
	drain(g, &d);
	undecided = group_counts(g, CLASS_OUTSIDE).undecided;
	in_calls = group_counts(g, CLASS_INSIDE).calls;
	out_calls = group_counts(g, CLASS_OUTSIDE).calls;
	for (n = 0; n < nr; n++) {
		i = (first + n) % FILES;
		open_file(a->in_files, "i", i);
		open_file(a->out_files, "o", i);
	}
	undecided = group_counts(g, CLASS_OUTSIDE).undecided - undecided;
	check_calls(g, CLASS_INSIDE, in_calls, plain ? 0 : nr);
	check_calls(g, CLASS_OUTSIDE, out_calls, plain ? 0 : nr);
	drain(g, &d);

	for (n = 0; n < nr; n++) {
		i = (first + n) % FILES;
		if (d.in[i] != 1)
			fail("the open of i%u, inside, was delivered %d times",
			     i, d.in[i]);
		if (plain && d.out[i] != 1)
			fail("without a program, the open of o%u was delivered %d times",
			     i, d.out[i]);
		out += d.out[i];
	}
	if (!plain && out != undecided)
		fail("%llu of %u opens outside were delivered, %llu were undecided",
		     out, nr, undecided);
	self->checks += 2 * nr;
	self->faults += undecided;
}

static void make_and_remove(int dir, const char *letters, unsigned int i)
{
	char name[16], second[16];
	int fd;

	snprintf(name, sizeof(name), "%s%u", letters, i);
	snprintf(second, sizeof(second), "%s%u", letters, i + MADE);
	fd = openat(dir, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	if (fd < 0)
		fail("make %s: %s", name, strerror(errno));
	close(fd);
	if (renameat(dir, name, dir, second))
		fail("rename %s: %s", name, strerror(errno));
	if (unlinkat(dir, second, 0))
		fail("remove %s: %s", second, strerror(errno));
}

static unsigned long long undecided_outside(const struct group *g)
{
	return group_counts(g, CLASS_OUTSIDE).undecided +
	       group_counts(g, CLASS_OUTSIDE_DIR).undecided;
}

/* Make, rename and remove files on both sides, and compare in the same way. */
static void check_made(struct arena *a, struct group *g, bool plain)
{
	unsigned long long undecided, in_calls, out_calls, all, out = 0;
	int in_dir = rnd(2) ? a->in_files : a->in_yard;
	int out_dir = rnd(2) ? a->out_files : a->out_yard;
	unsigned int nr = 1 + rnd(MADE), i;
	struct delivered d;

	op(plain ? "make files without a program" : "make files", nr);
	made += 2 * MADE;
	drain(g, &d);
	undecided = undecided_outside(g);
	in_calls = group_counts(g, CLASS_INSIDE_DIR).calls;
	out_calls = group_counts(g, CLASS_OUTSIDE_DIR).calls;
	for (i = 0; i < nr; i++) {
		make_and_remove(in_dir, "ic", made + i);
		make_and_remove(out_dir, "oc", made + i);
	}
	undecided = undecided_outside(g) - undecided;
	/* FAN_MOVED_FROM and FAN_DELETE */
	check_calls(g, CLASS_INSIDE_DIR, in_calls, plain ? 0 : 2 * nr);
	check_calls(g, CLASS_OUTSIDE_DIR, out_calls, plain ? 0 : 2 * nr);
	drain(g, &d);

	for (i = 0; i < 2 * MADE; i++) {
		all = i % MADE >= nr ? 0 : i < MADE ? FIRST_NAME : SECOND_NAME;
		if (d.made_in[i] != all)
			fail("of name %u of %u inside, %#llx was delivered, not %#llx",
			     i, nr, d.made_in[i], all);
		if (plain ? d.made_out[i] != all : d.made_out[i] & ~all)
			fail("of name %u of %u outside, %#llx was delivered, not %#llx",
			     i, nr, d.made_out[i], all);
		out += __builtin_popcountll(d.made_out[i]);
	}
	if (d.again)
		fail("%#llx of the same name was delivered twice", d.again);
	if (!plain && out != undecided)
		fail("%llu events of %u files outside were delivered, %llu were undecided",
		     out, nr, undecided);
	self->checks += 2 * nr;
	self->faults += undecided;
}

/*
 * What is decided about the files is never wrong. A rename has to hit a walk four
 * times for it to be undecided: that half of them are is far from all that load
 * can do.
 */
static void check_decisions(struct group *g)
{
	static const enum stress_class classes[] = {
		CLASS_INSIDE, CLASS_OUTSIDE, CLASS_INSIDE_DIR, CLASS_OUTSIDE_DIR,
	};
	unsigned int i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct stress_counts c = group_counts(g, classes[i]);

		if (i % 2 ? c.in : c.out)
			fail("%llu events inside were taken to be outside, %llu outside inside",
			     i % 2 ? 0 : c.out, i % 2 ? c.in : 0);
		if (c.undecided > 20 + c.calls / 2)
			fail("%llu of %llu events of class %d were undecided",
			     c.undecided, c.calls, classes[i]);
		self->checks += 2;
	}
}

/* A bind mount shows the same directories; nobody else sees it. */
static void use_bind_mount(struct arena *a, struct group *g)
{
	struct delivered d;
	char path[96];
	int fd, err;

	op("bind mount", 0);
	snprintf(path, sizeof(path), "%s/stable", a->mnt);
	if (mount(path, a->bind, NULL, MS_BIND, NULL))
		fail("bind mount: %s", strerror(errno));
	drain(g, &d);
	snprintf(path, sizeof(path), "%s/i0", a->bind);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	err = errno;
	if (umount2(a->bind, MNT_DETACH))
		fail("umount of the bind mount: %s", strerror(errno));
	if (fd < 0)
		fail("%s: %s", path, strerror(err));
	close(fd);
	drain(g, &d);
	if (d.in[0] != 1)
		fail("the open through a bind mount was delivered %d times",
		     d.in[0]);
	self->checks++;
}

/* Any directory of the storm may be a root for a while, if it is there. */
static void change_marks(struct arena *a, struct group *g)
{
	static const unsigned int flags[] = {
		FAN_MARK_ADD, FAN_MARK_ADD, FAN_MARK_REMOVE,
		FAN_MARK_ADD | FAN_MARK_EVICTABLE,
		FAN_MARK_ADD | FAN_MARK_IGNORE_SURV,
		FAN_MARK_REMOVE | FAN_MARK_IGNORE,
	};
	unsigned int which = rnd(sizeof(flags) / sizeof(flags[0]));
	unsigned long long mask = FAN_OPEN;
	char path[32];

	/* An ignore mark of a directory says what it means. */
	if (flags[which] & (FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY))
		mask |= FAN_EVENT_ON_CHILD;
	snprintf(path, sizeof(path), "storm/s%u", rnd(STORM_DIRS));
	op("mark", which);
	op_err(group_mark(g, flags[which], mask, a->root, path));
}

/* Overlayfs has no file handles to report. */
static bool has_names(const struct arena *a)
{
	return strcmp(a->fs, "overlay");
}

static void use_program(struct arena *a, struct group *g)
{
	int rounds = 1 + rnd(30);

	while (rounds-- && running()) {
		switch (rnd(10)) {
		case 0:
			op("update", 0);
			group_update(g, rnd(2));
			break;
		case 1:
			use_bind_mount(a, g);
			break;
		case 2:
		case 3:
			change_marks(a, g);
			break;
		case 4:
			op("fdinfo", 0);
			group_check_counters(g);
			break;
		case 5:
		case 6:
			if (!has_names(a))
				break;
			check_made(a, g, false);
			check_decisions(g);
			break;
		default:
			check_opens(a, g, false);
			check_decisions(g);
		}
	}
}

static void add_marks(struct arena *a, struct group *g)
{
	int err = group_mark(g, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
			     has_names(a) ? NAME_MASK : FD_MASK, a->root, ".");

	if (!err)
		err = group_mark(g, FAN_MARK_ADD, FAN_OPEN, a->root, "stable");
	if (err)
		fail("mark: %s", strerror(err));
}

static void open_group(struct arena *a, struct group *g)
{
	op("group", 0);
	group_open(g, FAN_CLASS_NOTIF |
		      (has_names(a) ? FAN_REPORT_DFID_NAME : 0));
	add_marks(a, g);
}

/* Without a mark no event comes, and the counters stand still. */
static void check_at_rest(struct arena *a, struct group *g)
{
	op("fdinfo at rest", 0);
	group_check_at_rest(g, 0);
	add_marks(a, g);
}

/* A child has the group and the link too, and what it holds is not over. */
static void outlive_in_child(struct arena *a, struct group *g)
{
	pid_t pid;

	op("child holds", 0);
	pid = spawn();
	if (!pid) {
		usleep(rnd(20000));
		/* Exit closes both, in an order that nobody settled. */
		_exit(0);
	}
	check_opens(a, g, false);
	if (rnd(2))
		kill(pid, SIGKILL);
	reap(pid, "child that holds the group");
}

void notify_worker(struct arena *a)
{
	struct group *g = group_load(GROUP_FILTER);

	ready();
	while (running()) {
		open_group(a, g);
		check_opens(a, g, true);
		op("attach", 0);
		group_attach(g, rnd(2));
		use_program(a, g);
		if (rnd(2))
			check_at_rest(a, g);
		if (!rnd(3))
			outlive_in_child(a, g);

		if (rnd(2)) {
			op("detach", 0);
			group_detach(g);
			check_opens(a, g, true);
			if (has_names(a))
				check_made(a, g, true);
			group_close(g);
		} else {
			op("close attached group", 0);
			group_close(g);
			group_expect_hangup(g);
			group_detach(g);
		}
	}
}
