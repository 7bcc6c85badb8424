# SPDX-License-Identifier: ISC
# doctor.sh: the programs, their versions, their configuration.
# shellcheck shell=sh disable=SC2154

all_programs="kn-signd kn-p2pd kn-dht kn-store kn-metrics kn-drain kn-p2p kn-cert kn-keygen"

add programs 'are all programs there?'
check_programs() {
	for name in $all_programs; do
		[ -x "$node_bin/$name" ] || missing="${missing:-} $name"
	done
	if [ -n "${missing:-}" ]; then
		bad "not in $node_bin:$missing" "$here/install.sh --release FILE  # a whole one"
	else
		good "all $(echo "$all_programs" | wc -w) programs are in $node_bin"
	fi
}

add versions 'are they of one version?'
check_versions() {
	for name in $all_programs; do
		[ -x "$node_bin/$name" ] || continue
		said=$(within 5 "$node_bin/$name" -V 2>/dev/null) ||
		    { bad "$name -V does not run" "$(install_again 'of a release for this machine')"; return; }
		version=${said##* }
		: "${first:=$version}"
		[ "$version" = "$first" ] ||
		    { bad "$name is $version, others are $first" "$(install_again 'of one release')"; return; }
	done
	[ -n "${first:-}" ] || { pass 'there are no programs'; return; }
	good "all are version $first"
}

add running-version 'do those run that are installed?'
check_running_version() {
	for name in $(running_all); do
		said=$(within 5 "$node_bin/$name" -V 2>/dev/null) || continue
		now=$(head_text "$name" 128 32)
		any=yes
		[ "$now" = "${said##* }" ] ||
		    { weak "$name runs as version $now, ${said##* } is installed" "$(service_command restart "$name")"; return; }
	done
	[ -n "${any:-}" ] || { none_runs; return; }
	good 'what runs is what is installed'
}

add configuration 'is node.ini valid for every program?'
check_configuration() {
	[ -e "$node_ini" ] ||
	    { bad "$node_ini is not there" "$(install_again 'writes one')"; return; }
	[ -r "$node_ini" ] || { pass "$node_ini may not be read"; return; }
	for name in $(node_services); do
		[ -x "$node_bin/$name" ] || continue
		any=yes
		fault=$(within 5 "$node_bin/$name" -n -c "$node_ini" 2>&1 >/dev/null) ||
		    { bad "$(printf '%s\n' "$fault" | head -n 1)" "$(edit "then $name -n -c $node_ini")"; return; }
	done
	[ -n "${any:-}" ] || { pass 'no program is there to check it'; return; }
	good "every program takes $node_ini"
}

add releases 'is the current release whole, and are old ones few?'
check_releases() {
	[ -d "$node_lib" ] || { pass "no releases are in $node_lib"; return; }
	keep=$(sed -n 's/^release .*keep=\([0-9]*\).*/\1/p' "$node_facts")
	if [ -L "$node_lib/current" ] && [ ! -d "$node_lib/current" ]; then
		bad "$node_lib/current leads nowhere" "$(install_again 'of a release')"
		return
	fi
	found=$(find "$node_lib" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' | wc -l)
	if [ "$found" -gt "$keep" ]; then
		weak "$found releases are on the disk, $keep are needed" \
		    "$node_lib/current/scripts/install.sh  # removes those that nothing uses"
	else
		good "$found releases, the current one is $(basename "$(readlink "$node_lib/current")")"
	fi
}

add users 'does every program have its user?'
check_users() {
	group=$(awk '$1 == "group" { print $2 }' "$node_facts")
	gid=$(awk -F: -v g="$group" '$1 == g { print $3 }' "$(at /etc/group)")
	[ -n "$gid" ] ||
	    { bad "there is no group $group" "$(install_again 'makes users and group')"; return; }
	for user in $(facts user); do
		has=$(awk -F: -v u="$user" '$1 == u { print $4 }' "$(at /etc/passwd)")
		if [ -z "$has" ]; then
			bad "there is no user $user" "$(install_again 'makes users and group')"
			return
		elif [ "$has" != "$gid" ]; then
			bad "$group is not the primary group of $user" "usermod -g $group $user"
			return
		fi
	done
	good "all users are there, in the group $group"
}
