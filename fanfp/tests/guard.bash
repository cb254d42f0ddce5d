# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Sourced by the tests of fanfp guard, after tap.bash: a scanner that denies what
# has EVIL in it and notes each scan, and running the guard.
# shellcheck disable=SC2154 # set by tap.bash
# shellcheck disable=SC2034 # used by the tests
scans=$work/scans
mkdir "$mnt/in" "$mnt/out"

# What stands in the file says what the scan is like.
cat >"$work/scan" <<S
#!/bin/bash
content=\$(cat)
echo "\$content" | head -n 1 >>"$scans"
case \$content in
*EVIL*) exit 1 ;;
*STOP*) kill -STOP \$\$ ;;
*KILL*) kill -KILL \$\$ ;;
*SLOW*) while [[ ! -e "$work/go" ]]; do sleep 0.1; done ;;
*OTHER*) (setsid cat "$mnt/in/other" & wait) && cat "$mnt/in/other" ;;
*BROKEN*) exit 2 ;;
esac >/dev/null
exit 0
S
chmod +x "$work/scan"

guarded() {
	grep -qs '^fanotify sdev:.* mask:10000 ' "/proc/$pid/fdinfo/"*
}

guarded_or_gone() {
	guarded || ! kill -0 "$pid"
}

# guard OPTION...: in the background, until it guards $mnt/in
guard() {
	rm -f "$work/go"
	"$fanfp" guard --json --timeout 0 "$@" "$mnt/in" -- "$work/scan" \
		>"$work/out" 2>"$work/err" &
	pid=$!
	wait_until guarded_or_gone || :
	guarded || {
		echo "# the guard did not start: $(<"$work/err")"
		return 1
	}
	# It has tried the scanner.
	: >"$scans"
}

# The figures are in $work/figures then, the exit status in $ended.
stop() {
	ended=0
	kill "-${1:-TERM}" "$pid"
	wait "$pid" || ended=$?
	python3 -c 'import json, sys
for line in open(sys.argv[1]):
    if "summary" in (d := json.loads(line)):
        json.dump(d["summary"], open(sys.argv[2], "w"))' "$work/out" "$work/figures"
}

scanned() {
	equal "$1" "$(wc -l <"$scans")"
}

allowed() {
	timeout 60 "$@" >/dev/null
}
