// SPDX-License-Identifier: GPL-2.0
/*
 * Making a fanotify group and marking for it: what a refusal means, and what to do
 * about it.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>

#include <linux/capability.h>

#include "common/group.h"
#include "common/kernel.h"
#include "fanfp.h"

#define PERMISSIONS	(FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)

static const char *init_error(void)
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

/**
 * group_init - make a group without limits
 * @flags:	of fanotify_init(): the class, and what its events report
 * @doing:	what the user wants to do with it, as in "watching filesystems"
 *
 * Return: its descriptor, or -1 after it has said what is wrong.
 */
int group_init(unsigned int flags, const char *doing)
{
	int fd;

	if (!have_capability(CAP_SYS_ADMIN)) {
		warnx("%s needs CAP_SYS_ADMIN in the initial user namespace; run as root",
		      doing);
		return -1;
	}
	fd = fanotify_init(flags | FAN_CLOEXEC | FAN_NONBLOCK |
			   FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
			   O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	if (fd < 0)
		warnx("%s failed: %s", doing, init_error());
	return fd;
}

/* Why a mark was refused; NULL if only the errno tells. */
static const char *mark_error(uint64_t mask)
{
	switch (errno) {
	case EINVAL:
		if (mask & PERMISSIONS)
			return "it is on a filesystem of the kernel's own, or the kernel lacks CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y";
		return NULL;
	case ENODEV:
		return "its filesystem has no id that events could carry";
	case EXDEV:
		return "it is in a subvolume, whose events carry another id than the rest of the filesystem";
	case EOPNOTSUPP:
		return "its filesystem has no file handles";
	default:
		return NULL;
	}
}

/**
 * group_mark - add a mark
 * @group_fd:	the group
 * @flags:	FAN_MARK_* for what is marked
 * @mask:	the events
 * @fd:		an object that is marked, or whose filesystem is
 * @arg:	what the user calls it
 * @what:	what is not possible without the mark, as in "it cannot be watched"
 *
 * Return: 0, or -1 after it has said what is wrong.
 */
int group_mark(int group_fd, unsigned int flags, uint64_t mask, int fd,
	       const char *arg, const char *what)
{
	const char *why;

	if (!fanotify_mark(group_fd, FAN_MARK_ADD | flags, mask, fd, NULL))
		return 0;
	why = mark_error(mask);
	if (why)
		warnx("%s: %s: %s", arg, what, why);
	else
		warn("%s: cannot mark it, so %s", arg, what);
	return -1;
}

/**
 * group_check_version - are events those that fanfp was built for
 * @meta:	the first one
 *
 * Ends the program, after it has said why, if they are not.
 */
void group_check_version(const struct fanotify_event_metadata *meta)
{
	if (meta->vers != FANOTIFY_METADATA_VERSION)
		errx(fanfp_failed, "events of version %u: fanfp was built for another kernel; build it again, with the headers of this one",
		     meta->vers);
}
