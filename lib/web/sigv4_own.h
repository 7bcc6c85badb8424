/* SPDX-License-Identifier: ISC
 *
 * What the files of sigv4 share, and nobody else:
 *
 *	sigv4_read.c  what a request claims
 *	sigv4.c       keys, what is signed with them, the comparison
 *	sigv4_sign.c  the client's side */
#ifndef WEB_SIGV4_OWN_H
#define WEB_SIGV4_OWN_H

#include "web/sigv4.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"

/* The names in a;b;c: how many, or -1: none, too many, one of them twice, or
 * one that is no header's name in lower case. */
int sigv4_names(struct slice list, struct slice names[SIGV4_SIGNED]);
/* The signature of a request, as hex digits.  -1: over SIGV4_CANONICAL. */
int sigv4_hash(const struct sigv4 *, const struct http_head *,
    const struct uri *, const uint8_t key[SHA256_BYTES], char hex[SIGV4_HASH]);

#endif
