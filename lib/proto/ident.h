/* SPDX-License-Identifier: ISC
 *
 * Identify and identify push (libp2p identify specification): what one side
 * says of itself, once, then closes.  Reading gathers up to IDENT_CHUNKS framed
 * messages until the end of the stream; fields of later ones add to earlier.
 * Writing stays under IDENT_SAY bytes in one message, because rust reads no
 * more: addresses, then protocols, are left out from the end. */
#ifndef PROTO_IDENT_H
#define PROTO_IDENT_H

#include "crypt/envelope.h"
#include "wire/msg/ident.h"

#define IDENT_ID   "/ipfs/id/1.0.0"
#define IDENT_PUSH "/ipfs/id/push/1.0.0"

enum {
	IDENT_CHUNKS = 10,
	IDENT_HEAR = 8192 * 2, /* bytes in all; more is refused */
	IDENT_SAY = 4096,
	IDENT_TIMEOUT = 5000,  /* ms for the whole exchange */
	IDENT_AGENT = 128,     /* bytes kept of agent and protocol version */
	IDENT_NAME = 255,      /* bytes of a protocol's name; longer: skipped */
};

/* Reading side. */
struct ident {
	struct buf raw;        /* of a message that has not come whole */
	struct buf body;       /* messages without their lengths; msg borrows */
	unsigned chunks;
	struct ident_msg msg;  /* valid after ident_end returned 0 */
	bool certified;        /* record was there and verifies */
	uint64_t seq;          /* its sequence number */
	struct peer_record record;
	const char *why;       /* static, after -1 */
};

void ident_init(struct ident *, struct budget *);
void ident_free(struct ident *);
/* More bytes came.  0, or -1: too long or malformed. */
int ident_hear(struct ident *, struct slice);
/* The stream ended.  Checks that public_key, if there, is peer's and that the
 * record, if there, is signed by and about peer (a record that is not is
 * dropped, not fatal); invalid addresses and over-long names are left out,
 * agent and version are cut.  0, or -1. */
int ident_end(struct ident *, const struct peerid *peer);

/* Writing side: one framed message. */
void ident_say(const struct ident_msg *, struct buf *out);

#endif
