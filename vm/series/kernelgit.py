"""The base kernel as a git repository, and the series as commits on it. Used by edit.py,
refresh.py and mails.py.
"""

import os
import re
import subprocess
import tempfile

import sets

# Says in a commit which patch it is; the last line of the message.
TRAILER = "Patch"
# The same diff whoever makes it: git without the settings of the person who runs it.
PLAIN = ("-c", "core.autocrlf=false", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null",
         "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "-c", "diff.suppressBlankEmpty=false",
         "-c", "core.quotePath=true", "-c", "gc.auto=0")
DIFF = ("--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--diff-algorithm=myers",
        "--indent-heuristic", "--unified=3")
# Without the variables by which a hook, say, names another repository
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in subprocess.run(
    ["git", "rev-parse", "--local-env-vars"], stdout=subprocess.PIPE, check=True, text=True).stdout.split()}


def git(where, *args, env=None, text=None, raw=False):
    """What git prints; Wrong if it fails."""
    done = subprocess.run(["git", "-C", where, *PLAIN, *args], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, env={**ENVIRONMENT, **(env or {})})
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise sets.Wrong(f"git {args[0]} failed in {where}: {said}")
    return done.stdout if raw else done.stdout.decode(errors="replace")


def people(message, key):
    """Who signed first wrote it."""
    found = re.search(r"^Signed-off-by: (.+) <(.+)>$", message, re.M)
    if not found:
        raise sets.Wrong(f"the patch {key} has no Signed-off-by")
    return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
            for what, value in zip(("NAME", "EMAIL"), found.groups())}


def base_commit(repo):
    """The commit of the base kernel."""
    return git(repo, "rev-parse", "--verify", f"refs/heads/linux-{sets.base_version()}").strip()


def make_base(base, repo):
    """Makes the repository, or adds the base kernel's files to it if it has another one."""
    if not os.path.isdir(repo):
        git(os.path.dirname(repo), "init", "-q", "--bare", repo)
        git(repo, "config", "core.bare", "false")
        # A repack of a kernel takes minutes, in the middle of a rebase.
        git(repo, "config", "gc.auto", "0")
    name = f"refs/heads/linux-{sets.base_version()}"
    known = subprocess.run(["git", "-C", repo, "rev-parse", "-q", "--verify", name], check=False, stdout=subprocess.DEVNULL)
    if known.returncode == 0:
        return base_commit(repo)
    # Dates and ignored files are of no importance; a fresh index, as the last run may have been interrupted.
    index = f"{repo}/index.base"
    for stale in (index, f"{index}.lock"):
        if os.path.exists(stale):
            os.unlink(stale)
    who = {f"GIT_{w}_{n}": v for w in ("AUTHOR", "COMMITTER")
           for n, v in (("NAME", "base"), ("EMAIL", "base@localhost"), ("DATE", "2000-01-01T00:00:00Z"))}
    env = {"GIT_DIR": repo, "GIT_WORK_TREE": base, "GIT_INDEX_FILE": index, **who}
    git(base, "add", "-A", "-f", ".", env=env)
    tree = git(base, "write-tree", env=env).strip()
    commit = git(base, "commit-tree", tree, "-m", f"Linux {sets.base_version()}", env=env).strip()
    git(repo, "update-ref", name, commit)
    return commit


def stack(base, repo, start, message=None):
    """Makes a commit a patch on the commit start, and returns [(patch, commit)]. Its message
    is what message says of the patch; else the patch's, and the line that says which it is.
    """
    commits = []
    with tempfile.TemporaryDirectory(dir=os.path.dirname(repo)) as temp:
        index = {"GIT_INDEX_FILE": f"{temp}/index", "GIT_DIR": repo}
        git(repo, "read-tree", start, env=index)
        parent, there = start, set()
        for patch in sets.patches():
            stage = f"{temp}/stage"
            os.mkdir(stage)
            paths = set(sets.stage(base, stage, patch.key))
            env = {**index, "GIT_WORK_TREE": stage}
            git(stage, "add", "-f", "--", *sorted(paths), env=env)
            there |= paths
            said = message(patch) if message else f"{patch.message}{TRAILER}: {patch.key}\n"
            tree = git(stage, "write-tree", env=env).strip()
            parent = git(stage, "commit-tree", tree, "-p", parent, env={**env, **people(said, patch.key)},
                         text=said.encode()).strip()
            commits.append((patch, parent))
            subprocess.run(["rm", "-rf", stage], check=True)
    return commits


def small_base(base, repo):
    """A repository with no more than the base's version of what the series changes, for
    git am and format-patch, which cannot tell it from the whole tree.
    """
    os.mkdir(repo)
    git(repo, "init", "-q", "-b", "base")
    for path in sorted({c for p in sets.patches() for c in p.changes}):
        sets.copy(f"{base}/{path}", f"{repo}/{path}")
    git(repo, "add", "-A", "-f")
    who = {f"GIT_{w}_{n}": v for w in ("AUTHOR", "COMMITTER")
           for n, v in (("NAME", "base"), ("EMAIL", "base@localhost"))}
    git(repo, "commit", "-q", "--allow-empty", "-m", f"Linux {sets.base_version()}", env=who)
    return git(repo, "rev-parse", "HEAD").strip()
