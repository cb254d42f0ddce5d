#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp list: columns by name, the same cells as text and as JSON, and a table that
# fits the terminal.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

mkdir "$mnt/dir"
# Its name has what a table, JSON and a terminal have to survive.
name=$'a"b\\\n\e\xff'
cat >"$work/hold" <<'P'
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
if libc.fanotify_init(0, 0) < 0:
    sys.exit("fanotify_init")
libc.prctl(15, os.fsencode(sys.argv[1]), 0, 0, 0)  # PR_SET_NAME
print(flush=True)
time.sleep(1000)
P
python3 "$work/hold" "$name" >"$work/held" &
holder=$!
wait_until test -s "$work/held"
"$fanfp" watch --events create "$mnt/dir" >/dev/null 2>&1 &
pid=$!
marked() { grep -qs '^fanotify sdev:' "/proc/$pid/fdinfo/"*; }
wait_until marked
touch "$mnt/dir/file"

list() {
	status 0 "$fanfp" list "$@"
}

check 'columns by name' list -o comm,PID,Marks
check 'in that order' equal 'COMM PID MARKS' "$(head -n 1 "$work/out" | xargs)"
check 'with their cells' has "$work/out" "^fanfp +$pid +2\$"
check 'more columns' list -o +FLAGS,link
check 'come after the usual ones' has "$work/out" '^ *PID FD CLASS +MARKS FASTPATH .* COMM +FLAGS LINK$'
check 'an unknown column' status 2 "$fanfp" list -o pid,nothing
check 'is told with those that there are' has "$work/err" 'list: --output pid,nothing: there are PID, FD, CLASS'
check '--help' list --help
check 'explains them' has "$work/out" '^  SKIPPED +of those, not sent$'

columns=pid,fd,class,marks,fastpath,flags,inodes,mounts,filesystems,mntns,link
check 'as text' list -o "$columns"
tail -n +2 "$work/out" | sed -E 's/ +/ /g; s/^ | $//g' >"$work/text"
check 'as JSON' list --json -o "$columns"
python3 -c 'import json, sys
for line in open(sys.argv[1]):
    print(*("-" if v is None else v for v in json.loads(line).values()))' "$work/out" >"$work/json"
check 'the same cells' diff "$work/text" "$work/json"
check 'of two groups at least' test "$(wc -l <"$work/text")" -ge 2
check '--json without -o' list --json
check 'has all columns' has "$work/out" "^{\"pid\": $pid, .*\"fastpath\": \"fanfp_watch\", \"seen\": [1-9].*\"comm\": \"fanfp\", \"flags\": [1-9].*\"link\": [1-9][0-9]*}\$"

check 'any name' list -o pid,comm
check 'is one line, escaped' has "$work/out" "^ *$holder a\"b"'\\134\\012\\033'
check 'without a control character' has_not "$work/out" $'[\x01-\x09\x0b-\x1f]'
check 'any name in JSON' list --json -o pid,comm
check 'can be had back' python3 -c 'import json, os, sys
names = [d["comm"] for d in map(json.loads, open(sys.argv[1])) if d["pid"] == int(sys.argv[2])]
assert [os.fsencode(n) for n in names] == [os.fsencode(sys.argv[3])], names' "$work/out" "$holder" "$name"

# on_terminal COLUMNS ARGUMENT...: what is printed there, without carriage returns
on_terminal() {
	python3 -c 'import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if not pid:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
out = b""
try:
    while data := os.read(fd, 4096):
        out += data
except OSError:
    pass
os.waitpid(pid, 0)
sys.stdout.buffer.write(out.replace(b"\r", b""))' "$@" >"$work/out"
}
fits() {
	[[ -s $work/out ]] && has_not "$work/out" ".{$(($1 + 1))}"
}
for width in 60 80; do
	on_terminal "$width" "$fanfp" list
	check "$width columns: it fits" fits "$width"
	check "$width columns: the group is there" has "$work/out" "^ *$pid .*fanfp_w"
done
on_terminal 200 "$fanfp" list
check '200 columns: all columns are there' has "$work/out" ' EXPIRED INVALID COMM *$'
check 'a pipe' list
check 'has all columns' has "$work/out" ' EXPIRED INVALID COMM *$'
kill "$pid"
wait "$pid" || :

check 'no group' unshare --pid --fork --mount-proc "$fanfp" list
check 'is no failure' unshare --pid --fork --mount-proc "$fanfp" list --json

done_testing
