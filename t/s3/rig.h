/* SPDX-License-Identifier: ISC
 *
 * A store in a temporary directory and the S3 machine over it, without sockets:
 * requests are written as text, signed, fed in bites, flushed until they are
 * ready, and their replies are read to the end.
 *
 *	struct rig g;
 *	rig_new(&g);
 *	rig_ask(&g, "PUT", "/box/key", "x-amz-meta-a: b\n", slice_text("…"));
 *	is_int(g.got.status, 200, "…");
 *	rig_free(&g); */
#ifndef T_S3_RIG_H
#define T_S3_RIG_H

#include "t/tap.h"
#include "s3/s3_own.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define RIG_MIB ((size_t)1 << 20)
enum { RIG_TEXT = 64 << 10, RIG_UID = 1000, RIG_GUEST = 1001 };

enum rig_who { RIG_ANN, RIG_BOB, RIG_NOBODY, RIG_LOCAL };

struct rig {
	char dir[64];
	struct blobs *blobs;
	struct nodedb *db;
	struct sweep *sweep;
	struct s3 *s3;
	struct budget budget;
	struct rights rights;
	uint8_t secret[32];
	int64_t now; /* milliseconds; each request takes one */
	struct tenant *ann, *bob;
	struct bucket *box;
	/* of the next requests */
	enum rig_who who;
	const char *key_id;    /* NULL: of who */
	const char *payload;   /* x-amz-content-sha256; NULL: the sum */
	bool lengthless;       /* without Content-Length */
	size_t bite;           /* bytes of the body at a time; 0: all */
	uint64_t taken;        /* of the reply that is taken; UINT64_MAX: all */
	struct http_head head; /* of the present one */
	char lines[RIG_TEXT];
	struct buf authorization;
	struct {
		unsigned status;
		struct buf fields, body;
		uint64_t length;
		bool no_body, close;
		bool early; /* it was ready before the body */
	} got;
};

static const char rig_secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

static inline void
rig_key(struct rig *g, const char *id, struct tenant *tenant,
    const struct grant *grants, size_t n)
{
	struct access_key *key = mem_new(sizeof *key);
	struct buf sealed = { .max = NODEDB_SECRET };

	snprintf(key->id, sizeof key->id, "%s", id);
	key->tenant = tenant;
	s3_secret_seal(
	    g->s3, slice_text(id), slice_text(rig_secret), &sealed);
	memcpy(key->sealed, sealed.p, sealed.n);
	key->nsealed = sealed.n;
	for (size_t i = 0; i < n; i++)
		key->grants[i] = grants[i];
	key->ngrants = n;
	if (nodedb_key_put(g->db, key) != NODEDB_OK)
		abort();
	buf_free(&sealed);
	free(key);
}

static inline void
rig_open(struct rig *g, const char *db)
{
	static const char *const domains[] = { "s3.example", NULL };
	struct sweep_conf sweep = { 0 };
	struct s3_conf conf = { .region = "us-east-1",
		.domains = domains,
		.secret = g->secret,
		.rights = &g->rights,
		.budget = &g->budget,
		.buckets_per_tenant = 100,
		.requests = 100,
		.upload_life = 86400000 };
	struct nodedb_conf dbconf = { .cache = 4 << 20, .journal = 1000 };
	const char *why = NULL;
	bool newer;

	g->blobs = blobs_open(g->dir, &why);
	g->db = nodedb_open(db, &dbconf, NULL, NULL, &why, &newer);
	if (g->blobs == NULL || g->db == NULL) {
		printf("Bail out! %s\n", why);
		exit(1);
	}
	g->sweep = sweep_new(g->blobs, g->db, &sweep, NULL, NULL);
	g->s3 = s3_new(&conf, g->db, g->blobs, g->sweep);
}

static inline void
rig_new_at(struct rig *g, const char *db)
{
	struct grant all = { .bucket = "*",
		.verbs = S3_ALL,
		.prefix = (char *)(uintptr_t) "" };

	memset(g, 0, sizeof *g);
	snprintf(g->dir, sizeof g->dir, "/tmp/kn-s3-XXXXXX");
	if (mkdtemp(g->dir) == NULL)
		abort();
	g->now = INT64_C(1700000000000);
	g->taken = UINT64_MAX;
	g->budget = (struct budget){ 0, 48 << 20, 64 << 20, 0 };
	memset(g->secret, 7, sizeof g->secret);
	g->rights.n = 2;
	g->rights.at[0].uid = RIG_UID;
	g->rights.at[0].words = 7;
	g->rights.at[1].uid = RIG_GUEST;
	g->rights.at[1].words = S3_LOCAL_READ;
	g->authorization.max = 4096;
	g->got.fields.max = 256 << 10;
	g->got.body.max = 128 << 20;
	rig_open(g, db);
	if (nodedb_tenant_put(g->db, "ann", "own", UINT64_MAX, UINT64_MAX,
		&g->ann) != NODEDB_OK ||
	    nodedb_tenant_put(g->db, "bob", "own", UINT64_MAX, UINT64_MAX,
		&g->bob) != NODEDB_OK ||
	    nodedb_bucket_new(g->db, slice_text("box"), g->ann, g->now,
		&g->box) != NODEDB_OK)
		abort();
	rig_key(g, "ANN", g->ann, &all, 1);
	rig_key(g, "BOB", g->bob, &all, 1);
	nodedb_commit(g->db);
}

static inline void
rig_new(struct rig *g)
{
	rig_new_at(g, ":memory:");
}

/* Returns the bytes that are left in the budget. */
static inline size_t
rig_close(struct rig *g)
{
	char command[128];

	s3_free(g->s3);
	sweep_free(g->sweep);
	nodedb_close(g->db);
	blobs_close(g->blobs);
	buf_free(&g->authorization);
	buf_free(&g->got.fields);
	buf_free(&g->got.body);
	snprintf(command, sizeof command, "rm -rf %s", g->dir);
	if (system(command) != 0)
		abort();
	return g->budget.used;
}

static inline void
rig_free(struct rig *g)
{
	is_int(rig_close(g), 0, "nothing is left in the budget");
}

static inline void
rig_field(struct rig *g, const char *name, struct slice value)
{
	g->head.fields[g->head.n++] =
	    (struct http_field){ slice_text(name), value };
}

/* Lines "name: value\n" into fields. */
static inline void
rig_lines(struct rig *g, const char *lines)
{
	char *at = g->lines;

	snprintf(g->lines, sizeof g->lines, "%s", lines);
	while (*at) {
		char *end = strchr(at, '\n'), *colon = strstr(at, ": ");

		*end = '\0';
		*colon = '\0';
		rig_field(g, at, slice_text(colon + 2));
		at = end + 1;
	}
}

static inline void
rig_stamp(const struct rig *g, char text[32])
{
	time_t seconds = (time_t)(g->now / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, 32, "%Y%m%dT%H%M%SZ", &tm);
}

static inline void
rig_hex(struct slice s, char *text)
{
	for (size_t i = 0; i < s.n; i++)
		sprintf(text + 2 * i, "%02x", s.p[i]);
}

/* What stands in the head for the signature; texts live until the next. */
static inline void
rig_sign(struct rig *g, struct slice body)
{
	static char stamp[32], sha[2 * SHA256_BYTES + 1];
	const char *id = g->key_id ? g->key_id
				   : g->who == RIG_BOB ? "BOB" : "ANN";
	uint8_t sum[SHA256_BYTES];
	struct uri *uri = mem_new(sizeof *uri);
	const char *why;

	rig_stamp(g, stamp);
	digest_of(DIGEST_SHA256, body, sum);
	rig_hex(slice_of(sum, sizeof sum), sha);
	rig_field(g, "x-amz-date", slice_text(stamp));
	rig_field(g, "x-amz-content-sha256",
	    slice_text(g->payload ? g->payload : sha));
	buf_cut(&g->authorization, 0);
	if (uri_parse(g->head.target, uri, &why) == 0)
		sigv4_sign(&g->head, uri, slice_text(id),
		    slice_text(rig_secret), slice_text("us-east-1"),
		    &g->authorization);
	uri_free(uri);
	free(uri);
	rig_field(g, "authorization", buf_slice(&g->authorization));
}

/* The head of a request with a body of so many bytes. */
static inline void
rig_head(struct rig *g, const char *method, const char *target,
    const char *lines, struct slice body)
{
	memset(&g->head, 0, sizeof g->head);
	g->head.method = slice_text(method);
	g->head.target = slice_text(target);
	g->head.has_length = !g->lengthless &&
	    (body.n > 0 || strcmp(method, "PUT") == 0 ||
		strcmp(method, "POST") == 0);
	g->head.length = g->head.has_length ? body.n : 0;
	g->head.has_body = body.n > 0;
	g->head.uid = g->who == RIG_LOCAL ? RIG_UID : -1;
	g->head.from = slice_text("127.0.0.1");
	rig_lines(g, lines);
	if (http_find(&g->head, "host") == NULL)
		rig_field(g, "host", slice_text("127.0.0.1:9000"));
	if (g->who == RIG_ANN || g->who == RIG_BOB)
		rig_sign(g, body);
	else if (g->payload)
		rig_field(
		    g, "x-amz-content-sha256", slice_text(g->payload));
}

static inline void
rig_wait(struct rig *g, struct s3_req *r)
{
	while (s3_state(r) == S3_WAITS) {
		struct pollfd p = { blobs_fd(g->blobs), POLLIN, 0 };

		s3_flush(g->s3, g->now);
		while (s3_next(g->s3))
			;
		if (s3_state(r) == S3_WAITS && !s3_busy(g->s3))
			poll(&p, 1, 1000);
	}
}

static inline void
rig_feed(struct rig *g, struct s3_req *r, struct slice body)
{
	while (body.n > 0 && s3_state(r) == S3_WANTS_BODY) {
		size_t n = g->bite && g->bite < body.n ? g->bite : body.n;

		s3_body(r, get_bytes(&body, n));
	}
	if (s3_state(r) == S3_WANTS_BODY)
		s3_end(r, g->now);
}

static inline uint64_t
rig_content(struct rig *g, struct http_reply *reply)
{
	uint64_t n = reply->length < g->taken ? reply->length : g->taken;
	uint64_t at = 0;

	while (at < n) {
		size_t piece = n - at < 100000 ? (size_t)(n - at) : 100000;
		uint8_t *room = buf_room(&g->got.body, piece);
		ssize_t got;

		if (reply->source.read)
			got = reply->source.read(
			    reply->source.data, at, room, piece);
		else
			got = pread(reply->fd, room, piece,
			    (off_t)(reply->offset + at));
		if (got <= 0)
			break;
		buf_added(&g->got.body, (size_t)got);
		at += (uint64_t)got;
	}
	return at;
}

/* The reply is read, and the request is over. */
static inline void
rig_take(struct rig *g, struct s3_req *r)
{
	struct http_reply *reply = s3_reply(r);
	uint64_t sent = 0;

	buf_cut(&g->got.fields, 0);
	buf_cut(&g->got.body, 0);
	g->got.status = reply->status;
	g->got.length = reply->length;
	g->got.no_body = reply->no_body;
	g->got.close = reply->close;
	put_slice(&g->got.fields, buf_slice(&reply->fields));
	if (!reply->no_body) {
		if (reply->fd >= 0 || reply->source.read) {
			sent = rig_content(g, reply);
		} else {
			put_slice(&g->got.body, buf_slice(&reply->body));
			sent = reply->body.n < g->taken ? reply->body.n
							: g->taken;
		}
	}
	s3_done(r, sent);
	g->now++;
}

static inline unsigned
rig_ask(struct rig *g, const char *method, const char *target,
    const char *lines, struct slice body)
{
	struct s3_req *r;

	rig_head(g, method, target, lines, body);
	r = s3_begin(g->s3, &g->head, g->now);
	g->got.early = s3_state(r) == S3_READY;
	rig_feed(g, r, body);
	rig_wait(g, r);
	rig_take(g, r);
	return g->got.status;
}

/* Without a body and more headers. */
static inline unsigned
rig_do(struct rig *g, const char *method, const char *target)
{
	return rig_ask(g, method, target, "", (struct slice){ 0 });
}

/* A header of the reply, or "". */
static inline const char *
rig_header(const struct rig *g, const char *name)
{
	struct http_reply reply = { .fields = g->got.fields };
	const char *n, *v;
	size_t at = 0;

	while (http_next(&reply, &at, &n, &v))
		if (strcasecmp(n, name) == 0)
			return v;
	return "";
}

static inline bool
rig_body_is(const struct rig *g, const char *text)
{
	return slice_is(buf_slice(&g->got.body), text);
}

/* The text of the first such element, or "". */
static inline const char *
rig_xml(const struct rig *g, const char *name)
{
	static char text[4096];
	char open[64];
	const char *at, *end;
	static char all[RIG_TEXT];

	snprintf(all, sizeof all, "%.*s", (int)g->got.body.n,
	    g->got.body.p ? (const char *)g->got.body.p : "");
	snprintf(open, sizeof open, "<%s>", name);
	at = strstr(all, open);
	if (at == NULL)
		return "";
	at += strlen(open);
	end = strchr(at, '<');
	snprintf(text, sizeof text, "%.*s", (int)(end ? end - at : 0), at);
	return text;
}

/* The status and the error's code are as they should be. */
static inline void
rig_is(const struct rig *g, unsigned status, const char *code, const char *name)
{
	bool same = strcmp(rig_xml(g, "Code"), code) == 0;

	if (!ok(g->got.status == status && same, "%.*s",
		(int)strcspn(name, "\n"), name))
		printf("# got %u %.*s\n", g->got.status, (int)g->got.body.n,
		    g->got.body.p ? (const char *)g->got.body.p : "");
}

static inline void
rig_put(struct rig *g, const char *target, struct slice body)
{
	if (rig_ask(g, "PUT", target, "", body) != 200)
		rig_is(g, 200, "", target);
}

/* Bytes that do not repeat. */
static inline struct buf
rig_bytes(size_t n, uint64_t seed)
{
	struct buf b = { .max = n };
	uint8_t *p = buf_room(&b, n);

	for (size_t i = 0; i < n; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		p[i] = (uint8_t)(seed >> 56);
	}
	buf_added(&b, n);
	return b;
}

#endif
