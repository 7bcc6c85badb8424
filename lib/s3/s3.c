/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"

#include <stddef.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { UNUSED = 64 };

const char *const s3_right_words[] = { "read", "write", "admin", NULL };

struct s3 *
s3_new(const struct s3_conf *conf, struct nodedb *db, struct blobs *blobs,
    struct sweep *sweep)
{
	struct s3 *s3 = mem_new(sizeof *s3);

	s3->conf = *conf;
	s3->db = db;
	s3->blobs = blobs;
	s3->sweep = sweep;
	s3->waiting.end = &s3->waiting.first;
	s3->ready.end = &s3->ready.first;
	randombytes_buf(&s3->next_id, sizeof s3->next_id);
	s3->life = s3_life_new(s3);
	return s3;
}

void
s3_free(struct s3 *s3)
{
	if (s3 == NULL)
		return;
	while (s3->all)
		s3_done(s3->all, 0);
	while (s3->unused) {
		struct s3_req *r = s3->unused;

		s3->unused = r->next;
		free(r);
	}
	s3_life_free(s3->life);
	sigv4_cache_free(&s3->keys);
	free(s3);
}

static void
queue_put(struct s3_queue *q, struct s3_req *r)
{
	r->queue = q;
	r->queued = NULL;
	*q->end = r;
	q->end = &r->queued;
}

static void
queue_cut(struct s3_req *r)
{
	struct s3_queue *q = r->queue;
	struct s3_req **at;

	if (q == NULL)
		return;
	for (at = &q->first; *at != r; at = &(*at)->queued)
		;
	*at = r->queued;
	if (q->end == &r->queued)
		q->end = at;
	r->queue = NULL;
}

static struct s3_req *
queue_take(struct s3_queue *q)
{
	struct s3_req *r = q->first;

	if (r)
		queue_cut(r);
	return r;
}

static struct s3_req *
request_new(struct s3 *s3, const struct http_head *head, int64_t now)
{
	static const char digits[] = "0123456789ABCDEF";
	struct s3_req *r = s3->unused;
	uint64_t id = s3->next_id++;

	if (r) {
		s3->unused = r->next;
		s3->nunused--;
		memset(r, 0, offsetof(struct s3_req, uri));
	} else {
		r = mem_new(sizeof *r);
	}
	r->uri.path = r->uri.raw_path = r->uri.raw_query = (struct slice){ 0 };
	r->uri.n = 0;
	r->uri.bytes = (struct buf){ 0 };
	r->s3 = s3;
	r->head = head;
	r->now = now;
	for (size_t i = S3_ID; i-- > 0; id >>= 4)
		r->id[i] = digits[id & 15];
	http_reply_init(&r->reply, s3->conf.budget);
	buf_init(&r->body, S3_BODY_XML, s3->conf.budget);
	r->next = s3->all;
	if (s3->all)
		s3->all->prev = r;
	s3->all = r;
	s3->stats[S3_STAT_INFLIGHT] = ++s3->nreqs;
	return r;
}

static void
drop_content(struct s3_req *r)
{
	s3_content_free(r->s3, r->content);
	r->content = NULL;
}

/* Does what was answered stand on what is not durable yet?  A refusal before
 * the body has come is not held back: who is refused should not send it. */
static bool
must_wait(const struct s3_req *r)
{
	return r->wrote || (!r->taking && nodedb_dirty(r->s3->db));
}

/* After whatever happened to r within a call of our own caller. */
static enum s3_state
settle(struct s3_req *r)
{
	if (!r->answered)
		return r->state = r->taking ? S3_WANTS_BODY : S3_WAITS;
	if (r->queue || r->state == S3_READY)
		return r->state;
	drop_content(r);
	if (!must_wait(r))
		return r->state = S3_READY;
	queue_put(&r->s3->waiting, r);
	return r->state = S3_WAITS;
}

void
s3_settle(struct s3_req *r)
{
	if (!r->answered || r->queue)
		return;
	drop_content(r);
	queue_put(&r->s3->waiting, r);
	r->state = S3_WAITS;
}

void
s3_refused(struct s3_req *r)
{
	drop_content(r);
	queue_put(&r->s3->ready, r);
	r->state = S3_READY;
}

static bool
stream(const struct s3_req *r)
{
	return r->sig.payload != SIGV4_HEX && r->sig.payload != SIGV4_UNSIGNED;
}

static void
frame(struct s3_req *r, const struct s3_claim *claim)
{
	r->taking = true;
	if (stream(r))
		r->chunked =
		    chunked_new(&r->sig, r->signing_key, claim->length);
}

static void
start_xml(struct s3_req *r, const struct s3_handler *h)
{
	const char *why;
	enum s3err e;

	e = s3_claim_of(r->head, &r->sig, r->op.kind != S3OP_COMPLETE_UPLOAD,
	    &r->claim, &why);
	if (e != S3ERR_OK) {
		s3_fail_why(r, e, why);
		return;
	}
	if (r->claim.length_known && r->claim.length > S3_BODY_XML) {
		s3_fail(r, S3ERR_MAX_MESSAGE);
		return;
	}
	if (h->begin)
		h->begin(r);
	if (!r->answered)
		frame(r, &r->claim);
}

static void
start(struct s3_req *r, const struct s3_handler *h)
{
	switch (h->takes) {
	case S3_TAKES_NOTHING:
		r->taking = false;
		h->begin(r);
		break;
	case S3_TAKES_XML:
		start_xml(r, h);
		break;
	case S3_TAKES_CONTENT:
		h->begin(r);
		if (!r->answered)
			frame(r, r->content ? &r->content->claim : &r->claim);
		break;
	}
}

/* Reads and deletes go on when the disk is full; so do settings. */
static bool
needs_disk(enum s3op_kind kind)
{
	return s3op_verb(kind) == S3_WRITE && kind != S3OP_ABORT_UPLOAD &&
	       kind != S3OP_DELETE_TAGGING;
}

static void
begin(struct s3_req *r)
{
	struct s3 *s3 = r->s3;
	const char *why;
	enum s3err e;

	r->taking = r->head->has_body;
	if (s3->nreqs > s3->conf.requests) {
		s3_fail(r, S3ERR_SLOW_DOWN);
		return;
	}
	if (uri_parse(r->head->target, &r->uri, &why) < 0) {
		s3_fail_why(r, S3ERR_MALFORMED_URI, why);
		return;
	}
	e = s3op_of(r->head, &r->uri, s3->conf.domains, &r->op);
	if (e != S3ERR_OK) {
		s3_fail(r, e);
		return;
	}
	s3->ops[r->op.kind]++;
	if (s3_authenticate(r) != S3ERR_OK)
		return;
	e = s3_head_refused(r, r->head, &why);
	if (e != S3ERR_OK)
		s3_fail_why(r, e, why);
	else if (!s3_drain_admits(r))
		return;
	else if (needs_disk(r->op.kind) && s3_disk_low(s3, r->now))
		s3_fail(r, S3ERR_STORAGE_FULL);
	else
		start(r, &s3_handlers[r->op.kind]);
}

struct s3_req *
s3_begin(struct s3 *s3, const struct http_head *head, int64_t now)
{
	struct s3_req *r = request_new(s3, head, now);

	begin(r);
	settle(r);
	return r;
}

static void
take(struct s3_req *r, struct slice bytes)
{
	if (r->form) {
		s3_form_take(r, bytes);
		return;
	}
	if (r->content) {
		s3_content_add(r, bytes);
		return;
	}
	put_slice(&r->body, bytes);
	if (r->body.bad)
		s3_fail(r, r->body.n + bytes.n > S3_BODY_XML ? S3ERR_MAX_MESSAGE
							     : S3ERR_SLOW_DOWN);
}

static void
fail_frame(struct s3_req *r)
{
	static const enum s3err of[] = {
		[CHUNKED_FINE] = S3ERR_INTERNAL,
		[CHUNKED_BAD_FRAME] = S3ERR_INVALID_REQUEST,
		[CHUNKED_TOO_SMALL] = S3ERR_INVALID_CHUNK,
		[CHUNKED_LENGTH] = S3ERR_INCOMPLETE_BODY,
		[CHUNKED_SIGNATURE] = S3ERR_SIGNATURE,
		[CHUNKED_BAD_TRAILER] = S3ERR_MALFORMED_TRAILER,
	};

	s3_fail_why(r, of[chunked_fault(r->chunked)], chunked_why(r->chunked));
}

static void
take_framed(struct s3_req *r, struct slice in)
{
	struct chunked_ev ev;

	while (!r->answered) {
		int got = chunked_step(r->chunked, &in, &ev);

		if (got < 0)
			fail_frame(r);
		else if (got > 0 && ev.what == CHUNKED_DATA)
			take(r, ev.data);
		else if (got == 0)
			return;
	}
}

enum s3_state
s3_body(struct s3_req *r, struct slice bytes)
{
	r->s3->stats[S3_STAT_BYTES_IN] += bytes.n;
	if (r->answered || !r->taking)
		return r->state;
	if (r->chunked)
		take_framed(r, bytes);
	else
		take(r, bytes);
	return settle(r);
}

bool
s3_bucket_again(struct s3_req *r)
{
	if (r->bucket_no == 0)
		return true;
	r->bucket = nodedb_bucket(r->s3->db, r->op.bucket);
	if (r->bucket && r->bucket->no == r->bucket_no)
		return true;
	r->bucket = NULL;
	s3_fail(r, S3ERR_NO_SUCH_BUCKET);
	return false;
}

static void
end_xml(struct s3_req *r)
{
	enum s3err e;

	if (!s3_bucket_again(r))
		return;
	e = s3_claim_check_body(&r->claim, &r->sig, buf_slice(&r->body));
	if (e != S3ERR_OK)
		s3_fail(r, e);
	else
		s3_handlers[r->op.kind].end(r);
}

enum s3_state
s3_end(struct s3_req *r, int64_t now)
{
	struct s3_claim *claim = r->content ? &r->content->claim : &r->claim;
	enum s3err e;

	if (r->answered || !r->taking)
		return r->state;
	r->now = now;
	r->taking = false;
	if (r->chunked) {
		e = S3ERR_OK;
		if (chunked_fin(r->chunked) < 0)
			fail_frame(r);
		else
			e = s3_claim_trailer(claim, r->chunked);
		if (e != S3ERR_OK)
			s3_fail(r, e);
	}
	if (r->answered)
		return settle(r);
	if (r->form)
		s3_form_end(r);
	else if (r->content)
		s3_content_end(r);
	else
		end_xml(r);
	return settle(r);
}

enum s3_state
s3_state(const struct s3_req *r)
{
	return r->state;
}

void *
s3_owner(const struct s3_req *r)
{
	return r->owner;
}

void
s3_set_owner(struct s3_req *r, void *owner)
{
	r->owner = owner;
}

struct http_reply *
s3_reply(struct s3_req *r)
{
	return &r->reply;
}

static void
give_back_lease(struct s3_req *r, uint64_t sent)
{
	if (r->payer)
		caps_settle(
		    r->payer, r->leased, sent < r->leased ? sent : r->leased);
	r->payer = NULL;
	r->leased = 0;
}

static void
unlink_request(struct s3_req *r)
{
	queue_cut(r);
	s3_drain_forget(r);
	if (r->is_copying)
		s3_copy_stop(r);
	if (r->prev)
		r->prev->next = r->next;
	else
		r->s3->all = r->next;
	if (r->next)
		r->next->prev = r->prev;
	r->s3->stats[S3_STAT_INFLIGHT] = --r->s3->nreqs;
}

void
s3_done(struct s3_req *r, uint64_t sent)
{
	struct s3 *s3 = r->s3;

	give_back_lease(r, sent);
	s3->stats[S3_STAT_BYTES_OUT] += sent;
	unlink_request(r);
	drop_content(r);
	if (r->free_state)
		r->free_state(r->state_of_op);
	chunked_free(r->chunked);
	form_free(r->form);
	http_reply_free(&r->reply);
	buf_free(&r->body);
	uri_free(&r->uri);
	sodium_memzero(r->signing_key, sizeof r->signing_key);
	if (s3->nunused >= UNUSED) {
		free(r);
		return;
	}
	s3->nunused++;
	r->next = s3->unused;
	s3->unused = r;
}

bool
s3_dirty(const struct s3 *s3)
{
	return s3->waiting.first || s3->copying || s3->sealing > 0 ||
	       nodedb_dirty(s3->db);
}

bool
s3_busy(const struct s3 *s3)
{
	return s3->copying != NULL;
}

/* What it did, or saw, is undone. */
static void
undo(struct s3_req *r)
{
	give_back_lease(r, 0);
	s3_reply_anew(r);
	s3_fail(r, s3_disk_error(r));
}

void
s3_flush(struct s3 *s3, int64_t now)
{
	struct s3_req *r;
	struct put *put;
	bool good = true;
	int error;

	s3_copy_step(s3);
	while ((put = put_sealed(s3->blobs, &error)) != NULL)
		s3_content_sealed(s3, put, error);
	if (s3->waiting.first || nodedb_dirty(s3->db))
		good = nodedb_commit(s3->db) == NODEDB_OK;
	if (!good) /* a secret that was set may be another again */
		sigv4_cache_free(&s3->keys);
	while ((r = queue_take(&s3->waiting)) != NULL) {
		r->now = now;
		if (!good)
			undo(r);
		r->state = S3_READY;
		queue_put(&s3->ready, r);
	}
	nodedb_nobody_holds(s3->db); /* who goes on looks it up again */
}

struct s3_req *
s3_next(struct s3 *s3)
{
	return queue_take(&s3->ready);
}

void
s3_tick(struct s3 *s3, int64_t now)
{
	uint32_t period = caps_period(now);
	struct tenant *tenant;
	size_t at = 0;

	if (period != s3->period) {
		s3->period = period;
		while ((tenant = nodedb_tenant_next(s3->db, &at)) != NULL)
			caps_month(tenant, now);
	}
	if (!s3->draining[0])
		s3_life_tick(s3->life, now);
}

void
s3_stats(const struct s3 *s3, uint64_t stats[S3_STAT_N], uint64_t ops[S3OP_N],
    uint64_t errors[S3ERR_N])
{
	memcpy(stats, s3->stats, sizeof s3->stats);
	memcpy(ops, s3->ops, sizeof s3->ops);
	memcpy(errors, s3->errors, sizeof s3->errors);
}
