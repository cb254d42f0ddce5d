#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp watch: events inside are printed, events outside are not, and the
# figures of the table add up.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

mkdir "$mnt/in" "$mnt/out"

cat >"$work/workload" <<'W'
cd "$1"
echo 1 >in/file
echo 2 >out/file
mkdir in/new
echo 3 >in/new/file
mv in/file in/renamed
mv in/renamed out/left
mv out/file in/came
rm out/left
chmod 600 in/new/file
rm in/new/file
rmdir in/new
cat in/came
exit 7
W

check 'the exit status of CMD is passed on' status 7 \
	"$fanfp" watch --json --summary "$work/figures" "$mnt/in" -- \
	bash "$work/workload" "$mnt"
grep '^{' "$work/out" >"$work/events"
check 'CMD has its standard output' has "$work/out" '^2$'

check 'events inside are printed, also below new directories' equal \
'attrib in/new/file
close_write in/file
close_write in/new/file
create in/file
create in/new/
create in/new/file
delete in/new/
delete in/new/file
modify in/file
modify in/new/file
move in/file in/renamed
move in/renamed out/left
move out/file in/came
open in/came
open in/file
open in/new/file' "$(pairs "$work/events" attrib close_write create delete modify move open | grep -v ' in/new/$' | cat - <(pairs "$work/events" create delete | grep ' in/new/$') | sort)"
check 'events outside are not' has_not "$work/events" '"path": "[^"]*/out/file"'

seen=$(figure "$work/figures" seen)
sent=$(figure "$work/figures" sent)
skipped=$(figure "$work/figures" skipped)
check 'the filter saw what it sent and skipped' equal "$seen" "$((sent + skipped))"
check 'some events were skipped' test "$skipped" -gt 0
check 'none was undecided' equal 0 "$(figure "$work/figures" undecided)"
check 'none was lost' equal 0 "$(figure "$work/figures" overflows)"
check 'all that was delivered was printed' equal \
	"$(figure "$work/figures" delivered)" "$(figure "$work/figures" printed)"
check 'the listener was woken' test "$(figure "$work/figures" wakeups)" -gt 0

# Many events outside, none inside: the listener sleeps through them.
check 'a workload outside runs' status 0 \
	"$fanfp" watch --events all --summary "$work/figures" "$mnt/in" -- \
	bash -c 'for ((i = 0; i < 200; i++)); do echo >"$1/out/$i"; done' - "$mnt"
check 'it is seen by the filter' test "$(figure "$work/figures" seen)" -ge 200
check 'it does not wake the listener' equal 0 "$(figure "$work/figures" wakeups)"
check 'it delivers nothing' equal 0 "$(figure "$work/figures" delivered)"

check '--events is taken' status 0 \
	"$fanfp" watch --json --events delete "$mnt/in" -- \
	sh -c 'echo >"$1/in/x"; rm "$1/in/x"' - "$mnt"
check '--events limits what is printed' equal 'delete in/x' "$(pairs "$work/out")"

check '--quiet is taken' status 0 "$fanfp" watch --quiet "$mnt/in" -- \
	touch "$mnt/in/x"
check '--quiet prints no events' equal '' "$(cat "$work/out")"
check '--quiet prints the table' has "$work/err" '^Wake-ups of the listener +[0-9]+$'

check 'the output may be inside' status 0 bash -c \
	'timeout 20 "$1" watch "$2/in" -- touch "$2/in/y" >"$2/in/log"' - "$fanfp" "$mnt"
check 'and is no event of its own' has_not "$mnt/in/log" '/log$'

mkdir "$mnt/second"
check 'several directories are watched' status 0 \
	"$fanfp" watch --json "$mnt/in" "$mnt/second" -- \
	sh -c 'mkdir "$1/in/a" "$1/second/b" "$1/out/c"' - "$mnt"
check 'with the events of each' equal 'create in/a/
create second/b/' "$(pairs "$work/out" create)"

# The listener reads when the directories are gone: their paths are remembered.
check 'what is made and removed at once' status 0 \
	"$fanfp" watch --json --summary "$work/figures" --events create,delete "$mnt/in" -- \
	python3 -c 'import os, sys
d = sys.argv[1] + "/in/brief"
os.mkdir(d); open(d + "/file", "w"); os.unlink(d + "/file"); os.rmdir(d)' "$mnt"
check 'is printed with its path' equal 'create in/brief/
create in/brief/file
delete in/brief/
delete in/brief/file' "$(pairs "$work/out")"
check 'without one that is unknown' equal 0 "$(figure "$work/figures" unresolved)"

# Names of processes come with the events; in a PID namespace, too.
for ns in '' 'unshare --pid --fork --mount-proc'; do
	name=${ns:+in a PID namespace: }
	# shellcheck disable=SC2086
	check "${name}a watch" status 0 $ns \
		"$fanfp" watch --json --events create,delete "$mnt/in" -- \
		sh -c 'touch "$1/in/z"; rm "$1/in/z"' - "$mnt"
	check "${name}processes are named" equal 'create touch
delete rm' "$(sed -n 's/.*"comm": "\([a-z]*\)", "events": \["\([a-z]*\)"\].*/\2 \1/p' "$work/out")"
	# shellcheck disable=SC2086
	check "${name}a watch for open" status 0 $ns \
		"$fanfp" watch --summary "$work/figures" --events open "$mnt/in" -- cat "$mnt/in/y"
	check "${name}fanfp knows the events of its own" test "$(figure "$work/figures" own)" -gt 0
done

"$fanfp" watch "$mnt/in" >"$work/out" 2>"$work/err" &
pid=$!
has_marks() { "$fanfp" list | grep -Eq "^ *$pid .* 2 fanfp_watch"; }
check 'without CMD it goes on' wait_until has_marks
kill -INT "$pid"
status=0
wait "$pid" || status=$?
check 'until it is interrupted, which is no failure' equal 0 "$status"
check 'and prints the table then' has "$work/err" '^Events that the filter saw'

"$fanfp" watch "$mnt/in" -- sleep 100 >"$work/out" 2>"$work/err" &
pid=$!
wait_until has_marks
wait_until pgrep -P "$pid" sleep
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
check 'SIGTERM is passed on to CMD' equal $((128 + 15)) "$status"

# Ctrl-C reaches CMD from the terminal; while fanfp is stopped, it cannot be passed on.
cat >"$work/ctrl_c" <<'P'
import os, pty, signal, sys, time
signals, fanfp, mnt = sys.argv[1:]
cmd = '''
import signal, sys
mask = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
signal.pthread_sigmask(signal.SIG_BLOCK, mask)
def say(word):
    with open(sys.argv[1], "a") as file:
        print(word, file=file)
say("ready")
got = 0
while got != signal.SIGTERM:
    got = signal.Signals(signal.sigwait(mask[:2]))
    say(got.name)
'''
pid, terminal = pty.fork()
if not pid:
    os.execv(fanfp, [fanfp, "watch", mnt + "/in", "--", sys.executable, "-c", cmd, signals])
def wait_for(word):
    for _ in range(300):
        if os.path.exists(signals) and word in open(signals).read():
            return
        time.sleep(0.1)
    sys.exit(f"{word} did not come")
wait_for("ready")
os.kill(pid, signal.SIGSTOP)
os.write(terminal, b"\x03")
wait_for("SIGINT")
os.kill(pid, signal.SIGTERM)
os.kill(pid, signal.SIGCONT)
wait_for("SIGTERM")
P
check 'Ctrl-C' timeout 100 python3 "$work/ctrl_c" "$work/signals" "$fanfp" "$mnt"
check 'reaches CMD once' equal 'ready SIGINT SIGTERM' "$(xargs <"$work/signals")"

check 'SIGCHLD was ignored: the end of CMD is the end' status 7 \
	timeout 20 env --ignore-signal=CHLD "$fanfp" watch "$mnt/in" -- sh -c 'exit 7'

done_testing
