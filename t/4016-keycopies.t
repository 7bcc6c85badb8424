#!/bin/sh
# SPDX-License-Identifier: ISC
# keycopies.sh: each form of copy comes back as the same node, what is damaged is
# found, and no secret is left in any file.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-cert kn-signd
for tool in age ssss-split qrencode zbarimg base32; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
KN_BUILD=$bin
export KN_BUILD

# Everything that the script writes, temporary files included, while it runs
# and afterwards, is in $T/w or is a copy of what was removed, in $T/gone.
mkdir -p "$T/w" "$T/id" "$T/state" "$T/gone" "$T/path"
{ echo; find /dev/shm -maxdepth 1 -name 'keycopies.*' 2>/dev/null; } >"$T/before"
cd "$T/w" || exit 111
cat >"$T/path/rm" <<END
#!/bin/sh
for it in "\$@"; do
	[ ! -d "\$it" ] || cp -r "\$it" "$T/gone/\$(basename "\$it")"
	[ ! -f "\$it" ] || cp "\$it" "$T/gone/\$(basename "\$it").\$\$"
done
exec $(command -v rm) "\$@"
END
chmod +x "$T/path/rm"

kn=$bin/kn-keygen
mkdir -p "$T/keys" "$T/roots"
"$kn" -w "$T/keys/master.key" &&
    "$kn" -k 8 -m "$T/keys/master.key" -o "$T/keys/node.key" >"$T/peer" &&
    "$kn" -k 8 -m "$T/keys/master.key" -o "$T/keys/root.key" >/dev/null &&
    "$bin/kn-cert" request -K "$T/keys/node.key" -m "$T/keys/master.key" -t 2 \
    >"$T/keys/node.req" &&
    "$bin/kn-cert" issue -K "$T/keys/root.key" -m "$T/keys/master.key" \
    "$T/keys/node.req" >"$T/keys/node.cert"
ok $? "a node with a certificate"
peer=$(cat "$T/peer")
cat >"$T/node.ini" <<END
[identity]
key_path = $T/keys/node.key
master_key_path = $T/keys/master.key
cert_path = $T/keys/node.cert
END

keycopies() { # ARGUMENT…
	PATH=$T/path:$PATH TMPDIR=$T timeout 300 "$here/../scripts/keycopies.sh" \
	    -c "$T/node.ini" -s "$T/state" "$@" >"$T/out" 2>"$T/err" </dev/null
}

is() { # CODE ARGUMENT…
	want=$1
	shift
	keycopies "$@"
	[ $? -eq "$want" ]
}

confirmed() { # NUMBER
	keycopies -j inventory
	jq -se "any(.[]; .copy == $1 and .confirmed != null)" "$T/out" >/dev/null
}

says() { grep -q -e "$1" "$T/err" "$T/out"; }

for name in a b; do
	age-keygen -o "$T/id/$name" 2>/dev/null
	age-keygen -y "$T/id/$name"
done >"$T/id/both"
head -n 1 "$T/id/both" >"$T/id/one"
age-keygen -o "$T/id/other" 2>/dev/null

is 100 && is 0 -h
ok $? "a page"
is 100 make age -R "$T/id/one" -o x.age -P here && says 'fewer than two'
ok $? "one recipient is too few"
is 100 make age -R "$T/id/both" -o x.age && says 'where is it kept'
ok $? "a copy without a place"
is 100 make age -o x.age -P here && says 'nobody could open'
ok $? "a copy for nobody"
is 100 make shares -k 4 -n 3 -o none -P here && [ ! -e none ]
ok $? "more shares needed than made"
is 1 status && says '0 of 3'
ok $? "no copies are too few"

is 0 make age -R "$T/id/both" -o node.age -P 'bank box "7"'
ok $? "an age file"
is 100 make age -R "$T/id/both" -o node.age -P again && says 'there already'
ok $? "is not written over"
! confirmed 1
ok $? "and counts when it was tried"
is 0 drill age -i "$T/id/a" node.age && says "$peer" && confirmed 1
ok $? "the one recipient opens it"
is 0 drill age -i "$T/id/b" node.age
ok $? "so does the other"
is 1 drill age -i "$T/id/other" node.age
ok $? "nobody else"
sed '5s/./A/7; 5s/./A/8; 5s/./A/9' node.age >bad.age
is 1 drill age -i "$T/id/a" bad.age
ok $? "a damaged one is found"
head -c 400 node.age >short.age
is 1 drill age -i "$T/id/a" short.age
ok $? "and a short one"
age -d -i "$T/id/a" node.age | gunzip | sed -n '/BEGIN node.key/,/END node.key/p' |
    grep -v '^-' | base64 -d | cmp -s - "$T/keys/node.key"
ok $? "it opens by hand"

is 0 make shares -k 3 -n 5 -o shares -P 'five friends'
ok $? "three of five shares"
s=shares/share-
is 0 drill shares ${s}5-of-5.txt ${s}1-of-5.txt ${s}3-of-5.txt && confirmed 2
ok $? "three open it"
is 0 drill shares ${s}*-of-5.txt
ok $? "five do"
is 1 drill shares ${s}5-of-5.txt ${s}1-of-5.txt && says '3 shares are needed, here are 2'
ok $? "two do not"
is 1 drill shares ${s}1-of-5.txt ${s}1-of-5.txt ${s}2-of-5.txt
ok $? "nor does one given twice"
sed '/^made: /s/20/21/' ${s}1-of-5.txt >bad.txt
is 1 drill shares bad.txt ${s}2-of-5.txt ${s}3-of-5.txt && says 'bad.txt is damaged'
ok $? "a damaged share is named"
sed 's/^share: 1-.*/share: 1-'"$(sed -n 's/^share: 2-//p' ${s}2-of-5.txt)/; /^sum/d" \
    ${s}1-of-5.txt >liar.txt
echo "sum: $(sha256sum <liar.txt | cut -c1-12)" >>liar.txt
is 1 drill shares liar.txt ${s}3-of-5.txt ${s}4-of-5.txt && says 'one of them is wrong'
ok $? "and one that lies does not open it"
is 0 make shares -k 2 -n 2 -o pair -P drawer
is 1 drill shares pair/share-1-of-2.txt ${s}1-of-5.txt ${s}2-of-5.txt &&
    says 'another set'
ok $? "sets do not mix"
is 0 lost 3 && keycopies -j inventory && jq -se 'all(.[]; .copy != 3)' "$T/out" >/dev/null
ok $? "a copy that is lost does not count"
cp "$T/state/keycopies" "$T/kept"
is 100 lost '.' && cmp -s "$T/kept" "$T/state/keycopies"
ok $? "a pattern is no number"
{
	sed -n 's/^share: /kn-/p' ${s}2-of-5.txt ${s}4-of-5.txt ${s}5-of-5.txt |
	    ssss-combine -q -t 3 2>&1
} | age -d -i - ${s}1-of-5.txt 2>/dev/null >"$T/none"
sed -n '/BEGIN AGE/,/END AGE/p' ${s}1-of-5.txt >block.age
sed -n 's/^share: /kn-/p' ${s}2-of-5.txt ${s}4-of-5.txt ${s}5-of-5.txt |
    ssss-combine -q -t 3 2>&1 | age -d -i - block.age | gunzip |
    grep -q 'BEGIN master.key'
ok $? "they open by hand"

codes() { # PAGE: its pictures as PAGE-N.png
	n=0
	grep -o 'base64,[^"]*' "$1" | while read -r data; do
		n=$((n + 1))
		printf '%s' "${data#base64,}" | base64 -d >"${1%.html}-$n.png"
	done
}

is 0 make sheet -o page.html -P 'safe <at> home' node.age
ok $? "a sheet of the age file"
grep -q "$peer" page.html && grep -q 'safe &lt;at&gt; home' page.html &&
    grep -q 'To restore' page.html && ! grep -q -e 'http' -e '<script' page.html
ok $? "says whose it is and how to restore, and needs no network"
codes page.html
[ -e page-2.png ] && is 0 drill sheet -i "$T/id/a" page-*.png && confirmed 4
ok $? "its codes are read"
is 1 drill sheet -i "$T/id/a" page-1.png page-3.png && says 'code 2 .*missing'
ok $? "a missing code is named"
head -c 3000 /dev/zero >page-2.png
is 1 drill sheet -i "$T/id/a" page-*.png && says 'no code can be read in page-2.png'
ok $? "and one that cannot be read"
sed -n '/<pre>/,/<\/pre>/p' page.html | grep '[0-9]' >typed.txt
is 0 drill sheet -i "$T/id/a" typed.txt
ok $? "its lines are read"
tr 'OIB[:upper:]' '018[:lower:]' <typed.txt >sloppy.txt
is 0 drill sheet -i "$T/id/a" sloppy.txt
ok $? "also as somebody types them"
awk 'NR == 3 || NR == 9 { $3 = $3 == "AAAAA" ? "BBBBB" : "AAAAA" } { print }' typed.txt >bad.txt
is 1 drill sheet -i "$T/id/a" bad.txt && says ' 03 09$'
ok $? "lines with mistakes are named"
sed 5d typed.txt >bad.txt
is 1 drill sheet -i "$T/id/a" bad.txt && says ' 05$'
ok $? "and one left out"
for n in 1 2 4; do
	is 0 make sheet -o s$n.html -P paper ${s}$n-of-5.txt && codes s$n.html
done
is 0 drill shares s1-*.png s2.html ${s}4-of-5.txt || is 0 drill shares s1-*.png s2.html s4.html
ok $? "shares on paper, codes and lines together"
is 1 drill shares s1-*.png s2.html
ok $? "two of them are not enough"
is 100 make sheet -o clear.html -P desk "$T/keys/master.key" && [ ! -e clear.html ]
ok $? "what is not sealed does not get on paper"

is 0 status && says '3 copies are confirmed'
ok $? "three copies that were tried are enough"
grep -qx 'kn_key_copies_confirmed 3' "$T/state/keycopies.prom" &&
    grep -q '^kn_key_copies_oldest_confirmation_timestamp_seconds 1[0-9]*$' \
    "$T/state/keycopies.prom"
ok $? "the metrics say so"
if command -v promtool >/dev/null; then
	promtool check metrics <"$T/state/keycopies.prom" >/dev/null 2>&1
	ok $? "promtool takes them"
fi
keycopies -j inventory
jq -se 'length == 3 and .[0].place == "bank box \"7\""' "$T/out" >/dev/null
ok $? "the inventory has them"
resum() { # after an edit that only a test may make
	sed -i '/^sum = /d' "$T/state/keycopies"
	echo "sum = $(sha256sum <"$T/state/keycopies" | cut -c1-12)" >>"$T/state/keycopies"
}
cp "$T/state/keycopies" "$T/state/was"
sed -i 's/five friends/nobody/' "$T/state/keycopies"
is 1 status && says 'its sum is wrong'
ok $? "an inventory that was changed is found"
cp "$T/state/was" "$T/state/keycopies"
sed -i '/^copy = 2/s/Z 20..-/Z 2020-/' "$T/state/keycopies"
resum
is 1 -j status && jq -e '.good == false and (.text | test("180 days: copy 2"))' "$T/out" >/dev/null
ok $? "a trial long ago is none"
is 0 drill shares ${s}1-of-5.txt ${s}2-of-5.txt ${s}3-of-5.txt && is 0 status
ok $? "until the next one"
is 0 add age -P 'the other bank' node.age
is 100 drill age -i "$T/id/a" node.age && says 'say which'
ok $? "two copies that are alike"
is 0 drill age -i "$T/id/a" -C 5 node.age && confirmed 5
ok $? "are tried one by one"

is 0 restore shares -I back ${s}1-of-5.txt ${s}2-of-5.txt ${s}3-of-5.txt
for name in node.key master.key node.cert; do
	cmp -s "$T/keys/$name" "back/$name" || break
done && [ "$(stat -c %a back/master.key)" = 400 ]
ok $? "restored"
[ "$("$kn" -C back/node.key -m back/master.key)" = "$peer" ]
ok $? "it is the same node"
echo old >back/node.cert
is 100 restore age -i "$T/id/a" -I back node.age && [ "$(cat back/node.cert)" = old ]
ok $? "nothing is written over"
is 1 restore age -i "$T/id/other" -I none node.age && [ ! -e none ]
ok $? "what does not open leaves nothing behind"
is 0 restore sheet -i "$T/id/b" -I paper typed.txt &&
    cmp -s paper/node.key "$T/keys/node.key"
ok $? "restored from paper"

"$kn" -k 8 -m "$T/keys/master.key" -o "$T/keys/new.key" >/dev/null
sed -i 's/node.key/new.key/' "$T/node.ini"
is 100 make age -R "$T/id/both" -o new.age -P x && says 'is of'
ok $? "an inventory is of one key"
mv "$T/state/keycopies" "$T/state/was"
is 1 drill age -i "$T/id/a" node.age && says 'and not of'
ok $? "a copy of another node is found"
mv "$T/state/was" "$T/state/keycopies"
sed -i 's/new.key/node.key/' "$T/node.ini"

if command -v script >/dev/null; then
	cat >"$T/ask.sh" <<-END
	PATH=$T/path:\$PATH exec '$here/../scripts/keycopies.sh' -c '$T/node.ini' \
	    -s '$T/state' "\$@"
	END
	{ until_true grep -q 'passphrase' "$T/tty"; echo correct-horse
	    until_true grep -qi 'confirm' "$T/tty"; echo correct-horse; } |
	    script -qfec "sh $T/ask.sh make age -p -o pass.age -P head" "$T/tty" >/dev/null 2>&1
	: >"$T/tty"
	{ until_true grep -q 'passphrase' "$T/tty"; echo correct-horse; } |
	    script -qfec "sh $T/ask.sh drill age pass.age" "$T/tty" >/dev/null 2>&1
	confirmed 6
	ok $? "a passphrase opens what it sealed"
else
	skip_one "a passphrase opens what it sealed" 'there is no script(1)'
fi

# The secrets: the master key as it is and in base64, the seed, the identity that
# was split.  The restored ones are where they belong.
rm -rf back paper
base64 "$T/keys/master.key" | cut -c1-40 >"$T/secrets"
cut -c1-40 "$T/keys/master.key" >>"$T/secrets"
"$kn" -e "$T/keys/node.key" -m "$T/keys/master.key" >"$T/seed"
base64 -w0 "$T/seed" | cut -c9-40 >>"$T/secrets"
echo AGE-SECRET-KEY- >>"$T/secrets"
rm -f "$T/seed"
[ "$(wc -l <"$T/secrets")" -eq 4 ] && [ -n "$(ls "$T/gone")" ] &&
    grep -rqaF -f "$T/secrets" "$T/keys" &&
    ! grep -rlaF -f "$T/secrets" "$T/w" "$T/gone" "$T/state" >"$T/said"
ok $? "no secret is in any file that was written"
sed 's/^/# /' "$T/said"
# another run may be at work there: what it has goes, what we have left stays
none_left() {
	find /dev/shm "$T" -maxdepth 1 -name 'keycopies.*' 2>/dev/null |
	    grep -vxFf "$T/before" >"$T/left"
	[ ! -s "$T/left" ]
}
until_true none_left
ok $? "nor is anything left behind"
finish
