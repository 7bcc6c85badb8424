# SPDX-License-Identifier: ISC
"""boto3 against an S3 endpoint: boto.py ENDPOINT BIG-FILE [cap]

Writes lines of TAP without numbers.  With cap, the key's tenant cannot hold the
file: the upload is tried, and what the SDK raises ends this program."""
import hashlib
import io
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, big = sys.argv[1:3]
BOX = "box"
ODD = "a/ü b+%&"
SMALL = bytes(range(256)) * 20


def client(**given):
    config = Config(
        signature_version="s3v4", s3={"addressing_style": "path"}, **given
    )
    return boto3.client("s3", endpoint_url=endpoint, config=config)


s3 = client()
# some tell BadDigest by sending again
once = client(retries={"max_attempts": 0})


def ok(good, name):
    print(("ok - " if good else "not ok - ") + name, flush=True)


def code_of(fn, **given):
    try:
        fn(**given)
        return "none"
    except ClientError as e:
        return e.response["Error"]["Code"]


def body(key, **given):
    return s3.get_object(Bucket=BOX, Key=key, **given)["Body"].read()


def curl(*arguments):
    return subprocess.run(
        ("curl", "-sS") + arguments, stdout=subprocess.PIPE, check=True
    ).stdout


def has(operation, member):
    shape = s3.meta.service_model.operation_model(operation).input_shape
    return member in shape.members


def objects():
    s3.create_bucket(Bucket=BOX)
    ok([b["Name"] for b in s3.list_buckets()["Buckets"]] == [BOX], "a bucket")
    s3.put_object(
        Bucket=BOX,
        Key=ODD,
        Body=SMALL,
        ContentType="text/x-test",
        CacheControl="no-cache",
        Metadata={"colour": "blue"},
        Tagging="one=1&two=2",
    )
    got = s3.get_object(Bucket=BOX, Key=ODD)
    ok(got["Body"].read() == SMALL, "an object")
    ok(
        (got["ContentType"], got["CacheControl"], got["Metadata"], got["TagCount"])
        == ("text/x-test", "no-cache", {"colour": "blue"}, 2),
        "with metadata and tags",
    )
    ok(got["ETag"] == '"%s"' % hashlib.md5(SMALL).hexdigest(), "its ETag is its MD5")
    ok(body(ODD, Range="bytes=-16") == SMALL[-16:], "the end of it")
    s3.put_object(Bucket=BOX, Key="stream", Body=io.BytesIO(SMALL))
    ok(body("stream") == SMALL, "a stream")
    s3.put_object(Bucket=BOX, Key="empty")
    ok(body("empty") == b"", "nothing")


def errors():
    for want, name, given in [
        ("InvalidRange", "get_object", {"Key": ODD, "Range": "bytes=9999-"}),
        ("NoSuchKey", "get_object", {"Key": "none"}),
        ("404", "head_object", {"Key": "none"}),
        ("NoSuchBucket", "list_objects", {"Bucket": "none"}),
        ("NoSuchUpload", "list_parts", {"Key": "none", "UploadId": "none"}),
        ("NoSuchCORSConfiguration", "get_bucket_cors", {}),
        ("NoSuchLifecycleConfiguration", "get_bucket_lifecycle_configuration", {}),
        ("NoSuchTagSet", "get_bucket_tagging", {}),
        ("NotImplemented", "get_bucket_encryption", {}),
        ("InvalidArgument", "list_objects_v2", {"ContinuationToken": "none"}),
        ("BucketNotEmpty", "delete_bucket", {}),
    ]:
        got = code_of(getattr(s3, name), **{"Bucket": BOX, **given})
        ok(got == want, "%s: %s" % (name, got))


def parts():
    size = os.path.getsize(big)
    s3.upload_file(big, BOX, "big")
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(big)) as back:
        s3.download_file(BOX, "big", back.name)
        ok(
            subprocess.run(("cmp", "-s", big, back.name)).returncode == 0,
            "a big file in parts, there and back",
        )
    s3.copy({"Bucket": BOX, "Key": "big"}, BOX, "copy")
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(big)) as back:
        s3.download_file(BOX, "copy", back.name)
        ok(
            subprocess.run(("cmp", "-s", big, back.name)).returncode == 0,
            "copied in parts",
        )
    s3.copy_object(Bucket=BOX, Key="copy", CopySource={"Bucket": BOX, "Key": "big"})
    head = s3.head_object(Bucket=BOX, Key="copy")
    ok(head["ContentLength"] == size, "copied at once")
    part = s3.get_object(Bucket=BOX, Key="big", PartNumber=2)
    ok(
        part["PartsCount"] == -(-size // (8 << 20))
        and part["ContentLength"] == 8 << 20,
        "one part of it",
    )
    part["Body"].close()


def sums():
    for kind in ["CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"]:
        name = "Checksum" + kind
        if not has("PutObject", name):
            print("# this boto3 has no", kind)
            continue
        put = s3.put_object(Bucket=BOX, Key="sum", Body=SMALL, ChecksumAlgorithm=kind)
        head = s3.head_object(Bucket=BOX, Key="sum", ChecksumMode="ENABLED")
        ok(
            put[name] == head[name] and body("sum", ChecksumMode="ENABLED") == SMALL,
            kind,
        )
        wrong = ("B" if put[name][0] == "A" else "A") + put[name][1:]
        ok(
            code_of(
                once.put_object, Bucket=BOX, Key="sum", Body=SMALL, **{name: wrong}
            )
            == "BadDigest",
            kind + " of something else",
        )
    for kind in ["CRC32", "SHA256", "CRC64NVME"]:
        if not has("CompleteMultipartUpload", "Checksum" + kind):
            continue
        s3.upload_file(
            big, BOX, "parts", ExtraArgs={"ChecksumAlgorithm": kind}
        )
        got = s3.get_object_attributes(
            Bucket=BOX, Key="parts", ObjectAttributes=["Checksum", "ObjectParts"]
        )
        ok(
            "Checksum" + kind in got["Checksum"]
            and got["ObjectParts"]["TotalPartsCount"] > 1,
            kind + " of parts",
        )


def lists():
    def put(i):
        s3.put_object(Bucket=BOX, Key="many/%04d" % i, Body=b"x")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(1001)))
    want = ["many/%04d" % i for i in range(1001)]
    for name in ["list_objects_v2", "list_objects"]:
        pages = s3.get_paginator(name).paginate(
            Bucket=BOX, Prefix="many/", PaginationConfig={"PageSize": 300}
        )
        keys = [o["Key"] for p in pages for o in p["Contents"]]
        ok(keys == want, "%s: 1,001 keys in pages" % name)
    for at in (0, 1000):
        gone = s3.delete_objects(
            Bucket=BOX, Delete={"Objects": [{"Key": k} for k in want[at : at + 1000]]}
        )
        ok(len(gone["Deleted"]) == len(want[at : at + 1000]), "deleted together")
    ok("Contents" not in s3.list_objects_v2(Bucket=BOX, Prefix="many/"), "all gone")


def conditions():
    if has("PutObject", "IfNoneMatch"):
        ok(
            code_of(s3.put_object, Bucket=BOX, Key=ODD, Body=b"no", IfNoneMatch="*")
            == "PreconditionFailed",
            "If-None-Match keeps what is there",
        )
    else:
        print("# this boto3 has no IfNoneMatch")
    ok(
        code_of(s3.get_object, Bucket=BOX, Key=ODD, IfMatch='"none"')
        == "PreconditionFailed",
        "If-Match of something else",
    )
    tag = s3.head_object(Bucket=BOX, Key=ODD)["ETag"]
    ok(code_of(s3.get_object, Bucket=BOX, Key=ODD, IfNoneMatch=tag) == "304", "known")


def versions():
    s3.put_bucket_versioning(
        Bucket=BOX, VersioningConfiguration={"Status": "Enabled"}
    )
    one = s3.put_object(Bucket=BOX, Key="v", Body=b"one")["VersionId"]
    two = s3.put_object(Bucket=BOX, Key="v", Body=b"two")["VersionId"]
    mark = s3.delete_object(Bucket=BOX, Key="v")
    ok(
        mark["DeleteMarker"] and code_of(s3.get_object, Bucket=BOX, Key="v")
        == "NoSuchKey",
        "a delete marker",
    )
    ok(
        body("v", VersionId=one) == b"one" and body("v", VersionId=two) == b"two",
        "the versions",
    )
    s3.delete_object(Bucket=BOX, Key="v", VersionId=mark["VersionId"])
    ok(body("v") == b"two", "the marker is removed")


def signed():
    given = {"Bucket": BOX, "Key": ODD}
    url = s3.generate_presigned_url("get_object", Params=given)
    ok(curl("-f", url) == SMALL, "a presigned download, by curl")
    ok(curl("-f", "-r", "4-7", url) == SMALL[4:8], "a range of it")
    url = s3.generate_presigned_url(
        "get_object",
        Params={**given, "ResponseContentDisposition": 'attachment; filename="x"'},
    )
    head = curl("-f", "-D", "-", "-o", "/dev/null", url).decode().lower()
    ok('content-disposition: attachment; filename="x"' in head, "as another file")
    url = s3.generate_presigned_url(
        "put_object", Params={"Bucket": BOX, "Key": "pre", "ContentType": "x/y"}
    )
    with tempfile.NamedTemporaryFile() as f:
        f.write(SMALL)
        f.flush()
        curl("-f", "-H", "Content-Type: x/y", "-T", f.name, url)
        got = s3.get_object(Bucket=BOX, Key="pre")
        ok(
            got["Body"].read() == SMALL and got["ContentType"] == "x/y",
            "a presigned upload, by curl",
        )
        post = s3.generate_presigned_post(
            BOX,
            "form/${filename}",
            Fields={"acl": "private"},
            Conditions=[{"acl": "private"}, ["content-length-range", 1, 9999]],
        )
        fields = []
        for name, value in post["fields"].items():
            fields += ["-F", "%s=%s" % (name, value)]
        file = "file=@%s;filename=x.bin" % f.name
        curl("-f", *fields, "-F", file, post["url"])
        ok(body("form/x.bin") == SMALL, "a form's upload, by curl")
        f.write(SMALL)
        f.flush()
        said = curl(*fields, "-F", file, post["url"]).decode()
        ok("<Code>EntityTooLarge</Code>" in said, "which is too large for its policy")


def clean():
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=BOX):
        gone = page.get("Versions", []) + page.get("DeleteMarkers", [])
        s3.delete_objects(
            Bucket=BOX,
            Delete={
                "Objects": [
                    {"Key": o["Key"], "VersionId": o["VersionId"]} for o in gone
                ]
            },
        )
    s3.delete_bucket(Bucket=BOX)
    ok(s3.list_buckets()["Buckets"] == [], "the bucket is removed")


print("# boto3", boto3.__version__)
if sys.argv[3:] == ["cap"]:
    s3.create_bucket(Bucket="tiny")
    s3.upload_file(big, "tiny", "big")
else:
    for step in (
        objects,
        errors,
        parts,
        sums,
        lists,
        conditions,
        versions,
        signed,
        clean,
    ):
        step()
