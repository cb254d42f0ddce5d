"""Second half of vm/bench: reads what the benchmark printed, and writes the tables,
the figures and the plots, or compares them with those that are stored.
usage: bench.py report RESULTS DOCS | compare RESULTS DOCS BOUND

RESULTS/NAME.txt begins with "# " and when, where and on which commit it was measured;
then it holds lines "$ COMMAND", each followed by the line "RESULT
KEY=VALUE..." that COMMAND printed, once a round. The number of instructions of an
operation is the least of all batches of all rounds: nothing that is not part of
the operation makes it smaller. (Of exec it is the least median of a round.) What
fanotify adds is the difference to the same process on a filesystem that nobody
watches, the median of the rounds.
"""

import json
import os
import platform
import statistics
import subprocess
import sys

# A few instructions come and go with the addresses that data gets.
NOISE = 8
# How vm/bench starts the guest of each file of results
GUESTS = {
    "instructions": "ICOUNT=1",
    "instructions-base": "ICOUNT=1 BASE=1",
    "time": "(two processors)",
    "scaling": "SMP=(processors of the host)",
    "memory": "(two processors)",
}
KEYS = ("op", "group", "case", "depth", "roots", "producers", "listener")


def read_results(path):
    """The rows of one file: key -> {"command", "rounds": [fields of RESULT]}"""
    rows = {}
    command = None
    if not os.path.exists(path):
        return rows
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("$ "):
                command = line[2:].strip()
            elif line.startswith("RESULT "):
                fields = dict(word.split("=", 1) for word in line.split()[1:])
                row = rows.setdefault(key_of(fields), {"command": command, "rounds": []})
                row["rounds"].append(fields)
    return rows


def key_of(fields):
    """What a row is called: the operation, the group, the case, and what is special."""
    if "what" in fields:
        return fields["what"]
    name = f"{fields['op']} {fields['group']} {fields['case']}"
    if "subtree" in fields["case"] or fields["depth"] != "1":
        name += f" depth={fields['depth']}"
    if "subtree" in fields["case"]:
        name += f" roots={fields['roots']}"
    if fields["listener"] == "other":
        name += " other-cpu"
    if fields["producers"] != "1":
        name += f" producers={fields['producers']}"
    return name


def numbers(row, field):
    return [float(r[field]) for r in row["rounds"]]


def batch(name):
    """Which batch of a round counts. One of exec is a single one, and the least is a lucky one."""
    return "median" if name.startswith("exec ") else "min"


class Counts:
    """Instructions an operation, and how many of them fanotify adds."""

    def __init__(self, rows):
        self.rows = rows

    def total(self, name):
        return min(numbers(self.rows[name], batch(name)))

    def spread(self, name):
        """How far the rounds are apart, and most batches of one, in percent."""
        row, least = self.rows[name], self.total(name)
        return [100 * (max(numbers(row, batch(name))) / least - 1), 100 * (max(numbers(row, "p90")) / least - 1)]

    def overs(self, name):
        """What fanotify adds, round by round."""
        row, which = self.rows[name], batch(name)
        if f"unwatched_{which}" in row["rounds"][0]:
            return [m - u for m, u in zip(numbers(row, which), numbers(row, f"unwatched_{which}"))]
        plain = self.rows[f"{name.split()[0]} none none"]
        return [m - u for m, u in zip(numbers(row, which), numbers(plain, which))]

    def over(self, name):
        return statistics.median(self.overs(name))

    def __contains__(self, name):
        return name in self.rows


class Targets:
    """What was to be reached, and what was."""

    def __init__(self):
        self.lines = []

    def check(self, target, case, measured, met):
        self.lines.append({"target": target, "case": case, "measured": measured,
                           "met": None if met is None else bool(met)})

    def ratio(self, target, counts, case, reference, most):
        if case not in counts or reference not in counts:
            return
        if counts.over(case) <= 0 or counts.over(reference) <= 0:
            cheaper = max(counts.overs(case)) <= 0 < min(counts.overs(reference))
            said = "less than what nobody watches" if cheaper else "lost in the noise of the operation"
            self.check(f"{target}: at most {most:g} x {reference}", case,
                       f"{said} ({counts.over(case):.0f} / {counts.over(reference):.0f})", cheaper or None)
        else:
            value = counts.over(case) / counts.over(reference)
            self.check(f"{target}: at most {most:g} x {reference}", case,
                       f"{value:.2f} ({counts.over(case):.0f} / {counts.over(reference):.0f})" +
                       extremes(counts.overs(case), counts.overs(reference)), value <= most)


def extremes(values, references):
    """How far the ratio may be from that of the medians, where that is more than 1 percent."""
    if min(references) <= 0:
        return ", lost in the noise in some rounds"
    low, high = min(values) / max(references), max(values) / min(references)
    return f", by rounds {low:.2f} to {high:.2f}" if high > 1.01 * low else ""


GROUPS = ("open name", "open fd", "open perm", "read name", "read perm", "create name", "exec name", "exec perm")


def check_targets(counts, base, scaling):
    targets = Targets()
    for group in GROUPS:
        for case in ("ignore", "listener"):
            name = f"{group} {case}"
            if name in counts and name in base:
                ours, plain = counts.total(name), base.total(name)
                # A round trip depends on when the scheduler preempts, and so does its count.
                noise = max(1, counts.spread(name)[0], base.spread(name)[0])
                targets.check("a group without a program: no more than on the base kernel (1 percent, or what rounds differ)", name,
                              f"{100 * (ours / plain - 1):+.2f} percent ({ours:.0f} / {plain:.0f}), noise {noise:.1f}",
                              ours / plain - 1 <= noise / 100)
    for group in GROUPS:
        targets.ratio("constant skip or allow", counts, f"{group} answer", f"{group} ignore", 1.15)
    targets.ratio("constant deny", counts, "open perm deny", "open perm ignore", 1.15)
    for group in GROUPS:
        targets.ratio("skip or allow from inode storage", counts, f"{group} storage", f"{group} ignore", 1.25)
    for group in ("open name", "open perm"):
        near, far = (counts.total(f"{group} subtree depth={n} roots=1") for n in (8, 128))
        targets.check("subtree check: at most 12 a level", group, f"{(far - near) / 120:.2f}", far - near <= 12 * 120)
        one, many = (counts.over(f"{group} subtree depth=8 roots={n}") for n in (1, 1000))
        targets.check("subtree check, 1,000 roots: as 1 root within 2 percent", group,
                      f"{100 * (many / one - 1):+.2f} percent", abs(many / one - 1) <= 0.02)
    for name in ("open name answer", "open perm answer", "read perm answer", "exec perm answer"):
        listener = f"{name.split()[0]} perm listener"
        trip = counts.over(listener)
        value = trip / counts.over(name)
        targets.check("skip or allow: 20 times fewer than a permission round trip", name,
                      f"{value:.1f} ({trip:.0f} / {counts.over(name):.0f})" +
                      extremes(counts.overs(listener), counts.overs(name)),
                      value >= 20 if min(trip, counts.over(name)) > 0 else None)
    gaps = [counts.total(f"open none lsm-subtree depth={n} roots=1") -
            counts.total(f"open perm subtree depth={n} roots=1") for n in (4, 8, 32, 128)]
    targets.check("subtree check: cheaper than in BPF LSM from depth 4, and more so with depth", "open perm subtree",
                  "fewer by " + ", ".join(f"{g:.0f}" for g in gaps) + " at depth 4, 8, 32, 128",
                  gaps[0] > 0 and gaps == sorted(gaps))
    for group in ("open name", "open fd", "open perm"):
        if f"{group} ignore" in base:
            ours, theirs = counts.over(f"{group} answer"), base.over(f"{group} ignore")
            targets.check("a skip or allow costs less than the ignore mark on the base kernel", group,
                          f"{ours:.0f} / {theirs:.0f}", ours < theirs)
    check_scaling(targets, scaling)
    return targets.lines


def speedups(scaling, case, cpus):
    """Throughput on CPUS processors in units of that on one, round by round."""
    one, many = (numbers(scaling[n], "ops_per_us") for n in (case, f"{case} producers={cpus}"))
    return [m / o for o, m in zip(one, many)]


def scaling_cases(scaling):
    cases = [n for n in scaling if "producers" not in n]
    cpus = sorted({int(r["rounds"][0]["producers"]) for r in scaling.values()})
    return cases, cpus


def check_scaling(targets, scaling):
    """No worse than what does not touch fanotify at all, by what that one varies."""
    cases, cpus = scaling_cases(scaling)
    if len(cpus) < 2:
        targets.check("throughput on N CPUs", "open", "not measured", None)
        return
    plain = speedups(scaling, "open none none", cpus[-1])
    for case in cases:
        if case != "open none none":
            value = speedups(scaling, case, cpus[-1])
            targets.check(f"throughput on {cpus[-1]} CPUs: as that of the unwatched operation grows, within its spread",
                          case, f"x {statistics.median(value):.2f} ({min(value):.2f} to {max(value):.2f}), unwatched "
                          f"x {statistics.median(plain):.2f} ({min(plain):.2f} to {max(plain):.2f})",
                          statistics.median(value) >= min(plain))


def first_line(*command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def measured(results, names):
    """When, on which processor, and at which commit: the first line of each file."""
    said = {}
    for name in names:
        path = f"{results}/{name}.txt"
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                line = file.readline().strip()
            said.setdefault(line[2:] if line.startswith("# ") else "not recorded", []).append(name)
    return "; ".join(f"{', '.join(of)}: {what}" for what, of in said.items())


def machine():
    """With what it was measured."""
    kvm = f"{os.environ['FANFP_CACHE']}/kvm"
    works = os.path.exists(kvm) and open(kvm, encoding="ascii").read().split()[1] == "works"
    works = {"kvm": True, "tcg": False}.get(os.environ.get("ACCEL"), works)
    with open(f"{os.environ['FANFP_BUILD']}/include/config/kernel.release", encoding="ascii") as file:
        release = file.read().strip()
    return {
        "kernel": f"Linux {release}, vm/config/kernel.config",
        "compiler": first_line("gcc", "--version"),
        "emulator": first_line("qemu-system-x86_64", "--version"),
        "instructions": "QEMU TCG, -icount shift=0, 1 CPU: the guest's clock counts instructions",
        "times": "KVM" if works else "QEMU TCG, emulated: ratios within the run mean something, times do not",
        "host": f"{os.cpu_count()} CPUs, {platform.machine()}",
    }


def table(counts, base, times):
    """The rows of the table, as they are stored."""
    rows = {}
    for name, row in counts.rows.items():
        op, group = name.split()[:2]
        ignore = f"{op} {group} ignore"
        cells = {
            "command": row["command"],
            "instructions": round(counts.total(name), 1),
            "over_unwatched": round(counts.over(name), 1),
            "over_unwatched_from_to": [round(f(counts.overs(name)), 1) for f in (min, max)],
            "rounds_differ_percent": round(counts.spread(name)[0], 2),
            "batches_differ_percent": round(counts.spread(name)[1], 2),
        }
        if ignore in counts and group != "none":
            cells["of_ignore_mark"] = round(counts.over(name) / counts.over(ignore), 3)
        if name in base:
            cells["base_instructions"] = round(base.total(name), 1)
            cells["base_over_unwatched"] = round(base.over(name), 1)
        add_times(cells, times, name)
        rows[name] = cells
    for name, row in times.items():
        if name not in rows:
            rows[name] = {"command": row["command"]}
            add_times(rows[name], times, name)
    return rows


def add_times(cells, times, name):
    plain = f"{name.split()[0]} none none"
    if name in times and plain in times:
        if "unwatched_median" in times[name]["rounds"][0]:
            unwatched = numbers(times[name], "unwatched_median")
        else:
            unwatched = numbers(times[plain], "median")
        ratios = [n / p for n, p in zip(numbers(times[name], "median"), unwatched)]
        cells["time_of_unwatched"] = round(statistics.median(ratios), 2)
        cells["time_of_unwatched_from_to"] = [round(min(ratios), 2), round(max(ratios), 2)]


def show(value, form):
    return "" if value is None else form.format(value)


def text_table(rows):
    line = "{:<42} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>14}\n"
    text = line.format("operation, group, case", "instr.", "over", "x ignore", "base", "base over", "time", "from-to")
    op = ""
    for name, cells in rows.items():
        if name.split()[0] != op:
            op = name.split()[0]
            text += "\n"
        spread = cells.get("time_of_unwatched_from_to")
        text += line.format(
            name, *(show(cells.get(k), f) for k, f in (
                ("instructions", "{:.0f}"), ("over_unwatched", "{:.0f}"), ("of_ignore_mark", "{:.2f}"),
                ("base_instructions", "{:.0f}"), ("base_over_unwatched", "{:.0f}"), ("time_of_unwatched", "{:.2f}"))),
            f"{spread[0]:.2f}-{spread[1]:.2f}" if spread else "")
    return "\n".join(n.rstrip() for n in text.splitlines()) + "\n"


def text_report(data):
    verdicts = {True: "met", False: "NOT MET", None: "not measured"}
    text = "What fanotify costs. Written by `make bench`; the figures, and the command of each, are in\n"
    text += "results.json, with the guests they ran in; what they printed is in raw/.\n\n"
    text += "".join(f"{k + ':':<14} {v}\n" for k, v in data["machine"].items())
    text += """
instr.     instructions of the operation, with the kernel's entry and exit
over       more than for the same operation that nobody watches, by the same process where there is a
           group, compared with the row "none none" where there is none (execs of two processes
           differ by some hundreds); median of the rounds
x ignore   over, in units of that of an ignore mark on the inode (ignore)
base       the same on the kernel without the series
time       wall-clock, in units of the operation that nobody watches; median of the rounds

"""
    text += text_table(data["rows"])
    text += """
What was to be reached: by the medians; "by rounds" are the least and the most that the rounds
allow, where that makes a difference

"""
    for line in data["targets"]:
        text += f"{verdicts[line['met']]:<13} {line['target']}\n{'':13} {line['case']}: {line['measured']}\n"
    text += "\nThroughput, in units of that on one CPU: median of the rounds, from-to\n\n"
    for name, cpus in data["scaling"].items():
        text += f"{name:<42} " + "  ".join(f"{n} CPUs: {v['median']:.2f} ({v['from']:.2f}-{v['to']:.2f})"
                                          for n, v in cpus.items()) + "\n"
    text += "\nMemory\n\n"
    for name, row in data["memory"].items():
        text += f"{name:<24} {row['text']}\n"
    return text


def plot(docs, name, script):
    subprocess.run(["gnuplot"], input=f"set terminal svg size 800,480 background 'white'\n"
                   f"set output '{name}.svg'\n{script}".encode(), cwd=docs, check=True)


def block(name, rows):
    return f"${name} << END\n" + "".join(" ".join(map(str, r)) + "\n" for r in rows) + "END\n"


def plot_cases(docs, counts):
    """What each case adds to an open, for the three kinds of groups."""
    cases = ("other-mask", "ignore", "answer", "storage", "lru", "subtree depth=8 roots=1", "listener")
    rows = []
    for case in cases:
        values = (f"open {g} {case}" for g in ("name", "fd", "perm"))
        label = case.split()[0] + ("\\n8 levels" if "subtree" in case else "")
        rows.append([f'"{label}"', *(f"{counts.over(n):.0f}" if n in counts else "NaN" for n in values)])
    plot(docs, "open", block("d", rows) + """
set title "What is added to an open and close that nobody watches"
set ylabel "instructions"
set logscale y
set yrange [50:*]
set grid y
set style data histogram
set style fill solid 0.8
set key top left
plot $d using 2:xtic(1) title "group that reports names", '' using 3 title "group that reports descriptors", \\
	'' using 4 title "permission events"
""")


def plot_depth(docs, counts):
    depths = (1, 4, 8, 32, 128)
    rows = [[d, *(f"{counts.over(n.format(d)):.0f}" for n in (
        "open name subtree depth={} roots=1", "open perm subtree depth={} roots=1",
        "open none lsm-subtree depth={} roots=1"))] for d in depths]
    plot(docs, "depth", block("d", rows) + """
set title "Subtree check of an open, by depth of the file"
set xlabel "directories above the file"
set ylabel "instructions over the unwatched open"
set grid
set key top left
set style data linespoints
plot $d using 1:4 title "BPF LSM program that walks d\\\\_parent", '' using 1:2 title "fast path, filter", \\
	'' using 1:3 title "fast path, permission"
""")


def plot_roots(docs, counts):
    rows = [[n, *(f"{counts.over(r.format(n)):.0f}" for r in (
        "open name subtree depth=8 roots={}", "open perm subtree depth=8 roots={}",
        "open none lsm-subtree depth=8 roots={}"))] for n in (1, 10, 1000)]
    plot(docs, "roots", block("d", rows) + """
set title "Subtree check of an open 8 levels deep, by number of subtree roots"
set xlabel "subtree roots"
set ylabel "instructions over the unwatched open"
set logscale x
set yrange [0:*]
set grid
set key center left
set style data linespoints
plot $d using 1:4 title "BPF LSM program that walks d\\\\_parent", '' using 1:2 title "fast path, filter", \\
	'' using 1:3 title "fast path, permission"
""")


def plot_scaling(docs, scaling):
    rows = []
    for name, cpus in scaling.items():
        for n, v in cpus.items():
            rows.append([f'"{name}"', n, v["median"], v["from"], v["to"]])
    if len(rows) == len(scaling):
        return
    most = max(r[1] for r in rows)
    plot(docs, "scaling", block("d", [r for r in rows if r[1] == most]) + f"""
set title "Throughput of open and close on {most} CPUs, in units of one"
set ylabel "times"
set yrange [0:{most + 0.5}]
set xtics rotate by 30 right
set grid y
set style fill solid 0.8
set boxwidth 0.6
unset key
plot $d using 0:3:xtic(1) with boxes, '' using 0:3:4:5 with yerrorbars lw 2
""")


def scaling_data(scaling):
    cases, cpus = scaling_cases(scaling)
    data = {}
    for case in cases:
        data[case] = {1: {"command": scaling[case]["command"], "median": 1.0, "from": 1.0, "to": 1.0}}
        for n in cpus[1:]:
            value = speedups(scaling, case, n)
            data[case][n] = {"command": scaling[f"{case} producers={n}"]["command"],
                             "median": round(statistics.median(value), 2), "from": round(min(value), 2),
                             "to": round(max(value), 2)}
    return data


def memory_data(rows):
    return {name: {"command": row["command"], **row["rounds"][-1],
                   "text": " ".join(f"{k}={v}" for k, v in row["rounds"][-1].items() if k != "what")}
            for name, row in rows.items()}


def report(results, docs):
    names = ("instructions", "instructions-base", "time", "scaling", "memory")
    raw = {n: read_results(f"{results}/{n}.txt") for n in names}
    counts, base = Counts(raw["instructions"]), Counts(raw["instructions-base"])
    os.makedirs(f"{docs}/raw", exist_ok=True)
    for name in filter(raw.get, names):
        with open(f"{results}/{name}.txt", encoding="utf-8") as source, \
                open(f"{docs}/raw/{name}.txt", "w", encoding="utf-8") as target:
            target.write(source.read())
    data = {
        "machine": {**machine(), "measured": measured(results, names)},
        "guests": {n: f"vm/bench: {GUESTS[n]} vm/run, raw/{n}.txt" for n in names},
        "rows": table(counts, base, raw["time"]),
        "targets": check_targets(counts, base, raw["scaling"]),
        "scaling": scaling_data(raw["scaling"]),
        "memory": memory_data(raw["memory"]),
    }
    with open(f"{docs}/results.json", "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.write("\n")
    with open(f"{docs}/table.txt", "w", encoding="utf-8") as file:
        file.write(text_report(data))
    plot_cases(docs, counts)
    plot_depth(docs, counts)
    plot_roots(docs, counts)
    plot_scaling(docs, data["scaling"])
    print(text_report(data))
    print(f"written: {docs}/table.txt, results.json, *.svg, raw/", file=sys.stderr)


def compare(results, docs, bound):
    """Each row against the stored one; what is compared is what fanotify adds."""
    with open(f"{docs}/results.json", encoding="utf-8") as file:
        stored = json.load(file)["rows"]
    counts = Counts(read_results(f"{results}/instructions.txt"))
    line = "{:<42} {:>9} {:>9} {:>8} {:>9}  {}"
    print(line.format("over the unwatched operation", "stored", "now", "", "percent", ""))
    worse, compared = [], 0
    for name, cells in stored.items():
        if "instructions" not in cells:
            continue
        compared += 1
        if name not in counts:
            worse.append(name)
            print(line.format(name, f"{cells['over_unwatched']:.0f}", "missing", "", "", "MISSING"))
            continue
        field = "instructions" if name.endswith("none none") else "over_unwatched"
        old = cells[field]
        if field == "instructions":
            new = counts.total(name)
        elif "over_unwatched_from_to" in cells:
            new = counts.over(name)
        else:
            # Stored before there was a batch of the same process to compare with
            new = counts.total(name) - counts.total(f"{name.split()[0]} none none")
        percent = 100 * (new - old) / abs(old) if old else 0.0
        # An operation that varies from round to round cannot tell less than that.
        if field == "instructions":
            noise = cells["instructions"] * max(cells["rounds_differ_percent"], counts.spread(name)[0]) / 100
        else:
            overs, stored_overs = counts.overs(name), cells.get("over_unwatched_from_to", [old, old])
            noise = max(max(overs) - min(overs), stored_overs[1] - stored_overs[0])
        noise = max(NOISE, noise)
        bad = percent > bound and new - old > noise
        if bad:
            worse.append(name)
        print(line.format(name, f"{old:.0f}", f"{new:.0f}", f"{new - old:+.0f}", f"{percent:+.2f}",
                          "WORSE" if bad else ""))
    for name in counts.rows:
        if name not in stored:
            print(line.format(name, "", f"{counts.over(name):.0f}", "", "", "new"))
    print(f"{len(worse)} of {compared} rows are worse by more than {bound:g} percent")
    return 1 if worse else 0


def main():
    if sys.argv[1] == "report":
        return report(*sys.argv[2:4])
    return compare(sys.argv[2], sys.argv[3], float(sys.argv[4]))


sys.exit(main())
