/* SPDX-License-Identifier: ISC
 *
 * aws-chunked bodies as a machine: signed chunks, signed chunks with a trailer,
 * and unsigned with a trailer.  (AWS "Signature calculations for the
 * Authorization header: Transferring payload in multiple chunks", "… including
 * trailing headers".)  Framing bytes in, content bytes out.  A signed chunk's
 * signature is checked before its last bytes are let out, and no earlier: the
 * caller holds what it got as provisional until CHUNKED_END. */
#ifndef WEB_CHUNKED_H
#define WEB_CHUNKED_H

#include "web/sigv4.h"

enum {
	CHUNKED_LINE = 1024,      /* bytes of a chunk's header line */
	CHUNKED_LEAST = 8192,     /* of a chunk that is not the last, signed */
	CHUNKED_MOST = 256 << 20, /* of a chunk */
	CHUNKED_TRAILERS = 16,    /* lines behind the last */
	CHUNKED_TRAILER_BYTES = 4096,
};

enum chunked_what {
	CHUNKED_MORE, /* feed more */
	CHUNKED_DATA, /* data: content, borrowed from in */
	CHUNKED_END,  /* all of it, every signature right; trailers are known */
};

struct chunked_ev {
	enum chunked_what what;
	struct slice data;
};

struct chunked; /* about 8 KB with what it owns */

/* sig, of a body in chunks, and key are copied as far as needed; for the
 * unsigned form key may be NULL.  decoded: x-amz-decoded-content-length, which the content must have
 * exactly. */
struct chunked *chunked_new(
    const struct sigv4 *, const uint8_t key[SHA256_BYTES], uint64_t decoded);
void chunked_free(struct chunked *); /* wipes; NULL: nothing */

/* 1: ev is set; 0: wants more; -1: over, chunked_why says why. */
int chunked_step(struct chunked *, struct slice *in, struct chunked_ev *ev);
/* The body has ended: 0, or -1 when it ended too early. */
int chunked_fin(struct chunked *);
enum chunked_fault {
	CHUNKED_FINE,
	CHUNKED_BAD_FRAME,   /* IncompleteBody / InvalidRequest */
	CHUNKED_TOO_SMALL,   /* InvalidChunkSizeError */
	CHUNKED_LENGTH,      /* IncompleteBody: not the decoded length */
	CHUNKED_SIGNATURE,   /* SignatureDoesNotMatch */
	CHUNKED_BAD_TRAILER, /* MalformedTrailerError */
};
enum chunked_fault chunked_fault(const struct chunked *);
const char *chunked_why(const struct chunked *);
/* After CHUNKED_END: the trailer's fields, names in lower case; n of them. */
size_t chunked_trailers(const struct chunked *, const struct http_field **);

#endif
