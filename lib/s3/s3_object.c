/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "web/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool
has_condition(const struct http_head *head)
{
	return http_find(head, "if-match") || http_find(head, "if-none-match");
}

bool
s3_write_condition(
    struct s3_req *r, const struct bucket *bucket, struct slice key)
{
	char etag[S3_ETAG] = "";
	enum nodedb_said said;
	struct object o;
	bool there;

	if (!has_condition(r->head))
		return true;
	said = nodedb_get(r->s3->db, bucket, key, &o);
	if (said != NODEDB_OK && said != NODEDB_NONE) {
		s3_fail_db(r, said, S3ERR_INTERNAL);
		return false;
	}
	there = said == NODEDB_OK && !o.marker;
	if (there)
		s3_etag(&o, etag);
	switch (when_write(r->head, there, etag)) {
	case WHEN_WRITE:
		return true;
	case WHEN_WRITE_FAILED:
		s3_fail(r, S3ERR_PRECONDITION);
		return false;
	case WHEN_WRITE_ABSENT:
		s3_fail(r, S3ERR_NO_SUCH_KEY);
		return false;
	case WHEN_BAD:
		break;
	}
	s3_fail_why(r, S3ERR_NOT_IMPLEMENTED,
	    "If-None-Match of a write takes only an asterisk.");
	return false;
}

uint64_t
s3_object_give(struct s3_req *r)
{
	struct object o;

	if (r->bucket->versioning == S3_VERSIONED ||
	    nodedb_get_version(r->s3->db, r->bucket, r->op.key, 0, &o) !=
		NODEDB_OK)
		return 0;
	return o.size;
}

bool
s3_object_describe(struct s3_req *r, const struct http_head *head)
{
	struct s3_content *c = r->content;
	struct buf bytes = { .max = 2 * NODEDB_META };
	struct s3_meta m;
	const char *why;
	enum s3err e;

	e = s3_meta_of(head, &m, &bytes, &why);
	if (e == S3ERR_OK) {
		s3_meta_pack(&m, &c->meta);
		e = s3_meta_tags(head, &c->tags, &why);
	}
	buf_free(&bytes);
	if (e == S3ERR_OK && (c->meta.bad || c->tags.bad))
		e = S3ERR_SLOW_DOWN;
	if (e != S3ERR_OK)
		s3_fail_why(r, e, why);
	return e == S3ERR_OK;
}

bool
s3_object_name(
    struct s3_req *r, const struct content *content, char etag[S3_ETAG])
{
	struct s3_content *c = r->content;
	struct object o = { .key = r->op.key,
		.size = c->sums->size,
		.at = r->now,
		.has_sha = true,
		.content = *content,
		.meta = buf_slice(&c->meta),
		.tags = buf_slice(&c->tags) };
	struct object put = { 0 };
	struct s3_meta m = { 0 };
	enum nodedb_said said;

	if (!s3_write_condition(r, r->bucket, r->op.key))
		return false;
	memcpy(o.etag, c->sums->md5, sizeof o.etag);
	memcpy(o.sha, c->sums->sha, sizeof o.sha);
	said = nodedb_put(r->s3->db, r->bucket, &o, c->reserved,
	    r->bucket->versioning == S3_UNVERSIONED ? NULL : &put);
	if (said != NODEDB_OK) {
		s3_fail_db(r, said, S3ERR_INTERNAL);
		return false;
	}
	c->reserved = 0;
	r->wrote = true;
	s3_etag(&o, etag);
	s3_put_etag(r, etag);
	s3_put_version(r, r->bucket, &put);
	s3_content_sum(r, &m);
	s3_meta_reply_sum(&m, 0, &r->reply);
	return true;
}

static void
put_named(struct s3_req *r, const struct content *content)
{
	char etag[S3_ETAG];

	if (s3_object_name(r, content, etag))
		s3_answer(r, 200);
}

void
s3_object_put(struct s3_req *r)
{
	if (s3_write_condition(r, r->bucket, r->op.key) &&
	    s3_content_begin(
		r, r->head, r->bucket->tenant, s3_object_give, put_named))
		s3_object_describe(r, r->head);
}

/* versionId= of the query: 1, 0 (none), or -1 and answered. */
static int
version_of(struct s3_req *r, uint64_t *version)
{
	const struct uri_pair *pair = uri_find(&r->uri, "versionId");

	if (pair == NULL)
		return 0;
	if (s3_version_parse(pair->value, version) == 0)
		return 1;
	s3_fail_why(
	    r, S3ERR_INVALID_ARGUMENT, "The versionId is not one of ours.");
	return -1;
}

static void
put_modified(struct s3_req *r, int64_t at)
{
	char text[WHEN_TEXT];

	when_http(at / 1000, text);
	http_put_text(&r->reply, "Last-Modified", text);
}

static bool
fail_marker(struct s3_req *r, const struct bucket *bucket,
    const struct object *o, bool named)
{
	http_put_text(&r->reply, "x-amz-delete-marker", "true");
	s3_put_version(r, bucket, o);
	if (named) {
		put_modified(r, o->at);
		http_put_text(&r->reply, "Allow", "DELETE");
	}
	s3_fail(r, named ? S3ERR_METHOD_NOT_ALLOWED : S3ERR_NO_SUCH_KEY);
	return false;
}

bool
s3_find(struct s3_req *r, const struct bucket *bucket, struct slice key,
    struct object *o)
{
	uint64_t version = 0;
	int named = version_of(r, &version);
	enum nodedb_said said;

	if (named < 0)
		return false;
	said = named ? nodedb_get_version(r->s3->db, bucket, key, version, o)
		     : nodedb_get(r->s3->db, bucket, key, o);
	if (said != NODEDB_OK) {
		s3_fail_db(
		    r, said, named ? S3ERR_NO_SUCH_VERSION : S3ERR_NO_SUCH_KEY);
		return false;
	}
	return o->marker ? fail_marker(r, bucket, o, named > 0) : true;
}

/* The headers of what is refused are not those of the object. */
static void
fail_anew(struct s3_req *r, enum s3err e, const char *sentence)
{
	s3_reply_anew(r);
	s3_fail_why(r, e, sentence);
}

static bool
lease(struct s3_req *r, uint64_t n)
{
	struct tenant *owner = r->bucket->tenant;
	bool wait = false;

	if (r->who == S3_WHO_LOCAL || n == 0)
		return true;
	if (!caps_lease(r->s3->db, owner, n, r->now, &wait)) {
		fail_anew(r, S3ERR_EGRESS_QUOTA, NULL);
		return false;
	}
	r->payer = owner;
	r->leased = n;
	r->wrote |= wait;
	return true;
}

static ssize_t
source_read(void *data, uint64_t at, uint8_t *p, size_t n)
{
	return read_at(data, at, p, n);
}

static void
source_free(void *data)
{
	read_free(data);
}

/* A small content is copied out of the index; others are handed over as a file
 * or as something that reads them. */
static enum s3err
give_content(
    struct s3_req *r, const struct object *o, uint64_t from, uint64_t n)
{
	struct http_reply *reply = &r->reply;
	struct reading *reading;
	struct slice bytes;

	if (n == 0)
		return S3ERR_OK;
	if (o->content.kind == CONTENT_INLINE) {
		if (nodedb_inline_read(r->s3->db, &o->content, &bytes) !=
			NODEDB_OK ||
		    bytes.n != o->size)
			return S3ERR_INTERNAL;
		put_bytes(&reply->body, bytes.p + from, n);
		return reply->body.bad ? S3ERR_SLOW_DOWN : S3ERR_OK;
	}
	reading =
	    read_open(r->s3->blobs, r->s3->db, &o->content, o->size, from, n);
	if (reading == NULL)
		return errno == EMFILE || errno == EAGAIN ? S3ERR_SLOW_DOWN
							  : S3ERR_INTERNAL;
	reply->fd = read_file(reading, &reply->offset);
	if (reply->fd >= 0)
		read_free(reading);
	else
		reply->source =
		    (struct http_source){ reading, source_read, source_free };
	return S3ERR_OK;
}

void
s3_send(struct s3_req *r, const struct object *o, uint64_t from, uint64_t n,
    bool partial)
{
	enum s3err e = S3ERR_OK;

	if (r->op.kind != S3OP_HEAD_OBJECT) {
		if (!lease(r, n))
			return;
		e = give_content(r, o, from, n);
	}
	if (e != S3ERR_OK) {
		fail_anew(r, e,
		    e == S3ERR_INTERNAL ? "The content cannot be read." : NULL);
		return;
	}
	r->reply.length = n;
	s3_answer(r, partial ? 206 : 200);
}

/* If-Modified-Since and the others of a read; false: answered. */
static bool
read_condition(struct s3_req *r, const struct object *o, const char *etag)
{
	switch (when_read(r->head, etag, o->at / 1000)) {
	case WHEN_GO:
		return true;
	case WHEN_NOT_MODIFIED:
		s3_put_etag(r, etag);
		put_modified(r, o->at);
		s3_put_version(r, r->bucket, o);
		s3_fail(r, S3ERR_NOT_MODIFIED);
		return false;
	case WHEN_FAILED:
		break;
	}
	s3_fail(r, S3ERR_PRECONDITION);
	return false;
}

static void
put_fields(struct s3_req *r, const struct object *o, const struct s3_meta *m,
    const char *etag)
{
	size_t tags = s3_meta_tag_count(o->tags);

	s3_meta_reply(m, &r->uri, &r->reply);
	http_put_text(&r->reply, "Accept-Ranges", "bytes");
	put_modified(r, o->at);
	s3_put_etag(r, etag);
	s3_put_version(r, r->bucket, o);
	if (tags > 0)
		http_put_uint(&r->reply, "x-amz-tagging-count", tags);
}

struct range {
	uint64_t from, n;
	bool partial;
};

/* partNumber= of the query: the bytes of that part.  It asks the index, so the
 * object's slices are gone after it. */
static bool
part_range(struct s3_req *r, const struct object *o, struct range *range)
{
	struct part part;
	unsigned number;

	if (!s3_part_number(r, &number))
		return false;
	range->partial = true;
	if (o->parts > 0)
		http_put_uint(&r->reply, "x-amz-mp-parts-count", o->parts);
	if (o->content.kind == CONTENT_PARTS &&
	    nodedb_content_part(r->s3->db, &o->content, number, &part,
		&range->from) == NODEDB_OK) {
		range->n = part.size;
		return true;
	}
	if (number == 1 && o->parts <= 1)
		return true;
	fail_anew(r, S3ERR_INVALID_RANGE, "There is no part of this number.");
	return false;
}

static bool
pick_range(struct s3_req *r, const struct object *o, const char *etag,
    struct range *range)
{
	struct slice header = http_value(r->head, "range");
	char text[80];
	bool bad = false;

	*range = (struct range){ 0, o->size, false };
	if (uri_find(&r->uri, "partNumber")) {
		if (!part_range(r, o, range))
			return false;
	} else if (header.n > 0 && when_if_range(r->head, etag, o->at / 1000)) {
		struct range part = { .partial = true };

		if (when_range(header, o->size, &part.from, &part.n, &bad))
			*range = part;
	}
	if (bad) {
		s3_reply_anew(r);
		snprintf(text, sizeof text, "bytes */%llu",
		    (unsigned long long)o->size);
		http_put_text(&r->reply, "Content-Range", text);
		s3_fail(r, S3ERR_INVALID_RANGE);
		return false;
	}
	if (range->partial && range->n > 0) {
		snprintf(text, sizeof text, "bytes %llu-%llu/%llu",
		    (unsigned long long)range->from,
		    (unsigned long long)(range->from + range->n - 1),
		    (unsigned long long)o->size);
		http_put_text(&r->reply, "Content-Range", text);
	}
	return true;
}

/* Whoever may read could make us say any header; only who signs may choose. */
static bool
overrides_refused(const struct s3_req *r)
{
	if (r->who != S3_WHO_NOBODY)
		return false;
	for (size_t i = 0; i < r->uri.n; i++)
		if (text_begins(r->uri.pairs[i].name, slice_text("response-")))
			return true;
	return false;
}

void
s3_object_get(struct s3_req *r)
{
	bool sums = http_name_eq(
	    http_value(r->head, "x-amz-checksum-mode"), slice_text("enabled"));
	char etag[S3_ETAG];
	struct object o = { 0 };
	struct range range;
	struct s3_meta m;

	if (overrides_refused(r)) {
		s3_fail_why(r, S3ERR_INVALID_REQUEST,
		    "Only signed requests may set headers of the answer.");
		return;
	}
	if (!s3_find(r, r->bucket, r->op.key, &o))
		return;
	s3_etag(&o, etag);
	if (!read_condition(r, &o, etag))
		return;
	if (s3_meta_unpack(o.meta, &m) < 0) {
		s3_fail_why(r, S3ERR_INTERNAL, "The metadata is damaged.");
		return;
	}
	put_fields(r, &o, &m, etag);
	if (sums && http_find(r->head, "range") == NULL &&
	    uri_find(&r->uri, "partNumber") == NULL)
		s3_meta_reply_sum(&m, o.parts, &r->reply);
	if (pick_range(r, &o, etag, &range))
		s3_send(r, &o, range.from, range.n, range.partial);
}

static void
delete_version(struct s3_req *r, uint64_t version)
{
	struct object o = { .version = version, .null = version == 0 };
	bool marker = false;
	enum nodedb_said said;

	said = nodedb_delete_version(
	    r->s3->db, r->bucket, r->op.key, version, &marker);
	if (said != NODEDB_OK && said != NODEDB_NONE) {
		s3_fail_db(r, said, S3ERR_INTERNAL);
		return;
	}
	r->wrote = said == NODEDB_OK;
	s3_put_version(r, r->bucket, &o);
	if (marker)
		http_put_text(&r->reply, "x-amz-delete-marker", "true");
	s3_answer(r, 204);
}

void
s3_object_delete(struct s3_req *r)
{
	struct object o = { .null = r->bucket->versioning == S3_SUSPENDED };
	uint64_t version = 0;
	int named = version_of(r, &version);
	enum nodedb_said said;
	bool marker = false;

	if (named < 0 || !s3_write_condition(r, r->bucket, r->op.key))
		return;
	if (named) {
		delete_version(r, version);
		return;
	}
	said = nodedb_delete(
	    r->s3->db, r->bucket, r->op.key, r->now, &marker, &o.version);
	if (said != NODEDB_OK && said != NODEDB_NONE) {
		s3_fail_db(r, said, S3ERR_INTERNAL);
		return;
	}
	r->wrote = said == NODEDB_OK;
	if (marker) {
		s3_put_version(r, r->bucket, &o);
		http_put_text(&r->reply, "x-amz-delete-marker", "true");
	}
	s3_answer(r, 204);
}
