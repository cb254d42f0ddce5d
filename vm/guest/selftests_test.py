"""The parts of the kernel's selftests that are cut out, and that a file which is
written in another way is told. usage: selftests_test.py
"""

import unittest

import selftests

MAKEFILE = """\
TEST_KMODS := one.ko
$(OUTPUT)/bench_rename.o: $(OUTPUT)/rename.skel.h
$(OUTPUT)/bench: $(OUTPUT)/bench.o \\
\t\t $(OUTPUT)/bench_rename.o \\
\t\t $(OUTPUT)/bench_fanotify.o \\
\t\t $(OUTPUT)/bench_fanotify_mem.o \\
\t\t $(OUTPUT)/usdt_1.o \\
\t\t #
"""

BENCH = """\
static const struct argp_child bench_parsers[] = {
\t{ &bench_rename_argp, 0,
\t  "Rename", 0 },
\t{ &bench_fanotify_argp, 0, "fanotify", 0 },
\t{ &bench_fanotify_mem_argp, 0, "memory", 0 },
\t{},
};
static const struct bench *benchs[] = {
\t&bench_rename,
\t&bench_fanotify,
\t&bench_fanotify_mem,
};
\tpthread_cond_wait(&bench_done, &bench_done_mtx);
"""

VERIFIER = """\
#include "cap_helpers.h"
#include "verifier_and.skel.h"
#include "verifier_map.skel.h"
#include "verifier_or.skel.h"
#define RUN(skel) run_tests_aux(#skel, skel##__elf_bytes, NULL)
void test_verifier_and(void)  { RUN(verifier_and); }
void test_verifier_or(void)\t{ RUN_TESTS(verifier_or); }
static int init_map(struct bpf_object *obj)
{
\treturn 0;
}

static int init_maps(struct bpf_object *obj)
{
\treturn init_map(obj);
}
void test_verifier_map(void)
{
\trun_tests_aux("verifier_map",
\t\t      verifier_map__elf_bytes,
\t\t      init_maps);
}
"""


def cut(function, text, *args):
    source = selftests.Source("file", text)
    function(source, *args)
    return source.text


class Selftests(unittest.TestCase):
    def refused(self, why, function, text, *args):
        with self.assertRaisesRegex(selftests.Changed, f"bpf/file .*{why}"):
            cut(function, text, *args)

    def test_makefile(self):
        text = cut(selftests.makefile, MAKEFILE, ["TEST_KMODS"])
        self.assertEqual(text.splitlines()[2:], [line for line in MAKEFILE.splitlines()[2:]
                                                 if "rename" not in line and "usdt" not in line])

    def test_makefile_changed(self):
        self.refused("no variable TEST_MODS", selftests.makefile, MAKEFILE, ["TEST_MODS"])
        for why, old, new in (
                ("no object of a benchmark fanotify_mem", "\t\t $(OUTPUT)/bench_fanotify_mem.o \\\n", ""),
                ("of others", "\t\t $(OUTPUT)/", "\t\t  $(OUTPUT)/"),
                ("rename could not", "bench_rename.o ", "bench_rename.o $(EXTRA) ")):
            with self.subTest(why):
                self.refused(why, selftests.makefile, MAKEFILE.replace(old, new), ["TEST_KMODS"])

    def test_bench(self):
        text = cut(selftests.bench, BENCH)
        self.assertNotRegex(text, "(?i)rename")
        self.assertEqual(len(text.splitlines()), len(BENCH.splitlines()) - 3)

    def test_bench_changed(self):
        for why, old, new in (
                ("entry of bench_parsers of others", "{ &bench_", "{ .argp = &bench_"),
                ("no entry of benchs fanotify_mem", "\t&bench_fanotify_mem,\n", ""),
                ("rename could not", "\t&bench_rename,", "\t&bench_rename, /* slow */")):
            with self.subTest(why):
                self.refused(why, selftests.bench, BENCH.replace(old, new) + "\t&bench_other,\n")

    def test_verifier(self):
        text = cut(selftests.verifier, VERIFIER, ["verifier_and"])
        self.assertNotRegex(text, "_or|_map|init")
        self.assertIn("RUN(verifier_and)", text)
        text = cut(selftests.verifier, VERIFIER, ["verifier_map"])
        self.assertNotRegex(text, "_or|_and")
        self.assertIn("init_map(", text)

    def test_verifier_changed(self):
        for why, old, new in (
                ("no test function verifier_and", "void test_verifier_and", "int test_verifier_and"),
                ("no skeleton verifier_and", '"verifier_and.skel', '"verifier_and.lskel'),
                ("verifier_or could not", "void test_verifier_or", "static void test_verifier_or"),
                ("verifier_map could not", '"verifier_map.skel.h"', "<verifier_map.skel.h>")):
            with self.subTest(why):
                self.refused(why, selftests.verifier, VERIFIER.replace(old, new), ["verifier_and"])


if __name__ == "__main__":
    unittest.main()
