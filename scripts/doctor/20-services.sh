# SPDX-License-Identifier: ISC
# doctor.sh: the supervisor, and what runs under it.
# shellcheck shell=sh disable=SC2154

add supervisor 'does something start the programs and keep them up?'
check_supervisor() {
	if [ -n "$node_root" ]; then
		pass 'another host'
	elif [ "$node_supervisor" = none ]; then
		weak 'neither systemd, OpenRC nor s6 keeps the programs up' 's6-svscan /run/service  # or boot with an init that supervises'
	else
		good "$node_supervisor keeps the programs up"
	fi
}

add enabled 'do the services start with the host?'
check_enabled() {
	case $node_supervisor in
	systemd)
		for name in kontinuum-node.target $(supervised); do
			case $name in *.target) ;; *) name=$name.service ;; esac
			[ "$(within 5 systemctl is-enabled "$name")" = enabled ] ||
			    { bad "$name does not start with the host" "systemctl enable $name"; return; }
		done ;;
	openrc)
		for name in $(supervised); do
			find /etc/runlevels -name "$name" | grep -q . ||
			    { bad "$name does not start with the host" "rc-update add $name default"; return; }
		done ;;
	s6)
		for name in $(supervised); do
			[ -d "$node_scandir/$name" ] && [ ! -e "$node_scandir/$name/down" ] ||
			    { bad "$name does not start with s6-svscan" "rm -f $node_scandir/$name/down; $(install_again 'lays the services')"; return; }
		done ;;
	*) pass 'no supervisor to ask'; return ;;
	esac
	good 'the services start with the host'
}

add running 'does every program run that should?'
check_running() {
	[ ! -d "$node_run" ] || [ -x "$node_run" ] ||
	    { pass "root can see into $node_run"; return; }
	[ -d "$node_run/stat" ] ||
	    { bad "nothing runs: $node_run/stat is not there" "$(service_command start)"; return; }
	for name in $(wanted); do
		running "$name" >/dev/null ||
		    { bad "$name does not run" "$(service_command start "$name")"; return; }
	done
	running kn-metrics >/dev/null ||
	    { weak 'kn-metrics does not run: nobody is told how the node is' "$(service_command start kn-metrics)"; return; }
	good "these run: $(supervised | tr '\n' ' ' | sed 's/ $//')"
}

add loops 'does every loop turn?'
check_loops() {
	limit=$(seconds_of "$(conf metrics stale_after 10s)")
	now=$(uptime_ms)
	for name in $(running_all); do
		any=yes
		age=$(((now - $(head_number "$name" 88)) / 1000))
		[ "$age" -le "$limit" ] ||
		    { bad "the loop of $name has not turned for $age seconds" "$(service_command restart "$name")"; return; }
	done
	[ -n "${any:-}" ] || { none_runs; return; }
	good 'all loops turn'
}

add phases 'is every program serving?'
check_phases() {
	limit=$(seconds_of "$(conf metrics start_time 10m)")
	now=$(uptime_ms)
	for name in $(running_all); do
		any=yes
		age=$(((now - $(head_number "$name" 80)) / 1000))
		case $(head_number "$name" 104) in
		0 | 1)
			if [ "$age" -gt "$limit" ]; then
				bad "$name has been starting for $age seconds" "$(service_command restart "$name")"
			else
				weak "$name is starting" "$here/doctor.sh --only phases"
			fi
			return ;;
		3 | 4) weak "$name is drained or draining" 'kn-drain end  # when the work is done'; return ;;
		5) weak "$name is on its way to exit" "$(service_command start "$name")"; return ;;
		esac
	done
	[ -n "${any:-}" ] || { none_runs; return; }
	good 'every program serves'
}

add drain 'was a drain forgotten?'
check_drain() {
	file=$(at "$(conf node drain_path "$(fact dir state path)/drain")")
	[ -e "$file" ] || { good 'no drain is asked for'; return; }
	reason=$(sed -n 's/^reason *= *//p' "$file" | head -n 1)
	age=$((($(date +%s) - $(stat -c %Y "$file")) / 60))
	if grep -q '^hold *= *yes' "$file"; then
		weak "a drain that restarts do not end holds for $age minutes: $reason" 'kn-drain end'
	elif [ "$age" -gt 60 ]; then
		weak "a drain was asked for $age minutes ago: $reason" 'kn-drain end'
	else
		good "a drain is $age minutes old: $reason"
	fi
}

# Deaths that the supervisor remembers; s6 keeps the last 100.  systemd forgets
# them when it has given up on a program and tries again, and that is in the log.
deaths() { # SERVICE
	case $node_supervisor in
	systemd)
		now=$(within 5 systemctl show -p NRestarts --value "$1.service")
		often=$(within 5 journalctl -q -o cat --since -1h \
		    -u "kontinuum-node-failed@$1.service" | grep -c 'ended too often')
		echo $((${now:-0} + 10 * ${often:-0})) ;;
	s6)
		# TAI64N: of the sixteen digits the last eight are seconds since 1970
		within 5 s6-svdt "$node_scandir/$1" 2>/dev/null |
		    awk -v since="$(($(date +%s) - 3600))" '
		{
			for (i = 10; i <= 17; i++)
				t = t * 16 + index("0123456789abcdef", substr($1, i, 1)) - 1
			n += t > since
			t = 0
		}
		END { print n + 0 }' ;;
	*) echo 0 ;;
	esac
}

add crash-loops 'does a program die again and again?'
check_crash_loops() {
	case $node_supervisor in
	systemd | s6) ;;
	*) pass 'no supervisor that counts deaths'; return ;;
	esac
	for name in $(wanted); do
		n=$(deaths "$name")
		[ "${n:-0}" -lt 3 ] ||
		    { bad "$name died $n times" "$(logs_of "$name")"; return; }
	done
	good 'no program dies again and again'
}

logs_of() { # SERVICE
	case $node_supervisor in
	systemd) echo "journalctl -u $1 -n 50  # says why" ;;
	*)
		log=$(fact dir log path)/$1/current
		# OpenRC without s6-log
		[ -e "$(at "$log")" ] || [ ! -e "$(at "${log%/*}")/log" ] || log=${log%/*}/log
		echo "tail -n 50 $log  # says why" ;;
	esac
}

add sandbox 'do the programs lock themselves down?'
check_sandbox() {
	for name in $(running_all); do
		any=yes
		line=$(head_text "$name" 160 96)
		case " $line " in
		'  ') bad "$name does not say what holds it" "$(logs_of "$name")"; return ;;
		*' seccomp=2 '*) ;;
		*) bad "$name runs without seccomp: $line" "$(logs_of "$name")"; return ;;
		esac
		case " $line " in
		*' uid=0 '*) bad "$name runs as root" "$(install_again 'lays the services')"; return ;;
		*' landlock=0 '*) weak "$name runs without Landlock: $line" 'uname -r  # Landlock is there from 5.13 with lsm=landlock'; return ;;
		esac
	done
	[ -n "${any:-}" ] || { none_runs; return; }
	good 'seccomp and Landlock hold every program'
}

add process-users 'does every program run as its user?'
check_process_users() {
	for name in $(running_all); do
		any=yes
		pid=$(running "$name")
		uid=$(awk '$1 == "Uid:" { print $3 }' "$node_root/proc/$pid/status")
		user=$(fact service "$name" user)
		want=$(awk -F: -v u="$user" '$1 == u { print $3 }' "$(at /etc/passwd)")
		if [ "$uid" = 0 ]; then
			bad "$name runs as root" "$(install_again 'lays the services')"
			return
		elif [ -n "$want" ] && [ "$uid" != "$want" ]; then
			weak "$name runs as user $uid and not as $user" "$(install_again 'lays the services')"
			return
		fi
	done
	[ -n "${any:-}" ] || { none_runs; return; }
	good 'every program runs as its user'
}

# What the first process may not have, no service can be given.
more_files() { # WANTED
	host=$(awk '/^Max open files/ { print $5 }' "$node_root/proc/1/limits")
	if [ -n "$host" ] && [ "$host" != unlimited ] && [ "$host" -lt "$1" ]; then
		echo "grep 'open files' /proc/1/limits  # this host allows no service more: raise it where the host is started (of a container: --ulimit nofile=$1)"
	else
		install_again 'gives the services their limits'
	fi
}

add descriptors 'may the programs open enough files?'
check_descriptors() {
	for name in $(running_all); do
		pid=$(running "$name")
		have=$(awk '/^Max open files/ { print $4 }' "$node_root/proc/$pid/limits")
		[ -n "$have" ] || continue
		any=yes
		want=$(fact service "$name" nofile)
		[ "$have" = unlimited ] || [ "$have" -ge "$want" ] ||
		    { bad "$name may open $have files, and needs $want" "$(more_files "$want")"; return; }
		used=$(find "$node_root/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)
		[ $((used * 10)) -lt $((want * 9)) ] ||
		    { weak "$name has $used of $want files open" "$(edit '[limits] peers, [store] connections: fewer')"; return; }
	done
	[ -n "${any:-}" ] || { none_runs 'no program runs, or their limits may not be read'; return; }
	good 'every program may open as many files as it needs'
}

# mem= is that of tier 2; tier 1 has twice as much, tier 0 four times.
memory_of() { # SERVICE: MB
	mem=$(fact service "$1" mem)
	case $(conf node tier 2) in
	0) echo $((mem * 4)) ;;
	1) echo $((mem * 2)) ;;
	*) echo "$mem" ;;
	esac
}

add process-memory 'do the programs keep to their memory?'
check_process_memory() {
	for name in $(running_all); do
		pid=$(running "$name")
		rss=$(awk '$1 == "VmRSS:" { print int($2 / 1024) }' "$node_root/proc/$pid/status")
		[ -n "$rss" ] || continue
		any=yes
		limit=$(memory_of "$name")
		[ $((rss * 10)) -lt $((limit * 9)) ] ||
		    { weak "$name has $rss MB of $limit MB" "$(service_command restart "$name")"; return; }
	done
	[ -n "${any:-}" ] || { none_runs; return; }
	good 'every program is well below its limit'
}

# The limit of the cgroup that a process is in, in MB; nothing for none.
cgroup_limit() { # PID
	group=$(sed -n 's/^0:://p' "$node_root/proc/$1/cgroup")
	dir=$node_root/sys/fs/cgroup$group
	while [ ! -r "$dir/memory.max" ]; do
		[ "$dir" != "$node_root/sys/fs/cgroup" ] && [ "$dir" != / ] || return 1
		dir=$(dirname "$dir")
	done
	read -r max <"$dir/memory.max"
	[ "$max" != max ] && echo $((max / 1048576))
}

add memory-limit 'is the memory limit of each program that of its tier?'
check_memory_limit() {
	for name in $(running_all); do
		pid=$(running "$name")
		have=$(cgroup_limit "$pid") || continue
		any=yes
		want=$(memory_of "$name")
		[ "$have" -ge "$want" ] ||
		    { bad "$name may have $have MB, its tier wants $want" "$(install_again 'gives the services their limits')"; return; }
	done
	[ -n "${any:-}" ] || { pass 'no limits of a cgroup hold the programs'; return; }
	good 'every program may have the memory of its tier'
}
