#!/bin/sh
# SPDX-License-Identifier: ISC
# Install the packages of these purposes (scripts/packages) that are missing.
# usage: deps.sh PURPOSE…
set -eu

here=$(dirname "$0")

unset KN_ROOT # it is about this host, whatever the scripts of a node are told
. "$here/node.sh"

have() {
	case $distro in
	debian) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
	alpine) apk info -e "$1" >/dev/null 2>&1 ;;
	fedora) rpm -q "$1" >/dev/null 2>&1 ;;
	arch) pacman -Q "$1" >/dev/null 2>&1 ;;
	esac
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		note "these packages are missing: $missing"
		note "run this as root, or install sudo"
		exit 100
	fi
}

install_missing() {
	case $distro in
	debian)
		as_root apt-get update -qq
		as_root env DEBIAN_FRONTEND=noninteractive \
		    apt-get install -y -qq --no-install-recommends "$@" ;;
	alpine) as_root apk add --quiet "$@" ;;
	fedora) as_root dnf install -y --quiet "$@" ;;
	arch) as_root pacman -S --noconfirm --needed "$@" ;;
	esac
}

distro=$(distribution)
if [ "$distro" = unknown ]; then
	note "this distribution is not in scripts/packages; install the" \
	    "Debian column's equivalents by hand"
	exit 0
fi
[ "$distro" = debian ] || note "note: not yet run on $distro"

missing=
for purpose in "$@"; do
	for package in $(sed -n "s/^$purpose *$distro //p" "$here/packages"); do
		have "$package" || missing="$missing $package"
	done
done
[ -n "$missing" ] || exit 0
note "installing:$missing"
# shellcheck disable=SC2086 # one word a package
install_missing $missing >&2
