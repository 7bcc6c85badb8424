#!/bin/sh
# SPDX-License-Identifier: ISC
# Any two kinds against each other: run.sh js go.  The .t files do it with kn.
here=$(cd "$(dirname "$0")/.." && pwd) || exit 111
. "$here/interop/interop.sh"
[ $# -eq 2 ] || { echo "usage: run.sh KIND KIND (js, go, rust, kn)" >&2; exit 100; }
interop "$1" "$2"
