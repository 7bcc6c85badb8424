# SPDX-License-Identifier: ISC
# What tests share that have a store fall while t/fault/storm writes to it.
# Source it after lib.sh and s3.sh; the store is $T/$fell, the logs are in $logs.

storm=$bin/t/fault/storm
workers=4

# Its writers are at it when this returns.
storm_begin() { # SEED
	[ -p "$T/going" ] || mkfifo "$T/going" || return 1
	"$storm" run "$store_sock" "$logs" $workers "$1" 60000 >"$T/going" \
	    2>"$T/storm.err" &
	stormer=$!
	read -r _ <"$T/going"
}

acknowledged() { cat "$logs"/worker-* | grep -c '^d'; }

# However slow the disk is, there is more to lose than there are falls.
storm_until() { # MORE-THAN
	until_true eval "[ \$(acknowledged) -gt $1 ]"
}

# Everything that was asked for was right.
storm_end() {
	wait "$stormer"
}

storm_check() { # check|audit
	"$storm" "$1" "$store_sock" "$logs" $workers
}

# What is used is the sum of what is listed, and of the parts of uploads that are
# under way.
adds_up() {
	used='?' listed='?'
	store "$fell" --json du >"$T/du" &&
	    used=$(store "$fell" --json usage --tenant own | jq .disk_used) &&
	    uploads=$(store "$fell" --json stats | jq .uploads) || return 1
	listed=$(jq -s 'map(.bytes) | add // 0' "$T/du")
	[ "$used" -eq "$listed" ] ||
	    { [ "$uploads" -gt 0 ] && [ "$used" -gt "$listed" ]; }
}

fsck() { # ARGUMENT...
	"$bin/kn-store" -c "$T/$fell/node.ini" --json fsck "$@" \
	    >"$T/fsck" 2>"$T/fsck.err" && tail -n 1 "$T/fsck" |
	    jq -e '.faults == 0 and .missing == 0 and .damaged == 0' >/dev/null
}

why() { # ROUND WHAT-FAILED
	echo "# $fell, $1: $2"
	tail -n 5 "$T/fsck" "$T/fsck.err" "$T/storm.err" "$T/$fell/log.now" \
	    2>/dev/null | sed 's/^/# /'
	# what is there can be looked at afterwards
	[ -z "${KN_KEEP:-}" ] || cp -r --sparse=always "$T/." "$KN_KEEP"
	return 1
}
