#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-store alone: its pages, what it refuses, and its verbs against a daemon.
# S3 clients are in 601x, faults in 700x.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
verbs="put get cat ls stat rm du mb rb bucket key tenant usage health stats
scrub fsck rebuild migrate snapshot"

program=kn-store
exits 0 -h
ok $? "a page"
for verb in $verbs; do
	grep -q "^  $verb " "$T/out" || break
done
[ "$verb" = snapshot ]
ok $? "with every verb"
for verb in $verbs; do
	exits 0 "$verb" -h && grep -q '^example: .*kn-store' "$T/out" &&
	    grep -q "^usage: kn-store $verb " "$T/out"
	ok $? "$verb -h, with an example"
done

wrong "there is no such verb" 'no verb "sing"' sing
wrong "put what?" 'wants BUCKET/KEY' put
wrong "put into a bucket without a key" 'is not BUCKET/KEY' put box
wrong "usage takes no operand" 'too many' usage now
wrong "a key of nothing" 'which key' key rotate
wrong "a tenant of nothing" 'which tenant' tenant add
wrong "a file that is not there" 'cannot read' put box/a "$T/nothing"
wrong "a directory" 'is a directory' put box/a "$T"
wrong "migrate how?" 'one of --plan' migrate
exits 111 -s "$T/none" ls && grep -q "$T/none.*is kn-store running" "$T/err"
ok $? "nobody there"
timeout 100 "$bin/kn-store" -c "$T/none.ini" >"$T/out" 2>&1
[ $? -eq 100 ]
ok $? "no configuration, no daemon"
mkdir -p "$T/w/data" "$T/w/run/stat"
cat >"$T/w/node.ini" <<END
[node]
run_path = $T/w/run
[store]
listen = localhost
blobs_path = $T/w/data/blobs
db_path = $T/w/data/node.db
snapshots_path = $T/w/data/snapshots
secret_key_path = $T/w/store.key
END
timeout 100 "$bin/kn-store" -c "$T/w/node.ini" 2>"$T/err"
[ $? -eq 100 ] && grep -q 'is not ADDRESS:PORT' "$T/err"
ok $? "an address without a port"

store_start a
ok $? "a daemon starts"
exits 111 -c "$T/a/node.ini" && grep -q 'in use by another kn-store' "$T/err"
ok $? "and no second one on the same files"
exits 111 -c "$T/a/node.ini" fsck && grep -q 'in use' "$T/err"
ok $? "nor a check"
[ "$(stat -c %a "$T/a/store.key")" = 600 ]
ok $? "its key is private"
store a health | grep -q '^{"ok":true'
ok $? "it is in good health"

store a mb box | jq -e '.bucket == "box" and .tenant == "own"' >/dev/null
ok $? "a bucket"
exits 1 -s "$store_sock" mb box
ok $? "only once"
exits 100 -s "$store_sock" mb B
ok $? "a name that is none"
printf hello | store a put box/a/b
ok $? "a pipe is stored"
[ "$(store a cat box/a/b)" = hello ]
ok $? "and read"
noise 3000000 "$T/big"
store a put -y image/x-test box/big "$T/big" && store a get box/big "$T/back" &&
    cmp -s "$T/big" "$T/back"
ok $? "a file, there and back"
store a stat box/big >"$T/stat"
sha=$(sha256sum <"$T/big" | cut -d' ' -f1)
jq -e --arg s "$sha" '.size == 3000000 and .sha256 == $s and
    .type == "image/x-test" and (.cid | startswith("bafkrei")) and
    .kind == "blob"' "$T/stat" >/dev/null
ok $? "what is known of it"
store a put 'box/ü %+&?#' "$T/big" &&
    store a ls box | jq -se 'any(.key == "ü %+&?#" and .size == 3000000)' >/dev/null
ok $? "a key with odd characters"
store a ls | jq -e '.bucket == "box"' >/dev/null
ok $? "buckets are listed"
store a ls box | jq -se 'any(.prefix == "a/")' >/dev/null
ok $? "keys up to a slash"
store a ls -r box | jq -se 'any(.key == "a/b")' >/dev/null
ok $? "or all of them"
store a du | jq -e '.name == "box" and .objects == 3 and
    .bytes == 6000005' >/dev/null
ok $? "they are added up"
store a usage | jq -e '.tenant == "own" and .disk_used == 6000005' >/dev/null
ok $? "which is what is used"
exits 1 -s "$store_sock" cat box/none
ok $? "there is no such key"
exits 1 -s "$store_sock" ls none
ok $? "nor such a bucket"
exits 1 -s "$store_sock" rb box && grep -q 'not empty' "$T/err"
ok $? "a bucket that is not empty stays"
store a bucket --versioning on --anonymous read,list box |
    jq -e '.versioning == "on" and .anonymous == "read,list"' >/dev/null
ok $? "versions, and reading for everybody"
printf two | store a put box/a/b && store a rm box/a/b &&
    [ "$(store a ls -a box/a/ | wc -l)" -eq 3 ]
ok $? "three versions, one of them a marker"
old=$(store a ls -a box/a/ | jq -r 'select(.size == 5).version')
[ "$(store a cat -v "$old" box/a/b)" = hello ]
ok $? "the first one can be read"
seq 1 2500 | sed 's|.*|x/&|' >"$T/names"
while read -r name; do
	printf '%s\n' "box/$name"
done <"$T/names" >"$T/keys"
xargs -I% -n1 sh -c "printf x | '$bin/kn-store' -s '$store_sock' put '%'" \
    <"$T/keys" 2>"$T/err"
[ "$(store a ls -r box/x/ | wc -l)" -eq 2500 ]
ok $? "more keys than a page has"
store a rm - <"$T/keys" &&
    [ "$(store a ls -r box/x/ | wc -l)" -eq 0 ]
ok $? "are removed by name"

store a tenant add --disk 1000 --egress 100 small |
    jq -e '.disk_cap == 1000 and .egress_cap == 100' >/dev/null
ok $? "a tenant with caps"
exits 1 -s "$store_sock" tenant add small
ok $? "only once"
store a mb --tenant small tiny >/dev/null &&
    head -c 600 "$T/big" | store a put tiny/one
ok $? "what fits is stored"
head -c 600 "$T/big" >"$T/600"
exits 1 -s "$store_sock" put tiny/two "$T/600" &&
    grep -q QuotaExceeded "$T/err"
ok $? "what does not is refused"
store a put tiny/one "$T/600"
ok $? "instead of another it fits"
store a key add --tenant small --grant tiny:read,list reader |
    jq -e '.id == "reader" and (.secret | length) >= 32 and
    .grants[0].verbs == "read,list"' >/dev/null
ok $? "an access key of a chosen name"
store a key list reader | jq -e '.secret == null and .tenant == "small"' \
    >/dev/null
ok $? "whose secret is not told again"
! grep -rq "$(printf mysecret-1234)" "$T/a" 2>/dev/null &&
    printf 'mysecret-1234\n' >"$T/secret" && chmod 600 "$T/secret" &&
    store a key rotate --secret-file "$T/secret" reader |
    jq -e '.secret == "mysecret-1234"' >/dev/null
ok $? "it can be chosen"
! grep -rqa mysecret-1234 "$T/a/data"
ok $? "and does not stand on the disk"
chmod 644 "$T/secret"
exits 100 -s "$store_sock" key rotate --secret-file "$T/secret" reader
ok $? "a file that others can read is not taken"
store a key disable reader | jq -e .disabled >/dev/null &&
    store a key enable reader | jq -e '.disabled | not' >/dev/null &&
    store a key remove reader >/dev/null && [ -z "$(store a key list reader)" ]
ok $? "off, on, gone"
exits 100 -s "$store_sock" key add --grant 'tiny:fly' x
ok $? "a grant that makes no sense"
exits 1 -s "$store_sock" tenant remove small
ok $? "a tenant with buckets stays"

store a snapshot "$T/copy.db" 2>"$T/err" ||
    "$bin/kn-store" -c "$T/a/node.ini" snapshot "$T/copy.db"
[ -s "$T/copy.db" ]
ok $? "a copy of the index while it runs"
"$bin/kn-store" -c "$T/a/node.ini" migrate --check &&
    [ -z "$("$bin/kn-store" -c "$T/a/node.ini" migrate --plan)" ] &&
    "$bin/kn-store" -c "$T/a/node.ini" --json migrate --rehearse |
    jq -e '.ms >= 0' >/dev/null
ok $? "there is nothing to migrate"
end "$store_pid"
"$bin/kn-store" -c "$T/a/node.ini" --json fsck --read >"$T/fsck"
ok $? "every byte is accounted for"
jq -se '.[-1].faults == 0 and .[-1].unnamed_files == 0' "$T/fsck" >/dev/null
ok $? "and nothing is left over"

# the index is lost
cp "$T/big" "$T/keep"
rm -f "$T"/a/data/node.db*
"$bin/kn-store" -c "$T/a/node.ini" --json rebuild >"$T/rebuilt" 2>"$T/err"
[ $? -ne 111 ] && store_start a && store a cat box/big | cmp -s - "$T/big"
ok $? "large contents come back by what they say of themselves"
end "$store_pid"

# of two snapshots the one that was written last, whatever they are called
snaps=$T/a/data/snapshots
mkdir -p "$snaps"
cp "$T/copy.db" "$snaps/node.db-v0-20250101T000000Z.db"
touch -d 2025-01-01 "$snaps/node.db-v0-20250101T000000Z.db"
cp "$T/copy.db" "$snaps/copy-20260101T000000Z.db"
rm -f "$T"/a/data/node.db*
"$bin/kn-store" -c "$T/a/node.ini" rebuild >"$T/rebuilt" 2>"$T/err"
grep -q 'copy-.*it began as this snapshot' "$T/rebuilt"
ok $? "an index is rebuilt from the newest snapshot"

# rights on the socket
store_start b 'control = self: read'
exits 0 -s "$store_sock" usage
ok $? "who may look looks"
exits 1 -s "$store_sock" mb box && grep -q 'may not' "$T/err"
ok $? "and no more"
kill -HUP "$store_pid"
until_true grep -q event=reloaded "$T/b/log.now"
ok $? "HUP reads the rights again"
end "$store_pid"
finish
