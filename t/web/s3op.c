/* SPDX-License-Identifier: ISC */
#include "web/s3op.h"
#include "t/tap.h"

static const char *const domains[] = { "s3.local", "b.s3.local", "example.org",
	NULL };

struct ask {
	const char *method, *target, *host, *name, *value;
	int64_t uid;
};

static enum s3err
ask(const struct ask *a, struct s3op *op, struct uri *uri)
{
	struct http_head head = { .method = slice_text(a->method),
		.target = slice_text(a->target),
		.uid = a->uid };
	const char *why;

	if (a->host)
		head.fields[head.n++] = (struct http_field){ slice_text("Host"),
			slice_text(a->host) };
	if (a->name)
		head.fields[head.n++] =
		    (struct http_field){ slice_text(a->name),
			    slice_text(a->value) };
	memset(uri, 0, sizeof *uri);
	if (uri_parse(head.target, uri, &why) < 0) {
		printf("# %s: %s\n", a->target, why);
		return S3ERR_N;
	}
	return s3op_of(&head, uri, domains, op);
}

static const struct {
	const char *method, *target;
	enum s3err e;
	enum s3op_kind kind;
} ops[] = {
#define YES(kind) S3ERR_OK, S3OP_##kind
#define NO(e)     S3ERR_##e, S3OP_N
	{ "GET", "/", YES(LIST_BUCKETS) },
	{ "GET",
	    "/?x-id=ListBuckets&max-buckets=3&prefix=", YES(LIST_BUCKETS) },
	{ "PUT", "/", NO(METHOD_NOT_ALLOWED) },
	{ "HEAD", "/", NO(METHOD_NOT_ALLOWED) },
	{ "OPTIONS", "/", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/?acl", NO(NOT_IMPLEMENTED) },
	{ "PUT", "/bucket", YES(CREATE_BUCKET) },
	{ "PUT", "/bucket/", YES(CREATE_BUCKET) },
	{ "DELETE", "/bucket", YES(DELETE_BUCKET) },
	{ "HEAD", "/bucket/", YES(HEAD_BUCKET) },
	{ "HEAD", "/bucket?acl", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/bucket?location", YES(GET_LOCATION) },
	{ "GET", "/bucket?location=", YES(GET_LOCATION) },
	{ "PUT", "/bucket?location", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/bucket", YES(LIST_OBJECTS) },
	{ "GET", "/bucket?prefix=&delimiter=%2F&marker=&max-keys=",
	    YES(LIST_OBJECTS) },
	{ "GET", "/bucket?encoding-type&key-marker&start-after",
	    YES(LIST_OBJECTS) },
	{ "GET", "/bucket?list-type=2&continuation-token=&fetch-owner=",
	    YES(LIST_OBJECTS_V2) },
	{ "GET", "/bucket?list-type=3", NO(NOT_IMPLEMENTED) },
	{ "GET", "/bucket?list-type", NO(NOT_IMPLEMENTED) },
	{ "GET", "/bucket?versions&key-marker=&version-id-marker=",
	    YES(LIST_VERSIONS) },
	{ "GET", "/bucket?uploads&upload-id-marker=", YES(LIST_UPLOADS) },
	{ "GET", "/bucket?uploads&versions", NO(NOT_IMPLEMENTED) },
	{ "GET", "/bucket?versionId=1", NO(NOT_IMPLEMENTED) },
	{ "POST", "/bucket?delete", YES(DELETE_OBJECTS) },
	{ "POST", "/bucket?delete&x-id=DeleteObjects", YES(DELETE_OBJECTS) },
	{ "GET", "/bucket?delete", NO(METHOD_NOT_ALLOWED) },
	{ "POST", "/bucket", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/bucket?cors", YES(GET_CORS) },
	{ "PUT", "/bucket?cors", YES(PUT_CORS) },
	{ "DELETE", "/bucket?cors", YES(DELETE_CORS) },
	{ "POST", "/bucket?cors", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/bucket?versioning", YES(GET_VERSIONING) },
	{ "PUT", "/bucket?versioning", YES(PUT_VERSIONING) },
	{ "DELETE", "/bucket?versioning", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/bucket?lifecycle", YES(GET_LIFECYCLE) },
	{ "PUT", "/bucket?lifecycle", YES(PUT_LIFECYCLE) },
	{ "DELETE", "/bucket?lifecycle", YES(DELETE_LIFECYCLE) },
	{ "GET", "/bucket?tagging", YES(GET_BUCKET_TAGGING) },
	{ "PUT", "/bucket?tagging", YES(PUT_BUCKET_TAGGING) },
	{ "DELETE", "/bucket?tagging", YES(DELETE_BUCKET_TAGGING) },
	{ "GET", "/bucket?acl", YES(GET_BUCKET_ACL) },
	{ "PUT", "/bucket?acl", YES(PUT_BUCKET_ACL) },
	{ "DELETE", "/bucket?acl", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/bucket?policyStatus", YES(GET_BUCKET_POLICY_STATUS) },
	{ "GET", "/bucket?acl&tagging", NO(NOT_IMPLEMENTED) },
	{ "OPTIONS", "/bucket", YES(PREFLIGHT) },
	{ "OPTIONS", "/bucket/key?uploadId=u&partNumber=1", YES(PREFLIGHT) },
	{ "PATCH", "/bucket", NO(METHOD_NOT_ALLOWED) },
	{ "get", "/bucket", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/bucket/key", YES(GET_OBJECT) },
	{ "GET", "/bucket/key?versionId=", YES(GET_OBJECT) },
	{ "GET", "/bucket/key?versionId=null&partNumber=2", YES(GET_OBJECT) },
	{ "GET", "/bucket/key?response-content-type=&X-Amz-Signature=&x-y",
	    YES(GET_OBJECT) },
	{ "GET", "/bucket/key?cache=7", YES(GET_OBJECT) },
	{ "GET", "/bucket/key?unheard-of", NO(NOT_IMPLEMENTED) },
	{ "GET", "/bucket/key?unheard-of=", NO(NOT_IMPLEMENTED) },
	{ "GET", "/bucket/key?", YES(GET_OBJECT) },
	{ "GET", "/bucket/key?%61cl", YES(GET_OBJECT_ACL) },
	{ "GET", "/bucket/key?ACL", NO(NOT_IMPLEMENTED) },
	{ "HEAD", "/bucket/key?partNumber=1", YES(HEAD_OBJECT) },
	{ "HEAD", "/bucket/key?tagging", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/bucket/key?attributes&versionId=1", YES(GET_ATTRIBUTES) },
	{ "PUT", "/bucket/key?attributes", NO(METHOD_NOT_ALLOWED) },
	{ "GET", "/bucket/key?acl&versionId=1", YES(GET_OBJECT_ACL) },
	{ "PUT", "/bucket/key?acl", YES(PUT_OBJECT_ACL) },
	{ "GET", "/bucket/key?tagging&versionId=1", YES(GET_TAGGING) },
	{ "PUT", "/bucket/key?tagging", YES(PUT_TAGGING) },
	{ "DELETE", "/bucket/key?tagging", YES(DELETE_TAGGING) },
	{ "PUT", "/bucket/key", YES(PUT_OBJECT) },
	{ "PUT", "/bucket/key?x-id=PutObject", YES(PUT_OBJECT) },
	{ "PUT", "/bucket/key?versionId=1", NO(METHOD_NOT_ALLOWED) },
	{ "PUT", "/bucket/key?partNumber=1", NO(METHOD_NOT_ALLOWED) },
	{ "PUT", "/bucket/key?uploadId=u", NO(METHOD_NOT_ALLOWED) },
	{ "PUT", "/bucket/key?cors", NO(NOT_IMPLEMENTED) },
	{ "DELETE", "/bucket/key", YES(DELETE_OBJECT) },
	{ "DELETE", "/bucket/key?versionId=7", YES(DELETE_OBJECT) },
	{ "POST", "/bucket/key?uploads", YES(CREATE_UPLOAD) },
	{ "POST", "/bucket/key?uploads=", YES(CREATE_UPLOAD) },
	{ "PUT", "/bucket/key?partNumber=1&uploadId=u", YES(UPLOAD_PART) },
	{ "POST", "/bucket/key?uploadId=u", YES(COMPLETE_UPLOAD) },
	{ "DELETE", "/bucket/key?uploadId=u", YES(ABORT_UPLOAD) },
	{ "GET", "/bucket/key?uploadId=u&max-parts=1", YES(LIST_PARTS) },
	{ "POST", "/bucket/key", NO(METHOD_NOT_ALLOWED) },
	{ "POST", "/bucket/key?delete", NO(NOT_IMPLEMENTED) },
	{ "GET", "/b", NO(INVALID_BUCKET_NAME) },
	{ "GET", "//key", NO(INVALID_BUCKET_NAME) },
	{ "GET", "/Bucket/key", NO(INVALID_BUCKET_NAME) },
	{ "GET", "/bucket/a%00b", S3ERR_N, S3OP_N },
	{ "GET", "/bucket/%ff", NO(INVALID_OBJECT_NAME) },
	{ "GET", "/bucket/%c0%af", NO(INVALID_OBJECT_NAME) },
	{ "GET", "/bucket/%ed%a0%80", NO(INVALID_OBJECT_NAME) },
};

static void
test_ops(void)
{
	static struct uri uri;

	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		struct ask a = { ops[i].method, ops[i].target, .uid = -1 };
		struct s3op op = { .kind = S3OP_N };
		enum s3err e = ask(&a, &op, &uri);

		if (!ok(e == ops[i].e && op.kind == ops[i].kind, "%s %s: %d",
			a.method, a.target, (int)ops[i].kind))
			printf("# %s %d\n", s3err_code(e), (int)op.kind);
		uri_free(&uri);
	}
}

/* What we do not have is never taken for a plain get, put or delete. */
static void
test_not_ours(void)
{
	static const char *const subs[] = { "policy", "website", "replication",
		"notification", "encryption", "object-lock", "retention",
		"legal-hold", "torrent", "select&select-type=2", "restore",
		"accelerate", "analytics&id=1", "inventory&id=1",
		"metrics&id=1", "logging", "requestPayment",
		"ownershipControls", "publicAccessBlock", "intelligent-tiering",
		"rename", "renameObject", "session", "metadataTable",
		"policy=", "website=x", "versionId=1&policy" };
	static const char *const methods[] = { "GET", "PUT", "POST", "DELETE",
		"HEAD" };
	static const char *const paths[] = { "/bucket", "/bucket/key" };
	static struct uri uri;

	for (size_t i = 0; i < sizeof subs / sizeof *subs; i++) {
		unsigned said = 0;

		for (size_t j = 0; j < 10; j++) {
			char target[128];
			struct ask a = { methods[j % 5], target, .uid = -1 };
			struct s3op op;

			snprintf(target, sizeof target, "%s?%s", paths[j / 5],
			    subs[i]);
			said += ask(&a, &op, &uri) == S3ERR_NOT_IMPLEMENTED;
			uri_free(&uri);
		}
		is_int(said, 10, subs[i]);
	}
}

static const struct {
	struct ask ask;
	enum s3err e;
	enum s3op_kind kind;
	const char *name;
} heads[] = {
	{ { "PUT", "/bucket/key", NULL, "X-Amz-Copy-Source", "/b/k", -1 },
	    YES(COPY_OBJECT), "a copy" },
	{ { "PUT", "/bucket/key?partNumber=1&uploadId=u", NULL,
	      "x-amz-copy-source", "b/k", -1 },
	    YES(COPY_PART), "a copied part" },
	{ { "PUT", "/bucket/key?acl", NULL, "x-amz-copy-source", "b/k", -1 },
	    NO(NOT_IMPLEMENTED), "a copy of what cannot be copied" },
	{ { "PUT", "/bucket", NULL, "x-amz-copy-source", "b/k", -1 },
	    NO(NOT_IMPLEMENTED), "a copied bucket" },
	{ { "GET", "/bucket/key", NULL, "x-amz-copy-source", "b/k", -1 },
	    YES(GET_OBJECT), "only PUT copies" },
	{ { "POST", "/bucket", NULL, "content-type",
	      "Multipart/Form-Data; boundary=x", -1 },
	    YES(POST_OBJECT), "a form" },
	{ { "POST", "/bucket/", NULL, "content-type",
	      "multipart/form-data; boundary=x", -1 },
	    YES(POST_OBJECT), "a form to the bucket with a slash" },
	{ { "POST", "/bucket", NULL, "content-type", "text/plain", -1 },
	    NO(METHOD_NOT_ALLOWED), "no form" },
	{ { "POST", "/bucket/key?uploads", NULL, "content-type",
	      "multipart/form-data; boundary=x", -1 },
	    YES(CREATE_UPLOAD), "the type of an object may be anything" },
	{ { "POST", "/", "bucket.s3.local", "content-type",
	      "multipart/form-data; boundary=x", -1 },
	    YES(POST_OBJECT), "a form to a host" },
};

static void
test_heads(void)
{
	static struct uri uri;

	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		struct s3op op = { .kind = S3OP_N };
		enum s3err e = ask(&heads[i].ask, &op, &uri);

		ok(e == heads[i].e && op.kind == heads[i].kind, "%s",
		    heads[i].name);
		uri_free(&uri);
	}
}

static const struct {
	const char *host, *target, *bucket, *key;
	bool virtual_host;
} places[] = {
	{ NULL, "/bucket/key", "bucket", "key", false },
	{ "s3.local", "/bucket/key", "bucket", "key", false },
	{ "other.net:9000", "/bucket/key", "bucket", "key", false },
	{ "127.0.0.1:9000", "/bucket/key", "bucket", "key", false },
	{ "[::1]:9000", "/bucket/key", "bucket", "key", false },
	{ "bucket.s3.local", "/key", "bucket", "key", true },
	{ "bucket.s3.local:9000", "/key", "bucket", "key", true },
	{ "bucket.S3.Local", "/key", "bucket", "key", true },
	{ "my.own.bucket.s3.local", "/key", "my.own.bucket", "key", true },
	{ "abc.b.s3.local", "/key", "abc", "key", true },
	{ "b.s3.local", "/bucket/key", "bucket", "key", false },
	{ "bucket.example.org", "/a/b", "bucket", "a/b", true },
	{ "bucketexample.org", "/bucket/k", "bucket", "k", false },
	{ "bucket.s3.local", "/", "bucket", "", true },
	{ "bucket.s3.local", "//", "bucket", "/", true },
	{ "bucket.s3.local", "/-/x", "bucket", "-/x", true },
	{ NULL, "/bucket/", "bucket", "", false },
	{ NULL, "/bucket//", "bucket", "/", false },
	{ NULL, "/bucket//a", "bucket", "/a", false },
	{ NULL, "/bucket/a/", "bucket", "a/", false },
	{ NULL, "/bucket/..", "bucket", "..", false },
	{ NULL, "/bucket/../../etc", "bucket", "../../etc", false },
	{ NULL, "/bucket/.", "bucket", ".", false },
	{ NULL, "/bucket/a%2Fb", "bucket", "a/b", false },
	{ NULL, "/bucket/a+b%20c", "bucket", "a+b c", false },
	{ NULL, "/bucket/%0a%7f%5c", "bucket", "\n\x7f\\", false },
	{ NULL, "/bucket/%C3%A9", "bucket", "\xc3\xa9", false },
};

static void
test_places(void)
{
	static struct uri uri;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct ask a = { "GET", places[i].target, places[i].host,
			.uid = -1 };
		struct s3op op;

		ok(ask(&a, &op, &uri) == S3ERR_OK &&
			slice_is(op.bucket, places[i].bucket) &&
			slice_is(op.key, places[i].key) &&
			op.virtual_host == places[i].virtual_host,
		    "%s at %s", a.target, a.host ? a.host : "no host");
		uri_free(&uri);
	}
}

static enum s3err
ask_key(size_t n)
{
	static struct uri uri;
	char target[S3_KEY + 64];
	struct ask a = { "PUT", target, .uid = -1 };
	struct s3op op;
	enum s3err e;

	memset(target, 'k', sizeof target);
	memcpy(target, "/bucket/", 8);
	target[8 + n] = '\0';
	e = ask(&a, &op, &uri);
	ok(e != S3ERR_OK || op.key.n == n, "a key of %zu bytes", n);
	uri_free(&uri);
	return e;
}

static void
test_key_length(void)
{
	is_int(ask_key(1), S3ERR_OK, "is a key");
	is_int(ask_key(S3_KEY), S3ERR_OK, "is a key");
	is_int(ask_key(S3_KEY + 1), S3ERR_KEY_TOO_LONG, "is too long");
}

static void
test_admin(void)
{
	static struct uri uri;
	struct ask a = { "GET", "/-/keys/a%20b", .uid = 1000 };
	struct s3op op;

	ok(ask(&a, &op, &uri) == S3ERR_OK && op.kind == S3OP_ADMIN &&
		slice_is(op.key, "keys/a b") && op.bucket.n == 0,
	    "the local socket has /-/");
	uri_free(&uri);
	a.uid = 0;
	a.method = "POST";
	ok(ask(&a, &op, &uri) == S3ERR_OK && op.kind == S3OP_ADMIN,
	    "by any method, root's too");
	uri_free(&uri);
	a.uid = -1;
	is_int(ask(&a, &op, &uri), S3ERR_INVALID_BUCKET_NAME, "TCP has not");
	uri_free(&uri);
	a = (struct ask){ "GET", "/-key", .uid = 1000 };
	is_int(ask(&a, &op, &uri), S3ERR_INVALID_BUCKET_NAME, "/-key is none");
	uri_free(&uri);
}

static void
test_names(void)
{
	is_int(s3op_verb(S3OP_GET_OBJECT), S3_READ, "reading");
	is_int(s3op_verb(S3OP_COPY_OBJECT), S3_WRITE, "copying writes");
	is_int(s3op_verb(S3OP_DELETE_OBJECTS), S3_DELETE, "deleting");
	is_int(s3op_verb(S3OP_PREFLIGHT), 0, "asking needs nothing");
	is_int(s3op_verb(S3OP_N), S3_ALL, "no operation needs everything");
}

static const struct {
	const char *name;
	bool good;
} buckets[] = {
	{ "abc", true },
	{ "0-9.a", true },
	{ "my.bucket-1", true },
	{ "a.-b", true },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    true },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    false },
	{ "ab", false },
	{ "", false },
	{ "Abc", false },
	{ "a_b", false },
	{ "a b", false },
	{ "a..b", false },
	{ ".abc", false },
	{ "abc.", false },
	{ "-abc", false },
	{ "abc-", false },
	{ "192.168.5.4", false },
	{ "192.168.5.4.5", true },
	{ "192.168.5.a", true },
	{ "xn--abc", false },
	{ "sthree-abc", false },
	{ "amzn-s3-demo-bucket", false },
	{ "abc-s3alias", false },
	{ "abc--ol-s3", false },
	{ "abc.mrap", false },
	{ "abc--x-s3", false },
	{ "abc--table-s3", false },
	{ "b\xc3\xa9"
	  "b",
	    false },
};

static void
test_buckets(void)
{
	for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++)
		ok(s3_bucket_name_ok(slice_text(buckets[i].name)) ==
			buckets[i].good,
		    "\"%s\" is %s bucket", buckets[i].name,
		    buckets[i].good ? "a" : "no");
}

static void
test_verbs(void)
{
	static const char *const bad[] = { "", ",", "read,", ",read", "read,,",
		"Read", "read, write", "get", "everything" };
	struct buf out = { .max = 128 };
	unsigned verbs = 99;
	bool same = true;

	for (unsigned v = 0; v <= S3_ALL; v++) {
		s3_verbs_print(v, &out);
		same = s3_verbs_parse(buf_slice(&out), &verbs) == 0 &&
		       verbs == v && same;
		if (v == (S3_READ | S3_LIST))
			ok(slice_is(buf_slice(&out), "read,list"), "two verbs");
		if (v == S3_ALL)
			ok(slice_is(buf_slice(&out), "all"), "all verbs");
		if (v == 0)
			ok(slice_is(buf_slice(&out), "none"), "no verb");
		buf_cut(&out, 0);
	}
	ok(same, "what is printed is read again");
	buf_free(&out);
	verbs = 99;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(s3_verbs_parse(slice_text(bad[i]), &verbs) == -1 &&
			verbs == 99,
		    "\"%s\" are no verbs", bad[i]);
	ok(s3_verbs_parse(slice_text("list,read,read"), &verbs) == 0 &&
		verbs == (S3_READ | S3_LIST),
	    "in any order, and twice");
}

int
main(void)
{
	test_ops();
	test_not_ours();
	test_heads();
	test_places();
	test_key_length();
	test_admin();
	test_names();
	test_buckets();
	test_verbs();
	return tap_done();
}
