/* SPDX-License-Identifier: ISC
 *
 * A node whose dht_serve is asked, for the tests of what it answers. */
#ifndef T_DHT_SERVE_H
#define T_DHT_SERVE_H

#include "crypt/envelope.h"
#include "dht/dht_own.h"
#include "t/tap.h"

enum {
	WALL = 1700000000, /* s: 2023-11-14T22:13:20Z */
	BEGIN = 5000,      /* ms */
	HOUR = 3600000,
	US = 9999,         /* number of our own peer */
	ASKER = 9000,
	PEERS = 120,
};

static const char *const names[] = { "kn", NULL };
static const struct dht_conf usual = {
	.mode = DHT_SERVER, .k = 20, .alpha = 10, .beta = 3, .paths = 3,
	.quorum = 5, .names = names, .rpc_timeout = 10000,
	.op_timeout = 60000, .reprovide = 22 * HOUR, .refresh = 600000,
	.server_after = 60000, .client_after = 900000, .ops = 256, .rpcs = 512,
};
static const struct dhtdb_conf usual_db = {
	.providers = 1000, .providers_per_key = 256, .providers_per_peer = 1000,
	.values = 100, .value_bytes = 1 << 20, .values_per_peer = 100,
	.peers = 16, .own = 100, .cache = 1 << 20, .life = 48 * 3600,
	.addrs_life = 24 * 3600,
};
/* sha2-256 of nothing in particular */
static const uint8_t hash[34] = { 0x12, 32, 1, 2, 3 };

static struct dht *d;
static struct dhtdb *db;
static msec now;

/* Of the last request. */
static int said;
static enum dht_refusal why;
static struct buf sent, reply;
static struct kad_msg msg, got; /* msg: to be sent */
static uint64_t refused_before[DHT_REFUSE_N], served_before;

static inline struct slice
key_of_hash(void)
{
	return slice_of(hash, sizeof hash);
}

static inline struct peerid
peer(unsigned i)
{
	uint8_t key[36] = { 8, 1, 18, 32, (uint8_t)(i >> 8), (uint8_t)i };

	return peerid_of_key(slice_of(key, sizeof key));
}

/* Of a network of its own. */
static inline void
addr_of(unsigned i, uint8_t a[8])
{
	const uint8_t of[8] = { 4, (uint8_t)(20 + i / 256), (uint8_t)i, 1, 1, 6,
		0x0f, 0xa1 };

	memcpy(a, of, sizeof of);
}

static inline void
open_with(const struct dht_conf *conf, const struct dhtdb_conf *dbconf,
    const char *path)
{
	struct peerid us = peer(US);
	const char *fault;
	uint8_t a[8];
	struct slice addr = slice_of(a, sizeof a);

	now = BEGIN;
	db = dhtdb_open(path, dbconf, NULL, NULL, &fault);
	d = dht_new(conf, &us, db, now, (msec)WALL * 1000);
	addr_of(US, a);
	dht_self(d, &addr, 1, true, now);
}

static inline void
begin(void)
{
	open_with(&usual, &usual_db, ":memory:");
}

static inline void
end(void)
{
	dht_free(d);
	dhtdb_close(db);
}

static inline void
kadaddrs_for(struct kadaddrs *addrs, unsigned i)
{
	struct peerid id = peer(i);
	uint8_t a[8];
	struct slice addr = slice_of(a, sizeof a);

	addr_of(i, a);
	kadaddrs_set(addrs, &addr, 1, &id, true);
}

static inline bool
know(unsigned i)
{
	struct peerid id = peer(i);
	struct kadaddrs addrs = { 0 };
	bool added;

	kadaddrs_for(&addrs, i);
	added = kadtab_heard(d->tab, &id, &addrs, now) == KADTAB_ADDED;
	kadaddrs_free(&addrs);
	return added;
}

static inline void
meet(unsigned i, bool server, bool with_addr)
{
	struct peerid id = peer(i);
	uint8_t a[8];
	struct slice addr = slice_of(a, sizeof a);

	addr_of(i, a);
	dht_peer(d, &id, &addr, with_addr, server, now);
}

/* 8 addresses that are as long as fit. */
static inline void
long_addrs(unsigned i, uint8_t a[KADADDRS_N][60], struct slice list[KADADDRS_N])
{
	for (size_t k = 0; k < KADADDRS_N; k++) {
		a[k][0] = MADDR_DNS4;
		a[k][1] = 55;
		memset(a[k] + 2, 'a', 55);
		a[k][2] += (uint8_t)(i % 16);
		a[k][3] += (uint8_t)(i / 16 % 16);
		a[k][4] += (uint8_t)(i / 256 % 16);
		a[k][5] += (uint8_t)k;
		a[k][57] = MADDR_TCP;
		a[k][58] = 0x0f;
		a[k][59] = 0xa1;
		list[k] = slice_of(a[k], sizeof a[k]);
	}
}

static inline void
know_long(unsigned i)
{
	uint8_t a[KADADDRS_N][60];
	struct slice list[KADADDRS_N];
	struct peerid id = peer(i);
	struct kadaddrs addrs = { 0 };

	long_addrs(i, a, list);
	kadaddrs_set(&addrs, list, KADADDRS_N, &id, false);
	kadtab_heard(d->tab, &id, &addrs, now);
	kadaddrs_free(&addrs);
}

/* Asking. */

static inline void
give(unsigned from, struct slice message)
{
	struct peerid id = peer(from);

	memcpy(refused_before, d->refused, sizeof d->refused);
	served_before = d->counts[DHT_STAT_SERVED];
	buf_cut(&reply, 0);
	why = DHT_REFUSE_N;
	said = dht_serve(d, &id, message, now, &reply, &why);
	memset(&got, 0, sizeof got);
	if (said == 1 && (reply.bad || reply.n > KAD_SAID ||
			     pb_decode(&kad_msg_desc, buf_slice(&reply), &got,
				 NULL) < 0))
		ok(false, "an answer of %zu bytes", reply.n);
}

static inline void
give_msg(unsigned from)
{
	buf_cut(&sent, 0);
	pb_encode(&kad_msg_desc, &msg, &sent);
	give(from, buf_slice(&sent));
}

static inline void
prepare(enum kad_type type, struct slice key)
{
	memset(&msg, 0, sizeof msg);
	msg.has_type = msg.has_key = true;
	msg.type = type;
	msg.key = key;
}

static inline void
ask(enum kad_type type, struct slice key)
{
	prepare(type, key);
	give_msg(ASKER);
}

static inline void
is_answered(const char *name)
{
	ok(said == 1 && reply.n > 0 && got.type == msg.type &&
		d->counts[DHT_STAT_SERVED] == served_before + 1 &&
		memcmp(d->refused, refused_before, sizeof d->refused) == 0,
	    "%s", name);
}

static inline void
is_refused(enum dht_refusal want, const char *name)
{
	if (why != want)
		printf("# %d: %s\n", said, dht_refusal_word(why));
	refused_before[want]++;
	ok(said == -1 && why == want && reply.n == 0 &&
		d->counts[DHT_STAT_SERVED] == served_before &&
		memcmp(d->refused, refused_before, sizeof d->refused) == 0,
	    "%s", name);
}

/* Nothing is said, and want (if it is one) was counted so often. */
static inline void
is_silent(enum dht_refusal want, uint64_t times, const char *name)
{
	if (want < DHT_REFUSE_N)
		refused_before[want] += times;
	ok(said == 0 && reply.n == 0 &&
		d->counts[DHT_STAT_SERVED] == served_before &&
		memcmp(d->refused, refused_before, sizeof d->refused) == 0,
	    "%s", name);
}

/* Where in the list; -1: nowhere, -2: more than once. */
static inline int
where(const struct kad_peer *list, size_t n, unsigned i)
{
	struct peerid id = peer(i);
	int at = -1;

	for (size_t k = 0; k < n; k++)
		if (slice_eq(list[k].id, peerid_bytes(&id)))
			at = at == -1 ? (int)k : -2;
	return at;
}

static inline int
closer_at(unsigned i)
{
	return where(got.closer, got.n_closer, i);
}

static inline int
provider_at(unsigned i)
{
	return where(got.provider, got.n_provider, i);
}

static inline bool
has_its_addr(const struct kad_peer *p, unsigned i)
{
	uint8_t a[8];

	addr_of(i, a);
	return p->n_addrs == 1 && slice_eq(p->addrs[0], slice_of(a, sizeof a));
}

/* Records. */

/* A value of our own namespace, of at least size bytes. */
static inline void
make_value(uint64_t seq, time_t expires, size_t size, struct buf *key,
    struct buf *value)
{
	static const uint8_t seed[32] = { 7 }, filling[KAD_VALUE];
	struct signed_value v = { .has_seq = true,
		.seq = seq,
		.has_expires = true,
		.expires = (uint64_t)expires,
		.has_value = true,
		.value = slice_of(filling, size),
		.has_name = true,
		.name = slice_text("kn") };
	struct buf payload = { .max = 2 * KAD_VALUE };
	struct peerid id;
	struct key k;

	key_of_seed(&k, seed);
	id = key_peerid(&k);
	*key = (struct buf){ .max = KAD_KEY };
	*value = (struct buf){ .max = 2 * KAD_VALUE };
	put_text(key, "/kn/");
	put_slice(key, peerid_bytes(&id));
	pb_encode(&signed_value_desc, &v, &payload);
	envelope_seal(&envelope_value, &k, buf_slice(&payload), value);
	buf_free(&payload);
}

static inline void
put(struct slice key, struct slice value)
{
	prepare(KAD_PUT_VALUE, key);
	msg.has_type = false; /* as proto3 has a type of 0 */
	msg.has_record = msg.record.has_key = msg.record.has_value = true;
	msg.record.key = key;
	msg.record.value = value;
	msg.record.has_time_received = true;
	msg.record.time_received = slice_text("2999-01-01T00:00:00Z");
	give_msg(ASKER);
}

static inline void
provide(unsigned from, unsigned who, struct slice key, struct slice addr)
{
	struct peerid id = peer(who);

	prepare(KAD_ADD_PROVIDER, key);
	msg.n_provider = msg.provider[0].has_id = 1;
	msg.provider[0].id = peerid_bytes(&id);
	msg.provider[0].n_addrs = addr.n > 0;
	msg.provider[0].addrs[0] = addr;
	give_msg(from);
}

static inline void
provide_usual(unsigned i)
{
	uint8_t a[8];

	addr_of(i, a);
	provide(i, i, key_of_hash(), slice_of(a, sizeof a));
}

#endif
