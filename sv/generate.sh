#!/bin/sh
# SPDX-License-Identifier: ISC
# Services, users, directories and firewall profiles from sv/facts.  What comes
# out is committed beside it, to be read and to be installed as it stands.
set -eu

usage() {
	cat <<'END'
usage: sv/generate.sh [--check] [--facts FILE] [--out DIR]

Write the services of s6, systemd and OpenRC, users, directories and firewall
profiles that follow from sv/facts, and the tables of man/kn-services.7.

  --check       write nothing; print what differs and exit 1 when something does
  --facts FILE  read these facts instead of sv/facts
  --out DIR     write there instead of sv/; the manual is in DIR/../man
  -h, --help    print this

exit: 0 written, or nothing differs; 1 something differs; 100 wrong options or
facts; 111 the system failed
END
}

wrong() {
	echo "generate.sh: $*" >&2
	exit 100
}

here=$(cd "$(dirname "$0")" && pwd)
facts=$here/facts
out=$here
check=no
while [ $# -gt 0 ]; do
	case $1 in
	--check) check=yes ;;
	--facts | --out)
		[ $# -ge 2 ] || wrong "$1 wants a value; see --help"
		if [ "$1" = --facts ]; then facts=$2; else out=$2; fi
		shift ;;
	-h | --help) usage; exit 0 ;;
	*) wrong "$1 is no option; see --help" ;;
	esac
	shift
done
[ -r "$facts" ] || wrong "$facts cannot be read"

made='s6 systemd openrc firewall cron sysusers.conf tmpfiles.conf logrotate.conf'
fresh=$(mktemp -d) || exit 111
trap 'rm -rf "$fresh"' EXIT
trap 'exit 111' INT TERM

for kind in s6 systemd openrc host firewall man; do
	awk -v out="$fresh" -f "$here/awk/facts.awk" -f "$here/awk/$kind.awk" \
	    "$facts" || exit 100
done

# A manual with fresh rows below its `table` lines.
page=$out/../man/kn-services.7
awk -v rows="$fresh/man" '
/^\.It / && skip { next }
{ skip = 0 }
{ print }
/^\.\\" table [a-z]+$/ {
	while ((getline line <(rows "/" $3)) > 0)
		print line
	skip = 1
}' "$page" >"$fresh/page" || exit 111

find "$fresh" -type d -exec chmod 755 {} +
find "$fresh" -type f -exec chmod 644 {} +
# what is a script says so in its first line
grep -rl '^#!/' "$fresh" | while read -r file; do
	chmod 755 "$file"
done

if [ $check = yes ]; then
	status=0
	for part in $made; do
		diff -ru "$out/$part" "$fresh/$part" || status=1
	done
	diff -u "$page" "$fresh/page" || status=1
	exit $status
fi
mkdir -p "$out"
for part in $made; do
	rm -rf "${out:?}/$part"
	cp -Rp "$fresh/$part" "$out/$part" || exit 111
done
cmp -s "$fresh/page" "$page" || cat "$fresh/page" >"$page"
