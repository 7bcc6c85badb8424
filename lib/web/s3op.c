/* SPDX-License-Identifier: ISC */
#include "web/s3op.h"
#include "base/table.h"
#include "base/utf8.h"
#include "web/text.h"

#include <string.h>

/* What in a request picks an operation, beside method and level: queries that
 * name a sub-resource, and what else works like one. */
enum {
	ACL = 1 << 0,
	CORS = 1 << 1,
	DELETES = 1 << 2,
	LIFECYCLE = 1 << 3,
	LOCATION = 1 << 4,
	POLICY_STATUS = 1 << 5,
	TAGGING = 1 << 6,
	UPLOADS = 1 << 7,
	UPLOAD_ID = 1 << 8,
	VERSIONING = 1 << 9,
	VERSIONS = 1 << 10,
	VERSION_ID = 1 << 11,
	PART_NUMBER = 1 << 12,
	ATTRIBUTES = 1 << 13,
	LIST_TYPE_2 = 1 << 14,
	COPY = 1 << 15,     /* x-amz-copy-source */
	FORM = 1 << 16,     /* a body of multipart/form-data */
	NOT_OURS = 1 << 17, /* a sub-resource that we do not have */
};

static const struct {
	const char *name;
	unsigned bit;
} subs[] = {
	{ "acl", ACL },
	{ "cors", CORS },
	{ "delete", DELETES },
	{ "lifecycle", LIFECYCLE },
	{ "location", LOCATION },
	{ "policyStatus", POLICY_STATUS },
	{ "tagging", TAGGING },
	{ "uploads", UPLOADS },
	{ "uploadId", UPLOAD_ID },
	{ "versioning", VERSIONING },
	{ "versions", VERSIONS },
	{ "versionId", VERSION_ID },
	{ "partNumber", PART_NUMBER },
	{ "attributes", ATTRIBUTES },
	{ "list-type", LIST_TYPE_2 },
	{ "abac", NOT_OURS },
	{ "accelerate", NOT_OURS },
	{ "analytics", NOT_OURS },
	{ "append", NOT_OURS },
	{ "encryption", NOT_OURS },
	{ "intelligent-tiering", NOT_OURS },
	{ "inventory", NOT_OURS },
	{ "legal-hold", NOT_OURS },
	{ "logging", NOT_OURS },
	{ "metadataConfiguration", NOT_OURS },
	{ "metadataInventoryTable", NOT_OURS },
	{ "metadataJournalTable", NOT_OURS },
	{ "metadataTable", NOT_OURS },
	{ "metrics", NOT_OURS },
	{ "notification", NOT_OURS },
	{ "object-lock", NOT_OURS },
	{ "ownershipControls", NOT_OURS },
	{ "policy", NOT_OURS },
	{ "publicAccessBlock", NOT_OURS },
	{ "rename", NOT_OURS },
	{ "renameObject", NOT_OURS },
	{ "replication", NOT_OURS },
	{ "replication-metrics", NOT_OURS },
	{ "requestPayment", NOT_OURS },
	{ "restore", NOT_OURS },
	{ "retention", NOT_OURS },
	{ "select", NOT_OURS },
	{ "session", NOT_OURS },
	{ "torrent", NOT_OURS },
	{ "website", NOT_OURS },
};

/* Parameters, which may well be empty. */
static const char *const params[] = { "bucket-region", "continuation-token",
	"delimiter", "encoding-type", "fetch-owner", "key-marker", "marker",
	"max-buckets", "max-keys", "max-parts", "max-uploads",
	"part-number-marker", "prefix", "start-after", "upload-id-marker",
	"version-id-marker" };
static const char *const param_fronts[] = { "x-", "response-" };

enum level { SERVICE, BUCKET, OBJECT };

/* An operation is the row that has its method and level, all of `must`, and
 * nothing that is neither in must nor in may. */
static const struct row {
	const char *method;
	enum level level;
	unsigned must, may;
	enum s3op_kind kind;
} rows[] = {
	{ "GET", SERVICE, 0, 0, S3OP_LIST_BUCKETS },

	{ "PUT", BUCKET, 0, 0, S3OP_CREATE_BUCKET },
	{ "DELETE", BUCKET, 0, 0, S3OP_DELETE_BUCKET },
	{ "HEAD", BUCKET, 0, 0, S3OP_HEAD_BUCKET },
	{ "GET", BUCKET, LOCATION, 0, S3OP_GET_LOCATION },
	{ "GET", BUCKET, 0, 0, S3OP_LIST_OBJECTS },
	{ "GET", BUCKET, LIST_TYPE_2, 0, S3OP_LIST_OBJECTS_V2 },
	{ "GET", BUCKET, VERSIONS, 0, S3OP_LIST_VERSIONS },
	{ "GET", BUCKET, UPLOADS, 0, S3OP_LIST_UPLOADS },
	{ "POST", BUCKET, DELETES, 0, S3OP_DELETE_OBJECTS },
	{ "POST", BUCKET, FORM, 0, S3OP_POST_OBJECT },
	{ "GET", BUCKET, CORS, 0, S3OP_GET_CORS },
	{ "PUT", BUCKET, CORS, 0, S3OP_PUT_CORS },
	{ "DELETE", BUCKET, CORS, 0, S3OP_DELETE_CORS },
	{ "GET", BUCKET, VERSIONING, 0, S3OP_GET_VERSIONING },
	{ "PUT", BUCKET, VERSIONING, 0, S3OP_PUT_VERSIONING },
	{ "GET", BUCKET, LIFECYCLE, 0, S3OP_GET_LIFECYCLE },
	{ "PUT", BUCKET, LIFECYCLE, 0, S3OP_PUT_LIFECYCLE },
	{ "DELETE", BUCKET, LIFECYCLE, 0, S3OP_DELETE_LIFECYCLE },
	{ "GET", BUCKET, TAGGING, 0, S3OP_GET_BUCKET_TAGGING },
	{ "PUT", BUCKET, TAGGING, 0, S3OP_PUT_BUCKET_TAGGING },
	{ "DELETE", BUCKET, TAGGING, 0, S3OP_DELETE_BUCKET_TAGGING },
	{ "GET", BUCKET, ACL, 0, S3OP_GET_BUCKET_ACL },
	{ "PUT", BUCKET, ACL, 0, S3OP_PUT_BUCKET_ACL },
	{ "GET", BUCKET, POLICY_STATUS, 0, S3OP_GET_BUCKET_POLICY_STATUS },

	{ "GET", OBJECT, 0, VERSION_ID | PART_NUMBER, S3OP_GET_OBJECT },
	{ "HEAD", OBJECT, 0, VERSION_ID | PART_NUMBER, S3OP_HEAD_OBJECT },
	{ "GET", OBJECT, ATTRIBUTES, VERSION_ID, S3OP_GET_ATTRIBUTES },
	{ "GET", OBJECT, ACL, VERSION_ID, S3OP_GET_OBJECT_ACL },
	{ "PUT", OBJECT, ACL, VERSION_ID, S3OP_PUT_OBJECT_ACL },
	{ "GET", OBJECT, TAGGING, VERSION_ID, S3OP_GET_TAGGING },
	{ "PUT", OBJECT, TAGGING, VERSION_ID, S3OP_PUT_TAGGING },
	{ "DELETE", OBJECT, TAGGING, VERSION_ID, S3OP_DELETE_TAGGING },
	{ "PUT", OBJECT, 0, 0, S3OP_PUT_OBJECT },
	{ "PUT", OBJECT, COPY, 0, S3OP_COPY_OBJECT },
	{ "DELETE", OBJECT, 0, VERSION_ID, S3OP_DELETE_OBJECT },
	{ "POST", OBJECT, UPLOADS, 0, S3OP_CREATE_UPLOAD },
	{ "PUT", OBJECT, UPLOAD_ID | PART_NUMBER, 0, S3OP_UPLOAD_PART },
	{ "PUT", OBJECT, UPLOAD_ID | PART_NUMBER | COPY, 0, S3OP_COPY_PART },
	{ "POST", OBJECT, UPLOAD_ID, 0, S3OP_COMPLETE_UPLOAD },
	{ "DELETE", OBJECT, UPLOAD_ID, 0, S3OP_ABORT_UPLOAD },
	{ "GET", OBJECT, UPLOAD_ID, 0, S3OP_LIST_PARTS },
};

static unsigned
bit_of_sub(const struct uri_pair *pair)
{
	for (size_t i = 0; i < N(subs); i++) {
		if (!slice_is(pair->name, subs[i].name))
			continue;
		if (subs[i].bit == LIST_TYPE_2 && !slice_is(pair->value, "2"))
			return NOT_OURS;
		return subs[i].bit;
	}
	return 0;
}

static bool
is_param(struct slice name)
{
	if (table_find(params, N(params), name) < N(params))
		return true;
	for (size_t i = 0; i < N(param_fronts); i++)
		if (text_begins_nocase(name, slice_text(param_fronts[i])))
			return true;
	return false;
}

/* A name we have never heard of, and without a value, is a sub-resource that
 * came after us; with a value it is a parameter, which S3 ignores. */
static unsigned
bits_of_query(const struct uri *uri)
{
	unsigned bits = 0;

	for (size_t i = 0; i < uri->n; i++) {
		const struct uri_pair *pair = &uri->pairs[i];
		unsigned bit = bit_of_sub(pair);

		if (bit == 0 && pair->name.n > 0 && pair->value.n == 0 &&
		    !is_param(pair->name))
			bit = NOT_OURS;
		bits |= bit;
	}
	return bits;
}

static unsigned
bits_of_head(const struct http_head *head, enum level level)
{
	static const char form[] = "multipart/form-data";

	if (slice_is(head->method, "PUT") &&
	    http_find(head, "x-amz-copy-source"))
		return COPY;
	if (slice_is(head->method, "POST") && level == BUCKET &&
	    text_begins_nocase(
		http_value(head, "content-type"), slice_text(form)))
		return FORM;
	return 0;
}

static bool
fits(const struct row *row, enum level level, unsigned bits)
{
	return row->level == level && (bits & ~row->may) == row->must;
}

static enum s3err
find(struct slice method, enum level level, unsigned bits, struct s3op *op)
{
	bool other = false;

	if (slice_is(method, "OPTIONS") && level != SERVICE) {
		op->kind = S3OP_PREFLIGHT;
		return S3ERR_OK;
	}
	for (size_t i = 0; i < N(rows); i++) {
		if (!fits(&rows[i], level, bits))
			continue;
		if (slice_is(method, rows[i].method)) {
			op->kind = rows[i].kind;
			return S3ERR_OK;
		}
		other = true;
	}
	return other ? S3ERR_METHOD_NOT_ALLOWED : S3ERR_NOT_IMPLEMENTED;
}

static struct slice
without_port(struct slice host)
{
	const uint8_t *colon, *end;

	if (host.n > 0 && host.p[0] == '[') {
		end = memchr(host.p, ']', host.n);
		return end ? slice_of(host.p, (size_t)(end - host.p) + 1)
			   : host;
	}
	colon = host.n ? memchr(host.p, ':', host.n) : NULL;
	return colon ? slice_of(host.p, (size_t)(colon - host.p)) : host;
}

/* What stands in front of the longest domain that the host lies in, or nothing
 * when it lies in none or is one itself. */
static struct slice
bucket_of_host(struct slice host, const char *const *domains)
{
	struct slice bucket = { 0 };
	size_t longest = 0;

	host = without_port(host);
	for (; domains && *domains; domains++) {
		struct slice domain = slice_text(*domains), end = host;

		if (domain.n <= longest || end.n < domain.n)
			continue;
		get_bytes(&end, end.n - domain.n);
		if (!http_name_eq(end, domain))
			continue;
		if (host.n == domain.n)
			return slice_of(NULL, 0);
		if (host.p[host.n - domain.n - 1] != '.')
			continue;
		longest = domain.n;
		bucket = slice_of(host.p, host.n - domain.n - 1);
	}
	return bucket;
}

static enum s3err
check_key(struct slice key)
{
	if (key.n > S3_KEY)
		return S3ERR_KEY_TOO_LONG;
	if (memchr(key.p, '\0', key.n) || !utf8_ok(key))
		return S3ERR_INVALID_OBJECT_NAME;
	return S3ERR_OK;
}

static bool
is_admin(const struct http_head *head, struct slice path, struct s3op *op)
{
	static const char front[] = "/-/";

	if (head->uid < 0 || !text_begins(path, slice_text(front)))
		return false;
	get_bytes(&path, sizeof front - 1);
	op->kind = S3OP_ADMIN;
	op->key = path;
	return true;
}

/* Every byte behind the bucket's slash is the key's. */
static enum level
split(struct slice path, struct s3op *op)
{
	get_bytes(&path, 1);
	if (!op->virtual_host && !text_next(&path, '/', &op->bucket))
		return SERVICE;
	op->key = path;
	return path.n > 0 ? OBJECT : BUCKET;
}

enum s3err
s3op_of(const struct http_head *head, const struct uri *uri,
    const char *const *domains, struct s3op *op)
{
	enum s3err e = S3ERR_OK;
	enum level level;

	*op = (struct s3op){ .kind = S3OP_N };
	op->bucket = bucket_of_host(http_value(head, "host"), domains);
	op->virtual_host = op->bucket.n > 0;
	if (!op->virtual_host && is_admin(head, uri->path, op))
		return S3ERR_OK;
	level = split(uri->path, op);
	if (level != SERVICE && !s3_bucket_name_ok(op->bucket))
		return S3ERR_INVALID_BUCKET_NAME;
	if (level == OBJECT)
		e = check_key(op->key);
	if (e != S3ERR_OK)
		return e;
	return find(head->method, level,
	    bits_of_query(uri) | bits_of_head(head, level), op);
}
