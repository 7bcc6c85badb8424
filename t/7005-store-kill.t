#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-store is killed every 100 ms for KN_KILL seconds (60) while it is being
# written to: what was acknowledged is there, caps agree with the sum.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store t/fault/storm
storm=$bin/t/fault/storm
seconds=${KN_KILL:-60}
workers=4
mkdir "$T/logs"

store_start a 'upload_life = 1m' && store a mb storm >/dev/null
ok $? "a store with a bucket"
until=$(($(date +%s) + seconds))
kills=0
bad=0
while [ "$(date +%s)" -lt $until ] && [ $bad -eq 0 ]; do
	kills=$((kills + 1))
	"$storm" run "$store_sock" "$T/logs" $workers $kills 5000 &
	stormer=$!
	sleep 0.1
	kill -9 "$store_pid"
	wait "$store_pid" 2>/dev/null
	wait $stormer
	store_start a || bad=$kills
	# a look at everything costs more than a kill: now and then
	[ $((kills % 10)) -ne 0 ] ||
	    "$storm" check "$store_sock" "$T/logs" $workers || bad=$kills
done
[ $bad -eq 0 ]
ok $? "it came back each of $kills times"
"$storm" check "$store_sock" "$T/logs" $workers
ok $? "what was acknowledged is there"
acked=$(cat "$T/logs"/worker-* | grep -c '^d')
echo "# $acked writes were acknowledged"
[ "$acked" -gt $kills ]
ok $? "and much was written"
end "$store_pid"
"$bin/kn-store" -c "$T/a/node.ini" --json fsck --read >"$T/fsck"
jq -c . "$T/fsck" | sed 's/^/# /' | tail -n 3
jq -se '.[-1] | .missing == 0 and .damaged == 0' "$T/fsck" >/dev/null
ok $? "nothing is missing or damaged"
"$bin/kn-store" -c "$T/a/node.ini" fsck --mend >/dev/null
"$bin/kn-store" -c "$T/a/node.ini" --json fsck --read >"$T/fsck"
ok $? "and after mending, every byte is accounted for"
finish
