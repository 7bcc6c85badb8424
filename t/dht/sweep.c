/* SPDX-License-Identifier: ISC
 *
 * Our own keys, provided region by region and again every 22 hours. */
#include "t/dht/rig.h"
#include "t/tap.h"

#include <sodium.h>

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
#ifdef __SANITIZE_ADDRESS__
	KEYS = 1000,
	MANY = 120,
#else
	KEYS = 5000,
	MANY = 400,
#endif
	FEW = 60,
};

/* One queued operation after the other, many at once. */
static void
provide_all(struct node *n, size_t keys)
{
	struct job *jobs[200];
	uint8_t bytes[34];
	size_t bad = 0;

	for (size_t i = 0; i < keys; i += 200) {
		size_t some = keys - i < 200 ? keys - i : 200;

		for (size_t j = 0; j < some; j++)
			jobs[j] = node_ask(n, &(struct dht_ask){
			    .verb = DHT_PROVIDE, .queued = true,
			    .key = hash_of(i + j, bytes) });
		for (size_t j = 0; j < some; j++) {
			bad += job_wait(jobs[j])->end != DHT_END_OK;
			job_free(jobs[j]);
		}
	}
	is_int(bad, 0, "all keys are taken");
}

static time_t
first_due(const struct node *n)
{
	struct dhtdb_own own;

	return dhtdb_own_first(n->db, &own) == DHTDB_OK ? own.due : 0;
}

/* Until nothing is due.  Returns how long it took. */
static msec
sweep(struct node *n, msec most)
{
	msec begun = n->net->w.now;

	while (n->net->w.now - begun < most &&
	    first_due(n) <= net_wall(n->net) / 1000)
		net_run(n->net, SECOND);
	return n->net->w.now - begun;
}

/* When this one was told of it; 0: it does not know. */
static time_t
told_at(const struct node *holder, struct slice key, const struct node *who)
{
	struct dhtdb_provider p[8];
	struct buf bytes = { .max = 1 << 16 };
	size_t n = dhtdb_providers(holder->db, key,
	    net_wall(holder->net) / 1000, p, 8, &bytes);
	time_t at = 0;

	for (size_t i = 0; i < n; i++)
		if (peerid_eq(&p[i].id, &who->id))
			at = p[i].at;
	buf_free(&bytes);
	return at;
}

struct held {
	size_t least, all; /* holders of one key, of all */
};

/* Those of the 20 nearest to each key that hold it, since then. */
static struct held
count(const struct node *n, size_t keys, time_t since)
{
	const struct node *near[20];
	struct held h = { 20, 0 };
	uint8_t bytes[34];

	for (size_t i = 0; i < keys; i++) {
		struct slice key = hash_of(i, bytes);
		size_t k = net_nearest(n->net, key, n, near, 20), has = 0;

		for (size_t j = 0; j < k; j++)
			has += told_at(near[j], key, n) > since;
		h.least = has < h.least ? has : h.least;
		h.all += has;
	}
	return h;
}

static void
test_sweep(size_t nodes, size_t keys)
{
	struct net net;
	struct node *n;
	struct held h;
	msec took;
	uint64_t asks, batched, regions;

	net_init(&net, nodes);
	net_grow(&net, nodes);
	n = net.nodes[nodes / 2];
	asks = stat_of(n, DHT_STAT_ASKED);
	provide_all(n, keys);
	batched = net.batched;
	took = sweep(n, 2 * HOUR);
	asks = stat_of(n, DHT_STAT_ASKED) - asks;
	regions = stat_of(n, DHT_STAT_REGIONS);
	h = count(n, keys, 0);
	printf("# %zu keys, %zu nodes: %d s, %d regions, %d questions; "
	    "each key is held by %zu to 20 of its 20 nearest, %.2f on average\n",
	    keys, nodes, (int)(took / 1000), (int)regions, (int)asks, h.least,
	    (double)h.all / (double)keys);
	ok(h.least >= 15, "every key is held by 15 of its 20 nearest");
	ok(h.all * 100 >= keys * 20 * 99, "and on average by 19.8");
	ok(regions > 0 && regions * 20 < keys, "regions are few");
	ok(asks < keys * 4, "questions are few");
	is_int(net.batched - batched, keys * 20, "no key is told twice");
	is_int(stat_of(n, DHT_STAT_LAG), 0, "nothing is late");
	is_int(net.stuck, 0, "nobody is woken for nothing");
	net_free(&net);
}

static size_t
keys_due(const struct node *n)
{
	struct dhtdb_own own;
	uint8_t place[32] = { 0 };
	size_t due = 0;

	while (dhtdb_own_next(n->db, place, &own) == DHTDB_OK) {
		int i = 31;

		due += own.due <= net_wall(n->net) / 1000;
		memcpy(place, own.place, 32);
		while (i >= 0 && ++place[i] == 0)
			i--;
		if (i < 0)
			break;
	}
	return due;
}

/* Stopped when half of the keys are done. */
static void
test_restart(void)
{
	struct net net;
	struct node *n;
	size_t left;
	uint64_t batched;

	net_init(&net, 31);
	net_grow(&net, 150);
	n = net.nodes[75];
	provide_all(n, KEYS);
	while ((left = keys_due(n)) > KEYS / 2)
		net_run(&net, 100);
	ok(left > KEYS / 8, "restart: in the middle of a cycle (%zu left)",
	    left);
	node_stop(n);
	net_run(&net, MINUTE);
	is_int(keys_due(n), left, "restart: they stay due");
	batched = net.batched;
	node_start(n, &net.conf);
	node_boot(n, NULL);
	sweep(n, HOUR);
	is_int(keys_due(n), 0, "restart: it goes on");
	is_int(net.batched - batched, left * 20,
	    "restart: what was done is not done again");
	ok(count(n, KEYS, 0).least >= 15, "restart: all keys are held");
	net_free(&net);
}

/* Long times, in a network that does not look after itself so often. */
static void
test_again(void)
{
	struct net net;
	struct node *n;
	uint8_t bytes[34];
	struct job *j;
	time_t begun;
	uint64_t batched, late;
	struct held h;

	net_init(&net, 32);
	net.conf.refresh = 4 * HOUR;
	net_grow(&net, 24);
	n = net.nodes[5];
	provide_all(n, 300);
	sweep(n, HOUR);
	begun = net_wall(&net) / 1000;
	j = job_wait(node_ask(n, &(struct dht_ask){ .verb = DHT_UNPROVIDE,
	    .key = hash_of(299, bytes) }));
	is_int(j->end, DHT_END_OK, "again: one key is not provided any more");
	job_free(j);
	batched = net.batched;
	net_run(&net, 21 * HOUR);
	is_int(net.batched - batched, 0, "again: not within 21 hours");
	is_int(stat_of(n, DHT_STAT_LAG), 0, "again: nothing is late");
	net_run(&net, 2 * HOUR);
	is_int(net.batched - batched, 299 * 20, "again: after 22 hours");
	h = count(n, 299, begun);
	is_int(h.least, 20, "again: all holders were told again");
	for (size_t i = 0; i < net.n; i++)
		if (told_at(net.nodes[i], hash_of(299, bytes), n) > begun)
			ok(false, "again: the one that is not provided, too");

	for (size_t i = 0; i < net.n; i++)
		if (net.nodes[i] != n)
			node_stop(net.nodes[i]);
	net_run(&net, 24 * HOUR);
	late = stat_of(n, DHT_STAT_LAG);
	ok(late > HOUR / 1000, "nobody is there: the keys are late (%d s)",
	    (int)late);
	net_run(&net, HOUR);
	ok(stat_of(n, DHT_STAT_LAG) >= late + 3000, "and an hour later more "
	    "so (%d s)", (int)stat_of(n, DHT_STAT_LAG));
	for (size_t i = 0; i < net.n; i++)
		if (net.nodes[i] != n) {
			node_start(net.nodes[i], &net.conf);
			node_boot(net.nodes[i], n);
		}
	begun = net_wall(&net) / 1000;
	net_run(&net, 15 * MINUTE);
	is_int(stat_of(n, DHT_STAT_LAG), 0, "they are back: nothing is late");
	is_int(count(n, 299, begun).least, 20, "and all were told");
	is_int(net.stuck, 0, "nobody was woken for nothing");
	net_free(&net);
}

/* A record that we keep has run out: nobody is bothered with it. */
static void
test_dead_value(void)
{
	struct net net;
	struct node *n;
	struct record r = own_record(3, 1, "x");
	struct kadkey place = kadkey_of(buf_slice(&r.key));
	struct dhtdb_own own = { .key = buf_slice(&r.key),
		.value = slice_text("dead") };
	time_t now;

	net_init(&net, 30);
	net_grow(&net, 30);
	n = net.nodes[4];
	now = net_wall(&net) / 1000;
	memcpy(own.place, place.b, sizeof own.place);
	own.due = now;
	dhtdb_own_put(n->db, &own);
	net_run(&net, 5 * MINUTE);
	ok(first_due(n) > now + 20 * 3600, "a dead value waits for its turn");
	own.value = buf_slice(&r.value);
	own.due = now;
	dhtdb_own_put(n->db, &own);
	net_run(&net, 5 * MINUTE);
	ok(first_due(n) > now + 20 * 3600, "a good one is put again");
	is_int(end_of(net.nodes[9], DHT_GET, buf_slice(&r.key)), DHT_END_OK,
	    "and found");
	record_free(&r);
	net_free(&net);
}

int
main(void)
{
	if (sodium_init() < 0)
		return 111;
	test_sweep(FEW, KEYS);
	test_sweep(MANY, KEYS);
	test_restart();
	test_again();
	test_dead_value();
	return tap_done();
}
