/* SPDX-License-Identifier: ISC
 *
 * What the tests of store/nodedb share: a directory of their own, an index in
 * it, small objects, and a look at the file past the library. */
#ifndef T_STORE_INDEX_H
#define T_STORE_INDEX_H

#include "base/mem.h"
#include "store/nodedb.h"
#include "t/tap.h"

#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

enum { NOW = 1800000000 };

static const struct nodedb_conf usual = { .cache = 4 << 20, .journal = 100000 };

static char index_dir[64], index_path[128];

static inline void
index_place(void)
{
	snprintf(index_dir, sizeof index_dir, "/tmp/kn-nodedb-XXXXXX");
	if (mkdtemp(index_dir) == NULL)
		exit(111);
	snprintf(index_path, sizeof index_path, "%s/node.db", index_dir);
}

static inline void
index_clean(void)
{
	char all[160];

	snprintf(all, sizeof all, "rm -rf %s/*", index_dir);
	if (system(all) != 0)
		exit(111);
}

static inline void
index_leave(void)
{
	index_clean();
	rmdir(index_dir);
}

struct heard {
	unsigned n;
	char last[1024];
};

static inline void
hear(void *arg, const char *sentence)
{
	struct heard *h = arg;

	if (h == NULL) {
		printf("# %s\n", sentence);
		return;
	}
	h->n++;
	snprintf(h->last, sizeof h->last, "%s", sentence);
}

static inline struct nodedb *
index_with(const struct nodedb_conf *conf, struct heard *h)
{
	const char *why = "";
	bool newer;
	struct nodedb *db =
	    nodedb_open(index_path, conf, h ? hear : NULL, h, &why, &newer);

	if (db == NULL) {
		ok(false, "%s opens: %s", index_path, why);
		exit(1);
	}
	return db;
}

static inline struct nodedb *
index_open(void)
{
	return index_with(&usual, NULL);
}

/* One number, asked over a connection of its own; -1: it cannot be. */
static inline int64_t
look(const char *question)
{
	sqlite3 *sql = NULL;
	sqlite3_stmt *q = NULL;
	int64_t n = -1;

	if (sqlite3_open_v2(index_path, &sql, SQLITE_OPEN_READONLY, NULL) ==
		0 &&
	    sqlite3_prepare_v2(sql, question, -1, &q, NULL) == 0 &&
	    sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(sql);
	return n;
}

static inline int
change(const char *statements)
{
	sqlite3 *sql = NULL;
	int rc = sqlite3_open(index_path, &sql);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(sql, statements, NULL, NULL, NULL);
	sqlite3_close(sql);
	return rc;
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
