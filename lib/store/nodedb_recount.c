/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 256, TEXT = 256, SENTENCE = 512 };

/* What the rows refer to, counted; kinds are those of enum content_kind. */
static const char tally[] =
    "DROP TABLE IF EXISTS temp.tally;"
    "CREATE TEMP TABLE tally (kind INTEGER, ref INTEGER, n INTEGER,"
    " PRIMARY KEY (kind, ref)) WITHOUT ROWID;"
    "INSERT INTO tally SELECT kind, ref, count(*) FROM"
    " (SELECT kind, ref FROM object WHERE kind > 0 UNION ALL"
    " SELECT kind, ref FROM part WHERE kind > 0) GROUP BY kind, ref";

#define HELD(kind, table)                                                      \
	"coalesce((SELECT n FROM temp.tally WHERE kind = " kind                \
	" AND ref = " table ".no), 0)"

/* Each finds rows of (number, as noted, as counted) behind number ?1, and may
 * know how to set one right: ?1 the number, ?2 as counted.  What changes the
 * tally comes first. */
static const struct check {
	const char *what, *find, *mend, *also;
} checks[] = {
	{ "parts of upload",
	    "SELECT upload AS no, count(*), 0 FROM part WHERE upload > ?1 AND"
	    " upload NOT IN (SELECT no FROM upload) AND"
	    " upload NOT IN (SELECT no FROM manifest)"
	    " GROUP BY upload ORDER BY upload",
	    "DELETE FROM part WHERE upload = ?1", NULL },
	{ "references to manifest",
	    "SELECT no, refs, " HELD(
		"3", "manifest") " AS n FROM manifest"
				 " WHERE refs != n AND no > ?1 ORDER BY no",
	    "UPDATE manifest SET refs = ?2 WHERE no = ?1",
	    "DELETE FROM part WHERE ?2 = 0 AND upload = ?1" },
	{ "parts of manifest",
	    "SELECT no, parts, (SELECT count(*) FROM part WHERE upload = no)"
	    " AS n FROM manifest WHERE parts != n AND refs > 0 AND no > ?1"
	    " ORDER BY no",
	    NULL, NULL },
	{ "bytes of manifest",
	    "SELECT no, size, (SELECT coalesce(sum(size), 0) FROM part"
	    " WHERE upload = no) AS n FROM manifest"
	    " WHERE manifest.size != n AND refs > 0 AND no > ?1 ORDER BY no",
	    NULL, NULL },
	{ NULL, NULL, NULL, NULL }, /* count again */
	{ "references to blob",
	    "SELECT no, refs, " HELD(
		"2", "blob") " AS n FROM blob"
			     " WHERE refs != n AND no > ?1 ORDER BY no",
	    "UPDATE blob SET refs = ?2 WHERE no = ?1", NULL },
	{ "references to small content",
	    "SELECT no, refs, " HELD(
		"1", "inline") " AS n FROM inline"
			       " WHERE refs != n AND no > ?1 ORDER BY no",
	    "UPDATE inline SET refs = ?2 WHERE no = ?1",
	    "DELETE FROM inline WHERE no = ?1 AND refs = 0" },
	{ "references to a blob that is not there,",
	    "SELECT ref, n, 0 FROM temp.tally WHERE kind = 2 AND ref > ?1"
	    " AND ref NOT IN (SELECT no FROM blob) ORDER BY ref",
	    NULL, NULL },
	{ "references to a small content that is not there,",
	    "SELECT ref, n, 0 FROM temp.tally WHERE kind = 1 AND ref > ?1"
	    " AND NOT EXISTS (SELECT 1 FROM inline WHERE no = ref)"
	    " ORDER BY ref",
	    NULL, NULL },
	{ "references to a manifest that is not there,",
	    "SELECT ref, n, 0 FROM temp.tally WHERE kind = 3 AND ref > ?1"
	    " AND ref NOT IN (SELECT no FROM manifest) ORDER BY ref",
	    NULL, NULL },
};

/* Single numbers, and how the row of state calls them. */
static const struct total {
	const char *column, *count;
} totals[] = {
	{ "objects", "SELECT count(*) FROM object WHERE NOT (flags & 2)" },
	{ "markers", "SELECT count(*) FROM object WHERE (flags & 2)" },
	{ "uploads", "SELECT count(*) FROM upload" },
	{ "parts", "SELECT count(*) FROM part" },
	{ "blobs", "SELECT count(*) FROM blob" },
	{ "blob_bytes", "SELECT coalesce(sum(size), 0) FROM blob" },
	{ "inlines", "SELECT count(*) FROM inline" },
};

struct recount {
	struct nodedb *db;
	bool mend;
	void (*fn)(void *arg, const char *sentence);
	void *arg;
	uint64_t found;
};

static void
say(struct recount *r, const char *what, int64_t no, int64_t noted,
    int64_t counted)
{
	char sentence[SENTENCE];

	r->found++;
	snprintf(sentence, sizeof sentence,
	    "%s %lld: %lld are noted, %lld are counted", what, (long long)no,
	    (long long)noted, (long long)counted);
	if (r->fn)
		r->fn(r->arg, sentence);
}

static sqlite3_stmt *
ask(struct recount *r, const char *text, int64_t a, int64_t b)
{
	sqlite3_stmt *q = NULL;

	if (r->db->sql.rc == SQLITE_OK)
		r->db->sql.rc =
		    sqlite3_prepare_v2(r->db->sql.db, text, -1, &q, NULL);
	if (r->db->sql.rc != SQLITE_OK)
		return NULL;
	sqlite3_bind_int64(q, 1, a);
	sqlite3_bind_int64(q, 2, b);
	return q;
}

static void
run(struct recount *r, const char *text, int64_t no, int64_t counted)
{
	sqlite3_stmt *q = text ? ask(r, text, no, counted) : NULL;

	sql_row(&r->db->sql, q);
	sqlite3_finalize(q);
}

struct found {
	int64_t no, noted, counted;
};

/* A page of them is read before any is changed. */
static size_t
page(struct recount *r, const struct check *c, int64_t after,
    struct found found[PAGE])
{
	sqlite3_stmt *q = ask(r, c->find, after, 0);
	size_t n = 0;

	while (n < PAGE && sql_row(&r->db->sql, q)) {
		found[n++] = (struct found){ sql_int(q, 0), sql_int(q, 1),
			sql_int(q, 2) };
	}
	sqlite3_finalize(q);
	return n;
}

static void
check(struct recount *r, const struct check *c)
{
	struct found found[PAGE];
	int64_t after = INT64_MIN;
	size_t n;

	if (c->find == NULL) {
		if (r->db->sql.rc == SQLITE_OK)
			r->db->sql.rc = sqlite3_exec(
			    r->db->sql.db, tally, NULL, NULL, NULL);
		return;
	}
	do {
		n = page(r, c, after, found);
		for (size_t i = 0; i < n; i++) {
			const struct found *f = &found[i];

			say(r, c->what, f->no, f->noted, f->counted);
			after = f->no;
			if (!r->mend)
				continue;
			run(r, c->mend, f->no, f->counted);
			run(r, c->also, f->no, f->counted);
		}
	} while (n == PAGE);
}

static int64_t
number(struct recount *r, const char *text)
{
	sqlite3_stmt *q = ask(r, text, 0, 0);
	int64_t n = sql_row(&r->db->sql, q) ? sql_int(q, 0) : 0;

	sqlite3_finalize(q);
	return n;
}

static void
check_total(struct recount *r, const struct total *t)
{
	char text[TEXT];
	int64_t noted, counted = number(r, t->count);

	snprintf(text, sizeof text, "SELECT %s FROM state", t->column);
	noted = number(r, text);
	if (noted == counted || r->db->sql.rc != SQLITE_OK)
		return;
	say(r, t->column, 0, noted, counted);
	snprintf(text, sizeof text, "UPDATE state SET %s = ?2", t->column);
	if (r->mend)
		run(r, text, 0, counted);
}

static void
check_tenant(struct recount *r, const struct tenant *t)
{
	char text[TEXT];
	struct sql_given g = { .i = { t->no } };
	int64_t counted = sql_number(&r->db->sql, SQL_TENANT_OBJECTS, g, 0) +
			  sql_number(&r->db->sql, SQL_TENANT_PARTS, g, 0);

	if (counted == (int64_t)t->disk_used || r->db->sql.rc != SQLITE_OK)
		return;
	snprintf(text, sizeof text, "bytes of tenant %s,", t->name);
	say(r, text, t->no, (int64_t)t->disk_used, counted);
	if (r->mend)
		run(r, "UPDATE tenant SET disk_used = ?2 WHERE no = ?1", t->no,
		    counted);
}

static void
check_all(struct recount *r)
{
	struct nodedb *db = r->db;

	db->sql.rc =
	    sqlite3_exec(db->sql.db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (db->sql.rc == SQLITE_OK)
		db->sql.rc = sqlite3_exec(db->sql.db, tally, NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		check(r, &checks[i]);
	if (r->mend)
		run(r, "DELETE FROM manifest WHERE refs = 0", 0, 0);
	for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++)
		check_total(r, &totals[i]);
	for (size_t i = 0; i < db->tenants.n; i++)
		check_tenant(r, db->tenants.p[i]);
}

/* In a transaction of its own; memory is read again behind it. */
uint64_t
nodedb_recount(struct nodedb *db, bool mend,
    void (*fn)(void *arg, const char *sentence), void *arg)
{
	struct recount r = { db, mend, fn, arg, 0 };
	int rc;

	if (nodedb_commit(db) != NODEDB_OK || !nodedb_enter(db))
		return 1;
	check_all(&r);
	sql_end(&db->sql);
	rc = db->sql.rc;
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql.db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		nodedb_failed(db, rc);
		say(&r, nodedb_why(db), rc, 0, 0);
	}
	nodedb_rollback(db);
	sqlite3_exec(
	    db->sql.db, "DROP TABLE IF EXISTS temp.tally", NULL, NULL, NULL);
	return r.found;
}
