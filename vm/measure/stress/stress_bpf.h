/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs and the workers of the stress test tell each other. */
#ifndef __STRESS_BPF_H
#define __STRESS_BPF_H

/*
 * The first letter of a name says where the file always is, or what its opener
 * always gets. Everything else belongs to the storm.
 */
enum stress_class {
	CLASS_STORM,
	CLASS_INSIDE,		/* i: below a root, whatever is moved */
	CLASS_OUTSIDE,		/* o: below none */
	/* The same, for events that have the directory and not the dentry */
	CLASS_INSIDE_DIR,
	CLASS_OUTSIDE_DIR,
	CLASS_OWN,		/* c: opened by the process that has the program */
	CLASS_ALLOW,		/* a: allowed by the program */
	CLASS_DENY,		/* d: denied by the program */
	CLASS_ASK,		/* q: the listener is asked, which is to allow */
	CLASS_REFUSE,		/* r: the listener is asked, which is to deny */
	CLASS_WAIT,		/* w: the listener is asked, which never answers */
	CLASSES,
};

/* Of one class, since the program was loaded */
struct stress_counts {
	unsigned long long calls;
	unsigned long long undecided;
	/* inside by the walk, outside by the walk */
	unsigned long long in, out;
};

#endif /* __STRESS_BPF_H */
