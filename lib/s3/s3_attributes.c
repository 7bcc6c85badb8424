/* SPDX-License-Identifier: ISC */
#include "base/table.h"
#include "s3/s3_own.h"
#include "web/text.h"

#include <string.h>

/* What x-amz-object-attributes may name. */
#define ATTRIBUTES(R)                                                          \
	R(WANT_ETAG, "ETag")                                                   \
	R(WANT_CHECKSUM, "Checksum")                                           \
	R(WANT_PARTS, "ObjectParts")                                           \
	R(WANT_CLASS, "StorageClass")                                          \
	R(WANT_SIZE, "ObjectSize")
enum attribute { ATTRIBUTES(TABLE_NAME) WANT_N };
static const char *const words[] = { ATTRIBUTES(TABLE_WORD) };

static bool
wanted(struct s3_req *r, unsigned *want)
{
	*want = 0;
	for (size_t i = 0; i < r->head->n; i++) {
		const struct http_field *f = &r->head->fields[i];
		struct slice list = f->value, item;

		if (!http_name_is(f->name, "x-amz-object-attributes"))
			continue;
		while (text_next(&list, ',', &item)) {
			size_t w = table_find(words, WANT_N, text_trim(item));

			if (w == WANT_N)
				return false;
			*want |= 1u << w;
		}
	}
	return *want != 0;
}

static uint64_t
header_uint(struct s3_req *r, const char *name, uint64_t most)
{
	uint64_t v = most;
	struct slice text = http_value(r->head, name);

	if (text.n == 0 || text_uint(text, UINT64_MAX, &v) < 0 || v > most)
		return most;
	return v;
}

/* Parts are listed only where each has a checksum, as S3 does it. */
static void
put_parts(struct s3_req *r, const struct object *o, struct buf *out)
{
	uint64_t most = header_uint(r, "x-amz-max-parts", S3_LIST_MOST);
	uint64_t marker = header_uint(r, "x-amz-part-number-marker", S3_PARTS);
	uint64_t nth, begin;
	struct part part;

	if (http_find(r->head, "x-amz-part-number-marker") == NULL)
		marker = 0;
	xml_open(out, "ObjectParts");
	xml_uint(out, "PartsCount", o->parts);
	xml_uint(out, "PartNumberMarker", marker);
	xml_uint(out, "MaxParts", most);
	for (nth = marker + 1; nth <= o->parts && nth <= marker + most; nth++) {
		if (nodedb_content_part(r->s3->db, &o->content, (unsigned)nth,
			&part, &begin) != NODEDB_OK)
			break;
		xml_open(out, "Part");
		xml_uint(out, "PartNumber", nth);
		xml_uint(out, "Size", part.size);
		s3_part_sum_xml(part.sum, out);
		xml_close(out, "Part");
	}
	if (nth - 1 > marker)
		xml_uint(out, "NextPartNumberMarker", nth - 1);
	xml_bool(out, "IsTruncated", nth <= o->parts);
	xml_close(out, "ObjectParts");
}

static void
put_checksum(const struct s3_meta *m, unsigned parts, struct buf *out)
{
	if (m->sum_kind == 0 || m->sum.n == 0)
		return;
	xml_open(out, "Checksum");
	s3_meta_xml_sum(m, parts, out);
	xml_close(out, "Checksum");
}

static void
put_attributes(struct s3_req *r, const struct object *o,
    const struct s3_meta *m, unsigned want)
{
	struct buf *out = &r->reply.body;
	char etag[S3_ETAG];

	s3_etag(o, etag);
	xml_head(out);
	xml_open_ns(out, "GetObjectAttributesResponse");
	if (want & 1u << WANT_ETAG)
		xml_str(out, "ETag", etag); /* this one has no quotes */
	if (want & 1u << WANT_CHECKSUM)
		put_checksum(m, o->parts, out);
	if (want & 1u << WANT_PARTS && o->content.kind == CONTENT_PARTS)
		put_parts(r, o, out);
	if (want & 1u << WANT_CLASS)
		xml_str(out, "StorageClass", "STANDARD");
	if (want & 1u << WANT_SIZE)
		xml_uint(out, "ObjectSize", o->size);
	xml_close(out, "GetObjectAttributesResponse");
}

void
s3_object_attributes(struct s3_req *r)
{
	char modified[WHEN_TEXT];
	struct object o = { 0 };
	struct s3_meta m;
	unsigned want;

	if (!wanted(r, &want)) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "x-amz-object-attributes names none, or an unknown one.");
		return;
	}
	if (!s3_find(r, r->bucket, r->op.key, &o))
		return;
	if (s3_meta_unpack(o.meta, &m) < 0) {
		s3_fail_why(r, S3ERR_INTERNAL, "The metadata is damaged.");
		return;
	}
	when_http(o.at / 1000, modified);
	http_put_text(&r->reply, "Last-Modified", modified);
	s3_put_version(r, r->bucket, &o);
	put_attributes(r, &o, &m, want);
	s3_answer_xml(r, 200);
}
