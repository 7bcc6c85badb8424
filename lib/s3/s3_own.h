/* SPDX-License-Identifier: ISC
 *
 * What the files of lib/s3 share, and nobody else.
 *
 *	s3.c          the machine: requests, their states, the flush
 *	s3_drain.c    no changes while the node drains
 *	s3_table.c    which handler does which operation
 *	s3_auth.c     who asks, and may they: signatures, grants, local users
 *	s3_claim.c    what heads say: of their bodies, and what we do not have
 *	s3_reply.c    answers and errors
 *	s3_content.c  bodies that are content: framing, sums, sealing, caps
 *	s3_space.c    room on the disk, and promises of it
 *	s3_object.c   put, get, head, attributes, delete one
 *	s3_copy.c     CopyObject and UploadPartCopy
 *	s3_upload.c   multipart
 *	s3_bucket.c   buckets
 *	s3_config.c   their documents: versioning, CORS, lifecycle, tags, ACLs
 *	s3_list.c     the lists of objects and versions
 *	s3_uploads.c  the list of uploads
 *	s3_deletes.c  DeleteObjects
 *	s3_form.c     uploads by HTML forms
 *	s3_life.c     lifecycle rules and idle uploads, in slices
 *	s3_admin.c    /-/…: keys, tenants, usage, care; on the local socket
 *	s3_meta.c     an object's metadata, packed */
#ifndef S3_S3_OWN_H
#define S3_S3_OWN_H

#include "base/mem.h"
#include "s3/s3.h"
#include "store/put.h"
#include "store/read.h"
#include "web/chunked.h"
#include "web/form.h"
#include "web/s3body.h"
#include "web/sum.h"
#include "web/when.h"
#include "web/xml.h"

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

/* From the headers of a PUT, POST form or CreateMultipartUpload.  bytes
 * (ceiling NODEDB_META or more) holds what does not stand in the head. */
enum s3err s3_meta_of(const struct http_head *, struct s3_meta *,
    struct buf *bytes, const char **why);
/* The tags of x-amz-tagging, packed; nothing when there are none. */
enum s3err s3_meta_tags(
    const struct http_head *, struct buf *packed, const char **why);
size_t s3_meta_tag_count(struct slice packed);
/* As headers of a reply: the checksum. */
void s3_meta_reply_sum(
    const struct s3_meta *, unsigned parts, struct http_reply *);
/* And as elements of XML: <ChecksumCRC32>…, <ChecksumType>. */
void s3_meta_xml_sum(const struct s3_meta *, unsigned parts, struct buf *);
/* A part's: <ChecksumCRC32>; nothing for SUM_NONE. */
void s3_part_sum_xml(struct slice packed, struct buf *);
int s3_meta_unpack(struct slice packed, struct s3_meta *);
void s3_meta_pack(const struct s3_meta *, struct buf *out);
/* As headers of a reply; override: response-content-type=… of the query. */
void s3_meta_reply(
    const struct s3_meta *, const struct uri *override, struct http_reply *);

enum s3_who { S3_WHO_NOBODY, S3_WHO_KEY, S3_WHO_LOCAL };

struct s3_queue {
	struct s3_req *first, **end;
};

struct s3 {
	struct s3_conf conf;
	struct nodedb *db;
	struct blobs *blobs;
	struct sweep *sweep;
	struct sigv4_cache keys;
	struct s3_req *all;      /* every request */
	struct s3_queue waiting; /* for the flush */
	struct s3_queue ready;   /* for s3_next */
	struct s3_req *copying;  /* ranges that are copied (s3_copy.c) */
	struct s3_req *unused;   /* for the next requests */
	uint64_t nreqs, nunused, sealing;
	uint64_t stats[S3_STAT_N], ops[S3OP_N], errors[S3ERR_N];
	int64_t space_at;        /* when the disk was last asked */
	uint64_t space_free;     /* bytes it had, less what came since */
	uint64_t space_promised; /* to uploads, and not yet written */
	struct s3_life *life; /* s3_life.c */
	char draining[257];   /* the reason; "" while changes are taken */
	uint64_t next_id;
	uint32_t period; /* of the last tick */
};

/* What a head says of its body, to be compared when that has come. */
struct s3_claim {
	bool length_known;
	uint64_t length; /* of the content, without framing */
	bool md5_claimed, sum_claimed, sum_in_trailer;
	uint8_t md5[MD5_BYTES];
	enum sum_kind sum_kind; /* SUM_NONE: no checksum was named */
	uint8_t sum[SUM_MOST];
};

/* Bytes that the commit which names the content will free; and what puts its
 * row into the index. */
typedef uint64_t s3_give_fn(struct s3_req *);
typedef void s3_named_fn(struct s3_req *, const struct content *);

/* Content that is being taken (s3_content.c). */
struct s3_content {
	struct put *put;
	struct s3_claim claim;
	bool of_body;   /* it is the request's body, or what that frames */
	bool sealing;   /* a worker has it */
	struct sum sum; /* running, of claim.sum_kind, unless SHA256 */
	uint8_t got_sum[SUM_MOST];
	uint64_t least, most; /* bytes that it may have */
	uint64_t taken;
	struct tenant *tenant;       /* who pays */
	uint64_t reserved;           /* granted by caps, not yet used */
	uint64_t promised;           /* of the disk, not yet written */
	const struct put_sums *sums; /* after the end */
	struct buf meta, tags;       /* of the row it is for, packed */
	struct blob_note note;
	/* Called in the turn in which the content is durable, with r->bucket
	 * looked up again: put the row into the index (nodedb_put,
	 * nodedb_part_put) and answer. */
	s3_named_fn *named;
	s3_give_fn *give; /* may be NULL */
};

/* The bucket and what else the index owns is good for one turn: what waits for
 * a body or for the disk looks it up again (s3_bucket_again). */
struct s3_req {
	struct s3 *s3;
	const struct http_head *head;
	void *owner;
	enum s3_state state;
	char id[S3_ID + 1]; /* x-amz-request-id */
	int64_t now;
	struct s3op op;
	enum s3_who who;
	struct tenant *tenant; /* of the access key; NULL: nobody, local */
	char key_id[NODEDB_NAME + 1];
	unsigned local; /* S3_LOCAL_… */
	struct sigv4 sig;
	uint8_t signing_key[SHA256_BYTES];
	struct bucket *bucket; /* the op's, when it is there */
	int64_t bucket_no;
	struct chunked *chunked;    /* the framing of the body, or NULL */
	struct form *form;          /* the same of a POST form */
	struct buf body;            /* of an XML request */
	struct s3_claim claim;      /* of an XML request */
	struct s3_content *content; /* NULL unless it takes content */
	struct http_reply reply;
	enum s3err error;
	struct tenant *payer; /* of egress, until s3_done */
	uint64_t leased;
	void *state_of_op;          /* the handler's own, … */
	void (*free_state)(void *); /* … freed with the request */
	struct s3_req *prev, *next; /* in all */
	struct s3_queue *queue;     /* NULL: in none */
	struct s3_req *queued;      /* the next in it */
	struct s3_req *copies;      /* in copying */
	bool is_copying;
	bool wrote;  /* it waits for the flush */
	bool taking; /* its body has not ended */
	bool answered;
	bool changes; /* it is counted as one that does */
	/* Large, and not cleared between requests: stays the last. */
	struct uri uri;
};

/* How an operation takes its body. */
enum s3_takes { S3_TAKES_NOTHING, S3_TAKES_XML, S3_TAKES_CONTENT };
struct s3_handler {
	enum s3_takes takes;
	/* Authenticated and allowed; the bucket is there (or need not be).
	 * NOTHING: does all and answers.  XML: may answer before the body
	 * (NULL: nothing to say).  CONTENT: checks, then s3_content_begin. */
	void (*begin)(struct s3_req *);
	/* XML: the body is whole and its sum is right, in r->body. */
	void (*end)(struct s3_req *);
};
extern const struct s3_handler s3_handlers[S3OP_N]; /* s3_table.c */

/* s3.c */
/* Look up r->bucket again; false, and answered: it is gone or another. */
bool s3_bucket_again(struct s3_req *);
/* Within s3_flush something happened to this request: an answered one waits for
 * the commit that follows. */
void s3_settle(struct s3_req *);

/* It was answered outside of its own calls, while its body was to come. */
void s3_refused(struct s3_req *);

/* s3_drain.c */
/* May it begin?  false: answered.  A change is counted until it is forgotten.
 */
bool s3_drain_admits(struct s3_req *);
void s3_drain_forget(struct s3_req *);

/* s3_auth.c: fills who, tenant, local, sig, bucket; S3ERR_OK, or the refusal
 * (already answered, with the canonical request for SIGNATURE).  What only a
 * handler can decide it leaves to that: each key of DeleteObjects, the form of
 * POST_OBJECT, which buckets LIST_BUCKETS shows, what ADMIN's words are;
 * PREFLIGHT and CREATE_BUCKET may have no bucket. */
enum s3err s3_authenticate(struct s3_req *);
/* May it do this to that?  For handlers that touch more than op.bucket and
 * op.key (copy sources, DeleteObjects' keys, forms). */
bool s3_allowed(const struct s3_req *, const struct bucket *, struct slice key,
    unsigned verb);
/* Has it any grant of this verb on the bucket, whatever the keys? */
bool s3_allowed_some(
    const struct s3_req *, const struct bucket *, unsigned verb);
/* POST forms sign inside the body. */
enum s3err s3_authenticate_form(struct s3_req *, const struct form *);
/* Secrets of access keys at rest are bound to the key's id. */
void s3_secret_seal(
    const struct s3 *, struct slice id, struct slice secret, struct buf *out);
int s3_secret_open(
    const struct s3 *, const struct access_key *, struct buf *secret);

/* s3_claim.c */
/* Headers that would change the meaning and that we do not have: S3ERR_OK, or
 * what to answer. */
enum s3err s3_head_refused(
    const struct s3_req *, const struct http_head *, const char **why);
/* Content-MD5, checksums, lengths; sums false: x-amz-checksum-… are not of the
 * body (CompleteMultipartUpload). */
enum s3err s3_claim_of(const struct http_head *, const struct sigv4 *,
    bool sums, struct s3_claim *, const char **why);
/* A trailer that was announced, into claim->sum. */
enum s3err s3_claim_trailer(struct s3_claim *, const struct chunked *);
/* Against what came.  sum: of claim->sum_kind. */
enum s3err s3_claim_check(
    const struct s3_claim *, const uint8_t *md5, const uint8_t *sum);
/* The same of a body in memory, and x-amz-content-sha256. */
enum s3err s3_claim_check_body(
    const struct s3_claim *, const struct sigv4 *, struct slice body);

/* s3_reply.c.  Each of these is the request's answer; the first one stays. */
void s3_fail(struct s3_req *, enum s3err);
void s3_fail_why(struct s3_req *, enum s3err, const char *sentence);
void s3_fail_extra(
    struct s3_req *, enum s3err, const char *sentence, struct slice extra_xml);
/* What the index said: NONE is none (NO_SUCH_KEY, …); DISK is STORAGE_FULL or
 * UNAVAILABLE. */
void s3_fail_db(struct s3_req *, enum nodedb_said, enum s3err none);
enum s3err s3_disk_error(const struct s3_req *);
void s3_fail_errno(struct s3_req *, int error); /* of files */
/* The reply is complete in r->reply: with this status.  A reply with XML in
 * r->reply.body gets its type. */
void s3_answer(struct s3_req *, unsigned status);
void s3_answer_xml(struct s3_req *, unsigned status);
/* Who owns it, as an element of this name: tenants have no other name. */
void s3_xml_owner(struct buf *, const char *element, const char *tenant);
/* Quoted ETag of an object or part as S3 shows it. */
enum { S3_ETAG = 48 };
void s3_etag(const struct object *, char text[S3_ETAG]); /* no quotes */
void s3_put_etag(struct s3_req *, const char *etag);     /* as header */
void s3_put_version(
    struct s3_req *, const struct bucket *, const struct object *);
void s3_version_text(const struct object *, char text[24]);
/* versionId= as given: 0 and *version (0: null), -1: not one of ours. */
int s3_version_parse(struct slice, uint64_t *version);
void s3_xml_etag(struct buf *, const char *etag); /* quoted, as element */
/* Forget the answer and all fields that were put. */
void s3_reply_anew(struct s3_req *);
void s3_put_cors(struct s3_req *); /* for a request with Origin */
void s3_put_cors_rule(
    struct s3_req *, const struct s3_cors_rule *, struct slice origin);

/* s3_content.c */
/* Begins to take content for the tenant: checks length headers, Content-MD5,
 * checksum headers of head; reserves (give: bytes the same commit will free;
 * asked only when it does not fit without; may be NULL).  Answers and returns
 * false when refused. */
bool s3_content_begin(struct s3_req *, const struct http_head *,
    struct tenant *, s3_give_fn *, s3_named_fn *);
/* The same without a head, of n bytes: for what is copied. */
bool s3_content_copy(struct s3_req *, struct tenant *, uint64_t n,
    s3_give_fn *, s3_named_fn *);
/* n bytes more are granted; false: answered. */
bool s3_content_reserve(struct s3_req *, uint64_t n, s3_give_fn *);
/* Compute this checksum though the client gave none. */
void s3_content_want(struct s3_req *, enum sum_kind);
void s3_content_add(struct s3_req *, struct slice);
void s3_content_end(struct s3_req *); /* verifies, seals; named follows */
void s3_content_sealed(struct s3 *, struct put *, int error);
void s3_content_free(struct s3 *, struct s3_content *); /* NULL: nothing */
/* The checksum that goes into the metadata. */
void s3_content_sum(const struct s3_req *, struct s3_meta *);

/* s3_space.c */
/* Is the disk too full to take more?  Asked at most once a second. */
bool s3_disk_low(struct s3 *, int64_t now);
/* Is there room for n bytes?  true: it is kept for this content, … */
bool s3_disk_promise(struct s3 *, struct s3_content *, uint64_t n, int64_t now);
/* … until so much is written, or forgotten. */
void s3_disk_spend(struct s3 *, struct s3_content *, uint64_t n);
void s3_disk_forget(struct s3 *, struct s3_content *);

/* s3_object.c */
/* The version that the query names (or the newest).  Answers and returns false
 * when there is none, or it is a marker. */
bool s3_find(
    struct s3_req *, const struct bucket *, struct slice key, struct object *);
/* The body of the reply: n bytes from `from` of the object, after caps; status
 * 200 or 206.  Answers in every case. */
void s3_send(struct s3_req *, const struct object *, uint64_t from, uint64_t n,
    bool partial);

/* If-Match and If-None-Match of a write; false: answered. */
bool s3_write_condition(
    struct s3_req *, const struct bucket *, struct slice key);
/* Bytes that a put of op.key will free. */
uint64_t s3_object_give(struct s3_req *);
/* Metadata and tags from a head into r->content; false: answered. */
bool s3_object_describe(struct s3_req *, const struct http_head *);
/* The row of op.key with the content that came: puts it, and sets the ETag,
 * version and checksum of the reply; false: answered. */
bool s3_object_name(struct s3_req *, const struct content *, char etag[S3_ETAG]);

/* s3_copy.c: goes on with the copies of ranges, some bytes of each. */
void s3_copy_step(struct s3 *);
void s3_copy_stop(struct s3_req *); /* out of copying */
/* A source that the headers of a copy name. */
struct s3_source {
	struct buf bytes; /* bucket and key, decoded */
	struct slice bucket, key;
	bool has_version;
	uint64_t version;
	struct bucket *from;
	struct object object; /* its slices are in kept */
	struct buf kept;
};
/* There, allowed, and as its conditions want it; false: answered. */
bool s3_source_find(struct s3_req *, struct s3_source *);
void s3_source_free(struct s3_source *);

/* s3_upload.c */
struct s3_part_op { /* state_of_op of UploadPart and UploadPartCopy */
	uint8_t token[16];
	unsigned number;
	bool copies;
	struct reading *reading;
	uint64_t at, n; /* of what is copied */
};
/* The state of an upload of a part, its upload found; NULL: answered.  *kind
 * is the checksum that the upload is to have. */
struct s3_part_op *s3_part_op(
    struct s3_req *, struct upload *, enum sum_kind *kind);
/* Bytes that the part will free. */
uint64_t s3_part_give(struct s3_req *);
/* The part's row with this content, and the answer. */
void s3_part_name(struct s3_req *, const struct content *);
void s3_part_put(struct s3_req *, struct part *, uint64_t reserved);
void s3_part_note(struct s3_req *);
void s3_copy_part_answer(struct s3_req *, const struct part *);
enum { S3_TOKEN = 33 };
void s3_token_text(const uint8_t token[16], char text[S3_TOKEN]);
/* The upload that the query names, if it is of op.key; false: answered. */
bool s3_upload_find(struct s3_req *, struct upload *);
/* A part's checksum as it stands in struct part, and back. */
enum { S3_PART_SUM = 1 + SUM_MOST };
struct slice s3_part_sum_pack(
    enum sum_kind, const uint8_t *sum, uint8_t to[S3_PART_SUM]);
enum sum_kind s3_part_sum(struct slice packed, const uint8_t **sum);
/* partNumber= of the query, 1..10,000; false: answered. */
bool s3_part_number(struct s3_req *, unsigned *number);

/* s3_bucket.c: has the tenant as many as one may have? */
bool s3_buckets_full(const struct s3 *, const struct tenant *);

/* The handlers, by file. */
void s3_object_put(struct s3_req *);
void s3_object_get(struct s3_req *); /* HEAD too */
void s3_object_attributes(struct s3_req *);
void s3_object_delete(struct s3_req *);
void s3_copy_object(struct s3_req *);
void s3_copy_part(struct s3_req *);
void s3_upload_create(struct s3_req *);
void s3_upload_part(struct s3_req *);
void s3_upload_complete_begin(struct s3_req *);
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
void s3_form_take(struct s3_req *, struct slice);
void s3_form_end(struct s3_req *);
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
