#!/bin/sh
# SPDX-License-Identifier: ISC
# What a hostile peer, a full disk and a damaged database can do to kn-dht:
# nothing but be counted.  The peer is kn-p2p open with bytes from perl.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-signd kn-p2pd kn-p2p kn-dht
command -v perl >/dev/null || skip "perl is not here"
. "$here/cid.sh"

KAD=/kontinuum/kad/1.0.0

# A Kademlia message: fields as perl pairs of number and bytes or integer.
message() { # PERL-LIST
	perl -e '
		sub v { my $n = shift; my $o = "";
			do { $o .= chr(($n & 127) | ($n > 127 ? 128 : 0));
			    $n >>= 7 } while $n; $o }
		sub f { my $o = "";
			while (my ($k, $x) = splice @_, 0, 2) {
				$o .= ref $x ? v($k << 3 | 2) . v(length $$x) . $$x
				    : v($k << 3) . v($x) }
			$o }
		sub b { my $x = shift; \$x }
		my $m = f('"$1"'); print v(length $m), $m'
}

send_it() { # what comes on standard input, to a; the exit status says how it ended
	timeout 120 "$bin/kn-p2p" -s "$T/b/run/p2p.sock" open "$target" "$KAD"
}

stat() { # NAME
	dht a stats | jq ".[\"$1\"]"
}

alive() { # NAME-OF-TEST
	[ "$(message '1, 4, 2, b("x")' | send_it | wc -c)" -gt 2 ]
	ok $? "$1: others are answered still"
}

node_start a && dht_start a && node_start b || { ok 1 "they start"; finish; }
target=$(node_addr a)
one=$(cid one)
alive "to begin with"
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$T/a/dht-pid")/status"; }
before=$(rss)

noise() { # the same each time: by chance it could be a message
	perl -e 'srand 7; print map { chr(128 + int rand 128) } 1 .. 100000'
}
noise | send_it >/dev/null 2>&1
[ $? -eq 1 ]
ok $? "garbage is reset"
message '1, 0, 2, b("/pk/x"), 3, b("\x12" . v(1 << 20) . ("v" x (1 << 20)))' |
    send_it >/dev/null 2>&1
[ $? -eq 1 ] && [ "$(stat streams_ended_total.too-long)" -ge 1 ]
ok $? "a value of 1 MB is too long"
message '1, 0, 2, b("/pk/x"), 3, b("\x0a\x05/pk/x\x12" . v(20000) .
    ("v" x 20000))' | send_it >/dev/null 2>&1
[ $? -eq 1 ] && [ "$(stat refused_total.record)" -ge 1 ]
ok $? "one of 20 KB is refused"
message '1, 77, 2, b("x")' | send_it >/dev/null 2>&1
[ $? -eq 1 ] && [ "$(stat refused_total.type)" -ge 1 ]
ok $? "a type of message that does not exist"
message '1, 2, 2, b("\x12\x20" . ("h" x 32)), 9, b("\x0a\x22\x12\x20" .
    ("p" x 32) . "\x12\x08\x04\x7f\0\0\1\6\xf\xa1")' | send_it >/dev/null 2>&1
until_stat() { [ "$(stat "$1")" -ge "$2" ]; }
until_true until_stat refused_total.not-sender 1
ok $? "a provider record for somebody else is counted"
[ "$(stat provider_records)" -eq 0 ]
ok $? "and not kept"
message '1, 4, 2, b("")' | send_it >/dev/null 2>&1
[ $? -eq 1 ]
ok $? "an empty key"
# 10,000 peers in a request are as many as fit, and none is looked at
message '1, 4, 2, b("x"), map { (8, b("\x0a\x02\0\0")) } 1 .. 10000' |
    send_it >"$T/out" 2>/dev/null
[ "$(wc -c <"$T/out")" -lt 16384 ]
ok $? "10,000 peers in a question"
alive "after all that"

# a message that comes a byte now and then
mkfifo "$T/drip"
{
	printf '\144\010\004'
	while sleep 1; do printf '\022'; done
} >"$T/drip" 2>/dev/null &
dripping=$!
send_it <"$T/drip" >/dev/null 2>&1
status=$?
kill $dripping 2>/dev/null
wait $dripping 2>/dev/null
[ $status -eq 1 ] && [ "$(stat streams_ended_total.slow)" -eq 1 ]
ok $? "a slow drip is reset"

# an answer that comes that way: the very first is whole, then all drip
cat >"$T/dripper" <<'END'
$| = 1;
my ($n, $m);
while (read(STDIN, $n, 1) && read(STDIN, $m, ord $n)) {
	next if mkdir "$ARGV[0]" and print "\2\10\4";
	print "\144\10\4";
	while (1) { sleep 1; print "\22" }
}
END
"$bin/kn-p2p" -s "$T/b/run/p2p.sock" serve "$KAD" -- perl "$T/dripper" \
    "$T/dripped" >/dev/null 2>&1 &
dripper=$!
pids="$pids $dripper"
in_table() { [ "$(dht a table | wc -l)" -eq 1 ]; }
p2p b dial "$target" >/dev/null
until_true in_table
ok $? "a peer is in the table"
before_drip=$(stat failed_total)
# it would drip for ever, and who asks would wait for a minute
began=$(date +%s)
timeout 120 "$bin/kn-dht" -s "$T/a/run/dht.sock" -t 100s closest "$one" \
    >/dev/null 2>&1
status=$?
[ $status -eq 1 ] && [ $(($(date +%s) - began)) -lt 50 ] &&
    [ "$(stat failed_total)" -gt "$before_drip" ]
ok $? "its answer comes a byte a second: given up after ten"
timeout 60 "$bin/kn-dht" -s "$T/a/run/dht.sock" -t 2s closest "$one" \
    >/dev/null 2>&1
[ $? -eq 1 ]
ok $? "or when the time of who asks is over"
end $dripper
alive "after a drip of an answer"

# streams that are only held open
mkfifo "$T/held"
exec 9<>"$T/held"
i=0
while [ $i -lt 40 ]; do
	"$bin/kn-p2p" -s "$T/b/run/p2p.sock" open "$target" "$KAD" <"$T/held" \
	    >/dev/null 2>&1 9>&- &
	pids="$pids $!"
	i=$((i + 1))
done
until_true until_stat streams_ended_total.per-peer 24
ok $? "of 40 streams of one peer 24 are reset"
exec 9>&-
[ $(($(rss) - before)) -lt 4096 ]
ok $? "it has grown by less than 4 MB"
alive "and after that"

# a damaged database
seq 1 3000 | cids >"$T/cids"
dht a provide --queued <"$T/cids" >/dev/null
ok $? "3,000 keys are kept"
dht_stop a
bytes=$(wc -c <"$T/a/dht.db")
perl -e 'open F, "+<", shift or die; seek F, shift, 0; print F "\xa5" x 20000' \
    "$T/a/dht.db" $((bytes / 2))
dht_start a
ok $? "it starts with a damaged database"
ls "$T/a"/dht.db.damaged-* >/dev/null 2>&1 &&
    grep -q 'event=database' "$T/a/log"
ok $? "which is moved aside, and that is said"
[ "$(dht a keys | wc -l)" -gt 1000 ]
ok $? "what could be read of the node's own keys is there"
alive "with a new one"

# a full disk
dht_stop a
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	mkdir "$T/a/small"
	sed -i "s|^db_path = .*|db_path = $T/a/small/dht.db|" "$T/a/node.ini"
	# the mount goes with the process
	start_ready "$T/a/log" unshare -m sh -c '
		mount -t tmpfs -o size=1m none "$1" && shift && exec "$@"' sh \
	    "$T/a/small" "$bin/kn-dht" -c "$T/a/node.ini"
	ok $? "it starts on a disk of 1 MB"
	echo "$pid" >"$T/a/dht-pid"
	seq 1 30000 | cids | dht a provide --queued >"$T/out" 2>"$T/err"
	[ $? -eq 1 ] && grep -q 'disk' "$T/err"
	ok $? "which fills: told, key by key"
	[ "$(stat disk_bad)" -eq 1 ]
	ok $? "and shown"
	alive "on a full disk"
	[ "$(wc -l <"$T/out")" -le "$(dht a keys | wc -l)" ]
	ok $? "every key that was taken is kept"
else
	skip_one "a full disk" "only root can make a small one"
fi
finish
