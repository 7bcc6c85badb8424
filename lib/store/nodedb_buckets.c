/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Uploads that go with their bucket in one call, and parts: when so many are
 * gone, no further upload is begun. */
enum { UPLOADS_CUT = 1000, PARTS_CUT = 4000 };

static const struct slice no_bytes;

struct slice
nodedb_bucket_name(const struct bucket *b)
{
	return slice_text(b->name);
}

struct bucket *
nodedb_bucket(const struct nodedb *db, struct slice name)
{
	return names_get(&db->buckets, name);
}

struct bucket *
nodedb_bucket_after(const struct nodedb *db, struct slice after)
{
	return names_after(&db->buckets, after);
}

/* Requests hold buckets while their bodies come.  One that was removed is kept
 * for them; it comes back only for the same tenant. */
static struct bucket *
held(struct nodedb *db, struct slice name, const struct tenant *t)
{
	for (size_t i = 0; i < db->gone_buckets.n; i++) {
		struct bucket *b = db->gone_buckets.p[i];

		if (b->tenant == t && slice_eq(nodedb_bucket_name(b), name)) {
			names_cut_at(&db->gone_buckets, i);
			return b;
		}
	}
	return NULL;
}

struct bucket *
nodedb_bucket_struct(
    struct nodedb *db, struct slice name, const struct tenant *t)
{
	struct bucket *b = held(db, name, t);

	if (b == NULL) {
		b = mem_new(sizeof *b);
		memcpy(b->name, name.p, name.n);
		b->tenant = (struct tenant *)t;
	}
	names_put(&db->buckets, b);
	return b;
}

void
nodedb_nobody_holds(struct nodedb *db)
{
	names_free(&db->gone_buckets, free);
}

static enum nodedb_said
make(struct nodedb *db, struct slice name, struct tenant *t, int64_t now,
    struct bucket **out)
{
	int64_t no = (int64_t)db->next_bucket;
	struct sql_given g = { .i = { no, t->no, now }, .b = { name } };
	struct bucket *b;

	if (names_get(&db->buckets, name))
		return NODEDB_EXISTS;
	if (t->no == 0)
		return NODEDB_NONE;
	if (!nodedb_name_ok(name) || db->buckets.n >= NODEDB_BUCKETS ||
	    db->gone_buckets.n >= NODEDB_GONE)
		return NODEDB_FULL;
	nodedb_run(db, SQL_BUCKET_NEW, g);
	nodedb_note(db, WHAT_BUCKET, name, no_bytes, 0, no_bytes, now);
	db->names_changed = true;
	if (db->sql.rc != SQLITE_OK)
		return NODEDB_DISK;
	b = nodedb_bucket_struct(db, name, t);
	db->next_bucket++;
	b->no = no;
	b->created = now;
	b->versioning = b->anonymous = 0;
	b->uploads = 0;
	memset(b->has_doc, 0, sizeof b->has_doc);
	if (out)
		*out = b;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_bucket_new(struct nodedb *db, struct slice name, struct tenant *t,
    int64_t now, struct bucket **out)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, make(db, name, t, now, out));
}

static bool
cut_uploads(struct nodedb *db, struct bucket *b)
{
	struct sql_given g = { .i = { b->no } };
	uint64_t parts = db->state.parts;
	int64_t no;

	for (unsigned i = 0; i < UPLOADS_CUT; i++) {
		if (parts - db->state.parts >= PARTS_CUT)
			return false;
		no = sql_number(&db->sql, SQL_UPLOAD_IN, g, 0);
		if (no == 0)
			return true;
		nodedb_cut_upload(db, b, no);
	}
	return false;
}

static enum nodedb_said
cut(struct nodedb *db, struct bucket *b)
{
	struct sql_given g = { .i = { b->no } };

	if (b->no == 0)
		return NODEDB_NONE;
	if (sql_number(&db->sql, SQL_BUCKET_HAS, g, 0) || !cut_uploads(db, b))
		return NODEDB_BUSY;
	nodedb_run(db, SQL_DOCS_CUT, g);
	nodedb_run(db, SQL_BUCKET_CUT, g);
	nodedb_note(db, WHAT_BUCKET_CUT, nodedb_bucket_name(b), no_bytes, 0,
	    no_bytes, 0);
	db->names_changed = true;
	if (db->sql.rc != SQLITE_OK)
		return NODEDB_DISK;
	names_cut(&db->buckets, nodedb_bucket_name(b));
	names_put(&db->gone_buckets, b);
	b->no = 0;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_bucket_cut(struct nodedb *db, struct bucket *b)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, cut(db, b));
}

static enum nodedb_said
set(struct nodedb *db, struct bucket *b, unsigned versioning,
    unsigned anonymous)
{
	struct sql_given g = { .i = { b->no, versioning, anonymous } };

	if (b->no == 0)
		return NODEDB_NONE;
	nodedb_run(db, SQL_BUCKET_SET, g);
	nodedb_note(db, WHAT_BUCKET_SET, nodedb_bucket_name(b), no_bytes, 0,
	    no_bytes, 0);
	db->names_changed = true;
	b->versioning = versioning;
	b->anonymous = anonymous;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_bucket_set(struct nodedb *db, struct bucket *b, unsigned versioning,
    unsigned anonymous)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, set(db, b, versioning, anonymous));
}

static enum nodedb_said
doc_put(
    struct nodedb *db, struct bucket *b, enum bucket_doc kind, struct slice doc)
{
	struct sql_given g = { .i = { b->no, kind }, .b = { doc } };

	if (b->no == 0)
		return NODEDB_NONE;
	if (doc.n > NODEDB_DOC)
		return NODEDB_FULL;
	nodedb_run(db, doc.n ? SQL_DOC_PUT : SQL_DOC_CUT, g);
	nodedb_note(db, WHAT_DOCUMENT, nodedb_bucket_name(b), no_bytes,
	    (uint64_t)kind, no_bytes, 0);
	db->names_changed = true;
	b->has_doc[kind] = doc.n > 0;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_doc_put(
    struct nodedb *db, struct bucket *b, enum bucket_doc kind, struct slice doc)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, doc_put(db, b, kind, doc));
}

static enum nodedb_said
doc_get(struct nodedb *db, const struct bucket *b, enum bucket_doc kind,
    struct buf *out)
{
	struct sql_given g = { .i = { b->no, kind } };
	sqlite3_stmt *q;

	if (!b->has_doc[kind] ||
	    !sql_row(&db->sql, q = sql_ask(&db->sql, SQL_DOC, g)))
		return NODEDB_NONE;
	put_slice(out, sql_bytes(q, 0));
	return out->bad ? NODEDB_FULL : NODEDB_OK;
}

enum nodedb_said
nodedb_doc_get(struct nodedb *db, const struct bucket *b, enum bucket_doc kind,
    struct buf *out)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, doc_get(db, b, kind, out));
}
