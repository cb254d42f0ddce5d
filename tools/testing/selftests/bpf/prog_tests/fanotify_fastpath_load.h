/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of fanotify_fastpath_load.c that fanotify_fastpath_audit.c runs, too.
 */
#ifndef __FANOTIFY_FASTPATH_LOAD_H
#define __FANOTIFY_FASTPATH_LOAD_H

#include "fanotify_fastpath_helpers.h"

/* The link is updated to another program, again and again. */
void fp_update_under_load(struct fp_fixture *f);

/* The program is detached and attached. */
void fp_attach_under_load(struct fp_fixture *f);

/* The group loses its mark and gets it back. */
void fp_mark_under_load(struct fp_fixture *f);

/* The group is closed, and followed by one with @flags. */
void fp_close_under_load(struct fp_fixture *f, unsigned int flags);

#endif /* __FANOTIFY_FASTPATH_LOAD_H */
