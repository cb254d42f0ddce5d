// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: is an event inside a subtree that the group has marked?
 *
 * The subtree roots of a group are the directories on which it holds an inode
 * mark, be it with an ignore mask only. They are added and removed with
 * fanotify_mark(2), listed in fdinfo, and let go by unmount like any mark;
 * nothing else is pinned. Evictable marks do not count: they vanish while nothing
 * below them is in use, and what is opened there later would be outside.
 *
 * One walk from the object up to the root of its filesystem answers for all
 * roots. Its length is bounded, and it does not take rename_lock, which an
 * unprivileged user can keep busy. (To start from a directory instead of a dentry
 * takes the directory's i_lock.) What it cannot tell it calls undecided, and
 * programs are to send undecided events to the listener.
 *
 * A directory without marks costs one load. One that others have marked costs a
 * step for each mark in front of where that of the group would be.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/dcache.h>
#include <linux/fanotify.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/rculist.h>
#include <linux/seqlock.h>

#include "fanotify.h"
#include "fastpath.h"

/* Dentries looked at before a walk gives up: -E2BIG; the object is the first */
#define FANOTIFY_SUBTREE_MAX_DEPTH	256

/* Tries that a rename may spoil or put off before the answer is -EAGAIN */
#define FANOTIFY_SUBTREE_MAX_TRIES	4

static bool fanotify_is_subtree_root(struct fsnotify_group *group,
				     const struct fsnotify_mark_connector *conn)
{
	struct fsnotify_mark *mark;
	unsigned int flags;
	int order;

	hlist_for_each_entry_srcu(mark, &conn->list, obj_list,
				  srcu_read_lock_held(&fsnotify_mark_srcu)) {
		/* The list is sorted. */
		order = fsnotify_compare_groups(mark->group, group);
		if (order > 0)
			break;
		if (order < 0)
			continue;
		flags = READ_ONCE(mark->flags);
		return (flags & FSNOTIFY_MARK_FLAG_ATTACHED) &&
		       !(flags & FSNOTIFY_MARK_FLAG_NO_IREF);
	}
	return false;
}

/*
 * Walk up from @dentry to the nearest root. rename_lock's sequence tells whether
 * the parents that were seen belonged together; the caller checks it.
 */
static int fanotify_subtree_walk(struct fsnotify_group *group,
				 const struct dentry *dentry,
				 struct inode **root)
{
	const struct fsnotify_mark_connector *conn;
	const struct dentry *parent;
	struct inode *inode;
	int depth;

	for (depth = 0; depth < FANOTIFY_SUBTREE_MAX_DEPTH; depth++) {
		inode = d_inode_rcu(dentry);
		if (inode) {
			conn = srcu_dereference(inode->i_fsnotify_marks,
						&fsnotify_mark_srcu);
			/* Only the first step can be at something else. */
			if (unlikely(conn) && S_ISDIR(inode->i_mode) &&
			    fanotify_is_subtree_root(group, conn)) {
				*root = inode;
				return 1;
			}
		}

		parent = READ_ONCE(dentry->d_parent);
		if (parent == dentry)
			/* A disconnected dentry has its parents elsewhere. */
			return dentry == dentry->d_sb->s_root ? 0 : -ESTALE;
		dentry = parent;
	}
	return -E2BIG;
}

/*
 * Is @dentry a name that the file does not have any more, or never had, while it
 * has others? An open file keeps it, and a file handle finds it.
 */
static bool fanotify_subtree_lost_name(const struct dentry *dentry)
{
	const struct inode *inode;

	if (likely(!d_unhashed(dentry)))
		return false;
	inode = d_inode_rcu(dentry);
	return inode && !S_ISDIR(inode->i_mode) && READ_ONCE(inode->i_nlink);
}

static int fanotify_subtree_find(struct fsnotify_group *group,
				 const struct dentry *dentry,
				 struct inode *dir, struct inode **root)
{
	const bool from_dir = !dentry;
	struct inode *nearest;
	unsigned int seq;
	int tries, ret;

	guard(rcu)();

	if (from_dir) {
		if (!dir)
			return -ENOENT;
		if (!S_ISDIR(dir->i_mode))
			return -ENOTDIR;
		/* i_lock sleeps there, and programs can disable preemption. */
		if (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible())
			return -EAGAIN;
		/* A directory has one alias, and the event holds @dir. */
		dentry = d_find_alias_rcu(dir);
		if (!dentry)
			return -ESTALE;
	} else if (fanotify_subtree_lost_name(dentry)) {
		return -ESTALE;
	}

	/*
	 * The plain sequence: with PREEMPT_RT, the one with its lock waits for a
	 * writer by taking the lock.
	 */
	for (tries = 0; tries < FANOTIFY_SUBTREE_MAX_TRIES; tries++) {
		if (!raw_seqcount_try_begin(&rename_lock.seqcount.seqcount,
					    seq)) {
			cpu_relax();
			continue;
		}
		nearest = NULL;
		ret = fanotify_subtree_walk(group, dentry, &nearest);
		/*
		 * The event holds a dentry that it comes with, but only the
		 * inode of @dir. An alias that rmdir made negative is not seen
		 * to be a root. One that is dropped loses its inode, too, and
		 * that before it lets go of its parents, which then may have
		 * lost theirs.
		 */
		smp_rmb();
		if (from_dir && unlikely(d_inode_rcu(dentry) != dir))
			return -ESTALE;
		if (read_seqcount_retry(&rename_lock.seqcount.seqcount, seq))
			continue;
		*root = nearest;
		return ret;
	}
	return -EAGAIN;
}

__bpf_kfunc_start_defs();

/**
 * bpf_fanotify_subtree_root - find the nearest subtree root above an object
 * @group: group whose inode marks are the roots
 * @dentry__nullable: object to start from, or NULL to start from @dir
 * @dir__nullable: directory to start from if there is no dentry, as for
 *	FAN_DELETE or FAN_MOVED_FROM; not looked at otherwise
 * @status: 1 if a root was found, 0 if there is none, or what
 *	bpf_fanotify_is_subdir() returns for undecided
 *
 * A directory with a mark of @group is inside itself. The walk ends at the root
 * of the filesystem: another filesystem mounted below a root needs a root of
 * its own, a bind mount of the same directories does not. A file with several
 * hard links is where the name is that was used; one that is opened by its
 * handle, as by nfsd, where any of those is that are in the dentry cache.
 *
 * To be called from a fast path program only. An argument of the program that
 * can be NULL has to be checked before it is passed on; NULL itself can be
 * passed. The inode is there until the program returns. Its mark may be removed
 * meanwhile.
 *
 * Return: inode of the nearest root, or NULL
 */
__bpf_kfunc struct inode *
bpf_fanotify_subtree_root(struct fsnotify_group *group,
			  struct dentry *dentry__nullable,
			  struct inode *dir__nullable, int *status)
{
	struct inode *root = NULL;

	*status = fanotify_subtree_find(group, dentry__nullable, dir__nullable,
					&root);
	return root;
}

/**
 * bpf_fanotify_is_subdir - is an object inside a subtree of the group
 * @group: group whose inode marks are the roots
 * @dentry__nullable: object to start from, or NULL to start from @dir
 * @dir__nullable: directory to start from if there is no dentry, as for
 *	FAN_DELETE or FAN_MOVED_FROM; not looked at otherwise
 *
 * To be called from a fast path program only. See bpf_fanotify_subtree_root()
 * for what is inside.
 *
 * Return: 1 if it is, 0 if it is not; a negative errno if that is undecided and
 * the event must go to the listener: -EAGAIN while names keep moving, on any
 * filesystem; -E2BIG if the object is deeper than the walk goes, -ESTALE if its
 * directory is not connected to the root of the filesystem, or the file has other
 * names, but not that of the dentry; -ENOENT without a dentry and a directory,
 * -ENOTDIR if @dir is something else
 */
__bpf_kfunc int bpf_fanotify_is_subdir(struct fsnotify_group *group,
				       struct dentry *dentry__nullable,
				       struct inode *dir__nullable)
{
	struct inode *root;

	return fanotify_subtree_find(group, dentry__nullable, dir__nullable,
				     &root);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(fanotify_subtree_kfunc_ids)
BTF_ID_FLAGS(func, bpf_fanotify_subtree_root, KF_RCU_PROTECTED | KF_RET_NULL)
BTF_ID_FLAGS(func, bpf_fanotify_is_subdir)
BTF_KFUNCS_END(fanotify_subtree_kfunc_ids)

/* As fanotify_fastpath_get_func_proto(), of the kfuncs that all programs have. */
BTF_ID_LIST(fanotify_refused_kfunc_ids)
#ifdef CONFIG_BPF_EVENTS
BTF_ID(func, bpf_send_signal_task)
#else
BTF_ID_UNUSED
#endif

/*
 * The walk relies on fsnotify_mark_srcu, which the members of a fast path run
 * under. Their timers and work items do not, but have no group to pass on.
 */
static int fanotify_subtree_kfunc_filter(const struct bpf_prog *prog,
					 u32 kfunc_id)
{
	/*
	 * Called for all kfuncs of all struct_ops programs and their extensions.
	 * An extension is judged by the program that it is loaded for; that it is
	 * attached to another one then is not seen here.
	 */
	if (kfunc_id == fanotify_refused_kfunc_ids[0])
		return bpf_prog_is_fanotify_fastpath(prog->aux->dst_prog ?: prog) ?
		       -EACCES : 0;
	if (!btf_id_set8_contains(&fanotify_subtree_kfunc_ids, kfunc_id))
		return 0;
	if (prog->type != BPF_PROG_TYPE_STRUCT_OPS)
		return -EACCES;
	/* ->st_ops is unset during the cfg pass; enforced once it is set. */
	if (!prog->aux->st_ops)
		return 0;
	return bpf_prog_is_fanotify_fastpath(prog) ? 0 : -EACCES;
}

static const struct btf_kfunc_id_set fanotify_subtree_kfunc_set = {
	.owner	= THIS_MODULE,
	.set	= &fanotify_subtree_kfunc_ids,
	.filter	= fanotify_subtree_kfunc_filter,
};

static int __init fanotify_subtree_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS,
					 &fanotify_subtree_kfunc_set);
}
late_initcall(fanotify_subtree_init);
