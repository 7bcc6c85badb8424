/* SPDX-License-Identifier: ISC
 *
 * Content on its way in: small ones are kept in memory for node.db, others go
 * to an unnamed file; sums are taken as the bytes pass.
 *
 *	put_new, put_write…, put_end: size and sums are known; compare them
 *	put_seal	1: put_content may be called at once (small, or already
 *			there); 0: wait until put_sealed returns it
 *	put_content	the content's row, in the index' current batch
 *	put_free	at any time before blobs_close; what was not named is
 *			dropped
 *
 * From put_seal to put_free the sweep leaves the file alone. */
#ifndef STORE_PUT_H
#define STORE_PUT_H

#include "crypt/digest.h"
#include "store/blob.h"
#include "store/nodedb.h"

struct put;

/* budget: charged with what is held in memory. */
struct put *put_new(struct blobs *, struct nodedb *, struct budget *);
void put_free(struct put *); /* NULL: nothing; also while it is being sealed */
/* There will be more than NODEDB_INLINE bytes, so none are kept in memory
 * first.  To be said before the first; 0, -1 with errno. */
int put_large(struct put *);
/* 0, -1 with errno (ENOMEM: the budget; EFBIG, ENOSPC, …): then it is over. */
int put_write(struct put *, struct slice);

struct put_sums {
	uint64_t size;
	uint8_t md5[MD5_BYTES], sha[SHA256_BYTES];
};
/* No more bytes. */
const struct put_sums *put_end(struct put *);
/* note: names for the trailer; size and sums are filled in here. */
int put_seal(struct put *, struct blob_note *); /* 1, 0, -1 with errno */
/* One that was sealed, or NULL.  *error: errno, 0 when it is durable. */
struct put *put_sealed(struct blobs *, int *error);
/* NONE: it is not sealed. */
enum nodedb_said put_content(struct put *, struct content *);
void put_set_owner(struct put *, void *owner); /* for who waits */
void *put_owner(const struct put *);

#endif
