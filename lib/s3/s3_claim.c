/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "web/text.h"
#include "wire/mbase.h"

#include <string.h>

/* What we do not have.  A word that ends with a star is a beginning. */
static const struct {
	const char *name;
	const char *why;
} refused[] = {
	{ "x-amz-server-side-encryption*",
	    "Server-side encryption is not available." },
	{ "x-amz-copy-source-server-side-encryption*",
	    "Server-side encryption is not available." },
	{ "x-amz-object-lock-*", "Object lock is not available." },
	{ "x-amz-bucket-object-lock-enabled", "Object lock is not available." },
	{ "x-amz-grant-*", "Access control lists are not available." },
	{ "x-amz-write-offset-bytes", "Objects cannot be appended to." },
	{ "x-amz-if-match-*", "This condition is not available." },
	{ "x-amz-rename-source*", "Objects cannot be renamed." },
	{ "x-amz-checksum-sha512", "This checksum is not available." },
	{ "x-amz-checksum-md5", "This checksum is not available." },
	{ "x-amz-checksum-xxhash*", "This checksum is not available." },
};

static bool
begins(struct slice name, const char *word)
{
	struct slice with = slice_text(word);

	if (word[with.n - 1] != '*')
		return http_name_is(name, word);
	with.n--;
	return text_begins_nocase(name, with);
}

static bool
is_any(struct slice value, const char *const *words)
{
	for (; *words; words++)
		if (slice_is(value, *words))
			return true;
	return false;
}

static enum s3err
acl_refused(const struct s3_req *r, struct slice value, const char **why)
{
	static const char *const fine[] = { "private",
		"bucket-owner-full-control", NULL };
	enum s3op_kind kind = r->op.kind;

	if (is_any(value, fine))
		return S3ERR_OK;
	if ((kind == S3OP_CREATE_BUCKET || kind == S3OP_PUT_BUCKET_ACL) &&
	    slice_is(value, "public-read"))
		return S3ERR_OK;
	*why = "Of the canned lists only private and "
	       "bucket-owner-full-control are available, and public-read "
	       "for buckets.";
	return S3ERR_NOT_IMPLEMENTED;
}

static enum s3err
class_refused(const struct s3_req *r, struct slice value, const char **why)
{
	static const char *const fine[] = { "STANDARD", "REDUCED_REDUNDANCY",
		NULL };

	(void)r;
	(void)why;
	return is_any(value, fine) ? S3ERR_OK : S3ERR_INVALID_STORAGE_CLASS;
}

static enum s3err
owner_refused(const struct s3_req *r, struct slice value, const char **why)
{
	if (r->bucket == NULL || slice_is(value, r->bucket->tenant->name))
		return S3ERR_OK;
	*why = "The bucket's owner is not the one that was expected.";
	return S3ERR_ACCESS_DENIED;
}

/* And those of which it depends on the value. */
static const struct {
	const char *name;
	enum s3err (*fn)(const struct s3_req *, struct slice, const char **);
} looked_at[] = {
	{ "x-amz-acl", acl_refused },
	{ "x-amz-storage-class", class_refused },
	{ "x-amz-expected-bucket-owner", owner_refused },
};

static enum s3err
field_refused(
    const struct s3_req *r, const struct http_field *f, const char **why)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		if (!begins(f->name, refused[i].name))
			continue;
		*why = refused[i].why;
		return S3ERR_NOT_IMPLEMENTED;
	}
	for (size_t i = 0; i < sizeof looked_at / sizeof *looked_at; i++)
		if (begins(f->name, looked_at[i].name))
			return looked_at[i].fn(r, f->value, why);
	return S3ERR_OK;
}

enum s3err
s3_head_refused(
    const struct s3_req *r, const struct http_head *head, const char **why)
{
	enum s3err e = S3ERR_OK;

	*why = NULL;
	for (size_t i = 0; i < head->n && e == S3ERR_OK; i++)
		if (begins(head->fields[i].name, "x-amz-*"))
			e = field_refused(r, &head->fields[i], why);
	return e;
}

static bool
streaming(enum sigv4_payload form)
{
	return form != SIGV4_HEX && form != SIGV4_UNSIGNED;
}

static enum s3err
claim_length(const struct http_head *head, const struct sigv4 *sig,
    struct s3_claim *c, const char **why)
{
	struct slice decoded = { 0 };

	if (streaming(sig->payload) || !head->has_length)
		decoded = http_value(head, "x-amz-decoded-content-length");
	if (decoded.n > 0) {
		if (text_uint(decoded, INT64_MAX, &c->length) < 0) {
			*why = "x-amz-decoded-content-length is no number.";
			return S3ERR_INVALID_ARGUMENT;
		}
		c->length_known = true;
	} else if (streaming(sig->payload)) {
		*why = "A body in chunks of its own needs "
		       "x-amz-decoded-content-length.";
		return S3ERR_MISSING_LENGTH;
	} else if (head->has_length) {
		c->length_known = true;
		c->length = head->length;
	}
	return S3ERR_OK;
}

static enum s3err
claim_md5(const struct http_head *head, struct s3_claim *c)
{
	const struct http_field *f = http_find(head, "content-md5");
	uint8_t bytes[32];
	struct buf out = { .max = sizeof bytes };
	enum s3err e = S3ERR_INVALID_DIGEST;

	if (f == NULL)
		return S3ERR_OK;
	if (f->value.n == 24 && mbase_decode(MBASE_64, f->value, &out) == 0 &&
	    out.n == MD5_BYTES) {
		memcpy(c->md5, out.p, MD5_BYTES);
		c->md5_claimed = true;
		e = S3ERR_OK;
	}
	buf_free(&out);
	return e;
}

static enum s3err
claim_sum(enum sum_kind kind, const struct http_field *f, struct s3_claim *c,
    const char **why)
{
	if (c->sum_kind != SUM_NONE) {
		*why = "There may be only one x-amz-checksum-… header.";
		return S3ERR_INVALID_REQUEST;
	}
	if (sum_parse(kind, f->value, c->sum) < 0) {
		*why = "The value of a checksum header is not valid.";
		return S3ERR_INVALID_REQUEST;
	}
	c->sum_kind = kind;
	c->sum_claimed = true;
	return S3ERR_OK;
}

static enum s3err
claim_trailer(const struct http_field *f, const struct sigv4 *sig,
    struct s3_claim *c, const char **why)
{
	enum sum_kind kind = sum_of_header(f->value);

	if (sig->payload != SIGV4_CHUNKS_TRAILER &&
	    sig->payload != SIGV4_UNSIGNED_TRAILER) {
		*why = "x-amz-trailer fits only a body with a trailer.";
		return S3ERR_INVALID_REQUEST;
	}
	if (kind == SUM_NONE || c->sum_kind != SUM_NONE) {
		*why = "x-amz-trailer may name one checksum, and nothing else.";
		return S3ERR_INVALID_REQUEST;
	}
	c->sum_kind = kind;
	c->sum_in_trailer = true;
	return S3ERR_OK;
}

static enum s3err
claim_sums(const struct http_head *head, const struct sigv4 *sig,
    struct s3_claim *c, const char **why)
{
	struct slice named = { 0 };
	enum s3err e = S3ERR_OK;

	for (size_t i = 0; i < head->n && e == S3ERR_OK; i++) {
		const struct http_field *f = &head->fields[i];
		enum sum_kind kind;

		if (!begins(f->name, "x-amz-*"))
			continue;
		kind = sum_of_header(f->name);
		if (kind != SUM_NONE)
			e = claim_sum(kind, f, c, why);
		else if (http_name_is(f->name, "x-amz-trailer"))
			e = claim_trailer(f, sig, c, why);
		else if (http_name_is(f->name, "x-amz-sdk-checksum-algorithm"))
			named = f->value;
	}
	if (e != S3ERR_OK || named.n == 0)
		return e;
	if (c->sum_kind == SUM_NONE || sum_of_word(named) != c->sum_kind) {
		*why = "x-amz-sdk-checksum-algorithm names a checksum that no "
		       "header and no trailer carries.";
		return S3ERR_INVALID_REQUEST;
	}
	return S3ERR_OK;
}

enum s3err
s3_claim_of(const struct http_head *head, const struct sigv4 *sig, bool sums,
    struct s3_claim *c, const char **why)
{
	enum s3err e;

	*c = (struct s3_claim){ .sum_kind = SUM_NONE };
	*why = NULL;
	e = claim_length(head, sig, c, why);
	if (e == S3ERR_OK)
		e = claim_md5(head, c);
	if (e == S3ERR_OK && sums)
		e = claim_sums(head, sig, c, why);
	return e;
}

enum s3err
s3_claim_trailer(struct s3_claim *c, const struct chunked *chunked)
{
	const struct http_field *fields;
	size_t n = chunked_trailers(chunked, &fields);
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		enum sum_kind kind = sum_of_header(fields[i].name);

		if (kind == SUM_NONE)
			continue;
		if (!c->sum_in_trailer || found || kind != c->sum_kind ||
		    sum_parse(kind, fields[i].value, c->sum) < 0)
			return S3ERR_MALFORMED_TRAILER;
		found = true;
	}
	if (c->sum_in_trailer && !found)
		return S3ERR_MALFORMED_TRAILER;
	c->sum_claimed |= found;
	return S3ERR_OK;
}

enum s3err
s3_claim_check(const struct s3_claim *c, const uint8_t *md5, const uint8_t *sum)
{
	if (c->md5_claimed && memcmp(c->md5, md5, MD5_BYTES) != 0)
		return S3ERR_BAD_DIGEST;
	if (c->sum_claimed && memcmp(c->sum, sum, sum_size(c->sum_kind)) != 0)
		return S3ERR_BAD_DIGEST;
	return S3ERR_OK;
}

enum s3err
s3_claim_check_body(
    const struct s3_claim *c, const struct sigv4 *sig, struct slice body)
{
	uint8_t sha[SHA256_BYTES], md5[MD5_BYTES], value[SUM_MOST];
	struct sum sum = { 0 };

	if (sig->payload == SIGV4_HEX) {
		digest_of(DIGEST_SHA256, body, sha);
		if (memcmp(sha, sig->sha, sizeof sha) != 0)
			return S3ERR_SHA_MISMATCH;
	}
	if (c->length_known && c->length != body.n)
		return S3ERR_INCOMPLETE_BODY;
	if (c->md5_claimed)
		digest_of(DIGEST_MD5, body, md5);
	if (c->sum_claimed) {
		sum_begin(&sum, c->sum_kind);
		sum_add(&sum, body);
		sum_end(&sum, value);
		sum_free(&sum);
	}
	return s3_claim_check(c, md5, value);
}
