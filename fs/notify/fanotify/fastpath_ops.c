// SPDX-License-Identifier: GPL-2.0
/*
 * Fanotify fast path: the struct_ops type, and how it is attached to a group.
 *
 * A fast path is a struct fanotify_fastpath_ops struct_ops map whose group_fd
 * names a fanotify group. Creating a link to the map attaches it:
 *
 *	skel->struct_ops.my_ops->group_fd = fanotify_init(...);
 *	my__load(skel);
 *	link = bpf_map__attach_struct_ops(skel->maps.my_ops);
 *
 * Locking and lifetime:
 *
 * A group has at most one map, a map at most one group. Both ends of the pair,
 * the group's ->fanotify_data.fastpath and the ops' ->attachment and ->stats,
 * are protected by fastpath_mutex. They are set together by install and
 * cleared together by eject. Events read the group's pointer under
 * fsnotify_mark_srcu; eject and update wait for those readers before they
 * return, so that neither the programs nor the counters go away under an event.
 * That wait is done under the mutex, and often under the update_mutex of
 * struct_ops: nothing below fanotify_handle_event() takes either of them. It may
 * be long, as readers sleep for memory, or for room in the audit queue.
 *
 * LOCKING ORDER: update_mutex of struct_ops, fastpath_mutex,
 * fsnotify_mark_srcu.
 *
 * There are two ways out. Closing or detaching the link calls ->unreg, and the
 * group is plain fanotify again. Closing the last fd of the group ejects too, and
 * leaves it to a work item to detach the link, which then has no map any more and
 * reports EPOLLHUP. Detaching takes the update_mutex, whose holder may be waiting
 * for a task that waits for a listener; the release of a listener must not wait
 * for that. Whoever comes second finds nothing to do.
 *
 * The group needs no reference: as long as it has a map, its release has not
 * passed fanotify_fastpath_release(). Nor do the programs that the ops point to:
 * the map holds them, its programs never change, and it is not freed before the
 * wait above is over.
 */
#include <linux/bpf.h>
#include <linux/bpf_local_storage.h>
#include <linux/bpf_lsm.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/error-injection.h>
#include <linux/fanotify.h>
#include <linux/file.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "fanotify.h"
#include "fastpath.h"

static DEFINE_MUTEX(fastpath_mutex);

static struct bpf_struct_ops bpf_fanotify_fastpath_ops;

/**
 * bpf_prog_is_fanotify_fastpath - does a program belong to a fast path
 * @prog:	program that the verifier looks at
 *
 * Return: true if @prog implements a member of struct fanotify_fastpath_ops
 */
bool bpf_prog_is_fanotify_fastpath(const struct bpf_prog *prog)
{
	return prog->type == BPF_PROG_TYPE_STRUCT_OPS &&
	       prog->aux->st_ops == &bpf_fanotify_fastpath_ops;
}

/**
 * bpf_prog_is_fanotify_permission - does a program answer permission events
 * @prog:	program that the verifier looks at
 *
 * Return: true if @prog implements ->permission of struct fanotify_fastpath_ops
 */
bool bpf_prog_is_fanotify_permission(const struct bpf_prog *prog)
{
	return bpf_prog_is_fanotify_fastpath(prog) &&
	       prog->aux->attach_st_ops_member_off ==
	       offsetof(struct fanotify_fastpath_ops, permission);
}

static int fanotify_fastpath_set_prog(struct bpf_prog *prog, void *data)
{
	struct fanotify_fastpath_ops *ops = data;

	/* It is not called through the trampoline, which would have the guard. */
	WARN_ON_ONCE(bpf_prog_check_recur(prog));

	switch (prog->aux->attach_st_ops_member_off) {
	case offsetof(struct fanotify_fastpath_ops, filter):
		ops->filter_prog = prog;
		break;
	case offsetof(struct fanotify_fastpath_ops, permission):
		ops->permission_prog = prog;
		break;
	}
	return 0;
}

/* Events must not see the ops before they have their programs. */
static void fanotify_fastpath_publish(struct fanotify_fastpath_ops *ops,
				      struct fsnotify_group *group)
{
	bpf_struct_ops_for_each_prog(ops, fanotify_fastpath_set_prog, ops);
	rcu_assign_pointer(group->fanotify_data.fastpath, ops);
}

static int fanotify_fastpath_install(struct fanotify_fastpath_ops *ops,
				     struct fsnotify_group *group,
				     struct bpf_link *link)
{
	struct fanotify_fastpath_attachment *attachment;

	lockdep_assert_held(&fastpath_mutex);

	if (ops->attachment || rcu_access_pointer(group->fanotify_data.fastpath))
		return -EBUSY;

	attachment = kzalloc_obj(*attachment, GFP_KERNEL_ACCOUNT);
	if (!attachment)
		return -ENOMEM;
	ops->stats = alloc_percpu_gfp(struct fanotify_fastpath_stats,
				      GFP_KERNEL_ACCOUNT);
	if (!ops->stats) {
		kfree(attachment);
		return -ENOMEM;
	}

	attachment->group = group;
	attachment->link = link;
	ops->attachment = attachment;
	fanotify_fastpath_publish(ops, group);
	return 0;
}

/* Returns what held the two ends together, for the caller to free. */
static struct fanotify_fastpath_attachment *
fanotify_fastpath_eject(struct fanotify_fastpath_ops *ops)
{
	struct fanotify_fastpath_attachment *attachment = ops->attachment;
	struct fsnotify_group *group = attachment->group;

	lockdep_assert_held(&fastpath_mutex);

	WARN_ON_ONCE(rcu_access_pointer(group->fanotify_data.fastpath) != ops);
	rcu_assign_pointer(group->fanotify_data.fastpath, NULL);
	synchronize_srcu(&fsnotify_mark_srcu);

	free_percpu(ops->stats);
	ops->stats = NULL;
	ops->attachment = NULL;
	return attachment;
}

static bool fanotify_fastpath_answers(const struct fanotify_fastpath_ops *ops)
{
	return ops->permission || ops->answer_timeout_ms;
}

/*
 * Answering permission events takes what it takes to be asked about them. The
 * link is created and updated without a capability check, so there is one here.
 */
static bool fanotify_fastpath_may_answer(const struct fanotify_fastpath_ops *ops)
{
	return !fanotify_fastpath_answers(ops) || capable(CAP_SYS_ADMIN);
}

static bool fanotify_fastpath_fits(const struct fanotify_fastpath_ops *ops,
				   const struct fsnotify_group *group)
{
	return !fanotify_fastpath_answers(ops) ||
	       FAN_GROUP_FLAG(group, FANOTIFY_PERM_CLASSES);
}

/*
 * ->group_fd is looked up in the task that creates the link. Its reference
 * keeps the group from being released until the program is installed.
 *
 * Tests make this and ->update fail at the entry, where nothing is done yet.
 */
static int fanotify_fastpath_reg(void *kdata, struct bpf_link *link)
{
	struct fanotify_fastpath_ops *ops = kdata;
	struct fsnotify_group *group;

	/* The group's release has to find a link that it can detach. */
	if (!link)
		return -EOPNOTSUPP;

	CLASS(fd, f)(ops->group_fd);
	if (fd_empty(f))
		return -EBADF;

	group = fanotify_file_group(fd_file(f));
	if (!group)
		return -EINVAL;

	/*
	 * A program sees pids and names that the kernel withholds from the
	 * listener of an unprivileged group.
	 */
	if (FAN_GROUP_FLAG(group, FANOTIFY_UNPRIV))
		return -EPERM;

	if (!fanotify_fastpath_fits(ops, group))
		return -EINVAL;
	if (!fanotify_fastpath_may_answer(ops))
		return -EPERM;

	guard(mutex)(&fastpath_mutex);
	return fanotify_fastpath_install(ops, group, link);
}
ALLOW_ERROR_INJECTION(fanotify_fastpath_reg, ERRNO);

static void fanotify_fastpath_unreg(void *kdata, struct bpf_link *link)
{
	struct fanotify_fastpath_ops *ops = kdata;

	guard(mutex)(&fastpath_mutex);
	/*
	 * The group may have gone first, and the map may have been attached
	 * anew by another link since: the last reference to a link may be
	 * dropped long after the group was closed.
	 */
	if (ops->attachment && ops->attachment->link == link)
		kfree(fanotify_fastpath_eject(ops));
}

/*
 * An event sees the old or the new program, and never none. The counters and
 * the group stay.
 */
static int fanotify_fastpath_update(void *kdata, void *old_kdata,
				    struct bpf_link *link)
{
	struct fanotify_fastpath_ops *old = old_kdata;
	struct fanotify_fastpath_ops *ops = kdata;
	struct fsnotify_group *group;

	if (!fanotify_fastpath_may_answer(ops))
		return -EPERM;

	guard(mutex)(&fastpath_mutex);

	if (!old->attachment || old->attachment->link != link)
		return -ENOLINK;
	if (ops->attachment)
		return -EBUSY;

	group = old->attachment->group;
	if (!fanotify_fastpath_fits(ops, group))
		return -EINVAL;

	ops->stats = old->stats;
	ops->attachment = old->attachment;
	fanotify_fastpath_publish(ops, group);
	synchronize_srcu(&fsnotify_mark_srcu);

	old->stats = NULL;
	old->attachment = NULL;
	return 0;
}
ALLOW_ERROR_INJECTION(fanotify_fastpath_update, ERRNO);

static void fanotify_fastpath_hangup(struct work_struct *work)
{
	struct fanotify_fastpath_attachment *attachment;

	attachment = container_of(work, struct fanotify_fastpath_attachment,
				  hangup);
	attachment->link->ops->detach(attachment->link);
	bpf_link_put(attachment->link);
	kfree(attachment);
}

/**
 * fanotify_fastpath_release - take the programs off a group that is going away
 * @group:	group whose last file reference was dropped
 *
 * The link is detached soon after, so that its owner is told by EPOLLHUP.
 *
 * Context: may sleep; called from the release of the group's file, when all
 * permission events have been answered and before the group is destroyed.
 * Nothing can be installed any more.
 */
void fanotify_fastpath_release(struct fsnotify_group *group)
{
	struct fanotify_fastpath_attachment *attachment;
	struct fanotify_fastpath_ops *ops;
	struct bpf_link *link;

	if (!rcu_access_pointer(group->fanotify_data.fastpath))
		return;

	guard(mutex)(&fastpath_mutex);
	ops = rcu_dereference_protected(group->fanotify_data.fastpath,
					lockdep_is_held(&fastpath_mutex));
	if (!ops)
		return;

	/* Without a reference the link is on its way to ->unreg already. */
	link = bpf_link_inc_not_zero(ops->attachment->link);
	attachment = fanotify_fastpath_eject(ops);
	if (IS_ERR(link)) {
		kfree(attachment);
		return;
	}
	INIT_WORK(&attachment->hangup, fanotify_fastpath_hangup);
	/* It may wait for the update_mutex for long. */
	queue_work(system_dfl_long_wq, &attachment->hangup);
}

#ifdef CONFIG_BPF_LSM
/* i_lock is only tried: a timer of the program may have interrupted its holder. */
#define FANOTIFY_STORAGE_MAX_TRIES	16

static bool fanotify_fastpath_trylock(struct inode *inode)
{
	int tries;

	for (tries = 0; tries < FANOTIFY_STORAGE_MAX_TRIES; tries++) {
		if (spin_trylock(&inode->i_lock))
			return true;
		cpu_relax();
	}
	return false;
}

/*
 * Programs may hold an inode that is protected by RCU alone, as the root that
 * bpf_fanotify_subtree_root() returned once its mark is gone. Storage that is
 * added after eviction has freed the inode's storage would outlive the inode,
 * so creating it is ordered against eviction by i_lock. That there is an alias
 * tells that the inode has not been evicted and taken for another one since.
 * Otherwise the program gets NULL, as when there is no memory.
 */
static noinline u64
fanotify_fastpath_find_storage(struct bpf_map *map, struct inode *inode,
			       void *value, u64 flags)
{
	u64 (*get)(u64 map, u64 inode, u64 value, u64 flags, u64 unused);
	u64 data;

	get = bpf_inode_storage_get_proto.func;
	data = get((unsigned long)map, (unsigned long)inode,
		   (unsigned long)value,
		   flags & ~BPF_LOCAL_STORAGE_GET_F_CREATE, 0);
	if (data || !(flags & BPF_LOCAL_STORAGE_GET_F_CREATE))
		return data;

	if (!fanotify_fastpath_trylock(inode))
		/* Somebody else may have created it meanwhile. */
		return get((unsigned long)map, (unsigned long)inode,
			   (unsigned long)value,
			   flags & ~BPF_LOCAL_STORAGE_GET_F_CREATE, 0);
	if (!(inode_state_read(inode) & (I_FREEING | I_WILL_FREE | I_CLEAR)) &&
	    !hlist_empty(&inode->i_dentry))
		data = get((unsigned long)map, (unsigned long)inode,
			   (unsigned long)value, flags, 0);
	spin_unlock(&inode->i_lock);
	return data;
}

/* What was found before is in the cache of the storage, and needs no call. */
BPF_CALL_4(bpf_fanotify_inode_storage_get, struct bpf_map *, map,
	   struct inode *, inode, void *, value, u64, flags)
{
	struct bpf_local_storage_map *smap = (void *)map;
	struct bpf_local_storage_data *sdata;
	struct bpf_local_storage *storage;
	struct bpf_storage_blob *blob;

	if (!inode || flags & ~BPF_LOCAL_STORAGE_GET_F_CREATE)
		return (unsigned long)NULL;

	blob = bpf_inode(inode);
	if (!blob)
		return (unsigned long)NULL;

	storage = rcu_dereference_check(blob->storage, bpf_rcu_lock_held());
	if (storage) {
		sdata = bpf_local_storage_cached(storage, smap);
		if (sdata)
			return (unsigned long)sdata->data;
	}
	return fanotify_fastpath_find_storage(map, inode, value, flags);
}

static struct bpf_func_proto bpf_fanotify_inode_storage_get_proto __ro_after_init;
#endif /* CONFIG_BPF_LSM */

static const struct bpf_func_proto *
fanotify_fastpath_get_func_proto(enum bpf_func_id func_id,
				 const struct bpf_prog *prog)
{
	switch (func_id) {
#ifdef CONFIG_BPF_LSM
	/* Deleting needs a reference on the inode, which is not known here. */
	case BPF_FUNC_inode_storage_get:
		return &bpf_fanotify_inode_storage_get_proto;
#endif
	/* A filter decides about events, it does not signal tasks. */
	case BPF_FUNC_send_signal:
	case BPF_FUNC_send_signal_thread:
		return NULL;
	default:
		return bpf_base_func_proto(func_id, prog);
	}
}

static const struct bpf_verifier_ops fanotify_fastpath_verifier_ops = {
	.get_func_proto		= fanotify_fastpath_get_func_proto,
	.is_valid_access	= bpf_tracing_btf_ctx_access,
};

/*
 * __nullable makes the verifier insist on a NULL check. Without it, a program
 * that reads through a NULL argument is an oops.
 */
static int
fanotify_fastpath_ops__filter(struct fsnotify_group *group, u32 mask,
			      struct inode *inode__nullable,
			      struct inode *dir__nullable,
			      struct dentry *dentry__nullable,
			      const struct qstr *name__nullable)
{
	return FAN_FP_RET_SEND_TO_USERSPACE;
}

#ifdef CONFIG_FANOTIFY_ACCESS_PERMISSIONS
static int
fanotify_fastpath_ops__permission(struct fsnotify_group *group, u32 mask,
				  const struct path *path,
				  struct dentry *dentry, struct inode *inode,
				  const struct file_range *range__nullable)
{
	return FAN_FP_RET_SEND_TO_USERSPACE;
}
#endif

static struct fanotify_fastpath_ops fanotify_fastpath_stubs = {
	.filter = fanotify_fastpath_ops__filter,
#ifdef CONFIG_FANOTIFY_ACCESS_PERMISSIONS
	.permission = fanotify_fastpath_ops__permission,
#endif
};

static int fanotify_fastpath_init(struct btf *btf)
{
#ifdef CONFIG_BPF_LSM
	bpf_fanotify_inode_storage_get_proto = bpf_inode_storage_get_proto;
	bpf_fanotify_inode_storage_get_proto.func =
		bpf_fanotify_inode_storage_get;
#endif
	return 0;
}

/*
 * A sleeping program would hold up every mark and group that is being freed,
 * because fsnotify_mark_srcu is held, and would sleep under whatever locks the
 * operation holds.
 */
static int fanotify_fastpath_check_member(const struct btf_type *t,
					  const struct btf_member *member,
					  const struct bpf_prog *prog)
{
	return prog->sleepable ? -EINVAL : 0;
}

static int fanotify_fastpath_init_member(const struct btf_type *t,
					 const struct btf_member *member,
					 void *kdata, const void *udata)
{
	const struct fanotify_fastpath_ops *uops = udata;
	struct fanotify_fastpath_ops *ops = kdata;
	u32 moff = __btf_member_bit_offset(t, member) / 8;

	switch (moff) {
	case offsetof(struct fanotify_fastpath_ops, name):
		if (bpf_obj_name_cpy(ops->name, uops->name,
				     sizeof(ops->name)) <= 0)
			return -EINVAL;
		return 1;
	case offsetof(struct fanotify_fastpath_ops, group_fd):
		ops->group_fd = uops->group_fd;
		return 1;
	case offsetof(struct fanotify_fastpath_ops, answer_timeout_ms):
		ops->answer_timeout_ms = uops->answer_timeout_ms;
		return 1;
	case offsetof(struct fanotify_fastpath_ops, timeout_answer):
		ops->timeout_answer = uops->timeout_answer;
		return 1;
	}
	/* The private members are left to the caller, which rejects all but 0. */
	return 0;
}

static int fanotify_fastpath_validate(void *kdata)
{
	const struct fanotify_fastpath_ops *ops = kdata;

	if (!ops->filter && !ops->permission)
		return -EINVAL;

	if (!ops->answer_timeout_ms)
		return ops->timeout_answer ? -EINVAL : 0;
	/*
	 * msecs_to_jiffies() takes more for negative, which is for ever, as INT_MAX
	 * jiffies are where a long has 32 bits.
	 */
	if (ops->answer_timeout_ms >= INT_MAX)
		return -EINVAL;
	if (!IS_ENABLED(CONFIG_FANOTIFY_ACCESS_PERMISSIONS))
		return -EOPNOTSUPP;
	if (ops->timeout_answer == FAN_FP_RET_SKIP_EVENT)
		return 0;
	if (ops->timeout_answer >= 0 || ops->timeout_answer < -MAX_ERRNO)
		return -EINVAL;
	return fanotify_valid_deny_errno(-ops->timeout_answer) ? 0 : -EINVAL;
}

static struct bpf_struct_ops bpf_fanotify_fastpath_ops = {
	.verifier_ops	= &fanotify_fastpath_verifier_ops,
	.init		= fanotify_fastpath_init,
	.check_member	= fanotify_fastpath_check_member,
	.init_member	= fanotify_fastpath_init_member,
	.validate	= fanotify_fastpath_validate,
	.reg		= fanotify_fastpath_reg,
	.unreg		= fanotify_fastpath_unreg,
	.update		= fanotify_fastpath_update,
	.cfi_stubs	= &fanotify_fastpath_stubs,
	.name		= "fanotify_fastpath_ops",
	.owner		= THIS_MODULE,
};

static int __init fanotify_fastpath_ops_init(void)
{
	return register_bpf_struct_ops(&bpf_fanotify_fastpath_ops,
				       fanotify_fastpath_ops);
}
late_initcall(fanotify_fastpath_ops_init);
