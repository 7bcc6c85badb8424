/* SPDX-License-Identifier: ISC
 *
 * Replies: as libmicrohttpd's responses, which send head and body in one call
 * or the body from a file; or by hand, where that library takes none. */
#include "net/httpd_own.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEAD_BYTES = 128 << 10 }; /* of a reply by hand, at most */

/* Bytes of the connection that the peer's kernel has. */
static bool
acked(int fd, uint64_t *bytes)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return false;
	*bytes = info.tcpi_bytes_acked;
	return true;
}

/* Where the connection stands before the reply, if it may be cut in it. */
static void
measure(struct httpd_req *r)
{
	int waiting = 0;

	if (!r->conn->tcp || r->length <= HTTPD_MEASURED)
		return;
	r->measured = acked(r->conn->fd, &r->before) &&
		      ioctl(r->conn->fd, SIOCOUTQ, &waiting) == 0;
	r->before += (uint64_t)waiting;
}

uint64_t
httpd_sent(const struct httpd_req *r)
{
	uint64_t now, n;

	if (r->stage == HTTPD_REFUSED)
		return r->hand_out;
	if (r->stage != HTTPD_QUEUED)
		return 0;
	if (r->measured) {
		if (!acked(r->conn->fd, &now) ||
		    now < r->before + r->head_bytes)
			return 0;
		n = now - r->before - r->head_bytes;
		return n < r->length ? n : r->length;
	}
	return r->reply.source.read ? r->given : r->length;
}

static ssize_t
read_source(void *arg, uint64_t at, char *p, size_t n)
{
	struct httpd_req *r = arg;
	ssize_t got =
	    r->reply.source.read(r->reply.source.data, at, (uint8_t *)p, n);

	if (got < 1)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	r->given = at + (uint64_t)got;
	return got;
}

/* On a Unix socket nobody tells what the peer took of a file, so we read it. */
static ssize_t
read_file(void *arg, uint64_t at, uint8_t *p, size_t n)
{
	struct httpd_req *r = arg;

	return pread(r->reply.fd, p, n, (off_t)(r->reply.offset + at));
}

/* Is never called: for replies of which only the length is said. */
static ssize_t
read_nothing(void *arg, uint64_t at, char *p, size_t n)
{
	(void)arg;
	(void)at;
	(void)p;
	(void)n;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *
response(struct httpd_req *r)
{
	struct http_reply *y = &r->reply;
	struct MHD_Response *m;
	bool file = y->fd >= 0 && y->source.read == NULL;

	if (y->no_body && y->status != 304 && !slice_is(r->head.method, "HEAD"))
		y->length = 0;
	r->length = y->no_body ? 0 : y->length;
	if (y->no_body && y->length > 0)
		return MHD_create_response_from_callback(
		    y->length, 1, read_nothing, r, NULL);
	if (r->length == 0)
		return MHD_create_response_from_buffer(
		    0, NULL, MHD_RESPMEM_PERSISTENT);
	if (file && !r->conn->tcp) {
		y->source.data = r;
		y->source.read = read_file;
	}
	if (y->source.read)
		return MHD_create_response_from_callback(
		    r->length, HTTPD_BLOCK, read_source, r, NULL);
	if (!file)
		return MHD_create_response_from_buffer(
		    y->body.n, y->body.p, MHD_RESPMEM_PERSISTENT);
	m = MHD_create_response_from_fd_at_offset64(
	    r->length, y->fd, y->offset);
	if (m)
		y->fd = -1; /* it closes it */
	return m;
}

static bool
is_ours(const char *name)
{
	static const char *const ours[] = { "Content-Length", "Connection",
		"Transfer-Encoding", NULL };

	for (size_t i = 0; ours[i]; i++)
		if (strcasecmp(name, ours[i]) == 0)
			return true;
	return false;
}

/* What the face must not give, and what follows from the rest. */
static void
settle(struct httpd_req *r)
{
	struct http_reply *y = &r->reply;

	if (y->body.bad || y->fields.bad || y->status < 200 ||
	    y->status > 999) {
		http_reply_free(y);
		y->status = 500;
	}
	if (slice_is(r->head.method, "HEAD") || y->status == 204 ||
	    y->status == 304)
		y->no_body = true;
	if (y->fd < 0 && y->source.read == NULL &&
	    (y->body.n > 0 || !y->no_body))
		y->length = y->body.n;
	if (r->conn->httpd->draining)
		y->close = true;
}

static size_t
digits(uint64_t v)
{
	size_t n = 1;

	while (v >= 10) {
		v /= 10;
		n++;
	}
	return n;
}

bool
httpd_queue(struct httpd_req *r)
{
	static const char date[] = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
	struct http_reply *y = &r->reply;
	struct MHD_Response *m;
	const char *name, *value;
	size_t at = 0;
	bool queued;

	settle(r);
	m = response(r);
	if (m == NULL)
		return false;
	r->head_bytes = sizeof "HTTP/1.1 200 \r\nContent-Length: \r\n\r\n" - 1 +
			MHD_get_reason_phrase_len_for(y->status) + sizeof date -
			1 + digits(r->length);
	if (y->close)
		MHD_add_response_header(m, "Connection", "close");
	while (http_next(y, &at, &name, &value)) {
		if (is_ours(name))
			continue;
		if (MHD_add_response_header(m, name, value) == MHD_YES)
			r->head_bytes += strlen(name) + strlen(value) + 4;
	}
	measure(r);
	queued = MHD_queue_response(r->mhd, y->status, m) == MHD_YES;
	MHD_destroy_response(m);
	return queued;
}

static void
put_head(struct buf *out, const struct http_reply *y)
{
	const char *phrase = MHD_get_reason_phrase_for(y->status);
	const char *name, *value;
	char line[128];
	size_t at = 0;

	snprintf(line, sizeof line, "HTTP/1.1 %u %s\r\n", y->status,
	    phrase ? phrase : "");
	put_text(out, line);
	while (http_next(y, &at, &name, &value)) {
		if (is_ours(name))
			continue;
		put_text(out, name);
		put_text(out, ": ");
		put_text(out, value);
		put_text(out, "\r\n");
	}
	snprintf(line, sizeof line,
	    "Content-Length: %llu\r\nConnection: close\r\n\r\n",
	    (unsigned long long)y->length);
	put_text(out, line);
}

/* Nothing else waits to go out on this connection, so there is room for what a
 * refusal says.  What does not fit is lost with the connection. */
void
httpd_by_hand(struct httpd_req *r)
{
	struct http_reply *y = &r->reply;
	struct msghdr msg = { 0 };
	struct iovec part[2];
	struct buf head;
	ssize_t n;

	settle(r);
	buf_init(&head, HEAD_BYTES, NULL);
	put_head(&head, y);
	part[0] = (struct iovec){ head.p, head.n };
	part[1] = (struct iovec){ y->body.p, y->no_body ? 0 : y->body.n };
	msg.msg_iov = part;
	msg.msg_iovlen = 2;
	n = sendmsg(r->conn->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0 && (size_t)n > head.n)
		r->hand_out = (size_t)n - head.n;
	buf_free(&head);
}
