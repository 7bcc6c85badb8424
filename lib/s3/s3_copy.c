/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "web/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEPT = 2 * NODEDB_META + NODEDB_KEY,
	BITE = 64 << 10, /* read at a time */
	TURN = 1 << 20,  /* bytes that all copies go on by, in one flush */
};

void
s3_source_free(struct s3_source *s)
{
	buf_free(&s->bytes);
	buf_free(&s->kept);
}

/* /BUCKET/KEY?versionId=ID, percent-encoded, the first slash optional. */
static bool
source_name(struct slice text, struct s3_source *s)
{
	static const char mark[] = "?versionId=";
	struct slice path = text, all;
	const uint8_t *at = NULL;

	if (text.n > 0)
		at = memmem(text.p, text.n, mark, sizeof mark - 1);
	if (at) {
		size_t before = (size_t)(at - text.p);

		path = get_bytes(&text, before);
		get_bytes(&text, sizeof mark - 1);
		if (s3_version_parse(text, &s->version) < 0)
			return false;
		s->has_version = true;
	}
	buf_init(&s->bytes, HTTP_TARGET, NULL);
	if (uri_unescape(&s->bytes, path, false) < 0)
		return false;
	all = buf_slice(&s->bytes);
	if (all.n > 0 && all.p[0] == '/')
		get_u8(&all);
	s->key = all;
	return text_next(&s->key, '/', &s->bucket) && s->bucket.n > 0 &&
	       s->key.n > 0 && s->key.n <= S3_KEY;
}

static struct slice
kept(const struct buf *b, size_t at, size_t n)
{
	return n > 0 ? slice_of(b->p + at, n) : slice_of(NULL, 0);
}

/* What the index lends is gone after the next question. */
static bool
keep_object(struct s3_source *s)
{
	struct object *o = &s->object;
	size_t meta = o->meta.n;

	buf_init(&s->kept, KEPT, NULL);
	put_slice(&s->kept, o->meta);
	put_slice(&s->kept, o->tags);
	if (s->kept.bad)
		return false;
	o->key = s->key;
	o->meta = kept(&s->kept, 0, meta);
	o->tags = kept(&s->kept, meta, o->tags.n);
	return true;
}

static bool
source_version(struct s3_req *r, struct s3_source *s)
{
	struct nodedb *db = r->s3->db;
	enum nodedb_said said;

	said = s->has_version ? nodedb_get_version(
				    db, s->from, s->key, s->version, &s->object)
			      : nodedb_get(db, s->from, s->key, &s->object);
	if (said != NODEDB_OK)
		s3_fail_db(r, said,
		    s->has_version ? S3ERR_NO_SUCH_VERSION : S3ERR_NO_SUCH_KEY);
	else if (s->object.marker && s->has_version)
		s3_fail_why(r, S3ERR_INVALID_REQUEST,
		    "The source of a copy may not be a delete marker.");
	else if (s->object.marker)
		s3_fail(r, S3ERR_NO_SUCH_KEY);
	else if (!keep_object(s))
		s3_fail(r, S3ERR_INTERNAL);
	return !r->answered;
}

static bool
is_other_owner(const struct s3_req *r, const struct bucket *from)
{
	struct slice owner =
	    http_value(r->head, "x-amz-source-expected-bucket-owner");

	return owner.n > 0 && !slice_is(owner, from->tenant->name);
}

bool
s3_source_find(struct s3_req *r, struct s3_source *s)
{
	char etag[S3_ETAG];

	*s = (struct s3_source){ 0 };
	if (!source_name(http_value(r->head, "x-amz-copy-source"), s)) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "x-amz-copy-source names no bucket and key.");
		return false;
	}
	s->from = nodedb_bucket(r->s3->db, s->bucket);
	if (s->from == NULL) {
		s3_fail(r, S3ERR_NO_SUCH_BUCKET);
		return false;
	}
	if (!s3_allowed(r, s->from, s->key, S3_READ) ||
	    is_other_owner(r, s->from)) {
		s3_fail(r, S3ERR_ACCESS_DENIED);
		return false;
	}
	if (!source_version(r, s))
		return false;
	s3_etag(&s->object, etag);
	if (when_copy(r->head, etag, s->object.at / 1000) != WHEN_GO) {
		s3_fail(r, S3ERR_PRECONDITION);
		return false;
	}
	if (s->from->versioning != S3_UNVERSIONED) {
		char text[24];

		s3_version_text(&s->object, text);
		http_put_text(&r->reply, "x-amz-copy-source-version-id", text);
	}
	return true;
}

/* COPY or REPLACE; false: answered. */
static bool
directive(struct s3_req *r, const char *name, bool *replace)
{
	struct slice v = http_value(r->head, name);

	*replace = slice_is(v, "REPLACE");
	if (*replace || v.n == 0 || slice_is(v, "COPY"))
		return true;
	s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
	    "A directive of a copy is neither COPY nor REPLACE.");
	return false;
}

struct copy {
	struct s3_source source;
	bool replace_meta, replace_tags;
	struct s3_meta meta;
	uint8_t sum[SUM_MOST];
	struct buf bytes;        /* what meta borrows */
	struct buf packed, tags; /* as they are stored */
};

static bool
is_itself(const struct s3_req *r, const struct copy *c)
{
	return c->source.from == r->bucket &&
	       slice_eq(c->source.key, r->op.key) && !c->source.has_version &&
	       !c->replace_meta && !c->replace_tags;
}

static void
sum_inline(struct s3_req *r, struct copy *c, enum sum_kind kind, bool *good)
{
	struct sum sum = { 0 };
	struct slice bytes;

	*good = nodedb_inline_read(
		    r->s3->db, &c->source.object.content, &bytes) == NODEDB_OK;
	if (!*good)
		return;
	sum_begin(&sum, kind);
	sum_add(&sum, bytes);
	sum_end(&sum, c->sum);
	sum_free(&sum);
}

/* A checksum that the copy is to have and the source has not. */
static bool
other_sum(struct s3_req *r, struct copy *c)
{
	struct slice word = http_value(r->head, "x-amz-checksum-algorithm");
	const struct object *o = &c->source.object;
	enum sum_kind kind = sum_of_word(word);
	bool good = true;

	if (word.n == 0 || (kind != SUM_NONE && !c->meta.composite &&
			       c->meta.sum_kind == 1u + kind))
		return true;
	if (kind == SUM_NONE) {
		s3_fail_why(r, S3ERR_INVALID_REQUEST,
		    "x-amz-checksum-algorithm is unknown.");
		return false;
	}
	if (o->content.kind == CONTENT_INLINE)
		sum_inline(r, c, kind, &good);
	else if (kind == SUM_SHA256 && o->has_sha)
		memcpy(c->sum, o->sha, SHA256_BYTES);
	else
		good = false;
	if (!good) {
		s3_fail_why(r, S3ERR_NOT_IMPLEMENTED,
		    "The copy of a large object keeps the checksum that it "
		    "has.");
		return false;
	}
	c->meta.has_sum_kind = c->meta.has_sum = true;
	c->meta.sum_kind = 1 + kind;
	c->meta.sum = slice_of(c->sum, sum_size(kind));
	c->meta.has_composite = false;
	c->meta.composite = 0;
	return true;
}

static bool
describe(struct s3_req *r, struct copy *c)
{
	struct s3_meta old;
	const char *why = NULL;
	enum s3err e = S3ERR_OK;

	if (s3_meta_unpack(c->source.object.meta, &old) < 0) {
		s3_fail_why(r, S3ERR_INTERNAL, "The metadata is damaged.");
		return false;
	}
	c->meta = old;
	if (c->replace_meta)
		e = s3_meta_of(r->head, &c->meta, &c->bytes, &why);
	if (e == S3ERR_OK && c->replace_tags)
		e = s3_meta_tags(r->head, &c->tags, &why);
	else
		put_slice(&c->tags, c->source.object.tags);
	if (e != S3ERR_OK) {
		s3_fail_why(r, e, why);
		return false;
	}
	c->meta.has_sum_kind = old.has_sum_kind;
	c->meta.sum_kind = old.sum_kind;
	c->meta.has_sum = old.has_sum;
	c->meta.sum = old.sum;
	c->meta.has_composite = old.has_composite;
	c->meta.composite = old.composite;
	if (!other_sum(r, c))
		return false;
	s3_meta_pack(&c->meta, &c->packed);
	return true;
}

static void
answer(struct s3_req *r, const char *root, int64_t at, const char *etag,
    const struct s3_meta *m, unsigned parts)
{
	struct buf *out = &r->reply.body;
	char text[WHEN_TEXT];

	when_iso(at, text);
	xml_head(out);
	xml_open_ns(out, root);
	xml_str(out, "LastModified", text);
	s3_xml_etag(out, etag);
	s3_meta_xml_sum(m, parts, out);
	xml_close(out, root);
	s3_answer_xml(r, 200);
}

/* The row refers to the same content: nothing is copied. */
static void
put_copy(struct s3_req *r, struct copy *c)
{
	const struct object *from = &c->source.object;
	struct object o = { .key = r->op.key,
		.size = from->size,
		.at = r->now,
		.parts = from->parts,
		.has_sha = from->has_sha,
		.content = from->content,
		.meta = buf_slice(&c->packed),
		.tags = buf_slice(&c->tags) };
	struct object put = { 0 };
	char etag[S3_ETAG];
	enum nodedb_said said;

	memcpy(o.etag, from->etag, sizeof o.etag);
	memcpy(o.sha, from->sha, sizeof o.sha);
	said = nodedb_put(r->s3->db, r->bucket, &o, 0, &put);
	if (said != NODEDB_OK) {
		s3_fail_db(r, said, S3ERR_INTERNAL);
		return;
	}
	r->wrote = true;
	s3_etag(&o, etag);
	s3_put_version(r, r->bucket, &put);
	answer(r, "CopyObjectResult", o.at, etag, &c->meta, o.parts);
}

void
s3_copy_object(struct s3_req *r)
{
	struct copy c = { .bytes = { .max = 2 * NODEDB_META },
		.packed = { .max = NODEDB_META },
		.tags = { .max = NODEDB_META } };

	if (!directive(r, "x-amz-metadata-directive", &c.replace_meta) ||
	    !directive(r, "x-amz-tagging-directive", &c.replace_tags) ||
	    !s3_source_find(r, &c.source))
		goto out;
	if (is_itself(r, &c)) {
		s3_fail_why(r, S3ERR_INVALID_REQUEST,
		    "A copy onto itself must change something.");
		goto out;
	}
	if (describe(r, &c) && s3_write_condition(r, r->bucket, r->op.key))
		put_copy(r, &c);
out:
	s3_source_free(&c.source);
	buf_free(&c.bytes);
	buf_free(&c.packed);
	buf_free(&c.tags);
}

void
s3_copy_part_answer(struct s3_req *r, const struct part *part)
{
	struct buf *out = &r->reply.body;
	struct object o = { 0 };
	char text[WHEN_TEXT], etag[S3_ETAG];

	memcpy(o.etag, part->etag, sizeof o.etag);
	s3_etag(&o, etag);
	when_iso(part->at, text);
	xml_head(out);
	xml_open_ns(out, "CopyPartResult");
	xml_str(out, "LastModified", text);
	s3_xml_etag(out, etag);
	s3_part_sum_xml(part->sum, out);
	xml_close(out, "CopyPartResult");
	s3_answer_xml(r, 200);
}

static void
copying_begin(struct s3_req *r, struct s3_part_op *op, enum sum_kind kind,
    const struct s3_source *s, uint64_t from)
{
	const struct object *o = &s->object;

	if (!s3_content_copy(
		r, r->bucket->tenant, op->n, s3_part_give, s3_part_name))
		return;
	s3_content_want(r, kind);
	s3_part_note(r);
	if (op->n > 0) {
		op->reading = read_open(
		    r->s3->blobs, r->s3->db, &o->content, o->size, from, op->n);
		if (op->reading == NULL) {
			s3_fail_why(
			    r, S3ERR_INTERNAL, "The content cannot be read.");
			return;
		}
	}
	r->copies = r->s3->copying;
	r->s3->copying = r;
	r->is_copying = true;
}

/* All of a plain object, with the checksum that is wanted, can be referred to:
 * its ETag is what the part's would be. */
static bool
can_refer(const struct object *o, const struct s3_meta *m, uint64_t n,
    enum sum_kind kind)
{
	return n == o->size && o->parts == 0 && o->content.kind &&
	       (kind == SUM_NONE || m->sum_kind == 1u + kind);
}

static void
refer(struct s3_req *r, struct s3_part_op *op, const struct object *o,
    const struct s3_meta *m, enum sum_kind kind)
{
	uint8_t sum[S3_PART_SUM];
	struct part part = { .number = op->number,
		.size = o->size,
		.at = r->now,
		.content = o->content };

	memcpy(part.etag, o->etag, sizeof part.etag);
	if (kind != SUM_NONE)
		part.sum = s3_part_sum_pack(kind, m->sum.p, sum);
	s3_part_put(r, &part, 0);
}

static void
copy_range(struct s3_req *r, struct s3_part_op *op, enum sum_kind kind,
    const struct s3_source *s)
{
	struct slice range = http_value(r->head, "x-amz-copy-source-range");
	const struct object *o = &s->object;
	uint64_t from = 0;
	struct s3_meta m;

	op->n = o->size;
	if (range.n > 0 && !when_copy_range(range, o->size, &from, &op->n)) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "x-amz-copy-source-range is not within the source.");
		return;
	}
	if (s3_meta_unpack(o->meta, &m) < 0)
		m = (struct s3_meta){ 0 };
	if (can_refer(o, &m, op->n, kind))
		refer(r, op, o, &m, kind);
	else
		copying_begin(r, op, kind, s, from);
}

void
s3_copy_part(struct s3_req *r)
{
	struct s3_source source = { 0 };
	struct upload upload;
	enum sum_kind kind;
	struct s3_part_op *op = s3_part_op(r, &upload, &kind);

	if (op == NULL)
		return;
	op->copies = true;
	if (s3_source_find(r, &source))
		copy_range(r, op, kind, &source);
	s3_source_free(&source);
}

void
s3_copy_stop(struct s3_req *r)
{
	struct s3_req **at = &r->s3->copying;

	while (*at != r)
		at = &(*at)->copies;
	*at = r->copies;
	r->is_copying = false;
}

/* true: it goes on. */
static bool
copy_some(struct s3_req *r, uint8_t *room, uint64_t most)
{
	struct s3_part_op *op = r->state_of_op;
	uint64_t end = op->n - op->at < most ? op->n : op->at + most;

	while (op->at < end && !r->answered) {
		size_t n = end - op->at < BITE ? (size_t)(end - op->at) : BITE;
		ssize_t got = read_at(op->reading, op->at, room, n);

		if (got <= 0) {
			s3_fail_why(r, S3ERR_INTERNAL,
			    "The source's content cannot be read.");
			break;
		}
		op->at += (uint64_t)got;
		s3_content_add(r, slice_of(room, (size_t)got));
	}
	if (r->answered)
		return false;
	if (op->at < op->n)
		return true;
	s3_content_end(r);
	return false;
}

void
s3_copy_step(struct s3 *s3)
{
	uint64_t n = 0;
	uint8_t *room;

	if (s3->copying == NULL)
		return;
	for (struct s3_req *r = s3->copying; r; r = r->copies)
		n++;
	room = mem_new(BITE);
	for (struct s3_req *r = s3->copying, *next; r; r = next) {
		next = r->copies;
		if (copy_some(r, room, TURN / n > 0 ? TURN / n : 1))
			continue;
		s3_copy_stop(r);
		s3_settle(r);
	}
	free(room);
}
