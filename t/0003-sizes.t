#!/bin/sh
# SPDX-License-Identifier: ISC
# No C file over 600 lines, no function over 100.
here=$(dirname "$0")
. "$here/lib.sh"
cd "$here/.." || exit 111
ctags --version 2>/dev/null | grep -q Universal ||
    skip 'there is no universal-ctags'

find lib cmd t -name node_modules -prune -o -name target -prune -o \
    -name '*.[ch]' -print | sort >"$T/files"
ctags --fields=+ne -o - --sort=no --languages=C --langmap=C:.c.h \
    --kinds-C=f -L "$T/files" 2>"$T/said" >"$T/tags"
[ -s "$T/tags" ]
ok $? 'the functions are known'
sed 's/^/# /' "$T/said"

# name, file, "pattern";", f, line:N, end:N
awk -F '\t' '
	{
		first = last = 0
		for (i = 4; i <= NF; i++) {
			if ($i ~ /^line:/)
				first = substr($i, 6)
			if ($i ~ /^end:/)
				last = substr($i, 5)
		}
		if (last - first >= 100)
			print $2, $1 "()", last - first + 1
	}' "$T/tags" >"$T/long"

while read -r file; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 600 ] && ! grep -q "^$file " "$T/long"
	ok $? "$file: $lines lines"
	grep "^$file " "$T/long" | sed 's/^/# too long: /'
done <"$T/files"
finish
