#!/bin/sh
# SPDX-License-Identifier: ISC
# kn-signd alone: options, configuration, what it refuses to start on, its
# socket, signals.  Questions to it are asked by t/crypt/sign.c.

bin=${KN_BUILD:-build}
signd=$bin/kn-signd
if [ ! -x "$signd" ] || [ ! -x "$bin/kn-keygen" ]; then
	echo "1..0 # SKIP kn-signd and kn-keygen are not built"
	exit 0
fi

dir=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT

n=0 failed=0
ok() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$dir/err" 2>/dev/null
		failed=1
	fi
}

ini() { # SIGN-RULES
	cat >"$dir/node.ini" <<-END
	[identity]
	key_path = $dir/node.key
	master_key_path = $dir/master
	[node]
	run_path = $dir/run
	[network]
	sign = $1
	END
}

# run it to its end; says whether the exit code is the one wanted
exits() { # CODE ARGUMENT...
	want=$1
	shift
	timeout 100 "$signd" "$@" >"$dir/out" 2>"$dir/err"
	code=$?
	[ "$code" -eq "$want" ] || echo "# exit $code, not $want" >>"$dir/err"
	[ "$code" -eq "$want" ]
}

# start it and wait for the newline that says it is ready
start() {
	mkfifo "$dir/ready"
	"$signd" -c "$dir/node.ini" --ready-fd 3 3>"$dir/ready" \
	    >"$dir/out" 2>"$dir/err" &
	pid=$!
	word=x
	read -r word <"$dir/ready"
	rm -f "$dir/ready"
	[ -z "$word" ]
}

stop() { # SIGNAL; the exit code
	kill "-$1" "$pid"
	wait "$pid"
	code=$?
	pid=
	return $code
}

(umask 077; echo 'correct horse battery staple' >"$dir/master")
"$bin/kn-keygen" -k 8 -m "$dir/master" -o "$dir/node.key" \
    >"$dir/out" 2>"$dir/err"
ok $? 'a key to start with'
ini 'self: all'

exits 0 -h && grep -q -e --ready-fd "$dir/out"; ok $? 'usage names the options'
exits 0 -V; ok $? 'version'
exits 100 --nonsense; ok $? 'an unknown option'
exits 100 -c "$dir/node.ini" word; ok $? 'an operand'
exits 0 -n -c "$dir/node.ini" && grep -q 'self: all' "$dir/out"
ok $? '-n prints what is in effect'
exits 100 -c "$dir/absent.ini"; ok $? 'no configuration'

ini 'self: fly'
exits 100 -n -c "$dir/node.ini" && grep -q 'unknown word' "$dir/err"
ok $? 'a rule with an unknown kind'
ini 'self: all'

chmod 640 "$dir/master"
exits 100 -c "$dir/node.ini" && grep -q 'chmod 600' "$dir/err"
ok $? 'a master key that others may read'
chmod 600 "$dir/master"
mv "$dir/master" "$dir/kept"
exits 100 -c "$dir/node.ini" && grep -q master_key_path "$dir/err"
ok $? 'no master key'
(umask 077; echo short >"$dir/master")
exits 100 -c "$dir/node.ini" && grep -q '16 to 4096' "$dir/err"
ok $? 'a short master key'
(umask 077; echo 'another horse battery staple' >"$dir/master")
exits 100 -c "$dir/node.ini"; ok $? 'another master key'
mv "$dir/kept" "$dir/master"

cp "$dir/node.key" "$dir/kept"
echo nonsense >"$dir/node.key"
exits 100 -c "$dir/node.ini" && grep -q node.key "$dir/err"
ok $? 'a key file that is none'
mv "$dir/kept" "$dir/node.key"

start; ok $? 'ready'
[ "$(stat -c %a:%F "$dir/run/sign.sock")" = 660:socket ]
ok $? 'the socket has mode 0660'
[ -s "$dir/run/stat/kn-signd" ]; ok $? 'the counters are there'
grep -q 'correct horse' "/proc/$pid/environ" "/proc/$pid/cmdline"
[ $? -ne 0 ]; ok $? 'no secret in its environment or arguments'
# CAP_SYS_PTRACE looks into every process, so root learns nothing here
if [ "$(id -u)" -ne 0 ]; then
	! cat "/proc/$pid/maps" >/dev/null 2>&1
	ok $? 'its own user cannot look into it'
else
	ok 0 'its own user cannot look into it # SKIP root may'
fi

exits 100 -c "$dir/node.ini" && grep -q 'answers there already' "$dir/err"
ok $? 'a second one does not start'
kill -0 "$pid" && [ -S "$dir/run/sign.sock" ]
ok $? 'and does the first no harm'

ini 'self: fly'
kill -HUP "$pid"
ini 'self: all'
stop TERM; ok $? 'TERM: exit 0'
[ ! -e "$dir/run/sign.sock" ]; ok $? 'the socket is gone'

start; ok $? 'ready again'
stop KILL
[ -S "$dir/run/sign.sock" ]; ok $? 'a killed one leaves its socket'
start; ok $? 'which the next one replaces'
stop INT; ok $? 'INT: exit 0'

echo precious >"$dir/run/sign.sock"
exits 100 -c "$dir/node.ini" && grep -q precious "$dir/run/sign.sock"
ok $? 'a file in the way is left alone'

echo "1..$n"
exit $failed
