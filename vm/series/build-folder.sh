# Sourced by vm/series/check-builds: the folder $out in which it builds one state of the
# series after another, from the tree $check/tree; and which symbols are missing there.
# shellcheck shell=bash disable=SC2154 # variables are of vm/common.sh and check-builds

# members FOLDER: the objects of a kernel: those of $folders, and all others that the
# kernel of `make kernel` has. vmlinux.a in FOLDER may be of an earlier build.
members() {
	local folder skip=()
	for folder in "${folders[@]}"; do
		ar t "$1/${folder}built-in.a"
		skip+=(-e "^$folder")
	done
	(cd "$build" && ar t vmlinux.a) | grep -v "${skip[@]}"
}
# Symbols that are used and not defined; a linked kernel has some too, which its
# linker script provides.
unresolved() {
	(cd "$1" && members . | xargs -r nm -g 2>/dev/null |
		awk 'NF == 2 && $1 == "U" { used[$2] } NF == 3 { has[$3] } END { for (s in used) if (!(s in has)) print s }' | sort)
}

# configure on|off|none: a tree that does not know the option drops it.
configure() {
	local config=$out/.config stamp has
	stamp=$({ echo "$1" && cat "$build/.config" && cd "$check/tree" && { grep -E '(^|/)Kconfig' "$check/tree.manifest" || true; } |
		xargs -r cat; } | hash_of)
	[[ $stamp != "$(cat "$check/configured" 2>/dev/null)" ]] || return 0
	rm -f "$check/configured"
	cp "$build/.config" "$config"
	if [[ $1 == off ]]; then
		sed -i 's/^CONFIG_FANOTIFY_FASTPATH=y/# CONFIG_FANOTIFY_FASTPATH is not set/' "$config"
	fi
	make -C "$check/tree" O="$out" olddefconfig || return
	has=none
	! grep -q '^config FANOTIFY_FASTPATH$' "$check/tree/fs/notify/fanotify/Kconfig" ||
		has=$(grep -q '^CONFIG_FANOTIFY_FASTPATH=y' "$config" && echo on || echo off)
	if [[ $1 != "$has" ]]; then
		echo "error: the configuration has the option $has, and not $1"
		return 1
	fi
	echo "$stamp" >"$check/configured"
}

# The folder is copied when something is built. Of the sources that the series touches
# the objects are left out: what the compiler says of them is to be seen here.
prepare() {
	[[ ! -e $check/compiling ]] || forget
	if [[ ! -d $out ]]; then
		need_space 5
		rm -f "$check/configured"
		rm -rf "$check"/{on,off} # of former versions of this
		seed_build "$out" "$check/tree"
		(cd "$out" && rm -f "${touched[@]/%.[ch]/.o}")
	fi
	[[ -s $check/unresolved && $check/unresolved -nt $build/vmlinux.a ]] || unresolved "$build" >"$check/unresolved"
}

# forget: what was compiled since is compiled again the next time, as nobody has seen,
# or acted on, what the compiler said of it.
forget() {
	find "$out" \( -path "$out/scripts" -o -path "$out/tools" \) -prune -o -name '*.o' -newer "$check/compiling" \
		-exec touch -d '2001-01-01' {} +
	rm -f "$check/compiling"
}

# compile on|off|none TARGET...
compile() {
	touch "$check/compiling"
	configure "$1" && make -C "$check/tree" O="$out" -j"$jobs" "${@:2}"
}
