#!/bin/sh
# SPDX-License-Identifier: ISC
# rclone, as the distribution has it.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
command -v rclone >/dev/null || skip 'rclone is not installed'
rclone version 2>/dev/null | head -n 1 | sed 's/^/# /'
store_start a && key_for a own
ok $? "a store with a key"
config() {
	cat >"$T/rclone.conf" <<-END
	[kn]
	type = s3
	provider = Other
	access_key_id = $key_id
	secret_access_key = $secret
	endpoint = $endpoint
	END
}
config
rc() { rclone --config "$T/rclone.conf" --log-level ERROR "$@"; }

rc mkdir kn:box
ok $? "a bucket is made"
mkdir -p "$T/tree/x/y"
noise 5000 "$T/tree/small"
noise "$big" "$T/tree/big"
for i in $(seq 1 40); do
	echo "$i" >"$T/tree/x/y/f $i ü+&%"
done
rc copy "$T/tree" kn:box/tree
ok $? "a tree with a big file is copied there"
rc check "$T/tree" kn:box/tree 2>"$T/said"
ok $? "sizes and sums agree"
rc copy kn:box/tree "$T/back" && diff -r "$T/tree" "$T/back" >/dev/null
ok $? "and it comes back the same"
rc cat --offset 4000 --count 10 kn:box/tree/small >"$T/part"
tail -c +4001 "$T/tree/small" | head -c 10 | cmp -s - "$T/part"
ok $? "a range"
rc copyto kn:box/tree/big kn:box/copy &&
    [ "$(rc size --json kn:box/copy | jq .bytes)" -eq "$big" ]
ok $? "a copy on the server"
rm "$T/tree/x/y/f 7 ü+&%"
rc sync "$T/tree" kn:box/tree && rc check "$T/tree" kn:box/tree 2>"$T/said" &&
    [ "$(rc lsf -R --files-only kn:box/tree | wc -l)" -eq 41 ]
ok $? "a sync deletes"
curl -sSf "$(rc link kn:box/tree/small)" | cmp -s - "$T/tree/small"
ok $? "its link, opened by curl"
date | rc rcat kn:box/piped && rc cat kn:box/piped | grep -q :
ok $? "a pipe of unknown length"
rc check --download "$T/tree" kn:box/tree 2>"$T/said"
ok $? "each byte is the same"
rc moveto kn:box/copy kn:box/moved &&
    [ "$(rc lsf kn:box | sort | tr '\n' ' ')" = "moved piped tree/ " ]
ok $? "moved"
touch -d 2001-02-03T04:05:06Z "$T/tree/small" && rc copy "$T/tree" kn:box/tree &&
    rc lsl kn:box/tree/small | grep -q ' 2001-02-03 '
ok $? "a time that changed goes into the metadata"
rc purge kn:box && [ "$(store a --json usage | jq .disk_used)" -eq 0 ]
ok $? "all is purged, and nothing is used any more"

key_of_small a && config && rc mkdir kn:tiny &&
    rc copy "$T/tree/small" kn:tiny
ok $? "a tenant with a cap"
for n in 1000000 "$big"; do
	head -c "$n" "$T/tree/big" >"$T/more"
	refused QuotaExceeded rclone --config "$T/rclone.conf" copy "$T/more" \
	    kn:tiny
	ok $? "$n bytes do not fit, which is refused once and for all"
done
finish
