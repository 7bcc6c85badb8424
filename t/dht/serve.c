/* SPDX-License-Identifier: ISC
 *
 * dht_serve: what is refused at once, and whom it tells of whom. */
#include "t/dht/serve.h"

#include <stdlib.h>

/* Requests as such. */

static void
test_client(void)
{
	struct dht_conf conf = usual;

	conf.mode = DHT_CLIENT;
	open_with(&conf, &usual_db, ":memory:");
	for (unsigned type = KAD_PUT_VALUE; type <= KAD_PING; type++) {
		ask(type, key_of_hash());
		is_refused(DHT_REFUSE_CLIENT, "a client answers nothing");
	}
	give(ASKER, slice_text("\xff"));
	is_refused(DHT_REFUSE_CLIENT, "nor does it read anything");
	end();
}

static void
test_shape(void)
{
	static const uint8_t long_key[KAD_KEY + 1];

	begin();
	give(ASKER, slice_text("\x08\x04\x12\x7f"));
	is_refused(DHT_REFUSE_MALFORMED, "a key that is cut off");
	ask(KAD_PING + 1, key_of_hash());
	is_refused(DHT_REFUSE_TYPE, "the type after the last");
	prepare(0, key_of_hash());
	msg.type = UINT64_MAX;
	give_msg(ASKER);
	is_refused(DHT_REFUSE_TYPE, "a type of -1");
	for (unsigned type = KAD_PUT_VALUE; type < KAD_PING; type++) {
		ask(type, slice_of(NULL, 0));
		is_refused(DHT_REFUSE_KEY, "an empty key");
	}
	ask(KAD_FIND_NODE, slice_of(long_key, KAD_KEY));
	is_answered("a key as long as may be");
	ask(KAD_FIND_NODE, slice_of(long_key, KAD_KEY + 1));
	is_refused(DHT_REFUSE_MALFORMED, "a longer one is not even read");
	ask(KAD_GET_PROVIDERS, slice_of(long_key, KAD_PROVIDED));
	is_answered("what is provided has a key that is shorter");
	ask(KAD_GET_PROVIDERS, slice_of(long_key, KAD_PROVIDED + 1));
	is_refused(DHT_REFUSE_KEY, "by far");
	prepare(KAD_PING, slice_of(NULL, 0));
	msg.has_key = false;
	now += 7;
	give_msg(ASKER);
	is_answered("a ping needs no key");
	is_int(d->now, BEGIN + 7, "and tells the time");
	is_bytes(reply.p, reply.n, "\x08\x05", 2, "nothing but PING");
	end();
}

/* Peers. */

static struct kadkey sort_for;

static int
by_distance(const void *a, const void *b)
{
	struct peerid x = peer(*(const unsigned *)a);
	struct peerid y = peer(*(const unsigned *)b);
	struct kadkey i = kadkey_of(peerid_bytes(&x));
	struct kadkey j = kadkey_of(peerid_bytes(&y));

	return kadkey_nearer(&sort_for, &i, &j);
}

/* Everybody in the table, nearest to key first. */
static size_t
table(struct slice key, unsigned who[PEERS])
{
	size_t n = 0;

	for (unsigned i = 0; i < PEERS; i++) {
		struct peerid id = peer(i);

		if (kadtab_get(d->tab, &id))
			who[n++] = i;
	}
	sort_for = kadkey_of(key);
	qsort(who, n, sizeof *who, by_distance);
	return n;
}

static bool
are_closer(const unsigned *who, size_t n)
{
	bool same = got.n_closer == n;

	for (size_t i = 0; i < n && same; i++)
		same = closer_at(who[i]) == (int)i &&
		       has_its_addr(&got.closer[i], who[i]);
	return same;
}

static void
test_nearest(void)
{
	struct slice key = slice_text("any place");
	unsigned who[PEERS];
	struct peerid id;

	begin();
	ask(KAD_FIND_NODE, key);
	is_answered("an empty table");
	is_int(got.n_closer, 0, "nobody");
	for (unsigned i = 0; i < PEERS; i++)
		know(i);
	ok(table(key, who) > 30, "a table");
	ask(KAD_FIND_NODE, key);
	is_answered("a place in the keyspace");
	ok(are_closer(who, 20), "the 20 nearest, nearest first");
	is_int(got.n_provider + got.has_record, 0, "and nothing else");
	prepare(KAD_FIND_NODE, key);
	give_msg(who[3]);
	is_int(closer_at(who[3]), -1, "the asker is not told");
	is_int(closer_at(who[20]), 19, "the next one is");
	id = peer(who[3]);
	prepare(KAD_FIND_NODE, peerid_bytes(&id));
	give_msg(who[3]);
	is_int(closer_at(who[3]), -1, "not even if it asks for itself");
	end();
}

/* One of the nearest is in the table without an address. */
static void
test_addressless(void)
{
	struct slice key = slice_text("any place");
	struct kadaddrs none = { .from = 1 };
	unsigned who[PEERS];
	struct peerid id;

	begin();
	for (unsigned i = 0; i < PEERS; i++)
		know(i);
	table(key, who);
	id = peer(who[2]);
	end();
	begin();
	kadtab_heard(d->tab, &id, &none, now);
	for (unsigned i = 0; i < PEERS; i++)
		if (i != who[2])
			know(i);
	table(key, who);
	ask(KAD_FIND_NODE, key);
	is_int(closer_at(who[2]), -1, "who has no address is not told");
	ok(closer_at(who[3]) == 2 && got.n_closer == 20, "there are others");
	meet(who[2], true, false);
	ask(KAD_FIND_NODE, key);
	is_int(closer_at(who[2]), -1, "not even who was just here");
	meet(who[2], true, true);
	ask(KAD_FIND_NODE, key);
	ok(closer_at(who[2]) == 2 && has_its_addr(&got.closer[2], who[2]),
	    "now that we were connected, it is");
	ok(got.closer[2].connection == 1 && !got.closer[1].has_connection,
	    "and so is that we were");
	end();
}

static void
test_k(void)
{
	struct dht_conf conf = usual;

	conf.k = 3;
	open_with(&conf, &usual_db, ":memory:");
	for (unsigned i = 0; i < PEERS; i++)
		know(i);
	ask(KAD_FIND_NODE, key_of_hash());
	is_int(got.n_closer, 3, "k peers");
	end();
	conf.k = DHT_K;
	open_with(&conf, &usual_db, ":memory:");
	for (unsigned i = 0; i < PEERS; i++)
		know(i);
	ask(KAD_FIND_NODE, key_of_hash());
	is_int(got.n_closer, KAD_CLOSER, "but no more than are looked at");
	end();
}

static void
test_target(void)
{
	struct peerid us = peer(US), id = peer(500);
	unsigned who[PEERS];

	begin();
	for (unsigned i = 0; i < PEERS; i++)
		know(i);
	ask(KAD_FIND_NODE, peerid_bytes(&us));
	ok(closer_at(US) == 0 && has_its_addr(&got.closer[0], US),
	    "who asks for us is told where we are");
	is_int(got.n_closer, 20, "and others");
	ask(KAD_FIND_NODE, peerid_bytes(&id));
	is_int(closer_at(500), -1, "nobody knows this one");
	meet(500, false, false);
	ask(KAD_FIND_NODE, peerid_bytes(&id));
	is_int(closer_at(500), -1, "we know it, but not where it is");
	meet(500, false, true);
	ask(KAD_FIND_NODE, peerid_bytes(&id));
	ok(closer_at(500) == 0 && has_its_addr(&got.closer[0], 500) &&
		got.closer[0].connection == 1,
	    "a client we are connected with");
	is_int(got.n_closer, 20, "comes first");
	table(key_of_hash(), who);
	id = peer(who[0]);
	ask(KAD_FIND_NODE, peerid_bytes(&id));
	ok(closer_at(who[0]) == 0 && !got.closer[0].has_connection,
	    "somebody of the table comes first, and once");
	ask(KAD_GET_VALUE, peerid_bytes(&us));
	is_int(closer_at(US), -1, "only who looks for peers finds us");
	end();
}

int
main(void)
{
	buf_init(&sent, KAD_MESSAGE, NULL);
	buf_init(&reply, 2 * KAD_SAID, NULL);
	test_client();
	test_shape();
	test_nearest();
	test_addressless();
	test_k();
	test_target();
	buf_free(&sent);
	buf_free(&reply);
	return tap_done();
}
