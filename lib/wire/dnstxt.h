/* SPDX-License-Identifier: ISC
 *
 * DNS messages, as far as looking up TXT records needs them (RFC 1035; EDNS
 * for larger answers, RFC 6891).  Bytes only; net/resolve has the sockets.
 * libevent's evdns, which does the rest of our DNS, knows no TXT. */
#ifndef WIRE_DNSTXT_H
#define WIRE_DNSTXT_H

#include "base/buf.h"

enum {
	DNSTXT_QUERY = 320, /* bytes of the longest question */
	DNSTXT_UDP = 1232,  /* bytes of a datagram that we say we take */
};

/* 0, or -1: that is no name. */
int dnstxt_ask(const char *name, uint16_t id, struct buf *out);

enum dnstxt_end {
	DNSTXT_OTHER,  /* not the answer to this question */
	DNSTXT_CUT,    /* it did not fit: ask again by TCP */
	DNSTXT_FAILED, /* this server does not know; another may */
	DNSTXT_NONE,   /* there is no such name, or no TXT there */
	DNSTXT_SOME,
};

/* Read an answer.  Each record's strings are joined, in place; the records
 * borrow from the message.  What comes after max records is not read. */
enum dnstxt_end dnstxt_read(uint8_t *message, size_t n, const char *name,
    uint16_t id, struct slice *records, size_t max, size_t *count);

#endif
