/* SPDX-License-Identifier: ISC
 *
 * A SQLite database as a stream of its pages, one consistent state, while its
 * owner goes on writing: constant memory, no copy on any disk, and writers are
 * never made to wait.  What comes out is a database file.
 *
 * How: a reader's transaction is begun between two looks at the head of the
 * shared index of the log (-shm).  When both looks show the same head, it is
 * what the reader sees, for every commit counts in it.  Then either all of the
 * log up to there has been copied back, and the reader's lock lets nobody
 * change the file; or the log is kept by the reader's lock, nobody copies
 * frames beyond those that the reader sees, and pages that have such a frame
 * are taken from the log.  See SQLite's "WAL-mode File Format", 2.3.  A
 * database with a rollback journal is held still by the same lock, and its
 * writers do wait.
 *
 * Nothing here opens a file on its own: closing one would end SQLite's locks.
 */
#ifndef STORE_DBSTREAM_H
#define STORE_DBSTREAM_H

#include "base/msec.h"

enum {
	DBSTREAM_FRAMES = 4 << 20, /* of log that the reader may see */
};

enum dbstream_end {
	DBSTREAM_OK,
	DBSTREAM_NONE,    /* there is no database */
	DBSTREAM_BUSY,    /* no state could be held still; try again */
	DBSTREAM_CORRUPT, /* it, or its log, is not what it says */
	DBSTREAM_DISK,    /* it cannot be read */
	DBSTREAM_OUT,     /* the descriptor took no more, errno says why */
};

/* What was written. */
struct dbstream {
	uint64_t bytes, pages;
	uint64_t log_pages; /* of these, from the log */
	uint32_t page_size;
	uint32_t change;              /* the file's change counter */
	int64_t application, version; /* application_id, user_version */
	uint8_t sha256[32];
};

/* All pages of path to fd, which blocks.  patience: how long may pass until a
 * state can be held still.  *why is static. */
enum dbstream_end dbstream_write(const char *path, int fd, msec patience,
    struct dbstream *, const char **why);

/* A file that nobody writes to: is it a database, whole by SQLite's own check?
 * Its figures as dbstream_write has them; nothing of it is changed. */
enum dbstream_end dbstream_check(
    const char *path, struct dbstream *, const char **why);

#endif
