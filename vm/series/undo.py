"""Replaces files of the repository, all of them or none. While they are written,
.series-undo holds what was there before; whoever finds that folder puts it back.
"""

import json
import os
import shutil
import signal
import sys


def replace(repo, change):
    """Makes the paths of change, relative to repo, what it says: (mode, content), or None for no file."""
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        keep(repo, change)
        for path, is_ in change.items():
            put(repo, path, is_)
        forget(repo)
    except BaseException:
        recover(repo)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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


def keep(repo, paths):
    """Notes what is at the paths now."""
    new = f"{repo}/.series-undo.new"
    shutil.rmtree(new, ignore_errors=True)
    os.mkdir(new)
    there = []
    for number, path in enumerate(paths):
        is_ = present(repo, path)
        there.append((path, is_[0] if is_ else None))
        if is_:
            with open(f"{new}/{number}", "wb") as file:
                file.write(is_[1])
    with open(f"{new}/paths", "w", encoding="utf-8") as file:
        json.dump(there, file)
    os.rename(new, f"{repo}/.series-undo")


def forget(repo):
    os.rename(f"{repo}/.series-undo", f"{repo}/.series-undo.old")
    shutil.rmtree(f"{repo}/.series-undo.old")


def recover(repo):
    """Puts back what a replacement that was interrupted had begun."""
    place = f"{repo}/.series-undo"
    for name in (f"{place}.new", f"{place}.old"):
        shutil.rmtree(name, ignore_errors=True)
    if not os.path.isdir(place):
        return
    with open(f"{place}/paths", encoding="utf-8") as file:
        there = json.load(file)
    for number, (path, mode) in enumerate(there):
        stale = f"{repo}/{path}.fanfp-new"
        if os.path.lexists(stale):
            os.unlink(stale)
        before = None
        if mode:
            with open(f"{place}/{number}", "rb") as file:
                before = (mode, file.read())
        put(repo, path, before)
    forget(repo)
    print("    a refresh was interrupted: series/ is as it was before it", file=sys.stderr)
