/* SPDX-License-Identifier: ISC
 *
 * A small blocking client of HTTP/1.1 on a Unix socket, for the command line to
 * talk to our own daemon: one request after another, bodies streamed both ways.
 * (libcurl would cost the daemon, which is the same program, three megabytes.) */
#ifndef NET_HTTPC_H
#define NET_HTTPC_H

#include "base/msec.h"
#include "web/http.h"

struct httpc;
struct httpc *httpc_new(const char *path, msec timeout); /* NULL with errno */
void httpc_free(struct httpc *);

/* Send a head; fields: lines "Name: value\r\n", may be empty.  length: of the
 * body; UINT64_MAX: chunked; 0: none.  0, -1 with errno. */
int httpc_send(struct httpc *, const char *method, struct slice target,
    struct slice fields, uint64_t length);
/* Pieces of the body; the last of a chunked one is empty.  -1 with errno;
 * EPIPE: the server has answered and reads no more: go on with httpc_reply. */
int httpc_write(struct httpc *, struct slice);
/* The answer's head: status, fields (borrowed until the next request), and
 * whether its body has a known length.  -1 with errno (EBADMSG: no HTTP). */
struct httpc_reply {
	unsigned status;
	struct http_field fields[HTTP_FIELDS];
	size_t n;
	bool has_length;
	uint64_t length;
};
int httpc_reply(struct httpc *, bool head, struct httpc_reply *);
/* Some of the body; 0 at its end, -1: broken (errno; EPIPE: it ended early). */
ssize_t httpc_read(struct httpc *, uint8_t *p, size_t n);

#endif
