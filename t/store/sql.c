/* SPDX-License-Identifier: ISC */
#include "store/sql.h"
#include "t/store/place.h"

#define TABLE(S)                                                               \
	SQL_TRANSACTION(S)                                                     \
	S(NEW, "INSERT INTO thing (no, name) VALUES (?1, ?9)")                 \
	S(ALL, "SELECT no, name FROM thing ORDER BY no")                       \
	S(HIGHEST, "SELECT max(no) FROM thing")                                \
	S(COUNT, "SELECT count(*) FROM thing WHERE name = ?10")                \
	S(EIGHTH, "SELECT ?8, ?13")

enum {
#define S(name, text) SQL_##name,
	TABLE(S)
#undef S
	    SQL_N
};

static const char *const texts[] = {
#define S(name, text) [SQL_##name] = text,
	TABLE(S)
#undef S
};

static const struct sql_kind kind = { texts, SQL_N, 77, 3, 100, 0, 1 << 20 };
static const struct sql_given nothing;

static int
open_it(struct sql *s, struct heard *h)
{
	sql_init(s, &kind, db_path, h ? hear : NULL, h);
	return sql_open(s, 1 << 20);
}

static void
make(struct sql *s)
{
	if (open_it(s, NULL) != SQLITE_OK ||
	    sqlite3_exec(s->db,
		"PRAGMA application_id = 77; PRAGMA user_version = 3;"
		"CREATE TABLE thing (no INTEGER PRIMARY KEY, name BLOB)",
		NULL, NULL, NULL) != SQLITE_OK)
		exit(111);
}

static uint64_t
add(struct sql *s, int64_t no, const char *name)
{
	return sql_change(s, SQL_NEW,
	    (struct sql_given){ .i = { no }, .b = { slice_text(name) } });
}

static void
test_open(void)
{
	struct sql s;
	int64_t n = -1;

	is_int(open_it(&s, NULL), SQLITE_OK, "a new file opens");
	ok(s.fresh && s.version == 0, "there is nothing in it");
	sql_find(s.db, "PRAGMA synchronous", &n);
	is_int(n, 2, "every commit is synced");
	sql_find(s.db, "PRAGMA cache_size", &n);
	is_int(n, -1024, "the cache is as it was said");
	sql_find(s.db, "PRAGMA wal_autocheckpoint", &n);
	is_int(n, 0, "the owner copies the log");
	sql_free(&s);
	make(&s);
	sql_free(&s);
	is_int(open_it(&s, NULL), SQLITE_OK, "it opens again");
	ok(!s.fresh && s.version == 3, "and is ours");
	ok(sql_prepare_all(&s), "all statements fit its tables");
	sql_free(&s);
	sql_free(&s);
	ok(s.db == NULL, "it may be freed twice");
	place_clean();
}

static void
test_refuse(void)
{
	struct sql s;

	change("PRAGMA user_version = 4; PRAGMA application_id = 77");
	is_int(open_it(&s, NULL), SQLITE_CANTOPEN, "a newer one is refused");
	is_text(s.why, "it was made by a newer version", "and says why");
	is_int(s.version, 4, "and which");
	sql_free(&s);
	change("PRAGMA application_id = 78");
	is_int(open_it(&s, NULL), SQLITE_CANTOPEN, "another's is refused");
	is_text(s.why, "it is another program's database", "and says why");
	is_int(s.version, 0, "its version is nothing to us");
	sql_free(&s);
	is_int(look("PRAGMA user_version"), 4, "it stays as it is");
	place_clean();
	spoil(0, 5000);
	ok(sql_damage(open_it(&s, NULL)), "what is no database is damaged");
	sql_free(&s);
	place_clean();
}

static void
test_rows(void)
{
	struct sql s;
	sqlite3_stmt *q;
	char name[4];

	make(&s);
	is_int(sql_number(&s, SQL_HIGHEST, nothing, -5), -5, "NULL is none");
	is_int(add(&s, 1, "one"), 1, "a row is put");
	ok(s.begun, "in a transaction");
	add(&s, 2, "");
	is_int(look("SELECT count(*) FROM thing"), 0, "not yet durable");
	q = sql_ask(&s, SQL_ALL, nothing);
	ok(sql_row(&s, q) && sql_int(q, 0) == 1, "the first row");
	ok(slice_is(sql_bytes(q, 1), "one"), "its bytes");
	sql_text(q, 1, name, 3);
	is_text(name, "on", "its text, as much as there is room for");
	ok(sql_row(&s, q) && sql_uint(q, 0) == 2, "the second");
	is_int(sqlite3_column_type(q, 1), SQLITE_BLOB, "empty is not NULL");
	ok(!sql_row(&s, q) && s.rc == SQLITE_OK, "no third");
	ok(sql_commit(&s) && !s.begun, "it is committed");
	is_int(look("SELECT count(*) FROM thing"), 2, "and durable");
	is_int(sql_number(&s, SQL_HIGHEST, nothing, -5), 2, "a number");
	is_int(sql_number(&s, SQL_COUNT,
		   (struct sql_given){ .b = { { 0 }, slice_text("one") } }, 0),
	    1, "by the second of the bytes");
	q = sql_ask(&s, SQL_EIGHTH,
	    (struct sql_given){
		.i = { [7] = 8 }, .b = { [4] = slice_text("x") } });
	ok(sql_row(&s, q) && sql_int(q, 0) == 8 &&
		slice_is(sql_bytes(q, 1), "x"),
	    "the last number and the last bytes");
	sql_end(&s);
	ok(!sqlite3_stmt_busy(q), "no statement is left open");
	ok(sql_disk_bytes(&s) > 4096, "it takes room");
	sql_free(&s);
	place_clean();
}

static void
test_failure(void)
{
	struct sql s;

	make(&s);
	add(&s, 1, "one");
	is_int(add(&s, 1, "again"), 0, "the same number changes nothing");
	is_int(s.rc & 0xff, SQLITE_CONSTRAINT, "and sticks");
	is_int(add(&s, 2, "two"), 0, "what follows does nothing");
	ok(sql_ask(&s, SQL_ALL, nothing) == NULL, "nothing is asked");
	ok(!sql_commit(&s) && s.begun, "nothing is committed");
	sql_rollback(&s);
	ok(s.rc == SQLITE_OK && !s.begun, "rolled back, it is good again");
	is_int(sql_number(&s, SQL_HIGHEST, nothing, -5), -5, "and empty");
	add(&s, 3, "three");
	sqlite3_exec(s.db, "ROLLBACK", NULL, NULL, NULL);
	sql_rollback(&s);
	ok(!s.begun, "SQLite may have rolled back by itself");
	sqlite3_exec(s.db, "DROP TABLE thing", NULL, NULL, NULL);
	sql_shut(&s, false);
	is_int(sql_open(&s, 1 << 20), SQLITE_OK, "without a table it opens");
	ok(!sql_prepare_all(&s) && s.rc == SQLITE_ERROR, "but cannot be asked");
	sql_free(&s);
	place_clean();
}

static void
test_check(void)
{
	struct heard h = { 0 };
	struct sql s;
	sqlite3 *db;
	int64_t n = 0;

	make(&s);
	add(&s, 1, "one");
	sql_commit(&s);
	is_int(sql_check(&s, true), SQLITE_OK, "quickly: it is whole");
	is_int(sql_check(&s, false), SQLITE_OK, "and wholly");
	sql_tell(&s, "nobody listens");
	sql_shut(&s, true);
	ok(place_has("-wal"), "the log was kept");
	db = sql_open_damaged(db_path);
	ok(db && sql_find(db, "SELECT no FROM thing", &n) == 0 && n == 1,
	    "what may be damaged is read");
	ok(sqlite3_exec(db, "DELETE FROM thing", NULL, NULL, NULL) != 0,
	    "and not written");
	sqlite3_close(db);
	ok(place_has("-wal"), "the log stays");
	ok(sql_open_damaged("/nowhere/at/all") == NULL, "there is none");
	sql_free(&s);
	sql_unlink(db_path);
	ok(!place_has("") && !place_has("-wal") && !place_has("-shm"),
	    "all three files are gone");
	open_it(&s, &h);
	sql_tell(&s, "%s %d", "some", 7);
	ok(h.n == 1 && strcmp(h.last, "some 7") == 0, "a sentence is told");
	sql_free(&s);
	place_clean();
}

int
main(void)
{
	place_open("some.db");
	test_open();
	test_refuse();
	test_rows();
	test_failure();
	test_check();
	place_close();
	return tap_done();
}
