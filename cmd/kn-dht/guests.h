/* SPDX-License-Identifier: ISC
 *
 * Streams that peers open to ask us: several questions each, one after the
 * other, answered by the machine. */
#ifndef KN_DHT_GUESTS_H
#define KN_DHT_GUESTS_H

#include "base/table.h"
#include "dht/dht.h"
#include "net/p2p.h"

struct guests;

struct guests_conf {
	size_t streams, per_peer; /* at once, 1024 and 16 */
	msec idle;                /* without a question, 60 s */
	msec patience;            /* for the rest of a message, 10 s */
	struct budget *budget;    /* borrowed */
};

/* Why a stream was ended by us; each has a counter. */
#define GUEST_ENDS(R)                                                         \
	R(GUEST_STREAMS, "streams")   /* too many at once */                  \
	R(GUEST_PER_PEER, "per-peer") /* too many of one peer */              \
	R(GUEST_TOO_LONG, "too-long") /* a message that is too long */        \
	R(GUEST_SLOW, "slow")         /* half a message, answers not read */  \
	R(GUEST_IDLE, "idle")                                                 \
	R(GUEST_BUDGET, "budget")                                             \
	R(GUEST_REFUSED, "refused")   /* the machine would not answer */

enum guest_end { GUEST_ENDS(TABLE_NAME) GUEST_END_N };

/* after: called when the machine has been given something. */
struct guests *guests_new(struct loop *, struct p2p *, struct dht *,
    const struct guests_conf *, void (*after)(void *arg), void *arg);
void guests_free(struct guests *); /* before p2p_free */
void guests_stream(struct guests *, const struct ctl_stream *, int fd);
/* For each message of p2p_face.heard. */
void guests_heard(struct guests *, const struct ctl *);
void guests_lost(struct guests *);
/* From now on a stream without a question is kept for so long. */
void guests_keep(struct guests *, msec idle);
size_t guests_open(const struct guests *);
uint64_t guests_count(const struct guests *, enum guest_end);

#endif
