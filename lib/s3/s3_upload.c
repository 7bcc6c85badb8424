/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "web/text.h"
#include "wire/mbase.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN = 16 };

void
s3_token_text(const uint8_t token[16], char text[S3_TOKEN])
{
	sodium_bin2hex(text, S3_TOKEN, token, TOKEN);
}

static bool
token_parse(struct slice text, uint8_t token[TOKEN])
{
	struct buf out = { .max = TOKEN };
	bool good = text.n == 2 * TOKEN &&
		    mbase_decode(MBASE_16, text, &out) == 0 && out.n == TOKEN;

	if (good)
		memcpy(token, out.p, TOKEN);
	buf_free(&out);
	return good;
}

bool
s3_upload_find(struct s3_req *r, struct upload *upload)
{
	uint8_t token[TOKEN];
	enum nodedb_said said = NODEDB_NONE;

	if (token_parse(uri_value(&r->uri, "uploadId"), token))
		said = nodedb_upload(r->s3->db, r->bucket, token, upload);
	if (said == NODEDB_OK && !slice_eq(upload->key, r->op.key))
		said = NODEDB_NONE;
	if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_NO_SUCH_UPLOAD);
	return said == NODEDB_OK;
}

bool
s3_part_number(struct s3_req *r, unsigned *number)
{
	uint64_t v = 0;

	if (text_uint(uri_value(&r->uri, "partNumber"), S3_PARTS, &v) < 0 ||
	    v == 0) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "partNumber must be a number from 1 to 10000.");
		return false;
	}
	*number = (unsigned)v;
	return true;
}

/* Which checksum the whole is to have, and of what. */
static bool
upload_sum(struct s3_req *r, struct s3_meta *m)
{
	struct slice word = http_value(r->head, "x-amz-checksum-algorithm");
	struct slice type = http_value(r->head, "x-amz-checksum-type");
	enum sum_kind kind = sum_of_word(word);
	bool full = slice_is(type, "FULL_OBJECT");
	bool good = type.n == 0 || full || slice_is(type, "COMPOSITE");

	if (word.n == 0 && type.n == 0)
		return true;
	if (kind == SUM_NONE || !good || (full && !sum_is_crc(kind)) ||
	    (kind == SUM_CRC64 && type.n > 0 && !full)) {
		s3_fail_why(r, S3ERR_INVALID_REQUEST,
		    "x-amz-checksum-algorithm and x-amz-checksum-type do not "
		    "fit.");
		return false;
	}
	m->has_sum_kind = true;
	m->sum_kind = 1 + kind;
	m->composite = !full && kind != SUM_CRC64;
	m->has_composite = m->composite;
	http_put_text(&r->reply, "x-amz-checksum-algorithm", sum_word(kind));
	http_put_text(&r->reply, "x-amz-checksum-type",
	    m->composite ? "COMPOSITE" : "FULL_OBJECT");
	return true;
}

static void
create(struct s3_req *r, struct slice meta, struct slice tags)
{
	struct upload upload = { .bucket = r->bucket,
		.key = r->op.key,
		.meta = meta,
		.tags = tags,
		.created = r->now,
		.touched = r->now };
	struct buf *out = &r->reply.body;
	char text[S3_TOKEN];
	enum nodedb_said said;

	randombytes_buf(upload.token, sizeof upload.token);
	said = nodedb_upload_new(r->s3->db, &upload);
	if (said != NODEDB_OK) {
		s3_fail_db(r, said, S3ERR_INTERNAL);
		return;
	}
	r->wrote = true;
	s3_token_text(upload.token, text);
	xml_head(out);
	xml_open_ns(out, "InitiateMultipartUploadResult");
	xml_text(out, "Bucket", r->op.bucket);
	xml_text(out, "Key", r->op.key);
	xml_str(out, "UploadId", text);
	xml_close(out, "InitiateMultipartUploadResult");
	s3_answer_xml(r, 200);
}

void
s3_upload_create(struct s3_req *r)
{
	struct buf bytes = { .max = 2 * NODEDB_META };
	struct buf meta = { .max = NODEDB_META }, tags = { .max = NODEDB_META };
	struct s3_meta m;
	const char *why;
	enum s3err e;

	e = s3_meta_of(r->head, &m, &bytes, &why);
	if (e == S3ERR_OK)
		e = s3_meta_tags(r->head, &tags, &why);
	if (e != S3ERR_OK) {
		s3_fail_why(r, e, why);
	} else if (upload_sum(r, &m)) {
		s3_meta_pack(&m, &meta);
		create(r, buf_slice(&meta), buf_slice(&tags));
	}
	buf_free(&bytes);
	buf_free(&meta);
	buf_free(&tags);
}

void
s3_upload_abort(struct s3_req *r)
{
	struct upload upload;
	enum nodedb_said said;

	if (!s3_upload_find(r, &upload))
		return;
	said = nodedb_upload_cut(r->s3->db, &upload);
	if (said != NODEDB_OK) {
		s3_fail_db(r, said, S3ERR_NO_SUCH_UPLOAD);
		return;
	}
	r->wrote = true;
	r->s3->stats[S3_STAT_ABORTED]++;
	s3_answer(r, 204);
}

static void
part_op_free(void *state)
{
	struct s3_part_op *op = state;

	read_free(op->reading);
	free(op);
}

struct s3_part_op *
s3_part_op(struct s3_req *r, struct upload *upload, enum sum_kind *kind)
{
	struct s3_part_op *op;
	struct s3_meta m;
	unsigned number;

	if (!s3_part_number(r, &number) || !s3_upload_find(r, upload))
		return NULL;
	if (s3_meta_unpack(upload->meta, &m) < 0) {
		s3_fail_why(r, S3ERR_INTERNAL, "The metadata is damaged.");
		return NULL;
	}
	*kind = m.sum_kind > 0 ? (enum sum_kind)(m.sum_kind - 1) : SUM_NONE;
	op = mem_new(sizeof *op);
	memcpy(op->token, upload->token, sizeof op->token);
	op->number = number;
	r->state_of_op = op;
	r->free_state = part_op_free;
	return op;
}

uint64_t
s3_part_give(struct s3_req *r)
{
	const struct s3_part_op *op = r->state_of_op;
	struct upload upload;
	struct part part;

	if (nodedb_upload(r->s3->db, r->bucket, op->token, &upload) !=
		NODEDB_OK ||
	    nodedb_part(r->s3->db, &upload, op->number, &part) != NODEDB_OK)
		return 0;
	return part.size;
}

static void
answer_part(struct s3_req *r, const struct part *part)
{
	struct object o = { 0 };
	struct s3_meta m = { 0 };
	const uint8_t *sum = NULL;
	enum sum_kind kind = s3_part_sum(part->sum, &sum);
	char etag[S3_ETAG];

	memcpy(o.etag, part->etag, sizeof o.etag);
	s3_etag(&o, etag);
	s3_put_etag(r, etag);
	if (kind != SUM_NONE) {
		m.sum_kind = 1 + kind;
		m.sum = slice_of(sum, sum_size(kind));
		s3_meta_reply_sum(&m, 0, &r->reply);
	}
	s3_answer(r, 200);
}

void
s3_part_put(struct s3_req *r, struct part *part, uint64_t reserved)
{
	const struct s3_part_op *op = r->state_of_op;
	struct upload upload;
	enum nodedb_said said;

	said = nodedb_upload(r->s3->db, r->bucket, op->token, &upload);
	if (said == NODEDB_OK)
		said =
		    nodedb_part_put(r->s3->db, &upload, part, reserved, r->now);
	if (said != NODEDB_OK) {
		s3_fail_db(r, said, S3ERR_NO_SUCH_UPLOAD);
		return;
	}
	if (r->content)
		r->content->reserved = 0;
	r->wrote = true;
	if (op->copies)
		s3_copy_part_answer(r, part);
	else
		answer_part(r, part);
}

void
s3_part_name(struct s3_req *r, const struct content *content)
{
	const struct s3_part_op *op = r->state_of_op;
	const struct s3_content *c = r->content;
	uint8_t sum[S3_PART_SUM];
	struct part part = { .number = op->number,
		.size = c->sums->size,
		.at = r->now,
		.content = *content };

	memcpy(part.etag, c->sums->md5, sizeof part.etag);
	part.sum = s3_part_sum_pack(c->claim.sum_kind, c->got_sum, sum);
	s3_part_put(r, &part, c->reserved);
}

/* The file's trailer says which part it is. */
void
s3_part_note(struct s3_req *r)
{
	const struct s3_part_op *op = r->state_of_op;
	struct blob_note *note = &r->content->note;

	note->has_upload = note->has_part = true;
	note->upload = slice_of(op->token, sizeof op->token);
	note->part = op->number;
}

void
s3_upload_part(struct s3_req *r)
{
	struct upload upload;
	enum sum_kind kind;
	struct s3_part_op *op = s3_part_op(r, &upload, &kind);

	if (op == NULL || !s3_content_begin(r, r->head, r->bucket->tenant,
			      s3_part_give, s3_part_name))
		return;
	if (kind != SUM_NONE && r->content->claim.sum_kind != SUM_NONE &&
	    r->content->claim.sum_kind != kind) {
		s3_fail_why(r, S3ERR_INVALID_REQUEST,
		    "The upload was begun with another kind of checksum.");
		return;
	}
	s3_content_want(r, kind);
	s3_part_note(r);
}
