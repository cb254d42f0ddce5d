#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp guard: whoever reads what it prints, or does not, opens go on being
# answered, and it can be ended; what its scanners inherit; how it begins and ends.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016,SC2119
source "$(dirname "$0")/tap.bash"
# shellcheck source=fanfp/tests/guard.bash
source "$(dirname "$0")/guard.bash"

echo good >"$mnt/in/good"
echo EVIL >"$mnt/in/evil"
long=$mnt/in
name=$(printf '\001%.0s' {1..200})
for ((i = 0; i < 5; i++)); do long+=/$name; done
mkdir -p "$long"
echo EVIL >"$long/evil"

# A pipe that nobody reads, on descriptor 7; fill PAGES of its 16.
mkfifo "$work/pipe"
exec 7<>"$work/pipe"
fill() {
	dd if=/dev/zero of="$work/pipe" oflag=nonblock bs=4096 count="$1" 2>/dev/null || :
}
empty() {
	dd if="$work/pipe" of="$work/piped" iflag=nonblock bs=4096 2>/dev/null || :
}

start() {
	"$fanfp" guard --timeout 0 "$@" "$mnt/in" -- "$work/scan" &
	pid=$!
	wait_until guarded
}

finish() {
	kill -TERM "$pid"
	wait_until eval '! guarded' || kill -KILL "$pid"
}

start >"$work/out" 2>"$work/err"
check 'it says that it guards' wait_until grep -qx 'guarding 1 directory' "$work/out"
finish
wait "$pid"

start "$mnt/out" 2>&7 >"$work/out"
fill 16
rm -r "$mnt/out"
mkdir "$mnt/out"
check 'a full stderr: opens are answered' denied timeout 20 cat "$mnt/in/evil"
kill -TERM "$pid"
check 'a full stderr: SIGTERM lifts the guard' wait_until allowed timeout 20 cat "$mnt/in/evil"
check 'a full stderr: the table comes when it is read' wait_until eval 'empty; grep -aq Elapsed "$work/piped"'
ended=0
wait "$pid" || ended=$?
check 'a full stderr: SIGTERM is no failure' equal 0 "$ended"
empty

fill 16
start --json >&7 2>"$work/err"
check 'a full stdout: opens are answered' denied timeout 20 cat "$mnt/in/evil"
kill -TERM "$pid"
check 'a full stdout: SIGTERM lifts the guard' wait_until allowed timeout 20 cat "$mnt/in/evil"
kill -TERM "$pid"
wait_until eval '! kill -0 "$pid"'
check 'a full stdout: a second one ends it' eval '! kill -0 "$pid"'
kill -KILL "$pid" 2>/dev/null || :
wait "$pid" 2>/dev/null || :
empty

# A page is free, which poll() takes for enough.
fill 15
start --quiet --json >&7 2>"$work/err"
finish
empty
fill 15
start --json >&7 2>"$work/err"
check 'a line longer than what is free: it is denied' denied timeout 20 cat "$long/evil"
check 'a line longer than what is free: the next open is answered' denied timeout 20 cat "$mnt/in/evil"
empty
echo EVIL >"$mnt/in/evil2"
check 'once it is read, there is a line again' eval 'timeout 20 cat "$mnt/in/evil2"; empty; grep -aq evil2 "$work/piped"'
finish
wait "$pid" || :
empty

start >/dev/full 2>"$work/err"
check '/dev/full: opens are answered' denied cat "$mnt/in/evil"
kill -TERM "$pid"
ended=0
wait "$pid" || ended=$?
check '/dev/full: it fails in the end' equal 1 "$ended"
check '/dev/full: and says why' has "$work/err" 'cannot write to the standard output: No space left'

# What a scanner gets
cat >"$work/look" <<S
#!/bin/bash
cat >"$work/content"
sed -n 's/^SigIgn:[[:space:]]*//p' /proc/self/status >"$work/signals"
exit 0
S
chmod +x "$work/look"
"$fanfp" guard "$mnt/in" -- "$work/look" >"$work/out" 2>"$work/err" <&- &
pid=$!
wait_until guarded
check 'without a stdin: a file is scanned' allowed cat "$mnt/in/good"
check 'the scanner gets its content' equal good "$(<"$work/content")"
check 'and SIGPIPE is not ignored in it' eval '((!(16#$(<"$work/signals") & 0x1000)))'
allowed cat "$mnt/in/good"
check 'list shows what a guard did' eval '"$fanfp" list --json | grep -q "fanfp_guard.*\"allowed\": [1-9][0-9]*, \"denied\": 0, \"expired\": 0"'
finish
wait "$pid"

# SIGHUP is the end, unless it was ignored
start >"$work/out" 2>"$work/err"
kill -HUP "$pid"
ended=0
wait "$pid" || ended=$?
check 'SIGHUP is the end' equal 0 "$ended"
(
	trap '' HUP
	exec "$fanfp" guard "$mnt/in" -- "$work/scan"
) >"$work/out" 2>"$work/err" &
pid=$!
wait_until guarded
kill -HUP "$pid"
sleep 1
check 'nohup: it is not' denied cat "$mnt/in/evil"
finish
wait "$pid"

# Who ignores SIGCHLD passes that on, and would not be told of the end of a scan.
env --ignore-signal=CHLD "$fanfp" guard --timeout 0 "$mnt/in" -- "$work/scan" >"$work/out" 2>"$work/err" &
pid=$!
wait_until guarded_or_gone
check 'SIGCHLD was ignored: it guards' guarded
check 'SIGCHLD was ignored: scans end' denied timeout 20 cat "$mnt/in/evil"
kill -TERM "$pid"
wait "$pid" || :

done_testing
