#!/bin/sh
# SPDX-License-Identifier: ISC
# A node drains: what runs comes to its end or to the deadline, nothing new
# begins, and it serves again when the drain is over.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-cert kn-signd kn-p2pd kn-dht kn-store kn-p2p kn-drain

mkdir -p "$T/roots"
ini=$T/b/node.ini
log=$T/b/log

# All of b: its ids are in $signd, $p2pd, $dht and $store.
start_b() {
	start_ready "$T/b/log" "$bin/kn-signd" -c "$ini" && signd=$pid &&
	    start_ready "$T/b/log" "$bin/kn-p2pd" -c "$ini" && p2pd=$pid &&
	    start_ready "$T/b/log" "$bin/kn-dht" -c "$ini" && dht=$pid &&
	    start_ready "$T/b/log" "$bin/kn-store" -c "$ini" && store=$pid
}
stop_b() {
	end "$store"
	end "$dht"
	end "$p2pd"
	end "$signd"
}
drain() { # ARGUMENT...
	"$bin/kn-drain" -c "$ini" "$@"
}
status() { # JQ-EXPRESSION
	drain status --json >"$T/status" && jq -e "$1" "$T/status" >/dev/null
}
phase() { # PROGRAM PHASE
	status ".programs[]|select(.name==\"$1\").phase == \"$2\""
}
said() { # PATTERN: in the log since it was marked
	tail -n "+$mark" "$T/b/log" | grep -q "$1"
}
mark() {
	mark=$(($(wc -l <"$T/b/log") + 1))
}
shop() { # ARGUMENT...: kn-store of b
	"$bin/kn-store" -s "$T/b/run/store.sock" "$@"
}
self() { # JQ-EXPRESSION
	p2p b --json self | jq -e "$1" >/dev/null
}
# A stream of a to b that is open until descriptor 9 is closed.
open_stream() {
	rm -f "$T/hold" "$T/back"
	mkfifo "$T/hold"
	"$bin/kn-p2p" -s "$T/a/run/p2p.sock" open "$addr" /kn/echo/1 \
	    <"$T/hold" >"$T/back" 2>"$T/open.err" &
	opener=$!
	exec 9>"$T/hold"
	printf 'before ' >&9
	until_true test -s "$T/back"
}

node_start a && node_start c && node_start b '[identity]' \
    "cert_path = $T/b/node.cert" "roots_path = $T/roots" \
    '[store]' 'listen = 127.0.0.1:0' "blobs_path = $T/b/blobs" \
    "db_path = $T/b/node.db" "snapshots_path = $T/b/snapshots" \
    "secret_key_path = $T/b/store.key"
ok $? "three nodes start"
node_stop b
cat >>"$ini" <<END
[dht]
mode = server
network = private
private_addrs = yes
db_path = $T/b/dht.db
END
start_b
ok $? "one of them with a DHT and a store, and without a certificate"
status '.state == "serving" and ([.programs[].phase]|unique) == ["serving"]'
ok $? "serves without one, as long as nobody drains it"
addr=$(node_addr b)
A=$(node_addr a)
"$bin/kn-p2p" -s "$T/b/run/p2p.sock" serve /kn/echo/1 -- cat \
    >/dev/null 2>>"$log" &
server=$!
pids="$pids $server"
offers() { self '.protocols|index("/kn/echo/1") and index("'"$kad"'")'; }
kad=/kontinuum/kad/1.0.0
until_true offers
ok $? "and offers what its programs do"
shop mb box >/dev/null && printf old | shop put box/old
ok $? "its store takes things"

# under way: a stream, and a change of the store
open_stream
ok $? "a stream runs"
mkfifo "$T/slow"
"$bin/kn-store" -s "$T/b/run/store.sock" put box/slow - <"$T/slow" \
    >/dev/null 2>"$T/put.err" 9>&- &
putter=$!
exec 8>"$T/slow"
head -c 300000 /dev/zero >&8
changing() { status '.changes == 1'; }
until_true changing
ok $? "an upload runs"
mark
drain --reason 'new kernel' --deadline 5m
ok $? "a drain is asked for"
both() { phase kn-p2pd draining && phase kn-store draining && phase kn-dht drained; }
until_true both
ok $? "who has something to finish drains, who has not is drained"
status '.state == "draining" and .streams >= 1 and .changes == 1 and
    .reason == "new kernel" and .left_ms > 200000'
ok $? "status tells what runs"
said 'prog=kn-p2pd event=drain bond=asked .*reason="new kernel"'
ok $? "the log has the reason"
jq -e '[.programs[]|select(.drains).inflight]|add >= 2' "$T/status" >/dev/null
ok $? "each program has what it is busy with"
self '.draining and .protocols == []'
ok $? "SELF says so, and nothing is offered"

# nothing new
p2p b open "$A" /kn/echo/1 </dev/null >/dev/null 2>"$T/err"
[ $? -eq 1 ] && grep -q 'the node is draining' "$T/err"
ok $? "its programs open no streams"
p2p a open "$addr" /kn/echo/1 </dev/null >/dev/null 2>"$T/err"
[ $? -eq 1 ]
ok $? "nor do its peers"
p2p c dial "$addr" >/dev/null 2>"$T/err"
[ $? -eq 1 ] && said 'event=refused what=connection reason=draining'
ok $? "who connects is sent away, which is counted as draining"
dht b closest "$(p2p a --json self | jq -r .peer)" >/dev/null 2>"$T/err"
[ $? -ne 0 ] && grep -q 'the node is draining' "$T/err"
ok $? "nobody is looked for"
[ "$(shop cat box/old)" = old ] && [ "$(shop ls box | wc -l)" -ge 1 ]
ok $? "the store is read"
printf new | shop put box/new >/dev/null 2>"$T/err"
[ $? -ne 0 ] && grep -q 'takes no changes for now: new kernel' "$T/err"
ok $? "and takes nothing new, with the reason"
shop rm box/old >/dev/null 2>"$T/err"
[ $? -ne 0 ] && [ "$(shop cat box/old)" = old ]
ok $? "nor gives anything up"
drain status --wait --max 1s >"$T/out" 2>"$T/err"
[ $? -eq 1 ] && grep -q 'still busy: [1-9][0-9]* streams, 1 changes' "$T/err"
ok $? "--wait --max: still busy, exit 1"

# what runs ends
printf 'after' >&9
exec 9>&-
wait "$opener"
[ $? -eq 0 ] && [ "$(cat "$T/back")" = 'before after' ]
ok $? "the stream comes to its end"
head -c 300000 /dev/zero >&8
exec 8>&-
wait "$putter"
ok $? "and the upload"
drain status --wait >"$T/out" && grep -q '^state *drained$' "$T/out"
ok $? "drained: exit 0"
status '.streams == 0 and .changes == 0 and .peers == 0 and
    ([.programs[]|select(.drains).phase]|unique) == ["drained"]'
ok $? "nothing runs and nobody is connected"
[ "$(shop cat box/slow | wc -c)" -eq 600000 ]
ok $? "what was uploaded is all there"
drain --reason again --wait && status '.reason == "again"'
ok $? "who is drained is so at once when it is asked for again"

# and again
mark
drain end
serves() { status '.state == "serving"'; }
until_true serves && said 'event=drain.over why=removed'
ok $? "end: it serves"
kill -0 "$p2pd" && until_true offers && self '.draining|not'
ok $? "the same process offers all that it did"
p2p c dial "$addr" >/dev/null 2>"$T/err" &&
    [ "$(printf hi | p2p a open "$addr" /kn/echo/1)" = hi ]
ok $? "peers come by the same address, and open streams"
printf new | shop put box/new >/dev/null
ok $? "the store takes changes"

# the deadline
"$bin/kn-store" -s "$T/b/run/store.sock" put box/late - <"$T/slow" \
    >/dev/null 2>"$T/put.err" 9>&- &
putter=$!
exec 8>"$T/slow"
head -c 300000 /dev/zero >&8
until_true changing
ok $? "another upload runs"
open_stream
mark
drain --deadline 4s --wait 2>"$T/err"
[ $? -eq 1 ] && grep -q 'still busy at the deadline: [1-9]' "$T/err"
ok $? "a stream that does not end: exit 1 at the deadline"
drain status --wait >/dev/null 2>"$T/err"
ok $? "then it is cut, and all is drained"
wait "$opener"
[ $? -eq 1 ]
ok $? "which its other end sees as no orderly end"
head -c 300000 /dev/zero >&8 2>/dev/null
exec 8>&-
wait "$putter"
[ $? -ne 0 ] && grep -q 'takes no changes for now' "$T/put.err"
ok $? "who uploads is told why in the middle of it"
shop get box/late >/dev/null 2>&1
[ $? -eq 1 ]
ok $? "and nothing of it is there"
exec 9>&-
drain end
until_true serves

# a program that starts while the node is drained
drain --hold --reason kept --wait
ok $? "one that is held"
stop_b
mark
start_b
status '.state == "drained" and .hold and .reason == "kept"'
ok $? "holds when all programs have started again"
said 'prog=kn-p2pd event=drain bond=held .*reason=kept' &&
    said 'prog=kn-store event=drain bond=held'
ok $? "for that reason"
addr=$(node_addr b)
p2p c dial "$addr" >/dev/null 2>"$T/err"
[ $? -eq 1 ]
ok $? "nobody gets in"
printf x | shop put box/x >/dev/null 2>"$T/err"
[ $? -ne 0 ]
ok $? "nothing is stored"
drain end
until_true serves && p2p c dial "$addr" >/dev/null
ok $? "until it is ended"

drain --wait
stop_b
mark
start_b
phase kn-p2pd drained && phase kn-store serving && phase kn-dht serving &&
    said 'prog=kn-p2pd event=drain bond=certificate'
ok $? "one that is not held stays with kn-p2pd without a certificate"
"$bin/kn-keygen" --master-new "$T/root.master" &&
    "$bin/kn-keygen" --master-file "$T/root.master" -o "$T/root.key" \
    >/dev/null && "$bin/kn-keygen" --public "$T/root.key" >"$T/roots/root.pub"
"$bin/kn-cert" request -K "$T/b/node.key" -m "$T/b/master.key" -t 1 \
    >"$T/req" && "$bin/kn-cert" issue -K "$T/root.key" -m "$T/root.master" \
    --days 30 "$T/req" >"$T/b/node.cert"
ok $? "a certificate"
until_true serves && said 'event=drain.over why=certificate'
ok $? "ends it"
drain --wait
ok $? "with the certificate, one more"
stop_b
mark
start_b
serves && [ -e "$T/b/drain" ]
ok $? "is over when the programs have started again, though its file is there"
said 'event=drain '
[ $? -eq 1 ]
ok $? "and was never begun"
addr=$(node_addr b)
p2p c dial "$addr" >/dev/null
ok $? "peers come"

# a file that nobody understands
mark
printf 'drain, please\n' >"$T/b/drain"
all_drained() { status '.state == "drained"'; }
until_true all_drained && said 'event=drain bond=malformed deadline_ms=-1'
ok $? "a file that cannot be understood drains, without a deadline"
[ "$(tail -n "+$mark" "$T/b/log" | grep -c 'p2pd event=drain.malformed')" -eq 1 ]
ok $? "which is said once"
kill "$p2pd"
wait "$p2pd"
ok $? "TERM of one that is drained: exit 0"
drain end
finish
