"""Each kind of splat is noticed, and what a kernel prints on a good day is not.
The texts follow the formats in the kernel's source. usage: splat_test.py
"""

import unittest

import splat

BAD = """\
WARNING: fs/notify/mark.c:123 at fsnotify_put_mark+0x1a/0x40, CPU#1: test_progs/99
WARNING: possible circular locking dependency detected
WARNING: possible recursive locking detected
WARNING: possible irq lock inversion dependency detected
WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected
WARNING: inconsistent lock state
WARNING: suspicious RCU usage
WARNING: bad unlock balance detected!
WARNING: held lock freed!
WARNING: lock held when returning to user space!
WARNING: sh/42 still has locks held!
[ BUG: Invalid wait context ]
BUG: MAX_LOCKDEP_CHAINS too low!
turning off the locking correctness validator.
DEBUG_LOCKS_WARN_ON(1)
BUG: sleeping function called from invalid context at mm/slab.h:320
BUG: scheduling while atomic: fanfp/77/0x00000002
BUG: using smp_processor_id() in preemptible [00000000] code: fanfp/77
BUG: assuming atomic context at kernel/bpf/trampoline.c:1
BUG: KASAN: slab-use-after-free in fanotify_fastpath_run+0x1f/0x2a0
BUG: KASAN: vmalloc-out-of-bounds in fanotify_fastpath_run+0x1f/0x2a0
BUG: KASAN: null-ptr-deref in fanotify_fastpath_run+0x1f/0x2a0
BUG: KCSAN: data-race in fanotify_fastpath_run / fanotify_fastpath_update
BUG kmalloc-64 (Not tainted): Poison overwritten
BUG: kernel NULL pointer dereference, address: 0000000000000008
BUG: unable to handle page fault for address: ffffc90000a00000
BUG: workqueue leaked atomic, lock or RCU: kworker/0:1[9]
BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!
BUG: Dentry 00000000f2ab8f3c{i=1,n=a}  still in use (1) [unmount of tmpfs tmpfs]
VFS: Busy inodes after unmount of loop0 (ext4)
Oops: general protection fault, probably for non-canonical address 0xdffffc0000000001: 0000 [#1] SMP KASAN
Kernel panic - not syncing: Fatal exception
kernel BUG at fs/inode.c:700!
UBSAN: array-index-out-of-bounds in drivers/misc/lkdtm/bugs.c:432:16
UBSAN: shift-out-of-bounds in fs/notify/fanotify/fastpath.c:10:3
ODEBUG: free active (active state 0) object: ffff888100a0 object type: work_struct hint: fanotify_fastpath_hangup+0x0/0x40
refcount_t: underflow; use-after-free.
list_add corruption. next->prev should be prev (ffff88), but was 0000000000000000. (next=ffff88).
list_del corruption, ffff88->next is LIST_POISON1 (dead000000000100)
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
INFO: task fanfp:77 blocked for more than 120 seconds.
INFO: task fanfp:77 is blocked on a mutex likely owned by task sh:78.
INFO: trying to register non-static key.
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
rcu: INFO: rcu_preempt self-detected stall on CPU
watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [fanfp:77]
** 41 printk messages dropped **
"""

GOOD = """\
Linux version 7.3.4 (builder@host) (gcc (Debian 12.2.0-14) 12.2.0) #1 SMP PREEMPT_LAZY
KASAN init: KernelAddressSanitizer initialized
kasan: KernelAddressSanitizer initialized (generic)
Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
kmemleak: Kernel memory leak detector initialized (mem pool available: 38000)
kmemleak: Automatic memory scanning thread started
rcu: RCU lockdep checking is enabled.
rcu: RCU debug extended QS entry/exit.
ODEBUG is off
FAULT_INJECTION: forcing a failure.
EXT4-fs error (device loop0): trigger_test_error:130: comm test_progs: test
Spectre V2 : WARNING: Spectre v2 mitigation leaves CPU vulnerable
BUGS: none known
"""


class Splats(unittest.TestCase):
    def test_noticed(self):
        for line in BAD.splitlines():
            with self.subTest(line):
                self.assertEqual(splat.splats([f"[   12.345678] {line}"]), [f"[   12.345678] {line}"])

    def test_not_noticed(self):
        self.assertEqual(splat.splats(f"[   12.345678] {line}" for line in GOOD.splitlines()), [])

    def test_races_of_others(self):
        ours = "BUG: KCSAN: data-race in fanotify_handle_event / xas_load"
        alone = "BUG: KCSAN: data-race in fanotify_handle_event+0x10/0x40"
        others = ["BUG: KCSAN: data-race in shmem_add / xas_load", "BUG: KCSAN: data-race in xas_load+0x1/0x40"]
        self.assertEqual(splat.races_of_others([ours, *others, alone, "WARNING: at x"], {"fanotify_handle_event"}),
                         others)


if __name__ == "__main__":
    unittest.main()
