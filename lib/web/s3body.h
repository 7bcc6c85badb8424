/* SPDX-License-Identifier: ISC
 *
 * The XML bodies that S3's requests carry, as structs, and back as XML.
 * Everything is owned by the struct's own buf and freed by s3body_free of its
 * kind; all counts have S3's own ceilings.  Each parser returns S3ERR_OK,
 * MALFORMED_XML, or a more telling error, and sets *why (a literal sentence). */
#ifndef WEB_S3BODY_H
#define WEB_S3BODY_H

#include "web/s3err.h"
#include "web/sum.h"

enum {
	S3_DELETES = 1000,
	S3_PARTS = 10000,
	S3_TAGS = 10,
	S3_BUCKET_TAGS = 50,
	S3_TAG_KEY = 128,
	S3_TAG_VALUE = 256,
	S3_CORS_RULES = 100,
	S3_CORS_WORDS = 100,
	S3_RULES = 1000,
};

struct s3_delete {
	struct slice key, version; /* version empty: none given */
};
struct s3_deletes {
	struct s3_delete *at;
	size_t n;
	bool quiet;
	struct buf bytes;
};
enum s3err s3_deletes_parse(
    struct slice xml, struct s3_deletes *, const char **why);
void s3_deletes_free(struct s3_deletes *);

struct s3_part {
	unsigned number;   /* 1..10,000, ascending */
	struct slice etag; /* without quotes */
	bool has_sum;
	enum sum_kind kind;
	uint8_t sum[SUM_MOST];
};
struct s3_complete {
	struct s3_part *at;
	size_t n;
	struct buf bytes;
};
/* INVALID_PART_ORDER when numbers do not ascend. */
enum s3err s3_complete_parse(
    struct slice xml, struct s3_complete *, const char **why);
void s3_complete_free(struct s3_complete *);

struct s3_tag {
	struct slice key, value;
};
struct s3_tags {
	struct s3_tag at[S3_BUCKET_TAGS];
	size_t n;
	struct buf bytes;
};
enum s3err s3_tags_parse(
    struct slice xml, size_t most, struct s3_tags *, const char **why);
/* From x-amz-tagging: k=v&k=v, percent-encoded. */
enum s3err s3_tags_header(struct slice, struct s3_tags *, const char **why);
/* The packed form that is stored (a message of protobuf), and back. */
void s3_tags_pack(const struct s3_tags *, struct buf *);
int s3_tags_unpack(struct slice, struct s3_tags *);
void s3_tags_xml(const struct s3_tags *, struct buf *);
void s3_tags_free(struct s3_tags *);

enum s3_cors_method {
	S3_CORS_GET = 1,
	S3_CORS_PUT = 2,
	S3_CORS_POST = 4,
	S3_CORS_DELETE = 8,
	S3_CORS_HEAD = 16,
};
struct s3_cors_rule {
	struct slice id;
	struct slice origins[S3_CORS_WORDS], headers[S3_CORS_WORDS],
	    exposed[S3_CORS_WORDS];
	size_t norigins, nheaders, nexposed;
	unsigned methods; /* bits of enum s3_cors_method */
	bool has_age;
	uint64_t age; /* seconds */
};
struct s3_cors {
	struct s3_cors_rule *at;
	size_t n;
	struct buf bytes;
};
enum s3err s3_cors_parse(struct slice xml, struct s3_cors *, const char **why);
void s3_cors_free(struct s3_cors *);
/* The first rule that allows it, or NULL.  headers: of
 * Access-Control-Request-Headers, comma-separated; empty for real requests. */
const struct s3_cors_rule *s3_cors_match(const struct s3_cors *,
    struct slice origin, struct slice method, struct slice headers);
/* "GET, PUT": as Access-Control-Allow-Methods has it. */
void s3_cors_methods(const struct s3_cors_rule *, struct buf *);
bool s3_cors_any_origin(const struct s3_cors_rule *); /* "*" is among them */

struct s3_rule { /* of a lifecycle */
	struct slice id, prefix;
	bool enabled;
	struct s3_tag tags[S3_TAGS];
	size_t ntags;
	uint64_t larger, smaller; /* bytes; 0: no such filter */
	uint64_t days;            /* expire current; 0: no */
	int64_t date;             /* or at this time, seconds; 0: no */
	bool marker;              /* ExpiredObjectDeleteMarker */
	uint64_t noncurrent_days, newer_noncurrent; /* 0: no */
	uint64_t abort_days; /* incomplete uploads; 0: no */
};
struct s3_lifecycle {
	struct s3_rule *at;
	size_t n;
	struct buf bytes;
};
/* Transitions are NOT_IMPLEMENTED. */
enum s3err s3_lifecycle_parse(
    struct slice xml, struct s3_lifecycle *, const char **why);
void s3_lifecycle_free(struct s3_lifecycle *);

/* VersioningConfiguration: 1 Enabled, 2 Suspended; MfaDelete is refused. */
enum s3_versioning { S3_UNVERSIONED, S3_VERSIONED, S3_SUSPENDED };
enum s3err s3_versioning_parse(
    struct slice xml, enum s3_versioning *, const char **why);
/* CreateBucketConfiguration; an empty body is fine.  location may be empty. */
enum s3err s3_create_parse(
    struct slice xml, struct buf *location, const char **why);

#endif
