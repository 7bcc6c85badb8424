/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "base/utf8.h"
#include "web/text.h"
#include "wire/mbase.h"

#include <stdlib.h>
#include <string.h>

enum { POLICY = 20 << 10, SENTENCE = 512, LOCATION = 8192 };

/* state_of_op: the key, when it is not as it stood in the form. */
struct form_op {
	struct buf key;
	bool begun;
};

static void
op_free(void *state)
{
	struct form_op *op = state;

	buf_free(&op->key);
	free(op);
}

/* key, with ${filename} replaced. */
static bool
form_key(struct s3_req *r, struct form_op *op)
{
	static const char mark[] = "${filename}";
	struct slice key = form_value(r->form, "key");
	struct slice name = form_filename(r->form);
	const uint8_t *at;

	/* A browser may send the whole path. */
	for (size_t i = name.n; i-- > 0;)
		if (name.p[i] == '/' || name.p[i] == '\\') {
			get_bytes(&name, i + 1);
			break;
		}
	buf_init(&op->key, HTTP_TARGET, r->s3->conf.budget);
	while (key.n > 0 &&
	       (at = memmem(key.p, key.n, mark, sizeof mark - 1)) != NULL) {
		put_slice(&op->key, get_bytes(&key, (size_t)(at - key.p)));
		put_slice(&op->key, name);
		get_bytes(&key, sizeof mark - 1);
	}
	put_slice(&op->key, key);
	r->op.key = buf_slice(&op->key);
	return !op->key.bad;
}

static enum s3err
key_fault(struct slice key)
{
	if (key.n > S3_KEY)
		return S3ERR_KEY_TOO_LONG;
	if (key.n == 0 || memchr(key.p, 0, key.n) || !utf8_ok(key))
		return S3ERR_INVALID_OBJECT_NAME;
	return S3ERR_OK;
}

/* false: answered. */
static bool
policy(struct s3_req *r, struct form_limits *limits)
{
	struct slice text = form_value(r->form, "policy");
	struct buf json = { .max = POLICY }, why = { .max = SENTENCE };
	enum s3err e = S3ERR_INVALID_POLICY;

	*limits = (struct form_limits){ 0, UINT64_MAX };
	if (text.n == 0)
		return true;
	if (mbase_decode(MBASE_64, text, &json) == 0)
		e = form_policy(r->form, buf_slice(&json), r->op.bucket,
		    r->op.key, r->now / 1000, limits, &why);
	if (e != S3ERR_OK) {
		put_u8(&why, 0);
		s3_fail_why(
		    r, e, why.n > 1 && !why.bad ? (const char *)why.p : NULL);
	}
	buf_free(&json);
	buf_free(&why);
	return e == S3ERR_OK;
}

static void
add_field(struct http_head *head, const char *name, struct slice value)
{
	if (value.n > 0)
		head->fields[head->n++] =
		    (struct http_field){ slice_text(name), value };
}

/* The fields as if they were headers of a PUT. */
static struct http_head *
form_head(const struct s3_req *r)
{
	const struct http_field *fields;
	size_t n = form_fields(r->form, &fields);
	struct http_head *head = mem_new(sizeof *head);

	for (size_t i = 0; i < n && head->n < HTTP_FIELDS - 2; i++)
		head->fields[head->n++] = fields[i];
	if (http_find(head, "content-type") == NULL)
		add_field(head, "content-type", form_file_type(r->form));
	add_field(head, "x-amz-acl", form_value(r->form, "acl"));
	return head;
}

/* Tags stand in the form as XML. */
static bool
form_tags(struct s3_req *r)
{
	struct slice xml = form_value(r->form, "tagging");
	struct s3_tags *tags;
	const char *why = NULL;
	enum s3err e;

	if (xml.n == 0)
		return true;
	tags = mem_new(sizeof *tags);
	e = s3_tags_parse(xml, S3_TAGS, tags, &why);
	if (e == S3ERR_OK)
		s3_tags_pack(tags, &r->content->tags);
	else
		s3_fail_why(r, e, why);
	s3_tags_free(tags);
	free(tags);
	return e == S3ERR_OK;
}

static void
answer(struct s3_req *r, const char *etag, unsigned status)
{
	struct buf *out = &r->reply.body, path = { .max = LOCATION };

	put_text(&path, "/");
	put_slice(&path, r->op.bucket);
	put_text(&path, "/");
	uri_escape(&path, r->op.key, true);
	if (!path.bad)
		http_put(&r->reply, "Location", buf_slice(&path));
	if (status == 201) {
		xml_head(out);
		xml_open(out, "PostResponse");
		xml_text(out, "Location", buf_slice(&path));
		xml_text(out, "Bucket", r->op.bucket);
		xml_text(out, "Key", r->op.key);
		s3_xml_etag(out, etag);
		xml_close(out, "PostResponse");
		s3_answer_xml(r, status);
	} else {
		s3_answer(r, status);
	}
	buf_free(&path);
}

/* success_action_redirect with what was stored in its query; false: it is no
 * URL that a browser could follow. */
static bool
redirect(struct s3_req *r, const char *etag)
{
	struct slice to = form_value(r->form, "success_action_redirect");
	struct buf url = { .max = LOCATION };
	bool good;

	if (to.n == 0)
		to = form_value(r->form, "redirect");
	if (!text_begins_nocase(to, slice_text("http://")) &&
	    !text_begins_nocase(to, slice_text("https://")))
		return false;
	put_slice(&url, to);
	put_text(&url, memchr(to.p, '?', to.n) ? "&bucket=" : "?bucket=");
	uri_escape(&url, r->op.bucket, false);
	put_text(&url, "&key=");
	uri_escape(&url, r->op.key, false);
	put_text(&url, "&etag=%22");
	put_text(&url, etag);
	put_text(&url, "%22");
	good = !url.bad;
	if (good) {
		http_put(&r->reply, "Location", buf_slice(&url));
		s3_answer(r, 303);
	}
	buf_free(&url);
	return good;
}

static void
form_named(struct s3_req *r, const struct content *content)
{
	struct slice status = form_value(r->form, "success_action_status");
	char etag[S3_ETAG];

	if (!s3_object_name(r, content, etag) || redirect(r, etag))
		return;
	if (slice_is(status, "200"))
		answer(r, etag, 200);
	else
		answer(r, etag, slice_is(status, "201") ? 201 : 204);
}

/* Bytes that the file can have at most: the body's, less what is read. */
static uint64_t
file_most(const struct s3_req *r, const struct form_limits *limits)
{
	uint64_t most = r->content->most;

	if (limits->most < most)
		most = limits->most;
	if (r->head->has_length && r->head->length < most)
		most = r->head->length;
	return most;
}

static void
begin_content(struct s3_req *r, const struct form_limits *limits)
{
	struct http_head *head = form_head(r);
	const char *why;
	enum s3err e;

	/* Length and framing are the body's, not the file's. */
	if (!s3_content_begin(
		r, head, r->bucket->tenant, s3_object_give, form_named))
		goto out;
	e = s3_head_refused(r, head, &why);
	if (e != S3ERR_OK) {
		s3_fail_why(r, e, why);
		goto out;
	}
	r->content->least = limits->least;
	r->content->most = file_most(r, limits);
	if (r->head->has_length &&
	    !s3_content_reserve(r, r->content->most, s3_object_give))
		goto out;
	if (s3_object_describe(r, head))
		form_tags(r);
out:
	free(head);
}

static void
fields_known(struct s3_req *r, struct form_op *op)
{
	struct form_limits limits;
	enum s3err e;

	op->begun = true;
	if (!s3_bucket_again(r) || s3_authenticate_form(r, r->form) != S3ERR_OK)
		return;
	if (!form_key(r, op)) {
		s3_fail(r, S3ERR_MAX_MESSAGE);
		return;
	}
	e = key_fault(r->op.key);
	if (e == S3ERR_OK && !s3_allowed(r, r->bucket, r->op.key, S3_WRITE))
		e = r->who == S3_WHO_NOBODY ? S3ERR_ANONYMOUS
					    : S3ERR_ACCESS_DENIED;
	if (e != S3ERR_OK)
		s3_fail(r, e);
	else if (policy(r, &limits))
		begin_content(r, &limits);
}

void
s3_form_post(struct s3_req *r)
{
	struct form_op *op;

	if (r->sig.payload != SIGV4_UNSIGNED || r->who == S3_WHO_KEY) {
		s3_fail_why(r, S3ERR_INVALID_REQUEST,
		    "A form is signed inside, by its policy.");
		return;
	}
	if (!r->head->has_length && r->head->uid < 0) {
		s3_fail(r, S3ERR_MISSING_LENGTH);
		return;
	}
	r->form = form_new(http_value(r->head, "content-type"));
	if (r->form == NULL) {
		s3_fail(r, S3ERR_MALFORMED_POST);
		return;
	}
	op = mem_new(sizeof *op);
	r->state_of_op = op;
	r->free_state = op_free;
}

void
s3_form_take(struct s3_req *r, struct slice in)
{
	struct form_op *op = r->state_of_op;
	struct form_ev ev;
	int got = 1;

	while (got > 0 && !r->answered) {
		got = form_step(r->form, &in, &ev);
		if (got < 0)
			s3_fail_why(r, S3ERR_MALFORMED_POST, form_why(r->form));
		else if (got > 0 && ev.what == FORM_FILE)
			fields_known(r, op);
		else if (got > 0 && ev.what == FORM_DATA && r->content)
			s3_content_add(r, ev.data);
	}
}

void
s3_form_end(struct s3_req *r)
{
	if (form_fin(r->form) < 0 || r->content == NULL)
		s3_fail_why(r, S3ERR_MALFORMED_POST, form_why(r->form));
	else
		s3_content_end(r);
}
