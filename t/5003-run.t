#!/bin/sh
# SPDX-License-Identifier: ISC
# scripts/run.sh, as `make run` calls it: what it makes and says, the same
# identity again, and how Ctrl-C ends it.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-cert kn-signd kn-p2pd kn-p2p kn-dht kn-store kn-metrics
for tool in s6-svscan setsid perl; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
own=$T/own

# In a process group of its own, as a shell with a terminal does.
run() { # LOG
	KN_BUILD=$bin NODE_DIR=$own KN_NETWORK_DRAIN_TIME=20s \
	    KN_NETWORK_LISTEN_ADDRS=/ip4/127.0.0.1/tcp/0 \
	    KN_STORE_LISTEN=127.0.0.1:0 KN_METRICS_LISTEN=127.0.0.1:0 \
	    perl -e 'setpgrp; $SIG{INT} = "DEFAULT"; exec @ARGV' \
	    "$here/../scripts/run.sh" >"$1" 2>&1 &
	runner=$!
	pids="$pids $runner"
	tries=0
	until grep -q '^Ctrl-C stops' "$1"; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || return 1
		sleep 0.1
	done
	self=$("$bin/kn-p2p" -s "$own/run/p2p.sock" --json self)
	daemons=$(sed -n 's/.* event=ready pid=\([0-9]*\).*/\1/p' "$1")
}
ctrl_c() { kill -INT "-$runner"; }
over() {
	for daemon in $daemons; do
		! kill -0 "$daemon" 2>/dev/null || return 1
	done
}

# A stream that stays open until descriptor 9 is closed.
hold() {
	rm -f "$T/hold" "$T/out"
	mkfifo "$T/hold"
	"$bin/kn-p2p" -s "$T/a/run/p2p.sock" open "$addr" /kn/echo/1 \
	    <"$T/hold" >"$T/out" 2>"$T/err" &
	opener=$!
	exec 9>"$T/hold"
	printf before >&9
	until_true grep -q before "$T/out"
}
serves() { # a program of the node that is run serves echo
	"$bin/kn-p2p" -s "$own/run/p2p.sock" serve /kn/echo/1 -- cat \
	    >/dev/null 2>&1 &
	pids="$pids $!"
	until_true sh -c "$bin/kn-p2p -s $own/run/p2p.sock --json self |
	    grep -q /kn/echo/1"
}

run "$T/first"
ok $? "a node is made and started"
peer=$(printf '%s' "$self" | jq -r .peer)
addr=$(printf '%s' "$self" | jq -r '.addrs[0]')
grep -q "^Ready.  Peer id: $peer\$" "$T/first" && grep -q "^  $addr\$" "$T/first"
ok $? "it says the peer id and where to dial it"
sed -n '/^Try next/,/^Ctrl-C/s/^  \(PATH=.*\)/\1/p' "$T/first" >"$T/path"
sed -n '/^Try next/,/^Ctrl-C/s/^  \(kn-.*\)/\1/p' "$T/first" >"$T/try"
[ "$(wc -l <"$T/try")" -ge 3 ]
ok $? "and three commands to try"
(PATH=/usr/bin:/bin && . "$T/path" && sh -c "$(grep ' table' "$T/try")") \
    >/dev/null 2>"$T/err"
ok $? "that run as they stand"
[ "$(stat -c %a "$own/keys/node.key" "$own/keys/master.key" | sort -u)" = 600 ]
ok $? "its keys are private"
[ "$("$bin/kn-keygen" --check "$own/keys/node.key" \
    --master-file "$own/keys/master.key")" = "$peer" ]
ok $? "sealed with a master key of its own"
"$bin/kn-cert" verify --roots "$own/roots" "$own/keys/node.cert" >/dev/null
ok $? "its development certificate verifies"

node_start a && serves && hold
ok $? "a peer has a stream to it"
ctrl_c
until_true grep -q event=drain "$T/first"
ok $? "Ctrl-C drains"
printf after >&9
sleep 1
kill -0 "$runner" 2>/dev/null && ! over
ok $? "and waits for the stream"
exec 9>&-
wait "$opener" && [ "$(cat "$T/out")" = beforeafter ]
ok $? "which comes to its end"
wait "$runner"
ok $? "then it ends with 0"
over
ok $? "and nothing runs any more"

run "$T/second"
ok $? "it starts again"
[ "$(printf '%s' "$self" | jq -r .peer)" = "$peer" ]
ok $? "as the same peer"
addr=$(printf '%s' "$self" | jq -r '.addrs[0]')
serves && hold
ok $? "a stream again"
ctrl_c
until_true grep -q event=drain "$T/second"
ctrl_c
wait "$runner"
ok $? "a second Ctrl-C does not wait"
over
ok $? "nothing runs any more"
exec 9>&-
wait "$opener"
[ $? -eq 1 ]
ok $? "and the stream broke off"
node_stop a
finish
