/* SPDX-License-Identifier: ISC
 *
 * An S3 client that can do what no client does: heads are text that the caller
 * may spoil, signatures are made here, and nothing is ever sent that was not
 * asked for.  One connection, blocking, with patience.
 *
 *	raw_aim(PORT)			where it is; whose key: KN_S3_ID,
 *_SECRET raw_dial(&raw) raw_head(&raw, "PUT", "/b/k", "x-amz-meta-a: b\r\n",
 *length, payload) raw_say(&raw, bytes) raw_hear(&raw)
 *status, or 0: closed without an answer raw_hang_up(&raw) */
#ifndef T_FAULT_S3RAW_H
#define T_FAULT_S3RAW_H

#include "base/mem.h"
#include "base/msec.h"
#include "web/sigv4_own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RAW_UNSIGNED  "UNSIGNED-PAYLOAD"
#define RAW_NO_LENGTH UINT64_MAX

enum { RAW_PATIENCE = 120000, RAW_BODY = 64 << 20, RAW_STAMP = 17 };

static struct {
	struct sockaddr_in addr;
	char host[32];
	const char *id, *secret, *region;
	int64_t skew; /* seconds that our clock is wrong by */
	bool spoil;   /* the next signature is wrong */
} raw_to;

struct raw {
	int fd;
	unsigned status;
	char code[64]; /* of S3's XML */
	struct buf in, body;
	struct buf out; /* what is going to be said */
	bool keeps;     /* the connection goes on after the answer */
	/* of the last head, for its chunks */
	struct sigv4 sig;
	char scope[SIGV4_SCOPE];
	char previous[SIGV4_HASH];
	uint8_t key[SHA256_BYTES];
};

static inline void
raw_aim(const char *port)
{
	raw_to.addr = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	snprintf(raw_to.host, sizeof raw_to.host, "127.0.0.1:%s", port);
	raw_to.id = getenv("KN_S3_ID");
	raw_to.secret = getenv("KN_S3_SECRET");
	raw_to.region = "us-east-1";
}

static inline void
raw_hang_up(struct raw *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	buf_free(&r->in);
	buf_free(&r->body);
	buf_free(&r->out);
}

static inline int
raw_dial(struct raw *r)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->in, RAW_BODY + 65536, NULL);
	buf_init(&r->body, RAW_BODY, NULL);
	buf_init(&r->out, RAW_BODY, NULL);
	r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r->fd < 0 || connect(r->fd, (struct sockaddr *)&raw_to.addr,
			     sizeof raw_to.addr) < 0)
		return -1;
	setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return 0;
}

/* false: the other side takes no more. */
static inline bool
raw_say(struct raw *r, struct slice s)
{
	while (s.n > 0) {
		struct pollfd pfd = { r->fd, POLLOUT, 0 };
		ssize_t n;

		if (poll(&pfd, 1, RAW_PATIENCE) <= 0)
			return false;
		n = send(r->fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return false;
		get_bytes(&s, (size_t)n);
	}
	return true;
}

static inline bool
raw_say_text(struct raw *r, const char *text)
{
	return raw_say(r, slice_text(text));
}

static inline void
raw_stamp(char stamp[RAW_STAMP])
{
	time_t now = time(NULL) + (time_t)raw_to.skew;
	struct tm tm;

	strftime(stamp, RAW_STAMP, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
}

/* The fields of "Name: value\r\n"… into the head. */
static inline void
raw_fields(struct http_head *head, struct slice text)
{
	while (text.n > 0 && head->n < HTTP_FIELDS) {
		const uint8_t *end = memmem(text.p, text.n, "\r\n", 2);
		const uint8_t *colon = memchr(text.p, ':', text.n);
		struct http_field *f = &head->fields[head->n++];

		if (end == NULL || colon == NULL)
			return;
		f->name = slice_of(text.p, (size_t)(colon - text.p));
		f->value = slice_of(colon + 2, (size_t)(end - colon - 2));
		get_bytes(&text, (size_t)(end - text.p) + 2);
	}
}

static inline void
raw_field(struct http_head *head, const char *name, const char *value)
{
	head->fields[head->n++] =
	    (struct http_field){ slice_text(name), slice_text(value) };
}

/* What is needed for chunks, from the Authorization that was made. */
static inline void
raw_remember(struct raw *r, const char *stamp, const struct buf *auth)
{
	struct slice date;

	memcpy(r->sig.stamp, stamp, RAW_STAMP);
	date = slice_of(r->sig.stamp, 8);
	snprintf(r->scope, sizeof r->scope, "%.8s/%s/s3/aws4_request", stamp,
	    raw_to.region);
	r->sig.scope = slice_text(r->scope);
	sigv4_key(slice_text(raw_to.secret), date, slice_text(raw_to.region),
	    slice_text("s3"), r->key);
	memcpy(r->previous, auth->p + auth->n - SIGV4_HASH, SIGV4_HASH);
}

/* Another hex digit. */
static inline void
raw_spoil(uint8_t *digit)
{
	*digit = *digit == '0' ? '1' : '0';
}

static inline void
raw_sign(struct raw *r, const struct http_head *head, const char *stamp)
{
	struct buf auth = { .max = 65536 };
	struct uri uri;
	const char *why;

	if (raw_to.id == NULL || uri_parse(head->target, &uri, &why) < 0)
		return;
	sigv4_sign(head, &uri, slice_text(raw_to.id), slice_text(raw_to.secret),
	    slice_text(raw_to.region), &auth);
	raw_remember(r, stamp, &auth);
	if (raw_to.spoil)
		raw_spoil(&auth.p[auth.n - 1]);
	put_text(&r->out, "Authorization: ");
	put_slice(&r->out, buf_slice(&auth));
	put_text(&r->out, "\r\n");
	buf_free(&auth);
	uri_free(&uri);
}

/* A head up to its empty line, into out.  Not sent yet. */
static inline void
raw_head(struct raw *r, const char *method, const char *target,
    const char *fields, uint64_t length, const char *payload)
{
	static struct http_head head;
	char stamp[RAW_STAMP], line[64];

	head.n = 0;
	head.method = slice_text(method);
	head.target = slice_text(target);
	raw_stamp(stamp);
	raw_field(&head, "Host", raw_to.host);
	raw_field(&head, "x-amz-date", stamp);
	raw_field(&head, "x-amz-content-sha256", payload);
	raw_fields(&head, slice_text(fields));
	buf_cut(&r->out, 0);
	put_text(&r->out, method);
	put_text(&r->out, " ");
	put_text(&r->out, target);
	put_text(&r->out, " HTTP/1.1\r\n");
	for (size_t i = 0; i < head.n; i++) {
		put_slice(&r->out, head.fields[i].name);
		put_text(&r->out, ": ");
		put_slice(&r->out, head.fields[i].value);
		put_text(&r->out, "\r\n");
	}
	raw_sign(r, &head, stamp);
	if (length != RAW_NO_LENGTH) {
		snprintf(line, sizeof line, "Content-Length: %llu\r\n",
		    (unsigned long long)length);
		put_text(&r->out, line);
	}
	put_text(&r->out, "\r\n");
}

/* Some more of the answer; false: no more comes. */
static inline bool
raw_more(struct raw *r, msec until)
{
	struct pollfd pfd = { r->fd, POLLIN, 0 };
	msec left = until - msec_now();
	ssize_t n;

	if (left <= 0 || poll(&pfd, 1, (int)left) <= 0)
		return false;
	n = recv(r->fd, buf_room(&r->in, 65536), 65536, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	buf_added(&r->in, n > 0 ? (size_t)n : 0);
	return n > 0;
}

static inline const char *
raw_find(const struct buf *b, const char *what)
{
	return b->n ? memmem(b->p, b->n, what, strlen(what)) : NULL;
}

/* Text behind this word, up to a mark. */
static inline void
raw_pick(const struct buf *b, const char *word, char mark, char *to, size_t n)
{
	const char *at = raw_find(b, word);
	const char *end = b->n ? (const char *)b->p + b->n : NULL;
	size_t i = 0;

	for (at = at ? at + strlen(word) : end; at < end && *at != mark; at++)
		if (i + 1 < n)
			to[i++] = *at;
	to[i] = '\0';
}

/* The answer of HEAD has no body. */
static inline unsigned
raw_hear_of(struct raw *r, bool no_body)
{
	msec until = msec_now() + RAW_PATIENCE;
	const char *end;
	char text[32];
	size_t n, head;

	buf_cut(&r->body, 0);
	r->status = 0;
	r->code[0] = '\0';
	r->keeps = false;
	while ((end = raw_find(&r->in, "\r\n\r\n")) == NULL)
		if (!raw_more(r, until))
			return 0;
	head = (size_t)(end - (const char *)r->in.p) + 4;
	raw_pick(&r->in, "HTTP/1.1 ", ' ', text, sizeof text);
	r->status = (unsigned)atoi(text);
	r->keeps = raw_find(&r->in, "Connection: close") == NULL;
	raw_pick(&r->in, "\r\nContent-Length: ", '\r', text, sizeof text);
	n = no_body ? 0 : (size_t)strtoull(text, NULL, 10);
	while (r->in.n < head + n && raw_more(r, until))
		;
	if (r->in.n < head + n)
		return r->status = 0; /* an answer that broke off is none */
	put_bytes(&r->body, r->in.p + head, n);
	buf_drop(&r->in, head + n);
	raw_pick(&r->body, "<Code>", '<', r->code, sizeof r->code);
	return r->status;
}

static inline unsigned
raw_hear(struct raw *r)
{
	return raw_hear_of(r, false);
}

/* A whole request, on a connection that is open. */
static inline unsigned
raw_ask(struct raw *r, const char *method, const char *target,
    const char *fields, struct slice body)
{
	bool has = body.n > 0 || strcmp(method, "PUT") == 0 ||
		   strcmp(method, "POST") == 0;

	raw_head(r, method, target, fields, has ? body.n : RAW_NO_LENGTH,
	    RAW_UNSIGNED);
	/* who is refused early still reads why */
	if (raw_say(r, buf_slice(&r->out)))
		raw_say(r, body);
	return raw_hear_of(r, strcmp(method, "HEAD") == 0);
}

/* The same on one of its own. */
static inline unsigned
raw_once(struct raw *r, const char *method, const char *target,
    const char *fields, struct slice body)
{
	if (raw_dial(r) < 0)
		return 0;
	raw_ask(r, method, target, fields, body);
	close(r->fd);
	r->fd = -1;
	return r->status;
}

/* One chunk of aws-chunked, signed, into out. */
static inline void
raw_chunk(struct raw *r, struct slice bytes, bool spoil)
{
	uint8_t sha[SHA256_BYTES];
	char line[32];

	digest_of(DIGEST_SHA256, bytes, sha);
	sigv4_chunk(&r->sig, r->key, r->previous, sha, r->previous);
	snprintf(line, sizeof line, "%zx;chunk-signature=", bytes.n);
	buf_cut(&r->out, 0);
	put_text(&r->out, line);
	put_bytes(&r->out, r->previous, SIGV4_HASH);
	if (spoil)
		raw_spoil(&r->out.p[r->out.n - 1]);
	put_text(&r->out, "\r\n");
	put_slice(&r->out, bytes);
	if (bytes.n > 0)
		put_text(&r->out, "\r\n");
}

/* A URL that is signed itself, for a minute; only Host is signed. */
static inline void
raw_presign(const char *method, const char *target, char url[2048])
{
	static struct http_head head;
	char stamp[RAW_STAMP], scope[SIGV4_SCOPE], hex[SIGV4_HASH];
	struct sigv4 s = { .presigned = true };
	struct buf q = { .max = 2000 };
	uint8_t key[SHA256_BYTES];
	struct uri uri;
	const char *why;

	raw_stamp(stamp);
	memcpy(s.stamp, stamp, sizeof stamp);
	snprintf(scope, sizeof scope, "%.8s/%s/s3/aws4_request", stamp,
	    raw_to.region);
	put_text(&q, target);
	put_text(&q, strchr(target, '?') ? "&" : "?");
	put_text(&q, "X-Amz-Algorithm=" SIGV4_ALGORITHM "&X-Amz-Credential=");
	uri_escape(&q, slice_text(raw_to.id), false);
	put_text(&q, "%2F");
	uri_escape(&q, slice_text(scope), false);
	put_text(&q, "&X-Amz-Date=");
	put_text(&q, stamp);
	put_text(&q, "&X-Amz-Expires=60&X-Amz-SignedHeaders=host");
	put_u8(&q, '\0');
	head.n = 0;
	head.method = slice_text(method);
	head.target = slice_of(q.p, q.n - 1);
	raw_field(&head, "host", raw_to.host);
	s.scope = slice_text(scope);
	s.signed_headers = slice_text("host");
	s.payload_text = slice_text(RAW_UNSIGNED);
	sigv4_key(slice_text(raw_to.secret), slice_of(stamp, 8),
	    slice_text(raw_to.region), slice_text("s3"), key);
	if (uri_parse(head.target, &uri, &why) < 0 ||
	    sigv4_hash(&s, &head, &uri, key, hex) < 0)
		abort();
	uri_free(&uri);
	snprintf(url, 2048, "%s&X-Amz-Signature=%.64s", (char *)q.p, hex);
	buf_free(&q);
}

/* A request to such a URL. */
static inline unsigned
raw_go(struct raw *r, const char *method, const char *target, struct slice body)
{
	char url[2048], line[128];

	raw_presign(method, target, url);
	buf_cut(&r->out, 0);
	put_text(&r->out, method);
	put_text(&r->out, " ");
	put_text(&r->out, url);
	snprintf(line, sizeof line,
	    " HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n\r\n", raw_to.host,
	    body.n);
	put_text(&r->out, line);
	if (raw_say(r, buf_slice(&r->out)))
		raw_say(r, body);
	return raw_hear(r);
}

#endif
