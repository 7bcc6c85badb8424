/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"
#include "base/msec.h"

#include <string.h>

static bool
same(const struct content *a, const struct content *b)
{
	return a->kind == b->kind && a->ref == b->ref;
}

void
nodedb_made(struct nodedb *db, const struct unclaimed *made)
{
	if (db->nunclaimed == db->unclaimed_cap) {
		db->unclaimed_cap = db->unclaimed_cap * 2 + 16;
		db->unclaimed = mem_resize(
		    db->unclaimed, db->unclaimed_cap * sizeof db->unclaimed[0]);
	}
	db->unclaimed[db->nunclaimed++] = *made;
}

/* What was made last is looked for first. */
static struct unclaimed *
find(const struct nodedb *db, const struct content *c)
{
	for (size_t i = db->nunclaimed; i > 0; i--)
		if (same(&db->unclaimed[i - 1].content, c))
			return &db->unclaimed[i - 1];
	return NULL;
}

uint64_t
nodedb_paid(const struct nodedb *db, const struct content *c)
{
	const struct unclaimed *u = find(db, c);

	return u ? u->paid : 0;
}

/* It was made with one reference, which its first user takes over. */
static bool
claim(struct nodedb *db, const struct content *c)
{
	struct unclaimed *u = find(db, c);

	if (u == NULL)
		return false;
	if (u->paid)
		nodedb_use(db, u->tenant, -(int64_t)u->paid);
	*u = db->unclaimed[--db->nunclaimed];
	return true;
}

static const enum nodedb_sql ref_sql[] = {
	[CONTENT_INLINE] = SQL_INLINE_REF,
	[CONTENT_BLOB] = SQL_BLOB_REF,
	[CONTENT_PARTS] = SQL_MANIFEST_REF,
};

bool
nodedb_acquire(struct nodedb *db, const struct content *c)
{
	if (c->kind == CONTENT_NONE || claim(db, c))
		return true;
	return nodedb_run(db, ref_sql[c->kind],
		   (struct sql_given){ .i = { c->ref, 1 } }) == 1;
}

void
nodedb_release(struct nodedb *db, const struct content *c)
{
	struct sql_given g = { .i = { c->ref, -1 } };

	switch (c->kind) {
	case CONTENT_NONE:
		return;
	case CONTENT_INLINE:
		if (nodedb_run(db, SQL_INLINE_CUT, g))
			db->state.inlines--;
		else
			nodedb_run(db, SQL_INLINE_REF, g);
		return;
	case CONTENT_BLOB:
		nodedb_run(db, SQL_BLOB_REF, g);
		return;
	case CONTENT_PARTS:
		if (nodedb_run(db, SQL_MANIFEST_CUT, g))
			nodedb_cut_parts(db, c->ref);
		else
			nodedb_run(db, SQL_MANIFEST_REF, g);
		return;
	}
}

void
nodedb_drop_unclaimed(struct nodedb *db)
{
	for (size_t i = 0; i < db->nunclaimed; i++) {
		const struct unclaimed *u = &db->unclaimed[i];

		if (u->paid)
			nodedb_use(db, u->tenant, -(int64_t)u->paid);
		nodedb_release(db, &u->content);
	}
	db->nunclaimed = 0;
}

static enum nodedb_said
put_inline(struct nodedb *db, struct slice bytes, struct content *out)
{
	struct content c = { CONTENT_INLINE, (int64_t)db->next_inline };

	if (bytes.n > NODEDB_INLINE)
		return NODEDB_FULL;
	if (nodedb_run(db, SQL_INLINE_NEW,
		(struct sql_given){ .i = { c.ref }, .b = { bytes } }) == 0)
		return NODEDB_DISK;
	db->next_inline++;
	db->state.inlines++;
	nodedb_made(db, &(struct unclaimed){ .content = c });
	*out = c;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_inline(struct nodedb *db, struct slice bytes, struct content *c)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, put_inline(db, bytes, c));
}

static enum nodedb_said
read_inline(struct nodedb *db, const struct content *c, struct slice *bytes)
{
	sqlite3_stmt *q = sql_ask(
	    &db->sql, SQL_INLINE_READ, (struct sql_given){ .i = { c->ref } });

	if (c->kind != CONTENT_INLINE || !sql_row(&db->sql, q))
		return NODEDB_NONE;
	*bytes = sql_bytes(q, 0);
	return nodedb_hold(db, &db->bytes, &bytes, 1) ? NODEDB_OK : NODEDB_DISK;
}

enum nodedb_said
nodedb_inline_read(
    struct nodedb *db, const struct content *c, struct slice *bytes)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, read_inline(db, c, bytes));
}

/* Remembered until the commit, so that nodedb_dead leaves it alone. */
static void
keep_fresh(struct nodedb *db, int64_t no)
{
	if (db->nfresh == db->fresh_cap) {
		db->fresh_cap = db->fresh_cap * 2 + 16;
		db->fresh =
		    mem_resize(db->fresh, db->fresh_cap * sizeof db->fresh[0]);
	}
	db->fresh[db->nfresh++] = no;
}

bool
nodedb_is_fresh(const struct nodedb *db, int64_t blob)
{
	for (size_t i = 0; i < db->nfresh; i++)
		if (db->fresh[i] == blob)
			return true;
	return false;
}

struct known {
	int64_t no; /* 0: there is none */
	uint64_t size, refs;
	bool damaged;
};

static struct known
known(struct nodedb *db, struct slice sha)
{
	sqlite3_stmt *q = sql_ask(
	    &db->sql, SQL_BLOB_BY_SHA, (struct sql_given){ .b = { sha } });
	struct known k = { 0 };

	if (!sql_row(&db->sql, q))
		return k;
	k = (struct known){ .no = sql_int(q, 0),
		.size = sql_uint(q, 1),
		.damaged = sql_int(q, 2) != 0,
		.refs = sql_uint(q, 3) };
	sqlite3_reset(q);
	return k;
}

static enum nodedb_said
add_blob(struct nodedb *db, struct slice sha, uint64_t size, struct slice sums,
    int64_t *no)
{
	int64_t n = (int64_t)db->next_blob;
	struct sql_given g = { .i = { n, (int64_t)size, msec_wall() },
		.b = { sha } };

	if (nodedb_run(db, SQL_BLOB_NEW, g) == 0)
		return NODEDB_DISK;
	nodedb_run(
	    db, SQL_SUMS_NEW, (struct sql_given){ .i = { n }, .b = { sums } });
	db->next_blob++;
	db->state.blobs++;
	db->state.blob_bytes += size;
	*no = n;
	return NODEDB_OK;
}

/* A damaged one was written again. */
static enum nodedb_said
put_blob(struct nodedb *db, struct slice sha, uint64_t size, struct slice sums,
    struct content *out)
{
	struct known k = known(db, sha);
	enum nodedb_said said = NODEDB_OK;

	if (k.no != 0 && k.size != size)
		return NODEDB_EXISTS;
	if (k.no == 0)
		said = add_blob(db, sha, size, sums, &k.no);
	else if (k.damaged)
		nodedb_run(db, SQL_BLOB_VERIFIED,
		    (struct sql_given){
			.i = { msec_wall(), 0 }, .b = { sha } });
	if (said != NODEDB_OK)
		return said;
	keep_fresh(db, k.no);
	*out = (struct content){ CONTENT_BLOB, k.no };
	return NODEDB_OK;
}

enum nodedb_said
nodedb_blob(struct nodedb *db, const uint8_t sha[32], uint64_t size,
    struct slice sums, struct content *c)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, put_blob(db, slice_of(sha, 32), size, sums, c));
}

bool
nodedb_blob_known(struct nodedb *db, const uint8_t sha[32], uint64_t size)
{
	struct known k;

	if (!nodedb_enter(db))
		return false;
	k = known(db, slice_of(sha, 32));
	return nodedb_leave(db, NODEDB_OK) == NODEDB_OK && k.no != 0 &&
	       k.size == size && !k.damaged;
}

enum nodedb_said
nodedb_blob_refs(struct nodedb *db, const uint8_t sha[32], uint64_t *refs)
{
	struct known k;

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	k = known(db, slice_of(sha, 32));
	*refs = k.refs;
	return nodedb_leave(db, k.no ? NODEDB_OK : NODEDB_NONE);
}

static enum nodedb_said
read_blob(
    struct nodedb *db, const struct content *c, uint8_t sha[32], uint64_t *size)
{
	sqlite3_stmt *q = sql_ask(
	    &db->sql, SQL_BLOB_BY_NO, (struct sql_given){ .i = { c->ref } });
	struct slice s;

	if (c->kind != CONTENT_BLOB || !sql_row(&db->sql, q))
		return NODEDB_NONE;
	s = sql_bytes(q, 0);
	if (s.n != 32) {
		db->sql.rc = SQLITE_CORRUPT;
		return NODEDB_DISK;
	}
	memcpy(sha, s.p, 32);
	*size = sql_uint(q, 1);
	return NODEDB_OK;
}

enum nodedb_said
nodedb_blob_read(
    struct nodedb *db, const struct content *c, uint8_t sha[32], uint64_t *size)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, read_blob(db, c, sha, size));
}

static enum nodedb_said
read_sums(struct nodedb *db, struct slice sha, struct buf *out)
{
	sqlite3_stmt *q =
	    sql_ask(&db->sql, SQL_SUMS, (struct sql_given){ .b = { sha } });

	if (!sql_row(&db->sql, q))
		return NODEDB_NONE;
	put_slice(out, sql_bytes(q, 0));
	return out->bad ? NODEDB_FULL : NODEDB_OK;
}

enum nodedb_said
nodedb_blob_sums(struct nodedb *db, const uint8_t sha[32], struct buf *out)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, read_sums(db, slice_of(sha, 32), out));
}
