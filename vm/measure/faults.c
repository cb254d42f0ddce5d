// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation of attaching, updating, closing and of an event is made to fail,
 * one after the other (fail-nth, Documentation/fault-injection), for both kinds of
 * program. usage: fanfp-faults
 *
 * - attach fails with ENOMEM and leaves a plain group, or succeeds;
 * - update fails and leaves the old program in charge, or succeeds;
 * - a group that is closed leaves nothing attached, and its link hangs up;
 * - an open inside is delivered, told by an overflow, or has failed itself; an open
 *   outside is not delivered;
 * - nobody is let in but by the program, or by the listener that was asked; what
 *   either has denied stays denied if the record for audit is lost.
 *
 * Attaching is also done when there is no more memory for the counters, which are
 * per CPU and no allocation of their own, and when all slab allocations fail; and
 * attaching and updating themselves are made to fail (fail_function).
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/netlink.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "stress/stress.h"
#include "stress/stress.skel.h"

/* <linux/bpf.h>; older ones lack it */
#define BPF_STRUCT_OPS	44

/* No operation has that many allocations. */
#define NTH_MAX	400

/* The function that allocates an event */
#define QUEUE	"fanotify_queue_event"

/* Milliseconds after which whatever has not happened never will */
#define PATIENCE	120000

static struct stress_bpf *skel;
static int fan_fd, nth_fd, all_fd;
static int faults, failures;

static struct program {
	struct bpf_map *map;
	unsigned long long *calls;
} programs[5];

#define PROGRAMS	(sizeof(programs) / sizeof(programs[0]))

/* Who opens cannot answer itself, and only the opener's allocations fail. */
static struct {
	pthread_t thread;
	bool running, stop;
	unsigned int answer;
	int asked;
} listener;

static void get_knob(const char *where, const char *knob, char *value, int size)
{
	char path[128];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", where, knob);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, value, size - 1);
	if (len < 0)
		err(1, "%s", path);
	value[len] = '\0';
	close(fd);
}

static void set_knob(const char *where, const char *knob, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", where, knob);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		err(1, "%s", path);
	close(fd);
}

/* The nth allocation from now on fails. */
static void arm(int nth)
{
	char text[16];

	if (nth > NTH_MAX)
		errx(1, "%d allocations have failed, and there are more", NTH_MAX);
	snprintf(text, sizeof(text), "%d", nth);
	if (pwrite(nth_fd, text, strlen(text), 0) < 0)
		err(1, "fail-nth");
}

/* Returns whether it has failed meanwhile. */
static bool disarm(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0 ||
	    pwrite(nth_fd, "0", 1, 0) < 0)
		err(1, "fail-nth");
	if (atoi(text))
		return false;
	faults++;
	return true;
}

static void wrong(const char *what, int nth, int error)
{
	printf("# %s, allocation %d: %s\n", what, nth, strerror(error));
	failures++;
}

/* A test has shown nothing if less than @least of what it does has failed. */
static void result(const char *name, int least)
{
	static int faults_before, failures_before;
	int nr = faults - faults_before;

	if (nr < least) {
		printf("# %d faults, and there should be %d\n", nr, least);
		failures++;
	}
	printf("%s %s # %d faults\n",
	       failures > failures_before ? "not ok" : "ok", name, nr);
	faults_before = faults;
	failures_before = failures;
}

struct shown {
	char name[32];
	unsigned long long sent, skipped, allowed, denied, expired;
};

/* Returns whether the group has a program. */
static bool read_fdinfo(struct shown *s)
{
	char path[64], line[512];
	bool found = false;
	FILE *file;

	memset(s, 0, sizeof(*s));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fan_fd);
	file = fopen(path, "re");
	if (!file)
		err(1, "%s", path);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line,
			       "fanotify-fastpath name:%31s link_id:%*u seen:%*u sent:%llu skipped:%llu invalid:%*u allowed:%llu denied:%llu expired:%llu",
			       s->name, &s->sent, &s->skipped, &s->allowed,
			       &s->denied, &s->expired) == 6;
	fclose(file);
	return found;
}

static bool attached(void)
{
	struct shown s;

	return read_fdinfo(&s);
}

static int link_create(struct bpf_map *map)
{
	return bpf_link_create(bpf_map__fd(map), 0,
			       (enum bpf_attach_type)BPF_STRUCT_OPS, NULL);
}

static int attach(struct bpf_map *map)
{
	int link = link_create(map);

	if (link < 0)
		errx(1, "attach: %s", strerror(-link));
	return link;
}

static void *answer_all(void *arg)
{
	struct pollfd pfd = { .fd = fan_fd, .events = POLLIN };
	struct fanotify_event_metadata meta;
	struct fanotify_response response;

	while (!__atomic_load_n(&listener.stop, __ATOMIC_SEQ_CST)) {
		if (poll(&pfd, 1, 50) != 1)
			continue;
		if (read(fan_fd, &meta, sizeof(meta)) != sizeof(meta) ||
		    meta.fd < 0)
			err(1, "the listener cannot read");
		__atomic_fetch_add(&listener.asked, 1, __ATOMIC_SEQ_CST);
		response.fd = meta.fd;
		response.response = listener.answer;
		if (write(fan_fd, &response, sizeof(response)) < 0)
			err(1, "the listener cannot answer");
		close(meta.fd);
	}
	return NULL;
}

static void start_listener(void)
{
	listener.stop = false;
	listener.running = true;
	listener.answer = FAN_ALLOW;
	if (pthread_create(&listener.thread, NULL, answer_all, NULL))
		errx(1, "no thread");
}

static void stop_listener(void)
{
	__atomic_store_n(&listener.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(listener.thread, NULL);
	listener.running = false;
}

static int asked(void)
{
	return __atomic_load_n(&listener.asked, __ATOMIC_SEQ_CST);
}

/* Counts what is delivered; returns true if the queue overflowed. */
static bool drain(int *opens)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *meta;
	bool overflow = false;
	ssize_t len;

	*opens = 0;
	while ((len = read(fan_fd, buf, sizeof(buf))) > 0) {
		meta = (const void *)buf;
		for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len)) {
			overflow |= !!(meta->mask & FAN_Q_OVERFLOW);
			*opens += !(meta->mask & FAN_Q_OVERFLOW);
			if (meta->fd >= 0)
				close(meta->fd);
		}
	}
	return overflow;
}

/*
 * An open that every program decides is seen by @map's alone, or by the listener
 * alone if @map is NULL.
 */
static void expect_in_charge(const char *what, int nth, struct bpf_map *map)
{
	unsigned long long before[PROGRAMS];
	int fd, told = asked();
	unsigned int i;

	for (i = 0; i < PROGRAMS; i++)
		before[i] = *programs[i].calls;
	fd = open("out/a", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "out/a");
	close(fd);
	if (listener.running)
		told = asked() - told;
	else
		drain(&told);
	if (told != !map) {
		printf("# %s, allocation %d: the listener got %d events\n",
		       what, nth, told);
		failures++;
	}
	for (i = 0; i < PROGRAMS; i++) {
		unsigned int due = programs[i].map == map;

		if (*programs[i].calls - before[i] != due) {
			printf("# %s, allocation %d: %s was called %llu times\n",
			       what, nth, bpf_map__name(programs[i].map),
			       *programs[i].calls - before[i]);
			failures++;
		}
	}
	if (attached() != !!map)
		wrong(map ? "nobody is shown" : "somebody is shown", nth, 0);
}

/*
 * A map that was attached, or whose attaching has failed, can be attached again,
 * as libbpf does it: its value is handed in first.
 */
static void test_attach(const char *name, struct bpf_map *map)
{
	bool failed = true;
	int nth, link;

	for (nth = 1; failed; nth++) {
		arm(nth);
		link = link_create(map);
		failed = disarm();
		if (link >= 0) {
			expect_in_charge("attached", nth, map);
			close(link);
		} else if (!failed || link != -ENOMEM) {
			wrong("attach", nth, -link);
		}
		expect_in_charge("not attached", nth, NULL);
	}
	result(name, 1);
}

/* That takes no memory. */
static void test_update(const char *name, struct bpf_map *from,
			struct bpf_map *to)
{
	bool failed = true;
	int nth, link, ret;

	for (nth = 1; failed; nth++) {
		link = attach(from);
		arm(nth);
		ret = bpf_link_update(link, bpf_map__fd(to), NULL);
		failed = disarm();
		if (ret && (!failed || ret != -ENOMEM))
			wrong("update", nth, -ret);
		expect_in_charge("update", nth, ret ? from : to);
		close(link);
	}
	result(name, 0);
}

static const struct {
	const char *name, *value;
} function_knobs[] = {
	{ "probability", "100" },
	{ "times", "1" },
	{ "task-filter", "Y" },
	{ "verbose", "0" },
};

#define FUNCTION_KNOBS	(sizeof(function_knobs) / sizeof(function_knobs[0]))

static char function_saved[FUNCTION_KNOBS][32];

static void make_it_fail(bool fails)
{
	if (pwrite(all_fd, fails ? "1" : "0", 1, 0) != 1)
		err(1, "make-it-fail");
}

/* @function is not entered the next time, but returns -@error. */
static void inject(const char *function, int error)
{
	char dir[64], value[32];
	unsigned int i;

	set_knob("fail_function", "inject", function);
	snprintf(dir, sizeof(dir), "fail_function/%s", function);
	snprintf(value, sizeof(value), "0x%llx", -(unsigned long long)error);
	set_knob(dir, "retval", value);
	for (i = 0; i < FUNCTION_KNOBS; i++) {
		get_knob("fail_function", function_knobs[i].name,
			 function_saved[i], sizeof(function_saved[i]));
		set_knob("fail_function", function_knobs[i].name,
			 function_knobs[i].value);
	}
	make_it_fail(true);
}

static void end_injection(const char *function)
{
	char text[64], times[32];
	unsigned int i;

	make_it_fail(false);
	get_knob("fail_function", "times", times, sizeof(times));
	if (atoi(times))
		wrong("nothing was made to fail", 0, 0);
	else
		faults++;
	for (i = 0; i < FUNCTION_KNOBS; i++)
		set_knob("fail_function", function_knobs[i].name,
			 function_saved[i]);
	snprintf(text, sizeof(text), "!%s", function);
	set_knob("fail_function", "inject", text);
}

static bool can_inject(const char *name, const char *function)
{
	static const char path[] = "/sys/kernel/debug/error_injection/list";
	char line[256], symbol[256];
	bool found = false;
	FILE *file;

	if (access("/sys/kernel/debug/fail_function", F_OK)) {
		printf("skip %s # the kernel was built without CONFIG_FAIL_FUNCTION\n",
		       name);
		return false;
	}
	file = fopen(path, "re");
	if (!file)
		err(1, "%s", path);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%255s ERRNO", symbol) == 1 &&
			!strcmp(symbol, function);
	fclose(file);
	if (!found) {
		printf("# %s() is not in %s\n", function, path);
		failures++;
		result(name, 1);
	}
	return found;
}

static void test_attach_error(const char *name, struct bpf_map *map)
{
	static const char function[] = "fanotify_fastpath_reg";
	int link;

	if (!can_inject(name, function))
		return;
	inject(function, EIO);
	link = link_create(map);
	end_injection(function);
	if (link != -EIO)
		wrong("attach with an error", 0, link < 0 ? -link : 0);
	expect_in_charge("attach with an error", 0, NULL);
	if (link >= 0)
		close(link);

	link = attach(map);
	expect_in_charge("attach after the error", 0, map);
	close(link);
	expect_in_charge("detached", 0, NULL);
	result(name, 1);
}

/* Each program answers one open, and the counters stay whoever it is. */
static void expect_shown(const char *program, unsigned long long opens)
{
	struct shown s;

	read_fdinfo(&s);
	if (strcmp(s.name, program) || s.skipped + s.allowed != opens) {
		printf("# %s is shown with %llu skipped, %llu allowed; it should be %s with %llu\n",
		       s.name, s.skipped, s.allowed, program, opens);
		failures++;
	}
}

static void test_update_error(const char *name,
			      struct bpf_map *from, const char *from_name,
			      struct bpf_map *to, const char *to_name)
{
	static const char function[] = "fanotify_fastpath_update";
	int link, ret;

	if (!can_inject(name, function))
		return;
	link = attach(from);
	expect_in_charge("attached", 0, from);
	inject(function, EIO);
	ret = bpf_link_update(link, bpf_map__fd(to), NULL);
	end_injection(function);
	if (ret != -EIO)
		wrong("update with an error", 0, -ret);
	expect_in_charge("update with an error", 0, from);
	expect_shown(from_name, 2);

	ret = bpf_link_update(link, bpf_map__fd(to), NULL);
	if (ret)
		wrong("update after the error", 0, -ret);
	expect_in_charge("update after the error", 0, to);
	expect_shown(to_name, 3);
	close(link);
	expect_in_charge("detached", 0, NULL);
	result(name, 1);
}

/* Where the code of a function begins and the next one does */
static bool find_function(const char *name, unsigned long long *start,
			  unsigned long long *end)
{
	unsigned long long address;
	char line[512], symbol[256];
	FILE *file;
	int pass;

	*start = 0;
	*end = ~0ULL;
	for (pass = 0; pass < 2; pass++) {
		file = fopen("/proc/kallsyms", "re");
		if (!file)
			err(1, "kallsyms");
		while (fgets(line, sizeof(line), file)) {
			if (sscanf(line, "%llx %*c %255s", &address,
				   symbol) != 2)
				continue;
			if (!pass && !strcmp(symbol, name))
				*start = address;
			if (pass && address > *start && address < *end)
				*end = address;
		}
		fclose(file);
	}
	return *start;
}

static const char *const points[] = { "failslab", "fail_page_alloc" };

/* Only what is allocated below @function counts and fails, or all if it is NULL. */
static void only_below(const char *function)
{
	unsigned long long start = 0, end = ~0ULL;
	char text[32];
	int i;

	if (function && !find_function(function, &start, &end))
		errx(1, "the kernel has no %s()", function);
	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "0x%llx", start);
		set_knob(points[i], "require-start", text);
		snprintf(text, sizeof(text), "0x%llx", end);
		set_knob(points[i], "require-end", text);
		set_knob(points[i], "stacktrace-depth", "32");
	}
}

/* Memory per CPU comes in chunks, to which pages are added as they fill. */
static void fail_percpu(bool fails)
{
	only_below(fails ? "pcpu_populate_chunk" : NULL);
	set_knob("fail_page_alloc", "times", fails ? "-1" : "1");
	set_knob("fail_page_alloc", "probability", fails ? "100" : "0");
}

#define FILLERS_MAX	20000

/* Maps whose values are in that memory, until there is none left of @size. */
static int fill_percpu(int *fillers, int nr, int size)
{
	int fd;

	while (nr < FILLERS_MAX) {
		fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "filler", 4,
				    size, 1, NULL);
		if (fd == -ENOMEM)
			return nr;
		if (fd < 0)
			errx(1, "filler: %s", strerror(-fd));
		fillers[nr++] = fd;
	}
	errx(1, "the memory per CPU does not end");
}

static void test_percpu(struct bpf_map *map)
{
	static const int sizes[] = { 32768, 4096, 512, 64, 48 };
	static int fillers[FILLERS_MAX];
	int nr = 0, link, tries = 0;
	unsigned int i;

	fail_percpu(true);
	do {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			nr = fill_percpu(fillers, nr, sizes[i]);
		/* Others may have freed some meanwhile. */
		link = link_create(map);
		if (link >= 0)
			close(link);
	} while (link >= 0 && ++tries < 10);
	if (link != -ENOMEM)
		wrong("attach without memory per CPU", 0, link < 0 ? -link : 0);
	else
		faults++;
	if (attached())
		wrong("still attached", 0, 0);
	fail_percpu(false);
	for (i = 0; i < (unsigned int)nr; i++)
		close(fillers[i]);

	link = link_create(map);
	if (link < 0 || !attached())
		wrong("attach with memory again", 0, link < 0 ? -link : 0);
	close(link);
	printf("# %d values filled it\n", nr);
	result("percpu", 1);
}

/* Every slab allocation of this task fails, those of error paths included. */
static void fail_all(bool fails)
{
	if (!fails)
		make_it_fail(false);
	set_knob("failslab", "times", fails ? "-1" : "1");
	set_knob("failslab", "task-filter", "Y");
	set_knob("failslab", "probability", fails ? "100" : "0");
	if (!fails)
		set_knob("failslab", "task-filter", "N");
	if (fails)
		make_it_fail(true);
}

static void test_all_fail(struct bpf_map *map, struct bpf_map *to)
{
	int link, ret;

	fail_all(true);
	link = link_create(map);
	fail_all(false);
	if (link != -ENOMEM)
		wrong("attach without memory", 0, link < 0 ? -link : 0);
	else
		faults++;
	if (attached())
		wrong("still attached", 0, 0);

	link = attach(map);
	fail_all(true);
	ret = bpf_link_update(link, bpf_map__fd(to), NULL);
	close(link);
	fail_all(false);
	/* An update takes no memory, and neither does detaching. */
	if (ret)
		wrong("update without memory", 0, -ret);
	if (attached())
		wrong("still attached", 0, 0);
	result("all_fail", 1);
}

/* At least @least of the events inside cannot be allocated. */
static void test_event(const char *name, const char *path, bool inside,
		       int least)
{
	bool failed = true, overflow;
	int nth, fd, error, opens, lost = 0;

	for (nth = 1; failed; nth++) {
		arm(nth);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		error = errno;
		failed = disarm();
		overflow = drain(&opens);
		if (fd >= 0)
			close(fd);
		if (fd < 0 && !failed)
			wrong("open failed", nth, error);
		if (fd >= 0 && inside && opens != 1 && !(failed && overflow))
			wrong("an open inside is lost", nth, 0);
		lost += overflow;
		if (!inside && (opens || overflow))
			wrong("an open outside is delivered", nth, 0);
	}
	if (lost < least)
		wrong("each event could be allocated", 0, 0);
	result(name, 1);
}

/*
 * What the opener gets has been said by the program, or if it asks (@asks) by the
 * listener or by the end of the time, and is @expected; or the opener has failed
 * itself. At least @least of the events cannot be allocated.
 */
static void test_permission(const char *name, const char *path, int expected,
			    const unsigned long long *counter, int least)
{
	bool asks = counter == &skel->bss->sent, failed = true;
	int nth, fd, error, left = 0, lost = 0;

	for (nth = 1; failed; nth++) {
		unsigned long long called = *counter, said;
		int told = asked();
		struct shown s;

		/* A new inode has no storage of the program's yet. */
		if (unlink(path) || mknod(path, S_IFREG | 0644, 0))
			err(1, "%s", path);
		read_fdinfo(&s);
		said = s.expired;
		arm(nth);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		error = fd < 0 ? errno : 0;
		failed = disarm();
		if (fd >= 0)
			close(fd);
		read_fdinfo(&s);
		called = *counter - called;
		told = asked() - told;
		said = asks ? told + s.expired - said : called;

		if (!listener.running)
			drain(&left);
		if (left)
			wrong("an event is left that nobody waits for", nth, 0);
		if (called > 1 || said > called || (told && !asks))
			wrong("asked more than once", nth, error);
		if (!error && (expected || !said))
			wrong("let in", nth, 0);
		if (said && expected && error != expected)
			wrong("the answer is lost", nth, error);
		if (!failed && error != expected)
			wrong("failed on its own", nth, error);
		if (called && !said) {
			if (error != ENOMEM)
				wrong("no event, and no ENOMEM", nth, error);
			lost++;
		}
	}
	if (lost < least)
		wrong("each event could be allocated", 0, 0);
	result(name, 1);
}

static void new_group(unsigned int flags, unsigned long long mask)
{
	int fd = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | flags, O_RDONLY);

	if (fd < 0 || dup3(fd, 500, O_CLOEXEC) < 0)
		err(1, "fanotify_init");
	close(fd);
	fan_fd = 500;
	if (fanotify_mark(fan_fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask,
			  AT_FDCWD, "."))
		err(1, "fanotify_mark");
	/* The root of a subtree */
	if (!(mask & FAN_OPEN_PERM) &&
	    fanotify_mark(fan_fd, FAN_MARK_ADD, mask, AT_FDCWD, "in"))
		err(1, "fanotify_mark");
}

/* Closing cannot fail, whatever it allocates. */
static void test_close(const char *name, struct bpf_map *map,
		       unsigned int flags, unsigned long long mask)
{
	struct pollfd pfd = {};
	bool failed = true;
	int nth, link, fd;

	for (nth = 1; failed; nth++) {
		link = attach(map);
		/* An event is in the queue, unless the program allows it. */
		fd = open("in/a", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			err(1, "in/a");
		close(fd);
		arm(nth);
		if (close(fan_fd))
			wrong("close", nth, errno);
		failed = disarm();
		pfd.fd = link;
		if (poll(&pfd, 1, PATIENCE) != 1 || !(pfd.revents & POLLHUP))
			wrong("the link does not hang up", nth, 0);
		new_group(flags, mask);
		if (attached())
			wrong("a new group has a program", nth, 0);
		/* The link that is left is of no use, and in nobody's way. */
		close(attach(map));
		close(link);
	}
	result(name, 0);
}

struct audit_message {
	struct nlmsghdr hdr;
	union {
		struct audit_status status;
		struct nlmsgerr err;
		char text[1024];
	};
};

/* Sends @status with @type, and gets what is of type @reply. */
static void audit_request(int fd, int type, int reply,
			  struct audit_status *status)
{
	struct audit_message msg = {
		.hdr.nlmsg_len = NLMSG_LENGTH(sizeof(*status)),
		.hdr.nlmsg_type = type,
		.hdr.nlmsg_flags = NLM_F_REQUEST |
				   (reply == NLMSG_ERROR ? NLM_F_ACK : 0),
		.status = *status,
	};

	if (send(fd, &msg, msg.hdr.nlmsg_len, 0) < 0)
		err(1, "audit");
	do {
		if (recv(fd, &msg, sizeof(msg), 0) < 0)
			err(1, "audit");
		if (msg.hdr.nlmsg_type == NLMSG_ERROR && msg.err.error)
			errx(1, "audit: %s", strerror(-msg.err.error));
	} while (msg.hdr.nlmsg_type != reply);
	if (reply == AUDIT_GET)
		*status = msg.status;
}

/* Returns whether audit was on before. */
static bool audit_enable(int fd, bool enable)
{
	struct audit_status before = {}, status = {
		.mask = AUDIT_STATUS_ENABLED, .enabled = enable,
	};

	audit_request(fd, AUDIT_GET, AUDIT_GET, &before);
	if (!before.enabled != !enable)
		audit_request(fd, AUDIT_SET, NLMSG_ERROR, &status);
	return before.enabled;
}

static unsigned int audit_lost(int fd)
{
	struct audit_status status = {};

	audit_request(fd, AUDIT_GET, AUDIT_GET, &status);
	return status.lost;
}

/* A denial with a record for audit, which is lost if it cannot be allocated. */
static void test_audit(const char *name, const char *path, int expected,
		       const unsigned long long *counter)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	unsigned int lost;
	char record[64];
	bool was;

	if (fd < 0 && errno == EPROTONOSUPPORT) {
		printf("skip %s # the kernel has no audit\n", name);
		return;
	}
	if (fd < 0)
		err(1, "audit");
	was = audit_enable(fd, true);
	lost = audit_lost(fd);
	test_permission(name, path, expected, counter, 0);
	lost = audit_lost(fd) - lost;
	audit_enable(fd, was);
	close(fd);
	printf("# %u records were lost\n", lost);
	if (!lost)
		wrong("each record could be allocated", 0, 0);
	snprintf(record, sizeof(record), "%s_record", name);
	result(record, 0);
}

static void load(void)
{
	skel = stress_bpf__open();
	if (!skel)
		err(1, "cannot open the programs");
	skel->struct_ops.filter_a_ops->group_fd = 500;
	skel->struct_ops.filter_b_ops->group_fd = 500;
	skel->struct_ops.permission_a_ops->group_fd = 500;
	skel->struct_ops.permission_b_ops->group_fd = 500;
	skel->struct_ops.permission_limit_ops->group_fd = 500;
	skel->struct_ops.permission_limit_ops->answer_timeout_ms = 50;
	skel->struct_ops.permission_limit_ops->timeout_answer = -EBUSY;
	if (stress_bpf__load(skel))
		errx(1, "cannot load the programs");

	programs[0] = (struct program) { skel->maps.filter_a_ops,
					 &skel->bss->filter_a_calls };
	programs[1] = (struct program) { skel->maps.filter_b_ops,
					 &skel->bss->filter_b_calls };
	programs[2] = (struct program) { skel->maps.permission_a_ops,
					 &skel->bss->permission_a_calls };
	programs[3] = (struct program) { skel->maps.permission_b_ops,
					 &skel->bss->permission_b_calls };
	programs[4] = (struct program) { skel->maps.permission_limit_ops,
					 &skel->bss->permission_limit_calls };
}

/* Hands the maps' values in, which attaching by hand does not. */
static void prepare(struct bpf_map *map)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(map);

	if (!link)
		err(1, "attach %s", bpf_map__name(map));
	bpf_link__destroy(link);
}

static void make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0)
		err(1, "%s", path);
	close(fd);
}

static void setup(void)
{
	struct rlimit files = { .rlim_cur = 32768, .rlim_max = 32768 };
	char top[] = "/tmp/fanfp-faults.XXXXXX";
	unsigned int i;

	if (setrlimit(RLIMIT_NOFILE, &files))
		err(1, "setrlimit");
	for (i = 0; i < 2; i++) {
		/* Allocations that may wait count too; no filter but fail-nth. */
		set_knob(points[i], "ignore-gfp-wait", "N");
		set_knob(points[i], "verbose", "0");
	}
	only_below(NULL);
	set_knob("fail_page_alloc", "ignore-gfp-highmem", "N");
	set_knob("fail_page_alloc", "min-order", "0");
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	all_fd = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0 || all_fd < 0)
		err(1, "fail-nth, make-it-fail");
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    !mkdtemp(top) || mount("tmpfs", top, "tmpfs", 0, NULL) ||
	    chdir(top) || mkdir("in", 0755) || mkdir("out", 0755))
		err(1, "a filesystem to work on");
	make_file("in/a");
	make_file("out/a");
	make_file("out/d");
	make_file("out/q");
	make_file("out/r");
	make_file("out/w");
}

static void test_filter(void)
{
	struct bpf_map *a = skel->maps.filter_a_ops;
	struct bpf_map *b = skel->maps.filter_b_ops;
	unsigned int flags = FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME;
	int link;

	new_group(flags, FAN_OPEN);
	prepare(a);
	prepare(b);
	test_attach("attach_filter", a);
	test_update("update_filter", a, b);
	test_attach_error("attach_error_filter", a);
	test_update_error("update_error_filter", a, "filter_a", b, "filter_b");
	test_percpu(a);
	test_all_fail(a, b);
	link = attach(a);
	/* If it has a name, it is tried again another way (kvmalloc()). */
	test_event("event_inside", "in/a", true, 0);
	test_event("event_outside", "out/a", false, 0);
	close(link);
	test_close("close_filter", a, flags, FAN_OPEN);
	close(fan_fd);

	new_group(FAN_CLASS_NOTIF, FAN_OPEN);
	link = attach(a);
	test_event("event_fd_inside", "in/a", true, 0);
	test_event("event_fd_outside", "out/a", false, 0);
	/* How many allocations come before that of the event varies. */
	only_below(QUEUE);
	test_event("event_fd_lost", "in/a", true, 1);
	only_below(NULL);
	close(link);
	close(fan_fd);
}

static void test_permissions(void)
{
	struct bpf_map *a = skel->maps.permission_a_ops;
	struct bpf_map *b = skel->maps.permission_b_ops;
	struct bpf_map *limit = skel->maps.permission_limit_ops;
	int link;

	new_group(FAN_CLASS_CONTENT, FAN_OPEN_PERM);
	prepare(a);
	prepare(b);
	prepare(limit);
	start_listener();
	test_attach("attach_permission", a);
	test_update("update_permission", a, b);
	test_attach_error("attach_error_permission", a);
	test_update_error("update_error_permission", a, "permission_a",
			  b, "permission_b");
	link = attach(a);
	test_permission("allowed", "out/a", 0, &skel->bss->allowed, 0);
	test_permission("denied", "out/d", EPERM, &skel->bss->denied, 0);
	test_permission("listener_allows", "out/q", 0, &skel->bss->sent, 0);
	only_below(QUEUE);
	test_permission("listener_allows_lost", "out/q", 0, &skel->bss->sent, 1);
	only_below(NULL);
	listener.answer = FAN_DENY;
	test_permission("listener_denies", "out/r", EPERM, &skel->bss->sent, 0);
	stop_listener();
	close(link);

	link = attach(limit);
	test_permission("limit", "out/w", EBUSY, &skel->bss->sent, 0);
	only_below(QUEUE);
	test_permission("limit_lost", "out/w", EBUSY, &skel->bss->sent, 1);
	only_below(NULL);
	close(link);
	test_close("close_permission", a, FAN_CLASS_CONTENT, FAN_OPEN_PERM);
	close(fan_fd);

	new_group(FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT, FAN_OPEN_PERM);
	link = attach(limit);
	start_listener();
	test_audit("audit_denied", "out/d", EPERM, &skel->bss->denied);
	stop_listener();
	test_audit("audit_limit", "out/w", EBUSY, &skel->bss->sent);
	close(link);
	close(fan_fd);
}

int main(void)
{
	if (access("/proc/self/fail-nth", F_OK)) {
		printf("skip faults # the kernel was built without fault injection: run make test CONFIG=faults T=faults\n");
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	setup();
	load();
	test_filter();
	test_permissions();

	printf("# %d faults\n", faults);
	return failures || !faults ? 1 : 0;
}
