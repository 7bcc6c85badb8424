# SPDX-License-Identifier: ISC
# The DHT's part of run.sh, which sources this: lookups in a network of our
# nodes and in one of js's and rust's, a million provider records, reproviding.

. "$here/cid.sh"

NET_NODES=${KN_BENCH_NODES:-100}
NET_LOOKUPS=${KN_BENCH_LOOKUPS:-500}
NET_AT_ONCE=64
RECORDS=1000000

# How many of the lookups (standard input: NDJSON of kn-dht closest) name 16 or
# more of the 20 peers nearest to their key.  The file has all peers.
good_lookups() { # FILE-OF-PEERS ASKER
	perl -MDigest::SHA=sha256 -MMath::BigInt -e '
		my ($file, $asker) = @ARGV;
		my %d; my $i = 0;
		$d{$_} = $i++ for split //, "123456789ABCDEFGHJKLMNPQRSTUVWXYZ" .
		    "abcdefghijkmnopqrstuvwxyz";
		my %v; $i = 0; $v{$_} = $i++ for "a" .. "z", 2 .. 7;
		sub peer { my $n = Math::BigInt->new(0);
			$n = $n * 58 + $d{$_} for split //, shift;
			my $h = substr $n->as_hex, 2;
			$h = "0$h" if length($h) % 2;
			sha256("\0" . pack "H*", $h) }
		sub key { my $b = join "", map { sprintf "%05b", $v{$_} }
			split //, substr shift, 1;
			sha256(substr pack("B*", $b), 2, 34) }
		open my $f, "<", $file or die; my %at;
		while (<$f>) { chomp; $at{$_} = peer($_) unless $_ eq $asker }
		my %has;
		while (<STDIN>) {
			/"key":"(\w+)","peer":"(\w+)"/ and $has{$1}{$2} = 1 }
		my $good = 0;
		for my $k (keys %has) {
			my $t = key($k);
			my @near = (sort { ($at{$a} ^ $t) cmp ($at{$b} ^ $t) }
			    keys %at)[0 .. 19];
			$good++ if 16 <= grep { defined && $has{$k}{$_} } @near;
		}
		print $good' "$1" "$2"
}

# A hundred nodes, one after the other.
kn_network() {
	first=
	: >"$T/peers"
	watched=
	for i in $(seq "$NET_NODES"); do
		node_start "d$i" '[limits]' 'peers_per_ip = 1000' \
		    'peers_per_subnet = 1000' >/dev/null &&
		    dht_start "d$i" ${first:+"bootstrap = $first"} || return 1
		[ -n "$first" ] || first=$(node_addr d1)
		read -r one _ <"$T/d$i/pids"
		watched="$watched $one $(cat "$T/d$i/dht-pid")"
		p2p "d$i" self | jq -r .peer >>"$T/peers"
	done
	# until tables have settled: the smallest does not grow any more
	was=0
	for _ in $(seq 30); do
		sleep 2
		is=$(for i in 1 $((NET_NODES / 2)) "$NET_NODES"; do
			dht "d$i" table | wc -l
		done | sort -n | head -n 1)
		[ "$is" -ge 20 ] && [ "$is" -eq "$was" ] && break
		was=$is
	done
}

kn_lookups() {
	asker=$(sed -n "$((NET_NODES / 2))p" "$T/peers")
	seq "$NET_LOOKUPS" | sed 's/^/lookup /' | cids >"$T/cids"
	# once to connect, as the others do while they settle
	head -n 50 "$T/cids" | dht "d$((NET_NODES / 2))" closest >/dev/null
	# shellcheck disable=SC2086 # a list
	before=$(ticks $watched)
	began=$(date +%s%N)
	dht "d$((NET_NODES / 2))" closest <"$T/cids" >"$T/found" || return 1
	wall=$((($(date +%s%N) - began) / 1000000))
	# shellcheck disable=SC2086
	cpu=$(($(ticks $watched) - before))
	cpu=$((cpu * 1000 / $(getconf CLK_TCK)))
	good=$(good_lookups "$T/peers" "$asker" <"$T/found")
	rate=$(ratio $((NET_LOOKUPS * 1000)) $wall)
	each=$(ratio $cpu "$NET_LOOKUPS")
}

other_lookups() { # KIND COMMAND...
	kind=$1
	shift
	if ! "have_$kind"; then
		no "$kind: lookups" "$why"
		return
	fi
	# js needs half a second each, and has five minutes
	its=$NET_LOOKUPS
	[ "$kind" != js ] || its=$((NET_LOOKUPS / 5))
	if ! got=$(timeout 400 "$@" "$NET_NODES" "$its" $NET_AT_ONCE \
	    2>"$T/bench.err"); then
		because
		no "$kind: lookups" "$why"
		return
	fi
	wall=$(get "$got" wall_ms)
	its=$(ratio $(($(get "$got" lookups) * 1000)) "$wall")
	row "$kind: lookups" "$its /s" ">= $kind" "$(ratio "$rate" "$its")" \
	    "$(get "$got" ok) of $(get "$got" lookups) good"
	cost=$(ratio "$(get "$got" cpu_ms)" "$(get "$got" lookups)")
	row "  processor time of all nodes" "$cost ms each" "" \
	    "$(ratio "$each" "$cost")" "$NET_NODES in one process, \
$(get "$got" rss_mb) MB"
}

do_dht() {
	have kn-keygen kn-signd kn-p2pd kn-p2p kn-dht ||
	    { no "DHT lookups" "$why"; return; }
	if ! kn_network || ! kn_lookups; then
		no "DHT lookups, $NET_NODES nodes" "it does not work"
		return
	fi
	row "DHT lookups, $NET_NODES nodes" "$rate /s" "" "" \
	    "$good of $NET_LOOKUPS good"
	row "  processor time of all nodes" "$each ms each" "" "" \
	    "$NET_NODES x kn-p2pd and kn-dht"
	row "  kn-dht of one node, resident" "$(awk '/^VmRSS/ { print $2 }' \
	    "/proc/$(cat "$T/d1/dht-pid")/status") KiB"
	for i in $(seq "$NET_NODES"); do
		dht_stop "d$i"
		node_stop "d$i"
	done
	other_lookups js node --import "$here/interop/js/withresolvers.js" \
	    "$here/interop/js/dhtnet.js"
	other_lookups rust "$here/interop/rust/peer" dhtnet
}

do_records() {
	have t/bench/records kn-dht || { no "provider records" "$why"; return; }
	node_start r >/dev/null && dht_start r ||
	    { no "provider records" "kn-dht does not start"; return; }
	rest=$(awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$T/r/dht-pid")/status")
	dht_stop r
	rm -f "$T/r"/dht.db*
	got=$(timeout 300 "$bin/t/bench/records" "$T/r/dht.db" $RECORDS \
	    2>"$T/bench.err") || { because; no "provider records" "$why"; return; }
	row "dht.db: records put" "$(get "$got" put_per_s) /s"
	row "dht.db: records looked up" "$(get "$got" get_per_s) /s"
	row "dht.db: bytes of a record on disk" \
	    "$(ratio "$(get "$got" disk_bytes)" $RECORDS) B"
	dht_start r || { no "a million records" "kn-dht does not start"; return; }
	seq 2000 | cids | dht r providers >/dev/null 2>&1
	full=$(awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$T/r/dht-pid")/status")
	row "kn-dht with a million, resident" "$full KiB" "<= 64 MiB" \
	    "$(ratio "$full" 65536)" "the target; $rest KiB without"
	row "  memory of a record" \
	    "$(awk -v a="$full" -v b="$rest" -v n=$RECORDS \
	    'BEGIN { printf "%.1f", (a - b) * 1024 / n }') B"
	dht_stop r
	node_stop r
}

do_sweep() {
	have t/sim/kad || { no "reproviding" "$why"; return; }
	timeout 600 "$bin/t/sim/kad" reprovide 2>"$T/bench.err" >"$T/sweep" ||
	    { because; no "reproviding" "$why"; return; }
	cat "$T/sweep"
}
