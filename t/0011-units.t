#!/bin/sh
# SPDX-License-Identifier: ISC
# The services as they are written: systemd's units verify and are as closed as
# they should be, scripts of all supervisors are clean, and s6 does with them
# what they say.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
cd "$here/.." || exit 111
services=$(sed -n 's/^service *\([^ ]*\) .*/\1/p' sv/facts)
[ -n "$services" ] || exit 111

# --- scripts ---
scripts='sv/generate.sh sv/s6/*/run sv/s6/*/finish sv/s6/*/log/run sv/systemd/failed
	sv/openrc/kn-* sv/firewall/ufw.sh'
for script in $scripts; do
	[ -x "$script" ] && sh -n "$script" &&
	    { ! command -v busybox >/dev/null || busybox ash -n "$script"; }
	ok $? "$script can be run"
	if command -v shellcheck >/dev/null; then
		shellcheck -s sh -S warning -x "$script" >"$T/said" 2>&1
		ok $? "$script is clean"
		sed 's/^/# /' "$T/said"
	else
		skip_one "$script is clean" 'there is no shellcheck'
	fi
done
for awk in mawk gawk 'busybox awk'; do
	if ! command -v ${awk%% *} >/dev/null; then
		skip_one "$awk makes the same" "there is no ${awk%% *}"
		continue
	fi
	mkdir -p "$T/bin"
	printf '#!/bin/sh\nexec %s "$@"\n' "$awk" >"$T/bin/awk"
	chmod +x "$T/bin/awk"
	PATH=$T/bin:$PATH sv/generate.sh --check >"$T/said" 2>&1
	ok $? "$awk makes the same"
	sed 's/^/# /' "$T/said" | head -n 20
done

# --- systemd ---
units() { (cd sv/systemd && ls ./*.service ./*.socket ./*.target ./*.timer) | sed 's,^\./,,'; }
host=/usr/lib/systemd/system
[ -d $host ] || host=/lib/systemd/system
root=$T/root
verify() { # UNIT: nothing is said about it
	systemd-analyze verify --man=no --root="$root" "$1" >"$T/said" 2>&1
	[ ! -s "$T/said" ]
}
lay() {
	now=$root/usr/local/lib/kontinuum-node/current
	mkdir -p "$root/etc/systemd/system" "$root/usr/lib/systemd/system" \
	    "$root/bin" "$now/bin" "$now/sv" "$now/scripts"
	cp -R $host/*.target $host/*.slice "$root/usr/lib/systemd/system/" 2>/dev/null
	cp -R sv/systemd "$now/sv/"
	(cd sv/systemd && cp ./*.* "$root/etc/systemd/system/")
	# what a view shows of the host, and no /bin
	mkdir -p "$root/usr/bin"
	cp /bin/sh "$root/usr/bin/sh"
	for program in $services; do
		cp /bin/sh "$now/bin/$program"
	done
	for script in scripts/*.sh; do
		cp "$script" "$now/scripts/"
	done
}
if command -v systemd-analyze >/dev/null && [ -e $host/sysinit.target ]; then
	lay
	for unit in $(units); do
		name=$(echo "$unit" | sed 's/@\./@kn-dht./')
		verify "$name"
		ok $? "systemd finds nothing wrong with $unit"
		sed 's/^/# /' "$T/said"
	done
	echo 'NoNewPrivilege=yes' >>"$root/etc/systemd/system/kn-dht.service"
	! verify kn-dht.service
	ok $? "it would find a wrong key"
	rm "$root/usr/local/lib/kontinuum-node/current/bin/kn-store"
	! verify kn-store.service
	ok $? "and a program that is not there"
	most() { # PROGRAM: ten times what systemd-analyze may say
		grep -q "^service *$1 .*net=host" sv/facts && echo 12 || echo 3
	}
	exposed() { # FILE MOST
		said=$(systemd-analyze security --offline=true --no-pager "$1" 2>&1 |
		    sed -n 's/.*exposure level.*: \([0-9]*\)\.\([0-9]\).*/\1\2/p')
		[ -n "$said" ] && [ "${said#0}" -le "$2" ]
	}
	for program in $services; do
		exposed "sv/systemd/$program.service" "$(most "$program")"
		ok $? "exposure of $program: $said tenths, at most $(most "$program")"
	done
	grep -v '^RootDirectory' sv/systemd/kn-signd.service >"$T/kn-signd.service"
	! exposed "$T/kn-signd.service" 3
	ok $? "a directive less would be noticed"
else
	skip_one 'units' 'there is no systemd-analyze'
fi

# Names by which programs ask for what systemd passes on
# shellcheck disable=SC2013 # words
for name in $(sed -n 's/^FileDescriptorName=//p' sv/systemd/*.socket); do
	grep -rqE "cmd_inherited\(\"$name\"|tcp_inherited.*\"$name\"|\"$name\"" cmd/
	ok $? "somebody asks for the socket $name"
done

# --- s6 ---
if command -v s6-svscan >/dev/null; then
	mkdir -p "$T/scan/wrong" "$T/scan/often"
	for each in wrong often; do
		cp sv/s6/kn-dht/finish "$T/scan/$each/"
		cp sv/s6/kn-dht/timeout-finish "$T/scan/$each/"
	done
	printf '#!/bin/sh\nexit 100\n' >"$T/scan/wrong/run"
	printf '#!/bin/sh\nexec 2>&1\necho began\nexit 111\n' >"$T/scan/often/run"
	chmod +x "$T"/scan/*/run
	s6-svscan "$T/scan" >"$T/log" 2>&1 &
	scan=$!
	pids="$pids $scan"
	until_true grep -q 'kn-dht: it ended with 100: .*s6-svc -u /.*/wrong' "$T/log"
	ok $? "s6: 100 says what to do"
	down() { [ "$(s6-svstat -o up,wantedup "$T/scan/$1")" = "false false" ]; }
	until_true down wrong
	ok $? "and is not started again"
	began() { [ "$(grep -c '^began' "$T/log")" -ge "$1" ]; }
	until_true began 2
	ok $? "111 is"
	until_true grep -q 'it ended 10 times in a minute' "$T/log" ||
	    until_true grep -q 'it ended 10 times in a minute' "$T/log"
	ok $? "and the tenth time in a minute is told"
	began 10 && ! began 11
	ok $? "it waits then"
	s6-svscanctl -t "$T/scan"
	s6-svc -xd "$T/scan/often" 2>/dev/null
else
	skip_one 's6' 'there is no s6'
fi
for program in $services; do
	[ "$(cat "sv/s6/$program/notification-fd")" = 3 ] &&
	    [ "$(cat "sv/s6/$program/timeout-kill")" -ge 1000 ] &&
	    [ "$(cat "sv/s6/$program/timeout-finish")" -gt 10000 ]
	ok $? "s6: $program has its numbers"
done
finish
