#!/bin/sh
# SPDX-License-Identifier: ISC
# Each header compiles alone.
here=$(dirname "$0")
. "$here/lib.sh"
cd "$here/.." || exit 111
cc=${CC:-cc}
command -v "$cc" >/dev/null || skip "there is no $cc"
# shellcheck disable=SC2046 # words
flags=$(pkg-config --cflags $(make -s --no-print-directory libraries)) ||
    skip 'the libraries are not there'

for header in lib/*/*.h lib/*/*/*.h cmd/*.h cmd/*/*.h; do
	# shellcheck disable=SC2086 # flags are words
	printf '#include "%s"\n' "$header" |
	    "$cc" -std=c11 -D_GNU_SOURCE -Ilib -I. $flags -Wall -Wextra \
	    -Wpedantic -Werror -fsyntax-only -x c - 2>"$T/said"
	ok $? "$header"
	sed 's/^/# /' "$T/said"
done
finish
