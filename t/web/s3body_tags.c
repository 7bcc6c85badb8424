/* SPDX-License-Identifier: ISC */
#include "web/s3body.h"
#include "t/tap.h"

#define SET(x)    "<Tagging><TagSet>" x "</TagSet></Tagging>"
#define TAG(k, v) "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"
#define TEN                                                                    \
	TAG("0", "")                                                           \
	TAG("1", "")                                                           \
	TAG("2", "")                                                           \
	TAG("3", "")                                                           \
	TAG("4", "")                                                           \
	TAG("5", "") TAG("6", "") TAG("7", "") TAG("8", "") TAG("9", "")
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define E16                                                                    \
	"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"     \
	"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
#define E128 E16 E16 E16 E16 E16 E16 E16 E16

static const struct {
	const char *xml;
	enum s3err e;
	size_t n;
	const char *name;
} docs[] = {
	{ SET(""), S3ERR_OK, 0, "none" },
	{ SET(TAG("a", "b")), S3ERR_OK, 1, "one" },
	{ SET(TAG("a b", "") TAG("A", "+-=._:/@")), S3ERR_OK, 2, "two" },
	{ SET(TEN), S3ERR_OK, 10, "ten" },
	{ SET(TEN TAG("a", "")), S3ERR_INVALID_TAG, 0, "eleven" },
	{ SET(TAG("a", "b") TAG("a", "c")), S3ERR_INVALID_TAG, 0,
	    "a key twice" },
	{ SET(TAG("", "b")), S3ERR_INVALID_TAG, 0, "an empty key" },
	{ SET(TAG(X64 X64, X64 X64 X64 X64)), S3ERR_OK, 1, "the longest" },
	{ SET(TAG(X64 X64 "x", "")), S3ERR_INVALID_TAG, 0, "a longer key" },
	{ SET(TAG("a", X64 X64 X64 X64 "x")), S3ERR_INVALID_TAG, 0,
	    "a longer value" },
	{ SET(TAG(E128, "")), S3ERR_OK, 1, "characters are counted" },
	{ SET(TAG(E128 "\xc3\xa9", "")), S3ERR_INVALID_TAG, 0,
	    "one too many of them" },
	{ SET(TAG("a*", "")), S3ERR_INVALID_TAG, 0, "a star" },
	{ SET(TAG("a", "&lt;")), S3ERR_INVALID_TAG, 0, "a bracket" },
	{ SET(TAG("a\n", "")), S3ERR_INVALID_TAG, 0, "a line feed" },
	{ SET(TAG("aws:x", "")), S3ERR_INVALID_TAG, 0, "a reserved key" },
	{ SET(TAG("AWS:x", "")), S3ERR_INVALID_TAG, 0, "a loud one" },
	{ SET("<Tag><Key>a</Key></Tag>"), S3ERR_MALFORMED_XML, 0, "no value" },
	{ SET("<Tag><Value>a</Value></Tag>"), S3ERR_MALFORMED_XML, 0,
	    "no key" },
	{ "<Tagging/>", S3ERR_MALFORMED_XML, 0, "no set" },
	{ "<Tagging><TagSet/><TagSet/></Tagging>", S3ERR_MALFORMED_XML, 0,
	    "two sets" },
	{ "<Tags/>", S3ERR_MALFORMED_XML, 0, "another document" },
};

static void
test_xml(void)
{
	struct s3_tags tags;
	const char *why;

	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		enum s3err e = s3_tags_parse(
		    slice_text(docs[i].xml), S3_TAGS, &tags, &why);

		ok(e == docs[i].e && tags.n == docs[i].n &&
			(e == S3ERR_OK) == (*why == '\0'),
		    "tags in XML, %s: %s", docs[i].name, why);
		s3_tags_free(&tags);
	}
	is_int(s3_tags_parse(slice_text(SET(TEN TAG("a", ""))), S3_BUCKET_TAGS,
		   &tags, &why),
	    S3ERR_OK, "a bucket may have more");
	s3_tags_free(&tags);
}

static const struct {
	const char *header;
	enum s3err e;
	size_t n;
} headers[] = {
	{ "", S3ERR_OK, 0 },
	{ "a=b", S3ERR_OK, 1 },
	{ "a=b&c=d", S3ERR_OK, 2 },
	{ "a", S3ERR_OK, 1 },
	{ "a=", S3ERR_OK, 1 },
	{ "a=b=c", S3ERR_OK, 1 },
	{ "a&", S3ERR_OK, 1 },
	{ "%61+%2B=%c3%a9", S3ERR_OK, 1 },
	{ "a=%zz", S3ERR_INVALID_ARGUMENT, 0 },
	{ "a=%4", S3ERR_INVALID_ARGUMENT, 0 },
	{ "=b", S3ERR_INVALID_TAG, 0 },
	{ "a=b&a=c", S3ERR_INVALID_TAG, 0 },
	{ "a=b&%61=c", S3ERR_INVALID_TAG, 0 },
	{ "a=%00", S3ERR_INVALID_TAG, 0 },
	{ "a=%ff", S3ERR_INVALID_TAG, 0 },
	{ "aws%3Aa=b", S3ERR_INVALID_TAG, 0 },
	{ "0&1&2&3&4&5&6&7&8&9", S3ERR_OK, 10 },
	{ "0&1&2&3&4&5&6&7&8&9&10", S3ERR_INVALID_TAG, 0 },
};

static void
test_header(void)
{
	struct s3_tags tags;
	const char *why;

	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		enum s3err e =
		    s3_tags_header(slice_text(headers[i].header), &tags, &why);

		ok(e == headers[i].e && tags.n == headers[i].n &&
			(e == S3ERR_OK) == (*why == '\0'),
		    "x-amz-tagging: %s (%s)", headers[i].header, why);
		if (i == 7)
			ok(slice_is(tags.at[0].key, "a +") &&
				slice_is(tags.at[0].value, "\xc3\xa9"),
			    "decoded, and + is a blank");
		s3_tags_free(&tags);
	}
}

static void
test_pack(void)
{
	struct buf packed = { .max = 4096 }, xml = { .max = 4096 };
	struct s3_tags tags, back;
	const char *why;

	s3_tags_header(slice_text("a=b&c=&d=%3D"), &tags, &why);
	s3_tags_pack(&tags, &packed);
	ok(s3_tags_unpack(buf_slice(&packed), &back) == 0 && back.n == 3 &&
		slice_is(back.at[0].key, "a") &&
		slice_is(back.at[0].value, "b") &&
		slice_is(back.at[1].key, "c") && back.at[1].value.n == 0 &&
		slice_is(back.at[2].value, "="),
	    "packed and unpacked");
	s3_tags_xml(&back, &xml);
	s3_tags_free(&back);
	ok(s3_tags_parse(buf_slice(&xml), S3_TAGS, &back, &why) == S3ERR_OK &&
		back.n == 3 && slice_is(back.at[2].value, "="),
	    "as XML and back");
	s3_tags_free(&back);
	s3_tags_free(&tags);
	ok(s3_tags_unpack(slice_of(NULL, 0), &back) == 0 && back.n == 0,
	    "nothing is no tags");
	s3_tags_free(&back);
	ok(s3_tags_unpack(slice_text("\x0a\x7f"), &back) == -1 && back.n == 0,
	    "what is not packed tags");
	buf_cut(&packed, 0);
	for (size_t i = 0; i <= S3_BUCKET_TAGS; i++)
		put_bytes(&packed, "\x0a\x00", 2);
	ok(s3_tags_unpack(buf_slice(&packed), &back) == -1, "or too many");
	buf_free(&packed);
	buf_free(&xml);
}

int
main(void)
{
	test_xml();
	test_header();
	test_pack();
	return tap_done();
}
