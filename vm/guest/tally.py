"""Runs a command whose output holds the results of tests, shows the results as
they come, keeps all of the output in a log, and ends with the tests that took longest
and one line of counts.
usage: tally.py LOG COMMAND...

Understood are the results of test_progs ("#1/2 test/subtest:OK") and of test
scripts ("ok NAME", "not ok NAME", "skip NAME"), between the lines "== begin
NAME" and "== end NAME: STATUS" of vm/guest/tests.
"""

import os
import re
import signal
import subprocess
import sys
import time

PROGS = re.compile(r"#(\d+)(?:/(\d+))?\s+(\S.*?):(OK|FAIL|SKIP)\b")
SCRIPT = re.compile(r"(ok|not ok|skip)\b(?: \d+ -)? *(.*)")
WORDS = {"OK": "ok", "FAIL": "not ok", "SKIP": "skip"}


class Tally:
    def __init__(self):
        self.results = {}       # (program, test) -> ok, not ok, skip
        self.program = ""
        self.said = []          # since the last result
        self.open = None        # the program that has begun and not ended
        self.took = {}          # (program, test) -> seconds since the result before it
        self.since = time.monotonic()

    def add(self, name, result):
        """A failure told once stays one; test_progs tells its failures again."""
        key = self.program, name
        if key in self.results and (self.results[key] == "not ok" or result == self.results[key]):
            return
        self.results[key] = result
        now = time.monotonic()
        self.took[key], self.since = now - self.since, now
        if result == "not ok":
            for line in self.said[-40:]:
                print("   |", line)
        print(f"{result:6} {name}", flush=True)
        self.said = []

    def count(self, result):
        return sum(r == result for r in self.results.values())

    def slowest(self, number):
        for (program, name), seconds in sorted(self.took.items(), key=lambda t: -t[1])[:number]:
            if seconds >= 5:
                print(f"# took {seconds:4.0f} s: {program}: {name}", flush=True)

    def of_program(self, prefix=""):
        return [r for (p, n), r in self.results.items() if p == self.program and n.startswith(prefix)]

    def line(self, line):
        if found := re.match(r"== begin (\S+)", line):
            self.program = self.open = found[1]
            print(f"# {self.program}", flush=True)
            self.said = []
            self.since = time.monotonic()
        elif found := re.match(r"== end (\S+): (\d+)", line):
            self.end(int(found[2]))
        elif self.open == "test_progs" and (found := PROGS.match(line)):
            _, sub, name, result = found.groups()
            # A test counts by its subtests, unless it has none or failed outside of them.
            subs = [] if sub else self.of_program(f"{name}/")
            if not subs or result == "FAIL" and "not ok" not in subs:
                self.add(name, WORDS[result])
        elif self.open and self.open != "test_progs" and (found := SCRIPT.match(line)):
            name = found[2]
            while (self.program, name) in self.results:
                name += "'"
            self.add(name, found[1])
        else:
            self.said.append(line)

    def end(self, status):
        results = self.of_program()
        if not results:
            self.add(f"{self.program}: no test was run, exit status {status}", "not ok")
        elif status and "not ok" not in results:
            self.add(f"{self.program}: exit status {status}", "not ok")
        self.open = None


def main():
    log, *command = sys.argv[1:]
    tally = Tally()
    with open(log, "w", encoding="utf-8") as out, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as child:
        def leave(number, _):
            child.terminate()
            sys.exit(128 + number)
        signal.signal(signal.SIGTERM, leave)
        for raw in child.stdout:
            line = raw.decode(errors="replace").rstrip()
            out.write(line + "\n")
            tally.line(line)
    if tally.open:
        tally.add(f"{tally.open}: did not end", "not ok")
    tally.program = ""
    if child.returncode:
        tally.add("the guest: it crashed, hung or its kernel complained", "not ok")
    elif not tally.results:
        tally.add("no test was run", "not ok")
    tally.slowest(10)
    print(f"log: {log}", file=sys.stderr)
    sys.stderr.flush()
    print(f"{tally.count('ok')} passed, {tally.count('not ok')} failed, {tally.count('skip')} skipped", flush=True)
    sys.exit(1 if tally.count("not ok") else 0)


try:
    main()
except KeyboardInterrupt:
    # Not by an exit, after which bash would go on
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
