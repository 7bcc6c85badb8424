/* SPDX-License-Identifier: ISC
 *
 * A whole connection as one machine: multistream-select for /noise, the Noise
 * handshake with the muxer agreed inline (or by multistream where the peer does
 * not), Yamux, and multistream-select on each stream.  Ciphertext in and out;
 * streams of named protocols above.  The TLS and QUIC faces come later with the
 * same events.
 *
 * Input stands in a buf that the caller owns: the machine decrypts in place and
 * drops what it has used; what it leaves must stay in front of later input.
 * Output gathers in conn->out; after any call the caller runs conn_flush and
 * sends what is there.  Call conn_step until it returns 0 or -1.
 *
 * A saved connection is all plain data; see conn_save. */
#ifndef PROTO_CONN_H
#define PROTO_CONN_H

#include "crypt/noise.h"
#include "proto/mss.h"
#include "proto/yamux.h"

enum {
	CONN_OUT_HIGH = 262144,    /* no more stream data above this in out */
	CONN_OUT_MOST = 1048576,   /* a peer that does not read dies here */
	CONN_PIECE = NOISE_PLAIN - YAMUX_HEADER, /* of data in one frame */
	CONN_NAME = 255,           /* bytes of a protocol's name */
	CONN_PROPOSALS = 8,
};

/* What all connections of a process share; borrowed. */
struct conn_self {
	const struct noise_self *noise;
	struct yamux_limits limits;
	struct budget *budget;     /* may be NULL */
	msec handshake_timeout;    /* from init to CONN_UP */
	msec offer_timeout;        /* from a stream's opening to its protocol */
};

/* A stream.  Owned by the conn; valid from CONN_OFFER or conn_open until
 * CONN_REFUSED, CONN_RESET, conn_reset, conn_forget or conn_free. */
struct conn_stream {
	struct yamux_stream *mux;
	bool inbound;
	bool agreed;       /* protocol is settled */
	bool lazy;         /* one proposal only: data may go before the answer */
	bool fin_held;     /* conn_fin came before the protocol was settled */
	struct mss mss;
	char protocol[CONN_NAME + 1]; /* agreed or proposed */
	struct buf proposals;         /* those not yet tried, NUL ended */
	struct buf held;   /* bytes that came and that the owner could not pass
	                    * on; the owner's to fill and drain, kept here so that
	                    * they are saved with the rest */
	msec due;          /* offer deadline; MSEC_NEVER once agreed */
	void *owner;       /* the layer above's; NULL at birth */
};

enum conn_fault {
	CONN_SOUND,
	CONN_INSECURE,   /* the handshake failed */
	CONN_WRONG_PEER, /* it went well, with somebody else */
	CONN_LATE,       /* it took too long */
	CONN_BROKE,      /* the peer broke a protocol */
	CONN_SILENT,     /* the peer does not answer pings */
	CONN_STUCK,      /* the peer does not read, or the budget is used up */
};

enum conn_state {
	CONN_SECURING,  /* multistream for /noise */
	CONN_SHAKING,   /* Noise */
	CONN_MUXING,    /* multistream for the muxer */
	CONN_OPEN,
	CONN_DEAD
};

struct conn {
	enum conn_state state;
	bool dialer;
	bool up;                     /* CONN_UP was given */
	const struct conn_self *self;
	struct peerid want;
	struct peerid peer;          /* set at CONN_UP */
	struct buf peer_key;         /* its serialised PublicKey */
	bool mirror;                 /* the other end has our own Noise key: it
	                              * is this process */
	struct mss mss;
	struct noise *noise;         /* during the handshake only */
	struct noise_cipher send, recv;
	struct yamux mux;
	struct buf plain;            /* frames not yet sealed */
	struct buf out;              /* ciphertext for the wire */
	size_t clear;    /* bytes in front of in that are decrypted already */
	bool tag;        /* NOISE_TAG bytes follow them, to be skipped */
	uint32_t piece;  /* of these, bytes of data of stream piece_id */
	uint32_t piece_id;
	bool given;      /* the piece was the last CONN_DATA: drop it */
	msec due;        /* handshake deadline */
	msec now;        /* as the last call gave it */
	msec stream_due; /* no stream's deadline is earlier */
	struct conn_stream *over;    /* ended by the last event, to be freed */
	enum conn_fault fault;       /* once dead: whose it was */
	const char *why;             /* static, once dead */
};

enum conn_kind {
	CONN_MORE,
	CONN_UP,      /* the peer is who conn->peer says; streams may be opened */
	CONN_OFFER,   /* the peer opened stream and wants stream->protocol:
	               * conn_answer must come before the next conn_step; yes
	               * settles it at once */
	CONN_AGREED,  /* we opened stream, and stream->protocol is settled */
	CONN_REFUSED, /* the peer has none of what we proposed; stream is gone
	               * at the next call */
	CONN_DATA,    /* data for stream, borrowed from in until the next step */
	CONN_FIN,     /* no more data will come on stream */
	CONN_RESET,   /* stream is over by the peer's or the deadline's doing;
	               * gone at the next call */
	CONN_ROOM,    /* stream may send again */
	CONN_GOAWAY,  /* the peer takes no more streams */
	CONN_RTT,     /* conn->mux.rtt is known anew */
};
/* A stream that the peer opened and that ends before CONN_OFFER was never the
 * owner's: no event tells of it. */

struct conn_ev {
	enum conn_kind kind;
	struct conn_stream *stream;
	struct slice data;
	uint32_t code;
};

/* want: whom a dialer must find; n == 0 or NULL: anybody.  seed: 32 random
 * bytes for the ephemeral key. */
void conn_init(struct conn *, const struct conn_self *, bool dialer,
    const struct peerid *want, msec now, const uint8_t seed[32]);
void conn_free(struct conn *);

/* 1: ev; 0: wants more input; -1: over, see why; out may hold a last word. */
int conn_step(struct conn *, struct buf *in, msec now, struct conn_ev *);
/* Seal what is in plain.  0, or -1: over (out is full, or the nonce spent). */
int conn_flush(struct conn *);

/* Open a stream for the first of these protocols that the peer has.  NULL:
 * not open yet, too many streams, or the peer is going away. */
struct conn_stream *conn_open(struct conn *, const struct slice *protocols,
    size_t n, msec now);
void conn_answer(struct conn *, struct conn_stream *, bool yes);

/* How many bytes conn_begin may ask for now; 0: wait for CONN_ROOM or for out
 * to drain below CONN_OUT_HIGH, or the protocol is not settled. */
size_t conn_room(const struct conn *, const struct conn_stream *);
/* A place of n <= conn_room bytes in out, to be filled and committed, with
 * used <= n, before any other call.  used 0 takes it back.  NULL: budget. */
uint8_t *conn_begin(struct conn *, struct conn_stream *, size_t n);
int conn_commit(struct conn *, struct conn_stream *, size_t used);
/* The same with a copy; returns bytes taken, 0 .. data.n. */
size_t conn_write(struct conn *, struct conn_stream *, struct slice data);

/* n bytes of CONN_DATA have gone where they belong: grant credit. */
void conn_took(struct conn *, struct conn_stream *, size_t n, msec now);
void conn_fin(struct conn *, struct conn_stream *);
void conn_reset(struct conn *, struct conn_stream *, uint32_t code);
/* Both halves are closed and the owner is done with it: free it.  conn_over
 * tells whether that is so. */
bool conn_over(const struct conn_stream *);
void conn_forget(struct conn *, struct conn_stream *);
/* Say that no more streams are taken. */
void conn_goaway(struct conn *, enum yamux_code);

/* Walk the streams: *at starts at 0. */
struct conn_stream *conn_next(const struct conn *, size_t *at);
/* The streams that wait for a protocol, and the rest. */
size_t conn_streams(const struct conn *);
/* What one has charged to the budget. */
size_t conn_stream_bytes(const struct conn_stream *);

msec conn_due(const struct conn *);
/* 0; 1: ev (a stream's offer deadline: CONN_RESET), call again; -1: over. */
int conn_tick(struct conn *, msec now, struct conn_ev *);

/* A connection in CONN_OPEN (no other) written out: keys, counters, windows, unread and unsent
 * bytes, streams with what they hold.  After conn_save the original must not
 * send: nonces would repeat.  conn_load makes the same connection of it, with
 * in as it was; owners are NULL and come from the caller. */
void conn_save(const struct conn *, const struct buf *in, struct buf *state);
int conn_load(struct conn *, const struct conn_self *, struct slice state,
    struct buf *in, msec now);

#endif
