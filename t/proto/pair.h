/* SPDX-License-Identifier: ISC
 *
 * Two conn machines back to back in memory: what one says the other hears, in
 * bites of any size.  For unit tests. */
#ifndef T_PROTO_PAIR_H
#define T_PROTO_PAIR_H

#include "proto/conn.h"

#include <string.h>

struct side {
	struct key key;
	struct noise_self noise;
	struct conn_self self;
	struct conn conn;
	struct buf in;
	int dead;          /* conn_step returned -1 */
};

static inline void
side_self(struct side *s, uint8_t mark)
{
	uint8_t seed[32];

	memset(s, 0, sizeof *s);
	memset(seed, mark, sizeof seed);
	key_of_seed(&s->key, seed);
	memset(seed, mark + 1, sizeof seed);
	noise_self_make(&s->noise, seed);
	noise_self_sign(&s->noise, &s->key);
	s->self.noise = &s->noise;
	s->self.limits = (struct yamux_limits){ 1024, 1024, 1 << 24 };
	s->self.handshake_timeout = 10000;
	s->self.offer_timeout = 10000;
	buf_init(&s->in, 1 << 22, NULL);
}

static inline void
side_init(struct side *s, bool dialer, const struct peerid *want, uint8_t mark)
{
	uint8_t seed[32];

	memset(seed, mark, sizeof seed);
	conn_init(&s->conn, &s->self, dialer, want, 0, seed);
}

/* Move at most bite bytes from one's out to the other's in. */
static inline size_t
pair_carry(struct side *from, struct side *to, size_t bite)
{
	size_t n;

	conn_flush(&from->conn);
	n = from->conn.out.n < bite ? from->conn.out.n : bite;
	put_bytes(&to->in, from->conn.out.p, n);
	buf_drop(&from->conn.out, n);
	return n;
}

static inline void
side_free(struct side *s)
{
	conn_free(&s->conn);
	buf_free(&s->in);
	noise_self_wipe(&s->noise);
	key_wipe(&s->key);
}

#endif
