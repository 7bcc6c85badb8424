#!/bin/sh
# SPDX-License-Identifier: ISC
# backup.sh and restore.sh by curl and by aws, with kn-store as the target and,
# if make bench-store has built it, another S3 server.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
# shellcheck source=t/backups.sh
. "$here/backups.sh"
need_backups

bucket_start && store_start a && store a mb box >/dev/null &&
    printf hello | store a put box/hello
ok $? "a store, and a bucket in another one"
sqlite3 "$T/large.db" 'PRAGMA journal_mode = WAL; CREATE TABLE t (x);
    INSERT INTO t VALUES (randomblob(12000000))' >/dev/null

# All that a target is asked for.  An upload that never ended is begun by hand.
round() { # TARGET CLIENT
	# the other client reads other files
	if [ "$2" = aws ]; then
		printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
		    "$key_id" "$secret" >"$T/credentials"
	else
		printf 'user = "%s:%s"\n' "$key_id" "$secret" >"$T/credentials"
	fi
	part_bytes=5242880
	write_conf a 'clock = any'
	rm -rf "$T/a/data/backup" "$T/x"
	sed -i "s/^bucket = .*/&\nclient = $2\nprefix = $2/; s|^.db node.|[db large]\npath = $T/large.db\nwith =\n&|" \
	    "$T/backup.conf"
	backup && backup
	ok $? "$1, $2: two backups"
	sed 's/^/# /' "$T/err"
	backup large
	ok $? "$1, $2: a large one"
	sed 's/^/# /' "$T/err"
	restore --list --json && [ "$(jq -s 'map(select(.state == "whole")) | length' "$T/out")" -eq 2 ]
	ok $? "$1, $2: listed"
	sed 's/^/# /' "$T/err"
	restore --into "$T/x" --identity "$T/one.key" && [ -s "$T/x/node.db" ] &&
	    cmp -s "$T/x/store.key" "$T/a/store.key" &&
	    restore --db large --into "$T/x" --identity "$T/one.key" &&
	    "$bin/kn-store" snapshot -k "$T/x/large.db" >/dev/null
	ok $? "$1, $2: restored"
	sed 's/^/# /' "$T/err"
	backup audit all --json && [ "$(jq -s 'map(select(.recipients == "2")) | length' "$T/out")" -eq 3 ]
	ok $? "$1, $2: audited"
	sed 's/^/# /' "$T/err"
	# the newest stays, and two before it
	backup && backup && sed -i "/^.db node/a keep = 0s" "$T/backup.conf" &&
	    until_true sh -c "[ \$(date +%S) != $(date +%S) ]" &&
	    backup prune && restore --list --json && [ "$(wc -l <"$T/out")" -eq 3 ]
	ok $? "$1, $2: pruned"
	sed 's/^/# /' "$T/err"
	sed -i 's/^bucket = .*/bucket = nowhere/' "$T/backup.conf"
	ends 10 bucket backup
	ok $? "$1, $2: no such bucket"
	write_conf a 'clock = any'
	sed -i "s/^bucket = .*/&\nclient = $2/" "$T/backup.conf"
	sed -i 's/:[^:]*"$/:wrong-wrong-wrong"/; s/^\(aws_secret.*\) = .*/\1 = wrong-wrong/' "$T/credentials"
	ends 14 'SignatureDoesNotMatch' backup
	ok $? "$1, $2: a wrong secret"
}

round kn-store curl
if command -v aws >/dev/null; then
	round kn-store aws
else
	skip_one aws 'aws is not installed'
fi

peer=$(find "${KN_PEER:-$bin/peer}" -name 'versitygw*' -type f 2>/dev/null | head -n 1)
if [ -x "$peer" ]; then
	key_id=bench secret=benchbench
	mkdir -p "$T/peer/backups"
	# it can choose no port by itself; one that is taken ends it
	for port in $((20000 + $$ % 10000)) $((30000 + $$ % 2000)) 19311; do
		ROOT_ACCESS_KEY=$key_id ROOT_SECRET_KEY=$secret "$peer" \
		    --port 127.0.0.1:$port --quiet posix "$T/peer" >"$T/peer.log" 2>&1 &
		peer_pid=$!
		pids="$pids $peer_pid"
		until_true sh -c "! kill -0 $peer_pid || curl -s -o '$T/out' 'http://127.0.0.1:$port/'"
		kill -0 $peer_pid 2>/dev/null && break
	done
	target_endpoint=http://127.0.0.1:$port
	round versitygw curl
	! command -v aws >/dev/null || round versitygw aws
	no_plaintext "$T/peer"
	ok $? "no byte of it stands there in the clear"
else
	skip_one "another S3 server" 'make bench-store builds it'
fi
finish
