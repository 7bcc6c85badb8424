/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SUM_MOST = 255 };

static bool
part_row(struct nodedb *db, sqlite3_stmt *q, struct part *p, uint64_t *start)
{
	struct slice etag;

	if (!sql_row(&db->sql, q))
		return false;
	etag = sql_bytes(q, 5);
	*p = (struct part){
		.number = (unsigned)sql_int(q, 0),
		.size = sql_uint(q, 1),
		.at = sql_int(q, 2),
		.content = { (enum content_kind)sql_int(q, 3), sql_int(q, 4) },
		.sum = sql_bytes(q, 6),
	};
	*start = sql_uint(q, 7);
	if (etag.n == sizeof p->etag)
		memcpy(p->etag, etag.p, etag.n);
	return true;
}

/* Only its own bytes are borrowed: the sum. */
static bool
one_part(struct nodedb *db, int64_t upload, unsigned number, struct part *p,
    uint64_t *start)
{
	sqlite3_stmt *q = sql_ask(
	    &db->sql, SQL_PART, (struct sql_given){ .i = { upload, number } });

	if (!part_row(db, q, p, start))
		return false;
	if (!nodedb_hold(db, &db->item, (struct slice *const[]){ &p->sum }, 1))
		return false;
	sqlite3_reset(q);
	return true;
}

/* The same without touching what callers borrow. */
static bool
plain_part(struct nodedb *db, int64_t upload, unsigned number, struct part *p)
{
	sqlite3_stmt *q = sql_ask(
	    &db->sql, SQL_PART, (struct sql_given){ .i = { upload, number } });
	uint64_t start;

	*p = (struct part){ 0 };
	if (!part_row(db, q, p, &start))
		return false;
	sqlite3_reset(q);
	return true;
}

static void
cut_part(struct nodedb *db, int64_t upload, const struct part *p)
{
	if (nodedb_run(db, SQL_PART_CUT,
		(struct sql_given){ .i = { upload, p->number } }) == 0)
		return;
	db->state.parts--;
	nodedb_release(db, &p->content);
}

uint64_t
nodedb_cut_parts(struct nodedb *db, int64_t no)
{
	struct sql_given g = { .i = { no, 0, 1 } };
	uint64_t bytes = 0, start;
	struct part p;

	for (;;) {
		sqlite3_stmt *q = sql_ask(&db->sql, SQL_PARTS, g);

		if (!part_row(db, q, &p, &start))
			return bytes;
		sqlite3_reset(q);
		cut_part(db, no, &p);
		bytes += p.size;
		g.i[1] = p.number;
	}
}

static enum nodedb_said
add(struct nodedb *db, struct bucket *b, const struct upload *u,
    const struct part *p)
{
	struct sql_given g = {
		.i = { u->no, p->number, (int64_t)p->size, p->at,
		    p->content.kind, p->content.ref },
		.b = { slice_of(p->etag, sizeof p->etag), p->sum },
	};

	nodedb_run(db, SQL_PART_NEW, g);
	db->state.parts++;
	nodedb_use(db, b->tenant, (int64_t)p->size);
	return NODEDB_OK;
}

/* A content of parts would make a part of a tree; it is to be copied. */
static enum nodedb_said
put(struct nodedb *db, const struct upload *u, const struct part *p,
    uint64_t reserved, int64_t now)
{
	struct bucket *b = nodedb_upload_bucket(db, u);
	struct part old;

	if (b == NULL)
		return NODEDB_NONE;
	if (p->number == 0 || p->number > NODEDB_PARTS || p->sum.n > SUM_MOST ||
	    p->size > INT64_MAX || p->content.kind == CONTENT_PARTS)
		return NODEDB_FULL;
	plain_part(db, u->no, p->number, &old);
	if (!nodedb_fits(db, b->tenant, p->size, old.size, reserved))
		return NODEDB_QUOTA;
	if (!nodedb_acquire(db, &p->content))
		return NODEDB_NONE;
	if (old.number) {
		cut_part(db, u->no, &old);
		nodedb_use(db, b->tenant, -(int64_t)old.size);
	}
	nodedb_run(
	    db, SQL_UPLOAD_TOUCH, (struct sql_given){ .i = { u->no, now } });
	add(db, b, u, p);
	return NODEDB_OK;
}

enum nodedb_said
nodedb_part_put(struct nodedb *db, const struct upload *u, const struct part *p,
    uint64_t reserved, int64_t now)
{
	struct tenant *t = u->bucket ? u->bucket->tenant : NULL;
	enum nodedb_said said;

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	said = nodedb_leave(db, put(db, u, p, reserved, now));
	if (said == NODEDB_OK && t)
		nodedb_reserve(t,
		    -(int64_t)(reserved < t->disk_reserved ? reserved
							   : t->disk_reserved));
	return said;
}

enum nodedb_said
nodedb_part(
    struct nodedb *db, const struct upload *u, unsigned number, struct part *p)
{
	uint64_t start;
	enum nodedb_said said;

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	said = one_part(db, u->no, number, p, &start) ? NODEDB_OK : NODEDB_NONE;
	return nodedb_leave(db, said);
}

static enum nodedb_said
list(struct nodedb *db, const struct upload *u, unsigned after, size_t most,
    int (*fn)(void *arg, const struct part *), void *arg, bool *more)
{
	struct sql_given g = { .i = { u->no, after, (int64_t)most + 1 } };
	sqlite3_stmt *q = most ? sql_ask(&db->sql, SQL_PARTS, g) : NULL;
	struct part p;
	uint64_t start;
	size_t n = 0;

	while (part_row(db, q, &p, &start)) {
		if (n++ == most) {
			*more = true;
			break;
		}
		if (fn(arg, &p) != 0)
			break;
	}
	return NODEDB_OK;
}

enum nodedb_said
nodedb_parts(struct nodedb *db, const struct upload *u, unsigned after,
    size_t most, int (*fn)(void *arg, const struct part *), void *arg,
    bool *more)
{
	*more = false;
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, list(db, u, after, most, fn, arg, more));
}

/* All numbers are there, in order?  Then *rest gets the others (the caller's to
 * free), and *size the bytes. */
static bool
choose(struct nodedb *db, int64_t upload, const unsigned *numbers, size_t n,
    struct part **rest, size_t *nrest, uint64_t *size)
{
	struct sql_given g = { .i = { upload, 0, NODEDB_PARTS } };
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_PARTS, g);
	struct part p;
	uint64_t start;
	size_t i = 0;

	*rest = mem_new(NODEDB_PARTS * sizeof **rest);
	*nrest = 0;
	*size = 0;
	while (part_row(db, q, &p, &start)) {
		if (i < n && numbers[i] == p.number) {
			*size += p.size;
			i++;
		} else if (*nrest < NODEDB_PARTS) {
			(*rest)[(*nrest)++] = p;
		}
	}
	return i == n && db->sql.rc == SQLITE_OK;
}

/* Parts get the number of their place, and know where they begin. */
static void
arrange(struct nodedb *db, int64_t upload, const unsigned *numbers, size_t n)
{
	uint64_t at = 0;
	struct part p;

	for (size_t i = 0; i < n; i++) {
		if (!plain_part(db, upload, numbers[i], &p))
			return;
		nodedb_run(db, SQL_PART_PLACE,
		    (struct sql_given){ .i = { upload, numbers[i],
					    (int64_t)i + 1, (int64_t)at } });
		at += p.size;
	}
}

static enum nodedb_said
complete(struct nodedb *db, const struct upload *u, const unsigned *numbers,
    size_t n, struct content *out, uint64_t *size)
{
	struct bucket *b = nodedb_upload_bucket(db, u);
	struct content c = { CONTENT_PARTS, u->no };
	struct part *rest = NULL;
	size_t nrest;

	if (b == NULL || n == 0 || n > NODEDB_PARTS ||
	    !choose(db, u->no, numbers, n, &rest, &nrest, size)) {
		free(rest);
		return NODEDB_NONE;
	}
	for (size_t i = 0; i < nrest; i++) {
		cut_part(db, u->no, &rest[i]);
		nodedb_use(db, b->tenant, -(int64_t)rest[i].size);
	}
	free(rest);
	arrange(db, u->no, numbers, n);
	nodedb_run(db, SQL_UPLOAD_CUT, (struct sql_given){ .i = { u->no } });
	nodedb_run(db, SQL_MANIFEST_NEW,
	    (struct sql_given){ .i = { u->no, (int64_t)n, (int64_t)*size } });
	db->state.uploads--;
	b->uploads--;
	nodedb_made(db, &(struct unclaimed){
			    .content = c, .tenant = b->tenant, .paid = *size });
	*out = c;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_upload_complete(struct nodedb *db, const struct upload *u,
    const unsigned *numbers, size_t n, struct content *c, uint64_t *size)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, complete(db, u, numbers, n, c, size));
}

static bool
manifest(struct nodedb *db, int64_t no, uint64_t *parts, uint64_t *size)
{
	sqlite3_stmt *q =
	    sql_ask(&db->sql, SQL_MANIFEST, (struct sql_given){ .i = { no } });

	if (!sql_row(&db->sql, q))
		return false;
	*parts = sql_uint(q, 0);
	*size = sql_uint(q, 1);
	sqlite3_reset(q);
	return true;
}

/* By halves, beginning where it would be if all were of one size. */
static enum nodedb_said
piece(struct nodedb *db, const struct content *c, uint64_t at,
    struct content *out, uint64_t *begin, uint64_t *size)
{
	uint64_t lo = 1, hi, all, mid, start;
	struct part p;

	if (c->kind != CONTENT_PARTS || !manifest(db, c->ref, &hi, &all) ||
	    at >= all)
		return NODEDB_NONE;
	mid = 1 + (uint64_t)((double)at / (double)all * (double)hi);
	while (lo <= hi) {
		if (mid < lo || mid > hi)
			mid = lo + (hi - lo) / 2;
		if (!one_part(db, c->ref, (unsigned)mid, &p, &start))
			return NODEDB_NONE;
		if (at < start)
			hi = mid - 1;
		else if (at - start >= p.size)
			lo = mid + 1;
		else
			break;
		mid = lo + (hi - lo) / 2;
	}
	if (lo > hi)
		return NODEDB_NONE;
	*out = p.content;
	*begin = start;
	*size = p.size;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_piece(struct nodedb *db, const struct content *c, uint64_t at,
    struct content *out, uint64_t *begin, uint64_t *size)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, piece(db, c, at, out, begin, size));
}

enum nodedb_said
nodedb_content_part(struct nodedb *db, const struct content *c, unsigned nth,
    struct part *p, uint64_t *begin)
{
	bool there;

	if (c->kind != CONTENT_PARTS)
		return NODEDB_NONE;
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	there = one_part(db, c->ref, nth, p, begin);
	return nodedb_leave(db, there ? NODEDB_OK : NODEDB_NONE);
}
