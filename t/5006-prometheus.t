#!/bin/sh
# SPDX-License-Identifier: ISC
# A real Prometheus scrapes a real node that has a peer and clients: every metric
# that rules and dashboards name exists, every panel shows something, and an alert
# goes all the way to an Alertmanager.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
. "$here/s3.sh"
. "$here/parts.sh"
need kn-keygen kn-cert kn-signd kn-p2pd kn-p2p kn-dht kn-store kn-metrics
command -v curl >/dev/null || skip 'curl is not installed'
need_prometheus
deploy=$here/../deploy

# Panels that may rightly show nothing here, and why.
cat >"$T/may-be-empty" <<'END'
Why it is not ready	the node is ready
Not ready	the node is ready
Programs down	all run
Twin seen	there is none
Twins	there is none
Drains	nobody drains
Errors	no request was wrong
Alerts	the rules have their time
Clock synchronised	where the kernel may not be asked
END

# Not of those that connections are given: another test makes very many.
free_port() { # FIRST: it or one of the next two thousand
	python3 -c 'import random, socket, sys
while True:
    port = int(sys.argv[1]) + random.randrange(2000)
    try:
        socket.socket().bind(("127.0.0.1", port))
        break
    except OSError:
        pass
print(port)' "$1"
}
metrics_port=$(free_port 12000) && prometheus_port=$(free_port 14000) &&
    alertmanager_port=$(free_port 16000) || skip 'python3 is not installed'
api=http://127.0.0.1:$prometheus_port/api/v1

node_config() {
	cat <<-END
	[identity]
	cert_path = $T/a/node.cert
	roots_path = $T/roots
	[node]
	max_total_gb = 10
	[store]
	listen = 127.0.0.1:0
	blobs_path = $T/a/data/blobs
	db_path = $T/a/data/node.db
	snapshots_path = $T/a/data/snapshots
	secret_key_path = $T/a/store.key
	disk_reserve = 1M
	scrub_every = 1h
	[metrics]
	listen = 127.0.0.1:$metrics_port
	textfiles_path = $T/a/state
	stale_after = 10s
	END
}
certify() {
	"$bin/kn-keygen" --master-new "$T/root.master" &&
	    "$bin/kn-keygen" --master-file "$T/root.master" -o "$T/root.key" \
		>/dev/null &&
	    "$bin/kn-keygen" --public "$T/root.key" >"$T/roots/root.pub" &&
	    "$bin/kn-cert" request -K "$T/a/node.key" -m "$T/a/master.key" \
		-t 1 >"$T/req" &&
	    "$bin/kn-cert" issue -K "$T/root.key" -m "$T/root.master" \
		"$T/req" >"$T/a/node.cert" &&
	    kill -HUP "$(cut -d' ' -f1 "$T/a/pids")"
}
# What backup.sh, keycopies.sh and upgrade.sh leave.
textfiles() {
	now=$(date +%s)
	mkdir -p "$T/a/state"
	for name in last_attempt_timestamp_seconds last_success_timestamp_seconds \
	    verified_timestamp_seconds; do
		echo "kn_backup_$name{db=\"node\"} $now"
	done >"$T/a/state/backup.prom"
	cat >>"$T/a/state/backup.prom" <<-END
	kn_backup_last_exit_code{db="node"} 0
	kn_backup_duration_seconds{db="node"} 2
	kn_backup_bytes{db="node"} 40960
	kn_backup_objects{db="node",state="whole"} 3
	kn_backup_objects{db="node",state="bare"} 0
	kn_backup_objects{db="node",state="hollow"} 0
	kn_restore_drill_timestamp_seconds{db="node"} $now
	kn_key_copies_confirmed 3
	kn_key_copies_oldest_confirmation_timestamp_seconds $now
	END
	echo kn_upgrade_last_success 1 >"$T/a/state/upgrade.prom"
}
start() { # PROGRAM
	start_ready "$T/a/log" "$bin/$1" -c "$T/a/node.ini"
}

# the node, a peer, and a tenant
mkdir "$T/roots"
if ! node_start a "$(node_config)" || ! node_start b; then
	ok 1 "two nodes start"
	finish
fi
ok 0 "two nodes start"
certify
ok $? "one gets a certificate"
textfiles
mkdir -p "$T/a/data"
dht_start b && dht_start a
ok $? "both take part in the DHT"
start kn-store && store_pid=$pid && start kn-metrics
ok $? "a store, and metrics"
b_addr=$(node_addr b)
p2p a dial "$b_addr" >/dev/null
ok $? "they are connected"
port=$(sed -n 's/.* event=listening .*prog=kn-store.*port=\([0-9]*\).*/\1/p
    s/.*prog=kn-store event=listening .*port=\([0-9]*\).*/\1/p' "$T/a/log" | head -n 1)
store a tenant add --tier small t >/dev/null
key_for a t
ok $? "a tenant has a key"

# The same moderate load until the end: bodies, streams, lookups, dials.
load() {
	head -c 100000 /dev/urandom >"$T/body"
	i=0
	while :; do
		i=$((i + 1))
		curl -s -o /dev/null --aws-sigv4 aws:amz:us-east-1:s3 \
		    --user "$key_id:$secret" -X PUT \
		    -T "$T/body" "http://127.0.0.1:$port/bucket/k$i"
		curl -s -o /dev/null --aws-sigv4 aws:amz:us-east-1:s3 \
		    --user "$key_id:$secret" "http://127.0.0.1:$port/bucket/k$i"
		"$bin/kn-p2p" -s "$T/a/run/p2p.sock" ping -n 1 "${b_addr##*/}" \
		    >/dev/null 2>&1
		"$bin/kn-p2p" -s "$T/b/run/p2p.sock" ping -n 1 "$a_id" \
		    >/dev/null 2>&1
		"$bin/kn-dht" -s "$T/a/run/dht.sock" closest \
		    "hex:$(printf '%08x' $i)" >/dev/null 2>&1
		# itself, which is refused
		"$bin/kn-p2p" -s "$T/a/run/p2p.sock" dial "$a_addr" \
		    >/dev/null 2>&1
		sleep 0.3
	done
}
a_addr=$(node_addr a)
a_id=${a_addr##*/}
a_addr=${a_addr%/p2p/*}
curl -s -o /dev/null --aws-sigv4 aws:amz:us-east-1:s3 \
    --user "$key_id:$secret" -X PUT "http://127.0.0.1:$port/bucket"
load &
pids="$pids $!"
ready() { "$bin/kn-metrics" -c "$T/a/node.ini" --probe readyz; }
until_true ready
ok $? "the node is ready"
"$bin/kn-metrics" -c "$T/a/node.ini" --probe readyz 2>&1 | sed 's/^/# /'

# every name in rules and dashboards is a metric of the node, or made by a rule
"$bin/kn-metrics" -c "$T/a/node.ini" --once >"$T/once"
"$promtool" check metrics <"$T/once" >"$T/said" 2>&1
grep -v 'no help text\|non-histogram\|counter metrics should' "$T/said" |
    grep -q .
[ $? -eq 1 ]
ok $? "promtool finds nothing wrong in the metrics"
sed 's/^/# /' "$T/said" | head -n 5
{
	sed -n 's/^\([a-z_][a-z0-9_]*\)[{ ].*/\1/p' "$T/once"
	sed -n 's/^ *- record: //p' "$deploy/prometheus/recording.yml"
} | sort -u >"$T/there"
{
	sed -n '/expr:/,/^ *\(for\|labels\|- record\)/p' \
	    "$deploy/prometheus/alerts.yml" "$deploy/prometheus/recording.yml"
	jq -r '.panels[].targets[]?.expr' "$deploy"/grafana/*.json
} | grep -v '^ *- record' |
    grep -oE '\b([a-z_]+:)?kn_[a-z0-9_]+(:[a-z0-9_]+)?' |
    sort -u >"$T/named"
[ "$(wc -l <"$T/named")" -gt 60 ]
ok $? "rules and dashboards name $(wc -l <"$T/named") metrics"
comm -13 "$T/there" "$T/named" | grep -v kn_clock_synced >"$T/missing"
[ ! -s "$T/missing" ]
ok $? "all of them exist"
sed 's/^/# /' "$T/missing"

# Prometheus and Alertmanager, with the alerts in a hurry
mkdir "$T/prometheus" "$T/alertmanager"
sed -e "s/127.0.0.1:9100/127.0.0.1:$metrics_port/" \
    -e "s/127.0.0.1:9093/127.0.0.1:$alertmanager_port/" \
    -e 's/_interval: 15s/_interval: 1s/' \
    "$deploy/prometheus/prometheus.yml" >"$T/prometheus/prometheus.yml"
cp "$deploy/prometheus/recording.yml" "$T/prometheus/"
sed 's/^\( *\)for: .*/\1for: 2s/' "$deploy/prometheus/alerts.yml" \
    >"$T/prometheus/alerts.yml"
sed 's/group_wait: 30s/group_wait: 1s/' "$deploy/prometheus/alertmanager.yml" \
    >"$T/alertmanager.yml"
"$alertmanager" --config.file="$T/alertmanager.yml" \
    --storage.path="$T/alertmanager" --cluster.listen-address= \
    --web.listen-address="127.0.0.1:$alertmanager_port" \
    >"$T/alertmanager.log" 2>&1 &
pids="$pids $!"
"$prometheus" --config.file="$T/prometheus/prometheus.yml" \
    --storage.tsdb.path="$T/prometheus/data" \
    --web.listen-address="127.0.0.1:$prometheus_port" \
    >"$T/prometheus.log" 2>&1 &
pids="$pids $!"

# Ask Prometheus: the answer in $T/answer.
ask() { # QUERY
	curl -s -m 30 --data-urlencode "query=$1" "$api/query" >"$T/answer"
}
holds() { # QUERY: it is not empty
	ask "$1" && jq -e '.data.result | length > 0' "$T/answer" >/dev/null
}
until_true curl -sf "http://127.0.0.1:$prometheus_port/-/ready"
ok $? "Prometheus starts"
until_true holds 'kn_ready == 1' && until_true holds 'count_over_time(kn_ready[1m]) > 8'
ok $? "and scrapes the node"
until_true holds 'instance:kn_store_requests:rate5m > 0'
ok $? "recording rules are evaluated"

# every panel of both dashboards
run_panels() { # DASHBOARD
	jq -r '.panels[] | select(.targets) | .title as $t | .targets[] |
	    [$t, .expr] | @tsv' "$1" |
	    sed 's/\$__rate_interval/10s/g; s/\$job/.+/g; s/\$instance/.+/g
		s/\[1h\]/[10s]/g; s/\\\\/\\/g' >"$T/panels"
	while IFS='	' read -r title expr; do
		if ! ask "$expr" ||
		    [ "$(jq -r .status "$T/answer")" != success ]; then
			echo "$title: $(jq -r .error "$T/answer")" >>"$T/wrong"
		elif jq -e '.data.result | length == 0' "$T/answer" \
		    >/dev/null && ! grep -q "^$title	" "$T/may-be-empty"; then
			echo "$title: $expr" >>"$T/empty"
		fi
	done <"$T/panels"
	wc -l <"$T/panels"
}
all_show() { # again: on a busy machine scrapes may be missing for a moment
	: >"$T/wrong"
	: >"$T/empty"
	n=$(run_panels "$deploy/grafana/$dashboard.json")
	[ ! -s "$T/wrong" ] && [ ! -s "$T/empty" ]
}
for dashboard in node fleet; do
	for _ in 1 2 3 4 5 6; do
		! all_show || break
		sleep 5
	done
	[ "$n" -gt 20 ] && [ ! -s "$T/wrong" ]
	ok $? "$dashboard: $n queries run"
	sed 's/^/# /' "$T/wrong"
	[ ! -s "$T/empty" ]
	ok $? "$dashboard: and each has a result"
	sed 's/^/# /' "$T/empty"
done
# of a machine under test we do not know whether its clock is kept right, nor
# how much disk it has; what it was too busy for passes
quiet() {
	ask 'count by (alertname) (ALERTS{severity=~"critical|warning"})' &&
	    jq -r '.data.result[].metric.alertname' "$T/answer" >"$T/alerts" &&
	    ! grep -v 'ClockUnsynced\|Disk\|Inodes' "$T/alerts" >"$T/false"
}
until_true quiet
ok $? "a node that is well raises no alarm"
sed 's/^/# /' "$T/false"

# something breaks
fires() { # ALERT [MATCHER]
	holds "ALERTS{alertname=\"$1\",alertstate=\"firing\"${2:+,$2}}"
}
received() { # ALERT
	curl -s -m 30 "http://127.0.0.1:$alertmanager_port/api/v2/alerts" \
	    >"$T/answer"
	jq -e --arg n "$1" 'any(.labels.alertname == $n)' "$T/answer"
}
end "$store_pid"
until_true fires KontinuumProgramDown 'program="kn-store"'
ok $? "kn-store stops: the alert fires"
until_true fires KontinuumNotReady 'reason="missing"'
ok $? "and that the node is not ready"
until_true received KontinuumProgramDown
ok $? "Alertmanager has it"
jq -e 'map(select(.labels.alertname == "KontinuumProgramDown"))[0] |
    .labels.severity == "critical" and
    (.annotations.summary | test("kn-store does not run on 127")) and
    .annotations.runbook == "man 7 kn-alerts"' "$T/answer" >/dev/null
ok $? "with a summary, a severity and where to read on"
start kn-store
gone() { holds 'kn_up{program="kn-store"} == 1' && ! fires "$1"; }
until_true gone KontinuumProgramDown
ok $? "it ends when kn-store is back"

rm "$T/a/node.cert"
kill -HUP "$(cut -d' ' -f1 "$T/a/pids")"
until_true fires KontinuumCertificateInvalid
ok $? "a certificate that is lost"
echo 'kn_backup_last_exit_code{db="node"} 14' >"$T/a/state/backup.prom"
until_true fires KontinuumBackupFails
ok $? "a backup that fails"
printf garbage >"$T/a/state/other.prom"
until_true fires KontinuumTextfileError
ok $? "a text file that is none"
finish
