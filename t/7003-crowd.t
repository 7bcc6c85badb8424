#!/bin/sh
# SPDX-License-Identifier: ISC
# More peers than messages may wait for a program (CTL_QUEUE): each program is
# told of all of them, as fast as it reads, and of none twice.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
hostile=$bin/t/fault/hostile
need kn-keygen kn-signd kn-p2pd kn-p2p t/fault/hostile
N=2000

node_start a '[limits]' 'peers = 4096' 'handshakes = 256'
ok $? "a node starts"
addr=$(node_addr a)
mkfifo "$T/hold" "$T/slow" "$T/crowd"
"$hostile" crowd "$addr" $N <"$T/hold" >"$T/crowd" &
crowd=$!
pids="$pids $crowd"
exec 9>"$T/hold"
read -r _ <"$T/crowd"
ok $? "$N peers come"
p2p a --json peers >"$T/peers"
ok $? "who asks for them"
[ "$(jq -r .peer "$T/peers" | sort -u | wc -l)" = $N ] &&
    [ "$(wc -l <"$T/peers")" = $N ]
ok $? "is told of each, once"

# a program whose output nobody takes for two seconds
"$bin/kn-p2p" -s "$T/a/run/p2p.sock" events >"$T/slow" 2>"$T/err" 9>&- &
events=$!
pids="$pids $events"
exec 8<"$T/slow"
sleep 2
kill -0 "$events"
ok $? "a program that does not read yet is not cut off"
p2p a --json self >/dev/null
ok $? "nor keeps others from being answered"
timeout 300 sed '/"now"/q' <&8 >"$T/events"
[ "$(jq -r 'select(.event=="up").peer' "$T/events" | sort -u | wc -l)" = $N ]
ok $? "and is told all when it does"
exec 8<&-
exec 9>&-
wait "$crowd"
ok $? "the crowd was let stay, and leaves"
node_stop a
finish
