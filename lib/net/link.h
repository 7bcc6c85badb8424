/* SPDX-License-Identifier: ISC
 *
 * One TCP connection to a peer: the socket, the conn machine, its timer, and
 * the streams' services.  Reads into one buffer that all links share, so an idle
 * link holds no bytes. */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "net/loop.h"
#include "net/stream.h"
#include "proto/conn.h"
#include "wire/maddr.h"

#include <sys/socket.h>

enum {
	LINK_READ = 262144,  /* bytes read at a time */
	LINK_ROUNDS = 8,       /* of filling and writing in one turn */
	LINK_STALL = 30000,  /* ms without progress in writing: stuck */
	LINK_LINGER = 5000,  /* ms for the peer to read our last words */
};

struct peer;
struct ask;

/* The owner's side (net/swarm). */
struct link_face {
	/* The handshake is over; link->conn.peer is known.  A reason other than
	 * REASON_NONE ends the link. */
	enum reason (*up)(void *arg, struct link *);
	/* The peer wants this protocol.  NULL: we do not have it; *data becomes
	 * the stream's. */
	const struct service *(*offer)(void *arg, struct link *,
	    const char *protocol, void **data);
	/* rtt is known anew. */
	void (*rtt)(void *arg, struct link *);
	/* The link is dead and frees itself after this; its streams are over. */
	void (*down)(void *arg, struct link *, enum reason, const char *why);
};

/* What all links of a process share; borrowed. */
struct link_shared {
	struct loop *loop;
	const struct conn_self *self;
	struct buf in;               /* the reading buffer, of link.c */
	struct link *dead;           /* to be freed at the end of the turn */
	const struct link_face *face;
	void *arg;
	uint64_t bytes_in, bytes_out;
	uint64_t streams_in, streams_out, streams_refused;
};
void link_share(struct link_shared *, struct loop *, const struct conn_self *,
    const struct link_face *, void *arg);
/* After all links were closed: frees them. */
void link_unshare(struct link_shared *);

struct link {
	struct link_shared *shared;
	int fd;
	struct conn conn;
	struct maddr addr;           /* the other end */
	struct sockaddr_storage from;
	bool dialer;
	msec since;                  /* accepted or connected */
	msec busy;                   /* last stream data in or out */
	/* the swarm's own */
	struct peer *peer;           /* whose it is, once up */
	struct ask *ask;             /* what it was dialled for, until up */
	struct link *next;
	/* link.c's own */
	struct watch *watch;
	struct timer *timer;
	struct buf rest;             /* input that waits for more */
	struct stream *queue, **queue_end; /* wait for room in conn.out */
	struct stream *ended;
	struct stream *gone;         /* to be freed at the end of the turn */
	struct link *next_dead;
	msec stalled;                /* since when writing makes no progress */
	msec left;                   /* when we said our last; MSEC_NEVER */
	bool dirty, closing, dead;
};

/* Takes fd.  want: whom a dialer must find there, or NULL. */
struct link *link_new(struct link_shared *, int fd, bool dialer,
    const struct peerid *want, const struct maddr *addr,
    const struct sockaddr *from);
/* Say go-away if that is possible, end the streams, call down; frees later. */
void link_close(struct link *, enum reason);
/* Open a stream on the first of these protocols that the peer has: start, or
 * over with NO_PROTOCOL, follows.  NULL: too many streams, or going away. */
struct stream *link_open(struct link *, const struct slice *protocols, size_t n,
    const struct service *, void *data);
/* No more streams either way; the link closes when the last is over. */
void link_drain(struct link *);
size_t link_streams(const struct link *);
/* What closing it would give back to the budget. */
size_t link_bytes(const struct link *);
/* Work was left for the end of this turn: flush, write, tell. */
void link_touch(struct link *);

#endif
