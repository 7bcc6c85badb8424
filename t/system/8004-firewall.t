#!/bin/sh
# SPDX-License-Identifier: ISC
# What a node lets in with ufw and with nftables, seen from outside; what the
# doctor says of a node that runs; and backups by their timers.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/bed.sh"
. "$here/day.sh"
bed_needs systemd

admin=10.77.0.9 # beyond the bridge, as 10.77.0.1, which is nobody special
other=10.77.0.1

# What comes of a connection that is made from there: 0 it is made, 2 within so
# many seconds there was nothing but silence, 1 it was refused.
connect() { # SECONDS FROM NAME PORT
	outside perl -MIO::Socket::INET -e '
		exit 0 if IO::Socket::INET->new(Timeout => $ARGV[0],
		    LocalAddr => $ARGV[1], PeerAddr => $ARGV[2], PeerPort => $ARGV[3]);
		print "$!\n";
		exit($!{ETIMEDOUT} ? 2 : 1)' "$1" "$2" "$(bed_address "$3")" "$4"
}

reaches() { # FROM NAME PORT
	connect 60 "$@"
}

silent() { # FROM NAME PORT
	connect 3 "$@"
	[ $? -eq 2 ]
}

# What listens besides the node, as sshd does, and something forgotten.
listeners() { # NAME
	for port in 22 7777; do
		bed "$1" openssl s_server -accept $port -nocert -www </dev/null \
		    >/dev/null 2>&1 &
		pids="$pids $!"
		until_true reaches $other "$1" $port || return 1
	done
}

# By hand, as node.ini and the socket's unit say: metrics for others than this
# host.  The firewall has to tell who.
open_metrics() { # NAME
	ini=$T/$1/root/etc/kontinuum-node/node.ini
	sed -i 's/^listen = 127.0.0.1:9100/listen = 0.0.0.0:9100\nallow = 127.0.0.0\/8 10.77.0.0\/24/' \
	    "$ini" && grep -q '^allow = ' "$ini" || return 1
	drop=$T/$1/root/etc/systemd/system/kn-metrics.socket.d
	mkdir -p "$drop"
	cat >"$drop/60-admin.conf" <<-'END'
	[Socket]
	ListenStream=
	ListenStream=0.0.0.0:9100
	IPAddressAllow=10.77.0.0/24
	END
	bed "$1" systemctl daemon-reload
}

walls() { # NAME
	yes "$1: libp2p may be reached" reaches $other "$1" 4001
	yes "$1: ssh too" reaches $other "$1" 22
	yes "$1: metrics by the administrator" reaches $admin "$1" 9100
	yes "$1: and by nobody else" silent $other "$1" 9100
	yes "$1: S3 by nobody" silent $other "$1" 9000
	yes "$1: not even the administrator" silent $admin "$1" 9000
	yes "$1: what else listens by nobody" silent $other "$1" 7777
	[ "$(outside curl -s -m 60 --interface $admin \
	    "http://$(bed_address "$1"):9100/metrics" | grep -c '^kn_up')" -ge 4 ]
	ok $? "$1: the administrator sees the metrics"
}

# nft warns of tables that are not its own, in between of what it lists
rules() { # NAME
	bed "$1" nft list ruleset 2>"$T/warned" >"$T/listed" &&
	    grep -q 4001 "$T/listed" || return 1
	sed 's/packets [0-9]* bytes [0-9]*//' "$T/listed"
	bed "$1" ufw status verbose
	tree_sum "$1" | grep -e '^/etc/' -e '^/usr/'
}

day_walls() { # NAME KIND-OF-FIREWALL
	yes "$1: a bare Debian" bed_new "$1" systemd && yes "$1: boots" bed_boot "$1" &&
	    yes "$1: it has open ports" listeners "$1" || return 1
	install_more="--firewall $2 --ssh-port 22 --admin $admin/32"
	yes "$1: takes the release, with $2" install_on "$1" || return 1
	open_metrics "$1" && yes "$1: to ready" walk "$1" || return 1
	walls "$1"
	rules "$1" >"$T/before"
	ok $? "$1: the rules are the kernel's"
	yes "$1: install.sh a second time" install_on "$1"
	rules "$1" >"$T/after"
	yes "$1: changes nothing" diff "$T/before" "$T/after" || true
}

# A bed's clock is set by nobody; the rest is as this machine has it.
doctor_may_fail='clock-sync
descriptors
fsync
tier
memory
disk-free
disk-reserve
inodes
filesystem
mount
files-max'

day_doctor() { # NAME
	bed "$1" "$scripts/doctor.sh" --json >"$T/doctor"
	[ "$(jq -s 'map(select(.status == "ok")) | length' "$T/doctor")" -ge 20 ]
	ok $? "$1: the doctor finds much that is well"
	jq -r 'select(.status == "fail") | .check' "$T/doctor" |
	    grep -vxF "$doctor_may_fail" >"$T/fails"
	[ ! -s "$T/fails" ]
	ok $? "$1: and nothing that fails, but what a bed lacks"
	jq -r 'select(.status == "fail") | "# \(.check): \(.text)"' "$T/doctor"
	bed "$1" "$scripts/doctor.sh" tiers >"$T/said" 2>&1
	[ $? -le 1 ] && grep -q vps "$T/said"
	ok $? "$1: doctor.sh tiers"
	sed 's/^/# /' "$T/said"
}

day_timers() { # NAME
	yes "$1: what backups need" backup_conf "$1"
	# the clock of a bed is set by nobody
	sed -i 's/^\[backup\]/&\nclock = any/' \
	    "$T/$1/root/etc/kontinuum-node/backup.conf"
	yes "$1: timers" bed "$1" systemctl enable --now \
	    kn-backup.timer kn-backup-prune.timer
	[ "$(bed "$1" systemctl list-timers --no-legend --no-pager |
	    grep -c 'kn-backup\(-prune\)\?\.timer')" -eq 2 ]
	ok $? "$1: both will elapse"
	# not now, where it is an hour's end
	bed "$1" systemctl stop kn-backup.timer kn-backup-prune.timer
	yes "$1: a backup by hand" bed "$1" systemctl start kn-backup.service ||
	    bed "$1" journalctl --no-pager -n 20 -u kn-backup | sed 's/^/# /'
	"$bin/kn-store" -s "$T/world/run/store.sock" ls backups >"$T/said"
	grep -q day/ "$T/said"
	ok $? "$1: it is in the bucket"
	sed 's/^/# /' "$T/said"
	bed "$1" curl -s http://127.0.0.1:9100/metrics >"$T/metrics"
	grep -q '^kn_backup_last_success_timestamp_seconds{.*} [1-9]' "$T/metrics"
	ok $? "$1: and the metrics tell of it"
	yes "$1: old ones are looked for" bed "$1" systemctl start \
	    kn-backup-prune.service ||
	    bed "$1" journalctl --no-pager -n 20 -u kn-backup-prune | sed 's/^/# /'
}

yes "releases" release_tree && yes "a release" release_make 1.0.0 || finish
yes "the world outside" world_make || finish
ip -n "$hub" addr add $admin/24 dev br0

if day_walls a ufw; then
	yes "a: ufw is active" bed a sh -c 'ufw status | grep -qx "Status: active"'
	day_doctor a
	day_timers a
	yes "a: uninstall" bed a "$scripts/install.sh" --uninstall
	yes "a: closed ports stay so" silent $other a 7777
	yes "a: ssh stays open" reaches $other a 22
	give a "$T/rel/1.0.0"
	yes "a: purge" bed a /root/1.0.0/scripts/install.sh --uninstall --purge --yes
	yes "a: our rules go" bed a sh -c '! ufw status | grep Kontinuum &&
	    ! grep -r Kontinuum /etc/ufw'
	yes "a: but not ssh's, nor ufw" bed a sh -c \
	    'ufw status | grep -q "^22/tcp" && ufw status | grep -qx "Status: active"'
fi
bed_cut a
if day_walls b nft; then
	yes "b: the rules are loaded at boot" bed b sh -c \
	    'systemctl is-enabled nftables && nft -c -f /etc/nftables.conf'
	yes "b: uninstall" bed b "$scripts/install.sh" --uninstall
	yes "b: closed ports stay so" silent $other b 7777
	yes "b: ssh stays open" reaches $other b 22
	give b "$T/rel/1.0.0"
	yes "b: purge" bed b /root/1.0.0/scripts/install.sh --uninstall --purge --yes
	yes "b: our rules go" bed b sh -c '! nft list ruleset | grep kontinuum'
	yes "b: and the rest of nftables.conf can be loaded" bed b nft -c -f /etc/nftables.conf
fi
finish
