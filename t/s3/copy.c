/* SPDX-License-Identifier: ISC */
#include "t/s3/rig.h"

static unsigned
copy(struct rig *g, const char *target, const char *source, const char *lines)
{
	char all[1024];

	snprintf(all, sizeof all, "x-amz-copy-source: %s\n%s", source, lines);
	return rig_ask(g, "PUT", target, all, (struct slice){ 0 });
}

static void
plain(void)
{
	struct rig g;
	struct nodedb_counts before, after;
	struct buf b = rig_bytes(2 * RIG_MIB, 4);

	rig_new(&g);
	rig_ask(&g, "PUT", "/box/a",
	    "content-type: text/a\nx-amz-meta-m: 1\nx-amz-tagging: t=1\n",
	    buf_slice(&b));
	nodedb_counts(g.db, &before);
	copy(&g, "/box/b", "/box/a", "");
	rig_is(&g, 200, "", "a copy");
	ok(strlen(rig_xml(&g, "ETag")) > 30, "says its ETag");
	is_text(rig_xml(&g, "LastModified"), "2023-11-14T22:13:20.001Z",
	    "and its time");
	nodedb_counts(g.db, &after);
	ok(before.blobs == after.blobs && after.blobs == 1,
	    "without another content");
	is_int(g.ann->disk_used, 2 * b.n, "that is paid twice");
	rig_do(&g, "DELETE", "/box/a");
	rig_do(&g, "GET", "/box/b");
	ok(slice_eq(buf_slice(&g.got.body), buf_slice(&b)),
	    "and lives without the first");
	is_text(rig_header(&g, "content-type"), "text/a", "metadata came too");
	is_text(rig_header(&g, "x-amz-meta-m"), "1", "all of it");
	is_text(rig_header(&g, "x-amz-tagging-count"), "1", "and the tags");
	copy(&g, "/box/c", "box/b",
	    "x-amz-metadata-directive: REPLACE\ncontent-type: text/c\n");
	rig_do(&g, "HEAD", "/box/c");
	is_text(rig_header(&g, "content-type"), "text/c", "others instead");
	is_text(rig_header(&g, "x-amz-meta-m"), "", "for all");
	is_text(rig_header(&g, "x-amz-tagging-count"), "1", "but the tags");
	copy(&g, "/box/c", "box/b",
	    "x-amz-tagging-directive: REPLACE\nx-amz-tagging: a=1&b=2\n");
	rig_do(&g, "HEAD", "/box/c");
	is_text(rig_header(&g, "content-type"), "text/a", "or the other way");
	is_text(rig_header(&g, "x-amz-tagging-count"), "2", "tags alone");
	copy(&g, "/box/c", "box/b", "x-amz-metadata-directive: MAYBE\n");
	rig_is(&g, 400, "InvalidArgument", "an unknown directive");
	rig_free(&g);
	buf_free(&b);
}

static void
itself(void)
{
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("x"));
	copy(&g, "/box/a", "/box/a", "");
	rig_is(&g, 400, "InvalidRequest", "a copy onto itself");
	copy(&g, "/box/a", "/box/a",
	    "x-amz-metadata-directive: REPLACE\nx-amz-meta-n: 1\n");
	rig_is(&g, 200, "", "that changes something");
	rig_do(&g, "GET", "/box/a");
	ok(rig_body_is(&g, "x"), "keeps the content");
	is_text(rig_header(&g, "x-amz-meta-n"), "1", "with new metadata");
	is_int(g.ann->disk_used, 1, "and is paid once");
	rig_free(&g);
}

static void
sources(void)
{
	static const struct {
		const char *source, *lines;
		unsigned status;
		const char *code;
	} rows[] = {
		{ "/nobox/a", "", 404, "NoSuchBucket" },
		{ "/box/none", "", 404, "NoSuchKey" },
		{ "/box", "", 400, "InvalidArgument" },
		{ "box/", "", 400, "InvalidArgument" },
		{ "/box/a?versionId=x", "", 400, "InvalidArgument" },
		{ "/box/a?versionId=0000000000ffffff", "", 404,
		    "NoSuchVersion" },
		{ "/box/%zz", "", 400, "InvalidArgument" },
		{ "/hers/a", "", 403, "AccessDenied" },
		{ "/box/a", "x-amz-copy-source-if-match: \"x\"\n", 412,
		    "PreconditionFailed" },
		{ "/box/a",
		    "x-amz-copy-source-if-none-match: "
		    "\"9dd4e461268c8034f5c8564e155c67a6\"\n",
		    412, "PreconditionFailed" },
		{ "/box/a",
		    "x-amz-copy-source-if-match: "
		    "\"9dd4e461268c8034f5c8564e155c67a6\"\n",
		    200, "" },
		{ "/box/a", "if-none-match: *\n", 412, "PreconditionFailed" },
		{ "/box/a", "x-amz-source-expected-bucket-owner: ann\n", 200,
		    "" },
		{ "/box/a", "x-amz-source-expected-bucket-owner: bob\n", 403,
		    "AccessDenied" },
		{ "/box/sp%20ace%2Fx", "", 200, "" },
		{ "/box/a", "x-amz-checksum-algorithm: CRC32\n", 200, "" },
		{ "/box/a", "x-amz-checksum-algorithm: CRC1\n", 400,
		    "InvalidRequest" },
		{ "/box/a",
		    "x-amz-copy-source-server-side-encryption-customer-key: "
		    "k\n",
		    501, "NotImplemented" },
	};
	struct bucket *hers;
	struct rig g;

	rig_new(&g);
	nodedb_bucket_new(g.db, slice_text("hers"), g.bob, g.now, &hers);
	rig_put(&g, "/box/a", slice_text("x"));
	rig_put(&g, "/box/sp%20ace/x", slice_text("blank"));
	g.who = RIG_BOB;
	rig_put(&g, "/hers/a", slice_text("secret"));
	g.who = RIG_ANN;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		copy(&g, "/box/to", rows[i].source, rows[i].lines);
		rig_is(&g, rows[i].status, rows[i].code, rows[i].source);
	}
	nodedb_bucket_set(g.db, hers, 0, S3_READ);
	copy(&g, "/box/to", "/hers/a", "");
	rig_is(&g, 200, "", "what everybody may read may be copied");
	rig_do(&g, "GET", "/box/to");
	ok(rig_body_is(&g, "secret"), "across tenants");
	is_int(g.ann->disk_used, 12, "the copy is paid by its owner");
	rig_free(&g);
}

static void
versions(void)
{
	struct rig g;
	char old[32], source[80];

	rig_new(&g);
	nodedb_bucket_set(g.db, g.box, S3_VERSIONED, 0);
	rig_put(&g, "/box/a", slice_text("one"));
	snprintf(old, sizeof old, "%s", rig_header(&g, "x-amz-version-id"));
	rig_put(&g, "/box/a", slice_text("two"));
	snprintf(source, sizeof source, "/box/a?versionId=%s", old);
	copy(&g, "/box/a", source, "");
	rig_is(&g, 200, "", "an old version is copied over the newest");
	is_text(rig_header(&g, "x-amz-copy-source-version-id"), old,
	    "of which it says the id");
	ok(strcmp(rig_header(&g, "x-amz-version-id"), old) != 0,
	    "and is a new one");
	rig_do(&g, "GET", "/box/a");
	ok(rig_body_is(&g, "one"), "the old is back");
	rig_do(&g, "DELETE", "/box/a");
	snprintf(source, sizeof source, "/box/a?versionId=%s",
	    rig_header(&g, "x-amz-version-id"));
	copy(&g, "/box/b", "/box/a", "");
	rig_is(&g, 404, "NoSuchKey", "a marker is no source");
	copy(&g, "/box/b", source, "");
	rig_is(&g, 400, "InvalidRequest", "nor by its id");
	rig_free(&g);
}

static void
quota(void)
{
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("0123456789"));
	nodedb_tenant_put(g.db, "ann", "own", 15, UINT64_MAX, &g.ann);
	copy(&g, "/box/b", "/box/a", "");
	rig_is(&g, 403, "QuotaExceeded", "a copy that does not fit");
	copy(&g, "/box/a", "/box/a", "x-amz-metadata-directive: REPLACE\n");
	rig_is(&g, 200, "", "onto itself it does");
	is_int(g.ann->disk_used, 10, "and costs nothing");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_free(&g);
}

static void
checksums(void)
{
	struct rig g;
	struct buf b = rig_bytes(RIG_MIB, 4);

	rig_new(&g);
	rig_ask(&g, "PUT", "/box/a", "x-amz-checksum-crc32: poTHxg==\n",
	    slice_text("0123456789"));
	copy(&g, "/box/b", "/box/a", "");
	is_text(rig_xml(&g, "ChecksumCRC32"), "poTHxg==", "it stays");
	copy(&g, "/box/b", "/box/a",
	    "x-amz-metadata-directive: REPLACE\n"
	    "x-amz-checksum-algorithm: SHA1\n");
	is_text(rig_xml(&g, "ChecksumSHA1"),
	    "h6zsF82dzSCnFsws9nQXtxyKcBY=", "or another is computed");
	rig_put(&g, "/box/big", buf_slice(&b));
	copy(&g, "/box/b", "/box/big", "x-amz-checksum-algorithm: SHA1\n");
	rig_is(&g, 501, "NotImplemented", "not of much");
	copy(&g, "/box/b", "/box/big", "x-amz-checksum-algorithm: SHA256\n");
	rig_is(&g, 200, "", "but for what is known");
	rig_free(&g);
	buf_free(&b);
}

int
main(void)
{
	plain();
	itself();
	sources();
	versions();
	quota();
	checksums();
	return tap_done();
}
