/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/msec.h"

/* Rows that are dropped together: enough that it costs little, few enough that
 * nobody waits. */
enum { TRIM = 64, TRIM_MOST = 256 };

static const char *const words[] = { NODEDB_WHAT(TABLE_WORD) };

static void
trim(struct nodedb *db)
{
	uint64_t rows = db->state.last + 1 - db->state.first;
	uint64_t over = rows > db->conf.journal ? rows - db->conf.journal : 0;

	if (over < TRIM)
		return;
	if (over > TRIM_MOST)
		over = TRIM_MOST;
	db->state.first += over;
	nodedb_run(db, SQL_JOURNAL_TRIM,
	    (struct sql_given){ .i = { (int64_t)db->state.first } });
}

/* at 0: now. */
void
nodedb_note(struct nodedb *db, enum nodedb_what what, struct slice bucket,
    struct slice key, uint64_t version, struct slice entry, int64_t at)
{
	uint64_t seq = db->state.last + 1;
	struct sql_given g = {
		.i = { (int64_t)seq, at ? at : msec_wall(), what,
		    (int64_t)version },
		.b = { bucket, key, entry },
	};

	if (nodedb_run(db, SQL_JOURNAL_NEW, g) == 0)
		return;
	db->state.last = seq;
	trim(db);
}

static enum nodedb_said
walk(struct nodedb *db, struct sql_given g,
    int (*fn)(void *arg, const struct journal_row *), void *arg)
{
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_JOURNAL, g);

	while (sql_row(&db->sql, q)) {
		uint64_t what = sql_uint(q, 2);
		struct journal_row row = {
			.seq = sql_uint(q, 0),
			.at = sql_int(q, 1),
			.what = what < WHAT_N ? words[what] : "?",
			.version = sql_uint(q, 3),
			.bucket = sql_bytes(q, 4),
			.key = sql_bytes(q, 5),
			.entry = sql_bytes(q, 6),
		};

		if (fn(arg, &row) != 0)
			break;
	}
	return NODEDB_OK;
}

enum nodedb_said
nodedb_journal(struct nodedb *db, uint64_t seq, size_t most,
    int (*fn)(void *arg, const struct journal_row *), void *arg)
{
	struct sql_given g = { .i = { (int64_t)seq, (int64_t)most } };

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, walk(db, g, fn, arg));
}
