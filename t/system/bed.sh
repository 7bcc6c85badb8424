# SPDX-License-Identifier: ISC
# Hosts to test on: Debian roots in systemd-nspawn, each with a network namespace
# of its own, booted with the real supervisor.  Roots are built once and kept in
# $beds; a bed is a copy of one below $T, and goes away with it.
# Source it after t/lib.sh, with $here set to the folder of this file.

tree=$(cd "$here/../.." && pwd)
beds=${KN_BEDS:-$bin/beds}
hub=kn-hub-$$
bed_names=
bed_group=/sys/fs/cgroup/unified
[ -d "$bed_group" ] || bed_group=/sys/fs/cgroup
boot_wait=300 # seconds until a bed has booted, on a busy machine

# nspawn's own filter leaves these out
landlock='landlock_create_ruleset landlock_add_rule landlock_restrict_self'

# What every root holds besides the base: what a node needs, and what looks at it.
common=ca-certificates,iproute2,procps,jq,age,zstd,curl,sqlite3,minisign,s6,execline
common=$common,nftables,ufw,iputils-ping,openssl,util-linux

# Become this command, in a mount namespace and a control group of the test's.
contained() { # COMMAND...
	mkdir -p "$bed_group/kn-bed-$$"
	# shellcheck disable=SC2016 # of the shell within
	exec unshare -m sh -c 'echo $$ >"$1/cgroup.procs" 2>/dev/null; shift
	    exec "$@"' sh "$bed_group/kn-bed-$$" "$@"
}

bed_needs() { # KIND...: skip the whole file unless these can be made here
	[ "$(id -u)" -eq 0 ] || skip 'beds need root'
	for tool in debootstrap systemd-nspawn nsenter ip; do
		command -v "$tool" >/dev/null ||
		    skip "there is no $tool"
	done
	grep -q '^ID=debian' /etc/os-release || grep -q '^ID_LIKE=.*debian' \
	    /etc/os-release || skip 'beds are made on Debian'
	unshare -m true 2>/dev/null || skip 'mount namespaces are not allowed'
	ip netns add "$hub" 2>/dev/null ||
	    skip 'network namespaces are not allowed'
	trap 'beds_end; cleanup' EXIT
	for kind in "$@"; do
		root_make "$kind" >"$T/root-$kind.log" 2>&1 || {
			tail -n 20 "$T/root-$kind.log" | sed 's/^/# /'
			skip "no root of kind $kind could be made: see above"
		}
		[ "$kind" = vm ] || (contained systemd-nspawn -q \
		    -D "$beds/$kind" --register=no --keep-unit --private-network \
		    --machine="kn-$$-try" --console=pipe /bin/true) \
		    </dev/null >"$T/nspawn.log" 2>&1 || {
			tail -n 20 "$T/nspawn.log" | sed 's/^/# /'
			skip 'systemd-nspawn runs nothing here: see above'
		}
	done
	ip -n "$hub" link add name br0 type bridge
	ip -n "$hub" addr add 10.77.0.1/24 dev br0
	ip -n "$hub" link set br0 up
	ip -n "$hub" link set lo up
}

in_root() { # ROOT COMMAND...  without anything running in it
	unshare -m -p -f sh -c 'mount -t proc proc "$1/proc" && exec chroot "$@"' \
	    sh "$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	    LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	    ${http_proxy:+"http_proxy=$http_proxy"} \
	    ${https_proxy:+"https_proxy=$https_proxy"} \
	    sh -c 'shift; exec "$@"' sh "$@"
}

# The packages of the libraries that our programs are linked with.
libraries() {
	ldd "$bin"/kn-* | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u |
	    while read -r lib; do
		dpkg -S "$(readlink -f "$lib")" 2>/dev/null ||
		    dpkg -S "$lib" 2>/dev/null
	done | sed 's/:.*//' | sort -u
}

# Build the root of a kind in $beds, unless it is there, with all of $common.  Of
# several tests that want the same one, one builds it and the others wait.
root_make() { # systemd|openrc|plain|vm
	mkdir -p "$beds"
	(flock 9 && root_build "$1") 9>"$beds/$1.lock"
}

root_build() { # systemd|openrc|plain|vm
	[ "$(cat "$beds/$1.done" 2>/dev/null)" != "$common" ] || return 0
	rm -rf "${beds:?}/$1"
	case $1 in
	vm)
		root_make systemd &&
		    cp -a "$beds/systemd" "$beds/vm" &&
		    in_root "$beds/vm" apt-get update -q &&
		    in_root "$beds/vm" apt-get install -y -q \
		        --no-install-recommends linux-image-cloud-amd64 \
		        initramfs-tools || return 1 ;;
	openrc)
		root_make plain && cp -a "$beds/plain" "$beds/openrc" || return 1
		# nothing is to start while it is installed
		printf '#!/bin/sh\nexit 101\n' >"$beds/openrc/usr/sbin/policy-rc.d"
		chmod 755 "$beds/openrc/usr/sbin/policy-rc.d"
		in_root "$beds/openrc" apt-get update -q &&
		    in_root "$beds/openrc" apt-get install -y -q \
		        --no-install-recommends sysvinit-core openrc insserv ||
		    return 1
		rm "$beds/openrc/usr/sbin/policy-rc.d" ;;
	plain|systemd)
		more=
		[ "$1" = plain ] || more=,systemd,systemd-sysv,dbus
		libs=$(libraries | tr '\n' ',')
		debootstrap --variant=minbase \
		    --include="$libs$common$more" \
		    "$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")" \
		    "$beds/$1" || return 1 ;;
	esac
	echo "$common" >"$beds/$1.done"
}

# A new host NAME of this KIND, not running yet; $T/NAME/root is its root.
bed_new() { # NAME KIND
	root_make "$2" >"$T/root-$2.log" 2>&1 || {
		sed 's/^/# /' "$T/root-$2.log" | tail -n 20
		return 1
	}
	mkdir -p "$T/$1"
	cp -a --reflink=auto "$beds/$2" "$T/$1/root" || return 1
	echo "$2" >"$T/$1/kind"
	echo "$1" >"$T/$1/root/etc/hostname"
	# nothing is to happen at some time of the day that the test does not do
	for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all \
	    fstrim logrotate man-db; do
		[ ! -d "$T/$1/root/etc/systemd/system" ] ||
		    ln -sf /dev/null "$T/$1/root/etc/systemd/system/$timer.timer"
	done
	bed_names="$bed_names $1"
	bed_number=$((${bed_number:-1} + 1))
	echo "10.77.0.$bed_number" >"$T/$1/address"
	net=kn-bed-$$-$1
	ip netns add "$net" &&
	    ip link add "kv$$b$bed_number" netns "$hub" type veth \
	        peer name eth0 netns "$net" &&
	    ip -n "$hub" link set "kv$$b$bed_number" master br0 up &&
	    ip -n "$net" link set lo up &&
	    ip -n "$net" addr add "10.77.0.$bed_number/24" dev eth0 &&
	    ip -n "$net" link set eth0 up &&
	    ip -n "$net" route add default via 10.77.0.1
}

bed_address() { # NAME
	cat "$T/$1/address"
}

booted() { # NAME
	case $(cat "$T/$1/kind") in
	systemd) bed "$1" systemctl is-system-running 2>/dev/null |
	    grep -qx -e running -e degraded ;;
	openrc) [ -e "/proc/$(cat "$T/$1/leader")/root/run/openrc/softlevel" ] &&
	    bed "$1" rc-status 2>/dev/null | grep -q '^Runlevel: default' &&
	    ! [ -e "/proc/$(cat "$T/$1/leader")/root/run/openrc/rc.starting" ] ;;
	plain) bed "$1" true ;;
	esac
}

# Start it: its own init; a plain one has s6-svscan as its first process.
bed_boot() { # NAME
	name=$1
	if [ "$(cat "$T/$name/kind")" = plain ]; then
		mkdir -p "$T/$name/root/etc/service"
		set -- s6-svscan /etc/service
	else
		set -- -b
	fi
	set -- systemd-nspawn -q -D "$T/$name/root" --register=no --keep-unit \
	    --machine="kn-$$-$name" --resolv-conf=off --timezone=off \
	    --network-namespace-path="/run/netns/kn-bed-$$-$name" \
	    --system-call-filter="$landlock" --console=pipe "$@"
	contained "$@" </dev/null >>"$T/$name/console" 2>&1 &
	echo $! >"$T/$name/nspawn"
	tries=0
	until pgrep -P "$(cat "$T/$name/nspawn")" >"$T/$name/leader" &&
	    booted "$name"; do
		tries=$((tries + 1))
		if [ $tries -ge $((boot_wait * 5)) ] ||
		    ! kill -0 "$(cat "$T/$name/nspawn")" 2>/dev/null; then
			tail -n 20 "$T/$name/console" | sed 's/^/# /'
			return 1
		fi
		sleep 0.2
	done
}

# Run a command there.
bed() { # NAME COMMAND...
	bed_of=$1
	shift
	nsenter -t "$(cat "$T/$bed_of/leader")" -a \
	    env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
	    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	    "$@"
}

# Until a command there succeeds; if it does not, what it said.
bed_until() { # NAME COMMAND...
	tries=0
	until bed "$@" >"$T/until" 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || { cat "$T/until"; return 1; }
		sleep 0.2
	done
}

# Beyond the bridge, where a peer or an operator stands.
outside() { # COMMAND...
	ip netns exec "$hub" "$@"
}

# The end of a bed as a power cut has it: nothing is asked.  It can be booted again.
bed_cut() { # NAME
	leader=$(cat "$T/$1/leader" 2>/dev/null) || return 0
	nspawn=$(cat "$T/$1/nspawn")
	kill -9 "$leader" 2>/dev/null
	tries=0
	while kill -0 "$nspawn" 2>/dev/null && [ $tries -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	kill -9 "$nspawn" 2>/dev/null
	wait "$nspawn" 2>/dev/null
	rm -f "$T/$1/leader" "$T/$1/nspawn"
}

beds_end() {
	for name in $bed_names; do
		[ ! -e "$T/$name/leader" ] || bed_cut "$name"
		ip netns del "kn-bed-$$-$name" 2>/dev/null
	done
	for hierarchy in /sys/fs/cgroup "$bed_group" /sys/fs/cgroup/systemd; do
		[ ! -d "$hierarchy" ] || find "$hierarchy" -depth -type d \
		    \( -path "*/kn-bed-$$" -o -path "*/kn-bed-$$/*" \) \
		    -exec rmdir {} + 2>/dev/null
	done
	# nspawn makes these two in the old hierarchy of systemd
	rmdir /sys/fs/cgroup/*/payload /sys/fs/cgroup/*/supervisor 2>/dev/null
	for pid in $pids; do
		kill "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	ip netns del "$hub" 2>/dev/null
}
