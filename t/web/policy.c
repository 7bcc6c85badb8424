/* SPDX-License-Identifier: ISC */
#include "web/form.h"
#include "t/tap.h"

#define PART(name, value)                                                      \
	"--x\r\nContent-Disposition: form-data; name=\"" name                  \
	"\"\r\n\r\n" value "\r\n"
#define FILE_PART                                                              \
	"--x\r\nContent-Disposition: form-data; "                              \
	"name=file\r\n\r\ny\r\n--x--\r\n"

static struct form *
form_of(const char *body)
{
	struct form *f = form_new(slice_text("multipart/form-data;boundary=x"));
	struct slice in = slice_text(body);
	struct form_ev ev;

	while (form_step(f, &in, &ev) > 0)
		continue;
	return f;
}

/* Noon of 29 February 2024; the policies end a second later. */
#define NOW   INT64_C(1709208000)
#define END   "\"expiration\":\"2024-02-29T12:00:01.000Z\""
#define B     "{\"bucket\":\"b\"}"
#define K     "[\"starts-with\",\"$key\",\"u/\"]"
#define C(x)  "{" END ",\"conditions\":[" x "]}"
#define PLAIN PART("key", "u/${filename}") FILE_PART

static const struct {
	const char *form, *policy;
	enum s3err e;
	const char *name;
} rows[] = {
	{ PLAIN, C(B "," K), S3ERR_OK, "bucket and key" },
	{ PLAIN, C("[\"eq\",\"$bucket\",\"b\"]," K), S3ERR_OK, "as arrays" },
	{ PLAIN, C("[\"EQ\",\"$Bucket\",\"b\"],{\"KEY\":\"u/a.txt\"}"),
	    S3ERR_OK, "loud" },
	{ PLAIN, C(B ",[\"eq\",\"$key\",\"u/a.txt\"]"), S3ERR_OK,
	    "the key that will be used" },
	{ PLAIN, C(B ",[\"eq\",\"$key\",\"u/${filename}\"]"),
	    S3ERR_POLICY_DENIED, "not the one in the form" },
	{ PLAIN, C(B ",[\"starts-with\",\"$key\",\"\"]"), S3ERR_OK, "any key" },
	{ PLAIN, C(B ",[\"starts-with\",\"$key\",\"v/\"]"), S3ERR_POLICY_DENIED,
	    "another key" },
	{ PLAIN, C("{\"bucket\":\"c\"}," K), S3ERR_POLICY_DENIED,
	    "another bucket" },
	{ PLAIN, C(K), S3ERR_POLICY_DENIED, "no word on the bucket" },
	{ PLAIN, C(B), S3ERR_POLICY_DENIED, "no word on the key" },
	{ PART("bucket", "c") PLAIN, C(B "," K), S3ERR_OK,
	    "the bucket that will be used" },
	{ PART("acl", "private") PLAIN, C(B "," K), S3ERR_POLICY_DENIED,
	    "a field that is not mentioned" },
	{ PART("acl", "private") PLAIN, C(B "," K ",{\"acl\":\"private\"}"),
	    S3ERR_OK, "mentioned" },
	{ PART("acl", "public") PLAIN, C(B "," K ",{\"acl\":\"private\"}"),
	    S3ERR_POLICY_DENIED, "another value" },
	{ PLAIN, C(B "," K ",{\"acl\":\"private\"}"), S3ERR_POLICY_DENIED,
	    "a field that is missing" },
	{ PART("x-ignore-a", "1") PART("X-Amz-Signature", "s")
		PART("Policy", "p") PLAIN,
	    C(B "," K), S3ERR_OK, "exempt fields" },
	{ PART("Content-Type", "image/png, image/gif") PLAIN,
	    C(B "," K ",[\"starts-with\",\"$Content-Type\",\"image/\"]"),
	    S3ERR_OK, "every type of a list" },
	{ PART("Content-Type", "image/png,text/html") PLAIN,
	    C(B "," K ",[\"starts-with\",\"$Content-Type\",\"image/\"]"),
	    S3ERR_POLICY_DENIED, "not every type" },
	{ PLAIN, C(B "," K ",[\"content-length-range\",1,10]"), S3ERR_OK,
	    "a length" },
	{ PLAIN, C(B "," K ",[\"content-length-range\",\"1\",\"10\"]"),
	    S3ERR_OK, "a length in strings" },
	{ PLAIN, C(B "," K ",[\"content-length-range\",10,1]"),
	    S3ERR_INVALID_POLICY, "no range" },
	{ PLAIN, C(B "," K ",[\"content-length-range\",-1,10]"),
	    S3ERR_INVALID_POLICY, "a negative length" },
	{ PLAIN, C(B "," K ",[\"content-length-range\",1.5,10]"),
	    S3ERR_INVALID_POLICY, "half a byte" },
	{ PLAIN, C(B "," K ",[\"content-length-range\",1]"),
	    S3ERR_INVALID_POLICY, "half a range" },
	{ PLAIN,
	    "{\"expiration\":\"2024-02-29T12:00:00Z\",\"conditions\":[" B "," K
	    "]}",
	    S3ERR_POLICY_DENIED, "expired" },
	{ PLAIN, "{\"expiration\":\"soon\",\"conditions\":[" B "," K "]}",
	    S3ERR_INVALID_POLICY, "no date" },
	{ PLAIN, "{\"expiration\":7,\"conditions\":[" B "," K "]}",
	    S3ERR_INVALID_POLICY, "no text" },
	{ PLAIN, "{\"conditions\":[" B "," K "]}", S3ERR_INVALID_POLICY,
	    "no end" },
	{ PLAIN, "{" END "}", S3ERR_INVALID_POLICY, "no conditions" },
	{ PLAIN, "{" END ",\"CONDITIONS\":[" B "," K "]}", S3ERR_INVALID_POLICY,
	    "loud conditions" },
	{ PLAIN, "{" END ",\"conditions\":{}}", S3ERR_INVALID_POLICY,
	    "conditions as object" },
	{ PLAIN, C("{}"), S3ERR_INVALID_POLICY, "an empty condition" },
	{ PLAIN, C("[]"), S3ERR_INVALID_POLICY, "an empty array" },
	{ PLAIN, C("{\"a\":\"b\",\"c\":\"d\"}"), S3ERR_INVALID_POLICY,
	    "two in one" },
	{ PLAIN, C("{\"bucket\":1}"), S3ERR_INVALID_POLICY, "a number" },
	{ PLAIN, C("[\"eq\",\"key\",\"k\"]"), S3ERR_INVALID_POLICY,
	    "no dollar" },
	{ PLAIN, C("[\"eq\",\"$\",\"k\"]"), S3ERR_INVALID_POLICY, "no name" },
	{ PLAIN, C("[\"eq\",\"$key\",1]"), S3ERR_INVALID_POLICY, "no string" },
	{ PLAIN, C("[\"ends-with\",\"$key\",\"k\"]"), S3ERR_INVALID_POLICY,
	    "an unknown word" },
	{ PLAIN, C("[1,2,3]"), S3ERR_INVALID_POLICY, "no words" },
	{ PLAIN, C("7"), S3ERR_INVALID_POLICY, "no condition" },
	{ PLAIN, "{" END "," END ",\"conditions\":[]}", S3ERR_INVALID_POLICY,
	    "a member twice" },
	{ PLAIN, C("{\"key\":\"a\\u0000b\"}"), S3ERR_INVALID_POLICY, "NUL" },
	{ PLAIN, "[]", S3ERR_INVALID_POLICY, "an array" },
	{ PLAIN, "{", S3ERR_INVALID_POLICY, "no JSON" },
	{ PLAIN, "", S3ERR_INVALID_POLICY, "nothing" },
};

static enum s3err
judge(struct form *f, struct slice policy, struct form_limits *limits,
    struct buf *why)
{
	buf_cut(why, 0);
	return form_policy(f, policy, slice_text("b"), slice_text("u/a.txt"),
	    NOW, limits, why);
}

static void
test_rows(void)
{
	struct buf why = { .max = 4096 };
	struct form_limits limits;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct form *f = form_of(rows[i].form);
		enum s3err e =
		    judge(f, slice_text(rows[i].policy), &limits, &why);

		if (!ok(e == rows[i].e && (e == S3ERR_OK) == (why.n == 0),
			"%s: %.*s", rows[i].name, (int)why.n,
			why.n ? (const char *)why.p : ""))
			printf("# %s %s\n", s3err_code(e), form_why(f));
		form_free(f);
	}
	buf_free(&why);
}

static void
test_limits(void)
{
	struct buf why = { .max = 4096 }, many = { .max = 1 << 20 };
	struct form *f = form_of(PLAIN);
	struct form_limits limits;

	judge(f, slice_text(C(B "," K)), &limits, &why);
	ok(limits.least == 0 && limits.most == UINT64_MAX, "any length");
	judge(f,
	    slice_text(C(B "," K ",[\"content-length-range\",5,100],"
			   "[\"content-length-range\",0,50]")),
	    &limits, &why);
	ok(limits.least == 5 && limits.most == 50, "both ranges hold");
	put_text(&many, "{" END ",\"conditions\":[" B "," K);
	for (size_t i = 2; i < 200; i++)
		put_text(&many, "," B);
	put_text(&many, "]}");
	is_int(judge(f, buf_slice(&many), &limits, &why), S3ERR_OK,
	    "two hundred conditions");
	buf_cut(&many, many.n - 2);
	put_text(&many, "," B "]}");
	is_int(judge(f, buf_slice(&many), &limits, &why), S3ERR_INVALID_POLICY,
	    "one more");
	buf_cut(&many, 0);
	for (size_t i = 0; i < 20000; i++)
		put_u8(&many, '[');
	is_int(judge(f, buf_slice(&many), &limits, &why), S3ERR_INVALID_POLICY,
	    "arrays in arrays");
	form_free(f);
	buf_free(&why);
	buf_free(&many);
}

int
main(void)
{
	test_rows();
	test_limits();
	return tap_done();
}
