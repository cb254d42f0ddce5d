// SPDX-License-Identifier: GPL-2.0
/*
 * An fanotify group and its programs. They are loaded once a worker: a map names
 * its group by the fd number, and each new group is put at that number.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "stress/stress.h"
#include "stress/stress.skel.h"

/* Out of reach of what else is opened; one for each kind that a worker has */
#define GROUP_FD	500

/* How many events may be between a program and fdinfo: a task each */
#define IN_FLIGHT	256

struct group {
	int kind;
	int which;		/* program that is attached */
	int fd;			/* number of the group, if there is one */
	bool open;
	struct stress_bpf *skel;
	struct bpf_link *link;
	/* What the programs had counted when they were attached */
	unsigned long long calls, sent, skipped, allowed, denied;
};

struct group *group_load(int kind)
{
	struct group *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		fail("no memory");
	g->kind = kind;
	g->fd = GROUP_FD + kind;
	g->skel = stress_bpf__open();
	if (!g->skel)
		fail("cannot open the programs: %s", strerror(errno));
	g->skel->struct_ops.filter_a_ops->group_fd = g->fd;
	g->skel->struct_ops.filter_b_ops->group_fd = g->fd;
	g->skel->struct_ops.permission_a_ops->group_fd = g->fd;
	g->skel->struct_ops.permission_b_ops->group_fd = g->fd;
	g->skel->struct_ops.permission_limit_ops->group_fd = g->fd;
	g->skel->struct_ops.permission_limit_ops->answer_timeout_ms = 50;
	g->skel->struct_ops.permission_limit_ops->timeout_answer = -EBUSY;
	err = stress_bpf__load(g->skel);
	if (err)
		fail("cannot load the programs: %s", strerror(-err));
	return g;
}

void group_open(struct group *g, unsigned int flags)
{
	int fd = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
			       FAN_UNLIMITED_MARKS | flags,
			       O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("fanotify_init: %s", strerror(errno));
	if (dup3(fd, g->fd, O_CLOEXEC) < 0)
		fail("dup3: %s", strerror(errno));
	close(fd);
	g->open = true;
}

int group_fd(const struct group *g)
{
	return g->fd;
}

int group_link_fd(const struct group *g)
{
	return bpf_link__fd(g->link);
}

void group_close(struct group *g)
{
	close(g->fd);
	g->open = false;
}

/* Returns 0, or an errno. */
int group_mark(struct group *g, unsigned int flags, unsigned long long mask,
	       int dir, const char *path)
{
	return fanotify_mark(g->fd, flags, mask, dir, path) ? errno : 0;
}

static struct bpf_map *map_of(struct group *g, int which)
{
	if (g->kind == GROUP_FILTER)
		return which ? g->skel->maps.filter_b_ops :
			       g->skel->maps.filter_a_ops;
	switch (which) {
	case 0:
		return g->skel->maps.permission_a_ops;
	case 1:
		return g->skel->maps.permission_b_ops;
	default:
		return g->skel->maps.permission_limit_ops;
	}
}

/* Returns 0, or an errno; the link is closed again if there is one already. */
int group_try_attach(struct group *g, int which)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(map_of(g, which));

	if (!link)
		return errno;
	if (g->link)
		fail("a second program was attached");
	g->link = link;
	g->which = which;
	return 0;
}

void group_attach(struct group *g, int which)
{
	int err;

	g->calls = group_calls(g);
	g->sent = g->skel->bss->sent;
	g->skipped = g->skel->bss->skipped;
	g->allowed = g->skel->bss->allowed;
	g->denied = g->skel->bss->denied;
	err = group_try_attach(g, which);
	if (err)
		fail("attach: %s", strerror(err));
}

void group_update(struct group *g, int which)
{
	int err = bpf_link__update_map(g->link, map_of(g, which));

	/* The map that is attached already */
	if (err && (err != -EBUSY || which != g->which))
		fail("update: %s", strerror(-err));
	g->which = which;
}

void group_detach(struct group *g)
{
	if (bpf_link__destroy(g->link))
		fail("detach: %s", strerror(errno));
	g->link = NULL;
}

void group_end(struct group *g)
{
	bool group_first = rnd(2);

	if (group_first)
		group_close(g);
	group_detach(g);
	if (!group_first)
		group_close(g);
}

bool group_attached(const struct group *g)
{
	return g->link;
}

void group_expect_hangup(struct group *g)
{
	struct pollfd pfd = { .fd = bpf_link__fd(g->link) };

	if (poll(&pfd, 1, patience() * 1000) != 1 || !(pfd.revents & POLLHUP))
		fail("the group was closed, and the link does not say so");
	self->checks++;
}

struct stress_counts group_counts(const struct group *g, enum stress_class class)
{
	return g->skel->bss->counts[class];
}

unsigned long long group_calls(const struct group *g)
{
	unsigned long long calls = 0;
	int class;

	for (class = 0; class < CLASSES; class++)
		calls += group_counts(g, class).calls;
	return calls;
}

static FILE *open_fdinfo(const struct group *g)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", g->fd);
	file = fopen(path, "re");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	return file;
}

int group_marks(const struct group *g)
{
	FILE *file = open_fdinfo(g);
	char line[512];
	int marks = 0;

	while (fgets(line, sizeof(line), file))
		marks += !!strstr(line, " mflags:");
	fclose(file);
	return marks;
}

struct group_shown group_shown(const struct group *g)
{
	FILE *file = open_fdinfo(g);
	struct group_shown s;
	bool found = false;
	char line[512];

	while (!found && fgets(line, sizeof(line), file)) {
		found = sscanf(line,
			       "fanotify-fastpath name:%*s link_id:%*u seen:%llu sent:%llu skipped:%llu invalid:%llu allowed:%llu denied:%llu expired:%llu",
			       &s.seen, &s.sent, &s.skipped, &s.invalid,
			       &s.allowed, &s.denied, &s.expired) == 7;
	}
	fclose(file);
	if (!found)
		fail("fdinfo does not show the program");
	return s;
}

/*
 * The program counts before the kernel does. So the kernel's figure is at most
 * what the program has counted afterwards, and at least what it had before, less
 * the events that are between the two.
 */
static void check_between(const char *what, unsigned long long before,
			  unsigned long long shown, unsigned long long after)
{
	if (shown > after || shown + IN_FLIGHT < before)
		fail("fdinfo shows %llu %s, the programs counted %llu to %llu",
		     shown, what, before, after);
}

void group_check_counters(struct group *g)
{
	struct stress_bpf__bss *bss = g->skel->bss;
	volatile unsigned long long *sent = &bss->sent;
	volatile unsigned long long *skipped = &bss->skipped;
	volatile unsigned long long *allowed = &bss->allowed;
	volatile unsigned long long *denied = &bss->denied;
	unsigned long long b[4] = {
		*sent - g->sent, *skipped - g->skipped,
		*allowed - g->allowed, *denied - g->denied,
	};
	struct group_shown s = group_shown(g);

	if (s.invalid)
		fail("fdinfo: %llu invalid answers", s.invalid);
	check_between("sent", b[0], s.sent, *sent - g->sent);
	check_between("skipped", b[1], s.skipped, *skipped - g->skipped);
	check_between("allowed", b[2], s.allowed, *allowed - g->allowed);
	check_between("denied", b[3], s.denied, *denied - g->denied);
	self->checks += 5;
}

static void remove_marks(struct group *g)
{
	static const unsigned int types[] = {
		FAN_MARK_INODE, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM,
	};
	unsigned int i;
	int err;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		err = group_mark(g, FAN_MARK_FLUSH | types[i], 0, AT_FDCWD, "/");
		if (err)
			fail("remove the marks: %s", strerror(err));
	}
	if (group_marks(g))
		fail("fdinfo shows marks that were removed");
}

static bool is_exact(const struct group *g, unsigned long long expired)
{
	const struct stress_bpf__bss *bss = g->skel->bss;
	struct group_shown s = group_shown(g);

	return s.seen == group_calls(g) - g->calls &&
	       s.sent == bss->sent - g->sent &&
	       s.skipped == bss->skipped - g->skipped &&
	       s.allowed == bss->allowed - g->allowed &&
	       s.denied == bss->denied - g->denied && !s.invalid &&
	       s.expired == expired;
}

static void check_equal(const char *what, unsigned long long shown,
			unsigned long long counted)
{
	if (shown != counted)
		fail("at rest, fdinfo shows %llu %s, and it was %llu", shown,
		     what, counted);
	self->checks++;
}

void group_check_exactly(struct group *g, unsigned long long expired)
{
	const struct stress_bpf__bss *bss = g->skel->bss;
	struct group_shown s = group_shown(g);

	check_equal("seen", s.seen, group_calls(g) - g->calls);
	check_equal("sent", s.sent, bss->sent - g->sent);
	check_equal("skipped", s.skipped, bss->skipped - g->skipped);
	check_equal("allowed", s.allowed, bss->allowed - g->allowed);
	check_equal("denied", s.denied, bss->denied - g->denied);
	check_equal("invalid", s.invalid, 0);
	check_equal("expired", s.expired, expired);
}

/*
 * An update waits for the events that have seen a mark. There may be more of them:
 * as long as an opener waits for another group, a mark that was next to be looked
 * at stays in the list of its mount, though it was removed. A count that was lost
 * is not found later.
 */
void group_check_at_rest(struct group *g, unsigned long long expired)
{
	double limit = now() + patience();

	remove_marks(g);
	do {
		group_update(g, !g->which);
		if (is_exact(g, expired)) {
			self->checks += 7;
			return;
		}
	} while (now() < limit);
	group_check_exactly(g, expired);
}
