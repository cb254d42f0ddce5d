// SPDX-License-Identifier: GPL-2.0
/*
 * What an unprivileged user, or a large system, can make a decided event cost:
 * an open and close of a file outside all subtree roots, by a bystander who has
 * nothing to do with it. usage: fanfp-hostile [TEST...]
 *
 * - the rename storm of another user, against one who opens files instead;
 * - a tree deeper than the walk goes, a directory with 50,000 entries;
 * - 10,000 roots in one group, 1,000 groups with a program each;
 * - as many groups as another user may have, all with marks on the directories
 *   above the file.
 *
 * Each figure is nanoseconds for one open and close, measured in many short batches.
 * With a storm it is the median, in turns with what it is compared to; otherwise it
 * is the fastest batch. The bounds leave room for emulated processors, and still
 * fail if the cost grows with the number of roots, groups or entries.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "hostile.skel.h"

/* <linux/bpf.h>; older ones lack them */
#define BPF_STRUCT_OPS	44
#define BPF_F_LINK	(1U << 13)

#define NOBODY		65534
#define BATCH		100
#define BATCHES		15
#define ROUNDS		4

#define STORM_DEPTH	200
#define STORM_OPENS	2000
#define STORM_PASSES	5
#define ENTRIES		50000
#define ROOTS		10000
#define GROUPS		1000
#define MARKED_DEPTH	8
#define MAX_GROUPS	"/proc/sys/fs/fanotify/max_user_groups"

static struct hostile_bpf *skel;
static struct bpf_link *link_to;
static int fan_fd = -1, failures;

static void check(const char *name, bool ok)
{
	printf("%s %s\n", ok ? "ok" : "not ok", name);
	failures += !ok;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, int nr)
{
	qsort(values, nr, sizeof(*values), compare);
	return values[nr / 2];
}

/* Of an open and close of @name in @dir, into @values[BATCHES] */
static void measure(int dir, const char *name, double *values)
{
	int i, j, fd;

	for (i = 0; i < BATCHES; i++) {
		double begin = now();

		for (j = 0; j < BATCH; j++) {
			fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				err(1, "open %s", name);
			close(fd);
		}
		values[i] = (now() - begin) / BATCH;
	}
}

/* What else the machine does only adds to it: the fastest batch counts. */
static double cost(int dir, const char *name)
{
	double values[BATCHES], best = 0;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		measure(dir, name, values);
		for (i = 0; i < BATCHES; i++)
			if (!best || values[i] < best)
				best = values[i];
	}
	return best;
}

/* Opens and closes of each cost() */
#define COST_OPENS	(ROUNDS * BATCHES * BATCH)

static void make_dir(int dir, const char *name)
{
	if (mkdirat(dir, name, 0755) && errno != EEXIST)
		err(1, "mkdir %s", name);
}

static void make_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0)
		err(1, "create %s", name);
	close(fd);
}

static int open_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(1, "open %s", name);
	return fd;
}

/* @depth directories below @top, a file "f" in the last, which is returned */
static int make_deep(const char *top, int depth)
{
	int dir, next;

	make_dir(AT_FDCWD, top);
	dir = open_dir(AT_FDCWD, top);
	while (depth--) {
		make_dir(dir, "d");
		next = open_dir(dir, "d");
		close(dir);
		dir = next;
	}
	make_file(dir, "f");
	return dir;
}

static void mark(int group, unsigned int flags, unsigned long long mask,
		 int dir, const char *path)
{
	if (fanotify_mark(group, FAN_MARK_ADD | flags, mask, dir, path))
		err(1, "fanotify_mark %s", path ? path : "");
}

static int new_group(void)
{
	int fd = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
			       FAN_UNLIMITED_MARKS | FAN_REPORT_FID, O_RDONLY);

	if (fd < 0)
		err(1, "fanotify_init");
	return fd;
}

static void attach(void)
{
	link_to = bpf_map__attach_struct_ops(skel->maps.hostile_ops);
	if (!link_to)
		err(1, "attach");
}

static void detach(void)
{
	bpf_link__destroy(link_to);
	link_to = NULL;
}

/* A group that watches all opens, with the program; "in" is a root. */
static void start(void)
{
	fan_fd = new_group();
	skel = hostile_bpf__open();
	if (!skel)
		err(1, "cannot open the program");
	skel->struct_ops.hostile_ops->group_fd = fan_fd;
	if (hostile_bpf__load(skel))
		errx(1, "cannot load the program");
	make_dir(AT_FDCWD, "in");
	mark(fan_fd, 0, FAN_OPEN, AT_FDCWD, "in");
	mark(fan_fd, FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, ".");
	skel->bss->quiet = true;
	attach();
}

static void end(void)
{
	detach();
	hostile_bpf__destroy(skel);
	close(fan_fd);
}

static int drain(int group)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta;
	ssize_t len;
	int nr = 0;

	while ((len = read(group, buf, sizeof(buf))) > 0) {
		meta = (const void *)buf;
		for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len))
			nr++;
	}
	return nr;
}

#define USERS_MAX	7
static pid_t users[USERS_MAX];
static int nr_users;

/* Nothing else than renames, or opens, in a directory of its own */
static void run_user(int cpu, bool renames)
{
	cpu_set_t cpus;
	char name[8];
	int fd;

	snprintf(name, sizeof(name), "u%d", cpu);
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) || chdir("storm") ||
	    chdir(name) || setgid(NOBODY) || setuid(NOBODY))
		err(1, "the other user");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What the one before has left */
	rename("b", "a");
	for (;;) {
		if (renames) {
			if (rename("a", "b") || rename("b", "a"))
				err(1, "rename");
			continue;
		}
		fd = open("f", O_RDONLY);
		if (fd < 0)
			err(1, "open");
		close(fd);
	}
}

/* One on each other processor */
static void start_users(bool renames)
{
	int i;

	for (i = 0; i < nr_users; i++) {
		users[i] = fork();
		if (users[i] < 0)
			err(1, "fork");
		if (!users[i])
			run_user(i + 1, renames);
	}
	usleep(100000);
}

static void end_users(void)
{
	int i, status;

	for (i = 0; i < nr_users; i++) {
		kill(users[i], SIGKILL);
		if (waitpid(users[i], &status, 0) < 0 || !WIFSIGNALED(status))
			errx(1, "another user has ended by itself");
	}
}

/*
 * Whoever opens files as well costs the bystander something: the storm is
 * compared to that.
 */
static void measure_storm(int dir)
{
	/* by what the other users do, without and with the program */
	static double values[2][2][ROUNDS * BATCHES];
	double m[2][2];
	int round, user, with;

	/* The children must not hold the link. */
	detach();
	for (round = 0; round < ROUNDS; round++) {
		for (user = 0; user < 2; user++) {
			start_users(user);
			for (with = 0; with < 2; with++) {
				if (with)
					attach();
				measure(dir, "f",
					&values[user][with][round * BATCHES]);
				if (with)
					detach();
				drain(fan_fd);
			}
			end_users();
		}
	}
	attach();
	for (user = 0; user < 2; user++)
		for (with = 0; with < 2; with++)
			m[user][with] = median(values[user][with],
					       ROUNDS * BATCHES);

	printf("# depth %d, %d others open files: %.0f ns plain, %.0f decided\n",
	       STORM_DEPTH, nr_users, m[0][0], m[0][1]);
	printf("# depth %d, %d others rename: %.0f ns plain, %.0f decided, ratio %.2f\n",
	       STORM_DEPTH, nr_users, m[1][0], m[1][1], m[1][1] / m[0][1]);
	/* Four tries, and twice what a try costs for the lines that move */
	check("a rename storm slows others down by the bounded walk at most",
	      m[1][1] < 8 * m[0][1]);
}

/*
 * Each file once; files of their own, so that no events are merged. Returns the
 * number of events.
 */
static int open_in_storm(int dir)
{
	char name[32];
	int i;

	for (i = 0; i < STORM_OPENS; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		close(openat(dir, name, O_RDONLY));
	}
	return drain(fan_fd);
}

/* A walk gives up when each of its tries meets a rename: that takes patience. */
static void check_storm(int out)
{
	unsigned long long undecided, inside, sent = 0;
	int in = open_dir(AT_FDCWD, "in"), i, passes = 0, got;
	bool lost = false;
	char name[32];

	for (i = 0; i < STORM_OPENS; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make_file(in, name);
		make_file(out, name);
	}
	drain(fan_fd);
	start_users(true);
	skel->bss->quiet = false;
	undecided = skel->bss->undecided;
	inside = skel->bss->inside;
	do {
		got = open_in_storm(in);
		lost |= got != STORM_OPENS;
		sent += got + open_in_storm(out);
	} while (++passes < STORM_PASSES ||
		 (skel->bss->undecided == undecided &&
		  passes < 20 * STORM_PASSES));
	skel->bss->quiet = true;
	end_users();
	undecided = skel->bss->undecided - undecided;
	inside = skel->bss->inside - inside;
	printf("# %d opens inside and as many outside: %llu found inside, %llu undecided, %llu events\n",
	       passes * STORM_OPENS, inside, undecided, sent);
	check("walks and renames met", undecided > 0);
	check("what is inside or undecided is sent, and nothing else",
	      sent == inside + undecided);
	check("nothing inside is lost", !lost);
	close(in);
}

static void test_storm(void)
{
	char name[24];
	int dir, i;

	nr_users = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	if (nr_users > USERS_MAX)
		nr_users = USERS_MAX;
	if (!nr_users) {
		printf("skip storm # one processor\n");
		return;
	}
	/* A filesystem of its own: the lock is one for all. */
	make_dir(AT_FDCWD, "storm");
	if (mount("tmpfs", "storm", "tmpfs", 0, "mode=755"))
		err(1, "mount");
	for (i = 1; i <= nr_users; i++) {
		snprintf(name, sizeof(name), "storm/u%d", i);
		make_dir(AT_FDCWD, name);
		dir = open_dir(AT_FDCWD, name);
		make_file(dir, "f");
		make_dir(dir, "a");
		if (fchown(dir, NOBODY, NOBODY) ||
		    fchownat(dir, "a", NOBODY, NOBODY, 0))
			err(1, "chown");
		close(dir);
	}

	dir = make_deep("out", STORM_DEPTH);
	measure_storm(dir);
	check_storm(dir);
	close(dir);
	if (umount("storm"))
		err(1, "umount storm");
}

static void test_deep(void)
{
	int at = make_deep("at", 250), below = make_deep("below", 5000);
	unsigned long long before = skel->bss->undecided;
	double a, b;

	a = cost(at, "f");
	check("a tree of 250 directories is decided",
	      skel->bss->undecided == before);
	b = cost(below, "f");
	check("a tree of 5000 is not", skel->bss->undecided == before +
	      COST_OPENS);
	printf("# depth 250: %.0f ns, depth 5000: %.0f ns, ratio %.2f\n", a, b,
	       b / a);
	check("a deep tree costs no more than the bound", b < 2 * a);
	close(at);
	close(below);
}

static void test_huge(void)
{
	int one, many, i;
	char name[32];
	double a, b;

	one = make_deep("one", 1);
	many = make_deep("many", 1);
	for (i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "entry%d", i);
		make_file(many, name);
	}
	a = cost(one, "f");
	b = cost(many, "f");
	printf("# alone in a directory: %.0f ns, with %d others: %.0f ns, ratio %.2f\n",
	       a, ENTRIES, b, b / a);
	check("a huge directory costs no more than a small one", b < 2 * a);
	close(one);
	close(many);
}

static void test_roots(void)
{
	unsigned long long inside, outside;
	int dir = make_deep("far", MARKED_DEPTH), i, fd;
	double few, many, begin;
	char name[32];

	few = cost(dir, "f");
	for (i = 0; i < 2 * ROOTS; i++) {
		snprintf(name, sizeof(name), "root%d", i);
		make_dir(AT_FDCWD, name);
		if (i % 2)
			mark(fan_fd, 0, FAN_OPEN, AT_FDCWD, name);
		strcat(name, "/f");
		make_file(AT_FDCWD, name);
	}
	many = cost(dir, "f");
	printf("# 1 root: %.0f ns, %d roots: %.0f ns, ratio %.2f\n", few, ROOTS,
	       many, many / few);
	check("10000 roots cost no more than one", many < 2 * few);

	drain(fan_fd);
	skel->bss->quiet = false;
	inside = skel->bss->inside;
	outside = skel->bss->outside;
	for (i = 0; i < 2 * ROOTS; i++) {
		snprintf(name, sizeof(name), "root%d/f", i);
		fd = open(name, O_RDONLY);
		close(fd);
	}
	skel->bss->quiet = true;
	check("each of 10000 roots is one",
	      skel->bss->inside - inside == ROOTS &&
	      skel->bss->outside - outside == ROOTS &&
	      drain(fan_fd) == ROOTS);

	begin = now();
	if (fanotify_mark(fan_fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL))
		err(1, "flush");
	printf("# 10000 roots are removed in %.0f ms\n", (now() - begin) / 1e6);
	mark(fan_fd, 0, FAN_OPEN, AT_FDCWD, "in");
	close(dir);
}

/* What raising the number of groups takes; returns the old one. */
static void set_max_groups(const char *value, char *old, size_t size)
{
	int fd = open(MAX_GROUPS, O_RDWR | O_CLOEXEC);

	if (fd < 0 || (old && read(fd, old, size) <= 0) ||
	    pwrite(fd, value, strlen(value), 0) < 0)
		err(1, MAX_GROUPS);
	close(fd);
}

static __u32 member_offset(const struct btf *btf, __u32 id, const char *name,
			   __u32 *type)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	const struct btf_member *m = btf_members(t);
	__u32 i;

	for (i = 0; i < btf_vlen(t); i++, m++) {
		if (strcmp(btf__name_by_offset(btf, m->name_off), name))
			continue;
		if (type)
			*type = m->type;
		return btf_member_bit_offset(t, i) / 8;
	}
	errx(1, "the kernel's struct has no member %s", name);
}

/* Maps of their own for one program: loading it each time would take minutes. */
struct maker {
	struct btf *btf;
	__u32 value_id, size;
	__u32 filter, name, group_fd;
	char *value;
};

static void maker_init(struct maker *m)
{
	__u32 data, ops;

	m->btf = btf__load_vmlinux_btf();
	if (!m->btf)
		err(1, "the kernel's types");
	m->value_id = btf__find_by_name_kind(m->btf,
					     "bpf_struct_ops_fanotify_fastpath_ops",
					     BTF_KIND_STRUCT);
	m->size = btf__type_by_id(m->btf, m->value_id)->size;
	m->value = calloc(1, m->size);
	data = member_offset(m->btf, m->value_id, "data", &ops);
	m->filter = data + member_offset(m->btf, ops, "filter", NULL);
	m->name = data + member_offset(m->btf, ops, "name", NULL);
	m->group_fd = data + member_offset(m->btf, ops, "group_fd", NULL);
}

/* Returns the link, of which the map is a part. */
static int attach_map(struct maker *m, int group)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_LINK,
		    .btf_fd = bpf_object__btf_fd(skel->obj),
		    .btf_vmlinux_value_type_id = m->value_id);
	int map, link, zero = 0;

	map = bpf_map_create(BPF_MAP_TYPE_STRUCT_OPS, "many",
			     4, m->size, 1, &opts);
	if (map < 0)
		err(1, "map");
	*(unsigned long *)(m->value + m->filter) =
		bpf_program__fd(skel->progs.hostile_filter);
	strcpy(m->value + m->name, "many");
	*(__u32 *)(m->value + m->group_fd) = group;
	if (bpf_map_update_elem(map, &zero, m->value, 0))
		err(1, "map value");
	link = bpf_link_create(map, 0, (enum bpf_attach_type)BPF_STRUCT_OPS,
			       NULL);
	if (link < 0)
		err(1, "link");
	close(map);
	return link;
}

static double attach_time(struct maker *m)
{
	double begin = now(), took;
	int group = new_group(), link;

	link = attach_map(m, group);
	close(link);
	took = now() - begin;
	close(group);
	return took;
}

static void test_groups(void)
{
	static int groups[GROUPS], links[GROUPS];
	int dir = make_deep("groups", MARKED_DEPTH), i, fd, wrong = 0;
	double few, many, first[9], last[9];
	struct maker m;
	char name[32], old[32] = "";

	maker_init(&m);
	set_max_groups("10000", old, sizeof(old) - 1);
	for (i = 0; i < 9; i++)
		first[i] = attach_time(&m);
	few = cost(dir, "f");
	for (i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "group%d", i);
		make_dir(AT_FDCWD, name);
		groups[i] = new_group();
		mark(groups[i], 0, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD,
		     name);
		links[i] = attach_map(&m, groups[i]);
		strcat(name, "/f");
		make_file(AT_FDCWD, name);
		drain(groups[i]);
	}
	many = cost(dir, "f");
	for (i = 0; i < 9; i++)
		last[i] = attach_time(&m);
	printf("# 1 group: %.0f ns, %d others elsewhere: %.0f ns, ratio %.2f\n",
	       few, GROUPS, many, many / few);
	printf("# attached and detached in %.1f ms alone, in %.1f ms among them\n",
	       median(first, 9) / 1e6, median(last, 9) / 1e6);
	check("1000 groups elsewhere cost nothing", many < 2 * few);

	drain(fan_fd);
	skel->bss->quiet = false;
	for (i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "group%d/f", i);
		fd = open(name, O_RDONLY);
		close(fd);
	}
	skel->bss->quiet = true;
	for (i = 0; i < GROUPS; i++)
		wrong += drain(groups[i]) != 1;
	check("each of 1000 groups gets its own event", !wrong);
	check("and nobody else does", !drain(fan_fd));

	/* Half of them lose the group first, half the link. */
	for (i = 0; i < GROUPS; i++) {
		close(i % 2 ? groups[i] : links[i]);
		close(i % 2 ? links[i] : groups[i]);
	}
	check("an open costs the same when they have gone",
	      cost(dir, "f") < 2 * few);
	set_max_groups(old, NULL, 0);
	free(m.value);
	btf__free(m.btf);
	close(dir);
}

/*
 * A child that marks directories from @top down with all groups it may have: each
 * of them, or only the last one. Sets how many groups these are.
 */
static pid_t mark_all(const char *top, bool each, __u64 mask, int *count)
{
	int dir, next, fd, i, nr = 0, groups[1024], pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid) {
		close(pipes[1]);
		if (read(pipes[0], count, sizeof(*count)) != sizeof(*count))
			errx(1, "the other user has no groups");
		close(pipes[0]);
		return pid;
	}
	if (setgid(NOBODY) || setuid(NOBODY))
		err(1, "the other user");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (nr < 1024 && (fd = fanotify_init(FAN_REPORT_FID, O_RDONLY)) >= 0)
		groups[nr++] = fd;
	dir = open_dir(AT_FDCWD, top);
	for (;;) {
		next = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		for (i = 0; i < nr && (each || next < 0); i++)
			mark(groups[i], 0, mask, dir, ".");
		if (next < 0)
			break;
		close(dir);
		dir = next;
	}
	if (write(pipes[1], &nr, sizeof(nr)) != sizeof(nr))
		_exit(1);
	for (;;)
		pause();
}

/*
 * The bound is what the same user can do to everybody on any kernel, by asking for
 * the events of the one directory that the file is in.
 */
static void test_marks(void)
{
	int dir = make_deep("marked", MARKED_DEPTH), nr = 0;
	unsigned long long before;
	double without, marked, asked;
	pid_t pid;

	before = skel->bss->outside;
	without = cost(dir, "f");
	pid = mark_all("marked", true, FAN_DELETE_SELF, &nr);
	marked = cost(dir, "f");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	check("marks of another user do not change the answer",
	      skel->bss->outside == before + 2 * COST_OPENS);
	pid = mark_all("marked", false, FAN_OPEN | FAN_EVENT_ON_CHILD, &nr);
	asked = cost(dir, "f");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("# without marks of others: %.0f ns; %d directories above marked by %d groups of another user: %.0f ns, ratio %.2f; the last of them, and its events asked for: %.0f ns, ratio %.2f\n",
	       without, MARKED_DEPTH + 1, nr, marked, marked / without, asked,
	       asked / without);
	check("and cost less than the events that the same groups could ask for",
	      marked < asked);
	close(dir);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "storm", test_storm },
	{ "deep", test_deep },
	{ "huge", test_huge },
	{ "roots", test_roots },
	{ "groups", test_groups },
	{ "marks", test_marks },
};

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int main(int argc, char *argv[])
{
	struct rlimit files = { .rlim_cur = 8192, .rlim_max = 8192 };
	char top[] = "/tmp/fanfp-hostile.XXXXXX";
	cpu_set_t cpus;
	unsigned int i;
	char **arg;

	for (arg = argv + 1; *arg; arg++) {
		for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
			if (!strcmp(tests[i].name, *arg))
				break;
		if (i < sizeof(tests) / sizeof(tests[0]))
			continue;
		fprintf(stderr, "fanfp-hostile: there is no test %s; there are", *arg);
		for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
			fprintf(stderr, " %s", tests[i].name);
		fprintf(stderr, "\n");
		return 2;
	}

	setvbuf(stdout, NULL, _IOLBF, 0);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	umask(022);
	if (setrlimit(RLIMIT_NOFILE, &files) ||
	    sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    !mkdtemp(top) || mount("tmpfs", top, "tmpfs", 0, "mode=755") ||
	    chmod(top, 0755) || chdir(top))
		err(1, "a filesystem to work on");
	start();
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (wanted(tests[i].name, argv + 1))
			tests[i].run();
	end();
	if (chdir("/") || umount(top) || rmdir(top))
		err(1, "umount");
	return failures ? 1 : 0;
}
