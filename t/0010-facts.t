#!/bin/sh
# SPDX-License-Identifier: ISC
# sv/facts is the one place for ports, paths, users and limits: what is made of
# it is up to date, and nothing else says otherwise.  Facts that are changed in
# a copy have to be noticed.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
cd "$here/.." || exit 111

sv/generate.sh --check >"$T/said" 2>&1
ok $? "what sv/generate.sh makes is up to date"
sed 's/^/# /' "$T/said" | head -n 40

# --- what others say: each line of the answer is a contradiction ---

# KIND FIELD: the values of a field, one a line
values() {
	sed -n "s/^$1 .* $2=\\([^ ]*\\).*/\\1/p" "$T/tree/sv/facts" | sed '/^$/d' | sort -u
}
value() { # KIND NAME FIELD
	sed -n "s/^$1 *$2 .*$3=\\([^ ]*\\).*/\\1/p" "$T/tree/sv/facts" | head -n 1
}
texts() { # the files that may name ports, paths and users
	find "$T/tree/man" "$T/tree/scripts" "$T/tree/deploy" "$T/tree/sv" \
	    "$T/tree/README.md" "$T/tree/DESIGN.md" "$T/tree/CHANGES" "$T/tree/cmd" \
	    -type f ! -name facts 2>/dev/null
}

# Paths of the node are below a directory of the facts; what is directly in one
# that has only directories of the facts is one of them.  (What an admin host has
# besides is not the node's.)
paths() {
	# shellcheck disable=SC2046 # files without odd names
	grep -noE '/(etc|run|var/[a-z]+)/kontinuum[A-Za-z0-9_.*@/-]*' $(texts) /dev/null |
	    sed "/kontinuum-admin/d; s,^$T/tree/,,; s,[./]*\$,," >"$T/paths"
	values dir path | awk '
	FNR == NR { dir[$0] = 1; next }
	{
		at = index($0, ":/")
		path = substr($0, at + 1)
		if (path in dir)
			next
		sub(/\/[^\/]*$/, "", path)
		while (path != "" && !(path in dir))
			sub(/\/[^\/]*$/, "", path)
		# lib and data hold directories alone
		if (path == "" || path ~ /^\/var\/lib\/[^\/]*(\/data)?$/)
			print $0 ": no directory of the facts"
	}' - "$T/paths"
}

# A port is one of the facts, or one of other servers that a text is about.
ports() {
	# shellcheck disable=SC2046
	grep -noE '([Pp]orts? |dport |[]0-9a-zA-Z*.]:|/tcp/|/udp/|_PORT:-)[0-9]{4,5}\>' \
	    $(texts) /dev/null | sed "s,^$T/tree/,," >"$T/ports"
	{ values port number; printf '%s\n' $others; } | awk '
	FNR == NR { known[$0] = 1; next }
	{
		number = $0
		sub(/.*[^0-9]/, "", number)
		if (!(number in known))
			print $0 ": no port of the facts"
	}' - "$T/ports"
}
# Alertmanager, its cluster, Grafana, a proxy; 9101: where 9100 is taken
others='9093 9094 3000 8443 9101'

# Where a user is named, it is one of the facts.
users() {
	# shellcheck disable=SC2046
	grep -noE '(User=|s6-setuidgid |runuser -u |chown |command_user="|-o )kn-[a-z0-9]*' \
	    $(texts) /dev/null | sed "s,^$T/tree/,," >"$T/users"
	sed -n 's/^user \([^ ]*\) .*/\1/p' "$T/tree/sv/facts" | awk '
	FNR == NR { known[$0] = 1; next }
	{
		who = $0
		sub(/.*[ ="]/, "", who)
		if (!(who in known))
			print $0 ": no user of the facts"
	}' - "$T/users"
}

# Defaults of node.ini, as a program prints them, with the facts they follow from.
default() { # SECTION KEY VALUE
	got=$(awk -v section="[$1]" -v key="$2" '
	/^\[/ { here = $0 == section }
	here && $1 == key { print $3; exit }' "$T/defaults")
	[ "$got" = "$3" ] || echo "cmd/node.c: [$1] $2 is $got, by the facts $3"
}
defaults() {
	keys=$(value dir keys path) state=$(value dir state path)
	default identity key_path "$keys/node.key"
	default identity cert_path "$keys/node.cert"
	default identity master_key_path "$keys/master.key"
	default identity roots_path "$(value dir roots path)"
	default node run_path "$(value dir run path)"
	default node drain_path "$state/drain"
	default dht db_path "$(value dir dht path)/dht.db"
	default store db_path "$(value dir store path)/node.db"
	default store blobs_path "$(value dir store path)/blobs"
	default store snapshots_path "$(value dir store path)/snapshots"
	default store secret_key_path "$(value dir store path)/store.key"
	default store listen "$(value socket s3 address)"
	default metrics listen "$(value socket metrics address)"
	default metrics textfiles_path "$state"
	grep -q "/tcp/$(value port p2p number)\$" "$T/defaults" ||
	    echo "cmd/node.c: [network] listen_addrs has not the port of p2p"
	programs=$(sed -n 's/^service \(kn-[a-z0-9]*\) .*/\1/p' "$T/tree/sv/facts")
	for program in $(sed -n '/^programs =/,/^[a-z]*_path/s/.*\(kn-[a-z0-9]*\)$/\1/p' \
	    "$T/defaults"); do
		printf '%s\n' "$programs" | grep -qx "$program" ||
		    echo "cmd/node.c: [metrics] programs has $program, which is no service"
	done
	grep -q "\"$(value dir etc path)/node.ini\"" cmd/node.h ||
	    echo "cmd/node.h: NODE_FILE is not in the directory etc"
}
# Sockets of the facts that are TCP have the numbers of the ports.
within() {
	for name in s3 metrics; do
		[ "$(value socket $name address)" = \
		    "127.0.0.1:$(value port $name number)" ] ||
		    echo "sv/facts: socket and port of $name differ"
	done
	for user in $(values service user) $(values dir owner); do
		[ "$user" = root ] || grep -q "^user $user " "$T/tree/sv/facts" ||
		    echo "sv/facts: $user is no user"
	done
}
contradictions() {
	paths
	ports
	users
	within
	[ ! -s "$T/defaults" ] || defaults
}

# A copy of the tree, by links where nothing is changed
tree() {
	rm -rf "$T/tree"
	mkdir -p "$T/tree/man"
	for each in scripts deploy cmd README.md DESIGN.md CHANGES; do
		[ ! -e $each ] || cp -R $each "$T/tree/"
	done
	cp man/* "$T/tree/man/"
	cp -R sv "$T/tree/"
}

for name in $(env | sed -n 's/^\(KN_[A-Z0-9_]*\)=.*/\1/p'); do
	[ "$name" = KN_BUILD ] || unset "$name"
done
tree
if [ -x "$bin/kn-signd" ]; then
	"$bin/kn-signd" -n -c /dev/null >"$T/defaults" 2>/dev/null
	[ -s "$T/defaults" ]
	ok $? "defaults are printed"
else
	skip_one "defaults are printed" 'kn-signd is not built'
fi
contradictions >"$T/said"
cp "$T/said" "$T/before"
[ ! -s "$T/said" ] && [ -s "$T/paths" ] && [ -s "$T/ports" ] && [ -s "$T/users" ]
ok $? "nothing contradicts the facts"
sed 's/^/# /' "$T/said"

# --- each of these changes must be noticed, by both kinds of look ---

changed() { # NAME SED-EXPRESSION
	sed "$2" sv/facts >"$T/tree/sv/facts"
	! cmp -s sv/facts "$T/tree/sv/facts" &&
	    ! "$T/tree/sv/generate.sh" --check >"$T/out" 2>&1 && [ -s "$T/out" ]
	ok $? "$1: what is made is out of date"
	contradictions >"$T/out"
}
noticed() { # NAME SED-EXPRESSION
	changed "$1" "$2"
	! diff "$T/before" "$T/out" >/dev/null
	ok $? "$1: something contradicts it"
}
noticed 'another port for peers' '/^port p2p/s/4001/4002/'
noticed 'another port for S3' '/^socket s3/s/9000/9001/'
noticed 'another port for metrics' 's/\<9100\>/9102/'
noticed 'another user' 's/\<kn-sign\>/kn-signer/'
noticed 'another directory of keys' 's,/keys ,/secrets ,'
noticed 'another directory of databases' 's,data/store ,data/blobs ,'
noticed 'another run directory' 's,/run/kontinuum-node,/run/kontinuum,'
noticed 'another configuration directory' 's,/etc/kontinuum-node,/etc/kontinuum,'
changed 'fewer descriptors' 's/nofile=65536/nofile=1024/'
changed 'more memory' 's/ mem=128/ mem=129/'
changed 'less time to stop' 's/stop=90/stop=30/'
changed 'another mode' '/^dir keys/s/0750/0755/'
changed 'another machine' '/^tier home/s/cores=1/cores=2/'
changed 'a socket less' 's/,store  *text/ text/'

echo 'service kn-odd what is this' >>"$T/tree/sv/facts"
"$T/tree/sv/generate.sh" --check >"$T/out" 2>"$T/err"
[ $? -eq 100 ] && grep -q '^generate.sh: .*facts:[0-9]*: cannot read' "$T/err"
ok $? "facts that cannot be read are refused with 100"
tree
echo '# a line by hand' >>"$T/tree/sv/systemd/kn-dht.service"
"$T/tree/sv/generate.sh" --check >"$T/out"
[ $? -eq 1 ] && grep -q '^-# a line by hand' "$T/out"
ok $? "what was changed by hand is shown"
"$T/tree/sv/generate.sh" && "$T/tree/sv/generate.sh" --check &&
    ! grep -q 'by hand' "$T/tree/sv/systemd/kn-dht.service"
ok $? "and made again"
finish
