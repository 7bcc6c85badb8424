#!/bin/sh
# SPDX-License-Identifier: ISC
# Caps hold to the byte, however many come at once and whenever it is killed; and
# of those who put one key under a condition at once, one wins.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store t/fault/s3rush
rush=$bin/t/fault/s3rush
kills=${KN_KILL:-10}
[ "$kills" -le 10 ] || kills=10

usage() { # TENANT FIELD
	store a usage --tenant "$1" | jq ".$2"
}
stored() { # BUCKET
	store a du "$1" | jq -s 'map(.bytes) | add // 0'
}

# A bucket of a tenant with these caps, and a key.
tenant() { # NAME DISK EGRESS
	store a tenant add --tier free --disk "$2" --egress "$3" "$1" \
	    >/dev/null && store a mb --tenant "$1" "$1-box" >/dev/null &&
	    key_for a "$1" &&
	    export KN_S3_ID="$key_id" KN_S3_SECRET="$secret"
}

# It is true of a tenant's usage, again and again while a process lives.
always() { # PROCESS TENANT CONDITION
	looks=0
	while kill -0 "$1" 2>/dev/null; do
		store a usage --tenant "$2" >"$T/look" || return 1
		jq -e "$3" "$T/look" >/dev/null || {
			sed 's/^/# /' "$T/look"
			return 1
		}
		looks=$((looks + 1))
	done
	echo "# looked at $looks times"
}

store_start a
ok $? "a store"

# what is stored
cap=10000000
tenant disk $cap none
ok $? "a tenant that may store $cap bytes"
"$rush" put "$port" disk-box 16 60 100000 >"$T/put" &
rushing=$!
# what is reserved to replace something is not more than that at the end
always $rushing disk ".disk_used <= $cap"
ok $? "960 puts by 16 at once are never over it"
wait $rushing
ok $? "and are answered with nothing but 200 and QuotaExceeded"
sed 's/^/# /' "$T/put"
jq -e '.refused > 100 and .fine > 50 and .broken == 0' "$T/put" >/dev/null
ok $? "many of each"
used=$(usage disk disk_used)
[ "$used" -le $cap ] && [ "$used" -gt $((cap - 150000)) ]
ok $? "it is full: $used"
[ "$used" -eq "$(stored disk-box)" ]
ok $? "which is the sum of what is listed"
[ "$(usage disk disk_reserved)" -eq 0 ]
ok $? "and nothing is reserved"
key=$(store a ls -r disk-box | jq -rs 'max_by(.size).key')
store a rm "disk-box/$key" && [ "$(usage disk disk_used)" -lt "$used" ]
ok $? "what is removed makes room"
"$rush" put "$port" disk-box 1 1 1000 | jq -e '.fine == 1' >/dev/null
ok $? "for something else"

cap=5000000
tenant parts $cap none
"$rush" part "$port" parts-box 8 20 100000 \
    >"$T/put" &
rushing=$!
always $rushing parts ".disk_used + .disk_reserved <= $cap" && wait $rushing
ok $? "parts of uploads, by 8 at once, are never over a cap"
[ "$(usage parts disk_used)" -eq "$(jq .bytes "$T/put")" ] &&
    [ "$(usage parts disk_used)" -le $cap ] &&
    jq -e '.refused > 10' "$T/put" >/dev/null
ok $? "are paid for, and end at the cap"
store a rb parts-box >/dev/null && [ "$(usage parts disk_used)" -eq 0 ]
ok $? "until they are given up"

# what is sent
cap=20000000
size=1000000
tenant sent none $cap
noise $size "$T/seed" && store a put sent-box/seed "$T/seed"
ok $? "a tenant that may be sent $cap bytes"
"$rush" get "$port" sent-box 16 10 $size >"$T/get" &
rushing=$!
always $rushing sent ".egress_used + .egress_leased <= $cap"
ok $? "160 downloads by 16 at once are never over it"
wait $rushing
ok $? "each is whole, or refused before its first byte"
sed 's/^/# /' "$T/get"
until_true eval "[ \$(usage sent egress_leased) -eq 0 ]"
[ "$(usage sent egress_used)" -eq "$(jq .bytes "$T/get")" ]
ok $? "what was sent is counted to the byte"
[ "$(usage sent egress_used)" -le $cap ] &&
    jq -e '.refused > 10 and .broken == 0' "$T/get" >/dev/null
ok $? "up to the cap"
store a bucket -a read sent-box >/dev/null
curl -s -o "$T/body" -w '%{http_code}' "$endpoint/sent-box/seed" >"$T/code"
[ "$(cat "$T/code")" = 403 ] && grep -q EgressQuotaExceeded "$T/body"
ok $? "who reads without a key is refused on the owner's account"
[ "$(curl -s -o /dev/null -w '%{http_code}' -I "$endpoint/sent-box/seed")" = 200 ]
ok $? "HEAD is not"
store a cat sent-box/seed | cmp -s - "$T/seed"
ok $? "nor is who reads on the local socket"

# killed
cap=8000000
tenant killed $cap none
noise 200000 "$T/seed"
bad=0 n=0
while [ $n -lt "$kills" ] && [ $bad -eq 0 ]; do
	n=$((n + 1))
	"$rush" put "$port" killed-box 8 40 100000 >"$T/put" &
	rushing=$!
	"$rush" part "$port" killed-box 4 10 100000 >/dev/null &
	other=$!
	sleep "0.$((n % 4 + 1))"
	kill -9 "$store_pid"
	wait "$store_pid" 2>/dev/null
	wait $rushing || bad=$n
	wait $other || bad=$n
	store_start a || bad=$n
	used=$(usage killed disk_used)
	listed=$(stored killed-box)
	[ "$used" -le $cap ] && [ "$used" -ge "$listed" ] || bad=$n
	store a ls -r killed-box | jq -r '"killed-box/" + .key' |
	    store a rm - || bad=$n
done
[ $bad -eq 0 ]
ok $? "killed $n times while it fills: never over (first fault: $bad)"
store a rb killed-box >/dev/null && [ "$(usage killed disk_used)" -eq 0 ]
ok $? "what is left are parts of uploads, which go with their bucket"

cap=100000000
size=1000000
tenant leased none $cap
noise $size "$T/seed" && store a put leased-box/seed "$T/seed"
sum=0 n=0 bad=0
while [ $n -lt "$kills" ] && [ $bad -eq 0 ]; do
	n=$((n + 1))
	"$rush" get "$port" leased-box 4 2 $size >"$T/get" &
	rushing=$!
	sleep "0.0$((n % 10))"
	kill -9 "$store_pid"
	wait "$store_pid" 2>/dev/null
	wait $rushing || bad=$n
	store_start a || bad=$n
	sum=$((sum + $(jq .bytes "$T/get")))
	used=$(usage leased egress_used)
	# a step, and what was running: 1 MiB and 4 downloads a kill
	[ "$used" -ge $sum ] &&
	    [ "$used" -le $((sum + n * (1048576 + 4 * size))) ] || bad=$n
done
[ $bad -eq 0 ]
ok $? "killed $n times while it sends: $sum came, $used are counted"

# the month
if command -v sqlite3 >/dev/null; then
	end "$store_pid"
	sqlite3 "$T/a/data/node.db" "UPDATE tenant SET period = 202001,
	    egress = egress_cap WHERE name = 'leased'"
	store_start a
	before=$(date -u +%Y%m)
	"$rush" get "$port" leased-box 1 1 $size | jq -e '.fine == 1' >/dev/null
	ok $? "a new month: who was at the cap is sent something again"
	month=$(usage leased month)
	{ [ "$month" = "$before" ] || [ "$month" = "$(date -u +%Y%m)" ]; } &&
	    [ "$(usage leased egress_used)" -le $size ]
	ok $? "and the count begins anew"
	end "$store_pid"
	sqlite3 "$T/a/data/node.db" "UPDATE tenant SET period = 299912,
	    egress = egress_cap WHERE name = 'leased'"
	store_start a
	"$rush" get "$port" leased-box 1 1 $size |
	    jq -e '.fine == 0 and .refused == 1' >/dev/null &&
	    [ "$(usage leased month)" = 299912 ]
	ok $? "a clock that goes back gives nothing"
else
	skip_one 'a new month' 'sqlite3 is not installed'
fi

# conditions
tenant once none none
"$rush" once "$port" once-box 32 10 100000
ok $? "If-None-Match: * by 32 at once, 10 times: one wins"
"$rush" swap "$port" once-box 32 10 100000
ok $? "If-Match by 32 at once, 10 times: one wins"
end "$store_pid"
"$bin/kn-store" -c "$T/a/node.ini" --json fsck --read >"$T/fsck" &&
    jq -se '.[-1] | .faults == 0 and .missing == 0' "$T/fsck" >/dev/null
ok $? "every counter is right"

# the node's own cap, over all tenants
rm -rf "$T/a/data"
printf '[node]\nmax_total_gb = 1\n' >>"$T/a/node.ini"
store_start a
size=5242880
tenant node none none
noise $size "$T/seed" && store a put node-box/seed "$T/seed"
"$rush" copy "$port" node-box 16 20 $size >"$T/copy"
ok $? "320 copies of 5 MiB where 1 GB may be"
sed 's/^/# /' "$T/copy"
jq -e ".fine == $((1000000000 / size - 1)) and .broken == 0" \
    "$T/copy" >/dev/null
ok $? "as many as fit, and not one more"
end "$store_pid"
! grep 'level=error\|Sanitizer' "$T/a/log.now"
ok $? "no error was met"
finish
