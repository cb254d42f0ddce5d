#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp guard: a verdict is not used for content that it is not about, whatever
# way the content was changed.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016,SC2119,SC2154
source "$(dirname "$0")/tap.bash"

cat >"$work/change.py" <<'P'
import fcntl, mmap, os, struct, sys
how, path = sys.argv[1:3]
stat = os.stat(path)
def fd(flags=0):
    return os.open(path, os.O_RDWR | flags)
def say(word):
    print(word, flush=True)
    sys.stdin.readline()
if how == "write":
    os.pwrite(fd(), b"EVIL", 0)
elif how == "write, with the old times":
    f = fd()
    os.pwrite(f, b"EVIL", 0)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
elif how == "append":
    os.write(fd(os.O_APPEND), b"EVIL")
elif how == "truncate on open":
    os.write(fd(os.O_TRUNC), b"EVIL")
elif how == "truncate":
    os.truncate(path, 5)
elif how == "fallocate":
    os.posix_fallocate(fd(), 0, 20000)
elif how == "copy_file_range":
    source = os.open(path.replace("/in/", "/out/") + ".source", os.O_RDONLY)
    os.copy_file_range(source, fd(), 4, 0, 0)
elif how == "sendfile":
    source = os.open(path.replace("/in/", "/out/") + ".source", os.O_RDONLY)
    os.sendfile(fd(), source, 0, 4)
elif how in ("reflink", "reflink of a range"):
    source = os.open(path.replace("/in/", "/out/") + ".large", os.O_RDONLY)
    if how == "reflink":
        fcntl.ioctl(fd(), 0x40049409, source)  # FICLONE
    else:
        fcntl.ioctl(fd(), 0x4020940d, struct.pack("qQQQ", source, 0, 4096, 0))
elif how == "store":
    f = fd()
    m = mmap.mmap(f, 0)
    m[0:4] = b"EVIL"
elif how == "store, descriptor closed":
    f = fd()
    m = mmap.mmap(f, 0)
    os.close(f)
    m[0:4] = b"EVIL"
elif how == "map":
    mmap.mmap(fd(), 0)
elif how == "store to a dirty page":
    # The change time is that of the first store; later ones leave no trace.
    f = fd()
    m = mmap.mmap(f, 0)
    os.close(f)
    m[10:11] = b"x"
    say("dirty")
    m[0:4] = b"EVIL"
    say("stored")
P

# start_writer FILE: has it mapped, a page dirty
start_writer() {
	coproc writer { python3 "$work/change.py" 'store to a dirty page' "$1"; }
	read -ru "${writer[0]}" _
}

proceed() {
	echo >&"${writer[1]}"
	read -ru "${writer[0]}" _ || :
}

end_writer() {
	local last=$writer_PID
	echo >&"${writer[1]}"
	wait "$last" || :
}

fill() {
	rm -f "$1"
	printf 'good %5000d\n' 1 >"$1"
}

changes() {
	sed -n 's/^fanotify-fastpath name:fanfp_changes.* skipped:\([0-9]*\).*/\1/p' "/proc/$pid/fdinfo/"*
}

test_changes() {
	local fs=$1 how file before ways
	ways=(write 'write, with the old times' append 'truncate on open'
		copy_file_range sendfile store 'store, descriptor closed')
	if [[ $fs == xfs || $fs == btrfs ]]; then ways+=(reflink 'reflink of a range'); fi
	guard
	for how in "${ways[@]}"; do
		file=$mnt/in/file
		fill "$file"
		echo EVIL >"$mnt/out/file.source"
		printf 'EVIL %8000d\n' 1 >"$mnt/out/file.large"
		allowed cat "$file"
		: >"$scans"
		check "$fs, $how: the file is known" allowed cat "$file"
		check "$fs, $how: and not scanned" scanned 0
		python3 "$work/change.py" "$how" "$file"
		check "$fs, $how: what was changed is denied" denied cat "$file"
	done

	for how in truncate fallocate; do
		fill "$file"
		allowed cat "$file"
		: >"$scans"
		check "$fs, $how: the file is known" allowed cat "$file"
		check "$fs, $how: and not scanned" scanned 0
		before=$(changes)
		python3 "$work/change.py" "$how" "$file"
		check "$fs, $how: the kernel counts it" test "$(changes)" -gt "$before"
		: >"$scans"
		check "$fs, $how: it can be read" allowed cat "$file"
		check "$fs, $how: it was scanned again" scanned 1
	done

	fill "$file"
	allowed cat "$file"
	echo EVIL >"$file.new"
	mv "$file.new" "$file"
	check "$fs: what was renamed over the file is denied" denied cat "$file"
	check "$fs: it cannot be opened to mend it" denied sh -c 'echo good >"$1"' - "$file"
	ln "$file" "$mnt/out/file"
	echo good >"$mnt/out/file"
	check "$fs: a bad file that has become good is allowed" allowed cat "$file"
	rm "$mnt/out/file"

	fill "$file"
	start_writer "$file"
	check "$fs: a file that is mapped for writing can be read" allowed cat "$file"
	proceed
	check "$fs: a store to it is noticed at once" denied cat "$file"
	end_writer
	check "$fs: and when it is not mapped any more" denied cat "$file"

	fill "$file"
	start_writer "$file"
	allowed cat "$file"
	proceed
	end_writer
	check "$fs: a store is noticed after the writer has gone" denied cat "$file"

	# Pages that were mapped may be written to by who has pinned them.
	fill "$file"
	python3 "$work/change.py" map "$file"
	: >"$scans"
	check "$fs: a file that was mapped for writing can be read" allowed cat "$file"
	check "$fs: and again" allowed cat "$file"
	check "$fs: no verdict about it is kept" scanned 2

	# An overlay maps the pages of the file below it.
	local upper=$mnt/in/upper merged=$work/merged
	mkdir -p "$upper" "$mnt/in/work" "$work/lower" "$merged"
	fill "$upper/file"
	mount -t overlay -o "lowerdir=$work/lower,upperdir=$upper,workdir=$mnt/in/work" overlay "$merged"
	python3 "$work/change.py" map "$merged/file"
	umount "$merged"
	: >"$scans"
	check "$fs: a file that was mapped through an overlay can be read" allowed cat "$upper/file"
	check "$fs: and again" allowed cat "$upper/file"
	check "$fs: no verdict about it is kept" scanned 2
	fill "$upper/other"
	allowed cat "$upper/other"
	: >"$scans"
	check "$fs: but about one that was not" allowed cat "$upper/other"
	check "$fs: and so not scanned" scanned 0

	# The scan begins, then the file changes: what it says is about neither.
	rm "$file"
	printf 'SLOW %5000d\n' 1 >"$file"
	: >"$scans"
	rm -f "$work/go"
	cat "$file" >/dev/null & local slow=$!
	wait_until grep -q SLOW "$scans"
	python3 -c 'import os, sys; os.pwrite(os.open(sys.argv[1], os.O_RDWR), b"EVIL", 0)' "$file" & local write=$!
	wait_until eval '(($(grep -c SLOW "$scans") >= 2))'
	touch "$work/go"
	wait "$slow" "$write"
	check "$fs: a scan that was overtaken by a change is not kept" denied cat "$file"

	local i
	fill "$file"
	: >"$scans"
	allowed cat "$file"
	chmod 600 "$file"
	check "$fs: chmod" allowed cat "$file"
	for ((i = 0; i < 5; i++)); do allowed cat "$file"; done
	check "$fs: needs one more scan at most" test "$(wc -l <"$scans")" -le 2
	stop
	check "$fs: nothing was undecided" equal 0 "$(figure "$work/figures" undecided)"
}

# shellcheck source=fanfp/tests/guard.bash
source "$(dirname "$0")/guard.bash"
test_changes tmpfs

for fs in ext4 xfs btrfs; do
	# Of an image that has a filesystem already no other one is made.
	rm -f "$work/image"
	truncate -s 320M "$work/image"
	if ! "mkfs.$fs" -q "$work/image" >/dev/null 2>&1 || ! mount -o loop "$work/image" "$mnt" 2>/dev/null; then
		echo "skip $fs # it cannot be made here"
		continue
	fi
	mkdir "$mnt/in" "$mnt/out"
	test_changes "$fs"

	if [[ $fs == ext4 ]]; then
		guard
		fill "$mnt/in/file"
		allowed cat "$mnt/in/file"
		check 'eviction: the file is known' allowed cat "$mnt/in/file"
		check 'eviction: after one scan' scanned 1
		sync
		echo 3 >/proc/sys/vm/drop_caches
		check 'eviction: it can be read' allowed cat "$mnt/in/file"
		check 'eviction: it was scanned again' scanned 2
		stop
		check 'the filesystem can be unmounted' umount "$mnt"
	else
		umount "$mnt"
	fi
done

done_testing
