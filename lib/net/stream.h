/* SPDX-License-Identifier: ISC
 *
 * One stream of a link, and what a service does with it.  The service never
 * sees frames or windows: it takes bytes when it can, writes bytes when there
 * is room.  All calls come from the loop; any of them may end the stream, and
 * over is always the last. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/slice.h"
#include "net/reason.h"

struct link;
struct stream;
struct conn_stream;

struct service {
	const char *name;
	/* The protocol is settled; data may come, and may be written. */
	void (*start)(struct stream *);
	/* Bytes came; returns how many were taken now.  What is left is kept
	 * (within the stream's window) and offered again by stream_more. */
	size_t (*data)(struct stream *, struct slice);
	/* The peer closed its half, and data has taken everything. */
	void (*fin)(struct stream *);
	/* There is room again after stream_wait. */
	void (*room)(struct stream *);
	/* The stream is gone: free what data points to.  REASON_NONE: both halves
	 * were closed in order. */
	void (*over)(struct stream *, enum reason);
};

struct stream {
	struct link *link;
	struct conn_stream *cs;        /* the machine's side */
	const struct service *service;
	void *data;                    /* the service's own */
	bool inbound;
	bool started;
	bool fin_due;                  /* the peer's fin waits behind held bytes */
	bool fin_told;
	bool waiting;                  /* stream_wait */
	bool queued;                   /* in the link's queue for out */
	bool ending;                   /* in the link's list of ended ones */
	bool gone;                     /* over was called; freed with the turn */
	struct stream *next_queued, *next_ended;
};

const char *stream_protocol(const struct stream *);
/* Is the protocol settled, or is it the only one proposed: may data go? */
bool stream_ready(const struct stream *);
/* Bytes that can be written now.  When it is 0, stream_wait asks for room. */
size_t stream_room(const struct stream *);
void stream_wait(struct stream *);
/* Bytes taken. */
size_t stream_write(struct stream *, struct slice);
/* A place for n <= stream_room bytes and how many were put there (0: none);
 * nothing else may happen to the link between the two.  NULL: no memory in the
 * budget, the link is about to end. */
uint8_t *stream_begin(struct stream *, size_t n);
void stream_commit(struct stream *, size_t used);
/* Offer what data left behind. */
void stream_more(struct stream *);
/* Close our half. */
void stream_fin(struct stream *);
/* End it; over is called with this reason before stream_reset returns. */
void stream_reset(struct stream *, enum reason);

#endif
