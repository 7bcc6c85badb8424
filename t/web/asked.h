/* SPDX-License-Identifier: ISC
 *
 * AWS's published examples of signed requests (S3 API reference, "Examples:
 * Signature Calculations"), and what reads and checks them. */
#ifndef WEB_ASKED_H
#define WEB_ASKED_H

#include "t/web/request.h"
#include "web/sigv4.h"

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

static inline void
ask(struct asked *a, struct slice text, int64_t now)
{
	const char *why;

	a->head = request_of(text);
	a->sig = (struct sigv4){ 0 };
	a->end = SIGV4_MALFORMED;
	if (uri_parse(a->head.target, &a->uri, &why) == 0)
		a->end = sigv4_read(&a->head, &a->uri, now, &a->sig);
}

static inline enum sigv4_end
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
static inline enum sigv4_end
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

#endif
