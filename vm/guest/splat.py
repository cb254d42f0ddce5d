"""What the kernel prints when something is wrong with it, and which of that is
not ours and harmless. vm/guest/machine.py looks for it, vm/guest/splat_test.py tests it.
"""

import re

SPLAT = re.compile(
    # Warnings, bugs and crashes; lockdep, KASAN, KCSAN and debug objects too say
    # "WARNING:" or "BUG:".
    r"WARNING:|BUG:|\bBUG (at\b|[\w-]+ \()|\bOops\b|Kernel panic|general protection fault|UBSAN:|KASAN:|KCSAN:"
    r"|ODEBUG:|refcount_t:|list_(add|del) corruption|kmemleak: \d+ new"
    # locks
    r"|possible recursive locking|possible circular locking|inconsistent lock state"
    r"|suspicious RCU usage|DEBUG_LOCKS_WARN|held lock freed|lock held when returning|bad unlock balance"
    r"|Invalid wait context|turning off the locking correctness validator"
    # context
    r"|sleeping function called|scheduling while atomic"
    # what stands still
    r"|INFO: (task|rcu|trying)|rcu: INFO|self-detected stall|soft lockup|hard LOCKUP"
    r"|blocked for more than|workqueue lockup"
    # a filesystem that cannot let go
    r"|VFS: Busy inodes|Dentry .* still in use"
    # what the console has not, which may be any of these
    r"|\*\* \d+ printk messages dropped")

# Not ours and harmless, with the reason.
HARMLESS = re.compile(
    r"WARNING: Spectre"             # a mitigation is off in this configuration
)


# "data-race in A / B", or "data-race in A+0x10/0x20" if the other one is not known
RACE = re.compile(r"BUG: KCSAN: data-race in ([^\s+]+)\S*(?: / ([^\s+]+))?")


def splats(lines):
    """The lines that complain."""
    return [line for line in lines if SPLAT.search(line) and not HARMLESS.search(line)]


def races_of_others(lines, ours):
    """Those of them about data races in which no function is one of OURS."""
    return [line for line in lines
            if (race := RACE.search(line)) and not ours.intersection(race.groups())]
