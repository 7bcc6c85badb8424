/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct sql_given nothing;

static uint64_t
after_last(struct nodedb *db, enum nodedb_sql which)
{
	return (uint64_t)sql_number(&db->sql, which, nothing, 0) + 1;
}

static uint64_t
greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Numbers are not given again while somebody may hold them. */
static void
load_numbers(struct nodedb *db)
{
	db->next_inline =
	    greater(db->next_inline, after_last(db, SQL_INLINE_LAST));
	db->next_blob = greater(db->next_blob, after_last(db, SQL_BLOB_LAST));
	db->next_upload =
	    greater(db->next_upload, greater(after_last(db, SQL_UPLOAD_LAST),
					 after_last(db, SQL_MANIFEST_LAST)));
	db->next_bucket =
	    greater(db->next_bucket, after_last(db, SQL_BUCKET_LAST));
	db->next_tenant =
	    greater(db->next_tenant, after_last(db, SQL_TENANT_LAST));
}

static void
load_state(struct nodedb *db)
{
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_STATE, nothing);
	uint64_t version = db->state.version;

	if (!sql_row(&db->sql, q)) {
		if (db->sql.rc == SQLITE_OK)
			db->sql.rc = SQLITE_CORRUPT;
		return;
	}
	db->state = (struct nodedb_state){
		.epoch = sql_uint(q, 0),
		.version = greater(version, sql_uint(q, 1)),
		.objects = sql_uint(q, 2),
		.markers = sql_uint(q, 3),
		.uploads = sql_uint(q, 4),
		.parts = sql_uint(q, 5),
		.blobs = sql_uint(q, 6),
		.blob_bytes = sql_uint(q, 7),
		.inlines = sql_uint(q, 8),
	};
	sqlite3_reset(q);
	db->state.first =
	    (uint64_t)sql_number(&db->sql, SQL_JOURNAL_FIRST, nothing, 1);
	db->state.last = (uint64_t)sql_number(
	    &db->sql, SQL_JOURNAL_LAST, nothing, (int64_t)db->state.first - 1);
}

/* Structs that are not in the file any more, or again, move between the two:
 * callers may hold them.  no is 0 while there is none. */
static void
retire(struct names *live, struct names *gone)
{
	for (size_t i = live->n; i > 0; i--) {
		int64_t *no = live->p[i - 1];

		if (*no != 0)
			continue;
		names_put(gone, live->p[i - 1]);
		names_cut_at(live, i - 1);
	}
}

_Static_assert(offsetof(struct tenant, no) == 0, "set_aside");
_Static_assert(offsetof(struct bucket, no) == 0, "set_aside");

struct aside {
	struct number {
		int64_t *at, no;
	} * p;
	size_t n;
};

/* Their numbers, until the file has been read to its end. */
static struct aside
set_aside(const struct names *names)
{
	struct aside a = { mem_new((names->n + 1) * sizeof *a.p), names->n };

	for (size_t i = 0; i < a.n; i++) {
		int64_t *no = names->p[i];

		a.p[i] = (struct number){ no, *no };
		*no = 0;
	}
	return a;
}

/* It has; or it cannot be read, and nobody is said to be gone. */
static void
settle(
    struct nodedb *db, struct aside *a, struct names *live, struct names *gone)
{
	bool good = db->sql.rc == SQLITE_OK;

	for (size_t i = 0; i < a->n && !good; i++)
		if (*a->p[i].at == 0)
			*a->p[i].at = a->p[i].no;
	if (good)
		retire(live, gone);
	free(a->p);
}

static void
load_tenant(struct nodedb *db, sqlite3_stmt *q)
{
	struct slice name = sql_bytes(q, 1);
	struct tenant *t = names_get(&db->tenants, name);

	if (t == NULL)
		t = nodedb_tenant_struct(db, name);
	t->no = sql_int(q, 0);
	sql_text(q, 2, t->tier, sizeof t->tier);
	t->disk_cap = sql_uint(q, 3);
	t->egress_cap = sql_uint(q, 4);
	t->disk_used = sql_uint(q, 5);
	t->egress_written = sql_uint(q, 7);
	t->egress_durable = t->egress_written;
	if (!t->loaded) {
		t->period = (uint32_t)sql_int(q, 6);
		t->egress_used = t->egress_written;
	} else if (t->period != (uint32_t)sql_int(q, 6)) {
		t->egress_written = t->egress_durable = 0;
	}
	t->loaded = true;
	t->dirty = false;
	if (t->egress_used + t->egress_leased > t->egress_written)
		nodedb_touch(db, t);
}

/* What was sent stays known, though the file forgot it. */
void
nodedb_load_tenants(struct nodedb *db)
{
	struct aside a = set_aside(&db->tenants);
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_TENANTS, nothing);

	db->touched = NULL;
	while (sql_row(&db->sql, q))
		load_tenant(db, q);
	settle(db, &a, &db->tenants, &db->gone_tenants);
	db->used = 0;
	for (size_t i = 0; i < db->tenants.n; i++)
		db->used += ((struct tenant *)db->tenants.p[i])->disk_used;
}

static void
load_docs(struct nodedb *db)
{
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_DOCS, nothing);

	while (sql_row(&db->sql, q)) {
		struct bucket *b = names_get(&db->buckets, sql_bytes(q, 0));
		int64_t kind = sql_int(q, 1);

		if (b && kind >= 0 && kind < DOCS)
			b->has_doc[kind] = true;
	}
}

void
nodedb_load_uploads(struct nodedb *db)
{
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_UPLOADS_OF, nothing);

	for (size_t i = 0; i < db->buckets.n; i++)
		((struct bucket *)db->buckets.p[i])->uploads = 0;
	while (sql_row(&db->sql, q)) {
		struct bucket *b = names_get(&db->buckets, sql_bytes(q, 0));

		if (b)
			b->uploads = sql_uint(q, 1);
	}
}

/* A bucket is the same one when name, tenant and number are. */
static struct bucket *
same_bucket(struct nodedb *db, struct slice name, const struct tenant *t)
{
	struct bucket *b = names_get(&db->buckets, name);

	if (b && b->tenant == t)
		return b;
	if (b) { /* another one's, of a batch that is gone */
		names_cut(&db->buckets, name);
		b->no = 0;
		names_put(&db->gone_buckets, b);
	}
	return nodedb_bucket_struct(db, name, t);
}

void
nodedb_load_buckets(struct nodedb *db)
{
	struct aside a = set_aside(&db->buckets);
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_BUCKETS, nothing);

	while (sql_row(&db->sql, q)) {
		struct tenant *t = names_get(&db->tenants, sql_bytes(q, 2));
		struct bucket *b;

		if (t == NULL)
			continue;
		b = same_bucket(db, sql_bytes(q, 1), t);
		b->no = sql_int(q, 0);
		b->created = sql_int(q, 3);
		b->versioning = (unsigned)sql_int(q, 4);
		b->anonymous = (unsigned)sql_int(q, 5);
		memset(b->has_doc, 0, sizeof b->has_doc);
	}
	settle(db, &a, &db->buckets, &db->gone_buckets);
	if (db->sql.rc == SQLITE_OK)
		load_docs(db);
}

void
nodedb_load(struct nodedb *db, bool names)
{
	load_state(db);
	load_numbers(db);
	nodedb_load_tenants(db);
	if (names) {
		nodedb_load_buckets(db);
		nodedb_load_keys(db);
	}
	nodedb_load_uploads(db);
}
