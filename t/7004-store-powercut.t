#!/bin/sh
# SPDX-License-Identifier: ISC
# The power goes while a store is being written to: the filesystem is shut down
# without its log being flushed, so that at the next mount only what was durable
# is there.  KN_CUTS times (100) on each of ext4 and XFS, at random points, each
# fifth time once more while the store is starting; then every acknowledged
# object is there, whole, what tenants use adds up, and every byte on the disk is
# accounted for.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store t/fault/storm t/fault/godown
storm=$bin/t/fault/storm
cuts=${KN_CUTS:-100}
workers=4
alone "$0"

mounted() { mount -o loop "$T/$fs.img" "$T/disk"; }

fall() { # until it has fallen
	: >"$T/logs.$fs/cut"
	"$bin/t/fault/godown" "$T/disk" || return 1
	kill -9 "$store_pid" 2>/dev/null
	wait "$store_pid" 2>/dev/null
	umount "$T/disk"
}

# A moment up to so many milliseconds, another one each time.
a_while() { # SEED MOST
	sleep "$(awk -v n="$1" -v most="$2" \
	    'BEGIN { srand(n); printf "%.3f", 0.002 + rand() * most / 1000 }')"
}

# What is used is the sum of what is listed, and of the parts of uploads that are
# under way.
adds_up() {
	store "$fs" --json du >"$T/du" &&
	    used=$(store "$fs" --json usage --tenant own | jq .disk_used) &&
	    uploads=$(store "$fs" --json stats | jq .uploads) || return 1
	listed=$(jq -s 'map(.bytes) | add // 0' "$T/du")
	[ "$used" -eq "$listed" ] ||
	    { [ "$uploads" -gt 0 ] && [ "$used" -gt "$listed" ]; }
}

fsck() { # ARGUMENT...
	"$bin/kn-store" -c "$T/$fs/node.ini" --json fsck "$@" >"$T/fsck" 2>&1 &&
	    tail -n 1 "$T/fsck" |
	    jq -e '.faults == 0 and .missing == 0 and .damaged == 0' >/dev/null
}

why() { # WHAT-FAILED
	echo "# $fs, cut $n: $1"
	[ ! -e "$T/fsck" ] || tail -n 5 "$T/fsck" | sed 's/^/# /'
	tail -n 5 "$T/$fs/log.now" | sed 's/^/# /'
	# what is there can be looked at afterwards
	[ -z "$KN_KEEP" ] || cp -r --sparse=always "$T/." "$KN_KEEP"
	return 1
}

one_cut() { # NUMBER
	rm -f "$T/logs.$fs/cut"
	"$storm" run "$store_sock" "$T/logs.$fs" $workers "$1" 5000 &
	stormer=$!
	a_while "$1" 500
	fall || return 1
	wait "$stormer" || why 'something was refused, or read wrong' || return 1
	mounted || return 1
	if [ $(($1 % 5)) -eq 0 ]; then
		"$bin/kn-store" -c "$T/$fs/node.ini" 2>"$T/$fs/log.cut" &
		store_pid=$!
		a_while "$1" 40
		fall && mounted || return 1
	fi
	# half of the times the store itself is the first to open the index
	[ $(($1 % 2)) -eq 0 ] || fsck || why 'fsck' || return 1
	store_start "$fs" || return 1
	"$storm" check "$store_sock" "$T/logs.$fs" $workers || why 'check' ||
	    return 1
	adds_up || why "$used bytes used, $listed listed"
}

try() { # FILESYSTEM
	fs=$1
	command -v "mkfs.$fs" >/dev/null || {
		skip_one "$fs" "mkfs.$fs is not installed"
		return
	}
	truncate -s 2G "$T/$fs.img"
	mkdir -p "$T/disk" "$T/$fs" "$T/logs.$fs"
	if ! "mkfs.$fs" -q "$T/$fs.img" || ! mounted 2>"$T/err"; then
		skip_one "$fs" "it cannot be mounted: $(cat "$T/err")"
		return
	fi
	cat >"$T/$fs/node.ini" <<-END
	[node]
	run_path = $T/$fs/run
	[store]
	listen = 127.0.0.1:0
	blobs_path = $T/disk/blobs
	db_path = $T/disk/node.db
	snapshots_path = $T/disk/snapshots
	secret_key_path = $T/$fs/store.key
	upload_life = 1m
	END
	store_start "$fs" && store "$fs" mb storm >/dev/null &&
	    store "$fs" mb storm-kept >/dev/null &&
	    store "$fs" bucket -v on storm-kept >/dev/null
	ok $? "$fs: a store with two buckets"
	n=0 bad=0
	while [ $n -lt "$cuts" ] && [ $bad -eq 0 ]; do
		n=$((n + 1))
		one_cut $n || bad=$n
	done
	[ $bad -eq 0 ]
	ok $? "$fs: $n cuts, the first fault at $bad (0: none)"
	acked=$(cat "$T/logs.$fs"/worker-* | grep -c '^d')
	echo "# $fs: $acked writes were acknowledged," \
	    "$(cat "$T/logs.$fs"/worker-* | grep -c '^v') of them as versions"
	[ "$acked" -gt "$n" ]
	ok $? "$fs: and much was written"
	"$storm" audit "$store_sock" "$T/logs.$fs" $workers
	ok $? "$fs: every version that was acknowledged is there"
	end "$store_pid"
	fsck --read
	ok $? "$fs: every byte is right"
	tail -n 1 "$T/fsck" | sed 's/^/# /'
	# what was being written when it fell nobody names; mending removes it
	fsck --mend && fsck --read &&
	    tail -n 1 "$T/fsck" | jq -e '.unnamed_files == 0' >/dev/null
	ok $? "$fs: and accounted for"
	umount "$T/disk"
}

for each in ${KN_FS:-ext4 xfs}; do
	try "$each"
done
finish
