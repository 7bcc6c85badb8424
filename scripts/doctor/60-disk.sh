# SPDX-License-Identifier: ISC
# doctor.sh: the disk under the databases and the blobs.
# shellcheck shell=sh disable=SC2154

# Of a path: size, free (KB for everybody), share in use.
space() { # PATH
	within 5 df -Pk "$(there "$1")" | awk 'NR == 2 { sub(/%/, "", $5); print $2, $4, $5 }'
}

add disk-free 'is there room for data?'
check_disk_free() {
	reserve=$(($(bytes_of "$(conf store disk_reserve 64M)") / 1024))
	for dir in $(data_dirs) $(blobs_dir); do
		read -r size free _ <<-END
		$(space "$dir")
		END
		[ -n "$size" ] || continue
		any=yes
		if [ "$free" -le "$reserve" ]; then
			bad "$((free / 1024)) MB are free for $dir: writes are refused" "kn-store du  # remove contents, or a larger disk"
			return
		elif [ $((free * 20)) -lt "$size" ] && [ "$free" -lt 20971520 ]; then
			weak "$((free / 1024)) MB of $((size / 1024)) are free for $dir" "kn-store du  # remove contents, or a larger disk"
			return
		fi
	done
	[ -n "${any:-}" ] || { pass 'df does not answer'; return; }
	good "$((free / 1048576)) GB are free"
}

add inodes 'is there room for files?'
check_inodes() {
	for dir in $(data_dirs) $(blobs_dir); do
		left=$(within 5 df -Pi "$(there "$dir")" |
		    awk 'NR == 2 { sub(/%/, "", $5); print $5 ~ /^[0-9]+$/ ? 100 - $5 : 100 }')
		[ -n "$left" ] || continue
		any=yes
		[ "$left" -gt 2 ] || { bad "no inodes are left for $dir" "df -i $dir  # make a file system with more"; return; }
		[ "$left" -gt 10 ] || { weak "$left % of the inodes are left for $dir" "df -i $dir  # make a file system with more"; return; }
	done
	[ -n "${any:-}" ] || { pass 'df does not answer'; return; }
	good "there is room for more files"
}

add disk-reserve 'does disk_reserve fit the disk?'
check_disk_reserve() {
	reserve=$(($(bytes_of "$(conf store disk_reserve 64M)") / 1024))
	read -r size _ _ <<-END
	$(space "$(blobs_dir)")
	END
	[ -n "$size" ] || { pass 'df does not answer'; return; }
	if [ $((reserve * 2)) -gt "$size" ]; then
		bad "disk_reserve is $((reserve / 1024)) MB on a disk of $((size / 1024)) MB" "$(edit '[store] disk_reserve = 64M')"
	elif [ "$reserve" -lt 16384 ]; then
		weak "disk_reserve is $((reserve / 1024)) MB: deletes may not work on a full disk" "$(edit '[store] disk_reserve = 64M')"
	else
		good "$((reserve / 1024)) MB are kept free"
	fi
}

add max-total 'does max_total_gb fit the disk?'
check_max_total() {
	cap=$(conf node max_total_gb 50)
	read -r size _ _ <<-END
	$(space "$(blobs_dir)")
	END
	[ -n "$size" ] || { pass 'df does not answer'; return; }
	if [ "$cap" -gt $((size / 976563)) ]; then
		weak "max_total_gb is $cap, the disk has $((size / 976563)) GB" "$(edit "[node] max_total_gb = $((size / 1220703))")"
	else
		good "at most $cap GB of $((size / 976563)) are stored"
	fi
}

add logs 'are the logs small?'
check_logs() {
	dir=$(at "$(fact dir log path)")
	[ -d "$dir" ] || { pass "no logs are in $dir"; return; }
	used=$(within 5 du -sk "$dir" 2>/dev/null | cut -f1)
	if [ "${used:-0}" -gt 1048576 ]; then
		weak "the logs have $((used / 1024)) MB" "du -sk $dir/*  # remove what is old"
	else
		good "the logs have $((${used:-0} / 1024)) MB"
	fi
}

add filesystem 'are the databases on a file system for databases?'
check_filesystem() {
	for dir in $(data_dirs) $(blobs_dir); do
		read -r _ _ type _ _ <<-END
		$(mount_of "$dir")
		END
		case $type in
		tmpfs | ramfs | overlay)
			[ "$type" != overlay ] ||
			    { weak "$dir is in a container's own layer (overlay)" "mount -o bind /srv/kontinuum $dir  # a volume"; return; }
			bad "$dir is in memory ($type) and gone with the power" "mount DEVICE $dir"
			return ;;
		nfs* | cifs | smb* | 9p | fuse.sshfs | afs | ceph)
			bad "$dir is on another host ($type): its locks and syncs cannot be relied on" "mount DEVICE $dir"
			return ;;
		vfat | exfat | ntfs*)
			bad "$dir is on $type, which has neither owners nor a journal" "mount DEVICE $dir"
			return ;;
		esac
		types="${types:-} $type"
	done
	good "the databases are on$(printf '%s\n' ${types:-} | sort -u | tr '\n' ' ' | sed 's/^/ /; s/ $//')"
}

add mount 'is the disk mounted for durable writes?'
check_mount() {
	for dir in $(data_dirs) $(blobs_dir); do
		read -r _ where _ options _ <<-END
		$(mount_of "$dir")
		END
		case ",$options," in
		*,ro,*) bad "$where is read-only" "dmesg | tail; mount -o remount,rw $where"; return ;;
		*,nobarrier,* | *,barrier=0,*) bad "$where has no barriers: a power cut loses what was durable" "mount -o remount,barrier=1 $where"; return ;;
		*,data=writeback,*) weak "$where has data=writeback" "mount -o remount,data=ordered $where"; return ;;
		esac
	done
	good 'it is mounted for reading and writing, with barriers'
}

add rotational 'is the database on a disk without moving parts?'
check_rotational() {
	for dir in $(data_dirs); do
		read -r device _ _ _ number <<-END
		$(mount_of "$dir")
		END
		# a partition has no queue of its own
		for file in "$node_root/sys/dev/block/$number/queue/rotational" \
		    "$node_root/sys/dev/block/$number/../queue/rotational"; do
			[ -r "$file" ] || continue
			any=yes
			case $device in
			/dev/vd* | /dev/xvd*)
				pass "$device is virtual, what is below it does not show; see fsync"
				return ;;
			esac
			[ "$(cat "$file")" = 0 ] ||
			    { weak "$dir is on a rotating disk ($device); blobs may be there, databases should not" "mount SSD $dir"; return; }
			break
		done
	done
	[ -n "${any:-}" ] || { pass 'the kernel does not tell'; return; }
	good 'the databases are on disks without moving parts'
}

ticks() { awk '{ printf "%.0f\n", $1 * 1000 }' /proc/uptime; } # here, whatever --root

# Durable writes of 4 KiB a second, measured on a file that is gone afterwards;
# nothing when we may not write there.  As whose directory it is: root would
# follow a link that is laid there.
durable_writes() { # DIRECTORY
	[ -w "$1" ] || return 1
	owner=$(stat -c %U "$1")
	probe=$1/.doctor.$$
	count=$((disk_seconds * 1000))
	begin=$(ticks)
	as_user "$owner" timeout "$disk_seconds" dd if=/dev/zero of="$probe" \
	    bs=4096 count="$count" oflag=dsync 2>/dev/null || true
	took=$(($(ticks) - begin))
	written=$(($(stat -c %s "$probe" 2>/dev/null || echo 0) / 4096))
	if [ "$written" -eq 0 ]; then # busybox has no oflag=dsync
		begin=$(ticks)
		while took=$(($(ticks) - begin)) && [ "$took" -lt $((disk_seconds * 1000)) ]; do
			as_user "$owner" dd if=/dev/zero of="$probe" bs=4096 \
			    count=1 conv=fsync 2>/dev/null || break
			written=$((written + 1))
		done
	fi
	rm -f "$probe"
	[ "$written" -gt 0 ] || return 1
	[ "$took" -gt 0 ] || took=10
	echo $((written * 1000 / took))
}

# Once, for all who want to know: into host_iops.
measure_writes() {
	host_iops=$(durable_writes "$(there "$(data_dirs | tail -n 1)")") || host_iops=
}

add fsync 'are durable writes as fast as the tier wants?'
check_fsync() {
	tier=$(conf node tier 2)
	want=$(awk -v t="tier=$tier" '$1 == "tier" && $3 == t { sub(/.*iops=/, ""); print; exit }' "$node_facts")
	dir=$(data_dirs | tail -n 1)
	have=$host_iops
	[ -n "$have" ] || { pass "root can write into $dir and measure it"; return; }
	if [ "$have" -lt "$want" ]; then
		bad "$have durable writes a second in $dir, tier $tier wants $want" "mount SSD $dir"
	else
		good "$have durable writes a second, tier $tier wants $want"
	fi
}
