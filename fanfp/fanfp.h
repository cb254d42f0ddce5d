/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fanfp: the commands, and how they end.
 */
#ifndef __FANFP_H
#define __FANFP_H

#define FANFP_VERSION	"0.1"

/* Exit statuses; see EXIT STATUS in the man page. */
#define FANFP_FAILED		1
#define FANFP_USAGE		2
#define FANFP_FAILED_WITH_CMD	125
#define FANFP_CMD_NOT_EXEC	126
#define FANFP_CMD_NOT_FOUND	127

/* Of fanfp's own failure: FANFP_FAILED, unless a command passes CMD's on. */
extern int fanfp_failed;

/* A folder a command. argv[0] is "fanfp COMMAND". */
int cmd_check(int argc, char **argv);
int cmd_deny(int argc, char **argv);
int cmd_guard(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_watch(int argc, char **argv);

#endif /* __FANFP_H */
