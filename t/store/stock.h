/* SPDX-License-Identifier: ISC
 *
 * Files and an index beside them: what the tests of put, read, sweep, fsck and
 * rebuild share. */
#ifndef T_STORE_STOCK_H
#define T_STORE_STOCK_H

#include "store/put.h"
#include "store/read.h"
#include "t/store/files.h"

static struct blobs *blobs;
static struct nodedb *db;
static struct tenant *tenant;
static struct bucket *bucket;
static int64_t wall = 1800000000000;

static struct heard heard;

static inline struct nodedb *
open_db(const char *path)
{
	static const struct nodedb_conf conf = { .cache = MB,
		.journal = 100000 };
	const char *why = NULL;
	bool newer = false;
	struct nodedb *d = nodedb_open(path, &conf, hear, &heard, &why, &newer);

	if (d == NULL)
		printf("# %s: %s\n", path, why);
	return d;
}

/* What is there already is found again. */
static inline void
stock_open(void)
{
	blobs = open_blobs();
	db = open_db(db_path);
	if (db == NULL)
		exit(1);
	if (nodedb_tenant(db, slice_text("t")) == NULL &&
	    nodedb_tenant_put(db, "t", "own", UINT64_MAX, UINT64_MAX,
		&tenant) != NODEDB_OK)
		exit(1);
	tenant = nodedb_tenant(db, slice_text("t"));
	if (nodedb_bucket(db, slice_text("b")) == NULL &&
	    nodedb_bucket_new(db, slice_text("b"), tenant, wall, &bucket) !=
		NODEDB_OK)
		exit(1);
	bucket = nodedb_bucket(db, slice_text("b"));
	if (nodedb_commit(db) != NODEDB_OK)
		exit(1);
}

static inline void
stock_close(void)
{
	nodedb_close(db);
	blobs_close(blobs);
	db = NULL;
	blobs = NULL;
}

/* As a kill would leave it: not said to be a clean end. */
static inline void
stock_copy_db(const char *to)
{
	char all[400];

	snprintf(all, sizeof all, "cp %s %s && cp %s-wal %s-wal", db_path, to,
	    db_path, to);
	if (system(all) != 0)
		exit(111);
}

static inline struct put *
put_all(struct slice bytes, size_t step)
{
	struct put *p = put_new(blobs, db, NULL);

	while (bytes.n > 0)
		if (put_write(p, get_bytes(&bytes,
		    bytes.n < step ? bytes.n : step)) < 0)
			exit(111);
	put_end(p);
	return p;
}

/* Seal and wait; 0 or errno. */
static inline int
seal_put(struct put *p, struct blob_note note)
{
	struct put *done;
	int error = 0, r = put_seal(p, &note);

	if (r != 0)
		return r < 0 ? errno : 0;
	while ((done = put_sealed(blobs, &error)) == NULL)
		if (!wait_readable(blobs_fd(blobs)))
			return ETIMEDOUT;
	/* as a loop does: none is left, and the last one is let go */
	if (put_sealed(blobs, &(int){ 0 }) != NULL)
		return EINVAL;
	return done == p ? error : EINVAL;
}

static inline struct blob_note
names_of(const char *key)
{
	return (struct blob_note){
		.has_tenant = true, .tenant = slice_text("t"),
		.has_bucket = true, .bucket = slice_text("b"),
		.has_key = true, .key = slice_text(key),
		.has_at = true, .at = (uint64_t)wall,
	};
}

/* The object's row for a content that is there; not committed. */
static inline enum nodedb_said
name_put(struct put *p, const char *key, struct object *o)
{
	const struct put_sums *sums = put_end(p);

	*o = (struct object){ .key = slice_text(key), .size = sums->size,
		.at = wall, .has_sha = true };
	memcpy(o->etag, sums->md5, sizeof o->etag);
	memcpy(o->sha, sums->sha, sizeof o->sha);
	if (put_content(p, &o->content) != NODEDB_OK)
		return NODEDB_NONE;
	return nodedb_put(db, bucket, o, 0, NULL);
}

/* An object of so many bytes, committed. */
static inline struct object
add_object(const char *key, uint32_t seed, size_t n)
{
	uint8_t *bytes = bytes_of(seed, n);
	struct put *p = put_all(slice_of(bytes, n), 100000);
	struct object o = { 0 };

	if (seal_put(p, names_of(key)) != 0 ||
	    name_put(p, key, &o) != NODEDB_OK)
		exit(111);
	put_free(p);
	free(bytes);
	if (nodedb_commit(db) != NODEDB_OK)
		exit(111);
	return o;
}

static inline void
cut_object(const char *key)
{
	uint64_t version;
	bool marker;

	if (nodedb_delete(
		db, bucket, slice_text(key), wall, &marker, &version) !=
	    NODEDB_OK)
		exit(111);
}

/* Two lists of pieces make an upload; sizes end with 0. */
static inline struct object
add_parts(const char *key, uint32_t seed, const size_t *sizes)
{
	struct upload u = { .token = { 1, (uint8_t)seed }, .bucket = bucket,
		.key = slice_text(key), .created = wall };
	struct object o = { .key = slice_text(key), .at = wall };
	unsigned numbers[100], n = 0;

	if (nodedb_upload_new(db, &u) != NODEDB_OK)
		exit(111);
	for (; sizes[n] != 0; n++) {
		uint8_t *bytes = bytes_of(seed + n, sizes[n]);
		struct put *p = put_all(slice_of(bytes, sizes[n]), 100000);
		struct part part = { .number = n + 1, .size = sizes[n],
			.at = wall };
		struct blob_note note = names_of(key);

		note.has_upload = note.has_part = true;
		note.upload = slice_of(u.token, sizeof u.token);
		note.part = n + 1;
		numbers[n] = n + 1;
		memcpy(part.etag, put_end(p)->md5, sizeof part.etag);
		if (seal_put(p, note) != 0 ||
		    put_content(p, &part.content) != NODEDB_OK ||
		    nodedb_upload(db, bucket, u.token, &u) != NODEDB_OK ||
		    nodedb_part_put(db, &u, &part, 0, wall) != NODEDB_OK)
			exit(111);
		put_free(p);
		free(bytes);
	}
	if (nodedb_upload(db, bucket, u.token, &u) != NODEDB_OK ||
	    nodedb_upload_complete(
		db, &u, numbers, n, &o.content, &o.size) != NODEDB_OK)
		exit(111);
	o.key = slice_text(key);
	o.parts = (uint16_t)n;
	if (nodedb_put(db, bucket, &o, 0, NULL) != NODEDB_OK ||
	    nodedb_commit(db) != NODEDB_OK)
		exit(111);
	return o;
}

/* All of an object's bytes are those. */
static inline bool
reads_as(const struct object *o, struct slice want)
{
	struct reading *r = read_open(
	    blobs, db, &o->content, o->size, 0, o->size);
	uint8_t *room = mem_new(want.n + 1);
	uint64_t at = 0;
	ssize_t n = 1;
	bool same;

	while (r && n > 0 && at < want.n) {
		n = read_at(r, at, room + at, want.n - at);
		at += n > 0 ? (uint64_t)n : 0;
	}
	same = r && at == want.n && o->size == want.n &&
	    memcmp(room, want.p, want.n) == 0;
	read_free(r);
	free(room);
	return same;
}

static inline bool
get_and_compare(const char *key, uint32_t seed, size_t n)
{
	uint8_t *bytes = bytes_of(seed, n);
	struct object o;
	bool same = nodedb_get(db, bucket, slice_text(key), &o) ==
		NODEDB_OK && reads_as(&o, slice_of(bytes, n));

	free(bytes);
	return same;
}

#endif
