// SPDX-License-Identifier: GPL-2.0
/*
 * bpf_path_d_path() has a name for a file that a task closes. For one that is closed
 * by the exit of the task, which has no root any more, it has an error, but the name
 * of a socket needs no root.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <test_progs.h>
#include "path_d_path.skel.h"

/* The child opens the file at @path, or a socket, and closes it or exits. */
static int child(struct path_d_path *skel, const char *path, bool closed)
{
	struct stat st;
	int fd;

	fd = path ? open(path, O_RDONLY | O_CLOEXEC)
		  : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || fstat(fd, &st))
		return 1;
	skel->bss->tgid = getpid();
	skel->bss->ino = st.st_ino;
	if (closed)
		close(fd);
	return 0;
}

static void check(struct path_d_path *skel, const char *path, bool closed)
{
	char name[64];
	int status;
	pid_t pid;

	skel->bss->tgid = 0;
	skel->bss->calls = 0;
	skel->bss->len = 0;
	skel->bss->name[0] = '\0';
	pid = fork();
	if (!ASSERT_GE(pid, 0, "fork"))
		return;
	if (!pid)
		_exit(child(skel, path, closed));
	if (!ASSERT_EQ(waitpid(pid, &status, 0), pid, "waitpid"))
		return;
	ASSERT_EQ(status, 0, "status of the child");
	ASSERT_EQ(skel->bss->calls, 1, "calls");
	if (path && !closed) {
		ASSERT_EQ(skel->bss->len, -EOPNOTSUPP, "error");
		return;
	}
	if (path)
		snprintf(name, sizeof(name), "%s", path);
	else
		snprintf(name, sizeof(name), "socket:[%llu]", skel->bss->ino);
	ASSERT_EQ(skel->bss->len, strlen(name) + 1, "length of the name");
	ASSERT_STREQ(skel->bss->name, name, "name");
}

void test_path_d_path(void)
{
	char path[] = "/tmp/path_d_path.XXXXXX";
	struct path_d_path *skel;
	int fd;

	fd = mkstemp(path);
	if (!ASSERT_OK_FD(fd, "mkstemp"))
		return;
	close(fd);
	skel = path_d_path__open_and_load();
	if (!ASSERT_OK_PTR(skel, "open and load") ||
	    !ASSERT_OK(path_d_path__attach(skel), "attach"))
		goto out;

	if (test__start_subtest("closed"))
		check(skel, path, true);
	if (test__start_subtest("closed_by_exit"))
		check(skel, path, false);
	if (test__start_subtest("socket_closed_by_exit"))
		check(skel, NULL, false);
out:
	path_d_path__destroy(skel);
	unlink(path);
}
