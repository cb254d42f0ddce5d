// SPDX-License-Identifier: GPL-2.0
/*
 * Loading a fast path: what the kernel must have, what is said if it fails, and
 * what its program has counted.
 *
 * Where a function returns a value it is 0, or -1 after it has said what is wrong.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/kernel.h"
#include "common/load.h"

/**
 * load_check_kernel - can any fast path be loaded
 * @instead:	what the user can do without one, to end a message; or ""
 */
int load_check_kernel(const char *instead)
{
	if (kernel_has_btf() != KERNEL_HAS) {
		warnx("no /sys/kernel/btf/vmlinux: the kernel was built without CONFIG_DEBUG_INFO_BTF, or sysfs is not mounted%s",
		      instead);
		return -1;
	}
	if (kernel_has_fastpath() == KERNEL_LACKS) {
		warnx("this kernel has no fanotify fast path: rebuild it with CONFIG_FANOTIFY_FASTPATH=y%s",
		      instead);
		return -1;
	}
	return 0;
}

/**
 * load_check_permission - can one be loaded that answers permission events
 * @kept:	what its program keeps in inode storage, in the plural
 */
int load_check_permission(const char *kept)
{
	if (load_check_kernel(""))
		return -1;
	if (kernel_has_permission() == KERNEL_LACKS) {
		warnx("this kernel's fast path cannot answer permission events: rebuild it with CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y and the whole series");
		return -1;
	}
	if (kernel_has_bpf_lsm() == KERNEL_LACKS) {
		warnx("%s are kept in inode storage, which needs the BPF security module: add bpf to lsm= on the kernel's command line",
		      kept);
		return -1;
	}
	return 0;
}

static int print_log(enum libbpf_print_level level, const char *format,
		     va_list args)
{
	return vfprintf(stderr, format, args);
}

/**
 * load_show_log - print what libbpf and the verifier say, or nothing
 * @debug:	print it
 */
void load_show_log(bool debug)
{
	libbpf_set_print(debug ? print_log : NULL);
}

/**
 * load_result - say why a skeleton was not loaded
 * @ret:	what its load function returned
 * @what:	"program" or "programs"
 */
int load_result(int ret, const char *what)
{
	if (!ret)
		return 0;
	if (ret == -EPERM)
		warnx("not permitted to load the %s: it needs CAP_BPF and CAP_PERFMON; run as root",
		      what);
	else
		warnx("the kernel refuses the %s: %s; --debug shows why", what,
		      strerror(-ret));
	return -1;
}

/**
 * load_attach - attach a fast path to its group
 * @map:	the loaded struct_ops map
 *
 * Return: the link, or NULL after it has said what is wrong.
 */
struct bpf_link *load_attach(const struct bpf_map *map)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(map);

	if (link)
		return link;
	switch (errno) {
	case EBUSY:
		warnx("the group has a fast path already");
		break;
	case EPERM:
		warnx("not permitted to attach the program to the group: it needs CAP_SYS_ADMIN in the initial user namespace");
		break;
	default:
		warnx("cannot attach the program: %s; --debug shows libbpf's log",
		      strerror(errno));
	}
	return NULL;
}

/**
 * load_run - run a program once, in this process
 * @prog:	a loaded program of type syscall, without a context
 */
int load_run(const struct bpf_program *prog)
{
	int ret = bpf_prog_test_run_opts(bpf_program__fd(prog), NULL);

	if (!ret)
		return 0;
	warnx("cannot run a BPF program: %s", strerror(-ret));
	return -1;
}

/**
 * counts_add - add up what a program has counted on all processors
 * @counts:	map of counts.bpf.h
 * @sum:	struct of __u64 to which the counters are added; unchanged on an error
 * @size:	its size in bytes
 */
void counts_add(const struct bpf_map *counts, void *sum, size_t size)
{
	int cpu, nr = libbpf_num_possible_cpus();
	__u64 *all, *to = sum;
	__u32 first = 0;
	size_t i;

	all = nr > 0 ? calloc(nr, size) : NULL;
	if (!all || bpf_map__lookup_elem(counts, &first, sizeof(first), all,
					 nr * size, 0)) {
		warn("cannot read the counters");
		nr = 0;
	}
	for (cpu = 0; cpu < nr; cpu++)
		for (i = 0; i < size / sizeof(*to); i++)
			to[i] += all[cpu * (size / sizeof(*to)) + i];
	free(all);
}
