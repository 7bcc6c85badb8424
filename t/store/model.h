/* SPDX-License-Identifier: ISC
 *
 * A model of store/nodedb, and whether the index agrees with it. */
#ifndef T_STORE_MODEL_H
#define T_STORE_MODEL_H

#include "store/nodedb_own.h"
#include "t/store/index.h"

enum {
	KEYS = 6,
	BUCKETS = 4,
	TENANTS = 2,
	ROWS = 4000,
	PARTS = 5,
	UPLOADS = 4,
	WHOLES = 4000,
	BLOBS = 12,
	CAP = 9000,
	NODE_CAP = 15000,
	SMALL = 300,
};

static const char *const keys[KEYS] = { "a", "a/b", "a/c", "b", "\xff", "z" };
static const char *const names[BUCKETS] = { "one", "two", "three", "four" };

/* A content: small bytes by number, a blob by number, or a whole of parts. */
struct what {
	enum content_kind kind;
	unsigned id;
	uint64_t size;
};
struct row {
	unsigned bucket, key;
	uint64_t version;
	bool null, marker;
	struct what what;
	unsigned tags;
};
struct whole {
	unsigned n;
	struct what parts[PARTS];
};
struct pending {
	bool there;
	unsigned bucket, key;
	uint8_t token[16];
	struct what parts[PARTS]; /* by number - 1; kind NONE: not there */
};
/* All that a rollback must bring back. */
struct model {
	struct row rows[ROWS]; /* in order of their making */
	size_t nrows;
	unsigned versioning[BUCKETS];
	struct whole wholes[WHOLES];
	unsigned nwholes;
	struct pending uploads[UPLOADS];
};

static struct model now, kept;
static struct nodedb *db;
static struct bucket *buckets[BUCKETS];
static struct tenant *tenants[TENANTS];

static inline struct tenant *
payer(unsigned bucket)
{
	return tenants[bucket % TENANTS];
}

static inline uint64_t
parts_size(const struct pending *u)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < PARTS; i++)
		n += u->parts[i].size;
	return n;
}

static inline uint64_t
used(const struct tenant *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < now.nrows; i++)
		if (payer(now.rows[i].bucket) == t)
			n += now.rows[i].what.size;
	for (unsigned i = 0; i < UPLOADS; i++)
		if (now.uploads[i].there && payer(now.uploads[i].bucket) == t)
			n += parts_size(&now.uploads[i]);
	return n;
}

static inline bool
room(unsigned bucket, uint64_t size, uint64_t freed)
{
	uint64_t more = size - freed;

	return size <= freed ||
	       (used(payer(bucket)) + more <= CAP &&
		   used(tenants[0]) + used(tenants[1]) + more <= NODE_CAP);
}

/* The newest row of the key, or the one the version names (0: null), or -1. */
static inline long
find(unsigned bucket, unsigned key, bool newest, uint64_t version)
{
	long best = -1;

	for (size_t i = 0; i < now.nrows; i++) {
		const struct row *r = &now.rows[i];

		if (r->bucket != bucket || r->key != key)
			continue;
		if (newest ? best < 0 || r->version > now.rows[best].version
		    : version == 0 ? r->null
				   : r->version == version)
			best = (long)i;
	}
	return best;
}

static inline void
drop(long at)
{
	if (at < 0)
		return;
	memmove(&now.rows[at], &now.rows[at + 1],
	    (now.nrows - (size_t)at - 1) * sizeof now.rows[0]);
	now.nrows--;
}

static inline size_t
small_bytes(unsigned id, uint8_t bytes[SMALL])
{
	for (size_t i = 0; i < SMALL; i++)
		bytes[i] = (uint8_t)(id * 31 + i);
	return id % SMALL;
}

static inline bool
same_piece(const struct content *c, const struct what *w)
{
	uint8_t bytes[SMALL], sha[32], got[32];
	struct slice s;
	uint64_t size;

	if (c->kind != w->kind)
		return false;
	switch (w->kind) {
	case CONTENT_INLINE:
		return nodedb_inline_read(db, c, &s) == NODEDB_OK &&
		       slice_eq(s, slice_of(bytes, small_bytes(w->id, bytes)));
	case CONTENT_BLOB:
		blob_id(w->id, sha);
		return nodedb_blob_read(db, c, got, &size) == NODEDB_OK &&
		       size == w->size && memcmp(sha, got, 32) == 0;
	default:
		return w->kind == CONTENT_NONE;
	}
}

static inline bool
same_content(const struct content *c, const struct what *w)
{
	const struct whole *whole = &now.wholes[w->id];
	struct content piece;
	uint64_t at = 0, begin, size;
	struct part part;

	if (w->kind != CONTENT_PARTS)
		return same_piece(c, w);
	for (unsigned i = 0; i < whole->n; i++) {
		const struct what *p = &whole->parts[i];

		if (nodedb_content_part(db, c, i + 1, &part, &begin) !=
			NODEDB_OK ||
		    begin != at || part.size != p->size ||
		    !same_piece(&part.content, p))
			return false;
		if (p->size && (nodedb_piece(db, c, at + p->size - 1, &piece,
				    &begin, &size) != NODEDB_OK ||
				   begin != at || size != p->size ||
				   !same_piece(&piece, p)))
			return false;
		at += p->size;
	}
	return nodedb_piece(db, c, at, &piece, &begin, &size) == NODEDB_NONE;
}

struct seen {
	unsigned bucket;
	size_t n;
	uint64_t wrong;
};

static inline int
compare(void *arg, const struct object *o, struct slice common)
{
	struct seen *s = arg;
	const struct row *r = NULL;
	unsigned tags = 0;

	(void)common;
	s->n++;
	for (size_t i = 0; i < now.nrows && r == NULL; i++)
		if (now.rows[i].bucket == s->bucket &&
		    now.rows[i].version == o->version &&
		    slice_is(o->key, keys[now.rows[i].key]))
			r = &now.rows[i];
	for (size_t i = 0; i < o->tags.n; i++)
		tags = tags * 10 + (o->tags.p[i] - '0');
	s->wrong +=
	    r == NULL || r->null != o->null || r->marker != o->marker ||
	    r->what.size != o->size || r->tags != tags ||
	    o->latest != (find(s->bucket, r->key, true, 0) == r - now.rows);
	return 0;
}

static inline bool
agrees(void)
{
	size_t rows = 0;
	bool more, good = true;

	for (unsigned b = 0; b < BUCKETS; b++) {
		struct seen s = { .bucket = b };
		struct nodedb_list l = {
			.bucket = buckets[b], .versions = true, .most = ROWS
		};

		nodedb_list(db, &l, compare, &s, &more);
		good &= s.wrong == 0;
		rows += s.n;
	}
	for (size_t i = 0; i < now.nrows; i++) {
		const struct row *r = &now.rows[i];
		struct object o;

		good &= nodedb_get_version(db, buckets[r->bucket],
			    slice_text(keys[r->key]),
			    r->null && chance(2) ? 0 : r->version,
			    &o) == NODEDB_OK &&
			o.version == r->version && o.null == r->null &&
			same_content(&o.content, &r->what);
	}
	for (unsigned t = 0; t < TENANTS; t++)
		good &= tenants[t]->disk_used == used(tenants[t]) &&
			tenants[t]->disk_reserved == 7;
	return good && rows == now.nrows &&
	       nodedb_total(db) == used(tenants[0]) + used(tenants[1]) + 14;
}

#endif
