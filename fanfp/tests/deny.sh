#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp deny: listed files, and what is in listed directories, cannot be opened
# or executed; the list can be edited meanwhile; no open wakes the listener.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

mkdir -p "$mnt/dir/sub/deep" "$mnt/other"
for file in file dir/file dir/sub/deep/file other/file; do echo "$file" >"$mnt/$file"; done
cp "$(type -P true)" "$mnt/true"
cp "$(type -P true)" "$mnt/dir/true"

loaded() {
	[[ $(grep -c '"loaded"' "$work/out") -ge ${1:-1} ]]
}

# deny OPTION... PATH...: in the background, until it denies
deny() {
	"$fanfp" deny --json "$@" >"$work/out" 2>"$work/err" &
	pid=$!
	wait_until loaded || {
		echo "# it did not start: $(<"$work/err")"
		return 1
	}
}

stop() {
	ended=0
	kill "$pid"
	wait "$pid" || ended=$?
	python3 -c 'import json, sys
for line in open(sys.argv[1]):
    if "summary" in (d := json.loads(line)):
        json.dump(d["summary"], open(sys.argv[2], "w"))' "$work/out" "$work/figures"
}

allowed() {
	timeout 60 "$@" >/dev/null
}

deny "$mnt/file" "$mnt/true" "$mnt/dir/"
check 'a listed file is denied' denied cat "$mnt/file"
check 'for writing, too' denied sh -c 'echo >>"$1"' - "$mnt/file"
check 'a listed program is not executed' denied "$mnt/true"
check 'a file in a listed directory is denied' denied cat "$mnt/dir/file"
check 'and deep below' denied cat "$mnt/dir/sub/deep/file"
check 'and a program' denied "$mnt/dir/true"
check 'and the directory itself' denied ls "$mnt/dir"
check 'another file is not' allowed cat "$mnt/other/file"
check 'nothing can be made there' denied sh -c 'echo >"$1"' - "$mnt/dir/new"
ln "$mnt/file" "$mnt/other/link"
check 'a hard link of a listed file is denied' denied cat "$mnt/other/link"
mv "$mnt/other/link" "$mnt/other/renamed"
check 'renamed as well' denied cat "$mnt/other/renamed"
mv "$mnt/dir/sub" "$mnt/other/"
check 'what is moved out of a directory is not' allowed cat "$mnt/other/sub/deep/file"
mv "$mnt/other/sub" "$mnt/dir/"
check 'what is moved in is' denied cat "$mnt/dir/sub/deep/file"
mkdir "$mnt/bind"
mount --bind "$mnt/dir" "$mnt/bind"
check 'a bind mount is inside' denied cat "$mnt/bind/file"
umount "$mnt/bind"
for ((i = 0; i < 20; i++)); do cat "$mnt/other/file"; done >/dev/null
stop
check 'denials were counted' test "$(figure "$work/figures" denied_files)" -ge 5
check 'by where' test "$(figure "$work/figures" denied_below)" -ge 6
check 'nothing was asked' equal 0 "$(figure "$work/figures" asked)"
check 'SIGTERM is no failure' equal 0 "$ended"
check 'it says so' has "$work/err" 'nothing is denied any more'
check 'nothing is denied then' equal file "$(cat "$mnt/file")"

# No wake-up for opens: what wakes it is counted, and that is the signal.
deny "$mnt/file" "$mnt/dir"
for ((i = 0; i < 20; i++)); do cat "$mnt/file" "$mnt/dir/file" "$mnt/other/file"; done >/dev/null 2>&1 || :
stop
check 'opens wake nobody' equal 1 "$(figure "$work/figures" wakeups)"

# Only files: nothing else is looked at.
deny "$mnt/file"
allowed cat "$mnt/other/file"
stop
check 'without directories, only the files cost' equal 0 "$(figure "$work/figures" opens)"

list=$work/list/list
mkdir "$work/list"
printf '# comment\n\n%s\n' "$mnt/file" >"$list"
deny --list "$list"
check 'a file in the list is denied' denied cat "$mnt/file"
printf '%s\n' "$mnt/dir" >>"$list"
check 'an added one is read' wait_until loaded 2
check 'and denied' denied cat "$mnt/dir/file"
check 'the first one still is' denied cat "$mnt/file"
printf '%s\nnot absolute\n' "$mnt/dir" >"$list.new"
mv "$list.new" "$list"
check 'a mistake is told with its line' wait_until grep -q 'list:2: not an absolute path' "$work/err"
check 'what was read before stays in force' denied cat "$mnt/file"
check 'it is told' has "$work/err" 'stays in force'
printf '%s\n' "$mnt/dir" "$mnt/later/file" >"$list.new"
mv "$list.new" "$list"
check 'a list that was replaced is read' wait_until loaded 3
check 'a removed entry is allowed' allowed cat "$mnt/file"
check 'the other one still denied' denied cat "$mnt/dir/file"
check 'one that does not exist is told' has "$work/err" 'list:2: .*later/file does not exist yet'
mkdir "$mnt/later"
echo later >"$mnt/later/file"
check 'when it is made, it is denied' wait_until denied cat "$mnt/later/file"
echo replaced >"$mnt/later/new"
mv "$mnt/later/new" "$mnt/later/file"
check 'when it is replaced, too' wait_until denied cat "$mnt/later/file"
: >"$list"
check 'an empty list' wait_until allowed cat "$mnt/dir/file"
echo "$mnt/file" >"$list"
check 'is not the end' wait_until denied cat "$mnt/file"
kill -HUP "$pid"
check 'SIGHUP reads the list' wait_until grep -q . "$work/out"
check 'a file is still denied' denied cat "$mnt/file"
stop
check 'lists were counted' test "$(figure "$work/figures" reloads)" -ge 5

# Deeper than the kernel looks: the listener is asked.
deep=$mnt/dir
for ((i = 0; i < 260; i++)); do deep+=/d; done
mkdir -p "$deep"
echo deep >"$deep/file"
outside=$mnt/other
for ((i = 0; i < 260; i++)); do outside+=/d; done
mkdir -p "$outside"
echo deep >"$outside/file"
deny "$mnt/dir"
check 'a file that is too deep to tell is denied' denied cat "$deep/file"
check 'or allowed, outside' allowed cat "$outside/file"
stop
check 'by the listener' equal 2 "$(figure "$work/figures" asked)"

deny "$mnt/file" "$mnt/dir"
check 'the filesystem can be unmounted' umount "$mnt"
check 'which is told' wait_until grep -q 'file does not exist yet' "$work/err"
stop
check 'and is no failure' equal 0 "$ended"

done_testing
