#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-store is killed every 100 ms for KN_KILL seconds (60) while it is being
# written to: what was acknowledged is there, caps agree with the sum.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store t/fault/storm
# shellcheck source=t/storm.sh
. "$here/storm.sh"
seconds=${KN_KILL:-60}
fell=a
logs=$T/logs
mkdir "$logs"

one_kill() { # NUMBER
	storm_begin "$1" || why "kill $1" 'no storm' || return 1
	sleep 0.1
	storm_until "$1"
	kill -9 "$store_pid"
	wait "$store_pid" 2>/dev/null
	storm_end || why "kill $1" 'something was refused, or read wrong' ||
	    return 1
	# a look at everything costs more than a kill: now and then
	[ $(($1 % 20)) -ne 0 ] || fsck || why "kill $1" 'fsck' || return 1
	store_start a || return 1
	[ $(($1 % 10)) -eq 0 ] || return 0
	storm_check check || why "kill $1" 'check' || return 1
	adds_up || why "kill $1" "$used bytes used, $listed listed"
}

store_start a 'upload_life = 1m' && store a mb storm >/dev/null &&
    store a mb storm-kept >/dev/null &&
    store a bucket -v on storm-kept >/dev/null
ok $? "a store with two buckets"
until=$(($(date +%s) + seconds))
kills=0 bad=0
while [ "$(date +%s)" -lt $until ] && [ $bad -eq 0 ]; do
	kills=$((kills + 1))
	one_kill $kills || bad=$kills
done
[ $bad -eq 0 ]
ok $? "killed $kills times, the first fault at $bad (0: none)"
storm_check audit
ok $? "what was acknowledged is there, every version of it"
acked=$(acknowledged)
echo "# $acked writes were acknowledged"
[ "$acked" -gt $kills ]
ok $? "and much was written"
adds_up
ok $? "what is used is the sum"
end "$store_pid"
fsck --read
ok $? "every byte is right"
tail -n 1 "$T/fsck" | sed 's/^/# /'
fsck --mend && fsck --read &&
    tail -n 1 "$T/fsck" | jq -e '.unnamed_files == 0' >/dev/null
ok $? "and accounted for"
! storm_begin 1 && ! storm_end && grep -q "^# $store_sock: " "$T/storm.err"
ok $? "a storm that meets nobody says so"
finish
