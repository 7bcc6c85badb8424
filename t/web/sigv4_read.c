/* SPDX-License-Identifier: ISC
 *
 * What a request claims, and what may be wrong with it. */
#include "t/web/asked.h"
#include "t/tap.h"

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
	{ "presigned without a credential", SIGV4_MALFORMED,
	    "GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=1\n" HOST },
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

static void
anonymous(void)
{
	static const struct {
		const char *text;
		enum sigv4_end end;
		enum sigv4_payload payload;
	} bodies[] = {
		{ "PUT /\n" HOST, SIGV4_NONE, SIGV4_UNSIGNED },
		{ "PUT /\n" HOST UNSIGNED, SIGV4_NONE, SIGV4_UNSIGNED },
		{ "PUT /\n" HOST NOTHING, SIGV4_NONE, SIGV4_HEX },
		{ "PUT /\n" HOST
		  "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\n",
		    SIGV4_NONE, SIGV4_UNSIGNED_TRAILER },
		{ "PUT /\n" HOST
		  "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n",
		    SIGV4_BAD_PAYLOAD, SIGV4_CHUNKS },
		{ "PUT /\n" HOST "x-amz-content-sha256: STREAMING-ELSE\n",
		    SIGV4_BAD_PAYLOAD, SIGV4_HEX },
	};

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct asked a;

		ask(&a, slice_text(bodies[i].text), THEN);
		ok(a.end == bodies[i].end && a.sig.payload == bodies[i].payload,
		    "an anonymous body, %zu", i);
		uri_free(&a.uri);
	}
}

int
main(void)
{
	claims();
	refused();
	credentials();
	times();
	date_header();
	anonymous();
	return tap_done();
}
