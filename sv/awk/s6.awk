# SPDX-License-Identifier: ISC
# s6 service directories for plain s6-svscan: run, finish, readiness, a logger.

function run(i, prog,   n, after, k) {
	file("s6/" prog "/run")
	head("/bin/sh", prog ": " service(i, "text") ".")
	p("exec 2>&1")
	p("PATH=$PATH:" current() "/bin")
	p("export PATH")
	n = split(service(i, "after"), after, ",")
	for (k = 1; k <= n; k++)
		p("s6-svwait -U -t 20000 ../" after[k] " || exit 111")
	p("# a developer's node: as who runs it, with the programs of PATH")
	p("[ -z \"$NODE_INI\" ] || exec " prog " -c \"$NODE_INI\" -r 3")
	p("")
	p("ini=" ini())
	p("conf=$(" prog " -n -c \"$ini\") || exit")
	p("case $(printf '%s\\n' \"$conf\" | sed -n 's/^tier = //p') in")
	p("0) memory=" memory(i, 0) " ;;")
	p("1) memory=" memory(i, 1) " ;;")
	p("*) memory=" memory(i, 2) " ;;")
	p("esac")
	p("install -d -m " fact("dir", "run", "mode") " -o root -g " group() " " \
	    path("run") " " path("stat") " || exit 111")
	p("# a host may allow fewer; the program says so")
	p("# shellcheck disable=SC3045 # not POSIX, yet in every shell")
	p("ulimit -n " service(i, "nofile") " 2>/dev/null")
	p("# -d counts what is reserved, not what is used: twice the memory")
	p("exec s6-softlimit -H -p " service(i, "nproc") \
	    " -d $((memory * 2097152)) \\")
	p("    s6-setuidgid " service(i, "user") " " prog " -c \"$ini\" -r 3")
	done()
}

# 125 tells s6-supervise not to start it again until s6-svc -u, and is what
# s6-permafailon says of more deaths than it was given.
function finish(prog) {
	file("s6/" prog "/finish")
	head("/bin/sh", prog " has ended: with $1, or by signal $2 if that is 256.")
	p("exec 2>&1")
	p("if [ \"$1\" -eq 100 ]; then")
	p("\techo \"" prog ": it ended with 100: the configuration or the keys are\" \\")
	p("\t    \"wrong, the lines above say how; then s6-svc -u $(pwd)\"")
	p("\texit 125")
	p("fi")
	p("s6-permafailon 60 10 \\")
	p("    0-255,SIGABRT,SIGBUS,SIGFPE,SIGILL,SIGKILL,SIGSEGV,SIGSYS,SIGTERM \\")
	p("    true 2>/dev/null")
	p("[ $? -eq 125 ] || exit 0")
	p("echo \"" prog ": it ended 10 times in a minute; the next start is in 10\" \\")
	p("    \"seconds; the lines above say why\"")
	p("sleep 10")
	p("exit 0")
	done()
}

function number(prog, what, value) {
	file("s6/" prog "/" what)
	p(value)
	done()
}

function logger(i, prog,   dir) {
	dir = path("log") "/" prog
	file("s6/" prog "/log/run")
	head("/bin/sh", "What " prog " says: 20 files of 1 MB, with times (s6-tai64nlocal reads them).")
	p("install -d -m 0755 " path("log") " &&")
	p("    install -d -m 0750 -o " service(i, "user") " -g " group() \
	    " " dir " || exit 111")
	p("exec s6-setuidgid " service(i, "user") " s6-log -b n20 s1000000 T " dir)
	done()
}

END {
	if (bad)
		exit 100
	for (i = 1; i <= count["service"]; i++) {
		prog = name["service", i]
		run(i, prog)
		finish(prog)
		number(prog, "notification-fd", 3)
		number(prog, "timeout-kill", service(i, "stop") * 1000)
		number(prog, "timeout-finish", 15000)
		logger(i, prog)
	}
}
