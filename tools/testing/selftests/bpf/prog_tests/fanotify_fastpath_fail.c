// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: programs that the verifier must not let through. Maps
 * that the kernel refuses are in fanotify_fastpath_attach.c.
 */
#include <test_progs.h>

#include "fanotify_fastpath_fail.skel.h"
#include "fanotify_fastpath_fail_timer.skel.h"

static void test_is_subdir_in_timer(void)
{
	struct fanotify_fastpath_fail_timer *skel;
	static char log[65536];

	skel = fanotify_fastpath_fail_timer__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return;
	log[0] = '\0';
	bpf_program__set_log_buf(skel->progs.is_subdir_in_timer, log,
				 sizeof(log));
	if (!ASSERT_ERR(fanotify_fastpath_fail_timer__load(skel), "load"))
		goto out;
	/* The rule that is tested is not reached where there are no timers. */
	if (strstr(log, "bpf_timer cannot be used for PREEMPT_RT"))
		test__skip();
	else
		ASSERT_HAS_SUBSTR(log,
				  "R1 is map_value expected STRUCT fsnotify_group",
				  "verifier log");
out:
	fanotify_fastpath_fail_timer__destroy(skel);
}

void test_fanotify_fastpath_fail(void)
{
	RUN_TESTS(fanotify_fastpath_fail);
	if (test__start_subtest("is_subdir_in_timer"))
		test_is_subdir_in_timer();
}
