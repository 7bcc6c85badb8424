/* SPDX-License-Identifier: ISC */
#include "t/s3/rig.h"

enum { PART = S3_PART_LEAST };

static char upload_id[64];

static void
create(struct rig *g, const char *key, const char *lines)
{
	char target[200];

	snprintf(target, sizeof target, "%s?uploads", key);
	rig_ask(g, "POST", target, lines, (struct slice){ 0 });
	rig_is(g, 200, "", "an upload is begun");
	snprintf(upload_id, sizeof upload_id, "%.40s", rig_xml(g, "UploadId"));
}

static unsigned
part(struct rig *g, const char *key, unsigned n, const char *lines,
    struct slice body)
{
	char target[200];

	snprintf(target, sizeof target, "%s?partNumber=%u&uploadId=%s", key, n,
	    upload_id);
	return rig_ask(g, "PUT", target, lines, body);
}

static void
etag_of(const struct rig *g, char etag[40])
{
	snprintf(etag, 40, "%.32s", rig_header(g, "etag") + 1);
}

struct named {
	unsigned number;
	const char *etag, *more;
};

static unsigned
complete(struct rig *g, const char *key, const char *lines,
    const struct named *parts, size_t n)
{
	struct buf xml = { .max = 4 << 20 };
	char target[200], text[400];

	put_text(&xml, "<CompleteMultipartUpload>");
	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof text,
		    "<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag>%s"
		    "</Part>",
		    parts[i].number, parts[i].etag,
		    parts[i].more ? parts[i].more : "");
		put_text(&xml, text);
	}
	put_text(&xml, "</CompleteMultipartUpload>");
	snprintf(target, sizeof target, "%s?uploadId=%s", key, upload_id);
	rig_ask(g, "POST", target, lines, buf_slice(&xml));
	buf_free(&xml);
	return g->got.status;
}

static void
whole(void)
{
	struct rig g;
	struct buf a = rig_bytes(PART, 1), b = rig_bytes(PART + 9, 2);
	struct slice last = slice_text("the end");
	char ea[40], eb[40], ec[40];
	struct named parts[3] = { { 2, ea, NULL }, { 5, eb, NULL },
		{ 9, ec, NULL } };
	struct nodedb_counts counts;

	rig_new(&g);
	create(&g, "/box/u", "content-type: text/u\nx-amz-tagging: k=v\n");
	part(&g, "/box/u", 5, "", buf_slice(&b));
	rig_is(&g, 200, "", "parts come in any order");
	etag_of(&g, eb);
	part(&g, "/box/u", 9, "", last);
	etag_of(&g, ec);
	part(&g, "/box/u", 2, "", slice_text("first try"));
	part(&g, "/box/u", 2, "", buf_slice(&a));
	etag_of(&g, ea);
	part(&g, "/box/u", 7, "", slice_text("not used"));
	is_int(g.ann->disk_used, a.n + b.n + last.n + 8, "parts are paid");
	rig_do(&g, "GET", "/box/u");
	rig_is(&g, 404, "NoSuchKey", "there is no object yet");
	complete(&g, "/box/u", "", parts, 3);
	rig_is(&g, 200, "", "it is completed");
	is_text(rig_xml(&g, "Key"), "u", "says of what");
	is_text(rig_xml(&g, "Location"), "/box/u", "and where");
	ok(strstr(rig_xml(&g, "ETag"), "-3&quot;") != NULL ||
		strstr(rig_xml(&g, "ETag"), "-3\"") != NULL ||
		strstr(rig_xml(&g, "ETag"), "-3&#34;") != NULL,
	    "the ETag is that of three parts");
	is_int(g.ann->disk_used, a.n + b.n + last.n,
	    "what was not named is let go");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	nodedb_counts(g.db, &counts);
	is_int(counts.uploads, 0, "the upload is over");

	rig_do(&g, "GET", "/box/u");
	ok(g.got.body.n == a.n + b.n + last.n &&
		memcmp(g.got.body.p, a.p, a.n) == 0 &&
		memcmp(g.got.body.p + a.n, b.p, b.n) == 0 &&
		memcmp(g.got.body.p + a.n + b.n, last.p, last.n) == 0,
	    "the parts in order");
	is_text(rig_header(&g, "content-type"), "text/u", "with metadata");
	is_text(rig_header(&g, "x-amz-tagging-count"), "1", "and tags");
	rig_ask(&g, "GET", "/box/u", "range: bytes=5242870-5242889\n",
	    (struct slice){ 0 });
	ok(g.got.status == 206 && g.got.body.n == 20 &&
		memcmp(g.got.body.p, a.p + PART - 10, 10) == 0 &&
		memcmp(g.got.body.p + 10, b.p, 10) == 0,
	    "a range over two of them");
	rig_do(&g, "GET", "/box/u?partNumber=3");
	ok(g.got.status == 206 && rig_body_is(&g, "the end"), "one part");
	is_text(rig_header(&g, "x-amz-mp-parts-count"), "3", "of three");
	is_text(rig_header(&g, "content-range"),
	    "bytes 10485769-10485775/10485776", "where it is");
	rig_do(&g, "HEAD", "/box/u?partNumber=1");
	ok(g.got.status == 206 && g.got.length == PART, "HEAD of a part");
	rig_do(&g, "GET", "/box/u?partNumber=4");
	rig_is(&g, 416, "InvalidRange", "there are three");
	rig_ask(&g, "GET", "/box/u?attributes",
	    "x-amz-object-attributes: ObjectParts,ObjectSize\n",
	    (struct slice){ 0 });
	is_text(rig_xml(&g, "PartsCount"), "3", "attributes count them");

	rig_ask(&g, "PUT", "/box/v", "x-amz-copy-source: /box/u\n",
	    (struct slice){ 0 });
	rig_is(&g, 200, "", "it is copied without bytes");
	rig_do(&g, "DELETE", "/box/u");
	rig_do(&g, "GET", "/box/v?partNumber=3");
	ok(rig_body_is(&g, "the end"), "parts and all");
	complete(&g, "/box/u", "", parts, 3);
	rig_is(&g, 404, "NoSuchUpload", "the upload is not completed twice");
	rig_free(&g);
	buf_free(&a);
	buf_free(&b);
}

static void
wrong(void)
{
	static const char none[] = "00000000000000000000000000000000";
	struct rig g;
	char small[40], other[40], target[200];
	struct named parts[2] = { { 1, small, NULL }, { 2, other, NULL } };
	struct named bad[2] = { { 1, none, NULL }, { 2, other, NULL } };
	struct named gap[2] = { { 1, small, NULL }, { 3, other, NULL } };
	struct named turned[2] = { { 2, other, NULL }, { 1, small, NULL } };

	rig_new(&g);
	create(&g, "/box/w", "");
	part(&g, "/box/w", 1, "", slice_text("small"));
	etag_of(&g, small);
	part(&g, "/box/w", 2, "", slice_text("other"));
	etag_of(&g, other);
	complete(&g, "/box/w", "", parts, 2);
	rig_is(&g, 400, "EntityTooSmall", "only the last may be small");
	complete(&g, "/box/w", "", bad, 2);
	rig_is(&g, 400, "InvalidPart", "another ETag");
	complete(&g, "/box/w", "", gap, 1);
	rig_is(&g, 200, "", "one small part alone");
	create(&g, "/box/w", "");
	part(&g, "/box/w", 1, "", slice_text("small"));
	complete(&g, "/box/w", "", gap + 1, 1);
	rig_is(&g, 400, "InvalidPart", "a part that never came");
	complete(&g, "/box/w", "", turned, 2);
	rig_is(&g, 400, "InvalidPartOrder", "in another order");
	complete(&g, "/box/w", "x-amz-mp-object-size: 6\n", gap, 1);
	rig_is(&g, 400, "InvalidRequest", "another size");
	complete(&g, "/box/w", "if-none-match: *\n", gap, 1);
	rig_is(&g, 412, "PreconditionFailed", "the object is there");
	complete(&g, "/box/w", "", NULL, 0);
	rig_is(&g, 400, "MalformedXML", "no parts");
	complete(&g, "/box/other", "", gap, 1);
	rig_is(&g, 404, "NoSuchUpload", "of another key");
	ok(g.got.early, "which is known before the body");
	part(&g, "/box/w", 0, "", slice_text("x"));
	rig_is(&g, 400, "InvalidArgument", "no part 0");
	part(&g, "/box/w", 10001, "", slice_text("x"));
	rig_is(&g, 400, "InvalidArgument", "nor 10,001");
	part(&g, "/box/w", 10000, "", slice_text("x"));
	rig_is(&g, 200, "", "but 10,000");
	snprintf(target, sizeof target, "/box/w?uploadId=%s", upload_id);
	rig_do(&g, "DELETE", target);
	rig_is(&g, 204, "", "it is aborted");
	is_int(g.ann->disk_used, 5, "and its parts are let go");
	part(&g, "/box/w", 1, "", slice_text("x"));
	rig_is(&g, 404, "NoSuchUpload", "nothing more comes");
	ok(g.got.early, "which is known before the body");
	rig_do(&g, "DELETE", target);
	rig_is(&g, 404, "NoSuchUpload", "once");
	rig_free(&g);
}

static void
sums(void)
{
	struct rig g;
	struct buf a = rig_bytes(PART, 1);
	uint8_t sum[SUM_MOST], two[SUM_MOST], both[2 * SUM_MOST];
	char ta[SUM_BASE64], tb[SUM_BASE64], whole[SUM_BASE64];
	char line[200], ea[40], eb[40], more[2][100];
	struct named parts[2] = { { 1, ea, more[0] }, { 2, eb, more[1] } };
	struct sum s = { 0 };

	rig_new(&g);
	for (int full = 0; full < 2; full++) {
		sum_begin(&s, SUM_CRC32C);
		sum_add(&s, buf_slice(&a));
		sum_end(&s, sum);
		sum_text(SUM_CRC32C, sum, ta);
		sum_begin(&s, SUM_CRC32C);
		sum_add(&s, slice_text("last"));
		sum_end(&s, two);
		sum_text(SUM_CRC32C, two, tb);
		memcpy(both, sum, 4);
		memcpy(both + 4, two, 4);
		sum_begin(&s, SUM_CRC32C);
		if (full) {
			sum_add(&s, buf_slice(&a));
			sum_add(&s, slice_text("last"));
		} else {
			sum_add(&s, slice_of(both, 8));
		}
		sum_end(&s, sum);
		sum_text(SUM_CRC32C, sum, whole);
		create(&g, "/box/s",
		    full ? "x-amz-checksum-algorithm: CRC32C\n"
			   "x-amz-checksum-type: FULL_OBJECT\n"
			 : "x-amz-checksum-algorithm: CRC32C\n");
		is_text(rig_header(&g, "x-amz-checksum-type"),
		    full ? "FULL_OBJECT" : "COMPOSITE", "of which type");
		snprintf(line, sizeof line, "x-amz-checksum-crc32c: %s\n", ta);
		part(&g, "/box/s", 1, line, buf_slice(&a));
		rig_is(&g, 200, "", "a part with its sum");
		etag_of(&g, ea);
		part(&g, "/box/s", 2, "x-amz-checksum-crc32: poTHxg==\n",
		    slice_text("0123456789"));
		rig_is(&g, 400, "InvalidRequest", "of another kind");
		part(&g, "/box/s", 2, "", slice_text("last"));
		is_text(rig_header(&g, "x-amz-checksum-crc32c"), tb,
		    "one without gets it computed");
		etag_of(&g, eb);
		snprintf(more[0], sizeof more[0],
		    "<ChecksumCRC32C>%s</ChecksumCRC32C>", ta);
		snprintf(more[1], sizeof more[1],
		    "<ChecksumCRC32C>%s</ChecksumCRC32C>", ta);
		complete(&g, "/box/s", "", parts, 2);
		rig_is(&g, 400, "InvalidPart", "a wrong sum in the list");
		snprintf(more[1], sizeof more[1],
		    "<ChecksumCRC32C>%s</ChecksumCRC32C>", tb);
		snprintf(line, sizeof line, "x-amz-checksum-crc32c: %s%s\n", ta,
		    full ? "" : "-2");
		complete(&g, "/box/s", line, parts, 2);
		rig_is(&g, 400, "BadDigest", "a wrong sum of the whole");
		snprintf(line, sizeof line, "x-amz-checksum-crc32c: %s%s\n",
		    whole, full ? "" : "-2");
		complete(&g, "/box/s", line, parts, 2);
		rig_is(&g, 200, "", "the right one");
		rig_ask(&g, "HEAD", "/box/s", "x-amz-checksum-mode: ENABLED\n",
		    (struct slice){ 0 });
		snprintf(line, sizeof line, "%s%s", whole, full ? "" : "-2");
		is_text(
		    rig_header(&g, "x-amz-checksum-crc32c"), line, "is kept");
	}
	rig_ask(&g, "GET", "/box/s?attributes",
	    "x-amz-object-attributes: ObjectParts\nx-amz-max-parts: 1\n",
	    (struct slice){ 0 });
	is_text(rig_xml(&g, "ChecksumCRC32C"), ta, "attributes tell parts'");
	is_text(rig_xml(&g, "IsTruncated"), "true", "in pages");
	is_text(rig_xml(&g, "NextPartNumberMarker"), "1", "to go on");
	rig_ask(&g, "POST", "/box/s?uploads",
	    "x-amz-checksum-algorithm: SHA256\n"
	    "x-amz-checksum-type: FULL_OBJECT\n",
	    (struct slice){ 0 });
	rig_is(&g, 400, "InvalidRequest", "no whole SHA-256 of parts");
	sum_free(&s);
	rig_free(&g);
	buf_free(&a);
}

static unsigned
copy_part(struct rig *g, const char *key, unsigned n, const char *source,
    const char *range)
{
	char target[200], lines[400];

	snprintf(target, sizeof target, "%s?partNumber=%u&uploadId=%s", key, n,
	    upload_id);
	snprintf(lines, sizeof lines, "x-amz-copy-source: %s\n%s%s%s", source,
	    *range ? "x-amz-copy-source-range: " : "", range,
	    *range ? "\n" : "");
	return rig_ask(g, "PUT", target, lines, (struct slice){ 0 });
}

static void
copied(void)
{
	struct rig g;
	struct buf a = rig_bytes(PART + 100, 1);
	char ea[40], eb[40], range[80];
	struct named parts[2] = { { 1, ea, NULL }, { 2, eb, NULL } };
	struct nodedb_counts counts;

	rig_new(&g);
	rig_put(&g, "/box/from", buf_slice(&a));
	create(&g, "/box/to", "");
	copy_part(&g, "/box/to", 1, "/box/from", "");
	rig_is(&g, 200, "", "a part from a whole object");
	snprintf(ea, sizeof ea, "%.32s",
	    strstr(rig_xml(&g, "ETag"), ";")
		? strstr(rig_xml(&g, "ETag"), ";") + 1
		: rig_xml(&g, "ETag") + 1);
	nodedb_counts(g.db, &counts);
	is_int(counts.blobs, 1, "is the same content");
	snprintf(range, sizeof range, "bytes=100-%zu", a.n - 1);
	copy_part(&g, "/box/to", 2, "/box/from", range);
	rig_is(&g, 200, "", "a part from a range");
	snprintf(eb, sizeof eb, "%.32s",
	    strstr(rig_xml(&g, "ETag"), ";")
		? strstr(rig_xml(&g, "ETag"), ";") + 1
		: rig_xml(&g, "ETag") + 1);
	copy_part(&g, "/box/to", 3, "/box/from", "bytes=0-9999999");
	rig_is(&g, 400, "InvalidArgument", "a range outside");
	copy_part(&g, "/box/to", 3, "/box/none", "");
	rig_is(&g, 404, "NoSuchKey", "no source");
	complete(&g, "/box/to", "", parts, 2);
	rig_is(&g, 200, "", "completed");
	rig_do(&g, "GET", "/box/to");
	ok(g.got.body.n == 2 * a.n - 100 &&
		memcmp(g.got.body.p, a.p, a.n) == 0 &&
		memcmp(g.got.body.p + a.n, a.p + 100, a.n - 100) == 0,
	    "both parts are right");
	create(&g, "/box/to", "");
	copy_part(&g, "/box/to", 1, "/box/to", "");
	rig_is(&g, 200, "", "a whole object of parts");
	copy_part(&g, "/box/to", 2, "/box/to", "bytes=5242970-5242989");
	rig_is(&g, 200, "", "a range over its pieces");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	{
		struct s3_req *r;
		char target[200];

		snprintf(target, sizeof target,
		    "/box/to?partNumber=1&uploadId=%s", upload_id);
		rig_head(&g, "PUT", target,
		    "x-amz-copy-source: /box/from\n"
		    "x-amz-copy-source-range: bytes=1-5242900\n",
		    (struct slice){ 0 });
		r = s3_begin(g.s3, &g.head, g.now);
		ok(s3_busy(g.s3), "a copy goes on by itself");
		s3_flush(g.s3, g.now);
		is_int(s3_state(r), S3_WAITS, "in turns");
		s3_done(r, 0);
		ok(!s3_busy(g.s3), "until nobody waits for it");
		is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	}
	rig_free(&g);
	buf_free(&a);
}

static void
listed(void)
{
	struct rig g;
	char target[200];

	rig_new(&g);
	create(&g, "/box/l", "x-amz-checksum-algorithm: CRC32\n");
	for (unsigned i = 1; i <= 5; i++)
		part(&g, "/box/l", 2 * i, "", slice_text("x"));
	snprintf(target, sizeof target, "/box/l?uploadId=%s", upload_id);
	rig_do(&g, "GET", target);
	rig_is(&g, 200, "", "parts are listed");
	is_text(rig_xml(&g, "PartNumber"), "2", "from the first");
	is_text(rig_xml(&g, "IsTruncated"), "false", "all of them");
	is_text(rig_xml(&g, "NextPartNumberMarker"), "10", "to the last");
	is_text(rig_xml(&g, "ChecksumAlgorithm"), "CRC32", "with sums");
	snprintf(target, sizeof target,
	    "/box/l?uploadId=%s&max-parts=2&part-number-marker=4", upload_id);
	rig_do(&g, "GET", target);
	is_text(rig_xml(&g, "PartNumber"), "6", "a page");
	is_text(rig_xml(&g, "IsTruncated"), "true", "that is not the last");
	is_text(rig_xml(&g, "NextPartNumberMarker"), "8", "goes on there");
	snprintf(
	    target, sizeof target, "/box/l?uploadId=%s&max-parts=x", upload_id);
	rig_do(&g, "GET", target);
	rig_is(&g, 400, "InvalidArgument", "max-parts is a number");
	rig_do(&g, "GET", "/box/l?uploadId=abc");
	rig_is(&g, 404, "NoSuchUpload", "no upload of ours");
	rig_free(&g);
}

static void
quota(void)
{
	struct rig g;
	char e[40];
	struct named one = { 1, e, NULL };

	rig_new(&g);
	nodedb_tenant_put(g.db, "ann", "own", 10, UINT64_MAX, &g.ann);
	create(&g, "/box/q", "");
	part(&g, "/box/q", 1, "", slice_text("0123456789"));
	etag_of(&g, e);
	part(&g, "/box/q", 2, "", slice_text("0"));
	rig_is(&g, 403, "QuotaExceeded", "parts count");
	part(&g, "/box/q", 1, "", slice_text("9876543210"));
	etag_of(&g, e);
	rig_is(&g, 200, "", "one in place of another fits");
	nodedb_tenant_put(g.db, "ann", "own", 5, UINT64_MAX, &g.ann);
	complete(&g, "/box/q", "", &one, 1);
	rig_is(&g, 200, "", "what is paid can be completed under any cap");
	is_int(g.ann->disk_used, 10, "and costs the same");
	rig_free(&g);
}

/* As many parts as there may be, the last one first. */
static void
many(void)
{
	struct rig g;
	struct buf a = rig_bytes(PART, 1);
	struct named *parts = mem_new(NODEDB_PARTS * sizeof *parts);
	char etag[40];
	bool good = true;

	rig_new(&g);
	rig_put(&g, "/box/from", buf_slice(&a));
	etag_of(&g, etag);
	create(&g, "/box/many", "");
	for (unsigned i = NODEDB_PARTS; i > 0; i--) {
		good &= copy_part(&g, "/box/many", i, "/box/from", "") == 200;
		parts[i - 1] = (struct named){ i, etag, NULL };
	}
	ok(good, "ten thousand parts");
	complete(&g, "/box/many", "", parts, NODEDB_PARTS);
	rig_is(&g, 200, "", "are completed");
	rig_do(&g, "HEAD", "/box/many");
	is_int(g.got.length, (uint64_t)PART * NODEDB_PARTS, "to 52 GB");
	rig_ask(&g, "GET", "/box/many", "range: bytes=52428799990-\n",
	    (struct slice){ 0 });
	ok(g.got.body.n == 10 && memcmp(g.got.body.p, a.p + PART - 10, 10) == 0,
	    "of which the end is read");
	rig_ask(&g, "GET", "/box/many", "range: bytes=20971518-20971521\n",
	    (struct slice){ 0 });
	ok(g.got.body.n == 4 && memcmp(g.got.body.p, a.p + PART - 2, 2) == 0 &&
		memcmp(g.got.body.p + 2, a.p, 2) == 0,
	    "and the seam of two parts");
	rig_do(&g, "DELETE", "/box/many");
	rig_is(&g, 204, "", "it is deleted");
	is_int(g.ann->disk_used, PART, "as a whole");
	free(parts);
	rig_free(&g);
	buf_free(&a);
}

int
main(void)
{
	whole();
	wrong();
	sums();
	copied();
	listed();
	quota();
	many();
	return tap_done();
}
