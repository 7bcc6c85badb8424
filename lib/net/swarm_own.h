/* SPDX-License-Identifier: ISC
 *
 * What swarm.c, peer.c and ask.c share, and nobody else. */
#ifndef NET_SWARM_OWN_H
#define NET_SWARM_OWN_H

#include "base/log.h"
#include "net/swarm.h"


enum { SWARM_LISTENERS = 16, SWARM_ANNOUNCED = 32 };

struct handler {
	const struct service *service;
	void *data;
	char *name;
};

struct swarm {
	struct loop *loop;
	struct swarm_conf conf;
	struct self *self;
	struct gate *gate;
	const struct swarm_face *face;
	void *arg;
	struct link_shared links;
	struct map peers;       /* peer id -> struct peer * */
	unsigned nordinary;     /* of them, without a reserved slot */
	struct map barred;      /* peer ids that ADMIT refused */
	struct map served;      /* name -> struct handler * */
	struct link *shaking;   /* links whose handshake runs */
	unsigned nshaking;
	struct listener *listeners[SWARM_LISTENERS];
	size_t nlisteners;
	struct maddr announced[SWARM_ANNOUNCED];
	size_t nannounced;
	struct ask *asks;
	size_t nasks;
	struct timer *sweep;
	bool draining, news_due;
	unsigned evicted;       /* by this sweep */
	msec drain_due;
	struct swarm_counts counts;
	struct log_flood flood, links_flood, twin_flood;
};

/* peer.c: links become peers and go. */
extern const struct link_face swarm_link_face;
void swarm_shaking(struct swarm *, struct link *);
void swarm_evict(struct swarm *);
void swarm_close_idle(struct swarm *);

/* ask.c */
/* The link that was dialled for this ask is up, and stays. */
void ask_link_up(struct ask *, struct peer *);
/* It came to nothing; the next address may do. */
void ask_link_failed(struct ask *, struct link *, enum reason why,
    const char *words);
/* This peer is connected: all who ask for it are served. */
void ask_serve(struct swarm *, const struct peerid *);
void ask_fail_all(struct swarm *, enum reason);

#endif
