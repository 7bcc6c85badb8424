/* SPDX-License-Identifier: ISC
 *
 * node.db (node.db(5)): kn-store's index in SQLite: tenants and what they use,
 * access keys, buckets, versions of objects, uploads, which blobs are referred
 * to how often, small contents, and the journal of every change.
 *
 * One connection, one thread, WAL, synchronous=FULL.  Writes gather in a
 * transaction that nodedb_commit ends (group commit): whatever a caller did or
 * saw since the last commit is durable when that has returned 0, and nothing
 * may be answered before.  A write that fails rolls the whole batch back: the
 * call and the next nodedb_commit say NODEDB_DISK, and everything in memory is
 * read again from the file.  (One that fails before it has changed anything
 * says NODEDB_DISK and leaves the batch as it is.)
 *
 * Times are milliseconds since 1970.  Versions are numbers that only grow.
 * Slices in what is returned are borrowed until the next call. */
#ifndef STORE_NODEDB_H
#define STORE_NODEDB_H

#include "base/buf.h"
#include "base/map.h"
#include "base/msec.h"

#include <time.h>

enum {
	NODEDB_INLINE = 16 << 10, /* contents up to this stand in node.db */
	NODEDB_META = 16 << 10,   /* bytes of an object's packed metadata */
	NODEDB_DOC = 256 << 10,   /* of a bucket's configuration document */
	NODEDB_KEY = 1024,        /* of an object's key */
	NODEDB_NAME = 64,         /* of tenants, buckets, access keys */
	NODEDB_SECRET = 128,      /* of a sealed secret */
	NODEDB_GRANTS = 64,       /* of one access key */
	NODEDB_BUCKETS = 10000,
	NODEDB_TENANTS = 10000,
	NODEDB_KEYS = 10000,
	NODEDB_PARTS = 10000,
	NODEDB_UPLOADS = 10000, /* under way, of one bucket */
	NODEDB_COUNTED = 10000,
	NODEDB_APPLICATION = 0x4b6e4e64, /* "KnNd" (PRAGMA application_id) */
	NODEDB_VERSION = 1, /* of the schema (PRAGMA user_version) */
};

enum nodedb_said {
	NODEDB_OK,
	NODEDB_NONE,   /* there is none */
	NODEDB_EXISTS, /* there is one already */
	NODEDB_BUSY,   /* a bucket that is not empty, … */
	NODEDB_FULL,   /* a ceiling of this header */
	NODEDB_QUOTA,  /* a cap of the tenant or of the node */
	NODEDB_DISK,   /* not written; nodedb_why */
	NODEDB_SAID_N
};

struct nodedb;
struct nodedb_conf {
	uint64_t cache;        /* bytes of page cache */
	uint64_t journal;      /* rows of journal kept */
	uint64_t node_cap;     /* bytes over all tenants; 0: none */
	const char *snapshots; /* directory for copies before a migration */
	/* A file of an older version is about to be changed, with told's arg;
	 * or NULL.  It may take minutes. */
	void (*migrating)(void *arg);
};

/* path ":memory:" for tests.  told: as in dhtdb.  NULL, with *why (static):
 * cannot be opened, newer than this program (*newer), damaged (say rebuild). */
struct nodedb *nodedb_open(const char *path, const struct nodedb_conf *,
    void (*told)(void *arg, const char *sentence), void *arg, const char **why,
    bool *newer);
void nodedb_close(struct nodedb *); /* commits, and notes a clean end */
/* Was the last end unclean (kill, power)? */
bool nodedb_unclean(const struct nodedb *);
const char *nodedb_why(const struct nodedb *); /* SQLite's words, static */
/* An op that has nothing to do with others' fate begins: later failures say
 * DISK.  (Called by every writing function itself.) */
enum nodedb_said nodedb_commit(struct nodedb *);
bool nodedb_dirty(const struct nodedb *);
uint64_t nodedb_commits(const struct nodedb *); /* that were good so far */
/* Is the last write that was tried good?  Tries one when it was not. */
bool nodedb_writable(struct nodedb *);
uint64_t nodedb_epoch(const struct nodedb *); /* random, of this file's life */

/* Tenants.  The struct is the database's, lives until it is closed, and is kept
 * true by every call; used and egress are written with the next commit. */
struct tenant {
	int64_t no;
	char name[NODEDB_NAME + 1];
	char tier[16]; /* "small", "medium", "large", "free", "own" */
	uint64_t disk_cap, egress_cap; /* bytes; UINT64_MAX: none */
	uint64_t disk_used;            /* logical bytes of versions and parts */
	uint64_t disk_reserved;        /* in memory only (store/caps) */
	uint32_t period;               /* YYYYMM, UTC; never goes back */
	uint64_t egress_used;          /* exact, in memory */
	uint64_t egress_written;       /* what the file says: never less */
	uint64_t egress_leased;        /* running downloads (store/caps) */
	uint64_t egress_durable;       /* what the last commit wrote of that */
	bool dirty;                    /* to be written with the next commit */
	bool loaded;                   /* the rest is nodedb's own */
	struct nodedb *db;
	struct tenant *next;
};
enum nodedb_said nodedb_tenant_put(struct nodedb *, const char *name,
    const char *tier, uint64_t disk_cap, uint64_t egress_cap,
    struct tenant **); /* new, or other caps for an old one */
struct tenant *nodedb_tenant(struct nodedb *, struct slice name);
struct tenant *nodedb_tenant_next(struct nodedb *, size_t *at);
enum nodedb_said nodedb_tenant_cut(struct nodedb *, struct tenant *); /* BUSY */
/* Over all tenants, used and reserved. */
uint64_t nodedb_total(const struct nodedb *);

/* Access keys, all in memory. */
struct grant {
	char bucket[NODEDB_NAME + 1]; /* "*": every bucket of the tenant */
	unsigned verbs;               /* enum s3_verb bits */
	char *prefix; /* "" : every key; owned by the database */
};
struct access_key {
	char id[NODEDB_NAME + 1];
	struct tenant *tenant;
	uint8_t sealed[NODEDB_SECRET]; /* by the caller */
	size_t nsealed;
	bool disabled;
	int64_t created;
	struct grant grants[NODEDB_GRANTS];
	size_t ngrants;
};
/* Also replaces one of this id.  Copies everything.  What nodedb_key gives is
 * good until a key is put or cut, or a commit fails. */
enum nodedb_said nodedb_key_put(struct nodedb *, const struct access_key *);
const struct access_key *nodedb_key(const struct nodedb *, struct slice id);
const struct access_key *nodedb_key_next(const struct nodedb *, size_t *at);
enum nodedb_said nodedb_key_cut(struct nodedb *, struct slice id);

/* Buckets, all in memory but for their documents. */
enum bucket_doc { DOC_CORS, DOC_LIFECYCLE, DOC_TAGS, DOCS };
struct bucket {
	int64_t no; /* 0: it was removed, while somebody held this */
	char name[NODEDB_NAME + 1];
	struct tenant *tenant; /* who owns it, and pays */
	int64_t created;
	unsigned versioning; /* enum s3_versioning */
	unsigned anonymous;  /* enum s3_verb bits for everybody */
	bool has_doc[DOCS];
	uint64_t uploads; /* that are under way */
};
enum nodedb_said nodedb_bucket_new(struct nodedb *, struct slice name,
    struct tenant *, int64_t now, struct bucket **);
struct bucket *nodedb_bucket(const struct nodedb *, struct slice name);
/* In order of name: the first after `after` (empty: the first), or NULL. */
struct bucket *nodedb_bucket_after(const struct nodedb *, struct slice after);
/* BUSY: it holds versions, or more uploads than one call removes (some are
 * gone then).  The struct stays, with no 0. */
enum nodedb_said nodedb_bucket_cut(struct nodedb *, struct bucket *);
/* No caller holds a bucket that was removed: their structs are freed. */
void nodedb_nobody_holds(struct nodedb *);
enum nodedb_said nodedb_bucket_set(
    struct nodedb *, struct bucket *, unsigned versioning, unsigned anonymous);
enum nodedb_said nodedb_doc_put(struct nodedb *, struct bucket *,
    enum bucket_doc, struct slice); /* empty: remove */
enum nodedb_said nodedb_doc_get(struct nodedb *, const struct bucket *,
    enum bucket_doc, struct buf *out); /* or NONE */

/* Content of an object or part. */
enum content_kind { CONTENT_NONE, CONTENT_INLINE, CONTENT_BLOB, CONTENT_PARTS };
struct content {
	enum content_kind kind;
	int64_t ref;
};
/* A small one into the file.  Until an object or part that has it is put in the
 * same batch, nobody refers to it, and it goes. */
enum nodedb_said nodedb_inline(
    struct nodedb *, struct slice bytes, struct content *);
enum nodedb_said nodedb_inline_read(
    struct nodedb *, const struct content *, struct slice *bytes);
/* A blob that is durable as a file (store/blob), or is in the index already. */
enum nodedb_said nodedb_blob(struct nodedb *, const uint8_t sha[32],
    uint64_t size, struct slice sums, struct content *);
bool nodedb_blob_known(struct nodedb *, const uint8_t sha[32], uint64_t size);
/* How many refer to a blob that the index has, whole or damaged; or NONE. */
enum nodedb_said nodedb_blob_refs(
    struct nodedb *, const uint8_t sha[32], uint64_t *refs);
enum nodedb_said nodedb_blob_read(
    struct nodedb *, const struct content *, uint8_t sha[32], uint64_t *size);
enum nodedb_said nodedb_blob_sums(
    struct nodedb *, const uint8_t sha[32], struct buf *out);
/* One piece of CONTENT_PARTS: the one that holds byte at; *begin is where it
 * starts in the whole, *size how long it is. */
enum nodedb_said nodedb_piece(struct nodedb *, const struct content *,
    uint64_t at, struct content *, uint64_t *begin, uint64_t *size);

/* Objects: rows of (bucket, key, version), newest version first.  Exactly one
 * row a key is "null" at most. */
struct object {
	struct slice key;
	uint64_t version; /* 0 in nodedb_put: the next number */
	bool null;        /* its id is "null" */
	bool marker;      /* a delete marker: no content */
	bool latest;      /* filled by reading calls */
	uint64_t size;
	int64_t at;       /* last modified */
	uint8_t etag[16]; /* MD5, or the MD5 of the parts' MD5s */
	uint16_t parts;   /* 0: plain; else the -N of the ETag */
	bool has_sha;
	uint8_t sha[32]; /* content id, unless of several parts */
	struct content content;
	struct slice meta; /* opaque, at most NODEDB_META */
	struct slice tags; /* opaque, part of the row */
};
/* Put a version.  bucket->versioning decides what it replaces: without
 * versioning the null row, whose content is let go; Enabled adds; Suspended
 * replaces the null row.  The tenant's disk_used follows, all in this batch;
 * reserved (bytes that caps granted for it) is given back when the answer is
 * OK.  QUOTA: it would not fit, nothing changed (what does not grow always
 * fits).  NONE: bucket or content are not there any more; EXISTS: this version
 * is; FULL: a ceiling.  *put (may be NULL) gets the row as it is now. */
enum nodedb_said nodedb_put(struct nodedb *, struct bucket *,
    const struct object *, uint64_t reserved, struct object *put);
/* DELETE of a key without a version: removes the row, or puts a marker, as
 * versioning has it; OK also when there was none.  *marker: one was put, with
 * *version. */
enum nodedb_said nodedb_delete(struct nodedb *, struct bucket *,
    struct slice key, int64_t now, bool *marker, uint64_t *version);
/* DELETE of one version, or NONE; version 0: the null one. */
enum nodedb_said nodedb_delete_version(struct nodedb *, struct bucket *,
    struct slice key, uint64_t version, bool *marker);
/* The newest version (may be a marker), or NONE. */
enum nodedb_said nodedb_get(
    struct nodedb *, const struct bucket *, struct slice key, struct object *);
enum nodedb_said nodedb_get_version(struct nodedb *, const struct bucket *,
    struct slice key, uint64_t version, struct object *); /* 0: null */
/* Other tags for one version. */
enum nodedb_said nodedb_tag(
    struct nodedb *, struct bucket *, const struct object *, struct slice tags);

/* Listing, in order of bytes.  Keys in common behind prefix up to delimiter are
 * one answer, and skipped by seeking, not by reading them. */
struct nodedb_list {
	const struct bucket *bucket;
	struct slice prefix, delimiter;
	struct slice after;     /* only what sorts behind this key, … */
	bool after_prefix;      /* … or behind all keys that begin with it */
	bool versions;          /* every version; else current ones only */
	uint64_t after_version; /* versions: and behind this one of `after`,
				 * by row's order; 0: behind all of it */
	size_t most;            /* answers */
	/* Keys that may be looked at, answered or not (delete markers are not);
	 * 0: all.  When they are spent, *more, and the last of them is put into
	 * stopped (may be NULL): go on after it. */
	size_t looks;
	struct buf *stopped;
};
/* Each answer: an object, or a common prefix (object NULL).  Non-zero stops
 * before the next.  *more: there was one more than most.  fn does not call the
 * database. */
typedef int nodedb_list_fn(
    void *arg, const struct object *, struct slice common);
enum nodedb_said nodedb_list(struct nodedb *, const struct nodedb_list *list,
    nodedb_list_fn *fn, void *arg, bool *more);

/* Multipart uploads.  A part's size counts as used. */
struct upload {
	int64_t no;
	uint8_t token[16]; /* random; its hex is the UploadId */
	const struct bucket *bucket;
	struct slice key, meta, tags;
	int64_t created, touched;
};
struct part {
	unsigned number; /* 1..10,000 */
	uint64_t size;
	int64_t at;
	uint8_t etag[16];
	struct slice sum; /* kind and value, opaque */
	struct content content;
};
enum nodedb_said nodedb_upload_new(struct nodedb *, const struct upload *);
enum nodedb_said nodedb_upload(struct nodedb *, const struct bucket *,
    const uint8_t token[16], struct upload *);
/* In order of key, then time.  after_token: behind that upload of after_key
 * (all of that key's when it is gone); NULL: behind the key. */
enum nodedb_said nodedb_uploads(struct nodedb *, const struct bucket *,
    struct slice prefix, struct slice after_key, const uint8_t *after_token,
    size_t most, int (*fn)(void *arg, const struct upload *), void *arg,
    bool *more);
/* Uploads that nobody touched since then, for the sweep; over all buckets. */
enum nodedb_said nodedb_upload_idle(
    struct nodedb *, int64_t before, struct upload *);
enum nodedb_said nodedb_part_put(struct nodedb *, const struct upload *,
    const struct part *, uint64_t reserved, int64_t now); /* or QUOTA */
enum nodedb_said nodedb_part(
    struct nodedb *, const struct upload *, unsigned number, struct part *);
enum nodedb_said nodedb_parts(struct nodedb *, const struct upload *,
    unsigned after, size_t most, int (*fn)(void *arg, const struct part *),
    void *arg, bool *more);
/* The parts with these numbers (ascending, all there) become one content, the
 * others go, and so does the upload; then nodedb_put the object with it in the
 * same batch.  Nothing is copied. */
enum nodedb_said nodedb_upload_complete(struct nodedb *, const struct upload *,
    const unsigned *numbers, size_t n, struct content *, uint64_t *size);
enum nodedb_said nodedb_upload_cut(struct nodedb *, const struct upload *);
/* The n-th part (1..) of a CONTENT_PARTS, for partNumber= and attributes. */
enum nodedb_said nodedb_content_part(struct nodedb *, const struct content *,
    unsigned nth, struct part *, uint64_t *begin);

/* Care. */
/* Take up to n blobs that nobody refers to out of the index, except those that
 * were put in this batch.  After the commit the files of those may go that are
 * not known again by then (nodedb_blob_known). */
size_t nodedb_dead(struct nodedb *, uint8_t (*shas)[32], size_t n);
/* The blob that was verified longest ago; and that it was verified now, or is
 * damaged. */
enum nodedb_said nodedb_oldest(
    struct nodedb *, uint8_t sha[32], uint64_t *size, int64_t *verified);
enum nodedb_said nodedb_verified(
    struct nodedb *, const uint8_t sha[32], int64_t now, bool damaged);
/* Walk all blobs in order of id, from after (NULL: the first). */
enum nodedb_said nodedb_blob_next(struct nodedb *, const uint8_t *after,
    uint8_t sha[32], uint64_t *size, uint64_t *refs, bool *damaged);
/* Count again what refers to each blob, manifest and small content and tell
 * each difference (fsck; mend: also set it right).  Returns how many. */
uint64_t nodedb_recount(struct nodedb *, bool mend,
    void (*fn)(void *arg, const char *sentence), void *arg);
/* SQLite's own check.  OK, or DISK with nodedb_why. */
enum nodedb_said nodedb_check(struct nodedb *, bool quick);
struct nodedb_counts {
	uint64_t tenants, keys, buckets, objects, markers, uploads, parts;
	uint64_t blobs, blob_bytes, inlines;
	uint64_t dead, damaged; /* no more than NODEDB_COUNTED are counted */
	uint64_t journal_first, journal_last;
	uint64_t commits, fsyncs, disk_bytes;
};
void nodedb_counts(struct nodedb *, struct nodedb_counts *);

/* The journal: (epoch, seq) of every change of the index, kept for replication.
 * Rows at and after seq, oldest first. */
struct journal_row {
	uint64_t seq;
	int64_t at;
	const char *what; /* "put", "delete", "version-delete", "bucket" … */
	struct slice bucket, key;
	uint64_t version;
	struct slice entry; /* sha of the content, or empty */
};
enum nodedb_said nodedb_journal(struct nodedb *, uint64_t seq, size_t most,
    int (*fn)(void *arg, const struct journal_row *), void *arg);

#endif
