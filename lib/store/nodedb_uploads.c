/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include <string.h>

enum { TOKEN = 16 };

/* A row by its columns, slices borrowed from the statement. */
static bool
upload_row(
    struct nodedb *db, sqlite3_stmt *q, struct upload *u, int64_t *bucket)
{
	struct slice token;

	if (!sql_row(&db->sql, q))
		return false;
	token = sql_bytes(q, 1);
	*u = (struct upload){
		.no = sql_int(q, 0),
		.key = sql_bytes(q, 3),
		.meta = sql_bytes(q, 4),
		.tags = sql_bytes(q, 5),
		.created = sql_int(q, 6),
		.touched = sql_int(q, 7),
	};
	*bucket = sql_int(q, 2);
	if (token.n != TOKEN) {
		db->sql.rc = SQLITE_CORRUPT;
		return false;
	}
	memcpy(u->token, token.p, TOKEN);
	return true;
}

static void
hold(struct nodedb *db, struct upload *u)
{
	nodedb_hold(db, &db->item,
	    (struct slice *const[]){ &u->key, &u->meta, &u->tags }, 3);
}

static struct bucket *
bucket_by_no(const struct nodedb *db, int64_t no)
{
	for (size_t i = 0; i < db->buckets.n; i++) {
		struct bucket *b = db->buckets.p[i];

		if (b->no == no)
			return b;
	}
	return NULL;
}

static enum nodedb_said
make(struct nodedb *db, const struct upload *u)
{
	struct bucket *b = bucket_by_no(db, u->bucket->no);
	struct sql_given g = {
		.i = { (int64_t)db->next_upload, u->bucket->no, u->created,
		    u->created },
		.b = { u->key, slice_of(u->token, TOKEN), u->meta, u->tags },
	};

	if (u->bucket->no == 0 || b == NULL)
		return NODEDB_NONE;
	if (u->key.n == 0 || u->key.n > NODEDB_KEY || u->meta.n > NODEDB_META ||
	    u->tags.n > NODEDB_META || b->uploads >= NODEDB_UPLOADS)
		return NODEDB_FULL;
	if (nodedb_run(db, SQL_UPLOAD_NEW, g) == 0)
		return NODEDB_DISK;
	db->next_upload++;
	db->state.uploads++;
	b->uploads++;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_upload_new(struct nodedb *db, const struct upload *u)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, make(db, u));
}

static enum nodedb_said
by_token(struct nodedb *db, const struct bucket *b, const uint8_t *token,
    struct upload *u)
{
	struct sql_given g = { .i = { b->no },
		.b = { slice_text(""), slice_of(token, TOKEN) } };
	int64_t no;

	if (!upload_row(db, sql_ask(&db->sql, SQL_UPLOAD_BY_TOKEN, g), u, &no))
		return NODEDB_NONE;
	u->bucket = b;
	hold(db, u);
	return NODEDB_OK;
}

enum nodedb_said
nodedb_upload(struct nodedb *db, const struct bucket *b,
    const uint8_t token[16], struct upload *u)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, by_token(db, b, token, u));
}

/* Behind this upload of the key.  When it is gone, as for who lists and gives
 * up, page by page: all of the key's again, rather than none of them. */
static int64_t
number_of(struct nodedb *db, const struct bucket *b, const uint8_t *token)
{
	struct sql_given g = { .i = { b->no },
		.b = { slice_text(""), slice_of(token, TOKEN) } };

	return sql_number(&db->sql, SQL_UPLOAD_BY_TOKEN, g, 0);
}

static bool
begins(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n &&
	       (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

struct after {
	struct slice key;
	const uint8_t *token;
};

static enum nodedb_said
list(struct nodedb *db, const struct bucket *b, struct slice prefix,
    struct after after, size_t most,
    int (*fn)(void *arg, const struct upload *), void *arg, bool *more)
{
	struct sql_given g = { .i = { b->no, 0, (int64_t)most + 1 },
		.b = { prefix } };
	sqlite3_stmt *q;
	struct upload u;
	size_t n = 0;
	int64_t no;

	if (after.key.n && slice_order(after.key, prefix) >= 0) {
		g.b[0] = after.key;
		g.i[1] =
		    after.token ? number_of(db, b, after.token) : INT64_MAX;
	}
	q = most ? sql_ask(&db->sql, SQL_UPLOAD_LIST, g) : NULL;
	while (upload_row(db, q, &u, &no) && begins(u.key, prefix)) {
		if (n++ == most) {
			*more = true;
			break;
		}
		u.bucket = b;
		if (fn(arg, &u) != 0)
			break;
	}
	return NODEDB_OK;
}

enum nodedb_said
nodedb_uploads(struct nodedb *db, const struct bucket *b, struct slice prefix,
    struct slice after_key, const uint8_t *after_token, size_t most,
    int (*fn)(void *arg, const struct upload *), void *arg, bool *more)
{
	struct after after = { after_key, after_token };

	*more = false;
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(
	    db, list(db, b, prefix, after, most, fn, arg, more));
}

static enum nodedb_said
idle(struct nodedb *db, int64_t before, struct upload *u)
{
	struct sql_given g = { .i = { before } };
	int64_t no;

	if (!upload_row(db, sql_ask(&db->sql, SQL_UPLOAD_IDLE, g), u, &no))
		return NODEDB_NONE;
	u->bucket = bucket_by_no(db, no);
	hold(db, u);
	return u->bucket ? NODEDB_OK : NODEDB_NONE;
}

enum nodedb_said
nodedb_upload_idle(struct nodedb *db, int64_t before, struct upload *u)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, idle(db, before, u));
}

void
nodedb_cut_upload(struct nodedb *db, struct bucket *b, int64_t no)
{
	struct sql_given g = { .i = { no } };

	if (nodedb_run(db, SQL_UPLOAD_CUT, g) == 0)
		return;
	db->state.uploads--;
	b->uploads--;
	nodedb_use(db, b->tenant, -(int64_t)nodedb_cut_parts(db, no));
}

struct bucket *
nodedb_upload_bucket(struct nodedb *db, const struct upload *u)
{
	struct sql_given g = { .i = { u->no } };
	int64_t no = sql_number(&db->sql, SQL_UPLOAD_BY_NO, g, 0);

	return no ? bucket_by_no(db, no) : NULL;
}

static enum nodedb_said
cut(struct nodedb *db, const struct upload *u)
{
	struct bucket *b = nodedb_upload_bucket(db, u);

	if (b == NULL)
		return NODEDB_NONE;
	nodedb_cut_upload(db, b, u->no);
	return NODEDB_OK;
}

enum nodedb_said
nodedb_upload_cut(struct nodedb *db, const struct upload *u)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, cut(db, u));
}
