#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp guard: a file is scanned once, and denied or allowed in the kernel from
# then on; files outside are not; a scan keeps nobody else waiting.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"
# shellcheck source=fanfp/tests/guard.bash
source "$(dirname "$0")/guard.bash"

echo good >"$mnt/in/good"
echo EVIL >"$mnt/in/evil"
echo EVIL >"$mnt/out/evil"
cp "$(type -P true)" "$mnt/in/true"
{ echo '#!/bin/sh'; echo '# EVIL'; } >"$mnt/in/script"
chmod +x "$mnt/in/script"
echo other >"$mnt/in/other"
echo OTHER >"$mnt/in/opens-other"

guard
for ((i = 0; i < 20; i++)); do cat "$mnt/in/good"; done >"$work/read"
check 'a good file can be read' equal 20 "$(wc -l <"$work/read")"
check '20 opens need one scan' scanned 1
stop
check 'the listener was asked once' equal 1 "$(figure "$work/figures" asked)"
check 'and woken once' equal 1 "$(figure "$work/figures" wakeups)"
check 'the kernel allowed the others' equal 19 "$(figure "$work/figures" kernel_allowed)"
check 'all opens were seen' equal 20 "$(figure "$work/figures" opens)"
check 'SIGTERM is no failure' equal 0 "$ended"

guard
check 'a bad file is denied' denied cat "$mnt/in/evil"
check 'again' denied cat "$mnt/in/evil"
check 'again' denied head "$mnt/in/evil"
check 'after one scan' scanned 1
check 'a bad script cannot be executed' denied "$mnt/in/script"
check 'again' denied "$mnt/in/script"
check 'after one scan' scanned 2
check 'a good program can be executed' allowed "$mnt/in/true"
check 'again' allowed "$mnt/in/true"
check 'after one scan' scanned 3
check 'a bad file outside can be read' equal EVIL "$(cat "$mnt/out/evil")"
check 'without a scan' scanned 3
mkdir -p "$mnt/in/new/newer"
echo EVIL >"$mnt/in/new/newer/evil"
check 'a directory made later is inside' denied cat "$mnt/in/new/newer/evil"
: >"$mnt/in/empty"
check 'an empty file can be read' allowed cat "$mnt/in/empty"
check 'without a scan' scanned 4

ln "$mnt/in/evil" "$mnt/out/link"
check 'a hard link outside is outside' equal EVIL "$(cat "$mnt/out/link")"
check 'the name inside stays denied' denied cat "$mnt/in/evil"
ln "$mnt/out/evil" "$mnt/in/link"
check 'a hard link inside is inside' denied cat "$mnt/in/link"
mv "$mnt/in/link" "$mnt/in/renamed"
check 'a renamed file stays denied' denied cat "$mnt/in/renamed"
mv "$mnt/in/renamed" "$mnt/out/renamed"
check 'one that is moved out is not' allowed cat "$mnt/out/renamed"
mv "$mnt/out/renamed" "$mnt/in/renamed"
check 'one that is moved in is' denied cat "$mnt/in/renamed"
stop
check 'denials by the kernel were counted' test "$(figure "$work/figures" kernel_denied)" -ge 3
check 'denials are printed' has "$work/out" '"comm": "cat", "answer": "denied", "path": ".*/in/evil"'
check 'nothing was undecided' equal 0 "$(figure "$work/figures" undecided)"

# A scanner opens files in the directory itself, and one of its descendants does.
guard --jobs 1
check 'a scanner may open what it guards' allowed cat "$mnt/in/opens-other"
stop
check 'which the kernel allows' test "$(figure "$work/figures" own)" -ge 2
check 'without a scan' equal 1 "$(figure "$work/figures" scans)"

echo SLOW >"$mnt/in/slow"
guard --jobs 2
cat "$mnt/in/slow" >"$work/slow1" & slow1=$!
wait_until grep -q SLOW "$scans"
cat "$mnt/in/slow" >"$work/slow2" & slow2=$!
check 'a slow scan does not keep others waiting' allowed cat "$mnt/in/good"
check 'it is still going on' equal '' "$(cat "$work/slow1" "$work/slow2")"
wait_until grep -q 'State:.D' "/proc/$slow2/status"
touch "$work/go"
wait "$slow1" "$slow2"
check 'both who waited were let in' equal 'SLOW
SLOW' "$(cat "$work/slow1" "$work/slow2")"
stop
check 'by one scan' equal 1 "$(figure "$work/figures" joined)"
check 'of the file' equal 1 "$(grep -c SLOW "$scans")"

for signal in INT TERM KILL; do
	guard
	check "SIG$signal: a bad file is denied" denied cat "$mnt/in/evil"
	rm "$mnt/in/slow"
	echo SLOW >"$mnt/in/slow"
	cat "$mnt/in/slow" >"$work/slow1" & slow1=$!
	wait_until grep -q SLOW "$scans"
	stop "$signal"
	check "SIG$signal lets in who waited" wait "$slow1"
	check "SIG$signal leaves the files open" equal EVIL "$(cat "$mnt/in/evil")"
	[[ $signal == KILL ]] || check "SIG$signal: it says so" \
		has "$work/err" 'files can be opened without a scan from now on'
done
touch "$work/go"

# CMD is taken word by word, as it stands.
cat >"$work/words" <<S
#!/bin/bash
printf '%s\n' "\$@" >"$work/args"
S
chmod +x "$work/words"
"$fanfp" guard "$mnt/in" -- "$work/words" 'two  words' '' '--json' '*' >"$work/out" 2>"$work/err" &
pid=$!
wait_until guarded
check 'CMD has its arguments unharmed' equal $'two  words\n\n--json\n*' "$(<"$work/args")"
kill "$pid"
wait "$pid"

guard --observe
check '--observe denies nothing' equal EVIL "$(cat "$mnt/in/evil")"
check 'nor does the kernel' equal EVIL "$(cat "$mnt/in/evil")"
stop
check 'it says what would be denied' has "$work/out" '"would deny", "path": ".*/in/evil"'
check 'counts what the kernel would deny' equal 1 "$(figure "$work/figures" kernel_denied)"
check 'after one scan' scanned 1

guard --no-fastpath
check '--no-fastpath denies, too' denied cat "$mnt/in/evil"
check 'and allows' allowed cat "$mnt/in/good"
check 'outside as well' allowed cat "$mnt/out/evil"
check 'a scanner may open what it guards' allowed cat "$mnt/in/opens-other"
check 'it scans at each open' allowed cat "$mnt/in/good"
check 'which it counts' scanned 4
stop

# The program is gone: plain fanotify is left, which must not lock anybody out.
for name in fanfp_guard fanfp_changes; do
	guard
	allowed cat "$mnt/in/good"
	allowed cat "$mnt/in/good"
	check "$name can be detached" detach "$pid" "$name"
	check "$name: which is told" wait_until grep -q 'was detached' "$work/err"
	check "$name: a bad file is still denied" denied cat "$mnt/in/evil"
	check "$name: a good one still allowed" allowed cat "$mnt/in/good"
	check "$name: but scanned again" scanned 3
	check "$name: one outside is allowed" allowed cat "$mnt/out/evil"
	check "$name: a scanner may open what it guards" allowed cat "$mnt/in/opens-other"
	stop
	check "$name: the mode at the end is told" equal no-fastpath "$(figure "$work/figures" mode)"
	check "$name: what was counted before is told" equal 1,1 \
		"$(figure "$work/figures" kernel_allowed),$(figure "$work/figures" kept)"
done

# The directory goes, then the filesystem.
guard "$mnt/out"
rm -r "$mnt/out"
check 'a removed directory is told' wait_until grep -q 'out was removed' "$work/err"
check 'the other one stays guarded' denied cat "$mnt/in/evil"
umount "$mnt"
check 'an unmounted filesystem is told' wait_until grep -q 'nothing is left to guard' "$work/err"
ended=0
wait "$pid" || ended=$?
check 'and is the end' equal 1 "$ended"

done_testing
