#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fanfp guard and fanfp deny: each mistake is told in a sentence, with what to do,
# before anything is marked.
# shellcheck source=fanfp/tests/tap.bash disable=SC2016
source "$(dirname "$0")/tap.bash"

mkdir "$mnt/dir"
touch "$mnt/file"

printf '#!/bin/sh\nexit 3\n' >"$work/fails"
chmod +x "$work/fails"
guard=(sh -c '"$0" guard "$@" -- /bin/true' "$fanfp")
deny=("$fanfp" deny)

refused 'guard: no CMD' 2 'no CMD after --' "$fanfp" guard "$mnt/dir"
refused 'guard: nothing after --' 2 'no CMD after --' "$fanfp" guard "$mnt/dir" --
refused 'guard: no directory' 2 'no directory to guard' "${guard[@]}"
refused 'guard: an empty CMD' 1 "cannot run '': No such file" "$fanfp" guard "$mnt/dir" -- ''
refused 'guard: a CMD that does not exist' 1 'cannot run no-such-cmd: No such file' \
	"$fanfp" guard "$mnt/dir" -- no-such-cmd -x
refused 'guard: a CMD that is no program' 1 "cannot run $mnt/file: Permission denied" \
	"$fanfp" guard "$mnt/dir" -- "$mnt/file"
refused 'guard: a CMD that is a folder' 1 "cannot run $mnt/dir: Permission denied" \
	"$fanfp" guard "$mnt/dir" -- "$mnt/dir"
refused 'guard: no clamdscan' 1 'install clamav-daemon' \
	env PATH=/nonexistent "$fanfp" guard "$mnt/dir" -- clamdscan
refused 'guard: --when-stuck' 2 'give allow or deny' "${guard[@]}" --when-stuck maybe "$mnt/dir"
refused 'guard: --max-pending' 2 'give a number from 1' "${guard[@]}" --max-pending 0 "$mnt/dir"
refused 'guard: --jobs' 2 'give a number from 1' "${guard[@]}" --jobs -1 "$mnt/dir"
refused 'guard: --timeout' 2 'give seconds from' "${guard[@]}" --timeout nan "$mnt/dir"
refused 'guard: a scanner that fails' 1 'an empty file: scan failed with exit status 3' \
	"$fanfp" guard "$mnt/dir" -- "$work/fails"
refused 'guard: a scanner that hangs' 1 'an empty file: scan was stopped after 1 second$' \
	"$fanfp" guard --scan-timeout 1 "$mnt/dir" -- sleep 1000
refused 'guard: --timeout and --no-fastpath' 2 'need the fast path' "${guard[@]}" --timeout 1 --no-fastpath "$mnt/dir"
refused 'guard: a directory that does not exist' 1 'none: No such file' "${guard[@]}" "$mnt/none"
refused 'guard: a file' 1 'file: not a directory' "${guard[@]}" "$mnt/file"
refused 'guard: /proc' 1 'no filesystem with files' "${guard[@]}" /proc
mkdir "$mnt/"{lower,upper,work,overlay}
if mount -t overlay -o "lowerdir=$mnt/lower,upperdir=$mnt/upper,workdir=$mnt/work" overlay "$mnt/overlay"; then
	refused 'guard: an overlay' 1 'guard the filesystem that holds them' "${guard[@]}" "$mnt/overlay"
	umount "$mnt/overlay"
else
	echo 'skip an overlay # it cannot be mounted'
fi
refused 'guard: without CAP_DAC_READ_SEARCH' 1 'needs CAP_DAC_READ_SEARCH.*run as root' \
	setpriv --bounding-set=-dac_read_search --inh-caps=-dac_read_search "${guard[@]}" "$mnt/dir"
refused 'deny: nothing' 2 'nothing to deny' "${deny[@]}"
refused 'deny: all' 2 'whole machine' "${deny[@]}" "$mnt/../../.."
refused 'deny: a list that does not exist' 1 'none: No such file' "${deny[@]}" --list "$mnt/none"
printf '# a comment\n\n/a\nb\n/\n' >"$work/list"
refused 'deny: a bad list' 1 "list:4: not an absolute path" "${deny[@]}" --list "$work/list"
check 'deny: all of it is told' has "$work/err" 'list:5: it would deny the whole machine'
mkfifo "$mnt/fifo"
refused 'deny: a pipe' 1 'neither a file nor a directory' "${deny[@]}" "$mnt/fifo"

for command in guard deny; do
	declare -n cmd=$command
	refused "$command: a summary that cannot be written" 2 'cannot write the summary to /no/such: No such file' \
		"${cmd[@]}" --summary /no/such "$mnt/dir"
done

mkdir "$work/empty"
for command in guard deny; do
	declare -n cmd=$command
	refused "$command: without CAP_SYS_ADMIN" 1 'needs CAP_SYS_ADMIN.*run as root' \
		setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "${cmd[@]}" "$mnt/dir"
	refused "$command: without BTF" 1 'CONFIG_DEBUG_INFO_BTF' \
		"${covered[@]}" "$work/empty" /sys/kernel/btf "${cmd[@]}" "$mnt/dir"
	if [[ -e /sys/kernel/security/lsm ]]; then
		echo capability >"$work/lsm"
		refused "$command: without the BPF security module" 1 'add bpf to lsm=' \
			"${covered[@]}" "$work/lsm" /sys/kernel/security/lsm "${cmd[@]}" "$mnt/dir"
	fi
done

done_testing
