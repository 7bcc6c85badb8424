/* SPDX-License-Identifier: ISC
 *
 * Questions to peers, each with one answer, over streams of p2p.sock that are
 * used again.  One question at a time on a stream: some peers answer no more
 * than one.  A stream is kept for a while after its answer; when the next
 * question finds out that the peer has ended it meanwhile, that question is
 * asked once more on a new stream.  Everything has a ceiling: at it an unused
 * stream makes room, or the question waits, in order, until its deadline.
 *
 * No function of the face is called from within those below; it may call them
 * all but queries_free. */
#ifndef NET_QUERIES_H
#define NET_QUERIES_H

#include "base/buf.h"
#include "net/p2p.h"

struct queries;

struct queries_conf {
	const char *const *protocols; /* the first that the peer has is taken */
	size_t nprotocols;
	size_t streams;        /* open at once, 512 */
	size_t per_peer;       /* of these with one peer, 4 */
	size_t waiting;        /* questions that wait for a stream, 4096 */
	msec idle;             /* a stream without a question is kept, 45 s */
	size_t max;            /* bytes of an answer */
	struct budget *budget; /* borrowed; may be NULL */
};

/* One of them is called for each question, unless it is cancelled; its id is
 * then free. */
struct queries_face {
	void (*replied)(void *arg, uint64_t id, struct slice message);
	void (*failed)(void *arg, uint64_t id, enum reason);
};

/* Everything is borrowed but conf, which is copied (not its protocols). */
struct queries *queries_new(struct loop *, struct p2p *,
    const struct queries_conf *, const struct queries_face *, void *arg);
/* Before p2p_free.  What is open is reset and nobody is told. */
void queries_free(struct queries *);

/* Send one or several messages, framed, of which the last alone is answered.
 * id is the caller's, and not in use.  Everything is copied (of addrs what OPEN
 * holds); timeout includes waiting and dialling. */
void queries_ask(struct queries *, uint64_t id, const struct peerid *,
    const struct slice *addrs, size_t n, struct slice framed_messages,
    msec timeout);
/* Nothing is heard of it any more.  Unknown ids are ignored. */
void queries_cancel(struct queries *, uint64_t id);

/* For each message of p2p_face.heard: true if it was about one of ours. */
bool queries_heard(struct queries *, const struct ctl *);
/* For p2p_face.lost: all fail.  Questions may be asked again, and fail until
 * p2p.sock is there. */
void queries_lost(struct queries *);
/* From now on a stream without a question is kept for so long. */
void queries_keep(struct queries *, msec idle);

#endif
