"""Replaces files of the repository, all of them or none. While they are written,
.series-undo holds what was there before; whoever finds that folder puts it back. A lock
on series/ tells a replacement that is under way from one that was interrupted.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import sys


class Wrong(Exception):
    """Something that a person has to put right; the text says what."""


@contextlib.contextmanager
def locked(repo):
    """Waits for others who replace files of this repository."""
    fd = os.open(f"{repo}/series", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def replace(repo, change):
    """Makes the paths of change, relative to repo, what it says: (mode, content), or None for no file."""
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        with locked(repo):
            try:
                keep(repo, change)
                for path, is_ in change.items():
                    put(repo, path, is_)
                forget(repo)
            except BaseException:
                put_back(repo)
                raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def recover(repo):
    """Puts back what a replacement that was interrupted had begun. Waits for one that is under way."""
    places = [f"{repo}/.series-undo{n}" for n in ("", ".new", ".old")]
    if any(map(os.path.isdir, places)):
        with locked(repo):
            for name in places[1:]:
                shutil.rmtree(name, ignore_errors=True)
            if os.path.isdir(places[0]):
                put_back(repo)
                print("    a refresh was interrupted: series/ is as it was before it", file=sys.stderr)


def present(repo, path):
    """(mode, content) of a path of the repository, with git's modes, or None."""
    full = f"{repo}/{path}"
    if os.path.islink(full):
        return ("120000", os.readlink(full).encode())
    if not os.path.exists(full):
        return None
    with open(full, "rb") as file:
        return ("100755" if os.stat(full).st_mode & 0o100 else "100644", file.read())


def put(repo, path, is_):
    """Writes a file as a whole, or removes it, with the folders that are empty then."""
    full = f"{repo}/{path}"
    if is_ is None:
        if os.path.lexists(full):
            os.unlink(full)
        folder = os.path.dirname(full)
        while folder != repo and os.path.isdir(folder) and not os.listdir(folder):
            os.rmdir(folder)
            folder = os.path.dirname(folder)
        return
    mode, content = is_
    os.makedirs(os.path.dirname(full), exist_ok=True)
    new = f"{full}.fanfp-new"
    if os.path.lexists(new):
        os.unlink(new)
    if mode == "120000":
        os.symlink(content.decode(), new)
    else:
        with open(new, "wb") as file:
            file.write(content)
        os.chmod(new, 0o755 if mode == "100755" else 0o644)
    os.rename(new, full)


def mark(is_):
    """Tells one state of a path from another."""
    return is_ and hashlib.sha256(f"{is_[0]}\0".encode() + is_[1]).hexdigest()


def keep(repo, change):
    """Notes what is at the paths now, on the disk, and what will be there."""
    new = f"{repo}/.series-undo.new"
    os.mkdir(new)
    there = []
    for number, (path, to) in enumerate(change.items()):
        is_ = present(repo, path)
        there.append((path, is_[0] if is_ else None, mark(to)))
        if is_:
            write_down(f"{new}/{number}", is_[1])
    write_down(f"{new}/paths", json.dumps(there).encode())
    os.rename(new, f"{repo}/.series-undo")


def write_down(path, content):
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def forget(repo):
    os.rename(f"{repo}/.series-undo", f"{repo}/.series-undo.old")
    shutil.rmtree(f"{repo}/.series-undo.old")


def put_back(repo):
    """Makes all as keep() found it, but for files that somebody has changed since."""
    place = f"{repo}/.series-undo"
    if not os.path.isdir(place):
        return
    try:
        there = json.loads(present(repo, ".series-undo/paths")[1])
        before = [(mode, present(repo, f".series-undo/{number}")[1]) if mode else None
                  for number, (_, mode, _) in enumerate(there)]
    except (TypeError, ValueError):
        raise Wrong(f"a refresh was interrupted, and {place} cannot be read: see with 'git status' what it has changed, "
                    f"put that right, and remove {place}") from None
    others = [path for (path, _, new), old in zip(there, before)
              if mark(present(repo, path)) not in (new, mark(old))]
    if others:
        raise Wrong(f"a refresh was interrupted, and these files have been changed since: {', '.join(others)}. Save them, "
                    f"undo the changes, and run this again; or put all right by hand, and remove {place}")
    for (path, _, _), old in zip(there, before):
        stale = f"{repo}/{path}.fanfp-new"
        if os.path.lexists(stale):
            os.unlink(stale)
        put(repo, path, old)
    forget(repo)
