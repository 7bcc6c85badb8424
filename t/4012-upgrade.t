#!/bin/sh
# SPDX-License-Identifier: ISC
# scripts/upgrade.sh and rollback.sh on a node under a real s6-svscan: a stream
# that lives through it, a release that does not serve, and kill -9 at any moment.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-cert kn-signd kn-p2pd kn-p2p kn-dht kn-store kn-metrics
for tool in s6-svscan minisign flock setsid perl; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
shell=${KN_SH:-sh} # busybox ash as well
# a copy: the tree may be worked on meanwhile
mkdir "$T/src"
for part in scripts sv man deploy LICENSE CHANGES; do
	[ ! -e "$here/../$part" ] || cp -R "$here/../$part" "$T/src/"
done
scripts=$T/src/scripts
cuts=${KN_UPGRADE_CUTS:-4}

root=$T/root
lib=$root/usr/local/lib/kontinuum-node
state=$root/var/lib/kontinuum-node/state
scan=$T/scan
rel=$T/rel
mkdir -p "$root" "$scan" "$rel"
NODE_INI=$root/etc/kontinuum-node/node.ini
export NODE_INI
unset KN_BUILD

# --- releases: the programs of this tree, some of them a little different ---
"$scripts/release.sh" --build "$bin" --version 1.0.0 --tree "$T/tree" 2>/dev/null ||
    skip 'no release can be made here'
# logs go where the test looks for them
rm -rf "$T"/tree/sv/s6/*/log
minisign -G -W -f -s "$T/release.key" -p "$T/release.pub" >/dev/null 2>&1 ||
    skip 'minisign makes no key'

pack() { # VERSION: signed, of $rel/VERSION
	(cd "$rel/$1" && rm -f SHA256SUMS && (cd bin && sha256sum -- *) >code &&
	    find . -type f ! -name SHA256SUMS | sed 's/^\.\///' | sort |
	    xargs sha256sum >"$T/sums" && cp "$T/sums" SHA256SUMS) &&
	    tar -C "$rel" -czf "$rel/$1.tar.gz" "$1" && sign "$1"
}

sign() { # VERSION
	minisign -S -s "$T/release.key" -m "$rel/$1.tar.gz" >/dev/null 2>&1
}

make_release() { # VERSION PROGRAM-THAT-IS-DIFFERENT…
	version=$1
	shift
	rm -rf "${rel:?}/$version"
	cp -R "$T/tree" "$rel/$version"
	for program in "$@"; do
		printf '%s' "$version" >>"$rel/$version/bin/$program"
	done
	pack "$version"
}

upgrade() { # ARGUMENT…
	$shell "$scripts/upgrade.sh" --root "$root" --supervisor s6 --scandir "$scan" \
	    --pubkey "$T/release.pub" --probation 1s "$@" >"$T/said" 2>&1
}
rollback() {
	$shell "$scripts/rollback.sh" --root "$root" --supervisor s6 --scandir "$scan" \
	    --probation 1s "$@" >"$T/said" 2>&1
}
tell() { [ "$1" -eq 0 ] || { cat "$T/said" && tail -n 20 "$T/log"; } | sed 's/^/# /'; }
now() { readlink "$lib/current"; }
pid_of() { s6-svstat -o pid "$scan/$1"; }
whole() { (cd "$lib/current/" && sha256sum -c SHA256SUMS >/dev/null 2>&1); }

make_release 1.0.0
make_release 1.1.0 kn-signd kn-dht kn-store kn-metrics
make_release 1.2.0 kn-p2pd
make_release 1.3.0 kn-store kn-dht
make_release 1.4.0
# it starts, says what it is and takes the configuration; yet it does not serve
cat >"$rel/1.4.0/bin/kn-store" <<'END'
#!/bin/sh
case " $* " in
*' -V '* | *' -n '* | *' migrate '*) exit 0 ;;
esac
echo "kn-store: out of order" >&2
exit 100
END
pack 1.4.0

# --- a node of release 1.0.0 ---
$shell "$scripts/install.sh" --root "$root" --supervisor s6 --scandir "$scan" \
    --release "$rel/1.0.0.tar.gz" --pubkey "$T/release.pub" >"$T/said" 2>&1
code=$?
ok $code "a node is installed from a signed release"
[ $code -eq 0 ] || { sed 's/^/# /' "$T/said"; finish; }
data=$root/var/lib/kontinuum-node
run=$root/run/kontinuum-node
"$bin/kn-keygen" --master-new "$data/keys/master.key"
"$bin/kn-keygen" --master-file "$data/keys/master.key" -o "$data/keys/node.key" >/dev/null
cat >"$NODE_INI" <<END
[identity]
key_path = $data/keys/node.key
cert_path = $data/keys/node.cert
master_key_path = $data/keys/master.key
roots_path = $root/etc/kontinuum-node/roots
[node]
run_path = $run
drain_path = $state/drain
[network]
listen_addrs = /ip4/127.0.0.1/tcp/0
drain_time = 2s
[dht]
db_path = $data/data/dht/dht.db
network = private
private_addrs = yes
mode = server
[store]
listen = 127.0.0.1:0
db_path = $data/data/store/node.db
blobs_path = $data/data/store/blobs
snapshots_path = $data/data/store/snapshots
secret_key_path = $data/data/store/store.key
[metrics]
listen = 127.0.0.1:0
textfiles_path = $state
END

node_up() {
	PATH=$lib/current/bin:$PATH setsid s6-svscan "$scan" >>"$T/log" 2>&1 &
	scan_pid=$!
	pids="$pids $scan_pid"
	until_true all_ready
}
all_ready() {
	for name in kn-signd kn-p2pd kn-dht kn-store kn-metrics; do
		[ "$(s6-svstat -o ready "$scan/$name" 2>/dev/null)" = true ] || return 1
	done
}
node_down() {
	s6-svscanctl -t "$scan"
	wait "$scan_pid" 2>/dev/null
	until_true none_runs
}
none_runs() {
	for name in kn-signd kn-p2pd kn-dht kn-store kn-metrics; do
		! s6-svok "$scan/$name" 2>/dev/null || return 1
	done
}
node_up
code=$?
ok $code "its programs run under s6-svscan"
[ $code -eq 0 ] || { sed 's/^/# /' "$T/log"; finish; }

# --- what is refused, and changes nothing ---
refused() { # NAME CODE SENTENCE ARGUMENT…
	what=$1 want=$2 sentence=$3
	shift 3
	find "$root" -path "$run" -prune -o -name lock -prune -o -print | sort >"$T/before"
	upgrade "$@"
	code=$?
	find "$root" -path "$run" -prune -o -name lock -prune -o -print | sort >"$T/after"
	[ $code -eq "$want" ] && grep -q "$sentence" "$T/said" && [ "$(now)" = 1.0.0 ] &&
	    diff "$T/before" "$T/after" >"$T/diff"
	code=$?
	ok $code "$what"
	[ $code -eq 0 ] || head -n 20 "$T/said" "$T/diff" | sed 's/^/# /'
}

cp "$rel/1.1.0.tar.gz" "$rel/x.tar.gz"
refused "a release without a signature" 100 'unsigned' "$rel/x.tar.gz"
cp "$rel/1.3.0.tar.gz.minisig" "$rel/x.tar.gz.minisig"
refused "the signature of another" 1 'not good' "$rel/x.tar.gz"
head -c 300000 "$rel/1.1.0.tar.gz" >"$rel/x.tar.gz"
sign x
refused "one that is cut short" 1 'damaged' "$rel/x.tar.gz"
# what tar itself would not make
hostile() { # PERL-THAT-SETS-%e: fields of one more entry
	gzip -dc "$rel/1.1.0.tar.gz" >"$T/tar"
	perl -e 'my %e = (name => "1.1.0/x", type => "0", link => ""); eval shift; die $@ if $@;
	my $h = pack("a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 a32 a32 a8 a8 a155 x12",
	    $e{name}, "0000755", "0000000", "0000000", "00000000000", "00000000000", "",
	    $e{type}, $e{link}, "ustar", "00", "", "", "", "", "");
	substr($h, 148, 8) = sprintf("%06o\0 ", unpack("%32C*", $h));
	open(my $f, "+<", $ARGV[0]) or die; binmode $f; local $/; my $all = <$f>;
	my $end = 0; # behind the last entry: one may itself end in zeros
	while (substr($all, $end, 1) ne "\0") {
		my $size = oct(substr($all, $end + 124, 11));
		$end += 512 + $size + -$size % 512;
	}
	seek($f, $end, 0); print $f $h . "\0" x 1024; truncate($f, tell $f);' "$1" "$T/tar"
	gzip -nc <"$T/tar" >"$rel/x.tar.gz"
	sign x
}
hostile '$e{name} = "1.1.0/../../../../../x"'
refused "a name that leads out of it" 1 'leads out' "$rel/x.tar.gz"
hostile '$e{name} = "/etc/x"'
refused "an absolute name" 1 'is no release' "$rel/x.tar.gz"
hostile '$e{type} = "2"; $e{link} = "/etc"'
refused "a symbolic link" 1 'a link' "$rel/x.tar.gz"
hostile '$e{type} = "1"; $e{link} = "1.1.0/needs"'
refused "a hard link" 1 'a link' "$rel/x.tar.gz"
hostile '$e{name} = "1.1.0/../x 1.1.0/y"'
refused "a name with a space" 1 'odd' "$rel/x.tar.gz"
hostile '$e{name} = "1.2.0/x"'
refused "two directories" 1 'not one directory' "$rel/x.tar.gz"
hostile '$e{name} = "1.1.0/more"'
refused "a file that SHA256SUMS does not name" 1 'does not name' "$rel/x.tar.gz"
rm -rf "$rel/x" && cp -R "$rel/1.1.0" "$rel/x" && echo >>"$rel/x/needs" &&
    mv "$rel/x" "$T/1.1.0" && tar -C "$T" -czf "$rel/x.tar.gz" 1.1.0 && sign x
refused "a file that is not what it says" 1 'SHA256SUMS' "$rel/x.tar.gz"
cp -R "$rel/1.0.0" "$rel/0.9.0" && pack 0.9.0
refused "an older one" 1 'older than' "$rel/0.9.0.tar.gz"
sed -i 's/^drain_time/zz = 1\n&/' "$NODE_INI"
refused "one whose programs do not take node.ini" 1 'does not take' "$rel/1.1.0.tar.gz"
sed -i '/^zz/d' "$NODE_INI"
refused "a dry run changes nothing" 0 'to be restarted: kn-metrics kn-dht kn-store kn-signd *$' \
    --dry-run "$rel/1.1.0.tar.gz"

# a key that only new programs know: what the database would become is still asked
cp -R "$rel/1.0.0" "$rel/1.5.0"
for program in kn-signd kn-p2pd kn-dht kn-store kn-metrics; do
	cat >"$rel/1.5.0/bin/$program" <<-END
	#!/bin/sh
	case " \$* " in
	*' migrate '*) echo 'a step'; exit 0 ;;
	*' -V '*) exit 0 ;;
	esac
	sed /^zz/d "$NODE_INI" >"$T/known.ini" && exec "$bin/$program" -n -c "$T/known.ini"
	END
done
pack 1.5.0
sed -i 's/^drain_time/zz = 1\n&/' "$NODE_INI"
refused "a change of the database without a backup" 1 'no backup of the last hour' \
    --dry-run "$rel/1.5.0.tar.gz"
sed -i '/^zz/d' "$NODE_INI"

# --- its own release, of which something is missing ---
rm "$lib/current/bin/kn-p2p"
upgrade --dry-run "$rel/1.0.0.tar.gz"
[ -x "$lib/current/bin/kn-signd" ] && [ "$(now)" = 1.0.0 ] && all_ready
ok $? "what runs is not removed for it"
cp -p "$rel/1.0.0/bin/kn-p2p" "$lib/current/bin/"
whole
ok $? "and can be made whole"

# --- a stream from another node, through all of it ---
node_start b
peer=$("$bin/kn-p2p" -s "$run/p2p.sock" --json self)
addr=$(printf '%s' "$peer" | jq -r '.addrs[0]')
"$bin/kn-p2p" -s "$run/p2p.sock" serve /kn/echo/1 -- cat >/dev/null 2>&1 &
pids="$pids $!"
serves() { "$bin/kn-p2p" -s "$run/p2p.sock" --json self | grep -q /kn/echo/1; }
until_true serves
mkfifo "$T/hold"
"$bin/kn-p2p" -s "$T/b/run/p2p.sock" open "$addr" /kn/echo/1 <"$T/hold" >"$T/out" 2>"$T/err" &
opener=$!
pids="$pids $opener"
exec 9>"$T/hold"
echoes() { # WORD
	printf '%s\n' "$1" >&9
	until_true grep -q "^$1\$" "$T/out"
}
echoes begin
ok $? "a stream of a peer is open"

p2pd=$(pid_of kn-p2pd) store=$(pid_of kn-store)
upgrade "$rel/1.1.0.tar.gz"
code=$?
[ $code -eq 0 ] && [ "$(now)" = 1.1.0 ] && whole && all_ready
code=$?
ok $code "the node is upgraded"
tell $code
[ "$(pid_of kn-store)" != "$store" ] &&
    readlink "/proc/$(pid_of kn-store)/exe" | grep -q '/1.1.0/bin/kn-store$'
ok $? "a program that changed runs anew"
[ "$(pid_of kn-p2pd)" = "$p2pd" ]
ok $? "kn-p2pd, which did not, runs on"
echoes one
ok $? "and so does the stream"
grep -q '^kn_upgrade_total{result="done"} 1$' "$state/upgrade.prom" &&
    grep -q '^kn_upgrade_last_success 1$' "$state/upgrade.prom"
ok $? "kn-metrics may tell of it"
upgrade "$rel/1.1.0.tar.gz" && grep -q '^Nothing to do' "$T/said"
ok $? "a second time there is nothing to do"

upgrade "$rel/1.4.0.tar.gz"
[ $? -eq 1 ] && grep -q 'kn-store ends as soon as' "$T/said" && [ "$(now)" = 1.1.0 ] &&
    all_ready && readlink "/proc/$(pid_of kn-store)/exe" | grep -q '/1.1.0/'
code=$?
ok $code "a release that does not serve is gone back from"
tell $code
[ "$(pid_of kn-p2pd)" = "$p2pd" ] && echoes two
ok $? "nothing of it reached the stream"
grep -q '^kn_upgrade_total{result="returned"} 1$' "$state/upgrade.prom" &&
    grep -q '^kn_upgrade_last_success 0$' "$state/upgrade.prom"
ok $? "and it is counted"
[ "$(readlink "$lib/previous")" = 1.0.0 ]
ok $? "the release before it is still that"
# the kernel names what runs without the links that lead to it; kn-p2pd runs on
ln -s "$root" "$T/alias"
# shellcheck disable=SC2034 # releases.sh uses it
used=$(set -e
    here=$scripts
    . "$scripts/node.sh"
    . "$scripts/releases.sh"
    node_lib=$T/alias/usr/local/lib/kontinuum-node
    current_release() { :; }
    previous_release() { :; }
    used_releases | sort -u | tr '\n' ' ')
[ "$used" = '1.0.0 1.1.0 ' ]
ok $? "releases of what runs are seen, also through a link to the prefix"

# one that serves, and dies once it is watched; with a diff that speaks otherwise
cp -R "$rel/1.1.0" "$rel/1.6.0"
cat >"$rel/1.6.0/bin/kn-dht" <<END
#!/bin/sh
case " \$* " in
*' -r '*) (until grep -q '^Watching' "$T/said"; do
	kill -0 \$\$ && sleep 0.1 || exit
done; kill -9 \$\$) >/dev/null 2>&1 3>&- & ;;
esac
exec "$bin/kn-dht" "\$@"
END
pack 1.6.0
mkdir "$T/tools"
! command -v busybox >/dev/null || ln -s "$(command -v busybox)" "$T/tools/diff"
(PATH=$T/tools:$PATH && upgrade --probation 60s "$rel/1.6.0.tar.gz")
[ $? -eq 1 ] && grep -q 'kn-dht died' "$T/said" && [ "$(now)" = 1.1.0 ] && all_ready
code=$?
ok $code "one that dies while it is watched is gone back from"
tell $code

rollback --list && grep -q '^1.1.0 current$' "$T/said"
ok $? "the releases are listed"
rollback 1.0.0
[ $? -eq 0 ] && [ "$(now)" = 1.0.0 ] && all_ready && [ "$(pid_of kn-p2pd)" = "$p2pd" ] &&
    readlink "/proc/$(pid_of kn-store)/exe" | grep -q '/1.0.0/' && echoes three
code=$?
ok $code "a rollback is as quiet"
tell $code
cp "$data/data/store/node.db" "$T/node.db"
s6-svc -wD -d "$scan/kn-store"
perl -e 'open(my $f, "+<", $ARGV[0]) or die; seek($f, 60, 0); print $f pack("N", 9999)' \
    "$data/data/store/node.db"
rm -f "$data"/data/store/node.db-*
rollback 1.1.0
[ $? -eq 1 ] && grep -q 'restore.sh' "$T/said" && [ "$(now)" = 1.0.0 ]
code=$?
ok $code "not to programs that cannot read the database"
tell $code
cp "$T/node.db" "$data/data/store/node.db"
s6-svc -wU -u "$scan/kn-store"

# --- when it is killed ---
# The keys of the host must be whole and the node must start, at any moment.
n=0
lost=0
while [ $n -lt "$cuts" ]; do
	n=$((n + 1))
	# what dies often has to wait: not because of us
	for name in kn-signd kn-dht kn-store kn-metrics; do s6-svdt-clear "$scan/$name"; done
	if [ $((n % 2)) -eq 1 ]; then to=1.3.0; else to=1.1.0; fi
	setsid $shell "$scripts/upgrade.sh" --root "$root" --supervisor s6 --scandir "$scan" \
	    --pubkey "$T/release.pub" --probation 1s --downgrade "$rel/$to.tar.gz" \
	    >"$T/said" 2>&1 &
	victim=$!
	sleep "$(awk -v n=$n -v s="$(date +%N)" 'BEGIN { srand(n + s); printf "%.2f", rand() * 3 }')"
	kill -9 "-$victim" 2>/dev/null
	wait "$victim" 2>/dev/null
	whole || { lost=1; echo "# cut $n: current is not whole"; break; }
	until_true all_ready || { lost=1; echo "# cut $n: not all run"; break; }
	upgrade --downgrade "$rel/$to.tar.gz" && [ "$(now)" = $to ] && all_ready || {
		lost=1
		echo "# cut $n: the second run did not end well"
		tell 1
		break
	}
	for name in kn-store kn-dht; do
		cmp -s "/proc/$(pid_of $name)/exe" "$lib/$to/bin/$name" ||
		    { lost=1; echo "# cut $n: $name is not of $to"; }
	done
done
ok $lost "killed at $cuts moments: the node runs, and a second run ends it"
echoes four && [ "$(pid_of kn-p2pd)" = "$p2pd" ]
ok $? "through all of which the stream lived"
exec 9>&-
wait "$opener"
node_stop b # a node that had peers is to have them again; this one has none
no_peers() { [ -z "$("$bin/kn-p2p" -s "$run/p2p.sock" --json peers)" ]; }
until_true no_peers

# --- kn-p2pd itself, and a node that stands still ---
upgrade --no-drain --downgrade "$rel/1.2.0.tar.gz"
[ $? -eq 0 ] && [ "$(now)" = 1.2.0 ] && [ "$(pid_of kn-p2pd)" != "$p2pd" ] && all_ready
code=$?
ok $code "kn-p2pd is restarted when it has changed"
tell $code
[ "$(find "$lib" -maxdepth 1 -type d -name '1.*' | wc -l)" -le 3 ]
ok $? "three releases are kept"
node_down
upgrade "$rel/1.3.0.tar.gz"
[ $? -eq 0 ] && [ "$(now)" = 1.3.0 ] && grep -q 'start it' "$T/said"
code=$?
ok $code "a node that does not run is upgraded and stays so"
tell $code
node_up
ok $? "and starts"
rollback
[ $? -eq 0 ] && [ "$(now)" = 1.2.0 ] && all_ready
code=$?
ok $code "back to the release before"
tell $code

# --- the drain, and peers that do not come back ---
stream() { # to a node b of its own
	serve_pid='' opener=''
	node_start "$1"
	"$bin/kn-p2p" -s "$run/p2p.sock" serve /kn/echo/1 -- cat >/dev/null 2>&1 &
	serve_pid=$!
	until_true serves
	addr=$("$bin/kn-p2p" -s "$run/p2p.sock" --json self | jq -r '.addrs[0]')
	"$bin/kn-p2p" -s "$T/$1/run/p2p.sock" open "$addr" /kn/echo/1 <"$T/hold" >"$T/out" 2>&1 &
	opener=$!
	pids="$pids $serve_pid $opener"
	exec 9>"$T/hold"
	echoes "$1"
}
start_upgrade() { # ARGUMENT…
	setsid $shell "$scripts/upgrade.sh" --root "$root" --supervisor s6 --scandir "$scan" \
	    --pubkey "$T/release.pub" --probation 1s "$@" >"$T/said" 2>&1 &
	upgrade_pid=$!
}
drains() { grep -q "^reason = $1" "$state/drain" 2>/dev/null; }
stream c
start_upgrade --drain-max 5m "$rel/1.3.0.tar.gz"
until_true drains 'upgrade to 1.3.0'
code=$?
kill -TERM "-$upgrade_pid"
wait $upgrade_pid
[ $? -eq 111 ] && [ $code -eq 0 ] && [ ! -e "$state/drain" ] && [ "$(now)" = 1.2.0 ] && all_ready
code=$?
ok $code "an upgrade that is interrupted while it drains ends the drain"
tell $code
echoes on
ok $? "and the stream goes on"
start_upgrade --drain-max 2s "$rel/1.3.0.tar.gz"
until_true drains 'upgrade to 1.3.0'
code=$?
node_stop c # it comes back no more
exec 9>&-
wait $upgrade_pid
[ $? -eq 0 ] && [ $code -eq 0 ] && [ ! -e "$state/drain" ] && [ "$(now)" = 1.3.0 ] && all_ready &&
    grep -q 'no peer has come back yet' "$T/said"
code=$?
ok $code "kn-p2pd drains before it is restarted; peers that stay away are no failure"
tell $code
end "$serve_pid"
end "$opener"

# --- what an operator wants stays so ---
s6-svc -wD -d "$scan/kn-metrics"
"$bin/kn-drain" --config "$NODE_INI" --reason mine --deadline 1h >/dev/null 2>&1
upgrade --downgrade "$rel/1.1.0.tar.gz"
[ $? -eq 0 ] && [ "$(now)" = 1.1.0 ] && drains mine &&
    [ "$(s6-svstat -o wantedup "$scan/kn-metrics")" = false ]
code=$?
ok $code "a drain of somebody else, and a program that was stopped"
tell $code
"$bin/kn-drain" --config "$NODE_INI" end >/dev/null 2>&1
s6-svc -wU -u "$scan/kn-metrics"

# --- a service that has changed; one that cannot be written ---
rm -rf "$rel/1.5.0" && cp -R "$rel/1.1.0" "$rel/1.5.0"
echo '# more' >>"$rel/1.5.0/sv/s6/kn-dht/run"
pack 1.5.0
dht=$(pid_of kn-dht) store=$(pid_of kn-store)
mkdir "$root/etc/kontinuum-node/s6/kn-dht/run.new"
upgrade "$rel/1.5.0.tar.gz"
[ $? -eq 1 ] && grep -q 'services of 1.5.0 cannot be written' "$T/said" && [ "$(now)" = 1.1.0 ] &&
    [ "$(pid_of kn-dht)" = "$dht" ]
code=$?
ok $code "a disk that takes no more: back"
tell $code
rmdir "$root/etc/kontinuum-node/s6/kn-dht/run.new"
upgrade "$rel/1.5.0.tar.gz"
[ $? -eq 0 ] && [ "$(now)" = 1.5.0 ] && [ "$(pid_of kn-dht)" != "$dht" ] &&
    [ "$(pid_of kn-store)" = "$store" ]
code=$?
ok $code "only the program whose service has changed is restarted"
tell $code

# --- services that come and go with releases ---
extra() { # VERSION FROM: as that one, with a service more
	rm -rf "${rel:?}/$1" && cp -R "$rel/$2" "$rel/$1"
	cat >"$rel/$1/bin/kn-extra" <<-'END'
	#!/bin/sh
	case " $* " in
	*' -V '* | *' -n '*) exit 0 ;;
	esac
	echo >&3
	exec sleep 1000000
	END
	chmod 755 "$rel/$1/bin/kn-extra"
	echo 'service kn-extra user=kn-metrics after= net=none write=run read=etc nofile=64 nproc=64 mem=32 stop=5 sockets= text="one more"' \
	    >>"$rel/$1/sv/facts"
	mkdir "$rel/$1/sv/s6/kn-extra"
	printf '#!/bin/sh\nexec "%s" -c "$NODE_INI"\n' "$lib/current/bin/kn-extra" \
	    >"$rel/$1/sv/s6/kn-extra/run"
	chmod 755 "$rel/$1/sv/s6/kn-extra/run"
	echo 3 >"$rel/$1/sv/s6/kn-extra/notification-fd"
	pack "$1"
}
broken() { # VERSION FROM: as that one, and it does not serve
	cp -R "$rel/$2" "$rel/$1" && cp "$rel/1.4.0/bin/kn-store" "$rel/$1/bin/" && pack "$1"
}
extra_is_gone() {
	[ ! -L "$scan/kn-extra" ] && [ ! -e "$root/etc/kontinuum-node/s6/kn-extra" ] &&
	    [ ! -e "$root/usr/local/bin/kn-extra" ] && ! pgrep -f "kn-extra" >"$T/left"
}
extra 2.6.0 1.5.0
cp -R "$rel/1.5.0" "$rel/2.7.0" && pack 2.7.0
broken 2.8.0 2.7.0
extra 2.8.1 2.8.0
upgrade "$rel/2.6.0.tar.gz"
[ $? -eq 0 ] && [ "$(s6-svstat -o ready "$scan/kn-extra")" = true ]
code=$?
ok $code "a service that a release has more is started"
tell $code
upgrade --dry-run "$rel/2.7.0.tar.gz"
grep -q 'to be removed: kn-extra' "$T/said" && [ "$(s6-svstat -o ready "$scan/kn-extra")" = true ]
code=$?
ok $code "one that the next has not: a dry run says so, and leaves it"
tell $code
upgrade "$rel/2.8.0.tar.gz"
[ $? -eq 1 ] && [ "$(now)" = 2.6.0 ] && all_ready &&
    [ "$(s6-svstat -o ready "$scan/kn-extra")" = true ]
code=$?
ok $code "it runs again when that does not serve"
tell $code
upgrade "$rel/2.7.0.tar.gz"
[ $? -eq 0 ] && [ "$(now)" = 2.7.0 ] && all_ready && extra_is_gone
code=$?
ok $code "and is gone when it does: process, service and link"
tell $code
upgrade "$rel/2.8.1.tar.gz"
[ $? -eq 1 ] && [ "$(now)" = 2.7.0 ] && all_ready && extra_is_gone
code=$?
ok $code "what a release brought that does not serve goes with it"
tell $code
rollback 2.6.0
[ $? -eq 0 ] && [ "$(now)" = 2.6.0 ] && [ "$(s6-svstat -o ready "$scan/kn-extra")" = true ] &&
    rollback 2.7.0 && [ "$(now)" = 2.7.0 ] && all_ready && extra_is_gone
code=$?
ok $code "a rollback brings it back, and takes it away"
tell $code
for name in kn-signd kn-dht kn-store kn-metrics; do s6-svdt-clear "$scan/$name"; done
upgrade --downgrade "$rel/1.5.0.tar.gz"
[ $? -eq 0 ] && [ "$(now)" = 1.5.0 ]
code=$?
ok $code "back where it was"
tell $code

# --- no other release, another configuration ---
newer() { touch "$NODE_INI" && upgrade --to-current-config --dry-run && grep -q kn-p2pd "$T/said"; }
until_true newer
store=$(pid_of kn-store)
upgrade --to-current-config --no-drain
[ $? -eq 0 ] && [ "$(pid_of kn-store)" != "$store" ] && all_ready
code=$?
ok $code "programs with an older node.ini are restarted"
tell $code
upgrade --to-current-config && grep -q '^Nothing to do' "$T/said"
code=$?
ok $code "and then no more"
tell $code

# --- the release that runs is damaged ---
rm "$lib/current/bin/kn-p2p"
upgrade --dry-run "$rel/1.5.0.tar.gz" && [ "$(now)" = 1.5.0 ] && [ -x "$lib/current/bin/kn-p2pd" ]
code=$?
ok $code "damaged: a dry run leaves it as it is"
tell $code
store=$(pid_of kn-store)
upgrade "$rel/1.5.0.tar.gz"
[ $? -eq 0 ] && whole && [ "$(pid_of kn-store)" = "$store" ] && all_ready
code=$?
ok $code "damaged: it is whole again, and nothing was restarted"
tell $code
mv "$lib/$(now)" "$lib/gone"
upgrade "$rel/1.3.0.tar.gz"
[ $? -eq 1 ] && grep -q 'which is not there: install.sh' "$T/said"
code=$?
ok $code "gone: it says what mends it"
tell $code
mv "$lib/gone" "$lib/$(now)"
node_down
finish
