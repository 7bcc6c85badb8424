/* SPDX-License-Identifier: ISC
 *
 * What is kept beside a bucket: versioning, CORS, lifecycle, tags, and who may
 * read without a key.  (AWS S3 API: Get-, Put- and DeleteBucketVersioning,
 * -Cors, -Lifecycle, -Tagging, -Acl.)  Documents are checked when they come and
 * kept as they came. */
#include "s3/s3_own.h"
#include "web/text.h"
#include "web/xml.h"

#include <string.h>

/* What a document is called, by operation. */
struct doc {
	enum s3op_kind get, put, cut;
	enum bucket_doc doc;
	enum s3err none;
	enum s3err (*check)(struct slice xml, const char **why);
	size_t most; /* bytes: that of CORS is read for each answer */
};

enum { CORS_MOST = 64 << 10 };

static enum s3err
check_cors(struct slice xml, const char **why)
{
	struct s3_cors cors;
	enum s3err err;

	memset(&cors, 0, sizeof cors);
	err = s3_cors_parse(xml, &cors, why);
	s3_cors_free(&cors);
	return err;
}

static enum s3err
check_lifecycle(struct slice xml, const char **why)
{
	struct s3_lifecycle life;
	enum s3err err;

	memset(&life, 0, sizeof life);
	err = s3_lifecycle_parse(xml, &life, why);
	s3_lifecycle_free(&life);
	return err;
}

static enum s3err
check_tags(struct slice xml, const char **why)
{
	static struct s3_tags tags; /* big */
	enum s3err err;

	err = s3_tags_parse(xml, S3_BUCKET_TAGS, &tags, why);
	s3_tags_free(&tags);
	return err;
}

static const struct doc docs[] = {
	{ S3OP_GET_CORS, S3OP_PUT_CORS, S3OP_DELETE_CORS, DOC_CORS,
	    S3ERR_NO_SUCH_CORS, check_cors, CORS_MOST },
	{ S3OP_GET_LIFECYCLE, S3OP_PUT_LIFECYCLE, S3OP_DELETE_LIFECYCLE,
	    DOC_LIFECYCLE, S3ERR_NO_SUCH_LIFECYCLE, check_lifecycle,
	    NODEDB_DOC },
	{ S3OP_GET_BUCKET_TAGGING, S3OP_PUT_BUCKET_TAGGING,
	    S3OP_DELETE_BUCKET_TAGGING, DOC_TAGS, S3ERR_NO_SUCH_TAG_SET,
	    check_tags, NODEDB_DOC },
};

static const struct doc *
doc_of(enum s3op_kind kind)
{
	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++)
		if (kind == docs[i].get || kind == docs[i].put ||
		    kind == docs[i].cut)
			return &docs[i];
	return NULL;
}

static void
get_versioning(struct s3_req *r)
{
	struct buf *out = &r->reply.body;

	xml_head(out);
	xml_open_ns(out, "VersioningConfiguration");
	if (r->bucket->versioning != S3_UNVERSIONED)
		xml_str(out, "Status",
		    r->bucket->versioning == S3_VERSIONED ? "Enabled"
							  : "Suspended");
	xml_close(out, "VersioningConfiguration");
	s3_answer_xml(r, 200);
}

void
s3_config_get(struct s3_req *r)
{
	const struct doc *d = doc_of(r->op.kind);
	enum nodedb_said said;

	if (d == NULL) {
		get_versioning(r);
		return;
	}
	said = nodedb_doc_get(r->s3->db, r->bucket, d->doc, &r->reply.body);
	if (said != NODEDB_OK)
		s3_fail_db(r, said, d->none);
	else
		s3_answer_xml(r, 200);
}

static void
put_versioning(struct s3_req *r)
{
	enum s3_versioning v;
	const char *why = "";
	enum nodedb_said said;
	enum s3err err = s3_versioning_parse(buf_slice(&r->body), &v, &why);

	if (err != S3ERR_OK) {
		s3_fail_why(r, err, why);
		return;
	}
	said = nodedb_bucket_set(r->s3->db, r->bucket, v, r->bucket->anonymous);
	if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_NO_SUCH_BUCKET);
	else
		s3_answer(r, 200);
}

void
s3_config_put(struct s3_req *r)
{
	const struct doc *d = doc_of(r->op.kind);
	enum nodedb_said said;
	const char *why = "";
	enum s3err err;

	if (d == NULL) {
		put_versioning(r);
		return;
	}
	if (r->body.n > d->most) {
		s3_fail(r, S3ERR_MAX_MESSAGE);
		return;
	}
	err = d->check(buf_slice(&r->body), &why);
	if (err != S3ERR_OK) {
		s3_fail_why(r, err, why);
		return;
	}
	said =
	    nodedb_doc_put(r->s3->db, r->bucket, d->doc, buf_slice(&r->body));
	if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_NO_SUCH_BUCKET);
	else
		s3_answer(r, 200);
}

void
s3_config_delete(struct s3_req *r)
{
	const struct doc *d = doc_of(r->op.kind);
	enum nodedb_said said = NODEDB_OK;

	if (d)
		said = nodedb_doc_put(
		    r->s3->db, r->bucket, d->doc, slice_of("", 0));
	if (said != NODEDB_OK && said != NODEDB_NONE)
		s3_fail_db(r, said, S3ERR_NO_SUCH_BUCKET);
	else
		s3_answer(r, 204);
}

/* Access control lists: private, or readable by everybody. */

static void
write_grant(struct buf *out, const char *kind, const char *element,
    const char *who, const char *permission)
{
	xml_open(out, "Grant");
	put_text(out, "<Grantee "
		      "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
		      "xsi:type=\"");
	put_text(out, kind);
	put_text(out, "\">");
	xml_str(out, element, who);
	xml_close(out, "Grantee");
	xml_str(out, "Permission", permission);
	xml_close(out, "Grant");
}

static void
write_acl(struct s3_req *r)
{
	struct buf *out = &r->reply.body;
	const char *owner = r->bucket->tenant->name;

	xml_head(out);
	xml_open_ns(out, "AccessControlPolicy");
	s3_xml_owner(out, "Owner", owner);
	xml_open(out, "AccessControlList");
	write_grant(out, "CanonicalUser", "ID", owner, "FULL_CONTROL");
	if (r->bucket->anonymous)
		write_grant(out, "Group", "URI",
		    "http://acs.amazonaws.com/groups/global/AllUsers", "READ");
	xml_close(out, "AccessControlList");
	xml_close(out, "AccessControlPolicy");
	s3_answer_xml(r, 200);
}

void
s3_acl_get(struct s3_req *r)
{
	struct object o;

	if (r->op.kind == S3OP_GET_OBJECT_ACL &&
	    !s3_find(r, r->bucket, r->op.key, &o))
		return;
	write_acl(r);
}

void
s3_acl_put(struct s3_req *r)
{
	struct slice acl = http_value(r->head, "x-amz-acl");
	bool public = slice_is(acl, "public-read");
	bool private = slice_is(acl, "private") ||
		       slice_is(acl, "bucket-owner-full-control");
	enum nodedb_said said;
	struct object o;

	if (!public && !private) {
		s3_fail_why(r, S3ERR_NOT_IMPLEMENTED,
		    "Of ACLs there are the canned private and, for buckets, "
		    "public-read, in x-amz-acl.");
		return;
	}
	if (r->op.kind == S3OP_PUT_OBJECT_ACL) {
		if (public)
			s3_fail_why(r, S3ERR_NOT_IMPLEMENTED,
			    "What everybody may read is said of a bucket, "
			    "not of one object.");
		else if (s3_find(r, r->bucket, r->op.key, &o))
			s3_answer(r, 200);
		return;
	}
	said = nodedb_bucket_set(r->s3->db, r->bucket, r->bucket->versioning,
	    public ? S3_READ | S3_LIST : 0);
	if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_NO_SUCH_BUCKET);
	else
		s3_answer(r, 200);
}

void
s3_policy_status(struct s3_req *r)
{
	struct buf *out = &r->reply.body;

	xml_head(out);
	xml_open_ns(out, "PolicyStatus");
	/* clients read nothing but true and false, whatever AWS documents */
	xml_bool(out, "IsPublic", r->bucket->anonymous != 0);
	xml_close(out, "PolicyStatus");
	s3_answer_xml(r, 200);
}

/* Tags of objects. */

void
s3_tagging_get(struct s3_req *r)
{
	static struct s3_tags tags; /* big */
	struct object o;

	if (!s3_find(r, r->bucket, r->op.key, &o))
		return;
	if (s3_tags_unpack(o.tags, &tags) < 0)
		tags.n = 0;
	s3_put_version(r, r->bucket, &o);
	s3_tags_xml(&tags, &r->reply.body);
	s3_tags_free(&tags);
	s3_answer_xml(r, 200);
}

static void
retag(struct s3_req *r, struct slice packed, unsigned status)
{
	enum nodedb_said said;
	struct object o;

	if (!s3_find(r, r->bucket, r->op.key, &o))
		return;
	s3_put_version(r, r->bucket, &o);
	said = nodedb_tag(r->s3->db, r->bucket, &o, packed);
	if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_NO_SUCH_KEY);
	else
		s3_answer(r, status);
}

void
s3_tagging_put(struct s3_req *r)
{
	static struct s3_tags tags; /* big */
	struct buf packed = { .max = NODEDB_META };
	const char *why = "";
	enum s3err err =
	    s3_tags_parse(buf_slice(&r->body), S3_TAGS, &tags, &why);

	if (err != S3ERR_OK) {
		s3_fail_why(r, err, why);
	} else {
		s3_tags_pack(&tags, &packed);
		retag(r, buf_slice(&packed), 200);
	}
	s3_tags_free(&tags);
	buf_free(&packed);
}

void
s3_tagging_delete(struct s3_req *r)
{
	retag(r, slice_of("", 0), 204);
}

/* CORS: may a page from there do this?  (Fetch standard, "CORS-preflight
 * fetch".) */

static void
answer_preflight(
    struct s3_req *r, const struct s3_cors_rule *rule, struct slice origin)
{
	struct slice headers =
	    http_value(r->head, "Access-Control-Request-Headers");
	struct buf methods = { .max = 64 };

	s3_put_cors_rule(r, rule, origin);
	s3_cors_methods(rule, &methods);
	http_put(
	    &r->reply, "Access-Control-Allow-Methods", buf_slice(&methods));
	buf_free(&methods);
	if (headers.n > 0)
		http_put(&r->reply, "Access-Control-Allow-Headers", headers);
	if (rule->has_age)
		http_put_uint(&r->reply, "Access-Control-Max-Age", rule->age);
	s3_answer(r, 200);
}

void
s3_preflight(struct s3_req *r)
{
	struct slice origin = http_value(r->head, "Origin");
	struct slice method =
	    http_value(r->head, "Access-Control-Request-Method");
	struct slice headers =
	    http_value(r->head, "Access-Control-Request-Headers");
	struct buf doc = { .max = NODEDB_DOC };
	const struct s3_cors_rule *rule = NULL;
	struct s3_cors cors;
	const char *why;

	memset(&cors, 0, sizeof cors);
	if (origin.n == 0 || method.n == 0) {
		s3_fail_why(r, S3ERR_INVALID_REQUEST,
		    "A preflight has Origin and "
		    "Access-Control-Request-Method.");
		return;
	}
	if (r->bucket &&
	    nodedb_doc_get(r->s3->db, r->bucket, DOC_CORS, &doc) == NODEDB_OK &&
	    s3_cors_parse(buf_slice(&doc), &cors, &why) == S3ERR_OK)
		rule = s3_cors_match(&cors, origin, method, headers);
	if (rule)
		answer_preflight(r, rule, origin);
	else
		s3_fail(r, S3ERR_CORS_FORBIDDEN);
	s3_cors_free(&cors);
	buf_free(&doc);
}
