#!/bin/sh
# SPDX-License-Identifier: ISC
# Two nodes with copies of one identity key meet: both notice, neither peers with
# the other, and a node that meets itself says nothing of the kind.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-signd kn-p2pd kn-p2p

address() { # NODE: without its peer id, which would stop the dial at once
	addr=$(node_addr "$1")
	echo "${addr%/p2p/*}"
}
says() { # NODE LINE-PATTERN
	grep -q "$2" "$T/$1/log"
}
peers() { # NODE
	p2p "$1" --json peers | wc -l
}

node_start a && node_start c
ok $? "two nodes start"
mkdir -p "$T/b"
cp "$T/a/master.key" "$T/a/node.key" "$T/b"
chmod 600 "$T/b"/*.key
sed "s,$T/a,$T/b,g" "$T/a/node.ini" >"$T/b/node.ini"
start_ready "$T/b/log" "$bin/kn-signd" -c "$T/b/node.ini" &&
    start_ready "$T/b/log" "$bin/kn-p2pd" -c "$T/b/node.ini"
ok $? "and one with a copy of the first one's key"
id=$(p2p a --json self | jq -r .peer)
[ -n "$id" ] && [ "$(p2p b --json self | jq -r .peer)" = "$id" ]
ok $? "they have the same peer id"

p2p a dial "$(address a)" >"$T/out" 2>"$T/err"
[ $? -eq 1 ] && grep -q 'this node itself' "$T/err"
ok $? "a node that meets itself is told so"
says a event=twin
[ $? -eq 1 ]
ok $? "and does not take itself for a twin"

# Killed and started anew it has another Noise key, at the same address, which it
# is told of by others and tries itself.
old=$(address a)
p2p c dial "$(node_addr a)" >"$T/out" 2>&1
sed -i "s,^listen_addrs = .*,listen_addrs = $old," "$T/a/node.ini"
read -r p2pd _ <"$T/a/pids"
kill -KILL "$p2pd"
end "$p2pd"
start_ready "$T/a/log2" "$bin/kn-p2pd" -c "$T/a/node.ini" &&
    p2p a dial "$old" >"$T/out" 2>"$T/err"
[ $? -eq 1 ] && grep -q 'this node itself' "$T/err"
ok $? "after a restart it meets itself at its old address"
p2p c dial "$(node_addr a 2>/dev/null || echo "$old")" >"$T/out" 2>&1
p2p c hangup "$id" >"$T/out" 2>&1
[ "$(cat "$T/a/log2" "$T/c/log" | grep -c event=twin)" -eq 0 ]
ok $? "and what is left of before is no twin either"
mv "$T/a/log2" "$T/a/log"

p2p c dial "$(node_addr b)" >"$T/out" 2>&1
ok $? "the twin works like any node"
p2p a dial "$(address b)" >"$T/out" 2>"$T/err"
[ $? -eq 1 ] && grep -q "another node has this node's identity key" "$T/err"
ok $? "until the first one meets it"
says a "event=twin addr=$(address b) dir=out"
ok $? "who dialled logs where the twin is"
until_true says b 'event=twin addr=/ip4/127.0.0.1/tcp/[0-9]* dir=in'
ok $? "and so does who was dialled"
p2p b dial "$(address a)" >"$T/out" 2>"$T/err"
until_true says a 'event=twin addr=/ip4/127.0.0.1/tcp/[0-9]* dir=in'
ok $? "the other way round as well"
[ "$(peers a)" -eq 0 ] && [ "$(peers b)" -eq 1 ]
ok $? "they are not each other's peers, others stay"

# two lines a second, and one that says how many were left out
said() {
	grep -c event=twin "$T/a/log"
}
before=$(said)
began=$(date +%s)
i=0
while [ $i -lt 20 ]; do
	p2p a dial "$(address b)" >"$T/out" 2>&1
	i=$((i + 1))
done
[ $(($(said) - before)) -le $((3 * ($(date +%s) - began + 2))) ]
ok $? "a twin that comes again and again does not fill the log"

if [ -x "$bin/kn-metrics" ]; then
	metric() { # NODE NAME: its value is at least 1
		"$bin/kn-metrics" -c "$T/$1/node.ini" --once 2>/dev/null |
		    awk -v n="$2" '$1 == n { v = $2 } END { exit !(v >= 1) }'
	}
	until_true metric a kn_p2pd_twins_total &&
	    until_true metric b kn_p2pd_twin_seen_seconds
	ok $? "the metrics tell it"
	metric c kn_p2pd_twins_total
	[ $? -eq 1 ]
	ok $? "of nobody else"
else
	skip_one "the metrics tell it" "kn-metrics is not built"
	skip_one "of nobody else" "kn-metrics is not built"
fi
finish
