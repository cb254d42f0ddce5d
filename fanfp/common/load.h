/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loading a fast path: what the kernel must have, what is said if it fails, and
 * what its program has counted.
 */
#ifndef __LOAD_H
#define __LOAD_H

#include <stdbool.h>
#include <stddef.h>

struct bpf_link;
struct bpf_map;
struct bpf_program;

int load_check_kernel(const char *instead);
int load_check_permission(const char *kept);
void load_show_log(bool debug);
int load_result(int ret, const char *what);
struct bpf_link *load_attach(const struct bpf_map *map);
int load_run(const struct bpf_program *prog);
void counts_add(const struct bpf_map *counts, void *sum, size_t size);

#endif /* __LOAD_H */
