// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel takes over a reference that a struct_ops program returns, and only where
 * a member returns a pointer.
 */
#include <test_progs.h>
#include "struct_ops_reference.skel.h"
#include "struct_ops_reference_fail__callback.skel.h"
#include "struct_ops_reference_fail__global_function.skel.h"
#include "struct_ops_reference_fail__nothing.skel.h"
#include "struct_ops_reference_fail__number.skel.h"
#include "struct_ops_reference_fail__tail_call.skel.h"

void test_struct_ops_reference(void)
{
	RUN_TESTS(struct_ops_reference);
	RUN_TESTS(struct_ops_reference_fail__callback);
	RUN_TESTS(struct_ops_reference_fail__global_function);
	RUN_TESTS(struct_ops_reference_fail__nothing);
	RUN_TESTS(struct_ops_reference_fail__number);
	RUN_TESTS(struct_ops_reference_fail__tail_call);
}
