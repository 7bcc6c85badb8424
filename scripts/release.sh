#!/bin/sh
# SPDX-License-Identifier: ISC
# A release of the programs that are built: see release(5) for what is in it.
# `make release` calls it; the same commit gives the same bytes.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/node.sh"
top=$(cd "$here/.." && pwd -P)
build=${KN_BUILD:-$top/build}
out=$top/dist
code=
tree=
key=${KN_RELEASE_KEY:-}
version=
arch=
dirty=

usage() {
	cat <<'END'
usage: release.sh [options]

pack the programs that are built into dist/kontinuum-node-VERSION-ARCH.tar.gz

options:
  --build DIR     the programs stand here (build)
  --code DIR      the same programs, built with VERSION=0: tells what changes
                  from one release to the next besides the version
  --output DIR    write the release there (dist)
  --version TEXT  instead of the newest of CHANGES
  --arch NAME     instead of what the compiler builds for
  --key FILE      sign with this minisign secret key (KN_RELEASE_KEY)
  --dirty         although the source tree has changes that are not committed;
                  the version is then VERSION+dirty
  --tree DIR      no archive: leave the files in DIR
  --help          show this page and exit

  minisign -G -W -s release.key -p release.pub    # once; keep the key offline
  KN_RELEASE_KEY=release.key make release

Exit: 0 done; 1 the tree is dirty; 100 you; 111 the system.
END
}

while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$(operand "$@") || exit 100; shift ;;
	--code) code=$(operand "$@") || exit 100; shift ;;
	--output) out=$(operand "$@") || exit 100; shift ;;
	--version) version=$(operand "$@") || exit 100; shift ;;
	--arch) arch=$(operand "$@") || exit 100; shift ;;
	--key) key=$(operand "$@") || exit 100; shift ;;
	--tree) tree=$(operand "$@") || exit 100; shift ;;
	--dirty) dirty=yes ;;
	-h | --help) usage; exit 0 ;;
	*) wrong "what is $1?  See --help" ;;
	esac
	shift
done

[ -n "$version" ] ||
    version=$(sed -n 's/^\([0-9][0-9.]*\).*/\1/p' "$top/CHANGES" | head -n 1)
[ -n "$arch" ] || arch=$("${CC:-cc}" -dumpmachine 2>/dev/null | sed 's/-.*//')
[ -n "$arch" ] || arch=$(uname -m)
case $version in
'' | *[!0-9A-Za-z.+~-]* | [!0-9]*) wrong "'$version' is no version: digits first, then letters, digits and .+~-" ;;
esac
# no archive that no commit stands for
if [ -z "$tree" ] &&
    [ "$(git -C "$top" rev-parse --show-toplevel 2>/dev/null)" = "$top" ] &&
    [ -n "$(git -C "$top" status --porcelain)" ]; then
	[ -n "$dirty" ] ||
	    no "the source tree has changes that are not committed: commit them, or say --dirty (make release DIRTY=yes)"
	version=$version+dirty
fi
[ -z "$key" ] || [ -r "$key" ] || wrong "the key $key cannot be read"
set -- "$build"/kn-*
[ -x "$1" ] || wrong "no programs in $build: run make first"
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || echo 0)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 111' INT TERM HUP
new=$work/$version

# Shared libraries that the programs ask for, and the packages of this
# distribution that carry them.
needs() {
	distro=$(distribution)
	echo "# shared libraries, and what carries them: release(5)"
	readelf -d "$new"/bin/* | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/library \1/p' |
	    sort -u | tee "$work/libraries"
	# one by one: ldd of musl takes no more
	for program in "$new"/bin/*; do
		ldd "$program" || true
	done | awk '$2 == "=>" { print $1, $3 }' >"$work/found"
	while read -r _ so; do
		carrier "$(sed -n "s/^$so //p" "$work/found" | head -n 1)"
	done <"$work/libraries" | sort -u | sed "s/^/package $distro /"
	sed -n "s/^run *$distro //p" "$here/packages" | tr ' ' '\n' |
	    grep -v '^s6$' | sed "s/^/tool $distro /" || true
}

carrier() { # FILE: its package
	case $distro in
	debian)
		dpkg -S "$1" 2>/dev/null || dpkg -S "$(readlink -f "$1")" 2>/dev/null ||
		    dpkg -S "/usr$1" 2>/dev/null ;;
	alpine) apk info -q -W "$1" ;;
	fedora) rpm -q --qf '%{NAME}\n' -f "$1" ;;
	arch) pacman -Qqo "$1" ;;
	esac | sed 's/:.*//' | head -n 1
}

mkdir -p "$new/bin" "$new/scripts" "$new/man"
for program in "$build"/kn-*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	cp "$program" "$new/bin/"
done
strip "$new"/bin/* || broken "the programs cannot be stripped"
cp -R "$top/sv" "$new/sv"
for script in "$here"/*.sh; do
	case ${script##*/} in
	run.sh | deps.sh | release.sh) ;; # for the source tree
	*) cp "$script" "$new/scripts/" ;;
	esac
done
for part in "$here"/*/; do
	[ ! -d "$part" ] || cp -R "${part%/}" "$new/scripts/"
done
cp "$here/packages" "$here"/*.example "$new/scripts/"
cp "$top"/man/*.[1-8] "$new/man/"
cp "$top/LICENSE" "$new/"
[ ! -d "$top/deploy" ] || cp -R "$top/deploy" "$new/deploy"
find "$new" -type l -exec rm -f {} +
find "$new" -type d -exec chmod 755 {} +
find "$new" -type f -perm -100 -exec chmod 755 {} +
find "$new" -type f ! -perm -100 -exec chmod 644 {} +

needs >"$new/needs"
# what a program is besides its version: upgrade.sh leaves it alone by that
for program in "$new"/bin/*; do
	same=$program
	if [ -n "$code" ]; then
		same=$work/same
		cp "$code/${program##*/}" "$same" ||
		    broken "$code has no ${program##*/}"
		strip -R .note.gnu.build-id "$same"
	fi
	printf '%s  %s\n' "$(sha256sum <"$same" | sed 's/ .*//')" "${program##*/}"
done >"$new/code"
(cd "$new" && find . -type f ! -name SHA256SUMS | sed 's/^\.\///' |
    LC_ALL=C sort | xargs sha256sum >"$work/sums" && cp "$work/sums" SHA256SUMS)
chmod 644 "$new/needs" "$new/code" "$new/SHA256SUMS"

if [ -n "$tree" ]; then
	mkdir -p "$tree"
	cp -Rp "$new/." "$tree/"
	exit 0
fi
name=kontinuum-node-$version-$arch.tar.gz
mkdir -p "$out"
tar --sort=name --format=ustar --mtime="@$epoch" --owner=0 --group=0 \
    --numeric-owner -C "$work" -cf "$work/tar" "$version"
gzip -n -9 <"$work/tar" >"$out/$name.new"
mv "$out/$name.new" "$out/$name"
rm -f "$out/$name.minisig"
if [ -n "$key" ]; then
	needs_tool minisign
	minisign -S -s "$key" -m "$out/$name" -x "$out/$name.minisig" \
	    -t "kontinuum-node $version $arch" >/dev/null ||
	    broken "the release was not signed; $out/$name has no signature"
else
	note "not signed: KN_RELEASE_KEY names no key"
fi
say "$out/$name"
