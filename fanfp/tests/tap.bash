# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Sourced by the tests: TAP output, and a filesystem of their own to work on.
#
# A test is run as root on a kernel with the fast path:
#	fanfp/tests/watch.sh
# FANFP names the tool; else it is the one in PATH, else the one in ../build/.
set -euo pipefail

fanfp=${FANFP:-fanfp}
type -P "$fanfp" >/dev/null || fanfp=$(dirname "$0")/../build/fanfp
fanfp=$(type -P "$fanfp") || {
	echo "1..0 # SKIP there is no fanfp: build it, or set FANFP"
	exit 0
}
((EUID == 0)) || {
	echo '1..0 # SKIP not root'
	exit 0
}

tests=0
failures=0

# check NAME COMMAND...: the command is the test
check() {
	local name=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	tests=$((tests + 1))
	if ((status == 0)); then
		echo "ok $tests - $name"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $tests - $name"
	printf '# %s\n' "$* returned $status" "${output//$'\n'/$'\n# '}"
}

# equal EXPECTED ACTUAL
equal() {
	diff <(echo "$1") <(echo "$2")
}

# has FILE PATTERN: an extended regular expression
has() {
	grep -Eq -- "$2" "$1" || {
		echo "no line matches $2 in:"
		cat "$1"
		return 1
	}
}

has_not() {
	! grep -E -- "$2" "$1"
}

# status EXPECTED COMMAND...: its output goes to $work/out and $work/err
status() {
	local expected=$1 actual=0
	shift
	"$@" >"$work/out" 2>"$work/err" || actual=$?
	((actual == expected)) || {
		echo "exit status $actual, not $expected"
		cat "$work/out" "$work/err"
		return 1
	}
}

# refused NAME STATUS MESSAGE COMMAND...: it ends soon, and says why
refused() {
	local name=$1 expected=$2 message=$3
	shift 3
	check "$name: exit status" status "$expected" timeout 20 "$@"
	check "$name: message" has "$work/err" "$message"
}

# "${covered[@]}" FILE PATH COMMAND...: in a mount namespace of its own, with FILE over PATH
# shellcheck disable=SC2016,SC2034 # used by the tests
covered=(unshare -m sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' -)

# denied COMMAND...: it ends soon, with EPERM
denied() {
	local message
	# timeout(1) runs no functions.
	[[ $(type -t "$1") != file ]] || set -- timeout 60 "$@"
	if message=$(LC_ALL=C "$@" 2>&1 >/dev/null); then
		echo 'it was not denied'
		return 1
	fi
	[[ $message == *'Operation not permitted'* ]] || {
		echo "$message"
		return 1
	}
}

# wait_until COMMAND...: for what no command waits for
wait_until() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	return 1
}

# pairs FILE [EVENT...]: one line for each event and path in fanfp's JSON, in
# order of name: the kernel may merge events of a file, or not. Below $mnt only.
pairs() {
	python3 - "$mnt" "$@" <<-'P'
		import json, sys
		mnt, file, only = sys.argv[1], sys.argv[2], sys.argv[3:]
		lines = set()
		for line in open(file):
		    event = json.loads(line)
		    if "summary" in event:
		        continue
		    path = event["path"] + "/" * event["dir"]
		    if "from" in event:
		        path = event["from"] + " " + path
		    for name in event["events"]:
		        if not only or name in only:
		            lines.add(f"{name} {path.replace(mnt + '/', '')}")
		print("\n".join(sorted(lines)))
	P
}

# figure FILE NAME: from what --summary wrote
figure() {
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$@"
}

# detach PID NAME: what 'bpftool link detach' does to the fast path NAME of a process
detach() {
	python3 - "$(sed -n "s/^fanotify-fastpath name:$2 link_id:\([0-9]*\).*/\1/p" "/proc/$1/fdinfo/"*)" <<-'P'
		import ctypes, os, struct, sys
		BPF_LINK_GET_FD_BY_ID, BPF_LINK_DETACH = 30, 34
		nr = {"x86_64": 321}.get(os.uname().machine, 280)
		libc = ctypes.CDLL(None, use_errno=True)
		def bpf(cmd, value):
		    attr = ctypes.create_string_buffer(struct.pack("I", value), 64)
		    ret = libc.syscall(nr, cmd, attr, 64)
		    if ret < 0:
		        sys.exit(os.strerror(ctypes.get_errno()))
		    return ret
		bpf(BPF_LINK_DETACH, bpf(BPF_LINK_GET_FD_BY_ID, int(sys.argv[1])))
	P
}

done_testing() {
	echo "1..$tests"
	((failures == 0))
}

work=$(mktemp -d /tmp/fanfp-test.XXXXXX)
mnt=$work/mnt
clean_up() {
	local job
	for job in $(jobs -p); do
		kill "$job" 2>/dev/null || :
	done
	umount -l "$mnt" 2>/dev/null || :
	rm -rf "$work"
}
trap clean_up EXIT
mkdir "$mnt"
mount -t tmpfs -o size=16m fanfp-test "$mnt"
