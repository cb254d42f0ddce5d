# Sourced by vm/series/check-builds: sparse on the sources that the series touches.
# shellcheck shell=bash disable=SC2154 # variables and functions are of vm/common.sh and check-builds

# sparse_says on|none: what sparse says of the C files that the series touches. The
# compiler runs with it; nobody looks at what that says here, so prepare() lets it run again.
sparse_says() {
	local sources=() source
	for source in "${touched[@]}"; do
		[[ $source == *.c && -f $check/tree/$source ]] && sources+=("$source")
	done
	compile "$1" C=2 CF="$sparse_flags" "${sources[@]/%.c/.o}" || return
	for source in "${sources[@]}"; do
		grep -q "CHECK  .*$source\$" "$log" && continue
		echo "error: sparse was not run on $source"
		return 1
	done
}

# Sparse on the series, and, when all patches are off the tree, on the base: it is what
# the series adds that matters.
sparse='sparse says no more than on the base' sparse_key='' series_log=$logs/check-sparse.log
sparse_series() {
	local log=$series_log
	if ! type -P sparse >/dev/null; then
		echo "skip $sparse # it is not installed"
	elif ! fresh "$sparse"; then
		echo "ok $sparse (found before; nothing changed)"
	elif prepare && ! run_logged "$log" "running sparse" "" sparse_says on; then
		show_errors "$log" 2>&1 | sed 's/^/|/'
		echo "bad sparse; log: $log"
	else
		told "$check/tree" "$log" >"$check/sparse"
		sparse_key=${key:-none}
	fi
}
sparse_base() {
	local log=$logs/check-sparse-base.log new
	if ! run_logged "$log" "running sparse on the base" "" sparse_says none; then
		echo "bad sparse on the base; log: $log"
	elif new=$(comm -13 <(told "$check/tree" "$log") "$check/sparse") && [[ -n $new ]]; then
		echo "|${new//$'\n'/$'\n'|}"
		echo "bad $sparse; log: $series_log"
	else
		echo "ok $sparse"
		key=${sparse_key#none}
		found_good
	fi
}
