/* SPDX-License-Identifier: ISC
 *
 * dht_serve: providers, and how much room an answer has for whom. */
#include "t/dht/serve.h"

static const uint8_t private_addr[8] = { 4, 192, 168, 3, 4, 6, 0x0f, 0xa1 };

static void
test_add_provider(void)
{
	static const uint8_t long_hash[KAD_PROVIDED + 1] = { 0x12, 79 };
	struct slice addr = slice_of((uint8_t[]){ 4, 20, 1, 1, 1, 6, 1, 1 }, 8);

	begin();
	know(1);
	provide_usual(7);
	is_silent(DHT_REFUSE_N, 0, "a provider is taken without a word");
	is_int(d->commit_at, BEGIN + 1000, "and is to be committed");
	ask(KAD_GET_PROVIDERS, key_of_hash());
	is_answered("who provides it?");
	ok(got.n_provider == 1 && provider_at(7) == 0 &&
		has_its_addr(&got.provider[0], 7) &&
		!got.provider[0].has_connection,
	    "it does, and here it is");
	is_int(got.n_closer, 1, "others may know more");
	provide(8, 9, key_of_hash(), addr);
	is_silent(DHT_REFUSE_NOT_SENDER, 1, "somebody else's record");
	provide(8, 8, key_of_hash(), slice_of(NULL, 0));
	is_silent(DHT_REFUSE_NO_ADDRS, 1, "no address");
	provide(8, 8, key_of_hash(), slice_of(private_addr, 8));
	is_silent(DHT_REFUSE_NO_ADDRS, 1, "a private address");
	provide(8, 8, key_of_hash(), slice_text("\xff\xff"));
	is_silent(DHT_REFUSE_NO_ADDRS, 1, "what is no address");
	provide(8, 8, slice_text("no multihash"), addr);
	is_refused(DHT_REFUSE_KEY, "a key that is no multihash");
	provide(8, 8, slice_of(long_hash, KAD_PROVIDED + 1), addr);
	is_refused(DHT_REFUSE_KEY, "one that is too long");
	provide(8, 8, slice_of(hash, sizeof hash - 1), addr);
	is_refused(DHT_REFUSE_KEY, "one that is cut off");
	is_int(dhtdb_counts(db).providers, 1, "nothing of all that was kept");
	provide(8, 8, slice_of("\0\1x", 3), addr);
	is_silent(DHT_REFUSE_N, 0, "any hash function will do");
	prepare(KAD_ADD_PROVIDER, key_of_hash());
	give_msg(ASKER);
	is_silent(DHT_REFUSE_N, 0, "no provider at all");
	end();
}

static void
test_private_too(void)
{
	struct dht_conf conf = usual;

	conf.private_too = true;
	open_with(&conf, &usual_db, ":memory:");
	provide(8, 8, key_of_hash(), slice_of(private_addr, 8));
	is_silent(DHT_REFUSE_N, 0, "a private network takes private addresses");
	ask(KAD_GET_PROVIDERS, key_of_hash());
	ok(got.n_provider == 1 &&
		slice_eq(got.provider[0].addrs[0], slice_of(private_addr, 8)),
	    "and tells them");
	end();
}

/* One message: two of others, one of the sender that has a private address, an
 * address with its id and one with another's. */
static void
test_mixed(void)
{
	struct peerid id[3] = { peer(1), peer(2), peer(3) };
	uint8_t own[8 + 3 + PEERID_MAX] = { 0 }, others[sizeof own] = { 0 };
	size_t n = 8 + 3 + (size_t)id[0].n;

	begin();
	prepare(KAD_ADD_PROVIDER, key_of_hash());
	msg.n_provider = 3;
	addr_of(2, own);
	memcpy(own + 8, (uint8_t[]){ 0xa5, 3, id[1].n }, 3);
	memcpy(own + 11, id[1].b, id[1].n);
	addr_of(3, others);
	memcpy(others + 8, (uint8_t[]){ 0xa5, 3, id[2].n }, 3);
	memcpy(others + 11, id[2].b, id[2].n);
	for (size_t i = 0; i < 3; i++) {
		struct kad_peer *p = &msg.provider[i];

		p->has_id = true;
		p->id = peerid_bytes(&id[i]);
		p->n_addrs = 3;
		p->addrs[0] = slice_of(private_addr, 8);
		p->addrs[1] = slice_of(others, n);
		p->addrs[2] = slice_of(own, n);
	}
	give_msg(2);
	is_silent(DHT_REFUSE_NOT_SENDER, 2, "two records of others");
	ask(KAD_GET_PROVIDERS, key_of_hash());
	ok(got.n_provider == 1 && provider_at(2) == 0, "one is the sender's");
	ok(has_its_addr(&got.provider[0], 2), "with its one good address");
	end();
}

static void
test_without_addrs(void)
{
	begin();
	provide_usual(1);
	provide_usual(2);
	know(2);
	now += 25 * HOUR;
	ask(KAD_GET_PROVIDERS, key_of_hash());
	is_int(got.n_provider, 2, "providers of yesterday");
	ok(got.provider[provider_at(1)].n_addrs == 0, "one we do not know");
	ok(has_its_addr(&got.provider[provider_at(2)], 2),
	    "one we know by itself");
	meet(1, false, true);
	ask(KAD_GET_PROVIDERS, key_of_hash());
	ok(has_its_addr(&got.provider[provider_at(1)], 1) &&
		got.provider[provider_at(1)].connection == 1,
	    "now we know both");
	now += 24 * HOUR;
	ask(KAD_GET_PROVIDERS, key_of_hash());
	is_int(got.n_provider, 0, "until the day after");
	end();
}

static void
keep_own(struct slice key, struct slice value)
{
	struct kadkey place = kadkey_of(key);
	struct dhtdb_own own = { .key = key, .value = value, .due = WALL };

	memcpy(own.place, place.b, sizeof own.place);
	dhtdb_own_put(db, &own);
}

static void
test_own(void)
{
	static const uint8_t other[34] = { 0x12, 32, 9 };
	struct peerid us = peer(US);

	begin();
	provide_usual(1);
	keep_own(slice_of(other, sizeof other), slice_of(NULL, 0));
	ask(KAD_GET_PROVIDERS, key_of_hash());
	is_int(provider_at(US), -1, "a key that others provide");
	keep_own(key_of_hash(), slice_text("value"));
	ask(KAD_GET_PROVIDERS, key_of_hash());
	is_int(provider_at(US), -1, "one that we keep a value for");
	keep_own(key_of_hash(), slice_of(NULL, 0));
	ask(KAD_GET_PROVIDERS, key_of_hash());
	ok(provider_at(US) == 0 && provider_at(1) == 1,
	    "one that we provide too");
	ok(has_its_addr(&got.provider[0], US), "from where we are");
	now += 1000;
	dhtdb_provider_add(
	    db, key_of_hash(), &us, slice_of(NULL, 0), dht_wall(d));
	ask(KAD_GET_PROVIDERS, key_of_hash());
	ok(got.n_provider == 2 && provider_at(US) == 0, "never twice");
	for (unsigned i = 100; i < 200; i++)
		provide_usual(i);
	ask(KAD_GET_PROVIDERS, key_of_hash());
	ok(provider_at(US) == 0, "first among many");
	is_int(got.n_provider, KAD_PROVIDERS, "which are not too many");
	dhtdb_own_cut(db, kadkey_of(key_of_hash()).b);
	ask(KAD_GET_PROVIDERS, key_of_hash());
	is_int(got.n_provider, KAD_PROVIDERS, "nor without us");
	end();
}

/* Room. */

static size_t
bytes_of(const struct kad_peer *list, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		size_t size = pb_size(&kad_peer_desc, &list[i]);

		sum += 1 + varint_size(size) + size;
	}
	return sum;
}

static void
provide_long(unsigned i)
{
	uint8_t a[KADADDRS_N][60];
	struct peerid id = peer(i);

	prepare(KAD_ADD_PROVIDER, key_of_hash());
	msg.n_provider = msg.provider[0].has_id = 1;
	msg.provider[0].id = peerid_bytes(&id);
	msg.provider[0].n_addrs = KADADDRS_N;
	long_addrs(i, a, msg.provider[0].addrs);
	give_msg(i);
}

static void
test_room(void)
{
	enum { ONE = 550 }; /* more than a peer takes */
	struct buf key, value;
	size_t providers, closer;

	begin();
	for (unsigned i = 0; i < PEERS; i++)
		know_long(i);
	ask(KAD_FIND_NODE, key_of_hash());
	is_answered("peers with long addresses");
	is_int(got.n_closer, 20, "20 have room");
	is_int(got.closer[19].n_addrs, KADADDRS_N, "with all they have");
	closer = bytes_of(got.closer, 20) / 20;
	ok(closer > 530 && closer < ONE, "%zu bytes each", closer);

	make_value(1, WALL + 1000, KAD_VALUE - 200, &key, &value);
	put(buf_slice(&key), buf_slice(&value));
	ask(KAD_GET_VALUE, buf_slice(&key));
	is_answered("a long value");
	ok(slice_eq(got.record.value, buf_slice(&value)), "is told whole");
	ok(reply.n <= KAD_SAID && reply.n > KAD_SAID - ONE,
	    "with %zu peers in %zu bytes", got.n_closer, reply.n);
	buf_free(&key);
	buf_free(&value);

	for (unsigned i = 200; i < 300; i++)
		provide_long(i);
	ask(KAD_GET_PROVIDERS, key_of_hash());
	is_answered("providers with long addresses");
	providers = bytes_of(got.provider, got.n_provider);
	closer = bytes_of(got.closer, got.n_closer);
	ok(providers <= KAD_SAID / 2 && providers > KAD_SAID / 2 - ONE,
	    "%zu of them have half of the room", got.n_provider);
	ok(reply.n <= KAD_SAID && closer > KAD_SAID / 2 - ONE,
	    "%zu peers have the other", got.n_closer);
	end();
}

/* A hundred who come last do not hide who came first. */
static void
test_crowd(void)
{
	enum { CROWD = 100, ASKS = 30 };
	size_t seen = 0, first = 0;

	begin();
	provide_long(200);
	for (unsigned i = 1; i <= CROWD; i++)
		provide_long(200 + i);
	for (unsigned i = 0; i < ASKS; i++) {
		ask(KAD_GET_PROVIDERS, key_of_hash());
		for (size_t j = 0; j < got.n_provider; j++) {
			struct peerid id = peer(200);

			seen++;
			first += slice_eq(got.provider[j].id, peerid_bytes(&id));
		}
	}
	ok(seen > ASKS * 10, "a crowd: %zu are told", seen);
	ok(first > 0 && first <= ASKS, "the first one is among them (%zu of %d)",
	    first, ASKS);
	end();
}

int
main(void)
{
	buf_init(&sent, KAD_MESSAGE, NULL);
	buf_init(&reply, 2 * KAD_SAID, NULL);
	test_add_provider();
	test_private_too();
	test_mixed();
	test_without_addrs();
	test_own();
	test_room();
	test_crowd();
	buf_free(&sent);
	buf_free(&reply);
	return tap_done();
}
