#!/bin/sh
# SPDX-License-Identifier: ISC
# Bring the node to another release, program by program, and back again when it
# does not become ready.  Whenever this is killed there is a node that starts,
# and a second run goes on where the first was.  upgrade.sh(8).
# shellcheck disable=SC2034,SC2154 # node.sh and releases.sh set what they say they set
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/node.sh"
. "$here/releases.sh"
. "$here/accounts.sh"

usage() {
	cat <<'END'
usage: upgrade.sh [options] RELEASE.tar.gz
       upgrade.sh [options] --to-current-config

bring the node to another release; return to this one when that does not serve

options:
  --pubkey FILE        who signed it (/etc/kontinuum-node/release.pub)
  --unsigned           take a release that nobody has signed
  --probation TIME     watch the new programs for so long (60s)
  --drain-max TIME     give streams so long before kn-p2pd is restarted (300s)
  --no-drain           cut them at once
  --downgrade          although the release is older
  --i-have-a-backup    change the database without one that is seen here
  --to-current-config  no other release: restart the programs that run an older
                       one than is installed, or an older node.ini
  --dry-run            check everything, say what would be restarted
  --prefix DIR         where it is installed (/usr/local)
  --root DIR           the host is below DIR
  --supervisor NAME    systemd, openrc, s6 or none, instead of what runs here
  --scandir DIR        the scan directory of s6
  --help               show this page and exit

A program is restarted only when it or its service changed.  Peers keep their
connections unless that is kn-p2pd; then the node drains first.

Exit: 0 it is done; 1 no, or the release before is back; 100 you; 111 the system.
END
}

tarball='' pubkey='' unsigned='' probation=60 drain_max=300 drain=yes
downgrade='' have_backup='' only_restart='' dry='' back=''

seconds() { # OPTION TIME: 90, 90s, 5m
	case $2 in
	*[!0-9sm]* | '' | [sm]* | *[sm]?* | ???????* | 0[0-9]*) wrong "$1: $2 is no time, as 90s or 5m" ;;
	*m) echo $((${2%m} * 60)) ;;
	*) echo "${2%s}" ;;
	esac
}

while [ $# -gt 0 ]; do
	case $1 in
	--pubkey | --probation | --drain-max | --prefix | --root | \
	    --supervisor | --scandir | --back)
		value=$(operand "$@") || exit 100 ;;
	esac
	case $1 in
	--pubkey) pubkey=$value; shift ;;
	--unsigned) unsigned=yes ;;
	--probation) probation=$(seconds "$1" "$value") || exit 100; shift ;;
	--drain-max) drain_max=$(seconds "$1" "$value") || exit 100; shift ;;
	--no-drain) drain= ;;
	--downgrade) downgrade=yes ;;
	--i-have-a-backup) have_backup=yes ;;
	--to-current-config) only_restart=yes ;;
	--dry-run) dry=yes ;;
	--prefix) node_prefix=${value%/}; shift ;;
	--root) node_root=${value%/}; shift ;;
	--supervisor) node_supervisor=$value; shift ;;
	--scandir) node_scandir=$value; shift ;;
	--back) back=$value; shift ;; # of rollback.sh
	-h | --help) usage; exit 0 ;;
	-*) wrong "what is $1?  See --help" ;;
	*)
		[ -z "$tarball" ] || wrong "one release at a time"
		tarball=$1 ;;
	esac
	shift
done
[ -n "$tarball$only_restart$back" ] || wrong "which release?  See --help"
[ -z "$tarball" ] || [ -r "$tarball" ] || wrong "$tarball cannot be read"

# --- the journal: what a second run has to know ---

# step: placed, swapped, returning, done.  restart: those that still have to be.
# stopped: those that ran, and that the release we go to has not.
journal_read() {
	journal=$node_state/upgrade
	j_from=$(journal_line from) j_to=$(journal_line to)
	j_step=$(journal_line step) j_restart=$(journal_line restart)
	j_before=$(journal_line before) j_stopped=$(journal_line stopped)
	[ -n "$j_step" ] || j_step='done'
}

journal_line() { # KEY
	[ ! -r "$journal" ] || sed -n "s/^$1 = //p" "$journal"
}

# 0, or 111 with a message: a disk that is full ends nothing that has begun.
journal_write() { # STEP
	printf '; of upgrade.sh: what it does now, or did last\nfrom = %s\nto = %s\nbefore = %s\nstep = %s\nrestart = %s\nstopped = %s\n' \
	    "$from" "$to" "$before" "$1" "$(printf '%s ' $todo)" "$(printf '%s ' $stopped)" |
	    sed 's/ *$//' >"$work/journal"
	(place "$work/journal" "$journal" 0644) || [ $? -eq 1 ] || return 111
}

# --- what is to be done ---

without() { # WORD LIST…
	_word=$1
	shift
	for _each in "$@"; do
		[ "$_each" = "$_word" ] || printf '%s ' "$_each"
	done
}

# No peer notices the first four: kn-p2pd holds their streams back meanwhile.
in_order() { # LIST…
	for _name in kn-metrics kn-dht kn-store kn-signd; do
		case " $* " in *" $_name "*) printf '%s ' "$_name" ;; esac
	done
	for _name in "$@"; do
		case $_name in
		kn-metrics | kn-dht | kn-store | kn-signd | kn-p2pd) ;;
		*) printf '%s ' "$_name" ;;
		esac
	done
	case " $* " in *' kn-p2pd '*) printf 'kn-p2pd ' ;; esac
}

code_of() { # RELEASE PROGRAM
	sed -n "s/  $2\$//p" "$node_lib/$1/code" 2>/dev/null
}

# The release that a running program is of; nothing when that cannot be seen.
running_release() { # NAME
	_who=$(service_pid "$1") || return 0
	readlink "/proc/$_who/exe" 2>/dev/null | release_of
}

# Seconds since 1970 when the program published its first numbers.
started_at() { # NAME
	_ms=$(_stat_word "$1" 80) || return 1
	awk -v ms="$_ms" -v now="$(date +%s)" \
	    '{ printf "%d\n", now - $1 + ms / 1000; exit }' /proc/uptime
}

old_config() { # NAME
	_since=$(started_at "$1") && [ "$(stat -c %Y "$node_ini")" -gt "$_since" ]
}

# Is what runs another program than that of a release?
other_code() { # NAME RELEASE
	_runs=$(running_release "$1")
	[ "$(code_of "$2" "$1")" != "$(code_of "${_runs:-$from}" "$1")" ]
}

# Which of the running programs have to be restarted for release $to.
plan() {
	todo=
	is_live || return 0
	units=' '
	for file in $(changed_units "$node_lib/$to"); do
		units="$units$(unit_service "$file") "
	done
	for name in $(node_services); do
		service_pid "$name" >/dev/null || continue
		case $units$j_restart' ' in
		*" $name "*) todo="$todo$name " ;;
		*)
			if other_code "$name" "$to" ||
			    { [ -n "$only_restart" ] && old_config "$name"; }; then
				todo="$todo$name "
			fi ;;
		esac
	done
	# one that was killed between its end and its new start
	for name in $j_restart; do
		is_service "$name" || continue
		! service_installed "$name" || service_is_off "$name" || todo="$(without "$name" $todo)$name "
	done
	# one that was stopped for a release that has it not, by a run that was killed
	for name in $j_stopped; do
		! is_service "$name" || todo="$(without "$name" $todo)$name "
	done
	# a program that the node has not had
	if any_runs; then
		for name in $(node_services); do
			[ -n "$(code_of "$from" "$name")" ] ||
			    [ -z "$(code_of "$to" "$name")" ] ||
			    todo="$(without "$name" $todo)$name "
		done
	fi
	todo=$(in_order $todo)
}

is_service() { # NAME: of the release we go to
	fact service "$1" user >/dev/null
}

any_runs() {
	is_live || return 1
	for _name in $(node_services); do
		! service_pid "$_name" >/dev/null || return 0
	done
	return 1
}

# --- before anything changes ---

self_test() {
	lacks=$(missing_libraries "$node_lib/$to" | tr '\n' ' ')
	[ -z "$lacks" ] ||
	    no "libraries are missing: $lacks; packages: $(sed -n "s/^package $(distribution) //p" "$node_lib/$to/needs" | tr '\n' ' ')"
	for program in "$node_lib/$to"/bin/kn-*; do
		"$program" -V >/dev/null 2>"$work/said" ||
		    no "${program##*/} of $to does not run here: $(head -n 1 "$work/said")"
	done
	[ -e "$node_ini" ] || return 0
	for name in $(node_services); do
		[ -x "$node_lib/$to/bin/$name" ] || continue
		as_user "$(fact service "$name" user)" "$node_lib/$to/bin/$name" \
		    -n -c "$node_ini" >/dev/null 2>"$work/said" ||
		    no "$name of $to does not take $node_ini: $(head -n 1 "$work/said")"
	done
}

migrate() { # VERB: as kn-store of the release we go to
	as_user kn-store "$node_lib/$to/bin/kn-store" -c "$node_ini" \
	    migrate "$1" >"$work/steps" 2>"$work/said"
}

# What would change in the index, and may it be changed?
check_database() {
	[ -e "$node_ini" ] || return 0
	# what runs now may not know every key that the new ones took
	db=$(node_bin=$node_lib/$to/bin _conf='' && ini store db_path) ||
	    no "$node_ini does not say where the database is"
	[ -e "$db" ] || return 0
	code=0
	migrate --plan || code=$?
	case $code in
	0) ;;
	100)
		if [ -n "$back" ]; then
			no "the database is newer than kn-store of $to: $(head -n 1 "$work/said").  Bring back one that it knows first: restore.sh --list"
		fi
		no "$(head -n 1 "$work/said")" ;;
	*) no "the database cannot be looked at: $(head -n 1 "$work/said")" ;;
	esac
	[ -s "$work/steps" ] || return 0
	say "The database will be changed:"
	sed 's/^/  /' "$work/steps"
	[ -n "$have_backup" ] || recent_backup ||
	    no "no backup of the last hour is known here: run backup.sh first, or say --i-have-a-backup"
	migrate --rehearse ||
	    no "the change does not succeed on a copy: $(head -n 1 "$work/said")"
	sed 's/^/  /' "$work/steps"
}

recent_backup() {
	_last=$(sed -n 's/^kn_backup_last_success_timestamp_seconds{.*node.*} \([0-9]*\).*/\1/p' \
	    "$node_state"/*.prom 2>/dev/null | sort -n | tail -n 1)
	[ -n "$_last" ] && [ $(($(date +%s) - _last)) -lt 3600 ]
}

# --- ready, and why not ---

# The reasons of kn-metrics, a line each; nothing when the node is ready.
reasons() {
	_probe=$node_lib/current/bin/kn-metrics
	[ -x "$_probe" ] || return 0
	"$_probe" --config "$node_ini" --probe --json readyz 2>/dev/null |
	    jq -r '.reasons[] | .reason + " " + (.program // "")' 2>/dev/null |
	    grep -v '^draining ' | sort -u
}

# Only what was so before may still be so.
as_ready_as_before() {
	reasons >"$work/now" || true
	[ -z "$(sort "$work/before" "$work/before" "$work/now" | uniq -u)" ]
}

# Peers come back when they like: their absence after a restart of kn-p2pd is
# told, and is no reason to restart it once more.
without_peers() {
	case " $did" in *' kn-p2pd '*) ;; *) return 1 ;; esac
	[ "$(why_not)" = "$(grep '^peers ' "$work/now" | tr '\n' ';')" ] || return 1
	note "no peer has come back yet"
	grep '^peers ' "$work/now" >>"$work/before"
}

why_not() { sort "$work/before" "$work/before" "$work/now" | uniq -u | tr '\n' ';'; }

# Until one that is not the old process is ready; not one that keeps ending, and
# not one that hangs.  A database that is changed may take its time.
becomes_ready() { # NAME OLD-PID; 1 with $why
	_deaths='' _gone=0 _ticks=0 _stops=0 _was=''
	_stop_most=$((($(fact service "$1" stop) + 10) * 5))
	while :; do
		_pid=$(service_pid "$1") || _pid=
		if [ "${_pid:-none}" = "${2:-}" ]; then
			_stops=$((_stops + 1))
		elif [ -z "$_pid" ]; then
			# one that has died often waits 10 s for its next start
			_gone=$((_gone + 1))
			[ $_gone -le 5 ] || ! service_gave_up "$1" || _gone=100
		else
			! service_ready "$1" || return 0
			_gone=0
			[ "$_pid" = "$_was" ] || _deaths=x$_deaths
			_was=$_pid
			[ "$(service_phase "$1")" = migrating ] ||
			    _ticks=$((_ticks + 1))
		fi
		why=
		[ $_gone -le 75 ] && [ ${#_deaths} -le 5 ] ||
		    why="$1 ends as soon as it is started"
		[ $_ticks -le 300 ] || why="$1 does not become ready"
		[ $_stops -le "$_stop_most" ] || why="$1 does not stop"
		[ -z "$why" ] || return 1
		sleep 0.2
	done
}

# --- doing it ---

# Of somebody else, to whom it is left to end it?
others_drain() {
	_file=$(ini node drain_path) || _file=$node_state/drain
	[ -e "$_file" ] || return 1
	case $(sed -n 's/^reason = //p' "$_file") in
	"$our_drain"*) drained=yes && return 1 ;; # of a run that was killed
	esac
	note "the node is drained already, and stays so: kn-drain end ends that"
}

# Only for kn-p2pd: the others finish what they have when they are stopped.
our_drain='upgrade to '
start_drain() {
	! others_drain || return 0
	case " $todo" in *' kn-p2pd '*) ;; *) return 0 ;; esac
	[ -n "$drain" ] && service_pid kn-p2pd >/dev/null || return 0
	[ -x "$node_bin/kn-drain" ] || return 0
	drained=yes
	say "The node drains, for $drain_max seconds at most."
	code=0
	"$node_bin/kn-drain" --config "$node_ini" --reason "$our_drain$to" \
	    --deadline "${drain_max}s" --wait >&2 || code=$?
	case $code in
	0) ;;
	1) note "some streams are still open and will be cut" ;;
	*) note "kn-drain failed: streams will be cut" ;;
	esac
}

end_drain() {
	[ -n "$drained" ] || return 0
	drained=
	"$node_lib/current/bin/kn-drain" --config "$node_ini" end >&2 || {
		note "the drain did not end: kn-drain end"
		return 0
	}
	# it looks once a second; what is watched then is a node that serves
	wait_for 10 takes_streams || true
}

takes_streams() {
	case $(service_phase kn-p2pd) in draining | drained) return 1 ;; esac
}

# For accounts.sh.
act() { # WHAT COMMAND...
	shift
	"$@" || exit 1
}
tell() { :; }

lay() { # RELEASE: its users, directories, services and links
	make_users "$node_lib/$1" >/dev/null && make_dirs >/dev/null || return 1
	lay_links "$node_lib/$1" >/dev/null
	lay_units "$node_lib/$1" >/dev/null
	! is_live || supervisor_reload
}

again() { # NAME; 1 with $why
	say "  $1"
	if _old=$(service_pid "$1"); then
		service_restart "$1" || true
	else
		service_start "$1" || true
	fi
	becomes_ready "$1" "$_old"
}

# What ran of the old release and is not in the new one; its files go last.
stop_gone() { # 1 with $why
	for name in $gone; do
		service_pid "$name" >/dev/null || continue
		stopped="$(without "$name" $stopped)$name "
		journal_write swapped || true
		say "  $name stops: $to has it not"
		service_stop "$name" || true
		service_wait_down "$name" "$(($(node_facts=$node_lib/$from/sv/facts &&
		    fact service "$name" stop) + 10))" || {
			why="$name does not stop"
			return 1
		}
	done
}

# Files of services and single ones that RELEASE had and ours has not.
drop_gone() { # RELEASE
	[ "$1" != "$to" ] && [ -d "$node_lib/$1/sv" ] || return 0
	(drop_units "$node_lib/$1" "$node_lib/$to") >"$work/dropped" ||
	    note "files of services that $to has not could not all be removed"
	[ -s "$work/dropped" ] || return 0
	sed 's/^/removed: /' "$work/dropped"
	! is_live || supervisor_reload
}

restart_all() { # 1 with $why
	for name in $todo; do
		did="$did$name "
		again "$name" || return 1
		todo=$(without "$name" $todo)
		journal_write swapped || true
	done
}

pids() {
	for _name in $(node_services); do
		printf '%s %s\n' "$_name" "$(service_pid "$_name" || echo gone)"
	done
}

# Nobody dies, and the node is as ready as it was; not ready for a while is not
# yet a failure.
watch() {
	pids >"$work/pids"
	bad=0
	say "Watching it for $probation seconds."
	until_then=$(($(date +%s) + probation))
	while :; do
		pids >"$work/pids.now"
		died=$(grep -vxF -f "$work/pids.now" "$work/pids" | sed -n 's/ [0-9].*//p' | tr '\n' ' ')
		if [ -n "$died" ]; then
			why="${died% } died"
			return 1
		fi
		if as_ready_as_before; then bad=0; else bad=$((bad + 1)); fi
		if [ $bad -gt 15 ]; then
			# their absence is not told at once
			without_peers || {
				why="the node is not ready: $(why_not)"
				return 1
			}
			bad=0
		fi
		[ "$(date +%s)" -lt "$until_then" ] || [ $bad -gt 0 ] || return 0
		sleep 1
	done
}

# Gauges and counters for kn-metrics; the series are always the same.
publish() { # done|returned|broken
	prom=$node_state/upgrade.prom
	for _result in 'done' returned broken; do
		_n=
		[ ! -r "$prom" ] ||
		    _n=$(sed -n "s/^kn_upgrade_total{result=\"$_result\"} //p" "$prom")
		case $_n in *[!0-9]* | ????????????*) _n= ;; esac
		[ "$_result" != "$1" ] || _n=$((${_n:-0} + 1))
		eval "n_$_result=${_n:-0}"
	done
	ok=0
	[ "$1" != "done" ] || ok=1
	cat >"$work/prom" <<-END
	# HELP kn_upgrade_total Upgrades and rollbacks, by how they ended
	# TYPE kn_upgrade_total counter
	kn_upgrade_total{result="done"} $n_done
	kn_upgrade_total{result="returned"} $n_returned
	kn_upgrade_total{result="broken"} $n_broken
	# HELP kn_upgrade_last_success Did the last one succeed
	# TYPE kn_upgrade_last_success gauge
	kn_upgrade_last_success $ok
	# HELP kn_upgrade_last_timestamp_seconds When the last one ended
	# TYPE kn_upgrade_last_timestamp_seconds gauge
	kn_upgrade_last_timestamp_seconds $(date +%s)
	# HELP kn_upgrade_last_duration_seconds How long it took
	# TYPE kn_upgrade_last_duration_seconds gauge
	kn_upgrade_last_duration_seconds $(($(date +%s) - began))
	END
	(place "$work/prom" "$prom" 0644) || true
}

# The release before is current again, with its services; what runs the new one
# is restarted, and what died of it.
go_back() {
	failed=$why
	note "$failed: back to $from"
	for name in $(node_services); do
		case " $did" in *" $name "*) continue ;; esac
		! service_pid "$name" >/dev/null || ! other_code "$name" "$from" ||
		    did="$did$name "
	done
	bad_release=$to to=$from
	for name in $stopped; do did="$(without "$name" $did)$name "; done
	todo=$(in_order $did)
	journal_write returning || true
	swap_link "$from" "$node_lib/current"
	if [ -n "$before" ] && [ -d "$node_lib/$before" ]; then
		swap_link "$before" "$node_lib/previous"
	else
		rm -f "$node_lib/previous"
	fi
	code=0
	node_facts=$node_lib/$from/sv/facts laid_from=$bad_release
	(lay "$from") || { code=1 why="its services cannot be written"; }
	for name in $todo; do
		if [ ! -x "$node_lib/$from/bin/$name" ]; then
			service_stop "$name" || true # the new one alone has it
		else
			again "$name" || code=1
		fi
	done
	drop_gone "$bad_release"
	end_drain
	todo='' stopped=''
	journal_write 'done' || true
	if [ $code -ne 0 ]; then
		publish broken
		broken "$from is back, but $why: see its log, and doctor.sh (the upgrade failed: $failed)"
	fi
	publish returned
	no "$from runs again, nothing is lost ($failed); $bad_release stays in $node_lib for a look at it"
}

move() {
	journal_write placed ||
	    broken "nothing was changed: make room in $node_state, then again"
	placed=
	: >"$work/before"
	! any_runs || reasons >"$work/before" || true
	start_drain
	[ "$from" = "$to" ] || swap_link "$from" "$node_lib/previous"
	swap_link "$to" "$node_lib/current"
	journal_write swapped || true
	laid_from=$from
	(lay "$to") || {
		why="the services of $to cannot be written"
		go_back
	}
	stop_gone || go_back
	if [ -z "$todo" ]; then
		say "No program has to be restarted."
	else
		say "Restarting:"
		restart_all || go_back
	fi
	end_drain
	if [ -n "$did" ]; then
		wait_for 60 as_ready_as_before || without_peers || {
			why="the node is not ready: $(why_not)"
			go_back
		}
		watch || go_back
	fi
	drop_gone "$from"
	stopped=
	journal_write 'done' || true
	publish 'done'
}

# The template of node.ini has changed: the new one beside, to be compared.
offer_ini() {
	if [ -e "$node_ini" ] && [ -f "$node_lib/$from/sv/node.ini" ] &&
	    ! cmp -s "$node_lib/$from/sv/node.ini" "$node_lib/$to/sv/node.ini"; then
		! place "$node_lib/$to/sv/node.ini" "$node_ini.new" 0644 root:root ||
		    say "$node_ini.new: the template has changed, your node.ini has not"
	fi
}

choose() { # sets $to, and $from
	check_prefix
	from=$(current_release) ||
	    wrong "nothing is installed in $node_lib: install.sh does that"
	[ -f "$node_lib/$from/SHA256SUMS" ] ||
	    no "$node_lib/current names $from, which is not there: install.sh --release FILE mends that"
	if [ -n "$only_restart" ]; then
		to=$from
		return
	fi
	if [ -n "$back" ]; then
		to=$back
		_says=$(check_sums "$node_lib/$to") || no "$to cannot be gone back to: $_says"
		return
	fi
	take_tarball "$tarball"
	[ -n "$unsigned" ] ||
	    check_signature "${pubkey:-$(path_of etc)/release.pub}"
	unpack_release
	if older "$release_version" "$from" && [ -z "$downgrade" ]; then
		rm -rf "$node_lib/.new"
		no "$release_version is older than $from: rollback.sh goes back; --downgrade if that is what you want"
	fi
	# away again when it is not gone to
	! place_release || placed=$release
	to=$release
}

needs_tool awk sed tar sha256sum stat flock jq
node_find
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 111' INT TERM HUP
began=$(date +%s)
why='' did='' placed='' drained='' before='' gone='' stopped=''
lock_node "run upgrade.sh"
trap 'end_drain; rm -rf "$work" "$node_lib/.new" ${placed:+"$node_lib/$placed"}' EXIT
journal_read
choose
# where an interrupted run was going back to, or came from
[ "$j_step" = "done" ] || say "Going on: the run before was interrupted ($j_step, $j_from to $j_to)."
before=$(previous_release) || before=
if [ "$j_step" != "done" ] && [ "$j_to" = "$to" ] && [ -d "$node_lib/$j_from" ]; then
	from=$j_from before=$j_before stopped=$j_stopped
fi
node_facts=$node_lib/$to/sv/facts
self_test
check_database
plan
gone=$(gone_services "$node_lib/$from" "$node_lib/$to" | tr '\n' ' ')
if [ -n "$dry" ]; then
	say "$from to $to; to be restarted: ${todo:-nothing}"
	[ -z "$gone" ] || say "services that $to has not, to be removed: $gone"
	exit 0
fi
if [ "$from" = "$to" ] && [ -z "$todo" ] && [ "$j_step" = "done" ] &&
    [ -z "$(changed_units "$node_lib/$to")" ]; then
	say "Nothing to do: $to runs."
	exit 0
fi
say "$from to $to"
move
offer_ini
prune_releases | sed 's/^/removed: release /'
say "Done: $to is the release."
if ! is_live && [ -n "$(pids | grep -v ' gone$')" ]; then
	say "No supervisor is known here: restart the programs yourself."
elif ! any_runs; then
	say "The node does not run; start it: $(service_command start)"
fi
