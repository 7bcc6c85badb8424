#!/bin/sh
# SPDX-License-Identifier: ISC
# backup.sh against a store of ours as the target: what it uploads, what it
# refuses, what it removes, and what it leaves behind.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
# shellcheck source=t/backups.sh
. "$here/backups.sh"
need_backups

program=kn-store
sqlite3 "$T/plain.db" 'CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(20000))'
"$bin/kn-store" snapshot -d "$T/plain.db" - >"$T/copy.db" 2>"$T/sums"
ok $? "a snapshot to standard output"
cmp -s "$T/plain.db" "$T/copy.db" &&
    jq -e --arg s "$(sha256sum <"$T/copy.db" | cut -d' ' -f1)" \
    '.sha256 == $s and .bytes == .pages * .page_size' "$T/sums" >/dev/null
ok $? "is the database, with its figures"
"$bin/kn-store" snapshot -d "$T/plain.db" -u 3 - 3>"$T/sums3" | cmp -s - "$T/copy.db" &&
    cmp -s "$T/sums" "$T/sums3"
ok $? "which can go elsewhere"
"$bin/kn-store" snapshot -k "$T/copy.db" | jq -e .pages >/dev/null
ok $? "a copy is checked"
printf x | dd of="$T/copy.db" bs=1 seek=4097 conv=notrunc 2>/dev/null
exits 1 snapshot -k "$T/copy.db" && grep -q damaged "$T/err"
ok $? "and found to be damaged"
exits 1 snapshot -d "$T/copy.db" - && [ ! -s "$T/out" ] ||
    [ "$(head -c 6 "$T/out")" = SQLite ]
ok $? "a damaged one streams what it is, or nothing"
exits 100 snapshot -d "$T/none" -
ok $? "there is no database"
exits 100 snapshot -k
ok $? "check which?"
"$bin/kn-store" snapshot -d "$T/plain.db" - >/dev/full 2>"$T/err"
[ $? -eq 111 ] && grep -q 'cannot be written' "$T/err"
ok $? "nobody takes it"

bucket_start && store_start a && store a mb box >/dev/null &&
    printf hello | store a put box/hello
ok $? "a store, and a bucket in another one"
write_conf a
backup
ok $? "a backup"
sed 's/^/# /' "$T/err"
[ "$(objects | wc -l)" -eq 2 ]
ok $? "is an object and a manifest"
newest | grep -q "^main/$NODE/node/[0-9]\{8\}T[0-9]\{6\}Z-00000001-[0-9a-f]\{8\}\.age$"
ok $? "named by cluster, node, database, time, sequence and sum"
store target cat "backups/$(newest)" >"$T/age"
head -n 1 "$T/age" | grep -q '^age-encryption.org/v1' && [ "$(grep -ac '^-> X25519' "$T/age")" -eq 2 ]
ok $? "encrypted for two"
opened two "$T/age" >"$T/clear" && [ "$(head -c 15 "$T/clear")" = 'SQLite format 3' ] &&
    [ "$(tail -c 4096 "$T/clear" | sed -n 's/^node //p')" = $NODE ]
ok $? "by the second of them it is a database and a trailer"
tail -c 4096 "$T/clear" | sed -n 's/^file store.key //p' | base64 -d | cmp -s - "$T/a/store.key"
ok $? "with store.key"
rm -f "$T/clear"
store target cat "backups/$(newest | sed 's/age$/json/')" >"$T/manifest"
jq -e --arg s "$(sha256sum <"$T/age" | cut -d' ' -f1)" '.sha256 == $s and
    .format == "kontinuum-backup 1" and .sequence == 1 and .schema == 1 and
    .compression == "zstd" and .size < .pages * .page_size / 4 and
    (.recipients | length) == 2' "$T/manifest" >/dev/null
ok $? "the manifest knows it"
grep -q "^kn_backup_last_success_timestamp_seconds{db=\"node\"} [0-9]*$" "$T/a/backup.prom" &&
    grep -q '^kn_backup_last_exit_code{db="node"} 0$' "$T/a/backup.prom"
ok $? "its numbers are published"
backup --due && [ "$(objects | wc -l)" -eq 2 ]
ok $? "none is due"
backup --json && jq -e '.sequence == 2' "$T/out" >/dev/null && [ "$(objects | wc -l)" -eq 4 ]
ok $? "another one, in the same second or not"
[ -z "$(find "$T/a/data/backup" -name 'work.*')" ]
ok $? "nothing is left"
write_conf a 'compression = none'
backup --json && jq -e '.compression == "none" and .size > .pages * .page_size' "$T/out" >/dev/null &&
    store target cat "backups/$(newest)" >"$T/age" && age -d -i "$T/one.key" "$T/age" >"$T/clear" &&
    [ "$(head -c 15 "$T/clear")" = 'SQLite format 3' ] &&
    [ "$(tail -c 4096 "$T/clear" | sed -n 's/^node //p')" = $NODE ]
ok $? "one that is not compressed"
rm -f "$T/clear"
write_conf a 'compression = lzma'
ends 2 'compression is zstd or none' backup
ok $? "nor by what is not known"
all_but zstd
old_path=$PATH
PATH=$without
write_conf a 'compression = zstd'
ends 2 'zstd, which is not installed: install' backup
ok $? "nor by what is not there"
write_conf a
backup --json && jq -e '.compression == "none"' "$T/out" >/dev/null
ok $? "which is missed only where it is asked for"
PATH=$old_path
all_but openssl
PATH=$without
backup && restore --into "$T/slow" --identity "$T/one.key"
ok $? "sums do not need openssl"
PATH=$old_path
mkdir "$T/killed"
printf '#!/bin/sh\n/usr/bin/head -c 300 >/dev/null\nkill -9 $$\n' >"$T/killed/openssl"
chmod 755 "$T/killed/openssl"
before=$(objects | wc -l)
PATH=$T/killed:$old_path
ends 1 'the sum of the backup' backup && [ "$(objects | wc -l)" -eq "$before" ]
ok $? "but where it dies there is no backup"
PATH=$old_path
no_plaintext "$T/a/data/backup" "$T/target" "$T/a/backup.prom"
ok $? "no byte of it stands elsewhere in the clear"

# what is wrong
cp "$T/recipients" "$T/keep"
head -n 2 "$T/keep" >"$T/recipients"
ends 2 'two different' backup
ok $? "one recipient is not enough"
{ head -n 2 "$T/keep"; head -n 2 "$T/keep"; } >"$T/recipients"
ends 2 'two different' backup
ok $? "nor the same one twice"
{ cat "$T/keep" "$T/one.key"; } >"$T/recipients"
ends 2 'secret key' backup
ok $? "nor is a secret key one"
{ cat "$T/keep"; echo age1nonsense; } >"$T/recipients"
ends 1 'age failed' backup
ok $? "nor nonsense"
cp "$T/keep" "$T/recipients"
chmod 644 "$T/credentials"
ends 2 'read by others' backup
ok $? "credentials that others can read"
chmod 600 "$T/credentials"
ends 2 'no database "none"' backup none
ok $? "a database that is not configured"
sed -i 's/^bucket = .*/bucket = nowhere/' "$T/backup.conf"
ends 10 'bucket' backup
ok $? "a bucket that is not there"
write_conf a
cp "$T/credentials" "$T/keep"
printf 'user = "%s:wrong"\n' "$key_id" >"$T/credentials"
ends 14 'SignatureDoesNotMatch' backup
ok $? "a wrong secret"
cp "$T/keep" "$T/credentials"
sed -i "s|^endpoint = .*|endpoint = http://127.0.0.1:1|" "$T/backup.conf"
ends 14 'not taken' backup
ok $? "nobody there"
write_conf a
(flock 9 && exec sleep 60) 9>"$T/a/data/backup/lock" &
pids="$pids $!"
until_true sh -c "! flock -n '$T/a/data/backup/lock' true"
ends 11 'another backup' backup
ok $? "another one at work"
end $!
mkdir "$T/fake"
cat >"$T/fake/timedatectl" <<'END'
#!/bin/sh
echo no
END
chmod 755 "$T/fake/timedatectl"
old_path=$PATH
PATH=$T/fake:$PATH
ends 15 'not set by the network' backup
ok $? "a clock that nobody set"
backup --allow-unsynced --json && jq -e '.clock == "unsynced"' "$T/out" >/dev/null
ok $? "is said to be one"
PATH=$old_path
sed -i 's/^\(kn_backup_last_success_timestamp_seconds\) .*/\1 9999999999/' \
    "$T/a/data/backup/node.state"
ends 15 'the last backup is of' backup
ok $? "a clock that went back"
sed -i '/^kn_backup_last_success/d' "$T/a/data/backup/node.state"
grep -q 'last_exit_code.* 15' "$T/a/backup.prom"
ok $? "which is published"
cp "$T/a/data/node.db" "$T/bad.db"
printf 'noise' | dd of="$T/bad.db" conv=notrunc 2>/dev/null
sed -i "s|^path = .*|path = $T/bad.db|" "$T/backup.conf"
before=$(objects | wc -l)
ends 17 'damaged' backup && [ "$(objects | wc -l)" -eq "$before" ]
ok $? "a damaged database is not uploaded"
write_conf a
sed -i "/^.db node/a command = exit 9" "$T/backup.conf"
ends 1 'snapshot .* failed: 9' backup
ok $? "a command that fails"
for stage in 'kill -9 $$' 'kill -9 $PPID' 'kn-store snapshot -d "$1" -u 3 - | head -c 100; kill -9 $$'; do
	write_conf a
	sed -i "/^.db node/a command = $stage" "$T/backup.conf"
	! backup && [ "$(objects | wc -l)" -eq "$before" ]
	ok $? "a stage is killed: $stage"
done
cat >"$T/fake/age" <<'END'
#!/bin/sh
/usr/bin/head -c 1000 >/dev/null
kill -9 $$
END
chmod 755 "$T/fake/age"
write_conf a
PATH=$T/fake:$PATH
! backup --allow-unsynced && [ "$(objects | wc -l)" -eq "$before" ]
ok $? "age is killed"
cat >"$T/fake/age" <<'END'
#!/bin/sh
exec cat
END
ends 1 'no age file' backup --allow-unsynced && [ "$(objects | wc -l)" -eq "$before" ]
ok $? "age that does not encrypt"
cat >"$T/fake/age" <<'END'
#!/bin/sh
printf 'age-encryption.org/v1\n-> X25519 a\nb\n-> X25519 c\nd\n--- e\n'
exec cat
END
for form in zstd none; do
	write_conf a "compression = $form"
	ends 1 'not encrypted' backup --allow-unsynced && [ "$(objects | wc -l)" -eq "$before" ]
	ok $? "but says that it does: $form"
done
rm "$T/fake/age"
cat >"$T/fake/zstd" <<'END'
#!/bin/sh
/usr/bin/head -c 1000
kill -9 $$
END
chmod 755 "$T/fake/zstd"
write_conf a
ends 1 'zstd failed' backup --allow-unsynced && [ "$(objects | wc -l)" -eq "$before" ]
ok $? "zstd is killed"
rm "$T/fake/zstd"
sed -i "/^.db node/a command = kn-store snapshot -d \"\$1\" -u 9 - 9>\&1 | cat; echo '{\"bytes\":9,\"sha256\":\"x\"}' >\&3" "$T/backup.conf"
ends 1 'figures' backup --allow-unsynced && [ "$(objects | wc -l)" -eq "$before" ]
ok $? "figures that say nothing of pages"
write_conf a
for tool in jq base64 sha256sum sed awk zstd tee; do
	cat >"$T/fake/$tool" <<-END
	#!/bin/sh
	# the n-th time it is killed
	n=\$(cat "$T/times" 2>/dev/null || echo 0)
	echo \$((n + 1)) >"$T/times"
	[ \$n -ne \$(cat "$T/which") ] || kill -9 \$\$
	PATH=$old_path exec $tool "\$@"
	END
	chmod 755 "$T/fake/$tool"
	for nth in 0 1 2 3 4 5 6; do
		echo $nth >"$T/which"
		rm -f "$T/times"
		PATH=$T/fake:$old_path
		backup --allow-unsynced
		PATH=$old_path
	done
	rm "$T/fake/$tool"
	restore --list --json && cp "$T/out" "$T/listed"
	good=0
	for listed in $(jq -r 'select(.state == "whole").name' "$T/listed" | tail -n 8); do
		rm -rf "$T/restored"
		store target get "$folder/$listed.age" "$T/$listed.age" &&
		    store target get "$folder/$listed.json" "$T/$listed.json"
		restore --into "$T/restored" --from-file "$T/$listed.age" --identity "$T/one.key" &&
		    cmp -s "$T/restored/store.key" "$T/a/store.key" || {
			sed 's/^/# /' "$T/err"
			good=1
		}
	done
	ok $good "$tool is killed, at any time"
done
rm -rf "$T/restored"
before=$(objects | wc -l)
cat >"$T/fake/curl" <<'END'
#!/bin/sh
# the answer is lost
case " $* " in
*" -T "*) /usr/bin/curl "$@" >/dev/null; [ -e "$0.once" ] && exec /usr/bin/curl "$@"; : >"$0.once"; printf 000 ;;
*) exec /usr/bin/curl "$@" ;;
esac
END
chmod 755 "$T/fake/curl"
backup --allow-unsynced && [ "$(objects | wc -l)" -eq $((before + 2)) ]
ok $? "an answer that was lost: the object is there, and as good"
sed 's/^/# /' "$T/err"
PATH=$old_path
rm "$T/fake/curl"

if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	write_conf a
	mkdir "$T/small"
	sed -i "s|^dir = .*|dir = $T/small/backup|" "$T/backup.conf"
	cat >"$T/full.sh" <<-END
	mount -t tmpfs -o size=1m,mode=700 none "$T/small" || exit 99
	KN_BUILD=$bin NODE_INI=$T/none.ini KN_SUPERVISOR=none KN_ROOT=$T/root \
	    "$scripts/backup.sh" --config "$T/backup.conf" 2>&1
	echo \$?
	# and when it becomes full on the way
	cat >"$T/fake/df" <<'DF'
	#!/bin/sh
	[ ! -e "\$0.once" ] || exec /usr/bin/df "\$@"
	: >"\$0.once"
	printf 'a b c d e\n0 0 0 100000 0\n'
	DF
	chmod 755 "$T/fake/df"
	head -c 900000 /dev/zero >"$T/small/fill"
	PATH=$T/fake:\$PATH KN_BUILD=$bin NODE_INI=$T/none.ini KN_SUPERVISOR=none KN_ROOT=$T/root \
	    "$scripts/backup.sh" --allow-unsynced --config "$T/backup.conf" 2>&1
	echo \$?
	LC_ALL=C grep -rl 'SQLite format 3' "$T/small"
	find "$T/small" -name 'work.*'
	END
	head -c 400000 /dev/urandom >"$T/noise"
	i=0
	while [ $i -lt 40 ]; do
		head -c 15000 /dev/urandom | store a put "box/small-$i"
		i=$((i + 1))
	done
	unshare -m sh "$T/full.sh" >"$T/full"
	sed 's/^/# /' "$T/full"
	[ "$(grep -c '^16$' "$T/full")" -eq 2 ] && ! grep -q '^/' "$T/full"
	ok $? "a full disk, seen before and on the way; nothing is left on it"
	rm -f "$T/fake/df"
else
	skip_one "a full disk" 'only root can mount'
fi

# large ones go in parts
part_bytes=5242880
write_conf a
i=0
while [ $i -lt 60 ]; do
	head -c 16000 /dev/urandom
	i=$((i + 1))
done >"$T/many"
sqlite3 "$T/large.db" "PRAGMA journal_mode = WAL; CREATE TABLE t (x);
    INSERT INTO t VALUES (randomblob(12000000))" >/dev/null
sed -i "s|^path = .*|path = $T/large.db|" "$T/backup.conf"
backup && store target cat "backups/$(newest)" >"$T/age" &&
    opened one "$T/age" | head -c "$(stat -c %s "$T/large.db")" |
    cmp -s - "$T/large.db"
ok $? "a large one, in parts"
sed 's/^/# /' "$T/err"
rm -f "$T/age"
store target --json stats | jq -e '.uploads == 0' >/dev/null
ok $? "of which none is left over"
part_bytes=

# pruning, by a bucket that is filled by hand
write_conf a 'clock = any'
objects | sed 's/^/backups\//' | store target rm - >/dev/null
put_fake() { # SECONDS-AGO SEQUENCE [SUFFIX]
	when=$(date -u -d "@$(($(date +%s) - $1))" +%Y%m%dT%H%M%SZ)
	name=$(printf '%s-%08d-%08d' "$when" "$2" "$2")
	for suffix in ${3:-age json}; do
		if [ $suffix = age ]; then
			printf 'age-encryption.org/v1\n-> X25519 a\nb\n--- c\n' >"$T/fakeobject"
		else
			jq -cn --arg node $NODE --arg o "$name.age" \
			    '{format: "kontinuum-backup 1", cluster: "main",
			    node: $node, db: "node", object: $o, size: 42,
			    sha256: ("0" * 64), recipients: []}' >"$T/fakeobject"
		fi
		store target put "$folder/$name.$suffix" "$T/fakeobject"
	done
}
day=86400
for n in 1 2 3 4 5 6; do
	put_fake $(((60 - n) * day)) $n
done
put_fake $((50 * day)) 7 age
put_fake $((49 * day)) 8 json
put_fake $((29 * day)) 9
put_fake 7200 10
backup prune --dry-run && [ "$(wc -l <"$T/out")" -eq 12 ] && [ "$(objects | wc -l)" -eq 18 ]
ok $? "what would be removed"
sed 's/^/# /' "$T/err"
backup prune && [ "$(objects | grep -c age)" -eq 3 ] && [ "$(objects | grep -c json)" -eq 3 ] &&
    objects | grep -q -- '-00000006-' && ! objects | grep -q -- '-0000000[5789]-.*hollow'
ok $? "what is too old is, but the last three stay, whatever their age"
sed 's/^/# /' "$T/err"
grep -q 'kn_backup_objects{db="node",state="whole"} 3' "$T/a/backup.prom"
ok $? "and are counted"
put_fake $((59 * day)) 2
put_fake 60 11 age
ends 3 'not whole' backup prune
ok $? "nothing is removed while the newest is not whole"
objects | grep -- '-00000011-' | sed 's/^/backups\//' | store target rm -
store target rm "backups/$(newest | sed 's/age$/json/')" "backups/$(newest)"
put_fake $((3 * day)) 12
ends 15 'too old, or the clock' backup prune
ok $? "nor when the newest is old"
put_fake -7200 13
ends 15 'before the newest' backup prune
ok $? "nor when the clock is before it"
objects | grep -- '-00000013-' | sed 's/^/backups\//' | store target rm -
put_fake 60 14
printf longer | store target put "backups/$(newest)"
ends 13 'not right' backup prune
ok $? "nor when it has another size than its manifest says"

# audit
objects | sed 's/^/backups\//' | store target rm - >/dev/null
backup && backup audit --json &&
    jq -e '.recipients == "2" and .state == "whole" and (.keys | test("^[0-9a-f]{12},[0-9a-f]{12}$"))' \
    "$T/out" >/dev/null
ok $? "for whom each is"
put_fake 100 90
ends 3 'not every backup' backup audit
ok $? "one that is for one only"

# drill
objects | grep -- '-00000090-' | sed 's/^/backups\//' | store target rm -
ends 2 'wants --identity' backup drill
ok $? "a drill wants an identity"
if [ "$(stat -f -c %T /dev/shm)" = tmpfs ]; then
	backup drill --identity "$T/one.key" && grep -q verified "$T/out" &&
	    grep -q '^kn_backup_verified_timestamp_seconds{db="node"} [0-9]' "$T/a/backup.prom" &&
	    grep -q '^kn_restore_drill_timestamp_seconds{db="node"} [0-9]' "$T/a/backup.prom"
	ok $? "a drill"
	sed 's/^/# /' "$T/err"
	ends 12 'does not decrypt' backup drill --identity "$T/other.key"
	ok $? "with the wrong identity"
else
	skip_one "a drill" '/dev/shm is no tmpfs'
fi
write_conf a "ping = echo pinged >'$T/pinged'"
backup && grep -q pinged "$T/pinged"
ok $? "somebody is told"

# root hands on to the user of the configuration, and publishes the numbers
other=$(mktemp -d) && chmod 711 "$other"
as_nobody() { setpriv --reuid nobody --clear-groups -- "$@" 2>/dev/null; }
if [ "$(id -u)" -eq 0 ] && as_nobody test -x "$bin/kn-store" &&
    as_nobody test -r "$scripts/backup.sh"; then
	mkdir -m 700 "$other/store"
	mkdir -m 755 "$other/state"
	cp "$T/plain.db" "$other/store/node.db"
	cp "$T/a/store.key" "$other/store/store.key"
	cp "$T/credentials" "$other/credentials"
	cp "$T/recipients" "$other/recipients"
	chown -R nobody "$other/store" "$other/credentials" "$other/recipients"
	sed "s|$T/a/data/backup|$other/store/backup|; s|$T/a/data|$other/store|
	    s|$T/a/store.key|$other/store/store.key|; s|$T/a/backup.prom|$other/state/backup.prom|
	    s|$T/cred|$other/cred|; s|$T/recip|$other/recip|; s|^user = .*|user = nobody|" \
	    "$T/backup.conf" >"$other/backup.conf"
	chmod 644 "$other/backup.conf"
	mv "$T/backup.conf" "$T/keep.conf"
	cp "$other/backup.conf" "$T/backup.conf"
	KN_BUILD=$bin NODE_INI=$T/none.ini KN_SUPERVISOR=none KN_ROOT=$T/root \
	    "$scripts/backup.sh" --config "$other/backup.conf" >"$T/out" 2>"$T/err" &&
	    [ "$(stat -c %U "$other/store/backup/lock")" = nobody ] &&
	    [ "$(stat -c %U:%a "$other/state/backup.prom")" = root:644 ] &&
	    grep -q 'last_success.*{db="node"} [0-9]' "$other/state/backup.prom"
	ok $? "root hands on, and publishes the numbers"
	sed 's/^/# /' "$T/err"
	if [ "$(stat -f -c %T /dev/shm)" = tmpfs ]; then
		! as_nobody test -r "$T/one.key" &&
		    KN_BUILD=$bin NODE_INI=$T/none.ini KN_SUPERVISOR=none KN_ROOT=$T/root \
		    "$scripts/backup.sh" --config "$other/backup.conf" drill \
		    --identity "$T/one.key" >"$T/out" 2>"$T/err" &&
		    grep -q 'drill_timestamp.*{db="node"} [0-9]' "$other/state/backup.prom"
		ok $? "a drill, with a key that only root can read"
		sed 's/^/# /' "$T/err"
	fi
	ln -sf /etc/shadow "$other/store/backup/backup.prom"
	chown -h nobody "$other/store/backup/backup.prom"
	KN_BUILD=$bin NODE_INI=$T/none.ini KN_SUPERVISOR=none KN_ROOT=$T/root \
	    "$scripts/backup.sh" --config "$other/backup.conf" nothing >"$T/out" 2>"$T/err"
	! grep -q root: "$other/state/backup.prom" && [ -s "$other/state/backup.prom" ]
	ok $? "but nothing that its user could not read"
	mv "$T/keep.conf" "$T/backup.conf"
else
	skip_one "root hands on" 'who is not root, or a tree that others cannot read'
fi
rm -rf "$other"
ends 2 'no option' backup --nonsense
ok $? "an option that is none"
command -v promtool >/dev/null && {
	promtool check metrics <"$T/a/backup.prom" >"$T/said" 2>&1
	ok $? "promtool finds no fault in the numbers"
}
no_plaintext "$T/a/data/backup" "$T/target" "$T/a/backup.prom" "$T/out" "$T/err"
ok $? "no byte of it stands elsewhere in the clear"
finish
