#!/bin/sh
# SPDX-License-Identifier: ISC
# An operator's day under s6-svscan alone, as the first process of a host.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/bed.sh"
. "$here/day.sh"
bed_needs plain

yes "releases" releases_make || finish
yes "the world outside" world_make || finish
yes "a bare Debian" bed_new a plain && yes "runs s6-svscan" bed_boot a || finish
day_install a || finish
day_sandbox a
day_doctor a
day_reload a
day_kill a
day_drain a
day_upgrade a
day_backup a
day_uninstall a
finish
