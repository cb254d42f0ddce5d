// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp list: who holds fanotify groups on this machine, and what their fast
 * paths did. All of it is read from /proc.
 */
#include <argp.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "common/fdinfo.h"
#include "common/options.h"
#include "common/output.h"
#include "common/process.h"
#include "fanfp.h"

static const struct argp_option option_table[] = {
	OPTION_JSON,
	{ 0 }
};

static const struct argp argp = {
	.options = option_table,
	.parser = options_parse,
	.doc = "List the fanotify groups of this machine, and the counters of "
	       "their fast paths.",
};

static const char *class_name(unsigned int flags)
{
	switch (flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT)) {
	case FAN_CLASS_CONTENT:
		return "content";
	case FAN_CLASS_PRE_CONTENT:
		return "pre-content";
	default:
		return "notif";
	}
}

static void print_json(pid_t pid, int fd, const char *comm,
		       const struct group_info *info)
{
	printf("{\"pid\": %d, \"comm\": ", pid);
	print_json_string(stdout, comm);
	printf(", \"fd\": %d, \"class\": \"%s\", \"flags\": %u", fd,
	       class_name(info->flags), info->flags);
	printf(", \"marks\": {\"inode\": %u, \"mount\": %u, \"filesystem\": %u, \"mntns\": %u}, \"fastpath\": ",
	       info->inode_marks, info->mount_marks, info->fs_marks,
	       info->mntns_marks);
	if (!info->has_fastpath) {
		printf("null}\n");
		return;
	}
	printf("{\"name\": ");
	print_json_string(stdout, info->name);
	printf(", \"link_id\": %u, \"seen\": %" PRIu64 ", \"sent\": %" PRIu64
	       ", \"skipped\": %" PRIu64 ", \"allowed\": %" PRIu64
	       ", \"denied\": %" PRIu64 ", \"expired\": %" PRIu64
	       ", \"invalid\": %" PRIu64 "}}\n",
	       info->link_id, info->seen, info->sent, info->skipped,
	       info->allowed, info->denied, info->expired, info->invalid);
}

static void print_text(pid_t pid, int fd, const char *comm,
		       const struct group_info *info)
{
	printf("%7d %4d  %-11s %6u  ", pid, fd, class_name(info->flags),
	       info->inode_marks + info->mount_marks + info->fs_marks +
	       info->mntns_marks);
	if (info->has_fastpath)
		printf("%-16s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10"
		       PRIu64 " %10" PRIu64 " %7" PRIu64 " %7" PRIu64,
		       info->name, info->seen, info->skipped, info->sent,
		       info->allowed, info->denied, info->expired,
		       info->invalid);
	else
		printf("%-16s %10s %10s %10s %10s %10s %7s %7s", "-", "-", "-",
		       "-", "-", "-", "-", "-");
	printf("  ");
	print_escaped(stdout, comm);
	printf("\n");
}

/* Returns false if the descriptors of the process may not be listed. */
static bool list_process(pid_t pid)
{
	char path[300], target[64], comm[PROCESS_NAME_MAX];
	struct group_info info;
	struct dirent *entry;
	ssize_t len;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT || errno == ESRCH;

	while ((entry = readdir(dir))) {
		len = readlinkat(dirfd(dir), entry->d_name, target,
				 sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = 0;
		if (strcmp(target, "anon_inode:[fanotify]"))
			continue;
		if (group_info_read(pid, atoi(entry->d_name), &info))
			continue;

		process_name(pid, comm, sizeof(comm));
		if (options.json)
			print_json(pid, atoi(entry->d_name), comm, &info);
		else
			print_text(pid, atoi(entry->d_name), comm, &info);
	}
	closedir(dir);
	return true;
}

int cmd_list(int argc, char **argv)
{
	bool complete = true;
	struct dirent *entry;
	DIR *proc;
	pid_t pid;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);

	proc = opendir("/proc");
	if (!proc)
		err(FANFP_FAILED, "/proc");

	if (!options.json)
		printf("%7s %4s  %-11s %6s  %-16s %10s %10s %10s %10s %10s %7s %7s  %s\n",
		       "PID", "FD", "CLASS", "MARKS", "FASTPATH", "SEEN",
		       "SKIPPED", "SENT", "ALLOWED", "DENIED", "EXPIRED",
		       "INVALID", "COMMAND");
	while ((entry = readdir(proc))) {
		pid = atoi(entry->d_name);
		if (pid > 0 && !list_process(pid))
			complete = false;
	}
	closedir(proc);

	if (!complete)
		warnx("not all processes may be looked at: run as root to see them all");
	return print_end() ? FANFP_FAILED : EXIT_SUCCESS;
}
