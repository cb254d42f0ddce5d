// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp watch: from what read(2) gave to lines.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <time.h>
#include <unistd.h>

#include "common/event.h"
#include "common/fid.h"
#include "common/group.h"
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "common/paths.h"
#include "common/process.h"
#include "common/roots.h"
#include "watch/watch.h"

/* An event, taken apart. The records are those of the buffer. */
struct event {
	const struct fanotify_event_metadata *meta;
	const struct fanotify_event_info_fid *place;	/* directory and name */
	const struct fanotify_event_info_fid *old_place;
	const struct fanotify_event_info_fid *object;
	char *path;
	char *dir;		/* path of the directory of place */
	char *old_path;
	char *old_dir;
};

static void find_records(struct event *e)
{
	const struct fanotify_event_metadata *meta = e->meta;
	const char *p = (const char *)meta + meta->metadata_len;
	const char *end = (const char *)meta + meta->event_len;
	const struct fanotify_event_info_header *header;

	for (; p + sizeof(*header) <= end; p += header->len) {
		header = (const void *)p;
		if (header->len < sizeof(*header))
			return;
		switch (header->info_type) {
		case FAN_EVENT_INFO_TYPE_DFID_NAME:
		case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
			e->place = (const void *)p;
			break;
		case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
			e->old_place = (const void *)p;
			break;
		case FAN_EVENT_INFO_TYPE_FID:
			e->object = (const void *)p;
			break;
		}
	}
}

static void resolve(const struct fanotify_event_info_fid *place, char **dir,
		    char **path)
{
	const char *resolved;
	struct fid fid;

	if (!place || fid_of_event(place, &fid))
		return;
	resolved = paths_resolve(&fid);
	if (!resolved)
		return;
	*dir = strdup(resolved);
	*path = path_join(resolved, fid_event_name(place));
}

/*
 * A directory's own handle comes with the event of its creation. Events in it
 * are readable after it is gone, and only this tells where it was.
 */
static void learn(const struct event *e)
{
	struct fid fid;

	if ((e->meta->mask & FAN_ONDIR) && e->object && e->path &&
	    !fid_of_event(e->object, &fid))
		paths_learn(&fid, e->path);
}

/*
 * The kernel's answer, given in user space: an object that is no more, or no
 * more there, counts by its directory, all others by their own place.
 */
static bool is_wanted(const struct event *e)
{
	uint64_t mask = e->meta->mask;

	if (e->path && (mask & ~(FAN_DELETE | FAN_ONDIR)) &&
	    roots_want(e->path))
		return true;
	if (e->dir && (mask & FAN_DELETE) && roots_want(e->dir))
		return true;
	return e->old_dir && roots_want(e->old_dir);
}

static void read_name(pid_t pid, char *name, size_t size)
{
	if (!filter_comm(pid, name, size))
		process_name(pid, name, size);
}

static void print_text(const struct watch *w, const struct event *e,
		       uint64_t mask, const char *comm)
{
	const char *slash = mask & FAN_ONDIR ? "/" : "", *name, *comma = "";
	struct timespec now;
	char stamp[16];
	struct tm tm;

	if (w->timestamps) {
		clock_gettime(CLOCK_REALTIME, &now);
		strftime(stamp, sizeof(stamp), "%T", localtime_r(&now.tv_sec,
								 &tm));
		printf("%s.%06ld ", stamp, now.tv_nsec / 1000);
	}
	print_escaped(stdout, comm);
	printf("(%d): ", e->meta->pid);
	while ((name = events_next_name(&mask))) {
		printf("%s%s", comma, name);
		comma = ",";
	}
	putchar(' ');
	if (e->old_place) {
		print_escaped(stdout, e->old_path);
		printf("%s -> ", slash);
	}
	print_escaped(stdout, e->path);
	printf("%s\n", strcmp(e->path, "/") ? slash : "");
}

static void print_json(const struct event *e, uint64_t mask, const char *comm)
{
	bool dir = mask & FAN_ONDIR;
	const char *name, *comma = "";
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	printf("{\"time\": %jd.%06ld, \"pid\": %d, \"comm\": ",
	       (intmax_t)now.tv_sec, now.tv_nsec / 1000, e->meta->pid);
	print_json_string(stdout, comm);
	printf(", \"events\": [");
	while ((name = events_next_name(&mask))) {
		printf("%s\"%s\"", comma, name);
		comma = ", ";
	}
	printf("], \"dir\": %s, \"path\": ", dir ? "true" : "false");
	print_json_string(stdout, e->path);
	if (e->old_place) {
		printf(", \"from\": ");
		print_json_string(stdout, e->old_path);
	}
	printf("}\n");
}

/* What is printed for a place whose directory has no path any more. */
static char *unresolved_path(const struct fanotify_event_info_fid *place)
{
	return path_join("?", place ? fid_event_name(place) : "");
}

static void print_event(struct watch *w, struct event *e, uint64_t mask)
{
	char comm[PROCESS_NAME_MAX];

	w->printed++;
	if (!e->path || (e->old_place && !e->old_path))
		w->unresolved++;
	if (options.quiet)
		return;

	if (!e->path)
		e->path = unresolved_path(e->place);
	if (e->old_place && !e->old_path)
		e->old_path = unresolved_path(e->old_place);
	if (!e->path || (e->old_place && !e->old_path))
		return;

	read_name(e->meta->pid, comm, sizeof(comm));
	if (options.json)
		print_json(e, mask, comm);
	else
		print_text(w, e, mask, comm);
}

/* A subtree root was removed. Only root marks ask for this event. */
static void root_deleted(struct watch *w, struct event *e)
{
	struct root *root = NULL;
	struct fid fid;

	fflush(stdout);
	if ((e->object && !fid_of_event(e->object, &fid)) ||
	    (e->place && !fid_of_event(e->place, &fid)))
		root = roots_deleted(&fid);
	if (!root || root->exclude)
		return;
	free(e->path);
	e->path = strdup(root->path);
	print_event(w, e, FAN_DELETE_SELF | FAN_ONDIR);
}

static void handle_event(struct watch *w,
			 const struct fanotify_event_metadata *meta)
{
	struct event e = { .meta = meta };
	uint64_t mask = meta->mask;

	if (mask & FAN_Q_OVERFLOW) {
		if (!w->overflows++)
			warnx("the kernel ran out of memory for events: some are lost");
		return;
	}

	w->delivered++;
	if (meta->pid == getpid() && !(mask & FAN_DELETE_SELF))
		return;

	find_records(&e);
	if (mask & FAN_DELETE_SELF) {
		root_deleted(w, &e);
		mask &= ~FAN_DELETE_SELF;
	}

	if (w->in_user_space && (mask & FAN_RENAME) && (mask & FAN_ONDIR))
		roots_moved();

	resolve(e.place, &e.dir, &e.path);
	resolve(e.old_place, &e.old_dir, &e.old_path);
	learn(&e);
	if ((mask & FAN_RENAME) && (mask & FAN_ONDIR) && e.path && e.old_path)
		paths_renamed(e.old_path, e.path);

	mask &= w->events | FAN_ONDIR;
	if ((mask & w->events) && (!w->in_user_space || is_wanted(&e)))
		print_event(w, &e, mask);

	free(e.path);
	free(e.dir);
	free(e.old_path);
	free(e.old_dir);
}

/**
 * events_print - deal with a buffer full of events
 * @w:		the watch
 * @buf:	what read(2) has stored
 * @len:	what it has returned
 */
void events_print(struct watch *w, const void *buf, size_t len)
{
	const struct fanotify_event_metadata *meta = buf;

	for (; FAN_EVENT_OK(meta, len); meta = FAN_EVENT_NEXT(meta, len)) {
		group_check_version(meta);
		handle_event(w, meta);
	}
	paths_end_batch();
}
