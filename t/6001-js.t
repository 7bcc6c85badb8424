#!/bin/sh
# SPDX-License-Identifier: ISC
# Our node against js-libp2p, each way: t/interop/README.md.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/interop/interop.sh"
interop kn js
