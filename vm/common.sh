# Sourced by the scripts of this folder: where things are, messages, the cache's
# lock, and running a long command with its output in a log.
# shellcheck shell=bash
# shellcheck disable=SC2034 # much of this is used only by those scripts
set -euo pipefail

# Sorted and said alike everywhere. The kernel's makefiles take LC_ALL away, after which
# the others hold.
unset LANGUAGE LC_MESSAGES
export LC_ALL=C.UTF-8 LANG=C.UTF-8

# A hook names its repository by these, and would lead git there from everywhere.
mapfile -t git_variables < <(git rev-parse --local-env-vars 2>/dev/null || true)
unset "${git_variables[@]}"

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
base_version=$(<"$repo/series/base")
cache=${FANFP_CACHE:-${HOME:?is not set: set it, or FANFP_CACHE}/.cache/fanotify-fastpath}
mkdir -p "$cache" 2>/dev/null || {
	echo "cannot create the cache folder $cache: set FANFP_CACHE to a folder that can be written" >&2
	exit 1
}
cache=$(cd "$cache" && pwd -P)
# The kernel's build takes no spaces and colons, QEMU no commas.
for path in "$repo" "$cache"; do
	[[ $path != *[[:space:],:]* ]] || {
		echo "$path: a space, comma or colon in its path breaks the build: use another folder (for the cache: FANFP_CACHE=DIR)" >&2
		exit 1
	}
done
# All that is written and removed is in this folder, so it must be ours.
if [[ ! -e $cache/CACHEDIR.TAG ]]; then
	[[ -z $(ls -A "$cache") || -d $cache/logs && -e $cache/lock ]] || {
		echo "FANFP_CACHE=$cache holds other things: name a folder that is empty, or does not exist yet" >&2
		exit 1
	}
	printf '%s\n' 'Signature: 8a477f597d28d172789f06886806bc55' \
		'# Sources and objects of the fanotify fast path: vm/clean removes them.' >"$cache/CACHEDIR.TAG"
fi
jobs=$(nproc)
hash_of() { sha256sum | cut -c1-8; }

# With KSRC= everything that is made from that tree lives in a folder of its own.
if [[ -n ${KSRC:-} ]]; then
	[[ -f $KSRC/Kbuild && -f $KSRC/MAINTAINERS ]] || {
		echo "KSRC=$KSRC is not the top of a kernel tree" >&2
		exit 1
	}
	KSRC=$(cd "$KSRC" && pwd -P)
	work=$cache/ksrc-$(hash_of <<<"$KSRC")
	base=$KSRC
else
	work=$cache
	base=$cache/base
fi
config=${CONFIG:-}
# The architecture of the guest; the kernel's makefiles would read ARCH, too.
case ${ARCH:-x86_64} in
x86_64 | x86) arch=x86_64 other='' ;;
arm64 | aarch64) arch=arm64 other=-arm64 ;;
*)
	echo "ARCH=$ARCH: the guest is an x86_64 (the default) or arm64 machine" >&2
	exit 1
	;;
esac
if [[ $other ]]; then export ARCH=$arch; else unset ARCH; fi
unset CROSS_COMPILE
# The names that the scripts of vm/ agree on.
tree=$work/tree
build=$work/build$other${config:+-$config} bpf=$work/bpf$other
tool=$work/tool$other measure=$work/measure$other
series_tree=$tree series_build=$build
# With BASE=1 the kernel is the base without the series, to compare with.
if [[ ${BASE:-0} != 0 ]]; then
	tree=$work/tree-base$other${config:+-$config}
	build=$work/build-base$other${config:+-$config}
fi
# What is made for another architecture than that of this machine is made by these.
kmake=(make -C "$tree" O="$build") image=arch/x86/boot/bzImage root=/
cross=''
if [[ $arch == arm64 ]]; then
	kmake+=(ARCH=arm64 LLVM=-19) image=arch/arm64/boot/Image root=$cache/root-arm64
	cross=aarch64-linux-gnu-
fi
logs=$work/logs
mkdir -p "$logs"
export PYTHONDONTWRITEBYTECODE=1
# The makes that are started here are top ones, whatever make started us: below
# another one the selftests would take OUTPUT= for given, and write into /.
unset MAKELEVEL MAKEFLAGS MFLAGS OUTPUT O
export FANFP_CACHE=$cache FANFP_WORK=$work FANFP_BASE=$base FANFP_BUILD=$build
export FANFP_ARCH=$arch FANFP_IMAGE=$build/$image FANFP_ROOT=$root
export FANFP_PATH=$measure:$tool

[[ -z ${V:-} || $V == 0 ]] || set -x

# For scripts that have no other architecture than this machine's.
native_only() { [[ -z $other ]] || die "works on x86-64 only: leave ARCH= out"; }

step() { printf '==> %s\n' "$*" >&2; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# One writer of the cache at a time. A script that another one started inherits
# the lock.
lock_cache() {
	[[ ${FANFP_LOCKED:-} != "$work" ]] || return 0
	exec {lock_fd}>"$work/lock"
	if ! flock -n "$lock_fd"; then
		step "waiting for another run that works in $work"
		flock "$lock_fd"
	fi
	export FANFP_LOCKED=$work
}

# need_space GB: say early that the disk will be full later.
need_space() {
	local free
	free=$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1048576) }')
	((free >= $1)) || die "$cache has $free GB free, $1 GB are needed: make room or set FANFP_CACHE to another disk"
}

# debian_mirror: the mirror of Debian that this machine takes packages from.
debian_mirror() {
	# Backports have the label "Debian Backports".
	# shellcheck disable=SC2016 # apt's own $(...)
	apt-get indextargets --format '$(REPO_URI) $(LABEL)' | awk 'NF == 2 && $2 == "Debian" && !seen++ { print $1 }'
}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# run_logged LOG WHAT TOTAL COMMAND...: runs COMMAND with its output in LOG. Says
# how many objects were made (of TOTAL, if not empty) and how long it has taken.
run_logged() {
	local log=$1 what=$2 total=$3 pid status=0 start=$SECONDS every=10 end='\n' next made
	shift 3
	if [[ -t 2 ]]; then every=1 end='\r'; fi
	step "$what (log: $log)"
	# In a process group of its own, which can be ended as a whole.
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	set +m
	pid=$!
	# shellcheck disable=SC2064 # the pid of now
	trap "kill -- -$pid 2>/dev/null; wait $pid; exit 130" INT TERM HUP
	next=$((SECONDS + every))
	{ set +x; } 2>/dev/null
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.1
		((SECONDS >= next)) || continue
		next=$((SECONDS + every))
		made=$(grep -cE '^ +(CC|AS|LD|AR|HOSTCC|TEST-OBJ|EXT-OBJ|CLNG-BPF) ' "$log" || true)
		# shellcheck disable=SC2059 # $end is the line's end
		printf "    %s objects%s, %d:%02d   $end" "$made" "${total:+ of about $total}" \
			$(((SECONDS - start) / 60)) $(((SECONDS - start) % 60)) >&2
	done
	wait "$pid" || status=$?
	trap - INT TERM HUP
	[[ -z ${V:-} || $V == 0 ]] || set -x
	return "$status"
}

# The lines of a build's log that say why it failed.
show_errors() {
	{ grep -nE '(^|[^_[:alnum:]])(error|Error|ERROR|undefined reference|FAILED)([^_[:alnum:]]|$)' "$1" || tail -n 15 "$1"; } | head -n 25 >&2
}
