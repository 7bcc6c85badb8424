/* SPDX-License-Identifier: ISC
 *
 * Signed envelopes (libp2p RFC 0002) and signed peer records (RFC 0003).  The
 * signed bytes are domain, payload type and payload, each behind its varint
 * length. */
#ifndef CRYPT_ENVELOPE_H
#define CRYPT_ENVELOPE_H

#include "crypt/key.h"
#include "wire/msg/envelope.h"

/* A domain and the payload type that goes with it. */
struct envelope_kind {
	const char *domain;
	struct slice type;
};
extern const struct envelope_kind envelope_record; /* libp2p-peer-record */
/* What rust sends: libp2p-routing-state, read but never written. */
extern const struct envelope_kind envelope_routing_state;
extern const struct envelope_kind envelope_voucher; /* libp2p-relay-rsvp */
extern const struct envelope_kind envelope_value; /* kontinuum-value: a value
                                                   * of our own in the DHT */

/* The bytes to be signed, and the envelope around a finished signature (for
 * signatures that come from kn-signd). */
void envelope_message(const struct envelope_kind *, struct slice payload,
    struct buf *out);
void envelope_wrap(const struct envelope_kind *, struct slice public_key,
    struct slice payload, struct slice signature, struct buf *out);
/* Both, with a key at hand. */
void envelope_seal(const struct envelope_kind *, const struct key *,
    struct slice payload, struct buf *out);

/* Check type and signature.  *payload borrows from in; *signer is the peer id
 * of the key inside: the caller decides whether that is the right one. */
int envelope_open(const struct envelope_kind *, struct slice in,
    struct slice *payload, struct peerid *signer, const char **why);

/* A peer record under either domain, whose peer_id is its signer.  record
 * borrows from in. */
int envelope_open_record(struct slice in, struct peer_record *record,
    struct peerid *signer, const char **why);

#endif
