/* SPDX-License-Identifier: ISC
 *
 * Content on its way out: any range of any content, in order, without holding
 * it in memory.  The files are opened when the reading begins, or as it reaches
 * them, and a version that is deleted meanwhile is still read whole: the blobs
 * in use are held (blob_hold), so not swept, until read_free.
 *
 * What is held for that is the list of the files (56 bytes each) and small
 * pieces between them; over all readings at most READ_LISTS bytes. */
#ifndef STORE_READ_H
#define STORE_READ_H

#include "store/blob.h"
#include "store/nodedb.h"

#include <sys/types.h>

enum { READ_LISTS = 16 << 20 };

struct reading;

/* The range [from, from + n) of a content of size bytes.  NULL with errno: a
 * file is not there (ENOENT) or is shorter than it should be (EBADMSG), EAGAIN:
 * the lists of all readings are too long just now. */
struct reading *read_open(struct blobs *, struct nodedb *,
    const struct content *, uint64_t size, uint64_t from, uint64_t n);
void read_free(struct reading *);
/* The whole range lies in one file: its descriptor (the caller's to close, and
 * good beyond read_free) and where the range begins in it; else -1. */
int read_file(struct reading *, uint64_t *offset);
/* Up to n bytes from position at of the range, as many as one file gives; 0 at
 * its end; -1: it broke, errno. */
ssize_t read_at(struct reading *, uint64_t at, uint8_t *p, size_t n);

#endif
