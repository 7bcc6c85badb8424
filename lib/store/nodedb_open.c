/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"
#include "store/migrate.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	APPLICATION = 0x4b6e4e64, /* "KnNd" */
	BUSY_MS = 5000,
	CHECKED_BYTES = 64 << 20, /* a bigger file is not read through */
	ROW_MOST = NODEDB_KEY + 2 * NODEDB_META + 1024,
	BYTES_MOST = 8 << 20, /* sums of the biggest file, and to spare */
};

/* Debian's SQLite overwrites what it deletes unless told otherwise.  The log is
 * written over and over: cutting it short would cost its next writers a change
 * of the file's size with every sync. */
static const char pragmas[] = "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA wal_autocheckpoint = 0;"
			      "PRAGMA journal_size_limit = 67108864;"
			      "PRAGMA temp_store = MEMORY;"
			      "PRAGMA mmap_size = 0;"
			      "PRAGMA secure_delete = OFF;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA trusted_schema = OFF;";

static const char damaged[] =
    "it is damaged; kn-store rebuild makes a new one of what is there";

static int
ask_int(sqlite3 *sql, const char *text, int64_t *v)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(sql, text, -1, &q, NULL);

	if (rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		*v = sqlite3_column_int64(q, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_reset(q);
	sqlite3_finalize(q);
	return rc;
}

/* Whose file is it?  Nothing has been written to it when this refuses. */
static int
identify(struct nodedb *db, bool *newer)
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
	if (id == 0 && version == 0 && tables == 0)
		return SQLITE_OK;
	if (id != APPLICATION) {
		db->why = "it is another program's database";
		return SQLITE_CANTOPEN;
	}
	*newer = version > NODEDB_VERSION;
	if (!*newer)
		return SQLITE_OK;
	db->why = "it was made by a newer version";
	return SQLITE_CANTOPEN;
}

static int
migrate(struct nodedb *db, bool *newer)
{
	const char *why = NULL;
	enum migrate_end end = migrate_run(db->sql, nodedb_migrations,
	    nodedb_nmigrations, db->conf.snapshots, &why);

	*newer = end == MIGRATE_NEWER;
	if (end == MIGRATE_OK)
		return SQLITE_OK;
	db->why = why;
	return SQLITE_CANTOPEN;
}

static int
on_log(void *arg, sqlite3 *sql, const char *name, int frames)
{
	struct nodedb *db = arg;

	(void)sql;
	(void)name;
	db->frames = frames;
	return SQLITE_OK;
}

static int
settle(struct nodedb *db, bool *newer)
{
	char cache[64];
	int rc;

	snprintf(cache, sizeof cache, "PRAGMA cache_size = -%llu",
	    (unsigned long long)(db->conf.cache / 1024));
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	rc = identify(db, newer);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, pragmas, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, cache, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = migrate(db, newer);
	sqlite3_wal_hook(db->sql, on_log, db);
	return rc;
}

static uint64_t
file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* All tables are there, and what is held in memory can be read.  A file whose
 * last end was unclean is looked through, unless that takes long: the log
 * keeps it whole, this is for the disk's own faults. */
static int
load(struct nodedb *db)
{
	db->rc = SQLITE_OK;
	if (!nodedb_prepare_all(db))
		return db->rc == SQLITE_ERROR ? SQLITE_CORRUPT : db->rc;
	db->unclean =
	    nodedb_number(db, SQL_CLEAN, (struct nodedb_given){ 0 }, 0) == 0;
	if (db->unclean && file_size(db->path) <= CHECKED_BYTES &&
	    nodedb_check(db, true) != NODEDB_OK)
		return SQLITE_CORRUPT;
	nodedb_load(db, true);
	nodedb_end(db);
	return db->rc;
}

static void
draw_epoch(struct nodedb *db)
{
	int64_t epoch = 0;

	while (epoch == 0)
		sqlite3_randomness(sizeof epoch, &epoch);
	nodedb_run(db, SQL_EPOCH_SET, (struct nodedb_given){ .i = { epoch } });
	db->state.epoch = (uint64_t)epoch;
}

/* From here on only nodedb_close makes the end a clean one. */
static int
begin_life(struct nodedb *db)
{
	if (db->state.epoch == 0)
		draw_epoch(db);
	nodedb_run(db, SQL_CLEAN_SET, (struct nodedb_given){ .i = { 0 } });
	if (db->rc == SQLITE_OK && nodedb_commit(db) != NODEDB_OK)
		db->rc = SQLITE_IOERR;
	return db->rc;
}

static int
open_file(struct nodedb *db, bool *newer)
{
	int rc = sqlite3_open_v2(db->path, &db->sql,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		SQLITE_OPEN_EXRESCODE,
	    NULL);

	if (rc == SQLITE_OK)
		rc = settle(db, newer);
	if (rc == SQLITE_OK)
		rc = load(db);
	if (rc == SQLITE_OK)
		rc = begin_life(db);
	return rc;
}

static bool
is_damage(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

static struct nodedb *
empty(const char *path, const struct nodedb_conf *conf)
{
	struct nodedb *db = mem_new(sizeof *db);

	db->path = mem_string(path);
	db->conf = *conf;
	if (conf->snapshots)
		db->conf.snapshots = db->snapshots =
		    mem_string(conf->snapshots);
	db->tenants.offset = db->gone_tenants.offset =
	    offsetof(struct tenant, name);
	db->buckets.offset = db->gone_buckets.offset =
	    offsetof(struct bucket, name);
	db->keys.offset = offsetof(struct access_key, id);
	buf_init(&db->row, ROW_MOST, NULL);
	buf_init(&db->bytes, BYTES_MOST, NULL);
	buf_init(&db->item, ROW_MOST, NULL);
	return db;
}

/* A file that is refused stays as it is, with its log. */
struct nodedb *
nodedb_open(const char *path, const struct nodedb_conf *conf,
    void (*told)(void *arg, const char *sentence), void *arg, const char **why,
    bool *newer)
{
	struct nodedb *db = empty(path, conf);
	int rc;

	*newer = false;
	rc = open_file(db, newer);
	if (rc == SQLITE_OK) {
		db->ready = true;
		db->told = told;
		db->arg = arg;
		return db;
	}
	*why = is_damage(rc) ? damaged : db->why ? db->why : sqlite3_errstr(rc);
	if (db->sql)
		sqlite3_db_config(
		    db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	nodedb_close(db);
	return NULL;
}
