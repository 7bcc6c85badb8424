/* SPDX-License-Identifier: ISC
 *
 * Many keys at once.  (AWS S3 API: DeleteObjects.)  All are removed in one
 * batch; what is not allowed or cannot be is told for each. */
#include "s3/s3_own.h"
#include "web/xml.h"

#include <string.h>

static void
write_fault(struct buf *out, const struct s3_delete *d, enum s3err err)
{
	xml_open(out, "Error");
	xml_text(out, "Key", d->key);
	if (d->version.n > 0)
		xml_text(out, "VersionId", d->version);
	xml_str(out, "Code", s3err_code(err));
	xml_str(out, "Message", s3err_sentence(err));
	xml_close(out, "Error");
}

static void
write_done(struct buf *out, const struct s3_delete *d, bool marker,
    const char *version)
{
	xml_open(out, "Deleted");
	xml_text(out, "Key", d->key);
	if (d->version.n > 0)
		xml_text(out, "VersionId", d->version);
	if (marker) {
		xml_bool(out, "DeleteMarker", true);
		xml_str(out, "DeleteMarkerVersionId", version);
	}
	xml_close(out, "Deleted");
}

/* False: the disk failed, and with it what was removed before. */
static bool
delete_one(struct s3_req *r, const struct s3_delete *d, bool quiet)
{
	struct buf *out = &r->reply.body;
	struct object o = { .marker = true };
	enum nodedb_said said;
	uint64_t version = 0;
	bool marker = false;
	char text[24];

	if (d->key.n == 0 || d->key.n > S3_KEY) {
		write_fault(out, d, S3ERR_KEY_TOO_LONG);
		return true;
	}
	if (!s3_allowed(r, r->bucket, d->key, S3_DELETE)) {
		write_fault(out, d, S3ERR_ACCESS_DENIED);
		return true;
	}
	if (d->version.n == 0) {
		said = nodedb_delete(
		    r->s3->db, r->bucket, d->key, r->now, &marker, &o.version);
		o.null = marker && r->bucket->versioning != S3_VERSIONED;
	} else if (s3_version_parse(d->version, &version) < 0) {
		write_fault(out, d, S3ERR_NO_SUCH_VERSION);
		return true;
	} else {
		said = nodedb_delete_version(
		    r->s3->db, r->bucket, d->key, version, &marker);
		o.version = version;
		o.null = version == 0;
	}
	if (said != NODEDB_OK && said != NODEDB_NONE)
		return false;
	s3_version_text(&o, text);
	if (!quiet)
		write_done(out, d, marker, text);
	return true;
}

void
s3_deletes(struct s3_req *r)
{
	struct buf *out = &r->reply.body;
	struct s3_deletes list;
	const char *why = "";
	bool good = true;
	enum s3err err;

	memset(&list, 0, sizeof list);
	err = s3_deletes_parse(buf_slice(&r->body), &list, &why);
	if (err != S3ERR_OK) {
		s3_fail_why(r, err, why);
		s3_deletes_free(&list);
		return;
	}
	xml_head(out);
	xml_open_ns(out, "DeleteResult");
	for (size_t i = 0; good && i < list.n; i++)
		good = delete_one(r, &list.at[i], list.quiet);
	xml_close(out, "DeleteResult");
	s3_deletes_free(&list);
	if (good)
		s3_answer_xml(r, 200);
	else
		s3_fail_db(r, NODEDB_DISK, S3ERR_NO_SUCH_BUCKET);
}
