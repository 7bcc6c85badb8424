#!/bin/sh
# SPDX-License-Identifier: ISC
# restore.sh: what it lists, what it refuses, restoring in place on the same node
# and on another, over an old log, and after it was interrupted.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
# shellcheck source=t/backups.sh
. "$here/backups.sh"
need_backups

bucket_start && store_start a && store a mb box >/dev/null &&
    store a key add --tenant own reader >"$T/reader" &&
    printf one | store a put box/content &&
    for n in 1 2 3 4 5 6 7 8 9; do
	head -c 15000 /dev/urandom | store a put box/noise-$n || break
    done
ok $? "a store with a content and a key, and a bucket"
write_conf a
ends 10 'no backup' restore --verify-only --identity "$T/one.key"
ok $? "there is no backup yet"
backup && first=$(basename "$(newest)" .age)
ok $? "a backup"
# times of one second each: the next ones are of another second
until_true sh -c "[ \$(date -u +%Y%m%dT%H%M%SZ) != ${first%%-*} ]"
printf two | store a put box/content && backup && second=$(basename "$(newest)" .age)
ok $? "a second one"

restore --list && grep -q "$first" "$T/out" && [ "$(wc -l <"$T/out")" -eq 2 ]
ok $? "they are listed"
restore --list --json && jq -se '.[0].state == "whole" and .[0].sequence == 1 and
    .[1].sequence == 2' "$T/out" >/dev/null
ok $? "as JSON too"
if [ "$(stat -f -c %T /dev/shm)" = tmpfs ]; then
	restore --verify-only --json --identity "$T/two.key" &&
	    jq -e --arg n "$second" '.name == $n and .verified and .pages > 0' "$T/out" >/dev/null
	ok $? "the newest is verified"
	restore --verify-only --json --at "${first%%-*}" --identity "$T/two.key" &&
	    jq -e --arg n "$first" '.name == $n' "$T/out" >/dev/null
	ok $? "or that of a time"
	sh -c 'mkdir -m 700 /dev/shm/kn-restore.$$.left; echo $$' >"$T/dead"
	restore --verify-only --identity "$T/two.key" &&
	    [ ! -e "/dev/shm/kn-restore.$(cat "$T/dead").left" ]
	ok $? "in memory, where nothing is left, not even of one that was killed"
else
	skip_one "verify" '/dev/shm is no tmpfs'
fi
ends 2 'no tmpfs' restore --verify-only --identity "$T/two.key" --scratch "$here"
ok $? "not on a disk"
ends 10 'no backup' restore --verify-only --at 2020-01-01 --identity "$T/one.key"
ok $? "there was none then"
ends 2 'is no time' restore --verify-only --at yesterday --identity "$T/one.key"
ok $? "a time that is none"
ends 2 'what decrypts' restore --verify-only
ok $? "nothing without an identity"
ends 12 'does not decrypt' restore --into "$T/x" --identity "$T/other.key" &&
    [ -z "$(ls -A "$T/x")" ]
ok $? "nor with another one's"
restore --into "$T/x" --identity "$T/one.key" && cmp -s "$T/x/store.key" "$T/a/store.key" &&
    [ "$(sqlite3 "$T/x/node.db" 'SELECT count(*) FROM object')" -eq 10 ] &&
    [ "$(stat -c %a "$T/x/node.db")" = 600 ] && [ "$(ls -A "$T/x" | wc -l)" -eq 2 ]
ok $? "into a directory, with its key"
sed 's/^/# /' "$T/err"
ends 2 'there already' restore --into "$T/x" --identity "$T/one.key"
ok $? "not over another"
store target get "$folder/$first.age" "$T/$first.age" &&
    store target get "$folder/$first.json" "$T/$first.json"
restore --into "$T/y" --identity "$T/one.key" --from-file "$T/$first.age" &&
    [ -s "$T/y/node.db" ]
ok $? "from a file with its manifest"
cp "$T/$first.age" "$T/alone.age"
rm -rf "$T/y"
restore --into "$T/y" --identity "$T/one.key" --from-file "$T/alone.age" &&
    [ -s "$T/y/node.db" ]
ok $? "from a file alone, whatever its name"
rm -rf "$T/y"

# What is not right in the bucket, of both kinds.
hurt() { # NAME SENTENCE [CODE]: what is there of $second now does not verify
	ends "${3:-13}" "$2" restore --into "$T/y" --identity "$T/one.key" &&
	    [ -z "$(ls -A "$T/y")" ]
	ok $? "$form: $1"
	rm -rf "$T/y"
}
relabel() { # FILE [FILTER]: FILE becomes $second, and the manifest agrees
	store target put "$folder/$second.age" "$1" &&
	    jq -c --arg s "$(sha256sum <"$1" | cut -d' ' -f1)" --argjson n "$(stat -c %s "$1")" \
	    ".sha256 = \$s | .size = \$n | ${2:-.}" "$T/json" |
	    store target put "$folder/$second.json"
}
seal() { # standard input, as $form has it, becomes $T/short
	if [ $form = zstd ]; then sealed "$@"; else age -R "$T/recipients"; fi >"$T/short"
}
hurts() {
	store target get "$folder/$second.age" "$T/age" && store target get "$folder/$second.json" "$T/json"
	size=$(stat -c %s "$T/age")
	head -c $((size - 100)) "$T/age" | store target put "$folder/$second.age"
	hurt "an object that is cut off" 'not what its manifest'
	{ cat "$T/age"; echo; } | store target put "$folder/$second.age"
	hurt "or is longer" 'not what its manifest'
	cp "$T/age" "$T/flip"
	byte=$(od -A n -t u1 -j $((size / 2)) -N 1 "$T/age")
	# shellcheck disable=SC2059 # it is a format
	printf "\\$(printf %o $((byte ^ 1)))" | dd of="$T/flip" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
	store target put "$folder/$second.age" "$T/flip"
	hurt "a byte of it is another" 'not what its manifest'
	relabel "$T/flip"
	hurt "also if the manifest agrees" 'damaged'
	head -c $((size - 100)) "$T/age" >"$T/cut"
	relabel "$T/cut"
	hurt "the same, cut off" 'damaged'
	head -c 70000 "$T/age" >"$T/cut"
	relabel "$T/cut"
	hurt "or a whole number of chunks" 'damaged\|no backup'
	store target get "$folder/$first.age" "$T/other.age"
	relabel "$T/other.age" '.compression = "zstd"'
	hurt "another backup of this name" 'says that it is of time'
	if [ $form = zstd ]; then
		opened one "$T/age"
	else
		age -d -i "$T/one.key" "$T/age"
	fi >"$T/clear"
	cp "$T/clear" "$T/right"
	head -c $((2 * 4096)) "$T/clear" | seal
	relabel "$T/short"
	hurt "a stream that ended before age saw it" 'no backup, or not'
	{ head -c 4096 "$T/clear"; tail -c 4096 "$T/clear"; } | seal
	relabel "$T/short"
	hurt "a trailer behind less" 'not as long'
	# the content of an object is nothing that SQLite can find a fault in
	LC_ALL=C sed 's/two/owt/' "$T/right" >"$T/clear"
	! cmp -s "$T/right" "$T/clear" && seal <"$T/clear"
	relabel "$T/short"
	hurt "a database of another sum" 'another sum'
	printf noise | dd of="$T/clear" bs=1 seek=9000 conv=notrunc 2>/dev/null
	bytes=$(($(stat -c %s "$T/clear") - 4096))
	head -c $bytes "$T/clear" >"$T/spoilt"
	head -c 8000 /dev/zero | dd of="$T/spoilt" bs=1 seek=8192 conv=notrunc 2>/dev/null
	{
		cat "$T/spoilt"
		tail -c 4096 "$T/clear" | sed "s/^sha256 .*/sha256 $(sha256sum <"$T/spoilt" | cut -d' ' -f1)/"
	} | seal
	relabel "$T/short"
	hurt "a database that was damaged before" 'damaged'
	relabel "$T/age" '.compression = "lzma"'
	hurt "compressed by what is not known here" 'by "lzma", which this program does not know'
	relabel "$T/age" '.compression = "\u001b[2Jx"'
	hurt "or by no word" 'by "??2?x", which'
	relabel "$T/age" '.compression = null'
	hurt "or by nothing" 'by "null", which'
	relabel "$T/age" ".compression = \"$([ $form = zstd ] && echo none || echo zstd)\""
	hurt "or otherwise than its manifest says" 'damaged\|no backup'
	sed "s/$NODE/$NODE-2/g" "$T/json" | store target put "$folder/$second.json"
	hurt "a manifest of another node" 'manifest .* not right'
	store target put "$folder/$second.json" </dev/null
	hurt "an empty one" 'manifest .* not right'
	store target rm "$folder/$second.json"
	restore --into "$T/y" --identity "$T/one.key" && grep -q "$before" "$T/out"
	ok $? "$form: without a manifest it is no backup; the one before is"
	rm -rf "$T/y"
}
# What is compressed can be cut, spoilt, and much more than it looks like.
bombs() {
	zstd -q -c <"$T/right" >"$T/z"
	head -c $(($(stat -c %s "$T/z") - 50)) "$T/z" | age -R "$T/recipients" >"$T/short"
	relabel "$T/short"
	hurt "a stream of zstd that was cut off" 'is damaged'
	printf XXXX | dd of="$T/z" bs=1 seek=5000 conv=notrunc 2>/dev/null
	age -R "$T/recipients" <"$T/z" >"$T/short"
	relabel "$T/short"
	hurt "or is not what it was" 'is damaged'
	{ cat "$T/right"; head -c 1 /dev/zero; } | seal
	relabel "$T/short"
	hurt "one byte more than the manifest says" 'more than the [0-9]* bytes'
	{ head -c 400000000 /dev/zero; cat "$T/right"; } | seal
	relabel "$T/short"
	hurt "a bomb" 'more than the [0-9]* bytes'
	relabel "$T/short" '.pages = 1e11'
	hurt "if the manifest agrees, there has to be room" 'MB are needed' 16
	relabel "$T/short" '.pages = 1e300'
	hurt "of a size that is none" 'not say how large'
	relabel "$T/short" '.pages = "9" | .page_size = 1e9'
	hurt "or no number" 'not say how large'
	relabel "$T/short" 'del(.pages)'
	hurt "or not there" 'not say how large'
	relabel "$T/short" '.pages = ("9" * 9) | .page_size = {}'
	hurt "nor any of both" 'not say how large'
	relabel "$T/short" '.size = "1; exit"'
	hurt "nor is that of the object" 'not right'
	{ cat "$T/right"; head -c 200000000 /dev/zero; } | seal --long=27
	relabel "$T/short" '.pages = 60000'
	hurt "what wants much memory" 'damaged: .*memory'
	if command -v xz >/dev/null; then
		{ zstd -q -c <"$T/right"; xz -c --lzma2=dict=1GiB <"$T/right"; } |
		    age -R "$T/recipients" >"$T/short"
		relabel "$T/short" '.pages = 60000'
		hurt "or does in another format" 'is damaged'
	fi
	rm -f "$T/z"
}
form=zstd before=$first
hurts
bombs
store target put "$folder/$second.age" "$T/age" && store target put "$folder/$second.json" "$T/json"
write_conf a 'compression = none'
before=$second
until_true sh -c "[ \$(date -u +%Y%m%dT%H%M%SZ) != ${second%%-*} ]"
backup && second=$(basename "$(newest)" .age)
ok $? "one that is not compressed"
form=none
hurts
relabel "$T/age" 'del(.compression)'
restore --into "$T/y" --identity "$T/one.key" && [ -s "$T/y/node.db" ] && grep -q "$second" "$T/out"
ok $? "one of a version that knew of no compression"
rm -rf "$T/y"
restore --into "$T/y" --identity "$T/one.key" --from-file "$T/age" && [ -s "$T/y/node.db" ]
ok $? "also as a file alone"
rm -rf "$T/y" "$T/clear" "$T/spoilt" "$T/short" "$T/right"
write_conf a

# without zstd
all_but zstd
old_path=$PATH
PATH=$without
restore --into "$T/y" --identity "$T/one.key" && [ -s "$T/y/node.db" ]
ok $? "what is not compressed needs no zstd"
rm -rf "$T/y"
ends 2 'zstd, which is not installed: install' restore --into "$T/y" --at "${before%%-*}" \
    --identity "$T/one.key" && [ -z "$(ls -A "$T/y")" ]
ok $? "what is says what to install"
ends 2 'zstd, which is not installed: install' restore --into "$T/y" \
    --identity "$T/one.key" --from-file "$T/alone.age" && [ -z "$(ls -A "$T/y")" ]
ok $? "so does a file alone"
PATH=$old_path
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	head -c 90000000 /dev/zero | sealed >"$T/bomb.age"
	mkdir "$T/small"
	in_small() {
		unshare -m sh -c 'mount -t tmpfs -o size=64m,mode=700 none "$1" && shift && exec "$@"' \
		    sh "$T/small" "$scripts/restore.sh" --config "$T/backup.conf" \
		    --into "$T/small/y" --identity "$T/one.key" --from-file "$T/bomb.age" 2>"$T/err"
	}
	KN_BUILD=$bin NODE_INI=$T/none.ini KN_SUPERVISOR=none KN_ROOT=$T/root TMPDIR=$T \
	    ends 16 'more than 3[0-9]* bytes, half of what is free' in_small
	ok $? "a file alone that is a bomb fills no disk"
else
	skip_one "a file alone that is a bomb" 'only root can mount'
fi

# in place
ends 11 'in use' restore --identity "$T/one.key" && [ ! -e "$T/a/data/.restore" ]
ok $? "not while kn-store runs"
epoch=$(sqlite3 "$T/a/data/node.db" 'SELECT epoch FROM state')
printf three | store a put box/content
store a mb later >/dev/null
# an unclean stop: there is a log, and it is newer than the backup
kill -9 "$store_pid"
wait "$store_pid" 2>/dev/null
[ -s "$T/a/data/node.db-wal" ]
ok $? "a store is killed, and its log stays"
restore --identity "$T/one.key" --at "${first%%-*}"
ok $? "restored in place"
sed 's/^/# /' "$T/out" "$T/err"
store_start a && [ "$(store a cat box/content)" = one ] && ! store a ls later >/dev/null 2>&1
ok $? "it is what it was, and nothing of the old log came back"
store a key list reader | jq -e '.id == "reader"' >/dev/null
ok $? "with its keys"
[ "$(stat -c %a "$T/a/data/node.db")" = 600 ]
ok $? "private"
new_epoch=$(sqlite3 "$T/a/data/node.db" 'SELECT epoch FROM state')
[ "$new_epoch" != "$epoch" ] && [ "$new_epoch" != 0 ]
ok $? "of a new epoch"
end "$store_pid"
rescue=$(echo "$T"/a/data/rescue-*)
sqlite3 "$rescue/node.db" 'SELECT count(*) FROM bucket' | grep -qx 2
ok $? "the old one is kept, with its log"
cp "$T/a/store.key" "$T/keep"
restore --identity "$T/one.key" && cmp -s "$T/keep" "$T/a/store.key"
ok $? "again: the newest; the key that is there stays"
rm "$T/a/store.key"
restore --identity "$T/one.key" && cmp -s "$T/keep" "$T/a/store.key" &&
    [ "$(stat -c %a "$T/a/store.key")" = 600 ]
ok $? "one that is not there comes back"
printf x >"$T/a/store.key"
restore --identity "$T/one.key" --with-key && cmp -s "$T/keep" "$T/a/store.key"
ok $? "or is exchanged as well"
store_start a && [ "$(store a cat box/content)" = two ]
ok $? "and it works"
end "$store_pid"

# stopped between two steps
exchange_begun() { # the state that a restore leaves that is killed there
	restore --into "$T/z" --identity "$T/one.key" --at "${first%%-*}" &&
	    mkdir "$T/a/data/.restore" && mv "$T/z/node.db" "$T/a/data/.restore/db" &&
	    rm -rf "$T/z" && echo "$T/a/data/rescue-x" >"$T/a/data/node.db.restoring"
}
exchange_begun
"$bin/kn-store" -c "$T/a/node.ini" 2>"$T/err"
[ $? -eq 111 ] && grep -q 'restore of it was begun' "$T/err"
ok $? "the program does not start in between"
mkdir -p "$T/a/data/rescue-x"
mv "$T/a/data/node.db" "$T/a/data/rescue-x/"
printf stale >"$T/a/data/node.db-wal"
restore --identity "$T/one.key" && [ ! -e "$T/a/data/node.db-wal" ] &&
    [ "$(cat "$T/a/data/rescue-x/node.db-wal")" = stale ] &&
    [ ! -e "$T/a/data/node.db.restoring" ] && [ ! -e "$T/a/data/.restore" ]
ok $? "which goes on where it was"
sed 's/^/# /' "$T/err"
exchange_begun && rm -rf "$T/a/data/rescue-x" && mv "$T/a/data/.restore/db" "$T/a/data/node.db"
restore --identity "$T/one.key" && [ ! -e "$T/a/data/node.db.restoring" ] &&
    store_start a && [ "$(store a cat box/content)" = one ]
ok $? "and from the last step as well"
end "$store_pid"

# another machine
mkdir -p "$T/b/data"
sed "s|$T/a|$T/b|g" "$T/a/node.ini" >"$T/b/node.ini"
write_conf b
sed -i "s/^node = .*/node = 12D3KooWOther/" "$T/backup.conf"
ends 10 'no backup' restore --identity "$T/one.key"
ok $? "another node has no backups of its own"
restore --identity "$T/one.key" --node $NODE && cmp -s "$T/keep" "$T/b/store.key" &&
    store_start b && [ "$(store b cat box/content)" = two ] &&
    store b key list reader | jq -e '.id == "reader"' >/dev/null
ok $? "but is given those of the first, if it is named"
sed 's/^/# /' "$T/err"
end "$store_pid"
write_conf a
exec 5>>"$T/a/data/.restore.lock"
flock 5
ends 11 'another restore' restore --identity "$T/one.key" 5>&-
ok $? "one at a time"
exec 5>&-
open_it() { # until 4 is closed
	rm -f "$T/hold" "$T/held"
	mkfifo "$T/hold"
	sqlite3 "$T/a/data/node.db" <"$T/hold" >"$T/held" 2>&1 &
	pids="$pids $!"
	exec 4>"$T/hold"
	echo 'SELECT count(*) FROM bucket;' >&4
	until_true test -s "$T/held"
}
open_it
if [ "$(id -u)" -eq 0 ]; then
	ends 11 'in use by process' restore --identity "$T/one.key"
	ok $? "not while anybody has it open"
fi
exec 4>&-
# in two steps
ends 10 'nothing is staged' restore --swap
ok $? "what is to be swapped has to be staged"
before=$(sha256sum <"$T/a/data/node.db")
restore --stage --identity "$T/one.key" && grep -q 'staged in' "$T/out" &&
    [ "$(sha256sum <"$T/a/data/node.db")" = "$before" ]
ok $? "staged, the database is what it was"
restore --swap && [ "$(sha256sum <"$T/a/data/node.db")" != "$before" ] &&
    [ ! -e "$T/a/data/.restore" ]
ok $? "until it is swapped"
echo "$T/a/data/rescue-y" >"$T/a/data/node.db.restoring"
ends 11 'was interrupted' restore --stage --identity "$T/one.key" && restore --swap &&
    [ ! -e "$T/a/data/node.db.restoring" ]
ok $? "one that was interrupted is swapped, and not staged anew"
# root in a directory of somebody else, who may have laid links there
restore_c() {
	KN_BUILD=$bin NODE_INI=$T/none.ini KN_SUPERVISOR=none KN_ROOT=$T/root TMPDIR=$T/c/tmp \
	    "$scripts/restore.sh" --config "$T/c/backup.conf" "$@" >"$T/out" 2>"$T/err"
}
theirs() { # FILE
	[ "$(stat -c %U:%a "$1")" = nobody:600 ]
}
chmod 711 "$T"
if [ "$(id -u)" -eq 0 ] && setpriv --reuid nobody --regid nogroup --clear-groups \
    "$bin/kn-store" --version >/dev/null 2>&1; then
	mkdir -p "$T/c/data" "$T/c/tmp" && chmod 1777 "$T/c/tmp" && chown nobody "$T/c/data"
	cp "$T/credentials" "$T/c/credentials" && chown nobody "$T/c/credentials"
	sed "s|$T/a/data|$T/c/data|; s|$T/a/store.key|$T/c/data/store.key|
	    s|$T/credentials|$T/c/credentials|" "$T/backup.conf" >"$T/c/backup.conf"
	printf junk >"$T/junk.age"
	for link in node.db.lock .restore.lock .restore .restore.new; do
		rm -rf "$T/c/data/$link"
		ln -s "$T/victim" "$T/c/data/$link"
		! restore_c --identity "$T/one.key" --from-file "$T/junk.age" &&
		    [ ! -e "$T/victim" ]
		ok $? "root writes through no link: $link"
		rm -rf "$T/c/data/$link"
	done
	restore_c --identity "$T/one.key" && theirs "$T/c/data/node.db" &&
	    theirs "$T/c/data/store.key" && theirs "$T/c/data/node.db.lock"
	ok $? "what is restored is the owner's"
	sed 's/^/# /' "$T/err"
	chmod 600 "$T/$first.age" "$T/$first.json"
	restore_c --identity - --from-file "$T/$first.age" <"$T/one.key" &&
	    theirs "$T/c/data/node.db" && grep -q 'old database is in' "$T/err"
	ok $? "from a file and a key that only root can read"
	ends 12 'does not decrypt' restore_c --identity "$T/other.key"
	ok $? "what the owner's step ends with is told"
	[ -z "$(ls -A "$T/c/tmp")" ]
	ok $? "nothing is left of either"
	chown root "$T/c/data" && chmod 777 "$T/c/data"
	ends 2 'others than root may write' restore_c --identity "$T/one.key"
	ok $? "nor in a directory of everybody's"
else
	skip_one "root in another user's directory" "nobody cannot run $bin, or we are not root"
fi
chmod 700 "$T"
# under a supervisor
if command -v s6-svscan >/dev/null; then
	mkdir -p "$T/sv/kn-store"
	cat >"$T/sv/kn-store/run" <<-END
	#!/bin/sh
	exec "$bin/kn-store" -c "$T/a/node.ini" --ready-fd 3 2>>"$T/a/log.now"
	END
	chmod 755 "$T/sv/kn-store/run"
	echo 3 >"$T/sv/kn-store/notification-fd"
	s6-svscan "$T/sv" 2>/dev/null &
	scan=$!
	pids="$pids $scan"
	until_true s6-svwait -U "$T/sv/kn-store"
	printf four | store a put box/content
	under_s6() {
		KN_BUILD=$bin NODE_INI=$T/a/node.ini KN_SUPERVISOR=s6 KN_SCANDIR=$T/sv \
		    KN_ROOT='' TMPDIR=$T "$scripts/restore.sh" --config "$T/backup.conf" \
		    "$@" >"$T/out" 2>"$T/err"
	}
	under_s6 --identity "$T/one.key" && grep -q 'kn-store serves it' "$T/out" &&
	    [ "$(store a cat box/content)" = two ]
	ok $? "the supervisor stops the program, and starts it again"
	sed 's/^/# /' "$T/err"
	ends 12 'does not decrypt' under_s6 --identity "$T/other.key" &&
	    [ "$(store a cat box/content)" = two ]
	ok $? "which is not stopped for what does not decrypt"
	if [ "$(id -u)" -eq 0 ]; then
		open_it
		ends 11 'in use by process' under_s6 --identity "$T/one.key" &&
		    until_true eval '[ "$(store a cat box/content)" = two ]'
		ok $? "what was stopped in vain is started again"
		exec 4>&-
	fi
	s6-svscanctl -t "$T/sv"
	wait "$scan"
else
	skip_one "under a supervisor" 's6 is not installed'
fi
# of a newer program
restore --into "$T/n" --identity "$T/one.key" &&
    sqlite3 "$T/n/node.db" 'PRAGMA user_version = 99' &&
    "$bin/kn-store" snapshot -k "$T/n/node.db" 2>"$T/err"
[ $? -eq 1 ] && grep -q 'newer program' "$T/err"
ok $? "one of a newer program is not for this one"
ends 2 'no option' restore --nonsense
ok $? "an option that is none"
no_plaintext "$T/target"
ok $? "no byte of it is in the bucket in the clear"
[ -z "$(find "$T" -maxdepth 1 -name 'kn-restore.*')" ]
ok $? "nothing is left over"
finish
