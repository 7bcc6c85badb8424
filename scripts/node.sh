#!/bin/sh
# SPDX-License-Identifier: ISC
# What the scripts that operate a node share.  Source it with $here set to the
# folder of this file: `. "$here/node.sh"`; then parse options (they may set
# node_root, node_prefix, node_ini, node_supervisor, node_scandir) and call
# node_find.  POSIX sh, under dash and busybox ash; names without node_ in front
# are verbs.  Variables that begin with _ are the library's own.
#
#   say, note          a line for stdout, for stderr (with the script's name)
#   no, wrong, broken  one sentence on stderr and exit 1, 100, 111
#   fact, facts        what sv/facts says
#   ini                what the node's effective configuration says
#   service_*          one service, under whichever supervisor there is
#   place, swap_link   files that are whole at every moment
# shellcheck disable=SC2034,SC2154 # those who source it set and use them

prog=$(basename "$0")
node_root=${KN_ROOT:-}
node_prefix=${PREFIX:-/usr/local}
node_ini=${NODE_INI:-}
node_supervisor=${KN_SUPERVISOR:-}
node_scandir=${KN_SCANDIR:-}
node_facts=$here/../sv/facts

say() { printf '%s\n' "$*"; }
note() { printf '%s: %s\n' "$prog" "$*" >&2; }
no() { note "$*"; exit 1; }
wrong() { note "$*"; exit 100; }
broken() { note "$*"; exit 111; }

# The operand of an option that wants one: operand "$@" after seeing it in $1.
operand() {
	[ $# -ge 2 ] || wrong "$1 wants a value; see --help"
	printf '%s\n' "$2"
}

needs_tool() { # PROGRAM…
	for _tool in "$@"; do
		command -v "$_tool" >/dev/null 2>&1 ||
		    broken "$_tool is not installed; install the package that has it (on Debian: $(package_of "$_tool"))"
	done
}

package_of() { # PROGRAM: on Debian
	case $1 in
	age-keygen) echo age ;;
	base32 | base64 | cksum | fold | sha256sum | stat) echo coreutils ;;
	flock) echo util-linux ;;
	gunzip) echo gzip ;;
	ssss-*) echo ssss ;;
	zbarimg) echo zbar-tools ;;
	*) echo "$1" ;;
	esac
}

# One JSON object of strings: json NAME VALUE…
json() {
	_n=$#
	while [ "$_n" -gt 0 ]; do
		set -- "$@" --arg "$1" "$2"
		shift 2
		_n=$((_n - 2))
	done
	jq -cn "$@" '$ARGS.named'
}

# Lines of standard input as a JSON array of strings.
json_lines() { jq -Rnc '[inputs]'; }

# --- sv/facts ---

facts() { # KIND: its names
	awk -v kind="$1" '$1 == kind && !seen[$2]++ { print $2 }' "$node_facts"
}

# Of several lines with one name the first that has the field.
fact() { # KIND NAME FIELD: its value; 1 when there is none
	awk -v kind="$1" -v name="$2" -v field=" $3=" '
	$1 == kind && $2 == name && (at = index($0, field)) {
		rest = substr($0, at + length(field))
		if (substr(rest, 1, 1) == "\"") {
			rest = substr(rest, 2)
			sub(/".*/, "", rest)
		} else {
			sub(/ .*/, "", rest)
		}
		print rest
		found = 1
		exit
	}
	END { exit !found }' "$node_facts"
}

# --- where things are ---

# Directories of sv/facts, below the root that was asked for.
path_of() {
	_path=$(fact dir "$1" path) || broken "$node_facts names no directory $1"
	printf '%s%s\n' "$node_root" "$_path"
}

node_services() { facts service; }

# From a release, from a build, or what is installed.
_find_bin() {
	if [ -n "${KN_BUILD:-}" ]; then
		node_bin=$KN_BUILD
	elif [ -x "$here/../bin/kn-signd" ]; then
		node_bin=$(cd "$here/../bin" && pwd)
	elif [ -x "$here/../build/kn-signd" ]; then
		node_bin=$(cd "$here/../build" && pwd)
	else
		node_bin=$node_root$node_prefix/bin
	fi
}

# The folder that a running s6-svscan watches: it is its working directory.
_find_scandir() {
	for _proc in /proc/[0-9]*; do
		read -r _comm <"$_proc/comm" || continue
		[ "$_comm" = s6-svscan ] || continue
		readlink "$_proc/cwd" && return
	done 2>/dev/null
	for _dir in /run/service /service /var/service /etc/service; do
		[ ! -d "$_dir" ] || { echo "$_dir"; return; }
	done
	echo /run/service
}

_find_supervisor() {
	if [ -n "$node_root" ]; then
		echo none
	elif [ -d /run/systemd/system ]; then
		echo systemd
	elif [ -d /run/openrc ] && command -v openrc-run >/dev/null 2>&1; then
		echo openrc
	elif pidof s6-svscan >/dev/null 2>&1; then
		echo s6
	else
		echo none
	fi
}

# Sets node_supervisor, node_scandir, node_ini, node_bin, node_lib (where the
# releases are), node_state and node_run.
node_find() {
	[ -r "$node_facts" ] || broken "$node_facts is not there"
	# lists of files are divided by blanks
	case $node_root in
	*[!A-Za-z0-9._/+~-]*) wrong "$node_root: a directory of letters, digits and . _ + ~ - is wanted" ;;
	esac
	[ -n "$node_supervisor" ] || node_supervisor=$(_find_supervisor)
	case $node_supervisor in
	systemd | openrc | none) ;;
	s6) [ -n "$node_scandir" ] || node_scandir=$(_find_scandir) ;;
	*) wrong "$node_supervisor is no supervisor: systemd, openrc, s6 or none" ;;
	esac
	[ -n "$node_ini" ] || node_ini=$(path_of etc)/node.ini
	node_lib=$node_root$node_prefix/lib/kontinuum-node
	node_state=$(path_of state)
	_find_bin
	_conf=
	node_run=$(ini node run_path) || node_run=$(path_of run)
}

# The values of a key of node.ini as the programs see it, one a line; 1 when the
# configuration cannot be read (is absent or has faults).
ini() { # SECTION KEY
	[ -n "$_conf" ] ||
	    _conf=$("$node_bin/kn-signd" -n -c "$node_ini" 2>/dev/null) || return 1
	printf '%s\n' "$_conf" | awk -v section="[$1]" -v key="$2" '
	/^\[/ { here = $0 == section; next }
	/^\t/ { if (on) print substr($0, 2); next }
	{ on = 0 }
	here && $1 == key && $2 == "=" {
		on = found = 1
		if (NF > 2)
			print substr($0, index($0, " = ") + 3)
	}
	END { exit !found }'
}

# --- one service, under whichever supervisor there is ---

service_installed() { # NAME
	case $node_supervisor in
	systemd) systemctl cat "$1.service" >/dev/null 2>&1 ;;
	openrc) [ -x "/etc/init.d/$1" ] ;;
	s6) [ -d "$node_scandir/$1" ] && s6-svok "$node_scandir/$1" ;;
	*) return 1 ;;
	esac
}

# A number of the head of a program's statistics, see kn-stat(5).
_stat_word() { # NAME OFFSET
	_file=$node_run/stat/$1
	# its directory is not root's alone: nothing that one could wait for
	[ -f "$_file" ] && [ ! -L "$_file" ] && [ -r "$_file" ] || return 1
	od -A n -t u8 -j "$2" -N 8 "$_file" 2>/dev/null | tr -d ' \n'
}

service_pid() { # NAME: the id of its process; 1 when there is none
	case $node_supervisor in
	systemd) _pid=$(systemctl show -p MainPID --value "$1.service") ;;
	s6) _pid=$(s6-svstat -o pid "$node_scandir/$1" 2>/dev/null) ;;
	*) _pid=$(_stat_word "$1" 72) ;;
	esac
	[ "${_pid:-0}" -gt 0 ] 2>/dev/null && kill -0 "$_pid" 2>/dev/null &&
	    echo "$_pid"
}

service_phase() { # NAME: starting, migrating, serving, draining, drained, stopping
	_at=$(_stat_word "$1" 72) && kill -0 "${_at:-0}" 2>/dev/null || return 1
	case $(_stat_word "$1" 104) in
	0) echo starting ;;
	1) echo migrating ;;
	2) echo serving ;;
	3) echo draining ;;
	4) echo drained ;;
	5) echo stopping ;;
	*) return 1 ;;
	esac
}

# Has it said that it is ready since it was started?
service_ready() { # NAME
	case $node_supervisor in
	systemd) systemctl -q is-active "$1.service" ;;
	s6) [ "$(s6-svstat -o ready "$node_scandir/$1" 2>/dev/null)" = true ] ;;
	*)
		_now=$(service_pid "$1") &&
		    [ "$(_stat_word "$1" 72)" = "$_now" ] || return 1
		case $(service_phase "$1") in
		serving | draining | drained) ;;
		*) return 1 ;;
		esac ;;
	esac
}

# Start, stop and restart do not wait, do not keep lock_node's lock, and touch no
# other service of the node: nobody's peers go because a neighbour is restarted.
service_start() { # NAME
	case $node_supervisor in
	systemd) systemctl reset-failed "$1.service" 2>/dev/null || true
		systemctl start --no-block "$1.service" ;;
	openrc) rc-service -q -D "$1" start 8>&- ;;
	s6) s6-svdt-clear "$node_scandir/$1" 2>/dev/null || true
		s6-svc -u "$node_scandir/$1" ;;
	*) return 1 ;;
	esac
}

service_stop() { # NAME
	case $node_supervisor in
	systemd) # its sockets go with it, or the next client would start it again
		systemctl stop --no-block "$1.service" 2>/dev/null ;;
	openrc) rc-service -q -D "$1" stop ;;
	s6) s6-svc -d "$node_scandir/$1" ;;
	*) return 1 ;;
	esac
}

service_restart() { # NAME
	case $node_supervisor in
	systemd) systemctl reset-failed "$1.service" 2>/dev/null || true
		systemctl restart --no-block "$1.service" ;;
	openrc) # its own restart without dependencies leaves it marked stopped
		rc-service -q -D "$1" stop && rc-service -q -D "$1" start 8>&- ;;
	s6) # what died before is not held against it
		s6-svdt-clear "$node_scandir/$1" 2>/dev/null || true
		s6-svc -ru "$node_scandir/$1" ;;
	*) return 1 ;;
	esac
}

# Its supervisor will not start it again by itself.
service_gave_up() { # NAME
	case $node_supervisor in
	systemd) systemctl -q is-failed "$1.service" ;;
	s6) [ "$(s6-svstat -o wantedup "$node_scandir/$1" 2>/dev/null)" = false ] ;;
	*) return 1 ;;
	esac
}

# Is it down because somebody wants that?  OpenRC does not say.
service_is_off() { # NAME
	case $node_supervisor in
	systemd) [ "$(systemctl show -p ActiveState --value "$1.service")" = inactive ] ;;
	s6) [ "$(s6-svstat -o wantedup "$node_scandir/$1" 2>/dev/null)" != true ] ;;
	*) return 1 ;;
	esac
}

# Until a command succeeds: 1 when it has not after so many seconds.
wait_for() { # SECONDS COMMAND…
	_end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$_end" ] || return 1
		sleep 0.2
	done
}

_service_down() { ! service_pid "$1" >/dev/null; }
service_wait_ready() { wait_for "$2" service_ready "$1"; } # NAME SECONDS
service_wait_down() { wait_for "$2" _service_down "$1"; } # NAME SECONDS

# New or changed services, before they are started.
supervisor_reload() {
	case $node_supervisor in
	systemd) systemctl daemon-reload ;;
	s6) s6-svscanctl -a "$node_scandir" ;;
	*) : ;;
	esac
}

# The command that a person would type.
service_command() { # start|stop|restart [NAME]
	case $node_supervisor in
	systemd) echo "systemctl $1 ${2:-kontinuum-node.target}" ;;
	openrc)
		[ $# -lt 2 ] || { echo "rc-service $2 $1"; return; }
		echo "for s in $(node_services | tr '\n' ' '); do rc-service \$s $1; done" |
		    sed 's/ ;/;/' ;;
	s6)
		case $1 in start) _how=-u ;; stop) _how=-d ;; *) _how=-r ;; esac
		[ $# -lt 2 ] || { echo "s6-svc $_how $node_scandir/$2"; return; }
		[ "$1" != start ] || printf 's6-svscanctl -a %s; sleep 1; ' \
		    "$node_scandir"
		echo "for s in $node_scandir/kn-*; do s6-svc $_how \$s; done" ;;
	*) echo "start the programs with your supervisor; see kn(7)" ;;
	esac
}

# --- files that are whole at every moment ---

# On the disk before anything relies on it; old sync(1) know no operands.
to_disk() { sync "$@" 2>/dev/null || sync; }

# The link names the target from one moment to the next.
swap_link() { # TARGET LINK
	rm -f "$2.new"
	ln -s "$1" "$2.new" && mv -f -T "$2.new" "$2" ||
	    broken "$2 cannot be written"
	to_disk "$(dirname "$2")"
}

# A copy of FILE with this mode (and owner, for root outside of a --root).  0: it
# was written; 1: it stood there already, whole and with that mode.
place() { # FILE DESTINATION MODE [OWNER:GROUP]
	_own=${4:-}
	if [ "$(id -u)" -ne 0 ] || [ -n "$node_root" ]; then
		_own=
	fi
	if [ ! -L "$2" ] && cmp -s "$1" "$2" &&
	    [ "$(stat -c %a "$2")" = "$(printf '%s' "$3" | sed 's/^0*//')" ] &&
	    { [ -z "$_own" ] || [ "$(stat -c %U:%G "$2")" = "$_own" ]; }; then
		return 1
	fi
	rm -f "$2.new"
	(umask 077 && cat "$1" >"$2.new") || broken "$2 cannot be written"
	[ -z "$_own" ] || chown "$_own" "$2.new" || broken "$2: no user $_own"
	chmod "$3" "$2.new"
	to_disk "$2.new"
	mv -f "$2.new" "$2" || broken "$2 cannot be written"
	to_disk "$(dirname "$2")"
}

# Megabytes free for everybody where a path is or will be.
free_mb() { # PATH
	_dir=$1
	while [ ! -e "$_dir" ]; do
		_dir=$(dirname "$_dir")
	done
	df -Pm "$_dir" | awk 'NR == 2 { print $4 }'
}

# --- who does it ---

is_root() { [ "$(id -u)" -eq 0 ]; }

# As a user of the node, when we may and there is such a user; else as we are.
as_user() { # USER COMMAND…
	_user=$1
	shift
	if ! is_root || ! id "$_user" >/dev/null 2>&1; then
		"$@"
	elif command -v setpriv >/dev/null 2>&1 &&
	    setpriv --help 2>&1 | grep -q reuid; then
		setpriv --reuid "$_user" --regid "$(id -g "$_user")" \
		    --init-groups -- "$@"
	elif command -v s6-setuidgid >/dev/null 2>&1; then
		s6-setuidgid "$_user" "$@"
	else
		# su hands on what follows -- as the shell's arguments
		su -s /bin/sh "$_user" -c 'exec "$@"' -- sh "$@"
	fi
}

# One of upgrade, rollback, restore at a time; the lock goes with the process.
# Descriptor 8 stays open for it: close it (8>&-) for what outlives the script.
lock_node() { # for WHAT
	mkdir -p "$node_state" 2>/dev/null && [ -w "$node_state" ] ||
	    wrong "$node_state cannot be written: run this as root"
	# nobody else's: who may open it may hold it
	[ -e "$node_state/lock" ] || (umask 077 && : >>"$node_state/lock")
	chmod 600 "$node_state/lock"
	needs_tool flock
	exec 8>>"$node_state/lock"
	flock -n 8 ||
	    no "something else holds $node_state/lock (an upgrade, a restore): wait for it, then $1 again"
}

# Where ssh is most likely: the port it came by, or that of its configuration.
ssh_port_now() {
	_port=$(printf '%s\n' "${SSH_CONNECTION:-}" | cut -d ' ' -f 4)
	[ -n "$_port" ] || _port=$(sed -n 's/^ *Port  *\([0-9]*\).*/\1/p' \
	    "$node_root/etc/ssh/sshd_config" 2>/dev/null | head -n 1)
	printf '%s\n' "${_port:-22}"
}

distribution() { # debian, alpine, fedora, arch or unknown
	_ids=unknown
	[ ! -r "$node_root/etc/os-release" ] ||
	    _ids=$(for _key in ID ID_LIKE; do
		sed -n "s/^$_key=//p" "$node_root/etc/os-release"
	    done | tr -d '"')
	for _id in $_ids; do
		case $_id in
		debian | ubuntu) echo debian; return ;;
		alpine | fedora | arch) echo "$_id"; return ;;
		rhel | centos) echo fedora; return ;;
		esac
	done
	echo unknown
}
