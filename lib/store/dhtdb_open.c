/* SPDX-License-Identifier: ISC */
#include "store/dhtdb_in.h"

#include "base/mem.h"
#include "base/msec.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HELD_MOST = 16 << 20,
	PLACE = 32,
	SLICES = 256, /* of the keyspace, when a damaged file is read */
};

/* peer: who others' records are of, and who is known good (seen is not 0);
 * providers and vals count its rows in the other two. */
static const char schema[] =
    "CREATE TABLE peer (no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    " providers INTEGER NOT NULL, vals INTEGER NOT NULL,"
    " seen INTEGER NOT NULL, addrs_at INTEGER NOT NULL, addrs BLOB NOT NULL);"
    "CREATE INDEX peer_seen ON peer (seen) WHERE seen > 0;"
    "CREATE TABLE provider (key BLOB NOT NULL, peer INTEGER NOT NULL,"
    " at INTEGER NOT NULL, PRIMARY KEY (key, peer)) WITHOUT ROWID;"
    "CREATE TABLE value (no INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,"
    " peer INTEGER NOT NULL, at INTEGER NOT NULL, value BLOB NOT NULL);"
    "CREATE TABLE own (place BLOB PRIMARY KEY CHECK (length(place) = 32),"
    " key BLOB NOT NULL, value BLOB NOT NULL, due INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX own_due ON own (due);"
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
    " WITHOUT ROWID";

static int
set_up(struct dhtdb *db)
{
	char stamp[128];
	int rc = sqlite3_exec(db->sql.db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	snprintf(stamp, sizeof stamp,
	    "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
	    dhtdb_kind.application, dhtdb_kind.version);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql.db, schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql.db, stamp, NULL, NULL, NULL);
	return rc;
}

/* Also finds out whether all tables are there: without one it is damaged. */
static int
count(struct dhtdb *db)
{
	sqlite3_stmt *q;

	db->sql.rc = SQLITE_OK;
	q = sql_ask(&db->sql, SQL_COUNT, (struct sql_given){ 0 });
	if (sql_row(&db->sql, q))
		db->counts = (struct dhtdb_counts){
			.providers = sql_uint(q, 0),
			.values = sql_uint(q, 1),
			.value_bytes = sql_uint(q, 2),
			.peers = sql_uint(q, 3),
			.own = sql_uint(q, 4),
		};
	sql_end(&db->sql);
	return db->sql.rc == SQLITE_ERROR ? SQLITE_CORRUPT : db->sql.rc;
}

static int
settle(struct dhtdb *db)
{
	struct sql *sql = &db->sql;
	int rc = sql_open(sql, db->conf.cache);

	if (rc == SQLITE_OK && sql->fresh)
		rc = set_up(db);
	else if (rc == SQLITE_OK && sql->version != dhtdb_kind.version)
		rc = SQLITE_CORRUPT;
	else if (rc == SQLITE_OK)
		rc = sql_check(sql, true);
	return rc == SQLITE_OK ? count(db) : rc;
}

/* keep: the log stays as it is, for whoever reads the damaged file. */
static void
shut(struct dhtdb *db, bool keep)
{
	sql_shut(&db->sql, keep);
	db->counts = (struct dhtdb_counts){ 0 };
}

static int
open_file(struct dhtdb *db)
{
	int rc = settle(db);

	if (rc != SQLITE_OK)
		shut(db, sql_damage(rc));
	return rc;
}

int
dhtdb_attach(struct dhtdb *db)
{
	int rc = open_file(db);

	return sql_damage(rc) ? dhtdb_replace(db, rc) : rc;
}

/* Places of the slice, upward until something cannot be read, and then from
 * its other end: what is lost lies between.  Bytes that are readable but wrong
 * show in that the key is not at its place. */
static void
salvage_slice(struct dhtdb *db, sqlite3_stmt *q, unsigned slice)
{
	uint8_t low[1] = { (uint8_t)slice }, high[PLACE + 1], place[PLACE];

	memset(high, 0xff, sizeof high);
	high[0] = low[0];
	sqlite3_bind_blob(q, 1, low, sizeof low, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, high, sizeof high, SQLITE_STATIC);
	while (db->sql.rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW) {
		struct slice at = sql_bytes(q, 0);
		struct call c = { .own = { .key = sql_bytes(q, 1),
				      .value = sql_bytes(q, 2),
				      .due = sqlite3_column_int64(q, 3) } };

		crypto_hash_sha256(place, c.own.key.p, c.own.key.n);
		if (!slice_eq(at, slice_of(place, PLACE)))
			continue;
		memcpy(c.own.place, place, PLACE);
		dhtdb_keep_own(db, &c);
	}
}

static void
salvage_own(struct dhtdb *db, sqlite3 *from)
{
	static const char *const ways[] = {
		"SELECT place, key, value, due FROM own"
		" WHERE place BETWEEN ?1 AND ?2 ORDER BY place",
		"SELECT place, key, value, due FROM own"
		" WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC",
	};
	sqlite3_stmt *up = NULL, *down = NULL;

	sqlite3_prepare_v2(from, ways[0], -1, &up, NULL);
	sqlite3_prepare_v2(from, ways[1], -1, &down, NULL);
	for (unsigned i = 0; up && down && i < SLICES; i++) {
		salvage_slice(db, up, i);
		if (sqlite3_reset(up) == SQLITE_OK)
			continue;
		salvage_slice(db, down, i);
		sqlite3_reset(down);
	}
	sqlite3_finalize(up);
	sqlite3_finalize(down);
}

static void
salvage_rest(struct dhtdb *db, sqlite3 *from)
{
	sqlite3_stmt *q = NULL;

	sqlite3_prepare_v2(from, "SELECT name, value FROM fact", -1, &q, NULL);
	while (q && db->sql.rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		dhtdb_keep_fact(
		    db, &(struct call){ .key = sql_bytes(q, 0),
			    .number = (uint64_t)sqlite3_column_int64(q, 1) });
	sqlite3_finalize(q);
	q = NULL;
	sqlite3_prepare_v2(from,
	    "SELECT id, addrs, seen FROM peer WHERE seen > 0", -1, &q, NULL);
	while (q && db->sql.rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW) {
		struct call c = { .bytes = sql_bytes(q, 1),
			.now = sqlite3_column_int64(q, 2) };
		struct peerid id;

		c.id = &id;
		if (dhtdb_id(sql_bytes(q, 0), &id))
			dhtdb_keep_peer(db, &c);
	}
	sqlite3_finalize(q);
}

/* What SQLite keeps beside a file while it is open. */
static void
drop_index(const char *file)
{
	size_t room = strlen(file) + sizeof "-shm";
	char *name = mem_new(room);

	snprintf(name, room, "%s-shm", file);
	unlink(name);
	free(name);
}

static void
salvage(struct dhtdb *db, const char *aside)
{
	sqlite3 *from = sql_open_damaged(aside);

	db->sql.rc = SQLITE_OK;
	if (from) {
		salvage_own(db, from);
		salvage_rest(db, from);
	}
	sqlite3_close(from);
	drop_index(aside);
	if (!db->sql.begun || !sql_commit(&db->sql))
		dhtdb_forget(db);
	sql_end(&db->sql);
}

/* The log goes first: a crash in between leaves the damaged file in its place,
 * to be met again.  aside has room for path and 64 bytes. */
static int
move_aside(struct dhtdb *db, char *aside, size_t room)
{
	long long at = msec_wall() / 1000;
	char *log = mem_new(room), *log_aside = mem_new(room);
	struct stat st;

	do
		snprintf(aside, room, "%s.damaged-%lld", db->sql.path, at++);
	while (lstat(aside, &st) == 0);
	drop_index(db->sql.path);
	snprintf(log, room, "%s-wal", db->sql.path);
	snprintf(log_aside, room, "%s-wal", aside);
	rename(log, log_aside);
	free(log);
	free(log_aside);
	return rename(db->sql.path, aside);
}

int
dhtdb_replace(struct dhtdb *db, int cause)
{
	size_t room = strlen(db->sql.path) + 64;
	char *aside;
	int rc;

	shut(db, true);
	if (strcmp(db->sql.path, ":memory:") == 0)
		return cause;
	aside = mem_new(room);
	if (move_aside(db, aside, room) < 0) {
		db->sql.why = "it is damaged and cannot be moved aside";
		rc = SQLITE_CANTOPEN;
	} else {
		rc = open_file(db);
	}
	if (rc == SQLITE_OK) {
		salvage(db, aside);
		sql_tell(&db->sql,
		    "%s was damaged (%s) and is now %s; %llu own keys and "
		    "%llu peers carried over",
		    db->sql.path, sqlite3_errstr(cause), aside,
		    (unsigned long long)db->counts.own,
		    (unsigned long long)db->counts.peers);
	}
	free(aside);
	return rc;
}

struct dhtdb *
dhtdb_open(const char *path, const struct dhtdb_conf *conf,
    void (*told)(void *arg, const char *sentence), void *arg, const char **why)
{
	struct dhtdb *db = mem_new(sizeof *db);
	int rc;

	db->conf = *conf;
	sql_init(&db->sql, &dhtdb_kind, path, told, arg);
	buf_init(&db->held, HELD_MOST, NULL);
	buf_init(&db->swept_key, HELD_MOST, NULL);
	rc = dhtdb_attach(db);
	if (rc == SQLITE_OK)
		return db;
	*why = db->sql.why ? db->sql.why : sqlite3_errstr(rc);
	dhtdb_close(db);
	return NULL;
}

void
dhtdb_close(struct dhtdb *db)
{
	if (db == NULL)
		return;
	if (db->sql.db)
		dhtdb_commit(db);
	sql_free(&db->sql);
	buf_free(&db->held);
	buf_free(&db->swept_key);
	free(db);
}
