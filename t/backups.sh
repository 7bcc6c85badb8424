# SPDX-License-Identifier: ISC
# What tests of backups share: a target of our own with a bucket, keys, and a
# backup.conf for the store in $T/$1.  Source it after lib.sh and s3.sh.

scripts=$here/../scripts
NODE=12D3KooWTest

need_backups() {
	need kn-store
	for program in age age-keygen curl flock sqlite3 zstd; do
		command -v $program >/dev/null || skip "$program is not installed"
	done
}

# Of a target that is in $T/target: everything a bucket holds.
bucket_start() {
	store_start target && store target mb backups >/dev/null &&
	    key_for target own || return 1
	target_pid=$store_pid
	target_endpoint=$endpoint
	printf 'user = "%s:%s"\n' "$key_id" "$secret" >"$T/credentials"
	chmod 600 "$T/credentials"
	for name in one two other; do
		age-keygen -o "$T/$name.key" 2>/dev/null || return 1
	done
	{
		echo '# the first owner'
		age-keygen -y "$T/one.key"
		age-keygen -y "$T/two.key"
	} >"$T/recipients"
}

# [LINE…] are added to [backup].
write_conf() { # NAME [LINE…]
	_of=$1
	shift
	cat >"$T/backup.conf" <<-END
	[target]
	endpoint = $target_endpoint
	bucket = backups
	credentials = $T/credentials
	part_bytes = ${part_bytes:-67108864}
	[backup]
	cluster = main
	node = $NODE
	recipients = $T/recipients
	dir = $T/$_of/data/backup
	user = root
	metrics = $T/$_of/backup.prom
	$(printf '%s\n' "$@")
	[db node]
	path = $T/$_of/data/node.db
	with = $T/$_of/store.key
	END
}

# The scripts look at no configuration of this host, and start nothing.
run_script() { # NAME ARGUMENT…
	_script=$scripts/$1
	shift
	KN_BUILD=$bin NODE_INI=$T/none.ini KN_SUPERVISOR=none KN_ROOT=$T/root \
	    KN_BACKUP_PAUSE=0 TMPDIR=$T "$_script" --config "$T/backup.conf" \
	    "$@" >"$T/out" 2>"$T/err"
}
backup() { run_script backup.sh "$@"; }
restore() { run_script restore.sh "$@"; }

# A script ends with this code and says this on stderr.
ends() { # CODE SENTENCE COMMAND…
	_want=$1 _said=$2
	shift 2
	_got=0
	"$@" || _got=$?
	[ $_got -eq "$_want" ] && grep -q "$_said" "$T/err" && return
	sed "s/^/# $_got: /" "$T/err"
	return 1
}

# What is inside an object, and an object of what is on standard input.
opened() { age -d -i "$T/$1.key" "$2" | zstd -q -d -c; } # WHOSE FILE
sealed() { zstd -q -c "$@" | age -R "$T/recipients"; }  # OPTION-OF-ZSTD...

# A folder with every program but one.
all_but() { # PROGRAM: sets without
	without=$T/without-$1
	mkdir -p "$without"
	for _dir in $(printf %s "$PATH" | tr : ' '); do
		ln -s "$_dir"/* "$without/" 2>/dev/null
	done
	rm -f "$without/$1"
}

folder=backups/main/$NODE/node
objects() { store target ls -r "$folder/" | jq -r .key; }
newest() { objects | grep 'age$' | sort | tail -n 1; }

# Nothing but databases holds what a database begins with.
no_plaintext() { # DIR…
	! LC_ALL=C grep -rl 'SQLite format 3' "$@" 2>/dev/null |
	    grep -v '/node\.db$\|/node\.db-wal$\|/snapshots/'
}
