/* SPDX-License-Identifier: ISC
 *
 * Owned bytes with a ceiling.  Bytes are put at the end and dropped from the
 * front.  Going over the ceiling, or over the budget the buffer is charged to,
 * sets bad: later puts do nothing, so an encoder checks once.  Zero bytes with
 * only max set are a valid empty buffer that belongs to no budget. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

/* An account that many buffers are charged to, in bytes of their capacity.
 * Above high the owner should begin to refuse work; max is never passed. */
struct budget {
	size_t used;
	size_t high;
	size_t max;
	uint64_t refused; /* growths refused because of max */
};

struct buf {
	uint8_t *p; /* the first byte held */
	size_t n;   /* bytes held */
	size_t max; /* the most that may be held */
	bool bad;
	uint8_t *mem; /* the allocation; p lies within */
	size_t cap;
	struct budget *budget; /* outlives the buffer; NULL: nobody counts */
};

/* The budget is borrowed for the buffer's life and may be NULL. */
void buf_init(struct buf *, size_t max, struct budget *);
/* Gives the memory back; the buffer is empty, not bad, and may be used. */
void buf_free(struct buf *);
/* As buf_free, and overwrites the bytes first: for secrets. */
void buf_wipe(struct buf *);

struct slice buf_slice(const struct buf *);
/* Room for n more bytes at the end, or NULL and bad.  The pointer is good
 * until the next call that puts; buf_added says how many were written. */
uint8_t *buf_room(struct buf *, size_t n);
void buf_added(struct buf *, size_t n);
/* Forget the first n bytes, or all but the first n. */
void buf_drop(struct buf *, size_t n);
void buf_cut(struct buf *, size_t n);
/* Return what memory an empty or mostly empty buffer does not need. */
void buf_trim(struct buf *);

void put_u8(struct buf *, uint8_t v);
void put_u16(struct buf *, uint16_t v);
void put_u32(struct buf *, uint32_t v);
void put_u64(struct buf *, uint64_t v);
void put_varint(struct buf *, uint64_t v);
void put_bytes(struct buf *, const void *p, size_t n);
void put_slice(struct buf *, struct slice);
void put_text(struct buf *, const char *text);

size_t varint_size(uint64_t v);

#endif
