# SPDX-License-Identifier: ISC
# Firewall: a ruleset of nft, and profiles and commands of ufw.

function port(i, field) { return value["port", i, field] }

# Numbers of one protocol from here, divided by ", ".
function ports(from, proto,   i, line) {
	line = ""
	for (i = 1; i <= count["port"]; i++)
		if (port(i, "from") == from && port(i, "proto") == proto)
			line = line ", " port(i, "number")
	return substr(line, 3)
}

function rule(from, proto, match_,   list) {
	list = ports(from, proto)
	if (list != "")
		p("\t\t" match_ proto " dport { " list " } accept")
}

function nft(   own) {
	own = path("etc") "/firewall/*.nft"
	file("firewall/kontinuum-node.nft")
	head("/usr/sbin/nft -f", "")
	p("#")
	p("# What may come in; what goes out is free.  Loading it again replaces it.  What")
	p("# this host has besides goes into files of " path("etc") "/firewall:")
	p("#")
	p("#	add element inet kontinuum admin4 { 192.0.2.0/24 }")
	p("#	add element inet kontinuum admin6 { 2001:db8::/48 }")
	p("#	add element inet kontinuum open_tcp { 80, 443 }")
	p("")
	p("# sshd's: install.sh asks for it")
	p("define ssh_port = 22")
	p("")
	p("table inet kontinuum")
	p("delete table inet kontinuum")
	p("table inet kontinuum {")
	p("	# addresses that may reach the ports for administrators")
	p("	set admin4 { type ipv4_addr; flags interval; auto-merge; }")
	p("	set admin6 { type ipv6_addr; flags interval; auto-merge; }")
	p("	# ports of other servers on this host, open to everybody")
	p("	set open_tcp { type inet_service; flags interval; auto-merge; }")
	p("	set open_udp { type inet_service; flags interval; auto-merge; }")
	p("")
	p("	chain input {")
	p("		type filter hook input priority filter; policy drop;")
	p("")
	p("		ct state established,related accept")
	p("		iif lo accept")
	p("		ct state invalid drop")
	p("		tcp dport $ssh_port accept")
	p("")
	p("		# what IPv4 and IPv6 do not work without")
	p("		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept")
	p("		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept")
	p("		icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept")
	p("		icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } ip6 saddr fe80::/10 accept")
	p("		icmp type echo-request limit rate 20/second accept")
	p("		icmpv6 type echo-request limit rate 20/second accept")
	p("		udp sport 547 udp dport 546 ip6 saddr fe80::/10 accept")
	p("")
	p("		# the node's peers")
	rule("any", "tcp", "")
	rule("any", "udp", "")
	p("		# administrators")
	rule("admin", "tcp", "ip saddr @admin4 ")
	rule("admin", "tcp", "ip6 saddr @admin6 ")
	rule("admin", "udp", "ip saddr @admin4 ")
	rule("admin", "udp", "ip6 saddr @admin6 ")
	p("		# others")
	p("		tcp dport @open_tcp accept")
	p("		udp dport @open_udp accept")
	p("	}")
	p("}")
	p("")
	p("include \"" own "\"")
	done()
}

# One profile a name: its lines of several protocols are one.
function profile(i,   k, list) {
	list = ""
	for (k = 1; k <= count["port"]; k++)
		if (name["port", k] == name["port", i])
			list = list "|" port(k, "number") "/" port(k, "proto")
	p("")
	p("[" title(i) "]")
	p("title=Kontinuum node: " port(i, "text"))
	p("description=" port(i, "text") " of a Kontinuum node")
	p("ports=" substr(list, 2))
}

function title(i) { return "Kontinuum " name["port", i] }

function first(i) { return at["port", name["port", i]] == i }

function ufw(   i) {
	file("firewall/kontinuum-node")
	head("", "Profiles of ufw; they go into /etc/ufw/applications.d.")
	for (i = 1; i <= count["port"]; i++)
		if (first(i) && port(i, "from") != "host")
			profile(i)
	done()
}

function commands(   i) {
	file("firewall/ufw.sh")
	head("/bin/sh", "ufw.sh SSH-PORT [ADMIN-ADDRESS...]: print the commands for ufw, ssh first; then")
	p("# read them and give them to sh.  An address may be a network: 192.0.2.0/24.")
	p("case ${1:-} in")
	p("'' | *[!0-9]*)")
	p("\techo 'usage: ufw.sh SSH-PORT [ADMIN-ADDRESS...]' >&2")
	p("\texit 100 ;;")
	p("esac")
	p("echo \"ufw allow $1/tcp comment ssh\"")
	p("echo 'ufw default deny incoming'")
	p("echo 'ufw default allow outgoing'")
	for (i = 1; i <= count["port"]; i++)
		if (first(i) && port(i, "from") == "any")
			p("echo 'ufw allow \"" title(i) "\"'")
	p("shift")
	p("for from in \"$@\"; do")
	p("\tcase $from in")
	p("\t*[!0-9a-fA-F.:/]*)")
	p("\t\techo \"ufw.sh: $from is no address\" >&2")
	p("\t\texit 100 ;;")
	p("\tesac")
	for (i = 1; i <= count["port"]; i++)
		if (first(i) && port(i, "from") == "admin")
			p("\techo \"ufw allow from $from to any app \\\"" title(i) "\\\"\"")
	p("done")
	p("echo 'ufw --force enable'")
	done()
}

END {
	if (bad)
		exit 100
	nft()
	ufw()
	commands()
}
