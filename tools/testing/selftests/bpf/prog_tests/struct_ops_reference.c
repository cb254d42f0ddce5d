// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel takes over a reference that a struct_ops program returns, and only where
 * a member returns a pointer.
 */
#include <test_progs.h>
#include "struct_ops_reference.skel.h"

static const struct {
	const char *prog;
	const char *msg;
} tests[] = {
	{ "number", "BPF_EXIT instruction in main prog would lead to reference leak" },
	{ "nothing", "BPF_EXIT instruction in main prog would lead to reference leak" },
	{ "global_function", "BPF_EXIT instruction in main prog would lead to reference leak" },
	{ "tail_call", "tail_call would lead to reference leak" },
	{ "pointer" },
};

/* Loads @name and nothing else. @msg tells why that fails, NULL that it does not. */
static void load(const char *name, const char *msg)
{
	struct struct_ops_reference *skel;
	struct bpf_program *prog;
	struct bpf_map *map;
	static char log[65536];
	char map_name[32];

	skel = struct_ops_reference__open();
	if (!ASSERT_OK_PTR(skel, "open"))
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
	if (!msg)
		ASSERT_OK(struct_ops_reference__load(skel), "load");
	else if (ASSERT_ERR(struct_ops_reference__load(skel), "load"))
		ASSERT_HAS_SUBSTR(log, msg, "verifier log");
out:
	struct_ops_reference__destroy(skel);
}

void test_struct_ops_reference(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(tests); i++)
		if (test__start_subtest(tests[i].prog))
			load(tests[i].prog, tests[i].msg);
}
