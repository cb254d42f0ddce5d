"""Makes a git worktree of the base kernel with a commit a patch, for vm/edit.
usage: edit.py BASE REPOSITORY WORKTREE
"""

import os
import subprocess
import sys

import kernelgit
import refresh
import sets
from kernelgit import git


def main(base, repo, worktree):
    if os.path.lexists(worktree):
        return again(base, repo, worktree)
    if not os.path.isdir(os.path.dirname(worktree)):
        raise sets.Wrong(f"there is no folder {os.path.dirname(worktree)}: make it, or name another with EDIT=DIR")
    if not os.path.isdir(repo):
        print(f"    the base kernel becomes a git repository, once: {repo}", file=sys.stderr)
    start = kernelgit.make_base(base, repo)
    state = sets.state()
    head = kernelgit.stack(base, repo, start)[-1][1]
    git(repo, "worktree", "prune")
    branch = free_branch(repo, os.path.basename(worktree))
    print(f"    checking out {worktree}", file=sys.stderr)
    git(repo, "worktree", "add", "-q", "-b", branch, worktree, head)
    refresh.remember(worktree, state, head)
    count = len(sets.patches())
    print(f"{worktree}: {count} patches as commits on Linux {sets.base_version()}, branch {branch}. "
          f"Edit them with git; 'make refresh{option(worktree)}' brings them back.")
    return 0


def again(base, repo, worktree):
    """An existing worktree is brought up to the series, if that loses nothing."""
    state, head = refresh.recall(worktree)
    if state == sets.state() and git(worktree, "rev-parse", "HEAD").strip() == head:
        print(f"{worktree} is there, and has the series as it is")
        return 0
    if git(worktree, "rev-parse", "HEAD").strip() != head or refresh.unfinished(worktree):
        raise sets.Wrong(f"{worktree} is there, and has changes that are not in the series: bring them back with "
                         f"'make refresh{option(worktree)}', remove it with 'git -C {repo} worktree remove --force "
                         f"{worktree}', or name another with EDIT=DIR")
    state = sets.state()
    head = kernelgit.stack(base, repo, kernelgit.make_base(base, repo))[-1][1]
    git(worktree, "reset", "-q", "--hard", head)
    refresh.remember(worktree, state, head)
    print(f"{worktree} had no changes, and has the series as it is now")
    return 0


def option(worktree):
    """How to name it to make, if it is not the usual one."""
    return "" if os.environ.get("EDIT", "") == "" else f" EDIT={worktree}"


def free_branch(repo, name):
    """A branch that does not exist, for the worktree of that name."""
    every = set(git(repo, "for-each-ref", "--format=%(refname:short)", "refs/heads").split())
    number, branch = 1, name
    while branch in every:
        number += 1
        branch = f"{name}-{number}"
    if subprocess.run(["git", "check-ref-format", "--branch", branch], check=False, stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode:
        raise sets.Wrong(f"{name} cannot be the name of a branch: name another folder with EDIT=DIR")
    return branch


if __name__ == "__main__":
    sets.run(main)
