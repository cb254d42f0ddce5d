// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's part of vm/profile: opens and closes one file under one setup after
 * the other. It says "ready NAME" when a setup is there and warm, waits for a
 * line, opens the file a few times, says "done", and waits for a line again.
 * On a kernel without the fast path its setups are left out.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "profile.skel.h"

#define DIR	"/run/profile"
#define DEEP	"/1/2/3/4/5/6/7"
#define FILE_	DIR DEEP "/file"

#define WARM	50
#define TIMES	9

#define NOTIFY	(FAN_OPEN | FAN_CLOSE)
#define NAMES	(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME)

/* What the marks of a setup are on: the file's mount, its filesystem, itself. */
static const struct setup {
	const char *name;
	unsigned int init;	/* flags of fanotify_init() */
	unsigned int mark;	/* where the events are asked for; FAN_MARK_* */
	uint64_t mask;
	uint64_t ignore;	/* on the file */
	uint64_t parent;	/* on its directory, in a group of its own */
	const char *ops;	/* struct_ops map to attach */
} setups[] = {
	{ "unwatched", .init = -1U },
	{ "not-asked-for", FAN_CLASS_NOTIF, FAN_MARK_FILESYSTEM, FAN_MODIFY },
	{ "parent-watched", .init = -1U, .parent = FAN_MODIFY },
	{ "ignored", FAN_CLASS_NOTIF, FAN_MARK_FILESYSTEM, NOTIFY, NOTIFY },
	{ "ignored-mount", FAN_CLASS_NOTIF, FAN_MARK_MOUNT, NOTIFY, NOTIFY },
	{ "ignored-names", NAMES, FAN_MARK_FILESYSTEM, NOTIFY, NOTIFY },
	{ "ignored-permission", FAN_CLASS_CONTENT, FAN_MARK_FILESYSTEM,
	  FAN_OPEN_PERM, FAN_OPEN_PERM },
	{ "queued", FAN_CLASS_NOTIF, FAN_MARK_FILESYSTEM, NOTIFY },
	{ "skip", FAN_CLASS_NOTIF, FAN_MARK_FILESYSTEM, NOTIFY,
	  .ops = "skip_ops" },
	{ "skip-mount", FAN_CLASS_NOTIF, FAN_MARK_MOUNT, NOTIFY,
	  .ops = "skip_ops" },
	{ "skip-inode", FAN_CLASS_NOTIF, FAN_MARK_INODE, NOTIFY,
	  .ops = "skip_ops" },
	{ "skip-names", NAMES, FAN_MARK_FILESYSTEM, NOTIFY,
	  .ops = "skip_ops" },
	{ "skip-subtree", FAN_CLASS_NOTIF, FAN_MARK_FILESYSTEM, NOTIFY,
	  .ops = "subtree_ops" },
	{ "allow", FAN_CLASS_CONTENT, FAN_MARK_FILESYSTEM, FAN_OPEN_PERM,
	  .ops = "allow_ops" },
	{ "allow-storage", FAN_CLASS_CONTENT, FAN_MARK_FILESYSTEM,
	  FAN_OPEN_PERM, .ops = "storage_ops" },
};

static void operate(int times)
{
	while (times--) {
		int fd = syscall(SYS_openat, AT_FDCWD, FILE_, O_RDONLY);

		if (fd < 0)
			err(1, "%s", FILE_);
		syscall(SYS_close, fd);
	}
}

static void mark(int group, unsigned int flags, uint64_t mask, const char *path)
{
	if (fanotify_mark(group, FAN_MARK_ADD | flags, mask, AT_FDCWD, path))
		err(1, "cannot mark %s", path);
}

static int make_group(unsigned int flags)
{
	int group = fanotify_init(flags | FAN_CLOEXEC, O_RDONLY);

	if (group < 0)
		err(1, "fanotify_init");
	return group;
}

/* Loads one of the struct_ops maps and its program only. */
static struct bpf_link *attach(const char *name, int group,
			       struct profile_bpf **opened)
{
	struct profile_bpf *skel = profile_bpf__open();
	struct bpf_map *map, *wanted = NULL;
	struct bpf_program *prog;
	struct bpf_link *link;
	__u32 *group_fd;

	if (!skel)
		err(1, "cannot open the programs");
	bpf_object__for_each_program(prog, skel->obj) {
		const char *of = bpf_program__name(prog);

		bpf_program__set_autoload(prog, !strncmp(of, name, strlen(of)));
	}
	bpf_object__for_each_map(map, skel->obj) {
		if (bpf_map__type(map) != BPF_MAP_TYPE_STRUCT_OPS)
			continue;
		if (strcmp(bpf_map__name(map), name))
			bpf_map__set_autocreate(map, false);
		else
			wanted = map;
	}
	if (!wanted)
		errx(1, "there is no map %s", name);
	/* The maps are alike; the skeleton names the members of each. */
	group_fd = (void *)bpf_map__initial_value(wanted, &(size_t){ 0 }) +
		   ((void *)&skel->struct_ops.skip_ops->group_fd -
		    (void *)skel->struct_ops.skip_ops);
	*group_fd = group;
	if (profile_bpf__load(skel))
		err(1, "cannot load %s", name);
	link = bpf_map__attach_struct_ops(wanted);
	if (!link)
		err(1, "cannot attach %s", name);
	*opened = skel;
	return link;
}

static void say_and_wait(const char *what, const char *name)
{
	char line[16];

	printf("%s %s\n", what, name);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		errx(1, "nobody is listening any more");
}

/* Where the programs are is known while they are loaded. */
static void save_symbols(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "cat /proc/kallsyms >/out/profile/%s.symbols", name);
	if (system(command))
		errx(1, "cannot save the symbols");
}

static void measure(const struct setup *setup)
{
	int group = -1, other = -1;
	struct profile_bpf *skel = NULL;
	struct bpf_link *link = NULL;

	if (setup->init != -1U) {
		group = make_group(setup->init);
		mark(group, setup->mark, setup->mask,
		     setup->mark == FAN_MARK_INODE ? FILE_ : DIR);
		if (setup->ignore)
			mark(group, FAN_MARK_IGNORED_MASK |
			     FAN_MARK_IGNORED_SURV_MODIFY, setup->ignore, FILE_);
	}
	if (setup->parent) {
		other = make_group(FAN_CLASS_NOTIF);
		mark(other, 0, setup->parent | FAN_EVENT_ON_CHILD, DIR DEEP);
	}
	if (setup->ops)
		link = attach(setup->ops, group, &skel);

	operate(WARM);
	save_symbols(setup->name);
	say_and_wait("ready", setup->name);
	operate(TIMES);
	say_and_wait("done", setup->name);

	bpf_link__destroy(link);
	profile_bpf__destroy(skel);
	if (other >= 0)
		close(other);
	if (group >= 0)
		close(group);
}

static bool has_fastpath(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf && btf__find_by_name_kind(btf, "fanotify_fastpath_ops",
						 BTF_KIND_STRUCT) > 0;

	btf__free(btf);
	return has;
}

/* Is the setup among those that were asked for? The first is always needed. */
static bool is_wanted(const struct setup *setup, char **names)
{
	if (setup == setups || !*names)
		return true;
	while (*names && strcmp(*names, setup->name))
		names++;
	return *names;
}

static void check_name(const char *name)
{
	for (size_t i = 0; i < sizeof(setups) / sizeof(*setups); i++) {
		if (!strcmp(setups[i].name, name))
			return;
	}
	fprintf(stderr, "profile: there is no setup '%s'; there are:", name);
	for (size_t i = 0; i < sizeof(setups) / sizeof(*setups); i++)
		fprintf(stderr, " %s", setups[i].name);
	fputc('\n', stderr);
	exit(2);
}

int main(int argc, char *argv[])
{
	bool fastpath = has_fastpath();
	char path[] = FILE_, *slash = path + sizeof(DIR) - 1;
	int fd;

	for (int i = 1; i < argc; i++)
		check_name(argv[i]);
	if (mkdir(DIR, 0700) || mount("profile", DIR, "tmpfs", 0, ""))
		err(1, "%s", DIR);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = 0;
		if (mkdir(path, 0700) && errno != EEXIST)
			err(1, "%s", path);
		*slash = '/';
	}
	fd = open(FILE_, O_CREAT | O_WRONLY, 0600);
	if (fd < 0)
		err(1, "%s", FILE_);
	close(fd);

	for (size_t i = 0; i < sizeof(setups) / sizeof(*setups); i++) {
		if (is_wanted(&setups[i], argv + 1) &&
		    (!setups[i].ops || fastpath))
			measure(&setups[i]);
	}
	return 0;
}
