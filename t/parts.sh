# SPDX-License-Identifier: ISC
# Programs that tests need and that are not to be installed because they would
# start services.  Source it with $here set to the folder of this file.

parts=$here/../build/parts

# Fetch a Debian package and unpack it, once, below build/parts.
fetch_part() { # PACKAGE
	command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
	mkdir -p "$parts" || return 1
	(
		flock 9 || exit 1
		[ ! -d "$parts/$1" ] || exit 0
		new=$(mktemp -d "$parts/.$1.XXXXXX") || exit 1
		cd "$new" && timeout 120 apt-get -qq download "$1" &&
		    dpkg -x ./*.deb root && mv root "../$1"
		code=$?
		rm -rf "$new"
		exit $code
	) 9>"$parts/.lock" >&2
}

# Where a program is, on stdout: in PATH, or from that package of Debian.
part() { # PROGRAM PACKAGE
	command -v "$1" && return
	[ -d "$parts/$2" ] || fetch_part "$2" || return 1
	[ -x "$parts/$2/usr/bin/$1" ] && echo "$parts/$2/usr/bin/$1"
}

# What DIR/package.json names, once, beside it.  Several tests want the same: one
# installs, the others wait.  If it cannot, $why says why.
npm_packages() { # DIR
	mkdir -p "$parts" || return 1
	(
		flock 9 || exit 1
		# a copy of the manifest tells whether what is there is of this one
		cmp -s "$1/package.json" "$1/node_modules/.manifest" ||
		    (cd "$1" && timeout 900 npm install --loglevel error \
			--no-package-lock --no-audit --no-fund </dev/null &&
			cp package.json node_modules/.manifest) >"$T/npm" 2>&1
	) 9>"$parts/.npm-$(basename "$1")" && return
	why="npm cannot install what $(basename "$1") needs: $(grep -m 1 . "$T/npm")"
	return 1
}

# Those of Prometheus in $prometheus, $promtool and $alertmanager, or skip the
# whole file.
need_prometheus() {
	prometheus=$(part prometheus prometheus 2>/dev/null) &&
	    promtool=$(part promtool prometheus 2>/dev/null) &&
	    alertmanager=$(part prometheus-alertmanager \
		prometheus-alertmanager 2>/dev/null || command -v alertmanager) ||
	    skip 'there is no Prometheus, and its packages cannot be fetched'
}
