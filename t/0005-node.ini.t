#!/bin/sh
# SPDX-License-Identifier: ISC
# node.ini(5) and the table in cmd/node.c name the same keys, in the same
# sections and order, with the same defaults where a default is one word.

cd "$(dirname "$0")/.." || exit 111
program=${KN_BUILD:-build}/kn-signd
page=man/node.ini.5
if [ ! -x "$program" ]; then
	echo "1..0 # SKIP kn-signd is not built"
	exit 0
fi
T=$(mktemp -d) || exit 111
trap 'rm -rf "$T"' EXIT

n=0
failed=0
ok() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
	fi
}

# what a caller's environment overrides is no default
for name in $(env | sed -n 's/^\(KN_[A-Z0-9_]*\)=.*/\1/p'); do
	unset "$name"
done

: >"$T/empty.ini"
"$program" -n -c "$T/empty.ini" >"$T/printed" 2>"$T/err"
ok $? "an empty file is a good one"

# section key default; `…` for a default of several words, `empty` for none
awk '
	function flush() {
		if (key != "")
			print section, key, value == "" ? "empty" : value
		key = ""
	}
	/^\[/ { flush(); section = substr($1, 2, length($1) - 2); next }
	/^\t/ { value = "…"; next }
	/ =/  {
		flush()
		key = $1
		value = NF > 3 ? "…" : $3
		if (key == "agent")
			value = "…"
	}
	END { flush() }' "$T/printed" >"$T/rows"

# `.Pq Li word`, `.Pq Pa path`, `.Pq empty`, or more words
awk '
	/^\.S[hs] / { section = $2 == "Section" ? $3 : "" }
	section != "" && /^\.It Cm / {
		value = "?"
		if ($4 == "Pq" && NF == 5)
			value = $5
		else if ($4 == "Pq" && ($5 == "Li" || $5 == "Pa") && NF == 6)
			value = $6
		else if ($4 == "Pq")
			value = "…"
		print section, $3, value
	}' "$page" >"$T/manual"

while read -r section key value; do
	grep -q "^$section $key " "$T/manual"
	ok $? "[$section] $key is in the manual"
	grep -Fqx "$section $key $value" "$T/manual"
	ok $? "[$section] $key is $value there"
done <"$T/rows"
while read -r section key value; do
	grep -q "^$section $key " "$T/rows"
	ok $? "[$section] $key of the manual is a key"
done <"$T/manual"
[ -s "$T/rows" ] && diff "$T/rows" "$T/manual" >"$T/diff"
ok $? "both have the same order"
sed 's/^/# /' "$T/diff"

"$program" -n -c "$T/printed" 2>"$T/err" | cmp -s - "$T/printed"
ok $? "what is printed can be read, and prints the same"

cat >"$T/wrong.ini" <<'END'
[limits]
peers = many
bytes = 8M
colour = blue
[lights]
END
KN_NETWORK_PERF=maybe "$program" -n -c "$T/wrong.ini" >"$T/out" 2>"$T/err"
[ $? -eq 100 ] && [ ! -s "$T/out" ]
ok $? "mistakes end it with 100"
sed "s|^$T/||; s/; .*//; s/^kn-[a-z]*:/program:/" "$T/err" >"$T/said"
diff - "$T/said" <<'END'
wrong.ini:2: [limits] peers: "many" is not a number
wrong.ini:4: [limits] has no key "colour"
wrong.ini:5: there is no section [lights]
KN_NETWORK_PERF: [network] perf: "maybe" is neither yes nor no
wrong.ini:3: [limits] window: 16M is more than bytes, which is 8M
program: the configuration has faults
END
ok $? "and all are told"

if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$page"
	ok $? "the manual is clean"
fi
echo "1..$n"
exit $failed
