/* SPDX-License-Identifier: ISC
 *
 * Text forms of bytes: the bases of multibase that libp2p uses, and base64 for
 * our own files.  Decoders are strict: no blanks, no wrong padding, no
 * characters outside the alphabet; what decodes re-encodes to the same text. */
#ifndef WIRE_MBASE_H
#define WIRE_MBASE_H

#include "base/buf.h"

enum mbase {
	MBASE_16 = 'f',
	MBASE_32 = 'b', /* RFC 4648 lower case, no padding */
	MBASE_36 = 'k',
	MBASE_58 = 'z', /* bitcoin's alphabet */
	MBASE_64 = 'M', /* RFC 4648 with padding */
	MBASE_64URL = 'u', /* RFC 4648 section 5, no padding */
};

/* Append; without the multibase letter.  base36 and base58 are quadratic:
 * more than 1 KiB of bytes is refused, either way (encoding: out->bad). */
void mbase_encode(enum mbase, struct slice in, struct buf *out);
/* 0, or -1: malformed, and nothing is appended; or it does not fit. */
int mbase_decode(enum mbase, struct slice text, struct buf *out);
/* With the multibase letter in front of text. */
int mbase_decode_any(struct slice text, struct buf *out);

#endif
