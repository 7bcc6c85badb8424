/* SPDX-License-Identifier: ISC
 *
 * Whom we know: peers we are connected with, those that may be servers, the
 * table and its upkeep, and the beginning. */
#include "base/mem.h"
#include "dht/dht_own.h"

#include <stdlib.h>
#include <string.h>

enum {
	KNOWN = 64,         /* peers of the last run that are asked at first */
	BOOT_AGAIN = 10000, /* ms, while nobody answers */
	SAVE = 3600000,     /* ms: how old a known peer's row may get */
};

/* Contacts. */

static void
contact_cut(struct dht *d, struct contact *c)
{
	map_cut(&d->contacts, peerid_bytes(&c->id));
	kadaddrs_free(&c->addrs);
	free(c);
}

static struct contact *
contact_oldest(const struct dht *d)
{
	struct contact *c, *oldest = NULL;
	struct slice key;

	for (size_t at = 0; (c = map_next(&d->contacts, &at, &key)) != NULL;)
		if (oldest == NULL || c->used < oldest->used)
			oldest = c;
	return oldest;
}

static struct contact *
contact_of(struct dht *d, const struct peerid *id)
{
	struct contact *c = map_get(&d->contacts, peerid_bytes(id));

	if (c == NULL) {
		if (d->contacts.n >= DHT_CONTACTS)
			contact_cut(d, contact_oldest(d));
		c = mem_new(sizeof *c);
		c->id = *id;
		map_put(&d->contacts, peerid_bytes(id), c);
	}
	c->used = ++d->uses;
	return c;
}

const struct kadaddrs *
peers_addrs(const struct dht *d, const struct peerid *id)
{
	const struct kadtab_peer *p = kadtab_get(d->tab, id);
	const struct contact *c;

	if (p && p->addrs.n > 0)
		return &p->addrs;
	c = map_get(&d->contacts, peerid_bytes(id));
	return c ? &c->addrs : NULL;
}

void
peers_free(struct dht *d)
{
	struct contact *c;
	struct slice key;

	for (size_t at = 0; (c = map_next(&d->contacts, &at, &key)) != NULL;) {
		kadaddrs_free(&c->addrs);
		free(c);
	}
	map_free(&d->contacts);
	for (size_t i = 0; i < d->ncandidates; i++)
		kadaddrs_free(&d->candidates[i].addrs);
}

/* Candidates: asked first, then in the table. */

static void
candidate(struct dht *d, const struct peerid *id, const struct kadaddrs *addrs)
{
	struct holder *h = &d->candidates[d->ncandidates];

	if (d->ncandidates == DHT_CANDIDATES)
		return;
	for (size_t i = 0; i < d->ncandidates; i++)
		if (peerid_eq(&d->candidates[i].id, id))
			return;
	*h = (struct holder){ .id = *id };
	kadaddrs_copy(&h->addrs, addrs);
	d->ncandidates++;
}

void
dht_from(struct dht *d, const struct peerid *id, struct slice addr, msec now)
{
	d->now = now;
	if (!peerid_eq(id, &d->self))
		contact_of(d, id)->addrs.from = kadaddrs_group(addr);
}

void
dht_peer(struct dht *d, const struct peerid *id, const struct slice *addrs,
    size_t n, bool speaks, msec now)
{
	struct contact *c;

	d->now = now;
	if (peerid_eq(id, &d->self))
		return;
	c = contact_of(d, id);
	if (n > 0)
		kadaddrs_set(&c->addrs, addrs, n, id, d->conf.private_too);
	if (!speaks) {
		kadtab_drop(d->tab, id, now);
		dhtdb_peer_cut(d->db, id);
	} else if (kadtab_get(d->tab, id)) {
		d->said[kadtab_heard(d->tab, id, &c->addrs, now)]++;
	} else if (kadtab_wants(d->tab, id)) {
		candidate(d, id, &c->addrs);
	}
}

/* The table. */

static void
save(struct dht *d, const struct peerid *id, const struct kadaddrs *addrs)
{
	if (addrs->n == 0)
		return;
	dhtdb_peer_seen(d->db, id, kadaddrs_packed(addrs), dht_wall(d));
	dht_wrote(d, false);
}

void
peers_heard(
    struct dht *d, const struct peerid *id, const struct kadaddrs *addrs)
{
	const struct kadtab_peer *p = kadtab_get(d->tab, id);
	const struct contact *c = map_get(&d->contacts, peerid_bytes(id));
	struct kadaddrs now = { 0 };
	enum kadtab_said said;
	msec heard = p ? p->heard : d->now;

	/* the table may free what addrs points to */
	kadaddrs_copy(&now, addrs);
	if (c)
		now.from = c->addrs.from;
	said = kadtab_heard(d->tab, id, &now, d->now);
	d->said[said]++;
	if (said == KADTAB_ADDED ||
	    (said == KADTAB_KNOWN && d->now / SAVE != heard / SAVE))
		save(d, id, &now);
	kadaddrs_free(&now);
	/* the first one: now there is somebody to begin with */
	if (said == KADTAB_ADDED && !d->booted)
		d->next_boot = msec_min(d->next_boot, d->now);
}

/* It is not forgotten: when nobody answers any more it may be our own network
 * that is gone, and then these are whom to ask when it is back. */
void
peers_failed(struct dht *d, const struct peerid *id)
{
	if (!kadtab_failed(d->tab, id, d->now))
		return;
	dhtdb_peer_doubt(d->db, id);
	dht_wrote(d, false);
}

/* The beginning. */

static void
ask_known(struct dht *d)
{
	struct dhtdb_provider at[KNOWN];
	struct buf bytes = { .max = KNOWN * KADADDRS_BYTES };
	size_t n = dhtdb_peers(d->db, at, KNOWN, &bytes);

	for (size_t i = 0; i < n; i++) {
		struct kadaddrs addrs = { 0 };

		if (kadaddrs_of_packed(&addrs, at[i].addrs) == 0)
			candidate(d, &at[i].id, &addrs);
		kadaddrs_free(&addrs);
	}
	buf_free(&bytes);
}

void
dht_boot(struct dht *d, msec now)
{
	d->now = now;
	ask_known(d);
	d->next_boot = now;
}

static struct op *
look_for_self(struct dht *d)
{
	d->refreshing++;
	d->next_self = d->now + d->conf.refresh;
	return op_new(d, OP_SELF, peerid_bytes(&d->self), d->conf.op_timeout);
}

/* The nearest to ourselves are known: buckets that are deeper than the farthest
 * of them have nobody else, and are fresh. */
void
peers_around(struct dht *d, const struct kadq_peer *const *near, size_t n)
{
	d->booted = true;
	d->boot_most = 0;
	if (n < d->conf.k)
		return;
	d->boot_most = kadkey_common(&d->place, &near[n - 1]->key);
	for (size_t i = 0; i < n; i++)
		if (kadkey_common(&d->place, &near[i]->key) > d->boot_most)
			kadtab_looked(d->tab, &near[i]->key, d->now);
}

static void
some_bytes(void *arg, void *p, size_t n)
{
	uint8_t *at = p;

	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)dht_chance(arg);
}

static void
refresh(struct dht *d, unsigned cpl)
{
	uint8_t bytes[34];

	d->refreshing++;
	kadtab_aim(
	    d->tab, cpl < KADTAB_AIM ? cpl : KADTAB_AIM, some_bytes, d, bytes);
	op_new(
	    d, OP_REFRESH, slice_of(bytes, sizeof bytes), d->conf.op_timeout);
}

void
peers_tick(struct dht *d)
{
	if (d->refreshing > 0)
		return;
	if (kadtab_size(d->tab) == 0) {
		d->booted = false;
		d->boot_cpl = 0;
	}
	if (!d->booted) {
		if (d->now < d->next_boot)
			return;
		d->next_boot = d->now + BOOT_AGAIN;
		if (kadtab_size(d->tab) > 0)
			look_for_self(d);
		else
			ask_known(d);
	} else if (d->boot_cpl <= d->boot_most) {
		refresh(d, d->boot_cpl++);
	} else if (d->now >= d->next_self) {
		look_for_self(d);
	}
}

msec
peers_due(const struct dht *d)
{
	msec due = d->rpcs.n < d->conf.rpcs ? kadtab_due(d->tab) : MSEC_NEVER;

	if (d->refreshing > 0)
		return due;
	if (!d->booted || kadtab_size(d->tab) == 0)
		return msec_min(due, d->next_boot);
	if (d->boot_cpl <= d->boot_most)
		return d->now;
	return msec_min(due, d->next_self);
}

/* Is anybody alive?  PING is not understood by all; this is. */
static void
check(struct dht *d, const struct peerid *id, const struct kadaddrs *addrs,
    struct dht_ev *ev)
{
	struct rpc *r = rpc_new(d, RPC_CHECK, KAD_FIND_NODE, NULL, id, addrs);

	rpc_ask(d, r, peerid_bytes(&d->self), (struct slice){ 0 },
	    d->conf.rpc_timeout, ev);
}

int
peers_next(struct dht *d, struct dht_ev *ev)
{
	struct kadtab_ev wish;

	while (d->ncandidates > 0) {
		struct holder h = d->candidates[--d->ncandidates];
		bool wanted = kadtab_wants(d->tab, &h.id);

		if (wanted)
			check(d, &h.id, &h.addrs, ev);
		kadaddrs_free(&h.addrs);
		if (wanted)
			return 1;
	}
	while (kadtab_step(d->tab, d->now, &wish) == 1) {
		if (wish.wish == KADTAB_CHECK) {
			check(d, &wish.peer->id, &wish.peer->addrs, ev);
			return 1;
		}
		refresh(d, wish.cpl);
	}
	return 0;
}
