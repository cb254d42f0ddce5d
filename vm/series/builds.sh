# Sourced by what builds more than one kernel: copies of a tree and of its objects to go
# on from, and what was said about a kernel, to be compared.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are of vm/common.sh, or used by who sources this

# seed_tree TO: a copy of the series' tree, with the dates of the one that the
# objects were made from: what is changed in the copy later is newer than they are.
seed_tree() {
	mkdir -p "${1%/*}"
	rm -rf "$1.tmp"
	cp -al "$series_tree" "$1.tmp"
	cp "$series_tree.manifest" "$1.manifest"
	mv "$1.tmp" "$1"
}

# seed_build TO TREE: a copy of the series' build folder, to go on from with TREE.
seed_build() {
	step "copying the kernel's objects to $1, once"
	rm -rf "$1.tmp"
	mkdir -p "$1.tmp"
	rsync -a --exclude='/vmlinux*' --exclude='/.vmlinux*' --exclude='/.tmp_vmlinux*' --exclude='/*.o' \
		--exclude='/arch/*/boot/' --exclude='/source' --exclude='/.fanfp*' "$series_build/" "$1.tmp/"
	# The commands name the folders. The dates of the .cmd files do not matter to make.
	find "$1.tmp" -name '.*.cmd' -exec sed -i "s|$series_tree/|$2/|g; s|$series_build/|$1/|g" {} +
	mv "$1.tmp" "$1"
}

# Older releases of sparse do not know it.
sparse_flags=-D__typeof_unqual__=__typeof__
# told TREE LOG: what a compiler, sparse or objtool said of the files of TREE, without
# line numbers, offsets and positions of arguments, to be compared. Kfuncs are declared
# in no file.
told() {
	sed -nE "s|^$1/([^:]*):[0-9]+:[0-9]+: ((warning\|error): .*)|\1: \2|p; /: warning: objtool: /{ s/\+0x[0-9a-f]+//g; p }" "$2" |
		sed -E "s/argument [0-9]+/argument/; /symbol 'bpf_.*was not declared/d" | sort
}
