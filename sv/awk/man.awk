# SPDX-License-Identifier: ISC
# The rows of the tables in kn-services(7): between a line `.\" table NAME` and
# the list's end.  sv/generate.sh puts them there.

function row(a, b, c, d, e, f,   line) {
	line = ".It " a " Ta " b
	if (c != "") line = line " Ta " c
	if (d != "") line = line " Ta " d
	if (e != "") line = line " Ta " e
	if (f != "") line = line " Ta " f
	p(line)
}
function or_none(text) {
	gsub(/,/, ", ", text)
	return text == "" ? "\\(en" : text
}

function services(   i) {
	file("man/services")
	for (i = 1; i <= count["service"]; i++)
		row("Xr " name["service", i] " 8", service(i, "user"),
		    or_none(service(i, "after")), service(i, "stop") " s",
		    service(i, "nofile"), service(i, "nproc"))
	done()
}
function memories(   i) {
	file("man/memory")
	for (i = 1; i <= count["service"]; i++)
		row(name["service", i], memory(i, 2), memory(i, 1), memory(i, 0))
	done()
}
function sockets(   i, kind, where) {
	file("man/sockets")
	for (i = 1; i <= count["socket"]; i++) {
		kind = value["socket", i, "kind"]
		where = kind == "tcp" ? "Li " value["socket", i, "address"] : \
		    "Pa " path("run") "/" value["socket", i, "path"]
		row("kn-" name["socket", i] ".socket", kind, where)
	}
	done()
}
function ports(   i) {
	file("man/ports")
	for (i = 1; i <= count["port"]; i++)
		row(value["port", i, "number"], value["port", i, "proto"],
		    value["port", i, "from"], value["port", i, "text"])
	done()
}
function dirs(   i) {
	file("man/dirs")
	for (i = 1; i <= count["dir"]; i++)
		row("Pa " value["dir", i, "path"], value["dir", i, "mode"],
		    value["dir", i, "owner"], value["dir", i, "group"])
	for (i = 1; i <= count["file"]; i++)
		row("Pa " path(value["file", i, "dir"]) "/" name["file", i],
		    value["file", i, "mode"], value["file", i, "owner"],
		    value["file", i, "group"])
	done()
}
function tiers(   i) {
	file("man/tiers")
	for (i = 1; i <= count["tier"]; i++)
		row(name["tier", i], value["tier", i, "tier"], value["tier", i, "cores"],
		    value["tier", i, "memory"] " / " value["tier", i, "disk"],
		    value["tier", i, "net"], value["tier", i, "iops"])
	done()
}

END {
	if (bad)
		exit 100
	services()
	memories()
	sockets()
	ports()
	dirs()
	tiers()
}
