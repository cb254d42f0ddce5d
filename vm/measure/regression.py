"""Compares what two runs of vm/guest/tally.py printed about the same tests on the base
kernel and on the one with the series: a row for each test, with how many of its
subtests had which result, and whether each of them had the same on both.
usage: regression.py BASE SERIES TEST... 'TEST[/SUBTEST] # REASON'...

With a REASON, which is why it cannot pass, a failure is a skip; SUBTEST may have
wildcards.

Fails if a result differs, if a TEST has none, and if a run did not come to its end:
a test that fails on both kernels is not the series' fault, one that was not run is
no proof.
"""

import collections
import fnmatch
import re
import sys

RESULT = re.compile(r"(ok|not ok|skip)\b +(.*?)(?: # (.*))?$")
BROKEN = re.compile(r"the guest: |no test was run|.*: (no test was run|exit status|did not end)")
WORDS = {"ok": "ok", "not ok": "failed", "skip": "skipped"}


class Run:
    """The results of one kernel: test -> {subtest: result}"""

    def __init__(self, path, lacking):
        self.lacking = lacking
        self.tests = collections.defaultdict(dict)
        self.reasons = {}
        self.broken = []
        with open(path, encoding="utf-8") as file:
            for line in file:
                if found := RESULT.match(line.rstrip()):
                    self.add(*found.groups())
        for name in lacking:
            if "/" not in name and name not in self.tests:
                self.add("skip", name, None)

    def add(self, result, name, reason):
        if BROKEN.match(name):
            self.broken.append(name)
            return
        reason = next((why for known, why in self.lacking.items() if fnmatch.fnmatchcase(name, known)), reason)
        if result == "not ok" and reason:
            result = "skip"
        test, _, subtest = name.partition("/")
        self.tests[test][subtest] = WORDS[result]
        if result == "skip":
            self.reasons[name] = reason or "it does not say why"

    def summary(self, test):
        count = collections.Counter(self.tests.get(test, {}).values())
        return ", ".join(f"{count[word]} {word}" for word in WORDS.values() if count[word]) or "not run"


def main():
    lacking = dict(arg.split(" # ") for arg in sys.argv[3:] if " # " in arg)
    base, series = (Run(path, lacking) for path in sys.argv[1:3])
    names = sorted({*(arg for arg in sys.argv[3:] if " # " not in arg), *base.tests, *series.tests})
    width = max(map(len, names))
    row = f"{{:{width}}}  {{:22}}  {{:22}}  {{}}"
    print(row.format("test", "base", "series", "").rstrip())
    subtests, wrong = 0, []
    for test in names:
        theirs, ours = base.tests.get(test, {}), series.tests.get(test, {})
        subtests += len(ours)
        verdict = "DIFFERENT" if theirs != ours else "same" if ours else "NOT RUN"
        print(row.format(test, base.summary(test), series.summary(test), verdict))
        for subtest in sorted({*theirs, *ours}):
            name = f"{test}/{subtest}".rstrip("/")
            results = theirs.get(subtest, "not run"), ours.get(subtest, "not run")
            if results[0] != results[1]:
                print(f"    {name}: {results[0]} on the base, {results[1]} with the series")
                wrong.append(name)
            elif results[0] == "failed":
                print(f"    {name}: failed on both")
            elif results[0] == "skipped":
                print(f"    {name}: skipped: {series.reasons[name]}")
        if not theirs and not ours:
            wrong.append(f"{test} was not run")
    for kernel, run in (("base", base), ("series", series)):
        wrong += [f"{kernel}: {what}" for what in run.broken]
    if wrong:
        print(f"{len(names)} tests, {subtests} subtests: NOT the same on both kernels:", "; ".join(wrong))
    else:
        print(f"{len(names)} tests, {subtests} subtests: the same on both kernels")
    return 1 if wrong else 0


sys.exit(main())
