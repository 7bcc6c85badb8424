/* SPDX-License-Identifier: ISC
 *
 * Borrowed bytes with a reading cursor.  A slice never owns what it points to
 * and does not outlive the call it is given to, unless a header says so.
 * Reading takes from the front.  Reading past the end sets bad, empties the
 * slice and yields zero: a decoder reads everything and checks bad once.
 * Integers are big-endian; varints are unsigned LEB128 as multiformats has
 * them: at most nine bytes, and minimal, or bad is set. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const uint8_t *p;
	size_t n;
	bool bad;
};

struct slice slice_of(const void *p, size_t n);
struct slice slice_text(const char *text);
bool slice_eq(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *text);
/* Below, at or above zero, in the order of bytes; a beginning comes first. */
int slice_order(struct slice a, struct slice b);
/* Without those bytes of blanks that stand at its ends. */
struct slice slice_trim(struct slice, const char *blanks);

uint8_t get_u8(struct slice *);
uint16_t get_u16(struct slice *);
uint32_t get_u32(struct slice *);
uint64_t get_u64(struct slice *);
uint64_t get_varint(struct slice *);
/* The next n bytes, borrowed from the same owner. */
struct slice get_bytes(struct slice *, size_t n);

/* Is there a whole varint at the front?  1: yes, in *value, and *used bytes
 * long; 0: more bytes are needed; -1: over-long or not minimal. */
int peek_varint(struct slice, uint64_t *value, size_t *used);

#endif
