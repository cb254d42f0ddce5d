// SPDX-License-Identifier: GPL-2.0
/*
 * bpf_path_d_path() has a name for a file that a task closes. For one that is closed
 * by the exit of the task, which has no root any more, it has an error.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <test_progs.h>
#include "path_d_path.skel.h"

static void check(struct path_d_path *skel, const char *path, bool closed)
{
	int status;
	pid_t pid;

	skel->bss->calls = 0;
	skel->bss->len = 0;
	pid = fork();
	if (!ASSERT_GE(pid, 0, "fork"))
		return;
	if (!pid) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && closed)
			close(fd);
		_exit(fd < 0);
	}
	if (!ASSERT_EQ(waitpid(pid, &status, 0), pid, "waitpid"))
		return;
	ASSERT_EQ(status, 0, "status of the child");
	ASSERT_EQ(skel->bss->calls, 1, "calls");
	if (closed) {
		ASSERT_EQ(skel->bss->len, strlen(path) + 1, "length of the name");
		ASSERT_STREQ(skel->bss->name, path, "name");
	} else {
		ASSERT_EQ(skel->bss->len, -EOPNOTSUPP, "error");
	}
}

void test_path_d_path(void)
{
	char path[] = "/tmp/path_d_path.XXXXXX";
	struct path_d_path *skel;
	struct stat st;
	int fd;

	fd = mkstemp(path);
	if (!ASSERT_OK_FD(fd, "mkstemp"))
		return;
	skel = path_d_path__open_and_load();
	if (!ASSERT_OK_PTR(skel, "open and load") ||
	    !ASSERT_OK(fstat(fd, &st), "fstat") ||
	    !ASSERT_OK(path_d_path__attach(skel), "attach"))
		goto out;
	close(fd);
	fd = -1;
	skel->bss->ino = st.st_ino;

	if (test__start_subtest("closed"))
		check(skel, path, true);
	if (test__start_subtest("closed_by_exit"))
		check(skel, path, false);
out:
	path_d_path__destroy(skel);
	if (fd >= 0)
		close(fd);
	unlink(path);
}
