/* SPDX-License-Identifier: ISC
 *
 * What fsck and rebuild share: every object and every part of the index, one
 * after the other, and whether their content can be found. */
#ifndef STORE_FSCK_OWN_H
#define STORE_FSCK_OWN_H

#include "store/blob_own.h"
#include "store/fsck.h"
#include "store/sweep.h"

void fsck_tell(const struct fsck_conf *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Lower-case hex of an id, for sentences. */
enum { FSCK_HEX = 2 * BLOB_ID + 1 };
void fsck_hex(const uint8_t sha[BLOB_ID], char hex[FSCK_HEX]);

/* A row of either kind; exactly one of object and part is not NULL.  What it
 * has is the walk's until fn returns, meta, tags and sum are left out; fn may
 * ask the index, and remove this row. */
struct fsck_row {
	struct bucket *bucket;
	struct slice key;
	const struct object *object;
	const struct upload *upload; /* the part's */
	const struct part *part;
};
typedef void fsck_row_fn(void *arg, const struct fsck_row *);
/* 0, or -1: the index cannot be read. */
int fsck_rows(struct nodedb *, fsck_row_fn *, void *arg);

/* Does the index have all of this content, of this size?  NULL, or what is
 * wrong (static). */
const char *fsck_content(struct nodedb *, const struct content *, uint64_t size);

#endif
