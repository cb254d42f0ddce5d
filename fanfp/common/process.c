// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc tells of other processes. Each may be gone at any time.
 */
#include <stdio.h>
#include <string.h>

#include "common/process.h"

#define MAX_GENERATIONS	1000

/**
 * process_name - name of a process, as it is now
 * @pid:	the process
 * @name:	where to store it; "?" if the process is gone
 * @size:	bytes there, PROCESS_NAME_MAX is enough
 */
void process_name(pid_t pid, char *name, size_t size)
{
	char path[64];
	size_t len = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file) {
		len = fread(name, 1, size - 1, file);
		fclose(file);
	}
	/* A line feed may be part of it; the last one is the file's. */
	if (len)
		name[name[len - 1] == '\n' ? len - 1 : len] = 0;
	else
		snprintf(name, size, "?");
}

/**
 * process_is_descendant - is a process another one, or descended from it
 * @pid:	the process
 * @of:		the one that may be its ancestor
 */
bool process_is_descendant(pid_t pid, pid_t of)
{
	char path[64], line[512], *end;
	unsigned int i;
	FILE *file;

	for (i = 0; i < MAX_GENERATIONS && pid > 1; i++) {
		if (pid == of)
			return true;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "re");
		if (!file)
			return false;
		line[fread(line, 1, sizeof(line) - 1, file)] = 0;
		fclose(file);
		end = strrchr(line, ')');
		if (!end || sscanf(end, ") %*c %d", &pid) != 1)
			return false;
	}
	return false;
}
