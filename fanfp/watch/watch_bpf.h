/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by fanfp watch and its BPF program.
 */
#ifndef __WATCH_BPF_H
#define __WATCH_BPF_H

#define COMM_LEN	16

/* What an event below a subtree root is to fanfp watch */
enum watch_policy {
	WATCH_INCLUDE,
	WATCH_EXCLUDE,
};

#endif /* __WATCH_BPF_H */
