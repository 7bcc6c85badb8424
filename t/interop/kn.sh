# SPDX-License-Identifier: ISC
# Our own node in the part of a peer: the commands of README.md by kn-p2p, its
# protocols by kn-p2p serve with handler.sh.  Sourced by interop.sh.

STRANGER=12D3KooWMF9sfRNJJWzoakeKvHyvXjLpWeGpxLYapVShBiGKSgqq

have_kn() {
	for program in kn-keygen kn-signd kn-p2pd kn-p2p; do
		[ -x "$bin/$program" ] || { why="$program is not built"; return 1; }
	done
}

kn_p2p() { # SIDE ARGUMENT...
	kn_side=$1
	shift
	timeout "$patience" "$bin/kn-p2p" -s "$T/$kn_side/run/p2p.sock" "$@"
}

kn_serve() { # PROTO COMMAND...
	proto=$1
	shift
	"$bin/kn-p2p" -s "$sock" serve -m 4096 "$proto" -- "$@" >>"$node/log" 2>&1 &
	pids="$pids $!"
	echo $! >>"$node/serving"
}

kn_start() { # SIDE
	node_start "$1" '[limits]' 'streams_per_peer = 4096' || return 1
	: >"$T/$1/serving"
	kn_serve /kn/echo/1 cat
	for what in watch sink source reset stall; do
		kn_serve /kn/$what/1 sh "$here/interop/handler.sh" $what \
		    "$node/seen"
	done
	kn_served "$1"
}

# Wait until all handlers have said hello: then identify lists them.
kn_served() { # SIDE
	tries=0
	until kn_p2p "$1" --json self | jq -e '.protocols |
	    contains(["/kn/echo/1", "/kn/watch/1", "/kn/sink/1", "/kn/source/1",
	    "/kn/reset/1", "/kn/stall/1"])' >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || return 1
		sleep 0.05
	done
}

kn_hello() {
	kn_p2p "$side" --json self | jq -c '.peer as $p | {peer, addrs:
	    [.addrs[] | if contains("/p2p/") then . else "\(.)/p2p/\($p)" end]}'
}

kn_stop() { # SIDE
	while read -r serving; do
		end "$serving"
	done <"$T/$1/serving"
	node_stop "$1"
}

count64() { # NUMBER: eight bytes, the highest first
	left=$1
	bytes=
	for _ in 1 2 3 4 5 6 7 8; do
		bytes=$(printf '\\%03o' $((left & 255)))$bytes
		left=$((left >> 8))
	done
	# shellcheck disable=SC2059
	printf "$bytes"
}

sum() {
	sha256sum | cut -c 1-64
}

# Runs kn-p2p open as a filter, its exit status left in a file: 1 is a reset.
kn_open() { # SIDE ADDR PROTO
	kn_p2p "$1" open "$2" "$3" 2>"$T/kn.err"
	echo $? >"$T/kn.status"
}

kn_ended() {
	case $(cat "$T/kn.status") in
	0) echo eof ;;
	1) echo reset ;;
	*) echo "neither" ;;
	esac
}

# The answer: ok, how the stream ended, and the two sums are the same.
kn_told() { # SUM SUM [JSON-MEMBERS]
	[ "$1" = "$2" ] && same=true || same=false
	printf '{"ok":true,"ended":"%s","same":%s%s}\n' "$(kn_ended)" $same "$3"
}

kn_echo() { # SIDE ADDR PROTO BYTES
	got=$(pattern "$4" | kn_open "$1" "$2" "$3" | sum)
	kn_told "$got" "$(pattern "$4" | sum)"
}

kn_send() { # SIDE ADDR PROTO BYTES
	got=$(pattern "$4" | kn_open "$1" "$2" "$3" | cut -c 1-64)
	kn_told "$got" "$(pattern "$4" | sum)"
}

kn_recv() { # SIDE ADDR PROTO BYTES
	got=$(count64 "$4" | kn_open "$1" "$2" "$3" | sum)
	kn_told "$got" "$(pattern "$4" | sum)"
}

# kn-p2p says only that the addresses come from a record with a good signature.
kn_id() { # SIDE ADDR
	kn_p2p "$1" --json id "$2" 2>"$T/kn.err" >"$T/kn.id" &&
	    jq -c '. + {ok: true, record: (if .certified then {addrs}
	    else null end)}' "$T/kn.id"
}

kn_ping() { # SIDE ADDR N
	kn_p2p "$1" ping -n "$3" -i 1ms "$2" >/dev/null 2>"$T/kn.err" &&
	    echo "{\"ok\":true,\"n\":$3}"
}

# So many processes, each with a stream that stays open until it has read a
# line from the gate.
kn_streams() { # SIDE ADDR PROTO N
	pattern $KIB >"$T/one"
	mkfifo "$T/gate"
	mkdir "$T/many"
	exec 7<>"$T/gate"
	open=
	i=0
	while [ $i -lt "$4" ]; do
		{ cat "$T/one"; read -r _ <"$T/gate"; } |
		    kn_p2p "$1" open "$2" "$3" >"$T/many/$i" 2>>"$T/kn.err" &
		open="$open $!"
		i=$((i + 1))
	done
	tries=0
	until [ "$(cat "$T/many"/* | wc -c)" -ge $(($4 * KIB)) ]; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 10)) ] || break
		sleep 0.1
	done
	yes '' | head -n "$4" >&7
	good=0
	i=0
	for pid in $open; do
		wait "$pid" && cmp -s "$T/one" "$T/many/$i" && good=$((good + 1))
		i=$((i + 1))
	done
	exec 7>&-
	rm -rf "$T/gate" "$T/many"
	echo "{\"ok\":true,\"opened\":$4,\"good\":$good}"
}

# Our half stays open: some answer a half-closed stream's reset with an end.
kn_reset() { # SIDE ADDR PROTO
	mkfifo "$T/held"
	exec 7<>"$T/held"
	head -c $KIB /dev/zero >&7
	kn_open "$1" "$2" "$3" <&7 >/dev/null
	exec 7>&-
	rm -f "$T/held"
	echo "{\"ok\":true,\"ended\":\"$(kn_ended)\"}"
}

# Ends with bytes of the echo unread, which is how a program resets a stream.
kn_abort() { # SIDE ADDR PROTO
	pattern $((4 * MIB)) | kn_p2p "$1" open "$2" "$3" 2>/dev/null |
	    head -c 1 >/dev/null
	echo '{"ok":true}'
}

kn_other() { # SIDE ADDR
	pattern 65536 >"$T/other"
	kn_p2p "$1" open "$2" /kn/echo/1 <"$T/other" | cmp -s - "$T/other" &&
	    echo true || echo false
}

kn_stall() { # SIDE ADDR
	pattern $((64 * MIB)) >"$T/bulk"
	"$bin/kn-p2p" -s "$T/$1/run/p2p.sock" open "$2" /kn/stall/1 \
	    <"$T/bulk" >/dev/null 2>&1 &
	stuck=$!
	other=$(kn_other "$1" "$2")
	kill "$stuck" 2>/dev/null && stalled=true || stalled=false
	wait "$stuck" 2>/dev/null
	rm -f "$T/bulk"
	echo "{\"ok\":true,\"stalled\":$stalled,\"other\":$other}"
}

kn_pause() { # SIDE ADDR BYTES
	mkfifo "$T/gate" "$T/begun"
	{
		count64 "$3" | kn_open "$1" "$2" /kn/source/1 | {
			dd bs=1 count=1 2>/dev/null
			: >"$T/begun"
			read -r _ <"$T/gate"
			cat
		} | sum >"$T/sum"
	} &
	slow=$!
	read -r _ <"$T/begun"
	other=$(kn_other "$1" "$2")
	: >"$T/gate"
	wait "$slow"
	rm -f "$T/gate" "$T/begun"
	kn_told "$(cat "$T/sum")" "$(pattern "$3" | sum)" ",\"other\":$other"
}

kn_wrong() { # SIDE ADDR
	kn_p2p "$1" dial "${2%/p2p/*}/p2p/$STRANGER" >/dev/null 2>"$T/kn.err" &&
	    refused=false || refused=true
	jq -nc --rawfile why "$T/kn.err" "{ok: true, refused: $refused, \$why}"
}

kn_perf() { # SIDE ADDR UP DOWN
	kn_p2p "$1" perf "$2" --up "$3" --down "$4" >"$T/perf" 2>"$T/kn.err" &&
	    echo "{\"ok\":true,\"ended\":\"eof\",\"received\":$4}"
}

# Counts what handler.sh has noted, once none of its processes is left.
kn_seen() { # SIDE PROTO
	tries=0
	while :; do
		open=0 eof=0 reset=0
		for pid in $(sed -n "s|^$2 open ||p" "$T/$1/seen" 2>/dev/null); do
			if grep -qx "$2 eof $pid" "$T/$1/seen"; then
				eof=$((eof + 1))
			elif kill -0 "$pid" 2>/dev/null; then
				open=$((open + 1))
			else
				reset=$((reset + 1))
			fi
		done
		tries=$((tries + 1))
		[ $open -eq 0 ] || [ $tries -eq 600 ] && break
		sleep 0.1
	done
	echo "{\"ok\":true,\"open\":$open,\"eof\":$eof,\"reset\":$reset}"
}

kn_hangup() { # SIDE ADDR
	kn_p2p "$1" hangup "${2##*/p2p/}" >/dev/null 2>&1
	echo '{"ok":true}'
}

kn_do() { # SIDE COMMAND ARGUMENT...
	kn_side=$1
	command=$2
	shift 2
	: >"$T/kn.err"
	"kn_$command" "$kn_side" "$@" ||
	    jq -nc --rawfile e "$T/kn.err" '{ok: false, error: $e}'
}
