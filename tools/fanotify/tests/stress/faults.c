// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation of attaching, updating and of an event is made to fail, one
 * after the other (/proc/self/fail-nth, Documentation/fault-injection), for both
 * kinds of program. usage: fanfp-faults
 *
 * - attach fails with ENOMEM and leaves a plain group, or succeeds;
 * - update fails and leaves the old program in charge, or succeeds;
 * - an opener of a denied file is never let in, an open inside is delivered,
 *   told by an overflow, or has failed itself; an open outside is not delivered.
 *
 * Attaching is also done when there is no more memory for the counters, which are
 * per CPU and no allocation of their own, and when all slab allocations fail.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "stress.h"
#include "stress.skel.h"

/* <linux/bpf.h>; older ones lack it */
#define BPF_STRUCT_OPS	44

/* No operation has that many allocations. */
#define NTH_MAX	400

static struct stress_bpf *skel;
static int fan_fd, nth_fd, all_fd;
static int faults, failures;

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

static void result(const char *name, int before, int nth)
{
	printf("%s %s # %d allocations failed\n",
	       failures > before ? "not ok" : "ok", name, nth - 1);
}

static bool attached(void)
{
	char path[64], line[512];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fan_fd);
	file = fopen(path, "re");
	if (!file)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), file))
		found |= !strncmp(line, "fanotify-fastpath ", 18);
	fclose(file);
	return found;
}

static int link_create(struct bpf_map *map)
{
	return bpf_link_create(bpf_map__fd(map), 0,
			       (enum bpf_attach_type)BPF_STRUCT_OPS, NULL);
}

/*
 * A map that was attached, or whose attaching has failed, can be attached again,
 * as libbpf does it: its value is handed in first.
 */
static void test_attach(struct bpf_map *map)
{
	int before = failures, nth, link;
	bool failed = true;

	for (nth = 1; failed && nth < NTH_MAX; nth++) {
		arm(nth);
		link = link_create(map);
		failed = disarm();
		if (link >= 0) {
			if (!attached())
				wrong("attached, and not shown", nth, 0);
			close(link);
		} else if (!failed || link != -ENOMEM) {
			wrong("attach", nth, -link);
		}
		if (attached())
			wrong("still attached", nth, 0);
	}
	result(bpf_map__name(map), before, nth - 1);
}

static void test_update(struct bpf_map *from, struct bpf_map *to)
{
	int before = failures, nth, link, ret;
	bool failed = true;

	for (nth = 1; failed && nth < NTH_MAX; nth++) {
		link = link_create(from);
		if (link < 0)
			errx(1, "attach: %s", strerror(-link));
		arm(nth);
		ret = bpf_link_update(link, bpf_map__fd(to), NULL);
		failed = disarm();
		if (ret && (!failed || ret != -ENOMEM))
			wrong("update", nth, -ret);
		if (!attached())
			wrong("nobody is in charge", nth, 0);
		close(link);
	}
	result("update", before, nth - 1);
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

/* Memory per CPU comes in chunks, to which pages are added as they fill. */
static void fail_percpu(bool fails)
{
	unsigned long long start, end;
	char text[32];

	if (!find_function("pcpu_populate_chunk", &start, &end))
		errx(1, "the kernel has no pcpu_populate_chunk()");
	snprintf(text, sizeof(text), "0x%llx", fails ? start : 0);
	set_knob("fail_page_alloc", "require-start", text);
	snprintf(text, sizeof(text), "0x%llx", fails ? end : ~0ULL);
	set_knob("fail_page_alloc", "require-end", text);
	set_knob("fail_page_alloc", "stacktrace-depth", "32");
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
	int before = failures, nr = 0, link, tries = 0;
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
	printf("%s percpu # %d values filled it\n",
	       failures > before ? "not ok" : "ok", nr);
}

/* Every slab allocation of this task fails, those of error paths included. */
static void fail_all(bool fails)
{
	if (!fails && pwrite(all_fd, "0", 1, 0) != 1)
		err(1, "make-it-fail");
	set_knob("failslab", "times", fails ? "-1" : "1");
	set_knob("failslab", "task-filter", "Y");
	set_knob("failslab", "probability", fails ? "100" : "0");
	if (!fails)
		set_knob("failslab", "task-filter", "N");
	if (fails && pwrite(all_fd, "1", 1, 0) != 1)
		err(1, "make-it-fail");
}

static void test_all_fail(struct bpf_map *map, struct bpf_map *to)
{
	int before = failures, link, ret;

	fail_all(true);
	link = link_create(map);
	fail_all(false);
	if (link != -ENOMEM)
		wrong("attach without memory", 0, link < 0 ? -link : 0);
	else
		faults++;
	if (attached())
		wrong("still attached", 0, 0);

	link = link_create(map);
	if (link < 0)
		errx(1, "attach: %s", strerror(-link));
	fail_all(true);
	ret = bpf_link_update(link, bpf_map__fd(to), NULL);
	close(link);
	fail_all(false);
	/* An update takes no memory, and neither does detaching. */
	if (ret)
		wrong("update without memory", 0, -ret);
	if (attached())
		wrong("still attached", 0, 0);
	printf("%s all_fail\n", failures > before ? "not ok" : "ok");
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

static void test_event(const char *name, const char *path, bool inside)
{
	int before = failures, nth, fd, error, opens;
	bool failed = true, overflow;

	for (nth = 1; failed && nth < NTH_MAX; nth++) {
		arm(nth);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		error = errno;
		failed = disarm();
		overflow = drain(&opens);
		if (fd >= 0)
			close(fd);
		if (fd < 0 && !failed)
			wrong("open failed", nth, error);
		if (fd >= 0 && inside && opens != 1 && !overflow)
			wrong("an open inside is lost", nth, 0);
		if (!inside && (opens || overflow))
			wrong("an open outside is delivered", nth, 0);
	}
	result(name, before, nth - 1);
}

static void test_denied(const char *name, const char *path)
{
	int before = failures, nth, fd, error;
	bool failed = true;

	for (nth = 1; failed && nth < NTH_MAX; nth++) {
		arm(nth);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		error = errno;
		failed = disarm();
		if (fd >= 0) {
			wrong("a denied file was opened", nth, 0);
			close(fd);
		} else if (!failed && error != EPERM) {
			wrong("open", nth, error);
		}
	}
	result(name, before, nth - 1);
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
	if (stress_bpf__load(skel))
		errx(1, "cannot load the programs");
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
	static const char *const points[] = { "failslab", "fail_page_alloc" };
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
	set_knob("fail_page_alloc", "ignore-gfp-highmem", "N");
	set_knob("fail_page_alloc", "min-order", "0");
	nth_fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	all_fd = open("/proc/self/make-it-fail", O_RDWR | O_CLOEXEC);
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
}

int main(void)
{
	int link;

	if (access("/proc/self/fail-nth", F_OK)) {
		printf("skip faults # the kernel was built without fault injection: run make test CONFIG=faults T=faults\n");
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	setup();
	load();

	new_group(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME, FAN_OPEN);
	if (fanotify_mark(fan_fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "in"))
		err(1, "fanotify_mark");
	prepare(skel->maps.filter_a_ops);
	prepare(skel->maps.filter_b_ops);
	test_attach(skel->maps.filter_a_ops);
	test_update(skel->maps.filter_a_ops, skel->maps.filter_b_ops);
	test_percpu(skel->maps.filter_a_ops);
	test_all_fail(skel->maps.filter_a_ops, skel->maps.filter_b_ops);
	link = link_create(skel->maps.filter_a_ops);
	if (link < 0)
		errx(1, "attach: %s", strerror(-link));
	test_event("event_inside", "in/a", true);
	test_event("event_outside", "out/a", false);
	close(link);
	close(fan_fd);

	new_group(FAN_CLASS_CONTENT, FAN_OPEN_PERM);
	prepare(skel->maps.permission_a_ops);
	test_attach(skel->maps.permission_a_ops);
	link = link_create(skel->maps.permission_a_ops);
	if (link < 0)
		errx(1, "attach: %s", strerror(-link));
	test_denied("denied", "out/d");
	close(link);
	close(fan_fd);

	printf("# %d faults\n", faults);
	return failures ? 1 : 0;
}
