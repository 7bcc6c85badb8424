#!/bin/sh
# SPDX-License-Identifier: ISC
# What backup.sh and restore.sh share: backup.conf(5), objects in a bucket, and
# the names and figures of a backup (backup(5)).  Source it after node.sh; then
# objects_open.  Only verbs without _ in front are for those who source it.
# shellcheck disable=SC2034,SC2154 # those who source it set and use them

# Exit codes; 0 done, 1 it failed otherwise.
USAGE=2 PARTIAL=3 TARGET=10 LOCKED=11 UNREADABLE=12 UNVERIFIED=13 UPLOAD=14
CLOCK=15 SPACE=16 SOURCE=17 LATER=75

_openssl=$(command -v openssl) || _openssl=
EMPTY=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
TRAILER=4096
ZSTD_HEAD=$(printf '(\265/\375\004') # how what zstd makes of a stream begins

stop() { # CODE SENTENCE
	_code=$1
	shift
	note "$*"
	exit "$_code"
}

value_of() { # OPTION VALUE
	[ $# -ge 2 ] || stop $USAGE "$1 wants a value; see --help"
	printf '%s\n' "$2"
}

# --- backup.conf ---

# Read without a process: it is asked for often.
conf() { # SECTION KEY [DEFAULT]
	_text=${3:-}
	_at=
	[ ! -e "$backup_conf" ] || while read -r _line || [ -n "$_line" ]; do
		case $_line in
		'#'* | ';'*) ;;
		'['*) _at=$_line ;;
		*=*)
			_word=${_line%%=*}
			_word=${_word%"${_word##*[! 	]}"}
			[ "$_at" = "[$1]" ] && [ "$_word" = "$2" ] || continue
			_text=${_line#*=}
			_text=${_text#"${_text%%[! 	]*}"}
			;;
		esac
	done <"$backup_conf"
	printf '%s\n' "$_text"
}

databases() { # every one that is configured; node always is
	_seen=' node '
	echo node
	[ ! -e "$backup_conf" ] || while read -r _line || [ -n "$_line" ]; do
		case $_line in
		'[db '*']'*) ;;
		*) continue ;;
		esac
		_db=${_line#'[db '}
		_db=${_db%%']'*}
		case $_seen in
		*" $_db "*) continue ;;
		esac
		case $_db in
		'' | *[!a-z0-9-]*) ;;
		*) echo "$_db"; _seen="$_seen$_db " ;;
		esac
	done <"$backup_conf"
}

seconds() { # 1h, 30d, 90
	case $1 in
	*[!0-9smhd]* | [smhd]* | '' | *[smhd]?*) return 1 ;;
	*s) echo $((${1%s})) ;;
	*m) echo $((${1%m} * 60)) ;;
	*h) echo $((${1%h} * 3600)) ;;
	*d) echo $((${1%d} * 86400)) ;;
	*) echo "$1" ;;
	esac
}

_duration() { # SECTION KEY DEFAULT
	seconds "$(conf "$1" "$2" "$3")" ||
	    stop $USAGE "$backup_conf: $2 of [$1] is no time like 1h or 30d"
}

_name() { # WHAT TEXT: it becomes part of names of objects
	case $2 in
	'' | *[!A-Za-z0-9._-]* | .*)
		stop $USAGE "$backup_conf: $1 \"$2\" is not of letters, digits, dots, - and _" ;;
	esac
}

# Nobody else may read what the target believes us by.
_private() { # FILE WHAT
	[ -r "$1" ] || stop $USAGE "$2 $1 cannot be read by $(id -un)"
	case $(stat -L -c %a "$1") in
	*00) ;;
	*) stop $USAGE "$2 $1 can be read by others: chmod 600 $1" ;;
	esac
}

_find_node() { # the peer id of this node
	conf backup node | grep . && return
	_cert=$(ini identity cert_path) || return 1
	"$node_bin/kn-cert" show --json "$_cert" 2>/dev/null |
	    jq -r 'select(.type == "certificate").subject' | tail -n 1 | grep .
}

# Without a target: sets cluster, node (unless it was asked for) and keep_dir.
objects_offline() {
	needs_tool jq age awk sha256sum flock
	cluster=$(conf backup cluster main)
	_name cluster "$cluster"
	[ -n "${node:-}" ] || node=$(_find_node) ||
	    stop $USAGE "which node is this? say so in $backup_conf (node = PEERID), or with --node"
	_name node "$node"
	keep_dir=$(conf backup dir "$(path_of store)/backup")
}

# And what the verbs below want.
objects_open() {
	[ -r "$backup_conf" ] ||
	    stop $USAGE "$backup_conf cannot be read: copy backup.conf.example there and edit it"
	objects_offline
	_endpoint=$(conf target endpoint)
	_bucket=$(conf target bucket)
	_region=$(conf target region us-east-1)
	_prefix=$(conf target prefix)
	_ca=$(conf target ca)
	_part=$(conf target part_bytes 67108864)
	_credentials=$(conf target credentials "$(path_of etc)/backup.credentials")
	_client=$(conf target client curl)
	case $_client in
	curl | aws) needs_tool "$_client" ;;
	*) stop $USAGE "$backup_conf: client is curl or aws" ;;
	esac
	case $_endpoint in
	http://*[!/] | https://*[!/]) ;;
	*) stop $USAGE "$backup_conf: endpoint is not like https://HOST[:PORT]" ;;
	esac
	_name bucket "$_bucket"
	case $_prefix in
	'' | */) ;;
	*) _prefix=$_prefix/ ;;
	esac
	case $_prefix in
	/* | *[!A-Za-z0-9./_-]*) stop $USAGE "$backup_conf: prefix \"$_prefix\" is not of letters, digits, dots, -, _ and /" ;;
	esac
	case $_part in
	*[!0-9]* | '') stop $USAGE "$backup_conf: part_bytes is no number" ;;
	esac
	_private "$_credentials" "the credentials"
}

# Deleting may want credentials of its own.
objects_prune_with() {
	_credentials=$(conf target prune_credentials "$_credentials")
	_private "$_credentials" "the credentials for pruning"
}

# A directory of ours alone, made if need be.
private_dir() { # DIR
	[ -d "$1" ] || (umask 077 && mkdir -p "$1") ||
	    stop 1 "$1 cannot be made"
	[ -w "$1" ] || stop 1 "$1 cannot be written by $(id -un)"
	[ -O "$1" ] || stop $USAGE "$1 is another user's, not $(id -un)'s"
	case $(stat -c %a "$1") in
	*00) ;;
	*) stop $USAGE "$1 can be read by others: chmod 700 $1" ;;
	esac
}

# --- objects: names are of safe characters, see _name ---

# Status on stdout, 000 when nobody answered.  The secret is in a file.
_s3() { # CURL-ARGUMENTS…
	curl -q -sS -K "$_credentials" --aws-sigv4 "aws:amz:$_region:s3" \
	    --connect-timeout 20 --speed-limit 1 --speed-time 60 \
	    ${_ca:+--cacert "$_ca"} -w '%{http_code}' "$@" 2>"$work/curl" || :
}

# The same by aws, with its file of credentials: what it says becomes a status.
_aws() { # s3api|s3 ARGUMENTS…; what it prints is in $work/aws
	printf '[default]\nregion = %s\ns3 =\n    addressing_style = path\n    signature_version = s3v4\n' \
	    "$_region" >"$work/aws.config"
	if AWS_SHARED_CREDENTIALS_FILE=$_credentials AWS_CONFIG_FILE=$work/aws.config \
	    AWS_EC2_METADATA_DISABLED=true AWS_PAGER='' AWS_MAX_ATTEMPTS=1 \
	    aws --endpoint-url "$_endpoint" ${_ca:+--ca-bundle "$_ca"} \
	    --output text "$@" >"$work/aws" 2>"$work/curl"; then
		echo 200
		return
	fi
	_code=$(sed -n 's/.*An error occurred (\([A-Za-z0-9]*\)).*/\1/p' "$work/curl" | head -n 1)
	echo "<Code>${_code:-$(grep . "$work/curl" | tail -n 1 | tr -d '<>')}</Code>" >"$work/answer"
	case $_code in
	404 | NoSuch*) echo 404 ;;
	412 | PreconditionFailed) echo 412 ;;
	409 | ConditionalRequestConflict) echo 409 ;;
	5?? | InternalError | SlowDown | ServiceUnavailable | '')
		if grep -qi 'unknown options\|invalid choice' "$work/curl"; then
			echo 400
		else
			echo 503
		fi ;;
	*) echo 403 ;;
	esac
}

# Old ones know no condition: that nothing is there is asked for before.
_aws_put() { # FILE KEY: a status
	if [ "$(file_size "$1")" -gt "$_part" ]; then
		_aws s3 cp --only-show-errors "$1" "s3://$_bucket/$2"
		return
	fi
	set -- s3api put-object --bucket "$_bucket" --key "$2" --body "$1" \
	    --checksum-algorithm SHA256
	_status=$(_aws "$@" --if-none-match '*')
	if [ "$_status" = 400 ]; then
		_status=$(_aws s3api head-object --bucket "$_bucket" --key "$6")
		[ "$_status" = 200 ] && _status=412 || _status=$(_aws "$@")
	fi
	echo "$_status"
}

_url() { echo "$_endpoint/$_bucket/$1"; }

_said() { # what the target had to say
	sed -n 's/.*<Code>\([^<]*\)<.*/\1/p' "$work/answer" 2>/dev/null |
	    head -n 1 | grep . || head -n 1 "$work/curl"
}

_nothing() { : >"$work/answer"; }

base64_of_hex() {
	printf '%s\n' "$1" | awk '{
		a = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		split("262144 4096 64 1", place, " ")
		for (i = 1; i <= length($0); i += 6) {
			six = substr($0, i, 6)
			v = 0
			for (j = 1; j <= 6; j++) {
				v *= 16
				if (j <= length(six))
					v += index("0123456789abcdef", substr(six, j, 1)) - 1
			}
			for (j = 0; j < 4; j++) {
				c = substr(a, int(v / place[j + 1]) % 64 + 1, 1)
				out = out (j > length(six) / 2 ? "=" : c)
			}
		}
		print out
	}'
}

# By openssl(1) where it is there: it knows the instructions that processors have
# for this, and is four times as fast.
sum() { # of standard input
	if [ -n "$_openssl" ]; then
		_line=$(openssl dgst -sha256 -r) || return 1
	else
		_line=$(sha256sum) || return 1
	fi
	printf '%s\n' "${_line%% *}"
}
file_sum() { sum <"$1"; } # FILE
file_size() { stat -c %s "$1"; }

# What each stage ended with.  The files are there before, so that a full disk
# has room for what is written over them.
begin_stages() { # STAGE…
	for _stage in "$@"; do
		echo killed >"$work/code.$_stage"
	done
}
end_stage() { echo "$2" 1<>"$work/code.$1"; } # STAGE CODE
status_of() { read -r _status <"$work/code.$1"; echo "$_status"; } # STAGE

# What a status means: 0 it is done, 1 try again, else it ends here.
_judge() { # STATUS WHAT
	case $1 in
	2??) return 0 ;;
	000 | 408 | 409 | 429 | 5??) return 1 ;;
	404) stop $TARGET "$2: the bucket is not there ($(_said))" ;;
	esac
	stop $UPLOAD "$2: refused with $1 ($(_said))"
}

_again() { # N: wait before the next try, 1 after the last
	[ "$1" -le 4 ] || return 1
	sleep "${KN_BACKUP_PAUSE:-$1}"
}

_put_whole() { # FILE KEY SHA
	_s3 -T "$1" -H "x-amz-content-sha256: $3" -H 'If-None-Match: *' \
	    -H "x-amz-checksum-sha256: $(base64_of_hex "$3")" \
	    -H 'Content-Type: application/octet-stream' \
	    -o "$work/answer" "$(_url "$2")"
}

# The target's answer to one part is its ETag.
_put_parts() { # FILE KEY: a status
	_status=$(_s3 -X POST -H "x-amz-content-sha256: $EMPTY" -d '' \
	    -H 'Content-Type: application/octet-stream' -o "$work/answer" \
	    "$(_url "$2")?uploads=")
	_upload=$(sed -n 's/.*<UploadId>\([^<]*\)<.*/\1/p' "$work/answer" |
	    sed 's/+/%2B/g; s/\//%2F/g; s/=/%3D/g')
	[ -n "$_upload" ] || { echo "$_status"; return; }
	_size=$(file_size "$1")
	_n=0
	echo '<CompleteMultipartUpload>' >"$work/parts"
	while [ $((_n * _part)) -lt "$_size" ]; do
		_sha=$(tail -c +$((_n * _part + 1)) "$1" | head -c "$_part" |
		    tee "$work/part" | sum)
		_n=$((_n + 1))
		_status=$(_s3 -T "$work/part" -D "$work/head" \
		    -H "x-amz-content-sha256: $_sha" \
		    -o "$work/answer" \
		    "$(_url "$2")?partNumber=$_n&uploadId=$_upload")
		_tag=$(tr -d '\r' <"$work/head" |
		    sed -n 's/^[Ee][Tt][Aa][Gg]: *//p')
		if [ "$_status" != 200 ] || [ -z "$_tag" ]; then
			_give_up "$2" "$_upload"
			echo "$_status"
			return
		fi
		echo "<Part><PartNumber>$_n</PartNumber><ETag>$_tag</ETag></Part>" \
		    >>"$work/parts"
	done
	rm -f "$work/part"
	echo '</CompleteMultipartUpload>' >>"$work/parts"
	_status=$(_s3 -X POST --data-binary "@$work/parts" \
	    -H 'Content-Type: application/xml' -H 'If-None-Match: *' \
	    -H "x-amz-content-sha256: $(file_sum "$work/parts")" \
	    -o "$work/answer" "$(_url "$2")?uploadId=$_upload")
	# an error may come behind a status of success
	if [ "$_status" = 200 ] && grep -q '<Error>' "$work/answer"; then
		_status=500
	fi
	[ "$_status" = 200 ] || _give_up "$2" "$_upload"
	echo "$_status"
}

_give_up() { # KEY UPLOAD
	_s3 -X DELETE -H "x-amz-content-sha256: $EMPTY" -o "$work/gone" \
	    "$(_url "$1")?uploadId=$2" >/dev/null
}

# A new object; one of this name that is the same is as good.
object_put() { # FILE KEY SHA
	_try=1
	while :; do
		_nothing
		if [ $_client = aws ]; then
			_status=$(_aws_put "$1" "$2")
		elif [ "$(file_size "$1")" -gt "$_part" ]; then
			_status=$(_put_parts "$1" "$2")
		else
			_status=$(_put_whole "$1" "$2" "$3")
		fi
		if [ "$_status" = 412 ]; then
			[ "$(object_size "$2")" = "$(file_size "$1")" ] &&
			    object_sum "$2" && [ "$got" = "$3" ] && return
			stop $UPLOAD "$2 is there already, and is another one"
		fi
		_judge "$_status" "$2" && return
		_again $_try ||
		    stop $UPLOAD "$2 was not taken, after $_try tries: $_status ($(_said))"
		_try=$((_try + 1))
	done
}

object_size() { # KEY: 1 when it is not there
	if [ $_client = aws ]; then
		[ "$(_aws s3api head-object --bucket "$_bucket" --key "$1" \
		    --query ContentLength)" = 200 ] || return 1
		cat "$work/aws"
		return
	fi
	_s3 -I -H "x-amz-content-sha256: $EMPTY" -o "$work/head" \
	    "$(_url "$1")" >"$work/status"
	[ "$(cat "$work/status")" = 200 ] || return 1
	tr -d '\r' <"$work/head" |
	    sed -n 's/^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee][Nn][Gg][Tt][Hh]: *//p'
}

_get() { # KEY FILE [RANGE]: a status
	if [ $_client = aws ]; then
		_status=$(_aws s3api get-object --bucket "$_bucket" --key "$1" \
		    ${3:+--range "bytes=$3"} "$2")
		[ "$_status" = 200 ] || cp "$work/answer" "$2"
		: >"$work/curl"
		echo "$_status"
		return
	fi
	_s3 -H "x-amz-content-sha256: $EMPTY" -o "$2" ${3:+-r "$3"} "$(_url "$1")"
}

# The same, and into $work/sum what its SHA-256 is: made while it comes.
_get_sum() { # KEY [FILE [RANGE]]
	if [ $_client = aws ]; then
		_get "$1" "${2:-$work/object}" ${3:+"$3"}
		file_sum "${2:-$work/object}" >"$work/sum"
		rm -f "$work/object"
		return
	fi
	: >"$work/head"
	_s3 -H "x-amz-content-sha256: $EMPTY" -D "$work/head" -o - -w '' \
	    ${3:+-r "$3"} "$(_url "$1")" | tee "${2:-/dev/null}" 2>"$work/tee" | sum >"$work/sum"
	cat "$work/tee" >>"$work/curl"
	sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$work/head" | tail -n 1 | grep . ||
	    echo 000
}

# 1: it is not there.  What is asked for again begins anew.
_object() { # _get|_get_sum KEY FILE [RANGE, as 0-99]
	_by=$1 _key=$2 _file=${3:-/dev/null}
	shift
	_try=1
	while :; do
		_nothing
		_status=$($_by "$@")
		case $_status in
		200 | 206) [ -s "$work/curl" ] || return 0 ;;
		404)
			cp "$_file" "$work/answer"
			[ "$(_said)" != NoSuchBucket ] ||
			    stop $TARGET "$_bucket: there is no such bucket"
			return 1 ;;
		416) : >"$_file" # it is empty
			return 1 ;;
		000 | 409 | 429 | 5??) ;;
		*) cp "$_file" "$work/answer"
			stop $UPLOAD "$_key: refused with $_status ($(_said))" ;;
		esac
		_again $_try ||
		    stop $LATER "$_key cannot be read: $_status $(head -n 1 "$work/curl")"
		_try=$((_try + 1))
	done
}
object_get() { _object _get "$@"; } # KEY FILE [RANGE]
object_sum() { # KEY [FILE [RANGE]]: sets got, its SHA-256
	_object _get_sum "$@" && got=$(cat "$work/sum")
}

object_delete() { # KEY
	_nothing
	if [ $_client = aws ]; then
		_status=$(_aws s3api delete-object --bucket "$_bucket" --key "$1")
	else
		_status=$(_s3 -X DELETE -H "x-amz-content-sha256: $EMPTY" \
		    -o "$work/answer" "$(_url "$1")")
	fi
	[ "$_status" = 404 ] || _judge "$_status" "$1" ||
	    stop $LATER "$1 cannot be removed: $_status ($(_said))"
}

_query() { printf '%s' "$1" | sed 's/%/%25/g; s/+/%2B/g; s/\//%2F/g; s/=/%3D/g'; }

# Elements of XML, one a line, into $work/lines: not by a pipe, of which only the
# end would be known, and part of a list is worse than none.
_lines() {
	sed 's/></>\n</g' "$work/answer" >"$work/lines" ||
	    stop 1 "the answer of the target cannot be read"
}

# A page of answers into $work/answer, or all of them, as rows, into $work/aws.
_ask() { # QUERY WHAT AWS-VERB AWS-QUERY
	_try=1
	while :; do
		_nothing
		if [ $_client = aws ]; then
			_status=$(_aws s3api "$3" --bucket "$_bucket" \
			    --prefix "$_folder" --query "$4")
		else
			_status=$(_s3 -H "x-amz-content-sha256: $EMPTY" \
			    -o "$work/answer" "$_endpoint/$_bucket?$1")
		fi
		_judge "$_status" "$2" && return
		_again $_try ||
		    stop $LATER "$2: $_status $(head -n 1 "$work/curl")"
		_try=$((_try + 1))
	done
}

# NAME SIZE of every object below $prefix$cluster/$node/DB/.
objects_of() { # DB
	_folder=$_prefix$cluster/$node/$1/
	_token=
	while :; do
		_ask "${_token:+continuation-token=$_token&}list-type=2&prefix=$(_query "$_folder")" \
		    "the list of $_folder" list-objects-v2 'Contents[].[Key,Size]'
		if [ $_client = aws ]; then
			awk -v folder="$_folder" 'index($1, folder) == 1 {
				print substr($1, length(folder) + 1), $2
			}' "$work/aws" || stop 1 "the list of $_folder cannot be read"
			return
		fi
		_lines
		awk -v folder="$_folder" '
		/<Key>/ { sub(/.*<Key>/, ""); sub(/<.*/, ""); key = $0 }
		/<Size>/ { sub(/.*<Size>/, ""); sub(/<.*/, ""); size = $0 }
		/<\/Contents>/ && index(key, folder) == 1 {
			print substr(key, length(folder) + 1), size
		}' "$work/lines" || stop 1 "the list of $_folder cannot be read"
		_token=$(sed -n 's/.*<NextContinuationToken>\([^<]*\)<.*/\1/p' \
		    "$work/lines") || stop 1 "the list of $_folder cannot be read"
		_token=$(_query "$_token")
		[ -n "$_token" ] || return 0
	done
}

# KEY UPLOAD-ID of uploads that were begun before DATE and never ended.
uploads_of() { # DB DATE, as 20260101T000000Z
	_folder=$_prefix$cluster/$node/$1/
	_ask "prefix=$(_query "$_folder")&uploads=" "the list of uploads" \
	    list-multipart-uploads 'Uploads[].[Key,UploadId,Initiated]'
	if [ $_client = aws ]; then
		awk -v before="$2" 'NF == 3 {
			gsub(/[-:]/, "", $3)
			sub(/\.[0-9]*/, "", $3)
			sub(/\+0000$/, "Z", $3)
			if ($3 < before)
				print $1, $2
		}' "$work/aws"
		return
	fi
	_lines
	awk -v before="$2" '
	/<Key>/ { sub(/.*<Key>/, ""); sub(/<.*/, ""); key = $0 }
	/<UploadId>/ { sub(/.*<UploadId>/, ""); sub(/<.*/, ""); id = $0 }
	/<Initiated>/ {
		sub(/.*<Initiated>/, ""); sub(/<.*/, "")
		gsub(/[-:]/, ""); sub(/\.[0-9]*/, "")
		at = $0
	}
	/<\/Upload>/ { if (at < before) print key, id }' "$work/lines"
}

upload_abort() { # KEY UPLOAD-ID
	if [ $_client = aws ]; then
		_aws s3api abort-multipart-upload --bucket "$_bucket" --key "$1" \
		    --upload-id "$2" >/dev/null
	else
		_give_up "$1" "$(_query "$2")"
	fi
}

key_of() { echo "$_prefix$cluster/$node/$1/$2"; } # DB NAME

# --- what is there of a database, oldest first ---

# NAME STATE SIZE, NAME without .age or .json.  whole: with a manifest; bare:
# without one; hollow: a manifest without an object.
backups_of() { # DB
	objects_of "$1" >"$work/list"
	awk '
	{ name = $1 }
	!sub(/\.(age|json)$/, "", name) { next }
	name !~ /^[0-9]+T[0-9]+Z-[0-9]+-[0-9a-f]+$/ { next }
	$1 ~ /\.age$/ { size[name] = $2 }
	$1 ~ /\.json$/ { manifest[name] = 1 }
	{ names[name] = 1 }
	END {
		for (n in names) {
			state = n in manifest ? "whole" : "bare"
			if (!(n in size))
				state = "hollow"
			print n, state, size[n] + 0
		}
	}' "$work/list" >"$work/names" && sort "$work/names" ||
	    stop 1 "the list of backups cannot be read"
}

time_of() { echo "${1%%-*}"; } # NAME
sequence_of() { _rest=${1#*-}; echo "${_rest%%-*}" | sed 's/^0*\(.\)/\1/'; } # NAME

stamp() { date -u -d "@$1" +%Y%m%dT%H%M%SZ; } # SECONDS

epoch_of() { # 20260101T000000Z
	date -u -d "$(echo "$1" |
	    sed 's/^\(....\)\(..\)\(..\)T\(..\)\(..\)\(..\)Z$/\1-\2-\3 \4:\5:\6/')" +%s
}

# The manifest of a backup into FILE; 1: it is not there, or not of this backup.
manifest_get() { # DB NAME FILE
	object_get "$(key_of "$1" "$2.json")" "$3" 0-65535 || return 1
	jq -e --arg db "$1" --arg node "$node" --arg cluster "$cluster" \
	    --arg object "$2.age" '.format == "kontinuum-backup 1" and
	    .db == $db and .node == $node and .cluster == $cluster and
	    .object == $object and (.size | type) == "number" and
	    (.sha256 | test("^[0-9a-f]{64}$"))' "$3" >/dev/null 2>&1
}

# Of an age file: how many recipients it names; 1 when it is none.
stanzas() { # FILE
	head -c 65536 "$1" | LC_ALL=C awk '
	NR == 1 && $0 != "age-encryption.org/v1" { exit }
	/^-> [A-Za-z0-9-]+-grease/ { next }
	/^-> / { n++ }
	/^--- / { good = 1; exit }
	END { if (good) print n + 0; exit !good }'
}
