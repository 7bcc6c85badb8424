/* SPDX-License-Identifier: ISC */
#include "store/sql.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SENTENCE = 1024, TEXT = 256 };

enum {
#define S(name, text) name,
	SQL_TRANSACTION(S)
#undef S
};

/* Debian's SQLite overwrites what it deletes unless told otherwise. */
static const char pragmas[] = "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA temp_store = MEMORY;"
			      "PRAGMA mmap_size = 0;"
			      "PRAGMA secure_delete = OFF;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA trusted_schema = OFF;";

/* What SQLite keeps. */
static const char *const tails[] = { "", "-wal", "-shm" };

void
sql_init(struct sql *s, const struct sql_kind *kind, const char *path,
    void (*told)(void *arg, const char *sentence), void *arg)
{
	*s = (struct sql){
		.kind = kind, .path = mem_string(path), .told = told, .arg = arg
	};
}

void
sql_free(struct sql *s)
{
	sql_shut(s, false);
	free(s->path);
	s->path = NULL;
}

int
sql_find(sqlite3 *db, const char *question, int64_t *v)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db, question, -1, &q, NULL);

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
identify(struct sql *s)
{
	int64_t id = 0, version = 0, tables = 0;
	int rc = sql_find(s->db, "PRAGMA application_id", &id);

	if (rc == SQLITE_OK)
		rc = sql_find(s->db, "PRAGMA user_version", &version);
	if (rc == SQLITE_OK)
		rc = sql_find(
		    s->db, "SELECT count(*) FROM sqlite_master", &tables);
	if (rc != SQLITE_OK)
		return rc;
	s->fresh = id == 0 && version == 0 && tables == 0;
	if (!s->fresh && id != s->kind->application) {
		s->why = "it is another program's database";
		return SQLITE_CANTOPEN;
	}
	s->version = (int)version;
	if (version <= s->kind->version)
		return SQLITE_OK;
	s->why = "it was made by a newer version";
	return SQLITE_CANTOPEN;
}

int
sql_open(struct sql *s, uint64_t cache)
{
	char own[TEXT];
	int rc;

	s->why = NULL;
	s->rc = SQLITE_OK;
	s->version = 0;
	rc = sqlite3_open_v2(s->path, &s->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		SQLITE_OPEN_EXRESCODE,
	    NULL);
	if (rc != SQLITE_OK)
		return rc;
	snprintf(own, sizeof own,
	    "PRAGMA wal_autocheckpoint = %u; PRAGMA journal_size_limit = %u;"
	    "PRAGMA cache_size = -%llu",
	    s->kind->checkpoint, s->kind->log_bytes,
	    (unsigned long long)(cache / 1024));
	sqlite3_busy_timeout(s->db, s->kind->busy_ms);
	rc = identify(s);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, own, NULL, NULL, NULL);
	return rc;
}

void
sql_shut(struct sql *s, bool keep)
{
	for (unsigned i = 0; i < s->kind->n; i++) {
		sqlite3_finalize(s->stmts[i]);
		s->stmts[i] = NULL;
	}
	memset(s->active, 0, sizeof s->active);
	s->begun = false;
	if (s->db && keep)
		sqlite3_db_config(
		    s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(s->db);
	s->db = NULL;
}

void
sql_tell(struct sql *s, const char *fmt, ...)
{
	char sentence[SENTENCE];
	va_list ap;

	if (s->told == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	s->told(s->arg, sentence);
}

/* One row, "ok" or the first fault. */
int
sql_check(struct sql *s, bool quick)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db,
	    quick ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)", -1,
	    &q, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		rc = slice_is(sql_bytes(q, 0), "ok") ? SQLITE_OK
						     : SQLITE_CORRUPT;
	sqlite3_finalize(q);
	return rc;
}

/* "path-wal", or so; the caller's to free. */
static char *
beside(const char *path, const char *tail)
{
	size_t room = strlen(path) + strlen(tail) + 1;
	char *name = mem_new(room);

	snprintf(name, room, "%s%s", path, tail);
	return name;
}

uint64_t
sql_disk_bytes(const struct sql *s)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < 2; i++) {
		char *name = beside(s->path, tails[i]);
		struct stat st;

		if (stat(name, &st) == 0)
			bytes += (uint64_t)st.st_size;
		free(name);
	}
	return bytes;
}

/* Of the numbers and bytes, those that the statement names: a bit for each. */
static uint16_t
wants(sqlite3_stmt *q)
{
	unsigned bits = 0;

	for (int i = 0; i < SQL_INTS + SQL_BLOBS; i++)
		if (sqlite3_bind_parameter_name(q, 1 + i))
			bits |= 1u << i;
	return (uint16_t)bits;
}

/* Empty bytes are bytes: a null pointer would be bound as NULL. */
static void
bind(sqlite3_stmt *q, unsigned bits, const struct sql_given *g)
{
	for (; bits; bits &= bits - 1) {
		int i = __builtin_ctz(bits);
		struct slice b;

		if (i < SQL_INTS) {
			sqlite3_bind_int64(q, 1 + i, g->i[i]);
			continue;
		}
		b = g->b[i - SQL_INTS];
		sqlite3_bind_blob64(
		    q, 1 + i, b.n ? (const void *)b.p : "", b.n, SQLITE_STATIC);
	}
}

static sqlite3_stmt *
prepared(struct sql *s, unsigned which)
{
	if (s->rc != SQLITE_OK)
		return NULL;
	if (s->stmts[which])
		return s->stmts[which];
	s->rc = sqlite3_prepare_v3(s->db, s->kind->texts[which], -1,
	    SQLITE_PREPARE_PERSISTENT, &s->stmts[which], NULL);
	s->wants[which] = wants(s->stmts[which]);
	return s->stmts[which];
}

bool
sql_prepare_all(struct sql *s)
{
	for (unsigned i = 0; i < s->kind->n; i++)
		if (prepared(s, i) == NULL)
			return false;
	return true;
}

static sqlite3_stmt *
ask(struct sql *s, unsigned which, const struct sql_given *g)
{
	sqlite3_stmt *q = prepared(s, which);

	if (q == NULL)
		return NULL;
	sqlite3_reset(q);
	bind(q, s->wants[which], g);
	s->active[which / 64] |= UINT64_C(1) << which % 64;
	return q;
}

sqlite3_stmt *
sql_ask(struct sql *s, unsigned which, struct sql_given g)
{
	return ask(s, which, &g);
}

bool
sql_row(struct sql *s, sqlite3_stmt *q)
{
	int rc;

	if (s->rc != SQLITE_OK || q == NULL)
		return false;
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		s->rc = rc;
	sqlite3_reset(q);
	return false;
}

int64_t
sql_number(struct sql *s, unsigned which, struct sql_given g, int64_t none)
{
	sqlite3_stmt *q = ask(s, which, &g);
	int64_t n = none;

	if (sql_row(s, q) && sqlite3_column_type(q, 0) != SQLITE_NULL)
		n = sqlite3_column_int64(q, 0);
	if (q)
		sqlite3_reset(q);
	return n;
}

/* A statement of the transaction itself. */
static bool
turn(struct sql *s, unsigned which)
{
	sql_row(s, ask(s, which, &(struct sql_given){ 0 }));
	return s->rc == SQLITE_OK;
}

uint64_t
sql_change(struct sql *s, unsigned which, struct sql_given g)
{
	if (!s->begun)
		s->begun = turn(s, BEGIN);
	sql_row(s, ask(s, which, &g));
	return s->rc == SQLITE_OK ? (uint64_t)sqlite3_changes(s->db) : 0;
}

void
sql_end(struct sql *s)
{
	for (unsigned i = 0; i < SQL_MOST / 64; i++) {
		for (uint64_t a = s->active[i]; a; a &= a - 1)
			sqlite3_reset(
			    s->stmts[i * 64 + (unsigned)__builtin_ctzll(a)]);
		s->active[i] = 0;
	}
}

bool
sql_commit(struct sql *s)
{
	if (!turn(s, COMMIT))
		return false;
	s->begun = false;
	return true;
}

/* After some failures SQLite has rolled back by itself. */
void
sql_rollback(struct sql *s)
{
	sql_end(s);
	s->rc = SQLITE_OK;
	s->begun = false;
	if (!sqlite3_get_autocommit(s->db))
		turn(s, ROLLBACK);
	sql_end(s);
	s->rc = SQLITE_OK;
}

int64_t
sql_int(sqlite3_stmt *q, int column)
{
	return sqlite3_column_int64(q, column);
}

uint64_t
sql_uint(sqlite3_stmt *q, int column)
{
	return (uint64_t)sqlite3_column_int64(q, column);
}

struct slice
sql_bytes(sqlite3_stmt *q, int column)
{
	const void *p = sqlite3_column_blob(q, column);

	return slice_of(p, p ? (size_t)sqlite3_column_bytes(q, column) : 0);
}

void
sql_text(sqlite3_stmt *q, int column, char *out, size_t room)
{
	struct slice s = sql_bytes(q, column);

	snprintf(out, room, "%.*s", (int)s.n, s.n ? (const char *)s.p : "");
}

bool
sql_damage(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

/* With writable_schema a file that is shorter than it says can be read. */
sqlite3 *
sql_open_damaged(const char *path)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK) {
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_exec(db,
	    "PRAGMA writable_schema = ON; PRAGMA query_only = ON;"
	    "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF",
	    NULL, NULL, NULL);
	return db;
}

void
sql_unlink(const char *path)
{
	for (unsigned i = 0; i < sizeof tails / sizeof *tails; i++) {
		char *name = beside(path, tails[i]);

		unlink(name);
		free(name);
	}
}
