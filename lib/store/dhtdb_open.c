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
	APPLICATION = 0x4b6e4468, /* "KnDh" */
	VERSION = 1,
	HELD_MOST = 16 << 20,
	BUSY_MS = 1000,
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

/* Debian's SQLite overwrites what it deletes unless told otherwise. */
static const char pragmas[] = "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA wal_autocheckpoint = 1000;"
			      "PRAGMA journal_size_limit = 4194304;"
			      "PRAGMA temp_store = MEMORY;"
			      "PRAGMA secure_delete = OFF;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA trusted_schema = OFF;";

static int
ask_int(sqlite3 *sql, const char *text, int64_t *v)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(sql, text, -1, &q, NULL);

	if (rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		*v = sqlite3_column_int64(q, 0);
	/* the code of the last step, if that failed */
	if (rc == SQLITE_OK)
		rc = sqlite3_reset(q);
	sqlite3_finalize(q);
	return rc;
}

/* Whose file is it?  Nothing has been written to it when this refuses. */
static int
identify(struct dhtdb *db, bool *fresh)
{
	int64_t id = 0, version = 0, tables = 0;
	int rc = ask_int(db->sql, "PRAGMA application_id", &id);

	if (rc == SQLITE_OK)
		rc = ask_int(db->sql, "PRAGMA user_version", &version);
	if (rc == SQLITE_OK)
		rc = ask_int(
		    db->sql, "SELECT count(*) FROM sqlite_master", &tables);
	if (rc != SQLITE_OK)
		return rc;
	*fresh = id == 0 && version == 0 && tables == 0;
	if (*fresh)
		return SQLITE_OK;
	if (id != APPLICATION)
		db->why = "it is another program's database";
	else if (version > VERSION)
		db->why = "it was made by a newer version";
	else
		return version == VERSION ? SQLITE_OK : SQLITE_CORRUPT;
	return SQLITE_CANTOPEN;
}

static int
set_up(struct dhtdb *db)
{
	char stamp[128];
	int rc = sqlite3_exec(db->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	snprintf(stamp, sizeof stamp,
	    "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
	    APPLICATION, VERSION);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, stamp, NULL, NULL, NULL);
	return rc;
}

/* One row, "ok" or the first fault. */
static int
check(struct dhtdb *db)
{
	sqlite3_stmt *q = NULL;
	int rc =
	    sqlite3_prepare_v2(db->sql, "PRAGMA quick_check(1)", -1, &q, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		rc = slice_is(dhtdb_column(q, 0), "ok") ? SQLITE_OK
							: SQLITE_CORRUPT;
	sqlite3_finalize(q);
	return rc;
}

/* Also finds out whether all tables are there: without one it is damaged. */
static int
count(struct dhtdb *db)
{
	sqlite3_stmt *q;

	db->rc = SQLITE_OK;
	q = dhtdb_ask(db, SQL_COUNT, (struct given){ 0 });
	if (dhtdb_row(db, q))
		db->counts = (struct dhtdb_counts){
			.providers = (uint64_t)sqlite3_column_int64(q, 0),
			.values = (uint64_t)sqlite3_column_int64(q, 1),
			.value_bytes = (uint64_t)sqlite3_column_int64(q, 2),
			.peers = (uint64_t)sqlite3_column_int64(q, 3),
			.own = (uint64_t)sqlite3_column_int64(q, 4),
		};
	dhtdb_end(db);
	return db->rc == SQLITE_ERROR ? SQLITE_CORRUPT : db->rc;
}

static int
settle(struct dhtdb *db)
{
	char cache[64];
	bool fresh = false;
	int rc;

	snprintf(cache, sizeof cache, "PRAGMA cache_size = -%llu",
	    (unsigned long long)(db->conf.cache / 1024));
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	rc = identify(db, &fresh);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, pragmas, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, cache, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = fresh ? set_up(db) : check(db);
	return rc == SQLITE_OK ? count(db) : rc;
}

/* keep: the log stays as it is, for whoever reads the damaged file. */
static void
shut(struct dhtdb *db, bool keep)
{
	for (size_t i = 0; i < SQL_N; i++) {
		sqlite3_finalize(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	db->used = 0;
	db->begun = false;
	db->counts = (struct dhtdb_counts){ 0 };
	if (db->sql && keep)
		sqlite3_db_config(
		    db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db->sql);
	db->sql = NULL;
}

static int
open_file(struct dhtdb *db)
{
	int rc;

	db->why = NULL;
	rc = sqlite3_open_v2(db->path, &db->sql,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		SQLITE_OPEN_EXRESCODE,
	    NULL);
	if (rc == SQLITE_OK)
		rc = settle(db);
	if (rc != SQLITE_OK)
		shut(db, dhtdb_damage(rc));
	return rc;
}

int
dhtdb_attach(struct dhtdb *db)
{
	int rc = open_file(db);

	return dhtdb_damage(rc) ? dhtdb_replace(db, rc) : rc;
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
	while (db->rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW) {
		struct slice at = dhtdb_column(q, 0);
		struct call c = { .own = { .key = dhtdb_column(q, 1),
				      .value = dhtdb_column(q, 2),
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
	while (q && db->rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		dhtdb_keep_fact(
		    db, &(struct call){ .key = dhtdb_column(q, 0),
			    .number = (uint64_t)sqlite3_column_int64(q, 1) });
	sqlite3_finalize(q);
	q = NULL;
	sqlite3_prepare_v2(from,
	    "SELECT id, addrs, seen FROM peer WHERE seen > 0", -1, &q, NULL);
	while (q && db->rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW) {
		struct call c = { .bytes = dhtdb_column(q, 1),
			.now = sqlite3_column_int64(q, 2) };
		struct peerid id;

		c.id = &id;
		if (dhtdb_id(dhtdb_column(q, 0), &id))
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

/* With writable_schema a file that is shorter than it says can be read.  The
 * damaged file is left as it is. */
static void
salvage(struct dhtdb *db, const char *aside)
{
	sqlite3 *from = NULL;

	db->rc = SQLITE_OK;
	if (sqlite3_open_v2(aside, &from,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) == SQLITE_OK) {
		sqlite3_db_config(
		    from, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_exec(from,
		    "PRAGMA writable_schema = ON; PRAGMA query_only = ON;"
		    "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF",
		    NULL, NULL, NULL);
		salvage_own(db, from);
		salvage_rest(db, from);
	}
	sqlite3_close(from);
	drop_index(aside);
	if (db->begun)
		dhtdb_row(db, dhtdb_ask(db, SQL_COMMIT, (struct given){ 0 }));
	if (db->rc == SQLITE_OK)
		db->begun = false;
	else
		dhtdb_forget(db);
	dhtdb_end(db);
}

/* The log goes first: a crash in between leaves the damaged file in its place,
 * to be met again.  aside has room for path and 64 bytes. */
static int
move_aside(struct dhtdb *db, char *aside, size_t room)
{
	long long at = msec_wall() / 1000;
	char *log = mem_new(room);
	struct stat st;

	do
		snprintf(aside, room, "%s.damaged-%lld", db->path, at++);
	while (lstat(aside, &st) == 0);
	drop_index(db->path);
	snprintf(log, room, "%s-wal", aside);
	rename(db->log, log);
	free(log);
	return rename(db->path, aside);
}

int
dhtdb_replace(struct dhtdb *db, int cause)
{
	size_t room = strlen(db->path) + 64;
	char *aside;
	int rc;

	shut(db, true);
	if (strcmp(db->path, ":memory:") == 0)
		return cause;
	aside = mem_new(room);
	if (move_aside(db, aside, room) < 0) {
		db->why = "it is damaged and cannot be moved aside";
		rc = SQLITE_CANTOPEN;
	} else {
		rc = open_file(db);
	}
	if (rc == SQLITE_OK) {
		salvage(db, aside);
		dhtdb_tell(db,
		    "%s was damaged (%s) and is now %s; %llu own keys and "
		    "%llu peers carried over",
		    db->path, sqlite3_errstr(cause), aside,
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
	size_t room = strlen(path) + sizeof "-wal";
	int rc;

	db->conf = *conf;
	db->path = mem_string(path);
	db->log = mem_new(room);
	snprintf(db->log, room, "%s-wal", path);
	db->told = told;
	db->arg = arg;
	buf_init(&db->held, HELD_MOST, NULL);
	buf_init(&db->swept_key, HELD_MOST, NULL);
	rc = dhtdb_attach(db);
	if (rc == SQLITE_OK)
		return db;
	*why = db->why ? db->why : sqlite3_errstr(rc);
	dhtdb_close(db);
	return NULL;
}

void
dhtdb_close(struct dhtdb *db)
{
	if (db == NULL)
		return;
	if (db->sql)
		dhtdb_commit(db);
	shut(db, false);
	buf_free(&db->held);
	buf_free(&db->swept_key);
	free(db->path);
	free(db->log);
	free(db);
}
