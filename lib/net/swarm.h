/* SPDX-License-Identifier: ISC
 *
 * Who is connected: links by peer, dials under way, ceilings, the protocols
 * that are served and by whom.  Tells its owner (net/board) what happens to
 * peers. */
#ifndef NET_SWARM_H
#define NET_SWARM_H

#include "net/dial.h"
#include "net/link.h"
#include "net/listen.h"
#include "net/self.h"

enum {
	SWARM_ASKS = 1024,         /* dials and opens waiting at once */
	SWARM_LINKS_PER_PEER = 2,
	SWARM_BARRED = 65536,      /* refusals by ADMIT that are remembered */
};

struct swarm;

struct peer {
	struct peerid id;
	char text[PEERID_TEXT];
	struct link *links;        /* the first one carries new streams */
	msec since;
	bool identified;           /* identify is over, well or not */
	bool told;                 /* the owner has heard of it */
	bool protected;
	bool certified;            /* addrs in ident come from its signed record */
	bool hears_push;
	struct buf ident;          /* what it said: an ident_msg, re-encoded */
	uint64_t role, tier;       /* by ADMIT; 0: nothing known */
	uint8_t serial[20];
	uint8_t serial_n;
	void *asking;              /* net/identify: the query under way */
	msec pushing;              /* and how often it pushed since then */
	unsigned pushes;
	msec rtt;                  /* -1: unknown */
};

struct swarm_face {
	void (*up)(void *arg, struct peer *);   /* identified, or more is known */
	void (*down)(void *arg, struct peer *, enum reason);
	void (*changed)(void *arg); /* our addresses or protocols */
};

struct swarm_conf {
	unsigned peers, reserved, handshakes;
	msec dial_timeout, idle_timeout; /* idle 0: never */
	struct conn_self conn;           /* limits, timeouts, budget */
};

/* All borrowed for the swarm's life. */
struct swarm *swarm_new(struct loop *, const struct swarm_conf *, struct self *,
    struct gate *, const struct swarm_face *, void *arg);
/* Ends all links; the owner still hears of it.  Not from a callback. */
void swarm_free(struct swarm *);

struct loop *swarm_loop(struct swarm *);
struct self *swarm_self(struct swarm *);
struct swarm *swarm_of(const struct stream *);
struct peer *swarm_peer_of(const struct stream *);

/* Take a listening socket; its addresses become ours. */
void swarm_listen(struct swarm *, int fd);
/* Addresses from the configuration or from natd, besides the sockets' own. */
void swarm_announce(struct swarm *, const struct maddr *, bool gone);

/* Serve a protocol: streams of it get service and data.  -1: taken already.
 * name is copied. */
int swarm_serve(struct swarm *, const char *name, const struct service *,
    void *data);
/* streams that run go on; -1: not served */
int swarm_unserve(struct swarm *, const char *name);

/* Have a connection to a peer, and a stream on it when protocols are given. */
struct ask;
struct ask_want {
	struct peerid peer;              /* n == 0: whoever answers at addrs */
	const struct slice *addrs;       /* copied */
	size_t naddrs;
	const struct slice *protocols;   /* copied; none: only connect */
	size_t nprotocols;
	const struct service *service;   /* for the stream */
	void *data;
	msec timeout;                    /* 0: the configuration's */
};
/* Called once, never before swarm_ask returns, and not after ask_cancel.  With
 * protocols, stream is open on the wire but its protocol may be unsettled (the
 * service hears start or over); NULL on failure and for plain connecting. */
typedef void ask_done(void *arg, struct peer *, struct stream *, enum reason,
    const char *text);
struct ask *swarm_ask(struct swarm *, const struct ask_want *, ask_done *,
    void *arg);
void ask_cancel(struct ask *);

struct peer *swarm_peer(struct swarm *, const struct peerid *); /* or NULL */
struct peer *swarm_next(struct swarm *, size_t *at);            /* walk */
size_t swarm_peers(const struct swarm *);
size_t swarm_handshakes(const struct swarm *);
size_t swarm_streams(const struct swarm *);
void swarm_hangup(struct swarm *, struct peer *, enum reason);
/* By memberd: role, tier and serial; or refuse, until it says otherwise: close
 * what there is and let it in no more (beyond SWARM_BARRED only the first). */
void swarm_admit(struct swarm *, const struct peerid *, uint64_t role,
    uint64_t tier, struct slice serial, bool refuse);
/* The lists were read again: drop whom they refuse now. */
void swarm_recheck(struct swarm *);
/* Take nothing on: who connects is refused at once, for the sockets are still
 * ours.  Go away from each peer when its streams are over or at the deadline,
 * MSEC_NEVER: no sooner.  Again: with another deadline. */
void swarm_drain(struct swarm *, msec deadline);
/* And take on again.  Peers that were to be left are left all the same. */
void swarm_resume(struct swarm *);
/* Close the listening sockets, for who is to exit. */
void swarm_deafen(struct swarm *);

/* Counters since the start, for whoever publishes them. */
struct swarm_counts {
	uint64_t accepted, dialed, handshakes_ok, refused[REASON_N];
	uint64_t twins;     /* meetings with another node of our identity */
	uint64_t twin_seen; /* the last of them, seconds since 1970 */
	const struct link_shared *links;
};
const struct swarm_counts *swarm_counts(const struct swarm *);
/* Count a refusal and log it, rate-limited; where it happened and to whom. */
void swarm_refused(struct swarm *, enum reason, const char *what,
    const char *who);

/* net/identify calls this when what a peer says of itself is known (ident NULL:
 * it says nothing); encodes what it keeps. */
void swarm_identified(struct swarm *, struct peer *, const struct ident *);

#endif
