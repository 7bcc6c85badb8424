/* SPDX-License-Identifier: ISC
 *
 * /-/ls, /-/stat and /-/du: what is stored, for the command line. */
#include "s3/s3_admin.h"
#include "base/json.h"
#include "web/text.h"
#include "wire/cid.h"
#include "wire/mbase.h"

#include <string.h>

enum {
	PAGE = 1000,
	PAGE_BYTES = 1 << 20,
	SUMMED = 50000, /* rows added up in one answer */
	LOOKS = 50000,  /* keys looked at for one, delete markers too */
	HEX = 2 * S3_KEY + 64,
};

struct walk {
	struct s3_req *r;
	struct json j;
	size_t n;
	struct buf last;
	uint64_t version;
	bool is_prefix, more;
	uint64_t objects, bytes;
};

static void
write_hex(struct json *j, const char *name, struct slice bytes)
{
	struct buf hex = { .max = HEX };

	mbase_encode(MBASE_16, bytes, &hex);
	json_str(j, name, buf_slice(&hex));
	buf_free(&hex);
}

static void
write_row(struct json *j, const struct object *o, bool versions)
{
	char text[WHEN_TEXT];

	json_str(j, "key", o->key);
	if (!o->marker)
		json_uint(j, "size", o->size);
	when_iso(o->at, text);
	json_text(j, "modified", text);
	if (!o->marker) {
		char etag[S3_ETAG];

		s3_etag(o, etag);
		json_text(j, "etag", etag);
	}
	if (versions) {
		s3_version_text(o, text);
		json_text(j, "version", text);
		json_bool(j, "latest", o->latest);
	}
	if (o->marker)
		json_bool(j, "marker", true);
}

static void
remember(struct walk *w, const struct object *o, struct slice common)
{
	buf_cut(&w->last, 0);
	put_slice(&w->last, o ? o->key : common);
	w->is_prefix = o == NULL;
	w->version = o ? o->version : 0;
	w->n++;
}

static int
on_row(void *arg, const struct object *o, struct slice common)
{
	struct walk *w = arg;
	struct buf *out = &w->r->reply.body;

	if (out->n > PAGE_BYTES) {
		w->more = true;
		return 1;
	}
	json_begin(&w->j, out);
	if (o)
		write_row(&w->j, o, uri_find(&w->r->uri, "versions") != NULL);
	else
		json_str(&w->j, "prefix", common);
	json_end(&w->j);
	remember(w, o, common);
	return 0;
}

/* As in lists of S3 (s3_list.c). */
static void
go_on_after(struct walk *w, struct slice stopped)
{
	if (stopped.n == 0 ||
	    (w->is_prefix && text_begins(stopped, buf_slice(&w->last))))
		return;
	buf_cut(&w->last, 0);
	put_slice(&w->last, stopped);
	w->is_prefix = false;
	w->version = 0;
}

/* "k" or "p", the version's 16 digits, the key in hex. */
static void
write_next(struct walk *w)
{
	struct buf raw = { .max = S3_KEY + 16 }, next = { .max = HEX };

	put_u64(&raw, w->version);
	put_slice(&raw, buf_slice(&w->last));
	put_u8(&next, w->is_prefix ? 'p' : 'k');
	mbase_encode(MBASE_16, buf_slice(&raw), &next);
	json_begin(&w->j, &w->r->reply.body);
	json_str(&w->j, "next", buf_slice(&next));
	json_end(&w->j);
	buf_free(&raw);
	buf_free(&next);
}

static bool
read_next(struct s3_req *r, struct nodedb_list *q, struct buf *raw)
{
	struct slice text = uri_value(&r->uri, "after");
	uint8_t kind;

	if (text.n == 0)
		return true;
	kind = get_u8(&text);
	if ((kind == 'p' || kind == 'k') &&
	    mbase_decode(MBASE_16, text, raw) == 0) {
		struct slice bytes = buf_slice(raw);

		q->after_version = get_u64(&bytes);
		q->after = bytes;
		q->after_prefix = kind == 'p';
		if (!bytes.bad)
			return true;
	}
	s3_fail_why(
	    r, S3ERR_INVALID_ARGUMENT, "after is not what an answer said.");
	return false;
}

/* The bucket that the query names; answers and NULL when there is none. */
static struct bucket *
bucket_of(struct s3_req *r)
{
	struct bucket *b =
	    nodedb_bucket(r->s3->db, uri_value(&r->uri, "bucket"));

	if (b == NULL)
		s3_fail(r, S3ERR_NO_SUCH_BUCKET);
	return b;
}

static void
list_buckets(struct s3_req *r)
{
	struct nodedb *db = r->s3->db;
	struct json j;
	char when[WHEN_TEXT];

	for (struct bucket *b = nodedb_bucket_after(db, slice_of("", 0)); b;
	     b = nodedb_bucket_after(db, slice_text(b->name))) {
		when_iso(b->created, when);
		json_begin(&j, &r->reply.body);
		json_text(&j, "bucket", b->name);
		json_text(&j, "tenant", b->tenant->name);
		json_text(&j, "created", when);
		s3_admin_rights(&j, b);
		json_end(&j);
	}
	s3_admin_answer(r);
}

void
s3_admin_ls(struct s3_req *r)
{
	struct nodedb_list q = { .most = PAGE };
	struct buf raw = { .max = S3_KEY + 16 }, stopped = { .max = S3_KEY };
	struct walk w = { .r = r, .last = { .max = S3_KEY } };
	enum nodedb_said said;
	bool more = false;

	if (uri_value(&r->uri, "bucket").n == 0) {
		list_buckets(r);
		return;
	}
	q.bucket = bucket_of(r);
	q.prefix = uri_value(&r->uri, "prefix");
	q.delimiter = uri_value(&r->uri, "delimiter");
	q.versions = uri_find(&r->uri, "versions") != NULL;
	if (q.bucket && read_next(r, &q, &raw)) {
		if (!q.versions) {
			q.after_version = 0;
			q.looks = LOOKS;
			q.stopped = &stopped;
		}
		said = nodedb_list(r->s3->db, &q, on_row, &w, &more);
		go_on_after(&w, buf_slice(&stopped));
		if (w.more || more)
			write_next(&w);
		s3_admin_done(r, said, "");
	}
	buf_free(&stopped);
	buf_free(&raw);
	buf_free(&w.last);
}

static int
add_up(void *arg, const struct object *o, struct slice common)
{
	struct walk *w = arg;

	remember(w, o, common);
	w->objects += !o->marker;
	w->bytes += o->size;
	return 0;
}

void
s3_admin_du(struct s3_req *r)
{
	struct nodedb_list q = { .most = SUMMED, .versions = true };
	struct buf raw = { .max = S3_KEY + 16 };
	struct walk w = { .r = r, .last = { .max = S3_KEY } };
	enum nodedb_said said;
	bool more = false;

	q.bucket = bucket_of(r);
	q.prefix = uri_value(&r->uri, "prefix");
	if (q.bucket && read_next(r, &q, &raw)) {
		said = nodedb_list(r->s3->db, &q, add_up, &w, &more);
		json_begin(&w.j, &r->reply.body);
		json_uint(&w.j, "objects", w.objects);
		json_uint(&w.j, "bytes", w.bytes);
		json_end(&w.j);
		if (more)
			write_next(&w);
		s3_admin_done(r, said, "");
	}
	buf_free(&raw);
	buf_free(&w.last);
}

static void
write_meta(struct json *j, const struct object *o)
{
	struct s3_meta meta;

	if (s3_meta_unpack(o->meta, &meta) < 0)
		return;
	if (meta.has_type)
		json_str(j, "type", meta.type);
	if (meta.sum_kind > 0)
		json_text(j, "checksum",
		    sum_word((enum sum_kind)(meta.sum_kind - 1)));
}

void
s3_admin_stat(struct s3_req *r)
{
	static const char *const kinds[] = { "none", "inline", "blob",
		"parts" };
	struct bucket *b = bucket_of(r);
	struct slice key = uri_value(&r->uri, "key");
	struct slice version = uri_value(&r->uri, "version");
	uint8_t hash[2 + SHA256_BYTES] = { 0x12, SHA256_BYTES };
	char cid[CID_TEXT];
	enum nodedb_said said;
	uint64_t number = 0;
	struct object o;
	struct json j;

	if (b == NULL)
		return;
	if (version.n == 0) {
		said = nodedb_get(r->s3->db, b, key, &o);
	} else if (s3_version_parse(version, &number) < 0) {
		s3_fail(r, S3ERR_NO_SUCH_VERSION);
		return;
	} else {
		said = nodedb_get_version(r->s3->db, b, key, number, &o);
	}
	if (said != NODEDB_OK || (o.marker && version.n == 0)) {
		s3_fail_db(r, said == NODEDB_OK ? NODEDB_NONE : said,
		    S3ERR_NO_SUCH_KEY);
		return;
	}
	json_begin(&j, &r->reply.body);
	json_text(&j, "bucket", b->name);
	write_row(&j, &o, true);
	json_text(&j, "kind", kinds[o.content.kind]);
	if (o.parts)
		json_uint(&j, "parts", o.parts);
	if (o.has_sha) {
		memcpy(hash + 2, o.sha, SHA256_BYTES);
		write_hex(&j, "sha256", slice_of(o.sha, SHA256_BYTES));
		json_text(
		    &j, "cid", cid_hash_text(slice_of(hash, sizeof hash), cid));
	}
	write_meta(&j, &o);
	json_end(&j);
	s3_admin_answer(r);
}
