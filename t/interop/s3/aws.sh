# SPDX-License-Identifier: ISC
# The steps of the aws command line, for any version of it: sourced after lib.sh
# and s3.sh by ../../60*-s3-aws*.t, with $aws set to the program.
"$aws" --version >"$T/version" 2>&1 || skip 'aws does not run'
sed 's/^/# /' "$T/version"
store_start a && key_for a own
ok $? "a store with a key"
aws_env
s3() { "$aws" --endpoint-url "$endpoint" s3 "$@"; }
api() { "$aws" --endpoint-url "$endpoint" --output json s3api "$@"; }

! s3 mb s3://b >"$T/out" 2>&1
ok $? "a name of one letter is refused"
s3 mb s3://box >/dev/null
ok $? "a bucket is made"
noise 5000 "$T/small"
noise "$big" "$T/big"
s3 cp "$T/small" s3://box/dir/small >/dev/null &&
    s3 cp s3://box/dir/small - | cmp -s - "$T/small"
ok $? "a small file, there and back"
s3 cp "$T/big" s3://box/big >/dev/null
ok $? "a big one goes in parts"
s3 cp s3://box/big "$T/back" >/dev/null && cmp -s "$T/big" "$T/back"
ok $? "and comes back the same"
rm -f "$T/back"
api head-object --bucket box --key big | jq -e --argjson n "$big" \
    '.ContentLength == $n and (.ETag | test("-[0-9]+\"$"))' >/dev/null
ok $? "its ETag counts the parts"
api get-object --bucket box --key big --range bytes=8388600-8388700 \
    "$T/part" >/dev/null &&
    tail -c +8388601 "$T/big" | head -c 101 | cmp -s - "$T/part"
ok $? "a range across two parts"
s3 cp s3://box/big s3://box/copy >/dev/null &&
    s3 cp s3://box/copy - | cmp -s - "$T/big"
ok $? "a copy"
s3 mv s3://box/copy s3://box/moved >/dev/null &&
    s3 ls s3://box/ >"$T/out" && grep -q moved "$T/out" &&
    ! grep -q copy "$T/out"
ok $? "moved"
grep -q 'PRE dir/' "$T/out" &&
    [ "$(s3 ls --recursive s3://box/ | wc -l)" -eq 3 ]
ok $? "lists"
head -c 20000000 "$T/big" | s3 cp - s3://box/pipe >/dev/null &&
    s3 cp s3://box/pipe - | cmp -s -n 20000000 - "$T/big"
ok $? "a pipe of unknown length"
mkdir -p "$T/tree/x/y" && for i in $(seq 1 40); do
	echo "$i" >"$T/tree/x/y/f $i ü+&%"
done
s3 sync "$T/tree" s3://box/tree >/dev/null &&
    s3 sync s3://box/tree "$T/tree.back" >/dev/null &&
    diff -r "$T/tree" "$T/tree.back" >/dev/null
ok $? "a tree is synced, with odd names"
[ -z "$(s3 sync "$T/tree" s3://box/tree)" ]
ok $? "and not again"
rm "$T/tree/x/y/f 7 ü+&%"
s3 sync --delete "$T/tree" s3://box/tree >/dev/null &&
    [ "$(s3 ls --recursive s3://box/tree/ | wc -l)" -eq 39 ]
ok $? "what went is deleted"
[ "$(api list-objects-v2 --bucket box --prefix tree/ --page-size 7 |
    jq '.Contents | length')" -eq 39 ]
ok $? "pages of seven"
[ "$(api list-objects --bucket box --prefix tree/ --page-size 7 |
    jq '.Contents | length')" -eq 39 ]
ok $? "and of version 1"
curl -sSf "$(s3 presign s3://box/dir/small)" | cmp -s - "$T/small"
ok $? "a presigned URL, opened by curl"
[ "$(curl -sS -o "$T/out" -w '%{http_code}' -T "$T/small" \
    "$(s3 presign s3://box/dir/small)")" = 403 ] &&
    grep -q SignatureDoesNotMatch "$T/out"
ok $? "which is for one method"
s3 presign --expires-in 1 s3://box/dir/small >"$T/url" && sleep 2 &&
    curl -sS "$(cat "$T/url")" | grep -q 'Request has expired'
ok $? "and for a time"
s3 rm --recursive s3://box/tree/ >/dev/null &&
    [ "$(s3 ls --recursive s3://box/ | wc -l)" -eq 4 ]
ok $? "a tree is removed"
s3 rb --force s3://box >/dev/null && [ -z "$(s3 ls)" ]
ok $? "the bucket too, and what is in it"
[ "$(store a --json usage | jq .disk_used)" -eq 0 ]
ok $? "nothing is used any more"

key_of_small a && s3 mb s3://tiny >/dev/null &&
    s3 cp "$T/small" s3://tiny/small >/dev/null
ok $? "a tenant with a cap"
head -c 1000000 "$T/big" >"$T/more"
refused QuotaExceeded "$aws" --endpoint-url "$endpoint" s3 cp "$T/more" \
    s3://tiny/more
ok $? "what does not fit is refused, once and for all"
refused QuotaExceeded "$aws" --endpoint-url "$endpoint" s3 cp "$T/big" \
    s3://tiny/more
ok $? "nor does it in parts"
api list-multipart-uploads --bucket tiny >"$T/out" &&
    ! grep -q UploadId "$T/out"
ok $? "of which nothing stays"
finish
