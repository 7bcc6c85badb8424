#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-p2p alone: its pages, what it refuses, and where it looks for kn-p2pd.
# Verbs that need two nodes are in 5001.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
[ -x "$bin/kn-p2p" ] || skip "kn-p2p is not built"

peer=12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtF
verbs="self peers dial hangup ping id open serve events perf"

program=kn-p2p
exits 0 -h
ok $? "a page"
for verb in $verbs; do
	grep -q "^  $verb " "$T/out" || break
done
[ "$verb" = perf ]
ok $? "with every verb"
for verb in $verbs; do
	exits 0 "$verb" -h && grep -q '^example: ' "$T/out" &&
	    grep -q "^usage: kn-p2p $verb " "$T/out"
	ok $? "$verb -h, with an example"
done
exits 0 -V
ok $? "-V"

exits 100
ok $? "which verb?"
exits 100 sing
ok $? "there is no such verb"
exits 100 -t 0 self
ok $? "a time of nothing"
exits 100 self now
ok $? "self takes no operand"
exits 100 dial
ok $? "dial whom?"
exits 100 dial somebody
ok $? "that is no peer"
exits 100 dial /ip4/127.0.0.1/tcp/70000/p2p/$peer
ok $? "nor an address"
exits 100 dial $peer /ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY
ok $? "an address of another peer"
exits 100 ping /ip4/127.0.0.1/tcp/1 && grep -q /p2p/PEER "$T/err"
ok $? "ping wants to know whom"
exits 100 ping $peer -n many
ok $? "options may come after operands"
exits 100 open $peer
ok $? "open what?"
exits 100 -s "$T/none" open $peer /1 /2 /3 /4 /5 /6 /7 /8 /9
ok $? "at most eight protocols"
exits 100 serve /kn/echo/1 --
ok $? "serve with what?"
exits 100 perf --up lots $peer
ok $? "a size that is none"

exits 111 -s "$T/none" self && grep -q "$T/none.*is kn-p2pd running" "$T/err"
ok $? "nobody there"
cat >"$T/node.ini" <<-END
	[node]
	run_path = $T/run
END
exits 111 -c "$T/node.ini" peers && grep -q "$T/run/p2p.sock" "$T/err"
ok $? "the socket is looked up in the configuration"
echo 'nonsense = 1' >>"$T/node.ini"
timeout 100 "$bin/kn-p2p" -c "$T/node.ini" peers >/dev/null 2>"$T/err"
[ $? -eq 100 ] && grep -q nonsense "$T/err"
ok $? "whose faults are reported"
long=$T/$(printf '%0120d' 0)
exits 100 -s "$long" self
ok $? "a path that no socket can have"
finish
