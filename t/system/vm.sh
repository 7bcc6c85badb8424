# SPDX-License-Identifier: ISC
# A virtual machine, for what nspawn does not enforce: control groups of one
# hierarchy, address filters, reboots and power cuts.  QEMU without KVM.
# Source it after bed.sh.
#
# The guest runs /root/day at each boot and writes to the console what it finds,
# lines that begin with "VM "; `poweroff -f` inside, or vm_cut, ends it.

vm_needs() {
	for tool in qemu-system-x86_64 mkfs.ext4; do
		command -v "$tool" >/dev/null || skip "there is no $tool"
	done
	[ "$(uname -m)" = x86_64 ] || skip 'only written for x86_64'
}

# The root $T/NAME/root (bed_new NAME vm) as a disk, with the script DAY.
vm_disk() { # NAME DAY
	install -m 755 "$2" "$T/$1/root/root/day"
	cat >"$T/$1/root/etc/systemd/system/day.service" <<-'END'
	[Unit]
	Description=the test's day
	After=multi-user.target
	[Service]
	Type=simple
	ExecStart=/root/day
	StandardOutput=tty
	StandardError=tty
	TTYPath=/dev/ttyS0
	[Install]
	WantedBy=graphical.target multi-user.target
	END
	ln -sf /etc/systemd/system/day.service \
	    "$T/$1/root/etc/systemd/system/multi-user.target.wants/day.service"
	# nobody is to log in on the console that the day writes to
	ln -sf /dev/null "$T/$1/root/etc/systemd/system/serial-getty@ttyS0.service"
	echo '/dev/vda / ext4 rw 0 1' >"$T/$1/root/etc/fstab"
	cp "$T/$1/root"/boot/vmlinuz-* "$T/$1/kernel"
	cp "$T/$1/root"/boot/initrd.img-* "$T/$1/initrd"
	truncate -s 2G "$T/$1/disk"
	mkfs.ext4 -q -F -d "$T/$1/root" "$T/$1/disk"
}

# Without its timer_check, which a busy machine that emulates it can fail: the
# kernel then panics before it has begun.
vm_boot() { # NAME MEGABYTES
	qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$2" \
	    -nographic -no-reboot -nic none \
	    -kernel "$T/$1/kernel" -initrd "$T/$1/initrd" \
	    -append 'root=/dev/vda rw console=ttyS0 panic=-1 no_timer_check quiet loglevel=1 systemd.show_status=0' \
	    -drive "file=$T/$1/disk,format=raw,if=virtio,cache=writethrough" \
	    </dev/null >>"$T/$1/console" 2>&1 &
	vm_pid=$!
	pids="$pids $vm_pid"
}

# Until the console has a line of this pattern, or the machine is off.
vm_until() { # NAME SECONDS PATTERN
	tries=$(($2 * 2))
	until grep -qa -e "$3" "$T/$1/console"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] && kill -0 "$vm_pid" 2>/dev/null || {
			grep -qa -e "$3" "$T/$1/console"
			return
		}
		sleep 0.5
	done
}

# The end of the machine by its own means.
vm_off() { # SECONDS
	tries=$(($1 * 2))
	while kill -0 "$vm_pid" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.5
	done
	wait "$vm_pid" 2>/dev/null
	return 0
}

vm_cut() {
	kill -9 "$vm_pid" 2>/dev/null
	wait "$vm_pid" 2>/dev/null
}
