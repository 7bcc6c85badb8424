#!/bin/sh
# SPDX-License-Identifier: ISC
# A node on a machine of its own, with one hierarchy of control groups, address
# filters, Landlock as distributions have it, reboots and a power cut.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/bed.sh"
. "$here/day.sh"
. "$here/vm.sh"
bed_needs vm
vm_needs

boots=0
boot_limit=1200 # seconds: an emulated machine on a busy one is slow
root=$T/v/root

# The image as it is built elsewhere: nothing of it has ever run.
image_make() {
	give v "$T/release.pub" &&
	    "$T/rel/1.0.0/scripts/install.sh" --root "$root" --yes \
	        --supervisor systemd --tier server-small --force \
	        --release "$T/rel/1.0.0.tar.gz" --pubkey "$T/release.pub" || return 1
	"$bin/kn-keygen" --master-new "$root$keys/master.key" &&
	    "$bin/kn-keygen" --master-file "$root$keys/master.key" \
	        -o "$root$keys/node.key" >/dev/null &&
	    "$bin/kn-cert" request --key "$root$keys/node.key" \
	        --master-file "$root$keys/master.key" --role server --tier 1 \
	        -o "$root$keys/node.req" && certify v || return 1
	# its metrics are for 10.77.0.3 alone, by the socket; both may by node.ini
	printf '\n[metrics]\nallow = 127.0.0.0/8 10.77.0.0/24\n' \
	    >>"$root/etc/kontinuum-node/node.ini"
	mkdir -p "$root/etc/systemd/system/kn-metrics.socket.d"
	cat >"$root/etc/systemd/system/kn-metrics.socket.d/60-admin.conf" <<-'END'
	[Socket]
	ListenStream=
	ListenStream=0.0.0.0:9100
	IPAddressAllow=10.77.0.3
	END
}

# A peer in a namespace of the guest, which stands for the world outside.
peer_make() {
	mkdir -p "$root/root/world" &&
	    cp "$T/world/node.key" "$T/world/master" "$root/root/world/" &&
	    sed "s,$T/world,/root/world,; s,^run_path = .*,run_path = /run/world," \
	        "$T/world/node.ini" >"$root/root/world/node.ini" || return 1
	cat >"$root/root/world/run" <<-'END'
	#!/bin/sh
	ip netns add peer
	ip link add eth0 type veth peer name eth0 netns peer
	ip addr add 10.77.0.2/24 dev eth0
	ip link set eth0 up
	ip -n peer link set lo up
	ip -n peer addr add 10.77.0.1/24 dev eth0
	ip -n peer addr add 10.77.0.3/24 dev eth0
	ip -n peer link set eth0 up
	for program in kn-signd kn-p2pd kn-dht; do
		ip netns exec peer /usr/local/bin/$program -c /root/world/node.ini &
		until [ -e /run/world/stat/$program ]; do sleep 0.1; done
	done
	wait
	END
	chmod 755 "$root/root/world/run"
	cat >"$root/etc/systemd/system/world.service" <<-'END'
	[Service]
	ExecStart=/root/world/run
	[Install]
	WantedBy=multi-user.target
	END
	ln -s /etc/systemd/system/world.service \
	    "$root/etc/systemd/system/multi-user.target.wants/world.service"
}

# The image has been booted before somewhere, and thinks itself up to date.
image_old() {
	touch -d '2 hours ago' "$root/usr"
	touch -d '1 hour ago' "$root/etc/.updated" "$root/var/.updated"
}

# What the guest does: a part for each boot.  The console has its results.
day_write() {
	{
		echo '#!/bin/sh'
		echo "services='$services'"
		sed -n 's/^service \([^ ]*\) .* nproc=\([0-9]*\).* mem=\([0-9]*\).*/\1 \2 \3/p' \
		    "$tree/sv/facts" | while read -r name tasks mem; do
			echo "$name" | tr - _ | sed "s/.*/&_tasks=$tasks &_mem=$((mem * 2))/"
		done
		cat "$here/vm-day.sh"
	} >"$T/day"
}

# Once more, until the guest says that its node is ready.
boot() { # HOW
	boots=$((boots + 1))
	: >"$T/v/console"
	begun=$(date +%s)
	vm_boot v 1024
	vm_until v $boot_limit 'VM \(is not \)*ready' && grep -qa 'VM ready' "$T/v/console"
	ok $? "boot $boots: ready $1 ($(($(date +%s) - begun)) s from power on)"
}

# What the guest found becomes ours.
results() { # HOW-MANY
	# something of the kernel's may stand before it
	tr -d '\r' <"$T/v/console" |
	    sed -n 's/.*VM ok /0 /p; s/.*VM not ok /1 /p' >"$T/results"
	while read -r status what; do
		ok "$status" "boot $boots: $what"
	done <"$T/results"
	tr -d '\r' <"$T/v/console" | sed -n 's/.*VM says /# /p'
	found=$(wc -l <"$T/results")
	[ "$found" -eq "$1" ]
	ok $? "boot $boots: all $1 were looked at"
	[ "$found" -ne "$1" ] || grep -q '^1' "$T/results" || return 0
	tail -n 40 "$T/v/console" | tr -d '\r' | sed 's/^/# /'
}

over() { # HOW-MANY-RESULTS: it ends its day, and then itself
	vm_until v $boot_limit 'VM over'
	results "$1"
	vm_off $boot_limit
	ok $? "boot $boots: and shuts down by itself"
}

number() { # WORD: the last number that the guest said after it
	tr -d '\r' <"$T/v/console" | sed -n "s/.*VM $1 \([0-9]*\)$/\1/p" | tail -n 1
}

yes "releases" release_tree && yes "a release" release_make 1.0.0 || finish
yes "the world outside" world_make || finish
yes "an image of Debian" bed_new v vm || finish
yes "that has been booted before" image_old
yes "the release goes into it, and a certificate" image_make || finish
yes "a peer" peer_make && day_write && yes "a disk" vm_disk v "$T/day" || finish

boot 'by itself'
over 37
boot 'when the drain is ended'
over 6
boot 'by itself'
vm_until v $boot_limit 'VM wrote 40'
ok $? "boot 3: writes are acknowledged"
vm_cut
wrote=$(number wrote)
results 3
boot 'by itself'
over 4
kept=$(number kept)
[ "${wrote:-0}" -ge 40 ] && [ "${kept:-0}" -ge "$wrote" ]
ok $? "after the power cut all ${wrote:-?} acknowledged writes are there (${kept:-none})"
finish
