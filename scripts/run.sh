#!/bin/sh
# SPDX-License-Identifier: ISC
# A development node in the foreground under s6: makes an identity and a
# certificate the first time, starts the programs, says where they are.  State
# is in $NODE_DIR (./run-node).  Ctrl-C stops it: streams that run may end first;
# a second Ctrl-C does not wait for them.
set -eu
umask 077

here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${NODE_DIR:-run-node}"
dir=$(cd "${NODE_DIR:-run-node}" && pwd)
port=${PORT:-4001}
s3_port=${S3_PORT:-9000}
metrics_port=${METRICS_PORT:-9100}
services='kn-signd kn-p2pd kn-dht kn-store kn-metrics'
built=$(cd "${KN_BUILD:-$here/build}" && pwd)
PATH=$built:$PATH
export PATH

say() { printf '%s\n' "$*"; }
[ $# -eq 0 ] || {
	say "usage: run.sh, without options; the variables NODE_DIR, PORT, S3_PORT" \
	    "and METRICS_PORT say where the node is" >&2
	exit 100
}

make_identity() {
	[ -e "$dir/keys/node.key" ] && return
	kn-keygen --master-new "$dir/keys/master.key"
	kn-keygen --master-file "$dir/keys/master.key" -o "$dir/keys/node.key"
}

# A development certificate: a root of our own vouches for the node.
make_certificate() {
	[ -e "$dir/keys/node.cert" ] && return
	[ -e "$dir/keys/root.key" ] ||
	    kn-keygen --master-file "$dir/keys/master.key" -o "$dir/keys/root.key"
	kn-keygen --public "$dir/keys/root.key" >"$dir/roots/dev.pub"
	kn-cert request --key "$dir/keys/node.key" \
	    --master-file "$dir/keys/master.key" --role server --tier 2 \
	    --operator self --tenancy single >"$dir/keys/node.req"
	kn-cert issue --key "$dir/keys/root.key" \
	    --master-file "$dir/keys/master.key" "$dir/keys/node.req" \
	    >"$dir/keys/node.cert.tmp"
	mv "$dir/keys/node.cert.tmp" "$dir/keys/node.cert"
}

write_ini() {
	[ -e "$dir/node.ini" ] && return
	cat >"$dir/node.ini" <<EOF
; Made by scripts/run.sh; yours to edit.  node.ini(5) has every key.
[identity]
key_path = $dir/keys/node.key
cert_path = $dir/keys/node.cert
master_key_path = $dir/keys/master.key
roots_path = $dir/roots

[node]
run_path = $dir/run
drain_path = $dir/state/drain

[network]
listen_addrs = /ip4/0.0.0.0/tcp/$port

[dht]
db_path = $dir/data/dht.db
; for a network of your own, on private addresses as well
network = private
private_addrs = yes
mode = server
EOF
}

# Also for a node.ini that was made before there was a store.
write_store() {
	grep -q '^\[store\]' "$dir/node.ini" && return
	cat >>"$dir/node.ini" <<EOF

[store]
listen = 127.0.0.1:$s3_port
blobs_path = $dir/data/blobs
db_path = $dir/data/node.db
snapshots_path = $dir/data/snapshots
secret_key_path = $dir/keys/store.key
EOF
}

# Also for one that was made before there were metrics.
write_metrics() {
	grep -q '^\[metrics\]' "$dir/node.ini" && return
	cat >>"$dir/node.ini" <<EOF

[metrics]
listen = 127.0.0.1:$metrics_port
textfiles_path = $dir/state
EOF
}

lay_services() {
	for service in $services; do
		mkdir -p "$dir/sv/$service"
		cp "$here/sv/s6/$service/run" "$here/sv/s6/$service/finish" \
		    "$here/sv/s6/$service/notification-fd" "$dir/sv/$service/"
	done
}

# s6-svwait wants a supervisor that is there already.
supervised() {
	tries=0
	until s6-svok "$1"; do
		tries=$((tries + 1))
		[ $tries -lt 150 ] || return 1
		sleep 0.1
	done
}

# Once all are ready, or after 15 seconds, say what there is.
announce() {
	for service in "$dir"/sv/*/; do
		supervised "$service" || break
	done
	if ! s6-svwait -U -a -t 15000 "$dir"/sv/*; then
		say "The node did not become ready; the lines above say why."
		return
	fi
	p2p="kn-p2p -s $dir/run/p2p.sock"
	self=$($p2p --json self)
	say ""
	say "Ready.  Peer id: $(printf '%s' "$self" | jq -r .peer)"
	say "Dial it at:"
	printf '%s' "$self" | jq -r '.addrs[] | "  " + .'
	say "Try next, in another terminal:"
	say "  PATH=$built:\$PATH"
	say "  $p2p events"
	say "  $p2p serve /kn/echo/1 -- cat"
	say "  $p2p ping -n 3 ADDRESS-OF-ANOTHER-PEER"
	say "  kn-dht -s $dir/run/dht.sock table"
	say "  kn-store -s $dir/run/store.sock mb photos"
	say "  kn-store -s $dir/run/store.sock key add"
	say "  curl http://127.0.0.1:$metrics_port/metrics"
	say "Ctrl-C stops the node."
}

# The first time streams may end, for drain_time at most; the second time not.
stop() {
	trap hurry INT TERM HUP
	say "Stopping; Ctrl-C again does not wait for streams that run."
	kill "$scan"
}

hurry() {
	for service in "$dir"/sv/*/; do
		s6-svc -t "$service" 2>/dev/null || true
	done
}

mkdir -p "$dir/keys" "$dir/roots" "$dir/run/stat" "$dir/state" "$dir/data" "$dir/sv"
make_identity
make_certificate
write_ini
write_store
write_metrics
lay_services
NODE_INI=$dir/node.ini
export NODE_INI
# A session of its own, so that Ctrl-C reaches us alone: a program that got it
# twice, from the terminal and from s6, would not wait for its streams.
setsid s6-svscan "$dir/sv" &
scan=$!
trap stop INT TERM HUP
announce &
while kill -0 "$scan" 2>/dev/null; do
	wait "$scan" || true
done
