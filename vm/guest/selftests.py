"""Cuts the kernel's BPF selftests down to a part that is built in minutes, for
vm/selftests: the makefile and bench.c without the benchmarks of others, and
prog_tests/verifier.c with the named programs only. usage:

    selftests.py FROM TO VARIABLE... -- PROGRAM...

FROM and TO are two folders tools/testing/selftests/bpf. VARIABLEs are those of the
makefile that are set to leave something out. All this relies on how the kernel
writes these files, so each cut is checked: when a release writes one of them in
another way, the error says which. vm/guest/selftests_test.py tests it.
"""

import os
import re
import sys

OURS = ("fanotify", "fanotify_mem")     # benchmarks


class Changed(Exception):
    """A file of the kernel does not look as expected; the text says which, and why."""


class Source:
    """A file of the kernel, and what is left of it."""

    def __init__(self, name, text):
        self.name, self.text = name, text

    def expect(self, good, text):
        if not good:
            raise Changed(f"tools/testing/selftests/bpf/{self.name} of this kernel does not look as "
                          f"vm/guest/selftests.py expects: {text}")

    def cut(self, what, pattern, wanted):
        """Removes all that PATTERN matches, but for the names that are wanted: its
        first group."""
        names = [match[1] for match in re.finditer(pattern, self.text, re.M)]
        self.expect(set(names) - set(wanted), f"there is no {what} of others to leave out")
        for name in wanted:
            self.expect(name in names, f"there is no {what} {name}")
        self.text = re.sub(pattern, lambda match: match[0] if match[1] in wanted else "", self.text, flags=re.M)

    def expect_only(self, wanted, pattern):
        """No other name is left that PATTERN finds, in whatever form."""
        for name in re.findall(pattern, self.text, re.M):
            self.expect(name in wanted, f"{name} could not be left out")


def makefile(source, variables):
    """The objects that bench is linked from are a list, with a line for each."""
    for name in variables:
        source.expect(re.search(rf"^{name}\s*[:?+]?=", source.text, re.M), f"there is no variable {name}")
    source.cut("object of a benchmark", r"^\t+ ?\$\(OUTPUT\)/(?:bench|usdt)_(\w+)\.o *\\\n", OURS)
    source.expect_only(OURS, r"^\s+.*\$\(OUTPUT\)/(?:bench|usdt)_(\w+)\.o")


def bench(source):
    """A benchmark has an entry in two tables, that of options and that of benchmarks."""
    source.cut("entry of bench_parsers", r"^\t\{ &bench_(\w+)_argp,[^}]*\},?\n", OURS)
    source.cut("entry of benchs", r"^\t&bench_(\w+),\n", OURS)
    source.expect_only(OURS, r"&bench_(\w+)_argp")
    source.expect_only(OURS, r"^\s*&bench_(\w+) *,")


def verifier(source, programs):
    """A program has two entries: its skeleton, and the function that runs it."""
    source.cut("skeleton", r'^#include "(\w+)\.skel\.h"\n', programs)
    source.cut("test function", r"^void test_(\w+)\(void\)(?:[ \t].*\}\n|\n\{\n[^}]*\}\n)", programs)
    # Those that prepare maps are called by those further below.
    for text in reversed(re.findall(r"^static int init_\w+\(.*?^\}\n", source.text, re.M | re.S)):
        if source.text.count(re.search(r"init_\w+", text)[0]) == 1:
            source.text = source.text.replace(text, "")
    source.expect_only(programs, r"(\w+)\.skel\.h")
    source.expect_only(programs, r"(\w+)__elf_bytes,$")
    source.expect_only(programs, r"^[^#\n]*\bRUN(?:_TESTS)?\((\w+)\)")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    """A file that stays the same keeps its date, and so does what was made of it."""
    if os.path.exists(path) and read(path) == text:
        return
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(f"{path}.new", path)


def main():
    source, target, *words = sys.argv[1:]
    split = words.index("--")
    variables, programs = words[:split], words[split + 1:]
    cuts = {"Makefile": lambda file: makefile(file, variables), "bench.c": bench}
    if programs:
        cuts["prog_tests/verifier.c"] = lambda file: verifier(file, programs)
    elif os.path.exists(f"{target}/prog_tests/verifier.c"):
        os.unlink(f"{target}/prog_tests/verifier.c")
    files = [Source(name, read(f"{source}/{name}")) for name in cuts]
    for file in files:
        cuts[file.name](file)
    for file in files:
        write(f"{target}/{file.name}", file.text)


if __name__ == "__main__":
    try:
        main()
    except (Changed, OSError) as wrong:
        sys.exit(f"selftests: {wrong}")
