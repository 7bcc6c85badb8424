/* SPDX-License-Identifier: ISC
 *
 * Places in the keyspace of Kademlia: the SHA-256 of a peer id, a multihash or
 * a record's key, and the XOR distance between two of them. */
#ifndef PROTO_KADKEY_H
#define PROTO_KADKEY_H

#include "base/slice.h"

enum { KADKEY_BITS = 256 };

struct kadkey {
	uint8_t b[32];
};

struct kadkey kadkey_of(struct slice bytes);
/* Leading bits that are the same; KADKEY_BITS: all. */
unsigned kadkey_common(const struct kadkey *, const struct kadkey *);
/* Go to the next place; false: it was the last. */
bool kadkey_step(uint8_t place[32]);
/* < 0: a is nearer to target than b; 0: they are the same; > 0: b is. */
int kadkey_nearer(const struct kadkey *target, const struct kadkey *a,
    const struct kadkey *b);

#endif
