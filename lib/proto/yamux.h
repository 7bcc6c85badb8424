/* SPDX-License-Identifier: ISC
 *
 * Yamux (hashicorp/yamux spec.md; libp2p yamux specification): frames, credit,
 * half-close, go-away; no I/O, and it does not look into the data.
 *
 * Frames without data, and data given to yamux_data, are put on out; the bulk
 * path asks yamux_room, writes a header with yamux_header and the bytes itself.
 * Windows start at 256 KiB and double towards window_most while a whole window
 * is taken in less than four round trips and the owner allows growth. */
#ifndef PROTO_YAMUX_H
#define PROTO_YAMUX_H

#include "base/buf.h"
#include "base/map.h"
#include "base/msec.h"

enum {
	YAMUX_HEADER = 12,
	YAMUX_WINDOW = 262144,      /* initial, by the specification */
	YAMUX_REPLIES = 256,        /* answers a second that a peer can provoke:
	                             * pongs, resets of refused streams */
	YAMUX_WASTE = 10000,        /* streams a second that the peer opens and
	                             * that end in a reset (CVE-2023-44487) */
	YAMUX_KEEPALIVE = 30000,    /* ms between pings */
	YAMUX_PONG_TIMEOUT = 20000, /* ms, then the session is dead */
};

enum yamux_code { YAMUX_NORMAL, YAMUX_PROTOCOL, YAMUX_INTERNAL };

struct yamux_limits {
	uint32_t streams_in;  /* open at once by the peer; more are reset */
	uint32_t streams_out;
	uint32_t window_most; /* bytes, >= YAMUX_WINDOW */
};

struct yamux_stream {
	uint32_t id;
	bool inbound;
	bool opened;       /* our SYN or ACK has been sent */
	bool acked;        /* the opening has been acknowledged */
	bool said_fin;     /* our half is closed */
	bool heard_fin;    /* the peer's half is closed */
	uint32_t send;     /* bytes we may send */
	uint32_t recv;     /* bytes the peer may still send */
	uint32_t window;   /* what recv is topped up to */
	uint32_t untaken;  /* delivered as DATA, not yet yamux_took */
	uint32_t owed;     /* taken, credit not yet announced; recv + untaken
	                    * + owed is window at all times */
	uint32_t taken;    /* since epoch; < window */
	msec epoch;        /* when this window's worth began */
	void *owner;       /* the layer above's; NULL at birth */
};

struct yamux {
	bool client;
	struct yamux_limits limits;
	bool may_grow;       /* owner's switch: windows may double */
	struct map streams;  /* id -> struct yamux_stream *, owned */
	uint32_t in, out_n;  /* streams open by the peer, by us */
	uint32_t next_id;
	struct yamux_stream *dead; /* by a reset; freed at the next step */
	bool going, gone;    /* we said go away; the peer did */
	/* reading */
	uint8_t head[YAMUX_HEADER];
	uint8_t head_n;
	uint32_t body_id, body_left; /* the frame being read; id 0: nobody's */
	bool body_drop;              /* its data are not for the owner */
	bool body_fin, body_rst;     /* what it says once they are read */
	uint32_t body_code;
	/* pings */
	uint32_t ping_id;
	msec ping_sent, ping_next; /* ping_sent -1: none on the way */
	msec rtt;                  /* milliseconds, smoothed; -1: unknown */
	msec heard;                /* when bytes last came */
	/* what a peer may provoke */
	msec second;
	unsigned replies, wasted;
	const char *why;           /* static, once step or tick returned -1 */
	uint64_t refused;          /* streams reset at their SYN */
};

enum yamux_kind {
	YAMUX_MORE,
	YAMUX_OPEN,    /* the peer opened stream */
	YAMUX_DATA,    /* data for stream, borrowed from in */
	YAMUX_FIN,     /* the peer closed its half of stream */
	YAMUX_RESET,   /* stream is over (code); yamux_step frees it when it is
	                * next called, the owner does not */
	YAMUX_CREDIT,  /* stream may send again */
	YAMUX_PONG,    /* rtt is known anew */
	YAMUX_GOAWAY,  /* the peer will open no more streams (code) */
};

struct yamux_ev {
	enum yamux_kind kind;
	struct yamux_stream *stream;
	struct slice data;
	uint32_t code;
};

void yamux_init(struct yamux *, bool client, const struct yamux_limits *,
    msec now);
void yamux_free(struct yamux *);

/* 1: ev; 0: wants more; -1: the session is over, see why, and a go-away with
 * the matching code is on out.  To be called until it returns 0, also when in
 * is empty: what a frame says after its data is an event of its own. */
int yamux_step(struct yamux *, struct slice *in, msec now, struct buf *out,
    struct yamux_ev *);

/* A new stream, or NULL: going, gone, or too many.  Its SYN rides on the first
 * frame that is sent for it. */
struct yamux_stream *yamux_open(struct yamux *, msec now);
/* How many bytes of data stream may send now. */
uint32_t yamux_room(const struct yamux_stream *);
/* A header for n bytes of data (n <= room) with what flags are due; the caller
 * puts the n bytes right behind it. */
void yamux_header(struct yamux *, struct yamux_stream *, uint32_t n,
    uint8_t header[YAMUX_HEADER]);
void yamux_data(struct yamux *, struct yamux_stream *, struct slice,
    struct buf *out); /* data.n <= room */
/* The application took n delivered bytes; announces credit when worth it. */
void yamux_took(struct yamux *, struct yamux_stream *, uint32_t n, msec now,
    struct buf *out);
/* Close our half.  A stream with both halves closed is freed when the owner
 * calls yamux_forget. */
void yamux_fin(struct yamux *, struct yamux_stream *, struct buf *out);
/* End it at once and free it: the pointer is dead. */
void yamux_reset(struct yamux *, struct yamux_stream *, uint32_t code,
    struct buf *out);
/* Free a stream whose two halves are closed. */
void yamux_forget(struct yamux *, struct yamux_stream *);
void yamux_goaway(struct yamux *, enum yamux_code, struct buf *out);
/* Measure rtt now, unless a ping is on the way.  */
void yamux_ping(struct yamux *, msec now, struct buf *out);

msec yamux_due(const struct yamux *);
int yamux_tick(struct yamux *, msec now, struct buf *out); /* 0, or -1 dead */

struct state_yamux;
struct state_stream;
/* Plain state out and in again (wire/msg/state.h).  Streams are saved one by
 * one, by the owner who walks y->streams. */
void yamux_save(const struct yamux *, struct state_yamux *);
int yamux_load(struct yamux *, const struct state_yamux *,
    const struct yamux_limits *);
void yamux_save_stream(const struct yamux_stream *, struct state_stream *);
struct yamux_stream *yamux_load_stream(struct yamux *,
    const struct state_stream *); /* NULL: makes no sense */

#endif
