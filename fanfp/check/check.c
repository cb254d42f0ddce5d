// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp check: does this kernel have the fast path, and may this process use
 * it? For each thing that is missing, what to do about it.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <linux/capability.h>

#include "common/kernel.h"
#include "common/options.h"
#include "common/output.h"
#include "fanfp.h"

static const struct argp_option option_table[] = {
	OPTION_JSON,
	{ 0 }
};

static const struct argp argp = {
	.options = option_table,
	.parser = options_parse,
	.doc = "Say whether this kernel has the fast path and this process may "
	       "use it.\vExits with 0 if 'fanfp watch' can use the fast path.",
};

static void report(const char *what, enum kernel_has has, const char *needed_for,
		   const char *remedy)
{
	static const char * const states[] = { "ok", "missing", "unknown" };

	if (options.json) {
		printf("{\"check\": ");
		print_json_string(stdout, what);
		printf(", \"state\": \"%s\", \"needed_for\": ", states[has]);
		print_json_string(stdout, needed_for);
		printf(", \"remedy\": ");
		if (has == KERNEL_HAS)
			printf("null");
		else
			print_json_string(stdout, remedy);
		printf("}\n");
		return;
	}
	printf("%-8s %s\n", states[has], what);
	if (has != KERNEL_HAS)
		printf("         needed for %s; %s\n", needed_for, remedy);
}

static enum kernel_has has_fanotify(void)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC |
			       FAN_REPORT_DFID_NAME_TARGET, O_RDONLY);

	if (fd >= 0) {
		close(fd);
		return KERNEL_HAS;
	}
	return errno == ENOSYS || errno == EINVAL ? KERNEL_LACKS
						  : KERNEL_UNKNOWN;
}

/* A capability that CAP_SYS_ADMIN stands in for. */
static enum kernel_has has_cap(unsigned int cap, bool or_admin)
{
	return have_capability(cap) ||
	       (or_admin && have_capability(CAP_SYS_ADMIN)) ? KERNEL_HAS
							    : KERNEL_LACKS;
}

static bool run_checks(void)
{
	const struct {
		const char *what;
		enum kernel_has has;
		bool optional;
		const char *needed_for;
		const char *remedy;
	} checks[] = {
		{ "fanotify with names (Linux 5.17)", has_fanotify(), false,
		  "everything", "use Linux 5.17 or newer, built with CONFIG_FANOTIFY=y" },
		{ "BTF of the kernel", kernel_has_btf(), false, "the fast path",
		  "rebuild the kernel with CONFIG_DEBUG_INFO_BTF=y, and mount sysfs on /sys" },
		{ "fanotify fast path", kernel_has_fastpath(), false,
		  "the fast path",
		  "rebuild the kernel with CONFIG_FANOTIFY_FASTPATH=y, or use 'fanfp watch --no-fastpath'" },
		{ "subtree kfuncs", kernel_has_subtree_kfuncs(), false,
		  "the fast path", "use a kernel that has the whole series" },
		{ "answers to permission events", kernel_has_permission(), true,
		  "'fanfp guard' and 'fanfp deny'",
		  "rebuild the kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y, and use one that has the whole series" },
		{ "BPF security module", kernel_has_bpf_lsm(), true,
		  "'fanfp guard', 'fanfp deny' and 'fanfp watch --exclude'",
		  "build the kernel with CONFIG_BPF_LSM=y and add bpf to lsm= on its command line; to see the list, mount securityfs" },
		{ "CAP_SYS_ADMIN", has_cap(CAP_SYS_ADMIN, false), false,
		  "marking filesystems", "run as root" },
		{ "CAP_DAC_READ_SEARCH", has_cap(CAP_DAC_READ_SEARCH, false),
		  false, "the paths of events", "run as root" },
		{ "CAP_BPF", has_cap(CAP_BPF, true), false,
		  "loading the program", "run as root" },
		{ "CAP_PERFMON", has_cap(CAP_PERFMON, true), false,
		  "loading the program", "run as root" },
	};
	bool all = true;
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		report(checks[i].what, checks[i].has, checks[i].needed_for,
		       checks[i].remedy);
		if (checks[i].has != KERNEL_HAS && !checks[i].optional)
			all = false;
	}
	return all;
}

int cmd_check(int argc, char **argv)
{
	bool all;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	all = run_checks();
	return print_end() || !all ? FANFP_FAILED : EXIT_SUCCESS;
}
