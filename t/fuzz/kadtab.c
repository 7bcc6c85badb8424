/* SPDX-License-Identifier: ISC
 *
 * A routing table and any calls: no bucket is over full, nobody is in it twice,
 * no group has more than its share, the nearest are, and wishes end. */
#include "proto/kadtab.h"

#include <stdlib.h>
#include <string.h>

enum { POOL = 256, EVENTS = 2 * POOL + KADKEY_BITS };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct play {
	struct kadtab_conf conf;
	struct peerid pool[POOL]; /* the first is self */
	struct kadkey place;
	msec now;
	struct kadtab *t;
	const struct kadtab_peer *in[POOL]; /* what a walk gave */
	size_t n;
};

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
begin(struct play *y, struct slice *in)
{
	uint8_t key[36] = { 8, 1, 18, 32 };

	*y = (struct play){ 0 };
	y->conf.k = 1 + get_u8(in) % 8;
	y->conf.group_bucket = get_u8(in) % 4;
	y->conf.group_table = get_u8(in) % 8;
	y->conf.check = get_u16(in);
	y->conf.refresh = get_u16(in);
	y->conf.failures = get_u8(in) % 4;
	y->now = get_u8(in);
	for (size_t i = 0; i < POOL; i++) {
		key[4] = (uint8_t)i;
		y->pool[i] = peerid_of_key(slice_of(key, sizeof key));
	}
	y->place = kadkey_of(peerid_bytes(&y->pool[0]));
	y->t = kadtab_new(&y->conf, &y->pool[0], y->now);
}

static bool
in_group(const struct kadtab_peer *p, uint64_t group)
{
	for (size_t i = 0; i < p->ngroups; i++)
		if (p->group[i] == group)
			return true;
	return false;
}

/* Others that share a bucket, a group, or both. */
static void
check_groups(const struct play *y, const struct kadtab_peer *p, uint64_t group)
{
	unsigned bucket = kadkey_common(&y->place, &p->key);
	size_t here = 0, all = 0;

	for (size_t i = 0; i < y->n; i++) {
		if (!in_group(y->in[i], group))
			continue;
		all++;
		here += kadkey_common(&y->place, &y->in[i]->key) == bucket;
	}
	must(y->conf.group_bucket == 0 || here <= y->conf.group_bucket);
	must(y->conf.group_table == 0 || all <= y->conf.group_table);
}

static void
walk(struct play *y)
{
	const struct kadtab_peer *p;
	size_t at = 0, here = 0;
	unsigned bucket, last = 0;

	for (y->n = 0; (p = kadtab_next(y->t, &at, &bucket)); y->n++) {
		must(y->n < POOL);
		must(bucket >= last);
		here = bucket == last ? here + 1 : 1;
		last = bucket;
		must(here <= y->conf.k);
		must(kadkey_common(&y->place, &p->key) == bucket);
		must(kadtab_get(y->t, &p->id) == p);
		must(!kadtab_wants(y->t, &p->id));
		for (size_t i = 0; i < y->n; i++)
			must(!peerid_eq(&y->in[i]->id, &p->id));
		y->in[y->n] = p;
	}
	must(y->n == kadtab_size(y->t));
	must(kadtab_waiting(y->t) <= POOL - 1 - y->n);
}

static void
check(struct play *y)
{
	walk(y);
	for (size_t i = 0; i < y->n; i++)
		for (size_t j = 0; j < y->in[i]->ngroups; j++)
			check_groups(y, y->in[i], y->in[i]->group[j]);
	must(kadtab_get(y->t, &y->pool[0]) == NULL);
}

/* All that are not among them are farther than the last. */
static void
nearest(struct play *y, const struct kadkey *target, size_t most)
{
	const struct kadtab_peer *out[POOL];
	size_t n = kadtab_nearest(y->t, target, out, most), nearer = 0;

	must(n == (most < y->n ? most : y->n));
	for (size_t i = 1; i < n; i++)
		must(kadkey_nearer(
			 target, &out[i - 1]->key, &out[i]->key) < 0);
	for (size_t i = 0; n > 0 && i < y->n; i++)
		nearer += kadkey_nearer(target, &y->in[i]->key,
			      &out[n - 1]->key) <= 0;
	must(nearer == n);
}

static void
heard(struct play *y, const struct peerid *id, uint8_t nets)
{
	uint8_t b[2][8] = { { 4, 1, nets & 3, 0, 1, 6, 0, 1 },
		{ 4, nets & 64 ? 10 : 2, nets >> 2 & 3, 0, 1, 6, 0, 1 } };
	struct slice list[2] = { slice_of(b[0], 8), slice_of(b[1], 8) };
	struct kadaddrs a = { 0 };
	enum kadtab_said said;
	bool was = kadtab_get(y->t, id) != NULL;

	kadaddrs_set(&a, list, (nets >> 4 & 3) % 3, id, true);
	said = kadtab_heard(y->t, id, &a, y->now);
	kadaddrs_free(&a);
	must((kadtab_get(y->t, id) != NULL) ==
	     (said == KADTAB_ADDED || said == KADTAB_KNOWN));
	must(was == (said == KADTAB_KNOWN));
	must((id == &y->pool[0]) == (said == KADTAB_SELF));
	if (kadtab_get(y->t, id))
		must(kadtab_get(y->t, id)->heard == y->now);
}

static void
wishes(struct play *y)
{
	struct kadtab_ev ev;
	unsigned n = 0;

	for (; kadtab_step(y->t, y->now, &ev) == 1; n++) {
		must(n < EVENTS);
		if (ev.wish == KADTAB_CHECK)
			must(kadtab_get(y->t, &ev.peer->id) == ev.peer);
		else
			must(y->n > 0 &&
			     ev.cpl <= kadkey_common(&y->place,
					   &y->in[y->n - 1]->key));
	}
	must(kadtab_due(y->t) > y->now);
	must((kadtab_due(y->t) == MSEC_NEVER) == (y->n == 0));
}

static void
step(struct play *y, struct slice *in)
{
	uint8_t what = get_u8(in), who = get_u8(in);
	const struct peerid *id = &y->pool[who];
	struct kadkey key = kadkey_of(peerid_bytes(id));

	switch (what % 8) {
	case 0:
		must(!kadtab_failed(y->t, id, y->now) ||
		     kadtab_get(y->t, id) == NULL);
		break;
	case 1:
		kadtab_drop(y->t, id, y->now);
		must(kadtab_get(y->t, id) == NULL);
		break;
	case 2:
		y->now += 1 + get_u16(in);
		wishes(y);
		break;
	case 3:
		kadtab_looked(y->t, &key, y->now);
		break;
	case 4:
		nearest(y, &key, get_u8(in) % 32);
		break;
	default:
		heard(y, id, get_u8(in));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n);
	static struct play y;

	begin(&y, &in);
	for (size_t i = 0; in.n > 0 && i < 4096; i++) {
		step(&y, &in);
		check(&y);
	}
	kadtab_free(y.t);
	return 0;
}
