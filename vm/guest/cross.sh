# Sourced by what builds programs for a guest of another architecture.
# shellcheck shell=bash disable=SC2154 # they are in vm/common.sh

# cross_tools FOLDER: puts a compiler and a pkg-config there, which take headers and
# libraries from the guest's root.
cross_tools() {
	local libraries=$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig
	mkdir -p "$1"
	printf '#!/bin/sh\nexec /usr/bin/%sgcc --sysroot=%s "$@"\n' "$cross" "$root" >"$1/${cross}gcc"
	printf '#!/bin/sh\nexport PKG_CONFIG_SYSROOT_DIR=%s PKG_CONFIG_LIBDIR=%s\nexec pkg-config "$@"\n' \
		"$root" "$libraries" >"$1/guest-pkg-config"
	chmod +x "$1/${cross}gcc" "$1/guest-pkg-config"
}
