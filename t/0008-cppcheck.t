#!/bin/sh
# SPDX-License-Identifier: ISC
# cppcheck finds nothing in lib/ and cmd/.
here=$(dirname "$0")
. "$here/lib.sh"
cd "$here/.." || exit 111
command -v cppcheck >/dev/null || skip 'there is no cppcheck'

cppcheck --enable=warning,portability --inline-suppr --error-exitcode=1 -q \
    -Ilib -I. lib cmd >"$T/said" 2>&1
ok $? 'lib/ and cmd/'
sed 's/^/# /' "$T/said"
finish
