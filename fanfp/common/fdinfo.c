// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc/PID/fdinfo/FD tells of a fanotify group: its flags, its marks and
 * the counters of its fast path.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fdinfo.h"

static uint64_t read_count(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* By key: kernels without permission events lack some. */
static void read_fastpath(const char *line, struct group_info *info)
{
	if (sscanf(line, "fanotify-fastpath name:%31s", info->name) != 1)
		return;
	info->has_fastpath = true;
	info->link_id = read_count(line, " link_id:");
	info->seen = read_count(line, " seen:");
	info->sent = read_count(line, " sent:");
	info->skipped = read_count(line, " skipped:");
	info->allowed = read_count(line, " allowed:");
	info->denied = read_count(line, " denied:");
	info->invalid = read_count(line, " invalid:");
	info->expired = read_count(line, " expired:");
}

/**
 * group_info_read - what is known of a group
 * @pid:	a process that holds it
 * @fd:		the descriptor there
 * @info:	where to store it
 *
 * Return: 0, or -errno if the file is gone or cannot be read.
 */
int group_info_read(pid_t pid, int fd, struct group_info *info)
{
	char path[64], *line = NULL;
	size_t size = 0;
	FILE *file;

	memset(info, 0, sizeof(*info));
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	file = fopen(path, "re");
	if (!file)
		return -errno;

	while (getline(&line, &size, file) > 0) {
		if (sscanf(line, "fanotify flags:%x", &info->flags) == 1)
			continue;
		if (!strncmp(line, "fanotify-fastpath ", 18))
			read_fastpath(line, info);
		else if (!strncmp(line, "fanotify ino:", 13))
			info->inode_marks++;
		else if (!strncmp(line, "fanotify mnt_id:", 16))
			info->mount_marks++;
		else if (!strncmp(line, "fanotify sdev:", 14))
			info->fs_marks++;
		else if (!strncmp(line, "fanotify mnt_ns:", 16))
			info->mntns_marks++;
	}

	free(line);
	fclose(file);
	return 0;
}
