#!/bin/sh
# SPDX-License-Identifier: ISC
# Five nodes of ours in a DHT: what they find of each other, what outlives a
# restart, and what becomes of a client.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-signd kn-p2pd kn-p2p kn-dht
command -v perl >/dev/null || skip "perl is not here"

. "$here/cid.sh"

peer() { # NODE
	p2p "$1" --json self | jq -r .peer
}

table_has() { # NODE COUNT
	[ "$(dht "$1" table | wc -l)" -eq "$2" ]
}

stat_is() { # NODE NAME VALUE
	[ "$(dht "$1" stats | jq ".[\"$2\"]")" -eq "$3" ]
}

for n in a b c d; do
	node_start $n && dht_start $n ${first:+"bootstrap = $first"}
	ok $? "node $n starts"
	[ -n "$first" ] || first=$(node_addr a)
done
node_start e && dht_start e "bootstrap = $first" 'protocols = /other/kad/1.0.0
	/kontinuum/kad/1.0.0'
ok $? "and e, which speaks two protocols"
for n in a b c d e; do
	until_true table_has $n 4
	ok $? "$n knows the four others"
done

dht b find "$(peer d)" | jq -e '.addrs | length > 0' >/dev/null
ok $? "b finds d"
nobody=12D3KooWMF9sfRNJJWzoakeKvHyvXjLpWeGpxLYapVShBiGKSgqq
dht b find $nobody >"$T/out" 2>"$T/err"
[ $? -eq 1 ] && jq -e '.found == false' "$T/out" >/dev/null
ok $? "and nobody where nobody is"
[ "$(dht c closest "$(cid x)" | wc -l)" -eq 4 ]
ok $? "the nearest to a key are all the others"

seq 1 200 | cids >"$T/cids"
dht c provide <"$T/cids" | jq -se 'all(.[]; .peers == 4) and length == 200' \
    >/dev/null
ok $? "c tells four peers of 200 keys"
dht e providers <"$T/cids" | jq -r .peer | sort | uniq -c |
    grep -q "^ *200 $(peer c)\$"
ok $? "e finds c for each"
one=$(head -n 1 "$T/cids")
dht c unprovide "$one" >/dev/null
[ $? -eq 0 ] && [ "$(dht c keys | wc -l)" -eq 199 ]
ok $? "c keeps 199 of them"

# restarts
dht_stop c
dht_start c
[ $? -eq 0 ] && [ "$(dht c keys | wc -l)" -eq 199 ]
ok $? "they outlive a restart"
dht_stop b
sed -i '/^bootstrap/d' "$T/b/node.ini"
node_stop b
start_ready "$T/b/log" "$bin/kn-signd" -c "$T/b/node.ini" && signd=$pid
start_ready "$T/b/log" "$bin/kn-p2pd" -c "$T/b/node.ini" &&
    echo "$pid $signd" >"$T/b/pids"
dht_start b
until_true table_has b 4
ok $? "a node is back without the peers it once began with"

# a peer that is gone
gone=$(peer d)
dht_stop d
node_stop d
dht a closest "$(cid y)" >"$T/out"
! grep -q "$gone" "$T/out"
ok $? "who is gone is not among the nearest"

# a client
dht_mode=client
node_start f && dht_start f "bootstrap = $first"
ok $? "a client starts"
until_true table_has f 3
dht f providers "$(tail -n 1 "$T/cids")" | jq -se '.[0].peer' >/dev/null
ok $? "it finds providers"
p2p a --json id "$(node_addr f)" | jq -e '.protocols |
    all(. != "/kontinuum/kad/1.0.0")' >/dev/null
ok $? "it does not offer the protocol"
dht a table | grep -q "$(peer f)"
[ $? -ne 0 ]
ok $? "and is in nobody's table"

# the counters' file
"$bin/kn-dht" -s "$T/a/run/dht.sock" stats >/dev/null && [ -s "$T/a/run/stat/kn-dht" ]
ok $? "the counters are published"
stat_is a disk_bad 0
ok $? "the disk is well"

# kn-p2pd restarts beneath it
node_stop a
start_ready "$T/a/log" "$bin/kn-signd" -c "$T/a/node.ini" && signd=$pid
start_ready "$T/a/log" "$bin/kn-p2pd" -c "$T/a/node.ini" &&
    echo "$pid $signd" >"$T/a/pids"
finds() { dht a find "$(peer e)" >/dev/null 2>&1; }
until_true finds
ok $? "kn-dht outlives kn-p2pd"
finish
