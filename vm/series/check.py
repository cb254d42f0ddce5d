"""Checks of series/ for vm/check.
usage: check.py owners | mailed | roundtrip BASE MAILS | stands BASE MAILS SET | checkpatch BASE PATCH |
       kernel-builds | kernel-sources [PATCH] | kernel-folders | hook BUILD
"""

import collections
import os
import re
import subprocess
import tempfile

import kernelgit
import sets
from kernelgit import git

# What checkpatch may say: its type, where, and why it is right as it is.
ALLOWED = (
    ("UNKNOWN_COMMIT_ID", "", "the base is no git tree, in which it could be looked up"),
    ("FILE_PATH_CHANGES", "", "MAINTAINERS is changed by the last patch of a set, for all its new files"),
    ("LONG_LINE_STRING", "", "a message is not split, so that it can be searched for"),
    ("OPEN_ENDED_LINE", "include/trace/events/", "how the macros of trace events are written"),
    ("PARENTHESIS_ALIGNMENT", "include/trace/events/", "the same"),
    ("ENOSYS", "tools/testing/selftests/", "the same"),
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
    series = sets.patches()
    there = sets.overlay_files()
    count = collections.Counter(f for p in series for f in p.owns)
    wrong = [f"{f} belongs to no patch: add it with 'make edit' to the commit of one, or by hand to the list "
             "'files' of its folder in series/" for f in there if not count[f]]
    for name, times in count.items():
        if times > 1:
            who = ", ".join(p.key for p in series if name in p.owns)
            wrong.append(f"{name} belongs to more than one patch: {who}")
    for patch in series:
        wrong += [f"series/{patch.key}/files names {n}, which does not exist" for n in patch.owns if n not in there]
    for each in sets.sets():
        _ = each.local or each.cover
        if not each.local and not (each.header("To") and each.header("Prefix")):
            wrong.append(f"series/{each.name}/recipients has no line Prefix: or no line To:")
    # A folder that no list names would be forgotten.
    known = {f"{sets.REPO}/series/{p.key}" for p in series}
    for folder, _, names in os.walk(f"{sets.REPO}/series"):
        if "message" in names and folder not in known:
            wrong.append(f"{folder} is a patch that no list names: add it to 'patches' of its set, or remove it")
    if wrong:
        raise sets.Wrong("\n".join(wrong))


def take(repo, mails, names):
    """git am of these sets, in this order."""
    files = [f"{mails}/{s}/{n}" for s in names for n in sorted(os.listdir(f"{mails}/{s}")) if not n.startswith("0000-")]
    who = {"GIT_COMMITTER_NAME": "check", "GIT_COMMITTER_EMAIL": "check@localhost"}
    git(repo, "am", "-q", *files, env=who)
    if git(repo, "status", "--porcelain"):
        raise sets.Wrong("git am left the tree dirty")


def roundtrip(base, mails):
    """git am of all that is mailed, on the base, gives what is tested, but for the sets that are not mailed."""
    mailed = [s for s in sets.sets() if not s.local]
    with tempfile.TemporaryDirectory() as temp:
        repo, stage = f"{temp}/repo", f"{temp}/stage"
        kernelgit.small_base(base, repo)
        take(repo, mails, [s.name for s in mailed])
        os.mkdir(stage)
        paths = sets.stage(base, stage, mailed[-1].patches[-1].key)
        # What only the other sets change is as the base has it.
        for path in git(repo, "ls-files").splitlines():
            if path not in paths:
                sets.copy(f"{base}/{path}", f"{stage}/{path}")
        diff = subprocess.run(["diff", "-rq", "--no-dereference", "--exclude=.git", repo, stage],
                              stdout=subprocess.PIPE, check=False)
        if diff.returncode:
            raise sets.Wrong("the mailed series is not what was tested:\n" + diff.stdout.decode())


def stands(base, mails, name):
    """A set can be taken with the sets that it needs alone, without fuzz."""
    series = {s.name: s for s in sets.sets()}

    def needed(each):
        return {each} | {n for need in series[each].needs for n in needed(need)}
    with tempfile.TemporaryDirectory() as temp:
        kernelgit.small_base(base, f"{temp}/repo")
        try:
            take(f"{temp}/repo", mails, [n for n in series if n in needed(name)])
        except sets.Wrong as wrong:
            raise sets.Wrong(f"{wrong}\nName what the set {name} needs in series/{name}/needs") from None


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
        raise sets.Wrong("\n".join(wrong))


def mailed():
    """The sets that are mailed."""
    print("\n".join(s.name for s in sets.sets() if not s.local))


KERNEL = ("fs/", "include/", "kernel/")


def kernel_builds():
    """What vm/series/check-builds builds, in order, as "PATCH on|off|none WHAT": back from the last patch
    with the option on, to the one that adds it; forth with it off; then those before there is an option. WHAT is
    "whole" after the last patch of a set.
    """
    none, option = [], []
    for each in sets.sets():
        found = [p for p in each.patches if p.touches(*KERNEL)]
        for patch in found:
            has = option or any(n.endswith("/Kconfig") for n in patch.changes)
            (option if has else none).append((patch.key, "whole" if patch is found[-1] else "part"))
    for way, keys in ("on", option[::-1]), ("off", option), ("none", none[::-1]):
        for key, what in keys:
            print(key, way, what)


def touched(key=None):
    return sorted({n for p in sets.patches() if key in (None, p.key) for n in p.touches(*KERNEL) if n[-2:] in (".c", ".h")})


def kernel_sources(key=None):
    """The files of the kernel itself that the series, or one patch, adds or changes."""
    print("\n".join(touched(key)))


def kernel_folders():
    """The folders whose sources the series adds or changes: fs/, and those below kernel/."""
    folders = {n.split("/")[0] if n.startswith("fs/") or n.count("/") == 1 else "/".join(n.split("/")[:2])
               for n in touched() if not n.startswith("include/")}
    print("\n".join(f"{n}/" for n in sorted(folders)))


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
        raise sets.Wrong("fanotify_handle_event() does not ask the program")
    branches = [n for n, (_, what, _) in enumerate(steps)
                if what.startswith("jne ") and not program & reached(n) and queue & reached(n)]
    if len(branches) != 1:
        raise sets.Wrong(f"{len(branches)} branches lead to the program alone")
    branch = branches[0]
    before = [what for _, what, _ in steps[max(branch - 4, 0):branch + 1]]
    test = re.match(r"test +(%\w+),(%\w+)$", before[-2])
    if not test or test[1] != test[2] or \
            not any(re.match(rf"mov +0x\w+\(%\w+\),{test[1]}$", what) for what in before[:-2]):
        raise sets.Wrong("this is not one load, one test, one branch:\n" + "\n".join(before))
    # A test in front of these three goes on where they do.
    if any(way[:1] == [branch + 1] for n, way in enumerate(ways[:branch]) if steps[n][1].startswith("j")):
        before = [what for _, what, _ in steps[max(branch - 7, 0):branch + 1]]
        raise sets.Wrong("there is another test before the load:\n" + "\n".join(before))


CHECKS = {"owners": owners, "mailed": mailed, "roundtrip": roundtrip, "stands": stands, "checkpatch": checkpatch,
          "kernel-builds": kernel_builds, "kernel-sources": kernel_sources, "kernel-folders": kernel_folders, "hook": hook}
sets.run(lambda name, *rest: CHECKS[name](*rest))
