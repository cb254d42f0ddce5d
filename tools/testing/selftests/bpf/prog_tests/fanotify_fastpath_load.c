// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: openers that go on while the program, the mark or the
 * group changes under them.
 *
 * Two files are opened in a loop while programs are updated, attached,
 * detached, lose their mark or their group. "first" and "second" deny "d",
 * each with its own errno, and allow "a"; the listener denies both. What an
 * open may get depends on the phase that it began and ended in.
 */
#include <pthread.h>

#include "fanotify_fastpath_load.h"
#include "fanotify_fastpath_opener.h"
#include "fanotify_fastpath_tracepoint.skel.h"

enum load_phase {
	LOAD_PROGRAM,
	LOAD_LISTENER,
	LOAD_NOBODY,
	/* From one of those above to another */
	LOAD_PROGRAM_OR_LISTENER,
	LOAD_PROGRAM_OR_NOBODY,
	LOAD_PHASES
};

enum load_result {
	LOAD_OPENED,
	LOAD_ASKED,
	LOAD_FIRST,
	LOAD_SECOND,
	LOAD_OTHER,
	LOAD_RESULTS
};

enum load_file {
	LOAD_DENIED,
	LOAD_ALLOWED,
	LOAD_FILES
};

static const char *const load_files[] = { "d", "a" };

static const char *const load_phases[] = {
	"program decides", "listener decides", "nobody decides",
	"program or listener decides", "program or nobody decides",
};

static const char *const load_results[] = {
	"opened", "denied by listener", "denied by first", "denied by second",
	"other errors",
};

enum { LOAD_BOTH = 1U << LOAD_FIRST | 1U << LOAD_SECOND };

static const unsigned int load_expected[LOAD_PHASES][LOAD_FILES] = {
	[LOAD_PROGRAM] = { LOAD_BOTH, 1U << LOAD_OPENED },
	[LOAD_LISTENER] = { 1U << LOAD_ASKED, 1U << LOAD_ASKED },
	[LOAD_NOBODY] = { 1U << LOAD_OPENED, 1U << LOAD_OPENED },
	[LOAD_PROGRAM_OR_LISTENER] = { LOAD_BOTH | 1U << LOAD_ASKED,
				       1U << LOAD_OPENED | 1U << LOAD_ASKED },
	[LOAD_PROGRAM_OR_NOBODY] = { LOAD_BOTH | 1U << LOAD_OPENED,
				     1U << LOAD_OPENED },
};

/*
 * A failed wait for what the openers do is followed by one for their end: both
 * are to be over before the watchdog kills.
 */
#define LOAD_WAIT_MS	(3 * FP_TIMEOUT_MS)

struct load {
	pthread_t threads[FP_OPENERS];
	int nr_threads;
	bool stop;
	/* Phase of an open in which the phase was changed */
	enum load_phase changing;
	/* What is now, and how often that was changed, times LOAD_PHASES */
	unsigned int phase;
	int opens[LOAD_PHASES][LOAD_FILES][LOAD_RESULTS];
};

static enum load_result load_result(int err)
{
	switch (err) {
	case 0:
		return LOAD_OPENED;
	case EPERM:
		return LOAD_ASKED;
	case EBUSY:
		return LOAD_FIRST;
	case ETXTBSY:
		return LOAD_SECOND;
	default:
		return LOAD_OTHER;
	}
}

/* Each opens one file and then the other, so that none can be left out. */
static void *load_open(void *arg)
{
	struct load *load = arg;
	enum load_result result;
	unsigned int before, i;
	enum load_phase phase;

	for (i = 0; !__atomic_load_n(&load->stop, __ATOMIC_RELAXED);
	     i = (i + 1) % LOAD_FILES) {
		before = __atomic_load_n(&load->phase, __ATOMIC_SEQ_CST);
		result = load_result(fp_do_open(load_files[i]));
		phase = before % LOAD_PHASES;
		if (__atomic_load_n(&load->phase, __ATOMIC_SEQ_CST) != before)
			phase = load->changing;
		__atomic_fetch_add(&load->opens[phase][i][result], 1,
				   __ATOMIC_RELEASE);
	}
	return NULL;
}

static void set_phase(struct load *load, enum load_phase phase)
{
	unsigned int changes = load->phase / LOAD_PHASES + 1;

	__atomic_store_n(&load->phase, changes * LOAD_PHASES + phase,
			 __ATOMIC_SEQ_CST);
}

static bool start_load(struct load *load)
{
	for (; load->nr_threads < FP_OPENERS; load->nr_threads++)
		if (!ASSERT_OK(pthread_create(&load->threads[load->nr_threads],
					      NULL, load_open, load),
			       "pthread_create"))
			return false;
	return true;
}

/*
 * Wait until "d" was opened, in this phase and with this result, so often that
 * one thread did so twice, and opened "a" in between.
 */
static bool wait_load(struct load *load, enum load_phase phase,
		      enum load_result result)
{
	const int *opens = &load->opens[phase][LOAD_DENIED][result];
	__u64 deadline = get_time_ns() + LOAD_WAIT_MS * 1000000ULL;
	int until;

	until = __atomic_load_n(opens, __ATOMIC_ACQUIRE) + 2 * FP_OPENERS;
	while (__atomic_load_n(opens, __ATOMIC_ACQUIRE) < until) {
		if (get_time_ns() > deadline) {
			printf("while %s: %s\n", load_phases[phase],
			       load_results[result]);
			return ASSERT_TRUE(false, "openers go on");
		}
		usleep(100);
	}
	return true;
}

static int sum_opens(const struct load *load, enum load_file file,
		     enum load_result result)
{
	int phase, sum = 0;

	for (phase = 0; phase < LOAD_PHASES; phase++)
		sum += load->opens[phase][file][result];
	return sum;
}

static void expect_opens(const struct load *load)
{
	int phase, file, result;

	for (phase = 0; phase < LOAD_PHASES; phase++)
		for (file = 0; file < LOAD_FILES; file++)
			for (result = 0; result < LOAD_RESULTS; result++)
				if (!(load_expected[phase][file] &
				      1U << result) &&
				    !ASSERT_EQ(load->opens[phase][file][result],
					       0, load_results[result]))
					printf("%s while %s\n",
					       load_files[file],
					       load_phases[phase]);
}

/* Whatever waits, nobody waits for ever. */
static void stop_load(struct fp_fixture *f, struct load *load)
{
	struct timespec deadline;
	int i;

	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += LOAD_WAIT_MS / 1000;
	for (i = 0; i < load->nr_threads; i++)
		fp_join_opener(f, load->threads[i], &deadline);
	expect_opens(load);
}

typedef void (*load_fn)(struct fp_fixture *f,
			struct fanotify_fastpath_permission *skel,
			struct load *load);

/*
 * Call @fn while the files are opened, with "first" attached, and a listener
 * that denies what it is asked about.
 */
static void run_load(struct fp_fixture *f, load_fn fn)
{
	struct fp_listener listener = {
		.fan_fd = f->fan_fd, .stop_fd = -1, .response = FAN_DENY,
	};
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	int allowed, denied, asked;
	struct load load = {};
	char expected[64];

	if (!skel || !fp_make_files("d a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.first_ops))
		goto out;
	skel->bss->answered_ino = fp_ino_of("d");

	if (!fp_start_listener(&listener))
		goto out;
	if (start_load(&load))
		fn(f, skel, &load);
	stop_load(f, &load);
	fp_stop_listener(&listener);
	if (f->fan_fd < 0)
		goto out;

	/* Each open was decided once, by who says so. */
	allowed = skel->bss->allowed_by[0] + skel->bss->allowed_by[1];
	denied = sum_opens(&load, LOAD_DENIED, LOAD_FIRST) +
		 sum_opens(&load, LOAD_DENIED, LOAD_SECOND);
	asked = sum_opens(&load, LOAD_DENIED, LOAD_ASKED) +
		sum_opens(&load, LOAD_ALLOWED, LOAD_ASKED);
	printf("allowed %d denied %d asked %d\n", allowed, denied, asked);
	ASSERT_EQ(listener.read, asked, "events");
	ASSERT_EQ(listener.accepted, asked, "answers");
	ASSERT_STREQ(fp_read_events(f), "", "no more events");
	/* The program has counted for as long as it is attached. */
	if (load.changing != LOAD_PROGRAM_OR_LISTENER) {
		snprintf(expected, sizeof(expected), " allowed:%d denied:%d ",
			 allowed, denied);
		ASSERT_HAS_SUBSTR(fp_read_counters(f), expected, "counters");
	}
	fp_unmount_fs(f);
out:
	fp_unload_permission(f, skel);
}

#define LOAD_UPDATES	160

/*
 * Some of them one after the other, some when the program has surely answered
 */
static void update_load(struct fp_fixture *f,
			struct fanotify_fastpath_permission *skel,
			struct load *load)
{
	int i;

	for (i = 0; i < LOAD_UPDATES; i++) {
		if (!ASSERT_OK(bpf_link__update_map(f->link, i % 2 ?
						    skel->maps.first_ops :
						    skel->maps.second_ops),
			       "update"))
			return;
		if (i % 16 < 2 &&
		    !wait_load(load, LOAD_PROGRAM,
			       i % 2 ? LOAD_FIRST : LOAD_SECOND))
			return;
	}
	ASSERT_GT(skel->bss->allowed_by[0], 0, "allowed by first");
	ASSERT_GT(skel->bss->allowed_by[1], 0, "allowed by second");
	ASSERT_EQ(sum_opens(load, LOAD_DENIED, LOAD_ASKED), 0, "never asked");
}

/* An event sees the old or the new program, and never none. */
void fp_update_under_load(struct fp_fixture *f)
{
	run_load(f, update_load);
}

#define LOAD_ROUNDS	20

/* By turns closed and detached; "d" is denied by whoever decides. */
static void attach_load(struct fp_fixture *f,
			struct fanotify_fastpath_permission *skel,
			struct load *load)
{
	int i;

	load->changing = LOAD_PROGRAM_OR_LISTENER;
	for (i = 0; i < LOAD_ROUNDS; i++) {
		if (!wait_load(load, LOAD_PROGRAM,
			       i % 2 ? LOAD_SECOND : LOAD_FIRST))
			return;
		set_phase(load, LOAD_PROGRAM_OR_LISTENER);
		if (i % 2 && !ASSERT_OK(bpf_link__detach(f->link), "detach"))
			return;
		fp_detach(f);
		set_phase(load, LOAD_LISTENER);
		if (!wait_load(load, LOAD_LISTENER, LOAD_ASKED))
			return;
		set_phase(load, LOAD_PROGRAM_OR_LISTENER);
		if (!fp_attach(f, i % 2 ? skel->maps.first_ops :
				       skel->maps.second_ops))
			return;
		set_phase(load, LOAD_PROGRAM);
	}
}

void fp_attach_under_load(struct fp_fixture *f)
{
	run_load(f, attach_load);
}

/* Without its mark, the group has no say; with it, the program decides all. */
static void mark_load(struct fp_fixture *f,
		      struct fanotify_fastpath_permission *skel,
		      struct load *load)
{
	int i;

	load->changing = LOAD_PROGRAM_OR_NOBODY;
	for (i = 0; i < LOAD_ROUNDS; i++) {
		if (!wait_load(load, LOAD_PROGRAM, LOAD_FIRST))
			return;
		set_phase(load, LOAD_PROGRAM_OR_NOBODY);
		if (!fp_mark(f, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM,
			     FAN_OPEN_PERM, "."))
			return;
		set_phase(load, LOAD_NOBODY);
		if (!wait_load(load, LOAD_NOBODY, LOAD_OPENED))
			return;
		set_phase(load, LOAD_PROGRAM_OR_NOBODY);
		if (!fp_mark_fs(f, FAN_OPEN_PERM))
			return;
		set_phase(load, LOAD_PROGRAM);
	}
}

void fp_mark_under_load(struct fp_fixture *f)
{
	run_load(f, mark_load);
}

#define LOAD_TRACES	3

/* Loaded anew each time: it can be attached to another program once. */
static struct fanotify_fastpath_tracepoint *
trace_first(struct fanotify_fastpath_permission *skel)
{
	const int fd = bpf_program__fd(skel->progs.first_permission);
	struct fanotify_fastpath_tracepoint *trace;

	trace = fanotify_fastpath_tracepoint__open();
	if (!ASSERT_OK_PTR(trace, "open skeleton"))
		return NULL;
	bpf_program__set_autoload(trace->progs.trace_decision, false);
	bpf_program__set_autoload(trace->progs.trace_program, true);
	if (ASSERT_OK(bpf_program__set_attach_target(trace->progs.trace_program,
						     fd, "first_permission"),
		      "attach target") &&
	    ASSERT_OK(fanotify_fastpath_tracepoint__load(trace), "load") &&
	    ASSERT_OK(fanotify_fastpath_tracepoint__attach(trace), "attach"))
		return trace;
	fanotify_fastpath_tracepoint__destroy(trace);
	return NULL;
}

/*
 * A tracing program comes to the one that is called, and goes: no answer
 * changes.
 */
static void trace_load(struct fp_fixture *f,
		       struct fanotify_fastpath_permission *skel,
		       struct load *load)
{
	struct fanotify_fastpath_tracepoint *trace;
	bool ok = true;
	int i;

	for (i = 0; ok && i < LOAD_TRACES; i++) {
		trace = trace_first(skel);
		if (!trace)
			return;
		ok = wait_load(load, LOAD_PROGRAM, LOAD_FIRST);
		ASSERT_GT(trace->bss->returned, 0, "traced");
		fanotify_fastpath_tracepoint__destroy(trace);
		ok = ok && wait_load(load, LOAD_PROGRAM, LOAD_FIRST);
	}
}

static void test_trace(struct fp_fixture *f)
{
	run_load(f, trace_load);
}

static bool close_round(struct fp_fixture *f,
			struct fanotify_fastpath_permission *skel)
{
	struct load load = {
		.changing = LOAD_PROGRAM_OR_NOBODY, .phase = LOAD_NOBODY,
	};
	bool ok = false;

	/* Nobody may have to ask the listener, as that does not read. */
	if (!fp_attach(f, skel->maps.first_ops) || !start_load(&load))
		goto out;
	set_phase(&load, LOAD_PROGRAM_OR_NOBODY);
	if (!fp_mark_fs(f, FAN_OPEN_PERM))
		goto out;
	set_phase(&load, LOAD_PROGRAM);
	if (!wait_load(&load, LOAD_PROGRAM, LOAD_FIRST))
		goto out;
	ASSERT_STREQ(fp_read_events(f), "", "never asked");
	set_phase(&load, LOAD_PROGRAM_OR_NOBODY);
	close(f->fan_fd);
	f->fan_fd = -1;
	set_phase(&load, LOAD_NOBODY);
	ok = wait_load(&load, LOAD_NOBODY, LOAD_OPENED);
out:
	stop_load(f, &load);
	fp_detach(f);
	return ok;
}

#define LOAD_CLOSES	10

/* What began and ended before the group was closed was denied. */
void fp_close_under_load(struct fp_fixture *f, unsigned int flags)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	int fan_fd = f->fan_fd;
	int i;

	if (!skel || !fp_make_files("d a"))
		goto out;
	skel->bss->answered_ino = fp_ino_of("d");
	for (i = 0; i < LOAD_CLOSES; i++) {
		if (!close_round(f, skel))
			goto out;
		f->fan_fd = fp_new_group(flags);
		if (!ASSERT_EQ(f->fan_fd, fan_fd, "same number"))
			goto out;
	}
	fp_unmount_fs(f);
out:
	fp_unload_permission(f, skel);
}

static void test_close(struct fp_fixture *f)
{
	fp_close_under_load(f, FAN_CLASS_CONTENT);
}

struct busy_opener {
	pthread_t thread;
	bool stop;
	int denied;
	int other;
};

/* Open the file until that is allowed, or has failed for too long. */
static void *busy_open(void *arg)
{
	struct busy_opener *opener = arg;
	int ret;

	while ((ret = fp_do_open("a")) &&
	       !__atomic_load_n(&opener->stop, __ATOMIC_RELAXED)) {
		if (ret == EBUSY)
			opener->denied++;
		else
			opener->other++;
	}
	return NULL;
}

/* False if an opener may still be there */
static bool check_busy_close(struct fp_fixture *f,
			     struct fanotify_fastpath_permission *skel)
{
	/* One that hangs is never joined, and must not lose what it uses. */
	static struct busy_opener openers[FP_OPENERS];
	struct timespec deadline;
	__u64 asked, until;
	bool ended = true;
	int i, nr = 0;

	memset(openers, 0, sizeof(openers));
	asked = skel->bss->asked;
	for (; nr < FP_OPENERS; nr++)
		if (!ASSERT_OK(pthread_create(&openers[nr].thread, NULL,
					      busy_open, &openers[nr]),
			       "pthread_create"))
			break;
	until = get_time_ns() + FP_TIMEOUT_MS * 1000000ULL;
	while (skel->bss->asked < asked + FP_OPENERS &&
	       get_time_ns() < until)
		usleep(100);
	ASSERT_GE(skel->bss->asked, asked + FP_OPENERS, "all are busy");

	close(f->fan_fd);
	f->fan_fd = -1;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += FP_TIMEOUT_MS / 1000;
	for (i = 0; i < nr; i++) {
		/* Denied at most until now */
		if (!ASSERT_OK(pthread_timedjoin_np(openers[i].thread, NULL,
						    &deadline), "allowed")) {
			__atomic_store_n(&openers[i].stop, true,
					 __ATOMIC_RELAXED);
			skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
			ended = false;
		}
		ASSERT_EQ(openers[i].other, 0, "other errors");
	}
	return ended;
}

#define BUSY_CLOSES	10

/* The listener goes while its program denies, or asks, what goes on. */
static void test_busy_close(struct fp_fixture *f)
{
	static const int answers[] = {
		-EBUSY, FAN_FP_RET_SEND_TO_USERSPACE,
	};
	struct fanotify_fastpath_permission *skel;
	bool ended;
	int i;

	if (!fp_make_files("a"))
		return;
	for (i = 0; i < BUSY_CLOSES; i++) {
		skel = fp_load_permission(f);
		if (!skel || !fp_mark_fs(f, FAN_OPEN_PERM) ||
		    !fp_attach(f, skel->maps.answer_ops)) {
			fp_unload_permission(f, skel);
			return;
		}
		skel->bss->answer = answers[i % 2];
		ended = check_busy_close(f, skel);
		ASSERT_OK(fp_run(fp_do_open, "a"), "without a group");
		fp_unload_permission(f, skel);
		if (!ended)
			return;
		f->fan_fd = fp_new_group(FAN_CLASS_CONTENT);
		if (!ASSERT_OK_FD(f->fan_fd, "fanotify_init"))
			return;
	}
	fp_unmount_fs(f);
}

static const struct fp_subtest subtests[] = {
	{ "update", fp_update_under_load, "tmpfs", FAN_CLASS_CONTENT },
	{ "attach", fp_attach_under_load, "tmpfs", FAN_CLASS_CONTENT },
	{ "mark", fp_mark_under_load, "tmpfs", FAN_CLASS_CONTENT },
	{ "close", test_close, "tmpfs", FAN_CLASS_CONTENT },
	{ "trace", test_trace, "tmpfs", FAN_CLASS_CONTENT },
	{ "busy_close", test_busy_close, "tmpfs", FAN_CLASS_CONTENT },
};

/* Serial: the openers are to have the processors for themselves. */
void serial_test_fanotify_fastpath_load(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
