// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: the answers of a filter, which events it is asked about,
 * and how what it sends is reported.
 */
#include "fanotify_fastpath_opener.h"

static void test_skip_all(struct fp_fixture *f)
{
	if (!fp_make_files("a b") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		return;

	fp_open_files("a b");
	ASSERT_STREQ(fp_read_events(f), "", "events");
	ASSERT_STREQ(fp_read_counters(f), "seen:2 sent:0 skipped:2 invalid:0",
		     "counters");
}

static void test_send_all(struct fp_fixture *f)
{
	if (!fp_make_files("a b") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.answer_ops))
		return;

	fp_open_files("a b");
	ASSERT_STREQ(fp_read_events(f), "open:a open:b", "events");
	ASSERT_STREQ(fp_read_counters(f), "seen:2 sent:2 skipped:0 invalid:0",
		     "counters");
}

static void test_unknown_answer(struct fp_fixture *f)
{
	static const int answers[] = { 2, -1, -EPERM, INT_MAX, INT_MIN };
	char expected[64];
	int i;

	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.answer_ops))
		return;

	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		f->skel->bss->answer = answers[i];
		fp_open_files("a");
		ASSERT_STREQ(fp_read_events(f), "open:a", "sent");
		snprintf(expected, sizeof(expected),
			 "seen:%d sent:%d skipped:0 invalid:%d",
			 i + 1, i + 1, i + 1);
		ASSERT_STREQ(fp_read_counters(f), expected, "counters");
	}

	f->skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "skipped");
}

/* A program decides for its own group, and sees only what that asked for. */
static void test_other_group(struct fp_fixture *f)
{
	struct fanotify_fastpath *skel = NULL;
	struct bpf_link *link = NULL;
	int fan_fd;

	fan_fd = fp_new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(fan_fd, "second group"))
		return;
	if (!fp_make_files("a") ||
	    !fp_mark_fs(f, FAN_OPEN | FAN_CLOSE_NOWRITE) ||
	    !ASSERT_OK(fanotify_mark(fan_fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				     FAN_OPEN, AT_FDCWD, "."), "second mark") ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		goto out;

	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "first group");
	ASSERT_EQ(fp_count_events(fan_fd), 1, "plain second group");

	skel = fp_load_skel(fan_fd);
	if (!skel)
		goto out;
	link = bpf_map__attach_struct_ops(skel->maps.answer_ops);
	if (!ASSERT_OK_PTR(link, "attach to second group"))
		goto out;

	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "first group");
	ASSERT_EQ(fp_count_events(fan_fd), 1, "second group");
	ASSERT_STREQ(fp_read_counters(f), "seen:4 sent:0 skipped:4 invalid:0",
		     "first counters");
	ASSERT_HAS_SUBSTR(fp_read_fdinfo(f, fan_fd), "seen:1 sent:1",
			  "second counters");
out:
	bpf_link__destroy(link);
	fanotify_fastpath__destroy(skel);
	close(fan_fd);
}

/* What the marks and ignore marks keep from the listener is not asked about. */
static void test_not_asked(struct fp_fixture *f)
{
	if (!fp_make_dirs("d") || !fp_make_files("a b") ||
	    !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_mark(f, FAN_MARK_ADD | FAN_MARK_IGNORE_SURV, FAN_OPEN, "a") ||
	    !fp_attach(f, f->skel->maps.answer_ops))
		return;

	/* Directories take FAN_ONDIR. */
	fp_open_files("a b d");
	ASSERT_STREQ(fp_read_events(f), "open:b", "events");
	ASSERT_STREQ(fp_read_counters(f), "seen:1 sent:1 skipped:0 invalid:0",
		     "counters");
}

struct mode_event {
	int events;
	unsigned int info_types;
	bool has_fd;
};

static void read_mode_event(const struct fp_event *event, void *ctx)
{
	struct mode_event *mode = ctx;

	mode->events++;
	mode->info_types |= event->info_types;
	mode->has_fd = event->fd >= 0;
}

/*
 * The program finds its subtree whatever the group reports, and what it sends
 * is reported as without a program.
 */
static void test_mode(struct fp_fixture *f)
{
	struct mode_event plain = {}, inside = {};

	if (!fp_make_dirs("in out") || !fp_make_files("in/a out/b") ||
	    !fp_mark_fs(f, FAN_OPEN) || !fp_add_root(f, "in"))
		return;
	fp_open_files("in/a");
	fp_drain_events(f->fan_fd, read_mode_event, &plain);
	ASSERT_EQ(plain.events, 1, "plain");
	if (!fp_attach(f, f->skel->maps.subtree_ops))
		return;

	fp_open_files("out/b");
	ASSERT_EQ(fp_count_events(f->fan_fd), 0, "outside");

	fp_open_files("in/a");
	fp_drain_events(f->fan_fd, read_mode_event, &inside);
	ASSERT_EQ(inside.events, 1, "inside");
	ASSERT_EQ(inside.info_types, plain.info_types, "info records");
	ASSERT_EQ(inside.has_fd, plain.has_fd, "event fd");
	ASSERT_STREQ(fp_read_counters(f), "seen:2 sent:1 skipped:1 invalid:0",
		     "counters");
}

/* Skipping a permission event would be allowing it: the filter has no say. */
static void test_permission(struct fp_fixture *f)
{
	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN | FAN_OPEN_PERM) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		return;

	ASSERT_EQ(fp_open_asked(f, FAN_DENY), EPERM, "listener denies");
	ASSERT_STREQ(fp_read_counters(f), "seen:0 sent:0 skipped:0 invalid:0",
		     "denied");
	ASSERT_EQ(fp_open_asked(f, FAN_ALLOW), 0, "listener allows");
	ASSERT_STREQ(fp_read_events(f), "", "events");
	ASSERT_STREQ(fp_read_counters(f), "seen:1 sent:0 skipped:1 invalid:0",
		     "allowed");
}

static const struct fp_subtest subtests[] = {
	{ "skip_all", test_skip_all, NULL, FASTPATH_FLAGS },
	{ "send_all", test_send_all, NULL, FASTPATH_FLAGS },
	{ "unknown_answer", test_unknown_answer, NULL, FASTPATH_FLAGS },
	{ "other_group", test_other_group, "tmpfs", FASTPATH_FLAGS },
	{ "not_asked", test_not_asked, "tmpfs", FASTPATH_FLAGS },
	{ "permission", test_permission, "tmpfs", FAN_CLASS_CONTENT },
	{ "mode_fd", test_mode, NULL, 0 },
	{ "mode_fid", test_mode, NULL, FAN_REPORT_FID },
	{ "mode_dir_fid", test_mode, NULL, FAN_REPORT_DIR_FID },
	{ "mode_dfid_name", test_mode, NULL, FAN_REPORT_DFID_NAME },
	{ "mode_dfid_name_fid", test_mode, NULL,
	  FAN_REPORT_DFID_NAME | FAN_REPORT_FID },
	{ "mode_dfid_name_target", test_mode, NULL,
	  FAN_REPORT_DFID_NAME_TARGET },
};

/* Serial: a rename anywhere, by another test, makes walks undecided. */
void serial_test_fanotify_fastpath(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
