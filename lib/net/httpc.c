/* SPDX-License-Identifier: ISC
 *
 * One request after another on one connection, which is dialled again when the
 * server has closed it in between.  Reading goes through one buffer that holds
 * a head and then pieces of a body. */
#include "net/httpc.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	HEAD = 128 << 10, /* bytes of an answer's head, at most */
	PIECE = 64 << 10, /* read at once */
	LINE = 1024,      /* of a chunk's size, or behind the last */
	TRAILERS = 64,
};

/* What of the answer's body comes next. */
enum body {
	BODY_NONE,   /* all of it was read, or there is no answer yet */
	BODY_LENGTH, /* left bytes */
	BODY_CHUNK,  /* left bytes of this chunk, then a line end */
	BODY_SIZE,   /* a chunk's size line */
	BODY_CLOSE,  /* to the connection's end */
	BODY_BROKEN,
};

struct httpc {
	struct sockaddr_un to;
	msec timeout;
	int fd;           /* -1: none */
	bool writing;     /* the request's body is not complete */
	bool chunked;     /* and goes in chunks */
	bool closes;      /* the server will close after this answer */
	uint64_t to_send; /* bytes of a body of known length */
	enum body body;
	uint64_t left;
	struct buf in;
	size_t skip; /* bytes of in that the answer's head takes */
};

static int
dial(struct httpc *c)
{
	struct timeval tv = { c->timeout / 1000, c->timeout % 1000 * 1000 };
	int e;

	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -1;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	if (connect(c->fd, (struct sockaddr *)&c->to, sizeof c->to) < 0) {
		e = errno;
		close(c->fd);
		c->fd = -1;
		errno = e;
		return -1;
	}
	buf_cut(&c->in, 0);
	c->skip = 0;
	return 0;
}

static void
hang_up(struct httpc *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

struct httpc *
httpc_new(const char *path, msec timeout)
{
	struct httpc *c;
	size_t n = strlen(path);

	if (n >= sizeof c->to.sun_path) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	c = mem_new(sizeof *c);
	c->to.sun_family = AF_UNIX;
	memcpy(c->to.sun_path, path, n);
	c->timeout = timeout;
	buf_init(&c->in, HEAD + PIECE, NULL);
	if (dial(c) < 0) {
		httpc_free(c);
		return NULL;
	}
	return c;
}

void
httpc_free(struct httpc *c)
{
	int e = errno;

	if (c == NULL)
		return;
	hang_up(c);
	buf_free(&c->in);
	free(c);
	errno = e;
}

/* All of it.  -1, EPIPE: the other end takes no more. */
static int
write_all(struct httpc *c, struct iovec *v, size_t n)
{
	while (n > 0) {
		struct msghdr msg = { .msg_iov = v, .msg_iovlen = n };
		ssize_t did = sendmsg(c->fd, &msg, MSG_NOSIGNAL);

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0) {
			if (errno == ECONNRESET)
				errno = EPIPE;
			if (errno == EAGAIN)
				errno = ETIMEDOUT;
			return -1;
		}
		for (; n > 0 && (size_t)did >= v->iov_len; v++, n--)
			did -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (uint8_t *)v->iov_base + did;
			v->iov_len -= (size_t)did;
		}
	}
	return 0;
}

static int
send_head(struct httpc *c, struct slice head)
{
	struct iovec v = { (void *)(uintptr_t)head.p, head.n };

	return write_all(c, &v, 1);
}

/* Did the server close the connection while nothing was asked? */
static bool
is_stale(const struct httpc *c)
{
	char b;

	return recv(c->fd, &b, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	       (errno != EAGAIN && errno != EINTR);
}

int
httpc_send(struct httpc *c, const char *method, struct slice target,
    struct slice fields, uint64_t length)
{
	struct buf head;
	char line[64];
	int r;

	if (c->fd >= 0 &&
	    (c->writing || c->closes || c->body != BODY_NONE || is_stale(c)))
		hang_up(c);
	c->writing = c->chunked = c->closes = false;
	c->body = BODY_NONE;
	if (c->fd < 0 && dial(c) < 0)
		return -1;
	buf_init(&head, HEAD, NULL);
	put_text(&head, method);
	put_text(&head, " ");
	put_slice(&head, target);
	put_text(&head, " HTTP/1.1\r\nHost: localhost\r\n");
	put_slice(&head, fields);
	c->chunked = length == UINT64_MAX;
	c->to_send = c->chunked ? 0 : length;
	c->writing = length > 0;
	if (c->chunked)
		snprintf(line, sizeof line, "Transfer-Encoding: chunked\r\n");
	else
		snprintf(line, sizeof line, "Content-Length: %llu\r\n",
		    (unsigned long long)length);
	put_text(&head, line);
	put_text(&head, "\r\n");
	errno = EMSGSIZE;
	r = head.bad ? -1 : send_head(c, buf_slice(&head));
	buf_free(&head);
	return r;
}

int
httpc_write(struct httpc *c, struct slice s)
{
	char size[24];
	struct iovec v[3];

	if (!c->writing || (!c->chunked && s.n > c->to_send)) {
		errno = EINVAL;
		return -1;
	}
	if (!c->chunked) {
		c->to_send -= s.n;
		c->writing = c->to_send > 0;
		return send_head(c, s);
	}
	c->writing = s.n > 0;
	snprintf(size, sizeof size, "%zx\r\n", s.n);
	v[0] = (struct iovec){ size, strlen(size) };
	v[1] = (struct iovec){ (void *)(uintptr_t)s.p, s.n };
	v[2] = (struct iovec){ (void *)(uintptr_t) "\r\n", 2 };
	return write_all(c, v, 3);
}

/* More bytes into in.  0: the connection ended. */
static ssize_t
fill(struct httpc *c)
{
	uint8_t *at = buf_room(&c->in, PIECE);
	ssize_t n;

	if (at == NULL) {
		c->in.bad = false;
		errno = EBADMSG;
		return -1;
	}
	do
		n = recv(c->fd, at, PIECE, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		errno = ETIMEDOUT;
	if (n > 0)
		buf_added(&c->in, (size_t)n);
	return n;
}

/* A line without its end, from *at of in; false: it has not come whole. */
static bool
line_of(const struct httpc *c, size_t *at, struct slice *line)
{
	const uint8_t *from = c->in.p + *at;
	const uint8_t *nl;

	if (*at >= c->in.n || (nl = memchr(from, '\n', c->in.n - *at)) == NULL)
		return false;
	*at += (size_t)(nl - from) + 1;
	*line = slice_of(from, (size_t)(nl - from));
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

static bool
status_of(struct slice line, unsigned *status)
{
	if (line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 ||
	    line.p[8] != ' ')
		return false;
	*status = 0;
	for (size_t i = 9; i < 12; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return false;
		*status = *status * 10 + (line.p[i] - '0');
	}
	return *status >= 100;
}

static bool
field_of(struct slice line, struct httpc_reply *y)
{
	const uint8_t *colon = memchr(line.p, ':', line.n);
	struct http_field *f = &y->fields[y->n];
	size_t n;

	if (colon == NULL || y->n == HTTP_FIELDS)
		return false;
	n = (size_t)(colon - line.p);
	f->name = slice_of(line.p, n);
	f->value = slice_trim(slice_of(colon + 1, line.n - n - 1), " \t");
	y->n++;
	return n > 0;
}

static bool
digits(struct slice s, unsigned base, uint64_t *v)
{
	static const char hex[] = "0123456789abcdef";

	*v = 0;
	for (size_t i = 0; i < s.n; i++) {
		const char *d =
		    memchr(hex, s.p[i] | (base > 10 ? 0x20 : 0), base);

		if (d == NULL || *v > (UINT64_MAX >> 5))
			return false;
		*v = *v * base + (uint64_t)(d - hex);
	}
	return s.n > 0;
}

/* 1: the head is whole and in y; 0: more must come; -1: it is none. */
static int
head_of(struct httpc *c, struct httpc_reply *y)
{
	struct slice line;
	size_t at = 0;

	if (!line_of(c, &at, &line))
		return 0;
	if (!status_of(line, &y->status))
		return -1;
	y->n = 0;
	for (;;) {
		if (!line_of(c, &at, &line))
			return 0;
		if (line.n == 0)
			break;
		if (!field_of(line, y))
			return -1;
	}
	c->skip = at;
	return 1;
}

/* How the answer's body is framed (RFC 9112, 6.3). */
static int
frame(struct httpc *c, bool head, struct httpc_reply *y)
{
	bool chunked = false;

	y->has_length = false;
	y->length = 0;
	for (size_t i = 0; i < y->n; i++) {
		const struct http_field *f = &y->fields[i];

		if (http_name_is(f->name, "Content-Length")) {
			y->has_length = true;
			if (!digits(f->value, 10, &y->length))
				return -1;
		} else if (http_name_is(f->name, "Transfer-Encoding")) {
			chunked = http_name_is(f->value, "chunked");
		} else if (http_name_is(f->name, "Connection")) {
			c->closes = http_name_is(f->value, "close");
		}
	}
	c->left = y->length;
	if (head || y->status == 204 || y->status == 304)
		c->body = BODY_NONE;
	else if (chunked)
		c->body = BODY_SIZE;
	else if (y->has_length)
		c->body = y->length > 0 ? BODY_LENGTH : BODY_NONE;
	else
		c->body = BODY_CLOSE;
	return 0;
}

int
httpc_reply(struct httpc *c, bool head, struct httpc_reply *y)
{
	int r;

	if (c->fd < 0) {
		errno = ENOTCONN;
		return -1;
	}
	buf_drop(&c->in, c->skip);
	c->skip = 0;
	for (;;) {
		r = head_of(c, y);
		if (r < 0 || (r == 0 && c->in.n >= HEAD)) {
			errno = EBADMSG;
			return -1;
		}
		if (r > 0 && y->status >= 200)
			break;
		if (r > 0) { /* 100 Continue and the like */
			buf_drop(&c->in, c->skip);
			c->skip = 0;
			continue;
		}
		r = (int)fill(c);
		if (r == 0)
			errno = c->in.n > 0 ? EBADMSG : EPIPE;
		if (r <= 0)
			return -1;
	}
	if (frame(c, head, y) < 0) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

static ssize_t
broken(struct httpc *c, int e)
{
	c->body = BODY_BROKEN;
	errno = e;
	return -1;
}

/* A whole line behind the head, which is taken.  1, or as fill. */
static ssize_t
next_line(struct httpc *c, struct slice *line)
{
	size_t at = c->skip;
	ssize_t n;

	while (!line_of(c, &at, line)) {
		if (c->in.n - c->skip > LINE) {
			errno = EBADMSG;
			return -1;
		}
		n = fill(c);
		if (n <= 0)
			return n;
	}
	/* the line stays where it is until more is read */
	c->skip = at;
	return 1;
}

/* Up to the bytes of the next chunk, or the end of all. */
static ssize_t
next_chunk(struct httpc *c)
{
	struct slice line;
	const uint8_t *semi;
	ssize_t n = next_line(c, &line);

	if (n <= 0)
		return n;
	semi = memchr(line.p, ';', line.n);
	if (semi)
		line.n = (size_t)(semi - line.p);
	errno = EBADMSG;
	if (!digits(slice_trim(line, " \t"), 16, &c->left))
		return -1;
	if (c->left > 0) {
		c->body = BODY_CHUNK;
		return 1;
	}
	for (int i = 0; i < TRAILERS; i++) {
		n = next_line(c, &line);
		if (n <= 0)
			return n;
		if (line.n == 0) {
			c->body = BODY_NONE;
			return 1;
		}
	}
	errno = EBADMSG;
	return -1;
}

/* What is in the buffer first, then straight from the socket. */
static ssize_t
take(struct httpc *c, uint8_t *p, size_t n)
{
	size_t here = c->in.n - c->skip;
	ssize_t got;

	if (c->body != BODY_CLOSE && n > c->left)
		n = (size_t)c->left;
	if (here > 0) {
		n = n < here ? n : here;
		memcpy(p, c->in.p + c->skip, n);
		c->skip += n;
		return (ssize_t)n;
	}
	do
		got = recv(c->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		errno = ETIMEDOUT;
	return got;
}

/* The line end behind a chunk. */
static ssize_t
end_chunk(struct httpc *c)
{
	struct slice line;
	ssize_t n = next_line(c, &line);

	if (n > 0 && line.n > 0) {
		errno = EBADMSG;
		return -1;
	}
	c->body = BODY_SIZE;
	return n;
}

ssize_t
httpc_read(struct httpc *c, uint8_t *p, size_t n)
{
	ssize_t got;

	while (c->body == BODY_SIZE) {
		got = next_chunk(c);
		if (got <= 0)
			return broken(c, got == 0 ? EPIPE : errno);
	}
	if (c->body == BODY_NONE || n == 0)
		return 0;
	if (c->body == BODY_BROKEN)
		return broken(c, EPIPE);
	got = take(c, p, n);
	if (got == 0 && c->body == BODY_CLOSE) {
		c->body = BODY_NONE;
		c->closes = true;
		return 0;
	}
	if (got <= 0)
		return broken(c, got == 0 ? EPIPE : errno);
	if (c->body == BODY_CLOSE)
		return got;
	c->left -= (uint64_t)got;
	if (c->left > 0)
		return got;
	if (c->body == BODY_LENGTH)
		c->body = BODY_NONE;
	else if (end_chunk(c) <= 0)
		return broken(c, EBADMSG);
	return got;
}
