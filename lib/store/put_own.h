/* SPDX-License-Identifier: ISC
 *
 * What the files of store/put share: a thread that takes MD5 sums, so that one
 * core does not have to take all three of a large content.  It lives while a
 * put uses it; its queue is bounded, and who adds to a full one waits.  Where
 * there is one processor only, there is none, and the sums are taken at once. */
#ifndef STORE_PUT_OWN_H
#define STORE_PUT_OWN_H

#include "store/blob_own.h"
#include "store/put.h"

enum {
	PUT_MD5_LINES = 32,
	PUT_MD5_LINE = 32 << 10,
	PUT_ALONE = 1 << 20, /* up to here a put takes its MD5 itself */
};

struct put_helper;

/* One sum; the digest is the helper's while waiting is not 0. */
struct put_md5 {
	struct digest digest;
	struct put_helper *helper; /* NULL: taken at once */
	unsigned waiting;          /* lines in the queue, under its lock */
};

void put_md5_begin(struct put_md5 *);
/* Who has no helper adds to this; NULL: the helper has it. */
struct digest *put_md5_own(struct put_md5 *);
void put_md5_help(struct put_md5 *, struct slice); /* nothing without one */
void put_md5_end(struct put_md5 *, struct blobs *, uint8_t out[MD5_BYTES]);
void put_md5_free(struct put_md5 *, struct blobs *);
/* Use the helper from now on, if there can be one. */
void put_md5_share(struct put_md5 *, struct blobs *);

#endif
