/* SPDX-License-Identifier: ISC */
#include "store/rebuild_own.h"
#include "store/migrate.h"
#include "store/sql.h"

#include "base/mem.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	NAMES = 64,   /* tables */
	TEXT = 2048,  /* of a statement */
	DEPTH = 40,   /* halvings between two faults */
	TRIES = 4096, /* in one table */
};

struct salvage {
	sqlite3 *from, *to;
	const char *table;
	char columns[TEXT / 4], marks[TEXT / 8];
	char up[TEXT / 4], down[TEXT / 4]; /* its primary key, each way */
	char number[NAMES];                /* its only column, if a number */
	sqlite3_stmt *put;
	unsigned tries;
	bool torn;
	uint64_t rows;
};

/* Text, formatted behind what is there. */
static void __attribute__((format(printf, 3, 4)))
add(char *to, size_t room, const char *fmt, ...)
{
	size_t n = strlen(to);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to + n, room - n, fmt, ap);
	va_end(ap);
}

static void
add_column(struct salvage *s, const char *name, bool in_key)
{
	bool first = s->columns[0] == '\0';

	add(s->columns, sizeof s->columns, "%s\"%s\"", first ? "" : ", ", name);
	add(s->marks, sizeof s->marks, "%s?", first ? "" : ", ");
	if (!in_key)
		return;
	snprintf(s->number, sizeof s->number, "%s", first ? name : "");
	add(s->up, sizeof s->up, "%s\"%s\"", s->up[0] ? ", " : "", name);
	add(s->down, sizeof s->down, "%s\"%s\" DESC", s->down[0] ? ", " : "",
	    name);
}

static int __attribute__((format(printf, 3, 4)))
prepare(sqlite3 *sql, sqlite3_stmt **q, const char *fmt, ...)
{
	char text[TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return sqlite3_prepare_v2(sql, text, -1, q, NULL);
}

/* What the table is like, by the new file, which is whole. */
static int
describe(struct salvage *s, const char *table)
{
	sqlite3_stmt *q = NULL;
	bool integer = false;

	s->columns[0] = s->marks[0] = s->up[0] = s->down[0] = '\0';
	s->number[0] = '\0';
	s->tries = 0;
	s->table = table;
	if (prepare(s->to, &q, "PRAGMA table_info(\"%s\")", table) != SQLITE_OK)
		return -1;
	while (sqlite3_step(q) == SQLITE_ROW) {
		bool in_key = sqlite3_column_int(q, 5) > 0;

		integer |=
		    in_key && strcmp((const char *)sqlite3_column_text(q, 2),
				  "INTEGER") == 0;
		add_column(s, (const char *)sqlite3_column_text(q, 1), in_key);
	}
	sqlite3_finalize(q);
	if (!integer)
		s->number[0] = '\0';
	return prepare(s->to, &s->put,
	    "INSERT OR IGNORE INTO \"%s\" (%s) VALUES (%s)", table, s->columns,
	    s->marks);
}

/* 1: new; 0: it is there already; -1: it does not fit the schema. */
static int
copy_row(struct salvage *s, sqlite3_stmt *q)
{
	int n = sqlite3_column_count(q), rc;

	sqlite3_reset(s->put);
	for (int i = 0; i < n; i++)
		sqlite3_bind_value(s->put, i + 1, sqlite3_column_value(q, i));
	rc = sqlite3_step(s->put);
	if (rc != SQLITE_DONE)
		return -1;
	if (sqlite3_changes(s->to) == 0)
		return 0;
	s->rows++;
	return 1;
}

/* Rows of a statement until it ends or fails.  *last: the number of the last
 * row.  Returns SQLite's code. */
static int
copy_rows(struct salvage *s, sqlite3_stmt *q, int64_t *last)
{
	int rc;

	while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
		if (copy_row(s, q) < 0)
			s->torn = true;
		if (s->number[0])
			*last = sqlite3_column_int64(q, 0);
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Rows from one number to another, in one direction. */
static int
copy_range(
    struct salvage *s, int64_t low, int64_t high, bool down, int64_t *last)
{
	sqlite3_stmt *q = NULL;
	int rc = prepare(s->from, &q,
	    "SELECT %s FROM \"%s\" NOT INDEXED WHERE \"%s\" > ?1"
	    " AND \"%s\" < ?2 ORDER BY %s",
	    s->columns, s->table, s->number, s->number, down ? s->down : s->up);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(q, 1, low);
	sqlite3_bind_int64(q, 2, high);
	rc = copy_rows(s, q, last);
	sqlite3_finalize(q);
	return rc;
}

/* Upward until it fails, downward until it fails; what lies between is halved,
 * so that one page that cannot be read costs what stands in it. */
static void
copy_numbers(struct salvage *s, int64_t low, int64_t high, unsigned depth)
{
	int64_t up = low, down = high, middle;

	if (s->tries++ > TRIES || depth > DEPTH ||
	    copy_range(s, low, high, false, &up) == SQLITE_OK)
		return;
	s->torn = true;
	if (copy_range(s, up, high, true, &down) == SQLITE_OK)
		return;
	if (down <= up || down - up < 3)
		return;
	middle = up + (down - up) / 2;
	copy_numbers(s, up, middle, depth + 1);
	copy_numbers(s, middle - 1, down, depth + 1);
}

/* The whole table in one order; empty: any. */
static int
copy_ordered(struct salvage *s, const char *order)
{
	sqlite3_stmt *q = NULL;
	int64_t last = 0;
	int rc = prepare(s->from, &q, "SELECT %s FROM \"%s\" NOT INDEXED%s%s",
	    s->columns, s->table, order[0] ? " ORDER BY " : "", order);

	if (rc == SQLITE_OK)
		rc = copy_rows(s, q, &last);
	sqlite3_finalize(q);
	return rc;
}

static void
copy_both_ways(struct salvage *s)
{
	if (copy_ordered(s, s->up) == SQLITE_OK)
		return;
	s->torn = true;
	if (s->down[0])
		copy_ordered(s, s->down);
}

/* Numbers are given one after the other; a torn file may say anything. */
static int64_t
behind_all(struct salvage *s)
{
	sqlite3_stmt *q = NULL;
	int64_t highest = 0;

	if (prepare(s->from, &q, "SELECT max(\"%s\") FROM \"%s\"", s->number,
		s->table) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		highest = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return highest > 0 && highest < INT64_MAX ? highest + 1
						  : (int64_t)UINT32_MAX;
}

static void
copy_table(struct salvage *s, const char *table)
{
	if (describe(s, table) != SQLITE_OK)
		s->torn = true;
	else if (s->number[0] == '\0')
		copy_both_ways(s);
	else
		copy_numbers(s, -1, behind_all(s), 0);
	sqlite3_finalize(s->put);
	s->put = NULL;
}

static void
copy_tables(struct salvage *s)
{
	char names[NAMES][NAMES];
	unsigned n = 0;
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->to,
		"SELECT name FROM sqlite_master WHERE type = 'table' AND name "
		"NOT LIKE 'sqlite_%'",
		-1, &q, NULL) != SQLITE_OK)
		return;
	while (n < NAMES && sqlite3_step(q) == SQLITE_ROW)
		snprintf(names[n++], NAMES, "%s",
		    (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	for (unsigned i = 0; i < n; i++)
		copy_table(s, names[i]);
}

/* What refers to names that are lost gets others. */
static const char mend[] =
    "INSERT INTO tenant (no, name, tier, disk_cap, egress_cap, disk_used,"
    " period, egress) SELECT DISTINCT tenant, 'lost-tenant-' || tenant, 'own',"
    " -1, -1, 0, 0, 0 FROM (SELECT tenant FROM bucket UNION"
    " SELECT tenant FROM access) WHERE tenant NOT IN (SELECT no FROM tenant);"
    "INSERT OR IGNORE INTO tenant (no, name, tier, disk_cap, egress_cap,"
    " disk_used, period, egress)"
    " SELECT (SELECT coalesce(max(no), 0) + 1 FROM tenant), 'lost-found',"
    " 'own', -1, -1, 0, 0, 0 WHERE EXISTS (SELECT 1 FROM object"
    " WHERE bucket NOT IN (SELECT no FROM bucket));"
    "INSERT INTO bucket (no, name, tenant, created, versioning, anonymous)"
    " SELECT DISTINCT bucket, 'lost-bucket-' || bucket, (SELECT no FROM tenant"
    " WHERE name = 'lost-found'), 0, 1, 0 FROM object WHERE bucket NOT IN"
    " (SELECT no FROM bucket);"
    "DELETE FROM upload WHERE bucket NOT IN (SELECT no FROM bucket);"
    /* their files tell them again, if they have one */
    "DELETE FROM part WHERE upload IN (SELECT no FROM upload) AND"
    " (kind = 1 AND ref NOT IN (SELECT no FROM inline) OR"
    " kind = 2 AND ref NOT IN (SELECT no FROM blob));"
    /* the highest number that anything refers to is taken, so that no new
     * blob gets one that stands for another */
    "INSERT OR IGNORE INTO blob (no, sha, size, refs, verified, damaged)"
    " SELECT no, randomblob(32), 0, 0, 0, 0 FROM (SELECT max(ref) AS no FROM"
    " (SELECT ref FROM object WHERE kind = 2 UNION ALL"
    " SELECT ref FROM part WHERE kind = 2)) WHERE no > 0;"
    "INSERT OR IGNORE INTO sums (blob, bytes) SELECT no, x'' FROM blob;";

/* Whoever followed the journal begins anew; numbers go on behind the highest
 * one. */
static const char renew[] =
    "UPDATE state SET epoch = ?1, clean = 0, version = max(version,"
    " (SELECT coalesce(max(9223372036854775807 - age), 0) FROM object));";

/* As old as the file that is read, so that the rows fit. */
static sqlite3 *
make_target(const char *target, int version)
{
	size_t n = 0;
	const char *why;
	sqlite3 *sql = NULL;

	while (n < nodedb_nmigrations &&
	       (version <= 0 || nodedb_migrations[n].to <= version))
		n++;
	if (sqlite3_open(target, &sql) == SQLITE_OK &&
	    sqlite3_exec(sql, "PRAGMA synchronous = OFF", NULL, NULL, NULL) ==
		SQLITE_OK &&
	    migrate_run(sql, nodedb_migrations, n, NULL, &why) == MIGRATE_OK)
		return sql;
	sqlite3_close(sql);
	return NULL;
}

static int
begin_epoch(sqlite3 *sql)
{
	sqlite3_stmt *q = NULL;
	sqlite3_int64 epoch = 0;
	int rc = sqlite3_prepare_v2(sql, renew, -1, &q, NULL);

	sqlite3_randomness(sizeof epoch, &epoch);
	sqlite3_bind_int64(q, 1, epoch);
	if (rc == SQLITE_OK && sqlite3_step(q) != SQLITE_DONE)
		rc = SQLITE_ERROR;
	sqlite3_finalize(q);
	return rc;
}

static int
copy(struct salvage *s)
{
	if (sqlite3_exec(s->to, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return -1;
	copy_tables(s);
	/* of the two rows of totals the older one is the one that was made */
	sqlite3_exec(s->to,
	    "DELETE FROM state WHERE rowid < (SELECT max(rowid) FROM state)",
	    NULL, NULL, NULL);
	if (sqlite3_exec(s->to, mend, NULL, NULL, NULL) != SQLITE_OK ||
	    begin_epoch(s->to) != SQLITE_OK)
		return -1;
	return sqlite3_exec(s->to, "COMMIT", NULL, NULL, NULL) == SQLITE_OK
		   ? 0
		   : -1;
}

/* It was written without syncs. */
static int
sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return r;
}

int
rebuild_salvage(const char *from, const char *target, bool *torn)
{
	struct salvage s = { .from = sql_open_damaged(from) };
	int r = -1;

	*torn = true;
	if (s.from == NULL)
		return -1;
	s.to = make_target(target, migrate_version(s.from));
	if (s.to)
		r = copy(&s);
	sqlite3_close(s.from);
	sqlite3_close(s.to);
	*torn = s.torn;
	return r == 0 && s.rows > 0 ? sync_file(target) : -1;
}
