/* SPDX-License-Identifier: ISC
 *
 * AWS Signature Version 4 for S3: reading what a request claims, computing what
 * it should have been, for the Authorization header, presigned URLs, chunk
 * signatures and POST policies; and signing, for clients and tests.
 * (AWS S3 API reference, "Authenticating Requests (AWS Signature Version 4)".)
 *
 * Verification has three steps, because between the first and the second the
 * caller must look up the secret: sigv4_read, sigv4_key, sigv4_check. */
#ifndef WEB_SIGV4_H
#define WEB_SIGV4_H

#include "crypt/digest.h"
#include "web/http.h"
#include "web/uri.h"

enum {
	SIGV4_SKEW = 15 * 60,       /* seconds that clocks may differ */
	SIGV4_LIFE = 7 * 24 * 3600, /* the longest X-Amz-Expires */
	SIGV4_CANONICAL = 96 << 10, /* bytes of a canonical request */
	SIGV4_SIGNED = 64,          /* names in SignedHeaders */
	SIGV4_SCOPE = 128,          /* bytes of date/region/service/… */
	SIGV4_HASH = 64,            /* hex digits of a signature */
};

/* What x-amz-content-sha256 said the body is. */
enum sigv4_payload {
	SIGV4_HEX,              /* 64 hex digits: its SHA-256 */
	SIGV4_UNSIGNED,         /* UNSIGNED-PAYLOAD, or presigned without it */
	SIGV4_CHUNKS,           /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
	SIGV4_CHUNKS_TRAILER,   /* …-PAYLOAD-TRAILER */
	SIGV4_UNSIGNED_TRAILER, /* STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

enum sigv4_end {
	SIGV4_OK,
	SIGV4_NONE,        /* the request is not signed: anonymous */
	SIGV4_MALFORMED,   /* AuthorizationHeaderMalformed, or its query twin */
	SIGV4_OLD,         /* SigV2 or another algorithm: InvalidRequest */
	SIGV4_NO_DATE,     /* AccessDenied: no valid date */
	SIGV4_SKEWED,      /* RequestTimeTooSkewed */
	SIGV4_EXPIRED,     /* presigned, and its time is over */
	SIGV4_EARLY,       /* presigned, and its time has not come */
	SIGV4_BAD_PAYLOAD, /* x-amz-content-sha256 is none of the known forms */
	SIGV4_UNSIGNED_HEADER, /* Host or an x-amz- header is not signed */
	SIGV4_MISMATCH,        /* SignatureDoesNotMatch */
};

struct sigv4 {
	bool presigned;
	struct slice key_id, date /* YYYYMMDD */, region, service, scope;
	struct slice signed_headers; /* as given, a;b;c */
	struct slice signature;      /* 64 hex digits */
	char stamp[17];              /* YYYYMMDDTHHMMSSZ */
	int64_t when;                /* the same, seconds since 1970 */
	uint64_t expires;            /* presigned: seconds */
	enum sigv4_payload payload;
	uint8_t sha[SHA256_BYTES]; /* for SIGV4_HEX */
	struct slice payload_text; /* what stands in the canonical request */
};

/* What the request claims; slices are borrowed from head and uri.  now:
 * seconds since 1970.  Any region is taken, the service must be s3.  An
 * Authorization header and a query signature together are malformed.  presigned
 * is set whenever the query claims something.  Host and every x-amz- header
 * must be signed, but for x-amz-content-sha256 of presigned requests.  With
 * SIGV4_NONE payload and sha say what an anonymous body is. */
enum sigv4_end sigv4_read(
    const struct http_head *, const struct uri *, int64_t now, struct sigv4 *);

/* The signing key of (secret, date, region, service). */
void sigv4_key(struct slice secret, struct slice date, struct slice region,
    struct slice service, uint8_t key[SHA256_BYTES]);

/* A few signing keys kept, because computing one costs four HMACs.  One per
 * process; wiped by sigv4_cache_free, and when a secret changes. */
enum { SIGV4_CACHE = 64 };
struct sigv4_cache {
	struct {
		uint8_t tag[SHA256_BYTES]; /* of id, secret, date and region */
		uint8_t key[SHA256_BYTES];
		bool used;
	} at[SIGV4_CACHE];
};
void sigv4_cached(struct sigv4_cache *, const struct sigv4 *,
    struct slice secret, uint8_t key[SHA256_BYTES]);
void sigv4_cache_free(struct sigv4_cache *);

/* Compare: SIGV4_OK, SIGV4_MISMATCH, or SIGV4_MALFORMED over SIGV4_CANONICAL.
 * MISMATCH: canonical and to_sign (ceilings set by the caller, both may be
 * NULL) hold what this side signed, for the error's XML.  hosts: NULL or a
 * NULL-ended list of other values for Host under which a proxy may have been
 * called; each is tried, and so is the path as the client escaped it.
 * Constant-time in the signature. */
enum sigv4_end sigv4_check(const struct sigv4 *, const struct http_head *,
    const struct uri *, const uint8_t key[SHA256_BYTES],
    const char *const *hosts, struct buf *canonical, struct buf *to_sign);

/* aws-chunked: the signature of a chunk is over the one before it, and the
 * first over the request's own.  hex is 64 bytes, no NUL. */
void sigv4_chunk(const struct sigv4 *, const uint8_t key[SHA256_BYTES],
    const char previous[64], const uint8_t chunk_sha[SHA256_BYTES],
    char hex[64]);
void sigv4_trailer(const struct sigv4 *, const uint8_t key[SHA256_BYTES],
    const char previous[64], const uint8_t trailer_sha[SHA256_BYTES],
    char hex[64]);

/* POST form: the signature over the policy as it came, base64. */
bool sigv4_policy(const uint8_t key[SHA256_BYTES], struct slice policy_base64,
    struct slice signature);

/* The client's side: what to put into Authorization, for a head that has host,
 * x-amz-date and x-amz-content-sha256 among its fields; all fields are signed,
 * SIGV4_SIGNED of them at most.  authorization->bad: the date is no stamp, or
 * it is too much. */
void sigv4_sign(const struct http_head *, const struct uri *, struct slice id,
    struct slice secret, struct slice region, struct buf *authorization);

#endif
