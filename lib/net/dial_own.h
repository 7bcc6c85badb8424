/* SPDX-License-Identifier: ISC
 *
 * What dial.c and dial_name.c share, and nobody else. */
#ifndef NET_DIAL_OWN_H
#define NET_DIAL_OWN_H

#include "net/dial.h"
#include "net/resolve.h"

/* What is tried first, and all of one before any of the next. */
enum rank { RANK_LOOPBACK, RANK_NEAR, RANK_GLOBAL, RANK_ELSEWHERE };

/* An address that may be connected to. */
struct spot {
	struct dial *dial;
	struct maddr addr; /* without /p2p */
	struct sockaddr_storage ss;
	socklen_t n;
	enum rank rank;
	enum spot_state {
		SPOT_WAITING,
		SPOT_CONNECTING,
		SPOT_CONNECTED,
		SPOT_DONE,
	} state;
	int fd;
	struct watch *watch;
};

/* A name that is looked up.  Two queries for /dns, one for the others. */
struct lookup {
	struct dial *dial;
	struct maddr addr;  /* the whole, with the name in front */
	struct slice rest;  /* of addr, behind the name */
	unsigned depth;     /* in how many dnsaddr it was found */
	bool found;         /* something to go on with */
	struct query {
		struct lookup *lookup;
		struct resolve *resolve; /* NULL: not asked, or over */
	} queries[2];
};

struct dial {
	struct loop *loop;
	struct gate *gate;
	struct peerid want;
	void (*got)(void *arg, const struct dial_got *);
	void *arg;
	struct spot *spots[DIAL_ADDRS];
	struct lookup *lookups[DIAL_LOOKUPS];
	size_t nspots, nlookups;
	unsigned connecting;
	unsigned records;   /* of dnsaddr, read so far */
	unsigned left_out;  /* addresses beyond the limits */
	sa_family_t family; /* of the connect begun last */
	msec next;          /* when another connect may begin */
	msec deadline;
	struct timer *timer;
	bool waits;         /* for the caller: dial_again or dial_end */
	enum reason reason;
	char text[DIAL_TEXT];
	size_t ntext;
	bool full;          /* is text */
};

/* dial.c */
void dial_blame(struct dial *, struct slice addr, enum reason);
/* Do what can be done now.  The last thing this does may be to call got, which
 * may end the dial: nobody touches it afterwards. */
void dial_step(struct dial *);

/* dial_name.c */
/* Make of an address, found in depth dnsaddr, what can be done with it: one to
 * connect to, or a lookup.  false: nothing. */
bool dial_take(struct dial *, struct slice addr, unsigned depth);
bool lookup_asks(const struct lookup *);
void lookup_end(struct lookup *);

#endif
