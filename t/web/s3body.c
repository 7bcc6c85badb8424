/* SPDX-License-Identifier: ISC
 *
 * DeleteObjects, CompleteMultipartUpload and the small documents; tags, CORS
 * and lifecycles are tested beside. */
#include "web/s3body.h"
#include "t/tap.h"

static const struct {
	const char *xml;
	enum s3err e;
	const char *name;
} deletes[] = {
	{ "<Delete><Object><Key>a</Key></Object></Delete>", S3ERR_OK, "one" },
	{ "<Delete xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
	  "<Quiet>true</Quiet><Object><VersionId> v </VersionId>"
	  "<Key> b </Key></Object></Delete>",
	    S3ERR_OK, "a version, quietly" },
	{ "<Delete><Object><Key>a</Key></Object><Quiet>maybe</Quiet></Delete>",
	    S3ERR_MALFORMED_XML, "perhaps quietly" },
	{ "<Delete/>", S3ERR_MALFORMED_XML, "none" },
	{ "<Delete><Object/></Delete>", S3ERR_MALFORMED_XML, "no key" },
	{ "<Delete><Object><Key/></Object></Delete>", S3ERR_MALFORMED_XML,
	    "an empty key" },
	{ "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
	    S3ERR_MALFORMED_XML, "two keys" },
	{ "<Delete><Object><Key>a</Key><More/></Object></Delete>",
	    S3ERR_MALFORMED_XML, "something unknown" },
	{ "<Delete><Object><Key>a</Key><ETag>e</ETag></Object></Delete>",
	    S3ERR_NOT_IMPLEMENTED, "a condition" },
	{ "<Remove><Object><Key>a</Key></Object></Remove>", S3ERR_MALFORMED_XML,
	    "another document" },
	{ "<Delete><Object><Key>a</Key></Object>", S3ERR_MALFORMED_XML,
	    "cut off" },
	{ "", S3ERR_MALFORMED_XML, "nothing" },
};

static void
test_deletes(void)
{
	struct s3_deletes d;
	const char *why;

	for (size_t i = 0; i < sizeof deletes / sizeof *deletes; i++) {
		enum s3err e =
		    s3_deletes_parse(slice_text(deletes[i].xml), &d, &why);

		ok(e == deletes[i].e && (e == S3ERR_OK) == (*why == '\0'),
		    "delete %s: %s", deletes[i].name, why);
		if (e == S3ERR_OK && d.quiet)
			ok(d.n == 1 && slice_is(d.at[0].key, " b ") &&
				slice_is(d.at[0].version, "v"),
			    "blanks of a key stay");
		s3_deletes_free(&d);
		s3_deletes_free(&d);
	}
}

static enum s3err
delete_many(size_t n, struct s3_deletes *d)
{
	struct buf xml = { .max = 4 << 20 };
	const char *why;
	enum s3err e;

	put_text(&xml, "<Delete>");
	for (size_t i = 0; i < n; i++) {
		char text[64];

		snprintf(text, sizeof text,
		    "<Object><Key>k&amp;%zu</Key></Object>", i);
		put_text(&xml, text);
	}
	put_text(&xml, "</Delete>");
	e = s3_deletes_parse(buf_slice(&xml), d, &why);
	buf_free(&xml);
	return e;
}

static void
test_many(void)
{
	struct s3_deletes d;

	ok(delete_many(S3_DELETES, &d) == S3ERR_OK && d.n == S3_DELETES &&
		slice_is(d.at[0].key, "k&0") &&
		slice_is(d.at[999].key, "k&999"),
	    "a thousand keys, which outlive the document");
	s3_deletes_free(&d);
	is_int(delete_many(S3_DELETES + 1, &d), S3ERR_MALFORMED_XML,
	    "one more is too many");
	s3_deletes_free(&d);
}

#define PART(n, rest)                                                          \
	"<Part><PartNumber>" n "</PartNumber><ETag>\"e" n "\"</ETag>" rest     \
	"</Part>"
#define ALL(parts)                                                             \
	"<CompleteMultipartUpload>" parts "</CompleteMultipartUpload>"

static const struct {
	const char *xml;
	enum s3err e;
	const char *name;
} completes[] = {
	{ ALL(PART("1", "") PART("3", "")), S3ERR_OK, "two parts" },
	{ ALL(PART("10000", "")), S3ERR_OK, "the last number" },
	{ ALL(PART("1", "<Size>5</Size><LastModified>x</LastModified>")),
	    S3ERR_OK, "what clients say beside" },
	{ ALL(PART("1", "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>")), S3ERR_OK,
	    "a checksum" },
	{ ALL(PART("1", "<ChecksumCRC32>AAAA</ChecksumCRC32>")),
	    S3ERR_INVALID_REQUEST, "a short checksum" },
	{ ALL(PART("1", "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>"
			"<ChecksumCRC32C>AAAAAA==</ChecksumCRC32C>")),
	    S3ERR_INVALID_REQUEST, "two checksums" },
	{ ALL(PART("1", "<ChecksumXXHASH64>AAAAAAAAAAA=</ChecksumXXHASH64>")),
	    S3ERR_NOT_IMPLEMENTED, "a checksum that we do not have" },
	{ ALL(PART("2", "") PART("1", "")), S3ERR_INVALID_PART_ORDER,
	    "not in order" },
	{ ALL(PART("1", "") PART("1", "")), S3ERR_INVALID_PART_ORDER,
	    "one twice" },
	{ ALL(PART("0", "")), S3ERR_INVALID_ARGUMENT, "number 0" },
	{ ALL(PART("10001", "")), S3ERR_INVALID_ARGUMENT, "number 10001" },
	{ ALL(PART("-1", "")), S3ERR_INVALID_ARGUMENT, "number -1" },
	{ ALL(PART("x", "")), S3ERR_INVALID_ARGUMENT, "no number" },
	{ ALL("<Part><PartNumber>1</PartNumber></Part>"), S3ERR_MALFORMED_XML,
	    "no ETag" },
	{ ALL("<Part><ETag>e</ETag></Part>"), S3ERR_MALFORMED_XML,
	    "no PartNumber" },
	{ ALL(""), S3ERR_MALFORMED_XML, "no parts" },
	{ "<Complete>" PART("1", "") "</Complete>", S3ERR_MALFORMED_XML,
	    "another document" },
};

static void
test_completes(void)
{
	struct s3_complete c;
	const char *why;

	for (size_t i = 0; i < sizeof completes / sizeof *completes; i++) {
		enum s3err e =
		    s3_complete_parse(slice_text(completes[i].xml), &c, &why);

		ok(e == completes[i].e && (e == S3ERR_OK) == (*why == '\0'),
		    "complete %s: %s", completes[i].name, why);
		if (i == 0)
			ok(c.n == 2 && c.at[0].number == 1 &&
				c.at[1].number == 3 &&
				slice_is(c.at[1].etag, "e3") &&
				!c.at[0].has_sum,
			    "numbers and tags without quotes");
		if (i == 3)
			ok(c.at[0].has_sum && c.at[0].kind == SUM_CRC32,
			    "with its checksum");
		s3_complete_free(&c);
	}
}

static enum s3err
complete_many(unsigned n, struct s3_complete *c)
{
	struct buf xml = { .max = 4 << 20 };
	const char *why;
	enum s3err e;

	put_text(&xml, "<CompleteMultipartUpload>");
	for (unsigned i = 1; i <= n; i++) {
		char text[256];

		snprintf(text, sizeof text,
		    "<Part><PartNumber>%u</PartNumber>"
		    "<ETag>&quot;%032u&quot;</ETag></Part>",
		    i, i);
		put_text(&xml, text);
	}
	put_text(&xml, "</CompleteMultipartUpload>");
	e = s3_complete_parse(buf_slice(&xml), c, &why);
	buf_free(&xml);
	return e;
}

static void
test_many_parts(void)
{
	struct s3_complete c;

	ok(complete_many(S3_PARTS, &c) == S3ERR_OK && c.n == S3_PARTS &&
		c.at[9999].number == 10000 && c.at[0].etag.n == 32 &&
		slice_is(c.at[0].etag, "00000000000000000000000000000001"),
	    "ten thousand parts");
	s3_complete_free(&c);
	ok(complete_many(S3_PARTS + 1, &c) != S3ERR_OK, "one more is refused");
	s3_complete_free(&c);
}

static void
test_versioning(void)
{
#define VERSIONING(x) "<VersioningConfiguration>" x "</VersioningConfiguration>"
	static const struct {
		const char *xml;
		enum s3err e;
		enum s3_versioning v;
	} rows[] = {
		{ VERSIONING("<Status>Enabled</Status>"), S3ERR_OK,
		    S3_VERSIONED },
		{ VERSIONING("<Status> Suspended\n</Status>"), S3ERR_OK,
		    S3_SUSPENDED },
		{ VERSIONING("<Status>Enabled</Status>"
			     "<MfaDelete>Disabled</MfaDelete>"),
		    S3ERR_OK, S3_VERSIONED },
		{ VERSIONING("<MfaDelete>Enabled</MfaDelete>"
			     "<Status>Enabled</Status>"),
		    S3ERR_NOT_IMPLEMENTED, S3_UNVERSIONED },
		{ VERSIONING("<Status>enabled</Status>"), S3ERR_MALFORMED_XML,
		    S3_UNVERSIONED },
		{ VERSIONING(""), S3ERR_MALFORMED_XML, S3_UNVERSIONED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum s3_versioning v;
		const char *why;
		enum s3err e =
		    s3_versioning_parse(slice_text(rows[i].xml), &v, &why);

		ok(e == rows[i].e && v == rows[i].v, "versioning %zu: %s", i,
		    why);
	}
}

static void
test_create(void)
{
#define CREATE(x) "<CreateBucketConfiguration>" x "</CreateBucketConfiguration>"
	static const struct {
		const char *xml, *location;
		enum s3err e;
	} rows[] = {
		{ "", "", S3ERR_OK },
		{ " \r\n", "", S3ERR_OK },
		{ CREATE(""), "", S3ERR_OK },
		{ CREATE("<LocationConstraint>eu-west-1</LocationConstraint>"),
		    "eu-west-1", S3ERR_OK },
		{ CREATE("<LocationConstraint/>"), "", S3ERR_OK },
		{ CREATE("<Bucket><Type>Directory</Type></Bucket>"), "",
		    S3ERR_NOT_IMPLEMENTED },
		{ CREATE("<LocationConstraint>a</LocationConstraint>"
			 "<LocationConstraint>b</LocationConstraint>"),
		    "a", S3ERR_MALFORMED_XML },
		{ "<Create/>", "", S3ERR_MALFORMED_XML },
		{ "x", "", S3ERR_MALFORMED_XML },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf location = { .max = 64 };
		const char *why;
		enum s3err e =
		    s3_create_parse(slice_text(rows[i].xml), &location, &why);

		ok(e == rows[i].e &&
			slice_is(buf_slice(&location), rows[i].location),
		    "create %zu: %s", i, why);
		buf_free(&location);
	}
}

int
main(void)
{
	test_deletes();
	test_many();
	test_completes();
	test_many_parts();
	test_versioning();
	test_create();
	return tap_done();
}
