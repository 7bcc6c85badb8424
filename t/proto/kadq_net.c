/* SPDX-License-Identifier: ISC
 *
 * Lookups in a simulated network: each peer knows the k-buckets around itself,
 * answers come in any order, and some peers are dead or lie. */
#include "proto/kadq.h"
#include "base/map.h"
#include "t/tap.h"
#include "wire/msg/kad.h"

#include <stdlib.h>

enum {
	HONEST = 300,
	MANY = 900,
	K = 20,
	FLOOD = 10000,
	TARGETS = 40,
};

static const struct kadq_conf usual = {
	.k = K, .alpha = 10, .beta = 3, .paths = 1,
	.most_heard = 512, .most_asked = 160, .from_one = 20,
};

enum kind { GOOD, DEAD, FAR, CIRCLE, FLOODS, SYBIL };

struct node {
	struct peerid id;
	struct kadkey key;
	enum kind kind;
	bool evil; /* an invention of the attacker's */
	unsigned asked;
	size_t n;
	struct node *knows[HONEST];
};

struct net {
	struct node node[MANY];
	size_t n;
	struct node *order[MANY]; /* nearest to target first */
	struct kadkey target;
	struct map by_id;
	uint32_t chance;
	const struct node *self;
	struct node *open[MANY];
	size_t n_open;
	unsigned most_asked; /* how often the same one was */
	size_t most_heard;
	bool stuck;
};

static struct net net;
static struct kad_peer said[FLOOD];
static struct peerid invented[FLOOD];

static uint32_t
chance(uint32_t below)
{
	net.chance = net.chance * 1664525u + 1013904223u;
	return (net.chance >> 8) % below;
}

static struct peerid
any_id(void)
{
	uint8_t key[36] = { 8, 1, 18, 32 };

	for (size_t i = 4; i < sizeof key; i++)
		key[i] = (uint8_t)chance(256);
	return peerid_of_key(slice_of(key, sizeof key));
}

static int
by_distance(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return kadkey_nearer(&net.target, &(*x)->key, &(*y)->key);
}

/* n peers who know nobody yet, all good. */
static void
net_init(size_t n, uint32_t seed)
{
	map_free(&net.by_id);
	memset(&net, 0, sizeof net);
	net.chance = seed;
	net.n = n;
	for (size_t i = 0; i < n; i++) {
		struct node *node = &net.node[i];

		node->id = any_id();
		node->key = kadkey_of(peerid_bytes(&node->id));
		net.order[i] = node;
		map_put(&net.by_id, peerid_bytes(&node->id), node);
	}
}

static void
net_aim(void)
{
	struct peerid id = any_id();

	net.target = kadkey_of(peerid_bytes(&id));
	qsort(net.order, net.n, sizeof *net.order, by_distance);
}

/* Up to K in each bucket; the attacker's are in none. */
static void
acquaint(struct node *node)
{
	size_t bucket[KADKEY_BITS + 1] = { 0 }, from = chance(MANY);

	node->n = 0;
	for (size_t i = 0; i < net.n; i++) {
		struct node *other = &net.node[(from + i) % net.n];

		if (other == node || other->evil)
			continue;
		if (bucket[kadkey_common(&node->key, &other->key)]++ < K)
			node->knows[node->n++] = other;
	}
}

static void
net_acquaint(void)
{
	for (size_t i = 0; i < net.n; i++)
		if (!net.node[i].evil)
			acquaint(&net.node[i]);
}

static void
say(size_t i, const struct peerid *id)
{
	static const uint8_t addr[] = { 4, 1, 2, 3, 4, 6, 0x0f, 0xa1 };

	said[i] = (struct kad_peer){ .has_id = true, .id = peerid_bytes(id),
		.n_addrs = 1, .addrs = { slice_of(addr, sizeof addr) } };
}

static size_t
say_nearest(struct node *node)
{
	qsort(node->knows, node->n, sizeof *node->knows, by_distance);
	for (size_t i = 0; i < K && i < node->n; i++)
		say(i, &node->knows[i]->id);
	return node->n < K ? node->n : K;
}

/* Some of the attacker's, which are the nearest there are. */
static size_t
say_evil(void)
{
	size_t n = 0;

	while (n < K) {
		const struct node *node = net.order[chance((uint32_t)net.n)];

		if (node->evil)
			say(n++, &node->id);
	}
	return n;
}

static size_t
speak(struct node *node)
{
	switch (node->kind) {
	case FAR:
		for (size_t i = 0; i < K; i++)
			say(i, &net.order[net.n - 1 - i]->id);
		return K;
	case CIRCLE:
		for (size_t i = 0; i < K; i++)
			say(i, i % 2 ? &node->id : &net.self->id);
		return K;
	case FLOODS:
		for (size_t i = 0; i < FLOOD; i++) {
			invented[i] = any_id();
			say(i, &invented[i]);
		}
		return FLOOD;
	case SYBIL:
		return say_evil();
	default:
		return say_nearest(node);
	}
}

/* The invented ones are not there, and so dead. */
static void
answer(struct kadq *q, struct node *node)
{
	size_t n;

	if (node->kind == DEAD) {
		kadq_failed(q, &node->id);
		return;
	}
	n = speak(node);
	n = kadq_answered(q, &node->id, said, n);
	if (n > K || (node->kind == CIRCLE && n > 0))
		net.stuck = true;
	if (kadq_counts(q).heard > net.most_heard)
		net.most_heard = kadq_counts(q).heard;
}

/* Attackers are the fastest, all others answer in any order. */
static struct node *
who_answers(void)
{
	size_t at = chance((uint32_t)net.n_open);
	struct node *node;

	for (size_t i = 0; i < net.n_open; i++)
		if (net.open[i]->evil)
			at = i;
	node = net.open[at];
	net.open[at] = net.open[--net.n_open];
	return node;
}

static void
ask(struct kadq *q, const struct kadq_peer *p)
{
	struct node *node = map_get(&net.by_id, peerid_bytes(&p->id));

	if (node == NULL) {
		kadq_failed(q, &p->id);
		return;
	}
	if (++node->asked > net.most_asked)
		net.most_asked = node->asked;
	net.open[net.n_open++] = node;
}

static void
run(struct kadq *q)
{
	const struct kadq_peer *p;
	int r;

	net.n_open = 0;
	for (size_t i = 0; i < net.n; i++)
		net.node[i].asked = 0;
	while ((r = kadq_ask(q, &p)) >= 0) {
		if (r == 1) {
			ask(q, p);
		} else if (net.n_open > 0) {
			answer(q, who_answers());
		} else {
			net.stuck = true;
			return;
		}
	}
}

/* As self, who seeds it with the nearest that it knows. */
static struct kadq *
lookup(const struct kadq_conf *conf, struct node *self)
{
	struct kadq *q = kadq_new(conf, &net.target, &self->id);
	struct kadaddrs none = { 0 };

	net.self = self;
	qsort(self->knows, self->n, sizeof *self->knows, by_distance);
	for (size_t i = 0; i < conf->k && i < self->n; i++)
		kadq_seed(q, &self->knows[i]->id, &none);
	run(q);
	return q;
}

/* Did exactly the k nearest that are alive and real answer as the nearest? */
static bool
is_true(const struct kadq *q, size_t k)
{
	const struct kadq_peer *got[K];
	size_t n = kadq_nearest(q, got, k), at = 0;

	for (size_t i = 0; i < net.n && at < k; i++) {
		const struct node *node = net.order[i];

		if (node->evil || node->kind == DEAD || node == net.self)
			continue;
		if (at == n || !peerid_eq(&got[at]->id, &node->id))
			return false;
		at++;
	}
	return n == k;
}

/* Has everybody answered who was named, did not fail, and is among the k
 * nearest of those? */
static bool
is_complete(const struct kadq *q)
{
	size_t at = 0;

	for (size_t i = 0; i < net.n && at < K; i++) {
		const struct kadq_peer *p = kadq_get(q, &net.order[i]->id);

		if (p == NULL || p->state == KADQ_FAILED)
			continue;
		if (p->state != KADQ_ANSWERED)
			return false;
		at++;
	}
	return at > 0;
}

static bool
only_honest(const struct kadq *q)
{
	const struct kadq_peer *got[MANY];
	size_t n = kadq_nearest(q, got, MANY);

	for (size_t i = 0; i < n; i++) {
		struct node *node =
		    map_get(&net.by_id, peerid_bytes(&got[i]->id));

		if (node->evil)
			return false;
	}
	return n > 0;
}

/* Lookups for many targets, each by another, all of which find the nearest
 * so many. */
static void
many(const char *name, const struct kadq_conf *conf, size_t nearest)
{
	struct kadq_counts c;
	size_t right = 0, complete = 0, asked = 0;
	unsigned hops = 0;

	for (size_t i = 0; i < TARGETS; i++) {
		struct kadq *q;

		net_aim();
		q = lookup(conf, &net.node[i]);
		right += is_true(q, nearest);
		complete += is_complete(q);
		c = kadq_counts(q);
		asked += c.asked;
		hops = c.hops > hops ? c.hops : hops;
		kadq_free(q);
	}
	printf("# %s: %zu of %d right, %zu asked on average, %u hops\n", name,
	    right, TARGETS, asked / TARGETS, hops);
	ok(right == TARGETS, "%s: the %zu nearest are found", name, nearest);
	ok(complete == TARGETS, "%s: the nearest named are all asked", name);
	ok(net.most_asked == 1, "%s: nobody is asked twice", name);
	ok(!net.stuck, "%s: it never stands still", name);
}

static void
test_exact(void)
{
	struct kadq_conf conf = usual;

	net_init(HONEST, 1);
	net_acquaint();
	many("beta 3", &conf, K);
	conf.beta = K;
	many("beta k", &conf, K);
	conf.beta = 3;
	conf.paths = 3;
	many("3 paths", &conf, K);
	conf.paths = 8;
	many("8 paths", &conf, K);
	conf.paths = conf.alpha = 1;
	many("one at a time", &conf, K);
}

static void
spoil(enum kind kind, uint32_t percent)
{
	for (size_t i = 0; i < net.n; i++)
		if (chance(100) < percent)
			net.node[i].kind = kind;
}

/* An answer names the 20 nearest, dead or alive: of the live ones only those
 * that are among the 20 nearest of somebody can be found. */
static void
test_failing(void)
{
	struct kadq_conf conf = usual;

	net_init(HONEST, 2);
	net_acquaint();
	spoil(DEAD, 30);
	many("30 % dead", &conf, K / 2);
	conf.beta = K;
	many("30 % dead, beta k", &conf, K / 2);
	conf.paths = 3;
	many("30 % dead, 3 paths", &conf, K / 2);
}

static void
test_liars(void)
{
	net_init(HONEST, 3);
	net_acquaint();
	spoil(FAR, 20);
	many("20 % name the farthest", &usual, K);
	net_init(HONEST, 4);
	net_acquaint();
	spoil(CIRCLE, 20);
	many("20 % name themselves and us", &usual, K);
}

static void
test_flood(void)
{
	struct kadq_conf conf = usual;
	struct kadq *q;
	struct kadq_counts c;

	net_init(HONEST, 5);
	net_acquaint();
	net_aim();
	conf.most_heard = 100;
	net.node[0].knows[0]->kind = FLOODS;
	spoil(FLOODS, 10);
	q = lookup(&conf, &net.node[0]);
	c = kadq_counts(q);
	ok(c.ignored >= FLOOD - 20, "of 10,000 names 20 are looked at");
	is_int(net.most_heard, 100, "memory has its ceiling");
	ok(is_true(q, K), "and the nearest are found all the same");
	ok(!net.stuck, "without more than 20 taken from one");
	kadq_free(q);
}

/* 200 inventions nearer than anybody real, told of by every tenth. */
static void
test_sybil(void)
{
	struct kadq_conf conf = usual;

	net_init(HONEST + 200, 6);
	net_aim();
	for (size_t i = 0; i < 200; i++) {
		net.order[i]->evil = true;
		net.order[i]->kind = DEAD;
	}
	net_acquaint();
	for (size_t i = 200; i < net.n; i += 10)
		net.order[i]->kind = SYBIL;
	for (conf.paths = 1; conf.paths <= 5; conf.paths += 2) {
		struct kadq *q = lookup(&conf, net.order[net.n - 2]);
		struct kadq_counts c = kadq_counts(q);

		printf("# %zu paths: %zu asked, %zu answered, %zu failed, "
		       "nearest %d\n", conf.paths, c.asked, c.answered,
		       c.failed, is_true(q, 1));
		ok(c.asked <= conf.most_asked, "Sybils: it ends in time");
		ok(only_honest(q), "Sybils: honest ones come of it");
		ok(c.failed > 0 && net.most_asked == 1, "Sybils: asked once");
		ok(!net.stuck, "Sybils: it does not stand still");
		kadq_free(q);
	}
}

/* The first path's only seed leads to 600 who are nearer than anybody honest,
 * answer at once, and name one another. */
static void
test_disjoint(void)
{
	struct kadq_conf conf = usual;
	struct kadaddrs none = { 0 };
	const struct kadq_peer *p;
	struct node *honest, *self;
	struct kadq *q;
	size_t right = 0;

	net_init(MANY, 7);
	net_aim();
	for (size_t i = 0; i < MANY - HONEST; i++) {
		net.order[i]->evil = true;
		net.order[i]->kind = SYBIL;
	}
	net_acquaint();
	self = net.order[MANY - 1];
	net.self = self;
	conf.paths = 3;
	q = kadq_new(&conf, &net.target, &self->id);
	kadq_seed(q, &net.order[MANY - HONEST - 1]->id, &none);
	kadq_seed(q, &self->knows[0]->id, &none);
	kadq_seed(q, &self->knows[1]->id, &none);
	run(q);
	for (size_t i = 0; i < conf.beta; i++) {
		honest = net.order[MANY - HONEST + i];
		p = kadq_get(q, &honest->id);
		right += p && p->state == KADQ_ANSWERED && p->path > 0;
	}
	is_int(right, conf.beta, "the honest paths find the honest nearest");
	is_int(net.most_asked, 1, "no peer is asked by two paths");
	ok(!net.stuck && kadq_counts(q).asked <= conf.most_asked,
	    "and it ends");
	kadq_free(q);
}

int
main(void)
{
	test_exact();
	test_failing();
	test_liars();
	test_flood();
	test_sybil();
	test_disjoint();
	map_free(&net.by_id);
	return tap_done();
}
