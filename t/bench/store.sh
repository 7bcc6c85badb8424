# SPDX-License-Identifier: ISC
# make bench-store: kn-store's part of run.sh, which sources this.  The same load
# on kn-store and on another S3 server, each on the first processor and the load
# on the second.  The other server is a program of the Go module proxy; it keeps
# objects as files and syncs nothing, so what it acknowledges is not durable.

. "$here/s3.sh"

PEER=versitygw
PEER_AT=v1.8.0
S3_TIME=${KN_BENCH_TIME:-3s}
SMALL=4096
BIG=$((64 * MIB))
OBJECTS=${KN_BENCH_OBJECTS:-1000000}
PEER_OBJECTS=$((OBJECTS / 20)) # its are files: a million take too long
CROWD=1000
CAGE=64000000

# The servers: "ours" and "peer".

# Programs on the first processor, in $cage if there is one.
pinned() {
	mkdir -p "$T/pinned"
	cat >"$T/pinned/kn-store" <<-END
	#!/bin/sh
	[ -z "\$cage" ] || echo \$\$ >"\$cage/cgroup.procs" || exit 111
	exec taskset -c 0 "$bin/kn-store" "\$@"
	END
	chmod 755 "$T/pinned/kn-store"
}

ours_start() { # NAME [LINE-OF-[store]...]
	have kn-store t/bench/s3load || return 1
	why="kn-store does not start"
	pinned
	built=$bin bin=$T/pinned
	store_start "$@" >"$T/bench.err"
	status=$?
	bin=$built
	[ $status -eq 0 ] || { because; return 1; }
	name=$1
	if ! [ -e "$T/$name/secret" ]; then
		why="kn-store makes no key"
		key_for "$name" own && store "$name" mb -e own bench >/dev/null ||
		    return 1
		jq -r .secret "$T/key" >"$T/$name/secret"
		echo "$key_id" >"$T/$name/id"
	fi
	ours_pid=$store_pid ours_name=$name
	ours_at="-a 127.0.0.1:$port -k $(cat "$T/$name/id") -s $T/$name/secret"
}

ours() {
	[ -z "$ours_pid" ] || return 0
	ours_start s
}

have_peer() {
	peer_program=$bin/peer/$PEER-$PEER_AT
	[ ! -x "$peer_program" ] || return 0
	command -v go >/dev/null || { why="go is not here"; return 1; }
	why="go install: $PEER $PEER_AT is not to be had"
	mkdir -p "$bin/peer"
	GOTOOLCHAIN=local GOBIN=$bin/peer timeout 900 go install \
	    "github.com/versity/$PEER/cmd/$PEER@$PEER_AT" >"$T/bench.err" 2>&1 &&
	    mv "$bin/peer/$PEER" "$peer_program"
}

# It cannot say which port it took, so it is told some.
peer_start() {
	mkdir -p "$T/peer/bench"
	printf benchbench >"$T/peer.secret"
	for port in 25301 35301 45301; do
		ROOT_ACCESS_KEY=bench ROOT_SECRET_KEY=benchbench \
		    taskset -c 0 "$peer_program" --port 127.0.0.1:$port \
		    --quiet --keep-alive posix "$T/peer" >"$T/bench.err" 2>&1 &
		peer_pid=$!
		pids="$pids $peer_pid"
		peer_at="-a 127.0.0.1:$port -k bench -s $T/peer.secret"
		tries=0
		while kill -0 $peer_pid 2>/dev/null && [ $tries -lt 50 ]; do
			curl -s -o /dev/null "http://127.0.0.1:$port/" &&
			    return 0
			sleep 0.1
			tries=$((tries + 1))
		done
		end $peer_pid
	done
	because
	return 1
}

peer() {
	[ -z "$peer_ready" ] || { why=$peer_why; return "$peer_ready"; }
	peer_ready=1
	have_peer && peer_start && peer_ready=0
	peer_why=$why
	return $peer_ready
}

# Loads.

s3load() { # WHO ARGUMENT...
	# shellcheck disable=SC2154 # set by the starts
	case $1 in ours) at=$ours_at ;; peer) at=$peer_at ;; esac
	shift
	# shellcheck disable=SC2086 # options
	timeout 600 taskset -c 1 "$bin/t/bench/s3load" $at "$@" 2>"$T/bench.err"
}

server() { # WHO
	case $1 in ours) echo "$ours_pid" ;; peer) echo "$peer_pid" ;; esac
}

synced() {
	store "$ours_name" --json stats | jq .fsyncs
}

# The best of some spells: its report in $got; and over all of them the server's
# processor time of each request, in microseconds, in $each, and for ours the
# syncs of the index, in $syncs.  With $fresh no
# key is used twice.
spells() { # N WHO ARGUMENT...
	n=$1 who=$2
	shift 2
	all=0 rate=0 syncs=
	before=$(ticks_of "$(server "$who")")
	[ "$who" != ours ] || first_sync=$(synced)
	for spell in $(seq "$n"); do
		if ! got=$(s3load "$who" "$@" ${fresh:+-p "$fresh$spell"}); then
			because
			[ -z "$got" ] || why="$(get "$got" errors) errors, \
the last is $(get "$got" last_error)"
			return 1
		fi
		all=$((all + $(get "$got" ops)))
		now=$(get "$got" mb_per_s)
		awk -v a="$now" -v b="$rate" 'BEGIN { exit a < b }' &&
		    { top=$got rate=$now; }
	done
	got=$top
	each=$(awk -v t=$(($(ticks_of "$(server "$who")") - before)) -v n=$all \
	    -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.1f", t * 1e6 / hz / n }')
	[ "$who" != ours ] || syncs=$(awk -v n=$(($(synced) - first_sync)) \
	    -v all=$all 'BEGIN { printf "%.3f", n / all }')
}

# How often the server syncs for each request, by what it asks of the kernel.
syncs_of() { # WHO ARGUMENT...
	command -v strace >/dev/null || { syncs=; return; }
	strace -f -c -q -e trace=fsync,fdatasync,sync,syncfs,msync \
	    -o "$T/strace" -p "$(server "$1")" 2>/dev/null &
	tracer=$!
	sleep 0.5
	got=$(s3load "$@")
	kill -INT $tracer
	wait $tracer
	syncs=$(awk -v n="$(get "$got" ops)" '$NF ~ /sync/ { all += $4 }
		END { if (n) printf "%.3f", all / n }' "$T/strace")
}

# One row for a rate, and one for the time of the server's processor, both with
# the peer's.  $got and $syncs stay ours, $theirs is the peer's report.
figure() { # WHAT MEMBER UNIT TARGET SPELLS ARGUMENT...
	what=$1 member=$2 unit=$3 target=$4 n=$5
	shift 5
	theirs='' their_rate='' their_each='' why=
	if ! ours; then
		no "$what" "$why"
		return 1
	fi
	if peer && spells "$n" peer "$@"; then
		theirs=$got their_each=$each
		their_rate=$(get "$theirs" "$member")
	fi
	their=${their_rate:-"(${why:-none})"}
	spells "$n" ours "$@" || { no "$what" "$why"; return 1; }
	mine=$(get "$got" "$member")
	row "$what" "$mine $unit" "$target" "$(ratio "$mine" "$their_rate")" \
	    "$PEER $their"
	row "  processor time of the server" "$each us" "" \
	    "$(ratio "$each" "$their_each")" "$PEER ${their_each:-(none)}"
}

late_row() { # TARGET
	row "  99 of 100 within" "$(get "$got" p99_ms) ms" "$1" \
	    "$(ratio "$(get "$got" p99_ms)" "$(get "$theirs" p99_ms)")" \
	    "$PEER $(get "$theirs" p99_ms)"
}

# Its syncs do not depend on how many come at once.
peer_syncs() { # ARGUMENT...
	mine=$syncs
	peer && syncs_of peer "$@"
	their_syncs=${syncs:-?}
	syncs=$mine
}

do_s3put() {
	for conns in 16 64; do
		case $conns in
		16) target='>= 5000 /s' late='<= 10 ms' ;;
		64) target='>= 12000 /s' late= ;;
		esac
		figure "PUT of 4 KiB, $conns at once" ops_per_s /s "$target" \
		    $SPELLS -o put -c $conns -t "$S3_TIME" -z $SMALL || continue
		late_row "$late"
		[ -n "$their_syncs" ] ||
		    peer_syncs -o put -c 16 -n 2000 -z $SMALL
		row "  syncs of the disk for each" "$syncs" "" "" \
		    "$PEER $their_syncs"
	done
}

do_s3get() {
	for conns in 16 64; do
		# the objects are those of the same numbers
		for who in ours peer; do
			$who && s3load $who -o put -c 16 -n 10000 -z $SMALL \
			    >/dev/null
		done
		figure "GET of 4 KiB, $conns at once" ops_per_s /s \
		    '>= 25000 /s' $SPELLS -o get -c $conns -t "$S3_TIME" -z $SMALL || continue
		late_row ''
	done
}

do_s3big() {
	for conns in 1 4; do
		fresh=big$conns-
		figure "PUT of 64 MiB, $conns at once" mb_per_s MB/s \
		    '>= 350 MB/s' $SPELLS -o put -c $conns -n 8 -z $BIG -K 8 ||
		    { fresh=; continue; }
		fresh=
		[ $conns = 1 ] || continue
		their_syncs=
		peer_syncs -o put -c 1 -n 2 -z $BIG -K 8 -p big
		syncs_of ours -o put -c 1 -n 4 -z $BIG -K 8 -p big
		row "  syncs of the disk for each" "${syncs:-?}" "" "" \
		    "$PEER $their_syncs"
	done
	for conns in 1 4; do
		figure "GET of 64 MiB, $conns at once" mb_per_s MB/s \
		    '>= 1500 MB/s' $SPELLS -o get -c $conns -n 32 -z $BIG -K 8 \
		    -p big4-1
	done
	their_syncs=
}

# Stores with many small objects, in groups of a thousand.
filled() {
	[ -z "$fill_ready" ] || { why=$fill_why; return "$fill_ready"; }
	fill_ready=1
	[ -z "$ours_pid" ] || end "$ours_pid"
	ours_start full || { fill_why=$why; return 1; }
	peer && s3load peer -o put -c 64 -g -S -z 64 -n $PEER_OBJECTS \
	    -K $PEER_OBJECTS -p l >/dev/null
	got=$(s3load ours -o put -c 64 -g -S -z 64 -n "$OBJECTS" \
	    -K "$OBJECTS" -p l) && fill_ready=0
	because
	fill_why=$why
	[ $fill_ready -ne 0 ] || row "PUT of 64 bytes, $OBJECTS of them" \
	    "$(get "$got" ops_per_s) /s"
	return $fill_ready
}

# The peer's are among fewer, and it is asked once.
listed() { # WHAT ARGUMENT...
	what=$1
	shift
	their=
	if peer && got=$(s3load peer -o list -c 1 -n 5 "$@"); then
		their=$(get "$got" keys_per_s)
	fi
	spells $SPELLS ours -o list -c 1 -t "$S3_TIME" "$@" ||
	    { no "$what" "$why"; return; }
	mine=$(get "$got" keys_per_s)
	row "$what" "$mine /s" ">= 200000 /s" "$(ratio "$mine" "$their")" \
	    "$PEER ${their:-(none)}, of $PEER_OBJECTS"
}

do_s3list() {
	filled || { no "LIST" "$why"; return; }
	listed "LIST of $OBJECTS, every key" -p l
	listed "  keys below a prefix" -p l000/017/
	listed "  a thousand common prefixes" -p l000/ -d /
	listed "  delimited by a digit" -p l -d 7
}

# Memory.

member() { # FILE NAME
	awk -v name="$2:" '$1 == name { print $2 }' "$1" 2>/dev/null
}

memory_rows() { # WHAT TARGET-IN-MB [PEER-PID]
	kb=$(member "/proc/$ours_pid/status" VmRSS)
	their=$([ -z "$3" ] || member "/proc/$3/status" VmRSS)
	row "$1, resident" "$kb KiB" "<= $2 MB" "$(ratio "$kb" "$their")" \
	    "${their:+$PEER $their KiB}"
	row "  its own share (PSS)" \
	    "$(member "/proc/$ours_pid/smaps_rollup" Pss) KiB"
}

# A control group of this much memory: its folder in $cage.
cage_make() { # BYTES
	top=/sys/fs/cgroup
	if [ -e $top/cgroup.controllers ]; then
		cage=$top/kn-bench.$$ limit=memory.max
		echo +memory >$top/cgroup.subtree_control
	else
		cage=$top/memory/kn-bench.$$ limit=memory.limit_in_bytes
	fi 2>/dev/null
	mkdir "$cage" 2>/dev/null && echo "$1" >"$cage/$limit" && export cage &&
	    return
	rmdir "$cage" 2>/dev/null
	cage=
	return 1
} 2>/dev/null

cage_peak() {
	cat "$cage/memory.peak" "$cage/memory.max_usage_in_bytes" 2>/dev/null |
	    head -n 1
}

cage_kills() {
	cat "$cage/memory.events" "$cage/memory.oom_control" 2>/dev/null |
	    awk '$1 == "oom_kill" { print $2 }'
}

crowd() { # WHAT ARGUMENT...
	what=$1
	shift
	if got=$(s3load ours -c $CROWD "$@"); then
		row "  $what" "$(get "$got" ops_per_s) /s" "" "" \
		    "$CROWD at once"
	else
		because
		no "  $what" "$(get "$got" errors) errors: $why"
	fi
}

do_s3memory() {
	[ -z "$ours_pid" ] || end "$ours_pid"
	ours_start idle || { no "kn-store at rest" "$why"; return; }
	sleep 1
	peer
	memory_rows "kn-store at rest" 12 "$peer_pid"
	end "$ours_pid"
	ours_pid=
	filled || { no "kn-store in $CAGE bytes" "$why"; return; }
	end "$ours_pid"
	trap 'cleanup; rmdir "$cage" 2>/dev/null' EXIT
	cage_make $CAGE || no "a limit of $CAGE bytes" \
	    "no control group can be made: only measured"
	ours_start full ||
	    { no "kn-store in $CAGE bytes" "$why"; return; }
	echo "kn-store with $OBJECTS objects${cage:+, all of it in $CAGE bytes}:"
	crowd "PUT of 4 KiB" -o put -n 20000 -z $SMALL
	crowd "GET of 4 KiB" -o get -n 20000 -z $SMALL
	crowd "PUT of 1 MiB" -o put -n 1000 -z $MIB -p mid
	crowd "GET of 1 MiB" -o get -n 1000 -z $MIB -p mid
	crowd "LIST, 1000 keys each" -o list -n 2000 -p l
	s3load ours -c $CROWD -o get -n 10000 -z $SMALL -H 3s >"$T/held" &
	holder=$!
	until_true [ -s "$T/held" ]
	memory_rows "  $CROWD connections" 64
	wait $holder
	row "  its most (VmHWM)" \
	    "$(member "/proc/$ours_pid/status" VmHWM) KiB"
	if [ -n "$cage" ]; then
		row "  the group's most, files' pages too" "$(cage_peak) B" \
		    "<= $CAGE B" "" "killed: $(cage_kills)"
		end "$ours_pid"
		rmdir "$cage"
	fi
	cage='' ours_pid=
}

fresh=
ours_pid=
peer_pid=
peer_ready=
fill_ready=
their_syncs=
cage=
