#!/bin/sh
# SPDX-License-Identifier: ISC
# Made by sv/generate.sh from sv/facts: change those, not this.
# ufw.sh SSH-PORT [ADMIN-ADDRESS...]: print the commands for ufw, ssh first; then
# read them and give them to sh.  An address may be a network: 192.0.2.0/24.
case ${1:-} in
'' | *[!0-9]*)
	echo 'usage: ufw.sh SSH-PORT [ADMIN-ADDRESS...]' >&2
	exit 100 ;;
esac
echo "ufw allow $1/tcp comment ssh"
echo 'ufw default deny incoming'
echo 'ufw default allow outgoing'
echo 'ufw allow "Kontinuum p2p"'
shift
for from in "$@"; do
	case $from in
	*[!0-9a-fA-F.:/]*)
		echo "ufw.sh: $from is no address" >&2
		exit 100 ;;
	esac
	echo "ufw allow from $from to any app \"Kontinuum metrics\""
	echo "ufw allow from $from to any app \"Kontinuum admin\""
	echo "ufw allow from $from to any app \"Kontinuum billing\""
done
echo 'ufw --force enable'
