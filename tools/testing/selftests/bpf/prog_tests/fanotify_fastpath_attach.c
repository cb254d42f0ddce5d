// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: which map can be attached to which group, and by whom.
 * What the verifier refuses is in fanotify_fastpath_fail.c.
 */
#include <fcntl.h>
#include <sys/inotify.h>

#include <bpf/btf.h>

#include "cap_helpers.h"
#include "fanotify_fastpath_opener.h"
#include "fanotify_fastpath_bad_ops.skel.h"

static int attach_to_fd_error(int fd)
{
	struct fanotify_fastpath *skel;
	int err;

	skel = fp_load_skel(fd);
	if (!skel)
		return 0;
	err = fp_attach_error(skel->maps.skip_ops);
	fanotify_fastpath__destroy(skel);
	return err;
}

static void test_not_an_fd(struct fp_fixture *f)
{
	/* Out of reach of what loading opens */
	int fd = fcntl(f->fan_fd, F_DUPFD_CLOEXEC, 512);

	if (!ASSERT_OK_FD(fd, "dup"))
		return;
	ASSERT_OK(attach_to_fd_error(fd), "open");
	close(fd);
	ASSERT_EQ(attach_to_fd_error(fd), -EBADF, "closed");
	ASSERT_EQ(attach_to_fd_error(-1), -EBADF, "-1");
}

static void test_not_fanotify(struct fp_fixture *f)
{
	int fd;

	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (ASSERT_OK_FD(fd, "/dev/null")) {
		ASSERT_EQ(attach_to_fd_error(fd), -EINVAL, "file");
		close(fd);
	}
	fd = inotify_init1(IN_CLOEXEC);
	if (ASSERT_OK_FD(fd, "inotify_init1")) {
		ASSERT_EQ(attach_to_fd_error(fd), -EINVAL, "inotify");
		close(fd);
	}
}

static void test_second_program(struct fp_fixture *f)
{
	if (!fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, f->skel->maps.skip_ops))
		return;

	ASSERT_EQ(fp_attach_error(f->skel->maps.answer_ops), -EBUSY,
		  "second program");
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "first program");
}

/* The group's number is given to another group: only the map is busy. */
static void test_same_map(struct fp_fixture *f)
{
	int dup_fd, fan_fd;

	if (!fp_attach(f, f->skel->maps.skip_ops))
		return;
	ASSERT_EQ(fp_attach_error(f->skel->maps.skip_ops), -EBUSY,
		  "same group");

	dup_fd = fcntl(f->fan_fd, F_DUPFD_CLOEXEC, 0);
	if (!ASSERT_OK_FD(dup_fd, "dup"))
		return;
	fan_fd = fp_new_group(FASTPATH_FLAGS);
	if (!ASSERT_OK_FD(fan_fd, "second group"))
		goto out;
	if (!ASSERT_EQ(dup3(fan_fd, f->fan_fd, O_CLOEXEC), f->fan_fd, "dup3"))
		goto out_close;

	ASSERT_EQ(fp_attach_error(f->skel->maps.skip_ops), -EBUSY,
		  "other group");
	ASSERT_OK(fp_attach_error(f->skel->maps.answer_ops), "other map");
out_close:
	close(fan_fd);
out:
	close(dup_fd);
}

/* The listener may not see pids and names, so nobody gets them for it. */
static void test_unprivileged_group(struct fp_fixture *f)
{
	__u64 old_caps = 0;
	int fan_fd;

	if (!ASSERT_OK(cap_disable_effective(1ULL << CAP_SYS_ADMIN, &old_caps),
		       "drop CAP_SYS_ADMIN"))
		return;
	fan_fd = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID,
			       O_RDONLY);
	ASSERT_OK(cap_enable_effective(old_caps, NULL), "restore capabilities");
	if (!ASSERT_OK_FD(fan_fd, "unprivileged group"))
		return;
	ASSERT_EQ(attach_to_fd_error(fan_fd), -EPERM, "attach");
	close(fan_fd);
}

/* Attach, and then update to, a program that needs more than a filter does. */
static void expect_refused(struct fp_fixture *f,
			   struct fanotify_fastpath_permission *skel, int err)
{
	ASSERT_EQ(fp_attach_error(skel->maps.answer_ops), err, "permission");
	ASSERT_EQ(fp_attach_error(skel->maps.filter_limit_ops), err, "limit");
	if (!fp_attach(f, skel->maps.filter_ops))
		return;
	ASSERT_EQ(bpf_link__update_map(f->link, skel->maps.answer_ops), err,
		  "update to permission");
	ASSERT_EQ(bpf_link__update_map(f->link, skel->maps.filter_limit_ops),
		  err, "update to limit");
	ASSERT_HAS_SUBSTR(fp_read_fdinfo(f, f->fan_fd), "name:filter ",
			  "old program");
}

static void test_class(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);

	if (skel)
		expect_refused(f, skel, -EINVAL);
	fp_unload_permission(f, skel);
}

static void test_capability(struct fp_fixture *f)
{
	struct fanotify_fastpath_permission *skel = fp_load_permission(f);
	__u64 old_caps = 0;

	if (!skel ||
	    !ASSERT_OK(cap_disable_effective(1ULL << CAP_SYS_ADMIN, &old_caps),
		       "drop CAP_SYS_ADMIN"))
		goto out;
	expect_refused(f, skel, -EPERM);
	ASSERT_OK(cap_enable_effective(old_caps, NULL), "restore capabilities");
	if (!f->link)
		goto out;

	ASSERT_OK(bpf_link__update_map(f->link, skel->maps.filter_limit_ops),
		  "update to limit");
	ASSERT_OK(bpf_link__update_map(f->link, skel->maps.answer_ops),
		  "update to permission");
out:
	fp_unload_permission(f, skel);
}

/* The map is rejected as it is, wherever it is to be attached. */
static void test_bad_ops(struct fp_fixture *f)
{
	struct fanotify_fastpath_bad_ops *skel;

	skel = fanotify_fastpath_bad_ops__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return;
	skel->struct_ops.good_ops->group_fd = f->fan_fd;
	skel->struct_ops.no_filter_ops->group_fd = f->fan_fd;
	skel->struct_ops.no_name_ops->group_fd = f->fan_fd;
	skel->struct_ops.space_ops->group_fd = f->fan_fd;
	skel->struct_ops.newline_ops->group_fd = f->fan_fd;
	skel->struct_ops.unterminated_ops->group_fd = f->fan_fd;
	skel->struct_ops.no_link_ops->group_fd = f->fan_fd;
	if (!ASSERT_OK(fanotify_fastpath_bad_ops__load(skel), "load skeleton"))
		goto out;

	ASSERT_EQ(fp_attach_error(skel->maps.no_filter_ops), -EINVAL,
		  "no filter");
	ASSERT_EQ(fp_attach_error(skel->maps.no_name_ops), -EINVAL, "no name");
	ASSERT_EQ(fp_attach_error(skel->maps.space_ops), -EINVAL, "space");
	ASSERT_EQ(fp_attach_error(skel->maps.newline_ops), -EINVAL, "newline");
	ASSERT_EQ(fp_attach_error(skel->maps.unterminated_ops), -EINVAL,
		  "not terminated");
	ASSERT_EQ(fp_attach_error(skel->maps.no_link_ops), -EOPNOTSUPP,
		  "no link");
	ASSERT_OK(fp_attach_error(skel->maps.good_ops), "nothing wrong");
out:
	fanotify_fastpath_bad_ops__destroy(skel);
}

/*
 * Where a member is in the kernel's value of the map, in bytes; -1 if nowhere
 */
static int value_offset(const struct btf *btf, __u32 value_id, const char *name)
{
	const struct btf_type *value = btf__type_by_id(btf, value_id), *ops;
	const struct btf_member *data = btf_members(value) + 1, *m;
	int i;

	/* struct { struct bpf_struct_ops_common_value common; ... data; } */
	ops = btf__type_by_id(btf, data->type);
	for (i = 0, m = btf_members(ops); i < btf_vlen(ops); i++, m++)
		if (!strcmp(btf__name_by_offset(btf, m->name_off), name))
			return (btf_member_bit_offset(value, 1) +
				btf_member_bit_offset(ops, i)) / 8;
	return -1;
}

/* What libbpf would not write, written by hand */
static void test_private_members(struct fp_fixture *f)
{
	static const char value_name[] = "bpf_struct_ops_fanotify_fastpath_ops";
	static const char * const private[] = {
		"stats", "attachment", "filter_prog", "permission_prog",
	};
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_LINK);
	struct fanotify_fastpath_bad_ops *skel;
	int i, map = -1, offset, size, value_id, filter, name;
	unsigned long *member;
	const int zero = 0;
	struct btf *btf;
	char *value = NULL;

	btf = btf__load_vmlinux_btf();
	skel = fanotify_fastpath_bad_ops__open_and_load();
	if (!ASSERT_OK_PTR(btf, "kernel's types") ||
	    !ASSERT_OK_PTR(skel, "load skeleton"))
		goto out;
	opts.btf_fd = bpf_object__btf_fd(skel->obj);
	value_id = btf__find_by_name_kind(btf, value_name, BTF_KIND_STRUCT);
	if (!ASSERT_GT(value_id, 0, "type of the map's value"))
		goto out;
	opts.btf_vmlinux_value_type_id = value_id;
	filter = value_offset(btf, value_id, "filter");
	name = value_offset(btf, value_id, "name");
	if (!ASSERT_GE(filter, 0, "filter") || !ASSERT_GE(name, 0, "name"))
		goto out;
	size = btf__type_by_id(btf, value_id)->size;
	map = bpf_map_create(BPF_MAP_TYPE_STRUCT_OPS, "by_hand", sizeof(zero),
			     size, 1, &opts);
	value = calloc(1, size);
	if (!ASSERT_OK_FD(map, "map") || !ASSERT_OK_PTR(value, "calloc"))
		goto out;
	member = (unsigned long *)(value + filter);
	*member = bpf_program__fd(skel->progs.filter);
	memcpy(value + name, "by_hand", sizeof("by_hand"));

	for (i = 0; i < ARRAY_SIZE(private); i++) {
		offset = value_offset(btf, value_id, private[i]);
		if (!ASSERT_GE(offset, 0, private[i]))
			continue;
		member = (unsigned long *)(value + offset);
		*member = 1;
		ASSERT_EQ(bpf_map_update_elem(map, &zero, value, 0), -EINVAL,
			  private[i]);
		*member = 0;
	}
	ASSERT_OK(bpf_map_update_elem(map, &zero, value, 0), "without them");
out:
	free(value);
	if (map >= 0)
		close(map);
	fanotify_fastpath_bad_ops__destroy(skel);
	btf__free(btf);
}

static const struct fp_subtest subtests[] = {
	{ "not_an_fd", test_not_an_fd, "tmpfs", FASTPATH_FLAGS },
	{ "not_fanotify", test_not_fanotify, "tmpfs", FASTPATH_FLAGS },
	{ "second_program", test_second_program, "tmpfs", FASTPATH_FLAGS },
	{ "same_map", test_same_map, "tmpfs", FASTPATH_FLAGS },
	{ "unprivileged_group", test_unprivileged_group, "tmpfs",
	  FASTPATH_FLAGS },
	{ "class", test_class, "tmpfs", FAN_CLASS_NOTIF },
	{ "capability", test_capability, "tmpfs", FAN_CLASS_CONTENT },
	{ "bad_ops", test_bad_ops, "tmpfs", FASTPATH_FLAGS },
	{ "private_members", test_private_members, "tmpfs", FASTPATH_FLAGS },
};

void test_fanotify_fastpath_attach(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
