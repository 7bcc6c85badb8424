/* SPDX-License-Identifier: ISC
 *
 * Content as files named by its SHA-256, for what is too big for node.db:
 *
 *	blobs/ab/ab12…ef	the content, then a trailer (blob(5))
 *	blobs/quarantine/…	what scrub found damaged; never deleted by us
 *
 * A file is written without a name (O_TMPFILE), synced, linked under its name,
 * and its directory synced; only then may an index name it.  A crash leaves at
 * most a file that nobody names.  The trailer repeats what the index knows
 * (name, size, sums), so that the index can be rebuilt from the files; the
 * content is the first size bytes and can be read with head(1).
 *
 * One process has a directory at a time. */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include "base/buf.h"
#include "crypt/digest.h"
#include "wire/pb.h"

enum {
	BLOB_ID = 32,
	BLOB_CHUNK = 256 << 10, /* content covered by one sum */
	BLOB_TRAILER = 8 << 20, /* the most bytes of one, sums and all */
	BLOB_SHARDS = 256,
	BLOB_QUARANTINED = BLOB_SHARDS, /* for blobs_walk: quarantine, … */
	BLOB_TOP,                       /* … and the directory itself */
};

/* What a trailer says (protobuf, after the content; the last 16 bytes of the
 * file are the magic, the length of it and a check).  The most that is known
 * when the file is sealed: its first name. */
#define BLOB_NOTE(F, T)                                                        \
	F(T, UINT, 1, size, 0, 0)                                              \
	F(T, BYTES, 2, sha, 0, 32)                                             \
	F(T, BYTES, 3, sums, 0, 0) /* 32 bytes a chunk */                      \
	F(T, BYTES, 4, md5, 0, 16)                                             \
	F(T, BYTES, 5, tenant, 0, 64)                                          \
	F(T, BYTES, 6, bucket, 0, 64)                                          \
	F(T, BYTES, 7, key, 0, 1024)                                           \
	F(T, BYTES, 8, meta, 0, 16384) /* as in the index */                   \
	F(T, UINT, 9, at, 0, 0)        /* milliseconds since 1970 */           \
	F(T, UINT, 10, version, 0, 0)                                          \
	F(T, BYTES, 11, upload, 0, 32) /* it is a part of this upload */       \
	F(T, UINT, 12, part, 0, 0)
PB_DECLARE(blob_note, BLOB_NOTE)

struct blobs; /* the directory */

/* Makes what is missing (256 directories, quarantine).  NULL with errno, and
 * *why (static). */
struct blobs *blobs_open(const char *dir, const char **why);
/* Waits for the workers; what they sealed and nobody took is just a file. */
void blobs_close(struct blobs *);

/* Writing.  A blob_new is the caller's until blob_seal or blob_drop. */
struct blob_new;
struct blob_new *blob_new(struct blobs *);       /* NULL with errno */
int blob_write(struct blob_new *, struct slice); /* 0, -1 with errno */
void blob_drop(struct blob_new *);               /* NULL: nothing */
/* A worker syncs, links and syncs the directory; arg comes back from
 * blobs_sealed.  The note is encoded now; its sha names the file.  A name that
 * is there already with the same size is success and nothing is written.
 * fsync's errors are final: the file is dropped, never retried. */
void blob_seal(struct blob_new *, const struct blob_note *, void *arg);
/* One that is done: true, arg and error (0 or errno).  Then its name may be put
 * into the index; until the next call blob_cut of it is refused. */
bool blobs_sealed(struct blobs *, void **arg, int *error);
/* Nobody waits for it any more: blobs_sealed will not return it, and its file
 * becomes a stray. */
void blob_forget(struct blob_new *);
/* Becomes readable when blobs_sealed has something. */
int blobs_fd(const struct blobs *);
unsigned blobs_sealing(const struct blobs *);

/* Reading: an open descriptor (the caller closes it), or -1 with errno. */
int blob_open(struct blobs *, const uint8_t sha[BLOB_ID]);
/* The trailer of an open file.  bytes (ceiling BLOB_TRAILER) holds what note
 * borrows.  0, or -1: there is none that is whole (EBADMSG), or errno. */
int blob_note_read(int fd, struct buf *bytes, struct blob_note *);
/* Is there a file of this name? */
bool blob_has(const struct blobs *, const uint8_t sha[BLOB_ID]);
/* Remove the file.  0; ENOENT is 0; EBUSY: it is just being sealed, or held. */
int blob_cut(struct blobs *, const uint8_t sha[BLOB_ID]);
/* Move it into quarantine, with what is wrong in its name. */
int blob_quarantine(struct blobs *, const uint8_t sha[BLOB_ID]);
/* Whoever holds a name (it counts) keeps blob_cut from it. */
void blob_hold(struct blobs *, const uint8_t sha[BLOB_ID]);
void blob_release(struct blobs *, const uint8_t sha[BLOB_ID]);
bool blob_held(const struct blobs *, const uint8_t sha[BLOB_ID]);
/* A file that was sealed and perhaps is not named after all: the sweep asks for
 * these, and removes what the index does not know.  *lost: there were more than
 * could be remembered. */
void blob_stray(struct blobs *, const uint8_t sha[BLOB_ID]);
bool blob_stray_next(struct blobs *, uint8_t sha[BLOB_ID], bool *lost);

/* Verify an open file piece by piece: at most budget bytes are read in one
 * call, and do not stay in the page cache.  1: more to do; 0: whole and right;
 * -1: damaged (EBADMSG) or errno.  Zero the struct before the first call;
 * blob_check_free when given up. */
struct blob_check {
	uint64_t at;
	struct digest *digest; /* private */
};
int blob_check(int fd, uint64_t size, const uint8_t sha[BLOB_ID],
    struct blob_check *, size_t budget);
void blob_check_free(struct blob_check *);

/* Every file of one shard (0..255, or one of the two above), for fsck, rebuild
 * and the sweep of what nobody names: fn gets the id, the file's size and its
 * age in seconds since it got its name; others (bad names, or not a file) have
 * id NULL and the name.  Non-zero stops and is returned; -1 with errno. */
int blobs_walk(struct blobs *, unsigned shard,
    int (*fn)(void *arg, const uint8_t *id, const char *name, uint64_t size,
	int64_t age),
    void *arg);

struct blobs_space {
	uint64_t bytes_free, bytes_all, inodes_free, inodes_all;
	bool read_only;
};
int blobs_space(const struct blobs *, struct blobs_space *);

#endif
