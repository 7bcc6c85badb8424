/* SPDX-License-Identifier: ISC
 *
 * An HTTP/1.1 server on listening sockets, by libmicrohttpd inside our loop.
 * Bounded: connections in all and by address, bytes of a head, time for a head,
 * for progress of a body, and of idleness.  It knows nothing of S3. */
#ifndef NET_HTTPD_H
#define NET_HTTPD_H

#include "net/loop.h"
#include "web/http.h"

struct httpd;
struct httpd_req; /* a request being served */

struct httpd_conf {
	unsigned connections, connections_per_ip;
	msec idle;         /* without progress, in any state */
	msec head;         /* from the first byte of a head to its end */
	size_t head_bytes; /* of a request's head; above: 431 */
};

/* Called from the loop.  A request begins; then, unless the answer is given at
 * once, its body comes in pieces, then end.  Answers may be given from within
 * these or later. */
struct httpd_face {
	/* Its head is whole (it lives until done).  The result is given to the
	 * others as data. */
	void *(*begin)(void *arg, struct httpd_req *, const struct http_head *);
	void (*body)(void *data, struct slice);
	void (*end)(void *data);
	/* It is over: sent bytes of the body were acknowledged by the peer's
	 * kernel; also when it broke off before any answer. */
	void (*done)(void *data, uint64_t sent);
	/* All that could be read at this turn has been given: the place to
	 * commit (may be NULL). */
	void (*turn)(void *arg);
};

struct httpd *httpd_new(struct loop *, const struct httpd_conf *,
    const struct httpd_face *, void *arg);
void httpd_free(struct httpd *); /* cuts what runs: done is called */
/* Serve a listening socket (TCP or Unix); takes the descriptor.  -1, errno. */
int httpd_listen(struct httpd *, int fd);
/* Answer.  Takes over the reply's fd and source, copies or takes its body, and
 * leaves the reply empty.  If the body of the request was not read to its end,
 * the connection closes after the answer. */
void httpd_answer(struct httpd_req *, struct http_reply *);
/* Stop or go on taking this request's body (back-pressure). */
void httpd_pause(struct httpd_req *, bool);
/* Accept no more; connections close after their present request. */
void httpd_drain(struct httpd *);
unsigned httpd_connections(const struct httpd *);
/* Refused: too many connections, in all or of one address; heads too big;
 * timeouts. */
enum httpd_refusal {
	HTTPD_FULL,
	HTTPD_IP,
	HTTPD_HEAD,
	HTTPD_SLOW,
	HTTPD_REFUSALS
};
uint64_t httpd_refused(const struct httpd *, enum httpd_refusal);

#endif
