#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-keygen alone: every job, and everything it has to refuse.
build=$(cd "${KN_BUILD:-build}" && pwd) || exit 1
keygen=$build/kn-keygen
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
# exits CODE NAME COMMAND…: the exit code, and one line on stderr if not 0
exits() {
	want=$1 name=$2
	shift 2
	"$@" > out 2> err < /dev/null
	got=$?
	[ "$got" -eq "$want" ] || echo "# exit $got: $(cat err)"
	[ "$got" -eq "$want" ] && { [ "$want" -eq 0 ] || [ "$(wc -l < err)" -eq 1 ]; }
	ok $? "$name"
}
mode() { stat -c %a "$1"; }

exits 0 "a master key" "$keygen" -w master
[ "$(mode master)" = 600 ] && [ "$(wc -c < master)" -eq 45 ]
ok $? "is private, base64 of 32 bytes"
exits 100 "a master key is not overwritten" "$keygen" -w master
"$keygen" --master-new other

exits 0 "a key" "$keygen" -o key -m master -k 8
peer=$(cat out)
case $peer in 12D3KooW*) true ;; *) false ;; esac
ok $? "its peer id is printed"
[ "$(mode key)" = 600 ]
ok $? "it is private"
[ "$(head -n 1 key)" = "# node.key $peer" ]
ok $? "its comment shows the peer id"
cp -p key before
exits 100 "a key is not overwritten" "$keygen" -o key -m master -k 8
cmp -s key before
ok $? "and is as it was"

"$keygen" -o default -m master > /dev/null
sed 1d default | tr -d '\n' | base64 -d | od -An -tu1 -j8 -N8 | tr -s ' ' > cost
[ "$(cat cost)" = " 0 0 0 3 0 1 0 0" ]
ok $? "3 passes over 64 MiB unless told otherwise"

exits 0 "peer id without a master key" "$keygen" --peer-id key
[ "$(cat out)" = "$peer" ]
ok $? "is the same"
exits 0 "public key" "$keygen" --public key
cp out key.pub
[ "$(head -n 1 key.pub)" = "# public key $peer" ] &&
    [ "$(sed 1d key.pub | base64 -d | head -c 4 | od -An -tx1)" = " 08 01 12 20" ]
ok $? "is a comment and a serialised PublicKey"
exits 0 "public key into a file" "$keygen" -P key -o copy.pub
cmp -s copy.pub key.pub
ok $? "is the same"

exits 0 "check" "$keygen" -C key -m master
[ "$(cat out)" = "$peer" ]
ok $? "prints the peer id"
exits 1 "another master key" "$keygen" -C key -m other
exits 0 "master key by descriptor" sh -c "'$keygen' -C key -d 7 7< master"
exits 0 "master key by pipe" sh -c "cat master | '$keygen' -C key -d 0"

chmod 644 master
exits 100 "a master key that others can read" "$keygen" -C key -m master
exits 100 "the same by descriptor" sh -c "'$keygen' -C key -d 7 7< master"
chmod 600 master
chmod 640 key
exits 100 "a key that the group can read" "$keygen" -C key -m master
chmod 600 key
echo short > short
chmod 600 short
exits 100 "a short master key" "$keygen" -C key -m short
exits 100 "no such master key" "$keygen" -C key -m nothing
exits 100 "no such key" "$keygen" -C nothing -m master

mkdir open sticky
chmod 777 open
chmod 1777 sticky
exits 100 "a directory that others can write" "$keygen" -o open/key -m master -k 8
[ ! -e open/key ]
ok $? "stays empty"
exits 0 "unless it is sticky" "$keygen" -o sticky/key -m master -k 8
exits 100 "no such directory" "$keygen" -o none/key -m master -k 8

sed '3s/^./-/' key > damaged
chmod 600 damaged
exits 1 "a damaged key" "$keygen" -C damaged -m master
exits 1 "shows no peer id" "$keygen" -p damaged
sed '1s/.$/x/' key > renamed
exits 1 "nor one with another name on it" "$keygen" -p renamed

cp -p key rewrapped
exits 0 "rewrap" "$keygen" -r rewrapped -m master -F other -k 9
[ "$(cat out)" = "$peer" ] && [ "$(mode rewrapped)" = 600 ]
ok $? "keeps the peer id, and the file private"
exits 0 "the new master key opens it" "$keygen" -C rewrapped -m other
exits 1 "the old one does not" "$keygen" -C rewrapped -m master
cp -p rewrapped before
exits 1 "rewrap with the wrong one" "$keygen" -r rewrapped -m master -F other
cmp -s rewrapped before
ok $? "changes nothing"
exits 100 "rewrap without a new one" "$keygen" -r rewrapped -m other

exits 0 "export" "$keygen" -e key -m master -o raw
[ "$(mode raw)" = 600 ] && [ "$(wc -c < raw)" -eq 68 ]
ok $? "is private, a libp2p PrivateKey"
"$keygen" -e key -m master > piped
cmp -s raw piped
ok $? "the same on standard output"
exits 0 "import" "$keygen" -i raw -m other -o imported -k 8
[ "$(cat out)" = "$peer" ]
ok $? "the same peer id"
exits 0 "import from a pipe" sh -c \
    "cat raw | '$keygen' -i - -m other -o imported2 -k 8"
{ printf '\010\001\022\140'; tail -c 64 raw; tail -c 32 raw; } > legacy
chmod 600 legacy
exits 0 "import 96 bytes" "$keygen" -i legacy -m other -o imported3 -k 8
[ "$(cat out)" = "$peer" ]
ok $? "the same peer id"
{ head -c 36 raw; head -c 32 /dev/zero; } > halves
chmod 600 halves
exits 1 "halves that disagree" "$keygen" -i halves -m other -o bad -k 8
grep -q "public halves disagree" err && [ ! -e bad ]
ok $? "are named, and nothing is written"
chmod 644 raw
exits 100 "a private key that others can read" "$keygen" -i raw -m other -o bad

exits 100 "nothing to do" "$keygen"
exits 100 "two things at once" "$keygen" -p key -P key
exits 100 "an operand" "$keygen" key
exits 100 "a master key without use" "$keygen" -p key -m master
exits 100 "both a file and a descriptor" "$keygen" -C key -m master -d 7
exits 100 "too little memory" "$keygen" -o bad -m master -k 7
exits 100 "too much memory" "$keygen" -o bad -m master -k 1025
exits 0 "usage" "$keygen" -h
exits 0 "version" "$keygen" -V
find . -name '.?*' | grep -q .
[ $? -eq 1 ]
ok $? "no drafts are left behind"
echo "1..$n"
