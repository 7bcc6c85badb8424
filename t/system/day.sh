# SPDX-License-Identifier: ISC
# An operator's day on one host, the same under every supervisor: install, first
# launch, what holds the programs, kill -9 under load, drain, upgrade, a failed
# one, rollback, backup while writing, restore, uninstall.
# Source it after bed.sh.

lib=/usr/local/lib/kontinuum-node
keys=/var/lib/kontinuum-node/keys
scripts=$lib/current/scripts
services='kn-signd kn-p2pd kn-dht kn-store kn-metrics'
install_more= # options of install.sh for this supervisor

yes() { # NAME COMMAND...: ok if it succeeds; what it said counts only if not
	what=$1
	shift
	"$@" >"$T/said" 2>&1
	r=$?
	ok $r "$what"
	[ $r -eq 0 ] || sed 's/^/# /' "$T/said" | tail -n 120
	return $r
}

no() { # NAME EXIT-CODE COMMAND...: ok if it ends with this code
	what=$1
	want=$2
	shift 2
	"$@" >"$T/said" 2>&1
	r=$?
	[ $r -eq "$want" ]
	ok $? "$what"
	[ $r -eq "$want" ] || sed "s/^/# ($r) /" "$T/said" | tail -n 120
}

# --- releases: the programs of this tree, some of them a little different ---

release_tree() {
	"$tree/scripts/release.sh" --build "$bin" --version 1.0.0 \
	    --tree "$T/tree" || return 1
	minisign -G -W -f -s "$T/release.key" -p "$T/release.pub"
	mkdir -p "$T/rel"
}

release_make() { # VERSION PROGRAM-THAT-IS-DIFFERENT...
	version=$1
	shift
	cp -R "$T/tree" "$T/rel/$version"
	for program in "$@"; do
		printf '%s' "$version" >>"$T/rel/$version/bin/$program"
	done
	release_pack "$version"
}

release_pack() { # VERSION
	(cd "$T/rel/$1" && rm -f SHA256SUMS &&
	    (cd bin && sha256sum -- *) >code &&
	    find . -type f ! -name SHA256SUMS | sed 's/^\.\///' | sort |
	    xargs sha256sum >"$T/sums" && cp "$T/sums" SHA256SUMS) &&
	    tar -C "$T/rel" --owner=0 --group=0 \
	        -czf "$T/rel/$1.tar.gz" "$1" &&
	    minisign -S -s "$T/release.key" -m "$T/rel/$1.tar.gz" >/dev/null
}

# 1.0.0; 1.1.0 has another of everything but kn-p2pd, and one more user; 1.2.0 another kn-p2pd as
# well; the kn-store of 1.3.0 says what it is, and does not serve.
releases_make() {
	release_tree && release_make 1.0.0 &&
	    release_make 1.1.0 kn-signd kn-dht kn-store kn-metrics || return 1
	printf '%s\n' 'user kn-later text="of a service that comes later"' \
	    'dir later path=/var/lib/kontinuum-node/data/later mode=0700 owner=kn-later group=kontinuum' \
	    >>"$T/rel/1.1.0/sv/facts"
	release_pack 1.1.0 &&
	    release_make 1.2.0 kn-signd kn-dht kn-store kn-metrics kn-p2pd &&
	    release_make 1.3.0 kn-signd kn-dht kn-metrics kn-p2pd || return 1
	cat >"$T/rel/1.3.0/bin/kn-store" <<-'END'
	#!/bin/sh
	case " $* " in
	*' -V '* | *' -n '* | *' migrate '*) exit 0 ;;
	esac
	echo "kn-store: out of order" >&2
	exit 111
	END
	release_pack 1.3.0
}

give() { # NAME FILE...: into /root of the bed
	bed_dir=$T/$1/root/root
	shift
	cp -R "$@" "$bed_dir/"
}

install_on() { # NAME: release 1.0.0, by the script in its own tarball
	give "$1" "$T/rel/1.0.0.tar.gz" "$T/rel/1.0.0.tar.gz.minisig" \
	    "$T/release.pub" &&
	    bed "$1" sh -c 'cd /root && tar xf 1.0.0.tar.gz' || return 1
	# shellcheck disable=SC2086 # words
	bed "$1" /root/1.0.0/scripts/install.sh --yes --tier vps --force \
	    --release /root/1.0.0.tar.gz --pubkey /root/release.pub $install_more
}

# --- the world outside: a certificate authority, a peer, an S3 store ---

world_make() {
	mkdir -p "$T/world"
	"$bin/kn-keygen" --master-new "$T/world/master" &&
	    "$bin/kn-keygen" --master-file "$T/world/master" -k 8 \
	        -o "$T/world/root.key" >/dev/null &&
	    "$bin/kn-keygen" --public "$T/world/root.key" >"$T/world/root.pub" &&
	    "$bin/kn-keygen" --master-file "$T/world/master" -k 8 \
	        -o "$T/world/node.key" >/dev/null || return 1
	cat >"$T/world/node.ini" <<-END
	[identity]
	key_path = $T/world/node.key
	master_key_path = $T/world/master
	[node]
	run_path = $T/world/run
	drain_path = $T/world/drain
	[network]
	listen_addrs = /ip4/10.77.0.1/tcp/4001
	dial_private = yes
	[dht]
	db_path = $T/world/dht.db
	network = private
	private_addrs = yes
	mode = server
	[store]
	listen = 10.77.0.1:9000
	db_path = $T/world/node.db
	blobs_path = $T/world/blobs
	snapshots_path = $T/world/snapshots
	secret_key_path = $T/world/store.key
	END
	for program in kn-signd kn-p2pd kn-dht kn-store; do
		start_ready "$T/world/log" ip netns exec "$hub" \
		    "$bin/$program" -c "$T/world/node.ini" || return 1
	done
	"$bin/kn-p2p" -s "$T/world/run/p2p.sock" events \
	    >"$T/world/events" 2>/dev/null &
	pids="$pids $!"
}

world() { # kn-p2p VERB...: of the peer outside
	"$bin/kn-p2p" -s "$T/world/run/p2p.sock" "$@"
}

# Who runs the network signs what the node asked for.
certify() { # NAME
	grep -q bootstrap "$T/$1/root/etc/kontinuum-node/node.ini" ||
	    cat >>"$T/$1/root/etc/kontinuum-node/node.ini" <<-END

	[dht]
	network = private
	private_addrs = yes
	mode = server
	bootstrap = /ip4/10.77.0.1/tcp/4001/p2p/$("$bin/kn-keygen" \
	    --peer-id "$T/world/node.key")
	END
	"$bin/kn-cert" issue --key "$T/world/root.key" \
	    --master-file "$T/world/master" "$T/$1/root$keys/node.req" \
	    >"$T/$1/root$keys/node.cert" &&
	    chmod 644 "$T/$1/root$keys/node.cert" &&
	    cp "$T/world/root.pub" "$T/$1/root/etc/kontinuum-node/roots/"
}

dial() { # NAME: the peer outside connects to the node
	world -t 20s dial "/ip4/$(bed_address "$1")/tcp/4001/p2p/$(peer_of "$1")"
}

peer_of() { # NAME
	"$bin/kn-keygen" --peer-id "$T/$1/root$keys/node.key"
}

last_words() { # NAME
	tail -n 10 "$T/$1/console"
	for program in $services; do
		tail -n 20 "$T/$1/root/var/log/kontinuum-node/$program/current" ||
		    bed "$1" journalctl --no-pager -n 3 -u "$program"
	done 2>/dev/null
}

# --- first launch: the next missing step, done as it says, until none is ---

walk() { # NAME: the steps are in $T/steps
	: >"$T/steps"
	for _ in 1 2 3 4 5 6 7 8 9; do
		bed "$1" "$scripts/install.sh" --check --json >"$T/step" && return 0
		step=$(jq -r .step "$T/step") || return 1
		echo "$step" >>"$T/steps"
		case $step in
		certificate) certify "$1" ;;
		start) bed "$1" sh -c "$(jq -r .command "$T/step")" &&
		    serving "$1" ;;
		ready) jq -e '.lacks | test("not ready: .*peers")' "$T/step" &&
		    until_true dial "$1" && bed_until "$1" kn-metrics --probe readyz ;;
		*) bed "$1" sh -c "$(jq -r .command "$T/step")" ;;
		esac || {
			cat "$T/step"
			last_words "$1"
			return 1
		}
	done
	cat "$T/step"
	return 1
}

# --- what the programs say of themselves, seen without asking ---

stat_word() { # NAME PROGRAM OFFSET, see kn-stat(5)
	od -A n -t u8 -j "$3" -N 8 \
	    "/proc/$(cat "$T/$1/leader")/root/run/kontinuum-node/stat/$2" \
	    2>/dev/null | tr -d ' \n'
}

# In the bed's own numbers.
pid_of() { # NAME PROGRAM
	stat_word "$1" "$2" 72
}

serves() { # NAME PROGRAM [NOT-THIS-PID]
	now=$(pid_of "$1" "$2")
	[ -n "$now" ] && [ "$now" != "${3:-}" ] &&
	    [ "$(stat_word "$1" "$2" 104)" = 2 ] &&
	    [ -d "/proc/$(cat "$T/$1/leader")/root/proc/$now" ]
}

all_serve() {
	for program in $services; do
		serves "$1" "$program" || return 1
	done
}

serving() { # NAME: all do, in two minutes even on a busy machine
	tries=0
	until all_serve "$1"; do
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || {
			for program in $services; do
				serves "$1" "$program" || echo "# $program does not serve"
			done
			last_words "$1" | sed 's/^/# /'
			return 1
		}
		sleep 0.1
	done
}

# --- load: a stream that must not break, and writes that must not be lost ---

load_begin() { # NAME
	bed "$1" kn-p2p serve /kn/echo/1 -- cat >"$T/serve.log" 2>&1 &
	serve_pid=$!
	pids="$pids $serve_pid"
	bed_until "$1" sh -c 'kn-p2p --json self | grep -q /kn/echo/1' ||
	    return 1
	mkfifo "$T/words" && : >"$T/echoes"
	world -t 60s open "$(peer_of "$1")" /kn/echo/1 \
	    <"$T/words" >"$T/echoes" 2>"$T/open.log" &
	open_pid=$!
	pids="$pids $open_pid"
	exec 7>"$T/words"
	cat >"$T/$1/root/root/writes" <<-'END'
	#!/bin/sh
	# a key after the other; what is acknowledged is written down
	n=0
	while [ ! -e /root/enough ]; do
		n=$((n + 1))
		if echo "content $n" | kn-store put "load/$n" - 2>/dev/null; then
			echo $n >>/root/acknowledged
		else
			sleep 0.05
		fi
	done
	END
	chmod 755 "$T/$1/root/root/writes"
	rm -f "$T/$1/root/root/enough" "$T/$1/root/root/acknowledged"
	bed "$1" kn-store mb load >/dev/null 2>&1
	bed "$1" /root/writes >/dev/null 2>&1 &
	writes_pid=$!
	pids="$pids $writes_pid"
	until_true test -s "$T/$1/root/root/acknowledged" && stream_lives
}

# A new word comes back through the stream.
stream_lives() {
	word_number=$((${word_number:-0} + 1))
	kill -0 "$open_pid" 2>/dev/null || ! sed 's/^/# /' "$T/open.log" || return 1
	echo "word-$word_number" >&7
	until_true grep -qx "word-$word_number" "$T/echoes"
}

load_end() { # NAME
	: >"$T/$1/root/root/enough"
	wait "$writes_pid" 2>/dev/null
	exec 7>&-
	wait "$open_pid" 2>/dev/null
	# nsenter does not hand on a signal
	[ ! -e "$T/$1/leader" ] || bed "$1" pkill -f 'kn-p2p serve'
	wait "$serve_pid" 2>/dev/null
	rm -f "$T/words"
}

# What was acknowledged can be read.
nothing_lost() { # NAME
	[ -s "$T/$1/root/root/acknowledged" ] || return 1
	bed "$1" sh -c 'while read -r n; do
		[ "$(kn-store cat "load/$n")" = "content $n" ] || {
			echo "lost: $n"
			exit 1
		}
	done </root/acknowledged'
}

downs() { # how often a peer has left
	grep -c '"event":"down"' "$T/world/events"
}

# Its death by signal 9, until it serves again: milliseconds in $took.
kill_and_wait() { # NAME PROGRAM
	old=$(pid_of "$1" "$2")
	begun=$(date +%s%N)
	bed "$1" kill -9 "$old" || return 1
	until serves "$1" "$2" "$old"; do
		took=$((($(date +%s%N) - begun) / 1000000))
		[ $took -lt 120000 ] || return 1
		sleep 0.01
	done
	took=$((($(date +%s%N) - begun) / 1000000))
}

# What a look at its configuration takes, in ms: it grows with what else the
# machine does.
look_takes() { # NAME PROGRAM
	begun=$(date +%s%N)
	bed "$1" "$2" -n -c /etc/kontinuum-node/node.ini >/dev/null 2>&1
	echo $((($(date +%s%N) - begun) / 1000000))
}

# Back within a second of its death, or on a busy machine in the time of thirty
# looks at its configuration.  One of three times is enough, and each is told.
quickly() { # NAME PROGRAM
	times='' most=0
	for _ in 1 2 3; do
		look=$(look_takes "$1" "$2")
		took=
		kill_and_wait "$1" "$2" || break
		times="$times $took/$look"
		most=$((look * 30))
		[ $most -gt 1000 ] || most=1000
		[ "$took" -ge $most ] || break
	done
	[ -n "$took" ] && [ "$took" -lt $most ]
	ok $? "$1: $2 is back within a second (ms, and for a look:$times)"
}

# --- the day ---

day_install() { # NAME
	yes "$1: a bare host takes the release" install_on "$1" || return 1
	bed "$1" find / -xdev \( -path /proc -o -path /run -o -path /tmp \
	    -o -path /var/log -o -path /root \) -prune -o -type f -print0 \
	    >"$T/files"
	tree_sum "$1" >"$T/before"
	yes "$1: a second time" install_on "$1"
	tree_sum "$1" >"$T/after"
	yes "$1: which changes nothing" diff "$T/before" "$T/after"
	yes "$1: from nothing to ready, step by step" walk "$1" || return 1
	grep -qx identity "$T/steps" && grep -qx request "$T/steps" &&
	    grep -qx certificate "$T/steps" && grep -qx start "$T/steps"
	ok $? "$1: through identity, request, certificate and start"
	tr '\n' ' ' <"$T/steps" | sed 's/^/# steps: /'
	echo
	yes "$1: nothing is missing any more" bed "$1" \
	    "$scripts/install.sh" --check
}

tree_sum() { # NAME: everything that was installed, with owners and times
	bed "$1" find /etc /usr/local /var/lib/kontinuum-node -xdev ! -type d \
	    -printf '%p %M %u:%g %s %T@ %l\n' | sort
}

held_down() { # FILE
	grep -q 'CapEff:0000000000000000 .*NoNewPrivs:1 Seccomp:2' "$1" ||
	    ! cat "$1"
}

day_sandbox() { # NAME
	for program in $services; do
		pid=$(pid_of "$1" "$program")
		user=$(bed "$1" ps -o user:20= -p "$pid" | tr -d ' ')
		want=$(sed -n "s/^service $program  *user=\([^ ]*\).*/\1/p" \
		    "$tree/sv/facts")
		[ -n "$user" ] && [ "$user" = "$want" ]
		ok $? "$1: $program runs as $want"
		bed "$1" grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' \
		    "/proc/$pid/status" | tr -d '\t' | tr '\n' ' ' >"$T/held"
		yes "$1: $program has no capabilities, and few system calls" \
		    held_down "$T/held"
	done
}

# What does not depend on this machine is well.
day_doctor() { # NAME
	bed "$1" "$scripts/doctor.sh" --json --only \
	    "$(echo programs versions running-version configuration releases \
	    users supervisor enabled running loops phases drain sandbox \
	    process-users port-p2p-tcp port-s3 port-metrics listening s3-private \
	    metrics-private node-key master-key store-key keys-readonly \
	    certificate certificate-days certificate-key roots config-modes \
	    directories | tr ' ' ,)" >"$T/doctor"
	ok $? "$1: the doctor finds nothing that failed"
	[ "$(jq -s length "$T/doctor")" -gt 20 ] &&
	    jq -e -s 'all(.status == "ok")' "$T/doctor" >/dev/null
	ok $? "$1: and all is well"
	jq -c 'select(.status != "ok")' "$T/doctor" | sed 's/^/# /'
}

reload() { # NAME PROGRAM: as kn-services(7) says
	case $(cat "$T/$1/kind") in
	systemd) bed "$1" systemctl reload "$2" ;;
	openrc) bed "$1" rc-service "$2" reload ;;
	plain) bed "$1" s6-svc -h "/etc/service/$2" ;;
	esac
}

day_reload() { # NAME
	for program in $services; do
		pid=$(pid_of "$1" "$program")
		yes "$1: $program is reloaded" reload "$1" "$program" &&
		    serves "$1" "$program" && [ "$(pid_of "$1" "$program")" = "$pid" ]
		ok $? "$1: and goes on"
	done
}

day_kill() { # NAME
	yes "$1: a stream and writes run" load_begin "$1" || return 1
	left=$(downs)
	for program in kn-signd kn-dht kn-store kn-metrics; do
		quickly "$1" "$program"
		stream_lives
		ok $? "$1: and the stream runs on"
	done
	[ "$(downs)" -eq "$left" ]
	ok $? "$1: no peer left"
	quickly "$1" kn-p2pd
	until_true dial "$1"
	ok $? "$1: and is dialled again"
	load_end "$1"
	yes "$1: no acknowledged write is lost" nothing_lost "$1"
	yes "$1: ready" bed_until "$1" kn-metrics --probe readyz
}

# Each program looks for a drain once a second.
draining() { # NAME REASON
	bed "$1" kn-drain status --json >"$T/status"
	jq -e --arg reason "$2" '.state == "draining" and .reason == $reason' \
	    "$T/status"
}
not_ready() { # NAME
	! bed "$1" kn-metrics --probe readyz >"$T/why" 2>&1
}

day_drain() { # NAME
	yes "$1: a stream and writes run" load_begin "$1" || return 1
	no "$1: kn-drain: busy at the deadline" 1 bed "$1" kn-drain \
	    --reason "the day's test" --deadline 10m --wait --max 2s
	stream_lives
	ok $? "$1: the stream that ran runs on"
	until_true draining "$1" "the day's test"
	ok $? "$1: and status says why"
	! world -t 20s open "$(peer_of "$1")" /kn/echo/1 </dev/null \
	    >/dev/null 2>&1
	ok $? "$1: new streams are refused"
	until_true not_ready "$1"
	ok $? "$1: it is not ready"
	grep -q drain "$T/why"
	ok $? "$1: because it drains"
	load_end "$1"
	yes "$1: drained when the stream has ended" bed "$1" kn-drain \
	    --reason again --wait --max 2m
	yes "$1: the drain ends" bed "$1" kn-drain end
	serving "$1" && until_true dial "$1"
	ok $? "$1: and peers come again"
	yes "$1: no acknowledged write is lost" nothing_lost "$1"
	yes "$1: ready" bed_until "$1" kn-metrics --probe readyz
}

upgrade_to() { # NAME VERSION [OPTION...]
	host=$1
	to=$2
	shift 2
	give "$host" "$T/rel/$to.tar.gz" "$T/rel/$to.tar.gz.minisig"
	bed "$host" "$scripts/upgrade.sh" --probation 3s \
	    --pubkey /root/release.pub "$@" "/root/$to.tar.gz" && return
	code=$?
	last_words "$host"
	return $code
}

release_of() { # NAME
	readlink "$T/$1/root$lib/current"
}

day_upgrade() { # NAME
	yes "$1: a stream and writes run" load_begin "$1" || return 1
	left=$(downs)
	p2pd=$(pid_of "$1" kn-p2pd)
	store=$(pid_of "$1" kn-store)
	yes "$1: upgrade to 1.1.0" upgrade_to "$1" 1.1.0
	[ "$(release_of "$1")" = 1.1.0 ] &&
	    [ "$(pid_of "$1" kn-store)" != "$store" ] &&
	    [ "$(pid_of "$1" kn-p2pd)" = "$p2pd" ]
	ok $? "$1: its kn-store runs, kn-p2pd was left alone"
	stream_lives && [ "$(downs)" -eq "$left" ]
	ok $? "$1: no peer noticed"
	[ "$(bed "$1" stat -c %U:%G:%a /var/lib/kontinuum-node/data/later)" = \
	    kn-later:kontinuum:700 ]
	ok $? "$1: a user and a directory that it has more are there"
	no "$1: a release that does not serve is given up" 1 \
	    upgrade_to "$1" 1.3.0 --drain-max 2s
	grep -qi 'kn-store' "$T/said"
	ok $? "$1: and it says because of whom"
	serving "$1"
	ok $? "$1: all programs serve again"
	[ "$(release_of "$1")" = 1.1.0 ]
	ok $? "$1: of the release before"
	load_end "$1"
	yes "$1: no acknowledged write is lost" nothing_lost "$1"
	until_true dial "$1"
	yes "$1: upgrade to 1.2.0, with another kn-p2pd" \
	    upgrade_to "$1" 1.2.0 --drain-max 10s
	until_true dial "$1"
	ok $? "$1: peers come again"
	yes "$1: rollback" bed "$1" "$scripts/rollback.sh" --probation 3s
	[ "$(release_of "$1")" = 1.1.0 ] && serving "$1"
	ok $? "$1: 1.1.0 serves again"
	until_true dial "$1"
	yes "$1: ready" bed_until "$1" kn-metrics --probe readyz
}

# What a restore needs, and what only the operator has: $T/identity.
backup_conf() { # NAME
	[ -e "$T/identity" ] || {
		age-keygen -o "$T/identity" 2>/dev/null
		age-keygen -o "$T/identity2" 2>/dev/null
		"$bin/kn-store" -s "$T/world/run/store.sock" mb backups
		"$bin/kn-store" -s "$T/world/run/store.sock" --json key add \
		    >"$T/world/key"
	}
	etc=$T/$1/root/etc/kontinuum-node
	for identity in "$T/identity" "$T/identity2"; do
		age-keygen -y "$identity"
	done >"$etc/backup.recipients"
	chmod 644 "$etc/backup.recipients"
	(umask 077 && jq -r '"user = \"\(.id):\(.secret)\""' \
	    "$T/world/key" >"$etc/backup.credentials")
	cat >"$etc/backup.conf" <<-'END'
	[target]
	endpoint = http://10.77.0.1:9000
	bucket = backups
	credentials = /etc/kontinuum-node/backup.credentials
	[backup]
	cluster = day
	recipients = /etc/kontinuum-node/backup.recipients
	[db node]
	every = 1h
	keep = 30d
	END
	chmod 644 "$etc/backup.conf"
	cp "$T/identity" "$T/$1/root/root/"
	bed "$1" chown kn-store:kontinuum \
	    /etc/kontinuum-node/backup.credentials
}

backup() { # NAME  the clock of a bed is this machine's, whoever sets that
	bed "$1" s6-setuidgid kn-store "$scripts/backup.sh" --allow-unsynced node
}

day_backup() { # NAME
	yes "$1: what backups need" backup_conf "$1"
	yes "$1: a stream and writes run" load_begin "$1" || return 1
	bed "$1" sh -c 'echo early | kn-store put load/early -'
	yes "$1: backup while writing" backup "$1"
	bed "$1" cp /root/acknowledged /root/backed-up
	bed "$1" sh -c 'echo late | kn-store put load/late -'
	# the power goes while it writes, and leaves a log beside the database
	bed_cut "$1"
	load_end "$1"
	yes "$1: the power goes and comes" bed_boot "$1"
	yes "$1: all serve again" serving "$1"
	yes "$1: no acknowledged write is lost" nothing_lost "$1"
	bed "$1" kn-store cat load/late >"$T/late"
	[ "$(cat "$T/late")" = late ]
	ok $? "$1: what came after the backup is there"
	yes "$1: restore" bed "$1" "$scripts/restore.sh" \
	    --identity /root/identity --at latest
	yes "$1: all serve again" serving "$1"
	bed "$1" kn-store cat load/early >"$T/early"
	[ "$(cat "$T/early")" = early ]
	ok $? "$1: what came before the backup is there"
	no "$1: what came after it is not" 1 bed "$1" kn-store stat load/late
	yes "$1: a backup of what was restored" backup "$1"
}

# The first host is gone: its identity and its index come to another.
day_second_host() { # NAME-OF-THE-LOST NAME
	tar -C "$T/$1/root$keys" -cf "$T/keys.tar" node.key master.key node.cert
	bed_cut "$1"
	yes "$2: a second host takes the release" install_on "$2" || return 1
	tar -C "$T/$2/root$keys" --no-same-owner -xf "$T/keys.tar"
	cp "$T/$1/root/etc/kontinuum-node/node.ini" \
	    "$T/$2/root/etc/kontinuum-node/node.ini"
	cp "$T/world/root.pub" "$T/$2/root/etc/kontinuum-node/roots/"
	yes "$2: what backups need" backup_conf "$2"
	yes "$2: restore" bed "$2" "$scripts/restore.sh" \
	    --identity /root/identity --no-start
	yes "$2: and to ready, step by step" walk "$2"
	bed "$2" kn-store cat load/early >"$T/early"
	[ "$(cat "$T/early")" = early ]
	ok $? "$2: the contents are there"
}

day_uninstall() { # NAME
	yes "$1: uninstall" bed "$1" "$scripts/install.sh" --uninstall
	[ -e "$T/$1/root$keys/node.key" ] &&
	    [ -e "$T/$1/root/var/lib/kontinuum-node/data/store/node.db" ]
	ok $? "$1: keys and data stay"
	yes "$1: nothing runs" bed "$1" sh -c '! pgrep -l "^kn-"'
	bed "$1" find /usr/local /etc -xdev -name 'kn-*' >"$T/left"
	[ ! -s "$T/left" ]
	ok $? "$1: programs and services are gone"
	sed 's/^/# /' "$T/left"
}
