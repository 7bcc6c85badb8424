/* SPDX-License-Identifier: ISC
 *
 * What lookups and the table make of peers that lie. */
#include "t/dht/rig.h"
#include "t/tap.h"

#include <sodium.h>

enum { SERVERS = 40, SECOND = 1000, MINUTE = 60 * SECOND, SYBILS = 200 };

static struct job *
ask(struct node *n, unsigned verb, struct slice key)
{
	return job_wait(node_ask(n, &(struct dht_ask){
	    .verb = verb, .key = key, .count = 100, .once = true }));
}

/* Answers in parts: the beginning, and peers behind it. */

static void
put_head(struct slice message, struct buf *reply)
{
	struct kad_msg *m = mem_new(2 * sizeof *m), *a = m + 1;

	pb_decode(&kad_msg_desc, message, m, NULL);
	a->has_type = a->has_key = true;
	a->type = m->type;
	a->key = m->key;
	pb_encode(&kad_msg_desc, a, reply);
	free(m);
}

static void
put_peer(struct buf *reply, struct slice id, struct slice addr)
{
	struct kad_peer p = { .has_id = true, .id = id,
		.n_addrs = addr.n > 0, .addrs = { addr } };

	put_u8(reply, 8 << 3 | 2);
	put_varint(reply, pb_size(&kad_peer_desc, &p));
	pb_encode(&kad_peer_desc, &p, reply);
}

static struct slice
made_up_addr(uint64_t no, uint8_t at[NET_ADDR])
{
	memcpy(at, (uint8_t[]){ 4, (uint8_t)(150 + no % 10),
	    (uint8_t)(no / 10), 1, 1, 6, 0x0f, 0xa1 }, NET_ADDR);
	return slice_of(at, NET_ADDR);
}

static void
put_made_up(struct buf *reply, uint64_t no)
{
	uint8_t id[34], at[NET_ADDR];

	put_peer(reply, hash_of(no, id), made_up_addr(no, at));
}

/* Liars. */

/* Never the same twenty, and nobody of them is there. */
static int
endless(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	(void)from;
	put_head(message, reply);
	for (size_t i = 0; i < 20; i++)
		put_made_up(reply, chance(&me->net->w));
	return 1;
}

static int
only_me(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	(void)from;
	put_head(message, reply);
	for (size_t i = 0; i < 20; i++)
		put_peer(reply, peerid_bytes(&me->id), node_addr(me));
	return 1;
}

static int
many(struct buf *reply, struct slice message, size_t n)
{
	put_head(message, reply);
	for (size_t i = 0; i < n; i++)
		put_made_up(reply, 100000 + i);
	return 1;
}

static int
ten_thousand(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	(void)me;
	(void)from;
	return many(reply, message, 10000);
}

static int
two_thousand(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	(void)me;
	(void)from;
	return many(reply, message, 2000);
}

static int
private_only(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	static const uint8_t at[][NET_ADDR] = {
		{ 4, 127, 0, 0, 1, 6, 0x0f, 0xa1 },
		{ 4, 10, 1, 2, 3, 6, 0x0f, 0xa1 },
		{ 4, 192, 168, 0, 1, 6, 0x0f, 0xa1 },
		{ 4, 169, 254, 169, 254, 6, 0, 80 },
	};
	uint8_t id[34];

	(void)me;
	(void)from;
	put_head(message, reply);
	for (size_t i = 0; i < 4; i++)
		put_peer(reply, hash_of(500 + i, id),
		    slice_of(at[i], NET_ADDR));
	return 1;
}

static int
wrong_type(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	(void)me;
	(void)from;
	put_head(message, reply);
	reply->p[1] = KAD_PING; /* the type is the first field */
	return 1;
}

static int
garbage(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	uint8_t bytes[200];

	(void)from;
	(void)message;
	chance_bytes(&me->net->w, bytes, sizeof bytes);
	bytes[0] = 0xff;
	put_bytes(reply, bytes, sizeof bytes);
	return 1;
}

static int
says(struct buf *reply, struct slice message, struct slice key,
    struct slice value)
{
	struct kad_record r = { .has_key = true, .has_value = true,
		.key = key, .value = value };

	put_head(message, reply);
	put_u8(reply, 3 << 3 | 2);
	put_varint(reply, pb_size(&kad_record_desc, &r));
	pb_encode(&kad_record_desc, &r, reply);
	return 1;
}

/* The key of a value that only liars hold. */
static const char pk_key[] = "/pk/\x12\x20" "12345678901234567890123456789012";

static struct slice
value_key(void)
{
	return slice_of(pk_key, sizeof pk_key - 1);
}

static int
bad_value(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	static const uint8_t pb[] = { 8, 1, 18, 2, 1, 2 };

	(void)me;
	(void)from;
	return says(reply, message, value_key(), slice_of(pb, sizeof pb));
}

static int
huge_value(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	uint8_t *big = mem_new(KAD_VALUE + 1);

	(void)me;
	(void)from;
	says(reply, message, value_key(), slice_of(big, KAD_VALUE + 1));
	free(big);
	return 1;
}

/* A network in which some lie from now on. */
static void
with_liars(struct net *net, uint64_t seed, size_t liars,
    int (*lie)(struct node *, const struct peerid *, struct slice,
	struct buf *))
{
	net_init(net, seed);
	net_grow(net, SERVERS);
	for (size_t i = 0; i < liars; i++)
		net->nodes[3 + 3 * i]->liar = lie;
}

/* Tests. */

static bool
is_liar(const struct job *j, size_t at)
{
	struct node *n = map_get(&j->node->net->ids,
	    peerid_bytes(&j->peer[at]));

	return n == NULL || n->liar;
}

/* Some lie about who is near; all others are found nevertheless. */
static void
test_lookups(const char *what, size_t liars, int (*lie)(struct node *,
    const struct peerid *, struct slice, struct buf *))
{
	struct net net;
	const struct node *near[20];
	size_t missing = 0, most = 0, k;
	uint8_t bytes[34];

	with_liars(&net, 20, liars, lie);
	for (unsigned i = 0; i < 20; i++) {
		struct slice key = hash_of(i, bytes);
		struct node *n = net.nodes[1 + 3 * (i % 12)];
		struct job *j = ask(n, DHT_CLOSEST, key);

		k = net_nearest(&net, key, n, near, 20);
		for (size_t at = 0; at < k; at++)
			missing += at >= j->n ||
			    !peerid_eq(&j->peer[at], &near[at]->id);
		most = j->asked > most ? j->asked : most;
		missing += j->end != DHT_END_OK;
		job_free(j);
	}
	is_int(missing, 0, what);
	ok(most <= 160, "and no more than 160 are asked (%zu)", most);
	is_int(net.stuck, 0, "and nobody is woken for nothing");
	net_free(&net);
}

/* A quarter invents 20 peers with every answer. */
static void
test_inventions(void)
{
	struct net net;
	uint8_t bytes[34];
	size_t found = 0, most = 0;
	struct job *j;

	with_liars(&net, 27, 10, endless);
	for (unsigned i = 0; i < 20; i++) {
		struct slice key = hash_of(i, bytes);

		job_free(ask(net.nodes[2], DHT_PROVIDE, key));
		j = ask(net.nodes[1], DHT_PROVIDERS, key);
		found += j->n > 0;
		most = j->asked > most ? j->asked : most;
		job_free(j);
	}
	ok(found >= 18, "a quarter invents: %zu of 20 keys are found", found);
	ok(most <= 160, "and no more than 160 are asked (%zu)", most);
	net_free(&net);
}

static void
test_many(void)
{
	struct net net;
	uint8_t bytes[34];
	uint64_t before;
	struct job *j;
	struct node *n;

	with_liars(&net, 21, 10, ten_thousand);
	n = net.nodes[1];
	before = stat_of(n, DHT_STAT_BAD_ANSWERS);
	j = ask(n, DHT_CLOSEST, hash_of(1, bytes));
	is_int(j->end, DHT_END_OK, "10,000 peers in an answer: others answer");
	for (size_t i = 0; i < j->n; i++)
		ok(!is_liar(j, i), "10,000 peers: not among the nearest");
	ok(stat_of(n, DHT_STAT_BAD_ANSWERS) > before,
	    "10,000 peers: refused and counted");
	job_free(j);
	net_free(&net);

	with_liars(&net, 22, 1, two_thousand);
	n = net.nodes[1];
	j = ask(n, DHT_CLOSEST, peerid_bytes(&net.nodes[3]->id));
	is_int(j->end, DHT_END_OK, "2,000 peers in an answer");
	ok(j->asked <= SERVERS + KAD_CLOSER,
	    "2,000 peers: 20 are looked at (%zu asked)", j->asked);
	job_free(j);
	net_free(&net);
}

static bool dialled_private;

static void
look_at_dial(struct net *net, const struct dht_ev *ev)
{
	struct slice list[KADADDRS_N];
	size_t n = kadaddrs_list(ev->addrs, list);

	(void)net;
	for (size_t i = 0; i < n; i++) {
		uint8_t a = list[i].p[1];

		dialled_private |= a == 127 || a == 10 || a == 192 || a == 169;
	}
}

static void
test_private(void)
{
	struct net net;
	uint8_t bytes[34];
	struct job *j;

	with_liars(&net, 23, 10, private_only);
	dialled_private = false;
	net.dialled = look_at_dial;
	for (unsigned i = 0; i < 10; i++) {
		j = ask(net.nodes[1], DHT_CLOSEST, hash_of(i, bytes));
		is_int(j->end, DHT_END_OK, "private addresses in answers");
		job_free(j);
	}
	ok(!dialled_private, "private addresses: nobody dials them");
	net.conf.private_too = true;
	node_stop(net.nodes[1]);
	node_start(net.nodes[1], &net.conf);
	node_boot(net.nodes[1], net.nodes[0]);
	net_run(&net, 30 * SECOND);
	job_free(ask(net.nodes[1], DHT_CLOSEST, hash_of(1, bytes)));
	ok(dialled_private, "unless private_too is set: the test would see it");
	net_free(&net);
}

static void
test_nonsense(const char *what, int (*lie)(struct node *,
    const struct peerid *, struct slice, struct buf *))
{
	struct net net;
	uint8_t bytes[34];
	struct job *j;

	with_liars(&net, 24, 10, lie);
	j = ask(net.nodes[1], DHT_CLOSEST, hash_of(1, bytes));
	/* all name the same 20, of which the liars fall out */
	ok(j->end == DHT_END_OK && j->n >= 12, "%s: others answer (%zu)",
	    what, j->n);
	for (size_t i = 0; i < j->n; i++)
		if (is_liar(j, i))
			ok(false, "%s: a liar is among the nearest", what);
	ok(stat_of(net.nodes[1], DHT_STAT_BAD_ANSWERS) > 0, "%s: counted",
	    what);
	job_free(j);
	net_run(&net, 40 * MINUTE);
	for (size_t i = 0; i < 10; i++)
		if (kadtab_get(dht_table(net.nodes[1]->dht),
			&net.nodes[3 + 3 * i]->id))
			ok(false, "%s: a liar is still in the table", what);
	ok(kadtab_size(dht_table(net.nodes[1]->dht)) >= 20,
	    "%s: the table goes on without them", what);
	net_free(&net);
}

static void
test_values(const char *what, int (*lie)(struct node *, const struct peerid *,
    struct slice, struct buf *))
{
	struct net net;
	struct job *j;

	with_liars(&net, 25, 10, lie);
	j = ask(net.nodes[1], DHT_GET, value_key());
	ok(j->end == DHT_END_NOT_FOUND && j->n == 0, "%s: not given on (%s)",
	    what, dht_end_word(j->end));
	ok(stat_of(net.nodes[1], DHT_STAT_BAD_VALUES) > 0, "%s: counted",
	    what);
	job_free(j);
	net_free(&net);
}

/* Ids whose places share 12 bits with the key's, at addresses where nobody
 * answers. */
static uint8_t sybil[SYBILS][34];

static void
make_sybils(struct slice key)
{
	struct kadkey target = kadkey_of(key), at;
	uint64_t no = 1u << 20;

	for (size_t i = 0; i < SYBILS; i++)
		do
			at = kadkey_of(hash_of(no++, sybil[i]));
		while (kadkey_common(&target, &at) < 12);
}

static int
cluster(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	uint8_t at[NET_ADDR];

	(void)from;
	put_head(message, reply);
	for (size_t i = 0; i < 20; i++) {
		size_t which = pick(&me->net->w, 0, SYBILS - 1);

		put_peer(reply, slice_of(sybil[which], 34),
		    made_up_addr(which, at));
	}
	return 1;
}

static void
test_sybils(void)
{
	struct net net;
	struct node *n;
	uint8_t bytes[34];
	struct slice key = hash_of(99, bytes);
	struct job *j;

	make_sybils(key);
	with_liars(&net, 26, 0, NULL);
	n = net.nodes[1];
	j = ask(net.nodes[2], DHT_PROVIDE, key);
	is_int(j->end, DHT_END_OK, "Sybils: a key is provided");
	job_free(j);
	for (size_t i = 0; i < 5; i++)
		net.nodes[3 + 3 * i]->liar = cluster;
	j = ask(n, DHT_PROVIDERS, key);
	ok(j->n >= 1 && peerid_eq(&j->peer[0], &net.nodes[2]->id),
	    "Sybils: it is found though 200 are said to be nearer (%s)",
	    dht_end_word(j->end));
	ok(j->asked <= 160, "Sybils: no more than 160 are asked (%zu)",
	    j->asked);
	job_free(j);
	j = ask(n, DHT_CLOSEST, key);
	ok(j->took <= 60000, "Sybils: a lookup ends in its time: %s, %d ms, "
	    "%zu asked, %zu items", dht_end_word(j->end), (int)j->took,
	    j->asked, j->n);
	job_free(j);
	j = ask(net.nodes[4], DHT_PROVIDE, key);
	ok(j->took <= 60000, "Sybils: providing too: %s, %d ms, %zu asked, "
	    "%zu took it", dht_end_word(j->end), (int)j->took, j->asked,
	    j->count);
	job_free(j);
	for (size_t i = 0; i < SYBILS; i++) {
		struct peerid id = { .n = 34 };

		memcpy(id.b, sybil[i], 34);
		if (kadtab_get(dht_table(n->dht), &id))
			ok(false, "Sybils: one is in the table");
	}
	net_free(&net);
}

/* It keeps what it is given and gives nothing. */
static int
silent(struct node *me, const struct peerid *from, struct slice message,
    struct buf *reply)
{
	const struct node *near[20];
	struct kad_msg *m = mem_new(sizeof *m);
	size_t n = 0;

	pb_decode(&kad_msg_desc, message, m, NULL);
	n = net_nearest(me->net, m->key, me, near, 20);
	free(m);
	put_head(message, reply);
	for (size_t i = 0; i < n; i++)
		if (!peerid_eq(&near[i]->id, from))
			put_peer(reply, peerid_bytes(&near[i]->id),
			    node_addr(near[i]));
	return 1;
}

/* Thirty that do answer are nearer to a key than all others, on one network:
 * they name each other and the truth, but no provider. */
static void
test_cluster(void)
{
	struct net net;
	struct node *s;
	uint8_t bytes[34];
	struct slice key = hash_of(99, bytes);
	size_t found = 0, honest = 0;
	struct job *j;

	make_sybils(key);
	net_init(&net, 29);
	net_grow(&net, SERVERS);
	for (size_t i = 0; i < 30; i++) {
		s = net_add(&net);
		memcpy(s->id.b, sybil[i], 34);
		s->place = kadkey_of(peerid_bytes(&s->id));
		map_put(&net.ids, peerid_bytes(&s->id), s);
		memcpy(s->at, (uint8_t[]){ 4, 99, 99, 7, (uint8_t)(1 + i), 6,
		    0x0f, 0xa1 }, NET_ADDR);
		s->liar = silent;
		node_start(s, &net.conf);
		node_boot(s, net.nodes[0]);
	}
	net_run(&net, 2 * MINUTE);
	j = ask(net.nodes[2], DHT_PROVIDE, key);
	is_int(j->end, DHT_END_OK, "a cluster: a key is provided");
	job_free(j);
	j = ask(net.nodes[2], DHT_CLOSEST, key);
	for (size_t i = 0; i < j->n; i++)
		honest += !is_liar(j, i);
	ok(honest >= 17, "a cluster: of the nearest that count %zu are others",
	    honest);
	job_free(j);
	for (size_t i = 3; i < 23; i++) {
		j = ask(net.nodes[i], DHT_PROVIDERS, key);
		found += j->n > 0 && peerid_eq(&j->peer[0], &net.nodes[2]->id);
		job_free(j);
	}
	is_int(found, 20, "a cluster: everybody finds who provides it");
	net_free(&net);
}

int
main(void)
{
	if (sodium_init() < 0)
		return 111;
	test_lookups("endless inventions: the nearest are found", 3, endless);
	test_lookups("peers that only know themselves: they are found", 10,
	    only_me);
	test_inventions();
	test_many();
	test_private();
	test_nonsense("another type", wrong_type);
	test_nonsense("garbage", garbage);
	test_values("a value that does not belong to its key", bad_value);
	test_values("a value that is too big", huge_value);
	test_sybils();
	test_cluster();
	return tap_done();
}
