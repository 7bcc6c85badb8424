/* SPDX-License-Identifier: ISC */
#include "store/dhtdb_in.h"

#include <string.h>

enum {
	APPLICATION = 0x4b6e4468, /* "KnDh" */
	VERSION = 1,
	BUSY_MS = 1000,
	CHECKPOINT = 1000,
	LOG_BYTES = 4 << 20,
};

static const char *const texts[] = {
#define S(name, text) [SQL_##name] = text,
	DHTDB_SQL(S)
#undef S
};
_Static_assert(sizeof texts / sizeof *texts <= SQL_MOST, "statements");

const struct sql_kind dhtdb_kind = {
	.texts = texts,
	.n = SQL_N,
	.application = APPLICATION,
	.version = VERSION,
	.busy_ms = BUSY_MS,
	.checkpoint = CHECKPOINT,
	.log_bytes = LOG_BYTES,
};

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
dhtdb_run(struct dhtdb *db, enum dhtdb_sql which, struct sql_given g)
{
	if (!db->sql.begun)
		db->before = db->counts;
	return sql_change(&db->sql, which, g);
}

void
dhtdb_forget(struct dhtdb *db)
{
	sql_end(&db->sql);
	if (!db->sql.begun)
		return;
	db->counts = db->before;
	sql_rollback(&db->sql);
}

static void
tell_bad(struct dhtdb *db, int rc)
{
	if (!db->bad)
		sql_tell(&db->sql,
		    "%s cannot be read or written: %s (SQLite's code %d)",
		    db->sql.path,
		    db->sql.why ? db->sql.why : sqlite3_errstr(rc), rc);
	db->bad = true;
}

/* The call has met db->sql.rc.  Is there a new file to try it on? */
static bool
recover(struct dhtdb *db)
{
	int rc = db->sql.rc;

	if (db->sql.db) {
		dhtdb_forget(db);
		if (sql_damage(rc))
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
		bool gathered = db->sql.begun;

		db->sql.rc = db->sql.db ? SQLITE_OK : dhtdb_attach(db);
		if (db->sql.rc == SQLITE_OK)
			said = body(db, c);
		if (db->sql.rc == SQLITE_OK) {
			sql_end(&db->sql);
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
	if (!db->sql.begun)
		return DHTDB_OK;
	if (sql_commit(&db->sql)) {
		if (db->bad)
			sql_tell(&db->sql, "%s is good again", db->sql.path);
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
	return db->sql.begun || db->lost;
}
