/* SPDX-License-Identifier: ISC
 *
 * What the node promises, in small networks of honest nodes. */
#include "t/dht/rig.h"
#include "t/tap.h"

#include <sodium.h>

enum { SERVERS = 40, SECOND = 1000, MINUTE = 60 * SECOND };

static bool
has_item(const struct job *j, const struct peerid *id)
{
	for (size_t i = 0; i < j->n && i < NET_PEERS; i++)
		if (peerid_eq(&j->peer[i], id))
			return true;
	return false;
}

static struct job *
put(struct node *n, const struct record *r)
{
	return job_wait(node_ask(n,
	    &(struct dht_ask){ .verb = DHT_PUT, .key = buf_slice(&r->key),
		.value = buf_slice(&r->value), .once = true }));
}

/* Does the disk of this node hold this value? */
static bool
holds(struct node *n, const struct record *r)
{
	struct buf value = { .max = KAD_VALUE };
	time_t at;
	bool same = dhtdb_value_get(n->db, buf_slice(&r->key),
			net_wall(n->net) / 1000, &value, &at) == DHTDB_OK &&
	    slice_eq(buf_slice(&value), buf_slice(&r->value));

	buf_free(&value);
	return same;
}

static bool
provides(struct node *n, struct slice key, const struct node *who)
{
	struct dhtdb_provider p[NET_PEERS];
	struct buf bytes = { .max = 1 << 16 };
	size_t i = 0, got = dhtdb_providers(n->db, key,
	    net_wall(n->net) / 1000, p, NET_PEERS, &bytes);

	while (i < got && !peerid_eq(&p[i].id, &who->id))
		i++;
	buf_free(&bytes);
	return i < got;
}

/* Tests. */

static void
test_boot(struct net *net)
{
	size_t least = SERVERS, lost = 0;

	for (size_t i = 0; i < net->n; i++) {
		size_t n = kadtab_size(dht_table(net->nodes[i]->dht));

		least = n < least ? n : least;
	}
	ok(least >= 20, "one known peer is enough to know 20 (%zu)", least);
	for (size_t i = 0; i < net->n; i++)
		for (size_t j = 0; j < net->n; j++) {
			if ((i + j) % 7 || i == j)
				continue;
			lost += end_of(net->nodes[i], DHT_FIND,
			    id_of(net->nodes[j])) != DHT_END_OK;
		}
	is_int(lost, 0, "everybody finds everybody");
	is_int(net->stuck, 0, "nobody wants to be woken for nothing");
}

static void
test_closest(struct net *net)
{
	const struct node *near[20];
	uint8_t bytes[34];
	size_t wrong = 0, order = 0;

	for (unsigned i = 0; i < 40; i++) {
		struct node *n = net->nodes[i % net->n];
		struct slice key = hash_of(i, bytes);
		struct job *j = job_wait(node_verb(n, DHT_CLOSEST, key));
		size_t k = net_nearest(net, key, n, near, 20);

		wrong += j->end != DHT_END_OK || j->n != k || j->count != k;
		for (size_t at = 0; at < k; at++) {
			wrong += !has_item(j, &near[at]->id);
			order += !peerid_eq(&j->peer[at], &near[at]->id);
		}
		job_free(j);
	}
	is_int(wrong, 0, "closest: exactly the 20 nearest of all");
	is_int(order, 0, "closest: nearest first");
}

static void
test_find(struct net *net)
{
	struct node *n = net->nodes[3];
	struct peerid nobody = net->nodes[5]->id;
	struct kadaddrs *at;
	struct slice list[KADADDRS_N];
	struct job *j = job_wait(node_verb(n, DHT_FIND, id_of(n)));

	is_int(j->end, DHT_END_OK, "find: ourselves");
	ok(j->n == 1 && j->asked == 0 && peerid_eq(&j->peer[0], &n->id),
	    "find: without asking anybody");
	job_free(j);

	j = job_wait(node_verb(n, DHT_FIND, id_of(net->nodes[SERVERS - 1])));
	at = &j->addrs;
	is_int(j->n, 1, "find: one item");
	ok(kadaddrs_list(at, list) == 1 &&
	    slice_eq(list[0], node_addr(net->nodes[SERVERS - 1])),
	    "find: with the address");
	job_free(j);

	nobody.b[9] ^= 1;
	is_int(end_of(n, DHT_FIND, peerid_bytes(&nobody)), DHT_END_NOT_FOUND,
	    "find: nobody");
}

static void
test_provide(struct net *net)
{
	const struct node *near[20];
	struct node *n = net->nodes[7], *m = net->nodes[20];
	uint8_t bytes[34];
	struct slice key = hash_of(1000, bytes);
	struct job *j;
	size_t holders = 0, k;

	is_int(end_of(m, DHT_PROVIDERS, key), DHT_END_NOT_FOUND,
	    "providers: of what nobody has");
	j = job_wait(node_verb(n, DHT_PROVIDE, key));
	is_int(j->end, DHT_END_OK, "provide");
	is_int(j->count, 20, "provide: 20 took it");
	job_free(j);
	k = net_nearest(net, key, n, near, 20);
	for (size_t i = 0; i < k; i++)
		holders += provides((struct node *)near[i], key, n);
	is_int(holders, 20, "provide: the 20 nearest hold it");
	is_int(stat_of(n, DHT_STAT_OWN), 0, "provide once: it is not kept");

	job_free(job_wait(node_verb(net->nodes[8], DHT_PROVIDE, key)));
	for (size_t i = 0; i < net->n; i += 13) {
		j = job_wait(node_verb(net->nodes[i], DHT_PROVIDERS, key));
		ok(j->end == DHT_END_OK && j->n == 2 && j->count == 2 &&
		    has_item(j, &n->id) && has_item(j, &net->nodes[8]->id),
		    "providers: both, each once, from node %zu", i);
		ok(j->addrs.n == 1, "providers: with an address");
		job_free(j);
	}
	j = job_wait(node_ask(m, &(struct dht_ask){ .verb = DHT_PROVIDERS,
	    .key = key, .count = 1 }));
	is_int(j->n, 1, "providers: one is enough");
	job_free(j);
}

static void
test_values(struct net *net)
{
	struct record pk = pk_record(1), own = own_record(2, 1, "one");
	struct record *const both[] = { &pk, &own };

	for (size_t i = 0; i < 2; i++) {
		struct slice key = buf_slice(&both[i]->key);
		struct job *j = put(net->nodes[2], both[i]);
		size_t few;

		ok(j->end == DHT_END_OK && j->count == 20, "put: 20 took it");
		job_free(j);
		j = job_wait(node_verb(net->nodes[30], DHT_GET, key));
		is_int(j->end, DHT_END_OK, "get");
		is_bytes(j->value.p, j->value.n, both[i]->value.p,
		    both[i]->value.n, "get: the value");
		is_int(j->n, 1, "get: it comes once");
		few = j->asked;
		job_free(j);
		j = job_wait(node_ask(net->nodes[30],
		    &(struct dht_ask){ .verb = DHT_GET, .key = key,
			.count = 100 }));
		ok(j->end == DHT_END_OK && j->asked > few,
		    "get: a quorum of 5 asks %zu, one of 100 %zu", few,
		    j->asked);
		job_free(j);
	}
	record_free(&pk);
	record_free(&own);
	pk = pk_record(9);
	is_int(end_of(net->nodes[3], DHT_GET, buf_slice(&pk.key)),
	    DHT_END_NOT_FOUND, "get: what nobody has");
	record_free(&pk);
}

/* A holder sleeps while the value changes. */
static void
test_stale(struct net *net)
{
	struct record old = own_record(4, 1, "old"),
		      now = own_record(4, 2, "now");
	const struct node *near[20];
	struct slice key = buf_slice(&old.key);
	struct node *late, *asker = net->nodes[1];
	struct job *j;

	job_free(put(net->nodes[0], &old));
	net_nearest(net, key, asker, near, 20);
	late = (struct node *)near[near[0] == net->nodes[0]];
	node_stop(late);
	job_free(put(net->nodes[0], &now));
	net_run(net, 30 * SECOND);
	node_start(late, &net->conf);
	node_boot(late, NULL);
	net_run(net, 30 * SECOND);
	ok(holds(late, &old), "a holder slept while the value changed");

	j = job_wait(node_ask(asker, &(struct dht_ask){ .verb = DHT_GET,
	    .key = key, .count = 100 }));
	ok(j->end == DHT_END_OK && slice_eq(buf_slice(&j->value),
	    buf_slice(&now.value)), "get: the better value");
	job_free(j);
	net_run(net, 30 * SECOND);
	ok(holds(late, &now), "and the stale holder has it afterwards");
	ok(stat_of(asker, DHT_STAT_CORRECTED) > 0, "which is counted");

	/* the stale one asks itself */
	record_free(&old);
	old = own_record(4, 3, "last");
	key = buf_slice(&old.key);
	node_stop(late);
	job_free(put(net->nodes[0], &old));
	node_start(late, &net->conf);
	node_boot(late, NULL);
	net_run(net, 30 * SECOND);
	j = job_wait(node_verb(late, DHT_GET, key));
	ok(slice_eq(buf_slice(&j->value), buf_slice(&old.value)),
	    "get: others know better than our disk");
	job_free(j);
	ok(holds(late, &old), "and our disk learns it");
	record_free(&old);
	record_free(&now);
}

static void
test_refusals(struct net *net)
{
	struct node *n = net->nodes[0];
	struct record r = own_record(5, 1, "x");
	uint8_t bytes[34], big[KAD_KEY + 1] = { 0x12, 0x20 };
	struct slice hash = hash_of(5, bytes), value = buf_slice(&r.value);
	const struct { unsigned verb; struct slice key, value; enum dht_end end;
		const char *name; } rows[] = {
		{ DHT_FIND, slice_text("x"), { 0 }, DHT_END_BAD_KEY,
		    "find: no peer id" },
		{ DHT_CLOSEST, { 0 }, { 0 }, DHT_END_BAD_KEY, "no key" },
		{ DHT_CLOSEST, slice_of(big, sizeof big), { 0 },
		    DHT_END_BAD_KEY, "a key that is too long" },
		{ DHT_PROVIDE, slice_text("/kn/x"), { 0 }, DHT_END_BAD_KEY,
		    "provide: no multihash" },
		{ DHT_PROVIDE, slice_of(big, 81), { 0 }, DHT_END_BAD_KEY,
		    "provide: a key of 81 bytes" },
		{ DHT_PROVIDERS, slice_of(bytes, 33), { 0 }, DHT_END_BAD_KEY,
		    "providers: half a multihash" },
		{ DHT_TABLE, hash, { 0 }, DHT_END_BAD_KEY, "no such verb" },
		{ DHT_PUT, buf_slice(&r.key), slice_text("x"),
		    DHT_END_BAD_VALUE, "put: nonsense" },
		{ DHT_PUT, slice_text("/pk/x"), value, DHT_END_BAD_VALUE,
		    "put: a value of another name" },
		{ DHT_PUT, slice_text("/no/x"), value, DHT_END_BAD_VALUE,
		    "put: a name that nobody knows" },
		{ DHT_UNPROVIDE, hash, { 0 }, DHT_END_NOT_KEPT,
		    "unprovide: what we do not provide" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum dht_end why = DHT_END_N;
		struct dht_ask a = { .verb = rows[i].verb, .key = rows[i].key,
			.value = rows[i].value };

		ok(dht_start(n->dht, &a, net->w.now, &why) == 0 &&
		    why == rows[i].end, "%s: %s", rows[i].name,
		    dht_end_word(why));
	}
	is_int(stat_of(n, DHT_STAT_OPS), 0, "nothing of it is under way");
	record_free(&r);
}

static void
test_ceiling(struct net *net)
{
	struct node *n = net->nodes[0];
	uint8_t bytes[34];
	struct job *jobs[257];
	size_t good = 0;

	for (size_t i = 0; i < 257; i++)
		jobs[i] = node_verb(n, DHT_CLOSEST, hash_of(i, bytes));
	ok(jobs[256]->done && jobs[256]->end == DHT_END_BUSY,
	    "256 operations at once; the next is told that we are busy");
	is_int(stat_of(n, DHT_STAT_OPS), 256, "so many are under way");
	ok(stat_of(n, DHT_STAT_RPCS) <= 512, "and no more than 512 questions");
	for (size_t i = 0; i < 256; i++)
		good += job_wait(jobs[i])->end == DHT_END_OK && jobs[i]->n == 20;
	is_int(good, 256, "all of them end well");
	is_int(end_of(n, DHT_CLOSEST, hash_of(9, bytes)), DHT_END_OK,
	    "and there is room again");
	for (size_t i = 0; i < 257; i++)
		job_free(jobs[i]);
}

static void
test_cancel(struct net *net)
{
	struct node *n = net->nodes[0];
	uint8_t bytes[34];
	struct job *j = node_verb(n, DHT_CLOSEST, hash_of(77, bytes));

	dht_cancel(n->dht, j->op + 1000);
	node_pump(n);
	ok(!j->done, "cancel: another number changes nothing");
	dht_cancel(n->dht, j->op);
	node_pump(n);
	ok(j->done && j->end == DHT_END_CANCELLED, "cancel: DONE says so");
	dht_cancel(n->dht, j->op);
	net_run(net, 20 * SECOND);
	is_int(stat_of(n, DHT_STAT_OPS), 0, "cancel: it is gone");
	job_free(j);
}

static void
test_alone(void)
{
	struct net net;
	struct node *n;
	struct record r = own_record(6, 1, "mine");
	uint8_t bytes[34];
	struct slice key = hash_of(3, bytes);
	struct job *j;

	net_init(&net, 5);
	n = net_add(&net);
	node_start(n, &net.conf);
	node_boot(n, NULL);
	net_run(&net, MINUTE);
	is_int(end_of(n, DHT_CLOSEST, key), DHT_END_NO_PEERS, "alone: closest");
	is_int(end_of(n, DHT_PROVIDERS, key), DHT_END_NO_PEERS,
	    "alone: providers");
	is_int(end_of(n, DHT_PROVIDE, key), DHT_END_NO_PEERS, "alone: provide");
	is_int(end_of(n, DHT_PROVIDERS, key), DHT_END_OK,
	    "alone: we know what we provide ourselves");
	j = put(n, &r);
	is_int(j->end, DHT_END_NO_PEERS, "alone: put");
	job_free(j);
	is_int(end_of(n, DHT_GET, buf_slice(&r.key)), DHT_END_OK,
	    "alone: and what we put");
	is_int(net.stuck, 0, "alone: without being woken for nothing");
	record_free(&r);
	net_free(&net);
}

/* Whom it would ask after a restart: as which of them this one? */
static size_t
remembers(struct node *n, const struct node *who)
{
	struct dhtdb_provider p[64];
	struct buf bytes = { .max = 1 << 16 };
	size_t i = 0, got = dhtdb_peers(n->db, p, 64, &bytes);

	while (i < got && !peerid_eq(&p[i].id, &who->id))
		i++;
	buf_free(&bytes);
	return i < got ? i + 1 : 0;
}

/* All others are gone at once. */
static void
test_timeouts(void)
{
	struct net net;
	struct node *n;
	uint8_t bytes[34];
	struct slice key = hash_of(3, bytes);
	struct job *j;
	size_t forgot = 0;

	net_init(&net, 6);
	net_grow(&net, 20);
	n = net.nodes[0];
	net_run(&net, 2 * MINUTE);
	node_stop(net.nodes[19]);
	net_run(&net, 30 * MINUTE);
	is_int(remembers(n, net.nodes[19]), 19, "who is gone is thought of last");
	for (size_t i = 1; i < net.n; i++)
		if (net.nodes[i]->dht)
			node_stop(net.nodes[i]);
	j = job_wait(node_ask(n, &(struct dht_ask){ .verb = DHT_CLOSEST,
	    .key = key, .timeout = 3000 }));
	is_int(j->end, DHT_END_TIMEOUT, "an operation has its time");
	is_int(j->took, 3000, "to the millisecond");
	ok(j->asked > 0, "it did ask");
	job_free(j);
	j = job_wait(node_verb(n, DHT_CLOSEST, key));
	is_int(j->end, DHT_END_NO_PEERS, "when all fail there are no peers");
	ok(j->took <= 60000, "within a minute (%d ms)", (int)j->took);
	job_free(j);
	net_run(&net, 30 * MINUTE);
	is_int(kadtab_size(dht_table(n->dht)), 0,
	    "in half an hour the table is empty");
	is_int(net.stuck, 0, "without being woken for nothing");
	for (size_t i = 1; i < 19; i++)
		forgot += remembers(n, net.nodes[i]) == 0;
	is_int(forgot, 0, "but nobody is forgotten when all are silent");

	for (size_t i = 1; i < net.n; i++) {
		node_start(net.nodes[i], &net.conf);
		node_boot(net.nodes[i], i == 1 ? n : net.nodes[1]);
	}
	net_run(&net, 3 * MINUTE);
	is_int(end_of(n, DHT_CLOSEST, key), DHT_END_OK,
	    "when they come back so are we");
	net_free(&net);
}

static void
test_keep(struct net *net)
{
	struct node *n = net->nodes[11], *m = net->nodes[12];
	uint8_t bytes[34];
	struct slice key = hash_of(2000, bytes);
	struct dht_ask a = { .verb = DHT_PROVIDE, .key = key, .queued = true };
	struct job *j = node_ask(n, &a);
	msec begun = net->w.now;

	ok(!j->done && dhtdb_dirty(n->db), "queued: not done before it is "
	    "on disk");
	job_wait(j);
	ok(j->end == DHT_END_OK && !dhtdb_dirty(n->db),
	    "queued: done as soon as it is");
	ok(net->w.now - begun <= 20, "queued: which is soon");
	job_free(j);
	is_int(stat_of(n, DHT_STAT_OWN), 1, "queued: it is kept");
	net_run(net, 2 * MINUTE);
	j = job_wait(node_verb(m, DHT_PROVIDERS, key));
	ok(j->end == DHT_END_OK && has_item(j, &n->id),
	    "queued: the sweep announces it");
	job_free(j);
	is_int(stat_of(n, DHT_STAT_LAG), 0, "queued: nothing is late");

	is_int(end_of(n, DHT_UNPROVIDE, key), DHT_END_OK, "unprovide");
	is_int(stat_of(n, DHT_STAT_OWN), 0, "unprovide: it is not kept");
	is_int(end_of(n, DHT_UNPROVIDE, key), DHT_END_NOT_KEPT,
	    "unprovide: once");

	a.queued = false;
	j = job_wait(node_ask(n, &a));
	ok(j->end == DHT_END_OK && j->count == 20, "kept: announced");
	job_free(j);
	is_int(stat_of(n, DHT_STAT_OWN), 1, "kept");
	is_int(end_of(n, DHT_UNPROVIDE, key), DHT_END_OK, "and not any more");
}

static void
test_full(void)
{
	struct net net;
	struct node *n;
	uint8_t bytes[34];
	struct dht_ask a = { .verb = DHT_PROVIDE, .key = hash_of(1, bytes),
		.queued = true };
	struct job *j;

	net_init(&net, 8);
	net.db.own = 1;
	n = net_add(&net);
	node_start(n, &net.conf);
	j = job_wait(node_ask(n, &a));
	is_int(j->end, DHT_END_OK, "full: the first key");
	job_free(j);
	a.key = hash_of(2, bytes);
	j = job_wait(node_ask(n, &a));
	is_int(j->end, DHT_END_FULL, "full: no room for a second");
	job_free(j);
	is_int(stat_of(n, DHT_STAT_OPS), 0, "full: nothing is under way");
	net_free(&net);
}

static void
test_restart(struct net *net)
{
	struct node *n = net->nodes[17];
	uint8_t bytes[34];

	node_stop(n);
	net_run(net, MINUTE);
	node_start(n, &net->conf);
	is_int(kadtab_size(dht_table(n->dht)), 0, "restart: an empty table");
	node_boot(n, NULL);
	net_run(net, 30 * SECOND);
	ok(kadtab_size(dht_table(n->dht)) >= 20,
	    "restart: the peers of the last run are found (%zu)",
	    kadtab_size(dht_table(n->dht)));
	is_int(end_of(n, DHT_CLOSEST, hash_of(4, bytes)), DHT_END_OK,
	    "restart: and useful");
}

int
main(void)
{
	struct net net;

	if (sodium_init() < 0)
		return 111;
	net_init(&net, 1);
	net_grow(&net, SERVERS);
	test_boot(&net);
	test_closest(&net);
	test_find(&net);
	test_provide(&net);
	test_values(&net);
	test_stale(&net);
	test_refusals(&net);
	test_ceiling(&net);
	test_cancel(&net);
	test_keep(&net);
	test_restart(&net);
	is_int(net.stuck, 0, "nobody was woken for nothing");
	net_free(&net);
	test_alone();
	test_timeouts();
	test_full();
	return tap_done();
}
