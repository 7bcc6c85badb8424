/* SPDX-License-Identifier: ISC */
#include "store/rebuild_own.h"
#include "store/nodedb_copy.h"
#include "store/sql.h"

#include "base/mem.h"
#include "base/msec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOST "lost-found"

enum { UNVERSIONED = 0, CACHE = 32 << 20, JOURNAL = 1000000 };

void
rebuild_commit(struct rebuild *r, bool now)
{
	if (++r->batch < REBUILD_BATCH && !now)
		return;
	r->batch = 0;
	r->failed |= nodedb_commit(r->db) != NODEDB_OK;
}

struct bucket *
rebuild_bucket(struct rebuild *r, struct slice tenant, struct slice name)
{
	struct bucket *b = nodedb_bucket(r->db, name);
	struct tenant *t;
	char text[NODEDB_NAME + 1];

	if (b)
		return b;
	t = nodedb_tenant(r->db, tenant);
	if (t == NULL) {
		if (tenant.n == 0 || tenant.n > NODEDB_NAME)
			tenant = slice_text(LOST);
		memcpy(text, tenant.p, tenant.n);
		text[tenant.n] = '\0';
		if (nodedb_tenant_put(r->db, text, "own", UINT64_MAX,
			UINT64_MAX, &t) != NODEDB_OK)
			return NULL;
		fsck_tell(r->conf, "tenant %s is new, and without a cap", text);
	}
	if (nodedb_bucket_new(r->db, name, t, r->now, &b) != NODEDB_OK)
		return NULL;
	fsck_tell(r->conf, "bucket %s is new", b->name);
	return b;
}

static void
put_hex(char *to, struct slice bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		snprintf(to + 2 * i, 3, "%02x", bytes.p[i]);
}

void
rebuild_lose(struct rebuild *r, const struct object *lost, struct slice id,
    const char *why)
{
	struct bucket *b =
	    rebuild_bucket(r, slice_text(LOST), slice_text(LOST));
	char key[FSCK_HEX] = "";
	struct object o = *lost;

	put_hex(key, id);
	o.key = slice_text(key);
	o.version = 0;
	o.meta = o.tags = (struct slice){ 0 };
	r->sums->nameless++;
	if (b && nodedb_put(r->db, b, &o, 0, NULL) == NODEDB_OK)
		fsck_tell(r->conf, "%s: it is " LOST "/%s now", why, key);
	else
		fsck_tell(r->conf, "%s: %s cannot be kept", why, key);
}

/* What an unversioned bucket is about to forget. */
static void
keep_old(struct rebuild *r, const struct bucket *b, const struct object *old)
{
	struct object copy = *old;

	if (b->versioning == UNVERSIONED && !old->marker && old->has_sha &&
	    old->content.kind == CONTENT_BLOB)
		rebuild_lose(r, &copy, slice_of(copy.sha, BLOB_ID),
		    "newer content took its name");
}

bool
rebuild_put(struct rebuild *r, struct bucket *b, const struct object *o)
{
	struct object have, again = *o;
	enum nodedb_said said = nodedb_get(r->db, b, o->key, &have);

	if (said == NODEDB_OK && have.has_sha && o->has_sha &&
	    memcmp(have.sha, o->sha, BLOB_ID) == 0)
		return true;
	if (said == NODEDB_OK && have.at >= o->at)
		return false;
	if (said == NODEDB_OK)
		keep_old(r, b, &have);
	said = nodedb_put(r->db, b, &again, 0, NULL);
	if (said == NODEDB_EXISTS) {
		again.version = 0;
		said = nodedb_put(r->db, b, &again, 0, NULL);
	}
	return said == NODEDB_OK;
}

bool
rebuild_has_files(struct rebuild *r, struct nodedb *db, const struct content *c,
    uint64_t size)
{
	uint64_t at = 0, begin = 0, n = 0;
	uint8_t sha[BLOB_ID];

	if (c->kind == CONTENT_BLOB)
		return nodedb_blob_read(db, c, sha, &n) == NODEDB_OK &&
		       blob_has(r->blobs, sha);
	if (c->kind != CONTENT_PARTS)
		return true;
	for (; at < size; at = begin + n) {
		struct content piece;

		if (nodedb_piece(db, c, at, &piece, &begin, &n) != NODEDB_OK ||
		    n == 0 || !rebuild_has_files(r, db, &piece, n))
			return false;
	}
	return true;
}

/* The row of the blob was lost, the file tells it again. */
static bool
refer_again(struct rebuild *r, const struct fsck_row *row)
{
	const struct object *o = row->object;
	struct buf held = { .max = 4 * NODEDB_META };
	struct object again;
	struct blob_note note;
	int fd = o->has_sha ? blob_open(r->blobs, o->sha) : -1;
	bool marker, good;

	good = fd >= 0 && blob_note_read(fd, &r->note, &note) == 0 &&
	       nodedb_get_version(r->db, row->bucket, row->key, o->version,
		   &again) == NODEDB_OK;
	blob_close_fd(fd);
	if (!good)
		return false;
	put_slice(&held, again.meta);
	put_slice(&held, again.tags);
	again.key = row->key;
	again.meta = slice_of(held.p, again.meta.n);
	again.tags = slice_of(held.p + again.meta.n, again.tags.n);
	good = nodedb_blob(r->db, o->sha, o->size, note.sums, &again.content) ==
		   NODEDB_OK &&
	       nodedb_delete_version(r->db, row->bucket, row->key, o->version,
		   &marker) == NODEDB_OK &&
	       nodedb_put(r->db, row->bucket, &again, 0, NULL) == NODEDB_OK;
	buf_free(&held);
	return good;
}

/* A row without content would be listed, and fail when it is read. */
static void
prune(void *arg, const struct fsck_row *row)
{
	struct rebuild *r = arg;
	const struct object *o = row->object;
	const char *wrong;
	bool marker;

	if (o == NULL || o->marker)
		return;
	wrong = fsck_content(r->db, &o->content, o->size);
	if (wrong == NULL && r->stale &&
	    !rebuild_has_files(r, r->db, &o->content, o->size))
		wrong = "its file is gone since the snapshot";
	if (wrong == NULL ||
	    (o->content.kind == CONTENT_BLOB && refer_again(r, row)))
		return;
	r->sums->lost_inline += o->content.kind == CONTENT_INLINE;
	fsck_tell(r->conf, "object %s/%.*s is lost: %s", row->bucket->name,
	    (int)row->key.n, (const char *)row->key.p, wrong);
	nodedb_delete_version(
	    r->db, row->bucket, row->key, o->version, &marker);
	rebuild_commit(r, false);
}

static struct nodedb *
open_index(const struct fsck_conf *conf, const char *path)
{
	static const struct nodedb_conf plain = { .cache = CACHE,
		.journal = JOURNAL };
	const char *why = "";
	bool newer = false;
	struct nodedb *db =
	    nodedb_open(path, &plain, conf->told, conf->arg, &why, &newer);

	if (db == NULL)
		fsck_tell(conf, "%s: %s", path, why);
	return db;
}

/* The old file first: it is the newest.  What it has lost comes from the
 * snapshot later. */
static void
begin(struct rebuild *r, const char *target, const char *snapshot,
    const char *old)
{
	bool torn = false;

	if (old && rebuild_salvage(old, target, &torn) == 0) {
		r->torn = torn;
		fsck_tell(r->conf, "%s: %s of it could be read", old,
		    torn ? "some" : "all");
		return;
	}
	sql_unlink(target);
	if (snapshot && rebuild_salvage(snapshot, target, &torn) == 0) {
		r->torn = torn;
		r->stale = true;
		fsck_tell(r->conf, "%s: it began as this snapshot", snapshot);
		return;
	}
	sql_unlink(target);
	r->torn = true;
	fsck_tell(r->conf, "there is no index to begin with: names come from "
			   "trailers only");
}

/* A copy, because a snapshot of an older version is migrated to be read. */
static void
merge(struct rebuild *r, const char *target, const char *snapshot)
{
	size_t room = strlen(target) + sizeof ".snapshot";
	char *copy = mem_new(room);
	const char *why = "";
	struct nodedb *from = NULL;

	snprintf(copy, room, "%s.snapshot", target);
	if (nodedb_copy(snapshot, copy, &why) == 0)
		from = open_index(r->conf, copy);
	else
		fsck_tell(r->conf, "%s: %s", snapshot, why);
	if (from)
		rebuild_merge(r, from);
	nodedb_close(from);
	sql_unlink(copy);
	free(copy);
}

static int
go_on(struct rebuild *r, const char *target, const char *snapshot)
{
	struct nodedb_counts counts;

	nodedb_recount(r->db, true, NULL, NULL);
	if (fsck_rows(r->db, prune, r) < 0)
		return -1;
	rebuild_commit(r, true);
	if (r->torn && !r->stale && snapshot)
		merge(r, target, snapshot);
	if (rebuild_files(r) < 0)
		return -1;
	rebuild_parts(r);
	rebuild_commit(r, true);
	nodedb_counts(r->db, &counts);
	r->sums->buckets = counts.buckets;
	r->sums->objects = counts.objects;
	return r->failed ? -1 : 0;
}

int
rebuild_run(const char *target, const char *snapshot, const char *old,
    struct blobs *b, const struct fsck_conf *conf, struct rebuild_sums *sums)
{
	struct rebuild r = {
		.blobs = b, .conf = conf, .sums = sums, .now = msec_wall()
	};
	int done = -1;

	*sums = (struct rebuild_sums){ 0 };
	if (access(target, F_OK) == 0) {
		errno = EEXIST;
		return -1;
	}
	buf_init(&r.note, BLOB_TRAILER, NULL);
	begin(&r, target, snapshot, old);
	r.db = open_index(conf, target);
	if (r.db)
		done = go_on(&r, target, snapshot);
	nodedb_close(r.db);
	buf_free(&r.note);
	if (done < 0)
		errno = EIO;
	return done < 0 ? -1 : sums->nameless + sums->lost_inline > 0;
}
