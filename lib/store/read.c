/* SPDX-License-Identifier: ISC */
#include "store/read.h"
#include "store/blob_own.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One after the other, without a gap. */
struct piece {
	uint64_t begin, n; /* in the whole content */
	uint8_t sha[BLOB_ID];
	uint8_t *bytes; /* of a small one, owned */
	bool file;      /* and held */
};

struct reading {
	struct blobs *blobs;
	uint64_t from, n;
	struct piece *pieces;
	size_t npieces, cap;
	size_t listed; /* bytes that are charged to the lists */
	size_t now;    /* the piece that fd is of */
	int fd;
};

static int
refuse(int why)
{
	errno = why;
	return -1;
}

static int
of_index(enum nodedb_said said)
{
	return refuse(said == NODEDB_NONE ? EBADMSG : EIO);
}

static int
charge(struct reading *r, size_t n)
{
	if (n > READ_LISTS - r->blobs->lists)
		return refuse(EAGAIN);
	r->blobs->lists += n;
	r->listed += n;
	return 0;
}

static struct piece *
piece_new(struct reading *r, uint64_t begin, uint64_t n)
{
	struct piece *p;

	if (charge(r, sizeof *p) < 0)
		return NULL;
	if (r->npieces == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 1;
		r->pieces = mem_resize(r->pieces, r->cap * sizeof *r->pieces);
	}
	p = &r->pieces[r->npieces++];
	*p = (struct piece){ .begin = begin, .n = n };
	return p;
}

/* Small ones are copied: their row may go at any time. */
static int
add_inline(struct reading *r, struct nodedb *db, const struct content *c,
    uint64_t begin, uint64_t n)
{
	struct piece *p = piece_new(r, begin, n);
	enum nodedb_said said;
	struct slice bytes;

	if (p == NULL)
		return -1;
	said = nodedb_inline_read(db, c, &bytes);
	if (said != NODEDB_OK)
		return of_index(said);
	if (bytes.n != n)
		return refuse(EBADMSG);
	if (charge(r, bytes.n) < 0)
		return -1;
	p->bytes = mem_new(bytes.n);
	if (bytes.n > 0)
		memcpy(p->bytes, bytes.p, bytes.n);
	return 0;
}

static int
add_blob(struct reading *r, struct nodedb *db, const struct content *c,
    uint64_t begin, uint64_t n)
{
	uint8_t sha[BLOB_ID];
	uint64_t size = 0;
	enum nodedb_said said = nodedb_blob_read(db, c, sha, &size);
	struct piece *p;

	if (said != NODEDB_OK)
		return of_index(said);
	if (size != n)
		return refuse(EBADMSG);
	p = piece_new(r, begin, n);
	if (p == NULL)
		return -1;
	memcpy(p->sha, sha, BLOB_ID);
	p->file = true;
	blob_hold(r->blobs, sha);
	return 0;
}

static int
add(struct reading *r, struct nodedb *db, const struct content *c,
    uint64_t begin, uint64_t n)
{
	if (c->kind == CONTENT_INLINE)
		return add_inline(r, db, c, begin, n);
	if (c->kind == CONTENT_BLOB)
		return add_blob(r, db, c, begin, n);
	return n == 0 ? 0 : refuse(EBADMSG);
}

/* All that the range touches, at once: a later look at the index may find that
 * the version is gone. */
static int
add_parts(struct reading *r, struct nodedb *db, const struct content *c)
{
	uint64_t at = r->from, end = r->from + r->n;

	while (at < end) {
		struct content one = { CONTENT_NONE, 0 };
		uint64_t begin = 0, n = 0;
		enum nodedb_said said =
		    nodedb_piece(db, c, at, &one, &begin, &n);

		if (said != NODEDB_OK)
			return of_index(said);
		if (begin > at || n <= at - begin)
			return refuse(EBADMSG);
		if (add(r, db, &one, begin, n) < 0)
			return -1;
		at = begin + n;
	}
	return 0;
}

/* The file of the piece, in r->fd. */
static int
reach(struct reading *r, size_t i)
{
	const struct piece *p = &r->pieces[i];
	struct stat st;

	if (r->fd >= 0 && r->now == i)
		return 0;
	blob_close_fd(r->fd);
	r->now = i;
	r->fd = blob_open(r->blobs, p->sha);
	if (r->fd < 0)
		return -1;
	if (fstat(r->fd, &st) == 0 && (uint64_t)st.st_size >= p->n)
		return 0;
	blob_close_fd(r->fd);
	r->fd = -1;
	return refuse(EBADMSG);
}

struct reading *
read_open(struct blobs *b, struct nodedb *db, const struct content *c,
    uint64_t size, uint64_t from, uint64_t n)
{
	struct reading *r;
	int done, why;

	if (from > size || n > size - from) {
		errno = EINVAL;
		return NULL;
	}
	r = mem_new(sizeof *r);
	r->blobs = b;
	r->fd = -1;
	r->from = from;
	r->n = n;
	done = c->kind == CONTENT_PARTS ? add_parts(r, db, c)
					: add(r, db, c, 0, size);
	if (done == 0 && r->npieces > 0 && r->pieces[0].file)
		done = reach(r, 0);
	if (done == 0)
		return r;
	why = errno;
	read_free(r);
	errno = why;
	return NULL;
}

void
read_free(struct reading *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->npieces; i++) {
		struct piece *p = &r->pieces[i];

		if (p->file)
			blob_release(r->blobs, p->sha);
		free(p->bytes);
	}
	r->blobs->lists -= r->listed;
	blob_close_fd(r->fd);
	free(r->pieces);
	free(r);
}

int
read_file(struct reading *r, uint64_t *offset)
{
	int fd;

	if (r->npieces != 1 || !r->pieces[0].file || reach(r, 0) < 0)
		return -1;
	fd = r->fd;
	r->fd = -1;
	*offset = r->from - r->pieces[0].begin;
	return fd;
}

/* The piece that holds a byte of the content. */
static size_t
find(const struct reading *r, uint64_t at)
{
	size_t low = 0, high = r->npieces - 1;

	while (low < high) {
		size_t middle = low + (high - low + 1) / 2;

		if (r->pieces[middle].begin <= at)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

ssize_t
read_at(struct reading *r, uint64_t at, uint8_t *to, size_t n)
{
	const struct piece *p;
	uint64_t inside;
	ssize_t got;
	size_t i;

	if (at >= r->n || n == 0)
		return 0;
	if (n > r->n - at)
		n = (size_t)(r->n - at);
	i = find(r, r->from + at);
	p = &r->pieces[i];
	inside = r->from + at - p->begin;
	if (n > p->n - inside)
		n = (size_t)(p->n - inside);
	if (!p->file) {
		memcpy(to, p->bytes + inside, n);
		return (ssize_t)n;
	}
	if (reach(r, i) < 0)
		return -1;
	do
		got = pread(r->fd, to, n, (off_t)inside);
	while (got < 0 && errno == EINTR);
	return got == 0 ? refuse(EBADMSG) : got;
}
