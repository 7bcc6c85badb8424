/* SPDX-License-Identifier: ISC
 *
 * SQLite as dht.db and node.db use it: one connection, a table of statements,
 * the first failure sticks.
 *
 * A statement is asked (bound) and its rows are taken, or it changes rows.  The
 * first failure stands in rc; what is called after it does nothing, until the
 * owner has decided what the failure means and sets rc back.  Who opens, rolls
 * back and commits is the owner; what is damaged is his to mend. */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "base/slice.h"

#include <sqlite3.h>

enum {
	SQL_INTS = 8,  /* ?1 to ?8 are numbers, … */
	SQL_BLOBS = 5, /* … ?9 to ?13 bytes */
	SQL_MOST = 128, /* statements of one table */
};

/* Every table of statements begins with these. */
/* clang-format off */
#define SQL_TRANSACTION(S) \
	S(BEGIN, "BEGIN IMMEDIATE") \
	S(COMMIT, "COMMIT") \
	S(ROLLBACK, "ROLLBACK")
/* clang-format on */

/* What a database is like. */
struct sql_kind {
	const char *const *texts; /* of its statements */
	unsigned n;
	int application, version; /* the highest that is known */
	int busy_ms;
	unsigned checkpoint; /* pages of log that SQLite copies by itself; 0 */
	unsigned log_bytes;  /* that a log may keep */
};

struct sql {
	sqlite3 *db; /* NULL: not open */
	const struct sql_kind *kind;
	sqlite3_stmt *stmts[SQL_MOST];
	uint16_t wants[SQL_MOST]; /* what each is given, a bit for each */
	uint64_t active[SQL_MOST / 64]; /* to be reset, a bit for each */
	int rc;
	const char *why; /* static: when sql_open refuses; then the owner's */
	bool begun;      /* a transaction is open */
	bool fresh;      /* there was nothing in the file */
	int version;     /* that the file had */
	char *path;
	void (*told)(void *arg, const char *sentence);
	void *arg;
};

void sql_init(struct sql *, const struct sql_kind *, const char *path,
    void (*told)(void *arg, const char *sentence), void *arg);
void sql_free(struct sql *); /* closes */
/* Opens or makes the file, with cache bytes of pages: SQLite's code.  A file of
 * another program or of a newer version is SQLITE_CANTOPEN with why, and stays
 * as it is.  After any failure: sql_shut. */
int sql_open(struct sql *, uint64_t cache);
/* keep: the log stays as it is, for whoever reads a damaged file. */
void sql_shut(struct sql *, bool keep);
/* One sentence for the operator. */
void sql_tell(struct sql *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* SQLite's own check: its code, SQLITE_CORRUPT when it finds something. */
int sql_check(struct sql *, bool quick);
uint64_t sql_disk_bytes(const struct sql *); /* of the file and its log */

/* What a statement is given; it has to outlive it. */
struct sql_given {
	int64_t i[SQL_INTS];
	struct slice b[SQL_BLOBS];
};
bool sql_prepare_all(struct sql *); /* false: rc; a table is missing */
/* The statement, bound, or NULL. */
sqlite3_stmt *sql_ask(struct sql *, unsigned which, struct sql_given);
bool sql_row(struct sql *, sqlite3_stmt *); /* false: no more, or rc */
/* Ask, and the first number of the first row; or none. */
int64_t sql_number(
    struct sql *, unsigned which, struct sql_given, int64_t none);
/* A statement that writes; begins a transaction when none is open.  How many
 * rows it changed. */
uint64_t sql_change(struct sql *, unsigned which, struct sql_given);
void sql_end(struct sql *); /* ends the statements that are active */
bool sql_commit(struct sql *);
void sql_rollback(struct sql *); /* rc is SQLITE_OK behind it */

/* Columns of a row, borrowed until the statement goes on. */
int64_t sql_int(sqlite3_stmt *, int column);
uint64_t sql_uint(sqlite3_stmt *, int column);
struct slice sql_bytes(sqlite3_stmt *, int column);
void sql_text(sqlite3_stmt *, int column, char *out, size_t room);

bool sql_damage(int rc);
/* The first number that a question has for an answer, if any: SQLite's code. */
int sql_find(sqlite3 *, const char *question, int64_t *);
/* A file that may be damaged, to be read as far as it goes; or NULL.  It and
 * its log stay as they are. */
sqlite3 *sql_open_damaged(const char *path);
/* Remove a file that nobody has open, with what SQLite keeps beside. */
void sql_unlink(const char *path);

#endif
