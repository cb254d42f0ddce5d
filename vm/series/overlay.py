"""What the repository adds to the kernel: reads series/, and makes from it what
the tree must contain. Used by vm/tree, vm/series and vm/check.

series/NN-name/ holds the patch's message, the list of new files that it owns
(files), and its diff to the files that the kernel already has (changes.diff).
A patch may also change new files that an earlier one owns: the files hold the
result, and overlay.diff what it changed there, to be taken back for the earlier
patches.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TOPS = ("Documentation", "fs", "include", "kernel", "tools")


class Wrong(Exception):
    """Something that a person has to put right; the text says what."""


def read(path):
    with open(path, "rb") as file:
        return file.read()


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
    """One folder of series/."""

    def __init__(self, name, files):
        self.name = name
        self.dir = f"{REPO}/series/{name}"
        self.diff = f"{self.dir}/changes.diff"
        if not os.path.exists(self.diff):
            self.diff = None
        self.changes = self._changes()
        self.later = self._later()
        owned = self._lines("files")
        self.owns, self.unmatched = [], []
        for line in owned:
            hits = [f for f in files if f == line or line.endswith("/") and f.startswith(line)]
            self.owns += hits
            if not hits:
                self.unmatched.append(line)

    def _lines(self, name):
        path = f"{self.dir}/{name}"
        if not os.path.exists(path):
            return []
        return [n.strip() for n in read(path).decode().splitlines() if n.strip() and n[0] != "#"]

    def _changes(self):
        """The paths that the diff changes."""
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
        parts = re.split(r"^(?=--- a/)", read(path).decode(), flags=re.M)
        return {re.match(r"--- a/(\S+)", t)[1]: t for t in parts if t}

    def message(self):
        path = f"{self.dir}/message"
        if not os.path.exists(path):
            raise Wrong(f"series/{self.name} has no message")
        return read(path).decode()


def patches(upto=None):
    """The series in order; upto is the first two digits of the last one wanted."""
    files = overlay_files()
    names = sorted(n for n in os.listdir(f"{REPO}/series") if re.match(r"\d\d-", n))
    return [Patch(n, files) for n in names if upto is None or n[:2] <= upto]


def apply(name, text, where, *options):
    """Applies a diff of the series to the files in where."""
    done = subprocess.run(
        ["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "--reject-file=-", "-s", "-f", *options,
         "-d", where], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        said = "\n".join("   | " + n for n in done.stdout.decode(errors="replace").splitlines()[:20])
        raise Wrong(f"{said}\nseries/{name} does not apply to Linux {base_version()} and the new files: "
                    "make the diff anew, or take the change into the patch before")


def stage(base, where, upto=None, only_owned=False):
    """Puts all that the series changes or adds into the folder where, and returns
    the paths. With only_owned, new files that no patch owns are left out.
    """
    series = patches(upto)
    paths = set()
    for patch in series:
        for path in patch.changes:
            if path in paths:
                continue
            if not os.path.isfile(f"{base}/{path}"):
                raise Wrong(f"series/{patch.name}/changes.diff changes {path}, which Linux {base_version()} does not have")
            copy(f"{base}/{path}", f"{where}/{path}")
            paths.add(path)
    for patch in series:
        if patch.diff:
            apply(f"{patch.name}/changes.diff", read(patch.diff), where)
    owned = {f for p in series for f in p.owns}
    for path in sorted(owned) if only_owned or upto else overlay_files():
        if os.path.lexists(f"{base}/{path}"):
            raise Wrong(f"{path} is in Linux {base_version()} already: a change to it belongs into a changes.diff of series/")
        copy(f"{REPO}/{path}", f"{where}/{path}")
        paths.add(path)
    for patch in reversed(patches()[len(series):]):
        text = "".join(t for path, t in patch.later.items() if path in paths)
        if text:
            apply(f"{patch.name}/overlay.diff", text.encode(), where, "-R")
    return sorted(paths)


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


def sync(base, tree, manifest, upto=None):
    """Makes tree the base plus the series. Writes only what differs, so that make
    rebuilds only that; the manifest names what differs from the base. A file that
    goes back to the base is written too: its date must be newer than its object.
    Returns the paths written.
    """
    before = set(read(manifest).decode().split("\n")) - {""} if os.path.exists(manifest) else set()
    written = []
    with tempfile.TemporaryDirectory(dir=os.path.dirname(tree)) as where:
        paths = stage(base, where, upto)
        note(manifest, before | set(paths))
        for path in paths:
            if not same(f"{where}/{path}", f"{tree}/{path}"):
                copy(f"{where}/{path}", f"{tree}/{path}")
                written.append(path)
        for path in sorted(before - set(paths)):
            if os.path.lexists(f"{base}/{path}"):
                if not same(f"{base}/{path}", f"{tree}/{path}"):
                    copy(f"{base}/{path}", f"{tree}/{path}")
                    written.append(path)
            elif os.path.lexists(f"{tree}/{path}"):
                os.unlink(f"{tree}/{path}")
                written.append(path)
    note(manifest, paths)
    return written


def note(manifest, paths):
    with open(f"{manifest}.new", "w", encoding="utf-8") as file:
        file.writelines(f"{p}\n" for p in sorted(paths))
    os.rename(f"{manifest}.new", manifest)


def run(main):
    """Runs a script's main; a Wrong ends it with its text."""
    try:
        sys.exit(main())
    except (Wrong, OSError, subprocess.CalledProcessError) as wrong:
        sys.exit(f"{wrong}")
    except KeyboardInterrupt:
        interrupted()


def interrupted():
    """Ends as SIGINT does: bash goes on after a program that exits, with 130, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
