/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Pages in the log when a commit copies them into the file, which holds
 * everybody up: for some 20 ms, and for less than one small object in a hundred
 * when sixteen come at once, eight a commit with twenty pages. */
enum { CHECKPOINT_PAGES = 6000 };

void
nodedb_forget_batch(struct nodedb *db)
{
	db->nunclaimed = 0;
	db->nfresh = 0;
	db->names_changed = false;
}

/* What is reserved or leased is not in the file, and stays. */
void
nodedb_reload(struct nodedb *db)
{
	bool names = db->names_changed;
	int rc = db->sql.rc;

	db->sql.rc = SQLITE_OK;
	nodedb_load(db, names || db->stale);
	db->stale = db->sql.rc != SQLITE_OK;
	if (db->stale)
		nodedb_failed(db, db->sql.rc);
	sql_end(&db->sql);
	nodedb_forget_batch(db);
	db->sql.rc = rc;
}

void
nodedb_rollback(struct nodedb *db)
{
	sql_rollback(&db->sql);
	nodedb_reload(db);
}

static void
save_state(struct nodedb *db)
{
	const struct nodedb_state *s = &db->state;

	nodedb_run(db, SQL_STATE_SAVE,
	    (struct sql_given){
		.i = { (int64_t)s->version, (int64_t)s->objects,
		    (int64_t)s->markers, (int64_t)s->uploads, (int64_t)s->parts,
		    (int64_t)s->blobs, (int64_t)s->blob_bytes,
		    (int64_t)s->inlines } });
}

/* The log is copied into the file between two batches, never by SQLite inside
 * of one.  A failure costs nothing but room: the next commit tries again. */
static void
checkpoint(struct nodedb *db)
{
	int rc;

	if (db->frames < CHECKPOINT_PAGES)
		return;
	rc = sqlite3_wal_checkpoint_v2(
	    db->sql.db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc == SQLITE_OK)
		db->checkpoints++;
	else if (rc != SQLITE_BUSY)
		nodedb_failed(db, rc);
	db->frames = 0;
}

/* What is in the log goes into the file, where it most likely has its place,
 * and the log begins again in the room that it has. */
static void
make_room(struct nodedb *db)
{
	db->frames = CHECKPOINT_PAGES;
	checkpoint(db);
}

static bool
end_batch(struct nodedb *db)
{
	nodedb_drop_unclaimed(db);
	nodedb_save_tenants(db);
	save_state(db);
	return sql_commit(&db->sql);
}

static void
committed(struct nodedb *db)
{
	db->commits++;
	if (db->bad)
		sql_tell(&db->sql, "%s is good again", db->sql.path);
	db->bad = false;
	db->sql.why = NULL;
	nodedb_tenants_durable(db);
	nodedb_forget_batch(db);
	sql_end(&db->sql);
	checkpoint(db);
}

/* A loss since the last commit is said here, whatever succeeded after it: the
 * caller believes in all that gathered, or in nothing. */
enum nodedb_said
nodedb_commit(struct nodedb *db)
{
	bool full;

	if (db->lost) {
		if (db->sql.begun)
			nodedb_rollback(db);
		db->lost = false;
		return NODEDB_DISK;
	}
	if (!nodedb_dirty(db))
		return NODEDB_OK;
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	if (end_batch(db)) {
		committed(db);
		return NODEDB_OK;
	}
	full = (db->sql.rc & 0xff) == SQLITE_FULL;
	db->changed = true;
	nodedb_leave(db, NODEDB_OK);
	db->lost = false;
	if (full)
		make_room(db);
	return NODEDB_DISK;
}

bool
nodedb_dirty(const struct nodedb *db)
{
	return db->sql.begun || db->lost || db->touched != NULL;
}

uint64_t
nodedb_commits(const struct nodedb *db)
{
	return db->commits;
}

bool
nodedb_writable(struct nodedb *db)
{
	if (db->bad && !nodedb_dirty(db) && nodedb_enter(db)) {
		save_state(db);
		if (nodedb_leave(db, NODEDB_OK) == NODEDB_OK)
			nodedb_commit(db);
		db->lost = false;
	}
	return !db->bad;
}

bool
nodedb_unclean(const struct nodedb *db)
{
	return db->unclean;
}

const char *
nodedb_why(const struct nodedb *db)
{
	return db->sql.why ? db->sql.why : "";
}

uint64_t
nodedb_epoch(const struct nodedb *db)
{
	return db->state.epoch;
}

/* The mark of a clean end is the last thing that is written. */
static void
end_clean(struct nodedb *db)
{
	if (nodedb_commit(db) != NODEDB_OK || !nodedb_enter(db))
		return;
	nodedb_tenants_exact(db);
	nodedb_run(db, SQL_CLEAN_SET, (struct sql_given){ .i = { 1 } });
	if (nodedb_leave(db, NODEDB_OK) == NODEDB_OK)
		nodedb_commit(db);
}

void
nodedb_close(struct nodedb *db)
{
	if (db == NULL)
		return;
	if (db->ready)
		end_clean(db);
	sql_free(&db->sql);
	nodedb_free_keys(db);
	names_free(&db->tenants, free);
	names_free(&db->gone_tenants, free);
	names_free(&db->buckets, free);
	names_free(&db->gone_buckets, free);
	buf_free(&db->row);
	buf_free(&db->bytes);
	buf_free(&db->item);
	free(db->unclaimed);
	free(db->fresh);
	free(db->snapshots);
	free(db);
}
