# SPDX-License-Identifier: ISC
# doctor.sh: which tiers can this host hold?
# shellcheck shell=sh disable=SC2154

# The fastest interface with a default route, in Mbit/s; nothing when virtual
# interfaces do not tell.
network_speed() {
	awk '$2 == "00000000" { print $1 }' "$node_root/proc/net/route" |
	    sort -u | while read -r name; do
		cat "$node_root/sys/class/net/$name/speed" 2>/dev/null || true
	done | awk '$1 > 0' | sort -n | tail -n 1
}

# What the host has: cores, memory (MB), disk (MB), network.
measure() {
	host_cores=$(grep -c '^processor' "$node_root/proc/cpuinfo" || true)
	host_memory=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' "$node_root/proc/meminfo")
	host_disk=$(space "$(data_dirs | tail -n 1)" | awk '{ print int($1 / 1024) }')
	host_net=$(network_speed)
}

# Why a tier cannot be held, a line for each reason.  A tenth less than named is
# enough of memory and disk: kernels and file systems take some.
lacks() { # TIER-NAME
	awk -v name="$1" -v cores="$host_cores" -v memory="$host_memory" \
	    -v disk="$host_disk" -v net="$host_net" -v iops="$host_iops" '
	$1 == "tier" && $2 == name {
		for (i = 3; i <= NF; i++) {
			split($i, f, "=")
			want[f[1]] = f[2]
		}
		if (cores < want["cores"])
			print cores " of " want["cores"] " cores"
		if (memory < want["memory"] * 953.67 * 0.9)
			printf "%.1f of %d GB memory\n", memory / 953.67, want["memory"]
		if (disk < want["disk"] * 953.67 * 0.9)
			printf "%d of %d GB disk\n", disk / 953.67, want["disk"]
		if (net != "" && net < want["net"])
			print net " of " want["net"] " Mbit/s"
		if (iops != "" && iops < want["iops"])
			print iops " of " want["iops"] " durable writes a second"
	}' "$node_facts"
}

# One line a tier: NAME, tier, yes or no, the reasons with commas.
tiers_judged() {
	for name in $(facts tier); do
		why=$(lacks "$name" | awk 'NR > 1 { printf ", " } { printf "%s", $0 }')
		printf '%s\t%s\t%s\t%s\n' "$name" "$(fact tier "$name" tier)" \
		    "$([ -z "$why" ] && echo yes || echo no)" "$why"
	done
}

unmeasured() {
	[ -n "$host_net" ] || printf 'network '
	[ -n "$host_iops" ] || printf 'durable writes '
}

tiers_show() {
	measure_writes
	measure
	judged=$(tiers_judged)
	configured=$(conf node tier 2)
	printf '%s\n' "$judged" | while IFS=$tab read -r name class holds why; do
		case $form in
		json)
			printf '{"tier":"%s","class":%s,"holds":%s,"reasons":[%s],"configured":%s}\n' \
			    "$name" "$class" "$([ "$holds" = yes ] && echo true || echo false)" \
			    "$(printf '%s' "$why" | sed 's/, /","/g; s/..*/"&"/')" \
			    "$([ "$class" = "$configured" ] && echo true || echo false)" ;;
		*) printf '%-14s tier %s  %-3s  %s\n' "$name" "$class" "$holds" "$why" ;;
		esac
	done
	if [ "$form" = table ]; then
		say "This host: $host_cores cores, $host_memory MB memory, $host_disk MB disk," \
		    "${host_net:-?} Mbit/s, ${host_iops:-?} durable writes a second."
		[ -z "$(unmeasured)" ] || say "Not measured, and not judged: $(unmeasured)"
	fi
	printf '%s\n' "$judged" | awk -F'\t' -v t="$configured" \
	    '$2 == t && $3 == "yes" { held = 1 } END { exit !held }'
}

add tier 'can this host hold the tier of node.ini?'
check_tier() {
	measure
	configured=$(conf node tier 2)
	best=$(tiers_judged | awk -F'\t' -v t="$configured" '$2 == t' | sort -t"$tab" -k3,3r | head -n 1)
	case $best in
	*"$tab"yes"$tab"*) good "it can hold tier $configured as ${best%%"$tab"*}" ;;
	*) bad "it cannot hold tier $configured: ${best##*"$tab"}" "$here/doctor.sh tiers; $(edit '[node] tier')" ;;
	esac
}
