#!/bin/bash
# The selftests of the fixes of fsnotify, which have no BPF: is a file that is moved to a
# watched directory watched there, and can fdinfo be read while marked inodes go?
set -uo pipefail
tests=("$(dirname "$0")"/../../tools/testing/selftests/filesystems/*.c)
cd "${SELFTESTS:?is the folder that these tests are in}" || exit
status=0
for test in "${tests[@]}"; do
	test=$(basename "$test" .c) ran=0 failed=0
	while IFS= read -r line; do
		if [[ $line =~ ^((not )?ok)\ [0-9]+\ ([^ ]+)(\ # SKIP (.*))?$ ]]; then
			ran=1
			if [[ ${BASH_REMATCH[4]} ]]; then
				echo "skip ${BASH_REMATCH[3]} # ${BASH_REMATCH[5]}"
			else
				echo "${BASH_REMATCH[1]} ${BASH_REMATCH[3]}"
				[[ ${BASH_REMATCH[1]} == ok ]] || failed=1
			fi
		else
			echo "# $line"
		fi
	done < <("./$test" 2>&1)
	wait $! || failed=1
	if ((!ran)); then
		echo "not ok $test # nothing was run"
		failed=1
	fi
	((!failed)) || status=1
done
exit "$status"
