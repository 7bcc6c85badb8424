#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-metrics alone, over files of counters that this test writes: its options,
# each reason for not being ready, *.prom files, who may ask, and clients that
# mean no good.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
statfile=$bin/t/fault/statfile
need kn-metrics t/fault/statfile
command -v curl >/dev/null || skip 'curl is not installed'
program=kn-metrics
run=$T/run
mkdir -p "$run/stat" "$T/prom"

config() { # LINE…
	cat >"$T/node.ini" <<-END
	[node]
	run_path = $run
	[metrics]
	listen = 127.0.0.1:0
	textfiles_path = $T/prom
	connections = 8
	stale_after = 60s
	END
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$T/node.ini"
}
writes() { # PROGRAM PHASE AGE [NAME VALUE]…
	name=$1
	shift
	"$statfile" "$run/stat/$name" "$name" "$@"
}
# A node that lacks nothing.
well() {
	rm -rf "$run/stat"/kn-[dps]*
	writes kn-signd serving 0
	writes kn-p2pd serving 0 kn_p2pd_certificate_valid 1 \
	    kn_p2pd_certificate_expires_seconds 4000000000 \
	    kn_p2pd_peers 2 kn_p2pd_twin_seen_seconds 0
	writes kn-dht serving 0 kn_dht_disk_bad 0
	writes kn-store serving 0 kn_store_writable 1 \
	    kn_store_disk_free_bytes 1000000000
}
page() { # PATH [OPTION…]
	path=$1
	shift
	curl -s -m 60 "$@" "http://127.0.0.1:$port$path"
}
status() { # PATH [OPTION…]
	page "$@" -o /dev/null -w '%{http_code}'
}
value() { # SERIES
	page /metrics | awk -v want="$1" '$1 == want { print $2 }'
}
serve() {
	start_ready "$T/log" "$bin/kn-metrics" -c "$T/node.ini"
	metrics=$pid
	port=$(sed -n 's/.*event=listening .*port=//p' "$T/log" | tail -n 1)
}

# options
config
exits 0 -h
ok $? "a page"
timeout 100 "$bin/kn-metrics" -c "$T/none.ini" 2>"$T/err"
[ $? -eq 100 ] && grep -q none.ini "$T/err"
ok $? "no configuration"
sed /stale_after/d "$T/node.ini" >"$T/default.ini"
exits 0 -n -c "$T/default.ini" && grep -q '^stale_after = 10s' "$T/out"
ok $? "--check prints the configuration"
for bad in 'allow = 10.0.0.0/33' 'listen = localhost' 'programs = p2pd' \
    'listen = 127.0.0.1:74636' 'listen = 127.0.0.1:' 'listen = [::1]'; do
	config
	sed -i "/^${bad%% *} /d" "$T/node.ini"
	echo "$bad" >>"$T/node.ini"
	exits 100 -n -c "$T/node.ini" && grep -q "metrics.${bad%% *}: " "$T/err"
	ok $? "$bad is refused"
done
config
exits 100 -c "$T/node.ini" --once --probe
ok $? "once and probe"
exits 100 -c "$T/node.ini" --every 5s
ok $? "every without a file"
exits 100 -c "$T/node.ini" --probe livez
ok $? "a probe of what there is not"
exits 100 -c "$T/node.ini" --once now
ok $? "an operand too many"

# without a daemon
well
sed "s|$run|$T/run2|" "$T/node.ini" >"$T/ok.ini"
mkdir -p "$T/run2/stat"
exits 0 -c "$T/node.ini" --once && grep -qx 'kn_ready 1' "$T/out" &&
    grep -qx 'kn_p2pd_peers 2' "$T/out"
ok $? "--once prints the metrics"
exits 0 -c "$T/node.ini" --probe && exits 0 -c "$T/node.ini" -p readyz
ok $? "--probe: healthy and ready"
rm "$run/stat/kn-dht"
exits 0 -c "$T/node.ini" -p healthz
ok $? "a program that is not there does not hang"
exits 1 -c "$T/node.ini" -p readyz && grep -q 'kn-dht has not run' "$T/err"
ok $? "--probe readyz: no, and why"
exits 1 -c "$T/node.ini" -j -p readyz && jq -e '.ready == false' "$T/out" >/dev/null
ok $? "and as JSON"
# of a clock that may go on meanwhile
writes kn-dht serving 70000
exits 1 -c "$T/node.ini" -p && grep -q 'kn-dht has not turned for [78][0-9] s' "$T/err"
ok $? "--probe healthz: no, and why"
exits 0 -c "$T/node.ini" --textfile "$T/prom/out" &&
    grep -qx 'kn_up{program="kn-dht"} 0' "$T/prom/out" &&
    [ "$(stat -c %a "$T/prom/out")" = 644 ]
ok $? "--textfile writes a file that others may read"
exits 111 -c "$T/node.ini" --textfile "$T/none/out"
ok $? "or says that it cannot"
"$bin/kn-metrics" -c "$T/node.ini" --textfile "$T/prom/out" --every 100ms 2>"$T/err" &
writer=$!
pids="$pids $writer"
well
until_true grep -qx 'kn_up{program="kn-dht"} 1' "$T/prom/out"
ok $? "--every writes it again"
kill -TERM "$writer"
wait "$writer"
ok $? "until TERM"
rm "$T/prom/out"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cp "$bin/kn-metrics" "$T/"
	chmod 755 "$T"
	chmod 700 "$run/stat"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$T/kn-metrics" \
	    -c "$T/node.ini" --probe 2>"$T/err"
	[ $? -eq 100 ] && grep -q 'cannot look into' "$T/err"
	ok $? "who may not look is told so"
	chmod 755 "$run/stat"
else
	skip_one 'who may not look is told so' 'only root can be somebody else'
fi

# over HTTP
serve
ok $? "the daemon starts"
well
[ "$(status /metrics)" = 200 ] && [ "$(status /healthz)" = 200 ] &&
    [ "$(status /readyz)" = 200 ]
ok $? "three pages"
page /metrics -D "$T/head" >"$T/page"
grep -qi '^content-type: text/plain; version=0.0.4' "$T/head" &&
    ! grep -q '^# EOF' "$T/page"
ok $? "the text format"
page /metrics -D "$T/head" -H 'Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1' >"$T/page"
grep -qi '^content-type: application/openmetrics-text; version=1.0.0' "$T/head" &&
    [ "$(tail -n 1 "$T/page")" = '# EOF' ] &&
    grep -q '^# TYPE kn_metrics_requests counter' "$T/page" &&
    grep -q '^kn_metrics_requests_total{' "$T/page"
ok $? "OpenMetrics for who asks for it"
[ "$(status / )" = 404 ] && [ "$(status /metrics/)" = 404 ]
ok $? "other paths are 404"
[ "$(status /metrics -X POST)" = 405 ] && [ "$(status /readyz -X DELETE)" = 405 ]
ok $? "other methods are 405"
page /healthz -I >"$T/head"
grep -q '^HTTP/1.1 200' "$T/head" && grep -qi '^content-length: [1-9]' "$T/head"
ok $? "HEAD"
[ "$(value 'kn_metrics_requests_total{class="4xx",path="other"}')" = 2 ] &&
    [ "$(value 'kn_metrics_refused_total{reason="method"}')" = 2 ]
ok $? "they are counted"

# every reason alone
only() { # REASON PROGRAM NAME: the one reason, in both places; then well again
	page '/readyz?verbose' >"$T/page"
	[ "$(jq -c '[.ready, (.reasons[] | .reason, .program)]' "$T/page")" = \
	    "[false,\"$1\",\"$2\"]" ] && [ "$(status /readyz)" = 503 ] &&
	    [ "$(value "kn_not_ready{reason=\"$1\"}")" = 1 ] &&
	    [ "$(value kn_ready)" = 0 ]
	ok $? "$3"
	well
}
writes kn-store starting 0
only starting kn-store 'starting'
writes kn-store migrating 100000
[ "$(status /healthz)" = 200 ]
ok $? "who migrates is healthy"
only migrating kn-store 'migrating'
writes kn-p2pd serving 61000
[ "$(status /healthz)" = 503 ]
ok $? "who hangs is not"
only stale kn-p2pd 'stale'
rm "$run/stat/kn-signd"
only missing kn-signd 'missing'
writes kn-signd stopping 0
only missing kn-signd 'stopping'
writes kn-p2pd serving 0 kn_p2pd_certificate_valid 0 kn_p2pd_peers 1
only certificate kn-p2pd 'certificate'
writes kn-store serving 0 kn_store_writable 0 kn_store_disk_free_bytes 1000000000
only database kn-store 'database'
writes kn-dht serving 0 kn_dht_disk_bad 1
only database kn-dht 'the other database'
writes kn-store serving 0 kn_store_writable 0 kn_store_disk_free_bytes 1000
only disk kn-store 'disk'
writes kn-p2pd serving 0 kn_p2pd_peers 0
only peers kn-p2pd 'peers'
writes kn-p2pd draining 0 kn_p2pd_peers 0
only draining kn-p2pd 'draining'
writes kn-p2pd drained 0
only draining kn-p2pd 'drained'
writes kn-p2pd serving 0 kn_p2pd_twin_seen_seconds "$(date +%s)"
only twin kn-p2pd 'twin'
[ "$(page /readyz)" = '{"ready":true,"reasons":[]}' ]
ok $? "and ready again"
[ "$(page /metrics | grep -c '^kn_not_ready{')" = 11 ]
ok $? "all reasons are told always"

# files that are none
series=$(page /metrics | grep -vc '^#')
echo garbage >"$run/stat/kn-garbage"
head -c 300 "$run/stat/kn-dht" >"$run/stat/kn-cut"
mkfifo "$run/stat/kn-fifo"
mkdir "$run/stat/kn-dir"
ln -s /dev/zero "$run/stat/kn-zero"
: >"$run/stat/.kn-dht.abcdef"
: >"$run/stat/README"
"$statfile" "$run/stat/kn-false" kn-dht serving 0 kn_dht_more 1
[ "$(status /metrics)" = 200 ] && [ "$(value kn_metrics_garbage)" = 7 ]
ok $? "garbage is counted"
! page /metrics | grep -q kn_dht_more && [ "$(status /readyz)" = 200 ]
ok $? "and changes nothing"
[ "$(grep -c stat.garbage "$T/log")" = 1 ]
ok $? "one line in the log for all scrapes"
rm -rf "$run/stat/kn-"[cfgz]* "$run/stat/kn-dir" "$run/stat/README"
[ "$(page /metrics | grep -vc '^#')" = "$series" ]
ok $? "when they are gone nothing is left"
i=0
while [ $i -lt 1100 ]; do
	: >"$run/stat/kn-x$i"
	i=$((i + 1))
done
[ "$(status /readyz)" = 200 ] && [ "$(value kn_metrics_garbage)" -lt 1024 ] &&
    [ "$(value 'kn_up{program="kn-store"}')" = 1 ]
ok $? "a thousand files more do not hide the node"
rm "$run/stat"/kn-x*

# one that was taken over and speaks for others
dropped=$(value kn_metrics_dropped_total)
writes kn-dht serving 0 kn_p2pd_peers 0 kn_p2pd_twin_seen_seconds "$(date +%s)" \
    kn_store_writable 0 kn_up 0 kn_process_open_fds 7 kn_dht_own 5
[ "$(page '/readyz')" = '{"ready":true,"reasons":[]}' ]
ok $? "readiness is not for another program to tell"
[ "$(value kn_p2pd_peers)" = 2 ] && [ "$(value kn_store_writable)" = 1 ] &&
    [ -z "$(value kn_up)" ] && [ -z "$(value kn_process_open_fds)" ] &&
    [ "$(value kn_dht_own)" = 5 ]
ok $? "nor are its numbers"
[ "$(value kn_metrics_dropped_total)" -ge $((dropped + 5)) ]
ok $? "such rows are counted"
writes kn-not serving 0 kn_not_ready 1
[ "$(page /metrics | grep -c '^kn_not_ready{')" = 11 ]
ok $? "nobody displaces what is told of the node"
rm "$run/stat/kn-not"
well
writes kn-p2pd serving 0 'bad name' 1 kn_p2pd_peers 4
[ "$(value kn_p2pd_peers)" = 4 ] && ! page /metrics | grep -q 'bad name' &&
    [ "$(value kn_metrics_dropped_total)" -gt 0 ]
ok $? "a row without a good name is left out"
well

# *.prom
printf '# TYPE kn_backup_x gauge\nkn_backup_x{db="node"} 17\n' >"$T/prom/a.prom"
printf 'kn_ready 1\nmore 1\n' >"$T/prom/b.prom"
printf 'half 1' >"$T/prom/c.prom"
head -c 300000 /dev/zero | tr '\0' '\n' >"$T/prom/d.prom"
mkfifo "$T/prom/e.prom"
printf 'not 1\n' >"$T/prom/.f.prom"
printf 'not 1\n' >"$T/prom/g.prom.tmp"
[ "$(value 'kn_backup_x{db="node"}')" = 17 ]
ok $? "a *.prom file is told"
[ "$(value kn_textfiles)" = 5 ] && [ "$(value kn_textfile_error)" = 4 ]
ok $? "bad ones are counted"
[ "$(value kn_ready)" = 1 ] && ! page /metrics | grep -q -e '^more' -e '^half' -e '^not'
ok $? "and left out whole"
[ "$(grep -c textfile.bad "$T/log")" = 1 ]
ok $? "one line in the log"
rm "$T/prom/"[b-e].prom
[ "$(value kn_textfile_error)" = 0 ]
ok $? "until they are gone"
i=0
while [ $i -lt 70 ]; do
	echo "many_$i 1" >"$T/prom/many-$i.prom"
	i=$((i + 1))
done
[ "$(value kn_textfiles)" = 71 ] && [ "$(value kn_textfile_error)" = 7 ]
ok $? "no more than 64 files"
rm "$T/prom/"*.prom
awk 'BEGIN { for (i = 0; i < 2001; i++) print "x{i=\"" i "\"} 1" }' >"$T/prom/a.prom"
[ "$(value kn_textfile_error)" = 1 ] && ! page /metrics | grep -q '^x{'
ok $? "nor than 2000 series"
rm "$T/prom/a.prom"

# who may ask
[ "$(status /metrics --interface 127.0.0.2)" = 200 ]
ok $? "all of 127.0.0.0/8 may ask"
config 'allow = 127.0.0.1'
kill -HUP "$metrics"
refused_there() {
	[ "$(status /metrics --interface 127.0.0.2)" = 403 ]
}
until_true refused_there && [ "$(status /readyz --interface 127.0.0.2)" = 403 ]
ok $? "after HUP only who is named"
[ "$(status /metrics)" = 200 ]
ok $? "who may"
[ "$(value 'kn_metrics_refused_total{reason="source"}')" -ge 2 ]
ok $? "others are counted"
config 'allow = everybody'
kill -HUP "$metrics"
until_true grep -q 'reload.config' "$T/log"
[ "$(status /metrics)" = 200 ] && refused_there
ok $? "a bad configuration changes nothing"

# a socket of the supervisor's
if command -v python3 >/dev/null; then
	cat >"$T/pass.py" <<-'END'
	import os, socket, sys
	# of both families at once, as systemd makes them
	s = socket.socket(socket.AF_INET6)
	s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
	s.bind(("::", 0))
	s.listen(5)
	os.dup2(s.fileno(), 3)
	os.set_inheritable(3, True)
	os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1",
	    LISTEN_FDNAMES="metrics")
	print(s.getsockname()[1], flush=True)
	os.execv(sys.argv[1], sys.argv[1:])
	END
	python3 "$T/pass.py" "$bin/kn-metrics" -c "$T/ok.ini" >"$T/passed" 2>"$T/err" &
	passed=$!
	pids="$pids $passed"
	until_true test -s "$T/passed"
	served=$(curl -s -m 60 -o /dev/null -w '%{http_code}' \
	    "http://127.0.0.1:$(cat "$T/passed")/healthz")
	[ "$served" = 200 ] && [ "$(grep -c event=listening "$T/err")" = 1 ]
	ok $? "a socket that was passed is served, and no other"
	[ "$(curl -s -m 60 -o /dev/null -w '%{http_code}' \
	    "http://[::1]:$(cat "$T/passed")/healthz")" = 200 ]
	ok $? "in both families, by the same list"
	end "$passed"
else
	skip_one 'a socket that was passed' 'there is no python3'
fi

# another one
sed "s|:0|:$port|" "$T/node.ini" >"$T/second.ini"
sed -i 's/everybody/127.0.0.1/' "$T/second.ini"
timeout 100 "$bin/kn-metrics" -c "$T/second.ini" 2>"$T/err"
[ $? -eq 111 ] && grep -q "cannot listen on 127.0.0.1:$port" "$T/err"
ok $? "there is no second one on the same port"
before=$(value 'kn_metrics_requests_total{class="2xx",path="/metrics"}')
[ "$(value 'kn_metrics_requests_total{class="2xx",path="/metrics"}')" -gt "$before" ]
ok $? "and the first one's numbers are told still"

# connections
if command -v python3 >/dev/null; then
	cat >"$T/many.py" <<-'END'
	import select, socket, sys, time, urllib.request
	port = int(sys.argv[1])
	def alone():
	    # until the server has no connection any more: none of its sockets, by
	    # the kernel's word, is open or was closed by the other end alone
	    until = time.time() + 60
	    while time.time() < until:
	        rows = [row.split() for row in open("/proc/net/tcp")][1:]
	        if not any(int(row[1].split(":")[1], 16) == port and
	                row[3] in ("01", "03", "08", "0C") for row in rows):
	            return
	        time.sleep(0.01)
	alone()
	held = []
	for i in range(12):
	    s = socket.socket()
	    s.bind(("127.0.0.%d" % (1 + i // 3), 0))
	    s.connect(("127.0.0.1", port))
	    held.append(s)
	same = []
	for i in range(6):
	    s = socket.create_connection(("127.0.0.1", port))
	    same.append(s)
	# those who are one too many hear of it, the others of nothing
	heard = set()
	until = time.time() + 60
	while len(heard) < 10 and time.time() < until:
	    heard.update(select.select(held + same, [], [], 1)[0])
	heard.update(select.select(held + same, [], [], 0.3)[0])
	def cut(s):
	    return s in heard and s.recv(100).startswith(b"HTTP/1.1 503")
	print(sum(map(cut, held)), sum(map(cut, same)))
	for s in held + same:
	    s.close()
	alone()
	# a head that never ends
	s = socket.create_connection(("127.0.0.1", port))
	s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
	s.settimeout(60)
	print(s.recv(100).split(b"\r")[0].decode())
	s.close()
	alone()
	# who does not read
	lazy = [socket.create_connection(("127.0.0.1", port)) for i in range(3)]
	for s in lazy:
	    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
	print(urllib.request.urlopen(
	    "http://127.0.0.1:%d/healthz" % port, timeout=60).status)
	END
	python3 "$T/many.py" "$port" >"$T/out" 2>"$T/err"
	sed 's/^/# /' "$T/err"
	[ "$(sed -n 1p "$T/out")" = '4 6' ]
	ok $? "8 connections and no more: $(sed -n 1p "$T/out")"
	[ "$(sed -n 2p "$T/out")" = 'HTTP/1.1 408 Request Timeout' ]
	ok $? "a head has its time"
	[ "$(sed -n 3p "$T/out")" = 200 ]
	ok $? "who does not read keeps nobody waiting"
	counted() {
		[ "$(value 'kn_metrics_refused_total{reason="connections"}')" = 10 ] &&
		    [ "$(value 'kn_metrics_refused_total{reason="slow"}')" = 1 ]
	}
	until_true counted
	ok $? "they are counted"
else
	skip_one 'connections' 'there is no python3'
fi

# its end
began=$(date +%s)
kill -TERM "$metrics"
wait "$metrics"
[ $? -eq 0 ] && [ $(($(date +%s) - began)) -le 15 ]
ok $? "TERM ends it"
config
exits 0 -c "$T/node.ini" --once &&
    grep -q '^kn_phase{phase="stopping",program="kn-metrics"} 1' "$T/out"
ok $? "and is known to have stopped"
finish
