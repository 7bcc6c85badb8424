#!/bin/sh
# SPDX-License-Identifier: ISC
# What lib/ never does, and what no file of ours is without or has.
here=$(dirname "$0")
. "$here/lib.sh"
cd "$here/.." || exit 111

# Nothing was said, or what was said is the fault.
none() { # NAME
	[ ! -s "$T/said" ]
	ok $? "$1"
	sed 's/^/# /' "$T/said"
}

# mem.c ends the process when memory is out; log.c writes the log.
calls='exit|_exit|_Exit|abort|getenv|secure_getenv|setenv|printf|fprintf'
calls="$calls|vprintf|vfprintf|puts|putchar|perror|system|popen"
word='(^|[^A-Za-z0-9_])'
grep -nE "$word($calls)\(" lib/*/*.[ch] lib/*/*/*.[ch] |
    grep -v -e '^lib/base/mem\.c:' -e '^lib/base/log\.c:' >"$T/said"
none 'lib/ does not exit, print or read the environment'
grep -nE "$word(sprintf|gets|strtok|alloca|rand|random)\(" \
    lib/*/*.[ch] lib/*/*/*.[ch] cmd/*.[ch] cmd/*/*.[ch] >"$T/said"
none 'no functions without a bound or of poor chance'

find lib cmd t scripts sv man .ci Makefile \
    -name node_modules -prune -o -name target -prune -o \
    -name corpus -prune -o -type f -print >"$T/files"
xargs grep -nwE 'TO[D]O|FIX[M]E|XX[X]' /dev/null <"$T/files" >"$T/said"
none 'nothing is left for later'

while read -r file; do
	case $file in
	*.c|*.h|*.sh|*.t|*/run|*/finish) ;;
	*) continue ;;
	esac
	line=$(sed -n '1{/^#!/n;p;q;}' "$file")
	case $line in
	*'SPDX-License-Identifier: ISC'*) ;;
	*) echo "$file" ;;
	esac
done <"$T/files" >"$T/said"
none 'every source begins with its licence'

if git rev-parse --git-dir >/dev/null 2>&1; then
	git ls-files -co --exclude-standard |
	    grep -E '(package-lock|npm-shrinkwrap)\.json$|(yarn|Cargo)\.lock$|pnpm-lock|\.npmrc$' >"$T/said"
	none 'no lock file that names a registry'
else
	skip_one 'no lock file' 'this is no git checkout'
fi
finish
