"""Brings the commits of a worktree that edit.py made back into series/ and the files at
their places, for vm/refresh. usage: refresh.py REPOSITORY WORKTREE

A commit says by its last line, "Patch: SET/NAME", which patch it is; without one it is
a new patch of the set of the commit before it, named after its subject. The order of
the commits is that of the series. All is made in memory first, and then replaced as a
whole (undo.py).
"""

import os
import re
import sys

import sets
import undo
from kernelgit import DIFF, TRAILER, base_commit, git, people

# The files of a set that no commit holds.
KEPT = ("cover-letter", "recipients", "needs")


def main(repo, worktree):
    undo.recover(sets.REPO)
    if not os.path.isdir(worktree):
        raise sets.Wrong(f"there is no worktree {worktree}: 'make edit' makes it, or name yours with EDIT=DIR")
    state, head = recall(worktree)
    if why := unfinished(worktree):
        raise sets.Wrong(why)
    now = git(worktree, "rev-parse", "HEAD").strip()
    commits = read_commits(repo, worktree, now)
    found = sets.state()
    change = changes(wanted_files(worktree, commits), commits)
    if change and state != found:
        stale(repo, worktree, head, now)
    # Reading the commits took its time.
    if sets.state() != found:
        raise sets.Wrong("series/ has changed just now: run this again")
    undo.replace(sets.REPO, change)
    remember(worktree, sets.state(), now)
    for path in change:
        print(f"    {path}")
    print(f"{len(change)} files changed" if change else "nothing changed")
    return 0


def stale(repo, worktree, head, now):
    """Refuses to undo what others have changed."""
    changed = f"series/, or a file that a patch adds, has changed since {worktree} was made"
    if now == head:
        raise sets.Wrong(f"{changed}, and the commits there are as they were: 'make edit' brings them up to it")
    base = base_commit(repo)[:12]
    raise sets.Wrong(
        f"{changed}, and a refresh would undo that. Make another worktree, with 'make edit EDIT=DIR', and take your changes "
        f"over: git -C {worktree} diff {head[:12]} {now[:12]} | git -C DIR apply --3way; then commit them there, with "
        f"--fixup, and 'make refresh EDIT=DIR'. Which patch has which: git -C {worktree} range-diff {base} {head[:12]} "
        f"{now[:12]}")


def notes(worktree):
    return git(worktree, "rev-parse", "--absolute-git-dir").strip() + "/fanfp-series"


def remember(worktree, state, head):
    """Notes which state of the series the worktree's commits are, and the last of them."""
    with open(notes(worktree), "w", encoding="utf-8") as file:
        file.write(f"{state} {head}\n")


def recall(worktree):
    try:
        state, head = sets.read(notes(worktree)).decode().split()
    except (sets.Wrong, OSError, ValueError):
        raise sets.Wrong(f"{worktree} is no worktree that 'make edit' made: name one with EDIT=DIR, or a folder that does "
                         f"not exist yet. If 'make edit' was interrupted: git worktree remove --force {worktree}") from None
    return state, head


def unfinished(worktree):
    """Why the worktree is not ready to be brought back, or nothing."""
    place = git(worktree, "rev-parse", "--absolute-git-dir").strip()
    for name in ("rebase-merge", "rebase-apply"):
        if os.path.exists(f"{place}/{name}"):
            return (f"a rebase or git am is under way in {worktree}: end it with 'git rebase --continue' (after a "
                    "conflict: mend the files, 'git add' them) or '--abort'")
    for name, what in (("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert")):
        if os.path.exists(f"{place}/{name}"):
            return f"a {what} is under way in {worktree}: end it with 'git {what} --continue' or '--abort'"
    changed = git(worktree, "status", "--porcelain", "--untracked-files=normal").splitlines()
    if changed:
        return (f"{worktree} has changes that are in no commit: commit them (git commit --fixup, then git rebase -i "
                "--autosquash), or drop them:\n" + "\n".join(f"   {n}" for n in changed[:10]))
    return ""


class Commit:
    """A commit of the worktree that is a patch."""

    def __init__(self, worktree, sha):
        self.sha = sha
        text = git(worktree, "show", "-s", "--format=%B", sha)
        self.subject = text.partition("\n")[0]
        self.called = f"the commit {sha[:12]} ('{self.subject}')"
        found = re.findall(rf"^{TRAILER}: *(.*?) *$\n?", text, re.M)
        if len(found) > 1:
            raise sets.Wrong(f"{self.called} names {len(found)} patches: leave one line '{TRAILER}: SET/NAME'")
        self.key = found[0] if found else None
        if self.key is not None and not re.fullmatch(f"{sets.NAME}/{sets.NAME}", self.key):
            raise sets.Wrong(f"{self.called} says '{TRAILER}: {self.key}': it is SET/NAME, in lower case, digits, "
                             "dots and dashes")
        self.message = re.sub(rf"^{TRAILER}: .*$\n?", "", text, flags=re.M).rstrip("\n") + "\n"
        self.author = git(worktree, "show", "-s", "--format=%an <%ae>", sha).strip()
        self.set = self.name = None


def read_commits(repo, worktree, head):
    """The commits on the base, each with its set and name."""
    base = base_commit(repo)
    if git(worktree, "merge-base", base, head).strip() != base:
        raise sets.Wrong(f"{worktree} is not on Linux {sets.base_version()}: rebase it onto {base[:12]}, or make "
                         "another with 'make edit EDIT=DIR'")
    if merges := git(worktree, "rev-list", "--merges", f"{base}..{head}").split():
        raise sets.Wrong(f"{merges[0][:12]} is a merge: the series is a line of commits, use 'git rebase' instead")
    commits = [Commit(worktree, n) for n in git(worktree, "rev-list", "--reverse", f"{base}..{head}").split()]
    if not commits:
        raise sets.Wrong(f"{worktree} has no commit on Linux {sets.base_version()}: there would be no series left")
    at, left, seen = None, set(), {}
    for commit in commits:
        if re.match(r"(fixup|squash|amend)! ", commit.subject):
            raise sets.Wrong(f"{commit.called} is to be part of another one: run 'git rebase -i --autosquash "
                             f"{base[:12]}'")
        if commit.key is None:
            at = at or sets.sets()[0].name
            commit.set, commit.name = at, slug(commit.subject)
        else:
            commit.set, commit.name = commit.key.split("/")
        commit.key = f"{commit.set}/{commit.name}"
        if commit.set in left:
            raise sets.Wrong(f"{commit.called} belongs to the set {commit.set}, and comes after {at}: the commits of a "
                             "set follow each other")
        if commit.set != at:
            left.add(at)
            at = commit.set
        if commit.key in seen:
            raise sets.Wrong(f"{commit.called} is {commit.key}, and so is {seen[commit.key].called}: give one of "
                             f"them another name, by the line '{TRAILER}: SET/NAME' of its message")
        if commit.name in KEPT + ("patches",):
            raise sets.Wrong(f"{commit.called} cannot be called {commit.name}, as a file of the set is")
        seen[commit.key] = commit
        who = people(commit.message, commit.key)
        signed = f"{who['GIT_AUTHOR_NAME']} <{who['GIT_AUTHOR_EMAIL']}>"
        if commit.author != signed:
            raise sets.Wrong(f"{commit.called} is by {commit.author}, and signed first by {signed}: the author signs first "
                             f"(git commit --amend --author='{signed}', or another line Signed-off-by)")
    return commits


def slug(subject):
    """A patch's first name, from its subject without the prefix."""
    words = re.sub(r"[^a-z0-9]+", "-", subject.rpartition(": ")[2].lower()).strip("-").split("-")
    return "-".join(words[:4]) or "patch"


def wanted_files(worktree, commits):
    """What series/ and the files of the patches must be: {path: (mode, content)}."""
    base = {}                   # what the kernel has of the paths that are changed
    owner = {}                  # new files: the commit that adds it
    wanted, order = {}, []

    def text(path, content):
        wanted[path] = ("100644", content.encode() if isinstance(content, str) else content)

    for commit in commits:
        adds, changes, later = [], [], []
        raw = git(worktree, "diff-tree", "-r", "-z", "--no-commit-id", "--no-renames", commit.sha, raw=True)
        fields = raw.decode(errors="surrogateescape").split("\0")[:-1]
        for what, path in zip(fields[::2], fields[1::2]):
            old_mode, new_mode, _, _, kind = what.lstrip(":").split()
            if not re.fullmatch(r"[\x21-\x7e]+", path):
                raise sets.Wrong(f"{commit.called} has a file with a space or an odd character in its name: {path!r}")
            if new_mode == "160000":
                raise sets.Wrong(f"{commit.called} has a submodule, {path}: a patch cannot")
            if kind == "A":
                if base.get(path):
                    raise sets.Wrong(f"{commit.called} adds {path}, which an earlier patch removes")
                if not path.startswith(tuple(f"{t}/" for t in sets.TOPS)):
                    raise sets.Wrong(f"{commit.called} adds {path}: series/ holds new files only in {', '.join(sets.TOPS)}")
                if path in owner:
                    raise sets.Wrong(f"{commit.called} adds {path}, which {owner[path].called} has added before")
                owner[path] = commit
                adds.append(path)
            elif kind == "D":
                where = f"{owner[path].called} adds it: leave it out there" if path in owner else \
                    "the kernel has it, and series/ cannot hold a removal"
                raise sets.Wrong(f"{commit.called} removes {path}; {where}")
            elif old_mode != new_mode or new_mode == "120000":
                raise sets.Wrong(f"{commit.called} changes the mode or the kind of {path}, or a link: series/ cannot hold "
                                 "that; a new file has its mode in the patch that adds it")
            elif path in owner:
                later.append(path)
            else:
                base[path] = True
                changes.append(path)
        if not (adds or changes or later):
            raise sets.Wrong(f"{commit.called} changes nothing: drop it, with 'git rebase -i'")
        place = f"series/{commit.key}"
        if not order or order[-1][0] != commit.set:
            order.append((commit.set, []))
        order[-1][1].append(commit.name)
        text(f"{place}/message", commit.message)
        if adds:
            text(f"{place}/files", "".join(f"{p}\n" for p in sorted(adds)))
        if changes:
            text(f"{place}/changes.diff", diff(worktree, commit, changes))
        if later:
            text(f"{place}/overlay.diff", diff(worktree, commit, later))
    for path in owner:
        entry = git(worktree, "ls-tree", "-z", commits[-1].sha, "--", path)
        mode, _, blob = entry.split("\t")[0].split()
        wanted[path] = (mode, git(worktree, "cat-file", "blob", blob, raw=True))
    for name, names in order:
        text(f"series/{name}/patches", "".join(f"{n}\n" for n in names))
    text("series/order", "".join(f"{n}\n" for n, _ in order))
    return wanted


def diff(worktree, commit, paths):
    """The commit's change to these paths, without what depends on other files or on git's version."""
    text = git(worktree, "diff-tree", "-p", "--no-commit-id", *DIFF, commit.sha, "--", *paths, raw=True)
    if re.search(rb"^(GIT binary patch|Binary files )", text, re.M):
        raise sets.Wrong(f"{commit.called} changes a file that is not text, one of {', '.join(paths)}")
    text = re.sub(rb"^index [0-9a-f]+\.\.[0-9a-f]+( \d+)?\n", b"", text, flags=re.M)
    return re.sub(rb"^(@@ -[0-9,]+ \+[0-9,]+ @@).*$", rb"\1", text, flags=re.M)


def changes(wanted, commits):
    """What has to be replaced for the repository to have what is wanted: {path: (mode, content) or None}."""
    before, names = sets.sets(), list(dict.fromkeys(c.set for c in commits))
    old = sets.made()
    wanted = {**dict.fromkeys(old), **wanted, **letters(before, names, commits)}

    def text(name, kind):
        is_ = wanted.get(f"series/{name}/{kind}", undo.present(sets.REPO, f"series/{name}/{kind}"))
        return is_[1].decode() if is_ else ""
    sets.check_order([(n, [w for w in text(n, "needs").split() if w], "Local:" in text(n, "recipients")) for n in names])
    for path, is_ in wanted.items():
        if is_ and path not in old and not path.startswith("series/") and undo.present(sets.REPO, path) not in (None, is_):
            raise sets.Wrong(f"{path} is added by a commit, and is in the repository already, but belongs to no patch: "
                             "move it away")
    return {p: wanted[p] for p in sorted(wanted) if wanted[p] != undo.present(sets.REPO, p)}


def letters(before, names, commits):
    """The files of sets that no commit holds, where a set was renamed or has gone: {path: ...}."""
    moved = {}
    renamed = {}
    for each in before:
        if each.name in names:
            continue
        into = {c.set for c in commits if c.name in [p.name for p in each.patches]} - {s.name for s in before}
        kept = {k: undo.present(sets.REPO, f"series/{each.name}/{k}") for k in KEPT}
        kept = {k: is_ for k, is_ in kept.items() if is_}
        if len(into) == 1:
            renamed[each.name] = into.pop()
            moved |= {f"series/{renamed[each.name]}/{k}": is_ for k, is_ in kept.items()}
            print(f"    the set {each.name} is called {renamed[each.name]} now", file=sys.stderr)
        else:
            changed = git(sets.REPO, "status", "--porcelain", "--", *(f"series/{each.name}/{k}" for k in kept)) if kept else ""
            if changed:
                raise sets.Wrong(f"no commit belongs to the set {each.name} any more, and its files have changes that are in "
                                 f"no commit of this repository: commit or drop them first\n{changed.rstrip()}")
            print(f"    no commit belongs to the set {each.name} any more: series/{each.name} is removed", file=sys.stderr)
        moved |= {f"series/{each.name}/{k}": None for k in kept}
    for name in names if renamed else ():
        path = f"series/{name}/needs"
        is_ = moved.get(path) or undo.present(sets.REPO, path)
        if is_:
            text = "".join(f"{renamed.get(n, n)}\n" for n in is_[1].decode().splitlines())
            moved[path] = (is_[0], text.encode())
    return moved


if __name__ == "__main__":
    sets.run(main)
