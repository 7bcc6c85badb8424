#!/bin/sh
# SPDX-License-Identifier: ISC
# What kn-metrics tells of a real node: of its programs as they come and go, and
# the same number of series after a hundred thousand hostile strangers as before
# (KN_CROWD: how many).
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
mob=$bin/t/fault/mob
need kn-keygen kn-signd kn-p2pd kn-p2p kn-dht kn-store kn-metrics t/fault/mob
command -v curl >/dev/null || skip 'curl is not installed'
crowd=${KN_CROWD:-100000}

port_of() { # LOG
	sed -n 's/.*event=listening .*port=//p' "$1" | tail -n 1
}
page() { # PATH
	curl -s -m 60 "http://127.0.0.1:$port$1"
}
value() { # SERIES
	page /metrics | awk -v want="$1" '$1 == want { print $2 }'
}
is() { # SERIES VALUE
	[ "$(value "$1")" = "$2" ]
}
is_more() { # SERIES THAN
	[ "$(value "$1")" -gt "$2" ]
}
because() { # REASON PROGRAM
	page /readyz | jq -e --arg r "$1" --arg p "$2" \
	    '.reasons[] | select(.reason == $r and .program == $p)' >/dev/null
}
not_because() { # REASON PROGRAM
	! because "$@"
}
series() {
	page /metrics | grep -v '^#' | sed 's/ [^ ]*$//' | sort
}
healthy() { # STATUS
	[ "$(curl -s -m 60 -o /dev/null -w '%{http_code}' \
	    "http://127.0.0.1:$port/healthz")" = "$1" ]
}

node_start a 'dials_per_minute = 0' '[limits]' 'peers = 256' \
    '[store]' 'listen = 127.0.0.1:0' "db_path = $T/a/node.db" \
    "blobs_path = $T/a/blobs" "snapshots_path = $T/a/snapshots" \
    "secret_key_path = $T/a/store.key" 'disk_reserve = 1M' \
    '[metrics]' 'listen = 127.0.0.1:0' 'stale_after = 10s' "textfiles_path =" &&
    dht_start a &&
    start_ready "$T/store.log" "$bin/kn-store" -c "$T/a/node.ini"
ok $? "a node starts"
store=$pid
s3=$(port_of "$T/store.log")
start_ready "$T/m.log" "$bin/kn-metrics" -c "$T/a/node.ini"
ok $? "and kn-metrics"
metrics=$pid
port=$(port_of "$T/m.log")

for program in kn-signd kn-p2pd kn-dht kn-store kn-metrics; do
	is "kn_up{program=\"$program\"}" 1
	ok $? "$program is up"
done
healthy 200
ok $? "the node is healthy"
because certificate kn-p2pd && because peers kn-p2pd
ok $? "not ready: no certificate and no peers"
page '/readyz?verbose' | jq -e '[.programs[] | select(.sandbox | test("nnp=1"))
    | .program] | length == 5' >/dev/null
ok $? "each program says what holds it"

for program in kn-signd kn-p2pd kn-dht kn-store kn-metrics; do
	of="{program=\"$program\"}"
	until_true is_more "kn_process_resident_bytes$of" 500000 &&
	    [ "$(value "kn_process_open_fds$of")" -gt 4 ] &&
	    [ "$(value "kn_process_max_fds$of")" -gt 100 ] &&
	    [ -n "$(value "kn_process_cpu_seconds_total$of")" ]
	ok $? "$program says what it uses"
done

# series
addr=$(node_addr a)
series >"$T/before"
[ "$(wc -l <"$T/before")" -gt 200 ]
ok $? "$(wc -l <"$T/before") series"
"$mob" "$addr" "$crowd" >"$T/served" 2>"$T/err"
ok $? "$crowd strangers came"
[ "$(cat "$T/served")" -gt $((crowd / 10)) ]
ok $? "$(cat "$T/served") of them were heard"
"$mob" http "$s3" $((crowd / 50)) >"$T/served" && [ "$(cat "$T/served")" -gt 0 ]
ok $? "and asked the store for $(cat "$T/served") things"
"$mob" http "$port" $((crowd / 50)) >"$T/served" && [ "$(cat "$T/served")" -gt 0 ]
ok $? "and kn-metrics, $(cat "$T/served") times"
series >"$T/after"
diff "$T/before" "$T/after" >"$T/said"
ok $? "the series are the same"
sed 's/^/# /' "$T/said"
until_true is_more 'kn_p2pd_accepted_total' $((crowd / 2))
ok $? "their numbers are not"
is 'kn_metrics_garbage' 0 && is 'kn_metrics_dropped_total' 0
ok $? "and all that was there was told"
hwm=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$metrics/status")
echo "# kn-metrics held $hwm kB at most"
if [ "$(nm "$bin/kn-metrics" 2>/dev/null | grep -c __asan)" -gt 0 ]; then
	skip_one 'memory' 'sanitizers'
else
	[ "$hwm" -lt 12288 ]
	ok $? "kn-metrics stays small"
fi

# restarts
began=$(value 'kn_start_time_seconds{program="kn-dht"}')
is 'kn_start_time_seconds{program="kn-dht"}' "$began"
ok $? "when a program started does not change"
dht_stop a
until_true because missing kn-dht
ok $? "a program that was stopped is missing"
until_true is 'kn_up{program="kn-dht"}' 0 && ! page /metrics | grep -q '^kn_dht_'
ok $? "it is not up, and its old numbers are not told"
healthy 200
ok $? "the others are healthy"
sleep 1.1
dht_start a
until_true not_because missing kn-dht
ok $? "started again it is there"
now=$(value 'kn_start_time_seconds{program="kn-dht"}')
[ "$now" -gt "$began" ] && is 'kn_up{program="kn-dht"}' 1
ok $? "and known to be new"

# kill -9 while scrapes run
(while page /metrics | grep -q kn_up; do echo; done) >"$T/scrapes" &
scraper=$!
pids="$pids $scraper"
dht_pid=$(cat "$T/a/dht-pid")
kill -9 "$dht_pid" "$store"
wait "$dht_pid" "$store" 2>/dev/null
until_true because stale kn-dht && because stale kn-store
ok $? "killed programs are stale"
healthy 503
ok $? "and the node is not healthy"
kill -0 "$scraper" && [ "$(wc -l <"$T/scrapes")" -gt 10 ]
ok $? "scrapes went on while they died: $(wc -l <"$T/scrapes")"
end "$scraper"
start_ready "$T/store.log" "$bin/kn-store" -c "$T/a/node.ini"
store=$pid
dht_start a
until_true healthy 200
ok $? "started again the node is healthy"

# a program that hangs
kill -STOP "$store"
until_true because stale kn-store
ok $? "a program that hangs is stale"
kill -CONT "$store"
until_true not_because stale kn-store
ok $? "until it goes on"
until_true is 'kn_not_ready{reason="stale"}' 0
ok $? "and the metrics say so"

# another node with the same key would be a twin; peers come
node_start b
p2p b dial "$addr" >/dev/null
until_true not_because peers kn-p2pd
ok $? "with a peer that reason goes"
page /metrics >"$T/page"
if command -v promtool >/dev/null; then
	promtool check metrics <"$T/page" >"$T/said" 2>&1
	[ $? -ne 1 ]
	ok $? "promtool can read it"
	sed 's/^/# /' "$T/said"
else
	skip_one 'promtool' 'it is not installed'
fi
end "$metrics"
ok $? "kn-metrics ends"
finish
