// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: the records of what a program denied, and denials that
 * wait for room among the records while programs, marks and groups come and
 * go.
 */
#include <linux/audit.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "fanotify_fastpath_load.h"
#include "fanotify_fastpath_opener.h"

struct audit_message {
	struct nlmsghdr hdr;
	union {
		struct audit_status status;
		struct nlmsgerr err;
		char text[1024];
	};
};

/*
 * Send @type with @status, and get what is of type @reply; or a negative errno
 */
static int audit_request(int fd, int type, int reply,
			 struct audit_status *status)
{
	struct audit_message msg = {
		.hdr.nlmsg_len = NLMSG_LENGTH(sizeof(*status)),
		.hdr.nlmsg_type = type,
		.hdr.nlmsg_flags = NLM_F_REQUEST |
				   (reply == NLMSG_ERROR ? NLM_F_ACK : 0),
		.status = *status,
	};

	if (send(fd, &msg, msg.hdr.nlmsg_len, 0) < 0)
		return -errno;
	do {
		if (!fp_wait_readable(fd))
			return -ETIMEDOUT;
		if (recv(fd, &msg, sizeof(msg), 0) < 0)
			return -errno;
		if (msg.hdr.nlmsg_type == NLMSG_ERROR && msg.err.error)
			return msg.err.error;
	} while (msg.hdr.nlmsg_type != reply);
	if (reply == AUDIT_GET)
		*status = msg.status;
	return 0;
}

/* The answers of the next @nr records of fanotify, as "1 2 " */
static const char *read_audit(int fd, int nr, char *answers, size_t size)
{
	struct audit_message msg;
	size_t used = 0;
	ssize_t len;
	char *resp;

	answers[0] = '\0';
	while (nr && fp_wait_readable(fd)) {
		len = recv(fd, &msg, sizeof(msg) - 1, 0);
		if (len < 0 || msg.hdr.nlmsg_type != AUDIT_FANOTIFY)
			continue;
		((char *)&msg)[len] = '\0';
		resp = strstr(msg.text, "resp=");
		if (!ASSERT_OK_PTR(resp, "response"))
			break;
		used += snprintf(answers + used, size - used, "%d ",
				 atoi(resp + strlen("resp=")));
		ASSERT_HAS_SUBSTR(resp, " fan_type=0 fan_info=0 ", "no rule");
		nr--;
	}
	return answers;
}

static void check_records(struct fp_fixture *f, int log_fd)
{
	struct fanotify_fastpath_permission *skel;
	char answers[64];

	skel = fp_load_limit(f->fan_fd, FP_SHORT_MS, FAN_FP_RET_SKIP_EVENT);
	if (!skel || !fp_make_files("a") || !fp_mark_fs(f, FAN_OPEN_PERM) ||
	    !fp_attach(f, skel->maps.limit_ops))
		goto out;

	skel->bss->answer = FAN_FP_RET_SKIP_EVENT;
	ASSERT_OK(fp_run(fp_do_open, "a"), "allowed");
	skel->bss->answer = -EIO;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EIO, "denied");
	skel->bss->answer = FAN_FP_RET_SEND_TO_USERSPACE;
	ASSERT_OK(fp_run(fp_do_open, "a"), "expired");
	skel->bss->answer = -ENOENT;
	ASSERT_EQ(fp_run(fp_do_open, "a"), EPERM, "denied");
	fp_expect_counters(f, 1, 0, 1, 2, 1);

	/* Nothing about what the program allowed */
	ASSERT_STREQ(read_audit(log_fd, 3, answers, sizeof(answers)),
		     "2 1 2 ", "records");
out:
	fp_unload_permission(f, skel);
}

typedef void (*audit_fn)(struct fp_fixture *f, int log_fd);

/* Call @fn with auditing switched on and set to @set, and what is recorded. */
static void with_audit(struct fp_fixture *f, struct audit_status set,
		       audit_fn fn)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1 << (AUDIT_NLGRP_READLOG - 1),
	};
	struct audit_status status = {};
	int fd, log_fd = -1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (fd < 0 && errno == EPROTONOSUPPORT) {
		printf("%s:SKIP:kernel without audit\n", __func__);
		test__skip();
		return;
	}
	if (!ASSERT_OK_FD(fd, "audit socket") ||
	    !ASSERT_OK(audit_request(fd, AUDIT_GET, AUDIT_GET, &status),
		       "AUDIT_GET"))
		goto out;
	log_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (!ASSERT_OK_FD(log_fd, "audit log socket") ||
	    !ASSERT_OK(bind(log_fd, (struct sockaddr *)&addr, sizeof(addr)),
		       "bind"))
		goto out;
	if (!status.enabled) {
		set.mask |= AUDIT_STATUS_ENABLED;
		set.enabled = 1;
	}
	if (ASSERT_OK(audit_request(fd, AUDIT_SET, NLMSG_ERROR, &set),
		      "set audit"))
		fn(f, log_fd);
	/* Records may be lost until there is room for them as before. */
	status.mask = set.mask & ~AUDIT_STATUS_FAILURE;
	if (!ASSERT_OK(audit_request(fd, AUDIT_SET, NLMSG_ERROR, &status),
		       "audit as before"))
		goto out;
	status.mask = set.mask & AUDIT_STATUS_FAILURE;
	ASSERT_OK(audit_request(fd, AUDIT_SET, NLMSG_ERROR, &status),
		  "failure as before");
out:
	if (log_fd >= 0)
		close(log_fd);
	if (fd >= 0)
		close(fd);
}

static void test_records(struct fp_fixture *f)
{
	with_audit(f, (struct audit_status) {}, check_records);
}

/*
 * There is next to no room in the queue of records, so that denials wait in
 * mid-call, but not long: whoever they wait for may not come. Records that are
 * lost for it must not make the host panic.
 */
static void with_audit_backlog(struct fp_fixture *f, audit_fn fn)
{
	with_audit(f, (struct audit_status) {
			.mask = AUDIT_STATUS_FAILURE |
				AUDIT_STATUS_BACKLOG_LIMIT |
				AUDIT_STATUS_BACKLOG_WAIT_TIME,
			.failure = AUDIT_FAIL_SILENT,
			.backlog_limit = 1,
			.backlog_wait_time = 2,
		   }, fn);
}

static void expect_denial_record(int log_fd)
{
	char answers[64];

	ASSERT_STREQ(read_audit(log_fd, 1, answers, sizeof(answers)), "2 ",
		     "record");
}

static void audit_update(struct fp_fixture *f, int log_fd)
{
	fp_update_under_load(f);
	expect_denial_record(log_fd);
}

static void test_update_under_load(struct fp_fixture *f)
{
	with_audit_backlog(f, audit_update);
}

static void audit_attach(struct fp_fixture *f, int log_fd)
{
	fp_attach_under_load(f);
	expect_denial_record(log_fd);
}

static void test_attach_under_load(struct fp_fixture *f)
{
	with_audit_backlog(f, audit_attach);
}

static void audit_mark(struct fp_fixture *f, int log_fd)
{
	fp_mark_under_load(f);
	expect_denial_record(log_fd);
}

static void test_mark_under_load(struct fp_fixture *f)
{
	with_audit_backlog(f, audit_mark);
}

static void audit_close(struct fp_fixture *f, int log_fd)
{
	fp_close_under_load(f, FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT);
	expect_denial_record(log_fd);
}

static void test_close_under_load(struct fp_fixture *f)
{
	with_audit_backlog(f, audit_close);
}

static const struct fp_subtest subtests[] = {
	{ "records", test_records, "tmpfs",
	  FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
	{ "update_under_load", test_update_under_load, "tmpfs",
	  FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
	{ "attach_under_load", test_attach_under_load, "tmpfs",
	  FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
	{ "mark_under_load", test_mark_under_load, "tmpfs",
	  FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
	{ "close_under_load", test_close_under_load, "tmpfs",
	  FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT },
};

/* Serial: auditing is switched on for the whole system. */
void serial_test_fanotify_fastpath_audit(void)
{
	fp_run_subtests(subtests, ARRAY_SIZE(subtests));
}
