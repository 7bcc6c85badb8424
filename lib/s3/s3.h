/* SPDX-License-Identifier: ISC
 *
 * The S3 service as a machine over the store: heads and bodies of requests go
 * in, replies come out; no socket, no clock of its own.
 *
 *	r = s3_begin(s3, &head, now)	S3_WANTS_BODY, S3_WAITS or S3_READY
 *	s3_body(r, bytes)…, s3_end(r)	the same again
 *	s3_flush(s3)			commit the batch, take what was sealed
 *	while ((r = s3_next(s3)))	requests that have become ready
 *	s3_reply(r)			what to send
 *	s3_done(r, sent)		it was sent, or broke off; frees r
 *	if (s3_busy(s3))		long copies go on: s3_flush again soon
 *
 * Nothing is answered before what it says is durable: a request that wrote, or
 * that read while the batch was dirty, waits for s3_flush.  A refusal is known
 * before the body is read whenever it can be (S3_READY from s3_begin): the
 * caller answers without taking the body, and closes. */
#ifndef S3_S3_H
#define S3_S3_H

#include "base/rights.h"
#include "store/blob.h"
#include "store/caps.h"
#include "store/nodedb.h"
#include "store/sweep.h"
#include "web/http.h"
#include "web/s3op.h"

enum {
	S3_BODY_XML = 4 << 20, /* of a request that carries XML */
	S3_OBJECT_MOST = 5,    /* TiB of an object, GiB of a PUT or part */
	S3_PART_LEAST = 5 << 20,
	S3_LIST_MOST = 1000,
};

/* Who owns what is made on the local socket. */
#define S3_OWN_TENANT "own"

struct s3;
struct s3_req;

struct s3_conf {
	const char *region;
	const char *const *domains;  /* for virtual-host style, NULL-ended */
	const char *const *hosts;    /* other names that proxies call us by */
	const uint8_t *secret;       /* 32 bytes: seals the keys' secrets */
	const struct rights *rights; /* who may what on the local socket */
	struct budget *budget;
	uint64_t buckets_per_tenant;
	uint64_t requests;     /* at once; above: SlowDown */
	msec upload_life;      /* uploads nobody touched go after this */
	uint64_t disk_reserve; /* bytes of disk kept free for deletes */
};

/* Words of rights on the local socket, bits in this order (s3_right_words). */
enum { S3_LOCAL_READ = 1, S3_LOCAL_WRITE = 2, S3_LOCAL_ADMIN = 4 };
extern const char *const s3_right_words[];

/* Borrows db, blobs and sweep; conf is copied, what it points to is borrowed.
 */
struct s3 *s3_new(
    const struct s3_conf *, struct nodedb *, struct blobs *, struct sweep *);
void s3_free(struct s3 *); /* all requests are freed */

enum s3_state { S3_WANTS_BODY, S3_WAITS, S3_READY };

/* now: milliseconds since 1970.  head (and what it points to) lives until
 * s3_done. */
struct s3_req *s3_begin(struct s3 *, const struct http_head *, int64_t now);
enum s3_state s3_state(const struct s3_req *);
enum s3_state s3_body(struct s3_req *, struct slice);
enum s3_state s3_end(struct s3_req *, int64_t now);
void *s3_owner(const struct s3_req *);
void s3_set_owner(struct s3_req *, void *);
/* The reply, complete; the caller may take its fd and source (set them to -1
 * and NULL then). */
struct http_reply *s3_reply(struct s3_req *);
/* sent: bytes of the body that the peer has (as the kernel knows). Also when
 * the request was broken off, in any state. */
void s3_done(struct s3_req *, uint64_t sent);

/* Is there something to commit, or sealed? */
bool s3_dirty(const struct s3 *);
/* Is there work that goes on by itself (copying of ranges)?  Then s3_flush is
 * to be called again at the next turn, without waiting for a descriptor. */
bool s3_busy(const struct s3 *);
void s3_flush(struct s3 *, int64_t now);
struct s3_req *s3_next(struct s3 *);

/* Take no more changes, for a reason that clients are told (at most 256 bytes):
 * 503.  Those under way go on, and so do reads and what is asked on the local
 * socket; lifecycle rules rest.  NULL: take them again. */
void s3_drain(struct s3 *, const char *reason);
/* Those whose body has not come are refused now; they come by s3_next. */
void s3_drain_cut(struct s3 *);
uint64_t s3_changing(const struct s3 *); /* under way */

/* Housekeeping: lifecycle rules, idle uploads, months; in slices. */
void s3_tick(struct s3 *, int64_t now);

/* Counters: requests by operation, refusals by error, bytes in and out, … */
#define S3_STATS(R)                                                            \
	R(BYTES_IN, COUNTER, "body_in_bytes_total", "bytes of bodies taken")   \
	R(BYTES_OUT, COUNTER, "body_out_bytes_total", "bytes of bodies sent")  \
	R(INFLIGHT, GAUGE, "requests_running", "requests being served")        \
	R(UPLOADING, GAUGE, "writes", "uploads of content under way")          \
	R(CHANGING, GAUGE, "changes", "requests that change something")        \
	R(DEDUPED, COUNTER, "deduplicated_total", "contents that were there")  \
	R(EXPIRED, COUNTER, "expired_total", "versions removed by lifecycle")  \
	R(ABORTED, COUNTER, "uploads_aborted_total", "uploads given up")
enum s3_stat {
#define R(name, kind, word, help) S3_STAT_##name,
	S3_STATS(R)
#undef R
	    S3_STAT_N
};
void s3_stats(const struct s3 *, uint64_t stats[S3_STAT_N],
    uint64_t ops[S3OP_N], uint64_t errors[S3ERR_N]);

#endif
