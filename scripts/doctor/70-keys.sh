# SPDX-License-Identifier: ISC
# doctor.sh: the identity, its certificate, and who may touch them.
# shellcheck shell=sh disable=SC2154

key_path() { at "$(conf identity key_path "$(fact dir keys path)/node.key")"; }
master_path() { at "$(conf identity master_key_path "$(fact dir keys path)/master.key")"; }
cert_path() { at "$(conf identity cert_path "$(fact dir keys path)/node.cert")"; }
roots_path() { at "$(conf identity roots_path "$(fact dir roots path)")"; }

# Can we see into the directory of a file at all?
visible() { # PATH
	[ -x "$(dirname "$1")" ] || [ ! -e "$(dirname "$1")" ]
}

uid_of() { awk -F: -v u="$1" '$1 == u { print $3 }' "$(at /etc/passwd)"; }

# A secret: for its user's eyes alone.
private() { # FILE USER
	visible "$1" || { pass "root can see into $(dirname "$1")"; return; }
	[ -e "$1" ] || { bad "$1 is not there" "$3"; return; }
	mode=$(stat -c %a "$1")
	case $mode in
	*00) ;;
	*) bad "$1 has mode $mode: others can read it" "chmod 0400 $1"; return ;;
	esac
	want=$(uid_of "$2")
	owner=$(stat -c %u "$1")
	if [ -n "$want" ] && [ "$owner" != "$want" ]; then
		bad "$1 is not $2's" "chown $2 $1"
	else
		good "$1 is for its user alone"
	fi
}

add node-key 'is the identity key there, and private?'
check_node_key() {
	file=$(key_path)
	mend="kn-keygen -m $(master_path) -o $file"
	# kn-keygen would make another identity
	[ ! -e "$(cert_path)" ] || mend="$here/keycopies.sh restore --help  # the key of $(cert_field subject)"
	verdict=$(private "$file" kn-sign "$mend")
	case $verdict in
	ok*) peer=$(within 5 "$node_bin/kn-keygen" -p "$file") ||
	    { [ -r "$file" ] || { pass "root can read $file"; return; }
	    bad "$file is damaged" "$here/keycopies.sh restore --help"; return; }
		good "$file is that of $peer" ;;
	*) printf '%s\n' "$verdict" ;;
	esac
}

add master-key 'is the master key there, and private?'
check_master_key() {
	mend="$here/keycopies.sh restore --help"
	# nothing is locked with it yet
	[ -e "$(key_path)" ] || mend="kn-keygen --master-new $(master_path)"
	private "$(master_path)" kn-sign "$mend"
}

add store-key 'is the key of the store there, and private?'
check_store_key() {
	file=$(at "$(conf store secret_key_path "$(fact dir store path)/store.key")")
	visible "$file" || { pass "root can see into $(dirname "$file")"; return; }
	[ -e "$(at "$(conf store db_path "$(fact dir store path)/node.db")")" ] ||
	    [ -e "$file" ] || { pass 'there is no store yet'; return; }
	private "$file" kn-store "$here/restore.sh --help  # without it no access key works"
}

# A program that is broken into must not be able to replace the identity.
add keys-readonly 'can no program write where the keys are?'
check_keys_readonly() {
	dir=$(dirname "$(key_path)")
	[ -e "$dir" ] || { pass "$dir is not there"; return; }
	mode=$(stat -c %a "$dir")
	owner=$(stat -c %u "$dir")
	case $mode in
	*[2367]? | *[2367])
		bad "$dir has mode $mode: programs can write there" "chmod 0750 $dir"
		return ;;
	esac
	for user in $(facts user); do
		[ "$owner" != "$(uid_of "$user")" ] ||
		    { bad "$dir is $user's, who can replace the identity" "chown root $dir"; return; }
	done
	good "$dir is not for programs to write"
}

cert_field() { # FIELD
	within 5 "$node_bin/kn-cert" show --json "$(cert_path)" | jq -r ".$1"
}

add certificate 'is the node certificate valid?'
check_certificate() {
	file=$(cert_path)
	visible "$file" || { pass "root can see into $(dirname "$file")"; return; }
	mend="kn-cert request -K $(key_path) -m $(master_path) -t $(conf node tier 2) >node.req  # have it signed, put it at $file"
	[ -e "$file" ] || { bad "$file is not there" "$mend"; return; }
	[ -r "$file" ] || { pass "$file may not be read"; return; }
	case $(stat -c %a "$file") in
	*[4567]) ;;
	*) bad "kn-p2pd cannot read $file" "chmod $(fact file node.cert mode) $file"; return ;;
	esac
	if why=$(within 5 "$node_bin/kn-cert" verify -R "$(roots_path)" "$file" 2>&1); then
		good "$file verifies"
	else
		bad "${why#kn-cert: }" "$mend"
	fi
}

add certificate-days 'is it valid for some time to come?'
check_certificate_days() {
	[ -r "$(cert_path)" ] || { pass 'there is no certificate to read'; return; }
	until=$(cert_field not_after) || { pass 'the certificate cannot be read'; return; }
	days=$(((until - $(date +%s)) / 86400))
	mend="kn-cert request -K $(key_path) -m $(master_path) -t $(conf node tier 2) >node.req  # have it signed"
	if [ "$days" -lt 0 ]; then
		bad "the certificate ended $((-days)) days ago" "$mend"
	elif [ "$days" -lt 7 ]; then
		bad "the certificate ends in $days days" "$mend"
	elif [ "$days" -lt 30 ]; then
		weak "the certificate ends in $days days" "$mend"
	else
		good "the certificate is good for $days days"
	fi
}

add certificate-key 'is it for our key?'
check_certificate_key() {
	[ -r "$(cert_path)" ] && [ -r "$(key_path)" ] ||
	    { pass 'key or certificate cannot be read'; return; }
	peer=$(within 5 "$node_bin/kn-keygen" -p "$(key_path)") ||
	    { pass 'the key cannot be read'; return; }
	subject=$(cert_field subject)
	if [ "$subject" = "$peer" ]; then
		good "the certificate is for $peer"
	else
		bad "the certificate is for $subject, the key is $peer" "kn-cert request -K $(key_path) -m $(master_path) -t $(conf node tier 2) >node.req  # have it signed"
	fi
}

add roots 'is there somebody who may issue certificates?'
check_roots() {
	n=$(find "$(roots_path)/" -name '*.pub' 2>/dev/null | wc -l)
	if [ "$n" -eq 0 ]; then
		bad "no *.pub is in $(roots_path)" "cp ROOT.pub $(roots_path)/  # from who issued your certificate"
	elif hidden=$(find "$(roots_path)/" -name '*.pub' -type f ! -perm -0004) && [ -n "$hidden" ]; then
		bad "kn-p2pd cannot read $(echo "$hidden" | head -n 1)" "chmod o+r $(roots_path)/*.pub"
	elif find "$(roots_path)/" -perm -0002 ! -type l | grep -q .; then
		bad "everybody may write into $(roots_path)" "chmod -R o-w $(roots_path)"
	else
		good "$n roots are trusted"
	fi
}

add config-modes 'may only root write the configuration?'
check_config_modes() {
	[ -e "$node_ini" ] || { pass "$node_ini is not there"; return; }
	for file in "$node_ini" "$(dirname "$node_ini")"; do
		[ ! -k "$file" ] || continue
		mode=$(stat -c %a "$file")
		case $mode in
		*[2367]) bad "$file has mode $mode: everybody may write it" "chmod go-w $file"; return ;;
		*[2367]?) weak "$file has mode $mode: its group may write it" "chmod g-w $file"; return ;;
		esac
		owner=$(stat -c %u "$file")
		for user in $(facts user); do
			[ "$owner" != "$(uid_of "$user")" ] ||
			    { bad "$file is $user's" "chown root $file"; return; }
		done
	done
	good "only root may write $node_ini"
}

add directories 'are the directories as they should be?'
check_directories() {
	for name in $(facts dir); do
		dir=$(at "$(fact dir "$name" path)")
		[ -d "$dir" ] || continue
		any=yes
		want=$(fact dir "$name" mode)
		mode=$(stat -c %a "$dir")
		[ "$mode" = "${want#0}" ] ||
		    { weak "$dir has mode $mode, should have ${want#0}" "chmod $want $dir"; return; }
		user=$(fact dir "$name" owner)
		uid=$(uid_of "$user")
		[ -z "$uid" ] || [ "$(stat -c %u "$dir")" = "$uid" ] ||
		    { weak "$dir is not $user's" "chown $user:$(fact dir "$name" group) $dir"; return; }
	done
	[ -n "${any:-}" ] || { pass 'the node is not installed in its usual places'; return; }
	good 'the directories have their modes and owners'
}

add core-files 'can memory not get into core files?'
check_core_files() {
	pattern=$(sysctl_of kernel/core_pattern)
	dumpable=$(sysctl_of fs/suid_dumpable)
	if [ "$dumpable" = 1 ]; then
		weak "programs that changed user leave core files ($pattern)" 'sysctl -w fs.suid_dumpable=0'
	else
		good 'programs that changed user leave no core files'
	fi
}
