#!/bin/sh
# SPDX-License-Identifier: ISC
# curl, which signs by itself, and plain curl as browsers and strangers ask.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
curl --help all 2>/dev/null | grep -q aws-sigv4 || skip 'curl cannot sign'
curl --version | head -n 1 | cut -d' ' -f1-2 | sed 's/^/# /'
store_start a 'domains = s3.example' && key_for a own
ok $? "a store with a key"

# the key in a file: it is not to be seen in the list of processes
sign_as() { # FILE SECRET REGION
	printf 'user = "%s:%s"\naws-sigv4 = "aws:amz:%s:s3"\n' \
	    "$key_id" "$2" "$3" >"$1"
	# older ones sign it, but do not make it
	printf 'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"\n' >>"$1"
}
sign_as "$T/curlrc" "$secret" us-east-1
# both print the status; the body is in $T/out, the head in $T/head
plain() { curl -sS -D "$T/head" -o "$T/out" -w '%{http_code}' "$@"; }
s3() { plain -K "$T/curlrc" "$@"; }
code() { grep -q "<Code>$1</Code>" "$T/out"; }
head_has() { tr -d '\r' <"$T/head" | grep -qi "^$1\$"; }

[ "$(s3 -X PUT "$endpoint/photos")" = 200 ]
ok $? "a bucket is made"
noise 100000 "$T/one"
noise "$big" "$T/big"
[ "$(s3 -T "$T/one" "$endpoint/photos/a/one")" = 200 ]
ok $? "a file is put"
[ "$(s3 "$endpoint/photos/a/one")" = 200 ] && cmp -s "$T/one" "$T/out"
ok $? "and got"
[ "$(s3 -T "$T/big" "$endpoint/photos/big")" = 200 ] &&
    [ "$(s3 "$endpoint/photos/big")" = 200 ] && cmp -s "$T/big" "$T/out"
ok $? "a big one, in one piece"
[ "$(s3 -T - "$endpoint/photos/pipe" <"$T/one")" = 411 ] &&
    code MissingContentLength
ok $? "a pipe says no length, which S3 wants"
[ "$(s3 -r 10-19 "$endpoint/photos/a/one")" = 206 ] &&
    tail -c +11 "$T/one" | head -c 10 | cmp -s - "$T/out" &&
    head_has 'content-range: bytes 10-19/100000'
ok $? "a part of it"
[ "$(s3 -r 100000- "$endpoint/photos/a/one")" = 416 ] && code InvalidRange
ok $? "nothing behind its end"
head -c 40000 "$T/one" >"$T/resumed"
curl -sS -K "$T/curlrc" -C - -o "$T/resumed" "$endpoint/photos/a/one" &&
    cmp -s "$T/one" "$T/resumed"
ok $? "a download that broke is taken up"
etag=$(md5sum <"$T/one" | cut -d' ' -f1)
[ "$(s3 -H "If-None-Match: \"$etag\"" "$endpoint/photos/a/one")" = 304 ]
ok $? "not again when it is known"
[ "$(s3 -z "$(date -u -d tomorrow '+%a, %d %b %Y %T GMT')" \
    "$endpoint/photos/a/one")" = 304 ]
ok $? "nor when it did not change"
[ "$(s3 "$endpoint/photos?list-type=2&prefix=a%2F")" = 200 ] &&
    grep -q '<Key>a/one</Key>' "$T/out"
ok $? "it is listed"
[ "$(s3 -X PUT -H 'x-amz-copy-source: /photos/a/one' \
    "$endpoint/photos/b/two")" = 200 ] &&
    [ "$(s3 "$endpoint/photos/b/two")" = 200 ] && cmp -s "$T/one" "$T/out"
ok $? "a copy"

# HEAD is GET without the body
s3 "$endpoint/photos/a/one" >/dev/null && tr -d '\r' <"$T/head" |
    grep -v '^\(Date\|x-amz-request-id\):' | sort >"$T/get.head"
s3 -I "$endpoint/photos/a/one" >/dev/null && tr -d '\r' <"$T/head" |
    grep -v '^\(Date\|x-amz-request-id\):' | sort | cmp -s - "$T/get.head"
ok $? "HEAD says what GET says"
while read -r want path; do
	[ "$(s3 -I -w '%{http_code} %{size_download}' "$endpoint$path")" = \
	    "$want 0" ] || break
	want=
done <<END
200 /photos
404 /nowhere
404 /photos/nothing
404 /nowhere/nothing
404 /photos/a/one?versionId=0000000000000007
400 /x/y
END
[ -z "$want" ]
ok $? "HEAD of what is not there has no body${want:+: $path}"

# who is a stranger, and what he may
[ "$(plain "$endpoint/photos/a/one")" = 403 ] && code AccessDenied
ok $? "nobody else may read it"
[ "$(plain "$endpoint/")" = 403 ]
ok $? "nor list the buckets"
store a bucket --anonymous read photos >/dev/null &&
    curl -sSf "$endpoint/photos/a/one" | cmp -s - "$T/one"
ok $? "until everybody may"
[ "$(plain "$endpoint/photos?list-type=2")" = 403 ] &&
    [ "$(plain "$endpoint/photos/none")" = 404 ]
ok $? "who may read may not list"
store a bucket --anonymous read,list photos >/dev/null &&
    [ "$(plain "$endpoint/photos?list-type=2&delimiter=%2F")" = 200 ] &&
    grep -q '<Prefix>a/</Prefix>' "$T/out"
ok $? "until he may"
[ "$(plain -T "$T/one" "$endpoint/photos/new")" = 403 ] &&
    [ "$(plain -X DELETE "$endpoint/photos/a/one")" = 403 ]
ok $? "he may not write"

# signatures
sign_as "$T/wrongrc" wrong-secret us-east-1
[ "$(plain -K "$T/wrongrc" "$endpoint/photos/a/one")" = 403 ] &&
    code SignatureDoesNotMatch && grep -q '<CanonicalRequest>GET' "$T/out"
ok $? "a wrong secret is told what was signed"
for region in us-east-1 eu-central-1 auto kn; do
	sign_as "$T/regionrc" "$secret" "$region"
	[ "$(plain -K "$T/regionrc" "$endpoint/photos/a/one")" = 200 ] || break
	region=
done
[ -z "$region" ]
ok $? "signed for any region"
grep -v content-sha256 "$T/curlrc" >"$T/barerc"
s3=$(plain -K "$T/barerc" "$endpoint/photos/a/one")
[ "$s3" = 200 ] || { [ "$s3" = 400 ] && code InvalidRequest &&
    grep -q 'x-amz-content-sha256' "$T/out"; }
ok $? "what older ones leave out is named"
# curl sends a date of ours twice, so here it is done by hand
hmac() { # KEY-IN-HEX TEXT
	printf %s "$2" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" |
	    sed 's/.* //'
}
clock() { # SECONDS: asks as who has a clock that goes so wrong
	at=$(date -u -d "@$(($(date +%s) + $1))" +%Y%m%dT%H%M%SZ)
	scope=${at%T*}/kn/s3/aws4_request
	names='host;x-amz-content-sha256;x-amz-date'
	sum=$(printf 'GET\n/photos/a/one\n\nhost:%s\n%s\nx-amz-date:%s\n\n%s\n%s' \
	    "127.0.0.1:$port" x-amz-content-sha256:UNSIGNED-PAYLOAD "$at" \
	    "$names" UNSIGNED-PAYLOAD | sha256sum | cut -d' ' -f1)
	key=$(printf 'AWS4%s' "$secret" | od -An -tx1 -v | tr -d ' \n')
	for word in "${at%T*}" kn s3 aws4_request; do
		key=$(hmac "$key" "$word")
	done
	signature=$(hmac "$key" "$(printf 'AWS4-HMAC-SHA256\n%s\n%s\n%s' \
	    "$at" "$scope" "$sum")")
	plain -H "x-amz-date: $at" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
	    -H "Authorization: AWS4-HMAC-SHA256 Credential=$key_id/$scope,SignedHeaders=$names,Signature=$signature" \
	    "$endpoint/photos/a/one"
}
[ "$(clock -600)" = 200 ] && [ "$(clock 600)" = 200 ]
ok $? "a clock may be wrong by ten minutes"
[ "$(clock -1200)" = 403 ] && code RequestTimeTooSkewed &&
    [ "$(clock 1200)" = 403 ] && code RequestTimeTooSkewed
ok $? "and not by twenty"

# browsers
cat >"$T/cors" <<'END'
<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example</AllowedOrigin>
<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>
<AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>
<MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>
END
# with "=", because older ones sign "?cors" wrongly
[ "$(s3 -X PUT --data-binary "@$T/cors" \
    -H "Content-MD5: $(openssl md5 -binary "$T/cors" | base64)" \
    "$endpoint/photos?cors=")" = 200 ]
ok $? "a bucket says who may ask from where"
ask() { # ORIGIN METHOD HEADERS
	plain -X OPTIONS -H "Origin: $1" \
	    -H "Access-Control-Request-Method: $2" \
	    -H "Access-Control-Request-Headers: $3" "$endpoint/photos/a/one"
}
[ "$(ask https://a.example PUT x-amz-date)" = 200 ] &&
    head_has 'access-control-allow-origin: https://a.example' &&
    head_has 'access-control-allow-methods: .*PUT.*' &&
    head_has 'access-control-allow-headers: x-amz-date' &&
    head_has 'access-control-max-age: 60' && head_has 'vary: .*origin.*'
ok $? "a preflight"
[ "$(ask https://a.other PUT x-amz-date)" = 403 ] &&
    [ "$(ask https://a.example DELETE x-amz-date)" = 403 ] &&
    [ "$(ask https://a.example PUT cookie)" = 403 ] &&
    ! head_has 'access-control-allow-origin: .*'
ok $? "others are refused"
[ "$(plain -H 'Origin: https://b.example' "$endpoint/photos/a/one")" = 200 ] &&
    head_has 'access-control-allow-origin: https://b.example' &&
    head_has 'access-control-expose-headers: etag'
ok $? "and what follows"
[ "$(plain -H 'Origin: https://b.other' "$endpoint/photos/a/one")" = 200 ] &&
    ! head_has 'access-control-allow-origin: .*'
ok $? "which the browser keeps from others"

# the bucket in the name of the host
at=http://photos.s3.example:$port
to="photos.s3.example:$port:127.0.0.1"
[ "$(s3 --resolve "$to" "$at/a/one")" = 200 ] && cmp -s "$T/one" "$T/out"
ok $? "virtual-host style"
[ "$(s3 --resolve "$to" -T "$T/one" "$at/photos/deep")" = 200 ] &&
    [ "$(s3 "$endpoint/photos/photos/deep")" = 200 ]
ok $? "whose path is all key"
[ "$(plain -H 'Host: photos.s3.example' "$endpoint/?prefix=a")" = 200 ] &&
    grep -q '<Name>photos</Name>' "$T/out"
ok $? "by a Host header, without a port"
[ "$(s3 --resolve "s3.example:$port:127.0.0.1" \
    "http://s3.example:$port/photos/a/one")" = 200 ]
ok $? "the domain itself is path style"

# a cap
curl -sS --unix-socket "$store_sock" http://store/photos/a/one |
    cmp -s - "$T/one"
ok $? "the local socket needs no signature"
[ "$(s3 "$endpoint/photos?replication")" = 501 ] && code NotImplemented
ok $? "what there is not is said"
[ "$(s3 -X DELETE "$endpoint/photos/a/one")" = 204 ] &&
    [ "$(s3 "$endpoint/photos/a/one")" = 404 ] && code NoSuchKey
ok $? "it is deleted"
key_of_small a && sign_as "$T/curlrc" "$secret" us-east-1 &&
    [ "$(s3 -X PUT "$endpoint/tiny")" = 200 ] &&
    [ "$(s3 -T "$T/one" "$endpoint/tiny/one")" = 200 ]
ok $? "a tenant with a cap"
[ "$(s3 -T "$T/big" -w '%{http_code} %{size_upload}' \
    "$endpoint/tiny/big" 2>/dev/null)" = "403 0" ] && code QuotaExceeded
ok $? "what does not fit is refused before a byte is sent"
[ "$(s3 -T "$T/one" "$endpoint/tiny/one")" = 200 ]
ok $? "what replaces its like fits"
finish
