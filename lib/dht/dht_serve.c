/* SPDX-License-Identifier: ISC
 *
 * Answers to other peers: whom we know nearer to a key, and what they have
 * given us for it. */
#include "dht/dht_own.h"
#include "wire/cid.h"

#include <string.h>

enum {
	NEAR = 2 * KAD_CLOSER, /* looked at; some of them cannot be told */
	MANY = KAD_CLOSER,     /* providers of one key that leave no choice */
	TIME = 32,             /* bytes of a time in a record */
};

/* One request, and what its answer borrows. */
struct request {
	struct dht *d;
	const struct peerid *from;
	enum dht_refusal why;
	struct kadaddrs addrs[KAD_PROVIDERS];
	struct buf bytes; /* the addresses above, or a value */
	char time[TIME];
};

static int
refuse(struct request *r, enum dht_refusal why)
{
	r->d->refused[why]++;
	r->why = why;
	return -1;
}

/* What became of something written. */
static int
written(struct request *r, enum dhtdb_said said)
{
	if (said != DHTDB_OK)
		return refuse(
		    r, said == DHTDB_DISK ? DHT_REFUSE_DISK : DHT_REFUSE_FULL);
	dht_wrote(r->d, false);
	return 1;
}

/* Peers. */

static const struct kadaddrs *
addrs_of(const struct dht *d, const struct peerid *id)
{
	return peerid_eq(id, &d->self) ? &d->addrs : peers_addrs(d, id);
}

/* Append to the closer peers or the providers of the answer.  false: there is
 * no room for it. */
static bool
list_peer(const struct dht *d, struct kad_peer *list, size_t *n,
    struct slice id, const struct kadaddrs *addrs, size_t *room)
{
	struct kad_peer *p = &list[*n];
	size_t size;

	pb_clear(&kad_peer_desc, p);
	p->has_id = true;
	p->id = id;
	p->n_addrs = addrs ? kadaddrs_list(addrs, p->addrs) : 0;
	if (map_get(&d->contacts, id)) {
		p->has_connection = true;
		p->connection = 1;
	}
	size = pb_size(&kad_peer_desc, p);
	size += 1 + varint_size(size);
	if (size > *room)
		return false;
	*room -= size;
	++*n;
	return true;
}

/* Those that are nearest to the key, behind those that are listed already.
 * The table does not have ourselves. */
static void
list_closer(struct request *r)
{
	struct dht *d = r->d;
	struct kad_msg *a = &d->answer;
	const struct kadtab_peer *near[NEAR];
	struct kadkey target = kadkey_of(d->msg.key);
	size_t n = kadtab_nearest(d->tab, &target, near, NEAR);
	size_t most = d->conf.k < KAD_CLOSER ? d->conf.k : KAD_CLOSER;
	size_t room = KAD_SAID - pb_size(&kad_msg_desc, a);

	for (size_t i = 0; i < n && a->n_closer < most; i++) {
		const struct peerid *id = &near[i]->id;
		const struct kadaddrs *addrs = &near[i]->addrs;

		if (addrs->n == 0)
			addrs = peers_addrs(d, id);
		if (addrs == NULL || addrs->n == 0 || peerid_eq(id, r->from))
			continue;
		/* the one that was looked for */
		if (a->n_closer > 0 &&
		    slice_eq(peerid_bytes(id), a->closer[0].id))
			continue;
		if (!list_peer(d, a->closer, &a->n_closer, peerid_bytes(id),
			addrs, &room))
			break;
	}
}

static int
find_node(struct request *r)
{
	struct dht *d = r->d;
	struct kad_msg *a = &d->answer;
	const struct kadaddrs *addrs;
	struct peerid id;
	size_t room = KAD_SAID;

	/* clients too, but nobody needs to be told about himself */
	if (peerid_of_bytes(d->msg.key, &id) == 0 && !peerid_eq(&id, r->from)) {
		addrs = addrs_of(d, &id);
		if (addrs && addrs->n > 0)
			list_peer(d, a->closer, &a->n_closer, d->msg.key, addrs,
			    &room);
	}
	list_closer(r);
	return 1;
}

/* Values. */

/* Is there a value that is still good?  Then it is in bytes. */
static bool
held(struct request *r, time_t *at)
{
	struct dht *d = r->d;

	r->bytes.max = KAD_VALUE;
	return dhtdb_value_get(d->db, d->msg.key, dht_wall(d), &r->bytes, at) ==
		   DHTDB_OK &&
	       kadrec_check(d->conf.names, d->msg.key, buf_slice(&r->bytes),
		   d->now + d->wall_ahead) == KADREC_GOOD;
}

/* RFC 3339 makes the fraction optional, js-libp2p's parser does not. */
static void
put_record(struct request *r, struct slice value, time_t at)
{
	struct kad_msg *a = &r->d->answer;
	struct tm tm;

	a->has_record = a->record.has_key = a->record.has_value = true;
	a->record.key = a->key;
	a->record.value = value;
	if (gmtime_r(&at, &tm) &&
	    strftime(r->time, TIME, "%Y-%m-%dT%H:%M:%S.000000000Z", &tm) > 0) {
		a->record.has_time_received = true;
		a->record.time_received = slice_text(r->time);
	}
}

static int
get_value(struct request *r)
{
	time_t at;

	if (held(r, &at))
		put_record(r, buf_slice(&r->bytes), at);
	list_closer(r);
	return 1;
}

/* When the sender received it is the sender's word; its life begins now. */
static int
put_value(struct request *r)
{
	struct dht *d = r->d;
	const struct kad_msg *m = &d->msg;
	struct slice value = m->record.value;
	time_t at;

	/* without a record its key is empty, which the message's is not */
	if (!slice_eq(m->record.key, m->key) ||
	    kadrec_check(d->conf.names, m->key, value,
		d->now + d->wall_ahead) != KADREC_GOOD)
		return refuse(r, DHT_REFUSE_RECORD);
	if (held(r, &at) &&
	    kadrec_better(m->key, buf_slice(&r->bytes), value) < 0)
		return refuse(r, DHT_REFUSE_OLD);
	put_record(r, value, dht_wall(d));
	return written(
	    r, dhtdb_value_put(d->db, m->key, value, r->from, dht_wall(d)));
}

/* Providers. */

static void
keep_provider(struct request *r, const struct kad_peer *p)
{
	struct dht *d = r->d;
	struct kadaddrs addrs = { 0 };

	kadaddrs_set(
	    &addrs, p->addrs, p->n_addrs, r->from, d->conf.private_too);
	if (addrs.n == 0)
		refuse(r, DHT_REFUSE_NO_ADDRS);
	else
		written(r, dhtdb_provider_add(d->db, d->msg.key, r->from,
			       kadaddrs_packed(&addrs), dht_wall(d)));
	kadaddrs_free(&addrs);
}

/* Nobody waits for an answer, so faults are counted only. */
static int
add_provider(struct request *r)
{
	const struct kad_msg *m = &r->d->msg;

	if (!cid_hash_valid(m->key))
		return refuse(r, DHT_REFUSE_KEY);
	for (size_t i = 0; i < m->n_provider; i++)
		if (slice_eq(m->provider[i].id, peerid_bytes(r->from)))
			keep_provider(r, &m->provider[i]);
		else
			refuse(r, DHT_REFUSE_NOT_SENDER);
	return 0;
}

bool
serve_provides(const struct dht *d, struct slice key)
{
	struct kadkey place = kadkey_of(key);
	struct dhtdb_own own;

	return dhtdb_own_next(d->db, place.b, &own) == DHTDB_OK &&
	       slice_eq(own.key, key) && own.value.n == 0;
}

size_t
serve_providers(struct dht *d, struct slice key, struct buf *bytes)
{
	size_t n;

	bytes->max = DHT_OF_KEY * KADADDRS_BYTES;
	n = dhtdb_providers(
	    d->db, key, dht_wall(d), d->of_key, DHT_OF_KEY, bytes);
	for (size_t i = 0; n > MANY && i < n; i++) {
		size_t other = i + dht_chance(d) % (n - i);
		struct dhtdb_provider p = d->of_key[i];

		d->of_key[i] = d->of_key[other];
		d->of_key[other] = p;
	}
	return n;
}

static int
get_providers(struct request *r)
{
	struct dht *d = r->d;
	struct kad_msg *a = &d->answer;
	size_t room = KAD_SAID / 2, n;
	bool here = serve_provides(d, d->msg.key);

	if (here)
		list_peer(d, a->provider, &a->n_provider,
		    peerid_bytes(&d->self), &d->addrs, &room);
	n = serve_providers(d, d->msg.key, &r->bytes);
	for (size_t i = 0; i < n && i + here < KAD_PROVIDERS; i++) {
		const struct peerid *id = &d->of_key[i].id;
		const struct kadaddrs *addrs = &r->addrs[i];

		if (here && peerid_eq(id, &d->self))
			continue;
		kadaddrs_of_packed(&r->addrs[i], d->of_key[i].addrs);
		if (addrs->n == 0)
			addrs = addrs_of(d, id);
		if (!list_peer(d, a->provider, &a->n_provider, peerid_bytes(id),
			addrs, &room))
			break;
	}
	list_closer(r);
	return 1;
}

static int
ping(struct request *r)
{
	(void)r;
	return 1;
}

static const struct {
	int (*fn)(struct request *); /* as dht_serve; fills d->answer */
	size_t key;                  /* bytes at most; 0: there is none */
} types[] = {
	[KAD_PUT_VALUE] = { put_value, KAD_KEY },
	[KAD_GET_VALUE] = { get_value, KAD_KEY },
	[KAD_ADD_PROVIDER] = { add_provider, KAD_PROVIDED },
	[KAD_GET_PROVIDERS] = { get_providers, KAD_PROVIDED },
	[KAD_FIND_NODE] = { find_node, KAD_KEY },
	[KAD_PING] = { ping, 0 },
};

static int
serve(struct request *r, struct slice message)
{
	const struct kad_msg *m = &r->d->msg;
	struct kad_msg *a = &r->d->answer;
	size_t key;

	if (!r->d->server)
		return refuse(r, DHT_REFUSE_CLIENT);
	if (pb_decode(&kad_msg_desc, message, &r->d->msg, NULL) < 0)
		return refuse(r, DHT_REFUSE_MALFORMED);
	if (m->type >= sizeof types / sizeof *types)
		return refuse(r, DHT_REFUSE_TYPE);
	key = types[m->type].key;
	if (key > 0 && (m->key.n == 0 || m->key.n > key))
		return refuse(r, DHT_REFUSE_KEY);
	pb_clear(&kad_msg_desc, a);
	a->has_type = true;
	a->type = m->type;
	a->has_key = key > 0;
	a->key = m->key;
	return types[m->type].fn(r);
}

int
dht_serve(struct dht *d, const struct peerid *from, struct slice message,
    msec now, struct buf *reply, enum dht_refusal *why)
{
	struct request r = { .d = d, .from = from };
	int said;

	d->now = now;
	said = serve(&r, message);
	if (said > 0) {
		pb_encode(&kad_msg_desc, &d->answer, reply);
		d->counts[DHT_STAT_SERVED]++;
	} else if (said < 0) {
		*why = r.why;
	}
	for (size_t i = 0; i < KAD_PROVIDERS; i++)
		kadaddrs_free(&r.addrs[i]);
	buf_free(&r.bytes);
	return said;
}
