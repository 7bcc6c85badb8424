/* SPDX-License-Identifier: ISC
 *
 * Protobuf by table.  One list of fields yields a struct and its table, so
 * that they cannot drift:
 *
 *	#define KAD_MSG(F, T)                                 \
 *		F(T, UINT,  1, type,   0,          0)         \
 *		F(T, BYTES, 2, key,    0,          64)        \
 *		F(T, MSG_N, 8, closer, kad_peer,   20)
 *	PB_DECLARE(kad_msg, KAD_MSG)     in a header
 *	PB_DEFINE(kad_msg, KAD_MSG)      in one .c
 *
 * Columns: kind, field number, name, the message type for MSG and MSG_N, the
 * most: bytes of a BYTES (0: no limit but the input's), elements of an _N.
 * Single fields have a bool has_NAME, repeated ones a size_t n_NAME.
 *
 * Decoding does not allocate: bytes borrow from the input.  Unknown fields are
 * skipped, a second value of a single field replaces the first, repeated
 * elements beyond the most are counted in dropped and left out.  Refused: an
 * over-long varint, a wrong wire type for a known field, groups, a BYTES
 * longer than its most, more than PB_DEPTH messages inside one another.
 * Encoding writes fields in the order of the list (so lists are ordered by
 * field number and the result is canonical), and only those with has_NAME. */
#ifndef WIRE_PB_H
#define WIRE_PB_H

#include "base/buf.h"

enum { PB_DEPTH = 8 };

enum pb_kind {
	PB_UINT,    /* uint64_t: varint (uint, int, bool, enum) */
	PB_FIXED64, /* uint64_t: little-endian eight bytes */
	PB_BYTES,   /* struct slice: bytes, string */
	PB_MSG,     /* struct of another list */
	PB_UINT_N,  /* repeated, packed or not when read, not packed written */
	PB_BYTES_N,
	PB_MSG_N,
};

struct pb_desc;

struct pb_row {
	enum pb_kind kind;
	uint32_t number;
	size_t offset;             /* of the value or the first element */
	size_t has;                /* of has_NAME or n_NAME */
	size_t size;               /* of one element */
	const struct pb_desc *of;  /* for MSG and MSG_N */
	size_t most;
	const char *name;
};

struct pb_desc {
	const char *name;
	const struct pb_row *rows;
	size_t n;
	size_t size; /* of the struct */
};

/* Fill msg from all of in: what is absent is zero, elements beyond n_NAME are
 * left as they were.  0, or -1: malformed, and msg is to
 * be ignored.  *dropped (may be NULL) counts repeated elements left out. */
int pb_decode(const struct pb_desc *, struct slice in, void *msg,
    size_t *dropped);
/* Make it empty: as zeroing it, but for the elements of repeated fields, which
 * are many; clear each when it is added. */
void pb_clear(const struct pb_desc *, void *msg);
/* Append msg to out; out->bad when it does not fit. */
void pb_encode(const struct pb_desc *, const void *msg, struct buf *out);
size_t pb_size(const struct pb_desc *, const void *msg);

/* With a varint of the length in front, as most libp2p streams carry it. */
void pb_encode_framed(const struct pb_desc *, const void *msg, struct buf *out);

#define PB_MEMBER_UINT(name, of, most)    bool has_##name; uint64_t name;
#define PB_MEMBER_FIXED64(name, of, most) bool has_##name; uint64_t name;
#define PB_MEMBER_BYTES(name, of, most)   bool has_##name; struct slice name;
#define PB_MEMBER_MSG(name, of, most)     bool has_##name; struct of name;
#define PB_MEMBER_UINT_N(name, of, most)  size_t n_##name; uint64_t name[most];
#define PB_MEMBER_BYTES_N(name, of, most)                                     \
	size_t n_##name; struct slice name[most];
#define PB_MEMBER_MSG_N(name, of, most)   size_t n_##name; struct of name[most];
#define PB_MEMBER(T, kind, number, name, of, most)                            \
	PB_MEMBER_##kind(name, of, most)

#define PB_ROW_ONE(T, k, number, name, desc, most)                            \
	{ k, number, offsetof(struct T, name), offsetof(struct T, has_##name),\
	    sizeof(((struct T *)0)->name), desc, most, #name },
#define PB_ROW_MANY(T, k, number, name, desc, most)                           \
	{ k, number, offsetof(struct T, name), offsetof(struct T, n_##name),  \
	    sizeof(((struct T *)0)->name[0]), desc, most, #name },
#define PB_ROW_UINT(T, nr, name, of, m)                                       \
	PB_ROW_ONE(T, PB_UINT, nr, name, NULL, m)
#define PB_ROW_FIXED64(T, nr, name, of, m)                                    \
	PB_ROW_ONE(T, PB_FIXED64, nr, name, NULL, m)
#define PB_ROW_BYTES(T, nr, name, of, m)                                      \
	PB_ROW_ONE(T, PB_BYTES, nr, name, NULL, m)
#define PB_ROW_MSG(T, nr, name, of, m)                                        \
	PB_ROW_ONE(T, PB_MSG, nr, name, &of##_desc, m)
#define PB_ROW_UINT_N(T, nr, name, of, m)                                     \
	PB_ROW_MANY(T, PB_UINT_N, nr, name, NULL, m)
#define PB_ROW_BYTES_N(T, nr, name, of, m)                                    \
	PB_ROW_MANY(T, PB_BYTES_N, nr, name, NULL, m)
#define PB_ROW_MSG_N(T, nr, name, of, m)                                      \
	PB_ROW_MANY(T, PB_MSG_N, nr, name, &of##_desc, m)
#define PB_ROW(T, kind, number, name, of, most)                               \
	PB_ROW_##kind(T, number, name, of, most)

#define PB_DECLARE(T, LIST)                                                   \
	struct T { LIST(PB_MEMBER, T) };                                      \
	extern const struct pb_desc T##_desc;
#define PB_DEFINE(T, LIST)                                                    \
	static const struct pb_row T##_rows[] = { LIST(PB_ROW, T) };          \
	const struct pb_desc T##_desc = { #T, T##_rows,                       \
	    sizeof T##_rows / sizeof *T##_rows, sizeof(struct T) };

#endif
