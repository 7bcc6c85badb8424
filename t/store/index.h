/* SPDX-License-Identifier: ISC
 *
 * What the tests of store/nodedb share: an index, and small objects. */
#ifndef T_STORE_INDEX_H
#define T_STORE_INDEX_H

#include "base/mem.h"
#include "store/nodedb.h"
#include "t/store/place.h"

static const struct nodedb_conf usual = { .cache = 4 << 20, .journal = 100000 };

static inline struct nodedb *
index_with(const struct nodedb_conf *conf, struct heard *h)
{
	const char *why = "";
	bool newer;
	struct nodedb *db =
	    nodedb_open(db_path, conf, h ? hear : NULL, h, &why, &newer);

	if (db == NULL) {
		ok(false, "%s opens: %s", db_path, why);
		exit(1);
	}
	return db;
}

static inline struct nodedb *
index_open(void)
{
	return index_with(&usual, NULL);
}

static inline struct tenant *
tenant_of(struct nodedb *db, const char *name, uint64_t cap)
{
	struct tenant *t = NULL;

	if (nodedb_tenant_put(db, name, "own", cap, UINT64_MAX, &t) !=
	    NODEDB_OK)
		exit(111);
	return t;
}

static inline struct bucket *
bucket_of(
    struct nodedb *db, const char *name, struct tenant *t, unsigned versioning)
{
	struct bucket *b = NULL;

	if (nodedb_bucket_new(db, slice_text(name), t, NOW, &b) != NODEDB_OK ||
	    nodedb_bucket_set(db, b, versioning, 0) != NODEDB_OK)
		exit(111);
	return b;
}

/* An object with n small bytes; its first is the last of the key. */
static inline enum nodedb_said
put_small(struct nodedb *db, struct bucket *b, const char *key, size_t n,
    struct object *put)
{
	static uint8_t bytes[NODEDB_INLINE];
	struct object o = { .key = slice_text(key), .size = n, .at = NOW };
	enum nodedb_said said;

	bytes[0] = (uint8_t)key[strlen(key) - 1];
	said = nodedb_inline(db, slice_of(bytes, n), &o.content);
	return said == NODEDB_OK ? nodedb_put(db, b, &o, 0, put) : said;
}

static inline void
blob_id(unsigned n, uint8_t sha[32])
{
	memset(sha, 0, 32);
	crypto_generichash(sha, 32, (const uint8_t *)&n, sizeof n, NULL, 0);
}

static inline enum nodedb_said
put_blob(struct nodedb *db, struct bucket *b, const char *key, unsigned n,
    uint64_t size, struct object *put)
{
	struct object o = {
		.key = slice_text(key), .size = size, .at = NOW, .has_sha = true
	};
	enum nodedb_said said;

	blob_id(n, o.sha);
	said = nodedb_blob(db, o.sha, size, slice_text("sums"), &o.content);
	return said == NODEDB_OK ? nodedb_put(db, b, &o, 0, put) : said;
}

static inline enum nodedb_said
get_key(struct nodedb *db, const struct bucket *b, const char *key,
    struct object *o)
{
	return nodedb_get(db, b, slice_text(key), o);
}

static inline void
is_said(enum nodedb_said got, enum nodedb_said want, const char *name)
{
	is_int(got, want, name);
}

static inline void
is_counted(struct nodedb *db, const char *name)
{
	is_int(nodedb_recount(db, false, hear, NULL), 0, name);
}

#endif
