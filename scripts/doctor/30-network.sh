# SPDX-License-Identifier: ISC
# doctor.sh: ports and who holds them, routes, names, reachability.
# shellcheck shell=sh disable=SC2154

# Sockets that wait for others: protocol, address in hexadecimal, port, inode.
waiting() {
	for proto in tcp tcp6 udp udp6; do
		[ -r "$node_root/proc/net/$proto" ] || continue
		awk -v proto="${proto%6}" '
		function hex(s, i, n) {
			for (i = 1; i <= length(s); i++)
				n = n * 16 + index("0123456789ABCDEF", substr(s, i, 1)) - 1
			return n
		}
		NR > 1 && $4 == (proto == "tcp" ? "0A" : "07") {
			split($2, a, ":")
			print proto, a[1], hex(a[2]), $10
		}' "$node_root/proc/net/$proto"
	done
}

# Who has a socket open, as NAME(PID), one a line.
holders() { # INODE
	find "$node_root/proc" -mindepth 3 -maxdepth 3 -path '*/proc/[0-9]*/fd/*' \
	    -exec ls -l {} + 2>/dev/null |
	    sed -n "s|.*/proc/\([0-9]*\)/fd/[0-9]* -> socket:\[$1\]\$|\1|p" |
	    sort -un | while read -r pid; do
		printf '%s(%s)\n' "$(cat "$node_root/proc/$pid/comm")" "$pid"
	done
}

free_port() { # PROTO FROM
	free=$(($2 + 1))
	while waiting | grep -q "^$1 [^ ]* $free "; do
		free=$((free + 1))
	done
	echo "$free"
}

# systemd listens for some programs, and has to be told as well.
edit_listen() { # WHAT
	case $node_supervisor$1 in
	systemd'[store]'*) edit "$1; then systemctl edit kn-s3.socket likewise" ;;
	systemd'[metrics]'*) edit "$1; then systemctl edit kn-metrics.socket likewise" ;;
	*) edit "$1" ;;
	esac
}

# Is a port its program's, or free?
port_verdict() { # PROTO PORT PROGRAM ROW
	inodes=$(waiting | awk -v p="$1" -v n="$2" '$1 == p && $3 == n { print $4 }')
	if [ -z "$inodes" ]; then
		if [ -n "$3" ] && running "$3" >/dev/null; then
			bad "$3 runs and does not have $1 port $2" "$(service_command restart "$3")"
		else
			good "$1 port $2 is free"
		fi
		return
	fi
	who=$(for inode in $inodes; do holders "$inode"; done | sort -u | tr '\n' ' ')
	who=${who% }
	case " $who" in
	*" ${3:-kn-}"*) good "$1 port $2 is held by $who" ;;
	' ')
		if [ "$(id -u)" -ne 0 ]; then
			pass "somebody holds $1 port $2; root can see who"
		else
			bad "$1 port $2 is held by the kernel or another namespace" "$(edit_listen "$4: port $(free_port "$1" "$2")")"
		fi ;;
	*' systemd(1)'*) good "$1 port $2 is kept by systemd for $3" ;;
	*) bad "$1 port $2 is held by $who" "$(edit_listen "$4: port $(free_port "$1" "$2")")" ;;
	esac
}

# The ports of listen_addrs, or of ADDRESS:PORT.
p2p_ports() { # PROTO
	conf network listen_addrs "/ip4/0.0.0.0/$1/$(fact port p2p number)" |
	    sed -n "s|.*/$1/\([0-9]*\).*|\1|p" | sort -un | grep -vx 0
}

each_port() { # PROTO PROGRAM ROW PORT…
	proto=$1 prog_of=$2 row=$3
	shift 3
	[ $# -gt 0 ] || { pass "no fixed $proto port is configured"; return; }
	for port in "$@"; do
		port_verdict "$proto" "$port" "$prog_of" "$row"
	done | sort -t"$tab" -k1,1 | awk '/^fail/ { print; bad = 1; exit } { last = $0 } END { if (!bad) print last }'
}

add port-p2p-tcp 'is the TCP port of peers ours?'
check_port_p2p_tcp() {
	# shellcheck disable=SC2046
	each_port tcp kn-p2pd '[network] listen_addrs' $(p2p_ports tcp)
}

add port-p2p-udp 'is the UDP port of peers ours?'
check_port_p2p_udp() {
	# shellcheck disable=SC2046
	set -- $(p2p_ports udp)
	if [ $# -gt 0 ]; then
		each_port udp kn-p2pd '[network] listen_addrs' "$@"
	elif conf network listen_addrs '' | grep -q /udp/; then
		pass 'no fixed udp port is configured'
	else
		port_verdict udp "$(fact port p2p number)" '' '[network] listen_addrs'
	fi
}

add port-s3 'is the port of the S3 API ours?'
check_port_s3() {
	# shellcheck disable=SC2046
	each_port tcp kn-store '[store] listen' $(conf store listen "$(fact socket s3 address)" |
	    sed 's/.*://' | grep -vx 0)
}

add port-metrics 'is the port of the metrics ours?'
check_port_metrics() {
	# shellcheck disable=SC2046
	each_port tcp kn-metrics '[metrics] listen' $(conf metrics listen "$(fact socket metrics address)" |
	    sed 's/.*://' | grep -vx 0)
}

admin_port() { # NAME
	if [ "$admin" = yes ]; then
		port_verdict tcp "$(fact port "$1" number)" '' 'the port of the admin programs'
	else
		pass 'this is no admin host (--admin)'
	fi
}
add port-admin 'is the port of the admin API free?'
check_port_admin() { admin_port admin; }
add port-billing 'is the port of billing free?'
check_port_billing() { admin_port billing; }

add listening 'does it listen on every address of listen_addrs?'
check_listening() {
	running kn-p2pd >/dev/null || { none_runs 'kn-p2pd does not run'; return; }
	have=$(waiting)
	for addr in $(conf network listen_addrs /ip4/0.0.0.0/tcp/4001); do
		proto=tcp
		case $addr in */udp/*) proto=udp ;; esac
		port=$(printf '%s' "$addr" | sed -n "s|.*/$proto/\([0-9]*\).*|\1|p")
		[ -n "$port" ] && [ "$port" != 0 ] || continue
		long=8
		case $addr in /ip6/*) long=32 ;; esac
		printf '%s\n' "$have" | awk -v p="$proto" -v n="$port" -v l="$long" \
		    '$1 == p && $3 == n && length($2) == l { found = 1 } END { exit !found }' ||
		    { bad "nobody listens on $addr" "$(service_command restart kn-p2pd)"; return; }
	done
	good 'it listens on every address of listen_addrs'
}

# Is one of ours open to others than this host?
open_to_others() { # PORT…
	for port in "$@"; do
		waiting | awk -v n="$port" '$1 == "tcp" && $3 == n &&
		    $2 !~ /^......7F$/ && $2 != "00000000000000000000000001000000" &&
		    $2 !~ /^0000000000000000FFFF0000......7F$/ { found = 1 } END { exit !found }' && return
	done
	return 1
}

add s3-private 'is the S3 API closed to the world?'
check_s3_private() {
	running kn-store >/dev/null || { none_runs 'kn-store does not run'; return; }
	# shellcheck disable=SC2046
	if open_to_others $(conf store listen '' | sed 's/.*://'); then
		weak 'the S3 API, which has no TLS, takes connections from other hosts' "$(edit_listen '[store] listen = 127.0.0.1:9000, and a proxy with TLS in front')"
	else
		good 'the S3 API is for this host alone'
	fi
}

add metrics-private 'are the metrics for those who should see them?'
check_metrics_private() {
	running kn-metrics >/dev/null || { none_runs 'kn-metrics does not run'; return; }
	# shellcheck disable=SC2046
	if ! open_to_others $(conf metrics listen '' | sed 's/.*://'); then
		good 'the metrics are for this host alone'
	elif conf metrics allow '' | grep -qE '/[0-7]$'; then
		bad 'the metrics are for everybody' "$(edit '[metrics] allow = the addresses of your Prometheus')"
	else
		good "the metrics are for $(conf metrics allow '' | tr '\n' ' ')"
	fi
}

add route 'is there a way out?'
check_route() {
	if awk '$2 == "00000000" && $8 == "00000000" { found = 1 } END { exit !found }' "$node_root/proc/net/route" ||
	    default6; then
		good 'there is a default route'
	else
		bad 'there is no default route' 'ip route add default via GATEWAY'
	fi
}

default6() {
	awk '$1 == "00000000000000000000000000000000" && $2 == "00" && $NF != "lo" { found = 1 } END { exit !found }' \
	    "$node_root/proc/net/ipv6_route"
}

add ipv6 'is there IPv6?'
check_ipv6() {
	if [ ! -r "$node_root/proc/net/if_inet6" ]; then
		weak 'the kernel has no IPv6: peers with IPv6 alone cannot be reached' 'sysctl -w net.ipv6.conf.all.disable_ipv6=0'
	elif ! awk '$1 ~ /^[23]/ { found = 1 } END { exit !found }' "$node_root/proc/net/if_inet6"; then
		weak 'no public IPv6 address: peers with IPv6 alone cannot be reached' 'ip -6 addr  # ask your provider for one'
	elif ! default6; then
		weak 'a public IPv6 address, and no route out' 'ip -6 route add default via GATEWAY dev INTERFACE'
	else
		good 'there is IPv6'
	fi
}

# Names of hosts that the configuration mentions.
dns_names() { # KEY…
	for key in "$@"; do
		conf "${key%.*}" "${key#*.}" '' | sed -n 's|^/dns[46]*/\([^/]*\)/.*|\1|p; s|^/dnsaddr/\([^/]*\).*|\1|p'
	done | sort -u
}

add resolver 'are names resolved?'
check_resolver() {
	grep -q '^nameserver' "$(at /etc/resolv.conf)" ||
	    { bad '/etc/resolv.conf names no server' 'printf "nameserver 9.9.9.9\n" >>/etc/resolv.conf'; return; }
	for name in $(dns_names dht.bootstrap network.announce_addrs); do
		within 5 getent hosts "$name" >/dev/null ||
		    { bad "$name has no address" "getent hosts $name  # ask your resolver, then its owner"; return; }
		asked="${asked:-} $name"
	done
	if [ -n "${asked:-}" ]; then
		good "resolved:$asked"
	else
		good 'a resolver is configured; node.ini has no name to try it on'
	fi
}

add dns 'do the announced names lead here?'
check_dns() {
	names=$(dns_names network.announce_addrs)
	[ -n "$names" ] || { pass 'no name is announced'; return; }
	seen=$({ p2p peers | jq -r .observed
	    p2p self | jq -r '.addrs[]'; } |
	    sed -n 's|^/ip[46]/\([^/]*\)/.*|\1|p' | sort -u)
	[ -n "$seen" ] && p2p peers | grep -q observed ||
	    { pass 'no peer has told where it sees us'; return; }
	for name in $names; do
		found=$(within 5 getent ahosts "$name" | awk '{ print $1 }' | sort -u)
		for addr in $found; do
			! printf '%s\n' "$seen" | grep -qxF "$addr" || continue 2
		done
		bad "$name is $(echo "$found" | tr '\n' ' '), peers see us at $(echo "$seen" | tr '\n' ' ')" \
		    "nsupdate  # or at your provider: $name A $(echo "$seen" | head -n 1)"
		return
	done
	good 'the announced names lead to where peers see us'
}

add udp-buffers 'are UDP buffers large enough for QUIC?'
check_udp_buffers() {
	udp_file=/etc/sysctl.d/60-kontinuum-node.conf
	for dir in rmem wmem; do
		have=$(sysctl_of "net/core/${dir}_max")
		[ "$have" -ge 7500000 ] ||
		    { weak "net.core.${dir}_max is $have, QUIC wants 7500000" "printf 'net.core.%s = 7500000\\n' rmem_max wmem_max >$udp_file && sysctl -p $udp_file"; return; }
	done
	good 'UDP buffers may have 7.5 MB'
}

add backlog 'can many connect at once?'
check_backlog() {
	have=$(sysctl_of net/core/somaxconn)
	if [ "$have" -ge 1024 ]; then
		good "$have connections may wait to be accepted"
	else
		weak "only $have connections may wait to be accepted" 'sysctl -w net.core.somaxconn=4096'
	fi
}

add conntrack 'is there room in the table of connections?'
check_conntrack() {
	dir=$node_root/proc/sys/net/netfilter
	[ -r "$dir/nf_conntrack_max" ] || { good 'the firewall tracks no connections'; return; }
	count=$(cat "$dir/nf_conntrack_count")
	max=$(cat "$dir/nf_conntrack_max")
	mend="sysctl -w net.netfilter.nf_conntrack_max=$((max * 4))"
	if [ $((count * 100)) -ge $((max * 95)) ]; then
		bad "$count of $max connections are tracked: new ones are lost" "$mend"
	elif [ $((count * 10)) -ge $((max * 8)) ]; then
		weak "$count of $max connections are tracked" "$mend"
	elif [ "$max" -lt 16384 ]; then
		weak "only $max connections can be tracked" 'sysctl -w net.netfilter.nf_conntrack_max=65536'
	else
		good "$count of $max connections are tracked"
	fi
}

add firewall 'does the firewall let peers in, and only them?'
check_firewall() {
	[ "$(id -u)" -eq 0 ] || [ -n "$node_root" ] || { pass 'only root sees the rules'; return; }
	tool nft || { pass 'nft is not installed'; return; }
	rules=$(within 5 nft list ruleset) || { pass 'the rules cannot be read'; return; }
	port=$(p2p_ports tcp | head -n 1)
	port=${port:-$(fact port p2p number)}
	if ! printf '%s\n' "$rules" | grep -qE 'hook input .*policy drop'; then
		weak 'no firewall: whatever listens is open to all' "$here/install.sh --firewall nft --ssh-port $(ssh_port_now)  # if that is ssh's; or ufw"
	elif ! printf '%s\n' "$rules" |
	    grep -qE "(dport.*[^0-9]${port}[^0-9].*accept|elements = .*[^0-9]${port}[^0-9])"; then
		mend="nft insert rule inet filter input tcp dport $port accept"
		case $rules in
		*'table inet kontinuum '*) mend="nft add element inet kontinuum open_tcp { $port }" ;;
		esac
		bad "the firewall drops what comes for port $port" "$mend"
	else
		good "port $port is let in, what no rule names is dropped"
	fi
}

add peers 'is the node connected with others?'
check_peers() {
	running kn-p2pd >/dev/null || { none_runs 'kn-p2pd does not run'; return; }
	want=$(conf metrics min_peers 1)
	list=$(p2p peers) || { pass 'p2p.sock may not be asked'; return; }
	n=$(printf '%s' "$list" | grep -c peer)
	if [ "$n" -lt "$want" ]; then
		bad "$n peers are connected, $want are wanted" "$(edit '[dht] bootstrap = an address of a peer') or: kn-p2p dial ADDRESS"
	else
		good "$n peers are connected"
	fi
}

add reachable 'can others connect to the node?'
check_reachable() {
	running kn-p2pd >/dev/null || { none_runs 'kn-p2pd does not run'; return; }
	list=$(p2p peers) || { pass 'p2p.sock may not be asked'; return; }
	port=$(p2p_ports tcp | head -n 1)
	if printf '%s\n' "$list" | jq -e -s 'any(.inbound)' >/dev/null; then
		good 'peers have connected to us'
	elif [ -n "$(conf network announce_addrs '')" ]; then
		weak 'no peer has connected to us, though addresses are announced' "nc -vz YOUR-ADDRESS ${port:-4001}  # from another host"
	else
		weak 'no peer has connected to us' "$(edit '[network] announce_addrs, and the port forwarded on the router')"
	fi
}

add twin 'does another host run with our key?'
check_twin() {
	seen=$(series kn-p2pd kn_p2pd_twin_seen_seconds) || seen=0
	mend='kn-drain --hold --reason twin  # then stop the other host, or give one a new key'
	[ "$seen" -eq 0 ] ||
	    { bad 'peers saw our key on another host' "$mend"; return; }
	p2p peers | grep -q observed ||
	    { pass 'no peer has told where it sees us'; return; }
	self=$(p2p self) || { pass 'p2p.sock may not be asked'; return; }
	peer=$(printf '%s' "$self" | jq -r .peer)
	mine=$({ printf '%s' "$self" | jq -r '.addrs[]'; p2p peers | jq -r '.observed // empty'
	    conf network announce_addrs ''; } | cut -d/ -f2-3 | sort -u)
	others=$(dht find "$peer" | jq -r '.addrs[]?' | cut -d/ -f2-3 | sort -u |
	    grep -vxF -e "$mine" | grep -v -e '^ip6/fe80' -e '^ip6/::1$' -e '^ip4/127\.')
	if [ -n "$others" ]; then
		weak "the DHT has our key at $(echo "$others" | tr '\n' ' ')too" "$mend"
	else
		good 'nobody else was seen with our key'
	fi
}
