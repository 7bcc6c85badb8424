/* SPDX-License-Identifier: ISC
 *
 * What the tests of store/dhtdb share: peers and keys by number. */
#ifndef T_STORE_DHT_H
#define T_STORE_DHT_H

#include "base/fd.h"
#include "store/dhtdb.h"
#include "t/store/place.h"

enum { HOUR = 3600, LIFE = 48 * HOUR };

static const struct dhtdb_conf usual = {
	.providers = 2000000, .providers_per_key = 256,
	.providers_per_peer = 262144, .values = 65536,
	.value_bytes = 64 << 20, .values_per_peer = 1024, .peers = 1024,
	.own = 4000000, .cache = 8 << 20, .life = LIFE, .addrs_life = 24 * HOUR,
};

static inline struct peerid
peer(uint32_t n)
{
	struct peerid id = { .n = 34, .b = { 0x12, 0x20 } };

	crypto_hash_sha256(id.b + 2, (const uint8_t *)&n, sizeof n);
	return id;
}

struct key {
	uint8_t b[34];
};

static inline struct key
key(uint32_t n)
{
	struct key k = { { 0x12, 0x20 } };
	uint64_t at = UINT64_C(0x100000000) + n;

	crypto_hash_sha256(k.b + 2, (const uint8_t *)&at, sizeof at);
	return k;
}

static inline struct slice
key_slice(const struct key *k)
{
	return slice_of(k->b, sizeof k->b);
}

static inline struct dhtdb_own
own(const struct key *k, const char *value, time_t due)
{
	struct dhtdb_own o = { .key = key_slice(k),
		.value = slice_text(value), .due = due };

	crypto_hash_sha256(o.place, k->b, sizeof k->b);
	return o;
}

static inline struct dhtdb *
open_with(const struct dhtdb_conf *conf, struct heard *h)
{
	const char *why = "";
	struct dhtdb *db = dhtdb_open(db_path, conf, h ? hear : NULL, h, &why);

	if (db == NULL) {
		ok(false, "%s opens: %s", db_path, why);
		exit(1);
	}
	return db;
}

/* The committed rows and what is counted of them agree. */
static inline void
is_sound(struct dhtdb *db, const char *name)
{
	struct dhtdb_counts c = dhtdb_counts(db);
	bool same = look("SELECT count(*) FROM peer WHERE providers !="
			 " (SELECT count(*) FROM provider WHERE peer = no) OR"
			 " vals != (SELECT count(*) FROM value"
			 " WHERE value.peer = peer.no)") == 0;
	bool idle = look("SELECT count(*) FROM peer WHERE providers = 0 AND"
			 " vals = 0 AND seen = 0") != 0;

	same = same &&
	    look("SELECT count(*) FROM provider") == (int64_t)c.providers &&
	    look("SELECT count(*) FROM value") == (int64_t)c.values &&
	    look("SELECT total(length(value)) FROM value") ==
		(int64_t)c.value_bytes &&
	    look("SELECT count(*) FROM peer WHERE seen > 0") ==
		(int64_t)c.peers &&
	    look("SELECT count(*) FROM own") == (int64_t)c.own;
	ok(same && !idle, "%s: totals are true, no peer is left over", name);
}

#endif
