/* SPDX-License-Identifier: ISC
 *
 * Small readers of text in headers, forms and XML. */
#ifndef WEB_TEXT_H
#define WEB_TEXT_H

#include "base/slice.h"

/* Without the blanks (space, tab, CR, LF) at both ends. */
struct slice text_trim(struct slice);
/* All of it is decimal digits, at least one, and at most `most`: 0; else -1. */
int text_uint(struct slice, uint64_t most, uint64_t *v);
/* The digits at the front; their number.  What does not fit is UINT64_MAX. */
size_t text_digits(struct slice *, uint64_t *v);
/* The next item up to the separator, which is taken too; false at the end. */
bool text_next(struct slice *list, char separator, struct slice *item);
bool text_begins(struct slice, struct slice with);
/* The same without regard to the case of ASCII letters. */
bool text_begins_nocase(struct slice, struct slice with);
/* A pattern with at most one `*`, which stands for any bytes. */
bool text_matches(struct slice pattern, struct slice, bool nocase);

#endif
