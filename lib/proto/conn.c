/* SPDX-License-Identifier: ISC
 *
 * The way from a bare socket to an open connection, and the stepping after it.
 * Streams are in conn_stream.c. */
#include "proto/conn.h"
#include "base/mem.h"
#include "proto/conn_own.h"

#include <stdlib.h>
#include <string.h>

#define NOISE_ID "/noise"
#define YAMUX_ID "/yamux/1.0.0"

static const char *const muxers[] = { YAMUX_ID, NULL };

int
conn_die(struct conn *c, enum conn_fault fault, const char *why)
{
	c->state = CONN_DEAD;
	if (c->fault == CONN_SOUND) {
		c->fault = fault;
		c->why = why;
	}
	return -1;
}

void
conn_init(struct conn *c, const struct conn_self *self, bool dialer,
    const struct peerid *want, msec now, const uint8_t seed[32])
{
	struct slice nothing = { 0 };

	*c = (struct conn){
		.dialer = dialer,
		.self = self,
		.now = now,
		.due = now + self->handshake_timeout,
		.stream_due = MSEC_NEVER,
	};
	if (want)
		c->want = *want;
	buf_init(&c->out, CONN_OUT_MOST, self->budget);
	buf_init(&c->plain, CONN_OUT_MOST, self->budget);
	buf_init(&c->peer_key, 2048, self->budget);
	mss_init(&c->mss, dialer, self->budget);
	c->noise = mem_new(sizeof *c->noise);
	noise_init(c->noise, dialer, self->noise, muxers, want, seed);
	if (dialer) {
		/* the first flight: header, proposal and Noise message 1 */
		mss_propose(&c->mss, slice_text(NOISE_ID), &c->out);
		noise_step(c->noise, &nothing, &c->out);
	}
}

static void
noise_done(struct conn *c)
{
	if (c->noise)
		noise_wipe(c->noise);
	free(c->noise);
	c->noise = NULL;
}

void
conn_free(struct conn *c)
{
	struct conn_stream *st;

	conn_bury(c);
	for (size_t at = 0; (st = conn_next(c, &at)) != NULL;)
		conn_stream_free(st);
	if (c->up)
		yamux_free(&c->mux);
	noise_done(c);
	mss_free(&c->mss);
	buf_wipe(&c->plain);
	buf_free(&c->out);
	buf_free(&c->peer_key);
	noise_cipher_free(&c->send);
	noise_cipher_free(&c->recv);
	c->up = false;
	c->state = CONN_DEAD;
}

/* One negotiation for a single name, over in's first most bytes; both sides.
 * 1: agreed; 0: more input; -1: dead. */
static int
negotiate(struct conn *c, struct slice *s, struct buf *out, const char *name)
{
	struct mss_ev ev;
	int r;

	while ((r = mss_step(&c->mss, s, out, &ev)) == 1) {
		switch (ev.kind) {
		case MSS_OFFER:
			mss_answer(&c->mss, slice_is(ev.name, name), out);
			break;
		case MSS_AGREED:
			return 1;
		case MSS_REFUSED:
			return conn_die(c, CONN_INSECURE,
			    c->noise ? "the peer does not speak noise"
				     : "the peer does not speak yamux");
		case MSS_MORE:
			break;
		}
	}
	return r == 0 ? 0 : conn_die(c, CONN_INSECURE, c->mss.why);
}

static int
secure(struct conn *c, struct buf *in)
{
	struct slice s = buf_slice(in);
	int r = negotiate(c, &s, &c->out, NOISE_ID);

	buf_drop(in, in->n - s.n);
	if (r == 1)
		c->state = CONN_SHAKING;
	return r;
}

/* The handshake is over: who is it, and which muxer?  A dialer that could not
 * agree inline proposes yamux and goes on as if the answer were yes, which
 * costs no round trip. */
static int
shaken(struct conn *c)
{
	struct noise *n = c->noise;
	bool agreed = n->muxer != NULL;

	c->peer = n->peer;
	c->mirror = memcmp(n->rs, n->self->public, sizeof n->rs) == 0;
	put_bytes(&c->peer_key, n->peer_key, n->peer_key_n);
	c->send = n->send;
	c->recv = n->recv;
	noise_done(c);
	mss_free(&c->mss);
	mss_init(&c->mss, c->dialer, c->self->budget);
	yamux_init(&c->mux, c->dialer, &c->self->limits, c->now);
	c->state = agreed ? CONN_OPEN : CONN_MUXING;
	if (!agreed && c->dialer)
		mss_propose(&c->mss, slice_text(YAMUX_ID), &c->plain);
	return agreed || c->dialer;
}

/* Streams may be opened from here on. */
static int
come_up(struct conn *c, struct conn_ev *ev)
{
	c->up = true;
	if (c->state == CONN_OPEN)
		c->due = MSEC_NEVER;
	ev->kind = CONN_UP;
	return 1;
}

static int
shake(struct conn *c, struct buf *in, struct conn_ev *ev)
{
	struct slice s = buf_slice(in);
	int r = noise_step(c->noise, &s, &c->out);

	buf_drop(in, in->n - s.n);
	if (r < 0) {
		bool other = c->want.n > 0 && c->noise->peer.n > 0 &&
			     !peerid_eq(&c->want, &c->noise->peer);

		return conn_die(
		    c, other ? CONN_WRONG_PEER : CONN_INSECURE, c->noise->why);
	}
	if (r == 0)
		return 0;
	return shaken(c) ? come_up(c, ev) : 1;
}

void
conn_used(struct conn *c, struct buf *in, size_t n)
{
	buf_drop(in, n);
	c->clear -= n;
}

/* Have decrypted bytes in front of in.  1: yes; 0: more input; -1: dead. */
static int
reveal(struct conn *c, struct buf *in)
{
	while (c->clear == 0) {
		struct slice s;
		size_t n;

		if (c->tag)
			buf_drop(in, NOISE_TAG);
		c->tag = false;
		s = buf_slice(in);
		if (s.n < 2)
			return 0;
		n = get_u16(&s);
		if (n < NOISE_TAG)
			return conn_die(c, CONN_BROKE, "short noise frame");
		if (s.n < n)
			return 0;
		buf_drop(in, 2);
		if (noise_open(&c->recv, in->p, n) < 0)
			return conn_die(c, CONN_BROKE, "forged noise frame");
		c->clear = n - NOISE_TAG;
		c->tag = true;
	}
	return 1;
}

static int
choose_muxer(struct conn *c, struct buf *in, struct conn_ev *ev)
{
	int r = reveal(c, in);
	struct slice s;

	if (r <= 0)
		return r;
	s = slice_of(in->p, c->clear);
	r = negotiate(c, &s, &c->plain, YAMUX_ID);
	conn_used(c, in, c->clear - s.n);
	if (r < 1)
		return r < 0 ? r : c->clear == 0 ? 2 : 0;
	c->state = CONN_OPEN;
	c->due = MSEC_NEVER;
	return c->up ? 1 : come_up(c, ev);
}

/* What one yamux event means to the layer above; 1: ev is set, 2: nothing to
 * tell, go on. */
static int
translate(struct conn *c, struct yamux_ev *y, struct conn_ev *ev)
{
	struct conn_stream *st = y->stream ? y->stream->owner : NULL;

	ev->stream = st;
	ev->code = y->code;
	switch (y->kind) {
	case YAMUX_OPEN:
		conn_stream_new(c, y->stream);
		return 2;
	case YAMUX_FIN:
		return conn_stream_ended(c, st, ev);
	case YAMUX_RESET:
		return conn_stream_died(c, st, ev);
	case YAMUX_CREDIT:
		ev->kind = CONN_ROOM;
		return st && (st->agreed || st->lazy) ? 1 : 2;
	case YAMUX_PONG:
		ev->kind = CONN_RTT;
		return 1;
	case YAMUX_GOAWAY:
		ev->kind = CONN_GOAWAY;
		return 1;
	case YAMUX_DATA:
	case YAMUX_MORE:
		break;
	}
	return 2;
}

/* One frame, or one piece of a frame's data.  What a frame says behind its data
 * comes without new input, so yamux is asked before more is revealed. */
static int
demux(struct conn *c, struct buf *in, struct conn_ev *ev)
{
	struct yamux_ev y;
	struct slice s;
	int r;

	if (c->piece > 0)
		return conn_stream_piece(c, in, ev);
	s = slice_of(in->p, c->clear);
	r = yamux_step(&c->mux, &s, c->now, &c->plain, &y);
	if (r < 0)
		return conn_die(c, CONN_BROKE, c->mux.why);
	if (r == 1 && y.kind == YAMUX_DATA) {
		conn_used(c, in, (size_t)(y.data.p - in->p));
		c->piece = (uint32_t)y.data.n;
		c->piece_id = y.stream->id;
		return 2;
	}
	conn_used(c, in, c->clear - s.n);
	if (r == 1)
		return translate(c, &y, ev);
	r = reveal(c, in);
	return r == 1 ? 2 : r;
}

int
conn_step(struct conn *c, struct buf *in, msec now, struct conn_ev *ev)
{
	int r = 2;

	*ev = (struct conn_ev){ .kind = CONN_MORE };
	c->now = now;
	conn_bury(c);
	if (c->given) {
		conn_used(c, in, c->piece);
		c->piece = 0;
		c->given = false;
	}
	while (r > 0 && ev->kind == CONN_MORE) {
		switch (c->state) {
		case CONN_SECURING:
			r = secure(c, in);
			break;
		case CONN_SHAKING:
			r = shake(c, in, ev);
			break;
		case CONN_MUXING:
			r = choose_muxer(c, in, ev);
			break;
		case CONN_OPEN:
			r = demux(c, in, ev);
			break;
		case CONN_DEAD:
			return conn_die(c, CONN_BROKE, "bytes after the end");
		}
	}
	if (r >= 0 && (c->out.bad || c->plain.bad || c->peer_key.bad))
		return conn_die(c, CONN_STUCK, "output is full");
	return r > 0 ? 1 : r;
}

int
conn_flush(struct conn *c)
{
	while (c->plain.n > 0 && !c->plain.bad) {
		size_t n = c->plain.n < NOISE_PLAIN ? c->plain.n : NOISE_PLAIN;
		uint8_t *p = buf_room(&c->out, 2 + n + NOISE_TAG);

		if (p == NULL)
			break;
		p[0] = (uint8_t)((n + NOISE_TAG) >> 8);
		p[1] = (uint8_t)(n + NOISE_TAG);
		memcpy(p + 2, c->plain.p, n);
		if (noise_seal(&c->send, p + 2, n) < 0)
			return conn_die(c, CONN_BROKE, "nonces are used up");
		buf_added(&c->out, 2 + n + NOISE_TAG);
		buf_drop(&c->plain, n);
	}
	if (c->out.bad || c->plain.bad)
		return conn_die(c, CONN_STUCK, "output is full");
	if (c->plain.cap > CONN_NAME * 4)
		buf_trim(&c->plain);
	return 0;
}

void
conn_goaway(struct conn *c, enum yamux_code code)
{
	if (c->up)
		yamux_goaway(&c->mux, code, &c->plain);
}

msec
conn_due(const struct conn *c)
{
	msec due = msec_min(c->due, c->stream_due);

	return c->up ? msec_min(due, yamux_due(&c->mux)) : due;
}

int
conn_tick(struct conn *c, msec now, struct conn_ev *ev)
{
	*ev = (struct conn_ev){ .kind = CONN_MORE };
	c->now = now;
	conn_bury(c);
	if (c->state == CONN_DEAD)
		return -1;
	if (now >= c->due)
		return conn_die(c, CONN_LATE, "the handshake took too long");
	if (!c->up)
		return 0;
	if (yamux_tick(&c->mux, now, &c->plain) < 0)
		return conn_die(c, CONN_SILENT, c->mux.why);
	return now >= c->stream_due ? conn_stream_late(c, now, ev) : 0;
}
