#!/bin/sh
# SPDX-License-Identifier: ISC
# sv/firewall: whom the rules let in and whom not, over IPv4 and IPv6, between
# hosts that are network namespaces; each connection is tried without them too.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
for tool in nft ip perl unshare nsenter; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
perl -MIO::Socket::IP -e 1 2>/dev/null || skip 'perl has no IO::Socket::IP'
alone "$here/5008-firewall.t"
sv=$here/../sv
rules=$sv/firewall/kontinuum-node.nft

# A host is a process with a network of its own; all end with this script.
host() { # its process id is in $host
	rm -f "$T/up"
	mkfifo "$T/up"
	unshare -n sh -c "echo >'$T/up'; exec sleep 600" &
	host=$!
	pids="$pids $host"
	read -r _ <"$T/up"
	on "$host" ip link set lo up
}
on() { # HOST COMMAND…
	_host=$1
	shift
	nsenter -t "$_host" -n "$@"
}
# NAME NET HOST: a cable from the node to a host; .1 is the node
cable() {
	on "$node" ip link add "$1" type veth peer name eth0 netns "$3" || return 1
	for side in "$node $1 1" "$3 eth0 2"; do
		# shellcheck disable=SC2086 # three words
		set -- "$1" "$2" "$3" $side
		on "$4" ip addr add "10.77.$2.$6/24" dev "$5" &&
		    on "$4" ip addr add "fd77:$2::$6/64" dev "$5" nodad &&
		    on "$4" ip link set "$5" up || return 1
	done
}

# Answers on every port that it is given: tcp:ADDRESS:PORT …
cat >"$T/serve.pl" <<'END'
use IO::Socket::IP; use IO::Select;
my ($ready, $s, %udp) = (shift, IO::Select->new);
for (@ARGV) {
	my ($proto, $addr, $port) = split /,/;
	my $k = IO::Socket::IP->new(Proto => $proto, LocalHost => $addr,
	    LocalPort => $port, V6Only => 1,
	    $proto eq "tcp" ? (Listen => 64, ReuseAddr => 1) : ()) or die "$_: $@";
	$udp{$k} = $proto eq "udp";
	$s->add($k);
}
open my $up, ">", $ready; close $up;
while (my @can = $s->can_read) {
	for my $k (@can) {
		if ($udp{$k}) { my $from = $k->recv(my $d, 99); $k->send("hi", 0, $from); }
		else { my $c = $k->accept or next; $c->syswrite("hi"); $c->close; }
	}
}
END
# Of proto,address,port,wanted it prints those that answered.  It waits for all
# that are wanted, and a second more for those that are not.
cat >"$T/try.pl" <<'END'
use IO::Socket::IP; use IO::Select; use Time::HiRes qw(time);
$SIG{PIPE} = "IGNORE";
my ($s, %name, %got, $left) = (IO::Select->new);
for (@ARGV) {
	my ($proto, $addr, $port, $wanted) = split /,/;
	my $k = IO::Socket::IP->new(Proto => $proto, PeerHost => $addr,
	    PeerPort => $port, Blocking => 0) or next;
	$name{$k} = "$proto,$addr,$port";
	$left += $wanted;
	$s->add($k);
}
my ($end, $late) = (time + 10);
while ($s->count && time < $end) {
	for my $k ($s->handles) {
		$k->send("hello") if $name{$k} =~ /^udp/;
	}
	for my $k ($s->can_read(0.2)) {
		$got{$name{$k}} = 1 if ($k->sysread(my $d, 99) // 0) > 0;
		$s->remove($k);
	}
	my $n = grep { my ($p, $a, $o, $w) = split /,/; $w && $got{"$p,$a,$o"} } @ARGV;
	if ($n >= $left && !$late) { $late = 1; $end = time + 1; }
}
print "$_\n" for sort keys %got;
END

# From HOST over net N: each `proto port yes|no`, over both families.
expect() { # NAME HOST NET "tcp 4001 yes" …
	what=$1 source=$2 net=$3
	shift 3
	set -- "$@" --
	tries='' want=
	while [ "$1" != -- ]; do
		# shellcheck disable=SC2086 # three words
		set -- $1 "$@"
		for addr in "10.77.$net.1" "fd77:$net::1"; do
			tries="$tries $1,$addr,$2,$([ "$3" = yes ] && echo 1 || echo 0)"
			[ "$3" = no ] || want="$want$1,$addr,$2 "
		done
		shift 4
	done
	# shellcheck disable=SC2086 # a list
	on "$source" perl "$T/try.pl" $tries >"$T/got" 2>"$T/err"
	echo "$want" | tr ' ' '\n' | sed '/^$/d' | sort >"$T/want"
	[ -s "$T/want" ] && diff "$T/want" "$T/got" >"$T/diff"
	ok $? "$what"
	sed 's/^/# /' "$T/diff" "$T/err"
}

host && node=$host && host && admin=$host && host && other=$host &&
    cable adm 1 "$admin" && cable oth 2 "$other"
ok $? "three hosts"
[ "$ran" -eq 1 ] && [ "$failed" -eq 0 ] || finish

servers=
for port in 22 80 4001 9100 8080 9090 5555; do
	servers="$servers tcp,0.0.0.0,$port tcp,::,$port"
done
servers="$servers udp,0.0.0.0,4001 udp,::,4001 udp,0.0.0.0,5555 udp,::,5555"
mkfifo "$T/serves"
# shellcheck disable=SC2086 # a list
on "$node" perl "$T/serve.pl" "$T/serves" $servers tcp,127.0.0.1,9000 &
pids="$pids $!"
: <"$T/serves"

everything='tcp 22 yes/tcp 80 yes/tcp 4001 yes/udp 4001 yes/tcp 9100 yes/tcp 8080 yes/tcp 9090 yes/tcp 5555 yes/udp 5555 yes/tcp 9000 no'
try() { # NAME HOST NET LIST, divided by /
	list=$4
	set -- "$1" "$2" "$3"
	while [ -n "$list" ]; do
		set -- "$@" "${list%%/*}"
		case $list in */*) list=${list#*/} ;; *) list= ;; esac
	done
	expect "$@"
}
try "without rules an administrator reaches all but S3" "$admin" 1 "$everything"
try "and so does anybody" "$other" 2 "$everything"

# what this host has besides
mkdir "$T/own"
cat >"$T/own/admin.nft" <<'END'
add element inet kontinuum admin4 { 10.77.1.0/24 }
add element inet kontinuum admin6 { fd77:1::/64 }
END
load() {
	sed "s,\"[^\"]*/firewall/,\"$T/own/," "$rules" >"$T/rules.nft" &&
	    on "$node" nft -f "$T/rules.nft" || return 1
	# neighbours have to be found again
	for each in "$node" "$admin" "$other"; do
		on "$each" ip neigh flush all
	done
}
grep -q '^include "/etc/kontinuum-node/firewall/\*.nft"$' "$rules" && load
ok $? "the rules are loaded"
try "then an administrator reaches the ports for administrators" "$admin" 1 \
    'tcp 22 yes/tcp 80 no/tcp 4001 yes/udp 4001 yes/tcp 9100 yes/tcp 8080 yes/tcp 9090 yes/tcp 5555 no/udp 5555 no/tcp 9000 no'
try "others reach ssh and libp2p alone" "$other" 2 \
    'tcp 22 yes/tcp 80 no/tcp 4001 yes/udp 4001 yes/tcp 9100 no/tcp 8080 no/tcp 9090 no/tcp 5555 no/udp 5555 no/tcp 9000 no'
[ "$(on "$node" perl "$T/try.pl" tcp,127.0.0.1,9000,1)" = tcp,127.0.0.1,9000 ]
ok $? "S3 answers on the host itself"

on "$other" perl "$T/serve.pl" "$T/serves" tcp,10.77.2.2,7000 tcp,fd77:2::2,7000 &
pids="$pids $!"
: <"$T/serves"
on "$node" perl "$T/try.pl" tcp,10.77.2.2,7000,1 tcp,fd77:2::2,7000,1 >"$T/got"
[ "$(wc -l <"$T/got")" -eq 2 ]
ok $? "the node itself reaches others"
on "$other" perl -MNet::Ping -e 'exit !(Net::Ping->new("icmp", 5)->ping("10.77.2.1") &&
    Net::Ping->new("icmpv6", 5)->ping("fd77:2::1"))'
ok $? "and answers a ping"

echo 'add element inet kontinuum open_tcp { 80 }' >"$T/own/web.nft"
rm "$T/own/admin.nft"
load && load
ok $? "loading again replaces them"
try "a port of another server is open, nobody is an administrator" "$admin" 1 \
    'tcp 22 yes/tcp 80 yes/tcp 4001 yes/udp 4001 yes/tcp 9100 no/tcp 8080 no/tcp 9090 no/tcp 5555 no/udp 5555 no/tcp 9000 no'
sed 's/^define ssh_port = .*/define ssh_port = 5555/' "$T/rules.nft" >"$T/ssh.nft"
on "$node" nft -f "$T/ssh.nft"
try "ssh may be on another port" "$other" 2 'tcp 22 no/tcp 5555 yes/tcp 4001 yes'
on "$node" nft delete table inet kontinuum
try "without them all is as it was" "$other" 2 "$everything"

# ufw itself is asked about its profiles; what it does is in t/system.
if /usr/bin/python3 -c 'import ufw.applications' 2>/dev/null; then
	mkdir "$T/apps"
	cp "$sv/firewall/kontinuum-node" "$T/apps/"
	/usr/bin/python3 - "$T/apps" >"$T/said" 2>&1 <<'END'
import builtins, sys
builtins._ = str
import ufw.applications as a
p = a.get_profiles(sys.argv[1])
for name in sorted(p):
    a.verify_profile(name, p[name])
    print(name + ":", p[name]["ports"])
END
	diff - "$T/said" >"$T/diff" <<'END'
Kontinuum admin: 8080/tcp
Kontinuum billing: 9090/tcp
Kontinuum metrics: 9100/tcp
Kontinuum p2p: 4001/tcp|4001/udp
END
	ok $? "ufw reads the profiles"
	sed 's/^/# /' "$T/diff"
else
	skip_one "ufw reads the profiles" 'ufw is not installed'
fi
"$sv/firewall/ufw.sh" 2222 192.0.2.0/24 2001:db8::/48 >"$T/said" &&
    [ "$(head -n 1 "$T/said")" = 'ufw allow 2222/tcp comment ssh' ] &&
    [ "$(tail -n 1 "$T/said")" = 'ufw --force enable' ] &&
    grep -qx 'ufw default deny incoming' "$T/said" &&
    [ "$(grep -c ' from .*"Kontinuum metrics"$' "$T/said")" -eq 2 ] &&
    ! grep -q 9000 "$T/said"
ok $? "its commands allow ssh first and are in force last"
"$sv/firewall/ufw.sh" >"$T/said" 2>&1
[ $? -eq 100 ] && ! "$sv/firewall/ufw.sh" 22 'x; reboot' >"$T/said" 2>&1
ok $? "without a port for ssh, or with an odd address, there are none"
finish
