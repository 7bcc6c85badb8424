/* SPDX-License-Identifier: ISC */
#include "store/rebuild_own.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TOKEN = 16 };

struct lost_part {
	uint8_t sha[BLOB_ID], etag[MD5_BYTES];
	unsigned number;
	uint64_t size;
	int64_t at;
};

struct lost_upload {
	uint8_t token[TOKEN];
	char tenant[NODEDB_NAME + 1], bucket[NODEDB_NAME + 1];
	uint8_t *key;
	size_t nkey;
	struct lost_part *parts;
	size_t n, cap;
};

static void
copy_name(char to[NODEDB_NAME + 1], struct slice name)
{
	size_t n = name.n < NODEDB_NAME ? name.n : NODEDB_NAME;

	if (n > 0)
		memcpy(to, name.p, n);
	to[n] = '\0';
}

static struct lost_upload *
upload_of(struct rebuild *r, const struct blob_note *note)
{
	struct lost_upload *u = map_get(&r->uploads, note->upload);

	if (u)
		return u;
	u = mem_new(sizeof *u);
	memcpy(u->token, note->upload.p, TOKEN);
	copy_name(u->tenant, note->tenant);
	copy_name(u->bucket, note->bucket);
	u->key = mem_new(note->key.n);
	u->nkey = note->key.n;
	memcpy(u->key, note->key.p, note->key.n);
	map_put(&r->uploads, note->upload, u);
	return u;
}

void
rebuild_part(struct rebuild *r, const struct blob_note *note)
{
	struct lost_upload *u = upload_of(r, note);
	struct lost_part *p;

	if (u->n == u->cap) {
		u->cap = u->cap ? 2 * u->cap : 8;
		u->parts = mem_resize(u->parts, u->cap * sizeof *u->parts);
	}
	p = &u->parts[u->n++];
	*p = (struct lost_part){
		.number = note->part <= NODEDB_PARTS ? (unsigned)note->part : 0,
		.size = note->size,
		.at = (int64_t)note->at
	};
	memcpy(p->sha, note->sha.p, BLOB_ID);
	if (note->md5.n == MD5_BYTES)
		memcpy(p->etag, note->md5.p, MD5_BYTES);
}

/* By number, and the newest of a number first. */
static int
order(const void *a, const void *b)
{
	const struct lost_part *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->at < y->at) - (x->at > y->at);
}

/* Its row, by the trailer once more. */
static bool
content_of(struct rebuild *r, const struct lost_part *p, struct content *c)
{
	struct blob_note note;
	int fd = blob_open(r->blobs, p->sha);
	bool good =
	    fd >= 0 && blob_note_read(fd, &r->note, &note) == 0 &&
	    nodedb_blob(r->db, p->sha, p->size, note.sums, c) == NODEDB_OK;

	blob_close_fd(fd);
	return good;
}

static void
lose_part(struct rebuild *r, const struct lost_part *p, const char *why)
{
	struct object o = { .size = p->size, .at = p->at, .has_sha = true };

	memcpy(o.sha, p->sha, BLOB_ID);
	memcpy(o.etag, p->etag, MD5_BYTES);
	if (content_of(r, p, &o.content))
		rebuild_lose(r, &o, slice_of(p->sha, BLOB_ID), why);
}

/* The index knows the upload: it goes on. */
static void
add_to(struct rebuild *r, const struct upload *known, struct lost_upload *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct lost_part *p = &l->parts[i];
		struct part part = { .number = p->number,
			.size = p->size,
			.at = p->at },
			    old;

		memcpy(part.etag, p->etag, MD5_BYTES);
		if (nodedb_part(r->db, known, p->number, &old) == NODEDB_NONE &&
		    content_of(r, p, &part.content) &&
		    nodedb_part_put(r->db, known, &part, 0, r->now) ==
			NODEDB_OK)
			r->sums->from_trailers++;
		else
			lose_part(r, p, "it is a part of another time");
		rebuild_commit(r, false);
	}
}

bool
rebuild_join(struct rebuild *r, struct bucket *b, struct slice key,
    const struct rebuild_piece *pieces, size_t n, struct content *c,
    uint64_t *size)
{
	struct upload u = { .bucket = b, .key = key, .created = r->now };
	unsigned *numbers = mem_new(n * sizeof *numbers);
	uint8_t token[TOKEN];
	bool good;

	good = getrandom(u.token, TOKEN, 0) == TOKEN;
	memcpy(token, u.token, TOKEN);
	good = good && nodedb_upload_new(r->db, &u) == NODEDB_OK &&
	       nodedb_upload(r->db, b, token, &u) == NODEDB_OK;
	for (size_t i = 0; i < n && good; i++) {
		struct part part = { .number = (unsigned)i + 1,
			.size = pieces[i].size,
			.at = r->now,
			.content = pieces[i].content };

		numbers[i] = part.number;
		memcpy(part.etag, pieces[i].etag, MD5_BYTES);
		good =
		    nodedb_part_put(r->db, &u, &part, 0, r->now) == NODEDB_OK;
	}
	good = good && nodedb_upload_complete(r->db, &u, numbers, n, c, size) ==
			   NODEDB_OK;
	free(numbers);
	return good;
}

/* As S3 has it: MD5 of the parts' MD5s. */
static void
etag_of(const struct rebuild_piece *pieces, size_t n, uint8_t out[MD5_BYTES])
{
	struct digest d = { 0 };

	digest_begin(&d, DIGEST_MD5);
	for (size_t i = 0; i < n; i++)
		digest_add(&d, slice_of(pieces[i].etag, MD5_BYTES));
	digest_end(&d, out);
	digest_free(&d);
}

static void
tell_joined(struct rebuild *r, const struct lost_upload *l, size_t n)
{
	fsck_tell(r->conf,
	    "object %s/%.*s was put together of %zu parts of an upload that "
	    "the index did not know; parts of up to %d bytes would be missing",
	    l->bucket, (int)l->nkey, (const char *)l->key, n, NODEDB_INLINE);
}

/* All of them become an object, in the order of their numbers. */
static void
join(struct rebuild *r, struct bucket *b, struct lost_upload *l)
{
	struct rebuild_piece *pieces = mem_new(l->n * sizeof *pieces);
	struct object o = { .key = slice_of(l->key, l->nkey) };
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct lost_part *p = &l->parts[i];

		if (i > 0 && p->number == l->parts[i - 1].number) {
			lose_part(r, p, "another part took its place");
			continue;
		}
		if (n == NODEDB_PARTS || !content_of(r, p, &pieces[n].content))
			continue;
		pieces[n].size = p->size;
		memcpy(pieces[n++].etag, p->etag, MD5_BYTES);
		o.at = p->at > o.at ? p->at : o.at;
	}
	o.parts = (uint16_t)n;
	etag_of(pieces, n, o.etag);
	if (n > 0 &&
	    rebuild_join(r, b, o.key, pieces, n, &o.content, &o.size)) {
		r->sums->uploads++;
		if (rebuild_put(r, b, &o))
			tell_joined(r, l, n);
		else
			rebuild_lose(r, &o, slice_of(l->token, TOKEN),
			    "its key has newer content");
	}
	free(pieces);
}

void
rebuild_parts(struct rebuild *r)
{
	struct lost_upload *l;
	struct slice token;
	size_t at = 0;

	while ((l = map_next(&r->uploads, &at, &token)) != NULL) {
		struct bucket *b = rebuild_bucket(
		    r, slice_text(l->tenant), slice_text(l->bucket));
		struct upload known;

		qsort(l->parts, l->n, sizeof *l->parts, order);
		if (b && nodedb_upload(r->db, b, l->token, &known) == NODEDB_OK)
			add_to(r, &known, l);
		else if (b)
			join(r, b, l);
		rebuild_commit(r, true);
		free(l->parts);
		free(l->key);
		free(l);
	}
	map_free(&r->uploads);
}
