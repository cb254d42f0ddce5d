// SPDX-License-Identifier: GPL-2.0
/*
 * fanfp guard: the filesystems of which no verdict can be kept.
 */
#include <stddef.h>
#include <sys/vfs.h>

#include "guard/guard.h"

#define NOT_KEPT	", so that no verdict could be kept"
#define OVER(fs)	"it is on " fs ": its files are written to below it" NOT_KEPT "; guard the filesystem that holds them"
#define SERVER(fs)	"it is on " fs ", whose server may change files" NOT_KEPT
#define CLUSTER(fs)	"it is on " fs ", on which other machines may change files" NOT_KEPT

/**
 * guard_refuse - why a directory cannot be guarded
 * @fd:		the directory
 *
 * Content must not change without this kernel's doing, nor in another inode than
 * the one that is opened.
 *
 * Return: the reason, or NULL if it can be guarded.
 */
const char *guard_refuse(int fd)
{
	static const struct {
		unsigned int magic;
		const char *why;
	} kinds[] = {
		{ 0x794c7630, OVER("an overlay") },
		{ 0xf15f, OVER("an eCryptfs") },
		{ 0x65735546, SERVER("a FUSE filesystem") },
		{ 0x6969, SERVER("an NFS") },
		{ 0x517b, SERVER("an SMB share") },
		{ 0xff534d42, SERVER("an SMB share") },
		{ 0xfe534d42, SERVER("an SMB share") },
		{ 0x01021997, SERVER("a 9P filesystem") },
		{ 0x00c36400, CLUSTER("a Ceph") },
		{ 0x5346414f, SERVER("an AFS") },
		{ 0x73757245, SERVER("a Coda") },
		{ 0x47504653, CLUSTER("a GPFS") },
		{ 0x01161970, CLUSTER("a GFS2") },
		{ 0x7461636f, CLUSTER("an OCFS2") },
		{ 0x0bd00bd0, CLUSTER("a Lustre") },
		{ 0x786f4256, "it is on a folder of the host, which may change files" NOT_KEPT },
		{ 0x9fa0, "it is on no filesystem with files" },
		{ 0x62656572, "it is on no filesystem with files" },
	};
	struct statfs st;
	size_t i;

	if (fstatfs(fd, &st))
		return NULL;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].magic == (unsigned int)st.f_type)
			return kinds[i].why;
	return NULL;
}
