"""Copies a kernel tree of the user's own (KSRC=) to where it is built, without
what was built in it, and leaves alone what the series changes there (vm/tree
does that part). usage: ksrc.py FROM TO
"""

import os
import subprocess

import sets

# Without git: what a build in the tree leaves behind.
BUILT = ("*.o", "*.a", "*.ko", "*.mod", "*.mod.c", "*.cmd", ".config*", ".tmp_*",
         "/vmlinux", "/vmlinux.*", "/.vmlinux*", "/System.map", "/Module.symvers", "/modules.*", "/include/config", "/include/generated",
         "/arch/*/include/generated", ".git")


def git_files(source):
    done = subprocess.run(
        ["git", "-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    names = done.stdout.decode(errors="surrogateescape").split("\0")
    return None if done.returncode else [n for n in names if n and os.path.lexists(f"{source}/{n}")]


def main(source, target):
    os.makedirs(target, exist_ok=True)
    manifest = f"{target}.manifest"
    ours = set(sets.read(manifest).decode().split("\n")) if os.path.exists(manifest) else set()
    ours |= {c for p in sets.patches() for c in p.changes}
    rsync = ["rsync", "-a"]
    files = git_files(source) if os.path.exists(f"{source}/.git") else None
    if files is None:
        filters = "".join(f"- {n}\n" for n in BUILT) + "".join(f"- /{n}\n" for n in ours if n)
        subprocess.run([*rsync, "--delete", "--filter=merge -", f"{source}/", f"{target}/"],
                       input=filters.encode(), check=True, stderr=subprocess.DEVNULL)
    else:
        listing = f"{target}.files"
        before = set(sets.read(listing).decode(errors="surrogateescape").split("\0")) if os.path.exists(listing) else set()
        for name in before - set(files) - ours - {""}:
            if os.path.lexists(f"{target}/{name}"):
                os.unlink(f"{target}/{name}")
        wanted = "\0".join(n for n in files if n not in ours).encode(errors="surrogateescape")
        subprocess.run([*rsync, "--from0", "--files-from=-", f"{source}/", f"{target}/"],
                       input=wanted, check=True)
        with open(f"{listing}.new", "wb") as file:
            file.write("\0".join(files).encode(errors="surrogateescape"))
        os.rename(f"{listing}.new", listing)
    # What the series changes is new here, or was never copied.
    for name in ours:
        if name and os.path.isfile(f"{source}/{name}") and not os.path.lexists(f"{target}/{name}"):
            sets.copy(f"{source}/{name}", f"{target}/{name}")


sets.run(main)
