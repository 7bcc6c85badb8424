# SPDX-License-Identifier: ISC
# Reads sv/facts: the i-th line of a kind is name[kind, i], its fields are
# value[kind, i, field]; at[kind, name] is the first line of a name.  Those who
# follow this file write in END, to file(PATH) and with p(LINE).

function wrong(why) {
	print "generate.sh: " FILENAME ":" FNR ": " why >"/dev/stderr"
	bad = 1
	exit 100
}

/^[ \t]*(#|$)/ { next }
{
	kind = $1
	i = ++count[kind]
	name[kind, i] = $2
	if (!((kind, $2) in at))
		at[kind, $2] = i
	rest = $0
	sub(/^[^ \t]+[ \t]+[^ \t]+[ \t]*/, "", rest)
	while (match(rest, /^[a-z0-9_]+=("[^"]*"|[^ \t"]*)/)) {
		pair = substr(rest, 1, RLENGTH)
		rest = substr(rest, RLENGTH + 1)
		sub(/^[ \t]+/, "", rest)
		field = pair
		sub(/=.*/, "", field)
		sub(/^[^=]*="?/, "", pair)
		sub(/"$/, "", pair)
		value[kind, i, field] = pair
	}
	if (rest != "")
		wrong("cannot read \"" rest "\"")
}

# A field of a line by its name; it must be there.
function fact(kind, who, field) {
	if (!((kind, who) in at) || !((kind, at[kind, who], field) in value))
		wrong("no " field " of " kind " " who)
	return value[kind, at[kind, who], field]
}

function path(dir) { return fact("dir", dir, "path") }
function service(i, field) { return value["service", i, field] }

# Is word in a comma-divided list?
function has(list, word) { return index("," list ",", "," word ",") > 0 }

function file(where,   dir) {
	to = out "/" where
	dir = to
	sub(/\/[^\/]*$/, "", dir)
	system("mkdir -p '" dir "'")
}
function p(line) { print line >to }
function done() { close(to) }

# The first lines of every file: an optional `#!` line, and who made it.
function head(interpreter, what) {
	if (interpreter != "")
		p("#!" interpreter)
	p("# SPDX-License-Identifier: ISC")
	p("# Made by sv/generate.sh from sv/facts: change those, not this.")
	if (what != "")
		p("# " what)
}

# Where a release is; install.sh replaces it for another prefix.
function current() { return "/usr/local/lib/kontinuum-node/current" }
function ini() { return path("etc") "/node.ini" }
function group() { return name["group", 1] }

# Megabytes at a tier: tier 1 has twice and tier 0 four times those of tier 2.
function memory(i, tier) {
	return service(i, "mem") * (tier == 0 ? 4 : tier == 1 ? 2 : 1)
}
