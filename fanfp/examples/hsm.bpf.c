// SPDX-License-Identifier: GPL-2.0
/*
 * Fast path of the example hsm: allow accesses to what is here, ask the listener
 * about what may have to be fetched.
 *
 * What is known is kept in two places. Inode storage holds what is true for all
 * of a file; it is freed with the inode, and so cannot be taken for another
 * file's. Which chunks of a file are here would be too much for it, as files may
 * be of any size: these bits are in blocks, in an LRU hash, so that memory is
 * bounded by what is in use. Its key is an id from the inode's storage, not the
 * inode number: that is used again, and on btrfs by another subvolume at the same
 * time. So forgetting is always safe. What was forgotten is asked about, and the
 * listener finds in the file itself that it is there.
 *
 * That a chunk is here stays true, because nobody but the listener changes a file
 * that has gaps:
 *
 *  - An open for writing is asked about, and all gaps are closed before it
 *    returns. FAN_PRE_ACCESS comes too late: O_TRUNC causes none, and while the
 *    listener fills a gap its write would give a file that was truncated its old
 *    size again. The writer is counted in i_writecount before FAN_OPEN_PERM; the
 *    listener's own writes are there as well, it sorts that out.
 *  - truncate(2) opens nothing, and its FAN_PRE_ACCESS looks like that of a read.
 *    It is refused while there are gaps.
 */
#include "common/fastpath.bpf.h"
#include <bpf/bpf_tracing.h>

#include "examples/hsm_bpf.h"

char _license[] SEC("license") = "GPL";

#define EBUSY		16
#define ATTR_SIZE	(1 << 3)
/* A range of more is asked about, even if all of it is here. */
#define MAX_CHUNKS	256

struct iattr {
	unsigned int ia_valid;
} __attribute__((preserve_access_index));

struct mnt_idmap;

__u32 own_tgid;
struct hsm_counts counts;

#define COUNT(name)	__sync_fetch_and_add(&counts.name, 1)

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct hsm_file);
} files SEC(".maps");

/* Written by the listener */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct hsm_block_key);
	__type(value, struct hsm_block);
} blocks SEC(".maps");

static bool is_filled(__u64 id, __u64 first, __u64 last)
{
	struct hsm_block_key key = { .id = id };
	const struct hsm_block *block = NULL;
	__u64 chunk = first;
	__u32 bit;
	int i;

	for (i = 0; i < MAX_CHUNKS; i++, chunk++) {
		if (chunk > last)
			return true;
		bit = chunk % HSM_BLOCK_CHUNKS;
		if (!block || !bit) {
			key.index = chunk / HSM_BLOCK_CHUNKS;
			block = bpf_map_lookup_elem(&blocks, &key);
			if (!block)
				return false;
		}
		if (!(block->filled[bit / 64] & 1ULL << bit % 64))
			return false;
	}
	return chunk > last;
}

static int ask(void)
{
	COUNT(asked);
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

SEC("struct_ops/permission")
int BPF_PROG(hsm_permission, struct fsnotify_group *group, __u32 mask,
	     const struct path *path, struct dentry *dentry,
	     struct inode *inode, const struct file_range *range)
{
	struct hsm_file empty = { .is_local = true }, *file;
	__u64 pos, end;

	if (bpf_get_current_pid_tgid() >> 32 == own_tgid)
		return FAN_FP_RET_SKIP_EVENT;

	/* Whatever comes into a file that is empty comes from here. */
	file = bpf_inode_storage_get(&files, inode, &empty, inode->i_size ? 0 :
				     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (file && file->is_local) {
		COUNT(local);
		return FAN_FP_RET_SKIP_EVENT;
	}

	if (mask & FAN_OPEN_PERM)
		return inode->i_writecount.counter > 0 ? ask() :
			FAN_FP_RET_SKIP_EVENT;
	if (!file || !range)
		return ask();

	/* The size is that of the file in the store as long as there are gaps. */
	pos = range->pos;
	end = pos + range->count;
	if (end > inode->i_size)
		end = inode->i_size;
	if (pos < end && !is_filled(file->id, pos >> HSM_CHUNK_SHIFT,
				    (end - 1) >> HSM_CHUNK_SHIFT))
		return ask();
	COUNT(filled);
	return FAN_FP_RET_SKIP_EVENT;
}

SEC("lsm/inode_setattr")
int BPF_PROG(hsm_setattr, struct mnt_idmap *idmap, struct dentry *dentry,
	     struct iattr *attr)
{
	struct inode *inode = dentry->d_inode;
	const struct hsm_file *file;

	if (!inode || !(attr->ia_valid & ATTR_SIZE))
		return 0;
	file = bpf_inode_storage_get(&files, inode, 0, 0);
	return file && !file->is_local ? -EBUSY : 0;
}

/* The listener may not know its number here: it may be in a PID namespace. */
SEC("syscall")
int hsm_who_am_i(void *ctx)
{
	own_tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

SEC(".struct_ops.link")
struct fanotify_fastpath_ops hsm_ops = {
	.permission	= (void *)hsm_permission,
	.name		= "example_hsm",
};
