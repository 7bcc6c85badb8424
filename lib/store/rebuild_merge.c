/* SPDX-License-Identifier: ISC */
#include "store/rebuild_own.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { UNVERSIONED = 0 };

struct merge {
	struct rebuild *r;
	struct nodedb *from;
	uint64_t put;
};

/* Copies are made where a slice would not outlive the next question. */
static bool
copy_piece(
    struct merge *m, const struct content *c, uint64_t size, struct content *to)
{
	struct buf held = { .max = BLOB_TRAILER };
	uint8_t sha[BLOB_ID];
	struct slice bytes;
	uint64_t n;
	bool good = false;

	if (c->kind == CONTENT_INLINE)
		return nodedb_inline_read(m->from, c, &bytes) == NODEDB_OK &&
		       nodedb_inline(m->r->db, bytes, to) == NODEDB_OK;
	if (c->kind == CONTENT_BLOB)
		good = nodedb_blob_read(m->from, c, sha, &n) == NODEDB_OK &&
		       n == size &&
		       nodedb_blob_sums(m->from, sha, &held) == NODEDB_OK &&
		       nodedb_blob(m->r->db, sha, size, buf_slice(&held), to) ==
			   NODEDB_OK;
	buf_free(&held);
	return good;
}

static bool
copy_parts(struct merge *m, struct bucket *b, const struct object *o,
    struct content *to)
{
	struct rebuild_piece *pieces = mem_new(o->parts * sizeof *pieces);
	uint64_t size = 0, begin;
	bool good = true;

	for (unsigned i = 0; i < o->parts && good; i++) {
		struct part part;

		good = nodedb_content_part(m->from, &o->content, i + 1, &part,
			   &begin) == NODEDB_OK;
		if (!good)
			break;
		pieces[i].size = part.size;
		memcpy(pieces[i].etag, part.etag, MD5_BYTES);
		good =
		    copy_piece(m, &part.content, part.size, &pieces[i].content);
	}
	good = good && o->parts > 0 &&
	       rebuild_join(m->r, b, o->key, pieces, o->parts, to, &size) &&
	       size == o->size;
	free(pieces);
	return good;
}

/* A bucket with what belongs to it. */
static struct bucket *
same_bucket(struct merge *m, struct bucket *b)
{
	struct nodedb *db = m->r->db;
	struct bucket *to = nodedb_bucket(db, slice_text(b->name));
	struct tenant *t;

	if (to)
		return to;
	t = nodedb_tenant(db, slice_text(b->tenant->name));
	if (t == NULL &&
	    nodedb_tenant_put(db, b->tenant->name, b->tenant->tier,
		b->tenant->disk_cap, b->tenant->egress_cap, &t) != NODEDB_OK)
		return NULL;
	if (nodedb_bucket_new(db, slice_text(b->name), t, b->created, &to) !=
	    NODEDB_OK)
		return NULL;
	nodedb_bucket_set(db, to, b->versioning, b->anonymous);
	for (int kind = 0; kind < DOCS; kind++) {
		struct buf doc = { .max = NODEDB_DOC };

		if (nodedb_doc_get(m->from, b, (enum bucket_doc)kind, &doc) ==
		    NODEDB_OK)
			nodedb_doc_put(
			    db, to, (enum bucket_doc)kind, buf_slice(&doc));
		buf_free(&doc);
	}
	return to;
}

static bool
is_there(struct merge *m, struct bucket *to, const struct object *o)
{
	struct object have;

	if (to->versioning == UNVERSIONED)
		return nodedb_get(m->r->db, to, o->key, &have) == NODEDB_OK;
	return nodedb_get_version(m->r->db, to, o->key, o->version, &have) ==
		   NODEDB_OK ||
	       (o->null && nodedb_get_version(m->r->db, to, o->key, 0, &have) ==
			       NODEDB_OK);
}

/* Deleted since, or lost: nobody can tell.  What is gone for good, because its
 * files are, is not brought back. */
static void
merge_row(void *arg, const struct fsck_row *row)
{
	struct merge *m = arg;
	struct buf held = { .max = 4 * NODEDB_META };
	struct object o;
	struct bucket *to;
	bool good;

	if (row->object == NULL)
		return;
	to = same_bucket(m, row->bucket);
	if (to == NULL || is_there(m, to, row->object) ||
	    !rebuild_has_files(
		m->r, m->from, &row->object->content, row->object->size) ||
	    nodedb_get_version(m->from, row->bucket, row->key,
		row->object->version, &o) != NODEDB_OK)
		return;
	put_slice(&held, o.meta);
	put_slice(&held, o.tags);
	o.key = row->key;
	o.meta = slice_of(held.p, o.meta.n);
	o.tags = slice_of(held.p + o.meta.n, o.tags.n);
	good = o.marker ||
	       (o.content.kind == CONTENT_PARTS
		       ? copy_parts(m, to, &o, &o.content)
		       : copy_piece(m, &o.content, o.size, &o.content));
	if (good && nodedb_put(m->r->db, to, &o, 0, NULL) == NODEDB_OK)
		m->put++;
	buf_free(&held);
	rebuild_commit(m->r, false);
}

static void
merge_tenants(struct merge *m)
{
	const struct access_key *key;
	struct tenant *t, *to;
	size_t at = 0;

	while ((t = nodedb_tenant_next(m->from, &at)) != NULL)
		if (nodedb_tenant(m->r->db, slice_text(t->name)) == NULL)
			nodedb_tenant_put(m->r->db, t->name, t->tier,
			    t->disk_cap, t->egress_cap, &to);
	at = 0;
	while ((key = nodedb_key_next(m->from, &at)) != NULL) {
		struct access_key *copy;

		if (nodedb_key(m->r->db, slice_text(key->id)))
			continue;
		copy = mem_new(sizeof *copy);
		*copy = *key;
		copy->tenant =
		    nodedb_tenant(m->r->db, slice_text(key->tenant->name));
		if (copy->tenant)
			nodedb_key_put(m->r->db, copy);
		free(copy);
	}
}

void
rebuild_merge(struct rebuild *r, struct nodedb *snapshot)
{
	struct merge m = { .r = r, .from = snapshot };

	merge_tenants(&m);
	fsck_rows(snapshot, merge_row, &m);
	rebuild_commit(r, true);
	fsck_tell(r->conf,
	    "%llu objects that the damaged index has lost came from the "
	    "snapshot",
	    (unsigned long long)m.put);
}
