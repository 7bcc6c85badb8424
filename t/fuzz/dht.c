/* SPDX-License-Identifier: ISC
 *
 * Messages of anything from a few peers, with hours between them, to a server
 * that knows some others: [who and how much later] [length, 2] [message] ….
 * Whatever it answers is short, can be read, and is fit to be told. */
#include "dht/dht_own.h"
#include "wire/maddr.h"

#include <stdlib.h>
#include <string.h>

enum { KNOWN = 24, WALL = 1700000000, HOUR = 3600000 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char *const names[] = { "kn", NULL };
static const struct dht_conf conf = {
	.mode = DHT_SERVER,
	.k = 20,
	.names = names,
	.refresh = HOUR,
};
static const struct dhtdb_conf dbconf = {
	.providers = 64,
	.providers_per_key = 8,
	.providers_per_peer = 16,
	.values = 16,
	.value_bytes = 1 << 16,
	.values_per_peer = 4,
	.peers = 4,
	.own = 4,
	.cache = 1 << 18,
	.life = 48 * 3600,
	.addrs_life = 24 * 3600,
};

static void
must(bool good)
{
	if (!good)
		abort();
}

static struct peerid
peer(unsigned i)
{
	uint8_t key[36] = { 8, 1, 18, 32, (uint8_t)i };

	return peerid_of_key(slice_of(key, sizeof key));
}

static void
know(struct dht *d, unsigned i)
{
	const uint8_t a[8] = { 4, 20, (uint8_t)i, 1, 1, 6, 0x0f, 0xa1 };
	struct slice addr = slice_of(a, sizeof a);
	struct peerid id = peer(i);
	struct kadaddrs addrs = { 0 };

	kadaddrs_set(&addrs, &addr, 1, &id, false);
	kadtab_heard(d->tab, &id, &addrs, 0);
	kadaddrs_free(&addrs);
}

static void
check_peers(const struct kad_peer *list, size_t n)
{
	struct peerid id;

	for (size_t i = 0; i < n; i++) {
		must(peerid_of_bytes(list[i].id, &id) == 0);
		for (size_t k = 0; k < i; k++)
			must(!slice_eq(list[i].id, list[k].id));
		for (size_t k = 0; k < list[i].n_addrs; k++)
			must(maddr_valid(list[i].addrs[k]));
	}
}

static void
check(struct slice reply, const struct peerid *from, msec wall)
{
	static struct kad_msg m;

	must(reply.n <= KAD_SAID);
	must(pb_decode(&kad_msg_desc, reply, &m, NULL) == 0);
	must(m.type <= KAD_PING && m.type != KAD_ADD_PROVIDER);
	must(m.n_closer <= conf.k);
	check_peers(m.closer, m.n_closer);
	check_peers(m.provider, m.n_provider);
	for (size_t i = 0; i < m.n_closer; i++)
		must(m.closer[i].n_addrs > 0 &&
		     !slice_eq(m.closer[i].id, peerid_bytes(from)));
	must(!m.has_record || (slice_eq(m.key, m.record.key) &&
				  kadrec_check(names, m.key, m.record.value,
				      wall) == KADREC_GOOD));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n);
	struct peerid us = peer(255);
	const char *fault;
	struct dhtdb *db = dhtdb_open(":memory:", &dbconf, NULL, NULL, &fault);
	struct dht *d = dht_new(&conf, &us, db, 0, (msec)WALL * 1000);
	struct dhtdb_own own = { .key = slice_of("\0\1o", 3) };
	struct kadkey place = kadkey_of(own.key);
	struct buf reply;
	msec now = 0;

	memcpy(own.place, place.b, sizeof own.place);
	dhtdb_own_put(db, &own);
	for (unsigned i = 0; i < KNOWN; i++)
		know(d, i);
	while (in.n >= 3) {
		uint8_t who = get_u8(&in);
		size_t length = get_u16(&in);
		struct peerid from = peer(who & 15);
		enum dht_refusal why = DHT_REFUSE_N;
		int said;

		now += (msec)(who >> 4) * HOUR;
		buf_init(&reply, KAD_SAID, NULL);
		said = dht_serve(d, &from,
		    get_bytes(&in, length < in.n ? length : in.n), now, &reply,
		    &why);
		must(!reply.bad && (said == 1 || reply.n == 0));
		must((said == -1) == (why < DHT_REFUSE_N));
		if (said == 1)
			check(
			    buf_slice(&reply), &from, now + (msec)WALL * 1000);
		buf_free(&reply);
	}
	dht_free(d);
	dhtdb_close(db);
	return 0;
}
