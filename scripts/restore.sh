#!/bin/sh
# SPDX-License-Identifier: ISC
# A database back from its backup: verified before it takes the place of the old
# one, which is kept.  Whenever this is killed, running it again goes on.
# restore.sh(8), backup(5).
# shellcheck disable=SC2154 # node.sh and objects.sh set what they say they set
set -eu
umask 077
# shellcheck disable=SC3045 # dash and ash have it
ulimit -c 0 # what dies holds what is not for a disk

here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/node.sh"
. "$here/objects.sh"

usage() {
	cat <<'END'
usage: restore.sh --list [options]                  what there is
       restore.sh --identity FILE [options]         restore in place
       restore.sh --verify-only --identity FILE …   into memory, and verify it
       restore.sh --into DIR --identity FILE …      into DIR, touch nothing else
       restore.sh --stage --identity FILE …         verified beside the database
       restore.sh --swap [options]                  what was staged, in place

options:
  --config FILE       instead of /etc/kontinuum-node/backup.conf
  --db NAME           which database (node)
  --node ID           backups of that node, not of this one
  --at TIME           the last one not after that (latest): 20260101T120000Z,
                      2026-01-01, 2026-01-01T12:00Z; UTC
  --identity FILE     what decrypts it (age); it does not belong on the node
  --from-file FILE    of this file, with its .json beside it if there is one
  --with-key          also store.key, although there is one
  --scratch DIR       verify there, a tmpfs (/dev/shm)
  --no-start          leave the program stopped
  --list              what backups there are
  --verify-only       restore into memory, verify, and forget it
  --into DIR          restore into this directory
  --stage             bring and verify it; the program goes on meanwhile
  --swap              stop the program, put in place what was staged, start it
  --json              --list, --verify-only: one object a line
  --help              show this page and exit

  restore.sh --list
  restore.sh --at 2026-01-31T12:00Z --identity /media/usb/key.txt

Exit: 0 done; 1 failed; 2 you; 3 some of it; 10 no such backup; 11 the database
is in use; 12 cannot decrypt; 13 does not verify; 16 no space; 75 later;
130 interrupted.
END
}

backup_conf='' db=node node='' at=latest identity='' from='' with_key=''
scratch=/dev/shm start=yes into='' json='' what=place
while [ $# -gt 0 ]; do
	case $1 in
	--config) backup_conf=$(value_of "$@") || exit $USAGE; shift ;;
	--db) db=$(value_of "$@") || exit $USAGE; shift ;;
	--node) node=$(value_of "$@") || exit $USAGE; shift ;;
	--at) at=$(value_of "$@") || exit $USAGE; shift ;;
	--identity) identity=$(value_of "$@") || exit $USAGE; shift ;;
	--from-file) from=$(value_of "$@") || exit $USAGE; shift ;;
	--scratch) scratch=$(value_of "$@") || exit $USAGE; shift ;;
	--into) into=$(value_of "$@") || exit $USAGE; what=into; shift ;;
	--stage) what=stage ;;
	--swap) what=swap ;;
	--with-key) with_key=yes ;;
	--no-start) start='' ;;
	--list) what=list ;;
	--verify-only) what=verify ;;
	--json) json=yes ;;
	--help | -h) usage; exit 0 ;;
	*) stop $USAGE "there is no option $1; see --help" ;;
	esac
	shift
done

work='' gone='' halted=''
leave() {
	# shellcheck disable=SC2086 # two names, or fewer
	rm -rf ${work:+"$work"} ${gone:+"$gone"}
	# what was stopped in vain goes on; in between it would not start
	[ -z "$halted" ] || [ -e "$path.restoring" ] || service_start "$service"
}
trap leave EXIT
trap 'exit 130' INT TERM HUP

node_find
[ -n "$backup_conf" ] || backup_conf=$(path_of etc)/backup.conf
PATH=$node_bin:$PATH
export PATH
# What one left that was killed goes: in memory it is not even encrypted.
sweep() { # DIR
	for _left in "$1"/kn-restore.*.*; do
		_pid=${_left#"$1"/kn-restore.}
		_pid=${_pid%%.*}
		case $_pid in
		*[!0-9]*) continue ;;
		esac
		[ ! -O "$_left" ] || [ -L "$_left" ] || [ -d "/proc/$_pid" ] ||
		    rm -rf "$_left"
	done
}
sweep "${TMPDIR:-/var/tmp}"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/kn-restore.$$.XXXXXX") ||
    stop 1 "no directory can be made in ${TMPDIR:-/var/tmp}"
if [ -n "$from" ] || [ $what = swap ]; then
	objects_offline
else
	objects_open
fi
databases | grep -qx -e "$db" ||
    stop $USAGE "there is no database \"$db\" in $backup_conf"

# --- which one ---

list() {
	backups_of "$db" >"$work/backups"
	while read -r name state bytes; do
		if [ -n "$json" ]; then
			jq -cn --arg db "$db" --arg node "$node" --arg name "$name" \
			    --arg time "$(time_of "$name")" --arg state "$state" \
			    --argjson sequence "$(sequence_of "$name")" \
			    --argjson size "$bytes" '$ARGS.named'
		elif [ "$state" = whole ]; then
			say "$(time_of "$name")  $bytes bytes  $name"
		else
			say "$(time_of "$name")  no backup: $state  $name"
		fi
	done <"$work/backups"
}

# As names of objects have it; a day means its end.
time_asked() {
	case $at in
	latest) echo 99991231T235959Z; return ;;
	????-??-??) echo "$(echo "$at" | tr -d -)T235959Z"; return ;;
	esac
	_at=$(echo "$at" | tr -d ':-')
	case $_at in
	????????T????Z) _at=${_at%Z}00Z ;;
	esac
	case $_at in
	*[!0-9TZ]*) ;;
	????????T??????Z) echo "$_at"; return ;;
	esac
	stop $USAGE "--at $at is no time like 2026-01-31T12:00Z"
}

choose() { # sets name
	_until=$(time_asked) || exit $?
	backups_of "$db" >"$work/backups"
	name=$(awk -v until="$_until" \
	    '$2 == "whole" && substr($1, 1, 16) <= until { n = $1 } END { print n }' \
	    "$work/backups")
	[ -n "$name" ] ||
	    stop $TARGET "there is no backup of $db of $node${at:+ at $at}; see --list"
	manifest_get "$db" "$name" "$work/manifest" ||
	    stop $UNVERIFIED "the manifest of $name is not right; see --list for others"
}

choose_file() { # sets name and cipher
	[ -r "$from" ] || stop $TARGET "$from cannot be read"
	cipher=$from
	name=$(basename "$from" .age)
	_manifest=${from%.age}.json
	[ -r "$_manifest" ] || return 0
	cp "$_manifest" "$work/manifest"
	name=$(jq -r '.object | sub("\\.age$"; "")' "$work/manifest")
}

# What a manifest says of its object, and how much is in it at most, in one line.
# Pages are those of a database: whoever writes another number fills no disk.
figures() {
	jq -er --argjson trailer $TRAILER '
	def whole: type == "number" and . == floor and . > 0 and . < 1e15;
	select(.size | whole) |
	(([.pages, .page_size] | select(all(whole)) | .[0] * .[1] |
	    select(whole) + $trailer) // 0) as $most |
	(if has("compression") then .compression | tostring else "none" end)
	    as $word |
	"\(.size + 0) \(.sha256) \($most) \($word | gsub("[^a-z0-9.-]"; "?")[:32])"
	' "$work/manifest"
}

# Which backup it is, into which directory: sets size, sum, most (bytes, when it is
# decrypted) and compression.
find_backup() { # DIR
	if [ -n "$from" ]; then
		choose_file
	else
		choose
	fi
	if [ -e "$work/manifest" ]; then
		_line=$(figures) ||
		    stop $UNVERIFIED "the manifest of $name is not right"
		read -r size sum most compression <<-END
		$_line
		END
	else
		# what it begins with tells; a disk is not to be filled by it
		size=$(file_size "$from") sum=''
		most=$(($(free_mb "$1") * 524288)) compression=unknown
	fi
	case $compression in
	none | unknown) ;;
	zstd) command -v zstd >/dev/null || without_zstd
		[ "$most" -gt 0 ] ||
		    stop $UNVERIFIED "the manifest of $name does not say how large it is"
		;;
	*) stop $UNVERIFIED "$name.age is compressed by \"$compression\", which this program does not know: it is of a newer one" ;;
	esac
	[ "$compression" != none ] || most=$size
	room_for "$1" $((most / 1048576 + 8))
}

without_zstd() {
	stop $USAGE "$name.age is compressed by zstd, which is not installed: install the package that has it (on Debian: $(package_of zstd))"
}

# --- from the bucket, or a file, to a verified database ---

room_for() { # DIR MB
	_free=$(free_mb "$1")
	[ "$_free" -ge "$2" ] ||
	    stop $SPACE "$1 has $_free MB free, $2 MB are needed"
}

# Ciphertext may stand on a disk.
bring() { # sets cipher
	if [ -n "$from" ]; then
		[ -z "$sum" ] || [ "$(file_sum "$from")" = "$sum" ] ||
		    stop $UNVERIFIED "$from is not what $_manifest says"
		return
	fi
	room_for "$work" $((size / 1048576 + 8))
	cipher=$work/cipher
	object_sum "$(key_of "$db" "$name.age")" "$cipher" "0-$size" ||
	    stop $UNVERIFIED "$name.age is not there, though its manifest is"
	[ "$(file_size "$cipher")" = "$size" ] && [ "$got" = "$sum" ] ||
	    stop $UNVERIFIED "$name.age is not what its manifest says"
}

# By what a stream begins with, if no manifest says it.
unpack() { # standard input to standard output
	if [ $compression = unknown ]; then
		_first=$(dd bs=4 count=1 2>/dev/null | od -A n -t o1 | sed 's/  */\\/g')
		compression=none
		[ "$_first" != '\050\265\057\375' ] || compression=zstd
		# shellcheck disable=SC2059 # it is a format
		{ printf "$_first"; cat; } | unpack
		return
	fi
	case $compression in
	none) exec cat ;;
	zstd) exec zstd -q -d -c --memory=16MB ;;
	esac
}

# age writes what it could decrypt before it finds a fault: until the end of this
# the file has a name that nobody else looks at.  The kernel holds what is made of
# it to the size that it may have, and to the memory that takes.
decrypt() { # FILE
	begin_stages age unpack
	{
		code=0
		age -d -i "$identity" "$cipher" 2>"$work/said" || code=$?
		end_stage age $code
	} | {
		code=0
		(
			trap '' XFSZ
			ulimit -f $(((most + 511) / 512))
			# shellcheck disable=SC3045 # dash and ash have it
			ulimit -v 524288
			unpack
		) >"$1" 2>"$work/unpacked" || code=$?
		end_stage unpack $code
	}
	[ "$(status_of age)$(status_of unpack)" != 00 ] || return 0
	check_decrypted "$1"
}

# Where the second fails the first is told by a signal, or by an error.
check_decrypted() { # FILE
	_bytes=$(file_size "$1") || _bytes=0
	rm -f "$1"
	sed -i '/broken pipe/d' "$work/said"
	if grep -qi 'no identity matched\|malformed secret key\|unknown identity\|no secret keys\|reading "' "$work/said"; then
		[ "$identity" != - ] || identity="what stdin gave"
		stop $UNREADABLE "$identity does not decrypt $name.age"
	fi
	[ ! -s "$work/said" ] ||
	    stop $UNVERIFIED "$name.age is damaged: $(head -n 1 "$work/said")"
	if grep -qi 'no space' "$work/unpacked"; then
		stop $SPACE "there is no space for $1"
	fi
	[ "$(status_of unpack)" != 127 ] || without_zstd
	if [ "$_bytes" -ge "$most" ] && [ $compression = unknown ]; then
		stop $SPACE "$name.age holds more than $most bytes, half of what is free: put its manifest beside it, or make room"
	elif [ "$_bytes" -ge "$most" ]; then
		stop $UNVERIFIED "$name.age holds more than the $most bytes that its manifest says"
	fi
	stop $UNVERIFIED "$name.age is damaged: $(head -n 1 "$work/unpacked")"
}

_trailer() { # NAME: its value, of the first line that has it
	while read -r _name _value; do
		[ "$_name" = "$1" ] || continue
		printf '%s\n' "$_value"
		return
	done <<-END
	$trailer
	END
}

# What was decrypted says itself which backup it is; then what is a trailer goes.
check_trailer() { # FILE
	_plain=$1
	trailer=$(tail -c $TRAILER "$1" | LC_ALL=C tr -d '\000')
	[ "$(_trailer kontinuum-backup)" = 'trailer 1' ] ||
	    stop $UNVERIFIED "$name.age is no backup, or not the whole of it"
	set -- "cluster $cluster" "node $node" "db $db"
	if [ -z "$from" ] || [ -e "$work/manifest" ]; then
		set -- "$@" "time $(time_of "$name")" \
		    "sequence $(sequence_of "$name")"
	fi
	for _of in "$@"; do
		[ "$(_trailer "${_of%% *}")" = "${_of#* }" ] ||
		    stop $UNVERIFIED "$name.age says that it is of ${_of%% *} $(_trailer "${_of%% *}"), not ${_of#* }"
	done
	_bytes=$(_trailer bytes)
	[ "$(file_size "$_plain")" -eq $((_bytes + TRAILER)) ] ||
	    stop $UNVERIFIED "$name.age is not as long as it says"
	truncate -s "$_bytes" "$_plain"
}

# FILE is what was backed up, and SQLite finds no fault in it.  Our own check reads
# all of it, and tells its sum.
check_database() { # FILE
	_own='kn-store snapshot --check "$1"'
	_check=$(conf "db $db" check)
	sh -c "${_check:-$_own}" sh "$1" \
	    >"$work/figures" 2>"$work/said" ||
	    stop $UNVERIFIED "$name: $(head -n 1 "$work/said")"
	if [ -z "$_check" ]; then
		_sum=$(jq -r .sha256 "$work/figures")
	else
		_sum=$(file_sum "$1")
	fi
	[ "$_sum" = "$(_trailer sha256)" ] ||
	    stop $UNVERIFIED "what is in $name.age has another sum"
}

obtain() { # FILE
	bring
	decrypt "$1"
	check_trailer "$1"
	check_database "$1"
	rm -f "$work/cipher"
}

# The file that went along; only for its owner.
put_key() { # FILE: 1 when there is none
	case $trailer in
	*"
file "*) ;;
	*) return 1 ;;
	esac
	_line=$(_trailer file) && [ -n "${_line#* }" ] &&
	    printf '%s\n' "${_line#* }" | base64 -d >"$1" && [ -s "$1" ] ||
	    stop $UNVERIFIED "${_line%% *}, which went along with $name, cannot be read"
}

in_memory() { # DIR
	case $(stat -f -c %T "$1" 2>/dev/null) in
	tmpfs | ramfs) return 0 ;;
	esac
	# names that this stat does not know
	df -P "$1" 2>/dev/null | awk 'NR == 2 { exit $1 !~ /^(tmpfs|ramfs|shm)$/ }'
}

verify() {
	in_memory "$scratch" ||
	    stop $USAGE "$scratch is no tmpfs, and what is decrypted is not for a disk: --scratch"
	sweep "$scratch"
	find_backup "$scratch"
	gone=$(mktemp -d "$scratch/kn-restore.$$.XXXXXX")
	obtain "$gone/db"
	if [ -n "$json" ]; then
		jq -c --arg name "$name" '{ name: $name, verified: true } + .' "$work/figures"
	else
		say "$name: verified; $(jq -r '"\(.bytes) bytes, \(.pages) pages, version \(.user_version)"' "$work/figures")"
	fi
}

restore_into() {
	[ -d "$into" ] || mkdir -p "$into" || stop 1 "$into cannot be made"
	_to=$into/$(basename "$path")
	[ ! -e "$_to" ] || stop $USAGE "$_to is there already"
	for _tail in -wal -shm -journal; do
		[ ! -e "$_to$_tail" ] ||
		    stop $USAGE "$_to$_tail would be taken for part of it: remove it"
	done
	find_backup "$into"
	gone=$into/.restore.$$
	mkdir "$gone"
	obtain "$gone/db"
	if put_key "$gone/key"; then
		_key=$into/$(basename "$(_trailer file | cut -d ' ' -f 1)")
		[ -e "$_key" ] || mv "$gone/key" "$_key"
	fi
	adopt "$gone/db"
	to_disk "$gone/db"
	mv "$gone/db" "$_to"
	to_disk "$into"
	say "$name is $_to"
}

# Others that saw what it said before are to know that it is another life of it.
adopt() { # FILE
	_adopt='kn-store snapshot --adopt "$1"'
	[ "$db" = node ] || _adopt=:
	sh -c "$(conf "db $db" adopt "$_adopt")" sh "$1" 2>"$work/said" ||
	    stop $UNVERIFIED "$name: $(head -n 1 "$work/said")"
}

# --- in place ---

holders() { # PATH: ids of processes that have it open
	ls -l /proc/[0-9]*/fd 2>/dev/null | path=$1 awk '
	BEGIN { path = ENVIRON["path"] }
	/^\/proc\// { split($0, part, "/"); next }
	at = index($0, " -> ") {
		to = substr($0, at + 4)
		sub(/-(wal|shm)$/, "", to)
		if (to == path && !seen[part[3]]++)
			print part[3]
	}'
}

not_held() { # by any process that we can see
	_who=$(holders "$path")
	[ -z "$_who" ] ||
	    stop $LOCKED "$path is in use by process $(echo "$_who" | tr '\n' ' ')"
}

# Until the end nobody opens the database: who does holds this lock.
hold() {
	if [ ! -e "$path.lock" ]; then
		: >>"$path.lock"
		like "$path.lock"
	fi
	exec 7>>"$path.lock"
	# not every flock has -w
	if ! wait_for 10 flock -n 7; then
		stop $LOCKED "$path is in use: stop ${service:-the program} first: $(service_command stop "$service")"
	fi
	not_held
}

# What is needed to go on stands in one file that is there or is not: while it is,
# no program opens the database.  It names where the old one is kept.
exchange() {
	rescue=$(cat "$path.restoring")
	mkdir -p "$rescue"
	if [ -e "$stage/db" ]; then
		for _tail in '' -wal -shm -journal; do
			[ ! -e "$path$_tail" ] ||
			    mv -f "$path$_tail" "$rescue/$(basename "$path")$_tail"
		done
		to_disk "$rescue"
		mv -f "$stage/db" "$path"
	fi
	if [ -e "$stage/key" ]; then
		[ ! -e "$key" ] || mv -f "$key" "$rescue/$(basename "$key")"
		mv -f "$stage/key" "$key"
		to_disk "$(dirname "$key")"
	fi
	to_disk "$(dirname "$path")"
	rm -f "$path.restoring"
	to_disk "$(dirname "$path")"
	[ ! -e "$rescue/$(basename "$path")" ] || note "the old database is in $rescue"
	rm -rf "$stage"
}

like() { # FILE: owner and mode as the database's, or its directory's
	_of=$path
	[ -e "$_of" ] || _of=$dir
	! is_root || chown "$(stat -c %u:%g "$_of")" "$1"
	chmod 600 "$1"
}

halt() {
	[ -n "$service" ] && service_installed "$service" || return 0
	service_pid "$service" >/dev/null || return 0
	note "stopping $service"
	halted=yes
	service_stop "$service"
	service_wait_down "$service" 120 ||
	    stop $LOCKED "$service does not stop; see its log"
}

# Start it, and look at what it makes of it.  Locks are not for it to inherit.
go_on() {
	exec 6>&- 7>&- 8>&-
	halted=''
	[ -n "$start" ] && [ -n "$service" ] && service_installed "$service" || {
		say "$(basename "$path") is restored; now: $(service_command start "$service")"
		return 0
	}
	note "starting $service"
	service_start "$service"
	service_wait_ready "$service" 120 ||
	    stop $UNVERIFIED "$service does not become ready with the restored database; its log says why, the old one is in the newest $dir/rescue-…"
	say "$(basename "$path") is restored, and $service serves it"
}

lock_dir() {
	[ -w "$dir" ] || stop $USAGE "$dir is not ours to write: be root"
	exec 6>>"$dir/.restore.lock"
	flock -n 6 || stop $LOCKED "another restore.sh is at work in $dir"
}

# Verified, beside the database, under a name that says so.
do_stage() {
	lock_dir
	rm -rf "$stage" "$stage.new"
	find_backup "$dir"
	mkdir "$stage.new"
	obtain "$stage.new/db"
	adopt "$stage.new/db"
	like "$stage.new/db"
	if { [ ! -e "$key" ] || [ -n "$with_key" ]; } && [ -n "$key" ] &&
	    put_key "$stage.new/key"; then
		like "$stage.new/key"
		to_disk "$stage.new/key"
	fi
	file_sum "$stage.new/db" >"$stage.new/sum"
	to_disk "$stage.new/db" "$stage.new/sum"
	to_disk "$stage.new"
	mv "$stage.new" "$stage"
	to_disk "$dir"
}

do_swap() {
	lock_dir
	if [ -e "$path.restoring" ]; then
		note "going on with a restore that was interrupted"
		hold
		exchange
		return
	fi
	[ -e "$stage/db" ] || stop $TARGET "nothing is staged in $dir: --stage first"
	_sum=$(cat "$stage/sum")
	hold
	echo "$dir/rescue-$(date -u +%Y%m%dT%H%M%SZ).$$" >"$stage/restoring"
	to_disk "$stage/restoring"
	mv "$stage/restoring" "$path.restoring"
	to_disk "$dir"
	exchange
	[ "$(file_sum "$path")" = "$_sum" ] ||
	    stop $UNVERIFIED "$path is not what was restored; the old one is in $rescue"
}

# Who has the directory could lay links for root to write through: so root does
# nothing in it, and each step is done by its owner.
find_owner() { # sets owner, of a directory that is not root's
	owner=
	is_root || return 0
	if [ "$(stat -c %u "$dir")" -ne 0 ]; then
		owner=$(stat -c %U "$dir")
		id "$owner" >/dev/null 2>&1 || stop $USAGE "nobody owns $dir: chown it"
		[ ! -e "$backup_conf" ] || as_user "$owner" test -r "$backup_conf" ||
		    stop $USAGE "$owner, who owns $dir, cannot read $backup_conf"
		return 0
	fi
	case $(stat -c %a "$dir") in
	*[2367]? | *[2367]) stop $USAGE "others than root may write in $dir: chmod go-w it" ;;
	esac
}

# A file of root's, as a copy of the ciphertext that the owner may read.
hand_on() {
	[ -n "$from" ] || return 0
	[ -r "$from" ] || stop $TARGET "$from cannot be read"
	room_for "$work" $(($(file_size "$from") / 1048576 + 8))
	for _file in "$from" "${from%.age}.json"; do
		[ ! -r "$_file" ] || cat "$_file" >"$work/$(basename "$_file")"
	done
	chgrp -R "$(id -g "$owner")" "$work"
	chmod -R g+rX "$work"
	from=$work/$(basename "$from")
}

step() { # stage|swap
	if [ -z "$owner" ]; then
		"do_$1"
		return
	fi
	if [ "$1" = stage ]; then
		hand_on
		[ "$identity" = - ] || exec <"$identity"
	fi
	set -- --config "$backup_conf" --db "$db" --no-start "--$1" --at "$at" --identity - \
	    ${node:+--node "$node"} ${from:+--from-file "$from"} ${with_key:+--with-key}
	_code=0
	(cd / && as_user "$owner" "$here/restore.sh" "$@") >/dev/null || _code=$?
	[ $_code -eq 0 ] || exit $_code
}

in_place() {
	dir=$(cd "$(dirname "$path")" 2>/dev/null && pwd -P) ||
	    stop $USAGE "$(dirname "$path") is not there, or not ours: be root"
	path=$dir/$(basename "$path")
	stage=$dir/.restore
	find_owner
	if [ -d "$node_state" ] && [ -w "$node_state" ]; then
		exec 8>>"$node_state/lock"
		flock -n 8 || stop $LOCKED "an upgrade or another restore is at work: $node_state/lock"
	fi
	if [ $what = stage ] && [ -e "$path.restoring" ]; then
		stop $LOCKED "a restore was interrupted: --swap goes on with it"
	elif [ $what != swap ] && [ ! -e "$path.restoring" ]; then
		# refused before much is brought: nobody is there to stop it
		[ $what = stage ] || { [ -n "$service" ] && service_installed "$service"; } ||
		    not_held
		step stage
		[ $what != stage ] || { say "staged in $stage; now: restore.sh --swap"; return; }
	fi
	halt
	step swap
	go_on
}

# --- all of it ---

if [ "$what" = list ]; then
	list
	exit 0
fi
if [ $what != swap ]; then
	[ -n "$identity" ] || stop $USAGE "what decrypts it? --identity FILE; see --help"
	[ "$identity" = - ] || [ -r "$identity" ] || stop $USAGE "$identity cannot be read"
fi
path=$(conf "db $db" path)
if [ -z "$path" ] && [ "$db" = node ]; then
	path=$(ini store db_path) || path=$(path_of store)/node.db
fi
[ -n "$path" ] || stop $USAGE "$backup_conf: where is $db? (path of [db $db])"
key=$(conf "db $db" with)
if [ -z "$key" ] && [ "$db" = node ]; then
	key=$(ini store secret_key_path) || key=$(path_of store)/store.key
fi
service=$(conf "db $db" service "$([ "$db" != node ] || echo kn-store)")
case $what in
verify) verify ;;
into) restore_into ;;
place | stage | swap) in_place ;;
esac
