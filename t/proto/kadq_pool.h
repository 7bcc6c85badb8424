/* SPDX-License-Identifier: ISC
 *
 * Peers to ask in unit tests of a lookup, by their distance to its target. */
#ifndef T_PROTO_KADQ_POOL_H
#define T_PROTO_KADQ_POOL_H

#include "proto/kadq.h"
#include "wire/msg/kad.h"

#include <stdlib.h>

enum { POOL = 64 };

static const struct kadq_conf usual = {
	.k = 4, .alpha = 2, .beta = 4, .paths = 1,
	.most_heard = 32, .most_asked = 32, .from_one = 20,
};

static const uint8_t public_addr[] = { 4, 1, 2, 3, 4, 6, 0x0f, 0xa1 };
static const uint8_t private_addr[] = { 4, 192, 168, 3, 4, 6, 0x0f, 0xa1 };

/* Sorted: pool[0] is the nearest to target. */
static struct peerid pool[POOL], self;
static struct kadkey target;

static inline int
by_distance(const void *a, const void *b)
{
	struct kadkey x = kadkey_of(peerid_bytes(a));
	struct kadkey y = kadkey_of(peerid_bytes(b));

	return kadkey_nearer(&target, &x, &y);
}

static inline void
pool_init(void)
{
	uint8_t key[36] = { 8, 1, 18, 32 };

	for (size_t i = 0; i < POOL; i++) {
		key[4] = (uint8_t)i;
		pool[i] = peerid_of_key(slice_of(key, sizeof key));
	}
	key[4] = POOL;
	self = peerid_of_key(slice_of(key, sizeof key));
	target = kadkey_of(slice_text("target"));
	qsort(pool, POOL, sizeof *pool, by_distance);
}

static inline struct kadq *
begin(const struct kadq_conf *conf)
{
	return kadq_new(conf, &target, &self);
}

static inline void
seed(struct kadq *q, size_t from, size_t to)
{
	struct kadaddrs none = { 0 };

	for (size_t i = from; i < to; i++)
		kadq_seed(q, &pool[i], &none);
}

/* Which of the pool is to be asked; -1: nobody now, -2: it is over. */
static inline int
ask(struct kadq *q)
{
	const struct kadq_peer *p;
	int r = kadq_ask(q, &p);

	if (r != 1)
		return p == NULL ? r - 1 : -3;
	for (int i = 0; i < POOL; i++)
		if (peerid_eq(&pool[i], &p->id))
			return p->state == KADQ_ASKED ? i : -4;
	return -5;
}

static inline struct kad_peer
named(const struct peerid *id, const uint8_t *addr)
{
	return (struct kad_peer){ .has_id = true, .id = peerid_bytes(id),
		.n_addrs = 1, .addrs = { slice_of(addr, sizeof public_addr) } };
}

/* pool[who] answers with those from..to. */
static inline size_t
answer(struct kadq *q, size_t who, size_t from, size_t to)
{
	struct kad_peer list[POOL];

	for (size_t i = from; i < to; i++)
		list[i - from] = named(&pool[i], public_addr);
	return kadq_answered(q, &pool[who], list, to - from);
}

#endif
