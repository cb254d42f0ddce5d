// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel takes over a reference that a struct_ops program returns, and only where
 * a member returns a pointer.
 */
#include <test_progs.h>
#include "struct_ops_reference.skel.h"
#include "struct_ops_reference_exception.skel.h"
#include "struct_ops_reference_fail__callback.skel.h"
#include "struct_ops_reference_fail__global_function.skel.h"
#include "struct_ops_reference_fail__nothing.skel.h"
#include "struct_ops_reference_fail__number.skel.h"
#include "struct_ops_reference_fail__tail_call.skel.h"

/* Loaded by hand: not every kernel can throw. */
static void test_exception(void)
{
	struct struct_ops_reference_exception *skel;
	static char log[65536];
	int err;

	skel = struct_ops_reference_exception__open();
	if (!ASSERT_OK_PTR(skel, "open"))
		return;
	bpf_program__set_log_buf(skel->progs.exception, log, sizeof(log));
	err = struct_ops_reference_exception__load(skel);
	/* x86-64 has it with CONFIG_UNWINDER_ORC only. */
	if (err && strstr(log, "JIT does not support calling kfunc bpf_throw"))
		test__skip();
	else if (!ASSERT_OK(err, "load"))
		printf("%s\n", log);
	struct_ops_reference_exception__destroy(skel);
}

void test_struct_ops_reference(void)
{
	if (test__start_subtest("exception"))
		test_exception();
	RUN_TESTS(struct_ops_reference);
	RUN_TESTS(struct_ops_reference_fail__callback);
	RUN_TESTS(struct_ops_reference_fail__global_function);
	RUN_TESTS(struct_ops_reference_fail__nothing);
	RUN_TESTS(struct_ops_reference_fail__number);
	RUN_TESTS(struct_ops_reference_fail__tail_call);
}
