#!/bin/sh
# SPDX-License-Identifier: ISC
# Copies of the node's identity that outlive the machine: as an age file, as
# shares of which so many open it, or on paper; and the trials that prove that
# each of them still is the same node.  A copy is a bundle of node.key,
# master.key and node.cert, compressed and sealed with age: nothing here writes
# a secret into a file in the clear, an argument or the environment, save
# `restore`, which is told where to.  keycopies.sh(8), keycopies(5).
# shellcheck disable=SC2034,SC2154 # node.sh sets and uses them
set -eu
umask 077
# shellcheck disable=SC3045 # dash and ash have it
ulimit -c 0
here=$(cd "$(dirname "$0")" && pwd)
. "$here/node.sh"

max_age=180 # days that a trial is good for
enough=3    # copies

usage() {
	cat <<'END'
usage: keycopies.sh make age    -R FILE | -p  -o FILE -P PLACE
       keycopies.sh make shares -k K -n N     -o DIRECTORY -P PLACE
       keycopies.sh make sheet  -o PAGE.html  -P PLACE COPY
       keycopies.sh add age|shares|sheet      -P PLACE FILE...
       keycopies.sh drill age|shares|sheet    [-i FILE] [-C NUMBER] FILE...
       keycopies.sh restore age|shares|sheet  [-i FILE] -I DIRECTORY FILE...
       keycopies.sh inventory | status        [-j]
       keycopies.sh lost NUMBER

Copies of node.key, master.key and node.cert, and proof that they are good.

options:
  -R, --recipients FILE   age recipients, at least two: who can open the copy
  -p, --passphrase        age asks for a passphrase that opens it
  -i, --identity FILE     age identity that opens an age file or its sheet
  -k, --need K            so many shares open the copy
  -n, --shares N          of so many
  -o, --output PATH       what is written; it must not be there yet
  -P, --place PLACE       where the copy is kept, in words
  -C, --copy NUMBER       which copy of the inventory is tried
  -I, --into DIRECTORY    where restore puts the three files
  -c, --config FILE       the node's configuration
  -s, --state DIRECTORY   where the inventory is (the node's state directory)
  -j, --json              NDJSON
  -h, --help              show this page and exit

  keycopies.sh make age -R family.txt -o /mnt/usb/node.age -P "bank box"
  keycopies.sh make shares -k 3 -n 5 -o /mnt/usb/shares -P "five friends"
  keycopies.sh make sheet -o page.html -P "safe at home" /mnt/usb/node.age
  keycopies.sh drill age -i me.key /mnt/usb/node.age
  keycopies.sh drill shares share-1-of-5.txt share-4-of-5.txt share-5-of-5.txt
  keycopies.sh drill sheet -i me.key scan-1.png scan-2.png
  keycopies.sh status

Exit: 0 yes; 1 no: a copy is damaged, is another node's, or status finds too
few or too old ones; 100 wrong use; 111 the system failed.
END
}

# --- a place for what is sealed already ---

# Sealed or not, it is better in memory.
make_temp() {
	_base=${TMPDIR:-/tmp}
	case $(stat -f -c %T /dev/shm 2>/dev/null) in
	tmpfs) [ ! -w /dev/shm ] || _base=/dev/shm ;;
	esac
	tmp=$(mktemp -d "$_base/keycopies.XXXXXX") || broken "no directory can be made in $_base"
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 111' INT TERM HUP
}

sum_of() { sha256sum | cut -c1-12; } # of standard input
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
seconds() { # UTC in ISO 8601
	date -u -d "$(printf '%s' "$1" | tr T ' ' | tr -d Z)" +%s
}

new_file() { # PATH: written from standard input, whole, never over another
	[ ! -e "$1" ] || wrong "$1 is there already"
	(set -C && cat >"$1.part") && to_disk "$1.part" && mv "$1.part" "$1" ||
	    { rm -f "$1.part"; broken "$1 cannot be written"; }
}

# --- the bundle ---

identity_files() {
	key=$(ini identity key_path) || key=$(path_of keys)/node.key
	master=$(ini identity master_key_path) || master=$(path_of keys)/master.key
	cert=$(ini identity cert_path) || cert=$(path_of keys)/node.cert
	[ -r "$key" ] || wrong "$key cannot be read; run this as root on the node"
	peer=$("$node_bin/kn-keygen" -C "$key" -m "$master") ||
	    no "$key does not open with $master; there is nothing worth a copy"
	[ ! -e "$inventory" ] || [ "$(inventory_peer)" = "$peer" ] ||
	    wrong "$inventory is of $(inventory_peer), the key is $peer: move the inventory away first"
	[ -r "$cert" ] || note "there is no $cert yet: make new copies when there is"
}

section() { # NAME FILE
	[ -r "$2" ] || return 0
	printf -- '-----BEGIN %s-----\n' "$1"
	base64 "$2"
	printf -- '-----END %s-----\n' "$1"
}

bundle() { # secret: only into a pipe
	printf 'keycopies bundle 1\npeer: %s\n' "$peer"
	section node.key "$key"
	section master.key "$master"
	section node.cert "$cert"
}

part() { # NAME: of the bundle on standard input
	sed -n "/^-----BEGIN $1-----\$/,/^-----END $1-----\$/p" |
	    grep -v '^-----' | base64 -d
}

opened() { printf '%s\n' "$opened" | part "$1"; }

# What stands in $opened is our node: its peer id is in $found.
verify() {
	case $opened in
	'keycopies bundle 1'*) ;;
	*) no 'what is inside is no bundle of keys' ;;
	esac
	opened node.key >"$tmp/node.key" || no 'node.key in the copy is damaged'
	found=$(opened master.key | "$node_bin/kn-keygen" -C "$tmp/node.key" -d 0) ||
	    no 'node.key in the copy does not open with its master.key'
	rm -f "$tmp/node.key"
}

# --- age files ---

recipients_of() { # FILE: at least two, of different keys
	[ -r "$1" ] || wrong "$1 cannot be read"
	[ "$(grep -v '^[[:space:]]*\(#\|$\)' "$1" | sort -u | wc -l)" -ge 2 ] ||
	    wrong "$1 names fewer than two recipients: whoever loses the one key loses the copy"
}

make_age() {
	[ -n "$output" ] || wrong 'make age wants -o FILE'
	needs_tool age gzip base64
	[ ! -e "$output" ] || wrong "$output is there already"
	if [ "$passphrase" = yes ]; then
		set -- -p
	else
		[ -n "$recipients" ] || wrong 'make age wants -R FILE or -p; without, nobody could open it'
		recipients_of "$recipients"
		set -- -R "$recipients"
	fi
	identity_files
	bundle | gzip -9n | age -e -a "$@" >"$tmp/copy" && [ -s "$tmp/copy" ] ||
	    broken 'age did not seal the copy'
	new_file "$output" <"$tmp/copy"
	row_add age "$(sum_of <"$tmp/copy")" "$place"
}

# --- shares ---
#
# ssss splits at most 128 characters, and a bundle is longer.  So the bundle is
# sealed to an age identity made for it alone, and the identity is split: it is
# 74 characters with a checksum, so wrong shares show, and age proves that the
# rest is whole.  Every share bears the sealed bundle.

split_identity() {
	printf '%s\n' "$secret" | ssss-split -q -t "$need" -n "$shares" -w kn 2>/dev/null
}

share_file() { # SHARE
	_number=${1#kn-}
	{
		printf '# keycopies share 1\npeer: %s\nset: %s\nneed: %s of %s\n' \
		    "$peer" "$set_id" "$need" "$shares"
		printf 'made: %s\nshare: %s\n' "$(now)" "$_number"
		cat "$tmp/copy"
	} >"$tmp/share"
	printf 'sum: %s\n' "$(sum_of <"$tmp/share")" >>"$tmp/share"
	new_file "$output/share-${_number%%-*}-of-$shares.txt" <"$tmp/share"
}

make_shares() {
	[ -n "$output" ] && [ -n "$need" ] && [ -n "$shares" ] ||
	    wrong 'make shares wants -k K, -n N and -o DIRECTORY'
	case $need$shares in *[!0-9]*) wrong '-k and -n are numbers' ;; esac
	[ "$need" -ge 2 ] && [ "$need" -le "$shares" ] && [ "$shares" -le 99 ] ||
	    wrong "$need of $shares: give 2 to 99, and no fewer shares than are needed"
	needs_tool age age-keygen ssss-split ssss-combine gzip base64
	mkdir -p "$output"
	[ -z "$(ls -A "$output")" ] || wrong "$output is not empty"
	identity_files
	secret=$(age-keygen 2>/dev/null | grep '^AGE-SECRET-KEY-')
	[ -n "$secret" ] || broken 'age-keygen makes no identity'
	to=$(printf '%s\n' "$secret" | age-keygen -y)
	bundle | gzip -9n | age -e -a -r "$to" >"$tmp/copy" && [ -s "$tmp/copy" ] ||
	    broken 'age did not seal the copy'
	set_id=$(sum_of <"$tmp/copy")
	all=$(split_identity)
	[ "$(printf '%s\n' "$all" | grep -c '^kn-')" -eq "$shares" ] ||
	    broken 'ssss-split makes no shares'
	for one in $all; do
		share_file "$one"
	done
	secret=
	# not a copy before it has been opened
	opened=$(open_shares "$output"/share-*.txt) || broken 'the shares do not open what they should'
	verify
	row_add shares "$set_id" "$place"
}

share_field() { sed -n "s/^$1: //p" "$2" | head -n 1; }

share_check() { # FILE
	_sum=$(share_field sum "$1")
	[ -n "$_sum" ] && [ "$(sed '/^sum: /,$d' "$1" | sum_of)" = "$_sum" ] ||
	    no "$1 is damaged: leave it out, and make new shares soon"
}

# The bundle out of share files, on standard output.
open_shares() { # FILE…
	needs_tool age ssss-combine
	set_id=$(share_field set "$1")
	for file in "$@"; do
		head -n 1 "$file" | grep -q '^# keycopies share 1' ||
		    no "$file is no share"
		share_check "$file"
		[ "$(share_field set "$file")" = "$set_id" ] ||
		    no "$file is of another set of shares"
		share_field share "$file"
	done >"$tmp/shares"
	sort -u -o "$tmp/shares" "$tmp/shares"
	want=$(share_field need "$1" | cut -d' ' -f1)
	have=$(wc -l <"$tmp/shares")
	[ "$have" -ge "$want" ] || no "$want shares are needed, here are $have"
	sed -n '/^-----BEGIN AGE/,/^-----END AGE/p' "$1" >"$tmp/sealed"
	# ssss-combine says what it found on stderr
	head -n "$want" "$tmp/shares" | sed 's/^/kn-/' |
	    ssss-combine -q -t "$want" 2>&1 | grep '^AGE-SECRET-KEY-' |
	    age -d -i - "$tmp/sealed" 2>/dev/null | gunzip 2>/dev/null ||
	    no 'these shares do not open it: one of them is wrong'
}

# --- paper ---
#
# A sheet is a copy (an age file, or one share), compressed, in base32: as QR
# codes of 480 characters, and as numbered lines of 40 with a check of five
# digits each for who has to type them.

check_of() { # NUMBER DATA
	printf '%s:%s' "$1" "$2" | cksum | awk '{ printf "%05x\n", $1 % 1048576 }'
}

sheet_lines() { # base32 on standard input
	fold -w 40 | awk '{ printf "%02d %s\n", NR, $0 }' |
	    while read -r number data; do
		printf '%s %s %s\n' "$number" \
		    "$(printf '%s' "$data" | sed 's/...../& /g; s/ $//')" \
		    "$(check_of "$number" "$data")"
	done
}

sheet_codes() { # SUM: base32 on standard input
	fold -w 480 | awk 1 >"$tmp/pieces" # read wants a newline after the last
	pieces=$(grep -c . "$tmp/pieces")
	piece=0
	while read -r data; do
		piece=$((piece + 1))
		printf '<figure><img alt="QR code %s of %s" src="data:image/png;base64,' \
		    "$piece" "$pieces"
		printf 'KEYCOPIES:%s/%s:%s:%s' "$piece" "$pieces" "$1" "$data" |
		    tr '[:lower:]' '[:upper:]' | qrencode -l M -s 4 -m 4 -t PNG -o - |
		    base64 | tr -d '\n'
		printf '"><figcaption>%s of %s</figcaption></figure>\n' "$piece" "$pieces"
	done <"$tmp/pieces"
}

html() { printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }

how_to_open() { # COPY
	case $(head -n 1 "$1") in
	'# keycopies share 1')
		printf 'This is share %s of a set of which %s open it.\n' \
		    "$(share_field share "$1" | cut -d- -f1)" "$(share_field need "$1")"
		printf 'By hand: put kn- and the words after "share:" of as many shares as are needed into\n'
		printf '<code>ssss-combine -t K</code>; what it says opens the AGE block of any share with\n'
		printf '<code>age -d -i - BLOCK | gunzip</code>.\n' ;;
	*)
		printf 'This is an age file: <code>age -d -i IDENTITY COPY | gunzip</code> opens it by hand,\n'
		printf 'without -i if it has a passphrase.\n' ;;
	esac
}

page() { # COPY SUM: HTML that needs nothing else
	cat <<-END
	<!DOCTYPE html>
	<html lang="en"><meta charset="utf-8"><title>Key of $peer</title>
	<style>
	body { font: 10pt sans-serif; margin: 12mm }
	pre { font: 9pt monospace }
	figure { display: inline-block; margin: 2mm; break-inside: avoid }
	img { width: 58mm; image-rendering: pixelated }
	figcaption { text-align: center }
	</style>
	<h1>Copy of the key of a Kontinuum node</h1>
	<p>Peer id: <b>$peer</b><br>
	Made: $(now)<br>
	Kept: $(html "$place")</p>
	<h2>To restore</h2>
	<p>Scan the codes, or type the numbered lines and the line below them into a file, then
	<code>keycopies.sh restore sheet -I DIRECTORY FILE...</code> (-i IDENTITY for an age file).
	Without that program: the middle columns of all lines, without blanks, are base32;
	<code>base32 -d | gunzip</code> gives the copy.
	$(how_to_open "$1")
	Inside, the blocks node.key, master.key and node.cert are base64.</p>
	<h2>Codes</h2>
	END
	sheet_codes "$2" <"$tmp/base32"
	printf '<h2>Lines</h2>\n<pre>\n'
	sheet_lines <"$tmp/base32"
	printf 'sum %s lines %s\n</pre>\n</html>\n' "$2" \
	    "$(fold -w 40 "$tmp/base32" | grep -c .)"
}

make_sheet() { # COPY
	[ -n "$output" ] && [ $# -eq 1 ] || wrong 'make sheet wants -o PAGE.html and one COPY'
	[ -r "$1" ] || wrong "$1 cannot be read"
	needs_tool qrencode base32 base64 gzip cksum fold
	[ ! -e "$output" ] || wrong "$output is there already"
	peer=$(inventory_peer)
	case $(head -n 1 "$1") in
	-----BEGIN\ AGE\ ENCRYPTED\ FILE-----) what=sheet ;;
	'# keycopies share 1') share_check "$1"; what=share
		peer=$(share_field peer "$1") ;;
	*) wrong "$1 is neither an age file nor a share; only what is sealed goes on paper" ;;
	esac
	gzip -9n <"$1" >"$tmp/packed"
	base32 "$tmp/packed" | tr -d '=\n' >"$tmp/base32"
	page "$1" "$(sum_of <"$tmp/packed")" >"$tmp/page"
	new_file "$output" <"$tmp/page"
	if [ "$what" = sheet ]; then
		row_add sheet "$(sum_of <"$1")" "$place"
	else
		say "share $(share_field share "$1" | cut -d- -f1) of set $(share_field set "$1") is on paper"
	fi
}

pad() { # base32 that lost its = signs
	awk '{ printf "%s%s\n", $0, substr("======", 1, (8 - length($0) % 8) % 8) }'
}

# The texts of pictures and files one after the other.
read_sheets() { # FILE…
	for file in "$@"; do
		[ -r "$file" ] || wrong "$file cannot be read"
		case $file in
		*.png | *.PNG | *.jpg | *.JPG | *.jpeg | *.JPEG | *.pdf | *.PDF | *.tif*)
			needs_tool zbarimg
			zbarimg -q --raw "$file" 2>/dev/null | grep '^KEYCOPIES:' ||
			    no "no code can be read in $file: scan it again, or type the lines" ;;
		*) cat "$file" ;;
		esac
	done
}

# Out of codes: one sheet, by its sum, as base32.
from_codes() { # SUM
	grep -i "^KEYCOPIES:[0-9]*/[0-9]*:$1:" "$tmp/read" | sort -u |
	    sort -t: -k2n >"$tmp/codes"
	total=$(head -n 1 "$tmp/codes" | sed 's|^[^/]*/\([0-9]*\):.*|\1|')
	[ "$(wc -l <"$tmp/codes")" -eq "$total" ] ||
	    no "code $(awk -F'[:/]' -v n="$total" '{ has[$2] = 1 }
	    END { for (i = 1; i <= n; i++) if (!has[i]) printf "%d ", i }' \
	    "$tmp/codes")of $total is missing: scan it again"
	cut -d: -f4 "$tmp/codes" | tr -d '\n'
}

# Out of lines that somebody typed; 0, 1 and 8 are no base32, and look like
# letters that are.
from_lines() { # SUM LINES
	wrong_lines=
	awk -v sum="$1" '
	tolower($0) ~ "^ *sum " sum " lines" { for (i = 1; i <= n; i++) print l[i]; exit }
	tolower($1) == "sum" { n = 0; next }
	/^ *[0-9][0-9]+ / { l[++n] = $0 }' "$tmp/read" >"$tmp/lines"
	number=1
	while [ "$number" -le "$2" ]; do
		id=$(printf '%02d' "$number")
		line=$(grep "^ *$id " "$tmp/lines" | head -n 1) || line=
		check=${line##* }
		data=$(printf '%s' "${line% *}" | sed 's/^ *[0-9]* *//' |
		    tr -d ' ' | tr '[:lower:]018' '[:upper:]OIB')
		if [ -z "$line" ] ||
		    [ "$(check_of "$id" "$data")" != "$(printf '%s' "$check" | tr '[:upper:]' '[:lower:]')" ]; then
			wrong_lines="$wrong_lines $id"
		fi
		printf '%s' "$data"
		number=$((number + 1))
	done
	[ -z "$wrong_lines" ] || no "these lines are wrong, read them again:$wrong_lines"
}

# Turns sheets into the copies that are on them: $tmp/copies/SUM.
unsheet() { # FILE…
	needs_tool base32 gunzip
	read_sheets "$@" >"$tmp/read" || exit
	mkdir -p "$tmp/copies"
	{
		sed -n 's/^KEYCOPIES:[0-9]*\/[0-9]*:\([0-9A-F]*\):.*/\1 codes/p' "$tmp/read"
		sed -n 's/^ *[sS][uU][mM] \([0-9a-fA-F]*\) [lL][iI][nN][eE][sS] \([0-9]*\).*/\1 \2/p' "$tmp/read"
	} | tr '[:upper:]' '[:lower:]' | sort -u >"$tmp/sums"
	[ -s "$tmp/sums" ] || no 'no code and no line "sum ... lines ..." of a sheet is in there'
	while read -r sum how; do
		case $how in
		codes) from_codes "$sum" ;;
		*) from_lines "$sum" "$how" ;;
		esac >"$tmp/joined" || exit
		pad <"$tmp/joined" | base32 -d >"$tmp/packed" 2>/dev/null &&
		    [ "$(sum_of <"$tmp/packed")" = "$sum" ] ||
		    no "sheet $sum does not add up: read it again"
		gunzip <"$tmp/packed" >"$tmp/copies/$sum" || no "sheet $sum is damaged"
	done <"$tmp/sums"
}

# --- the inventory, keycopies(5) ---

inventory=
rows() { # NUMBER KIND DIGEST MADE CONFIRMED PLACE, one a line
	[ ! -e "$inventory" ] || sed -n 's/^copy = //p' "$inventory"
}

inventory_load() {
	inventory=$state/keycopies
	[ -e "$inventory" ] || return 0
	[ -r "$inventory" ] || wrong "$inventory cannot be read"
	[ "$(sed '/^sum = /,$d' "$inventory" | sum_of)" = "$(sed -n 's/^sum = //p' "$inventory")" ] ||
	    no "$inventory was changed or damaged: its sum is wrong; put it back from a backup, or remove it and add the copies again"
}

# Whose copies: of the inventory, or of the node.
inventory_peer() {
	if [ -e "$inventory" ]; then
		sed -n 's/^peer = //p' "$inventory"
	else
		key=$(ini identity key_path) || key=$(path_of keys)/node.key
		"$node_bin/kn-keygen" -p "$key" || wrong "neither $inventory nor $key is there"
	fi
}

# Numbers are on envelopes: they are not given again.
last_number() {
	{
		[ ! -e "$inventory" ] || sed -n 's/^last = //p' "$inventory"
		cut -d' ' -f1 "$tmp/rows"
	} | sort -n | tail -n 1
}

inventory_save() { # rows on standard input
	_peer=${peer:-$(inventory_peer)}
	mkdir -p "$state"
	cat >"$tmp/rows"
	{
		printf '# keycopies 1: offline copies of a key; keycopies(5)\n'
		printf 'peer = %s\nlast = %s\n' "$_peer" "$(last_number)"
		sed 's/^/copy = /' "$tmp/rows"
	} >"$tmp/inventory"
	printf 'sum = %s\n' "$(sum_of <"$tmp/inventory")" >>"$tmp/inventory"
	put_state "$inventory" <"$tmp/inventory"
	metrics | put_state "$state/keycopies.prom"
}

put_state() { # FILE: standard input, readable for all
	cat >"$1.new" && chmod 0644 "$1.new" && to_disk "$1.new" &&
	    mv -f "$1.new" "$1" || broken "$1 cannot be written"
}

# When the copy that was tried least recently was tried; 0 when one never was.
oldest() {
	rows | {
		_oldest=
		while read -r _ _ _ _ when _; do
			[ "$when" != - ] || { echo 0; exit; }
			_at=$(seconds "$when")
			[ -n "$_oldest" ] && [ "$_oldest" -le "$_at" ] || _oldest=$_at
		done
		echo "${_oldest:-0}"
	}
}

metrics() {
	cat <<-END
	# HELP kn_key_copies_confirmed Offline copies of the identity key that were proved good.
	# TYPE kn_key_copies_confirmed gauge
	kn_key_copies_confirmed $(rows | awk '$5 != "-" { n++ } END { print n + 0 }')
	# HELP kn_key_copies_oldest_confirmation_timestamp_seconds When the copy that was tried least recently was tried; 0: one never was.
	# TYPE kn_key_copies_oldest_confirmation_timestamp_seconds gauge
	kn_key_copies_oldest_confirmation_timestamp_seconds $(oldest)
	END
}

row_add() { # KIND DIGEST PLACE
	: >"$tmp/rows"
	_next=$(($(last_number) + 1))
	{
		rows
		printf '%s %s %s %s - %s\n' "$_next" "$1" "$2" "$(now)" "$3"
	} >"$tmp/new-rows"
	inventory_save <"$tmp/new-rows"
	say "copy $_next ($1, $3) is made; now prove it from where it is kept: keycopies.sh drill $1"
}

row_confirm() { # KIND DIGEST
	_row=$(rows | awk -v k="$1" -v d="$2" -v n="$number_of" \
	    '$2 == k && $3 == d && (n == "" || $1 == n) { print $1 }')
	case $(printf '%s' "$_row" | grep -c .) in
	0)
		note 'the copy is good, and not in the inventory: add it with keycopies.sh add'
		return ;;
	1) ;;
	*) wrong "several copies are alike; say which by -C: $(printf '%s' "$_row" | tr '\n' ' ')" ;;
	esac
	rows | awk -v n="$_row" -v t="$(now)" '$1 == n { $5 = t } { print }' >"$tmp/new-rows"
	inventory_save <"$tmp/new-rows"
	say "copy $_row ($1) is good: it is $found"
}

list() {
	rows | while read -r number kind digest made when where; do
		if [ "$json" = yes ]; then
			printf '{"copy":%s,"kind":"%s","digest":"%s","made":"%s","confirmed":%s,"place":"%s"}\n' \
			    "$number" "$kind" "$digest" "$made" \
			    "$([ "$when" = - ] && echo null || printf '"%s"' "$when")" \
			    "$(printf '%s' "$where" | sed 's/\\/\\\\/g; s/"/\\"/g')"
		else
			[ "$when" != - ] || when='never tried'
			printf '%3s  %-6s  made %s  confirmed %-20s  %s\n' \
			    "$number" "$kind" "$made" "$when" "$where"
		fi
	done
}

verdict() { # STATUS SENTENCE
	if [ "$json" = yes ]; then
		printf '{"confirmed":%s,"good":%s,"text":"%s"}\n' "$fresh" \
		    "$([ "$1" -eq 0 ] && echo true || echo false)" "$2"
	else
		say "$2"
	fi
	exit "$1"
}

status() {
	metrics | put_state "$state/keycopies.prom" 2>/dev/null || true
	now=$(date +%s)
	fresh=0 old=''
	rows >"$tmp/all"
	while read -r number kind _ _ when _; do
		if [ "$when" = - ]; then
			continue
		elif [ $((now - $(seconds "$when"))) -gt $((max_age * 86400)) ]; then
			old="$old $number"
		else
			fresh=$((fresh + 1))
		fi
	done <"$tmp/all"
	[ -z "$old" ] ||
	    verdict 1 "not tried for more than $max_age days: copy$old; try it with keycopies.sh drill"
	[ "$fresh" -ge $enough ] ||
	    verdict 1 "$fresh of $enough copies are confirmed; make more (keycopies.sh make), try those there are (keycopies.sh drill)"
	verdict 0 "$fresh copies are confirmed"
}

# --- opening any of them ---

open_age() { # FILE
	[ -r "$1" ] || wrong "$1 cannot be read"
	if [ -n "$identity" ]; then
		set -- -i "$identity" "$1"
	fi
	age -d "$@" | gunzip 2>/dev/null || no 'the copy does not open: it is damaged, or for another identity'
}

# Sets $opened, and $digest: which copy of the inventory that is.
open_copy() { # KIND FILE…
	kind=$1
	shift
	[ $# -gt 0 ] || wrong "which files? see --help"
	for file in "$@"; do
		[ -r "$file" ] || wrong "$file cannot be read"
	done
	if [ "$kind" = sheet ]; then
		unsheet "$@"
		set -- "$tmp"/copies/*
		case $(head -n 1 "$1") in
		'# keycopies share 1') kind=shares ;;
		esac
	elif [ "$kind" = shares ] && ! head -n 1 "$1" | grep -q '^# keycopies share'; then
		unsheet "$@"
		set -- "$tmp"/copies/*
	fi
	case $kind in
	shares)
		opened=$(open_shares "$@") || exit
		digest=$(share_field set "$1") ;;
	*)
		[ $# -eq 1 ] || wrong 'one copy at a time'
		needs_tool age gunzip
		opened=$(open_age "$1") || exit
		digest=$(sum_of <"$1") ;;
	esac
}

drill() { # KIND FILE…
	open_copy "$@"
	verify
	peer=$(inventory_peer)
	[ "$found" = "$peer" ] || no "this copy is the key of $found, and not of $peer"
	cert=$(ini identity cert_path) || cert=$(path_of keys)/node.cert
	[ ! -r "$cert" ] || opened node.cert | cmp -s - "$cert" ||
	    note 'the certificate in it is not the present one; the key is what counts'
	row_confirm "$kind" "$digest"
}

restore() { # KIND FILE…
	[ -n "$into" ] || wrong 'restore wants -I DIRECTORY'
	for name in node.key master.key node.cert; do
		[ ! -e "$into/$name" ] || wrong "$into/$name is there already; nothing was written"
	done
	open_copy "$@"
	verify
	mkdir -p "$into"
	for name in node.key master.key node.cert; do
		case $opened in *"BEGIN $name-"*) ;; *) continue ;; esac
		opened "$name" | new_file "$into/$name"
		chmod 0400 "$into/$name"
	done
	[ ! -e "$into/node.cert" ] || chmod 0644 "$into/node.cert"
	say "$found is in $into; give the keys to the user kn-sign when that is the node's directory"
}

add() { # KIND FILE…: one more copy of what was made before
	[ $# -ge 2 ] || wrong 'add what? see --help'
	peer=$(inventory_peer)
	case $1 in
	age) row_add age "$(sum_of <"$2")" "$place" ;;
	shares) share_check "$2"; row_add shares "$(share_field set "$2")" "$place" ;;
	sheet)
		kind=$1
		shift
		unsheet "$@"
		set -- "$kind" "$tmp"/copies/*
		row_add sheet "$(sum_of <"$2")" "$place" ;;
	esac
}

lost() { # NUMBER
	[ $# -eq 1 ] || wrong 'which copy is lost?'
	case $1 in '' | *[!0-9]*) wrong "$1 is no number of a copy; see inventory" ;; esac
	rows | grep -q "^$1 " || no "there is no copy $1"
	peer=$(inventory_peer)
	rows | grep -v "^$1 " >"$tmp/new-rows" || true
	inventory_save <"$tmp/new-rows"
	say "copy $1 counts no longer"
}

kind_of() { # what stands where a kind should
	case ${1:-} in
	age | shares | sheet) ;;
	*) wrong "\"${1:-}\" is no kind of copy: age, shares or sheet" ;;
	esac
}

place_given() {
	[ -n "$place" ] || wrong 'where is it kept? -P says so'
	case $place in *[![:print:]]*) wrong 'a place is a line of text' ;; esac
	[ "${#place}" -le 100 ] || wrong 'a place has at most 100 characters'
}

# One option, and its value when it has one: sets $took.
option() { # ARGUMENT…
	took=2
	case $1 in
	-R | --recipients) recipients=$(operand "$@") ;;
	-i | --identity) identity=$(operand "$@") ;;
	-k | --need) need=$(operand "$@") ;;
	-n | --shares) shares=$(operand "$@") ;;
	-o | --output) output=$(operand "$@") ;;
	-P | --place) place=$(operand "$@") ;;
	-C | --copy) number_of=$(operand "$@") ;;
	-I | --into) into=$(operand "$@") ;;
	-c | --config) node_ini=$(operand "$@") ;;
	-s | --state) state=$(operand "$@") ;;
	-p | --passphrase) passphrase=yes took=1 ;;
	-j | --json) json=yes took=1 ;;
	-h | --help) usage; exit 0 ;;
	*) wrong "$1 is no option of keycopies.sh; see --help" ;;
	esac
}

recipients='' identity='' need='' shares='' output='' place='' number_of=''
into='' state='' passphrase=no json=no peer=''
left=$#
while [ "$left" -gt 0 ]; do
	case $1 in
	-?*)
		option "$@" || exit
		[ "$left" -ge "$took" ] || wrong "$1 wants a value"
		shift "$took"
		left=$((left - took)) ;;
	*) # to the end of the line
		set -- "$@" "$1"
		shift
		left=$((left - 1)) ;;
	esac
done
[ $# -gt 0 ] || { usage >&2; exit 100; }
verb=$1
shift
node_find
[ -n "$state" ] || state=$node_state
make_temp
inventory_load
case $verb in
make)
	kind_of "${1:-}"
	place_given
	what=$1
	shift
	"make_$what" "$@" ;;
add) kind_of "${1:-}"; place_given; add "$@" ;;
drill | restore) kind_of "${1:-}"; "$verb" "$@" ;;
inventory) list ;;
status) status ;;
lost) lost "$@" ;;
*) wrong "\"$verb\" is no verb: make, add, drill, restore, inventory, status or lost" ;;
esac
