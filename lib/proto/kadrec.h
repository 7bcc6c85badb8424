/* SPDX-License-Identifier: ISC
 *
 * What values may stand under which keys of the DHT, and which of two is the
 * better: a table of namespaces, "/NAME/" in front of the key.
 *
 *	pk    the rest of the key is a sha2-256 or identity multihash of the value,
 *	      a serialised PublicKey; all valid ones are equal
 *	ipns  the rest is a peer id; an IPNS record with a good V2 signature of
 *	      that peer that has not expired; the higher sequence, then the later
 *	      validity is better (IPNS record specification, "Record Verification")
 *	own   the network's own names: the rest is a peer id; an envelope of that
 *	      peer (envelope_value) around a signed_value of that name that has not
 *	      expired; the higher seq, then the later expiry is better
 *
 * Of two records that are equal in these the one whose bytes are greater is
 * better, as in go, so that all nodes come to keep the same.
 *
 * Nothing is stored or given on that has not passed kadrec_check. */
#ifndef PROTO_KADREC_H
#define PROTO_KADREC_H

#include "base/buf.h"
#include "base/msec.h"
#include "wire/msg/kad.h"

enum kadrec_fault {
	KADREC_GOOD,
	KADREC_KEY,       /* the key is malformed */
	KADREC_NAMESPACE, /* no validator knows it */
	KADREC_SIZE,      /* the value is too big */
	KADREC_MALFORMED, /* the value cannot be read */
	KADREC_MISMATCH,  /* the value does not belong to the key */
	KADREC_SIGNATURE, /* does not verify */
	KADREC_EXPIRED,
	KADREC_FAULTS_N
};

/* names: the network's own namespaces, NULL at the end; may be NULL.  wall is
 * the time of day, ms. */
enum kadrec_fault kadrec_check(const char *const *names, struct slice key,
    struct slice value, msec wall);
/* Both have passed kadrec_check under the same key.  < 0: a is better; 0: no
 * difference; > 0: b is. */
int kadrec_better(struct slice key, struct slice a, struct slice b);

/* The text of a key for people and back: "/pk/Qm…", "/ipns/12D3…", with the rest
 * in base58; other keys as "hex:…", more than KAD_KEY bytes as "".  In text, ipns
 * and own names also take a peer id as a CID. */
enum { KADREC_TEXT = 1100 };
char *kadrec_key_text(struct slice key, char text[KADREC_TEXT]);
int kadrec_key_of_text(struct slice text, struct buf *key); /* 0 or -1 */

#endif
