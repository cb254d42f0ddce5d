"""Reads series/, and makes from it what a kernel tree must contain. All the other
programs here begin with this.

series/order names the sets, series/SET/patches the patches of a set, both in order.
A set has its cover letter (cover-letter), who gets it and how its subjects begin
(recipients), and the sets that it needs, if any (needs). A patch is a folder:
message, the new files that it adds (files), and its diff to the files that the
kernel already has (changes.diff). It may also change new files of earlier patches:
those files hold the result, and overlay.diff what it changed there, to be taken back
for the earlier patches. All of it but the set's own three files is written by
refresh.py.
"""

import hashlib
import os
import re
import signal
import subprocess
import sys

import undo
from undo import Wrong

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# Folders of the kernel in which a patch may add files; the others at the top are ours.
TOPS = ("Documentation", "arch", "block", "drivers", "fs", "include", "io_uring", "ipc", "kernel", "lib", "mm",
        "net", "samples", "scripts", "security", "tools", "virt")
# Names a point of the series at which nothing is applied yet.
BASE = "base"
NAME = r"[a-z0-9][a-z0-9_.-]*"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def lines(path):
    """The lines of a list, without blank ones and comments; none if it does not exist."""
    if not os.path.exists(path):
        return []
    return [n.strip() for n in read(path).decode().splitlines() if n.strip() and n.strip()[0] != "#"]


def base_version():
    return read(f"{REPO}/series/base").decode().strip()


def overlay_files():
    """The new files: what git tracks or does not ignore, as paths of the kernel."""
    done = subprocess.run(
        ["git", "-C", REPO, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *TOPS],
        check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise Wrong(f"{done.stderr.decode(errors='replace').strip()}\n{REPO} must be a git checkout that you may "
                    "read: it tells the project's files from others")
    names = {n for n in done.stdout.decode().split("\0") if n}
    return sorted(n for n in names if os.path.lexists(f"{REPO}/{n}"))


class Patch:
    """One patch: series/SET/NAME/."""

    def __init__(self, owner, name):
        self.set, self.name = owner, name
        self.key = f"{owner.name}/{name}"
        self.dir = f"{REPO}/series/{self.key}"
        if not os.path.isdir(self.dir):
            raise Wrong(f"series/{owner.name}/patches names {name}, and there is no folder {self.dir}")
        self.diff = f"{self.dir}/changes.diff"
        if not os.path.exists(self.diff):
            self.diff = None
        self.changes = self._changes()
        self.later = self._later()
        self.owns = lines(f"{self.dir}/files")

    def _changes(self):
        """The paths that changes.diff changes."""
        if not self.diff:
            return []
        text = read(self.diff).decode()
        if re.search(r"^--- /dev/null|^\+\+\+ /dev/null", text, re.M):
            raise Wrong(f"{self.diff} adds or removes a file: a new file belongs at its path in the repository")
        return re.findall(r"^\+\+\+ b/(\S+)", text, re.M)

    def _later(self):
        """overlay.diff, as the text for each path."""
        path = f"{self.dir}/overlay.diff"
        if not os.path.exists(path):
            return {}
        parts = re.split(r"^(?=diff --git a/)", read(path).decode(), flags=re.M)
        return {re.search(r"^--- a/(\S+)", t, re.M)[1]: t for t in parts if t}

    @property
    def message(self):
        path = f"{self.dir}/message"
        if not os.path.exists(path):
            raise Wrong(f"series/{self.key} has no message")
        return read(path).decode()

    @property
    def title(self):
        return self.message.partition("\n")[0].strip()

    def touches(self, *tops):
        """Its paths in these folders."""
        return [p for p in self.changes + self.owns + list(self.later) if p.startswith(tops)]


def recipients(name):
    """What series/NAME/recipients says, as [(key, value)]."""
    headers = [n.partition(":") for n in lines(f"{REPO}/series/{name}/recipients")]
    for key, colon, value in headers:
        if key not in ("Local", "Prefix", "To", "Cc") or not colon or not value.strip():
            raise Wrong(f"series/{name}/recipients: '{key}{colon}{value}' is none of Prefix:, To:, Cc: and Local:")
    return [(k, v.strip()) for k, _, v in headers]


class Set:
    """One set: series/NAME/."""

    def __init__(self, name):
        self.name = name
        self.dir = f"{REPO}/series/{name}"
        if not os.path.isdir(self.dir):
            raise Wrong(f"series/order names the set {name}, and there is no folder series/{name}")
        self.needs = lines(f"{self.dir}/needs")
        self.patches = [Patch(self, n) for n in lines(f"{self.dir}/patches")]
        if not self.patches:
            raise Wrong(f"series/{name}/patches names no patch")
        self.headers = recipients(name)
        self.local = "".join(self.header("Local"))      # why it is never mailed, or nothing

    def header(self, key):
        return [v for k, v in self.headers if k == key]

    @property
    def cover(self):
        path = f"{self.dir}/cover-letter"
        if not os.path.exists(path):
            raise Wrong(f"the set {self.name} has no series/{self.name}/cover-letter: its first line is the subject")
        return read(path).decode()

    @property
    def title(self):
        return self.cover.partition("\n")[0].strip()


def sets():
    """The sets in order."""
    undo.recover(REPO)
    names = lines(f"{REPO}/series/order")
    if not names:
        raise Wrong("series/order names no set")
    found = [Set(n) for n in names]
    check_order([(s.name, s.needs, s.local) for s in found])
    return found


def check_order(series):
    """A set [(name, needs, why it is local)] comes after those that it needs, and one that is mailed before the others."""
    for place, (name, needs, local) in enumerate(series):
        for need in needs:
            if need not in [n for n, _, _ in series[:place]]:
                raise Wrong(f"series/{name}/needs names {need}, which does not come before it: change that list, or the "
                            "order of the sets, with 'make edit'")
        if place and series[place - 1][2] and not local:
            raise Wrong(f"the set {name} is to be mailed, and comes after {series[place - 1][0]}, which never is: move its "
                        "commits before those, with 'git rebase -i'")


def patches():
    """All patches in order."""
    return [p for s in sets() for p in s.patches]


def upto(series, key):
    """Those of the series up to and with the one called key; all if key is None."""
    if key is None:
        return series
    if key == BASE:
        return []
    for place, patch in enumerate(series):
        if patch.key == key:
            return series[:place + 1]
    raise Wrong(f"there is no patch {key}: there are {', '.join(p.key for p in series)}")


def apply(name, text, where, *options):
    """Applies a diff of the series to the files in where."""
    done = subprocess.run(
        ["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "--reject-file=-", "-s", "-f", *options,
         "-d", where], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        said = "\n".join("   | " + n for n in done.stdout.decode(errors="replace").splitlines()[:20])
        raise Wrong(f"{said}\nseries/{name} does not apply to Linux {base_version()} and the new files. It is made "
                    "by 'make refresh': undo what was changed by hand in series/ or in a file that several patches "
                    "change, and make the change with 'make edit' (see CONTRIBUTING.md)")


def stage(base, where, last=None):
    """Puts all that the patches up to last change or add into the folder where, and
    returns the paths. Without last, new files that no patch owns are there, too.
    """
    every = patches()
    series = upto(every, last)
    paths = set()
    for patch in series:
        for path in patch.changes:
            if path in paths:
                continue
            if not os.path.isfile(f"{base}/{path}"):
                raise Wrong(f"series/{patch.key}/changes.diff changes {path}, which Linux {base_version()} does not have")
            copy(f"{base}/{path}", f"{where}/{path}")
            paths.add(path)
    for patch in series:
        if patch.diff:
            apply(f"{patch.key}/changes.diff", read(patch.diff), where)
    owned = {f for p in series for f in p.owns}
    new = set(overlay_files()) if last is None else set()
    for path in sorted(owned | new):
        if os.path.lexists(f"{base}/{path}"):
            raise Wrong(f"{path} is in Linux {base_version()} already: change it with 'make edit', not here")
        if not os.path.lexists(f"{REPO}/{path}"):
            raise Wrong(f"a patch adds {path}, which does not exist: remove it from series/*/*/files, or bring it back")
        copy(f"{REPO}/{path}", f"{where}/{path}")
        paths.add(path)
    for patch in reversed(every[len(series):]):
        text = "".join(t for path, t in patch.later.items() if path in paths)
        if text:
            apply(f"{patch.key}/overlay.diff", text.encode(), where, "-R")
    return sorted(paths)


def made():
    """The paths that refresh.py makes: the lists, the patches, and the files that those add."""
    paths = ["series/order"]
    for each in sets():
        paths.append(f"series/{each.name}/patches")
        for patch in each.patches:
            paths += [f"series/{patch.key}/{n}" for n in ("message", "files", "changes.diff", "overlay.diff")
                      if os.path.exists(f"{patch.dir}/{n}")] + patch.owns
    return sorted(paths)


def state():
    """A hash of all that edit.py makes commits from: what they would undo if it changed meanwhile."""
    sums = hashlib.sha256()
    for path in made():
        mode, content = undo.present(REPO, path) or ("", b"")
        sums.update(f"{path}\0{mode}\0{len(content)}\0".encode() + content)
    return sums.hexdigest()


def same(one, two):
    """Whether two paths are alike, in content, kind and executable bit."""
    if os.path.islink(one) or os.path.islink(two):
        return os.path.islink(one) and os.path.islink(two) and os.readlink(one) == os.readlink(two)
    if not os.path.isfile(two):
        return False
    return (os.stat(one).st_mode ^ os.stat(two).st_mode) & 0o111 == 0 and read(one) == read(two)


def copy(source, target):
    """Replaces target; never writes through a hard link, never leaves half a file."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    new = f"{target}.fanfp-new"
    if os.path.lexists(new):
        os.unlink(new)
    if os.path.islink(source):
        os.symlink(os.readlink(source), new)
    else:
        with open(new, "wb") as file:
            file.write(read(source))
        os.chmod(new, 0o755 if os.stat(source).st_mode & 0o100 else 0o644)
    os.rename(new, target)


def run(main):
    """Runs a program's main; a Wrong ends it with its text."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (Wrong, OSError, subprocess.CalledProcessError) as wrong:
        sys.exit(f"{wrong}")
    except KeyboardInterrupt:
        interrupted()


def interrupted():
    """Ends as SIGINT does: bash goes on after a program that exits, with 130, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
