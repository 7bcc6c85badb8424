/* SPDX-License-Identifier: ISC
 *
 * store/nodedb beside a model of it: thousands of random puts, copies, deletes
 * and uploads, in batches that are committed or break at any instruction. */
#include "t/store/model.h"

enum { OPS = 12000 };

static unsigned faults;

/* One statement breaks after so many of SQLite's instructions. */
static unsigned fuse;

static int
burn(void *arg)
{
	(void)arg;
	return fuse > 0 && --fuse == 0;
}

/* A content that is new to the index, or a blob that may be there. */
static enum nodedb_said
some_content(struct what *w, struct content *c)
{
	static unsigned next = 1;
	uint8_t bytes[SMALL], sha[32];

	if (chance(5) == 0) {
		*w = (struct what){ CONTENT_NONE, 0, 0 };
		*c = (struct content){ CONTENT_NONE, 0 };
		return NODEDB_OK;
	}
	if (chance(2)) {
		unsigned id = next++;
		size_t n = small_bytes(id, bytes);

		*w = (struct what){ CONTENT_INLINE, id, n };
		return nodedb_inline(db, slice_of(bytes, n), c);
	}
	*w = (struct what){ CONTENT_BLOB, chance(BLOBS), 0 };
	w->size = 100 + w->id;
	blob_id(w->id, sha);
	return nodedb_blob(db, sha, w->size, slice_text("sums"), c);
}

/* What the model makes of a put, once the index has said that it is done. */
static void
put_row(unsigned bucket, unsigned key, const struct what *w, bool marker,
    uint64_t version)
{
	bool null = now.versioning[bucket] != VERSIONED;

	if (null)
		drop(find(bucket, key, false, 0));
	now.rows[now.nrows++] =
	    (struct row){ bucket, key, version, null, marker, *w, 0 };
}

static enum nodedb_said
put_what(unsigned bucket, unsigned key, const struct what *w,
    const struct content *c, uint64_t paid)
{
	struct object o = { .key = slice_text(keys[key]),
		.size = w->size,
		.at = NOW,
		.content = *c,
		.meta = slice_text("meta") };
	struct object got;
	long old = now.versioning[bucket] == VERSIONED
		       ? -1
		       : find(bucket, key, false, 0);
	uint64_t freed = paid + (old < 0 ? 0 : now.rows[old].what.size);
	bool fits = room(bucket, w->size, freed);
	enum nodedb_said said = nodedb_put(db, buckets[bucket], &o, 0, &got);

	if (said == NODEDB_DISK)
		return said;
	if (said != (fits ? NODEDB_OK : NODEDB_QUOTA))
		ok(false, "put says %d, room %d", said, fits);
	if (said == NODEDB_OK)
		put_row(bucket, key, w, false, got.version);
	return said;
}

static enum nodedb_said
op_put(void)
{
	struct what w;
	struct content c;
	enum nodedb_said said = some_content(&w, &c);

	if (said != NODEDB_OK || chance(20) == 0)
		return said; /* nobody takes it: it goes with the commit */
	return put_what(chance(BUCKETS), chance(KEYS), &w, &c, 0);
}

static enum nodedb_said
op_copy(void)
{
	unsigned bucket = chance(BUCKETS), key = chance(KEYS);
	long at = find(bucket, key, true, 0);
	struct object o;
	enum nodedb_said said =
	    nodedb_get(db, buckets[bucket], slice_text(keys[key]), &o);
	struct what w;

	if (said == NODEDB_DISK)
		return said;
	if ((said == NODEDB_OK) != (at >= 0))
		ok(false, "get says %d, row %ld", said, at);
	if (at < 0 || o.marker)
		return NODEDB_NONE;
	w = now.rows[at].what;
	return put_what(chance(BUCKETS), chance(KEYS), &w, &o.content, 0);
}

static enum nodedb_said
op_delete(void)
{
	unsigned bucket = chance(BUCKETS), key = chance(KEYS);
	unsigned mode = now.versioning[bucket];
	bool marker;
	uint64_t version;
	enum nodedb_said said = nodedb_delete(
	    db, buckets[bucket], slice_text(keys[key]), NOW, &marker, &version);

	if (said != NODEDB_OK)
		return said;
	if (marker != (mode != UNVERSIONED))
		ok(false, "a marker: %d in mode %u", marker, mode);
	if (mode != VERSIONED)
		drop(find(bucket, key, false, 0));
	if (marker)
		put_row(bucket, key, &(struct what){ 0 }, true, version);
	return said;
}

static enum nodedb_said
op_delete_version(void)
{
	unsigned bucket = chance(BUCKETS), key = chance(KEYS);
	uint64_t version = 0;
	bool marker;
	long at;
	enum nodedb_said said;

	if (now.nrows && chance(4)) {
		const struct row *r = &now.rows[chance((unsigned)now.nrows)];

		bucket = r->bucket;
		key = r->key;
		version = r->version;
	} else if (chance(3) == 0) {
		version = 1 + chance(1000);
	}
	at = find(bucket, key, false, version);
	said = nodedb_delete_version(
	    db, buckets[bucket], slice_text(keys[key]), version, &marker);
	if (said == NODEDB_DISK)
		return said;
	if ((said == NODEDB_OK) != (at >= 0) ||
	    (at >= 0 && marker != now.rows[at].marker))
		ok(false, "delete of a version says %d, row %ld", said, at);
	drop(at);
	return said;
}

static enum nodedb_said
op_tag(void)
{
	struct row *r;
	struct object o = { 0 };
	char tags[8];
	enum nodedb_said said;

	if (now.nrows == 0)
		return NODEDB_NONE;
	r = &now.rows[chance((unsigned)now.nrows)];
	o.key = slice_text(keys[r->key]);
	o.version = r->version;
	snprintf(tags, sizeof tags, "%03u", 1 + chance(999));
	said = nodedb_tag(db, buckets[r->bucket], &o, slice_text(tags));
	if (said == NODEDB_OK)
		r->tags = (unsigned)atoi(tags);
	return said;
}

static enum nodedb_said
op_versioning(void)
{
	unsigned bucket = 1 + chance(BUCKETS - 1);
	unsigned mode = chance(2) ? VERSIONED : SUSPENDED;
	enum nodedb_said said = nodedb_bucket_set(db, buckets[bucket], mode, 0);

	if (said == NODEDB_OK)
		now.versioning[bucket] = mode;
	return said;
}

static enum nodedb_said
find_upload(const struct pending *p, struct upload *u)
{
	enum nodedb_said said =
	    nodedb_upload(db, buckets[p->bucket], p->token, u);

	if (said == NODEDB_DISK)
		return said;
	if (said != NODEDB_OK || !slice_is(u->key, keys[p->key]))
		ok(false, "the upload is there");
	return said;
}

static enum nodedb_said
begin_upload(struct pending *p)
{
	struct pending made = { true, chance(BUCKETS), chance(KEYS),
		.parts = { { 0 } } };
	struct upload u = { .bucket = buckets[made.bucket],
		.key = slice_text(keys[made.key]),
		.created = NOW };
	enum nodedb_said said;

	randombytes_buf(made.token, sizeof made.token);
	memcpy(u.token, made.token, sizeof u.token);
	said = nodedb_upload_new(db, &u);
	if (said == NODEDB_OK)
		*p = made;
	return said;
}

static enum nodedb_said
add_part(struct pending *p, const struct upload *u)
{
	struct part part = { .number = 1 + chance(PARTS), .at = NOW };
	struct what w, *old = &p->parts[part.number - 1];
	enum nodedb_said said = some_content(&w, &part.content);
	bool fits;

	if (said != NODEDB_OK)
		return said;
	part.size = w.size;
	fits = room(p->bucket, w.size, old->size);
	said = nodedb_part_put(db, u, &part, 0, NOW);
	if (said == NODEDB_DISK)
		return said;
	if (said != (fits ? NODEDB_OK : NODEDB_QUOTA))
		ok(false, "part says %d, room %d", said, fits);
	/* a part of nothing is a part: the model tells it by its id */
	if (said == NODEDB_OK) {
		*old = w;
		if (w.kind == CONTENT_NONE)
			old->id = 1;
	}
	return said;
}

static bool
has_part(const struct pending *p, unsigned i)
{
	return p->parts[i].kind != CONTENT_NONE || p->parts[i].id != 0;
}

static enum nodedb_said
complete(struct pending *p, const struct upload *u)
{
	struct whole *whole = &now.wholes[now.nwholes];
	unsigned numbers[PARTS], n = 0;
	struct what w = { CONTENT_PARTS, now.nwholes, 0 };
	struct content c;
	uint64_t size;
	enum nodedb_said said;
	struct pending was = *p;

	*whole = (struct whole){ 0 };
	for (unsigned i = 0; i < PARTS; i++)
		if (has_part(p, i) && chance(5)) {
			numbers[n++] = i + 1;
			whole->parts[whole->n++] = p->parts[i];
			w.size += p->parts[i].size;
		}
	if (n == 0)
		return NODEDB_NONE;
	said = nodedb_upload_complete(db, u, numbers, n, &c, &size);
	if (said != NODEDB_OK) {
		if (said != NODEDB_DISK)
			ok(false, "complete says %d", said);
		return said;
	}
	if (size != w.size)
		ok(false, "its size");
	now.nwholes++;
	/* until the put has taken them, the parts are still paid for */
	memset(p->parts, 0, sizeof p->parts);
	p->parts[0].size = size;
	said = put_what(was.bucket, was.key, &w, &c, size);
	if (said == NODEDB_OK)
		*p = (struct pending){ 0 };
	return said;
}

static enum nodedb_said
op_upload(void)
{
	struct pending *p = &now.uploads[chance(UPLOADS)];
	struct upload u;
	enum nodedb_said said;

	if (!p->there)
		return begin_upload(p);
	said = find_upload(p, &u);
	if (said != NODEDB_OK)
		return said;
	if (chance(3))
		return add_part(p, &u);
	if (chance(4))
		return complete(p, &u);
	said = nodedb_upload_cut(db, &u);
	if (said == NODEDB_OK)
		*p = (struct pending){ 0 };
	return said;
}

static enum nodedb_said
op_dead(void)
{
	uint8_t shas[4][32];
	size_t n = nodedb_dead(db, shas, 4);

	for (size_t i = 0; i < n; i++)
		for (unsigned id = 0; id < BLOBS; id++) {
			uint8_t sha[32];
			bool named = false;

			blob_id(id, sha);
			if (memcmp(sha, shas[i], 32) != 0)
				continue;
			for (size_t r = 0; r < now.nrows; r++)
				named |=
				    now.rows[r].what.kind == CONTENT_BLOB &&
				    now.rows[r].what.id == id;
			if (named)
				ok(false, "a blob in use is not dead");
		}
	return nodedb_dirty(db) ? NODEDB_OK : NODEDB_NONE;
}

static enum nodedb_said (*const ops[])(void) = { op_put, op_put, op_put, op_put,
	op_copy, op_copy, op_delete, op_delete, op_delete_version,
	op_delete_version, op_tag, op_versioning, op_upload, op_upload,
	op_upload, op_upload, op_dead };

/* 0, or 1: what was not committed is gone, as in the model. */
static unsigned
broke(void)
{
	fuse = 0;
	now = kept;
	faults++;
	if (nodedb_commit(db) != NODEDB_DISK)
		ok(false, "the commit after it says so");
	return !agrees();
}

/* A commit that says no may have been written, as on a real disk; but all of
 * it, or nothing. */
static unsigned
commit(void)
{
	static struct model whole;
	enum nodedb_said said = nodedb_commit(db);

	fuse = 0;
	whole = now;
	if (said == NODEDB_OK) {
		kept = now;
		return 0;
	}
	faults++;
	now = kept;
	if (agrees())
		return 0;
	now = kept = whole;
	return !agrees();
}

static void
set_up(void)
{
	db = index_with(
	    &(struct nodedb_conf){
		.cache = 1 << 20, .journal = 500, .node_cap = NODE_CAP + 14 },
	    NULL);
	for (unsigned i = 0; i < TENANTS; i++) {
		tenants[i] = tenant_of(db, i ? "t1" : "t0", CAP + 7);
		nodedb_reserve(tenants[i], 7); /* it has to survive */
	}
	for (unsigned i = 0; i < BUCKETS; i++)
		buckets[i] =
		    bucket_of(db, names[i], payer(i), i ? VERSIONED : 0);
	for (unsigned i = 1; i < BUCKETS; i++)
		now.versioning[i] = VERSIONED;
	nodedb_commit(db);
	kept = now;
	sqlite3_progress_handler(db->sql.db, 1, burn, NULL);
}

static void
again(void)
{
	nodedb_close(db);
	db = index_with(
	    &(struct nodedb_conf){
		.cache = 1 << 20, .journal = 500, .node_cap = NODE_CAP + 14 },
	    NULL);
	for (unsigned i = 0; i < TENANTS; i++) {
		tenants[i] = nodedb_tenant(db, slice_text(i ? "t1" : "t0"));
		nodedb_reserve(tenants[i], 7);
	}
	for (unsigned i = 0; i < BUCKETS; i++)
		buckets[i] = nodedb_bucket(db, slice_text(names[i]));
	sqlite3_progress_handler(db->sql.db, 1, burn, NULL);
}

static uint64_t
markers(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < now.nrows; i++)
		n += now.rows[i].marker;
	return n;
}

static void
run(void)
{
	unsigned wrong = 0, said_no = 0;
	struct nodedb_counts c;

	for (unsigned i = 0; i < OPS && wrong == 0; i++) {
		enum nodedb_said said;

		if (now.nrows > ROWS - 10 || now.nwholes > WHOLES - 10)
			break;
		fuse = chance(12) == 0 ? 1 + chance(400) : 0;
		said = ops[chance(sizeof ops / sizeof ops[0])]();
		said_no += said == NODEDB_QUOTA;
		fuse = 0;
		if (db->lost) {
			wrong += broke();
			continue;
		}
		if (said == NODEDB_DISK)
			continue; /* it had changed nothing */
		if (chance(6) == 0) {
			fuse = chance(10) == 0 ? 1 + chance(60) : 0;
			wrong += commit();
		}
		if (i % 50 == 0)
			wrong += !agrees();
		if (i % 1000 == 999 && nodedb_commit(db) == NODEDB_OK) {
			kept = now;
			is_counted(db, "every reference is counted");
			wrong += !agrees();
			if (i % 2000 == 1999)
				again();
		}
	}
	ok(wrong == 0 && agrees(), "the index is as the model");
	ok(faults > 100, "%u batches broke", faults);
	ok(said_no > 50, "%u puts were over a cap", said_no);
	nodedb_counts(db, &c);
	is_int(c.markers, markers(), "markers are counted");
	is_int(c.objects + c.markers, now.nrows, "and objects");
	ok(c.journal_last - c.journal_first < 500 + 64, "the journal is short");
}

int
main(void)
{
	place_open("node.db");
	set_up();
	run();
	nodedb_close(db);
	place_close();
	return tap_done();
}
