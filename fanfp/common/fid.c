// SPDX-License-Identifier: GPL-2.0
/*
 * File identifiers: what events carry instead of a descriptor.
 */
#include <errno.h>
#include <string.h>
#include <sys/vfs.h>

#include "common/fid.h"

union handle {
	struct file_handle handle;
	char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

/**
 * fid_of_event - identifier in a record of an event
 * @info:	the record
 * @fid:	where to store it
 *
 * Return: 0, or -EINVAL if the record is not one of the kernel's.
 */
int fid_of_event(const struct fanotify_event_info_fid *info, struct fid *fid)
{
	const struct file_handle *handle = (const void *)info->handle;

	if (handle->handle_bytes > sizeof(fid->handle))
		return -EINVAL;
	memcpy(&fid->fsid, &info->fsid, sizeof(fid->fsid));
	fid->bytes = handle->handle_bytes;
	fid->type = handle->handle_type;
	memcpy(fid->handle, handle->f_handle, fid->bytes);
	return 0;
}

/**
 * fid_event_name - name that follows the identifier in a record that has one
 * @info:	the record
 */
const char *fid_event_name(const struct fanotify_event_info_fid *info)
{
	const struct file_handle *handle = (const void *)info->handle;

	return (const char *)handle->f_handle + handle->handle_bytes;
}

/**
 * fid_of_fd - what events of an object will carry
 * @fd:		the object
 * @fid:	where to store it
 * @mount_id:	where to store the number of the mount that it was opened by
 *
 * Return: 0, or -1 with errno set if the object has no identifier.
 */
int fid_of_fd(int fd, struct fid *fid, int *mount_id)
{
	union handle u;
	struct statfs st;

	u.handle.handle_bytes = MAX_HANDLE_SZ;
	if (fstatfs(fd, &st) ||
	    name_to_handle_at(fd, "", &u.handle, mount_id, AT_EMPTY_PATH))
		return -1;
	memcpy(&fid->fsid, &st.f_fsid, sizeof(fid->fsid));
	fid->bytes = u.handle.handle_bytes;
	fid->type = u.handle.handle_type;
	memcpy(fid->handle, u.handle.f_handle, fid->bytes);
	return 0;
}

/**
 * fid_open - the object, as an O_PATH descriptor
 * @fid:	its identifier
 * @mount_fd:	any descriptor on a mount of its filesystem
 *
 * Return: the descriptor, or -1 with errno set.
 */
int fid_open(const struct fid *fid, int mount_fd)
{
	union handle u;

	u.handle.handle_bytes = fid->bytes;
	u.handle.handle_type = fid->type;
	memcpy(u.handle.f_handle, fid->handle, fid->bytes);
	return open_by_handle_at(mount_fd, &u.handle, O_PATH | O_CLOEXEC);
}

/**
 * fid_equal - are two identifiers of the same object
 */
bool fid_equal(const struct fid *a, const struct fid *b)
{
	return a->fsid == b->fsid && a->type == b->type &&
	       a->bytes == b->bytes && !memcmp(a->handle, b->handle, a->bytes);
}
