/* SPDX-License-Identifier: ISC
 *
 * One value of a configuration: between its text in the file and its field in
 * the caller's struct, as its row says.  conf.h is the face of this; nobody
 * else includes it. */
#ifndef BASE_CONFVAL_H
#define BASE_CONFVAL_H

#include "base/conf.h"

/* What is wrong with a value, for the end of a sentence. */
struct why {
	char text[512];
};

/* Make the field empty (no string is NULL), and give back what it owns. */
void confval_init(const struct conf_row *, void *field);
void confval_free(const struct conf_row *, void *field);

bool confval_is_list(const struct conf_row *);
/* Take a value, of several lines for a list, in place of what is there; for a
 * list, confval_add keeps what is there.  0, or -1 and why; a field that is no
 * list is then as it was. */
int confval_set(
    const struct conf_row *, const char *text, void *field, struct why *);
int confval_add(
    const struct conf_row *, const char *text, void *field, struct why *);
/* The text that confval_set takes; items of a list one a line, indented. */
void confval_put(const struct conf_row *, const void *field, struct buf *);

#endif
