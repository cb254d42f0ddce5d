// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: programs that the verifier must not let through.
 */
#include <test_progs.h>

#include "fanotify_fastpath_fail.skel.h"

static const struct {
	const char *prog;
	const char *msg;
} rejected[] = {
	{ "sleepable",
	  "attach to unsupported member filter of struct fanotify_fastpath_ops" },
	{ "unchecked_inode", "invalid mem access 'trusted_ptr_or_null_'" },
	{ "unchecked_dir", "invalid mem access 'trusted_ptr_or_null_'" },
	{ "unchecked_dentry", "invalid mem access 'trusted_ptr_or_null_'" },
	{ "unchecked_name", "invalid mem access 'trusted_ptr_or_null_'" },
	{ "unchecked_dentry_inode",
	  "invalid mem access 'trusted_ptr_or_null_'" },
	{ "unchecked_root", "invalid mem access 'rcu_ptr_or_null_'" },
	{ "write_group", "only read is supported" },
	{ "write_inode", "only read is supported" },
	{ "write_dir", "only read is supported" },
	{ "write_dentry", "only read is supported" },
	{ "write_name", "only read is supported" },
	{ "write_mask", "invalid bpf_context access off=8 size=8" },
	{ "seventh_argument", "func 'filter' doesn't have 7-th argument" },
	{ "no_answer", "R0 !read_ok" },
	{ "kept_reference", "Unreleased reference" },
	{ "walked_dentry", "R2 must be referenced or trusted" },
	{ "walked_dir", "R3 must be referenced or trusted" },
	{ "root_as_dir", "R3 must be referenced or trusted" },
	{ "cast_group", "R1 must be referenced or trusted" },
	{ "no_group", "Possibly NULL pointer passed to trusted R1" },
	{ "send_signal", "cannot use helper bpf_send_signal#" },
	{ "send_signal_thread", "cannot use helper bpf_send_signal_thread#" },
	{ "send_signal_task",
	  "calling kernel function bpf_send_signal_task is not allowed" },
	{ "probe_write_user", "cannot use helper bpf_probe_write_user#" },
	{ "override_return", "cannot use helper bpf_override_return#" },
	{ "exe_file",
	  "calling kernel function bpf_get_task_exe_file is not allowed" },
	{ "path_in_filter",
	  "calling kernel function bpf_path_d_path is not allowed" },
	{ "is_subdir_in_timer",
	  "R1 is map_value expected STRUCT fsnotify_group" },
	{ "unchecked_subdir", "R2 must be referenced or trusted" },
	{ "delete_storage", "cannot use helper bpf_inode_storage_delete#" },
	{ "sleepable_permission",
	  "attach to unsupported member permission of struct fanotify_fastpath_ops" },
	{ "unchecked_range", "invalid mem access 'trusted_ptr_or_null_'" },
	{ "write_path", "only read is supported" },
	{ "write_range", "only read is supported" },
	{ "cast_path", "R1 must be referenced or trusted" },
	{ "exe_file_permission",
	  "calling kernel function bpf_get_task_exe_file is not allowed" },
	{ "is_subdir_in_tracing",
	  "calling kernel function bpf_fanotify_is_subdir is not allowed" },
	{ "subtree_root_in_lsm",
	  "calling kernel function bpf_fanotify_subtree_root is not allowed" },
	{ "is_subdir_in_syscall",
	  "calling kernel function bpf_fanotify_is_subdir is not allowed" },
	{ "is_subdir_in_tcp",
	  "calling kernel function bpf_fanotify_is_subdir is not allowed" },
};

/* Load @name and nothing else. */
static void check_rejected(const char *name, const char *msg)
{
	struct fanotify_fastpath_fail *skel;
	struct bpf_program *prog;
	struct bpf_map *map;
	char map_name[64];
	static char log[65536];

	skel = fanotify_fastpath_fail__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return;

	snprintf(map_name, sizeof(map_name), "%s_ops", name);
	bpf_object__for_each_map(map, skel->obj)
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			bpf_map__set_autocreate(map, !strcmp(bpf_map__name(map),
							     map_name));
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, false);
	prog = bpf_object__find_program_by_name(skel->obj, name);
	if (!ASSERT_OK_PTR(prog, name))
		goto out;
	bpf_program__set_autoload(prog, true);
	log[0] = '\0';
	bpf_program__set_log_buf(prog, log, sizeof(log));

	if (!ASSERT_ERR(fanotify_fastpath_fail__load(skel), "load"))
		goto out;
	/* The rule that is tested is not reached where there are no timers. */
	if (strstr(log, "bpf_timer cannot be used for PREEMPT_RT"))
		test__skip();
	else
		ASSERT_HAS_SUBSTR(log, msg, "verifier log");
out:
	fanotify_fastpath_fail__destroy(skel);
}

void test_fanotify_fastpath_fail(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(rejected); i++)
		if (test__start_subtest(rejected[i].prog))
			check_rejected(rejected[i].prog, rejected[i].msg);
}
