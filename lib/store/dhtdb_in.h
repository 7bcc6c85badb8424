/* SPDX-License-Identifier: ISC
 *
 * What the files of store/dhtdb share: the statements, and how a call runs.
 *
 * A call is a body that asks and runs statements.  The first failure stands in
 * rc and sticks: later statements do nothing, what the body returns is then
 * ignored, and dhtdb_try decides what the failure means.  A body that refuses
 * has changed nothing. */
#ifndef STORE_DHTDB_IN_H
#define STORE_DHTDB_IN_H

#include "store/dhtdb.h"

#include <sqlite3.h>

/* Numbers are ?1 to ?5, bytes ?6 to ?8. */
enum { DHTDB_INTS = 5, DHTDB_BLOBS = 3 };

#define PEER_COLUMNS "no, providers, vals, seen FROM peer "
#define OWN_COLUMNS  "place, key, value, due FROM own "

#define DHTDB_SQL(S)                                                          \
	S(BEGIN, "BEGIN IMMEDIATE")                                           \
	S(COMMIT, "COMMIT")                                                   \
	S(ROLLBACK, "ROLLBACK")                                               \
	S(COUNT, "SELECT (SELECT count(*) FROM provider),"                    \
	    " (SELECT count(*) FROM value),"                                  \
	    " (SELECT coalesce(sum(length(value)), 0) FROM value),"           \
	    " (SELECT count(*) FROM peer WHERE seen > 0),"                    \
	    " (SELECT count(*) FROM own),"                                    \
	    " (SELECT count(*) FROM fact)")                                   \
	S(PEER_BY_ID, "SELECT " PEER_COLUMNS "WHERE id = ?6")                 \
	S(PEER_BY_NO, "SELECT " PEER_COLUMNS "WHERE no = ?1")                 \
	S(PEER_OLDEST, "SELECT " PEER_COLUMNS                                 \
	    "WHERE seen > 0 ORDER BY seen LIMIT 1")                           \
	S(PEER_NEW, "INSERT INTO peer (id, addrs, addrs_at, seen, providers," \
	    " vals) VALUES (?6, x'', 0, 0, 0, 0)")                            \
	S(PEER_SAVE, "UPDATE peer SET providers = ?2, vals = ?3, seen = ?4,"  \
	    " addrs = iif(length(?6), ?6, addrs),"                            \
	    " addrs_at = iif(length(?6), ?5, addrs_at) WHERE no = ?1")        \
	S(PEER_CUT, "DELETE FROM peer WHERE no = ?1")                         \
	S(PEERS, "SELECT id, addrs, seen FROM peer WHERE seen > 0"            \
	    " ORDER BY seen DESC LIMIT ?1")                                   \
	S(PROVIDER_AGAIN,                                                     \
	    "UPDATE provider SET at = ?2 WHERE key = ?6 AND peer = ?1")       \
	S(PROVIDER_NEW,                                                       \
	    "INSERT INTO provider (key, peer, at) VALUES (?6, ?1, ?2)")       \
	S(PROVIDER_CUT, "DELETE FROM provider WHERE key = ?6 AND peer = ?1")  \
	S(PROVIDER_HELD, "SELECT count(*) FROM provider WHERE key = ?6")      \
	S(PROVIDER_WALK, "SELECT key, peer, at FROM provider"                 \
	    " WHERE (key, peer) > (?6, ?1) ORDER BY key, peer LIMIT ?2")      \
	S(PROVIDERS, "SELECT id, iif(addrs_at BETWEEN ?4 AND ?5, addrs, x'')," \
	    " at FROM (SELECT peer, at FROM provider WHERE key = ?6"          \
	    " AND at BETWEEN ?1 AND ?2 ORDER BY at DESC LIMIT ?3)"            \
	    " JOIN peer ON no = peer ORDER BY at DESC")                       \
	S(VALUE_BY_KEY,                                                       \
	    "SELECT no, peer, at, length(value) FROM value WHERE key = ?6")   \
	S(VALUE_NEW, "INSERT INTO value (key, peer, at, value)"               \
	    " VALUES (?6, ?1, ?2, ?7)")                                       \
	S(VALUE_CUT, "DELETE FROM value WHERE no = ?1")                       \
	S(VALUE_WALK, "SELECT no, peer, at, length(value) FROM value"         \
	    " WHERE no > ?1 ORDER BY no LIMIT ?2")                            \
	S(VALUE_GET, "SELECT value, at FROM value"                            \
	    " WHERE key = ?6 AND at BETWEEN ?1 AND ?2")                       \
	S(OWN_AGAIN,                                                          \
	    "UPDATE own SET key = ?7, value = ?8, due = ?1 WHERE place = ?6") \
	S(OWN_NEW, "INSERT INTO own (place, key, value, due)"                 \
	    " VALUES (?6, ?7, ?8, ?1)")                                       \
	S(OWN_CUT, "DELETE FROM own WHERE place = ?6")                        \
	S(OWN_DUE, "UPDATE own SET due = ?1 WHERE place = ?6")                \
	S(OWN_FIRST, "SELECT " OWN_COLUMNS "ORDER BY due LIMIT 1")            \
	S(OWN_NEXT, "SELECT " OWN_COLUMNS                                     \
	    "WHERE place >= ?6 ORDER BY place LIMIT 1")                       \
	S(FACT_SET, "INSERT OR REPLACE INTO fact (name, value)"               \
	    " VALUES (CAST(?6 AS TEXT), ?1)")                                 \
	S(FACT_GET, "SELECT value FROM fact WHERE name = CAST(?6 AS TEXT)")

enum dhtdb_sql {
#define S(name, text) SQL_##name,
	DHTDB_SQL(S)
#undef S
	SQL_N
};

/* What a statement is given. */
struct given {
	int64_t i[DHTDB_INTS];
	struct slice b[DHTDB_BLOBS];
};

struct dhtdb {
	sqlite3 *sql; /* NULL: it could not be opened again; the next call tries */
	sqlite3_stmt *stmts[SQL_N];
	uint64_t used; /* by the call under way, a bit for each statement */
	int rc;
	const char *why;             /* of a refusal that is not SQLite's */
	bool begun;                  /* a transaction is open */
	bool lost;                   /* gathered, rolled back, and not yet said */
	bool bad;                    /* the last write failed */
	struct dhtdb_counts counts;  /* the totals only */
	struct dhtdb_counts before;  /* as they were when it began */
	struct dhtdb_conf conf;
	char *path, *log;
	void (*told)(void *arg, const char *sentence);
	void *arg;
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
/* The statement, bound, or NULL.  What it is given has to outlive it; it ends
 * with the call. */
sqlite3_stmt *dhtdb_ask(struct dhtdb *, enum dhtdb_sql, struct given);
bool dhtdb_row(struct dhtdb *, sqlite3_stmt *); /* false: no more, or rc */
/* A statement that writes: begins a transaction when none is open.  Returns how
 * many rows it changed. */
uint64_t dhtdb_run(struct dhtdb *, enum dhtdb_sql, struct given);
struct slice dhtdb_column(sqlite3_stmt *, int column);
bool dhtdb_id(struct slice, struct peerid *); /* false: it cannot be one */
void dhtdb_end(struct dhtdb *);    /* end the statements of the call */
void dhtdb_forget(struct dhtdb *); /* roll back */
void dhtdb_tell(struct dhtdb *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
bool dhtdb_damage(int rc);

/* Open what stands at path, or make it: an SQLite code. */
int dhtdb_attach(struct dhtdb *);
/* Close the damaged file, move it aside, make a new one and carry over. */
int dhtdb_replace(struct dhtdb *, int cause);

/* Bodies that salvaging uses as well. */
dhtdb_body dhtdb_keep_own, dhtdb_keep_peer, dhtdb_keep_fact;

#endif
