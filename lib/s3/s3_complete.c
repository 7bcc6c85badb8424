/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "web/text.h"

#include <stdlib.h>
#include <string.h>

#define TIB (UINT64_C(1) << 40)

/* The parts that the request names, held against those that are there. */
struct complete {
	struct s3_complete list;
	size_t next; /* of list */
	enum s3err error;
	uint64_t size;
	struct digest etag; /* over the parts' */
	enum sum_kind kind; /* of the upload; SUM_NONE */
	bool composite;
	struct sum sums; /* over the parts' sums */
	uint64_t crc;    /* of the whole */
	uint8_t sum[SUM_MOST];
	struct s3_meta meta;
	struct buf bytes;        /* what meta borrows */
	struct buf packed, tags; /* of the object */
};

static void
complete_free(struct complete *c)
{
	s3_complete_free(&c->list);
	digest_free(&c->etag);
	sum_free(&c->sums);
	buf_free(&c->bytes);
	buf_free(&c->packed);
	buf_free(&c->tags);
}

static uint64_t
crc_value(enum sum_kind kind, const uint8_t *sum)
{
	struct slice s = slice_of(sum, sum_size(kind));

	return s.n == 8 ? get_u64(&s) : get_u32(&s);
}

static enum s3err
add_sum(struct complete *c, const struct s3_part *said, const struct part *part)
{
	const uint8_t *sum = NULL;
	enum sum_kind kind = s3_part_sum(part->sum, &sum);

	if (said->has_sum &&
	    (kind != said->kind || memcmp(said->sum, sum, sum_size(kind)) != 0))
		return S3ERR_INVALID_PART;
	if (c->kind == SUM_NONE)
		return S3ERR_OK;
	if (kind != c->kind)
		return S3ERR_INVALID_PART;
	if (c->composite)
		sum_add(&c->sums, slice_of(sum, sum_size(kind)));
	else if (c->next == 0)
		c->crc = crc_value(kind, sum);
	else
		c->crc = sum_crc_join(
		    kind, c->crc, crc_value(kind, sum), part->size);
	return S3ERR_OK;
}

static enum s3err
add_part(struct complete *c, const struct part *part)
{
	const struct s3_part *said = &c->list.at[c->next];
	struct object o = { 0 };
	char etag[S3_ETAG];
	enum s3err e;

	memcpy(o.etag, part->etag, sizeof o.etag);
	s3_etag(&o, etag);
	if (!http_name_eq(said->etag, slice_text(etag)))
		return S3ERR_INVALID_PART;
	if (c->next + 1 < c->list.n && part->size < S3_PART_LEAST)
		return S3ERR_ENTITY_TOO_SMALL;
	if (part->size > S3_OBJECT_MOST * TIB - c->size)
		return S3ERR_ENTITY_TOO_LARGE;
	e = add_sum(c, said, part);
	if (e != S3ERR_OK)
		return e;
	digest_add(&c->etag, slice_of(part->etag, sizeof part->etag));
	c->size += part->size;
	c->next++;
	return S3ERR_OK;
}

/* Both lists ascend.  A part that nobody names goes. */
static int
each_part(void *arg, const struct part *part)
{
	struct complete *c = arg;

	if (c->next == c->list.n || part->number < c->list.at[c->next].number)
		return 0;
	c->error = part->number == c->list.at[c->next].number
		       ? add_part(c, part)
		       : S3ERR_INVALID_PART;
	return c->error != S3ERR_OK;
}

static bool
walk_parts(struct s3_req *r, struct complete *c, const struct upload *upload)
{
	enum nodedb_said said;
	bool more;

	digest_begin(&c->etag, DIGEST_MD5);
	if (c->kind != SUM_NONE && c->composite)
		sum_begin(&c->sums, c->kind);
	said = nodedb_parts(
	    r->s3->db, upload, 0, NODEDB_PARTS, each_part, c, &more);
	if (said != NODEDB_OK && said != NODEDB_NONE) {
		s3_fail_db(r, said, S3ERR_NO_SUCH_UPLOAD);
		return false;
	}
	if (c->error == S3ERR_OK && c->next < c->list.n)
		c->error = S3ERR_INVALID_PART;
	if (c->error != S3ERR_OK)
		s3_fail(r, c->error);
	return c->error == S3ERR_OK;
}

static void
end_sum(struct complete *c)
{
	if (c->kind == SUM_NONE)
		return;
	if (c->composite) {
		sum_end(&c->sums, c->sum);
	} else {
		size_t n = sum_size(c->kind);

		for (size_t i = 0; i < n; i++)
			c->sum[i] = (uint8_t)(c->crc >> 8 * (n - 1 - i));
	}
	c->meta.has_sum = true;
	c->meta.sum = slice_of(c->sum, sum_size(c->kind));
}

/* x-amz-checksum-CRC32 and the like are of the whole here, "-N" behind those
 * of parts. */
static enum s3err
claimed_sum(const struct s3_req *r, const struct complete *c)
{
	struct slice type = http_value(r->head, "x-amz-checksum-type");

	if (type.n > 0 && c->kind != SUM_NONE &&
	    !slice_is(type, c->composite ? "COMPOSITE" : "FULL_OBJECT"))
		return S3ERR_INVALID_REQUEST;
	for (size_t i = 0; i < r->head->n; i++) {
		const struct http_field *f = &r->head->fields[i];
		enum sum_kind kind = sum_of_header(f->name);
		struct slice list = f->value, value;
		uint8_t sum[SUM_MOST];

		if (kind == SUM_NONE)
			continue;
		if (!text_next(&list, '-', &value) ||
		    sum_parse(kind, value, sum) < 0)
			return S3ERR_INVALID_REQUEST;
		/* A sum that we did not take cannot be compared. */
		if (kind != c->kind)
			return S3ERR_INVALID_REQUEST;
		if (memcmp(sum, c->sum, sum_size(kind)) != 0)
			return S3ERR_BAD_DIGEST;
	}
	return S3ERR_OK;
}

static enum s3err
claimed_size(const struct s3_req *r, const struct complete *c)
{
	struct slice text = http_value(r->head, "x-amz-mp-object-size");
	uint64_t size;

	if (text.n == 0)
		return S3ERR_OK;
	return text_uint(text, UINT64_MAX, &size) == 0 && size == c->size
		   ? S3ERR_OK
		   : S3ERR_INVALID_REQUEST;
}

/* What the index lends is gone after the next question. */
static bool
keep_upload(struct s3_req *r, struct complete *c, const struct upload *upload)
{
	put_slice(&c->bytes, upload->meta);
	put_slice(&c->tags, upload->tags);
	if (s3_meta_unpack(buf_slice(&c->bytes), &c->meta) < 0) {
		s3_fail_why(r, S3ERR_INTERNAL, "The metadata is damaged.");
		return false;
	}
	c->kind = c->meta.sum_kind > 0 ? (enum sum_kind)(c->meta.sum_kind - 1)
				       : SUM_NONE;
	c->composite = c->meta.composite;
	return true;
}

static void
answer(struct s3_req *r, const struct complete *c, const struct object *o)
{
	struct buf *out = &r->reply.body, path = { .max = HTTP_TARGET };
	char etag[S3_ETAG];

	put_text(&path, "/");
	put_slice(&path, r->op.bucket);
	put_text(&path, "/");
	uri_escape(&path, r->op.key, true);
	s3_etag(o, etag);
	xml_head(out);
	xml_open_ns(out, "CompleteMultipartUploadResult");
	xml_text(out, "Location", buf_slice(&path));
	xml_text(out, "Bucket", r->op.bucket);
	xml_text(out, "Key", r->op.key);
	s3_xml_etag(out, etag);
	s3_meta_xml_sum(&c->meta, o->parts, out);
	xml_close(out, "CompleteMultipartUploadResult");
	buf_free(&path);
	s3_answer_xml(r, 200);
}

static void
name_object(struct s3_req *r, struct complete *c, const unsigned *numbers)
{
	struct object put = { 0 }, o = { .key = r->op.key, .at = r->now };
	struct nodedb *db = r->s3->db;
	struct upload upload;
	enum nodedb_said said;

	if (!s3_upload_find(r, &upload))
		return;
	said = nodedb_upload_complete(
	    db, &upload, numbers, c->list.n, &o.content, &o.size);
	if (said != NODEDB_OK) {
		s3_fail_db(r, said, S3ERR_INVALID_PART);
		return;
	}
	o.parts = (uint16_t)c->list.n;
	o.meta = buf_slice(&c->packed);
	o.tags = buf_slice(&c->tags);
	digest_end(&c->etag, o.etag);
	said = nodedb_put(db, r->bucket, &o, 0, &put);
	if (said != NODEDB_OK) {
		s3_fail_db(r, said, S3ERR_INTERNAL);
		return;
	}
	r->wrote = true;
	s3_put_version(r, r->bucket, &put);
	answer(r, c, &o);
}

static void
complete(struct s3_req *r, struct complete *c)
{
	unsigned *numbers;
	enum s3err e;

	end_sum(c);
	e = claimed_sum(r, c);
	if (e == S3ERR_OK)
		e = claimed_size(r, c);
	if (e != S3ERR_OK) {
		s3_fail(r, e);
		return;
	}
	if (!s3_write_condition(r, r->bucket, r->op.key))
		return;
	s3_meta_pack(&c->meta, &c->packed);
	numbers = mem_new(c->list.n * sizeof *numbers);
	for (size_t i = 0; i < c->list.n; i++)
		numbers[i] = c->list.at[i].number;
	name_object(r, c, numbers);
	free(numbers);
}

void
s3_upload_complete_begin(struct s3_req *r)
{
	struct upload upload;

	if (s3_upload_find(r, &upload))
		s3_write_condition(r, r->bucket, r->op.key);
}

void
s3_upload_complete(struct s3_req *r)
{
	struct complete c = { .bytes = { .max = NODEDB_META },
		.packed = { .max = NODEDB_META },
		.tags = { .max = NODEDB_META } };
	struct upload upload;
	const char *why;
	enum s3err e;

	e = s3_complete_parse(buf_slice(&r->body), &c.list, &why);
	if (e != S3ERR_OK)
		s3_fail_why(r, e, why);
	else if (s3_upload_find(r, &upload) && keep_upload(r, &c, &upload) &&
		 walk_parts(r, &c, &upload))
		complete(r, &c);
	complete_free(&c);
}
