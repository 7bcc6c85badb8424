#!/bin/sh
# SPDX-License-Identifier: ISC
# An operator's day under OpenRC, booted; then the host is lost, and another
# takes its place.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/bed.sh"
. "$here/day.sh"
bed_needs openrc

yes "releases" releases_make || finish
yes "the world outside" world_make || finish
yes "a bare Debian" bed_new a openrc && yes "boots OpenRC" bed_boot a || finish
day_install a || finish
day_sandbox a
day_doctor a
day_reload a
day_kill a
day_drain a
day_upgrade a
day_backup a
yes "another bare Debian" bed_new b openrc &&
    yes "boots OpenRC" bed_boot b && day_second_host a b
day_uninstall b
finish
