#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp guard: a scanner that fails, hangs or is stopped, a guard that is, and too
# many who wait: the opener gets what --when-stuck says, and in time.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016,SC2119
source "$(dirname "$0")/tap.bash"
# shellcheck source=fanfp/tests/guard.bash
source "$(dirname "$0")/guard.bash"

echo good >"$mnt/in/good"
echo EVIL >"$mnt/in/evil"
echo BROKEN >"$mnt/in/broken"
echo KILL >"$mnt/in/kill"
echo STOP >"$mnt/in/stop"
echo SLOW >"$mnt/in/slow"

# Seconds that are enough for a scan: one, but not on a kernel that checks all it does
began=$(date +%s%N)
"$work/scan" <"$mnt/in/good"
enough=$((1 + 4 * ($(date +%s%N) - began) / 1000000000))

guard
check 'a scan that fails allows' allowed cat "$mnt/in/broken"
check 'so does one that is killed' allowed cat "$mnt/in/kill"
check 'neither is remembered' allowed cat "$mnt/in/broken"
check 'so there is another scan' scanned 3
check 'it is told' has "$work/out" '"allowed", .*broken", "scan_failed": "scan failed with exit status 2"'
check 'with the signal' has "$work/out" 'kill", "scan_failed": "scan ended by signal 9"'
stop
check 'and counted' equal 3 "$(figure "$work/figures" failed)"

guard --when-stuck deny
check '--when-stuck deny: a scan that fails denies' denied cat "$mnt/in/broken"
check '--when-stuck deny: one that is killed, too' denied cat "$mnt/in/kill"
check '--when-stuck deny: a good file is allowed' allowed cat "$mnt/in/good"
stop

guard --scan-timeout "$enough"
check '--scan-timeout: a scan that hangs allows' allowed cat "$mnt/in/slow"
check '--scan-timeout: it is told' has "$work/out" "scan was stopped after $enough seconds?\""
check '--scan-timeout: so does one that is stopped' allowed cat "$mnt/in/stop"
stop

"$fanfp" guard "$mnt/in" -- "$work/scan" >"$work/out" 2>"$work/err" &
pid=$!
wait_until guarded
check 'without --timeout: a stopped scanner does not hang an opener for long' timeout 40 cat "$mnt/in/stop"
kill -TERM "$pid"
wait "$pid"
check 'without --timeout: it is counted' has "$work/err" 'not answered in time, allowed +1$'

guard --timeout $((enough + 3))
check '--timeout: a stopped scanner does not hang an opener' allowed cat "$mnt/in/stop"
check '--timeout: nor does the next one' allowed cat "$mnt/in/stop"
check '--timeout: other files are scanned' denied cat "$mnt/in/evil"
stop
check '--timeout: it is counted' equal 2 "$(figure "$work/figures" expired)"

guard --timeout "$enough" --when-stuck deny
check '--timeout, deny: a stopped scanner denies' denied cat "$mnt/in/stop"
kill -STOP "$pid"
check '--timeout, deny: so does a stopped guard' denied cat "$mnt/in/good"
kill -CONT "$pid"
check '--timeout, deny: later it is scanned' allowed cat "$mnt/in/good"
stop
check '--timeout, deny: answers that came too late do no harm' test "$(figure "$work/figures" late)" -ge 1

for answer in allow deny; do
	guard --max-pending 1 --when-stuck "$answer"
	rm -f "$mnt/in/known"
	echo known >"$mnt/in/known"
	check "--max-pending, $answer: nobody waits" allowed cat "$mnt/in/known"
	cat "$mnt/in/slow" >"$work/slow" & slow=$!
	wait_until grep -q SLOW "$scans"
	if [[ $answer == deny ]]; then
		check '--max-pending, deny: one more is denied' denied cat "$mnt/in/good"
	else
		check '--max-pending, allow: one more is allowed' allowed cat "$mnt/in/evil"
	fi
	check "--max-pending, $answer: what is known is allowed" allowed cat "$mnt/in/known"
	check "--max-pending, $answer: nothing but the two was scanned" scanned 2
	touch "$work/go"
	wait "$slow"
	check "--max-pending, $answer: when nobody waits, it is scanned" denied cat "$mnt/in/evil"
	stop
	check "--max-pending, $answer: it is counted" equal 1 "$(figure "$work/figures" stuck)"
done

guard --observe --timeout "$enough" --when-stuck deny
check '--observe: a stopped scanner denies nothing' allowed cat "$mnt/in/stop"
check '--observe: nor does one that fails' allowed cat "$mnt/in/broken"
stop

# More scans than jobs, with a pipe that nobody reads for output.
for ((i = 0; i < 40; i++)); do echo "EVIL $i" >"$mnt/in/evil$i"; done
guard --jobs 3 --when-stuck deny
for ((i = 0; i < 40; i++)); do
	cat "$mnt/in/evil$i" >>"$work/read" 2>/dev/null &
	cats[i]=$!
done
wait "${cats[@]}" || :
check 'none of 40 at once gets through' equal '' "$(cat "$work/read")"
check 'each was scanned once' scanned 40
stop

done_testing
