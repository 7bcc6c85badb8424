/* SPDX-License-Identifier: ISC
 *
 * Reproviding by regions of the keyspace: a few walks find all servers of a
 * region, and every key of ours that lies in it is given to the k nearest of
 * them, many keys in one stream.
 *
 * A region is a prefix that so many servers share that the k nearest to any key
 * under it are among them.  One walk finds the k nearest to its target; what is
 * nearer than the farthest of them is known then: a prefix one bit longer than
 * what the two have in common.  The rest of the region is split into prefixes
 * that are walked the same way until all of it is known.
 *
 *  The schedule is in the database: the key that
 * is due first says which region is next, so that a restart goes on where it
 * stopped.  Values that we keep are put again one by one: they are few. */
#include "base/mem.h"
#include "dht/dht_own.h"

#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = DHT_K * DHT_WIDTH,
	LOOK = 1000,      /* ms between two looks at the schedule */
	IDLE = 60000,     /* at most, while nothing is due */
	NO_PEERS = 60000, /* ms before the next try, when nobody is known */
	WALK = 600000,    /* ms for a region */
	RETRY = 300,      /* s until a key that nobody took is tried again */
	BATCH = 64 << 10, /* bytes for one peer at once */
	WALKS = 24,       /* through one region; then with what is known */
	PARTS = 64,       /* of a region that are still to be walked */
	TRIES = 1 << 18,  /* hashes to find a target in a part */
};

/* All places that share so many bits with this one. */
struct part {
	struct kadkey at;
	unsigned bits;
};

/* A server of the region, and the messages it is to be given. */
struct taker {
	struct peerid id;
	struct kadkey key;
	struct kadaddrs addrs;
	struct buf batch;
	bool asked;
};

struct region {
	struct part whole;
	struct part todo[PARTS];
	size_t ntodo, walks;
	unsigned walked; /* bits of the part that is being walked */
	struct taker taker[WIDTH];
	size_t n;
	uint8_t next[32]; /* where the next slice begins */
	bool last;        /* there is no next slice */
	size_t keys;      /* of this slice */
	uint8_t place[DHT_SLICE][32];
	uint8_t to[DHT_SLICE][DHT_K]; /* takers of each key */
	uint8_t taken[DHT_SLICE];
	size_t each; /* takers of a key */
	size_t open; /* batches without an answer */
};

void
dht_sweep_free(struct region *g)
{
	for (size_t i = 0; i < g->n; i++) {
		kadaddrs_free(&g->taker[i].addrs);
		buf_free(&g->taker[i].batch);
	}
	free(g);
}

/* Beginning. */

/* Returns in how many seconds to look at it again, whatever comes of it. */
static time_t
put_again(struct dht *d, const struct dhtdb_own *own)
{
	struct op *o;

	/* one whose time is over nobody takes */
	if (kadrec_check(d->conf.names, own->key, own->value,
		d->now + d->wall_ahead) != KADREC_GOOD)
		return d->conf.reprovide / 1000;
	o = op_new(d, DHT_PUT, own->key, d->conf.op_timeout);
	d->nops--; /* no program waits for it */
	o->ours = o->keep = o->durable = true;
	put_slice(&o->value, own->value);
	return RETRY;
}

static void
walk(struct dht *d, const struct dhtdb_own *own)
{
	struct op *o = op_new(d, OP_REGION, own->key, WALK);

	o->region = mem_new(sizeof *o->region);
	o->region->whole.at = o->target;
	d->sweeping = true;
}

/* Is a key due?  Otherwise, when to look again. */
static bool
due(struct dht *d, struct dhtdb_own *own, time_t wall)
{
	if (dhtdb_own_first(d->db, own) != DHTDB_OK)
		d->next_sweep = d->now + IDLE;
	else if (own->due > wall)
		d->next_sweep =
		    d->now + msec_min(1000 * (own->due - wall), IDLE);
	else
		return true;
	return false;
}

void
dht_sweep_tick(struct dht *d)
{
	struct dhtdb_own own;
	time_t wall = dht_wall(d), after;

	if (d->now < d->next_sweep)
		return;
	d->next_sweep = d->now + LOOK;
	if (d->sweeping || !due(d, &own, wall))
		return;
	if (kadtab_size(d->tab) == 0) {
		d->next_sweep = d->now + NO_PEERS;
		return;
	}
	/* whoever looks next must not find the same */
	if (own.value.n > 0) {
		after = put_again(d, &own);
		dhtdb_own_due(d->db, own.place, wall + after);
	} else {
		d->next_sweep = d->now + NO_PEERS; /* if nobody answers */
		walk(d, &own);
	}
	dht_wrote(d, false);
}

msec
dht_sweep_due(const struct dht *d)
{
	return d->next_sweep;
}

/* Walking. */

static bool
in_part(const struct part *p, const struct kadkey *at)
{
	return kadkey_common(&p->at, at) >= p->bits;
}

static void
add_taker(struct region *g, const struct kadq_peer *p)
{
	struct taker *t = &g->taker[g->n];

	if (g->n == WIDTH || !in_part(&g->whole, &p->key))
		return;
	for (size_t i = 0; i < g->n; i++)
		if (peerid_eq(&g->taker[i].id, &p->id))
			return;
	t->id = p->id;
	t->key = p->key;
	kadaddrs_copy(&t->addrs, &p->addrs);
	buf_init(&t->batch, BATCH, NULL);
	g->n++;
}

/* What is in the same part as at, but not within its first bits. */
static void
add_rest(struct region *g, const struct kadkey *at, unsigned bits)
{
	for (unsigned i = g->walked; i < bits && g->ntodo < PARTS; i++) {
		struct part *p = &g->todo[g->ntodo++];

		*p = (struct part){ *at, i + 1 };
		p->at.b[i / 8] ^= (uint8_t)(0x80u >> i % 8);
	}
}

/* The next walk has its target in a part that is not known yet. */
static bool
walk_on(struct dht *d, struct op *o)
{
	struct region *g = o->region;
	uint8_t bytes[34] = { 0x12, 0x20 };

	while (g->ntodo > 0 && g->walks < WALKS) {
		struct part part = g->todo[--g->ntodo];

		for (unsigned i = 0; i < TRIES; i++) {
			uint64_t some = dht_chance(d);
			struct kadkey at;

			memcpy(bytes + 2, &some, sizeof some);
			at = kadkey_of(slice_of(bytes, sizeof bytes));
			if (!in_part(&part, &at))
				continue;
			g->walked = part.bits;
			op_look(d, o, slice_of(bytes, sizeof bytes));
			return true;
		}
	}
	return false;
}

void
dht_sweep_walked(struct dht *d, struct op *o)
{
	const struct kadq_peer *near[DHT_K];
	struct region *g = o->region;
	size_t n = kadq_nearest(o->q, near, d->conf.k);
	unsigned same = 0;

	/* fewer than were asked for: there are no others anywhere */
	if (n == d->conf.k)
		same = kadkey_common(&o->target, &near[n - 1]->key);
	else
		g->ntodo = 0;
	if (g->walks++ == 0)
		g->whole.bits = g->walked = same;
	for (size_t i = 0; i < n; i++)
		add_taker(g, near[i]);
	if (n == d->conf.k)
		add_rest(g, &o->target, same + 1);
	if (walk_on(d, o))
		return;
	g->each = g->n < d->conf.k ? g->n : d->conf.k;
	memcpy(g->next, g->whole.at.b, sizeof g->next);
	for (unsigned i = g->whole.bits; i < KADKEY_BITS; i++)
		g->next[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	o->phase = OP_STORING;
}

/* Slices. */

/* The takers of one key: the nearest of the region's. */
static void
assign(struct region *g, size_t key, const struct kadkey *at)
{
	uint8_t *to = g->to[key];
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++) {
		size_t j = n;

		while (j > 0 && kadkey_nearer(at, &g->taker[i].key,
				    &g->taker[to[j - 1]].key) < 0)
			j--;
		if (j >= g->each)
			continue;
		n += n < g->each;
		memmove(to + j + 1, to + j, n - 1 - j);
		to[j] = (uint8_t)i;
	}
}

static bool
batch_full(const struct region *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->taker[i].batch.n + 1024 > BATCH)
			return true;
	return false;
}

static void
add_key(struct dht *d, struct op *o, const struct dhtdb_own *own)
{
	struct region *g = o->region;
	struct kadkey at;
	struct buf message = { .max = 1024 };

	memcpy(at.b, own->place, sizeof at.b);
	memcpy(g->place[g->keys], own->place, sizeof own->place);
	g->taken[g->keys] = 0;
	assign(g, g->keys, &at);
	rpc_put_provide(d, own->key, &message);
	for (size_t i = 0; i < g->each; i++)
		put_slice(
		    &g->taker[g->to[g->keys][i]].batch, buf_slice(&message));
	buf_free(&message);
	g->keys++;
}

/* Fill a slice with the keys from next on whose time has come, or comes within
 * half a cycle: so the keys of a region keep one rhythm. */
static void
fill(struct dht *d, struct op *o)
{
	struct region *g = o->region;
	time_t until = dht_wall(d) + d->conf.reprovide / 2000;
	struct dhtdb_own own;
	struct kadkey at;

	g->keys = 0;
	while (!g->last && g->keys < DHT_SLICE && !batch_full(g)) {
		if (dhtdb_own_next(d->db, g->next, &own) != DHTDB_OK) {
			g->last = true;
			break;
		}
		memcpy(at.b, own.place, sizeof at.b);
		if (!in_part(&g->whole, &at)) {
			g->last = true;
			break;
		}
		memcpy(g->next, own.place, sizeof own.place);
		if (own.value.n == 0 && own.due <= until)
			add_key(d, o, &own);
		g->last = !kadkey_step(g->next);
	}
}

/* Every batch has an answer: plan these keys' next time. */
static void
settle(struct dht *d, struct op *o)
{
	struct region *g = o->region;
	time_t wall = dht_wall(d);

	for (size_t i = 0; i < g->keys; i++)
		dhtdb_own_due(d->db, g->place[i],
		    wall +
			(g->taken[i] > 0 ? d->conf.reprovide / 1000 : RETRY));
	if (g->keys > 0)
		dht_wrote(d, false);
	for (size_t i = 0; i < g->n; i++) {
		buf_cut(&g->taker[i].batch, 0);
		g->taker[i].asked = false;
	}
	g->keys = 0;
}

int
dht_sweep_next(struct dht *d, struct op *o, struct dht_ev *ev, bool *gone)
{
	struct region *g = o->region;

	if (g->keys == 0)
		fill(d, o);
	for (size_t i = 0; i < g->n; i++) {
		struct taker *t = &g->taker[i];
		struct rpc *r;

		if (t->asked || t->batch.n == 0 || g->open >= d->conf.alpha)
			continue;
		t->asked = true;
		rpc_put_proof(d, &t->batch);
		g->open++;
		r = rpc_new(d, RPC_BATCH, KAD_FIND_NODE, o, &t->id, &t->addrs);
		r->at = i;
		*ev = (struct dht_ev){ .what = DHT_EV_ASK,
			.rpc = r->id,
			.peer = &r->peer,
			.addrs = &r->addrs,
			.messages = buf_slice(&t->batch),
			.timeout = d->conf.rpc_timeout };
		return 1;
	}
	if (g->open > 0)
		return 0;
	settle(d, o);
	if (!g->last)
		return dht_sweep_next(d, o, ev, gone);
	d->counts[DHT_STAT_REGIONS]++;
	d->next_sweep = d->now;
	*gone = true;
	op_end(d, o, DHT_END_OK);
	return 0;
}

void
dht_sweep_told(struct dht *d, struct op *o, const struct rpc *r, bool good)
{
	struct region *g = o->region;

	g->open--;
	if (!good)
		return;
	for (size_t i = 0; i < g->keys; i++)
		for (size_t j = 0; j < g->each; j++) {
			g->taken[i] += g->to[i][j] == r->at;
			d->counts[DHT_STAT_TOLD] += g->to[i][j] == r->at;
		}
}
