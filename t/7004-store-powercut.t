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
# shellcheck source=t/storm.sh
. "$here/storm.sh"
cuts=${KN_CUTS:-100}
alone "$0"

mounted() { mount -o loop "$T/$fs.img" "$T/disk" 2>"$T/mount.err"; }

fall() { # until it has fallen
	: >"$logs/cut"
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

one_cut() { # NUMBER
	rm -f "$logs/cut"
	storm_begin "$1" || why "cut $1" 'no storm' || return 1
	a_while "$1" 500
	storm_until "$1"
	fall || why "cut $1" 'it does not fall' || return 1
	storm_end || why "cut $1" 'something was refused, or read wrong' ||
	    return 1
	mounted || why "cut $1" "$(cat "$T/mount.err")" || return 1
	if [ $(($1 % 5)) -eq 0 ]; then
		"$bin/kn-store" -c "$T/$fs/node.ini" 2>"$T/$fs/log.cut" &
		store_pid=$!
		a_while "$1" 40
		fall && mounted || why "cut $1" 'while it starts' || return 1
	fi
	# half of the times the store itself is the first to open the index
	[ $(($1 % 2)) -eq 0 ] || fsck || why "cut $1" 'fsck' || return 1
	store_start "$fs" || return 1
	storm_check check || why "cut $1" 'check' || return 1
	adds_up || why "cut $1" "$used bytes used, $listed listed"
}

try() { # FILESYSTEM
	fs=$1
	fell=$fs
	logs=$T/logs.$fs
	command -v "mkfs.$fs" >/dev/null || {
		skip_one "$fs" "mkfs.$fs is not installed"
		return
	}
	truncate -s 2G "$T/$fs.img"
	mkdir -p "$T/disk" "$T/$fs" "$logs"
	if ! "mkfs.$fs" -q "$T/$fs.img" || ! mounted; then
		skip_one "$fs" "it cannot be mounted: $(cat "$T/mount.err")"
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
	acked=$(acknowledged)
	echo "# $fs: $acked writes were acknowledged," \
	    "$(cat "$logs"/worker-* | grep -c '^v') of them as versions"
	[ "$acked" -gt "$n" ]
	ok $? "$fs: and much was written"
	storm_check audit
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
