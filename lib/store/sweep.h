/* SPDX-License-Identifier: ISC
 *
 * The store's care of itself, in slices that a loop can afford: blobs that
 * nobody refers to go (online, by reference count), blobs are verified with a
 * budget of bytes a second, oldest first, and after an unclean end the files
 * that nobody names are found shard by shard and removed; but not when the
 * index is older than they are (sweep_older). */
#ifndef STORE_SWEEP_H
#define STORE_SWEEP_H

#include "store/blob.h"
#include "store/nodedb.h"

struct sweep;
struct sweep_conf {
	uint64_t scrub_rate; /* bytes a second; 0: no scrub */
	msec scrub_every;    /* a blob is not read again sooner */
	int64_t orphan_age;  /* seconds before an unnamed file may go */
};
struct sweep_counts {
	uint64_t removed, removed_bytes; /* blobs that nobody referred to */
	uint64_t orphans, orphan_bytes;  /* files that nobody named */
	uint64_t scrubbed, scrubbed_bytes, damaged;
};

struct sweep *sweep_new(struct blobs *, struct nodedb *,
    const struct sweep_conf *, void (*told)(void *arg, const char *sentence),
    void *arg);
void sweep_free(struct sweep *);
/* A slice of at most a few milliseconds.  What it takes out of the index is
 * removed from the disk by the first slice after a commit (the caller's: it
 * never commits itself), unless somebody has put or reads it by then. */
void sweep_tick(struct sweep *, msec now, int64_t wall);
msec sweep_due(const struct sweep *);
/* Begin at once: all blobs again (scrub), or all shards (orphans: also after a
 * commit that failed, because files it would have named are there). */
void sweep_scrub(struct sweep *);
void sweep_orphans(struct sweep *);
const struct sweep_counts *sweep_counts(const struct sweep *);

/* When the index last changed, milliseconds since 1970; 0: never. */
int64_t sweep_newest(struct nodedb *);
/* A file that was named long after the last change of the index: the index is
 * older than the files (a copy that was put back), and rebuild is wanted, not
 * the removal of what nobody names. */
bool sweep_older(int64_t newest, int64_t age, int64_t wall);
/* Does the index have a blob of this id, whole or damaged?  When it cannot be
 * read, it may. */
bool sweep_knows(struct nodedb *, const uint8_t sha[BLOB_ID]);

#endif
