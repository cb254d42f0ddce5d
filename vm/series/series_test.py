"""What make edit, make refresh and make series promise, tried on a kernel of three files
and a series of five patches. usage: series_test.py [TEST...]
"""

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
import unittest

import edit
import kernelgit
import mails
import refresh
import sets
import undo

SIGNED = "\nSigned-off-by: A Person <person@example.org>\n"
BASE = {"fs/a.c": "one\ntwo\nthree\n", "kernel/b.c": "".join(f"line {n}\n" for n in range(30)),
        "MAINTAINERS": "people\n", ".gitignore": "*.o\n"}

NO_EDITOR = {**{k: v for k, v in os.environ.items() if k not in ("GIT_EDITOR", "VISUAL")}, "EDITOR": "true"}


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    return sets.read(path).decode()


def run(where, *command):
    subprocess.run(command, cwd=where, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={**NO_EDITOR, "GIT_AUTHOR_NAME": "A Person", "GIT_AUTHOR_EMAIL": "person@example.org",
                        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@b"})


class Series(unittest.TestCase):
    """A repository with a series, and a worktree of it."""

    def setUp(self):
        self.temp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.temp)
        self.repo, self.base = f"{self.temp}/repo", f"{self.temp}/base"
        self.git, self.tree = f"{self.temp}/kernel.git", f"{self.temp}/tree"
        for path, text in BASE.items():
            write(f"{self.base}/{path}", text)
        self.addCleanup(setattr, sets, "REPO", sets.REPO)
        sets.REPO = self.repo
        for path, text in {
                "base": "9.9\n", "order": "fixes\nfeature\n",
                "fixes/patches": "one\ntwo\n", "fixes/cover-letter": "fixes of things\n\nSee {patch:feature/three}.\n{patch:fixes/two} is new.\n",
                "fixes/recipients": "Prefix: PATCH\nTo: A <a@b>\n",
                "feature/patches": "three\nfour\nfive\n", "feature/needs": "fixes\n",
                "feature/cover-letter": "a feature\n\nAfter {set:fixes}, {patch:feature/four} is next.\n",
                "feature/recipients": "Prefix: PATCH next\nTo: A <a@b>\nCc: list@b\n",
                "fixes/one/message": f"fs: first\n{SIGNED}", "fixes/one/changes.diff": self.diff("fs/a.c", "two", "2"),
                "fixes/two/message": f"kernel: second\n{SIGNED}", "fixes/two/files": "kernel/new.c\n",
                "feature/three/message": f"fs: third\n{SIGNED}", "feature/three/files": "fs/f.c\nfs/run.sh\n",
                "feature/three/changes.diff": self.diff("fs/a.c", "three", "3"),
                "feature/four/message": f"fs: fourth\n{SIGNED}",
                "feature/five/message": f"fs: fifth\n{SIGNED}", "feature/five/files": "Documentation/d.rst\n",
                "feature/four/overlay.diff":
                    "diff --git a/fs/f.c b/fs/f.c\n--- a/fs/f.c\n+++ b/fs/f.c\n@@ -1,2 +1,3 @@\n f1\n f2\n+f3\n"}.items():
            write(f"{self.repo}/series/{path}", text)
        for path, text in {"kernel/new.c": "new\n", "fs/f.c": "f1\nf2\nf3\n", "fs/run.sh": "#!/bin/sh\n",
                           "Documentation/d.rst": "d\n"}.items():
            write(f"{self.repo}/{path}", text)
        os.chmod(f"{self.repo}/fs/run.sh", 0o755)
        run(self.repo, "git", "init", "-q", "-b", "main")
        self.edit(self.tree)
        self.refresh()          # the diffs are in git's form from now on
        run(self.repo, "git", "add", "-A")
        run(self.repo, "git", "commit", "-qm", "series")

    @staticmethod
    def diff(path, old, new):
        """Only fs/a.c, which has three lines."""
        text = {"2": "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n", "3": "@@ -1,3 +1,3 @@\n one\n 2\n-three\n+3\n"}[new]
        return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{text}"

    def edit(self, tree):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return edit.main(self.base, self.git, tree)

    def refresh(self, tree=None):
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
            refresh.main(self.git, tree or self.tree)
        return out.getvalue()

    def refused(self, text, call, *args):
        """The call ends with this, and has changed nothing."""
        before = self.snapshot()
        with self.assertRaisesRegex(sets.Wrong, text):
            call(*args)
        self.assertEqual(before, self.snapshot())

    def snapshot(self):
        """All of the repository but .git."""
        found = {}
        for folder, _, names in os.walk(self.repo):
            for name in names:
                path = os.path.relpath(f"{folder}/{name}", self.repo)
                if not path.startswith(".git/"):
                    found[path] = undo.present(self.repo, path)
        return found

    def commit_at(self, subject, change):
        """Stops a rebase at the commit with that subject, makes the change, and goes on."""
        first = kernelgit.base_commit(self.git)
        run(self.tree, "git", "-c", f"sequence.editor=sed -i '/ {subject}$/s/^pick/edit/'", "rebase", "-i", first)
        change()
        run(self.tree, "git", "add", "-A")
        run(self.tree, "git", "commit", "-q", "--amend", "--no-edit")
        run(self.tree, "git", "rebase", "--continue")

    def reword(self, subject, old, new):
        """Replaces a text in the message of a commit."""
        first = kernelgit.base_commit(self.git)
        run(self.tree, "git", "-c", f"sequence.editor=sed -i '/ {subject}$/s/^pick/reword/'", "-c",
            f"core.editor=sed -i 's#{old}#{new}#'", "rebase", "-i", first)

    def todo(self, script):
        """rebase -i, with the list changed by sed."""
        run(self.tree, "git", "-c", f"sequence.editor=sed -i {script}", "rebase", "-i", kernelgit.base_commit(self.git))

    def final(self):
        """What the whole series makes of the kernel."""
        where = tempfile.mkdtemp(dir=self.temp)
        return {p: read(f"{where}/{p}") for p in sets.stage(self.base, where)}

    # What is promised

    def test_identity(self):
        before = self.snapshot()
        self.assertEqual(self.refresh(), "nothing changed\n")
        self.edit(f"{self.temp}/second")
        self.assertEqual(self.refresh(f"{self.temp}/second"), "nothing changed\n")
        self.assertEqual(before, self.snapshot())

    def test_commits(self):
        said = kernelgit.git(self.tree, "log", "--reverse", "--format=%s|%(trailers:key=Patch,valueonly,separator=)|%an",
                             f"{kernelgit.base_commit(self.git)}..HEAD")
        self.assertEqual(said.splitlines(), [
            "fs: first|fixes/one|A Person", "kernel: second|fixes/two|A Person", "fs: third|feature/three|A Person",
            "fs: fourth|feature/four|A Person", "fs: fifth|feature/five|A Person"])
        self.assertEqual(read(f"{self.tree}/fs/f.c"), "f1\nf2\nf3\n")
        self.assertEqual(kernelgit.git(self.tree, "show", "HEAD~2:fs/f.c"), "f1\nf2\n")
        self.assertTrue(os.access(f"{self.tree}/fs/run.sh", os.X_OK))

    def test_early_patch_changes_what_a_later_one_changes(self):
        self.commit_at("fs: third", lambda: write(f"{self.tree}/fs/f.c", "f0\nf1\nf2\n"))
        self.refresh()
        self.assertEqual(read(f"{self.repo}/fs/f.c"), "f0\nf1\nf2\nf3\n")
        self.assertEqual(self.final()["fs/f.c"], "f0\nf1\nf2\nf3\n")
        where = tempfile.mkdtemp(dir=self.temp)
        sets.stage(self.base, where, "feature/three")
        self.assertEqual(read(f"{where}/fs/f.c"), "f0\nf1\nf2\n")

    def test_early_patch_takes_a_file_over(self):
        """A file that a later patch owns is added by an early one."""
        first = kernelgit.base_commit(self.git)
        run(self.tree, "git", "-c", "sequence.editor=sed -i '/ fs: first$/s/^pick/edit/'", "rebase", "-i", first)
        write(f"{self.tree}/fs/f.c", "f1\n")
        run(self.tree, "git", "add", "-A")
        run(self.tree, "git", "commit", "-q", "--amend", "--no-edit")
        with self.assertRaises(subprocess.CalledProcessError):
            run(self.tree, "git", "rebase", "--continue")
        self.refused("a rebase or git am is under way", self.refresh)
        write(f"{self.tree}/fs/f.c", "f1\nf2\n")
        run(self.tree, "git", "add", "-A")
        run(self.tree, "git", "rebase", "--continue")
        self.refresh()
        self.assertEqual(read(f"{self.repo}/series/fixes/one/files"), "fs/f.c\n")
        self.assertEqual(read(f"{self.repo}/series/feature/three/files"), "fs/run.sh\n")
        self.assertIn("+f2", read(f"{self.repo}/series/feature/three/overlay.diff"))
        self.assertEqual(read(f"{self.repo}/fs/f.c"), "f1\nf2\nf3\n")

    def test_added(self):
        write(f"{self.tree}/fs/added.c", "added\n")
        write(f"{self.tree}/MAINTAINERS", "people\nmore\n")
        run(self.tree, "git", "add", "-A")
        run(self.tree, "git", "commit", "-qm", f"fs: a patch that is quite new\n{SIGNED}")
        self.refresh()
        self.assertEqual(read(f"{self.repo}/series/feature/patches"), "three\nfour\nfive\na-patch-that-is\n")
        self.assertEqual(read(f"{self.repo}/series/feature/a-patch-that-is/files"), "fs/added.c\n")
        self.assertEqual(self.final()["MAINTAINERS"], "people\nmore\n")
        self.assertEqual(self.refresh(), "nothing changed\n")

    def test_removed(self):
        self.todo("'/ fs: fifth$/d'")
        self.refresh()
        self.assertFalse(os.path.exists(f"{self.repo}/Documentation"))
        self.assertFalse(os.path.exists(f"{self.repo}/series/feature/five"))
        self.assertEqual(read(f"{self.repo}/series/feature/patches"), "three\nfour\n")

    def test_set_removed(self):
        self.todo("'/ fs: fifth$/d; / fs: fourth$/d; / fs: third$/d'")
        self.refresh()
        self.assertFalse(os.path.exists(f"{self.repo}/series/feature"))
        self.assertEqual(read(f"{self.repo}/series/order"), "fixes\n")

    def test_renamed(self):
        self.reword("fs: fourth", "feature/four", "feature/fourth-one")
        self.refresh()
        self.assertEqual(read(f"{self.repo}/series/feature/patches"), "three\nfourth-one\nfive\n")
        self.assertFalse(os.path.exists(f"{self.repo}/series/feature/four"))

    def test_moved_to_another_set(self):
        self.reword("fs: fifth", "feature/five", "other/five")
        self.refresh()
        self.assertEqual(read(f"{self.repo}/series/order"), "fixes\nfeature\nother\n")
        self.assertEqual(read(f"{self.repo}/series/other/patches"), "five\n")
        self.refused("has no series/other/cover-letter", lambda: mails.write(self.base, f"{self.temp}/mails"))

    def test_set_renamed(self):
        write(f"{self.repo}/series/feature/cover-letter~", "an editor's\n")
        for subject, name in (("fs: first", "one"), ("kernel: second", "two")):
            self.reword(subject, f"fixes/{name}", f"mends/{name}")
        self.refresh()
        self.assertEqual(read(f"{self.repo}/series/order"), "mends\nfeature\n")
        self.assertEqual(read(f"{self.repo}/series/feature/needs"), "mends\n")
        self.assertTrue(read(f"{self.repo}/series/mends/cover-letter").startswith("fixes of things\n"))
        self.assertFalse(os.path.exists(f"{self.repo}/series/fixes"))
        self.assertTrue(os.path.exists(f"{self.repo}/series/feature/cover-letter~"))
        self.assertEqual(self.refresh(), "nothing changed\n")

    def test_letters_are_kept(self):
        """A set that loses its patches keeps a letter that is in no commit yet."""
        write(f"{self.repo}/series/feature/cover-letter", "another title\n")
        self.todo("'/ fs: fifth$/d; / fs: fourth$/d; / fs: third$/d'")
        self.refused("its files have changes", self.refresh)

    def test_set_after_a_local_one(self):
        write(f"{self.repo}/series/feature/recipients", "Local: ours\n")
        self.reword("fs: fifth", "feature/five", "other/five")
        self.refused("other is to be mailed, and comes after feature", self.refresh)

    def test_needed_set_removed(self):
        for subject, name in (("fs: first", "one"), ("kernel: second", "two")):
            self.reword(subject, f"fixes/{name}", f"feature/{name}")
        self.refused("feature/needs names fixes", self.refresh)

    def test_reordered(self):
        final = self.final()
        self.todo("-e '/ fs: first$/{h;d}' -e '/ kernel: second$/{G}'")
        self.refresh()
        self.assertEqual(self.final(), final)
        self.assertEqual(read(f"{self.repo}/series/fixes/patches"), "two\none\n")

    # What is refused, with nothing changed

    def test_conflict_of_two_worktrees(self):
        second = f"{self.temp}/second"
        self.edit(second)
        run(second, "git", "commit", "-q", "--amend", "-m", f"fs: fifth, again\n{SIGNED}Patch: feature/five\n")
        self.commit_at("kernel: second", lambda: write(f"{self.tree}/kernel/new.c", "newer\n"))
        self.refresh()
        self.refused("has changed since", self.refresh, second)
        self.assertEqual(read(f"{self.repo}/kernel/new.c"), "newer\n")
        self.refused("has changes that are not in the series", self.edit, second)
        # The remedy that the refusal names
        write(f"{second}/Documentation/d.rst", "d\nd\n")
        run(second, "git", "commit", "-qa", "--amend", "--no-edit")
        with self.assertRaises(sets.Wrong) as refused:
            self.refresh(second)
        third = f"{self.temp}/third"
        self.edit(third)
        command = str(refused.exception).split("over: ")[1].split(";")[0].replace("DIR", third)
        run(self.temp, "bash", "-c", command)
        run(third, "git", "commit", "-qa", "--amend", "--no-edit")
        self.refresh(third)
        self.assertEqual(read(f"{self.repo}/Documentation/d.rst"), "d\nd\n")
        self.assertEqual(read(f"{self.repo}/kernel/new.c"), "newer\n")

    def test_edited_by_hand_meanwhile(self):
        write(f"{self.repo}/kernel/new.c", "by hand\n")
        self.refused("brings them up to it", self.refresh)
        self.edit(self.tree)
        self.assertEqual(self.refresh(), "nothing changed\n")
        self.assertEqual(read(f"{self.tree}/kernel/new.c"), "by hand\n")

    def test_edited_by_hand_where_a_later_patch_does(self):
        write(f"{self.repo}/fs/f.c", "f1\nf2\nf4\n")
        self.refused("series/feature/four/overlay.diff does not apply", sets.stage, self.base, tempfile.mkdtemp(dir=self.temp),
                     "feature/three")

    def test_refused(self):
        def commit(message, *paths):
            run(self.tree, "git", "add", "-A", *paths)
            run(self.tree, "git", "commit", "-qm", message)

        def fresh():
            run(self.tree, "git", "reset", "-q", "--hard", "HEAD~1")

        write(f"{self.tree}/fs/stray.c", "x\n")
        self.refused("changes that are in no commit", self.refresh)
        for message, text in ((f"fixup! fs: third\n{SIGNED}", "autosquash"), ("fs: unsigned", "no Signed-off-by"),
                              (f"fs: x\n{SIGNED}Patch: feature/four\n", "and so is"),
                              (f"fs: x\n{SIGNED}Patch: fixes/x\n", "follow each other"),
                              (f"fs: x\n{SIGNED}Patch: Feature/x\n", "it is SET/NAME"),
                              (f"fs: x\n{SIGNED}Patch: feature/x\nPatch: feature/y\n", "names 2 patches"),
                              (f"fs: x\n{SIGNED}Patch: feature/needs\n", "as a file of the set")):
            write(f"{self.tree}/fs/stray.c", "x\n")
            commit(message)
            self.refused(text, self.refresh)
            fresh()
        for path, text in (("vm/x", "series/ holds new files only in"), ("fs/a b.c", "odd character")):
            write(f"{self.tree}/{path}", "x\n")
            commit(f"fs: x\n{SIGNED}")
            self.refused(text, self.refresh)
            fresh()
        os.unlink(f"{self.tree}/MAINTAINERS")
        commit(f"fs: x\n{SIGNED}")
        self.refused("cannot hold a removal", self.refresh)
        fresh()
        os.unlink(f"{self.tree}/fs/f.c")
        commit(f"fs: x\n{SIGNED}")
        self.refused("adds it: leave it out there", self.refresh)
        fresh()
        for path in ("fs/a.c", "kernel/new.c"):
            os.chmod(f"{self.tree}/{path}", 0o755)
            commit(f"fs: x\n{SIGNED}")
            self.refused("changes the mode", self.refresh)
            fresh()
        write(f"{self.tree}/fs/stray.c", "x\n")
        run(self.tree, "git", "add", "-A")
        run(self.tree, "git", "commit", "-qm", f"fs: x\n{SIGNED}", "--author=B <b@c>")
        self.refused("the author signs first", self.refresh)
        fresh()
        with open(f"{self.tree}/fs/a.c", "wb") as file:
            file.write(b"\0\1\2")
        commit(f"fs: x\n{SIGNED}")
        self.refused("is not text", self.refresh)
        fresh()
        run(self.tree, "git", "commit", "-q", "--allow-empty", "-m", f"fs: x\n{SIGNED}")
        self.refused("changes nothing", self.refresh)
        fresh()
        self.refused("no worktree that 'make edit' made", self.refresh, self.repo)
        self.refused("there is no worktree", self.refresh, f"{self.temp}/none")
        self.assertEqual(self.refresh(), "nothing changed\n")

    def test_edit_keeps_changes(self):
        write(f"{self.tree}/fs/added.c", "added\n")
        self.edit(self.tree)    # the series is the same: nothing to do
        self.commit_at("fs: third", lambda: write(f"{self.tree}/fs/f.c", "f0\nf1\nf2\n"))
        self.refused("has changes that are not in the series", self.edit, self.tree)
        self.assertEqual(read(f"{self.tree}/fs/f.c"), "f0\nf1\nf2\nf3\n")
        self.refused("no worktree that 'make edit' made", self.edit, self.repo)

    def killed_at(self, step):
        """A refresh in a child that dies before so many changes of folders. Returns whether it came to its end."""
        child = os.fork()
        if not child:
            left = step
            for name in ("rename", "unlink", "mkdir", "rmdir"):
                real = getattr(os, name)

                def dying(*args, real=real, **kwargs):
                    nonlocal left
                    if left == 0:
                        os._exit(9)
                    left -= 1
                    return real(*args, **kwargs)
                setattr(os, name, dying)
            try:
                self.refresh()
            except BaseException:
                os._exit(1)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.assertIn(status, (0, 9))
        return status == 0

    def test_interrupted(self):
        """Killed at each step of the writing, it leaves all as it was, and the next one does it."""
        self.commit_at("fs: third", lambda: write(f"{self.tree}/fs/f.c", "f0\nf1\nf2\n"))
        self.todo("'/ fs: fifth$/d'")
        before, step, complete = self.snapshot(), 0, 0
        while not self.killed_at(step):
            with contextlib.redirect_stderr(io.StringIO()):
                sets.sets()     # as whatever is run next does
            after = self.snapshot()
            if os.path.exists(f"{self.repo}/series/feature/five"):
                self.assertEqual(before, after, f"killed at step {step}")
                self.assertEqual(complete, 0)
            else:
                # All is written, but not noted: the refresh that follows has to see that.
                complete += 1
                self.assertEqual(read(f"{self.repo}/fs/f.c"), "f0\nf1\nf2\nf3\n")
                self.assertEqual(self.refresh(), "nothing changed\n")
                break
            step += 1
        self.assertGreater(step, 10)
        self.assertEqual(complete, 1)

    def test_changed_after_a_kill(self):
        """What somebody writes after a refresh was killed is not undone."""
        self.commit_at("fs: third", lambda: write(f"{self.tree}/fs/f.c", "f0\nf1\nf2\n"))
        self.commit_at("kernel: second", lambda: write(f"{self.tree}/kernel/new.c", "newer\n"))
        step = 0
        while True:
            self.assertFalse(self.killed_at(step))
            if os.path.isdir(f"{self.repo}/.series-undo"):
                break
            step += 1
        write(f"{self.repo}/kernel/new.c", "by hand\n")
        self.refused("changed since: kernel/new.c", sets.sets)
        os.truncate(f"{self.repo}/.series-undo/paths", 0)
        self.refused("cannot be read", sets.sets)

    def test_fault(self):
        """A disk that is full leaves all as it was."""
        self.commit_at("fs: third", lambda: write(f"{self.tree}/fs/f.c", "f0\nf1\nf2\n"))
        before, real = self.snapshot(), undo.put
        self.addCleanup(setattr, undo, "put", real)
        calls = 0

        def full(*args):
            nonlocal calls
            calls += 1
            if calls == 2:
                raise OSError(28, "No space left on device")
            return real(*args)
        undo.put = full
        with self.assertRaises(OSError):
            self.refresh()
        self.assertEqual(before, self.snapshot())

    # Mails

    def test_mails(self):
        done = mails.write(self.base, f"{self.temp}/mails")
        self.assertEqual(list(done), ["fixes", "feature"])
        cover = read(f"{self.temp}/mails/feature/{done['feature'][0]}")
        self.assertIn("Subject: [PATCH next 0/3] a feature", cover)
        self.assertIn('After "fixes of things", patch 2 is next.', cover)
        self.assertIn('It applies to Linux 9.9 with "fixes of things".', cover)
        self.assertIn("To: A <a@b>\nCc: list@b\n", cover)
        cover = read(f"{self.temp}/mails/fixes/{done['fixes'][0]}")
        self.assertIn('See patch 1 of "a feature". Patch 2 is new.', cover)
        self.assertNotIn("Patch: ", read(f"{self.temp}/mails/feature/{done['feature'][1]}"))
        write(f"{self.repo}/series/fixes/cover-letter", "fixes\n\n{patch:feature/six}\n")
        self.refused("there is no such patch", lambda: mails.write(self.base, f"{self.temp}/more"))

    def test_mails_replace_only_mails(self):
        with contextlib.redirect_stdout(io.StringIO()):
            mails.main(self.base, f"{self.temp}/mails")
            mails.main(self.base, f"{self.temp}/mails")
        write(f"{self.temp}/own/own.patch", "mine\n")
        self.refused("was not made by this", mails.main, self.base, f"{self.temp}/own")
        self.assertEqual(read(f"{self.temp}/own/own.patch"), "mine\n")

    def test_git_of_a_hook(self):
        """The variables by which a hook names its repository lead nobody there."""
        self.assertNotIn("GIT_DIR", kernelgit.ENVIRONMENT)
        code = "import sys; sys.path.insert(0, sys.argv[1]); import kernelgit; print(kernelgit.git(sys.argv[2], 'rev-parse', '--show-toplevel'))"
        done = subprocess.run(["python3", "-c", code, os.path.dirname(sets.__file__), self.tree], check=True, text=True,
                              stdout=subprocess.PIPE, env={**os.environ, "GIT_DIR": f"{self.repo}/.git"})
        self.assertEqual(done.stdout.strip(), self.tree)

    def test_local_set_is_last(self):
        write(f"{self.repo}/series/fixes/recipients", "Local: ours\n")
        self.refused("comes after fixes, which never is", sets.sets)

    def test_needs_come_before(self):
        write(f"{self.repo}/series/fixes/needs", "feature\n")
        self.refused("does not come before it", sets.sets)


if __name__ == "__main__":
    unittest.main(verbosity=1)
