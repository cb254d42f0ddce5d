#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp: each mistake is told in a sentence, with what to do, and has its exit
# status.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

mkdir "$mnt/dir"
touch "$mnt/file"

refused 'no command' 2 'Usage: fanfp' "$fanfp"
refused 'an unknown command' 2 "no command 'wacht'" "$fanfp" wacht
refused 'an unknown option' 2 "unrecognized option '--no-such'" \
	"$fanfp" watch --no-such "$mnt/dir"
refused 'no directory' 2 'no directory to watch' "$fanfp" watch
refused 'an unknown event' 2 'opne,close: there are create, exec, open' \
	"$fanfp" watch --events opne,close "$mnt/dir"
refused 'a superfluous argument' 2 "unexpected argument 'x'" "$fanfp" list x
refused 'a directory that does not exist' 1 'none: No such file or directory' \
	"$fanfp" watch "$mnt/none"
refused 'a file' 1 'file: not a directory' "$fanfp" watch "$mnt/file"
refused 'a filesystem without handles' 1 '/proc: its filesystem has no file handles' \
	"$fanfp" watch /proc
refused 'a failure, with CMD' 125 'No such file' "$fanfp" watch "$mnt/none" -- true
refused 'a CMD that does not exist' 127 'cannot run no-such-cmd: No such file' \
	"$fanfp" watch "$mnt/dir" -- no-such-cmd
refused 'a CMD that is no program' 126 "cannot run $mnt/file: Permission denied" \
	"$fanfp" watch "$mnt/dir" -- "$mnt/file"
refused 'a summary that cannot be written' 2 'cannot write the summary to /no/such: No such file' \
	"$fanfp" watch --summary /no/such "$mnt/dir" -- echo CMD
check 'is told before CMD is run' has_not "$work/out" CMD
echo old >"$work/figures"
refused 'a CMD that does not exist, with --summary' 127 'cannot run no-such-cmd' \
	"$fanfp" watch --summary "$work/figures" "$mnt/dir" -- no-such-cmd
check 'leaves the file as it was' equal old "$(<"$work/figures")"
printf '%1000d\n' 1 >"$work/figures"
check 'a long file with --summary' status 0 \
	"$fanfp" watch --summary "$work/figures" "$mnt/dir" -- true
check 'is replaced as a whole' figure "$work/figures" delivered
mkfifo "$work/pipe"
cat "$work/pipe" >"$work/piped" &
check 'a pipe for --summary' status 0 "$fanfp" watch --summary "$work/pipe" "$mnt/dir" -- true
wait
check 'gets the figures' figure "$work/piped" delivered
refused 'a full disk for the summary' 125 'cannot write the summary to /dev/full: No space left' \
	"$fanfp" watch --summary /dev/full "$mnt/dir" -- true
check 'a full disk is a failure' status 125 sh -c '"$1" watch "$2" -- touch "$2/x" >/dev/full' - \
	"$fanfp" "$mnt/dir"
check 'which is told' has "$work/err" 'cannot write to the standard output'
for command in list check; do
	check "fanfp $command on a full disk fails" status 1 sh -c '"$1" "$2" >/dev/full' - "$fanfp" "$command"
	check "fanfp $command: it says why" has "$work/err" 'cannot write to the standard output: No space left'
done

refused 'without CAP_SYS_ADMIN' 1 'needs CAP_SYS_ADMIN.*run as root' \
	setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin \
	"$fanfp" watch "$mnt/dir"
refused 'without CAP_DAC_READ_SEARCH' 1 'needs CAP_DAC_READ_SEARCH.*run as root' \
	setpriv --bounding-set=-dac_read_search --inh-caps=-dac_read_search \
	"$fanfp" watch "$mnt/dir"

mkdir "$work/empty"
refused 'without BTF' 1 'CONFIG_DEBUG_INFO_BTF.*--no-fastpath' \
	"${covered[@]}" "$work/empty" /sys/kernel/btf "$fanfp" watch "$mnt/dir"
check 'without BTF, --no-fastpath works' status 0 \
	"${covered[@]}" "$work/empty" /sys/kernel/btf \
	"$fanfp" watch --no-fastpath "$mnt/dir" -- touch "$mnt/dir/new"
check 'and prints events' has "$work/out" 'create.*/dir/new$'

if [[ -e /sys/kernel/security/lsm ]]; then
	echo capability >"$work/lsm"
	mkdir "$mnt/dir/sub"
	refused '--exclude without the BPF security module' 1 'add bpf to lsm=' \
		"${covered[@]}" "$work/lsm" /sys/kernel/security/lsm \
		"$fanfp" watch --exclude "$mnt/dir/sub" "$mnt/dir"
	check 'fanfp check knows, and goes on' status 0 \
		"${covered[@]}" "$work/lsm" /sys/kernel/security/lsm "$fanfp" check
	check 'and says what to do' has "$work/out" 'add bpf to lsm='
	check 'and for what' has "$work/out" "needed for 'fanfp guard', 'fanfp deny' and 'fanfp watch --exclude'"
fi

check 'fanfp check without BTF fails' status 1 \
	"${covered[@]}" "$work/empty" /sys/kernel/btf "$fanfp" check
check 'says what to do' has "$work/out" 'CONFIG_DEBUG_INFO_BTF=y'

done_testing
