# SPDX-License-Identifier: ISC
# What the tests written in shell share: TAP, a folder of their own in $T that
# goes away at the end with every process in $pids, and nodes to talk to.
# Source it with $here set to the folder of this file.

bin=${KN_BUILD:-$here/../build}
bin=$(cd "$bin" 2>/dev/null && pwd) || bin=$here/../build
T=$(mktemp -d) || exit 111
pids=
ran=0
failed=0

cleanup() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP PIPE

skip() { # REASON: the whole file
	echo "1..0 # SKIP $*"
	exit 0
}

ok() { # STATUS NAME
	ran=$((ran + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $ran - $2"
	else
		echo "not ok $ran - $2"
		failed=$((failed + 1))
		[ $failed -gt 5 ] || last_written
	fi
}

# What was written last, for who has nothing but the log of the failure.
last_written() {
	find "$T" -maxdepth 2 -type f -size +0 -size -512k ! -name '*key*' \
	    ! -name '*.db*' -printf '%T@ %p\n' 2>/dev/null | sort -rn |
	    head -n 4 | while read -r _ file; do
		LC_ALL=C grep -Iq . "$file" || continue
		echo "# ${file#"$T/"}:"
		tail -n 6 "$file" | cut -c 1-300 | sed 's/^/#   /'
	done
}

skip_one() { # NAME REASON
	ran=$((ran + 1))
	echo "ok $ran - $1 # SKIP $2"
}

finish() {
	echo "1..$ran"
	exit $((failed > 0))
}

# End one process of ours and wait for it.
end() { # PID
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	left=
	for pid in $pids; do
		[ "$pid" = "$1" ] || left="$left $pid"
	done
	pids=$left
}

# Run in the background until it says that it is ready; its id is in $pid.
start_ready() { # LOG PROGRAM ARGUMENT...
	log=$1
	shift
	rm -f "$T/ready"
	mkfifo "$T/ready"
	"$@" --ready-fd 3 3>"$T/ready" >>"$log" 2>&1 &
	pid=$!
	pids="$pids $pid"
	# an end without a newline is its death
	read -r word <"$T/ready" && [ -z "$word" ]
}

# Make a node in $T/NAME and start it.  Then its control socket is in $sock
# and the ids of its two processes are in $T/NAME/pids.
node_start() { # NAME [LINE-OF-INI...]
	node=$T/$1
	name=$1
	shift
	mkdir -p "$node" || return 1
	"$bin/kn-keygen" --master-new "$node/master.key" &&
	    "$bin/kn-keygen" --master-file "$node/master.key" \
	    -o "$node/node.key" >/dev/null || return 1
	cat >"$node/node.ini" <<-END
	[identity]
	key_path = $node/node.key
	master_key_path = $node/master.key
	[node]
	run_path = $node/run
	drain_path = $node/drain
	[network]
	listen_addrs = /ip4/127.0.0.1/tcp/0
	perf = yes
	END
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$node/node.ini"
	start_ready "$node/log" "$bin/kn-signd" -c "$node/node.ini" || return 1
	signd=$pid
	start_ready "$node/log" "$bin/kn-p2pd" -c "$node/node.ini" || return 1
	echo "$pid $signd" >"$node/pids"
	sock=$node/run/p2p.sock
}

# kn-dht on a node of node_start, with its database beside, in $dht_mode (server).
# Its process id is in $T/NAME/dht-pid.
dht_start() { # NAME [LINE-OF-[dht]...]
	node=$T/$1
	shift
	if ! grep -q '^.dht.$' "$node/node.ini"; then
		cat >>"$node/node.ini" <<-END
		[dht]
		mode = ${dht_mode:-server}
		network = private
		private_addrs = yes
		db_path = $node/dht.db
		END
		[ $# -eq 0 ] || printf '%s\n' "$@" >>"$node/node.ini"
	fi
	start_ready "$node/log" "$bin/kn-dht" -c "$node/node.ini" || return 1
	echo "$pid" >"$node/dht-pid"
}

dht_stop() { # NAME
	end "$(cat "$T/$1/dht-pid")"
}

dht() { # NODE ARGUMENT...
	of=$1
	shift
	"$bin/kn-dht" -s "$T/$of/run/dht.sock" "$@"
}

# A node's address with its peer id.
node_addr() { # NODE
	p2p "$1" --json self | jq -r '.addrs[0]'
}

node_stop() { # NAME
	read -r p2pd signd <"$T/$1/pids"
	end "$p2pd"
	end "$signd"
}

# For a command in the background call kn-p2p itself: $! would be a subshell's.
p2p() { # NODE ARGUMENT...
	of=$1
	shift
	"$bin/kn-p2p" -s "$T/$of/run/p2p.sock" "$@"
}

# Until a command succeeds; a minute is more than a busy machine takes.
until_true() {
	tries=0 give_up=$(($(date +%s) + 60))
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 5 ] || [ "$(date +%s)" -lt $give_up ] || return 1
		sleep 0.05
	done
}

need() { # PROGRAM...: built, or skip the whole file
	for program in "$@"; do
		[ -x "$bin/$program" ] || skip "$program is not built"
	done
	command -v jq >/dev/null || skip "jq is not installed"
}

# For tests that mount: run the script again with mounts and processes of its own,
# which are gone with it whatever happens, however it is ended.
alone() { # "$0"
	[ "$(id -u)" -eq 0 ] || skip 'only root can mount'
	[ -z "$KN_ALONE" ] || return 0
	unshare -m -p --fork --kill-child --mount-proc true 2>/dev/null ||
	    skip 'no namespaces can be made'
	rm -rf "$T"
	trap - EXIT INT TERM
	KN_ALONE=1 exec unshare -m -p --fork --kill-child --mount-proc "$1"
}

# $program ends with this exit code; with any but 0 there is one line on stderr.
exits() { # CODE ARGUMENT...
	want=$1
	shift
	timeout 100 "$bin/$program" "$@" >"$T/out" 2>"$T/err" </dev/null
	[ $? -eq "$want" ] || return 1
	[ "$want" -eq 0 ] || [ "$(wc -l <"$T/err")" -eq 1 ]
}

# What is wrong is refused before anybody is asked.
wrong() { # NAME SENTENCE ARGUMENT...
	what=$1 sentence=$2
	shift 2
	exits 100 -s "$T/none" "$@" && grep -q "$sentence" "$T/err" &&
	    [ ! -s "$T/out" ]
	ok $? "$what"
}
