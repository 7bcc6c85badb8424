/* SPDX-License-Identifier: ISC
 *
 * What the files of lib/s3 share, and nobody else.
 *
 *	s3.c          the machine: requests, their states, the flush
 *	s3_auth.c     who asks, and may they: signatures, grants, local users
 *	s3_reply.c    answers and errors
 *	s3_content.c  bodies that are content: framing, sums, sealing, caps
 *	s3_object.c   put, get, head, attributes, delete one
 *	s3_copy.c     CopyObject and UploadPartCopy
 *	s3_upload.c   multipart
 *	s3_bucket.c   buckets
 *	s3_config.c   their documents: versioning, CORS, lifecycle, tags, ACLs
 *	s3_list.c     the lists of objects, versions, uploads and parts
 *	s3_deletes.c  DeleteObjects
 *	s3_form.c     uploads by HTML forms
 *	s3_life.c     lifecycle rules and idle uploads, in slices
 *	s3_admin.c    /-/…: keys, tenants, usage, care; on the local socket
 *	s3_meta.c     an object's metadata, packed */
#ifndef S3_S3_OWN_H
#define S3_S3_OWN_H

#include "s3/s3.h"
#include "store/put.h"
#include "store/read.h"
#include "web/chunked.h"
#include "web/form.h"
#include "web/s3body.h"
#include "web/sum.h"
#include "web/when.h"

enum { S3_ID = 16 };

/* Metadata that is kept with an object and comes back as headers; packed by
 * wire/pb into object.meta.  user: "name NUL value NUL …" of x-amz-meta-. */
#define S3_META(F, T)                                                          \
	F(T, BYTES, 1, type, 0, 1024)                                          \
	F(T, BYTES, 2, cache_control, 0, 1024)                                 \
	F(T, BYTES, 3, disposition, 0, 1024)                                   \
	F(T, BYTES, 4, encoding, 0, 1024)                                      \
	F(T, BYTES, 5, language, 0, 1024)                                      \
	F(T, BYTES, 6, expires, 0, 1024)                                       \
	F(T, BYTES, 7, redirect, 0, 2048)                                      \
	F(T, BYTES, 8, user, 0, 4096)                                          \
	F(T, UINT, 9, sum_kind, 0, 0) /* 1 + enum sum_kind; 0: none */         \
	F(T, BYTES, 10, sum, 0, 32)                                            \
	F(T, UINT, 11, composite, 0, 0) /* 1: a sum of the parts' sums */
PB_DECLARE(s3_meta, S3_META)

enum { S3_USER_META = 2048 };

/* From the headers of a PUT, POST form or CreateMultipartUpload, and the tags
 * of x-amz-tagging.  bytes holds what does not stand in the head. */
enum s3err s3_meta_of(const struct http_head *, struct s3_meta *,
    struct buf *bytes, const char **why);
int s3_meta_unpack(struct slice packed, struct s3_meta *);
void s3_meta_pack(const struct s3_meta *, struct buf *out);
/* As headers of a reply; override: response-content-type=… of the query. */
void s3_meta_reply(
    const struct s3_meta *, const struct uri *override, struct http_reply *);

enum s3_who { S3_WHO_NOBODY, S3_WHO_KEY, S3_WHO_LOCAL };

struct s3 {
	struct s3_conf conf;
	struct nodedb *db;
	struct blobs *blobs;
	struct sweep *sweep;
	struct sigv4_cache keys;
	struct s3_req *all;     /* every request */
	struct s3_req *waiting; /* for the flush */
	struct s3_req *ready, **ready_tail;
	uint64_t nreqs, sealing;
	uint64_t stats[S3_STAT_N], ops[S3OP_N], errors[S3ERR_N];
	struct s3_life *life; /* s3_life.c */
	uint64_t next_id;
};

/* Content that is being taken (s3_content.c). */
struct s3_content {
	struct put *put;
	struct chunked *chunked;
	struct form *form;
	struct sum sum; /* a checksum that was asked for */
	bool sum_claimed;
	bool sum_in_trailer;
	uint8_t claimed_sum[SUM_MOST], got_sum[SUM_MOST];
	bool md5_claimed;
	uint8_t claimed_md5[MD5_BYTES];
	bool length_known;
	uint64_t length; /* of the content, when known */
	uint64_t taken;
	struct tenant *tenant;       /* who pays */
	uint64_t reserved;           /* granted by caps, not yet used */
	const struct put_sums *sums; /* after the end */
	struct blob_note note;
	/* Called in the turn in which the content is durable: put the row into
	 * the index (nodedb_put, nodedb_part_put) and answer. */
	void (*named)(struct s3_req *, const struct content *);
};

struct s3_req {
	struct s3 *s3;
	const struct http_head *head;
	void *owner;
	enum s3_state state;
	char id[S3_ID + 1]; /* x-amz-request-id */
	int64_t now;
	struct uri uri;
	struct s3op op;
	enum s3_who who;
	struct tenant *tenant; /* of the access key; NULL: nobody, local */
	char key_id[NODEDB_NAME + 1];
	unsigned local; /* S3_LOCAL_… */
	struct sigv4 sig;
	uint8_t signing_key[SHA256_BYTES];
	struct bucket *bucket;      /* the op's, when it is there */
	struct buf body;            /* of an XML request */
	struct digest body_sha;     /* and what it is to be, for SIGV4_HEX */
	struct s3_content *content; /* NULL unless it takes content */
	struct http_reply reply;
	enum s3err error;
	struct tenant *payer; /* of egress, until s3_done */
	uint64_t leased;
	void *state_of_op;          /* the handler's own, … */
	void (*free_state)(void *); /* … freed with the request */
	struct s3_req *prev, *next; /* in all */
	struct s3_req *queued;      /* in waiting or ready */
	bool wrote;                 /* it waits for the flush */
	bool answered;
};

/* How an operation takes its body. */
enum s3_takes { S3_TAKES_NOTHING, S3_TAKES_XML, S3_TAKES_CONTENT };
struct s3_handler {
	enum s3_takes takes;
	/* Authenticated and allowed; the bucket is there (or need not be).
	 * NOTHING: does all and answers.  XML: may refuse before the body
	 * (NULL: nothing to refuse).  CONTENT: checks, then s3_content_begin.
	 */
	void (*begin)(struct s3_req *);
	/* XML: the body is whole and its sum is right, in r->body. */
	void (*end)(struct s3_req *);
	bool no_bucket; /* runs although the bucket is not there */
};
extern const struct s3_handler s3_handlers[S3OP_N]; /* s3.c */

/* s3_auth.c: fills who, tenant, local, sig, bucket; S3ERR_OK, or the refusal
 * (already answered, with the canonical request for SIGNATURE). */
enum s3err s3_authenticate(struct s3_req *);
/* May it do this to that?  For handlers that touch more than op.bucket and
 * op.key (copy sources, DeleteObjects' keys, forms). */
bool s3_allowed(const struct s3_req *, const struct bucket *, struct slice key,
    unsigned verb);
/* POST forms sign inside the body. */
enum s3err s3_authenticate_form(struct s3_req *, const struct form *);

/* s3_reply.c.  Each of these is the request's answer; the first one stays. */
void s3_fail(struct s3_req *, enum s3err);
void s3_fail_why(struct s3_req *, enum s3err, const char *sentence);
void s3_fail_extra(
    struct s3_req *, enum s3err, const char *sentence, struct slice extra_xml);
/* What the index said: NONE is none (NO_SUCH_KEY, …); DISK is STORAGE_FULL or
 * UNAVAILABLE. */
void s3_fail_db(struct s3_req *, enum nodedb_said, enum s3err none);
enum s3err s3_disk_error(const struct s3_req *);
/* The reply is complete in r->reply: with this status.  A reply with XML in
 * r->reply.body gets its type. */
void s3_answer(struct s3_req *, unsigned status);
void s3_answer_xml(struct s3_req *, unsigned status);
/* Quoted ETag of an object or part as S3 shows it. */
enum { S3_ETAG = 48 };
void s3_etag(const struct object *, char text[S3_ETAG]); /* no quotes */
void s3_put_etag(struct s3_req *, const char *etag);     /* as header */
void s3_put_version(
    struct s3_req *, const struct bucket *, const struct object *);
void s3_version_text(const struct object *, char text[24]);
/* versionId= as given: 0 and *version (0: null), -1: not one of ours. */
int s3_version_parse(struct slice, uint64_t *version);
void s3_put_cors(struct s3_req *); /* for a request with Origin */

/* s3_content.c */
/* Begins to take content for the tenant: checks length headers, Content-MD5,
 * checksum headers; reserves (give: bytes the same commit will free).  Answers
 * and returns false when refused. */
bool s3_content_begin(struct s3_req *, struct tenant *, uint64_t give,
    void (*named)(struct s3_req *, const struct content *));
void s3_content_add(struct s3_req *, struct slice);
void s3_content_end(struct s3_req *); /* verifies, seals; named follows */
void s3_content_sealed(struct s3 *, struct put *, int error);
void s3_content_free(struct s3_content *);
/* The checksum that goes into the metadata and the reply. */
void s3_content_sum(const struct s3_req *, struct s3_meta *);

/* s3_object.c */
/* The version that the query names (or the newest).  Answers and returns false
 * when there is none, or it is a marker. */
bool s3_find(
    struct s3_req *, const struct bucket *, struct slice key, struct object *);
/* The body of the reply: n bytes from `from` of the object, after caps; status
 * 200 or 206.  Answers in every case. */
void s3_send(struct s3_req *, const struct object *, uint64_t from, uint64_t n,
    bool partial);

/* The handlers, by file. */
void s3_object_put(struct s3_req *);
void s3_object_get(struct s3_req *); /* HEAD too */
void s3_object_attributes(struct s3_req *);
void s3_object_delete(struct s3_req *);
void s3_copy_object(struct s3_req *);
void s3_copy_part(struct s3_req *);
void s3_upload_create(struct s3_req *);
void s3_upload_part(struct s3_req *);
void s3_upload_complete(struct s3_req *);
void s3_upload_abort(struct s3_req *);
void s3_list_parts(struct s3_req *);
void s3_list_buckets(struct s3_req *);
void s3_bucket_create(struct s3_req *);
void s3_bucket_delete(struct s3_req *);
void s3_bucket_head(struct s3_req *);
void s3_bucket_location(struct s3_req *);
void s3_list_objects(struct s3_req *); /* v1 and v2 */
void s3_list_versions(struct s3_req *);
void s3_list_uploads(struct s3_req *);
void s3_deletes(struct s3_req *);
void s3_form_post(struct s3_req *);
/* The form's fields are known (its head ended): checks, reserves. */
bool s3_form_fields(struct s3_req *);
void s3_config_get(struct s3_req *); /* by op.kind */
void s3_config_put(struct s3_req *);
void s3_config_delete(struct s3_req *);
void s3_tagging_get(struct s3_req *); /* of objects */
void s3_tagging_put(struct s3_req *);
void s3_tagging_delete(struct s3_req *);
void s3_acl_get(struct s3_req *); /* canned: private or public-read */
void s3_acl_put(struct s3_req *);
void s3_policy_status(struct s3_req *);
void s3_preflight(struct s3_req *);
void s3_admin_begin(struct s3_req *);
void s3_admin_end(struct s3_req *);

struct s3_life *s3_life_new(struct s3 *);
void s3_life_free(struct s3_life *);
void s3_life_tick(struct s3_life *, int64_t now);

#endif
