#!/bin/sh
# SPDX-License-Identifier: ISC
# The manuals are clean; each program has one, with the options it prints.
here=$(dirname "$0")
. "$here/lib.sh"
cd "$here/.." || exit 111
command -v mandoc >/dev/null || skip 'there is no mandoc'

for page in man/*.[1-8]; do
	mandoc -T lint -W warning "$page" 2>&1 |
	    grep -v -e 'referenced manual not found' \
	    -e 'outdated mandoc.db' >"$T/said"
	[ ! -s "$T/said" ]
	ok $? "$page"
	sed 's/^/# /' "$T/said"
done

# The verbs that a program's help names: `a|b|c` in its usage, or a list.
verbs() { # HELP-FILE
	sed -n '1s/.* \([a-z]*|[a-z|]*\).*/\1/p' "$1" | tr '|' '\n'
	sed -n '/^verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$1"
}

printed() { # HELP-FILE…
	sed -n 's/^  -., --\([a-z0-9-]*\).*/\1/p' "$@" | sort -u
}

# Fl -name, or what stands beside the letter: Fl n , -name
written() { # PAGE
	sed -n 's/\\-/-/g; /^\.\(It \)\{0,1\}\(Op \)\{0,1\}Fl /p' "$1" |
	    grep -oE ' --?[a-z][a-z0-9-]+' | sed 's/^ -*//' | sort -u
}

for source in cmd/kn-*.c; do
	name=$(basename "$source" .c)
	page=$(echo man/"$name".[18])
	[ -e "$page" ]
	ok $? "$name has a manual"
	[ -e "$page" ] || continue
	if [ ! -x "$bin/$name" ]; then
		skip_one "options of $name" 'it is not built'
		continue
	fi
	rm -f "$T"/help*
	"$bin/$name" -h >"$T/help"
	for verb in $(verbs "$T/help"); do
		"$bin/$name" "$verb" -h >"$T/help-$verb"
		ok $? "$name $verb has help"
	done
	printed "$T"/help* >"$T/printed"
	written "$page" >"$T/written"
	[ -s "$T/printed" ] && diff "$T/printed" "$T/written" >"$T/said"
	ok $? "$page has the options of $name"
	sed 's/^/# /' "$T/said"
done

# scripts: all options of the page that --help prints, and no others
for page in man/*.sh.8; do
	name=$(basename "$page" .8)
	sh "scripts/$name" --help | grep -oE -e '--[a-z][a-z0-9-]+' |
	    sed 's/^--//' | sort -u >"$T/printed"
	written "$page" >"$T/written"
	[ -s "$T/printed" ] && diff "$T/printed" "$T/written" >"$T/said"
	ok $? "$page has the options of $name"
	sed 's/^/# /' "$T/said"
done

# kn(7) is where to begin: it leads to every page
sed -n '/^\.Sh SEE ALSO/,/^\.Sh ST/s/^\.Xr \([^ ]*\) \([1-8]\).*/\1.\2/p' \
    man/kn.7 | sort >"$T/written"
(cd man && ls) | grep -vx 'kn\.7' | LC_ALL=C sort >"$T/printed"
LC_ALL=C sort "$T/written" | diff "$T/printed" - >"$T/said"
ok $? 'kn(7) names every page'
sed 's/^/# /' "$T/said"

# and every script that teaches has a page
for script in $(grep -l -e '--help *|' -e '| --help)' scripts/*.sh); do
	name=$(basename "$script")
	[ -e "man/$name.8" ]
	ok $? "$name has a manual"
done

# one fixed list: the code's and the manual's
sed -n 's/.*R([A-Z_]*, *"\([a-z-]*\)",.*/\1/p' lib/net/reason.h |
    awk '{ print NR - 1, $0 }' >"$T/reasons"
sed -n '/^\.Sh REASONS/,/^\.Sh EX/s/^\.It \([0-9]*\) Ta \([a-z-]*\) Ta .*/\1 \2/p' \
    man/kn-p2p.5 >"$T/written"
[ -s "$T/reasons" ] && diff "$T/reasons" "$T/written" >"$T/said"
ok $? "kn-p2p(5) has the reasons of net/reason.h"
sed 's/^/# /' "$T/said"
finish
