// SPDX-License-Identifier: GPL-2.0
/*
 * The scans of fanfp guard: who waits for which one, and running them.
 *
 * Nothing here waits: a scan is a child process, and its end is told by SIGCHLD.
 * So one thread reads events and answers them, however long the scans take. The
 * children are forked, not spawned: posix_spawn() waits for the child's exec,
 * which may be an open that this process is asked about.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/guard.h"
#include "common/nowait.h"
#include "common/output.h"
#include "common/paths.h"

#define NR_BUCKETS	1024

/* Somebody who waits for the answer to an open */
struct opener {
	struct opener *next;
	int fd;
	pid_t pid;
};

struct scan {
	struct scan *next_same;		/* in the bucket */
	struct scan *next;		/* waiting, or running */
	struct guard_sample sample;
	struct opener *openers;
	pid_t child;			/* 0: waits for its turn */
	time_t deadline;
};

static struct guard *g;
static pid_t self;
static struct scan *buckets[NR_BUCKETS];
static struct scan *waiting, **waiting_end = &waiting;
static struct scan *running;
static unsigned int nr_running;
static unsigned int nr_openers;

void scans_init(struct guard *guard)
{
	g = guard;
	self = getpid();
}

/* Opens that wait for an answer; each holds a descriptor. */
unsigned int scans_waiting(void)
{
	return nr_openers;
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void read_comm(pid_t pid, char *comm, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(comm, size, file))
		strcpy(comm, "?");
	if (file)
		fclose(file);
	comm[strcspn(comm, "\n")] = 0;
}

/* reason is NULL for a denial by the scanner. */
static void print_line(const struct opener *o, bool deny, const char *reason)
{
	const char *what = deny ? g->observe ? "would deny" : "denied"
				: "allowed";
	char *path, *line = NULL, comm[32];
	struct timespec ts;
	size_t len;
	FILE *out;

	if (g->quiet)
		return;
	out = open_memstream(&line, &len);
	if (!out) {
		g->unprinted++;
		return;
	}
	path = path_of_fd(o->fd);
	read_comm(o->pid, comm, sizeof(comm));
	if (g->json) {
		clock_gettime(CLOCK_REALTIME, &ts);
		fprintf(out, "{\"time\": %jd.%06ld, \"pid\": %d, \"comm\": ",
			(intmax_t)ts.tv_sec, ts.tv_nsec / 1000, o->pid);
		print_json_string(out, comm);
		fprintf(out, ", \"answer\": \"%s\", \"path\": ", what);
		print_json_string(out, path ? path : "?");
		fprintf(out, ", \"scan_failed\": ");
		if (reason)
			print_json_string(out, reason);
		else
			fprintf(out, "null");
		fprintf(out, "}\n");
	} else {
		fprintf(out, "%s ", what);
		print_escaped(out, comm);
		fprintf(out, "(%d): ", o->pid);
		print_escaped(out, path ? path : "?");
		fprintf(out, reason ? " (%s)\n" : "\n", reason);
	}
	if (fclose(out) || !nowait_line(line, len))
		g->unprinted++;
	free(line);
	free(path);
}

void scans_answer(int fd, bool deny)
{
	struct fanotify_response response = {
		.fd = fd,
		.response = deny && !g->observe ? FAN_DENY : FAN_ALLOW,
	};

	/* ENOENT: the time was over, or the opener was killed. */
	if (write(g->group_fd, &response, sizeof(response)) < 0) {
		if (errno == ENOENT)
			g->late++;
		else
			warn("cannot answer");
	}
	close(fd);
}

static bool is_same_file(const struct scan *scan,
			 const struct guard_sample *sample)
{
	return scan->sample.ino == sample->ino &&
	       scan->sample.dev == sample->dev;
}

/*
 * May an open be answered by this scan? One that has not begun will see what is
 * there now. One that runs will, if nothing has changed since it began; an open
 * of a file that has a writer has a generation of its own.
 */
static bool is_valid_for(const struct scan *scan,
			 const struct guard_sample *sample)
{
	if (!is_same_file(scan, sample))
		return false;
	return !scan->child ||
	       (scan->sample.can_keep && sample->can_keep &&
		!memcmp(&scan->sample.as, &sample->as, sizeof(sample->as)));
}

static struct scan **bucket_of(const struct guard_sample *sample)
{
	return &buckets[(sample->ino ^ sample->dev) % NR_BUCKETS];
}

static void finish(struct scan *scan, bool deny, const char *reason)
{
	struct scan **p = bucket_of(&scan->sample);
	struct opener *o;

	while (*p != scan)
		p = &(*p)->next_same;
	*p = scan->next_same;

	while ((o = scan->openers)) {
		scan->openers = o->next;
		nr_openers--;
		g->denied += deny;
		if (deny || reason)
			print_line(o, deny, reason);
		scans_answer(o->fd, deny);
		free(o);
	}
	free(scan);
}

/* Content that could not be judged is not remembered. */
static void fail(struct scan *scan, const char *reason)
{
	g->failed++;
	finish(scan, g->stuck_deny, reason);
}

static void run_child(int fd)
{
	sigset_t none;
	int null;

	/* If the guard is killed here, nobody may be left who holds the group. */
	close(g->group_fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != self)
		_exit(127);
	/* Ctrl-C is for the guard. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	guard_restore_limits();
	nowait_restore_stderr();

	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(127);
	execv(g->scan[0], g->scan);
	_exit(127);
}

/* Returns true if the status is a verdict; else reason is why it is none. */
static bool is_verdict(int status, char *reason, size_t size)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return true;
	if (WIFEXITED(status))
		snprintf(reason, size, "scan failed with exit status %d",
			 WEXITSTATUS(status));
	else
		snprintf(reason, size, "scan ended by signal %d",
			 WTERMSIG(status));
	return false;
}

static void stopped_after(char *reason, size_t size)
{
	snprintf(reason, size, "scan was stopped after %u second%s",
		 g->scan_timeout, g->scan_timeout == 1 ? "" : "s");
}

/*
 * Scan an empty file, and wait for it. Returns 0, or -1 if that failed, with the
 * reason.
 */
int scan_try(bool *denied, char *reason, size_t size)
{
	int fd = memfd_create("fanfp-empty", MFD_CLOEXEC);
	struct pollfd end = { .events = POLLIN };
	int status, n;
	pid_t child;

	child = fd < 0 ? -1 : fork();
	if (!child)
		run_child(fd);
	end.fd = child < 0 ? -1 : pidfd_open(child, 0);
	if (end.fd < 0) {
		snprintf(reason, size, "%s", strerror(errno));
		return -1;
	}
	close(fd);
	n = poll(&end, 1, g->scan_timeout ? (int)g->scan_timeout * 1000 : -1);
	close(end.fd);
	if (n <= 0) {
		kill(-child, SIGKILL);
		kill(child, SIGKILL);
	}
	waitpid(child, &status, 0);
	if (n <= 0) {
		stopped_after(reason, size);
		return -1;
	}
	if (!is_verdict(status, reason, size))
		return -1;
	*denied = WEXITSTATUS(status);
	return 0;
}

static void start(struct scan *scan)
{
	int fd = scan->openers->fd;
	struct guard_sample sample;

	/* The bucket is that of the sample taken first, so it must be the same. */
	if (!fastpath_sample(fd, &sample) || !is_same_file(scan, &sample)) {
		fail(scan, "cannot look at it");
		return;
	}
	scan->sample = sample;
	scan->child = fork();
	if (!scan->child)
		run_child(fd);
	if (scan->child < 0) {
		scan->child = 0;
		fail(scan, "cannot fork");
		return;
	}
	g->scans++;
	scan->deadline = now() + g->scan_timeout;
	scan->next = running;
	running = scan;
	nr_running++;
}

static void start_waiting(void)
{
	struct scan *scan;

	while (nr_running < g->jobs && (scan = waiting)) {
		waiting = scan->next;
		if (!waiting)
			waiting_end = &waiting;
		start(scan);
	}
}

/* Somebody waits to open the file; fd is closed when that is answered. */
void scans_add(int fd, pid_t pid)
{
	struct opener *o = calloc(1, sizeof(*o));
	struct guard_sample sample;
	struct scan *scan, **bucket;

	if (!o || !fastpath_sample(fd, &sample)) {
		warn("cannot look at a file");
		free(o);
		g->failed++;
		scans_answer(fd, g->stuck_deny);
		return;
	}
	o->fd = fd;
	o->pid = pid;

	bucket = bucket_of(&sample);
	for (scan = *bucket; scan; scan = scan->next_same)
		if (is_valid_for(scan, &sample))
			break;
	if (scan) {
		g->joined++;
	} else {
		scan = calloc(1, sizeof(*scan));
		if (!scan) {
			free(o);
			g->failed++;
			scans_answer(fd, g->stuck_deny);
			return;
		}
		scan->sample = sample;
		scan->next_same = *bucket;
		*bucket = scan;
		*waiting_end = scan;
		waiting_end = &scan->next;
	}
	o->next = scan->openers;
	scan->openers = o;
	nr_openers++;
	start_waiting();
}

/* A child has ended: a scanner, or something that one left behind. */
void scans_ended(pid_t child, int status)
{
	struct scan *scan, **p;
	char reason[64];
	bool deny;

	for (p = &running; (scan = *p); p = &scan->next)
		if (scan->child == child)
			break;
	if (!scan)
		return;
	*p = scan->next;
	nr_running--;

	if (is_verdict(status, reason, sizeof(reason))) {
		deny = WEXITSTATUS(status);
		if (scan->sample.can_keep &&
		    !fastpath_keep(scan->openers->fd, &scan->sample, deny))
			g->kept++;
		finish(scan, deny, NULL);
	} else {
		if (WIFSIGNALED(status) && g->scan_timeout &&
		    now() >= scan->deadline)
			stopped_after(reason, sizeof(reason));
		fail(scan, reason);
	}
	start_waiting();
}

/* Milliseconds until a scan has to be stopped, for poll(); stops those due. */
int scans_next_timeout(void)
{
	time_t left, next = -1, t = now();
	struct scan *scan;

	for (scan = running; scan && g->scan_timeout; scan = scan->next) {
		left = scan->deadline - t;
		if (left <= 0) {
			kill(-scan->child, SIGKILL);
			kill(scan->child, SIGKILL);
			left = 1;
		}
		if (next < 0 || left < next)
			next = left;
	}
	return next < 0 ? -1 : next * 1000;
}

/* The end: let everybody in who waits, and stop the scanners. */
void scans_stop(void)
{
	struct opener *o;
	struct scan *scan;
	unsigned int i;

	for (i = 0; i < NR_BUCKETS; i++) {
		for (scan = buckets[i]; scan; scan = scan->next_same) {
			if (scan->child) {
				kill(-scan->child, SIGKILL);
				kill(scan->child, SIGKILL);
			}
			for (o = scan->openers; o; o = o->next) {
				scans_answer(o->fd, false);
				g->at_end++;
			}
			scan->openers = NULL;
		}
	}
	nr_openers = 0;
}
