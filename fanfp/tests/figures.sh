#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The tables of fanfp watch, guard and deny: the text and the JSON of a run have the
# same figures in the same order.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"
# shellcheck source=fanfp/tests/guard.bash
source "$(dirname "$0")/guard.bash"

# Only a figure that is 0 may be without a line.
cat >"$work/agree.py" <<'P'
import json, re, sys
text = [m[1] for line in open(sys.argv[1])
        if (m := re.fullmatch(r".{38} +(\S+)(?: s)?\n", line))]
assert len(text) > 5, "there is no table"
for name, value in json.load(open(sys.argv[2])).items():
    if isinstance(value, bool):
        line = "yes" if value else "no"
    elif isinstance(value, float):
        line = f"{value:.3f}"
    else:
        line = str(value)
    if text and text[0] == line:
        text.pop(0)
    else:
        assert value == 0, f"{name} is {line} in JSON, and {text[:1]} in the text"
assert not text, f"the text has {text} besides"
P
agree() {
	python3 "$work/agree.py" "$work/err" "$work/figures"
}

# run OPTION... : a command in the background, until it says that it works
run() {
	"$fanfp" "$@" >"$work/out" 2>"$work/err" &
	pid=$!
	wait_until grep -q . "$work/out"
}

finish() {
	kill -TERM "$pid"
	wait "$pid" || :
}

echo good >"$mnt/in/good"
echo EVIL >"$mnt/in/evil"
for mode in '' --no-fastpath; do
	name=${mode:-fast path}
	check "watch, $name" status 0 "$fanfp" watch ${mode:+"$mode"} --summary "$work/figures" \
		"$mnt/in" -- sh -c 'cat "$1/in/good"; touch "$1/in/x" "$1/out/y"' - "$mnt"
	check "watch, $name: text and JSON agree" agree
	check "watch, $name: the mode is told" equal "${mode:---fastpath}" "--$(figure "$work/figures" mode)"

	run guard ${mode:+"$mode"} --summary "$work/figures" "$mnt/in" -- "$work/scan"
	check "guard, $name: a good file" allowed cat "$mnt/in/good"
	check "guard, $name: a bad one" denied cat "$mnt/in/evil"
	finish
	check "guard, $name: text and JSON agree" agree
	check "guard, $name: what was denied is in it" equal 1 "$(figure "$work/figures" denied)"
done

run guard --observe --summary "$work/figures" "$mnt/in" -- "$work/scan"
check 'guard --observe' allowed cat "$mnt/in/evil"
finish
check 'guard --observe: text and JSON agree' agree
check 'guard --observe: which it says' has "$work/err" '^Only observed +yes$'

run deny --summary "$work/figures" "$mnt/in/evil"
check 'deny: a file' denied cat "$mnt/in/evil"
finish
check 'deny: text and JSON agree' agree
check 'deny: what was denied is in it' equal 1 "$(figure "$work/figures" denied_files)"

done_testing
