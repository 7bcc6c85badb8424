/* SPDX-License-Identifier: ISC
 *
 * What the files of store/sweep share.
 *
 *	sweep.c        what is due, blobs that nobody refers to, strays
 *	sweep_scrub.c  verifying, oldest first
 *	sweep_walk.c   files that nobody names, shard by shard */
#ifndef STORE_SWEEP_OWN_H
#define STORE_SWEEP_OWN_H

#include "store/blob_own.h"
#include "store/sweep.h"

enum {
	SWEEP_PENDING = 64,
	SWEEP_CUT = 256 << 20, /* bytes of files removed in a slice */
	SWEEP_LOOK = 256,      /* names looked up in a slice */
	SWEEP_READ = 512 << 10, /* bytes verified in a slice */
	SWEEP_ASKED = 16 << 20, /* a second, when asked and there is no rate */
	SWEEP_MARGIN = 60 * 1000, /* milliseconds, of sweep_older */
	SWEEP_SOON = 20, /* milliseconds, while there is more to do, … */
	SWEEP_IDLE = 1000, /* … and when there is not */
};

struct sweep {
	struct blobs *blobs;
	struct nodedb *db;
	struct sweep_conf conf;
	void (*told)(void *arg, const char *sentence);
	void *arg;
	struct sweep_counts counts;
	msec due;

	/* Out of the index, with the batch that was open at so many commits. */
	uint8_t pending[SWEEP_PENDING][BLOB_ID];
	size_t npending;
	uint64_t taken_at;

	/* The shard whose names are being looked up. */
	unsigned shard; /* BLOB_SHARDS: none */
	bool listed;
	bool young; /* some were too young: once more */
	uint64_t kept;   /* in this walk, because of sweep_older */
	int64_t started; /* wall clock of the first slice */
	int64_t newest;  /* change in the index when it was opened */
	msec again;
	struct blob_names names; /* of it, while they are looked up, … */
	size_t next;             /* … from here */

	/* The blob that is being verified. */
	struct {
		int fd; /* -1: none */
		uint8_t sha[BLOB_ID];
		uint64_t size;
		struct blob_check check;
	} scrub;
	int64_t scrub_all; /* blobs verified before this are due */
	msec last;         /* when the allowance grew */
	uint64_t allowance;
};

void sweep_tell(struct sweep *, const uint8_t sha[BLOB_ID], const char *what);
/* Each returns whether it has more to do at once. */
bool sweep_walk(struct sweep *, msec now, int64_t wall);
/* Is it out of the index, but perhaps not durably so? */
bool sweep_pends(const struct sweep *, const uint8_t sha[BLOB_ID]);
bool sweep_scrub_some(struct sweep *, msec now, int64_t wall);
void sweep_scrub_end(struct sweep *);

#endif
