// SPDX-License-Identifier: GPL-2.0
/*
 * What fanotify costs the task that causes an event: one operation on a file,
 * under everything that may answer it. benchs/run_bench_fanotify.sh runs all.
 *
 *	./bench -a fanotify --op=open --case=answer
 *	./bench -a fanotify --op=open --group=perm --case=subtree --depth=8
 *	./bench -c1 --prod-affinity=0 --cons-affinity=1 \
 *		fanotify --group=perm --case=listener
 *
 * The time of an operation is the median of batches, less that of a loop that
 * does nothing. On a machine whose clock counts instructions (QEMU's -icount
 * shift=0) it is the number of instructions, which can be compared between
 * kernels. With --unwatched each batch is followed by one on a filesystem that
 * nobody watches: what a larger operation costs differs from process to process
 * by more than what fanotify adds to it.
 *
 * A benchmark that measures something else than it says is worse than none: what
 * the operations return is checked, and that each event was answered by whom the
 * case names.
 */
#include <argp.h>
#include <bpf/btf.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/sysmacros.h>

#include "bench.h"
#include "benchs/bench_fanotify.h"
#include "bpf_util.h"
#include "testing_helpers.h"
#include "progs/fanotify_bench.h"

/* What kselftest takes for "this system cannot run it" */
#define EXIT_SKIP	4

#define FILE_NAME	"file"
#define NEW_NAME	"new"
#define MAX_DEPTH	200
#define MAX_ROOTS	1000
#define WARMUP_BATCHES	5

/* Where a producer works */
struct place {
	int dir;
	int file;
	bool denied;
};

struct producer {
	struct place watched;
	struct place unwatched;
	__u64 *batch_ns;
	__u64 *unwatched_ns;
	__u64 loop_ns;
	__u64 begin_ns;
	__u64 end_ns;
} __aligned(128);

/* An operation, and the events that it causes, @events of them each time */
struct op {
	const char *name;
	void (*run)(const struct place *place);
	__u64 mask;
	__u64 perm_mask;
	/* a permission event that it does not cause */
	__u64 other_perm_mask;
	int events;
};

enum group {
	GROUP_NAME,
	GROUP_FD,
	GROUP_PERM,
	GROUP_NONE,
};

static const char * const group_names[] = {
	[GROUP_NAME]	= "name",
	[GROUP_FD]	= "fd",
	[GROUP_PERM]	= "perm",
	[GROUP_NONE]	= "none",
};

enum answer {
	NONE,
	OTHER_MASK,
	IGNORE,
	LISTENER,
	LSM,
	LSM_SUBTREE,
	/* the fast path's */
	ANSWER,
	DENY,
	STORAGE,
	LRU,
	SUBTREE,
};

static const char * const case_names[] = {
	[NONE]		= "none",
	[OTHER_MASK]	= "other-mask",
	[IGNORE]	= "ignore",
	[LISTENER]	= "listener",
	[LSM]		= "lsm",
	[LSM_SUBTREE]	= "lsm-subtree",
	[ANSWER]	= "answer",
	[DENY]		= "deny",
	[STORAGE]	= "storage",
	[LRU]		= "lru",
	[SUBTREE]	= "subtree",
};

static void run_open(const struct place *place);
static void run_read(const struct place *place);
static void run_create(const struct place *place);
static void run_exec(const struct place *place);

static const struct op ops[] = {
	{ "open", run_open, FAN_OPEN, FAN_OPEN_PERM, FAN_OPEN_EXEC_PERM, 1 },
	{ "read", run_read, FAN_ACCESS, FAN_ACCESS_PERM, FAN_OPEN_EXEC_PERM, 1 },
	{ "create", run_create, FAN_CREATE | FAN_DELETE, 0, 0, 2 },
	{ "exec", run_exec, FAN_OPEN_EXEC, FAN_OPEN_EXEC_PERM, 0, 1 },
};

static struct ctx {
	struct fanotify_bench *skel;
	struct producer *producers;
	pthread_barrier_t start;
	int finished;
	int group;
	__u64 events_read;
} ctx = {
	.group = -1,
};

static struct args {
	const struct op *op;
	enum group group;
	enum answer answer;
	int depth;
	int roots;
	int batch;
	int samples;
	bool unwatched;
	bool machine_readable;
} args = {
	.op = &ops[0],
	.group = GROUP_NAME,
	.answer = NONE,
	.depth = 1,
	.roots = 1,
	.batch = 100,
	.samples = 51,
};

enum {
	ARG_OP = 16000,
	ARG_GROUP,
	ARG_CASE,
	ARG_DEPTH,
	ARG_ROOTS,
	ARG_BATCH,
	ARG_SAMPLES,
	ARG_UNWATCHED,
	ARG_MACHINE_READABLE,
};

static const struct argp_option opts[] = {
	{ "op", ARG_OP, "OP", 0,
	  "What is done: open (and close), read, create (and unlink), exec" },
	{ "group", ARG_GROUP, "GROUP", 0,
	  "Events with a name (name), with a descriptor (fd), permission events (perm)" },
	{ "case", ARG_CASE, "CASE", 0,
	  "Who answers, see below" },
	{ "depth", ARG_DEPTH, "N", 0, "Directories that the file is below" },
	{ "roots", ARG_ROOTS, "N", 0, "Subtree roots; the file is in none" },
	{ "batch", ARG_BATCH, "N", 0, "Operations that are timed together" },
	{ "samples", ARG_SAMPLES, "N", 0, "Batches of each producer" },
	{ "unwatched", ARG_UNWATCHED, NULL, 0,
	  "Time the operation where nobody watches, too, in turns" },
	{ "machine-readable", ARG_MACHINE_READABLE, NULL, 0,
	  "Print only a machine-readable RESULT line" },
	{},
};

static const char doc[] =
"\vCases:\n"
"  none         there is no group\n"
"  other-mask   the group's mask does not match\n"
"  ignore       an ignore mark on the inode\n"
"  listener     the listener; needs -c1\n"
"  answer       a fast path with a constant answer\n"
"  deny         a fast path that denies\n"
"  storage      a fast path with the verdict in inode storage\n"
"  lru          a fast path with the verdict in an LRU hash\n"
"  subtree      a fast path with a subtree check\n"
"  lsm          a BPF LSM program that does nothing\n"
"  lsm-subtree  a BPF LSM program with the same check\n";

static int parse_number(const char *arg, int max, struct argp_state *state)
{
	char *end;
	long n;

	n = strtol(arg, &end, 10);
	if (end == arg || *end || n < 1 || n > max)
		argp_error(state, "%s is not a number from 1 to %d", arg, max);
	return n;
}

static int parse_name(const char *arg, const char * const names[], int count,
		      struct argp_state *state)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strcmp(arg, names[i]))
			return i;
	argp_error(state, "there is no %s", arg);
	return 0;
}

static const struct op *parse_op(const char *arg, struct argp_state *state)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(arg, ops[i].name))
			return &ops[i];
	argp_error(state, "there is no operation %s", arg);
	return NULL;
}

static error_t parse_arg(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARG_OP:
		args.op = parse_op(arg, state);
		break;
	case ARG_GROUP:
		args.group = parse_name(arg, group_names,
					ARRAY_SIZE(group_names), state);
		break;
	case ARG_CASE:
		args.answer = parse_name(arg, case_names,
					 ARRAY_SIZE(case_names), state);
		break;
	case ARG_DEPTH:
		args.depth = parse_number(arg, MAX_DEPTH, state);
		break;
	case ARG_ROOTS:
		args.roots = parse_number(arg, MAX_ROOTS, state);
		break;
	case ARG_BATCH:
		args.batch = parse_number(arg, INT_MAX, state);
		break;
	case ARG_SAMPLES:
		args.samples = parse_number(arg, 1000000, state);
		break;
	case ARG_UNWATCHED:
		args.unwatched = true;
		break;
	case ARG_MACHINE_READABLE:
		args.machine_readable = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp bench_fanotify_argp = {
	.options = opts,
	.parser = parse_arg,
	.doc = doc,
};

static bool is_lsm(void)
{
	return args.answer == LSM || args.answer == LSM_SUBTREE;
}

static bool is_fastpath(void)
{
	return args.answer >= ANSWER;
}

/* Denied operations fail, all others do not. */
static void check_op(const struct place *place, bool done)
{
	if (place->denied ? done || errno != EPERM : !done)
		fail("%s: unexpected result: %m", args.op->name);
}

/* The cost of the loop, and of calling one of those below */
static void run_nothing(const struct place *place)
{
	asm volatile("" : : "r" (place) : "memory");
}

static void run_open(const struct place *place)
{
	int fd;

	fd = openat(place->dir, FILE_NAME, O_RDONLY);
	check_op(place, fd >= 0);
	if (fd >= 0)
		close(fd);
}

static void run_read(const struct place *place)
{
	char byte;

	check_op(place, pread(place->file, &byte, 1, 0) == 1);
}

static void run_create(const struct place *place)
{
	int fd;

	fd = openat(place->dir, NEW_NAME, O_CREAT | O_EXCL | O_WRONLY, 0600);
	if (fd < 0)
		fail("cannot create a file: %m");
	close(fd);
	if (unlinkat(place->dir, NEW_NAME, 0))
		fail("cannot remove the file: %m");
}

/*
 * The file is no program. So the kernel opens, checks and reads it, which is all
 * that fanotify has to do with, and returns. To make a process that becomes
 * another program would cost many times that.
 */
static void run_exec(const struct place *place)
{
	char *no_args = NULL;

	syscall(__NR_execveat, place->dir, FILE_NAME, &no_args, &no_args, 0);
	check_op(place, errno == ENOEXEC);
}

/* The events that the group is marked for */
static __u64 watched_mask(void)
{
	if (args.answer == OTHER_MASK)
		return args.group == GROUP_PERM ? args.op->other_perm_mask :
						  FAN_MODIFY;
	return args.group == GROUP_PERM ? args.op->perm_mask : args.op->mask;
}

static void validate(void)
{
	const char *name = case_names[args.answer];
	int consumers;

	if (args.answer == NONE || is_lsm())
		args.group = GROUP_NONE;
	else if (args.group == GROUP_NONE)
		fail("--case=%s needs a group", name);

	if (args.unwatched && args.group == GROUP_NONE)
		fail("--unwatched needs a group");
	if (args.unwatched && env.producer_cnt != 1)
		fail("--unwatched needs -p1");
	if (env.producer_cnt < 1)
		fail("a producer is needed");
	consumers = args.answer == LISTENER ? 1 : 0;
	if (env.consumer_cnt != consumers)
		fail("--case=%s needs -c%d", name, consumers);
	if (args.answer == DENY && args.group != GROUP_PERM)
		fail("--case=deny needs --group=perm");
	if (args.group == GROUP_FD && args.op->run == run_create)
		fail("--op=create is not told with a file descriptor");
	if (args.group != GROUP_NONE && !watched_mask())
		fail("--op=%s has no such permission event", args.op->name);
	if (is_lsm() && args.op->run == run_read)
		fail("--op=read has no file_open");
}

/* Where there is no fast path, the rest can still be measured. */
static void need_fastpath(void)
{
	struct btf *btf;
	int id;

	btf = btf__load_vmlinux_btf();
	if (!btf)
		fail("cannot load the kernel's BTF");
	id = btf__find_by_name_kind(btf, "fanotify_fastpath_ops",
				    BTF_KIND_STRUCT);
	btf__free(btf);
	if (id >= 0)
		return;
	fprintf(stderr, "fanotify: --case=%s needs a kernel with the fast path\n",
		case_names[args.answer]);
	exit(EXIT_SKIP);
}

/* Each producer has a directory of its own: they share no dentry. */
static void make_file(struct place *place, int nr)
{
	static const char content[] = "not a program\n";
	char name[32];
	int i, dir, fd;

	snprintf(name, sizeof(name), "producer%d", nr);
	place->dir = make_dir(AT_FDCWD, name);
	for (i = 1; i < args.depth; i++) {
		dir = make_dir(place->dir, "dir");
		close(place->dir);
		place->dir = dir;
	}
	fd = openat(place->dir, FILE_NAME, O_CREAT | O_WRONLY, 0755);
	if (fd < 0 || write(fd, content, sizeof(content) - 1) < 0)
		fail("cannot write the file: %m");
	close(fd);
}

static void mark(unsigned int flags, int dir, const char *path)
{
	if (fanotify_mark(ctx.group, FAN_MARK_ADD | flags, watched_mask(), dir,
			  path))
		fail("cannot mark %s: %m", path);
}

static void make_group(void)
{
	unsigned int flags = FAN_CLOEXEC | FAN_UNLIMITED_QUEUE |
			     FAN_UNLIMITED_MARKS;

	if (args.group == GROUP_NAME)
		flags |= FAN_REPORT_DFID_NAME;
	if (args.group == GROUP_PERM)
		flags |= FAN_CLASS_CONTENT;
	if (args.answer != LISTENER)
		flags |= FAN_NONBLOCK;
	ctx.group = fanotify_init(flags, O_RDONLY | O_CLOEXEC);
	if (ctx.group < 0)
		fail("cannot make an fanotify group: %m");
	mark(FAN_MARK_FILESYSTEM, AT_FDCWD, ".");
}

/* What the inode ignores; events about its entries are those of a directory. */
static void ignore_events(struct producer *p)
{
	mark(FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, p->watched.dir,
	     args.op->run == run_create ? "." : FILE_NAME);
}

static struct file_key key_of(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, 0))
		fail("cannot stat %s: %m", name);
	/* as the kernel keeps a dev_t */
	return (struct file_key) {
		.ino = st.st_ino,
		.dev = (__u64)major(st.st_dev) << 20 | minor(st.st_dev),
	};
}

static void add_lsm_root(const char *name)
{
	struct file_key key = key_of(AT_FDCWD, name);
	const int yes = 1;

	if (bpf_map__update_elem(ctx.skel->maps.lsm_roots, &key, sizeof(key),
				 &yes, sizeof(yes), 0))
		fail("cannot add root %s: %m", name);
}

/* Directories that are roots, and that no file is in */
static void make_roots(void)
{
	char name[32];
	int i;

	for (i = 0; i < args.roots; i++) {
		snprintf(name, sizeof(name), "root%d", i);
		close(make_dir(AT_FDCWD, name));
		if (is_lsm())
			add_lsm_root(name);
		else
			mark(0, AT_FDCWD, name);
	}
}

/* The walk has to find the root above a file, or its time tells nothing. */
static void check_lsm_subtree(void)
{
	static const char root[] = "producer0";
	struct file_key key = key_of(AT_FDCWD, root);

	add_lsm_root(root);
	if (openat(ctx.producers[0].watched.dir, FILE_NAME, O_RDONLY) >= 0 ||
	    errno != EPERM)
		fail("the LSM program does not find the root");
	if (bpf_map__delete_elem(ctx.skel->maps.lsm_roots, &key, sizeof(key),
				 0))
		fail("cannot remove the root: %m");
}

/* A verdict on the inode that the programs look at, in both caches */
static void set_verdict(struct producer *p)
{
	const char *name = args.op->run == run_create ? "." : FILE_NAME;
	const int verdict = FAN_FP_RET_SKIP_EVENT;
	struct file_key key = key_of(p->watched.dir, name);
	int fd;

	/* causes no event */
	fd = openat(p->watched.dir, name, O_PATH);
	if (fd < 0 ||
	    bpf_map__update_elem(ctx.skel->maps.inode_verdicts, &fd, sizeof(fd),
				 &verdict, sizeof(verdict), 0) ||
	    bpf_map__update_elem(ctx.skel->maps.lru_verdicts, &key, sizeof(key),
				 &verdict, sizeof(verdict), 0))
		fail("cannot set the verdict of %s: %m", name);
	close(fd);
}

/* A fast path for our group, without the member that it has no use for */
#define choose_fastpath(ops) ({						\
	ctx.skel->struct_ops.ops->group_fd = ctx.group;			\
	if (args.group == GROUP_PERM)					\
		ctx.skel->struct_ops.ops->filter = NULL;		\
	else								\
		ctx.skel->struct_ops.ops->permission = NULL;		\
	bpf_map__set_autocreate(ctx.skel->maps.ops, true);		\
	ctx.skel->maps.ops;						\
})

static struct bpf_map *fastpath_of_case(void)
{
	switch (args.answer) {
	case ANSWER:
		return choose_fastpath(answer_ops);
	case DENY:
		return choose_fastpath(deny_ops);
	case STORAGE:
		return choose_fastpath(storage_ops);
	case LRU:
		return choose_fastpath(lru_ops);
	case SUBTREE:
		return choose_fastpath(subtree_ops);
	default:
		return NULL;
	}
}

static void attach_program(void)
{
	struct bpf_program *lsm = NULL;
	struct bpf_map *map;

	setup_libbpf();
	ctx.skel = open_programs();
	ctx.skel->rodata->use_dir = args.op->run == run_create;
	map = fastpath_of_case();
	if (!map) {
		lsm = args.answer == LSM ? ctx.skel->progs.lsm_nothing :
					   ctx.skel->progs.lsm_subtree;
		bpf_program__set_autoload(lsm, true);
	}
	if (fanotify_bench__load(ctx.skel))
		fail("cannot load the program");
	if (map ? !bpf_map__attach_struct_ops(map) :
		  !bpf_program__attach_lsm(lsm))
		fail("cannot attach the program: %m");
}

static void setup_program(void)
{
	int i;

	if (is_fastpath())
		need_fastpath();
	attach_program();
	for (i = 0; i < env.producer_cnt; i++)
		set_verdict(&ctx.producers[i]);
	if (args.answer == SUBTREE || args.answer == LSM_SUBTREE)
		make_roots();
	if (args.answer == LSM_SUBTREE)
		check_lsm_subtree();
}

/* Whether reads are told is settled when the file is opened. */
static void open_file(struct place *place)
{
	place->file = openat(place->dir, FILE_NAME, O_RDONLY);
	if (place->file < 0)
		fail("cannot open the file: %m");
}

static void setup_producer(struct producer *p)
{
	p->batch_ns = calloc(args.samples, sizeof(*p->batch_ns));
	p->unwatched_ns = calloc(args.samples, sizeof(*p->unwatched_ns));
	if (!p->batch_ns || !p->unwatched_ns)
		fail("no memory");
	p->watched.denied = args.answer == DENY;
	if (args.op->run == run_read) {
		open_file(&p->watched);
		if (args.unwatched)
			open_file(&p->unwatched);
	}
}

static void setup(void)
{
	const size_t size = env.producer_cnt * sizeof(*ctx.producers);
	int i;

	/* We say when it is over, see bench_bpf_nop.c. */
	env.duration_sec = 600;
	ctx.producers = aligned_alloc(__alignof__(*ctx.producers), size);
	if (!ctx.producers)
		fail("no memory");
	memset(ctx.producers, 0, size);
	pthread_barrier_init(&ctx.start, NULL, env.producer_cnt);

	if (args.unwatched) {
		enter_filesystem();
		for (i = 0; i < env.producer_cnt; i++)
			make_file(&ctx.producers[i].unwatched, i);
	}
	enter_filesystem();
	for (i = 0; i < env.producer_cnt; i++)
		make_file(&ctx.producers[i].watched, i);
	if (args.group != GROUP_NONE)
		make_group();
	for (i = 0; args.answer == IGNORE && i < env.producer_cnt; i++)
		ignore_events(&ctx.producers[i]);
	if (is_fastpath() || is_lsm())
		setup_program();
	for (i = 0; i < env.producer_cnt; i++)
		setup_producer(&ctx.producers[i]);
}

/* The timer of bench is to interrupt neither a batch nor the listener. */
static void block_timer(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static __u64 time_batch(const struct place *place,
			void (*run)(const struct place *place))
{
	__u64 begin = get_time_ns();
	int i;

	for (i = 0; i < args.batch; i++)
		run(place);
	return get_time_ns() - begin;
}

static void *producer(void *input)
{
	struct producer *p = &ctx.producers[(long)input];
	__u64 ns;
	int i;

	block_timer();
	p->loop_ns = time_batch(&p->watched, run_nothing);
	for (i = 0; i < WARMUP_BATCHES; i++) {
		ns = time_batch(&p->watched, run_nothing);
		if (ns < p->loop_ns)
			p->loop_ns = ns;
		time_batch(&p->watched, args.op->run);
		if (args.unwatched)
			time_batch(&p->unwatched, args.op->run);
	}

	pthread_barrier_wait(&ctx.start);
	p->begin_ns = get_time_ns();
	for (i = 0; i < args.samples; i++) {
		/* What one leaves to be done is not always the other's loss. */
		if (args.unwatched && i % 2)
			p->unwatched_ns[i] = time_batch(&p->unwatched,
							args.op->run);
		p->batch_ns[i] = time_batch(&p->watched, args.op->run);
		if (args.unwatched && i % 2 == 0)
			p->unwatched_ns[i] = time_batch(&p->unwatched,
							args.op->run);
	}
	p->end_ns = get_time_ns();

	/* Nobody is to have the machine to himself while others measure. */
	__atomic_add_fetch(&ctx.finished, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&ctx.finished, __ATOMIC_RELAXED) <
	       env.producer_cnt)
		args.op->run(&p->watched);
	/* main() may not wait yet. */
	while (true) {
		bench_force_done();
		usleep(1000);
	}
	return NULL;
}

static void measure(struct bench_res *res)
{
}

static void handle_event(const struct fanotify_event_metadata *event)
{
	struct fanotify_response response = {
		.fd = event->fd,
		.response = FAN_ALLOW,
	};

	if (args.group == GROUP_PERM &&
	    write(ctx.group, &response, sizeof(response)) != sizeof(response))
		fail("cannot answer: %m");
	if (event->fd >= 0)
		close(event->fd);
	__atomic_add_fetch(&ctx.events_read, 1, __ATOMIC_RELAXED);
}

static void *listener(void *input)
{
	const struct sched_param param = { .sched_priority = 1 };
	const struct fanotify_event_metadata *event;
	char buf[4096] __aligned(8);
	ssize_t len;

	block_timer();
	/*
	 * On the CPU of the producer, a listener that runs when it is woken gets
	 * each event, where one that runs later would get many merged into one.
	 * With permission events the producer waits anyway.
	 */
	if (args.group != GROUP_PERM &&
	    sched_setscheduler(0, SCHED_FIFO, &param))
		fail("cannot make the listener run when it is woken: %m");

	while ((len = read(ctx.group, buf, sizeof(buf))) > 0) {
		event = (const void *)buf;
		for (; FAN_EVENT_OK(event, len);
		     event = FAN_EVENT_NEXT(event, len))
			handle_event(event);
	}
	fail("cannot read events: %m");
}

/* How often the fast path of the group gave an answer */
static __u64 fastpath_count(const char *name)
{
	static const char prefix[] = "fanotify-fastpath ";
	char path[64], line[512], *pos;
	__u64 count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ctx.group);
	file = fopen(path, "r");
	if (!file)
		fail("cannot open %s: %m", path);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, prefix, sizeof(prefix) - 1))
			continue;
		pos = strstr(line, name);
		if (!pos)
			fail("there is no%s in %s", name, path);
		count = strtoull(pos + strlen(name), NULL, 10);
	}
	fclose(file);
	return count;
}

/* Each event was answered by whom the case names, and nobody else. */
static void check_answers(__u64 ops)
{
	const char *counter = " skipped:";
	char buf[4096];
	int i;

	/* After a few operations it may not have run yet. */
	for (i = 0; args.answer == LISTENER && i < 10000 &&
	     !__atomic_load_n(&ctx.events_read, __ATOMIC_RELAXED); i++)
		usleep(1000);
	if (args.answer == LISTENER && i == 10000)
		fail("the listener got no event");
	if (args.answer == LISTENER || args.group == GROUP_NONE)
		return;
	if (read(ctx.group, buf, sizeof(buf)) >= 0 || errno != EAGAIN)
		fail("the listener got an event");
	if (!is_fastpath())
		return;
	if (args.group == GROUP_PERM)
		counter = args.answer == DENY ? " denied:" : " allowed:";
	if (fastpath_count(" sent:") ||
	    fastpath_count(counter) < ops * args.op->events)
		fail("the fast path did not decide all events");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Where the listener runs, as seen from the producer */
static const char *listener_cpu(void)
{
	if (args.answer != LISTENER)
		return "none";
	if (!env.cons_cpus.cpus || !env.prod_cpus.cpus)
		return "any";
	return env.cons_cpus.next_cpu == env.prod_cpus.next_cpu ? "same" :
								  "other";
}

/* Nanoseconds of an operation: the batches of all producers, sorted */
static double *batches(bool unwatched)
{
	const int count = env.producer_cnt * args.samples;
	const struct producer *p;
	const __u64 *batch;
	int i, j, n = 0;
	double *ns;

	ns = calloc(count, sizeof(*ns));
	if (!ns)
		fail("no memory");
	for (i = 0; i < env.producer_cnt; i++) {
		p = &ctx.producers[i];
		batch = unwatched ? p->unwatched_ns : p->batch_ns;
		for (j = 0; j < args.samples; j++)
			ns[n++] = ((double)batch[j] - p->loop_ns) / args.batch;
	}
	qsort(ns, count, sizeof(*ns), compare);
	return ns;
}

static void report_final(struct bench_res res[], int res_cnt)
{
	const __u64 ops = (__u64)args.samples * args.batch;
	const int count = env.producer_cnt * args.samples;
	double *ns, *unwatched = NULL, median, low, high, ops_per_us = 0;
	const struct producer *p;
	int i;

	check_answers(ops * env.producer_cnt);
	for (i = 0; i < env.producer_cnt; i++) {
		p = &ctx.producers[i];
		ops_per_us += ops * 1000.0 / (p->end_ns - p->begin_ns);
	}
	ns = batches(false);
	median = ns[count / 2];
	low = ns[count / 10];
	high = ns[count - 1 - count / 10];

	if (args.unwatched)
		unwatched = batches(true);
	if (!args.machine_readable && args.unwatched) {
		printf("Summary: %s, group %s, case %s: %.1f ns/op (%.1f to %.1f), unwatched %.1f ns/op\n",
		       args.op->name, group_names[args.group],
		       case_names[args.answer], median, low, high,
		       unwatched[count / 2]);
		goto out;
	}
	if (!args.machine_readable) {
		printf("Summary: %s, group %s, case %s: %.1f ns/op (%.1f to %.1f), %.3f M ops/s\n",
		       args.op->name, group_names[args.group],
		       case_names[args.answer], median, low, high, ops_per_us);
		goto out;
	}
	printf("RESULT op=%s group=%s case=%s depth=%d roots=%d producers=%d listener=%s batch=%d samples=%d median=%.1f min=%.1f p10=%.1f p90=%.1f",
	       args.op->name, group_names[args.group], case_names[args.answer],
	       args.depth, args.roots, env.producer_cnt, listener_cpu(),
	       args.batch, args.samples, median, ns[0], low, high);
	if (args.unwatched) {
		/* Of the time from begin to end, only a part was the watched. */
		printf(" unwatched_median=%.1f unwatched_min=%.1f",
		       unwatched[count / 2], unwatched[0]);
	} else {
		printf(" ops_per_us=%.4f", ops_per_us);
	}
	printf(" events_read=%llu\n", ctx.events_read);
out:
	free(unwatched);
	free(ns);
}

const struct bench bench_fanotify = {
	.name = "fanotify",
	.argp = &bench_fanotify_argp,
	.validate = validate,
	.setup = setup,
	.producer_thread = producer,
	.consumer_thread = listener,
	.measure = measure,
	.report_final = report_final,
};
