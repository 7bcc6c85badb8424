#!/bin/sh
# SPDX-License-Identifier: ISC
# Two nodes of ours on loopback and programs on both: streams, ends, events.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-signd kn-p2pd kn-p2p

serve() { # NODE PROTOCOL COMMAND...
	on=$1
	protocol=$2
	shift 2
	# not by the function: its subshell's id would be the wrong one to kill
	"$bin/kn-p2p" -s "$T/$on/run/p2p.sock" serve "$protocol" -- "$@" \
	    >>"$T/served" 2>>"$T/$on/log" &
	server=$!
	pids="$pids $server"
	until_true serves "$on" "$protocol"
}
serves() { p2p "$1" --json self | jq -e --arg p "$2" '.protocols|index($p)'; }

count() { # NODE PEER: connected?
	p2p "$1" --json peers | jq -e --arg p "$2" 'select(.peer==$p)' | grep -q .
}

: >"$T/served"
# parked for as long as a busy machine takes to start a program
node_start a && node_start b 'park_time = 1m'
ok $? "two nodes start"
A=$(p2p a --json self | jq -r .peer)
B=$(p2p b --json self | jq -r .peer)
addr=$(p2p b --json self | jq -r '.addrs[0]')
[ "${addr##*/p2p/}" = "$B" ]
ok $? "an address can be given to others as it is"

p2p a dial "$addr" >"$T/out" 2>"$T/err"
ok $? "dial"
p2p a --json id "$B" >"$T/id"
ok $? "id by peer id, now that it is connected"
jq -se --arg b "$B" '.[0] | .peer==$b and .certified and
    (.agent|startswith("kontinuum-node/")) and
    (.protocols|index("/ipfs/ping/1.0.0")!=null)' "$T/id" >/dev/null
ok $? "identify: agent, protocols, a signed record"
until_true count b "$A"
ok $? "the other side lists us"

p2p a --json ping -n 20 "$B" >"$T/ping" 2>/dev/null
ok $? "ping"
[ "$(jq -s length "$T/ping")" = 20 ]
ok $? "twenty answers"

serve b /kn/echo/1 cat
ok $? "a program serves a protocol"
printf 'hello\n' | p2p a open "$B" /kn/echo/1 >"$T/out"
ok $? "open"
[ "$(cat "$T/out")" = hello ]
ok $? "echo with half-close"

head -c 50000000 /dev/urandom >"$T/big"
# shellcheck disable=SC2094 # both only read
p2p a open "$B" /kn/echo/1 <"$T/big" | cmp -s - "$T/big"
ok $? "50 MB there and back, the same bytes"
p2p b open "$A" /kn/nobody/1 </dev/null >/dev/null 2>"$T/err"
[ $? -eq 1 ] && grep -q protocol "$T/err"
ok $? "what nobody serves: exit 1 and a sentence"

serve b /kn/fail/1 sh -c 'head -c 10; exit 3'
printf '0123456789' | p2p a open "$B" /kn/fail/1 >"$T/out" 2>"$T/err"
[ $? -eq 1 ] && grep -qi reset "$T/err"
ok $? "a command that fails is a reset, not an end"
until_true grep -q '"exit":3' "$T/served"
ok $? "and its exit status is told"

serve b /kn/count/1 wc -c
[ "$(p2p a open "$B" /kn/count/1 <"$T/big" | tr -d ' ')" = 50000000 ]
ok $? "one way in, an answer at the end"

# a program that dies in the middle resets its stream
serve b /kn/slow/1 sh -c 'head -c 1; cat'
mkfifo "$T/hold"
p2p a open "$B" /kn/slow/1 <"$T/hold" >"$T/out" 2>"$T/err" &
opener=$!
exec 9>"$T/hold"
printf x >&9
until_true test -s "$T/out"
kill -9 "$server"
wait "$opener"
[ $? -eq 1 ]
ok $? "kill -9 of a server is a reset for the other side"
exec 9>&-

# a server that comes back in time loses no new stream
serve b /kn/back/1 cat
kill "$server"
wait "$server" 2>/dev/null
printf 'parked' | p2p a open "$B" /kn/back/1 >"$T/out" 2>"$T/err" &
opener=$!
serve b /kn/back/1 cat
wait "$opener"
[ "$(cat "$T/out")" = parked ]
ok $? "a stream is parked while its program restarts"

"$bin/kn-p2p" -s "$T/a/run/p2p.sock" events >"$T/events" &
events=$!
pids="$pids $events"
until_true grep -q '"peer"' "$T/events"
p2p a hangup "$B" >/dev/null
ok $? "hangup"
until_true grep -q '"down"' "$T/events"
ok $? "and the event of it"
kill "$events"
! count a "$B" >/dev/null
ok $? "it is gone from the list"
p2p a ping -n 1 "$B" >/dev/null 2>"$T/err"
[ $? -eq 1 ] && grep -qi address "$T/err"
ok $? "no address is known: exit 1 and a sentence"
p2p a ping -n 1 "${addr%/*}/$A" >/dev/null 2>"$T/err"
[ $? -eq 1 ]
ok $? "dialling ourselves is refused"
p2p a dial /ip4/127.0.0.1/tcp/1/p2p/"$B" >/dev/null 2>"$T/err"
[ $? -eq 1 ] && grep -q refused "$T/err"
ok $? "nothing listens there: said so"
p2p a dial "${addr%/p2p/*}/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtF" \
    >/dev/null 2>"$T/err"
[ $? -eq 1 ] && grep -qi "another peer\|wrong" "$T/err"
ok $? "the wrong peer is refused"

p2p a --json perf --up 100M --down 100M "$addr" >"$T/perf" 2>"$T/err"
ok $? "perf"
jq -se '.[0] | .up_gbit > 0 and .down_gbit > 0' "$T/perf" >/dev/null
ok $? "with figures"
"$bin/kn-p2p" -s "$T/nowhere" peers >/dev/null 2>"$T/err"
[ $? -eq 111 ]
ok $? "no kn-p2pd: exit 111"

# deny lists are read again on HUP
: >"$T/deny"
node_start c "deny_path = $T/deny"
ok $? "a node with a deny list"
C=$(p2p c --json self | jq -r .peer)
p2p c dial "$addr" >/dev/null
ok $? "nobody is denied yet"
echo "$B # not this one" >"$T/deny"
read -r cpid _ <"$T/c/pids"
kill -HUP "$cpid"
gone() { ! count c "$B"; }
until_true gone
ok $? "HUP: who is denied now is closed"
p2p c dial "$addr" >/dev/null 2>"$T/err"
[ $? -eq 1 ] && grep -q "deny list" "$T/err"
ok $? "and not dialled any more"
until_true sh -c "! $bin/kn-p2p -s $T/b/run/p2p.sock --json peers | grep -q $C"
ok $? "its peer saw it leave"

# TERM drains: running streams end, then exit 0
read -r bpid _ <"$T/b/pids"
p2p a dial "$addr" >/dev/null
mkfifo "$T/hold2"
p2p a open "$B" /kn/echo/1 <"$T/hold2" >"$T/out" &
opener=$!
exec 9>"$T/hold2"
printf 'before ' >&9
until_true grep -q before "$T/out"
kill -TERM "$bpid"
until_true grep -q 'event=drain' "$T/b/log"
printf 'after' >&9
exec 9>&-
wait "$opener"
[ "$(cat "$T/out")" = "before after" ]
ok $? "TERM: a stream that runs comes to its end"
wait "$bpid"
ok $? "then kn-p2pd exits 0"
node_stop a
node_stop c
finish
