# SPDX-License-Identifier: ISC
# doctor.sh: memory and kernel.
# shellcheck shell=sh disable=SC2154

meminfo() { # ROW: MB
	awk -v row="$1:" '$1 == row { print int($2 / 1024) }' "$node_root/proc/meminfo"
}

add memory 'is there memory for the node?'
check_memory() {
	have=$(meminfo MemTotal)
	want=0
	for name in $(wanted); do
		want=$((want + $(memory_of "$name")))
	done
	free=$(meminfo MemAvailable)
	if [ "$have" -lt "$want" ]; then
		bad "$have MB of memory, the limits of the programs add up to $want MB" "$(edit '[node] tier, or more memory')"
	elif [ "${free:-0}" -lt 64 ]; then
		weak "only $free MB of memory are to be had" 'ps -eo rss,comm --sort -rss | head'
	else
		good "$have MB of memory, $free MB of it to be had; the node may take $want MB"
	fi
}

add swap 'is the host not living on its swap?'
check_swap() {
	total=$(meminfo SwapTotal)
	used=$((total - $(meminfo SwapFree)))
	if [ "$total" -eq 0 ]; then
		good 'there is no swap: keys cannot get there'
	elif [ $((used * 2)) -gt "$total" ]; then
		weak "$used of $total MB swap are in use" 'ps -eo rss,comm --sort -rss | head'
	elif awk 'NR > 1 && $1 !~ /^\/dev\/(dm-|mapper|zram)/ { found = 1 } END { exit !found }' "$node_root/proc/swaps"; then
		weak 'swap is not encrypted: what is in memory may get to the disk' 'swapoff -a  # or swap on zram or dm-crypt'
	else
		good "$used of $total MB swap are in use"
	fi
}

add oom 'did the kernel kill for memory since it started?'
check_oom() {
	n=$(awk '$1 == "oom_kill" { print $2 }' "$node_root/proc/vmstat")
	for name in $(running_all); do
		group=$(sed -n 's/^0:://p' "$node_root/proc/$(running "$name")/cgroup")
		killed=$(awk '$1 == "oom_kill" { print $2 }' "$node_root/sys/fs/cgroup$group/memory.events")
		[ "${killed:-0}" -eq 0 ] ||
		    { bad "the kernel killed $name $killed times for its memory limit" "$(edit '[limits] bytes and peers, [store] bytes: less')"; return; }
	done
	[ -n "$n" ] || { pass 'the kernel does not count'; return; }
	if [ "$n" -eq 0 ]; then
		good 'nothing was killed for memory since the start'
	else
		weak "the kernel killed $n processes for memory since the start" 'dmesg | grep -i oom'
	fi
}

add cgroups 'do limits hold (cgroup v2)?'
check_cgroups() {
	if [ -r "$node_root/sys/fs/cgroup/cgroup.controllers" ]; then
		good 'cgroup v2'
	else
		weak 'no pure cgroup v2: limits of memory may be accepted and not enforced' "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&systemd.unified_cgroup_hierarchy=1 /' /etc/default/grub && update-grub  # then boot"
	fi
}

kernel() { sysctl_of kernel/osrelease; }
since() { # MAJOR MINOR: is the kernel that or newer?
	kernel | awk -F'[.-]' -v a="$1" -v b="$2" '{ exit !($1 > a || $1 == a && $2 >= b) }'
}

add kernel 'can the kernel lock the programs down?'
check_kernel() {
	lsm=$node_root/sys/kernel/security/lsm
	if ! sysctl_of kernel/seccomp/actions_avail | grep -q kill_process; then
		bad "kernel $(kernel) has no seccomp" 'uname -r  # boot a kernel with CONFIG_SECCOMP_FILTER'
	elif ! since 5 13 || { [ -r "$lsm" ] && ! grep -q landlock "$lsm"; }; then
		weak "kernel $(kernel) has no Landlock: files are not held" 'cat /sys/kernel/security/lsm  # boot with lsm=landlock,… or from 5.13 on'
	elif ! since 6 3; then
		weak "kernel $(kernel) has no MDWE (6.3): written memory may be made executable" 'uname -r  # a newer kernel'
	else
		good "kernel $(kernel) has seccomp, Landlock and MDWE"
	fi
}

add files-max 'has the host file descriptors left?'
check_files_max() {
	used=$(sysctl_of fs/file-nr | cut -f1)
	max=$(sysctl_of fs/file-nr | cut -f3)
	if awk -v u="$used" -v m="$max" 'BEGIN { exit !(u > m * 0.8) }'; then
		bad "$used of $max files are open" 'sysctl -w fs.file-max=1000000'
	else
		good "$used files are open"
	fi
}
