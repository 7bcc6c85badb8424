/* SPDX-License-Identifier: ISC
 *
 * AWS's published examples (S3 API reference, "Examples: Signature
 * Calculations"), and what may be wrong with a claim. */
#include "web/sigv4.h"
#include "t/tap.h"
#include "t/web/request.h"

#include "base/mem.h"
#include "wire/mbase.h"

#include <stdlib.h>

#define ID       "AKIAIOSFODNN7EXAMPLE"
#define SECRET   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define SCOPE    "20130524/us-east-1/s3/aws4_request"
#define DATE     "x-amz-date: 20130524T000000Z\n"
#define HOST     "Host: examplebucket.s3.amazonaws.com\n"
#define EMPTY    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define NOTHING  "x-amz-content-sha256: " EMPTY "\n"
#define UNSIGNED "x-amz-content-sha256: UNSIGNED-PAYLOAD\n"
#define AUTH(names, signature)                                                 \
	"Authorization: AWS4-HMAC-SHA256 Credential=" ID "/" SCOPE             \
	",SignedHeaders=" names ",Signature=" signature "\n"
#define QUERY(names, expires, signature)                                       \
	"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" ID                \
	"%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"                          \
	"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=" expires                  \
	"&X-Amz-SignedHeaders=" names "&X-Amz-Signature=" signature
#define USUAL "host;x-amz-content-sha256;x-amz-date"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define PRESIGNED                                                              \
	"aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"

enum { THEN = 1369353600 }; /* 2013-05-24 00:00 */

/* A request as far as it can be checked. */
struct asked {
	struct http_head head;
	struct uri uri;
	struct sigv4 sig;
	enum sigv4_end end;
};

static void
ask(struct asked *a, struct slice text, int64_t now)
{
	const char *why;

	a->head = request_of(text);
	a->sig = (struct sigv4){ 0 };
	a->end = SIGV4_MALFORMED;
	if (uri_parse(a->head.target, &a->uri, &why) == 0)
		a->end = sigv4_read(&a->head, &a->uri, now, &a->sig);
}

static enum sigv4_end
check(const struct asked *a, const char *secret, const char *const *hosts,
    struct buf *canonical, struct buf *to_sign)
{
	uint8_t key[SHA256_BYTES];

	sigv4_key(slice_text(secret), a->sig.date, a->sig.region,
	    a->sig.service, key);
	return sigv4_check(
	    &a->sig, &a->head, &a->uri, key, hosts, canonical, to_sign);
}

/* Read and checked at once, with the key of the examples. */
static enum sigv4_end
judge(struct slice text, int64_t now)
{
	struct asked a;
	enum sigv4_end end;

	ask(&a, text, now);
	end = a.end == SIGV4_OK ? check(&a, SECRET, NULL, NULL, NULL) : a.end;
	uri_free(&a.uri);
	return end;
}

static const struct vector {
	const char *name, *text;
} vectors[] = {
	{ "GET of an object",
	    "GET /test.txt\n" HOST "Range: bytes=0-9\n" NOTHING DATE AUTH(
		"host;range;x-amz-content-sha256;x-amz-date",
		"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bd"
		"b41") },
	{ "PUT of an object",
	    "PUT /test%24file.text\n" HOST
	    "Date: Fri, 24 May 2013 00:00:00 GMT\n" DATE
	    "x-amz-storage-class: REDUCED_REDUNDANCY\n"
	    "x-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4"
	    "e99e42034a8b803f8b072\n" AUTH(
		"date;host;x-amz-content-sha256;x-amz-date;"
		"x-amz-storage-class",
		"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece10"
		"8bd") },
	{ "GET of a bucket's lifecycle",
	    "GET /?lifecycle\n" HOST NOTHING DATE AUTH(USUAL,
		"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783"
		"543") },
	{ "GET of a list",
	    "GET /?max-keys=2&prefix=J\n" HOST NOTHING DATE AUTH(USUAL,
		"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc"
		"6f7") },
	{ "presigned GET",
	    "GET /test.txt?" QUERY("host", "86400", PRESIGNED) "\n" HOST },
	{ "seed of a signed upload in chunks",
	    "PUT /examplebucket/chunkObject.txt\nHost: s3.amazonaws.com\n" DATE
	    "x-amz-storage-class: REDUCED_REDUNDANCY\n"
	    "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n"
	    "Content-Encoding: aws-chunked\n"
	    "x-amz-decoded-content-length: 66560\nContent-Length: 66824\n" AUTH(
		"content-encoding;content-length;host;x-amz-content-sha256;"
		"x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
		"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a"
		"0a9") },
	{ "seed of one with a trailer",
	    "PUT /examplebucket/chunkObject.txt\nHost: s3.amazonaws.com\n" DATE
	    "x-amz-storage-class: REDUCED_REDUNDANCY\n"
	    "x-amz-content-sha256: "
	    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\n"
	    "Content-Encoding: aws-chunked\n"
	    "x-amz-decoded-content-length: 66560\n"
	    "x-amz-trailer: x-amz-checksum-crc32c\n"
	    "Content-Length: 66824\n" AUTH(
		"content-encoding;host;x-amz-content-sha256;x-amz-date;"
		"x-amz-decoded-content-length;x-amz-storage-class;"
		"x-amz-trailer",
		"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfe"
		"b8e") },
};

static void
published(void)
{
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct buf canonical = { .max = SIGV4_CANONICAL };
		struct asked a;

		ask(&a, slice_text(vectors[i].text), THEN);
		is_int(a.end, SIGV4_OK, vectors[i].name);
		is_int(check(&a, SECRET, NULL, &canonical, NULL), SIGV4_OK,
		    "its signature");
		is_int(canonical.n, 0, "and nothing to show");
		is_int(check(&a, "another", NULL, NULL, NULL), SIGV4_MISMATCH,
		    "not with another secret");
		buf_free(&canonical);
		uri_free(&a.uri);
	}
}

static void
claims(void)
{
	struct asked a;

	ask(&a, slice_text(vectors[1].text), THEN);
	ok(!a.sig.presigned && slice_is(a.sig.key_id, ID), "the id");
	ok(slice_is(a.sig.date, "20130524") &&
		slice_is(a.sig.region, "us-east-1") &&
		slice_is(a.sig.service, "s3") && slice_is(a.sig.scope, SCOPE),
	    "the scope");
	is_text(a.sig.stamp, "20130524T000000Z", "the stamp");
	is_int(a.sig.when, THEN, "as seconds");
	ok(a.sig.payload == SIGV4_HEX && a.sig.sha[0] == 0x44 &&
		a.sig.sha[31] == 0x72,
	    "the body's sum");
	uri_free(&a.uri);
	ask(&a, slice_text(vectors[4].text), THEN);
	ok(a.sig.presigned && a.sig.expires == 86400 &&
		a.sig.payload == SIGV4_UNSIGNED,
	    "a presigned one");
	uri_free(&a.uri);
	ask(&a, slice_text(vectors[5].text), THEN);
	is_int(a.sig.payload, SIGV4_CHUNKS, "chunks");
	uri_free(&a.uri);
	ask(&a, slice_text(vectors[6].text), THEN);
	is_int(a.sig.payload, SIGV4_CHUNKS_TRAILER, "chunks with a trailer");
	uri_free(&a.uri);
}

/* What the error's XML shows. */
static void
shown(void)
{
	static const char want[] =
	    "GET\n/a%20b/c%2B%25\n"
	    "%26=2&a=&a=%20&a=1&a%C3%A9=3&a-=4&aa=5\n"
	    "host:examplebucket.s3.amazonaws.com\n"
	    "x-amz-content-sha256:UNSIGNED-PAYLOAD\n"
	    "x-amz-date:20130524T000000Z\n"
	    "x-amz-meta-a:one two,four\n\n"
	    "host;x-amz-content-sha256;x-amz-date;x-amz-meta-a\n"
	    "UNSIGNED-PAYLOAD";
	static const char sign[] =
	    "AWS4-HMAC-SHA256\n20130524T000000Z\n" SCOPE "\n";
	struct buf canonical = { .max = SIGV4_CANONICAL };
	struct buf to_sign = { .max = 1024 };
	struct asked a;

	ask(&a,
	    slice_text("GET /a%20b/c+%25?aa=5&a=1&a\xc3\xa9=3&a-=4&a=+&a&%26=2"
		       "\n" HOST UNSIGNED DATE
		       "X-Amz-Meta-A:  one \t two\nX-AMZ-META-a: four\n" AUTH(
			   USUAL ";x-amz-meta-a", ZEROS)),
	    THEN);
	is_int(a.end, SIGV4_OK, "claimed well");
	is_int(check(&a, SECRET, NULL, &canonical, &to_sign), SIGV4_MISMATCH,
	    "but not signed so");
	put_u8(&canonical, 0);
	is_text((const char *)canonical.p, want, "the canonical request");
	ok(to_sign.n == strlen(sign) + 64 &&
		memcmp(to_sign.p, sign, strlen(sign)) == 0,
	    "and what is signed");
	buf_free(&canonical);
	buf_free(&to_sign);
	uri_free(&a.uri);
}

static const struct fault {
	const char *name;
	enum sigv4_end want;
	const char *text;
} faults[] = {
	{ "no signature", SIGV4_NONE, "GET /\n" HOST NOTHING DATE },
	{ "one of SigV2", SIGV4_OLD,
	    "GET /\n" HOST "Authorization: AWS " ID ":c2lnbmF0dXJl\n" },
	{ "a password", SIGV4_OLD,
	    "GET /\n" HOST "Authorization: Basic YTpi\n" },
	{ "an empty one", SIGV4_OLD, "GET /\n" HOST "Authorization:\n" },
	{ "elliptic curves", SIGV4_OLD,
	    "GET /\n" HOST "Authorization: AWS4-ECDSA-P256-SHA256 "
	    "Credential=a\n" },
	{ "another one that begins so", SIGV4_OLD,
	    "GET /\n" HOST "Authorization: AWS4-HMAC-SHA256X Credential=a\n" },
	{ "the word alone", SIGV4_MALFORMED,
	    "GET /\n" HOST "Authorization: AWS4-HMAC-SHA256\n" },
	{ "nothing behind it", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE "Authorization: AWS4-HMAC-SHA256 ,\n" },
	{ "an unknown word", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH(USUAL, ZEROS ",Else=1") },
	{ "a word twice", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH(
		USUAL, ZEROS ",Signature=" ZEROS) },
	{ "a short signature", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH(USUAL, "00") },
	{ "one in capitals", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH(USUAL,
		"F0E8BDB87C964420E857BD35B5D6ED310BD44F0170ABA48DD91039C6036BD"
		"B41") },
	{ "two headers", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH(USUAL, ZEROS) AUTH(USUAL, ZEROS) },
	{ "header and query", SIGV4_MALFORMED,
	    "GET /?" QUERY("host", "60", ZEROS) "\n" HOST NOTHING DATE AUTH(
		USUAL, ZEROS) },
	{ "no signed headers", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH("", ZEROS) },
	{ "one of them empty", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH("host;;x-amz-date", ZEROS) },
	{ "one of them twice", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH("host;x-amz-date;host", ZEROS) },
	{ "one of them in capitals", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH("Host;x-amz-date", ZEROS) },
	{ "one that is no name", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING DATE AUTH("ho:st;x-amz-date", ZEROS) },
	{ "host not signed", SIGV4_UNSIGNED_HEADER,
	    "GET /\n" HOST NOTHING DATE AUTH(
		"x-amz-content-sha256;x-amz-date", ZEROS) },
	{ "an x-amz- header not signed", SIGV4_UNSIGNED_HEADER,
	    "GET /\n" HOST NOTHING DATE
	    "X-Amz-Acl: public-read\n" AUTH(USUAL, ZEROS) },
	{ "content-sha256 not signed", SIGV4_UNSIGNED_HEADER,
	    "GET /\n" HOST NOTHING DATE AUTH("host;x-amz-date", ZEROS) },
	{ "other headers need not be", SIGV4_MISMATCH,
	    "GET /\n" HOST NOTHING DATE
	    "User-Agent: x\nx-amzn-trace-id: 1\n" AUTH(USUAL, ZEROS) },
	{ "no date", SIGV4_NO_DATE, "GET /\n" HOST NOTHING AUTH(USUAL, ZEROS) },
	{ "not a date", SIGV4_NO_DATE,
	    "GET /\n" HOST NOTHING
	    "x-amz-date: 2013-05-24T00:00:00Z\n" AUTH(USUAL, ZEROS) },
	{ "a month too many", SIGV4_NO_DATE,
	    "GET /\n" HOST NOTHING
	    "x-amz-date: 20131324T000000Z\n" AUTH(USUAL, ZEROS) },
	{ "not the scope's date", SIGV4_MALFORMED,
	    "GET /\n" HOST NOTHING
	    "x-amz-date: 20130523T235959Z\n" AUTH(USUAL, ZEROS) },
	{ "no content-sha256", SIGV4_BAD_PAYLOAD,
	    "GET /\n" HOST DATE AUTH("host;x-amz-date", ZEROS) },
	{ "an unknown one", SIGV4_BAD_PAYLOAD,
	    "GET /\n" HOST "x-amz-content-sha256: "
	    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD\n" DATE AUTH(
		USUAL, ZEROS) },
	{ "half a sum", SIGV4_BAD_PAYLOAD,
	    "GET /\n" HOST
	    "x-amz-content-sha256: e3b0c442\n" DATE AUTH(USUAL, ZEROS) },
	{ "presigned, another algorithm", SIGV4_OLD,
	    "GET /?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256\n" HOST },
	{ "presigned by SigV2", SIGV4_OLD,
	    "GET /?AWSAccessKeyId=" ID "&Signature=x&Expires=1\n" HOST },
	{ "presigned without an algorithm", SIGV4_MALFORMED,
	    "GET /?X-Amz-Signature=" ZEROS "\n" HOST },
	{ "presigned for eight days", SIGV4_MALFORMED,
	    "GET /?" QUERY("host", "691200", ZEROS) "\n" HOST },
	{ "presigned for a negative time", SIGV4_MALFORMED,
	    "GET /?" QUERY("host", "-1", ZEROS) "\n" HOST },
	{ "presigned, host not signed", SIGV4_UNSIGNED_HEADER,
	    "GET /?" QUERY("range", "60", ZEROS) "\n" HOST },
	{ "presigned, an x-amz- header added", SIGV4_UNSIGNED_HEADER,
	    "PUT /?" QUERY("host", "60", ZEROS) "\n" HOST "x-amz-acl: x\n" },
	{ "presigned, the body's sum added", SIGV4_MISMATCH,
	    "PUT /?" QUERY("host", "60", ZEROS) "\n" HOST NOTHING },
};

static void
refused(void)
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		is_int(judge(slice_text(faults[i].text), THEN), faults[i].want,
		    faults[i].name);
}

/* The credential's own shapes. */
static void
credentials(void)
{
	static const struct {
		const char *text;
		enum sigv4_end want;
	} rows[] = {
		{ "A/B/" SCOPE, SIGV4_OK },
		{ "A/20130524/anywhere/s3/aws4_request", SIGV4_OK },
		{ "A/20130524/us-east-1/sts/aws4_request", SIGV4_MALFORMED },
		{ "A/20130524/us-east-1/s3/aws4", SIGV4_MALFORMED },
		{ "A/2013052/us-east-1/s3/aws4_request", SIGV4_MALFORMED },
		{ "A/2013052x/us-east-1/s3/aws4_request", SIGV4_MALFORMED },
		{ "A/20130524//s3/aws4_request", SIGV4_MALFORMED },
		{ "/" SCOPE, SIGV4_MALFORMED },
		{ SCOPE, SIGV4_MALFORMED },
		{ "aws4_request", SIGV4_MALFORMED },
		{ "", SIGV4_MALFORMED },
		{ "A/20130524/" ZEROS ZEROS "/s3/aws4_request",
		    SIGV4_MALFORMED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf text = { .max = 4096 };
		struct asked a;

		put_text(&text,
		    "GET /\n" HOST NOTHING DATE
		    "Authorization: AWS4-HMAC-SHA256 Signature=" ZEROS
		    ", SignedHeaders=" USUAL ", Credential=");
		put_text(&text, rows[i].text);
		ask(&a, buf_slice(&text), THEN);
		is_int(a.end, rows[i].want, rows[i].text);
		if (i == 0)
			ok(slice_is(a.sig.key_id, "A/B"),
			    "an id may hold slashes");
		uri_free(&a.uri);
		buf_free(&text);
	}
}

static void
times(void)
{
	static const struct {
		int64_t after;
		enum sigv4_end header, presigned;
	} rows[] = {
		{ 0, SIGV4_OK, SIGV4_OK },
		{ 900, SIGV4_OK, SIGV4_OK },
		{ 901, SIGV4_SKEWED, SIGV4_OK },
		{ -900, SIGV4_OK, SIGV4_OK },
		{ -901, SIGV4_SKEWED, SIGV4_EARLY },
		{ 86400, SIGV4_SKEWED, SIGV4_OK },
		{ 86401, SIGV4_SKEWED, SIGV4_EXPIRED },
		{ 4000000000, SIGV4_SKEWED, SIGV4_EXPIRED },
	};
	static const struct {
		const char *stamp;
		int64_t want;
	} stamps[] = {
		{ "19700101T000000Z", 0 },
		{ "20000229T235959Z", 951868799 },
		{ "20240301T000000Z", 1709251200 },
		{ "21000301T000000Z", 4107542400 },
		{ "99991231T235959Z", 253402300799 },
		{ "00010101T000000Z", -62135596800 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		is_int(judge(slice_text(vectors[0].text), THEN + rows[i].after),
		    rows[i].header, "a header's time");
		is_int(judge(slice_text(vectors[4].text), THEN + rows[i].after),
		    rows[i].presigned, "a presigned one's");
	}
	for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++) {
		struct buf text = { .max = 4096 };
		struct asked a;

		put_text(&text, "GET /\n" HOST NOTHING "x-amz-date: ");
		put_text(&text, stamps[i].stamp);
		put_text(&text, "\nAuthorization: AWS4-HMAC-SHA256 Credential="
				"A/");
		put_bytes(&text, stamps[i].stamp, 8);
		put_text(&text, "/r/s3/aws4_request, SignedHeaders=" USUAL
				", Signature=" ZEROS);
		ask(&a, buf_slice(&text), stamps[i].want);
		is_int(a.end, SIGV4_OK, stamps[i].stamp);
		is_int(a.sig.when, stamps[i].want, "in seconds");
		uri_free(&a.uri);
		buf_free(&text);
	}
}

/* Date stands in for x-amz-date, in HTTP's form. */
static void
date_header(void)
{
	struct asked a;

	ask(&a,
	    slice_text("GET /\n" HOST
		       "Date: Fri, 24 May 2013 00:00:00 GMT\n" UNSIGNED AUTH(
			   "date;host;x-amz-content-sha256", ZEROS)),
	    THEN);
	is_int(a.end, SIGV4_OK, "Date instead of x-amz-date");
	is_text(a.sig.stamp, "20130524T000000Z", "as a stamp");
	uri_free(&a.uri);
}

/* Sign, as a client does. */
static struct buf
signed_by(const char *text, const char *secret)
{
	struct buf all = { .max = 1 << 20 };
	struct http_head head = request_of(slice_text(text));
	const char *why;
	struct uri uri;

	put_text(&all, text);
	put_text(&all, "Authorization: ");
	uri_parse(head.target, &uri, &why);
	sigv4_sign(&head, &uri, slice_text(ID), slice_text(secret),
	    slice_text("us-east-1"), &all);
	put_text(&all, "\n");
	uri_free(&uri);
	return all;
}

static void
round_trips(void)
{
	static const char *const rows[] = {
		"GET /\n" HOST NOTHING DATE,
		"PUT /b/a%20b%2F//../c+%C3%A9!*'()?x=1&a&b=%2B\n" HOST UNSIGNED
		    DATE "X-Amz-Meta-B: b  b\nx-amz-meta-a:\n"
		"X-Amz-Meta-b: again\nContent-Type: text/plain\n",
		"POST /?delete\nhost: h:9000\n" NOTHING DATE,
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf text = signed_by(rows[i], SECRET);
		struct buf other = signed_by(rows[i], "x");

		ok(judge(buf_slice(&text), THEN) == SIGV4_OK, "signed %zu", i);
		is_int(judge(buf_slice(&other), THEN), SIGV4_MISMATCH,
		    "with another secret");
		memcpy(text.p, "HEAD", 3);
		is_int(judge(buf_slice(&text), THEN), SIGV4_MISMATCH,
		    "another method");
		buf_free(&text);
		buf_free(&other);
	}
	/* what sigv4_sign says of the first example */
	{
		struct buf text =
		    signed_by("GET /?lifecycle\n" HOST NOTHING DATE, SECRET);

		ok(memmem(text.p, text.n,
		       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a"
		       "0136783543",
		       64) != NULL,
		    "the client's side agrees with the example");
		buf_free(&text);
	}
}

/* Each byte of what is signed matters. */
static void
tampered(void)
{
	const char *text = vectors[0].text;
	size_t n = (size_t)(strstr(text, "Authorization") - text), passed = 0;

	for (size_t i = 0; i < n; i++) {
		char *copy = mem_string(text);

		/* blanks may differ, and the case of names */
		if (copy[i] != ' ' && copy[i] != '\n' && copy[i] != ':') {
			copy[i] = copy[i] == '1' ? '2' : '1';
			passed += judge(slice_text(copy), THEN) == SIGV4_OK;
		}
		free(copy);
	}
	is_int(passed, 0, "no byte can be changed");
}

/* The path as the client escaped it, if it escaped otherwise. */
static void
other_readings(void)
{
	static const char *const hosts[] = { "other:1",
		"examplebucket.s3.amazonaws.com", NULL };
	static const char *const wrong[] = { "other:1", NULL };
	struct buf canonical = { .max = SIGV4_CANONICAL };
	struct asked a;

	ask(&a,
	    slice_text("GET /test.txt?" QUERY(
		"host", "86400", PRESIGNED) "\nHost: 127.0.0.1:9000\n"),
	    THEN);
	is_int(check(&a, SECRET, NULL, NULL, NULL), SIGV4_MISMATCH,
	    "called by another host");
	is_int(check(&a, SECRET, hosts, NULL, NULL), SIGV4_OK,
	    "that is one of ours");
	is_int(check(&a, SECRET, wrong, &canonical, NULL), SIGV4_MISMATCH,
	    "but not by any");
	ok(memmem(canonical.p, canonical.n, "host:127.0.0.1:9000\n", 20),
	    "what is shown is the request's own");
	uri_free(&a.uri);
	buf_free(&canonical);
	ask(&a,
	    slice_text(
		"GET /b/a(b)%2fc\n" HOST UNSIGNED DATE AUTH(USUAL, ZEROS)),
	    THEN);
	is_int(check(&a, SECRET, NULL, &canonical, NULL), SIGV4_MISMATCH,
	    "another path");
	ok(memmem(canonical.p, canonical.n, "/b/a%28b%29/c\n", 14),
	    "is shown canonically");
	uri_free(&a.uri);
	buf_free(&canonical);
}

/* A client that signs its own escapes: what it signs is made here by hand. */
static void
raw_path(void)
{
	static const char request[] =
	    "GET\n/b/a(b)%2fc\n\n"
	    "host:examplebucket.s3.amazonaws.com\n"
	    "x-amz-content-sha256:UNSIGNED-PAYLOAD\n"
	    "x-amz-date:20130524T000000Z\n\n" USUAL "\nUNSIGNED-PAYLOAD";
	uint8_t key[SHA256_BYTES], sum[SHA256_BYTES];
	struct buf text = { .max = 4096 };

	sigv4_key(slice_text(SECRET), slice_text("20130524"),
	    slice_text("us-east-1"), slice_text("s3"), key);
	digest_of(DIGEST_SHA256, slice_text(request), sum);
	put_text(&text, "AWS4-HMAC-SHA256\n20130524T000000Z\n" SCOPE "\n");
	mbase_encode(MBASE_16, slice_of(sum, sizeof sum), &text);
	hmac_sha256(slice_of(key, sizeof key), buf_slice(&text), sum);
	buf_drop(&text, text.n);
	put_text(&text, "GET /b/a(b)%2fc\n" HOST UNSIGNED DATE
			"Authorization: AWS4-HMAC-SHA256 Credential=" ID
			"/" SCOPE ", SignedHeaders=" USUAL ", Signature=");
	mbase_encode(MBASE_16, slice_of(sum, sizeof sum), &text);
	is_int(judge(buf_slice(&text), THEN), SIGV4_OK,
	    "the path as the client escaped it");
	buf_free(&text);
}

static void
ceilings(void)
{
	struct buf text = { .max = 1 << 20 };
	struct asked a;

	put_text(&text,
	    "GET /\n" HOST NOTHING DATE
	    "Authorization: AWS4-HMAC-SHA256 Credential=" ID "/" SCOPE
	    ", Signature=" ZEROS ", SignedHeaders=" USUAL);
	for (int i = 3; i < SIGV4_SIGNED; i++) {
		put_u8(&text, ';');
		put_u8(&text, (uint8_t)('a' + i % 26));
		put_u8(&text, (uint8_t)('a' + i / 26));
	}
	ask(&a, buf_slice(&text), THEN);
	is_int(a.end, SIGV4_OK, "as many signed headers as may be");
	uri_free(&a.uri);
	put_text(&text, ";more");
	ask(&a, buf_slice(&text), THEN);
	is_int(a.end, SIGV4_MALFORMED, "one more");
	uri_free(&a.uri);
	buf_drop(&text, text.n);

	put_text(&text, "GET /\n" HOST NOTHING DATE AUTH(
			    USUAL ";x-amz-meta-a", ZEROS) "x-amz-meta-a: ");
	for (int i = 0; i < SIGV4_CANONICAL; i++)
		put_u8(&text, 'a');
	is_int(
	    judge(buf_slice(&text), THEN), SIGV4_MALFORMED, "too much to sign");
	buf_free(&text);
}

static void
cache(void)
{
	static struct sigv4_cache c;
	uint8_t key[SHA256_BYTES], want[SHA256_BYTES];
	struct asked a;
	unsigned wrong = 0, used = 0;

	ask(&a, slice_text(vectors[0].text), THEN);
	sigv4_key(
	    slice_text(SECRET), a.sig.date, a.sig.region, a.sig.service, want);
	for (int i = 0; i < 3; i++) {
		sigv4_cached(&c, &a.sig, slice_text(SECRET), key);
		is_bytes(key, sizeof key, want, sizeof want, "the same key");
	}
	for (int i = 0; i < SIGV4_CACHE; i++)
		used += c.at[i].used;
	is_int(used, 1, "kept once");
	sigv4_cached(&c, &a.sig, slice_text("other"), key);
	ok(memcmp(key, want, sizeof key) != 0, "another secret, another key");
	for (int i = 0; i < 1000; i++) {
		char region[16];

		snprintf(region, sizeof region, "r%d", i % 300);
		a.sig.region = slice_text(region);
		sigv4_cached(&c, &a.sig, slice_text(SECRET), key);
		sigv4_key(slice_text(SECRET), a.sig.date, a.sig.region,
		    a.sig.service, want);
		wrong += memcmp(key, want, sizeof key) != 0;
	}
	is_int(wrong, 0, "right when it is full");
	{
		char *region = mem_new(1000);

		memset(region, 'r', 999);
		a.sig.region = slice_text(region);
		sigv4_cached(&c, &a.sig, slice_text(SECRET), key);
		sigv4_key(slice_text(SECRET), a.sig.date, a.sig.region,
		    a.sig.service, want);
		is_bytes(key, sizeof key, want, sizeof want, "too long a name");
		free(region);
	}
	sigv4_cache_free(&c);
	ok(!c.at[0].used && c.at[0].key[0] == 0, "wiped");
	uri_free(&a.uri);
}

/* The published example of a form's policy. */
static void
policy(void)
{
	static const char base64[] =
	    "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY"
	    "29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZX"
	    "QifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSw"
	    "NCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rp"
	    "b25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b"
	    "25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy"
	    "13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1"
	    "tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZl"
	    "ci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0a"
	    "CIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbn"
	    "RpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3M"
	    "zL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQt"
	    "SE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwM"
	    "DAwWiIgfQ0KICBdDQp9";
	static const char signature[] =
	    "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e";
	uint8_t key[SHA256_BYTES];

	sigv4_key(slice_text(SECRET), slice_text("20151229"),
	    slice_text("us-east-1"), slice_text("s3"), key);
	ok(sigv4_policy(key, slice_text(base64), slice_text(signature)),
	    "a form's policy");
	ok(!sigv4_policy(key, slice_of(base64, 100), slice_text(signature)),
	    "another policy");
	ok(!sigv4_policy(key, slice_text(base64), slice_of(signature, 63)),
	    "a short signature");
	ok(!sigv4_policy(key, slice_text(base64), (struct slice){ 0 }), "none");
}

int
main(void)
{
	published();
	claims();
	shown();
	refused();
	credentials();
	times();
	date_header();
	round_trips();
	tampered();
	other_readings();
	raw_path();
	ceilings();
	cache();
	policy();
	return tap_done();
}
