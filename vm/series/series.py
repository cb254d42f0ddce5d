"""Second half of vm/series. usage: series.py BASE OUT

The commits are made in a small git repository that holds only the files that the
series touches: git am cannot tell it from the whole tree.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import overlay


def git(where, *args, env=None, text=None):
    """git without the settings of the person who runs it, save for the name."""
    done = subprocess.run(
        ["git", "-C", where, "-c", "core.autocrlf=false", "-c", "commit.gpgsign=false",
         "-c", "diff.noprefix=false", "-c", "core.hooksPath=/dev/null", *args],
        input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        env={**os.environ, **(env or {})})
    if done.returncode:
        raise overlay.Wrong(f"git {args[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")


def author(message, name):
    """Who signed first wrote it."""
    found = re.search(r"^Signed-off-by: (.+) <(.+)>$", message, re.M)
    if not found:
        raise overlay.Wrong(f"series/{name}/message has no Signed-off-by")
    return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
            for what, value in zip(("NAME", "EMAIL"), found.groups())}


def base_repo(base, where, series):
    """A git repository with the base's version of what the series changes."""
    git(where, "init", "-q", "-b", "base")
    for path in sorted({c for p in series for c in p.changes}):
        overlay.copy(f"{base}/{path}", f"{where}/{path}")
    git(where, "add", "-A", "-f")
    who = {f"GIT_{w}_{n}": v for w in ("AUTHOR", "COMMITTER")
           for n, v in (("NAME", "base"), ("EMAIL", "base@localhost"))}
    git(where, "commit", "-q", "--allow-empty", "-m", f"Linux {overlay.base_version()}", env=who)


def cover(text, path):
    """Puts our cover letter into the one that git made."""
    subject, _, body = text.partition("\n")
    made = overlay.read(path).decode()
    made = made.replace("*** SUBJECT HERE ***", subject.strip())
    made = made.replace("*** BLURB HERE ***", body.strip())
    with open(path, "w", encoding="utf-8") as file:
        file.write(made)


def main():
    base, out = sys.argv[1:]
    series = overlay.patches()
    if not series:
        raise overlay.Wrong("series/ holds no patch")
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(out))) as temp:
        repo, mails = f"{temp}/repo", f"{temp}/mails"
        os.mkdir(repo)
        base_repo(base, repo, series)
        for patch in series:
            overlay.stage(base, repo, patch.name[:2])
            message = patch.message()
            env = author(message, patch.name)
            git(repo, "add", "-A", "-f")
            git(repo, "commit", "-q", "-F", "-", env=env, text=message.encode())
        git(repo, "format-patch", "-q", "--cover-letter", "--cover-from-description=none", "-o", mails,
            "--diff-algorithm=myers", "--no-signature", f"-{len(series)}", env=env)
        names = sorted(os.listdir(mails))
        cover(overlay.read(f"{overlay.REPO}/series/cover-letter").decode(), f"{mails}/{names[0]}")
        if os.path.isdir(out):
            if any(not n.endswith(".patch") for n in os.listdir(out)):
                raise overlay.Wrong(f"{out} holds other things than patches: name an empty folder")
            shutil.rmtree(out)
        os.rename(mails, out)
    for name in names:
        print(f"{out}/{name}")


if __name__ == "__main__":
    overlay.run(main)
