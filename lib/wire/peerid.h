/* SPDX-License-Identifier: ISC
 *
 * Peer ids (libp2p peer-ids specification): the multihash of a serialised
 * public key, identity when the key is at most 42 bytes, sha2-256 otherwise.
 * Text is base58btc, or a CIDv1 with codec 0x72 in any multibase we know. */
#ifndef WIRE_PEERID_H
#define WIRE_PEERID_H

#include "base/slice.h"

enum { PEERID_MAX = 44, PEERID_TEXT = 72 };

struct peerid {
	uint8_t n; /* 0: none */
	uint8_t b[PEERID_MAX];
};

/* Of a serialised PublicKey message. */
struct peerid peerid_of_key(struct slice public_key);
int peerid_of_bytes(struct slice multihash, struct peerid *); /* 0 or -1 */
int peerid_of_text(struct slice text, struct peerid *);       /* 0 or -1 */
struct slice peerid_bytes(const struct peerid *); /* borrows from it */
/* Base58btc into text, which is returned; "" for none. */
char *peerid_text(const struct peerid *, char text[PEERID_TEXT]);
bool peerid_eq(const struct peerid *, const struct peerid *);
/* The serialised key inside an identity id; empty for a hashed one. */
struct slice peerid_key(const struct peerid *);

#endif
