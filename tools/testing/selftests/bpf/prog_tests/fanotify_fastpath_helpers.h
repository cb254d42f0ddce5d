/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixture of the fanotify fast path tests: a filesystem of its own in a mount
 * namespace of its own, an fanotify group, and the programs of
 * progs/fanotify_fastpath.c, ready to be attached to that group. Subtests run
 * in the root of the filesystem, with relative paths.
 *
 * What counts is what the listener gets from read(2). fp_read_events() shows
 * it as a string, "open:a modify|close_write:b", in the order of the queue;
 * names are without their directories. Events on one object that wait in the
 * queue are merged by fanotify, so a test reads before it repeats itself.
 *
 * A function that returns bool has reported a failure when it returns false.
 */
#ifndef __FANOTIFY_FASTPATH_HELPERS_H
#define __FANOTIFY_FASTPATH_HELPERS_H

#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>
#include <test_progs.h>

#include "progs/fanotify_fastpath_types.h"
#include "fanotify_fastpath.skel.h"

/* For what comes from somewhere else; never slept out */
#define FP_TIMEOUT_MS	10000

#define FASTPATH_TOP	"/tmp/fanotify_fastpath_XXXXXX"
#define FASTPATH_MNT	"/mnt"
#define FASTPATH_IMAGE	"/image"
#define FASTPATH_EVENTS	4096

/* What a group of these tests reports if the subtest does not care */
#define FASTPATH_FLAGS	FAN_REPORT_DFID_NAME

/**
 * struct fp_fixture - what a subtest runs with
 * @skel: the programs, whose maps name the group @fan_fd
 * @link: of fp_attach(), or NULL
 * @fs: type of the filesystem
 * @top: directory of the other two
 * @mnt: where the filesystem is mounted
 * @image: its image, unless it is tmpfs
 * @mounted: it is mounted
 * @fan_fd: the group; -1 for a subtest that has closed it
 * @old_ns: mount namespace to go back to
 * @old_cwd: directory to go back to
 * @events: buffer of fp_read_events()
 * @fdinfo: buffer of fp_read_fdinfo()
 */
struct fp_fixture {
	struct fanotify_fastpath *skel;
	struct bpf_link *link;
	const char *fs;
	char top[sizeof(FASTPATH_TOP)];
	char mnt[sizeof(FASTPATH_TOP FASTPATH_MNT)];
	char image[sizeof(FASTPATH_TOP FASTPATH_IMAGE)];
	bool mounted;
	int fan_fd;
	int old_ns;
	int old_cwd;
	char events[FASTPATH_EVENTS];
	char fdinfo[256];
};

/**
 * struct fp_subtest - a subtest and where it runs
 * @name: its name, to which the filesystem is added if there are several
 * @run: what is called with the fixture
 * @fs: the filesystem; NULL: once on each
 * @init_flags: of the group, see fp_new_group()
 */
struct fp_subtest {
	const char *name;
	void (*run)(struct fp_fixture *f);
	const char *fs;
	unsigned int init_flags;
};

/**
 * struct fp_event - an event that was read
 * @mask: its types
 * @fd: its descriptor, or a negative number
 * @info_types: a bit per FAN_EVENT_INFO_TYPE_* of the event
 * @name: its name without the directory, or NULL
 * @new_name: the second name of a rename, or NULL
 */
struct fp_event {
	__u64 mask;
	int fd;
	unsigned int info_types;
	const char *name;
	const char *new_name;
};

typedef void (*fp_event_fn)(const struct fp_event *event, void *ctx);

/* Run @nr subtests, each with a fixture of its own. */
void fp_run_subtests(const struct fp_subtest *tests, int nr);

/*
 * Make the fixture, with a filesystem of type @fs and a group with @init_flags.
 * Whatever this returns, fp_fixture_teardown() takes it away.
 */
bool fp_fixture_setup(struct fp_fixture *f, const char *fs,
		      unsigned int init_flags);
void fp_fixture_teardown(struct fp_fixture *f);

/* Mount the image of the fixture's filesystem and enter it. */
bool fp_mount_image(struct fp_fixture *f);

/* Leave the filesystem and unmount it: nothing may still pin it. */
void fp_unmount_fs(struct fp_fixture *f);

/* A non-blocking group with @flags, or -1 */
int fp_new_group(unsigned int flags);

/* The programs for the group @fan_fd, or NULL */
struct fanotify_fastpath *fp_load_skel(int fan_fd);

/*
 * @err is what a load returned. The test is skipped if the verifier's @log says
 * @lacks.
 */
bool fp_loaded(int err, const char *log, const char *lacks);

/* Attach @map, and keep the link in the fixture. */
bool fp_attach(struct fp_fixture *f, struct bpf_map *map);

/* Close that link, which goes before the skeleton of its map does. */
void fp_detach(struct fp_fixture *f);

/* 0 if @map can be attached, which is undone; or the negative errno */
int fp_attach_error(struct bpf_map *map);

/* Call fanotify_mark() for the fixture's group. */
bool fp_mark(struct fp_fixture *f, unsigned int flags, __u64 mask,
	     const char *path);

/* Mark the filesystem. */
bool fp_mark_fs(struct fp_fixture *f, __u64 mask);

/* Make the directory @path a subtree root, or undo that. */
bool fp_add_root(struct fp_fixture *f, const char *path);
bool fp_remove_root(struct fp_fixture *f, const char *path);

/* Hand all events that wait in a non-blocking group to @fn. */
void fp_drain_events(int fan_fd, fp_event_fn fn, void *ctx);

/* Read all events that wait in a non-blocking group, and say how many. */
int fp_count_events(int fan_fd);

/* All events that wait in the fixture's group, as a string; "" for none */
const char *fp_read_events(struct fp_fixture *f);

/* What fdinfo of @fan_fd tells about the fast path; "" without one */
const char *fp_read_fdinfo(struct fp_fixture *f, int fan_fd);

/*
 * "seen:N sent:N skipped:N invalid:N" of the fixture's group, or ""; followed
 * by " allowed:N denied:N expired:N" if permission events were decided.
 */
const char *fp_read_counters(struct fp_fixture *f);

/* Make a directory or an empty file, or open a file and close it. */
bool fp_make_dir(const char *path);
bool fp_make_file(const char *path);
bool fp_open_file(const char *path);

/* The same for each of @paths, which are separated by a space. */
bool fp_make_dirs(const char *paths);
bool fp_make_files(const char *paths);
bool fp_open_files(const char *paths);

/* Inode number of @path, or 0 */
__u64 fp_ino_of(const char *path);

/* True if @fd can be read from, in time; that it cannot is no failure yet. */
bool fp_wait_readable(int fd);

#endif /* __FANOTIFY_FASTPATH_HELPERS_H */
