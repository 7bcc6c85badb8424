/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include <string.h>

static const struct slice no_bytes;

/* What matters of a row when others come or go. */
struct row {
	bool there;
	int64_t age;
	unsigned flags;
	uint64_t size;
	struct content content;
};
static const struct row none;

static int64_t
age_of(uint64_t version)
{
	return INT64_MAX - (int64_t)version;
}

static uint64_t
version_of(int64_t age)
{
	return (uint64_t)(INT64_MAX - age);
}

static struct slice
fixed(sqlite3_stmt *q, int column, size_t n)
{
	struct slice s = sql_bytes(q, column);

	return s.n == n ? s : no_bytes;
}

void
nodedb_object(sqlite3_stmt *q, struct object *o)
{
	unsigned flags = (unsigned)sql_int(q, 2);
	struct slice etag = fixed(q, 8, sizeof o->etag);
	struct slice sha = fixed(q, 9, sizeof o->sha);

	*o = (struct object){
		.key = sql_bytes(q, 0),
		.version = version_of(sql_int(q, 1)),
		.null = flags & ROW_NULL,
		.marker = flags & ROW_MARKER,
		.size = sql_uint(q, 3),
		.at = sql_int(q, 4),
		.parts = (uint16_t)sql_int(q, 5),
		.content = { (enum content_kind)sql_int(q, 6), sql_int(q, 7) },
		.has_sha = sha.n > 0,
		.meta = sql_bytes(q, 10),
		.tags = sql_bytes(q, 11),
	};
	if (etag.n)
		memcpy(o->etag, etag.p, etag.n);
	if (sha.n)
		memcpy(o->sha, sha.p, sha.n);
}

static struct row
ask_row(struct nodedb *db, enum nodedb_sql which, int64_t bucket,
    struct slice key, int64_t age)
{
	sqlite3_stmt *q = sql_ask(&db->sql, which,
	    (struct sql_given){ .i = { bucket, age }, .b = { key } });
	struct row r = { 0 };

	if (!sql_row(&db->sql, q))
		return r;
	r = (struct row){ true, sql_int(q, 0), (unsigned)sql_int(q, 1),
		sql_uint(q, 2),
		{ (enum content_kind)sql_int(q, 3), sql_int(q, 4) } };
	sqlite3_reset(q);
	return r;
}

/* It is the newest, or buried. */
static struct row
null_row(struct nodedb *db, int64_t bucket, struct slice key,
    const struct row *newest)
{
	if (!newest->there || newest->flags & ROW_NULL)
		return *newest;
	return ask_row(db, SQL_ROW_BURIED, bucket, key, 0);
}

/* Another row is now, or is to be, newer than the null row. */
static void
bury(struct nodedb *db, int64_t bucket, struct slice key, const struct row *r)
{
	if (r->there && (r->flags & (ROW_NULL | ROW_BURIED)) == ROW_NULL)
		nodedb_run(db, SQL_OBJECT_BURY,
		    (struct sql_given){
			.i = { bucket, r->age }, .b = { key } });
}

static void
cut_row(
    struct nodedb *db, struct bucket *b, struct slice key, const struct row *r)
{
	if (!r->there)
		return;
	nodedb_run(db, SQL_OBJECT_CUT,
	    (struct sql_given){ .i = { b->no, r->age }, .b = { key } });
	if (r->flags & ROW_MARKER)
		db->state.markers--;
	else
		db->state.objects--;
	nodedb_release(db, &r->content);
	nodedb_use(db, b->tenant, -(int64_t)r->size);
}

static void
add_row(
    struct nodedb *db, struct bucket *b, const struct object *o, unsigned flags)
{
	struct sql_given g = {
		.i = { b->no, age_of(o->version), flags, (int64_t)o->size,
		    o->at, o->parts, o->content.kind, o->content.ref },
		.b = { o->key, slice_of(o->etag, sizeof o->etag),
		    slice_of(o->sha, o->has_sha ? sizeof o->sha : 0), o->meta,
		    o->tags },
	};

	if (o->marker)
		g.b[1] = no_bytes;
	nodedb_run(db, SQL_OBJECT_NEW, g);
	if (o->marker)
		db->state.markers++;
	else
		db->state.objects++;
	nodedb_use(db, b->tenant, (int64_t)o->size);
}

static uint64_t
next_version(struct nodedb *db, uint64_t asked)
{
	if (asked == 0)
		return ++db->state.version;
	if (asked > db->state.version)
		db->state.version = asked;
	return asked;
}

static bool
too_big(const struct object *o)
{
	return o->key.n == 0 || o->key.n > NODEDB_KEY ||
	       o->meta.n > NODEDB_META || o->tags.n > NODEDB_META ||
	       o->size > INT64_MAX || o->version >= INT64_MAX;
}

/* Rows are placed: what the null row becomes of it. */
static unsigned
place(struct nodedb *db, struct bucket *b, const struct object *o,
    const struct row *newest)
{
	unsigned flags =
	    (o->null ? ROW_NULL : 0) | (o->marker ? ROW_MARKER : 0);

	if (!newest->there)
		return flags;
	if (age_of(o->version) < newest->age)
		bury(db, b->no, o->key, newest);
	else if (o->null)
		flags |= ROW_BURIED;
	return flags;
}

static enum nodedb_said
put(struct nodedb *db, struct bucket *b, const struct object *given,
    uint64_t reserved, struct object *out)
{
	struct object o = *given;
	struct row newest, old = { 0 };
	uint64_t held = b->tenant->disk_reserved;

	if (b->no == 0)
		return NODEDB_NONE;
	if (too_big(&o))
		return NODEDB_FULL;
	if (o.version &&
	    ask_row(db, SQL_ROW_AT, b->no, o.key, age_of(o.version)).there)
		return NODEDB_EXISTS;
	newest = ask_row(db, SQL_ROW_NEWEST, b->no, o.key, 0);
	o.null = b->versioning != VERSIONED || (o.version && given->null);
	if (o.null)
		old = null_row(db, b->no, o.key, &newest);
	if (!nodedb_fits(db, b->tenant, o.size,
		old.size + nodedb_paid(db, &o.content), reserved))
		return NODEDB_QUOTA;
	if (!nodedb_acquire(db, &o.content))
		return NODEDB_NONE;
	cut_row(db, b, o.key, &old);
	if (old.there && old.age == newest.age)
		newest = given->version
			     ? ask_row(db, SQL_ROW_NEWEST, b->no, o.key, 0)
			     : none;
	o.version = next_version(db, o.version);
	o.latest = !newest.there || age_of(o.version) < newest.age;
	add_row(db, b, &o, place(db, b, &o, &newest));
	nodedb_reserve(
	    b->tenant, -(int64_t)(reserved < held ? reserved : held));
	nodedb_note(db, o.marker ? WHAT_MARKER : WHAT_PUT,
	    nodedb_bucket_name(b), o.key, o.version,
	    slice_of(o.sha, o.has_sha ? sizeof o.sha : 0), o.at);
	if (out)
		*out = o;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_put(struct nodedb *db, struct bucket *b, const struct object *o,
    uint64_t reserved, struct object *out)
{
	uint64_t held = b->tenant->disk_reserved;
	enum nodedb_said said;

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	said = nodedb_leave(db, put(db, b, o, reserved, out));
	/* what was not written keeps its reservation */
	if (said != NODEDB_OK)
		nodedb_reserve(
		    b->tenant, (int64_t)(held - b->tenant->disk_reserved));
	return said;
}

static enum nodedb_said
put_marker(struct nodedb *db, struct bucket *b, struct slice key, int64_t now,
    const struct row *newest, uint64_t *version)
{
	struct object o = {
		.key = key,
		.version = next_version(db, 0),
		.null = b->versioning == SUSPENDED,
		.marker = true,
		.at = now,
	};

	add_row(db, b, &o, place(db, b, &o, newest));
	nodedb_note(db, WHAT_MARKER, nodedb_bucket_name(b), key, o.version,
	    no_bytes, now);
	*version = o.version;
	return NODEDB_OK;
}

static enum nodedb_said delete (struct nodedb *db, struct bucket *b,
    struct slice key, int64_t now, bool *marker, uint64_t *version) {
	struct row newest, old = { 0 };

	*marker = false;
	*version = 0;
	if (b->no == 0) return NODEDB_NONE;
	if (key.n == 0 || key.n > NODEDB_KEY) return NODEDB_FULL;
	newest = ask_row(db, SQL_ROW_NEWEST, b->no, key, 0);
	if (b->versioning != VERSIONED) old = null_row(db, b->no, key, &newest);
	cut_row(db, b, key, &old);
	*marker = b->versioning != UNVERSIONED;
	if (old.there && old.age == newest.age) newest = none;
	if (*marker) return put_marker(db, b, key, now, &newest, version);
	if (old.there) nodedb_note(db, WHAT_DELETE, nodedb_bucket_name(b), key,
	    version_of(old.age), no_bytes, now);
	return NODEDB_OK;
}

enum nodedb_said
nodedb_delete(struct nodedb *db, struct bucket *b, struct slice key,
    int64_t now, bool *marker, uint64_t *version)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, delete (db, b, key, now, marker, version));
}

static struct row
row_by_version(struct nodedb *db, const struct bucket *b, struct slice key,
    uint64_t version)
{
	struct row newest;

	if (version >= INT64_MAX)
		return none;
	if (version)
		return ask_row(db, SQL_ROW_AT, b->no, key, age_of(version));
	newest = ask_row(db, SQL_ROW_NEWEST, b->no, key, 0);
	return null_row(db, b->no, key, &newest);
}

static enum nodedb_said
delete_version(struct nodedb *db, struct bucket *b, struct slice key,
    uint64_t version, bool *marker)
{
	struct row r = row_by_version(db, b, key, version);

	*marker = r.there && r.flags & ROW_MARKER;
	if (!r.there)
		return NODEDB_NONE;
	cut_row(db, b, key, &r);
	nodedb_note(db, WHAT_VERSION_DELETE, nodedb_bucket_name(b), key,
	    version_of(r.age), no_bytes, 0);
	return NODEDB_OK;
}

enum nodedb_said
nodedb_delete_version(struct nodedb *db, struct bucket *b, struct slice key,
    uint64_t version, bool *marker)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, delete_version(db, b, key, version, marker));
}

/* The statement ends with the call: an open one would hold up the checkpoint.
 */
static enum nodedb_said
read_object(struct nodedb *db, sqlite3_stmt *q, struct object *o)
{
	struct slice *const s[] = { &o->key, &o->meta, &o->tags };

	if (!sql_row(&db->sql, q))
		return NODEDB_NONE;
	nodedb_object(q, o);
	return nodedb_hold(db, &db->row, s, 3) ? NODEDB_OK : NODEDB_DISK;
}

static enum nodedb_said
get(struct nodedb *db, const struct bucket *b, struct slice key,
    struct object *o)
{
	enum nodedb_said said = read_object(db,
	    sql_ask(&db->sql, SQL_OBJECT_NEWEST,
		(struct sql_given){ .i = { b->no }, .b = { key } }),
	    o);

	o->latest = said == NODEDB_OK;
	return said;
}

enum nodedb_said
nodedb_get(struct nodedb *db, const struct bucket *b, struct slice key,
    struct object *o)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, get(db, b, key, o));
}

static enum nodedb_said
get_version(struct nodedb *db, const struct bucket *b, struct slice key,
    uint64_t version, struct object *o)
{
	struct row newest = ask_row(db, SQL_ROW_NEWEST, b->no, key, 0);
	struct row r;
	enum nodedb_said said;

	if (version >= INT64_MAX)
		return NODEDB_NONE;
	r.age = age_of(version);
	if (version == 0) {
		r = null_row(db, b->no, key, &newest);
		if (!r.there)
			return NODEDB_NONE;
	}
	said = read_object(db,
	    sql_ask(&db->sql, SQL_OBJECT_AT,
		(struct sql_given){ .i = { b->no, r.age }, .b = { key } }),
	    o);
	o->latest = said == NODEDB_OK && r.age == newest.age;
	return said;
}

enum nodedb_said
nodedb_get_version(struct nodedb *db, const struct bucket *b, struct slice key,
    uint64_t version, struct object *o)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, get_version(db, b, key, version, o));
}

static enum nodedb_said
tag(struct nodedb *db, struct bucket *b, const struct object *o,
    struct slice tags)
{
	struct sql_given g = { .i = { b->no, age_of(o->version) },
		.b = { o->key, no_bytes, no_bytes, no_bytes, tags } };

	if (tags.n > NODEDB_META || o->version >= INT64_MAX)
		return NODEDB_FULL;
	if (nodedb_run(db, SQL_OBJECT_TAG, g) == 0)
		return NODEDB_NONE;
	nodedb_note(db, WHAT_TAG, nodedb_bucket_name(b), o->key, o->version,
	    no_bytes, 0);
	return NODEDB_OK;
}

enum nodedb_said
nodedb_tag(struct nodedb *db, struct bucket *b, const struct object *o,
    struct slice tags)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, tag(db, b, o, tags));
}
