/* SPDX-License-Identifier: ISC
 *
 * Lists of a bucket's keys, versions and uploads.  (AWS S3 API: ListObjects,
 * ListObjectsV2, ListObjectVersions, ListMultipartUploads.)  A page ends at the
 * number of answers that was asked for, or when its XML is large. */
#include "s3/s3_own.h"
#include "web/text.h"
#include "web/xml.h"
#include "wire/mbase.h"

#include <string.h>

enum {
	PAGE_BYTES = 2 << 20,
	TOKEN = 2 * S3_KEY + 16,
	LOOKS = 10000, /* keys looked at for a page, delete markers too */
};

struct list {
	struct s3_req *r;
	struct buf *out;
	struct slice prefix, delimiter;
	bool url; /* encoding-type=url */
	bool owner;
	uint64_t most, n;
	bool more;
	/* the last answer: where the next page begins */
	struct buf last;
	bool last_is_prefix;
	uint64_t last_version;
	struct buf stopped; /* the last key that was looked at */
};

static void
list_free(struct list *l)
{
	buf_free(&l->last);
	buf_free(&l->stopped);
}

/* Parameters that all lists share; false: refused. */
static bool
list_begin(struct list *l, struct s3_req *r, const char *count)
{
	struct slice most = uri_value(&r->uri, count);
	struct slice encoding = uri_value(&r->uri, "encoding-type");

	memset(l, 0, sizeof *l);
	l->r = r;
	l->out = &r->reply.body;
	l->prefix = uri_value(&r->uri, "prefix");
	l->delimiter = uri_value(&r->uri, "delimiter");
	l->most = S3_LIST_MOST;
	l->last.max = l->stopped.max = S3_KEY;
	if (most.n > 0 && text_uint(most, UINT32_MAX, &l->most) < 0) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "The number of answers that is asked for is none.");
		return false;
	}
	if (l->most > S3_LIST_MOST)
		l->most = S3_LIST_MOST;
	l->url = slice_is(encoding, "url");
	if (encoding.n > 0 && !l->url) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "encoding-type can only be url.");
		return false;
	}
	return true;
}

static void
text(const struct list *l, const char *name, struct slice s)
{
	struct buf escaped = { .max = 3 * HTTP_TARGET };

	if (!l->url) {
		xml_text(l->out, name, s);
		return;
	}
	uri_escape(&escaped, s, true);
	xml_text(l->out, name, buf_slice(&escaped));
	buf_free(&escaped);
}

static void
write_prefix(const struct list *l, struct slice common)
{
	xml_open(l->out, "CommonPrefixes");
	text(l, "Prefix", common);
	xml_close(l->out, "CommonPrefixes");
}

static void
write_entity(const struct list *l, const struct object *o)
{
	char etag[S3_ETAG + 2] = "\"", when[WHEN_TEXT];
	struct s3_meta meta;

	s3_etag(o, etag + 1);
	strcat(etag, "\"");
	when_iso(o->at, when);
	xml_str(l->out, "LastModified", when);
	xml_str(l->out, "ETag", etag);
	if (s3_meta_unpack(o->meta, &meta) == 0 && meta.sum_kind > 0) {
		xml_str(l->out, "ChecksumAlgorithm",
		    sum_word((enum sum_kind)(meta.sum_kind - 1)));
		xml_str(l->out, "ChecksumType",
		    meta.composite ? "COMPOSITE" : "FULL_OBJECT");
	}
	xml_uint(l->out, "Size", o->size);
	xml_str(l->out, "StorageClass", "STANDARD");
}

/* Is there room for one more answer on this page? */
static bool
full(const struct list *l)
{
	return l->n >= l->most || l->out->n > PAGE_BYTES;
}

static void
remember(struct list *l, const struct object *o, struct slice common)
{
	buf_cut(&l->last, 0);
	put_slice(&l->last, o ? o->key : common);
	l->last_is_prefix = o == NULL;
	l->last_version = o ? o->version : 0;
	l->n++;
}

static int
on_object(void *arg, const struct object *o, struct slice common)
{
	struct list *l = arg;

	if (full(l)) {
		l->more = true;
		return 1;
	}
	if (o == NULL) {
		write_prefix(l, common);
	} else {
		xml_open(l->out, "Contents");
		text(l, "Key", o->key);
		write_entity(l, o);
		if (l->owner)
			s3_xml_owner(
			    l->out, "Owner", l->r->bucket->tenant->name);
		xml_close(l->out, "Contents");
	}
	remember(l, o, common);
	return 0;
}

/* Opaque to clients: whether the last answer was a prefix, and the hex of it.
 */
static void
write_token(const struct list *l, const char *name)
{
	struct buf token = { .max = TOKEN };

	put_u8(&token, l->last_is_prefix ? 'p' : 'k');
	mbase_encode(MBASE_16, buf_slice(&l->last), &token);
	xml_text(l->out, name, buf_slice(&token));
	buf_free(&token);
}

static int
read_token(struct slice token, struct buf *after, bool *is_prefix)
{
	uint8_t kind = get_u8(&token);

	*is_prefix = kind == 'p';
	if (token.n == 0 || (kind != 'p' && kind != 'k'))
		return -1;
	return mbase_decode(MBASE_16, token, after);
}

/* The common prefix that a marker is in, which stands for all that is behind
 * it; empty: none. */
static struct slice
common_of(const struct list *l, struct slice marker)
{
	const uint8_t *from = marker.p + l->prefix.n, *at;

	if (l->delimiter.n == 0 || marker.n <= l->prefix.n ||
	    !text_begins(marker, l->prefix))
		return slice_of(NULL, 0);
	at = memmem(
	    from, marker.n - l->prefix.n, l->delimiter.p, l->delimiter.n);
	if (at == NULL)
		return slice_of(NULL, 0);
	return slice_of(marker.p, (size_t)(at - marker.p) + l->delimiter.n);
}

/* A page that ended at a delete marker has not answered the prefix it is in. */
static bool
hidden(const struct list *l, struct slice key)
{
	struct object o;

	return nodedb_get(l->r->s3->db, l->r->bucket, key, &o) == NODEDB_OK &&
	       o.marker;
}

/* Where the page begins; false: refused. */
static bool
beginning(struct list *l, bool v2, struct buf *after, bool *is_prefix)
{
	struct uri *uri = &l->r->uri;
	const struct uri_pair *token = uri_find(uri, "continuation-token");
	struct slice from = uri_value(uri, v2 ? "start-after" : "marker");
	struct slice common = slice_of(NULL, 0);

	*is_prefix = false;
	if (v2 && token) {
		if (read_token(token->value, after, is_prefix) == 0)
			return true;
		s3_fail_why(l->r, S3ERR_INVALID_ARGUMENT,
		    "The continuation token is none of ours.");
		return false;
	}
	if (from.n > S3_KEY) {
		s3_fail(l->r, S3ERR_KEY_TOO_LONG);
		return false;
	}
	common = v2 ? common : common_of(l, from);
	*is_prefix = common.n > 0 && !hidden(l, from);
	put_slice(after, *is_prefix ? common : from);
	return true;
}

static void
write_head(const struct list *l, bool v2)
{
	struct uri *uri = &l->r->uri;

	xml_head(l->out);
	xml_open_ns(l->out, "ListBucketResult");
	xml_str(l->out, "Name", l->r->bucket->name);
	text(l, "Prefix", l->prefix);
	if (!v2)
		text(l, "Marker", uri_value(uri, "marker"));
	if (v2 && uri_find(uri, "start-after"))
		text(l, "StartAfter", uri_value(uri, "start-after"));
	if (v2 && uri_find(uri, "continuation-token"))
		xml_text(l->out, "ContinuationToken",
		    uri_value(uri, "continuation-token"));
	if (l->delimiter.n > 0)
		text(l, "Delimiter", l->delimiter);
	xml_uint(l->out, "MaxKeys", l->most);
	if (l->url)
		xml_str(l->out, "EncodingType", "url");
}

/* The looks were spent: the next page goes on behind the last key that was
 * looked at, unless that is in the prefix that was answered last. */
static void
go_on_after(struct list *l)
{
	struct slice stopped = buf_slice(&l->stopped);

	if (stopped.n == 0 ||
	    (l->last_is_prefix && text_begins(stopped, buf_slice(&l->last))))
		return;
	buf_cut(&l->last, 0);
	put_slice(&l->last, stopped);
	l->last_is_prefix = false;
}

void
s3_list_objects(struct s3_req *r)
{
	bool v2 = r->op.kind == S3OP_LIST_OBJECTS_V2;
	struct buf after = { .max = S3_KEY };
	struct nodedb_list q = { .bucket = r->bucket };
	enum nodedb_said said = NODEDB_OK;
	struct list l;
	bool more = false;

	if (!list_begin(&l, r, "max-keys") ||
	    !beginning(&l, v2, &after, &q.after_prefix)) {
		buf_free(&after);
		return;
	}
	l.owner = !v2 || slice_is(uri_value(&r->uri, "fetch-owner"), "true");
	q.prefix = l.prefix;
	q.delimiter = l.delimiter;
	q.after = buf_slice(&after);
	q.most = l.most;
	q.looks = LOOKS;
	q.stopped = &l.stopped;
	write_head(&l, v2);
	if (l.most > 0)
		said = nodedb_list(r->s3->db, &q, on_object, &l, &more);
	l.more |= more;
	go_on_after(&l);
	if (v2)
		xml_uint(l.out, "KeyCount", l.n);
	xml_bool(l.out, "IsTruncated", l.more);
	if (l.more && v2)
		write_token(&l, "NextContinuationToken");
	else if (l.more)
		text(&l, "NextMarker", buf_slice(&l.last));
	xml_close(l.out, "ListBucketResult");
	buf_free(&after);
	list_free(&l);
	if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_INTERNAL);
	else
		s3_answer_xml(r, 200);
}

static int
on_version(void *arg, const struct object *o, struct slice common)
{
	struct list *l = arg;
	char version[24], when[WHEN_TEXT];

	if (full(l)) {
		l->more = true;
		return 1;
	}
	if (o == NULL) {
		write_prefix(l, common);
		remember(l, o, common);
		return 0;
	}
	s3_version_text(o, version);
	xml_open(l->out, o->marker ? "DeleteMarker" : "Version");
	text(l, "Key", o->key);
	xml_str(l->out, "VersionId", version);
	xml_bool(l->out, "IsLatest", o->latest);
	if (o->marker) {
		when_iso(o->at, when);
		xml_str(l->out, "LastModified", when);
	} else {
		write_entity(l, o);
	}
	s3_xml_owner(l->out, "Owner", l->r->bucket->tenant->name);
	xml_close(l->out, o->marker ? "DeleteMarker" : "Version");
	remember(l, o, common);
	return 0;
}

/* The version that a marker names, as the index orders rows: of "null" the
 * number must be looked up.  When there is none, all of the key is listed:
 * better twice than not at all. */
static bool
version_marker(struct list *l, struct nodedb_list *q)
{
	struct slice marker = uri_value(&l->r->uri, "version-id-marker");
	struct object o;

	if (marker.n == 0)
		return true;
	if (q->after.n == 0 || s3_version_parse(marker, &q->after_version)) {
		s3_fail_why(l->r, S3ERR_INVALID_ARGUMENT,
		    "The version-id-marker is no version of a key-marker.");
		return false;
	}
	if (q->after_version == 0)
		q->after_version =
		    nodedb_get_version(l->r->s3->db, l->r->bucket, q->after, 0,
			&o) == NODEDB_OK
			? o.version
			: INT64_MAX - 1;
	return true;
}

/* Always the number, also of the null version: that may be gone, and with it
 * its place, when the next page is asked for. */
static void
write_next_version(struct list *l)
{
	const struct object o = { .version = l->last_version };
	char version[24];

	text(l, "NextKeyMarker", buf_slice(&l->last));
	if (l->last_is_prefix)
		return;
	s3_version_text(&o, version);
	xml_str(l->out, "NextVersionIdMarker", version);
}

void
s3_list_versions(struct s3_req *r)
{
	struct nodedb_list q = { .bucket = r->bucket, .versions = true };
	enum nodedb_said said = NODEDB_OK;
	struct slice common;
	struct list l;
	bool more = false;

	if (!list_begin(&l, r, "max-keys"))
		return;
	q.after = uri_value(&r->uri, "key-marker");
	if (q.after.n > S3_KEY) {
		s3_fail(r, S3ERR_KEY_TOO_LONG);
		return;
	}
	if (!version_marker(&l, &q))
		return;
	q.prefix = l.prefix;
	q.delimiter = l.delimiter;
	common = common_of(&l, q.after);
	q.after_prefix = common.n > 0;
	q.after = common.n > 0 ? common : q.after;
	q.most = l.most;
	xml_head(l.out);
	xml_open_ns(l.out, "ListVersionsResult");
	xml_str(l.out, "Name", r->bucket->name);
	text(&l, "Prefix", l.prefix);
	text(&l, "KeyMarker", uri_value(&r->uri, "key-marker"));
	xml_text(
	    l.out, "VersionIdMarker", uri_value(&r->uri, "version-id-marker"));
	if (l.delimiter.n > 0)
		text(&l, "Delimiter", l.delimiter);
	xml_uint(l.out, "MaxKeys", l.most);
	if (l.url)
		xml_str(l.out, "EncodingType", "url");
	if (l.most > 0)
		said = nodedb_list(r->s3->db, &q, on_version, &l, &more);
	l.more |= more;
	xml_bool(l.out, "IsTruncated", l.more);
	if (l.more)
		write_next_version(&l);
	xml_close(l.out, "ListVersionsResult");
	list_free(&l);
	if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_INTERNAL);
	else
		s3_answer_xml(r, 200);
}
