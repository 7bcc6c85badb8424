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

# Is one version older than another?  1.10 is newer than 1.9.
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

# A copy of our own, in $tarball: what was looked at is what is unpacked, whoever
# may write where the file came from.
take_tarball() { # FILE
	release_file=$1 tarball=$work/release.tar.gz
	cat "$1" >"$tarball" || broken "$1 cannot be copied to $work"
	[ ! -r "$1.minisig" ] || cat "$1.minisig" >"$tarball.minisig" ||
	    broken "$1.minisig cannot be copied to $work"
}

# Who says that it is theirs?  Ends the script when nobody does.
check_signature() { # PUBKEY: of $tarball
	[ -r "$1" ] ||
	    wrong "no key to check the release with: put it in $1, or say --pubkey FILE"
	[ -r "$tarball.minisig" ] ||
	    wrong "$release_file.minisig is not there: an unsigned release is not installed"
	needs_tool minisign
	minisign -V -q -p "$1" -m "$tarball" -x "$tarball.minisig" >/dev/null 2>&1 ||
	    no "the signature of $release_file is not good: fetch both files again; nothing was changed"
}

# Only plain files and directories, below one directory that is a version.  The
# names are looked at before anything is written.
check_names() { # LIST-FILE: what tar -tv says
	awk -v most="$RELEASE_FILES" -v mb="$RELEASE_MB" '
	function bad(why) { print why; failed = 1; exit }
	{
		# tar of busybox shows a hard link as a file, and to what it leads
		if ($0 !~ /^[-d]/ || / -> /)
			bad("a link or a device is in it")
		name = $NF
		bytes += $3
		if (NR > most || bytes > mb * 1048576)
			bad("it is too large")
		# one with a space would hide what is before that
		if (NF != 6)
			bad("a name in it is odd")
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

# Unpack $tarball into node_lib/.new, which is then whole.  $release_version is set.
unpack_release() {
	_size=$(($(wc -c <"$tarball") / 1048576 + 1))
	mkdir -p "$node_lib"
	[ "$(free_mb "$node_lib")" -ge $((_size * 6 + 16)) ] ||
	    no "$node_lib has not $((_size * 6 + 16)) MB free: make room, then again"
	rm -rf "$node_lib/.new"
	mkdir -m 700 "$node_lib/.new"
	tar -tvzf "$tarball" >"$node_lib/.new/list" 2>/dev/null ||
	    no "$release_file is damaged: fetch it again; nothing was changed"
	_says=$(check_names "$node_lib/.new/list")
	rm -f "$node_lib/.new/list"
	case $_says in
	version\ *) release_version=${_says#version } ;;
	*) rm -rf "$node_lib/.new"
		no "$release_file is no release: $_says; nothing was changed" ;;
	esac
	tar -xzof "$tarball" -C "$node_lib/.new" 2>/dev/null ||
	    no "$release_file cannot be unpacked into $node_lib (is it full?); nothing was changed"
	_says=$(check_sums "$node_lib/.new/$release_version") ||
	    no "$release_file is no release: $_says; nothing was changed"
}

# A tree of files as if it had been unpacked.
copy_release() { # DIR VERSION
	_says=$(check_sums "$1") || no "$1 is no release: $_says"
	release_version=$2
	rm -rf "$node_lib/.new"
	mkdir -p "$node_lib/.new"
	cp -R "$1" "$node_lib/.new/$2" ||
	    broken "$1 cannot be copied into $node_lib (is it full?)"
}

# The name that a release has or will have here, in $release: VERSION, with some
# digits when there is another one of that version.  One that is damaged makes
# room, unless it is in use: then the whole one stands beside it.
name_release() { # DIR VERSION: 0: it is new; 1: it is there
	_sum=$(sha256sum <"$1/SHA256SUMS" | cut -c 1-8)
	for release in "$2" "$2+$_sum" "$2+$_sum.2" "$2+$_sum.3"; do
		[ -e "$node_lib/$release" ] || return 0
		if check_sums "$node_lib/$release" >/dev/null; then
			! cmp -s "$1/SHA256SUMS" "$node_lib/$release/SHA256SUMS" ||
			    return 1
		elif ! is_used "$release"; then
			return 0
		fi
	done
	no "$2 is damaged in each of its places in $node_lib: look at the disk"
}

# Give node_lib/.new/VERSION its place, see name_release.
place_release() { # 0: it is new; 1: it was there
	_new=$node_lib/.new/$release_version
	name_release "$_new" "$release_version" || {
		rm -rf "$node_lib/.new"
		return 1
	}
	rm -rf "${node_lib:?}/$release"
	chmod -R u+rwX,go+rX,go-w,u-s,g-s "$_new"
	! is_root || chown -R 0:0 "$_new"
	find "$_new" -exec sync {} + 2>/dev/null || sync
	mv "$_new" "$node_lib/$release" || broken "$node_lib/$release cannot be written"
	to_disk "$node_lib"
	rm -rf "$node_lib/.new"
}

# The current release, the one before, and those whose programs still run.
used_releases() {
	current_release || true
	previous_release || true
	for _proc in /proc/[0-9]*; do
		readlink "$_proc/exe" || true # the kernel's own have none
	done 2>/dev/null | release_of
}

# Names of releases of paths in them, one a line.  The kernel names files without
# the links that may lead to node_lib.
release_of() {
	awk -v lib="$(readlink -f "$node_lib")/" 'index($0, lib) == 1 {
		name = substr($0, length(lib) + 1)
		sub(/\/.*/, "", name)
		print name
	}'
}

is_used() { used_releases | grep -qxF "$1"; } # RELEASE

# As many as sv/facts says; never one in use.
prune_releases() {
	_keep=$(sed -n 's/^release keep=//p' "$node_facts")
	_all=$(releases | wc -l)
	_used=" $(used_releases | tr '\n' ' ') "
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
		unit_line "$1/sv/logrotate.conf" "$node_root/etc/logrotate.d/kontinuum-node" 644
		unit_line "$1/sv/cron/kontinuum-node" "$node_root/etc/cron.d/kontinuum-node" 644 ;;
	s6)
		unit_line "$1/sv/cron/kontinuum-node" "$node_root/etc/cron.d/kontinuum-node" 644
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
		# systemd lays down a socket and takes it up again with its service
		for _sock in $(fact service "$_name" sockets | tr , ' '); do
			case $1 in */"kn-$_sock.socket") echo "$_name"; return ;; esac
		done
	done
}

# As it will be on this host: with its prefix, in $unit_text.
render_unit() { # FILE
	unit_text=$work/unit
	sed "s,/usr/local/,$node_prefix/,g" "$1" >"$unit_text" ||
	    broken "$work cannot be written (is the disk full?)"
}

# Which of them differ from what is on the host: TO lines.
changed_units() { # RELEASE-DIR
	unit_files "$1" | while IFS='	' read -r _from _to _mode; do
		render_unit "$_from"
		cmp -s "$unit_text" "$_to" || echo "$_to"
		rm -f "$unit_text"
	done
}

# Put them there; says which were written.  A service that is known here and is
# not started at boot was disabled by somebody: it stays so.
lay_units() { # RELEASE-DIR
	case $node_supervisor in
	systemd) want_units "$1" ;;
	openrc) want_levels ;;
	esac
	unit_files "$1" | while IFS='	' read -r _from _to _mode; do
		mkdir -p "$(dirname "$_to")"
		render_unit "$_from"
		! place "$unit_text" "$_to" "$_mode" root:root || echo "$_to"
		rm -f "$unit_text"
	done || exit 111
	[ "$node_supervisor" != s6 ] || link_s6
}

# Services of one release that the other has not.
gone_services() { # RELEASE-DIR RELEASE-DIR
	(node_facts=$1/sv/facts && node_services) | sort >"$work/services"
	(node_facts=$2/sv/facts && node_services) | sort |
	    comm -23 "$work/services" -
}

# Files on the host that are of one release, and that the other has not.
gone_units() { # RELEASE-DIR RELEASE-DIR
	(node_facts=$1/sv/facts && unit_files "$1") | cut -f 2 | sort >"$work/units"
	(node_facts=$2/sv/facts && unit_files "$2") | cut -f 2 | sort |
	    comm -23 "$work/units" - | while read -r _file; do
		[ ! -f "$_file" ] || echo "$_file"
	done
}

# Away with them, and with what starts them; says what went.
drop_units() { # RELEASE-DIR RELEASE-DIR
	for _file in $(gone_units "$1" "$2"); do
		[ "$node_supervisor" != systemd ] || drop_unit "${_file##*/}"
		rm -f "$_file"
		echo "$_file"
	done
	for _gone in $(gone_services "$1" "$2"); do
		case $node_supervisor in
		openrc) drop_openrc "$_gone" ;;
		s6) drop_s6 "$_gone" ;;
		esac
	done
}

drop_unit() { # NAME.KIND: of systemd, and what install.sh put beside it
	_etc=$node_root/etc/systemd/system
	if is_live; then
		systemctl stop "$1" 2>/dev/null || true
		systemctl reset-failed "$1" 2>/dev/null || true
	fi
	for _link in "$_etc"/*.wants/"$1" "$_etc/$1.d"/50-*.conf; do
		[ ! -e "$_link" ] && [ ! -L "$_link" ] || {
			rm -f "$_link"
			echo "$_link"
		}
	done
	rmdir "$_etc/$1.d" 2>/dev/null || true
}

drop_openrc() { # NAME
	for _link in "$node_root"/etc/runlevels/*/"$1"; do
		[ ! -L "$_link" ] || { rm -f "$_link" && echo "$_link"; }
	done
}

drop_s6() { # NAME
	[ ! -L "$node_scandir/$1" ] || {
		rm -f "$node_scandir/$1"
		echo "$node_scandir/$1"
		# its s6-supervise ends, and no other
		! is_live || s6-svscanctl -an "$node_scandir"
		wait_for 10 _unwatched "$(s6_home)/$1" || true
	}
	rm -rf "$(s6_home)/${1:?}"
}
_unwatched() { ! s6-svok "$1" 2>/dev/null; }

# The prefix that the services of this host name; nothing when there are none.
installed_prefix() {
	case $node_supervisor in
	systemd) _file=$node_root/etc/systemd/system/kn-signd.service ;;
	openrc) _file=$node_root/etc/conf.d/kontinuum-node
		[ -e "$node_root/etc/init.d/kn-signd" ] || return 0 ;;
	*) _file=$(s6_home)/kn-signd/run ;;
	esac
	[ ! -r "$_file" ] || sed -n \
	    's,^[^/]*\(/[A-Za-z0-9._/-]*\)/lib/kontinuum-node/current.*,\1,p' \
	    "$_file" | head -n 1
}

# Services of one prefix are not mixed with programs of another.
check_prefix() {
	_prefix=$(installed_prefix)
	[ -z "$_prefix" ] || [ "$_prefix" = "$node_prefix" ] ||
	    wrong "it is installed below $_prefix: say --prefix $_prefix"
}

# What [Install] asks for, as `systemctl enable` would link it; also where no
# systemd runs.  Before the unit is there, so that the next run still does it when
# this one is killed.  Timers are whose who wants them.
want_units() { # RELEASE-DIR
	for _file in "$1"/sv/systemd/*.service "$1"/sv/systemd/*.socket \
	    "$1"/sv/systemd/*.target; do
		_unit=${_file##*/}
		[ ! -e "$node_root/etc/systemd/system/$_unit" ] || continue
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
		[ -e "$node_root/etc/init.d/$_name" ] ||
		    lay_link "/etc/init.d/$_name" "$_dir/$_name"
	done
}

# Into the scan directory: s6-svscan starts them when it is told to look.  With
# $laid_from only what that release has not: who removed a link had a reason.
link_s6() {
	[ -d "$node_scandir" ] || return 0
	for _name in $(node_services); do
		[ -d "$(s6_home)/$_name" ] && [ ! -e "$node_scandir/$_name" ] ||
		    continue
		[ -z "${laid_from:-}" ] ||
		    [ ! -d "$node_lib/$laid_from/sv/s6/$_name" ] || continue
		ln -s "$(s6_home)/$_name" "$node_scandir/$_name" ||
		    broken "$node_scandir/$_name cannot be written"
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
	ln -s "$1" "$2.new" && mv -f -T "$2.new" "$2" ||
	    broken "$2 cannot be written"
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

# Libraries that the programs of a release do not find here, as ldd of glibc and
# that of musl say it.
missing_libraries() { # RELEASE-DIR
	for _file in "$1"/bin/kn-*; do
		ldd "$_file" 2>&1 | awk '
		/ => not found/ { print $1 }
		sub(/^Error loading shared library /, "") { sub(/:.*/, ""); print }'
	done | sort -u
}
