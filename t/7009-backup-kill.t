#!/bin/sh
# SPDX-License-Identifier: ISC
# KN_BACKUPS (200) backups of a store that is being written to, killed at random
# points: every one that has a manifest restores, right; and the next one needs
# no help.  Then KN_RESTORES (20) restores that are killed.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
# shellcheck source=t/backups.sh
. "$here/backups.sh"
need_backups
command -v setsid >/dev/null || skip 'there is no setsid'
backups=${KN_BACKUPS:-200}
restores=${KN_RESTORES:-20}

below() { # N: a number below that
	od -A n -N 4 -t u4 /dev/urandom | awk -v n="$1" '{ print int($1 % n) }'
}
ms() { date +%s%3N; }

# A script that is killed after so many ms: all of it, or itself alone, or one of
# what it started.  0: it was whole before that.
killed() { # MS SCRIPT ARGUMENT…
	_after=$1 _script=$scripts/$2
	shift 2
	KN_BUILD=$bin NODE_INI=$T/none.ini KN_SUPERVISOR=none KN_ROOT=$T/root \
	    KN_BACKUP_PAUSE=0 TMPDIR=$T setsid "$_script" \
	    --config "$T/backup.conf" "$@" >"$T/out" 2>"$T/err" &
	_victim=$!
	sleep "$(awk -v ms="$_after" 'BEGIN { print ms / 1000 }')"
	case $(below 8) in
	0) kill -9 $_victim 2>/dev/null ;;
	1) _one=$(pgrep -s $_victim 2>/dev/null | tail -n 1)
		kill -9 "${_one:-$_victim}" 2>/dev/null ;;
	*) kill -9 -$_victim 2>/dev/null ;;
	esac
	wait $_victim 2>/dev/null
}

bucket_start && store_start a && store a mb box >/dev/null
ok $? "a store, and a bucket in another one"
write_conf a 'clock = any'
sed -i '/^.target/a readback = no' "$T/backup.conf"

# contents 1, 2, 3 …; which of them are durable is in $T/acked
: >"$T/acked"
cat >"$T/write" <<END
n=0
while :; do
	n=\$((n + 1))
	printf '%s %09000d' \$n \$n | "$bin/kn-store" -s "$store_sock" put box/\$n || exit
	echo \$n >"$T/acked.new" && mv "$T/acked.new" "$T/acked"
done
END
sh "$T/write" 2>/dev/null &
writer=$!
pids="$pids $writer"
until_true test -s "$T/acked"
from=$(ms)
backup
ok $? "a backup while it is written to"
whole=$(($(ms) - from))

# Two nodes at a time, each a lane of its own: what has to hold of a lane's
# backups is printed as "wrong" where it does not.
all=$T
begin_lane() { # N
	T=$all/lane$1
	mkdir -p "$T"
	sed "s|^node = .*|node = $NODE-$1|; s|^dir = .*|dir = $T/backup|
	    s|^metrics = .*|metrics = $T/backup.prom|" "$all/backup.conf" >"$T/backup.conf"
}
kill_lane() { # N
	begin_lane "$1"
	run=0
	# one in three becomes whole, however busy the machine is, or gets
	span=$((whole + whole / 2))
	while [ $run -lt $((backups / 2)) ]; do
		run=$((run + 1))
		echo "$(date -u +%Y%m%dT%H%M%SZ) $(cat "$all/acked")" >>"$T/known"
		if killed "$(below $span)" backup.sh; then
			span=$((span * 7 / 8 + 1))
		else
			span=$((span * 17 / 16 + 1))
		fi
	done
	until_true backup || { echo 'wrong: the next one does not come'; sed 's/^/# /' "$T/err"; }
}
# Every one that is whole holds 1 … n, as many at least as were durable before it.
verify_lane() { # N
	begin_lane "$1"
	last=0
	restore --list --json && cp "$T/out" "$T/list"
	for name in $(jq -r 'select(.state == "whole").name' "$T/list"); do
		rm -rf "$T/x"
		if ! restore --into "$T/x" --at "${name%%-*}" --identity "$all/one.key"; then
			echo "wrong: $name does not restore"
			sed 's/^/# /' "$T/err"
			continue
		fi
		at=$(sed -n 's/^\([0-9TZ]*-[0-9a-f-]*\) is .*/\1/p' "$T/out")
		sqlite3 "$T/x/node.db" 'SELECT count(*), coalesce(max(CAST(key AS INTEGER)), 0) FROM object' |
		    tr '|' ' ' >"$T/held"
		read -r count most <"$T/held"
		least=$(awk -v at="${at%%-*}" '$1 < at { n = $2 } END { print n + 0 }' "$T/known")
		if [ "$count" -eq "$most" ] && [ "$count" -ge "$least" ] && [ "$count" -ge $last ]; then
			echo right
		else
			echo "wrong: $at holds $count up to $most, $least were there, $last in the one before"
		fi
		last=$count
	done
}
lanes() { # FUNCTION: what they print in $T/lanes
	"$1" 1 >"$T/first" &
	_first=$!
	("$1" 2) >"$T/second"
	wait $_first
	cat "$T/first" "$T/second" >"$T/lanes"
	grep '^wrong\|^#' "$T/lanes" | sed 's/^/# /'
	! grep -q '^wrong' "$T/lanes"
}
lanes kill_lane
ok $? "after $backups killed ones the next one needs no help"
kill -0 $writer && kill -0 "$store_pid"
ok $? "the store was written to all the time"
end $writer
end "$store_pid"
lanes verify_lane
ok $? "every one that has a manifest restores, and is right"
right=$(grep -c right "$T/lanes")
echo "# $right are whole of $(cat "$T"/lane?/list | wc -l) that left something"
[ "$right" -gt $((backups / 20)) ] &&
    { [ "$backups" -lt 100 ] || [ "$right" -lt "$(cat "$T"/lane?/list | wc -l)" ]; }
ok $? "and there were some of them, and others"
[ -z "$(find "$T"/a/data/backup "$T"/lane?/backup -name 'work.*')" ]
ok $? "nothing is left over"
no_plaintext "$T"/lane?/backup "$T/a/data/backup" "$T/target"
ok $? "no byte of it stands elsewhere in the clear"

# Restores.  The old state has a log, without which it is not whole.
rm -rf "$T/x"
store_start a && store a mb old >/dev/null && store a rm box/1
kill -9 "$store_pid"
wait "$store_pid" 2>/dev/null
mkdir "$T/old" && cp "$T"/a/data/node.db* "$T/old/" && rm -f "$T/old/node.db.lock"
look() { # what the database holds, with its log
	"$bin/kn-store" snapshot -d "$T/a/data/node.db" - >"$T/seen.db" 2>/dev/null &&
	    "$bin/kn-store" snapshot -k "$T/seen.db" >/dev/null 2>&1 || { echo broken; return; }
	sqlite3 "$T/seen.db" "SELECT (SELECT count(*) FROM bucket) || ' ' ||
	    (SELECT count(*) FROM object WHERE key = '1')"
}
# between two steps there is time to be killed
mkdir "$T/slow"
printf '#!/bin/sh\nsleep 0.1\n' >"$T/slow/sync"
chmod 755 "$T/slow/sync"
PATH=$T/slow:$PATH
from=$(ms)
restore --identity "$T/one.key"
ok $? "a restore"
whole=$(($(ms) - from))
new=$(look)
run=0 bad=0 between=0
while [ $run -lt "$restores" ]; do
	run=$((run + 1))
	rm -rf "$T"/a/data/node.db* "$T"/a/data/rescue-* "$T"/a/data/.restore
	cp "$T"/old/node.db* "$T/a/data/"
	killed "$(below "$whole")" restore.sh --identity "$T/one.key"
	# what it started ends by itself
	until_true flock -n "$T/a/data/.restore.lock" true || bad=$run
	if [ -e "$T/a/data/node.db.restoring" ]; then
		between=$((between + 1))
		! "$bin/kn-store" -c "$T/a/node.ini" fsck >/dev/null 2>"$T/err" &&
		    grep -q 'restore of it was begun' "$T/err" || bad=$run
	else
		case $(look) in
		'2 0' | "$new") ;;
		*) bad=$run; echo "# after a kill: $(look)" ;;
		esac
	fi
	restore --identity "$T/one.key" && [ "$(look)" = "$new" ] &&
	    [ ! -e "$T/a/data/.restore" ] && [ ! -e "$T/a/data/node.db.restoring" ] ||
	    { bad=$run; sed 's/^/# /' "$T/err"; }
done
echo "# $between of $run were killed while the files were exchanged"
[ $bad -eq 0 ]
ok $? "$run restores killed, the first fault at $bad (0: none)"
"$bin/kn-store" -c "$T/a/node.ini" fsck >/dev/null 2>"$T/err"
[ $? -le 1 ] && store_start a && store a ls box >/dev/null
ok $? "and the store works"
finish
