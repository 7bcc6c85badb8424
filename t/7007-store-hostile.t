#!/bin/sh
# SPDX-License-Identifier: ISC
# What a hostile client can do to kn-store: nothing but be refused and counted.
# After each attack an honest one is served, and in the end descriptors, memory,
# files and reservations are where they were.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store t/fault/s3hostile t/fault/s3crowd t/fault/hostile
hostile=$bin/t/fault/s3hostile
crowd=$bin/t/fault/s3crowd
case $bin in
*/san*) sanitized=1 ;; # memory says nothing then
*) sanitized= ;;
esac

store_start a 'connections = 1100' 'connections_per_ip = 1100' \
    'head_timeout = 2s' 'idle_timeout = 3s' '[node]' 'max_total_gb = 200'
ok $? "a store"
store a mb box >/dev/null && key_for a own
ok $? "a bucket and a key"
export KN_S3_ID="$key_id" KN_S3_SECRET="$secret"

gauge() { # NAME
	"$bin/t/fault/hostile" stat "$T/a/run/stat/kn-store" "kn_store_$1" ''
}
memory() { awk -v what="$1" '$1 == what ":" { print $2 }' \
    "/proc/$store_pid/status"; }
descriptors() { find "/proc/$store_pid/fd" -mindepth 1 2>/dev/null | wc -l; }
files() { find "$T/a/data/blobs" -type f | wc -l; }
no_files() { [ "$(files)" -eq 0 ]; }
usage() { store a usage --tenant own | jq ".$1"; }

# Nothing is left of what was given up.
is_quiet() {
	[ "$(usage disk_reserved)" -eq 0 ] && [ "$(usage egress_leased)" -eq 0 ] &&
	    [ "$(descriptors)" -le "$had" ] && [ "$(gauge budget_bytes)" -eq 0 ] &&
	    [ "$(gauge writes)" -eq 0 ]
}
quiet() { # NAME
	until_true is_quiet
	ok $? "$1: nothing of it is left"
	is_quiet || echo "# $(store a usage) $(descriptors) of $had," \
	    "budget $(gauge budget_bytes), writes $(gauge writes)"
}
honest() { # NAME
	timeout 300 "$hostile" honest "$port"
	ok $? "$1: an honest client is served"
}

honest 'to begin with'
had=$(descriptors)
for attack in truncated oversized chunks sums signatures heads xml; do
	timeout 300 "$hostile" $attack "$port"
	ok $? "$attack"
	honest "$attack"
done
quiet 'lies'
[ "$(usage disk_used)" -eq 0 ]
ok $? "nothing of them was stored"

timeout 300 "$hostile" keys "$port"
ok $? "keys of 1,024 bytes of any UTF-8, a beside a/b, dots and slashes"
kept=$(store a ls -r box | jq -s length)
[ "$kept" -eq 97 ]
ok $? "all of them are listed: $kept"
store a ls -r box |
    jq -se 'any(.key == "../../etc/passwd") and any(.key == "a") and
    any(.key == "a/b")' >/dev/null
ok $? "by their own names"
[ -z "$(find "$T/a" -name passwd)" ]
ok $? "which are not names of files"
store a ls -r box | jq -rj '"box/" + .key + "\u0000"' |
    xargs -0 -n 50 "$bin/kn-store" -s "$store_sock" rm
[ "$(usage disk_used)" -eq 0 ]
ok $? "and removed by them"

mkfifo "$T/crowd"
for attack in loris half silent deaf; do
	timeout 300 "$crowd" $attack "$port" >"$T/crowd" &
	attacker=$!
	exec 8<"$T/crowd"
	read -r _ <&8
	honest "$attack, meanwhile"
	wait $attacker
	ok $? "$attack: cut in time"
	cat <&8
	quiet "$attack"
done

timeout 600 "$crowd" aborts "$port" 400
ok $? "400 uploads are given up in the middle"
quiet 'uploads given up'
until_true no_files
ok $? "no file of them is left"
[ "$(usage disk_used)" -eq 0 ]
ok $? "and nobody pays"

timeout 1200 "$crowd" parts "$port"
ok $? "10,000 parts out of order, too small to be completed"
[ "$(usage disk_used)" -eq 0 ]
ok $? "the upload is given up, and nothing is used"
timeout 1200 "$crowd" copies "$port"
ok $? "an object of 10,000 parts of 5 MiB, put together out of order"
[ "$(usage disk_used)" -eq 0 ]
ok $? "removed again"
until_true no_files
ok $? "with its file"
honest 'after all those parts'

peak=$(memory VmHWM)
echo "# $peak kB at most"
[ -n "$sanitized" ] || [ "$peak" -lt 65536 ]
ok $? "64 MB held all of it"

# 1,000 who say nothing
end "$store_pid"
sed -i 's/^idle_timeout.*/idle_timeout = 1m/' "$T/a/node.ini"
store_start a
before=$(memory VmRSS)
mkfifo "$T/hold"
"$crowd" idle "$port" 1000 <"$T/hold" >"$T/crowd" &
crowd_pid=$!
pids="$pids $crowd_pid"
exec 9>"$T/hold" 8<"$T/crowd"
read -r _ <&8
ok $? "1,000 connections that say nothing"
for n in 1 2 3 4 5; do
	honest "beside them, $n"
done
held=$(memory VmRSS)
echo "# $before kB without them, $held kB with them"
exec 9>&-
wait $crowd_pid
ok $? "none of them was closed"
cat <&8
[ -n "$sanitized" ] || [ "$held" -lt 65536 ]
ok $? "64 MB hold them all"
had=$(($(descriptors) + 2))
quiet 'a thousand'
end "$store_pid"
! grep 'level=error\|Sanitizer' "$T/a/log.now"
ok $? "no error was met"
"$bin/kn-store" -c "$T/a/node.ini" --json fsck --read >"$T/fsck" &&
    jq -se '.[-1] | .faults == 0 and .objects == 0 and .named_bytes == 0' \
	"$T/fsck" >/dev/null
ok $? "every byte is accounted for"
finish
