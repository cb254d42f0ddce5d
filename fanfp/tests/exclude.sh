#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp watch --exclude: the nearest directory decides, at any depth, with the
# fast path and without.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

mkdir -p "$mnt/a/b/c/d" "$mnt/e"

# a is watched, a/b is not, a/b/c is, a/b/c/d is not.
for mode in --no-fastpath ''; do
	name=${mode:-fast path}
	check "$name: nested directories" status 0 \
		"$fanfp" watch --json ${mode:+"$mode"} --events create,delete,move \
		--exclude "$mnt/a/b" --exclude "$mnt/a/b/c/d" \
		"$mnt/a" "$mnt/a/b/c" -- \
		bash -c 'cd "$1"
			for d in a a/b a/b/c a/b/c/d e; do
				touch "$d/file"; mkdir "$d/new"; touch "$d/new/file"
			done
			mv a/b/file a/b/c/d/moved
			mv a/b/c/d/moved a/moved
			rm -r */new */*/new */*/*/new */*/*/*/new
			rm -f */file */*/file */*/*/file */*/*/*/file a/moved' - "$mnt"
	check "$name: the nearest one decides" equal 'create a/b/c/file
create a/b/c/new/
create a/b/c/new/file
create a/file
create a/new/
create a/new/file
delete a/b/c/file
delete a/b/c/new/
delete a/b/c/new/file
delete a/file
delete a/moved
delete a/new/
delete a/new/file
move a/b/c/d/moved a/moved' "$(pairs "$work/out")"
done

check 'an excluded directory may be renamed' status 0 \
	"$fanfp" watch --json --events create --exclude "$mnt/a/b" "$mnt/a" -- \
	bash -c 'mv "$1/a/b" "$1/a/B"; touch "$1/a/B/x" "$1/a/y"' - "$mnt"
check 'and stays excluded' equal 'create a/y' "$(pairs "$work/out")"

check 'excluding what is not watched is an error' status 1 \
	"$fanfp" watch --exclude "$mnt/e" "$mnt/a"
check 'that says so' has "$work/err" '--exclude .*/e: it is not below a watched directory'
check 'excluding what is watched is an error' status 1 \
	"$fanfp" watch --exclude "$mnt/a" "$mnt/a"
check 'that says so, too' has "$work/err" 'both watched and excluded'

done_testing
