/* SPDX-License-Identifier: ISC */
#include "store/dhtdb_in.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SENTENCE = 1024 };

_Static_assert(SQL_N <= 64, "a bit for each statement");

static const char *const texts[] = {
#define S(name, text) [SQL_##name] = text,
	DHTDB_SQL(S)
#undef S
};

static const char *const words[] = {
#define R(name, word) [DHTDB_##name] = word,
	DHTDB_SAID(R)
#undef R
};

const char *
dhtdb_word(enum dhtdb_said said)
{
	return said < DHTDB_SAID_N ? words[said] : "?";
}

void
dhtdb_tell(struct dhtdb *db, const char *fmt, ...)
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

bool
dhtdb_damage(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

/* Empty bytes are bytes: a null pointer would be bound as NULL. */
static void
bind(sqlite3_stmt *q, const struct given *g)
{
	int most = sqlite3_bind_parameter_count(q);

	for (int i = 0; i < DHTDB_INTS && i < most; i++)
		sqlite3_bind_int64(q, 1 + i, g->i[i]);
	for (int i = 0; i < DHTDB_BLOBS && DHTDB_INTS + i < most; i++)
		sqlite3_bind_blob64(q, 1 + DHTDB_INTS + i,
		    g->b[i].n ? (const void *)g->b[i].p : "", g->b[i].n,
		    SQLITE_STATIC);
}

sqlite3_stmt *
dhtdb_ask(struct dhtdb *db, enum dhtdb_sql which, struct given g)
{
	sqlite3_stmt **q = &db->stmts[which];

	if (db->rc != SQLITE_OK)
		return NULL;
	if (*q == NULL) {
		db->rc = sqlite3_prepare_v3(db->sql, texts[which], -1,
		    SQLITE_PREPARE_PERSISTENT, q, NULL);
		if (db->rc != SQLITE_OK)
			return NULL;
	}
	sqlite3_reset(*q);
	bind(*q, &g);
	db->used |= UINT64_C(1) << which;
	return *q;
}

bool
dhtdb_row(struct dhtdb *db, sqlite3_stmt *q)
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

struct slice
dhtdb_column(sqlite3_stmt *q, int column)
{
	const void *p = sqlite3_column_blob(q, column);

	return slice_of(p, p ? (size_t)sqlite3_column_bytes(q, column) : 0);
}

bool
dhtdb_id(struct slice s, struct peerid *id)
{
	if (s.n == 0 || s.n > PEERID_MAX)
		return false;
	*id = (struct peerid){ .n = (uint8_t)s.n };
	memcpy(id->b, s.p, s.n);
	return true;
}

uint64_t
dhtdb_run(struct dhtdb *db, enum dhtdb_sql which, struct given g)
{
	if (!db->begun) {
		dhtdb_row(db, dhtdb_ask(db, SQL_BEGIN, (struct given){ 0 }));
		if (db->rc != SQLITE_OK)
			return 0;
		db->begun = true;
		db->before = db->counts;
	}
	dhtdb_row(db, dhtdb_ask(db, which, g));
	if (db->rc != SQLITE_OK)
		return 0;
	return (uint64_t)sqlite3_changes(db->sql);
}

void
dhtdb_end(struct dhtdb *db)
{
	for (unsigned i = 0; db->used; i++, db->used >>= 1)
		if (db->used & 1)
			sqlite3_reset(db->stmts[i]);
}

/* After some failures SQLite has rolled back by itself. */
void
dhtdb_forget(struct dhtdb *db)
{
	dhtdb_end(db);
	if (!db->begun)
		return;
	db->begun = false;
	db->counts = db->before;
	db->rc = SQLITE_OK;
	if (!sqlite3_get_autocommit(db->sql))
		dhtdb_row(db, dhtdb_ask(db, SQL_ROLLBACK, (struct given){ 0 }));
	dhtdb_end(db);
}

static void
tell_bad(struct dhtdb *db, int rc)
{
	if (!db->bad)
		dhtdb_tell(db,
		    "%s cannot be read or written: %s (SQLite's code %d)",
		    db->path, db->why ? db->why : sqlite3_errstr(rc), rc);
	db->bad = true;
}

/* The call has met db->rc.  Is there a new file to try it on? */
static bool
recover(struct dhtdb *db)
{
	int rc = db->rc;

	if (db->sql) {
		dhtdb_forget(db);
		if (dhtdb_damage(rc))
			rc = dhtdb_replace(db, rc);
	}
	if (rc == SQLITE_OK)
		return true;
	tell_bad(db, rc);
	return false;
}

enum dhtdb_said
dhtdb_try(struct dhtdb *db, dhtdb_body *body, struct call *c)
{
	for (unsigned tries = 0; tries < 2; tries++) {
		enum dhtdb_said said = DHTDB_DISK;
		bool gathered = db->begun;

		db->rc = db->sql ? SQLITE_OK : dhtdb_attach(db);
		if (db->rc == SQLITE_OK)
			said = body(db, c);
		if (db->rc == SQLITE_OK) {
			dhtdb_end(db);
			if (said != DHTDB_OK && !gathered)
				dhtdb_forget(db);
			return said;
		}
		db->lost |= gathered;
		if (!recover(db))
			break;
	}
	return DHTDB_DISK;
}

static enum dhtdb_said
commit(struct dhtdb *db, struct call *c)
{
	(void)c;
	if (!db->begun)
		return DHTDB_OK;
	dhtdb_row(db, dhtdb_ask(db, SQL_COMMIT, (struct given){ 0 }));
	if (db->rc == SQLITE_OK) {
		db->begun = false;
		if (db->bad)
			dhtdb_tell(db, "%s is good again", db->path);
		db->bad = false;
	}
	return DHTDB_OK;
}

/* A loss since the last commit is said here, whatever succeeded after it: the
 * caller believes in all that he gathered, or in nothing. */
enum dhtdb_said
dhtdb_commit(struct dhtdb *db)
{
	enum dhtdb_said said = DHTDB_DISK;

	if (db->lost)
		dhtdb_forget(db);
	else
		said = dhtdb_try(db, commit, &(struct call){ 0 });
	if (db->lost)
		said = DHTDB_DISK;
	db->lost = false;
	return said;
}

bool
dhtdb_dirty(const struct dhtdb *db)
{
	return db->begun || db->lost;
}
