"""Checks of series/ for vm/check.
usage: check.py owners | roundtrip BASE MAILS | checkpatch BASE PATCH | kernel-patches | kernel-sources |
       hook BUILD
"""

import collections
import os
import re
import subprocess
import sys
import tempfile

import overlay
import series

# What checkpatch may say: its type, where, and why it is right as it is.
ALLOWED = (
    ("UNKNOWN_COMMIT_ID", "", "the base is no git tree, in which it could be looked up"),
    ("FILE_PATH_CHANGES", "", "MAINTAINERS is changed by the last patch, for all new files"),
    ("LONG_LINE_STRING", "", "a message is not split, so that it can be searched for"),
    ("OPEN_ENDED_LINE", "include/trace/events/", "how the macros of trace events are written"),
    ("PARENTHESIS_ALIGNMENT", "include/trace/events/", "the same"),
    ("SPLIT_STRING", "fanfp/", "the help texts that argp wraps, and the messages of a tool"),
    ("LONG_LINE", "fanfp/", "a table whose rows are messages"),
    ("VOLATILE", "fanfp/", "const volatile is how a BPF program declares what its loader sets"),
    ("EMBEDDED_FUNCTION_NAME", "fanfp/", "a common word, not the function"),
    ("NEW_TYPEDEFS", "fanfp/fastpath.bpf.h", "atomic_t is the kernel's"),
    ("CAMELCASE", "fanfp/", "PRIu64 and its like are C's own names"),
    ("ARRAY_SIZE", "fanfp/", "user space has no such macro"),
    ("BIT_MACRO", "fanfp/", "the same"),
    ("PREFER_DEFINED_ATTRIBUTE_MACRO", "fanfp/", "the same"),
    ("MACRO_ARG_PRECEDENCE", "fanfp/", "the name of a member, not an expression"),
    ("ENOSYS", "fanfp/", "asks whether the kernel has a system call"),
    ("ENOSYS", "tools/testing/selftests/", "the same"),
    ("MACRO_ARG_REUSE", "fanfp/tests/", "the name of a program and of its map"),
    ("MULTISTATEMENT_MACRO_USE_DO_WHILE", "fanfp/counts.bpf.h", "declares the members of a map"),
    ("AVOID_EXTERNS", "fanfp/fastpath.bpf.h", "a kfunc is declared like this"),
    ("LONG_LINE_COMMENT", "fanfp/tests/", "the same"),
    ("AVOID_EXTERNS", "tools/testing/selftests/bpf/bench.c", "how each benchmark is named there"),
    ("EMBEDDED_FUNCTION_NAME", "tools/testing/selftests/bpf/", "a common word, not the function"),
    ("MACRO_ARG_REUSE", "tools/testing/selftests/bpf/benchs/", "the name of a member, not an expression"),
    ("MACRO_ARG_PRECEDENCE", "tools/testing/selftests/bpf/benchs/", "the same"),
    ("VOLATILE", "tools/testing/selftests/bpf/progs/", "const volatile is how a BPF program declares what its loader sets"),
    ("SPACING", "tools/testing/selftests/bpf/progs/", "takes the tag in 'struct X __kptr *' for a number"),
    ("MACRO_ARG_REUSE", "include/linux/fsnotify_backend.h", "the iterator is a variable, as in all loop macros"),
)


def owners():
    """Each new file is owned by one patch, and each line of a files list means one."""
    patches = overlay.patches()
    count = collections.Counter(f for p in patches for f in p.owns)
    wrong = [f"{f} belongs to no patch: add it to series/*/files" for f in overlay.overlay_files() if not count[f]]
    for name, times in count.items():
        if times > 1:
            who = ", ".join(p.name for p in patches if name in p.owns)
            wrong.append(f"{name} belongs to more than one patch: {who}")
    for patch in patches:
        wrong += [f"series/{patch.name}/files names {n}, which does not exist" for n in patch.unmatched]
        if not os.path.exists(f"{patch.dir}/message"):
            wrong.append(f"series/{patch.name} has no message")
    if wrong:
        raise overlay.Wrong("\n".join(wrong))


def roundtrip(base, mails):
    """git am of the mails on the base gives the base plus the overlay."""
    patches = overlay.patches()
    with tempfile.TemporaryDirectory() as temp:
        repo, stage = f"{temp}/repo", f"{temp}/stage"
        os.mkdir(repo)
        series.base_repo(base, repo, patches)
        names = sorted(n for n in os.listdir(mails) if not n.startswith("0000-"))
        who = {"GIT_COMMITTER_NAME": "check", "GIT_COMMITTER_EMAIL": "check@localhost"}
        series.git(repo, "am", "-q", *(f"{os.path.abspath(mails)}/{n}" for n in names), env=who)
        os.mkdir(stage)
        overlay.stage(base, stage)
        diff = subprocess.run(["diff", "-rq", "--no-dereference", "--exclude=.git", repo, stage],
                              stdout=subprocess.PIPE, check=False)
        if diff.returncode:
            raise overlay.Wrong("the mailed series is not what was tested:\n" + diff.stdout.decode())
        if series.git(repo, "status", "--porcelain"):
            raise overlay.Wrong("git am left the tree dirty")


def checkpatch(base, patch):
    """checkpatch --strict has nothing to say but what is allowed. Without a GIT_DIR:
    the base is no git tree, and ours is not the kernel's.
    """
    done = subprocess.run(
        [f"{base}/scripts/checkpatch.pl", f"--root={base}", "--strict", "--quiet", "--no-summary",
         "--show-types", patch], env={**os.environ, "GIT_DIR": "/none"},
        cwd=os.path.dirname(patch), # where it leaves a file
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    wrong = []
    for said in filter(None, re.split(r"\n\n+(?=(?:ERROR|WARNING|CHECK):)", done.stdout.decode(errors="replace").strip())):
        kind = re.match(r"(?:ERROR|WARNING|CHECK):(\w+):", said)
        where = re.search(r"^#\d+: (?:FILE: )?(\S+?):\d+:", said, re.M)
        if not kind or not any(kind[1] == k and (where[1] if where else "").startswith(w) for k, w, _ in ALLOWED):
            wrong.append(said)
    if wrong:
        raise overlay.Wrong("\n".join(wrong))


def kernel_patches():
    """The patches that change what is built into the kernel."""
    for patch in overlay.patches():
        if any(p.startswith(("fs/", "include/", "kernel/")) for p in patch.changes + patch.owns):
            print(patch.name)


def kernel_sources():
    """The files of the kernel itself that the series adds or changes."""
    names = {p for patch in overlay.patches() for p in patch.changes + patch.owns}
    print("\n".join(sorted(n for n in names if n.startswith(("fs/", "include/", "kernel/")) and n[-2:] in (".c", ".h"))))


def hook(build):
    """What a group without a program pays for an event: one load, one test, and one
    branch that is not taken, to code that nothing else runs into.
    """
    text = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", "--disassemble=fanotify_handle_event",
                           f"{build}/fs/notify/fanotify/fanotify.o"],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    steps = []      # [address, instruction, what it refers to]
    for line in text.splitlines():
        if found := re.match(r" +([0-9a-f]+):\t(\S.*?) *(#.*)?$", line):
            steps.append([int(found[1], 16), found[2], ""])
        elif found := re.search(r"R_X86_64_\w+\s+(\S+)", line):
            steps[-1][2] += found[1]
    at = {address: n for n, (address, _, _) in enumerate(steps)}
    program = {n for n, step in enumerate(steps) if step[2].startswith("fanotify_fastpath_")}
    queue = {n for n, step in enumerate(steps) if "<fanotify_queue_event>" in step[1]}
    ways = []
    for n, (_, what, refers) in enumerate(steps):
        jump = re.match(r"j\w+ +([0-9a-f]+) ", what)
        ways.append([at[int(jump[1], 16)]] if jump and int(jump[1], 16) in at else [])
        if not re.match(r"jmp|ret|ud2", what) and not refers.startswith("__stack_chk_fail") and n + 1 < len(steps):
            ways[n].append(n + 1)

    def reached(without):
        """What is run when the branch WITHOUT is never taken."""
        seen, todo = {0}, [0]
        while todo:
            n = todo.pop()
            new = set(ways[n][1:] if n == without else ways[n]) - seen
            seen |= new
            todo += new
        return seen

    if not program & reached(None):
        raise overlay.Wrong("fanotify_handle_event() does not ask the program")
    branches = [n for n, (_, what, _) in enumerate(steps)
                if what.startswith("jne ") and not program & reached(n) and queue & reached(n)]
    if len(branches) != 1:
        raise overlay.Wrong(f"{len(branches)} branches lead to the program alone")
    branch = branches[0]
    before = [what for _, what, _ in steps[max(branch - 4, 0):branch + 1]]
    test = re.match(r"test +(%\w+),(%\w+)$", before[-2])
    if not test or test[1] != test[2] or \
            not any(re.match(rf"mov +0x\w+\(%\w+\),{test[1]}$", what) for what in before[:-2]):
        raise overlay.Wrong("this is not one load, one test, one branch:\n" + "\n".join(before))
    # A test in front of these three goes on where they do.
    if any(way[:1] == [branch + 1] for n, way in enumerate(ways[:branch]) if steps[n][1].startswith("j")):
        before = [what for _, what, _ in steps[max(branch - 7, 0):branch + 1]]
        raise overlay.Wrong("there is another test before the load:\n" + "\n".join(before))


CHECKS = {"owners": owners, "roundtrip": roundtrip, "checkpatch": checkpatch, "kernel-patches": kernel_patches,
          "kernel-sources": kernel_sources, "hook": hook}
overlay.run(lambda: CHECKS[sys.argv[1]](*sys.argv[2:]))
