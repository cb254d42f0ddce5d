#!/bin/bash
# Is a file that is moved to a watched directory watched there? The selftest of patch 5.
set -uo pipefail
test=${SELFTESTS:?is the folder that watched_move_test is in}/watched_move_test
ran=0 failed=0
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
done < <("$test" 2>&1)
wait $! || failed=1
if ((!ran)); then
	echo "not ok watched_move: nothing was run"
	failed=1
fi
exit "$failed"
