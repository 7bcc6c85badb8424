/* SPDX-License-Identifier: ISC */
#include "store/put_own.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BITE = 64 << 10, /* passes through all sums while it is in the cache */
	SUMS_MOST = BLOB_TRAILER - (64 << 10), /* leaves room for the names */
};

enum state { TAKING, ENDED, SEALING, SEALED, FAILED };

struct put {
	struct blobs *blobs;
	struct nodedb *db;
	struct buf small;      /* all of it, until it is too much */
	struct blob_new *file; /* NULL: it is small, or sealed */
	bool large, shares;
	bool held;  /* its id, from put_seal to put_free */
	bool fresh; /* sealed by us, and the index may not know it */
	enum state state;
	struct digest sha, chunk;
	struct put_md5 md5;
	size_t in_chunk; /* bytes of the present chunk */
	struct buf chunks;
	struct put_sums sums;
	void *owner;
};

struct put *
put_new(struct blobs *b, struct nodedb *db, struct budget *budget)
{
	struct put *p = mem_new(sizeof *p);

	p->blobs = b;
	p->db = db;
	buf_init(&p->small, NODEDB_INLINE, budget);
	buf_init(&p->chunks, SUMS_MOST, budget);
	digest_begin(&p->sha, DIGEST_SHA256);
	put_md5_begin(&p->md5);
	return p;
}

/* What is sealed and not in the index is a stray: the sweep decides. */
void
put_free(struct put *p)
{
	int error = errno;

	if (p == NULL)
		return;
	if (p->state == SEALING)
		blob_forget(p->file);
	else
		blob_drop(p->file);
	if (p->held)
		blob_release(p->blobs, p->sums.sha);
	if (p->fresh)
		blob_stray(p->blobs, p->sums.sha);
	buf_free(&p->small);
	buf_free(&p->chunks);
	digest_free(&p->sha);
	digest_free(&p->chunk);
	put_md5_free(&p->md5, p->blobs);
	free(p);
	errno = error;
}

static int
chunk_end(struct put *p)
{
	uint8_t sum[SHA256_BYTES];

	digest_end(&p->chunk, sum);
	put_bytes(&p->chunks, sum, sizeof sum);
	p->in_chunk = 0;
	errno = p->chunks.n + sizeof sum > SUMS_MOST ? EFBIG : ENOMEM;
	return p->chunks.bad ? -1 : 0;
}

/* Into the sums of the whole and of chunks, and into the file.  What was kept
 * is in the sums of the whole already. */
static int
store(struct put *p, struct slice s, bool whole)
{
	struct digest *sums[] = { &p->chunk, &p->sha, put_md5_own(&p->md5) };
	size_t n = !whole ? 1 : sums[2] ? 3 : 2;
	struct slice left = s;

	while (left.n > 0) {
		size_t most = BLOB_CHUNK - p->in_chunk;
		struct slice part =
		    get_bytes(&left, left.n < most ? left.n : most);

		digest_add_all(sums, n, part);
		p->in_chunk += part.n;
		if (p->in_chunk == BLOB_CHUNK && chunk_end(p) < 0)
			return -1;
	}
	return blob_write(p->file, s);
}

/* It is too much for the index: what was kept goes first.  The chunk's sum
 * begins only here, because small contents have none. */
static int
grow(struct put *p)
{
	p->file = blob_new(p->blobs);
	if (p->file == NULL)
		return -1;
	p->large = true;
	digest_begin(&p->chunk, DIGEST_SHA256);
	if (store(p, buf_slice(&p->small), false) < 0)
		return -1;
	buf_free(&p->small);
	return 0;
}

int
put_large(struct put *p)
{
	if (p->large || grow(p) == 0)
		return 0;
	p->state = FAILED;
	return -1;
}

static int
take(struct put *p, struct slice s)
{
	struct digest *whole[] = { &p->sha, put_md5_own(&p->md5) };

	if (!p->large && p->sums.size + s.n > NODEDB_INLINE && grow(p) < 0)
		return -1;
	if (!p->shares && p->sums.size >= PUT_ALONE) {
		p->shares = true;
		put_md5_share(&p->md5, p->blobs);
	}
	p->sums.size += s.n;
	if (p->large) {
		put_md5_help(&p->md5, s);
		return store(p, s, true);
	}
	digest_add_all(whole, 2, s);
	put_slice(&p->small, s);
	errno = ENOMEM;
	return p->small.bad ? -1 : 0;
}

int
put_write(struct put *p, struct slice s)
{
	if (p->state != TAKING) {
		errno = EINVAL;
		return -1;
	}
	while (s.n > 0) {
		size_t n = s.n < BITE ? s.n : BITE;

		if (take(p, get_bytes(&s, n)) < 0) {
			int why = errno;

			p->state = FAILED;
			errno = why;
			return -1;
		}
	}
	return 0;
}

const struct put_sums *
put_end(struct put *p)
{
	if (p->state != TAKING)
		return &p->sums;
	p->state = ENDED;
	if (p->in_chunk > 0 && chunk_end(p) < 0)
		p->state = FAILED;
	digest_end(&p->sha, p->sums.sha);
	put_md5_end(&p->md5, p->blobs, p->sums.md5);
	return &p->sums;
}

static void
fill_in(const struct put *p, struct blob_note *note)
{
	note->has_size = note->has_sha = note->has_sums = note->has_md5 = true;
	note->size = p->sums.size;
	note->sha = slice_of(p->sums.sha, sizeof p->sums.sha);
	note->sums = buf_slice(&p->chunks);
	note->md5 = slice_of(p->sums.md5, sizeof p->sums.md5);
}

/* What the index knows and cannot be found is written again. */
int
put_seal(struct put *p, struct blob_note *note)
{
	if (p->state != ENDED) {
		errno = p->state == FAILED ? EIO : EINVAL;
		return -1;
	}
	if (!p->large) {
		p->state = SEALED;
		return 1;
	}
	blob_hold(p->blobs, p->sums.sha);
	p->held = true;
	if (nodedb_blob_known(p->db, p->sums.sha, p->sums.size) &&
	    blob_has(p->blobs, p->sums.sha)) {
		blob_drop(p->file);
		p->file = NULL;
		p->state = SEALED;
		return 1;
	}
	fill_in(p, note);
	blob_seal(p->file, note, p);
	p->state = SEALING;
	return 0;
}

struct put *
put_sealed(struct blobs *b, int *error)
{
	void *arg = NULL;
	struct put *p;

	if (!blobs_sealed(b, &arg, error))
		return NULL;
	p = arg;
	p->file = NULL;
	p->state = *error ? FAILED : SEALED;
	p->fresh = *error == 0;
	return p;
}

enum nodedb_said
put_content(struct put *p, struct content *content)
{
	enum nodedb_said said;

	if (p->state != SEALED)
		return NODEDB_NONE;
	if (!p->large)
		return nodedb_inline(p->db, buf_slice(&p->small), content);
	said = nodedb_blob(
	    p->db, p->sums.sha, p->sums.size, buf_slice(&p->chunks), content);
	if (said == NODEDB_OK)
		p->fresh = false;
	return said;
}

void
put_set_owner(struct put *p, void *owner)
{
	p->owner = owner;
}

void *
put_owner(const struct put *p)
{
	return p->owner;
}
