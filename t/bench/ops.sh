# SPDX-License-Identifier: ISC
# make bench-ops: the operator's part of run.sh, which sources this.  The others
# are programs of Debian: prometheus-node-exporter and the units of some daemons
# from packages that are unpacked and not installed, sqlite3 and restic.

# shellcheck source=t/parts.sh
. "$here/parts.sh"
# shellcheck source=t/backups.sh
. "$here/backups.sh"

SCRAPES=2000
DEATHS=5
DATABASE=${KN_BENCH_DATABASE:-256} # megabytes
ROW_BYTES=115                      # of node.db for an object, about

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# A whole node under s6-svscan, started once: its services are in $services.
whole() {
	[ -z "$whole_ready" ] || { why=$whole_why; return "$whole_ready"; }
	whole_ready=1
	have kn-keygen kn-cert kn-signd kn-p2pd kn-p2p kn-dht kn-store \
	    kn-metrics || { whole_why=$why; return 1; }
	whole_why="s6 is not here"
	why=$whole_why
	command -v s6-svscan >/dev/null || return 1
	KN_BUILD=$bin NODE_DIR=$T/whole KN_STORE_LISTEN=127.0.0.1:0 \
	    KN_METRICS_LISTEN=127.0.0.1:0 \
	    KN_NETWORK_LISTEN_ADDRS=/ip4/127.0.0.1/tcp/0 \
	    "$scripts/run.sh" >"$T/whole.log" 2>&1 &
	whole_pid=$!
	pids="$pids $whole_pid"
	services=$T/whole/sv
	until_true grep -q '^Ready\.' "$T/whole.log" && whole_ready=0
	whole_why="a node does not start: $(tail -n 1 "$T/whole.log")"
	why=$whole_why
	return $whole_ready
}

# Metrics.

exporter() {
	theirs_pid=
	why="prometheus-node-exporter is not to be had"
	exporter=$(part prometheus-node-exporter prometheus-node-exporter \
	    2>/dev/null) || return 1
	for port in 25401 35401 45401; do
		GOMAXPROCS=1 taskset -c 0 "$exporter" "$@" \
		    --web.listen-address=127.0.0.1:$port >"$T/exporter.log" 2>&1 &
		theirs_pid=$!
		pids="$pids $theirs_pid"
		theirs_at=http://127.0.0.1:$port/metrics
		tries=0
		while kill -0 $theirs_pid 2>/dev/null && [ $tries -lt 50 ]; do
			curl -s -o /dev/null "$theirs_at" && return 0
			sleep 0.1
			tries=$((tries + 1))
		done
		end $theirs_pid
	done
	why="prometheus-node-exporter does not start"
	return 1
}

# One after the other on one connection, from the second processor: $rate a
# second, the median and the 99th of 100 in $half and $late (ms), and the
# server's processor time of each in $each (us).
scrape() { # PID URL
	taskset -c 1 curl -s -o /dev/null "$2" || { why="nobody answers"; return 1; }
	before=$(ticks_of "$1")
	taskset -c 1 curl -s -m 25 -o /dev/null -w '%{time_total}\n' \
	    "$2#[1-$SCRAPES]" >"$T/scrapes"
	each=$(awk -v t=$(($(ticks_of "$1") - before)) -v n="$(wc -l <"$T/scrapes")" \
	    -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.0f", t * 1e6 / hz / n }')
	sort -n "$T/scrapes" | awk '{ v[NR] = $1 * 1000; all += $1 }
		END { if (all) print int(NR / all), v[int((NR + 1) / 2)],
		    v[int(NR * .99)] }' >"$T/scraped"
	read -r rate half late <"$T/scraped"
	why="nobody answers"
	[ -n "$late" ]
}

series_of() { curl -s "$1" | grep -vc '^#'; }

# What of a server is told: in $series $rest $full (KiB) and those of scrape.
watched() { # PID URL
	rest=$(member "/proc/$1/status" VmRSS)
	series=$(series_of "$2")
	scrape "$1" "$2" || return 1
	full=$(member "/proc/$1/status" VmHWM)
}

do_metrics() {
	whole || { no "kn-metrics" "$why"; return; }
	their_series='' their_rest='' their_full='' their_rate=''
	their_half='' their_late='' their_each=''
	name=node_exporter
	if exporter; then
		sleep 1
		watched "$theirs_pid" "$theirs_at" && their_series=$series \
		    their_rest=$rest their_full=$full their_rate=$rate \
		    their_half=$half their_late=$late their_each=$each
		end "$theirs_pid"
	else
		name="($why)"
	fi
	ours_at=http://127.0.0.1:$(sed -n \
	    's/.*prog=kn-metrics event=listening .*port=//p' "$T/whole.log")/metrics
	of=$(s6-svstat -o pid "$services/kn-metrics")
	taskset -a -p -c 0 "$of" >/dev/null
	watched "$of" "$ours_at" || { no "kn-metrics" "$why"; return; }
	row "kn-metrics: series told" "$series" "" \
	    "$(ratio "$series" "$their_series")" "$name $their_series"
	row "  at rest, resident" "$rest KiB" "" \
	    "$(ratio "$rest" "$their_rest")" "$name $their_rest KiB"
	row "  most, under scrapes" "$full KiB" "" \
	    "$(ratio "$full" "$their_full")" "$name $their_full KiB"
	row "  scrapes, one after the other" "$rate /s" "" \
	    "$(ratio "$rate" "$their_rate")" "$name $their_rate /s"
	row "  time of one, median" "$half ms" "" \
	    "$(ratio "$half" "$their_half")" "$name $their_half ms"
	row "  99 of 100 within" "$late ms" "" \
	    "$(ratio "$late" "$their_late")" "$name $their_late ms"
	row "  processor time of each" "$each us" "" \
	    "$(ratio "$each" "$their_each")" "$name $their_each us"
	same_series
}

# The same series, told by the other from a file.
same_series() {
	mine=$each mine_rate=$rate
	mkdir -p "$T/textfile"
	curl -s "$ours_at" >"$T/textfile/kn.prom"
	exporter --collector.disable-defaults --collector.textfile \
	    --collector.textfile.directory="$T/textfile" || return
	if scrape "$theirs_pid" "$theirs_at"; then
		row "  the same series, scrapes" "$mine_rate /s" "" \
		    "$(ratio "$mine_rate" "$rate")" "$name $rate /s, of a textfile"
		row "  processor time of each" "$mine us" "" \
		    "$(ratio "$mine" "$each")" "$name $each us"
	fi
	end "$theirs_pid"
}

# Deaths.

now_us() { echo $(($(date +%s%N) / 1000)); }

# From kill -9 until s6 was told that it serves, in milliseconds.
death() { # SERVICE-DIR
	s6-svwait -R -t 10000 "$1" 2>/dev/null &
	waiter=$!
	sleep 0.05 # it has to listen before
	victim=$(s6-svstat -o pid "$1")
	began=$(now_us)
	kill -9 "$victim" && wait $waiter || return 1
	awk -v us=$(($(now_us) - began)) 'BEGIN { printf "%.1f\n", us / 1000 }'
}

# What is ready gives an answer, at the first try.
answers() { # PROGRAM
	case $1 in
	kn-p2pd) "$bin/kn-p2p" -s "$T/whole/run/p2p.sock" --json self ;;
	kn-dht) "$bin/kn-dht" -s "$T/whole/run/dht.sock" table ;;
	kn-store) store whole health ;;
	kn-metrics) curl -sf "http://127.0.0.1:$(sed -n \
	    's/.*prog=kn-metrics event=listening .*port=//p' \
	    "$T/whole.log" | tail -n 1)/healthz" ;;
	esac >/dev/null 2>"$T/bench.err"
}

# What s6 needs by itself: a service that is ready at once.  One that was not
# ready, or ran for less than a second, has to wait for one.
bare_start() {
	mkdir -p "$T/bare/sleep"
	printf '#!/bin/sh\necho >&3\nexec sleep 1000 3>&-\n' >"$T/bare/sleep/run"
	echo 3 >"$T/bare/sleep/notification-fd"
	chmod 755 "$T/bare/sleep/run"
	s6-svscan "$T/bare" >/dev/null 2>&1 &
	scan=$!
	pids="$pids $scan"
	until_true s6-svwait -U -t 1000 "$T/bare/sleep"
}

do_respawn() {
	whole || { no "kill -9 to serving" "$why"; return; }
	bare_start
	programs='kn-signd kn-p2pd kn-dht kn-store kn-metrics'
	for program in sleep $programs; do
		: >"$T/deaths.$program"
	done
	for _ in $(seq $DEATHS); do
		sleep 1.1
		death "$T/bare/sleep" >>"$T/deaths.sleep"
		for program in $programs; do
			death "$services/$program" >"$T/death" &&
			    answers "$program" &&
			    cat "$T/death" >>"$T/deaths.$program"
		done
	done
	s6-svscanctl -t "$T/bare"
	wait $scan
	bare=$(median <"$T/deaths.sleep")
	for program in $programs; do
		what="$program: kill -9 to serving"
		if [ "$(wc -l <"$T/deaths.$program")" -lt $DEATHS ]; then
			because
			no "$what" "not after every death: $why"
			continue
		fi
		ms=$(median <"$T/deaths.$program")
		row "$what" "$ms ms" "< 1 s" "$(ratio "$ms" "$bare")" \
		    "s6 with sleep $bare ms; slowest \
$(sort -n "$T/deaths.$program" | tail -n 1) ms"
	done
}

# A database of about so many megabytes, as kn-store would have it: $database.

database() {
	[ -z "$database_ready" ] || { why=$database_why; return "$database_ready"; }
	database_ready=1
	have kn-store t/bench/peak || { database_why=$why; return 1; }
	database_why="sqlite3 is not here"
	why=$database_why
	command -v sqlite3 >/dev/null || return 1
	database_why="no database can be made"
	why=$database_why
	store_start filled >"$T/bench.err" && store filled mb box >/dev/null ||
	    return 1
	end "$store_pid"
	database=$T/filled/data/node.db
	sqlite3 "$database" >/dev/null <<-END || return 1
	PRAGMA synchronous = OFF;
	PRAGMA cache_size = -64000;
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
	    WHERE i < $DATABASE * 1000000 / $ROW_BYTES)
	INSERT INTO object SELECT 1, printf('photos/%08d.jpeg', i), 0, 0,
	    65536 + i, 1795000000000 + i, 0, 0, i, randomblob(16),
	    randomblob(32), x'0a', x'' FROM n;
	PRAGMA wal_checkpoint(TRUNCATE);
	END
	bytes=$(wc -c <"$database")
	label="$((bytes / 1000000)) MB"
	database_ready=0
}

# The fastest of some runs: $ms, $cpu, $sum (KiB of all its programs at once).
peaked() { # N COMMAND...
	n=$1
	shift
	ms=
	for _ in $(seq "$n"); do
		if ! timeout $patience "$bin/t/bench/peak" "$T/peak" "$@" \
		    >"$T/peak.out" 2>"$T/bench.err"; then
			because
			return 1
		fi
		got=$(cat "$T/peak")
		if [ -z "$ms" ] || [ "$(get "$got" ms)" -lt "$ms" ]; then
			ms=$(get "$got" ms) cpu=$(get "$got" cpu_ms)
		fi
		# short ones are looked at too seldom
		sum=$(printf '%s' "$got" | jq '[.sum_kb, .most_kb] | max')
	done
}

rate_of() { # MS: MB/s
	[ -n "$1" ] || return
	awk -v n="$bytes" -v ms="$1" 'BEGIN { printf "%.0f", n / 1e3 / ms }'
}

copied() { # NAME COMMAND...: a row beside ours
	name=$1
	shift
	if ! peaked $SPELLS "$@"; then
		row "  beside $name" "" "" "" "($why)"
		return
	fi
	rm -f "$T/copy"
	row "  beside $name" "$mine MB/s" "" "$(ratio "$mine" "$(rate_of "$ms")")" \
	    "$(rate_of "$ms") MB/s"
	row "    processor time" "$mine_cpu ms" "" "$(ratio "$mine_cpu" "$cpu")" \
	    "$cpu ms"
	row "    most memory" "$mine_sum KiB" "" "$(ratio "$mine_sum" "$sum")" \
	    "$sum KiB"
}

do_snapshot() {
	database || { no "kn-store snapshot" "$why"; return; }
	# shellcheck disable=SC2016 # for the shell within
	peaked $SPELLS sh -c 'exec "$1" snapshot -d "$2" - >"$3"' sh \
	    "$bin/kn-store" "$database" "$T/copy" ||
	    { no "kn-store snapshot" "$why"; return; }
	cmp -s "$T/copy" "$database" ||
	    { no "kn-store snapshot" "it is not the database"; return; }
	rm -f "$T/copy"
	mine=$(rate_of "$ms") mine_cpu=$cpu mine_sum=$sum
	row "kn-store snapshot of $label" "$mine MB/s"
	copied "sqlite3 .backup" sqlite3 "$database" ".backup $T/copy"
	# shellcheck disable=SC2016
	copied "VACUUM INTO" sh -c 'rm -f "$2"; exec sqlite3 "$1" "VACUUM INTO '\''$2'\''"' \
	    sh "$database" "$T/copy"
}

# Backups: ours, and restic's of the same file, into buckets of one store.

script() { # NAME ARGUMENT...
	name=$1
	shift
	peaked 1 env KN_BUILD="$bin" NODE_INI="$T/none.ini" KN_SUPERVISOR=none \
	    KN_ROOT="$T/root" TMPDIR="$T" "$scripts/$name" \
	    --config "$T/backup.conf" "$@"
}

restic_of() { # COMMAND...: knows the repository
	peaked 1 env AWS_ACCESS_KEY_ID="$key_id" AWS_SECRET_ACCESS_KEY="$secret" \
	    RESTIC_PASSWORD=bench RESTIC_CACHE_DIR="$T/cache" \
	    RESTIC_REPOSITORY="s3:$target_endpoint/restic" "$@"
}

stored() { # BUCKET: megabytes of it
	store target --json ls -r "$1/" 2>/dev/null |
	    jq -s 'map(.size) | add // 0 | . / 1e6 | round'
}

seconds_of() { # MS
	[ -z "$1" ] || awk -v ms="$1" 'BEGIN { printf "%.2f", ms / 1000 }'
}

cost_rows() { # ours in $mine*, theirs in $ms $cpu $sum
	row "  processor time" "$mine_cpu ms" "" "$(ratio "$mine_cpu" "$cpu")" \
	    "restic ${cpu:-$why}${cpu:+ ms}"
	row "  most memory, of all at once" "$mine_sum KiB" "" \
	    "$(ratio "$mine_sum" "$sum")" "restic ${sum:-$why}${sum:+ KiB}"
}

# Ours was measured: now the other.
beside_restic() { # COMMAND...
	mine=$ms mine_cpu=$cpu mine_sum=$sum
	ms='' cpu='' sum='' why="restic is not here"
	! command -v restic >/dev/null || restic_of "$@" || ms='' cpu='' sum=''
}

time_row() { # WHAT [NAME]: ours beside theirs
	row "$1" "$(seconds_of "$mine") s" "" "$(ratio "$mine" "$ms")" \
	    "${2:-restic} ${ms:+$(seconds_of "$ms") s}"
}

do_backup() {
	what="backup.sh"
	for program in age age-keygen curl flock; do
		command -v $program >/dev/null ||
		    { no "$what" "$program is not here"; return; }
	done
	database || { no "$what" "$why"; return; }
	bucket_start >"$T/bench.err" ||
	    { because; no "$what" "$why"; return; }
	! command -v restic >/dev/null || restic_of restic -q init
	write_conf filled
	script backup.sh || { no "$what" "$why"; return; }
	beside_restic restic -q backup "$database"
	time_row "backup.sh of $label"
	cost_rows
	row "  in the bucket" "$(stored backups) MB" "" \
	    "$(ratio "$(stored backups)" "$(stored restic)")" \
	    "restic $(stored restic) MB"
	their_ms=$ms
	sed -i '/^.target/a readback = no' "$T/backup.conf"
	if script backup.sh; then
		mine=$ms ms=$their_ms
		time_row "  without reading it again"
	fi
	restored
	end "$target_pid"
}

# What restore.sh does besides restoring, the other is asked to do as well.
restored() {
	script restore.sh --into "$T/restored" --identity "$T/one.key" ||
	    { no "restore.sh" "$why"; return; }
	rm -rf "$T/restored"
	limit=$(awk -v n="$bytes" 'BEGIN { printf "%.1f", n * 60 / 1e9 }')
	# shellcheck disable=SC2016 # for the shell within
	beside_restic sh -c 'restic -q restore latest --target "$1" &&
	    sqlite3 "$1$2" "PRAGMA integrity_check" && sync -f "$1$2"' \
	    sh "$T/restored" "$database"
	rm -rf "$T/restored"
	row "restore.sh --into, $label" "$(seconds_of "$mine") s" "< $limit s" \
	    "$(ratio "$mine" "$(awk -v s="$limit" 'BEGIN { print s * 1000 }')")" \
	    "the target (1 GB in 60 s)"
	time_row "" "restic, integrity_check, sync"
	cost_rows
	restic_of restic -q restore latest --target "$T/restored" &&
	    time_row "  beside restic alone"
	rm -rf "$T/restored"
}

# Start to ready of what do_start has not, each inside its sandbox.

ready_row() { # PROGRAM
	if got=$(bench start $STARTS "$bin/$1" -c "$T/ready.ini"); then
		ms=$(get "$got" median_ms)
		row "$1: start to ready" "$ms ms" "< 50 ms" \
		    "$(ratio "$ms" 50)" "the target"
	else
		because
		no "$1: start to ready" "$why"
	fi
}

do_ready() {
	do_start
	nodes && have kn-dht kn-store kn-metrics ||
	    { no "start to ready" "$why"; return; }
	mkdir -p "$T/readies/data" "$T/readies/stat"
	ln -sf "$T/a/run/p2p.sock" "$T/readies/p2p.sock"
	sed "s|^run_path = .*|run_path = $T/readies|" "$T/a/node.ini" >"$T/ready.ini"
	cat >>"$T/ready.ini" <<-END
	[dht]
	mode = server
	network = private
	db_path = $T/readies/data/dht.db
	[store]
	listen = 127.0.0.1:0
	blobs_path = $T/readies/data/blobs
	db_path = $T/readies/data/node.db
	snapshots_path = $T/readies/data/snapshots
	secret_key_path = $T/readies/store.key
	[metrics]
	listen = 127.0.0.1:0
	END
	for program in kn-dht kn-store kn-metrics; do
		ready_row $program
	done
}

# What systemd-analyze thinks of units: less is better.

exposure() { # UNIT-FILE
	systemd-analyze security --offline=true --no-pager "$1" 2>/dev/null |
	    sed -n 's/.*exposure level.*: \([0-9.]*\).*/\1/p'
}

unit_of() { # PACKAGE UNIT: its exposure
	[ -d "$parts/$1" ] || fetch_part "$1" 2>/dev/null || return
	for dir in lib usr/lib; do
		[ ! -e "$parts/$1/$dir/systemd/system/$2" ] ||
		    exposure "$parts/$1/$dir/systemd/system/$2"
	done
}

do_exposure() {
	command -v systemd-analyze >/dev/null ||
	    { no "exposure of units" "systemd-analyze is not here"; return; }
	redis=$(unit_of redis-server redis-server.service)
	prometheus=$(unit_of prometheus prometheus.service)
	exporter=$(unit_of prometheus-node-exporter prometheus-node-exporter.service)
	for program in kn-signd kn-p2pd kn-dht kn-store kn-metrics; do
		most=0.3
		case $program in
		kn-p2pd) most=1.2 name=prometheus other=$prometheus ;;
		kn-metrics) name=node_exporter other=$exporter ;;
		*) name=redis-server other=$redis ;;
		esac
		mine=$(exposure "$here/../sv/systemd/$program.service")
		row "exposure of $program" "${mine:-?}" "<= $most" \
		    "$(ratio "$mine" "$other")" "$name ${other:-(none)}"
	done
}

whole_ready=
whole_why=
whole_pid=
database_ready=
database_why=
