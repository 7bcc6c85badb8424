/* SPDX-License-Identifier: ISC */
#include "t/s3/rig.h"

static void
simple(void)
{
	struct rig g;

	rig_new(&g);
	rig_ask(&g, "PUT", "/box/a",
	    "content-type: text/plain\nx-amz-meta-Colour: red\n"
	    "cache-control: no-cache\n",
	    slice_text("hello"));
	rig_is(&g, 200, "", "a small object is put");
	is_text(rig_header(&g, "etag"), "\"5d41402abc4b2a76b9719d911017c592\"",
	    "its ETag is the MD5");
	rig_do(&g, "GET", "/box/a");
	is_int(g.got.status, 200, "and read");
	ok(rig_body_is(&g, "hello"), "as it was");
	is_text(rig_header(&g, "content-type"), "text/plain", "with its type");
	is_text(rig_header(&g, "x-amz-meta-colour"), "red", "user metadata");
	is_text(rig_header(&g, "cache-control"), "no-cache", "other headers");
	is_text(rig_header(&g, "last-modified"),
	    "Tue, 14 Nov 2023 22:13:20 GMT", "and the time");
	rig_do(&g, "HEAD", "/box/a");
	ok(g.got.status == 200 && g.got.no_body && g.got.length == 5,
	    "HEAD says the length and has no body");
	rig_do(&g, "HEAD", "/box/b");
	ok(g.got.status == 404 && g.got.no_body, "HEAD of what is not there");
	rig_do(&g, "GET", "/box/b");
	rig_is(&g, 404, "NoSuchKey", "GET of what is not there");
	rig_do(&g, "GET", "/nobox/b");
	rig_is(&g, 404, "NoSuchBucket", "no such bucket");
	rig_ask(&g, "PUT", "/box/empty", "", (struct slice){ 0 });
	rig_is(&g, 200, "", "an empty object");
	rig_do(&g, "GET", "/box/empty");
	ok(g.got.status == 200 && g.got.body.n == 0, "is read");
	is_text(rig_header(&g, "content-type"), "binary/octet-stream",
	    "a type is made up");
	is_int(g.ann->disk_used, 5, "the tenant uses what is there");
	is_int(g.ann->disk_reserved, 0, "and nothing is reserved");
	rig_do(&g, "DELETE", "/box/a");
	rig_is(&g, 204, "", "it is deleted");
	rig_do(&g, "GET", "/box/a");
	rig_is(&g, 404, "NoSuchKey", "and gone");
	rig_do(&g, "DELETE", "/box/a");
	rig_is(&g, 204, "", "deleting it again is no fault");
	is_int(g.ann->disk_used, 0, "nothing is used");
	rig_free(&g);
}

static void
large(void)
{
	struct rig g;
	struct buf b = rig_bytes(3 * RIG_MIB + 17, 1);
	struct slice all = buf_slice(&b);

	rig_new(&g);
	g.bite = 70000;
	rig_put(&g, "/box/big", all);
	rig_do(&g, "GET", "/box/big");
	is_bytes(g.got.body.p, g.got.body.n, all.p, all.n, "a large object");
	rig_ask(&g, "GET", "/box/big", "range: bytes=1000000-1000009\n",
	    (struct slice){ 0 });
	ok(g.got.status == 206 && g.got.body.n == 10 &&
		memcmp(g.got.body.p, all.p + 1000000, 10) == 0,
	    "a range of it");
	is_text(rig_header(&g, "content-range"),
	    "bytes 1000000-1000009/3145745", "says where it is");
	rig_put(&g, "/box/twin", all);
	is_int(g.s3->stats[S3_STAT_DEDUPED], 1, "the same is kept once");
	is_int(g.ann->disk_used, 2 * all.n, "but paid for twice");
	rig_do(&g, "DELETE", "/box/big");
	rig_do(&g, "GET", "/box/twin");
	ok(slice_eq(buf_slice(&g.got.body), all), "one goes, the other stays");
	rig_free(&g);
	buf_free(&b);
}

static void
if_range(void)
{
	static const struct {
		const char *value;
		unsigned status;
	} rows[] = {
		{ "\"%s\"", 206 },
		{ "%s", 206 },
		{ "W/\"%s\"", 200 },
		{ "\"0%s\"", 200 },
		{ "\"", 200 },
		{ "*", 200 },
		{ "Tue, 14 Nov 2023 22:13:20 GMT", 206 },
		{ "Tue, 14 Nov 2023 22:13:21 GMT", 200 },
		{ "Tue, 14 Nov 2023 22:13:19 GMT", 200 },
	};
	char value[80], lines[200], etag[40];
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/n", slice_text("0123456789"));
	snprintf(etag, sizeof etag, "%.32s", rig_header(&g, "etag") + 1);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *at = strstr(rows[i].value, "%");

		snprintf(value, sizeof value, "%.*s%.*s%s",
		    (int)(at ? at - rows[i].value : 80), rows[i].value,
		    at ? 32 : 0, etag, at ? strchr(at, 's') + 1 : "");
		snprintf(lines, sizeof lines,
		    "range: bytes=2-4\nif-range: %s\n", value);
		rig_ask(&g, "GET", "/box/n", lines, (struct slice){ 0 });
		ok(g.got.status == rows[i].status &&
			g.got.body.n == (g.got.status == 206 ? 3 : 10),
		    "If-Range: %s", value);
	}
	rig_ask(&g, "GET", "/box/n", "range: bytes=99-\nif-range: \"x\"\n",
	    (struct slice){ 0 });
	is_int(g.got.status, 200, "a range that does not count is never bad");
	rig_free(&g);
}

static void
ranges(void)
{
	static const struct {
		const char *range;
		unsigned status;
		const char *body, *where;
	} rows[] = {
		{ "bytes=0-0", 206, "0", "bytes 0-0/10" },
		{ "bytes=2-4", 206, "234", "bytes 2-4/10" },
		{ "bytes=7-", 206, "789", "bytes 7-9/10" },
		{ "bytes=7-100", 206, "789", "bytes 7-9/10" },
		{ "bytes=-3", 206, "789", "bytes 7-9/10" },
		{ "bytes=-100", 206, "0123456789", "bytes 0-9/10" },
		{ "bytes=0-1,3-4", 200, "0123456789", "" },
		{ "lines=0-1", 200, "0123456789", "" },
		{ "bytes=4-2", 200, "0123456789", "" },
	};
	struct rig g;
	char line[80];

	rig_new(&g);
	rig_put(&g, "/box/n", slice_text("0123456789"));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(line, sizeof line, "range: %s\n", rows[i].range);
		rig_ask(&g, "GET", "/box/n", line, (struct slice){ 0 });
		ok(g.got.status == rows[i].status &&
			rig_body_is(&g, rows[i].body) &&
			strcmp(rig_header(&g, "content-range"),
			    rows[i].where) == 0,
		    "%s", rows[i].range);
	}
	rig_ask(&g, "GET", "/box/n", "range: bytes=10-\n", (struct slice){ 0 });
	rig_is(&g, 416, "InvalidRange", "behind the end");
	is_text(rig_header(&g, "content-range"), "bytes */10", "says the size");
	rig_ask(&g, "GET", "/box/n", "range: bytes=1-2\nif-range: \"x\"\n",
	    (struct slice){ 0 });
	is_int(g.got.status, 200, "If-Range of another gives the whole");
	rig_ask(
	    &g, "HEAD", "/box/n", "range: bytes=1-2\n", (struct slice){ 0 });
	ok(g.got.status == 206 && g.got.length == 2 && g.got.no_body,
	    "HEAD with a range");
	rig_do(&g, "GET", "/box/n?partNumber=1");
	ok(g.got.status == 206 && rig_body_is(&g, "0123456789"),
	    "partNumber=1 of a plain object");
	rig_do(&g, "GET", "/box/n?partNumber=2");
	rig_is(&g, 416, "InvalidRange", "there is no second");
	rig_do(&g, "GET", "/box/n?partNumber=x");
	rig_is(&g, 400, "InvalidArgument", "partNumber is a number");
	rig_free(&g);
}

static void
conditions(void)
{
	static const char etag[] = "\"781e5e245d69b566979b86e28d23f2c7\"";
	static const struct {
		const char *method, *line;
		unsigned status;
	} rows[] = {
		{ "GET", "if-match: %s", 200 },
		{ "GET", "if-match: \"x\"", 412 },
		{ "GET", "if-none-match: %s", 304 },
		{ "HEAD", "if-none-match: %s", 304 },
		{ "GET", "if-none-match: \"x\"", 200 },
		{ "GET", "if-modified-since: Tue, 14 Nov 2023 22:13:20 GMT",
		    304 },
		{ "GET", "if-modified-since: Tue, 14 Nov 2023 22:13:19 GMT",
		    200 },
		{ "GET", "if-unmodified-since: Tue, 14 Nov 2023 22:13:19 GMT",
		    412 },
		{ "PUT", "if-none-match: *", 412 },
		{ "PUT", "if-none-match: \"x\"", 501 },
		{ "PUT", "if-match: \"x\"", 412 },
		{ "DELETE", "if-match: \"x\"", 412 },
		{ "PUT", "if-match: %s", 200 },
		{ "DELETE", "if-match: %s", 204 },
		{ "PUT", "if-match: %s", 404 },
		{ "PUT", "if-none-match: *", 200 },
	};
	struct rig g;
	char line[160];

	rig_new(&g);
	rig_put(&g, "/box/n", slice_text("0123456789"));
	is_text(rig_header(&g, "etag"), etag, "the ETag is known");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *at = strstr(rows[i].line, "%s");

		snprintf(line, sizeof line, "%.*s%s\n",
		    (int)(at ? at - rows[i].line : 160), rows[i].line,
		    at ? etag : "");
		rig_ask(&g, rows[i].method, "/box/n", line,
		    rows[i].method[0] == 'P' ? slice_text("0123456789")
					     : (struct slice){ 0 });
		if (!ok(g.got.status == rows[i].status, "%s %s", rows[i].method,
			rows[i].line))
			printf("# %u\n", g.got.status);
		if (g.got.status == 304)
			ok(g.got.no_body &&
				strcmp(rig_header(&g, "etag"), etag) == 0,
			    "304 has the ETag and no body");
	}
	rig_free(&g);
}

/* Two uploads that both saw no object: only one of them may win. */
static void
race(void)
{
	struct rig g, *other = mem_new(sizeof *other);
	struct s3_req *a, *b;
	struct slice body = slice_text("12345");

	rig_new(&g);
	*other = g;
	rig_head(&g, "PUT", "/box/r", "if-none-match: *\n", body);
	a = s3_begin(g.s3, &g.head, g.now);
	other->authorization = (struct buf){ .max = 4096 };
	rig_head(other, "PUT", "/box/r", "if-none-match: *\n", body);
	b = s3_begin(g.s3, &other->head, g.now);
	rig_feed(&g, a, body);
	rig_feed(&g, b, body);
	ok(s3_state(a) == S3_WAITS && s3_state(b) == S3_WAITS,
	    "both wait for the commit");
	rig_wait(&g, a);
	is_int(s3_reply(a)->status, 200, "the first is put");
	is_int(s3_reply(b)->status, 412, "the second is refused at its turn");
	s3_done(a, 0);
	s3_done(b, 0);
	is_int(g.ann->disk_used, 5, "one is paid");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	buf_free(&other->authorization);
	free(other);
	rig_free(&g);
}

static void
versions(void)
{
	struct rig g;
	char first[32], second[32], marker[32], target[80];

	rig_new(&g);
	rig_put(&g, "/box/v", slice_text("null"));
	is_text(rig_header(&g, "x-amz-version-id"), "", "no versions yet");
	nodedb_bucket_set(g.db, g.box, S3_VERSIONED, 0);
	rig_put(&g, "/box/v", slice_text("one"));
	snprintf(first, 32, "%s", rig_header(&g, "x-amz-version-id"));
	rig_put(&g, "/box/v", slice_text("two"));
	snprintf(second, 32, "%s", rig_header(&g, "x-amz-version-id"));
	ok(first[0] && strcmp(first, second) != 0, "each put is a version");
	rig_do(&g, "GET", "/box/v");
	ok(rig_body_is(&g, "two"), "the newest is read");
	snprintf(target, sizeof target, "/box/v?versionId=%s", first);
	rig_do(&g, "GET", target);
	ok(rig_body_is(&g, "one"), "an older one by its id");
	rig_do(&g, "GET", "/box/v?versionId=null");
	ok(rig_body_is(&g, "null"), "and what was there before");
	rig_do(&g, "GET", "/box/v?versionId=000000000000ffff");
	rig_is(&g, 404, "NoSuchVersion", "an unknown version");
	rig_do(&g, "GET", "/box/v?versionId=rubbish");
	rig_is(&g, 400, "InvalidArgument", "no version of ours");
	is_int(g.ann->disk_used, 10, "all versions are paid");

	rig_do(&g, "DELETE", "/box/v");
	rig_is(&g, 204, "", "a delete puts a marker");
	is_text(rig_header(&g, "x-amz-delete-marker"), "true", "says so");
	snprintf(marker, 32, "%s", rig_header(&g, "x-amz-version-id"));
	rig_do(&g, "GET", "/box/v");
	rig_is(&g, 404, "NoSuchKey", "it hides the object");
	is_text(rig_header(&g, "x-amz-delete-marker"), "true", "saying why");
	is_text(rig_header(&g, "x-amz-version-id"), marker, "and which");
	snprintf(target, sizeof target, "/box/v?versionId=%s", marker);
	rig_do(&g, "GET", target);
	rig_is(&g, 405, "MethodNotAllowed", "a marker cannot be read");
	is_text(rig_header(&g, "allow"), "DELETE", "only deleted");
	rig_do(&g, "DELETE", target);
	is_text(rig_header(&g, "x-amz-delete-marker"), "true", "as it is now");
	rig_do(&g, "GET", "/box/v");
	ok(rig_body_is(&g, "two"), "and the object is back");

	nodedb_bucket_set(g.db, g.box, S3_SUSPENDED, 0);
	rig_put(&g, "/box/v", slice_text("new null"));
	is_text(rig_header(&g, "x-amz-version-id"), "null", "suspended");
	rig_do(&g, "DELETE", "/box/v");
	is_text(rig_header(&g, "x-amz-version-id"), "null", "a null marker");
	snprintf(target, sizeof target, "/box/v?versionId=%s", second);
	rig_do(&g, "GET", target);
	ok(rig_body_is(&g, "two"), "versions stay");
	rig_do(&g, "DELETE", target);
	rig_is(&g, 204, "", "until they are deleted");
	rig_do(&g, "GET", target);
	rig_is(&g, 404, "NoSuchVersion", "for good");
	rig_free(&g);
}

static void
overrides(void)
{
	struct rig g;

	rig_new(&g);
	nodedb_bucket_set(g.db, g.box, 0, S3_READ);
	rig_ask(
	    &g, "PUT", "/box/o", "content-type: text/plain\n", slice_text("x"));
	rig_do(&g, "GET",
	    "/box/o?response-content-type=text%2Fhtml&"
	    "response-content-disposition=attachment%0d%0aEvil%3a1");
	is_text(rig_header(&g, "content-type"), "text/html", "overridden");
	is_text(rig_header(&g, "content-disposition"), "attachment  Evil:1",
	    "without line ends");
	g.who = RIG_NOBODY;
	rig_do(&g, "GET", "/box/o");
	is_int(g.got.status, 200, "anonymous reads are allowed here");
	rig_do(&g, "GET", "/box/o?response-content-type=text%2Fhtml");
	rig_is(&g, 400, "InvalidRequest", "but not to choose headers");
	rig_ask(&g, "PUT", "/box/o", "", slice_text("y"));
	rig_is(&g, 403, "AccessDenied", "nor to write");
	ok(g.got.early, "which is said before the body");
	rig_free(&g);
}

static void
metadata(void)
{
	struct rig g;
	char big[2600];

	rig_new(&g);
	rig_ask(&g, "PUT", "/box/m",
	    "content-encoding: gzip\nx-amz-meta-b: 2\nx-amz-meta-a: \n"
	    "x-amz-tagging: k=v&l=w%20x\nexpires: never\n"
	    "content-language: de\nx-amz-website-redirect-location: /z\n",
	    slice_text("x"));
	rig_is(&g, 200, "", "all kinds of metadata");
	rig_do(&g, "HEAD", "/box/m");
	is_text(rig_header(&g, "x-amz-meta-b"), "2", "user metadata");
	is_text(rig_header(&g, "content-encoding"), "gzip", "an encoding");
	is_text(rig_header(&g, "content-language"), "de", "a language");
	is_text(rig_header(&g, "expires"), "never", "Expires as it was");
	is_text(rig_header(&g, "x-amz-website-redirect-location"), "/z",
	    "a redirection");
	is_text(rig_header(&g, "x-amz-tagging-count"), "2", "tags counted");
	snprintf(big, sizeof big, "x-amz-meta-a: %02040d\n", 0);
	rig_ask(&g, "PUT", "/box/m", big, slice_text("x"));
	is_int(g.got.status, 200, "just not too much");
	snprintf(big, sizeof big, "x-amz-meta-a: %02048d\n", 0);
	rig_ask(&g, "PUT", "/box/m", big, slice_text("x"));
	rig_is(&g, 400, "MetadataTooLarge", "too much");
	snprintf(big, sizeof big, "content-type: %01025d\n", 0);
	rig_ask(&g, "PUT", "/box/m", big, slice_text("x"));
	rig_is(&g, 400, "MetadataTooLarge", "too long a type");
	rig_ask(
	    &g, "PUT", "/box/m", "x-amz-tagging: a=1&a=2\n", slice_text("x"));
	rig_is(&g, 400, "InvalidTag", "a tag twice");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_free(&g);
}

static void
refused(void)
{
	static const struct {
		const char *line;
		unsigned status;
		const char *code;
	} rows[] = {
		{ "x-amz-server-side-encryption: AES256", 501,
		    "NotImplemented" },
		{ "x-amz-server-side-encryption-customer-algorithm: AES256",
		    501, "NotImplemented" },
		{ "x-amz-object-lock-mode: GOVERNANCE", 501, "NotImplemented" },
		{ "x-amz-grant-read: id=1", 501, "NotImplemented" },
		{ "x-amz-acl: public-read", 501, "NotImplemented" },
		{ "x-amz-acl: private", 200, "" },
		{ "x-amz-acl: bucket-owner-full-control", 200, "" },
		{ "x-amz-storage-class: STANDARD", 200, "" },
		{ "x-amz-storage-class: REDUCED_REDUNDANCY", 200, "" },
		{ "x-amz-storage-class: GLACIER", 400, "InvalidStorageClass" },
		{ "x-amz-write-offset-bytes: 1", 501, "NotImplemented" },
		{ "x-amz-checksum-sha512: AAAA", 501, "NotImplemented" },
		{ "x-amz-checksum-md5: AAAA", 501, "NotImplemented" },
		{ "x-amz-checksum-xxhash64: AAAA", 501, "NotImplemented" },
		{ "x-amz-expected-bucket-owner: ann", 200, "" },
		{ "x-amz-expected-bucket-owner: bob", 403, "AccessDenied" },
	};
	struct rig g;
	char line[120];

	rig_new(&g);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(line, sizeof line, "%s\n", rows[i].line);
		rig_ask(&g, "PUT", "/box/r", line, slice_text("x"));
		rig_is(&g, rows[i].status, rows[i].code, rows[i].line);
	}
	rig_free(&g);
}

static void
keys(void)
{
	static const char *const rows[] = { "a", "a/b", "..", "../x", "//",
		"%2E%2E%2F", "%F0%9F%90%84", "a%20b+c", "%01", "-" };
	struct rig g;
	char target[80], body[80];

	rig_new(&g);
	for (int read = 0; read < 2; read++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			snprintf(target, sizeof target, "/box/%s", rows[i]);
			snprintf(body, sizeof body, "of %s", rows[i]);
			if (!read)
				rig_put(&g, target, slice_text(body));
			else
				ok(rig_do(&g, "GET", target) == 200 &&
					rig_body_is(&g, body),
				    "key %s", rows[i]);
		}
	rig_free(&g);
}

static void
attributes(void)
{
	struct rig g;

	rig_new(&g);
	rig_ask(&g, "PUT", "/box/n", "x-amz-checksum-crc32: OfSDAg==\n",
	    slice_text("0123456789"));
	rig_is(&g, 400, "BadDigest", "another CRC");
	rig_ask(&g, "PUT", "/box/n", "x-amz-checksum-crc32: poTHxg==\n",
	    slice_text("0123456789"));
	rig_is(&g, 200, "", "a CRC");
	rig_ask(&g, "GET", "/box/n?attributes",
	    "x-amz-object-attributes: ETag,Checksum, ObjectSize\n"
	    "x-amz-object-attributes: StorageClass,ObjectParts\n",
	    (struct slice){ 0 });
	rig_is(&g, 200, "", "attributes");
	is_text(rig_xml(&g, "ETag"), "781e5e245d69b566979b86e28d23f2c7",
	    "the ETag");
	is_text(rig_xml(&g, "ChecksumCRC32"), "poTHxg==", "the checksum");
	is_text(rig_xml(&g, "ObjectSize"), "10", "the size");
	is_text(rig_xml(&g, "StorageClass"), "STANDARD", "the class");
	rig_ask(&g, "GET", "/box/n?attributes",
	    "x-amz-object-attributes: Size\n", (struct slice){ 0 });
	rig_is(&g, 400, "InvalidArgument", "an unknown one");
	rig_free(&g);
}

int
main(void)
{
	simple();
	large();
	ranges();
	if_range();
	conditions();
	race();
	versions();
	overrides();
	metadata();
	refused();
	keys();
	attributes();
	return tap_done();
}
