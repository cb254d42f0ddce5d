// SPDX-License-Identifier: GPL-2.0
/*
 * A listener that is asked for permission to open, and its program. The name of a
 * file settles what an opener gets, whoever answers: see enum stress_class.
 *
 * - with a program, the listener is asked about q, r and w only, once an open;
 * - without one, it is asked about all and answers alike;
 * - a file d or r is never opened, a file a or q always, and d and a are decided
 *   by the program while another one takes its place, too;
 * - fdinfo counts each of them;
 * - once the group is gone, whoever had it last, everything is allowed;
 * - an opener of w waits until it is killed, its time is over, or the group is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/stress.h"

#define HELD_MAX	64

/* The listener is a thread: whoever opens cannot answer itself. */
static struct {
	pthread_t thread;
	int fd;
	bool stop;
	/* How often it was asked */
	unsigned long long asked[CLASSES];
	/* Openers of w, which it does not answer; the last that it was asked about */
	pid_t waiter;
	pthread_mutex_t lock;
	int held[HELD_MAX];
	int nr_held;
} listener;

/* Openers whose time was over, perhaps before the listener had read of them */
static unsigned long long expired;

/* Since the program was attached: what fdinfo has to show */
static unsigned long long sent, denied;

/* A child that opens d and a while programs are exchanged */
static struct {
	pid_t pid;
	struct {
		bool stop;
		unsigned long long opens;	/* of d, and as many of a */
	} *shared;
} opener;

static enum stress_class class_of(char c)
{
	static const char letters[CLASSES] = {
		[CLASS_ALLOW] = 'a', [CLASS_DENY] = 'd', [CLASS_ASK] = 'q',
		[CLASS_REFUSE] = 'r', [CLASS_WAIT] = 'w',
	};
	int i;

	for (i = 1; i < CLASSES; i++)
		if (letters[i] == c)
			return i;
	return CLASS_STORM;
}

static void answer(const struct fanotify_event_metadata *meta)
{
	struct fanotify_response response = {
		.fd = meta->fd, .response = FAN_ALLOW,
	};
	char link[64], path[PATH_MAX];
	enum stress_class class;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", meta->fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		fail("%s: %s", link, strerror(errno));
	path[len] = '\0';
	class = class_of(strrchr(path, '/')[1]);
	__atomic_fetch_add(&listener.asked[class], 1, __ATOMIC_SEQ_CST);

	if (class == CLASS_WAIT) {
		pthread_mutex_lock(&listener.lock);
		if (listener.nr_held == HELD_MAX)
			fail("too many openers wait");
		listener.held[listener.nr_held++] = meta->fd;
		pthread_mutex_unlock(&listener.lock);
		__atomic_store_n(&listener.waiter, meta->pid, __ATOMIC_SEQ_CST);
		return;
	}
	if (class == CLASS_DENY || class == CLASS_REFUSE)
		response.response = FAN_DENY;
	/* Whoever was killed needs no answer any more. */
	if (write(listener.fd, &response, sizeof(response)) < 0 &&
	    errno != ENOENT)
		fail("answer: %s", strerror(errno));
	close(meta->fd);
}

static void *listen_to(void *arg)
{
	static char buf[4096] __attribute__((aligned(8)));
	struct pollfd pfd = { .fd = listener.fd, .events = POLLIN };
	const struct fanotify_event_metadata *meta;
	ssize_t len;

	while (!__atomic_load_n(&listener.stop, __ATOMIC_SEQ_CST)) {
		if (poll(&pfd, 1, 50) != 1)
			continue;
		len = read(listener.fd, buf, sizeof(buf));
		if (len < 0 && errno != EAGAIN)
			fail("read permission events: %s", strerror(errno));
		meta = (const void *)buf;
		for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len))
			if (meta->fd >= 0)
				answer(meta);
	}
	return NULL;
}

static void start_listener(struct group *g)
{
	memset(&listener, 0, sizeof(listener));
	listener.fd = group_fd(g);
	pthread_mutex_init(&listener.lock, NULL);
	if (pthread_create(&listener.thread, NULL, listen_to, NULL))
		fail("no thread");
}

static void stop_listener(void)
{
	__atomic_store_n(&listener.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(listener.thread, NULL);
}

/* Late answers to those who wait no more; they change nothing. */
static void release_held(void)
{
	struct fanotify_response response = { .response = FAN_ALLOW };
	int i;

	pthread_mutex_lock(&listener.lock);
	for (i = 0; i < listener.nr_held; i++) {
		response.fd = listener.held[i];
		if (write(listener.fd, &response, sizeof(response)) < 0 &&
		    errno != ENOENT)
			fail("late answer: %s", strerror(errno));
		close(listener.held[i]);
	}
	listener.nr_held = 0;
	pthread_mutex_unlock(&listener.lock);
}

static unsigned long long asked(enum stress_class class)
{
	return __atomic_load_n(&listener.asked[class], __ATOMIC_SEQ_CST);
}

static void expect_open(struct arena *a, const char *letter, int expected)
{
	int i = rnd(FILES), err;

	op(letter, i);
	err = open_at(a->perm_files, letter, i);
	op_err(err);
	if (err != expected)
		fail("open of %s%d: %s", letter, i, err ? strerror(err) : "allowed");
	self->checks++;
	self->faults += err != 0;
	sent += letter[0] == 'q' || letter[0] == 'r';
	denied += letter[0] == 'd';
}

static void open_both(struct arena *a)
{
	unsigned long long i;
	int err;

	for (i = 0; !__atomic_load_n(&opener.shared->stop, __ATOMIC_SEQ_CST); i++) {
		err = open_at(a->perm_files, "d", i % FILES);
		if (err != EPERM)
			fail("meanwhile, open of d%llu: %s", i % FILES,
			     err ? strerror(err) : "allowed");
		err = open_at(a->perm_files, "a", i % FILES);
		if (err)
			fail("meanwhile, open of a%llu: %s", i % FILES,
			     strerror(err));
		__atomic_store_n(&opener.shared->opens, i + 1, __ATOMIC_SEQ_CST);
		/* The others need the processor, too. */
		if (i % 8 == 7)
			usleep(2000);
	}
}

static void start_opener(struct arena *a)
{
	opener.shared->stop = false;
	opener.shared->opens = 0;
	opener.pid = spawn();
	/*
	 * It keeps the group and the link: when its parent is killed, it must not
	 * see them go before it is killed, too.
	 */
	if (!opener.pid) {
		open_both(a);
		_exit(0);
	}
}

/* It opens once at least. */
static void stop_opener(void)
{
	double limit = now() + patience();
	unsigned long long opens;
	int status;

	while (!__atomic_load_n(&opener.shared->opens, __ATOMIC_SEQ_CST)) {
		if (self->failure[0])
			_exit(1);
		if (now() > limit)
			fail("nothing was opened meanwhile");
		usleep(500);
	}
	__atomic_store_n(&opener.shared->stop, true, __ATOMIC_SEQ_CST);
	status = reap(opener.pid, "opener");
	if (status)
		_exit(1);	/* It has said why. */
	opens = opener.shared->opens;
	denied += opens;
	self->opens += 2 * opens;
	self->checks += 2 * opens;
	self->faults += opens;
}

/* An opener that nobody answers */
static pid_t start_waiter(struct arena *a)
{
	int i = rnd(FILES);
	pid_t pid;

	op("w", i);
	sent++;
	pid = spawn();
	if (!pid) {
		/* Not to keep alive what the parent closes */
		close(listener.fd);
		_exit(open_at(a->perm_files, "w", i));
	}
	return pid;
}

/* The same; returns once the listener was asked. */
static pid_t start_asked(struct arena *a)
{
	double limit = now() + patience();
	pid_t pid = start_waiter(a);

	/* One whose time was over may be told of late. */
	while (__atomic_load_n(&listener.waiter, __ATOMIC_SEQ_CST) != pid) {
		if (now() > limit)
			fail("the listener was not asked about w");
		usleep(500);
	}
	return pid;
}

static void kill_waiter(struct arena *a)
{
	pid_t pid = start_asked(a);
	int status;

	kill(pid, SIGKILL);
	status = reap(pid, "killed opener");
	if (!WIFSIGNALED(status))
		fail("an opener that nobody answered got status %#x", status);
	self->checks++;
	self->faults++;
	release_held();
}

/* The program with the limit; what it is not asked in time it refuses. */
static void expire_waiter(struct arena *a, struct group *g)
{
	int status;
	pid_t pid;

	op("limit", 0);
	group_update(g, 2);
	pid = start_waiter(a);
	status = reap(pid, "opener with a limit");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EBUSY)
		fail("an opener whose time is over got status %#x", status);
	self->checks++;
	self->faults++;
	expired++;
	release_held();
	group_update(g, rnd(2));
}

/* All that the program sent has come, and nothing else. */
static void check_asked(struct group *g, const unsigned long long *before)
{
	unsigned long long came = 0;
	int class;

	for (class = CLASS_ASK; class <= CLASS_WAIT; class++)
		came += asked(class) - before[class];
	if (came > sent || came + expired < sent)
		fail("the program sent %llu openers to the listener, %llu came, the time of %llu was over",
		     sent, came, expired);
	if (asked(CLASS_DENY) != before[CLASS_DENY] ||
	    asked(CLASS_ALLOW) != before[CLASS_ALLOW])
		fail("the listener was asked what the program answers");
	self->checks += 2;
}

/* Nobody else opens what is sent, expires or is denied: those are known. */
static void check_known(struct group *g, bool all)
{
	struct group_shown s = group_shown(g);

	if (s.sent != sent || s.expired != expired)
		fail("fdinfo shows %llu sent and %llu expired, %llu were asked for and %llu expired",
		     s.sent, s.expired, sent, expired);
	if (all ? s.denied != denied : s.denied < denied)
		fail("fdinfo shows %llu denied, it was %llu", s.denied, denied);
	self->checks += 3;
}

static void update_often(struct group *g)
{
	int i, nr = 1 + rnd(4), which = rnd(2);

	op("update", nr);
	for (i = 0; i < nr; i++)
		group_update(g, (which + i) % 2);
}

static void add_mark(struct arena *a, struct group *g)
{
	int err = group_mark(g, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
			     FAN_OPEN_PERM, a->root, ".");

	if (err)
		fail("mark: %s", strerror(err));
}

/* Without a mark no event comes, and the counters stand still. */
static void check_at_rest(struct arena *a, struct group *g)
{
	op("fdinfo at rest", 0);
	group_check_at_rest(g, expired);
	add_mark(a, g);
}

static void use_program(struct arena *a, struct group *g)
{
	unsigned long long before[CLASSES];
	int i, rounds = 5 + rnd(60);

	for (i = 0; i < CLASSES; i++)
		before[i] = asked(i);
	start_opener(a);
	while (rounds-- && running()) {
		switch (rnd(16)) {
		case 0:
			update_often(g);
			break;
		case 1:
			op("fdinfo", 0);
			group_check_counters(g);
			check_known(g, false);
			break;
		case 2:
			kill_waiter(a);
			break;
		case 3:
			expire_waiter(a, g);
			break;
		case 4:
		case 5:
			expect_open(a, "q", 0);
			break;
		case 6:
		case 7:
			expect_open(a, "r", EPERM);
			break;
		case 8:
		case 9:
		case 10:
		case 11:
			expect_open(a, "d", EPERM);
			break;
		default:
			expect_open(a, "a", 0);
		}
	}
	stop_opener();
	check_asked(g, before);
	check_known(g, true);
	if (rnd(2))
		check_at_rest(a, g);
}

static void use_listener(struct arena *a)
{
	int rounds = 1 + rnd(5);

	while (rounds--) {
		expect_open(a, "a", 0);
		expect_open(a, "d", EPERM);
		expect_open(a, "q", 0);
		expect_open(a, "r", EPERM);
	}
}

/* Closing the group lets those go who wait, with or without its program. */
static void close_group(struct arena *a, struct group *g)
{
	bool waiting = rnd(2), inherited = rnd(2);
	pid_t pid = 0, holder = 0;
	int status;

	if (waiting)
		pid = start_asked(a);
	stop_listener();
	op(inherited ? "kill last holder" : "close group", waiting);
	if (inherited) {
		holder = spawn();
		while (!holder)
			pause();
	}
	group_close(g);
	if (inherited) {
		/* Nobody answers, and the group is there, with its program. */
		if (group_attached(g))
			expect_open(a, "d", EPERM);
		if (waiting && waitpid(pid, &status, WNOHANG))
			fail("an opener did not wait for a group that a child holds");
		kill(holder, SIGKILL);
		reap(holder, "last holder of the group");
	}
	expect_open(a, "d", 0);
	if (waiting) {
		status = reap(pid, "opener whose listener is gone");
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			fail("an opener whose listener is gone got status %#x",
			     status);
		self->checks++;
	}
	while (listener.nr_held)
		close(listener.held[--listener.nr_held]);
	if (group_attached(g)) {
		group_expect_hangup(g);
		group_detach(g);
	}
}

/*
 * An event that came before the program may still be on its way to the listener.
 * The update waits for it: it must not be there when the limit is.
 */
static void attach(struct group *g)
{
	int which = rnd(2);

	op("attach", 0);
	group_attach(g, which);
	group_update(g, !which);
	sent = 0;
	denied = 0;
	expired = 0;
}

void permission_worker(struct arena *a)
{
	struct group *g = group_load(GROUP_PERMISSION);

	opener.shared = shared_memory(sizeof(*opener.shared));
	ready();
	while (running()) {
		op("group", 0);
		group_open(g, rnd(2) ? FAN_CLASS_CONTENT : FAN_CLASS_PRE_CONTENT);
		start_listener(g);
		add_mark(a, g);
		use_listener(a);
		attach(g);
		use_program(a, g);
		if (rnd(2)) {
			op("detach", 0);
			group_detach(g);
			use_listener(a);
		}
		close_group(a, g);
	}
}
