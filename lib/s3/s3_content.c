/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)

enum {
	STEP = 8 << 20, /* reserved at a time when no length is known */
};

void
s3_content_free(struct s3 *s3, struct s3_content *c)
{
	if (c == NULL)
		return;
	if (c->sealing)
		s3->sealing--;
	put_free(c->put);
	sum_free(&c->sum);
	caps_release(c->tenant, c->reserved);
	s3_disk_forget(s3, c);
	buf_free(&c->meta);
	buf_free(&c->tags);
	free(c);
	s3->stats[S3_STAT_UPLOADING]--;
}

static struct s3_content *
content_new(struct s3_req *r, struct tenant *tenant, s3_named_fn *named)
{
	struct s3_content *c = mem_new(sizeof *c);

	c->claim.sum_kind = SUM_NONE;
	c->tenant = tenant;
	c->named = named;
	buf_init(&c->meta, NODEDB_META, r->s3->conf.budget);
	buf_init(&c->tags, NODEDB_META, r->s3->conf.budget);
	r->content = c;
	r->s3->stats[S3_STAT_UPLOADING]++;
	return c;
}

bool
s3_content_reserve(struct s3_req *r, uint64_t n, s3_give_fn *give)
{
	struct s3_content *c = r->content;
	struct nodedb *db = r->s3->db;
	uint64_t freed;

	if (!caps_reserve(db, c->tenant, n, 0)) {
		freed = give ? give(r) : 0;
		if (freed == 0 || !caps_reserve(db, c->tenant, n, freed)) {
			s3_fail(r, S3ERR_QUOTA);
			return false;
		}
	}
	c->reserved += n;
	return true;
}

/* SHA-256 is computed in any case. */
static bool
is_running(const struct s3_content *c)
{
	return c->claim.sum_kind != SUM_NONE && c->claim.sum_kind != SUM_SHA256;
}

static void
sum_start(struct s3_content *c)
{
	if (is_running(c))
		sum_begin(&c->sum, c->claim.sum_kind);
}

static bool
promise(struct s3_req *r, uint64_t n)
{
	if (s3_disk_promise(r->s3, r->content, n, r->now))
		return true;
	s3_fail(r, S3ERR_STORAGE_FULL);
	return false;
}

static bool
content_open(struct s3_req *r, s3_give_fn *give)
{
	struct s3_content *c = r->content;
	uint64_t most = S3_OBJECT_MOST * GIB;

	if (c->claim.length_known && c->claim.length > most) {
		s3_fail(r, S3ERR_ENTITY_TOO_LARGE);
		return false;
	}
	c->give = give;
	c->most = c->claim.length_known ? c->claim.length : most;
	if (c->claim.length_known &&
	    (!s3_content_reserve(r, c->claim.length, give) ||
		!promise(r, c->claim.length)))
		return false;
	c->put = put_new(r->s3->blobs, r->s3->db, r->s3->conf.budget);
	if (c->claim.length_known && c->claim.length > NODEDB_INLINE &&
	    put_large(c->put) < 0) {
		s3_fail_errno(r, errno);
		return false;
	}
	sum_start(c);
	return true;
}

/* Chunks that nobody will take apart must not become content. */
static bool
hidden_chunks(const struct s3_req *r, const struct http_head *head)
{
	struct slice v = http_value(head, "content-encoding");

	return (r->sig.payload == SIGV4_HEX ||
		   r->sig.payload == SIGV4_UNSIGNED) &&
	       v.n > 0 && memmem(v.p, v.n, "aws-chunked", 11) != NULL;
}

bool
s3_content_begin(struct s3_req *r, const struct http_head *head,
    struct tenant *tenant, s3_give_fn *give, s3_named_fn *named)
{
	struct s3_content *c = content_new(r, tenant, named);
	const char *why;
	enum s3err e;

	c->of_body = head == r->head;
	e = s3_claim_of(head, &r->sig, true, &c->claim, &why);
	if (e == S3ERR_OK && hidden_chunks(r, head)) {
		why = "The content's encoding is aws-chunked, but "
		      "x-amz-content-sha256 does not say so.";
		e = S3ERR_INVALID_REQUEST;
	}
	if (e == S3ERR_OK && !c->claim.length_known && head->uid < 0)
		e = S3ERR_MISSING_LENGTH;
	if (e != S3ERR_OK) {
		s3_fail_why(r, e, why);
		return false;
	}
	return content_open(r, give);
}

bool
s3_content_copy(struct s3_req *r, struct tenant *tenant, uint64_t n,
    s3_give_fn *give, s3_named_fn *named)
{
	struct s3_content *c = content_new(r, tenant, named);

	c->claim.length_known = true;
	c->claim.length = n;
	return content_open(r, give);
}

void
s3_content_want(struct s3_req *r, enum sum_kind kind)
{
	struct s3_content *c = r->content;

	if (c->claim.sum_kind != SUM_NONE)
		return;
	c->claim.sum_kind = kind;
	sum_start(c);
}

/* Without a length it is granted in steps, at the end of a cap byte by byte. */
static bool
reserve_more(struct s3_req *r, size_t n)
{
	struct s3_content *c = r->content;
	uint64_t want;

	if (c->taken + n <= c->reserved)
		return true;
	want = c->taken + n - c->reserved;
	if (want < STEP && caps_reserve(r->s3->db, c->tenant, STEP, 0)) {
		c->reserved += STEP;
		return true;
	}
	return s3_content_reserve(r, want, c->give);
}

void
s3_content_add(struct s3_req *r, struct slice bytes)
{
	struct s3_content *c = r->content;

	if (bytes.n > c->most - c->taken) {
		s3_fail(r, c->claim.length_known ? S3ERR_INCOMPLETE_BODY
						 : S3ERR_ENTITY_TOO_LARGE);
		return;
	}
	if (!reserve_more(r, bytes.n) ||
	    (!c->claim.length_known && !promise(r, bytes.n)))
		return;
	s3_disk_spend(r->s3, c, bytes.n);
	if (put_write(c->put, bytes) < 0) {
		s3_fail_errno(r, errno);
		return;
	}
	if (is_running(c))
		sum_add(&c->sum, bytes);
	c->taken += bytes.n;
}

/* In the turn in which the content is durable. */
static void
name(struct s3_req *r)
{
	struct s3_content *c = r->content;
	struct content content = { 0 };
	enum nodedb_said said;

	if (!s3_bucket_again(r))
		return;
	said = put_content(c->put, &content);
	if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_INTERNAL);
	else
		c->named(r, &content);
}

static enum s3err
verify(struct s3_req *r)
{
	struct s3_content *c = r->content;

	if (c->claim.length_known && c->taken != c->claim.length)
		return S3ERR_INCOMPLETE_BODY;
	if (c->taken < c->least)
		return S3ERR_ENTITY_TOO_SMALL;
	if (c->of_body && r->sig.payload == SIGV4_HEX &&
	    memcmp(c->sums->sha, r->sig.sha, SHA256_BYTES) != 0)
		return S3ERR_SHA_MISMATCH;
	if (is_running(c))
		sum_end(&c->sum, c->got_sum);
	else
		memcpy(c->got_sum, c->sums->sha, SHA256_BYTES);
	return s3_claim_check(&c->claim, c->sums->md5, c->got_sum);
}

void
s3_content_sum(const struct s3_req *r, struct s3_meta *m)
{
	const struct s3_content *c = r->content;

	m->has_sum_kind = m->has_sum = c->claim.sum_kind != SUM_NONE;
	if (!m->has_sum)
		return;
	m->sum_kind = 1 + c->claim.sum_kind;
	m->sum = slice_of(c->got_sum, sum_size(c->claim.sum_kind));
}

/* The row's metadata is whole now, and stands in the file's trailer too. */
static void
describe(struct s3_req *r)
{
	struct s3_content *c = r->content;
	struct blob_note *note = &c->note;
	struct s3_meta m = { 0 };

	s3_content_sum(r, &m);
	s3_meta_pack(&m, &c->meta);
	note->has_tenant = note->has_bucket = note->has_key = true;
	note->tenant = slice_text(c->tenant->name);
	note->bucket = r->op.bucket;
	note->key = r->op.key;
	note->has_meta = c->meta.n > 0;
	note->meta = buf_slice(&c->meta);
	note->has_at = true;
	note->at = (uint64_t)r->now;
}

void
s3_content_end(struct s3_req *r)
{
	struct s3_content *c = r->content;
	enum s3err e;

	c->sums = put_end(c->put);
	e = verify(r);
	if (e != S3ERR_OK) {
		s3_fail(r, e);
		return;
	}
	describe(r);
	if (c->meta.bad) {
		s3_fail(r, S3ERR_SLOW_DOWN);
		return;
	}
	put_set_owner(c->put, r);
	switch (put_seal(c->put, &c->note)) {
	case 0:
		c->sealing = true;
		r->s3->sealing++;
		return;
	case 1:
		if (c->taken > NODEDB_INLINE)
			r->s3->stats[S3_STAT_DEDUPED]++;
		name(r);
		return;
	default:
		s3_fail_errno(r, errno);
	}
}

void
s3_content_sealed(struct s3 *s3, struct put *put, int error)
{
	struct s3_req *r = put_owner(put);

	s3->sealing--;
	r->content->sealing = false;
	if (error)
		s3_fail_errno(r, error);
	else
		name(r);
	s3_settle(r);
}
