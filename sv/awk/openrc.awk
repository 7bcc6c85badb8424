# SPDX-License-Identifier: ISC
# OpenRC: supervise-daemon, of 0.45 and later.

# supervise-daemon starts again whatever ended, at once and whatever it said.
# What it starts is kn-start, which waits when that happens too often.
function start() {
	file("openrc/kn-start")
	head("/bin/sh", "kn-start PROCESSES MEGABYTES PROGRAM ARGUMENT...: become PROGRAM within these limits;")
	p("# after 10 starts in a minute wait first.")
	p("# shellcheck disable=SC3045 # not POSIX, yet in every shell")
	p("ulimit -u \"$1\" 2>/dev/null || ulimit -p \"$1\" 2>/dev/null")
	p("# this counts what is reserved, not what is used: twice the memory")
	p("# shellcheck disable=SC3045")
	p("ulimit -d $(($2 * 2048))")
	p("shift 2")
	p("prog=$(basename \"$1\")")
	p("tally=" path("run") "/.starts-$prog")
	p("now=$(date +%s)")
	p("recent=$(awk -v now=\"$now\" '$1 > now - 60' \"$tally\" 2>/dev/null | tail -n 10)")
	p("printf '%s\\n' ${recent:+\"$recent\"} \"$now\" >\"$tally\"")
	p("if [ \"$(printf '%s\\n' \"$recent\" | grep -c .)\" -ge 10 ]; then")
	p("\techo \"$prog: it ended 10 times in a minute; the next start is in 10\" \\")
	p("\t    \"seconds; the lines above say why\" >&2")
	p("\tsleep 10")
	p("fi")
	p("exec \"$@\"")
	done()
}

function defaults() {
	file("openrc/conf.d/kontinuum-node")
	head("", "Of all services of the node; each service's own file in conf.d comes later.")
	p("")
	p("# where node.ini is, and the release that runs")
	p("kn_ini=\"" ini() "\"")
	p("kn_current=\"" current() "\"")
	p("# seconds a service may take until it is ready")
	p("kn_start_time=600")
	done()
}

function depend(i,   after) {
	after = service(i, "after")
	gsub(/,/, " ", after)
	p("depend() {")
	# use: Debian has mountall instead
	p("\tuse localmount logger")
	if (service(i, "net") == "host")
		p("\tuse net dns")
	# not need: its restart would be ours
	if (after != "") {
		p("\twant " after)
		p("\tafter " after)
	}
	if (service(i, "net") == "host" || has_tcp(i))
		p("\tafter firewall")
	p("}")
}

function has_tcp(i,   n, words, k) {
	n = split(service(i, "sockets"), words, ",")
	for (k = 1; k <= n; k++)
		if (fact("socket", words[k], "kind") == "tcp")
			return 1
	return 0
}

function program(i, prog,   log_dir) {
	log_dir = path("log") "/" prog
	file("openrc/" prog)
	head("/sbin/openrc-run", "")
	p("# shellcheck shell=sh disable=SC1091,SC2034,SC2154 # of openrc-run and conf.d")
	p("description=\"" service(i, "text") "\"")
	p(". \"${RC_CONFDIR:-/etc/conf.d}/kontinuum-node\"")
	p("supervisor=supervise-daemon")
	p("command=\"$kn_current/sv/openrc/kn-start\"")
	p("command_user=\"" service(i, "user") ":" group() "\"")
	p("supervise_daemon_args=\"--no-new-privs\"")
	p("directory=/")
	p("umask=0077")
	p("rc_ulimit=\"-n " service(i, "nofile") "\"")
	p("retry=\"TERM/" service(i, "stop") "/KILL/5\"")
	p("# at once and for ever: kn-start waits when it ends too often")
	p("respawn_max=0")
	p("extra_started_commands=\"reload\"")
	p("kn_log=\"" log_dir "\"")
	p("if command -v s6-log >/dev/null 2>&1; then")
	p("\toutput_logger=\"s6-log -b n20 s1000000 T $kn_log\"")
	p("\terror_logger=\"$output_logger\"")
	p("else")
	p("\toutput_log=\"$kn_log/log\"")
	p("\terror_log=\"$kn_log/log\"")
	p("fi")
	p("")
	depend(i)
	p("")
	p("# The first process of the service says nothing to OpenRC; the program's")
	p("# statistics do, see kn-stat(5): whose they are, and its phase.")
	p("kn_word() {")
	p("\tod -A n -t u8 -j \"$1\" -N 8 \"" path("stat") "/" prog "\" 2>/dev/null |")
	p("\t    tr -d ' \\n'")
	p("}")
	p("kn_lives() { kill -0 \"$(kn_word 72)\" 2>/dev/null; }")
	p("kn_serves() { [ \"$(kn_word 104)\" -ge 2 ] 2>/dev/null && kn_lives; }")
	p("")
	p("start_pre() {")
	p("\tcheckpath -q -d -m " fact("dir", "run", "mode") " -o root:" group() \
	    " " path("run") " " path("stat") " &&")
	p("\t    checkpath -q -d -m 0755 -o root:root " path("log") " &&")
	p("\t    checkpath -q -d -m 0750 -o " service(i, "user") ":" group() " \"$kn_log\" || return 1")
	p("\trm -f " path("stat") "/" prog " " path("run") "/.starts-" prog)
	p("\tconf=$(\"$kn_current/bin/" prog "\" -n -c \"$kn_ini\") || {")
	p("\t\teerror \"$kn_ini has faults, the lines above say which\"")
	p("\t\treturn 1")
	p("\t}")
	p("\tcase $(printf '%s\\n' \"$conf\" | sed -n 's/^tier = //p') in")
	p("\t0) memory=" memory(i, 0) " ;;")
	p("\t1) memory=" memory(i, 1) " ;;")
	p("\t*) memory=" memory(i, 2) " ;;")
	p("\tesac")
	p("\tcommand_args=\"" service(i, "nproc") " $memory $kn_current/bin/" prog " -c $kn_ini\"")
	p("}")
	p("")
	p("# A program that lives has its time; one that keeps dying holds up nothing.")
	p("start_post() {")
	p("\twaited=0 dead=0")
	p("\tuntil kn_serves; do")
	p("\t\tif kn_lives; then dead=0; else dead=$((dead + 1)); fi")
	p("\t\twaited=$((waited + 1))")
	p("\t\tif [ $dead -gt 50 ] || [ $waited -gt $((kn_start_time * 5)) ]; then")
	p("\t\t\tewarn \"" prog " is not ready yet and is tried again; $kn_log says why\"")
	p("\t\t\treturn 0")
	p("\t\tfi")
	p("\t\tsleep 0.2")
	p("\tdone")
	p("}")
	p("")
	p("reload() {")
	p("\tebegin \"Reloading the configuration of " prog "\"")
	p("\tsupervise-daemon \"$RC_SVCNAME\" --signal HUP")
	p("\teend $?")
	p("}")
	done()
}

END {
	if (bad)
		exit 100
	start()
	defaults()
	for (i = 1; i <= count["service"]; i++)
		program(i, name["service", i])
}
