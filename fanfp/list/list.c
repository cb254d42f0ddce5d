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
#include "common/table.h"
#include "fanfp.h"

enum {
	COL_PID, COL_FD, COL_CLASS, COL_MARKS, COL_FASTPATH, COL_SEEN,
	COL_SKIPPED, COL_SENT, COL_ALLOWED, COL_DENIED, COL_EXPIRED,
	COL_INVALID, COL_COMM, COL_FLAGS, COL_INODES, COL_MOUNTS,
	COL_FILESYSTEMS, COL_MNTNS, COL_LINK, NR_COLUMNS
};

static const struct table_column columns[NR_COLUMNS] = {
	[COL_PID] = { "PID", TABLE_NUMBER, "process that holds the group" },
	[COL_FD] = { "FD", TABLE_NUMBER, "its descriptor of the group" },
	[COL_CLASS] = { "CLASS", 0, "notif, content or pre-content" },
	[COL_MARKS] = { "MARKS", TABLE_NUMBER, "marks of all kinds" },
	[COL_FASTPATH] = { "FASTPATH", TABLE_TRUNC, "name of the fast path" },
	[COL_SEEN] = { "SEEN", TABLE_NUMBER, "events that it saw" },
	[COL_SKIPPED] = { "SKIPPED", TABLE_NUMBER, "of those, not sent" },
	[COL_SENT] = { "SENT", TABLE_NUMBER, "of those, sent to the listener" },
	[COL_ALLOWED] = { "ALLOWED", TABLE_NUMBER | TABLE_DROP,
			  "permission events that it allowed" },
	[COL_DENIED] = { "DENIED", TABLE_NUMBER | TABLE_DROP,
			 "permission events that it denied" },
	[COL_EXPIRED] = { "EXPIRED", TABLE_NUMBER | TABLE_DROP,
			  "questions that were not answered in time" },
	[COL_INVALID] = { "INVALID", TABLE_NUMBER | TABLE_DROP,
			  "answers that meant nothing" },
	[COL_COMM] = { "COMM", TABLE_TRUNC, "name of the process" },
	[COL_FLAGS] = { "FLAGS", TABLE_NUMBER | TABLE_EXTRA,
			"of fanotify_init()" },
	[COL_INODES] = { "INODES", TABLE_NUMBER | TABLE_EXTRA,
			 "marks of files and directories" },
	[COL_MOUNTS] = { "MOUNTS", TABLE_NUMBER | TABLE_EXTRA,
			 "marks of mounts" },
	[COL_FILESYSTEMS] = { "FILESYSTEMS", TABLE_NUMBER | TABLE_EXTRA,
			      "marks of filesystems" },
	[COL_MNTNS] = { "MNTNS", TABLE_NUMBER | TABLE_EXTRA,
			"marks of mount namespaces" },
	[COL_LINK] = { "LINK", TABLE_NUMBER | TABLE_EXTRA,
		       "BPF link of the fast path" },
};

static struct table *table;

static const struct argp_option option_table[] = {
	OPTION_OUTPUT,
	OPTION_JSON,
	{ 0 }
};

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	if (key != 'o')
		return options_parse(key, arg, state);
	table_choose(table, arg, state);
	return 0;
}

static char *add_columns(int key, const char *text, void *input)
{
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	return table_help(columns, NR_COLUMNS, text);
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_opt,
	.doc = "List the fanotify groups of this machine, and the counters of "
	       "their fast paths.\vThe last six columns are printed if they are "
	       "asked for, or with --json; in a narrow terminal some others are "
	       "left out, too.",
	.help_filter = add_columns,
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

static void add_group(pid_t pid, int fd, const struct group_info *info)
{
	const struct {
		size_t column;
		uint64_t count;
	} counters[] = {
		{ COL_SEEN, info->seen },
		{ COL_SKIPPED, info->skipped },
		{ COL_SENT, info->sent },
		{ COL_ALLOWED, info->allowed },
		{ COL_DENIED, info->denied },
		{ COL_EXPIRED, info->expired },
		{ COL_INVALID, info->invalid },
		{ COL_LINK, info->link_id },
	};
	char comm[PROCESS_NAME_MAX];
	size_t i;

	process_name(pid, comm, sizeof(comm));
	table_add_row(table);
	table_set(table, COL_PID, "%d", pid);
	table_set(table, COL_FD, "%d", fd);
	table_set(table, COL_CLASS, "%s", class_name(info->flags));
	table_set(table, COL_MARKS, "%u", info->inode_marks + info->mount_marks +
		  info->fs_marks + info->mntns_marks);
	table_set(table, COL_COMM, "%s", comm);
	table_set(table, COL_FLAGS, "%u", info->flags);
	table_set(table, COL_INODES, "%u", info->inode_marks);
	table_set(table, COL_MOUNTS, "%u", info->mount_marks);
	table_set(table, COL_FILESYSTEMS, "%u", info->fs_marks);
	table_set(table, COL_MNTNS, "%u", info->mntns_marks);
	if (!info->has_fastpath)
		return;
	table_set(table, COL_FASTPATH, "%s", info->name);
	for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		table_set(table, counters[i].column, "%" PRIu64,
			  counters[i].count);
}

/* Returns false if the descriptors of the process may not be listed. */
static bool list_process(pid_t pid)
{
	char path[300], target[64];
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
		if (!group_info_read(pid, atoi(entry->d_name), &info))
			add_group(pid, atoi(entry->d_name), &info);
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

	table = table_new(columns, NR_COLUMNS);
	argp_parse(&argp, argc, argv, 0, NULL, NULL);

	proc = opendir("/proc");
	if (!proc)
		err(FANFP_FAILED, "/proc");
	while ((entry = readdir(proc))) {
		pid = atoi(entry->d_name);
		if (pid > 0 && !list_process(pid))
			complete = false;
	}
	closedir(proc);

	table_print(table);
	if (!complete)
		warnx("not all processes may be looked at: run as root to see them all");
	return print_end() ? FANFP_FAILED : EXIT_SUCCESS;
}
