# SPDX-License-Identifier: ISC
# systemd: a target, a service for each program, a socket for each socket line,
# what is done when a service has failed, and memory by tier.

# The paths of a comma-divided list of directories.
function paths(list,   n, dirs, k, line) {
	line = ""
	n = split(list, dirs, ",")
	for (k = 1; k <= n; k++)
		line = line " -" path(dirs[k])
	return substr(line, 2)
}

# What the service sees of the host: programs, configuration, and what is its own.
function view(i) {
	p("RootDirectory=" path("view"))
	p("BindReadOnlyPaths=/usr -/lib -/lib64 /etc " current())
	if (service(i, "net") == "host")
		p("BindReadOnlyPaths=-/run/systemd/resolve -/run/resolvconf")
	p("BindReadOnlyPaths=" paths(service(i, "read")))
	p("BindPaths=" paths(service(i, "write")))
	p("ReadWritePaths=" paths(service(i, "write")))
}

# The units of a comma-divided list of socket lines.
function units(list,   n, words, k, line) {
	line = ""
	n = split(list, words, ",")
	for (k = 1; k <= n; k++)
		line = line " kn-" words[k] ".socket"
	return substr(line, 2)
}

function sandbox() {
	p("NoNewPrivileges=yes")
	p("CapabilityBoundingSet=")
	p("AmbientCapabilities=")
	p("LockPersonality=yes")
	p("MemoryDenyWriteExecute=yes")
	p("SystemCallArchitectures=native")
	p("SystemCallFilter=@system-service")
	p("SystemCallFilter=~@privileged @resources")
	p("# with these the programs lock themselves down further")
	p("SystemCallFilter=landlock_create_ruleset landlock_add_rule")
	p("SystemCallFilter=landlock_restrict_self seccomp")
	p("SystemCallErrorNumber=EPERM")
	p("RestrictNamespaces=yes")
	p("RestrictRealtime=yes")
	p("RestrictSUIDSGID=yes")
	p("PrivateDevices=yes")
	p("DevicePolicy=closed")
	p("PrivateTmp=yes")
	p("PrivateIPC=yes")
	p("PrivateMounts=yes")
	p("RemoveIPC=yes")
	p("ProtectSystem=strict")
	p("ProtectHome=yes")
	p("ProtectClock=yes")
	p("ProtectHostname=yes")
	p("ProtectControlGroups=yes")
	p("ProtectKernelLogs=yes")
	p("ProtectKernelModules=yes")
	p("ProtectKernelTunables=yes")
	p("ProtectProc=invisible")
	p("ProcSubset=pid")
	p("UMask=0077")
}

function network(i) {
	if (service(i, "net") == "host") {
		p("# netlink: to know the interfaces")
		p("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK")
		return
	}
	p("RestrictAddressFamilies=AF_UNIX")
	p("PrivateNetwork=yes")
	p("IPAddressDeny=any")
}

function restart(prog) {
	p("Restart=always")
	p("RestartSec=100ms")
	p("# the configuration or the keys are wrong: starting again does not help")
	p("RestartPreventExitStatus=100")
	p("TimeoutStartSec=10min")
	p("TimeoutStopSec=" service(i, "stop") "s")
	p("OOMPolicy=kill")
}

function program(i, prog,   after) {
	after = service(i, "after")
	if (after != "")
		after = after ".service"
	gsub(/,/, ".service ", after)
	file("systemd/" prog ".service")
	head("", "")
	p("[Unit]")
	p("Description=" service(i, "text"))
	p("Documentation=man:" prog "(8) man:kn-services(7)")
	p("PartOf=kontinuum-node.target")
	if (service(i, "sockets") != "")
		p("Requires=" units(service(i, "sockets")))
	if (service(i, "net") == "host") {
		p("Wants=network-online.target")
		after = after (after == "" ? "" : " ") "network-online.target"
	}
	if (after != "")
		p("After=" after)
	p("# ten deaths in a minute: kontinuum-node-failed@ says so and tries again")
	p("StartLimitIntervalSec=60")
	p("StartLimitBurst=10")
	p("OnFailure=kontinuum-node-failed@%N.service")
	p("")
	p("[Service]")
	p("Type=notify")
	p("ExecStart=" current() "/bin/" prog " -c " ini())
	# the view has no /bin, and a bare host has no kill in /usr/bin
	p("ExecReload=/usr/bin/sh -c 'kill -HUP $$MAINPID'")
	p("User=" service(i, "user"))
	p("Group=" group())
	if (service(i, "sockets") != "")
		p("Sockets=" units(service(i, "sockets")))
	restart(prog)
	p("")
	p("LimitNOFILE=" service(i, "nofile"))
	p("LimitNPROC=" service(i, "nproc"))
	p("LimitCORE=0")
	p("TasksMax=" service(i, "nproc"))
	p("MemoryMax=" memory(i, 2) "M")
	p("")
	view(i)
	if (service(i, "sockets") == "metrics")
		p("PrivateUsers=yes")
	else
		p("# PrivateUsers= would hide who asks on its sockets")
	network(i)
	sandbox()
	p("")
	p("[Install]")
	p("WantedBy=kontinuum-node.target")
	done()
}

# Which service has a socket?
function owner(socket,   i) {
	for (i = 1; i <= count["service"]; i++)
		if (has(service(i, "sockets"), socket))
			return name["service", i]
	wrong("nobody has the socket " socket)
}

# What comes in by a socket is this unit's traffic, whoever reads it.
function socket(k, who,   kind, prog) {
	kind = value["socket", k, "kind"]
	prog = owner(who)
	file("systemd/kn-" who ".socket")
	head("", "")
	p("[Unit]")
	p("Description=" who " socket of " prog)
	p("Documentation=man:" prog "(8) man:kn-services(7)")
	p("PartOf=kontinuum-node.target")
	p("# or the next client would start again what was stopped")
	p("StopPropagatedFrom=" prog ".service")
	p("# how often it may start is the service's own limit")
	p("StartLimitIntervalSec=0")
	p("")
	p("[Socket]")
	if (kind == "tcp") {
		p("# for another address: a drop-in with an empty ListenStream= first, and with")
		p("# IPAddressAllow= for who may come")
		p("ListenStream=" value["socket", k, "address"])
		p("IPAddressDeny=any")
		p("IPAddressAllow=localhost")
		p("NoDelay=yes")
	} else {
		p((kind == "seqpacket" ? "ListenSequentialPacket=" : "ListenStream=") \
		    path("run") "/" value["socket", k, "path"])
		p("SocketMode=0660")
		p("SocketGroup=" group())
		p("RemoveOnStop=yes")
	}
	p("FileDescriptorName=" who)
	p("Service=" prog ".service")
	p("TriggerLimitIntervalSec=0")
	done()
}

function target(   i) {
	file("systemd/kontinuum-node.target")
	head("", "")
	p("[Unit]")
	p("Description=Kontinuum node")
	p("Documentation=man:kn-services(7)")
	p("")
	p("[Install]")
	p("WantedBy=multi-user.target")
	done()
}

function failed() {
	file("systemd/kontinuum-node-failed@.service")
	head("", "")
	p("[Unit]")
	p("Description=What to do about %i")
	p("Documentation=man:kn-services(7)")
	p("PartOf=kontinuum-node.target")
	p("# who stops the service wants no other try")
	p("StopPropagatedFrom=%i.service")
	p("")
	p("[Service]")
	p("Type=oneshot")
	p("SyslogIdentifier=kontinuum-node")
	p("SuccessExitStatus=SIGTERM")
	p("ExecStart=" current() "/sv/systemd/failed %i.service")
	done()
	file("systemd/failed")
	head("/bin/sh", "What a unit that has failed needs: for the log, and after a while another try.")
	p("unit=$1")
	p("code=$(systemctl show -p ExecMainStatus --value \"$unit\")")
	p("if [ \"$code\" = 100 ]; then")
	p("\techo \"$unit ended with 100: the configuration or the keys are wrong;\" \\")
	p("\t    \"journalctl -u $unit says how; then systemctl start $unit\"")
	p("\t# clients would wake it again and again")
	p("\tfor socket in $(systemctl show -p TriggeredBy --value \"$unit\"); do")
	p("\t\tsystemctl stop \"$socket\"")
	p("\tdone")
	p("\texit 0")
	p("fi")
	p("echo \"$unit has ended too often; the next start is in 10 seconds;\" \\")
	p("    \"journalctl -u $unit says why\"")
	p("sleep 10")
	p("case $(systemctl show -p ActiveState --value \"$unit\") in")
	p("failed | inactive) ;;")
	p("*) exit 0 ;;")
	p("esac")
	p("systemctl reset-failed \"$unit\"")
	p("systemctl --no-block start \"$unit\"")
	done()
}

function tier(i, prog, t) {
	file("systemd/tier/" t "/" prog ".service.d/50-tier.conf")
	head("", prog " on a machine of tier " t ".")
	p("[Service]")
	p("MemoryMax=" memory(i, t) "M")
	done()
}

# backup.sh begins as root, for the numbers in the directory state; what reads the
# database and speaks to the bucket is the user of kn-store.
function job(what, when, args, text) {
	file("systemd/kn-" what ".service")
	head("", "")
	p("[Unit]")
	p("Description=" text)
	p("Documentation=man:backup.sh(8) man:kn-services(7)")
	p("ConditionPathExists=" path("etc") "/backup.conf")
	p("Wants=network-online.target")
	p("After=network-online.target kn-store.service")
	p("")
	p("[Service]")
	p("Type=oneshot")
	p("ExecStart=" current() "/scripts/backup.sh " args)
	p("# another one is at work, or later")
	p("SuccessExitStatus=11 75")
	p("TimeoutStartSec=12h")
	p("Nice=10")
	p("IOSchedulingClass=idle")
	p("ReadWritePaths=-" path("store") " -" path("state"))
	p("# node.cert says which node this is; the keys are no business of a backup")
	p("InaccessiblePaths=-" path("keys") "/node.key -" path("keys") "/master.key")
	p("CapabilityBoundingSet=CAP_SETUID CAP_SETGID")
	p("NoNewPrivileges=yes")
	p("ProtectSystem=strict")
	p("ProtectHome=yes")
	p("PrivateTmp=yes")
	p("PrivateDevices=yes")
	p("ProtectKernelTunables=yes")
	p("ProtectKernelModules=yes")
	p("ProtectControlGroups=yes")
	p("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK")
	p("RestrictNamespaces=yes")
	p("LockPersonality=yes")
	p("SystemCallArchitectures=native")
	p("UMask=0077")
	done()
	file("systemd/kn-" what ".timer")
	head("", "")
	p("[Unit]")
	p("Description=" text ", " when)
	p("")
	p("[Timer]")
	p("OnCalendar=" when)
	p("RandomizedDelaySec=10min")
	p("Persistent=yes")
	p("")
	p("[Install]")
	p("WantedBy=timers.target")
	done()
}

END {
	if (bad)
		exit 100
	target()
	job("backup", "hourly", "--due all", "Backup of the node's databases")
	job("backup-prune", "daily", "prune all", "Removal of old backups")
	failed()
	for (i = 1; i <= count["service"]; i++) {
		prog = name["service", i]
		program(i, prog)
		for (t = 0; t <= 2; t++)
			tier(i, prog, t)
	}
	for (k = 1; k <= count["socket"]; k++)
		socket(k, name["socket", k])
}
