#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-cert alone: root, operator and node; what verifies and what does not.
build=$(cd "${KN_BUILD:-build}" && pwd) || exit 1
cert=$build/kn-cert keygen=$build/kn-keygen
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
umask 022

n=0
ok() { # CODE NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		tail -n 5 out err | sed 's/^/# /'
	fi
}
exits() { # CODE NAME COMMAND…
	want=$1 name=$2
	shift 2
	"$@" > out 2> err < /dev/null
	got=$?
	[ "$got" -eq "$want" ] || echo "# exit $got: $(cat err)"
	[ "$got" -eq "$want" ] && { [ "$want" -eq 0 ] || [ "$(wc -l < err)" -eq 1 ]; }
	ok $? "$name"
}
says() { # TEXT NAME
	grep -qF -- "$1" err || { sed 's/^/# /' err; false; }
	ok $? "$2"
}
has() { # KEY VALUE NAME: in the first object of out
	[ "$(head -n 1 out | jq -r ".$1")" = "$2" ]
	ok $? "$3"
}

"$keygen" -w master
for who in root operator node stranger; do
	"$keygen" -o $who.key -m master -k 8 > $who.id
done
mkdir roots
"$keygen" -P root.key > roots/root.pub
as() { # KEY VERB…
	key=$1 verb=$2
	shift 2
	"$cert" "$verb" -K "$key.key" -m master "$@"
}

exits 0 "a request" as node request -t 1 -r server -T single -g eu-west -G 100
cp out node.req
head -n 1 node.req | grep -q "^# certificate request $(cat node.id)\$"
ok $? "its comment shows who asks"
exits 0 "show a request" "$cert" show node.req
has type request "type"
has subject "$(cat node.id)" "subject"
has geo_zone eu-west "geo_zone"
has max_total_gb 100 "max_total_gb"

exits 0 "the root issues" as root issue -o node.cert node.req
exits 100 "a certificate is not overwritten" as root issue -o node.cert node.req
exits 0 "it verifies" "$cert" verify -R roots node.cert
exits 0 "from a pipe, too" sh -c "cat node.cert | '$cert' verify -R roots -"
exits 0 "show" "$cert" show --json node.cert
has type certificate "type"
has role server "role"
has tier 1 "tier"
has tenancy single "tenancy"
has issuer "$(cat root.id)" "issuer"
[ "$(jq -r .serial out | wc -c)" -eq 33 ]
ok $? "serial of 16 bytes"
[ "$(jq '.not_after - .not_before' out)" -eq 31536000 ]
ok $? "365 days"
start=$(jq .not_before out)
as root issue node.req | "$cert" show - | jq -r .serial > serial
[ "$(cat serial)" != "$(jq -r .serial out)" ]
ok $? "every serial is another"

exits 1 "before its time" "$cert" verify -R roots -N $((start - 301)) node.cert
says "not yet valid" "why"
exits 0 "a clock that is behind" "$cert" verify -R roots -N $((start - 300)) node.cert
exits 1 "after its time" "$cert" verify -R roots -N $((start + 31536001)) node.cert
says "expired" "why"
mkdir others
"$keygen" -P stranger.key > others/stranger.pub
exits 1 "another root" "$cert" verify -R others node.cert
says "does not lead to a trusted root" "why"
exits 100 "no roots" "$cert" verify -R nothing node.cert
echo nonsense > others/bad.pub
exits 100 "a damaged root" "$cert" verify -R others node.cert
says "others/bad.pub" "is named"

as operator request -t 1 -r operator -g eu-west > operator.req
as root issue -D 30 operator.req > operator.cert
exits 0 "an operator issues" as operator issue -a operator.cert -o chain.cert node.req
exits 0 "the chain verifies" "$cert" verify -R roots chain.cert
[ "$("$cert" show chain.cert | wc -l)" -eq 2 ]
ok $? "two objects"
exits 1 "not after the operator's time" "$cert" verify -R roots \
    -N $((start + 31 * 86400)) chain.cert
as operator issue node.req > alone.cert
exits 1 "not without the operator" "$cert" verify -R roots alone.cert

as node request -t 0 -g eu-west > high.req
exits 1 "a tier above the operator's" as operator issue -a operator.cert high.req
says "tier" "why"
as node request -t 1 -g us-east > far.req
exits 1 "another zone" as operator issue -a operator.cert far.req
as node request -t 1 -g eu-west -r admin > admin.req
exits 1 "an admin" as operator issue -a operator.cert admin.req
exits 1 "somebody else's chain" as stranger issue -a operator.cert node.req
says "gap" "why"
exits 1 "a certificate for oneself" as node issue node.req
exits 1 "a chain from a server" as node issue -a node.cert operator.req

sed '3s/^./-/' node.cert > damaged
exits 1 "a damaged certificate" "$cert" verify -R roots damaged
exits 1 "shows nothing" "$cert" show damaged
exits 1 "a request is no certificate" "$cert" verify -R roots node.req
exits 1 "a certificate is no request" as root issue node.cert
"$keygen" -w wrong
exits 1 "wrong master key" "$cert" issue -K root.key -m wrong node.req

exits 100 "no verb" "$cert"
exits 100 "unknown verb" "$cert" forge
exits 100 "no tier" as node request
exits 100 "unknown role" as node request -t 1 -r king
exits 100 "text with a newline" as node request -t 1 -g 'eu
west'
exits 100 "no key" "$cert" request -m master -t 1
exits 100 "no days" as root issue -D 0 node.req
exits 100 "no such file" "$cert" show nothing
exits 100 "two files" "$cert" show node.cert node.cert
for verb in "" request issue show verify; do
	# shellcheck disable=SC2086 # no verb is no word
	exits 0 "usage of kn-cert $verb" "$cert" $verb -h
done
echo "1..$n"
