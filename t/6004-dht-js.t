#!/bin/sh
# SPDX-License-Identifier: ISC
# A DHT of ten nodes, six of them js: t/interop/dht.sh.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/interop/dht.sh"
dht_interop js
