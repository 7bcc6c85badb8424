/* SPDX-License-Identifier: ISC
 *
 * The text that keys, certificates and requests are kept in: comment lines that
 * begin with '#', then base64 lines of 76 characters, the last maybe shorter.
 * Several such blocks may follow one another.  One block of bytes has one text:
 * nothing but the comments can be changed unnoticed. */
#ifndef CRYPT_ARMOR_H
#define CRYPT_ARMOR_H

#include "base/buf.h"

enum { ARMOR_LINE = 76 }; /* characters before the newline */

/* comment is one line without the '#' and the newline. */
void armor_put(const char *comment, struct slice bytes, struct buf *text);

/* The bytes of the block at the front of text, which moves past it.  1: there
 * was one; 0: text is empty; -1: malformed, or longer than bytes may be. */
int armor_get(struct slice *text, struct buf *bytes);

/* A file of just one block.  0 or -1. */
int armor_one(struct slice text, struct buf *bytes);

#endif
