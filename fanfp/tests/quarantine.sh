#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The example quarantine: what a cgroup has written is not executed until it is
# cleared; no exec wakes the listener.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016,SC2154
source "$(dirname "$0")/tap.bash"

quarantine=$(dirname "$fanfp")/examples/quarantine
[[ -x $quarantine ]] || {
	echo "1..0 # SKIP there is no $quarantine: make examples"
	exit 0
}
cgroup=/sys/fs/cgroup/fanfp-test-$$
mkdir "$cgroup" "$cgroup/child" 2>/dev/null || {
	echo '1..0 # SKIP no cgroup can be made in /sys/fs/cgroup'
	exit 0
}
trap 'clean_up; rmdir "$cgroup/child" "$cgroup"' EXIT
true=$(type -P true)
xattr=security.bpf.quarantine

# within CGROUP COMMAND...
within() (
	echo "$BASHPID" >"$1/cgroup.procs"
	shift
	"$@"
)

start() {
	"$quarantine" "$cgroup" "$mnt" >"$work/out" 2>"$work/err" &
	pid=$!
	wait_until grep -q guarding "$work/out" || {
		echo "# it did not start: $(<"$work/err")"
		return 1
	}
}

stop() {
	kill "$pid"
	wait "$pid"
}

figure() {
	sed -n "s/^$1 //p" "$work/out"
}

# Events that the listener got, from the kernel's own count
sent() {
	sed -n 's/^fanotify-fastpath name:example_quarantine .* sent:\([0-9]*\) .*/\1/p' "/proc/$pid/fdinfo/"*
}

# events N COMMAND...: it causes N events, and does what it should
events() {
	local expected=$1 before
	before=$(sent)
	shift
	"$@" || return
	equal "$expected events" "$(($(sent) - before)) events"
}

twenty() {
	for _ in {1..20}; do
		"$@" || return
	done
}

kept() {
	python3 -c 'import os, sys; os.getxattr(*sys.argv[1:])' "$1" "$xattr"
}

clear_file() {
	python3 -c 'import os, sys
try:
    os.removexattr(*sys.argv[1:])
except OSError as e:
    sys.exit(os.strerror(e.errno))' "$1" "$xattr"
}

refused_busy() {
	local message
	! message=$(clear_file "$1" 2>&1) && [[ $message == 'Text file busy' ]]
}

test_quarantine() {
	local fs=$1
	start
	cp "$true" "$mnt/good"
	check "$fs: what others write is executed" events 0 "$mnt/good"
	check "$fs: 20 times" events 0 twenty "$mnt/good"
	check "$fs: the cgroup writes: one event, to keep it" events 1 within "$cgroup" cp "$true" "$mnt/bad"
	check "$fs: it is not executed" events 0 denied "$mnt/bad"
	check "$fs: 20 times" events 0 twenty denied "$mnt/bad"
	check "$fs: not within the cgroup either" events 0 denied within "$cgroup" "$mnt/bad"
	check "$fs: but read" events 0 cmp "$true" "$mnt/bad"
	check "$fs: others may be executed there" events 0 within "$cgroup" "$mnt/good"
	check "$fs: a cgroup below counts as well" events 1 within "$cgroup/child" cp "$true" "$mnt/bad2"
	check "$fs: it is not executed" events 0 denied "$mnt/bad2"
	mv "$mnt/bad" "$mnt/renamed"
	check "$fs: nor after a rename" denied "$mnt/renamed"
	ln "$mnt/renamed" "$mnt/link"
	check "$fs: nor by another link" denied "$mnt/link"
	within "$cgroup" bash -c 'printf "#!/bin/sh\n" >"$1"; chmod +x "$1"' - "$mnt/script"
	check "$fs: nor a script" denied "$mnt/script"
	check "$fs: a script that is read cannot be told" sh "$mnt/script"
	cp "$true" "$mnt/changed"
	check "$fs: one that is not changed" "$mnt/changed"
	within "$cgroup" bash -c 'echo >>"$1"' - "$mnt/changed"
	check "$fs: and then is" events 0 denied "$mnt/changed"

	check "$fs: it is kept" wait_until kept "$mnt/renamed"
	check "$fs: and ends when that is removed" clear_file "$mnt/renamed"
	check "$fs: then it is executed" events 0 "$mnt/renamed"
	check "$fs: the other one is not" denied "$mnt/bad2"
	wait_until kept "$mnt/script"
	exec {fd}>>"$mnt/script"
	check "$fs: what somebody may still write to is not cleared" refused_busy "$mnt/script"
	exec {fd}>&-
	check "$fs: and stays" denied "$mnt/script"
	check "$fs: until nobody does" clear_file "$mnt/script"
	check "$fs: then it is executed" "$mnt/script"
	within "$cgroup" bash -c 'echo >>"$1"' - "$mnt/script"
	check "$fs: and not after the next write" denied "$mnt/script"
	stop
	check "$fs: no exec was asked about" equal 0 "$(figure asked)"
	check "$fs: denials were counted" test "$(figure denied)" -ge 25
	check "$fs: its end is told" has "$work/err" 'executed from now on'
	check "$fs: and is true" "$mnt/bad2"

	start
	check "$fs, restarted: it is still not executed" events 0 denied "$mnt/bad2"
	check "$fs, restarted: what was cleared is" events 0 "$mnt/renamed"
	check "$fs, restarted: and what never was" events 0 "$mnt/good"
	stop
}

# Inodes that nobody has seen before
start_anew() {
	umount "$mnt"
	mount -o loop "$work/image" "$mnt"
	start
}

test_memory() {
	# Until it executes something, setpriv keeps its capabilities: hence env.
	local fs=$1 nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups env)
	start_anew
	check "$fs, mounted anew: it is not executed" events 0 denied "$mnt/bad2"
	check "$fs, mounted anew: others are" events 0 "$mnt/good"
	stop
	check "$fs, mounted anew: nothing was asked" equal 0 "$(figure asked)"

	# An attribute can be read by who can read the file.
	chmod 711 "$mnt/bad2" "$mnt/good"
	start_anew
	check "$fs, not readable: the listener is asked" events 1 denied "${nobody[@]}" "$mnt/bad2"
	check "$fs, not readable: once" events 0 denied "${nobody[@]}" "$mnt/bad2"
	check "$fs, not readable: it allows others" events 1 "${nobody[@]}" "$mnt/good"
	check "$fs, not readable: once, too" events 0 "${nobody[@]}" "$mnt/good"
	stop
	check "$fs: it was asked twice" equal 2 "$(figure asked)"
}

test_quarantine tmpfs

truncate -s 320M "$work/image"
if mkfs.xfs -q "$work/image" 2>/dev/null && mount -o loop "$work/image" "$mnt"; then
	chmod 755 "$work"
	test_quarantine xfs
	test_memory xfs
	check 'xfs: the filesystem can be unmounted' umount "$mnt"
else
	echo 'skip xfs # it cannot be made here'
fi

check 'no cgroup is refused' status 1 "$quarantine" "$work" "$mnt"
check 'it says why' has "$work/err" 'not a cgroup'

done_testing
