#!/bin/sh
# SPDX-License-Identifier: ISC
# A node on this host: users, directories, a release, services, and whatever
# else is missing.  A second run changes nothing.  install.sh(8).
# shellcheck disable=SC2154 # node.sh and releases.sh set what they say they set
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/node.sh"
. "$here/releases.sh"
. "$here/accounts.sh"

usage() {
	cat <<'END'
usage: install.sh [options]              install, or mend what is installed
       install.sh --check [--json]       the next step until the node is ready
       install.sh --uninstall [--purge]  remove it; --purge: data and keys too

options:
  --release FILE      install this release; else what this script came with:
                      an unpacked release, or the programs built in its tree
  --pubkey FILE       who signed it (/etc/kontinuum-node/release.pub)
  --unsigned          take a release that nobody has signed
  --prefix DIR        programs go there (/usr/local)
  --root DIR          everything goes below DIR, and nothing is started
  --supervisor NAME   systemd, openrc, s6 or none, instead of what runs here
  --scandir DIR       the scan directory of s6
  --tier NAME         anchor, server-small, server-medium, server-large, vps, home
  --force             although the host is too small for the tier
  --s3-port N         port of the S3 API (9000)
  --metrics-port N    port of the metrics (9100)
  --firewall KIND     nft, ufw or none (none: no rule is touched)
  --ssh-port N        which stays open, before anything is closed
  --admin CIDR        may reach the metrics; may be given again
  --yes               say yes to what is asked (packages, UDP buffers)
  --dry-run           say what would be done, do nothing
  --json              one object instead of words
  --help              show this page and exit

  install.sh --release kontinuum-node-1.0.0-x86_64.tar.gz --pubkey release.pub
  install.sh --check           # what comes next, and the command for it

Exit: 0 done (--check: the node is ready); 1 no; 100 you; 111 the system.
END
}

tarball='' pubkey='' unsigned='' check='' dry='' uninstall='' purge='' force=''
tier='' ssh_port='' admins='' firewall=none yes='' json='' s3_port=''
metrics_port=''
while [ $# -gt 0 ]; do
	case $1 in
	--release | --pubkey | --prefix | --root | --supervisor | --scandir | \
	    --tier | --s3-port | --metrics-port | --firewall | --ssh-port | --admin)
		value=$(operand "$@") || exit 100 ;;
	esac
	case $1 in
	--release) tarball=$value; shift ;;
	--pubkey) pubkey=$value; shift ;;
	--unsigned) unsigned=yes ;;
	--prefix) node_prefix=${value%/}; shift ;;
	--root) node_root=$value; shift ;;
	--supervisor) node_supervisor=$value; shift ;;
	--scandir) node_scandir=$value; shift ;;
	--tier) tier=$value; shift ;;
	--force) force=yes ;;
	--s3-port) s3_port=$value; shift ;;
	--metrics-port) metrics_port=$value; shift ;;
	--firewall) firewall=$value; shift ;;
	--ssh-port) ssh_port=$value; shift ;;
	--admin) admins="$admins $value"; shift ;;
	--yes) yes=yes ;;
	--check) check=yes ;;
	--dry-run) dry=yes ;;
	--uninstall) uninstall=yes ;;
	--purge) purge=yes ;;
	--json) json=yes ;;
	-h | --help) usage; exit 0 ;;
	*) wrong "what is $1?  See --help" ;;
	esac
	shift
done

port_number() { # OPTION VALUE
	case $2 in '' | *[!0-9]* | ??????*) wrong "$1: $2 is no port" ;; esac
	[ "$2" -ge 1 ] && [ "$2" -le 65535 ] || wrong "$1: $2 is no port"
}

check_options() {
	case $firewall in
	nft | ufw | none) ;;
	*) wrong "--firewall: nft, ufw or none, not $firewall" ;;
	esac
	[ -z "$s3_port" ] || port_number --s3-port "$s3_port"
	[ -z "$metrics_port" ] || port_number --metrics-port "$metrics_port"
	[ -z "$s3_port" ] || [ "$s3_port" != "$metrics_port" ] ||
	    wrong "--s3-port and --metrics-port: two programs cannot have one port"
	[ -z "$ssh_port" ] || port_number --ssh-port "$ssh_port"
	case $node_prefix in
	/*[!A-Za-z0-9._/-]* | [!/]*) wrong "--prefix: a path of letters, digits, . _ - that begins with /" ;;
	esac
	for admin in $admins; do
		case $admin in
		*[!0-9a-fA-F.:/]*) wrong "--admin: $admin is no address or network" ;;
		esac
	done
	[ -z "$tier" ] || fact tier "$tier" tier >/dev/null ||
	    wrong "--tier: one of $(facts tier | tr '\n' ' ')"
	if [ -n "$node_root" ]; then
		[ -d "$node_root" ] || wrong "--root: $node_root is no directory"
		node_root=$(cd "$node_root" && pwd -P)
		[ "$node_root" != / ] || node_root=
	fi
}

# --- doing and saying ---

changes=
act() { # WHAT COMMAND…
	what=$1
	shift
	changes="$changes$what
"
	if [ -n "$dry" ]; then
		[ -n "$json" ] || say "would: $what"
		return 0
	fi
	[ -n "$json" ] || say "$what"
	"$@" || broken "it went wrong: $what"
}

tell() { [ -n "$json" ] || say "$@"; }

asked() { # QUESTION: yes by --yes, or by who sits there
	[ -z "$yes" ] || return 0
	[ -t 0 ] && [ -t 1 ] && [ -z "$dry" ] || return 1
	printf '%s [y/N] ' "$1"
	read -r answer && case $answer in [yY]*) return 0 ;; esac
	return 1
}

# --- the host ---

fits_tier() { # NAME: 0, or what is too small on stdout
	cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc)
	kb=$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)
	at=$(path_of lib)
	while [ ! -d "$at" ]; do at=$(dirname "$at"); done
	gb=$(df -Pk "$at" | awk 'NR == 2 { printf "%d", $2 * 1024 / 1e9 }')
	want=$(fact tier "$1" cores)
	[ "$cores" -ge "$want" ] || echo "it has $cores cores of $want"
	want=$(fact tier "$1" memory)
	# the kernel keeps a part for itself
	[ "$kb" -ge $((want * 900000)) ] ||
	    echo "it has $((kb / 1000)) MB of memory of $want GB"
	want=$(fact tier "$1" disk)
	[ "$gb" -ge $((want * 9 / 10)) ] || echo "it has $gb GB of disk of $want"
}

check_tier() {
	[ -n "$tier" ] || return 0
	lacks=$(fits_tier "$tier" | paste -s -d ';' - | sed 's/;/; /g')
	[ -z "$lacks" ] || [ -n "$force" ] ||
	    no "this host cannot hold tier $tier: $lacks.  Take a smaller one, or say --force"
}

# Who listens on a TCP port: NAME PID; nothing when nobody does or it is ours.
holder() { # PORT
	if command -v ss >/dev/null 2>&1; then
		ss -Hltnp "sport = :$1" 2>/dev/null |
		    sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 \2/p;t
		    s/^LISTEN.*/another-program ?/p' | head -n 1
	elif awk -v p="$(printf ':%04X' "$1")" '$4 == "0A" && substr($2,
	    length($2) - 4) == p { found = 1 } END { exit !found }' \
	    /proc/net/tcp /proc/net/tcp6 2>/dev/null; then
		echo 'another-program ?'
	fi | grep -v '^kn-' || true
}

free_port() { # FROM
	port=$1
	while [ -n "$(holder "$port")" ]; do port=$((port + 1)); done
	echo "$port"
}

# Ports of the configuration, or those that a new one will have.
node_port() { # s3|metrics
	case $1 in s3) section=store asked=$s3_port ;; *) section=metrics asked=$metrics_port ;; esac
	if [ -e "$node_ini" ]; then
		# it may be for users that only the host below --root has
		{ ini $section listen ||
		    sed -n "/^\[$section]/,/^\[/s/^listen *= *//p" "$node_ini"; } |
		    sed -n '1s/.*://p' | grep . && return
	fi
	[ -z "$asked" ] || { echo "$asked"; return; }
	fact port "$1" number
}

# A configuration that is there has its ports, and is not written over.
check_ports() {
	[ -e "$node_ini" ] || return 0
	for name in s3 metrics; do
		port=$(node_port $name)
		case $name in s3) asked=$s3_port ;; *) asked=$metrics_port ;; esac
		[ -z "$asked" ] || [ "$asked" = "$port" ] ||
		    wrong "--$name-port: $node_ini says $port; change it there, then this again without the option"
	done
}

# What others hold of our ports: NAME PORT HOLDER PID lines.
conflicts() {
	[ -z "$node_root" ] || return 0
	for name in p2p s3 metrics; do
		case $name in
		p2p) port=$(fact port p2p number) ;;
		*)
			port=$(node_port $name)
			# systemd listens for us
			[ "$node_supervisor" != systemd ] ||
			    ! systemctl -q is-active "kn-$name.socket" 2>/dev/null || continue ;;
		esac
		who=$(holder "$port")
		[ -z "$who" ] || echo "$name $port $who"
	done
}

say_conflicts() {
	conflicts >"$work/conflicts"
	[ -s "$work/conflicts" ] || return 0
	while read -r name port who pid; do
		note "port $port ($name) is held by $who (process $pid)"
	done <"$work/conflicts"
	if [ ! -e "$node_ini" ]; then
		note "free are: --s3-port $(free_port "$(node_port s3)") --metrics-port $(free_port "$(node_port metrics)")"
	else
		note "change the address in $node_ini, or stop that program"
	fi
}

# --- what is installed ---

install_packages() {
	[ -z "$node_root" ] || return 0
	distro=$(distribution)
	set --
	# shellcheck disable=SC2046 # one word a package
	[ -z "$(missing_libraries "$from")" ] ||
	    set -- $(sed -n "s/^package $distro //p" "$from/needs")
	for tool in $(sed -n "s/^tool $distro //p" "$from/needs"); do
		command -v "$tool" >/dev/null 2>&1 || has_package "$tool" ||
		    set -- "$@" "$tool"
	done
	if [ $# -eq 0 ]; then
		[ -z "$(missing_libraries "$from")" ] ||
		    no "libraries are missing, and this release was built for another distribution: $(missing_libraries "$from" | tr '\n' ' ')"
		return 0
	fi
	case $distro in
	debian) set -- apt-get install -y --no-install-recommends "$@" ;;
	alpine) set -- apk add "$@" ;;
	fedora) set -- dnf install -y "$@" ;;
	arch) set -- pacman -S --noconfirm --needed "$@" ;;
	esac
	[ -n "$dry" ] || { is_root &&
	    asked "These packages are missing: run $*?"; } ||
	    no "packages are missing: run  $*  and then this again, or say --yes"
	act "packages: $*" packages "$@"
}

has_package() { # NAME
	case $distro in
	debian) dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
	    grep -qx installed ;;
	alpine) apk info -e "$1" >/dev/null 2>&1 ;;
	fedora) rpm -q "$1" >/dev/null 2>&1 ;;
	arch) pacman -Qq "$1" >/dev/null 2>&1 ;;
	esac
}

packages() {
	[ "$1" != apt-get ] || apt-get update -qq
	DEBIAN_FRONTEND=noninteractive "$@" </dev/null >&2
}

# Keys that kn-keygen made for root are the signer's; it takes no others.
own_keys() {
	for file in node.key master.key node.cert node.ini; do
		path=$(path_of "$(fact file $file dir)")/$file
		[ -f "$path" ] || continue
		mode=$(fact file $file mode | sed 's/^0//')
		own=$(fact file $file owner):$(fact file $file group)
		! may_own || [ "$(stat -c %U:%G "$path")" = "$own" ] ||
		    act "owner $own of $path" chown "$own" "$path"
		[ "$(stat -c %a "$path")" = "$mode" ] ||
		    act "mode $mode of $path" chmod "$mode" "$path"
	done
}

# A directory $from with what is to be installed, and $version.
find_release() {
	if [ -n "$tarball" ]; then
		[ -r "$tarball" ] || wrong "$tarball cannot be read"
		take_tarball "$tarball"
		[ -n "$unsigned" ] ||
		    check_signature "${pubkey:-$(path_of etc)/release.pub}"
		mkdir -p "$work/lib"
		real=$node_lib node_lib=$work/lib
		unpack_release
		node_lib=$real
		version=$release_version from=$work/lib/.new/$release_version
	elif [ -f "$here/../SHA256SUMS" ]; then
		from=$(cd "$here/.." && pwd -P)
		check_sums "$from" >/dev/null ||
		    no "the release that this script stands in is damaged: say --release FILE"
		version=${from##*/}
		version=${version%%+*}
	else
		[ -x "$node_bin/kn-signd" ] || wrong "nothing to install: build it (make), or say --release FILE"
		version=$(sed -n 's/^\([0-9][0-9.]*\).*/\1/p' "$here/../CHANGES" | head -n 1)
		from=$work/tree
		"$here/release.sh" --build "$node_bin" --version "$version" \
		    --tree "$from" || exit
	fi
}

install_release() {
	! name_release "$from" "$version" ||
	    act "release $release in $node_lib" do_place
	was=$(current_release) || was=
	# a link that leads nowhere is no release that was before
	[ -f "$node_lib/$was/SHA256SUMS" ] || was=
	[ "$was" = "$release" ] && return
	# of the same programs, a damaged one makes way for a whole one
	if [ -n "$was" ] && is_live && runs &&
	    ! cmp -s "$node_lib/$was/code" "$from/code"; then
		no "$was runs here: upgrade.sh brings it to $release"
	fi
	[ -z "$was" ] || act "$was is the release before" swap_link "$was" "$node_lib/previous"
	act "$release is the current release" swap_link "$release" "$node_lib/current"
}

do_place() {
	mkdir -p "$node_lib" || broken "$node_lib cannot be made"
	copy_release "$from" "$version"
	place_release || true
}

runs() {
	for name in $(node_services); do
		! service_pid "$name" >/dev/null || return 0
	done
	return 1
}

# node.ini of the template, with what was asked for.
render_ini() {
	sed -e "/^\[store]/,/^\[/s,^\(listen = .*:\).*,\1$(node_port s3)," \
	    -e "/^\[metrics]/,/^\[/s,^\(listen = .*:\).*,\1$(node_port metrics)," \
	    "$from/sv/node.ini" >"$work/ini"
	[ -z "$tier" ] || sed -i -e "s/^tier = .*/tier = $(fact tier "$tier" tier)/" \
	    -e "s/^max_total_gb = .*/max_total_gb = $(fact tier "$tier" disk)/" "$work/ini"
}

install_ini() {
	example=$(path_of etc)/backup.conf.example
	cmp -s "$from/scripts/backup.conf.example" "$example" ||
	    act "$example" place "$from/scripts/backup.conf.example" "$example" 0644 root:root
	if [ ! -e "$node_ini" ]; then
		render_ini
		act "$node_ini" place "$work/ini" "$node_ini" 0644 root:root
	elif [ -n "$was" ] && [ "$was" != "$release" ] &&
	    [ -f "$node_lib/$was/sv/node.ini" ] &&
	    ! cmp -s "$node_lib/$was/sv/node.ini" "$from/sv/node.ini" &&
	    ! cmp -s "$from/sv/node.ini" "$node_ini.new"; then
		act "$node_ini.new: the template has changed, yours has not" \
		    place "$from/sv/node.ini" "$node_ini.new" 0644 root:root
	fi
}

# Started at boot from now on; install.sh itself starts nothing.
install_services() {
	if [ -n "$dry" ]; then
		for file in $(changed_units "$from"); do act "$file" true; done
		[ -z "$was" ] || for file in $(gone_units "$node_lib/$was" "$from"); do
			act "$file goes" true
		done
		return
	fi
	{
		lay_links "$from"
		lay_units "$from"
		other_ports
		# services that this release has no more
		[ -z "$was" ] || drop_units "$node_lib/$was" "$from" | sed 's/$/ goes/'
	} >"$work/laid"
	while read -r file; do act "$file" true; done <"$work/laid"
	[ ! -s "$work/laid" ] || [ "$node_supervisor" != systemd ] || ! is_live ||
	    supervisor_reload
}

# systemd listens for the programs: it has to know of other ports.
other_ports() {
	[ "$node_supervisor" = systemd ] || return 0
	for name in s3 metrics; do
		drop=$node_root/etc/systemd/system/kn-$name.socket.d/50-port.conf
		port=$(node_port $name)
		if [ "$port" = "$(fact port $name number)" ]; then
			[ ! -e "$drop" ] || { rm -f "$drop" && echo "$drop"; }
			continue
		fi
		mkdir -p "${drop%/*}"
		printf '# from node.ini, by install.sh\n[Socket]\nListenStream=\nListenStream=127.0.0.1:%s\n' \
		    "$port" >"$work/port"
		! place "$work/port" "$drop" 0644 root:root || echo "$drop"
	done
}

# Room for what QUIC and bursts of datagrams need.
install_sysctl() {
	conf=$node_root/etc/sysctl.d/60-kontinuum-node.conf
	cat >"$work/sysctl" <<-'END'
	# UDP buffers of the Kontinuum node; install.sh wrote this
	net.core.rmem_max = 7500000
	net.core.wmem_max = 7500000
	END
	cmp -s "$work/sysctl" "$conf" && return
	if asked "Raise the limits of UDP buffers to 7.5 MB (sysctl)?"; then
		act "$conf" do_sysctl
	else
		tell "UDP buffers stay as they are (--yes raises them)"
	fi
}

do_sysctl() {
	mkdir -p "$node_root/etc/sysctl.d"
	place "$work/sysctl" "$conf" 0644 root:root
	[ -n "$node_root" ] || sysctl -q -p "$conf" >&2 ||
	    note "the kernel does not allow it here; on the host: sysctl -p $conf"
}

# --- the firewall: only when it is asked for, ssh first ---

ask_ssh_port() {
	[ -z "$ssh_port" ] || return 0
	guess=$(ssh_port_now)
	if [ -t 0 ] && [ -z "$json" ]; then
		printf 'On which port does ssh reach this host? [%s] ' "$guess"
		read -r ssh_port || wrong "no answer: say --ssh-port N"
		ssh_port=${ssh_port:-$guess}
		port_number --ssh-port "$ssh_port"
	else
		wrong "--firewall wants --ssh-port N (it is $guess?), so that nobody is locked out"
	fi
}

install_firewall() {
	case $firewall in
	nft) firewall_nft ;;
	ufw) firewall_ufw ;;
	esac
}

firewall_nft() {
	rules=$(path_of etc)/firewall.nft
	sed -e "s/^define ssh_port = .*/define ssh_port = $ssh_port/" \
	    -e "s/\(admin[46] tcp dport { \)9100,/\1$(node_port metrics),/" \
	    -e "s,/etc/kontinuum-node/firewall/,$(path_of etc)/firewall/," \
	    "$from/sv/firewall/kontinuum-node.nft" >"$work/nft"
	: >"$work/admin"
	for admin in $admins; do
		case $admin in *:*) set_of=admin6 ;; *) set_of=admin4 ;; esac
		echo "add element inet kontinuum $set_of { $admin }" >>"$work/admin"
	done
	[ -z "$node_root" ] || sed -i "s,$node_root,," "$work/nft"
	hook=$(nft_hook)
	fresh=
	[ -d "$(path_of etc)/firewall" ] ||
	    act "directory $(path_of etc)/firewall" mkdir -p "$(path_of etc)/firewall"
	[ ! -s "$work/admin" ] || cmp -s "$work/admin" "$(path_of etc)/firewall/admin.nft" || {
		fresh=yes
		act "rules for administrators" place "$work/admin" \
		    "$(path_of etc)/firewall/admin.nft" 0644 root:root
	}
	cmp -s "$work/nft" "$rules" || {
		fresh=yes
		act "rules in $rules (ssh: $ssh_port)" place "$work/nft" "$rules" 0644 root:root
	}
	grep -q kontinuum-node/firewall.nft "$hook" 2>/dev/null ||
	    act "$hook loads them at boot" hook_nft
	[ -n "$node_root" ] && return
	{ [ -z "$fresh" ] && nft list table inet kontinuum >/dev/null 2>&1; } ||
	    act "the rules are in force" nft -f "$rules"
}

# What this host loads at boot: OpenRC's service says it, or its default, in conf.d.
nft_hook() {
	rules_file=$(sed -n 's/^#*rules_file="*\([^"]*\)"*$/\1/p' \
	    "$node_root/etc/conf.d/nftables" 2>/dev/null | tail -n 1)
	[ ! -e "$node_root/etc/sysconfig/nftables.conf" ] ||
	    rules_file=/etc/sysconfig/nftables.conf
	echo "$node_root${rules_file:-/etc/nftables.conf}"
}

# Rules that are there may close ssh at the next boot, whatever ours let in: they
# are not put in force by us.
hook_nft() {
	cp "$hook" "$work/hook" 2>/dev/null || printf '#!/usr/sbin/nft -f\n' >"$work/hook"
	closes=
	! grep -q 'policy drop' "$work/hook" || closes=yes
	echo 'include "/etc/kontinuum-node/firewall.nft"' >>"$work/hook"
	mkdir -p "${hook%/*}"
	place "$work/hook" "$hook" 0755 root:root
	if [ -n "$closes" ]; then
		note "$hook has rules of its own that drop what they do not name, ssh perhaps: edit it, then see that it is loaded at boot"
		return 0
	fi
	[ -n "$node_root" ] && return
	case $node_supervisor in
	systemd) systemctl -q enable nftables.service 2>/dev/null ;;
	openrc) rc-update -q add nftables boot 2>/dev/null ;;
	*) false ;;
	esac || note "see that nft -f $hook is run at boot"
}

firewall_ufw() {
	profile=$node_root/etc/ufw/applications.d/kontinuum-node
	mkdir -p "$work/ufw"
	sed "s,^ports=9100/,ports=$(node_port metrics)/," \
	    "$from/sv/firewall/kontinuum-node" >"$work/ufw/profile"
	cmp -s "$work/ufw/profile" "$profile" || {
		[ -n "$dry" ] || mkdir -p "${profile%/*}"
		act "$profile" place "$work/ufw/profile" "$profile" 0644 root:root
	}
	# shellcheck disable=SC2086 # one word an address
	sh "$from/sv/firewall/ufw.sh" "$ssh_port" $admins >"$work/ufw/commands" || exit
	cmp -s "$work/ufw/commands" "$(path_of etc)/ufw.sh" && return
	if [ -n "$node_root" ]; then
		act "$(path_of etc)/ufw.sh, to be run on the host" \
		    place "$work/ufw/commands" "$(path_of etc)/ufw.sh" 0644
	else
		act "ufw: ssh ($ssh_port) and the node may be reached" do_ufw
	fi
}

do_ufw() {
	sh -e "$work/ufw/commands" >&2 && place "$work/ufw/commands" \
	    "$(path_of etc)/ufw.sh" 0644 root:root
}

# --- what comes next ---

# The first step of the way that is not done: $step, the $command for it, and
# what it $lacks.  Those before it are in $steps.
next_step() {
	steps=''
	for step in install identity keys request certificate start ready; do
		command='' lacks=''
		"step_$step" || return 0
		steps="$steps$step
"
	done
	step='done' command='' lacks=''
}

step_install() {
	lacks=$(not_installed | head -n 1)
	command="$here/install.sh${node_root:+ --root $node_root}"
	[ -z "$lacks" ]
}

not_installed() {
	for name in signd p2pd dht store metrics keygen cert p2p drain; do
		[ -x "$node_root$node_prefix/bin/kn-$name" ] || echo "no kn-$name in $node_root$node_prefix/bin"
	done
	if [ -d "$node_lib/current" ]; then
		check_sums "$node_lib/current/" >/dev/null ||
		    echo "the release $(current_release) is damaged"
		[ -n "$node_root" ] || [ -z "$(missing_libraries "$node_lib/current")" ] ||
		    echo "shared libraries are missing: $(missing_libraries "$node_lib/current" | tr '\n' ' ')"
	fi
	[ -n "$node_root" ] || ! is_root || for user in $(facts user); do
		id "$user" >/dev/null 2>&1 || echo "there is no user $user"
	done
	for dir in $(facts dir); do
		case $dir in run | stat) continue ;; esac # made at boot
		[ -d "$(path_of "$dir")" ] || echo "there is no $(path_of "$dir")"
	done
	[ -e "$node_ini" ] || echo "there is no $node_ini"
	[ ! -d "$node_lib/current" ] || for file in $(changed_units "$node_lib/current"); do
		echo "$file is not what the release has"
	done
}

step_identity() {
	keys=$(path_of keys)
	lacks="there is no $keys/node.key"
	command="kn-keygen --master-new $keys/master.key && kn-keygen --master-file $keys/master.key --output $keys/node.key"
	[ ! -e "$keys/master.key" ] ||
	    command="kn-keygen --master-file $keys/master.key --output $keys/node.key"
	[ -e "$keys/node.key" ]
}

step_keys() {
	command="$here/install.sh${node_root:+ --root $node_root}"
	! may_own || for name in node.key master.key; do
		path=$(path_of keys)/$name
		[ -f "$path" ] || continue
		own=$(fact file $name owner):$(fact file $name group)
		command="chown $own $path && chmod $(fact file $name mode) $path"
		lacks="$path is not $own with mode $(fact file $name mode)"
		[ "$(stat -c %U:%G:%a "$path")" = "$own:$(fact file $name mode | sed 's/^0//')" ] || return 1
	done
}

step_request() {
	lacks="no certificate was asked for"
	command="kn-cert request --key $keys/node.key --master-file $keys/master.key --role server --tier $(node_tier) --output $keys/node.req"
	[ -e "$keys/node.req" ] || [ -e "$keys/node.cert" ]
}

step_certificate() {
	roots=$(path_of roots)
	command="kn-cert verify --roots $roots $keys/node.cert"
	lacks="give $keys/node.req to who runs the network; put the certificate that comes back into $keys/node.cert, and the keys it is signed with into $roots"
	[ -e "$keys/node.cert" ] || return 1
	lacks=$("$node_bin/kn-cert" verify --roots "$roots" "$keys/node.cert" 2>&1 >/dev/null) || {
		lacks="the certificate does not verify: $lacks"
		return 1
	}
	# root verified it; a copy under umask 077 is root's alone
	for file in "$keys/node.cert" "$roots"/*.pub; do
		command="chmod 0644 $file"
		lacks="$file cannot be read by kn-p2pd"
		case $(stat -c %a "$file") in *[4567]) ;; *) return 1 ;; esac
	done
}

step_start() {
	command=$(service_command start)
	lacks="the services do not run"
	is_live || {
		lacks="the services do not run: no supervisor runs here"
		return 1
	}
	down=
	for name in $(node_services); do
		service_ready "$name" || down="$down $name"
	done
	lacks="not running:$down"
	[ -z "$down" ]
}

step_ready() {
	probe="$node_bin/kn-metrics --config $node_ini --probe readyz"
	command="$node_prefix/bin/kn-metrics --probe readyz"
	[ -x "$node_bin/kn-metrics" ] || return 0
	lacks=$($probe 2>&1 >/dev/null) && return
	lacks=$(printf '%s\n' "$lacks" | awk '
	    { sub(/^kn-metrics: /, ""); printf "%s%s", (NR == 1 ? "" : "; "), $0 }')
	lacks="it is not ready: $lacks"
	return 1
}

# What keeps no node from being ready, and should be done as well.
also() {
	scripts=$node_prefix/lib/kontinuum-node/current/scripts
	etc=$(path_of etc)
	[ -e "$(path_of keys)/node.key" ] || return 0
	KN_ROOT=$node_root PREFIX=$node_prefix "$here/keycopies.sh" status >/dev/null 2>&1 ||
	    echo "copies of the node's key elsewhere, before it is needed: $scripts/keycopies.sh --help"
	if [ ! -e "$etc/backup.conf" ]; then
		echo "backups: cp $etc/backup.conf.example $etc/backup.conf; edit it; its credentials: chown kn-store, chmod 0400"
	elif [ "$node_supervisor" != systemd ]; then
		echo "backups by the clock: cron reads /etc/cron.d/kontinuum-node; where it does not, put those lines into root's crontab"
	elif [ ! -L "$node_root/etc/systemd/system/timers.target.wants/kn-backup.timer" ]; then
		echo "backups by the clock: systemctl enable --now kn-backup.timer kn-backup-prune.timer"
	fi
	echo "what this host lacks for a node: $scripts/doctor.sh"
}

say_step() {
	if [ "$step" = "done" ]; then
		say "The node is installed, certified, started and ready."
	else
		say "Next: $step ($lacks)"
		say "  $command"
	fi
	also | sed 's/^/Also: /'
}

step_json() {
	printf '%s' "$steps" | jq -Rnc --arg step "$step" --arg command "$command" \
	    --arg lacks "$lacks" --argjson also "$(also | json_lines)" \
	    '{step: $step, command: $command, lacks: $lacks, done: [inputs], also: $also}'
}

do_check() {
	next_step
	if [ -n "$json" ]; then
		step_json
	else
		say_conflicts
		printf '%s' "$steps" | sed 's/^/done: /'
		say_step
	fi
	[ "$step" = "done" ]
}

# Who may not look would find that nothing is there, and be told to make it again.
must_see_keys() {
	_keys=$(path_of keys)
	[ ! -d "$_keys" ] || [ -x "$_keys" ] ||
	    wrong "only root can see into $_keys: run this as root"
}

must_be_root() {
	is_root || [ -n "$node_root$dry" ] ||
	    wrong "only root can do that: run this as root, or say --root DIR or --dry-run"
}

# --- and away again ---

do_uninstall() {
	# those of the release go away with it
	cp "$node_facts" "$work/facts"
	node_facts=$work/facts
	check_prefix
	[ -n "$dry" ] || [ ! -d "$node_state" ] || lock_node "run install.sh"
	from=$node_lib/current
	units=$([ ! -d "$from" ] || unit_files "$from" | cut -f 2)
	if is_live && runs; then
		for name in $(node_services | sed '1!G;h;$!d'); do
			! service_pid "$name" >/dev/null ||
			    act "$name is stopped" service_stop "$name"
		done
		[ -n "$dry" ] || for name in $(node_services); do
			service_wait_down "$name" 100 ||
			    no "$name does not stop; stop it by hand, then this again"
		done
	fi
	[ "$node_supervisor" != systemd ] || ! is_live || [ -n "$dry" ] ||
	    systemctl stop kontinuum-node.target kn-backup.timer \
	    kn-backup-prune.timer 2>/dev/null || true
	for file in "$node_root$node_prefix"/bin/kn-* \
	    "$node_root$node_prefix"/share/man/man[1-8]/*; do
		case $(readlink "$file") in
		*lib/kontinuum-node/current/*) act "$file goes" rm -f "$file" ;;
		esac
	done
	for file in $units "$node_root/etc/sysctl.d/60-kontinuum-node.conf"; do
		[ ! -f "$file" ] || act "$file goes" rm -f "$file"
	done
	unlink_units
	[ ! -d "$(s6_home)" ] || act "$(s6_home) goes" rm -rf "$(s6_home)"
	[ ! -d "$node_lib" ] || act "$node_lib goes" rm -rf "$node_lib"
	[ "$node_supervisor" != systemd ] || ! is_live || [ -n "$dry" ] || supervisor_reload
	[ -z "$purge" ] || do_purge
	[ -z "$json" ] || printf '%s' "$changes" | jq -Rnc '{changes: [inputs]}'
	[ -n "$changes" ] || tell "Nothing of it is installed."
	if [ -n "$purge" ]; then
		tell "The users and the group $(facts group) stay: files elsewhere may be theirs."
	else
		tell "Kept: $(path_of etc), $(path_of lib), $(path_of log) (--purge removes them)."
	fi
}

unlink_units() {
	for file in "$node_root"/etc/systemd/system/*.wants/kn-* \
	    "$node_root"/etc/systemd/system/*.wants/kontinuum-node* \
	    "$node_root"/etc/systemd/system/kn-*.d/50-*.conf \
	    "$node_root"/etc/runlevels/default/kn-*; do
		[ ! -e "$file" ] && [ ! -L "$file" ] || act "$file goes" rm -f "$file"
	done
	[ -n "$dry" ] || rmdir "$node_root"/etc/systemd/system/kn-*.d \
	    "$node_root"/etc/systemd/system/kontinuum-node.target.wants 2>/dev/null || true
	[ "$node_supervisor" = s6 ] || return 0
	for name in $(node_services); do
		[ -L "$node_scandir/$name" ] || continue
		act "$node_scandir/$name goes" rm -f "$node_scandir/$name"
	done
	! is_live || [ -n "$dry" ] || s6-svscanctl -an "$node_scandir"
}

# The rules go when what nftables.conf includes goes: not without it.
unhook_nft() {
	hook=$(nft_hook)
	grep -q kontinuum-node/firewall.nft "$hook" 2>/dev/null || return 0
	grep -v kontinuum-node/firewall.nft "$hook" >"$work/hook" || true
	act "$hook no longer loads our rules" place "$work/hook" "$hook" 0755 root:root
	[ -n "$node_root" ] || [ -n "$dry" ] ||
	    nft delete table inet kontinuum 2>/dev/null || true
}

# What names our profile goes before it does; ssh's rule stays, and ufw is on.
unhook_ufw() {
	profile=$node_root/etc/ufw/applications.d/kontinuum-node
	[ -e "$profile" ] || return 0
	[ -n "$node_root" ] || [ ! -e "$(path_of etc)/ufw.sh" ] || {
		sed -n '/Kontinuum/s/^ufw allow/ufw --force delete allow/p' \
		    "$(path_of etc)/ufw.sh" >"$work/unhook"
		act "the rules of ufw for the node go" sh -e "$work/unhook" >&2
	}
	act "$profile goes" rm -f "$profile"
}

do_purge() {
	for dir in etc lib log run; do
		[ -d "$(path_of $dir)" ] || continue
		[ -n "$dry" ] || asked "Remove $(path_of $dir) with all that is in it, for ever?" ||
		    no "$(path_of $dir) stays: --purge wants a yes, or --yes"
		[ $dir != etc ] || { unhook_nft; unhook_ufw; }
		act "$(path_of $dir) goes" rm -rf "$(path_of $dir)"
	done
	[ ! -e "$node_root/etc/conf.d/kontinuum-node" ] ||
	    act "$node_root/etc/conf.d/kontinuum-node goes" rm -f "$node_root/etc/conf.d/kontinuum-node"
}

do_install() {
	check_prefix
	find_release
	node_facts=$from/sv/facts
	check_tier
	check_ports
	say_conflicts
	[ "$firewall" = none ] || ask_ssh_port
	install_packages
	make_users "$from"
	make_dirs
	[ -n "$dry" ] || lock_node "run install.sh"
	install_release
	install_ini
	install_services
	own_keys
	install_sysctl
	install_firewall
	[ -n "$dry" ] || for old in $(prune_releases); do
		act "release $old goes: $(sed -n 's/^release keep=//p' "$node_facts") are kept" true
	done
	node_bin=$node_lib/current/bin
	if [ -n "$json" ]; then
		next_step
		printf '%s' "$changes" | jq -Rnc --arg version "$release" \
		    --argjson next "$(step_json)" \
		    '{version: $version, changes: [inputs], next: $next}'
		return
	fi
	[ -n "$changes" ] || say "Nothing to do: $release is installed."
	[ -z "$dry" ] || return 0
	next_step
	say_step
}

check_options
needs_tool awk sed tar sha256sum stat
[ -z "$json" ] || needs_tool jq
node_find
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 111' INT TERM HUP
if [ -n "$check" ]; then
	must_see_keys
	do_check
elif [ -n "$uninstall" ]; then
	must_be_root
	do_uninstall
else
	must_be_root
	do_install
fi
