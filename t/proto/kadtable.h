/* SPDX-License-Identifier: ISC
 *
 * What the two tests of the routing table share: peers by their bucket. */
#ifndef T_KADTABLE_H
#define T_KADTABLE_H

#include "proto/kadtab.h"
#include "t/tap.h"

enum {
	K = 4,
	DEEP = 6,      /* buckets that the tests fill */
	EACH = 40,     /* peers known of each */
	BEGIN = 10000, /* the time, at first */
	CHECK = 600000,
};

/* Refreshes do not disturb. */
static const struct kadtab_conf still = {
	.k = K, .check = CHECK, .refresh = CHECK * 1000, .failures = 2,
};

static struct kadtab *t;
static struct peerid self, pool[DEEP][EACH];
static struct kadkey place;
static const struct kadaddrs none;

static inline struct peerid
peer(unsigned i)
{
	uint8_t key[36] = { 8, 1, 18, 32, (uint8_t)(i >> 8), (uint8_t)i };

	return peerid_of_key(slice_of(key, sizeof key));
}

static inline unsigned
bucket_of(const struct peerid *id)
{
	struct kadkey key = kadkey_of(peerid_bytes(id));

	return kadkey_common(&place, &key);
}

static inline void
pool_init(void)
{
	size_t n[DEEP] = { 0 };

	self = peer(0);
	place = kadkey_of(peerid_bytes(&self));
	for (unsigned i = 1; i < UINT16_MAX; i++) {
		struct peerid id = peer(i);
		unsigned b = bucket_of(&id);

		if (b < DEEP && n[b] < EACH)
			pool[b][n[b]++] = id;
	}
}

/* /ip4/A.B.0.1/tcp/1 of each number A.B, up to a zero. */
static inline struct kadaddrs
at(const unsigned *net)
{
	uint8_t b[KADADDRS_N][8];
	struct slice list[KADADDRS_N];
	struct kadaddrs a = { 0 };
	size_t n = 0;

	for (; net[n]; n++) {
		memcpy(b[n], (uint8_t[]){ 4, (uint8_t)(net[n] >> 8),
		    (uint8_t)net[n], 0, 1, 6, 0, 1 }, 8);
		list[n] = slice_of(b[n], 8);
	}
	kadaddrs_set(&a, list, n, &self, true);
	return a;
}

#define NETS(...) ((const unsigned[]){ __VA_ARGS__, 0 })

static inline enum kadtab_said
heard_at(unsigned b, unsigned i, const unsigned *net, msec now)
{
	struct kadaddrs a = at(net);
	enum kadtab_said said = kadtab_heard(t, &pool[b][i], &a, now);

	kadaddrs_free(&a);
	return said;
}

static inline enum kadtab_said
heard(unsigned b, unsigned i, msec now)
{
	return kadtab_heard(t, &pool[b][i], &none, now);
}

static inline bool
has(unsigned b, unsigned i)
{
	return kadtab_get(t, &pool[b][i]) != NULL;
}

static inline void
begin(const struct kadtab_conf *conf)
{
	t = kadtab_new(conf, &self, BEGIN);
}

/* A bucket of K peers, one heard each millisecond. */
static inline void
fill(unsigned b)
{
	for (unsigned i = 0; i < K; i++)
		heard(b, i, BEGIN + i);
}

#endif
