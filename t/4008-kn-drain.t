#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-drain alone: what it takes, what it writes, what it tells of a node that is
# stopped or of which one program runs.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-signd kn-p2pd kn-drain
program=kn-drain

mkdir -p "$T/n/run"
ini=$T/n/node.ini
file=$T/n/drain
cat >"$ini" <<END
[node]
run_path = $T/n/run
drain_path = $file
[network]
drain_time = 42s
END

bad() { # NAME SENTENCE ARGUMENT...
	what=$1 sentence=$2
	shift 2
	exits 100 -c "$ini" "$@" && grep -q "$sentence" "$T/err" &&
	    [ ! -s "$T/out" ] && [ ! -e "$file" ]
	ok $? "$what"
}

quiet() { # ARGUMENT...
	exits 0 -c "$ini" "$@" && [ ! -s "$T/out" ] && [ ! -s "$T/err" ]
}

has() { # LINE
	grep -qx "$1" "$file"
}

status() { # JQ-EXPRESSION
	"$bin/kn-drain" -c "$ini" status --json >"$T/out" 2>"$T/err" &&
	    jq -e "$1" "$T/out" >/dev/null
}

# what it does not take
bad 'a verb that is not there' 'no verb "stop"' stop
bad 'an operand too many' 'no operands' status now
bad 'options of a drain before a verb' 'behind the verb' --hold status
bad 'an empty reason' 'printable' --reason ''
bad 'a reason with control characters' 'printable' --reason "$(printf 'a\tb')"
bad 'a reason of 257 bytes' 'printable' --reason "$(printf '%0257d' 0)"
bad 'a deadline that is no time' 'deadline' --deadline soon
bad 'a deadline beyond a day' 'deadline' --deadline 25h
bad '--max without --wait' 'max' --max 1s
bad '--max without --wait of status' 'max' status --max 1s
"$bin/kn-drain" -c "$T/none" >"$T/out" 2>"$T/err"
[ $? -eq 100 ] && grep -q "$T/none" "$T/err" && [ ! -s "$T/out" ]
ok $? 'a configuration that is not there'
printf '[node]\nrun_path = %s\ndrain_path = %s/none/drain\n' "$T/n/run" "$T" \
    >"$T/astray"
exits 100 -c "$T/astray" && grep -q 'node.drain_path' "$T/err"
ok $? 'a file that cannot be written'
exits 100 -c "$T/astray" --reason x end
ok $? 'nor are its options for end'

# a stopped node
status '.state == "stopped" and (.asked|not) and .programs == []'
ok $? 'stopped: no program runs'
quiet && has 'reason = maintenance' && has 'deadline = 42000' && has 'hold = no'
ok $? 'a drain of defaults is written, and nothing is said'
has "boot = $(cat /proc/sys/kernel/random/boot_id)"
ok $? 'with the boot'
grep -qxE 'since = [0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z' \
    "$file" && grep -qxE 'at = [0-9]+' "$file"
ok $? 'and the time by both clocks'
[ "$(wc -l <"$file")" -eq 6 ] && [ "$(stat -c %a "$file")" = 644 ]
ok $? 'six lines that everybody may read'
status '.state == "stopped" and .asked and .reason == "maintenance" and
    (.hold|not) and .left_ms > 0 and .left_ms <= 42000'
ok $? 'status tells of it'
inode=$(stat -c %i "$file")
quiet --reason 'Kernel für Köln' --deadline 0 --hold &&
    has 'reason = Kernel für Köln' && has 'deadline = 0' && has 'hold = yes'
ok $? 'a second one is put in its place'
[ "$(stat -c %i "$file")" != "$inode" ] && [ "$(ls -A "$T/n")" = "drain
node.ini
run" ]
ok $? 'in one step, and nothing is left beside'
quiet --wait
ok $? 'to wait for a stopped node takes no time'
quiet end && [ ! -e "$file" ] && quiet end
ok $? 'end removes it, once and again'
exits 0 -c "$ini" status --wait && grep -q 'state *stopped' "$T/out"
ok $? 'status --wait of a stopped node'

# one program that runs
node_start a 'drain_time = 1h'
ok $? 'a node'
ini=$T/a/node.ini
file=$T/a/drain
status '.state == "serving" and .streams == 0 and .peers == 0 and
    (has("changes")|not) and (has("reservations")|not)'
ok $? 'what nobody counts is not told'
read -r pid _ <"$T/a/pids"
version=$("$bin/kn-p2pd" -V | sed 's/.* //')
jq -e --argjson pid "$pid" --arg v "$version" '.programs |
    map(.name) == ["kn-p2pd", "kn-signd"] and (.[0] | .pid == $pid and
    .phase == "serving" and .inflight == 0 and .version == $v and
    .uptime_s >= 0 and .drains) and (.[1].drains|not)' "$T/out" >/dev/null
ok $? 'each program: phase, work, process, version, time'
cp "$T/a/run/stat/kn-p2pd" "$T/a/run/stat/kn-store"
cp "$T/a/run/stat/kn-p2pd" "$T/a/run/stat/kn-$(printf '\033')[m"
ln -s kn-p2pd "$T/a/run/stat/kn-dht"
status '.programs|map(.name) == ["kn-p2pd", "kn-signd"]'
ok $? 'no program speaks by the file of another'
rm "$T/a/run/stat/kn-store" "$T/a/run/stat/kn-dht" "$T/a/run/stat"/kn-*m
exits 1 -c "$ini" status --wait && grep -q 'no drain is asked for' "$T/err"
ok $? 'to wait for a drain that nobody asked for: exit 1'
quiet --reason 'one program' --wait
ok $? '--wait comes back when it is drained, silently without a terminal'
status '.state == "drained" and .programs[0].phase == "drained" and
    .programs[1].phase == "serving"'
ok $? 'kn-signd goes on to sign'
exits 0 -c "$ini" status && grep -q '^state *drained$' "$T/out" &&
    grep -q '^reason *one program$' "$T/out" &&
    grep -q '^deadline .*, in [0-9]* s$' "$T/out" &&
    grep -q '^streams *0$' "$T/out" &&
    grep -q '^kn-p2pd *drained *0 in flight, pid ' "$T/out"
ok $? 'the same for people'
grep -q 'event=drain bond=asked deadline_ms=[0-9]* reason="one program"' \
    "$T/a/log" && grep -q 'event=drained' "$T/a/log"
ok $? 'the log has both'

# the file of somebody else
printf 'reason = by hand\n' >"$file"
status '.state == "drained" and .asked and (.malformed|test("missing")) and
    (has("reason")|not)'
ok $? 'a file that cannot be understood'
until_true grep -q 'event=drain.malformed' "$T/a/log"
ok $? 'is logged'
exits 0 -c "$ini" status && grep -q 'not understood: .*missing' "$T/out"
ok $? 'and told'
quiet end
serving() { status '.state == "serving"'; }
until_true serving && grep -q 'event=drain.over why=removed' "$T/a/log"
ok $? 'end: it serves again'

# a program that is gone, with its file still there
quiet --hold
read -r p2pd signd <"$T/a/pids"
end "$p2pd"
status '.state == "stopped" and (.programs|map(.name)) == ["kn-signd"]'
ok $? 'a program that is gone is not counted'
: >"$T/a/run/stat/rubbish"
mkfifo "$T/a/run/stat/pipe"
status '.state == "stopped"'
ok $? 'nor what is no statistics file'
start_ready "$T/a/log" "$bin/kn-p2pd" -c "$ini"
p2pd=$pid
status '.state == "drained"'
ok $? 'held: drained from its first moment on'
end "$p2pd"
end "$signd"
finish
