/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

enum {
	BUSY_MS = 5000,
	LOG_BYTES = 64 << 20,
};

static const char *const texts[] = {
#define S(name, text) [SQL_##name] = text,
	NODEDB_SQL(S)
#undef S
};
_Static_assert(sizeof texts / sizeof *texts <= SQL_MOST, "statements");

/* The log is written over and over: cutting it short would cost its next
 * writers a change of the file's size with every sync.  nodedb_commit copies
 * it. */
const struct sql_kind nodedb_kind = {
	.texts = texts,
	.n = NODEDB_SQL_N,
	.application = NODEDB_APPLICATION,
	.version = NODEDB_VERSION,
	.busy_ms = BUSY_MS,
	.log_bytes = LOG_BYTES,
};

uint64_t
nodedb_run(struct nodedb *db, enum nodedb_sql which, struct sql_given g)
{
	uint64_t n = sql_change(&db->sql, which, g);

	/* failing counts as changing: SQLite may have rolled back */
	db->changed |= n > 0 || db->sql.rc != SQLITE_OK;
	return n;
}

bool
nodedb_hold(
    struct nodedb *db, struct buf *held, struct slice *const s[], size_t n)
{
	size_t at = 0;

	buf_cut(held, 0);
	for (size_t i = 0; i < n; i++)
		put_slice(held, *s[i]);
	if (held->bad) {
		held->bad = false;
		db->sql.rc = SQLITE_CORRUPT;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		*s[i] = slice_of(held->p + at, s[i]->n);
		at += s[i]->n;
	}
	return true;
}

bool
nodedb_enter(struct nodedb *db)
{
	db->sql.rc = SQLITE_OK;
	db->changed = false;
	if (db->stale)
		nodedb_reload(db);
	return !db->stale;
}

/* An upload that is completed and not yet an object would be lost with the next
 * commit. */
static bool
owes(const struct nodedb *db)
{
	for (size_t i = 0; i < db->nunclaimed; i++)
		if (db->unclaimed[i].content.kind == CONTENT_PARTS)
			return true;
	return false;
}

/* A call that fails before it has changed anything leaves the batch of the
 * others alone. */
enum nodedb_said
nodedb_leave(struct nodedb *db, enum nodedb_said said)
{
	int rc = db->sql.rc;

	sql_end(&db->sql);
	if (rc == SQLITE_OK)
		return said;
	nodedb_failed(db, rc);
	if (db->changed || owes(db) ||
	    (db->sql.begun && sqlite3_get_autocommit(db->sql.db))) {
		nodedb_rollback(db);
		db->lost = true;
		db->bad = true;
	}
	return NODEDB_DISK;
}

void
nodedb_failed(struct nodedb *db, int rc)
{
	const char *why = sqlite3_errstr(rc);

	if (db->sql.why != why)
		sql_tell(&db->sql,
		    "%s cannot be read or written: %s (SQLite's code %d)",
		    db->sql.path, why, rc);
	db->sql.why = why;
}
