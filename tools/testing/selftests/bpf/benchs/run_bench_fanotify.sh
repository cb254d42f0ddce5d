#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# All cases of bench_fanotify.c.
#   RESULTS=FILE        add each command and its RESULT line to FILE
#   BATCH= SAMPLES=     as --batch and --samples
#   QUICK=1             each case and each operation, not all combinations
#   ONLY=OP             only this operation: open, read, create or exec
#   ONLY=scaling        one to all CPUs instead
#   ONLY=memory         what it takes of memory instead; EVENTS= as --events

# shellcheck source=/dev/null # of the kernel
source ./benchs/run_common.sh

set -euo pipefail

RUN=(./bench -q)
((EUID == 0)) || RUN=(sudo "${RUN[@]}")
OPTIONS=(--machine-readable)
[ -z "${BATCH:-}" ] || OPTIONS+=("--batch=$BATCH")
[ -z "${SAMPLES:-}" ] || OPTIONS+=("--samples=$SAMPLES")
QUICK=${QUICK:-}
CPUS=$(nproc)
EXIT_SKIP=4
failed=0

function rval()
{
	sed -nE "s/.* $2=([^ ]+).*/\1/p" <<<"$1"
}

function show()
{
	printf '%-44s %12s %12s %12s %12s\n' "$@"
}

# bench CPUS OPTION...: CPUS are the options of bench that say who runs where
function bench()
{
	local what="${*:2}" cpus=() command output line status=0

	read -ra cpus <<<"$1"
	command=("${RUN[@]}" "${cpus[@]}" fanotify "${@:2}" "${OPTIONS[@]}")
	what=${what/ --unwatched/}
	what=${what//--/}
	output=$("${command[@]}" 2>&1) || status=$?
	if [ "$status" = "$EXIT_SKIP" ]; then
		show "$what" skipped
		return
	fi
	line=$(grep '^RESULT ' <<<"$output") || line=
	if [ "$status" != 0 ] || [ -z "$line" ]; then
		show "$what" FAILED
		printf '%s\n' "$output"
		failed=1
		return
	fi
	[ -z "${RESULTS:-}" ] || printf '$ %s\n%s\n' "${command[*]}" "$line" >>"$RESULTS"
	show "$what" "$(rval "$line" median)" "$(rval "$line" p10)" \
		"$(rval "$line" p90)" "$(rval "$line" ops_per_us)"
}

ALONE='-p1 --prod-affinity=0'

function alone()
{
	bench "$ALONE" "$@"
}

# In a group, and in turns on a filesystem that nobody watches
function watched()
{
	alone "$@" --unwatched
}

function with_listener()
{
	bench "$ALONE -c1 --cons-affinity=0" "$@" --case=listener --unwatched
	if [ "$CPUS" -gt 1 ] && [ -z "$QUICK" ]; then
		bench "$ALONE -c1 --cons-affinity=1" "$@" --case=listener --unwatched
	fi
}

# What every group can do about OP: every_case OP GROUP
function every_case()
{
	local name op="--op=$1" group="--group=$2"

	for name in other-mask ignore answer storage lru; do
		# An exec causes all permission events that there are.
		[ "$name $1 $2" != "other-mask exec perm" ] || continue
		watched "$op" "$group" "--case=$name"
	done
	[ "$2" != perm ] || watched "$op" "$group" --case=deny
	watched "$op" "$group" --case=subtree --depth=8
	with_listener "$op" "$group"
}

# The subtree check by CASE and its options, other than at depth 8 with 1 root, as
# HOW says: subtrees HOW OPTION...
function subtrees()
{
	local n

	[ -z "$QUICK" ] || return 0
	for n in 1 4 32 128; do
		"$1" --op=open "${@:2}" "--depth=$n"
	done
	for n in 10 1000; do
		"$1" --op=open "${@:2}" --depth=8 "--roots=$n"
	done
}

function op_open()
{
	subtitle "open and close"
	alone --op=open --case=none
	[ -n "$QUICK" ] || alone --op=open --case=none --depth=128
	every_case open name
	subtrees watched --group=name --case=subtree
	[ -n "$QUICK" ] || every_case open fd
	every_case open perm
	subtrees watched --group=perm --case=subtree
	alone --op=open --case=lsm
	alone --op=open --case=lsm-subtree --depth=8
	subtrees alone --case=lsm-subtree
}

function op_read()
{
	subtitle "read"
	alone --op=read --case=none
	if [ -n "$QUICK" ]; then
		watched --op=read --group=name --case=answer
		watched --op=read --group=perm --case=answer
		return
	fi
	every_case read name
	every_case read perm
}

function op_create()
{
	subtitle "create and unlink"
	alone --op=create --case=none
	if [ -n "$QUICK" ]; then
		watched --op=create --group=name --case=storage
		return
	fi
	every_case create name
	alone --op=create --case=lsm
}

function op_exec()
{
	subtitle "exec"
	# The timer interrupts every batch of many, but few execs: the median is without.
	[ -n "${BATCH:-}${SAMPLES:-}" ] ||
		local OPTIONS=("${OPTIONS[@]}" --batch=1 --samples=2001)
	alone --op=exec --case=none
	if [ -n "$QUICK" ]; then
		watched --op=exec --group=name --case=answer
		watched --op=exec --group=perm --case=answer
		return
	fi
	every_case exec name
	every_case exec perm
	alone --op=exec --case=lsm
}

# In turns, so that what else the machine does meets all alike
function scaling()
{
	local n

	for _ in 1 2 3; do
		for ((n = 1; n <= CPUS; n *= 2)); do
			bench "-p$n -a" --op=open --case=none
			bench "-p$n -a" --op=open --group=name --case=ignore
			bench "-p$n -a" --op=open --group=name --case=answer
			bench "-p$n -a" --op=open --group=name --case=subtree --depth=8
			bench "-p$n -a" --op=open --group=perm --case=ignore
			bench "-p$n -a" --op=open --group=perm --case=answer
			bench "-p$n -a" --op=open --group=perm --case=storage
			bench "-p$n -a" --op=open --group=perm --case=subtree --depth=8
		done
	done
}

function memory()
{
	local command=("${RUN[@]}" -p1 fanotify-mem "--events=${EVENTS:-1000000}") line

	"${command[@]}" | while read -r line; do
		printf '%s\n' "${line#RESULT }"
		[ -z "${RESULTS:-}" ] || printf '$ %s\n%s\n' "${command[*]}" "$line" >>"$RESULTS"
	done
}

header "fanotify"
[ "${ONLY:-}" = memory ] || show "" "ns/op" "p10" "p90" "ops/us"
case ${ONLY:-} in
scaling) scaling ;;
memory) memory ;;
open | read | create | exec) "op_$ONLY" ;;
'')
	op_open
	op_read
	op_create
	op_exec
	;;
*)
	echo "ONLY=$ONLY: it is open, read, create, exec, scaling or memory" >&2
	exit 2
	;;
esac
exit "$failed"
