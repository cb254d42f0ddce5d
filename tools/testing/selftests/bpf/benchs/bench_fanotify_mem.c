// SPDX-License-Identifier: GPL-2.0
/*
 * What fanotify and its fast path take of the kernel's memory: a group, a group's
 * program, a subtree root, a verdict that is kept; and whether events leave
 * anything behind.
 *
 *	./bench -p1 fanotify-mem --events=1000000
 *
 * What /proc/meminfo tells of the whole system is divided by many objects of a
 * kind: not all of them are charged to a cgroup. Nothing else should be going on.
 */
#include <argp.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/resource.h>

#include "bench.h"
#include "benchs/bench_fanotify.h"

#define MAX_USER_GROUPS	"/proc/sys/fs/fanotify/max_user_groups"
#define NR_GROUPS	2000
#define NR_PROGRAMS	100
#define NR_INODES	10000
#define NR_LRU		65536

/* Bytes */
struct memory {
	double slab;
	double percpu;
	double vmalloc;
};

static struct ctx {
	char max_user_groups[32];
	int groups[NR_GROUPS];
	struct fanotify_bench *skels[NR_PROGRAMS];
	struct bpf_link *links[NR_PROGRAMS];
	/* holds the roots, and remembers verdicts */
	int group;
	struct fanotify_bench *skel;
	struct bpf_link *link;
	bool done;
} ctx;

static struct args {
	long events;
} args = {
	.events = 1000000,
};

enum {
	ARG_EVENTS = 16100,
};

static const struct argp_option opts[] = {
	{ "events", ARG_EVENTS, "N", 0, "Events that are to leave nothing behind" },
	{},
};

static error_t parse_arg(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARG_EVENTS:
		args.events = strtol(arg, NULL, 10);
		if (args.events <= 0)
			argp_error(state, "%s is not a number of events", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp bench_fanotify_mem_argp = {
	.options = opts,
	.parser = parse_arg,
};

static void validate(void)
{
	if (env.producer_cnt != 1 || env.consumer_cnt)
		fail("one producer is needed, and no consumer");
}

static struct memory read_memory(void)
{
	struct memory memory = {};
	char line[128];
	long kb;
	FILE *file;

	/* What is freed after a grace period is to be gone. */
	sleep(2);
	file = fopen("/proc/meminfo", "r");
	if (!file)
		fail("cannot open /proc/meminfo: %m");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Slab: %ld kB", &kb) == 1)
			memory.slab = kb * 1024.0;
		else if (sscanf(line, "Percpu: %ld kB", &kb) == 1)
			memory.percpu = kb * 1024.0;
		else if (sscanf(line, "VmallocUsed: %ld kB", &kb) == 1)
			memory.vmalloc = kb * 1024.0;
	}
	fclose(file);
	return memory;
}

static void report(const char *what, struct memory before, long count)
{
	struct memory now = read_memory();
	double slab = (now.slab - before.slab) / count;
	double percpu = (now.percpu - before.percpu) / count;
	double vmalloc = (now.vmalloc - before.vmalloc) / count;

	printf("RESULT what=%s count=%ld bytes=%.1f slab=%.1f percpu=%.1f vmalloc=%.1f\n",
	       what, count, slab + percpu + vmalloc, slab, percpu, vmalloc);
	fflush(stdout);
}

static void set_max_user_groups(const char *value)
{
	FILE *file = fopen(MAX_USER_GROUPS, "w");

	if (!file || fputs(value, file) < 0 || fclose(file))
		fail("cannot set " MAX_USER_GROUPS ": %m");
}

static void restore_max_user_groups(void)
{
	set_max_user_groups(ctx.max_user_groups);
}

static void raise_limits(void)
{
	const struct rlimit files = { 2 * NR_GROUPS, 2 * NR_GROUPS };
	FILE *file;

	if (setrlimit(RLIMIT_NOFILE, &files))
		fail("cannot raise the limit of open files: %m");
	file = fopen(MAX_USER_GROUPS, "r");
	if (!file || !fgets(ctx.max_user_groups, sizeof(ctx.max_user_groups),
			    file))
		fail("cannot read " MAX_USER_GROUPS ": %m");
	fclose(file);
	set_max_user_groups("100000");
	atexit(restore_max_user_groups);
}

static int new_group(void)
{
	int fd;

	fd = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
			   FAN_UNLIMITED_MARKS | FAN_REPORT_DFID_NAME,
			   O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("cannot make an fanotify group: %m");
	return fd;
}

static void measure_groups(void)
{
	struct memory before = read_memory();
	int i;

	for (i = 0; i < NR_GROUPS; i++)
		ctx.groups[i] = new_group();
	report("group", before, NR_GROUPS);
}

/* Each with programs of its own, with as few maps as can be */
static void measure_programs(void)
{
	struct fanotify_bench *skel;
	struct memory before;
	int i;

	for (i = 0; i < NR_PROGRAMS; i++) {
		skel = open_programs();
		ctx.skels[i] = skel;
		skel->struct_ops.answer_ops->group_fd = ctx.groups[i];
		skel->struct_ops.answer_ops->permission = NULL;
		bpf_map__set_autocreate(skel->maps.answer_ops, true);
		bpf_map__set_autocreate(skel->maps.lru_verdicts, false);
		bpf_map__set_autocreate(skel->maps.inode_verdicts, false);
		bpf_map__set_autocreate(skel->maps.lsm_roots, false);
	}
	/* The first one takes what all share. */
	if (fanotify_bench__load(ctx.skels[0]))
		fail("cannot load the program");
	before = read_memory();
	for (i = 1; i < NR_PROGRAMS; i++) {
		if (fanotify_bench__load(ctx.skels[i]))
			fail("cannot load the program");
	}
	report("program-loaded", before, NR_PROGRAMS - 1);
	before = read_memory();
	for (i = 0; i < NR_PROGRAMS; i++) {
		ctx.links[i] = bpf_map__attach_struct_ops(ctx.skels[i]->maps.answer_ops);
		if (!ctx.links[i])
			fail("cannot attach the program: %m");
	}
	report("program-attached", before, NR_PROGRAMS);
}

static void measure_roots(void)
{
	struct memory before;
	char name[32];
	int i;

	for (i = 0; i < NR_INODES; i++) {
		snprintf(name, sizeof(name), "root%d", i);
		close(make_dir(AT_FDCWD, name));
	}
	before = read_memory();
	for (i = 0; i < NR_INODES; i++) {
		snprintf(name, sizeof(name), "root%d", i);
		if (fanotify_mark(ctx.group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, name))
			fail("cannot mark %s: %m", name);
	}
	report("root", before, NR_INODES);
}

static void measure_lru(void)
{
	struct memory before = read_memory();
	int fd;

	fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "lru", 16, 4, NR_LRU, NULL);
	if (fd < 0)
		fail("cannot make a map: %m");
	report("verdict-lru", before, NR_LRU);
	close(fd);
}

static void touch(const char *name, int flags)
{
	int fd;

	fd = open(name, flags, 0600);
	if (fd < 0)
		fail("cannot open %s: %m", name);
	close(fd);
}

/* From here on the program keeps a verdict on every file that is opened. */
static void remember_verdicts(void)
{
	struct fanotify_bench *skel;

	skel = open_programs();
	ctx.skel = skel;
	bpf_map__set_max_entries(skel->maps.lru_verdicts, 1024);
	skel->struct_ops.remember_ops->group_fd = ctx.group;
	bpf_map__set_autocreate(skel->maps.remember_ops, true);
	if (fanotify_bench__load(skel))
		fail("cannot load the program");
	ctx.link = bpf_map__attach_struct_ops(skel->maps.remember_ops);
	if (!ctx.link)
		fail("cannot attach the program: %m");
	if (fanotify_mark(ctx.group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
			  FAN_OPEN, AT_FDCWD, "."))
		fail("cannot mark the filesystem: %m");
}

static void measure_verdicts(void)
{
	struct memory before;
	char name[32];
	int i;

	for (i = 0; i < NR_INODES; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		touch(name, O_CREAT | O_WRONLY);
	}
	remember_verdicts();
	before = read_memory();
	for (i = 0; i < NR_INODES; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		touch(name, O_RDONLY);
	}
	report("verdict-storage", before, NR_INODES);
}

/* Every tenth file is a new one, which goes with its verdict. */
static void cause_events(long events)
{
	long i;

	for (i = 0; i < events; i++) {
		if (i % 10) {
			touch("file0", O_RDONLY);
			continue;
		}
		touch("new", O_CREAT | O_EXCL | O_WRONLY);
		if (unlink("new"))
			fail("cannot remove the file: %m");
	}
}

static void measure_events(void)
{
	struct memory before;
	char buf[4096];

	cause_events(args.events / 10 + 1);
	before = read_memory();
	cause_events(args.events);
	report("event", before, args.events);
	if (read(ctx.group, buf, sizeof(buf)) >= 0 || errno != EAGAIN)
		fail("the listener got an event");
}

static void setup(void)
{
	/* We say when it is over, see bench_bpf_nop.c. */
	env.duration_sec = 600;
	setup_libbpf();
	raise_limits();
	enter_filesystem();
	ctx.group = new_group();
}

static void *producer(void *input)
{
	sigset_t set;

	/* The timer of bench would end the sleep. */
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);

	measure_groups();
	measure_programs();
	measure_roots();
	measure_lru();
	measure_verdicts();
	measure_events();
	while (true) {
		bench_force_done();
		usleep(1000);
	}
	return NULL;
}

static void measure(struct bench_res *res)
{
}

const struct bench bench_fanotify_mem = {
	.name = "fanotify-mem",
	.argp = &bench_fanotify_mem_argp,
	.validate = validate,
	.setup = setup,
	.producer_thread = producer,
	.measure = measure,
};
