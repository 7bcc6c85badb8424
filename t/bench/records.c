/* SPDX-License-Identifier: ISC
 *
 * records FILE N [CACHE]: a dht.db with N provider records of 10,000 peers, and
 * what that took: one line of JSON. */
#include "base/msec.h"
#include "store/dhtdb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS = 10000, COMMIT = 5000, LOOKUPS = 20000, CACHE = 8 << 20 };

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* A sha2-256 multihash of nothing in particular. */
static struct slice
hash_of(uint64_t no, uint8_t bytes[34])
{
	for (size_t i = 0; i < 34; i++)
		bytes[i] = (uint8_t)mix(no * 64 + i + 1);
	bytes[0] = 0x12;
	bytes[1] = 0x20;
	return slice_of(bytes, 34);
}

static struct peerid
peer_of(uint64_t no)
{
	struct peerid id = { .n = 34 };

	hash_of(no, id.b);
	return id;
}

static long
resident_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

int
main(int argc, char **argv)
{
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	const struct dhtdb_conf conf = { .providers = n + 1,
		.providers_per_key = 256, .providers_per_peer = n + 1,
		.values = 1000, .value_bytes = 1 << 20, .values_per_peer = 100,
		.peers = 1000, .own = 1000, .cache = CACHE,
		.life = 48 * 3600, .addrs_life = 24 * 3600 };
	static const uint8_t addr[] = { 0, 8, 4, 192, 0, 2, 1, 6, 0x0f, 0xa1 };
	time_t now = (time_t)(msec_wall() / 1000);
	struct dhtdb_provider at[20];
	struct buf bytes = { .max = 1 << 16 };
	struct dhtdb *db;
	const char *why = "usage: records FILE N";
	uint8_t hash[34];
	size_t found = 0;
	msec began, put, got;

	db = n > 0 ? dhtdb_open(argv[1], &conf, NULL, NULL, &why) : NULL;
	if (db == NULL) {
		fprintf(stderr, "records: %s\n", why);
		return 100;
	}
	began = msec_now();
	for (uint64_t i = 0; i < n; i++) {
		struct peerid id = peer_of(1u << 30 | mix(i) % PEERS);

		if (dhtdb_provider_add(db, hash_of(i, hash), &id,
			slice_of(addr, sizeof addr), now) != DHTDB_OK)
			return 1;
		if (i % COMMIT == COMMIT - 1)
			dhtdb_commit(db);
	}
	dhtdb_commit(db);
	put = msec_now() - began;
	began = msec_now();
	for (uint64_t i = 0; i < LOOKUPS; i++) {
		buf_cut(&bytes, 0);
		found += dhtdb_providers(db, hash_of(mix(i) % n, hash), now, at,
		    20, &bytes);
	}
	got = msec_now() - began;
	printf("{\"records\":%" PRIu64 ",\"put_per_s\":%lld,"
	    "\"get_per_s\":%lld,\"found\":%zu,\"resident_kb\":%ld,"
	    "\"disk_bytes\":%" PRIu64 "}\n", n,
	    (long long)n * 1000 / (put + 1),
	    (long long)LOOKUPS * 1000 / (got + 1), found, resident_kb(),
	    dhtdb_counts(db).disk_bytes);
	dhtdb_close(db);
	buf_free(&bytes);
	return 0;
}
