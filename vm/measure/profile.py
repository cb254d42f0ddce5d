"""Second half of vm/profile. usage: profile.py PROGRAM VMLINUX OUT [NAME...]

Runs the guest, and while it opens and closes the file has QEMU log the address of
each instruction before it is executed. What lies between two system call entries is
one system call; those that an interrupt has come into are left out, and the others
have to agree.
"""

import bisect
import collections
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

VM = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
# Trace CPU: HOST-ADDRESS [CS-BASE/ADDRESS/FLAGS/CFLAGS]
STEP = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")
CALLS = ("open", "close")
SYMBOLS = {"open": "__x64_sys_openat", "close": "__x64_sys_close"}
FOREIGN = re.compile(r"^(asm_)?sysvec_|^asm_common_interrupt|^asm_exc_|^__schedule$")


class Wrong(Exception):
    """The profile cannot be made; the text says why."""


class Monitor:
    """QEMU's monitor: a command, and what it says."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(100):
            try:
                self.sock.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise Wrong("QEMU's monitor does not answer")
        self.wait()

    def wait(self):
        said = b""
        while not said.endswith(b"(qemu) "):
            data = self.sock.recv(4096)
            if not data:
                raise Wrong("QEMU has ended")
            said += data
        return said.decode(errors="replace")

    def tell(self, command):
        self.sock.sendall(command.encode() + b"\n")
        said = self.wait()
        if "rror" in said or "nknown" in said:
            raise Wrong(f"QEMU does not take '{command}' (8.1 or newer is needed): {said}")


class Symbols:
    """The kernel's functions by address, and the programs that are loaded."""

    def __init__(self, path):
        table = {}
        with open(path, encoding="utf-8") as file:
            for line in file:
                address, kind, name = line.split()[:3]
                if kind in "tTwW" and not name.startswith(("__pfx_", ".L")):
                    table.setdefault(int(address, 16), name)
        self.at = sorted(table)
        self.names = [table[a] for a in self.at]
        self.entry = next(a for a, n in table.items() if n == "entry_SYSCALL_64")

    def name(self, address):
        return self.names[bisect.bisect_right(self.at, address) - 1]


def calls(log, symbols):
    """For open and close: what each call executed, as counts by address."""
    found = {call: [] for call in CALLS}
    steps = None
    with open(log, encoding="ascii", errors="replace") as file:
        for line in file:
            step = STEP.match(line)
            if not step:
                continue
            address = int(step[1], 16)
            if address == symbols.entry:
                if steps:
                    add(found, steps, symbols)
                steps = []
            if steps is not None and address >> 63:
                steps.append(address)
    return found


def add(found, steps, symbols):
    counts = collections.Counter(steps)
    names = {symbols.name(a) for a in counts}
    if any(FOREIGN.match(n) for n in names):
        return
    for call in CALLS:
        if SYMBOLS[call] in names:
            found[call].append(counts)


def agreed(name, found):
    """The counts that most calls have; with open and close summed up."""
    total = collections.Counter()
    for call in CALLS:
        sums = collections.Counter(c.total() for c in found[call])
        if not sums:
            raise Wrong(f"{name}: no {call} was seen without an interrupt")
        value, times = sums.most_common(1)[0]
        if times < 3 or times * 2 < len(found[call]):
            raise Wrong(f"{name}: the {call}s do not agree: {dict(sums)}")
        total += next(c for c in found[call] if c.total() == value)
    return total


def measure(program, out, wanted):
    """Yields the setups' names, with what they executed and the symbols."""
    with tempfile.TemporaryDirectory() as temp:
        path, log = f"{temp}/monitor", f"{out}/log"
        env = {**os.environ, "ICOUNT": "1", "MONITOR": path}
        guest = subprocess.Popen([f"{VM}/run", "exec", program, *wanted], env=env, text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            monitor = None
            for line in guest.stdout:
                word, name = line.split()
                monitor = monitor or Monitor(path)
                if word == "ready":
                    monitor.tell(f"logfile {log}")
                    monitor.tell("one-insn-per-tb on")
                    monitor.tell("log exec,nochain")
                else:
                    monitor.tell("log none")
                    monitor.tell("one-insn-per-tb off")
                    symbols = Symbols(f"{out}/{name}.symbols")
                    counts = agreed(name, calls(log, symbols))
                    os.unlink(log)
                    yield name, counts, symbols
                guest.stdin.write("go\n")
                guest.stdin.flush()
            if guest.wait():
                raise Wrong(f"the guest's program failed with {guest.returncode}")
        finally:
            guest.terminate()
            guest.wait()


def by_symbol(counts, symbols):
    table = collections.Counter()
    for address, times in counts.items():
        table[symbols.name(address)] += times
    return table


def annotate(vmlinux, path, counts, symbols):
    """The disassembly of what was executed, with how often before each line."""
    with open(path, "w", encoding="utf-8") as file:
        names = by_symbol(counts, symbols)
        args = [f"--disassemble={n}" for n, _ in names.most_common(25)]
        for arg in args:
            text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", arg, vmlinux], check=True,
                                  stdout=subprocess.PIPE, text=True).stdout
            for line in text.splitlines():
                at = re.match(r"([0-9a-f]{8,}):", line)
                times = counts.get(int(at[1], 16), "") if at else ""
                if at or line.endswith(">:"):
                    file.write(f"{times:>6} {line}\n")


def show(name, table, base):
    total = table.total()
    if base is None:
        print(f"\n{name}: {total} instructions")
        return
    print(f"\n{name}: {total} instructions, {total - base.total():+d}")
    rest = 0
    for symbol in sorted(table.keys() | base.keys(), key=lambda s: (base[s] - table[s], s)):
        more = table[symbol] - base[symbol]
        if abs(more) >= 4:
            print(f"    {more:+6d}  {symbol}")
        else:
            rest += more
    if rest:
        print(f"    {rest:+6d}  (others)")


def main():
    program, vmlinux, out, *wanted = sys.argv[1:]
    base, rows = None, []
    for name, counts, symbols in measure(program, out, wanted):
        table = by_symbol(counts, symbols)
        annotate(vmlinux, f"{out}/{name}.annotated", counts, symbols)
        show(name, table, base)
        sys.stdout.flush()
        base = base or table
        rows.append((name, table.total(), table.total() - base.total()))
    print("\nopen and close of a file, in instructions")
    for name, total, more in rows:
        print(f"    {name:<20} {total:>6} {more:>+6}")


try:
    main()
except Wrong as wrong:
    sys.exit(f"profile: {wrong}")
