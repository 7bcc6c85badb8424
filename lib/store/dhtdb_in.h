/* SPDX-License-Identifier: ISC
 *
 * What the files of store/dhtdb share: the statements, and how a call runs.
 *
 * A call is a body that asks and runs statements (store/sql).  The first
 * failure sticks in sql.rc, what the body returns is then ignored, and dhtdb_try
 * decides what the failure means.  A body that refuses has changed nothing. */
#ifndef STORE_DHTDB_IN_H
#define STORE_DHTDB_IN_H

#include "store/dhtdb.h"
#include "store/sql.h"

#define PEER_COLUMNS "no, providers, vals, seen FROM peer "
#define OWN_COLUMNS  "place, key, value, due FROM own "

#define DHTDB_SQL(S)                                                          \
	SQL_TRANSACTION(S)                                                    \
	S(COUNT, "SELECT (SELECT count(*) FROM provider),"                    \
	    " (SELECT count(*) FROM value),"                                  \
	    " (SELECT coalesce(sum(length(value)), 0) FROM value),"           \
	    " (SELECT count(*) FROM peer WHERE seen > 0),"                    \
	    " (SELECT count(*) FROM own),"                                    \
	    " (SELECT count(*) FROM fact)")                                   \
	S(PEER_BY_ID, "SELECT " PEER_COLUMNS "WHERE id = ?9")                 \
	S(PEER_BY_NO, "SELECT " PEER_COLUMNS "WHERE no = ?1")                 \
	S(PEER_OLDEST, "SELECT " PEER_COLUMNS                                 \
	    "WHERE seen > 0 ORDER BY seen LIMIT 1")                           \
	S(PEER_NEW, "INSERT INTO peer (id, addrs, addrs_at, seen, providers," \
	    " vals) VALUES (?9, x'', 0, 0, 0, 0)")                            \
	S(PEER_SAVE, "UPDATE peer SET providers = ?2, vals = ?3, seen = ?4,"  \
	    " addrs = iif(length(?9), ?9, addrs),"                            \
	    " addrs_at = iif(length(?9), ?5, addrs_at) WHERE no = ?1")        \
	S(PEER_CUT, "DELETE FROM peer WHERE no = ?1")                         \
	S(PEERS, "SELECT id, addrs, seen FROM peer WHERE seen > 0"            \
	    " ORDER BY seen DESC LIMIT ?1")                                   \
	S(PROVIDER_AGAIN,                                                     \
	    "UPDATE provider SET at = ?2 WHERE key = ?9 AND peer = ?1")       \
	S(PROVIDER_NEW,                                                       \
	    "INSERT INTO provider (key, peer, at) VALUES (?9, ?1, ?2)")       \
	S(PROVIDER_CUT, "DELETE FROM provider WHERE key = ?9 AND peer = ?1")  \
	S(PROVIDER_HELD, "SELECT count(*) FROM provider WHERE key = ?9")      \
	S(PROVIDER_WALK, "SELECT key, peer, at FROM provider"                 \
	    " WHERE (key, peer) > (?9, ?1) ORDER BY key, peer LIMIT ?2")      \
	S(PROVIDERS, "SELECT id, iif(addrs_at BETWEEN ?4 AND ?5, addrs, x'')," \
	    " at FROM (SELECT peer, at FROM provider WHERE key = ?9"          \
	    " AND at BETWEEN ?1 AND ?2 ORDER BY at DESC LIMIT ?3)"            \
	    " JOIN peer ON no = peer ORDER BY at DESC")                       \
	S(VALUE_BY_KEY,                                                       \
	    "SELECT no, peer, at, length(value) FROM value WHERE key = ?9")   \
	S(VALUE_NEW, "INSERT INTO value (key, peer, at, value)"               \
	    " VALUES (?9, ?1, ?2, ?10)")                                      \
	S(VALUE_CUT, "DELETE FROM value WHERE no = ?1")                       \
	S(VALUE_WALK, "SELECT no, peer, at, length(value) FROM value"         \
	    " WHERE no > ?1 ORDER BY no LIMIT ?2")                            \
	S(VALUE_GET, "SELECT value, at FROM value"                            \
	    " WHERE key = ?9 AND at BETWEEN ?1 AND ?2")                       \
	S(OWN_AGAIN,                                                          \
	    "UPDATE own SET key = ?10, value = ?11, due = ?1 WHERE place = ?9") \
	S(OWN_NEW, "INSERT INTO own (place, key, value, due)"                 \
	    " VALUES (?9, ?10, ?11, ?1)")                                     \
	S(OWN_CUT, "DELETE FROM own WHERE place = ?9")                        \
	S(OWN_DUE, "UPDATE own SET due = ?1 WHERE place = ?9")                \
	S(OWN_FIRST, "SELECT " OWN_COLUMNS "ORDER BY due LIMIT 1")            \
	S(OWN_NEXT, "SELECT " OWN_COLUMNS                                     \
	    "WHERE place >= ?9 ORDER BY place LIMIT 1")                       \
	S(FACT_SET, "INSERT OR REPLACE INTO fact (name, value)"               \
	    " VALUES (CAST(?9 AS TEXT), ?1)")                                 \
	S(FACT_GET, "SELECT value FROM fact WHERE name = CAST(?9 AS TEXT)")

enum dhtdb_sql {
#define S(name, text) SQL_##name,
	DHTDB_SQL(S)
#undef S
	SQL_N
};

struct dhtdb {
	struct sql sql;              /* closed: the next call opens it */
	bool lost;                   /* gathered, rolled back, and not yet said */
	bool bad;                    /* the last write failed */
	struct dhtdb_counts counts;  /* the totals only */
	struct dhtdb_counts before;  /* as they were when it began */
	struct dhtdb_conf conf;
	struct buf held;             /* what a struct dhtdb_own borrows */
	struct buf swept_key;        /* expired so far: after this row */
	int64_t swept_peer, swept_value;
};

/* What a call was given, and what it found. */
struct call {
	struct slice key, bytes; /* addresses or a value */
	const struct peerid *id;
	time_t now;
	const uint8_t *place;
	struct dhtdb_own own;
	uint64_t number;
	struct buf *into;
	size_t base; /* what into held before: a second try begins there */
	struct dhtdb_provider *out;
	size_t n, got;
};
typedef enum dhtdb_said dhtdb_body(struct dhtdb *db, struct call *c);

/* Run the body; when the file proves to be damaged, once more on a new one. */
enum dhtdb_said dhtdb_try(struct dhtdb *, dhtdb_body *, struct call *);
/* A statement that writes: how many rows it changed. */
uint64_t dhtdb_run(struct dhtdb *, enum dhtdb_sql, struct sql_given);
bool dhtdb_id(struct slice, struct peerid *); /* false: it cannot be one */
void dhtdb_forget(struct dhtdb *);            /* roll back */
extern const struct sql_kind dhtdb_kind;

/* Open what stands at path, or make it: an SQLite code. */
int dhtdb_attach(struct dhtdb *);
/* Close the damaged file, move it aside, make a new one and carry over. */
int dhtdb_replace(struct dhtdb *, int cause);

/* Bodies that salvaging uses as well. */
dhtdb_body dhtdb_keep_own, dhtdb_keep_peer, dhtdb_keep_fact;

#endif
