// SPDX-License-Identifier: GPL-2.0
/*
 * The fast path of fanfp deny, for one list. Another list is a fast path of its
 * own, so that it is in force as a whole before the old one goes.
 *
 * No descriptor is left open but that of the group, and marks do not keep a
 * filesystem from being unmounted.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/group.h"
#include "common/load.h"
#include "common/options.h"
#include "deny/deny.h"
#include "deny/deny.skel.h"

struct deny_set {
	struct deny_bpf *skel;
	int group_fd;
};

static int load(struct deny_set *set, bool has_dirs)
{
	struct deny_bpf *skel;

	load_show_log(options.debug);
	skel = deny_bpf__open();
	if (!skel) {
		warn("cannot open the program");
		return -1;
	}
	set->skel = skel;
	skel->rodata->has_dirs = has_dirs;
	skel->struct_ops.deny_ops->group_fd = set->group_fd;

	if (load_result(deny_bpf__load(skel), "program"))
		return -1;
	if (load_run(skel->progs.deny_who_am_i))
		return -1;

	skel->links.deny_ops = load_attach(skel->maps.deny_ops);
	return skel->links.deny_ops ? 0 : -1;
}

static int mark(struct deny_set *set, unsigned int flags, int fd,
		const char *path)
{
	return group_mark(set->group_fd, flags, FAN_OPEN_PERM | FAN_ONDIR, fd,
			  path, "opens of it cannot be denied");
}

/* What is gone since it was looked up will be told, and looked up again. */
static int explain_open(const char *path)
{
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	warn("%s", path);
	return -1;
}

/* Deny what is at the path now, if it is still what was looked up. */
static int add(struct deny_set *set, const struct deny_entry *e)
{
	/*
	 * Not O_PATH, which fanotify_mark() does not take. This opens no device
	 * that would notice: others than regular files are not opened.
	 */
	int fd, ret = -1;
	__u32 one = 1;
	struct stat st;

	if (stat(e->path, &st))
		return explain_open(e->path);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		warnx("%s: neither a file nor a directory; nothing else can be denied",
		      e->path);
		return -1;
	}
	fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return explain_open(e->path);
	if (e->is_dir) {
		/* The root first: it is what the program looks for. */
		ret = mark(set, FAN_MARK_INODE | FAN_MARK_ONLYDIR, fd, e->path);
		ret = ret ?: mark(set, FAN_MARK_FILESYSTEM, fd, e->path);
		goto out;
	}
	ret = bpf_map__update_elem(set->skel->maps.files, &fd, sizeof(fd), &one,
				   sizeof(one), BPF_ANY);
	if (ret)
		warnx("%s: %s", e->path, strerror(-ret));
	else
		ret = mark(set, FAN_MARK_INODE, fd, e->path);
out:
	close(fd);
	return ret;
}

/**
 * set_create - deny what is on a list, from now on
 * @list:	the list, after list_look_up()
 *
 * Return: the set, or NULL after it has said what is wrong.
 */
struct deny_set *set_create(const struct deny_list *list)
{
	struct deny_set *set = calloc(1, sizeof(*set));
	bool has_dirs = false;
	size_t i;

	if (!set) {
		warn("calloc");
		return NULL;
	}
	set->group_fd = -1;
	set->group_fd = group_init(FAN_CLASS_CONTENT, "denying opens");
	if (set->group_fd < 0 || load_check_permission("listed files"))
		goto fail;
	for (i = 0; i < list->nr; i++)
		has_dirs |= list->entries[i].exists && list->entries[i].is_dir;
	if (load(set, has_dirs))
		goto fail;
	for (i = 0; i < list->nr; i++)
		if (list->entries[i].exists && add(set, &list->entries[i]))
			goto fail;
	return set;

fail:
	set_destroy(set);
	return NULL;
}

/**
 * set_group_fd - the group that is asked about what the kernel cannot decide
 * @set:	the set
 */
int set_group_fd(const struct deny_set *set)
{
	return set->group_fd;
}

/**
 * set_link_fd - reports EPOLLHUP when somebody has detached the program
 * @set:	the set
 */
int set_link_fd(const struct deny_set *set)
{
	return bpf_link__fd(set->skel->links.deny_ops);
}

/**
 * set_add_counts - add what the program has counted
 * @set:	the set
 * @counts:	what is added to
 */
void set_add_counts(const struct deny_set *set, struct deny_counts *counts)
{
	counts_add(set->skel->maps.counts, counts, sizeof(*counts));
}

/**
 * set_destroy - deny nothing of a list any more
 * @set:	the set, or NULL
 */
void set_destroy(struct deny_set *set)
{
	if (!set)
		return;
	/* The marks first: without the program their events would be asked. */
	if (set->group_fd >= 0)
		close(set->group_fd);
	deny_bpf__destroy(set->skel);
	free(set);
}
