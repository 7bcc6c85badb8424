/* SPDX-License-Identifier: ISC
 *
 * The streams of a connection: the protocol of each is settled by
 * multistream-select inside the stream, then its data passes. */
#include "base/mem.h"
#include "proto/conn_own.h"

#include <stdlib.h>
#include <string.h>

enum {
	PROPOSALS_MAX = CONN_PROPOSALS * (CONN_NAME + 1),
	/* a stream of which nothing is held costs memory all the same */
	STREAM_COST = sizeof(struct conn_stream) + sizeof(struct yamux_stream) +
		      256, /* of the layers above */
};

struct conn_stream *
conn_stream_new(struct conn *c, struct yamux_stream *mux)
{
	struct conn_stream *st = mem_new(sizeof *st);

	st->mux = mux;
	mux->owner = st;
	st->inbound = mux->inbound;
	st->due = c->now + c->self->offer_timeout;
	c->stream_due = msec_min(c->stream_due, st->due);
	mss_init(&st->mss, !mux->inbound, c->self->budget);
	buf_init(&st->proposals, PROPOSALS_MAX, c->self->budget);
	buf_init(&st->held, SIZE_MAX, c->self->budget);
	if (c->self->budget)
		c->self->budget->used += STREAM_COST;
	return st;
}

void
conn_stream_free(struct conn_stream *st)
{
	if (st->held.budget)
		st->held.budget->used -= STREAM_COST;
	mss_free(&st->mss);
	buf_free(&st->proposals);
	buf_free(&st->held);
	free(st);
}

void
conn_bury(struct conn *c)
{
	if (c->over)
		conn_stream_free(c->over);
	c->over = NULL;
}

/* The stream's name has been decided on or asked for. */
static void
name(struct conn_stream *st, struct slice protocol)
{
	memcpy(st->protocol, protocol.p, protocol.n);
	st->protocol[protocol.n] = 0;
}

static void
settle(struct conn *c, struct conn_stream *st)
{
	st->agreed = true;
	st->due = MSEC_NEVER;
	mss_free(&st->mss);
	buf_free(&st->proposals);
	if (st->fin_held)
		yamux_fin(&c->mux, st->mux, &c->plain);
	st->fin_held = false;
}

/* Send the lines of the negotiation; they always fit the first window. */
static void
say(struct conn *c, struct conn_stream *st, struct buf *lines)
{
	if (lines->n > yamux_room(st->mux) || lines->bad)
		c->plain.bad = true;
	else if (lines->n > 0)
		yamux_data(&c->mux, st->mux, buf_slice(lines), &c->plain);
	buf_free(lines);
}

/* Ask for the next of the proposals.  false: there is none. */
static bool
propose(struct conn *c, struct conn_stream *st)
{
	struct buf lines = { .max = 2 * MSS_LINE };
	struct slice next;

	if (st->proposals.n == 0)
		return false;
	next = slice_text((const char *)st->proposals.p);
	name(st, next);
	mss_propose(&st->mss, next, &lines);
	buf_drop(&st->proposals, next.n + 1);
	say(c, st, &lines);
	return true;
}

struct conn_stream *
conn_open(struct conn *c, const struct slice *protocols, size_t n, msec now)
{
	struct yamux_stream *mux;
	struct conn_stream *st;

	c->now = now;
	if (!c->up || c->state == CONN_DEAD || n == 0 || n > CONN_PROPOSALS)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (protocols[i].n == 0 || protocols[i].n > CONN_NAME ||
		    memchr(protocols[i].p, 0, protocols[i].n))
			return NULL;
	mux = yamux_open(&c->mux, now);
	if (mux == NULL)
		return NULL;
	st = conn_stream_new(c, mux);
	for (size_t i = 0; i < n; i++) {
		put_slice(&st->proposals, protocols[i]);
		put_u8(&st->proposals, 0);
	}
	if (st->proposals.bad) { /* the budget is used up */
		conn_reset(c, st, YAMUX_INTERNAL);
		return NULL;
	}
	st->lazy = n == 1;
	propose(c, st);
	return st;
}

void
conn_answer(struct conn *c, struct conn_stream *st, bool yes)
{
	struct buf lines = { .max = 2 * MSS_LINE };

	mss_answer(&st->mss, yes, &lines);
	say(c, st, &lines);
	if (yes)
		settle(c, st);
}

/* The stream is over through no wish of the owner, who has heard of it if
 * protocol was settled or it was his proposal. */
static int
lost(struct conn *c, struct conn_stream *st, enum conn_kind kind,
    struct conn_ev *ev)
{
	conn_bury(c);
	c->over = st;
	if (st->inbound && !st->agreed)
		return 2;
	ev->kind = kind;
	ev->stream = st;
	return 1;
}

/* One step of the negotiation over the piece in front of in. */
static int
select_protocol(
    struct conn *c, struct conn_stream *st, struct slice *s, struct conn_ev *ev)
{
	struct buf lines = { .max = 2 * MSS_LINE };
	struct mss_ev m;
	int r = mss_step(&st->mss, s, &lines, &m);

	say(c, st, &lines);
	if (r < 0) {
		yamux_reset(&c->mux, st->mux, YAMUX_PROTOCOL, &c->plain);
		st->mux = NULL;
		return lost(c, st, CONN_RESET, ev);
	}
	if (r == 0)
		return 2;
	switch (m.kind) {
	case MSS_OFFER:
		if (m.name.n > CONN_NAME || memchr(m.name.p, 0, m.name.n)) {
			conn_answer(c, st, false);
			return 2;
		}
		name(st, m.name);
		ev->kind = CONN_OFFER;
		ev->stream = st;
		return 1;
	case MSS_AGREED:
		settle(c, st);
		ev->kind = CONN_AGREED;
		ev->stream = st;
		return 1;
	case MSS_REFUSED:
		if (propose(c, st))
			return 2;
		yamux_reset(&c->mux, st->mux, YAMUX_NORMAL, &c->plain);
		st->mux = NULL;
		return lost(c, st, CONN_REFUSED, ev);
	case MSS_MORE:
		break;
	}
	return 2;
}

int
conn_stream_piece(struct conn *c, struct buf *in, struct conn_ev *ev)
{
	struct yamux_stream *mux = map_get_u32(&c->mux.streams, c->piece_id);
	struct conn_stream *st = mux ? mux->owner : NULL;
	struct slice s = slice_of(in->p, c->piece);
	size_t used;
	int r;

	if (st == NULL) { /* reset by us in the meantime */
		conn_used(c, in, c->piece);
		c->piece = 0;
		return 2;
	}
	if (st->agreed) {
		ev->kind = CONN_DATA;
		ev->stream = st;
		ev->data = s;
		c->given = true;
		return 1;
	}
	r = select_protocol(c, st, &s, ev);
	used = c->piece - s.n;
	conn_used(c, in, used);
	c->piece -= (uint32_t)used;
	if (st->mux)
		yamux_took(&c->mux, st->mux, (uint32_t)used, c->now, &c->plain);
	return r;
}

int
conn_stream_ended(struct conn *c, struct conn_stream *st, struct conn_ev *ev)
{
	if (st->agreed) {
		ev->kind = CONN_FIN;
		return 1;
	}
	/* the peer will never finish the negotiation */
	yamux_reset(&c->mux, st->mux, YAMUX_PROTOCOL, &c->plain);
	st->mux = NULL;
	return lost(c, st, CONN_RESET, ev);
}

int
conn_stream_died(struct conn *c, struct conn_stream *st, struct conn_ev *ev)
{
	st->mux = NULL;
	return lost(c, st, CONN_RESET, ev);
}

int
conn_stream_late(struct conn *c, msec now, struct conn_ev *ev)
{
	struct conn_stream *st;
	msec next = MSEC_NEVER;

	for (size_t at = 0; (st = conn_next(c, &at)) != NULL;) {
		if (st->due > now) {
			next = msec_min(next, st->due);
			continue;
		}
		/* stream_due stays as it is: there may be more */
		yamux_reset(&c->mux, st->mux, YAMUX_NORMAL, &c->plain);
		st->mux = NULL;
		if (lost(c, st, CONN_RESET, ev) == 1)
			return 1;
		conn_bury(c);
	}
	c->stream_due = next;
	return 0;
}

size_t
conn_room(const struct conn *c, const struct conn_stream *st)
{
	size_t n;

	if (!(st->agreed || st->lazy) || st->fin_held || st->mux->said_fin ||
	    c->out.n >= CONN_OUT_HIGH)
		return 0;
	n = yamux_room(st->mux);
	return n < CONN_PIECE ? n : CONN_PIECE;
}

uint8_t *
conn_begin(struct conn *c, struct conn_stream *st, size_t n)
{
	uint8_t *p;

	(void)st;
	if (conn_flush(c) < 0) /* what was said before goes before */
		return NULL;
	p = buf_room(&c->out, 2 + YAMUX_HEADER + n + NOISE_TAG);
	if (p == NULL)
		return NULL;
	return p + 2 + YAMUX_HEADER;
}

int
conn_commit(struct conn *c, struct conn_stream *st, size_t used)
{
	size_t n = YAMUX_HEADER + used + NOISE_TAG;
	uint8_t *p = c->out.p + c->out.n;

	if (used == 0)
		return 0;
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
	yamux_header(&c->mux, st->mux, (uint32_t)used, p + 2);
	if (noise_seal(&c->send, p + 2, YAMUX_HEADER + used) < 0)
		return conn_die(c, CONN_BROKE, "nonces are used up");
	buf_added(&c->out, 2 + n);
	return 0;
}

size_t
conn_write(struct conn *c, struct conn_stream *st, struct slice data)
{
	size_t taken = 0;

	while (taken < data.n) {
		size_t n = conn_room(c, st);
		uint8_t *p;

		if (n > data.n - taken)
			n = data.n - taken;
		if (n == 0 || (p = conn_begin(c, st, n)) == NULL)
			break;
		memcpy(p, data.p + taken, n);
		if (conn_commit(c, st, n) < 0)
			break;
		taken += n;
	}
	return taken;
}

void
conn_took(struct conn *c, struct conn_stream *st, size_t n, msec now)
{
	c->now = now;
	yamux_took(&c->mux, st->mux, (uint32_t)n, now, &c->plain);
}

void
conn_fin(struct conn *c, struct conn_stream *st)
{
	if (st->mux->said_fin)
		return;
	/* before the protocol is settled a second proposal may need an open
	 * half; and js-libp2p aborts a stream whose end comes before it has
	 * settled the protocol itself */
	if (st->agreed)
		yamux_fin(&c->mux, st->mux, &c->plain);
	else
		st->fin_held = true;
}

void
conn_reset(struct conn *c, struct conn_stream *st, uint32_t code)
{
	/* what is left of its piece, if any, finds no stream and is dropped */
	yamux_reset(&c->mux, st->mux, code, &c->plain);
	conn_stream_free(st);
}

bool
conn_over(const struct conn_stream *st)
{
	return st->mux->said_fin && st->mux->heard_fin;
}

void
conn_forget(struct conn *c, struct conn_stream *st)
{
	yamux_forget(&c->mux, st->mux);
	conn_stream_free(st);
}

struct conn_stream *
conn_next(const struct conn *c, size_t *at)
{
	struct yamux_stream *mux;
	struct slice key;

	while ((mux = map_next(&c->mux.streams, at, &key)) != NULL)
		if (mux->owner)
			return mux->owner;
	return NULL;
}

size_t
conn_streams(const struct conn *c)
{
	return c->mux.streams.n;
}

size_t
conn_stream_bytes(const struct conn_stream *st)
{
	return STREAM_COST + st->held.cap + st->proposals.cap +
	       st->mss.line.cap + st->mss.part.cap;
}
