"""What vm/series/check-builds builds, remembers and notices, tried on a kernel of five files and a
series of two sets. usage: builds_test.py [TEST...]
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# A kernel's makefile, as far as it is used: objects in O=, an archive for each folder.
MAKEFILE = r"""VERSION = 9
MAKEFLAGS += --no-builtin-rules
-include $(O)/.config
S := $(CURDIR)
fs := fs/a.o
include fs/notify/fanotify/Makefile
bpf := kernel/bpf/b.o
mm := mm/m.o
olddefconfig:
	grep -q '^config FANOTIFY_FASTPATH$$' fs/notify/fanotify/Kconfig || sed -i /FASTPATH/d $(O)/.config
archive = cd $(O) && rm -f $(1) && ar cDPrST $(1) $(2)
fs/: $(addprefix $(O)/,$(fs))
	mkdir -p $(O)/fs && $(call archive,fs/built-in.a,$(fs))
kernel/bpf/: $(addprefix $(O)/,$(bpf))
	$(call archive,kernel/bpf/built-in.a,$(bpf))
vmlinux_a: fs/ kernel/bpf/ $(addprefix $(O)/,$(mm))
	$(call archive,vmlinux.a,$(fs) $(bpf) $(mm))
config := $(shell grep -q ^CONFIG_FANOTIFY_FASTPATH=y $(O)/.config && echo -DON)
$(shell echo '$(config)' | cmp -s - $(O)/config || echo '$(config)' >$(O)/config)
$(O)/fs/notify/fanotify/fast.o $(O)/fs/notify/fanotify/more.o: $(O)/config
$(O)/%.o: %.c include/h.h
	@echo '  CC      $*.o'
	$(if $(C),@echo '  CHECK   $S/$*.c')
	@mkdir -p $(@D)
	gcc -Wall $(config) -Iinclude -c -o $@ $S/$<
$(fs) $(bpf): %.o: $(O)/%.o ; @:
ifdef C
$(foreach o,$(fs) $(bpf),$(eval $(O)/$(o): FORCE))
endif
.PHONY: FORCE fs/ kernel/bpf/
FORCE:
"""
BASE = {
    "Makefile": MAKEFILE, "include/h.h": "#define H 1\n",
    "fs/a.c": "int a(void);\nint a(void)\n{\n\treturn 1;\n}\n",
    "fs/notify/fanotify/Kconfig": "config FANOTIFY\n", "fs/notify/fanotify/Makefile": "# none\n",
    "kernel/bpf/b.c": "int b;\n", "mm/m.c": "#include <h.h>\nint m = H;\n",
}
KCONFIG = "fs/notify/fanotify/Kconfig"
FAST = "int fanotify_fastpath_f(void);\nint fanotify_fastpath_f(void)\n{\n\treturn 1;\n}\n"
ADD = "ifeq ($(CONFIG_FANOTIFY_FASTPATH),y)\nfs += fs/notify/fanotify/fast.o\nendif\n"
OK = [
    "ok feature/option builds with the option on: the whole kernel",
    "ok sparse says no more than on the base",
    "ok feature/option builds with the option off: the whole kernel",
    "ok with the option off nothing is left in the kernel",
    "ok fixes/two builds with no option yet: the whole kernel",
    "ok fixes/one builds with no option yet: fs/ kernel/bpf/",
]


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def diff(path, old, new):
    """A diff of the whole file."""
    old, new = old.splitlines(True), new.splitlines(True)
    return (f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,{len(old)} +1,{len(new)} @@\n" +
            "".join(f"-{n}" for n in old) + "".join(f"+{n}" for n in new))


class Builds(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.temp)
        self.repo, self.cache = f"{self.temp}/repo", f"{self.temp}/cache"
        shutil.copytree(f"{REPO}/vm", f"{self.repo}/vm", ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["git", "init", "-q", self.repo], check=True)
        for path, text in BASE.items():
            write(f"{self.cache}/base/{path}", text)
        # What only needs to be there
        for name in ("pahole", "sparse"):
            write(f"{self.temp}/bin/{name}", "#!/bin/sh\necho 1\n", 0o755)
        os.makedirs(f"{self.cache}/logs")
        write(f"{self.cache}/lock", "")
        self.series()
        self.run_script("vm/tree")
        write(f"{self.cache}/build/.config", "CONFIG_FANOTIFY_FASTPATH=y\n")
        subprocess.run(["make", "-s", "-C", f"{self.cache}/tree", f"O={self.cache}/build", "vmlinux_a"],
                       check=True, stdout=subprocess.DEVNULL)

    def series(self, *, header="#define H 2\n", fast=FAST, add=ADD, a=BASE["fs/a.c"].replace("1", "2")):
        """Two fixes, of a file and of a header, and an option with a file."""
        for path, text in {
                "base": "9.9\n", "order": "fixes\nfeature\n", "fixes/patches": "one\ntwo\n", "feature/patches": "option\n",
                "fixes/one/changes.diff": diff("include/h.h", BASE["include/h.h"], header),
                "fixes/two/changes.diff": diff("fs/a.c", BASE["fs/a.c"], a) +
                diff("kernel/bpf/b.c", "int b;\n", "int b = 1;\n"),
                "feature/option/files": "fs/notify/fanotify/fast.c\n",
                "feature/option/changes.diff": diff(KCONFIG, BASE[KCONFIG], "config FANOTIFY\nconfig FANOTIFY_FASTPATH\n") +
                diff("fs/notify/fanotify/Makefile", "# none\n", add)}.items():
            write(f"{self.repo}/series/{path}", text)
        for key in ("fixes/one", "fixes/two", "feature/option"):
            write(f"{self.repo}/series/{key}/message", "fs: a patch\n")
        write(f"{self.repo}/fs/notify/fanotify/fast.c", fast)

    def run_script(self, script, **env):
        keep = {k: v for k, v in os.environ.items() if not k.startswith("FANFP_") and k not in ("KSRC", "CONFIG", "BASE", "BUILDS")}
        done = subprocess.run([f"{self.repo}/{script}"], env={
            **keep, **env, "FANFP_CACHE": self.cache, "PATH": f"{self.temp}/bin:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def builds(self, **env):
        """What it says, without the logs."""
        return re.sub("; log: .*", "", self.run_script("vm/series/check-builds", **env)).splitlines()

    def bad(self, **env):
        return [n for n in self.builds(**env) if not n.startswith(("ok", "|"))]

    def test_remembers(self):
        self.assertEqual(sorted(self.builds()), sorted(OK))
        # What a patch leaves as it was is not compiled again.
        for log, times in ("feature-option-on", 1), ("fixes-two-none", 0):
            with open(f"{self.cache}/logs/check-{log}.log", encoding="utf-8") as file:
                self.assertEqual(file.read().count("CC      fs/a.o"), times, log)
        self.assertEqual(sorted(self.builds()), sorted(f"{n} (found before; nothing changed)" for n in OK))
        # An earlier patch that stays the same is not built again.
        self.series(fast=FAST.replace("1", "2"))
        again = self.builds()
        self.assertEqual([n for n in again if "fixes/" in n], [f"{n} (found before; nothing changed)" for n in OK[-2:]])
        self.assertIn(OK[0], again)

    def test_warning(self):
        """It is told again as long as it is there."""
        self.series(fast=FAST.replace("\treturn", "\tint unused;\n\treturn"))
        wrong = ["bad feature/option builds with the option on: the whole kernel, without warnings",
                 "bad sparse says no more than on the base"]    # The compiler runs with it.
        self.assertEqual(self.bad(), wrong)
        self.assertEqual(self.bad(), wrong)
        self.series()
        self.assertEqual(self.bad(), [])

    def test_warning_of_each_state(self):
        """It is told of every patch, though the object is the same as after the one before."""
        self.series(a="int a(void);\nint a(void)\n{\n\tint unused;\n\treturn 2;\n}\n")
        bad = self.bad()
        for state in "feature/option builds with the option on", "feature/option builds with the option off", \
                     "fixes/two builds with no option yet":
            self.assertIn(f"bad {state}: the whole kernel, without warnings", bad)

    def test_undefined(self):
        self.series(fast=FAST.replace("\treturn 1", "\treturn missing()").replace("int f", "int missing(void);\nint f", 1))
        self.assertEqual(self.bad(), ["bad feature/option builds with the option on: the whole kernel, and links"])

    def test_defined_by_a_later_patch(self):
        """A patch may not use what a later one adds."""
        self.series(a="int later(void);\nint a(void);\nint a(void)\n{\n\treturn later();\n}\n",
                    fast=FAST + "int later(void);\nint later(void)\n{\n\treturn 1;\n}\n")
        bad = self.bad()
        self.assertIn("bad fixes/two builds with no option yet: the whole kernel, and links", bad)
        self.assertNotIn("bad feature/option builds with the option on: the whole kernel, and links", bad)

    def test_of_a_later_patch(self):
        """An object of a later patch does not count: it needs what this state does not have."""
        self.series()
        two, add = BASE["fs/a.c"].replace("1", "2"), ADD.replace("fast.o", "fast.o fs/notify/fanotify/more.o")
        for path, text in {
                "series/feature/patches": "option\nmore\n", "series/feature/more/message": "fs: a patch\n",
                "series/feature/more/files": "fs/notify/fanotify/more.c\n",
                "series/feature/more/changes.diff": diff("fs/a.c", two, f"{two}int h(void);\nint h(void)\n{{\n\treturn 1;\n}}\n") +
                diff("fs/notify/fanotify/Makefile", ADD, add),
                "fs/notify/fanotify/more.c": "int h(void);\nint more(void);\nint more(void)\n{\n\treturn h();\n}\n"}.items():
            write(f"{self.repo}/{path}", text)
        said = self.builds()
        self.assertEqual([n for n in said if not n.startswith("ok")], [])
        self.assertIn("ok feature/option builds with the option on: fs/ kernel/bpf/", said)

    def test_not_compiled(self):
        self.series(add="# forgotten\n")
        said = self.builds()
        self.assertIn("|not compiled: fs/notify/fanotify/fast.c", said)
        self.assertIn("bad feature/option builds with the option on: the whole kernel", said)

    def test_header(self):
        """What a header breaks elsewhere is found after the set, or with BUILDS=all after the patch."""
        self.series(header="#define NOTHING 1\n")
        self.assertIn(OK[-1], self.builds())
        self.assertIn("bad fixes/two builds with no option yet: the whole kernel", self.bad())
        self.assertIn("bad fixes/one builds with no option yet: the whole kernel", self.bad(BUILDS="all"))

    def test_left_over(self):
        self.series(a=BASE["fs/a.c"] + "int fanotify_fastpath_left;\n")
        self.assertEqual(self.bad(), ["bad with the option off nothing is left in the kernel"])


if __name__ == "__main__":
    unittest.main()
