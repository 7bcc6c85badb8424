#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-p2pd alone: options, and the configuration that it refuses to start on.
# What it does is in 5001 and 7001.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
[ -x "$bin/kn-p2pd" ] || skip "kn-p2pd is not built"

exits() { # CODE ARGUMENT...
	want=$1
	shift
	timeout 100 "$bin/kn-p2pd" "$@" >"$T/out" 2>"$T/err" </dev/null
	[ $? -eq "$want" ]
}
says() { # TEXT: a line on stderr has it
	grep -qF "$1" "$T/err"
	ok $? "$1"
}
ini() { # LINE...
	printf '%s\n' "$@" >"$T/node.ini"
}

exits 0 -h && grep -q -e --ready-fd "$T/out"
ok $? "usage names the options"
exits 0 -V
ok $? "version"
exits 100 --nonsense
ok $? "an unknown option"
exits 100 word
ok $? "an operand"
exits 100 -n -c "$T/absent.ini"
ok $? "no configuration"

ini '[network]' 'listen_addrs = /ip4/127.0.0.1/tcp/0' '[limits]' 'peers = 64'
exits 0 -n -c "$T/node.ini" && grep -qx 'peers = 64' "$T/out" &&
    [ ! -s "$T/err" ]
ok $? "-n prints what is in effect"

ini '[network]' 'foo = 1' '[limits]' 'peers = 0' '[bar]' 'x = 1'
exits 100 -n -c "$T/node.ini"
ok $? "-n finds faults of the file, all at once"
says 'node.ini:2: [network] has no key "foo"'
says 'node.ini:4: [limits] peers: 0 is out of range'
says 'node.ini:5: there is no section [bar]'

printf '%s\n' '192.0.2.1' 'nobody' >"$T/deny"
ini '[network]' 'listen_addrs = /ip4/192.0.2.1/tcp/99999' \
    '  /ip4/192.0.2.1/udp/1/quic-v1' 'announce_addrs = garbage' \
    'control = self: fly' "deny_path = $T/deny" "allow_path = $T/absent"
exits 100 -n -c "$T/node.ini" && [ ! -s "$T/out" ]
ok $? "and those of what the file means"
says 'network.listen_addrs: "/ip4/192.0.2.1/tcp/99999"'
says 'network.listen_addrs: "/ip4/192.0.2.1/udp/1/quic-v1"'
says 'network.announce_addrs: "garbage"'
says 'network.control:'
says "$T/deny:2:"
says "$T/absent"
exits 100 -c "$T/node.ini"
ok $? "nor does it start on them"

ini '[node]' "run_path = $T/run" '[network]' \
    'listen_addrs = /ip4/127.0.0.1/tcp/0'
mkdir -p "$T/run/stat"
exits 111 -c "$T/node.ini" && says "sign.sock"
ok $? "without kn-signd it comes to nothing, for now"
[ "$(wc -l <"$T/err")" -eq 1 ]
ok $? "in one line"
finish
