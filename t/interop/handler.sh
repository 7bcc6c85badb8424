#!/bin/sh
# SPDX-License-Identifier: ISC
# One stream of one of the protocols of README.md on fd 0 and 1, for kn-p2p
# serve; a line in the log when it comes and one when it ends well.  One that
# ends without was reset, however kn-p2p lets its handler know.
# handler.sh WHAT LOG

what=$1
log=$2
note() { echo "/kn/$what/1 $1 $$" >>"$log"; }

note open
case $what in
watch)
	cat ;;
sink)
	sha256sum ;;
source)
	bytes=0
	for byte in $(dd bs=1 count=8 2>/dev/null | od -An -v -tu1); do
		bytes=$((bytes * 256 + byte))
	done
	{ while seq 100000 199999; do :; done; } 2>/dev/null | head -c "$bytes" ;;
reset) # by ending with bytes unread
	dd bs=1 count=1 >/dev/null 2>&1 ;;
stall)
	while kill -0 $PPID 2>/dev/null; do sleep 1; done ;;
esac
[ $? -eq 0 ] && note eof
