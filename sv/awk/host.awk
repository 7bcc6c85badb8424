# SPDX-License-Identifier: ISC
# Users and directories, for systemd-sysusers and systemd-tmpfiles and for
# install.sh, which does the same where there are none; log files' rotation
# where there is neither a journal nor s6-log.

function users(   i) {
	file("sysusers.conf")
	head("", "")
	p("g " group() " -")
	for (i = 1; i <= count["user"]; i++)
		p("u " name["user", i] " -:" group() " \"" value["user", i, "text"] \
		    "\" / /usr/sbin/nologin")
	done()
}

function line(type, where, kind, i) {
	p(type " " where " " value[kind, i, "mode"] " " \
	    value[kind, i, "owner"] " " value[kind, i, "group"] " -")
}

function dirs(   i) {
	file("tmpfiles.conf")
	head("", "")
	for (i = 1; i <= count["dir"]; i++)
		line("d", value["dir", i, "path"], "dir", i)
	p("# when they are there: whose they are")
	for (i = 1; i <= count["file"]; i++)
		line("z", path(value["file", i, "dir"]) "/" name["file", i], "file", i)
	done()
}

function logs(   i) {
	file("logrotate.conf")
	head("", "For OpenRC without s6-log.  As whose directory it is: root would follow what a")
	p("# program that is broken into lays there.")
	for (i = 1; i <= count["service"]; i++) {
		p(path("log") "/" name["service", i] "/log {")
		p("\tsu " service(i, "user") " " group())
		p("\tsize 1M")
		p("\trotate 20")
		p("\tcopytruncate")
		p("\tmissingok")
		p("\tnotifempty")
		p("}")
	}
	done()
}

function cron() {
	file("cron/kontinuum-node")
	head("", "For /etc/cron.d of hosts without systemd; a crontab of root has no user column.")
	p("17 * * * * root [ ! -e " path("etc") "/backup.conf ] || " current() "/scripts/backup.sh --due all")
	p("43 3 * * * root [ ! -e " path("etc") "/backup.conf ] || " current() "/scripts/backup.sh prune all")
	done()
}

END {
	if (bad)
		exit 100
	users()
	dirs()
	logs()
	cron()
}
