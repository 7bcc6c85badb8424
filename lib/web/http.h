/* SPDX-License-Identifier: ISC
 *
 * A request and a reply of HTTP/1.1 as values, so that what answers knows no
 * server and what serves knows no S3 (RFC 9110).  net/httpd makes the first and
 * takes the second. */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "base/buf.h"

#include <sys/types.h>

enum { HTTP_FIELDS = 128, HTTP_TARGET = 16384 };

struct http_field {
	struct slice name, value;
};

/* Everything is borrowed and lives as long as the request. */
struct http_head {
	struct slice method;
	struct slice target; /* as it stood in the request line, undecoded */
	struct http_field fields[HTTP_FIELDS];
	size_t n;
	bool has_length; /* Content-Length was given */
	uint64_t length;
	bool has_body;     /* a length that is not 0, or chunked */
	int64_t uid;       /* user at the other end of a Unix socket; -1: TCP */
	struct slice from; /* the peer's address as text, or "unix" */
};

/* The first field of this name (without regard to case), or NULL. */
const struct http_field *http_find(const struct http_head *, const char *name);
/* Its value, or an empty slice. */
struct slice http_value(const struct http_head *, const char *name);
bool http_name_is(struct slice name, const char *); /* without case */
bool http_name_eq(struct slice, struct slice);      /* the same */

/* Where a reply's body comes from.  read fills p with up to n bytes from
 * position at (from 0) and returns how many; fewer than 1: the content broke,
 * and the connection is cut.  free is called once, always. */
struct http_source {
	void *data;
	ssize_t (*read)(void *data, uint64_t at, uint8_t *p, size_t n);
	void (*free)(void *data);
};

struct http_reply {
	unsigned status;
	struct buf fields;         /* name NUL value NUL … (http_put) */
	uint64_t length;           /* of the body; what HEAD says too */
	struct buf body;           /* all of it, unless fd or source is set */
	int fd;                    /* -1, or a file that holds it; owned */
	uint64_t offset;           /* where in fd it begins */
	struct http_source source; /* read NULL: none */
	bool no_body; /* HEAD, 304, 204: length is said, nothing sent */
	bool close;   /* end the connection after this */
};

/* The fields may grow to 64 KiB and the body to 16 MiB; what goes over sets
 * the buf bad. */
void http_reply_init(struct http_reply *, struct budget *);
/* Closes fd, frees source; the reply is as after init. */
void http_reply_free(struct http_reply *);
/* Add a field.  Control bytes in value become spaces; a name that is no token
 * is left out with its value. */
void http_put(struct http_reply *, const char *name, struct slice value);
void http_put_text(struct http_reply *, const char *name, const char *value);
void http_put_uint(struct http_reply *, const char *name, uint64_t v);
/* Walk: start with *at = 0; false at the end.  Both are NUL-terminated. */
bool http_next(const struct http_reply *, size_t *at, const char **name,
    const char **value);

#endif
