/* SPDX-License-Identifier: ISC
 *
 * From multiaddrs to connected TCP sockets: names resolved (dns, dns4, dns6,
 * dnsaddr with its limits), addresses filtered and ranked, connects staggered
 * (RFC 8305: the next starts after 250 ms or when one failed).  Each socket
 * that connects is offered in turn, until the caller has one that suits. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/gate.h"
#include "net/loop.h"

enum {
	DIAL_ADDRS = 64,     /* candidates at once, resolved ones included */
	DIAL_DNSADDR = 100,  /* records read of dnsaddr */
	DIAL_DEPTH = 4,      /* of dnsaddr in dnsaddr */
	DIAL_PARALLEL = 8,   /* connects under way at once */
	DIAL_STAGGER = 250,  /* ms */
	DIAL_LOOKUPS = 32,   /* names looked up for one dial */
	DIAL_TEXT = 400,     /* bytes of text, the final zero included */
};

struct dial;

struct dial_got {
	int fd;              /* a connected, non-blocking socket, now yours; -1:
	                      * it came to nothing and the dial is over */
	struct maddr addr;   /* what it is connected to, without /p2p */
	struct peerid peer;  /* want, or whom the addresses name; n may be 0 */
	enum reason reason;  /* when fd is -1: the most telling one */
	const char *text;    /* each address and its reason, borrowed */
};

/* addrs: multiaddr bytes, copied.  want: candidates that end in another /p2p
 * are left out; NULL or n == 0: whom the first that ends in /p2p names, if any.
 * timeout is for the whole.  got is never called before this returns. */
struct dial *dial_start(struct loop *, struct gate *, const struct slice *addrs,
    size_t n, const struct peerid *want, msec timeout,
    void (*got)(void *arg, const struct dial_got *), void *arg);
/* The socket just offered did not suit (why, for the text): go on. */
void dial_again(struct dial *, const struct maddr *, enum reason why);
/* Stop and free; open sockets that were not offered are closed. */
void dial_end(struct dial *);

#endif
