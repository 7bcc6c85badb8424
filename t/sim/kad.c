/* SPDX-License-Identifier: ISC
 *
 * A DHT of a thousand nodes for an hour of its own clock.  Three in ten cannot
 * be dialled; half of all nodes leave without a word and others come; who
 * published provider records is gone for most of the time.  SIM_SEED in the
 * environment chooses another world; "reprovide" measures the sweep instead. */
#include "t/dht/rig.h"
#include "t/tap.h"

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
	ARRIVE = MINUTE,      /* all have come */
	PUBLISH = 4 * MINUTE, /* from here on, */
	LEAVE = 6 * MINUTE,   /* and their publishers are gone */
	BEGIN = 8 * MINUTE,   /* of churn and lookups */
	SETTLED = 2 * MINUTE, /* who is here so long can be found */
	ANCHORS = 2,
	HIDDEN = 30,          /* percent */
	KEYS = 240,           /* that are provided at most, */
	SHARE = 4,            /* one of so many nodes publishes, and leaves */
	VALUES = 40,
	GOOD = 99,            /* percent */
	TRIES = 64,
};

enum { COME = NET_OWN, PUT_ONE, PROVIDE_ONE, GO_ONE, REPLACE, LOOK };

enum kind { FIND, PROVIDERS, GET, KINDS };
static const char *const kinds[] = { "find", "providers", "get" };

struct sum {
	size_t n, good, asked, hops, took, ends[DHT_END_N];
};

struct sim {
	struct net net; /* the first, for net.done */
	size_t nodes, keys;
	msec end, every; /* between two lookups */
	msec *born;
	struct node *publisher[KEYS];
	struct peerid provider[KEYS]; /* it may be gone */
	bool provided[KEYS], put[VALUES];
	struct record value[VALUES];
	size_t replaced, looks;
	struct sum sum[KINDS];
};

static struct node *
some_node(struct sim *s)
{
	struct node *n;

	do
		n = s->net.nodes[pick(&s->net.w, ANCHORS, s->net.n - 1)];
	while (n->dht == NULL);
	return n;
}

/* A server that has been here for a while; NULL: none was met. */
static struct node *
some_server(struct sim *s)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct node *n = some_node(s);

		if (!n->hidden && s->net.w.now - s->born[n->no] >= SETTLED)
			return n;
	}
	return NULL;
}

static void
come(struct sim *s, bool hidden)
{
	struct dht_conf conf = s->net.conf;
	struct node *n = net_add(&s->net);

	s->born[n->no] = s->net.w.now;
	n->hidden = hidden;
	conf.mode = hidden ? DHT_CLIENT : DHT_SERVER;
	node_start(n, &conf);
	node_boot(n, n->no == 0 ? NULL : s->net.nodes[n->no == 1 ? 0 :
	    pick(&s->net.w, 0, ANCHORS - 1)]);
}

static void
replace(struct sim *s)
{
	struct node *n = some_node(s);
	bool hidden = n->hidden;

	node_lose(n);
	come(s, hidden);
	s->replaced++;
}

/* Operations. */

static void
ask(struct node *n, unsigned verb, struct slice key, struct slice value,
    size_t about)
{
	struct dht_ask a = { .verb = verb, .key = key, .value = value,
		.once = true };

	node_ask_about(n, &a, about);
}

static void
publish(struct sim *s, size_t i)
{
	uint8_t bytes[34];

	s->publisher[i] = some_node(s);
	s->provider[i] = s->publisher[i]->id;
	ask(s->publisher[i], DHT_PROVIDE, hash_of(i, bytes),
	    (struct slice){ 0 }, i);
}

static void
leave(struct sim *s, size_t i)
{
	if (s->publisher[i]->dht == NULL)
		return; /* it published two */
	node_lose(s->publisher[i]);
	come(s, s->publisher[i]->hidden);
}

static void
put_value(struct sim *s, size_t i)
{
	s->value[i] = own_record((uint8_t)(i + 1), 1, "a value");
	ask(some_node(s), DHT_PUT, buf_slice(&s->value[i].key),
	    buf_slice(&s->value[i].value), i);
}

static void
look(struct sim *s)
{
	static const unsigned verbs[] = { DHT_FIND, DHT_PROVIDERS, DHT_GET };
	enum kind kind = s->looks++ % KINDS;
	struct node *n = some_node(s), *wanted = some_server(s);
	size_t i = pick(&s->net.w, 0, (kind == GET ? VALUES : s->keys) - 1);
	uint8_t bytes[34];
	struct slice key = hash_of(i, bytes);

	if (kind == FIND) {
		if (wanted == NULL || wanted == n)
			return;
		key = peerid_bytes(&wanted->id);
		i = wanted->no;
	} else if (kind == GET) {
		key = buf_slice(&s->value[i].key);
	}
	if (s->net.w.now - s->born[n->no] < 30 * SECOND)
		return; /* it is still finding its feet */
	ask(n, verbs[kind], key, (struct slice){ 0 }, i);
}

static bool
good(const struct sim *s, const struct job *j)
{
	if (j->n == 0)
		return false;
	if (j->verb == DHT_GET)
		return slice_eq(buf_slice(&j->value),
		    buf_slice(&s->value[j->about].value));
	if (j->verb == DHT_FIND)
		return peerid_eq(&j->peer[0], &s->net.nodes[j->about]->id);
	for (size_t i = 0; i < j->n && i < NET_PEERS; i++)
		if (peerid_eq(&j->peer[i], &s->provider[j->about]))
			return true;
	return false;
}

static void
done(struct net *net, struct job *j)
{
	struct sim *s = (struct sim *)net;
	enum kind kind = j->verb == DHT_FIND ? FIND :
	    j->verb == DHT_GET ? GET : PROVIDERS;
	struct sum *sum = &s->sum[kind];

	if (j->verb == DHT_PROVIDE) {
		s->provided[j->about] = j->end == DHT_END_OK;
	} else if (j->verb == DHT_PUT) {
		s->put[j->about] = j->end == DHT_END_OK;
	} else if (j->end != DHT_END_CANCELLED && (kind != FIND ||
	    s->net.nodes[j->about]->dht)) { /* who asked and who is wanted
		                             * are still there */
		sum->n++;
		sum->good += good(s, j);
		sum->asked += j->asked;
		sum->hops += j->hops;
		sum->took += (size_t)j->took;
		sum->ends[j->end]++;
	}
	note(&net->w, j->node->no, 200 + j->verb, j->n);
	job_free(j);
}

static void
happens(struct net *net, const struct event *e)
{
	struct sim *s = (struct sim *)net;

	switch (e->what) {
	case COME:
		come(s, e->n >= ANCHORS && e->n % 100 < HIDDEN);
		break;
	case PUT_ONE:
		put_value(s, e->n);
		break;
	case PROVIDE_ONE:
		publish(s, e->n);
		break;
	case GO_ONE:
		leave(s, e->n);
		break;
	case REPLACE:
		replace(s);
		break;
	case LOOK:
		look(s);
		break;
	}
}

static void
plan_all(struct sim *s)
{
	struct world *w = &s->net.w;
	msec hour = s->end - BEGIN;
	size_t looks = (size_t)(hour / s->every);

	for (size_t i = 0; i < s->nodes; i++)
		plan(w, (msec)i * ARRIVE / (msec)s->nodes, COME, NULL, i);
	for (size_t i = 0; i < s->keys; i++) {
		plan(w, PUBLISH + (msec)pick(w, 0, MINUTE), PROVIDE_ONE, NULL,
		    i);
		plan(w, LEAVE + (msec)pick(w, 0, MINUTE), GO_ONE, NULL, i);
	}
	for (size_t i = 0; i < VALUES; i++)
		plan(w, LEAVE + MINUTE + (msec)i * 500, PUT_ONE, NULL, i);
	/* half of them in an hour */
	for (size_t i = 0; i < s->nodes * (size_t)hour / HOUR / 2; i++)
		plan(w, BEGIN + (msec)pick(w, 0, (uint64_t)hour), REPLACE,
		    NULL, i);
	for (size_t i = 0; i < looks; i++)
		plan(w, BEGIN + (msec)i * s->every, LOOK, NULL, i);
}

static void
sim_run(struct sim *s, uint64_t seed, size_t nodes, msec hour, msec every)
{
	*s = (struct sim){ .nodes = nodes, .end = BEGIN + hour,
		.every = every };
	net_init(&s->net, seed);
	s->net.done = done;
	s->net.own = happens;
	s->keys = nodes / SHARE < KEYS ? nodes / SHARE : KEYS;
	s->born = mem_new((2 * nodes + KEYS) * sizeof *s->born);
	plan_all(s);
	net_run(&s->net, s->end + 70 * SECOND);
}

static void
sim_free(struct sim *s)
{
	net_free(&s->net);
	free(s->born);
	for (size_t i = 0; i < VALUES; i++)
		record_free(&s->value[i]);
}

/* What came of it. */

static void
print_tables(const struct sim *s)
{
	size_t servers = 0, peers = 0, live = 0, least = SIZE_MAX;

	for (size_t i = 0; i < s->net.n; i++) {
		const struct node *n = s->net.nodes[i], *m;
		const struct kadtab_peer *p;
		size_t size = 0;

		if (n->dht == NULL || n->hidden)
			continue;
		servers++;
		for (size_t at = 0; (p = kadtab_next(dht_table(n->dht), &at,
		    &(unsigned){ 0 })) != NULL; size++) {
			m = map_get(&s->net.ids, peerid_bytes(&p->id));
			live += m && m->dht && !m->hidden;
		}
		peers += size;
		least = size < least ? size : least;
	}
	printf("# tables of %zu servers: %.1f peers, %zu at least, %.1f %% of "
	    "them live\n", servers, (double)peers / (double)servers, least,
	    100.0 * (double)live / (double)peers);
	ok(live * 100 >= peers * 90, "nine in ten entries of tables are live");
}

static void
print_sums(const struct sim *s)
{
	for (size_t k = 0; k < KINDS; k++) {
		const struct sum *sum = &s->sum[k];
		double n = (double)sum->n;

		printf("# %s: %zu of %zu, %.2f %%; each asks %.1f in %.2f "
		    "hops and %.0f ms", kinds[k], sum->good, sum->n,
		    100.0 * (double)sum->good / n, (double)sum->asked / n,
		    (double)sum->hops / n, (double)sum->took / n);
		for (unsigned e = 0; e < DHT_END_N; e++)
			if (sum->ends[e])
				printf(", %zu %s", sum->ends[e],
				    dht_end_word(e));
		putchar('\n');
		ok(sum->n > 50 && sum->good * 100 >= sum->n * GOOD,
		    "%s: 99 of 100 succeed", kinds[k]);
	}
}

static void
report(const struct sim *s)
{
	size_t provided = 0, put = 0, there = 0;

	for (size_t i = 0; i < s->keys; i++) {
		provided += s->provided[i];
		there += s->publisher[i]->dht != NULL;
	}
	for (size_t i = 0; i < VALUES; i++)
		put += s->put[i];
	is_int(provided, s->keys, "all keys were provided");
	is_int(there, 0, "and whoever did that is gone");
	is_int(put, VALUES, "all values were put");
	printf("# %zu nodes, %zu replaced; %" PRIu64 " messages came in, %"
	    PRIu64 " asked, %" PRIu64 " failed; %" PRIu64 " events\n",
	    s->nodes, s->replaced, s->net.letters, s->net.asks, s->net.gone,
	    s->net.w.happened);
	print_tables(s);
	print_sums(s);
	is_int(s->net.stuck, 0, "nobody is woken for nothing");
}

static uint64_t
digest_of(uint64_t seed, size_t nodes, msec hour)
{
	struct sim s;
	uint64_t digest;

	sim_run(&s, seed, nodes, hour, 2 * SECOND);
	digest = s.net.w.digest;
	sim_free(&s);
	return digest;
}

/* make bench: what it costs to provide many keys. */
static void
reprovide(uint64_t seed)
{
	enum { NODES = 1000, MANY = 100000, FEW = 200 };
	struct net net;
	struct node *n;
	struct dhtdb_own own;
	uint8_t bytes[34];
	uint64_t one, batched;
	msec begun, single = 0;

	net_init(&net, seed);
	net_grow(&net, NODES);
	n = net.nodes[NODES / 2];
	one = stat_of(n, DHT_STAT_ASKED);
	for (size_t i = 0; i < FEW; i++) {
		struct job *j = job_wait(node_ask(n, &(struct dht_ask){
		    .verb = DHT_PROVIDE, .once = true,
		    .key = hash_of(MANY + i, bytes) }));

		single += j->took;
		job_free(j);
	}
	one = stat_of(n, DHT_STAT_ASKED) - one;
	printf("# %d single provides: %.1f questions and %.1f s each; %d keys "
	    "would be %.1f million questions and %.0f hours one by one\n", FEW,
	    (double)one / FEW, (double)single / FEW / SECOND, MANY,
	    (double)one / FEW * MANY / 1e6,
	    (double)single / FEW * MANY / HOUR);

	for (size_t i = 0; i < MANY; i++) {
		struct dhtdb_own key = { .key = hash_of(i, bytes),
			.due = net_wall(&net) / 1000 };
		struct kadkey place = kadkey_of(key.key);

		memcpy(key.place, place.b, sizeof key.place);
		dhtdb_own_put(n->db, &key);
	}
	dhtdb_commit(n->db);
	begun = net.w.now;
	net.batched = 0;
	one = stat_of(n, DHT_STAT_ASKED);
	while (dhtdb_own_first(n->db, &own) == DHTDB_OK &&
	    own.due <= net_wall(&net) / 1000)
		net_run(&net, SECOND);
	one = stat_of(n, DHT_STAT_ASKED) - one;
	batched = net.batched;
	printf("# sweep of %d keys in %d nodes: %.1f minutes, %" PRIu64
	    " questions, %" PRIu64 " regions, %.2f holders a key\n", MANY,
	    NODES, (double)(net.w.now - begun) / MINUTE, one,
	    stat_of(n, DHT_STAT_REGIONS), (double)batched / MANY);
	net_free(&net);
}

int
main(int argc, char **argv)
{
	const char *chosen = getenv("SIM_SEED");
	uint64_t seed = chosen ? strtoull(chosen, NULL, 0) : 1;
#ifdef __SANITIZE_ADDRESS__
	size_t nodes = 150, few = 60;
	msec hour = 15 * MINUTE;
#else
	size_t nodes = 1000, few = 200;
	msec hour = HOUR;
#endif
	struct sim s;

	if (sodium_init() < 0)
		return 111;
	if (argc > 1 && strcmp(argv[1], "reprovide") == 0) {
		reprovide(seed);
		return 0;
	}
	if (argc > 2) { /* another size: NODES MINUTES */
		nodes = strtoul(argv[1], NULL, 10);
		hour = strtol(argv[2], NULL, 10) * MINUTE;
	}
	sim_run(&s, seed, nodes, hour, 1200);
	report(&s);
	sim_free(&s);
	ok(digest_of(seed, few, 5 * MINUTE) == digest_of(seed, few, 5 * MINUTE),
	    "the same seed makes the same world");
	ok(digest_of(seed, few, MINUTE) != digest_of(seed + 1, few, MINUTE),
	    "another seed another one");
	return tap_done();
}
