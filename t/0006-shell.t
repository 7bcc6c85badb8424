#!/bin/sh
# SPDX-License-Identifier: ISC
# No script that ShellCheck would warn of.
here=$(dirname "$0")
. "$here/lib.sh"
cd "$here/.." || exit 111
command -v shellcheck >/dev/null || skip 'there is no shellcheck'

for script in scripts/*.sh scripts/doctor/*.sh sv/s6/*/run sv/s6/*/finish t/*.t t/system/*.t t/fuzz/*.sh \
    t/bench/run.sh .ci/run; do
	[ -e "$script" ] || continue
	shellcheck -s sh -S warning -x -P t:t/system -e SC1091 "$script" >"$T/said" 2>&1
	ok $? "$script"
	sed 's/^/# /' "$T/said"
	case $script in
	scripts/doctor/* | t/fuzz/replayed.sh | t/parts.sh) continue ;;
	esac
	[ -x "$script" ]
	ok $? "$script can be executed"
done
finish
