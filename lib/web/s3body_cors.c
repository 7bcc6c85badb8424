/* SPDX-License-Identifier: ISC
 *
 * CORS rules of a bucket, and which of them allows a request. */
#include "base/table.h"
#include "web/http.h"
#include "web/s3body_own.h"
#include "web/text.h"

#include <stdlib.h>
#include <string.h>

enum {
	ID = 255,
	ASKED = 100,   /* names in Access-Control-Request-Headers */
	AGE = 1 << 30, /* seconds */
};

static const struct {
	const char *word;
	unsigned bit;
} methods[] = {
	{ "GET", S3_CORS_GET },
	{ "PUT", S3_CORS_PUT },
	{ "POST", S3_CORS_POST },
	{ "DELETE", S3_CORS_DELETE },
	{ "HEAD", S3_CORS_HEAD },
};

static unsigned
method_bit(struct slice word)
{
	for (size_t i = 0; i < N(methods); i++)
		if (slice_is(word, methods[i].word))
			return methods[i].bit;
	return 0;
}

static struct s3_cors_rule *
last(struct s3_doc *doc)
{
	struct s3_cors *c = doc->arg;

	return &c->at[c->n - 1];
}

static enum s3err
rule_open(struct s3_doc *doc, struct slice text)
{
	struct s3_cors *c = doc->arg;

	(void)text;
	if (c->n == S3_CORS_RULES)
		return s3_doc_no(
		    doc, S3ERR_INVALID_REQUEST, "There are too many rules.");
	c->at = s3_doc_more(c->at, c->n, sizeof *c->at);
	c->n++;
	return S3ERR_OK;
}

static enum s3err
rule_id(struct s3_doc *doc, struct slice text)
{
	if (text.n > ID)
		return s3_doc_no(doc, S3ERR_INVALID_REQUEST,
		    "A rule's ID is longer than 255 bytes.");
	last(doc)->id = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

/* A word of a list, with at most `stars` wildcards. */
static enum s3err
add_word(struct s3_doc *doc, struct slice text, size_t stars,
    struct slice *words, size_t *n)
{
	size_t found = 0;

	text = text_trim(text);
	for (size_t i = 0; i < text.n; i++)
		found += text.p[i] == '*';
	if (text.n == 0)
		return s3_doc_no(
		    doc, S3ERR_MALFORMED_XML, "An element is empty.");
	if (found > stars)
		return s3_doc_no(doc, S3ERR_INVALID_REQUEST,
		    stars ? "More than one wildcard in a word."
			  : "A wildcard where none may be.");
	if (*n == S3_CORS_WORDS)
		return s3_doc_no(doc, S3ERR_INVALID_REQUEST,
		    "A rule has too many elements.");
	words[(*n)++] = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

static enum s3err
rule_origin(struct s3_doc *doc, struct slice text)
{
	struct s3_cors_rule *r = last(doc);

	return add_word(doc, text, 1, r->origins, &r->norigins);
}

static enum s3err
rule_header(struct s3_doc *doc, struct slice text)
{
	struct s3_cors_rule *r = last(doc);

	return add_word(doc, text, 1, r->headers, &r->nheaders);
}

static enum s3err
rule_exposed(struct s3_doc *doc, struct slice text)
{
	struct s3_cors_rule *r = last(doc);

	return add_word(doc, text, 0, r->exposed, &r->nexposed);
}

static enum s3err
rule_method(struct s3_doc *doc, struct slice text)
{
	unsigned bit = method_bit(text_trim(text));

	if (bit == 0)
		return s3_doc_no(doc, S3ERR_INVALID_REQUEST,
		    "A method is not GET, PUT, POST, DELETE or HEAD.");
	last(doc)->methods |= bit;
	return S3ERR_OK;
}

static enum s3err
rule_age(struct s3_doc *doc, struct slice text)
{
	if (text_uint(text_trim(text), AGE, &last(doc)->age) < 0)
		return s3_doc_no(doc, S3ERR_MALFORMED_XML,
		    "MaxAgeSeconds is not a number of seconds.");
	last(doc)->has_age = true;
	return S3ERR_OK;
}

static const struct s3_doc_row rows[] = {
	{ "CORSConfiguration", S3_ONCE, NULL, NULL },
	{ "CORSConfiguration/CORSRule", S3_MUST, rule_open, NULL },
	{ "CORSConfiguration/CORSRule/ID", S3_ONCE, NULL, rule_id },
	{ "CORSConfiguration/CORSRule/AllowedOrigin", S3_MUST, NULL,
	    rule_origin },
	{ "CORSConfiguration/CORSRule/AllowedMethod", S3_MUST, NULL,
	    rule_method },
	{ "CORSConfiguration/CORSRule/AllowedHeader", 0, NULL, rule_header },
	{ "CORSConfiguration/CORSRule/ExposeHeader", 0, NULL, rule_exposed },
	{ "CORSConfiguration/CORSRule/MaxAgeSeconds", S3_ONCE, NULL, rule_age },
};

enum s3err
s3_cors_parse(struct slice xml, struct s3_cors *c, const char **why)
{
	struct s3_doc doc = { rows, N(rows), .arg = c, .bytes = &c->bytes };
	enum s3err e;

	*c = (struct s3_cors){ 0 };
	e = s3_doc_read(&doc, xml, why);
	if (e != S3ERR_OK)
		s3_cors_free(c);
	return e;
}

void
s3_cors_free(struct s3_cors *c)
{
	free(c->at);
	buf_free(&c->bytes);
	*c = (struct s3_cors){ 0 };
}

static bool
any_matches(
    const struct slice *patterns, size_t n, struct slice word, bool nocase)
{
	for (size_t i = 0; i < n; i++)
		if (text_matches(patterns[i], word, nocase))
			return true;
	return false;
}

/* Is every header that was asked for allowed? */
static bool
headers_allowed(const struct s3_cors_rule *r, struct slice headers)
{
	struct slice name;
	size_t asked = 0;

	while (text_next(&headers, ',', &name)) {
		name = text_trim(name);
		if (name.n == 0)
			continue;
		if (++asked > ASKED ||
		    !any_matches(r->headers, r->nheaders, name, true))
			return false;
	}
	return true;
}

const struct s3_cors_rule *
s3_cors_match(const struct s3_cors *c, struct slice origin, struct slice method,
    struct slice headers)
{
	unsigned bit = method_bit(method);

	for (size_t i = 0; i < c->n; i++) {
		const struct s3_cors_rule *r = &c->at[i];

		if ((r->methods & bit) &&
		    any_matches(r->origins, r->norigins, origin, false) &&
		    headers_allowed(r, headers))
			return r;
	}
	return NULL;
}

void
s3_cors_methods(const struct s3_cors_rule *r, struct buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < N(methods); i++) {
		if (!(r->methods & methods[i].bit))
			continue;
		put_text(out, between);
		put_text(out, methods[i].word);
		between = ", ";
	}
}

bool
s3_cors_any_origin(const struct s3_cors_rule *r)
{
	for (size_t i = 0; i < r->norigins; i++)
		if (slice_is(r->origins[i], "*"))
			return true;
	return false;
}
