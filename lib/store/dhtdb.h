/* SPDX-License-Identifier: ISC
 *
 * dht.db (dht.db(5)): what kn-dht keeps, in SQLite.  Provider and value records
 * of others, peers that are known good, and what this node itself provides and
 * puts, with the time when that is due again.
 *
 * One writer.  Writes gather in a transaction that dhtdb_commit ends, about once
 * a second, so that a thousand records cost one write; reads see what is not yet
 * committed.  What others gave us may be lost with the last second; what the
 * node itself was asked to keep is durable when dhtdb_commit has returned 0.
 * Everything that grows has a ceiling.  Memory is bounded by the page cache.
 *
 * When the disk is full, or the file cannot be written, calls fail with
 * DHTDB_DISK and nothing else changes; the next call tries again.  When the file
 * is damaged it is moved aside (".damaged-TIME"), a new one is made, what can
 * still be read of the node's own keys is carried over, and told says so.
 *
 * Times are seconds since 1970. */
#ifndef STORE_DHTDB_H
#define STORE_DHTDB_H

#include "base/buf.h"
#include "wire/peerid.h"

#include <time.h>

struct dhtdb;

struct dhtdb_conf {
	uint64_t providers;          /* rows in all, 2,000,000 */
	uint64_t providers_per_key;  /* 256 */
	uint64_t providers_per_peer; /* 262,144 */
	uint64_t values;             /* rows in all, 65,536 */
	uint64_t value_bytes;        /* of all values, 64 MiB */
	uint64_t values_per_peer;    /* 1024 */
	uint64_t peers;              /* known good ones, 1024 */
	uint64_t own;                /* keys of ours, 4,000,000 */
	uint64_t cache;              /* bytes of page cache, 8 MiB */
	time_t life;                 /* of a provider record or a value, 48 h */
	time_t addrs_life;           /* of a provider's addresses, 24 h */
};

/* What came of it. */
enum dhtdb_said {
	DHTDB_OK,
	DHTDB_NONE,     /* there is none */
	DHTDB_FULL,     /* the ceiling over all */
	DHTDB_KEY_FULL, /* of one key */
	DHTDB_PEER_FULL,
	DHTDB_DISK, /* not written: why says what SQLite says */
};

/* path ":memory:" for tests.  told (borrowed, may be NULL) is called with one
 * sentence when something happens that an operator should know: moved aside,
 * disk full, disk good again.  NULL: the file cannot be opened or made at all,
 * *why (static) says what is wrong. */
struct dhtdb *dhtdb_open(const char *path, const struct dhtdb_conf *,
    void (*told)(void *arg, const char *sentence), void *arg, const char **why);
void dhtdb_close(struct dhtdb *); /* commits */

/* End the gathered transaction.  OK or DISK: what was gathered since the last
 * commit is lost, now or already when a call in between said DISK. */
enum dhtdb_said dhtdb_commit(struct dhtdb *);
bool dhtdb_dirty(const struct dhtdb *);

/* Provider records.  addrs is opaque (packed), may be empty: then what is known
 * of the peer's addresses stays. */
enum dhtdb_said dhtdb_provider_add(struct dhtdb *, struct slice key,
    const struct peerid *, struct slice addrs, time_t now);
struct dhtdb_provider {
	struct peerid id;
	struct slice addrs; /* borrowed; empty: too old or unknown */
	time_t at;
};
/* Newest first, those that have not expired, at most n.  addrs are appended to
 * bytes, which outlives the result.  Returns how many. */
size_t dhtdb_providers(struct dhtdb *, struct slice key, time_t now,
    struct dhtdb_provider *out, size_t n, struct buf *bytes);

/* Values.  from: who put it (for its ceiling). */
enum dhtdb_said dhtdb_value_put(struct dhtdb *, struct slice key,
    struct slice value, const struct peerid *from, time_t now);
/* OK, and value is appended to out and *at is when it came; or NONE. */
enum dhtdb_said dhtdb_value_get(struct dhtdb *, struct slice key, time_t now,
    struct buf *out, time_t *at);

/* Peers that answered, for the next start; the oldest make room. */
enum dhtdb_said dhtdb_peer_seen(struct dhtdb *, const struct peerid *,
    struct slice addrs, time_t now);
void dhtdb_peer_cut(struct dhtdb *, const struct peerid *);
/* It has failed to answer: it comes behind all that have not. */
void dhtdb_peer_doubt(struct dhtdb *, const struct peerid *);
/* Most recently seen first; addrs as in dhtdb_providers, however old. */
size_t dhtdb_peers(struct dhtdb *, struct dhtdb_provider *out, size_t n,
    struct buf *bytes);

/* Our own keys, in the order of their places in the keyspace.  place is the 32
 * bytes of the kadkey; value empty: we provide it, otherwise a record we put. */
struct dhtdb_own {
	uint8_t place[32];
	struct slice key;   /* borrowed until the next dhtdb_ call */
	struct slice value;
	time_t due;         /* of the next reprovide */
};
enum dhtdb_said dhtdb_own_put(struct dhtdb *, const struct dhtdb_own *);
/* NONE: it is not there. */
enum dhtdb_said dhtdb_own_cut(struct dhtdb *, const uint8_t place[32]);
enum dhtdb_said dhtdb_own_due(struct dhtdb *, const uint8_t place[32],
    time_t due);
/* The one that is due first.  OK or NONE. */
enum dhtdb_said dhtdb_own_first(struct dhtdb *, struct dhtdb_own *);
/* The next one at or after place (32 bytes), for a walk through a region. */
enum dhtdb_said dhtdb_own_next(struct dhtdb *, const uint8_t place[32],
    struct dhtdb_own *);
uint64_t dhtdb_own_count(struct dhtdb *);

/* Small facts that survive a restart ("mode"). */
enum dhtdb_said dhtdb_fact_set(struct dhtdb *, const char *name, uint64_t value);
enum dhtdb_said dhtdb_fact_get(struct dhtdb *, const char *name,
    uint64_t *value);

/* Throw away expired records, a bounded number of them in one call.  Returns
 * how many went. */
size_t dhtdb_expire(struct dhtdb *, time_t now);

struct dhtdb_counts {
	uint64_t providers, values, value_bytes, peers, own;
	uint64_t disk_bytes;   /* of the file and its log */
	bool disk_bad;         /* the last write failed */
};
struct dhtdb_counts dhtdb_counts(struct dhtdb *);

#endif
