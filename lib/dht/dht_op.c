/* SPDX-License-Identifier: ISC
 *
 * Operations: a lookup, what it is looking for, and what is done with the peers
 * it found. */
#include "base/mem.h"
#include "dht/dht_own.h"

#include <stdlib.h>
#include <string.h>

enum {
	SEEDS = 64,
	HOLDERS = 160,   /* peers whose values are remembered */
	LATEST = 600000, /* ms: the most that an operation may last */
	RETRY = 300,     /* s: when nobody took a key of ours */
};

/* What the verbs have in common: what they ask on their way, what their keys
 * are, whether the lookup is along disjoint paths. */
static const struct verb {
	unsigned type;
	bool paths;
} verbs[] = {
	[DHT_FIND] = { KAD_FIND_NODE, false },
	[DHT_CLOSEST] = { KAD_FIND_NODE, false },
	[DHT_PROVIDERS] = { KAD_GET_PROVIDERS, false },
	[DHT_GET] = { KAD_GET_VALUE, true },
	[DHT_PROVIDE] = { KAD_FIND_NODE, false },
	[DHT_UNPROVIDE] = { KAD_FIND_NODE, false },
	[DHT_PUT] = { KAD_FIND_NODE, false },
	[OP_SELF] = { KAD_FIND_NODE, false },
	[OP_REFRESH] = { KAD_FIND_NODE, false },
	[OP_REGION] = { KAD_FIND_NODE, false },
};

static struct kadq_conf
lookup_conf(const struct dht *d, unsigned verb)
{
	struct kadq_conf c = { .k = d->conf.k,
		.alpha = d->conf.alpha,
		.beta = d->conf.beta,
		.paths = verbs[verb].paths ? d->conf.paths : 1,
		.most_heard = 512,
		.most_asked = 160,
		.from_one = KAD_CLOSER,
		.per_group = d->conf.private_too ? 0 : 3,
		.private_too = d->conf.private_too };

	if (verb == OP_REGION) /* all of them, without a gap */
		c.beta = c.k;
	return c;
}

/* Birth and death. */

static void
seed(struct dht *d, struct op *o)
{
	const struct kadtab_peer *near[SEEDS];
	size_t n = d->conf.k > SEEDS ? SEEDS : d->conf.k;

	n = kadtab_nearest(d->tab, &o->target, near, n);
	for (size_t i = 0; i < n; i++)
		kadq_seed(o->q, &near[i]->id, &near[i]->addrs);
	kadtab_looked(d->tab, &o->target, d->now);
}

void
op_look(struct dht *d, struct op *o, struct slice key)
{
	const struct kadq_conf conf = lookup_conf(d, o->verb);

	buf_cut(&o->key, 0);
	put_slice(&o->key, key);
	o->target = kadkey_of(key);
	o->phase = OP_LOOKING;
	kadq_free(o->q);
	o->q = kadq_new(&conf, &o->target, &d->self);
	seed(d, o);
	d->counts[DHT_STAT_LOOKUPS]++;
}

struct op *
op_new(struct dht *d, unsigned verb, struct slice key, msec timeout)
{
	struct op *o = mem_new(sizeof *o);

	o->id = ++d->last_op;
	o->verb = verb;
	o->ours = verb >= DHT_VERBS;
	buf_init(&o->key, KAD_KEY, NULL);
	buf_init(&o->value, KAD_VALUE, NULL);
	o->begun = d->now;
	o->deadline = d->now + msec_min(timeout, LATEST);
	op_look(d, o, key);
	o->next = d->ops;
	o->at = &d->ops;
	if (o->next)
		o->next->at = &o->next;
	d->ops = o;
	map_put_u32(&d->by_id, (uint32_t)o->id, o);
	d->nops += !o->ours;
	return o;
}

void
op_free(struct dht *d, struct op *o)
{
	struct rpc *r;
	struct slice key;

	/* answers to what is still open are good for the table */
	for (size_t at = 0; (r = map_next(&d->rpcs, &at, &key)) != NULL;)
		if (r->op == o)
			r->op = NULL;
	if (d->turn == o)
		d->turn = o->next;
	*o->at = o->next;
	if (o->next)
		o->next->at = o->at;
	map_cut_u32(&d->by_id, (uint32_t)o->id);
	d->nops -= !o->ours;
	d->refreshing -= o->verb == OP_SELF || o->verb == OP_REFRESH;
	for (size_t i = 0; i < o->nholders; i++)
		kadaddrs_free(&o->holders[i].addrs);
	free(o->holders);
	if (o->region) {
		d->sweeping = false;
		dht_sweep_free(o->region);
	}
	kadq_free(o->q);
	map_free(&o->seen);
	buf_free(&o->key);
	buf_free(&o->value);
	free(o);
}

void
op_tell(struct dht *d, struct op *o, enum dht_end end)
{
	struct news *n;

	if (o->told)
		return;
	o->told = true;
	if (end == DHT_END_OK)
		d->counts[DHT_STAT_FOUND]++;
	if (o->ours)
		return;
	n = dht_news(d, DHT_EV_DONE);
	n->op = o->id;
	n->end = end;
	n->asked = kadq_counts(o->q).asked;
	n->hops = kadq_counts(o->q).hops;
	n->count = o->items + o->taken;
	n->took = d->now - o->begun;
}

/* A key of ours has been announced, or is to be again soon. */
static void
plan_again(struct dht *d, const struct op *o)
{
	time_t after = o->taken > 0 ? d->conf.reprovide / 1000 : RETRY;

	dhtdb_own_due(d->db, o->target.b, dht_wall(d) + after);
	dht_wrote(d, false);
}

void
op_end(struct dht *d, struct op *o, enum dht_end end)
{
	if (o->durable && o->phase == OP_STORING)
		plan_again(d, o);
	op_tell(d, o, end);
	op_free(d, o);
}

/* Items. */

void
op_item(struct dht *d, struct op *o, const struct peerid *id,
    const struct kadaddrs *addrs)
{
	struct news *n = dht_news(d, DHT_EV_ITEM);

	n->op = o->id;
	n->peer = *id;
	if (addrs)
		kadaddrs_copy(&n->addrs, addrs);
	o->items++;
}

static void
item_value(struct dht *d, struct op *o)
{
	struct news *n = dht_news(d, DHT_EV_ITEM);

	n->op = o->id;
	put_slice(&n->value, buf_slice(&o->value));
	o->items++;
}

bool
op_provider(struct dht *d, struct op *o, const struct peerid *id,
    const struct kadaddrs *addrs)
{
	if (o->items < o->wanted && !map_get(&o->seen, peerid_bytes(id))) {
		map_put(&o->seen, peerid_bytes(id), o);
		op_item(d, o, id,
		    addrs && addrs->n > 0 ? addrs : peers_addrs(d, id));
	}
	return o->items >= o->wanted;
}

/* Giving. */

static void
hold(struct op *o, const struct peerid *id, const struct kadaddrs *addrs,
    bool good)
{
	if (o->nholders == HOLDERS)
		return;
	if (o->holders == NULL)
		o->holders = mem_new(HOLDERS * sizeof *o->holders);
	o->holders[o->nholders] = (struct holder){ .id = *id, .good = good };
	kadaddrs_copy(&o->holders[o->nholders++].addrs, addrs);
}

/* GET: those whose value was worse, and those of the nearest who had none, get
 * the best one; nobody waits for that. */
static void
correct(struct dht *d, struct op *o)
{
	const struct kadq_peer *near[DHT_K];
	size_t n = kadq_nearest(o->q, near, d->conf.k), gave = o->nholders;

	for (size_t i = 0; i < n; i++) {
		bool has = false;

		for (size_t j = 0; j < gave && !has; j++)
			has = peerid_eq(&near[i]->id, &o->holders[j].id);
		if (!has)
			hold(o, &near[i]->id, &near[i]->addrs, false);
	}
	if (o->worse &&
	    dhtdb_value_put(d->db, buf_slice(&o->key), buf_slice(&o->value),
		&d->self, dht_wall(d)) == DHTDB_OK)
		dht_wrote(d, false);
	o->phase = OP_STORING;
	o->deadline = msec_min(o->deadline, d->now + d->conf.op_timeout);
}

/* The lookup is over. */
static void
looked(struct dht *d, struct op *o, bool *gone)
{
	const struct kadq_peer *near[DHT_K];
	size_t n = kadq_nearest(o->q, near, d->conf.k);

	*gone = true;
	if (o->verb == DHT_CLOSEST)
		for (size_t i = 0; i < n; i++)
			op_item(d, o, &near[i]->id, &near[i]->addrs);
	if (o->verb == DHT_GET && o->value.n > 0) {
		item_value(d, o);
		op_tell(d, o, DHT_END_OK);
		correct(d, o);
		*gone = false;
	} else if (n == 0 && o->items == 0) {
		op_end(d, o, DHT_END_NO_PEERS);
	} else if (o->verb == DHT_PROVIDE || o->verb == DHT_PUT) {
		for (size_t i = 0; i < n; i++)
			hold(o, &near[i]->id, &near[i]->addrs, false);
		o->phase = OP_STORING;
		*gone = false;
	} else if (o->verb == OP_REGION) {
		dht_sweep_walked(d, o);
		*gone = false;
	} else {
		if (o->verb == OP_SELF)
			peers_around(d, near, n);
		op_end(d, o,
		    o->items > 0 || o->ours ? DHT_END_OK : DHT_END_NOT_FOUND);
	}
}

static int
look_next(struct dht *d, struct op *o, struct dht_ev *ev, bool *gone)
{
	const struct kadq_peer *p;
	int r = kadq_ask(o->q, &p);

	if (r < 0)
		looked(d, o, gone);
	if (r != 1)
		return 0;
	rpc_ask(d,
	    rpc_new(d, RPC_LOOK, verbs[o->verb].type, o, &p->id, &p->addrs),
	    buf_slice(&o->key), (struct slice){ 0 }, o->deadline - d->now, ev);
	return 1;
}

static int
store_next(struct dht *d, struct op *o, struct dht_ev *ev, bool *gone)
{
	const struct holder *h;
	struct rpc *r;

	while (o->next_holder < o->nholders && o->holders[o->next_holder].good)
		o->next_holder++;
	if (o->next_holder == o->nholders) {
		*gone = o->open == 0 && (o->durable || !o->keep);
		if (*gone)
			op_end(d, o,
			    o->taken > 0 ? DHT_END_OK : DHT_END_NOT_STORED);
		return 0;
	}
	if (o->open >= d->conf.alpha)
		return 0;
	h = &o->holders[o->next_holder++];
	o->open++;
	if (o->verb != DHT_PROVIDE) {
		d->counts[DHT_STAT_CORRECTED] += o->verb == DHT_GET;
		r = rpc_new(d, RPC_PUT, KAD_PUT_VALUE, o, &h->id, &h->addrs);
		rpc_ask(d, r, buf_slice(&o->key), buf_slice(&o->value),
		    o->deadline - d->now, ev);
		return 1;
	}
	r = rpc_new(d, RPC_TELL, KAD_FIND_NODE, o, &h->id, &h->addrs);
	rpc_ask(d, r, (struct slice){ 0 }, (struct slice){ 0 },
	    o->deadline - d->now, ev);
	buf_cut(&d->message, 0);
	rpc_put_provide(d, buf_slice(&o->key), &d->message);
	rpc_put_proof(d, &d->message);
	ev->messages = buf_slice(&d->message);
	return 1;
}

int
op_next(struct dht *d, struct op *o, struct dht_ev *ev, bool *gone)
{
	*gone = false;
	if (o->phase == OP_LOOKING)
		return look_next(d, o, ev, gone);
	if (o->phase == OP_WAITING)
		return 0;
	return o->verb == OP_REGION ? dht_sweep_next(d, o, ev, gone)
				    : store_next(d, o, ev, gone);
}

/* Answers. */

static void
heard_peer(
    struct dht *d, struct op *o, const struct rpc *r, const struct kad_msg *m)
{
	struct kadaddrs addrs = { 0 };
	struct peerid id;

	if (slice_eq(peerid_bytes(&r->peer), buf_slice(&o->key))) {
		op_item(d, o, &r->peer, &r->addrs);
		kadq_stop(o->q);
		return;
	}
	for (size_t i = 0; i < m->n_closer && o->items == 0; i++) {
		const struct kad_peer *p = &m->closer[i];

		if (!slice_eq(p->id, buf_slice(&o->key)) ||
		    peerid_of_bytes(p->id, &id) < 0)
			continue;
		kadaddrs_set(
		    &addrs, p->addrs, p->n_addrs, &id, d->conf.private_too);
		if (addrs.n > 0)
			op_item(d, o, &id, &addrs);
	}
	kadaddrs_free(&addrs);
	if (o->items > 0)
		kadq_stop(o->q);
}

static void
heard_providers(struct dht *d, struct op *o, const struct kad_msg *m)
{
	for (size_t i = 0; i < m->n_provider; i++) {
		const struct kad_peer *p = &m->provider[i];
		struct kadaddrs addrs = { 0 };
		struct peerid id;

		if (peerid_of_bytes(p->id, &id) < 0)
			continue;
		kadaddrs_set(
		    &addrs, p->addrs, p->n_addrs, &id, d->conf.private_too);
		if (op_provider(d, o, &id, &addrs))
			kadq_stop(o->q);
		kadaddrs_free(&addrs);
	}
}

static void
heard_value(
    struct dht *d, struct op *o, const struct rpc *r, const struct kad_msg *m)
{
	struct slice key = buf_slice(&o->key), value = m->record.value;
	size_t agree = 0;
	int better = 1;

	if (!m->has_record || value.n == 0)
		return;
	if (!slice_eq(m->record.key, key) ||
	    kadrec_check(d->conf.names, key, value, d->now + d->wall_ahead) !=
		KADREC_GOOD) {
		d->counts[DHT_STAT_BAD_VALUES]++;
		return;
	}
	if (o->value.n > 0)
		better = kadrec_better(key, buf_slice(&o->value), value);
	if (better > 0) {
		for (size_t i = 0; i < o->nholders; i++)
			o->holders[i].good = false;
		buf_cut(&o->value, 0);
		put_slice(&o->value, value);
		o->worse = o->here;
	}
	hold(o, &r->peer, &r->addrs, better >= 0);
	for (size_t i = 0; i < o->nholders; i++)
		agree += o->holders[i].good;
	if (agree >= o->wanted)
		kadq_stop(o->q);
}

static void
look_answer(
    struct dht *d, struct op *o, const struct rpc *r, const struct kad_msg *m)
{
	if (o->phase != OP_LOOKING)
		return;
	if (m == NULL) {
		kadq_failed(o->q, &r->peer);
		return;
	}
	kadq_answered(o->q, &r->peer, m->closer, m->n_closer);
	if (o->verb == DHT_FIND)
		heard_peer(d, o, r, m);
	else if (o->verb == DHT_PROVIDERS)
		heard_providers(d, o, m);
	else if (o->verb == DHT_GET)
		heard_value(d, o, r, m);
}

void
op_answer(
    struct dht *d, struct op *o, const struct rpc *r, const struct kad_msg *m)
{
	if (r->kind == RPC_LOOK) {
		look_answer(d, o, r, m);
		return;
	}
	o->open--;
	if (m == NULL)
		return;
	d->counts[DHT_STAT_TOLD]++;
	o->taken += o->verb != DHT_GET;
}

/* Time. */

void
op_committed(struct dht *d, enum dhtdb_said said)
{
	struct op *after;

	for (struct op *o = d->ops; o; o = after) {
		after = o->next;
		if (o->phase == OP_WAITING)
			op_end(
			    d, o, said == DHTDB_OK ? DHT_END_OK : DHT_END_DISK);
		else if (o->keep && !o->durable && said != DHTDB_OK)
			op_end(d, o, DHT_END_DISK);
		else
			o->durable = o->keep;
	}
}

static void
expire(struct dht *d, struct op *o)
{
	bool some = o->items > 0 || o->taken > 0;

	if (o->verb == DHT_GET && o->value.n > 0 && !o->told) {
		item_value(d, o);
		some = true;
	}
	op_end(d, o, some ? DHT_END_OK : DHT_END_TIMEOUT);
}

void
op_tick(struct dht *d)
{
	struct op *after;

	for (struct op *o = d->ops; o; o = after) {
		after = o->next;
		if (d->now >= o->deadline)
			expire(d, o);
	}
}

msec
op_due(const struct dht *d)
{
	msec due = MSEC_NEVER;

	for (const struct op *o = d->ops; o; o = o->next)
		due = msec_min(due, o->deadline);
	return due;
}
