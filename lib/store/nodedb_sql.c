/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SENTENCE = 1024 };

_Static_assert(NODEDB_SQL_N <= 128, "a bit for each statement");

static const char *const texts[] = {
#define S(name, text) [SQL_##name] = text,
	NODEDB_SQL(S)
#undef S
};

void
nodedb_tell(struct nodedb *db, const char *fmt, ...)
{
	char sentence[SENTENCE];
	va_list ap;

	if (db->told == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	db->told(db->arg, sentence);
}

/* Empty bytes are bytes: a null pointer would be bound as NULL. */
static void
bind(sqlite3_stmt *q, const struct nodedb_given *g)
{
	int most = sqlite3_bind_parameter_count(q);

	for (int i = 0; i < NODEDB_INTS && i < most; i++)
		sqlite3_bind_int64(q, 1 + i, g->i[i]);
	for (int i = 0; i < NODEDB_BLOBS && NODEDB_INTS + i < most; i++) {
		const struct slice *b = &g->b[i];

		sqlite3_bind_blob64(q, 1 + NODEDB_INTS + i,
		    b->n ? (const void *)b->p : "", b->n, SQLITE_STATIC);
	}
}

static sqlite3_stmt *
prepared(struct nodedb *db, enum nodedb_sql which)
{
	if (db->stmts[which] == NULL)
		db->rc = sqlite3_prepare_v3(db->sql, texts[which], -1,
		    SQLITE_PREPARE_PERSISTENT, &db->stmts[which], NULL);
	return db->rc == SQLITE_OK ? db->stmts[which] : NULL;
}

sqlite3_stmt *
nodedb_ask(struct nodedb *db, enum nodedb_sql which, struct nodedb_given g)
{
	sqlite3_stmt *q;

	if (db->rc != SQLITE_OK || (q = prepared(db, which)) == NULL)
		return NULL;
	sqlite3_reset(q);
	bind(q, &g);
	db->active[which / 64] |= UINT64_C(1) << which % 64;
	return q;
}

bool
nodedb_row(struct nodedb *db, sqlite3_stmt *q)
{
	int rc;

	if (db->rc != SQLITE_OK || q == NULL)
		return false;
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		db->rc = rc;
	sqlite3_reset(q);
	return false;
}

int64_t
nodedb_number(struct nodedb *db, enum nodedb_sql which, struct nodedb_given g,
    int64_t none)
{
	sqlite3_stmt *q = nodedb_ask(db, which, g);
	int64_t n = none;

	if (nodedb_row(db, q) && sqlite3_column_type(q, 0) != SQLITE_NULL)
		n = sqlite3_column_int64(q, 0);
	if (q)
		sqlite3_reset(q);
	return n;
}

int64_t
nodedb_int(sqlite3_stmt *q, int column)
{
	return sqlite3_column_int64(q, column);
}

uint64_t
nodedb_uint(sqlite3_stmt *q, int column)
{
	return (uint64_t)sqlite3_column_int64(q, column);
}

struct slice
nodedb_bytes(sqlite3_stmt *q, int column)
{
	const void *p = sqlite3_column_blob(q, column);

	return slice_of(p, p ? (size_t)sqlite3_column_bytes(q, column) : 0);
}

void
nodedb_text(sqlite3_stmt *q, int column, char *out, size_t room)
{
	struct slice s = nodedb_bytes(q, column);

	snprintf(out, room, "%.*s", (int)s.n, s.n ? (const char *)s.p : "");
}

static void
begin(struct nodedb *db)
{
	if (db->begun)
		return;
	nodedb_row(db, nodedb_ask(db, SQL_BEGIN, (struct nodedb_given){ 0 }));
	db->begun = db->rc == SQLITE_OK;
}

uint64_t
nodedb_run(struct nodedb *db, enum nodedb_sql which, struct nodedb_given g)
{
	uint64_t n;

	/* failing counts as changing: SQLite may have rolled back */
	begin(db);
	nodedb_row(db, nodedb_ask(db, which, g));
	if (db->rc != SQLITE_OK) {
		db->changed = true;
		return 0;
	}
	n = (uint64_t)sqlite3_changes(db->sql);
	db->changed |= n > 0;
	return n;
}

void
nodedb_end(struct nodedb *db)
{
	for (unsigned half = 0; half < 2; half++)
		for (uint64_t a = db->active[half]; a; a &= a - 1)
			sqlite3_reset(db->stmts[half * 64 +
						(unsigned)__builtin_ctzll(a)]);
	db->active[0] = db->active[1] = 0;
}

void
nodedb_shut(struct nodedb *db)
{
	for (size_t i = 0; i < NODEDB_SQL_N; i++) {
		sqlite3_finalize(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	db->active[0] = db->active[1] = 0;
}

bool
nodedb_prepare_all(struct nodedb *db)
{
	for (unsigned i = 0; i < NODEDB_SQL_N; i++)
		if (prepared(db, (enum nodedb_sql)i) == NULL)
			return false;
	return true;
}

bool
nodedb_enter(struct nodedb *db)
{
	db->rc = SQLITE_OK;
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
	int rc = db->rc;

	nodedb_end(db);
	if (rc == SQLITE_OK)
		return said;
	nodedb_failed(db, rc);
	if (db->changed || owes(db) ||
	    (db->begun && sqlite3_get_autocommit(db->sql))) {
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

	if (db->why != why)
		nodedb_tell(db,
		    "%s cannot be read or written: %s (SQLite's code %d)",
		    db->path, why, rc);
	db->why = why;
}
