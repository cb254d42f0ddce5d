/* SPDX-License-Identifier: GPL-2.0 */
/* What the fanotify benchmarks share with their programs. */
#ifndef _FANOTIFY_BENCH_H
#define _FANOTIFY_BENCH_H

/* A file or directory, as it is named in a hash; @dev as in the kernel */
struct file_key {
	__u64 ino;
	__u64 dev;
};

#endif /* _FANOTIFY_BENCH_H */
