/* SPDX-License-Identifier: ISC */
#include "store/rebuild_own.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Where rows were lost, one without a reference may have lost its name. */
static bool
is_named(struct rebuild *r, const uint8_t id[BLOB_ID])
{
	uint64_t refs = 0;
	enum nodedb_said said = nodedb_blob_refs(r->db, id, &refs);

	return said == NODEDB_DISK || (said == NODEDB_OK && (!r->torn || refs));
}

static bool
content_is_right(int fd, uint64_t size, const uint8_t id[BLOB_ID])
{
	enum { SLICE = 8 << 20 };
	struct blob_check check = { 0 };
	int r;

	do
		r = blob_check(fd, size, id, &check, SLICE);
	while (r == 1);
	return r == 0;
}

/* NULL, or what is wrong. */
static const char *
read_note(struct rebuild *r, const uint8_t id[BLOB_ID], struct blob_note *note)
{
	int fd = blob_open(r->blobs, id);
	const char *wrong = NULL;

	if (fd < 0)
		return "cannot be opened";
	if (blob_note_read(fd, &r->note, note) < 0)
		wrong = "has no whole trailer";
	else if (memcmp(note->sha.p, id, BLOB_ID) != 0)
		wrong = "has the trailer of another";
	else if (r->conf->read && !content_is_right(fd, note->size, id))
		wrong = "is damaged";
	close(fd);
	return wrong;
}

static bool
has_names(const struct blob_note *n)
{
	return n->bucket.n > 0 && n->bucket.n <= NODEDB_NAME && n->key.n > 0 &&
	       n->key.n <= NODEDB_KEY && n->meta.n <= NODEDB_META;
}

static void
name_it(
    struct rebuild *r, const uint8_t id[BLOB_ID], const struct blob_note *note)
{
	struct object o = { .key = note->key,
		.version = note->version < INT64_MAX ? note->version : 0,
		.size = note->size,
		.at = (int64_t)note->at,
		.has_sha = true,
		.meta = note->meta };
	struct bucket *b = NULL;

	memcpy(o.sha, id, BLOB_ID);
	if (note->md5.n == MD5_BYTES)
		memcpy(o.etag, note->md5.p, MD5_BYTES);
	if (nodedb_blob(r->db, id, note->size, note->sums, &o.content) !=
	    NODEDB_OK) {
		fsck_tell(r->conf, "the index does not take a blob: %s",
		    nodedb_why(r->db));
		return;
	}
	if (has_names(note))
		b = rebuild_bucket(r, note->tenant, note->bucket);
	if (b && rebuild_put(r, b, &o)) {
		r->sums->from_trailers++;
		return;
	}
	rebuild_lose(r, &o, slice_of(id, BLOB_ID),
	    b ? "its key has newer content" : "its trailer has no name");
}

/* What cannot be named must not look like what nobody needs. */
static void
one_file(struct rebuild *r, const uint8_t id[BLOB_ID])
{
	struct blob_note note;
	const char *wrong;
	char hex[FSCK_HEX];

	if (is_named(r, id))
		return;
	wrong = read_note(r, id, &note);
	if (wrong) {
		r->sums->nameless++;
		blob_quarantine(r->blobs, id);
		fsck_hex(id, hex);
		fsck_tell(
		    r->conf, "blob %s %s; it is in quarantine now", hex, wrong);
	} else if (note.upload.n == 16 && has_names(&note)) {
		rebuild_part(r, &note);
	} else {
		name_it(r, id, &note);
	}
	rebuild_commit(r, false);
}

int
rebuild_files(struct rebuild *r)
{
	struct blob_names l = { 0 };
	int done = 0;

	for (unsigned shard = 0; shard < BLOB_SHARDS && done == 0; shard++) {
		done = blob_names(r->blobs, shard, &l);
		for (size_t i = 0; i < l.n; i++)
			one_file(r, l.ids[i]);
		if (r->conf->step)
			r->conf->step(r->conf->arg, shard + 1, BLOB_SHARDS);
	}
	blob_names_free(&l);
	return done;
}
