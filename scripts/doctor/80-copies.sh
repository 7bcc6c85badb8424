# SPDX-License-Identifier: ISC
# doctor.sh: backups, drills, copies of the key.
# shellcheck shell=sh disable=SC2154

# A moment of a text file, judged by its age.
recent() { # WHAT METRIC WARN-SECONDS FAIL-SECONDS MEND
	when=$(textfile "$2") || { weak "no $1 was ever made" "$5"; return; }
	[ "$when" -gt 0 ] || { weak "no $1 was ever made" "$5"; return; }
	age=$(($(date +%s) - when))
	if [ "$age" -gt "$4" ]; then
		bad "the last $1 is $((age / 3600)) hours old" "$5"
	elif [ "$age" -gt "$3" ]; then
		weak "the last $1 is $((age / 3600)) hours old" "$5"
	else
		good "the last $1 is $((age / 60)) minutes old"
	fi
}

add backup 'is there a backup of the last hours?'
check_backup() {
	conf=$(fact dir etc path)/backup.conf
	[ -e "$(at "$conf")" ] || textfile 'kn_backup_last_success_timestamp_seconds.*' >/dev/null ||
	    { weak 'backups are not set up' "cp $here/backup.conf.example $conf; \${EDITOR:-vi} $conf  # then $here/backup.sh"; return; }
	recent backup 'kn_backup_last_success_timestamp_seconds.*' 7200 86400 "$here/backup.sh"
}

add restore-drill 'was a restore tried lately?'
check_restore_drill() {
	recent 'trial of a restore' 'kn_restore_drill_timestamp_seconds.*' 3024000 8640000 "$here/backup.sh drill --identity FILE"
}

add key-copies 'are there three copies of the key elsewhere?'
check_key_copies() {
	n=$(textfile kn_key_copies_confirmed) || n=0
	[ "$n" -ge 3 ] ||
	    { weak "$n copies of the key are confirmed, three are wanted" "$here/keycopies.sh --help"; return; }
	recent 'trial of the oldest copy of the key' kn_key_copies_oldest_confirmation_timestamp_seconds \
	    15552000 31536000 "$here/keycopies.sh drill --help"
}
