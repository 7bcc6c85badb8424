#!/bin/sh
# SPDX-License-Identifier: ISC
# make bench: figures of this machine, in one run, against others' in the same
# run.  Nothing here passes or fails.  Under four minutes; on loopback only.
#
#	run.sh [PART...]    PART: programs start stream latency handshakes idle
#	            dht records sweep (all of these unless told), and of kn-store
#	            s3put s3get s3big s3list s3memory, and of operating a node
#	            metrics respawn snapshot backup ready exposure
here=$(cd "$(dirname "$0")/.." && pwd) || exit 111
. "$here/interop/interop.sh"
patience=60

SPELLS=3                # the best of so many counts: others use this machine
NAP=2                   # seconds of one, about
PROBE=$((64 * MIB))     # bytes moved to find out how many that takes
MOST=$((4 * KIB * MIB))
PINGS=1000
SHAKES=4000
AT_ONCE=32
IDLE=2000
STARTS=11

# The table.

row() { # WHAT MEASURED [TARGET [RATIO [PEER]]]
	printf '%-34s %-16s %-12s %-6s %s\n' "$1" "$2" "${3:--}" "${4:--}" "${5:--}"
}

no() { # WHAT REASON
	row "$1" skipped "" "" "($2)"
}

get() { # JSON MEMBER
	printf '%s' "$1" | jq -r ".$2 // empty" 2>/dev/null
}

ratio() { # NUMBER NUMBER
	[ -n "$2" ] || return
	awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b }'
}

# Gbit/s of so many bytes in so many milliseconds.
gbit() { # BYTES MS
	awk -v n="$1" -v ms="$2" 'BEGIN { printf "%.2f", n * 8 / ms / 1e6 }'
}

# How many bytes $NAP seconds take at this rate.
enough() { # GBIT
	awk -v g="$1" -v s=$NAP -v least=$PROBE -v most=$MOST 'BEGIN {
		n = g * 1e9 / 8 * s
		printf "%.0f", (n < least ? least : (n > most ? most : n)) }'
}

have() { # PROGRAM...
	for program in "$@"; do
		[ -x "$bin/$program" ] || { why="$program is not built"; return 1; }
	done
}

bench() { # PROGRAM ARGUMENT...
	program=$bin/t/bench/$1
	shift
	timeout $patience "$program" "$@" 2>"$T/bench.err"
}

because() {
	why=$(tail -n 1 "$T/bench.err")
}

# Other ends.

p2p() { # NODE ARGUMENT...
	from=$1
	shift
	timeout $patience "$bin/kn-p2p" -s "$T/$from/run/p2p.sock" --json "$@" \
	    2>"$T/bench.err"
}

addr_of() { # NODE
	p2p "$1" self | jq -r '.peer as $p | .addrs[0] |
	    if contains("/p2p/") then . else "\(.)/p2p/\($p)" end'
}

# Two nodes of ours that can be talked to, started once.
nodes() {
	[ -z "$nodes" ] || return "$nodes"
	nodes=1
	have kn-keygen kn-signd kn-p2pd kn-p2p || return 1
	why="kn-p2pd does not start"
	node_start a >/dev/null && node_start b >/dev/null || return 1
	to=$(addr_of b)
	[ -n "$to" ] && nodes=0
	return $nodes
}

# The best of $SPELLS; the command leaves its own in $rate.
best() { # COMMAND...
	top=0
	for _ in $(seq $SPELLS); do
		"$@" || return 1
		top=$(awk -v a="$rate" -v b="$top" 'BEGIN { print (a > b ? a : b) }')
	done
	rate=$top
}

kn_rate() { # up|down BYTES
	rate=$(p2p a perf --up 1 --down 1 "--$1" "$2" "$to" | jq -r ".$1_gbit")
	because
	[ -n "$rate" ] && [ "$rate" != null ]
}

# Processor time so far of these processes, in clock ticks (proc(5)).
ticks_of() { # PID...
	for p in "$@"; do
		sed 's/.*) //' "/proc/$p/stat" 2>/dev/null
	done | awk '{ n += $12 + $13 } END { print n + 0 }'
}

# And of the commands that we waited for.
ticks() { # PID...
	sed 's/.*) //' "/proc/$$/stat" |
	    awk -v n="$(ticks_of "$@")" '{ print n + $14 + $15 }'
}

# best, and in $each the milliseconds of processor time that a Gbit costs both
# ends together: that stays true when the machine has other work.
measured() { # PIDS COMMAND... (the last word: BYTES)
	watched=$1
	shift
	for bytes in "$@"; do :; done
	# shellcheck disable=SC2086 # a list
	before=$(ticks $watched)
	best "$@" || return 1
	# shellcheck disable=SC2086
	each=$(awk -v t=$(($(ticks $watched) - before)) -v bytes="$bytes" \
	    -v hz="$(getconf CLK_TCK)" -v n=$SPELLS \
	    'BEGIN { printf "%.0f", t * 1000 / hz / (n * bytes * 8 / 1e9) }')
}

kn_stream() { # up|down
	nodes && kn_rate "$1" $PROBE &&
	    measured "$(head -qn 1 "$T/a/pids" "$T/b/pids" | cut -d ' ' -f 1 |
	    tr '\n' ' ')" kn_rate "$1" "$(enough "$rate")"
}

js_rate() { # ADDR up|down BYTES
	case $2 in
	up) ask A perf "$1" "$3" 1 ;;
	down) ask A perf "$1" 1 "$3" ;;
	esac
	why="js: $(get "$answer" error)"
	[ "$(get "$answer" ended)" = eof ] &&
	    rate=$(gbit "$3" "$(get "$answer" ms)")
}

# Two js peers that have run for a while.
js() {
	[ -z "$js_ready" ] || { why=$js_why; return "$js_ready"; }
	js_ready=1
	if have_js; then
		why="js does not start"
		start A js && start B js && js_rate "$addr_B" up $PROBE &&
		    js_rate "$addr_B" down $PROBE && js_ready=0
	fi
	js_why=$why
	return $js_ready
}

js_stream() { # ADDR up|down
	# shellcheck disable=SC2154 # start sets pid_A and pid_B
	js_rate "$@" $PROBE &&
	    measured "$pid_A $pid_B" js_rate "$@" "$(enough "$rate")"
}

# iperf3 cannot say which port it took, so it is told some.
iperf_server() {
	for port in 25201 35201 45201; do
		iperf3 -s -B 127.0.0.1 -p $port >/dev/null 2>&1 &
		server=$!
		pids="$pids $server"
		tries=0
		while kill -0 $server 2>/dev/null && [ $tries -lt 20 ]; do
			iperf3 -c 127.0.0.1 -p $port -n 1K >/dev/null 2>&1 &&
			    return 0
			sleep 0.05
			tries=$((tries + 1))
		done
		end $server
	done
	return 1
}

iperf_rate() {
	rate=$(timeout 20 iperf3 -c 127.0.0.1 -p "$port" -t $NAP -J |
	    jq -r '.end.sum_received.bits_per_second // empty | . / 1e7 |
	    round / 100')
	why="iperf3 fails"
	[ -n "$rate" ]
}

iperf() {
	command -v iperf3 >/dev/null || { why="iperf3 is not here"; return 1; }
	why="iperf3 finds no port"
	iperf_server || return 1
	best iperf_rate
	status=$?
	end "$server"
	return $status
}

# The parts.

machine() {
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	printf 'machine: %s cores, %s, %s MiB, Linux %s, load %s\n' \
	    "$(getconf _NPROCESSORS_ONLN)" "${cpu:-$(uname -m)}" \
	    "$(awk '/^MemTotal/ { printf "%d", $2 / 1024 }' /proc/meminfo)" \
	    "$(uname -r)" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
}

do_programs() {
	total=0
	for program in "$bin"/kn-*; do
		strip -o "$T/stripped" "$program" 2>/dev/null || continue
		bytes=$(wc -c <"$T/stripped")
		total=$((total + bytes))
		row "size of ${program##*/}" "$((bytes / KIB)) KiB"
	done
	row "size of all, dynamic, stripped" "$((total / KIB)) KiB" "<= 10 MiB" \
	    "$(ratio $total $((10 * MIB)))" "the target"
}

# A second pair of daemons with the key of node a: kn-signd alone, then
# kn-p2pd with the signer of node a.
do_start() {
	nodes || { no "start to ready" "$why"; return; }
	mkdir -p "$T/starts"
	sed "s|^run_path = .*|run_path = $T/starts|" "$T/a/node.ini" \
	    >"$T/starts.ini"
	if got=$(bench start $STARTS "$bin/kn-signd" -c "$T/starts.ini"); then
		row "kn-signd: start to ready" "$(get "$got" median_ms) ms" \
		    "" "" "(opens the key: Argon2id)"
	else
		because
		no "kn-signd: start to ready" "$why"
	fi
	ln -sf "$T/a/run/sign.sock" "$T/starts/sign.sock"
	if got=$(bench start $STARTS "$bin/kn-p2pd" -c "$T/starts.ini"); then
		ms=$(get "$got" median_ms)
		row "kn-p2pd: start to ready" "$ms ms" "< 50 ms" \
		    "$(ratio "$ms" 50)" "the target"
	else
		because
		no "kn-p2pd: start to ready" "$why"
	fi
}

do_ceiling() {
	got=$(bench machine) || return
	row "one core: seal a Noise frame" "$(get "$got" seal) Gbit/s"
	row "one core: open a Noise frame" "$(get "$got" open) Gbit/s"
	row "one core: conn to conn in memory" "$(get "$got" conn) Gbit/s"
}

# Each way once by js, once by us, and by js against us.
one_stream() { # up|down
	js='' js_each=''
	if js && js_stream "$addr_B" "$1"; then
		js=$rate js_each=$each
		row "js to js, $1load" "$js Gbit/s"
	else
		no "js to js, $1load" "$why"
	fi
	if kn_stream "$1"; then
		row "kn to kn, $1load" "$rate Gbit/s" ">= 5 Gbit/s" \
		    "$(ratio "$rate" "$tcp")" "iperf3 ${tcp:-(none)}"
		row "" "" ">= 2 x js" "$(ratio "$rate" "$js")" "js ${js:-(none)}"
		row "  processor time of both ends" "$each ms/Gbit" "" \
		    "$(ratio "$each" "$js_each")" "js ${js_each:-(none)}"
	else
		no "kn to kn, $1load" "$why"
	fi
	if [ -n "$js" ] && nodes && js_stream "$to" "$1"; then
		row "js to kn, $1load" "$rate Gbit/s" "" \
		    "$(ratio "$rate" "$js")" "js $js"
	else
		no "js to kn, $1load" "$why"
	fi
}

do_stream() {
	do_ceiling
	tcp=
	if iperf; then
		tcp=$rate
		row "iperf3, one stream" "$tcp Gbit/s"
	else
		no "iperf3, one stream" "$why"
	fi
	one_stream up
	one_stream down
}

js_ping() {
	js || return 1
	ask A ping "$addr_B" 200
	ask A ping "$addr_B" $PINGS
	theirs=$(get "$answer" median)
}

do_latency() {
	theirs=
	js_ping
	nodes && ours=$(p2p a ping -n $PINGS -i 0 "$to" |
	    jq -s 'map(.rtt_us) | sort | .[length / 2 | floor] // 0 | . / 1000')
	if [ "${ours:-0}" != 0 ]; then
		row "ping, median of $PINGS" "$ours ms" "<= js" \
		    "$(ratio "$ours" "$theirs")" "js ${theirs:-(none)}"
	else
		[ -z "$to" ] || because
		no "ping, median" "$why"
	fi
}

# A node with room for as many peers as the figures need, all from one address.
roomy() { # NAME BENCH
	have kn-keygen kn-signd kn-p2pd kn-p2p "t/bench/$2" || return 1
	why="kn-p2pd does not start"
	node_start "$1" '[limits]' 'peers = 8192' 'handshakes = 4096' \
	    'peers_per_ip = 8192' 'peers_per_subnet = 8192' \
	    'reserved_peers = 0' >/dev/null || return 1
	read -r roomy _ <"$T/$1/pids"
	at=$(addr_of "$1")
	[ -n "$at" ]
}

do_handshakes() {
	roomy h handshakes || { no "inbound handshakes" "$why"; return; }
	if got=$(bench handshakes "$at" "$roomy" $SHAKES $AT_ONCE); then
		rate=$(get "$got" rate)
		node_us=$(get "$got" node_us)
		row "inbound handshakes, one core" "$rate /s" ">= 2000 /s" \
		    "$(ratio "$rate" 2000)" "the target"
		row "  by the node's processor time" \
		    "$(ratio 1000000 "$node_us") /s" ">= 2000 /s" \
		    "$(ratio 500 "$node_us")" "$node_us us each; client \
$(get "$got" client_us) us"
	else
		because
		no "inbound handshakes" "$why"
	fi
	node_stop h
}

do_idle() {
	roomy i idle || { no "idle connections" "$why"; return; }
	if got=$(bench idle "$at" "$roomy" $IDLE); then
		rest=$(get "$got" rest_kb)
		each=$(get "$got" each)
		row "kn-p2pd at rest, resident" "$rest KiB" "<= 10 MB" \
		    "$(ratio $((rest * KIB)) 10000000)" "the target"
		row "kn-p2pd with $IDLE idle, resident" \
		    "$(get "$got" full_kb) KiB"
		row "  each" "$each B" "<= 40 KB" "$(ratio "$each" 40000)" \
		    "the target; the kernel's share is not in it"
	else
		because
		no "idle connections" "$why"
	fi
	node_stop i
}

. "$here/bench/dht.sh"
. "$here/bench/store.sh"
. "$here/bench/ops.sh"

nodes=
js_ready=
why=
to=
[ $# -gt 0 ] || set -- programs start stream latency handshakes idle \
    dht records sweep
command -v jq >/dev/null || { echo "run.sh: jq is not here" >&2; exit 111; }
machine
row WHAT MEASURED TARGET RATIO PEER
for part in "$@"; do
	"do_$part"
done
machine
