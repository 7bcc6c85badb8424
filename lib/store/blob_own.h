/* SPDX-License-Identifier: ISC
 *
 * What the files of store/blob share.
 *
 *	blob.c       the directory, writing, names, holds
 *	blob_seal.c  the workers: sync, link, sync the directory
 *	blob_note.c  trailers
 *	blob_walk.c  what is on the disk: walking, space, verifying
 *
 * Only the fields under the lock are shared with the workers; a blob_new is a
 * worker's from blob_seal until it stands among the done ones, but for arg and
 * forgotten, which the workers do not look at. */
#ifndef STORE_BLOB_OWN_H
#define STORE_BLOB_OWN_H

#include "base/map.h"
#include "store/blob.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	BLOB_WORKERS = 2,
	BLOB_AHEAD = 8 << 20, /* bytes after which writeback is started */
	BLOB_BLOCK = 64 << 10, /* written at once, … */
	BLOB_BLOCKS = 32,      /* … by so many files; others write what comes */
	BLOB_TAIL = 16,       /* magic, length, check */
	BLOB_HEX = 2 * BLOB_ID,
	BLOB_PATH = 3 + BLOB_HEX + 1, /* "ab/ab12…ef" */
	BLOB_ROOM = 128,              /* any name of ours with its directory */
	BLOB_STRAYS = 1024,
};

#define BLOB_QUARANTINE_DIR "quarantine"
#define BLOB_DRAFT          "new-" /* temporary names begin so */

/* The calls that tests make fail. */
struct blob_io {
	int (*unnamed)(int dir); /* a new file without a name */
	int (*sync)(int fd);
	int (*sync_dir)(int fd);
};
extern struct blob_io blob_io;

struct blob_new {
	struct blobs *blobs;
	int fd;
	uint64_t n;      /* bytes of content, … */
	uint8_t *block;  /* … the last of which may stand here, not written */
	size_t held;     /* bytes in it */
	uint64_t ahead;  /* writeback has been started up to here */
	char draft[32];  /* its temporary name; empty: it has none */
	uint8_t sha[BLOB_ID];
	struct buf tail; /* the encoded trailer */
	int error;
	void *arg;
	bool forgotten;
	struct blob_new *next;
};

struct blob_queue {
	struct blob_new *first, **last;
};

struct blobs {
	int dir, event;
	bool no_unnamed; /* the filesystem cannot make files without a name */
	uint64_t drafts; /* temporary names given so far */
	unsigned blocks; /* in use */
	unsigned sealing;
	struct map holds;  /* id to how often, as a number */
	bool has_returned; /* by the last blobs_sealed, … */
	uint8_t returned[BLOB_ID]; /* … which holds it until the next */
	uint8_t (*strays)[BLOB_ID];
	size_t nstrays;
	bool strays_lost; /* there were too many to remember */
	void *helper;     /* store/put's thread, while there is one */
	size_t lists;     /* bytes of store/read's lists */

	pthread_t workers[BLOB_WORKERS];
	unsigned nworkers;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct blob_queue todo, done; /* under the lock */
	bool stop;                    /* under the lock */
	/* How often a directory's sync failed, and how many of these a later
	 * change that was synced has made good: in between a name in it may
	 * look durable and not be. */
	atomic_uint failed[256], settled[256];
	atomic_ullong fresh; /* temporary names the workers have given */
};

/* "ab/ab12…ef" */
void blob_path(const uint8_t sha[BLOB_ID], char path[BLOB_PATH]);
int blob_openat(int dir, const char *path);
/* All of it; -1 with errno. */
int blob_write_at(int fd, struct slice, uint64_t at);
/* Close and drop without losing errno. */
void blob_close_fd(int fd);
void blob_free(struct blob_new *);
/* Move a file to quarantine/HEX.WHAT, or HEX.WHAT-2 and so on. */
int blob_aside(struct blobs *, const uint8_t sha[BLOB_ID], const char *what);

/* blob_seal.c: 0, or -1 with errno. */
int blob_workers_start(struct blobs *);
void blob_workers_stop(struct blobs *);

/* blob_note.c */
/* The note and the tail behind it. */
void blob_note_encode(const struct blob_note *, struct buf *out);
/* How long the note in front of this tail is, in a file of size bytes; -1: it
 * is none of ours. */
int64_t blob_tail_length(const uint8_t tail[BLOB_TAIL], uint64_t size);
/* The bytes of a note and the tail that follows it; content is the size of what
 * stands in front. */
int blob_note_decode(struct slice bytes, const uint8_t tail[BLOB_TAIL],
    uint64_t content, struct blob_note *);
/* The size of the content by the tail alone, or -1 with errno (EBADMSG). */
int64_t blob_content_size(int fd);
/* Put this note in place of the trailer that the file has.  0, or -1. */
int blob_note_mend(struct blobs *, const struct blob_note *);

/* blob_walk.c */
/* The ids of one shard as they are now, without a look at the files: 0, or -1
 * with errno.  Zero the struct before; it may be used for another shard. */
struct blob_names {
	uint8_t (*ids)[BLOB_ID];
	size_t n, cap;
};
int blob_names(struct blobs *, unsigned shard, struct blob_names *);
void blob_names_free(struct blob_names *);
/* Size of the file and its age in seconds; -1 with errno. */
int blob_look(struct blobs *, const uint8_t sha[BLOB_ID], uint64_t *size,
    int64_t *age);
/* Lower-case hex of an id; false: it is none. */
bool blob_id_parse(const char *name, uint8_t sha[BLOB_ID]);

#endif
