#!/bin/sh
# SPDX-License-Identifier: ISC
# What is wrong with this host, as a home of a node?  Some seventy checks, each with
# the command that mends it.  Looks only: changes nothing, asks nobody outside
# save the resolver, and tells what it may not see instead of guessing.  The
# checks are in doctor/*.sh, one file a subject; doctor.sh(8).
# shellcheck disable=SC2034,SC2154 # node.sh and the checks set and use it
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/node.sh"

usage() {
	cat <<'END'
usage: doctor.sh [options]            check the host and the node on it
       doctor.sh [options] tiers      which tiers this host can hold, and why not

options:
  -c, --config FILE     the node's configuration (/etc/kontinuum-node/node.ini)
  -o, --only NAME,...   only these checks
  -l, --list            list the checks and exit
  -j, --json            NDJSON: an object for each check, or tier
  -f, --fix-commands    print only the commands that mend what was found
  -d, --disk            measure durable writes for 5 seconds, not shortly
  -a, --admin           this is an admin host too: look at its ports
  -R, --root DIR        look at the host whose files are below DIR
  -h, --help            show this page and exit

  doctor.sh                       a table; as root it sees most
  doctor.sh --json | jq 'select(.status != "ok")'
  doctor.sh --only port-metrics,clock-sync
  doctor.sh tiers

Exit: 0 nothing failed (the tier of node.ini is held); 1 something did;
100 wrong use; 111 the system failed.
END
}

# --- what checks say: one verdict each ---
good() { printf 'ok\t%s\t\n' "$1"; }
weak() { printf 'warn\t%s\t%s\n' "$1" "$2"; }
bad() { printf 'fail\t%s\t%s\n' "$1" "$2"; }
pass() { printf 'skip\t%s\t\n' "$1"; }

checks=
add() { # NAME WHAT-IT-ASKS
	checks="$checks$1	$2
"
}

# --- what checks look at ---
at() { printf '%s%s\n' "$node_root" "$1"; }
# Whole: read(1) of dash takes single bytes, which /proc/sys does not give.
sysctl_of() { cat "$node_root/proc/sys/$1"; }
uptime_ms() { awk '{ printf "%.0f\n", $1 * 1000 }' "$node_root/proc/uptime"; }

# No command may hold us for long, nor all of them together: over a minute the
# rest is not asked.
within() { # SECONDS COMMAND…
	_left=$((deadline - $(date +%s)))
	[ "$_left" -gt 0 ] || return 124
	_limit=$1
	shift
	[ "$_limit" -le "$_left" ] || _limit=$_left
	timeout "$_limit" "$@" </dev/null
}

# As ini, but a node without a readable configuration has a default.
conf() { # SECTION KEY DEFAULT
	ini "$1" "$2" || printf '%s\n' "$3"
}

# 64M and so on in bytes
bytes_of() {
	printf '%s\n' "$1" | awk '{
		n = $1 + 0
		if ($1 ~ /K$/) n *= 1024; else if ($1 ~ /M$/) n *= 1048576
		else if ($1 ~ /G$/) n *= 1073741824; else if ($1 ~ /GB$/) n *= 1e9
		else if ($1 ~ /MB$/) n *= 1e6; else if ($1 ~ /KB$/) n *= 1e3
		printf "%.0f\n", n }'
}

seconds_of() {
	printf '%s\n' "$1" | awk '{ n = $1 + 0
		if ($1 ~ /ms$/) n /= 1000; else if ($1 ~ /h$/) n *= 3600
		else if ($1 ~ /m$/) n *= 60
		printf "%.0f\n", n }'
}

# The programs own these files: one that is not itself may have put a pipe there,
# to hang us, or a link.
statistics() { # PROGRAM
	[ -f "$node_run/stat/$1" ] && [ ! -L "$node_run/stat/$1" ] &&
	    [ -r "$node_run/stat/$1" ]
}

# A text of the head of a program's statistics: version at 128, sandbox at 160.
head_text() { # PROGRAM OFFSET LENGTH
	statistics "$1" || return 1
	tail -c "+$(($2 + 1))" "$node_run/stat/$1" | head -c "$3" | tr -d '\000'
}

head_number() { # PROGRAM OFFSET
	statistics "$1" && _word=$(_stat_word "$1" "$2") && [ -n "$_word" ] && printf '%s\n' "$_word"
}

# The process behind the statistics of a program; 1 when it is gone.
running() { # PROGRAM
	_who=$(head_number "$1" 72) || return 1
	[ "$(cat "$node_root/proc/$_who/comm" 2>/dev/null)" = "$1" ] &&
	    printf '%s\n' "$_who"
}

wanted() { conf metrics programs "kn-signd kn-p2pd kn-dht kn-store" | tr ' ' '\n'; }

# Those that the node can do without are not in metrics.programs: kn-metrics itself.
supervised() { wanted; echo kn-metrics; }

none_runs() {
	if [ -d "$node_run" ] && [ ! -x "$node_run" ]; then
		pass "root can see into $node_run"
	else
		pass "${1:-no program runs}"
	fi
}

running_all() { # those of the node that run
	for _name in $(node_services); do
		running "$_name" >/dev/null && printf '%s\n' "$_name"
	done
	return 0
}

# A value out of the rows of a program's statistics (kn-stat(5)): the sum of
# the series with this name, 1 when it has none.
series() { # PROGRAM METRIC
	statistics "$1" || return 1
	od -A n -v -t u1 "$node_run/stat/$1" | awk -v want="$2" '
	function word(o, k, v) {
		v = 0
		for (k = 7; k >= 0; k--)
			v = v * 256 + b[o + k]
		return v
	}
	{ for (i = 1; i <= NF; i++) b[n++] = $i + 0 }
	END {
		at = word(16); size = word(24); rows = word(32)
		for (r = 0; r < rows && at + size <= n; r++) {
			name = ""
			for (k = 16; k < 80 && b[at + k]; k++)
				name = name sprintf("%c", b[at + k] + 0)
			if (name == want) { sum += word(at); found = 1 }
			at += size
		}
		if (!found)
			exit 1
		printf "%.0f\n", sum
	}'
}

# A value of the text files in the state directory; the least of several.
textfile() { # METRIC-AND-LABELS as a basic regular expression
	_dir=$node_root$(conf metrics textfiles_path "$(fact dir state path)")
	cat "$_dir"/*.prom 2>/dev/null |
	    awk -v want="^$1 " '$0 ~ want && (v == "" || $NF < v) { v = $NF } END { if (v == "") exit 1; printf "%.0f\n", v }'
}

tool() { command -v "$1" >/dev/null 2>&1; }

p2p() { within 5 "$node_bin/kn-p2p" -s "$node_run/p2p.sock" --json -t 4 "$@" 2>/dev/null; }
dht() { within 6 "$node_bin/kn-dht" -s "$node_run/dht.sock" --json -t 5 "$@" 2>/dev/null; }

# Where the node keeps things, as the host sees it.
data_dirs() {
	{
		dirname "$(conf dht db_path "$(fact dir dht path)/dht.db")"
		dirname "$(conf store db_path "$(fact dir store path)/node.db")"
	} | sort -u
}
blobs_dir() { conf store blobs_path "$(fact dir store path)/blobs"; }
there() { # PATH: itself, or the nearest directory above that is there
	_up=$node_root$1
	while [ ! -e "$_up" ]; do
		_up=$(dirname "$_up")
	done
	printf '%s\n' "$_up"
}

# The mount that a path is on: device, folder, type, options, MAJOR:MINOR.
mount_of() { # PATH
	_real=$(readlink -f "$(there "$1")") || return 1
	_real=${_real#"$node_root"}
	awk -v path="${_real:-/}/" '
	{
		dir = $5 == "/" ? "/" : $5 "/"
		if (index(path, dir) != 1 || length(dir) < best)
			next
		best = length(dir)
		for (i = 7; $i != "-"; i++)
			;
		line = $(i + 2) " " $5 " " $(i + 1) " " $6 "," $(i + 3) " " $3
	}
	END { if (line == "") exit 1; print line }' "$node_root/proc/self/mountinfo"
}

edit() { printf "%s %s  # %s" "\${EDITOR:-vi}" "$node_ini" "$1"; }
install_again() { printf '%s/install.sh  # %s' "$here" "$1"; }

# --- run them ---
escape() { # text of one line, for JSON
	printf '%s' "$1" | tr '\t\r\n' '   ' | tr -d '\000-\037' |
	    sed 's/\\/\\\\/g; s/"/\\"/g'
}

colour() { # STATUS
	case $1 in
	ok) printf '\033[32m' ;;
	warn) printf '\033[33m' ;;
	fail) printf '\033[31m' ;;
	*) printf '\033[2m' ;;
	esac
}

show() { # NAME STATUS SENTENCE FIX
	case $form in
	json)
		printf '{"check":"%s","status":"%s","text":"%s","fix":"%s"}\n' \
		    "$1" "$2" "$(escape "$3")" "$(escape "$4")" ;;
	fix)
		[ -z "$4" ] || printf '%s\n' "$4" ;;
	table)
		printf '%s%-18s %-4s%s %s\n' "$on" "$1" "$2" "$off" "$3"
		[ -z "$4" ] || printf '%-23s mend: %s\n' '' "$4" ;;
	esac
}

run_check() { # NAME
	if [ "$(date +%s)" -ge "$deadline" ]; then
		verdict=$(pass "no time left: ask again with --only $1")
	else
		# a check goes on where a command says no
		verdict=$(set +e
		    "check_$(printf '%s' "$1" | tr - _)" 2>/dev/null | head -n 1 |
		    tr -d '\000-\010\013-\037\177') || verdict=
		[ -n "$verdict" ] ||
		    verdict=$(pass "it could not be found out here")
	fi
	status=${verdict%%"$tab"*}
	rest=${verdict#*"$tab"}
	on='' off=''
	if [ "$form" = table ] && [ -t 1 ]; then
		on=$(colour "$status") off=$(printf '\033[0m')
	fi
	show "$1" "$status" "${rest%%"$tab"*}" "${rest#*"$tab"}"
	case $status in
	ok) n_ok=$((n_ok + 1)) ;;
	warn) n_warn=$((n_warn + 1)) ;;
	fail) n_fail=$((n_fail + 1)) ;;
	*) n_skip=$((n_skip + 1)) ;;
	esac
}

check_all() {
	n_ok=0 n_warn=0 n_fail=0 n_skip=0
	only=${only:-$(printf '%s' "$checks" | cut -f1)}
	case " $(printf '%s' "$only" | tr '\n' ' ') " in
	*' fsync '* | *' tier '*) measure_writes ;;
	esac
	for name in $only; do
		run_check "$name"
	done
	[ "$form" != table ] ||
	    say "$n_ok ok, $n_warn to look at, $n_fail failed, $n_skip not known"
	[ "$n_fail" -eq 0 ]
}

tab=$(printf '\t')
form=table verb=check only='' disk_seconds=1 admin=no list=no
while [ $# -gt 0 ]; do
	case $1 in
	-c | --config) node_ini=$(operand "$@"); shift ;;
	-o | --only) only=$(operand "$@" | tr ',' ' '); shift ;;
	-R | --root) node_root=$(operand "$@"); shift
		[ -d "$node_root" ] || wrong "$node_root is no directory"
		node_root=$(cd "$node_root" && pwd) ;;
	-l | --list) list=yes ;;
	-j | --json) form=json ;;
	-f | --fix-commands) form=fix ;;
	-d | --disk) disk_seconds=5 ;;
	-a | --admin) admin=yes ;;
	-h | --help) usage; exit 0 ;;
	tiers) verb=tiers ;;
	*) wrong "$1 is no option of doctor.sh; see --help" ;;
	esac
	shift
done
for file in "$here"/doctor/*.sh; do
	# shellcheck source=/dev/null
	. "$file"
done
if [ "$list" = yes ]; then
	printf '%s' "$checks" | awk -F'\t' '{ printf "%-18s %s\n", $1, $2 }'
	exit 0
fi
for name in $only; do
	printf '%s' "$checks" | cut -f1 | grep -qx -e "$name" ||
	    wrong "there is no check \"$name\"; doctor.sh --list names them"
done
node_find
ini node tier >/dev/null || true # read it once, here, and not in each check
[ -z "$node_root" ] || case $node_run in "$node_root"*) ;; *) node_run=$node_root$node_run ;; esac
deadline=$(($(date +%s) + 55))
case $verb in
check) check_all ;;
tiers) tiers_show ;;
esac
