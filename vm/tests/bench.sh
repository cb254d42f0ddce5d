#!/bin/bash
# Does the benchmark of fanotify still run? Each case does a few operations; that
# its events were answered by whom the case names is checked by itself.
set -uo pipefail
cd "${SELFTESTS:?is the folder of bench}" || exit

rows=0 failed=0
while IFS= read -r line; do
	# The rows of the table, and what bench says of a failure
	if [[ $line =~ ^op=([^ ]+(\ [^ ]+=[^ ]+)*)\ +([^ ]+) ]]; then
		name="bench ${BASH_REMATCH[1]}" rows=$((rows + 1))
		case ${BASH_REMATCH[3]} in
		FAILED)
			echo "not ok $name"
			failed=1
			;;
		skipped)
			# This kernel has the fast path.
			echo "not ok $name: it was skipped"
			failed=1
			;;
		*) echo "ok $name" ;;
		esac
	else
		echo "# $line"
	fi
done < <(QUICK=1 BATCH=2 SAMPLES=3 benchs/run_bench_fanotify.sh 2>&1 || echo "op=all:  FAILED")
if ((rows == 0)); then
	echo 'not ok bench: nothing was run'
	failed=1
fi
exit "$failed"
