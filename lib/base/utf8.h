/* SPDX-License-Identifier: ISC
 *
 * UTF-8, one character at a time (Unicode 15, table 3-7): no surrogates, no
 * over-long forms, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/* The length of the character at the front of s, which is not empty.  When it
 * is ill-formed, good is false and the length is that of its longest right
 * beginning, at least 1: so much becomes one U+FFFD. */
size_t utf8_next(struct slice, bool *good);
bool utf8_ok(struct slice);
/* How many characters, of text that is well-formed. */
size_t utf8_count(struct slice);

#endif
