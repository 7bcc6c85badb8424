/* SPDX-License-Identifier: ISC
 *
 * An HTTP/1.1 server on listening sockets, by libmicrohttpd inside our loop.
 * Bounded: connections in all and by address, bytes of a head, time for a head,
 * for progress of a body, and of idleness.  It knows nothing of S3.
 *
 * A connection costs head_bytes and 12 KiB, at least 24 KiB, once it has been
 * used; the fields of a reply must fit in what the request's leave of it, or
 * the connection closes.  Heads that two readers could understand differently
 * are answered 400; a first line without a blank is not even answered. */
#ifndef NET_HTTPD_H
#define NET_HTTPD_H

#include "net/loop.h"
#include "web/http.h"

struct httpd;
struct httpd_req; /* a request being served */

struct httpd_conf {
	unsigned connections;
	unsigned connections_per_ip; /* IPv6: of a /64; 0: no limit */
	msec idle; /* without progress, in any state; in whole seconds */
	/* From the first byte of a head to its end (and a quarter more, at most
	 * a second, until it is noticed); above: 408.  On a Unix socket it
	 * begins after idle. */
	msec head;
	size_t head_bytes; /* of a request's head; above: 431 */
};

/* Called from the loop.  A request begins; then, unless the answer is given at
 * once, its body comes in pieces, then end.  Answers may be given from within
 * these or later; after the answer only done is called. */
struct httpd_face {
	/* Its head is whole (it lives until done).  The result is given to the
	 * others as data. */
	void *(*begin)(void *arg, struct httpd_req *, const struct http_head *);
	void (*body)(void *data, struct slice);
	void (*end)(void *data);
	/* It is over: sent bytes of the body were acknowledged by the peer's
	 * kernel; also when it broke off before any answer.  All of them when
	 * our kernel took all; and when a reply of 64 KiB or less, or of memory
	 * on a Unix socket, broke off. */
	void (*done)(void *data, uint64_t sent);
	/* All that could be read at this turn has been given: the place to
	 * commit (may be NULL).  What is answered in it goes out at once. */
	void (*turn)(void *arg);
};

struct httpd *httpd_new(struct loop *, const struct httpd_conf *,
    const struct httpd_face *, void *arg);
/* Cuts what runs: done is called.  Not from within the face. */
void httpd_free(struct httpd *);
/* Serve a listening socket (TCP or Unix); takes the descriptor.  -1, errno. */
int httpd_listen(struct httpd *, int fd);
/* Answer; a second one is dropped.  Takes over the reply's fd, source and body,
 * and leaves the reply empty.  If the body of the request was not read to its
 * end, the connection closes after the answer (read on for a moment, so that a
 * peer that sends sees it).  In the middle of a body it goes out with the next
 * piece that comes: at once if it is memory and more than 64 KiB are to come,
 * otherwise after the body. */
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
