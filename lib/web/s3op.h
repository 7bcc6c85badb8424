/* SPDX-License-Identifier: ISC
 *
 * Which of S3's operations a request is: method × (service, bucket, object) ×
 * the query's sub-resource, by one table.  What is not in the table is
 * NotImplemented, so nothing is ever half right.  Path style, and virtual-host
 * style for configured domains. */
#ifndef WEB_S3OP_H
#define WEB_S3OP_H

#include "web/http.h"
#include "web/s3err.h"
#include "web/uri.h"

enum { S3_KEY = 1024, S3_BUCKET_LEAST = 3, S3_BUCKET_MOST = 63 };

/* What a grant may allow. */
enum s3_verb {
	S3_READ = 1,   /* get, head, attributes, tags of objects */
	S3_WRITE = 2,  /* put, copy to, multipart, tags */
	S3_DELETE = 4, /* objects and versions */
	S3_LIST = 8,   /* keys, versions, uploads, parts */
	S3_ADMIN = 16, /* make and remove buckets, their configuration */
	S3_ALL = 31,
};

/* clang-format off */
/*  name                 verb       on: S service, B bucket, O object */
#define S3OP_LIST(R) \
	R(LIST_BUCKETS,       S3_LIST)   \
	R(CREATE_BUCKET,      S3_ADMIN)  \
	R(DELETE_BUCKET,      S3_ADMIN)  \
	R(HEAD_BUCKET,        S3_LIST)   \
	R(GET_LOCATION,       S3_LIST)   \
	R(LIST_OBJECTS,       S3_LIST)   \
	R(LIST_OBJECTS_V2,    S3_LIST)   \
	R(LIST_VERSIONS,      S3_LIST)   \
	R(LIST_UPLOADS,       S3_LIST)   \
	R(DELETE_OBJECTS,     S3_DELETE) \
	R(POST_OBJECT,        S3_WRITE)  \
	R(GET_CORS,           S3_ADMIN)  \
	R(PUT_CORS,           S3_ADMIN)  \
	R(DELETE_CORS,        S3_ADMIN)  \
	R(GET_VERSIONING,     S3_ADMIN)  \
	R(PUT_VERSIONING,     S3_ADMIN)  \
	R(GET_LIFECYCLE,      S3_ADMIN)  \
	R(PUT_LIFECYCLE,      S3_ADMIN)  \
	R(DELETE_LIFECYCLE,   S3_ADMIN)  \
	R(GET_BUCKET_TAGGING, S3_ADMIN)  \
	R(PUT_BUCKET_TAGGING, S3_ADMIN)  \
	R(DELETE_BUCKET_TAGGING, S3_ADMIN) \
	R(GET_BUCKET_ACL,     S3_ADMIN)  \
	R(PUT_BUCKET_ACL,     S3_ADMIN)  \
	R(GET_BUCKET_POLICY_STATUS, S3_ADMIN) \
	R(GET_OBJECT,         S3_READ)   \
	R(HEAD_OBJECT,        S3_READ)   \
	R(GET_ATTRIBUTES,     S3_READ)   \
	R(GET_OBJECT_ACL,     S3_READ)   \
	R(PUT_OBJECT_ACL,     S3_WRITE)  \
	R(GET_TAGGING,        S3_READ)   \
	R(PUT_TAGGING,        S3_WRITE)  \
	R(DELETE_TAGGING,     S3_WRITE)  \
	R(PUT_OBJECT,         S3_WRITE)  \
	R(COPY_OBJECT,        S3_WRITE)  \
	R(DELETE_OBJECT,      S3_DELETE) \
	R(CREATE_UPLOAD,      S3_WRITE)  \
	R(UPLOAD_PART,        S3_WRITE)  \
	R(COPY_PART,          S3_WRITE)  \
	R(COMPLETE_UPLOAD,    S3_WRITE)  \
	R(ABORT_UPLOAD,       S3_WRITE)  \
	R(LIST_PARTS,         S3_LIST)   \
	R(PREFLIGHT,          0)         \
	R(ADMIN,              0)          /* /-/…, on the local socket only */
/* clang-format on */

enum s3op_kind {
#define R(name, verb) S3OP_##name,
	S3OP_LIST(R)
#undef R
	    S3OP_N
};

struct s3op {
	enum s3op_kind kind;
	struct slice bucket, key; /* decoded; borrowed from head or uri */
	bool virtual_host;
};

/* domains: NULL-ended, without ports; a Host of BUCKET.DOMAIN names a bucket.
 * S3ERR_OK, or what to answer: NOT_IMPLEMENTED, METHOD_NOT_ALLOWED,
 * INVALID_BUCKET_NAME, KEY_TOO_LONG, INVALID_OBJECT_NAME.  Keys are any UTF-8
 * of 1 to 1,024 bytes without NUL; "a", "a/b", "..", "//" are just keys.  A
 * copy is told by x-amz-copy-source. */
enum s3err s3op_of(const struct http_head *, const struct uri *,
    const char *const *domains, struct s3op *);
enum s3_verb s3op_verb(enum s3op_kind);
/* AWS's rules for new names: 3-63 of a-z 0-9 . -, no IP address, … */
bool s3_bucket_name_ok(struct slice);
/* s3_verb bits to text and back, comma-separated without blanks
 * ("read,write,delete,list,admin", "all", "none"); -1: unknown word. */
int s3_verbs_parse(struct slice text, unsigned *verbs);
void s3_verbs_print(unsigned verbs, struct buf *);

#endif
