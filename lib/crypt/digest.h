/* SPDX-License-Identifier: ISC
 *
 * Hashes that S3 and content ids need, by libcrypto, which has them at hardware
 * speed: SHA-256, SHA-1 and MD5; and HMAC-SHA256 by GnuTLS (FIPS 180-4,
 * RFC 1321, 2104).  MD5 and SHA-1 are for what clients compare, never for trust.
 * Nothing here fails, but for want of memory (base/mem). */
#ifndef CRYPT_DIGEST_H
#define CRYPT_DIGEST_H

#include "base/slice.h"

enum digest_kind { DIGEST_SHA256, DIGEST_SHA1, DIGEST_MD5, DIGEST_KINDS };
enum { SHA256_BYTES = 32, SHA1_BYTES = 20, MD5_BYTES = 16, DIGEST_MOST = 32 };

/* A zeroed digest is valid and not begun. */
struct digest {
	/* private */
	void *state;
	enum digest_kind kind;
	size_t part; /* bytes of a block that is not whole */
};

void digest_begin(struct digest *, enum digest_kind); /* again: anew */
void digest_add(struct digest *, struct slice);
/* The same bytes to each of n: faster than one after the other, if they stand at
 * the same place of a block of 64 bytes and are DIGEST_ALL at most. */
enum { DIGEST_ALL = 4 };
void digest_add_all(struct digest *const[], size_t n, struct slice);
/* The sum, digest_size(kind) bytes; it may be begun again. */
void digest_end(struct digest *, uint8_t *out);
void digest_free(struct digest *); /* may be called twice */

size_t digest_size(enum digest_kind);
/* All in one. */
void digest_of(enum digest_kind, struct slice, uint8_t *out);
void hmac_sha256(
    struct slice key, struct slice text, uint8_t out[SHA256_BYTES]);

#endif
