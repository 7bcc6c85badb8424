#!/bin/sh
# SPDX-License-Identifier: ISC
# The users and directories of sv/facts on a host: what install.sh makes, and
# upgrade.sh for a release that has more of them.  Source it after node.sh; who
# does has `act WHAT COMMAND...`, which does it, and `tell`.
# shellcheck disable=SC2154

make_users() { # RELEASE-DIR
	_tree=$1
	[ -z "$node_root" ] || { users_at_boot; return 0; }
	is_root || { tell "not root: users are not made"; return 0; }
	group=$(facts group)
	getent group "$group" >/dev/null 2>&1 || grep -q "^$group:" /etc/group ||
	    act "group $group" make_group "$group"
	for user in $(facts user); do
		id "$user" >/dev/null 2>&1 || act "user $user" make_user "$user"
	done
}

# sysusers.d makes them, but only where /usr is newer than what was done for it.
users_at_boot() {
	updated=$node_root/etc/.updated
	grep -q "^$(facts user | head -n 1):" "$node_root/etc/passwd" 2>/dev/null ||
	    [ ! -e "$updated" ] ||
	    find "$node_root/usr" -prune -newer "$updated" | grep -q . ||
	    act "the next boot makes the users" touch "$node_root/usr"
}

make_group() {
	by_sysusers "^g $1 " && return
	if command -v groupadd >/dev/null 2>&1; then
		groupadd --system "$1"
	else
		addgroup -S "$1"
	fi
}

by_sysusers() { # WHICH-LINE
	command -v systemd-sysusers >/dev/null 2>&1 || return 1
	grep "$1" "$_tree/sv/sysusers.conf" | systemd-sysusers - >/dev/null 2>&1
}

make_user() {
	# old ones know no primary group in that file
	if by_sysusers "^u $1 " && [ "$(id -gn "$1")" = "$group" ]; then
		return
	fi
	text=$(fact user "$1" text)
	if id "$1" >/dev/null 2>&1; then
		usermod -g "$group" "$1"
	elif command -v useradd >/dev/null 2>&1; then
		useradd --system --gid "$group" --no-create-home --home-dir / \
		    --shell /usr/sbin/nologin --comment "$text" "$1"
	else
		adduser -S -D -H -h / -s /sbin/nologin -G "$group" -g "$text" "$1"
	fi
}

# chown says no in a root of another host, whose users are not ours.
may_own() { is_root && [ -z "$node_root" ]; }

make_dirs() {
	for dir in $(facts dir); do
		path=$(path_of "$dir")
		mode=$(fact dir "$dir" mode | sed 's/^0//')
		own=$(fact dir "$dir" owner):$(fact dir "$dir" group)
		[ -d "$path" ] || act "directory $path" mkdir -p "$path"
		[ -d "$path" ] || continue
		[ "$(stat -c %a "$path")" = "$mode" ] ||
		    act "mode $mode of $path" chmod "$mode" "$path"
		! may_own || [ "$(stat -c %U:%G "$path")" = "$own" ] ||
		    act "owner $own of $path" chown "$own" "$path"
	done
}
