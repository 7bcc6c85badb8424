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

# What is used is the sum of what is listed, and of the parts of uploads that are
# under way.
adds_up() {
	store a --json du >"$T/du" &&
	    used=$(store a --json usage --tenant own | jq .disk_used) &&
	    uploads=$(store a --json stats | jq .uploads) || return 1
	listed=$(jq -s 'map(.bytes) | add // 0' "$T/du")
	[ "$used" -eq "$listed" ] ||
	    { [ "$uploads" -gt 0 ] && [ "$used" -gt "$listed" ]; }
}
fsck() { # ARGUMENT...
	"$bin/kn-store" -c "$T/a/node.ini" --json fsck "$@" >"$T/fsck" 2>&1 &&
	    tail -n 1 "$T/fsck" |
	    jq -e '.faults == 0 and .missing == 0 and .damaged == 0' >/dev/null
}

store_start a 'upload_life = 1m' && store a mb storm >/dev/null &&
    store a mb storm-kept >/dev/null &&
    store a bucket -v on storm-kept >/dev/null
ok $? "a store with two buckets"
until=$(($(date +%s) + seconds))
kills=0 bad=0
while [ "$(date +%s)" -lt $until ] && [ $bad -eq 0 ]; do
	kills=$((kills + 1))
	"$storm" run "$store_sock" "$T/logs" $workers $kills 5000 &
	stormer=$!
	sleep 0.1
	kill -9 "$store_pid"
	wait "$store_pid" 2>/dev/null
	wait $stormer || bad=$kills
	# a look at everything costs more than a kill: now and then
	if [ $((kills % 20)) -eq 0 ]; then
		fsck || bad=$kills
	fi
	store_start a || bad=$kills
	if [ $((kills % 10)) -eq 0 ]; then
		"$storm" check "$store_sock" "$T/logs" $workers || bad=$kills
		adds_up || bad=$kills
	fi
done
[ $bad -eq 0 ]
ok $? "killed $kills times, the first fault at $bad (0: none)"
"$storm" audit "$store_sock" "$T/logs" $workers
ok $? "what was acknowledged is there, every version of it"
acked=$(cat "$T/logs"/worker-* | grep -c '^d')
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
finish
