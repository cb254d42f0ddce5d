#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The example hsm: what is read is fetched from the store first, and once; the
# listener is woken for what is missing and for nothing else.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016,SC2154
source "$(dirname "$0")/tap.bash"

hsm=$(dirname "$fanfp")/examples/hsm
[[ -x $hsm ]] || {
	echo "1..0 # SKIP there is no $hsm: make examples"
	exit 0
}

store=$work/store dir=$mnt/dir
mkdir "$store"
chunk=262144

# access.py HOW FILE [POS [LEN]]: prints what was read, or the name of the errno
cat >"$work/access.py" <<'P'
import errno, hashlib, mmap, os, sys
how, path = sys.argv[1:3]
pos, size = [int(n) for n in sys.argv[3:]] + [0, 10][len(sys.argv) - 3:]
def sum(data):
    print(hashlib.sha256(data).hexdigest()[:16], len(data))
try:
    if how == "mmap":
        start = pos // 4096 * 4096
        f = os.open(path, os.O_RDONLY)
        m = mmap.mmap(f, pos + size - start, prot=mmap.PROT_READ, offset=start)
        sum(m[pos - start:])
    elif how == "write":
        os.pwrite(os.open(path, os.O_RDWR), b"x" * size, pos)
    elif how == "append":
        os.write(os.open(path, os.O_WRONLY | os.O_APPEND), b"x" * size)
    elif how == "open for writing":
        os.open(path, os.O_WRONLY)
    elif how == "truncate":
        os.truncate(path, pos)
    elif how == "truncate on open":
        os.pwrite(os.open(path, os.O_WRONLY | os.O_TRUNC), b"x", pos)
    elif how == "punch":
        import ctypes # slow to load, and needed here only
        libc = ctypes.CDLL(None, use_errno=True)
        fallocate = libc.fallocate
        fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
        if fallocate(os.open(path, os.O_RDWR), 3, pos, size):
            raise OSError(ctypes.get_errno(), "fallocate")
    elif how == "data":
        # Which chunks hold data, of how many
        f = os.open(path, os.O_RDONLY)
        end, at, chunks = os.fstat(f).st_size, 0, set()
        while at < end:
            try:
                at = os.lseek(f, at, os.SEEK_DATA)
            except OSError:
                break
            hole = os.lseek(f, at, os.SEEK_HOLE)
            chunks |= set(range(at // 262144, (hole - 1) // 262144 + 1))
            at = hole
        print(*sorted(chunks))
except OSError as e:
    print(errno.errorcode[e.errno])
P
# Python is started for each access: with no more than it needs, as that takes most of
# the time on a kernel with checks.
access() {
	timeout 120 python3 -IS "$work/access.py" "$@"
}

# read_at FILE [POS [LEN]]: by one read(2); the name of the errno if it fails
read_at() {
	local data=$work/data.$BASHPID message
	if message=$(LC_ALL=C timeout 120 dd if="$1" iflag=skip_bytes skip="${2:-0}" bs="${3:-10}" count=1 2>&1 >"$data"); then
		cksum <"$data"
	elif [[ $message == *'Input/output error'* ]]; then
		echo EIO
	else
		echo "$message"
	fi
}

start() {
	"$hsm" "$store" "$dir" >"$work/out" 2>"$work/err" &
	pid=$!
	wait_until grep -q serving "$work/out" || {
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
	sed -n 's/^fanotify-fastpath name:example_hsm .* sent:\([0-9]*\) .*/\1/p' "/proc/$pid/fdinfo/"*
}

# events N COMMAND...: it causes N events, and does what it should
events() {
	local expected=$1 before
	before=$(sent)
	shift
	"$@" || return
	equal "$expected events" "$(($(sent) - before)) events"
}

# same FILE POS LEN: a read gives what is in the store
same() {
	equal "$(read_at "$store/$1" "$2" "$3")" "$(read_at "$dir/$1" "$2" "$3")"
}

same_mmap() {
	equal "$(access mmap "$store/$1" "$2" "$3")" "$(access mmap "$dir/$1" "$2" "$3")"
}

# gives WHAT HOW FILE...: what access prints
gives() {
	equal "$1" "$(access "${@:2}")"
}

# reads WHAT FILE [POS [LEN]]: what read_at prints
reads() {
	equal "$1" "$(read_at "${@:2}")"
}

# forget: no inode of the filesystem is left in memory. What was used of late is
# spared the first time.
forget() {
	sync
	for _ in 1 2 3; do echo 3 >/proc/sys/vm/drop_caches; done
}

is_local() {
	! python3 -c 'import os, sys; os.getxattr(sys.argv[1], "trusted.fanotify_hsm")' "$1" 2>/dev/null
}

# 20 chunks and a bit
size=$((20 * chunk + 1234))
fill() {
	head -c "$size" /dev/urandom >"$store/$1"
}

test_reads() {
	local fs=$1 i
	start
	check "$fs: a file is as large as in the store" equal "$size" "$(stat -c %s "$dir/a")"
	check "$fs: and empty" gives '' data "$dir/a"
	check "$fs: with the same times" equal "$(stat -c %Y "$store/a")" "$(stat -c %Y "$dir/a")"
	check "$fs: a first read is one event" events 1 same a $((5 * chunk + 100)) 10
	check "$fs: a second one is none" events 0 same a $((5 * chunk + 100)) 10
	check "$fs: nor is another one in the chunk" events 0 same a $((6 * chunk - 7)) 7
	check "$fs: only the chunk was fetched" gives 5 data "$dir/a"
	check "$fs: a range that is here in part is one event" events 1 same a $((4 * chunk + 1)) $((3 * chunk))
	check "$fs: what was missing is here" gives '4 5 6 7' data "$dir/a"
	check "$fs: the range is no event any more" events 0 same a $((4 * chunk)) $((4 * chunk))
	check "$fs: the end of the file is one event" events 1 same a $((20 * chunk + 1000)) 5000
	check "$fs: and then none" events 0 same a $((20 * chunk + 1000)) 5000
	check "$fs: nor is a read beyond" events 0 same a $((30 * chunk)) 10
	check "$fs: reading left the time as it was" equal "$(stat -c %Y "$store/a")" "$(stat -c %Y "$dir/a")"

	check "$fs: mmap of what is here is no event" events 0 same_mmap a $((5 * chunk)) 5000
	check "$fs: mmap of what is not is one" events 1 same_mmap a $((10 * chunk - 10)) 20
	check "$fs: and then none" events 0 same_mmap a $((10 * chunk - 10)) 20
	check "$fs: nor is a read of it" events 0 same a $((9 * chunk)) $((2 * chunk))

	check "$fs: the file has gaps" eval '! is_local "$dir/a"'
	check "$fs: all of the file is the same" cmp "$store/a" "$dir/a"
	check "$fs: it is an ordinary file then" is_local "$dir/a"
	check "$fs: reading it is no event" events 0 cmp "$store/a" "$dir/a"
	check "$fs: nor is writing" events 0 gives '' write "$dir/a" 5

	check "$fs: a program can be executed, all of it one chunk" events 1 "$dir/sub/true"
	check "$fs: a second time without an event" events 0 "$dir/sub/true"
	check "$fs: a new file is no event" events 0 bash -c 'echo new >"$1"; cat "$1"; echo more >>"$1"' - "$mnt/new"
	stop
	check "$fs: it was asked as often as events were sent" test "$(figure asked)" -ge 7
	check "$fs: nothing was denied" equal 0 "$(figure denied)"
	check "$fs: it says what its end means" has "$work/err" 'reads as zeros'
}

test_memory() {
	local fs=$1
	start
	check "$fs: a first read is one event" events 1 same b $((3 * chunk)) 10
	mv "$store/b" "$store/b.away"
	cp "$store/b.away" "$work/b"
	forget
	check "$fs, evicted: what is here is asked about once" events 1 reads "$(read_at "$work/b" $((3 * chunk)))" "$dir/b" $((3 * chunk))
	check "$fs, evicted: and then known again" events 0 reads "$(read_at "$work/b" $((3 * chunk)))" "$dir/b" $((3 * chunk))
	check "$fs: without the store a read fails" events 1 reads EIO "$dir/b" $((4 * chunk))
	check "$fs: so does mmap" events 1 gives EIO mmap "$dir/b" $((4 * chunk))
	check "$fs: and an open for writing" events 1 gives EIO 'open for writing' "$dir/b"
	check "$fs: which changes nothing" gives 3 data "$dir/b"
	head -c $((4 * chunk + 10)) "$store/b.away" >"$store/b"
	check "$fs: a file in the store that is too short is an error" reads EIO "$dir/b" $((4 * chunk))
	check "$fs: of which nothing is kept" gives 3 data "$dir/b"
	mv "$store/b.away" "$store/b"
	check "$fs: an error is not remembered" events 1 same b $((4 * chunk)) 10
	stop
	check "$fs: errors were counted" equal 4 "$(figure denied)"

	start
	check "$fs, restarted: what is here is asked about once" events 1 same b $((3 * chunk)) 10
	check "$fs, restarted: and then known" events 0 same b $((3 * chunk)) 10
	stop
	check "$fs, restarted: nothing was fetched" equal 0 "$(figure fetched_bytes)"
}

test_writes() {
	local fs=$1
	start
	check "$fs: a write fetches all" events 1 gives '' write "$dir/w1" $((7 * chunk + 3)) 5
	cp "$store/w1" "$work/w1"
	access write "$work/w1" $((7 * chunk + 3)) 5
	check "$fs: nothing else is changed" events 0 cmp "$work/w1" "$dir/w1"
	check "$fs: an append as well" events 1 gives '' append "$dir/w2"
	cp "$store/w2" "$work/w2"
	access append "$work/w2"
	check "$fs: it is at the end" events 0 cmp "$work/w2" "$dir/w2"
	check "$fs: O_TRUNC" gives '' 'truncate on open' "$dir/w3" $((8 * chunk))
	cp "$store/w3" "$work/w3"
	access 'truncate on open' "$work/w3" $((8 * chunk))
	check "$fs: what was cut off does not come back" events 0 cmp "$work/w3" "$dir/w3"
	check "$fs: a hole is made" gives '' punch "$dir/w4" $((2 * chunk)) $((2 * chunk))
	cp "$store/w4" "$work/w4"
	access punch "$work/w4" $((2 * chunk)) $((2 * chunk))
	forget
	check "$fs: and is not filled again" cmp "$work/w4" "$dir/w4"
	check "$fs: truncate(2) of a file with gaps is refused" gives EBUSY truncate "$dir/w5" 100
	check "$fs: and changes nothing" equal "$size" "$(stat -c %s "$dir/w5")"
	check "$fs: to a page's end, too" gives EBUSY truncate "$dir/w5" 4096
	check "$fs: or beyond" gives EBUSY truncate "$dir/w5" $((100 * chunk))
	check "$fs: one without gaps can be truncated" gives '' truncate "$dir/w4" 100
	stop
}

test_many() {
	local fs=$1 i readers=()
	# All at once: they wait for a listener that is stopped.
	start
	kill -STOP "$pid"
	for ((i = 0; i < 8; i++)); do
		read_at "$dir/c" $((2 * chunk + i)) 10 >"$work/read$i" &
		readers[i]=$!
	done
	check "$fs: all wait" wait_until eval '(($(sent) == 8))'
	kill -CONT "$pid"
	wait "${readers[@]}"
	for ((i = 0; i < 8; i++)); do
		check "$fs: reader $i gets what is in the store" equal "$(read_at "$store/c" $((2 * chunk + i)) 10)" "$(<"$work/read$i")"
	done
	stop
	check "$fs: it was fetched once" equal "$chunk" "$(figure fetched_bytes)"

	# Readers of a file while it is filled are not taken for writers.
	start
	for ((i = 0; i < 20; i++)); do
		read_at "$dir/d" $((i % 4 * chunk)) 10 >"$work/read$i" &
		readers[i]=$!
	done
	wait "${readers[@]}"
	for ((i = 0; i < 20; i++)); do
		equal "$(read_at "$store/d" $((i % 4 * chunk)) 10)" "$(<"$work/read$i")"
	done >"$work/diff" || :
	check "$fs: 20 at once get what is in the store" equal '' "$(<"$work/diff")"
	check "$fs: four chunks were fetched" gives '0 1 2 3' data "$dir/d"
	stop
}

test_paths() {
	local fs=$1
	start
	mkdir "$mnt/ro"
	mount --bind "$dir" "$mnt/ro"
	mount -o remount,bind,ro "$mnt/ro"
	check "$fs: a reader below a read-only mount" events 1 reads "$(read_at "$store/e")" "$mnt/ro/e"
	umount "$mnt/ro"
	ln "$dir/e" "$mnt/link"
	check "$fs: a link outside of the directory" equal "$(read_at "$store/e" "$chunk")" "$(read_at "$mnt/link" "$chunk")"
	mv "$dir/e" "$dir/e.new"
	check "$fs: a file that was renamed" equal "$(read_at "$store/e" $((2 * chunk)))" "$(read_at "$dir/e.new" $((2 * chunk)))"
	stop
}

for name in a b c d e w1 w2 w3 w4 w5; do fill "$name"; done
mkdir "$store/sub"
cp "$(type -P true)" "$store/sub/true"
: >"$store/empty"

check 'a filesystem without the event is refused' status 1 "$hsm" "$store" "$mnt"
check 'it says which have it' has "$work/err" 'ext4, xfs and btrfs have'

for fs in ext4 xfs btrfs; do
	rm -f "$work/image"
	truncate -s 400M "$work/image"
	if ! "mkfs.$fs" -q "$work/image" >/dev/null 2>&1 || ! mount -o loop "$work/image" "$mnt" 2>/dev/null; then
		echo "skip $fs # it cannot be made here"
		continue
	fi
	mkdir "$dir"
	test_reads "$fs"
	test_memory "$fs"
	# What follows has nothing to do with how a filesystem tells gaps.
	if [[ $fs == ext4 ]]; then
		test_writes "$fs"
		test_many "$fs"
		test_paths "$fs"
	fi
	check "$fs: the filesystem can be unmounted" umount "$mnt"
done

# More chunks than a block of bits is about, in a filesystem that has no room for
# all of it.
large=$store/large
truncate -s 600M "$large"
for ((i = 0; i < 6; i++)); do
	head -c $((4 * chunk)) /dev/urandom | dd of="$large" bs=4k oflag=seek_bytes seek=$((i * 256 * chunk)) conv=notrunc status=none
done
truncate -s 64M "$work/small"
mkfs.ext4 -q "$work/small"
mount -o loop "$work/small" "$mnt"
mkdir "$dir"
start
border=$((1024 * chunk))
check 'large: around the end of a block of bits' events 1 same large $((border - 10)) 20
check 'large: a second time' events 0 same large $((border - 10)) 20
check 'large: in the other block' events 1 same large $((2 * border + 5)) 20
check 'large: a second time' events 0 same large $((2 * border + 5)) 20
check 'large: the first one is still known' events 0 same large $((border - chunk)) $((2 * chunk))
check 'large: as much as is looked at' events 1 same large 0 $((40 * chunk))
check 'large: a second time' events 0 same large 0 $((40 * chunk))
check 'large: nothing more was fetched' gives "$(echo {0..39} 1023 1024 2048)" data "$dir/large"
check 'large: no room for all of it' gives ENOSPC 'open for writing' "$dir/large"
check 'large: what is here can still be read' same large 0 $((40 * chunk))
stop
check 'large: the filesystem can be unmounted' umount "$mnt"
check 'large: the store is left as it is' equal 629145600 "$(stat -c %s "$large")"

done_testing
