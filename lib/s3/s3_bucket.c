/* SPDX-License-Identifier: ISC
 *
 * Buckets: list, make, remove, and what clients ask about one.  (AWS S3 API:
 * ListBuckets, CreateBucket, DeleteBucket, HeadBucket, GetBucketLocation.) */
#include "s3/s3_own.h"
#include "web/text.h"
#include "web/xml.h"

#include <stdio.h>
#include <string.h>

enum { BUCKETS_MOST = 10000 };

/* May it be told that this bucket is there?  Whoever may do anything in it. */
static bool
sees(const struct s3_req *r, const struct bucket *b)
{
	if (r->who == S3_WHO_LOCAL)
		return (r->local & S3_LOCAL_READ) != 0;
	if (b->tenant != r->tenant)
		return false;
	for (unsigned verb = S3_READ; verb < S3_ALL; verb <<= 1)
		if (s3_allowed_some(r, b, verb))
			return true;
	return false;
}

/* The next that is to be told, after this name. */
static const struct bucket *
next_seen(const struct s3_req *r, struct slice after, struct slice prefix)
{
	const struct bucket *b = nodedb_bucket_after(r->s3->db, after);

	while (b && (!text_begins(slice_text(b->name), prefix) || !sees(r, b)))
		b = nodedb_bucket_after(r->s3->db, slice_text(b->name));
	return b;
}

static void
write_bucket(struct buf *out, const struct bucket *b)
{
	char when[WHEN_TEXT];

	when_iso(b->created, when);
	xml_open(out, "Bucket");
	xml_str(out, "Name", b->name);
	xml_str(out, "CreationDate", when);
	xml_close(out, "Bucket");
}

void
s3_list_buckets(struct s3_req *r)
{
	struct buf *out = &r->reply.body;
	struct slice prefix = uri_value(&r->uri, "prefix");
	struct slice after = uri_value(&r->uri, "continuation-token");
	struct slice count = uri_value(&r->uri, "max-buckets");
	const char *owner = r->tenant ? r->tenant->name : "local";
	const struct bucket *b, *last = NULL;
	uint64_t most = BUCKETS_MOST, n = 0;

	if (count.n > 0 &&
	    (text_uint(count, BUCKETS_MOST, &most) < 0 || most == 0)) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "max-buckets is a number from 1 to 10000.");
		return;
	}
	xml_head(out);
	xml_open_ns(out, "ListAllMyBucketsResult");
	s3_xml_owner(out, "Owner", owner);
	xml_open(out, "Buckets");
	for (b = next_seen(r, after, prefix); b && n < most;
	     b = next_seen(r, slice_text(b->name), prefix)) {
		write_bucket(out, b);
		last = b;
		n++;
	}
	xml_close(out, "Buckets");
	if (prefix.n > 0)
		xml_text(out, "Prefix", prefix);
	if (b && last)
		xml_str(out, "ContinuationToken", last->name);
	xml_close(out, "ListAllMyBucketsResult");
	s3_answer_xml(r, 200);
}

bool
s3_buckets_full(const struct s3 *s3, const struct tenant *t)
{
	struct nodedb *db = s3->db;
	uint64_t n = 0;

	for (struct bucket *b = nodedb_bucket_after(db, slice_of("", 0)); b;
	     b = nodedb_bucket_after(db, slice_text(b->name)))
		n += b->tenant == t;
	return n >= s3->conf.buckets_per_tenant;
}

/* What x-amz-acl says about everybody: -1 when we do not have it. */
static int
canned(struct slice acl, unsigned *anonymous)
{
	*anonymous = 0;
	if (acl.n == 0 || slice_is(acl, "private"))
		return 0;
	if (!slice_is(acl, "public-read"))
		return -1;
	*anonymous = S3_READ | S3_LIST;
	return 0;
}

static bool
creation_refused(struct s3_req *r, struct tenant *t, unsigned *anonymous)
{
	struct slice lock =
	    http_value(r->head, "x-amz-bucket-object-lock-enabled");
	struct slice name = r->op.bucket;
	struct buf location = { .max = 256 };
	const char *why = "";
	enum s3err err;

	err = s3_create_parse(buf_slice(&r->body), &location, &why);
	buf_free(&location);
	if (err != S3ERR_OK)
		s3_fail_why(r, err, why);
	else if (!s3_bucket_name_ok(name))
		s3_fail(r, S3ERR_INVALID_BUCKET_NAME);
	else if (lock.n > 0 && !http_name_is(lock, "false"))
		s3_fail_why(r, S3ERR_NOT_IMPLEMENTED,
		    "This server has no object lock.");
	else if (canned(http_value(r->head, "x-amz-acl"), anonymous) < 0)
		s3_fail_why(r, S3ERR_NOT_IMPLEMENTED,
		    "Of the canned ACLs a bucket can have private and "
		    "public-read.");
	else if (t == NULL)
		s3_fail_why(r, S3ERR_ACCESS_DENIED,
		    "There is no tenant who would own the bucket.");
	else if (r->bucket)
		s3_fail(r, r->bucket->tenant == t ? S3ERR_BUCKET_OWNED
						  : S3ERR_BUCKET_EXISTS);
	else if (s3_buckets_full(r->s3, t))
		s3_fail(r, S3ERR_TOO_MANY_BUCKETS);
	else
		return false;
	return true;
}

void
s3_bucket_create(struct s3_req *r)
{
	struct nodedb *db = r->s3->db;
	struct tenant *t = r->tenant;
	char location[NODEDB_NAME + 2];
	enum nodedb_said said;
	unsigned anonymous;
	struct bucket *b;

	if (r->who == S3_WHO_LOCAL)
		t = nodedb_tenant(db, slice_text(S3_OWN_TENANT));
	if (creation_refused(r, t, &anonymous))
		return;
	said = nodedb_bucket_new(db, r->op.bucket, t, r->now, &b);
	if (said == NODEDB_OK && anonymous)
		said = nodedb_bucket_set(db, b, b->versioning, anonymous);
	if (said == NODEDB_FULL) {
		s3_fail(r, S3ERR_TOO_MANY_BUCKETS);
		return;
	}
	if (said != NODEDB_OK) {
		s3_fail_db(r, said, S3ERR_INTERNAL);
		return;
	}
	snprintf(location, sizeof location, "/%s", b->name);
	http_put_text(&r->reply, "Location", location);
	s3_answer(r, 200);
}

void
s3_bucket_delete(struct s3_req *r)
{
	enum nodedb_said said = nodedb_bucket_cut(r->s3->db, r->bucket);

	r->bucket = said == NODEDB_OK ? NULL : r->bucket;
	if (said == NODEDB_BUSY)
		s3_fail(r, S3ERR_BUCKET_NOT_EMPTY);
	else if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_NO_SUCH_BUCKET);
	else
		s3_answer(r, 204);
}

void
s3_bucket_head(struct s3_req *r)
{
	http_put_text(&r->reply, "x-amz-bucket-region", r->s3->conf.region);
	s3_answer(r, 200);
}

void
s3_bucket_location(struct s3_req *r)
{
	struct buf *out = &r->reply.body;
	const char *region = r->s3->conf.region;

	xml_head(out);
	xml_open_ns(out, "LocationConstraint");
	/* the first region has no name here, and clients know that */
	if (strcmp(region, "us-east-1") != 0)
		put_text(out, region);
	xml_close(out, "LocationConstraint");
	s3_answer_xml(r, 200);
}
