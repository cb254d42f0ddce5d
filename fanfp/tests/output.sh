#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp: JSON is valid and text is one line an event, whatever the names; list,
# check, version and help.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

mkdir "$mnt/dir"

# Each line of a file is JSON.
is_json() {
	[[ -s $1 ]] || return
	local line
	while read -r line; do
		python3 -m json.tool --compact <<<"$line" || return
	done <"$1"
}

cat >"$work/names" <<'P'
import os, sys
for name in b'quote"', b'back\\slash', b'two\nlines', b'\xff\xfe', "\u00fcml\u00e4ut".encode(), b'\x01':
    open(os.path.join(os.fsencode(sys.argv[1]), name), "w").close()
P
cat >"$work/compare" <<'P'
import json, os, sys
seen = set()
for line in open(sys.argv[2]):
    event = json.loads(line)
    if "path" in event:
        seen.add(os.path.basename(os.fsencode(event["path"])))
there = set(os.listdir(os.fsencode(sys.argv[1])))
sys.exit(seen != there and f"{seen} is not {there}")
P

check 'strange names' status 0 "$fanfp" watch --json --events create "$mnt/dir" -- \
	python3 "$work/names" "$mnt/dir"
check 'are valid JSON' is_json "$work/out"
check 'with the names unharmed' python3 "$work/compare" "$mnt/dir" "$work/out"
check 'the last line is the summary' equal 1 \
	"$(tail -n 1 "$work/out" | grep -c '^{"summary": {"mode": "fastpath", .*}}$')"
rm -r "$mnt/dir"
mkdir "$mnt/dir"
check 'strange names again' status 0 "$fanfp" watch --timestamps --events create "$mnt/dir" -- \
	python3 "$work/names" "$mnt/dir"
check 'are a line each' equal 6 "$(wc -l <"$work/out")"
check 'with escapes' has "$work/out" '^[0-9:]{8}\.[0-9]{6} python3.*\([0-9]+\): create .*/two\\012lines$'

check 'list, in a watch' status 0 "$fanfp" watch "$mnt/dir" -- \
	sh -c 'touch "$1/dir/x" "$1/y"; "$2" list --json' - "$mnt" "$fanfp"
grep '^{' "$work/out" >"$work/list"
check 'is valid JSON' is_json "$work/list"
check 'shows the group' has "$work/list" '"class": "notif", "marks": 2, .*"comm": "fanfp", .*"inodes": 1, "mounts": 0, "filesystems": 1, "mntns": 0'
check 'and its fast path' has "$work/list" '"fastpath": "fanfp_watch", "seen": [1-9].*"link": [1-9]'
check 'list without a fast path' status 0 "$fanfp" watch --no-fastpath "$mnt/dir" -- "$fanfp" list
check 'shows none' has "$work/out" '^ *[0-9]+ +[0-9]+ notif +2 - .* fanfp *$'

check 'check' status 0 "$fanfp" check
check 'finds it all' equal '' "$(grep -v '^ok ' "$work/out" || :)"
check 'check --json' status 0 "$fanfp" check --json
check 'is valid JSON, too' is_json "$work/out"
check 'names what guard and deny need' has "$work/out" '"answers to permission events", "state": "ok"'
check 'version' status 0 "$fanfp" version
check 'prints one' has "$work/out" '^fanfp [0-9.]+$'
for command in watch list check; do
	check "fanfp $command --help" status 0 "$fanfp" "$command" --help
	check "prints how to use fanfp $command" has "$work/out" "^Usage: fanfp $command "
done

done_testing
