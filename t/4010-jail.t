#!/bin/sh
# SPDX-License-Identifier: ISC
# The sandbox of each daemon: what the kernel says of it, what it says of itself,
# and that all it must still be able to do goes on in there.  What it may not is
# tried in t/base/jail.c.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-keygen kn-signd kn-p2pd kn-dht kn-p2p kn-store kn-metrics
command -v curl >/dev/null || skip 'curl is not installed'
[ -r /proc/self/status ] || skip 'there is no /proc'

# The sanitizers' programs have no filter, because they need what it forbids.
san=
! grep -aq __asan_init "$bin/kn-signd" || san=yes
if [ "$(id -u)" -eq 0 ]; then root=yes; else root=; fi

fact() { # PID NAME: of /proc/PID/status
	sed -n "s/^$2:[[:space:]]*\([^[:space:]]*\).*/\1/p" "/proc/$1/status"
}
said() { # NAME: in its line
	printf ' %s\n' "$line" | sed -n "s/.* $1=\([^ ]*\).*/\1/p"
}
limit() { # PID NAME: soft and hard
	sed -n "s/^$2  *\([^ ]*\)  *\([^ ]*\) .*/\1 \2/p" "/proc/$1/limits"
}
zero() { [ -n "$1" ] && [ -z "$(printf %s "$1" | tr -d 0)" ]; }

# What the kernel says of a daemon, and what the daemon said.
held() { # PROGRAM PID LOG STATFILE
	prog=$1
	line=$(sed -n "s/.* prog=$prog event=sandbox //p" "$3" | tail -n 1)
	[ -n "$line" ]
	ok $? "$prog says what holds: $line"
	[ "$(fact "$2" NoNewPrivs)" = 1 ] && [ "$(said nnp)" = 1 ]
	ok $? "$prog: no new privileges"
	if [ -z "$san" ]; then
		[ "$(fact "$2" Seccomp)" = 2 ]
		ok $? "$prog: system calls are filtered"
	else
		skip_one "$prog: system calls are filtered" 'sanitizers'
	fi
	[ "$(said seccomp)" = "$(fact "$2" Seccomp)" ]
	ok $? "$prog: which is what it says"
	for set in CapInh CapPrm CapEff CapAmb ${root:+CapBnd}; do
		zero "$(fact "$2" "$set")" || break
	done
	[ "$set" = "${root:+CapBnd}" ] || [ "$set" = CapAmb ]
	last=$?
	[ $last -eq 0 ] && zero "$(fact "$2" "$set")" && [ "$(said caps)" = 0 ]
	ok $? "$prog: no capabilities"
	[ "$(said uid)" = "$(fact "$2" Uid)" ]
	ok $? "$prog: the user is the one it says"
	[ "$(limit "$2" 'Max open files' | cut -d' ' -f1)" = "$(said nofile)" ]
	ok $? "$prog: and the limit of descriptors"
	[ "$(limit "$2" 'Max core file size')" = '0 0' ]
	ok $? "$prog: a core file is impossible"
	if [ -n "$root" ]; then
		grep -q . "/proc/$2/maps" && ! grep -q '^[^ ]* .wx' "/proc/$2/maps"
		ok $? "$prog: no memory is both written and run"
	else
		skip_one "$prog: no memory is both" 'only root may look'
	fi
	grep -aqF "$line" "$4"
	ok $? "$prog: its counters say the same"
}

reads_again() { # PROGRAM PID LOG
	kill -HUP "$2"
	until_true grep -q "prog=$1 event=reloaded" "$3" &&
	    ! grep "prog=$1 " "$3" | grep -q kept=
	ok $? "$1: HUP reads again what it may"
	kill -0 "$2"
	ok $? "$1: and it lives"
}

# Files are replaced by others of their name, as editors do.
edit() { # FILE SED-SCRIPT
	sed "$2" "$1" >"$1.new" && mv "$1.new" "$1"
}

# shellcheck disable=SC3045 # where a shell has none, nothing else is lost
ulimit -c unlimited 2>/dev/null
mkdir "$T/lists"
: >"$T/lists/deny"
node_start a "deny_path = $T/lists/deny" && dht_start a
ok $? "a node starts in its sandbox"
read -r p2pd signd <"$T/a/pids"
dhtd=$(cat "$T/a/dht-pid")
log=$T/a/log run=$T/a/run
store_start s 'snapshot_every = 1s'
ok $? "so does a store"
cat >"$T/a/metrics.ini" <<-END
[node]
run_path = $T/a/run
[metrics]
listen = 127.0.0.1:0
textfiles_path = $T/a/prom
END
mkdir "$T/a/prom"
start_ready "$T/a/log" "$bin/kn-metrics" -c "$T/a/metrics.ini"
ok $? "and kn-metrics"
metricsd=$pid

held kn-signd "$signd" "$log" "$run/stat/kn-signd"
held kn-p2pd "$p2pd" "$log" "$run/stat/kn-p2pd"
held kn-dht "$dhtd" "$log" "$run/stat/kn-dht"
held kn-store "$store_pid" "$T/s/log.now" "$T/s/run/stat/kn-store"
for task in /proc/"$store_pid"/task/*; do
	[ -n "$san" ] || grep -q '^Seccomp:[[:space:]]*2' "$task/status" || break
	zero "$(sed -n 's/^CapEff:[[:space:]]*//p' "$task/status")" || break
done
[ "$(echo "/proc/$store_pid/task/"* | wc -w)" -gt 1 ] &&
    zero "$(sed -n 's/^CapEff:[[:space:]]*//p' "$task/status")" &&
    { [ -n "$san" ] || grep -q '^Seccomp:[[:space:]]*2' "$task/status"; }
ok $? "kn-store: every thread is in it"
held kn-metrics "$metricsd" "$log" "$run/stat/kn-metrics"

# names of users are found, lists are read, in files that were not there before
edit "$T/a/node.ini" 's/^perf.*/sign = root: all/'
edit "$T/s/node.ini" "\$a control = root: all"
echo 203.0.113.0/24 >"$T/lists/new" && mv "$T/lists/new" "$T/lists/deny"
reads_again kn-signd "$signd" "$log"
reads_again kn-p2pd "$p2pd" "$log"
reads_again kn-dht "$dhtd" "$log"
reads_again kn-store "$store_pid" "$T/s/log.now"
reads_again kn-metrics "$metricsd" "$log"
edit "$T/lists/deny" 's/203/not an address/'
kill -HUP "$p2pd"
until_true grep -q 'event=reload.lists kept=old' "$log"
ok $? "kn-p2pd: a list with a fault was read as well"
cp "$T/s/node.ini" "$T/good.ini"
edit "$T/s/node.ini" 's/^control.*/control = nobody-of-that-name: read/'
kill -HUP "$store_pid"
until_true grep -q 'event=reload.config kept=old' "$T/s/log.now"
ok $? "kn-store: a user that there is not was looked for"
mv "$T/good.ini" "$T/s/node.ini"

# work goes on
p2p a --json self | jq -e '.protocols | index("/kontinuum/kad/1.0.0")' >/dev/null
ok $? "kn-p2pd answers"
p2p a dial /dns4/localhost/tcp/9 >"$T/out" 2>&1
grep -q 127.0.0.1 "$T/out"
ok $? "kn-p2pd resolves names"
dht a table >/dev/null
ok $? "kn-dht answers"
store s mb box >/dev/null && printf hello | store s put box/a &&
    [ "$(store s cat box/a)" = hello ]
ok $? "kn-store stores"
head -c 2000000 /dev/zero >"$T/big"
store s put box/big "$T/big" && store s cat box/big | cmp -s - "$T/big" &&
    store s rm box/big
ok $? "and removes, with files of their own"
curl -s "http://127.0.0.1:$(sed -n \
    's/.*prog=kn-metrics event=listening .*port=//p' "$log")/metrics" |
    grep -q '^kn_p2pd_peers'
ok $? "kn-metrics reads the counters of others"
snapshot_there() {
	snapshot=$(find "$T/s/data/snapshots" -name '*.db' | head -n 1)
	[ -n "$snapshot" ]
}
until_true snapshot_there
ok $? "kn-store makes a snapshot"
until_true grep -q 'event=snapshot ' "$T/s/log.now"
ok $? "by a process that is in the sandbox, too"
[ "$(head -c 15 "$snapshot")" = 'SQLite format 3' ]
ok $? "and is a database"

# their ends
kill -SEGV "$metricsd"
wait "$metricsd" 2>/dev/null
[ ! -e core ] && [ ! -e "core.$metricsd" ]
ok $? "a crash leaves no core file"
end "$store_pid"
end "$dhtd"
node_stop a
[ ! -e "$run/sign.sock" ]
ok $? "kn-signd removes its socket"

# another user than root
cp -R "$T/a" "$T/b" && rm -rf "$T/b/run" && sed -i.old \
    -e "s|$T/a|$T/b|g" -e 's/^db_path.*//' "$T/b/node.ini"
if [ -n "$root" ] && command -v setpriv >/dev/null &&
    setpriv --reuid=65534 --regid=65534 --clear-groups \
        test -x "$bin/kn-signd" 2>/dev/null; then
	chmod 711 "$T"
	chown -R 65534:65534 "$T/b"
	start_ready "$T/b/log.own" setpriv --reuid=65534 --regid=65534 \
	    --clear-groups "$bin/kn-signd" -c "$T/b/node.ini"
	ok $? "without root's rights as well"
	root=
	held kn-signd "$pid" "$T/b/log.own" "$T/b/run/stat/kn-signd"
	end "$pid"
else
	skip_one 'without root as well' 'this is not root, or there is no setpriv'
fi
finish
