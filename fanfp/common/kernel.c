// SPDX-License-Identifier: GPL-2.0
/*
 * What this kernel and this process are able to do: asked before a thing is
 * tried, so that a failure can be explained.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "common/kernel.h"

#define VMLINUX_BTF	"/sys/kernel/btf/vmlinux"

/**
 * kernel_has_btf - can programs be loaded that use the kernel's types
 */
enum kernel_has kernel_has_btf(void)
{
	return access(VMLINUX_BTF, R_OK) ? KERNEL_LACKS : KERNEL_HAS;
}

static enum kernel_has vmlinux_has(const char *name, unsigned int kind)
{
	struct btf *btf = btf__parse(VMLINUX_BTF, NULL);
	enum kernel_has has;

	if (!btf)
		return KERNEL_UNKNOWN;
	has = btf__find_by_name_kind(btf, name, kind) > 0 ? KERNEL_HAS
							  : KERNEL_LACKS;
	btf__free(btf);
	return has;
}

/**
 * kernel_has_fastpath - can a fast path be attached to a group
 */
enum kernel_has kernel_has_fastpath(void)
{
	return vmlinux_has("fanotify_fastpath_ops", BTF_KIND_STRUCT);
}

/**
 * kernel_has_permission - can a fast path answer permission events
 *
 * The stub of the member is there then.
 */
enum kernel_has kernel_has_permission(void)
{
	return vmlinux_has("fanotify_fastpath_ops__permission", BTF_KIND_FUNC);
}

/**
 * kernel_has_subtree_kfuncs - can a program ask what is below a directory
 */
enum kernel_has kernel_has_subtree_kfuncs(void)
{
	return vmlinux_has("bpf_fanotify_subtree_root", BTF_KIND_FUNC);
}

/**
 * kernel_has_bpf_lsm - is "bpf" in the list of active security modules
 */
enum kernel_has kernel_has_bpf_lsm(void)
{
	FILE *file = fopen("/sys/kernel/security/lsm", "re");
	enum kernel_has has = KERNEL_LACKS;
	char list[256], *name, *rest;

	if (!file)
		return KERNEL_UNKNOWN;
	if (!fgets(list, sizeof(list), file))
		list[0] = 0;
	fclose(file);

	for (rest = list; (name = strsep(&rest, ",\n"));)
		if (!strcmp(name, "bpf"))
			has = KERNEL_HAS;
	return has;
}

/**
 * have_capability - has this process a capability
 * @cap:	CAP_*
 */
bool have_capability(unsigned int cap)
{
	FILE *file = fopen("/proc/self/status", "re");
	uint64_t effective = 0;
	char line[256];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %" SCNx64, &effective) == 1)
			break;
	fclose(file);
	return effective >> cap & 1;
}
