#!/bin/sh
# SPDX-License-Identifier: ISC
# s3cmd, as the distribution has it.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
command -v s3cmd >/dev/null || skip 's3cmd is not installed'
s3cmd --version | sed 's/^/# /'
store_start a && key_for a own
ok $? "a store with a key"
config() {
	cat >"$T/s3cfg" <<-END
	[default]
	access_key = $key_id
	secret_key = $secret
	host_base = 127.0.0.1:$port
	host_bucket = 127.0.0.1:$port
	use_https = False
	progress_meter = False
	END
}
config
s3() { s3cmd -c "$T/s3cfg" "$@"; }

s3 mb s3://box >/dev/null
ok $? "a bucket is made"
noise 5000 "$T/small"
noise "$big" "$T/big"
s3 put "$T/small" s3://box/dir/small >/dev/null &&
    s3 get --force s3://box/dir/small "$T/back" >/dev/null &&
    cmp -s "$T/small" "$T/back"
ok $? "a small file, there and back"
s3 put --multipart-chunk-size-mb=64 "$T/big" s3://box/big >/dev/null
ok $? "a big one goes in parts"
s3 get --force s3://box/big "$T/back" >/dev/null && cmp -s "$T/big" "$T/back"
ok $? "and comes back the same"
s3 cp s3://box/big s3://box/copy >/dev/null &&
    [ "$(s3 info s3://box/copy | sed -n 's/ *File size: *//p')" = "$big" ]
ok $? "a copy"
s3 mv s3://box/copy s3://box/moved >/dev/null &&
    s3 ls s3://box/ | grep -q /moved && ! s3 ls s3://box/ | grep -q /copy
ok $? "moved"
head -c 1000 "$T/big" >"$T/back" &&
    s3 get --continue s3://box/moved "$T/back" >/dev/null &&
    cmp -s "$T/big" "$T/back"
ok $? "a download is taken up"
rm -f "$T/back"
mkdir -p "$T/tree/x y" && for i in $(seq 1 20); do
	echo "$i" >"$T/tree/x y/f$i ü+&%"
done
s3 sync "$T/tree/" s3://box/tree/ >/dev/null && mkdir "$T/tree.back" &&
    s3 sync s3://box/tree/ "$T/tree.back/" >/dev/null &&
    diff -r "$T/tree" "$T/tree.back" >/dev/null
ok $? "a tree is synced, with odd names"
rm "$T/tree/x y/f7 ü+&%" &&
    s3 sync --delete-removed "$T/tree/" s3://box/tree/ >/dev/null &&
    [ "$(s3 ls --recursive s3://box/tree/ | wc -l)" -eq 19 ]
ok $? "what went is deleted"
[ "$(s3 ls s3://box/ | grep -c ' DIR ')" -eq 2 ] &&
    s3 ls s3://box/tree/ | grep -q 'DIR *s3://box/tree/x y/$' &&
    [ "$(s3 ls s3://box/tree/x | wc -l)" -eq 1 ] &&
    [ "$(s3 ls --limit 3 s3://box/tree/x\ y/ 2>/dev/null | wc -l)" -eq 3 ]
ok $? "lists of version 1, with a delimiter"
[ "$(s3 du s3://box/tree/ | awk '{ print $2 }')" -eq 19 ]
ok $? "it counts"
s3 modify --add-header='x-amz-meta-colour: blue' s3://box/dir/small \
    >/dev/null && s3 info s3://box/dir/small | grep -q 'x-amz-meta-colour: *blue'
ok $? "metadata is replaced"
s3 info s3://box | grep -q 'Location: *us-east-1'
ok $? "what it says of a bucket"
url=$(s3 signurl s3://box/dir/small +600)
[ "$(curl -sS -o "$T/out" -w '%{http_code}' "$url")" = 400 ] &&
    grep -q AWS4-HMAC-SHA256 "$T/out"
ok $? "its presigned URLs are of version 2, which is said"
s3 del --recursive --force s3://box >/dev/null && s3 rb s3://box >/dev/null
ok $? "all is deleted, and the bucket"
[ "$(store a --json usage | jq .disk_used)" -eq 0 ]
ok $? "nothing is used any more"

key_of_small a && config && s3 mb s3://tiny >/dev/null &&
    s3 put "$T/small" s3://tiny/small >/dev/null
ok $? "a tenant with a cap"
head -c 1000000 "$T/big" >"$T/more"
refused QuotaExceeded s3cmd -c "$T/s3cfg" put "$T/more" s3://tiny/more
ok $? "what does not fit is refused, once and for all"
refused QuotaExceeded s3cmd -c "$T/s3cfg" put "$T/big" s3://tiny/more
ok $? "nor does it in parts"
finish
