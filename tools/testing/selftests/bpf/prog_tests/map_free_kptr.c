// SPDX-License-Identifier: GPL-2.0
/*
 * Hash tables are freed while they hold objects of programs, which go to the allocator
 * of a CPU. With CONFIG_DEBUG_PREEMPT the kernel complains if that could be another one
 * in the middle of it; the test itself has no other way to notice.
 */
#include <test_progs.h>
#include "map_free_kptr.skel.h"

void test_map_free_kptr(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct map_free_kptr *skel;

	skel = map_free_kptr__open_and_load();
	if (!ASSERT_OK_PTR(skel, "open and load"))
		return;
	if (ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.fill), &opts), "run"))
		ASSERT_EQ(opts.retval, 2 * skel->rodata->entries, "objects");
	map_free_kptr__destroy(skel);
	ASSERT_OK(kern_sync_rcu(), "wait");
}
