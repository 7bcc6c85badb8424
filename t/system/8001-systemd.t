#!/bin/sh
# SPDX-License-Identifier: ISC
# An operator's day under a real systemd.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/bed.sh"
. "$here/day.sh"
bed_needs systemd

yes "releases" releases_make || finish
yes "the world outside" world_make || finish
yes "a bare Debian" bed_new a systemd && yes "boots systemd" bed_boot a || finish
day_install a || finish
day_sandbox a
for program in $services; do
	score=$(bed a systemd-analyze security --no-pager "$program.service" |
	    sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p')
	most=0.3
	[ "$program" != kn-p2pd ] || most=1.2
	[ -n "$score" ] && [ "$(echo "$score $most" |
	    awk '{ print $1 <= $2 }')" = 1 ]
	ok $? "a: exposure of $program is ${score:-?}, at most $most"
done
day_doctor a
day_reload a
day_kill a
day_drain a
day_upgrade a
day_backup a
day_uninstall a
finish
