/* SPDX-License-Identifier: ISC
 *
 * Who this node is and where: identity, Noise key, addresses, protocols, and
 * the peer record that kn-signd signed over them.  What identify says is built
 * from here. */
#ifndef NET_SELF_H
#define NET_SELF_H

#include "crypt/noise.h"
#include "proto/ident.h"
#include "wire/maddr.h"

enum { SELF_ADDRS = 64, SELF_PROTOCOLS = 256 };

struct self {
	struct peerid id;
	uint8_t key[KEY_PUBLIC_PB];
	struct noise_self noise;
	const char *agent;             /* borrowed */
	const char *sign_path;         /* of sign.sock; borrowed */
	struct maddr addrs[SELF_ADDRS];/* what we tell others, without /p2p */
	size_t naddrs;
	bool reachable;                /* by one of them from anywhere, as the
	                                * operator says or others confirmed */
	struct slice protocols[SELF_PROTOCOLS]; /* borrowed from who serves */
	size_t nprotocols;
	struct buf record;             /* the signed peer record; empty: none */
	uint64_t seq;
};

/* Make the Noise key and have kn-signd vouch for it; seq starts at the wall
 * clock so that a restart's records are newer.  -1, *why says what to do. */
int self_init(struct self *, const char *sign_path, const char *agent,
    struct buf *why);
void self_free(struct self *);
/* The addresses changed: replace them and have a new record signed.  0; -1
 * when kn-signd does not answer (the record is then empty: none is better than
 * a false one). */
int self_addrs(struct self *, const struct maddr *, size_t n);
/* One framed identify message for a peer seen at observed. */
void self_identify(const struct self *, struct slice observed, struct buf *out);

#endif
