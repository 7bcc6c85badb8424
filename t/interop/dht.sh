# SPDX-License-Identifier: ISC
# A DHT of ten nodes, four of ours (K1 … K4) and six of another kind (S1 … S5
# servers, C1 a client): sourced by t/600[4-6]-dht-*.t with $here set to t/.  What the
# others are asked and answer is in DHT.md.

. "$here/interop/interop.sh"
. "$here/cid.sh"

KAD=/kontinuum/kad/1.0.0
OURS="K1 K2 K3 K4"
SERVERS="S1 S2 S3 S4 S5"
CLIENT=C1
patience=${KN_INTEROP_PATIENCE:-300}

# One of the others: commands go into a fifo that something holds open, answers
# into a file.
other_start() { # NAME server|client
	name=$1
	mkfifo "$T/$name.in"
	: >"$T/$name.out"
	sleep 3600 >"$T/$name.in" &
	pids="$pids $!"
	"$here/interop/$kind/peer" dht "$2" "$KAD" <"$T/$name.in" \
	    >"$T/$name.out" 2>"$T/$name.err" &
	pids="$pids $!"
	echo 0 >"$T/$name.heard"
	other_hear "$name"
	[ -n "$answer" ] || return 1
	printf '%s' "$answer" | jq -r .peer >"$T/$name.peer"
}

# Sets $answer to the next line, "" when none comes in time.
other_hear() { # NAME
	line=$(($(cat "$T/$1.heard") + 1))
	tries=0
	until [ "$(wc -l <"$T/$1.out")" -ge $line ]; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 20)) ] || { answer=; return; }
		sleep 0.05
	done
	echo $line >"$T/$1.heard"
	answer=$(sed -n "${line}p" "$T/$1.out")
}

other() { # NAME WORD...
	to=$1
	shift
	printf '%s\n' "$*" >"$T/$to.in"
	other_hear "$to"
}

# What the other says is as it should be.
says() { # WHAT JQ-CONDITION NAME WORD...
	what=$1 want=$2
	shift 2
	other "$@"
	printf '%s' "$answer" | jq -se ".[0] | $want" >/dev/null 2>&1
	status=$?
	ok $status "$what"
	[ $status -eq 0 ] || printf '# %s\n# %s -> %s\n' "$want" "$*" "$answer"
}

# The same of ours; the lines are one array.
we_say() { # WHAT JQ-CONDITION NAME WORD...
	what=$1 want=$2 us=$3
	shift 3
	dht "$us" -t "${patience}s" "$@" >"$T/said" 2>"$T/said.err"
	jq -se "$want" "$T/said" >/dev/null 2>&1
	status=$?
	ok $status "$what"
	[ $status -eq 0 ] || { printf '# %s\n# %s %s\n' "$want" "$us" "$*"
	    sed 's/^/# /' "$T/said" "$T/said.err"; }
}

peer_of() { cat "$T/$1.peer"; }

unhex() { perl -e 'print pack "H*", shift' "$1"; }

# A record that one of the others makes: its key and value in hex.
record() { # NAME pk|ipns [SEQ]
	other "$@"
	key=$(printf '%s' "$answer" | jq -r .key)
	value=$(printf '%s' "$answer" | jq -r .value)
}

# One of ours puts the last record, or has it.
we_put() { # NAME
	unhex "$value" >"$T/value"
	dht "$1" -t "${patience}s" put "hex:$key" "$T/value" >"$T/said" 2>&1
}

we_get() { # WHAT NAME
	dht "$2" -t "${patience}s" get --raw "hex:$key" >"$T/got" 2>"$T/said.err"
	unhex "$value" | cmp -s - "$T/got"
	status=$?
	ok $status "$1"
	[ $status -eq 0 ] || sed 's/^/# /' "$T/said.err"
}

knows() { # NAME COUNT: in its table
	[ "$(dht "$1" table | wc -l)" -ge "$2" ]
}

# A table can fill while others still join: bounded by patience.
filled() { # NAME COUNT
	tries=0
	until knows "$@"; do
		tries=$((tries + 1))
		[ $tries -lt "$patience" ] || return 1
		sleep 1
	done
}

network() {
	first=
	for name in $OURS; do
		node_start "$name" &&
		    dht_start "$name" 'rpc_timeout = 1m' 'timeout = 5m' \
			${first:+"bootstrap = $first"} || return 1
		[ -n "$first" ] || first=$(node_addr "$name")
		p2p "$name" --json self | jq -r .peer >"$T/$name.peer"
	done
	for name in $SERVERS; do
		other_start "$name" server || return 1
	done
	other_start "$CLIENT" client || return 1
	for name in $SERVERS $CLIENT; do
		other "$name" connect "$first"
	done
}

check_tables() {
	for name in $OURS; do
		filled "$name" 8
		ok $? "$name of ours has the eight other servers"
	done
	dht K1 table | jq -se --arg c "$(peer_of $CLIENT)" \
	    'all(.[]; .peer != $c)' >/dev/null
	ok $? "and no client"
}

check_find() {
	we_say "ours find a server" '.[0].addrs | length > 0' \
	    K2 find "$(peer_of S3)"
	we_say "and a client" '.[0].addrs | length > 0' \
	    K3 find "$(peer_of $CLIENT)"
	says "a server finds one of ours" '.ok and (.addrs | length > 0)' \
	    S2 find "$(peer_of K4)"
	says "a client finds one of ours" '.ok and (.addrs | length > 0)' \
	    $CLIENT find "$(peer_of K3)"
}

has_provider() { # NAME-OF-PROVIDER: a condition
	printf '.ok and (.peers | contains(["%s"]))' "$(peer_of "$1")"
}

check_providers() {
	one=$(cid "of a server") two=$(cid "of a client") our=$(cid "of ours")
	says "a server provides" .ok S1 provide "$one"
	says "a client provides" .ok $CLIENT provide "$two"
	we_say "one of ours provides" '.[0].peers >= 8' K4 provide "$our"
	we_say "ours find the server's" \
	    "any(.[]; .peer == \"$(peer_of S1)\")" K3 providers "$one"
	we_say "and the client's" \
	    "any(.[]; .peer == \"$(peer_of $CLIENT)\")" K2 providers "$two"
	says "a server finds ours" "$(has_provider K4)" S5 providers "$our"
	says "a client finds ours" "$(has_provider K4)" $CLIENT providers "$our"
	says "and a server's" "$(has_provider S1)" $CLIENT providers "$one"
}

check_values() {
	record S1 pk
	says "a server puts a pk record" .ok S1 put "$key" "$value"
	we_get "ours get it" K2
	record S2 pk
	we_put K3
	ok $? "one of ours puts another"
	says "a client gets it" ".ok and .value == \"$value\"" $CLIENT get "$key"
}

check_ipns() {
	record S1 ipns 1
	old=$value
	says "a server puts an ipns record" .ok S1 put "$key" "$value"
	we_get "ours get it" K1
	record S1 ipns 2
	we_put K3
	ok $? "one of ours puts a newer one"
	we_get "which others of ours get" K4
	# rust takes the first that comes: it has no selector
	[ "$kind" = rust ] ||
	    says "and a client" ".ok and .value == \"$value\"" $CLIENT get "$key"
	newer=$value value=$old
	! we_put K2
	ok $? "the older one is not put again"
	value=$newer
	we_get "and the newer one stays" K4
	value=00$old
	! we_put K2
	ok $? "what does not verify is not put"
}

dht_interop() { # KIND
	kind=$1
	command -v jq >/dev/null || skip "jq is not here"
	for program in kn-signd kn-p2pd kn-dht; do
		[ -x "$bin/$program" ] || skip "$program is not built"
	done
	"have_$kind" || skip "$why"
	network || { ok 1 "ten nodes start"; finish; }
	check_tables
	check_find
	check_providers
	check_values
	check_ipns
	finish
}
