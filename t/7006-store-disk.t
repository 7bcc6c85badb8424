#!/bin/sh
# SPDX-License-Identifier: ISC
# A disk that is full, has no inodes, becomes read-only or fails: kn-store stays
# up and says why, reads and deletes go on as long as they can, and writes come
# back by themselves.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store t/fault/godown
command -v mkfs.ext4 >/dev/null || skip 'mkfs.ext4 is not installed'
alone "$0"

# A store on a filesystem of its own in $T/disk, of such a size.
on_disk() { # NAME MIB [MKFS-OPTION...]
	name=$1
	truncate -s "$2M" "$T/$name.img"
	shift 2
	mkdir -p "$T/disk" "$T/$name"
	mkfs.ext4 -q -m 0 "$@" "$T/$name.img" &&
	    mount -o loop,errors=remount-ro "$T/$name.img" "$T/disk" || return 1
	cat >"$T/$name/node.ini" <<-END
	[node]
	run_path = $T/$name/run
	[store]
	listen = 127.0.0.1:0
	blobs_path = $T/disk/blobs
	db_path = $T/disk/node.db
	snapshots_path = $T/disk/snapshots
	secret_key_path = $T/$name/store.key
	disk_reserve = 8M
	END
	store_start "$name" && store "$name" mb box >/dev/null
}
gone() { # NAME
	end "$store_pid"
	umount "$T/disk"
	rm -f "$T/$1.img"
}
ask() { # METHOD TARGET [CURL-ARGUMENT...]: what curl says, the body in $T/body
	method=$1 target=$2
	shift 2
	curl -s -o "$T/body" -w '%{http_code}' -X "$method" "$@" \
	    --unix-socket "$store_sock" "http://store$target"
}
put() { # KEY FILE
	ask PUT "/box/$1" -T "$2"
}
healthy() { store "$name" health 2>/dev/null | jq -e .ok >/dev/null; }
is_ill() { # WHY
	store "$name" health >"$T/health" 2>/dev/null
	jq -e --arg why "$1" '.ok == false and (.why | test($why))' "$T/health"
}
ill() { # WHY
	until_true is_ill "$1" || ! sed 's/^/# /' "$T/health"
}
reads() { # WHEN
	[ "$(ask GET /box/small)" = 200 ] && cmp -s "$T/body" "$T/small"
	ok $? "$1: a small content is read"
	[ "$(ask GET /box/large)" = 200 ] && cmp -s "$T/body" "$T/large"
	ok $? "$1: a large one too"
	[ "$(ask GET '/box?list-type=2')" = 200 ]
	ok $? "$1: and a list"
}
deletes() { # WHEN KEY...
	when=$1
	shift
	stays=
	for key in "$@"; do
		[ "$(ask DELETE "/box/$key")" = 204 ] &&
		    [ "$(ask HEAD "/box/$key" -I)" = 404 ] || stays="$stays $key"
	done
	[ -z "$stays" ]
	ok $? "$when: contents are deleted${stays:+, but not$stays}"
}
refused() { # sets status
	status=$(put tiny "$T/small")
	[ "$status" = 507 ]
}
put_again() { [ "$(put again "$T/large")" = 200 ]; }
writes_come_back() { # WHEN
	until_true healthy
	ok $? "$1: it is well again"
	until_true put_again
	[ "$(ask GET /box/again)" = 200 ] &&
	    cmp -s "$T/body" "$T/large" && [ "$(put tiny "$T/small")" = 200 ]
	ok $? "$1: writes come back"
}
checks() { # WHEN
	end "$store_pid"
	! grep Sanitizer "$T/$name/log.now" || ok 1 "$1: an end in order"
	"$bin/kn-store" -c "$T/$name/node.ini" --json fsck --read >"$T/fsck" &&
	    jq -se '.[-1] | .faults == 0 and .missing == 0 and .damaged == 0' \
		"$T/fsck" >/dev/null
	ok $? "$1: nothing is lost"
	store_start "$name"
}
# Fill the disk, until a write is refused; its status is in $status.
fill() { # SIZE...
	n=0
	for size in "$@"; do
		status=200
		while [ "$status" = 200 ] && [ $n -lt 2000 ]; do
			n=$((n + 1))
			noise "$size" "$T/fill" $n
			status=$(put "fill-$n" "$T/fill")
		done
		echo "# $n writes, the last of $size bytes: $status"
	done
}

noise 1000 "$T/small"
noise 3000000 "$T/large" 7

# full by what is stored
on_disk full 96
ok $? "a store on a small disk"
put small "$T/small" >/dev/null && put large "$T/large" >/dev/null
fill 5000000 300000 20000 500
[ "$status" = 507 ] && grep -q InsufficientStorage "$T/body"
ok $? "full: large ones are refused, then small ones"
free=$(df -B1 --output=avail "$T/disk" | tail -n 1)
[ "$free" -gt 6000000 ]
ok $? "full: what is kept for deletes is there: $free bytes"
ill 'disk is full'
ok $? "full: health says why"
reads full
end "$store_pid"
store_start full
ok $? "full: it can be started again"
reads 'full, started'
deletes full fill-1 fill-2 fill-3
writes_come_back full

# too much announced, and too much that comes
noise 90000000 "$T/fill"
status=$(put big "$T/fill")
[ "$status" = 507 ]
ok $? "one that does not fit is refused: $status"
until_true healthy
ok $? "and leaves nothing behind"
checks 'full'

# full by somebody else, to the last byte, when the log has just begun; there
# are more to delete than the room that is kept for it holds
n=0
while [ $n -lt 500 ]; do
	n=$((n + 1))
	put "many-$n" "$T/small" >/dev/null
done
end "$store_pid"
store_start full
dd if=/dev/zero of="$T/disk/other" bs=64k 2>/dev/null
dd if=/dev/zero of="$T/disk/other2" bs=512 2>/dev/null
again=0 n=0
while [ $n -lt 500 ]; do
	n=$((n + 1))
	[ "$(ask DELETE "/box/many-$n")" = 204 ] || {
		again=$((again + 1))
		[ "$(ask DELETE "/box/many-$n")" = 204 ] || break
	}
done
[ $n -eq 500 ]
ok $? "not a byte: $n contents are deleted, $again of them at the second try"
[ "$(wc -l <"$T/full/log.now")" -lt 50 ]
ok $? "which does not fill the log: $(wc -l <"$T/full/log.now") lines"
rm -f "$T/disk/other" "$T/disk/other2"
writes_come_back 'a byte'

# full by somebody else
dd if=/dev/zero of="$T/disk/other" bs=64k 2>/dev/null
dd if=/dev/zero of="$T/disk/other2" bs=512 2>/dev/null
ill 'disk is full'
ok $? "not a byte: health says why"
until_true refused # what is free is asked once a second
ok $? "not a byte: writes are refused: $status"
reads 'not a byte'
deletes 'not a byte' fill-4 fill-5 fill-6 fill-7 again tiny
kill -0 "$store_pid"
ok $? "not a byte: it is up"
kill -9 "$store_pid"
wait "$store_pid" 2>/dev/null
store_start full
ok $? "not a byte: it even starts"
reads 'not a byte, started'
dd if=/dev/zero of="$T/disk/other2" bs=512 2>/dev/null
deletes 'not a byte, started' fill-8
rm -f "$T/disk/other" "$T/disk/other2"
writes_come_back 'room again'
checks 'room again'
gone full

# inodes
on_disk inodes 128 -N 360
ok $? "a store on a disk of few inodes"
put small "$T/small" >/dev/null && put large "$T/large" >/dev/null
fill 20000
[ "$status" = 507 ] && grep -q InsufficientStorage "$T/body"
ok $? "no inodes: writes are refused"
ill 'no inodes'
ok $? "no inodes: health says why"
reads 'no inodes'
deletes 'no inodes' fill-1 fill-2 fill-3 fill-4 fill-5
writes_come_back 'inodes again'
checks 'inodes again'
gone inodes

# read-only, as a filesystem becomes that has met an error
on_disk readonly 64
put small "$T/small" >/dev/null && put large "$T/large" >/dev/null
loop=$(findmnt -n -o SOURCE "$T/disk")
sync
if echo 1 2>/dev/null >"/sys/fs/ext4/${loop#/dev/}/trigger_fs_error"; then
	status=$(put tiny "$T/small")
	[ "$status" = 503 ]
	ok $? "read-only: a write is refused: $status"
	[ "$(ask DELETE /box/small)" = 503 ]
	ok $? "read-only: so is a delete"
	ill .
	ok $? "read-only: health says why: $(jq -r .why "$T/health")"
	reads 'read-only'
	kill -0 "$store_pid"
	ok $? "read-only: it is up"
	kill -9 "$store_pid"
	wait "$store_pid" 2>/dev/null
	umount "$T/disk"
	mount -o loop "$T/readonly.img" "$T/disk" && store_start readonly
	ok $? "read-only: it starts where it can be written again"
	writes_come_back 'writable again'
	checks 'read-only'
else
	skip_one 'read-only' 'errors cannot be made on this filesystem'
fi
end "$store_pid"
umount "$T/disk"
mount -o loop,ro "$T/readonly.img" "$T/disk"
timeout 120 "$bin/kn-store" -c "$T/readonly/node.ini" 2>"$T/err"
[ $? -eq 111 ] && [ -s "$T/err" ]
ok $? "on a read-only disk it does not start: $(head -n 1 "$T/err")"
umount "$T/disk"
rm -f "$T/readonly.img"

# a disk that fails: each sync says EIO
on_disk failing 64
put small "$T/small" >/dev/null && put large "$T/large" >/dev/null
"$bin/t/fault/godown" "$T/disk"
for n in 1 2 3; do
	[ "$(put "tiny-$n" "$T/small")" = 503 ] &&
	    [ "$(put "big-$n" "$T/large")" = 503 ]
	ok $? "failing: a write is refused"
done
ill .
ok $? "failing: health says why: $(jq -r .why "$T/health")"
status=$(ask GET /box/large)
[ "$status" = 200 ] || [ "$status" -ge 500 ]
ok $? "failing: a read is no wrong answer: $status"
kill -0 "$store_pid"
ok $? "failing: it is up"
kill -9 "$store_pid"
wait "$store_pid" 2>/dev/null
umount "$T/disk"
mount -o loop "$T/failing.img" "$T/disk"
store_start failing
ok $? "failing: it starts on the disk that is well again"
reads 'after the failure'
[ "$(ask HEAD /box/tiny-1 -I)" = 404 ]
ok $? "what was refused is not there"
writes_come_back 'after the failure'
checks 'after the failure'
gone failing
finish
