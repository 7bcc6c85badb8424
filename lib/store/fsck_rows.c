/* SPDX-License-Identifier: ISC */
#include "store/fsck_own.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 64 }; /* rows that are held at once */

void
fsck_tell(const struct fsck_conf *conf, const char *fmt, ...)
{
	char sentence[2048];
	va_list ap;

	if (conf->told == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	conf->told(conf->arg, sentence);
}

void
fsck_hex(const uint8_t sha[BLOB_ID], char hex[FSCK_HEX])
{
	char path[BLOB_PATH];

	blob_path(sha, path);
	memcpy(hex, path + 3, FSCK_HEX);
}

static const char *
one_piece(struct nodedb *db, const struct content *c, uint64_t size)
{
	struct slice bytes = { 0 };
	uint8_t sha[BLOB_ID];
	uint64_t n = 0;

	if (c->kind == CONTENT_INLINE) {
		if (nodedb_inline_read(db, c, &bytes) != NODEDB_OK)
			return "its small content is not there";
		n = bytes.n;
	} else if (c->kind == CONTENT_BLOB) {
		if (nodedb_blob_read(db, c, sha, &n) != NODEDB_OK)
			return "its blob has no row";
	}
	return n == size ? NULL : "its content has another size";
}

const char *
fsck_content(struct nodedb *db, const struct content *c, uint64_t size)
{
	uint64_t at = 0;

	if (c->kind != CONTENT_PARTS)
		return one_piece(db, c, size);
	while (at < size) {
		struct content piece = { CONTENT_NONE, 0 };
		uint64_t begin = 0, n = 0;
		const char *wrong;

		if (nodedb_piece(db, c, at, &piece, &begin, &n) != NODEDB_OK)
			return "a part of it has no row";
		if (begin != at || n == 0)
			return "its parts do not join";
		wrong = one_piece(db, &piece, n);
		if (wrong)
			return wrong;
		at += n;
	}
	return at == size ? NULL : "its parts have another size";
}

/* What one call to the index gave. */
struct page {
	struct object objects[PAGE];
	struct upload uploads[PAGE];
	struct part parts[PAGE];
	uint8_t keys[PAGE][NODEDB_KEY];
	size_t n;
	uint8_t last[NODEDB_KEY]; /* the key to go on behind */
};

static struct slice
keep(uint8_t to[NODEDB_KEY], struct slice key)
{
	size_t n = key.n < NODEDB_KEY ? key.n : NODEDB_KEY;

	if (n > 0)
		memcpy(to, key.p, n);
	return slice_of(to, n);
}

static int
keep_object(void *arg, const struct object *o, struct slice common)
{
	struct page *p = arg;
	struct object *to = &p->objects[p->n];

	(void)common;
	*to = *o;
	to->key = keep(p->keys[p->n++], o->key);
	to->meta = to->tags = (struct slice){ 0 };
	return 0;
}

static int
keep_upload(void *arg, const struct upload *u)
{
	struct page *p = arg;
	struct upload *to = &p->uploads[p->n];

	*to = *u;
	to->key = keep(p->keys[p->n++], u->key);
	to->meta = to->tags = (struct slice){ 0 };
	return 0;
}

static int
keep_part(void *arg, const struct part *part)
{
	struct page *p = arg;

	p->parts[p->n] = *part;
	p->parts[p->n++].sum = (struct slice){ 0 };
	return 0;
}

static int
each_object(struct nodedb *db, struct bucket *b, fsck_row_fn *fn, void *arg)
{
	struct page *p = mem_new(sizeof *p);
	struct nodedb_list list = {
		.bucket = b, .versions = true, .most = PAGE
	};
	bool more = true;
	int r = 0;

	while (r == 0 && more) {
		p->n = 0;
		if (nodedb_list(db, &list, keep_object, p, &more) != NODEDB_OK)
			r = -1;
		if (r < 0 || p->n == 0)
			break;
		list.after = keep(p->last, p->objects[p->n - 1].key);
		list.after_version = p->objects[p->n - 1].version;
		for (size_t i = 0; i < p->n; i++)
			fn(arg, &(struct fsck_row){ .bucket = b,
				    .key = p->objects[i].key,
				    .object = &p->objects[i] });
	}
	free(p);
	return r;
}

static int
each_part(struct nodedb *db, struct bucket *b, const struct upload *u,
    fsck_row_fn *fn, void *arg)
{
	struct page *p = mem_new(sizeof *p);
	unsigned after = 0;
	bool more = true;
	int r = 0;

	while (r == 0 && more) {
		p->n = 0;
		if (nodedb_parts(db, u, after, PAGE, keep_part, p, &more) !=
		    NODEDB_OK)
			r = -1;
		if (r < 0 || p->n == 0)
			break;
		after = p->parts[p->n - 1].number;
		for (size_t i = 0; i < p->n; i++)
			fn(arg, &(struct fsck_row){ .bucket = b,
				    .key = u->key,
				    .upload = u,
				    .part = &p->parts[i] });
	}
	free(p);
	return r;
}

static int
each_upload(struct nodedb *db, struct bucket *b, fsck_row_fn *fn, void *arg)
{
	struct page *p = mem_new(sizeof *p);
	struct slice after = { 0 };
	uint8_t token[16], *after_token = NULL;
	bool more = true;
	int r = 0;

	while (r == 0 && more) {
		p->n = 0;
		if (nodedb_uploads(db, b, slice_of(NULL, 0), after, after_token,
			PAGE, keep_upload, p, &more) != NODEDB_OK)
			r = -1;
		if (r < 0 || p->n == 0)
			break;
		after = keep(p->last, p->uploads[p->n - 1].key);
		memcpy(token, p->uploads[p->n - 1].token, sizeof token);
		after_token = token;
		for (size_t i = 0; r == 0 && i < p->n; i++)
			r = each_part(db, b, &p->uploads[i], fn, arg);
	}
	free(p);
	return r;
}

int
fsck_rows(struct nodedb *db, fsck_row_fn *fn, void *arg)
{
	struct bucket *b = nodedb_bucket_after(db, slice_of(NULL, 0));

	for (; b != NULL; b = nodedb_bucket_after(db, slice_text(b->name)))
		if (each_object(db, b, fn, arg) < 0 ||
		    each_upload(db, b, fn, arg) < 0)
			return -1;
	return 0;
}
