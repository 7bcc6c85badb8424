/* SPDX-License-Identifier: ISC
 *
 * A stream of messages, each behind a varint of its length, over a descriptor
 * (a program's end of a stream, kn-p2p(5)).  Bounded: a message longer than
 * max ends it, so does one that is not whole within patience of its first byte
 * (a slow drip), or output that is not taken for as long. */
#ifndef NET_FRAMED_H
#define NET_FRAMED_H

#include "base/buf.h"
#include "net/loop.h"

struct framed;

struct framed_conf {
	size_t max;            /* bytes of a message that comes */
	size_t most_out;       /* bytes that wait to be taken */
	msec patience;         /* for the rest of a message, either way */
	struct budget *budget; /* borrowed; may be NULL */
};

/* Ends of a stream of messages. */
enum framed_end {
	FRAMED_EOF,      /* in order, between two messages */
	FRAMED_CUT,      /* in the middle of one, or the descriptor broke */
	FRAMED_TOO_LONG, /* longer than max, or a bad length */
	FRAMED_SLOW,     /* patience is over */
	FRAMED_BUDGET,
};

struct framed_face {
	/* A whole message; borrowed.  May free the framed. */
	void (*message)(void *arg, struct slice);
	/* Nothing more comes; free it, now or later.  After FRAMED_EOF it can
	 * still say things, and is called again if they are not taken;
	 * otherwise once.  Never from within framed_say. */
	void (*end)(void *arg, enum framed_end);
	/* Everything said has been taken (may be NULL). */
	void (*drained)(void *arg);
};

/* Takes fd (made non-blocking).  conf is copied. */
struct framed *framed_new(struct loop *, int fd, const struct framed_conf *,
    const struct framed_face *, void *arg);
void framed_free(struct framed *); /* closes fd */
/* Put a length in front and send.  0, or -1: more than most_out waits, or the
 * budget is used up, or it is over; then nothing of it is sent. */
int framed_say(struct framed *, struct slice message);
/* Bytes that are framed already (several messages); as framed_say. */
int framed_say_raw(struct framed *, struct slice framed_messages);
/* No more will be said: closes our half when all has been taken. */
void framed_fin(struct framed *);
size_t framed_waiting(const struct framed *); /* bytes not taken */
size_t framed_partial(const struct framed *); /* bytes of a message begun */
/* Read no more until told so (back-pressure on who sends); patience begins
 * anew when reading does. */
void framed_pause(struct framed *, bool);

#endif
