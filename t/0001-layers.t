#!/bin/sh
# SPDX-License-Identifier: ISC
# Includes look sideways or down, never up; only net knows the event loop.
here=$(dirname "$0")
. "$here/lib.sh"
cd "$here/.." || exit 111

# a layer, and all it may include from
may='base: base
wire: base wire
crypt: base wire crypt
proto: base wire crypt proto
web: base wire crypt web
store: base wire crypt store
s3: base wire crypt web store s3
dht: base wire crypt proto store dht
net: base wire crypt proto web net'

for file in lib/*/*.[ch] lib/*/*/*.[ch]; do
	layer=${file#lib/}
	layer=${layer%%/*}
	allowed=$(printf '%s\n' "$may" | sed -n "s/^$layer: //p")
	bad=
	[ "$layer" = net ] || bad=$(sed -n 's/^#include \(<event.*\)/\1/p' "$file")
	for to in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file"); do
		case " $allowed " in
		*" ${to%%/*} "*) ;;
		*) bad="$bad $to" ;;
		esac
	done
	[ -z "$bad" ]
	ok $? "$file${bad:+ reaches for $bad}"
done

for file in cmd/*.[ch] cmd/*/*.[ch]; do
	bad=$(sed -n -e 's/^#include "\(t\/.*\)"/\1/p' \
	    -e 's/^#include \(<event.*\)/\1/p' "$file")
	[ -z "$bad" ]
	ok $? "$file${bad:+ reaches for $bad}"
done
finish
