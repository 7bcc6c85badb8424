# SPDX-License-Identifier: ISC
# What tests of kn-store share: a store of their own in $T, and a key to it.
# Source it after lib.sh.

# The clients are the distribution's before others that a user may have, and
# nothing of the user's own settings reaches them.
PATH=/usr/bin:/bin:$PATH
for name in $(env | sed -n 's/^\(\(AWS\|BOTO\|RCLONE\|RESTIC\)_[A-Z0-9_]*\)=.*/\1/p'); do
	unset "$name"
done
unset SSL_CERT_FILE SSL_CERT_DIR http_proxy HTTP_PROXY all_proxy ALL_PROXY

# A store in $T/NAME, started.  Then $endpoint is where its S3 API is, $port that
# port, $store_sock its local socket, and its process id is in $store_pid.
store_start() { # NAME [LINE-OF-[store]...]
	dir=$T/$1
	shift
	mkdir -p "$dir/data"
	if [ ! -e "$dir/node.ini" ]; then
		cat >"$dir/node.ini" <<-END
		[node]
		run_path = $dir/run
		drain_path = $dir/drain
		[store]
		listen = 127.0.0.1:0
		blobs_path = $dir/data/blobs
		db_path = $dir/data/node.db
		snapshots_path = $dir/data/snapshots
		secret_key_path = $dir/store.key
		END
		[ $# -eq 0 ] || printf '%s\n' "$@" >>"$dir/node.ini"
	fi
	mkdir -p "$dir/run/stat"
	: >"$dir/log.now"
	start_ready "$dir/log.now" "$bin/kn-store" -c "$dir/node.ini" || {
		sed 's/^/# /' "$dir/log.now"
		return 1
	}
	store_pid=$pid
	store_sock=$dir/run/store.sock
	port=$(sed -n 's/.* event=listening .*port=\([0-9]*\).*/\1/p' \
	    "$dir/log.now" | tail -n 1)
	endpoint=http://127.0.0.1:$port
}

store() { # NAME ARGUMENT...
	of=$1
	shift
	"$bin/kn-store" -s "$T/$of/run/store.sock" "$@"
}

# An access key of this tenant, in $key_id and $secret, and for clients that look
# for them in files, in $T/aws.
key_for() { # NAME TENANT [ARGUMENT...]
	of=$1 tenant=$2
	shift 2
	store "$of" --json key add --tenant "$tenant" "$@" >"$T/key" || return 1
	key_id=$(jq -r .id "$T/key")
	secret=$(jq -r .secret "$T/key")
	cat >"$T/aws" <<-END
	[default]
	aws_access_key_id = $key_id
	aws_secret_access_key = $secret
	END
	# older ones presign with version 2, which kn-store does not have
	cat >"$T/aws.config" <<-END
	[default]
	region = us-east-1
	s3 =
	    signature_version = s3v4
	END
}

# Where clients look that read the files of key_for.
aws_env() {
	AWS_SHARED_CREDENTIALS_FILE=$T/aws AWS_CONFIG_FILE=$T/aws.config
	AWS_PAGER='' AWS_EC2_METADATA_DISABLED=true
	export AWS_SHARED_CREDENTIALS_FILE AWS_CONFIG_FILE AWS_PAGER
	export AWS_EC2_METADATA_DISABLED
}

# A tenant that may store 100 kB, with a key as of key_for.
key_of_small() { # NAME
	store "$1" tenant add --tier free --disk 100000 small >/dev/null &&
	    key_for "$1" small
}

# A command that is to fail and to say what.  Who tries again for a quarter of an
# hour, as some do where there is no answer or a failure, has not understood it.
refused() { # SENTENCE COMMAND...
	sentence=$1
	shift
	timeout 300 "$@" >"$T/refused" 2>&1 </dev/null
	code=$?
	[ $code -ne 0 ] && [ $code -ne 124 ] &&
	    grep -q "$sentence" "$T/refused" && return
	echo "# it ended with $code"
	sed 's/^/# /' "$T/refused"
	return 1
}

# Packages of PyPI with a Python of their own, kept beside what is built; their
# programs are in $venv/bin.
venv() { # NAME PACKAGE==VERSION
	venv=$here/../build/py/$1
	/usr/bin/python3 -c 'import venv, ensurepip' 2>/dev/null ||
	    skip 'python3-venv is not installed'
	mkdir -p "${venv%/*}"
	(
		flock 9 || exit 1
		[ ! -e "$venv/whole" ] || exit 0
		rm -rf "$venv"
		/usr/bin/python3 -m venv "$venv" && timeout 900 \
		    "$venv/bin/pip" --retries 1 --timeout 60 install -q \
		    --disable-pip-version-check "$2" && : >"$venv/whole"
	) 9>"$venv.lock" >"$T/pip" 2>&1 ||
	    skip "pip cannot install $2: $(tail -n 1 "$T/pip")"
}

# Lines of TAP without numbers, as a client's script writes them, are ours.
take_tap() { # FILE
	while read -r line; do
		case $line in
		"ok - "*) ok 0 "${line#ok - }" ;;
		"not ok - "*) ok 1 "${line#not ok - }" ;;
		*) echo "# ${line#\# }" ;;
		esac
	done <"$1"
}

# A file of that many bytes which look random, the same in each run.
noise() { # BYTES FILE
	openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff \
	    -iv "$(printf '%032d' "${3:-0}")" -in /dev/zero 2>/dev/null |
	    head -c "$1" >"$2"
}

# The size of what the clients upload in parts.
big=${KN_S3_BIG:-1073741824}
