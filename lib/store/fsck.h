/* SPDX-License-Identifier: ISC
 *
 * Offline care (kn-store fsck), with the database to itself: every row and
 * every file among the blobs is accounted for, or told.
 *
 * No faults, because a crash may leave them: files that nobody names.  They are
 * told, counted, and removed by mend, unless they are newer than the index
 * (sweep_older); what is not whole goes into quarantine instead. */
#ifndef STORE_FSCK_H
#define STORE_FSCK_H

#include "store/blob.h"
#include "store/nodedb.h"

struct fsck_conf {
	bool mend; /* set counters right, remove unnamed files */
	bool read; /* verify every blob's bytes, not only that it is there */
	void (*told)(void *arg, const char *sentence); /* may be NULL */
	void (*step)(void *arg, uint64_t done, uint64_t all); /* may be NULL */
	void *arg;
};
struct fsck_sums {
	uint64_t faults, mended;
	uint64_t objects, parts, blobs, named_bytes;
	uint64_t unnamed_files, unnamed_bytes, missing, damaged, quarantined;
	uint64_t strange_files; /* that we did not make; no fault, but told */
};
/* 0 clean (or mended), 1 faults are left, -1 with errno. */
int fsck_run(struct nodedb *, struct blobs *, const struct fsck_conf *,
    struct fsck_sums *);

/* A new index from what is there: what can be read of node.db (old, perhaps
 * damaged), or, when that is nothing, the snapshot (either may be NULL); when
 * old has lost rows, what the snapshot has of these and whose files are there;
 * then the trailers of all blobs that are not named yet.  What has no name any
 * more is put into the bucket "lost-found" of tenant "lost-found" under its id;
 * a file without a whole trailer goes into quarantine.  Parts of an upload that
 * is not known become an object.  target does not exist; old and snapshot stay
 * as they are.  conf->read: a blob is verified before it gets a name. */
struct rebuild_sums {
	uint64_t buckets, objects; /* in the new index */
	uint64_t from_trailers;    /* objects and parts */
	uint64_t uploads;          /* that became objects */
	uint64_t nameless;         /* contents and files */
	uint64_t lost_inline;      /* objects whose small content is gone */
};
/* 0; 1: some are nameless or lost; -1 with errno. */
int rebuild_run(const char *target, const char *snapshot, const char *old,
    struct blobs *, const struct fsck_conf *, struct rebuild_sums *);

#endif
