// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: those who watch it, by its tracepoint, by tracing its
 * program, or by the statistics of programs.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "fanotify_fastpath_opener.h"
#include "fanotify_fastpath_tracepoint.skel.h"

static void test_tracepoint(struct fp_fixture *f)
{
	struct fanotify_fastpath_tracepoint *skel;

	skel = fanotify_fastpath_tracepoint__open_and_load();
	if (!ASSERT_OK_PTR(skel, "load skeleton"))
		return;
	if (!fp_make_files("a") || !fp_make_dir("d") ||
	    !fp_mark_fs(f, FAN_OPEN | FAN_DELETE_SELF | FAN_ONDIR) ||
	    !fp_attach(f, f->skel->maps.answer_ops))
		goto out;
	skel->bss->watched_ino = fp_ino_of("a");
	skel->bss->watched_tgid = getpid();
	if (!ASSERT_OK(fanotify_fastpath_tracepoint__attach(skel), "attach"))
		goto out;

	fp_open_files("a");
	ASSERT_EQ(skel->bss->sent, 1, "sent");
	ASSERT_EQ(skel->bss->skipped, 0, "skipped");

	f->skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	fp_open_files("a");
	ASSERT_EQ(skel->bss->sent, 1, "sent");
	ASSERT_EQ(skel->bss->skipped, 1, "skipped");
	ASSERT_EQ(skel->bss->last_answer, FAN_FP_RET_SKIP_EVENT, "answer");

	f->skel->bss->answer = -2;
	fp_open_files("a");
	ASSERT_EQ(skel->bss->sent, 2, "sent");
	ASSERT_EQ(skel->bss->last_answer, -2, "answer");
	ASSERT_EQ(skel->bss->without_dir, 0, "without dir");

	ASSERT_OK(rmdir("d"), "rmdir");
	ASSERT_EQ(skel->bss->without_dir, 1, "without dir");
out:
	fanotify_fastpath_tracepoint__destroy(skel);
}

/* Mount events have no inode. */
static void test_tracepoint_mount(struct fp_fixture *f)
{
	struct fanotify_fastpath_tracepoint *skel;

	skel = fanotify_fastpath_tracepoint__open_and_load();
	if (!ASSERT_OK_PTR(skel, "load skeleton"))
		return;
	skel->bss->watched_tgid = getpid();
	if (!fp_make_dirs("m") ||
	    !fp_mark(f, FAN_MARK_ADD | FAN_MARK_MNTNS, FAN_MNT_ATTACH,
		     "/proc/self/ns/mnt") ||
	    !fp_attach(f, f->skel->maps.answer_ops) ||
	    !ASSERT_OK(fanotify_fastpath_tracepoint__attach(skel), "attach"))
		goto out;

	if (!ASSERT_OK(mount("tmpfs", "m", "tmpfs", 0, NULL), "mount"))
		goto out;
	ASSERT_EQ(skel->bss->without_inode, 1, "without inode");
	ASSERT_EQ(skel->bss->without_dir, 1, "without dir");
	ASSERT_OK(umount("m"), "umount");
out:
	fanotify_fastpath_tracepoint__destroy(skel);
}

static void test_tracepoint_permission(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	struct fanotify_fastpath_tracepoint *trace;

	trace = fanotify_fastpath_tracepoint__open_and_load();
	if (!skel || !ASSERT_OK_PTR(trace, "load skeleton") ||
	    !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.answer_ops))
		goto out;
	trace->bss->watched_ino = fp_ino_of("a");
	if (!ASSERT_OK(fanotify_fastpath_tracepoint__attach(trace), "attach"))
		goto out;

	skel->bss->answer = -EIO;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EIO, "denied");
	ASSERT_EQ(trace->bss->last_answer, -EIO, "answer");
	/* As the program gave it */
	skel->bss->answer = -ENOENT;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EPERM, "denied");
	ASSERT_EQ(trace->bss->last_answer, -ENOENT, "answer");
	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(fp_run(fp_do_open, "a"), "allowed");
	ASSERT_EQ(trace->bss->last_answer, FAN_FP_RET_SKIP_EVENT, "answer");
	ASSERT_EQ(trace->bss->skipped, 1, "skipped");
out:
	fanotify_fastpath_tracepoint__destroy(trace);
	fp_unload_permission(f, skel);
}

/*
 * The programs are called without a trampoline, and can be observed as others.
 */
static void test_program(struct fp_fixture *f)
{
	struct fanotify_fastpath_tracepoint *skel;
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd, stats_fd = -1;

	skel = fanotify_fastpath_tracepoint__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return;
	fd = bpf_program__fd(f->skel->progs.skip_filter);
	bpf_program__set_autoload(skel->progs.trace_decision, false);
	bpf_program__set_autoload(skel->progs.trace_program, true);
	if (!ASSERT_OK(bpf_program__set_attach_target(skel->progs.trace_program,
						      fd, "skip_filter"),
		       "attach target") ||
	    !ASSERT_OK(fanotify_fastpath_tracepoint__load(skel), "load") ||
	    !ASSERT_OK(fanotify_fastpath_tracepoint__attach(skel), "attach"))
		goto out;
	stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (!ASSERT_OK_FD(stats_fd, "enable statistics"))
		goto out;
	if (!fp_make_files("a b") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		goto out;

	fp_open_files("a b");
	ASSERT_STREQ(fp_read_events(f), "", "skipped");
	ASSERT_EQ(skel->bss->returned, 2, "traced");
	if (ASSERT_OK(bpf_prog_get_info_by_fd(fd, &info, &len), "info"))
		ASSERT_EQ(info.run_cnt, 2, "run count");
out:
	if (stats_fd >= 0)
		close(stats_fd);
	fanotify_fastpath_tracepoint__destroy(skel);
}

static const struct fp_subtest subtests[] = {
	{ "tracepoint", test_tracepoint, "tmpfs", FASTPATH_FLAGS },
	{ "tracepoint_mount", test_tracepoint_mount, "tmpfs", FAN_REPORT_MNT },
	{ "tracepoint_permission", test_tracepoint_permission, "tmpfs",
	  FAN_CLASS_CONTENT },
	{ "program", test_program, "tmpfs", FASTPATH_FLAGS },
};

/* Serial: the statistics of programs are switched on for the whole system. */
void serial_test_fanotify_fastpath_observe(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
