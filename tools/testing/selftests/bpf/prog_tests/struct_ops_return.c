// SPDX-License-Identifier: GPL-2.0
/* The type of what a struct_ops program returns is looked at only where it has one. */
#include <test_progs.h>
#include "struct_ops_return.skel.h"
#include "struct_ops_return_fail.skel.h"

void test_struct_ops_return(void)
{
	RUN_TESTS(struct_ops_return);
	RUN_TESTS(struct_ops_return_fail);
}
