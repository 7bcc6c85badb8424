# SPDX-License-Identifier: ISC
# Two libp2p nodes against each other, each way: sourced by t/600*.t and by
# run.sh here, with $here set to t/.  What a peer is asked and answers is in
# README.md; kn.sh answers the same for our own node.

. "$here/lib.sh"
. "$here/parts.sh"
. "$here/interop/kn.sh"

KIB=1024
MIB=$((KIB * KIB))
bulk=${KN_INTEROP_BYTES:-$((KIB * MIB))}
many=${KN_INTEROP_STREAMS:-1000}
patience=${KN_INTEROP_PATIENCE:-900}

# The bytes all peers send: see README.md.
pattern() { # BYTES
	{ while seq 100000 199999; do :; done; } 2>/dev/null | head -c "$1"
}

# Can the peer of this kind run here?  If not, $why says why.
have_js() {
	command -v node >/dev/null && command -v npm >/dev/null ||
	    { why="node and npm are not here"; return 1; }
	major=$(node -p 'process.versions.node.split(".")[0]')
	[ "$major" -ge 20 ] || { why="node $major is older than 20"; return 1; }
	npm_packages "$here/interop/js"
}

have_go() {
	command -v go >/dev/null || { why="go is not here"; return 1; }
	(cd "$here/interop/go" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly \
	    go build -o target/peer .) >"$T/build" 2>&1 && return 0
	why="go build: $(tail -n 1 "$T/build")"
	return 1
}

have_rust() {
	command -v cargo >/dev/null || { why="cargo is not here"; return 1; }
	(cd "$here/interop/rust" && cargo build --release --quiet) \
	    >"$T/build" 2>&1 && return 0
	why="cargo build: $(grep -m 1 . "$T/build")"
	return 1
}

# Sides are called A and B; each is of a kind: js, go, rust or kn.
start() { # SIDE KIND [ARGUMENT...]
	side=$1 kind=$2
	shift 2
	eval "kind_$side=\$kind"
	if [ "$kind" = kn ]; then
		kn_start "$side" || return 1
		hello=$(kn_hello)
	else
		rm -f "$T/$side.in" "$T/$side.out"
		mkfifo "$T/$side.in" "$T/$side.out"
		"$here/interop/$kind/peer" listen "$@" <"$T/$side.in" \
		    >"$T/$side.out" 2>"$T/$side.err" &
		pids="$pids $!"
		eval "pid_$side=$!"
		case $side in
		A) exec 3>"$T/A.in" 4<"$T/A.out" ;;
		B) exec 5>"$T/B.in" 6<"$T/B.out" ;;
		esac
		hello=$(hear "$side")
	fi
	eval "addr_$side=\$(printf '%s' \"\$hello\" | jq -r '.addrs[0]')"
	eval "peer_$side=\$(printf '%s' \"\$hello\" | jq -r '.peer')"
	eval "[ -n \"\$peer_$side\" ]"
}

hear() { # SIDE
	case $1 in
	A) timeout "$patience" head -n 1 <&4 ;;
	B) timeout "$patience" head -n 1 <&6 ;;
	esac
}

stop() { # SIDE
	eval "kind=\$kind_$1"
	if [ "$kind" = kn ]; then
		kn_stop "$1"
		return
	fi
	eval "pid=\$pid_$1"
	tell "$1" quit
	case $1 in
	A) exec 3>&- 4<&- ;;
	B) exec 5>&- 6<&- ;;
	esac
	end "$pid"
}

# A peer that has gone must not take the writer along.
tell() { # SIDE WORD...
	side=$1
	shift
	case $side in
	A) (printf '%s\n' "$*" >&3) ;;
	B) (printf '%s\n' "$*" >&5) ;;
	esac 2>/dev/null
}

# Sets $answer.  A peer that does not answer in time is ended, so that a late
# answer cannot be taken for another one's.
ask() { # SIDE WORD...
	side=$1
	shift
	eval "kind=\$kind_$side"
	if [ "$kind" = kn ]; then
		answer=$(kn_do "$side" "$@")
		return
	fi
	tell "$side" "$@"
	answer=$(hear "$side")
	if [ -z "$answer" ]; then
		answer='{"ok":false,"error":"no answer"}'
		eval "kill \"\$pid_$side\"" 2>/dev/null
	fi
}

check() { # NAME JQ-CONDITION SIDE WORD...
	name=$1 want=$2
	shift 2
	ask "$@"
	printf '%s' "$answer" | jq -e "$want" >/dev/null 2>&1
	status=$?
	ok "$status" "$way: $name"
	[ "$status" -eq 0 ] || printf '# %s\n# %s -> %s\n' "$want" "$*" "$answer"
}

whole='.ok and .same and .ended == "eof"'

check_identify() {
	check "identify" ".ok and .peer == \"$peer\" and (.agent | length) > 0 and
	    (.protocols | contains([\"/kn/echo/1\", \"/ipfs/ping/1.0.0\"])) and
	    (.addrs | length) > 0 and
	    (.observed | startswith(\"/ip4/127.0.0.1/tcp/\"))" "$me" id "$addr"
	if [ "$its_kind" = rust ]; then
		skip_one "$way: signed peer record" "rust sends none unless told"
	else
		printf '%s' "$answer" |
		    jq -e '.record.addrs | length > 0' >/dev/null 2>&1
		ok $? "$way: signed peer record"
	fi
	check "100 pings" '.ok and .n == 100' "$me" ping "$addr" 100
}

check_bytes() {
	for n in 0 1 65537 $MIB; do
		check "echo of $n bytes" "$whole" "$me" echo "$addr" /kn/echo/1 $n
	done
	for n in 0 300001 "$bulk"; do
		check "$n bytes up" "$whole" "$me" send "$addr" /kn/sink/1 $n
		check "$n bytes down" "$whole" "$me" recv "$addr" /kn/source/1 $n
	done
	check "perf" ".ok and .received == $MIB and .ended == \"eof\"" \
	    "$me" perf "$addr" $MIB $MIB
	check "$many streams at once" ".ok and .good == $many" \
	    "$me" streams "$addr" /kn/echo/1 "$many"
}

# Who reset a stream knows it before the other side does.
until_reset() { # COUNT
	tries=0
	while [ $tries -lt 600 ]; do
		ask "$it" seen /kn/watch/1
		[ "$(printf '%s' "$answer" | jq .reset)" -ge "$1" ] && return
		tries=$((tries + 1))
		sleep 0.1
	done
}

check_ends() {
	check "a reset is no end of file" '.ok and .ended == "reset"' \
	    "$me" reset "$addr" /kn/reset/1
	ask "$it" seen /kn/watch/1
	before=$(printf '%s' "$answer" | jq .reset)
	ask "$me" abort "$addr" /kn/watch/1
	until_reset $((before + 1))
	check "nor for the one who is reset" ".ok and .reset == $before + 1" \
	    "$it" seen /kn/watch/1
	check "who stops reading stalls one stream" \
	    '.ok and .stalled and .other' "$me" stall "$addr"
	check "who goes on reading gets the rest" "$whole and .other" \
	    "$me" pause "$addr" $((16 * MIB))
}

# The proxy runs in whichever side is not our node.
check_cut() {
	check "a stranger's id is refused" '.ok and .refused' "$me" wrong "$addr"
	ask "$me" hangup "$addr"
	proxy=$it
	[ "$its_kind" = kn ] && proxy=$me
	ask "$proxy" cut "$addr" 300001
	short=$(printf '%s' "$answer" | jq -r .addr)
	check "TCP cut in mid-frame is no end of file" '.ok and .ended == "reset"' \
	    "$me" recv "$short" /kn/source/1 $MIB
	ask "$me" hangup "$addr"
	check "and the next dial works" "$whole" "$me" echo "$addr" /kn/echo/1 $KIB
	ask "$me" hangup "$addr"
}

one_way() { # FROM TO
	me=$1 it=$2
	eval "addr=\$addr_$it peer=\$peer_$it its_kind=\$kind_$it"
	eval "way=\"\$kind_$me to \$kind_$it\""
	check_identify
	check_bytes
	check_ends
	check_cut
}

# rust's identify signs its record in its own old form when told to: that must
# be understood, or at the least not believed and not held against it.
check_legacy_record() {
	start B rust legacy-record
	way="$kind_A to rust"
	check "a signed record of the old kind" ".ok and .peer == \"$peer_B\"" \
	    A id "$addr_B"
	stop B
}

interop() { # KIND KIND
	command -v jq >/dev/null || skip "jq is not here"
	for kind in "$1" "$2"; do
		"have_$kind" || skip "$why"
	done
	start A "$1" && start B "$2" || { ok 1 "both start"; finish; }
	one_way A B
	one_way B A
	stop B
	[ "$1$2" = knrust ] && check_legacy_record
	stop A
	finish
}
