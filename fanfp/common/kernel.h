/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this kernel and this process are able to do.
 */
#ifndef __KERNEL_H
#define __KERNEL_H

#include <stdbool.h>

enum kernel_has {
	KERNEL_HAS,
	KERNEL_LACKS,
	KERNEL_UNKNOWN,		/* the file that would tell cannot be read */
};

enum kernel_has kernel_has_btf(void);
enum kernel_has kernel_has_fastpath(void);
enum kernel_has kernel_has_permission(void);
enum kernel_has kernel_has_subtree_kfuncs(void);
enum kernel_has kernel_has_bpf_lsm(void);
bool have_capability(unsigned int cap);

#endif /* __KERNEL_H */
