# SPDX-License-Identifier: ISC
# What the guest of 8005-vm.t does, a part for each boot; that test puts first
# what the services are, and what sv/facts gives them.  "VM ..." lines on the
# console are for the test.
# shellcheck disable=SC2154 # they are set in front of this

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
lib=/usr/local/lib/kontinuum-node/current
group=/sys/fs/cgroup/system.slice

ok() { # STATUS NAME
	if [ "$1" -eq 0 ]; then echo "VM ok $2"; else echo "VM not ok $2"; fi
}

within() { # SECONDS COMMAND...
	until=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$until" ] || return 1
		sleep 0.2
	done
}

fact() { # PROGRAM mem|tasks
	eval "echo \$$(echo "$1" | tr - _)_$2"
}

word() { # PROGRAM OFFSET: of its statistics, kn-stat(5)
	od -A n -t u8 -j "$2" -N 8 "/run/kontinuum-node/stat/$1" | tr -d ' '
}

ready() { kn-metrics --probe readyz; }
not_ready() { ! ready; }

come_up() {
	within 600 ready && echo 'VM ready' && return
	kn-metrics --probe readyz 2>&1 | sed 's/^/VM says /'
	journalctl --no-pager -b -n 40 -u 'kn-*' -u world | sed 's/^/VM says /'
	echo 'VM is not ready'
}

# --- boot 1: what holds the programs ---

limits() { # PROGRAM
	[ "$(cat "$group/$1.service/memory.max")" = $(($(fact "$1" mem) * 1048576)) ]
	ok $? "$1: memory.max is $(fact "$1" mem) MB, as for its tier"
	[ "$(cat "$group/$1.service/pids.max")" = "$(fact "$1" tasks)" ]
	ok $? "$1: pids.max is $(fact "$1" tasks)"
}

locked() { # PROGRAM
	pid=$(word "$1" 72)
	grep -q '^Seccomp:.*2' "/proc/$pid/status"
	ok $? "$1: its system calls are filtered"
	says=$(tail -c +161 "/run/kontinuum-node/stat/$1" 2>/dev/null | head -c 96 | tr -d '\000')
	abi=$(echo "$says" | sed -n 's/.*landlock=\([0-9]*\).*/\1/p')
	[ "${abi:-0}" -ge 2 ] && echo "$says" | grep -q 'seccomp=2'
	ok $? "$1: says so, and that Landlock holds it"
	echo "VM says $1: $says"
	[ "$(stat -c %U "/proc/$pid")" != root ]
	ok $? "$1: is not root"
}

# Who eats more than a unit of ours may is killed; tail keeps all of a line.
eaters() {
	most=$(systemctl show -p MemoryMax --value kn-metrics.service)
	systemd-run -q --wait -p "MemoryMax=$most" -p OOMPolicy=kill \
	    -u eater --remain-after-exit sh -c 'head -c 300000000 /dev/zero | tail >/dev/null'
	[ "$(systemctl show -p Result --value eater)" = oom-kill ]
	ok $? "who eats more than MemoryMax=$most is killed"
	systemctl stop eater 2>/dev/null
	systemctl reset-failed eater 2>/dev/null
	most=$(systemctl show -p TasksMax --value kn-metrics.service)
	! systemd-run -q --wait -p "TasksMax=$most" sh -c \
	    'n=0; while [ $n -lt 300 ]; do sleep 60 & n=$((n + 1)); done'
	ok $? "who starts more than TasksMax=$most cannot"
}

oom_killed() {
	journalctl -b --no-pager -u kn-store.service | grep -q "Failed with result 'oom-kill'"
}

store_serves() {
	[ "$(word kn-store 104)" = 2 ] && [ -d "/proc/$(word kn-store 72)" ] &&
	    [ "$(kn-store cat day/early)" = early ]
}

# A real program of ours with too little.
starve() {
	{ kn-store mb day && echo early | kn-store put day/early -; } >/root/said 2>&1
	systemctl set-property --runtime kn-store.service MemoryMax=1M
	within 300 oom_killed
	ok $? 'kn-store with too little memory is killed'
	rm -rf /run/systemd/system.control/kn-store.service.d
	systemctl daemon-reload
	within 300 store_serves
	ok $? 'and serves by itself when it has enough'
	within 300 ready
	ok $? 'and so is the node'
}

from() { # ADDRESS URL [SECONDS]: the HTTP code that comes to it, or 000
	ip netns exec peer curl -s -o /dev/null -m "${3:-60}" -w '%{http_code}' \
	    --interface "$1" "http://10.77.0.2:$2"
}

sockets() {
	[ "$(from 10.77.0.3 9100/metrics)" = 200 ]
	ok $? 'metrics: who is allowed is answered'
	[ "$(from 10.77.0.1 9100/metrics 4)" = 000 ]
	ok $? 'metrics: another is not heard (IPAddressDeny)'
	[ "$(curl -s -o /dev/null -m 60 -w '%{http_code}' http://127.0.0.1:9100/metrics)" = 200 ]
	ok $? 'metrics: this host is answered'
	[ "$(from 10.77.0.3 9000/ 4)" = 000 ] && [ "$(from 10.77.0.1 9000/ 4)" = 000 ]
	ok $? 'S3: nobody outside is answered'
	[ "$(curl -s -o /dev/null -m 60 -w '%{http_code}' http://127.0.0.1:9000/)" = 403 ]
	ok $? 'S3: this host is'
}

boot_1() {
	for program in $services; do
		limits "$program"
		locked "$program"
	done
	eaters
	sockets
	starve
	kn-drain --hold --reason 'new kernel' --wait --max 5m >/root/said 2>&1
	ok $? 'a drain that is held'
	ok "$(systemctl list-units --failed --no-legend 'kn-*' | wc -l)" 'no unit of ours has failed'
}

# --- boot 2: the drain is still there ---

boot_2() {
	within 300 drained
	ok $? 'the drain is still there'
	not_ready 2>/root/why
	ok $? 'it is not ready'
	grep -q drain /root/why
	ok $? 'because it drains'
	kn-drain end && within 300 ready
	ok $? 'the drain ends, and it is ready'
	echo 'VM ready'
	kn-drain --reason 'another kernel' --wait --max 5m >/root/said 2>&1
	ok $? 'a drain that is not held'
	not_ready 2>/dev/null
	ok $? 'it is not ready'
}

drained() { kn-drain status --json | jq -e '.state == "drained"'; }

# --- boot 3: it is gone; then the power goes ---

boot_3() {
	! kn-drain status --json | jq -e '.state == "draining" or .state == "drained"' >/dev/null
	ok $? 'the drain has ended'
	kn-store mb load >/root/said 2>&1
	ok $? 'a bucket'
	[ "$(kn-store cat day/early)" = early ]
	ok $? 'what was written before the reboots is there'
	n=0
	while :; do
		n=$((n + 1))
		! echo "content $n" | kn-store put "load/$n" - >/root/said 2>&1 || echo "VM wrote $n"
	done
}

# --- boot 4: what is left ---

boot_4() {
	n=0
	while [ "$(kn-store cat "load/$((n + 1))" 2>/dev/null)" = "content $((n + 1))" ]; do
		n=$((n + 1))
	done
	echo "VM kept $n"
	"$lib/scripts/install.sh" --check >/root/said 2>&1
	ok $? 'install.sh --check finds nothing missing'
	systemctl stop kn-store.service
	setpriv --reuid kn-store --regid kontinuum --clear-groups kn-store fsck >/root/fsck 2>&1
	ok $? 'kn-store fsck finds no fault'
	sed 's/^/VM says /' /root/fsck
	systemctl start kn-store.service
	within 300 ready
	ok $? 'ready again'
	ok "$(systemctl list-units --failed --no-legend 'kn-*' | wc -l)" 'no unit of ours has failed'
}

echo # after what the firmware leaves on the line
boot=$(($(cat /root/boots 2>/dev/null || echo 0) + 1))
echo $boot >/root/boots
sync
[ $boot = 2 ] || come_up
boot_$boot
echo 'VM over'
[ $boot = 4 ] || exec systemctl reboot
exec systemctl poweroff
