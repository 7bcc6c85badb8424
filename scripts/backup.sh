#!/bin/sh
# SPDX-License-Identifier: ISC
# Databases of a node, as they are at one moment, encrypted, into a bucket; and
# the care for what is there.  backup.sh(8), backup.conf(5), backup(5).
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
usage: backup.sh [options] [DATABASE…]       back up: node, admin, all (node)
       backup.sh [options] prune [DATABASE…] remove what is too old
       backup.sh [options] audit [DATABASE…] for how many recipients each is
       backup.sh [options] drill [DATABASE…] restore one into memory, verify it

options:
  --config FILE       instead of /etc/kontinuum-node/backup.conf
  --identity FILE     drill: what decrypts; it does not belong on the node
  --node ID           prune, audit, drill: backups of that node, not of this one
  --due               only those whose time has come (every of backup.conf)
  --allow-unsynced    back up although the clock is not set by the network
  --dry-run           prune: say what would be removed
  --json              one object a line
  --help              show this page and exit

  backup.sh --due all                         # what a timer runs every hour
  backup.sh drill --identity key.txt          # what makes a backup a good one

Exit: 0 done; 1 failed; 2 you; 3 some of it; 10 no such bucket; 11 another runs;
12 cannot decrypt; 13 does not verify; 14 not uploaded; 15 the clock is wrong;
16 no space; 17 the database is damaged; 75 later; 130 interrupted.
END
}

backup_conf='' identity='' unsynced='' due='' dry='' json='' verb=backup names='' node=''
while [ $# -gt 0 ]; do
	case $1 in
	--config) backup_conf=$(value_of "$@") || exit $USAGE; shift ;;
	--identity) identity=$(value_of "$@") || exit $USAGE; shift ;;
	--node) node=$(value_of "$@") || exit $USAGE; shift ;;
	--due) due=yes ;;
	--allow-unsynced) unsynced=yes ;;
	--dry-run) dry=yes ;;
	--json) json=yes ;;
	--help | -h) usage; exit 0 ;;
	prune | audit | drill) verb=$1 ;;
	[!a-z]*) stop $USAGE "there is no option $1; see --help" ;;
	*) names="$names $1" ;;
	esac
	shift
done

node_find
[ -n "$backup_conf" ] || backup_conf=$(path_of etc)/backup.conf
[ -r "$backup_conf" ] || [ ! -e "$backup_conf" ] || stop $USAGE "$backup_conf cannot be read"
PATH=$node_bin:$PATH
export PATH

# --- who does it ---

metrics_to=
[ ! -r "$backup_conf" ] ||
    metrics_to=$(conf backup metrics "$node_state/backup.prom")

# In one moment; what is read is not ours to trust, so not much of it.
publish() { # AS-WHOM
	[ -n "$metrics_to" ] && [ -w "$(dirname "$metrics_to")" ] || return 0
	as_user "$1" cat "$(conf backup dir "$(path_of store)/backup")/backup.prom" \
	    2>/dev/null | head -c 65536 >"$metrics_to.new" || return 0
	[ -s "$metrics_to.new" ] || { rm -f "$metrics_to.new"; return 0; }
	chmod 644 "$metrics_to.new"
	mv -f "$metrics_to.new" "$metrics_to"
}

# What decrypts may be for root's eyes: it is handed on open, and not by its name.
drill_as() { # USER
	[ -r "$identity" ] || stop $USAGE "$identity cannot be read"
	case " $names " in *' all '*) names=$(databases) ;; esac
	_good=0
	for db in ${names:-node}; do
		_code=0
		as_user "$1" "$here/backup.sh" --config "$backup_conf" \
		    ${node:+--node "$node"} ${json:+--json} --identity - drill "$db" \
		    <"$identity" || _code=$?
		[ $_code -ne 0 ] || _good=$((_good + 1))
		[ $code -ne 0 ] || code=$_code
	done
	[ $code -eq 0 ] || [ $_good -eq 0 ] || code=$PARTIAL
}

# Root only hands on, and publishes the numbers.
user=root
[ ! -r "$backup_conf" ] || user=$(conf backup user kn-store)
if is_root && [ "$user" != root ] && id "$user" >/dev/null 2>&1; then
	set -f
	set -- $verb $names
	set +f
	[ "$verb" != backup ] || shift
	[ -z "$node" ] || set -- --node "$node" "$@"
	for option in ${due:+--due} ${unsynced:+--allow-unsynced} ${dry:+--dry-run} ${json:+--json}; do
		set -- "$option" "$@"
	done
	code=0
	if [ "$verb" = drill ] && [ -n "$identity" ]; then
		drill_as "$user"
	else
		as_user "$user" "$here/backup.sh" --config "$backup_conf" "$@" || code=$?
	fi
	[ "$verb" = audit ] || publish "$user"
	exit $code
fi

# --- what every verb begins with ---

own=$node # asked for by name: another node's, of which nothing is remembered
work=
leave() {
	[ -z "$work" ] || rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM HUP

[ -n "$names" ] || names=node
case " $names " in
*' all '*)
	[ -r "$backup_conf" ] && names=$(databases) ;;
esac
objects_open
for db in $names; do
	databases | grep -qx -e "$db" ||
	    stop $USAGE "there is no database \"$db\" in $backup_conf"
done
private_dir "$keep_dir"
exec 9>>"$keep_dir/lock"
flock -n 9 || stop $LOCKED "another backup.sh is at work in $keep_dir"
# what one left that was killed; nobody else is here
rm -rf "$keep_dir"/work.*
work=$keep_dir/work.$$
mkdir "$work"

# --- what is remembered of a database, and told to Prometheus ---

remember() { # DB NAME VALUE…: of this node
	[ -z "$own" ] || return 0
	_file=$keep_dir/$1.state
	shift
	{
		[ ! -e "$_file" ] || while read -r _name _value; do
			case " $* " in
			*" $_name "*) ;;
			*) echo "$_name $_value" ;;
			esac
		done <"$_file"
		while [ $# -gt 0 ]; do
			echo "$1 $2"
			shift 2
		done
	} >"$_file.new"
	mv -f "$_file.new" "$_file"
}

recall() { # DB NAME
	[ ! -e "$keep_dir/$1.state" ] || while read -r _name _value; do
		[ "$_name" != "$2" ] || echo "$_value"
	done <"$keep_dir/$1.state"
}

series() { # NAME HELP
	echo "# HELP $1 $2"
	echo "# TYPE $1 gauge"
	for db in $(databases); do
		_value=$(recall "$db" "$1")
		[ -z "$_value" ] || echo "$1{db=\"$db\"} $_value"
	done
}

tell_numbers() {
	{
		series kn_backup_last_attempt_timestamp_seconds \
		    'When a backup was last tried.'
		series kn_backup_last_success_timestamp_seconds \
		    'When a backup was last there, whole, as it was read again.'
		series kn_backup_last_exit_code 'How the last try ended.'
		series kn_backup_duration_seconds 'How long the last good one took.'
		series kn_backup_bytes 'Bytes of the last good one.'
		series kn_backup_verified_timestamp_seconds \
		    'Of what time the newest backup is that was decrypted and verified.'
		series kn_restore_drill_timestamp_seconds \
		    'When a backup was last restored for a test.'
		echo '# HELP kn_backup_objects Backups in the bucket.'
		echo '# TYPE kn_backup_objects gauge'
		for db in $(databases); do
			for state in whole bare hollow; do
				_value=$(recall "$db" objects_$state)
				[ -z "$_value" ] || echo \
				    "kn_backup_objects{db=\"$db\",state=\"$state\"} $_value"
			done
		done
	} >"$keep_dir/backup.prom.new"
	mv -f "$keep_dir/backup.prom.new" "$keep_dir/backup.prom"
	publish "$user"
}

# --- the clock ---

FLOOR=1735689600 # this program is younger

network_time() { # synced, unsynced or unknown
	_say=$(timedatectl show -p NTPSynchronized --value 2>/dev/null) || _say=
	case $_say in
	yes) echo synced; return ;;
	no) echo unsynced; return ;;
	esac
	_say=$(chronyc tracking 2>/dev/null | sed -n 's/^Leap status *: //p')
	case $_say in
	'') echo unknown ;;
	*'Not sync'*) echo unsynced ;;
	*) echo synced ;;
	esac
}

check_clock() { # DB: sets now and clock
	now=$(date +%s)
	[ "$now" -ge $FLOOR ] ||
	    stop $CLOCK "the clock says $(stamp "$now"): set it, then run this again"
	_last=$(recall "$1" kn_backup_last_success_timestamp_seconds)
	[ "$now" -ge $((${_last:-0} - 60)) ] ||
	    stop $CLOCK "the clock says $(stamp "$now"), but the last backup is of $(stamp "$_last"): set it; if that one was wrong, remove $keep_dir/$1.state"
	clock=$(network_time)
	[ "$clock" != unsynced ] || [ -n "$unsynced" ] ||
	    [ "$(conf backup clock check)" = any ] ||
	    stop $CLOCK "the clock is not set by the network yet; wait for that, or say --allow-unsynced"
}

# --- one backup ---

# Public keys of different owners, two at least: sets recipients, and prints the
# first letters of the sum of each.
check_recipients() {
	recipients=$(conf backup recipients "$(path_of etc)/backup.recipients")
	[ -r "$recipients" ] || stop $USAGE "$recipients, the public keys that backups are for, cannot be read"
	sed 's/[ 	]*$//; /^#/d; /^$/d' "$recipients" | sort -u >"$work/recipients"
	if grep -q 'AGE-SECRET-KEY\|PRIVATE KEY' "$recipients"; then
		stop $USAGE "$recipients holds a secret key: take it off this node"
	fi
	[ "$(awk '{ print $1, $2 }' "$work/recipients" | sort -u | wc -l)" -ge 2 ] ||
	    stop $USAGE "$recipients: two different public keys at least, or who loses one loses everything"
	while read -r _key; do
		printf '%s' "$_key" | sha256sum | cut -c 1-12
	done <"$work/recipients"
}

check_compression() { # sets compression
	compression=$(conf backup compression)
	case $compression in
	none) return ;;
	zstd | '') ;;
	*) stop $USAGE "$backup_conf: compression is zstd or none" ;;
	esac
	if command -v zstd >/dev/null; then
		compression=zstd
	elif [ -z "$compression" ]; then
		compression=none
	else
		stop $USAGE "$backup_conf: compression is zstd, which is not installed: install the package that has it (on Debian: $(package_of zstd)), or say none"
	fi
}

next_sequence() { # DB
	_at=$(recall "$1" sequence)
	if [ -z "$_at" ]; then
		# a new disk: go on from what is there, if we may look
		_at=$( (backups_of "$1") 2>/dev/null | tail -n 1)
		_at=$(sequence_of "${_at%% *}")
	fi
	echo $((${_at:-0} + 1))
}

check_space() { # PATH
	_need=$(($(file_size "$1") / 1048576 + 17))
	[ ! -e "$1-wal" ] || _need=$((_need + $(file_size "$1-wal") / 1048576))
	_free=$(free_mb "$keep_dir")
	[ "$_free" -ge $_need ] ||
	    stop $SPACE "$keep_dir has $_free MB free, $_need MB are needed"
}

# The database, then figures that only who can decrypt sees, in $TRAILER bytes.
# Whatever is killed on the way, they are all there or nothing is.
trailer() { # DB FILE: behind the stream, of which the figures are in $work/sums
	_figures=$(jq -er 'select(.bytes == .pages * .page_size and .sha256) | to_entries[] |
	    "\(.key) \(.value)"' "$work/sums") || return 1
	_text="
kontinuum-backup trailer 1
cluster $cluster
node $node
db $1
time $time
sequence $sequence
$_figures"
	if [ -n "$2" ]; then
		_coded=$(base64 <"$2") || return 1
		_text="$_text
file ${2##*/} "
		for _line in $_coded; do
			_text=$_text$_line
		done
	fi
	[ ${#_text} -lt $TRAILER ] || return 1
	printf "%-${TRAILER}s" "$_text
"
}

# A frame of its own for each of database and trailer: how well the first is
# compressed says nothing about what is secret in the second.
squeeze() { # STAGE: standard input to standard output
	code=0
	case $compression in
	zstd) zstd -q -1 --single-thread -c 2>"$work/squeezed" || code=$? ;;
	none) cat || code=$? ;;
	esac
	end_stage "$1" $code
}

# Both, or it ends without a trailer.
plain() { # DB COMMAND FILE
	{
		code=0
		PATH=$node_bin:$PATH sh -c "$2" sh "$path" 3>"$work/sums" || code=$?
		end_stage snapshot $code
	} | squeeze database
	if [ "$(status_of snapshot)$(status_of database)" = 00 ]; then
		{
			code=0
			trailer "$1" "$3" || code=$?
			end_stage trailer $code
		} | squeeze end
	fi
}

# Nothing but what age writes touches a disk.  dash has no pipefail: every stage
# leaves its status.  Sets sum.
encrypt() { # DB COMMAND FILE
	begin_stages snapshot database trailer end age tee
	sum=$(plain "$@" | {
		code=0
		age -R "$work/recipients" 2>"$work/said" || code=$?
		end_stage age $code
	} | {
		code=0
		tee "$work/data" 2>"$work/kept" || code=$?
		end_stage tee $code
	} | sum) || sum=
	check_stages
}

# A stage that fails makes those before it fail: the last one is to blame.
check_stages() {
	[ -n "$sum" ] || stop 1 "the sum of the backup cannot be made"
	if [ "$(status_of tee)" != 0 ]; then
		[ "$(free_mb "$keep_dir")" -ge 1 ] || stop $SPACE "$keep_dir is full"
		stop 1 "$work/data cannot be written: $(head -n 1 "$work/kept")"
	fi
	[ "$(status_of age)" = 0 ] ||
	    stop 1 "age failed: $(head -n 1 "$work/said")"
	case $(status_of database)$(status_of snapshot) in
	00) ;;
	01) stop $SOURCE "$path is damaged: nothing was backed up; kn-store fsck tells more" ;;
	02 | 0100) stop $USAGE "$path cannot be backed up" ;;
	0111) stop $LATER "$path cannot be read now; try again" ;;
	0*) stop 1 "the snapshot of $path failed: $(status_of snapshot)" ;;
	*) stop 1 "zstd failed: $(head -n 1 "$work/squeezed")" ;;
	esac
	[ "$(status_of trailer)$(status_of end)" = 00 ] ||
	    stop 1 "the figures of the backup cannot be written: $(status_of trailer)"
}

# What leaves this host is what age wrote, for everybody it is to be for; what
# it was given to encrypt begins with one of these.
check_encrypted() {
	_n=$(stanzas "$work/data") || stop 1 "age wrote no age file"
	[ "$_n" -ge "$(wc -l <"$work/recipients")" ] ||
	    stop 1 "age wrote for $_n recipients only"
	! head -c 65536 "$work/data" |
	    LC_ALL=C grep -q -e 'SQLite format 3' -e "$ZSTD_HEAD" ||
	    stop 1 "what age wrote is not encrypted"
}

manifest() { # DB RECIPIENT…
	_db=$1
	shift
	jq -cn --arg cluster "$cluster" --arg node "$node" --arg db "$_db" \
	    --arg time "$time" --argjson sequence "$sequence" \
	    --arg object "$name.age" --argjson size "$size" --arg sha256 "$sum" \
	    --arg program "$(kn-store --version 2>/dev/null | head -n 1)" \
	    --arg clock "$clock" --arg compression "$compression" \
	    --slurpfile s "$work/sums" '
	{ format: "kontinuum-backup 1", cluster: $cluster, node: $node, db: $db,
	  time: $time, sequence: $sequence, object: $object, size: $size,
	  sha256: $sha256, compression: $compression,
	  pages: $s[0].pages, page_size: $s[0].page_size,
	  schema: $s[0].user_version, program: $program, clock: $clock,
	  recipients: $ARGS.positional }' --args "$@"
}

upload() { # DB: the manifest last, without it there is no backup
	_key=$(key_of "$1" "$name.age")
	object_put "$work/data" "$_key" "$sum"
	[ "$(object_size "$_key")" = "$size" ] ||
	    stop $UNVERIFIED "$_key is not there as it was sent"
	if [ "$(conf target readback yes)" != no ]; then
		object_sum "$_key" && [ "$got" = "$sum" ] ||
		    stop $UNVERIFIED "$_key is not what was sent, as it was read again"
	fi
	# shellcheck disable=SC2086 # words
	manifest "$1" $keys >"$work/manifest"
	object_put "$work/manifest" "$(key_of "$1" "$name.json")" \
	    "$(file_sum "$work/manifest")"
}

# Its last one is so old that the next is to be made; a timer is not punctual.
is_due() { # DB
	_every=$(_duration "db $1" every "$(default_every "$1")") || exit $?
	_last=$(recall "$1" kn_backup_last_success_timestamp_seconds)
	_age=$(($(date +%s) - ${_last:-0}))
	# one that is of the future is for check_clock to tell of
	[ $_age -lt 0 ] || [ $_age -ge $((_every - _every / 10)) ]
}

default_every() { [ "$1" = admin ] && echo 24h || echo 1h; }
default_keep() { [ "$1" = admin ] && echo 90d || echo 30d; }

backup_one() { # DB
	db=$1
	[ -z "$due" ] || is_due "$db" || return 0
	check_clock "$db"
	began=$now
	remember "$db" kn_backup_last_attempt_timestamp_seconds "$now"
	keys=$(check_recipients) || exit $?
	recipients=$(conf backup recipients "$(path_of etc)/backup.recipients")
	path=$(conf "db $db" path)
	if [ -z "$path" ] && [ "$db" = node ]; then
		path=$(ini store db_path) || path=$(path_of store)/node.db
	fi
	with=$(conf "db $db" with)
	if [ -z "$with" ] && [ "$db" = node ]; then
		with=$(ini store secret_key_path) || with=$(path_of store)/store.key
	fi
	[ -n "$path" ] && [ -e "$path" ] ||
	    stop $USAGE "the database $db is not at \"$path\""
	[ -z "$with" ] || [ -r "$with" ] || stop $USAGE "$with cannot be read"
	check_space "$path"
	check_compression
	sequence=$(next_sequence "$db") || exit $?
	remember "$db" sequence "$sequence"
	time=$(stamp "$now")
	encrypt "$db" "$(conf "db $db" command 'kn-store snapshot --db "$1" --sums 3 -')" "$with"
	check_encrypted
	size=$(file_size "$work/data")
	name=$(printf '%s-%08d-%.8s' "$time" "$sequence" "$sum")
	upload "$db"
	remember "$db" kn_backup_last_success_timestamp_seconds "$now" \
	    kn_backup_duration_seconds $(($(date +%s) - began)) \
	    kn_backup_bytes "$size"
	if [ -n "$json" ]; then
		cat "$work/manifest"
	else
		say "$db: $name.age, $size bytes ($compression) for $(wc -l <"$work/recipients") recipients"
	fi
}

# --- prune ---

count_objects() { # DB: of $work/backups
	for _state in whole bare hollow; do
		remember "$1" objects_$_state \
		    "$(awk -v s=$_state '$2 == s { n++ } END { print n + 0 }' "$work/backups")"
	done
}

# The newest has to be whole, and the clock near it: who cannot tell what is new
# removes nothing.
check_newest() { # DB
	newest=$(awk '$2 == "whole" { n = $1 } END { print n }' "$work/backups")
	[ -n "$newest" ] || stop $PARTIAL "$1: no backup is whole, so nothing is removed"
	_last=$(tail -n 1 "$work/backups")
	case $_last in
	"$newest "*) ;;
	*) stop $PARTIAL "$1: the newest backup ${_last%% *} is not whole, so nothing is removed" ;;
	esac
	manifest_get "$1" "$newest" "$work/manifest" &&
	    [ "$(jq .size "$work/manifest")" = "${_last##* }" ] ||
	    stop $UNVERIFIED "$1: the manifest of the newest backup $newest is not right, so nothing is removed"
	now=$(date +%s)
	_at=$(epoch_of "$(time_of "$newest")")
	_ahead=$((2 * $(_duration "db $1" every "$(default_every "$1")")))
	[ $_ahead -ge 86400 ] || _ahead=86400
	[ "$now" -ge $((_at - 600)) ] ||
	    stop $CLOCK "$1: the clock says $(stamp "$now"), before the newest backup $newest: nothing is removed"
	[ "$now" -le $((_at + _ahead)) ] ||
	    stop $CLOCK "$1: the newest backup $newest is too old, or the clock ($(stamp "$now")) is wrong: nothing is removed"
}

remove() { # DB NAME SUFFIX WHY
	if [ -n "$dry" ]; then
		say "$1: would remove $2.$3: $4"
		return
	fi
	object_delete "$(key_of "$1" "$2.$3")"
	if [ -n "$json" ]; then
		json db "$1" removed "$2.$3" why "$4"
	else
		say "$1: removed $2.$3: $4"
	fi
}

prune_one() { # DB
	objects_prune_with
	backups_of "$1" >"$work/backups"
	count_objects "$1"
	[ -s "$work/backups" ] || return 0
	_keep=$(_duration "db $1" keep "$(default_keep "$1")") || exit $?
	_least=$(conf "db $1" least 3)
	case $_least in
	[3-9] | [1-9][0-9]*) ;;
	*) stop $USAGE "$backup_conf: least of [db $1] is less than 3" ;;
	esac
	check_newest "$1"
	# a manifest goes before its object: what has one can be restored
	awk -v old="$(stamp $((now - _keep)))" -v lost="$(stamp $((now - 172800)))" \
	    -v least="$_least" '
	{ name[NR] = $1; state[NR] = $2; whole += $2 == "whole" }
	END {
		for (i = 1; i <= NR; i++) {
			if (state[i] == "whole" && name[i] < old && whole > least) {
				whole--
				print name[i], "json age", "it is too old"
			} else if (state[i] == "bare" && name[i] < lost)
				print name[i], "age", "it has no manifest"
			else if (state[i] == "hollow" && name[i] < lost)
				print name[i], "json", "it has no object"
		}
	}' "$work/backups" >"$work/remove"
	while read -r _which _first _rest; do
		case $_rest in
		age*) remove "$1" "$_which" "$_first" "${_rest#age }"
			remove "$1" "$_which" age "${_rest#age }" ;;
		*) remove "$1" "$_which" "$_first" "$_rest" ;;
		esac
	done <"$work/remove"
	[ -z "$dry" ] || return 0
	uploads_of "$1" "$(stamp $((now - 172800)))" >"$work/uploads"
	while read -r _which _id; do
		upload_abort "$_which" "$_id"
		note "$1: gave up an upload of $_which that never ended"
	done <"$work/uploads"
	backups_of "$1" >"$work/backups"
	count_objects "$1"
}

# --- audit ---

audit_one() { # DB
	backups_of "$1" >"$work/backups"
	count_objects "$1"
	_bad=0
	while read -r _which _state _bytes; do
		_n=0
		if [ "$_state" != hollow ]; then
			object_get "$(key_of "$1" "$_which.age")" "$work/back" 0-16383 &&
			    _n=$(stanzas "$work/back") || _n=0
		fi
		_known=
		[ "$_state" != whole ] || ! manifest_get "$1" "$_which" "$work/manifest" ||
		    _known=$(jq -r '.recipients | join(",")' "$work/manifest")
		[ "$_n" -ge 2 ] && [ "$_state" = whole ] || _bad=1
		if [ -n "$json" ]; then
			json db "$1" name "$_which" state "$_state" size "$_bytes" \
			    recipients "$_n" keys "$_known"
		else
			printf '%s %s %-6s %12s bytes, %s recipients %s\n' "$1" \
			    "$_which" "$_state" "$_bytes" "$_n" "$_known"
		fi
	done <"$work/backups"
	[ $_bad -eq 0 ] || stop $PARTIAL "$1: not every backup is whole and for two recipients"
}

# --- drill ---

drill_one() { # DB
	[ -n "$identity" ] || stop $USAGE "drill wants --identity FILE, from somewhere else"
	backups_of "$1" >"$work/backups"
	count_objects "$1"
	_which=$(awk '$2 == "whole" { n = $1 } END { print n }' "$work/backups")
	[ -n "$_which" ] || stop $PARTIAL "$1: there is no whole backup"
	_from=$(date +%s)
	"$here/restore.sh" --config "$backup_conf" --db "$1" --node "$node" \
	    --at "$(time_of "$_which")" --identity "$identity" --verify-only \
	    ${json:+--json} || exit $?
	remember "$1" kn_restore_drill_timestamp_seconds "$(date +%s)" \
	    kn_backup_verified_timestamp_seconds "$(epoch_of "$(time_of "$_which")")"
	note "$1: $_which was restored into memory and verified in $(($(date +%s) - _from)) s"
}

# --- all of it ---

first=0 good=0
for db in $names; do
	set +e
	(set -e; "${verb}_one" "$db")
	code=$?
	set -e
	rm -f "$work"/*
	if [ "$verb" = backup ]; then
		remember "$db" kn_backup_last_exit_code $code
	fi
	[ $code -ne 0 ] || good=$((good + 1))
	[ $first -ne 0 ] || first=$code
done
[ -n "$own" ] || tell_numbers
if [ $first -eq 0 ] && [ "$verb" = backup ]; then
	ping=$(conf backup ping)
	[ -z "$ping" ] || timeout 60 sh -c "$ping" sh "$names" ||
	    note "the command ping of $backup_conf failed"
fi
[ $first -eq 0 ] || [ $good -eq 0 ] || exit $PARTIAL
exit $first
