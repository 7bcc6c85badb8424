#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-dht alone: its pages, what it refuses, what it does with a daemon that is
# busy or silent, and a daemon that knows nobody.  Several nodes are in 5002.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-signd kn-p2pd kn-p2p kn-dht
command -v perl >/dev/null || skip "perl is not installed"
. "$here/cid.sh"

peer=12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtF
verbs="find closest providers get provide unprovide put table keys stats"
one=$(cid one)

program=kn-dht
exits 0 -h
ok $? "a page"
for verb in $verbs; do
	grep -q "^  $verb " "$T/out" || break
done
[ "$verb" = stats ]
ok $? "with every verb"
for verb in $verbs; do
	exits 0 "$verb" -h && grep -q '^example: .*kn-dht' "$T/out" &&
	    grep -q "^usage: kn-dht $verb " "$T/out"
	ok $? "$verb -h, with an example"
done

wrong "there is no such verb" 'no verb "sing"' sing
wrong "table takes no operand" 'too many' table now
wrong "that is no peer" '"somebody" is no peer id' find somebody
wrong "a CID is none" 'no peer id' find "$one"
wrong "that is no CID" '"x" is no CID' provide "$one" x
wrong "a peer is none, when it is content that is wanted" 'no CID' \
    providers /ipns/$peer
wrong "that is no key" 'no key' closest ''
wrong "a record's key is not a CID" 'no key of a record' get "$one"
wrong "nor of a peer that is none" 'no key of a record' get /ipns/somebody
wrong "hex that is none" 'no key of a record' get hex:0x
wrong "raw bytes of two records" 'one key' get --raw hex:00 hex:01
wrong "or of those that standard input names" 'one key' get --raw
wrong "a count of nothing known" 'not a number' providers -n some "$one"
wrong "an option of another verb" 'not an option' find --queued $peer
wrong "options may come after operands" 'nothing that could be queued' \
    provide "$one" --once "$one" --queued
wrong "put what?" 'KEY \[FILE\]' put
wrong "put from where?" "cannot read $T/none" put /ipns/$peer "$T/none"
head -c 10241 /dev/zero >"$T/big"
wrong "more than a record" 'at most 10240 bytes' put /ipns/$peer "$T/big"
wrong "a path that no socket can have" 'cannot connect' \
    -s "$T/$(printf '%0120d' 0)" table

exits 111 -s "$T/none" table && grep -q "$T/none.*is kn-dht running" "$T/err"
ok $? "nobody there"
printf '[node]\nrun_path = %s\n' "$T/run" >"$T/node.ini"
exits 111 -c "$T/node.ini" table && grep -q "$T/run/dht.sock" "$T/err"
ok $? "the socket is looked up in the configuration"
printf '[dht]\n%s\n' 'bootstrap = /ip4/192.0.2.1/tcp/99999' \
    'network = nowhere' 'protocols = kad' 'namespaces = a/b ipns' \
    'control = self: fly' >"$T/bad.ini"
timeout 100 "$bin/kn-dht" -n -c "$T/bad.ini" >"$T/out" 2>"$T/err"
[ $? -eq 100 ] && [ ! -s "$T/out" ] && [ "$(grep -c '^dht\.' "$T/err")" -eq 6 ]
ok $? "--check finds what the daemon could not use, all at once"
printf '[dht]\nbootstrap = /dnsaddr/example.org\n' >"$T/good.ini"
timeout 100 "$bin/kn-dht" -n -c "$T/good.ini" >"$T/out" 2>&1
[ $? -eq 0 ] && grep -q '^bootstrap = /dnsaddr/example.org' "$T/out"
ok $? "and prints what it can"
timeout 100 "$bin/kn-dht" -c "$T/none.ini" >"$T/out" 2>&1
[ $? -eq 100 ]
ok $? "no configuration, no daemon"

# A daemon that says DONE with these ends, one for each request; the text of
# the last is a refusal.  "silent" never says anything.
cat >"$T/daemon" <<'END'
use Socket;
my ($path, @ends) = @ARGV;
socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die;
bind($s, sockaddr_un($path)) && listen($s, 1) or die;
syswrite STDOUT, "\n";
accept(my $c, $s) or die;
while (sysread($c, my $in, 65536)) {
	my ($tag) = $in =~ /^\n.\x08(.)/s or die; # want { tag
	my ($end, $text) = split /:/, shift @ends // "0", 2;
	next if $end eq "silent";
	my $done = "\x08$tag\x10" . chr $end;
	$done .= "\x1a" . chr(length $text) . $text if $text;
	syswrite $c, "\x1a" . chr(length $done) . $done;
}
END
daemon() { # END[:TEXT]...
	rm -f "$T/fake" "$T/up"
	mkfifo "$T/up"
	perl "$T/daemon" "$T/fake" "$@" >"$T/up" &
	fake=$!
	pids="$pids $fake"
	read -r _ <"$T/up"
}

# the number of an end, as the manual has it
end_of() { # WORD
	sed -n "s/^\.It \([0-9]*\) Ta $1 Ta .*/\1/p" "$here/../man/kn-dht.5"
}
sed -n '/define DHT_ENDS/,/^$/s/^	R([A-Z_]*, "\([^"]*\)", "\([^"]*\)").*/\1 Ta \2/p' \
    "$here/../lib/dht/dht.h" >"$T/ends"
sed -n 's/^\.It [0-9]* Ta \([a-z-]* Ta .*\)/\1/p' \
    "$here/../man/kn-dht.5" | tail -n "$(wc -l <"$T/ends")" |
    cmp -s - "$T/ends" && [ "$(end_of ok)" = 0 ]
ok $? "the manual has the ends in their order"

busy=$(end_of busy)
daemon "$busy" "$busy" 0 "$busy" "$busy" 0 0
exits 0 -s "$T/fake" provide "$one" "$(cid two)" "$(cid three)"
ok $? "a daemon that is busy is asked again"
[ "$(jq -r .cid "$T/out" | sort -u | wc -l)" -eq 3 ] &&
    [ "$(wc -l <"$T/out")" -eq 3 ]
ok $? "for each of the keys"
end "$fake"

daemon "99:your user may not ask for that"
exits 100 -s "$T/fake" provide "$one" && grep -q 'your user may' "$T/err"
ok $? "no right is wrong use"
end "$fake"

daemon "99:something new"
exits 1 -s "$T/fake" provide "$one" && grep -q "$one: something new" "$T/err"
ok $? "an end that is not known is a no, and told"
end "$fake"

daemon "$(end_of bad-key)" 0
exits 100 -s "$T/fake" find $peer $peer
ok $? "what the daemon calls wrong is wrong, and the others go on"
end "$fake"

daemon silent
exits 111 -s "$T/fake" -t 1s find $peer && grep -q 'does not answer' "$T/err"
ok $? "a silent daemon is given up"
end "$fake"

# A node that knows nobody.
node_start a && dht_start a
ok $? "a daemon starts"
A=$(p2p a --json self | jq -r .peer)
dht a table >"$T/out"
[ $? -eq 0 ] && [ ! -s "$T/out" ]
ok $? "its table is empty"
dht a stats | jq -se 'length == 1 and .[0].server == 1 and
    .[0].own_keys == 0 and .[0].programs >= 1 and
    .[0]["refused_total.malformed"] == 0' >/dev/null
ok $? "stats are one object"
dht a stats | jq -r 'keys[] | split(".")[0]' | sort -u >"$T/out"
grep -o 'kn_dht_[a-z_]*' "$here/../man/kn-dht.8" | sed 's/^kn_dht_//; /^$/d' |
    sort -u | cmp -s - "$T/out"
ok $? "of the figures that the manual names"
dht a find "$A" | jq -se --arg a "$A" 'length == 1 and .[0].peer == $a and
    (.[0].addrs | length) == 1' >/dev/null
ok $? "it finds itself"
dht a find $peer >"$T/out" 2>"$T/err"
[ $? -eq 1 ] && jq -e --arg p $peer '.peer == $p and .found == false' \
    "$T/out" >/dev/null && grep -q "$peer: no peer of the DHT" "$T/err"
ok $? "and nobody else"
for verb in "get /ipns/$peer" "providers $one" "closest $one" \
    "provide --once $one" "unprovide $one"; do
	# shellcheck disable=SC2086 # words
	exits 1 -s "$T/a/run/dht.sock" $verb && [ ! -s "$T/out" ]
	ok $? "$verb: no"
done
exits 100 -s "$T/a/run/dht.sock" put /ipns/$peer "$T/big" &&
    printf junk >"$T/junk" &&
    exits 100 -s "$T/a/run/dht.sock" put /ipns/$peer "$T/junk" &&
    grep -q 'not valid' "$T/err"
ok $? "a record that is none"
dht a keys >"$T/out" && [ ! -s "$T/out" ]
ok $? "nothing of this is kept"

# standard input
dht a find </dev/null >"$T/out" && : >"$T/empty" &&
    dht a find <"$T/empty" >>"$T/out" && true | dht a find >>"$T/out" &&
    [ ! -s "$T/out" ]
ok $? "no keys, no answers"
printf '\n%s\njunk\n\n%s' "$A" "$A" | dht a find >"$T/out" 2>"$T/err"
[ $? -eq 100 ] && [ "$(wc -l <"$T/out")" -eq 2 ] &&
    [ "$(wc -l <"$T/err")" -eq 1 ] && grep -q 'junk: this is no peer' "$T/err"
ok $? "a line that makes no sense is told, the others are asked for"
head -c 1100 /dev/zero | tr '\0' x | dht a find >"$T/out" 2>"$T/err"
[ $? -eq 100 ] && grep -q 'too long' "$T/err"
ok $? "and one that is too long ends it"
mkfifo "$T/keys" "$T/answers"
"$bin/kn-dht" -s "$T/a/run/dht.sock" find <"$T/keys" >"$T/answers" &
pids="$pids $!"
exec 8>"$T/keys" 9<"$T/answers"
echo "$A" >&8
read -r first <&9
echo "$A" >&8
exec 8>&-
read -r second <&9
wait $!
[ $? -eq 0 ] && [ -n "$first" ] && [ "$first" = "$second" ]
ok $? "each is answered before the next is known"
exec 9<&-

seq 1 1000 | cids >"$T/cids"
dht a provide --queued <"$T/cids" >"$T/out"
ok $? "a thousand keys are queued"
jq -r 'select(.peers == 0).cid' "$T/out" | sort >"$T/said"
sort "$T/cids" | cmp -s - "$T/said"
ok $? "and each is acknowledged"
now=$(date +%s)
dht a keys >"$T/keys.1"
jq -r "select(.due > $now - 600 and .due < $now + 90000).cid" "$T/keys.1" |
    sort | cmp -s - "$T/said"
ok $? "they are the keys of the node, on all pages"
dht a providers "$(sed -n 7p "$T/cids")" | jq -e --arg a "$A" '.peer == $a' \
    >/dev/null
ok $? "it provides them"
exits 1 -s "$T/a/run/dht.sock" provide "$one" &&
    grep -q 'no peer of the DHT' "$T/err" &&
    dht a keys >"$T/out" && grep -q "$one" "$T/out"
ok $? "what nobody could be told of is kept all the same"
exits 0 -s "$T/a/run/dht.sock" unprovide "$one" && [ ! -s "$T/out" ]
ok $? "unprovide says nothing"

# restart, by TERM and by kill
head -n 500 "$T/cids" | dht a unprovide
ok $? "half of them are dropped"
dht_stop a
dht_start a
dht a keys | jq -r .cid | sort >"$T/left"
tail -n 500 "$T/cids" | sort | cmp -s - "$T/left"
ok $? "the other half is there after a restart"
sed 's/^/again-/' "$T/cids" | cids | dht a provide --queued | wc -l >"$T/out"
kill -9 "$(cat "$T/a/dht-pid")"
dht_stop a
dht_start a
[ "$(cat "$T/out")" -eq 1000 ] && [ "$(dht a keys | wc -l)" -eq 1500 ]
ok $? "and what was acknowledged, after kill -9"
dht a stats | jq -e '.own_keys == 1500' >/dev/null
ok $? "which stats count"

# on a terminal, and with another user's rights
if command -v script >/dev/null; then
	script -qc "'$bin/kn-dht' -s '$T/a/run/dht.sock' find $A" /dev/null \
	    </dev/null >"$T/out"
	grep -q "^$A /ip4/127.0.0.1/tcp/" "$T/out"
	ok $? "plain words on a terminal"
	script -qc "'$bin/kn-dht' -s '$T/a/run/dht.sock' --json find $A" \
	    /dev/null </dev/null >"$T/out"
	grep -q "^{\"peer\":\"$A\"" "$T/out"
	ok $? "and NDJSON when that is wanted"
fi
node_start b && dht_start b 'control = self: look'
exits 100 -s "$T/b/run/dht.sock" provide --queued "$one" &&
    grep -q 'your user may not' "$T/err"
ok $? "who may only look cannot provide"
exits 0 -s "$T/b/run/dht.sock" keys
ok $? "but look"
finish
