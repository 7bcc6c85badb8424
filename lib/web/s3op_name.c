/* SPDX-License-Identifier: ISC
 *
 * Names: of operations, of buckets, of verbs. */
#include "web/s3op.h"
#include "web/text.h"

#define N(a) (sizeof(a) / sizeof *(a))

/* clang-format off */
static const char *const names[S3OP_N] = {
	[S3OP_LIST_BUCKETS] = "ListBuckets",
	[S3OP_CREATE_BUCKET] = "CreateBucket",
	[S3OP_DELETE_BUCKET] = "DeleteBucket",
	[S3OP_HEAD_BUCKET] = "HeadBucket",
	[S3OP_GET_LOCATION] = "GetBucketLocation",
	[S3OP_LIST_OBJECTS] = "ListObjects",
	[S3OP_LIST_OBJECTS_V2] = "ListObjectsV2",
	[S3OP_LIST_VERSIONS] = "ListObjectVersions",
	[S3OP_LIST_UPLOADS] = "ListMultipartUploads",
	[S3OP_DELETE_OBJECTS] = "DeleteObjects",
	[S3OP_POST_OBJECT] = "PostObject",
	[S3OP_GET_CORS] = "GetBucketCors",
	[S3OP_PUT_CORS] = "PutBucketCors",
	[S3OP_DELETE_CORS] = "DeleteBucketCors",
	[S3OP_GET_VERSIONING] = "GetBucketVersioning",
	[S3OP_PUT_VERSIONING] = "PutBucketVersioning",
	[S3OP_GET_LIFECYCLE] = "GetBucketLifecycleConfiguration",
	[S3OP_PUT_LIFECYCLE] = "PutBucketLifecycleConfiguration",
	[S3OP_DELETE_LIFECYCLE] = "DeleteBucketLifecycle",
	[S3OP_GET_BUCKET_TAGGING] = "GetBucketTagging",
	[S3OP_PUT_BUCKET_TAGGING] = "PutBucketTagging",
	[S3OP_DELETE_BUCKET_TAGGING] = "DeleteBucketTagging",
	[S3OP_GET_BUCKET_ACL] = "GetBucketAcl",
	[S3OP_PUT_BUCKET_ACL] = "PutBucketAcl",
	[S3OP_GET_BUCKET_POLICY_STATUS] = "GetBucketPolicyStatus",
	[S3OP_GET_OBJECT] = "GetObject",
	[S3OP_HEAD_OBJECT] = "HeadObject",
	[S3OP_GET_ATTRIBUTES] = "GetObjectAttributes",
	[S3OP_GET_OBJECT_ACL] = "GetObjectAcl",
	[S3OP_PUT_OBJECT_ACL] = "PutObjectAcl",
	[S3OP_GET_TAGGING] = "GetObjectTagging",
	[S3OP_PUT_TAGGING] = "PutObjectTagging",
	[S3OP_DELETE_TAGGING] = "DeleteObjectTagging",
	[S3OP_PUT_OBJECT] = "PutObject",
	[S3OP_COPY_OBJECT] = "CopyObject",
	[S3OP_DELETE_OBJECT] = "DeleteObject",
	[S3OP_CREATE_UPLOAD] = "CreateMultipartUpload",
	[S3OP_UPLOAD_PART] = "UploadPart",
	[S3OP_COPY_PART] = "UploadPartCopy",
	[S3OP_COMPLETE_UPLOAD] = "CompleteMultipartUpload",
	[S3OP_ABORT_UPLOAD] = "AbortMultipartUpload",
	[S3OP_LIST_PARTS] = "ListParts",
	[S3OP_PREFLIGHT] = "Preflight",
	[S3OP_ADMIN] = "Admin",
};
/* clang-format on */

const char *
s3op_name(enum s3op_kind kind)
{
	return (unsigned)kind < S3OP_N ? names[kind] : "Unknown";
}

enum s3_verb
s3op_verb(enum s3op_kind kind)
{
	static const enum s3_verb verbs[] = {
#define R(name, verb) (enum s3_verb)(verb),
		S3OP_LIST(R)
#undef R
	};

	return (unsigned)kind < S3OP_N ? verbs[kind] : S3_ALL;
}

static const char *const reserved_fronts[] = { "xn--", "sthree-",
	"amzn-s3-demo-" };
static const char *const reserved_ends[] = { "-s3alias", "--ol-s3", ".mrap",
	"--x-s3", "--table-s3" };

static bool
is_reserved(struct slice name)
{
	for (size_t i = 0; i < N(reserved_fronts); i++)
		if (text_begins(name, slice_text(reserved_fronts[i])))
			return true;
	for (size_t i = 0; i < N(reserved_ends); i++) {
		struct slice want = slice_text(reserved_ends[i]), end = name;

		if (name.n >= want.n) {
			get_bytes(&end, name.n - want.n);
			if (slice_eq(end, want))
				return true;
		}
	}
	return false;
}

/* Four numbers with dots between. */
static bool
is_ip(struct slice name)
{
	unsigned fields = 0;
	struct slice field;

	while (text_next(&name, '.', &field)) {
		uint64_t v;

		if (text_digits(&field, &v) == 0 || field.n > 0)
			return false;
		fields++;
	}
	return fields == 4;
}

bool
s3_bucket_name_ok(struct slice name)
{
	uint8_t before = '.'; /* so that no dot comes first */

	if (name.n < S3_BUCKET_LEAST || name.n > S3_BUCKET_MOST)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];
		bool edge = i == 0 || i + 1 == name.n;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
			before = c;
			continue;
		}
		if ((c != '-' && c != '.') || edge ||
		    (c == '.' && before == '.'))
			return false;
		before = c;
	}
	return !is_ip(name) && !is_reserved(name);
}

static const struct {
	const char *word;
	unsigned bits;
} verb_words[] = {
	{ "none", 0 },
	{ "all", S3_ALL },
	{ "read", S3_READ },
	{ "write", S3_WRITE },
	{ "delete", S3_DELETE },
	{ "list", S3_LIST },
	{ "admin", S3_ADMIN },
};

static int
add_verb(struct slice word, unsigned *verbs)
{
	for (size_t i = 0; i < N(verb_words); i++)
		if (slice_is(word, verb_words[i].word)) {
			*verbs |= verb_words[i].bits;
			return 0;
		}
	return -1;
}

int
s3_verbs_parse(struct slice text, unsigned *verbs)
{
	unsigned all = 0;
	struct slice word;

	if (text.n == 0 || text.p[text.n - 1] == ',')
		return -1;
	while (text_next(&text, ',', &word))
		if (add_verb(word, &all) < 0)
			return -1;
	*verbs = all;
	return 0;
}

void
s3_verbs_print(unsigned verbs, struct buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < N(verb_words); i++) {
		unsigned bits = verb_words[i].bits;

		if (verbs == bits) { /* none, all, or the last that is left */
			put_text(out, between);
			put_text(out, verb_words[i].word);
			return;
		}
		if (bits == 0 || bits == S3_ALL || !(verbs & bits))
			continue;
		put_text(out, between);
		put_text(out, verb_words[i].word);
		between = ",";
		verbs &= ~bits;
	}
}
