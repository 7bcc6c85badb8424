#!/bin/sh
# SPDX-License-Identifier: ISC
# doctor.sh: a host made of files on which everything is right, then one fault at
# a time, of which exactly the checks that are about it must speak; then a node
# that really runs.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-signd kn-p2pd kn-dht kn-store kn-keygen kn-cert kn-p2p
[ "$(id -u)" -eq 0 ] || skip 'only root can give files to the users of a node'
facts=$here/../sv/facts
doctor=$here/../scripts/doctor.sh

# --- programs: ours, and stand-ins for what asks a node that is not there ---
mkdir -p "$T/bin" "$T/path" "$T/said"
version=$("$bin/kn-signd" -V)
version=${version##* }
for name in kn-signd kn-p2pd kn-store kn-keygen kn-cert; do
	ln -s "$bin/$name" "$T/bin/$name"
done
stand_in() { # NAME: prints its version, or what a test wants said
	cat >"$T/bin/$1" <<-END
	#!/bin/sh
	case "\$*" in
	-V) echo "$1 $version" ;;
	-n*) exit 0 ;;
	*find*) cat "$T/said/find" ;;
	*peers*) cat "$T/said/peers" ;;
	*self*) cat "$T/said/self" ;;
	esac
	END
	chmod +x "$T/bin/$1"
}
for name in kn-dht kn-metrics kn-drain kn-p2p; do
	stand_in $name
done
outside() { # COMMAND: what it prints is in $T/said/COMMAND
	printf '#!/bin/sh\ncat "%s/said/%s"\n' "$T" "$1" >"$T/path/$1"
	chmod +x "$T/path/$1"
}
for name in nft timedatectl getent; do
	outside $name
done
cat >"$T/path/df" <<END
#!/bin/sh
case \$1 in -Pi) cat "$T/said/df-i" ;; *) cat "$T/said/df" ;; esac
END
chmod +x "$T/path/df"
# a disk on which so many writes were made when time was up
cat >"$T/path/dd" <<END
#!/bin/sh
of=\$(echo "\$*" | sed 's/.*of=\([^ ]*\).*/\1/')
[ "\$of" = "\$*" ] || truncate -s \$((\$(cat "$T/said/writes") * 4096)) "\$of"
sleep "\$(cat "$T/said/seconds")"
END
chmod +x "$T/path/dd"

# --- a host made of files ---
le64() { # NUMBER: eight bytes
	n=$1
	for _ in 1 2 3 4 5 6 7 8; do
		printf "\\$(printf %03o $((n % 256)))"
		n=$((n / 256))
	done
}
padded() { printf '%s' "$1"; head -c $(($2 - ${#1})) /dev/zero; } # TEXT LENGTH

held='uid=1 caps=0 nnp=1 seccomp=2 landlock=7 mdwe=1 nofile=1024'
# Statistics of a program as kn-stat(5) has them, with one row.
statistics() { # NAME PID PHASE BEAT VERSION SANDBOX ROW VALUE
	{
		printf 'kn-stat\n'
		le64 1 && le64 256 && le64 272 && le64 1
		padded "$1" 32 && le64 "$2" && le64 1000 && le64 "$4" && le64 0 && le64 "$3"
		padded '' 16 && padded "$5" 32 && padded "$6" 96
		le64 "$8" && le64 1 && padded "$7" 64 && padded '' 64 && padded '' 128
	} >"$R/run/kontinuum-node/stat/$1"
}
serving() { # NAME PID
	statistics "$1" "$2" 2 9999000 "$version" "$held" kn_p2pd_twin_seen_seconds 0
}

process() { # NAME PID UID SOCKET...
	dir=$R/proc/$2
	rm -rf "$dir"
	echo "$1" | install -D -m 644 /dev/stdin "$dir/comm"
	printf 'Uid:\t%s\t%s\t%s\t%s\nVmRSS:\t  9000 kB\n' "$3" "$3" "$3" "$3" >"$dir/status"
	echo 'Max open files  65536  65536  files' >"$dir/limits"
	echo "0::/kontinuum/$1" >"$dir/cgroup"
	mkdir -p "$dir/fd"
	pid=$2
	shift 3
	n=3
	for inode in "$@"; do
		ln -s "socket:[$inode]" "$dir/fd/$n"
		n=$((n + 1))
	done
	pid=
}

put() { # FILE: standard input, below the host
	mkdir -p "$(dirname "$R$1")"
	cat >"$R$1"
}

make_disk() { # files and who may do what
	printf 'root:x:0:0::/:\nkn-sign:x:901:900::/:\nkn-p2p:x:902:900::/:\nkn-dht:x:903:900::/:\nkn-store:x:904:900::/:\nkn-metrics:x:905:900::/:\n' | put /etc/passwd
	printf 'root:x:0:\nkontinuum:x:900:\n' | put /etc/group
	echo 'nameserver 192.0.2.53' | put /etc/resolv.conf
	put /etc/kontinuum-node/node.ini <<-END
	[node]
	max_total_gb = 40
	[network]
	announce_addrs = /dns4/node.example/tcp/4001
	END
	awk '$1 == "dir" { print $3, $4, $5 }' "$facts" | sed 's/[a-z]*=//g' |
	    while read -r path mode owner; do
		install -d -m "$mode" "$R$path"
		chown "$(awk -F: -v u="$owner" '$1 == u { print $3 }' "$R/etc/passwd"):900" "$R$path"
	done
	k=$R/var/lib/kontinuum-node/keys
	"$bin/kn-keygen" -w "$k/master.key"
	"$bin/kn-keygen" -k 8 -m "$k/master.key" -o "$k/node.key" >"$T/peer"
	"$bin/kn-keygen" -k 8 -m "$k/master.key" -o "$T/root.key" >/dev/null
	"$bin/kn-keygen" -P "$T/root.key" >"$R/etc/kontinuum-node/roots/test.pub"
	"$bin/kn-cert" request -K "$k/node.key" -m "$k/master.key" -t 2 >"$T/node.req"
	"$bin/kn-cert" issue -K "$T/root.key" -m "$k/master.key" "$T/node.req" >"$k/node.cert"
	for days in 3 20; do
		"$bin/kn-cert" issue -D $days -K "$T/root.key" -m "$k/master.key" \
		    "$T/node.req" >"$T/cert-$days"
	done
	"$bin/kn-keygen" -k 8 -m "$k/master.key" -o "$T/other.key" >/dev/null
	chown 901:900 "$k/master.key" "$k/node.key"
	chmod 0400 "$k/master.key" "$k/node.key"
	chmod 0644 "$k/node.cert" "$R/etc/kontinuum-node/node.ini" "$R"/etc/kontinuum-node/roots/*
	s=$R/var/lib/kontinuum-node/data/store
	: >"$s/node.db"
	echo secret >"$s/store.key"
	chown 904:900 "$s"/*
	chmod 0600 "$s"/*
	for n in 1 2 3; do
		mkdir -p "$R/usr/local/lib/kontinuum-node/0.$n.0"
	done
	ln -s 0.3.0 "$R/usr/local/lib/kontinuum-node/current"
	now=$(date +%s)
	put /var/lib/kontinuum-node/state/all.prom <<-END
	kn_backup_last_success_timestamp_seconds{db="node"} $((now - 600))
	kn_restore_drill_timestamp_seconds $((now - 86400))
	kn_key_copies_confirmed 3
	kn_key_copies_oldest_confirmation_timestamp_seconds $((now - 86400))
	END
}

sockets() { # of /proc/net: FILE LINE...
	file=$1
	shift
	{
		echo '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
		for line in "$@"; do
			echo "$line" | awk '{ print "0:", $1, "0:0", $2, "0:0 00:0 0 0 0", $3, "1" }'
		done
	} | put "/proc/net/$file"
}

make_kernel() { # what the kernel tells
	echo '10000.00 100.00' | put /proc/uptime
	printf 'MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n' | put /proc/meminfo
	printf 'processor : 0\nprocessor : 1\n' | put /proc/cpuinfo
	echo 'oom_kill 0' | put /proc/vmstat
	echo 'Filename Type Size Used Priority' | put /proc/swaps
	echo '22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw' | put /proc/self/mountinfo
	echo 0 | put /sys/dev/block/8:1/queue/rotational
	echo 1000 | put /sys/class/net/eth0/speed
	echo 'cpu memory' | put /sys/fs/cgroup/cgroup.controllers
	echo 'lockdown,landlock' | put /sys/kernel/security/lsm
	echo 'kill_process allow' | put /proc/sys/kernel/seccomp/actions_avail
	echo 6.12.0 | put /proc/sys/kernel/osrelease
	echo core | put /proc/sys/kernel/core_pattern
	echo 0 | put /proc/sys/fs/suid_dumpable
	printf '900\t0\t100000\n' | put /proc/sys/fs/file-nr
	echo 8000000 | put /proc/sys/net/core/rmem_max
	echo 8000000 | put /proc/sys/net/core/wmem_max
	echo 4096 | put /proc/sys/net/core/somaxconn
	echo 65536 | put /proc/sys/net/netfilter/nf_conntrack_max
	echo 100 | put /proc/sys/net/netfilter/nf_conntrack_count
	printf 'Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 00000000 010200C0 0003 0 0 0 00000000\n' | put /proc/net/route
	echo '00000000000000000000000000000000 00 0 0 fe80 0 0 0 3 eth0' | put /proc/net/ipv6_route
	echo '20010db8000000000000000000000001 02 40 00 80 eth0' | put /proc/net/if_inet6
	sockets tcp '00000000:0FA1 0A 401' '0100007F:2328 0A 404' '0100007F:238C 0A 405'
	sockets tcp6 '00000000000000000000000000000000:0FA1 0A 402'
	sockets udp
	sockets udp6
	echo systemd | put /proc/1/comm
	process kn-signd 101 901
	process kn-p2pd 102 902 401 402
	process kn-dht 103 903
	process kn-store 104 904 404
	process kn-metrics 105 905 405
	process node_exporter 200 999 900
	for name in kn-signd:101 kn-p2pd:102 kn-dht:103 kn-store:104 kn-metrics:105; do
		serving "${name%:*}" "${name#*:}"
		echo 2147483648 | put "/sys/fs/cgroup/kontinuum/${name%:*}/memory.max"
		echo 'oom_kill 0' | put "/sys/fs/cgroup/kontinuum/${name%:*}/memory.events"
	done
}

make_answers() { # what commands tell
	cat >"$T/said/df" <<-END
	Filesystem 1024-blocks Used Available Capacity Mounted
	/dev/sda1 100000000 20000000 80000000 20% /
	END
	cat >"$T/said/df-i" <<-END
	Filesystem Inodes IUsed IFree IUse% Mounted
	/dev/sda1 1000000 100000 900000 10% /
	END
	cat >"$T/said/nft" <<-END
	table inet filter {
		chain input {
			type filter hook input priority 0; policy drop;
			tcp dport 4001 accept
		}
	}
	END
	echo yes >"$T/said/timedatectl"
	echo 100000 >"$T/said/writes" # in whatever time a busy machine takes
	echo 0 >"$T/said/seconds"
	echo '192.0.2.7 STREAM node.example' >"$T/said/getent"
	echo '{"peer":"12D3other","inbound":true,"observed":"/ip4/192.0.2.7/tcp/4001"}' >"$T/said/peers"
	echo "{\"peer\":\"$(cat "$T/peer")\",\"addrs\":[\"/ip4/10.0.0.7/tcp/4001\"]}" >"$T/said/self"
	echo "{\"peer\":\"$(cat "$T/peer")\",\"addrs\":[\"/ip4/192.0.2.7/tcp/4001\"]}" >"$T/said/find"
}

R=$T/good
mkdir -p "$R"
make_disk
make_kernel
make_answers
cp -r "$T/said" "$T/said.good"

look() { # ARGUMENT...: into $T/out
	PATH=$T/path:$PATH KN_BUILD=$T/bin timeout 300 "$doctor" --root "$R" "$@" \
	    >"$T/out" 2>"$T/err"
}
statuses() { jq -r '.check + " " + .status' "$T/out"; }

# --- how it is called ---
look --help && grep -q '^usage: doctor.sh' "$T/out"
ok $? "a page"
look --list
n=$(wc -l <"$T/out")
[ "$n" -ge 40 ] && [ "$(cut -d' ' -f1 "$T/out" | sort -u | wc -l)" -eq "$n" ]
ok $? "forty checks or more, each with a name of its own"
look --only none
[ $? -eq 100 ] && grep -q 'no check "none"' "$T/err"
ok $? "a check that there is not"
look --sing
[ $? -eq 100 ]
ok $? "an option that there is not"

# --- all is well ---
find "$R" -exec stat -c '%n %a %u %s %Z' {} + | grep -v '/data/store ' | sort >"$T/before"
look --json
ok $? "nothing fails on a good host"
statuses >"$T/well"
grep -v ' ok$' "$T/well" >"$T/others"
cat >"$T/expected" <<END
supervisor skip
enabled skip
crash-loops skip
port-admin skip
port-billing skip
END
diff "$T/expected" "$T/others" >"$T/diff"
ok $? "all is well but what another host cannot tell"
sed 's/^/# /' "$T/diff"
jq -c 'select(.status == "warn" or .status == "fail")' "$T/out" | sed 's/^/# /'
find "$R" -exec stat -c '%n %a %u %s %Z' {} + | grep -v '/data/store ' | sort | cmp -s - "$T/before"
ok $? "and nothing was changed"
[ "$(wc -l <"$T/well")" -eq "$n" ] && jq -e -s 'all(.text != "" and
    ((.status == "warn" or .status == "fail") == (.fix != "")))' "$T/out" >/dev/null
ok $? "every check says a sentence"
look
[ "$(tail -n 1 "$T/out")" = "$((n - 5)) ok, 0 to look at, 0 failed, 5 not known" ]
ok $? "as a table"
look --only twin,dns --json && [ "$(wc -l <"$T/out")" -eq 2 ]
ok $? "two of them"

# --- one fault at a time ---
# fault CHECKS CHANGE: with CHANGE made to the host, CHECKS (NAME=STATUS) and no
# others of their subjects change what they say, and each has a command that
# mends it.
fault() {
	want=$1
	rm -rf "$T/bad" "$T/said"
	cp -a "$T/good" "$T/bad"
	cp -r "$T/said.good" "$T/said"
	R=$T/bad
	eval "$2"
	for check in $(echo "$want" | sed 's/=[a-z]*//g'); do
		grep -l "^add $check " "$here"/../scripts/doctor/*.sh | xargs cat
	done | sed -n 's/^add \([^ ]*\) .*/\1/p' | sort -u >"$T/asked"
	look --json --only "$(paste -sd, "$T/asked")"
	code=$?
	grep -wFf "$T/asked" "$T/well" | sort >"$T/were"
	statuses | sort | diff "$T/were" - | sed -n 's/^> \(.*\) \(.*\)/\1=\2/p' | sort >"$T/changed"
	echo "$want" | tr ' ' '\n' | sort >"$T/wanted"
	case $want in *=fail*) failing=1 ;; *) failing=0 ;; esac
	cmp -s "$T/changed" "$T/wanted" && [ $code -eq $failing ] &&
	    jq -se 'all(.status == "ok" or .status == "skip" or .fix != "")' "$T/out" >/dev/null
	ok $? "$want: $2"
	cmp -s "$T/changed" "$T/wanted" || sed "s/^/# exit $code, changed: /" "$T/changed"
	R=$T/good
}

# shellcheck disable=SC2034 # the faults use them
ini=/etc/kontinuum-node/node.ini
# shellcheck disable=SC2034
keys=/var/lib/kontinuum-node/keys
# shellcheck disable=SC2034
sys=/proc/sys
# shellcheck disable=SC2016 # fault evaluates them
{
fault 'programs=fail' 'mv "$T/bin/kn-drain" "$T/drain"'
mv "$T/drain" "$T/bin/kn-drain"
fault 'versions=fail' 'sed -i "s/kn-drain .*/kn-drain 0.0.1\" ;;/" "$T/bin/kn-drain"'
stand_in kn-drain
fault 'running-version=warn' 'statistics kn-dht 103 2 9999000 0.1.0 "$held" x 0'
fault 'releases=warn' 'mkdir "$R/usr/local/lib/kontinuum-node/0.4.0"'
# the current one may be older than those that are kept, and has links to it
[ "$(jq -r 'select(.check == "releases").fix' "$T/out" | sed 's/ *#.*//')" = \
    "$T/bad/usr/local/lib/kontinuum-node/current/scripts/install.sh" ]
ok $? "who knows which are in use removes them"
fault 'releases=fail' 'rmdir "$R/usr/local/lib/kontinuum-node/0.3.0"'
fault 'users=fail' 'sed -i /kn-metrics/d "$R/etc/passwd"'
fault 'users=fail' 'sed -i "s/:902:900/:902:100/" "$R/etc/passwd"'
fault 'loops=fail' 'statistics kn-dht 103 2 9000000 "$version" "$held" x 0'
fault 'phases=fail' 'statistics kn-dht 103 1 9999000 "$version" "$held" x 0'
fault 'phases=warn' 'statistics kn-dht 103 3 9999000 "$version" "$held" x 0'
fault 'running=fail' 'rm -r "$R/proc/103"'
fault 'drain=warn' 'printf "reason = disk\nhold = yes\n" | put /var/lib/kontinuum-node/state/drain'
fault 'sandbox=fail' 'statistics kn-dht 103 2 9999000 "$version" "caps=0 seccomp=0" x 0'
fault 'sandbox=warn' 'statistics kn-dht 103 2 9999000 "$version" "caps=0 seccomp=2 landlock=0 mdwe=1" x 0'
fault 'process-users=fail' 'process kn-dht 103 0'
fault 'descriptors=fail' 'echo "Max open files 1024 1024 files" >"$R/proc/102/limits"'
mends() { # CHECK WITH-WHAT: the last fault
	jq -se --arg c "$1" --arg with "$2" \
	    'any(.[]; .check == $c and (.fix | contains($with)))' "$T/out" >/dev/null
	ok $? "$1: $2 mends it"
}
mends descriptors install.sh
fault 'descriptors=fail' 'echo "Max open files 1024 1024 files" | tee "$R/proc/102/limits" | put /proc/1/limits'
mends descriptors 'this host allows no service more'
fault 'running=warn' 'rm -r "$R/proc/105"'
fault 'process-memory=warn' 'sed -i "s/9000/250000/" "$R/proc/104/status"'
fault 'memory-limit=fail' 'echo 67108864 >"$R/sys/fs/cgroup/kontinuum/kn-store/memory.max"'
fault 'oom=fail' 'echo "oom_kill 2" >"$R/sys/fs/cgroup/kontinuum/kn-store/memory.events"'
fault 'oom=warn' 'echo "oom_kill 2" >"$R/proc/vmstat"'
fault 'port-metrics=fail' 'rm "$R"/proc/105/fd/*; process node_exporter 200 999 405'
jq -se 'any(.[]; .check == "port-metrics" and (.text | test("node_exporter\\(200\\)")))' "$T/out" >/dev/null
ok $? "who holds the port is named"
fault 'port-p2p-tcp=fail listening=fail' 'sockets tcp6; sockets tcp "0100007F:2328 0A 404" "0100007F:238C 0A 405"'
fault 'listening=fail' 'sockets tcp6'
fault 'port-p2p-udp=fail' 'sockets udp "00000000:0FA1 07 900"'
fault 'port-s3=fail' 'rm "$R"/proc/104/fd/*; process node_exporter 200 999 404'
fault 's3-private=warn' 'sed -i "s/0100007F:2328/00000000:2328/" "$R/proc/net/tcp"'
fault 'metrics-private=fail' 'sed -i "s/0100007F:238C/00000000:238C/" "$R/proc/net/tcp"; printf "[metrics]\nallow = 0.0.0.0/0\n" >>"$R$ini"'
fault 'route=fail ipv6=warn' ': >"$R/proc/net/ipv6_route"; : >"$R/proc/net/route"'
fault 'ipv6=warn' ': >"$R/proc/net/if_inet6"'
fault 'resolver=fail' ': >"$R/etc/resolv.conf"'
fault 'dns=fail' 'echo "198.51.100.1 STREAM node.example" >"$T/said/getent"'
fault 'udp-buffers=warn' 'echo 212992 >"$R$sys/net/core/rmem_max"'
fault 'backlog=warn' 'echo 128 >"$R$sys/net/core/somaxconn"'
fault 'conntrack=fail' 'echo 65000 >"$R$sys/net/netfilter/nf_conntrack_count"'
fault 'conntrack=warn' 'echo 55000 >"$R$sys/net/netfilter/nf_conntrack_count"'
fault 'firewall=fail' 'sed -i "s/4001/22/" "$T/said/nft"'
fault 'firewall=warn' ': >"$T/said/nft"'
fault 'peers=fail reachable=warn dns=skip twin=skip' ': >"$T/said/peers"'
fault 'reachable=warn' 'sed -i s/true/false/ "$T/said/peers"'
fault 'twin=warn' 'echo "{\"addrs\":[\"/ip4/203.0.113.5/tcp/4001\"]}" >"$T/said/find"'
fault 'twin=fail' 'statistics kn-p2pd 102 2 9999000 "$version" "$held" kn_p2pd_twin_seen_seconds 1795663474'
fault 'clock-sync=fail' 'echo no >"$T/said/timedatectl"'
outside date
echo $((now - 86400 * 3650)) >"$T/said.good/date"
fault 'clock-plausible=fail' ''
echo $((now + 86400 * 360)) >"$T/said.good/date"
fault 'certificate-days=fail backup=fail restore-drill=fail key-copies=warn' ''
rm "$T/path/date"
fault 'memory=fail tier=fail' 'sed -i "s/MemTotal: .*/MemTotal: 500000 kB/" "$R/proc/meminfo"'
fault 'swap=warn' 'sed -i "s/Swap\(.*\): 0/Swap\1: 900000/" "$R/proc/meminfo"; echo "/dev/sda2 partition 1 0 -2" >>"$R/proc/swaps"'
fault 'cgroups=warn' 'rm "$R/sys/fs/cgroup/cgroup.controllers"'
fault 'kernel=warn' 'echo 5.10.0-30-amd64 >"$R$sys/kernel/osrelease"'
fault 'kernel=fail' 'echo errno >"$R$sys/kernel/seccomp/actions_avail"'
fault 'files-max=fail' 'printf "99000\t0\t100000\n" >"$R$sys/fs/file-nr"'
fault 'disk-free=fail' 'sed -i "s/80000000/50000/" "$T/said/df"'
fault 'inodes=fail' 'sed -i "s/10%/99%/" "$T/said/df-i"'
fault 'disk-reserve=warn' 'printf "[store]\ndisk_reserve = 1M\n" >>"$R$ini"'
fault 'disk-reserve=fail disk-free=fail' 'printf "[store]\ndisk_reserve = 90G\n" >>"$R$ini"'
fault 'max-total=warn' 'sed -i "s/= 40/= 400/" "$R$ini"'
fault 'filesystem=fail' 'echo "30 22 0:40 / /var/lib/kontinuum-node rw - tmpfs tmpfs rw" >>"$R/proc/self/mountinfo"; mkdir -p "$R/sys/dev/block/0:40/queue"; echo 0 >"$R/sys/dev/block/0:40/queue/rotational"'
fault 'filesystem=fail' 'sed -i "s/ext4/nfs4/" "$R/proc/self/mountinfo"'
fault 'mount=fail' 'sed -i "s/rw,relatime/ro,relatime/" "$R/proc/self/mountinfo"'
fault 'mount=fail' 'sed -i "s/rw$/rw,nobarrier/" "$R/proc/self/mountinfo"'
fault 'rotational=warn' 'echo 1 >"$R/sys/dev/block/8:1/queue/rotational"'
fault 'fsync=fail' 'echo 40 >"$T/said/writes"; echo 1 >"$T/said/seconds"'
fault 'node-key=fail certificate-key=skip' 'rm "$R$keys/node.key"'
fault 'node-key=fail' 'chmod 0440 "$R$keys/node.key"'
fault 'node-key=fail certificate-key=skip' 'sed -i "2s/./A/" "$R$keys/node.key"; chown 901 "$R$keys/node.key"'
fault 'master-key=fail' 'chmod 0644 "$R$keys/master.key"'
fault 'master-key=fail' 'chown 904 "$R$keys/master.key"'
fault 'store-key=fail' 'rm "$R/var/lib/kontinuum-node/data/store/store.key"'
fault 'node-key=fail certificate-key=skip' 'rm "$R$keys/node.key"'
mends node-key 'keycopies.sh restore'
fault 'node-key=fail certificate=fail certificate-days=skip certificate-key=skip' 'rm "$R$keys"/node.*'
mends node-key 'kn-keygen -m'
fault 'node-key=fail master-key=fail certificate-key=skip' 'rm "$R$keys"/*.key'
mends master-key 'kn-keygen --master-new'
fault 'keys-readonly=fail directories=warn' 'chown 902 "$R$keys"'
fault 'keys-readonly=fail directories=warn' 'chmod 0770 "$R$keys"'
fault 'certificate=fail certificate-days=skip certificate-key=skip' 'rm "$R$keys/node.cert"'
fault 'certificate=fail roots=fail' 'rm "$R/etc/kontinuum-node/roots/test.pub"'
fault 'roots=fail' 'chmod 600 "$R"/etc/kontinuum-node/roots/test.pub'
fault 'certificate=fail' 'chmod 600 "$R$keys/node.cert"'
fault 'certificate-days=warn' 'cp "$T/cert-20" "$R$keys/node.cert"'
fault 'certificate-days=fail' 'cp "$T/cert-3" "$R$keys/node.cert"'
fault 'certificate-key=fail' 'cat "$T/other.key" >"$R$keys/node.key"'
fault 'config-modes=fail' 'chmod 0666 "$R$ini"'
fault 'config-modes=fail' 'chown 902 "$R$ini"'
fault 'directories=warn' 'chmod 0755 "$R/var/lib/kontinuum-node/data/dht"'
fault 'core-files=warn' 'echo 1 >"$R$sys/fs/suid_dumpable"'
fault 'backup=warn' 'sed -i /kn_backup/d "$R"/var/lib/kontinuum-node/state/all.prom'
mends backup backup.conf.example
fault 'backup=fail' 'sed -i "/kn_backup/s/ .*/ $((now - 200000))/" "$R"/var/lib/kontinuum-node/state/all.prom'
fault 'restore-drill=warn' 'sed -i /drill/d "$R"/var/lib/kontinuum-node/state/all.prom'
fault 'key-copies=warn' 'sed -i "s/confirmed 3/confirmed 2/" "$R"/var/lib/kontinuum-node/state/all.prom'
fault 'key-copies=fail' 'sed -i "/oldest/s/ .*/ 1500000000/" "$R"/var/lib/kontinuum-node/state/all.prom'
}

# --- tiers ---
R=$T/good
rm -rf "$T/said" && cp -r "$T/said.good" "$T/said"
look tiers --json
ok $? "the tier of node.ini is held"
jq -se 'length == 6 and all(.[]; .holds == (.reasons == []))' "$T/out" >/dev/null
ok $? "six tiers, each held or with reasons"
jq -se 'any(.[]; .tier == "vps" and .holds and .configured) and
    any(.[]; .tier == "anchor" and (.holds | not) and
    .reasons == ["2 of 4 cores", "4.1 of 8 GB memory"])' "$T/out" >/dev/null
ok $? "a host of 2 cores and 4 GB"
echo 480 >"$T/said/writes"
echo 1 >"$T/said/seconds"
look tiers && grep -q '^server-small .* no .*of 500 durable writes a second' "$T/out" &&
    grep -q '^vps .* yes' "$T/out"
ok $? "a slow disk"
cp -a "$T/good" "$T/bad1"
R=$T/bad1
sed -i 's/MemTotal: .*/MemTotal: 1000000 kB/' "$R/proc/meminfo"
printf '[node]\ntier = 1\n' >>"$R$ini"
look tiers
[ $? -eq 1 ] && grep -q '^server-small .* no .*1\.0 of 2 GB memory' "$T/out"
ok $? "a tier that is not held"
sed -i 's/tier = 1/tier = 2/' "$R$ini"
echo 10 >"$R/sys/class/net/eth0/speed"
# one without a speed comes first
sed -n 's/^eth0/air0/p' "$R/proc/net/route" >"$T/route" && cat "$T/route" >>"$R/proc/net/route"
look tiers
[ $? -eq 1 ] && grep -q '10 of 25 Mbit/s' "$T/out"
ok $? "a slow network"

# --- only the commands ---
R=$T/bad1
look --fix-commands
[ $? -eq 1 ] && [ -s "$T/out" ] && ! grep -qv '^[^ ]*[a-z]' "$T/out"
ok $? "commands alone"

# --- what hangs ---
cp -r "$T/said.good/." "$T/said/"
R=$T/good
printf '#!/bin/sh\nexec sleep 200\n' >"$T/path/nft"
begin=$(date +%s)
look --only firewall --json
[ $(($(date +%s) - begin)) -le 60 ] && jq -e '.status == "skip"' "$T/out" >/dev/null
ok $? "a command that hangs is not waited for"
outside nft

# --- what a program that is not itself may lay before root ---
cp -a "$T/good" "$T/trap"
R=$T/trap
rm "$R/run/kontinuum-node/stat/kn-dht" "$R/run/kontinuum-node/stat/kn-store"
mkfifo "$R/run/kontinuum-node/stat/kn-dht"
ln -s /etc/passwd "$R/run/kontinuum-node/stat/kn-store"
statistics kn-p2pd 102 2 9999000 "$(printf '\033]0;x')" "$held" x 0
begin=$(date +%s)
look --only running,loops,sandbox,running-version
[ $(($(date +%s) - begin)) -le 60 ] && grep -q '^running .*fail kn-dht does not run' "$T/out" &&
    ! grep -q "$(printf '\033')" "$T/out"
ok $? "pipes, links and words for the terminal in the run directory"
R=$T/good

# --- what dies again and again, as s6 remembers it ---
deaths() { [ "$(s6-svdt "$T/sv/kn-p2pd" | wc -l)" -ge "$1" ]; }
under_s6() {
	KN_BUILD=$T/bin KN_SUPERVISOR=s6 KN_SCANDIR=$T/sv "$doctor" \
	    -c "$T/good$ini" --json --only crash-loops >"$T/out"
}
if command -v s6-supervise >/dev/null; then
	for name in kn-signd kn-p2pd kn-dht kn-store; do
		mkdir -p "$T/sv/$name"
	done
	printf '#!/bin/sh\nexec sleep 1000\n' >"$T/sv/kn-p2pd/run"
	chmod +x "$T/sv/kn-p2pd/run"
	s6-supervise "$T/sv/kn-p2pd" &
	pids="$pids $!"
	until_true s6-svok "$T/sv/kn-p2pd" && s6-svwait -u -t 60000 "$T/sv/kn-p2pd"
	under_s6
	ok $? "nothing has died"
	for n in 1 2 3; do
		until_true s6-svstat -u "$T/sv/kn-p2pd"
		s6-svc -k "$T/sv/kn-p2pd"
		until_true deaths $n
		s6-svwait -u -t 60000 "$T/sv/kn-p2pd"
	done
	! under_s6 && jq -e '.status == "fail" and .text == "kn-p2pd died 3 times"' "$T/out" >/dev/null
	ok $? "what died three times is found"
	s6-svc -xd "$T/sv/kn-p2pd"
else
	skip_one "deaths" 's6 is not installed'
fi

# --- without rights ---
if command -v setpriv >/dev/null; then
	chmod 755 "$T"
	chmod -R a+rX "$T/bin" "$T/path" "$T/said"
	PATH=$T/path:$PATH KN_BUILD=$T/bin setpriv --reuid 65534 --clear-groups \
	    "$doctor" --root "$R" --json >"$T/out" 2>"$T/err"
	[ $? -eq 0 ] && jq -se '[.[] | select(.check == "master-key" or .check == "fsync").status] == ["skip", "skip"]' \
	    "$T/out" >/dev/null &&
	    ! grep -q 'no program runs\|does not run' "$T/out" && [ ! -s "$T/err" ]
	status=$?
	[ $status -eq 0 ] || { jq -c 'select(.status == "fail")' "$T/out"; cat "$T/err"; } | sed 's/^/# /'
	ok $status "without rights it says what it cannot see, and fails nothing"
else
	skip_one "without rights" 'there is no setpriv'
fi

# --- a node that runs ---
need kn-metrics kn-drain
home=$T/node
mkdir -p "$home/roots" "$home/state"
"$bin/kn-keygen" -w "$home/master.key" &&
    "$bin/kn-keygen" -m "$home/master.key" -o "$home/node.key" >/dev/null &&
    "$bin/kn-keygen" -m "$home/master.key" -o "$home/root.key" >/dev/null &&
    "$bin/kn-keygen" -P "$home/root.key" >"$home/roots/test.pub" &&
    "$bin/kn-cert" request -K "$home/node.key" -m "$home/master.key" -t 2 >"$home/node.req" &&
    "$bin/kn-cert" issue -K "$home/root.key" -m "$home/master.key" "$home/node.req" \
    >"$home/node.cert"
port=$((20000 + $$ % 10000))
while ss -Hltun 2>/dev/null | grep -qE ":($port|$((port + 1))|$((port + 2))) "; do
	port=$((port + 3))
done
cat >"$home/node.ini" <<END
[identity]
key_path = $home/node.key
cert_path = $home/node.cert
master_key_path = $home/master.key
roots_path = $home/roots
[node]
run_path = $home/run
drain_path = $home/state/drain
max_total_gb = 1
[network]
listen_addrs = /ip4/127.0.0.1/tcp/$port
[dht]
mode = server
network = private
private_addrs = yes
db_path = $home/dht/dht.db
[store]
listen = 127.0.0.1:$((port + 1))
blobs_path = $home/store/blobs
db_path = $home/store/node.db
snapshots_path = $home/store/snapshots
secret_key_path = $home/store/store.key
[metrics]
listen = 127.0.0.1:$((port + 2))
textfiles_path = $home/state
END
chmod 644 "$home/node.ini"
chmod 755 "$home"
mkdir -p "$home/dht" "$home/store" "$home/run/stat"
for name in kn-signd kn-p2pd kn-dht kn-store kn-metrics; do
	start_ready "$home/log" "$bin/$name" -c "$home/node.ini"
	ok $? "$name runs"
done
node_start other && p2p other dial "/ip4/127.0.0.1/tcp/$port" >/dev/null
ok $? "and has a peer"
KN_BUILD=$bin KN_SUPERVISOR=none "$doctor" -c "$home/node.ini" --json >"$T/out" 2>"$T/err"
[ ! -s "$T/err" ] && jq -se 'length > 40' "$T/out" >/dev/null
ok $? "the doctor looks at it"
# what does not depend on the host that the test happens to run on
for check in programs versions running-version configuration running loops phases \
    drain port-p2p-tcp port-s3 port-metrics listening s3-private \
    metrics-private peers reachable twin node-key master-key store-key \
    keys-readonly certificate certificate-days certificate-key roots config-modes; do
	jq -se --arg c "$check" 'any(.[]; .check == $c and .status == "ok")' "$T/out" >/dev/null
	status=$?
	ok $status "$check"
	[ $status -eq 0 ] || jq -c --arg c "$check" 'select(.check == $c)' "$T/out" | sed 's/^/# /'
done
end "$(od -A n -t u8 -j 72 -N 8 "$home/run/stat/kn-store" | tr -d ' \n')"
KN_BUILD=$bin KN_SUPERVISOR=none "$doctor" -c "$home/node.ini" --json --only running,port-s3 >"$T/out"
[ $? -eq 1 ] && jq -se '.[0].text == "kn-store does not run" and (.[1].text | test("is free"))' "$T/out" >/dev/null
ok $? "a program that ended is missed"
finish
