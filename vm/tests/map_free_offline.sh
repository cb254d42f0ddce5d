#!/bin/bash
# Can a processor go offline while BPF maps are freed? The test of patch 5: without it
# both wait for each other. Maps of the storage of cgroups wait for cgroup_mutex on every
# kernel, those of struct_ops for RCU callbacks with PREEMPT_RT.
set -uo pipefail
cd "${SELFTESTS:?is the folder of test_progs}" || exit

name=map_free_offline
online=/sys/devices/system/cpu/cpu1/online
cgroups=/sys/fs/cgroup/$name
rounds=100
tmp=$(mktemp -d)

# Each map of these programs, which the verifier refuses, is freed.
free_struct_ops() {
	while [[ ! -e $tmp/stop ]]; do
		./test_progs -t fanotify_fastpath_fail >/dev/null 2>&1 || return
		echo >>"$tmp/freed"
	done
}

# Maps are made and closed.
free_cgroup_storage() {
	python3 - "$tmp" <<-'END'
		import ctypes, os, platform, struct, sys, time
		bpf = {"x86_64": 321, "aarch64": 280}[platform.machine()]
		libc = ctypes.CDLL(None, use_errno=True)
		# type, sizes of key and value, entries, and room for what else there is
		attr = struct.pack("5I52x", 19, 8, 8, 0, 0)
		while not os.path.exists(sys.argv[1] + "/stop"):
		    for _ in range(100):
		        fd = libc.syscall(bpf, 0, attr, len(attr))
		        if fd < 0:
		            sys.exit("map: " + os.strerror(ctypes.get_errno()))
		        os.close(fd)
		        time.sleep(0.001)
		    with open(sys.argv[1] + "/freed", "a") as file:
		        print(file=file)
	END
}

# A task goes from one cgroup to the other, and holds cgroup_mutex meanwhile.
move() {
	python3 - "$tmp" "$cgroups" <<-'END'
		import os, sys
		while not os.path.exists(sys.argv[1] + "/stop"):
		    for cgroup in "a", "b", "..":
		        with open(f"{sys.argv[2]}/{cgroup}/cgroup.procs", "w") as file:
		            file.write("0")
		    with open(sys.argv[1] + "/moved", "a") as file:
		        print(file=file)
	END
}

go_and_come() {
	local i
	for ((i = 0; i < rounds; i++)); do
		echo 0 >"$online" || return
		sleep "0.$((RANDOM % 4))"
		echo 1 >"$online" || return
		sleep "0.$((RANDOM % 7))"
		echo >>"$tmp/rounds"
	done
}

# Who hangs may hang what reads programs, too: bash does the rest by itself.
count() {
	local lines
	mapfile -t lines <"$tmp/$1"
	echo ${#lines[@]}
}
exec {never}<> <(:)
second() { read -rt 1 -u "$never" || true; }

# check CASE WHAT...: what is done meanwhile, each by a process of its own, which may be
# on any processor. This shell may not: the timers of the other one stop with it. Who
# hangs cannot be waited for, nor can a cgroup be removed then.
check() {
	local case=$name/$1 what pid pids=() last=-1 since=$SECONDS
	shift
	for what in freed rounds moved; do : >"$tmp/$what"; done
	rm -f "$tmp/stop"
	for what in "$@" go_and_come; do
		{ taskset -pc 0-1 $BASHPID >/dev/null && "$what"; } &
		pids+=($!)
	done
	while (($(count rounds) < rounds)); do
		second
		if (($(count rounds) != last)); then
			last=$(count rounds) since=$SECONDS
		elif ((SECONDS - since > 60)); then
			break
		fi
	done
	: >"$tmp/stop"
	echo "# $(count rounds) rounds, $(count freed) times maps were freed, $(count moved) moves"
	if (($(count rounds) < rounds)); then
		echo "not ok $case # the processor does not go offline, or does not come back"
		exit 1
	fi
	for pid in "${pids[@]}"; do
		wait "$pid" || { echo "not ok $case # a process of it failed" && exit 1; }
	done
	if (($(count freed) == 0)); then
		echo "not ok $case # no map was freed"
		exit 1
	fi
	echo "ok $case"
}

[[ -w $online ]] || { echo "skip $name # no second processor that can go offline"; exit 0; }
taskset -pc 0 $$ >/dev/null
mkdir -p "$cgroups"/{a,b} || { echo "not ok $name # no cgroups"; exit 1; }
check cgroup_storage free_cgroup_storage free_cgroup_storage move
if [[ $(uname -v) == *PREEMPT_RT* ]]; then
	check struct_ops free_struct_ops free_struct_ops free_struct_ops
else
	echo "skip $name/struct_ops # not a PREEMPT_RT kernel"
fi
rmdir "$cgroups"/{a,b,}
rm -r "$tmp"
