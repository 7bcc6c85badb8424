/* SPDX-License-Identifier: ISC
 *
 * What the files of store/nodedb share: the statements, what is held in
 * memory, and how a call runs.
 *
 * A call enters, asks and runs statements (store/sql), and leaves.  The first
 * failure sticks in sql.rc, and what the call would have said becomes DISK.  A call that refuses has changed nothing; one that
 * changed memory has run a statement in the same breath, so that a failure
 * behind it rolls back and reads all of it again. */
#ifndef STORE_NODEDB_OWN_H
#define STORE_NODEDB_OWN_H

#include "base/table.h"
#include "store/nodedb.h"
#include "store/nodedb_sql.h"

/* As web's enum s3_versioning, which this layer cannot see. */
enum { UNVERSIONED, VERSIONED, SUSPENDED };
/* Of an object's row.  A null row that is not the newest of its key is buried:
 * a partial index finds it. */
enum { ROW_NULL = 1, ROW_MARKER = 2, ROW_BURIED = 4 };

enum { NODEDB_GONE = 20000 }; /* removed buckets that callers may hold */

/* Pointers to structs, in the order of the names that stand `offset` bytes
 * into them. */
struct names {
	void **p;
	size_t n, cap, offset;
};

/* The row of state, and the ends of the journal. */
struct nodedb_state {
	uint64_t epoch, version;
	uint64_t objects, markers, uploads, parts, blobs, blob_bytes, inlines;
	uint64_t first, last; /* of the journal; last < first: empty */
};

/* What this batch made and nothing refers to yet. */
struct unclaimed {
	struct content content;
	struct tenant *tenant; /* parts: who has paid for them, … */
	uint64_t paid;         /* … and how much, in disk_used already */
};

struct nodedb {
	struct sql sql;     /* its why: of the last failure */
	bool changed;       /* the call under way has changed something */
	bool lost;          /* rolled back, and commit has not yet said so */
	bool bad;           /* the last write failed */
	bool stale;         /* memory could not be read again */
	bool unclean;
	bool ready;         /* it was opened; closing is a clean end */
	bool names_changed; /* keys or buckets, in this batch */
	int frames;         /* in the log, after the last commit */
	uint64_t commits, checkpoints;
	struct nodedb_state state;
	uint64_t next_inline, next_blob, next_upload, next_bucket, next_tenant;
	uint64_t used, reserved; /* over all tenants */
	struct names tenants, keys, buckets;
	struct names gone_tenants, gone_buckets;
	struct tenant *touched; /* to be written, by next */
	struct unclaimed *unclaimed;
	size_t nunclaimed, unclaimed_cap;
	int64_t *fresh; /* blobs that were put in this batch */
	size_t nfresh, fresh_cap;
	struct buf row, bytes, item; /* what returned slices borrow */
	struct nodedb_conf conf;
	char *snapshots;
};

/* nodedb_sql.c */
extern const struct sql_kind nodedb_kind;
bool nodedb_enter(struct nodedb *); /* false: say DISK */
enum nodedb_said nodedb_leave(struct nodedb *, enum nodedb_said);
/* A statement that writes, in the batch.  How many rows it changed. */
uint64_t nodedb_run(struct nodedb *, enum nodedb_sql, struct sql_given);
/* The bytes of a row move into held, and the slices borrow them there; more
 * than it may hold is damage: false, and rc. */
bool nodedb_hold(
    struct nodedb *, struct buf *held, struct slice *const s[], size_t n);
void nodedb_failed(struct nodedb *, int rc); /* why, and it is told once */

/* nodedb.c */
void nodedb_reload(struct nodedb *); /* memory from the file; or stale */
void nodedb_rollback(struct nodedb *);

/* nodedb_load.c: what stands in the file, into memory; failures in rc. */
void nodedb_load(struct nodedb *, bool names);
void nodedb_load_tenants(struct nodedb *);
void nodedb_load_keys(struct nodedb *);
void nodedb_free_keys(struct nodedb *);
void nodedb_load_buckets(struct nodedb *);
void nodedb_load_uploads(struct nodedb *); /* how many each bucket has */

/* nodedb_names.c */
void *names_get(const struct names *, struct slice name);
void *names_after(const struct names *, struct slice name);
void names_put(struct names *, void *);
void *names_cut(struct names *, struct slice name);
void names_cut_at(struct names *, size_t at);
void names_free(struct names *, void (*free_one)(void *)); /* NULL: none */
bool nodedb_name_ok(struct slice); /* 1 to NODEDB_NAME bytes, no NUL */

/* nodedb_tenants.c */
void nodedb_use(struct nodedb *, struct tenant *, int64_t bytes);
void nodedb_reserve(struct tenant *, int64_t bytes);
/* Would it fit if size were added, freed taken away, and reserved given back?
 * What does not grow always fits. */
bool nodedb_fits(const struct nodedb *, const struct tenant *, uint64_t size,
    uint64_t freed, uint64_t reserved);
void nodedb_save_tenants(struct nodedb *);
void nodedb_tenants_durable(struct nodedb *); /* after a commit */
void nodedb_tenants_exact(struct nodedb *);   /* before a clean end */
/* To be written with the next commit. */
void nodedb_touch(struct nodedb *, struct tenant *);
/* A struct for this name, in its list: one that is held, or a new one. */
struct tenant *nodedb_tenant_struct(struct nodedb *, struct slice name);
/* nodedb_buckets.c */
struct bucket *nodedb_bucket_struct(
    struct nodedb *, struct slice name, const struct tenant *);

/* nodedb_content.c */
/* One reference more; false: there is no such content, nothing was done. */
bool nodedb_acquire(struct nodedb *, const struct content *);
void nodedb_release(struct nodedb *, const struct content *);
uint64_t nodedb_paid(const struct nodedb *, const struct content *);
void nodedb_made(struct nodedb *, const struct unclaimed *);
/* What nothing refers to at the end of a batch goes. */
void nodedb_drop_unclaimed(struct nodedb *);
void nodedb_forget_batch(struct nodedb *);
bool nodedb_is_fresh(const struct nodedb *, int64_t blob);

/* nodedb_journal.c */
/* clang-format off */
#define NODEDB_WHAT(R)                                                        \
	R(WHAT_PUT, "put")                                                    \
	R(WHAT_MARKER, "marker")                                              \
	R(WHAT_DELETE, "delete")                                              \
	R(WHAT_VERSION_DELETE, "version-delete")                              \
	R(WHAT_TAG, "tag")                                                    \
	R(WHAT_BUCKET, "bucket")                                              \
	R(WHAT_BUCKET_SET, "bucket-set")                                      \
	R(WHAT_BUCKET_CUT, "bucket-cut")                                      \
	R(WHAT_DOCUMENT, "document")                                          \
	R(WHAT_TENANT, "tenant")                                              \
	R(WHAT_TENANT_CUT, "tenant-cut")                                      \
	R(WHAT_KEY, "key")                                                    \
	R(WHAT_KEY_CUT, "key-cut")
/* clang-format on */
enum nodedb_what { NODEDB_WHAT(TABLE_NAME) WHAT_N };
void nodedb_note(struct nodedb *, enum nodedb_what, struct slice bucket,
    struct slice key, uint64_t version, struct slice entry, int64_t at);

/* nodedb_objects.c: a row by its columns (NODEDB_OBJECT), slices borrowed from
 * the statement. */
void nodedb_object(sqlite3_stmt *, struct object *);
struct slice nodedb_bucket_name(const struct bucket *);

/* nodedb_parts.c */
/* All parts of an upload or manifest go; returns their bytes. */
uint64_t nodedb_cut_parts(struct nodedb *, int64_t no);
/* nodedb_uploads.c: the bucket of an upload that is still there, or NULL */
struct bucket *nodedb_upload_bucket(struct nodedb *, const struct upload *);
void nodedb_cut_upload(struct nodedb *, struct bucket *, int64_t no);

#endif
