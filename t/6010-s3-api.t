#!/bin/sh
# SPDX-License-Identifier: ISC
# Every operation that kn-store has, once by "aws s3api", and what is said of
# what is missing.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
/usr/bin/python3 -c 'import awscli
print("# aws", awscli.__version__)' 2>/dev/null ||
    skip "the distribution's aws is not installed, or not Python"
store_start a && key_for a own
ok $? "a store with a key"
aws_env
mkfifo "$T/ask" "$T/answer"
/usr/bin/python3 "$here/interop/s3/aws.py" "$T/out" "$T/err" <"$T/ask" \
    >"$T/answer" 2>"$T/said" &
pids="$pids $!"
exec 4>"$T/ask" 5<"$T/answer"
noise 5242880 "$T/five"
noise 5000 "$T/small"
printf '%s' '{"CORSRules":[{"AllowedOrigins":["https://a.example"],
"AllowedMethods":["GET","PUT"],"AllowedHeaders":["*"],"ExposeHeaders":["ETag"],
"MaxAgeSeconds":60}]}' >"$T/cors"
printf '%s' '{"Rules":[{"ID":"one","Status":"Enabled","Filter":{"And":{
"Prefix":"tmp/","Tags":[{"Key":"a","Value":"b"}],"ObjectSizeGreaterThan":1}},
"Expiration":{"Days":3},"NoncurrentVersionExpiration":{"NoncurrentDays":4,
"NewerNoncurrentVersions":2}},{"ID":"two","Status":"Disabled","Filter":{
"Prefix":""},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":1}}]}' \
    >"$T/life"

# A line: an operation, its options, and what jq is to find true of the answer
# ($T/out), with what earlier lines noted as $NAME.  "!CODE" instead: the error
# that is to come.  "NAME = expression" at the end notes what jq finds.
while IFS=';' read -r operation options want note; do
	case $operation in '#'* | '') continue ;; esac
	operation=$(echo "$operation" | tr -d ' ')
	options=${options# } want=${want# } note=${note# }
	eval "printf '%s\n' --endpoint-url \"\$endpoint\" --output json s3api \
	    $operation $options" >&4 && echo >&4 && read -r code <&5
	[ -s "$T/out" ] || echo '{}' >"$T/out"
	case $want in
	!*) [ $code -ne 0 ] && grep -q "(${want#!})" "$T/err" ;;
	*) [ $code -eq 0 ] && jq -e "$want" "$T/out" >/dev/null ;;
	esac
	good=$?
	ok $good "$operation${options:+ $options}: $want"
	[ $good -eq 0 ] || sed 's/^/# /' "$T/err" "$T/out"
	[ -z "$note" ] || eval "${note%% =*}=\$(jq -r '${note#*=}' \"\$T/out\")"
done <<'END'
# buckets
create-bucket; --bucket box; .Location == "/box"
create-bucket; --bucket box; !BucketAlreadyOwnedByYou
create-bucket; --bucket Box_; !InvalidBucketName
create-bucket; --bucket box2 --create-bucket-configuration LocationConstraint=eu-west-1; true
list-buckets; ; [.Buckets[].Name] == ["box","box2"]
head-bucket; --bucket box; true
head-bucket; --bucket none; !404
get-bucket-location; --bucket box; .LocationConstraint == null
delete-bucket; --bucket box2; true
delete-bucket; --bucket box2; !NoSuchBucket
get-bucket-versioning; --bucket box; .Status == null
get-bucket-versioning; --bucket none; !NoSuchBucket
# objects
put-object; --bucket box --key a/b --body "$T/small" --content-type x/y --metadata colour=blue --tagging one=1; .ETag != null
put-object; --bucket none --key a --body "$T/small"; !NoSuchBucket
put-object; --bucket box --key a/b --body "$T/small" --content-md5 AAAAAAAAAAAAAAAAAAAAAA==; !BadDigest
put-object; --bucket box --key a/b --body "$T/small" --content-md5 AAAA; !InvalidDigest
put-object; --bucket box --key a/b --body "$T/small" --storage-class GLACIER; !InvalidStorageClass
put-object; --bucket box --key a/b --body "$T/small" --server-side-encryption AES256; !NotImplemented
put-object; --bucket box --key a/b --body "$T/small" --object-lock-legal-hold-status ON; !NotImplemented
put-object; --bucket box --key "$(printf %01025d 0)" --body "$T/small"; !KeyTooLongError
put-object; --bucket box --key sum --body "$T/small" --checksum-algorithm SHA256; .ChecksumSHA256 != null
put-object; --bucket box --key ../x//y --body "$T/small"; true
head-object; --bucket box --key a/b; .ContentLength == 5000 and .ContentType == "x/y" and .Metadata.colour == "blue"
head-object; --bucket box --key none; !404
get-object; --bucket box --key a/b "$T/back"; .ContentLength == 5000 and .TagCount == 1
get-object; --bucket box --key none "$T/back"; !NoSuchKey
get-object; --bucket box --key a/b --range bytes=5000- "$T/back"; !InvalidRange
get-object; --bucket box --key a/b --if-match none "$T/back"; !PreconditionFailed
get-object; --bucket box --key a/b --version-id none "$T/back"; !InvalidArgument
get-object-attributes; --bucket box --key sum --object-attributes ETag Checksum ObjectSize StorageClass; .ObjectSize == 5000 and .StorageClass == "STANDARD" and .Checksum.ChecksumSHA256 != null
get-object-attributes; --bucket box --key none --object-attributes ETag; !NoSuchKey
copy-object; --bucket box --key c --copy-source box/a/b; .CopyObjectResult.ETag != null
copy-object; --bucket box --key c --copy-source box/none; !NoSuchKey
copy-object; --bucket box --key c --copy-source none/a; !NoSuchBucket
copy-object; --bucket box --key c --copy-source box/c; !InvalidRequest
copy-object; --bucket box --key c --copy-source box/c --metadata-directive REPLACE --metadata colour=red; true
head-object; --bucket box --key c; .Metadata.colour == "red"
list-objects; --bucket box --delimiter /; [.Contents[].Key] == ["c","sum"] and [.CommonPrefixes[].Prefix] == ["../","a/"]
list-objects; --bucket none; !NoSuchBucket
list-objects-v2; --bucket box --prefix a --fetch-owner; .Contents[0].Owner.ID == "own" and (.Contents | length) == 1
list-objects-v2; --bucket box --start-after a/b; [.Contents[].Key] == ["c","sum"]
# tags
get-object-tagging; --bucket box --key a/b; .TagSet == [{"Key":"one","Value":"1"}]
put-object-tagging; --bucket box --key a/b --tagging '{"TagSet":[{"Key":"x","Value":"y"},{"Key":"z","Value":""}]}'; true
get-object-tagging; --bucket box --key a/b; .TagSet == [{"Key":"x","Value":"y"},{"Key":"z","Value":""}]
put-object-tagging; --bucket box --key a/b --tagging 'TagSet=[{Key=x,Value=1},{Key=x,Value=2}]'; !InvalidTag
put-object-tagging; --bucket box --key none --tagging 'TagSet=[]'; !NoSuchKey
delete-object-tagging; --bucket box --key a/b; true
get-object-tagging; --bucket box --key a/b; .TagSet == []
put-bucket-tagging; --bucket box --tagging 'TagSet=[{Key=x,Value=y}]'; true
get-bucket-tagging; --bucket box; .TagSet == [{"Key":"x","Value":"y"}]
delete-bucket-tagging; --bucket box; true
get-bucket-tagging; --bucket box; !NoSuchTagSet
# lists of access
get-bucket-acl; --bucket box; .Owner.ID == "own" and .Grants[0].Permission == "FULL_CONTROL"
put-bucket-acl; --bucket box --acl public-read; true
get-bucket-acl; --bucket box; [.Grants[].Permission] == ["FULL_CONTROL","READ"]
get-bucket-policy-status; --bucket box; .PolicyStatus.IsPublic == true
put-bucket-acl; --bucket box --acl private; true
get-bucket-policy-status; --bucket box; .PolicyStatus.IsPublic == false
put-bucket-acl; --bucket box --acl public-read-write; !NotImplemented
get-object-acl; --bucket box --key c; .Grants[0].Permission == "FULL_CONTROL"
put-object-acl; --bucket box --key c --acl private; true
put-object-acl; --bucket box --key c --acl public-read; !NotImplemented
get-object-acl; --bucket box --key none; !NoSuchKey
# documents
get-bucket-cors; --bucket box; !NoSuchCORSConfiguration
put-bucket-cors; --bucket box --cors-configuration "file://$T/cors"; true
get-bucket-cors; --bucket box; .CORSRules[0].MaxAgeSeconds == 60 and .CORSRules[0].AllowedMethods == ["GET","PUT"]
delete-bucket-cors; --bucket box; true
get-bucket-cors; --bucket box; !NoSuchCORSConfiguration
get-bucket-lifecycle-configuration; --bucket box; !NoSuchLifecycleConfiguration
put-bucket-lifecycle-configuration; --bucket box --lifecycle-configuration "file://$T/life"; true
get-bucket-lifecycle-configuration; --bucket box; .Rules[0].Expiration.Days == 3 and .Rules[0].Filter.And.Tags[0].Key == "a" and .Rules[0].NoncurrentVersionExpiration.NewerNoncurrentVersions == 2 and .Rules[1].Status == "Disabled"
delete-bucket-lifecycle; --bucket box; true
# multipart
create-multipart-upload; --bucket box --key m --content-type x/z --metadata a=b; .UploadId != null; id = .UploadId
create-multipart-upload; --bucket none --key m; !NoSuchBucket
upload-part; --bucket box --key m --upload-id "$id" --part-number 1 --body "$T/five"; .ETag != null; one = .ETag
upload-part; --bucket box --key m --upload-id "$id" --part-number 10001 --body "$T/small"; !InvalidArgument
upload-part; --bucket box --key m --upload-id none --part-number 1 --body "$T/small"; !NoSuchUpload
upload-part-copy; --bucket box --key m --upload-id "$id" --part-number 2 --copy-source box/c --copy-source-range bytes=0-99; .CopyPartResult.ETag != null; two = .CopyPartResult.ETag
upload-part-copy; --bucket box --key m --upload-id "$id" --part-number 2 --copy-source box/c --copy-source-range bytes=0-5000; !InvalidArgument
list-parts; --bucket box --key m --upload-id "$id"; [.Parts[].Size] == [5242880,100]
list-parts; --bucket box --key m --upload-id none; !NoSuchUpload
list-multipart-uploads; --bucket box; .Uploads[0].Key == "m" and (.Uploads | length) == 1
complete-multipart-upload; --bucket box --key m --upload-id "$id" --multipart-upload "Parts=[{ETag=$two,PartNumber=2},{ETag=$one,PartNumber=1}]"; !InvalidPartOrder
complete-multipart-upload; --bucket box --key m --upload-id "$id" --multipart-upload "Parts=[{ETag=$two,PartNumber=1}]"; !InvalidPart
complete-multipart-upload; --bucket box --key m --upload-id "$id" --multipart-upload "Parts=[]"; !MalformedXML
complete-multipart-upload; --bucket box --key m --upload-id "$id" --multipart-upload "Parts=[{ETag=$one,PartNumber=1},{ETag=$two,PartNumber=2}]"; .ETag | endswith("-2\"")
complete-multipart-upload; --bucket box --key m --upload-id none --multipart-upload "Parts=[{ETag=$one,PartNumber=1}]"; !NoSuchUpload
head-object; --bucket box --key m --part-number 2; .ContentLength == 100 and .PartsCount == 2 and .ContentType == "x/z"
create-multipart-upload; --bucket box --key small; true; id = .UploadId
upload-part; --bucket box --key small --upload-id "$id" --part-number 1 --body "$T/small"; true; one = .ETag
upload-part; --bucket box --key small --upload-id "$id" --part-number 2 --body "$T/small"; true
complete-multipart-upload; --bucket box --key small --upload-id "$id" --multipart-upload "Parts=[{ETag=$one,PartNumber=1},{ETag=$one,PartNumber=2}]"; !EntityTooSmall
abort-multipart-upload; --bucket box --key small --upload-id "$id"; true
abort-multipart-upload; --bucket box --key small --upload-id "$id"; !NoSuchUpload
# versions
put-bucket-versioning; --bucket box --versioning-configuration Status=Enabled; true
put-bucket-versioning; --bucket box --versioning-configuration Status=Enabled,MFADelete=Enabled; !NotImplemented
put-object; --bucket box --key c --body "$T/five"; .VersionId != null; id = .VersionId
delete-object; --bucket box --key c; .DeleteMarker; mark = .VersionId
get-object; --bucket box --key c "$T/back"; !NoSuchKey
get-object; --bucket box --key c --version-id "$mark" "$T/back"; !MethodNotAllowed
get-object; --bucket box --key c --version-id "$id" "$T/back"; .ContentLength == 5242880
get-object; --bucket box --key c --version-id 0000000000000001 "$T/back"; !NoSuchVersion
list-object-versions; --bucket box --prefix c; (.Versions | length) == 2 and .DeleteMarkers[0].IsLatest
delete-object; --bucket box --key c --version-id "$mark"; .DeleteMarker
delete-object; --bucket box --key never; .DeleteMarker
delete-objects; --bucket box --delete 'Objects=[{Key=a/b},{Key=c},{Key=../x//y}]'; (.Deleted | length) == 3 and .Deleted[0].DeleteMarker
delete-bucket; --bucket box; !BucketNotEmpty
# what there is not
get-bucket-policy; --bucket box; !NotImplemented
get-bucket-encryption; --bucket box; !NotImplemented
get-bucket-website; --bucket box; !NotImplemented
get-bucket-replication; --bucket box; !NotImplemented
get-object-lock-configuration; --bucket box; !NotImplemented
get-public-access-block; --bucket box; !NotImplemented
restore-object; --bucket box --key c --restore-request Days=1; !NotImplemented
END
finish
