#!/bin/sh
# SPDX-License-Identifier: ISC
# The SDK of AWS for JavaScript and the minio client, as npm has them.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
. "$here/parts.sh"
need kn-store
command -v node >/dev/null && command -v npm >/dev/null ||
    skip 'node and npm are not here'
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] ||
    skip "node $(node -v) is too old for these clients"
js=$here/interop/s3js
npm_packages "$js" || skip "$why"
store_start a
ok $? "a store"
noise 5000 "$T/small"
noise "$big" "$T/big"
for client in aws:@aws-sdk/client-s3 minio:minio; do
	package=${client#*:} client=${client%%:*}
	sed -n 's/^  "version": "\(.*\)".*/# '"$client"' \1/p' \
	    "$js/node_modules/$package/package.json"
	key_for a own
	printf '%s\n%s\n' "$key_id" "$secret" >"$T/pair"
	timeout 600 node --no-deprecation --no-warnings "$js/$client.js" \
	    "$endpoint" "$T/pair" "$T" >"$T/tap" 2>"$T/err"
	code=$?
	sed "s/ok - /&$client: /" "$T/tap" >"$T/named" && take_tap "$T/named"
	sed 's/^/# /' "$T/err"
	[ $code -eq 0 ]
	ok $? "$client: all of it ran"
	[ "$(store a --json usage --tenant own | jq .disk_used)" -eq 0 ]
	ok $? "$client: nothing is used any more"
done
key_of_small a && printf '%s\n%s\n' "$key_id" "$secret" >"$T/pair"
for client in aws minio; do
	refused QuotaExceeded node --no-warnings "$js/$client.js" "$endpoint" \
	    "$T/pair" "$T" cap
	ok $? "$client: what does not fit is refused, once and for all"
done
finish
