#!/bin/sh
# SPDX-License-Identifier: ISC
# Releases on a host: what install.sh, upgrade.sh and rollback.sh share.  Source
# it after node.sh and node_find, with $work set to a folder for passing things
# that goes away with the script.  release(5) says what a release is.
#
# Everything is made beside and renamed: whenever one of the scripts is killed,
# node_lib/current names a release that is whole.
# shellcheck disable=SC2154,SC2034

RELEASE_MB=1024     # the most that is unpacked
RELEASE_FILES=10000 # the most files in one

# Lines "SECONDS.. MORE" of versions: is A older than B?  1.10 is newer than 1.9.
older() { # A B
	awk -v a="$1" -v b="$2" 'BEGIN {
		sub(/[+].*/, "", a); sub(/[+].*/, "", b)
		n = split(a, x, /[.~-]/); m = split(b, y, /[.~-]/)
		for (i = 1; i <= n || i <= m; i++) {
			if (x[i] ~ /^[0-9]*$/ && y[i] ~ /^[0-9]*$/) {
				if (x[i] + 0 != y[i] + 0)
					exit !(x[i] + 0 < y[i] + 0)
			} else if (x[i] != y[i]) {
				# 1.0-rc1 comes before 1.0
				if (x[i] == "" || y[i] == "")
					exit !(y[i] == "")
				exit !(x[i] < y[i])
			}
		}
		exit 1
	}'
}

current_release() { readlink "$node_lib/current" 2>/dev/null; }
previous_release() { readlink "$node_lib/previous" 2>/dev/null; }
releases() { # all that are whole, oldest first by version
	for _rel in "$node_lib"/[0-9]*; do
		[ ! -f "$_rel/SHA256SUMS" ] || echo "${_rel##*/}"
	done
}

# Who says that it is theirs?  Ends the script when nobody does.
check_signature() { # TARBALL PUBKEY
	[ -r "$2" ] ||
	    wrong "no key to check the release with: put it in $2, or say --pubkey FILE"
	[ -r "$1.minisig" ] ||
	    wrong "$1.minisig is not there: an unsigned release is not installed"
	needs_tool minisign
	minisign -V -q -p "$2" -m "$1" -x "$1.minisig" >/dev/null 2>&1 ||
	    no "the signature of $1 is not good: fetch both files again; nothing was changed"
}

# Only plain files and directories, below one directory that is a version.  The
# names are looked at before anything is written.
check_names() { # LIST-FILE: what tar -tv says
	awk -v most="$RELEASE_FILES" -v mb="$RELEASE_MB" '
	function bad(why) { print why; failed = 1; exit }
	{
		if ($0 !~ /^[-d]/)
			bad("a link or a device is in it")
		name = $NF
		bytes += $3
		if (NR > most || bytes > mb * 1048576)
			bad("it is too large")
		if (name !~ /^[0-9][0-9A-Za-z.+~-]*\// ||
		    name ~ /(^|\/)\.\.?(\/|$)/ || $0 ~ /\\/)
			bad("a name in it leads out of it")
		top = name
		sub(/\/.*/, "", top)
		if (NR > 1 && top != first)
			bad("it is not one directory")
		first = top
	}
	END {
		if (!failed && NR == 0)
			print "it is empty"
		else if (!failed)
			print "version " first
	}' "$1"
}

# Every file is in SHA256SUMS, and is what that says.
check_sums() { # DIR: 0, or 1 with what is wrong on stdout
	[ -f "$1/SHA256SUMS" ] && [ -f "$1/code" ] && [ -f "$1/needs" ] &&
	    [ -d "$1/bin" ] && [ -f "$1/sv/facts" ] || {
		echo "it is no release: SHA256SUMS, code, needs, bin or sv/facts is missing"
		return 1
	}
	[ -z "$(cd "$1" && find . ! -type f ! -type d)" ] || {
		echo "a link or a device is in it"
		return 1
	}
	(cd "$1" && sha256sum -c SHA256SUMS >/dev/null 2>&1) || {
		echo "a file is not what SHA256SUMS says"
		return 1
	}
	(cd "$1" && [ "$(find . -type f ! -path ./SHA256SUMS | wc -l)" -eq \
	    "$(wc -l <SHA256SUMS)" ]) || {
		echo "there are files that SHA256SUMS does not name"
		return 1
	}
}

# Unpack into node_lib/.new, which is then whole.  $release_version is set.
unpack_release() { # TARBALL
	_size=$(($(wc -c <"$1") / 1048576 + 1))
	mkdir -p "$node_lib"
	[ "$(free_mb "$node_lib")" -ge $((_size * 6 + 16)) ] ||
	    no "$node_lib has not $((_size * 6 + 16)) MB free: make room, then again"
	rm -rf "$node_lib/.new"
	mkdir -m 700 "$node_lib/.new"
	tar -tvzf "$1" >"$node_lib/.new/list" 2>/dev/null ||
	    no "$1 is damaged: fetch it again; nothing was changed"
	_says=$(check_names "$node_lib/.new/list")
	rm -f "$node_lib/.new/list"
	case $_says in
	version\ *) release_version=${_says#version } ;;
	*) rm -rf "$node_lib/.new"
		no "$1 is no release: $_says; nothing was changed" ;;
	esac
	tar -xzof "$1" -C "$node_lib/.new" 2>/dev/null ||
	    no "$1 cannot be unpacked into $node_lib; nothing was changed"
	_says=$(check_sums "$node_lib/.new/$release_version") ||
	    no "$1 is no release: $_says; nothing was changed"
}

# A tree of files as if it had been unpacked.
copy_release() { # DIR VERSION
	_says=$(check_sums "$1") || no "$1 is no release: $_says"
	release_version=$2
	rm -rf "$node_lib/.new"
	mkdir -p "$node_lib/.new"
	cp -R "$1" "$node_lib/.new/$2"
}

# Give node_lib/.new/VERSION its place.  $release is then its directory's name:
# VERSION, with some digits when there is another one of that version.
place_release() { # 0: it is new; 1: it was there
	_new=$node_lib/.new/$release_version
	release=$release_version
	if [ -e "$node_lib/$release" ] &&
	    ! cmp -s "$_new/SHA256SUMS" "$node_lib/$release/SHA256SUMS"; then
		release=$release+$(sha256sum <"$_new/SHA256SUMS" | cut -c 1-8)
	fi
	# one that is damaged is replaced
	if [ -e "$node_lib/$release" ]; then
		if check_sums "$node_lib/$release" >/dev/null; then
			rm -rf "$node_lib/.new"
			return 1
		fi
		rm -rf "$node_lib/.old"
		mv "$node_lib/$release" "$node_lib/.old"
	fi
	chmod -R u+rwX,go+rX,go-w "$_new"
	! is_root || chown -R 0:0 "$_new"
	find "$_new" -exec sync {} + 2>/dev/null || sync
	mv "$_new" "$node_lib/$release" || broken "$node_lib/$release cannot be written"
	to_disk "$node_lib"
	rm -rf "$node_lib/.new" "$node_lib/.old"
}

# As many as sv/facts says; never the current one, the one before, or one whose
# programs still run.
prune_releases() {
	_keep=$(sed -n 's/^release keep=//p' "$node_facts")
	_all=$(releases | wc -l)
	_used=" $(current_release) $(previous_release) $(for _proc in /proc/[0-9]*; do
		readlink "$_proc/exe"
	done 2>/dev/null | sed -n "s,^$node_lib/\([^/]*\)/.*,\1,p" | tr '\n' ' ') "
	for _rel in $(cd "$node_lib" && ls -tr); do
		[ "$_all" -gt "${_keep:-3}" ] || break
		[ -f "$node_lib/$_rel/SHA256SUMS" ] && [ ! -L "$node_lib/$_rel" ] ||
		    continue
		case $_used in *" $_rel "*) continue ;; esac
		# so that a half-removed one is not taken for a release
		rm -f "$node_lib/$_rel/SHA256SUMS"
		rm -rf "${node_lib:?}/$_rel"
		_all=$((_all - 1))
		echo "$_rel"
	done
}

# One line for each file of the supervisor: FROM<tab>TO<tab>MODE.
unit_files() { # RELEASE-DIR
	case $node_supervisor in
	systemd)
		_etc=$node_root/etc/systemd/system
		for _file in "$1"/sv/systemd/*.*; do
			unit_line "$_file" "$_etc/${_file##*/}" 644
		done
		# limits by the class of the machine
		for _file in "$1/sv/systemd/tier/$(node_tier)"/*/*.conf; do
			unit_line "$_file" "$_etc/$(basename "$(dirname "$_file")")/${_file##*/}" 644
		done
		unit_line "$1/sv/sysusers.conf" "$node_root/etc/sysusers.d/kontinuum-node.conf" 644
		unit_line "$1/sv/tmpfiles.conf" "$node_root/etc/tmpfiles.d/kontinuum-node.conf" 644 ;;
	openrc)
		for _name in $(node_services); do
			unit_line "$1/sv/openrc/$_name" "$node_root/etc/init.d/$_name" 755
		done
		for _file in "$1"/sv/openrc/conf.d/*; do
			# yours to edit
			[ -e "$node_root/etc/conf.d/${_file##*/}" ] ||
			    unit_line "$_file" "$node_root/etc/conf.d/${_file##*/}" 644
		done
		unit_line "$1/sv/logrotate.conf" "$node_root/etc/logrotate.d/kontinuum-node" 644 ;;
	s6)
		(cd "$1/sv/s6" && find . -type f | sed 's/^\.\///' | LC_ALL=C sort) |
		    while read -r _file; do
			_mode=644
			[ ! -x "$1/sv/s6/$_file" ] || _mode=755
			unit_line "$1/sv/s6/$_file" "$(s6_home)/$_file" $_mode
		done ;;
	esac
}

unit_line() { # FROM TO MODE
	[ ! -f "$1" ] || printf '%s\t%s\t%s\n' "$1" "$2" "$3"
}

node_tier() {
	_tier=$(sed -n 's/^tier *= *\([012]\) *$/\1/p' "$node_ini" 2>/dev/null | head -n 1)
	echo "${_tier:-2}"
}

# The service directories themselves; the scan directory has links to them.
s6_home() { echo "$(path_of etc)/s6"; }

# The service that a file belongs to; nothing when it is nobody's alone.
unit_service() { # FILE
	for _name in $(node_services); do
		case $1 in
		*/"$_name".service | */"$_name".service.d/* | */init.d/"$_name" | \
		    */s6/"$_name"/run | */s6/"$_name"/notification-fd) echo "$_name"; return ;;
		esac
	done
}

# As it will be on this host: with its prefix, in $unit_text.
render_unit() { # FILE
	unit_text=$work/unit
	sed "s,/usr/local/,$node_prefix/,g" "$1" >"$unit_text"
}

# Which of them differ from what is on the host: TO lines.
changed_units() { # RELEASE-DIR
	unit_files "$1" | while IFS='	' read -r _from _to _mode; do
		render_unit "$_from"
		cmp -s "$unit_text" "$_to" || echo "$_to"
		rm -f "$unit_text"
	done
}

# Put them there; says which were written.
lay_units() { # RELEASE-DIR
	unit_files "$1" | while IFS='	' read -r _from _to _mode; do
		mkdir -p "$(dirname "$_to")"
		render_unit "$_from"
		! place "$unit_text" "$_to" "$_mode" root:root || echo "$_to"
		rm -f "$unit_text"
	done
	case $node_supervisor in
	s6) link_s6 ;;
	systemd) want_units "$1" ;;
	openrc) want_levels ;;
	esac
}

# What [Install] asks for, as `systemctl enable` would link it; also where no
# systemd runs.  Timers are whose who wants them.
want_units() { # RELEASE-DIR
	for _file in "$1"/sv/systemd/*.service "$1"/sv/systemd/*.socket \
	    "$1"/sv/systemd/*.target; do
		_unit=${_file##*/}
		for _by in $(sed -n 's/^WantedBy=//p' "$_file" 2>/dev/null); do
			_dir=$node_root/etc/systemd/system/$_by.wants
			[ ! -L "$_dir/$_unit" ] || continue
			mkdir -p "$_dir"
			lay_link "/etc/systemd/system/$_unit" "$_dir/$_unit"
		done
	done
}

want_levels() {
	_dir=$node_root/etc/runlevels/default
	mkdir -p "$_dir"
	for _name in $(node_services); do
		[ ! -x "$node_root/etc/init.d/$_name" ] ||
		    lay_link "/etc/init.d/$_name" "$_dir/$_name"
	done
}

# Into the scan directory: s6-svscan starts them when it is told to look.
link_s6() {
	[ -d "$node_scandir" ] || return 0
	for _name in $(node_services); do
		[ -d "$(s6_home)/$_name" ] && [ ! -e "$node_scandir/$_name" ] ||
		    continue
		ln -s "$(s6_home)/$_name" "$node_scandir/$_name"
		echo "$node_scandir/$_name"
	done
}

# Links of PREFIX/bin and of the manual; says which were made or removed.
lay_links() { # RELEASE-DIR
	mkdir -p "$node_root$node_prefix/bin"
	for _file in "$1"/bin/kn-*; do
		lay_link "../lib/kontinuum-node/current/bin/${_file##*/}" \
		    "$node_root$node_prefix/bin/${_file##*/}"
	done
	for _file in "$1"/man/*.[1-8]; do
		_dir=$node_root$node_prefix/share/man/man${_file##*.}
		mkdir -p "$_dir"
		lay_link "../../../lib/kontinuum-node/current/man/${_file##*/}" \
		    "$_dir/${_file##*/}"
	done
	for _file in "$node_root$node_prefix"/bin/kn-* \
	    "$node_root$node_prefix"/share/man/man[1-8]/*; do
		case $(readlink "$_file" 2>/dev/null) in
		*lib/kontinuum-node/current/*) ;;
		*) continue ;;
		esac
		_name=${_file##*/}
		[ ! -e "$1/bin/$_name" ] && [ ! -e "$1/man/$_name" ] || continue
		rm -f "$_file"
		echo "$_file"
	done
}

lay_link() { # TARGET LINK
	[ "$(readlink "$2" 2>/dev/null)" != "$1" ] || return 0
	rm -f "$2.new"
	ln -s "$1" "$2.new"
	mv -f -T "$2.new" "$2"
	echo "$2"
}

# Does the supervisor run, so that things can be started?
is_live() {
	case $node_supervisor in
	systemd) [ -z "$node_root" ] && [ -d /run/systemd/system ] ;;
	openrc) [ -z "$node_root" ] && [ -d /run/openrc ] ;;
	s6) s6-svscanctl "$node_scandir" 2>/dev/null ;;
	*) return 1 ;;
	esac
}

# Libraries of `needs` that the programs of a release do not find here.
missing_libraries() { # RELEASE-DIR
	for _file in "$1"/bin/kn-*; do
		ldd "$_file" 2>/dev/null | awk '/not found/ { print $1 }'
	done | sort -u
}
