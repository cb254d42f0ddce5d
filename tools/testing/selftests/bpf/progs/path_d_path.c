// SPDX-License-Identifier: GPL-2.0
/* Asks for the name of a file when the last reference to it goes. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_experimental.h"

char _license[] SEC("license") = "GPL";

/* The process that is watched, and its file */
int tgid;
__u64 ino;
int calls;
int len;
char name[256];

SEC("lsm/file_release")
int BPF_PROG(file_release, struct file *file)
{
	if (bpf_get_current_pid_tgid() >> 32 == tgid && file->f_inode->i_ino == ino) {
		calls++;
		len = bpf_path_d_path(&file->f_path, name, sizeof(name));
	}
	return 0;
}
