/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"
#include "store/migrate.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CHECKED_BYTES = 64 << 20, /* a bigger file is not read through */
	LOG_ROOM = 4 << 20,
	ROW_MOST = NODEDB_KEY + 2 * NODEDB_META + 1024,
};

static const char damaged[] =
    "it is damaged; kn-store rebuild makes a new one of what is there";

static int
migrate(struct nodedb *db)
{
	const char *why = NULL;

	if (!db->sql.fresh && db->sql.version < NODEDB_VERSION &&
	    db->conf.migrating)
		db->conf.migrating(db->sql.arg);
	if (migrate_run(db->sql.db, nodedb_migrations, nodedb_nmigrations,
		db->conf.snapshots, &why) == MIGRATE_OK)
		return SQLITE_OK;
	db->sql.why = why;
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

/* All tables are there, and what is held in memory can be read.  A file whose
 * last end was unclean is looked through, unless that takes long: the log
 * keeps it whole, this is for the disk's own faults. */
static int
load(struct nodedb *db)
{
	if (!sql_prepare_all(&db->sql))
		return db->sql.rc == SQLITE_ERROR ? SQLITE_CORRUPT : db->sql.rc;
	db->unclean =
	    sql_number(&db->sql, SQL_CLEAN, (struct sql_given){ 0 }, 0) == 0;
	if (db->unclean && sql_disk_bytes(&db->sql) <= CHECKED_BYTES &&
	    nodedb_check(db, true) != NODEDB_OK)
		return SQLITE_CORRUPT;
	nodedb_load(db, true);
	sql_end(&db->sql);
	return db->sql.rc;
}

static void
draw_epoch(struct nodedb *db)
{
	int64_t epoch = 0;

	while (epoch == 0)
		sqlite3_randomness(sizeof epoch, &epoch);
	nodedb_run(db, SQL_EPOCH_SET, (struct sql_given){ .i = { epoch } });
	db->state.epoch = (uint64_t)epoch;
}

/* From here on only nodedb_close makes the end a clean one. */
static int
begin_life(struct nodedb *db)
{
	if (db->state.epoch == 0)
		draw_epoch(db);
	nodedb_run(db, SQL_CLEAN_SET, (struct sql_given){ .i = { 0 } });
	if (db->sql.rc == SQLITE_OK && nodedb_commit(db) != NODEDB_OK)
		db->sql.rc = SQLITE_IOERR;
	return db->sql.rc;
}

/* Room for the log beyond its end: deletes are to find some when somebody else
 * has filled the disk. */
static void
keep_room(const struct nodedb *db)
{
	size_t n = strlen(db->sql.path) + sizeof "-wal";
	char *path = mem_new(n);
	int fd;

	snprintf(path, n, "%s-wal", db->sql.path);
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return;
	(void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LOG_ROOM);
	close(fd);
}

/* restore.sh(8) leaves "path.restoring" there while a file and its log are
 * being exchanged for others. */
static bool
restoring(const struct nodedb *db)
{
	size_t n = strlen(db->sql.path) + sizeof ".restoring";
	char *path = mem_new(n);
	bool is;

	snprintf(path, n, "%s.restoring", db->sql.path);
	is = access(path, F_OK) == 0;
	free(path);
	return is;
}

static int
open_file(struct nodedb *db)
{
	int rc;

	if (restoring(db)) {
		db->sql.why = "a restore of it was begun and has not ended; "
			      "run restore.sh again";
		return SQLITE_CANTOPEN;
	}
	rc = sql_open(&db->sql, db->conf.cache);
	if (rc == SQLITE_OK)
		rc = migrate(db);
	if (rc == SQLITE_OK) {
		sqlite3_wal_hook(db->sql.db, on_log, db);
		rc = load(db);
	}
	if (rc == SQLITE_OK)
		rc = begin_life(db);
	if (rc == SQLITE_OK)
		keep_room(db);
	return rc;
}

static struct nodedb *
empty(const char *path, const struct nodedb_conf *conf)
{
	struct nodedb *db = mem_new(sizeof *db);

	sql_init(&db->sql, &nodedb_kind, path, NULL, NULL);
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
	buf_init(&db->bytes, NODEDB_INLINE, NULL);
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
	db->sql.arg = arg;
	rc = open_file(db);
	if (rc == SQLITE_OK) {
		db->ready = true;
		db->sql.told = told;
		return db;
	}
	*newer = db->sql.version > NODEDB_VERSION;
	*why = sql_damage(rc) ? damaged
	       : db->sql.why  ? db->sql.why
			      : sqlite3_errstr(rc);
	sql_shut(&db->sql, true);
	nodedb_close(db);
	return NULL;
}
