/* SPDX-License-Identifier: ISC
 *
 * Content identifiers (multiformats/cid) and the multihash inside, which is
 * what the DHT knows them by.  CIDv0 is a bare sha2-256 multihash in base58. */
#ifndef WIRE_CID_H
#define WIRE_CID_H

#include "base/buf.h"

enum {
	CID_HASH = 80,        /* bytes of a multihash: code, length, digest */
	CID_RAW = 0x55,       /* codecs */
	CID_DAG_PB = 0x70,
	CID_TEXT = 160,
};

struct cid {
	uint8_t version; /* 0 or 1 */
	uint32_t codec;
	uint8_t n;       /* of hash */
	uint8_t hash[CID_HASH];
};

/* Is this a whole multihash, of at most CID_HASH bytes and at least a digest
 * of one byte, whose length says what it has?  Any hash function. */
bool cid_hash_valid(struct slice multihash);
int cid_of_bytes(struct slice, struct cid *); /* 0 or -1 */
/* CIDv0 ("Qm…", 46 characters) or any multibase in front of a CIDv1; a leading
 * "/ipfs/" is allowed. */
int cid_of_text(struct slice text, struct cid *);
struct slice cid_hash(const struct cid *); /* borrows */
/* The text of a multihash for people: CIDv1 raw in base32; "" when it is not
 * valid. */
char *cid_hash_text(struct slice multihash, char text[CID_TEXT]);

#endif
