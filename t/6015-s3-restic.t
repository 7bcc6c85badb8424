#!/bin/sh
# SPDX-License-Identifier: ISC
# restic, as the distribution has it: a repository in a bucket.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
command -v restic >/dev/null || skip 'restic is not installed'
restic version | sed 's/^/# /'
store_start a && key_for a own
ok $? "a store with a key"
# restic takes the key from the environment, and nothing else
AWS_ACCESS_KEY_ID=$key_id AWS_SECRET_ACCESS_KEY=$secret
RESTIC_PASSWORD=test RESTIC_REPOSITORY=s3:$endpoint/backup
RESTIC_CACHE_DIR=$T/cache
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY RESTIC_PASSWORD
export RESTIC_REPOSITORY RESTIC_CACHE_DIR

restic -q init
ok $? "init"
mkdir -p "$T/tree"
noise 60000000 "$T/tree/big"
for i in $(seq 1 300); do
	noise $((i * 37)) "$T/tree/f$i" "$i"
done
restic -q backup "$T/tree"
ok $? "backup"
restic -q check --read-data
ok $? "check --read-data"
echo more >"$T/tree/more"
restic -q backup "$T/tree" &&
    [ "$(restic snapshots --json | jq length)" -eq 2 ]
ok $? "a second snapshot"
restic -q restore latest --target "$T/back" &&
    diff -r "$T/tree" "$T/back$T/tree" >/dev/null
ok $? "restore gives the same"
restic -q forget --keep-last 1 --prune && restic -q check --read-data
ok $? "forget and prune"
restic -q stats --json --mode raw-data | jq -e .total_size >/dev/null &&
    restic -q dump latest "$T/tree/big" | cmp -s - "$T/tree/big"
ok $? "a file out of it"

key_of_small a
AWS_ACCESS_KEY_ID=$key_id AWS_SECRET_ACCESS_KEY=$secret
RESTIC_REPOSITORY=s3:$endpoint/tiny
restic -q init
ok $? "a tenant with a cap"
# it tries again for a quarter of an hour whatever the answer is
restic -q backup "$T/tree" >"$T/said" 2>&1 &
refused=$!
pids="$pids $refused"
until_true grep 'does not fit into what this tenant may store' "$T/said"
ok $? "what does not fit is refused, and it says why"
end "$refused"
within_cap() {
	store a --json usage --tenant small |
	    jq -e '.disk_used <= 100000 and .disk_reserved == 0'
}
until_true within_cap
ok $? "and nothing of it is kept"
finish
