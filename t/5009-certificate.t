#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-p2pd knows whether the node has a certificate that others accept: at start,
# when it changes and HUP says so, and why not.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-cert kn-signd kn-p2pd

key() { # NAME: $T/NAME.key, its master key and its public half
	mkdir -p "$T/roots"
	"$bin/kn-keygen" --master-new "$T/$1.master" &&
	    "$bin/kn-keygen" --master-file "$T/$1.master" -o "$T/$1.key" \
		>"$T/out" &&
	    "$bin/kn-keygen" --public "$T/$1.key" >"$T/$1.pub"
}
issue() { # NODE-DIRECTORY ISSUER OPTION...: the certificate on stdout
	of=$1 by=$2
	shift 2
	"$bin/kn-cert" request -K "$of/node.key" -m "$of/master.key" -t 1 \
	    >"$T/req" &&
	    "$bin/kn-cert" issue -K "$T/$by.key" -m "$T/$by.master" "$@" "$T/req"
}
last() { # the last word on the certificate
	grep -o 'event=certificate.*' "$T/a/log" | tail -n 1
}
says() { # PATTERN
	last | grep -q "$1"
}
hup() { # PATTERN NAME
	kill -HUP "$p2pd" && until_true says "$1"
	ok $? "$2"
	last | sed 's/^/# /'
}
metric() { # NAME OPERATOR NUMBER, as for test(1)
	v=$("$bin/kn-metrics" -c "$T/a/node.ini" --once 2>/dev/null |
	    awk -v n="$1" '$1 == n { printf "%.0f", $2 }')
	[ -n "$v" ] && test "$v" "$2" "$3"
}
reloaded() { # TIMES
	[ "$(grep -c event=reloaded "$T/a/log")" -ge "$1" ]
}
gauge() { # NAME OPERATOR NUMBER WHAT
	if [ -x "$bin/kn-metrics" ]; then
		until_true metric "$1" "$2" "$3"
		ok $? "$4"
	else
		skip_one "$4" "kn-metrics is not built"
	fi
}

key root && key stranger
ok $? "keys of a root and of a stranger"
cp "$T/root.pub" "$T/roots/"
node_start a '[identity]' "cert_path = $T/a/node.cert" "roots_path = $T/roots"
ok $? "a node without a certificate starts"
read -r p2pd _ <"$T/a/pids"
says 'bad why=.*node.cert: No such file'
ok $? "and says that it has none"
gauge kn_p2pd_certificate_valid -eq 0 "the gauge says 0"

issue "$T/a" root -D 30 >"$T/a/node.cert"
hup 'good expires=[1-9]' "a certificate comes"
gauge kn_p2pd_certificate_valid -eq 1 "the gauge says 1"
gauge kn_p2pd_certificate_expires_seconds \
    -gt $(($(date +%s) + 2500000)) "and when it expires"
n=$(grep -c event=certificate "$T/a/log")
kill -HUP "$p2pd"
until_true reloaded 2
[ "$(grep -c event=certificate "$T/a/log")" -eq "$n" ]
ok $? "nothing new is not news"

issue "$T/a" stranger >"$T/a/node.cert"
hup 'bad why=.*does not lead to a trusted root' "a stranger's certificate"
issue "$T/a" root -D 60 >"$T/a/node.cert"
hup 'good' "a longer one"
head -c 100 "$T/a/node.cert" >"$T/half" && cp "$T/half" "$T/a/node.cert"
hup 'bad why=.*damaged' "a damaged one"
mkdir "$T/other"
"$bin/kn-keygen" --master-new "$T/other/master.key" &&
    "$bin/kn-keygen" --master-file "$T/other/master.key" \
	-o "$T/other/node.key" >/dev/null
issue "$T/other" root >"$T/a/node.cert"
hup "bad why=.*another node's" "another node's certificate"
gauge kn_p2pd_certificate_expires_seconds -eq 0 "is none of ours"
issue "$T/a" root >"$T/a/node.cert"
hup 'good' "ours again"
echo garbage >"$T/roots/second.pub"
hup 'bad why=.*second.pub: not an Ed25519 public key' "a broken root is named"
rm -r "$T/roots"
hup 'bad why=.*roots: No such file' "and a missing directory of roots"
finish
