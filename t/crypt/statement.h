/* SPDX-License-Identifier: ISC
 *
 * Bodies of statements for the tests of sign.c and of kn-signd, good ones and
 * such as speak of somebody else. */
#ifndef T_CRYPT_STATEMENT_H
#define T_CRYPT_STATEMENT_H

#include "crypt/cert.h"
#include "crypt/envelope.h"
#include "crypt/sign.h"

#include <string.h>

enum { BYTES = 9000 };

static struct key ours, other;
static struct peerid self;

static inline void
make_keys(void)
{
	uint8_t seed[32] = { 3 };

	key_of_seed(&ours, seed);
	seed[1] = 1;
	key_of_seed(&other, seed);
	self = key_peerid(&ours);
}

static inline struct slice
of_id(struct key *k, struct peerid *id)
{
	*id = key_peerid(k);
	return peerid_bytes(id);
}

/* {relay, peer, expiration} by hand, whoever the relay is. */
static inline struct slice
voucher(struct key *relay, uint8_t bytes[BYTES])
{
	struct peerid a, b;
	struct slice r = of_id(relay, &a), p = of_id(&other, &b), s;
	struct buf out;

	buf_init(&out, BYTES, NULL);
	put_u8(&out, 1 << 3 | 2);
	put_varint(&out, r.n);
	put_slice(&out, r);
	put_u8(&out, 2 << 3 | 2);
	put_varint(&out, p.n);
	put_slice(&out, p);
	put_u8(&out, 3 << 3);
	put_varint(&out, 1900000000);
	memcpy(bytes, out.p, out.n);
	s = slice_of(bytes, out.n);
	buf_free(&out);
	return s;
}

static inline struct slice
encoded(const struct pb_desc *desc, const void *msg, uint8_t bytes[BYTES])
{
	struct buf out;
	struct slice s;

	buf_init(&out, BYTES, NULL);
	pb_encode(desc, msg, &out);
	memcpy(bytes, out.p, out.n);
	s = slice_of(bytes, out.n);
	buf_free(&out);
	return s;
}

static const uint8_t loopback[] = { 4, 127, 0, 0, 1, 6, 0x0f, 0xa1 };

static inline struct slice
record(struct key *k, struct slice addr, uint8_t bytes[BYTES])
{
	struct peerid id;
	const struct peer_record msg = {
		.has_peer_id = true,
		.peer_id = of_id(k, &id),
		.has_seq = true,
		.seq = 7,
		.n_addresses = 1,
		.addresses = { { .has_multiaddr = true, .multiaddr = addr } },
	};

	return encoded(&peer_record_desc, &msg, bytes);
}

static inline struct slice
request(struct key *k, uint8_t bytes[BYTES])
{
	struct peerid id;
	const struct cert_request msg = {
		.has_subject = true,
		.subject = of_id(k, &id),
		.has_role = true,
		.role = CERT_SERVER,
	};

	return encoded(&cert_request_desc, &msg, bytes);
}

/* A SEQUENCE of n bytes in all, in the shortest form. */
static inline struct slice
sequence(size_t n, uint8_t bytes[BYTES])
{
	memset(bytes, 5, n);
	bytes[0] = 0x30;
	bytes[1] = (uint8_t)(n - 2);
	if (n > 129) {
		bytes[1] = 0x81;
		bytes[2] = (uint8_t)(n - 3);
	}
	return slice_of(bytes, n);
}

static inline int
frame(uint64_t kind, struct slice body, struct buf *out, const char **why)
{
	*why = NULL;
	buf_init(out, SIGN_MAX, NULL);
	return sign_message(kind, body, &self, out, why);
}

#endif
