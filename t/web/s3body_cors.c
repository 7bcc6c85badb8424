/* SPDX-License-Identifier: ISC */
#include "web/s3body.h"
#include "t/tap.h"

#define CORS(x) "<CORSConfiguration>" x "</CORSConfiguration>"
#define RULE(x) "<CORSRule>" x "</CORSRule>"
#define O(x)    "<AllowedOrigin>" x "</AllowedOrigin>"
#define M(x)    "<AllowedMethod>" x "</AllowedMethod>"
#define H(x)    "<AllowedHeader>" x "</AllowedHeader>"
#define X(x)    "<ExposeHeader>" x "</ExposeHeader>"

static const struct {
	const char *xml;
	enum s3err e;
	const char *name;
} docs[] = {
	{ CORS(RULE(O("*") M("GET"))), S3ERR_OK, "anyone may get" },
	{ CORS(RULE("<ID>i</ID>" O("http://*.a.org") O("http://b.org") M("PUT")
		  M("POST") M("DELETE") M("HEAD") H("x-amz-*") H("Range")
		      X("ETag") "<MaxAgeSeconds>60</MaxAgeSeconds>")),
	    S3ERR_OK, "all that there is" },
	{ CORS(RULE(O("*") M("get"))), S3ERR_INVALID_REQUEST, "get" },
	{ CORS(RULE(O("*") M("PATCH"))), S3ERR_INVALID_REQUEST, "PATCH" },
	{ CORS(RULE(O("*.*") M("GET"))), S3ERR_INVALID_REQUEST, "two stars" },
	{ CORS(RULE(O("*") M("GET") H("**"))), S3ERR_INVALID_REQUEST,
	    "two stars in a header" },
	{ CORS(RULE(O("*") M("GET") X("x-*"))), S3ERR_INVALID_REQUEST,
	    "exposed by a star" },
	{ CORS(RULE(M("GET"))), S3ERR_MALFORMED_XML, "no origin" },
	{ CORS(RULE(O("*"))), S3ERR_MALFORMED_XML, "no method" },
	{ CORS(RULE(O("") M("GET"))), S3ERR_MALFORMED_XML, "empty origin" },
	{ CORS(RULE(O("*") M("GET") "<MaxAgeSeconds>x</MaxAgeSeconds>")),
	    S3ERR_MALFORMED_XML, "no age" },
	{ CORS(RULE(O("*") M("GET") "<More/>")), S3ERR_MALFORMED_XML,
	    "something unknown" },
	{ CORS(""), S3ERR_MALFORMED_XML, "no rule" },
	{ "<Cors/>", S3ERR_MALFORMED_XML, "another document" },
};

static void
test_parse(void)
{
	struct s3_cors c;
	const char *why;

	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		enum s3err e = s3_cors_parse(slice_text(docs[i].xml), &c, &why);

		ok(e == docs[i].e && (e == S3ERR_OK) == (*why == '\0'),
		    "%s: %s", docs[i].name, why);
		s3_cors_free(&c);
		s3_cors_free(&c);
	}
}

static void
test_fields(void)
{
	struct buf out = { .max = 128 };
	const struct s3_cors_rule *r;
	struct s3_cors c;
	const char *why;

	s3_cors_parse(slice_text(docs[1].xml), &c, &why);
	r = &c.at[0];
	ok(c.n == 1 && slice_is(r->id, "i") && r->norigins == 2 &&
		r->nheaders == 2 && r->nexposed == 1 && r->has_age &&
		r->age == 60 && slice_is(r->origins[0], "http://*.a.org") &&
		slice_is(r->exposed[0], "ETag"),
	    "every field of a rule");
	ok(!s3_cors_any_origin(r), "not for every origin");
	s3_cors_methods(r, &out);
	ok(slice_is(buf_slice(&out), "PUT, POST, DELETE, HEAD"), "methods");
	s3_cors_free(&c);
	s3_cors_parse(slice_text(docs[0].xml), &c, &why);
	ok(s3_cors_any_origin(&c.at[0]) && !c.at[0].has_age,
	    "for every origin");
	s3_cors_free(&c);
	buf_free(&out);
}

static void
test_match(void)
{
	static const char xml[] = CORS(RULE("<ID>0</ID>" O("http://*.a.org")
		M("PUT") H("x-amz-*") H("Content-Type"))
		RULE("<ID>1</ID>" O("*") M("GET") M("HEAD"))
		    RULE("<ID>2</ID>" O("https://b.org") M("PUT") H("*")));
	static const struct {
		const char *origin, *method, *headers, *rule;
	} rows[] = {
		{ "http://x.a.org", "PUT", "", "0" },
		{ "http://x.a.org", "PUT", "X-AMZ-Date, content-type", "0" },
		{ "http://x.a.org", "PUT", "x-amz-date,, ", "0" },
		{ "http://x.a.org", "PUT", "range", NULL },
		{ "http://x.a.org", "GET", "", "1" },
		{ "http://x.a.org", "GET", "range", NULL },
		{ "http://x.a.org.evil", "PUT", "", NULL },
		{ "HTTP://x.a.org", "PUT", "", NULL },
		{ "http://.a.org", "PUT", "", "0" },
		{ "http://a.org", "PUT", "", NULL },
		{ "https://b.org", "PUT", "anything", "2" },
		{ "https://b.org", "DELETE", "", NULL },
		{ "null", "HEAD", "", "1" },
		{ "", "GET", "", "1" },
		{ "https://b.org", "put", "", NULL },
		{ "https://b.org", "OPTIONS", "", NULL },
	};
	struct s3_cors c;
	const char *why;

	is_int(s3_cors_parse(slice_text(xml), &c, &why), S3ERR_OK, "rules");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct s3_cors_rule *r = s3_cors_match(&c,
		    slice_text(rows[i].origin), slice_text(rows[i].method),
		    slice_text(rows[i].headers));

		ok((r == NULL) == (rows[i].rule == NULL) &&
			(r == NULL || slice_is(r->id, rows[i].rule)),
		    "%s from \"%s\" with \"%s\"", rows[i].method,
		    rows[i].origin, rows[i].headers);
	}
	s3_cors_free(&c);
}

static enum s3err
parse_many(size_t rules, size_t words, struct s3_cors *c)
{
	struct buf xml = { .max = 1 << 20 };
	const char *why;
	enum s3err e;

	put_text(&xml, "<CORSConfiguration>");
	for (size_t i = 0; i < rules; i++) {
		put_text(&xml, "<CORSRule>" M("GET"));
		for (size_t j = 0; j < words; j++)
			put_text(&xml, O("*") H("*"));
		put_text(&xml, "</CORSRule>");
	}
	put_text(&xml, "</CORSConfiguration>");
	e = s3_cors_parse(buf_slice(&xml), c, &why);
	buf_free(&xml);
	return e;
}

static void
test_limits(void)
{
	struct buf asked = { .max = 4096 };
	struct s3_cors c;

	is_int(parse_many(S3_CORS_RULES + 1, 1, &c), S3ERR_INVALID_REQUEST,
	    "too many rules");
	is_int(parse_many(1, S3_CORS_WORDS + 1, &c), S3ERR_INVALID_REQUEST,
	    "too many words");
	ok(parse_many(S3_CORS_RULES, 2, &c) == S3ERR_OK && c.n == S3_CORS_RULES,
	    "the most rules");
	for (size_t i = 0; i < 100; i++)
		put_text(&asked, "x,");
	ok(s3_cors_match(&c, slice_text("a"), slice_text("GET"),
	       buf_slice(&asked)) != NULL,
	    "a hundred headers may be asked for");
	put_text(&asked, "x");
	ok(s3_cors_match(&c, slice_text("a"), slice_text("GET"),
	       buf_slice(&asked)) == NULL,
	    "and no more");
	s3_cors_free(&c);
	buf_free(&asked);
}

int
main(void)
{
	test_parse();
	test_fields();
	test_match();
	test_limits();
	return tap_done();
}
