# SPDX-License-Identifier: ISC
# doctor.sh: the clock.  The time zone does not matter: everything is in UTC.
# shellcheck shell=sh disable=SC2154

# yes, no, or nothing when there is nobody to ask.
synchronised() {
	if [ -n "$node_root" ] || tool timedatectl; then
		said=$(within 5 timedatectl show -p NTPSynchronized --value 2>/dev/null) &&
		    [ -n "$said" ] && { echo "$said"; return; }
	fi
	if tool chronyc && said=$(within 5 chronyc -c tracking 2>/dev/null); then
		case $said in *,Normal) echo yes ;; *) echo no ;; esac
		return
	fi
	if tool adjtimex && said=$(within 5 adjtimex 2>/dev/null || within 5 adjtimex --print 2>/dev/null); then
		# bit 64 of status: unsynchronised
		status=$(printf '%s\n' "$said" | awk '$1 == "status:" { print $2 + 0 }')
		[ -z "$status" ] || {
			if [ $((status / 64 % 2)) -eq 0 ]; then echo yes; else echo no; fi
			return
		}
	fi
	[ ! -e "$(at /run/systemd/timesync/synchronized)" ] || echo yes
}

add clock-sync 'is the clock kept right?'
check_clock_sync() {
	case $(synchronised) in
	yes) good 'the clock is synchronised' ;;
	no) bad 'the clock is not synchronised' 'timedatectl set-ntp true  # or start chrony' ;;
	*) pass 'neither timedatectl, chronyc nor adjtimex tells' ;;
	esac
}

# Not before what is on this disk was made, nor ten years after it.
add clock-plausible 'can it be this time?'
check_clock_plausible() {
	now=$(date +%s)
	made=$(stat -c %Y "$node_facts")
	cert=$(at "$(conf identity cert_path "$(fact dir keys path)/node.cert")")
	if from=$(within 5 "$node_bin/kn-cert" show --json "$cert" | jq -r .not_before) 2>/dev/null &&
	    [ "${from:-0}" -gt "$made" ] 2>/dev/null; then
		made=$from
	fi
	if [ "$now" -lt $((made - 300)) ]; then
		bad "the clock says $(date -u +%Y-%m-%d), before the certificate or the release was made" "date -u -s '2026-01-31 12:00:00'  # the right time"
	elif [ "$now" -gt $((made + 315360000)) ]; then
		bad "the clock says $(date -u +%Y-%m-%d), ten years after the release" "date -u -s '2026-01-31 12:00:00'  # the right time"
	else
		good "it may well be $(date -u +%Y-%m-%dT%H:%MZ)"
	fi
}
