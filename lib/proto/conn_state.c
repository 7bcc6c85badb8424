/* SPDX-License-Identifier: ISC
 *
 * A live connection as plain data and back (wire/msg/state.h). */
#include "base/mem.h"
#include "proto/conn_own.h"
#include "wire/msg/state.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, STREAMS_MAX = 65536 };

static struct slice
key_slice(const struct noise_cipher *k)
{
	return slice_of(k->key, sizeof k->key);
}

static void
save_stream(const struct conn_stream *st, struct buf *state)
{
	struct state_stream s = { 0 };

	yamux_save_stream(st->mux, &s);
	s.has_agreed = s.has_lazy = s.has_fin_held = s.has_due = true;
	s.agreed = st->agreed;
	s.lazy = st->lazy;
	s.fin_held = st->fin_held;
	s.due = st->due == MSEC_NEVER ? 0 : (uint64_t)st->due;
	s.has_protocol = s.has_proposals = s.has_held = true;
	s.protocol = slice_text(st->protocol);
	s.proposals = buf_slice(&st->proposals);
	s.held = buf_slice(&st->held);
	s.has_mss = !st->agreed;
	if (s.has_mss)
		mss_save(&st->mss, &s.mss);
	pb_encode_framed(&state_stream_desc, &s, state);
}

void
conn_save(const struct conn *c, const struct buf *in, struct buf *state)
{
	struct state_conn s = { 0 };
	struct slice rest = buf_slice(in);
	struct conn_stream *st;
	size_t given = c->given ? c->piece : 0;

	get_bytes(&rest, given);
	s.has_version = s.has_dialer = s.has_clear = s.has_tag = true;
	s.version = VERSION;
	s.dialer = c->dialer;
	s.clear = c->clear - given;
	s.tag = c->tag;
	s.has_peer_key = s.has_send_key = s.has_recv_key = true;
	s.peer_key = buf_slice(&c->peer_key);
	s.send_key = key_slice(&c->send);
	s.recv_key = key_slice(&c->recv);
	s.has_send_nonce = s.has_recv_nonce = true;
	s.send_nonce = c->send.nonce;
	s.recv_nonce = c->recv.nonce;
	s.has_plain = s.has_out = s.has_in = true;
	s.plain = buf_slice(&c->plain);
	s.out = buf_slice(&c->out);
	s.in = rest;
	s.has_piece = s.has_piece_id = s.has_streams = s.has_mux = true;
	s.piece = c->piece - (uint32_t)given;
	s.piece_id = c->piece_id;
	yamux_save(&c->mux, &s.mux);
	for (size_t at = 0; conn_next(c, &at) != NULL;)
		s.streams++;
	pb_encode_framed(&state_conn_desc, &s, state);
	for (size_t at = 0; (st = conn_next(c, &at)) != NULL;)
		save_stream(st, state);
}

/* The next framed message of state, or bad. */
static struct slice
frame(struct slice *state)
{
	uint64_t n = get_varint(state);

	return get_bytes(state, n);
}

/* Names, each not too long and with its NUL. */
static bool
are_proposals(struct slice s)
{
	while (s.n > 0) {
		const uint8_t *nul = memchr(s.p, 0, s.n);

		if (nul == NULL || nul == s.p || nul - s.p > CONN_NAME)
			return false;
		get_bytes(&s, (size_t)(nul - s.p) + 1);
	}
	return true;
}

/* A negotiation that is saved waits for the peer, not for the owner. */
static bool
waits(const struct state_stream *s)
{
	return (s->mss.state == MSS_HEADER || s->mss.state == MSS_LINES) &&
	       !s->mss.dialer == !!s->inbound;
}

static int
load_stream(struct conn *c, struct slice bytes)
{
	struct state_stream s;
	struct yamux_stream *mux;
	struct conn_stream *st;

	if (bytes.bad || pb_decode(&state_stream_desc, bytes, &s, NULL) < 0 ||
	    (s.agreed == 0) != s.has_mss || s.protocol.n > CONN_NAME ||
	    s.due > INT64_MAX || !are_proposals(s.proposals) ||
	    (s.has_mss && !waits(&s)))
		return -1;
	mux = yamux_load_stream(&c->mux, &s);
	if (mux == NULL)
		return -1;
	st = conn_stream_new(c, mux);
	st->agreed = s.agreed;
	st->lazy = s.lazy;
	st->fin_held = s.fin_held;
	st->due = s.due ? (msec)s.due : MSEC_NEVER;
	c->stream_due = msec_min(c->stream_due, st->due);
	if (s.protocol.n > 0)
		memcpy(st->protocol, s.protocol.p, s.protocol.n);
	put_slice(&st->proposals, s.proposals);
	put_slice(&st->held, s.held);
	if (s.has_mss && mss_load(&st->mss, &s.mss, c->self->budget) < 0)
		return -1;
	return st->proposals.bad || st->held.bad ? -1 : 0;
}

static int
load_keys(struct conn *c, const struct state_conn *s)
{
	if (s->send_key.n != sizeof c->send.key ||
	    s->recv_key.n != sizeof c->recv.key || s->peer_key.n == 0)
		return -1;
	memcpy(c->send.key, s->send_key.p, sizeof c->send.key);
	memcpy(c->recv.key, s->recv_key.p, sizeof c->recv.key);
	c->send.nonce = s->send_nonce;
	c->recv.nonce = s->recv_nonce;
	put_slice(&c->peer_key, s->peer_key);
	c->peer = peerid_of_key(s->peer_key);
	return c->peer.n > 0 ? 0 : -1;
}

int
conn_load(struct conn *c, const struct conn_self *self, struct slice state,
    struct buf *in, msec now)
{
	struct state_conn s;
	struct slice body = frame(&state);

	*c = (struct conn){ .state = CONN_DEAD, .self = self, .now = now };
	c->due = c->stream_due = MSEC_NEVER;
	buf_init(&c->out, CONN_OUT_MOST, self->budget);
	buf_init(&c->plain, CONN_OUT_MOST, self->budget);
	buf_init(&c->peer_key, 2048, self->budget);
	if (body.bad || pb_decode(&state_conn_desc, body, &s, NULL) < 0 ||
	    s.version != VERSION || !s.has_mux || s.streams > STREAMS_MAX ||
	    s.clear > s.in.n || s.piece > s.clear || load_keys(c, &s) < 0 ||
	    yamux_load(&c->mux, &s.mux, &self->limits) < 0) {
		conn_free(c);
		return -1;
	}
	c->up = true;
	c->dialer = s.dialer;
	put_slice(&c->plain, s.plain);
	put_slice(&c->out, s.out);
	put_slice(in, s.in);
	c->clear = s.clear;
	c->tag = s.tag;
	c->piece = (uint32_t)s.piece;
	c->piece_id = (uint32_t)s.piece_id;
	for (uint64_t i = 0; i < s.streams; i++) {
		if (load_stream(c, frame(&state)) < 0) {
			conn_free(c);
			return -1;
		}
	}
	if (c->plain.bad || c->out.bad || in->bad) {
		conn_free(c);
		return -1;
	}
	c->state = CONN_OPEN;
	return 0;
}
