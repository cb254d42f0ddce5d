// SPDX-License-Identifier: GPL-2.0
/*
 * Starts the workers, sees that they get on, ends them, and reports.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress/stress.h"

struct worker *self;

/* What all processes share */
static struct {
	struct worker workers[WORKERS_MAX];
	int ready;
	bool stop;
	double end;		/* 0 until all workers are ready */
} *shared;

/* The signal that has ended the run before its time */
static volatile sig_atomic_t interrupted;

static int nr_workers;
static unsigned long long seed;
static unsigned long long state;	/* of the random numbers */

static const struct {
	const char *name;
	void (*run)(struct arena *a);
	bool every_arena;
} kinds[] = {
	{ "notify", notify_worker, true },
	{ "permission", permission_worker, true },
	{ "storm", storm_worker, true },
	{ "churn", churn_worker, true },
	{ "mount", mount_worker, false },
	{ "memory", memory_worker, false },
	{ "cpu", cpu_worker, false },
};

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A kernel with all checks on emulated processors takes its time. */
double patience(void)
{
	return 120;
}

bool running(void)
{
	return !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED) &&
	       now() < shared->end;
}

/*
 * Loading the programs may take longer than the whole run: the time begins when
 * the last worker has done so.
 */
void ready(void)
{
	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	while (!*(volatile double *)&shared->end)
		usleep(10000);
}

/* splitmix64: the same numbers for the same seed on every machine */
static unsigned long long next(void)
{
	unsigned long long z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

unsigned int rnd(unsigned int below)
{
	return next() % below;
}

void op(const char *what, long arg)
{
	unsigned long long i = self->ops % OPS_KEPT;

	self->last[i].what = what;
	self->last[i].arg = arg;
	self->last[i].err = -1;
	__atomic_store_n(&self->ops, self->ops + 1, __ATOMIC_RELAXED);
}

void op_err(int err)
{
	self->last[(self->ops - 1) % OPS_KEPT].err = err;
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(self->failure, sizeof(self->failure), format, args);
	va_end(args);
	_exit(1);
}

void missing(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(self->missing, sizeof(self->missing), format, args);
	va_end(args);
}

void *shared_memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return mem;
}

pid_t spawn(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

int reap(pid_t pid, const char *what)
{
	double limit = now() + patience();
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now() > limit)
			fail("%s: process %d does not end", what, pid);
		usleep(500);
	}
	return status;
}

static void start(int kind, struct arena *a)
{
	struct worker *w = &shared->workers[nr_workers];
	pid_t pid;

	self = w;
	snprintf(w->name, sizeof(w->name), "%s%s%s", kinds[kind].name,
		 a ? "-" : "", a ? a->fs : "");
	pid = spawn();
	if (!pid) {
		/* They end when they are told, with all that they have made. */
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		state = seed * WORKERS_MAX + nr_workers;
		kinds[kind].run(a);
		_exit(0);
	}
	w->pid = pid;
	nr_workers++;
}

static void print_last(const struct worker *w)
{
	unsigned long long i;

	printf("# the last operations of %s:\n", w->name);
	i = w->ops > OPS_KEPT ? w->ops - OPS_KEPT : 0;
	for (; i < w->ops; i++) {
		const char *what = w->last[i % OPS_KEPT].what;
		int error = w->last[i % OPS_KEPT].err;

		printf("#   %llu %s %ld%s%s\n", i, what,
		       w->last[i % OPS_KEPT].arg, error > 0 ? ": " : "",
		       error > 0 ? strerror(error) : "");
	}
}

/* Returns false when a worker has failed, or has done nothing for too long. */
static bool watch(bool ending)
{
	static unsigned long long seen[WORKERS_MAX];
	static double since[WORKERS_MAX];
	int i, status, left = 0;

	for (i = 0; i < nr_workers; i++) {
		struct worker *w = &shared->workers[i];

		if (!w->pid)
			continue;
		if (waitpid(w->pid, &status, WNOHANG) == w->pid) {
			w->pid = 0;
			if (WIFEXITED(status) && !WEXITSTATUS(status))
				continue;
			if (!w->failure[0])
				snprintf(w->failure, sizeof(w->failure),
					 "it ended with status %#x", status);
			return false;
		}
		left++;
		if (seen[i] != w->ops || !since[i]) {
			seen[i] = w->ops;
			since[i] = now();
		} else if (now() - since[i] > 5 * patience()) {
			snprintf(w->failure, sizeof(w->failure),
				 "it has done nothing for %.0f seconds",
				 now() - since[i]);
			return false;
		}
	}
	if (!left && !ending && running())
		errx(1, "all workers have ended");
	return left || !ending;
}

static bool any_left(void)
{
	int i;

	for (i = 0; i < nr_workers; i++)
		if (shared->workers[i].pid)
			return true;
	return false;
}

static bool any_failed(void)
{
	int i;

	for (i = 0; i < nr_workers; i++)
		if (shared->workers[i].failure[0])
			return true;
	return false;
}

static void end_all(void)
{
	int i;

	for (i = 0; i < nr_workers; i++)
		if (shared->workers[i].pid)
			kill(shared->workers[i].pid, SIGKILL);
	for (i = 0; i < nr_workers; i++)
		if (shared->workers[i].pid)
			waitpid(shared->workers[i].pid, NULL, 0);
}

static int report(double seconds, int busy)
{
	unsigned long long ops = 0, checks = 0, faults = 0;
	int i, failed = 0;

	for (i = 0; i < nr_workers; i++) {
		struct worker *w = &shared->workers[i];

		ops += w->ops + w->opens;
		checks += w->checks;
		faults += w->faults;
		if (!w->failure[0] && w->missing[0])
			printf("skip %s # %s\n", w->name, w->missing);
		if (!w->failure[0] && !w->missing[0] && !w->ops)
			strcpy(w->failure, "it has done nothing");
		if (w->failure[0]) {
			failed++;
			printf("not ok %s # %s\n", w->name, w->failure);
			print_last(w);
		} else if (w->ops) {
			printf("ok %s # %llu operations, %llu answers checked, %llu undecided, refused or killed\n",
			       w->name, w->ops + w->opens, w->checks,
			       w->faults);
		}
	}
	if (failed) {
		for (i = 0; i < nr_workers; i++)
			if (!shared->workers[i].failure[0])
				print_last(&shared->workers[i]);
	} else if (busy) {
		printf("not ok unmount # %d filesystems are busy\n", busy);
		failed++;
	} else {
		printf("ok unmount\n");
	}
	printf("# seed %llu: %llu operations in %.0f seconds, %llu answers checked, %llu undecided, refused or killed\n",
	       seed, ops, seconds, checks, faults);
	return failed ? 1 : 0;
}

static void interrupt(int sig)
{
	interrupted = sig;
	shared->stop = true;
}

static void usage(void)
{
	fprintf(stderr, "usage: fanfp-stress [-t SECONDS] [-s SEED]\n");
	exit(2);
}

int main(int argc, char *argv[])
{
	const struct sigaction on_signal = {
		.sa_handler = interrupt,
		.sa_flags = SA_RESTART,
	};
	double seconds = 60, begin;
	int c, i, k, busy = 0, failed;
	char *end;

	seed = time(NULL);
	while ((c = getopt(argc, argv, "t:s:")) != -1) {
		switch (c) {
		case 't':
			seconds = strtod(optarg, &end);
			if (!(seconds > 0) || *end)
				errx(2, "-t %s: it is a number of seconds", optarg);
			break;
		case 's':
			seed = strtoull(optarg, &end, 0);
			if (end == optarg || *end)
				errx(2, "-s %s: it is a whole number", optarg);
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# seed %llu, %.0f seconds\n", seed, seconds);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		err(1, "a mount namespace of its own");
	arenas_setup();
	sigaction(SIGINT, &on_signal, NULL);
	sigaction(SIGTERM, &on_signal, NULL);
	sigaction(SIGHUP, &on_signal, NULL);

	for (k = 0; k < (int)(sizeof(kinds) / sizeof(kinds[0])); k++) {
		for (i = 0; i < (kinds[k].every_arena ? nr_arenas : 1); i++)
			start(k, kinds[k].every_arena ? &arenas[i] : NULL);
	}
	while (watch(true) && !any_failed() &&
	       __atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) < nr_workers)
		usleep(100000);
	begin = now();
	shared->end = begin + seconds;
	while (running() && !any_failed() && watch(false))
		usleep(100000);
	shared->stop = true;
	while (!any_failed() && any_left() && watch(true))
		usleep(100000);
	end_all();
	cpu_restore();
	if (!any_failed())
		busy = arenas_teardown();
	failed = report(now() - begin, busy);
	if (!interrupted)
		return failed;
	printf("# ended before its time: %s\n", strsignal(interrupted));
	return 128 + interrupted;
}
