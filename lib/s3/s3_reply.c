/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "web/xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_DIGITS = 16, ORIGIN = 1024 };

static void
finish(struct s3_req *r, unsigned status)
{
	struct http_reply *reply = &r->reply;

	reply->status = status;
	http_put_text(reply, "x-amz-request-id", r->id);
	s3_put_cors(r);
	if (reply->fd < 0 && reply->source.read == NULL && reply->body.n > 0)
		reply->length = reply->body.n;
	if (slice_is(r->head->method, "HEAD") || status == 204 || status == 304)
		reply->no_body = true;
	r->answered = true;
}

void
s3_answer(struct s3_req *r, unsigned status)
{
	if (!r->answered)
		finish(r, status);
}

void
s3_answer_xml(struct s3_req *r, unsigned status)
{
	if (r->answered)
		return;
	if (r->reply.body.bad) {
		s3_fail(r, S3ERR_SLOW_DOWN);
		return;
	}
	http_put_text(&r->reply, "Content-Type", "application/xml");
	finish(r, status);
}

void
s3_fail_extra(struct s3_req *r, enum s3err e, const char *sentence,
    struct slice extra_xml)
{
	if (r->answered)
		return;
	r->error = e;
	r->s3->errors[e]++;
	/* After a failure the index has read its names again. */
	if (r->bucket)
		r->bucket = nodedb_bucket(r->s3->db, r->op.bucket);
	buf_free(&r->reply.body);
	r->reply.length = 0;
	if (e != S3ERR_NOT_MODIFIED) {
		http_put_text(&r->reply, "Content-Type", "application/xml");
		s3err_xml(&r->reply.body, e, sentence, r->uri.raw_path, r->id,
		    extra_xml);
		if (r->reply.body.bad) /* the budget is used up */
			buf_free(&r->reply.body);
	}
	finish(r, s3err_status(e));
}

void
s3_fail_why(struct s3_req *r, enum s3err e, const char *sentence)
{
	s3_fail_extra(r, e, sentence, (struct slice){ 0 });
}

void
s3_fail(struct s3_req *r, enum s3err e)
{
	s3_fail_why(r, e, NULL);
}

void
s3_reply_anew(struct s3_req *r)
{
	struct budget *budget = r->s3->conf.budget;

	http_reply_free(&r->reply);
	http_reply_init(&r->reply, budget);
	r->answered = false;
}

void
s3_fail_db(struct s3_req *r, enum nodedb_said said, enum s3err none)
{
	static const enum s3err of[NODEDB_SAID_N] = {
		[NODEDB_OK] = S3ERR_INTERNAL,
		[NODEDB_EXISTS] = S3ERR_BUCKET_EXISTS,
		[NODEDB_BUSY] = S3ERR_COND_CONFLICT,
		[NODEDB_FULL] = S3ERR_INVALID_REQUEST,
		[NODEDB_QUOTA] = S3ERR_QUOTA,
	};

	if (said == NODEDB_NONE)
		s3_fail(r, none);
	else if (said == NODEDB_DISK)
		s3_fail(r, s3_disk_error(r));
	else
		s3_fail(r, of[said]);
}

enum s3err
s3_disk_error(const struct s3_req *r)
{
	r->s3->space_at = 0; /* ask again */
	return s3_disk_low(r->s3, r->now) ? S3ERR_STORAGE_FULL
					  : S3ERR_UNAVAILABLE;
}

void
s3_fail_errno(struct s3_req *r, int error)
{
	if (error == ENOSPC || error == EDQUOT) {
		r->s3->space_at = 0; /* ask again */
		s3_fail(r, S3ERR_STORAGE_FULL);
	} else if (error == ENOBUFS || error == ENOMEM || error == EMFILE)
		s3_fail(r, S3ERR_SLOW_DOWN);
	else
		s3_fail(r, s3_disk_error(r));
}

void
s3_etag(const struct object *o, char text[S3_ETAG])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < MD5_BYTES; i++) {
		text[2 * i] = digits[o->etag[i] >> 4];
		text[2 * i + 1] = digits[o->etag[i] & 15];
	}
	text[32] = '\0';
	if (o->parts > 0)
		snprintf(text + 32, S3_ETAG - 32, "-%u", o->parts);
}

void
s3_put_etag(struct s3_req *r, const char *etag)
{
	char text[S3_ETAG + 2];

	snprintf(text, sizeof text, "\"%s\"", etag);
	http_put_text(&r->reply, "ETag", text);
}

void
s3_xml_etag(struct buf *out, const char *etag)
{
	char text[S3_ETAG + 2];

	snprintf(text, sizeof text, "\"%s\"", etag);
	xml_str(out, "ETag", text);
}

void
s3_version_text(const struct object *o, char text[24])
{
	if (o->null)
		snprintf(text, 24, "null");
	else
		snprintf(text, 24, "%016llx", (unsigned long long)o->version);
}

void
s3_put_version(
    struct s3_req *r, const struct bucket *bucket, const struct object *o)
{
	char text[24];

	if (bucket->versioning == S3_UNVERSIONED)
		return;
	s3_version_text(o, text);
	http_put_text(&r->reply, "x-amz-version-id", text);
}

int
s3_version_parse(struct slice text, uint64_t *version)
{
	*version = 0;
	if (slice_is(text, "null"))
		return 0;
	if (text.n != VERSION_DIGITS)
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return -1;
		*version = *version << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return *version > 0 && *version <= INT64_MAX ? 0 : -1;
}

static void
put_list(struct http_reply *reply, const char *name, const struct slice *words,
    size_t n)
{
	struct buf text = { .max = 64 << 10 };

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			put_text(&text, ", ");
		put_slice(&text, words[i]);
	}
	if (text.n > 0 && !text.bad)
		http_put(reply, name, buf_slice(&text));
	buf_free(&text);
}

/* For caches between: what is said depends on who asks. */
static void
put_vary(struct http_reply *reply)
{
	http_put_text(reply, "Vary",
	    "Origin, Access-Control-Request-Headers, "
	    "Access-Control-Request-Method");
}

void
s3_put_cors_rule(
    struct s3_req *r, const struct s3_cors_rule *rule, struct slice origin)
{
	struct http_reply *reply = &r->reply;

	if (s3_cors_any_origin(rule)) {
		http_put_text(reply, "Access-Control-Allow-Origin", "*");
	} else {
		http_put(reply, "Access-Control-Allow-Origin", origin);
		http_put_text(
		    reply, "Access-Control-Allow-Credentials", "true");
	}
	put_list(reply, "Access-Control-Expose-Headers", rule->exposed,
	    rule->nexposed);
}

void
s3_put_cors(struct s3_req *r)
{
	const struct http_field *origin;
	struct buf doc = { .max = NODEDB_DOC };
	const struct s3_cors_rule *rule;
	struct s3_cors cors = { 0 };
	const char *why;

	if (r->bucket == NULL || !r->bucket->has_doc[DOC_CORS])
		return;
	put_vary(&r->reply);
	if (r->op.kind == S3OP_PREFLIGHT)
		return;
	origin = http_find(r->head, "origin");
	if (origin == NULL || origin->value.n > ORIGIN)
		return;
	if (nodedb_doc_get(r->s3->db, r->bucket, DOC_CORS, &doc) == NODEDB_OK &&
	    s3_cors_parse(buf_slice(&doc), &cors, &why) == S3ERR_OK) {
		rule = s3_cors_match(
		    &cors, origin->value, r->head->method, (struct slice){ 0 });
		if (rule)
			s3_put_cors_rule(r, rule, origin->value);
	}
	s3_cors_free(&cors);
	buf_free(&doc);
}

void
s3_xml_owner(struct buf *out, const char *element, const char *tenant)
{
	xml_open(out, element);
	xml_str(out, "ID", tenant);
	xml_str(out, "DisplayName", tenant);
	xml_close(out, element);
}
