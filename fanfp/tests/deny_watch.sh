#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp deny: what appears at a listed path by way of symlinks is denied, the list
# is read when it is complete, and whoever reads what is printed, or does not, the
# denials stay in force until it is ended.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

mkdir "$mnt/"{bin,lib,dir} "$work/list"
list=$work/list/list
echo file >"$mnt/file"
echo second >"$mnt/second"

loaded() {
	[[ $(grep -c 'loaded\|denying' "$work/out") -ge ${1:-1} ]]
}

start() {
	: >"$work/out"
	"$fanfp" deny "$@" >>"$work/out" 2>"$work/err" &
	pid=$!
	wait_until loaded
}

stop() {
	ended=0
	kill "-${1:-TERM}" "$pid"
	wait "$pid" || ended=$?
}

allowed() {
	timeout 20 cat "$1" >/dev/null
}

# put FILE: another file takes its place, as by a package manager
put() {
	echo new >"$1.new"
	mv "$1.new" "$1"
}

put "$mnt/bin/python3.11"
ln -s python3.11 "$mnt/bin/python3"
put "$mnt/lib/tool"
ln -s ../lib/tool "$mnt/bin/tool"
mkdir "$mnt/dir/a" "$mnt/dir/b"
echo a >"$mnt/dir/a/x"
echo b >"$mnt/dir/b/x"
ln -s "$mnt/dir/a" "$mnt/current"
start "$mnt/bin/python3" "$mnt/bin/tool" "$mnt/current/x"
check 'it says what it denies' equal 'denying 3 files and 0 directories; 0 do not exist' "$(<"$work/out")"
check 'the target of a symlink is denied' denied cat "$mnt/bin/python3.11"
put "$mnt/bin/python3.11"
check 'and what takes its place' wait_until denied cat "$mnt/bin/python3.11"
put "$mnt/lib/tool"
check 'in another directory, too' wait_until denied cat "$mnt/lib/tool"
ln -sfn b "$mnt/dir/next"
ln -sfn "$mnt/dir/next" "$mnt/next" && mv -T "$mnt/next" "$mnt/current"
check 'a symlink on the way that points elsewhere is followed' wait_until denied cat "$mnt/dir/b/x"
check 'what it pointed to is allowed' allowed "$mnt/dir/a/x"
rm "$mnt/dir/next"
ln -s a "$mnt/dir/next"
check 'so is the symlink that it points to' wait_until denied cat "$mnt/dir/a/x"
stop

# A symlink to the list
echo "$mnt/file" >"$work/list/target"
mkdir "$work/linked"
ln -s ../list/target "$work/linked/list"
start --list "$work/linked/list"
check 'a symlink to a list is read' denied cat "$mnt/file"
echo "$mnt/second" >"$work/list/new"
mv "$work/list/new" "$work/list/target"
check 'and read again when the target is replaced' wait_until denied cat "$mnt/second"
stop

# Not while it is being written
echo "$mnt/file" >"$list"
start --list "$list"
exec 5>"$list"
mkdir "$work/file"
sleep 1
check 'a list that is being written is not in force' denied cat "$mnt/file"
echo "$mnt/second" >&5
exec 5>&-
check 'one that was written is' wait_until denied cat "$mnt/second"
check 'as a whole' allowed "$mnt/file"
rm "$list"
exec 5>"$list"
sleep 1
check 'a new list that is being written is not in force' denied cat "$mnt/second"
echo "$mnt/file" >&5
exec 5>&-
check 'one that was written is' wait_until denied cat "$mnt/file"
rmdir "$work/file"
stop

# A set that cannot be made now is made later.
groups=/proc/sys/fs/fanotify/max_user_groups
most=$(<"$groups")
echo "$mnt/file" >"$list"
start --list "$list"
echo 1 >"$groups"
echo "$mnt/second" >"$list"
check 'a set that cannot be made is told' wait_until grep -q 'stays denied' "$work/err"
check 'what was denied stays denied' denied cat "$mnt/file"
echo "$most" >"$groups"
mkdir "$work/second"
check 'when something changes, it is made' wait_until denied cat "$mnt/second"
check 'and replaces the other one' allowed "$mnt/file"
rmdir "$work/second"
stop

# Nobody reads
echo "$mnt/file" >"$list"
mkfifo "$work/pipe"
: >"$work/out"
"$fanfp" deny --list "$list" > >(head -n 1 >"$work/out") 2>"$work/err" &
pid=$!
wait_until loaded
sleep 1
printf '%s\n' "$mnt/file" "$mnt/second" >"$list"
check 'stdout is closed: the list is read' wait_until denied cat "$mnt/second"
check 'stdout is closed: what was denied stays denied' denied cat "$mnt/file"
stop
check 'stdout is closed: it fails in the end' equal 1 "$ended"
check 'stdout is closed: and says why' has "$work/err" 'cannot write to the standard output: Broken pipe'

exec 7<>"$work/pipe"
: >"$work/out"
"$fanfp" deny --list "$list" "$mnt/missing" >"$work/out" 2>&7 &
pid=$!
wait_until loaded
dd if=/dev/zero of="$work/pipe" oflag=nonblock bs=4096 2>/dev/null || :
printf '%s\n' "$mnt/second" >"$list"
check 'stderr is full: the list is read' wait_until allowed "$mnt/file"
kill -TERM "$pid"
check 'stderr is full: SIGTERM lifts all' wait_until allowed "$mnt/second"
kill -KILL "$pid"
wait "$pid" 2>/dev/null || :
exec 7>&-

# SIGHUP
start "$mnt/file"
stop HUP
check 'SIGHUP without a list is the end' equal 0 "$ended"
: >"$work/out"
(
	trap '' HUP
	exec "$fanfp" deny "$mnt/file"
) >"$work/out" 2>"$work/err" &
pid=$!
wait_until loaded
kill -HUP "$pid"
sleep 1
check 'nohup: it is not' denied cat "$mnt/file"
stop

done_testing
