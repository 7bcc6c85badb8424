/* SPDX-License-Identifier: ISC
 *
 * The list of multipart uploads that are under way.  (AWS S3 API:
 * ListMultipartUploads.) */
#include "s3/s3_own.h"
#include "web/text.h"
#include "web/xml.h"
#include "wire/mbase.h"

#include <string.h>

enum { TOKEN = 16, LOOKED = NODEDB_UPLOADS, PAGE_BYTES = 2 << 20 };

struct uploads {
	struct s3_req *r;
	struct buf *out;
	struct slice prefix, delimiter;
	bool url, more;
	uint64_t most, n;
	struct buf last, common; /* key of the last answer; the last prefix */
	uint8_t token[TOKEN];
};

static void
text(const struct uploads *u, const char *name, struct slice s)
{
	struct buf escaped = { .max = 3 * HTTP_TARGET };

	if (u->url)
		uri_escape(&escaped, s, true);
	xml_text(u->out, name, u->url ? buf_slice(&escaped) : s);
	buf_free(&escaped);
}

static void
id(const struct uploads *u, const char *name, const uint8_t token[TOKEN])
{
	struct buf hex = { .max = 2 * TOKEN };

	mbase_encode(MBASE_16, slice_of(token, TOKEN), &hex);
	xml_text(u->out, name, buf_slice(&hex));
	buf_free(&hex);
}

/* The prefix that this key has in common with others, or an empty slice. */
static struct slice
common_of(const struct uploads *u, struct slice key)
{
	const uint8_t *from = key.p + u->prefix.n, *at;

	if (u->delimiter.n == 0 || key.n <= u->prefix.n ||
	    !text_begins(key, u->prefix))
		return slice_of(NULL, 0);
	at = memmem(from, key.n - u->prefix.n, u->delimiter.p, u->delimiter.n);
	if (at == NULL)
		return slice_of(NULL, 0);
	return slice_of(key.p, (size_t)(at - key.p) + u->delimiter.n);
}

static void
write_upload(struct uploads *u, const struct upload *up)
{
	const char *owner = u->r->bucket->tenant->name;
	char when[WHEN_TEXT];

	when_iso(up->created, when);
	xml_open(u->out, "Upload");
	text(u, "Key", up->key);
	id(u, "UploadId", up->token);
	s3_xml_owner(u->out, "Initiator", owner);
	s3_xml_owner(u->out, "Owner", owner);
	xml_str(u->out, "StorageClass", "STANDARD");
	xml_str(u->out, "Initiated", when);
	xml_close(u->out, "Upload");
}

static int
on_upload(void *arg, const struct upload *up)
{
	struct uploads *u = arg;
	struct slice common = common_of(u, up->key);
	bool seen = common.n > 0 && slice_eq(common, buf_slice(&u->common));

	if (!seen && (u->n >= u->most || u->out->n > PAGE_BYTES)) {
		u->more = true;
		return 1;
	}
	if (common.n == 0) {
		write_upload(u, up);
		u->n++;
	} else if (!seen) {
		buf_cut(&u->common, 0);
		put_slice(&u->common, common);
		u->n++;
	}
	buf_cut(&u->last, 0);
	put_slice(&u->last, up->key);
	memcpy(u->token, up->token, TOKEN);
	if (common.n > 0 && !seen) {
		xml_open(u->out, "CommonPrefixes");
		text(u, "Prefix", common);
		xml_close(u->out, "CommonPrefixes");
	}
	return 0;
}

static bool
begin(struct uploads *u, struct s3_req *r, struct buf *marker)
{
	struct slice most = uri_value(&r->uri, "max-uploads");
	struct slice token = uri_value(&r->uri, "upload-id-marker");
	struct slice encoding = uri_value(&r->uri, "encoding-type");

	memset(u, 0, sizeof *u);
	u->r = r;
	u->out = &r->reply.body;
	u->prefix = uri_value(&r->uri, "prefix");
	u->delimiter = uri_value(&r->uri, "delimiter");
	u->url = slice_is(encoding, "url");
	u->most = S3_LIST_MOST;
	u->last.max = u->common.max = S3_KEY;
	if (most.n > 0 && text_uint(most, UINT32_MAX, &u->most) < 0) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "The number of answers that is asked for is none.");
		return false;
	}
	if (u->most > S3_LIST_MOST)
		u->most = S3_LIST_MOST;
	if (encoding.n > 0 && !u->url) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "encoding-type can only be url.");
		return false;
	}
	if (token.n > 0 &&
	    (mbase_decode(MBASE_16, token, marker) < 0 || marker->n != TOKEN)) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "The upload-id-marker is none of ours.");
		return false;
	}
	return true;
}

static void
write_head(struct uploads *u)
{
	struct uri *uri = &u->r->uri;

	xml_head(u->out);
	xml_open_ns(u->out, "ListMultipartUploadsResult");
	xml_str(u->out, "Bucket", u->r->bucket->name);
	text(u, "KeyMarker", uri_value(uri, "key-marker"));
	xml_text(u->out, "UploadIdMarker", uri_value(uri, "upload-id-marker"));
	text(u, "Prefix", u->prefix);
	if (u->delimiter.n > 0)
		text(u, "Delimiter", u->delimiter);
	xml_uint(u->out, "MaxUploads", u->most);
	if (u->url)
		xml_str(u->out, "EncodingType", "url");
}

void
s3_list_uploads(struct s3_req *r)
{
	struct buf marker = { .max = TOKEN };
	enum nodedb_said said = NODEDB_OK;
	struct uploads u;
	bool more = false;

	if (!begin(&u, r, &marker)) {
		buf_free(&marker);
		return;
	}
	write_head(&u);
	/* the prefix that the marker is in was answered before */
	put_slice(&u.common, common_of(&u, uri_value(&r->uri, "key-marker")));
	if (u.most > 0)
		said = nodedb_uploads(r->s3->db, r->bucket, u.prefix,
		    uri_value(&r->uri, "key-marker"),
		    marker.n ? marker.p : NULL, LOOKED, on_upload, &u, &more);
	u.more |= more;
	xml_bool(u.out, "IsTruncated", u.more);
	if (u.more) {
		text(&u, "NextKeyMarker", buf_slice(&u.last));
		id(&u, "NextUploadIdMarker", u.token);
	}
	xml_close(u.out, "ListMultipartUploadsResult");
	buf_free(&marker);
	buf_free(&u.last);
	buf_free(&u.common);
	if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_INTERNAL);
	else
		s3_answer_xml(r, 200);
}
