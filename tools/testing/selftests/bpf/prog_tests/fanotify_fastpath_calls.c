// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: it is called without the trampoline of struct_ops. A
 * program still can jump to another one, have a function replaced, and throw.
 */
#include "fanotify_fastpath_helpers.h"
#include "fanotify_fastpath_calls.skel.h"

/* Registers that are not restored would be missed sooner or later. */
#define THROWS	100

static struct fanotify_fastpath_calls *open_calls(struct fp_fixture *f)
{
	struct fanotify_fastpath_calls *skel;

	skel = fanotify_fastpath_calls__open();
	if (!ASSERT_OK_PTR(skel, "open skeleton"))
		return NULL;
	skel->struct_ops.jump_ops->group_fd = f->fan_fd;
	skel->struct_ops.replaceable_ops->group_fd = f->fan_fd;
	skel->struct_ops.throw_ops->group_fd = f->fan_fd;
	return skel;
}

/* The link goes first: the fixture's teardown must not find it. */
static void unload_calls(struct fp_fixture *f,
			 struct fanotify_fastpath_calls *skel)
{
	fp_detach(f);
	fanotify_fastpath_calls__destroy(skel);
}

static int put_next(struct fanotify_fastpath_calls *skel,
		    const struct bpf_program *prog)
{
	const int fd = bpf_program__fd(prog);
	const __u32 zero = 0;

	return bpf_map__update_elem(skel->maps.next, &zero, sizeof(zero), &fd,
				    sizeof(fd), 0);
}

static void test_tail_call(struct fp_fixture *f)
{
	struct fanotify_fastpath_calls *skel;
	const __u32 zero = 0;

	skel = open_calls(f);
	if (!skel)
		return;
	if (!ASSERT_OK(fanotify_fastpath_calls__load(skel), "load") ||
	    !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, skel->maps.jump_ops))
		goto out;

	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "nothing to jump to");
	ASSERT_OK(put_next(skel, skel->progs.land), "a program of this member");
	fp_open_files("a");
	ASSERT_EQ(skel->bss->landed, 1, "jumps");
	ASSERT_STREQ(fp_read_events(f), "", "skipped");
	ASSERT_EQ(put_next(skel, skel->progs.land_elsewhere), -EINVAL,
		  "a program of the other member");
	ASSERT_OK(bpf_map__delete_elem(skel->maps.next, &zero, sizeof(zero), 0),
		  "delete");
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "open:a",
		     "nothing to jump to any more");
out:
	unload_calls(f, skel);
}

/* Load @extension, and nothing else of @other, for verdict() of @skel. */
static int load_extension(struct fanotify_fastpath_calls *other,
			  struct bpf_program *extension,
			  const struct fanotify_fastpath_calls *skel)
{
	const int target_fd = bpf_program__fd(skel->progs.replaceable);
	struct bpf_program *prog;
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, other->obj)
		bpf_map__set_autocreate(map, false);
	bpf_object__for_each_program(prog, other->obj)
		bpf_program__set_autoload(prog, prog == extension);
	err = bpf_program__set_attach_target(extension, target_fd, "verdict");
	if (!ASSERT_OK(err, "attach target"))
		return err;
	return fanotify_fastpath_calls__load(other);
}

static void test_replaced(struct fp_fixture *f)
{
	struct fanotify_fastpath_calls *skel, *other;
	struct bpf_link *link;

	skel = open_calls(f);
	if (!skel)
		return;
	other = open_calls(f);
	if (!other)
		goto out;
	if (!ASSERT_OK(fanotify_fastpath_calls__load(skel), "load") ||
	    !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, skel->maps.replaceable_ops))
		goto out;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "sent");

	if (!ASSERT_OK(load_extension(other, other->progs.replacement, skel),
		       "load other"))
		goto out;
	link = bpf_program__attach(other->progs.replacement);
	/* Not every architecture patches programs. */
	if (libbpf_get_error(link) == -EOPNOTSUPP) {
		test__skip();
		goto out;
	}
	if (!ASSERT_OK_PTR(link, "attach other"))
		goto out;
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "skipped by the replacement");
	bpf_link__destroy(link);
	fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "open:a", "sent again");
out:
	fanotify_fastpath_calls__destroy(other);
	unload_calls(f, skel);
}

/* What a program may not call, its extension may not either. */
static void test_signalling_replacement(struct fp_fixture *f)
{
	struct fanotify_fastpath_calls *skel, *other;
	static char log[65536];

	skel = open_calls(f);
	if (!skel)
		return;
	other = open_calls(f);
	if (!other)
		goto out;
	if (!ASSERT_OK(fanotify_fastpath_calls__load(skel), "load"))
		goto out;
	log[0] = '\0';
	bpf_program__set_log_buf(other->progs.signalling_replacement, log,
				 sizeof(log));
	if (ASSERT_ERR(load_extension(other,
				      other->progs.signalling_replacement,
				      skel), "load other"))
		ASSERT_HAS_SUBSTR(log,
				  "calling kernel function bpf_send_signal_task is not allowed",
				  "verifier log");
out:
	fanotify_fastpath_calls__destroy(other);
	unload_calls(f, skel);
}

static void test_thrown(struct fp_fixture *f)
{
	struct fanotify_fastpath_calls *skel;
	static char log[65536];
	char expected[64];
	int i;

	skel = open_calls(f);
	if (!skel)
		return;
	bpf_map__set_autocreate(skel->maps.throw_ops, true);
	bpf_program__set_autoload(skel->progs.thrower, true);
	log[0] = '\0';
	bpf_program__set_log_buf(skel->progs.thrower, log, sizeof(log));
	/* x86-64 has it with CONFIG_UNWINDER_ORC only. */
	if (!fp_loaded(fanotify_fastpath_calls__load(skel), log,
		       "JIT does not support calling kfunc bpf_throw") ||
	    !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN) ||
	    !fp_attach(f, skel->maps.throw_ops))
		goto out;

	for (i = 0; i < THROWS; i++)
		fp_open_files("a");
	ASSERT_STREQ(fp_read_events(f), "", "skipped");
	snprintf(expected, sizeof(expected),
		 "seen:%d sent:0 skipped:%d invalid:0", THROWS, THROWS);
	ASSERT_STREQ(fp_read_counters(f), expected, "counters");
out:
	unload_calls(f, skel);
}

static const struct fp_subtest subtests[] = {
	{ "tail_call", test_tail_call, "tmpfs", FASTPATH_FLAGS },
	{ "replaced", test_replaced, "tmpfs", FASTPATH_FLAGS },
	{ "signalling_replacement", test_signalling_replacement, "tmpfs",
	  FASTPATH_FLAGS },
	{ "thrown", test_thrown, "tmpfs", FASTPATH_FLAGS },
};

void test_fanotify_fastpath_calls(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
