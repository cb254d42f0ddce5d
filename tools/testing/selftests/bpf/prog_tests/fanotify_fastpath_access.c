// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: the accesses that a denial stops, and what it leaves
 * behind.
 */
#include <fcntl.h>
#include <linux/elf.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "fanotify_fastpath_opener.h"

static int do_create(const char *path)
{
	return fp_open_flags(path, O_CREAT | O_EXCL | O_WRONLY);
}

static int do_open_truncate(const char *path)
{
	return fp_open_flags(path, O_WRONLY | O_TRUNC);
}

static int do_openat2(const char *path)
{
	struct open_how how = { .flags = O_RDONLY };
	int fd;

	fd = syscall(__NR_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void test_openat2(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);

	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = -EBUSY;
	ASSERT_EQ(fp_run(do_openat2, "a"), EBUSY, "denied");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(fp_run(do_openat2, "a"), "allowed");
	fp_expect_counters(f, 0, 0, 1, 1, 0);
out:
	fp_unload_permission(f, skel);
}

/* Find the path of the loader in @fd; false if that is linked statically. */
static bool find_loader(int fd, struct elf64_phdr *phdr)
{
	struct elf64_hdr hdr;
	int i;

	if (pread(fd, &hdr, sizeof(hdr), 0) != sizeof(hdr) ||
	    hdr.e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	for (i = 0; i < hdr.e_phnum; i++) {
		if (pread(fd, phdr, sizeof(*phdr),
			  hdr.e_phoff + i * hdr.e_phentsize) != sizeof(*phdr))
			return false;
		if (phdr->p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* A copy of /bin/true as "a" whose loader is a copy too, "ld.so" */
static bool make_binary(void)
{
	char loader[PATH_MAX], cmd[PATH_MAX + 64];
	struct elf64_phdr phdr;
	bool ok = false;
	int fd;

	if (!ASSERT_OK(system("cp -L /bin/true a && chmod 755 a"), "copy"))
		return false;
	fd = open("a", O_RDWR);
	if (!ASSERT_OK_FD(fd, "a"))
		return false;
	if (!find_loader(fd, &phdr)) {
		printf("%s:SKIP:/bin/true has no loader\n", __func__);
		test__skip();
		goto out;
	}

	if (!ASSERT_LT(phdr.p_filesz, sizeof(loader), "length of path") ||
	    !ASSERT_EQ(pread(fd, loader, phdr.p_filesz, phdr.p_offset),
		       phdr.p_filesz, "read path"))
		goto out;
	loader[phdr.p_filesz] = '\0';
	snprintf(cmd, sizeof(cmd), "cp -L %s ld.so", loader);
	if (!ASSERT_OK(system(cmd), cmd))
		goto out;
	memset(loader, 0, phdr.p_filesz);
	snprintf(loader, phdr.p_filesz, "ld.so");
	ok = ASSERT_EQ(pwrite(fd, loader, phdr.p_filesz, phdr.p_offset),
		       phdr.p_filesz, "write path");
out:
	close(fd);
	return ok;
}

/* Deny one of the files that execve() opens. */
static void check_exec(struct fp_fixture *f,
		       struct fanotify_fastpath_permission *skel,
		       const char *path, const char *denied)
{
	skel->bss->answer = -EPERM;
	skel->bss->answered_ino = 0;
	ASSERT_OK(fp_run(fp_do_exec, path), "allowed");
	skel->bss->answered_ino = fp_ino_of(denied);
	ASSERT_EQ(fp_run(fp_do_exec, path), EPERM, "denied");
}

static void test_exec(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);

	if (!skel || !make_binary() ||
	    !fp_write_file("s", "#!a\n", 0755))
		goto out;
	if (!fp_mark_fs(f, FAN_OPEN_EXEC_PERM) ||
	    !fp_attach(f, skel->maps.inode_ops))
		goto out;

	check_exec(f, skel, "a", "a");
	check_exec(f, skel, "s", "s");
	fp_expect_counters(f, 0, 0, 2 + 3, 2, 0);
out:
	fp_unload_permission(f, skel);
}

static void test_exec_interpreter(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);

	if (!skel || !make_binary() ||
	    !fp_write_file("s", "#!a\n", 0755))
		goto out;
	if (!fp_mark_fs(f, FAN_OPEN_EXEC_PERM) ||
	    !fp_attach(f, skel->maps.inode_ops))
		goto out;

	check_exec(f, skel, "s", "a");
	check_exec(f, skel, "s", "ld.so");
	check_exec(f, skel, "a", "ld.so");
out:
	fp_unload_permission(f, skel);
}

static void test_read(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);

	if (!skel || !fp_write_file("a", FP_CONTENT, 0644) ||
	    !fp_mark_fs(f, FAN_ACCESS_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = -EIO;
	ASSERT_EQ(fp_run(fp_do_read, "a"), EIO, "denied");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(fp_run(fp_do_read, "a"), "allowed");
	skel->bss->answer = FAN_FP_RET_SEND_TO_USERSPACE;
	ASSERT_EQ(fp_run_asked(f->fan_fd, fp_do_read, "a", FAN_ACCESS_PERM,
			       FAN_DENY),
		  EPERM, "asked");
	fp_expect_counters(f, 1, 0, 1, 1, 0);
out:
	fp_unload_permission(f, skel);
}

static void test_truncate(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	struct stat before, after;

	if (!skel || !fp_write_file("a", FP_CONTENT, 0644) ||
	    !ASSERT_OK(stat("a", &before), "stat") ||
	    !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = -EPERM;
	ASSERT_EQ(fp_run(do_open_truncate, "a"), EPERM, "denied");
	if (!ASSERT_OK(stat("a", &after), "stat"))
		goto out;
	ASSERT_EQ(after.st_size, before.st_size, "size");
	ASSERT_MEMEQ(&after.st_mtim, &before.st_mtim, sizeof(after.st_mtim),
		     "mtime");
	ASSERT_MEMEQ(&after.st_ctim, &before.st_ctim, sizeof(after.st_ctim),
		     "ctime");

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(fp_run(do_open_truncate, "a"), "allowed");
	if (ASSERT_OK(stat("a", &after), "stat"))
		ASSERT_EQ(after.st_size, 0, "truncated");
out:
	fp_unload_permission(f, skel);
}

/* The file is there before anyone is asked about the open, as ever. */
static void test_create(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	struct stat plain, denied;

	if (!skel || !fp_mark_fs(f, FAN_OPEN_PERM))
		goto out;
	ASSERT_EQ(fp_run_asked(f->fan_fd, do_create, "plain", FAN_OPEN_PERM,
			       FAN_DENY), EPERM, "listener denies");
	if (!ASSERT_OK(stat("plain", &plain), "left by the listener") ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;

	skel->bss->answer = -EPERM;
	ASSERT_EQ(fp_run(do_create, "denied"), EPERM, "program denies");
	if (!ASSERT_OK(stat("denied", &denied), "left by the program"))
		goto out;
	ASSERT_EQ(denied.st_size, plain.st_size, "size");
	ASSERT_EQ(denied.st_mode, plain.st_mode, "mode");
	ASSERT_EQ(denied.st_nlink, plain.st_nlink, "links");
out:
	fp_unload_permission(f, skel);
}

/* A read is asked about if a mark wanted that when the file was opened. */
static void test_opened_before(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	int unmarked_fd, marked_fd = -1;
	char c;

	unmarked_fd = open("a", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	if (!skel || !ASSERT_OK_FD(unmarked_fd, "a") ||
	    !ASSERT_EQ(pwrite(unmarked_fd, FP_CONTENT, 1, 0), 1, "pwrite") ||
	    !fp_mark_fs(f, FAN_ACCESS_PERM))
		goto out;
	marked_fd = open("a", O_RDONLY | O_CLOEXEC);
	if (!ASSERT_OK_FD(marked_fd, "a"))
		goto out;
	skel->bss->answer = -EIO;
	if (!fp_attach(f, skel->maps.answer_ops))
		goto out;

	ASSERT_EQ(pread(unmarked_fd, &c, 1, 0), 1, "opened before mark");
	fp_expect_counters(f, 0, 0, 0, 0, 0);
	ASSERT_EQ(pread(marked_fd, &c, 1, 0), -1, "opened before program");
	ASSERT_EQ(errno, EIO, "denied");
	fp_expect_counters(f, 0, 0, 0, 1, 0);
out:
	if (marked_fd >= 0)
		close(marked_fd);
	if (unmarked_fd >= 0)
		close(unmarked_fd);
	fp_unload_permission(f, skel);
}

static const struct fp_subtest subtests[] = {
	{ "openat2", test_openat2, "tmpfs", FAN_CLASS_CONTENT },
	{ "exec", test_exec, "tmpfs", FAN_CLASS_CONTENT },
	{ "exec_interpreter", test_exec_interpreter, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "read", test_read, NULL, FAN_CLASS_CONTENT },
	{ "truncate", test_truncate, NULL, FAN_CLASS_CONTENT },
	{ "create", test_create, NULL, FAN_CLASS_CONTENT },
	{ "opened_before", test_opened_before, "tmpfs", FAN_CLASS_CONTENT },
};

/* Serial: children are killed when they take too long. */
void serial_test_fanotify_fastpath_access(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
