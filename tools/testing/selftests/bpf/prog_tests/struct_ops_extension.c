// SPDX-License-Identifier: GPL-2.0
/*
 * An extension of a struct_ops program is verified as an extension, not as the member
 * that the program implements.
 */
#include <test_progs.h>
#include "struct_ops_extension.skel.h"

static char log[65536];

static int load_extension(struct struct_ops_extension *target, const char *name)
{
	int target_fd = bpf_program__fd(target->progs.ssthresh);
	struct struct_ops_extension *skel;
	struct bpf_program *prog;
	int err = -ENOENT;

	skel = struct_ops_extension__open();
	if (!ASSERT_OK_PTR(skel, "open"))
		return -EINVAL;
	bpf_map__set_autocreate(skel->maps.extended, false);
	bpf_program__set_autoload(skel->progs.ssthresh, false);
	prog = bpf_object__find_program_by_name(skel->obj, name);
	if (!ASSERT_OK_PTR(prog, name))
		goto out;
	bpf_program__set_autoload(prog, true);
	log[0] = '\0';
	bpf_program__set_log_buf(prog, log, sizeof(log));
	err = bpf_program__set_attach_target(prog, target_fd, "threshold");
	if (ASSERT_OK(err, "set_attach_target"))
		err = struct_ops_extension__load(skel);
out:
	struct_ops_extension__destroy(skel);
	return err;
}

void test_struct_ops_extension(void)
{
	struct struct_ops_extension *target;

	target = struct_ops_extension__open_and_load();
	if (!ASSERT_OK_PTR(target, "open_and_load"))
		return;
	if (test__start_subtest("replacement"))
		ASSERT_OK(load_extension(target, "replacement"), "load");
	if (test__start_subtest("leaking_replacement") &&
	    ASSERT_ERR(load_extension(target, "leaking_replacement"), "load"))
		ASSERT_HAS_SUBSTR(log, "Unreleased reference", "verifier log");
	struct_ops_extension__destroy(target);
}
