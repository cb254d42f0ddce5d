"""Makes a kernel tree the base plus the series, for vm/tree. Writes only what differs,
so that make rebuilds only that. usage: tree.py BASE TREE [LAST]

LAST is the last patch that is wanted, as SET/NAME, or "base" for none.
"""

import os
import sys
import tempfile

import sets


def sync(base, tree, manifest, last=None):
    """The manifest names what differs from the base. A file that goes back to the base
    is written too: its date must be newer than its object. Returns the paths written.
    """
    before = set(sets.read(manifest).decode().split("\n")) - {""} if os.path.exists(manifest) else set()
    written = []
    with tempfile.TemporaryDirectory(dir=os.path.dirname(tree)) as where:
        paths = sets.stage(base, where, last)
        if last is None:
            # Whoever edits a line of a later patch is told so now, and not when the patches are made.
            with tempfile.TemporaryDirectory() as first:
                sets.stage(base, first, sets.patches()[0].key)
        note(manifest, before | set(paths))
        for path in paths:
            if not sets.same(f"{where}/{path}", f"{tree}/{path}"):
                sets.copy(f"{where}/{path}", f"{tree}/{path}")
                written.append(path)
        for path in sorted(before - set(paths)):
            if os.path.lexists(f"{base}/{path}"):
                if not sets.same(f"{base}/{path}", f"{tree}/{path}"):
                    sets.copy(f"{base}/{path}", f"{tree}/{path}")
                    written.append(path)
            elif os.path.lexists(f"{tree}/{path}"):
                os.unlink(f"{tree}/{path}")
                written.append(path)
    note(manifest, paths)
    return written


def note(manifest, paths):
    """Nothing is written if nothing changes: .ci/run makes two kernels of one tree at a time."""
    text = "".join(f"{p}\n" for p in sorted(paths))
    if os.path.exists(manifest) and sets.read(manifest).decode() == text:
        return
    with open(f"{manifest}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(f"{manifest}.new", manifest)


def main(base, tree, last=None):
    written = sync(base, tree, f"{tree}.manifest", last or None)
    for path in written[:10]:
        print(f"    {path}", file=sys.stderr)
    if len(written) > 10:
        print(f"    and {len(written) - 10} other files", file=sys.stderr)


if __name__ == "__main__":
    sets.run(main)
