/* SPDX-License-Identifier: ISC
 *
 * Tags of objects and buckets. */
#include "base/table.h"
#include "base/utf8.h"
#include "web/s3body_own.h"
#include "web/text.h"
#include "web/uri.h"
#include "web/xml.h"
#include "wire/pb.h"

#include <string.h>

/* As tags are stored. */
#define TAG_ROW(F, T)                                                          \
	F(T, BYTES, 1, key, 0, 4 * S3_TAG_KEY)                                 \
	F(T, BYTES, 2, value, 0, 4 * S3_TAG_VALUE)
PB_DECLARE(tag_row, TAG_ROW)
PB_DEFINE(tag_row, TAG_ROW)
#define TAG_ROWS(F, T) F(T, MSG_N, 1, tag, tag_row, S3_BUCKET_TAGS)
PB_DECLARE(tag_rows, TAG_ROWS)
PB_DEFINE(tag_rows, TAG_ROWS)

/* AWS: letters, digits and blanks of any script, and these. */
static bool
good_characters(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c >= 0x80)
			continue;
		if (c == '\0' || strchr(" +-=._:/@", c) == NULL)
			return false;
	}
	return utf8_ok(s);
}

const char *
s3_tag_fault(const struct s3_tag *tag)
{
	if (tag->key.n == 0)
		return "A tag has no key.";
	if (!good_characters(tag->key) || !good_characters(tag->value))
		return "A tag holds characters that are not allowed.";
	if (utf8_count(tag->key) > S3_TAG_KEY)
		return "A tag's key is longer than 128 characters.";
	if (utf8_count(tag->value) > S3_TAG_VALUE)
		return "A tag's value is longer than 256 characters.";
	if (text_begins_nocase(tag->key, slice_text("aws:")))
		return "Keys of tags that begin with aws: are reserved.";
	return NULL;
}

/* A literal, or NULL: the last one is good, beside the others too. */
static const char *
last_fault(const struct s3_tags *tags)
{
	const struct s3_tag *last = &tags->at[tags->n - 1];

	for (size_t i = 0; i + 1 < tags->n; i++)
		if (slice_eq(tags->at[i].key, last->key))
			return "Two tags have the same key.";
	return s3_tag_fault(last);
}

/* --- from XML --- */

struct reading {
	struct s3_tags *tags;
	size_t most;
};

static enum s3err
tag_open(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	(void)text;
	if (r->tags->n == r->most)
		return s3_doc_no(
		    doc, S3ERR_INVALID_TAG, "There are too many tags.");
	r->tags->at[r->tags->n++] = (struct s3_tag){ 0 };
	return S3ERR_OK;
}

static enum s3err
tag_key(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	r->tags->at[r->tags->n - 1].key = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

static enum s3err
tag_value(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	r->tags->at[r->tags->n - 1].value = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

static enum s3err
tag_close(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;
	const char *fault = last_fault(r->tags);

	(void)text;
	return fault ? s3_doc_no(doc, S3ERR_INVALID_TAG, fault) : S3ERR_OK;
}

static const struct s3_doc_row rows[] = {
	{ "Tagging", S3_ONCE, NULL, NULL },
	{ "Tagging/TagSet", S3_ONCE | S3_MUST, NULL, NULL },
	{ "Tagging/TagSet/Tag", 0, tag_open, tag_close },
	{ "Tagging/TagSet/Tag/Key", S3_ONCE | S3_MUST, NULL, tag_key },
	{ "Tagging/TagSet/Tag/Value", S3_ONCE | S3_MUST, NULL, tag_value },
};

enum s3err
s3_tags_parse(
    struct slice xml, size_t most, struct s3_tags *tags, const char **why)
{
	struct reading r = { tags,
		most < S3_BUCKET_TAGS ? most : S3_BUCKET_TAGS };
	struct s3_doc doc = { rows, N(rows), .arg = &r, .bytes = &tags->bytes };
	enum s3err e;

	tags->n = 0;
	e = s3_doc_read(&doc, xml, why);
	if (e != S3ERR_OK)
		s3_tags_free(tags);
	return e;
}

/* --- from a header --- */

/* Decoded, at the end of bytes, which has room. */
static int
decode(struct slice escaped, struct buf *bytes, struct slice *out)
{
	size_t before = bytes->n;

	if (uri_unescape(bytes, escaped, true) < 0)
		return -1;
	*out = slice_of(bytes->p + before, bytes->n - before);
	return 0;
}

static enum s3err
add_pair(struct slice pair, struct s3_tags *tags, const char **why)
{
	struct slice key = { 0 };
	struct s3_tag *tag = &tags->at[tags->n];

	if (tags->n == S3_TAGS) {
		*why = "There are too many tags.";
		return S3ERR_INVALID_TAG;
	}
	text_next(&pair, '=', &key);
	if (decode(key, &tags->bytes, &tag->key) < 0 ||
	    decode(pair, &tags->bytes, &tag->value) < 0) {
		*why = "x-amz-tagging is not percent-encoded.";
		return S3ERR_INVALID_ARGUMENT;
	}
	tags->n++;
	*why = last_fault(tags);
	return *why ? S3ERR_INVALID_TAG : S3ERR_OK;
}

enum s3err
s3_tags_header(struct slice header, struct s3_tags *tags, const char **why)
{
	enum s3err e = S3ERR_OK;
	struct slice pair;

	*why = "";
	tags->n = 0;
	buf_init(&tags->bytes, header.n + 1, NULL);
	buf_room(&tags->bytes, header.n + 1);
	while (e == S3ERR_OK && text_next(&header, '&', &pair))
		if (pair.n > 0)
			e = add_pair(pair, tags, why);
	if (e != S3ERR_OK)
		s3_tags_free(tags);
	else
		*why = "";
	return e;
}

/* --- stored --- */

void
s3_tags_pack(const struct s3_tags *tags, struct buf *out)
{
	struct tag_rows all;

	all.n_tag = tags->n;
	for (size_t i = 0; i < tags->n; i++)
		all.tag[i] = (struct tag_row){ true, tags->at[i].key, true,
			tags->at[i].value };
	pb_encode(&tag_rows_desc, &all, out);
}

int
s3_tags_unpack(struct slice packed, struct s3_tags *tags)
{
	struct tag_rows all;
	size_t dropped = 0;
	struct slice copy;

	tags->n = 0;
	buf_init(&tags->bytes, packed.n + 1, NULL);
	put_slice(&tags->bytes, packed);
	copy = buf_slice(&tags->bytes);
	pb_clear(&tag_rows_desc, &all);
	if (pb_decode(&tag_rows_desc, copy, &all, &dropped) < 0 ||
	    dropped > 0) {
		s3_tags_free(tags);
		return -1;
	}
	for (; tags->n < all.n_tag; tags->n++)
		tags->at[tags->n] = (struct s3_tag){ all.tag[tags->n].key,
			all.tag[tags->n].value };
	return 0;
}

void
s3_tags_xml(const struct s3_tags *tags, struct buf *out)
{
	xml_head(out);
	xml_open_ns(out, "Tagging");
	xml_open(out, "TagSet");
	for (size_t i = 0; i < tags->n; i++) {
		xml_open(out, "Tag");
		xml_text(out, "Key", tags->at[i].key);
		xml_text(out, "Value", tags->at[i].value);
		xml_close(out, "Tag");
	}
	xml_close(out, "TagSet");
	xml_close(out, "Tagging");
}

void
s3_tags_free(struct s3_tags *tags)
{
	buf_free(&tags->bytes);
	tags->n = 0;
}
