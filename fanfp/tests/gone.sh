#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp watch: what it watches is removed, unmounted or detached under it.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

# start OPTION... DIR...: in the background, until it has its marks
start() {
	"$fanfp" watch "$@" >"$work/out" 2>"$work/err" &
	pid=$!
	wait_until has_marks
}

has_marks() {
	grep -qs '^fanotify sdev:' "/proc/$pid/fdinfo/"*
}

# To be called before its exit status is looked at, which is in $ended then
await_end() {
	wait_until is_gone || kill -KILL "$pid"
	ended=0
	wait "$pid" || ended=$?
}

is_gone() {
	! kill -0 "$pid"
}

for mode in '' --no-fastpath; do
	name=${mode:-fast path}
	mkdir "$mnt/dir" "$mnt/other"
	start ${mode:+"$mode"} --json "$mnt/dir" "$mnt/other"
	rmdir "$mnt/dir"
	check "$name: removal of a directory is told" \
		wait_until grep -q 'dir was removed, and is no longer watched' "$work/err"
	touch "$mnt/other/file"
	check "$name: the other one is still watched" \
		wait_until grep -q '"create".*other/file' "$work/out"
	rm -r "$mnt/other"
	await_end
	check "$name: after the last one it ends" equal 1 "$ended"
	check "$name: and says so" has "$work/err" 'nothing is left to watch'
	check "$name: removal is an event" has "$work/out" '"delete_self"\], "dir": true, "path": ".*/dir"'
done

mkdir "$mnt/dir"
start "$mnt/dir"
touch "$mnt/dir/file"
check 'the last event is printed' wait_until grep -q 'create.*/file' "$work/out"
check 'umount works while the filesystem is watched' umount "$mnt"
await_end
check 'fanfp ends then' equal 1 "$ended"
check 'and says so' has "$work/err" 'was unmounted: .*/dir is no longer watched'

mount -t tmpfs fanfp-test "$mnt"
mkdir "$mnt/dir" "$work/bind"
mount --bind "$mnt" "$work/bind"
check 'with another mount of it left' status 0 \
	"$fanfp" watch "$mnt/dir" -- \
	bash -c 'umount "$1" && touch "$2/bind/dir/file"' - "$mnt" "$work"
check 'events are printed by that one' has "$work/out" 'create.*/bind/dir/file$'
check 'and nothing is said' has_not "$work/err" unmounted
umount "$work/bind"

mount -t tmpfs fanfp-test "$mnt"
mkdir -p "$mnt/dir/below"
mount -t tmpfs fanfp-test "$mnt/dir/below"
check 'a mount below is told' status 0 "$fanfp" watch "$mnt/dir" -- true
check 'as not watched' has "$work/err" 'note: .*/dir/below is mounted below .*/dir: other filesystems are not watched'
umount "$mnt/dir/below"

mkdir "$mnt/outside"
start "$mnt/dir"
check 'the program can be detached' detach "$pid" fanfp_watch
check 'which is told' wait_until grep -q 'the program was detached' "$work/err"
touch "$mnt/outside/file" "$mnt/dir/after"
check 'events inside are still printed' wait_until grep -q 'create.*/dir/after$' "$work/out"
kill -TERM "$pid"
await_end
check 'and events outside are still not' has_not "$work/out" outside

done_testing
