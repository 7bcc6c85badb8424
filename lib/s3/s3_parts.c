/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "web/text.h"

struct parts {
	struct buf xml;
	unsigned last;
};

static int
each_part(void *arg, const struct part *part)
{
	struct parts *p = arg;
	struct object o = { 0 };
	char text[WHEN_TEXT], etag[S3_ETAG];

	for (size_t i = 0; i < sizeof o.etag; i++)
		o.etag[i] = part->etag[i];
	s3_etag(&o, etag);
	when_iso(part->at, text);
	xml_open(&p->xml, "Part");
	xml_uint(&p->xml, "PartNumber", part->number);
	xml_str(&p->xml, "LastModified", text);
	s3_xml_etag(&p->xml, etag);
	xml_uint(&p->xml, "Size", part->size);
	s3_part_sum_xml(part->sum, &p->xml);
	xml_close(&p->xml, "Part");
	p->last = part->number;
	return 0;
}

/* A number of the query; absent: the default.  false: it is none. */
static bool
query_uint(const struct s3_req *r, const char *name, uint64_t *v)
{
	const struct uri_pair *pair = uri_find(&r->uri, name);

	return pair == NULL || text_uint(pair->value, UINT32_MAX, v) == 0;
}

static void
put_list(struct s3_req *r, struct parts *p, const struct s3_meta *m,
    unsigned after, size_t most, bool more)
{
	struct buf *out = &r->reply.body;

	xml_head(out);
	xml_open_ns(out, "ListPartsResult");
	xml_text(out, "Bucket", r->op.bucket);
	xml_text(out, "Key", r->op.key);
	xml_text(out, "UploadId", uri_value(&r->uri, "uploadId"));
	s3_xml_owner(out, "Initiator", r->bucket->tenant->name);
	s3_xml_owner(out, "Owner", r->bucket->tenant->name);
	xml_str(out, "StorageClass", "STANDARD");
	if (m->sum_kind > 0) {
		xml_str(out, "ChecksumAlgorithm",
		    sum_word((enum sum_kind)(m->sum_kind - 1)));
		xml_str(out, "ChecksumType",
		    m->composite ? "COMPOSITE" : "FULL_OBJECT");
	}
	xml_uint(out, "PartNumberMarker", after);
	xml_uint(out, "NextPartNumberMarker", p->last);
	xml_uint(out, "MaxParts", most);
	xml_bool(out, "IsTruncated", more);
	put_slice(out, buf_slice(&p->xml));
	xml_close(out, "ListPartsResult");
	s3_answer_xml(r, 200);
}

void
s3_list_parts(struct s3_req *r)
{
	struct parts p = { .xml = {
			       .max = 1 << 20, .budget = r->s3->conf.budget } };
	uint64_t after = 0, most = S3_LIST_MOST;
	struct upload upload;
	struct s3_meta m;
	enum nodedb_said said;
	bool more = false;

	if (!query_uint(r, "part-number-marker", &after) ||
	    !query_uint(r, "max-parts", &most)) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "max-parts or part-number-marker is no number.");
		return;
	}
	if (most > S3_LIST_MOST)
		most = S3_LIST_MOST;
	if (!s3_upload_find(r, &upload))
		return;
	if (s3_meta_unpack(upload.meta, &m) < 0)
		m.sum_kind = 0;
	said = nodedb_parts(
	    r->s3->db, &upload, (unsigned)after, most, each_part, &p, &more);
	if ((said != NODEDB_OK && said != NODEDB_NONE) || p.xml.bad)
		s3_fail_db(r, said, S3ERR_NO_SUCH_UPLOAD);
	else
		put_list(r, &p, &m, (unsigned)after, most, more);
	buf_free(&p.xml);
}
