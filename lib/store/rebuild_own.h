/* SPDX-License-Identifier: ISC
 *
 * What the files of rebuild share.
 *
 *	rebuild.c          the order of things, rows whose content is gone
 *	rebuild_salvage.c  rows of a file that may be damaged
 *	rebuild_merge.c    rows of a snapshot that the damaged file has lost
 *	rebuild_files.c    rows of trailers
 *	rebuild_parts.c    parts of uploads that nobody knows any more */
#ifndef STORE_REBUILD_OWN_H
#define STORE_REBUILD_OWN_H

#include "base/map.h"
#include "store/fsck_own.h"

enum { REBUILD_BATCH = 500 }; /* changes between commits */

struct rebuild {
	struct nodedb *db;
	struct blobs *blobs;
	const struct fsck_conf *conf;
	struct rebuild_sums *sums;
	int64_t now;
	bool torn;          /* rows were lost */
	bool stale;         /* it began as a snapshot */
	unsigned batch;
	struct buf note;    /* of the file that is looked at */
	struct map uploads; /* token to struct lost_upload */
	bool failed;        /* a commit */
};

/* Copies what can be read, table by table, into a new file of the same schema.
 * 0, or -1: nothing can be read; *torn: not all of it. */
int rebuild_salvage(const char *from, const char *target, bool *torn);

/* What the snapshot has and the index not, if its content is there. */
void rebuild_merge(struct rebuild *, struct nodedb *snapshot);

/* Are all files of this content there? */
bool rebuild_has_files(struct rebuild *, struct nodedb *, const struct content *,
    uint64_t size);
/* Every file that the index does not name. */
int rebuild_files(struct rebuild *);

/* A part by its trailer, kept until all files have been seen; note->sha and the
 * names are copied. */
void rebuild_part(struct rebuild *, const struct blob_note *);
void rebuild_parts(struct rebuild *); /* objects of them, or parts */

/* Find, or make. */
struct bucket *rebuild_bucket(
    struct rebuild *, struct slice tenant, struct slice name);
/* Put what has no name any more under the hex of an id (or token), with what is
 * wrong for told. */
void rebuild_lose(struct rebuild *, const struct object *, struct slice id,
    const char *why);
/* A row that is newer than what stands there; what it replaces is kept in
 * lost-found. false: what is there is newer, or it does not fit. */
bool rebuild_put(struct rebuild *, struct bucket *, const struct object *);
/* Commits when many changes have gathered; or at once. */
void rebuild_commit(struct rebuild *, bool now);
/* An upload's parts as one content. */
struct rebuild_piece {
	struct content content;
	uint64_t size;
	uint8_t etag[MD5_BYTES];
};
bool rebuild_join(struct rebuild *, struct bucket *, struct slice key,
    const struct rebuild_piece *, size_t n, struct content *, uint64_t *size);

#endif
