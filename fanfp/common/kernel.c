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

enum kernel_has kernel_has_fastpath(void)
{
	return vmlinux_has("fanotify_fastpath_ops", BTF_KIND_STRUCT);
}

/* Its stub is there if the kernel can answer permission events. */
enum kernel_has kernel_has_permission(void)
{
	return vmlinux_has("fanotify_fastpath_ops__permission", BTF_KIND_FUNC);
}

enum kernel_has kernel_has_subtree_kfuncs(void)
{
	return vmlinux_has("bpf_fanotify_subtree_root", BTF_KIND_FUNC);
}

/* Is "bpf" in the list of active security modules? */
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

const char *fanotify_init_error(void)
{
	switch (errno) {
	case ENOSYS:
		return "this kernel has no fanotify: rebuild it with CONFIG_FANOTIFY=y";
	case EINVAL:
		return "this kernel's fanotify cannot report names: use Linux 5.17 or newer";
	case EMFILE:
		return "too many fanotify groups or open files: raise /proc/sys/fs/fanotify/max_user_groups or ulimit -n";
	case EPERM:
		return "not permitted: it needs CAP_SYS_ADMIN in the initial user namespace";
	default:
		return strerror(errno);
	}
}
