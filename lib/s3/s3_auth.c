/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "crypt/secretbox.h"
#include "web/text.h"
#include "wire/mbase.h"

#include <stdio.h>
#include <string.h>

static const enum s3err refusal[] = {
	[SIGV4_OK] = S3ERR_OK,
	[SIGV4_NONE] = S3ERR_OK,
	[SIGV4_MALFORMED] = S3ERR_AUTH_MALFORMED,
	[SIGV4_OLD] = S3ERR_INVALID_REQUEST,
	[SIGV4_NO_DATE] = S3ERR_NO_DATE,
	[SIGV4_SKEWED] = S3ERR_SKEWED,
	[SIGV4_EXPIRED] = S3ERR_EXPIRED,
	[SIGV4_EARLY] = S3ERR_EARLY,
	[SIGV4_BAD_PAYLOAD] = S3ERR_INVALID_ARGUMENT,
	[SIGV4_UNSIGNED_HEADER] = S3ERR_UNSIGNED_HEADER,
	[SIGV4_MISMATCH] = S3ERR_SIGNATURE,
};

static const char *const sentences[] = {
	[SIGV4_OLD] = "Only AWS4-HMAC-SHA256 is taken as authorization.",
	[SIGV4_BAD_PAYLOAD] = "x-amz-content-sha256 is none of the forms that "
			      "this server knows.",
	[SIGV4_MISMATCH] = NULL,
};

static void
refuse(struct s3_req *r, enum sigv4_end end)
{
	enum s3err e = refusal[end];
	const char *why = NULL;

	if ((size_t)end < sizeof sentences / sizeof *sentences)
		why = sentences[end];
	if (end == SIGV4_MALFORMED && uri_find(&r->uri, "X-Amz-Algorithm"))
		e = S3ERR_AUTH_QUERY;
	if (end == SIGV4_BAD_PAYLOAD &&
	    !http_find(r->head, "x-amz-content-sha256")) {
		e = S3ERR_INVALID_REQUEST;
		why = "Missing required header for this request: "
		      "x-amz-content-sha256";
	}
	s3_fail_why(r, e, why);
}

void
s3_secret_seal(
    const struct s3 *s3, struct slice id, struct slice secret, struct buf *out)
{
	secretbox_seal(s3->conf.secret, id, secret, out);
}

int
s3_secret_open(
    const struct s3 *s3, const struct access_key *key, struct buf *secret)
{
	return secretbox_open(s3->conf.secret, slice_text(key->id),
	    slice_of(key->sealed, key->nsealed), secret);
}

/* Who is it, and the key that its signatures are made with; S3ERR_OK or the
 * refusal, not answered yet. */
static enum s3err
signer(struct s3_req *r, const struct sigv4 *sig)
{
	const struct access_key *key = nodedb_key(r->s3->db, sig->key_id);
	struct buf secret = { .max = 256 };

	if (key == NULL)
		return S3ERR_INVALID_KEY_ID;
	if (key->disabled)
		return S3ERR_ACCESS_DENIED;
	if (s3_secret_open(r->s3, key, &secret) < 0) {
		buf_wipe(&secret);
		return S3ERR_INTERNAL;
	}
	sigv4_cached(&r->s3->keys, sig, buf_slice(&secret), r->signing_key);
	buf_wipe(&secret);
	snprintf(r->key_id, sizeof r->key_id, "%s", key->id);
	r->tenant = key->tenant;
	return S3ERR_OK;
}

/* With what this side signed, so that one can compare. */
static void
fail_signature(struct s3_req *r)
{
	struct buf canonical = { .max = SIGV4_CANONICAL };
	struct buf to_sign = { .max = 4096 }, xml = { .max = 1 << 20 };

	sigv4_check(&r->sig, r->head, &r->uri, r->signing_key,
	    r->s3->conf.hosts, &canonical, &to_sign);
	xml_text(&xml, "AWSAccessKeyId", r->sig.key_id);
	xml_text(&xml, "StringToSign", buf_slice(&to_sign));
	xml_text(&xml, "SignatureProvided", r->sig.signature);
	xml_text(&xml, "CanonicalRequest", buf_slice(&canonical));
	if (xml.bad)
		buf_cut(&xml, 0);
	s3_fail_extra(r, S3ERR_SIGNATURE, NULL, buf_slice(&xml));
	buf_free(&xml);
	buf_free(&to_sign);
	buf_free(&canonical);
}

/* x-amz-content-sha256 of a request that nobody signed. */
static enum sigv4_end
unsigned_payload(struct s3_req *r)
{
	struct slice text = http_value(r->head, "x-amz-content-sha256");
	struct buf sha = { .max = SHA256_BYTES };
	enum sigv4_end end = SIGV4_OK;

	r->sig.payload = SIGV4_UNSIGNED;
	if (text.n == 0 || slice_is(text, "UNSIGNED-PAYLOAD"))
		return SIGV4_OK;
	if (slice_is(text, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")) {
		r->sig.payload = SIGV4_UNSIGNED_TRAILER;
		return SIGV4_OK;
	}
	if (text.n == 2 * SHA256_BYTES &&
	    mbase_decode(MBASE_16, text, &sha) == 0) {
		r->sig.payload = SIGV4_HEX;
		memcpy(r->sig.sha, sha.p, SHA256_BYTES);
	} else {
		end = SIGV4_BAD_PAYLOAD;
	}
	buf_free(&sha);
	return end;
}

static enum s3err
unsigned_request(struct s3_req *r)
{
	enum sigv4_end end = unsigned_payload(r);

	if (end != SIGV4_OK) {
		s3_fail_why(r, refusal[end], sentences[end]);
		return r->error;
	}
	if (r->head->uid >= 0) {
		r->who = S3_WHO_LOCAL;
		r->local = (unsigned)rights_of(
		    r->s3->conf.rights, (uint32_t)r->head->uid);
	}
	return S3ERR_OK;
}

static enum s3err
signed_request(struct s3_req *r, enum sigv4_end end)
{
	enum s3err e;

	if (end == SIGV4_OK) {
		e = signer(r, &r->sig);
		if (e != S3ERR_OK) {
			s3_fail(r, e);
			return e;
		}
		end = sigv4_check(&r->sig, r->head, &r->uri, r->signing_key,
		    r->s3->conf.hosts, NULL, NULL);
	}
	if (end == SIGV4_OK) {
		r->who = S3_WHO_KEY;
		return S3ERR_OK;
	}
	if (end == SIGV4_MISMATCH)
		fail_signature(r);
	else
		refuse(r, end);
	return r->error;
}

static bool
local_may(unsigned words, unsigned verb)
{
	unsigned need = 0;

	need |= verb & (S3_READ | S3_LIST) ? S3_LOCAL_READ : 0;
	need |= verb & (S3_WRITE | S3_DELETE) ? S3_LOCAL_WRITE : 0;
	need |= verb & S3_ADMIN ? S3_LOCAL_ADMIN : 0;
	return (words & need) == need;
}

/* any_key: whatever the grant's prefix is. */
static bool
granted(const struct s3_req *r, struct slice bucket, struct slice key,
    bool any_key, unsigned verb)
{
	const struct access_key *k;

	k = nodedb_key(r->s3->db, slice_text(r->key_id));
	if (k == NULL || k->disabled)
		return false;
	for (size_t i = 0; i < k->ngrants; i++) {
		const struct grant *g = &k->grants[i];

		if ((g->verbs & verb) != verb)
			continue;
		if (strcmp(g->bucket, "*") != 0 && !slice_is(bucket, g->bucket))
			continue;
		if (any_key || text_begins(key, slice_text(g->prefix)))
			return true;
	}
	return false;
}

static bool
allowed(const struct s3_req *r, const struct bucket *bucket, struct slice key,
    bool any_key, unsigned verb)
{
	if (r->who == S3_WHO_LOCAL)
		return local_may(r->local, verb);
	if ((bucket->anonymous & verb) == verb)
		return true;
	return r->who == S3_WHO_KEY && bucket->tenant == r->tenant &&
	       granted(r, slice_text(bucket->name), key, any_key, verb);
}

bool
s3_allowed(const struct s3_req *r, const struct bucket *bucket,
    struct slice key, unsigned verb)
{
	return allowed(r, bucket, key, false, verb);
}

bool
s3_allowed_some(
    const struct s3_req *r, const struct bucket *bucket, unsigned verb)
{
	return allowed(r, bucket, (struct slice){ 0 }, true, verb);
}

/* Which keys a request is about, as grants see it. */
enum subject {
	SUBJECT_KEY,    /* op.key; empty for buckets: only grants of all keys */
	SUBJECT_PREFIX, /* prefix= of the query */
	SUBJECT_ANY,    /* any; the handler looks at each */
	SUBJECT_NEW,    /* a bucket that need not be there */
	SUBJECT_NONE,   /* nothing is asked */
	SUBJECT_LOCAL,  /* only who is on the local socket */
};

static enum subject
subject(enum s3op_kind kind)
{
	static const uint8_t of[S3OP_N] = {
		[S3OP_LIST_OBJECTS] = SUBJECT_PREFIX,
		[S3OP_LIST_OBJECTS_V2] = SUBJECT_PREFIX,
		[S3OP_LIST_VERSIONS] = SUBJECT_PREFIX,
		[S3OP_LIST_UPLOADS] = SUBJECT_PREFIX,
		[S3OP_HEAD_BUCKET] = SUBJECT_ANY,
		[S3OP_GET_LOCATION] = SUBJECT_ANY,
		[S3OP_DELETE_OBJECTS] = SUBJECT_ANY,
		[S3OP_CREATE_BUCKET] = SUBJECT_NEW,
		[S3OP_LIST_BUCKETS] = SUBJECT_NEW,
		[S3OP_POST_OBJECT] = SUBJECT_NONE,
		[S3OP_PREFLIGHT] = SUBJECT_NONE,
		[S3OP_ADMIN] = SUBJECT_LOCAL,
	};

	return (enum subject)of[kind];
}

static bool
may_without_bucket(const struct s3_req *r, unsigned verb)
{
	if (r->who == S3_WHO_LOCAL)
		return local_may(r->local, verb);
	if (r->who != S3_WHO_KEY)
		return false;
	/* Every key may ask which buckets it has; it is shown those. */
	return r->op.kind == S3OP_LIST_BUCKETS ||
	       granted(r, r->op.bucket, (struct slice){ 0 }, false, verb);
}

static enum s3err
may(struct s3_req *r)
{
	unsigned verb = s3op_verb(r->op.kind);
	enum subject about = subject(r->op.kind);
	bool good = false;

	if (about == SUBJECT_LOCAL) {
		good = r->who == S3_WHO_LOCAL && r->local != 0;
	} else if (about == SUBJECT_NEW) {
		good = may_without_bucket(r, verb);
	} else if (about == SUBJECT_NONE && r->op.kind == S3OP_PREFLIGHT) {
		return S3ERR_OK;
	} else if (r->bucket == NULL) {
		return S3ERR_NO_SUCH_BUCKET;
	} else {
		struct slice key = about == SUBJECT_PREFIX
				       ? uri_value(&r->uri, "prefix")
				       : r->op.key;

		good = about == SUBJECT_NONE ||
		       allowed(r, r->bucket, key, about == SUBJECT_ANY, verb);
	}
	if (good)
		return S3ERR_OK;
	return r->who == S3_WHO_NOBODY ? S3ERR_ANONYMOUS : S3ERR_ACCESS_DENIED;
}

enum s3err
s3_authenticate(struct s3_req *r)
{
	enum sigv4_end end;
	enum s3err e;

	if (r->op.bucket.n > 0)
		r->bucket = nodedb_bucket(r->s3->db, r->op.bucket);
	r->bucket_no = r->bucket ? r->bucket->no : 0;
	/* A browser asks without signing, and a form signs inside. */
	end = r->op.kind == S3OP_PREFLIGHT
		  ? SIGV4_NONE
		  : sigv4_read(r->head, &r->uri, r->now / 1000, &r->sig);
	e = end == SIGV4_NONE ? unsigned_request(r) : signed_request(r, end);
	if (e != S3ERR_OK)
		return e;
	e = may(r);
	if (e != S3ERR_OK)
		s3_fail(r, e);
	return e;
}

/* KEY/DATE/REGION/s3/aws4_request, from its end: a key may hold slashes. */
static bool
credential(struct slice text, struct sigv4 *sig)
{
	struct slice last = { 0 };
	struct slice *const part[] = { &last, &sig->service, &sig->region,
		&sig->date };

	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		const uint8_t *slash =
		    text.n ? memrchr(text.p, '/', text.n) : NULL;

		if (slash == NULL)
			return false;
		*part[i] =
		    slice_of(slash + 1, (size_t)(text.p + text.n - slash - 1));
		text.n = (size_t)(slash - text.p);
	}
	sig->key_id = text;
	return sig->date.n == 8 && slice_is(sig->service, "s3") &&
	       slice_is(last, "aws4_request");
}

static enum s3err
form_signed(struct s3_req *r, const struct form *form)
{
	struct slice stamp = form_value(form, "x-amz-date");
	struct sigv4 sig = { 0 };
	enum s3err e;

	if (!slice_is(form_value(form, "x-amz-algorithm"), "AWS4-HMAC-SHA256"))
		return S3ERR_INVALID_REQUEST;
	if (!credential(form_value(form, "x-amz-credential"), &sig))
		return S3ERR_AUTH_QUERY;
	if (stamp.n != 16 || !slice_eq(slice_of(stamp.p, 8), sig.date))
		return S3ERR_NO_DATE;
	e = signer(r, &sig);
	if (e != S3ERR_OK)
		return e;
	if (!sigv4_policy(r->signing_key, form_value(form, "policy"),
		form_value(form, "x-amz-signature")))
		return S3ERR_SIGNATURE;
	r->who = S3_WHO_KEY;
	return S3ERR_OK;
}

enum s3err
s3_authenticate_form(struct s3_req *r, const struct form *form)
{
	enum s3err e = S3ERR_OK;

	if (form_value(form, "AWSAccessKeyId").n > 0)
		e = S3ERR_INVALID_REQUEST;
	else if (form_value(form, "policy").n > 0 ||
		 form_value(form, "x-amz-signature").n > 0)
		e = form_signed(r, form);
	if (e != S3ERR_OK)
		s3_fail(r, e);
	return e;
}
