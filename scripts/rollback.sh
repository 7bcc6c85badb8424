#!/bin/sh
# SPDX-License-Identifier: ISC
# Back to a release that is still here, the way upgrade.sh goes.  rollback.sh(8).
# shellcheck disable=SC2034,SC2154 # node.sh and releases.sh set what they say they set
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/node.sh"
. "$here/releases.sh"

usage() {
	cat <<'END'
usage: rollback.sh [options] [VERSION]
       rollback.sh --list

back to the release before, or to VERSION of those that are kept

options:
  --list             the releases that are kept
  --probation TIME   watch the programs for so long (60s)
  --drain-max TIME   give streams so long before kn-p2pd is restarted (300s)
  --no-drain         cut them at once
  --dry-run          check everything, say what would be restarted
  --prefix DIR       where it is installed (/usr/local)
  --root DIR         the host is below DIR
  --supervisor NAME  systemd, openrc, s6 or none, instead of what runs here
  --scandir DIR      the scan directory of s6
  --help             show this page and exit

A database that the older programs cannot read is not gone back with: that takes
restore.sh first.

Exit: 0 it is done; 1 no; 100 you; 111 the system.
END
}

list='' version='' pass=''
while [ $# -gt 0 ]; do
	case $1 in
	--probation | --drain-max | --prefix | --root | --supervisor | --scandir)
		value=$(operand "$@") || exit 100
		case $value in
		*[!A-Za-z0-9._/+~-]*) wrong "$1: odd characters in $value" ;;
		esac
		case $1 in
		--prefix) node_prefix=${value%/} ;;
		--root) node_root=${value%/} ;;
		--supervisor) node_supervisor=$value ;;
		--scandir) node_scandir=$value ;;
		esac
		pass="$pass $1 $value"
		shift ;;
	--no-drain | --dry-run) pass="$pass $1" ;;
	--list) list=yes ;;
	-h | --help) usage; exit 0 ;;
	-*) wrong "what is $1?  See --help" ;;
	*) version=$1 ;;
	esac
	shift
done

node_find
from=$(current_release) || wrong "nothing is installed in $node_lib"
if [ -n "$list" ]; then
	for release in $(releases); do
		mark=
		[ "$release" != "$(previous_release)" ] || mark=' previous'
		[ "$release" != "$from" ] || mark=' current'
		say "$release$mark"
	done
	exit 0
fi
[ -n "$version" ] || version=$(previous_release) || version=
[ -n "$version" ] && [ "$version" != "$from" ] || {
	[ "$version" != "$from" ] || [ -z "$version" ] ||
	    no "$version is the current release; see --list"
	wrong "there is no release before; see --list"
}
case $version in
*/* | .*) wrong "$version is no version; see --list" ;;
esac
[ -f "$node_lib/$version/SHA256SUMS" ] || wrong "$version is not kept; see --list"
# shellcheck disable=SC2086 # words, looked at above
exec "$here/upgrade.sh" $pass --back "$version"
