#!/bin/bash
# Can a processor go offline while struct_ops maps are freed? The test of patch 4:
# without it, both wait for each other with PREEMPT_RT.
set -uo pipefail
cd "${SELFTESTS:?is the folder of test_progs}" || exit

name=map_free_offline
online=/sys/devices/system/cpu/cpu1/online
[[ $(uname -v) == *PREEMPT_RT* ]] || { echo "skip $name # not a PREEMPT_RT kernel"; exit 0; }
[[ -w $online ]] || { echo "skip $name # no second processor that can go offline"; exit 0; }
tmp=$(mktemp -d)
touch "$tmp"/{freed,rounds}

# Each map of these programs, which the verifier refuses, is freed.
free_maps() {
	while [[ ! -e $tmp/stop ]]; do
		./test_progs -t fanotify_fastpath_fail >/dev/null 2>&1 || return
		echo >>"$tmp/freed"
	done
}

rounds=100
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

count() { wc -l <"$tmp/$1"; }

for ((i = 0; i < 3; i++)); do free_maps & done
go_and_come &
# Who hangs cannot be waited for. From here on, nothing of this shell may be on the other
# processor: its timers stop with it.
taskset -pc 0 $$ >/dev/null
last=-1 since=$SECONDS
while (($(count rounds) < rounds)); do
	sleep 1
	if (($(count rounds) != last)); then
		last=$(count rounds) since=$SECONDS
	elif ((SECONDS - since > 60)); then
		break
	fi
done
touch "$tmp/stop"
echo "# $(count rounds) rounds, $(count freed) times all maps were freed"
if (($(count rounds) < rounds)); then
	echo "not ok $name # the processor does not go offline, or does not come back"
	exit 1
fi
wait
if (($(count freed) == 0)); then
	echo "not ok $name # no map was freed"
	exit 1
fi
rm -r "$tmp"
echo "ok $name"
