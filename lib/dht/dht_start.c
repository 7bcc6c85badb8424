/* SPDX-License-Identifier: ISC
 *
 * How operations of programs begin: what is asked for is checked, answered from
 * here when it can be, and made durable when it is to be kept. */
#include "dht/dht_own.h"
#include "wire/cid.h"

#include <string.h>

enum {
	ENOUGH = 20, /* providers, when a program does not say */
	LATER = 900, /* s; longer than any operation lasts */
};

/* What is known here.  true: that is enough. */

static bool
local_providers(struct dht *d, struct op *o)
{
	struct buf bytes = { 0 };
	size_t n = serve_providers(d, buf_slice(&o->key), &bytes);
	bool enough = serve_provides(d, buf_slice(&o->key)) &&
		      op_provider(d, o, &d->self, &d->addrs);

	for (size_t i = 0; i < n && !enough; i++) {
		struct kadaddrs addrs = { 0 };

		kadaddrs_of_packed(&addrs, d->of_key[i].addrs);
		enough = op_provider(d, o, &d->of_key[i].id, &addrs);
		kadaddrs_free(&addrs);
	}
	buf_free(&bytes);
	return enough;
}

static void
local_value(struct dht *d, struct op *o)
{
	time_t at;

	o->here = dhtdb_value_get(d->db, buf_slice(&o->key), dht_wall(d),
		      &o->value, &at) == DHTDB_OK;
	if (o->here &&
	    kadrec_check(d->conf.names, buf_slice(&o->key),
		buf_slice(&o->value), d->now + d->wall_ahead) != KADREC_GOOD)
		buf_cut(&o->value, 0);
}

static bool
local_peer(struct dht *d, struct op *o)
{
	struct peerid id;
	const struct kadtab_peer *p;

	if (peerid_of_bytes(buf_slice(&o->key), &id) < 0)
		return false;
	if (peerid_eq(&id, &d->self)) {
		op_item(d, o, &id, &d->addrs);
		return true;
	}
	p = kadtab_get(d->tab, &id);
	if (p == NULL || p->addrs.n == 0)
		return false;
	op_item(d, o, &p->id, &p->addrs);
	return true;
}

static bool
local(struct dht *d, struct op *o)
{
	if (o->verb == DHT_FIND)
		return local_peer(d, o);
	if (o->verb == DHT_PROVIDERS)
		return local_providers(d, o);
	if (o->verb == DHT_GET)
		local_value(d, o);
	return false;
}

static enum dht_end
keep(struct dht *d, struct op *o, bool queued)
{
	struct dhtdb_own own = { .key = buf_slice(&o->key),
		.value = buf_slice(&o->value),
		.due = dht_wall(d) };
	enum dhtdb_said said;

	/* the sweep is for those that this operation does not announce */
	if (!queued)
		own.due += LATER;
	memcpy(own.place, o->target.b, sizeof own.place);
	said = dhtdb_own_put(d->db, &own);
	if (said != DHTDB_OK)
		return said == DHTDB_DISK ? DHT_END_DISK : DHT_END_FULL;
	o->keep = true;
	if (queued) {
		o->phase = OP_WAITING;
		d->next_sweep = d->now;
	}
	dht_wrote(d, true);
	return DHT_END_OK;
}

static enum dht_end
unprovide(struct dht *d, struct op *o)
{
	struct dhtdb_own own;
	enum dhtdb_said said = dhtdb_own_next(d->db, o->target.b, &own);

	if (said == DHTDB_OK && memcmp(own.place, o->target.b, 32) != 0)
		said = DHTDB_NONE;
	if (said == DHTDB_OK)
		said = dhtdb_own_cut(d->db, o->target.b);
	if (said != DHTDB_OK)
		return said == DHTDB_NONE ? DHT_END_NOT_KEPT : DHT_END_DISK;
	o->phase = OP_WAITING;
	dht_wrote(d, true);
	return DHT_END_OK;
}

/* What is told to others is also told to who asks this node (of keys that are
 * kept it knows anyway). */
static void
give_here(struct dht *d, struct op *o)
{
	if (o->verb == DHT_PROVIDE && o->keep)
		return;
	if (o->verb == DHT_PROVIDE)
		dhtdb_provider_add(d->db, buf_slice(&o->key), &d->self,
		    kadaddrs_packed(&d->addrs), dht_wall(d));
	else
		dhtdb_value_put(d->db, buf_slice(&o->key), buf_slice(&o->value),
		    &d->self, dht_wall(d));
	dht_wrote(d, false);
}

static enum dht_end
check(const struct dht *d, const struct dht_ask *a)
{
	struct peerid id;
	bool good = a->key.n > 0 && a->key.n <= KAD_KEY;

	if (a->verb > DHT_PUT)
		return DHT_END_BAD_KEY;
	if (a->verb == DHT_FIND)
		good = good && peerid_of_bytes(a->key, &id) == 0;
	if (a->verb == DHT_PROVIDE || a->verb == DHT_PROVIDERS)
		good =
		    good && a->key.n <= KAD_PROVIDED && cid_hash_valid(a->key);
	if (!good)
		return DHT_END_BAD_KEY;
	if (a->verb == DHT_PUT && kadrec_check(d->conf.names, a->key, a->value,
				      d->now + d->wall_ahead) != KADREC_GOOD)
		return DHT_END_BAD_VALUE;
	return d->nops >= d->conf.ops ? DHT_END_BUSY : DHT_END_OK;
}

/* Is there a better record here already? */
static bool
outdated(struct dht *d, const struct op *o)
{
	struct buf here = { .max = KAD_VALUE };
	time_t at;
	bool is = dhtdb_value_get(d->db, buf_slice(&o->key), dht_wall(d), &here,
		      &at) == DHTDB_OK &&
		  kadrec_better(buf_slice(&o->key), buf_slice(&o->value),
		      buf_slice(&here)) > 0;

	buf_free(&here);
	return is;
}

/* Before anybody is asked. */
static enum dht_end
prepare(struct dht *d, struct op *o, const struct dht_ask *a)
{
	enum dht_end why = DHT_END_OK;

	if (o->verb == DHT_UNPROVIDE)
		return unprovide(d, o);
	if (o->verb != DHT_PROVIDE && o->verb != DHT_PUT)
		return DHT_END_OK;
	if (o->verb == DHT_PUT && outdated(d, o))
		return DHT_END_OLD;
	if (!a->once)
		why = keep(d, o, a->queued);
	if (why == DHT_END_OK)
		give_here(d, o);
	return why;
}

uint64_t
dht_start(struct dht *d, const struct dht_ask *a, msec now, enum dht_end *why)
{
	struct op *o;
	uint64_t id;

	d->now = now;
	*why = check(d, a);
	if (*why != DHT_END_OK)
		return 0;
	o = op_new(d, a->verb, a->key,
	    a->timeout > 0 ? a->timeout : d->conf.op_timeout);
	id = o->id;
	o->wanted = a->count;
	if (o->wanted == 0)
		o->wanted = a->verb == DHT_GET ? d->conf.quorum : ENOUGH;
	if (a->verb == DHT_PUT)
		put_slice(&o->value, a->value);
	*why = prepare(d, o, a);
	if (*why != DHT_END_OK) {
		o->told = true;
		op_free(d, o);
		return 0;
	}
	if (local(d, o))
		op_end(d, o, DHT_END_OK);
	return id;
}

void
dht_cancel(struct dht *d, uint64_t id)
{
	struct op *o = map_get_u32(&d->by_id, (uint32_t)id);

	if (o && o->id == id && !o->ours)
		op_end(d, o, DHT_END_CANCELLED);
}
