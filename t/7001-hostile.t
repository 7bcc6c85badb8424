#!/bin/sh
# SPDX-License-Identifier: ISC
# Peers that mean no good against a real kn-p2pd with small limits; then kill -9.
# Half-open connections take all the places for handshakes: until their deadline
# strangers are refused, peers who are in notice nothing.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
hostile=$bin/t/fault/hostile
need kn-keygen kn-signd kn-p2pd kn-p2p t/fault/hostile

# A counter of node a's, which publishes each second.
refusals() { # REASON
	"$hostile" stat "$T/a/run/stat/kn-p2pd" kn_p2pd_refused_total \
	    "reason=\"$1\""
}
refused() { # REASON AT-LEAST
	[ "$(refusals "$1")" -ge "$2" ]
}
gauge() { # NAME
	"$hostile" stat "$T/a/run/stat/kn-p2pd" "kn_p2pd_$1" ''
}
no_handshakes() { [ "$(gauge handshaking)" = 0 ]; }

rss() { # PID: kB
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

attack() { # NAME REASON [N]: the node ends it, and counts why
	before=$(refusals "$2")
	"$hostile" "$1" "$addr" ${3:+"$3"}
	ok $? "$1: ended"
	until_true refused "$2" $((before + 1))
	ok $? "$1: counted as $2"
}

node_start a 'dials_per_minute = 0' '[limits]' 'peers = 32' \
    'reserved_peers = 4' 'handshakes = 64' 'handshake_timeout = 5s' \
    'bytes = 32M' 'window = 1M' && node_start b
ok $? "two nodes start"
read -r apid _ <"$T/a/pids"
A=$(p2p a --json self | jq -r .peer)
addr=$(p2p a --json self | jq -r '.addrs[0]')
p2p b dial "$addr" >/dev/null
ok $? "an honest peer comes first"
"$hostile" ping "$addr"
ok $? "a stranger is answered"
was=$(rss "$apid")

# handshakes
"$hostile" half "$addr" 300 &
attacker=$!
pids="$pids $attacker"
until_true refused handshakes-full 200
ok $? "300 half-open connections: the pool holds"
p2p b ping -n 1 "$A" >/dev/null 2>&1
ok $? "who is in is still answered"
wait "$attacker"
ok $? "each of the 300 is closed by the node"
until_true refused handshake-timeout 60
ok $? "those in the pool at their deadline"
until_true "$hostile" ping "$addr"
ok $? "then strangers get in again"
attack drip handshake-timeout
attack garbage security
attack plain security
attack lines security

# what an authenticated peer can do
attack flip protocol-error
attack syns protocol-error 10000
attack twice protocol-error
attack pings protocol-error 10000
attack window protocol-error
"$hostile" nobody "$addr"
ok $? "data for streams that never were: ignored"
"$hostile" push "$addr" 100000
ok $? "an identify push of 100 KB: reset, the connection stays"
"$hostile" deaf "$addr"
ok $? "who asks and does not hear is let go"
attack rapid protocol-error 5

kill -0 "$apid"
ok $? "kn-p2pd is alive"
"$hostile" ping "$addr"
ok $? "and answers strangers"
p2p b ping -n 3 "$A" >"$T/out" 2>"$T/err"
ok $? "and its peer, on the old connection"
until_true no_handshakes
ok $? "no handshake is left"
now=$(rss "$apid")
echo "# resident: $was kB before, $now kB after"
if grep -q libasan "/proc/$apid/maps"; then
	skip_one "memory grew by less than 20 MB" "address sanitizer"
else
	[ $((now - was)) -lt 20000 ]
	ok $? "memory grew by less than 20 MB"
fi

# kill -9 under load
p2p a serve /kn/echo/1 -- cat >/dev/null 2>>"$T/a/log" &
pids="$pids $!"
serves() { p2p a --json self | jq -e '.protocols|index("/kn/echo/1")'; }
until_true serves
ok $? "a serves echo"
# it never ends by itself
cat /dev/zero 2>/dev/null | p2p b open "$A" /kn/echo/1 2>"$T/far" |
    { head -c 100000 >"$T/zeros"; cat >/dev/null; } &
B=$(p2p b --json self | jq -r .peer)
mkfifo "$T/hold"
p2p a open "$B" /ipfs/ping/1.0.0 <"$T/hold" >"$T/near.out" 2>"$T/near" &
opener=$!
exec 9>"$T/hold"
printf x >&9
until_true test -s "$T/near.out"
until_true test -s "$T/zeros"
ok $? "bytes flow"
kill -9 "$apid"
wait "$apid" 2>/dev/null
wait "$opener"
[ $? -eq 111 ] && grep -q kn-p2pd "$T/near"
ok $? "kill -9: a program of that node says that kn-p2pd is gone, exit 111"
until_true grep -q 'broke off' "$T/far"
ok $? "the peer's program says that the stream broke off"
exec 9>&-
[ -S "$T/a/run/p2p.sock" ]
ok $? "a stale socket is left"
p2p a peers >/dev/null 2>"$T/err"
[ $? -eq 111 ] && grep -q 'is kn-p2pd running' "$T/err"
ok $? "which nobody answers on"
start_ready "$T/a/log" "$bin/kn-p2pd" -c "$T/a/node.ini"
ok $? "kn-p2pd starts again in its place"
apid=$pid
[ "$(p2p a --json self | jq -r .peer)" = "$A" ]
ok $? "as the same peer"
"$bin/kn-p2pd" -c "$T/a/node.ini" >/dev/null 2>"$T/err"
[ $? -eq 100 ] && grep -q p2p.sock "$T/err"
ok $? "a second one beside it does not start, and says why"
p2p a self >/dev/null
ok $? "and did the first no harm"
end "$apid"
ok $? "it stops in order"
node_stop b
finish
