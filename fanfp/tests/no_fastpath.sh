#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp watch --no-fastpath prints the same events as the fast path.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

# Steps with a pause: a listener that filters in user space judges an event by
# where things are when it reads it.
cat >"$work/workload" <<'W'
set -e
cd "$1"
step() { "$@"; sleep 0.3; }
step mkdir -p in/a/b out/a
step touch in/a/b/file out/a/file in/one out/two
step cp in/one in/a/copy
step ln in/one in/a/link
step ln -s one in/a/symlink
step mv in/a/b in/a/c
step mv out/a in/fromout
step mv in/a/c out/c
step chmod 700 in/a
step cat in/one
step sh -c 'echo >>in/one; echo >>out/two; echo >>out/c/file'
step cp /bin/true in/true
step in/true
step mv in in2
step touch in2/three
step rm -r in2/a
step mv in2 in
step rm -r in/fromout in/one in/true in/three out/c out/two
W

for mode in fast plain; do
	mkdir "$mnt/in" "$mnt/out"
	option=
	[[ $mode == fast ]] || option=--no-fastpath
	check "$mode: the workload runs" status 0 \
		"$fanfp" watch --json ${option:+"$option"} --events all \
		--summary "$work/$mode.figures" "$mnt/in" -- \
		bash "$work/workload" "$mnt"
	pairs "$work/out" >"$work/$mode"
	rm -r "$mnt/in" "$mnt/out"
done

check 'there were events' test "$(wc -l <"$work/fast")" -gt 40
check 'both saw the same' diff "$work/fast" "$work/plain"
check 'user space was sent more' test \
	"$(figure "$work/plain.figures" delivered)" -gt \
	"$(figure "$work/fast.figures" delivered)"

done_testing
