#!/bin/sh
# SPDX-License-Identifier: ISC
# scripts/release.sh and install.sh below a directory: what is made, that a second
# run makes nothing, the next step from nothing to ready, and how it goes away.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
need kn-keygen kn-cert kn-signd kn-p2pd kn-p2p kn-dht kn-store kn-metrics
for tool in readelf ldd sha256sum; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
shell=${KN_SH:-sh} # busybox ash as well
# a copy: the tree may be worked on meanwhile
mkdir "$T/src"
for part in scripts sv man deploy LICENSE CHANGES; do
	[ ! -e "$here/../$part" ] || cp -R "$here/../$part" "$T/src/"
done
scripts=$T/src/scripts
KN_BUILD=$bin
export KN_BUILD
unset NODE_INI KN_ROOT KN_SUPERVISOR KN_SCANDIR

tell() { [ "$1" -eq 0 ] || sed 's/^/# /' "$T/said"; }
install() { # ROOT ARGUMENT…
	below=$1
	shift
	$shell "$scripts/install.sh" --root "$below" "$@" >"$T/said" 2>&1
}
# All that is below a root: names, kinds, modes, contents.
picture() { # ROOT
	(cd "$1" && find . -printf '%p %y %m %l %T@\n' | sort &&
	    find . -type f -exec sha256sum {} + | sort)
}
exits_with() { # CODE NAME SENTENCE ROOT ARGUMENT…
	want=$1 what=$2 sentence=$3
	shift 3
	install "$@"
	[ $? -eq "$want" ] && grep -q -- "$sentence" "$T/said"
	code=$?
	ok $code "$what"
	tell $code
}

# --- a release ---
release() { # OUT
	(umask "$2" && SOURCE_DATE_EPOCH=1700000000 TZ=$3 $shell "$scripts/release.sh" \
	    --build "$bin" --output "$1" --version 1.2.3 --arch test) >/dev/null 2>"$T/said"
}
release "$T/one" 022 UTC0 && touch "$T/one" && release "$T/two" 077 XYZ-7
code=$?
ok $code "a release is made"
tell $code
tarball=$T/one/kontinuum-node-1.2.3-test.tar.gz
cmp "$tarball" "$T/two/kontinuum-node-1.2.3-test.tar.gz"
ok $? "twice the same, byte by byte"
mkdir "$T/x" && tar -C "$T/x" -xzf "$tarball"
(cd "$T/x/1.2.3" && sha256sum -c SHA256SUMS >/dev/null &&
    [ "$(find . -type f | wc -l)" -eq $(($(wc -l <SHA256SUMS) + 1)) ])
ok $? "SHA256SUMS names every file"
[ -z "$(tar -tvzf "$tarball" | grep -v '^[-d].* 0/0 ')" ]
ok $? "root's, and neither links nor devices"
grep -q '^library libsodium' "$T/x/1.2.3/needs" && grep -q '^package ' "$T/x/1.2.3/needs"
ok $? "needs names libraries and packages"
mkdir "$T/musl"
cat >"$T/musl/ldd" <<'END'
#!/bin/sh
echo 'Error loading shared library libjansson.so.4: No such file or directory (needed by kn-x)' >&2
echo 'Error relocating kn-x: json_object: symbol not found' >&2
exit 127
END
chmod +x "$T/musl/ldd"
[ "$(here=$scripts && PATH=$T/musl:$PATH && . "$scripts/node.sh" && . "$scripts/releases.sh" &&
    missing_libraries "$T/x/1.2.3")" = libjansson.so.4 ]
ok $? "libraries that are missing are seen where ldd is musl's"
"$T/x/1.2.3/bin/kn-keygen" -V >/dev/null && ! readelf -S "$T/x/1.2.3/bin/kn-keygen" | grep -q debug_info
ok $? "its programs run, and are stripped"
[ "$(wc -l <"$T/x/1.2.3/code")" -eq "$(find "$T/x/1.2.3/bin" -type f | wc -l)" ]
ok $? "code has a line for each"

[ -f "$T/x/1.2.3/scripts/backup.conf.example" ] && [ ! -e "$T/x/1.2.3/scripts/release.sh" ]
ok $? "what an operator needs is in it, and what only the source has is not"
if command -v git >/dev/null; then
	git -C "$T/src" init -q
	release "$T/three" 022 UTC0
	[ $? -eq 1 ] && grep -q -- --dirty "$T/said" && [ ! -e "$T/three" ]
	ok $? "not of a tree with changes"
	$shell "$scripts/release.sh" --build "$bin" --output "$T/three" --version 1.2.3 \
	    --arch test --dirty >/dev/null 2>&1 &&
	    [ -f "$T/three/kontinuum-node-1.2.3+dirty-test.tar.gz" ]
	ok $? "unless one says so, and then its version does as well"
	rm -rf "$T/src/.git"
fi

# --- a bare root, for each supervisor ---
for kind in systemd openrc s6 none; do
	root=$T/$kind
	mkdir "$root"
	install "$root" --supervisor $kind --scandir "$root/scan" --yes
	code=$?
	ok $code "$kind: a bare root is installed on"
	tell $code
	picture "$root" >"$T/before"
	install "$root" --supervisor $kind --scandir "$root/scan" --yes &&
	    grep -q '^Nothing to do' "$T/said" && picture "$root" >"$T/after" &&
	    diff "$T/before" "$T/after" >"$T/diff"
	code=$?
	ok $code "$kind: a second time nothing changes"
	[ $code -eq 0 ] || head -n 20 "$T/said" "$T/diff" | sed 's/^/# /'
done
root=$T/systemd
[ -f "$root/etc/systemd/system/kn-p2pd.service" ] &&
    [ -L "$root/etc/systemd/system/multi-user.target.wants/kontinuum-node.target" ] &&
    [ -L "$root/etc/systemd/system/kontinuum-node.target.wants/kn-store.service" ] &&
    [ -f "$root/etc/tmpfiles.d/kontinuum-node.conf" ]
ok $? "systemd: units that are started at boot"
if command -v systemctl >/dev/null; then
	systemctl --root="$root" is-enabled kontinuum-node.target kn-store.service \
	    >"$T/said" 2>&1
	ok $? "systemd: systemctl thinks so too"
else
	skip_one "systemd: systemctl thinks so too" 'there is no systemctl'
fi
# an image that has been booted before makes users only when /usr is newer
touch "$root/etc/.updated"
install "$root" --supervisor systemd --yes &&
    [ -n "$(find "$root/usr" -prune -newer "$root/etc/.updated")" ] &&
    install "$root" --supervisor systemd --yes && grep -q '^Nothing to do' "$T/said"
code=$?
ok $code "systemd: users are made when an old image boots"
tell $code
[ -x "$T/openrc/etc/init.d/kn-p2pd" ] && [ -f "$T/openrc/etc/conf.d/kontinuum-node" ] &&
    [ -L "$T/openrc/etc/runlevels/default/kn-store" ]
ok $? "OpenRC: scripts of the default runlevel"
[ -x "$T/s6/etc/kontinuum-node/s6/kn-p2pd/run" ] &&
    [ "$(cat "$T/s6/etc/kontinuum-node/s6/kn-p2pd/notification-fd")" = 3 ]
ok $? "s6: service directories"
"$root/usr/local/bin/kn-keygen" -V >/dev/null && [ -e "$root/usr/local/share/man/man8/kn-p2pd.8" ]
ok $? "programs and manuals are found by their names"
[ "$(stat -c %a "$root/var/lib/kontinuum-node/keys")" = 750 ] &&
    [ "$(stat -c %a "$root/run/kontinuum-node")" = 1770 ] &&
    [ "$(stat -c %a "$root/var/lib/kontinuum-node/data/store")" = 700 ]
ok $? "directories have the modes of sv/facts"
mkdir "$T/opt"
install "$T/opt" --supervisor systemd --prefix /opt/kn --yes &&
    grep -q '^ExecStart=/opt/kn/lib/kontinuum-node/current/bin/' \
    "$T/opt/etc/systemd/system/kn-dht.service" &&
    ! grep -rq /usr/local/ "$T/opt/etc/systemd/system"
ok $? "another prefix is everywhere"

exits_with 100 "another one is not mixed with it" 'say --prefix /opt/kn' "$T/opt" --supervisor systemd --yes
exits_with 100 "nor half removed" 'say --prefix /opt/kn' "$T/opt" --supervisor systemd --uninstall
install "$T/opt" --supervisor systemd --prefix /opt/kn --uninstall &&
    [ -z "$(find "$T/opt/opt" "$T/opt/etc/systemd" -name 'kn-*')" ]
ok $? "it is removed from where it is"

# --- what somebody has changed, or broken ---
root=$T/openrc
rm "$T/systemd/etc/systemd/system/kontinuum-node.target.wants/kn-metrics.service" \
    "$root/etc/runlevels/default/kn-metrics"
install "$T/systemd" --supervisor systemd --yes && install "$root" --supervisor openrc --yes &&
    [ -z "$(find "$T/systemd/etc" "$root/etc/runlevels" -path '*s/kn-metrics.service' -o \
    -path '*default/kn-metrics')" ]
ok $? "a service that was disabled stays so"
rm "$root/usr/local/lib/kontinuum-node/current/bin/kn-p2p"
install "$root" --supervisor openrc --yes && "$root/usr/local/bin/kn-p2p" -V >/dev/null &&
    [ "$(find "$root/usr/local/lib/kontinuum-node" -mindepth 1 -maxdepth 1 -type d | wc -l)" -eq 2 ]
code=$?
ok $code "a damaged release: a whole one stands beside it"
tell $code
rm -rf "$root/usr/local/lib/kontinuum-node/$(readlink "$root/usr/local/lib/kontinuum-node/current")"
install "$root" --supervisor openrc --yes && "$root/usr/local/bin/kn-p2p" -V >/dev/null
code=$?
ok $code "a current release that is gone"
tell $code
[ "$(stat -c %a "$root/var/lib/kontinuum-node/state/lock")" = 600 ]
ok $? "nobody else can hold the lock"
flock "$root/var/lib/kontinuum-node/state/lock" $shell "$scripts/install.sh" \
    --root "$root" --supervisor openrc --yes >"$T/said" 2>&1
[ $? -eq 1 ] && grep -q 'something else holds' "$T/said"
ok $? "one at a time"
mkdir "$T/away" && echo mine >"$T/away/mine"
install "$T/away" --supervisor none --yes
$shell "$T/away/usr/local/lib/kontinuum-node/current/scripts/install.sh" --root "$T/away" \
    --supervisor none --uninstall --purge --yes >"$T/said" 2>&1 && [ -f "$T/away/mine" ] &&
    [ ! -e "$T/away/etc/kontinuum-node" ] && [ ! -e "$T/away/var/lib/kontinuum-node" ]
code=$?
ok $code "an installed release removes itself, and nothing else"
tell $code
root=$T/systemd

mkdir "$T/dry"
install "$T/dry" --supervisor systemd --dry-run --yes &&
    [ -z "$(find "$T/dry" -mindepth 1)" ] && grep -q '^would: ' "$T/said"
code=$?
ok $code "a dry run makes nothing"
tell $code
# on this host itself: packages that hold no program of their name are seen
(unset KN_BUILD && KN_BUILD=$bin $shell "$scripts/install.sh" --dry-run \
    --supervisor none --prefix "$T/nowhere") >"$T/said" 2>&1 &&
    [ ! -e "$T/nowhere" ] &&
    { [ -z "$(dpkg-query -W -f '${db:Status-Status}' util-linux 2>/dev/null | grep -x installed)" ] ||
    ! grep 'packages.*util-linux' "$T/said"; }
code=$?
ok $code "a dry run says which packages are missing, and goes on"
tell $code

# --- what is yours stays ---
echo '; mine' >>"$root/etc/kontinuum-node/node.ini"
install "$root" --supervisor systemd --yes && grep -q '^; mine' "$root/etc/kontinuum-node/node.ini"
ok $? "node.ini is not written over"
"$scripts/release.sh" --build "$bin" --version 2.0.0 --tree "$T/2.0.0" 2>/dev/null
echo '; more' >>"$T/2.0.0/sv/node.ini"
(cd "$T/2.0.0" && rm SHA256SUMS && find . -type f | sed 's/^\.\///' | sort | xargs sha256sum >"$T/sums" &&
    mv "$T/sums" SHA256SUMS)
chmod u+s "$T/2.0.0/bin/kn-keygen"
tar -C "$T" -czf "$T/2.0.0.tar.gz" 2.0.0
exits_with 100 "a release that is not signed is not taken" 'release.pub\|unsigned' \
    "$root" --supervisor systemd --release "$T/2.0.0.tar.gz"
install "$root" --supervisor systemd --release "$T/2.0.0.tar.gz" --unsigned --yes &&
    [ "$(readlink "$root/usr/local/lib/kontinuum-node/current")" = 2.0.0 ] &&
    grep -q '^; more' "$root/etc/kontinuum-node/node.ini.new" &&
    grep -q '^; mine' "$root/etc/kontinuum-node/node.ini"
code=$?
ok $code "unless one says so; its new template stands beside"
tell $code
[ -z "$(find "$root/usr/local" -perm /6000)" ]
ok $? "nothing of it is set-user-id"
# a service that the next release has no more
cp -R "$T/2.0.0" "$T/2.1.0" && cp -R "$T/2.0.0" "$T/2.2.0"
echo 'service kn-extra user=kn-metrics after= net=none write=run read=etc nofile=64 nproc=64 mem=32 stop=5 sockets=extra text="more"' \
    >>"$T/2.1.0/sv/facts"
sed s/kn-metrics/kn-extra/g "$T/2.0.0/sv/systemd/kn-metrics.service" >"$T/2.1.0/sv/systemd/kn-extra.service"
sed s/kn-metrics/kn-extra/g "$T/2.0.0/sv/systemd/kn-metrics.socket" >"$T/2.1.0/sv/systemd/kn-extra.socket"
sed s/kn-metrics/kn-extra/g "$T/2.0.0/sv/openrc/kn-metrics" >"$T/2.1.0/sv/openrc/kn-extra"
cp -R "$T/2.0.0/sv/s6/kn-metrics" "$T/2.1.0/sv/s6/kn-extra"
cp "$T/2.0.0/bin/kn-metrics" "$T/2.1.0/bin/kn-extra"
for version in 2.1.0 2.2.0; do
	(cd "$T/$version" && rm SHA256SUMS && (cd bin && sha256sum -- *) >code &&
	    find . -type f | sed 's/^\.\///' | sort | xargs sha256sum >"$T/sums" && mv "$T/sums" SHA256SUMS)
	tar -C "$T" -czf "$T/$version.tar.gz" $version
done
for kind in systemd openrc s6; do
	below=$T/fewer-$kind
	mkdir -p "$below/scan"
	more() { install "$below" --supervisor $kind --scandir "$below/scan" --release "$T/$1.tar.gz" --unsigned --yes; }
	more 2.2.0 && picture "$below/etc" | grep -v ' d ' | cut -d ' ' -f 1-4 >"$T/before" && more 2.1.0 &&
	    find "$below/etc" "$below/scan" -name 'kn-extra*' | grep -q . && more 2.2.0 &&
	    grep -q 'kn-extra.* goes' "$T/said" &&
	    [ -z "$(find "$below/etc" "$below/scan" "$below/usr/local/bin" -name 'kn-extra*')" ] &&
	    picture "$below/etc" | grep -v ' d ' | cut -d ' ' -f 1-4 | diff "$T/before" - >>"$T/said"
	code=$?
	ok $code "$kind: a service that a release has no more goes, and nothing else"
	tell $code
done
mkdir "$T/tier"
install "$T/tier" --tier home --force --s3-port 9002 --metrics-port 9102 --supervisor systemd --yes &&
    grep -q '^listen = 127.0.0.1:9102' "$T/tier/etc/kontinuum-node/node.ini" &&
    grep -q 9002 "$T/tier/etc/systemd/system/kn-s3.socket.d/50-port.conf"
ok $? "other ports, where they are listened on as well"
exits_with 100 "not others than those of a node.ini that is there" '9002; change it there' \
    "$T/tier" --s3-port 9003 --supervisor systemd --yes
sed -i 's/^listen = 127.0.0.1:9002/listen = 127.0.0.1:9000/' "$T/tier/etc/kontinuum-node/node.ini"
install "$T/tier" --supervisor systemd --yes &&
    [ ! -e "$T/tier/etc/systemd/system/kn-s3.socket.d/50-port.conf" ] &&
    [ -e "$T/tier/etc/systemd/system/kn-metrics.socket.d/50-port.conf" ]
code=$?
ok $code "the usual port again, where it is listened on as well"
tell $code
rm -f "$T/tier/etc/kontinuum-node/node.ini"
install "$T/tier" --s3-port 9100 --metrics-port 9200 --supervisor systemd --yes &&
    [ "$(grep -c '^listen = 127.0.0.1:9[12]00$' "$T/tier/etc/kontinuum-node/node.ini")" -eq 2 ] &&
    grep -A 2 '^\[store\]' "$T/tier/etc/kontinuum-node/node.ini" | grep -q ':9100$'
code=$?
ok $code "each has the port that it was given"
tell $code
exits_with 100 "not one port for two" 'cannot have one port' "$T/tier" --s3-port 9300 --metrics-port 9300
mkdir "$T/a b"
exits_with 100 "not below a directory with a blank" 'letters, digits' "$T/a b" --supervisor none

# --- tiers and the firewall ---
sed 's/^\(tier anchor .*\)cores=[0-9]*/\1cores=4096/' "$T/src/sv/facts" >"$T/facts"
mkdir -p "$T/2.0.0x" && cp -R "$T/2.0.0/." "$T/2.0.0x/" && cp "$T/facts" "$T/2.0.0x/sv/facts"
(cd "$T/2.0.0x" && rm SHA256SUMS && find . -type f | sed 's/^\.\///' | sort | xargs sha256sum >"$T/sums" &&
    mv "$T/sums" SHA256SUMS)
mkdir "$T/small"
$shell "$T/2.0.0x/scripts/install.sh" --root "$T/small" --supervisor none --tier anchor --yes >"$T/said" 2>&1
[ $? -eq 1 ] && grep -q 'cores of 4096' "$T/said" && [ -z "$(find "$T/small" -mindepth 1)" ]
code=$?
ok $code "a tier that the host cannot hold is refused, with the reason"
tell $code
$shell "$T/2.0.0x/scripts/install.sh" --root "$T/small" --supervisor none --tier anchor --force --yes >"$T/said" 2>&1 &&
    grep -q '^tier = 0' "$T/small/etc/kontinuum-node/node.ini"
ok $? "unless it is forced"
exits_with 100 "a firewall wants to know ssh's port" '--ssh-port' "$root" --supervisor systemd --firewall nft </dev/null
install "$root" --supervisor systemd --firewall nft --ssh-port 2222 --admin 192.0.2.0/24 \
    --admin 2001:db8::/48 --yes && grep -q '^define ssh_port = 2222' "$root/etc/kontinuum-node/firewall.nft" &&
    grep -q 'admin4 { 192.0.2.0/24 }' "$root/etc/kontinuum-node/firewall/admin.nft" &&
    grep -q 'kontinuum-node/firewall.nft' "$root/etc/nftables.conf"
code=$?
ok $code "nft: ssh's port and the administrators'"
tell $code
picture "$root" >"$T/before"
install "$root" --supervisor systemd --firewall nft --ssh-port 2222 --admin 192.0.2.0/24 \
    --admin 2001:db8::/48 --yes && picture "$root" >"$T/after" && diff "$T/before" "$T/after" >"$T/said"
code=$?
ok $code "the same again changes nothing"
tell $code
# Alpine's own rules drop ssh, and OpenRC loads another file
mkdir -p "$T/alpine/etc/conf.d"
echo 'rules_file="/etc/nftables.nft"' >"$T/alpine/etc/conf.d/nftables"
echo 'table inet filter { chain input { type filter hook input priority 0; policy drop; } }' \
    >"$T/alpine/etc/nftables.nft"
install "$T/alpine" --supervisor openrc --firewall nft --ssh-port 22 --yes &&
    grep -q 'kontinuum-node/firewall.nft' "$T/alpine/etc/nftables.nft" &&
    [ ! -e "$T/alpine/etc/nftables.conf" ] && grep -q 'rules of its own that drop' "$T/said"
code=$?
ok $code "nft: the file that is loaded at boot, and a word about rules that are in it"
tell $code
install "$root" --supervisor systemd --firewall ufw --ssh-port 2222 --yes &&
    head -n 1 "$root/etc/kontinuum-node/ufw.sh" | grep -q '^ufw allow 2222/tcp'
ok $? "ufw: ssh comes first"
exits_with 100 "an odd administrator" 'no address' "$root" --admin 'x;y'
exits_with 100 "an odd port" 'no port' "$root" --ssh-port 70000
exits_with 100 "an odd tier" 'one of anchor' "$root" --tier castle
exits_with 100 "an odd supervisor" 'no supervisor' "$root" --supervisor runit
exits_with 100 "an odd option" 'See --help' "$root" --frobnicate

# --- the way to a node that is ready, step by step ---
root=$T/walk
mkdir "$root"
next() { # STEP DONE: what --check says
	install "$root" --supervisor none --check --json
	[ $? -eq 1 ] && [ "$(jq -r .step "$T/said")" = "$1" ] &&
	    [ "$(jq -r '.done | join(" ")' "$T/said")" = "$2" ] &&
	    [ -n "$(jq -r .command "$T/said")" ]
	code=$?
	ok $code "next: $1"
	tell $code
	jq -r .command "$T/said" >"$T/command"
}
do_it() { PATH=$root/usr/local/bin:$PATH sh -c "$(cat "$T/command")" >"$T/said" 2>&1; }
next install ''
(unset KN_BUILD && KN_BUILD=$bin do_it)
ok $? "its command does it"
next identity install
do_it
ok $? "its command does it"
next request 'install identity keys'
do_it
ok $? "its command does it"
next certificate 'install identity keys request'
lib=$root/var/lib/kontinuum-node
"$bin/kn-keygen" --master-new "$T/rm" && "$bin/kn-keygen" --master-file "$T/rm" -o "$T/rk" >/dev/null
"$bin/kn-keygen" --public "$T/rk" >"$root/etc/kontinuum-node/roots/test.pub"
"$bin/kn-cert" issue --key "$T/rk" --master-file "$T/rm" "$lib/keys/node.req" >"$lib/keys/node.cert"
chmod 600 "$lib/keys/node.cert"
next certificate 'install identity keys request'
grep -q 'chmod 0644 ' "$T/command" && jq -r .lacks "$T/said" | grep -q 'cannot be read'
ok $? "a certificate that only root can read is none"
do_it
ok $? "its command does it"
next start 'install identity keys request certificate'
install "$root" --supervisor none --check --json
jq -r '.also[]' "$T/said" | grep -q 'backup.conf.example' && jq -r '.also[]' "$T/said" | grep -q keycopies &&
    [ -f "$root/etc/kontinuum-node/backup.conf.example" ]
ok $? "it tells of backups and of copies of the key"
install "$root" --supervisor none --check
[ $? -eq 1 ] && grep -q '^Next: start' "$T/said" && grep -q '^done: certificate' "$T/said"
ok $? "and in words"

# --- who is not root is told so, and nothing else ---
if command -v setpriv >/dev/null && [ "$(id -u)" -eq 0 ]; then
	chmod 711 "$T"
	without() { # ARGUMENT...
		setpriv --reuid 65534 --regid 65534 --clear-groups $shell \
		    "$scripts/install.sh" --supervisor none "$@" >"$T/said" 2>&1
	}
	without --root "$root" --check
	[ $? -eq 100 ] && grep -q 'run this as root' "$T/said" && ! grep -q keygen "$T/said"
	code=$?
	ok $code "who cannot see the keys is not told to make them"
	tell $code
	without --prefix "$T/nowhere"
	[ $? -eq 100 ] && grep -q 'run this as root' "$T/said" && [ "$(wc -l <"$T/said")" -eq 1 ]
	code=$?
	ok $code "who cannot install is told so first"
	tell $code
	without --prefix "$T/nowhere" --uninstall
	[ $? -eq 100 ] && grep -q 'run this as root' "$T/said"
	ok $? "nor remove"
else
	skip_one "who is not root is told so" 'there is no setpriv, or we are not root'
fi

# --- killed at any moment, the next run makes it whole ---
lost=0
for n in 1 2 3; do
	rm -rf "$T/cut" && mkdir "$T/cut"
	setsid $shell "$scripts/install.sh" --root "$T/cut" --supervisor s6 --scandir "$T/cut/scan" \
	    --yes >/dev/null 2>&1 &
	victim=$!
	sleep "$(awk -v n=$n -v s="$(date +%N)" 'BEGIN { srand(n + s); printf "%.2f", 0.2 + rand() * 2 }')"
	kill -9 "-$victim" 2>/dev/null
	wait "$victim" 2>/dev/null
	install "$T/cut" --supervisor s6 --scandir "$T/cut/scan" --yes &&
	    (cd "$T/cut/usr/local/lib/kontinuum-node/current" && sha256sum -c SHA256SUMS >/dev/null 2>&1) &&
	    diff -r --no-dereference "$T/s6/etc" "$T/cut/etc" >>"$T/said" || { lost=1; tell 1; }
done
ok $lost "killed at three moments: the next run makes it whole"

# --- away again ---
root=$T/systemd
install "$root" --uninstall --supervisor systemd --dry-run --json &&
    jq -e '.changes | any(test("kn-p2pd.service goes"))' "$T/said" >/dev/null &&
    [ -e "$root/etc/systemd/system/kn-p2pd.service" ]
code=$?
ok $code "--uninstall --dry-run --json says what would go"
tell $code
install "$root" --uninstall --supervisor systemd && [ -z "$(find "$root/usr/local" -name 'kn-*')" ] &&
    [ -z "$(find "$root/etc/systemd" -name 'kn-*')" ] && [ -f "$root/etc/kontinuum-node/node.ini" ]
code=$?
ok $code "--uninstall keeps what is yours"
tell $code
exits_with 1 "--purge wants a yes" 'yes' "$root" --uninstall --purge --supervisor systemd </dev/null
install "$root" --uninstall --purge --yes --supervisor systemd &&
    [ ! -e "$root/etc/kontinuum-node" ] && [ ! -e "$root/var/lib/kontinuum-node" ]
ok $? "and takes all with it then"
[ -e "$root/etc/nftables.conf" ] && ! grep -q kontinuum "$root/etc/nftables.conf"
ok $? "but leaves nftables.conf one that loads"
finish
